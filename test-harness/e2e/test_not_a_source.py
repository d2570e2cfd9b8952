"""exim-snippets/not-a-source: each piece loaded where its comment puts it, and what it does and does not do."""

import shutil

from batv import *
from kinds import HEAVY
from lab_debian import DebianConfiguration, Installation
from lab_dns import Dns

STRANGER, EVE = "127.0.0.9", "eve@elsewhere.test"
PIECES = SNIPPETS / "not-a-source"
CONF = "domains = test\nown_hosts = 127.0.0.1\nenforcement = reject\n"


def include(name):
    return f".include {PIECES}/{name}\n"


class TestAllTogether:
    """Every piece in one Exim, which also relays for relayed.test."""

    def setup(self):
        self.lab.clock.start()
        self.batv = Batv(self.lab, conf=CONF)
        self.sink = Sink(self.lab)
        self.away = self.lab.mkdir("ours", "vacation")
        self.lab.write(self.away / "bob", "I am away.\n")
        self.ours = batv_exim(
            self.lab, self.batv, self.sink, relay_domains="relayed.test",
            start=False,
            macros={"BATV_MAILS_PER_HOST": "5", "BATV_VACATION": self.away, "BATV_QUOTA_USERS": "lsearch;LAB_DIR/users"},
            main=include("main-delay-warnings.conf"),
            rcpt_last="".join(include(f"acl-rcpt-{name}.conf") for name in ("unknown-users", "quota", "limit", "forged-senders")),
            acl=include("acl-vacation.conf"), routers=include("router-no-bounces.conf") + include("router-vacation.conf"),
            # The sizes are in the names: a file that the test takes away at the moment when Exim looks at it ends Exim's process.
            transports=include("transport-vacation.conf"), local_transport="  quota = 20k\n  directory_file = q${base62:$tod_epoch}-$inode,S=$message_size\n  quota_size_regex = ,S=(\\d+)\n",
            retry="* * F,9d,1m")
        self.text = self.ours.config_path.read_text()
        assert "  require verify = recipient\n" in self.text
        self.text = self.text.replace("  require verify = recipient\n", "")     # the piece is instead of it
        self.restore()
        self.ours.start()

    def come(self, rcpts, sender=EVE, source=STRANGER, message=None):
        return self.ours.inject(sender, rcpts, message or make_message(sender, rcpts if isinstance(rcpts, str) else rcpts[0]), source)

    def fresh(self):
        """A host that nobody has seen."""
        self.last = getattr(self, "last", 100) + 1
        return f"127.0.9.{self.last}"

    def settle(self):
        """Until the queue is empty; another process may hold a message, or a host waits for its time."""
        wait_until(lambda: self.ours.queue_run(force=True) or not self.ours.spool_ids(), 60, "an empty queue")

    def without(self, name):
        """Until restore(): the same Exim, without one piece."""
        self.lab.write(self.ours.config_path, self.text.replace(include(name), ""))

    def restore(self):
        self.lab.write(self.ours.config_path, self.text)

    def test_no_file_is_left_out(self):
        included = re.findall(rf"(?m)^\s*\.include {PIECES}/(\S+)$", self.text)
        assert set(included) == {path.name for path in PIECES.glob("*.conf")} and len(included) == len(set(included))
        for path in [*PIECES.glob("*.conf"), *(PIECES / "debian").iterdir()]:
            head = re.match(r"(?:#.*\n)+", path.read_text())[0]
            for word in "exim-batv:", "\n# Needs  ", "\n# Without  ", "Goes":
                assert word in head, (path.name, word)
            for name in re.findall(r"[\w-]+\.conf\b", head):
                assert (PIECES / name).exists() or (SNIPPETS / name).exists() or name == "exim4.conf", (path.name, name)

    # -- a limit for each host

    def test_limit(self):
        busy = self.fresh()
        with self.ours.smtp(busy) as session:
            codes = [session.send(EVE, ["alice@test", "carol@test"], make_message()).rcpts[0].code for _ in range(8)]
            assert codes == [250] * 5 + [451] * 3, session.dialogue()
        assert "limit=host" in self.ours.mainlog(r"batv: limit=host")[0]
        assert self.come("alice@test", source=self.fresh()).data.code == 250
        assert {self.come("alice@test", source="127.0.0.1").data.code for _ in range(8)} == {250}
        with self.ours.smtp(busy) as session:
            assert session.auth_plain("alice", "secret").code == 235
            assert session.send(EVE, "alice@test", make_message()).data.code == 250
        self.lab.clock.advance(7200)
        assert self.come("alice@test", source=busy).data.code == 250

    # -- unknown users

    def test_unknown_users(self):
        self.sink.answer("rcpt", "550 5.1.1 unknown", match="nobody@relayed")
        right = self.batv.sign("alice@test")[:16]
        for rcpt in "nobody@test", "nobody@relayed.test", f"{right}nobody@test", "prvs=0123abcdef=nobody@test":
            for sender in "", EVE:
                reply = self.come(rcpt, sender, self.fresh()).rcpts[0]
                assert reply.code == 550 and "5.1.1 No such user" in reply.text, (rcpt, reply)
        assert self.come(["carol@relayed.test", "carol@test"], source=self.fresh()).data.code == 250
        self.sink.answer("connect", "421 later")
        assert self.come("dave@relayed.test", source=self.fresh()).data.code == 250
        self.sink.forget()
        self.settle()

    # -- no bounces to outside

    def strangers_mail_to_a_dead_alias(self):
        self.sink.forget()
        self.sink.answer("rcpt", "550 5.1.1 gone", match="refusing.test")
        self.ours.alias("forward", "x@refusing.test")
        assert self.come("forward@test", source=self.fresh()).data.code == 250
        self.settle()

    def test_no_bounces_to_outside(self):
        self.strangers_mail_to_a_dead_alias()
        assert self.sink.messages == []
        (told,) = [m for m in self.ours.mailbox("postmaster") if m["X-Failed-Recipients"]]
        assert "x@refusing.test" in told.as_string() and EVE in told["To"]
        # users get theirs, and null-sender mail that is no bounce leaves
        count = len(self.ours.mailbox("alice"))
        self.ours.submit("alice@test", "x@refusing.test", make_message())
        assert self.ours.wait_mailbox("alice", count + 1)[-1]["X-Failed-Recipients"] == "x@refusing.test"
        self.ours.submit("", "x@theirs.test", make_message(extra="x"))
        assert [m.recipients for m in self.sink.wait(1)] == [["x@theirs.test"]]

    def test_without_it_the_stranger_gets_one(self):
        self.without("router-no-bounces.conf")
        self.strangers_mail_to_a_dead_alias()
        assert [(m.sender, m.recipients) for m in self.sink.messages] == [("", [EVE])]
        self.restore()

    # -- delay warnings

    def warned(self, sender, *put):
        """The addresses that get a warning when mail of SENDER waits for two days."""
        self.sink.forget()
        for user in "alice", "postmaster":
            shutil.rmtree(self.ours.dir / "mbox" / user, ignore_errors=True)
        self.sink.answer("rcpt", "451 4.2.0 later", match="slow.test")
        self.ours.submit(sender, "x@slow.test", make_message(sender))
        self.lab.clock.advance(2 * DAY)
        self.ours.queue_run(force=True)
        told = sorted({*(r for m in self.sink.messages for r in m.recipients),
                       *(user for user in ("alice", "postmaster") if self.ours.mailbox(user))})
        self.sink.forget()
        self.settle()
        return told

    def test_delay_warnings(self):
        assert self.warned("alice@test") == ["alice"]
        assert self.warned(EVE) == []
        self.without("main-delay-warnings.conf")
        assert self.warned(EVE) == [EVE]
        self.restore()

    # -- a full mailbox

    def test_quota(self):
        big = make_message(EVE, body=("x" * 70 + "\n") * 150)
        come = lambda rcpt: self.ours.inject(EVE, rcpt, big, self.fresh(), params=f"SIZE={len(big)}")
        assert come("carol@test").data.code == 250
        self.ours.wait_idle()
        (reply,) = come("carol@test").rcpts
        assert str(reply) == "452 4.2.2 The mailbox is full", reply
        assert [r.code for r in come(["carol@test", "bob@test"]).rcpts] == [452, 250]
        assert self.come("carol@test", source=self.fresh()).data.code == 250      # a small one fits
        self.ours.wait_idle()
        shutil.rmtree(self.ours.dir / "mbox" / "carol")
        assert come("carol@test").data.code == 250
        self.ours.alias("elsewhere", "x@theirs.test")
        asked = len(self.sink.transcript)
        with self.ours.smtp(self.fresh()) as session:       # the server that an alias points to is not asked
            assert (session.mail(EVE).code, session.rcpt("elsewhere@test").code) == (250, 250)
        assert len(self.sink.transcript) == asked
        assert self.come("elsewhere@test", source=self.fresh()).data.code == 250

    # -- vacation

    def answered(self, sender, to="bob@test", rcpt="bob@test", **headers):
        """The addresses that get an answer to a message to bob; bob, who is away, gets the message."""
        self.settle()
        self.sink.forget()
        count = len(self.ours.mailbox("bob"))
        result = self.come(rcpt, sender, self.fresh(), make_message(sender or EVE, to, **headers))
        assert result.data.code == 250, result
        self.ours.wait_mailbox("bob", count + 1)
        self.ours.wait_idle()
        for message in self.sink.messages:
            assert message.sender == "" and b"Auto-Submitted: auto-replied" in message.data and b"I am away." in message.data
        return [r for m in self.sink.messages for r in m.recipients]

    def test_vacation(self):
        assert self.answered("friend@theirs.test") == ["friend@theirs.test"]
        assert self.answered("friend@theirs.test") == []
        # once for an address, whatever tag its site gives it; and the answer goes to the tag
        assert self.answered("prvs=0123abcdef=second@theirs.test") == ["prvs=0123abcdef=second@theirs.test"]
        assert self.answered("prvs=1234abcdef=Second@theirs.test") == self.answered("btv1==123abcdef00==second@theirs.test") == []
        for sender, headers in (("", {}), ("list-request@theirs.test", {}), ("owner-list@theirs.test", {}), ("noreply@theirs.test", {}),
                                ("MAILER-DAEMON@theirs.test", {}), ("list-bounces@theirs.test", {}),
                                ("a@theirs.test", {"List_Id": "<l.theirs.test>"}), ("a@theirs.test", {"Precedence": "bulk"}),
                                ("a@theirs.test", {"Auto_Submitted": "auto-generated"}), ("a@theirs.test", {"to": "all@theirs.test"})):
            assert self.answered(sender, rcpt=self.batv.sign("bob@test"), **headers) == [], (sender, headers)
        assert self.answered("a@theirs.test", Auto_Submitted="no", to="all@theirs.test, Bob <bob@test>") == ["a@theirs.test"]
        assert self.ours.bt("bob@test") and self.answered("friend@theirs.test") == []
        self.lab.clock.advance(8 * DAY)
        assert self.answered("friend@theirs.test") == ["friend@theirs.test"]
        assert self.come("alice@test", "friend@theirs.test", self.fresh()).data.code == 250   # she is not away
        self.ours.wait_idle()
        assert len(self.sink.messages) == 1

    # -- forged senders

    def marked(self, sender, source=None, rcpt="alice@test", user=None):
        """Is a message marked?  The last one that came to alice."""
        count = len(self.ours.mailbox("alice"))
        with self.ours.smtp(source or self.fresh()) as session:
            if user:
                session.auth_plain(user, "secret")
            assert session.send(sender, rcpt, make_message(sender or EVE)).data.code == 250, session.dialogue()
        return self.ours.wait_mailbox("alice", count + 1)[-1]["X-BATV-Sender"]

    def test_forged_senders(self):
        lines = lambda: len(self.ours.mainlog("batv: sender=bare action=mark"))
        before = lines()
        assert self.marked("bob@test") == self.marked("Bob@TEST") == self.marked("bob@test", rcpt=["carol@test", "alice@test"]) == "forged"
        assert lines() == before + 3
        tags = self.batv.sign("bob@test"), "prvs=0123abcdef=bob@test"
        for sender in "", EVE, *tags:
            assert self.marked(sender) is None, sender
        assert self.marked("bob@test", "127.0.0.1") is self.marked("bob@test", user="bob") is None
        for option in ("exempt_hosts", "own_hosts", "relay_in_hosts", "trusted_hosts"):
            self.batv.set(CONF, **{option: "127.0.7.7"})
            assert self.marked("bob@test", "127.0.7.7") is None, option
            assert self.marked("bob@test") == "forged", option
        for settings in ({"unsigned_senders": "carol@test"}, {"unsigned_destinations": "*@lists.test"}, {"unsigned_hosts": "192.0.2.1"},
                         {"enforcement": "observe"}, {"enforcement": "auto"}, {"signing": "off"}):
            self.batv.set(CONF, **settings)
            assert self.marked("bob@test") is None, settings
        self.batv.set(CONF)
        self.batv.observe_file(True)
        assert self.marked("bob@test") is None
        self.batv.observe_file(False)
        assert self.marked("bob@test") == "forged" and lines() == before + 8, lines()


