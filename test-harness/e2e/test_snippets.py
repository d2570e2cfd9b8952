"""The shipped snippets, each loaded as the comment at its head tells, and the functions in odd places."""

from batv import *

STRANGER = "127.0.0.9"
FORGED = "prvs=0123abcdef="
REJECT = CONF + "enforcement = reject\n"


def include(name):
    return f".include {SNIPPETS}/{name}\n"


# A DATA ACL as acl-data.conf wants it; what batv_refuse answers goes to the log.
DATA_ACL = f"""\
lab_data:
  warn logwrite = refuse=<${{dlfunc{{BATV_SO}}{{batv_refuse}}}}> text=<${{dlfunc{{BATV_SO}}{{batv_refuse}}{{text}}}}>
{include("acl-data.conf")}
  accept
"""


def judged(batv):
    """All counters of judged mail that are not zero: {(verdict, action): number}."""
    counters = batv.json("status")["counters"]["judged"]
    return {(v, a): n for v, row in counters.items() for a, n in row.items() if n}


class Site:
    """A server that refuses at once; subclasses say how it is built."""

    conf = REJECT
    exim = {}

    def setup(self):
        self.batv = Batv(self.lab, conf=self.conf)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, **self.exim)

    def send(self, *rcpts, sender="", source=STRANGER, message=None):
        """A message from outside: the reply to DATA, and what it added to the main log."""
        before = len(self.ours.mainlog())
        result = self.ours.inject(sender, list(rcpts), message or bounce(rcpts[0]), source)
        assert result.data, result
        return result.data, self.ours.mainlog()[before:]

    def delivered(self, name="alice"):
        """The newest message of a mailbox, once the queue is empty."""
        self.ours.wait_idle()
        return self.ours.mailbox(name)[-1]

    def sent(self, sender="alice@test", **headers):
        count = len(self.sink.messages)
        self.ours.submit(sender, "x@theirs.test", make_message(sender, "x@theirs.test", **headers))
        return self.sink.wait(count + 1)[-1].sender


# ---------------------------------------------------------------------------
# All files together
# ---------------------------------------------------------------------------

