"""A machine of its own: an init of Debian's boots in namespaces, from packages that are unpacked and never installed."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from lab_base import BUILD, TOP, LabError, needs_root, tail, tool, wait_until
from lab_debian import in_archive

# No more than each Debian has: procps, for one, may be missing.
BASE = ("base-files", "base-passwd", "bash", "coreutils", "dash", "grep", "mount", "sed", "sysvinit-utils", "util-linux")
# The packages of each init, and its first process.
INITS = {"systemd": ((*BASE, "systemd"), "/lib/systemd/systemd"),
         "sysvinit": ((*BASE, "sysvinit-core", "dpkg", "passwd", "procps", "openrc"), "/sbin/init")}

# Everything that it mounts goes with its namespace.  All writing is to a tmpfs.
BOOT = """
set -e
mount -t tmpfs -o size=256m tmpfs "$2"
mkdir "$2/changes" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/changes,workdir=$2/work" "$2/root"
cd "$2/root"
mkdir -p proc sys run dev mnt
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
mkdir dev/pts dev/shm
for device in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 dev/tty c 5 0
mount -t devpts devpts dev/pts
ln -s pts/ptmx dev/ptmx
pivot_root . mnt
exec chroot . /bin/sh -c 'umount -l /mnt; exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin '"$3"
"""


def codename():
    return re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.M)[1]


def machine_root(init):
    """The unpacked packages: of the Debian that this machine runs, for its libc is that of our programs."""
    directory = BUILD / "machines" / init
    if not (directory / ".fetched").exists():
        in_archive(init, tool, "fetch", "deb", "--series", codename(), directory, *INITS[init][0])
    return directory / "root"


def add_libraries(layer, root, *programs):
    """The libraries of our programs, as this machine has them, where ROOT lacks them."""
    for program in programs:
        listed = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
        for path in re.findall(r"=> (/\S+)", listed):
            real = Path(path).resolve()
            target = layer / "usr/lib" / real.parent.name / Path(path).name
            if not any((root / place / real.parent.name / Path(path).name).exists() for place in ("lib", "usr/lib")):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(real, target)


class Machine:
    """Debian with systemd or sysvinit, and what `make install` puts there with VARIABLES; systemd starts batvd.

    With ROOT, it is the Debian in that directory as it is.
    """

    def __init__(self, lab, init="systemd", *variables, root=None):
        needs_root(f"booting {init}")
        self.lab, self.init, self.first = lab, init, "0"
        self._boot(root or self._furnish(machine_root(init), variables))

    def _furnish(self, root, variables):
        """The directories of the machine, the first one above the others."""
        layer = self.layer = self.lab.mkdir("layer", user="root")
        for name in ("passwd", "group"):
            text = (root / f"usr/share/base-passwd/{name}.master").read_text()
            self.put(f"etc/{name}", text + ("Debian-exim:x:200:\n" if name == "group" else ""))
        self.put("etc/machine-id", "")
        self.put("etc/inittab", "id:2:initdefault:\n")
        done = subprocess.run(["make", "--no-print-directory", "-o", "all", "install", f"DESTDIR={layer}", "PREFIX=/usr",
                               "EXIM_GROUP=Debian-exim", f"BUILD={BUILD}", *variables], cwd=TOP, capture_output=True,
                              text=True, timeout=60)
        if done.returncode:
            raise LabError(f"make install: {done.stdout}{done.stderr}")
        add_libraries(layer, root, BUILD / "batvd", BUILD / "batvctl")
        wants = layer / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True)
        (wants / "batvd.service").symlink_to("/usr/lib/systemd/system/batvd.service")
        return f"{layer}:{root}"

    def _boot(self, lower):
        place = self.lab.mkdir("machine", user="root")
        process = self.lab.spawn("machine", ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--fork",
                                             "--kill-child", "--propagation", "private", "sh", "-c", BOOT, "boot", lower, place,
                                             INITS[self.init][1]], user="root")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        name = INITS[self.init][1].rpartition("/")[2]

        def ended():
            # SIGTERM would make systemd start again, and unshare waits for it
            if self.first != "0" and process.alive():
                os.kill(int(self.first), signal.SIGKILL)

        def booted():
            if not process.alive():
                raise LabError(f"{self.init} does not boot: " + "\n".join(tail(process.output_path)))
            self.first = children.read_text().strip() or "0"
            # until then, its root is this machine's
            return self.first != "0" and Path(f"/proc/{self.first}/comm").read_text().strip() == name and self._ready()
        self.lab.on_close(ended)
        wait_until(booted, 60, f"{self.init} to boot")
        self.lab.add_report(lambda: ("journal", self.journal()[-30:] if process.alive() else []))

    def _ready(self):
        if self.init == "systemd":
            return self("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")
        return self("test", "-p", "/run/initctl", check=False).returncode == 0

    def put(self, path, text, mode=0o644):
        """A file of the machine, before it boots."""
        path = self.layer / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def __call__(self, *argv, check=True, timeout=30):
        """Run a command on the machine, as its root."""
        return self.lab.run(["nsenter", "-t", self.first, "-m", "-n", "-u", "-i", "-p", "-C", "-r", "-w", "--", *argv],
                            user="root", check=check, timeout=timeout)

    def sh(self, script, check=True):
        return self("/bin/sh", "-ec", script, check=check)

    def show(self, *names, unit="batvd"):
        """Properties of a unit."""
        text = self("systemctl", "show", unit, *(f"-p{name}" for name in names)).stdout
        values = dict(line.split("=", 1) for line in text.splitlines())
        return values[names[0]] if len(names) == 1 else values

    def journal(self, unit="batvd"):
        return self("journalctl", "-u", unit, "-o", "cat", "--no-pager", check=False).stdout.splitlines()
