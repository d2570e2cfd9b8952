"""`exim -bh` plays a session from a host, and keeps nothing of it.  So exim-batv answers as always, and leaves no trace."""

import hashlib

from lab import *
from batv import *
from kinds import ACL, HEAVY, LIGHT, REBUILT, chosen_kind

STRANGER = "198.51.100.7"
# Functions of ours where an administrator may call them, all of them before and at DATA.
RCPT_ACL = """\
  warn set acl_m_b = ${dlfunc{BATV_SO}{batv_sign}{alice@test}{friend@theirs.test}{$tod_epoch}{$message_exim_id}{192.0.2.1}{-}}
       set acl_m_b = ${dlfunc{BATV_SO}{batv_kind}{$local_part@$domain}}
"""
DATA_ACL = """\
lab_data:
  warn set acl_m_b = ${dlfunc{BATV_SO}{batv_sign}{alice@test}{friend@theirs.test}{$tod_epoch}{$message_exim_id}{192.0.2.1}{-}}
       set acl_m_b = ${dlfunc{BATV_SO}{batv_verdict}{$recipients}}
       set acl_m_b = ${dlfunc{BATV_SO}{batv_refuse}}
  accept
"""


def session(exim, host, *mails):
    """Play MAILS, (sender, recipient, message), from HOST; gives the answers to the dots."""
    text = "EHLO outside.test\r\n"
    for sender, rcpt, message in mails:
        text += f"MAIL FROM:<{sender}>\r\nRCPT TO:<{rcpt}>\r\nDATA\r\n{message}".replace("\n", "\r\n").replace("\r\r", "\r")
        text += ".\r\n"
    done = exim.exim("-bh", host, input=text + "QUIT\r\n", timeout=60)
    codes = [line[:3] for line in done.stdout.splitlines() if line[:3].isdigit() and line[3:4] == " "]
    return codes[5::4], done              # after the banner, EHLO, MAIL, RCPT and DATA


def memory(batv):
    """Checksums of all that Exim's processes could write to."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in batv.state_dir.iterdir()
            if path.name.startswith("memory")}


def play(lab, kind):
    installation = Installation(lab, "ours", kind=kind)
    batv = Batv(lab, conf=CONF.replace("+local_domains", "test") + "enforcement = reject\nflood_base = 1\nflood_share = 0%\nmark_trusted_hosts = off\n", kind=kind)
    calls = {"rcpt_first": RCPT_ACL} if kind != LIGHT else {}
    if kind in (REBUILT, HEAVY):        # ACL has a DATA ACL of its own
        calls.update(main="acl_smtp_data = lab_data\n", acl=DATA_ACL)
    exim = batv_exim(lab, batv, Sink(lab), installation=installation, relay_from=f"127.0.0.1 : {STRANGER}", **calls)
    tag = batv.sign("alice@test")
    known = "<known@test>"
    batv.ctl("remember", "-", input=f"{known} alice@test\n")
    for _ in range(3):                  # this tag is over its limit now
        exim.inject("", tag, bounce(tag), source="127.0.0.9")
    deferred = exim.inject("", tag, bounce(tag), source="127.0.0.9").data.code
    batv.stop()                         # whatever changes from now on, Exim has written it
    before = memory(batv)
    mails = [("", "alice@test", bounce("alice@test"), "550"),
             ("", tag, bounce(tag), "250"),                                     # no flood is deferred
             ("", "prvs=0999abcdef=bob@test", bounce("bob@test"), "550"),
             ("", "alice@test", bounce("alice@test", message_id=known.strip("<>")), "250"),
             ("alice@test", "friend@theirs.test", make_message("alice@test", "friend@theirs.test"), "250")]
    for _ in range(20):
        codes, done = session(exim, STRANGER, *[mail[:3] for mail in mails])
        assert codes == [mail[3] for mail in mails], done.stdout
    assert memory(batv) == before
    assert deferred == (250 if kind == ACL else 451)
    return exim, batv


def test_nothing_is_kept(lab):
    """A hundred messages of all kinds: no byte of the memory changes."""
    exim, batv = play(lab, chosen_kind())
    before = memory(batv)
    exim.inject("", "alice@test", bounce("alice@test"), source="127.0.0.9")
    assert memory(batv) != before       # as it should be


def test_nothing_is_kept_by_a_module(lab):
    if chosen_kind() == REBUILT:
        play(lab, HEAVY)