class TestRefusingForgedSenders:
    """With the administrator's word, in an Exim that knows SPF, and with a name server of its own."""

    PASSES, STRANGER = "198.51.100.8", "203.0.113.9"

    def setup(self):
        needs_root("port 53, and mounts")
        self.lab.clock.set(1_900_000_000)
        self.server = f"127.53.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"     # tests run beside each other
        self.dns = Dns({("test", "TXT"): [f"v=spf1 ip4:{self.PASSES} -all"]}, address=self.server).start()
        self.lab.on_close(self.dns.stop)
        self.lab.on_end(self.dns.socket.close)
        self.batv = Batv(self.lab, conf=CONF, kind=HEAVY)
        self.ours = batv_exim(self.lab, self.batv, Sink(self.lab), installation=Installation(self.lab, "ours", kind=HEAVY), start=False,
                              macros={"BATV_DENY_FORGED_SENDERS": "yes"}, rcpt_last=include("acl-rcpt-forged-senders.conf"))
        self.resolv = self.lab.write("resolv.conf", f"nameserver {self.server}\noptions timeout:1 attempts:1\n")

    def comes(self, sender, source="203.0.113.9"):
        """What becomes of a message: refused, marked or taken.  SPF passes for all of 127.0.0.0/8, so there is no connection."""
        count = len(self.ours.mailbox("alice"))
        lines = "EHLO x", f"MAIL FROM:<{sender}>", "RCPT TO:<alice@test>", "DATA", *make_message(sender).splitlines(), ".", "QUIT"
        done = self.lab.run(["unshare", "-m", "sh", "-euc",
                             f'mount --bind {self.resolv} /etc/resolv.conf; exec setpriv --reuid={self.lab.uid} --regid={self.lab.gid} '
                             '--clear-groups "$@"', "sh", self.ours.binary, "-C", self.ours.config_path, "-odf", "-bs", "-oMa", source],
                            user="root", input="".join(f"{line}\r\n" for line in lines), check=False)
        if "\n550" in done.stdout:
            assert "5.7.1 The sender address is one of ours" in done.stdout, done
            return "refused"
        assert "\n250 OK id=" in done.stdout, done
        return "marked" if self.ours.wait_mailbox("alice", count + 1)[-1]["X-BATV-Sender"] else "taken"

    def test_1_refused(self):
        assert self.comes("bob@test") == self.comes("Carol@TEST", "203.0.113.77") == "refused"
        for sender in EVE, self.batv.sign("bob@test"), "prvs=0123abcdef=bob@test":
            assert self.comes(sender) == "taken", sender
        for option in "exempt_hosts", "relay_in_hosts":
            self.batv.set(CONF, **{option: self.STRANGER})
            assert self.comes("bob@test") == "taken", option
        self.batv.set(CONF, unsigned_senders="carol@test")
        assert self.comes("bob@test") == "taken"
        self.batv.set(CONF)
        assert self.comes("bob@test") == "refused"

    def test_2_only_if_spf_says_so(self):
        """Not if the DNS does not answer, nor without a record that says no."""
        record = self.dns.records[("test", "TXT")]
        self.dns.broken.add("test")
        assert self.comes("bob@test") == "marked"
        self.dns.broken.clear()
        for texts in ["other"], ["v=spf1 ?all"], [record[0], record[0]]:
            self.dns.records[("test", "TXT")] = texts
            assert self.comes("bob@test") == "marked", texts
        self.dns.records[("test", "TXT")] = ["v=spf1 ~all"]
        assert self.comes("bob@test") == "refused"
        self.dns.records[("test", "TXT")] = record
        assert self.comes("bob@test") == "refused"

    def test_3_an_unknown_server_of_ours(self):
        """For two weeks after it nothing is refused."""
        page = (TOP / "docs/not-a-source.md").read_text()
        greps = [c.replace("/var/log/exim4/mainlog", str(self.ours.dir / "log/mainlog")) for c in re.findall("(?m)^    (grep .*)$", page)]
        count = lambda: [self.lab.run(["sh", "-c", g], check=False).stdout for g in greps]
        (passed, marked) = count()
        assert passed == "0\n" and len(marked.splitlines()) == 4, (passed, marked)
        assert self.comes("bob@test", self.PASSES) == "taken"
        assert count()[0] == "1\n"
        assert self.comes("bob@test") == "marked"
        self.lab.clock.advance(13 * DAY)
        self.batv.reload()
        assert self.comes("carol@test") == "marked"
        self.lab.clock.advance(2 * DAY)
        self.batv.reload()
        assert self.comes("bob@test") == "refused"