class TestAllFiles(Site):
    """Every file of the folder in one configuration, where the comment at its head puts it."""

    exim = {
        "macros": {"BATV_UNSIGNED_DOMAINS": "lists.test", "BATV_FLOODS_FIRST": "yes"},
        "main": "acl_smtp_data = lab_data",
        "rcpt_first": include("acl-rcpt-floods.conf"),
        "rcpt_last": include("acl-rcpt.conf"),
        "acl": DATA_ACL,
        # There is no DNS in the laboratory: what the file says of a smarthost comes before the shipped router.
        "routers": """
batv_unsigned_destinations_by_smarthost:
  driver = manualroute
  condition = ${if and{{!match_domain{$domain}{BATV_DOMAINS}}{match_domain{$domain}{BATV_UNSIGNED_DOMAINS}}}}
  transport = batv_remote_smtp_unsigned
  route_list = * LAB_SINK byname
  self = send
  no_more

""" + include("router-unsigned-destinations.conf"),
        "transports": include("transport-unsigned.conf"),
        "remote_transport": include("transport-receipts.conf"),
    }

    def setup(self):
        self.batv = Batv(self.lab, conf=self.conf)
        self.sink = Sink(self.lab)
        exim = {**self.exim, "macros": {**self.exim["macros"], "LAB_SINK": self.sink.route()}}
        self.ours = batv_exim(self.lab, self.batv, self.sink, start=False, **exim)

    def sent_to(self, rcpt):
        count = len(self.sink.messages)
        self.ours.submit("alice@test", rcpt, make_message())
        return self.sink.wait(count + 1)[-1].sender

    def test_no_file_is_left_out(self):
        shipped = {path.name for path in SNIPPETS.glob("*.conf")}
        included = re.findall(rf"(?m)^\s*\.include {SNIPPETS}/(\S+)$", self.ours.config_path.read_text())
        assert set(included) == shipped, set(included) ^ shipped
        assert len(included) == len(shipped)

    def test_it_loads(self):
        assert "Exim version" in self.ours.exim("-bV").stdout
        for kind, name in (("router", "batv_unsign"), ("router", "batv_unsigned_destinations"),
                           ("transport", "batv_remote_smtp_unsigned")):
            assert "driver = " in self.ours.exim("-bP", kind, name).stdout
        routers = re.findall(r"(?m)^(\w+) router:$", self.ours.exim("-bP", "routers").stdout)
        assert routers[0] == "batv_unsign", routers         # "as the first router"

    def test_comments(self):
        """Each file says what it needs, where it goes, and what happens without it; and names only files that exist."""
        for path in SNIPPETS.glob("*.conf"):
            head = re.match(r"(?:#.*\n)+", path.read_text())[0]
            for word in "exim-batv:", "\n# Needs  ", "\n# Without  ":
                assert word in head, (path.name, word)
            assert re.search(r"\bGoes\s+(?:#\s+)?(?:into|inside)", head) or "inside the" in head, path.name
            for name in re.findall(r"[\w-]+\.conf\b", head):
                assert (SNIPPETS / name).exists() or name == "exim-batv.conf", (path.name, name)

    def test_without_main_conf_nothing_loads(self):
        """Else a macro would be taken for a word: MAIL FROM:<BATV_SIGN_AT_TRANSPORT>."""
        text = self.ours.config_path.read_text()
        line = include("main.conf")
        assert line in text
        for name in sorted(path.name for path in SNIPPETS.glob("*.conf")):
            alone = text.replace(line, "")
            for other in SNIPPETS.glob("*.conf"):
                if other.name != name:
                    alone = alone.replace(include(other.name), "")
            if name == "main.conf" or name == "transport-unsigned.conf":
                continue
            alone = re.sub(r"(?m)^.*(BATV_DOMAINS|BATV_UNSIGNED_DOMAINS|batv_remote_smtp_unsigned).*$", "", alone)
            path = self.lab.write(self.ours.dir / "alone.conf", alone)
            done = self.lab.run([self.ours.binary, "-C", path, "-bV"], check=False)
            assert done.returncode != 0, name
            assert "include_main_conf_of_exim_batv_first" in done.stdout + done.stderr, (name, done)
            assert f"{SNIPPETS}/{name}" in done.stdout + done.stderr, (name, done)

    def test_unsigned_destinations(self):
        assert self.sent_to("x@theirs.test") != "alice@test" and self.sent_to("x@lists.test") == "alice@test"

    def test_unsigned_destinations_without_their_transport(self):
        text = self.ours.config_path.read_text()
        self.lab.write(self.ours.config_path, text.replace(include("transport-unsigned.conf"), ""))
        self.ours.submit("alice@test", "x@lists.test", make_message())
        assert self.ours.mainlog(r'== x@lists.test .* transport "batv_remote_smtp_unsigned" not found')
        self.lab.write(self.ours.config_path, text)
        self.ours.queue_run(force=True)
        assert self.ours.spool_ids() == []


class TestWithoutUnsigning(Site):
    """Without router-unsign.conf a signed address does not route: what its comment says."""

    exim = {"unsign": False, "reception": False}

    def test_bounce_is_refused_at_rcpt(self):
        tagged = self.sent()            # Exim drops the errors_to, the transport signs all the same
        assert is_signed(tagged, "alice@test")
        result = self.ours.inject("", tagged, bounce(tagged), STRANGER)
        assert result.rcpts[0].code == 550 and "Unrouteable address" in result.rcpts[0].text


# ---------------------------------------------------------------------------
# A module that is not there
# ---------------------------------------------------------------------------

