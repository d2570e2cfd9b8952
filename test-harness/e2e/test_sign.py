"""Signing: what leaves with which envelope sender, and why."""

import re

from batv import *

STRANGER = "127.0.0.9"
NOON = 1_900_000_000        # far from midnight and from a change of the key


class Site:
    """Test classes are sites: a state directory, an Exim, and a Sink that is the rest of the world."""

    conf = {}
    exim = {}

    def setup(self):
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, **self.exim)
        # batvctl asks this Exim about +local_domains
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        self.batv.set(**self.conf)

    def arrived(self, count=1):
        """The last COUNT messages that reached the sink."""
        self.ours.wait_idle()
        assert len(self.sink.messages) >= count, self.sink.messages
        return self.sink.messages[-count:]

    def sent(self, sender, rcpt="x@theirs.test", **keywords):
        """Submit a message on the command line; gives its envelope sender at the sink."""
        count = len(self.sink.messages)
        self.ours.submit(sender, rcpt, make_message(sender or "x@test", rcpt), **keywords)
        messages = self.sink.wait(count + 1)[count:]
        assert len(messages) == 1 and messages[0].recipients == [rcpt], messages
        return messages[0].sender

    def came(self, sender, rcpt, source=STRANGER, auth=False):
        """Submit a message over SMTP; gives its envelope sender at the sink."""
        count = len(self.sink.messages)
        with self.ours.smtp(source) as session:
            if auth:
                assert session.auth_plain("alice", "secret").code == 235
            result = session.send(sender, rcpt, make_message(sender))
        assert [r.code for r in result.rcpts] == [250] * len(result.rcpts) and result.data.code == 250, result
        return self.sink.wait(count + 1)[count].sender

    def comes_back(self, address, user):
        """A bounce to ADDRESS is valid, and is in USER's mailbox."""
        count, judged = len(self.ours.mailbox(user)), len(batv_lines(self.ours))
        result = self.ours.inject("", address, bounce(address), source=STRANGER)
        assert result.rcpts[0].code == 250 and result.data.code == 250, result
        (line,) = batv_lines(self.ours)[judged:]
        self.ours.wait_mailbox(user, count + 1)
        return line["verdict"]

    def counted(self, name):
        """A counter of `batvctl status`: signed, left_untrusted, left_destination, left_other, left_no_state."""
        return self.batv.json("status")["counters"][name]

    def nothing_odd(self):
        """No doubt, no trouble, nothing in the panic log."""
        return (self.ours.mainlog(OUR_LINE + "(doubt|trouble)=") == [] and self.ours.paniclog() == []
                and self.counted("doubt") == 0)


