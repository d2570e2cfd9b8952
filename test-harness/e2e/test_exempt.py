"""Who is exempt, what is judged at all, and what several recipients lead to (design, section 5)."""

import struct
import time

from batv import *

STRANGER = "127.0.0.9"
FORGED = "prvs=0123abcdef="
EXPIRED = f"prvs=0{(int(time.time()) // DAY - 3) % 1000:03}abcdef="


class Site:
    """A server that refuses at once what is unproven; 127.0.0.2 is the rest of the world."""

    domains = "test"
    relay_domains = ""
    conf = CONF
    exim = {}       # further keywords for batv_exim

    def setup(self):
        self.batv = Batv(self.lab, start=False)
        self.settings()
        self.batv.start()
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, local_domains=self.domains,
                              relay_domains=self.relay_domains, **self.exim)
        self.ours.add_users("abuse")

    def settings(self, text=None, **settings):
        """Configure, and wait until that is in force."""
        settings.setdefault("enforcement", "reject")
        if self.batv.daemon:
            self.batv.set(text or self.conf, **settings)
        else:
            self.batv.conf(text or self.conf, **settings)

    def send(self, *rcpts, source=STRANGER, sender="", message=None, auth=False):
        """A message, a bounce from outside by default: the reply to DATA, and the decisions in the log."""
        before = len(batv_lines(self.ours))
        with self.ours.smtp(source) as session:
            if auth:
                assert session.auth_plain("alice", "secret").code == 235
            result = session.send(sender, rcpts, message or bounce(rcpts[0]))
        assert [r.code for r in result.rcpts] == [250] * len(rcpts), result
        return result.data, batv_lines(self.ours)[before:]

    def refused(self, *rcpts, **how):
        """It is refused, for all recipients; gives the decisions."""
        data, lines = self.send(*rcpts, **how)
        assert data.code == 550 and data.text.startswith("5.7.1 "), data
        assert len(lines) == len(rcpts) and {line["action"] for line in lines} == {"reject"}, lines
        return lines

    def taken(self, *rcpts, into="alice", **how):
        """It is taken and comes INTO a mailbox; gives the decisions and the delivered message."""
        before = self.ours.mailbox(into)
        data, lines = self.send(*rcpts, **how)
        assert data.code == 250, data
        after = self.ours.wait_mailbox(into, len(before) + 1)
        known = {message.raw for message in before}
        (new,) = [message for message in after if message.raw not in known]
        return lines, new

    def exempt(self, rcpt, reason, **how):
        """It is taken, because of an exemption."""
        (line,), message = self.taken(rcpt, **how)
        assert (line["verdict"], line["reason"], line["action"]) == ("exempt", reason, "accept"), line
        assert message["X-BATV-Status"].startswith(f"exempt; action=accept; mode=reject; class=dsn; reason={reason};")

    def signed(self, sender):
        """The return path with which mail of SENDER leaves."""
        count = len(self.sink.messages)
        self.ours.submit(sender, "x@theirs.test", make_message(sender, "x@theirs.test"))
        return self.sink.wait(count + 1)[-1].sender


