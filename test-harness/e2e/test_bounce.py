"""Bounces: real ones come home, forged ones are refused after DATA, and what a tag is worth."""

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from batv import *

MESSAGES = Path(__file__).parent.parent / "unit" / "messages"
STRANGER = "127.0.0.9"
REJECT = {"enforcement": "reject"}
NOON = 1_900_000_000        # far from midnight and from a change of the key
DEFAULT_TEXT = "5.7.1 This is a bounce of mail that was not sent from here: its sender address was forged."

# A mailbox then shows the recipient after the redirect that removed the tag.
SHOW_ADDRESS = "  headers_add = X-Delivered-To: $local_part@$domain\n"


def refused(result, text=DEFAULT_TEXT):
    """RCPT was accepted, as callouts need it, and the data got our 550."""
    assert [r.code for r in result.rcpts] == [250] * len(result.rcpts), result
    assert result.data.code == 550 and result.data.unfolded.startswith(text), result
    return True


def taken(result):
    assert [r.code for r in result.rcpts] == [250] * len(result.rcpts) and result.data.code == 250, result
    return True


def change(text, at, characters="0123456789abcdef"):
    """TEXT with another character at AT."""
    other = next(c for c in characters if c.lower() != text[at].lower())
    return text[:at] + other + text[at + 1:]


def judge(ours, rcpt):
    """A bounce to RCPT from outside: "taken" or "refused", and the verdict of the log line."""
    count = len(batv_lines(ours))
    result = ours.inject("", rcpt, bounce(rcpt), source=STRANGER)
    (line,) = batv_lines(ours)[count:]
    assert line["rcpt"] == f"<{rcpt}>", line
    if result.data.code == 250:
        assert taken(result)
        return "taken", line["verdict"]
    assert refused(result)
    return "refused", line["verdict"]


class TestFullCircle:
    """A user writes to nobody at theirs, a Postfix that accepts first and bounces later."""

    def setup(self):
        needs_root("Postfix")
        port = self.lab.port()
        self.batv = Batv(self.lab)
        self.batv.set(**REJECT)
        self.theirs = Postfix(self.lab, relayhost=("127.0.0.1", port))
        self.ours = batv_exim(self.lab, self.batv, self.theirs, port=port, users=("alice", "al ice", "bob.bee"),
                              local_transport=SHOW_ADDRESS)

    def come_home(self, sender, user):
        """SENDER's mail bounces; gives the bounce, and the envelope sender that theirs saw."""
        count = len(self.ours.mailbox(user))
        seen = len(self.theirs.log(r"qmgr.* from=<[^>]+>"))
        judged = len(batv_lines(self.ours))
        self.ours.submit(sender, "nobody-here@theirs.test", make_message(sender, "nobody-here@theirs.test"))
        bounce = self.ours.wait_mailbox(user, count + 1)[-1]
        return_path = re.search(r" from=<([^>]+)>", self.theirs.log(r"qmgr.* from=<[^>]+>")[seen])[1]
        assert bounce["Return-path"] == "<>" and bounce.get_content_type() == "multipart/report", bounce.raw
        assert untagged(bounce["Envelope-to"]) == untagged(return_path)
        (line,) = batv_lines(self.ours)[judged:]
        assert line["verdict"] == "valid" and line["action"] == "accept" and line["class"] == "dsn", line
        assert line["rcpt"] == f"<{return_path}>".replace(" ", r"\x20") and line["host"] == "[127.0.0.2]", line
        assert bounce["X-BATV-Status"].startswith("valid; action=accept;"), bounce["X-BATV-Status"]
        return bounce, return_path

    def test_bounce_comes_back(self):
        bounce, return_path = self.come_home("alice@test", "alice")
        assert is_signed(return_path, "alice@test"), return_path
        assert bounce["X-Delivered-To"] == "alice@test"
        assert bounce["To"] == return_path                      # what theirs knew of us
        assert self.ours.wait_log(rf"=> alice <{re.escape(kept(self.ours, return_path))}> P=<> R=mailboxes")
        status = self.batv.json("status")
        assert status["counters"]["signed"] == 1
        assert status["counters"]["judged"]["valid"]["accept"] == 1
        (domain,) = status["domains"]
        assert domain["domain"] == "test" and domain["first_signed"] and domain["first_valid"], domain

    def test_their_user_sees_the_signed_return_path(self):
        self.ours.submit("alice@test", "dave@theirs.test", make_message(subject="for dave"))
        (message,) = self.theirs.wait_mailbox("dave")
        assert is_signed(message["Return-Path"].strip("<>"), "alice@test"), message["Return-Path"]
        assert message["From"] == "alice@test" and "prvs" not in message["From"]

    def test_case_and_dots_come_home(self):
        bounce, return_path = self.come_home("Bob.Bee@TEST", "bob.bee")
        assert is_signed(return_path, "Bob.Bee@TEST"), return_path

    def test_quoted_local_part(self):
        bounce, return_path = self.come_home('"al ice"@test', "al ice")
        assert re.fullmatch(f'"{TAG}al ice"@test', return_path), return_path

    def test_subaddress_style(self):
        self.batv.set(tag_style="subaddress", **REJECT)
        bounce, return_path = self.come_home("alice@test", "alice")
        assert re.fullmatch(r"alice\+prvs=[0-9]{4}[0-9a-f]{6}@test", return_path), return_path
        assert bounce["X-Delivered-To"] == "alice@test"

    def test_backscatter_is_left_with_theirs(self):
        """A spammer uses alice's address; theirs bounces to us, and must keep its bounce."""
        count = len(self.ours.mailbox("alice"))
        with Smtp(self.theirs.address, self.theirs.port, STRANGER) as spammer:
            assert spammer.send("alice@test", "nobody-here@theirs.test", make_message()).data.code == 250
        (line,) = self.theirs.wait_log(r"to=<alice@test>.* status=bounced")
        assert re.search("550[- ]5[.]7[.]1 This is a bounce of mail that was not sent from here", line), line
        assert len(self.ours.mailbox("alice")) == count


