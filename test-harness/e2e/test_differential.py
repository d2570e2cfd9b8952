"""exim-batv against second opinions, at random: a bounded sample in `make check`, N times as much with N.  SEED is by default the commit.

The search for evidence against Python's email package, over changed bounces (bounces.py): what a legal message cites must be found,
all of it; of an illegal one, what Python finds and we do not is counted.  State and secret against a second reader and writer of
them (formats.py).  Tags against Exim's own ${prvs} and ${prvscheck}.
"""

import json
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bounces
import formats
from batv import *
from lab import *

MESSAGES = Path(__file__).resolve().parent.parent / "unit"
TIMES = int(os.environ.get("N", "1"))
LEGAL, ILLEGAL = 100, 3             # messages; of the illegal ones, of each kind
KEPT = BUILD / "differential"       # messages that were searched wrongly


def seed():
    """Of the commit, so that a commit is always tested alike; SEED in the environment plays another's."""
    if "SEED" not in os.environ:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=MESSAGES, capture_output=True, text=True, check=False)
        os.environ["SEED"] = done.stdout.strip() or "0"     # from the tar
    print(f"SEED={os.environ['SEED']} N={TIMES}", flush=True)
    return os.environ["SEED"]


def evidence(path):
    """(ids, addresses, ids that are looked up) that batvctl explain finds, without a configuration."""
    done = subprocess.run([BUILD / "batvctl", "-c", "/nowhere/x.conf", "--json", "explain", path], capture_output=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    return ({e["id"][1:-1].encode() for e in answer["evidence"] if "id" in e},
            {e["address"].encode() for e in answer["evidence"] if "address" in e},
            {l["value"].encode() for l in answer["look_ups"] if l["kind"] == "id"})


class TestSearch:

    def setup(self):
        self.seed = seed()
        self.bases = [data for path in sorted(MESSAGES.glob("[em]*/*.eml"))
                      for data in [path.read_bytes()] if bounces.parse(data)]
        assert len(self.bases) > 150
        shutil.rmtree(KEPT, ignore_errors=True)

    def searched(self, cases):
        """Each case with what we find in it: cases are (number, message, ...)."""
        def one(case):
            path = self.lab.dir / f"{case[0]}.eml"
            path.write_bytes(case[1])
            try:
                return case, evidence(path)
            finally:
                path.unlink()
        with ThreadPoolExecutor(2) as pool:
            yield from pool.map(one, cases)

    def keep(self, name, message):
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / name).write_bytes(message)
        return KEPT / name

    def test_a_legal_message(self):
        """All that was planted, and all that Python finds."""
        rng = random.Random(f"{self.seed} legal")
        cases = []
        for i in range(LEGAL * TIMES):
            message, changes, ids, tags = bounces.legal(rng, rng.choice(self.bases))
            cases.append((i, message, changes, ids, tags))
        wanted, alone, missed, seen = 0, 0, [], Counter()
        for (i, message, changes, ids, tags), (our_ids, our_tags, asked) in self.searched(cases):
            known = changes and bounces.MIME_COMMENTS not in changes
            python = (bounces.mime_ids(message) | bounces.mime_tags(message)) if known else set()
            alone += len((ids | tags) - python) if known else 0
            wanted += len(ids | tags | python)
            seen.update(changes)
            lost = (ids | tags | python) - our_ids - our_tags
            if lost or (ids and not ids & asked):
                missed.append((self.keep(f"legal-{i}.eml", message), sorted(lost), sorted(changes)))
        print(f"legal: {len(cases)} messages, {wanted} ids and tags, {alone} of them not found by Python, "
              f"{len(missed)} messages searched wrongly; {dict(sorted(seen.items()))}", flush=True)
        assert len(seen) >= 18, "few kinds of changes"
        for path, lost, changes in missed:
            print(f"legal: {path}: not found: {lost}; {', '.join(changes)}", flush=True)
        assert not missed

    def test_an_illegal_message(self):
        """What Python finds; a miss is no failure, for no two readers agree about such a message."""
        rng = random.Random(f"{self.seed} illegal")
        cases = []
        for kind in bounces.ILLEGAL:
            for _ in range(ILLEGAL * TIMES):
                made = next(m for m in (bounces.illegal(rng, rng.choice(self.bases), kind) for _ in range(1000)) if m)
                cases.append((len(cases), made[0], kind, made[1]))
        found, ours, theirs = Counter(), Counter(), Counter()
        for (i, message, kind, ids), (our_ids, _, _) in self.searched(cases):
            try:
                python = bounces.mime_ids(message) & ids
            except Exception:       # it gives up over some of them
                python = set()
            found[kind] += len(ids & our_ids)
            ours[kind] += len(python - our_ids)
            theirs[kind] += len((ids & our_ids) - python)
            if python - our_ids:
                self.keep(f"illegal-{i}-{kind.replace(' ', '-')}.eml", message)
        for kind in bounces.ILLEGAL:
            print(f"illegal: {kind:32} {found[kind]:6} found; {theirs[kind]:6} of them by us alone; {ours[kind]:6} by Python alone", flush=True)
        print(f"illegal: {len(cases)} messages, {sum(found.values())} ids found, {sum(theirs.values())} of them by us alone; "
              f"{sum(ours.values())} by Python alone", flush=True)
        assert sum(found.values()) > len(cases) // 3


