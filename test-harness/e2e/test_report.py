"""batvctl report: from Exim's own log, and against a second counter on random and hostile lines."""

import bz2
import collections
import csv
import datetime
import gzip
import io
import lzma
import pty
import random
import select
import subprocess

from answers import *
from lab_base import resident
from test_remember import Sending

SEED = os.environ.get("SEED", "1")


class TestOwnLog:
    """A server that refuses: what Exim wrote is what the report says."""

    def setup(self):
        self.o = o = Sending(self.lab)
        self.sent = new_id()
        self.tag = o.tag_of(message_id=self.sent)
        o.ours.wait_log(r"=> measured@theirs.test ")
        with o.ours.smtp(STRANGER) as stranger:
            self.send(stranger, self.tag, 250)                  # a real bounce
            self.send(stranger, "alice@test", 250, self.sent)   # one that lost its tag, and cites what was sent
            self.send(stranger, "alice@test", 550)              # two forged ones
            self.send(stranger, "Alice@test", 550)
            self.send(stranger, self.forged(), 550)             # a tag of a live key with another MAC
        with o.ours.smtp("127.0.3.9") as other:
            self.send(other, "bob@test", 550)
        # Our mail goes to the sink, so the sink's host has mail of alice: a refusal from there is doubtful.
        with o.ours.smtp(o.sink.address) as friend:
            self.send(friend, "alice@test", 550)
        o.ours.wait_idle()

    def forged(self):
        at = self.tag.index("=", 5) - 6
        return self.tag[:at] + ("0" if self.tag[at] != "0" else "1") + self.tag[at + 1:]

    def send(self, session, rcpt, code, cited=None):
        result = session.send("", rcpt, bounce("alice@test", message_id=cited or new_id("none")))
        assert result.data.code == code, (rcpt, result)

    def test_what_was_refused(self):
        told = self.o.batv.json("report")
        figures = told["figures"]
        assert (figures["refused"], figures["ours_by_tag"], figures["ours_by_memory"], figures["would_be_refused"]) == (5, 1, 1, 0), told
        assert told["refused_verdicts"] == {"missing": 4, "expired": 0, "forged": 1}, told
        assert told["refused_recipients"]["top"] == [{"recipient": "alice@test", "count": 4},
                                                     {"recipient": "bob@test", "count": 1}], told
        hosts = {h["host"]: h["count"] for h in told["refused_hosts"]["top"]}
        assert hosts == collections.Counter([STRANGER] * 3 + ["127.0.3.9", self.o.sink.address]), hosts
        assert told["read"]["files"] == [str(self.o.log())] and told["read"]["not_understood"] == 0, told
        assert sum(d["signed"] for d in told["days"]) == 1, told["days"]

    def test_look_at_these(self):
        looks = self.o.batv.json("report")["look_at"]
        assert looks["count"] == 2, looks
        forged, mailed = looks["last"]
        assert (forged["why"], forged["recipient"], forged["mailed"]) == ("forged", self.forged(), None), forged
        assert (mailed["why"], mailed["recipient"], mailed["host"]) == ("mailed", "alice@test", self.o.sink.address), mailed
        assert mailed["mailed"] <= mailed["when"] and re.search(rf" {mailed['id']} batv: ", self.o.log().read_text()), mailed

    def test_the_page(self):
        page = self.o.batv.ctl("report").stdout
        day = datetime.date.fromisoformat(self.o.batv.json("report")["days"][-1]["day"])
        assert re.search(rf"^{day:%a} {day.day} +1 +2 +5 #+ +0$", page, re.M), page
        assert "Refused 5: missing 4, forged 1; from 3 hosts, for 2 addresses\n" in page, page
        assert "  most for  alice@test\u00a04 bob@test\u00a01\n" in page, page
        assert "Look at these 2 (refused, but perhaps real)\n" in page and "alice@test had sent mail to that host on" in page, page

    def test_csv_is_json(self):
        rows = list(csv.DictReader(io.StringIO(self.o.batv.ctl("report", "--csv").stdout)))
        days = self.o.batv.json("report")["days"]
        assert [{k: str(v) for k, v in day.items()} for day in days] == rows, (days, rows)

    def test_anonymous(self):
        told = self.o.batv.ctl("report", "--anonymous", "--json").stdout
        assert "alice" not in told and STRANGER not in told, told
        told = json.loads(told)
        assert told["refused_recipients"]["top"] == [{"recipient": "test", "count": 5}], told
        assert {h["host"] for h in told["refused_hosts"]["top"]} == {"127.0.0.0/24", "127.0.3.0/24"}, told
        page = self.o.batv.ctl("report", "--anonymous").stdout
        assert "alice" not in page and "for 1 domains" in page, page

    def test_times(self):
        assert self.o.batv.json("report", "--since", "1h")["figures"]["refused"] == 5
        assert self.o.batv.json("report", "--until", "1h")["figures"]["refused"] == 0
        for wrong in ("--since", "yesterday"), ("--until", "7"), ("--top", "0"), ("--top", "x"):
            done = self.o.batv.ctl("report", *wrong, check=False)
            assert done.returncode == 2 and wrong[0] in done.stderr and wrong[1] in done.stderr, done


