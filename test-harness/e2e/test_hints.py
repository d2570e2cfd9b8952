"""What nothing proves, and may be an answer all the same: what cites nothing, and what is only hinted at."""

from answers import *

NOON = 1_900_000_000
REFUSED, CITES_NOTHING, NO_MEMORY = ("reject", "-"), ("mark", "cites-nothing"), ("mark", "no-memory")


class Company(Ours):
    """A server with a memory that begins now."""

    settings = ""
    local_domains = "test"
    router = True

    def setup(self):
        self.lab.clock.set(NOON)
        self.conf = MEMORY + SHORT + self.settings
        self.batv = Batv(self.lab, conf=self.conf, exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, local_domains=self.local_domains, router=self.router,
                              options={"smtp_accept_queue_per_connection": "0"})
        self.ours.add_users("shop", "www-data", "mallory", "owner", "dave")


class TestCitesNothing(Company):
    def test_out_of_office(self):
        """Alice writes to an alias, a group, bob+list@ and bob@theirs; bob's machine answers as bob@company."""
        bob = "Bob <bob@company.test>"
        self.complete()
        sent = new_id()
        self.write("sales@theirs.test", sent)
        for make, class_ in (out_of_office, "autoreply"), (meeting_reply, "calendar"), (mdn, "mdn"), (reply, "other"):
            self.batv.set(self.conf, **{f"unproven_{class_}": "reject"})
            self.unproven(make(bob), class_, outcome=CITES_NOTHING)
            self.unproven(make(bob, In_Reply_To=f"<{new_id()}>"), class_, outcome=REFUSED)
            self.unproven(make(bob, In_Reply_To=f"<{sent}>"), class_, "bob@test", outcome=REFUSED)
            self.remembered(make(bob, In_Reply_To=f"<{sent}>"), class_, "id", sent)
        spared = self.batv.json("status")["counters"]["spared"]
        assert spared["cites-nothing"] == 4, spared

    def test_to_a_wrong_tag(self):
        self.complete()
        code, line = self.replay(out_of_office(), "prvs=1234abcdef=alice@test")
        assert (code, line["verdict"], line["reason"]) == (250, "forged", "cites-nothing"), line

    def test_the_products_way(self):
        self.batv.set(self.conf, unproven_autoreply="reject-all")
        self.complete()
        self.unproven(out_of_office(), "autoreply", outcome=REFUSED)
        self.unproven(out_of_office(In_Reply_To=f"<{new_id()}>"), "autoreply", outcome=REFUSED)
        sent = new_id()
        self.write("bob@theirs.test", sent)
        self.remembered(out_of_office(), "autoreply", "pair")
        assert self.batv.ctl("check", check=False).returncode == 0
        self.batv.conf(self.conf, unproven_mdn="reject-all")
        assert self.batv.ctl("check", check=False).returncode != 0
        self.batv.set(self.conf)

    def test_explained(self):
        self.complete()
        path = self.lab.write(self.lab.dir / "reply.eml", out_of_office("carol@theirs.test"))
        told = self.batv.json("explain", "--from", "", "--rcpt", "alice@test", "--host", STRANGER, path)
        assert (told["verdict"], told["action"], told["reason"]) == ("missing", "mark", "cites-nothing"), told


class TestUnsignedDestinations(Company):
    settings = "unsigned_destinations = *@lists.test\n"

    def dsn(self, message_id=None):
        return cites_bounce(message_id) if message_id else bounce_without_id()

    def test_bounces(self):
        """Of mail that left untagged; a stranger's mail in alice's name could have left so, too."""
        sent = new_id()
        self.write("bob@lists.test", sent)
        assert self.sink.wait()[-1].sender == "alice@test"
        self.remembered(self.dsn(sent), "dsn", "id", sent)
        self.unproven(self.dsn(), "dsn", outcome=CITES_NOTHING)
        self.unproven(self.dsn(new_id()), "dsn", outcome=NO_MEMORY)
        self.complete()
        self.unproven(self.dsn(), "dsn", outcome=CITES_NOTHING)
        self.unproven(self.dsn(new_id()), "dsn", outcome=REFUSED)
        code, line = self.replay(self.dsn(), "prvs=1234abcdef=alice@test")      # tagged mail went elsewhere
        assert (code, line["verdict"], line["action"]) == (550, "forged", "reject"), line
        self.batv.set(self.conf.replace(self.settings, ""))
        self.unproven(self.dsn(), "dsn")

    def test_another_policy_without_them(self):
        self.batv.set(MEMORY + SHORT + "[policy lists]\ndomains = lists.test\n" + self.settings)
        self.unproven(self.dsn(), "dsn")


