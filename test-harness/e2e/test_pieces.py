"""Debian's pieces as they are shipped: un-signing alone, signing beside it, and what is left when the package is gone."""

import re
import shutil

from batv import *
from kinds import HEAVY, LIGHT
from lab_debian import DebianConfiguration, Installation

STRANGER = "127.0.0.9"
BLACK = "127.0.0.66"
FORGED = "prvs=0123abcdef="


class Site:
    """A stock Debian with our pieces; a copy of the snippets stands for the package's."""

    kind, split = HEAVY, False
    settings = {}

    def setup(self):
        self.user = self.lab.user
        self.address = f"{self.user}@test"
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab, conf="domains = test\nown_hosts = 127.0.0.1\nenforcement = reject\n", kind=self.kind)
        self.installation = Installation(self.lab, "ours", self.kind)
        self.debian = DebianConfiguration(self.lab, "ours", self.installation, self.split, self.batv.state_dir,
                                          self.sink.route(), placed=False, **self.settings)
        self.snippets = self.lab.dir / "snippets"
        shutil.copytree(TOP / "exim-snippets", self.snippets)
        self.debian.macros["BATV_SNIPPETS"] = self.snippets
        self.lab.write(self.debian.etc / "local_host_blacklist", f"{BLACK}\n")
        self.alias()
        self.debian.place_unsigning()
        self.ours = Exim(self.lab, config=self.debian.text, binary=self.installation.binary, macros=self.debian.macros,
                         options=self.debian.options)

    def alias(self, *names):
        self.lab.write(self.debian.etc / "aliases", "".join(f"{name}: {self.user}\n" for name in ("second", *names)))

    def again(self):
        self.ours.write_config(self.debian.text)
        with self.ours.smtp():      # the daemon that answers can be told to start again
            pass
        self.ours.hup()

    def come(self, *rcpts, sender="", source=STRANGER):
        """A message from outside: replies to RCPT, as text, and to DATA."""
        with self.ours.smtp(source) as session:
            assert session.mail(sender).code == 250
            replies = [str(session.rcpt(rcpt)) for rcpt in rcpts]
            data = session.data(bounce(self.address) if not sender else make_message()) if "250" in \
                [r[:3] for r in replies] else None
        return replies, data

    def arrives(self, *rcpts, mails=1, **how):
        count = len(self.ours.mailbox(self.user))
        replies, data = self.come(*rcpts, **how)
        assert [r[:3] for r in replies] == ["250"] * len(rcpts) and data.code == 250, (replies, data)
        self.ours.wait_mailbox(self.user, count + mails)
        self.ours.wait_idle()
        new = self.ours.mailbox(self.user)[count:]
        assert len(new) == mails, [str(m) for m in new]
        return new

    def left_with(self):
        count = len(self.sink.messages)
        self.ours.submit(self.address, "x@theirs.test", make_message(self.address))
        return self.sink.wait(count + 1)[-1].sender

    def routes(self, tag=FORGED, sender="eve@elsewhere.test"):
        """Anybody may write to a signed address, and all of Debian's checks hold for it."""
        tagged, ten = f"{tag}{self.address}", tag[:15]
        late = f"{self.user}+{ten}@test"
        for rcpt in tagged, tagged.upper(), late, f'"{tagged.partition("@")[0]}"@test':
            self.arrives(rcpt, sender=sender)
        self.arrives(f"{tag}second@test", sender=sender)
        assert self.come(f"{tag}nobody-here@test", sender=sender)[0] == ["550 Unrouteable address"]
        assert self.come(f"{tag}{self.user}@elsewhere.test", sender=sender)[0][0].startswith("550 relay not permitted")
        assert "restricted characters" in self.come(f"{tag}a&b@test", sender=sender)[0][0]
        for rcpt in self.address, tagged:
            for who in "", sender:
                (reply,), _ = self.come(rcpt, sender=who, source=BLACK)
                assert reply.startswith("550 ") and "locally blacklisted" in reply.replace("550-", ""), reply
        assert self.ours.paniclog() == []

    def several(self, tag=FORGED):
        """Each recipient gets the message once, and nobody a bounce."""
        (mail,) = self.arrives(f"{tag}{self.address}", "second@test", sender="eve@elsewhere.test")
        count = len(self.sink.messages)
        others = ['"a,b:c{d}$f\\"g\\\\h\\N"@far.test', "prvs=0123abcdef=y@far.test", "x@theirs.test"]
        result = self.ours.inject("eve@elsewhere.test", [f"{tag}{self.address}", *others], make_message())
        assert result.data.code == 250
        self.ours.wait_idle()
        reached = sorted(r for m in self.sink.messages[count:] for r in m.recipients)
        assert reached == others, reached
        assert not self.ours.mainlog(r" \*\* ")

    def gone(self):
        """prerm: first the file that names the module, a reload, and then the package."""
        (self.debian.etc / "exim-batv.local-scan").unlink(missing_ok=True)
        self.again()
        self.batv.stop()
        self.installation.so.unlink()
        shutil.rmtree(self.snippets)
        self.again()

    def test_whole_life(self):
        assert self.left_with() == self.address                     # un-signing alone signs nothing
        self.routes()
        self.several()
        self.arrives(f"{FORGED}{self.address}")                     # and nobody judges
        self.debian.place_signing()
        self.again()
        signed = self.left_with()
        assert is_signed(signed, self.address), signed
        tag = signed[:16]
        self.arrives(signed)
        assert self.come(f"{FORGED}{self.address}")[1].code == 550
        assert self.come(self.address)[1].code == 550
        self.routes(tag)
        self.several(tag)
        self.gone()
        assert self.left_with() == self.address
        self.arrives(signed)
        self.routes(tag)
        self.several(tag)


