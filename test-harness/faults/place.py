"""A place where batvd and batvctl run to be hurt: a state directory in memory, and what can be known about its files.

A world is what a state directory holds: {name: File}.  It is put back in a millisecond, before each run.
"""

import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from lab_base import BUILD, LabError  # noqa: E402

PAGE = 4096
WATCHDOG = 60           # seconds; nothing takes one on a quiet machine
STARTED = "ready,"
MODES = {"secret": 0o600, "state": 0o640, "overrides": 0o640, "manifest": 0o640, "lock": 0o600, "batvd.lock": 0o600}


class File(NamedTuple):
    mode: int
    uid: int
    gid: int
    size: int
    pages: dict         # those that are not all zero: {number: bytes}

    @property
    def data(self):
        out = bytearray(self.size)
        for number, page in self.pages.items():
            out[number * PAGE:number * PAGE + len(page)] = page
        return bytes(out)


def read_file(path, pages_max=1 << 20):
    pages = {}
    with open(path, "rb") as file:
        st = os.fstat(file.fileno())
        number = 0
        while number < pages_max and (page := file.read(PAGE)):
            if page.count(0) != len(page):
                pages[number] = page
            number += 1
    return File(stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_size, pages)


def write_file(path, file):
    with open(path, "wb") as out:
        out.truncate(file.size)
        for number, page in file.pages.items():
            out.seek(number * PAGE)
            out.write(page)
        os.fchmod(out.fileno(), file.mode)
        if os.getuid() == 0:
            os.fchown(out.fileno(), file.uid, file.gid)


def small(file):
    """A file that is read whole: all but the memory."""
    return file.data if file else None


class Wrong(Exception):
    """A file that is not what docs/formats.md says."""


