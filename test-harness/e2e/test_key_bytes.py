"""Where the bytes of keys may be, and where not: logs, answers, what others see of our processes, core files.

The secret file has the bytes from which all keys are derived.  No process of Exim ever has these.  The keys that are derived from them, and the
memory's key, are in the state, so Exim's processes have them while they need them.
"""

import base64
import os
import re
import signal
import subprocess

from batv import *
from kinds import LIGHT

LEGACY = b"a legacy key of no value at all"
HALF = 16       # of a key: a half is bad enough


def forms(name, key):
    """{form: bytes} in which a reader would find KEY, or a half of it."""
    found = {}
    for half in range(0, len(key) - HALF + 1, HALF):
        part = key[half:half + HALF]
        found[f"{name}, raw, from {half}"] = part
        found[f"{name}, hex, from {half}"] = part.hex().encode()
        found[f"{name}, HEX, from {half}"] = part.hex().upper().encode()
        for shift in range(3):      # base64 of a text in which it begins at any place
            text = base64.b64encode(bytes(shift) + part + bytes(3))[(8 * shift + 5) // 6:]
            found[f"{name}, base64, {shift}, from {half}"] = text[:(8 * len(part) - 5) // 6]
    return found


def needles(batv):
    """(of the secret file, of the keys in the state)"""
    secret = (batv.state_dir / "secret").read_text()
    masters, keys = {}, {}
    for line in secret.splitlines():
        for value in re.findall(r"\b[0-9a-f]{64}\b", line):
            (keys if line.startswith("memory") else masters).update(forms(" ".join(line.split()[:2]), bytes.fromhex(value)))
    for number, line in enumerate((batv.state_dir / "state").read_text().splitlines()):
        for value in re.findall(r"\b[0-9a-f]{64}\b", line):
            keys.update(forms(f"{line.split()[0]} in line {number}", bytes.fromhex(value)))        # the text is the key
    keys.update(forms("legacy", LEGACY))
    assert len(masters) >= 12 and len(keys) >= 50, secret
    return masters, keys


def found(data, sought):
    return sorted({name for name, text in sought.items() if text in data})


def memory_of(pid):
    """What a core file of a process would have: all that it may write to."""
    data = b""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if mode.startswith("rw"):
                memory.seek(int(begin, 16))
                try:
                    data += memory.read(int(end, 16) - int(begin, 16))
                except OSError:
                    pass
    return data


def core_of(daemon, directory):
    """The core file that a process of the sandbox leaves, or None."""
    pid = daemon.pid
    os.kill(pid, signal.SIGABRT)
    wait_until(lambda: not daemon.alive(), 10, "the end of the process")
    cores = [p for p in directory.iterdir() if p.name.startswith("core")]
    return cores[0].read_bytes() if cores else None


def with_cores(lab, name, directory, *argv, **keywords):
    """A program in the foreground that may leave a core of any size in DIRECTORY."""
    return lab.spawn(name, ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", *argv], cwd=directory, **keywords)


class TestKeyBytes:
    def setup(self):
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab, start=False)
        self.legacy = self.lab.write("legacy", f"until 2099-12-31 text {LEGACY.decode()}\n", mode=0o600)
        self.ours = batv_exim(self.lab, self.batv, self.sink, start=False)
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        self.batv.conf(CONF, enforcement="reject", legacy_keys=self.legacy, **self.ours.installation.conf())
        self.batv.start()
        self.ours.start()
        self.masters, self.keys = needles(self.batv)
        self.all = {**self.masters, **self.keys}

    def nothing_in(self, what, data):
        data = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        assert data, f"{what}: empty, so nothing was tested"
        assert not found(data, self.all), (what, found(data, self.all))

    def test_the_search_finds_what_is_there(self):
        secret, state = ((self.batv.state_dir / name).read_bytes() for name in ("secret", "state"))
        assert len(found(secret, self.masters)) >= 2 and len(found(state, self.keys)) >= 6 and not found(state, self.masters)
        line = re.search(rb"[0-9a-f]{64}", secret)[0]
        for text in (line, line.upper(), bytes.fromhex(line.decode()), base64.b64encode(bytes.fromhex(line.decode())),
                     base64.b64encode(b"x" + bytes.fromhex(line.decode())[16:]), base64.b64encode(b"xy" + bytes.fromhex(line.decode()))):
            assert found(b"before " + text + b" after", self.all), text

    def test_mail_and_its_debug_output(self):
        """Mail out, in and refused, with all that Exim can be made to say; the queue, the logs, the memory."""
        exim = self.ours
        said = exim.exim("-d+all", "-odf", "-oi", "-f", "alice@test", "x@theirs.test", input=make_message("alice@test"))
        self.nothing_in("exim -d+all, signing", said.stdout + said.stderr)
        tagged = self.sink.wait(1)[0].sender
        assert is_signed(tagged, "alice@test")
        for rcpt in tagged, "alice@test", tagged[:10] + "000000" + tagged[16:]:
            script = f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{rcpt}>\r\nDATA\r\n{bounce(rcpt)}.\r\nQUIT\r\n".replace("\r\n", "\n").replace("\n", "\r\n")
            said = exim.exim("-d+all", "-odi", "-oMa", "127.0.0.9", "-bs", input=script, check=False)
            self.nothing_in("exim -d+all, a bounce", said.stdout + said.stderr)
            said = exim.exim("-d+all", "-bh", "127.0.0.9", input=script, check=False)
            self.nothing_in("exim -d+all -bh", said.stdout + said.stderr)
        exim.submit("alice@test", "x@theirs.test", make_message("alice@test"), mode="-odq")
        for path in (exim.dir / "spool").rglob("*"):
            assert not path.is_file() or not found(path.read_bytes(), self.all), path
        assert exim.spool_ids()
        exim.wait_mailbox("alice")
        for path in [*(exim.dir / "mbox").rglob("*"), *(exim.dir / "log").iterdir()]:
            assert not path.is_file() or not found(path.read_bytes(), self.all), path
        self.nothing_in("the main log", "\n".join(exim.mainlog()))
        self.nothing_in("the memory file", (self.batv.state_dir / "memory").read_bytes())
        self.nothing_in("what left", b"".join(m.data for m in self.sink.messages))

    def test_options_of_exim(self):
        for options in (["-bP"], ["-bP", "config"], ["-bP", "routers"], ["-bP", "transports"], ["-bP", "macros"], ["-bV"],
                        ["-d+all", "-bP", "local_scan_path"], ["-d+all", "-bt", "alice@test"],
                        ["-d+all", "-be", "${listnamed_d:batv_dir}"]):
            done = self.ours.exim(*options, check=False)
            self.nothing_in(options, done.stdout + done.stderr)
        if self.ours.installation.kind != LIGHT:
            done = self.ours.exim("-d+all", "-be", f"${{dlfunc{{{self.ours.so}}}{{batv_verdict}}{{alice@test}}}}", check=False)
            self.nothing_in("batv_verdict", done.stdout + done.stderr)

    def test_answers_of_batvctl(self):
        path = self.lab.write("bounce", bounce("alice@test"))
        tagged = self.batv.sign("alice@test")
        for command in ("status", "--domains", "all"), ("doctor",), ("check",), ("keys",), ("sign", "alice@test"), ("verify", tagged), \
                ("explain", path), ("enforce", "observe", "test"), ("enforce", "auto", "test"), ("keys", "--at", "+30d"):
            for json in (), ("--json",):
                done = self.batv.ctl(*command, *json, check=False)
                self.nothing_in((command, json), done.stdout + done.stderr)
        self.batv.ctl("enforce", "reject", "test")
        # the one command that is for them
        assert len(found(self.batv.ctl("secret", "export").stdout.encode(), self.masters)) >= 2

    def test_complaints_about_files_of_keys(self):
        """A damaged secret, import or legacy file is named by its line, not by what is in it."""
        secret, legacy = (self.batv.state_dir / "secret"), self.legacy.read_text()
        text = secret.read_text()
        key = re.search(r"[0-9a-f]{64}", text)[0]
        for number, damaged in enumerate((
                text.replace(key, key[:-1] + "x", 1), text.replace(key, key + "0", 1), text.replace("secret ", "secret -", 1), key + "\n" + text,
                text.replace(key, f"{key} {key}", 1), text[:text.index(key) + 40], text.replace("secret ", f"{key} ", 1))):
            done = self.batv.ctl("secret", "import", input=damaged, check=False)
            assert done.returncode, done
            self.nothing_in("import", done.stdout + done.stderr)
            self.lab.write(secret, damaged, mode=0o600)
            self.batv.daemon.hup()
            done = [self.batv.ctl(*command, check=False) for command in (("keys",), ("rotate",), *(() if number else (("status",), ("check",), ("doctor",))))]
            self.nothing_in("a damaged secret", "".join(d.stdout + d.stderr for d in done))
        self.lab.write(secret, text, mode=0o600)
        for damaged in legacy.replace("2099-12-31", LEGACY.decode()), legacy.replace("text", "hex"), LEGACY.decode() * 3, legacy[:-1] * 3:
            self.lab.write(self.legacy, damaged, mode=0o600)
            done = self.batv.ctl("check", check=False)
            assert done.returncode, done
            self.nothing_in("legacy keys", done.stdout + done.stderr)
        self.lab.write(self.legacy, legacy, mode=0o600)
        self.batv.reload()
        self.nothing_in("what batvd says, in syslog or the journal", "\n".join(self.batv.log()))
        self.nothing_in("what batvd tells systemd", "\n".join(self.batv.told))

    def test_what_others_see_of_our_processes(self):
        """`ps`: command lines, and environments, while a command waits for the secrets."""
        importing = subprocess.Popen([BUILD / "batvctl", "-c", self.batv.conf_path, "secret", "import"], stdin=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        secret = (self.batv.state_dir / "secret").read_bytes()
        importing.stdin.write(secret[:-20])
        importing.stdin.flush()
        try:
            seen = b""
            for pid in (importing.pid, self.batv.daemon.pid, *self.lab.processes()):
                for file in "cmdline", "environ":
                    try:
                        with open(f"/proc/{pid}/{file}", "rb") as view:
                            seen += view.read()
                    except OSError:
                        pass
            self.nothing_in("ps", seen)
        finally:
            importing.stdin.close()
            assert importing.wait(10), "half a secret was imported"

    def test_a_core_of_batvd_and_batvctl(self):
        """They leave none, and no other process of their user can look into them."""
        if "core" not in open("/proc/sys/kernel/core_pattern").read()[:4]:
            skip("cores go elsewhere: /proc/sys/kernel/core_pattern")
        place = self.lab.mkdir("cores")
        other = with_cores(self.lab, "other", place, "sleep", "60")
        wait_until(lambda: b"sleep" in open(f"/proc/{other.pid}/cmdline", "rb").read()[:5], 10, "sleep")
        environment = lambda pid: self.lab.run(["cat", f"/proc/{pid}/environ"], check=False).returncode
        assert environment(other.pid) == 0
        assert core_of(other, place), "no program leaves a core here, so nothing was tested"
        for path in place.iterdir():
            path.unlink()
        self.batv.stop()
        self.batv.told.clear()
        daemon = with_cores(self.lab, "batvd-core", place, BUILD / "batvd", "-c", self.batv.conf_path, "-d", env=self.batv.env)
        wait_until(lambda: "READY=1" in self.batv.told, 15, "batvd to start")
        assert environment(daemon.pid), "its own user can look into it"
        assert core_of(daemon, place) is None
        reading = with_cores(self.lab, "batvctl-core", place, BUILD / "batvctl", "-c", self.batv.conf_path, "secret", "import",
                             stdin=subprocess.PIPE)
        reading.popen.stdin.write((self.batv.state_dir / "secret").read_bytes()[:-20])
        reading.popen.stdin.flush()
        begun = lambda: open(f"/proc/{reading.pid}/cmdline", "rb").read().startswith(bytes(BUILD / "batvctl"))
        wait_until(lambda: begun() and environment(reading.pid), 10, "batvctl to let nobody look into it")
        assert core_of(reading, place) is None
        self.batv.start()

    def test_a_core_of_exim(self):
        """It may have the keys of the state, never the secrets; and after a revocation not those of before."""
        needs_root("looking into another's memory")
        self.nothing_in("the daemon, which only forks", memory_of(self.ours.daemon.pid)) \
            if not self.ours.installation.loads else None
        with self.ours.smtp("127.0.0.9") as session:
            assert session.send("", "alice@test", bounce("alice@test")).data.code == 550
            (child,) = [p for p in self.lab.processes() if open(f"/proc/{p}/stat").read().split()[3] == str(self.ours.daemon.pid)]
            memory = memory_of(child)
            assert not found(memory, self.masters), found(memory, self.masters)
            kept = found(memory, self.keys)
            assert kept, "this process has no keys, so nothing was tested"
            gone = [name for name in self.keys if name.startswith("key ")]
            assert set(kept) & set(gone), kept
            old = {name: self.keys[name] for name in gone}
            self.batv.ctl("rotate", "--revoke")
            assert session.send("", "alice@test", bounce("alice@test")).data.code in (250, 550)
            assert not found(memory_of(child), old), found(memory_of(child), old)
        self.masters, self.keys = needles(self.batv)
