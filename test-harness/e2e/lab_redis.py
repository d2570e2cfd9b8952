"""Redis and Valkey servers, unpacked from their packages, and never installed.

They keep nothing on disk, and listen on a unix socket or on 127.0.0.0/8.  The users of the servers are the lines that
`batv-fleet --acl` prints, and nothing else.
"""

import socket
import threading

from lab_base import BUILD, LabError, skip, tail, tool, wait_until
from lab_machine import codename

PASSWORD = "sesame"
ADMIN = "admin"     # the laboratory's own user at the server


def unpacked(kind):
    """The directory that has a redis or valkey server's files; fetched if needed."""
    place = BUILD / kind
    if not (place / ".fetched").exists():
        series = ["--series", f"{codename()}-backports", "--no-libraries"] \
            if kind == "valkey" and codename() == "bookworm" else []
        try:
            tool("fetch", "deb", *series, place, f"{kind}-server", f"{kind}-tools")
        except LabError as error:
            if "fetch:" not in str(error):
                raise
            skip(f"{kind} can't be had: {str(error).splitlines()[-1].removeprefix('fetch: ')}")
    return place / "root"


def libraries():
    """Where the libraries are that Debian's servers need besides; those of Redis have all that Valkey's need."""
    return ":".join(str(p.parent) for p in (unpacked("redis") / "usr/lib").glob("*/liblzf.so.1"))


class Redis:
    """One server.  KIND is redis or valkey.

    LISTEN is "unix", or an address on which it gets a port.  ACL: lines of an ACL file; without them its default user may do
    everything, without a password.  OPTIONS are further lines of its configuration.
    """

    def __init__(self, lab, name="redis1", kind="redis", listen="127.0.0.1", acl="", options=None, start=True):
        self.lab, self.name, self.kind = lab, name, kind
        self.program = unpacked(kind) / f"usr/bin/{kind}-server"
        # Their jemalloc does not go with libfaketime; their clock is their own in any case.
        self.env = {"LD_LIBRARY_PATH": libraries(), "LD_PRELOAD": ""}
        self.dir = lab.mkdir(name)
        self.socket = self.dir / "s"
        self.address, self.port = (None, 0) if listen == "unix" else (listen, lab.port(listen))
        self.options = dict(options or {})
        self.acl(acl)
        self.daemon = None
        lab.add_report(lambda: (f"{name}, log", tail(lab.dir / f"{name}.output", 15)))
        if start:
            self.start()

    @property
    def server(self):
        """As fleet_servers has it."""
        return f"{self.address}:{self.port}" if self.port else f"unix:{self.socket}"

    def acl(self, text):
        """Write the ACL file; a server that runs reads it at load_acl()."""
        self.acl_text = text
        if text:
            self.lab.write(self.dir / "users.acl", f"{text.strip()}\nuser default off\nuser {ADMIN} on nopass ~* &* +@all\n")

    def start(self, wait=True):
        """Start it, empty; wait until it answers."""
        lines = {"bind": self.address or "127.0.0.1", "port": self.port, "unixsocket": self.socket, "unixsocketperm": 777, "dir": self.dir,
                 "save": '""', "appendonly": "no", "daemonize": "no", "protected-mode": "no", **self.options}
        if self.acl_text:
            lines["aclfile"] = self.dir / "users.acl"
        conf = self.lab.write(self.dir / "conf", "".join(f"{k} {v}\n" for k, v in lines.items()))
        self.socket.unlink(missing_ok=True)
        self.daemon = self.lab.spawn(self.name, [self.program, conf], env=self.env)
        if wait:
            wait_until(self._answers, 20, f"{self.name} to answer")
        return self

    def _answers(self):
        if not self.daemon.alive():
            raise LabError(f"{self.name} did not start:\n{self.daemon.output()[-800:]}")
        try:
            return self.ask("PING").startswith(("PONG", "-NOAUTH"))
        except OSError:
            return False

    def ask(self, *words, timeout=20):
        """What the server answers to the laboratory; an error is a text that begins with "-"."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(timeout)
            wire.connect(str(self.socket))
            file = wire.makefile("rwb")
            if self.acl_text:
                send(file, "AUTH", ADMIN, "x")
                receive(file)
            send(file, *words)
            return receive(file)

    def set(self, name, value):
        """CONFIG SET."""
        answer = self.ask("CONFIG", "SET", name, value)
        if answer != "OK":
            raise LabError(f"{self.name}: CONFIG SET {name}: {answer}")

    def load_acl(self, text):
        """Another ACL file, in force at once; those who are logged in are not asked again."""
        self.acl(text)
        answer = self.ask("ACL", "LOAD")
        if answer != "OK":
            raise LabError(f"{self.name}: ACL LOAD: {answer}")

    def kill(self):
        self.daemon.kill()

    def restart(self):
        """Killed, and back empty."""
        self.kill()
        return self.start()

    def freeze(self):
        self.daemon.freeze()

    def thaw(self):
        self.daemon.thaw()


def send(file, *words):
    """A command, as Redis wants it."""
    data = b"*%d\r\n" % len(words)
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        data += b"$%d\r\n%s\r\n" % (len(word), word)
    file.write(data)
    file.flush()


def receive(file):
    """A reply: text, a number, None, or a list."""
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("the server hung up")
    kind, rest = line[:1], line[1:-2]
    if kind == b"$":
        return file.read(int(rest) + 2)[:-2].decode(errors="surrogateescape") if int(rest) >= 0 else None
    if kind == b"*":
        return [receive(file) for _ in range(int(rest))] if int(rest) >= 0 else None
    if kind == b":":
        return int(rest)
    return ("-" if kind == b"-" else "") + rest.decode(errors="replace")


class Proxy:
    """A TCP proxy before a Redis, whose network can be cut: freeze() lets nothing through, and closes nothing."""

    def __init__(self, lab, redis, address="127.0.0.1"):
        self.target, self.address = str(redis.socket), address
        self.listener = socket.socket()
        self.port = lab.port(address)
        self.listener.bind((address, self.port))
        self.listener.listen(16)
        self.flows, self.pairs, self.ended = threading.Event(), [], False
        self.flows.set()
        threading.Thread(target=self._accept, daemon=True).start()
        lab.on_end(self.close)

    @property
    def server(self):
        return f"{self.address}:{self.port}"

    def freeze(self):
        self.flows.clear()

    def thaw(self):
        self.flows.set()

    def close(self):
        self.ended = True
        self.flows.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for end in self.pairs:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while not self.ended:
            try:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
            except OSError:
                if self.ended:
                    return
                near.close()
                continue
            self.pairs += [near, far]
            for a, b in (near, far), (far, near):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    def _copy(self, a, b):
        try:
            while data := a.recv(65536):
                self.flows.wait()
                b.sendall(data)
        except OSError:
            pass
        for end in a, b:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