class TestAddresses(Site):
    """Which senders are signed, and what their tagged form looks like."""

    FORTY_EIGHT, FORTY_NINE = "a" * 48, "b" * 49
    conf = {"unsigned_senders": "list@test : *@plain.test", "enforcement": "reject"}
    exim = {"users": ("alice", "bob", "al ice", "list", FORTY_EIGHT, FORTY_NINE),
            "local_domains": "test : plain.test", "options": {"allow_utf8_domains": "true"}}

    def test_remote_mail_is_signed(self):
        before = self.counted("signed")
        signed = self.sent("alice@test")
        assert is_signed(signed, "alice@test"), signed
        assert signed == self.batv.sign("alice@test")               # batvctl runs the very code
        assert self.batv.ctl("verify", signed).stdout.startswith("valid\n")
        assert self.counted("signed") == before + 1
        assert self.ours.mainlog(rf"=> x@theirs\.test P=<{re.escape(signed)}> ")
        (message,) = self.arrived()
        assert b"From: alice@test" in message.data and b"prvs=" not in message.data

    def test_another_sender_another_tag(self):
        alice, bob = self.sent("alice@test"), self.sent("bob@test")
        assert alice == self.sent("alice@test") and alice[5:15] != bob[5:15]

    def test_local_mail_is_not(self):
        self.ours.submit("alice@test", "bob@test", make_message())
        assert self.ours.mailbox("bob")[-1]["Return-path"] == "<alice@test>"
        self.ours.inject("alice@test", "bob@test", make_message())
        assert self.ours.wait_mailbox("bob", 2)[-1]["Return-path"] == "<alice@test>"

    def test_local_and_remote_in_one_message(self):
        count = len(self.ours.mailbox("bob"))
        self.ours.submit("alice@test", ["bob@test", "x@theirs.test"], make_message())
        assert is_signed(self.arrived()[0].sender, "alice@test")
        assert self.ours.mailbox("bob")[count]["Return-path"] == "<alice@test>"

    def test_case(self):
        signed = self.sent("Alice@TEST")
        assert is_signed(signed, "Alice@TEST")                      # as the user writes it,
        assert signed[:15] == self.sent("alice@test")[:15]          # but the same tag
        assert self.comes_back(signed, "alice") == "valid"

    def test_quoted(self):
        signed = self.sent('"al ice"@test')
        assert re.fullmatch(f'"{TAG}al ice"@test', signed), signed
        assert self.comes_back(signed, "al ice") == "valid"

    def test_quoted_without_need(self):
        signed = self.sent('"alice"@test')
        assert signed == f'"{self.sent("alice@test").removesuffix("@test")}"@test', signed
        assert self.comes_back(signed, "alice") == "valid"

    def test_longest_local_part(self):
        sender = f"{self.FORTY_EIGHT}@test"
        signed = self.sent(sender)
        assert is_signed(signed, sender) and len(signed.partition("@")[0]) == 64
        assert self.comes_back(signed, self.FORTY_EIGHT) == "valid"

    def test_too_long_local_part(self):
        sender = f"{self.FORTY_NINE}@test"
        assert self.sent(sender) == sender
        assert self.comes_back(sender, self.FORTY_NINE) == "unsignable"     # so its bounces are taken

    def test_bytes_above_127(self):
        sender = "älice@test"
        before = self.counted("left_other")
        # an Exim with SMTPUTF8 turns it into an A-label, for a server without
        assert self.sent(sender).encode("utf-8", "surrogateescape") in (sender.encode(), b"xn--lice-koa@test")
        assert self.counted("left_other") == before + 1

    def test_signed_already(self):
        signed = self.sent("alice@test")
        before = self.counted("signed")
        assert self.sent(signed) == signed
        assert self.counted("signed") == before + 1                 # a valid tag of a trusted host is evidence
        stale = "prvs=0123abcdef=alice@test"
        assert self.sent(stale) == stale
        assert self.counted("signed") == before + 1                 # and this is not signed

    def test_srs(self):
        for sender in ("SRS0=abcd=XY=elsewhere.test=eve@test", "srs1=abcd=a.test==abcd=XY=elsewhere.test=eve@test"):
            assert self.sent(sender) == sender

    def test_null_sender(self):
        assert self.sent("") == ""

    def test_unsigned_senders(self):
        assert self.sent("list@test") == "list@test"
        assert self.sent("anybody@plain.test") == "anybody@plain.test"
        assert self.comes_back("list@test", "list") == "exempt"

    def test_other_domains(self):
        assert self.sent("eve@elsewhere.test") == "eve@elsewhere.test"
        assert self.sent("prvs=0123abcdef=eve@elsewhere.test") == "prvs=0123abcdef=eve@elsewhere.test"

    def test_nothing_odd(self):
        assert self.nothing_odd()


class TestSubmission(Site):
    """The ways in which mail of ours gets into Exim."""

    def test_options_of_the_command_line(self):
        signed = self.sent("alice@test")
        count = len(self.sink.messages)
        self.ours.exim("-odf", "-f", "alice@test", "-t", input=make_message(to="t@theirs.test"))
        self.ours.exim("-odf", "-bS", input="MAIL FROM:<alice@test>\nRCPT TO:<bs1@theirs.test>\n"
                       f"DATA\n{make_message()}.\nMAIL FROM:<alice@test>\nRCPT TO:<bs2@theirs.test>\nDATA\n"
                       f"{make_message()}.\nQUIT\n")
        self.ours.wait_idle()
        new = self.sink.messages[count:]
        assert sorted(m.recipients[0] for m in new) == ["bs1@theirs.test", "bs2@theirs.test", "t@theirs.test"]
        assert {m.sender for m in new} == {signed}, new

    def test_relay_host(self):
        assert is_signed(self.came("alice@test", "x@theirs.test", "127.0.0.1"), "alice@test")

    def test_authenticated(self):
        assert is_signed(self.came("alice@test", "x@theirs.test", auth=True), "alice@test")

    def test_several_messages_of_one_session(self):
        with self.ours.smtp() as session:
            for sender in ("alice@test", "eve@elsewhere.test", "bob@test"):
                assert session.send(sender, "x@theirs.test", make_message(sender)).data.code == 250
        self.ours.wait_idle()
        assert sorted(m.sender.rpartition("=")[2] for m in self.sink.messages[-3:]) == \
            ["alice@test", "bob@test", "eve@elsewhere.test"]
        assert sum("prvs=" in m.sender for m in self.sink.messages[-3:]) == 2

    def test_recipients_at_one_host_stay_together(self):
        sessions = sum(line.startswith(">>> EHLO") for line in self.sink.transcript)
        count = len(self.sink.messages)
        rcpts = ["x@theirs.test", "y@theirs.test", "z@other.test", "x@other.test"]
        self.ours.submit("alice@test", rcpts, make_message())
        (message,) = self.sink.messages[count:]
        assert sorted(message.recipients) == sorted(rcpts) and is_signed(message.sender, "alice@test")
        assert sum(line.startswith(">>> EHLO") for line in self.sink.transcript) == sessions + 1

    def test_nothing_odd(self):
        assert self.nothing_odd()