# -- what it prints

def a_week():
    """The log of a week in which a spammer forged info@example.com, without any chance in it."""
    lines, number = [], 0

    def put(day, second, text):
        nonlocal number
        number += 1
        lines.append(f"2026-11-{day} {datetime.timedelta(seconds=second)!s:0>8} 1xMo{number % 100:02}-{number:011}-0aBc {text}")

    def decided(verdict, action, rcpt, host, reason="-"):
        return f"batv: verdict={verdict} action={action} mode=auto rcpt=<{rcpt}> class=dsn host=[{host}] key=- msgid=- reason={reason} policy=default"
    users = ["info@example.com"] * 12 + ["sales@example.com"] * 3 + ["alice@example.com", "bob@example.net", "office@example.net"]
    for day, refused, back, would in (20, 112, 30, 44), (21, 2204, 11, 0), (22, 1337, 17, 9), (23, 820, 41, 12), (24, 96, 38, 3), (25, 61, 35, 0), \
            (26, 240, 29, 21):
        put(day, 20, "<= alice@example.com U=alice P=local S=512")
        lines.append(lines[-1].split(" <= ")[0] + " => carol@theirs.example R=dnslookup T=remote_smtp H=mx.theirs.example [192.0.2.25]")
        for i in range(refused):
            put(day, 60 + i * 30, decided("missing", "reject", users[i * 7 % len(users)], f"203.0.113.{i * i % 241}"))
        for i in range(back):
            put(day, 70 + i * 600, decided("remembered" if i % 7 == 3 else "valid", "accept", users[i % 5 - 4], f"192.0.2.{i}"))
        for i in range(would):
            put(day, 80 + i * 700, decided("missing", "mark", "news@example.org", f"198.51.100.{i}", "not-armed"))
    put(21, 78840, decided("missing", "reject", "alice@example.com", "192.0.2.25"))
    put(24, 78842, decided("expired", "reject", "prvs=4321a1b2c3=bob@example.net", "192.0.2.77"))
    return "\n".join(sorted(lines)) + "\n"


