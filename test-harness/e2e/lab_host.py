"""A whole Debian machine: Exim unpacked over this machine's files, in a namespace without a network.

Nothing in it knows of a sandbox: Debian's paths, root, port 25, update-exim4.conf, and batvctl as it is installed.
All of it is in memory, and vanishes with the namespace.  Root only.
"""

import re
import shlex
import subprocess
from pathlib import Path

from lab_base import BUILD, TOP, LabError, needs_root, skip, tail, wait_until
from lab_debian import module, packages

START = """\
set -e
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir lower upper work root
cp -a "$2/." lower/
mkdir -p lower/usr/lib
if [ -d lower/lib ]; then cp -a lower/lib/. lower/usr/lib/; rm -rf lower/lib; fi
mount -t overlay overlay -o lowerdir="$1/lower:/",upperdir="$1/upper",workdir="$1/work" root
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
ip link set lo up
for user in Debian-exim:399 batv:398 alice:1500; do
    echo "${user%%:*}:x:${user#*:}:${user#*:}::/:/usr/sbin/nologin" >>root/etc/passwd
    echo "${user%%:*}:x:${user#*:}:" >>root/etc/group
done
cp -a "$3/." root/
chown -R 0:0 root/usr/share/exim-batv root/etc/exim-batv root/usr/lib/exim4 root/usr/sbin/batvctl root/usr/sbin/batvd
chown -R 0:0 root/etc/exim4 root/etc/mailname root/etc/aliases
install -d -o 399 -g 399 root/var/spool/exim4 root/var/log/exim4 root/run/exim4
install -d root/var/lib/exim4
mkdir -p root/var/mail
chmod 1777 root/var/mail
install -d -o 398 -g 399 -m 2750 root/var/lib/exim-batv
hostname mx1.example.com
cp /dev/null root/tmp/ready
exec chroot root tail -f /dev/null
"""

SETTINGS = {"eximconfig_configtype": "smarthost", "other_hostnames": "example.com;example.org", "local_interfaces": "127.0.0.1",
            "readhost": "", "relay_domains": "", "minimaldns": "false", "relay_nets": "", "smarthost": "127.0.0.2",
            "use_split_config": "false", "hide_mailname": "false", "mailname_in_oh": "true", "localdelivery": "mail_spool"}


