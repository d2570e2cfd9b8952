"""The Debian package and Exim under systemd: test-harness/builds prepares the machine BATV_MACHINE, and runs this."""

import os

from lab import *
from lab_machine import Machine

CONFIG = "/etc/exim-batv/exim-batv.conf"


class TestPackage:
    def setup(self):
        self.machine = Machine(self.lab, root=os.environ["BATV_MACHINE"])

    def test_it_runs_once_it_is_installed(self):
        assert self.machine.show("ActiveState", unit="exim4") == "active"
        self.dpkg("-i", "/exim4-batv.deb")
        self.active()
        assert self.machine("systemctl", "is-enabled", "batvd").stdout == "enabled\n"
        assert self.machine.show("ActiveState", unit="exim4") == "active"

    def dpkg(self, *arguments):
        return self.machine("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *arguments, timeout=90).stdout

    def active(self):
        wait_until(lambda: self.machine.show("ActiveState") == "active" and self.machine.show("StatusText").startswith("state "),
                   20, "batvd to be active")

    def test_a_reload_asks_exim(self):
        self.machine("systemctl", "reload", "batvd")
        assert any("Exim was asked about its lists" in line for line in self.machine.journal())
        self.machine.sh(f"cp {CONFIG} /saved; echo 'domains = +nolist' >>{CONFIG}")
        done = self.machine("systemctl", "reload", "batvd", check=False)
        assert done.returncode == 1, done
        assert any('unknown named domain list "+nolist"' in line for line in self.machine.journal())
        self.active()
        self.machine.sh(f"cp /saved {CONFIG}")

    def test_an_upgrade_restarts_it(self):
        before = self.machine.show("MainPID")
        self.dpkg("-i", "/exim4-batv.deb")
        self.active()
        assert self.machine.show("MainPID") not in ("0", before)

    def test_removed(self):
        self.dpkg("-r", "exim4-batv")
        assert self.machine.show("ActiveState") == "inactive"
        self.dpkg("-P", "exim4-batv")
        assert self.machine.show("LoadState") == "not-found"
        left = self.machine.sh("find /etc /usr /var/lib -path /usr/share/doc -prune -o -name '*batv*' ! -path '*/dpkg/*' -print").stdout
        assert not left, left
        failed = self.machine("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout
        assert not failed, failed
        assert self.machine.show("ActiveState", unit="exim4") == "active"