class TestTrust(Site):
    """A stranger collects no tags by writing to somebody whose mail is forwarded to him."""

    def setup(self):
        super().setup()
        self.ours.alias("forward", "x@theirs.test")

    def test_stranger_by_an_alias(self):
        before = self.counted("left_untrusted")
        assert self.came("alice@test", "forward@test") == "alice@test"
        assert self.counted("left_untrusted") == before + (1 if self.ours.installation.functions else 0)
        assert self.came("eve@elsewhere.test", "forward@test") == "eve@elsewhere.test"
        assert self.came("prvs=0123abcdef=alice@test", "forward@test") == "prvs=0123abcdef=alice@test"

    def test_stranger_to_an_alias_and_a_mailbox(self):
        assert self.came("alice@test", ["bob@test", "forward@test"]) == "alice@test"

    def test_user_by_an_alias(self):
        assert is_signed(self.came("alice@test", "forward@test", auth=True), "alice@test")
        assert is_signed(self.came("alice@test", "forward@test", "127.0.0.1"), "alice@test")
        self.ours.submit("alice@test", "forward@test", make_message())
        assert is_signed(self.sink.messages[-1].sender, "alice@test")

    def test_a_tag_that_a_stranger_brings_is_no_evidence(self):
        """A valid one, even: everybody who got mail from alice has it."""
        signed = self.sent("alice@test")
        before = self.counted("signed")
        assert self.came(signed, "forward@test") == signed
        assert self.counted("signed") == before

    def test_recipient_that_needs_permission_to_relay(self):
        """127.0.0.1 may relay, but is not trusted here: then the recipient tells."""
        self.batv.set(trusted_hosts="127.0.0.77")
        try:
            assert self.came("alice@test", "forward@test", "127.0.0.1") == "alice@test"
            assert is_signed(self.came("alice@test", "x@theirs.test", "127.0.0.1"), "alice@test")
            assert is_signed(self.came("alice@test", ["bob@test", "x@theirs.test"], "127.0.0.1"), "alice@test")
        finally:
            self.batv.set()

    def test_nothing_odd(self):
        assert self.nothing_odd()


OWNED_LIST = """
owned_list:
  driver = redirect
  domains = +local_domains
  local_parts = friends
  data = x@theirs.test, y@theirs.test, bob@test
  errors_to = friends-owner@test
"""


class TestMailingList(Site):
    """A list whose bounces go to its owner: errors_to on the router that expands it."""

    exim = {"routers": OWNED_LIST, "users": ("alice", "bob", "friends-owner")}

    def test_the_owner_is_signed(self):
        count = len(self.sink.messages)
        self.ours.submit("alice@test", "friends@test", make_message(to="friends@test"))
        (message,) = self.sink.messages[count:]
        assert is_signed(message.sender, "friends-owner@test"), message
        assert sorted(message.recipients) == ["x@theirs.test", "y@theirs.test"]
        assert self.ours.mailbox("bob")[-1]["Return-path"] == "<friends-owner@test>"
        assert self.comes_back(message.sender, "friends-owner") == "valid"

    def test_a_stranger_posts(self):
        """The owner's address is one that our own configuration chose: nobody collects what is not his."""
        assert is_signed(self.came("eve@elsewhere.test", "friends@test"), "friends-owner@test")
        assert self.came("friends-owner@test", "friends@test") == "friends-owner@test"

    def test_subscriber_who_is_refused(self):
        self.sink.answer("rcpt", "550 5.1.1 gone", match="^y@")
        count = len(self.ours.mailbox("friends-owner"))
        self.ours.submit("alice@test", "friends@test", make_message(to="friends@test"))
        (bounce,) = self.ours.wait_mailbox("friends-owner", count + 1)[count:]
        assert bounce["X-Failed-Recipients"] == "y@theirs.test"
        assert untagged(bounce["Envelope-to"]) == "friends-owner@test" and not self.ours.mailbox("alice")

    def test_nothing_odd(self):
        assert self.nothing_odd()


