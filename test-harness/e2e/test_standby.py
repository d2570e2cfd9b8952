"""A configuration that is wrong, or cannot be read: batvd starts, stays, and makes keys from what it published last."""

import re

from answers import *

NOON = 1_900_000_000
# Nothing of it is a default.
GOOD = (CONF + "enforcement = reject\nmemory_capacity = 2k\nmemory_retention = 9d\nkey_rotation = 3d\n"
        "key_retention = 5d\nevidence_bytes = 64K\ngrace = 12d\n")
WRONG = GOOD + "grace = never\n"


class Site(Ours):
    def __init__(self, lab, conf=GOOD):
        self.lab = lab
        lab.clock.set(NOON)
        self.batv = Batv(lab, conf=conf)
        self.sink = Sink(lab)
        self.ours = batv_exim(lab, self.batv, self.sink)
        self.secret = self.lines("secret", "secret")

    def lines(self, name, keyword):
        return re.findall(rf"^{keyword} .*$", (self.batv.state_dir / name).read_text(), re.M)

    def options(self):
        """All that the state says of the configuration."""
        text = (self.batv.state_dir / "state").read_text()
        return re.findall(r"^(?!key |written |serial |break |end ).*$", text, re.M)

    def restart(self):
        self.batv.stop()
        self.batv.start()

    def sent(self):
        count = len(self.sink.messages)
        self.write("erin@theirs.test", new_id())
        return self.sink.wait(count + 1)[-1].sender

    def flows(self):
        """Mail leaves signed, its bounces come in, backscatter does not."""
        tagged = self.sent()
        assert is_signed(tagged, "alice@test")
        assert self.ours.inject("", tagged, bounce(tagged), STRANGER).data.code == 250
        self.unproven(bounce("alice@test"), "dsn")

    def status(self):
        """What systemctl status shows."""
        return [line for line in self.batv.told if line.startswith("STATUS=")][-1]

    def in_order(self):
        wait_until(lambda: self.status().startswith("STATUS=state "), 40, "batvd to be in order again")
        wait_until(lambda: self.batv.problems() == [], 20, "no problem")

    def degraded(self, text):
        assert self.status().startswith("STATUS=degraded") and text in self.status(), self.status()
        done = self.batv.status()
        first = done.stdout.splitlines()[1]
        assert done.returncode == 1 and text in first, done
        assert re.search(r": since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC the last good configuration stays in force", first), first


def wrong_option(site):
    site.batv.conf(WRONG)
    return "exim-batv.conf:11: grace: "


def many_lines_wrong(site):
    site.batv.conf("nonsense\n" + GOOD + "[policy x\n")
    return "exim-batv.conf:2: "


def legacy_file_missing(site):
    site.batv.conf(GOOD, legacy_keys=site.lab.dir / "nowhere")
    return "legacy_keys: "


KINDS = [wrong_option, many_lines_wrong, legacy_file_missing]


def test_starts_and_goes_on(lab):
    """A restart, and a month: keys, policies, secret and memory are what they were."""
    site = Site(lab)
    before = site.options()
    text = wrong_option(site)
    site.restart()
    site.degraded(text)
    assert (site.options(), site.lines("secret", "secret")) == (before, site.secret)
    site.flows()
    lab.clock.advance(30 * DAY)
    site.flows()
    site.restart()
    site.flows()
    assert (site.options(), site.lines("secret", "secret")) == (before, site.secret)
    assert site.lines("state", "break") == []
    # once it is correct, batvd reads it
    site.batv.set(GOOD, grace="9d")
    site.in_order()
    site.flows()


def test_every_kind(lab):
    site = Site(lab)
    before = site.options()
    for kind in KINDS:
        text = kind(site)
        site.restart()
        site.degraded(text)
        assert site.options() == before, kind
        site.batv.set(GOOD)
        site.in_order()


