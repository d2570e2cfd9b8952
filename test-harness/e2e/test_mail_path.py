"""What stands between Exim and us, in every kind of trouble: the table of troubles, files and what becomes of mail.

One lab runs.  Each case breaks one thing, sends the same mail, compares all that happened with the row of the table, and puts
the thing back.  `make check` plays a sample that the commit chooses; MAIL_PATH=all plays all cases, MAIL_PATH=state:fifo those
whose name begins like that.  `make mail-path` plays all cases in every kind of installation.

The mail of a case, and what the table says of it:

    V, VA   a bounce to a tag that was made before the trouble, of a domain that refuses, and of one that armed itself
    B, BA   a bounce to an untagged address of these domains: backscatter
    R, K    an automatic reply that cites mail which was never sent, and one that cites mail of ours
    P, T    mail from a person, and mail from a person to an address with a forged tag
    O, OA   mail of ours for outside, of these domains
"""

import ctypes
import errno
import random
import socket
import stat
import struct
import subprocess
import time
from collections import Counter

from answers import *
from lab_base import LIBC, process_table

NOON = 1_900_000_000
YEAR = 365 * DAY
FORGED = "prvs=0123abcdef="
SAMPLE = {"state": 4, "memory": 4, "secret": 1, "configuration": 1, "overrides": 1, "observe": 1, "list": 2, "senders": 1,
          "directory": 1, "disk": 1, "limit": 1, "clock": 1}
CONFIG = """domains = test
own_hosts = 127.0.0.1
enforcement = reject
memory_capacity = 1k
""" + SHORT

# ---------------------------------------------------------------------------
# What becomes of mail
# ---------------------------------------------------------------------------

VALID, REFUSED, KNOWN = (250, "valid", "accept", "-"), (550, "missing", "reject", "-"), (250, "remembered", "accept", "id")
UNJUDGED = (250, "trouble", "accepted-unjudged", "-")


def marked(reason, verdict="missing"):
    return 250, verdict, "mark", reason


IN_ORDER = {"V": VALID, "VA": VALID, "B": REFUSED, "BA": REFUSED, "R": REFUSED, "K": KNOWN, "O": "signed", "OA": "signed"}
NO_STATE = {**dict.fromkeys(("V", "VA", "B", "BA", "R", "K"), UNJUDGED), "O": "trouble", "OA": "trouble"}
# A bounce comes to the tag; without a memory nothing else is refused, and no domain refuses by itself.
NO_MEMORY = {**IN_ORDER, "BA": marked("not-armed"), "R": marked("no-memory"), "K": marked("no-memory")}
# What leaves now is not remembered, so a reply to it must not be refused.
READ_ONLY = {**IN_ORDER, "R": marked("no-memory")}
OBSERVING = {**IN_ORDER, **dict.fromkeys(("B", "BA", "R"), marked("observe-file"))}
# An exemption cannot be looked up, so a recipient that failed may be exempt.
DOUBT = {**IN_ORDER, **dict.fromkeys(("B", "BA", "R"), marked("doubt")), "K": (250, "remembered", "accept", "doubt")}
DOUBT_OF_SENDERS = {**DOUBT, "O": "doubt", "OA": "doubt"}
# Tags of the lost secret look forged.
LOST_SECRET = {**IN_ORDER, "V": marked("lost-secret", "forged"), "VA": marked("not-armed", "forged"), "BA": marked("not-armed")}
# batvd makes keys for a time that is a year ahead: right tags look forged or expired, and are spared.
FOLLOWED = {**IN_ORDER, "V": {marked("lost-secret", "forged"), marked("lost-secret", "expired")},
            "VA": {marked("not-armed", "forged"), marked("not-armed", "expired")},
            "BA": marked("not-armed"), "R": marked("no-memory"), "K": marked("no-memory")}
OVERRIDE = {**IN_ORDER, "BA": marked("observe")}


# ---------------------------------------------------------------------------
# Troubles with a file
# ---------------------------------------------------------------------------

class Cut:
    """The file ends after so many bytes; GROWN: it has its size again, and zeros from there on."""

    def __init__(self, where, grown=False):
        self.where, self.grown = where, grown

    def __call__(self, site, path):
        size = path.stat().st_size
        os.truncate(path, self.where(path.read_bytes()))
        if self.grown:
            os.truncate(path, size)


def replaced(site, path):
    """The place is free; the content of the file."""
    data = path.read_bytes() if path.is_file() else b"x\n"
    path.unlink(missing_ok=True)
    return data


def directory(site, path):
    replaced(site, path)
    path.mkdir()


def fifo(site, path):
    replaced(site, path)
    os.mkfifo(path)


