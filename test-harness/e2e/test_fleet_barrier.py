"""The fleet in the judge: a server is complete by what the fleet knows, and waits before it refuses for the memory's sake.

batv-fleet is played by the test, which sets the words of the memory file that batv-fleet sets.
"""

import os
import signal
import struct
import subprocess
import threading

from answers import *
from fleet_memory import FleetMemory
from kinds import ACL
from lab_base import descendants, process_table
from lab_debian import Installation
from formats import hkdf

FLEET = MEMORY + SHORT + "fleet = mail.example\nfleet_servers = localhost\n"
REFUSED, FLEET_BEHIND, NO_MEMORY = ("reject", "-"), ("mark", "fleet-behind"), ("mark", "no-memory")


class Member(Ours):
    """A server of a fleet; its memory has just been made, and other servers have the secret, too."""

    conf = FLEET
    kind = None

    def setup(self):
        self.batv = Batv(self.lab, conf=self.conf, kind=self.kind,
                         exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.batv.ctl("secret", "export")
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink,
                              **({"installation": Installation(self.lab, "ours", self.kind)} if self.kind else {}))
        self.tag_of()
        self.samples()
        self.batv.stop()
        self.fleet = FleetMemory(self.batv)
        self.lab.on_end(self.fleet.close)

    def complete(self):
        """All words say so, and fleet_until stands still."""
        self.fleet.stop()
        self.fleet.set_since(int(self.fleet.now() / 1000) - 4 * DAY)
        self.fleet.set_sends("test")

    def cites(self, message_id=None):
        return out_of_office("away@theirs.test", In_Reply_To=f"<{message_id or new_id('unknown')}>")

    def backscatter(self, *outcomes, **how):
        """What becomes of an automatic reply that cites mail which was never sent: one of OUTCOMES."""
        code, line = self.replay(self.cites(), **how)
        got = line["action"], line["reason"]
        assert got in outcomes and line["verdict"] == "missing" and code == (550 if got == REFUSED else 250), line
        return got

    def refused(self):
        """The fleet is there, so it is refused.  A machine that sleeps for two seconds may let one in."""
        assert REFUSED in (self.backscatter(REFUSED, FLEET_BEHIND) for _ in range(5))

    def spared(self):
        return self.batv.json("status")["counters"]["spared"]["fleet-behind"]

    def explained(self):
        path = self.lab.write(self.lab.dir / "reply.eml", self.cites())
        told = self.batv.json("explain", "--from", "", "--rcpt", "alice@test", "--host", STRANGER, path)
        return (told["action"], told["reason"]), told

    def waiting(self):
        """The Exim process that waits for the fleet."""
        def asleep():
            ours = descendants(process_table(), {self.ours.daemon.pid})
            return [p for p in ours if read(f"/proc/{p}/wchan").endswith("nanosleep")]
        return wait_until(asleep, 15, "an Exim that waits", interval=0.01)[0]

    def while_it_waits(self, act, message=None, mark="-"):
        """Send MESSAGE, call ACT with the process that waits; gives the code, the decision and X-BATV-Status."""
        answers = []
        message = message or self.cites()
        self.fleet.set_until(self.fleet.now() - 1000)

        def send():
            try:
                answers.append(self.replay(message, mark=mark))
            except (AssertionError, OSError, ValueError) as error:
                answers.append(error)
        thread = threading.Thread(target=send)
        thread.start()
        act(self.waiting())
        thread.join(60)
        return answers[0]


def read(path):
    try:
        return open(path).read()
    except OSError:
        return ""