def test_a_file_that_cannot_be_read(lab):
    """Missing, without permission, a directory: -s names the state directory then."""
    site = Site(lab)
    before = site.options()
    path, aside = site.batv.conf_path, site.batv.dir / "aside"

    def missing():
        path.rename(aside)

    def directory():
        path.rename(aside)
        path.mkdir()

    def no_permission():
        path.rename(aside)
        lab.write(path, aside.read_text(), mode=0o000)

    def others_may_write():
        path.rename(aside)
        lab.write(path, aside.read_text(), mode=0o666)

    for damage in missing, directory, no_permission, others_may_write:
        damage()
        site.batv.stop()
        site.batv.told.clear()
        site.batv.daemon = lab.spawn("batvd-s", [BUILD / "batvd", "-c", path, "-s", site.batv.state_dir, "-d"],
                                     env=site.batv.env)
        wait_until(lambda: "READY=1" in site.batv.told, 15, f"batvd to start: {damage.__name__}")
        assert site.status().startswith("STATUS=degraded"), site.batv.told
        assert site.options() == before
        site.flows()
        if path.is_dir():
            path.rmdir()
        aside.rename(path)
        site.in_order()


def test_no_state_and_a_wrong_configuration(lab):
    """Nothing to go on with: one line, as ever, and systemd does not try again."""
    batv = Batv(lab, conf=WRONG, start=False)
    for damaged in False, True:
        if damaged:
            lab.write(batv.state_dir / "state", "rubbish\n", mode=0o640)
        done = lab.run([BUILD / "batvd", "-c", batv.conf_path], check=False)
        assert done.returncode == 2 and "exim-batv.conf:11: grace: " in done.stderr, done
        assert done.stderr.count("\n") == 1 and "secret" not in {p.name for p in batv.state_dir.iterdir()}, done


def test_it_is_said_once_a_day(lab):
    site = Site(lab)
    site.batv.stop()                    # or it may read and report the file before it is stopped
    text = wrong_option(site)
    site.batv.start()
    for _ in range(3):
        site.batv.reload()
    told = lambda: sum(text in line for line in site.batv.log())
    assert told() == 1, site.batv.log()
    lab.clock.advance(DAY)
    assert told() == 2
    site.batv.reload()
    assert told() == 2
    lab.clock.advance(2 * DAY)
    assert told() == 4


def test_commands(lab):
    """What they need is in the state; each warns, but for `check`, which says what is wrong."""
    site = Site(lab)
    tagged = site.sent()
    text = wrong_option(site)
    site.restart()
    lab.write("message", bounce("alice@test"))

    def warns(*argv, code=0):
        done = site.batv.ctl(*argv, check=False)
        assert done.returncode == code, done
        assert "batvctl: warning: " in done.stderr and text in done.stderr, done
        return done.stdout

    assert warns("keys").startswith("keys, secret file ")
    assert warns("secret", "export", "--backup").startswith("exim-batv secret 1\n")
    assert "not evaluated" in warns("sign", "alice@test", code=3)       # +local_domains: `exim` is not known
    assert "not evaluated" in warns("verify", tagged, code=3)
    assert "class      dsn" in warns("explain", lab.dir / "message", code=3)
    assert "added secret" in warns("rotate")
    (new,) = set(site.lines("secret", "secret")) - set(site.secret)
    assert new.split()[3:5] == [str(3 * DAY), str(5 * DAY)]
    done = site.batv.ctl("check", check=False)
    assert done.returncode == 2 and text in done.stderr and "warning" not in done.stderr, done
    site.flows()


def test_a_lost_memory_is_not_made_in_another_size(lab):
    site = Site(lab)
    text = wrong_option(site)
    site.batv.stop()
    (site.batv.state_dir / "memory").unlink()
    site.batv.start()
    site.degraded(text)
    assert not (site.batv.state_dir / "memory").exists()
    assert any("its size is not known" in line for line in site.batv.log())
    assert is_signed(site.sent(), "alice@test")
    site.batv.set(GOOD)
    wait_until(lambda: (site.batv.state_dir / "memory").exists(), 20, "a new memory")
    assert site.batv.json("status")["memory"]["ids"]["capacity"] == 2000