class TestUnsplitHeavy(Site):
    def test_more_recipients_than_the_filter_knows(self):
        """Before anything signs, and after the package: a tagged one comes with at most 19 others."""
        self.alias(*(f"u{n}" for n in range(30)))
        others = [f"u{n}@test" for n in range(30)]
        tagged = f"{FORGED}{self.address}"
        for rcpts in ([tagged, *others], [*others, tagged]):
            replies, data = self.come(*rcpts, sender="eve@elsewhere.test")
            codes = [r[:3] for r in replies]
            assert codes.count("250") == (20 if rcpts[0] == tagged else 30) and data.code == 250, codes
            assert codes[-1] == "452" and set(codes) == {"250", "452"}
        self.ours.wait_idle()
        assert not self.ours.mainlog(r" \*\* ") and self.ours.paniclog() == []

    def test_a_retry(self):
        """A deferred recipient is tried again, and the others are not."""
        self.sink.answer("rcpt", "451 4.3.0 later", match="^slow", times=1)
        count = len(self.ours.mailbox(self.user))
        result = self.ours.inject("eve@elsewhere.test", ["slow@theirs.test", f"{FORGED}{self.address}"], make_message())
        assert result.data.code == 250
        self.ours.wait_mailbox(self.user, count + 1)
        self.ours.wait_log(r"== slow@theirs\.test")
        assert len(self.ours.spool_ids()) == 1
        wait_until(lambda: self.ours.queue_run(force=True) or not self.ours.spool_ids(), 15, "an empty queue")
        assert self.sink.messages[-1].recipients == ["slow@theirs.test"]
        assert len(self.ours.mailbox(self.user)) == count + 1

    def test_an_own_list_of_checks(self):
        """CHECK_RCPT_LOCAL_ACL_FILE of the administrator's holds for both."""
        own = self.lab.write(self.debian.etc / "own-rcpt", "  deny senders = villain@elsewhere.test\n"
                             "       message = go away\n")
        macros = self.debian.etc / "exim4.conf.localmacros"
        text = macros.read_text()
        self.lab.write(macros, f"CHECK_RCPT_LOCAL_ACL_FILE = {own}\n{text}")
        self.again()
        for rcpt in self.address, FORGED + self.address:
            assert self.come(rcpt, sender="villain@elsewhere.test")[0] == ["550 go away"]
            self.arrives(rcpt, sender="eve@elsewhere.test")
        self.lab.write(macros, text)
        self.again()

    def test_an_own_system_filter(self):
        macros = self.debian.etc / "exim4.conf.localmacros"
        text = macros.read_text()
        rule = (TOP / "exim-snippets/debian/unsplit/exim-batv.filter").read_text()
        self.lab.write(self.debian.etc / "own.filter", rule + "headers add \"X-Own: yes\"\n")
        self.lab.write(macros, f"BATV_OWN_SYSTEM_FILTER = yes\nsystem_filter = {self.debian.etc}/own.filter\n{text}")
        self.again()
        for rcpt in self.address, FORGED + self.address:
            (mail,) = self.arrives(rcpt, sender="eve@elsewhere.test")
            assert mail["X-Own"] == "yes"
        self.lab.write(macros, text)
        self.again()

    def test_the_other_split(self):
        """dpkg-reconfigure: the pieces of both kinds are in place, and tags under way route."""
        self.debian.split = True
        self.debian.place_unsigning()
        conf = self.debian.etc / "update-exim4.conf.conf"
        for split in "true", "false":
            self.lab.write(conf, re.sub(r"(?m)^dc_use_split_config=.*$", f"dc_use_split_config='{split}'", conf.read_text()))
            self.again()
            self.routes()
        self.debian.split = False

    def test_the_checks_are_debians(self):
        """Our ACL has each statement of Debian's but those that the file names."""
        def statements(text):
            text = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", "")
            return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]
        theirs = (self.debian.root / "etc/exim4/conf.d/acl/30_exim4-config_check_rcpt").read_text()
        theirs = theirs[theirs.index("acl_check_rcpt:"):theirs.index("CHECK_RCPT_LOCAL_ACL_FILE")]
        ours = (TOP / "exim-snippets/debian/unsplit/exim-batv.acl-rcpt").read_text()
        ours = ours[ours.index("acl_batv_rcpt:"):]
        missing = list(statements(theirs))
        for line in statements(ours):
            if line in missing:
                missing.remove(line)
        assert [line for line in missing if line not in ("accept", ".else", ".endif", ".ifdef")] == [
            "acl_check_rcpt:", ".ifndef CHECK_RCPT_POSTMASTER", "local_parts = postmaster", "local_parts = CHECK_RCPT_POSTMASTER",
            "domains = +local_domains : +relay_to_domains", "verify = recipient",
            "recipients = ${if exists{CONFDIR/local_rcpt_callout} {CONFDIR/local_rcpt_callout} {}}",
            "!verify = recipient/callout"], missing


