"""The scripts for sysvinit and OpenRC, run by the real start-stop-daemon and the real supervise-daemon."""

import re

from lab import *
from lab_machine import Machine

CONFIG = "/etc/exim-batv/exim-batv.conf"
STATE = "/var/lib/exim-batv"
SCRIPT = "/etc/init.d/batvd"
USER = "useradd --system --user-group --no-create-home --home-dir /var/lib/exim-batv --shell /usr/sbin/nologin batv"


class Script:
    init = None

    def setup(self):
        self.machine = Machine(self.lab, "sysvinit", f"INIT={self.init}")
        self.machine.sh(USER)

    def call(self, *words, code=0):
        done = self.machine(SCRIPT, *words, check=False, timeout=90)
        assert done.returncode == code, done
        return done.stdout + done.stderr

    def pids(self):
        return set(self.machine("pgrep", "-x", "batvd", check=False).stdout.split())

    def published(self):
        return self.machine(f"stat", "-c", "%i", f"{STATE}/state", check=False).stdout

    def published_again(self, before):
        wait_until(lambda: self.published() not in ("", before), 20, "a new state")

    def test_it_starts_and_says_so(self):
        self.start()
        wait_until(self.published, 20, "a state")
        self.call("status")
        said = self.machine.sh(f"stat -c '%a %U:%G' {STATE}; ps -o user= -C batvd").stdout.split()
        assert said == ["2750", "batv:Debian-exim", "batv"], said
        before = self.pids()
        self.call("start")
        assert self.pids() == before and len(before) == 1

    def test_reload(self):
        before, pids = self.published(), self.pids()
        self.call("reload")
        self.published_again(before)
        self.machine.sh(f"echo nonsense >{CONFIG}")
        said = self.call("reload", code=1)
        assert f"{CONFIG}:1: " in said, said
        self.machine.sh(f"echo >{CONFIG}")
        assert self.pids() == pids

    def test_restart(self):
        before = self.pids()
        self.call("restart")
        wait_until(lambda: len(self.pids()) == 1, 20, "one batvd")
        assert self.pids() != before

    def test_it_stops(self):
        self.call("stop")
        assert not self.pids()
        self.call("status", code=3)
        self.call("stop")


class TestSysvinit(Script):
    init = "sysvinit"

    def start(self):
        self.machine.sh(f"install -d -o batv -g Debian-exim -m 2750 {STATE}")
        self.call("start")

    def test_force_reload_and_try_restart(self):
        self.call("try-restart")
        assert not self.pids()
        self.call("start")
        before, pids = self.published(), self.pids()
        self.call("force-reload")
        self.published_again(before)
        assert self.pids() == pids
        self.call("try-restart")
        assert self.pids() != pids and len(self.pids()) == 1

    def test_nothing_to_go_on_with(self):
        """A start that fails says why, at once."""
        self.call("stop")
        self.machine.sh(f"rm {STATE}/state; echo nonsense >{CONFIG}")
        said = self.call("start", code=1)
        assert f"{CONFIG}:1: " in said and "failed" in said, said
        self.call("status", code=3)
        self.machine.sh(f"echo >{CONFIG}")
        self.machine.sh(f"chown games {STATE}")
        assert "syslog says why" in self.call("start", code=1)
        self.machine.sh(f"chown batv {STATE}")
        self.call("start")

    def test_killed(self):
        self.machine.sh("kill -9 $(pgrep -x batvd)")
        wait_until(lambda: not self.pids(), 20, "batvd to end")
        self.call("status", code=1)
        self.call("reload", code=1)
        self.call("start")
        self.call("status")

    def test_usage(self):
        assert re.search(r"usage: \S+ \{start\|stop\|", self.call("nonsense", code=2))


class TestOpenrc(Script):
    init = "openrc"

    def start(self):
        # Debian's OpenRC gets this from the init scripts of sysvinit
        self.machine.sh("printf '#!/sbin/openrc-run\nstart() { :; }\n' >/etc/init.d/localmount; chmod 755 /etc/init.d/localmount; "
                        "touch /etc/insserv.conf; openrc default")
        self.call("start")

    def test_a_killed_one_is_started_again(self):
        self.machine.sh(f"sed -i 's/^respawn_delay=.*/respawn_delay=1/' {SCRIPT}")
        self.call("start")
        [before] = wait_until(self.pids, 20, "batvd")
        self.machine.sh(f"kill -9 {before}")
        wait_until(lambda: self.pids() - {before}, 20, "another batvd")
        self.call("stop")
        assert not self.pids()