class TestUnsignedDestinations(Site):
    """Services that know people by envelope sender get the bare one."""

    conf = {"unsigned_destinations": "*@lists.test : *@lists2.test : one@theirs.test"}

    def both_ways(self, ours, name="y@lists.test"):
        """One message to a destination that is signed for and one that is not: their two senders."""
        count = len(self.sink.messages)
        ours.submit("alice@test", ["x@theirs.test", name], make_message())
        messages = {m.recipients[0]: m.sender for m in self.sink.messages[count:]}
        assert set(messages) == {"x@theirs.test", name}, messages
        return messages["x@theirs.test"], messages[name]

    def test_by_the_configuration(self):
        before = self.counted("left_destination")
        signed, bare = self.both_ways(self.ours)
        assert is_signed(signed, "alice@test") and bare == "alice@test"
        assert self.counted("left_destination") == before + 1
        assert self.both_ways(self.ours, "one@theirs.test")[1] == "alice@test"

    def test_two_recipients_of_one_domain(self):
        count = len(self.sink.messages)
        self.ours.submit("alice@test", ["y@lists.test", "z@lists.test"], make_message())
        (message,) = self.sink.messages[count:]
        assert message.sender == "alice@test" and len(message.recipients) == 2

    def test_by_the_transport_alone(self):
        alone = batv_exim(self.lab, self.batv, self.sink, name="alone", router=False, start=False,
                          remote_transport="  multi_domain = false\n")
        signed, bare = self.both_ways(alone)
        assert is_signed(signed, "alice@test") and bare == "alice@test"

    def test_shipped_router_and_transport(self):
        """They load as they are; here without DNS, as the comment in the file says."""
        shipped = (SNIPPETS / "router-unsigned-destinations.conf").read_text()
        copy, count = re.subn(r"(?m)^  driver = dnslookup$", "  driver = manualroute\n"
                              f"  route_list = * {self.sink.route()} byname\n  self = send", shipped)
        copy, more = re.subn(r"(?m)^  ignore_target_hosts = .*\n", "", copy)
        assert count == more == 1
        macros = {"BATV_UNSIGNED_DOMAINS": "lists.test : *.social.test"}
        transports = f".include {SNIPPETS}/transport-unsigned.conf\n"
        exims = [batv_exim(self.lab, self.batv, self.sink, name=name, routers=routers, transports=transports,
                           macros=macros, start=False) for name, routers in (("as-shipped", shipped), ("copy", copy))]
        options = exims[0].exim("-bP", "router", "batv_unsigned_destinations").stdout
        assert "transport = batv_remote_smtp_unsigned" in options and "no_more" in options, options

        self.batv.set()                             # nothing but the router knows of them
        assert is_signed(self.sent("alice@test", "y@lists.test"), "alice@test")
        for name in ("y@lists.test", "y@deep.social.test"):
            signed, bare = self.both_ways(exims[1], name)
            assert is_signed(signed, "alice@test") and bare == "alice@test", name
        for rcpts in (["y@lists.test", "y@a.social.test"], ["y@lists.test", "z@lists.test", "y@b.social.test"]):
            exims[1].submit("alice@test", rcpts, make_message())
            assert self.sink.messages[-1].sender == "alice@test" and len(self.sink.messages[-1].rcpts) == len(rcpts)
        assert exims[1].paniclog() == exims[0].paniclog() == []

    def test_nothing_odd(self):
        assert self.nothing_odd()