class TestNoModule(Site):
    """BATV_SO names a file that is gone: mail flows, unsigned."""

    conf = CONF + "enforcement = observe\n"
    exim = {"reception": False, "macros": {"BATV_SO": "/nonexistent/batv.so"}, "main": "acl_smtp_data = lab_data",
            "rcpt_last": include("acl-rcpt.conf"), "acl": f"lab_data:\n{include('acl-data.conf')}  accept\n"}

    def test_mail_leaves_at_once(self):
        assert self.sent() == "alice@test"
        with self.ours.smtp() as session:
            assert session.send("alice@test", ["x@theirs.test", "y@other.test"], make_message()).data.code == 250
        assert self.sink.wait(2)[-1].sender == "alice@test"
        self.ours.wait_idle()
        assert self.ours.paniclog() == [] and not self.ours.mainlog("==|dlopen|nonexistent")

    def test_own_bounce(self):
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody@")
        self.ours.submit("alice@test", "nobody@theirs.test", make_message(to="nobody@theirs.test"))
        assert "nobody@theirs.test" in str(self.delivered()) and self.ours.spool_ids() == []

    def test_bounces_come_in(self):
        for rcpts in ["alice@test"], [FORGED + "alice@test"], [FORGED + "alice@test", "bob@test", "postmaster@test"]:
            result = self.ours.inject("", rcpts, bounce("alice@test"), STRANGER)
            assert [r.code for r in result.rcpts] == [250] * len(rcpts) and result.data.code == 250, result
        self.delivered()
        assert len(self.ours.mailbox("alice")) >= 3 and len(self.ours.mailbox("bob")) == 1
        assert self.ours.paniclog() == []

    def test_a_module_that_comes_back_is_used(self):
        """The guard looks each time: here with a file that is no module, so that it shows."""
        self.ours.macros["BATV_SO"] = self.lab.write("not-a-module", "x")
        text = self.ours.config_path.read_text()
        self.lab.write(self.ours.config_path, text.replace("/nonexistent/batv.so", str(self.lab.dir / "not-a-module")))
        self.ours.submit("alice@test", "x@theirs.test", make_message())
        assert self.ours.mainlog("dlopen .*not-a-module"), self.ours.mainlog()
        self.lab.write(self.ours.config_path, text)


# ---------------------------------------------------------------------------
# The ACL, and local_scan() after it
# ---------------------------------------------------------------------------

