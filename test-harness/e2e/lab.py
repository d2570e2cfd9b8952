"""The laboratory of the end-to-end tests: `from lab import *`.

    Lab        sandbox directory, processes, ports, clock     lab_base.py
    Exim       ours: the rebuilt Exim, sandboxed              lab_exim.py
    Smtp       a client that shows every line                 lab_smtp.py
    Sink       a server that remembers and answers at will    lab_smtp.py
    Postfix    theirs: another server, unpacked               lab_postfix.py

and below, messages to send.  `run` beside this file finds and runs the tests.
"""

from email.utils import formatdate, make_msgid

from lab_base import (BUILD, DAY, TOP, Clock, Daemon, Lab, LabError, Skip, needs_root, skip, tail, tool,
                      wait_until)
from lab_exim import MESSAGE_ID, OUR_LINE, Exim, exim_binary, exim_config
from lab_postfix import Postfix
from lab_smtp import Envelope, Reply, Result, Sink, Smtp, wire

__all__ = ["BUILD", "DAY", "TOP", "Clock", "Daemon", "Envelope", "Exim", "Lab", "LabError", "MESSAGE_ID", "OUR_LINE", "Postfix",
           "Reply", "Result", "Sink", "Skip", "Smtp", "exim_binary", "exim_config", "make_bounce", "make_message",
           "needs_root", "skip", "tail", "timeout", "tool", "wait_until", "wire"]


def timeout(seconds):
    """Decorator: this test may take SECONDS instead of the runner's two minutes."""
    def mark(function):
        function.timeout = seconds
        return function
    return mark


def make_message(sender="alice@test", to="bob@test", subject="a message", body="Hello.\n", **headers):
    """The text of a message; further headers as keywords, _ for -, None to leave a default out."""
    fields = {"From": sender, "To": to, "Subject": subject, "Date": formatdate(),
              "Message-ID": make_msgid(domain="mua.test")}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\n".join(lines) + "\n\n" + body


def make_bounce(to="alice@test", failed="nobody@theirs.test", original=None, reporter="mx.theirs.test", **headers):
    """The text of a delivery status notification (RFC 3464) as another server would write it.

    ORIGINAL is the text of the returned message, of which the headers are returned.
    """
    original = (original or make_message(to, failed)).partition("\n\n")[0]
    boundary = "=_bounce"
    body = f"""--{boundary}
Content-Type: text/plain

I could not deliver your message to <{failed}>: user unknown.

--{boundary}
Content-Type: message/delivery-status

Reporting-MTA: dns; {reporter}

Final-Recipient: rfc822; {failed}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--{boundary}
Content-Type: text/rfc822-headers

{original}

--{boundary}--
"""
    headers = {"MIME_Version": "1.0", "Auto_Submitted": "auto-replied",
               "Content_Type": f'multipart/report; report-type=delivery-status; boundary="{boundary}"', **headers}
    return make_message(f"Mail Delivery System <MAILER-DAEMON@{reporter}>", to,
                        "Undelivered Mail Returned to Sender", body, **headers)
