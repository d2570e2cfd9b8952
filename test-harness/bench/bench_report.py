"""What `batvctl report` costs on a large log: CPU seconds over those of grep, eximstats and zcat."""

import datetime
import os
import random
import re
import statistics
import subprocess
from pathlib import Path

from batv import BUILD, LabError
from lab_base import resident

ROUNDS = 5
CHUNK_MESSAGES = 20_000
IDS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Writer:
    """One day of a busy server, as Exim 4.97 writes it with Debian's log_selector."""

    def __init__(self, seed=1):
        self.r = random.Random(seed)
        self.seconds = 0.0
        self.lines = []

    def word(self, n):
        return "".join(self.r.choices(IDS, k=n))

    def put(self, text):
        self.lines.append(f"2026-11-20 {datetime.timedelta(seconds=int(self.seconds))!s:0>8} {text}\n")

    def host(self):
        return f"mail{self.r.randrange(900)}.theirs{self.r.randrange(4000)}.example [192.0.{self.r.randrange(4)}.{self.r.randrange(256)}]"

    def tls(self):
        return "P=esmtps X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=no"

    def incoming(self, name):
        user = f"user{self.r.randrange(3000)}@example.com"
        sender = f"bounce-{self.word(12)}@news{self.r.randrange(500)}.theirs.example" if self.r.random() < 0.3 else f"{self.word(7)}@theirs.example"
        self.put(f"{name} <= {sender} H={self.host()} {self.tls()} S={self.r.randrange(2000, 90000)} id={self.word(22)}@theirs.example")
        self.put(f"{name} => {user.split('@')[0]} <{user}> R=local_user T=maildir_home")
        self.put(f"{name} Completed")

    def outgoing(self, name):
        user = f"user{self.r.randrange(3000)}@example.com"
        self.put(f"{name} <= {user} H=(client) [198.51.100.{self.r.randrange(256)}] P=esmtpsa A=plain_server:{user} S=4711 id={self.word(22)}@example.com")
        self.put(f"{name} => {self.word(7)}@theirs.example R=dnslookup T=remote_smtp H={self.host()} "
                 f"X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=yes C=\"250 2.0.0 Ok: queued as {self.word(12)}\"")
        self.put(f"{name} Completed")

    def rejected(self, _):
        self.put(f"H={self.host()} F=<{self.word(8)}@spam.example> rejected RCPT <{self.word(6)}@example.com>: Unrouteable address")

    def connection(self, _):
        self.put(f"no host name found for IP address 203.0.113.{self.r.randrange(256)}")

    def bounce(self, name):
        user = self.r.choice(("info@example.com", f"user{self.r.randrange(3000)}@example.com"))
        self.put(f"{name} batv: verdict=missing action=reject mode=reject rcpt=<{user}> class=dsn host=[203.0.113.{self.r.randrange(256)}] key=- "
                 "msgid=- reason=- policy=default")
        self.put(f"{name} F=<> H={self.host()} P=esmtp rejected by local_scan(): 5.7.1 This is a bounce of mail that was not sent from here: "
                 "its sender address was forged.")

    def day(self, messages):
        kinds = (self.incoming, self.outgoing, self.rejected, self.connection, self.bounce)
        for _ in range(messages):
            self.seconds += 86000 / messages
            self.r.choices(kinds, (40, 20, 25, 10, 5))[0](f"{self.word(6)}-{self.word(11)}-{self.word(4)}")
        return "".join(self.lines).encode()


def write_log(path, size):
    """At least SIZE bytes: a day again and again, each time with other ids and the next date."""
    day, written, date = Writer().day(CHUNK_MESSAGES), 0, datetime.date(2026, 11, 20)
    ids = re.compile(rb"(?m)(?<=^.{20})(\w{6})(?=-\w{11}-\w{4} )")
    with open(path, "wb") as file:
        for i in range(1 << 20):
            new = ids.sub(lambda m: b"%02x" % (i % 256) + m[1][2:], day).replace(b"2026-11-20 ", f"{date + datetime.timedelta(i)} ".encode())
            written += file.write(new)
            if written >= size:
                return written
    raise LabError("a log without an end")


def cost(lab, *argv, **env):
    """CPU seconds of a command and its children."""
    with open(lab.dir / "output", "wb") as out:         # grep -c does not count for /dev/null
        process = subprocess.Popen([str(a) for a in argv], stdout=out, env={**os.environ, **env})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode > 1:
        raise LabError(f"{argv}: status {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def eximstats(lab):
    """Exim's own, of the source that `make exim` unpacked; its first line names no program before it is built."""
    source = (BUILD / "exim-4.96" / "src" / "src" / "eximstats.src").read_text("latin-1")
    path = lab.dir / "eximstats"
    path.write_text(source.partition("\n")[2], "latin-1")
    return ["perl", path]


def report(lab, table, short):
    size = 5_000_000 if short else 250_000_000
    log, packed = lab.dir / "mainlog", lab.dir / "mainlog.1.gz"
    write_log(log, size)
    with open(packed, "wb") as out:
        subprocess.run(["gzip", "-c", log], stdout=out, check=True)
    ours = [BUILD / "batvctl", "-c", "/nonexistent", "report"]
    runs = {
        "grep": (["grep", "-c", "batv:", log], {"LC_ALL": "C"}),
        "plain": ([*ours, log], {}),
        "page": ([*ours, "--html", lab.dir / "page.html", log], {}),
        "zcat": (["zcat", packed], {}),
        "packed": ([*ours, packed], {}),
        "eximstats": ([*eximstats(lab), "-nr", log], {}),
    }
    costs = {name: [] for name in runs}
    for _ in range(1 if short else ROUNDS):
        for name, (argv, env) in runs.items():
            costs[name].append(cost(lab, *argv, **env))
    middle = {name: statistics.median(values) for name, values in costs.items()}
    table.title(f"batvctl report on a log of {size // 1_000_000} MB, CPU, medians of {len(costs['grep'])}, in turns")
    for name in runs:
        table.row(f"CPU: {name}", f"{middle[name] * 1000:.0f} ms", f"{min(costs[name]) * 1000:.0f} .. {max(costs[name]) * 1000:.0f}")

    def judged(what, value, goal):
        table.judged(what, value, "x", "", None if short else goal)
    judged("report, over LC_ALL=C grep -c batv:", middle["plain"] / middle["grep"], 2)
    judged("report --html over the same", middle["page"] / middle["grep"], 3)
    judged("report over eximstats", middle["plain"] / middle["eximstats"], 1 / 25)
    judged("report of .gz over 1.1 zcat and the plain one", middle["packed"] / (1.1 * middle["zcat"] + middle["plain"]), 1)
    if not short:
        Path(packed).unlink()
        write_log(log, 1_000_000_000)
        table.judged("memory for a log of 1 GB", resident(*ours, log) / 1024, "MB", "", 64)