def unix_socket(site, path):
    replaced(site, path)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def device(number):
    def make(site, path):
        replaced(site, path)
        os.mknod(path, stat.S_IFCHR | 0o660, os.makedev(1, number))
    return make


def link(site, path):
    """To a good copy elsewhere."""
    copy = path.with_name(f"{path.name}.copy")
    path.rename(copy)
    path.symlink_to(copy)


def dangling(site, path):
    replaced(site, path)
    path.symlink_to(path.with_name("nowhere"))


def loop(site, path):
    replaced(site, path)
    path.symlink_to(path.name.removesuffix(".aside"))


def two_links(site, path):
    os.link(path, path.with_name(f"{path.name}.second"))


def huge(site, path):
    """A file of a terabyte, nearly all of it a hole."""
    os.truncate(path, 1 << 40)


def zeros(site, path):
    """As long as it was, and full of holes."""
    Cut(lambda data: 0, grown=True)(site, path)


def appended(site, path):
    with open(path, "ab") as file:
        file.write(bytes(4096))


def noise(site, path):
    path.write_bytes(site.random.randbytes(len(path.read_bytes())))


def flipped(site, path):
    """One bit: anywhere in a state, in a memory where the header's sum covers it."""
    data = bytearray(path.read_bytes())
    data[site.random.randrange(48 if path.name == "memory" else len(data))] ^= 1 << site.random.randrange(8)
    path.write_bytes(data)


def gone(site, path):
    path.unlink()


def mode(bits):
    def change(site, path):
        path.chmod(bits)
    return change


def foreign(site, path):
    os.chown(path, 1, 1)
    path.chmod(0o644)


def exchange(one, other):
    """Swap two names at once, whatever they are."""
    if LIBC.renameat2(-100, str(one).encode(), -100, str(other).encode(), 2):
        raise OSError(ctypes.get_errno(), "renameat2")


class Keep:
    """A trouble after which PATH is the sandbox user's, as if batvd's user had made it; at no moment is nothing there."""

    def __init__(self, make):
        self.make = make

    def __call__(self, site, path):
        aside = path.with_name(f"{path.name}.aside")
        if path.is_file():
            aside.write_bytes(path.read_bytes())
        self.make(site, aside)
        site.lab.own(aside)
        if path.exists():
            exchange(aside, path)
            site.remove(aside)
        else:
            aside.rename(path)


NOT_REGULAR = "it is not a regular file"
DAMAGED = "truncated or damaged"
SHAPES = {"directory": (Keep(directory), NOT_REGULAR), "fifo": (Keep(fifo), NOT_REGULAR), "socket": (Keep(unix_socket), NOT_REGULAR),
          "null": (Keep(device(3)), NOT_REGULAR), "zero": (Keep(device(5)), NOT_REGULAR),
          "link": (Keep(link), "it is a symbolic link"), "dangling": (Keep(dangling), "it is a symbolic link"),
          "loop": (Keep(loop), "it is a symbolic link"), "links": (two_links, "it has 2 links"), "gone": (gone, "no such file"),
          "unreadable": (mode(0), "Permission denied"), "foreign": (foreign, "owner is 1, the directory's is "),
          "world": (mode(0o666), "mode is 0666: others may write")}
CONTENTS = {"zeros": zeros, "appended": appended, "noise": noise, "flipped": flipped}


def lines_of(data, number):
    """Where the line of this number ends."""
    at = 0
    for _ in range(number):
        at = data.index(b"\n", at) + 1
    return at


STATE_CUTS = {"cut-0": lambda d: 0, "cut-1": lambda d: 1, "cut-word": lambda d: 16, "cut-head": lambda d: 18,
              "cut-head-end": lambda d: lines_of(d, 1), "cut-line": lambda d: lines_of(d, 4), "cut-in-line": lambda d: lines_of(d, 4) + 5,
              "cut-half": lambda d: len(d) // 2, "cut-end-line": lambda d: len(d) - 21, "cut-in-end": lambda d: len(d) - 9,
              "cut-newline": lambda d: len(d) - 1}


def section(number):
    """Where a section of the memory file begins: the directory is in the header page."""
    return lambda data: struct.unpack_from("=Q", data, 64 + 64 * number + 8)[0]


MEMORY_CUTS = {"0": lambda d: 0, "1": lambda d: 1, "in-head": lambda d: 100, "in-page": lambda d: 4000, "head": lambda d: 4096,
               "counters": lambda d: 5000, "domains": section(1), "in-domains": lambda d: section(1)(d) + 2048, "ids": section(2),
               "in-ids": lambda d: section(2)(d) + 64, "pairs": section(3), "tallies": section(4), "page": lambda d: len(d) - 4096,
               "last": lambda d: len(d) - 1}


