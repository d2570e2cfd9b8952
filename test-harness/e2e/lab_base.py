"""The laboratory's ground floor: sandbox directory, processes, ports, clock, waiting, skipping.

Nothing here deals with mail.  These rules hold for the whole laboratory:

- every wait is bounded, and names what it waited for;
- all traffic stays on 127.0.0.0/8;
- a Lab ends the processes that it started, and those that they started, by process id;
- nothing is left behind, unless KEEP=1 is set.
"""

import ctypes
import os
import pwd
import grp
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = Path(os.environ.get("BUILD") or TOP / "build").resolve()
TOOLS = TOP / "test-harness" / "tools"
DAY = 86400

# Daemons orphan their children; as subreaper we inherit those and can end them by id.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent():
    """Get a SIGTERM when the process that started us dies, however it dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class LabError(AssertionError):
    """Something in the laboratory did not go as the test says; fails the test."""


class Skip(Exception):
    """The test can't run here; the text says why."""


def skip(reason):
    """End this test as skipped."""
    raise Skip(reason)


def needs_root(what):
    """Skip the test unless it runs as root; WHAT is what needs it."""
    if os.getuid() != 0:
        skip(f"{what} needs root")


def wait_until(condition, timeout=10, what="the condition", interval=0.02):
    """Call CONDITION until it gives something true, which is returned; fail after TIMEOUT seconds.

    WHAT names what is waited for: a text, or a function that gives one at the time of failure.  Where all programs are slow
    (lab_valgrind.py), `patience` multiplies the seconds.
    """
    timeout *= wait_until.patience
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise LabError(f"waited {timeout:g} s for {what() if callable(what) else what}, in vain")
        time.sleep(interval)


wait_until.patience = 1


