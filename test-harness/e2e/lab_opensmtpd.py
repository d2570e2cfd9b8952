"""*Theirs*, another one: an OpenSMTPD unpacked from its package, never installed.

Its paths and users are compiled in.  So it lives in a namespace of its own, in a root directory
that lays the package over this machine's, which stays as it is; all of that vanishes with it.
"""

import os
import re
import subprocess

from lab_base import BUILD, LabError, needs_root, skip, tail, tool, wait_until

CONFIG = """\
listen on {address} port {port} hostname {hostname}
action "next" relay host smtp://{next_hop[0]}:{next_hop[1]} src {address} helo {hostname}
action "home" relay host smtp://{relayhost[0]}:{relayhost[1]} src {address} helo {hostname}
match from any for domain "{domain}" action "next"
match from any for any action "home"
"""

# All layers on a tmpfs: an overlay on the root's own file system may not be had.
START = """\
set -e
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir lower upper work root
cp -a "$2/." lower/
mkdir -p lower/usr/lib
cp -a lower/lib/. lower/usr/lib/        # /lib is a link in the lower one
rm -rf lower/lib
mount -t overlay overlay -o lowerdir="$1/lower:/",upperdir="$1/upper",workdir="$1/work" root
mount -t proc proc root/proc
mount --rbind /dev root/dev
for user in opensmtpd:399 opensmtpq:398
do
    echo "${user%%:*}:x:${user#*:}:${user#*:}::/var/lib/opensmtpd/empty:/bin/false" >> root/etc/passwd
    echo "${user%%:*}:x:${user#*:}:" >> root/etc/group
done
cp "$3" root/etc/smtpd.conf
chown root:root root/etc/smtpd.conf
mkdir -p -m 711 root/var/spool/smtpd
exec chroot root /usr/sbin/smtpd -d
"""


class OpenSmtpd:
    """An OpenSMTPD of the domain DOMAIN, on ADDRESS.

    It hands mail for its domain on to NEXT_HOP, and everything else to RELAYHOST; both are
    (address, port).  What the next hop refuses it bounces.  Root only.
    """

    def __init__(self, lab, name="opensmtpd", address="127.0.0.2", port=None, domain="opensmtpd.test",
                 next_hop=("127.0.0.3", 25), relayhost=("127.0.0.1", 25), start=True):
        needs_root("OpenSMTPD")
        if subprocess.run(["unshare", "-m", "-p", "--fork", "true"], capture_output=True).returncode:
            skip("OpenSMTPD needs a namespace of its own, which this machine does not give")
        self.lab, self.name, self.address, self.domain = lab, name, address, domain
        self.port = port or lab.port(address)
        self.root = BUILD / "opensmtpd" / "root"
        if not (BUILD / "opensmtpd" / ".fetched").exists():
            tool("fetch", "deb", BUILD / "opensmtpd", "opensmtpd")
        self.dir = lab.mkdir(name, user="root")
        self.daemon = None
        lab.write(self.dir / "smtpd.conf", CONFIG.format(address=address, port=self.port, hostname=f"mx.{domain}",
                                                         domain=domain, next_hop=next_hop, relayhost=relayhost))
        lab.add_report(lambda: (f"{name}, log", tail(self.log_path, 25)))
        if start:
            self.start()

    @property
    def log_path(self):
        return self.lab.dir / f"{self.name}.output"

    def route(self):
        """For a manualroute's route_list: address::port."""
        return f"{self.address}::{self.port}"

    def start(self):
        """Start it in the foreground; wait until it listens."""
        place = self.lab.mkdir(self.name, "place", user="root")
        script = self.lab.write(self.dir / "start", START)
        self.daemon = self.lab.spawn(
            self.name, ["unshare", "-m", "-p", "--fork", "--kill-child", "sh", script, place, self.root,
                        self.dir / "smtpd.conf"], user="root")

        def listening():
            if not self.daemon.alive():
                raise LabError(f"{self.name} did not start:\n{self.daemon.output()}")
            return listens(self.address, self.port)
        wait_until(listening, 20, f"{self.name} to start")
        self.lab.on_close(self.stop)
        return self

    def stop(self):
        """The namespace ends with its first process, at once: unshare itself ignores SIGTERM."""
        if self.daemon:
            self.daemon.kill()
            self.daemon = None

    def log(self, pattern=None):
        """Lines of the log; with PATTERN those that a regular expression finds."""
        lines = self.daemon.output().splitlines() if self.daemon else []
        return [line for line in lines if pattern is None or re.search(pattern, line)]


def listens(address, port):
    """Does somebody listen there?  Asked without connecting."""
    octets = bytes(map(int, address.split(".")))[::-1].hex().upper()
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(line.split()[1:4:2] == [f"{octets}:{port:04X}", "0A"] for line in table)
