"""Numbers with their spread: medians, quartiles, intervals by bootstrap; and the table they go into."""

import math
import random
import statistics

RANDOM = random.Random(1)


def quartiles(values):
    """(first quartile, median, third quartile)"""
    if len(values) < 2:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def midmean(values):
    """The mean of the middle half: deaf to outliers, and steadier than the median."""
    ordered = sorted(values)
    cut = len(ordered) // 4
    middle = ordered[cut:len(ordered) - cut]
    return sum(middle) / len(middle)


def ratio_interval(above, below, resamples=1000):
    """(ratio, low, high): the ratio of costs measured in pairs, and its 95 % interval."""
    logs = [math.log(a / b) for a, b in zip(above, below)]
    if len(logs) < 4:
        return math.exp(midmean(logs)), 0.0, math.inf
    samples = sorted(midmean(RANDOM.choices(logs, k=len(logs))) for _ in range(resamples))
    low, high = samples[int(0.025 * resamples)], samples[int(0.975 * resamples) - 1]
    return math.exp(midmean(logs)), math.exp(low), math.exp(high)


class Table:
    """Lines of: what, result, spread, goal, met or not.  Printed as they come."""

    WIDTHS = 58, 12, 20, 10

    def __init__(self):
        self.missed = []
        self.row("what", "result", "spread", "goal", "")

    def title(self, text):
        print(f"\n{text}", flush=True)

    def row(self, what, result, spread="", goal="", met=""):
        cells = (what, result, spread, goal)
        line = "  ".join(f"{cell:{'<' if i == 0 else '>'}{width}}"
                         for i, (cell, width) in enumerate(zip(cells, self.WIDTHS)))
        print(f"{line}  {met}".rstrip(), flush=True)

    def judged(self, what, value, unit, spread, goal=None, measured=None):
        """A value with a goal that it may reach at most; MEASURED is what is held against it, if not VALUE."""
        measured = value if measured is None else measured
        met = "" if goal is None or spread.endswith("inf") else "met" if measured <= goal else "MISSED"
        if met == "MISSED":
            self.missed.append(what)
        digits = 3 if unit == "x" else 0 if value >= 1000 else 1 if value >= 10 else 2
        self.row(what, f"{value:.{digits}f} {unit}", spread, "" if goal is None else f"<= {goal:g} {unit}", met)

    def microseconds(self, what, values, goal=None):
        """Nanoseconds measured, shown as median and quartiles in microseconds."""
        low, middle, high = (v / 1000 for v in quartiles(values))
        self.judged(what, middle, "us", f"{low:.4g} .. {high:.4g}", goal)

    def ratio(self, what, above, below, goal=None):
        """A ratio measured in pairs: the goal is reached when its interval reaches it."""
        value, low, high = ratio_interval(above, below)
        self.judged(what, value, "x", f"{low:.3f} .. {high:.3f}", goal, measured=low)