class TestFleet(Member):
    def test_complete(self):
        """A new server whose secret is shared is complete at once, by the fleet's word; every other word is a lack."""
        assert self.recall()["lacks"] == "fleet", self.recall()
        self.backscatter(NO_MEMORY)
        self.fleet.set_since(int(self.fleet.now() / 1000) - 4 * DAY)
        assert self.recall()["lacks"] == "sending", self.recall()
        assert "servers of the fleet that send its mail" in self.batv.status().stdout
        self.backscatter(NO_MEMORY)
        self.fleet.set_sends("test")
        assert self.recall()["complete"], self.recall()
        self.fleet.run()
        self.refused()
        self.fleet.stop()
        self.fleet.set_since(int(self.fleet.now() / 1000) - 3 * DAY + 600)
        assert "it has what the fleet sent only since" in self.recall()["text"]
        self.backscatter(NO_MEMORY)

    def test_passes(self):
        self.complete()
        self.fleet.run()
        self.refused()
        assert self.explained()[0] == REFUSED
        # what proves itself needs no fleet
        self.fleet.stop()
        self.fleet.set_until(0)
        sent = new_id()
        self.write("erin@theirs.test", sent)
        self.remembered(self.cites(sent), "autoreply", "id", sent)

    def test_stale(self):
        """Without a word of the fleet there is no refusal for the memory's sake, and no wait."""
        self.complete()
        before = self.spared()
        for until in 0, self.fleet.now() - 3600_000, self.fleet.now() + 3600_000:
            self.fleet.set_until(until)
            self.backscatter(FLEET_BEHIND, mark=(mark := new_id()))
        action, told = self.explained()
        assert action == FLEET_BEHIND and "another server of the fleet may just have sent" in told["text"], told
        status = self.status_of("alice@test", mark)
        assert "; reason=fleet-behind;" in status, status
        assert self.spared() == before + 3
        assert 'reason="fleet-behind"' in self.batv.ctl("metrics").stdout
        found = self.batv.ctl("why", "alice@test", self.ours.dir / "log" / "mainlog").stdout
        assert "this server did not learn of it in time" in " ".join(found.split()), found
        # a bounce is refused for its missing tag, as ever
        self.unproven(bounce("alice@test", message_id=new_id("forged")), "dsn")

    def test_behind(self):
        """It was there a second ago, and does not go on: two seconds later the message is let in."""
        self.complete()
        code, line = self.while_it_waits(lambda pid: None)
        assert (code, line["action"], line["reason"]) == (250, *FLEET_BEHIND), line

    def test_it_arrives_meanwhile(self):
        """What another server has just sent comes while Exim waits: then the answer is welcome."""
        self.complete()
        for _ in range(5):
            sent = new_id("elsewhere")

            def arrives(pid):
                self.batv.ctl("remember", "-", input=f"<{sent}> alice@test\n")
                self.fleet.set_until(self.fleet.now() + 1000)
            code, line = self.while_it_waits(arrives, self.cites(sent))
            assert code == 250 and (line["verdict"], line["reason"]) in (("remembered", "id"), ("missing", "fleet-behind")), line
            if line["verdict"] == "remembered":
                assert line["msgid"] == sent, line
                return
        raise AssertionError("the fleet was never in time")

    def test_a_process_that_is_ended_loses_nothing(self):
        """Either the client has an answer, and it is true, or it has none, and sends again."""
        self.complete()
        for number in signal.SIGKILL, signal.SIGTERM, signal.SIGINT:
            mark = new_id()
            answer = self.while_it_waits(lambda pid: os.kill(pid, number), mark=mark)
            accepted = isinstance(answer, tuple) and answer[0] == 250
            if accepted:
                self.status_of("alice@test", mark)
            wait_until(lambda: not self.ours.spool_ids(), 15, "an empty queue")
            assert sum(m["X-Replay"] == mark for m in self.ours.mailbox("alice")) == accepted, (number, answer)
            print(f"{number.name}: {'accepted' if accepted else answer}")
        self.fleet.run()
        self.refused()

    def test_several_recipients_wait_once(self):
        """One is refused with all the others; one decision for a message, whatever is known in between."""
        self.complete()
        self.fleet.set_until(0)
        count = len(batv_lines(self.ours))
        result = self.ours.inject("", ["alice@test", "bob@test", "carol@test"], self.cites(), STRANGER)
        assert result.data.code == 250, result
        assert [line["reason"] for line in batv_lines(self.ours)[count:]] == ["fleet-behind"] * 3


class TestShare(Member):
    """What batvd gives batv-fleet: a key that signs nothing."""

    def setup(self):
        self.batv = Batv(self.lab, conf=self.conf)

    def test_key(self):
        path = self.batv.state_dir / "fleet.key"
        text = (self.batv.state_dir / "state").read_text()
        memory_key = bytes.fromhex(re.search(r"(?m)^memory_key (.+)$", text)[1])
        lines = dict(line.partition(" ")[::2] for line in path.read_text().splitlines())
        assert lines["key"] == hkdf(memory_key, b"exim-batv fleet 1").hex() and lines["fleet"] == "mail.example", lines
        assert lines["memory"] == re.search(r"(?m)^memory (.+)$", text)[1] and "end" in lines, lines
        assert path.stat().st_mode & 0o707 == 0o400
        # another key of the memory comes in with another set of secrets
        other = Batv(self.lab, name="other")
        self.batv.ctl("secret", "import", input=other.ctl("secret", "export").stdout)
        wait_until(lambda: lines["key"] not in path.read_text(), 15, "another fleet.key")
        self.batv.set(MEMORY + SHORT)
        wait_until(lambda: not path.exists(), 15, "no fleet.key")
        assert any("there is no fleet any more" in line for line in self.batv.log())


