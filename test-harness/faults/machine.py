"""batvctl enable and disable, hurt on whole machines of their own (e2e/lab_host.py): strace alone, and batvctl's own process."""

import signal

from judge import about_words, words_of
from place import Run
from points import NOTHING, Point
from lab_base import Lab
from lab_host import Host

YES = "enable --yes --mx-unsigns"       # there is no DNS in there
KEPT = "/etc/exim4 /var/lib/exim4 /var/lib/exim-batv/manifest /var/lib/exim-batv/overrides"
LATE = 300              # seconds; a watchdog


class Machine:
    """A machine with what it was before enable, and after; both can be put back."""

    def __init__(self, split):
        self.lab = Lab()
        try:
            self.host = Host(self.lab, use_split_config="true" if split else "false")
            self.saved = {"before": self.save("before")}
            self.host.ctl(YES)
            self.saved["enabled"] = self.save("enabled")
        except BaseException:
            self.lab.close()
            raise

    def close(self):
        self.lab.close()

    def save(self, name):
        self.host.run(f"tar -C / --ignore-failed-read -cf /root/{name}.tar {KEPT} 2>/dev/null || true")
        return self.host.configuration()

    def put_back(self, name):
        self.host.run(f"rm -rf {KEPT}; mkdir -p /etc/exim4; tar -C / -xpf /root/{name}.tar; rm -rf /run/batvctl-*")

    def loads(self):
        return self.host.run("exim4 -bV >/dev/null", check=False).returncode == 0


class MachineProgram:
    argv, machine = ["-"], True

    def __init__(self, name, split, line, found, after):
        self.name, self.split, self.line, self.found, self.after = name, split, line, found, after


class MachinePoint(Point):
    """Files and Exim are as before or as they are to be; the next run goes on or puts back."""

    def run(self):
        machines, split = self.bench.machines, self.program.split
        if split not in machines:
            machines[split] = Machine(split)
        self.machine = machines[split]
        host, saved = self.machine.host, self.machine.saved
        self.machine.put_back(self.program.found)
        self.log = host.path("/tmp/hurt.log")
        prefix, _ = self.wrapping()
        prefix[prefix.index(self.log)] = "/tmp/hurt.log"
        words = " ".join(f"'{word}'" for word in prefix)
        done = host.run(f"{words} batvctl {self.program.line} >/tmp/out 2>/tmp/err", check=False, timeout=LATE)
        code = -signal.SIGKILL if done.returncode == 128 + signal.SIGKILL else done.returncode
        hurt = Run(code, host.read("/tmp/out"), host.read("/tmp/err"))
        injected = self.injected()
        if injected is None and (self.call, self.number) != NOTHING:
            return False
        self.injected_call = injected or "nothing"
        self.judge_machine(hurt, saved[self.program.found], saved[self.program.after])
        return True

    def judge_machine(self, hurt, before, after):
        now = self.machine.host.configuration()
        self.complaints += about_words(self.kind, hurt, self.program)
        self.words = words_of(self.kind, hurt, self.injected_call.partition("(")[0]) if hurt.code > 0 else ""
        if not self.machine.loads():
            self.complaints.append("Exim does not load its configuration")
        if hurt.code == 0 and now != after and "not prepared for a change to it" not in hurt.out:
            self.complaints.append(f"exit status 0, but it was not done: {differences(now, after)}")
        if hurt.code > 0 and now not in (before, after) and "could not be put back" not in hurt.err:
            self.complaints.append(f"neither as before nor done: {hurt.err.strip()}: {differences(now, before)}")
        self.outcome = "killed" if hurt.code < 0 else "done" if hurt.code == 0 else \
            "told, nothing changed" if now == before else "told, half done"
        self.go_on(before, after)

    def go_on(self, before, after):
        """The same again, unhurt, is done; and out again nothing is left."""
        host, saved = self.machine.host, self.machine.saved
        for line, wanted in (self.program.line, after), ("disable --remove --yes", saved["before"]):
            done = host.run(f"batvctl {line}", check=False, timeout=LATE)
            if done.returncode != 0:
                self.complaints.append(f"then {line}: status {done.returncode}: {done.stdout.strip()[-300:]}")
            elif host.configuration() != wanted:
                self.complaints.append(f"then {line}: {differences(host.configuration(), wanted)}")


def differences(now, wanted):
    return sorted(path for path in {*now, *wanted} if now.get(path) != wanted.get(path))


MachineProgram.point = MachinePoint
MACHINE_PROGRAMS = [
    MachineProgram("enable, split", True, YES, "before", "enabled"),
    MachineProgram("enable, unsplit", False, YES, "before", "enabled"),
    MachineProgram("disable", True, "disable", "enabled", "enabled"),
    MachineProgram("disable --remove, split", True, "disable --remove --yes", "enabled", "before"),
    MachineProgram("disable --remove, unsplit", False, "disable --remove --yes", "enabled", "before"),
]