class TestExemptions(Site):
    exim = {"main": "acl_smtp_mail = by_acl",
            "acl": "by_acl:\n  warn hosts = 127.0.0.7\n  set acl_m_batv = exempt\n"
                   "  warn hosts = 127.0.0.8\n  set acl_m_batv = yes\n  accept\n"}

    def test_authenticated(self):
        self.settings()
        self.exempt("alice@test", "authenticated", auth=True)
        self.refused("alice@test")
        self.settings(exempt_authenticated="off")
        self.refused("alice@test", auth=True)

    def test_exempt_hosts(self):
        self.settings()
        self.refused("alice@test", source="127.0.0.5")
        self.settings(exempt_hosts="127.0.0.4 : 127.0.0.5")
        self.exempt("alice@test", "exempt-host", source="127.0.0.5")
        self.exempt(FORGED + "alice@test", "exempt-host", source="127.0.0.5")
        self.refused("alice@test", source="127.0.0.6")

    def test_own_hosts(self):
        self.settings()
        self.exempt("alice@test", "own-host", source="127.0.0.1")
        self.settings(own_hosts="")
        (line,), _ = self.taken("alice@test", source="127.0.0.1")
        assert (line["verdict"], line["reason"], line["action"]) == ("missing", "trusted-host", "mark"), line
        self.settings(own_hosts="", mark_trusted_hosts="off")
        self.refused("alice@test", source="127.0.0.1")
        # the default: loopback, and the addresses of this machine
        self.settings("domains = +local_domains\n")
        self.exempt("alice@test", "own-host", source="127.0.0.1")
        self.exempt("alice@test", "own-host", source=STRANGER)

    def test_recipients(self):
        self.settings()
        self.exempt("postmaster@test", "exempt-recipient", into="postmaster")
        self.exempt("PostMaster@TEST", "exempt-recipient", into="postmaster")
        self.exempt("abuse@test", "exempt-recipient", into="abuse")
        self.exempt(FORGED + "abuse@test", "exempt-recipient", into="abuse")
        self.refused("alice@test")
        self.settings(exempt_recipients="alice@test")
        self.exempt("alice@test", "exempt-recipient")
        self.refused("postmaster@test")
        self.settings(exempt_recipients="")
        self.refused("abuse@test")

    def test_acl(self):
        self.settings()
        self.exempt("alice@test", "acl", source="127.0.0.7")
        self.refused("alice@test", source="127.0.0.8")
        self.settings(exempt_acl="off")
        self.refused("alice@test", source="127.0.0.7")

    def test_unsigned_senders(self):
        self.settings()
        before = self.signed("alice@test")
        assert is_signed(before, "alice@test")
        self.refused("alice@test")
        self.settings(unsigned_senders="alice@test : *@lists.test")
        assert self.signed("alice@test") == "alice@test"
        self.exempt("alice@test", "unsigned-sender")
        self.exempt("Alice@Test", "unsigned-sender")
        self.refused("bob@test")
        # a tag of before the change is as good as ever
        (line,), _ = self.taken(before)
        assert line["verdict"] == "valid"

    def test_a_valid_tag_needs_no_exemption(self):
        self.settings()
        (line,), message = self.taken(self.signed("alice@test"), source="127.0.0.1")
        assert (line["verdict"], line["action"], line["reason"]) == ("valid", "accept", "-"), line
        assert message["X-BATV-Status"].startswith("valid; action=accept;")

    def test_header_can_be_switched_off(self):
        self.settings(result_header="off")
        forged = "X-BATV-Status: valid; action=accept\n" + bounce("alice@test")
        (line,), message = self.taken("alice@test", source="127.0.0.1", message=forged)
        assert line["reason"] == "own-host" and message["X-BATV-Status"] is None


class TestUnsignable(Site):
    """What never leaves with a tag never misses one."""

    exim = {"routers": "srs_back:\n  driver = redirect\n  domains = +local_domains\n"
                       "  local_parts = ^(?i)srs[01x][=+-]\n  data = bob@test\n"}

    def setup(self):
        super().setup()
        self.ours.add_users("a" * 48, "b" * 49, "jürgen")

    def test_local_part_of_48_octets_is_the_longest(self):
        address = "a" * 48 + "@test"
        assert is_signed(self.signed(address), address)
        (line,) = self.refused(address)
        assert line["verdict"] == "missing"
        (line,), _ = self.taken(self.signed(address), into="a" * 48)
        assert line["verdict"] == "valid"

    def test_local_part_of_49_octets(self):
        address = "b" * 49 + "@test"
        assert self.signed(address) == address
        (line,), message = self.taken(address, into="b" * 49)
        assert (line["verdict"], line["action"]) == ("unsignable", "accept"), line
        assert message["X-BATV-Status"].startswith("unsignable; action=accept;")

    def test_utf8(self):
        with self.ours.smtp(STRANGER) as session:
            params = "SMTPUTF8" if "SMTPUTF8" in session.extensions else ""
            result = session.send("", "jürgen@test", bounce("jürgen@test"), params=params)
        assert result.rcpts[0].code == 250 and result.data.code == 250, result
        (message,) = self.ours.wait_mailbox("jürgen")
        assert message["X-BATV-Status"].startswith("unsignable; action=accept;")
        # an Exim with SMTPUTF8 turns it into an A-label, for a server without
        assert self.signed("jürgen@test") in ("jürgen@test", "xn--jrgen-kva@test")

    def test_srs(self):
        for rcpt in "SRS0=HHHH=TT=theirs.test=carol@test", "srs0+HHHH=TT=theirs.test=carol@test", \
                "SRS1=HHHH=mid.test==HHHH=TT=theirs.test=carol@test":
            self.exempt(rcpt, "srs", into="bob")
        assert self.signed("SRS0=HHHH=TT=theirs.test=carol@test") == "SRS0=HHHH=TT=theirs.test=carol@test"
        (line,) = self.refused("SRSX=HHHH=TT=theirs.test=carol@test")
        assert line["verdict"] == "missing"


