"""A second reader and writer of state and secret, made from docs/formats.md and from nothing else.

It shares no code with exim-batv.  What one of the two writes, the other must read alike; what one refuses, the other must.
"""

import hashlib
import hmac
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from vectors import DAY, canonical, hkdf, tagged  # noqa: E402

TIME_MAX, AHEAD = 253402300799, 14 * DAY
PERIOD = (DAY, 366 * DAY)


class Refused(ValueError):
    """It is not in order, for this reason."""


def need(condition, why):
    if not condition:
        raise Refused(why)


def number(text, low, high):
    need(re.fullmatch("[0-9]+", text, re.A), f"not a number: {text!r}")
    need(low <= int(text) <= high, f"out of its bounds: {text}")
    return int(text)


def fnv64(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


# -- secret


def read_secret(data):
    """{"secrets": {number: {...}}, "memory": hex or None}"""
    need(data.endswith(b"\n"), "cut off within a line")
    need(len(data) <= 262144 and b"\0" not in data, "too long, or a NUL")
    lines = data.decode("latin-1").split("\n")[:-1]
    need(lines[0] == "exim-batv secret 1", "another version")
    secrets, memory, ended = {}, None, False
    for line in lines[1:]:
        words = [w for w in re.split("[ \t]+", line) if w]
        if not words or words[0].startswith("#"):
            continue
        need(not ended, "a line after the end")
        if words[0] == "secret":
            need(len(words) >= 6, "words are missing")
            s = {"start": number(words[2], 0, TIME_MAX), "rotation": number(words[3], *PERIOD),
                 "retention": number(words[4], *PERIOD), "hex": words[5].lower(), "retired": 0, "revoked": 0, "shared": False}
            need(re.fullmatch("[0-9a-f]{64}", s["hex"]) and int(s["hex"], 16), "not 32 bytes")
            for flag in words[6:]:
                name, equals, value = flag.partition("=")
                need(name in ("retired", "revoked", "shared") and bool(equals) == (name != "shared"), "an unknown flag")
                need(not s[name], "a flag is given twice")
                s[name] = number(value, 1, TIME_MAX) if equals else True
            key = number(words[1], 1, 999999)
            need(key not in secrets and len(secrets) < 1024, "the number is there already")
            secrets[key] = s
        elif words[0] == "memory":
            need(memory is None and len(words) == 2 and re.fullmatch("[0-9a-fA-F]{64}", words[1]) and int(words[1], 16), "memory")
            memory = words[1].lower()
        else:
            need(words[0] == "end" and len(words) == 2 and number(words[1], 0, 2 ** 64 - 1) == len(secrets), "the end line")
            ended = True
    need(secrets, "no secret")
    return {"secrets": secrets, "memory": memory}


def signing_at(secrets, when):
    """The number of the secret that signs; None."""
    of = [(s["start"], n) for n, s in secrets.items()
          if s["start"] <= when and not any(s[f] and s[f] <= when for f in ("retired", "revoked"))]
    return max(of)[1] if of else None


def stretches(secrets):
    """[(from, until, number)]: who signs when."""
    times = sorted({0} | {s[f] for s in secrets.values() for f in ("start", "retired", "revoked") if s[f]})
    return [(t, until, signing_at(secrets, t)) for t, until in zip(times, times[1:] + [2 ** 63 - 1])]


def keys_at(secrets, now):
    """The live keys: sorted [(from, secret, epoch, until, destroyed, K, DDD, text)]."""
    who, found = stretches(secrets), []
    for n, s in secrets.items():
        mine = [(a, b) for a, b, m in who if m == n]
        merged = []
        for a, b in mine:
            if merged and merged[-1][1] == a:
                merged[-1] = (merged[-1][0], b)
            else:
                merged.append((a, b))
        first = s["start"] // s["rotation"]
        for epoch in range(max(first, (now - DAY - s["retention"]) // s["rotation"] - 1), max(first, (now + AHEAD) // s["rotation"]) + 1):
            begin, end = epoch * s["rotation"], (epoch + 1) * s["rotation"]
            destroyed = end + DAY + s["retention"]
            if now >= destroyed or (s["revoked"] and now >= s["revoked"]) or (epoch != first and now < begin - AHEAD):
                continue
            if epoch != first and not is_made(s, merged, epoch):
                continue
            text = hkdf(bytes.fromhex(s["hex"]), b"exim-batv key 1" + epoch.to_bytes(8, "big")).hex()
            rest = (destroyed, (epoch + n) % 10, destroyed // DAY % 1000, text)
            times = [(max(a, begin), min(b, end)) for a, b in merged if max(a, begin) < min(b, end)] or [(begin, begin)]
            found += [(a, n, epoch, b, *rest) for a, b in times]
    return sorted(found)


def is_made(s, merged, epoch):
    """Does the key of an epoch after the first come into being?  Not if its secret stopped before the key's 14 days began."""
    if not merged or merged[0][0] != s["start"]:        # it never signed from its start on: its first key alone
        stop = s["retired"] if s["retired"] and s["retired"] <= s["start"] else s["start"]
        if epoch <= (stop + AHEAD) // s["rotation"]:
            return True
    for i, (a, b) in enumerate(merged):
        low = s["start"] // s["rotation"] if a == s["start"] else a // s["rotation"]
        if low <= epoch <= (b + AHEAD) // s["rotation"]:
            return True
    return False


def fingerprint(secrets):
    lines = ""
    for n, s in sorted(secrets.items()):
        if not s["retired"]:
            lines += f"secret {n} {s['start']} {s['rotation']} {s['retention']} {s['hex']}" + \
                     (f" revoked={s['revoked']}" if s["revoked"] else "") + "\n"
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def write_secret(rng, secrets, memory):
    """In any order, with comments, blanks, and digits in either case."""
    lines = []
    for n, s in secrets.items():
        flags = [f"{f}={s[f]}" for f in ("retired", "revoked") if s[f]] + ["shared"] * s["shared"]
        rng.shuffle(flags)
        text = rng.choice([s["hex"], s["hex"].upper()])
        lines.append(rng.choice([" ", "  ", "\t"]).join(map(str, ["secret", n, s["start"], s["rotation"], s["retention"], text, *flags])))
    if memory:
        lines.append(f"memory {memory}")
    lines += rng.choice([[], ["# a comment", ""], ["", "  "]])
    rng.shuffle(lines)
    if rng.random() < 0.7:
        lines.append(f"end {len(secrets)}")
    return ("exim-batv secret 1\n" + "".join(f"{l}\n" for l in lines)).encode()


# -- options


LISTS = ("domains", "unsigned_senders", "unsigned_destinations", "unsigned_hosts", "trusted_hosts", "inbound_domains", "exempt_hosts", "own_hosts",
         "exempt_recipients", "relay_in_hosts")
SWITCHES = ("signing", "exempt_authenticated", "exempt_acl", "mark_trusted_hosts", "result_header", "flood_refuse_at_rcpt")
UNPROVEN = {name: ("accept", "mark", "reject") for name in ("unproven_dsn", "unproven_mdn", "unproven_calendar", "unproven_report", "unproven_other")}
CHOICES = {"enforcement": ("auto", "observe", "reject"), "tag_style": ("prvs", "subaddress"), **UNPROVEN,
           "unproven_autoreply": ("accept", "mark", "reject", "reject-all")}
DEFAULTS = {
    "domains": "+local_domains", "signing": "on", "enforcement": "auto", "grace": "7d", "tag_style": "prvs", "unsigned_senders": "",
    "unsigned_destinations": "", "unsigned_hosts": "", "trusted_hosts": "+relay_from_hosts", "inbound_domains": "+local_domains : +relay_to_domains",
    "exempt_authenticated": "on", "exempt_acl": "on", "exempt_hosts": "", "own_hosts": "<; 127.0.0.0/8 ; ::1 ; @[]",
    "exempt_recipients": "postmaster@* : abuse@*", "relay_in_hosts": "", "mark_trusted_hosts": "on", "unproven_dsn": "reject",
    "unproven_mdn": "mark", "unproven_autoreply": "reject", "unproven_calendar": "mark", "unproven_report": "mark", "unproven_other": "mark",
    "flood_base": "500", "flood_share": "100%", "flood_refuse_at_rcpt": "off",
    "refusal_text": "This is a bounce of mail that was not sent from here: its sender address was forged. Our own mail leaves with a signed "
                    "return path (BATV), and bounces of it come back to that address.", "result_header": "on"}


def period(text, low, high):
    m = re.fullmatch("([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?", text, re.A)
    need(text and m, f"not a period: {text!r}")
    seconds = sum(int(part[:-1]) * unit for part, unit in zip(m.groups(), (7 * DAY, DAY, 3600, 60, 1)) if part)
    need(low <= seconds <= high, f"out of its bounds: {text}")
    return seconds


def count(text, low, high):
    m = re.fullmatch("([0-9]+)([kM]?)", text, re.A)
    need(m, f"not a count: {text!r}")
    return number(str(int(m[1]) * {"": 1, "k": 1000, "M": 1000000}[m[2]]), low, high)


def share(text):
    """In thousandths."""
    m = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?(%?)", text, re.A)
    need(m, f"not a share: {text!r}")
    digits = 1 if m[3] else 3
    need(len(m[2] or "") <= digits, "finer than a thousandth")
    return number(m[1] + (m[2] or "").ljust(digits, "0"), 0, 100000)


def option(name, text):
    """What a value means, so that two ways to write it compare as equal."""
    need(not any(ord(c) < 32 or ord(c) == 127 for c in text), "a control character")
    if name in LISTS:
        need("$" not in text, "a $")
        return text
    if name in SWITCHES:
        need(text in ("on", "off"), f"neither on nor off: {text!r}")
        return text
    if name in CHOICES:
        need(text in CHOICES[name], f"no choice: {text!r}")
        return text
    if name == "grace":
        return period(text, 0, 366 * DAY)
    if name == "flood_base":
        return count(text, 1, 100000000)
    if name == "flood_share":
        return share(text)
    need(1 <= len(text) <= 400 and "$" not in text and text.isascii(), "refusal_text")
    return text


# -- state


PLAIN = re.compile("[A-Za-z0-9._-]{0,64}")
NAME = re.compile("[A-Za-z0-9_-]{1,31}")
ONCE = ("written", "serial", "config", "fingerprint", "memory", "key_rotation", "key_retention", "automatic_senders")
MAYBE = ("memory_before", "memory_key", "memory_retention", "evidence_bytes", "lost", "shared", "fleet")


def read_word(name, value):
    """The value of a line that is there once."""
    if name == "written":
        return number(value, 0, TIME_MAX)
    if name == "serial":
        return number(value, 0, 2 ** 64 - 1)
    if name in ("config", "fingerprint", "memory", "memory_before"):
        need(PLAIN.fullmatch(value) and not value.startswith("."), f"no plain name: {value!r}")
    elif name in ("key_rotation", "key_retention"):
        return period(value, *PERIOD)
    elif name == "memory_retention":
        return period(value, DAY, 62 * DAY)
    elif name == "evidence_bytes":
        return number(value, 4096, 16777216)
    elif name == "memory_key":
        need(re.fullmatch("([0-9a-fA-F]{64})?", value), "the memory's key")
        return value.lower()
    elif name == "lost":
        words = value.split(" ")
        need(len(words) == 2, "lost")
        return number(words[0], 0, TIME_MAX), number(words[1], 0, 2 ** 32 - 1)
    elif name == "shared":
        need(value == "", "shared")
    elif name == "fleet":
        need(re.fullmatch("([A-Za-z0-9][A-Za-z0-9._-]{0,63})?", value), "fleet")
    return value


def read_key(value):
    words = value.split(" ")
    need(len(words) == 8 and re.fullmatch("[0-9a-f]{64}", words[7]), "a key")
    secret, epoch, k, day = (number(w, 0, high) for w, high in zip(words, (2 ** 32 - 1, 2 ** 64 - 1, 9, 999)))
    start, until, destroyed = (number(w, 0, TIME_MAX) for w in words[4:7])
    need(not (start < until and until > destroyed), "destroyed while it signs")
    return start, secret, epoch, until, destroyed, k, day, words[7]


def read_legacy(value):
    until, _, key = value.partition(" ")
    need(re.fullmatch("([0-9a-fA-F]{2}){1,64}", key), "a legacy key")
    return number(until, 0, TIME_MAX), key.lower()


def read_break(value):
    name, when, until, why = (value.split(" ", 3) + [""] * 3)[:4]
    need(NAME.fullmatch(name) or name == "*", "whose break?")
    return name, number(when, 0, TIME_MAX), number(until, 0, TIME_MAX), why


ITEMS = ("unsigned-destination", "unsigned-sender", "unsigned-host", "exempt-host", "exempt-recipient")


def read_override(value):
    words = value.split(" ")
    need(len(words) == 4, "an override")
    key, domain, what, until = words
    if key in ITEMS:
        need(re.fullmatch(r"(<;)?[^\x00-\x20\x7f$\\;!@+<][^\x00-\x20\x7f$\\;]*", domain) and what == "-", "an item of a list")
        return key, domain, what, number(until, 0, TIME_MAX)
    need(domain == "*" or re.fullmatch(r"[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_-]+)*", domain), "an override's domain")
    need((key == "enforcement" and what in CHOICES["enforcement"]) or (key == "anyway" and domain != "*" and what == "-") or
         (key == "signing" and domain == "*" and what == "off"), "what does it override?")
    return key, domain, what, number(until, 0, TIME_MAX)


def read_state(data):
    need(len(data) <= 65536, "too long")
    need(data.startswith(b"exim-batv state 1\n"), "another version")
    need(re.search(rb"\nend [0-9a-f]{16}\n\Z", data) and fnv64(data[:-21]) == data[-17:-1].decode(), "the checksum")
    need(b"\0" not in data, "a NUL")
    state = {"key": [], "legacy": [], "break": {}, "override": {}, "policies": [("default", {})]}
    for line in data[:-21].decode("latin-1").split("\n")[1:-1]:
        name, _, value = line.partition(" ")
        if name in ONCE + MAYBE:
            need(name not in state, f"{name} twice")
            state[name] = read_word(name, value)
        elif name in ("key", "legacy"):
            state[name].append({"key": read_key, "legacy": read_legacy}[name](value))
            need(len(state[name]) <= {"key": 64, "legacy": 8}[name], f"too many: {name}")
        elif name == "break":
            who, *rest = read_break(value)
            need(who not in state["break"] and len(state["break"]) < 17, "one break for each policy")
            state["break"][who] = rest
        elif name == "override":
            key, domain, *rest = read_override(value)
            need((key, domain) not in state["override"] and len(state["override"]) < 64, "the same override")
            state["override"][key, domain] = rest
        elif name == "policy":
            need(NAME.fullmatch(value) and value not in dict(state["policies"]) and len(state["policies"]) < 16, "a policy")
            need(len(state["policies"]) == 1 or "domains" in state["policies"][-1][1], "a policy without domains")
            state["policies"].append((value, {}))
        else:
            need(name in DEFAULTS and name not in state["policies"][-1][1], f"{name}: unknown, or twice")
            state["policies"][-1][1][name] = option(name, value)
    need(all(name in state for name in ONCE), "a keyword is missing")
    need(len(state["policies"]) == 1 or "domains" in state["policies"][-1][1], "a policy without domains")
    return state


def effective(policies):
    """Each policy's options, all of them."""
    first = {**{name: option(name, text) for name, text in DEFAULTS.items()}, **policies[0][1]}
    return [("default", first)] + [(name, {**first, **own}) for name, own in policies[1:]]


def with_end(text):
    return text + f"end {fnv64(text)}\n".encode()


def mac(key, head, address):
    return hmac.new(key, (head + canonical(address)).encode(), hashlib.sha1).hexdigest()[:6]


def make_tag(key, address, style="prvs"):
    """The tagged address, by a key of the state."""
    head = f"{key[5]}{key[6]:03d}"
    return tagged(address, head + mac(key[7].encode(), head, address), style)
