"""Signing at reception, by local_scan(), and the transport piece after it: the default."""

from answers import *
from kinds import ACL, HEAVY, LIGHT
from lab_debian import DebianConfiguration, Installation

NOON = 1_900_000_000
HERE = MEMORY.replace("+local_domains", "test")     # batvctl needs no Exim to know it


class Site(Ours):
    """local_scan() and the transport piece; no router signs.  Two smarthosts' worth of domains go to one Sink."""

    conf = {}
    exim = {"router": False}

    def setup(self):
        self.sink = Sink(self.lab)
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody@")
        self.batv = Batv(self.lab, conf=HERE)
        self.ours = batv_exim(self.lab, self.batv, self.sink, **self.exim)
        self.batv.set(HERE, **self.conf)

    def batches(self, rcpts, sender="alice@test", message=None, source=None):
        """Recipients of each batch at the sink, and its sender: {sender: [recipients]}.  No sender has two batches."""
        count = len(self.sink.messages)
        if source:
            assert self.ours.inject(sender, rcpts, message or make_message(sender), source).data.code == 250
            self.ours.wait_idle()
        else:
            self.ours.submit(sender, rcpts, message or make_message(sender))
        new = self.sink.messages[count:]
        answer = {m.sender: sorted(m.recipients) for m in new}
        assert len(answer) == len(new), new
        return answer

    def counted(self, name):
        return self.batv.json("status")["counters"][name]

    def table(self):
        return {d["domain"]: d for d in self.batv.json("status")["domains"]}

    def own_bounces(self):
        """Where a bounce of this server went to."""
        return [line.rpartition(" for ")[2] for line in self.ours.mainlog("<= <> R=")]

    def nothing_odd(self):
        return self.ours.mainlog(OUR_LINE + "(doubt|trouble)=") == [] and self.ours.paniclog() == []


class TestDefault(Site):
    def test_one_tag_counted_once(self):
        before = self.counted("signed")
        ((sender, rcpts),) = self.batches(["x@theirs.test", "y@theirs.test", "z@other.test"]).items()
        assert is_signed(sender, "alice@test") and len(rcpts) == 3
        assert sender == self.batv.sign("alice@test")
        assert self.counted("signed") == before + 1 and "test" in self.table()

    def test_local_recipients_see_no_tag(self):
        count = len(self.ours.mailbox("bob"))
        assert len(self.batches(["x@theirs.test", "bob@test"])) == 1
        assert self.ours.wait_mailbox("bob", count + 1)[-1]["Return-path"] == "<alice@test>"

    def test_own_bounce_comes_to_the_tag(self):
        """As where a router signs; it is delivered, and not judged."""
        count = len(self.ours.mailbox("alice"))
        self.ours.submit("alice@test", "nobody@theirs.test", make_message(to="nobody@theirs.test"))
        assert "nobody@theirs.test" in str(self.ours.wait_mailbox("alice", count + 1)[-1])
        assert is_signed(self.own_bounces()[-1], "alice@test") and batv_lines(self.ours) == []

    def test_what_an_alias_makes_leave_is_signed_at_the_transport(self):
        self.ours.alias("away", "x@theirs.test")
        before = self.counted("signed")
        ((sender, _),) = self.batches(["away@test"]).items()
        assert is_signed(sender, "alice@test") and self.counted("signed") == before + 1
        count = len(self.sink.messages)         # two batches with one tag: only reception's is kept with the recipient
        self.ours.submit("alice@test", ["away@test", "y@theirs.test"], make_message())
        assert {m.sender for m in self.sink.messages[count:]} == {sender}
        assert self.batches(["away@test"], source=STRANGER) == {"alice@test": ["x@theirs.test"]}

    def test_a_null_sender_and_others(self):
        for sender in ("", "eve@elsewhere.test"):
            assert self.batches(["x@theirs.test"], sender, make_message("eve@elsewhere.test")) == {sender: ["x@theirs.test"]}

    def test_a_tagged_sender_is_left_alone(self):
        stale = "prvs=0123abcdef=alice@test"
        assert self.batches(["x@theirs.test"], stale) == {stale: ["x@theirs.test"]}

    def test_switched_off(self):
        self.batv.set(HERE, signing="off")
        assert self.batches(["x@theirs.test"]) == {"alice@test": ["x@theirs.test"]}
        self.batv.set(HERE)
        assert self.nothing_odd()


