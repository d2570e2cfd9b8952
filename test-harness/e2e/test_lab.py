"""The laboratory itself: what the other tests rely on.  Nothing here knows of BATV."""

import os
import time
from email.utils import parsedate_to_datetime

from lab import *


def test_local_delivery(lab):
    ours = Exim(lab)
    ours.submit("alice@test", ["bob@test", "carol@test"], make_message(subject="to two"))
    for user in ("bob", "carol"):
        (message,) = ours.mailbox(user)
        assert message["Subject"] == "to two" and message["Return-path"] == "<alice@test>", message.raw
    assert ours.paniclog() == []


def test_smtp_dialogue(lab):
    ours = Exim(lab)
    with ours.smtp("127.0.0.9") as session:
        session.mail("eve@elsewhere.test")
        assert session.rcpt("nobody@test").code == 550
        assert session.rcpt("x@elsewhere.test").text.startswith("relay not permitted")
        assert session.rcpt("bob@test").code == 250
        assert session.data(make_message(body=".\n..leading dots\n")).code == 250
        assert session.auth_plain("alice", "wrong").code == 535
        assert session.auth_plain("alice", "secret").code == 235
        assert session.send("alice@test", "bob@test", make_message(), bdat=True).data.code == 250
        assert ">>> RCPT TO:<bob@test>" in session.transcript and "<<< 250 Accepted" in session.transcript
    payloads = [message.get_payload() for message in ours.wait_mailbox("bob", 2)]     # in whichever order
    assert sorted(payloads) == [".\n..leading dots\n", "Hello.\n"], payloads


def test_exim_answers(lab):
    ours = Exim(lab, options={"message_size_limit": "1M"}, macros={"OWN_MACRO": "42"},
                config=exim_config(main="domainlist mine = OWN_MACRO.test"))
    assert ours.be("$primary_hostname") == "mx.test"
    assert ours.be("${listnamed_d:mine}") == "42.test"
    assert ours.be("$h_subject:", message=make_message(subject="context")) == "context"
    assert "transport = local_mailbox" in ours.bt("bob@test")
    assert "undeliverable" in ours.bt("nobody@test")
    assert ours.option("message_size_limit") == "1M"
    ours.write_config(exim_config(main="domainlist mine = other.test"))
    ours.hup()
    assert ours.be("${listnamed_d:mine}") == "other.test"


def test_sink_records_and_answers(lab):
    sink = Sink(lab)
    ours = Exim(lab, config=exim_config(route=f"* {sink.route()}"))
    sink.answer("rcpt", "550 5.1.1 no such user", match="^unknown@")
    sink.answer("rcpt", "451 4.7.1 greylisted", match="^grey@", times=1)
    ours.submit("alice@test", ["x@theirs.test", "unknown@theirs.test"], make_message())
    (message,) = sink.wait(1)
    assert message.sender == "alice@test" and message.recipients == ["x@theirs.test"]
    assert b"Subject: a message" in message.data
    (bounce,) = ours.wait_mailbox("alice")
    assert "unknown@theirs.test" in str(bounce)

    ours.submit("alice@test", "grey@theirs.test", make_message())
    assert len(ours.spool_ids()) == 1 and len(sink.messages) == 1
    ours.queue_run(force=True)
    assert ours.spool_ids() == [] and sink.wait(2)[1].recipients == ["grey@theirs.test"]

    sink.answer("message", "554 5.7.1 not this", match="virus")
    ours.submit("alice@test", "x@theirs.test", make_message(body="a virus\n"))
    assert sink.refused[-1].recipients == ["x@theirs.test"] and not sink.refused[-1].accepted


