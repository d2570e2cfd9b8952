"""The sent-message memory: what answers mail of ours comes in without a tag, backscatter does not.

Other servers make bounces and replies of their own, to mail of alice's and to a spammer's in her
name.  All that they make is caught, and sent to her bare address by a stranger.
"""

from answers import *
from lab_opensmtpd import OpenSmtpd
from lab_pigeonhole import Pigeonhole

TESTS = TOP / "test-harness"
NOON = 1_900_000_000

class Theirs(Ours):
    """Another server, which sends everything home to a sink instead of to us."""

    def setup(self):
        self.batv = Batv(self.lab, conf=MEMORY)
        self.home = Sink(self.lab, "127.0.0.4", name="home")
        self.seen = []
        self.theirs = self.make()
        self.ours = batv_exim(self.lab, self.batv, self.theirs_route(), options={"dsn_advertise_hosts": "*"})

    def theirs_route(self):
        return f"* {self.theirs.address}::{self.theirs.port}"

    def ask(self, rcpt, params=""):
        """Alice writes to RCPT, and a spammer in her name: the two ids."""
        sent, forged = new_id(), new_id("forged")
        self.write(rcpt, sent, params=params)
        self.spam(rcpt, forged, params)
        return sent, forged

    def spam(self, rcpt, message_id, params=""):
        with Smtp(self.theirs.address, self.theirs.port, STRANGER) as spammer:
            spammer.mail("alice@test")
            spammer.rcpt(rcpt, params)
            message = make_message("alice@test", rcpt, Message_ID=f"<{message_id}>")
            assert spammer.data(message).code == 250, spammer.dialogue()

    def answers(self, *ids, wanted=b"", again=lambda: None, timeout=20):
        """What theirs sent home about each of the messages: bytes that contain WANTED."""
        def found(message_id):
            return next((m for m in self.home.messages if message_id.encode() in m.data and wanted in m.data
                         and m not in self.seen), None)

        def all_found():
            again()
            return all(map(found, ids))
        wait_until(all_found, timeout, lambda: f"answers to {ids}; there are {self.home.messages}", 0.1)
        envelopes = [found(message_id) for message_id in ids]
        self.seen += envelopes
        return envelopes

    def check(self, ids, envelopes, class_):
        """The one to alice's mail is let in, for her alone; the other one is not."""
        genuine, backscatter = envelopes
        assert genuine.sender == backscatter.sender == "", envelopes
        self.remembered(genuine.data, class_, "id", ids[0])
        self.unproven(genuine.data, class_, "bob@test")
        self.unproven(backscatter.data, class_)

    def bounces(self, rcpt, wanted=b"", params="", again=lambda: None, class_="dsn"):
        """All of it for one recipient."""
        ids = self.ask(rcpt, params)
        envelopes = self.answers(*ids, wanted=wanted, again=again)
        # theirs knows alice by her signed address, and the spammer's victim by the bare one
        assert [is_signed(e.recipients[0], "alice@test") for e in envelopes] == [True, False], envelopes
        self.check(ids, envelopes, class_)
        return ids, envelopes


class TestPostfix(Theirs):
    def make(self):
        self.home.answer("rcpt", "451 4.3.0 try again", match="@slow")
        theirs = Postfix(self.lab, relayhost=(self.home.address, self.home.port), start=False, settings={
            "relay_domains": "slow.test", "delay_warning_time": "1s", "maximal_queue_lifetime": "3s",
            "bounce_queue_lifetime": "3s", "message_size_limit": "50000", "mailbox_size_limit": "50000"})
        full = theirs.dir / "mbox" / "full"
        self.lab.write(full, "From x\n" + "x" * 50000 + "\n", mode=0o600, user=theirs.MAILBOX_USER)
        theirs.add_user("full", full)
        return theirs.start()

    def test_unknown_user(self):
        ids, (genuine, _) = self.bounces("nobody-here@theirs.test", b"unknown user")
        # its tag alone is a proof as well: the id is one of somebody else's
        other = genuine.data.replace(ids[0].encode(), new_id("other").encode())
        self.remembered(other, "dsn", "tag", genuine.recipients[0])
        self.unproven(other, "dsn", "bob@test")
        # a bounce may quote bob's mail and alice's tag: neither proves it to bob
        self.unproven(re.sub(rb"prvs=....([0-9a-f]{6})", b"prvs=9999000000", other), "dsn")

    def test_full_mailbox(self):
        self.bounces("full@theirs.test", b"Status: 5.2.2")

    def test_success(self):
        self.bounces("dave@theirs.test", b"Successful Mail Delivery", params="NOTIFY=SUCCESS")

    def test_delay_warning_then_expired(self):
        ids, _ = self.bounces("dave@slow.test", b"Action: delayed", again=self.theirs.flush)
        self.check(ids, self.answers(*ids, wanted=b"Action: failed", again=self.theirs.flush), "dsn")


