"""SMTP by hand: a client that shows every line, and a server that answers what it is told."""

import base64
import re
import socket
import threading
from collections import namedtuple

from lab_base import LabError, wait_until

CRLF = b"\r\n"


class Reply(namedtuple("Reply", "code text")):
    """One SMTP reply: the code, and the text of all its lines without codes."""

    def __str__(self):
        return f"{self.code} {self.text}"

    @property
    def unfolded(self):
        """The text in one line: Exim folds what an ACL says, and nothing else."""
        return " ".join(self.text.split("\n"))


# What one message got: replies to MAIL, to each RCPT (in order), and to the data (None: not sent).
Result = namedtuple("Result", "mail rcpts data")


class Smtp:
    """One SMTP session as a client.

    transcript holds every line, `>>>` what we say and `<<<` what the server answers.  SOURCE is
    the address that we connect from: any of 127.0.0.0/8, so that one machine plays many.
    """

    def __init__(self, address, port, source="127.0.0.1", helo="client.test", timeout=20, ehlo=True):
        self.transcript = []
        self.helo_name = helo
        self.socket = socket.create_connection((address, port), timeout, (source, 0))
        self.file = self.socket.makefile("rb")
        self.banner = self.reply()
        self.extensions = set()
        if ehlo:
            self.ehlo()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.quit()

    def log(self, mark, line):
        self.transcript.append(f"{mark} {line}")

    def dialogue(self):
        """The transcript as text."""
        return "\n".join(self.transcript)

    def reply(self):
        """Read one reply, all its lines."""
        lines = []
        while True:
            raw = self.file.readline()
            if not raw:
                self.log("<<<", "(connection closed)")
                return Reply(0, "connection closed")
            line = raw.rstrip(b"\r\n").decode("latin-1")
            self.log("<<<", line)
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), "\n".join(lines))

    def say(self, line):
        """Send a line and do not wait for an answer."""
        self.log(">>>", line if isinstance(line, str) else line.decode("latin-1"))
        self.socket.sendall((line.encode("utf-8") if isinstance(line, str) else line) + CRLF)

    def command(self, line):
        """Send a line, give the reply."""
        self.say(line)
        return self.reply()

    def ehlo(self):
        reply = self.command(f"EHLO {self.helo_name}")
        self.extensions = {line.split()[0].upper() for line in reply.text.splitlines()[1:] if line}
        return reply

    def helo(self):
        return self.command(f"HELO {self.helo_name}")

    def mail(self, sender, params=""):
        return self.command(f"MAIL FROM:<{sender}>{params and ' ' + params}")

    def rcpt(self, address, params=""):
        return self.command(f"RCPT TO:<{address}>{params and ' ' + params}")

    def rset(self):
        return self.command("RSET")

    def data(self, message):
        """DATA and the message; the reply to whichever came last."""
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        body = re.sub(rb"(?m)^\.", b"..", wire(message))
        for line in body.split(CRLF)[:-1]:
            self.log(">>>", line.decode("latin-1"))
        self.log(">>>", ".")
        self.socket.sendall(body + b"." + CRLF)
        return self.reply()

    def bdat(self, *chunks):
        """BDAT for each chunk, the last one marked LAST; the reply to the last."""
        reply = None
        for number, chunk in enumerate(chunks, 1):
            chunk = wire(chunk) if number == len(chunks) else to_bytes(chunk)
            line = f"BDAT {len(chunk)}{' LAST' if number == len(chunks) else ''}"
            self.log(">>>", line)
            self.socket.sendall(line.encode() + CRLF + chunk)
            reply = self.reply()
        return reply

    def auth_plain(self, user, password):
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.command(f"AUTH PLAIN {token}")

    def send(self, sender, rcpts, message, bdat=False, params=""):
        """One message; gives a Result.  Data is sent when at least one recipient was accepted."""
        mail = self.mail(sender, params)
        replies = [self.rcpt(r) for r in ([rcpts] if isinstance(rcpts, str) else rcpts)] if mail.code == 250 else []
        data = None
        if any(r.code // 100 == 2 for r in replies):
            data = self.bdat(message) if bdat else self.data(message)
        elif mail.code:
            self.rset()
        return Result(mail, replies, data)

    def quit(self):
        """QUIT and close at once: Exim holds its 221 back until the client closes."""
        try:
            self.say("QUIT")
        except OSError:
            pass
        self.close()

    def close(self):
        """Close without a word."""
        self.file.close()
        self.socket.close()


def to_bytes(text):
    return text.encode("utf-8") if isinstance(text, str) else text


def wire(message):
    """A message as it goes over the wire: CRLF everywhere, one at the end."""
    message = re.sub(rb"\r?\n", CRLF, to_bytes(message))
    return message if message.endswith(CRLF) else message + CRLF


# ---------------------------------------------------------------------------
# The sink
# ---------------------------------------------------------------------------

class Envelope:
    """A message that came to a Sink: sender, rcpts as [(address, parameters)], data, peer, accepted."""

    def __init__(self, helo, peer, sender, params):
        self.helo, self.peer, self.sender, self.params = helo, peer, sender, params
        self.rcpts = []
        self.data = None
        self.accepted = False

    @property
    def recipients(self):
        return [address for address, _ in self.rcpts]

    def __repr__(self):
        return f"<{self.sender}> -> {self.recipients}{'' if self.accepted else ' (refused)'}"


class Sink:
    """A mail server of the laboratory: takes everything, remembers it, answers what it is told.

    answer(stage, reply) programs it; stage is connect, helo, mail, rcpt, data (the command) or
    message (after the final dot).  `match` is a regular expression for the argument (the address;
    the whole message at `message`), `times` how often.  The first rule that fits answers.
    """

    def __init__(self, lab, address="127.0.0.2", port=None, name="sink",
                 extensions=("PIPELINING", "8BITMIME", "SIZE 52428800")):
        self.address, self.port, self.name = address, port or lab.port(address), name
        self.extensions = extensions
        self.messages = []      # accepted envelopes
        self.refused = []       # envelopes that got no 250 after the data, or no recipient
        self.transcript = []    # all sessions, >>> is the client
        self._rules = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((address, self.port), backlog=50)
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()
        lab.on_close(self.stop)
        lab.add_report(lambda: (f"{name}, last lines of its dialogues", list(self.transcript)[-12:]))

    def stop(self):
        if not self._closing:
            self._closing = True
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()

    def route(self):
        """For a manualroute's route_list: address::port."""
        return f"{self.address}::{self.port}"

    def answer(self, stage, reply, match="", times=None):
        """From now on answer REPLY ("451 4.3.0 later") at STAGE; the latest rule comes first."""
        with self._lock:
            self._rules.insert(0, [stage, re.compile(match, re.I | re.S), reply, times])

    def forget(self):
        """Forget all rules and messages."""
        with self._lock:
            self._rules.clear()
            self.messages.clear()
            self.refused.clear()

    def wait(self, number=1, timeout=15):
        """Wait for NUMBER accepted messages in all; gives the list."""
        wait_until(lambda: len(self.messages) >= number, timeout,
                   lambda: f"{number} messages at {self.name}, which has {self.messages}")
        return self.messages

    def _reply(self, stage, text, default):
        with self._lock:
            for rule in self._rules:
                if rule[0] == stage and rule[1].search(text) and rule[3] != 0:
                    if rule[3]:
                        rule[3] -= 1
                    return rule[2]
        return default

    def _accept(self):
        while not self._closing:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, peer), daemon=True).start()

    def _serve(self, connection, peer):
        connection.settimeout(60)
        try:
            with connection, connection.makefile("rb") as lines:
                self._session(connection, lines, peer[0])
        except OSError:
            pass

    def _session(self, connection, lines, peer):
        def say(text):
            for line in text.splitlines():
                self.transcript.append(f"<<< {line}")
            connection.sendall(text.replace("\n", "\r\n").encode() + CRLF)

        helo, envelope = "", None
        say(self._reply("connect", peer, f"220 {self.name}.test ESMTP"))
        for raw in lines:
            line = raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
            self.transcript.append(f">>> {line}")
            verb = line.split(":")[0].upper() if line[:5].upper() in ("MAIL ", "RCPT ") else line.split(" ")[0].upper()
            if verb in ("EHLO", "HELO"):
                helo = line[5:]
                extensions = self.extensions if verb == "EHLO" else ()
                words = [f"{self.name}.test", *extensions]
                greeting = "\n".join(f"250{' ' if i == len(words) - 1 else '-'}{w}" for i, w in enumerate(words))
                say(self._reply("helo", helo, greeting))
            elif verb == "MAIL FROM":
                address, params = path_of(line)
                reply = self._reply("mail", address, "250 2.1.0 ok")
                envelope = Envelope(helo, peer, address, params) if reply[0] == "2" else None
                say(reply)
            elif verb == "RCPT TO" and envelope:
                address, params = path_of(line)
                reply = self._reply("rcpt", address, "250 2.1.5 ok")
                if reply[0] == "2":
                    envelope.rcpts.append((address, params))
                else:
                    self.refused.append(Envelope(helo, peer, envelope.sender, envelope.params))
                    self.refused[-1].rcpts.append((address, params))
                say(reply)
            elif verb == "DATA" and envelope and envelope.rcpts:
                reply = self._reply("data", "", "354 go on")
                say(reply)
                if reply[0] == "3":
                    envelope.data = self._read_data(lines)
                    say(self._finish(envelope))
                envelope = None
            elif verb == "RSET":
                envelope = None
                say("250 2.0.0 ok")
            elif verb == "NOOP":
                say("250 2.0.0 ok")
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("503 5.5.1 not now")

    @staticmethod
    def _read_data(lines):
        body = []
        for raw in lines:
            if raw.rstrip(b"\r\n") == b".":
                return b"".join(body)
            body.append(raw[1:] if raw.startswith(b".") else raw)
        raise OSError("connection lost in the data")

    def _finish(self, envelope):
        reply = self._reply("message", envelope.data.decode("latin-1"), "250 2.0.0 taken")
        envelope.accepted = reply[0] == "2"
        with self._lock:
            (self.messages if envelope.accepted else self.refused).append(envelope)
        return reply


def path_of(line):
    """(address, parameters) of MAIL FROM:<...> or RCPT TO:<...>; quoted local parts may hold a >."""
    match = re.match(r'[^:]*:\s*<((?:"(?:\\.|[^"\\])*"|[^>"])*)>\s*(.*)$', line)
    if not match:
        raise LabError(f"the sink can't read {line!r}")
    return match[1], match[2]