def test_false_time_reaches_a_delivery(lab):
    """Without it, every test that moves the clock would pass for the wrong reason."""
    steps = []
    lab.clock.set(1_900_000_000)
    ours = Exim(lab, config=exim_config(local_transport="  headers_add = X-Now: $tod_epoch"))
    lab.clock.on_step.append(lambda: steps.append(lab.clock.now()))

    def seen_in_delivery():
        count = len(ours.mailbox("bob"))
        assert ours.inject("alice@test", "bob@test", make_message()).data.code == 250
        return int(ours.wait_mailbox("bob", count + 1)[-1]["X-Now"])
    assert abs(seen_in_delivery() - 1_900_000_000) < 20
    lab.clock.advance(3 * DAY + 3600)
    assert len(steps) == 4 and steps[1] - steps[0] < DAY + 5
    assert abs(seen_in_delivery() - 1_900_000_000 - 3 * DAY - 3600) < 30
    ours.submit("alice@test", "bob@test", make_message())
    assert abs(int(ours.mailbox("bob")[-1]["X-Now"]) - lab.clock.now()) < 5
    assert ours.mainlog()[-1].startswith(time.strftime("%Y-%m-%d", time.gmtime(lab.clock.now())))


def test_theirs_follows_the_clock(lab):
    needs_root("Postfix")
    lab.clock.set(1_900_000_000)
    ours = Exim(lab)
    theirs = Postfix(lab, relayhost=(ours.address, ours.port))
    lab.clock.advance(2 * DAY)
    with Smtp(theirs.address, theirs.port, "127.0.0.2") as session:
        assert session.send("alice@test", "nobody-here@theirs.test", make_message()).data.code == 250
    (bounce,) = ours.wait_mailbox("alice")
    assert abs(parsedate_to_datetime(bounce["Date"]).timestamp() - lab.clock.now()) < 20, bounce["Date"]


def test_a_bounce_of_our_own_making(lab):
    ours = Exim(lab)
    result = ours.inject("", "alice@test", make_bounce("alice@test"), source="127.0.0.9")
    assert result.data.code == 250
    (bounce,) = ours.wait_mailbox("alice")
    assert [part.get_content_type() for part in bounce.get_payload()] == [
        "text/plain", "message/delivery-status", "text/rfc822-headers"]


def test_processes_end_with_the_sandbox(lab):
    inner = Lab()
    ours = Exim(inner)
    session = ours.smtp()               # a child of the daemon is at work
    orphan = inner.run(["sh", "-c", "sleep 300 >&- 2>&- & echo $!"]).stdout.strip()
    pids = set(inner.processes())
    assert {ours.daemon.pid, int(orphan)} < pids and len(pids) >= 3, pids
    inner.close()
    session.close()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    assert not inner.dir.exists()


def test_ports_differ(lab):
    other = Lab()
    ports = [lab.port() for _ in range(20)] + [other.port("127.0.0.3") for _ in range(20)]
    other.close()
    assert len(set(ports)) == 40


def test_waiting_is_bounded(lab):
    start = time.monotonic()
    try:
        wait_until(lambda: False, 0.2, "the impossible")
    except LabError as error:
        assert "the impossible" in str(error)
    else:
        raise AssertionError("did not fail")
    assert time.monotonic() - start < 20


class TestTheirs:
    """Postfix takes mail for unknown users, and bounces it later over SMTP."""

    def setup(self):
        needs_root("Postfix")
        self.ours = Exim(self.lab, start=False)
        self.theirs = Postfix(self.lab, relayhost=(self.ours.address, self.ours.port))
        self.ours.write_config(exim_config(route=f"theirs.test {self.theirs.route()}"))
        self.ours.start()

    def test_known_user(self):
        self.ours.submit("alice@test", "dave@theirs.test", make_message(subject="for dave"))
        (message,) = self.theirs.wait_mailbox("dave")
        assert message["Subject"] == "for dave" and message["Return-Path"] == "<alice@test>"

    def test_accepts_first_and_bounces_later(self):
        self.ours.submit("alice@test", "nobody-here@theirs.test", make_message())
        assert self.ours.mainlog(r"=> nobody-here@theirs.test .*C=\"250 2")
        (bounce,) = self.ours.wait_mailbox("alice")
        assert bounce["Return-path"] == "<>" and bounce.get_content_type() == "multipart/report"
        assert self.ours.mainlog(r"<= <> H=\(mx\.theirs\.test\) \[127\.0\.0\.2\] P=esmtp")

    def test_relays_nothing_for_strangers(self):
        with Smtp(self.theirs.address, self.theirs.port, "127.0.0.9") as session:
            assert session.send("x@y.test", "z@y.test", make_message()).rcpts[0].code == 554
