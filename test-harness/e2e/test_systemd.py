"""The unit, in a machine that systemd has booted: what an administrator sees, and what happens to a batvd that is ill."""

import re

from lab import *
from lab_machine import Machine

CONFIG = "/etc/exim-batv/exim-batv.conf"
STATE = "/var/lib/exim-batv"
# The watchdog and a restart, without waiting for minutes.
IMPATIENT = "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n"
EXPOSURE = 0.6
NOTIFY_EXPOSURE = 7.5      # it runs as root, and Exim delivers from it
METRICS_EXPOSURE = 1.5     # root's user, with one of root's rights
COLLECTOR = "/var/lib/prometheus/node-exporter"


class TestUnit:
    def setup(self):
        self.machine = Machine(self.lab)
        self.pid = self.machine.show("MainPID")

    def wait(self, condition, what, seconds=30):
        return wait_until(condition, seconds, what, interval=0.1)

    def status(self):
        return self.machine.show("StatusText")

    def another(self):
        """Another batvd than before is ready."""
        def there():
            now = self.machine.show("ActiveState", "MainPID")
            return now["ActiveState"] == "active" and now["MainPID"] not in ("0", self.pid) and now["MainPID"]
        self.pid = self.wait(there, "another batvd")

    def write(self, text):
        self.machine.sh(f"printf '%b' '{text}' >{CONFIG}")

    def restart(self):
        self.machine("systemctl", "restart", "batvd")
        self.another()

    def test_it_runs_and_says_what_it_does(self):
        assert self.machine.show("ActiveState", "SubState", "Type") == {
            "ActiveState": "active", "SubState": "running", "Type": "notify"}
        assert re.fullmatch(r"state \d+ with \d+ keys is published", self.status()), self.status()
        assert any(line.startswith("ready, version ") for line in self.machine.journal()), self.machine.journal()
        failed = self.machine("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout
        assert not failed, failed

    def test_user_and_directory_are_made_at_boot(self):
        """sysusers.d and tmpfiles.d; umask of the unit or not, Exim's group can read."""
        said = self.machine.sh(f"cd {STATE}; stat -c '%n %a %U:%G' . secret state memory; id -Gn batv").stdout.splitlines()
        assert said == [". 2750 batv:Debian-exim", "secret 600 batv:Debian-exim", "state 640 batv:Debian-exim",
                        "memory 660 batv:Debian-exim", "batv"], said
        assert self.machine.sh(f"stat -c %U /proc/{self.pid}").stdout.strip() in ("batv", "root")    # not dumpable
        assert self.machine.show("User") == "batv"

    def test_reload(self):
        serial = self.status()
        self.machine("systemctl", "reload", "batvd")
        self.wait(lambda: self.status() != serial, "a new state")
        assert self.machine.show("MainPID") == self.pid

    def test_reload_with_a_wrong_file_fails(self):
        self.write("grace = never\\n")
        done = self.machine("systemctl", "reload", "batvd", check=False)
        assert done.returncode == 1, done
        self.wait(lambda: self.status().startswith("degraded, using the last good configuration: "), "degraded")
        assert f"{CONFIG}:1: grace: " in self.status()
        assert any(line.startswith(f"batvctl: {CONFIG}:1: grace: ") for line in self.machine.journal()), self.machine.journal()
        assert self.machine.show("ActiveState", "MainPID") == {"ActiveState": "active", "MainPID": self.pid}
        self.write("")
        self.machine("systemctl", "reload", "batvd")
        self.wait(lambda: self.status().startswith("state "), "in order again")

    def test_it_starts_with_the_last_good_policies(self):
        """A wrong, a missing and an unreadable file: RestartPreventExitStatus does not get in the way."""
        for damage in (f"echo nonsense >{CONFIG}", f"rm {CONFIG}", f"echo >{CONFIG}; chmod 600 {CONFIG}"):
            self.machine.sh(damage)
            self.restart()
            assert self.status().startswith("degraded, using the last good configuration: "), (damage, self.status())
            self.machine.sh(f"rm -f {CONFIG}; echo >{CONFIG}; chmod 644 {CONFIG}")
            self.wait(lambda: self.status().startswith("state "), "in order again")

    def test_a_killed_one_is_started_again(self):
        self.impatient()
        before = int(self.machine.show("NRestarts"))
        self.machine.sh(f"kill -9 {self.pid}")
        self.another()
        assert int(self.machine.show("NRestarts")) == before + 1

    def test_a_stopped_one_is_started_again(self):
        """And one that is well is not, for it looks as often as the watchdog wants."""
        self.impatient()
        before = self.machine.show("WatchdogTimestampMonotonic")
        self.wait(lambda: int(self.machine.show("WatchdogTimestampMonotonic")) > int(before) + 2_500_000,
                  "more than one watchdog's time")
        assert self.machine.show("MainPID") == self.pid
        self.machine.sh(f"kill -STOP {self.pid}")
        self.another()
        assert any("Watchdog timeout" in line for line in self.machine.journal()), self.machine.journal()

    def impatient(self):
        self.machine.sh(f"mkdir -p /run/systemd/system/batvd.service.d; printf '{IMPATIENT}' "
                        ">/run/systemd/system/batvd.service.d/lab.conf; systemctl daemon-reload")
        self.restart()

    def test_nothing_to_go_on_with(self):
        """No state and a wrong file: it fails once, and says why; the file corrected, it starts."""
        self.machine.sh(f"systemctl stop batvd; rm {STATE}/state; echo nonsense >{CONFIG}")
        assert self.machine("systemctl", "start", "batvd", check=False).returncode == 1
        now = self.machine.show("ActiveState", "ExecMainStatus", "NRestarts")
        assert now == {"ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"}, now
        assert any(line.startswith(f"{CONFIG}:1: ") for line in self.machine.journal()[-4:]), self.machine.journal()
        self.write("")
        self.machine("systemctl", "start", "batvd")
        self.another()

    def test_notify(self):
        """Without an address its service does nothing, and logs nothing; what is wrong is in the journal."""
        start = lambda: self.machine("systemctl", "start", "batv-notify.service", check=False).returncode
        assert start() == 0 and self.machine.journal("batv-notify.service") == [], self.machine.journal("batv-notify.service")
        self.write("notify = nobody\n")
        assert start() == 1
        said = self.machine.journal("batv-notify.service")
        assert any("notify: expected an address such as postmaster@example.com" in line for line in said), said
        self.write("")
        assert start() == 0
        self.machine("systemctl", "enable", "--now", "batv-notify.timer")
        assert self.machine.show("ActiveState", "NextElapseUSecRealtime", unit="batv-notify.timer")["ActiveState"] == "active"
        # no other part of the machine than what a delivery needs; root it must be
        said = self.machine("systemd-analyze", "verify", "--man=no", "batv-notify.service", "batv-notify.timer", check=False)
        assert said.returncode == 0 and not said.stderr, said
        self.confined("batv-notify", NOTIFY_EXPOSURE)

    def test_notify_leaves_exim_alone(self):
        """Exim delivers in a process of its own, which goes on when the service has ended."""
        exim = ("#!/bin/sh\\ncat >/run/queued\\n"
                "(read go </run/go; mv /run/queued /run/delivered) </dev/null >/dev/null 2>&1 &\\n")
        self.machine.sh(f"printf '{exim}' >/usr/sbin/exim4; chmod 755 /usr/sbin/exim4; mkfifo /run/go")
        self.machine.sh(f"printf 'exim-batv notified 1\\ngone.test refuses 1000000000\\n' >{STATE}/notified; chown batv {STATE}/notified")
        self.write("notify = postmaster@example.com\\n")
        before = self.machine.journal("batv-notify.service")
        self.machine("systemctl", "start", "batv-notify.service")
        assert self.machine.show("ActiveState", "Result", unit="batv-notify.service") == {"ActiveState": "inactive", "Result": "success"}
        new = [line for line in self.machine.journal("batv-notify.service") if line not in before]
        assert not any("gone.test" in line or "batvctl" in line for line in new), new
        self.machine.sh("echo >/run/go")
        self.wait(lambda: self.machine("test", "-e", "/run/delivered", check=False).returncode == 0, "the delivery")
        mail = self.machine.sh("cat /run/delivered").stdout
        assert "\nAuto-Submitted: auto-generated\n" in mail and "gone.test no longer refuses forged bounces" in mail, mail
        self.machine.sh("rm /usr/sbin/exim4")
        self.write("")

    def test_metrics(self):
        """Off by default; without a collector nothing happens; with one, the file is whole and everybody's to read."""
        assert self.machine("systemctl", "is-enabled", "batv-metrics.timer", check=False).stdout == "disabled\n"
        self.machine("systemctl", "start", "batv-metrics.service")
        assert self.machine("test", "-e", COLLECTOR, check=False).returncode == 1
        self.machine.sh(f"mkdir -p {COLLECTOR}")
        self.machine("systemctl", "start", "batv-metrics.service")
        assert self.machine.sh(f"cd {COLLECTOR}; ls -A; stat -c '%a %U' batv.prom").stdout == "batv.prom\n644 root\n"
        text = self.machine.sh(f"cat {COLLECTOR}/batv.prom").stdout
        # as root outside sees it: batvd's lock, the secret and the memory can be opened from within
        for line in "batv_daemon_up 1", "batv_state_usable 1", "batv_memory_usable 1", 'batv_outgoing_total{result="signed"} 0':
            assert f"\n{line}\n" in text, text
        problems = self.machine.sh("batvctl metrics").stdout
        assert re.findall(r"batv_problems .*", text) == re.findall(r"batv_problems .*", problems)
        assert re.search(r'batv_secret_info\{fingerprint="[0-9a-f]{16}"\} 1\n', text), text
        assert self.machine.journal("batv-metrics.service") == [], self.machine.journal("batv-metrics.service")
        self.machine.sh(f"rm {COLLECTOR}/batv.prom; mkdir {COLLECTOR}/batv.prom")
        assert self.machine("systemctl", "start", "batv-metrics.service", check=False).returncode == 1
        said = self.machine.journal("batv-metrics.service")
        assert any(f"metrics: {COLLECTOR}/batv.prom: Is a directory" in line for line in said), said
        self.machine.sh(f"rmdir {COLLECTOR}/batv.prom")
        self.machine("systemctl", "enable", "--now", "batv-metrics.timer")
        assert self.machine.show("ActiveState", unit="batv-metrics.timer") == "active"
        self.machine("systemctl", "disable", "--now", "batv-metrics.timer")
        self.machine.sh("systemctl reset-failed")
        self.confined("batv-metrics", METRICS_EXPOSURE)
        said = self.machine("systemd-analyze", "verify", "--man=no", "batv-metrics.service", "batv-metrics.timer", check=False)
        assert said.returncode == 0 and not said.stderr, said

    def confined(self, unit, most):
        said = self.machine("systemd-analyze", "security", "--no-pager", unit).stdout
        exposure = re.search(rf"Overall exposure level for {unit}.service: ([\d.]+)", said)
        assert exposure and float(exposure[1]) <= most, said

    def test_it_is_confined(self):
        self.confined("batvd", EXPOSURE)
        said = self.machine("systemd-analyze", "verify", "--man=no", "batvd.service", check=False)
        assert said.returncode == 0 and not said.stderr, said