def fnv64(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


class State(NamedTuple):
    serial: int
    memory: str
    keys: dict          # {(secret, epoch): (the line's text, the time when it is destroyed)}
    lines: list
    lost: bool

    def has(self, line):
        return any(re.fullmatch(line, one) for one in self.lines)


def parse_state(data):
    text = data.decode()
    head, end, last = text.rpartition("\nend ")
    if not text.startswith("exim-batv state 1\n") or not end or last != fnv64((head + "\n").encode()) + "\n":
        raise Wrong("the state is torn")
    lines, keys = head.split("\n"), {}
    values = dict(line.split(" ", 1) for line in lines if re.match("(serial|memory) ", line))
    for line in lines:
        if line.startswith("key "):
            _, secret, epoch, digit, days, _, _, destroy, text = line.split(" ")
            if (secret, epoch) in keys:
                raise Wrong(f"the state has key {secret} {epoch} twice")
            keys[secret, epoch] = f"{digit} {days} {text}", int(destroy)
    return State(int(values["serial"]), values["memory"], keys, lines, any(line.startswith("lost ") for line in lines))


class Secret(NamedTuple):
    secrets: dict       # {number: (start, rotation, retention, hex)}
    flags: dict         # {number: [flag]}
    memory: str


def parse_secret(data):
    lines = data.decode().split("\n")
    if lines[0] != "exim-batv secret 1" or lines[-1] != "" or not lines[-2].startswith("end "):
        raise Wrong("the secret file is torn")
    secrets, flags, memory = {}, {}, ""
    for line in lines[1:-2]:
        word, *rest = line.split(" ")
        if word == "memory":
            memory = rest[0]
        elif int(rest[0]) in secrets:
            raise Wrong(f"the secret file has number {rest[0]} twice")
        else:
            secrets[int(rest[0])], flags[int(rest[0])] = tuple(rest[1:5]), rest[5:]
    if int(lines[-2].split(" ")[1]) != len(secrets) or not secrets:
        raise Wrong("the secret file's end line has another number")
    return Secret(secrets, flags, memory)


class Files:
    """What a world says."""

    def __init__(self, world):
        self.world = world
        self.state = parse_state(small(world["state"])) if "state" in world else None
        self.secret = parse_secret(small(world["secret"])) if "secret" in world else None
        self.overrides = small(world.get("overrides")) or b""

    def signs(self, number):
        """Does the state have a key of this secret?"""
        return self.state is not None and any(int(secret) == number for secret, _ in self.state.keys)


class Run(NamedTuple):
    """How a program ended."""
    code: object        # exit status, negative for a signal; None: it was ended by the watchdog
    out: str
    err: str


class Place:
    """One directory to work in; several do not disturb each other."""

    def __init__(self):
        above = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.dir = Path(tempfile.mkdtemp(prefix="batv-faults-", dir=above))
        self.dir.chmod(0o755)
        self.state = self.dir / "state"
        self.conf = self.dir / "exim-batv.conf"
        self.uid, self.gid = (5, 60) if os.getuid() == 0 else (os.getuid(), os.getgid())
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.dir / "notify"))
        (self.dir / "notify").chmod(0o777)
        self.notify.setblocking(False)
        self.running = []       # what must be ended

    def close(self):
        for process in self.running:
            self.end(process)
        self.notify.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    # -- files

    def write_conf(self, **settings):
        settings = {"directory": self.state, "exim": "none", "domains": "test", "memory_capacity": "1k", **settings}
        self.conf.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        self.conf.chmod(0o644)

    def restore(self, world):
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir()
        if os.getuid() == 0:
            os.chown(self.state, self.uid, self.gid)
        self.state.chmod(0o2750)
        for name, file in world.items():
            write_file(self.state / name, file)

    def world(self):
        return {name: read_file(self.state / name) for name in sorted(os.listdir(self.state))}

    def look(self):
        """The world as far as it is judged: of a memory file the first page alone."""
        return {name: read_file(self.state / name, 1 if "memory" in name else 100) for name in sorted(os.listdir(self.state))}

    # -- programs

    def start(self, argv, prefix=(), env=None, stdin=None, beside=""):
        """Start a program; its outputs go to files, which are others for one that runs BESIDE."""
        outs = [open(self.dir / (beside + name), "wb") for name in ("out", "err")]
        source = open(self.dir / "in", "wb+")
        source.write(stdin or b"")
        source.seek(0)
        process = subprocess.Popen([*map(str, prefix), *map(str, argv)], stdin=source, stdout=outs[0], stderr=outs[1],
                                   start_new_session=True, cwd="/",
                                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC",
                                        "NOTIFY_SOCKET": str(self.dir / "notify"), **(env or {})})
        for file in [*outs, source]:
            file.close()
        self.running.append(process)
        return process

    def text(self, name):
        return (self.dir / name).read_text(errors="replace")

    def tracee(self, process, traced):
        """The program's own process id; below strace it is the child that is not strace any more.  None: there is none."""
        if not traced:
            return process.pid
        try:
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                if Path(os.readlink(f"/proc/{child}/exe")).name != "strace":
                    return int(child)
        except OSError:
            pass
        return None

    def finish(self, process, seconds=WATCHDOG, traced=False):
        """Wait for the end; the exit status, or None if the watchdog had to end it."""
        deadline, code = time.monotonic() + seconds, None
        while code is None and time.monotonic() < deadline:
            self.drain()        # a batvd whose manager does not listen waits for that
            try:
                code = process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
        if code is None:
            self.end(process, traced)
        if process in self.running:
            self.running.remove(process)
        return code

    def end(self, process, traced=True):
        """Kill it, and the program below strace."""
        pid = self.tracee(process, traced) if process.poll() is None else None
        for one in {pid, process.pid} - {None}:
            try:
                if process.poll() is None:
                    os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()

    def run(self, argv, stdin=None, seconds=WATCHDOG, prefix=(), env=None):
        process = self.start(argv, prefix, env, stdin)
        code = self.finish(process, seconds, traced=bool(prefix))
        return Run(code, self.text("out"), self.text("err"))

    def ctl(self, *argv, stdin=None):
        """An unhurt batvctl, which must succeed."""
        done = self.run([BUILD / "batvctl", "-c", self.conf, *argv], stdin)
        if done.code != 0:
            raise LabError(f"batvctl {argv}: {done}")
        return done.out

    def drain(self):
        try:
            while self.notify.recv(4096):
                pass
        except BlockingIOError:
            pass

    def until_told(self, process, seconds, pattern, already=0, after=b"", beside=""):
        """Wait until batvd tells its manager READY, AFTER something, or logs such a line beyond those.

        False: it ended, or time is up.
        """
        deadline, told = time.monotonic() + seconds, b""
        while time.monotonic() < deadline:
            if select.select([self.notify], [], [], 0.01)[0]:
                told += self.notify.recv(4096) + b"\n"
                if after in told and b"READY=1" in told[told.index(after):]:
                    return True
            if process.poll() is not None:
                return False
            if self.count(pattern, beside) > already:
                return True
        return False

    def count(self, pattern, beside=""):
        """How many lines that begin so has batvd logged?"""
        return len(re.findall(f"(?m)^batvd: (?:{pattern})", self.text(beside + "err")))

    def daemon(self, prefix=(), env=None, beside=""):
        self.drain()
        return self.start([BUILD / "batvd", "-c", self.conf, "-f", "-d"], prefix, env, beside=beside)

    def unhurt_daemon(self):
        """Start batvd, wait until it is ready, and end it: what heals."""
        process = self.daemon()
        ready = self.until_told(process, WATCHDOG, STARTED)
        if ready:
            os.kill(process.pid, signal.SIGTERM)
        code = self.finish(process)
        if not ready or code != 0:
            raise LabError(f"an unhurt batvd: {'ready' if ready else 'not ready'}, status {code}: {self.text('err')}")
        return self.text("err")