class TestOpenSmtpd(Theirs):
    """It takes any recipient, and its next hop refuses."""

    def make(self):
        self.next_hop = Sink(self.lab, "127.0.0.3", name="next-hop")
        self.next_hop.answer("rcpt", "550 5.1.1 no such user", match="^nobody")
        return OpenSmtpd(self.lab, next_hop=(self.next_hop.address, self.next_hop.port),
                         relayhost=(self.home.address, self.home.port))

    def test_refused_by_the_next_hop(self):
        self.bounces("nobody@opensmtpd.test", b"no such user")

    def test_refused_after_the_data(self):
        self.next_hop.answer("message", "554 5.7.1 not that", match="Message-ID: <(sent|forged)")
        self.bounces("dave@opensmtpd.test", b"not that")


class TestExim(Theirs):
    """An Exim that takes first and looks afterwards; and answers for those who are away."""

    def make(self):
        self.home.answer("rcpt", "451 4.3.0 later", match="^(slow|late)")
        self.home.answer("rcpt", "550 5.1.1 no such user", match="^refused")
        reply = """
  driver = autoreply
  user = LAB_USER
  group = LAB_GROUP
  from = $local_part@exim.test
  subject = Away: ${{rfc2047:$h_subject:}}
  text = I am away.
  to = {}
"""
        return Exim(self.lab, "theirs", "127.0.0.2", domain="exim.test", users=("dave",), config=exim_config(
            local_domains="exim.test", route=f"* {self.home.route()}", relay_from="127.0.0.0/8",
            retry="late@* * F,1s,1s\n* * F,1d,1s", routers="""
away:
  driver = accept
  domains = exim.test
  local_parts = away : away-header
  senders = ! :
  transport = reply_${if eq{$local_part}{away}{sender}{header}}
""", transports=f"reply_sender:{reply.format('$sender_address')}\nreply_header:{reply.format('$h_from:')}"),
            options={"delay_warning": "1s"})

    def queue_run(self):
        self.theirs.queue_run(force=True)

    def test_unknown_user(self):
        self.bounces("nobody@exim.test", b"Unrouteable address")

    def test_refused_by_the_next_hop(self):
        self.bounces("refused@elsewhere.test", b"no such user")

    def test_delay_warning(self):
        self.bounces("slow@elsewhere.test", b"Action: delayed", again=self.queue_run)

    def test_expired(self):
        self.bounces("late@elsewhere.test", b"Action: failed", again=self.queue_run)

    def autoreplies(self, user, to_author):
        forged = new_id("forged")
        self.spam(f"{user}@exim.test", forged)
        (backscatter,) = self.answers(forged, wanted=b"I am away")
        assert backscatter.recipients == ["alice@test"]
        self.unproven(backscatter.data, "autoreply")
        sent = new_id()
        self.write(f"{user}@exim.test", sent)
        (genuine,) = self.answers(sent, wanted=b"I am away")
        assert is_signed(genuine.recipients[0], "alice@test") != to_author, genuine
        self.remembered(genuine.data, "autoreply", "id", sent)
        # now she did write to that user: whatever his machine says is an answer to her, and not to bob
        self.remembered(backscatter.data, "autoreply", "pair")
        self.unproven(genuine.data, "autoreply", "bob@test")

    def test_autoreply_to_the_sender(self):
        self.autoreplies("away", to_author=False)

    def test_autoreply_to_the_author(self):
        """It goes to the bare address by itself."""
        self.autoreplies("away-header", to_author=True)


