"""One point: a program that is hurt once, and what came of it."""

import os
import re
import signal
from collections import Counter

from judge import about_healed, about_words, compare, words_of
from place import BUILD, STARTED, WATCHDOG, Files, LabError, Place, Run, small
from programs import Worlds

ERRORS = "EIO", "ENOSPC", "EINTR", "EMFILE", "EPERM"
TRACED = *ERRORS, "ENOMEM", "KILL"
KINDS = *TRACED, "short", "close", "memory"
# They cannot fail, or nobody looks.  (brk() does not fail with an error number: malloc() would take that for an address.)
SILENT = set("""brk munmap mprotect madvise exit_group execve rt_sigreturn getuid geteuid getgid getegid getpid getppid umask futex
    arch_prctl set_tid_address set_robust_list rseq clock_gettime gettimeofday""".split())
# An injected close() would leave the file open, and what it locks: hurt.c closes it, and says that it failed.
SILENT_ERRORS = SILENT | {"close"}
LOADING = re.compile(r"PROT_READ\|PROT_EXEC|PROT_READ, MAP_PRIVATE|MAP_FIXED|prlimit64\(|openat\(.*\.so[.\d]*\"|^execve")
NOTHING = "getsid", 1   # no program does this


class Point:
    """One program, hurt once, and what came of it."""

    def __init__(self, bench, program, kind, call, number):
        self.bench, self.program, self.kind, self.call, self.number = bench, program, kind, call, number
        self.place = bench.place
        self.log = self.place.dir / "hurt.log"
        self.outcome, self.complaints, self.words = "", [], ""
        self.healed = False     # by a second SIGHUP

    # -- the fault

    def wrapping(self):
        """What makes the fault: (words before the program's, environment)."""
        self.log.unlink(missing_ok=True)
        if self.kind not in TRACED:
            self.log.touch()
            self.log.chmod(0o666)       # batvd gives up its rights
            return [], {"LD_PRELOAD": str(BUILD / "faults/hurt.so"), "HURT_KIND": self.kind, "HURT_AT": str(self.number),
                        "HURT_LOG": str(self.log)}
        fault = "signal=KILL" if self.kind == "KILL" else f"error={self.kind}"
        trace = "all" if (self.call, self.number) == NOTHING else self.call
        return ["strace", "-qq", "-o", self.log, "-e", f"trace={trace}", "-e", "signal=none",
                "-e", f"inject={self.call}:{fault}:when={self.number}"], {}

    def injected(self):
        """The call that was hurt; None: the program did not come so far."""
        if self.kind not in TRACED:
            return f"{self.kind} {self.number}" if self.log.stat().st_size else None
        text = self.log.read_text(errors="replace")
        if self.kind != "KILL":
            found = re.search(r"(?m)^(\S.*) \(INJECTED\)$", text)
            return found and found[1]
        lines = text.splitlines()
        return lines[-1] if len(lines) >= self.number else None

    # -- the program

    def run(self):
        """Hurt it.  False: it was not reached."""
        program, place = self.program, self.place
        place.write_conf(**program.conf)
        world = program.world(self.bench.worlds)
        place.restore(world)
        before = Files({name: file for name, file in world.items() if not name.startswith(".")})
        beside = self.start_beside() if program.beside else None
        if beside:
            before = Files(place.look())
        hurt = self.hurt_command() if program.argv else self.hurt_daemon()
        if beside:
            os.kill(beside.pid, signal.SIGTERM)
            place.finish(beside)
        injected = self.injected()
        if injected is None and (self.call, self.number) != NOTHING:
            return False
        self.injected_call = injected or "nothing"
        self.judge(before, hurt)
        return True

    def start_beside(self):
        process = self.place.daemon(beside="beside-")
        if not self.place.until_told(process, WATCHDOG, STARTED, beside="beside-"):
            raise LabError("the batvd beside did not start")
        return process

    def hurt_command(self):
        prefix, env = self.wrapping()
        stdin = self.program.stdin(self.bench.worlds) if self.program.stdin else None
        return self.place.run(self.program.command(self.place), stdin, prefix=prefix, env=env)

    def hurt_daemon(self):
        """Start it; SIGHUP; once it was hurt a second one, which must be obeyed; SIGTERM."""
        place = self.place
        prefix, env = self.wrapping()
        process = place.daemon(prefix, env)
        if place.until_told(process, WATCHDOG, STARTED):
            pid = place.tracee(process, bool(prefix))
            if self.program.later is not None:
                place.write_conf(**{**self.program.conf, **self.program.later})
            if self.program.hup:
                self.hup(process, pid)
            if process.poll() is None and self.injected() and self.hup(process, pid):
                self.healed = True
            self.tell(process, pid, signal.SIGTERM)
        code = place.finish(process, traced=bool(prefix))
        return Run(code, place.text("out"), place.text("err"))

    def tell(self, process, pid, number):
        try:
            if pid and process.poll() is None:
                os.kill(pid, number)
        except ProcessLookupError:
            pass

    def hup(self, process, pid):
        """Is it obeyed?"""
        self.place.drain()
        published = self.place.count("published state")
        self.tell(process, pid, signal.SIGHUP)
        return self.place.until_told(process, WATCHDOG, "published state", published, after=b"RELOADING=1")

    # -- what came of it

    def judge(self, before, hurt):
        program, place, world = self.program, self.place, self.place.look()
        unfinished = program.leaves or self.kind == "KILL" or self.injected_call.startswith("unlink")
        allowed = {"withdraws": program.withdraws, "loses": program.loses}
        after, complaints = compare(place, before, world, unfinished=unfinished, **allowed)
        self.complaints += complaints
        self.complaints += about_words(self.kind, hurt, program)
        self.words = words_of(self.kind, hurt, self.injected_call.partition("(")[0]) if hurt.code and self.kind != "KILL" else ""
        if after:
            self.outcome = self.outcome_of(before, after, hurt)
            self.heal(after)

    def outcome_of(self, before, after, hurt):
        program = self.program
        changed = any(small(before.world.get(name)) != small(after.world.get(name)) for name in ("secret", "overrides"))
        if hurt.code == -signal.SIGKILL:
            return "killed"
        if program.done:
            try:
                done = program.done(self.place, before, after, hurt)
            except (AttributeError, LabError):
                done = False
            if hurt.code == 0 and not done:
                self.complaints.append(f"exit status 0, but it was not done: {hurt.out}{hurt.err}")
            if hurt.code in (1, 2, 3) and done and not re.search("cannot write the answer|a crash may undo|cannot read it", hurt.err):
                self.complaints.append(f"exit status {hurt.code}, but it was done: {hurt.out}{hurt.err}")
            if changed and "nothing was changed" in hurt.err:
                self.complaints.append(f"something was changed: {hurt.err}")
        if hurt.code:
            return "told, half done" if changed else "told, nothing changed"
        return "done"

    def heal(self, after):
        """Once it was hurt, batvd heals at SIGHUP; otherwise at the next start."""
        program = self.program
        if self.healed and not program.leaves:
            self.complaints += [f"after another SIGHUP: {c}" for c in about_healed(self.place, after, self.place.look(), program.withdraws)]
            return
        self.place.write_conf(**{k: v for k, v in {**program.conf, **(program.later or {})}.items() if k != "grace"})
        try:
            self.place.unhurt_daemon()
            self.complaints += [f"healed: {c}" for c in about_healed(self.place, after, self.place.look(), program.withdraws)]
        except LabError as error:
            self.complaints.append(str(error))


