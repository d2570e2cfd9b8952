"""Each kind of installation: the essential list through Debian's own Exims that load batv.so, and the rebuilt one."""

import os
import re
import subprocess

from batv import *
from kinds import ACL, HEAVY, LIGHT, REBUILT
from lab_debian import SERIES, DebianConfiguration, Installation, chosen_version, module

STRANGER = "127.0.0.9"
REFUSED = "550 5.7.1 This is a bounce of mail that was not sent from here"

QMAIL_BOUNCE = """\
Hi. This is the qmail-send program at mx.theirs.test.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<unknown@theirs.test>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <alice@test>
Subject: hello

hello
"""


def change(text, at):
    """TEXT with another hex digit at AT."""
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1:]


class Site:
    """An Exim with exim-batv, and the world around it.  `kind` says how it came into Exim."""

    kind = None
    user = "alice"
    users = "alice", "bob", "carol"
    enforce = {"enforcement": "reject"}
    errors_to = True        # bounces of our own making go to the signed address
    one_by_one = False      # acl-rcpt.conf asks for recipients of another outcome to come alone
    pairs = True            # who wrote to whom is remembered

    def setup(self):
        self.sink = Sink(self.lab)
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody")
        self.batv = Batv(self.lab, kind=self.kind)
        self.installation = Installation(self.lab, "ours", self.kind)
        self.ours = batv_exim(self.lab, self.batv, self.sink, installation=self.installation)
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        self.set(**self.enforce)

    @property
    def address(self):
        return f"{self.user}@test"

    def set(self, **settings):
        self.batv.set(**{**self.installation.conf(), **settings})

    def signed(self):
        """The envelope sender of a message that leaves now."""
        count = len(self.sink.messages)
        self.ours.submit(self.address, "x@theirs.test", make_message(self.address))
        return self.sink.wait(count + 1)[-1].sender

    def inject(self, rcpt, message=None, sender=""):
        result = self.ours.inject(sender, rcpt, message or bounce(self.address), source=STRANGER)
        assert [r.code for r in result.rcpts] == [250] * len(result.rcpts), result
        return result.data

    def verdict(self):
        return batv_lines(self.ours)[-1]["verdict"]

    def arrives(self, number):
        """The NUMBER-th message in the user's mailbox."""
        return self.ours.wait_mailbox(self.user, number)[number - 1]

    def mails(self):
        return len(self.ours.mailbox(self.user))


