"""The search for evidence against Python's email package, over bounces that are changed at random (bounces.py).

What a legal message cites must be found, all of it.  Of an illegal one, what Python finds and we do not is counted.
N=20 makes twenty times as many messages as in `make check`; SEED is by default the commit.
"""

import json
import os
import random
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bounces
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
