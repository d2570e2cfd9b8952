"""batvctl status: "No problems" is said only when mail is protected, and each problem has a line that says what to do."""

import signal
import time

from answers import *

NOON = 1_900_000_000
REJECT = CONF + "enforcement = reject\nmemory_capacity = 1k\n"


class Site(Ours):
    """A server in order, with mail in both directions."""

    conf = REJECT
    start = True

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=self.conf, start=self.start,
                         exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink)

    def problems(self, *argv):
        return self.batv.json("status", *argv)["problems"]

    def one(self, *texts, argv=()):
        """There is exactly one problem, and all of TEXTS are in it."""
        (problem,) = self.problems(*argv)
        assert all(text in problem for text in texts), problem
        assert self.batv.ctl("status", *argv, check=False).returncode == 1
        return problem

    def in_order(self):
        assert self.problems() == []
        done = self.batv.ctl("status")
        assert "No problems" in done.stdout and done.returncode == 0, done


class TestCalled(Site):
    """Does Exim call us?"""

    def exim(self):
        return self.batv.json("status")["exim"]

    def test_never(self):
        self.one("no Exim has called exim-batv since ", "run batvctl enable")
        assert self.exim() == {"last_called": None,
                               "last": {"local_scan": None, "acl": None, "router": None, "transport": None}}

    def test_verifying_is_no_mail(self):
        """Nothing came and nothing left: a recipient was verified, and exim -be asked."""
        with self.ours.smtp(STRANGER) as session:
            assert session.mail("").code == 250 and session.rcpt("alice@test").code == 250
        assert self.exim()["last_called"] is None

    def test_mail(self):
        assert self.ours.inject("eve@theirs.test", "alice@test", make_message(), STRANGER).data.code == 250
        seen = self.exim()["last"]
        installation = self.ours.installation
        assert bool(seen["local_scan"]) == installation.local_scan and seen["transport"] is None, seen
        assert bool(seen["acl"]) or installation.local_scan, seen
        self.in_order()
        self.tag_of()
        seen = self.exim()["last"]
        assert bool(seen["transport"]) == installation.functions, seen
        assert abs(max(t for t in seen.values() if t) - self.lab.clock.now()) < 60, seen

    def test_z_no_longer(self):
        """Our pieces are taken out of Exim's configuration, and mail goes on."""
        self.in_order()
        self.ours.stop()
        bare = Exim(self.lab, name="bare", config=exim_config(route=f"* {self.sink.route()}"))
        self.lab.clock.advance(2 * DAY)
        self.in_order()
        self.lab.clock.advance(2 * DAY)
        bare.submit("alice@test", "x@theirs.test", make_message())
        self.one("no Exim has called exim-batv since 2030-03-1", "no longer in Exim's configuration")


class TestDaemon(Site):
    def setup(self):
        super().setup()
        self.tag_of()

    def test_hangs(self):
        """It runs and holds its lock, but no longer looks."""
        self.in_order()
        wait_until(lambda: self.batv.json("status")["batvd_looked"], 10, "a heartbeat")
        os.kill(self.batv.daemon.pid, signal.SIGSTOP)
        # two minutes and more pass; the laboratory's clock would wait for batvd to follow
        self.lab.clock.on_step.remove(self.batv._follow_clock)
        self.lab.clock.advance(100)
        self.in_order()
        self.lab.clock.advance(30)
        try:
            self.one("batvd hangs", "has not looked since 2030-03-17 17:4", "systemctl restart batvd",
                     "Mail leaves signed until 2030-0")
        finally:
            os.kill(self.batv.daemon.pid, signal.SIGCONT)
            self.lab.clock.on_step.append(self.batv._follow_clock)
        self.batv.reload()
        self.in_order()

    def test_stopped(self):
        """Status says until which moment mail leaves signed; and so it does."""
        self.batv.stop()
        text = self.one("batvd is not running; start it", "Mail leaves signed until 2030-0")
        until = max(key["until"] for key in self.batv.json("status")["state"]["keys"])
        assert time.strftime("signed until %Y-%m-%d %H:%M:%S UTC", time.gmtime(until)) in text, text
        self.one("batvd is not running", argv=("--at", f"@{until - 4 * DAY}"))
        late = self.problems("--at", f"@{until + 1}")
        assert any("has no key for this time" in p for p in late) and not any("signed until" in p for p in late), late
        self.batv.start()
        self.in_order()


def test_first_start(lab):
    """Before batvd has run for the first time, nothing is lost."""
    batv = Batv(lab, conf=REJECT, start=False)
    (problem,) = batv.json("status")["problems"]
    assert problem == "batvd has not run yet; start it (systemctl start batvd)"
    assert batv.ctl("status", check=False).returncode == 1
