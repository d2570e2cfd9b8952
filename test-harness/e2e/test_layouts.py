"""Layouts that people run, each in small: that each carries mail as the real one does."""

import re

from answers import STRANGER
from lab_layouts import *

OBSERVE = CONF + "enforcement = observe\nmemory_capacity = 1k\n"


def site(lab, name="ours", **config):
    batv, sink = Batv(lab, name=f"batv-{name}", conf=OBSERVE), Sink(lab)
    return sink, batv_exim(lab, batv, sink, name=name, **config)


def received(message):
    """Its Received fields, unfolded, the last one added first."""
    return [" ".join(line.split()) for line in message.get_all("Received")]


def test_two_servers_with_one_secret(lab):
    sink = Sink(lab)
    out, mx = two_servers(lab, sink, conf=OBSERVE)
    out.exim.submit("alice@test", "bob@theirs.test", make_message())
    tagged = sink.wait(1)[-1].sender
    assert is_signed(tagged, "alice@test")
    assert mx.exim.inject("", tagged, bounce(tagged), STRANGER).data.code == 250
    assert batv_lines(mx.exim, verdict="valid") and not batv_lines(out.exim)
    mx.exim.wait_mailbox("alice")


def test_filter_on_loopback(lab):
    content = SmtpFilter(lab)
    sink, ours = site(lab, **content.keywords())
    content.returns_to(ours)
    assert ours.inject("dave@theirs.test", "bob@test", make_message("dave@theirs.test", "bob@test"), STRANGER).data.code == 250
    message = ours.wait_mailbox("bob")[0]
    lines = received(message)
    assert len(lines) == 3 and "amavisd-new" in lines[1] and f"[{STRANGER}]" in lines[2], lines
    assert message["X-Virus-Scanned"] and lines[0].startswith("from [127.0.0.1] (helo=localhost) by mx.test"), lines
    ours.submit("alice@test", "dave@theirs.test", make_message())
    assert sink.wait(1)[0].sender.endswith("alice@test") and len(content.messages) == 2


def test_filter_before_the_unsigning_router(lab):
    """local_scan() has taken the tag off already; without it the router does after the filter."""
    content = SmtpFilter(lab)
    keywords = content.keywords()
    keywords["routers"] += f".include {SNIPPETS}/router-unsign.conf\n"
    sink, ours = site(lab, unsign=False, **keywords)
    content.returns_to(ours)
    ours.submit("alice@test", "dave@theirs.test", make_message())
    tagged = sink.wait(1)[0].sender
    assert is_signed(tagged, "alice@test")
    assert ours.inject("", tagged, bounce(tagged), STRANGER).data.code == 250
    ours.wait_mailbox("alice")
    if ours.installation.local_scan:
        assert content.messages[-1].recipients == ["alice@test"]
    assert [line["verdict"] for line in batv_lines(ours)][:1] == ["valid"]


def test_filter_on_another_host(lab):
    content = SmtpFilter(lab, "127.0.0.5", drops=["Received"])
    sink, ours = site(lab, relay_from="127.0.0.1 : 127.0.0.5", **content.keywords())
    content.returns_to(ours)
    assert ours.inject("dave@theirs.test", "bob@test", make_message("dave@theirs.test", "bob@test"), STRANGER).data.code == 250
    lines = received(ours.wait_mailbox("bob")[0])
    assert len(lines) == 2 and "[127.0.0.5]" in lines[0], lines


def test_a_filter_defers_what_it_cannot_hand_on(lab):
    content = SmtpFilter(lab)
    _, ours = site(lab, **content.keywords())
    content.target = "127.0.0.1", lab.port()        # nobody is there
    ours.submit("alice@test", "bob@test", make_message())
    ours.wait_log(r"== bob@test .*451 4\.5\.0 filter: ConnectionRefusedError")


def test_a_gateway_that_unsigns(lab):
    content = SmtpFilter(lab, "127.0.0.5", unsigns=True)
    _, ours = site(lab)
    content.returns_to(ours, ours.port)
    with Smtp(content.address, content.port, STRANGER) as session:
        assert session.send("", "prvs=1234abcdef=alice@test", bounce("alice@test")).data.code == 250
    assert batv_lines(ours)[0]["rcpt"] == "<alice@test>" and batv_lines(ours)[0]["host"] == "[127.0.0.5]"