class TestAcl(Site):
    """acl-data.conf in an Exim that has local_scan(), too: one judgement, one count, one line."""

    exim = {"main": "acl_smtp_data = lab_data", "acl": DATA_ACL}

    def counted(self, *rcpts, **how):
        """A message: reply, log, and what it added to the counters."""
        before = judged(self.batv)
        data, lines = self.send(*rcpts, **how)
        after = judged(self.batv)
        return data, lines, {k: n - before.get(k, 0) for k, n in after.items() if n != before.get(k, 0)}

    def test_the_acl_refuses(self):
        data, lines, counts = self.counted("alice@test")
        assert data.code == 550
        assert " ".join(data.text.split()).startswith("5.7.1 This is a bounce of mail that was not sent from here:")
        assert sum(is_our_line(line, "verdict=missing action=reject") for line in lines) == 1
        self.ours.wait_log(r"rejected after DATA: 5\.7\.1")          # Exim 4.100 answers first
        assert not self.ours.mainlog("local_scan")                  # it never came to it
        assert any("refuse=<1> text=<5.7.1 This is a bounce" in line for line in lines), lines
        assert counts == {("missing", "reject"): 1}

    def test_what_passes_is_counted_once(self):
        tagged = self.sent()
        for rcpts, want in (([tagged], {("valid", "accept"): 1}), (["postmaster@test"], {("exempt", "accept"): 1})):
            data, lines, counts = self.counted(*rcpts)
            assert data.code == 250 and counts == want, (rcpts, counts)
            assert sum(is_our_line(line, "verdict=") for line in lines) == 1, lines
            assert any("refuse=<0> text=<>" in line for line in lines), lines

    def test_what_is_marked_is_marked_once(self):
        forged = "X-BATV-Status: valid; action=accept\nFrom: a@b.test\nSubject: hi\n\nhi\n"     # class other
        data, lines, counts = self.counted("alice@test", message=forged)
        assert data.code == 250 and counts == {("missing", "mark"): 1}
        assert sum(is_our_line(line, "verdict=") for line in lines) == 1
        (status,) = self.delivered().get_all("X-BATV-Status")
        assert status.startswith("missing; action=mark; mode=reject; class=other; reason=class;")

    def test_the_header_of_a_mailer_daemon(self):
        """Judged mail whose sender is not null: ours stays, the forged one goes."""
        data, lines, counts = self.counted(self.sent(), sender="MAILER-DAEMON@theirs.test",
                                           message="X-BATV-Status: forged\n" + bounce("alice@test"))
        assert data.code == 250 and counts == {("valid", "accept"): 1}
        (status,) = self.delivered().get_all("X-BATV-Status")
        assert status.startswith("valid; action=accept;"), status

    def test_recipients_are_taken_off_behind_the_acl(self):
        """The ACL can't; local_scan() does, from the same judgement."""
        tagged, bob = self.sent(), len(self.ours.mailbox("bob"))
        data, lines, counts = self.counted("bob@test", tagged)
        assert data.code == 250 and counts == {("valid", "accept"): 1, ("missing", "remove"): 1}
        assert sum(is_our_line(line, "verdict=") for line in lines) == 2
        self.delivered()
        assert len(self.ours.mailbox("bob")) == bob

    def test_ordinary_mail(self):
        """"0" for what is not automatic; and a forged header is taken off."""
        for source in STRANGER, "127.0.0.1":
            data, lines, counts = self.counted("alice@test", sender="bob@theirs.test", source=source,
                                               message="X-BATV-Status: valid\n" + make_message())
            assert data.code == 250 and counts == {}
            assert any("refuse=<0> text=<>" in line for line in lines) and not any(is_our_line(line) for line in lines)
            assert self.delivered()["X-BATV-Status"] is None

    def test_several_messages_of_a_session(self):
        """Each has its own answer, whatever the one before it got."""
        tagged = self.sent()
        with self.ours.smtp(STRANGER) as session:
            codes = [session.send(sender, rcpt, bounce("alice@test")).data.code for sender, rcpt in
                     (("", "alice@test"), ("", tagged), ("", "alice@test"), ("bob@theirs.test", "alice@test"),
                      ("", "postmaster@test"), ("", "alice@test"), ("", tagged))]
        assert codes == [550, 250, 550, 250, 250, 550, 250]

    def test_in_trouble(self):
        """No state: nothing is refused, one line."""
        self.batv.stop()
        state = self.batv.state_dir / "state"
        good = state.read_bytes()
        state.unlink()
        data, lines = self.send("alice@test")
        assert data.code == 250 and any("refuse=<0> text=<>" in line for line in lines)
        assert sum(is_our_line(line) for line in lines) == 1, lines
        assert any(is_our_line(line, "trouble=state action=accepted-unjudged") for line in lines)
        self.lab.write(state, good, mode=0o640)
        self.batv.start()


class TestMisplaced(Site):
    """batv_refuse where there is no message yet: "0", nothing judged, nothing counted, no crash."""

    exim = {"rcpt_first": "  warn logwrite = rcpt=<${dlfunc{BATV_SO}{batv_refuse}}>\n",
            "main": "acl_smtp_mail = lab_mail\nacl_smtp_predata = lab_predata\nacl_not_smtp = lab_local",
            "acl": "lab_mail:\n  warn logwrite = mail=<${dlfunc{BATV_SO}{batv_refuse}}>\n  accept\n"
                   "lab_predata:\n  warn logwrite = predata=<${dlfunc{BATV_SO}{batv_refuse}}>\n  accept\n"
                   "lab_local:\n  warn logwrite = local=<${dlfunc{BATV_SO}{batv_refuse}}>\n  accept\n"}

    def test_before_data(self):
        with self.ours.smtp(STRANGER) as session:
            for sender, code in ("", 550), ("bob@theirs.test", 250), ("", 550), ("bob@theirs.test", 250), ("", 550):
                assert session.send(sender, "alice@test", bounce("alice@test")).data.code == code
        answers = re.findall(r"(?:mail|rcpt|predata)=<(\d?)>", "\n".join(self.ours.mainlog()))
        assert answers == ["0"] * 15, answers
        assert judged(self.batv) == {("missing", "reject"): 3}
        assert self.ours.paniclog() == []

    def test_local_submission(self):
        before = judged(self.batv)
        self.ours.submit("", "alice@test", bounce("alice@test"))
        assert self.ours.mainlog("local=<0>") and judged(self.batv) == before