class TestLocalBounces:
    """Bounces that Exim itself makes, for what the other side refuses at RCPT."""

    def setup(self):
        self.sink = Sink(self.lab)
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody")
        self.batv = Batv(self.lab)
        self.batv.set(**REJECT)

    def bounced(self, ours):
        """What alice finds in her mailbox when she writes to nobody; and the log line of its arrival."""
        ours.submit("alice@test", "nobody@theirs.test", make_message())
        (bounce,) = ours.wait_mailbox("alice")
        assert bounce["Return-path"] == "<>" and bounce["X-Failed-Recipients"] == "nobody@theirs.test"
        assert bounce["X-Delivered-To"] == "alice@test" and bounce["X-BATV-Status"] is None
        assert batv_lines(ours) == []                   # of our own making: never judged
        assert ours.paniclog() == []
        (arrival,) = ours.mainlog(r" <= <> R=")
        return bounce, arrival

    def test_signed_at_routing_it_goes_to_the_signed_address(self):
        ours = batv_exim(self.lab, self.batv, self.sink, local_transport=SHOW_ADDRESS)
        bounce, arrival = self.bounced(ours)
        signed = self.sink.refused[0].sender
        assert is_signed(signed, "alice@test") and untagged(bounce["Envelope-to"]) == "alice@test", signed
        assert arrival.endswith(f" for {signed}")

    def test_signed_at_the_transport_it_goes_to_the_bare_address(self):
        ours = batv_exim(self.lab, self.batv, self.sink, name="alone", router=False, reception=False, local_transport=SHOW_ADDRESS)
        bounce, arrival = self.bounced(ours)
        assert is_signed(self.sink.refused[-1].sender, "alice@test") and bounce["Envelope-to"] == "alice@test"
        assert arrival.endswith(" for alice@test")

    def test_delay_warning_reaches_the_sender(self):
        self.sink.answer("rcpt", "451 4.3.0 later", match="^slow")
        ours = batv_exim(self.lab, self.batv, self.sink, name="patient", options={"delay_warning": "1s"},
                         retry="* * F,1d,1s")
        ours.submit("alice@test", "slow@theirs.test", make_message())
        wait_until(lambda: ours.queue_run(force=True) or ours.mailbox("alice"), 15, "a delay warning")
        (warning,) = ours.mailbox("alice")
        assert untagged(warning["Envelope-to"]) == "alice@test" and "delayed" in warning["Subject"]
        assert is_signed(ours.mainlog(r" <= <> R=")[0].rpartition(" for ")[2], "alice@test")


