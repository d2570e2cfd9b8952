"""fetchmail, unpacked from its package, and the mailbox that it fetches from."""

import os
import socket
import threading

from lab_base import BUILD, tool

RC = """\
set no bouncemail
poll {mailbox.address} service {mailbox.port} protocol pop3 auth password
  user "mary" password "secret" is "{rcpt}" here smtphost "{smtp[0]}/{smtp[1]}" smtpaddress "{domain}" nokeep sslproto ''
"""


def listen(lab, address, port, serve):
    """Listen there; SERVE gets each connection, in a thread of its own."""
    listener = socket.create_server((address, port))

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def stop():
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    threading.Thread(target=accept, daemon=True).start()
    lab.on_close(stop)


class Pop3:
    """A mailbox at another provider, as its owner's program sees it: POP3, one user.

    put() lays messages in it, each with the Return-Path that the provider wrote.
    """

    def __init__(self, lab, address="127.0.0.7"):
        self.address, self.port = address, lab.port(address)
        self.messages = []
        listen(lab, address, self.port, self._serve)

    def put(self, message, sender=""):
        """A message that came to the mailbox from SENDER."""
        text = f"Return-Path: <{sender}>\nDelivered-To: mary@provider.test\n{message}"
        self.messages.append(text.replace("\r\n", "\n").replace("\n", "\r\n").encode())

    def _serve(self, connection):
        connection.settimeout(30)
        try:
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"+OK ready\r\n")
                self._session(connection, lines)
        except OSError:
            pass

    def _session(self, connection, lines):
        gone = set()
        for line in lines:
            verb, *words = line.decode().split()
            number = int(words[0]) - 1 if words and words[0].isdigit() else None
            left = [i for i in range(len(self.messages)) if i not in gone]
            listing = {"LIST": lambda i: f"{i + 1} {len(self.messages[i])}", "UIDL": lambda i: f"{i + 1} u{i}"}
            if verb == "STAT":
                answer = f"+OK {len(left)} {sum(len(self.messages[i]) for i in left)}"
            elif verb in listing and number is None:
                answer = "\r\n".join(["+OK", *map(listing[verb], left), "."])
            elif verb in listing:
                answer = f"+OK {listing[verb](number)}"
            elif verb in ("RETR", "TOP"):
                body = self.messages[number].decode("latin-1").replace("\r\n.", "\r\n..")
                answer = f"+OK\r\n{body}\r\n."
            elif verb == "DELE":
                gone.add(number)
                answer = "+OK"
            elif verb == "CAPA":
                answer = "+OK\r\nUSER\r\nUIDL\r\n."
            else:
                answer = "+OK" if verb in ("USER", "PASS", "NOOP", "RSET", "QUIT") else "-ERR"
            connection.sendall(f"{answer}\r\n".encode("latin-1"))
            if verb == "QUIT":
                self.messages[:] = [m for i, m in enumerate(self.messages) if i not in gone]
                return


class Elsewhere:
    """A way to the server TARGET (an Exim) that comes from another host, ADDRESS: bytes are handed on as they are."""

    def __init__(self, lab, target, address="127.0.0.8"):
        self.target, self.address, self.port = target, address, lab.port(address)
        listen(lab, address, self.port, self._serve)

    def _serve(self, inner):
        outer = socket.create_connection((self.target.address, self.target.port), 30, (self.address, 0))
        for pair in (inner, outer), (outer, inner):
            threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while block := source.recv(65536):
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Fetchmail:
    """It fetches MAILBOX (a Pop3) for RCPT, and hands over to SERVER: an Exim on this host, or an Elsewhere."""

    def __init__(self, lab, mailbox, server, rcpt="alice@test"):
        self.lab = lab
        self.root = BUILD / "fetchmail" / "root"
        if not (BUILD / "fetchmail" / ".fetched").exists():
            tool("fetch", "deb", BUILD / "fetchmail", "fetchmail")
        self.libraries = ":".join(str(p) for p in (*sorted(self.root.glob("usr/lib/*-linux-gnu*")),
                                                   *sorted(self.root.glob("lib/*-linux-gnu*"))))
        self.dir = lab.mkdir(f"fetchmail-{os.urandom(3).hex()}")
        lab.write(self.dir / "rc", RC.format(mailbox=mailbox, rcpt=rcpt, smtp=(server.address, server.port),
                                             domain=rcpt.partition("@")[2]), mode=0o600)

    def fetch(self):
        """Fetch all there is.  Gives what it said."""
        done = self.lab.run([self.root / "usr/bin/fetchmail", "-v", "--nosyslog", "--nodetach", "-f", self.dir / "rc"],
                            env={"LD_LIBRARY_PATH": self.libraries, "HOME": str(self.dir)}, check=False)
        return done.stdout + done.stderr
