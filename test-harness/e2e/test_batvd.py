"""batvd on a directory of its own: files, signals, changes, breaks, crashes.  No Exim is involved."""

import fcntl
import os
import pwd
import random
import re
import signal
import stat
import time

from lab import *
from batv import Batv

CONF = "domains = example.com : example.net\n"


def batv(lab, **keywords):
    return Batv(lab, conf=keywords.pop("conf", CONF), **keywords)


def daemon_with_log(b):
    """Start batvd with -d, so that its lines can be read; wait until it is ready."""
    before = (b.lab.dir / "batvd-d.output")
    before = before.read_text().count(": ready") if before.exists() else 0
    b.daemon = b.lab.spawn("batvd-d", [BUILD / "batvd", "-c", b.conf_path, "-d"], env=b.env)
    wait_until(lambda: b.daemon.output().count(": ready") > before, 10, "batvd to be ready")
    return b.daemon


def start_again(b):
    """Start batvd once more; wait until it says that it is ready."""
    b.stop()
    output = b.lab.dir / f"{b.name}-batvd.output"
    before = output.read_text().count(": ready")
    b.start()
    wait_until(lambda: b.daemon.output().count(": ready") > before, 15, "batvd to be ready again")


def wait_log(b, text, timeout=10):
    wait_until(lambda: text in b.daemon.output(), timeout, f"the line {text!r} in: {b.daemon.output()[-2000:]}")


def state(b):
    """The state's lines as {keyword: [values]}; checks that it is whole."""
    text = (b.state_dir / "state").read_text()
    lines = text.splitlines()
    assert lines[0] == "exim-batv state 1" and re.fullmatch("end [0-9a-f]{16}", lines[-1]), text
    found = {}
    for line in lines[1:-1]:
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found


def breaks(b):
    return state(b).get("break", [])


def keys(b):
    return {k["number"]: k for k in b.json("keys")["keys"]}


def edit_secret(b, change):
    """Replace the secret file by CHANGE(its text), as an administrator might."""
    path = b.state_dir / "secret"
    b.lab.write(path, change(path.read_text()), mode=0o600)


# -- start and end


def test_first_start(lab):
    b = batv(lab)
    want = {"secret": 0o600, "state": 0o640, "memory": 0o660, "lock": 0o600, "batvd.lock": 0o600}
    found = {p.name: stat.S_IMODE(p.stat().st_mode) for p in b.state_dir.iterdir()}
    assert found == want, found
    directory = b.state_dir.stat()
    for path in b.state_dir.iterdir():
        st = path.stat()
        assert (st.st_uid, st.st_gid, st.st_nlink) == (directory.st_uid, directory.st_gid, 1), path
    assert len(state(b)["key"]) == 3 and breaks(b) == []
    memory = (b.state_dir / "memory").stat()
    assert memory.st_blocks * 512 >= memory.st_size, "not every block is allocated"


def test_files_take_the_directorys_group(lab):
    needs_root("a directory of another group")
    b = batv(lab, start=False)
    os.chown(b.state_dir, lab.uid, 8)
    b.state_dir.chmod(0o2750)
    b.daemon = lab.spawn("batvd-root", [BUILD / "batvd", "-c", b.conf_path], user="root")
    wait_until(lambda: b.serial(), 10, "a state")
    own = pwd.getpwuid(lab.uid).pw_gid
    assert own != 8

    def shared():
        modes = {path.name: path.stat() for path in b.state_dir.iterdir()}
        assert {"secret", "state", "memory", "lock"} <= set(modes)
        for name, st in modes.items():
            assert (st.st_uid, st.st_gid) == (lab.uid, 8), name
        assert [oct(modes[name].st_mode & 0o777) for name in ("secret", "state", "memory")] == ["0o600", "0o640", "0o660"]
    shared()
    status = (lab.dir / f"/proc/{b.daemon.pid}/status").read_text()
    assert re.search(rf"^Uid:\t{lab.uid}\t{lab.uid}\t{lab.uid}\t", status, re.M), status
    # It is in its own group alone: what Exim's group may read is not for it.
    assert re.search(rf"^Gid:\t{own}\t{own}\t{own}\t", status, re.M), status
    assert re.search(rf"^Groups:\t{own} $", status, re.M), status
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M), status
    # batvctl as root writes as the owner, too.
    done = lab.run([BUILD / "batvctl", "-c", b.conf_path, "rotate"], user="root")
    assert "batvd has published it" in done.stdout, done
    shared()
    # and so does the owner himself, without being in the directory's group; removed files come back the same.
    for path in b.state_dir.glob("[sm]*"):
        if path.name != "secret":
            path.unlink()
    done = lab.run([BUILD / "batvctl", "-c", b.conf_path, "rotate"], group=own)
    assert "batvd has published it" in done.stdout, done
    wait_until(lambda: (b.state_dir / "memory").exists(), 20, "a new memory")
    shared()
    for group, name, may in ((8, "secret", False), (8, "state", True), (own, "secret", False), (own, "state", False)):
        done = lab.run(["head", "-c", "1", b.state_dir / name], user="nobody", group=group, check=False)
        assert (done.returncode == 0) == may, (group, name, done)