MDN = """\
From: alice's friend <friend@theirs.test>
To: alice@test
Subject: Read: lunch
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="b"

--b
Content-Type: text/plain

Your message was displayed.
--b
Content-Type: message/disposition-notification

Final-Recipient: rfc822; friend@theirs.test
Original-Message-ID: <1@test>
Disposition: manual-action/MDN-sent-manually; displayed
--b--
"""
CALENDAR = """\
From: friend@theirs.test
To: alice@test
Subject: Accepted: lunch
MIME-Version: 1.0
Content-Type: text/calendar; method=REPLY; charset=utf-8

BEGIN:VCALENDAR
METHOD:REPLY
END:VCALENDAR
"""
AUTOREPLY = """\
From: friend@theirs.test
To: alice@test
Subject: Out of office
Auto-Submitted: auto-replied

I am away.
"""
REPORT = """\
From: dmarc@theirs.test
To: alice@test
Subject: Report Domain: test Submitter: theirs.test Report-ID: <2026.1>
MIME-Version: 1.0
Content-Type: application/gzip; name="theirs.test!test!1!2.xml.gz"
Content-Transfer-Encoding: base64

H4sIAAAAAAAAA7NJTUouyy9KTVGwBQCvDUSOCQAAAA==
"""
OTHER = """\
From: notifier@theirs.test
To: alice@test
Subject: Your ticket

A machine has something to say.
"""
MESSAGES = {"mdn": MDN, "calendar": CALENDAR, "autoreply": AUTOREPLY, "report": REPORT, "other": OTHER}


class TestClasses(Site):
    def test_all_but_bounces_are_marked(self):
        self.settings()
        for kind, text in MESSAGES.items():
            (line,), message = self.taken("alice@test", message=text)
            reason = "cites-nothing" if kind == "autoreply" else "class"
            assert (line["verdict"], line["action"], line["class"], line["reason"]) == ("missing", "mark", kind, reason)
            assert message["X-BATV-Status"].startswith(
                f"missing; action=mark; mode=reject; class={kind}; reason={reason};"), message["X-BATV-Status"]
        self.refused("alice@test")

    def test_none_but_bounces_is_refused_whatever_is_configured(self):
        """Not as long as the memory is too young to have proven them, and never if they cite nothing."""
        self.settings(**{f"unproven_{kind}": "reject" for kind in MESSAGES})
        for kind, text in MESSAGES.items():
            cites_itself = "Original-Message-ID" in text
            for cited, reason in (("In-Reply-To: <unknown@theirs.test>\n", "no-memory"),
                                  ("", "no-memory" if cites_itself else "cites-nothing")):
                (line,), message = self.taken(FORGED + "alice@test", message=cited + text)
                assert (line["verdict"], line["action"], line["class"]) == ("forged", "mark", kind), line
                assert line["reason"] == reason, line

    def test_a_class_that_is_accepted(self):
        self.settings(unproven_mdn="accept")
        (line,), message = self.taken("alice@test", message=MDN)
        assert (line["verdict"], line["action"], line["reason"]) == ("missing", "accept", "class"), line
        assert message["X-BATV-Status"].startswith("missing; action=accept;")

    def test_bounces_that_are_marked_or_accepted(self):
        for action in "mark", "accept":
            self.settings(unproven_dsn=action)
            for rcpt in "alice@test", FORGED + "alice@test", EXPIRED + "alice@test":
                (line,), message = self.taken(rcpt)
                assert (line["action"], line["class"], line["reason"]) == (action, "dsn", "class"), line
                assert f"; action={action}; mode=reject; class=dsn;" in message["X-BATV-Status"]

    def test_bounce_without_structure(self):
        self.settings()
        (line,) = self.refused("alice@test", message="From: MAILER-DAEMON@theirs.test\nTo: alice@test\n"
                               "Subject: hello\n\nno\n")
        assert line["class"] == "dsn"
        (line,) = self.refused("alice@test", message="From: info@theirs.test\nTo: alice@test\nSubject: hello\n\n"
                               "Hi. This is the qmail-send program at theirs.test.\n\n"
                               "<bob@theirs.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n")
        assert line["class"] == "dsn"       # told by its body alone, by two signs in it


