"""What arms a domain, what takes it back, and what cannot: played on a real Exim with a moved clock."""

import re
from pathlib import Path

from lab import *
from batv import *

START = 1_900_000_000                   # 2030-03-17 17:46:40 UTC
STRANGER = "127.0.0.9"


class Site:
    """batvd, our Exim, and a world outside that takes all mail; the time is START."""

    def __init__(self, lab, conf, domains="test", **exim):
        lab.clock.set(START)
        self.lab, self.clock = lab, lab.clock
        self.batv = Batv(lab, conf="own_hosts = 127.0.0.1\nmemory_capacity = 1k\n" + conf,
                         exim=f"{lab.dir}/ours/bin/exim -C {lab.dir}/ours/exim.conf")
        self.world = Sink(lab)
        self.ours = batv_exim(lab, self.batv, self.world, local_domains=domains, **exim)

    def send(self, sender="alice@test", rcpt="friend@theirs.test", message_id=None):
        """A user writes to the world; gives the envelope sender that arrives there."""
        number = len(self.world.messages)
        message = make_message(sender, rcpt)
        if message_id:
            message = re.sub(r"(?mi)^Message-ID:.*$", f"Message-ID: <{message_id}>", message)
        result = self.ours.inject(sender, rcpt, message)
        assert result.data.code == 250, result
        return self.world.wait(number + 1)[-1].sender

    def bounce(self, rcpt="alice@test", **more):
        """A bounce from outside; gives the code after DATA and the line in the log."""
        result = self.ours.inject("", rcpt, bounce(rcpt, **more), source=STRANGER)
        return result.data.code, batv_lines(self.ours)[-1]

    def domain(self, name="test"):
        self.batv.reload()
        return next(d for d in self.batv.json("status")["domains"] if d["domain"] == name)

    def armed(self, name="test"):
        return self.domain(name)["armed"]


# ---------------------------------------------------------------------------
# A list that cannot be looked up while mail leaves
# ---------------------------------------------------------------------------

class TestDoubt:
    """Two domains are armed; then a look-up fails for a moment."""

    def setup(self):
        if not self.lab.root:
            raise Skip("a file that lists may look into must be root's")
        texts = {"ours": "test:\ntwo.test:\n", "senders": "", "there": "", "hosts": "127.0.0.1:\n"}
        self.lists = {name: Path(self.lab.root_file(f"list-{name}", text)) for name, text in texts.items()}
        conf = (f"domains = lsearch;{self.lists['ours']}\nunsigned_senders = lsearch;{self.lists['senders']}\n"
                f"trusted_hosts = net-lsearch;{self.lists['hosts']}\ngrace = 1d\n")
        self.site = Site(self.lab, conf, domains="test : two.test")
        for name in "test", "two.test":
            self.site.send(f"alice@{name}")
            prove(self.site.batv, self.site.ours, name)
        self.site.clock.advance(DAY)
        assert self.site.armed() and self.site.armed("two.test")

    def while_gone(self, name, untagged=True, **mail):
        """A message that leaves while this list is gone."""
        hidden = self.lists[name].rename(self.lists[name].with_suffix(".hidden"))
        try:
            assert (self.site.send(**mail) == "alice@test") == untagged
            self.site.ours.wait_idle()
        finally:
            hidden.rename(self.lists[name])

    def test_the_domains_themselves(self):
        self.broken("ours")

    def test_unsigned_senders(self):
        self.broken("senders")

    def broken(self, name):
        assert self.site.armed() and self.site.armed("two.test")
        self.site.clock.advance(3600)
        self.while_gone(name, message_id=f"{name}.1@test")
        domain = self.site.domain()
        assert abs(domain["broken"] - self.site.clock.now()) < 60, domain
        assert not domain["armed"] and domain["why"] == "stale", domain
        assert "could not be looked up" in domain["text"] and "it refuses after the next one" in domain["text"], domain
        assert self.site.armed("two.test")
        code, line = self.site.bounce()
        assert (code, line["action"], line["reason"]) == (250, "mark", "not-armed"), line
        code, line = self.site.bounce(message_id=f"{name}.1@test")      # remembered all the same
        assert (code, line["verdict"], line["action"]) == (250, "remembered", "accept"), line
        assert self.site.bounce("alice@two.test")[0] == 550
        self.site.clock.advance(3600)
        self.site.send()
        self.site.clock.advance(DAY - 2 * 3600)
        assert not self.site.armed()
        self.site.clock.advance(2 * 3600)
        assert self.site.armed()

    def test_what_others_choose_is_none(self):
        """A list of recipients, one of trusted hosts without which nobody is trusted; a stranger's mail in our name."""
        with self.site.batv.conf_path.open("a") as conf:
            conf.write(f"unsigned_destinations = lsearch;{self.lists['there']}\ninbound_domains =\n")
        self.site.batv.reload()
        for name in "there", "hosts":
            self.while_gone(name)
            assert self.site.armed() and self.site.armed("two.test"), name
        self.site.ours.alias("out", "friend@theirs.test")
        path = self.lists["ours"]
        hidden = path.rename(path.with_suffix(".hidden"))
        number = len(self.site.world.messages)
        assert self.site.ours.inject("alice@test", "out@test", make_message(), source=STRANGER).data.code == 250
        assert self.site.world.wait(number + 1)[-1].sender == "alice@test"
        self.site.ours.wait_idle()
        hidden.rename(path)
        assert self.site.armed() and self.site.armed("two.test")
