"""Programs under valgrind's memcheck, and which of its findings are ours.

Exim forks, and starts itself again by exim_path: so that path becomes a script which starts valgrind, and each process has a log of
its own.  Exim has findings that have nothing to do with us.  A finding is ours
- if the stack where it happened has a frame in a source file of ours: of lost memory that is where it was allocated, and only what
  nothing points to any more counts;
- if we made or freed the memory of which it tells: the first frame of that stack is ours, below malloc().  (Where a value came from
  is told only with ORIGINS.  That Exim allocated its pool while one of our calls was under way does not make it ours.)
"""

import re
import shlex

from lab_base import TOP, LabError, wait_until

OURS = (TOP / "src", TOP / "local_scan")
PATIENCE = 8            # every program is slower by a factor of this order


class Valgrind:
    """ORIGINS: say where uninitialised values come from, at twice the time."""

    def __init__(self, lab, origins=False):
        self.lab = lab
        self.logs = lab.mkdir("valgrind", mode=0o777)
        self.options = ["--tool=memcheck", "--vgdb=no", "--num-callers=40", "--fullpath-after=", "--leak-check=full",
                        "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite", f"--track-origins={'yes' if origins else 'no'}"]
        wait_until.patience = PATIENCE
        # A process that starts another program keeps its number: the first part of the name is for each start.
        self.command = lab.write("under-valgrind", f"""#!/bin/sh
exec /usr/bin/valgrind {shlex.join(self.options)} --log-file="$(/usr/bin/mktemp -u {self.logs}/XXXXXXXX).%p" "$@"
""", mode=0o755)

    def exim(self, exim):
        """From now on EXIM runs under valgrind, wherever it is started."""
        path = exim.binary
        if path.read_bytes().startswith(b"#!"):         # Debian's, by way of its loader
            text = path.read_text().replace("\nexec ", f"\nexec {self.command} ")
        else:
            real = path.with_name("exim-itself")
            path.rename(real)
            text = f'#!/bin/sh\nexec {self.command} {real} "$@"\n'
        self.lab.write(path, text, mode=0o755)

    def findings(self, ours=OURS):
        """(findings that are ours, those of others, number of processes): texts."""
        mine, others, count = [], [], 0
        for log in sorted(self.logs.iterdir()):
            text = log.read_text(errors="replace")
            count += 1
            if fatal := re.search(r"^valgrind: .*|.*(?:unhandled instruction|'impossible' happened|noted but unhandled).*", text, re.M):
                raise LabError(f"valgrind itself: {fatal[0]}\n{text[-3000:]}")
            for block in re.split(r"^(?:==|--)\d+(?:==|--) *$", text, flags=re.M):
                if re.search(r"^==\d+== +(?:at|by) 0x", block, re.M):
                    (mine if is_ours(block, ours) else others).append(block.strip())
        return mine, others, count


def is_ours(finding, ours):
    """Is a finding of valgrind ours?  See above."""
    stacks = re.findall(r"(?:^==\d+== +(?:at|by) 0x.*\n?)+", finding, re.M)
    made = ["".join([f for f in stack.splitlines() if "/vgpreload_" not in f][:1]) for stack in stacks[1:]]
    return any(f"({root}/" in frames for root in ours for frames in (stacks[0], *made))
