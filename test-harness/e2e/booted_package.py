"""The Debian package and Exim under systemd: test-harness/builds prepares the machine BATV_MACHINE, and runs this."""

import os
import re

from lab import *
from lab_machine import Machine

CONFIG = "/etc/exim-batv/exim-batv.conf"
COLLECTOR = "/var/lib/prometheus/node-exporter"


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

    def test_notify(self):
        """Exim takes the message from the service, and delivers it as root in a process that the service does not end."""
        self.machine.sh(f"useradd -m bob; cp {CONFIG} /saved; echo 'notify = bob@ours.test' >>{CONFIG}")
        self.machine.sh("cd /var/lib/exim-batv; printf 'exim-batv notified 1\\ngone.test refuses 1000000000\\n' >notified; chown batv notified")
        for _ in range(2):
            self.machine("systemctl", "start", "batv-notify.service")
            assert self.machine.show("Result", "NRestarts", unit="batv-notify.service")["Result"] == "success"
        read = lambda: self.machine.sh("cat /var/mail/bob 2>/dev/null || :").stdout
        wait_until(lambda: "gone.test no longer refuses forged bounces" in read(), 20, "the message in bob's mailbox")
        wait_until(lambda: not self.machine.sh("exim4 -bpc").stdout.strip().strip("0"), 20, "an empty queue")
        assert read().count("\nAuto-Submitted: auto-generated\n") == 1, read()
        said = self.machine.journal("batv-notify.service")
        assert not any("batvctl" in line or "exim" in line.lower().replace("exim-batv", "") for line in said), said
        log = self.machine.sh("cat /var/log/exim4/mainlog; cat /var/log/exim4/paniclog 2>/dev/null || :").stdout
        assert re.search(r" <= root@ours\.test U=root P=local ", log) and re.search(r" => bob <bob@ours\.test> R=local_user T=mail_spool", log), log
        assert "ermission denied" not in log and "Failed to" not in log, log
        self.machine.sh(f"cp /saved {CONFIG}")

    def test_metrics(self):
        """The timer is off until somebody enables it; then the file is there within a minute."""
        enabled = lambda: self.machine("systemctl", "is-enabled", "batv-metrics.timer", check=False).stdout
        assert enabled() == "disabled\n" and self.machine.show("ActiveState", unit="batv-metrics.timer") == "inactive"
        self.machine.sh(f"mkdir -p {COLLECTOR}; systemctl enable --now batv-metrics.timer")
        wait_until(lambda: self.machine("test", "-e", f"{COLLECTOR}/batv.prom", check=False).returncode == 0, 100, "batv.prom", interval=0.5)
        text = self.machine.sh(f"cat {COLLECTOR}/batv.prom").stdout
        assert "\nbatv_daemon_up 1\n" in text and "\nbatv_state_usable 1\n" in text and "\nbatv_problems 0\n" in text, text
        assert enabled() == "enabled\n"

    def test_an_upgrade_restarts_it(self):
        before = self.machine.show("MainPID")
        self.dpkg("-i", "/exim4-batv.deb")
        self.active()
        assert self.machine.show("MainPID") not in ("0", before)
        assert self.machine.show("ActiveState", unit="batv-metrics.timer") == "active"

    def test_removed(self):
        self.dpkg("-r", "exim4-batv")
        assert self.machine.show("ActiveState") == self.machine.show("ActiveState", unit="batv-metrics.timer") == "inactive"
        assert self.machine.sh(f"ls -A {COLLECTOR}").stdout == ""
        self.dpkg("-P", "exim4-batv")
        assert self.machine.show("LoadState") == "not-found"
        left = self.machine.sh("find /etc /usr /var/lib -path /usr/share/doc -prune -o -name '*batv*' ! -path '*/dpkg/*' -print").stdout
        assert not left, left
        failed = self.machine("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout
        assert not failed, failed
        assert self.machine.show("ActiveState", unit="exim4") == "active"
