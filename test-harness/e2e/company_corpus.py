"""Automatic mail for the company: the corpus of the unit tests with addresses and ids of the play put in, and small ones.

Each builder gives a message as bytes.  `mail` is what it answers, a Sent (company_ledger.py).
"""

import base64
import os
import re
from email.utils import make_msgid

from lab_base import TOP

EVIDENCE = TOP / "test-harness" / "unit" / "evidence"
NO_BOUNCES = ("autoreply-references", "exchange-rule-reply", "mdn-base64-fields", "mdn-exchange", "mdn-thunderbird",
              "oof-exchange", "reply-bare-id")
ADDRESS, TAGGED, SUBADDRESS = "alice@ours.example", "prvs=0518d2273c=alice@ours.example", \
    "alice+prvs=0518d2273c@ours.example"
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{20,}={0,2}\r?\n)+(?:[A-Za-z0-9+/]+={0,2}\r?\n)?")


def formats(bounces):
    """The names of all formats of evidence/ that are bounces, or of all others; those for ADDRESS, which can be replaced."""
    return sorted(p.stem for p in EVIDENCE.glob("*.eml")
                  if (p.stem not in NO_BOUNCES) == bounces and ADDRESS.encode() in p.read_bytes())


def read(name):
    """(message without its X-Expect lines, the ids that it cites)."""
    raw = (EVIDENCE / f"{name}.eml").read_bytes()
    lines = raw.splitlines(keepends=True)
    count = next(i for i, line in enumerate(lines) if not line.startswith(b"X-Expect: "))
    ids = [line.split()[3] for line in lines[:count] if re.search(rb"(message-id|in-reply-to|references) ", line)]
    return b"".join(lines[count:]), [i for i in ids if b"@ours.example" in i]


def put_in(raw, pairs):
    """RAW with texts replaced, in blocks of base64 too."""
    def in_block(match):
        try:
            text = base64.b64decode(match[0])
        except ValueError:
            return match[0]
        new = replace(text)
        return match[0] if new == text else base64.encodebytes(new)

    def replace(text):
        for old, new in pairs:
            text = text.replace(old, new)
        return text
    return replace(BASE64.sub(in_block, raw))


def from_corpus(name, address, cited, tag=None):
    """The format NAME for ADDRESS, the bare address: it cites the id CITED; TAG is what it returns as envelope sender."""
    raw, ids = read(name)
    tag = tag or address
    pairs = [(i, cited.encode()) for i in sorted(ids, key=len, reverse=True)]
    pairs += [(i.replace(b"=", b"=3D"), cited.encode()) for i in ids if b"=" in i]
    pairs += [(text.encode(), new.encode()) for text, new in ((TAGGED, tag), (SUBADDRESS, tag), (ADDRESS, address))]
    pairs += [(b"<bounce-1@", f"<bounce-{os.urandom(5).hex()}@".encode()),
              (TAGGED.replace("=", "=3D").encode(), tag.replace("=", "=3D").encode())]
    return put_in(raw, pairs)


def backscatter(name, address):
    """The format NAME as a stranger's server returns spam that names ADDRESS: nothing in it was ever sent."""
    raw, ids = read(name)
    return put_in(raw, [(TAGGED.encode(), address.encode()), (SUBADDRESS.encode(), address.encode()),
                        (ADDRESS.encode(), address.encode()), (b"@ours.example", b"@%s.spam.example" % os.urandom(4).hex().encode())])


def message(author, to, subject, body="", **headers):
    fields = {"From": author, "To": to, "Subject": subject, "Message-ID": make_msgid(domain="auto.example"),
              "Date": "Mon, 1 Jan 2029 12:00:00 +0000", "MIME-Version": "1.0",
              **{k.replace("_", "-"): v for k, v in headers.items() if v is not None}}
    return ("".join(f"{k}: {v}\n" for k, v in fields.items()) + "\n" + body).encode()


def parts(kind, boundary, *texts):
    """A body of parts, and the Content-Type for it."""
    body = "".join(f"--{boundary}\n{text.lstrip()}\n" for text in texts) + f"--{boundary}--\n"
    return body, f'{kind}; boundary="{boundary}"'


# ---- bounces

def dsn(mail, rcpt, returned=True, failed=None):
    """RFC 3464; RETURNED False returns nothing of the message, as some do."""
    failed = failed or mail.other
    texts = ["Content-Type: text/plain\n\nYour message could not be delivered.\n",
             f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.{failed.partition('@')[2]}\n\n"
             f"Final-Recipient: rfc822; {failed}\nAction: failed\nStatus: 5.1.1\n"]
    if returned:
        texts.append(f"Content-Type: message/rfc822\n\nReturn-Path: <{mail.tag_for(failed)}>\n" +
                     mail.data.decode("utf-8", "replace").replace("\r", ""))
    body, kind = parts("multipart/report; report-type=delivery-status", "=_dsn", *texts)
    return message(f"MAILER-DAEMON@{failed.partition('@')[2]}", rcpt, "Undelivered Mail Returned to Sender", body,
                   Content_Type=kind, Auto_Submitted="auto-replied")