# ---------------------------------------------------------------------------
# Less than everything
# ---------------------------------------------------------------------------

class TestTransportAlone(Site):
    """transport-sign.conf where no router can be changed, and local_scan() signs nothing."""

    exim = {"router": False, "reception": False}

    def test_signed_and_counted(self):
        tagged = self.sent()
        assert is_signed(tagged, "alice@test")
        status = self.batv.json("status")
        assert status["counters"]["signed"] == 1 and [d["domain"] for d in status["domains"]] == ["test"]
        data, lines = self.send(tagged)
        assert data.code == 250 and "verdict=valid" in " ".join(lines)

    def test_own_bounces_go_to_the_bare_address(self):
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody@")
        self.ours.submit("alice@test", "nobody@theirs.test", make_message(to="nobody@theirs.test"))
        assert is_signed(self.sink.refused[-1].sender, "alice@test")
        assert "nobody@theirs.test" in str(self.delivered())
        assert self.ours.mainlog("<= <> R=.* for alice@test$") and batv_lines(self.ours, rcpt="<alice@test>") == []


class TestRouterAlone(Site):
    """router-sign.conf without the transport's line: signed, but nothing is seen to leave."""

    exim = {"transport": False, "reception": False}

    def test_signed_but_not_counted(self):
        assert is_signed(self.sent(), "alice@test")
        status = self.batv.json("status")
        assert status["counters"]["signed"] == 0 and status["domains"] == []


class TestUnsignRecipients(Site):
    """No un-signing router: an ACL lets signed recipients in, local_scan() takes the tags off in batv_unsign."""

    exim = {"unsign": False, "router": False,
            "rcpt_first": "  accept domains = +local_domains\n"
                          "         local_parts = \\N^(?i)prvs=[0-9]{4}[0-9a-f]{6}=\\N : "
                          "\\N^(?i).*\\+prvs=[0-9]{4}[0-9a-f]{6}$\\N\n"}

    def setup(self):
        super().setup()
        self.tagged = self.sent()

    def arrives(self, rcpt, **how):
        before = len(self.ours.mailbox("alice"))
        data, lines = self.send(rcpt, **how)
        assert data.code == 250, data
        self.ours.wait_mailbox("alice", before + 1)
        self.ours.wait_idle()
        return lines

    def ordinary_mail(self):
        for rcpt in self.tagged, FORGED + "alice@test", "PRVS=0123ABCDEF=Alice@Test", "alice+prvs=0123abcdef@test":
            self.arrives(rcpt, sender="bob@theirs.test", message=make_message())

    def own_bounce(self):
        """Mail with a signed sender can't be delivered: Exim's own bounce goes to the signed address."""
        before = len(self.ours.mailbox("alice"))
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody@", times=1)
        self.ours.submit(self.tagged, "nobody@theirs.test", make_message(to="nobody@theirs.test"))
        assert self.ours.mainlog(f"<= <> R=.* for {re.escape(self.tagged)}$")
        message = self.ours.wait_mailbox("alice", before + 1)[-1]
        assert message["Envelope-to"] == "alice@test" and "nobody@theirs.test" in str(message)
        self.ours.wait_idle()

    def test_bounces(self):
        (line,) = [line for line in self.arrives(self.tagged) if is_our_line(line)]
        assert f"verdict=valid action=accept mode=reject rcpt=<{self.tagged}>" in line
        data, lines = self.send(FORGED + "alice@test")
        assert data.code == 550
        lines = self.arrives(FORGED + "alice@test", source="127.0.0.1")     # exempt
        assert any("reason=own-host" in line for line in lines)

    def test_ordinary_mail(self):
        self.ordinary_mail()

    def test_own_bounce(self):
        self.own_bounce()

    def test_without_a_state(self):
        """A tag must route in every trouble: then Exim's own list of local domains decides."""
        self.batv.stop()
        state = self.batv.state_dir / "state"
        good = state.read_bytes()
        state.unlink()
        self.ordinary_mail()
        self.own_bounce()
        for rcpt in self.tagged, FORGED + "alice@test":
            lines = self.arrives(rcpt)
            assert sum(is_our_line(line, "trouble=state action=accepted-unjudged") for line in lines) == 1
        self.lab.write(state, good, mode=0o640)
        self.batv.start()

    def test_only_own_domains(self):
        """A signed address of another site is nobody's business here."""
        count = len(self.sink.messages)
        with self.ours.smtp() as session:
            assert session.send("bob@test", "prvs=0123abcdef=x@theirs.test", make_message()).data.code == 250
        assert self.sink.wait(count + 1)[-1].recipients == ["prvs=0123abcdef=x@theirs.test"]

    def test_odd_ones_are_left_to_the_router(self):
        """The router declines these; and so they have no route here."""
        for odd in "/etc/passwd", "#list", "\\|pipe", "\\\"quote":
            address = f'"{FORGED}{odd}"@test'
            assert self.send(address, sender="bob@theirs.test", message=make_message())[0].code == 250
            self.ours.wait_log(r"\*\* .*<%s> ?: Unrouteable address" % re.escape(address))    # 4.100 writes a blank
        self.arrives(f'"{FORGED}ali\\ce"@test', sender="bob@theirs.test", message=make_message())
        self.arrives(FORGED + "prvs=1234abcdef=alice@test", sender="bob@theirs.test", message=make_message())


