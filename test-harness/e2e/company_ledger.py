"""What the company sent, and what became of everything that came: the test's own book, which no log of ours is asked for."""

import re
from collections import Counter, defaultdict

from batv import OUR_LINE


class Sent:
    """One message of ours: id, the bare envelope sender, the address in From, recipients, the day.

    tags has the envelope sender that each recipient's server saw, data what it got; both come from the sink.
    """

    def __init__(self, message_id, kind, sender, author, rcpts, day):
        self.id, self.kind, self.sender, self.author, self.rcpts, self.day = message_id, kind, sender, author, list(rcpts), day
        self.tags, self.data = {}, b""

    def tag_for(self, rcpt):
        return self.tags.get(rcpt) or next(iter(self.tags.values()))

    @property
    def other(self):
        """Somebody elsewhere who got it."""
        return self.rcpts[0] if self.rcpts[0] in self.tags else next(iter(self.tags))

    @property
    def tag(self):
        return self.tag_for(None)


class Ledger:
    """All messages of ours by id; read() takes what a Sink saw into it."""

    def __init__(self):
        self.by_id = {}
        self._read = 0

    def note(self, *what):
        sent = Sent(*what)
        self.by_id[sent.id] = sent
        return sent

    def read(self, sink):
        for envelope in sink.messages[self._read:]:
            match = re.search(rb"(?im)^Message-ID:\s*<([^>]+)>", envelope.data)
            sent = self.by_id.get(match[1].decode("latin-1")) if match else None
            if sent:
                sent.data = envelope.data
                sent.tags.update({rcpt: envelope.sender for rcpt in envelope.recipients})
            self._read += 1

    def left(self, newest, oldest, *kinds):
        """What left signed in these days, of some kinds or all."""
        return [m for m in self.by_id.values() if oldest <= m.day <= newest and m.tags and (not kinds or m.kind in kinds)]


class Outcome:
    """What one server did with one message: the answer's code, and its decision line."""

    def __init__(self, server, group, kind, day, code, line, armed, text=""):
        self.server, self.group, self.kind, self.day = server, group, kind, day
        self.code, self.line, self.armed, self.text = code, line or {}, armed, text

    @property
    def action(self):
        return {2: self.line.get("action", "not judged"), 4: "defer"}.get(self.code // 100, "reject")

    def __repr__(self):
        return f"{self.server} day {self.day} {self.group}/{self.kind}: {self.code} {self.text} {self.line}"


class LogReader:
    """The decision lines of an Exim that came since the last look."""

    def __init__(self, exim):
        self.path, self.offset = exim.dir / "log" / "mainlog", 0

    def new(self):
        with open(self.path, errors="replace") as file:
            file.seek(self.offset)
            lines = file.readlines()
            self.offset = file.tell()
        return [dict(re.findall(r"([\w-]+)=(\S+)", re.sub(OUR_LINE, "", line)))
                for line in lines if re.match(OUR_LINE + "verdict=", line)]


GROUPS = ("legitimate", "backscatter", "attack")


def table(outcomes, servers):
    """What came, by group, kind, class, reason and action: lines of a Markdown table with a column for each server."""
    counts = defaultdict(Counter)
    for o in outcomes:
        key = o.group, o.kind, o.line.get("class", "-"), o.line.get("verdict", "-"), o.line.get("reason", "-"), o.action
        counts[key][o.server] += 1
    lines = [f"| what came | class | verdict | reason | action | {' | '.join(servers)} |",
             f"| --- | --- | --- | --- | --- | {' | '.join('--:' for _ in servers)} |"]
    for key in sorted(counts, key=lambda k: (GROUPS.index(k[0]), *k[1:])):
        cells = " | ".join(str(counts[key][s] or "") for s in servers)
        lines.append(f"| {key[0]}: {key[1]} | {' | '.join(key[2:])} | {cells} |")
    return lines
