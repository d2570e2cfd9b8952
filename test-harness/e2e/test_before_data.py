"""No answer before DATA depends on what a tag is worth: it would be an oracle that one guesses tags with."""

from batv import *
from lab_debian import DebianConfiguration, Installation
from kinds import ACL, HEAVY, LIGHT

STRANGER = "127.0.0.9"


class Answers:
    """What a stranger is told before DATA.  Subclasses say how the server is built."""

    user, other = "alice", "bob"
    one_by_one = True       # acl-rcpt.conf is in use
    asks_postmaster = True  # and sees the postmaster, too

    def tags(self, user):
        """{what it is worth: tagged address}"""
        right, dead = self.right[user], self.dead[user]
        return {"right": right, "dead": dead, "wrong": right[:9] + ("0" * 6) + right[15:],
                "nearly": right[:14] + format(int(right[14], 16) ^ 1, "x") + right[15:],
                "no-key": f"prvs={(int(right[5]) + 3) % 10}{right[6:]}"}

    def prepare(self):
        users = self.user, self.other
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        self.set(enforcement="reject")
        self.dead = {user: self.batv.sign(f"{user}@test") for user in users}
        self.batv.ctl("rotate", "--revoke")
        self.right = {user: self.batv.sign(f"{user}@test") for user in users}
        self.batv.reload()
        for user in users:
            verdicts = {worth: self.batv.json("verify", tag)["verdict"] for worth, tag in self.tags(user).items()}
            assert verdicts.pop("right") == "valid" and "valid" not in verdicts.values(), verdicts

    @staticmethod
    def forms(tagged):
        """The same tag in both styles, and in upper case."""
        tag, _, address = tagged.rpartition("=")
        local, _, domain = address.partition("@")
        return tagged, tagged.upper(), f"{local}+{tag}@{domain}", f"{local}+{tag}@{domain}".upper()

    def told(self, sender, *rcpts):
        """All replies of a session to MAIL and RCPT."""
        with self.ours.smtp(STRANGER) as session:
            replies = [session.mail(sender)] + [session.rcpt(rcpt) for rcpt in rcpts]
        return tuple(str(reply) for reply in replies)

    def expect_one_answer(self, dialogue, *codes):
        """DIALOGUE(tag, tag of the other user) gives sender and recipients: the same replies, whatever the tags are."""
        answers = {}
        for worth, tag in self.tags(self.user).items():
            for form, tag in enumerate(self.forms(tag)):
                for worth2, tag2 in self.tags(self.other).items():
                    answers.setdefault(self.told(*dialogue(tag, tag2)), []).append((worth, form, worth2))
                    if "tag2" not in dialogue.__code__.co_varnames:
                        break
        assert len(answers) == 1, answers
        (told,) = answers
        if codes:
            assert tuple(int(reply[:3]) for reply in told[1:]) == codes, told

    def bounces(self, second):
        """SECOND: the code of a recipient that is to come alone."""
        bare, postmaster = f"{self.other}@test", "postmaster@test"
        other = second if self.asks_postmaster else 250
        self.expect_one_answer(lambda tag, _: ("", tag), 250)
        self.expect_one_answer(lambda tag, _: ("", tag, bare), 250, second)
        self.expect_one_answer(lambda tag, _: ("", bare, tag), 250, second)
        self.expect_one_answer(lambda tag, _: ("", tag, postmaster), 250, other)
        self.expect_one_answer(lambda tag, _: ("", postmaster, tag), 250, other)
        self.expect_one_answer(lambda tag, _: ("", tag, "no-such-user@test"), 250, 550)
        self.expect_one_answer(lambda tag, _: ("", tag, tag), 250, second)
        self.expect_one_answer(lambda tag, tag2: ("", tag, tag2), 250, second)
        self.expect_one_answer(lambda tag, tag2: ("", bare, tag, tag2, postmaster), 250, second, second, other)

    def senders(self):
        bare = f"{self.other}@test"
        for rcpts in [bare], [bare, f"{self.user}@test"], ["x@theirs.test"], ["no-such-user@test"]:
            self.expect_one_answer(lambda tag, _: (tag, *rcpts))
        self.expect_one_answer(lambda tag, _: (tag, tag))
        self.expect_one_answer(lambda tag, tag2: (tag, bare, tag2))
        self.expect_one_answer(lambda tag, _: ("mailer-daemon@theirs.test", tag, bare))

    def test_reject(self):
        self.set(enforcement="reject")
        self.bounces(452 if self.one_by_one else 250)

    def test_as_sender(self):
        self.set(enforcement="reject")
        self.senders()

    def test_nothing_is_refused(self):
        """Then nothing must come alone: not armed, observed, or with the file observe."""
        self.set(enforcement="auto", grace="30d")
        self.bounces(250)
        self.set(enforcement="observe")
        self.expect_one_answer(lambda tag, tag2: ("", tag, tag2, f"{self.other}@test", "postmaster@test"),
                               250, 250, 250, 250)
        self.set(enforcement="reject")
        self.batv.observe_file(True)
        self.expect_one_answer(lambda tag, tag2: ("", tag, tag2, f"{self.other}@test", "postmaster@test"),
                               250, 250, 250, 250)
        self.batv.observe_file(False)


