"""A content filter between two passes of one Exim: over SMTP as amavis does it, or by a pipe into `exim -bS`."""

import re
import smtplib
import socket
from email.utils import formatdate

from lab_smtp import Sink

# What Exim's own documentation and amavis's README.exim tell people to write.
ROUTER = """
to_filter:
  driver = manualroute
  condition = ${{if !eq{{$received_port}}{{{back}}}}}
  domains = *
  route_list = * {address}::{port} byname
  self = send
  transport = to_filter
  no_verify
"""

TRANSPORT = """
to_filter:
  driver = smtp
  hosts_try_fastopen =
"""

PIPE_ROUTER = """
to_pipe_filter:
  driver = accept
  condition = ${if !eq{$h_X-Spam-Checked:}{yes}}
  transport = pipe_filter
  no_verify
"""

# A pipe's command gets none of Exim's environment, so it would live in the real time.
CLOCK = " : ".join(f"{name}=${{env{{{name}}}{{$value}}}}" for name in
                   ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "FAKETIME_SHARED"))

PIPE_TRANSPORT = """
pipe_filter:
  driver = pipe
  environment = {clock}
  command = LAB_DIR/bin/exim -C LAB_DIR/exim.conf {options}
  use_bsmtp
  message_prefix = {prefix}
  message_suffix = {suffix}
  batch_max = 100
  headers_add = X-Spam-Checked: yes
  ignore_status = false
  log_output
  user = LAB_USER
  group = LAB_GROUP
"""


class SmtpFilter(Sink):
    """A filter that takes mail over SMTP and hands it back, to a port where Exim filters no more.

        content = SmtpFilter(lab)
        ours = batv_exim(lab, batv, sink, **content.keywords())
        content.returns_to(ours)

    ADDRESS 127.0.0.1 is the filter on the same machine; with another one put it into relay_from, as people
    do.  It connects from there.  Like amavis it adds its own Received line and a header, keeps the envelope, and answers
    what the next server answers.  UNSIGNS: it hands on the bare recipient, as a gateway that rewrites does.
    DROPS names header fields that it takes out ("Received").  (Exim offers no XFORWARD, so none is said.)
    """

    def __init__(self, lab, address="127.0.0.1", name="filter", unsigns=False, drops=()):
        super().__init__(lab, address, name=name)
        self.lab, self.unsigns, self.drops = lab, unsigns, drops
        self.back = lab.port()
        self.target = None

    def routers(self):
        return ROUTER.format(back=self.back, address=self.address, port=self.port)

    def keywords(self, routers="", transports="", **keywords):
        """For batv_exim: a second port, and the router and transport to the filter, before those given."""
        port = keywords.pop("port", None) or self.lab.port()
        options = {**keywords.pop("options", {}), "daemon_smtp_ports": f"{port} : {self.back}"}
        return {"port": port, "options": options, "routers": self.routers() + routers,
                "transports": TRANSPORT + transports, **keywords}

    def returns_to(self, exim, port=None):
        """Hand everything back to this Exim, to its second port by default."""
        self.target = exim.address, port or self.back

    def _header(self, envelope):
        data = envelope.data
        for name in self.drops:
            head, blank, body = data.partition(b"\r\n\r\n")
            data = re.sub(rb"(?im)^%s:.*\r\n(?:[ \t].*\r\n)*" % name.encode(), b"", head + b"\r\n") + b"\r\n" + body
        return (f"X-Virus-Scanned: by {self.name}\r\nReceived: from {envelope.helo} ([{envelope.peer}])\r\n"
                f"\tby localhost ({self.name}.test [{self.address}]) (amavisd-new, port {self.port})\r\n"
                f"\twith ESMTP id {envelope.serial}; {formatdate(self.lab.clock.now())}\r\n").encode() + data

    def _finish(self, envelope):
        envelope.serial = len(self.messages) + 1
        super()._finish(envelope)
        tag = re.compile(r"^prvs=[0-9]{4}[0-9a-f]{6}=", re.I)
        rcpts = [tag.sub("", r) if self.unsigns else r for r in envelope.recipients]
        try:
            return self._hand_back(envelope.sender, rcpts, self._header(envelope))
        except (OSError, smtplib.SMTPException) as trouble:
            return f"451 4.5.0 {self.name}: {type(trouble).__name__}"

    def _hand_back(self, sender, rcpts, data):
        """What the next server says to it; the first refusal counts for all."""
        with smtplib.SMTP(*self.target, local_hostname="localhost", timeout=30,
                          source_address=(self.address, 0)) as client:
            client.ehlo()
            for reply in (client.docmd(f"MAIL FROM:<{sender}>"), *(client.docmd(f"RCPT TO:<{r}>") for r in rcpts)):
                if reply[0] != 250:
                    return f"{reply[0]} {reply[1].decode(errors='replace').splitlines()[-1]}"
            code, text = client.data(data)
            client.sock.shutdown(socket.SHUT_WR)    # Exim holds its 221 back until the client closes
            return f"{code} {text.decode(errors='replace').splitlines()[-1]}"


def pipe_filter(mode="-bS", protocol=None):
    """Keywords for batv_exim: each message goes by a pipe into `exim MODE` (-bS or -bs), once.

    PROTOCOL is for -oMr, which the well-known recipe for SpamAssassin has ("spam-scanned").
    """
    options = f"-oMr {protocol} {mode}" if protocol else mode
    prefix, suffix = ("HELO localhost\\n", "QUIT\\n") if mode == "-bs" else ("", "")
    return {"routers": PIPE_ROUTER,
            "transports": PIPE_TRANSPORT.format(clock=CLOCK, options=options, prefix=prefix, suffix=suffix)}