class TestUnsignedDestinations(Site):
    """Each recipient gets its own sender, whatever batch Exim would have made of them."""

    conf = {"unsigned_destinations": "*@lists.test : *@lists2.test : one@theirs.test"}

    def test_each_is_right(self):
        before = self.counted("left_destination")
        batches = self.batches(["x@theirs.test", "y@lists.test", "z@lists2.test", "one@theirs.test"])
        signed = self.batv.sign("alice@test")
        assert batches == {signed: ["x@theirs.test"], "alice@test": ["one@theirs.test", "y@lists.test", "z@lists2.test"]}
        assert self.counted("left_destination") == before + 1

    def test_a_bounce_of_the_untagged_mail_is_proven(self):
        """The memory has the id, and the pair."""
        for rcpts in (["y@lists.test"], ["x@theirs.test", "y@lists.test"]):
            message_id = new_id()
            self.batches(rcpts, message=make_message("alice@test", Message_ID=f"<{message_id}>"))
            self.remembered(bounce("alice@test", message_id=message_id), "dsn")
        self.remembered(out_of_office("Y <y@lists.test>"), "autoreply", "pair")

    def test_by_the_transport_alone(self):
        """Without local_scan() a batch has one sender.  An unsigned destination decides for all of it: a tag could do
        harm there, and the sent-mail memory proves the bounces of the others."""
        text = self.ours.config_path.read_text()
        line = f".include {SNIPPETS}/main.conf\n"
        self.lab.write(self.ours.config_path, text.replace(line, f"BATV_RECEPTION = no\n{line}"))
        rcpts = ["x@theirs.test", "y@lists.test", "z@other.test"]
        assert self.batches(rcpts) == {"alice@test": sorted(rcpts)}
        assert self.batches(["one@theirs.test", "x@theirs.test"]) == {"alice@test": ["one@theirs.test", "x@theirs.test"]}
        message_id = new_id()
        self.batches(rcpts, message=make_message("alice@test", Message_ID=f"<{message_id}>"))
        self.remembered(bounce("alice@test", message_id=message_id), "dsn")
        assert self.batches(["x@theirs.test", "z@other.test"]).keys() == {self.batv.sign("alice@test")}
        self.lab.write(self.ours.config_path, text)


class TestUnsignedHosts(Site):
    """A next hop that gets no tags, beside one that does; and a client whose mail is not signed."""

    conf = {"unsigned_hosts": "127.0.0.7"}

    def setup(self):
        self.sink, self.listed = Sink(self.lab), Sink(self.lab, "127.0.0.7", name="listed")
        self.batv = Batv(self.lab, conf=HERE)
        self.route = f"<; lists.test {self.listed.route()} byname ; * {self.sink.route()} byname"
        self.ours = batv_exim(self.lab, self.batv, self.route, **self.exim)
        self.batv.set(HERE, **self.conf)

    def senders(self):
        """Of one message to both hosts: the sender that each of them saw."""
        self.sink.forget(), self.listed.forget()
        self.ours.submit("alice@test", ["x@theirs.test", "y@lists.test"], make_message())
        return [s.wait(1)[0].sender for s in (self.sink, self.listed)]

    def test_the_next_hop(self):
        before = self.counted("left_destination"), self.counted("signed")
        signed, bare = self.senders()
        assert is_signed(signed, "alice@test") and bare == "alice@test"
        assert (self.counted("left_destination"), self.counted("signed")) == (before[0] + 1, before[1] + 1)

    def test_a_bounce_of_the_untagged_mail(self):
        """The memory proves it; and one that proves nothing is spared, as long as the memory is not complete."""
        message_id = new_id()
        self.listed.forget()
        self.ours.submit("alice@test", ["y@lists.test"], make_message("alice@test", Message_ID=f"<{message_id}>"))
        assert self.listed.wait(1)[0].sender == "alice@test"
        self.remembered(bounce("alice@test", message_id=message_id), "dsn")
        unknown = bounce("alice@test", message_id=new_id())
        assert self.ours.inject("", "alice@test", unknown, STRANGER).data.code == 250
        assert batv_lines(self.ours)[-1]["reason"] == "no-memory"
        self.batv.set(HERE)
        assert self.ours.inject("", "alice@test", unknown, STRANGER).data.code == 550
        self.batv.set(HERE, **self.conf)

    def test_a_client(self):
        for hosts, signed in (("127.0.0.6", True), ("127.0.0.1", False), ("127.0.0.0/30", False)):
            self.batv.set(HERE, unsigned_hosts=hosts)
            self.sink.forget()
            assert self.ours.inject("alice@test", ["x@theirs.test"], make_message(), "127.0.0.1").data.code == 250
            sender = self.sink.wait(1)[0].sender
            assert is_signed(sender, "alice@test") if signed else sender == "alice@test", (hosts, sender)
        self.batv.set(HERE, **self.conf)

    def test_a_list_that_cannot_be_asked(self):
        """In doubt, mail leaves untagged, and the log says so."""
        self.batv.set(HERE, unsigned_hosts="+nosuch")
        assert self.senders() == ["alice@test"] * 2
        assert self.ours.mainlog(OUR_LINE + "doubt=left:doubt")
        self.batv.set(HERE, **self.conf)

    def test_signed_by_the_router_or_the_transport(self):
        for name, router in (("at-router", True), ("at-transport", False)):
            exim = batv_exim(self.lab, self.batv, self.route, name=name, router=router, reception=False, start=False)
            self.sink.forget(), self.listed.forget()
            exim.submit("alice@test", ["x@theirs.test", "y@lists.test"], make_message())
            assert is_signed(self.sink.wait(1)[0].sender, "alice@test") and self.listed.wait(1)[0].sender == "alice@test", name


