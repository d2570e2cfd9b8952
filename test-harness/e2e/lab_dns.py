"""A small name server over UDP, for A, MX and TXT records.  It needs nothing of the laboratory, so that it also runs as a program:

    python3 lab_dns.py READY NAME TYPE TEXT [NAME TYPE TEXT...]

answers at 127.0.0.1, and makes the file READY when it does.  Names that it does not know do not exist.
"""

import re
import socket
import sys
import threading

TYPES = {1: "A", 15: "MX", 16: "TXT", 28: "AAAA"}


class Dns:
    """{(name, type): [text]} is what it knows.  A name in `broken` gets SERVFAIL; `asked` has all questions."""

    def __init__(self, records=None, address="127.0.0.1"):
        self.records, self.broken, self.asked = records or {}, set(), []
        self.address = address, 53
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(self.address)

    def start(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def stop(self):
        self.socket.sendto(b"", self.address)

    @staticmethod
    def _name(name):
        return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"

    def _data(self, kind, text):
        if kind == "A":
            return socket.inet_aton(text)
        if kind == "MX":
            return b"\0\x0a" + self._name(text)
        return b"".join(bytes([len(part)]) + part for part in re.findall(b"(?s).{1,100}", text.encode()))

    def serve(self):
        while query := self.socket.recvfrom(2000):
            data, peer = query
            if not data:
                return
            at, parts = 12, []
            while data[at]:
                parts.append(data[at + 1:at + 1 + data[at]].decode(errors="replace"))
                at += 1 + data[at]
            name, kind = ".".join(parts).lower(), TYPES.get(int.from_bytes(data[at + 1:at + 3], "big"))
            self.asked.append((name, kind))
            question, found = data[12:at + 5], self.records.get((name, kind), [])
            code = 2 if name in self.broken else 0 if any(name == n for n, _ in self.records) else 3
            reply = data[:2] + bytes([0x81, 0x80 | code]) + b"\0\1" + len(found).to_bytes(2, "big") + b"\0\0\0\0" + question
            for text in found:
                rdata = self._data(kind, text)
                reply += b"\xc0\x0c" + data[at + 1:at + 5] + b"\0\0\0\x3c" + len(rdata).to_bytes(2, "big") + rdata
            self.socket.sendto(reply, peer)


if __name__ == "__main__":
    ready, *words = sys.argv[1:]
    server = Dns({(name, kind): [text] for name, kind, text in zip(*[iter(words)] * 3)})
    open(ready, "w").close()
    server.serve()