def test_a_retry_keeps_its_sender(lab):
    """The other side greylists while our key changes: a new sender would start its clock again."""
    retry_keeps_its_sender(lab)


def test_a_retry_keeps_its_sender_of_routing_time(lab):
    retry_keeps_its_sender(lab, reception=False)


def retry_keeps_its_sender(lab, reception=True):
    lab.clock.set(NOON)
    batv, sink = Batv(lab), Sink(lab)
    exims = [batv_exim(lab, batv, sink, name=name, router=router, reception=reception, retry="* * F,30d,1m", start=False)
             for name, router in (("both", True), ("transport-alone", False))]
    sink.answer("rcpt", "451 4.7.1 greylisted", match="^grey")
    (change,) = [key["until"] for key in batv.json("keys")["keys"] if key["state"] == "current"]

    def tried():
        """The sender of a try to deliver what waits, at each Exim."""
        senders = []
        for ours in exims:
            count = len(sink.refused)
            ours.queue_run(force=True)
            (envelope,) = sink.refused[count:]
            senders.append(envelope.sender)
        assert senders[0] == senders[1]
        return senders[0]

    def fresh():
        exims[0].submit("alice@test", "x@theirs.test", make_message())
        return sink.messages[-1].sender
    lab.clock.advance(change - 2 * 3600 - lab.clock.now())
    old = fresh()
    for ours in exims:
        ours.submit("alice@test", "grey@theirs.test", make_message())
    assert [envelope.sender for envelope in sink.refused] == [old, old] and is_signed(old, "alice@test")
    assert tried() == old

    lab.clock.advance(3 * 3600)
    new = fresh()
    assert is_signed(new, "alice@test") and new != old
    assert tried() == old
    lab.clock.advance(22 * 3600 + 3000)             # ten minutes before the day is over
    assert tried() == old and fresh() == new
    lab.clock.advance(1200)
    assert tried() == new                           # so that a tag always lives for the retention at least
    sink.forget()
    for ours in exims:
        ours.queue_run(force=True)
    assert [message.sender for message in sink.messages] == [new, new]


class TestWithoutUnsigningRouter(Site):
    """Exim drops an errors_to that does not route, and says nothing.  The transport heals it."""

    exim = {"unsign": False, "reception": False}

    def test_the_transport_signs(self):
        signed = self.sent("alice@test")
        assert is_signed(signed, "alice@test") and self.counted("signed") == 1
        assert self.ours.inject("", signed, bounce(signed), source=STRANGER).rcpts[0].code == 550   # truly dropped


class TestTransportAlone(Site):
    """Where no router can be changed, and local_scan() signs nothing."""

    exim = {"router": False, "reception": False}

    def test_signed(self):
        signed = self.sent("alice@test")
        assert is_signed(signed, "alice@test") and signed == self.batv.sign("alice@test")
        assert self.counted("signed") == 1
        assert self.comes_back(signed, "alice") == "valid"

    def test_several_domains_in_one_delivery(self):
        count = len(self.sink.messages)
        self.ours.submit("alice@test", ["x@theirs.test", "y@other.test"], make_message())
        (message,) = self.sink.messages[count:]
        assert is_signed(message.sender, "alice@test") and len(message.recipients) == 2

    def test_stranger_by_an_alias(self):
        self.ours.alias("forward", "x@theirs.test")
        assert self.came("alice@test", "forward@test") == "alice@test"

    def test_nothing_odd(self):
        assert self.nothing_odd()


class TestSwitchedOff(Site):
    """signing = off: nothing new is signed; tags that are out there are still ours."""

    def test_off_and_on_again(self):
        signed = self.sent("alice@test")
        self.batv.set(signing="off", enforcement="reject")
        before = self.counted("left_other")
        assert self.sent("alice@test") == "alice@test"
        assert self.came("alice@test", "x@theirs.test", auth=True) == "alice@test"
        assert self.counted("left_other") == before + 2
        answer = self.batv.json("sign", "alice@test")
        assert answer["signed"] is None and answer["answer"] == "left:off"
        assert self.comes_back(signed, "alice") == "valid"
        assert self.ours.inject("bob@test", signed, make_message()).data.code == 250    # and no bounce, too
        assert self.ours.wait_mailbox("alice", 2)[-1]["Return-path"] == "<bob@test>"
        self.batv.set()
        assert self.sent("alice@test") == signed
        assert self.nothing_odd()
