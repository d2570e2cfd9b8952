"""Mixed traffic at the machine's limit, and trouble: every message is accounted for, and no process grows.

`make check` plays a minute, `make soak` SOAK_MINUTES; the figures are in docs/reliability.md.
"""

import os
import random
import subprocess
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median, quantiles

from soak_gauges import SAMPLES, cpu_of_children, cpu_of_us, growth, thirds
from soak_ledger import Book, Due
from soak_trouble import *

MINUTES = float(os.environ.get("SOAK_MINUTES") or 1)
DRAIN_SECONDS = 420     # watchdogs; Postfix waits up to 300 seconds for an answer
ARM_SECONDS = 120
PUBLICATIONS = 90
TO_TAG = "ghost", "bounce", "bounce without structure", "out-of-office"        # kinds of mail that prove themselves
UNTAGGED = "bounce to the untagged address", "out-of-office to the untagged address"
# In an Exim without us, too: after a SIGHUP a child that was just forked has this socket still open.
EXIMS_OWN = "daemon_notifier_socket bind: Address already in use"
TROUBLE = "trouble=", "doubt=", "flood="        # lines of ours that must not be in Exim's log


def seed():
    """$SEED; else the commit's."""
    if os.environ.get("SEED"):
        return int(os.environ["SEED"])
    done = subprocess.run(["git", "-C", TOP, "rev-parse", "--short=8", "HEAD"], capture_output=True, text=True)
    return int(done.stdout, 16) if done.returncode == 0 else 1


class Play:
    """Turns of the Sites, one at a time, each until all its mail is accounted for."""

    def __init__(self, lab, sites, rng):
        self.lab, self.sites, self.random = lab, sites, rng
        self.counts = {site.name: Counter() for site in sites}
        self.lost = 0
        self.figures = defaultdict(list)        # (site, flood): (messages, seconds, CPU seconds of Exim, ours)

    def turn(self, site, seconds, rotations=0, crashes=False, during=lambda traffic: None, **traffic):
        book, before = site.book, self._meters(site)
        traffic = Traffic(site, self.random, **traffic)
        errands = Errands(site, traffic, self.random, seconds, rotations, crashes, self.counts[site.name])
        end = time.monotonic() + seconds
        traffic.start()
        try:
            during(traffic)
            while time.monotonic() < end and not traffic.over.wait(0.05):
                errands.run()
            traffic.end_sending()
            wait_until(lambda: errands.run() or not book.open or book.wrong, DRAIN_SECONDS, site.whereabouts)
        finally:
            traffic.end()
        self.lost += traffic.lost
        assert not book.wrong, "\n".join(book.wrong)
        self._quiet(site)
        assert not book.wrong, "\n".join(book.wrong)
        figures = [b - a for a, b in zip(before, self._meters(site))]
        for each in self.sites:
            each.sample()
        return figures

    @staticmethod
    def _meters(site):
        return site.book.finished(), time.monotonic(), cpu_of_children() + site.cpu(), cpu_of_us()

    def _quiet(self, site):
        """Nothing in the queue, no process of Exim but the daemons."""
        site.exim.wait_idle(60)
        assert site.mailboxes.read() == 0, "somebody got more mail after all was there"
        def quiet():
            self.lab.reap()
            return not self._at_work(site)
        wait_until(quiet, 60, lambda: f"the end of {self._at_work(site)}")

    def _at_work(self, site):
        """Processes of its Exim but the daemon: their CPU seconds would be missed."""
        mark, found = str(site.exim.config_path).encode(), []
        for pid in self.lab.processes():
            try:
                argv = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if mark in argv and pid != site.exim.daemon.pid:
                found.append(argv.replace(b"\0", b" ").decode())
        return found

    def opening(self, site):
        """Before a domain is armed, forged bounces are delivered and marked.  Valid bounces of the mix arm it."""
        def forge(traffic):
            for _ in range(10):
                traffic.forged()
        self.turn(site, 0.2, during=forge, armed=False, writers=0, strangers=0)
        def until_armed(_):
            wait_until(site.armed, ARM_SECONDS, f"{site.name}'s domains to be armed", 0.2)
        self.turn(site, 0.2, during=until_armed, armed=False)

    def rounds(self, minutes):
        """Each Site has its turn in every round, in another order; every second round has the flood."""
        end = time.monotonic() + 60 * minutes
        seconds = max(2.5, min(15, 60 * minutes / (4 * len(self.sites))))
        expected = max(2, int(60 * minutes / (1.5 * seconds * len(self.sites))))    # mail under way takes its time, too
        number, late = 0, 0                # rounds; late ones, in which batvd lives, so that its growth shows
        while time.monotonic() < end or not late:
            late += number > 0 and time.monotonic() > end - 30 * minutes
            for site in self.random.sample(self.sites, len(self.sites)):
                figures = self.turn(site, seconds, ROTATIONS / expected, crashes=not late, flood=number % 2 == 1,
                                    during=lambda _, site=site: new_memory(site) if late == 1 and site.ours else None)
                self.figures[site.name, number % 2 == 1].append(figures)
            number += 1
            if number % 10 == 0:
                print(f"soak: {number} rounds, {sum(s.book.finished() for s in self.sites)} messages", flush=True)

    def publications(self, site):
        """batvd at rest, but for so many publications: they must not make it grow."""
        for number in range(PUBLICATIONS):
            site.batv.reload()
            if number % 5 == 0:
                site.gauges.sample(f"{site.name}: batvd, {PUBLICATIONS} publications", site.batv.daemon.pid)