# ---------------------------------------------------------------------------
# The site
# ---------------------------------------------------------------------------

CLONE_NEWNS = 0x20000


def mount(*argv):
    subprocess.run(["mount", *map(str, argv)], check=True, timeout=20)


class Case:
    """One row: APPLY(site) breaks something, EXPECT is what becomes of mail; a set has all that may.

    LOG is in the line of Exim's log that tells of it, STATUS in what batvctl status says first, BATVD in the one line that batvd
    says.  With RESTART, batvd meets the trouble while it runs, and at a start.  BEFORE (site) prepares it, OVER (site) ends it.
    A SLOW row is in no sample.
    """

    def __init__(self, name, apply, expect, log=None, status=None, batvd=None, restart=False, before=None, over=None, slow=False):
        self.name, self.apply, self.expect, self.log, self.status = name, apply, expect, log, status
        self.batvd, self.restart, self.before, self.over, self.slow = batvd, restart, before, over, slow

    @property
    def group(self):
        return self.name.partition(":")[0]


class Site(Ours):
    """Two domains of ours, one that refuses at once and one that armed itself; the memory is complete for both."""

    def setup(self):
        needs_root("devices, owners and mounts")
        if LIBC.unshare(CLONE_NEWNS):
            skip("no mount namespace: " + os.strerror(ctypes.get_errno()))
        mount("--make-rprivate", "/")
        self.random = random.Random(seed())
        self.disk = self.lab.mkdir("batv")
        mount("-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", self.disk)
        self.lab.clock.set(NOON)
        self.exempt, self.senders = self.lab.root_file("exempt", "nobody@test:\n"), self.lab.root_file("senders", "robot@test:\n")
        self.text = (f"{CONFIG}exempt_recipients = lsearch;{self.exempt}\nunsigned_senders = lsearch;{self.senders}\n"
                     "\n[policy auto]\ndomains = auto.test\nenforcement = auto\ngrace = 0s\n")
        self.batv = Batv(self.lab, conf=self.text)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, local_domains="test : auto.test",
                              options={"smtp_accept_queue_per_connection": "0", "smtp_accept_max_per_connection": "0"},
                              rcpt_last=f".ifdef _HAVE_DLFUNC\n.include {SNIPPETS}/acl-rcpt.conf\n.endif\n")
        self.functions = self.ours.installation.functions
        self._mature()
        self.batv.stop()
        self.offset, self.session = 0, None
        self._save()

    def _mature(self):
        senders = "alice@test", "alice@auto.test"
        for sender in senders:
            self.tag_of(sender)
        self.lab.clock.advance(3 * DAY + 60)
        for sender in senders:
            self.samples(sender)
        for user, network in zip(("alice", "bob", "carol"), NETWORKS):      # all the evidence that a domain needs
            tag = self.tag_of(f"{user}@auto.test")
            assert self.ours.inject("", tag, bounce(tag), network).data.code == 250
        self.known = new_id("known")
        self.tags = self.tag_of("alice@test", self.known), self.tag_of("alice@auto.test")
        self.batv.reload()
        wait_until(lambda: any(d["armed"] for d in self.batv.json("status")["domains"]), 15, "a domain to refuse")
        assert all(self.recall(domain)["complete"] for domain in ("test", "auto.test"))

    # -- what the cases break, and how it is put back

    def _save(self):
        self.state_dir = self.batv.state_dir
        self.saved = {path: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in
                      (*self.state_dir.iterdir(), self.batv.conf_path) if path.is_file()}

    def remove(self, path):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)

    def put_back(self):
        self.state_dir.chmod(0o750)
        self.lab.own(self.state_dir)
        for path in (*self.state_dir.iterdir(), *self.disk.glob("exim-batv.conf*"), *self.lab.root_directory().iterdir()):
            self.remove(path)
        for path, (data, bits) in self.saved.items():
            self.lab.write(path, data, mode=bits)
        for path, text in (self.exempt, "nobody@test:\n"), (self.senders, "robot@test:\n"):
            self.lab.root_file(path.name, text)

    # -- batvd, for what only it reads

    def start_batvd(self):
        """With the directory named: the configuration may be unreadable."""
        self.batv.told.clear()
        self.batv.daemon = self.lab.spawn("batv-batvd", [BUILD / "batvd", "-c", self.batv.conf_path, "-s", self.state_dir, "-d"],
                                          env=self.batv.env)
        wait_until(lambda: "READY=1" in self.batv.told, 15, "batvd to start")

    def look(self):
        """batvd has looked, whether it could publish or not."""
        self.batv.told.clear()
        self.batv.daemon.hup()
        wait_until(lambda: "READY=1" in self.batv.told, 15, "batvd to look")

    # -- mail

    def new_lines(self):
        """What Exim has logged since the last call."""
        with open(self.ours.dir / "log" / "mainlog", "rb") as log:
            log.seek(self.offset)
            data = log.read()
        whole = data.rfind(b"\n") + 1
        self.offset += whole
        self.lines += data[:whole].decode(errors="replace").splitlines()
        return data[:whole].decode(errors="replace").splitlines()

    def inward(self):
        """The session of a stranger that lives on through the cases: it holds what it has read."""
        if not self.session:
            self.session = self.ours.smtp("127.0.0.9")
        return self.session

    def close(self):
        if self.session:
            self.session.quit()
        self.session = None

    def messages(self):
        tag, auto = self.tags
        return {"V": (tag, bounce(tag)), "VA": (auto, bounce(auto)), "B": ("alice@test", bounce("alice@test")),
                "BA": ("alice@auto.test", bounce("alice@auto.test")),
                "R": ("alice@test", out_of_office("victim@theirs.test", In_Reply_To=f"<{new_id('forged')}>")),
                "K": ("alice@test", out_of_office("victim@theirs.test", In_Reply_To=f"<{self.known}>"))}

    def accepted(self, reply):
        match = re.search(rf"id=({MESSAGE_ID})", reply.text) if reply and reply.code == 250 else None
        if match:
            self.ids.append(match[1])
        return match and match[1]

    def receive(self):
        """Every automatic message in turn: {name: (code, verdict, action, reason)}."""
        seen = {}
        for name, (rcpt, message) in self.messages().items():
            self.new_lines()
            result = self.inward().send("", rcpt, message)
            assert [r.code for r in result.rcpts] == [250], (name, result)
            self.accepted(result.data)
            lines = [re.sub(OUR_LINE, "", line) for line in self.new_lines() if is_our_line(line)]
            assert len(lines) == 1, (name, result, lines)
            field = dict(re.findall(r"([\w-]+)=(\S+)", lines[0]))
            self.told.append(lines[0])
            seen[name] = (result.data.code, field.get("verdict", "trouble"), field.get("action"), field.get("reason", "-"))
        return seen

    def others(self):
        """Mail from people, and mail of ours: what left, by name."""
        with self.ours.smtp("127.0.0.9") as session:
            for rcpt in "alice@test", f"{FORGED}alice@test":
                result = session.send("bob@theirs.test", rcpt, make_message("bob@theirs.test", "alice@test"))
                assert self.accepted(result.data), (rcpt, result)
        left = {}
        with self.ours.smtp() as session:
            for name, sender in ("O", "alice@test"), ("OA", "alice@auto.test"):
                left[name] = mid = new_id("out")
                result = session.send(sender, "erin@theirs.test", make_message(sender, Message_ID=f"<{mid}>"))
                left[name] = sender, mid, self.accepted(result.data)
                assert left[name][2], (name, result)
        return left

    def delivered(self):
        """Every message that was accepted has come to its end."""
        waiting = set(self.ids)

        def done():
            for line in self.new_lines():
                match = re.search(rf" ({MESSAGE_ID}) Completed$", line)
                if match:
                    waiting.discard(match[1])
            return not waiting
        waiting -= {m[1] for line in self.lines if (m := re.search(rf" ({MESSAGE_ID}) Completed$", line))}
        wait_until(done, 30, lambda: f"the delivery of {waiting}")

    def how_it_left(self, sender, mid, exim_id):
        (envelope,) = [m for m in self.sink.messages if mid.encode() in m.data]
        lines = [re.sub(OUR_LINE, "", line) for line in self.lines if is_our_line(line) and f" {exim_id} " in line]
        self.told += lines
        if is_signed(envelope.sender, sender):
            assert lines == [], lines
            return "signed"
        assert envelope.sender == sender, envelope
        # a state that cannot be used says nothing where only reception signs
        assert len(lines) == 1 or (not lines and not self.functions), lines
        if not lines:
            return "trouble"
        assert "action=not-signed" in lines[0], lines
        return lines[0].partition("=")[0]

    def play(self):
        """The mail of a case: what became of it."""
        self.lines, self.told, self.ids = [], [], []
        seen = self.receive()
        left = self.others()
        self.delivered()
        seen.update({name: self.how_it_left(*what) for name, what in left.items()})
        assert self.ours.paniclog() == [] and self.ours.spool_ids() == []
        bad = [line for line in self.lines if re.search(r"crashed|signal|\*\*|==", line)]
        assert not bad, bad
        return seen

    def compare(self, case, seen):
        def is_right(name, got):
            want = case.expect[name]
            return got in want if isinstance(want, set) else got == want
        wrong = {name: (got, case.expect[name]) for name, got in seen.items() if not is_right(name, got)}
        assert not wrong, f"{case.name}: (what became of it, what should have): {wrong}; {self.told}"
        troubles = [line for line in self.told if line.startswith(("trouble=", "doubt="))]
        if case.log:
            assert troubles and all(re.search(case.log, line) for line in troubles), (case.name, case.log, troubles)
        if case.status:
            done = self.batv.status()
            page = done.stdout.partition("\n\n")[0]
            assert done.returncode == 1 and re.search(case.status, page), (case.name, case.status, page, done.stderr)

    def with_batvd(self, case):
        """It meets the trouble while it runs, and at a start."""
        told = []
        for starts in False, True:
            said = len(self.batv.log())
            if starts:
                self.batv.stop()
                self.start_batvd()
            else:
                self.start_batvd()
                case.apply(self)
                self.look()
            self.compare(case, self.play())
            told += [sum(re.search(case.batvd or "$^", line) is not None for line in self.batv.log()[said:])]
        # a start that has nothing to write does not notice a full disk
        assert not case.batvd or told in ([1, 1], [1, 0]), (case.name, case.batvd, told, self.batv.log())

    def run(self, case):
        try:
            if case.before:
                case.before(self)
            if case.restart:
                self.with_batvd(case)
            else:
                case.apply(self)
                self.compare(case, self.play())
        finally:
            self.batv.stop()
            if case.over:
                case.over(self)
            self.put_back()