class Bench:
    """A place with its worlds."""

    def __init__(self):
        self.place = Place()
        self.worlds = Worlds(self.place)
        self.calls, self.machines = {}, {}

    def close(self):
        for machine in self.machines.values():
            machine.close()
        self.place.close()

    def calls_of(self, program, kind):
        """{system call: (those that the start takes, all of them)}, by an unhurt run; short and memory have one entry."""
        if kind not in TRACED and program.machine:
            return {}
        if kind not in TRACED:
            return {kind: (0, 400 if kind == "memory" else 60)}
        if program.name not in self.calls:
            point = (program.point or Point)(self, program, "EIO", *NOTHING)
            point.run()
            if point.complaints:
                raise LabError(f"{program.name}, unhurt: {point.complaints}")
            self.calls[program.name] = count_calls(point.log.read_text(errors="replace").splitlines())
        found = self.calls[program.name]
        used = {"ENOMEM": {"mmap", "mremap"}, "KILL": set(found) - SILENT}.get(kind, set(found) - SILENT_ERRORS)
        return {call: found[call] for call in sorted(used & set(found))}


def count_calls(lines):
    """{system call: (those before main(), all)} of a trace."""
    conf = next((i for i, line in enumerate(lines) if "exim-batv.conf" in line and not line.startswith("execve")), len(lines))
    loaded = max((i for i, line in enumerate(lines[:conf]) if LOADING.search(line)), default=0)
    names = [line.partition("(")[0] for line in lines]
    started = Counter(names[:loaded + 1])
    return {name: (started[name], total) for name, total in Counter(names).items() if re.fullmatch(r"\w+", name)}