class Essentials(Site):
    """These must hold for every way to load exim-batv into Exim."""

    def test_mail_leaves_signed(self):
        address = self.signed()
        assert is_signed(address, self.address), address
        assert address == self.batv.sign(self.address)
        status = self.batv.json("status")
        assert status["counters"]["signed"] >= 1 and status["domains"][0]["first_signed"], status
        assert self.ours.paniclog() == []

    def test_from_the_network(self):
        count = len(self.sink.messages)
        assert self.ours.inject(self.address, "x@theirs.test", make_message(self.address)).data.code == 250
        assert is_signed(self.sink.wait(count + 1)[-1].sender, self.address)

    def test_a_real_bounce_is_delivered_to_the_bare_address(self):
        count, address = self.mails(), self.signed()
        assert self.inject(address, bounce(address)).code == 250
        message = self.arrives(count + 1)
        assert message["Return-path"] == "<>" and message.get_content_type() == "multipart/report"
        assert message["X-BATV-Status"].startswith("valid; action=accept;"), message["X-BATV-Status"]
        assert self.verdict() == "valid"
        assert self.inject(address.upper(), bounce(address)).code == 250
        self.arrives(count + 2)

    def test_a_forged_bounce_is_refused_after_data(self):
        count = self.mails()
        reply = self.inject(self.address)
        assert str(reply).startswith(REFUSED), reply
        (line,) = batv_lines(self.ours)[-1:]
        assert (line["verdict"], line["action"], line["class"]) == ("missing", "reject", "dsn"), line
        assert self.mails() == count

    def test_tampered_and_expired_tags_are_refused(self):
        address = self.signed()
        assert str(self.inject(change(address, 12))).startswith(REFUSED) and self.verdict() == "forged"
        day = f"{(int(address[6:9]) - 100) % 1000:03}"
        assert str(self.inject(address[:6] + day + address[9:])).startswith(REFUSED) and self.verdict() == "expired"

    def test_a_bounce_without_mime_is_known_by_its_body(self):
        reply = self.inject(self.address, make_message("MAILER-DAEMON@mx.theirs.test", self.address, "failure notice",
                                                       QMAIL_BOUNCE))
        assert str(reply).startswith(REFUSED), reply
        assert batv_lines(self.ours)[-1]["class"] == "dsn"

    def test_a_pattern_for_automatic_senders(self):
        count = self.mails()
        self.set(automatic_senders="^robot[0-9]+@", **self.enforce)
        assert str(self.inject(self.address, sender="robot7@theirs.test")).startswith(REFUSED)
        assert self.inject(self.address, sender="robots@theirs.test").code == 250
        self.arrives(count + 1)
        self.set(**self.enforce)

    def test_observe_marks(self):
        count = self.mails()
        self.set(enforcement="observe")
        assert self.inject(self.address).code == 250
        message = self.arrives(count + 1)
        assert message["X-BATV-Status"].startswith("missing; action=mark; mode=observe;"), message["X-BATV-Status"]
        self.set(**self.enforce)

    def test_a_header_of_our_name_is_not_believed(self):
        count = self.mails()
        text = make_message("eve@elsewhere.test", self.address, X_BATV_Status="valid; action=accept")
        assert self.inject(self.address, text, sender="eve@elsewhere.test").code == 250
        assert self.arrives(count + 1)["X-BATV-Status"] is None

    def test_outgoing_null_sender_stays_null(self):
        count = len(self.sink.messages)
        self.ours.submit("", "x@theirs.test", make_bounce("x@theirs.test"))
        assert self.sink.wait(count + 1)[-1].sender == ""

    def test_our_own_bounce_is_delivered(self):
        count = self.mails()
        self.ours.submit(self.address, "nobody@theirs.test", make_message(self.address))
        message = self.arrives(count + 1)
        assert message["Return-path"] == "<>" and message["X-Failed-Recipients"] == "nobody@theirs.test"
        to = self.ours.mainlog("<= <> R=")[-1].rpartition(" for ")[2]
        assert is_signed(to, self.address) if self.errors_to else to == self.address, to
        assert self.ours.paniclog() == []

    def test_several_recipients(self):
        """One that leaves, one that stays: Return-path of the local copy is bare."""
        before, count = len(self.sink.messages), self.mails()
        self.ours.submit(self.address, ["x@theirs.test", self.address], make_message(self.address))
        assert is_signed(self.sink.wait(before + 1)[-1].sender, self.address)
        assert self.arrives(count + 1)["Return-path"] == f"<{self.address}>"

    def test_stranger_is_not_signed_for(self):
        count = self.mails()
        assert self.inject(self.address, make_message(self.address), sender=self.address).code == 250
        assert self.arrives(count + 1)["Return-path"] == f"<{self.address}>"


    # -- modes

    def judged(self, address, sender=""):
        """A bounce to ADDRESS: the code of the reply, and the verdict."""
        reply = self.inject(address, bounce(address), sender)
        return reply.code, self.verdict()

    def test_arms_itself(self):
        self.set(enforcement="auto", grace="1d")
        self.signed()
        assert self.judged(self.address) == (250, "missing") and batv_lines(self.ours)[-1]["reason"] == "not-armed"
        prove(self.batv, self.ours, users=self.users)
        self.set(enforcement="auto", grace="0s")
        self.batv.reload()
        wait_until(lambda: self.batv.json("status")["domains"][0]["armed"], 15, "the domain to arm")
        assert self.judged(self.address) == (550, "missing") and self.judged(self.signed()) == (250, "valid")
        self.set(**self.enforce)

    def test_the_observe_file(self):
        self.batv.observe_file(True)
        assert self.judged(self.address) == (250, "missing") and batv_lines(self.ours)[-1]["reason"] == "observe-file"
        self.batv.observe_file(False)
        assert self.judged(self.address) == (550, "missing")

    def test_signing_off(self):
        address = self.signed()
        self.set(signing="off", **self.enforce)
        assert self.signed() == self.address and self.judged(address) == (250, "valid")
        self.set(**self.enforce)
        assert self.signed() == address

    # -- exemptions

    def test_exemptions(self):
        for name, value in (("exempt_hosts", STRANGER), ("exempt_recipients", self.address)):
            self.set(**{name: value}, **self.enforce)
            assert self.judged(self.address) == (250, "exempt"), name
            assert batv_lines(self.ours)[-1]["reason"] == name.removesuffix("s").replace("_", "-")
        self.set(**self.enforce)
        assert self.judged(self.address) == (550, "missing")

    def test_our_own_hosts(self):
        assert self.ours.inject("", self.address, bounce(self.address)).data.code == 250
        assert batv_lines(self.ours)[-1]["reason"] == "own-host"

    def test_unsigned_senders(self):
        self.set(unsigned_senders=self.address, **self.enforce)
        assert self.signed() == self.address
        assert self.judged(self.address) == (250, "exempt")
        self.set(**self.enforce)

    def test_unsigned_destinations(self):
        self.set(unsigned_destinations="*@lists.test", **self.enforce)
        count = len(self.sink.messages)
        for rcpt in "y@lists.test", "x@theirs.test":
            self.ours.submit(self.address, rcpt, make_message(self.address, rcpt))
        senders = {m.recipients[0]: m.sender for m in self.sink.wait(count + 2)[count:]}
        assert senders["y@lists.test"] == self.address and is_signed(senders["x@theirs.test"], self.address), senders
        self.set(**self.enforce)

    # -- keys

    def test_rotation(self):
        """A tag outlives the key's time; after a revocation it does not."""
        before = self.signed()
        self.batv.ctl("rotate")
        after = self.signed()
        assert after != before and is_signed(after, self.address)
        assert self.judged(before) == self.judged(after) == (250, "valid")
        self.batv.ctl("rotate", "--revoke")
        assert self.judged(before) == self.judged(after) == (550, "forged")
        assert self.judged(self.signed()) == (250, "valid")

    # -- several recipients

    def test_good_and_bad(self):
        address, count = self.signed(), len(batv_lines(self.ours))
        mails = self.mails()
        with self.ours.smtp(STRANGER) as session:
            assert session.mail("").code == 250 and session.rcpt(address).code == 250
            assert session.rcpt(self.address).code == (452 if self.one_by_one else 250)
            assert session.data(bounce(self.address)).code == 250, session.transcript
        self.arrives(mails + 1)
        lines = {line["rcpt"]: (line["verdict"], line["action"]) for line in batv_lines(self.ours)[count:]}
        assert lines.pop(f"<{address}>") == ("valid", "accept"), lines
        # an ACL can't take him off, and says so
        action = "mark" if self.kind == ACL else "remove"
        assert lines == ({} if self.one_by_one else {f"<{self.address}>": ("missing", action)}), lines

    # -- what was sent is remembered

    def test_answers_to_what_was_sent(self):
        message_id, count = f"sent.{os.urandom(6).hex()}@mua.test", len(self.sink.messages)
        with self.ours.smtp() as session:
            message = make_message(self.address, "erin@theirs.test", Message_ID=f"<{message_id}>")
            assert session.send(self.address, "erin@theirs.test", message).data.code == 250
        self.sink.wait(count + 1)
        away = {"Auto_Submitted": "auto-replied"}
        texts = [(bounce(self.address, message_id=message_id), "id"),
                 (make_message("other@theirs.test", self.address, In_Reply_To=f"<{message_id}>", **away), "id")]
        if self.pairs:
            texts.append((make_message("erin@theirs.test", self.address, **away), "pair"))
        for text, proof in texts:
            count = self.mails()
            assert self.inject(self.address, text).code == 250
            line = batv_lines(self.ours)[-1]
            assert (line["verdict"], line["reason"]) == ("remembered", proof), line
            self.arrives(count + 1)
        assert self.inject(self.address, bounce(self.address, message_id="other@mua.test")).code == 550

    # -- trouble, and what is said of it all

    def test_in_trouble(self):
        """Mail flows, nothing is signed, nothing is refused; and then all is as before."""
        address = self.signed()
        self.batv.stop()
        state = self.batv.state_dir / "state"
        good = state.read_bytes()
        for damage in state.unlink, lambda: self.lab.write(state, good[:-30], mode=0o640):
            damage()
            count = self.mails()
            assert self.signed() == self.address
            for rcpt in self.address, address, f"prvs=0123abcdef={self.address}":
                assert self.inject(rcpt).code == 250, rcpt
                assert "batv: trouble=state action=accepted-unjudged" in self.ours.mainlog(OUR_LINE)[-1]
            self.arrives(count + 3)
            self.ours.wait_idle()
        self.lab.write(state, good, mode=0o640)
        self.batv.start()
        assert self.signed() == address and self.judged(self.address) == (550, "missing")
        assert self.ours.paniclog() == []

    def test_the_log_line(self):
        self.inject(self.address)
        (line,) = self.ours.mainlog(OUR_LINE + "verdict=")[-1:]
        assert re.sub(OUR_LINE, "", line) == (
            f"verdict=missing action=reject mode=reject rcpt=<{self.address}> class=dsn host=[{STRANGER}] "
            "key=- msgid=- reason=- policy=default"), line