class TestUnsignDoubt(Site):
    """Exim cannot ask batv_unsign: the tag stays, and the router that asks the same list waits."""

    exim = {"main": "BATV_DOMAINS = ${lookup{domains}lsearch{LAB_DIR/unsign}}",
            "rcpt_first": "  accept senders = bob@theirs.test\n"}

    def test_it_waits(self):
        data, _ = self.send(FORGED + "alice@test", sender="bob@theirs.test", message=make_message())
        assert data.code == 250
        (line,) = self.ours.wait_log(OUR_LINE + "doubt=")
        assert f"doubt=batv_unsign action=not-unsigned address=<{FORGED}alice@test>" in line
        self.ours.wait_log(f"== {FORGED}alice@test .* defer")
        self.lab.write(self.ours.dir / "unsign", "domains: test\n")
        wait_until(lambda: self.ours.queue_run(force=True) or self.ours.mailbox("alice"), 15, "the message")
        assert not self.ours.mainlog(r" \*\* ")


# ---------------------------------------------------------------------------
# batv_bare, and the edges of the functions
# ---------------------------------------------------------------------------

class TestBare(Site):
    """batv_bare as the key of greylisting: the same for every tag that a sender may carry."""

    exim = {"main": "acl_smtp_mail = lab_mail\nsmtp_accept_max_nonmail = 1000",
            "acl": "lab_mail:\n  warn logwrite = key=<${dlfunc{BATV_SO}{batv_bare}{$sender_address}}>\n  accept\n"}
    forms = {
        "prvs=1234abcdef=user@site.test": "user@site.test",
        "PRVS=1234ABCDEF=User@site.test": "User@site.test",
        "prvs=user=1234abcdef@site.test": "user@site.test",
        "user+prvs=1234abcdef@site.test": "user@site.test",
        "prvs=01234567ab=user+folder@site.test": "user+folder@site.test",
        "btv1==123456789ab==user@site.test": "user@site.test",
        "msprvs1=12345abcdEFGH=user@site.test": "user@site.test",
        "SRS0=HHHH=TT=site.test=user@forwarder.test": "user@site.test",
        "SRS0+HHHH=TT=site.test=user@forwarder.test": "user@site.test",
        "SRS1=HHHH=mid.test==HHHH=TT=site.test=user@forwarder.test": "user@site.test",
        "user@site.test": "user@site.test",
        "prvs=short=user@site.test": "prvs=short=user@site.test",
        "prvs=1234abcdef=prvs=2345abcdef=user@site.test": "user@site.test",
    }

    def keys(self):
        before = len(self.ours.mainlog())
        with self.ours.smtp(STRANGER) as session:
            for address in self.forms:
                assert session.mail(address).code == 250, address
                session.rset()
            assert session.mail("").code == 250
        return re.findall(r"key=<(.*?)>", "\n".join(self.ours.mainlog()[before:]))

    def test_senders(self):
        assert self.keys() == [*self.forms.values(), ""]

    def test_needs_no_state(self):
        self.batv.stop()
        away = self.batv.dir / "away"
        self.batv.state_dir.rename(away)
        assert self.keys() == [*self.forms.values(), ""]
        assert not self.ours.mainlog("batv:") and self.ours.paniclog() == []
        away.rename(self.batv.state_dir)