class TestHints(Company):
    """An id of a local submission, or of a session for another domain, is a hint for the addresses in its header."""

    local_domains = "test : customer.test"

    def web(self, author, sender="www-data@test", **headers):
        """What a web application sends by itself: the id."""
        sent = new_id("web")
        self.ours.submit(sender, "dave@theirs.test", make_message(author, "dave@theirs.test", Message_ID=f"<{sent}>", **headers))
        return sent

    def hinted(self, message, class_, rcpt, message_id, times=1):
        """It comes in, marked."""
        for _ in range(times):
            mark = os.urandom(6).hex()
            code, line = self.replay(message, rcpt, mark=mark)
            assert (code, line["verdict"], line["action"]) == (250, "missing", "mark"), line
            assert (line["reason"], line["class"], line["msgid"]) == ("hint-id", class_, message_id), line
        status = self.status_of(rcpt, mark)
        assert status.startswith(f"missing; action=mark; mode=reject; class={class_}; reason=hint-id;"), status

    def forgotten(self, message_id, *rcpts):
        """Neither proof nor hint."""
        for rcpt in rcpts:
            self.unproven(cites_bounce(message_id), "dsn", rcpt)

    def test_a_web_application(self):
        sent = self.web("shop@test", Reply_To="carol@customer.test", Disposition_Notification_To="dave@test")
        for rcpt in "shop@test", "carol@customer.test", "dave@test":
            self.hinted(out_of_office(In_Reply_To=f"<{sent}>"), "autoreply", rcpt, sent)
            self.hinted(cites_bounce(sent), "dsn", rcpt, sent)
        self.remembered(cites_bounce(sent), "dsn", "id", sent, "www-data@test")
        self.forgotten(sent, "alice@test", "shop@customer.test")
        # and no pair: what cites nothing is not known to be an answer
        self.unproven(out_of_office("dave@theirs.test"), "autoreply", "shop@test")
        # sender and author are one: a proof
        self.remembered(cites_bounce(sent := self.web("shop@test", "shop@test")), "dsn", "id", sent, "shop@test")

    def test_a_customer_in_the_name_of_another(self):
        """Of the session's own domain an address is proof, of another one it is a hint at most."""
        sent = new_id()
        self.write("dave@theirs.test", sent, "mallory@customer.test", source="127.0.0.1")
        self.remembered(cites_bounce(sent), "dsn", "id", sent, "mallory@customer.test")
        for auth in False, True:
            planted = new_id("planted")
            self.session("mallory@customer.test", "alice@test", planted, auth, Reply_To="bob@Customer.Test, carol@test")
            self.remembered(cites_bounce(planted), "dsn", "id", planted, "mallory@customer.test")
            self.remembered(cites_bounce(planted), "dsn", "id", planted, "bob@customer.test")
            for rcpt in "alice@test", "carol@test":
                self.hinted(cites_bounce(planted), "dsn", rcpt, planted)
            self.unproven(out_of_office("dave@theirs.test"), "autoreply", "alice@test")     # and no pair
            self.remembered(out_of_office("dave@theirs.test"), "autoreply", "pair", rcpt="mallory@customer.test")
        planted = new_id("planted")
        self.session("mallory@elsewhere.test", "alice@test", planted, True)
        self.hinted(cites_bounce(planted), "dsn", "alice@test", planted)

    def session(self, sender, author, message_id, auth=False, **headers):
        message = make_message(author, "dave@theirs.test", Message_ID=f"<{message_id}>", **headers)
        count = len(self.sink.messages)
        with self.ours.smtp(STRANGER if auth else "127.0.0.1") as session:
            if auth:
                assert session.auth_plain("alice", "secret").code == 235
            assert session.send(sender, "dave@theirs.test", message).data.code == 250, session.dialogue()
        self.sink.wait(count + 1)

    def test_a_list(self):
        """List-Id and List-Post make a list: of what it passes on, its own sender alone is remembered."""
        headers = {"Reply_To": "bob@test", "Disposition_Notification_To": "carol@test"}
        for field in "List-Id", "List-Post":
            for local in False, True:
                sent = new_id("list")
                if local:
                    sent = self.web("alice@test", "owner@test", **headers, **{field: "<x.test>"})
                else:
                    self.session("owner@test", "alice@test", sent, **headers, **{field: "<x.test>"})
                self.remembered(cites_bounce(sent), "dsn", "id", sent, "owner@test")
                self.forgotten(sent, "alice@test", "bob@test", "carol@test")
                self.unproven(out_of_office("dave@theirs.test"), "autoreply", "owner@test")

    def test_twenty_a_day(self):
        sent, other = self.web("shop@test"), self.web("shop@test")
        self.hinted(cites_bounce(sent), "dsn", "shop@test", sent, times=20)
        self.forgotten(sent, "shop@test")
        self.hinted(cites_bounce(other), "dsn", "shop@test", other)
        self.remembered(cites_bounce(sent), "dsn", "id", sent, "www-data@test")
        day = self.web("alice@test")
        self.hinted(cites_bounce(day), "dsn", "alice@test", day, times=20)
        self.forgotten(day, "alice@test")
        status = self.batv.json("status")
        assert [p for p in status["problems"] if p.startswith("2 times today, a hint had been used too often")], status["problems"]
        assert status["counters"]["deferred"]["hint"] == 2, status["counters"]
        self.lab.clock.advance(DAY)
        self.hinted(cites_bounce(day), "dsn", "alice@test", day)
        spared = self.batv.json("status")["counters"]["spared"]
        assert spared["hint-id"] >= 42, spared

    def test_in_every_mode(self):
        sent = self.web("shop@test")
        for settings in {"enforcement": "observe"}, {"enforcement": "auto"}, {"unproven_dsn": "accept"}, {"unproven_dsn": "mark"}:
            self.batv.set(self.conf.replace("enforcement = reject\n", ""), **{"enforcement": "reject", **settings})
            code, line = self.replay(cites_bounce(sent), "shop@test")
            assert (code, line["verdict"], line["action"], line["reason"]) == (250, "missing", "mark", "hint-id"), line
        self.batv.set(self.conf)
        code, line = self.replay(cites_bounce(sent), "prvs=1234abcdef=shop@test")
        assert (code, line["verdict"], line["action"], line["reason"]) == (250, "forged", "mark", "hint-id"), line

    def test_explained(self):
        sent = self.web("shop@test")
        path = self.lab.write(self.lab.dir / "bounce.eml", cites_bounce(sent))
        how = "explain", "--from", "", "--rcpt", "shop@test", "--host", STRANGER, path
        told = self.batv.json(*how)
        assert (told["verdict"], told["action"], told["reason"], told["proof"]) == ("missing", "mark", "hint-id", "-"), told
        assert {"kind": "hint-id", "value": sent, "answer": "known"} in told["look_ups"], told
        assert {"kind": "id", "value": sent, "answer": "unknown"} in told["look_ups"], told
        text = self.batv.ctl(*how).stdout
        assert "\nverdict    missing\n" in text and "\nhint       a hint, not a proof: " in text, text
        assert "hint" not in self.batv.ctl(*how[:4], "alice@test", *how[5:], check=False).stdout.partition("verdict")[2]


