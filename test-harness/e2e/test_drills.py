"""docs/drills.md: each emergency is made, and each command of its section is run as it is printed."""

import shutil

from batv import *

NOON = 1_900_000_000
STRANGER = "203.0.113.9"
PAGE = (TOP / "docs/drills.md").read_text()
CONF = "domains = example.com\nown_hosts = 127.0.0.1\n"

# Commands that need a whole Debian machine, and the tests that run them.
ELSEWHERE = {"batvctl disable": 'test_enable.py::host.ctl("disable")', "apt remove exim4-batv": "../debian/round-trip::apt remove with a tag under way",
             "rm /etc/exim4/exim-batv.local-scan": 'test_pieces.py::(self.debian.etc / "exim-batv.local-scan").unlink',
             "systemctl reload exim4": "test_pieces.py::self.ours.hup()"}


def commands(text):
    """The commands of indented blocks, in order."""
    return [line.strip() for line in re.findall(r"(?m)^(?: {4}| {6,7})(?! *[-0-9])(\S.*)$", text)
            if line.split()[0] in ("batvctl", "touch", "rm", "systemctl", "date", "apt")]


def section(title):
    return commands(re.search(rf"(?ms)^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE)[1])


class Drill:
    """One server; `ssh` and `systemctl` work on it, and `other` is a second one."""

    conf = CONF

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv, self.other = Batv(self.lab, conf=self.conf), Batv(self.lab, name="other", conf=CONF)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, domain="example.com", local_domains="example.com")
        self.bin = self.lab.mkdir("bin")
        self.lab.write(self.bin / "batvctl", f'#!/bin/sh\nexec {BUILD}/batvctl -c "${{CONF:-{self.batv.conf_path}}}" "$@"\n', mode=0o755)
        self.lab.write(self.bin / "ssh", f'#!/bin/sh\nshift\nexport CONF={self.other.conf_path}\nexec "$@"\n', mode=0o755)
        self.files = self.lab.mkdir("files")
        self.steps = []

    def play(self, command, codes=(0,)):
        """Run the next command of the section, which must be this one."""
        assert self.steps and self.steps[0].startswith(command), (command, self.steps)
        text = self.steps.pop(0).replace("/var/lib/exim-batv", str(self.batv.state_dir))
        match = re.fullmatch(r"systemctl (start|restart) batvd", text)
        if match:
            self.batv.stop()
            self.batv.start()
            return ""
        if "why" in text:
            text += f" {self.ours.dir}/log/mainlog"
        done = self.lab.run(["bash", "-euo", "pipefail", "-c", text], cwd=self.files, check=False,
                            env={"PATH": f"{self.bin}:{os.environ['PATH']}"})
        assert done.returncode in codes, f"{text}\n{done}"
        return done.stdout

    def begin(self, title):
        self.steps = section(title)
        assert self.steps, title

    def end(self):
        assert self.steps == [], self.steps

    def sent(self):
        count = len(self.sink.messages)
        self.ours.submit("alice@example.com", "x@theirs.test", make_message("alice@example.com"))
        return self.sink.wait(count + 1)[-1].sender

    def comes(self, rcpt, source="127.0.0.9"):
        """Does a bounce get in?"""
        result = self.ours.inject("", rcpt, bounce(rcpt), source)
        assert result.data.code in (250, 550), result
        return result.data.code == 250


def test_every_command_is_run(lab):
    """By a class below, or elsewhere."""
    here = (TOP / "test-harness/e2e/test_drills.py").read_text()
    found = commands(PAGE)
    assert len(found) > 20, found
    for command in found:
        if command in ELSEWHERE:
            file, _, words = ELSEWHERE[command].partition("::")
            assert words in (TOP / "test-harness/e2e" / file).read_text()
    played = set(re.findall(r'self\.begin\("(.+?)"\)', here)) | {"The package must go, now"}
    assert played == set(re.findall(r"(?m)^## (.+)$", PAGE))
    assert all(command in ELSEWHERE for command in section("The package must go, now"))


class TestRefused(Drill):
    conf = CONF + "enforcement = reject\n"

    def test_it(self):
        self.begin("Legitimate mail was refused")
        assert not self.comes("alice@example.com")
        host, address = "batvctl why 203.0.113.9", "batvctl why alice@example.com"
        self.steps[0] = self.steps[0].replace("203.0.113.9", "127.0.0.9")
        for command in "batvctl why 127.0.0.9", address:
            said = self.play(command)
            assert "alice@example.com" in said and "127.0.0.9" in said and "rejected" in said, said
        self.steps[0] = self.steps[0].replace("203.0.113.9", "127.0.0.9")
        self.play("batvctl exempt add 127.0.0.9 --for 1d")
        self.batv.reload()
        assert self.comes("alice@example.com") and not self.comes("alice@example.com", "127.0.5.9")
        self.lab.clock.advance(DAY + 60)
        self.batv.reload()
        assert not self.comes("alice@example.com")
        for command in "batvctl enforce observe example.com --for 3d", "batvctl enforce observe --for 3d":
            self.play(command)
            self.batv.reload()
            assert self.comes("alice@example.com"), command
        self.play("batvctl enforce auto example.com")
        self.play("batvctl enforce auto")
        self.end()

    def test_the_brake(self):
        self.batv.ctl("enforce", "reject", "example.com")
        self.batv.reload()
        assert not self.comes("alice@example.com")
        self.steps = commands(PAGE.partition("\n## ")[0])
        self.play("touch ")
        assert self.comes("alice@example.com") and is_signed(self.sent(), "alice@example.com")
        self.end()
        assert "`rm /var/lib/exim-batv/observe`" in PAGE
        (self.batv.state_dir / "observe").unlink()
        assert not self.comes("alice@example.com")


class TestRestored(Drill):
    conf = CONF + "enforcement = reject\n"

    def test_it(self):
        self.begin("A backup was restored")
        old = self.sent()
        backup = self.lab.dir / "backup"
        self.batv.stop()
        shutil.copytree(self.batv.state_dir, backup, ignore=shutil.ignore_patterns("batvd.*"))
        self.batv.start()
        self.batv.ctl("rotate")
        new = self.sent()
        newer = self.batv.ctl("secret", "export", "--force").stdout
        prints = self.batv.json("keys")["fingerprint"]
        self.lab.clock.advance(2 * DAY)
        self.batv.stop()
        for path in self.batv.state_dir.iterdir():
            path.unlink()
        for path in backup.iterdir():
            shutil.copy2(path, self.batv.state_dir)
            shutil.chown(self.batv.state_dir / path.name, self.lab.uid, self.lab.gid)
        self.play("touch ")
        self.play("systemctl start")
        assert self.comes(old) and self.comes(new) and self.comes("alice@example.com")
        assert batv_lines(self.ours)[-2]["verdict"] == "forged"
        assert prints not in self.play("batvctl keys")
        self.lab.write(self.files / "newer-secret", newer, mode=0o600)
        self.play("batvctl secret import <newer-secret")
        self.batv.reload()
        assert self.batv.json("keys")["fingerprint"] == prints
        assert self.comes(new) and batv_lines(self.ours)[-1]["verdict"] == "valid"
        self.play("rm ")
        assert self.comes(new) and self.comes(old) and not self.comes("alice@example.com")
        self.play("batvctl secret export --backup --force >secret-of-mx1")
        self.end()
        command = re.search(r"`(batvctl secret import --backup <secret-of-mx1)`", PAGE)[1]
        self.steps = [command]
        self.play(command)
        assert self.batv.json("keys")["fingerprint"] == prints


class TestStolen(Drill):
    conf = CONF + "enforcement = reject\n"

    def test_it(self):
        self.begin("A key was stolen")
        old = self.sent()
        assert self.comes(old)
        self.play("batvctl rotate --revoke")
        self.batv.reload()
        assert not self.comes(old)
        new = self.sent()
        assert new != old and self.comes(new)
        self.play("batvctl enforce observe --for 15d")
        self.batv.reload()
        assert self.comes(old)
        self.play("batvctl secret export | ssh other")
        self.end()
        assert self.batv.json("keys")["fingerprint"] == self.other.json("keys")["fingerprint"]
        self.lab.clock.advance(15 * DAY + 60)
        self.batv.reload()
        assert not self.comes("alice@example.com")


class TestDeadForAMonth(Drill):
    def test_it(self):
        self.begin("The daemon has been dead for a month")
        self.batv.ctl("enforce", "reject")
        self.batv.reload()
        signed = self.sent()
        assert self.comes(signed) and not self.comes("alice@example.com")
        self.batv.stop()
        self.lab.clock.advance(31 * DAY)
        assert self.sent() == "alice@example.com" and self.comes("alice@example.com") and self.comes(signed)
        self.play("systemctl start")
        self.play("batvctl status", (0, 1))
        tagged = self.sent()
        assert is_signed(tagged, "alice@example.com") and self.comes(tagged)
        self.play("batvctl enforce observe --for 8d")
        self.batv.reload()
        assert self.comes("alice@example.com")
        self.end()


class TestTheClock(Drill):
    conf = CONF + "enforcement = reject\n"

    def test_it(self):
        self.begin("The clock jumped")
        before = self.sent()
        self.lab.clock.jump(40 * DAY)
        self.batv.reload()
        during = self.sent()
        assert is_signed(during, "alice@example.com")
        self.lab.clock.jump(-40 * DAY)
        assert self.play("date -u")
        self.play("systemctl restart")
        said = self.play("batvctl status", (0, 1))
        assert "clock" in said, said
        self.end()
        after = self.sent()
        for tag in before, during, after:
            assert self.comes(tag), tag