class TestEdges(Site):
    """Wrong and missing arguments: never a crash, never an empty sender."""

    exim = {"reception": False, "main": f"domainlist lab_long = {'a' * 250}"}
    long = "${listnamed_d:lab_long}" * 5    # longer than a word of the command line may be

    def be(self, expression):
        done = self.ours.exim("-be", expression, check=False)
        assert done.returncode == 0, (expression, done)
        return done.stdout[:-1]

    def call(self, name, *arguments):
        return "${dlfunc{%s}{%s}%s}" % (self.module(), name, "".join("{%s}" % a for a in arguments))

    def module(self):
        """The value of BATV_SO, which exim -be does not know as a macro."""
        match = re.search(r"(?m)^BATV_SO = (.*)$", self.ours.config_path.read_text())
        return match[1] if match else ""

    def test_unsign(self):
        for arguments in [], [""], ["alice"], ["alice@test"], ["prvs=1234abcdef=@test"], ["@"], [self.long + "@test"], \
                ["prvs=1234abcdeg=alice@test"], ["prvs=1234abcdef=alice"]:
            assert self.be(self.call("batv_unsign", *arguments)).startswith("Failed"), arguments
        assert self.be(self.call("batv_unsign", "prvs=1234abcdef=alice@test", *"234567")) == "alice@test"
        assert self.be(self.call("batv_unsign", 'prvs=1234abcdef="a b"@test')) == "Failed: (no message)"
        assert self.be(self.call("batv_unsign", '"prvs=1234abcdef=a b"@Test')) == '"a b"@Test'

    def test_bare(self):
        assert self.be(self.call("batv_bare")).startswith("Failed")
        for text in "", "alice", "@", "<>", "a b":
            assert self.be(self.call("batv_bare", text)) == text, text
        assert self.be("${strlen:%s}" % self.call("batv_bare", self.long + "@test")) == "1255"
        assert self.be(self.call("batv_bare", "prvs=1234abcdef=alice@test", *"234567")) == "alice@test"

    def test_verdict_is_a_word_always(self):
        words = {"valid", "exempt", "unsignable", "not-ours", "missing", "expired", "forged"}
        for arguments in [], [""], ["alice"], ["@"], [self.long + "@test"], ["alice@test"], ["x@a.test", *"234567"]:
            assert self.be(self.call("batv_verdict", *arguments)) in words, arguments

    def test_refuse_is_a_number_always(self):
        for arguments in [], [""], ["nosuch"], ["1", *"234567"]:
            assert self.be(self.call("batv_refuse", *arguments)) == "0", arguments
        assert self.be("<" + self.call("batv_refuse", "text") + ">") == "<>"

    def test_sign_in_a_transport(self):
        """What Exim makes of the answer: the sender as it was, or a signed one."""
        text = self.ours.config_path.read_text()
        calls = {0: [[], [""], ["", ""], [""] * 7, ["@"], ["alice"], [self.long + "@test"], ["alice@"], ["a b@test"],
                     ["bob@theirs.test"], ["", "", "", "$message_exim_id", "$host"],
                     ["$return_path", *[""] * 6]],      # with no message at hand nothing is signed
                 1: [["$return_path"], ["$return_path", "@", "soon", "$message_exim_id"],
                     ["$return_path", "x", "-1", "$message_exim_id", "$host"],
                     ["$return_path", "x@y", "99999999999999999999", "$message_exim_id", "$host"],
                     ["$return_path", "x@y", "$received_time", "$message_exim_id", "$host", "6", "7"]]}
        for signed, argument_lists in calls.items():
            for arguments in argument_lists:
                for place in "return_path", "errors_to":
                    expression = self.call("batv_sign", *arguments)
                    changed = text.replace(include("transport-sign.conf"), "").replace(include("router-sign.conf"), "")
                    after = {"return_path": "driver = smtp\n", "errors_to": "transport = remote_smtp\n"}[place]
                    assert changed.count(after) == 1
                    self.lab.write(self.ours.config_path, changed.replace(after, f"{after}  {place} = {expression}\n"))
                    sender = self.sent()
                    right = is_signed(sender, "alice@test") if signed else sender == "alice@test"
                    assert right, (place, arguments, sender)
        assert self.ours.paniclog() == [] and self.ours.spool_ids() == [] and not self.ours.mainlog("crashed")
        self.lab.write(self.ours.config_path, text)

    def test_null_sender_stays_null(self):
        self.ours.submit("", "x@theirs.test", bounce("x@theirs.test"))
        assert self.sink.messages[-1].sender == ""