class Removal:
    """The module goes while Exim runs.  The last tests of their classes."""

    def test_zz_module_removed(self):
        saved = self.installation.so.read_bytes()
        count, before = self.mails(), len(self.sink.messages)
        self.installation.so.unlink()
        if self.installation.local_scan:
            reply = self.ours.inject("eve@elsewhere.test", self.address, make_message(), source=STRANGER).data
            assert reply.code == 451 and "local_scan() library failure" in reply.text, reply
            self.installation.include.unlink()      # what the manual says: first this file, then a reload
            self.ours.hup()
        assert self.inject(self.address, make_message(), sender="eve@elsewhere.test").code == 250
        assert self.inject(self.address).code == 250            # nobody judges any more
        self.arrives(count + 2)
        address = self.last_signed
        self.ours.submit(self.address, "x@theirs.test", make_message(self.address))
        assert self.sink.wait(before + 1)[-1].sender == self.address
        assert self.inject(address).code == 250                 # bounces of what left before
        self.arrives(count + 3)
        self.ours.wait_idle()

        self.lab.write(self.installation.so, saved)
        if self.installation.local_scan:
            self.installation.put_include()
            self.ours.hup()
        assert is_signed(self.signed(), self.address)

    @property
    def last_signed(self):
        return self.batv.sign(self.address)