def test_a_directory_whose_group_new_files_would_not_get(lab):
    """Exim could not read the state: that is said, with what to do, and nothing is written."""
    needs_root("a directory of another group")
    b = batv(lab, start=False)
    os.chown(b.state_dir, lab.uid, 8)
    b.state_dir.chmod(0o750)
    for argv in ["batvd"], ["batvctl", "rotate"]:
        done = lab.run([BUILD / argv[0], "-c", b.conf_path, *argv[1:]], user="root", check=False)
        assert done.returncode == 3 and done.stderr.count("\n") == 1, done
        assert f"Exim could not read them; correct it with: chmod 2750 {b.state_dir}" in done.stderr, done
    assert list(b.state_dir.iterdir()) == []
    b.state_dir.chmod(0o2750)
    b.daemon = lab.spawn("batvd-root", [BUILD / "batvd", "-c", b.conf_path], user="root")
    wait_until(lambda: b.serial(), 10, "a state")


def test_restart_changes_nothing(lab):
    b = batv(lab)
    before = (b.state_dir / "state").read_bytes(), (b.state_dir / "secret").read_bytes()
    start_again(b)
    assert before == ((b.state_dir / "state").read_bytes(), (b.state_dir / "secret").read_bytes())


def test_second_instance_is_refused(lab):
    b = batv(lab)
    done = b.lab.run([BUILD / "batvd", "-c", b.conf_path], check=False)
    assert done.returncode == 3 and "another batvd" in done.stderr and done.stderr.count("\n") == 1, done
    assert b.daemon.alive()


def test_what_a_crash_left_is_removed(lab):
    """At start, under the writers' lock, files of our own names alone."""
    b = batv(lab)
    b.stop()
    ours = [".state.new", ".secret.new", ".memory.new", ".memory.7.new"]
    others = [".memory.07.new", ".memory.x.new", ".observe.new", "state.new", ".state.new.bak", ".new", ".mine.new", ".memory.7"]
    for name in ours + others:
        lab.write(b.state_dir / name, "unfinished", mode=0o600)
    (b.state_dir / ".memory.8.new").mkdir()
    before = set(os.listdir(b.state_dir))
    # Somebody is writing: his file is not touched.
    writer = open(b.state_dir / "lock")
    fcntl.flock(writer, fcntl.LOCK_EX)
    b.daemon = lab.spawn("batvd-d", [BUILD / "batvd", "-c", b.conf_path, "-d"], env=b.env)
    wait_until(lambda: "batvd.lock" in os.listdir(b.state_dir) and b.json("status")["batvd"] != "not running", 10, "batvd to run")
    wait_until(lambda: "holds this lock" in b.daemon.output(), 30, "batvd to give up on the lock")
    assert before <= set(os.listdir(b.state_dir))
    b.stop()
    writer.close()
    daemon_with_log(b)
    assert before - set(os.listdir(b.state_dir)) == set(ours)
    assert "removed 4 unfinished files that a crash had left" in b.daemon.output()