class TestTaint(Site):
    """What came from outside stays tainted: Exim lets nobody make a file name of it."""

    def delivers_to(self, expression, rcpt):
        """Deliver to LAB_MBOX/files/EXPRESSION: the lines that it left in the log, and whether a file is there."""
        files = self.lab.mkdir("ours", "mbox", "files")
        for path in files.iterdir():
            path.unlink()
        text = self.ours.config_path.read_text()
        changed = re.sub(r"(?m)^  directory = .*\n", f"  file = LAB_MBOX/files/{expression}\n", text)
        changed = changed.replace("local_parts = lsearch,ret=key;LAB_DIR/users\n", "")
        assert changed.count("LAB_MBOX/files") == 1
        self.lab.write(self.ours.config_path, changed)
        before = len(self.ours.mainlog())
        self.ours.submit("bob@theirs.test", rcpt, make_message())
        self.lab.write(self.ours.config_path, text)
        for message in self.ours.spool_ids():
            self.ours.exim("-Mrm", message)
        return self.ours.mainlog()[before:], [path.name for path in files.iterdir()]

    def test_tainted_arguments(self):
        for function, argument, rcpt in (("batv_bare", "$local_part@$domain", "alice@test"),
                                         ("batv_bare", "prvs=1234abcdef=$local_part@$domain", "alice@test"),
                                         ("batv_unsign", "prvs=1234abcdef=$local_part@$domain", "alice@test"),
                                         ("batv_sign", "$local_part@$domain", "alice@test")):
            lines, files = self.delivers_to("${dlfunc{BATV_SO}{%s}{%s}}" % (function, argument), rcpt)
            assert files == [], (function, files)
            assert any("ainted" in line and "not permitted" in line for line in lines), (function, lines)

    def test_arguments_of_our_own(self):
        for function, argument, name in (("batv_bare", "fixed@test", "fixed@test"),
                                         ("batv_unsign", "prvs=1234abcdef=fixed@test", "fixed@test")):
            lines, files = self.delivers_to("${dlfunc{BATV_SO}{%s}{%s}}" % (function, argument), "alice@test")
            assert files == [name], (function, lines)
        lines, files = self.delivers_to("${dlfunc{BATV_SO}{batv_sign}{fixed@test}}", "alice@test")
        assert len(files) == 1 and is_signed(files[0], "fixed@test"), (lines, files)

    def test_a_verdict_is_a_word_of_ours(self):
        lines, files = self.delivers_to("${dlfunc{BATV_SO}{batv_verdict}{$local_part@$domain}}", "alice@test")
        assert files == ["exempt"] or files == ["missing"], (lines, files)