class TestAutomatic(Site):
    def ordinary(self, sender, **how):
        """It is taken and not judged."""
        lines, message = self.taken(how.pop("rcpt", "alice@test"), sender=sender, **how)
        assert lines == [] and message["X-BATV-Status"] is None, (lines, message.raw)
        return message

    def test_ordinary_mail_is_never_judged(self):
        self.settings()
        for local_part in "bob", "daemon", "mailer-daemons", "x-mailer-daemon":
            self.ordinary(f"{local_part}@theirs.test")
        self.ordinary("bob@theirs.test", message="X-BATV-Status: valid; action=accept\n" + bounce("alice@test"))

    def test_mailer_daemon_is_judged(self):
        self.settings()
        for sender in "mailer-daemon@theirs.test", "MAILER-DAEMON@mx.theirs.test", "Mailer-Daemon@test", '"MAILER-DAEMON"@theirs.test':
            (line,) = self.refused("alice@test", sender=sender)
            assert line["verdict"] == "missing"
        (line,), _ = self.taken(self.signed("alice@test"), sender="MAILER-DAEMON@mx.theirs.test")
        assert line["verdict"] == "valid"

    def test_pattern(self):
        self.settings(automatic_senders="^(bounce|returns)[-+].*@")
        for sender in "", "bounce-17@theirs.test", "Returns+x@theirs.test", '"bounce-17"@theirs.test':
            self.refused("alice@test", sender=sender)
        self.ordinary("xbounce-17@theirs.test")
        self.ordinary("mailer-daemon@theirs.test")      # the pattern replaces the default

    def test_catastrophic_pattern(self):
        self.settings(automatic_senders=r"^(([a-z]+)+)+$")
        sender = "a" * 60 + "!@theirs.test"
        doubts = self.batv.json("status")["counters"]["doubt"]
        start = time.monotonic()
        self.ordinary(sender)
        assert time.monotonic() - start < 60        # unbounded it takes years
        (line,) = self.ours.mainlog(OUR_LINE + "doubt=automatic_senders")
        assert f"action=not-judged address=<{sender}>" in line, line
        assert self.batv.json("status")["counters"]["doubt"] == doubts + 1
        self.refused("alice@test")                      # <> needs no pattern
        assert self.ours.paniclog() == []


