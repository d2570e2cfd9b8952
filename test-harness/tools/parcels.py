#!/usr/bin/env python3
"""parcels.py - seal and open the parcels of a fleet, and print their test vectors of docs/formats.md.

This is an independent implementation, made from docs/formats.md with Python's hmac and hashlib; AES and GCM are
written out below.  It shares no code and no library with the C one, which test-harness/unit/test_parcel.c checks
against this table.  It is slow.

usage: parcels.py            print the table
       parcels.py --check    exit status 1 unless docs/formats.md has exactly this table
"""
import hashlib
import hmac
import struct
import sys

import vectors

CLEAR = struct.Struct("<3sB4sQQLLHHB3x")  # magic, version, check, host, sequence, incarnation, length, day, count, kind

MEMORY_KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
NAME = bytes(range(0xa0, 0xb4))

# memory key; host, incarnation, sequence, kind, day, count, until, floor; payload
CASES = [
    (MEMORY_KEY, 0x0123456789ABCDEF, 1, 1, 3, 0, 0, 1795824000123, 1 << 40 | 1, b""),
    (MEMORY_KEY, 0x0123456789ABCDEF, 1, 2, 1, 20785, 1, 1795824000456, 1 << 40 | 1, b"\x01" + NAME),
    (MEMORY_KEY, 0xFEDCBA9876543210, 0xFFFFFF, 0xFFFFFFFFFE, 1, 65535, 2, (1 << 63) - 1, 0xFFFFFF << 40,
     b"\x01" + NAME + b"\x02" + NAME[::-1]),
    (MEMORY_KEY, 1, 258, 772, 4, 0, 1, 0, 0, struct.pack("<QQQ", 0x0123456789ABCDEF, 1 << 40 | 3, 1 << 40 | 9)),
    ("f" * 64, 1, 258, 772, 10, 0, 0, 5, 6, struct.pack("<QQQ", 258 << 40 | 700, 257 << 40 | 9, 258 << 40)),
    ("f" * 64, 2, 3, 4, 2, 0, 0, 1, 2, b'{"version": "1"}'),
]


# ---- AES-256 and GCM: FIPS 197, NIST SP 800-38D ----

def _double(x):
    return (x << 1 ^ 0x11B if x & 0x80 else x << 1) & 0xFF


def _sbox():
    box, p, q = [0] * 256, 1, 1
    while True:
        p ^= _double(p)                       # p runs through all, times 3
        q ^= q << 1 & 0xFF
        q ^= q << 2 & 0xFF
        q ^= q << 4 & 0xFF
        if q & 0x80:
            q ^= 0x09                         # q is its inverse
        turned = [(q << n | q >> 8 - n) & 0xFF for n in range(5)]
        box[p] = turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


SBOX = _sbox()


def _round_keys(key):
    words, constant = [list(key[i:i + 4]) for i in range(0, 32, 4)], 1
    while len(words) < 60:
        word = list(words[-1])
        if len(words) % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _double(constant)
        elif len(words) % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def _mix(column):
    every = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [column[i] ^ every ^ _double(column[i] ^ column[(i + 1) % 4]) for i in range(4)]


def _block(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            state = sum((_mix(state[i:i + 4]) for i in range(0, 16, 4)), [])
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def _times(x, y):
    product = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            product ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def _ghash(h, data):
    y = 0
    for i in range(0, len(data), 16):
        y = _times(y ^ int.from_bytes(data[i:i + 16], "big"), h)
    return y


def _padded(data):
    return data + bytes(-len(data) % 16)


def _gcm(key, nonce, text, sealed, clear):
    """(the text the other way round, its tag); sealed is the encrypted one of both, or None if that is computed"""
    keys = _round_keys(key)
    stream = b"".join(_block(keys, nonce + struct.pack(">L", 2 + i)) for i in range((len(text) + 15) // 16))
    other = bytes(a ^ b for a, b in zip(text, stream))
    sealed = other if sealed is None else sealed
    lengths = struct.pack(">QQ", 8 * len(clear), 8 * len(sealed))
    h = int.from_bytes(_block(keys, bytes(16)), "big")
    tag = _ghash(h, _padded(clear) + _padded(sealed) + lengths)
    tag ^= int.from_bytes(_block(keys, nonce + b"\0\0\0\1"), "big")
    return other, tag.to_bytes(16, "big")


# ---- parcels ----

def hkdf(ikm, info):
    """RFC 5869 with SHA-256, no salt, 32 bytes."""
    prk = hmac.new(bytes(32), ikm, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def fleet_key(memory_key):
    return hkdf(memory_key, b"exim-batv fleet 1")


def _key_and_nonce(fleet, host, incarnation, sequence):
    return hkdf(fleet, b"exim-batv parcel 1" + struct.pack("<QL", host, incarnation)), struct.pack("<QL", sequence, 0)


def seal(fleet, host, incarnation, sequence, kind, day, count, until, floor, payload):
    check = hkdf(fleet, b"exim-batv parcel check 1")[:4]
    inner = struct.pack("<qQ", until, floor) + payload
    clear = CLEAR.pack(b"BVP", 1, check, host, sequence, incarnation, len(inner), day, count, kind)
    sealed, tag = _gcm(*_key_and_nonce(fleet, host, incarnation, sequence), inner, None, clear)
    return clear + sealed + tag


def unseal(fleet, parcel):
    """(host, incarnation, sequence, kind, day, count, until, floor, payload); ValueError: not genuine"""
    magic, version, _, host, sequence, incarnation, length, day, count, kind = CLEAR.unpack(parcel[:40])
    sealed, tag = parcel[40:-16], parcel[-16:]
    if magic != b"BVP" or version != 1 or length != len(sealed):
        raise ValueError("not a parcel")
    inner, real = _gcm(*_key_and_nonce(fleet, host, incarnation, sequence), sealed, sealed, parcel[:40])
    if not hmac.compare_digest(tag, real):
        raise ValueError("forged")
    return (host, incarnation, sequence, kind, day, count) + struct.unpack("<qQ", inner[:16]) + (inner[16:],)


def vector(memory_key, *fields):
    fleet = fleet_key(bytes.fromhex(memory_key))
    parcel = seal(fleet, *fields)
    assert unseal(fleet, parcel) == fields
    host, *numbers, payload = fields
    cells = [memory_key, fleet.hex(), f"{host:016x}", *numbers, payload.hex(), parcel.hex()]
    return "| " + " | ".join(f"`{c}`" if c != "" else "" for c in cells) + " |"


def table():
    names = ("memory key", "fleet key", "host", "incarnation", "sequence", "kind", "day", "count", "until", "floor",
             "payload", "parcel")
    rows = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    return rows + [vector(*case) for case in CASES]


if __name__ == "__main__":
    sys.exit(vectors.main(sys.argv[1:], table, __doc__))