class TestPigeonhole(Ours):
    def setup(self):
        self.batv = Batv(self.lab, conf=MEMORY)
        self.sink, self.home = Sink(self.lab), Sink(self.lab, "127.0.0.4", name="home")
        self.ours = batv_exim(self.lab, self.batv, self.sink)

    def test_vacation(self):
        dave = Pigeonhole(self.lab, self.home, "dave@theirs.test",
                          'require ["vacation"];\nvacation :days 1 :addresses ["dave@theirs.test"] "I am away.";\n')
        sent, forged = new_id(), new_id("forged")
        self.write("dave@theirs.test", sent)
        (mail,) = self.sink.wait()
        dave.deliver(mail.sender, mail.data)
        (genuine,) = self.home.wait(1)
        assert is_signed(genuine.recipients[0], "alice@test") and genuine.sender == ""
        dave.deliver("alice@test", make_message("alice@test", "dave@theirs.test", Message_ID=f"<{forged}>"))
        backscatter = self.home.wait(2)[-1]
        assert backscatter.recipients == ["alice@test"] and forged.encode() in backscatter.data
        self.remembered(genuine.data, "autoreply", "id", sent)
        self.remembered(backscatter.data, "autoreply", "pair")
        for reply in genuine.data, backscatter.data:
            self.unproven(reply, "autoreply", "bob@test")
            self.unproven(re.sub(rb"(?i)dave@theirs", b"erin@theirs", reply).replace(b"sent.", b"Sent."), "autoreply")