class TestRecipients(Site):
    """Two recipients of one message: DATA has one answer."""

    domains = "test : watch.test"
    conf = CONF + "\n[policy watch]\ndomains = watch.test\nenforcement = observe\n"

    def setup(self):
        super().setup()
        self.valid = self.signed("alice@test")

    def actions(self, lines):
        return [(line["rcpt"], line["verdict"], line["action"], line["reason"]) for line in lines]

    def test_good_and_bad(self):
        bob = len(self.ours.mailbox("bob"))
        for rcpts in (self.valid, "bob@test"), ("bob@test", self.valid):
            lines, message = self.taken(*rcpts)
            assert sorted(self.actions(lines)) == [("<bob@test>", "missing", "remove", "-"),
                                                   (f"<{self.valid}>", "valid", "accept", "-")], lines
            (status,) = message.get_all("X-BATV-Status")
            assert "bob" not in status and status.startswith("valid;"), status
            assert status.endswith(f"rcpt=<{self.valid}>"), status      # nobody else gets it
        lines, _ = self.taken("bob@test", self.valid, FORGED + "carol@test", EXPIRED + "bob@test")
        assert [line["action"] for line in lines] == ["remove", "accept", "remove", "remove"]
        self.ours.wait_idle()
        assert len(self.ours.mailbox("bob")) == bob and self.ours.mailbox("carol") == []

    def test_good_and_bad_of_one_user(self):
        lines, _ = self.taken("alice@test", self.valid)
        assert [line["action"] for line in lines] == ["remove", "accept"]

    def test_good_good_bad(self):
        carol = self.signed("carol@test")
        lines, message = self.taken(self.valid, carol, "bob@test", into="carol")
        assert [line["action"] for line in lines] == ["accept", "accept", "remove"]
        assert message.get_all("X-BATV-Status") == ["valid; action=accept; mode=reject; class=dsn; reason=-"]

    def test_exempt_and_bad(self):
        """Nothing proves that the bounce is forged: an exempt recipient's copy is not lost with it."""
        mixed = self.counter("mixed")
        for rcpts in ("postmaster@test", "bob@test"), ("bob@test", "postmaster@test"):
            lines, message = self.taken(*rcpts, into="bob")
            assert sorted(self.actions(lines)) == [("<bob@test>", "missing", "mark", "mixed"),
                                                   ("<postmaster@test>", "exempt", "accept", "exempt-recipient")]
            assert message.get_all("X-BATV-Status") == ["missing; action=mark; mode=reject; class=dsn; reason=mixed"]
        self.ours.wait_mailbox("postmaster", 2)
        assert self.counter("mixed") == mixed + 2
        self.refused("bob@test")

    def counter(self, name):
        return self.batv.json("status")["counters"][name]

    def test_no_header_names_anybody(self):
        """Neither blind recipients nor live tags of colleagues, in any copy."""
        carol, users = self.signed("carol@test"), ("alice", "carol", "bob", "postmaster")
        for rcpts in ((self.valid, carol), (self.valid, "postmaster@test"), ("postmaster@test", "carol@test"),
                      ("abuse@test", self.valid, carol, FORGED + "bob@test")):
            before = {user: len(self.ours.mailbox(user)) for user in users}
            assert self.send(*rcpts)[0].code == 250
            self.ours.wait_idle()
            for user in users:
                for message in self.ours.mailbox(user)[before[user]:]:
                    (status,) = message.get_all("X-BATV-Status")
                    assert "rcpt=" not in status and "@" not in status, status

    def test_the_worst_verdict(self):
        self.settings(unproven_dsn="mark")
        expired, forged = EXPIRED + "carol@test", FORGED + "alice@test"
        for rcpts, worst in (((self.valid, "postmaster@test"), "exempt"), (("alice@test", self.valid), "missing"),
                             ((expired, "alice@test"), "expired"), ((expired, forged, self.valid), "forged")):
            self.ours.wait_idle()
            _, message = self.taken(*rcpts, into="alice" if rcpts != (expired, "alice@test") else "carol")
            (status,) = message.get_all("X-BATV-Status")
            assert status.startswith(worst + ";"), (rcpts, status)
        self.settings()

    def test_two_bad(self):
        lines = self.refused("alice@test", FORGED + "bob@test")
        assert [line["verdict"] for line in lines] == ["missing", "forged"]

    def test_observing_beside_refused(self):
        """A refusal would take the copy of the one whose policy observes."""
        for rcpts in ("bob@test", "carol@watch.test"), ("carol@watch.test", "bob@test"):
            lines, message = self.taken(*rcpts, into="carol")
            assert sorted(self.actions(lines)) == [("<bob@test>", "missing", "mark", "mixed"),
                                                   ("<carol@watch.test>", "missing", "mark", "observe")]
            modes = sorted((line["mode"], line["policy"]) for line in lines)
            assert modes == [("observe", "watch"), ("reject", "default")]
            (status,) = message.get_all("X-BATV-Status")
            assert status.startswith("missing; action=mark;") and "rcpt=" not in status, status
        self.refused("bob@test")

    def test_not_ours_and_bad(self):
        """A bounce that we relay goes the way of an exempt recipient's."""
        self.settings(own_hosts="", mark_trusted_hosts="off")
        lines, _ = self.taken("x@theirs.test", "bob@test", source="127.0.0.1", into="bob")
        assert self.actions(lines) == [("<x@theirs.test>", "not-ours", "accept", "-"),
                                       ("<bob@test>", "missing", "mark", "mixed")]
        count = len(self.sink.wait(1))
        data, (line,) = self.send("x@theirs.test", source="127.0.0.1")
        assert data.code == 250 and (line["verdict"], line["action"]) == ("not-ours", "accept")
        assert self.sink.wait(count + 1)[-1].sender == ""
        self.settings()