# -- state and secret


NOW = 1_900_000_000
ODD_TOKENS = ["", "-1", "0", "1", "9", "10", "999", "1000", "999999", "1000000", "65536", "4294967295", "4294967296", "18446744073709551615",
              "18446744073709551616", "253402300799", "253402300800", "x", "+1", "00", " 1", "1 ", "7d", "0s", "1w2d", "2d1w", "1d1d", "62d", "63d",
              "366d", "367d", "4096", "4095", "16777217", "128K", "f" * 64, "F" * 64, "0" * 64, "a" * 63, "shared", "retired=0", "retired=x",
              "revoked=1900000000", "on", "off", "auto", "reject-all", "prvs", "*", "default", "10%", "0.1234", "12.5%", "1e3", "\x7f", "\t"]


def random_secrets(rng, most=6):
    secrets = {}
    for _ in range(rng.randint(1, most)):
        start = NOW + rng.randint(-60, 30) * DAY + rng.choice([0, rng.randrange(DAY)])
        s = {"start": start, "rotation": rng.choice([DAY, 7 * DAY, 14 * DAY, 366 * DAY, rng.randint(4 * DAY, 20 * DAY)]),
             "retention": rng.choice([DAY, 7 * DAY, rng.randint(DAY, 30 * DAY)]), "hex": rng.randbytes(32).hex(),
             "retired": 0, "revoked": 0, "shared": rng.random() < 0.3}
        for flag in "retired", "revoked":
            if rng.random() < 0.2:
                s[flag] = start + rng.choice([0, 1, -DAY, rng.randint(-10, 40) * DAY])
        secrets[rng.choice([rng.randint(1, 999999), rng.randint(1, 20), 999999])] = s
    return secrets


def random_options(rng, named):
    def some_list(kind):
        items = {"domains": ["a.test", "*.b.test", "+local_domains", "!c.test"], "addresses": ["x@a.test", "*@b.test", "postmaster@*"],
                 "hosts": ["192.0.2.1", "198.51.100.0/24", "*.example", "!203.0.113.1"]}[kind]
        return " : ".join(rng.sample(items, rng.randint(0, 3)))
    kinds = {"domains": "domains", "inbound_domains": "domains", "unsigned_senders": "addresses", "unsigned_destinations": "addresses",
             "exempt_recipients": "addresses"}
    every = {**{name: some_list(kinds.get(name, "hosts")) for name in formats.LISTS}, **{name: rng.choice(["on", "off"]) for name in formats.SWITCHES},
             **{name: rng.choice(values) for name, values in formats.CHOICES.items()}, "grace": rng.choice(["0s", "7d", "1d12h", "366d", "1w1s"]),
             "flood_base": rng.choice(["1", "500", "2k", "100M"]), "flood_share": rng.choice(["0%", "0.1", "12.5%", "2", "10000%"]),
             "refusal_text": rng.choice(["No.", "x" * 400, "a  b ; c # d"])}
    chosen = {name: every[name] for name in rng.sample(sorted(every), rng.randint(0, len(every)))}
    if named:
        chosen["domains"] = every["domains"] or "d.test"
    return chosen


def damage(rng, text):
    """One word of one line, or a line, changed."""
    lines = text.split("\n")
    i = rng.randrange(1, len(lines) - 1)
    what = rng.randrange(6)
    if what == 0:
        del lines[i]
    elif what == 1:
        lines.insert(rng.randrange(1, len(lines) - 1), lines[i])
    elif what == 2:
        lines[i] = rng.choice(["", "key", "unknown 1", "policy default", "policy", "written", "legacy 1 f", "shared x", "# x", "secret", "end 0", "memory"])
    else:
        words = lines[i].split(" ")
        words[rng.randrange(len(words))] = rng.choice(ODD_TOKENS)
        lines[i] = " ".join(words)
    return "\n".join(lines)


