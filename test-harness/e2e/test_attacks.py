"""Attacks of docs/security.md that have no place in the tests of one command: on root's commands, and on the terminal they write to."""

import os
import re

from batv import *

# A terminal would change its title, clear the screen, overwrite the line, ring, print, or take what follows for keys.
EVIL = "\033]0;title\a\033[2J\rX\b\x7f\u009b31m"
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|(?<![\xc2-\xf4])(?<![\xc2-\xf4][\x80-\xbf])[\x80-\x9f]")


def printed(lab, *argv, input=None):
    """What a command writes to the terminal, as bytes; lab.run() would decode it."""
    out = lab.mkdir("said") / "said"
    lab.run(["sh", "-c", 'exec >"$1" 2>&1; shift; exec "$@"', "sh", out, *argv], input=input, check=False)
    return out.read_bytes()


def test_no_escape_sequence_reaches_the_terminal(lab):
    """Neither from what was pasted, nor from files of strangers, nor from the configuration."""
    batv = Batv(lab)
    ctl = [BUILD / "batvctl", "-c", batv.conf_path]
    evil = "alice" + EVIL + "@test"
    message = bounce("alice@test").replace("Subject: ", f"Subject: {EVIL}").replace("orig@test", f"or{EVIL.replace(chr(13), '')}ig@test")
    path = lab.write("message", message.replace("Auto-Submitted", f"In-Reply-To: <a{EVIL}@test>\nX-{EVIL}: x\nAuto-Submitted"))
    ids = lab.write("ids", f"<{EVIL}@test> alice@test\n")
    log = lab.write("log", f"2026-11-28 01:10:24 1xX6xL-0003iS-2q <= {evil} U=x P=local S=316 id={EVIL}@x for {evil}\n")
    tries = {
        "an address to sign": ("sign", evil), "to verify": ("verify", evil), "pasted": ("verify", f"<{evil}>"), "a path": ("explain", f"/{EVIL}"),
        "a domain": ("enforce", "observe", f"x{EVIL}.test"), "a mode": ("enforce", EVIL), "a command": (EVIL,), "an option": (f"--{EVIL}",),
        "an argument": ("--at", EVIL, "keys"), "a colour": (f"--color={EVIL}", "status"), "another file": ("-c", f"/{EVIL}", "status"),
        "a message": ("explain", path), "its address": ("explain", path, "--rcpt", evil), "a list of ids": ("remember", ids),
        "Exim's log": ("remember", "--from-exim-log", log), "a word": ("secret", EVIL), "a time": ("enforce", "observe", "--for", EVIL),
        "help": ("help", EVIL), "a test": ("test", evil)}
    for what, words in tries.items():
        words = [str(w) for w in words]
        for json in (), ("--json",):
            said = printed(lab, *ctl, *json, *words).replace(b"\x7f" if json else b"\0", b"")     # JSON may have a DEL
            assert said and not CONTROL.search(said), (what, CONTROL.search(said), said)
    said = printed(lab, *ctl, "secret", "import", input=f"exim-batv secret 1\nsecret {EVIL} 1\n")
    assert said and not CONTROL.search(said), said
    for line in f"{EVIL} = 1", f"enforcement = {EVIL}", f"domains = {EVIL}", f"[policy {EVIL}]", f"[{EVIL}]", f"exim = /{EVIL}", f"legacy_keys = /{EVIL}", \
            f"automatic_senders = ({EVIL}":
        batv.conf(CONF + line.replace("\r", "") + "\n")
        for command in "check", "status":
            said = printed(lab, *ctl, command)
            assert said and not CONTROL.search(said), (line, command, CONTROL.search(said), said)
        batv.daemon.hup()
    batv.conf(CONF)
    batv.reload()
    said = (lab.dir / "batv-batvd.output").read_bytes()
    assert b"line" in said and not CONTROL.search(said), (CONTROL.search(said), said)


class TestRoot:
    """batvd's user puts links and pipes into the state directory, and waits for root to type a command."""

    def test_links_in_the_state_directory(self):
        needs_root("commands that root runs")
        lab = self.lab
        batv = Batv(lab)
        batv.stop()
        place = lab.root_directory()
        marker = "root-only-text"
        target = lab.root_file("target", f"{marker}\n", mode=0o600)
        missing = place / "created"
        good = {path.name: path.read_bytes() for path in batv.state_dir.iterdir()}
        reading = ("status",), ("doctor",), ("secret", "export", "--backup")
        writing = ("rotate",), ("enforce", "observe"), ("enforce", "observe", "test"), ("secret", "import")
        for name in {*good, "observe", "manifest", "overrides", "memory.2"}:
            for leads in target, missing:
                kept = batv.state_dir / name
                kept.unlink(missing_ok=True)
                kept.symlink_to(leads)
                os.chown(kept, lab.uid, lab.gid, follow_symlinks=False)
                # with this link a command waits ten seconds for batvd, which it cannot see
                writes = writing[:leads == target] if name == "batvd.lock" else writing
                for command in (reading if leads == target else ()) + writes:
                    done = lab.run([BUILD / "batvctl", "-c", batv.conf_path, *command], user="root", check=False, timeout=60,
                                   input=good["secret"] if command[-1] == "import" else None)
                    assert marker not in done.stdout + done.stderr, (name, command, done)
                    assert target.read_text() == f"{marker}\n" and (target.stat().st_uid, target.stat().st_mode & 0o777) == (0, 0o600), (name, command)
                    assert not missing.exists(), (name, command)
                if kept.is_symlink() or kept.exists():
                    kept.unlink()
                if name in good:
                    lab.write(kept, good[name], mode=0o600)

    def test_a_pipe_does_not_stop_root(self):
        """A FIFO with no writer in the place of each file: every command ends by itself."""
        needs_root("commands that root runs")
        lab = self.lab
        batv = Batv(lab, name="pipes")
        batv.stop()
        for name in [path.name for path in batv.state_dir.iterdir()] + ["overrides", "observe"]:
            kept = batv.state_dir / name
            text = kept.read_bytes() if kept.exists() else None
            kept.unlink(missing_ok=True)
            os.mkfifo(kept)
            os.chown(kept, lab.uid, lab.gid)
            for command in ("status",), ("rotate",), ("enforce", "observe"):
                lab.run([BUILD / "batvctl", "-c", batv.conf_path, *command], user="root", check=False, timeout=60)
            kept.unlink(missing_ok=True)
            if text is not None:
                lab.write(kept, text, mode=0o600)