class TestOneByOne(Site):
    """acl-rcpt.conf: a further recipient of another kind is asked to come alone, and so is one with a tag."""

    exim = {"rcpt_last": f".include {SNIPPETS}/acl-rcpt.conf\n"}

    def setup(self):
        super().setup()
        self.valid = self.signed("alice@test")

    def rcpts(self, *rcpts, sender="", source=STRANGER):
        """The codes of RCPT, then that of DATA."""
        with self.ours.smtp(source) as session:
            result = session.send(sender, rcpts, bounce("alice@test"))
        return [r.code for r in result.rcpts] + [result.data.code]

    def test_another_kind(self):
        bob = len(self.ours.mailbox("bob"))
        assert self.rcpts(self.valid, "bob@test") == [250, 452, 250]
        assert self.rcpts("bob@test", self.valid) == self.rcpts("bob@test", FORGED + "alice@test") == [250, 452, 550]
        assert self.rcpts("bob@test", "postmaster@test") == [250, 452, 550]
        # the other side comes again with the one that had to wait, and gets its own answer
        assert self.rcpts("bob@test") == [250, 550]
        assert self.rcpts("postmaster@test") == [250, 250]
        self.ours.wait_mailbox("alice", 1)
        self.ours.wait_mailbox("postmaster", 1)
        self.ours.wait_idle()
        assert len(self.ours.mailbox("bob")) == bob and len(self.ours.mailbox("alice")) == 1
        assert self.ours.mainlog("second recipient of a bounce has another verdict, or may have one")
        assert batv_lines(self.ours, action="remove") == []

    def test_the_reply_tells_why(self):
        with self.ours.smtp(STRANGER) as session:
            session.mail("")
            session.rcpt(self.valid)
            reply = session.rcpt("bob@test")
            assert reply.code == 452 and reply.text.startswith("4.5.3 "), reply
            again = session.rcpt("postmaster@test")
            assert again == reply, again

    def test_the_same_kind(self):
        """Tags come alone, whatever they are worth; bare recipients come together."""
        carol = self.signed("carol@test")
        assert self.rcpts(self.valid, carol, self.valid) == [250, 452, 452, 250]
        assert self.rcpts(FORGED + "alice@test", carol, EXPIRED + "carol@test") == [250, 452, 452, 550]
        assert self.rcpts("alice@test", "bob@test") == [250, 250, 550]
        assert self.rcpts("postmaster@test", "abuse@test") == [250, 250, 250]

    def test_only_bounces_from_outside(self):
        assert self.rcpts(self.valid, "bob@test", sender="x@theirs.test") == [250, 250, 250]
        self.settings(exempt_hosts="127.0.0.5")
        assert self.rcpts(self.valid, "bob@test", source="127.0.0.5") == [250, 250, 250]

    def test_each_message_of_a_session_by_itself(self):
        with self.ours.smtp(STRANGER) as session:
            assert session.send("", [self.valid], bounce("alice@test")).data.code == 250
            assert session.send("", ["bob@test"], bounce("bob@test")).data.code == 550
            session.mail("")
            assert session.rcpt(self.valid).code == 250
            session.rset()
            session.mail("")
            assert session.rcpt("bob@test").code == 250


class TestTaggedRecipients(Site):
    """A tag routes whatever it is worth, and whatever the mail is."""

    relay_domains = "gw.test"
    conf = CONF.replace("+local_domains", "+local_domains : +relay_to_domains")
    exim = {"main": "acl_smtp_mail = by_sender",
            "acl": "by_sender:\n  accept hosts = ! 127.0.0.9\n  require verify = sender\n  accept\n"}

    def test_ordinary_mail_to_a_tagged_address(self):
        for rcpt in (self.signed("alice@test"), FORGED + "alice@test", EXPIRED + "alice@test",
                     f"alice+{FORGED[:-1]}@test"):
            lines, message = self.taken(rcpt, sender="carol@theirs.test", source="127.0.0.8",
                                        message=make_message("carol@theirs.test", "alice@test"))
            assert lines == [] and message["Return-path"] == "<carol@theirs.test>"
            self.ours.wait_log("=> alice <%s>" % re.escape(kept(self.ours, rcpt)))

    def test_sender_verification_of_a_tagged_sender_of_ours(self):
        """Our own mail comes back to us, from a mailing list's exploder for example."""
        with self.ours.smtp(STRANGER) as session:
            for sender in self.signed("alice@test"), FORGED + "alice@test", EXPIRED + "Alice@TEST":
                assert session.mail(sender).code == 250
                session.rset()
            assert session.mail(FORGED + "nobody@test").code == 550     # it is verified indeed

    def test_gateway(self):
        """The tag is removed, and the mail goes on to the server behind us."""
        tagged = self.signed("dave@gw.test")
        assert is_signed(tagged, "dave@gw.test")
        count = len(self.sink.messages)
        data, (line,) = self.send(tagged)
        assert data.code == 250 and line["verdict"] == "valid"
        onward = self.sink.wait(count + 1)[-1]
        assert onward.sender == "" and onward.recipients == ["dave@gw.test"]
        assert b"X-BATV-Status: valid;" in onward.data
        (line,) = self.refused("dave@gw.test")
        assert line["verdict"] == "missing"
        self.refused(FORGED + "dave@gw.test")
        data, lines = self.send(FORGED + "dave@gw.test", sender="carol@theirs.test", source="127.0.0.8")
        assert data.code == 250 and lines == []
        assert self.sink.wait(count + 2)[-1].recipients == ["dave@gw.test"]