class TestFormats:
    """Against the second reader and writer of formats.py."""

    def setup(self):
        self.seed = seed()
        self.lab.clock.set(NOW)
        self.batv = Batv(self.lab, start=False)
        self.ours = batv_exim(self.lab, self.batv, "* 127.0.0.2::9", start=False, local_domains="*.test", installation=None)

    def keys(self, when):
        """(the keys that batvctl derives from the secret file, None), or (None, its error)."""
        done = subprocess.run([BUILD / "batvctl", "-c", self.batv.conf_path, "--json", "keys", "--at", f"@{when}", "--show-secret"],
                              capture_output=True, text=True, timeout=30, check=False)       # it needs neither the clock nor the sandbox
        if done.returncode:
            return None, done.stderr
        found = [(k["secret"], k["epoch"], k["destroyed"], k["number"], int(k["day"]), k["key"],
                  (k["from"], k["until"]) if k["from"] is not None and k["from"] < k["until"] else None)
                 for k in json.loads(done.stdout)["keys"]]
        return sorted(found, key=str), json.loads(done.stdout)["fingerprint"]

    def test_a_secret(self):
        """What the second one writes is read alike: the same keys at any time; or both refuse it."""
        rng = random.Random(f"{self.seed} secret")
        read = refused = keys = 0
        for i in range(40 * TIMES):
            secrets = random_secrets(rng)
            data = formats.write_secret(rng, secrets, rng.randbytes(32).hex() if rng.random() < 0.5 else None)
            if i % 2:
                data = damage(rng, data.decode()).encode()
            self.lab.write(self.batv.state_dir / "secret", data.decode(), mode=0o600)
            when = NOW + rng.choice([0, rng.randint(-70, 60) * DAY + rng.randrange(DAY)])
            try:
                theirs = formats.read_secret(data)["secrets"]
                wanted = sorted([(n, e, d, k, day, text, (a, b) if a < b else None)
                                 for a, n, e, b, d, k, day, text in formats.keys_at(theirs, when)], key=str)
                wanted = None if len(wanted) > 64 else (wanted, formats.fingerprint(theirs))
            except formats.Refused:
                wanted = None
            found = self.keys(when)
            assert (found[0] is None) == (wanted is None), (data, found, wanted)
            assert wanted is None or found == wanted, (when, data, set(found[0]) ^ set(wanted[0]), found[1], wanted[1])
            read, refused, keys = read + bool(wanted), refused + (not wanted), keys + len(wanted[0] if wanted else [])
        print(f"secrets: {read} read alike, {keys} keys; {refused} refused by both", flush=True)
        assert read and keys        # how many of them differs from seed to seed

    def test_a_published_state(self):
        """The second one reads what batvd publishes: keys, fingerprint, sums, and the policies of the configuration."""
        rng = random.Random(f"{self.seed} published")
        secrets, memory = {4711: {"start": NOW - 20 * DAY, "rotation": 3 * DAY, "retention": 4 * DAY, "hex": rng.randbytes(32).hex(), "retired": 0,
                                  "revoked": 0, "shared": False}}, rng.randbytes(32).hex()
        self.lab.write(self.batv.state_dir / "secret", formats.write_secret(rng, secrets, memory).decode(), mode=0o600)
        self.batv.conf("domains = a.test\n", memory_capacity="1k")
        self.batv.start()
        for _ in range(3 * TIMES):
            policies = [("default", random_options(rng, False))] + [(f"p{i}", random_options(rng, True)) for i in range(rng.choice([0, 1, 3, 15]))]
            retention, evidence = rng.choice([15, 1, 62]), rng.choice([4096, 131072, 16777216])
            text = f"memory_capacity = 1k\nmemory_retention = {retention}d\nevidence_bytes = {evidence}\nkey_rotation = 3d\nkey_retention = 4d\n"
            text += f"automatic_senders = {rng.choice(['', '^(?i)bounce', 'a b  c'])}\n"
            for name, options in policies:
                text += f"[policy {name}]\n" if name != "default" else ""
                text += "".join(f"{k} = {v}\n" for k, v in rng.sample(sorted(options.items()), len(options)))
            fleet = rng.choice(["", "mail.example"])
            text = (f"fleet = {fleet}\nfleet_servers = localhost\n" if fleet else "") + text
            self.batv.set(text)
            data = (self.batv.state_dir / "state").read_bytes()
            state = formats.read_state(data)
            own = {"own_hosts", "inbound_domains", "trusted_hosts"} - set(policies[0][1])   # what the laboratory may add
            wanted = [(n, {k: formats.option(k, v) for k, v in o.items()}) for n, o in policies]
            wanted[0] = ("default", {"grace": 4 * DAY, **{k: v for k, v in state["policies"][0][1].items() if k in own}, **wanted[0][1]})
            for (name, ours), (other, theirs) in zip(formats.effective(state["policies"]), formats.effective(wanted)):
                assert name == other and ours == theirs, (name, {k: (ours[k], theirs[k]) for k in ours if ours[k] != theirs[k]})
            assert len(state["policies"]) == len(policies)
            assert sorted(state["key"]) == formats.keys_at(secrets, state["written"])
            assert (state["fingerprint"], state["memory_key"]) == (formats.fingerprint(secrets), memory)
            assert (state["memory_retention"], state["evidence_bytes"], state.get("fleet", "")) == (retention * DAY, evidence, fleet)
            assert state["config"] == formats.fnv64(self.batv.conf_path.read_bytes())
        self.batv.stop()
        print(f"published states: {3 * TIMES} read alike", flush=True)

    def state(self, rng, secrets):
        """A state in the second one's words: lines in another order, and none that need not be there."""
        keys = formats.keys_at(secrets, NOW)
        head = [f"written {NOW - 60}", f"serial {rng.randrange(2 ** 64)}", "config", f"fingerprint {formats.fingerprint(secrets)}", "memory",
                "key_rotation 7d", "key_retention 168h", "automatic_senders"]
        head += rng.choice([[], ["memory_retention 1w1d"], ["evidence_bytes 4096", "memory_key", "memory_before"], ["lost 0 0"], ["shared"], ["fleet mail-1.example", "shared"]])
        head += [f"key {n} {e} {k} {d:03d} {a} {b} {z} {text}" for a, n, e, b, z, k, d, text in keys]
        head += [f"legacy {NOW + rng.randint(-5, 5) * DAY} {rng.randbytes(rng.randint(1, 64)).hex()}" for _ in range(rng.choice([0, 1, 8]))]
        head += rng.choice([[], ["break * 5 0"], ["break default 5 6 because of this", "break * 1 2 "], ["override enforcement a.test observe 0"]])
        head += [f"{k} {v}".rstrip() for k, v in random_options(rng, False).items() if k not in ("signing", "tag_style", "unsigned_senders", "domains")]
        style = rng.choice(["prvs", "subaddress"])
        head += ["domains one.test", f"tag_style {style}"]
        rng.shuffle(head)
        off = rng.random() < 0.3
        named = ["domains two.test", f"signing {'off' if off else 'on'}"]
        rng.shuffle(named)
        lines = ["exim-batv state 1", *head, "policy two", *named, "policy three", "tag_style subaddress", "domains three.test : four.test"]
        return "\n".join(lines) + "\n", keys, style, off

    def expand(self, lines):
        answers = self.ours.exim("-be", input="".join(f"{line}\n" for line in lines)).stdout.splitlines()
        return [answer.removeprefix("> ") for answer in answers[:len(lines)]]

    def test_a_written_state(self):
        """Exim signs and verifies by a state that the second one wrote, as that one does itself; or both refuse it."""
        rng = random.Random(f"{self.seed} written")
        read = refused = tags = 0
        sign = f"${{dlfunc{{{self.ours.so}}}{{batv_sign}}{{user@%s}}{{}}{{{NOW}}}{{id}}}}"
        verify = f"${{dlfunc{{{self.ours.so}}}{{batv_verdict}}{{\\N%s\\N}}}}"
        for i in range(8 * TIMES):
            secrets = {n: s for n, s in random_secrets(rng, 3).items() if s["rotation"] > DAY}
            secrets[77] = {"start": NOW - 30 * DAY, "rotation": 7 * DAY, "retention": 7 * DAY, "hex": rng.randbytes(32).hex(), "retired": 0, "revoked": 0, "shared": False}
            text, keys, style, off = self.state(rng, secrets)
            if len(keys) > 64:
                continue
            if damaged := i % 2:
                text = damage(rng, text)
            self.lab.write(self.batv.state_dir / "state", formats.with_end(text.encode()).decode(), mode=0o640)
            try:
                formats.read_state(formats.with_end(text.encode()))
                good = True
            except formats.Refused as why:
                good, reason = False, why
            current = max(k for k in keys if k[0] <= NOW < k[3])
            asked = [rng.choice(keys) for _ in range(4)]
            made = [formats.make_tag(k, f"User.{j}@{d}", rng.choice(["prvs", "subaddress"]))
                    for j, (k, d) in enumerate(zip(asked, ("one.test", "two.test", "three.test", "four.test")))]
            answers = self.expand([sign % d for d in ("one.test", "two.test", "three.test", "five.test")] + [verify % a for a in made])
            if not good:
                assert not any("prvs=" in a for a in answers) and "valid" not in answers, (reason, text, answers)
                refused += 1
            elif not damaged:
                wanted = [formats.make_tag(current, "user@one.test", style), "user@two.test" if off else formats.make_tag(current, "user@two.test", style),
                          formats.make_tag(current, "user@three.test", "subaddress"), "user@five.test"]
                ours = [f"user@{d}" if a.startswith("Failed") else a for a, d in zip(answers[:4], ("one.test", "two.test", "three.test", "five.test"))]
                assert ours == wanted, (text, answers, wanted)
                assert answers[4:] == ["valid"] * 4, (text, made, answers)
                read, tags = read + 1, tags + 8
            else:
                assert any("prvs=" in a for a in answers) or "valid" in answers, (text, answers)
                read += 1
        print(f"written states: {read} read alike, {tags} tags; {refused} refused by both", flush=True)
        assert read and refused and tags

    # -- tags, against Exim's own ${prvs} and ${prvscheck}

    def odd_address(self, rng):
        """Words of any characters that a local part may have; some are too long, quoted, or not ASCII."""
        atext = "abcdefghijklmnopqrstuvwxyzABCDXYZ0123456789!#$%&'*+-/=?^_`{|}~"
        domain = ".".join("".join(rng.choices("abcxyzABC0123456789-", k=rng.randint(1, 9))).strip("-") or "x" for _ in range(rng.randint(1, 4)))
        kind = rng.randrange(8)
        if kind == 0:
            local = '"' + "".join(rng.choices("ab C.,@<>()[]:;", k=rng.randint(1, 20))) + rng.choice(["", '\\"', "\\\\", "\\a"]) + '"'
        elif kind == 1:
            local = "".join(rng.choices(atext, k=rng.randint(46, 66)))
        elif kind == 2:
            local = rng.choice(["gr\u00fcn", "\u65e5\u672c", "a\u0301"]) + rng.choice(["", "x"])
        elif kind == 3:
            local = rng.choice(["a..b", ".a", "a.", "prvs", "prvs=x", "a+prvs=1234", "=", "+", "a=b=c", "SRS0=a=b=c=d", "x" * 48, "x" * 49])
        else:
            local = ".".join("".join(rng.choices(atext, k=rng.randint(1, 12))) for _ in range(rng.randint(1, 4)))
        return f"{local}@{domain}.test".lower() if kind > 5 else f"{local}@{domain}.test"

    def changed(self, rng, address):
        """A tagged address with one character changed, moved or in the other case; or with nothing changed."""
        i = rng.choice([5, 6, 7, 8, *range(9, 15), rng.randrange(16, len(address))])
        c = address[i]
        if rng.random() < 0.1:
            return address
        if c in "@.":
            return address[:i - 1] + ("7" if address[i - 1] != "7" else "8") + address[i:]
        if rng.random() < 0.2:
            return address[:i] + c.swapcase() + address[i + 1:] if i < 15 else address
        return address[:i] + rng.choice([d for d in "0123456789abcdef" if d != c.lower()]) + address[i + 1:]

    def at(self, now):
        self.lab.clock.jump(now - self.lab.clock.now())

    def write_keys(self, now, key, legacy):
        """A state with one key, whose tags have the day that Exim's ${prvs} writes now."""
        day = (now // DAY + 7) % 1000
        lines = ["exim-batv state 1", f"written {now}", "serial 1", "config", "fingerprint", "memory", "key_rotation 7d", "key_retention 7d", "automatic_senders",
                 f"key 1 0 {key[0]} {day} {now - 10} {now + 8 * DAY} {now + 8 * DAY} {key[1]}", f"legacy {now + 2000 * DAY} {legacy.encode().hex()}",
                 "domains *.test"]
        self.lab.write(self.batv.state_dir / "state", formats.with_end(("\n".join(lines) + "\n").encode()).decode(), mode=0o640)

    @staticmethod
    def literal(text):
        return rf"\N{text}\N"

    def verdicts(self, addresses, secret):
        """[(is it valid for us?, and for ${prvscheck} with that secret?)]"""
        lines = [f"${{dlfunc{{{self.ours.so}}}{{batv_verdict}}{{{self.literal(a)}}}}}" for a in addresses]
        lines += [f"${{prvscheck{{{self.literal(a)}}}{{{secret}}}{{$prvscheck_result}}}}" for a in addresses]
        answers = self.expand(lines)
        return [(a == "valid", b == "1") for a, b in zip(answers[:len(addresses)], answers[len(addresses):])]

    def test_tags(self):
        """Ours are Exim's, for any address; and each accepts what the other makes, and nothing else."""
        rng = random.Random(f"{self.seed} tags")
        signed = unsigned = accepted = refused = case = old = quirks = 0
        for _ in range(3 * TIMES):
            day = rng.choice([22000, 23000, 25000]) + rng.choice([*range(-8, 9), rng.randrange(1000)])
            now, key, legacy = day * DAY + rng.randrange(DAY), (rng.randrange(10), rng.randbytes(32).hex()), "legacy" + rng.randbytes(4).hex()
            self.at(now)
            self.write_keys(now, key, legacy)
            addresses = [self.odd_address(rng) for _ in range(150)]
            plain = [formats.canonical(a) for a in addresses]
            answers = self.expand([f"${{dlfunc{{{self.ours.so}}}{{batv_sign}}{{{self.literal(a)}}}{{}}{{{now}}}{{id}}}}" for a in addresses] +
                                  [f"${{prvs{{{self.literal(a)}}}{{{key[1]}}}{{{key[0]}}}}}" for a in plain] +
                                  [f"${{prvs{{{self.literal(a)}}}{{{legacy}}}{{{key[0]}}}}}" for a in addresses])
            ours, theirs, olds = answers[:150], answers[150:300], answers[300:]
            tags = []
            for address, canon, our, their in zip(addresses, plain, ours, theirs):
                local = address.rpartition("@")[0]
                if our.startswith("Failed"):
                    unsigned += 1
                    inner = local[1:-1] if local[0] == '"' else local
                    assert len(local) > 48 or not local.isascii() or re.match(r'\\?[|/"\\#:]|(?i:prvs=|srs[01][=+-])|.*\+prvs=', inner) or \
                        '"' in local, (address, our)
                    continue
                assert our == formats.tagged(address, their[5:15], "prvs"), (address, our, their)
                signed += 1
                if address == canon and '"' not in address:
                    tags.append(our)
            tried = tags + [self.changed(rng, t) for t in tags * 2]
            for tag, (us, exim) in zip(tried, self.verdicts(tried, key[1])):
                upper = us and not exim and tag[9:15] != tag[9:15].lower()      # it knows hex digits in lower case only
                assert us == exim or upper, (tag, us, exim, now, key)
                accepted, refused, case = accepted + us, refused + (not us), case + upper
            # Exim's own tags, as an older system made them, while they grow old
            olds = [o for o, a in zip(olds, addresses) if a.isascii() and len(a.rpartition("@")[0]) <= 48 and '"' not in a and "\\" not in a]
            olds = olds[:20] + [self.changed(rng, o) for o in olds[:20]]
            for age in sorted(rng.sample([0, 1, 2, 6, 7, 8, 9, 100, 499, 500, 900, 992, 993, 994, 999, 1000, 1007], 3 if TIMES == 1 else 9)):
                self.at(now + age * DAY)
                for tag, (us, exim) in zip(olds, self.verdicts(olds, legacy)):
                    if us and not exim and tag[9:15] != tag[9:15].lower():
                        case += 1
                    elif us != exim:    # it accepts a day that is far ahead, and so one that is far back
                        assert exim and not us and (int(tag[6:9]) - (day + age)) % 1000 > 7, (tag, us, exim, day + age)
                        quirks += 1
                    old += 1
        self.at(NOW)
        print(f"tags: {signed} made alike, {unsigned} addresses not signed; {accepted} accepted, {refused} refused; "
              f"{old} of Exim's, of all ages, {quirks} of which Exim alone accepts, because their day is far ahead; we alone accept {case} with hex in upper case", flush=True)
        assert signed > unsigned and accepted > 40 and refused > 20 and old > 100


for cls in TestSearch, TestFormats:         # the watchdogs are for the sample
    for name, function in vars(cls).items():
        if name.startswith("test_"):
            function.timeout = 120 * TIMES