def verdicts(done):
    """{(verdict, action): how often}, by the book."""
    expected = Counter({("valid", "accept"): sum(done[f"{kind}: delivered"] for kind in TO_TAG),
                        ("remembered", "accept"): sum(done[f"{kind}: delivered"] for kind in UNTAGGED)})
    for verdict, kind in ("missing", "forged bounce"), ("forged", "forged tag"):
        expected += Counter({(verdict, "reject"): done[f"{kind}: refused"], (verdict, "mark"): done[f"{kind}: delivered"]})
    return +expected


def check_end(site):
    """No log complains; what the log and the counters say, through all crashes and changes, is what the book says."""
    panic = [line for line in site.exim.paniclog() if not line.endswith(EXIMS_OWN)]
    assert not panic, panic[-5:]
    bad, counted = [], Counter()
    with open(site.exim.dir / "log" / "mainlog", errors="replace") as log:
        for line in log:
            bad += [line] if any(is_our_line(line, word) for word in TROUBLE) else []
            if (judged := re.search(r"batv: verdict=(\S+) action=(reject|mark) ", line)) and is_our_line(line):
                counted[judged[1], judged[2]] += 1
    assert not bad, bad[-5:]
    expected = verdicts(site.book.done) if site.ours else Counter()
    assert counted == Counter({what: n for what, n in expected.items() if what[1] != "accept"}), (counted, expected)
    if site.ours:
        assert site.armed(), site.batv.status().stdout
        judged = site.batv.json("status")["counters"]["judged"]
        assert Counter({(v, a): n for v, row in judged.items() for a, n in row.items() if n}) == expected, (judged, expected)
        # The world answers to the untagged address, too, and status is right to say so.
        problems = [p for p in site.batv.problems() if "bounces prove that mail of" not in p]
        assert not problems, problems


def check_flat(site):
    for role, series in site.gauges.longest().items():
        (rss, pss, files), (rss2, pss2, files2) = thirds(series)
        print(f"soak: {role:40} {len(series):4} samples  RSS {rss:6.0f} to {rss2:6.0f} KiB  PSS {pss:6.0f} to {pss2:6.0f} KiB  "
              f"descriptors {files:.0f} to {files2:.0f}")
        assert len(series) < SAMPLES or not growth(series), f"{role} grows: {growth(series)}"


def table(play):
    """Messages a second, and CPU milliseconds of one, beside the same Exim without us in the same rounds."""
    yield "| Exim | traffic | turns | messages | a second | CPU for one | over without us | of the machine, Exim + harness |"
    yield "| --- | --- | --: | --: | --: | --: | --: | --: |"
    cores = os.cpu_count()
    for (name, flood), turns in sorted(play.figures.items()):
        cost = [cpu / n for n, _, cpu, _ in turns]
        other = play.figures.get((f"{name}-without", flood))
        ratio = "-"
        if other:
            ratios = sorted(a / (cpu / n) for a, (n, _, cpu, _) in zip(cost, other))
            low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
            ratio = f"{median(ratios):.2f} ({low:.2f} .. {high:.2f})"
        busy = [sum(t[i] for t in turns) / sum(t[1] for t in turns) / cores for i in (2, 3)]
        yield (f"| {name} | {'flood' if flood else 'mail'} | {len(turns)} | {sum(t[0] for t in turns)} | "
               f"{median(n / s for n, s, _, _ in turns):.1f} | {1e3 * median(cost):.1f} ms | {ratio} | "
               f"{100 * busy[0]:.0f} % + {100 * busy[1]:.0f} % |")


def test_the_harness_sees_what_is_wrong(lab):
    """Each kind of fault, put into the book and the gauges by hand."""
    head = lambda number, *more: b"\n".join((b"X-Soak: %d" % number, *more))

    def wrong(place="world", rcpt="x@y.test", sender="u1@a.test", number=1, headers=b"", times=1, **due):
        book = Book("book", None)
        book.note("one", "u1@a.test", ["x@y.test"], {("world", "x@y.test"): Due(**{"sender": "bare", **due})})
        for _ in range(times):
            book.came(place, rcpt, sender, head(number), headers)
        assert len(book.wrong) <= 1 and book.finished() == (place == "world" and rcpt == "x@y.test" and number == 1), book.wrong
        return book.wrong
    marked = b"X-BATV-Status: forged; action=mark; mode=observe"
    assert not wrong() and not wrong(status="forged; action=mark", headers=marked)
    assert wrong(sender="") and wrong(times=2) and wrong(rcpt="z@y.test") and wrong(place="mailbox") and wrong(number=2)
    assert wrong(sender="prvs=0000000000=u1@a.test") and wrong(headers=marked) and wrong(status="missing; action=mark", headers=marked)
    flat = [(1000 + n % 2, 500, 8) for n in range(30)]
    assert growth(flat) is None and growth(flat[:SAMPLES - 1])
    assert growth([(a + 20 * n, b, c) for n, (a, b, c) in enumerate(flat)]) == "RSS 1090.5 to 1490.5"
    assert growth([(a, b, c + n // 8) for n, (a, b, c) in enumerate(flat)]) == "descriptors 8 to 11"


@timeout(int(60 * MINUTES * 1.5) + 1200)
def test_mixed_traffic(lab):
    needs_root("Postfix")
    number = seed()
    print(f"soak: SEED={number} SOAK_MINUTES={MINUTES:g}", flush=True)
    sites = build_world(lab)
    play = Play(lab, sites, random.Random(number))
    for site in sites:
        if site.ours:
            play.opening(site)
    play.rounds(MINUTES)
    lines = list(table(play))
    for site in sites:
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(site.book.done.items()))
        print(f"soak: {site.name}: {site.book.finished()} messages accounted for: {kinds}; senders: {dict(site.book.senders)}; "
              f"errands: {dict(play.counts[site.name])}")
    print("\n".join(lines), flush=True)
    for site in sites:
        if site.ours:
            play.publications(site)
        check_flat(site)
        check_end(site)