class TestRelays(Site):
    def test_behind_a_backup_mx(self):
        """A refusal would only freeze the message there."""
        self.settings(relay_in_hosts="127.0.0.6")
        for tag, verdict in ("", "missing"), (FORGED, "forged"), (EXPIRED, "expired"):
            rcpt = f"{tag}alice@test"
            (line,), message = self.taken(rcpt, source="127.0.0.6")
            assert (line["verdict"], line["action"], line["reason"]) == (verdict, "mark", "relay-host"), line
            assert message["X-BATV-Status"].startswith(
                f"{verdict}; action=mark; mode=reject; class=dsn; reason=relay-host;")
            self.refused(rcpt)
        (line,), _ = self.taken(self.signed("alice@test"), source="127.0.0.6")
        assert line["verdict"] == "valid"
        # three failed and were not refused; the refused ones are not among them
        spared = self.batv.json("status")["counters"]["spared"]
        assert spared.pop("relay-host") == 3 and not any(spared.values()), spared
        assert "failed and not refused: relay-host 3\n" in self.batv.status().stdout
        self.settings()
        self.refused("alice@test", source="127.0.0.6")


def test_own_bounces_are_never_judged(lab):
    """They have no sending host.  If the transport alone signs they go to the bare address."""
    batv = Batv(lab, conf=CONF + "enforcement = reject\n")
    sink = Sink(lab)
    sink.answer("rcpt", "550 5.1.1 no such user")
    ours = batv_exim(lab, batv, sink, router=False, reception=False)
    ours.submit("alice@test", "nobody@theirs.test", make_message(to="nobody@theirs.test"))
    (message,) = ours.wait_mailbox("alice")
    assert message["Return-path"] == "<>" and "nobody@theirs.test" in str(message)
    assert ours.mainlog(r"<= <> R=\S+ .* for alice@test")       # to the bare one
    assert is_signed(sink.refused[0].sender, "alice@test")
    ours.submit("", "alice@test", bounce("alice@test"))
    assert len(ours.wait_mailbox("alice", 2)) == 2
    assert batv_lines(ours) == [] and ours.mainlog("batv:") == []
    assert ours.inject("", "alice@test", bounce("alice@test"), STRANGER).data.code == 550
    assert len(batv_lines(ours)) == 1


class TestPolicies(Site):
    """Domains in lists and in a file; the first match wins, the default one comes last."""

    domains = "test : *.example"
    hosted = "first.example:\nsecond.example:\nshop.example: x\n"

    def setup(self):
        hosted = self.lab.write("hosted", self.hosted)
        self.exim = {"main": f"domainlist lab_hosted = lsearch;{hosted}\n"}
        super().setup()
        self.conf = CONF.replace("+local_domains", "test : first.example") + f"""
[policy listed]
domains = first.example : third.example
refusal_text = Not from first or third.

[policy filed]
domains = +lab_hosted
refusal_text = Not from the file.
exempt_recipients = alice@second.example

[policy watched]
domains = second.example : *.net.example
enforcement = observe
"""
        self.settings()

    def test_first_match_wins(self):
        for rcpt, policy, text in (("bob@test", "default", "This is a bounce of mail that was not sent from here"),
                                   ("bob@first.example", "listed", "Not from first or third."),
                                   ("bob@Third.Example", "listed", "Not from first or third."),
                                   ("bob@second.example", "filed", "Not from the file."),
                                   ("postmaster@shop.example", "filed", "Not from the file.")):
            data, (line,) = self.send(rcpt)
            assert data.code == 550 and data.text.startswith(f"5.7.1 {text}"), (rcpt, data)
            assert line["policy"] == policy
        (line,), _ = self.taken("bob@some.net.example", into="bob")
        assert (line["policy"], line["action"], line["reason"]) == ("watched", "mark", "observe")

    def test_settings_are_inherited_and_replaced(self):
        (line,), _ = self.taken("alice@second.example")
        assert (line["policy"], line["reason"]) == ("filed", "exempt-recipient")
        (line,), _ = self.taken("postmaster@first.example", into="postmaster")
        assert (line["policy"], line["reason"]) == ("listed", "exempt-recipient")

    def test_the_text_is_that_of_whoever_failed(self):
        guessed = "alice@first.example", "bob@first.example", "carol@first.example", "bob@second.example"
        for rcpts, text in ((("bob@second.example", "bob@first.example"), "the file."),
                            (("bob@first.example", "bob@second.example"), "first or third."),
                            # the first one is refused with the others, for they are too many guesses
                            ((self.signed("alice@test"), *(f"{FORGED}{rcpt}" for rcpt in guessed)),
                             "first or third.")):
            data, lines = self.send(*rcpts)
            assert data == (550, f"5.7.1 Not from {text}"), (data, lines)

    def test_a_domain_in_no_policy_is_not_ours(self):
        (line,), _ = self.taken("alice@stray.example")
        assert (line["verdict"], line["action"], line["policy"]) == ("not-ours", "accept", "-"), line
        assert self.signed("alice@stray.example") == "alice@stray.example"

    def test_the_file_is_read_by_exim(self):
        """A change of it needs no daemon."""
        (line,), _ = self.taken("alice@late.example")
        assert line["verdict"] == "not-ours"
        self.lab.write("hosted", self.hosted + "late.example:\n")
        (line,) = self.refused("alice@late.example")
        assert line["policy"] == "filed"
        self.lab.write("hosted", self.hosted)