class TestRebuilt(Essentials):
    kind = REBUILT


class TestHeavy(Removal, Essentials):
    kind = HEAVY


class TestAcl(Removal, Essentials):
    kind = ACL


class TestLight(Removal, Essentials):
    kind = LIGHT


class DebianSite(Site):
    """Debian's configuration, as update-exim4.conf makes it of a private copy with our pieces in it."""

    split = True
    settings = {}           # of update-exim4.conf.conf
    own = {}                # macros of the administrator's

    def setup(self):
        self.user = self.lab.user       # Debian's local users are the system's
        self.users = 3 * (self.user,)   # a process that is not root delivers to no other
        self.sink = Sink(self.lab)
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody")
        self.batv = Batv(self.lab, kind=self.kind)
        self.installation = Installation(self.lab, "ours", self.kind)
        self.debian = DebianConfiguration(self.lab, "ours", self.installation, self.split, self.batv.state_dir,
                                          self.sink.route(), **self.settings)
        self.ours = Exim(self.lab, config=self.debian.text, binary=self.installation.binary,
                         macros={**self.debian.macros, **self.own}, options=self.debian.options)
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        self.set(**self.enforce)


class Debian(DebianSite, Removal, Essentials):
    def test_unknown_users_are_refused(self):
        tag = self.signed().rpartition("=")[0]
        with self.ours.smtp(STRANGER) as session:
            session.mail("")
            for rcpt in ("no-such-user@test", f"{tag}=no-such-user@test", "x@elsewhere.test"):
                assert session.rcpt(rcpt).code == 550, session.transcript
            assert session.rcpt(f"{tag}={self.address}").code == 250

    def test_ordinary_mail_to_a_tagged_address(self):
        count = self.mails()
        result = self.ours.inject("eve@elsewhere.test", f"prvs=0123abcdef={self.address}", make_message(),
                                  source=STRANGER)
        assert result.data.code == 250, result
        self.arrives(count + 1)

    def test_subaddress_style(self):
        count = self.mails()
        self.set(tag_style="subaddress", **self.enforce)
        address = self.signed()
        assert re.fullmatch(rf"{self.user}\+prvs=[0-9]{{4}}[0-9a-f]{{6}}@test", address), address
        assert self.inject(address, bounce(address)).code == 250 and self.verdict() == "valid"
        self.arrives(count + 1)
        self.set(**self.enforce)