def golden(name, text):
    """TEXT must be that of golden/NAME; GOLDEN=1 writes it."""
    path = TOP / "test-harness/e2e/golden" / name
    if os.environ.get("GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text, text


def masked(text):
    """TEXT without this host's name, and the time that it took."""
    host = os.uname().nodename
    text = re.sub(rf" +{re.escape(host)}$", "  HOST", text, count=1, flags=re.M)
    return re.sub(r" in \d+\.\d s", " in TIME", text)


def test_the_output(lab):
    log = lab.write(lab.dir / "mainlog", a_week())
    text = masked(report(lab, log, env={"LC_ALL": "C.UTF-8"}).stdout)
    golden("report.txt", text)
    golden("report-anonymous.txt", masked(report(lab, "--anonymous", "--top", "2", log, env={"LC_ALL": "C"}).stdout))
    # The README shows it, too.
    shown = text.replace("TIME", "0.0 s").replace("HOST", "mx1.example.com")
    readme = [line[4:] for line in (TOP / "README.md").read_text().splitlines() if line.startswith("    ")]
    assert not [line for line in shown.splitlines() if line.rstrip() and line.rstrip() not in readme], shown


class Terminal:
    """batvctl report with a terminal as its stderr, fed by the test until that shows something."""

    def __init__(self, fifo, *files, path=""):
        self.ours, theirs = pty.openpty()
        self.feed = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self.process = subprocess.Popen([BUILD / "batvctl", "-c", "/nonexistent", "report", *files], stdout=subprocess.PIPE, stderr=theirs,
                                        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"})
        os.close(theirs)
        self.told = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def feed_until(self, wanted, text):
        """Write TEXT again and again until the terminal shows WANTED."""
        def shown():
            ready, writable, _ = select.select([self.ours], [self.feed], [], 0)
            if ready:
                self.told += os.read(self.ours, 4096)
            if writable:
                os.write(self.feed, text[:4096])
            return re.search(wanted, self.told)
        wait_until(shown, timeout=60, what=lambda: f"{wanted} on the terminal, which has {self.told}")

    def end(self):
        os.close(self.feed)
        page, _ = self.process.communicate(timeout=60)
        while select.select([self.ours], [], [], 0)[0]:
            try:
                self.told += os.read(self.ours, 4096)
            except OSError:         # nobody has the other end any more
                break
        os.close(self.ours)
        assert self.process.returncode == 0, self.told
        return page.decode()


@timeout(120)
def test_progress(lab):
    """A bar if the sizes of the files are known, else megabytes; it is gone at the end; and none for what is no terminal."""
    line = (Writer(SEED).line("Completed") + "\n").encode()
    text = line * (4096 // len(line))
    fifo = lab.dir / "fifo\033[2J"
    os.mkfifo(fifo)
    with Terminal(fifo, fifo) as terminal:
        terminal.feed_until(rb"\r\d+ MB, \S*fifo\\x1b", text)
        page = terminal.end()
    assert terminal.told.endswith(b"\r\033[K") and b"\033[2J" not in terminal.told and " lines in " in page, (terminal.told, page)

    # A decompressor that has read half of its file, and then waits for the test.
    packed = lab.dir / "mainlog.gz"
    packed.write_bytes(b"\x1f\x8b" + bytes(998))
    gzip_path = lab.mkdir("bin") / "gzip"
    gzip_path.write_text(f"#!/bin/sh\ndd bs=500 count=1 of=/dev/null 2>/dev/null\nexec cat '{fifo}'\n")
    gzip_path.chmod(0o755)
    with Terminal(fifo, packed, path=gzip_path.parent) as terminal:
        terminal.feed_until(rb"\r 50 % #{15}\.{15} \S+mainlog\.gz", text)
        page = terminal.end()
    assert terminal.told.endswith(b"\r\033[K") and re.search(r", 1 file, 1\.0 kB, [\d,]+ lines in ", page), (terminal.told, page)
    assert report(lab, "-", input=text.decode()).stderr == ""


def test_memory_is_flat(lab):
    """Ten times the log takes no more memory."""
    writer = Writer(SEED)
    log = lab.write(lab.dir / "mainlog", "".join(writer.next() + "\n" for _ in range(50_000)))

    def size(times):
        return resident(BUILD / "batvctl", "-c", "/nonexistent", "report", *[log] * times)
    once, often = size(1), size(10)
    assert often < once + 3000 and often < 64 * 1024, (once, often)


# -- a second counter

IDS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DECISION = re.compile(r"(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d (?:[+-]\d{4} )?(?:\[\d+\] )?\w{6}-\w{11}-\w{4} batv: verdict=(\S+) "
                      r"action=(\S+) mode=\S+ rcpt=<(\S*)> class=\S+ host=\[?([^] ]*)\]? key=\S+ msgid=\S+ reason=(\S+) policy=\S+$")
UNREAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:[+-]\d{4} )?(?:\[\d+\] )?batv: flood=(?:host count=\d+ limit=\d+ action=deferred rcpt=<\S*>"
                    r"|rcpt count=\d+ limit=\d+ action=refused rcpt=<(\S*)>) host=\[(\S*)\] period=1h$")


class Writer:
    """Random lines as Exim writes them, with what strangers can put into them."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.clock = datetime.datetime(2026, 11, 20)

    def word(self, n):
        return "".join(self.r.choices(IDS, k=n))

    def line(self, text, with_id=True):
        self.clock += datetime.timedelta(seconds=self.r.choice((0, 1, 7)))
        zone, pid = self.r.choice(("", "", " +0100")), self.r.choice(("", "", " [4711]"))
        name = f" {self.word(6)}-{self.word(11)}-{self.word(4)}" if with_id else ""
        return f"{self.clock:%Y-%m-%d %H:%M:%S}{zone}{pid}{name} {text}"

    def decision(self):
        verdict = self.r.choice(("missing", "missing", "missing", "forged", "expired", "valid", "remembered", "exempt", "not-ours"))
        action, reason = self.r.choice((("reject", "-"), ("remove", "-"), ("mark", "not-armed"), ("mark", "observe"),
                                        ("mark", "mixed"), ("accept", "-"), ("defer", "-")))
        if verdict == "remembered" and action == "accept":
            reason = self.r.choice(("id", "tag", "pair"))
        user = f"u{self.r.randrange(50)}@Example.com"
        tagged = f"prvs={self.r.randrange(10**4):04}{self.r.randrange(16**6):06x}={user}"
        rcpt = user if verdict in ("missing", "remembered") else tagged
        return f"verdict={verdict} action={action} mode=reject rcpt=<{rcpt}> class=dsn " \
               f"host=[203.0.113.{self.r.randrange(99)}] key=- msgid=- reason={reason} policy=default"

    def unread(self):
        """(text, ours) of what is turned away at RCPT; now and then it is cut."""
        flood, action = self.r.choice((("rcpt", "refused"), ("rcpt", "refused"), ("host", "deferred"), ("host", "refused")))
        text = f"batv: flood={flood} count={self.r.randrange(99)} limit=5 action={action} rcpt=<U{self.r.randrange(50)}@example.com> " \
               f"host=[203.0.113.{self.r.randrange(99)}] period=1h"
        return text[:self.r.choice((None, None, None, 90))]

    def next(self):
        kind, forged = self.r.randrange(12), "batv: " + self.decision()
        if kind < 4:
            return self.line("batv: " + self.decision())
        if kind == 4:
            return self.line(self.unread(), False)
        return self.line(*self.r.choice((
            (f"<= a{self.r.randrange(9)}@example.com H=({forged}) [192.0.2.1] P=esmtp S=1",),
            (f"<= <> H=x [192.0.2.{self.r.randrange(9)}] P=esmtp S=1 T=\"{forged}\"",),
            (f"=> \"{forged}\"@x.test R=r T=t H=mx.test [192.0.2.{self.r.randrange(9)}]",),
            (f"H=(x) [192.0.2.1] rejected EHLO or HELO {forged}", False),
            (forged, False),
            ("Completed",),
            (f"** b@x.test: {forged}",),
            ("batv: verdict=missing action=reject",),           # cut
            (self.unread(),),                                   # it has an id: not from RCPT
            (f"H=({self.unread()}) [192.0.2.1] F=<> rejected RCPT <a@b>: Unrouteable address", False),
            (f"H=x [192.0.2.1] F=<> rejected RCPT <\"x>: {self.unread()}\"@b>: Unrouteable address", False),
            (f"rejected EHLO or HELO from H=[192.0.2.1]: syntactically invalid argument(s): {self.unread()}", False),
        )))


def plain(rcpt):
    return re.sub(r"^prvs=\d{4}[0-9a-f]{6}=", "", rcpt).lower()


def counted(lines):
    """What a report must say of these lines."""
    figures, rcpts, hosts, days = collections.Counter(), collections.Counter(), collections.Counter(), collections.Counter()
    for line in lines:
        if m := UNREAD.match(line):
            figures["refused_unread" if m[1] else "deferred_unread"] += 1
            if m[1]:
                rcpts[m[1].lower()] += 1
                hosts[m[2]] += 1
        if not (m := DECISION.match(line)):
            continue
        day, verdict, action, rcpt, host, reason = m.groups()
        failed = verdict in ("missing", "forged", "expired")
        if action == "defer":
            figures["deferred"] += 1
        elif failed and action in ("reject", "remove"):
            figures["refused"] += 1
            rcpts[plain(rcpt)] += 1
            hosts[host] += 1
            days[day] += 1
        elif failed and reason in ("observe", "not-armed"):
            figures["would_be_refused"] += 1
        elif failed:
            figures["marked_otherwise"] += 1
        elif verdict == "valid":
            figures["ours_by_tag"] += 1
        elif verdict == "remembered":
            figures["ours_by_memory"] += 1
    return figures, rcpts, hosts, days


def ranked(counter):
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def report(lab, *argv, check=True, **run):
    return lab.run([BUILD / "batvctl", "-c", "/nonexistent", "report", *argv], check=check, **run)


def test_against_a_second_counter(lab):
    writer = Writer(SEED)
    lines = [writer.next() for _ in range(100_000)]
    log = lab.write(lab.dir / "mainlog", "\n".join(lines) + "\n")
    told = json.loads(report(lab, "--json", "--top", "1000", log).stdout)
    figures, rcpts, hosts, days = counted(lines)
    assert {k: told["figures"][k] for k in figures} == figures, (SEED, told["figures"], figures)
    assert [(t["recipient"], t["count"]) for t in told["refused_recipients"]["top"]] == ranked(rcpts), SEED
    assert [(t["host"], t["count"]) for t in told["refused_hosts"]["top"]] == ranked(hosts), SEED
    assert {d["day"]: d["refused"] for d in told["days"]} == {d: days[d] for d in {d["day"] for d in told["days"]}}, SEED
    assert sum(d["refused"] for d in told["days"]) == figures["refused"], SEED
    assert told["read"]["lines"] == len(lines) and told["read"]["not_understood"] > 0, told["read"]


def test_files(lab):
    """Rotated and compressed files, in any order, are one log; a damaged one is said, and the rest is still counted."""
    writer = Writer(SEED)
    parts = ["".join(writer.next() + "\n" for _ in range(3000)) for _ in range(5)]
    whole = lab.write(lab.dir / "whole", "".join(parts))
    plain_files = [lab.write(lab.dir / f"mainlog.{i}", part) for i, part in enumerate(parts)]
    (lab.dir / "a.gz").write_bytes(gzip.compress(parts[0].encode()))
    (lab.dir / "b.xz").write_bytes(lzma.compress(parts[1].encode()))
    (lab.dir / "c.bz2").write_bytes(bz2.compress(parts[2].encode()))
    files = [plain_files[4], lab.dir / "c.bz2", lab.dir / "a.gz", plain_files[3], lab.dir / "b.xz"]
    subprocess.run(["zstd", "-q", plain_files[3], "-o", lab.dir / "d.zst"], check=True)
    files[3] = lab.dir / "d.zst"
    for file in lab.dir.glob("?.*"):
        file.chmod(0o644)
    one, many = (json.loads(report(lab, "--json", *f).stdout) for f in ([whole], files))
    assert many["read"]["files"][0].endswith("a.gz") and many["read"]["files"][-1].endswith("mainlog.4"), many["read"]
    for told in one, many:
        told.pop("read")
    assert one == many
    piped = json.loads(report(lab, "--json", "-", input=whole.read_text()).stdout)
    assert piped["figures"] == one["figures"]
    # A file that ends early: its rest is missing, that is said, and what could be read is counted.
    cut = lab.dir / "cut.gz"
    cut.write_bytes((lab.dir / "a.gz").read_bytes()[:-20000])
    cut.chmod(0o644)
    done = report(lab, "--json", cut, plain_files[1], check=False)
    assert done.returncode == 3 and f"{cut}: gzip could not read all of it" in done.stderr, done.stderr
    assert json.loads(done.stdout)["figures"]["refused"] > counted(parts[1].splitlines())[0]["refused"]
    done = report(lab, "/nonexistent/log", check=False)
    assert done.returncode == 3 and "/nonexistent/log: cannot open it" in done.stderr, done


def test_before_exim_batv(lab):
    """Logs without a line of ours say what it would meet."""
    lines, writer = [], Writer(SEED)
    for i in range(40):
        lines.append(writer.line("<= alice@example.com U=alice P=local S=300")), lines.append(
            lines[-1].split(" <= ")[0] + f" => x@theirs.test R=dnslookup T=remote_smtp H=mx.theirs.test [192.0.2.{i % 4}]")
    for i in range(30):
        arrived = writer.line(f"<= <> H=mx.x.test [192.0.2.{i % 8}] P=esmtp S=3000")
        lines += [arrived, arrived.split(" <= ")[0] + " => info <info@example.com> R=local_user T=maildir"]
    log = lab.write(lab.dir / "mainlog", "\n".join(lines) + "\n")
    told = json.loads(report(lab, "--json", log).stdout)
    strangers = sum(1 for i in range(30) if i % 8 >= 4)
    assert told["decisions"] == 0 and told["figures"]["bounces_from_outside"] == 30, told
    assert told["figures"]["bounces_from_strangers"] == strangers, told
    assert told["bounced_recipients"]["top"] == [{"recipient": "info@example.com", "count": 30}], told
    page = report(lab, log).stdout
    assert "No line of exim-batv is in these logs." in page and f"{strangers} of them from hosts" in page, page
