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


# ---------------------------------------------------------------------------
# Evidence
# ---------------------------------------------------------------------------

def test_one_customers_mail_arms_nobody(lab):
    """carol's customer writes once in the name of alice's domain, whose mail leaves by a service."""
    site = Site(lab, "domains = +local_domains\n", domains="test : alices.test")
    site.send("alice@alices.test")
    for _ in range(5):
        site.clock.advance(2 * DAY)
        site.send("carol@test")
    domain = site.domain("alices.test")
    assert not domain["armed"] and domain["why"] == "few" and domain["evidence"]["signed_days"] == 1, domain
    assert "list it in domains by its name" in domain["text"] and "enforcement = reject" in domain["text"], domain
    assert site.bounce("alice@alices.test")[0] == 250


def test_a_home_server(lab):
    """One user, two domains, two days a week, +local_domains: armed within six weeks by itself."""
    site = Site(lab, "domains = +local_domains\n")
    for day in range(42):
        if day % 7 in (0, 4):
            site.send(rcpt="friend@theirs.test"), site.send(rcpt="mother@hers.test")
        site.clock.advance(DAY)
        if site.armed():
            break
    assert site.armed() and 28 <= day < 42, day


def test_three_days_by_its_own_name(lab):
    site = Site(lab, "domains = test\n")
    for day in range(7):
        if day in (0, 3, 6):
            site.send()
        assert not site.armed(), day
        site.clock.advance(DAY)
    assert site.armed()


def test_its_own_name_with_umlauts(lab):
    """The configuration has the name as people write it, the table of domains has the A-label."""
    ours = "bücher.test : xn--bcher-kva.test"
    site = Site(lab, "domains = bücher.test\ngrace = 1d\n", domains=ours, options={"allow_utf8_domains": "true"})
    for _ in range(3):
        assert is_signed(site.send("alice@xn--bcher-kva.test"), "alice@xn--bcher-kva.test")
        site.clock.advance(DAY)
    domain = site.domain("xn--bcher-kva.test")
    assert domain["evidence"]["own_name"] and domain["armed"], domain


# ---------------------------------------------------------------------------
# Mail that another server sends
# ---------------------------------------------------------------------------

def signed_elsewhere(domain, message_id):
    """A bounce of mail that another server has signed with DKIM, or of which somebody copied the signature."""
    text = bounce(f"alice@{domain}", message_id=message_id)
    signature = f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n d={domain}; s=service7;\n h=From:To; bh=x; b=y\n"
    return text.replace(f"Return-Path: <alice@{domain}>\n", f"Return-Path: <alice@{domain}>\n{signature}")


def backscatter(site, day, networks=(1, 2), domain="test"):
    for number in networks:
        result = site.ours.inject("", f"alice@{domain}", signed_elsewhere(domain, f"e{day}.{number}@service.test"),
                                  source=f"127.0.{number}.7")
        assert result.data.code in (250, 550), result


QUICK = "domains = test : calm.test\nkey_rotation = 1d\nkey_retention = 1d\ngrace = 1d\n"


def armed_site(lab, more="", **exim):
    site = Site(lab, QUICK + more, domains="test : calm.test", **exim)
    for _ in range(3):
        site.send(), site.send("alice@calm.test")
        site.clock.advance(DAY)
    assert site.armed() and site.armed("calm.test")
    return site


def test_a_flood_does_not_undo_a_domain_that_sends(lab):
    site = armed_site(lab)
    for day in range(20):
        backscatter(site, day, networks=range(1, 6))
        site.send()
        site.clock.advance(DAY)
        assert site.armed(), day
    assert site.bounce()[0] == 550
    assert site.domain()["evidence"]["elsewhere_days"] >= 10, site.domain()
    assert any("another server" in problem for problem in site.batv.json("status")["problems"])


def test_a_domain_that_moves_away(lab):
    site = armed_site(lab)
    for day in range(12):
        site.clock.advance(DAY)                 # nothing of it leaves here any more
        assert site.armed() and site.bounce()[0] == 550, day
    backscatter(site, 1, networks=[1])
    site.clock.advance(DAY)
    backscatter(site, 2, networks=[1])
    assert site.armed()                         # one network
    backscatter(site, 3)
    domain = site.domain()
    assert not domain["armed"] and domain["why"] == "elsewhere", domain
    assert "remove it from domains" in domain["text"] and site.armed("calm.test")
    assert site.bounce()[0] == 250
    lines = site.ours.mainlog(OUR_LINE + "elsewhere=")
    assert lines and "elsewhere=test selector=service7 host=[127.0.1.7] msgid=e1.1@service.test" in lines[0], lines


def test_another_server_holds_back_arming(lab):
    site = Site(lab, QUICK, domains="test : calm.test")
    for day in range(6):
        site.send(), site.send("alice@calm.test")
        backscatter(site, day)
        site.clock.advance(DAY)
        assert not site.armed(), day
    assert site.armed("calm.test") and site.domain()["why"] == "elsewhere"
    assert "batvctl secret export" in site.domain()["text"]
    for _ in range(2):
        site.clock.advance(DAY)
        site.send()
    assert site.armed()                         # one grace after the last one


def test_a_smarthost_that_takes_the_tag_off(lab):
    """Bounces come back to the untagged address; their ids prove them."""
    site = Site(lab, QUICK, domains="test : calm.test")
    for day in range(5):
        site.send(message_id=f"m{day}@test")
        code, line = site.bounce(message_id=f"m{day}@test")
        assert (code, line["verdict"]) == (250, "remembered"), line
        site.clock.advance(DAY)
    domain = site.domain()
    assert not domain["armed"] and domain["why"] == "untagged" and "smarthost" in domain["text"], domain
    tag = site.send()
    assert site.bounce(tag)[1]["verdict"] == "valid"
    assert site.armed()


# ---------------------------------------------------------------------------
# Mail that leaves unseen
# ---------------------------------------------------------------------------

CUT = "  warn condition = ${if eq{$domain}{cut.test}}\n       control = cutthrough_delivery\n"


def two_days(site, rcpt, leaves):
    """Six messages a day leave so; gives whether the domain was armed after each day."""
    armed = []
    for _ in range(2):
        for number in range(6):
            sender = f"{('alice', 'bob', 'carol')[number % 3]}@test"
            assert leaves(site.send(sender, rcpt), sender)
        site.clock.advance(DAY)
        armed.append(site.armed())
    return armed


def cutthrough_is_a_break(lab, reception):
    site = armed_site(lab, rcpt_first=CUT, reception=reception)
    assert two_days(site, "dave@cut.test", lambda left, sender: left == sender) == [True, False]
    domain = site.domain()
    assert domain["why"] == "unseen" and "cutthrough_delivery" in domain["text"], domain
    assert site.armed("calm.test") and site.bounce()[0] == 250
    site.send()
    site.clock.advance(DAY + 3600)
    assert site.armed()


def test_cutthrough_is_a_break(lab):
    cutthrough_is_a_break(lab, False)


def test_cutthrough_is_a_break_where_reception_signs(lab):
    """The connection is open before local_scan() runs, so the mail leaves untagged all the same."""
    cutthrough_is_a_break(lab, True)


PLAIN = """plain:
  driver = manualroute
  domains = other.test
  transport = plain_smtp
  route_list = * {}
  self = send
"""
PLAIN_TRANSPORT = "plain_smtp:\n  driver = smtp\n  hosts_try_fastopen =\n"
CALLOUT = "  warn domains = other.test\n       verify = recipient/callout=5s,no_cache\n"


class PlainSite(Site):
    """Mail for other.test takes a transport without the snippet, after a callout to that host."""

    def __init__(self, lab, conf, world, **exim):
        super().__init__(lab, conf, rcpt_first=CUT + CALLOUT, transports=PLAIN_TRANSPORT,
                         routers=PLAIN.format(world.route()), **exim)
        self.plain = world

    def send_plain(self, sender):
        number = len(self.plain.messages)
        result = self.ours.inject(sender, "eve@other.test", make_message(sender, "eve@other.test"))
        assert result.data.code == 250, result
        return self.plain.wait(number + 1)[-1].sender


def signed_and_unseen(site):
    """Three days of mail that reception signs and no transport of ours sees: the domain goes on."""
    for _ in range(3):
        for number in range(6):
            sender = f"{('alice', 'bob', 'carol')[number % 3]}@test"
            assert is_signed(site.send_plain(sender), sender)
        site.clock.advance(DAY)
        assert site.armed(), site.domain()
    assert site.domain()["evidence"]["unseen"] == 0
    assert site.batv.json("status")["counters"]["left_other"] == 0


def test_signed_mail_need_not_be_seen(lab):
    """A route without the snippet, or a snippet that was removed: reception signs, and that is enough.

    The receiving process had a connection to that host, for a callout.  It is closed; so it is no cutthrough."""
    site = PlainSite(lab, "domains = test\ngrace = 1d\n", Sink(lab, name="plain"))
    for _ in range(3):
        site.send()
        site.clock.advance(DAY)
    assert site.armed()
    signed_and_unseen(site)


def test_reception_alone(lab):
    """Valid bounces armed it; nothing sees its mail, but cutthrough delivery is noticed."""
    site = PlainSite(lab, "domains = test\ngrace = 0s\n", Sink(lab, name="plain"), router=False, transport=False)
    prove(site.batv, site.ours, "test")
    site.clock.advance(DAY)
    signed_and_unseen(site)
    assert two_days(site, "dave@cut.test", lambda left, sender: left == sender) == [True, False]
    assert site.domain()["why"] == "unseen" and site.bounce()[0] == 250


def test_few_are_seen(lab):
    """Most mail of a day leaves by cutthrough delivery: status says so, and the domain goes on."""
    site = armed_site(lab, rcpt_first=CUT)
    before = site.batv.json("status")["counters"]["left_other"]
    for _ in range(24):
        assert site.send(rcpt="dave@cut.test") == "alice@test"
    site.send()
    site.clock.advance(DAY)
    assert site.armed()
    evidence, status = site.domain()["evidence"], site.batv.json("status")
    assert (evidence["few_accepted"], evidence["few_seen"]) == (24, 1), evidence
    assert status["counters"]["left_other"] == before + 24
    assert any("saw only 1 of 24 messages" in note and "cutthrough_delivery" in note for note in status["notes"]), status["notes"]


def test_mail_that_cannot_be_routed_is_not_unseen(lab):
    lost = "lost:\n  driver = redirect\n  domains = lost.test\n  data = :fail: nobody\n  allow_fail\n  no_verify\n"
    site = armed_site(lab, routers=lost, reception=False)
    for day in range(3):
        for number in range(6):
            sender = f"{('alice', 'bob', 'carol')[number % 3]}@test"
            result = site.ours.inject(sender, "dave@lost.test", make_message(sender, "dave@lost.test"))
            assert result.data.code == 250, result
        site.ours.wait_idle()
        site.clock.advance(DAY)
        assert site.armed(), site.domain()