def seed():
    """The commit, so that a sample can be played again; without git, always the same."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TOP, capture_output=True, text=True, timeout=20)
    return os.environ.get("SEED") or done.stdout.strip()[:12] or "none"


# ---------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------

def on(name, trouble):
    """TROUBLE with this file of the state directory."""
    return lambda site: trouble(site, site.state_dir / name)


def state_rows():
    rows = [Case(f"state:{name}", on("state", how), NO_STATE, f'error="{why}', why) for name, (how, why) in SHAPES.items()]
    rows += [Case(f"state:{name}", on("state", how), NO_STATE, f'error="{DAMAGED}"', DAMAGED) for name, how in CONTENTS.items()]
    rows += [Case(f"state:{name}", on("state", Cut(where)), NO_STATE, f'error="{DAMAGED}"', DAMAGED)
             for name, where in STATE_CUTS.items()]
    return [*rows, Case("state:huge", on("state", huge), NO_STATE, 'error="too long"', "too long"),
            Case("state:group", on("state", mode(0o660)), NO_STATE, "the group may write", "the group may write")]


def memory_rows():
    def row(name, how, why, expect=NO_MEMORY):
        return Case(f"memory:{name}", on("memory", how), expect, None, f"/memory: .*{why}")
    rows = [row(name, how, why) for name, (how, why) in SHAPES.items()]
    rows += [row(name, how, DAMAGED) for name, how in CONTENTS.items()]
    rows += [row("huge", huge, DAMAGED), row("read-only", mode(0o440), "cannot be written", READ_ONLY),
             row("not-for-the-group", mode(0o640), "cannot be written", IN_ORDER)]
    for name, where in MEMORY_CUTS.items():
        rows += [row(f"cut-{name}", Cut(where), DAMAGED), row(f"cut-{name}-and-grown", Cut(where, grown=True), DAMAGED)]
    return rows


IN_LINE = {"cut-in-line": Cut(lambda d: len(d) - 5)}


def secret_rows():
    """batvd has the keys, and goes on with them; what it published stays when it starts without any."""
    def row(name, how, why):
        return Case(f"secret:{name}", on("secret", how), IN_ORDER, None, f"/secret.*{why}", f"/secret.*{why}", restart=True)
    rows = [row(name, how, why) for name, (how, why) in SHAPES.items() if name != "gone"]
    rows += [row(name, how, "") for name, how in {**CONTENTS, **IN_LINE, "cut-0": Cut(lambda d: 0), "huge": huge}.items()
             if name != "flipped"]
    return [*rows, Case("secret:gone", on("secret", gone), LOST_SECRET, None, "was lost, and a new one was made", restart=True)]


def configuration_rows():
    """The last good one stays in force."""
    def on_it(how):
        return lambda site: how(site, site.batv.conf_path)

    def row(name, how, why):
        return Case(f"configuration:{name}", on_it(how), IN_ORDER, None, f"{why}.*the last good configuration stays in force",
                    f"{why}.*batvd keeps the last good configuration", restart=True)
    rows = [row(name, SHAPES[name][0], why) for name, why in {
        "directory": "expected a regular file", "fifo": "expected a regular file", "socket": "No such device or address",
        "null": "expected a regular file", "zero": "expected a regular file", "dangling": "No such file or directory",
        "loop": "Too many levels of symbolic links", "gone": "No such file or directory", "unreadable": "Permission denied",
        "world": "expected a file that others cannot write"}.items()]
    rows += [row(name, how, "") for name, how in {**CONTENTS, "huge": huge, "cut-in-line": Cut(
        lambda d: d.index(b"enforcement") + 16)}.items() if name != "flipped"]
    return rows + [Case(f"configuration:{name}", on_it(SHAPES[name][0]), IN_ORDER, restart=True)
                   for name in ("link", "links", "foreign")]


def override_rows():
    """The published ones stay in force."""
    def there(site):
        site.lab.write(site.state_dir / "overrides", "enforcement auto.test observe - root\n", mode=0o640)

    def row(name, how, why, expect=OVERRIDE):
        said = None if why is None else f"/overrides.*{why}"
        return Case(f"overrides:{name}", on("overrides", how), expect, None, said, said, restart=True, before=there)
    rows = [row(name, how, why) for name, (how, why) in SHAPES.items() if name != "gone"]
    rows += [row(name, how, "") for name, how in {**CONTENTS, **IN_LINE, "huge": huge}.items() if name != "flipped"]
    return rows + [row("gone", gone, None, IN_ORDER), row("cut-0", Cut(lambda d: 0), None, IN_ORDER)]


def observe_rows():
    """Whatever has that name says: observe."""
    def there(site):
        site.lab.write(site.state_dir / "observe", "")
    return [Case(f"observe:{name}", on("observe", how), OBSERVING, None, "observe exists: nothing is refused", before=there)
            for name, how in {"there": lambda site, path: None, **{k: v[0] for k, v in SHAPES.items() if k != "gone"},
                              "huge": huge}.items()]


def list_rows():
    """Nobody is signed, refused or exempt by a list that cannot be looked up."""
    rows = []
    for group, expect in ("list", DOUBT), ("senders", DOUBT_OF_SENDERS):
        def on_it(how, group=group):
            return lambda site: how(site, site.exempt if group == "list" else site.senders)
        troubles = {"directory": directory, "fifo": fifo, "socket": unix_socket, "null": device(3), "zero": device(5),
                    "link": link, "dangling": dangling, "loop": loop, "huge": huge,
                    **{name: SHAPES[name][0] for name in ("gone", "unreadable", "foreign", "world")}}
        rows += [Case(f"{group}:{name}", on_it(how), expect) for name, how in troubles.items()]
        rows += [Case(f"{group}:{name}", on_it(how), IN_ORDER) for name, how in {
            "links": two_links, "zeros": zeros, "noise": noise, "cut-0": Cut(lambda d: 0)}.items()]
    return rows


def directory_rows():
    """The directory itself."""
    def away(site):
        site.state_dir.rename(site.disk / "away")

    def back(site):
        if (site.disk / "away").exists():
            site.remove(site.state_dir)
            (site.disk / "away").rename(site.state_dir)

    def instead(make):
        def change(site):
            away(site)
            make(site, site.state_dir)
        return change

    def row(name, how, why, status):
        return Case(f"directory:{name}", how, NO_STATE, f'error="{why}', status, over=back)
    unsafe = "unsafe owner, mode", "must be a directory to which nobody but its owner may write"
    return [row("gone", away, "no such file", "the state directory is missing"),
            row("file", instead(lambda site, path: path.write_text("")), *unsafe), row("fifo", instead(fifo), *unsafe),
            row("link", instead(lambda site, path: path.symlink_to(site.disk / "away")), *unsafe),
            row("loop", instead(loop), *unsafe), row("dangling", instead(dangling), *unsafe),
            row("empty", instead(lambda site, path: site.lab.mkdir(path, mode=0o750)), "no such file", "batvd has not run yet"),
            *(Case(f"directory:{bits:o}", lambda site, bits=bits: site.state_dir.chmod(bits), NO_STATE, *unsafe)
              for bits in (0o777, 0o757, 0o770)),
            Case("directory:0", lambda site: site.state_dir.chmod(0), NO_STATE, "Permission denied",
                 "cannot open the state directory: Permission denied")]


def fill(site):
    with open(site.disk / "filler", "wb", buffering=0) as file:
        for size in 1 << 20, 4096, 1:
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def sparse(site, path):
    """A copy as `cp --sparse` makes it."""
    copy = path.with_name("sparse")
    subprocess.run(["cp", "--sparse=always", path, copy], check=True, timeout=20)
    site.lab.own(copy)
    copy.chmod(0o660)
    copy.rename(path)


def disk_rows():
    def emptied(site):
        (site.disk / "filler").unlink(missing_ok=True)

    def no_holes_filled(site):
        sparse(site, site.state_dir / "memory")
        fill(site)

    def read_only(site):
        site.close()

        def remounted():                    # a process that ends has pages mapped for writing
            return subprocess.run(["mount", "-o", "remount,ro", site.disk], capture_output=True, timeout=20).returncode == 0
        wait_until(remounted, 15, "nobody to write there")
    either = {name: {IN_ORDER[name], NO_MEMORY[name]} for name in IN_ORDER}
    return [Case("disk:full", fill, IN_ORDER, None, None, "cannot write the state: No space left on device", True, over=emptied),
            Case("disk:full-of-holes", no_holes_filled, either, over=emptied),
            Case("disk:read-only", read_only, READ_ONLY, None, "cannot be written",
                 over=lambda site: mount("-o", "remount,rw", site.disk))]


# What is refused to Exim's processes.

def children(site):
    return {pid for pid, (ppid, _, state) in process_table().items() if ppid == site.ours.daemon.pid and state != "Z"}


def limit(site, pid, option, value):
    """A soft limit of a process; Exim's user may set it, and root without CAP_SYS_RESOURCE may not."""
    site.lab.run(["prlimit", "--pid", pid, f"--{option}={value}:"])