class TestPairs(Company):
    """The pairs of a message: fifty recipients, with any author.  (Routing adds what it sees.)"""

    router = False

    def test_fifty_recipients(self):
        for author, sender in ("alice@test", "alice@test"), ("carol@test", "bob@test"):
            rcpts = [f"user{n}.{author}"[:-5] + "@theirs.test" for n in range(52)]
            count = len(self.sink.messages)
            with self.ours.smtp() as session:
                assert session.send(sender, rcpts, make_message(author, "all@theirs.test")).data.code == 250
            self.sink.wait(count + 1)
            for who in {author, sender}:
                for n in 0, 25, 49:
                    self.remembered(out_of_office(rcpts[n]), "autoreply", "pair", rcpt=who)
                for n in 50, 51:
                    self.unproven(out_of_office(rcpts[n]), "autoreply", who)

    def test_a_newsletter(self):
        """List-Unsubscribe makes no list: shops and newsletters have it, too."""
        self.write("erin@theirs.test", new_id(), List_Unsubscribe="<https://test/u>", List_Unsubscribe_Post="List-Unsubscribe=One-Click")
        self.remembered(out_of_office("erin@theirs.test"), "autoreply", "pair")
        for name, value in ("Precedence", "bulk"), ("Precedence", "list"), ("List-Id", "<x.test>"), ("list-post", "<mailto:x@test>"):
            rcpt = f"frank.{name}.{value.strip('<>')[:4]}@theirs.test".lower()
            self.write(rcpt, sent := new_id(), **{name: value})
            self.unproven(out_of_office(rcpt), "autoreply")
            self.remembered(out_of_office(rcpt, In_Reply_To=f"<{sent}>"), "autoreply", "id", sent)