class TestPlain(Answers):
    """All plain snippets, with checks of the sender, and a domain that we relay to."""

    def setup(self):
        self.batv = Batv(self.lab)
        self.installation = Installation(self.lab, "ours")
        self.one_by_one = self.installation.functions
        self.ours = batv_exim(
            self.lab, self.batv, Sink(self.lab), installation=self.installation, relay_domains="theirs.test",
            main="acl_smtp_mail = by_sender", acl="by_sender:\n  require verify = sender\n  accept\n",
            rcpt_last=f".ifdef _HAVE_DLFUNC\n.include {SNIPPETS}/acl-rcpt.conf\n.endif\n")
        self.prepare()

    def set(self, **settings):
        self.batv.set(**{**self.installation.conf(), **settings})

    def test_who_cannot_be_refused(self):
        """Recipients of one kind come together; what can't be refused needs not come alone."""
        if not self.one_by_one:
            return
        self.set(enforcement="reject")
        for rcpts, codes in ((("postmaster@test", "x@theirs.test"), (250, 250)),
                             (("alice@test", "bob@test", "x@theirs.test"), (250, 250, 452)),
                             (("alice@test", "postmaster@test", "bob@test"), (250, 452, 250))):
            self.expect_one_answer(lambda _tag, _: ("", *rcpts), *codes)
        forms = lambda tag, tag2: ("", tag, tag2, "bob@test", "postmaster@test")
        for settings in ({"exempt_hosts": STRANGER}, {"relay_in_hosts": STRANGER}, {"own_hosts": STRANGER},
                         {"unproven_dsn": "mark", "unproven_autoreply": "mark"},
                         {"exempt_recipients": "postmaster@* : alice@test : bob@test"},
                         {"unsigned_senders": "alice@test : bob@test"}):
            self.set(enforcement="reject", **settings)
            self.expect_one_answer(forms, 250, 250, 250, 250)
        self.set(enforcement="reject")

    def test_the_text_is_the_same(self):
        if not self.one_by_one:
            return
        self.set(enforcement="reject")
        told = {self.told("", *rcpts)[-1] for rcpts in (
            ("alice@test", "postmaster@test"), ("postmaster@test", "alice@test"),
            ("alice@test", self.right["bob"]), (self.right["bob"], "alice@test"),
            (self.right["alice"], self.right["bob"]), (self.dead["alice"], self.right["bob"]))}
        assert len(told) == 1 and told.pop().startswith("452 4.5.3 "), told

    def test_each_message_of_a_session_by_itself(self):
        if not self.one_by_one:
            return
        self.set(enforcement="reject")
        with self.ours.smtp(STRANGER) as session:
            for rcpt in "alice@test", self.right["alice"], self.dead["alice"], "postmaster@test", "bob@test":
                session.mail("")
                assert session.rcpt(rcpt).code == 250, session.dialogue()
                session.rset()
            assert session.send("", [self.right["alice"]], bounce("alice@test")).data.code == 250
            assert session.send("", ["bob@test"], bounce("bob@test")).data.code == 550


class Debian(Answers):
    """Debian's configuration with our pieces in it."""

    split = True
    other = "second"
    asks_postmaster = False     # Debian takes all mail for him before it comes to our piece

    def setup(self):
        self.user = self.lab.user
        self.batv = Batv(self.lab, kind=self.kind)
        self.installation = Installation(self.lab, "ours", self.kind)
        debian = DebianConfiguration(self.lab, "ours", self.installation, self.split, self.batv.state_dir,
                                     Sink(self.lab).route())
        self.lab.write(debian.etc / "aliases", f"{self.other}: {self.user}\npostmaster: {self.user}\n")
        self.ours = Exim(self.lab, config=debian.text, binary=self.installation.binary, macros=debian.macros,
                         options=debian.options)
        self.prepare()

    def set(self, **settings):
        self.batv.set(**{**self.installation.conf(), **settings})


class TestDebianSplitHeavy(Debian):
    kind = HEAVY


class TestDebianSplitAcl(Debian):
    kind = ACL


class TestDebianSplitLight(Debian):
    kind, one_by_one = LIGHT, False


class TestDebianUnsplitHeavy(Debian):
    kind, split = HEAVY, False


class TestDebianUnsplitLight(Debian):
    kind, split, one_by_one = LIGHT, False, False
