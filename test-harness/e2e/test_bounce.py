"""Bounces: real ones come home, forged ones are refused after DATA, and what a tag is worth."""

import re
from datetime import datetime, timedelta, timezone

from batv import *

STRANGER = "127.0.0.9"
REJECT = {"enforcement": "reject"}
DEFAULT_TEXT = "5.7.1 This is a bounce of mail that was not sent from here: its sender address was forged."

# So that a mailbox shows whom the delivery was for, behind the redirect that took the tag off.
SHOW_ADDRESS = "  headers_add = X-Delivered-To: $local_part@$domain\n"


def refused(result, text=DEFAULT_TEXT):
    """RCPT was accepted, as callouts need it, and the data got our 550."""
    assert [r.code for r in result.rcpts] == [250] * len(result.rcpts), result
    assert result.data.code == 550 and result.data.text.startswith(text), result
    return True


def taken(result):
    assert [r.code for r in result.rcpts] == [250] * len(result.rcpts) and result.data.code == 250, result
    return True


def change(text, at, characters="0123456789abcdef"):
    """TEXT with another character at AT."""
    other = next(c for c in characters if c.lower() != text[at].lower())
    return text[:at] + other + text[at + 1:]


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
        assert bounce["Envelope-to"] == return_path
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
        assert self.ours.wait_log(rf"=> alice <{re.escape(return_path)}> P=<> R=mailboxes")
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
        assert "550 5.7.1 This is a bounce of mail that was not sent from here" in line, line
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
        assert is_signed(signed, "alice@test") and bounce["Envelope-to"] == signed, signed
        assert arrival.endswith(f" for {signed}")

    def test_signed_at_the_transport_it_goes_to_the_bare_address(self):
        ours = batv_exim(self.lab, self.batv, self.sink, name="alone", router=False, local_transport=SHOW_ADDRESS)
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
        assert is_signed(warning["Envelope-to"], "alice@test") and "delayed" in warning["Subject"]


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
        assert any("rejected by local_scan(): 5.7.1 This is a bounce" in line for line in self.ours.rejectlog())
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
        assert str(self.inject().data) == f"550 5.7.1 {text}"

    def test_other_mail_is_none_of_our_business(self):
        count = len(batv_lines(self.ours))
        assert taken(self.inject(sender="eve@elsewhere.test"))
        assert len(batv_lines(self.ours)) == count