class TestDebianSplit:
    """Debian's configuration with our pieces, and what the heads of the Debian files say."""

    split = True

    def setup(self):
        self.user = self.lab.user
        self.address = f"{self.user}@test"
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab, conf=CONF, kind=HEAVY)
        installation = Installation(self.lab, "ours", HEAVY)
        self.debian = DebianConfiguration(self.lab, "ours", installation, self.split, self.batv.state_dir, self.sink.route(), placed=False,
                                          relay_domains="relayed.test")
        etc = self.debian.etc
        head = (PIECES / "debian/exim-batv.local-rcpt").read_text()
        lines = "".join(f"{line}\n" for line in re.findall(r"(?m)^#   (\w+ = .*)$", head)).replace("/etc/exim4", str(etc))
        assert lines.count("\n") == 4, lines
        lines = lines.replace("= 1000", "= 5") + f"{include('main-delay-warnings.conf')}"
        shutil.copy(PIECES / "debian/exim-batv.local-rcpt", etc)
        router = (PIECES / "debian/060_exim-batv_no-bounces").read_text()
        away = self.lab.mkdir("vacation")
        self.lab.write(away / self.user, "I am away.\n")
        lines += f"BATV_VACATION = {away}\n"
        vacation = {part: include(f"{part}-vacation.conf") for part in ("acl", "router", "transport")}
        if self.split:
            for part, text in vacation.items():
                self.lab.write(etc / "conf.d" / part / "890_local-vacation", text)
            self.lab.write(etc / "conf.d/main/000_local", lines)
            self.lab.write(etc / "conf.d/router/060_exim-batv_no-bounces", router)
        else:
            self.lab.write(etc / "exim4.conf.localmacros", lines)
            template = etc / "exim4.conf.template"
            text = template.read_text().replace("\nbegin routers\n", f"\nbegin routers\n\n{router.splitlines()[-1]}\n")
            for line, piece in (("begin acl\n", "acl"), ("begin transports\n", "transport")):
                text = text.replace(f"\n{line}", f"\n{line}\n{vacation[piece]}\n")
            text = text.replace("\nlocal_user:\n", f"\n{vacation['router']}\nlocal_user:\n")
            assert "no-bounces" in text and text.count("-vacation.conf") == 3
            self.lab.write(template, text)
        self.lab.write(etc / "aliases", f"forward: x@refusing.test\nsecond: {self.user}\npostmaster: {self.user}\n")
        self.lab.write(etc / "local_rcpt_callout", "*@relayed.test\n")
        self.debian.place_unsigning()
        self.debian.place_signing()
        self.ours = Exim(self.lab, config=self.debian.text, binary=installation.binary, macros=self.debian.macros, options=self.debian.options)

    def come(self, rcpt, sender=EVE, source=STRANGER):
        return self.ours.inject(sender, rcpt, bounce(self.address) if not sender else make_message(sender), source)

    def test_it_loads(self):
        routers = self.ours.exim("-bP", "router_list").stdout.split()
        assert "batv_no_bounces_outside" in routers
        if self.split:
            assert routers.index("batv_unsign") < routers.index("batv_no_bounces_outside")
        assert "match_domain" in self.ours.option("delay_warning_condition")

    def test_what_is_taken_and_what_is_not(self):
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="nobody@relayed|refusing")
        tag = self.batv.sign(self.address)
        for rcpt, sender, code in ((self.address, EVE, 250), (tag, "", 250), (tag, EVE, 250), (self.address, "", 550),
                                   ("nobody-here@test", EVE, 550), ("nobody@relayed.test", EVE, 550), ("user@relayed.test", EVE, 250)):
            result = self.come(rcpt, sender, f"127.0.9.{len(rcpt)}")
            assert (result.data or result.rcpts[0]).code == code, (rcpt, sender, result)
        # one verdict for each recipient, still
        with self.ours.smtp("127.0.9.99") as session:
            session.mail("")
            assert [session.rcpt(r).code for r in (self.address, tag)] == [250, 452], session.dialogue()

    def test_forged_senders(self):
        """SPF passes for all of 127.0.0.0/8."""
        assert self.come(self.address, "second@test").data.code == 250
        assert self.ours.mainlog(r"batv: sender=bare spf=pass from=<second@test> host=\[127.0.0.9\]$")

    def test_limit(self):
        assert [self.come(self.address, source="127.0.9.200").rcpts[0].code for _ in range(7)] == [250] * 5 + [451] * 2
        assert self.come(self.batv.sign(self.address), "", "127.0.9.200").rcpts[0].code == 451

    def test_no_bounces_to_outside(self):
        self.ours.wait_idle()
        self.sink.forget()
        self.sink.answer("rcpt", "550 5.1.1 gone", match="refusing.test")
        assert self.come("forward@test", source="127.0.9.201").data.code == 250
        wait_until(lambda: [m for m in self.ours.mailbox(self.user) if m["X-Failed-Recipients"]], 20, "the postmaster's mail")
        self.ours.wait_idle()
        assert self.sink.messages == [] and self.ours.paniclog() == []


    def test_vacation(self):
        self.sink.forget()
        for name, source in ("friend", 202), ("list-request", 203), ("friend", 204):
            result = self.ours.inject(f"{name}@theirs.test", self.address, make_message(to=self.address), f"127.0.9.{source}")
            assert result.data.code == 250, result
            self.ours.wait_idle()
        assert [m.recipients for m in self.sink.messages] == [["friend@theirs.test"]]


class TestDebianUnsplit(TestDebianSplit):
    split = False