def test_pipe_filter(lab):
    for mode, protocol in (("-bS", None), ("-bS", "spam-scanned"), ("-bs", None)):
        _, ours = site(lab, name=f"ours{mode}{protocol or ''}", **pipe_filter(mode, protocol))
        assert ours.inject("dave@theirs.test", ["bob@test", "carol@test"], make_message(), STRANGER).data.code == 250
        ours.wait_mailbox("carol")
        message = ours.wait_mailbox("bob")[0]
        lines = received(message)
        assert len(lines) == 2 and message["X-Spam-Checked"] == "yes" and f"[{STRANGER}]" in lines[1], lines
        assert re.match(r"from \S+ (?:\(helo=localhost\) )?by mx.test with " + (protocol or "local-b?smtp"), lines[0]), lines
        assert message["Return-path"] == "<dave@theirs.test>" and not ours.paniclog()
        ours.stop()


def test_mailing_list(lab):
    people = Mlmmj(lab, subscribers=["erin@theirs.test", "bob@test"])
    sink, ours = site(lab, **people.keywords())
    people.sends_by(ours)
    assert ours.inject("dave@theirs.test", "list@test", make_message("dave@theirs.test", "list@test"), STRANGER).data.code == 250
    envelope = sink.wait(1)[0]
    assert re.search(r"(^|=)list\+bounces-1-erin=theirs\.test@test$", envelope.sender), envelope
    message = ours.wait_mailbox("bob")[0]
    assert message["List-Id"] == "<list.test>" and "list+bounces-1-bob=test@test" in message["Return-path"]
    assert f"[{STRANGER}]" in received(message)[-1]


def test_mailing_list_that_strips_received(lab):
    people = Mlmmj(lab, subscribers=["bob@test"], strips=["Received:"])
    _, ours = site(lab, **people.keywords())
    people.sends_by(ours)
    assert ours.inject("dave@theirs.test", "list@test", make_message("dave@theirs.test", "list@test"), STRANGER).data.code == 250
    assert len(received(ours.wait_mailbox("bob")[0])) == 1


def test_sieve_redirect(lab):
    place = Place("127.0.0.1", lab.port())
    _, router, transport = sieve_user(lab, place, "bob", 'redirect "erin@theirs.test";\n')
    sink, ours = site(lab, port=place.port, routers=router, transports=transport)
    assert ours.inject("dave@theirs.test", "bob@test", make_message("dave@theirs.test", "bob@test"), STRANGER).data.code == 250
    envelope = sink.wait(1)[0]
    assert envelope.sender == "dave@theirs.test" and envelope.recipients == ["erin@theirs.test"]
    assert envelope.data.count(b"\nReceived: ") + envelope.data.startswith(b"Received: ") >= 2, envelope.data


def test_web_application(lab):
    sink, ours = site(lab)
    web_mail(ours, "dave@theirs.test", make_message("Shop <shop@test>", "dave@theirs.test"))
    envelope = sink.wait(1)[0]
    assert envelope.sender.endswith("www-data@test") and b"From: Shop <shop@test>" in envelope.data


def test_null_client(lab):
    _, ours = site(lab, relay_from="127.0.0.1 : 127.0.0.6", rcpt_first="  deny local_parts = nobody\n")
    inner = null_client(lab, ours)
    inner.submit("alice@test", "nobody@test", make_message("alice@test", "nobody@test"))
    message = ours.wait_mailbox("alice")[0]
    assert message["Return-path"] == "<>" and message["X-Failed-Recipients"] == "nobody@test"
    assert "[127.0.0.6]" in received(message)[0]


def test_fetchmail(lab):
    mailbox = Pop3(lab)
    _, ours = site(lab, relay_from="127.0.0.1")
    for number, server in enumerate((ours, Elsewhere(lab, ours)), 1):
        mailbox.put(make_message("dave@theirs.test", "mary@provider.test"), "dave@theirs.test")
        said = Fetchmail(lab, mailbox, server).fetch()
        messages = ours.wait_mailbox("alice", number)
        lines = received(messages[-1])
        assert "with POP3 (fetchmail-" in lines[1] and not mailbox.messages, (lines, said)
        assert f"[{server.address}]" in lines[0] and messages[-1]["Return-path"] == "<dave@theirs.test>", lines