def cdb(keys):
    """A constant database (cr.yp.to/cdb) with these keys and empty values."""
    def djb(key):
        h = 5381
        for c in key:
            h = ((h << 5) + h ^ c) & 0xffffffff
        return h
    records, tables = b"", [[] for _ in range(256)]
    for key in keys:
        key = key.encode()
        tables[djb(key) & 255].append((djb(key), 2048 + len(records)))
        records += struct.pack("<LL", len(key), 0) + key
    head, body, at = b"", b"", 2048 + len(records)
    for entries in tables:
        slots = [(0, 0)] * (2 * len(entries))
        head += struct.pack("<LL", at + len(body), len(slots))
        for h, position in entries:
            i = (h >> 8) % len(slots)
            while slots[i][1]:
                i = (i + 1) % len(slots)
            slots[i] = h, position
        body += b"".join(struct.pack("<LL", *slot) for slot in slots)
    return head + records + body


class TestHoster(Site):
    """Ten domains in a file: one policy."""

    hosted = [f"shop{i}.example" for i in range(10)]
    domains = "test : *.example"
    conf = CONF.replace("+local_domains", "test")
    exim = {"options": {"smtp_accept_queue_per_connection": 0}}

    def setup(self):
        super().setup()
        self.cdb = self.lab.root_file("hosted.cdb", cdb(self.hosted))
        self.list = self.lab.root_file("hosted.list", "".join(f"{d}\n" for d in self.hosted))

    def check(self, kind):
        self.settings(self.conf + f"\n[policy hosted]\ndomains = {kind}\ntag_style = subaddress\n")
        with self.ours.smtp("127.0.0.1") as session:
            before = len(self.sink.messages)
            for domain in self.hosted:
                assert session.send(f"bob@{domain}", "x@theirs.test", make_message()).data.code == 250
        senders = {m.sender.partition("@")[2]: m.sender for m in self.sink.wait(before + 10)[before:]}
        assert sorted(senders) == self.hosted
        bob = len(self.ours.mailbox("bob"))
        with self.ours.smtp(STRANGER) as session:
            for domain, sender in senders.items():
                assert re.fullmatch(r"bob\+prvs=[0-9]{4}[0-9a-f]{6}@" + domain, sender), sender
                assert session.send("", sender, bounce(sender)).data.code == 250
                assert session.send("", f"bob@{domain}", bounce(f"bob@{domain}")).data.code == 550
            assert session.send("", "bob@stranger.example", bounce("bob@stranger.example")).data.code == 250
        self.ours.wait_mailbox("bob", bob + 11)
        assert len(batv_lines(self.ours, policy="hosted", verdict="valid")) >= 10
        assert {d["domain"] for d in self.batv.json("status")["domains"]} == set(self.hosted)

    def test_cdb(self):
        self.check(f"cdb;{self.cdb}")

    def test_lsearch(self):
        self.check(f"lsearch;{self.list}")