class TestQueue(Site):
    """A message that waits longer than its key: the transport gives it a new tag, which lives long enough."""

    def setup(self):
        self.lab.clock.set(NOON)
        super().setup()

    def test_a_queue_that_outlives_its_key(self):
        self.sink.answer("rcpt", "451 4.7.1 later", match="^slow@")
        self.ours.submit("alice@test", "slow@theirs.test", make_message())
        old = self.sink.refused[-1].sender
        assert old == self.batv.sign("alice@test")
        self.lab.clock.advance(20 * 86400)      # the key is not only replaced, but destroyed
        self.sink.forget()
        self.ours.exim("-M", *self.ours.spool_ids(), timeout=60)
        left = self.sink.wait(1)[-1].sender
        assert left == self.batv.sign("alice@test") != old
        result = self.ours.inject("", left, bounce(left), STRANGER)
        assert result.data.code == 250 and batv_lines(self.ours)[-1]["verdict"] == "valid"


class DebianSmarthost:
    """Debian's own configuration with a smarthost, whose transport takes several domains in one batch."""

    kind = HEAVY

    def setup(self):
        self.user = self.lab.user
        self.address = f"{self.user}@test"
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab, conf="domains = test\nown_hosts = 127.0.0.1\nunsigned_destinations = *@lists.test\n")
        self.installation = Installation(self.lab, "ours", self.kind)
        self.debian = DebianConfiguration(self.lab, "ours", self.installation, True, self.batv.state_dir,
                                          self.sink.route())
        self.ours = Exim(self.lab, config=self.debian.text, binary=self.installation.binary,
                         macros=self.debian.macros, options=self.debian.options)

    def batches(self, *rcpts):
        count = len(self.sink.messages)
        self.ours.submit(self.address, rcpts, make_message(self.address))
        return {m.sender: sorted(m.recipients) for m in self.sink.messages[count:]}


class TestDebianHeavy(DebianSmarthost):
    def test_a_signed_and_an_unsigned_destination(self):
        signed = self.batv.sign(self.address)
        assert self.batches("x@theirs.test", "y@lists.test", "z@other.test") == \
            {signed: ["x@theirs.test", "z@other.test"], self.address: ["y@lists.test"]}
        status = self.batv.json("status")
        assert status["counters"]["signed"] == 1 and status["counters"]["left_destination"] == 1
        assert self.ours.paniclog() == []


class TestDebianLight(TestDebianHeavy):
    kind = LIGHT


class TestDebianAcl(DebianSmarthost):
    """No local_scan(): one batch, untagged."""

    kind = ACL

    def test_a_signed_and_an_unsigned_destination(self):
        assert self.batches("x@theirs.test", "y@lists.test") == {self.address: ["x@theirs.test", "y@lists.test"]}
        assert self.batches("x@theirs.test", "z@other.test") == \
            {self.batv.sign(self.address): ["x@theirs.test", "z@other.test"]}