class TestRecorded(Company):
    """A filter on another host, fetchmail, or a forwarder took the tag off the envelope, and wrote it down."""

    def recorded(self, fields):
        """A bounce that returns nothing, with such FIELDS at its top."""
        return fields + bounce_without_id()

    def test_the_own_header_shows_the_tag(self):
        tag, bobs = self.tag_of(), self.tag_of("bob@test")
        received = "Received: from mx.isp.test (x [192.0.2.1])\n\t(envelope-from <{}>)\n\tby mx.isp.test with ESMTP id 1\n\t{}; date\n"
        for fields in ("Delivered-To: {}\n", "X-Original-To: <{}>\n", "Envelope-To: {}\n", received.format("", "for <{}>"),
                       received.format("", "FOR {}"), "Delivered-To: alice@test\nDelivered-To: {}\n"):
            self.remembered(self.recorded(fields.format(tag)), "dsn", "tag", tag)
            self.unproven(self.recorded(fields.format(tag)), "dsn", "bob@test")
            self.unproven(self.recorded(fields.format(bobs)), "dsn")
            self.unproven(self.recorded(fields.format("prvs=1234abcdef=alice@test")), "dsn")
        for fields in "To: {}\n", "X-Delivered-To: {}\n", received.format("{}", "for <alice@test>"):
            self.unproven(self.recorded(fields.format(tag)), "dsn")
        code, line = self.replay(self.recorded(f"Delivered-To: {tag}\n"), "prvs=1234abcdef=alice@test")
        assert (code, line["verdict"], line["reason"]) == (250, "remembered", "tag"), line

    def test_explained(self):
        tag = self.tag_of()
        path = self.lab.write(self.lab.dir / "bounce.eml", self.recorded(f"X-Original-To: {tag}\n"))
        told = self.batv.json("explain", "--from", "", "--rcpt", "alice@test", "--host", STRANGER, path)
        assert (told["verdict"], told["proof"], told["action"]) == ("remembered", "tag", "accept"), told
        (clue,) = [c for c in told["evidence"] if c["kind"] == "recorded-recipient"]
        assert (clue["address"], clue["in"], clue["field"]) == (tag, "header", "X-Original-To"), clue


def cites_bounce(message_id):
    """A DSN that returns the header of such a message."""
    return make_bounce(original=f"Message-ID: <{message_id}>\nSubject: a message\n\n")