class TestForgedBounce:
    """Backscatter to alice, who never wrote."""

    def setup(self):
        self.batv = Batv(self.lab)
        self.batv.set(**REJECT)
        self.ours = batv_exim(self.lab, self.batv, "* 127.0.0.2::9", relay_domains="relayed.test")

    def inject(self, rcpt="alice@test", message=None, sender="", **keywords):
        return self.ours.inject(sender, rcpt, message or bounce("alice@test"), source=STRANGER, **keywords)

    def test_refused_after_data(self):
        with self.ours.smtp(STRANGER) as session:
            assert refused(session.send("", "alice@test", bounce("alice@test")))
            # the session goes on, and the next message is not blamed
            assert taken(session.send("eve@elsewhere.test", "alice@test", make_message()))
        (line,) = batv_lines(self.ours)
        assert (line["verdict"], line["action"], line["mode"]) == ("missing", "reject", "reject"), line
        assert line["rcpt"] == "<alice@test>" and line["host"] == f"[{STRANGER}]" and line["key"] == "-"
        (message,) = self.ours.wait_mailbox("alice")
        assert message["Return-path"] == "<eve@elsewhere.test>" and message["X-BATV-Status"] is None
        assert self.batv.json("status")["counters"]["judged"]["missing"]["reject"] == 1
        by = "by local_scan()" if self.ours.installation.local_scan else "after DATA"
        assert any(f"rejected {by}: 5.7.1 This is a bounce" in line for line in self.ours.rejectlog())
        assert self.ours.spool_ids() == [] and self.ours.paniclog() == []

    def test_refused_with_bdat(self):
        assert refused(self.inject(bdat=True))

    def test_refused_from_mailer_daemon(self):
        assert refused(self.inject(sender="Mailer-Daemon@theirs.test"))

    def test_refused_with_the_text_of_the_configuration(self):
        self.batv.set(refusal_text="No such mail left here; see https://test/batv", **REJECT)
        result = self.inject()
        assert str(result.data) == "550 5.7.1 No such mail left here; see https://test/batv"

    def test_refused_with_the_longest_text(self):
        text = "long " * 79 + "end.."
        assert len(text) == 400
        self.batv.set(refusal_text=text, **REJECT)
        reply = self.inject().data
        assert (reply.code, reply.unfolded) == (550, f"5.7.1 {text}")

    def class_of(self, name, want):
        """The reply to a message of unit/messages, which the log line says is of the class WANT."""
        count = len(batv_lines(self.ours))
        reply = self.inject(message=(MESSAGES / name).read_bytes())
        (line,) = batv_lines(self.ours)[count:]
        assert line["class"] == want, (name, line)
        return reply

    def test_no_subject_makes_it_a_report(self):
        """The spammer chose the subject, and what he attached comes back too."""
        for name in ("bounce-of-dmarc-report", "bounce-keeps-dmarc-subject", "daemon-keeps-dmarc-subject",
                     "known-boundary", "known-boundary-first", "signed-report"):
            assert refused(self.class_of(f"{name}.dsn.eml", "dsn"), "5.7.1 "), name

    def test_no_bounce_within_makes_it_a_bounce(self):
        """A receipt, a report or a meeting reply keeps its class, whatever it returns or attaches."""
        for name, kind in (("receipt-returns-bounce", "mdn"), ("complaint-returns-bounce", "report"),
                           ("meeting-reply-attaches-bounce", "calendar"), ("ticket-attaches-bounce", "other"),
                           ("ticket-attaches-bounce", "autoreply")):
            assert taken(self.class_of(f"{name}.{kind}.eml", kind)), name

    def test_other_mail_is_none_of_our_business(self):
        count = len(batv_lines(self.ours))
        assert taken(self.inject(sender="eve@elsewhere.test"))
        assert len(batv_lines(self.ours)) == count