def test_end(lab):
    b = batv(lab)
    for number in signal.SIGTERM, signal.SIGINT:
        start = time.monotonic()
        b.daemon.signal(number)
        assert b.daemon.wait(12) == 0
        assert time.monotonic() - start < 10       # at once, not at the next look, 15 s away
        start_again(b)


def test_wrong_starts(lab):
    b = batv(lab, start=False)

    def fails(code, text, *argv):
        done = lab.run([BUILD / "batvd", *argv], check=False)
        assert done.returncode == code, done
        assert text in done.stderr and done.stderr.count("\n") == 1 and not done.stdout, done

    fails(2, "unknown option -x", "-x")
    fails(2, "option -c requires an argument", "-c")
    fails(2, "unexpected argument extra", "-c", b.conf_path, "extra")
    fails(2, "/nowhere/x.conf", "-c", "/nowhere/x.conf")
    b.conf("domains = $x\n")
    fails(2, "exim-batv.conf:2: domains:", "-c", b.conf_path)
    b.conf(CONF)
    b.state_dir.rmdir()
    fails(3, f"install -d -o batv -g Debian-exim -m 2750 {b.state_dir}", "-c", b.conf_path)
    lab.mkdir("batv", "state", mode=0o777)
    fails(3, "nobody but its owner may write", "-c", b.conf_path)
    for option in "--help", "-h", "--version":
        done = lab.run([BUILD / "batvd", option])
        assert done.stdout.startswith(("batvd - ", "batvd 0", "batvd ")) and not done.stderr


def test_foreign_directory(lab):
    needs_root("a directory of somebody else")
    b = batv(lab, start=False)
    os.chown(b.state_dir, 1, 1)
    b.state_dir.chmod(0o755)
    done = lab.run([BUILD / "batvd", "-c", b.conf_path], check=False)
    assert done.returncode == 3 and "only its owner or root" in done.stderr, done
    assert list(b.state_dir.iterdir()) == []


