#!/usr/bin/env python3
"""vectors.py - print the table of test vectors of docs/formats.md.

This is an independent implementation of exim-batv's tags, made from docs/formats.md with Python's hmac and
hashlib.  It shares no code and no library with the C one, which test-harness/unit/test_vectors.c
checks against this table.

usage: vectors.py            print the table
       vectors.py --check    exit status 1 unless docs/formats.md has exactly this table
"""
import hashlib
import hmac
import os
import struct
import sys

DAY = 86400
FORMATS = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "formats.md")

A = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
B = "6578696d2d62617476206578616d706c6520736563726574206e756d62657220"
C = "f" * 64

# secret, number, rotation and retention in days, epoch, address, style
CASES = [
    (A, 4711, 7, 7, 2929, "user@example.com", "prvs"),
    (A, 4711, 7, 7, 2930, "user@example.com", "prvs"),
    (A, 4712, 7, 7, 2930, "user@example.com", "prvs"),
    (A, 4711, 7, 7, 2930, "User@EXAMPLE.com", "prvs"),
    (A, 4711, 7, 7, 2930, "user@example.com", "subaddress"),
    (A, 4711, 7, 7, 2930, '"user"@example.com', "prvs"),
    (A, 4711, 7, 7, 2930, '"Us\\er"@example.com', "prvs"),
    (A, 4711, 7, 7, 2930, '"two words"@example.com', "prvs"),
    (A, 4711, 7, 7, 2930, '"two words"@example.com', "subaddress"),
    (B, 1, 1, 1, 20500, "bounces+tag=x@lists.example.org", "prvs"),
    (B, 1, 1, 1, 20501, "o'brien/sales@[192.0.2.1]", "prvs"),
    (B, 999999, 30, 14, 683, "a@b", "prvs"),
    (C, 9, 366, 366, 56, "0123456789abcdef0123456789abcdef0123456789abcdef@example.com", "prvs"),
    (C, 10, 14, 30, 0, "first.epoch@example.net", "subaddress"),
    (C, 1234, 1, 7, 20991, "day.wraps@example.net", "prvs"),
]


def hkdf(ikm, info):
    """RFC 5869 with SHA-256, no salt, 32 bytes."""
    prk = hmac.new(bytes(32), ikm, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def canonical(address):
    """What is hashed: without quotes and backslashes, ASCII letters in lower case."""
    local, _, domain = address.rpartition("@")
    if local.startswith('"'):
        inner, plain = local[1:-1], ""
        while inner:
            if inner[0] == "\\":
                inner = inner[1:]
            plain, inner = plain + inner[0], inner[1:]
        local = plain
    return (local + "@" + domain).lower()


def tagged(address, tag, style):
    local, _, domain = address.rpartition("@")
    quote = '"' if local.startswith('"') else ""
    inner = local[1:-1] if quote else local
    inner = f"prvs={tag}={inner}" if style == "prvs" else f"{inner}+prvs={tag}"
    return f"{quote}{inner}{quote}@{domain}"


def vector(secret, number, rotation, retention, epoch, address, style):
    info = b"exim-batv key 1" + struct.pack(">Q", epoch)
    key = hkdf(bytes.fromhex(secret), info).hex()
    k = (epoch + number) % 10
    day = ((epoch + 1) * rotation * DAY + DAY + retention * DAY) // DAY % 1000
    head = f"{k}{day:03d}"
    mac = hmac.new(key.encode(), (head + canonical(address)).encode(), hashlib.sha1).hexdigest()
    fields = (secret, number, rotation * DAY, retention * DAY, epoch, key, k, f"{day:03d}", address,
              tagged(address, head + mac[:6], style))
    return "| " + " | ".join(f"`{f}`" for f in fields) + " |"


def table():
    names = ("secret", "number", "rotation", "retention", "n", "key", "K", "DDD", "address", "tagged")
    rows = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    return rows + [vector(*case) for case in CASES]


def main(args, table, about):
    """Print the table; with --check, say which of its rows docs/formats.md lacks."""
    if args == ["--check"]:
        with open(FORMATS, encoding="utf-8") as f:
            lines = f.read().splitlines()
        missing = [row for row in table() if row not in lines]
        for row in missing:
            print("not in docs/formats.md:", row, file=sys.stderr)
        return 1 if missing else 0
    if args:
        print(about, file=sys.stderr)
        return 2
    print("\n".join(table()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], table, __doc__))
