"""Internationalised domains: U-label and A-label are one domain, for signing, judging, and the sent-mail memory."""

from pathlib import Path

from answers import *

U, A = "bücher.test", "xn--bcher-kva.test"
U2, A2 = "münchen.theirs.test", "xn--mnchen-3ya.theirs.test"


class Site(Ours):
    """A server of an internationalised domain.  Exim compares the two forms nowhere, so its own lists have both."""

    conf = {"domains": f"test : {A}"}
    extensions = ("PIPELINING", "8BITMIME", "SIZE 52428800")
    exim = {"users": ("alice", "bob", "list", "älice")}

    def setup(self):
        self.sink = Sink(self.lab, extensions=self.extensions)
        self.batv = Batv(self.lab, conf=MEMORY)
        self.batv.set(MEMORY, **self.conf)
        self.ours = batv_exim(self.lab, self.batv, self.sink, local_domains=f"test : {U} : {A}",
                              options={"allow_utf8_domains": "true"}, **self.exim)

    def sent(self, sender, rcpt="x@theirs.test", message=None, source="127.0.0.1"):
        """The envelope sender at the sink."""
        count = len(self.sink.messages)
        with self.ours.smtp(source) as session:
            result = session.send(sender, rcpt, message or make_message(sender, rcpt), params="SMTPUTF8")
        assert result.data.code == 250, result
        return self.sink.wait(count + 1)[count].sender

    def back(self, rcpt, message=None, params="SMTPUTF8", sender=""):
        """A bounce from a stranger: the code, and the decision."""
        count = len(batv_lines(self.ours))
        with self.ours.smtp(STRANGER) as session:
            result = session.send(sender, rcpt, message or bounce(rcpt), params=params)
        assert result.rcpts[0].code == 250, result
        (line,) = batv_lines(self.ours)[count:]
        return result.data.code, line["verdict"], line["reason"]

    def nothing_odd(self):
        return self.ours.mainlog(OUR_LINE + "(doubt|trouble)=") == [] and self.ours.paniclog() == []


def other(address, form):
    return address.replace(U, form).replace(A, form)


class TestSigning(Site):
    """The next server has no SMTPUTF8: Exim turns the domain into its A-label."""

    def test_both_forms_have_one_tag(self):
        left = self.sent(f"alice@{U}")
        assert is_signed(left, f"alice@{A}"), left
        assert self.sent(f"alice@{A}") == left == self.sent("alice@XN--bcher-KVA.test").lower()
        if self.ours.be("${utf8_domain_to_alabel:BÜCHER.test}", check=False) == A:    # 4.100 folds nothing, and defers
            assert self.sent("alice@BÜCHER.test") == left
        for form in (A, U, "Bücher.TEST"):
            assert self.back(other(left, form)) == (250, "valid", "-"), form
            assert self.back(f"alice@{form}") == (550, "missing", "-"), form
        for address in (f"alice@{U}", f"alice@{A}"):
            assert other(self.batv.sign(address), A) == left
            assert self.batv.json("verify", other(left, address.partition("@")[2]))["verdict"] == "valid"
        table = [d["domain"] for d in self.batv.json("status")["domains"]]
        assert A in table and U not in table, table
        assert self.nothing_odd()

    def test_a_local_part_with_bytes_above_127(self):
        sender = f"älice@{A}"
        assert not re.match(TAG, self.sent(sender))
        assert self.back(sender) == (250, "unsignable", "-")

    def test_a_domain_that_has_no_a_label(self):
        """Exim itself cannot send it; what we do is to leave it alone, in both directions."""
        assert self.batv.json("sign", "alice@-ü-.test", check=False)["signed"] is None
        assert self.nothing_odd()

    def test_others(self):
        """Another's internationalised domain is not ours, in either form."""
        assert self.sent("eve@straße.test") == "eve@xn--strae-oqa.test"
        assert self.sent(f"alice@{U}", f"bob@{U2}") == self.sent(f"alice@{U}")
        assert self.nothing_odd()


class TestSmtpUtf8(Site):
    """The next server has SMTPUTF8: the sender leaves as it was written."""

    extensions = ("PIPELINING", "8BITMIME", "SMTPUTF8")
    conf = {"domains": f"test : {U}"}           # the configuration may have either form

    def test_round_trip(self):
        left = self.sent(f"alice@{U}")
        assert is_signed(left, f"alice@{U}"), left
        assert other(left, A) == self.sent(f"alice@{A}")
        assert self.back(left) == self.back(other(left, A), params="") == (250, "valid", "-")
        assert self.back(f"alice@{A}", params="") == self.back(f"alice@{U}") == (550, "missing", "-")
        assert self.batv.json("verify", other(left, A))["verdict"] == "valid"
        assert self.nothing_odd()