def resident(*argv):
    """The most memory that a command had at a time, in KB; its output is thrown away.

    A small process starts it: the size of the one that forks counts as the new one's.
    """
    starter = "import os, sys; pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=" \
              "[(os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0)]); _, status, usage = os.wait4(pid, 0); " \
              "print(usage.ru_maxrss); sys.exit(status != 0)"
    done = subprocess.run([sys.executable, "-IS", "-c", starter, *map(str, argv)], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def tool(*argv, timeout=900):
    """Run one of test-harness/tools; fail with what it says."""
    done = subprocess.run([TOOLS / argv[0], *map(str, argv[1:])], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    if done.returncode:
        raise LabError(done.stdout.strip() or f"{argv[0]} failed")


def tail(path, lines=15):
    """The last lines of a file, or nothing when there is no such file."""
    try:
        return Path(path).read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


# ---------------------------------------------------------------------------
# Processes
# ---------------------------------------------------------------------------

def process_table():
    """All processes: {pid: (ppid, session, state)}."""
    table = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text(errors="replace")
            except OSError:
                continue
            state, ppid, _, session = stat.rpartition(")")[2].split()[:4]
            table[int(entry)] = int(ppid), int(session), state
    return table


def descendants(table, roots):
    """The pids below ROOTS in a process table."""
    found, grew = set(), True
    while grew:
        grew = False
        for pid, (ppid, _, _) in table.items():
            if pid not in found and (ppid in roots or ppid in found):
                found.add(pid)
                grew = True
    return found


class Daemon:
    """A process that the laboratory started, in a session of its own."""

    def __init__(self, lab, name, popen, output):
        self.lab, self.name, self.popen, self.output_path = lab, name, popen, output
        self.pid = popen.pid

    def alive(self):
        return self.popen.poll() is None

    def output(self):
        """What it wrote to standard output and error."""
        return self.output_path.read_text(errors="replace")

    def signal(self, number):
        """Send a signal; the process must be alive."""
        if not self.alive():
            raise LabError(f"{self.name} ended by itself, status {self.popen.returncode}: {self.output()[-500:]}")
        os.kill(self.pid, number)

    def hup(self):
        self.signal(signal.SIGHUP)

    def wait(self, timeout=10):
        """Wait for its end; give its exit status."""
        wait_until(lambda: not self.alive(), timeout, f"the end of {self.name}")
        return self.popen.returncode

    def stop(self, timeout=10):
        """SIGTERM, a bounded wait, SIGKILL; give the exit status."""
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.popen.returncode

    def freeze(self):
        """SIGSTOP, but not while it looks at the false clock: no other process could look at it then."""
        def frozen():
            self.signal(signal.SIGSTOP)
            if self.lab.clock.free():
                return True
            self.signal(signal.SIGCONT)
            return False
        wait_until(frozen, 10, f"{self.name} to stand still, not looking at the clock")

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL: a crash."""
        if self.alive():
            self.freeze()
            os.kill(self.pid, signal.SIGKILL)
        self.popen.wait(10)
        return self.popen.returncode


# ---------------------------------------------------------------------------
# The clock
# ---------------------------------------------------------------------------

class Clock:
    """The time that the sandbox's processes see; it runs on, at an offset that tests move.

    libfaketime reads the offset from a file at every look at the clock.  Call set() or start()
    before any process is started that shall obey.  Functions in on_step are called after every
    step, a day at most: signal daemons there, because an armed timer does not see the jump.
    """

    def __init__(self, lab):
        self.lab = lab
        self.offset = 0
        self.on_step = []
        self.file = None
        self.library = None
        self.shared = None
        self.semaphore = None

    @property
    def running(self):
        return self.library is not None

    def now(self):
        """Seconds since the epoch, as the sandbox sees it."""
        return time.time() + self.offset

    def start(self):
        """Processes that are started from now on see our time."""
        if self.running:
            return
        if self.lab.started:
            raise LabError("start the clock before the first process of the sandbox")
        if os.environ.get("LAB_NO_CLOCK"):
            skip("no false time here (LAB_NO_CLOCK is set)")
        self.library = find_libfaketime()
        self.file = self.lab.dir / "clock"
        self._write()
        self._share()

    def set(self, epoch):
        """Make it EPOCH now: at once before anything runs, else in steps of at most a day."""
        self.start()
        if self.lab.started:
            self.advance(epoch - self.now())
        else:
            self.offset = epoch - time.time()
            self._write()

    def advance(self, seconds):
        """Move the clock (back, if SECONDS is negative) in steps of at most a day."""
        if not self.running:
            raise LabError("start the clock before the first process of the sandbox")
        while abs(seconds) > 1e-9:
            step = max(-DAY, min(DAY, seconds))
            self.jump(step)
            seconds -= step

    def jump(self, seconds):
        """Move the clock in one step, however long."""
        self.offset += seconds
        self._write()
        for function in self.on_step:
            function()

    def _write(self):
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.offset:+.3f}\n")
        new.chmod(0o644)
        new.rename(self.file)

    def _share(self):
        """Make libfaketime's semaphore and shared memory, one of each for the sandbox.

        Left alone, each process tree makes its own, which other users in it can't open, and
        which stays behind when a signal ends it.
        """
        self.shared = f"/{self.lab.dir.name}-sem", f"/{self.lab.dir.name}-shm"
        files = Path("/dev/shm") / f"sem.{self.shared[0][1:]}", Path("/dev/shm") / self.shared[1][1:]
        LIBC.sem_open.restype = ctypes.c_void_p
        self.semaphore = ctypes.c_void_p(LIBC.sem_open(self.shared[0].encode(), os.O_CREAT, 0o666, 1))
        files[1].write_bytes(bytes(64))
        for file in files:
            file.chmod(0o666)
            self.lab.on_end(lambda file=file: file.unlink(missing_ok=True))

    def free(self):
        """Nobody is just looking: a process that ends or stands still in a look would keep all others waiting."""
        value = ctypes.c_int(1)
        if self.semaphore:
            LIBC.sem_getvalue(self.semaphore, ctypes.byref(value))
        return value.value > 0

    def environment(self):
        if not self.running:
            return {}
        return {"LD_PRELOAD": str(self.library), "FAKETIME_TIMESTAMP_FILE": str(self.file),
                "FAKETIME_NO_CACHE": "1", "FAKETIME_SHARED": " ".join(self.shared)}


def find_libfaketime():
    """The library's path; it is installed if it is missing and we may."""
    def installed():
        return sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not installed():
        if os.getuid() == 0:
            tool("need", "libfaketime")
        else:
            skip("libfaketime is not installed: apt-get install libfaketime")
    return installed()[0]


# ---------------------------------------------------------------------------
# The sandbox
# ---------------------------------------------------------------------------

class Lab:
    """A sandbox: a directory, the processes in it, their clock and their ports.

    As root, processes run as an unprivileged user of the system that exists anyway (lab.user);
    as an ordinary user, all of them run as that user.
    """

    def __init__(self, directory=None):
        if directory is None:
            directory = tempfile.mkdtemp(prefix="batv-lab-", dir=os.environ.get("LAB_DIR"))
        self.dir = Path(directory).resolve()
        self.dir.mkdir(parents=True, exist_ok=True)
        self.dir.chmod(0o755)
        self.root = os.getuid() == 0
        self.user = "games" if self.root else pwd.getpwuid(os.getuid()).pw_name
        self.uid, self.gid = self.ids(self.user)
        self.started = False
        self.clock = Clock(self)
        self.reports = []       # functions that give (title, lines) for a failure
        self._daemons = []
        self._sessions = set()
        self._closers = []
        self._enders = []
        self._ports = []
        self._root_directory = None
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, lambda number, _: sys.exit(128 + number))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- users and files

    def ids(self, user):
        """(uid, gid) of a system user; as an ordinary user always our own."""
        if not self.root:
            return os.getuid(), os.getgid()
        entry = pwd.getpwnam(user)
        return entry.pw_uid, entry.pw_gid

    def own(self, path, user=None):
        """Give a path to a user of the sandbox; without root it is ours already."""
        if self.root:
            os.chown(path, *(self.ids(user) if user else (self.uid, self.gid)), follow_symlinks=False)
        return path

    def mkdir(self, *parts, mode=0o755, user=None):
        """A directory in the sandbox, made if needed, owned by the sandbox's user."""
        path = self.dir.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        return self.own(path, user)

    def write(self, path, text, mode=0o644, user=None):
        """Write a file whole, by way of a new file; relative paths are the sandbox's."""
        path = self.dir / path
        new = path.with_name(path.name + ".lab-new")
        new.write_bytes(text if isinstance(text, bytes) else text.encode())
        new.chmod(mode)
        self.own(new, user)
        new.rename(path)
        return path

    def root_directory(self):
        """A directory where a file can be that lists of ours look into: root's all the way up, unlike /tmp.

        As an ordinary user nobody can have one: the test is skipped.
        """
        needs_root("a list that looks into a file")
        if self._root_directory is None:
            for above in "/run", "/var/lib", "/srv":
                if os.path.isdir(above) and not os.path.islink(above) and os.access(above, os.W_OK):
                    break
            self._root_directory = Path(tempfile.mkdtemp(prefix="batv-lab-", dir=above))
            self._root_directory.chmod(0o755)
            self.on_end(lambda: shutil.rmtree(self._root_directory, ignore_errors=True))
        return self._root_directory

    def root_file(self, name, text, mode=0o644):
        """A file in root_directory(), written whole: root's, and readable for all."""
        path = self.root_directory() / name
        new = path.with_name(f"{name}.lab-new")
        new.write_bytes(text if isinstance(text, bytes) else text.encode())
        new.chmod(mode)
        new.rename(path)
        return path

    # -- ports

    def port(self, address="127.0.0.1"):
        """A free TCP port on ADDRESS that no other Lab on this machine gets meanwhile."""
        for _ in range(200):
            number = random.randint(12000, 31000)
            # The name vanishes with us, however we end.
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(f"\0batv-lab-port-{number}")
            except OSError:
                claim.close()
                continue
            with socket.socket() as probe:
                try:
                    probe.bind((address, number))
                except OSError:
                    claim.close()
                    continue
            self._ports.append(claim)
            return number
        raise LabError("no free port between 12000 and 31000")

    # -- processes

    def environment(self, extra=None):
        """What every process of the sandbox gets, and nothing else of ours."""
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC",
                **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
                **self.clock.environment(), **(extra or {})}

    def _as_user(self, argv, user, group):
        """ARGV to run as USER, and to end when the laboratory is killed."""
        identity = []
        if self.root:
            uid, gid = self.ids(user or self.user)
            if group is not None:
                gid = grp.getgrnam(group).gr_gid if isinstance(group, str) else group
            identity = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        return ["setpriv", *identity, "--pdeathsig=TERM", "--", *map(str, argv)]

    def spawn(self, name, argv, user=None, group=None, env=None, cwd=None, **popen):
        """Start a daemon (in the foreground) as USER; its output goes to a file of the sandbox."""
        self.started = True
        output = self.dir / f"{name}.output"
        with open(output, "ab") as file:
            popen = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file, **popen}
            process = subprocess.Popen(self._as_user(argv, user, group), env=self.environment(env),
                                       cwd=cwd or self.dir, start_new_session=True, **popen)
        daemon = Daemon(self, name, process, output)
        self._daemons.append(daemon)
        self._sessions.add(process.pid)
        return daemon

    def run(self, argv, user=None, group=None, env=None, input=None, timeout=100, check=True, cwd=None):
        """Run a command to its end as USER; gives a CompletedProcess with text.

        Output goes through files: a background delivery that keeps it open must not hold us up.
        """
        self.started = True
        self.reap()
        argv = [str(a) for a in argv]       # for messages
        data = input.encode() if isinstance(input, str) else input
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin.write(data or b"")
            stdin.seek(0)
            process = subprocess.Popen(self._as_user(argv, user, group), env=self.environment(env),
                                       cwd=cwd or self.dir, start_new_session=True,
                                       stdin=stdin, stdout=out, stderr=err)
            self._sessions.add(process.pid)
            try:
                process.wait(timeout * wait_until.patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise LabError(f"{' '.join(argv)}: not done after {timeout} s") from None
            out.seek(0)
            err.seek(0)
            done = subprocess.CompletedProcess(argv, process.returncode, out.read().decode(errors="replace"),
                                               err.read().decode(errors="replace"))
        if check and done.returncode:
            raise LabError(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def processes(self):
        """The pids of this sandbox that live, our own daemons' descendants and orphans included."""
        table = process_table()
        ours = descendants(table, {os.getpid()})
        heads = {pid for pid in ours if table[pid][1] in self._sessions}
        heads |= {d.pid for d in self._daemons if d.pid in ours}
        return {pid: table[pid][2] for pid in heads | (descendants(table, heads) & ours)}

    def reap(self):
        """Collect orphans of the sandbox that have ended."""
        known = {d.pid for d in self._daemons}
        for pid, state in self.processes().items():
            if state == "Z" and pid not in known:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def on_close(self, function):
        """Call FUNCTION when the sandbox begins to end, last come first."""
        self._closers.append(function)

    def on_end(self, function):
        """Call FUNCTION when the processes of the sandbox are gone."""
        self._enders.append(function)

    def add_report(self, function):
        """FUNCTION gives (title, lines), shown when a test fails."""
        self.reports.append(function)

    def failure_report(self):
        """What the logs of the sandbox say last."""
        text = []
        for function in self.reports:
            title, lines = function()
            text += [f"--- {title}", *lines] if lines else []
        for daemon in self._daemons:
            lines = tail(daemon.output_path)
            if lines:
                text += [f"--- {daemon.name}, output"] + lines
        return "\n".join(text)

    def close(self):
        """End all processes of the sandbox and remove it."""
        while self._closers:
            self._closers.pop()()
        for daemon in reversed(self._daemons):
            if daemon.alive():
                os.kill(daemon.pid, signal.SIGTERM)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for daemon in self._daemons:
                daemon.alive()
            for pid, state in self.processes().items():
                if state != "Z":
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
            try:
                wait_until(self._all_gone, 30, "the end of the sandbox's processes")
                break
            except LabError:
                continue
        while self._enders:
            self._enders.pop()()
        for claim in self._ports:
            claim.close()
        self._ports.clear()
        if os.environ.get("KEEP") == "1":
            print(f"lab: kept {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def _all_gone(self):
        self.reap()
        return not any([d.alive() for d in self._daemons]) and not self.processes()
