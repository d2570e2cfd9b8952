"""Memory, descriptors and CPU seconds of the soak's processes, and whether they grow."""

import os
import re
import resource
from collections import defaultdict
from pathlib import Path
from statistics import median

TICK = os.sysconf("SC_CLK_TCK")
SAMPLES = 5             # fewer say nothing about growth
KIB = 256               # how much a process may grow between the first and the last third of its life
DESCRIPTORS = 1


def gauge(pid):
    """(RSS, PSS, descriptors) of a process, in KiB; pages of the sent-mail memory, a file, are not counted."""
    sizes, counted = {"Rss": 0, "Pss": 0}, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if match := re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)", line):
            counted = not re.search(r"/memory(\.\d+)?( \(deleted\))?$", match[1])
        elif counted and (match := re.match(r"(Rss|Pss):\s+(\d+) kB", line)):
            sizes[match[1]] += int(match[2])
    return sizes["Rss"], sizes["Pss"], len(os.listdir(f"/proc/{pid}/fd"))


class Gauges:
    """A series for each process, sampled while nothing happens: (role, pid): [gauge, ...]."""

    def __init__(self):
        self.series = defaultdict(list)

    def sample(self, role, pid):
        self.series[role, pid].append(gauge(pid))

    def longest(self):
        """{role: series} of each role's process that lived longest."""
        chosen = {}
        for (role, _), series in self.series.items():
            if len(series) > len(chosen.get(role, ())):
                chosen[role] = series
        return chosen


def thirds(series):
    """Medians of the first and of the last third."""
    part = max(1, len(series) // 3)
    middle = lambda rows: tuple(median(column) for column in zip(*rows))
    return middle(series[:part]), middle(series[-part:])


def growth(series):
    """What grew, as a text; None if all is flat."""
    if len(series) < SAMPLES:
        return f"only {len(series)} samples"
    first, last = thirds(series)
    # PSS is only shown: it changes with what else on this machine uses the same libraries.
    limits = ("RSS", KIB), ("PSS", None), ("descriptors", DESCRIPTORS)
    grown = [f"{name} {a:g} to {b:g}" for (name, limit), a, b in zip(limits, first, last) if limit and b - a > limit]
    return ", ".join(grown) or None


def cpu_of(pid):
    """CPU seconds of a process and of all children that it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def cpu_of_children():
    """CPU seconds of all processes that we waited for, with theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_of_us():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