def test_callouts_of_others_are_answered(lab):
    """A site that verifies senders by callout takes our mail: to it the signed address exists."""
    batv = Batv(lab)
    batv.set(**REJECT)
    port = lab.port()
    other = Exim(lab, "other", "127.0.0.3", domain="other.test", config=exim_config(
        main="acl_smtp_mail = check_sender", local_domains="other.test", route=f"test 127.0.0.1::{port}",
        acl="check_sender:\n  require verify = sender/callout=20s,no_cache\n  accept\n",
        remote_transport="  interface = 127.0.0.3\n"))
    ours = batv_exim(lab, batv, f"* 127.0.0.3::{other.port}", port=port)
    ours.submit("alice@test", "carol@other.test", make_message())
    (message,) = other.wait_mailbox("carol")
    assert is_signed(message["Return-path"].strip("<>"), "alice@test"), message["Return-path"]
    ours.submit("nobody@test", "carol@other.test", make_message())      # the callout does tell users from others
    assert other.mainlog(r"rejected MAIL <prvs=\w+=nobody@test>: Sender verify failed"), other.mainlog()

    # a callout to the bare address, and to a stale tag, by hand: RCPT is never refused for a tag's sake
    for address in ("alice@test", "prvs=1234abcdef=alice@test"):
        with ours.smtp(STRANGER) as session:
            assert session.mail("").code == 250 and session.rcpt(address).code == 250, session.dialogue()
    assert batv_lines(ours) == []


class TestTags:
    """What comes back to alice with a tag, good and bad.  Time moves in the last tests."""

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab)
        self.batv.set(**REJECT)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, relay_domains="relayed.test",
                              macros={"BATV_DOMAINS": "+local_domains"})
        self.signed = self.signed_now()

    def signed_now(self, sender="alice@test"):
        """The envelope sender that mail has which leaves now."""
        self.ours.submit(sender, "x@theirs.test", make_message(sender))
        address = self.sink.messages[-1].sender
        assert is_signed(address, sender), address
        return address

    def judge(self, rcpt):
        return judge(self.ours, rcpt)

    def test_as_it_left(self):
        assert self.judge(self.signed) == ("taken", "valid")
        (bounce,) = self.ours.wait_mailbox("alice")
        assert untagged(bounce["Envelope-to"]) == "alice@test"

    def test_upper_case(self):
        tag, _, bare = self.signed.rpartition("=")
        for address in (f"{tag.upper()}={bare}", f"{tag}={bare.upper()}", self.signed.upper(), f"{tag}=aLice@Test"):
            assert self.judge(address) == ("taken", "valid"), address
        assert len(self.ours.wait_mailbox("alice", 5)) == 5

    def test_tampered(self):
        assert self.signed[5:9].isdigit()
        for at in range(9, 15):                                 # any digit of the MAC
            assert self.judge(change(self.signed, at)) == ("refused", "forged"), at
        day = int(self.signed[6:9])
        later, earlier = (f"{self.signed[:6]}{(day + d) % 1000:03}{self.signed[9:]}" for d in (1, -100))
        assert self.judge(later) == ("refused", "forged")       # no key of that day
        assert self.judge(earlier) == ("refused", "expired")    # that day is over

    def test_of_another_address(self):
        tag = self.signed.rpartition("=")[0]
        for user in ("bob", "carol"):
            assert self.judge(f"{tag}={user}@test") == ("refused", "forged")

    def test_of_an_unknown_key(self):
        assert self.judge(change(self.signed, 5, "0123456789")) == ("refused", "forged")

    def test_what_no_tag_is(self):
        """Other sites' inventions are local parts like any other, which we do not have."""
        with self.ours.smtp(STRANGER) as session:
            session.mail("")
            for local in ("prvs=alice=1234abcdef", "btv1==1234abcdef==alice", "msprvs1=abc=alice",
                          "prvs=123abcdef=alice", "prvs=1234abcdeg=alice", "SRS0=abcd=XY=elsewhere.test=alice"):
                assert session.rcpt(f"{local}@test").code == 550, local
            assert session.rcpt(self.signed).code == 250

    def test_of_another_site(self):
        """A bounce for a domain that we only relay for, which has tags of its own: it passes as it is."""
        address = "prvs=1234abcdef=x@relayed.test"
        count = len(self.sink.messages)
        assert self.judge(address) == ("taken", "not-ours")
        message = self.sink.wait(count + 1)[-1]
        assert message.sender == "" and message.recipients == [address]
        assert b"X-BATV-Status" not in message.data

    def test_senders_of_other_sites_stay_as_they_are(self):
        sender = "prvs=1234abcdef=eve@elsewhere.test"
        assert taken(self.ours.inject(sender, "bob@test", make_message(sender), source=STRANGER))
        assert self.ours.wait_mailbox("bob")[-1]["Return-path"] == f"<{sender}>"

    def test_subaddress(self):
        self.batv.set(tag_style="subaddress", **REJECT)
        self.ours.submit("alice@test", "x@theirs.test", make_message())
        address = self.sink.messages[-1].sender
        assert address == f"alice+{self.signed[:15]}@test", address     # the same ten characters
        count = len(self.ours.mailbox("alice"))
        assert self.judge(address) == ("taken", "valid")
        assert self.judge(address.upper()) == ("taken", "valid")
        assert self.judge(change(address, 14)) == ("refused", "forged")
        assert self.judge(self.signed) == ("taken", "valid")            # both styles are always known
        assert len(self.ours.wait_mailbox("alice", count + 3)) == count + 3
        self.batv.set(**REJECT)
        assert self.judge(address) == ("taken", "valid")

    @timeout(240)
    def test_retained_then_expired(self):
        (key,) = [k for k in self.batv.json("keys")["keys"] if k["state"] == "current"]
        self.lab.clock.advance(key["until"] + 60 - self.lab.clock.now())
        new = self.signed_now()
        assert new != self.signed and new[5] != self.signed[5]          # another key signs
        assert self.judge(self.signed) == ("taken", "valid")
        assert self.judge(new) == ("taken", "valid")
        self.lab.clock.advance(key["destroyed"] - 60 - self.lab.clock.now())
        assert self.judge(self.signed) == ("taken", "valid")
        self.lab.clock.advance(120)
        assert self.judge(self.signed) == ("refused", "expired")
        assert self.judge(self.signed_now()) == ("taken", "valid")
        assert key["number"] not in [k["number"] for k in self.batv.json("status")["state"]["keys"]
                                     if k["destroyed"] == key["destroyed"]]

    def test_revoked(self):
        before = self.signed_now()
        out = self.batv.ctl("rotate").stdout                    # a plain rotation hurts nobody
        assert "batvd has published it" in out, out
        between = self.signed_now()
        assert between != before
        assert self.judge(before) == self.judge(between) == ("taken", "valid")
        out = self.batv.ctl("rotate", "--revoke").stdout
        assert "revoked all earlier secrets" in out, out
        after = self.signed_now()
        assert self.judge(before) == self.judge(between) == ("refused", "forged")
        assert self.judge(after) == ("taken", "valid")