class TestUnsplitLight(Site):
    kind = LIGHT


class TestSplitHeavy(Site):
    split = True


class TestSplitLight(Site):
    kind, split = LIGHT, True


class TestHiddenMailname(Site):
    """On unsplit, un-signing alone loads beside dc_hide_mailname."""

    settings = {"hide_mailname": "true", "readhost": "shown.test"}

    def test_whole_life(self):
        self.routes()
        assert self.left_with() == f"{self.user}@shown.test"


class LocalExceptions(Site):
    """The white list of Debian's own ACLs, which exim-batv.conf of the package names in exempt_hosts."""

    LINE = next(line for line in (TOP / "packaging/debian/exempt_hosts").read_text().splitlines() if line[0] != "#")
    FRIEND, FRIENDS_NET = "127.0.0.77", "127.0.5.8"
    test_whole_life = None

    def setup(self):
        super().setup()
        self.debian.place_signing()
        self.again()
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        name, _, value = self.LINE.partition(" = ")
        assert name == "exempt_hosts"
        self.batv.set(self.batv.conf_path.read_text().replace("exim = none\n", ""), exempt_hosts=value)
        self.file = self.debian.etc / "host_local_deny_exceptions"

    def decided(self, source):
        _, data = self.come(self.address, source=source)
        line = batv_lines(self.ours)[-1]
        return data.code, line["verdict"], line["reason"]

    def is_in_order(self):
        """Nobody complains about the list, whether or not Exim has it."""
        done = self.batv.ctl("check", check=False)
        assert done.returncode == 0 and "+batv_local_exceptions: " not in done.stdout + done.stderr, done
        assert not [p for p in self.batv.json("status")["problems"] if "batv_local_exceptions" in p]
        assert "batv_local_exceptions" not in self.batv.ctl("doctor", check=False).stdout

    def test_exceptions(self):
        refused, friend = (550, "missing", "-"), (250, "exempt", "exempt-host")
        assert self.decided(self.FRIEND) == refused                 # there is no such file
        self.is_in_order()
        # Debian's own ACLs, and we, read the same file: a host in it is also black-listed
        blacklist = self.debian.etc / "local_host_blacklist"
        self.lab.write(blacklist, f"{self.FRIEND}\n")
        assert "locally blacklisted" in self.come(self.address, source=self.FRIEND)[0][0].replace("550-", "")
        self.lab.write(self.file, f"# those who filter for us\n{self.FRIEND}\n!127.0.5.9\n127.0.5.0/24\n")
        for host, what in ((self.FRIEND, friend), (self.FRIENDS_NET, friend), ("127.0.5.9", refused), (STRANGER, refused)):
            assert self.decided(host) == what, host
        blacklist.unlink()
        self.is_in_order()
        self.named(self.FRIEND)
        # beside others, as an administrator may write it;
        self.batv.set(self.batv.conf_path.read_text(), exempt_hosts=f"<; {STRANGER} ; +batv_local_exceptions")
        assert self.decided(STRANGER) == friend and self.decided(self.FRIEND) == friend
        self.file.unlink()
        assert self.decided(STRANGER) == friend and self.decided(self.FRIEND) == refused
        self.lacks_the_list()

    def named(self, host):
        """explain names the item."""
        message = self.lab.write("message", bounce(self.address))
        done = self.batv.ctl("explain", "--host", host, "--rcpt", self.address, message)
        assert "in exempt_hosts (+batv_local_exceptions)" in " ".join(done.stdout.split()), done

    def lacks_the_list(self):
        """Pieces of an earlier version, or a main.conf that nobody includes: the list is empty, not in doubt."""
        self.batv.set(self.batv.conf_path.read_text(), exempt_hosts="+batv_local_exceptions : 127.0.5.0/24")
        main = self.snippets / "main.conf"
        self.lab.write(main, re.sub(r"(?m)^hostlist batv_local_exceptions .*\n", "", main.read_text()))
        self.lab.write(self.file, f"{self.FRIEND}\n")
        self.again()
        for host in self.FRIEND, STRANGER:
            assert self.decided(host) == (550, "missing", "-"), host
        assert self.decided(self.FRIENDS_NET) == (250, "exempt", "exempt-host")
        self.is_in_order()
        assert self.ours.paniclog() == []
        self.batv.set(self.batv.conf_path.read_text(), exempt_hosts="+batv_local_exceptions_of_mine")
        assert self.decided(STRANGER) == (250, "missing", "doubt")  # any other name still is


class TestExceptionsUnsplit(LocalExceptions):
    pass


class TestExceptionsSplit(LocalExceptions):
    split = True


class TestExceptionsLight(LocalExceptions):
    kind, split = LIGHT, True

    def test_kept_hosts(self):
        """No transport of this Exim can ask about a next hop, in whichever list it is."""
        said = "mail to unsigned_hosts leaves signed by any transport"
        assert said not in self.batv.ctl("doctor", check=False).stdout
        self.batv.ctl("unsigned", "add", "127.0.0.7")
        assert said in self.batv.ctl("doctor", check=False).stdout
        self.batv.ctl("unsigned", "remove", "127.0.0.7")