class TestDebianSplitHeavy(Debian):
    kind, split, one_by_one = HEAVY, True, True


class TestDebianSplitAcl(Debian):
    kind, split, errors_to, one_by_one = ACL, True, False, True
    pairs = False           # there is no local_scan(), and no place for router-sign.conf


class TestDebianSplitLight(Debian):
    kind, split = LIGHT, True


class TestDebianUnsplitHeavy(Debian):
    kind, split, one_by_one = HEAVY, False, True


class TestDebianUnsplitLight(Debian):
    kind, split = LIGHT, False


class TestDebianHiddenMailname(DebianSite):
    """Debian shows another domain to the outside: its own definition of the return path stays in force."""

    kind = HEAVY
    settings = {"hide_mailname": "true", "readhost": "shown.test"}

    def leaves(self):
        count = len(self.sink.messages)
        self.ours.submit(self.address, "x@theirs.test", make_message(self.address, "x@theirs.test"))
        return self.sink.wait(count + 1)[-1].sender

    def test_the_shown_address_is_kept(self):
        assert self.leaves() == f"{self.user}@shown.test"

    def test_the_shown_address_is_signed_if_it_is_ours(self):
        self.set(domains="+local_domains : shown.test", **self.enforce)
        assert is_signed(self.leaves(), f"{self.user}@shown.test")
        self.set(**self.enforce)

    def test_other_senders_stay_as_they_are(self):
        """What an alias forwards, and the null sender."""
        count = len(self.sink.messages)
        self.lab.write(self.debian.etc / "aliases", "forwarded: x@theirs.test\n")
        for number, sender in enumerate(("eve@elsewhere.test", ""), count + 1):
            result = self.ours.inject(sender, "forwarded@test", make_message(), source=STRANGER)
            assert result.data.code == 250, result
            assert self.sink.wait(number)[-1].sender == sender

    def test_without_state_or_module(self):
        state = self.batv.state_dir / "state"
        saved = state.read_bytes()
        state.unlink()
        assert self.leaves() == f"{self.user}@shown.test"
        self.lab.write(state, saved, mode=0o640)
        (self.installation.include).unlink()
        self.ours.hup()
        self.installation.so.unlink()
        assert self.leaves() == f"{self.user}@shown.test"


class TestDebianOwnReturnPath(DebianSite):
    """The administrator has a REMOTE_SMTP_RETURN_PATH already: what it gives is signed, or kept."""

    kind = HEAVY
    own = {"REMOTE_SMTP_RETURN_PATH": "${if eq{$sender_address_local_part}{root}{root@other.test}{$return_path}}"}

    def test_signed_or_kept(self):
        assert is_signed(self.signed(), self.address)
        self.ours.submit("root@test", "x@theirs.test", make_message())
        assert self.sink.wait(2)[-1].sender == "root@other.test"
        self.ours.submit("", "x@theirs.test", make_bounce("x@theirs.test"))
        assert self.sink.wait(3)[-1].sender == ""


def test_pcre2_is_loaded_late(lab):
    """Not for a null sender, not without a pattern; and it works in a process that had none."""
    program = lab.mkdir("late") / "late"
    subprocess.run(["gcc", "-D_GNU_SOURCE", f"-I{TOP}/src/core", "-o", program, TOP / "test-harness/e2e/late_pcre2.c",
                    TOP / "local_scan/module/late_pcre2.c", TOP / "src/core/decide/automatic.c", TOP / "src/core/base/span.c"],
                   check=True)
    answers = [line.split() for line in lab.run([program]).stdout.splitlines()]
    #                    automatic, doubt, loaded
    assert answers == [["1", "0", "0"], ["1", "0", "0"], ["1", "0", "1"], ["0", "0", "1"]], answers


def api_of(version):
    """The major number of Exim's local_scan() interface, as the headers of a series say."""
    module(version)
    header = BUILD / f"exim-{version}/dev/root/usr/include/exim4/local_scan.h"
    return int(re.search(r"define LOCAL_SCAN_ABI_VERSION_MAJOR (\d+)", header.read_text())[1])


class Foreign:
    """The module of one Exim loaded into another: it works, or is refused in plain words."""

    of = None       # the series that the module is made for

    def setup(self):
        self.fits = api_of(self.of) == api_of(chosen_version())
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab, kind=ACL)        # nothing that only another kind needs
        self.batv.set(enforcement="reject")

    def start(self, kind):
        return batv_exim(self.lab, self.batv, self.sink, name=kind,
                         installation=Installation(self.lab, kind, kind, module_path=module(self.of)))

    def test_dlfunc(self):
        ours = self.start(ACL)
        ours.submit("alice@test", "x@theirs.test", make_message())
        sender = self.sink.wait(1)[-1].sender
        reply = ours.inject("", "alice@test", bounce("alice@test"), source=STRANGER).data
        if self.fits:
            assert is_signed(sender, "alice@test") and str(reply).startswith(REFUSED), (sender, reply)
            assert batv_lines(ours)[-1]["verdict"] == "missing" and ours.mainlog(OUR_LINE + "trouble=") == []
        else:
            assert sender == "alice@test" and reply.code == 250, (sender, reply)
            said = "error=\"this batv.so was built for another version of Exim\""
            assert ours.mainlog(OUR_LINE + rf"trouble=.* action=not-signed {said}"), ours.mainlog()
            assert ours.mainlog(OUR_LINE + rf"trouble=.* action=accepted-unjudged {said}"), ours.mainlog()
        assert ours.paniclog() == []

    def test_local_scan_path(self):
        ours = self.start(LIGHT)
        text = make_message("MAILER-DAEMON@mx.theirs.test", "alice@test", "failure notice", QMAIL_BOUNCE)
        with ours.smtp(STRANGER) as session:
            result = session.send("", "alice@test", text)
        if self.fits:       # the body begins elsewhere in the file, and is found
            assert str(result.data).startswith(REFUSED), result
            assert batv_lines(ours)[-1]["class"] == "dsn"
        else:
            assert result.data.code in (421, 451), result
            assert ours.mainlog(r"you need to recompile your module for this version ?of exim"), ours.mainlog()
            assert ours.spool_ids() == []
        wait_until(lambda: not list((ours.dir / "spool/input").glob("*-D")), 10, "no orphan in the spool")


for series in SERIES:
    if series != chosen_version():
        name = f"TestModuleOf{series.replace('.', '').title()}"
        globals()[name] = type(name, (Foreign,), {"of": series})