@timeout(240)
def test_legacy_keys(lab):
    """Tags of an older ${prvs} come back for a while, after the change to exim-batv."""
    lab.clock.set(NOON)
    batv = Batv(lab)
    today = datetime.fromtimestamp(lab.clock.now(), timezone.utc)
    last_day = (today + timedelta(days=2)).strftime("%Y-%m-%d")
    keys = lab.write(batv.dir / "legacy", f"until {last_day} text the old secret\n"
                     f"until {today.year + 1}-12-31 hex {b'the older one'.hex()}\n", mode=0o600)
    batv.set(legacy_keys=keys, domains="test", **REJECT)
    sink = Sink(lab)
    ours = batv_exim(lab, batv, sink)
    tagged = lambda address, key="the old secret", digit=3: ours.be(f"${{prvs{{{address}}}{{{key}}}{{{digit}}}}}")

    old, older = tagged("alice@test"), tagged("alice@test", "the older one", 0)
    assert is_signed(old, "alice@test") and old != older
    assert judge(ours, old) == judge(ours, older) == ("taken", "valid")
    assert [line["key"] for line in batv_lines(ours)] == ["legacy", "legacy"]
    (first, second) = ours.wait_mailbox("alice", 2)
    assert untagged(first["Envelope-to"]) == untagged(second["Envelope-to"]) == "alice@test"
    mixed = tagged("Bob@Test")                                  # ${prvs} hashes an address as it is
    assert judge(ours, mixed) == ("taken", "valid")
    assert judge(ours, tagged("alice@test", "never ours")) == ("refused", "forged")
    assert judge(ours, old.replace("alice", "bob")) == ("refused", "forged")

    ours.submit("alice@test", "x@theirs.test", make_message())  # such a key never signs
    assert sink.messages[0].sender == batv.sign("alice@test") not in (old, older)

    midnight = datetime(today.year, today.month, today.day, tzinfo=timezone.utc).timestamp() + 3 * DAY
    lab.clock.advance(midnight - 30 - lab.clock.now())
    assert judge(ours, old) == ("taken", "valid")
    lab.clock.advance(60)
    assert judge(ours, old) == ("refused", "forged")            # its key is forgotten; the tag's own day is to come
    assert judge(ours, older) == ("taken", "valid")
    lab.clock.advance(4 * DAY + 3600)                           # seven days after it was made
    assert judge(ours, older) == ("taken", "valid")
    lab.clock.advance(DAY)
    assert judge(ours, older) == ("refused", "expired")


