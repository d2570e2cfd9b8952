"""transport-receipts.conf: a read receipt is asked for at the address that the mail was sent from."""

import email

from batv import *


def site(lab, **conf):
    batv = Batv(lab, conf=CONF)
    if conf:
        batv.set(**conf)
    sink = Sink(lab)
    ours = batv_exim(lab, batv, sink, remote_transport=f".include {SNIPPETS}/transport-receipts.conf\n")
    return batv, sink, ours


def sent(sink, ours, headers, sender="alice@test", rcpt="bob@theirs.test"):
    """What arrives at theirs of a mail with these headers: the envelope sender, the message."""
    count = len(sink.messages)
    ours.submit(sender, rcpt, f"From: {sender}\nTo: {rcpt}\nSubject: s\n{headers}\nbody\n")
    envelope = sink.wait(count + 1)[count]
    return envelope.sender, email.message_from_bytes(envelope.data)


def test_the_header_follows_the_return_path(lab):
    batv, sink, ours = site(lab)
    sender, message = sent(sink, ours, "Disposition-Notification-To: Alice <Alice@test>\nReturn-Receipt-To: alice@test\n")
    assert is_signed(sender, "alice@test")
    assert message.get_all("Disposition-Notification-To") == [f"<{sender}>"], message.as_string()
    assert message.get_all("Return-Receipt-To") == [f"<{sender}>"]
    mdn = ("From: bob@theirs.test\nSubject: read\nMIME-Version: 1.0\n"
           'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\n\n--b\n\nread\n--b--\n')
    assert ours.inject("", sender, mdn, source="127.0.0.9").data.code == 250
    assert batv_lines(ours, verdict="valid", **{"class": "mdn"})


def test_other_addresses_stay(lab):
    batv, sink, ours = site(lab)
    for header in ("Disposition-Notification-To: Carol <carol@test>", "Return-Receipt-To: eve@elsewhere.test"):
        _, message = sent(sink, ours, header + "\n")
        name, _, value = header.partition(": ")
        assert message.get_all(name) == [value], message.as_string()
    _, message = sent(sink, ours, "")
    assert message["Disposition-Notification-To"] is None and message["Return-Receipt-To"] is None
    assert ours.paniclog() == []


def test_not_signed_means_not_changed(lab):
    batv, sink, ours = site(lab, signing="off")
    sender, message = sent(sink, ours, "Disposition-Notification-To: alice@test\n")
    assert sender == "alice@test" and message["Disposition-Notification-To"] == "<alice@test>"


def test_a_stranger_collects_nothing(lab):
    batv, sink, ours = site(lab)
    ours.alias("away", "eve@theirs.test")
    mail = "From: eve@theirs.test\nSubject: s\nDisposition-Notification-To: alice@test\n\nbody\n"
    for sender in ("alice@test", "eve@theirs.test"):
        count = len(sink.messages)
        assert ours.inject(sender, "away@test", mail, source="127.0.0.9").data.code == 250
        envelope = sink.wait(count + 1)[count]
        assert envelope.sender == sender and b"prvs=" not in envelope.data, envelope.data