def qmail(mail, rcpt, failed=None):
    failed = failed or mail.other
    return message(f"MAILER-DAEMON@{failed.partition('@')[2]}", rcpt, "failure notice",
                   f"Hi. This is the qmail-send program at {failed.partition('@')[2]}.\nI'm afraid I wasn't able to deliver "
                   f"your message.\n\n<{failed}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is "
                   f"a copy of the message.\n\nReturn-Path: <{mail.tag_for(failed)}>\n"
                   + mail.data.decode("utf-8", "replace").replace("\r", ""), MIME_Version=None)


# ---- answers of people's machines

def out_of_office(mail, rcpt, cites=True, author=None):
    """As Exchange writes it: by itself it cites nothing, with a rule it does."""
    author = author or mail.other
    return message(f"Bob <{author}>", rcpt, "Automatic reply: a message", "I am away until Monday.\n",
                   Auto_Submitted="auto-generated", X_Auto_Response_Suppress="All",
                   In_Reply_To=f"<{mail.id}>" if cites else None,
                   X_MS_Exchange_Inbox_Rules_Loop=author, Content_Type="text/plain; charset=us-ascii")


def receipt(mail, rcpt, cites=True):
    """RFC 8098."""
    reader = mail.other
    body, kind = parts("multipart/report; report-type=disposition-notification", "=_mdn",
                       "Content-Type: text/plain\n\nYour message was read.\n",
                       "Content-Type: message/disposition-notification\n\nReporting-UA: pc; Mail 1.0\n"
                       f"Final-Recipient: rfc822; {reader}\n" + (f"Original-Message-ID: <{mail.id}>\n" if cites else "") +
                       "Disposition: manual-action/MDN-sent-manually; displayed\n")
    return message(f"Bob <{reader}>", rcpt, "Read: a message", body, Content_Type=kind)


def meeting_reply(mail, rcpt):
    """RFC 6047."""
    return message(f"Bob <{mail.other}>", rcpt, "Accepted: meeting", "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n",
                   Content_Type='text/calendar; charset="utf-8"; method=REPLY')


# ---- automatic mail that answers nothing

def journal(rcpt):
    """An Exchange journal report."""
    body, kind = parts("multipart/mixed", "=_journal",
                       "Content-Type: text/plain\n\nSender: dave@theirs.test\nSubject: offer\nMessage-Id: <1@theirs.test>\n"
                       f"To: {rcpt}\n",
                       "Content-Type: message/rfc822\n\nFrom: dave@theirs.test\nTo: x@theirs.test\nSubject: offer\n"
                       "Message-Id: <1@theirs.test>\n\nHello.\n")
    return message("Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@theirs.test>", rcpt, "offer", body,
                   Content_Type=kind, X_MS_Journal_Report="")


def quota(rcpt):
    return message("postmaster@theirs.test", rcpt, "Your mailbox is almost full", "92 percent of it are in use.\n",
                   Auto_Submitted="auto-generated")


def parcel(rcpt):
    return message("Carrier <info@carrier.test>", rcpt, "Delivery delayed: your container 4711", "It comes on Friday.\n")


def dmarc(rcpt):
    return message("noreply@dmarc.test", rcpt, "Report domain: firma.test Submitter: dmarc.test Report-ID: 1",
                   "UEsDBA==\n", Content_Type='application/zip; name="dmarc.test!firma.test!1!2.zip"',
                   Content_Transfer_Encoding="base64")


def ticket(rcpt):
    """A ticket system's answer, which attaches the bounce that it got."""
    body, kind = parts("multipart/mixed", "=_ticket", "Content-Type: text/plain\n\nYour request is ticket 12.\n",
                       "Content-Type: message/rfc822\n\nFrom: MAILER-DAEMON@theirs.test\nSubject: failure notice\n"
                       "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n"
                       "Content-Type: message/delivery-status\n\nStatus: 5.1.1\n\n--x--\n")
    return message("Help desk <help@theirs.test>", rcpt, "[Ticket#12] request", body, Content_Type=kind,
                   Auto_Submitted="auto-replied")


def forwarded_bounce(rcpt, account):
    """A bounce of another account, mail of which is forwarded here."""
    mine = message(account, "ghost@other.test", "from my other account", "Hello.\n").decode()
    body, kind = parts("multipart/report; report-type=delivery-status", "=_fwd",
                       "Content-Type: text/plain\n\nIt could not be delivered.\n",
                       "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.other.test\n\n"
                       "Final-Recipient: rfc822; ghost@other.test\nAction: failed\nStatus: 5.1.1\n",
                       f"Content-Type: message/rfc822\n\nReturn-Path: <{account}>\n{mine}")
    return f"Delivered-To: {account}\n".encode() + message(
        "MAILER-DAEMON@other.test", account, "Undelivered Mail Returned to Sender", body, Content_Type=kind,
        Auto_Submitted="auto-replied")