def receive_within(site, option, more):
    """A real bounce and mail of ours, by a process that may have so much MORE than it has now: the codes; 0 is no answer."""
    for sender, rcpt, message, source in (("", site.tags[0], bounce(site.tags[0]), "127.0.0.9"),
                                          ("", site.tags[1], bounce(site.tags[1]), "127.0.0.9"),
                                          ("alice@test", "erin@theirs.test", make_message("alice@test"), "127.0.0.1")):
        before = children(site)
        session = site.ours.smtp(source)
        (pid,) = children(site) - before
        limit(site, pid, option, USED[option](pid) + more)
        try:
            reply = session.send(sender, rcpt, message).data
        except (OSError, ValueError):
            reply = None
        session.close()
        yield reply.code if reply else 0
        site.accepted(reply)


def descriptors(pid):
    return max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1


def mapped(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmSize:\s+(\d+)", status.read())[1]) << 10


USED = {"nofile": descriptors, "as": mapped}


def stacks_that_could_not_grow():
    """How often the kernel's log says so: a fault right below the stack pointer.  A limit on the address space is one on the stack, too."""
    log = subprocess.run(["dmesg"], capture_output=True, text=True, timeout=20, check=False).stdout
    faults = re.findall(r"segfault at ([0-9a-f]+) ip [0-9a-f]+ sp ([0-9a-f]+) error 6", log)
    return sum(0 <= int(sp, 16) - int(at, 16) <= 8192 for at, sp in faults)


def check_sweep(site, name, codes, sent=(), stacks=None):
    """All that was accepted is delivered, and nobody died of a signal but, with STACKS, as many as had no room for their stack since then."""
    def empty():                                # Exim itself freezes what it cannot deliver
        return not site.ours.spool_ids() or site.ours.exim("-qff", timeout=60) and not site.ours.spool_ids()
    wait_until(empty, 90, lambda: f"the delivery of {site.ours.spool_ids()}", 1)
    site.delivered()
    left = Counter(is_signed(m.sender, "alice@test") for m in site.sink.messages for mid in sent if mid.encode() in m.data)
    told = Counter(re.sub(r'.*(trouble|doubt)=(\S+) .*?(error="[^"]*"|$).*', r"\1=\2 \3", line) for line in site.lines
                   if is_our_line(line) and re.search("(trouble|doubt)=", line))
    print(f"mail path: {name}: replies {dict(codes)}; left signed {left[True]}, untagged {left[False]}; {dict(told)}")
    assert sum(left.values()) == len(sent), (left, len(sent))
    died = [line for line in site.lines + site.ours.paniclog() if re.search(r"crashed|terminated by signal|signal \d", line)]
    assert len(died) <= (stacks_that_could_not_grow() - stacks if stacks is not None else 0), died
    site.lab.write(site.ours.dir / "log" / "paniclog", "")      # Exim's own troubles


def receive_sweep(option, steps):
    """Under each of these limits mail comes, or Exim itself says later; no real bounce is refused."""
    def play(site):
        site.close()
        site.lines, site.ids = [], []
        site.new_lines()
        stacks = stacks_that_could_not_grow() if option == "as" else None
        codes = Counter(code for more in steps for code in receive_within(site, option, more))
        check_sweep(site, f"received with a limit, {option}", codes, stacks=stacks)
        assert codes[250] >= 3 and all(code < 500 for code in codes), codes
    return play


def deliver_sweep(option, values):
    """Mail of ours is delivered under each of these limits, or later.  Exim raises a soft limit, so it is a hard one."""
    def play(site):
        site.lines, site.ids, sent = [], [], {}
        site.new_lines()
        stacks = stacks_that_could_not_grow() if option == "as" else None
        for value in values:
            mid = new_id("limited")
            sent[mid] = site.ours.submit("alice@test", "erin@theirs.test", make_message("alice@test", Message_ID=f"<{mid}>"),
                                         mode="-odq")
            site.lab.run(["prlimit", f"--{option}={value}:{value}", site.ours.binary, "-C", site.ours.config_path, "-M", sent[mid]],
                         check=False, timeout=60)
        check_sweep(site, f"delivered with a limit, {option}", Counter(), sent, stacks)
    return play


def limit_rows():
    def no_large_files(site):
        site.close()
        assert (site.state_dir / "memory").stat().st_size > 8 << 20
        limit(site, site.ours.daemon.pid, "fsize", 8 << 20)

    def lifted(site):
        site.close()
        limit(site, site.ours.daemon.pid, "fsize", "unlimited")
    return [Case("limit:fsize", no_large_files, IN_ORDER, over=lifted),
            Case("limit:nofile", receive_sweep("nofile", range(10)), IN_ORDER, slow=True),
            Case("limit:as", receive_sweep("as", [0, *(4096 << n for n in range(12))]), IN_ORDER),
            Case("limit:nofile-delivery", deliver_sweep("nofile", range(7, 20)), IN_ORDER, slow=True),
            Case("limit:as-delivery", deliver_sweep("as", [n << 20 for n in range(8, 96, 4)]), IN_ORDER, slow=True)]


def clock_rows():
    def jump(seconds):
        def change(site):
            site.close()
            site.lab.clock.jump(seconds)
        return change

    def row(name, seconds, expect, log=None, status=None, **how):
        return Case(f"clock:{name}", jump(seconds), expect, log, status, over=lambda site: jump(-seconds)(site), **how)
    # keys have run out: nothing can be signed, and a tag that is not right may have been
    wrong_tag = {marked(reason, verdict) for reason in ("doubt", "not-armed") for verdict in ("expired", "forged")}
    no_key = {**dict.fromkeys(("V", "VA"), wrong_tag), **dict.fromkeys(("B", "R", "K"), marked("doubt")),
              "BA": {marked("doubt"), marked("not-armed")}, "O": "doubt", "OA": "doubt"}
    def runs(seconds):
        def change(site):
            site.start_batvd()
            jump(seconds)(site)
        return change

    def followed(name, seconds, expect):
        return Case(f"clock:{name}", runs(seconds), expect, None, "the clock jumped|published keys ran out|no key for this time",
                    over=lambda site: jump(-seconds)(site))
    return [followed("batvd-follows-ahead", YEAR, FOLLOWED), followed("batvd-follows-back", -YEAR, no_key),
            row("a-year-ahead", YEAR, no_key, "doubt=left:no-key", "has no key for this time"),
            row("a-year-back", -YEAR, NO_STATE, "written in the future", "written in the future")]


ROWS = [*state_rows(), *memory_rows(), *secret_rows(), *configuration_rows(), *override_rows(), *observe_rows(), *list_rows(),
        *directory_rows(), *disk_rows(), *limit_rows(), *clock_rows()]


class TestMailPath(Site):
    def chosen(self, group):
        rows = [row for row in ROWS if row.group == group]
        wish = os.environ.get("MAIL_PATH")
        if wish == "all":
            return rows
        if wish:
            return [row for row in rows if row.name.startswith(wish)]
        return random.Random(f"{seed()} {group}").sample([row for row in rows if not row.slow], SAMPLE[group])

    def play_group(self, group):
        rows, wrong, start = self.chosen(group), [], time.monotonic()
        for row in rows:
            try:
                self.run(row)
            except (AssertionError, OSError, TypeError, subprocess.SubprocessError) as error:
                wrong.append(f"{row.name}: {error}")
                self.close()
        print(f"mail path: seed {seed()}: {self.ours.installation.kind}, {group}: {len(rows)} cases, {len(wrong)} wrong, "
              f"{time.monotonic() - start:.1f} s: " + " ".join(row.name.partition(":")[2] for row in rows))
        assert not wrong, "\n".join(wrong)
        if rows:
            self.run(Case(f"{group}: in order again", lambda site: None, IN_ORDER))

    def test_in_order(self):
        self.run(Case("in order", lambda site: None, IN_ORDER))


def add_groups():
    for group in dict.fromkeys(row.group for row in ROWS):
        @timeout(3000)
        def play(self, group=group):
            self.play_group(group)
        setattr(TestMailPath, f"test_{group}", play)


add_groups()
