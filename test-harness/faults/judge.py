"""What must hold after a program was hurt, and once more after an unhurt batvd: the complaints of a point."""

import errno
import os
import re
import time

from place import MODES, Files, Wrong

NAMES = re.compile(r"state|secret|overrides|manifest|observe|lock|batvd\.lock|memory(\.\d+)?")
UNFINISHED = re.compile(r"\.(state|secret|overrides|manifest|memory(\.\d+)?)\.new")


def about_names(place, world, may_be_unfinished):
    for name, file in world.items():
        if UNFINISHED.fullmatch(name) and may_be_unfinished:
            continue
        if not NAMES.fullmatch(name):
            yield f"{name} is left"
            continue
        mode = 0o660 if name.startswith("memory") else MODES.get(name, file.mode)
        if (file.mode, file.uid, file.gid) != (mode, place.uid, place.gid):
            yield f"{name} has mode {file.mode:o}, owner {file.uid}:{file.gid}"


def about_secrets(before, after, loses):
    """Every secret that was there is there, with the same bytes; and new numbers are new."""
    if before.secret is None:
        return
    if after.secret is None:
        yield "the secret file is gone"
        return
    for number, text in before.secret.secrets.items():
        if after.secret.secrets.get(number) != text:
            yield f"secret {number} was lost or changed"
    if not loses and before.secret.memory and after.secret.memory != before.secret.memory:
        yield "the memory's key was lost or changed"


def about_state(before, after, withdraws):
    """Old or new; keys that live and were published are published."""
    if before.state is None:
        return
    if after.state is None:
        yield "the state is gone"
        return
    if after.state.lines == before.state.lines:
        return
    if after.state.serial <= before.state.serial:
        yield f"serial {after.state.serial} after {before.state.serial}"
    for name, (text, destroy) in before.state.keys.items():
        if name in after.state.keys:
            if after.state.keys[name][0] != text:
                yield f"key {name} has other bytes"
        elif destroy > time.time() and not withdraws:
            yield f"key {name} is gone before its time"


def compare(place, before, world, *, unfinished, withdraws=False, loses=False):
    """(Files, complaints) of a world beside the one before."""
    complaints = list(about_names(place, world, unfinished))
    try:
        after = Files(world)
    except (Wrong, ValueError, KeyError, IndexError) as error:
        return None, [*complaints, f"torn: {error}"]
    return after, [*complaints, *about_secrets(before, after, loses), *about_state(before, after, withdraws)]


def about_healed(place, hurt, world, withdraws):
    """After an unhurt batvd there is a state with all that the secret file has, and a memory."""
    healed, complaints = compare(place, hurt, world, unfinished=False, withdraws=withdraws)
    if healed is None:
        return complaints
    if healed.state is None or healed.secret is None or not healed.state.keys:
        complaints.append("an unhurt batvd published no state with keys")
    elif healed.state.memory not in world or world[healed.state.memory].size < 1 << 20:
        complaints.append(f"an unhurt batvd left no memory {healed.state.memory}")
    return complaints


def about_words(kind, hurt, program):
    """A failure is told, with its reason; nothing dies."""
    if hurt.code is None:
        yield "did not end"
    elif hurt.code < 0 and kind != "KILL":
        yield f"died of signal {-hurt.code}"
    elif hurt.code > 3:
        yield f"exit status {hurt.code}"
    elif hurt.code > 0:
        if not re.search(r"(?m)^batv(d|ctl): \S", hurt.err):
            yield f"exit status {hurt.code} without a message"
        if re.search(r"Success\b|: \s*$|\(null\)|error 0\b", hurt.err, re.M):
            yield f"a message without a reason: {hurt.err.strip()}"
    if "runtime error" in hurt.err or "AddressSanitizer" in hurt.err:
        yield hurt.err


def words_of(kind, hurt, injected):
    """The message as it is listed for people: without what differs each time, and whether it has the injected reason."""
    lines = [line for line in hurt.err.splitlines() if line.startswith(("batvctl:", "batvd:"))]
    text = re.sub(r"/\S*/batv-faults-\w+", "", lines[-1] if lines else "")
    text = re.sub(r"\d+", "N", text)
    number = getattr(errno, kind, 0)
    own = number and os.strerror(number) in hurt.err
    return f"{'' if own else '(other words) '}{text}   [{injected}]"