def test_directory_replaced(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    b.state_dir.rename(b.dir / "old")
    lab.mkdir("batv", "state", mode=0o750)
    b.daemon.hup()
    assert b.daemon.wait(15) == 3
    assert "was removed or replaced" in b.daemon.output()
    assert list(b.state_dir.iterdir()) == []


# -- changes


def test_hup_publishes_always(lab):
    b = batv(lab)
    first = state(b)
    b.reload()
    second = state(b)
    assert int(second["serial"][0]) == int(first["serial"][0]) + 1
    assert first["key"] == second["key"] and "break" not in second


def test_broken_configuration(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    before = (b.state_dir / "state").read_bytes()
    b.conf("domains = example.com\ngrace = never\n")
    wait_log(b, "exim-batv.conf:3: grace")
    assert (b.state_dir / "state").read_bytes() == before
    status = b.json("status")
    assert status["configuration_ok"] is False and "exim-batv.conf:3: grace" in status["problems"][0], status
    assert "last good configuration stays in force" in status["problems"][0]
    assert status["state"]["usable"] is True
    # HUP says nothing new, and publishes the last good one.
    b.reload()
    assert state(b)["domains"] == ["example.com : example.net"]
    assert b.daemon.output().count("exim-batv.conf:3: grace") == 1
    # Put right: noticed without a signal.
    b.conf("domains = example.org\n")
    wait_until(lambda: state(b)["domains"] == ["example.org"], 10, "the new configuration")
    wait_log(b, "in order again")
    assert b.problems() == []


def test_configuration_written_in_place(lab):
    b = batv(lab)
    with open(b.conf_path, "a") as file:
        file.write("grace = 9d\n")
    wait_until(lambda: state(b)["grace"] == ["9d"], 10, "the changed grace")
    b.conf_path.unlink()
    wait_log(b, "batvd keeps the last good configuration")
    assert state(b)["grace"] == ["9d"]
    b.conf(CONF)
    wait_until(lambda: state(b)["grace"] == ["7d"], 10, "the default grace")


def test_directory_option_is_not_followed(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    lab.write(b.conf_path, f"directory = {lab.mkdir('other')}\n{CONF}")
    wait_log(b, "restart batvd to use it")
    assert list((lab.dir / "other").iterdir()) == []


def test_changed_rotation_adds_a_secret(lab):
    b = batv(lab)
    b.set(CONF, key_rotation="3d")
    assert len(re.findall("^secret ", (b.state_dir / "secret").read_text(), re.M)) == 2
    assert "break" not in state(b)
    assert b.problems() == []
    b.reload()
    start_again(b)
    assert len(re.findall("^secret ", (b.state_dir / "secret").read_text(), re.M)) == 2


def test_too_many_keys(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    before = (b.state_dir / "secret").read_bytes()
    b.conf(CONF, key_rotation="1d", key_retention="90d")
    wait_log(b, "more than 64 live keys")
    assert (b.state_dir / "secret").read_bytes() == before
    done = b.ctl("check", check=False)
    assert done.returncode == 2 and "64 live keys" in done.stderr, done
    assert any("64 live keys" in p for p in b.json("status")["problems"])
    b.conf(CONF)
    wait_log(b, "in order again")


def test_legacy_keys(lab):
    b = batv(lab)
    lab.write("old-keys", "until 2099-01-01 text geheim\n", mode=0o600)
    b.conf(CONF, legacy_keys=lab.dir / "old-keys")
    wait_until(lambda: "legacy" in state(b), 10, "the legacy key")


def test_removed_files_come_back(lab):
    b = batv(lab)
    for name in "state", "memory":
        (b.state_dir / name).unlink()
        wait_until(lambda: (b.state_dir / name).exists(), 10, f"a new {name}")
    # The daemon knew the state: nothing was forgotten.
    assert breaks(b) == [] and b.serial() > 1
    for name in "state", "memory":
        lab.write(b.state_dir / name, b"rubbish", mode=0o640)
        wait_until(lambda: (b.state_dir / name).stat().st_size > 100, 10, f"a new {name}")
    assert breaks(b) == []
    wait_until(lambda: b.problems() == [], 10, "no problems")


def test_full_disk_or_unwritable_directory(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    before = (b.state_dir / "state").read_bytes()
    (b.state_dir / ".state.new").mkdir()        # no room for a temporary file of that name
    b.conf("domains = example.org\n")
    wait_log(b, "cannot write the state")
    b.told.clear()
    b.daemon.hup()
    wait_until(lambda: "READY=1" in b.told, 10, "batvd to have looked again")
    assert b.daemon.output().count("cannot write the state") == 1
    assert (b.state_dir / "state").read_bytes() == before
    (b.state_dir / ".state.new").rmdir()
    b.reload()
    assert state(b)["domains"] == ["example.org"]
    wait_log(b, "the state is in order again")


def test_watchdog_is_kept_alive(lab):
    """As often as the manager wants it; a batvd without watchdog looks every 15 seconds."""
    b = Batv(lab, env={"WATCHDOG_USEC": "2000000"})
    wait_until(lambda: b.told.count("WATCHDOG=1") >= 3, 10, "three signs of life")


def test_observe_file_is_told(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    b.observe_file(True)
    wait_log(b, "nothing is refused until it is removed")
    assert any("observe" in p for p in b.json("status")["problems"])
    b.observe_file(False)
    wait_log(b, "was removed")


# -- secrets and breaks


def test_secret_lost(lab):
    b = batv(lab)
    b.stop()
    (b.state_dir / "secret").unlink()
    start_again(b)
    (line,) = breaks(b)
    assert re.fullmatch(r"\* \d+ \d+ secret \d+ was lost", line), line
    b.reload()
    assert breaks(b) == [line]


def test_secret_removed_while_running(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    text = (b.state_dir / "secret").read_text()
    (b.state_dir / "secret").unlink()
    wait_log(b, "secret: is missing; restore it")
    before = state(b)["key"]
    lab.write(b.state_dir / "secret", text, mode=0o600)
    wait_log(b, "the secret file is in order again")
    assert state(b)["key"] == before and breaks(b) == []
    (b.state_dir / "secret").unlink()
    b.reload()
    assert len(breaks(b)) == 1 and "was lost" in breaks(b)[0]


def test_secret_damaged(lab):
    b = batv(lab, start=False)
    daemon_with_log(b)
    before = state(b)["key"]
    edit_secret(b, lambda text: re.sub(r"^secret ", "nonsense\nsecret ", text, count=1, flags=re.M))
    wait_log(b, f"{b.state_dir}/secret:2:")
    b.reload()
    assert state(b)["key"] == before and breaks(b) == []
    b.stop()
    daemon_with_log(b)
    assert state(b)["key"] == before


def test_secret_replaced(lab):
    b = batv(lab)
    edit_secret(b, lambda text: re.sub(r"^(secret( \d+){4}) \w+", r"\1 " + "ab" * 32, text, flags=re.M))
    wait_until(lambda: breaks(b), 10, "a break")
    assert "was replaced" in breaks(b)[0]


def test_signing_off_and_on(lab):
    b = batv(lab)
    b.set(CONF, signing="off")
    assert "signing was switched off" in breaks(b)[0]
    b.set(CONF)
    assert "switched on again" in breaks(b)[0] and len(breaks(b)) == 1
    b.set(CONF + "[policy shop]\ndomains = example.org\n")
    b.set(CONF + "[policy shop]\ndomains = example.org\nsigning = off\n")
    assert [line.split()[0] for line in breaks(b)] == ["default", "shop"]


def test_clock(lab):
    """Steps of a day are no jump, whatever is done between them; longer ones are, back or forth."""
    lab.clock.set(1796126400)
    b = batv(lab)
    first = b.json("keys")["keys"]
    lab.clock.advance(30 * DAY)
    assert breaks(b) == [], breaks(b)
    later = b.json("keys")["keys"]
    assert not {k["epoch"] for k in first} & {k["epoch"] for k in later}
    assert len([k for k in later if k["state"] == "current"]) == 1
    assert abs(int(state(b)["written"][0]) - lab.clock.now()) < 20
    lab.clock.advance(-1.5 * DAY)
    assert breaks(b) == []
    lab.clock.jump(-1.5 * DAY)
    assert "the clock jumped back by 1d" in breaks(b)[0]


def test_keys_ran_out(lab):
    lab.clock.set(1796126400)
    b = batv(lab)
    b.stop()
    lab.clock.advance(13 * DAY)
    start_again(b)
    assert breaks(b) == []
    b.stop()
    lab.clock.jump(40 * DAY)
    start_again(b)
    assert "ran out" in breaks(b)[0]


# -- crashes


def whole(path, first):
    """A file is there, complete, by its own rules."""
    text = path.read_text()
    assert text.startswith(first) and text.endswith("\n"), text
    return text


@timeout(240)
def test_killed_at_any_moment(lab):
    """kill -9 while it works hard: every file is old or new, and the next start goes on from there."""
    b = batv(lab)
    rng = random.Random(1)
    known = set()
    for _ in range(30):
        b.conf(CONF, grace=f"{rng.randint(1, 300)}d", key_rotation=f"{rng.randint(7, 300)}d", key_retention="1d")
        b.daemon.hup()
        time.sleep(rng.uniform(0, 0.02))        # the moment is what this test is about
        b.daemon.kill()
        text = whole(b.state_dir / "state", "exim-batv state 1\n")
        assert re.search(r"^end [0-9a-f]{16}\n\Z", text, re.M), text
        secrets = set(re.findall(r"^secret (\d+ \d+) ", whole(b.state_dir / "secret", "exim-batv secret 1\n"), re.M))
        assert known <= secrets, "a secret was lost"
        known = secrets
        b.ctl("sign", "alice@example.com")      # reads the state as Exim does
        start_again(b)
    assert breaks(b) == [], breaks(b)
    left = {p.name for p in b.state_dir.iterdir()}
    assert left <= {"secret", "state", "memory", "lock", "batvd.lock", ".state.new", ".secret.new"}, left