class TestTwoServers:
    """Two servers, two state directories, one secret, handed over by export and import."""

    def setup(self):
        self.lab.clock.set(NOON)
        self.sink = Sink(self.lab)
        self.batv = [Batv(self.lab, "batv-one")]
        self.lab.clock.advance(3600)        # the secret that was made last must not win by that
        self.batv.append(Batv(self.lab, "batv-two"))
        for batv in self.batv:
            batv.set(**REJECT)
        self.ours = [batv_exim(self.lab, batv, self.sink, name=name) for batv, name in zip(self.batv, ("one", "two"))]

    def signed_by(self, i):
        self.ours[i].submit("alice@test", "x@theirs.test", make_message())
        return self.sink.messages[-1].sender

    def hand_over(self, source, target):
        secret = self.batv[source].ctl("secret", "export").stdout
        said = self.batv[target].ctl("secret", "import", input=secret).stdout
        assert "batvd has published it" in said, said

    def alike(self):
        """Do both print the same keys and the same fingerprint?"""
        one, two = (batv.json("keys") for batv in self.batv)
        return one["keys"] == two["keys"] and one["fingerprint"] == two["fingerprint"]

    def valid_everywhere(self, *addresses):
        for address in addresses:
            for ours in self.ours:
                assert judge(ours, address) == ("taken", "valid"), (ours.name, address)
        return True

    def test_strangers_at_first(self):
        self.first = [self.signed_by(i) for i in (0, 1)]
        assert self.first[0] != self.first[1] and not self.alike()
        assert judge(self.ours[1], self.first[0]) == judge(self.ours[0], self.first[1]) == ("refused", "forged")

    def test_import_joins_them(self):
        self.hand_over(0, 1)
        assert self.signed_by(0) == self.signed_by(1) == self.first[0]
        assert self.valid_everywhere(self.first[0])
        assert judge(self.ours[1], self.first[1]) == ("taken", "valid")     # two's own earlier mail still bounces
        assert judge(self.ours[0], self.first[1]) == ("refused", "forged")  # one never heard of it,
        self.hand_over(1, 0)                                                # until it does
        assert self.alike() and self.valid_everywhere(*self.first)
        assert self.signed_by(0) == self.signed_by(1) == self.first[0]
        self.hand_over(0, 1)                                                # again: changes nothing
        assert self.alike()

    def test_rotation_at_a_time(self):
        start = int(self.lab.clock.now()) + 2 * DAY
        self.batv[0].ctl("rotate", "--at", f"@{start}")
        assert self.signed_by(0) == self.signed_by(1) == self.first[0]      # one knows the secret, two not yet
        assert self.valid_everywhere(self.first[0])
        self.hand_over(0, 1)
        assert self.alike()
        assert self.signed_by(0) == self.signed_by(1) == self.first[0]      # both know it, it does not sign yet
        self.lab.clock.advance(start - 60 - self.lab.clock.now())
        before = self.signed_by(0)
        assert before == self.signed_by(1) and self.valid_everywhere(before)
        self.lab.clock.advance(120)
        after = self.signed_by(0)
        assert after == self.signed_by(1) and after != before
        assert self.valid_everywhere(before, after, *self.first)
        assert self.alike()

    def test_import_before_the_first_start(self):
        """A new server that gets the secret first is like the others from its first moment."""
        three = Batv(self.lab, "batv-three", start=False)
        three.ctl("secret", "import", input=self.batv[0].ctl("secret", "export").stdout)
        three.start()
        assert three.json("status")["state"]["fingerprint"] == self.batv[0].json("status")["state"]["fingerprint"]
        assert three.json("keys")["keys"] == self.batv[0].json("keys")["keys"]
        three.stop()

    def test_revocation_travels(self):
        old = self.signed_by(0)
        self.batv[1].ctl("rotate", "--revoke")
        self.hand_over(1, 0)
        new = self.signed_by(0)
        assert new == self.signed_by(1) and self.valid_everywhere(new)
        assert [judge(ours, old) for ours in self.ours] == [("refused", "forged")] * 2
