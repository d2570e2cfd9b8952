"""Automatic mail that answers mail of ours, or says so; and what becomes of it."""

import base64
import quopri

from batv import *

STRANGER = "127.0.0.9"

# A thousand a day is plenty here, and keeps the file small.
MEMORY = CONF + "enforcement = reject\nmemory_capacity = 1k\n"

# As short as a complete memory can be: it is as old as its retention after three days.
SHORT = "key_rotation = 1d\nkey_retention = 1d\nmemory_retention = 3d\n"

# Three hosts of the Internet, each in a network of its own.
NETWORKS = "127.0.1.9", "127.0.2.9", "127.0.3.9"


def new_id(word="sent"):
    return f"{word}.{os.urandom(6).hex()}@mua.test"


class Ours:
    """What all of these do with our server, self.ours."""

    def write(self, rcpt, message_id, sender="alice@test", source="127.0.0.1", params="", body="Hello.\n", **headers):
        """Mail from one of ours, by SMTP as from a mail program."""
        message = make_message(sender, rcpt, body=body, Message_ID=f"<{message_id}>", **headers)
        with self.ours.smtp(source) as session:
            assert session.mail(sender).code == 250 and session.rcpt(rcpt, params).code == 250, session.dialogue()
            assert session.data(message).code == 250, session.dialogue()
        if not self.ours.installation.local_scan:       # then it is a transport that remembers it
            line = self.ours.wait_log(rf" <= .* id={re.escape(message_id)} ")[-1]
            exim_id = line.split(" <= ")[0].split()[-1]     # a process number may stand before it
            self.ours.wait_log(rf" {exim_id} (=>|==|\*\*) ")

    def tag_of(self, sender="alice@test", message_id=None):
        """The signed address with which mail of SENDER has left."""
        message_id = message_id or new_id()
        self.write("measured@theirs.test", message_id, sender)
        tag = wait_until(lambda: [m.sender for m in self.sink.messages if message_id.encode() in m.data], 15,
                         f"{message_id} in the sink")[0]
        assert is_signed(tag, sender), tag
        return tag

    def samples(self, sender="alice@test", networks=NETWORKS, known=True):
        """Real bounces of mail that SENDER wrote, one from each network: what the memory knows is measured by them.

        Without KNOWN they return what SENDER wrote somewhere else, as with a server that has the secret too.
        """
        tag = self.tag_of(sender)
        for source in networks:
            message_id = new_id("sample")
            if known:
                self.tag_of(sender, message_id)     # and it has left, so the clock may move
            result = self.ours.inject("", tag, bounce(tag, sender, message_id=message_id), source)
            assert result.data.code == 250, result
            assert batv_lines(self.ours)[-1]["verdict"] == "valid", batv_lines(self.ours)[-1]

    def complete(self, sender="alice@test"):
        """Make the memory complete for SENDER's domain, with time and real bounces.  The configuration has SHORT."""
        self.tag_of(sender)
        self.lab.clock.advance(3 * DAY + 60)
        self.samples(sender)

    def recall(self, domain="test"):
        """What status says of a domain's samples, and what the memory lacks to be complete for it."""
        (entry,) = [d for d in self.batv.json("status")["domains"] if d["domain"] == domain]
        return entry["memory"]

    def replay(self, message, rcpt="alice@test", sender="", session=None, mark="-"):
        """A message from a stranger: the code of the reply to DATA, and the decision in the log."""
        count = len(batv_lines(self.ours))
        message = f"X-Replay: {mark}\n".encode() + (message.encode() if isinstance(message, str) else message)
        if session:
            result = session.send(sender, rcpt, message)
        else:
            result = self.ours.inject(sender, rcpt, message, STRANGER)
        assert [r.code for r in result.rcpts] == [250], result
        (line,) = batv_lines(self.ours)[count:]
        return result.data.code, line

    def status_of(self, rcpt, mark):
        """X-BATV-Status of the message that was replayed with this mark, when it was delivered."""
        def delivered():
            return [m["X-BATV-Status"] for m in self.ours.mailbox(rcpt.partition("@")[0]) if m["X-Replay"] == mark]
        return wait_until(delivered, 15, f"the replayed message in {rcpt}'s mailbox")[0]

    def remembered(self, message, class_, proof="id", message_id=None, rcpt="alice@test", **how):
        """It comes in, and the log says what proved it."""
        mark = os.urandom(6).hex()
        code, line = self.replay(message, rcpt, mark=mark, **how)
        assert (code, line["verdict"], line["action"], line["class"]) == (250, "remembered", "accept", class_), line
        assert line["reason"] == proof and line["mode"] == "reject" and line["rcpt"] == f"<{rcpt}>", line
        assert message_id is None or line["msgid"] == message_id, line
        status = self.status_of(rcpt, mark)
        assert status.startswith(f"remembered; action=accept; mode=reject; class={class_}; reason={proof};"), status

    def unproven(self, message, class_, rcpt="alice@test", outcome=None, **how):
        """Nothing proves it: refused, or marked and delivered.  OUTCOME is (action, reason)."""
        mark = os.urandom(6).hex()
        code, line = self.replay(message, rcpt, mark=mark, **how)
        # autoreply is refused only if it cites ids and the memory is older than its retention, which a new one is not
        spared = "no-memory" if cites_an_id(message) else "cites-nothing"
        action, reason = outcome or {"dsn": ("reject", "-"), "autoreply": ("mark", spared)}.get(class_, ("mark", "class"))
        assert (line["verdict"], line["class"], line["action"]) == ("missing", class_, action), line
        assert line["reason"] == reason, line
        assert code == (550 if action == "reject" else 250)
        if action == "mark":
            status = self.status_of(rcpt, mark)
            assert status.startswith(f"missing; action=mark; mode=reject; class={class_};"), status


