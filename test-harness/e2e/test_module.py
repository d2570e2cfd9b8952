"""Each kind of installation: the essential list through Debian's own Exims that load batv.so, and the rebuilt one."""

import re
import subprocess

from batv import *
from lab_debian import ACL, HEAVY, LIGHT, REBUILT, SERIES, Installation, chosen_version, module

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


class Essentials:
    """What has to hold however exim-batv came into Exim.  Subclasses say how: `kind`, or setup()."""

    kind = None
    user = "alice"
    enforce = {"enforcement": "reject"}
    errors_to = True        # bounces of our own making go to the signed address

    def setup(self):
        self.sink = Sink(self.lab)
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^nobody")
        self.batv = Batv(self.lab)
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

    # -- the list

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
        envelope_to = message["Envelope-to"]
        if self.errors_to:
            assert is_signed(envelope_to, self.address), envelope_to
        else:
            assert envelope_to == self.address
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
        if self.unsigns_without_module:
            assert self.inject(address).code == 250             # bounces of what left before
            self.arrives(count + 3)
        self.ours.wait_idle()

        self.lab.write(self.installation.so, saved)
        if self.installation.local_scan:
            self.installation.put_include()
            self.ours.hup()
        assert is_signed(self.signed(), self.address)

    unsigns_without_module = True

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