class TestForwarded(Company):
    """Alice has an account at isp.test, which is forwarded to alice@test; a bounce of what she sent from there."""

    account = "Alice.Smith@isp.test"
    own = "Delivered-To: {}\n"
    original = "Return-Path: <{0}>\nFrom: Alice <{0}>\nTo: erin@theirs.test\nMessage-ID: <1@test>\nSubject: s\n\n"

    def forwarded(self, own=None, to=None, original=None):
        own, to, original = (text or default for text, default in ((own, self.own), (to, self.account), (original, self.original)))
        return own.format(self.account) + make_bounce(to=to, original=original.format(self.account))

    def hinted(self, message, rcpt="alice@test", source=STRANGER):
        mark = os.urandom(6).hex()
        line = self.line(f"X-Replay: {mark}\n" + message, rcpt, source)
        assert (line["verdict"], line["action"], line["reason"]) == ("missing", "mark", "hint-forwarded"), line
        assert "; action=mark; " in self.status_of(rcpt, mark)

    def line(self, message, rcpt, source):
        count = len(batv_lines(self.ours))
        self.code = self.ours.inject("", rcpt, message, source).data.code
        return batv_lines(self.ours)[count]

    def refused(self, message, rcpt="alice@test", source=STRANGER):
        line = self.line(message, rcpt, source)
        assert (self.code, line["action"], line["reason"]) == (550, "reject", "-"), line

    def test_all_conditions(self):
        received = "Received: from a by b with ESMTP id 1\n\tfor <{}>; date\n"
        postfix = self.original.replace("Return-Path: <{0}>\n", "X-Postfix-Sender: rfc822; {0}\n")
        envelope_from = self.original.replace("Return-Path: <{0}>\n", "Received: from x by y (envelope-from <{0}>) id 1\n")
        for n, how in enumerate(({}, {"own": "X-Forwarded-To: {}\n"}, {"own": "Resent-To: Alice <{}>\n"}, {"own": received},
                                 {"original": postfix}, {"original": envelope_from}, {"to": "prvs=0123abcdef=alice.smith@ISP.test"})):
            self.hinted(self.forwarded(**how), source=f"127.0.{20 + n}.9", rcpt=("alice@test", "bob@test")[n % 2])
        for how in ({"own": "Delivered-To: alice@test\n"}, {"own": "X-Original-To: {}\n"}, {"own": "X-Delivered-To: {}\n"},
                    {"to": f"{self.account}, x@isp.test"}, {"to": "other@isp.test"}, {"to": "alice@test", "own": "Delivered-To: alice@test\n"},
                    {"original": self.original.replace("Return-Path: <{0}>", "Return-Path: <x@isp.test>")},
                    {"original": self.original.replace("Return-Path: <{0}>\n", "")},
                    {"original": self.original.replace("erin@theirs.test", "erin@theirs.test, Bob <bob@TEST>")},
                    {"original": self.original.replace("From: ", "Sender: bob@test\nFrom: ")},
                    {"original": self.original.replace("From: ", "X-Sender: <prvs=0123abcdef=bob@test>\nFrom: ")},
                    {"original": "Return-Path: <{0}>\nSubject: no author\n\n"}):
            self.refused(self.forwarded(**how), source="127.0.40.9")
        spared = self.batv.json("status")["counters"]["spared"]
        assert spared["hint-forwarded"] == 7, spared

    def test_five_a_day(self):
        for n in range(5):
            self.hinted(self.forwarded(), "carol@test", f"127.0.50.{n + 1}")
        self.refused(self.forwarded(), "dave@test", "127.0.50.9")       # that network
        for n in range(5):
            self.hinted(self.forwarded(), "dave@test", f"127.0.{60 + n}.1")
        self.refused(self.forwarded(), "dave@test", "127.0.70.1")       # that recipient
        self.lab.clock.advance(DAY)
        self.hinted(self.forwarded(), "dave@test", "127.0.50.9")

    def test_explained(self):
        path = self.lab.write(self.lab.dir / "forwarded.eml", self.forwarded())
        how = "explain", "--from", "", "--rcpt", "alice@test", "--host", STRANGER, path
        told = self.batv.json(*how)
        assert (told["verdict"], told["action"], told["reason"]) == ("missing", "mark", "hint-forwarded"), told
        assert "\nhint       a hint, not a proof: it is a bounce of another account" in self.batv.ctl(*how).stdout