def cites_an_id(message):
    """Does the message name an id besides its own?"""
    head, _, body = (message if isinstance(message, bytes) else message.encode()).replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = rb"(?im)^(In-Reply-To|References|(X-)?Original-Message-ID|X-MS-Exchange-Parent-Message-Id):"
    return re.search(fields, head) is not None or re.search(rb"(?i)message-id", body) is not None


# Replies by the RFCs, and as Exchange writes them; all to alice, by default from bob of theirs.

def reply(author="Bob <bob@theirs.test>", subject="Re: a message", body="Hello.\n", **headers):
    return make_message(author, "alice@test", subject, body, MIME_Version="1.0", **headers)


def mdn(original_id=None, author="Bob <bob@theirs.test>", encoding=None, **headers):
    """A read receipt (RFC 8098)."""
    fields = ("Reporting-UA: pc.theirs.test; Mail 1.0\nOriginal-Recipient: rfc822;bob@theirs.test\n"
              "Final-Recipient: rfc822;bob@theirs.test\n" +
              (f"Original-Message-ID: <{original_id}>\n" if original_id else "") +
              "Disposition: manual-action/MDN-sent-manually; displayed\n")
    head = "Content-Type: message/disposition-notification\n"
    if encoding == "base64":
        head += "Content-Transfer-Encoding: base64\n"
        fields = base64.encodebytes(fields.encode()).decode()
    elif encoding == "quoted-printable":
        head += "Content-Transfer-Encoding: quoted-printable\n"
        fields = quopri.encodestring(fields.encode()).decode().replace("@", "=40")
    return reply(author, "Read: a message", f"--m\nContent-Type: text/plain\n\nYour message was read.\n\n"
                 f"--m\n{head}\n{fields}\n--m--\n",
                 Content_Type='multipart/report; report-type=disposition-notification; boundary="m"', **headers)


def out_of_office(author="Bob <bob@theirs.test>", **headers):
    """As Exchange writes it."""
    return reply(author, "Automatic reply: a message", "I am away until Monday.\n", Auto_Submitted="auto-generated",
                 X_Auto_Response_Suppress="All", X_MS_Exchange_Inbox_Rules_Loop="bob@theirs.test", **headers)


def meeting_reply(author="Bob <bob@theirs.test>", **headers):
    """RFC 5546, RFC 6047."""
    return reply(author, "Accepted: lunch", "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n",
                 Content_Type='text/calendar; charset="utf-8"; method=REPLY', **headers)


def bounce_without_id(author="MAILER-DAEMON@theirs.test"):
    """A DSN that returns nothing."""
    return make_bounce(original="Subject: a message\n\n").replace(
        "Mail Delivery System <MAILER-DAEMON@mx.theirs.test>", author)