class Host:
    """The machine.  run() runs a command line in it, as root; write() and read() use paths in it.

    FLAVOUR is heavy or light; SETTINGS go to update-exim4.conf.conf.  Exim's daemon and batvd run, unless START is
    false.  Exim loads the batv.so of its series.
    """

    def __init__(self, lab, flavour="heavy", version="4.96", name="host", start=True, **settings):
        needs_root("a machine of its own")
        if subprocess.run(["unshare", "-m", "-n", "-u", "-p", "--fork", "true"], capture_output=True).returncode:
            skip("a machine of its own needs namespaces, which this machine does not give")
        self.lab, self.name = lab, name
        self.dir = lab.mkdir(name, user="root")
        place, extra = lab.mkdir(name, "place", user="root"), lab.mkdir(name, "extra", user="root")
        self._install(extra, version, {**SETTINGS, **settings})
        script = lab.write(self.dir / "start", START)
        self.keeper = lab.spawn(f"{name}-keeper", ["unshare", "-m", "-n", "-u", "-p", "--fork", "--kill-child", "sh", script,
                                                   place, packages(flavour, version), extra], user="root")
        lab.on_close(self.keeper.kill)
        self.pid = wait_until(self._first, 20, lambda: f"the machine to start: {self.keeper.output()}")
        lab.add_report(lambda: (f"{name}, mainlog", self.log()[-25:]))
        self.run("update-exim4.conf")
        if start:
            self.start_batvd()
            self.start_exim()

    def _install(self, extra, version, settings):
        """What the packages and debconf would put there."""
        files = {"usr/sbin/batvctl": BUILD / "batvctl", "usr/sbin/batvd": BUILD / "batvd",
                 "usr/lib/exim4/local_scan/batv.so": module(version), "etc/exim-batv/exim-batv.conf":
                 TOP / "packaging/exim-batv.conf"}
        for to, source in files.items():
            (extra / to).parent.mkdir(parents=True, exist_ok=True)
            (extra / to).write_bytes(Path(source).read_bytes())
            (extra / to).chmod(0o755 if "sbin" in to else 0o644)
        subprocess.run(["cp", "-R", TOP / "exim-snippets", extra / "usr/share-snippets"], check=True)
        (extra / "usr/share/exim-batv").mkdir(parents=True)
        (extra / "usr/share-snippets").rename(extra / "usr/share/exim-batv/snippets")
        (extra / "etc/exim4").mkdir()
        (extra / "etc/exim4/update-exim4.conf.conf").write_text(
            "".join(f"dc_{k}='{v}'\n" for k, v in settings.items()) + "CFILEMODE='644'\n")
        (extra / "etc/mailname").write_text("example.com\n")
        (extra / "etc/aliases").write_text("postmaster: root\nroot: alice\n")
        for path in [extra, *extra.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))

    def _first(self):
        """The first process in there, once it has done all that START says."""
        if not self.keeper.alive():
            raise LabError(f"the machine did not start:\n{self.keeper.output()}")
        children = Path(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children").read_text().split()
        return children and Path(f"/proc/{children[0]}/root/tmp/ready").exists() and \
            Path(f"/proc/{children[0]}/comm").read_text().strip() == "tail" and int(children[0])

    def path(self, path):
        """Where a path of the machine is for us."""
        return Path(f"/proc/{self.pid}/root{path}")

    def inside(self, *argv):
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-u", "-p", "-r", "-w", *map(str, argv)]

    def run(self, line, check=True, user=None, timeout=120, input=None, tty=False):
        """Run a command line of a shell; the CompletedProcess has both outputs in stdout."""
        line = f"cd /; exec 2>&1; {line}"
        argv = self.inside(*(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []),
                           "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TZ=UTC", "sh", "-c", line)
        if tty:
            argv = ["script", "-qec", shlex.join(argv), "/dev/null"]
        done = subprocess.run(argv, text=True, capture_output=True, timeout=timeout, input=input,
                              **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        if check and done.returncode:
            raise LabError(f"{line}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def read(self, path):
        return self.path(path).read_text(errors="replace")

    def write(self, path, text, mode=0o644):
        self.path(path).write_text(text)
        self.path(path).chmod(mode)

    def start_batvd(self):
        self.batvd = self.lab.spawn(f"{self.name}-batvd", self.inside("/usr/sbin/batvd", "-f"), user="root")
        wait_until(lambda: self.path("/var/lib/exim-batv/state").exists(), 15,
                   lambda: f"batvd's state: {self.batvd.output()}")

    def start_exim(self):
        self.run("exim4 -bd -oX 25 -oP /run/exim4/exim.pid")
        wait_until(lambda: "daemon started" in "\n".join(self.log()), 15, "Exim's daemon")

    def log(self):
        return tail(self.path("/var/log/exim4/mainlog"), 400)

    def configuration(self):
        """All that Exim's configuration consists of: {path: (mode, owner, group, content)}."""
        found = {}
        for path in [*self.path("/etc/exim4").rglob("*"), self.path("/var/lib/exim4/config.autogenerated")]:
            st = path.lstat()
            content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[re.sub(r"^/proc/\d+/root", "", str(path))] = (st.st_mode, st.st_uid, st.st_gid, content)
        return found

    def ctl(self, line, code=0, **run):
        """batvctl LINE; its output.  It must end with CODE."""
        done = self.run(f"batvctl {line}", check=False, **run)
        if done.returncode != code:
            raise LabError(f"batvctl {line}: status {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout
