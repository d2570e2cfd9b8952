"""Modes and self-arming: when is backscatter refused, when not, and what does batvctl status say of it?

Time moves in steps of at most a day, and batvd follows each.  What mode a domain is in is asked three times at once: a
forged bounce on the wire, the line in Exim's log, and `batvctl status` have to tell the same.
"""

import re
import time

from lab import *
from batv import *

START = 1_900_000_000                   # 2030-03-17 17:46:40 UTC
HOUR = 3600
STRANGER = "127.0.0.9"
# As fast as it goes: a key signs for a day, and grace is over in a day.
QUICK = CONF + "key_rotation = 1d\nkey_retention = 1d\ngrace = 1d\n"
# batvd can tell a clock that is set from time that passes: its boot clock goes on as it did.
REAL_BOOT_CLOCK = {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def utc(when):
    """A time as batvctl's sentences have it."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


class Site:
    """batvd, our Exim, and a world outside that takes all mail; the time is START."""

    def __init__(self, lab, conf=CONF, domains="test", env=None, **exim):
        lab.clock.set(START)
        self.clock = lab.clock
        self.batv = Batv(lab, conf=conf, env=env, exim=f"{lab.dir}/ours/bin/exim -C {lab.dir}/ours/exim.conf")
        self.world = Sink(lab)
        self.ours = batv_exim(lab, self.batv, self.world, local_domains=domains, **exim)

    def send(self, sender="alice@test", rcpt="friend@theirs.test"):
        """A user writes to the world; gives the envelope sender that arrives there."""
        number = len(self.world.messages)
        result = self.ours.inject(sender, rcpt, make_message(sender, rcpt))
        assert result.data.code == 250, result
        return self.world.wait(number + 1)[-1].sender

    def bounce(self, rcpt):
        """A bounce that comes from outside; gives (code after DATA, the line in the log)."""
        result = self.ours.inject("", rcpt, bounce(rcpt), source=STRANGER)
        assert [reply.code for reply in result.rcpts] == [250], result
        line = batv_lines(self.ours)[-1]
        assert line["rcpt"] == f"<{rcpt}>" and line["host"] == f"[{STRANGER}]", line
        return result.data.code, line

    def prove(self, domain="test"):
        """All the evidence that a domain needs, in a second."""
        prove(self.batv, self.ours, domain)

    def mode(self, domain="test"):
        """What backscatter meets: `reject` or `observe`."""
        code, line = self.bounce(f"alice@{domain}")
        mode, action = {550: ("reject", "reject"), 250: ("observe", "mark")}[code]
        assert (line["verdict"], line["mode"], line["action"]) == ("missing", mode, action), line
        shown = self.domain(domain)
        assert not shown or shown["mode"] == mode and shown["armed"] == (shown["why"] == "armed"), shown
        return mode

    def domain(self, name="test"):
        """What batvctl status knows of a domain; None if it is not in the table."""
        return next((d for d in self.batv.json("status")["domains"] if d["domain"] == name), None)

    def text(self):
        """What batvctl status says to people."""
        return self.batv.status().stdout

    def sentence(self, name="test"):
        """What it says of one domain; a later section says more, of the memory."""
        return re.findall(rf"^  {re.escape(name)}: (.*)$", self.text(), re.M)[0]

    def breaks(self):
        return self.batv.json("status")["state"]["breaks"]

    def arm(self, domain="test"):
        """Signed mail day by day, until backscatter is refused.  Grace is a day, so there must be more evidence."""
        for day in range(6):
            if self.mode(domain) == "reject":
                return
            self.send(f"alice@{domain}")
            if day == 0:
                self.prove(domain)
            self.clock.advance(DAY)
        raise AssertionError(f"does not arm: {self.domain(domain)}")

    def by_itself(self, action):
        """Do ACTION, and wait until batvd has published because of it, without a signal."""
        serial = self.batv.serial()
        action()
        wait_until(lambda: self.batv.serial() > serial, 15, "batvd to publish by itself")


# ---------------------------------------------------------------------------
# The clock
# ---------------------------------------------------------------------------

def test_false_time_is_everywhere(lab):
    """Otherwise all that follows would pass for the wrong reason."""
    now = "  headers_add = X-Now: $tod_epoch"
    site = Site(lab, remote_transport=now, local_transport=now)
    for days in 0, 1, 3:
        site.clock.advance(days * DAY)
        site.send()
        remote = re.search(rb"X-Now: (\d+)", site.world.messages[-1].data)[1]
        site.bounce("alice@test")
        local = site.ours.wait_mailbox("alice", len(site.world.messages))[-1]["X-Now"]
        status = site.batv.json("status")
        for seen in remote, local, status["state"]["written"], status["domains"][0]["last_signed"]:
            assert abs(int(seen) - site.clock.now()) < 20, (remote, local, status)
        assert status["problems"] == [] and status["state"]["usable"], status
    assert site.clock.now() > START + 4 * DAY


# ---------------------------------------------------------------------------
# observe, reject
# ---------------------------------------------------------------------------

def other_secret(lab, name="other"):
    """Another installation, which has made its secret and is stopped."""
    batv = Batv(lab, name, conf=QUICK.replace("+local_domains", "test"))
    batv.stop()
    return batv


def one_line(headers):
    return [" ".join(value.split()) for value in headers or []]


def test_observe_delivers_and_marks(lab):
    site = Site(lab, QUICK + "enforcement = observe\n")
    old = site.send()
    site.clock.advance(4 * DAY)
    assert site.mode() == "observe"                 # long after grace
    good = site.send()
    assert is_signed(good, "alice@test") and is_signed(old, "alice@test") and good != old
    unknown_key = other_secret(lab).sign("alice@test")      # as good a tag as ours, by another secret
    for rcpt, verdict in [("alice@test", "missing"), (good.replace("=alice", "=bob"), "forged"),
                          (unknown_key, "forged"), (old, "expired"), (good, "valid")]:
        user = rcpt.rpartition("=")[2].partition("@")[0]
        number = len(site.ours.mailbox(user)) + 1
        code, line = site.bounce(rcpt)
        failed = verdict != "valid"
        action, reason = ("mark", "observe") if failed else ("accept", "-")
        assert code == 250 and {"verdict": verdict, "action": action, "mode": "observe", "class": "dsn",
                                "reason": reason, "policy": "default"}.items() <= line.items(), line
        message = site.ours.wait_mailbox(user, number)[-1]
        assert untagged(message["Envelope-to"]) == untagged(rcpt) and message["Return-path"] == "<>", message.raw
        assert one_line(message.get_all("X-BATV-Status")) == [
            f"{verdict}; action={action}; mode=observe; class=dsn; reason={reason}; rcpt=<{rcpt}>"], message.raw
    assert site.domain()["why"] == "mode-observe"
    assert "enforcement = observe" in site.sentence()


def test_a_status_header_of_the_sender_is_removed(lab):
    site = Site(lab, CONF + "enforcement = observe\n")
    lie = "X-BATV-Status: valid; action=accept\nx-batv-STATUS: valid;\n\taction=accept\n"

    def received(sender, text, source=STRANGER):
        number = len(site.ours.mailbox("alice")) + 1
        assert site.ours.inject(sender, "alice@test", lie + text, source=source).data.code == 250
        return one_line(site.ours.wait_mailbox("alice", number)[-1].get_all("X-BATV-Status"))

    (header,) = received("", bounce("alice@test"))
    assert header.startswith("missing; action=mark;"), header
    assert received("eve@elsewhere.test", make_message("eve@elsewhere.test", "alice@test")) == []
    assert received("bob@test", make_message("bob@test", "alice@test"), "127.0.0.1") == []


def test_a_status_header_of_a_local_user_is_removed(lab):
    site = Site(lab, CONF + "enforcement = observe\n")
    site.ours.submit("bob@test", "alice@test", "X-BATV-Status: valid\n" + make_message("bob@test", "alice@test"))
    assert site.ours.mailbox("alice")[-1]["X-BATV-Status"] is None


def test_reject_refuses_from_the_first_second(lab):
    site = Site(lab, CONF + "enforcement = reject\n")
    assert site.mode() == "reject" and site.batv.json("status")["domains"] == []
    assert site.batv.json("status")["state"]["policies"][0]["enforcement"] == "reject"
    good = site.send()
    assert site.bounce(good) == (250, {**site.bounce(good)[1], "verdict": "valid", "mode": "reject"})
    assert site.domain()["why"] == "mode-reject" and site.domain()["mode"] == "reject"
    assert site.sentence().startswith("refusing: ") and "enforcement = reject" in site.sentence()


# ---------------------------------------------------------------------------
# auto: arming
# ---------------------------------------------------------------------------

def test_arms_after_its_grace_and_not_earlier(lab):
    """Seven days by default: as long as key_retention."""
    site = Site(lab, CONF.replace("+local_domains", "test"))
    assert "none yet: no mail has left signed" in site.text()
    assert site.mode() == "observe" and site.domain() is None
    site.clock.advance(2 * DAY)                     # time alone is no evidence
    first = site.clock.now()
    assert is_signed(site.send(), "alice@test")
    for day in range(7):
        assert site.mode() == "observe", day
        entry = site.domain()
        assert entry["why"] == "grace" and abs(entry["since"] - first) < 5, entry
        assert entry["when"] == entry["since"] + 7 * DAY
        assert site.sentence().startswith(f"observing until {utc(entry['when'])}: grace of 7d counts from "
                                          f"{utc(entry['since'])}, the first signed mail"), site.sentence()
        site.clock.advance(DAY if day < 6 else DAY - HOUR)
        if day in (2, 5):
            site.send()
    assert site.mode() == "observe"
    site.clock.advance(HOUR + 60)
    assert site.mode() == "reject"
    entry = site.domain()
    assert entry["why"] == "armed" and abs(entry["when"] - first - 7 * DAY) < 5, entry
    assert site.sentence().startswith(f"refusing since {utc(entry['when'])}: "), site.sentence()
    assert any(re.search(r"domain test begins to refuse: refusing since", line) for line in site.batv.log())
    assert site.breaks() == []


def test_grace_follows_retention_and_each_policy_has_its_own(lab):
    """Three policies, three times; a domain that says nothing stays as it is."""
    site = Site(lab, "domains = slow.test\nown_hosts = 127.0.0.1\nkey_retention = 3d\n"
                     "[policy quick]\ndomains = quick.test : silent.test\ngrace = 1d\n"
                     "[policy middle]\ndomains = middle.test\ngrace = 2d\n",
                domains="quick.test : middle.test : slow.test : silent.test : other.test")
    names = ["quick.test", "middle.test", "slow.test"]
    for name in names:
        assert is_signed(site.send(f"alice@{name}"), f"alice@{name}")
        site.prove(name)
    site.send("alice@other.test")                   # protected by no policy
    for day, expected in enumerate([(), ("quick",), ("quick", "middle"), ("quick", "middle", "slow")]):
        modes = {name: site.mode(name) for name in [*names, "silent.test"]}
        refusing = {name.removesuffix(".test") for name in modes if modes[name] == "reject"}
        assert refusing == set(expected), (day, modes)
        site.clock.advance(DAY)
    status = site.batv.json("status")
    assert {p["name"]: p["grace"] // DAY for p in status["state"]["policies"]} == {
        "default": 3, "quick": 1, "middle": 2}
    assert {d["domain"]: d["policy"] for d in status["domains"]} == {
        "quick.test": "quick", "middle.test": "middle", "slow.test": "default"}
    assert site.bounce("alice@other.test")[1]["verdict"] == "not-ours"


def test_domains_arm_apart(lab):
    site = Site(lab, CONF + "grace = 2d\n", domains="one.test : two.test : three.test")

    def modes():
        return [site.mode(f"{name}.test") for name in ("one", "two", "three")]
    site.send("alice@One.test")                     # however it is written
    site.prove("one.test")
    site.clock.advance(DAY)
    site.send("bob@two.test")
    site.prove("two.test")
    assert modes() == ["observe", "observe", "observe"]
    site.clock.advance(DAY)
    assert modes() == ["reject", "observe", "observe"]
    site.clock.advance(DAY)
    assert modes() == ["reject", "reject", "observe"]
    site.clock.advance(8 * DAY)
    assert modes() == ["reject", "reject", "observe"]
    assert site.domain("three.test") is None
    # why a domain is not in the list is said as well
    assert "any other domain with enforcement = auto observes; its grace begins with its first" in site.text()


def test_a_domain_that_never_sends_arms_by_valid_bounces(lab):
    """An MX whose mail leaves by another server, which has the same secret."""
    site = Site(lab, CONF + "grace = 2d\n")
    tag = site.batv.sign("alice@test")
    assert site.domain() is None                    # asking for it is no evidence
    assert site.bounce(tag)[0] == 250
    site.prove()
    entry = site.domain()
    assert entry["first_signed"] is None and abs(entry["first_valid"] - START) < 20, entry
    site.clock.advance(2 * DAY - HOUR)
    assert site.mode() == "observe"
    site.clock.advance(2 * HOUR)
    assert site.mode() == "reject" and site.bounce(tag)[0] == 250
    assert site.batv.json("status")["counters"]["signed"] == 0


def test_strangers_change_nothing(lab):
    """Neither forged tags, nor verification, nor questions to Exim, nor a copied tag are evidence."""
    site = Site(lab, CONF + "grace = 1d\n")
    ours, batv, functions = site.ours, site.batv, site.ours.installation.functions
    ours.alias("out", "friend@theirs.test")
    tag = batv.sign("alice@test")
    other_tag = re.sub("(prvs=.)(...)", lambda m: f"{m[1]}{(int(m[2]) + 1) % 1000:03}", tag)
    def status():
        """Without what says that messages came by, and when."""
        status = batv.json("status")
        for key in "at", "exim", "batvd_looked", "problems", "notes", "today", "week":      # the counters say it
            del status[key]
        return status

    before = status()
    assert before["domains"] == [] and batv.problems() == []

    def unchanged(*but):
        after = status()
        for key in but:
            part = "memory" if key in after["memory"] else "counters"
            after[part][key] = before[part][key]
        assert after == before, [(k, before[k], after[k]) for k in before if before[k] != after[k]]

    # questions: exim -bt, -bv, -be
    assert "theirs.test" in ours.bt("friend@theirs.test", "out@test", tag, sender="alice@test")
    assert "verified" in ours.exim("-f", "alice@test", "-bv", "friend@theirs.test", "out@test", tag).stdout
    if functions:
        for arguments in ("{alice@test}", "{alice@test}{friend@theirs.test}{$tod_epoch}{24aCnI-000696-30}{theirs.test}",
                          f"{{{tag}}}{{friend@theirs.test}}{{$tod_epoch}}{{24aCnI-000696-30}}{{theirs.test}}"):
            ours.be("${dlfunc{%s}{batv_sign}%s}" % (ours.so, arguments), check=False)
            ours.be("${dlfunc{%s}{batv_sign}%s}" % (ours.so, arguments), message=make_message(), check=False)
        assert ours.be("${dlfunc{%s}{batv_verdict}{%s}}" % (ours.so, tag)) == "valid"
        assert ours.be("${dlfunc{%s}{batv_refuse}}" % ours.so, message=bounce(tag)) == "0"
    unchanged()

    # verification from outside: MAIL and RCPT, no message; the alias leads to the signing router
    with ours.smtp(STRANGER) as session:
        for sender, rcpt in [("", tag), ("", other_tag), ("", "alice@test"), ("", "out@test"),
                             ("alice@test", "out@test"), (tag, "out@test")]:
            assert session.mail(sender).code == 250 and session.rcpt(rcpt).code == 250, session.dialogue()
            session.rset()
    unchanged()

    # mail through the alias to outside, with a tag copied from a message that alice once sent to him
    for sender in tag, other_tag:
        assert ours.inject(sender, "out@test", make_message(), source=STRANGER).data.code == 250
        ours.wait_idle()
    assert [m.sender for m in site.world.wait(2)] == [tag, other_tag]
    unchanged()
    # and under her name: it leaves bare, and is counted as such by a transport that looks
    assert ours.inject("alice@test", "out@test", make_message(), source=STRANGER).data.code == 250
    assert site.world.wait(3)[-1].sender == "alice@test"
    ours.wait_idle()
    unchanged("left_untrusted")
    assert batv.json("status")["counters"]["left_untrusted"] == (1 if functions else 0)

    # forged bounces, many of them
    with ours.smtp(STRANGER) as session:
        for number in range(25):
            rcpt = re.sub("[0-9a-f]{6}=", f"{number:06x}=", tag if number % 2 else other_tag)
            assert session.send("", rcpt, bounce(rcpt)).data.code == 250
    assert len(batv_lines(ours, verdict="forged")) == 25
    unchanged("judged", "spared", "lookups", "left_untrusted")

    site.clock.advance(8 * DAY)
    assert site.mode() == "observe" and site.batv.json("status")["domains"] == []
    # nor are they a break: a domain that is armed stays so
    site.arm()
    for number in range(10):
        assert site.bounce(re.sub("[0-9a-f]{6}=", f"{number:06x}=", tag))[0] == 550
    site.clock.advance(DAY)
    assert site.mode() == "reject" and site.breaks() == []


# ---------------------------------------------------------------------------
# auto: breaks
# ---------------------------------------------------------------------------

class TestBreaks:
    """Each test starts with a domain that is armed, breaks something, and sees it armed again."""

    def setup(self):
        self.site = Site(self.lab, QUICK, env=REAL_BOOT_CLOCK)
        self.batv, self.clock = self.site.batv, self.site.clock

    def arm(self):
        """Armed, and the last evidence is some hours old."""
        if not self.batv.daemon:
            self.batv.start()                       # the test before has failed
        self.site.arm()
        self.clock.advance(2 * HOUR)
        self.before = self.site.breaks()

    def broken(self, why, policy="*"):
        """It observes since now and says why; it refuses again after grace (or longer, while tags may come back)."""
        site, now = self.site, self.clock.now()
        assert site.mode() == "observe"
        event = next(b for b in site.breaks() if b["policy"] == policy)
        assert why in event["why"] and abs(event["when"] - now) < 60, event
        assert any("observing again" in line and why in line for line in self.batv.log()), self.batv.log()
        ends = max(event["when"] + DAY, event["until"] or 0)
        entry, sentence = site.domain(), site.sentence()
        assert entry["why"] == "stale" and entry["since"] == event["when"], entry
        since = f"since the break of {utc(event['when'])} ({event['why']})"
        assert sentence == (f"observing: no signed mail has left and no valid bounce has come {since}; "
                            f"it refuses after the next one, but not before {utc(ends)}"), sentence
        self.clock.advance(2 * HOUR)
        assert is_signed(site.send(), "alice@test")
        entry, sentence = site.domain(), site.sentence()
        assert (entry["why"], entry["since"], entry["when"]) == ("grace", event["when"], ends), entry
        assert sentence.startswith(f"observing until {utc(ends)}: grace of 1d counts from {since[6:]}"), sentence
        self.clock.advance(ends - self.clock.now() - HOUR)
        assert site.mode() == "observe"
        if not site.domain()["evidence"]["complete"]:
            site.prove()                            # it is too old, or bounces to tags that are dead
        self.clock.advance(2 * HOUR)
        assert site.mode() == "reject"
        assert site.sentence().startswith(f"refusing since {utc(ends)}: "), site.sentence()
        return event

    def test_steps_of_the_clock_and_reloads_are_none(self):
        self.arm()
        self.clock.advance(3 * DAY)
        self.batv.reload()
        self.batv.stop()
        self.batv.start()
        assert self.site.mode() == "reject" and self.site.breaks() == self.before

    def test_a_rotation_is_none(self):
        site = self.site
        self.arm()
        before = site.send()
        self.batv.ctl("rotate")
        after = site.send()
        assert after != before and site.mode() == "reject"
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock.now() + DAY / 2))
        self.batv.ctl("rotate", "--at", at)
        assert site.mode() == "reject" and site.bounce(before)[0] == 250 and site.bounce(after)[0] == 250
        self.clock.advance(DAY)
        assert site.send() not in (before, after) and site.mode() == "reject"
        self.batv.set(QUICK.replace("key_rotation = 1d", "key_rotation = 2d"))
        self.batv.set(QUICK)
        assert site.mode() == "reject" and site.breaks() == self.before

    def test_signing_switched_off_and_on(self):
        site = self.site
        self.arm()
        self.batv.set(QUICK + "signing = off\n")
        assert site.mode() == "observe"
        (event,) = [b for b in site.breaks() if b["policy"] == "default"]
        assert site.domain()["why"] == "signing-off" and event["why"] == "signing was switched off", event
        assert site.sentence() == (
            f"observing since the break of {utc(event['when'])} (signing was switched off): policy default has "
            "signing = off; once signing is on, grace begins with the first signed mail"), site.sentence()
        self.clock.advance(3 * DAY)
        assert site.mode() == "observe"
        self.batv.set(QUICK)
        self.broken("signing was switched on again", policy="default")

    def test_mail_that_left_while_signing_was_off(self):
        """Its bounces come back bare: grace begins with the first signed mail after it."""
        site = self.site
        self.arm()
        tag = site.send()
        self.batv.set(QUICK + "signing = off\n")
        assert site.bounce(tag) == (250, {**site.bounce(tag)[1], "verdict": "valid"})
        assert site.send() == "alice@test" and site.bounce("alice@test")[0] == 250
        self.batv.set(QUICK)
        self.clock.advance(2 * DAY)
        assert site.mode() == "observe" and site.domain()["why"] == "no-evidence"
        assert site.sentence().endswith("; it refuses 1d after the first one"), site.sentence()
        site.send()
        self.clock.advance(DAY - HOUR)
        assert site.mode() == "observe" and site.domain()["why"] == "grace"
        self.clock.advance(2 * HOUR)
        assert site.mode() == "reject"

    def test_secret_lost(self):
        self.arm()
        tag = self.site.send()
        self.clock.advance(2 * HOUR)
        secret = self.batv.state_dir / "secret"

        def number():
            return re.search(r"^secret (\d+) ", secret.read_text(), re.M).group(1)
        before = number()
        secret.unlink()
        self.batv.reload()                          # who asks for it gets a new one at once
        assert secret.exists() and self.site.bounce(tag)[1]["verdict"] == "forged"
        # One new number of 9,000 is the old one.
        event = self.broken(" was lost" if number() != before else " was replaced by another of the same number")
        assert event["until"] > event["when"] + DAY     # its tags may still come back

    def test_secret_revoked(self):
        self.arm()
        tag = self.site.send()
        assert self.site.bounce(tag)[1]["verdict"] == "valid"
        self.clock.advance(2 * HOUR)
        done = self.batv.ctl("rotate", "--revoke")
        assert "refuse nothing until bounces of mail sent with them can no longer come" in done.stdout, done.stdout
        code, line = self.site.bounce(tag)
        assert (code, line["verdict"]) == (250, "forged")
        event = self.broken("was revoked")
        assert event["until"] > event["when"] + DAY
        assert self.site.bounce(tag)[0] == 550

    def test_conflicting_secret_imported_by_force(self):
        self.arm()
        tag = self.site.send()
        text = self.batv.ctl("secret", "export").stdout
        last = [line for line in text.splitlines() if line.startswith("secret ") and "revoked" not in line][-1]
        changed = text.replace(last, re.sub(r"[0-9a-f]{64}", "5e" * 32, last))
        refused = self.batv.ctl("secret", "import", input=changed, check=False)
        assert refused.returncode == 1 and "--force" in refused.stderr, refused
        assert self.site.mode() == "reject" and self.site.bounce(tag)[0] == 250
        self.clock.advance(2 * HOUR)
        self.batv.ctl("secret", "import", "--force", input=changed)
        self.broken("was replaced by another with the same number")

    def test_secret_file_exchanged(self):
        """A file copied over it, no import: noticed without a signal."""
        self.arm()
        other = other_secret(self.lab)
        secret = (other.state_dir / "secret").read_text()
        self.site.by_itself(lambda: self.lab.write(self.batv.state_dir / "secret", secret, mode=0o600))
        self.broken(" was lost")
        assert self.site.send() == self.batv.sign("alice@test")

    def test_import_with_overlap_is_none(self):
        self.arm()
        tag = self.site.send()
        other = other_secret(self.lab, "overlap")
        self.batv.ctl("secret", "import", input=other.ctl("secret", "export").stdout)
        assert self.site.send() == other.sign("alice@test")
        assert self.site.mode() == "reject" and self.site.bounce(tag)[0] == 250

    def test_mail_left_bare(self):
        """No state, and batvd dead: mail flows, unsigned; nothing is refused."""
        site = self.site
        self.batv.set(QUICK + "memory_capacity = 5000\n")
        assert self.batv.json("status")["memory"]["file"] != "memory"       # where it is counted, no state tells
        self.arm()
        self.batv.stop()
        (self.batv.state_dir / "state").unlink()
        complaints = len(site.ours.mainlog(OUR_LINE + "trouble="))
        assert site.send() == "alice@test"
        site.ours.wait_idle()
        assert site.ours.mainlog(OUR_LINE + "trouble=")[complaints:] == site.ours.mainlog("action=not-signed")[-1:]
        assert site.ours.inject("", "alice@test", bounce("alice@test"), source=STRANGER).data.code == 250
        assert "action=accepted-unjudged" in site.ours.mainlog(OUR_LINE)[-1]
        assert any("mail leaves unsigned and nothing is refused" in p for p in self.batv.json("status")["problems"])
        self.batv.start()
        assert site.batv.json("status")["counters"]["left_no_state"] == 1
        self.broken("mail left unsigned")

    def test_state_lost(self):
        """batvd, alive, writes it again at once: nothing leaves untagged, nothing is forgotten."""
        self.arm()
        (self.batv.state_dir / "state").unlink()
        wait_until(self.batv.serial, 15, "a new state")
        assert is_signed(self.site.send(), "alice@test")
        assert self.site.mode() == "reject" and self.site.breaks() == self.before

    def test_state_that_ran_out(self):
        """batvd dead for weeks: what leaves now leaves bare, so nothing is refused even before it is back."""
        site = self.site
        self.arm()
        self.batv.stop()
        self.clock.advance(14 * DAY)
        assert is_signed(site.send(), "alice@test") and site.mode() == "reject"
        self.clock.advance(8 * DAY)
        code, line = site.bounce("alice@test")
        assert (code, line["verdict"], line["action"], line["reason"]) == (250, "missing", "mark", "doubt"), line
        assert site.domain()["mode"] == "observe"
        text = site.text()
        assert "\n! " in text and "batvd is not running" in text, text
        assert "has no key for this time: mail leaves unsigned and nothing is refused" in text, text
        self.batv.start()
        self.broken("the published keys ran out")

    def test_mail_left_bare_by_a_state_that_ran_out(self):
        self.arm()
        self.batv.stop()
        self.clock.advance(22 * DAY)
        said = len(self.site.ours.mainlog(OUR_LINE + "(doubt|trouble)="))
        assert self.site.send() == "alice@test"
        self.site.ours.wait_idle()
        assert self.site.ours.mainlog(OUR_LINE + "(doubt|trouble)=")[said:] == self.site.ours.mainlog(
            OUR_LINE + "doubt=left:no-key action=not-signed address=<alice@test>: see batvctl status$")[-1:]
        assert self.site.ours.paniclog() == []
        self.batv.start()
        self.broken("mail left unsigned")

    def test_clock_jumps_forward_while_running(self):
        self.arm()
        self.clock.jump(3 * DAY)
        self.broken("the clock jumped forward by 3d")

    def arm_by_old_bounces(self):
        """Signed mail alone will be dated in the future, if the clock jumps back by three days."""
        self.arm()
        self.clock.advance(4 * DAY)
        self.site.send()
        self.arm()

    def test_clock_jumps_back_while_running(self):
        self.arm_by_old_bounces()
        self.clock.jump(-3 * DAY)
        self.broken("the clock jumped back by 3d")

    def test_clock_jumps_back_against_the_published_state(self):
        self.arm_by_old_bounces()
        self.batv.stop()
        self.clock.jump(-3 * DAY)
        self.batv.start()
        self.broken("the clock jumped back by 3d")


# ---------------------------------------------------------------------------
# auto: longer stories
# ---------------------------------------------------------------------------

def test_no_mail_after_a_break_no_refusal(lab):
    """Time alone arms nothing: some mail must leave signed after the break."""
    site = Site(lab, QUICK)
    site.arm()
    site.clock.advance(2 * HOUR)
    site.batv.ctl("rotate", "--revoke")
    for _ in range(6):
        site.clock.advance(DAY)
        assert site.mode() == "observe" and site.domain()["why"] == "stale"
    site.send()
    site.batv.reload()
    assert site.mode() == "observe" and site.domain()["why"] == "few"       # those bounces had stolen tags
    site.prove()
    site.batv.reload()
    assert site.mode() == "reject"                  # grace was over long since


def test_a_domain_that_moves_to_another_policy_and_back(lab):
    """After a pause in signing, bounces of mail that left untagged get in, whether batvd lives or not."""
    unsigned = lab.write(lab.dir / "unsigned", "")
    site = Site(lab, "domains = one.test : two.test\nown_hosts = 127.0.0.1\ngrace = 1d\n"
                     "[policy unsigned]\ndomains = +lab_unsigned\nsigning = off\n",
                domains="one.test : two.test", main=f"domainlist lab_unsigned = lsearch;{unsigned}\n")
    site.send("alice@two.test")
    site.prove("two.test")
    site.arm("one.test")
    assert site.mode("two.test") == "reject"

    def leave_and_return():
        site.clock.advance(2 * HOUR)
        lab.write(unsigned, "two.test\n")
        assert site.bounce("alice@two.test")[0] == 250      # at once, with no look of batvd at it
        assert site.send("alice@two.test") == "alice@two.test"
        assert site.mode("two.test") == "observe" and site.domain("two.test")["why"] == "signing-off"
        lab.write(unsigned, "")
        assert is_signed(site.send("alice@two.test"), "alice@two.test")
        assert site.mode("two.test") == "observe" and site.mode("one.test") == "reject"

    leave_and_return()
    site.batv.reload()
    assert site.mode("two.test") == "observe" and site.domain("two.test")["why"] == "grace"
    site.clock.advance(DAY)
    assert site.mode("two.test") == "reject"
    site.batv.stop()
    leave_and_return()
    site.batv.start()
    assert site.mode("two.test") == "observe" and site.breaks() == []
    site.clock.advance(DAY)
    assert site.mode("two.test") == "reject" and site.mode("one.test") == "reject"


def test_first_evidence_under_a_wrong_clock(lab):
    """It is a hundred days ahead when the first mail leaves; then somebody sets it right."""
    site = Site(lab, QUICK, env=REAL_BOOT_CLOCK)
    site.clock.jump(100 * DAY)
    assert is_signed(site.send(), "alice@test")
    wrong = site.domain()["first_signed"]
    assert wrong > START + 99 * DAY
    site.clock.jump(-100 * DAY)
    assert site.mode() == "observe" and site.domain()["why"] == "clock"
    (event,) = site.breaks()
    assert site.sentence() == (
        f"observing since the break of {utc(event['when'])} (the clock jumped back by 100d): its last signed mail or "
        f"valid bounce is dated {utc(wrong)}, in the future; if the clock is right now, the next signed mail corrects "
        "that")
    site.send()
    site.prove()
    assert site.domain()["why"] == "grace" and site.domain()["first_signed"] < START + DAY
    site.clock.advance(DAY - HOUR)
    assert site.mode() == "observe"
    site.clock.advance(2 * HOUR)
    assert site.mode() == "reject"


def test_clock_set_back_by_hours(lab):
    """Too little for a break; but Exim trusts no state from the future, so batvd must write it again."""
    site = Site(lab, QUICK, env=REAL_BOOT_CLOCK)
    site.arm()
    site.clock.advance(DAY)
    lab.clock.on_step.clear()                       # no SIGHUP

    def set_back():
        lab.clock.jump(-6 * HOUR)
        site.batv.observe_file(True)                # what wakes batvd is a timer; libfaketime's does not
        site.batv.observe_file(False)
    site.by_itself(set_back)
    assert is_signed(site.send(), "alice@test") and site.mode() == "reject" and site.breaks() == []
    assert any("the clock was set back by" in line for line in site.batv.log())


def test_grace_ends_while_batvd_is_dead(lab):
    """Only batvd arms; status does not say that anything is refused."""
    site = Site(lab, QUICK)
    site.send()
    site.prove()
    ends = site.domain()["when"]
    in_time = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends + 60))
    (later,) = site.batv.json("status", "--at", in_time)["domains"]
    assert (later["mode"], later["why"]) == ("reject", "armed"), later
    site.batv.daemon.kill()
    site.clock.advance(2 * DAY)
    assert site.mode() == "observe" and site.domain()["why"] == "waits-for-batvd"
    assert site.sentence().startswith("observing, although grace is over, because batvd is not running; start it; then: "
                                      f"refusing since {utc(ends)}"), site.sentence()
    site.batv.start()
    assert site.mode() == "reject" and site.breaks() == []


def test_batvd_dead_for_three_days(lab):
    """Keys for two weeks are published: signing, changing keys and refusing go on."""
    site = Site(lab, QUICK)
    site.arm()
    tags = [site.send()]
    site.batv.daemon.kill()
    for _ in range(3):
        site.clock.advance(DAY)
        tags.append(site.send())
        assert site.mode() == "reject"
        assert site.bounce(tags[-1])[1]["verdict"] == site.bounce(tags[-2])[1]["verdict"] == "valid"
    assert len(set(tags)) == 4
    assert site.bounce(tags[0])[1] == {**site.bounce(tags[0])[1], "verdict": "expired", "action": "reject"}
    assert any("batvd is not running" in problem for problem in site.batv.json("status")["problems"])
    site.batv.start()
    assert site.mode() == "reject" and site.breaks() == [] and site.send() == tags[-1]
    assert not any("batvd" in problem for problem in site.batv.json("status")["problems"])


def test_the_observe_file_stops_refusals_at_once(lab):
    site = Site(lab, QUICK + "[policy strict]\ndomains = strict.test\nenforcement = reject\n",
                domains="test : strict.test")
    site.arm()
    assert is_signed(site.send("alice@strict.test"), "alice@strict.test")
    assert site.mode("strict.test") == "reject"
    observe = site.batv.state_dir / "observe"

    def stopped():
        observe.touch(mode=0o600)                   # by root, and nobody else can read it
        for domain in "test", "strict.test":
            assert site.mode(domain) == "observe" and batv_lines(site.ours)[-1]["reason"] == "observe-file"
        status = site.batv.json("status")
        assert any("observe exists: nothing is refused until it is removed" in p for p in status["problems"]), status
        assert status["observe_file"] and "\n! " in site.text()
        assert site.sentence().startswith('observing because the file "observe" exists; without it: refusing since ')

    stopped()
    observe.unlink()
    assert site.mode() == site.mode("strict.test") == "reject"
    site.batv.daemon.kill()                         # it needs nobody
    stopped()
    observe.unlink()
    assert site.mode() == site.mode("strict.test") == "reject"
    stopped()
    site.batv.start()
    site.clock.advance(DAY)
    assert site.mode() == "observe"
    observe.unlink()
    assert site.mode() == "reject" and site.breaks() == []


def test_three_policies_three_modes(lab):
    site = Site(lab, CONF + "grace = 2d\n"
                "[policy strict]\ndomains = strict.test\nenforcement = reject\n"
                "[policy mild]\ndomains = mild.test\nenforcement = observe\n"
                "[policy brave]\ndomains = brave.test\ngrace = 0s\n"
                "[policy bare]\ndomains = bare.test\nsigning = off\n",
                domains="test : strict.test : mild.test : brave.test : bare.test")
    names = ["test", "strict.test", "mild.test", "brave.test", "bare.test"]

    def modes():
        return " ".join({"reject": "R", "observe": "-"}[site.mode(name)] for name in names)
    assert modes() == "- R - - -"
    for name in names:
        assert is_signed(site.send(f"alice@{name}"), f"alice@{name}") == (name != "bare.test")
        if name != "bare.test":
            site.prove(name)
    site.batv.reload()
    assert modes() == "- R - R -"
    site.clock.advance(2 * DAY)
    assert modes() == "R R - R -"
    status = site.batv.json("status")
    assert {(p["name"], p["enforcement"], p["signing"]) for p in status["state"]["policies"]} == {
        ("default", "auto", True), ("strict", "reject", True), ("mild", "observe", True), ("brave", "auto", True),
        ("bare", "auto", False)}
    assert {d["domain"]: (d["mode"], d["why"]) for d in status["domains"]} == {
        "test": ("reject", "armed"), "strict.test": ("reject", "mode-reject"), "mild.test": ("observe", "mode-observe"),
        "brave.test": ("reject", "armed")}
    assert "  strict: signing on, enforcement reject, grace 2d, domains strict.test\n" in site.text()
    # one of them stops signing: the others do not mind
    site.batv.set(site.batv.conf_path.read_text().replace("[policy strict]", "signing = off\n[policy strict]")
                  .replace("domains = brave.test", "domains = brave.test\nsigning = on"))
    assert modes() == "- R - R -"


def test_sixty_days(lab):
    """Keys come and go; a tag lives for key_retention at least, and dies with its key."""
    site = Site(lab)
    secret = (site.batv.state_dir / "secret").read_text()
    tags = {}                                       # of each key: tag, when it was last used, when the key dies
    retained = dead = 0

    def keys():
        state = (site.batv.state_dir / "state").read_text()
        return [tuple(map(int, line.split()[2:8])) for line in state.splitlines() if line.startswith("key ")]

    for day in range(60):
        now, published = site.clock.now(), keys()
        assert 3 <= len(published) <= 64
        ((epoch, number, ddd, _, until, destroy),) = [k for k in published if k[3] <= now < k[4]]
        if day < 22 or day % 3 == 0:
            tag = site.send()
            assert tag[5:9] == f"{number}{ddd:03}" and ddd == destroy // DAY % 1000
            assert tags.get(epoch, (tag,))[0] == tag        # the same, as long as the key signs
            tags[epoch] = tag, now, destroy
            assert destroy >= until + 7 * DAY
        for tag, used, destroy in tags.values():
            if used + 7 * DAY <= now < used + 8 * DAY:
                assert site.bounce(tag) == (250, {**site.bounce(tag)[1], "verdict": "valid"}), (day, tag)
                retained += 1
            if destroy <= now < destroy + DAY:
                assert site.bounce(tag) == (550, {**site.bounce(tag)[1], "verdict": "expired"}), (day, tag)
                dead += 1
        assert not any(destroy <= now for *_, destroy in published)
        site.clock.advance(DAY)
    assert len(tags) >= 9 and retained >= 7 and dead >= 6, (len(tags), retained, dead)
    assert site.breaks() == [] and (site.batv.state_dir / "secret").read_text() == secret