class TestReplies(Ours):
    """With an id, with nothing but its author, and after time has passed."""

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=MEMORY + SHORT)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, options={"smtp_accept_queue_per_connection": "0"})
        self.sent = new_id()
        self.write("erin@theirs.test", self.sent)

    def proven_by_id(self, class_, make, *ways):
        """MAKE makes the reply; the WAYS are its arguments that carry an id."""
        for way in ways:
            keywords = {k: v.format(self.sent) for k, v in way.items()}
            others = {k: v.format(new_id("other")) for k, v in way.items()}
            self.remembered(make(**keywords), class_, "id", self.sent)
            self.unproven(make(**keywords), class_, "bob@test")
            self.unproven(make(**others), class_)
        self.unproven(make(), class_)

    def test_read_receipts(self):
        self.proven_by_id("mdn", mdn, {"original_id": "{}"}, {"original_id": "{}", "encoding": "base64"},
                          {"original_id": "{}", "encoding": "quoted-printable"}, {"In_Reply_To": "<{}>"})

    def test_out_of_office(self):
        self.proven_by_id("autoreply", out_of_office, {"In_Reply_To": "<{}>"}, {"References": "<x@y>\n <{}>"},
                          {"X_MS_Exchange_Parent_Message_Id": "\n\t<{}>"})

    def test_meeting_replies(self):
        self.proven_by_id("calendar", meeting_reply, {"In_Reply_To": "<{}>"},
                          {"References": "<{}>", "X_MS_Exchange_Parent_Message_Id": "<{}>"})

    def test_other_automatic_mail(self):
        self.proven_by_id("other", reply, {"In_Reply_To": "<{}>"})

    def test_pairs(self):
        """Alice wrote to bob: what bob's machine says without any id is an answer, unless it is a bounce."""
        kinds = ("autoreply", out_of_office), ("mdn", mdn), ("calendar", meeting_reply), ("other", reply)
        for class_, make in kinds:
            self.unproven(make(), class_)
        self.write("Bob@Theirs.Test", new_id())
        for class_, make in kinds:
            self.remembered(make(), class_, "pair")
            self.remembered(make(author='"bob" <BOB@theirs.test>'), class_, "pair")
            self.remembered(make(author="prvs=1234abcdef=bob@theirs.test"), class_, "pair")
            self.unproven(make(), class_, "bob@test")                       # bob of ours never wrote to him
            self.unproven(make(author="carol@theirs.test"), class_)         # and alice not to her
        for author in "MAILER-DAEMON@theirs.test", "bob@theirs.test":
            self.unproven(bounce_without_id(author), "dsn")

    def test_other_addresses_of_the_sender(self):
        """She writes as alice, from carol's mail program, and has receipts sent to the postmaster."""
        sent = new_id()
        self.write("dave@theirs.test", sent, Reply_To="carol@test", Disposition_Notification_To="<postmaster@test>")
        for rcpt in "alice@test", "carol@test":
            self.remembered(mdn(sent), "mdn", "id", sent, rcpt)
        code, line = self.replay(mdn(sent), "postmaster@test")
        assert (code, line["verdict"], line["reason"]) == (250, "exempt", "exempt-recipient"), line
        self.unproven(mdn(sent), "mdn", "bob@test")

    def test_samples(self):
        """The files of the unit tests, through a real server: whatever they cite was sent by alice, not by bob."""
        files = sorted((TESTS / "unit" / "evidence").glob("*.eml"))
        proven = 0
        with self.ours.smtp() as local, self.ours.smtp(STRANGER) as stranger:
            for path in files:
                raw = path.read_bytes()
                message = re.sub(rb"(?m)^X-Expect: .*\r?\n", b"", raw)
                found = re.search(rb"(?m)^X-Expect: (?:\S+-id|in-reply-to|references) \S+ (\S+@\S+)\r?$", raw)
                if not found:
                    continue
                message_id = found[1]
                if not self.ours.installation.local_scan and raw.find(message_id, raw.find(b"\n\n")) > 20000:
                    continue        # message_body_visible
                _, line = self.replay(message, "carol@test", session=stranger)
                assert line["verdict"] == "missing", (path.name, line)
                count = len(self.sink.messages)
                assert local.send("carol@test", "x@theirs.test", make_message(
                    "carol@test", Message_ID=f"<{message_id.decode()}>")).data.code == 250
                self.sink.wait(count + 1)
                _, line = self.replay(message, "carol@test", session=stranger)
                assert (line["verdict"], line["reason"]) == ("remembered", "id"), (path.name, line)
                assert line["msgid"] == message_id.decode() or not message_id.isascii(), (path.name, line)
                _, line = self.replay(message, "bob@test", session=stranger)
                assert line["verdict"] == "missing", (path.name, line)
                proven += 1
        assert proven > len(files) / 2, f"{proven} of {len(files)}"

    def test_time_passes(self):
        """After the retention it is forgotten, and only then is an automatic reply rejected that cites what is unknown."""
        stranger = "nobody@theirs.test"
        self.write("frank@theirs.test", new_id())
        self.unproven(out_of_office(stranger), "autoreply")
        self.lab.clock.advance(DAY)
        self.unproven(out_of_office(stranger), "autoreply")       # the memory is too young
        self.remembered(mdn(self.sent), "mdn", "id", self.sent)
        self.lab.clock.advance(3 * DAY)
        self.unproven(mdn(self.sent), "mdn")
        self.unproven(out_of_office(author="frank@theirs.test"), "autoreply")       # it cites nothing
        self.unproven(out_of_office(In_Reply_To=f"<{self.sent}>"), "autoreply")    # old enough, but never measured
        self.samples()
        self.unproven(out_of_office(In_Reply_To=f"<{self.sent}>"), "autoreply", outcome=("reject", "-"))
        sent = new_id()
        self.write("frank@theirs.test", sent)
        self.remembered(out_of_office(author="frank@theirs.test"), "autoreply", "pair")
        self.remembered(out_of_office(In_Reply_To=f"<{sent}>"), "autoreply", "id", sent)
        self.batv.set(MEMORY + SHORT, unproven_autoreply="mark")
        self.unproven(out_of_office(stranger), "autoreply", outcome=("mark", "class"))