def test_another_user(lab):
    """batv-fleet gets what it needs and nothing else, and the directory keeps its setgid bit, without which Exim could not read
    the next state.  In a mount namespace of its own there is such a user."""
    needs_root("another user")
    owner, fleet = 60001, 60002
    users = lab.write(lab.dir / "passwd", open("/etc/passwd").read() + f"batv-test:x:{owner}:{owner}::/:/bin/false\n"
                      f"batv-fleet:x:{fleet}:{owner}::/:/bin/false\n", mode=0o644)
    lab.dir.chmod(0o755)
    state = lab.mkdir("other-state")
    os.chown(state, owner, 8)
    state.chmod(0o2750)
    conf = "directory = {}\nexim = none\ndomains = a.test\nmemory_capacity = 1k\n".format(state)
    path = lab.write(lab.dir / "other.conf", conf + "fleet = mail.example\nfleet_servers = localhost\n", mode=0o644)
    done = subprocess.run(["unshare", "-m", "mount", "--bind", users, "/etc/passwd"], capture_output=True)
    if done.returncode:
        skip(f"no mount namespace here: {done.stderr.decode().strip()}")
    batvd = lab.spawn("other-batvd", ["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc/passwd && exec "$2" -c "$3" -f -d', "-",
                                      users, BUILD / "batvd", path], user="root")
    wait_until(lambda: (state / "fleet.key").exists() and "ready, version" in batvd.output(), 15, "batvd")
    assert f"user batv-fleet cannot look into it; run: setfacl -m u:batv-fleet:rx {state}" in " ".join(batvd.output().split())
    may = lambda test, name: subprocess.run(
        ["setpriv", f"--reuid={fleet}", f"--regid={owner}", "--clear-groups", "test", test, state / name]).returncode == 0
    assert not may("-r", "fleet.key")           # not before root says so
    acl = b"".join(struct.pack("<HHI", *e) for e in ((1, 7, 2**32 - 1), (2, 5, fleet), (4, 5, 2**32 - 1), (16, 5, 2**32 - 1), (32, 0, 2**32 - 1)))
    os.setxattr(state, "system.posix_acl_access", struct.pack("<I", 2) + acl)
    for test, name, allowed in (("-r", "fleet.key", True), ("-w", "fleet.key", False), ("-r", "memory", True), ("-w", "memory", True),
                                ("-r", "fleet.row", True), ("-w", "fleet.row", False), ("-r", "state", False), ("-r", "secret", False),
                                ("-w", ".", False)):
        assert may(test, name) == allowed, (test, name)
    before = (state / "state").read_bytes()     # an inode number may come again
    lab.write(path, conf, mode=0o644)
    batvd.hup()
    wait_until(lambda: not (state / "fleet.key").exists() and (state / "state").read_bytes() != before, 15, "no fleet.key")
    wait_until(lambda: not may("-r", "memory"), 15, "no access")
    assert state.stat().st_mode & 0o7777 == 0o2750, oct(state.stat().st_mode)
    assert (state / "state").stat().st_gid == 8, (state / "state").stat()
    batvd.stop()


class TestUntaggedBounces(Member):
    """Where some mail leaves untagged on purpose, a bounce is refused only if the memory disproves it."""

    conf = FLEET + "unsigned_destinations = *@lists.test\n"

    def test_a_bounce_without_a_tag(self):
        self.complete()
        self.fleet.set_until(0)
        dsn = lambda: make_bounce(original=f"Message-ID: <{new_id()}>\nSubject: a message\n\n")
        self.unproven(dsn(), "dsn", outcome=FLEET_BEHIND)
        self.fleet.run()
        for _ in range(5):
            code, line = self.replay(dsn())
            if (line["action"], line["reason"]) == REFUSED and code == 550:
                return
        raise AssertionError(line)


class TestByAcl(Member):
    """Without local_scan(): batv_refuse in the DATA ACL."""

    kind = ACL

    def test_the_same(self):
        self.complete()
        self.fleet.set_until(0)
        self.backscatter(FLEET_BEHIND)
        self.fleet.run()
        self.refused()


class TestAlone(Member):
    """The secret is shared, and there is no fleet: the memory is never complete, whatever its header says."""

    conf = MEMORY + SHORT

    def test_shared(self):
        self.complete()
        self.fleet.run()
        assert self.recall()["lacks"] in ("age", "shared"), self.recall()
        self.backscatter(NO_MEMORY)