class TestNamedList(Site):
    """+local_domains has both forms, as Exim itself needs it; and a policy's other lists have one."""

    conf = {"domains": "+local_domains", "unsigned_senders": f"list@{U}", "unsigned_destinations": f"*@{U2}"}

    def test_lists(self):
        assert is_signed(self.sent(f"alice@{U}"), f"alice@{A}")
        for form in (U, A):
            assert self.sent(f"list@{form}") == f"list@{A}"
            assert self.back(f"list@{form}") == (250, "exempt", "unsigned-sender")
        for form in (U2, A2):
            assert self.sent(f"alice@{U}", f"bob@{form}") == f"alice@{A}"
        assert self.nothing_odd()


class TestMemory(Site):
    """Ids and pairs are remembered for one form, and found for the other."""

    def test_ids(self):
        for sent_as, back_to in ((U, A), (A, U), (U, U)):
            message_id = new_id()
            self.sent(f"alice@{sent_as}", message=make_message(f"alice@{sent_as}", Message_ID=f"<{message_id}>"))
            assert self.back(f"alice@{back_to}", bounce(f"alice@{back_to}", message_id=message_id)) == \
                (250, "remembered", "id")

    def test_addresses_in_the_header(self):
        """Reply-To and Disposition-Notification-To, too."""
        for field in ("From", "Reply_To", "Disposition_Notification_To"):
            message_id = new_id()
            headers = {field: f"Bob <bob@{U}>", "Message_ID": f"<{message_id}>"}
            self.sent(f"alice@{A}", message=make_message(**{"sender": f"alice@{A}", **headers}))
            assert self.back(f"bob@{A}", bounce(f"bob@{A}", message_id=message_id)) == (250, "remembered", "id"), field

    def test_pairs(self):
        for wrote_to, answered_as in ((U2, A2), (A2, U2)):
            who = f"bob{os.urandom(3).hex()}"
            self.sent(f"alice@{U}", f"{who}@{wrote_to}")
            for form in (A, U):
                answer = out_of_office(f"Bob <{who}@{answered_as}>")
                assert self.back(f"alice@{form}", answer) == (250, "remembered", "pair")

    def test_a_tag_in_what_is_returned(self):
        tagged = self.sent(f"alice@{A}")
        for form in (A, U):
            returned = bounce(f"alice@{A}", original_sender=other(tagged, form))
            assert self.back(f"alice@{other(A, form)}", returned) == (250, "remembered", "tag"), form


def without_i18n(exim):
    """Rename the operator in the binary, and what -bV prints: an Exim that was built without SUPPORT_I18N knows neither."""
    target = exim.binary
    if target.read_bytes().startswith(b"#!"):       # a script that runs a copy of Debian's binary
        target = Path(re.search(rb"\S+/exim4(?= )", target.read_bytes())[0].decode())
    data = target.read_bytes()
    exim.stop()
    for name, other_name in ((b"\0utf8_domain_to_alabel\0", b"\0utf8_domain_to_alabex\0"), (b" I18N\0", b" I17N\0")):
        assert data.count(name) == 1, (name, data.count(name))
        data = data.replace(name, other_name)
    target.unlink()
    target.write_bytes(data)
    target.chmod(0o755)
    exim.start()


def test_exim_without_i18n(lab):
    """Doubt: not signed, not refused; status says so."""
    site = Site()
    site.lab = lab
    site.setup()
    without_i18n(site.ours)
    before = site.batv.json("status")["counters"]["doubt"]
    assert site.sent(f"alice@{U}") == f"alice@{A}"
    assert site.ours.mainlog(OUR_LINE + "doubt=.* action=not-signed")
    code, verdict, reason = site.back(f"alice@{U}")
    assert (code, reason) == (250, "doubt"), (code, verdict, reason)
    assert is_signed(site.sent(f"alice@{A}"), f"alice@{A}")     # what needs no conversion goes on
    assert site.back(f"alice@{A}") == (550, "missing", "-")
    status = site.batv.json("status")
    assert status["counters"]["doubt"] > before
    site.batv.exim = f"{site.ours.binary} -C {site.ours.config_path}"
    site.batv.set(MEMORY, **site.conf)
    assert any("SUPPORT_I18N" in problem for problem in site.batv.json("status")["problems"]), status["problems"]
