"""Every kind of trouble: mail flows, nothing is refused, nothing is signed, and one line says why (proof, step 7)."""

import contextlib
import os
import random
import struct
import threading
import time

from batv import *

STRANGER = "127.0.0.9"
FORGED = "prvs=0123abcdef="
# VRFY is answered with the verdict on alice@test: the reader's answer, in one round trip.
VRFY = "acl_smtp_vrfy = lab_vrfy\nsmtp_accept_max_nonmail = 1000000\nsmtp_accept_queue_per_connection = 0"
LAB_VRFY = "lab_vrfy:\n  deny message = ${dlfunc{BATV_SO}{batv_verdict}{alice@test}}\n"


class Site:
    """A server that refuses at once; its daemon has published a state and is gone."""

    conf = CONF + "enforcement = reject\nmemory_capacity = 1k\n"      # a small file: it is copied all the time
    kind = None             # of installation; None: the chosen one

    def setup(self):
        self.batv = Batv(self.lab, conf=self.conf, kind=self.kind)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, main=VRFY, acl=LAB_VRFY, local_domains="test : torn.test",
                              installation=Installation(self.lab, "ours", self.kind),
                              rcpt_last=f".ifdef _HAVE_DLFUNC\n.include {SNIPPETS}/acl-rcpt.conf\n.endif\n")
        self.valid = self.sent()
        assert is_signed(self.valid, "alice@test")
        self.batv.stop()
        self.path = self.batv.state_dir / "state"
        self.good = self.path.read_bytes()
        self.memory = self.batv.state_dir / "memory"
        # without a state nobody knows that mail is signed at reception
        self.says_not_signed = self.ours.installation.functions

    def put(self, data, mode=0o640):
        self.lab.write(self.path, data, mode=mode)

    def put_text(self, text):
        """A state by hand: TEXT, which lacks its last line."""
        self.put(f"{text}end {fnv64(text.encode())}\n")

    @property
    def text(self):
        """The good state without its last line."""
        return self.good.decode().rpartition("end ")[0]

    def sent(self, sender="alice@test"):
        """Mail to the outside, submitted here: the sender that the other side sees."""
        count = len(self.sink.messages)
        self.ours.submit(sender, "x@theirs.test", make_message(sender, "x@theirs.test"))
        return self.sink.wait(count + 1)[-1].sender

    def bounced(self, rcpt="alice@test", session=None):
        """A bounce from a stranger: the reply to DATA."""
        message = "X-BATV-Status: valid; action=accept\n" + bounce(rcpt)
        if session:
            return session.send("", rcpt, message).data
        return self.ours.inject("", rcpt, message, STRANGER).data

    def written(self, seconds):
        """The good state as if it had been written in so many SECONDS."""
        return re.sub(r"(?m)^written \d+$", f"written {int(time.time()) + seconds}", self.text)

    def in_order(self):
        """No trouble: what is good is taken, what is bad is refused, and mail leaves signed."""
        assert self.bounced().code == 550
        assert self.bounced(self.valid).code == 250
        assert self.sent() == self.valid

    def in_trouble(self, error, problem, advice="start batvd"):
        """Mail flows.  ERROR is in the one line for each message, PROBLEM and ADVICE in batvctl's status."""
        before, alice = len(self.ours.mainlog()), len(self.ours.mailbox("alice"))
        for rcpt in "alice@test", FORGED + "alice@test", self.valid:
            assert self.bounced(rcpt).code == 250, rcpt
        assert self.ours.inject("bob@theirs.test", FORGED + "alice@test", make_message(), STRANGER).data.code == 250
        assert self.sent() == "alice@test"
        for message in self.ours.wait_mailbox("alice", alice + 4)[alice:]:
            assert message["X-BATV-Status"] is None         # the forged one is gone, too
        lines = [line for line in self.ours.mainlog()[before:] if is_our_line(line)]
        actions = [re.search(r"action=(\S+)", line)[1] for line in lines]
        assert actions == ["accepted-unjudged"] * 3 + ["not-signed"] * self.says_not_signed, lines
        for line in lines:
            assert re.search(rf"{OUR_LINE}trouble=state action=\S+ file=", line), line
            assert error in line and line.endswith(": see batvctl status"), line
        assert self.ours.paniclog() == [] and self.ours.spool_ids() == []
        status = self.batv.status()
        problems = status.stdout.partition("\n\n")[0]
        assert status.returncode == 1 and status.stderr == "" and "\n! " in problems, status
        assert problem in problems and advice in problems, problems
        assert problem in " ".join(self.batv.json("status")["problems"])


class TestState(Site):
    def test_in_order(self):
        self.in_order()

    def trouble(self, error, problem=None, advice="start batvd"):
        try:
            self.in_trouble(error, problem or error, advice)
        finally:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            self.put(self.good)
        self.in_order()

    def test_missing(self):
        self.path.unlink()
        self.trouble("no such file")

    def test_empty(self):
        self.put("")
        self.trouble("truncated or damaged", f"{self.path}: truncated or damaged")

    def test_other_file(self):
        self.put("root:x:0:0:root:/root:/bin/bash\n")
        self.trouble("truncated or damaged")

    def test_one_byte_changed(self):
        data = bytearray(self.good)
        data[len(data) // 2] ^= 1
        self.put(bytes(data))
        self.trouble("truncated or damaged")

    def test_other_version(self):
        self.put_text(self.text.replace("exim-batv state 1", "exim-batv state 2"))
        self.trouble("of an unknown version")

    def test_unknown_option(self):
        self.put_text(self.text + "strange on\n")
        line = self.text.count("\n") + 1
        self.trouble(f'line={line} error="of an unknown version"', f"{self.path}:{line}: unknown keyword")

    def test_too_large(self):
        self.put(self.good + b"x" * 65536)
        self.trouble("too long")

    def test_modes(self):
        for mode, who in (0o646, "others"), (0o666, "others"), (0o660, "the group"):
            self.put(self.good, mode)
            self.trouble(f"mode is {mode:04o}: {who} may write")

    def test_not_readable(self):
        self.put(self.good, 0o000)
        if os.access(self.path, os.R_OK) and os.getuid() != 0:
            skip("a user who may read everything")
        self.trouble("Permission denied")

    def test_owner(self):
        needs_root("another owner")
        self.put(self.good, 0o644)
        os.chown(self.path, 1, 1)
        self.trouble(f"owner is 1, the directory's is {self.lab.uid}")

    def test_symlink(self):
        self.lab.write("elsewhere", self.good, mode=0o640)
        self.path.unlink()
        self.path.symlink_to(self.lab.dir / "elsewhere")
        self.trouble("it is a symbolic link")

    def test_two_links(self):
        os.link(self.path, self.lab.dir / "second")
        self.trouble("it has 2 links")

    def test_fifo(self):
        """Nobody waits for a writer that never comes."""
        self.path.unlink()
        os.mkfifo(self.path, 0o640)
        self.lab.own(self.path)
        start = time.monotonic()
        self.trouble("it is not a regular file")
        assert time.monotonic() - start < 10

    def test_directory(self):
        self.path.unlink()
        self.path.mkdir()
        self.lab.own(self.path)
        self.trouble("it is not a regular file")

    def test_from_the_future(self):
        self.put_text(self.written(330))
        self.trouble("written in the future", advice="is the clock wrong?")
        self.put_text(self.written(240))        # a clock may be a little off
        self.in_order()
        self.put(self.good)

    def test_no_key_for_now(self):
        """The daemon was dead for weeks."""
        def older(match):
            words = match[0].split()
            words[5:8] = [str(int(w) - 60 * DAY) for w in words[5:8]]
            return " ".join(words)
        self.put_text(re.sub(r"(?m)^key .*$", older, self.text))
        before = len(self.ours.mainlog())
        assert self.sent() == "alice@test"
        lines = [line for line in self.ours.mainlog()[before:] if is_our_line(line)]
        assert len(lines) == 1 and is_our_line(lines[0], "doubt=left:no-key action=not-signed address=<alice@test>"), lines
        assert self.ours.paniclog() == []
        status = self.batv.status()
        assert status.returncode == 1 and f"{self.path}: has no key for this time" in status.stdout
        self.put(self.good)


class TestTruncated(Site):
    """The state, cut off at every length."""

    def verdict(self, session):
        return session.command("VRFY alice@test").text

    def test_every_length_for_the_reader(self):
        assert self.good[-1:] == b"\n" and len(self.good) > 1000
        with self.ours.smtp(STRANGER) as session:
            assert self.verdict(session) == "missing"
            new, wrong = self.path.with_name("new"), []
            for length in range(len(self.good)):
                new.write_bytes(self.good[:length])
                new.chmod(0o640)
                self.lab.own(new)
                new.rename(self.path)
                if self.verdict(session) != "exempt":
                    wrong.append(length)
            assert wrong == []
            self.put(self.good)
            assert self.verdict(session) == "missing"
        assert self.ours.paniclog() == [] and not self.ours.mainlog("crashed")

    def test_in_real_mail(self):
        """Lengths of all kinds, in turn for a session that takes bounces and one that sends mail out."""
        size = len(self.good)
        ends = [i + 1 for i, byte in enumerate(self.good) if byte == ord("\n")][:-1]    # whole lines only
        lengths = sorted({0, 1, 16, 17, 18, 19, size - 1, size - 2, size - 21, size - 22, *ends,
                          *random.Random(7).sample(range(size), 20)})
        assert len(lengths) >= 60
        before, alice = len(self.ours.mainlog()), len(self.ours.mailbox("alice"))
        with self.ours.smtp(STRANGER) as inward, self.ours.smtp() as outward:
            for number, length in enumerate(lengths):
                self.put(self.good[:length])
                if number % 2:
                    assert self.bounced(session=inward).code == 250, length
                    continue
                sent = len(self.sink.messages)
                assert outward.send("alice@test", "x@theirs.test", make_message()).data.code == 250
                assert self.sink.wait(sent + 1)[-1].sender == "alice@test", length
            self.ours.wait_mailbox("alice", alice + len(lengths) // 2)
            self.put(self.good)
            assert self.bounced(session=inward).code == 550
            assert outward.send("alice@test", "x@theirs.test", make_message()).data.code == 250
            assert self.sink.wait(sent + 2)[-1].sender == self.valid
        lines = [line for line in self.ours.mainlog()[before:] if is_our_line(line, "trouble=state")]
        ids = [line.split()[2] for line in lines]
        messages = len(lengths) if self.says_not_signed else len(lengths) // 2
        assert len(ids) == len(set(ids)) == messages            # one line for each message
        assert self.ours.paniclog() == [] and not self.ours.mainlog("crashed")


class TestDollar(Site):
    """Exim would expand a list, as root when it delivers: what came out of a file never runs."""

    def test_lists(self):
        marker = self.lab.mkdir("marks") / "marker"
        run = "${run{/usr/bin/touch %s}}" % marker
        self.ours.be(run)
        assert marker.exists()                  # so it would, if anybody expanded it
        marker.unlink()
        lists = re.findall(r"(?m)^(domains|refusal_text|(?!automatic|unsign_|mark_)\w+_"
                           r"(?:hosts|senders|destinations|recipients|domains))\b", self.text)
        assert len(lists) == 11, lists
        for name in lists:
            self.put_text(re.sub(rf"(?m)^{name}\b.*$", f"{name} {run}".replace("\\", r"\\"), self.text))
            assert f"\n{name} {run}\n" in self.path.read_text()
            assert self.bounced().code == 250, name
            assert self.sent() == "alice@test", name
            assert not marker.exists(), name
            assert self.ours.mainlog(OUR_LINE + "trouble=state")[-1].count("syntax error")
            status = self.batv.status()
            assert status.returncode == 1 and 'text without "$" (Exim would expand it, as root)' in status.stdout
            verify = self.batv.ctl("verify", "alice@test", check=False)
            assert verify.returncode == 3 and not marker.exists()
        # a named policy's list as well
        self.put_text(self.text + f"policy two\ndomains test : {run}\n")
        assert self.bounced().code == 250 and self.sent() == "alice@test" and not marker.exists()
        # a pattern is PCRE2's and nobody else's
        self.put_text(re.sub(r"(?m)^automatic_senders.*$", lambda _: f"automatic_senders ^{run}|^robot$", self.text))
        assert self.ours.inject("robot@theirs.test", "alice@test", make_message(), STRANGER).data.code == 250
        assert self.bounced().code == 550 and not marker.exists()
        self.put(self.good)
        assert self.ours.paniclog() == []

    def test_configuration(self):
        """batvd publishes no such thing."""
        marker = self.lab.mkdir("marks") / "marker"
        self.batv.start()
        serial = self.batv.serial()
        self.batv.conf(CONF, exempt_hosts="${run{/usr/bin/touch %s}}" % marker)
        done = self.batv.ctl("check", check=False)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert f'{self.batv.conf_path}:2: exempt_hosts: expected text without "$"' in done.stderr, done.stderr
        self.batv.daemon.hup()
        wait_until(lambda: any("exempt_hosts" in line for line in self.batv.log()), 10, "batvd to say so")
        wait_until(lambda: self.batv.serial() > serial, 10, "a state with the last good configuration")
        assert "$" not in self.path.read_text() and not marker.exists()
        assert "\nenforcement reject\n" in self.path.read_text()
        self.batv.stop()


class TestDirectory(Site):
    def test_missing(self):
        away = self.batv.dir / "away"
        self.batv.state_dir.rename(away)
        self.in_trouble("no such file", "the state directory is missing",
                        f"install -d -o batv -g Debian-exim -m 2750 {self.batv.state_dir}")
        away.rename(self.batv.state_dir)
        self.in_order()

    def test_others_may_write(self):
        for mode in 0o777, 0o757, 0o770:
            self.batv.state_dir.chmod(mode)
            self.in_trouble("unsafe owner, mode", "nobody but its owner may write", f"chmod 2750 {self.batv.state_dir}")
        self.batv.state_dir.chmod(0o750)
        self.in_order()

    def test_link(self):
        away = self.batv.dir / "away"
        self.batv.state_dir.rename(away)
        self.batv.state_dir.symlink_to(away)
        self.in_trouble("unsafe owner, mode", "must be a directory", "chmod 2750")
        self.batv.state_dir.unlink()
        away.rename(self.batv.state_dir)
        self.in_order()

    def test_file(self):
        away = self.batv.dir / "away"
        self.batv.state_dir.rename(away)
        self.batv.state_dir.write_text("")
        self.in_trouble("unsafe owner, mode", "must be a directory", "chmod 2750")
        self.batv.state_dir.unlink()
        away.rename(self.batv.state_dir)
        self.in_order()

    def test_not_readable(self):
        self.batv.state_dir.chmod(0o000)
        self.in_trouble("Permission denied", "cannot open the state directory: Permission denied", "")
        self.batv.state_dir.chmod(0o750)
        self.in_order()

    def test_not_named(self):
        """Exim's configuration lacks the list batv_dir: then the compiled-in directory is looked at."""
        if os.path.exists("/var/lib/exim-batv"):
            skip("exim-batv is installed on this machine")
        config = self.ours.config_path.read_text()
        line = f"domainlist batv_dir = {self.batv.state_dir}\n"
        assert line in config
        self.lab.write(self.ours.config_path, config.replace(line, ""))
        self.ours.hup()
        before, alice = len(self.ours.mainlog()), len(self.ours.mailbox("alice"))
        assert self.bounced().code == 250
        assert self.sent() == "alice@test"
        self.ours.wait_mailbox("alice", alice + 1)
        lines = [line for line in self.ours.mainlog()[before:] if is_our_line(line)]
        assert len(lines) == 1 + self.says_not_signed, lines
        for line in lines:
            assert 'file=/var/lib/exim-batv error="no such file or directory"' in line, line
        assert self.ours.paniclog() == []
        self.lab.write(self.ours.config_path, config)
        self.ours.hup()
        self.in_order()


class TestMemory(Site):
    """Counters and domain table: without them mail is signed and judged all the same."""

    def setup(self):
        super().setup()
        self.saved = self.memory.read_bytes()

    def count(self, verdict="missing", action="reject"):
        return self.batv.json("status")["counters"]["judged"][verdict][action]

    def put_memory(self, data=None, mode=0o660):
        self.lab.write(self.memory, self.saved if data is None else data, mode=mode)

    def without_memory(self, problem):
        """Enforcement is `reject` here, which asks for no memory."""
        self.in_order()
        status = self.batv.status()
        problems = status.stdout.partition("\n\n")[0]
        assert status.returncode == 1 and f"{self.memory}: {problem}" in problems, status.stdout
        assert self.batv.json("status")["counters"] is None
        assert self.ours.mainlog("crashed|" + OUR_LINE + "trouble") == [] and self.ours.paniclog() == []

    def test_missing(self):
        self.memory.unlink()
        self.without_memory("no such file")
        self.put_memory()
        self.in_order()
        assert self.count() > 0

    def test_foreign(self):
        swapped = self.saved[:8] + self.saved[8:16][::-1] + self.saved[16:]
        later = self.saved[:16] + struct.pack("=I", 99) + self.saved[20:]
        for data, problem in ((b"", "truncated or damaged"), (b"x" * 100, "truncated or damaged"),
                              (os.urandom(len(self.saved)), "truncated or damaged"), (swapped, "truncated or damaged"),
                              (later, "of an unknown version"), (self.saved[:-4096], "truncated or damaged")):
            self.put_memory(data)
            self.without_memory(problem)
        self.put_memory()

    def test_unsafe(self):
        self.put_memory(mode=0o666)
        self.without_memory("unsafe owner, mode, links or type: mode is 0666: others may write")
        self.put_memory(mode=0o000)
        self.without_memory("Permission denied")
        self.memory.unlink()
        self.lab.write("elsewhere", self.saved, mode=0o660)
        self.memory.symlink_to(self.lab.dir / "elsewhere")
        self.without_memory("unsafe owner, mode, links or type: it is a symbolic link")
        self.memory.unlink()
        os.mkfifo(self.memory)
        self.lab.own(self.memory)
        self.without_memory("unsafe owner, mode, links or type: it is not a regular file")
        self.memory.unlink()
        self.put_memory()
        self.in_order()

    def test_read_only(self):
        self.put_memory(mode=0o440)
        before = self.count()
        self.in_order()
        assert self.count() == before
        assert not self.ours.mainlog("crashed") and self.ours.paniclog() == []
        self.put_memory()

    def test_truncated_while_in_use(self):
        """A session has used it, then it loses its end; then it comes back."""
        with self.ours.smtp(STRANGER) as session:
            for size in 0, 100, 4096, 8192, len(self.saved) // 2, len(self.saved) - 1:
                self.put_memory()
                before = self.count()
                assert self.bounced(session=session).code == 550
                assert self.count() == before + 1
                os.truncate(self.memory, size)
                assert self.bounced(session=session).code == 550
                assert self.bounced(self.valid, session).code == 250
                assert session.command("VRFY alice@test").text == "missing"
            # to nothing and back, in place: the same file, of the same size, full of zeros
            self.put_memory()
            assert self.bounced(session=session).code == 550
            os.truncate(self.memory, 0)
            os.truncate(self.memory, len(self.saved))
            assert self.bounced(session=session).code == 550
            assert self.bounced(self.valid, session).code == 250
            self.put_memory()
            before = self.count()
            assert self.bounced(session=session).code == 550
        assert self.count() == before + 1
        assert self.sent() == self.valid
        assert not self.ours.mainlog("crashed") and self.ours.paniclog() == []

    def test_truncated_at_any_moment(self):
        """Between two instructions of a process that counts: no memory, never the end of the process."""
        self.put_memory()
        size, done = len(self.saved), threading.Event()

        def saw():
            while not done.wait(0.0002):
                os.truncate(self.memory, 0)
                os.truncate(self.memory, size)
                with open(self.memory, "r+b") as file:
                    file.write(self.saved[:8192])
        thread = threading.Thread(target=saw)
        thread.start()
        try:
            with self.ours.smtp(STRANGER) as session:
                codes = {self.bounced(session=session).code for _ in range(150)}
        finally:
            done.set()
            thread.join()
        assert codes == {550}, codes
        assert not self.ours.mainlog("crashed") and self.ours.paniclog() == []
        self.put_memory()

    def test_no_descriptor_stays_open(self):
        """A process that decides many times, on every path, holds nothing open in between.

        Pipes are not counted: ${run} itself has up to five, and closes three of them while its child may count.
        """
        count = r"${sg{${run{/bin/sh -c 'ls -l /proc/$pid/fd | grep -vc pipe:'}}}{\n}{}}"
        calls = [f"${{dlfunc{{{self.ours.so}}}{call}}}" for call in (
            "{batv_sign}{alice@test}{x@theirs.test}", "{batv_verdict}{alice@test}", "{batv_refuse}",
            "{batv_unsign}{alice@test}")]

        def counts():
            lines = [*calls, count, *calls * 50, count]
            answers = self.ours.exim("-be", input="".join(f"{line}\n" for line in lines)).stdout.splitlines()
            answers = [answer.removeprefix("> ") for answer in answers]
            return answers[0], answers[len(calls)], answers[len(lines) - 1]
        signed, before, after = counts()
        assert signed.startswith("prvs=") and before.isdigit() and before == after, (signed, before, after)
        (self.batv.state_dir / "state").unlink()
        signed, before, after = counts()
        assert not signed.startswith("prvs=") and before.isdigit() and before == after, (signed, before, after)


class TestArmedMemory(Site):
    """With enforcement = auto the memory holds which domains refuse: without it none does."""

    conf = CONF.replace("+local_domains", "test") + "enforcement = auto\ngrace = 0s\nmemory_capacity = 1k\n"

    def setup(self):
        super().setup()
        self.batv.start()
        prove(self.batv, self.ours)
        self.batv.reload()
        wait_until(lambda: self.batv.json("status")["domains"][0]["armed"], 10, "the domain to arm")
        self.batv.stop()
        self.saved = self.memory.read_bytes()

    def observed(self):
        """The bounce is delivered, and the log tells why."""
        before, alice = len(batv_lines(self.ours)), len(self.ours.mailbox("alice"))
        assert self.bounced().code == 250
        (line,) = batv_lines(self.ours)[before:]
        assert (line["verdict"], line["action"]) == ("missing", "mark"), line
        assert (line["mode"], line["reason"]) == ("observe", "not-armed"), line
        status = self.ours.wait_mailbox("alice", alice + 1)[-1]["X-BATV-Status"]
        assert status.startswith("missing; action=mark; mode=observe"), status
        assert self.sent() == self.valid
        assert self.ours.paniclog() == [] and not self.ours.mainlog("crashed")

    def test_armed(self):
        self.in_order()

    def test_missing(self):
        self.memory.unlink()
        self.observed()
        status = self.batv.status()
        assert status.returncode == 1
        assert f"{self.memory}: no such file or directory: no domain refuses in auto mode" in status.stdout
        self.lab.write(self.memory, self.saved, mode=0o660)
        self.in_order()

    def test_foreign(self):
        self.lab.write(self.memory, os.urandom(len(self.saved)), mode=0o660)
        self.observed()
        self.lab.write(self.memory, self.saved, mode=0o660)

    def test_truncated_while_in_use(self):
        with self.ours.smtp(STRANGER) as session:
            assert self.bounced(session=session).code == 550
            os.truncate(self.memory, 4096)
            assert self.bounced(session=session).code == 250
            self.lab.write(self.memory, self.saved, mode=0o660)
            assert self.bounced(session=session).code == 550
            os.truncate(self.memory, 0)
            os.truncate(self.memory, len(self.saved))
            assert self.bounced(session=session).code == 250
        self.lab.write(self.memory, self.saved, mode=0o660)
        assert self.ours.paniclog() == [] and not self.ours.mainlog("crashed")

    def test_read_only(self):
        self.memory.chmod(0o440)
        self.in_order()
        self.memory.chmod(0o660)


class TestDaemonHeals(Site):
    """batvd puts right what is its own, by itself, and says so in one line."""

    def setup(self):
        super().setup()
        self.batv.start()

    def healed(self, damage, what):
        said, serial = len(self.batv.log()), self.batv.serial()
        damage()
        self.batv.daemon.hup()
        wait_until(lambda: self.batv.serial() > serial, 10, f"a new state after: {what}")
        self.in_order()
        return self.batv.log()[said:]

    def test_state(self):
        for what, damage in {"missing": self.path.unlink, "empty": lambda: self.put(""),
                             "truncated": lambda: self.put(self.good[:700]),
                             "world-writable": lambda: self.path.chmod(0o666)}.items():
            lines = self.healed(damage, what)
            assert sum("it will be replaced" in line for line in lines) == (what != "missing"), lines
            assert self.path.stat().st_mode & 0o777 == 0o640

    def test_memory(self):
        for what, damage in {"missing": self.memory.unlink, "truncated": lambda: os.truncate(self.memory, 5000),
                             "foreign": lambda: self.lab.write(self.memory, "hello\n", mode=0o660)}.items():
            lines = self.healed(damage, what)
            assert sum("created a new memory file" in line for line in lines) == 1, lines
            assert self.batv.json("status")["counters"]["judged"]["missing"]["reject"] == 1


class TestLists(Site):
    """A list that can't be looked up is doubt: not signed, not refused, one line."""

    def setup(self):
        super().setup()
        self.batv.start()

    def tear(self, **settings):
        self.batv.set(self.conf, **settings)
        self.before = len(self.ours.mainlog())

    def lines(self):
        """Our lines since tear()."""
        return [line for line in self.ours.mainlog()[self.before:] if is_our_line(line)]

    def doubt_when_judging(self, verdict, action, **settings):
        self.tear(**settings)
        doubts = self.batv.json("status")["counters"]["doubt"]
        assert self.bounced().code == 250, settings
        (line,) = self.lines()
        assert is_our_line(line, f"verdict={verdict} action={action} ") and " reason=doubt " in line, line
        assert self.batv.json("status")["counters"]["doubt"] == doubts + 1

    def doubt_when_signing(self, source=None, **settings):
        self.tear(**settings)
        if source:
            count = len(self.sink.messages)
            with self.ours.smtp(source) as session:
                assert session.send("alice@test", "x@theirs.test", make_message()).data.code == 250
            assert self.sink.wait(count + 1)[-1].sender == "alice@test", settings
        else:
            assert self.sent() == "alice@test", settings
        (line,) = self.lines()
        assert is_our_line(line, "doubt=left:doubt action=not-signed address=<alice@test>: see batvctl check"), line

    def test_domains(self):
        self.lab.write("theirs", "test:\n")
        broken = [f"cdb;{self.lab.root_file('broken.cdb', 'not a cdb file')}",
                  f"lsearch;{self.lab.root_file('private', 'test:', mode=0o600)}"] if self.lab.root else []
        for domains in ("lsearch;/nonexistent/domains", "other.example : cdb;/nonexistent/d.cdb",
                        f"lsearch;{self.lab.dir}/theirs", *broken):
            self.doubt_when_judging("not-ours", "accept", domains=domains)
            self.doubt_when_signing(domains=domains)
            assert self.bounced(self.valid).code == 250
        assert self.ours.paniclog() == []       # none of it is an alarm for each message

    def test_what_exim_would_not_survive(self):
        """A pattern that does not compile ends the process in Exim's own matcher."""
        for domains in "^(other\\.example", "a.test : ^[a", r"\N^x\\N":
            self.doubt_when_judging("not-ours", "accept", domains=domains)
            self.doubt_when_signing(domains=domains)
        for name, value in ("exempt_recipients", "alice@^(test"), ("exempt_recipients", "^(alice"), ("exempt_hosts", "^("):
            self.doubt_when_judging("missing", "mark", **{name: value})
        assert self.ours.paniclog() == []

    def test_named_list_that_is_none(self):
        """Exim itself writes its panic log then."""
        for domains in "+nosuch", "other.example : +nosuch":
            self.doubt_when_judging("not-ours", "accept", domains=domains)
            self.doubt_when_signing(domains=domains)
        for name in "exempt_hosts", "own_hosts", "exempt_recipients", "unsigned_senders", "relay_in_hosts":
            self.doubt_when_judging("missing", "mark", **{name: "+nosuch"})
        self.doubt_when_signing(unsigned_destinations="+nosuch")
        self.forget_unknown_names()

    def forget_unknown_names(self):
        assert all("unknown named" in line for line in self.ours.paniclog())
        self.lab.write(self.ours.dir / "log" / "paniclog", "")

    def test_exemptions(self):
        for name in "exempt_recipients", "unsigned_senders":
            self.doubt_when_judging("missing", "mark", **{name: "lsearch;/nonexistent/list"})
        for name in "exempt_hosts", "own_hosts", "relay_in_hosts":
            self.doubt_when_judging("missing", "mark", **{name: "net-lsearch;/nonexistent/list"})
        assert self.ours.paniclog() == []

    def test_signing(self):
        self.doubt_when_signing(unsigned_senders="lsearch;/nonexistent/senders")
        self.doubt_when_signing(unsigned_destinations="lsearch;/nonexistent/destinations")
        assert self.ours.paniclog() == []

    def test_signing_for_a_host(self):
        self.doubt_when_signing("127.0.0.1", trusted_hosts="net-lsearch;/nonexistent", inbound_domains="cdb;/nonexistent")
        assert self.ours.paniclog() == []
        self.doubt_when_signing("127.0.0.1", trusted_hosts="+nosuch", inbound_domains="+nosuch")
        self.forget_unknown_names()

    def test_lists_that_can_be_looked_up(self):
        """The trial does not stand in the way of lists that are in order."""
        files, lists = [], []
        if self.lab.root:
            path, hosts = self.lab.root_file("domains", "test:\n"), self.lab.root_file("hosts", "127.0.0.9:\n")
            files = [f"lsearch;{path}", f"partial-lsearch;{path}", f"<; other.example ; nwildlsearch;;{path}"]
            lists = [("exempt_hosts", f"net-lsearch;{hosts}", "exempt-host"),
                     ("exempt_recipients", f"*@lsearch;{path}", "exempt-recipient")]
        for domains in (*files, r"\N^t\w{3}\N", r"^te\\w+", "! other.example : *"):
            self.batv.set(self.conf, domains=domains)
            self.in_order()
        for name, value, reason in (*lists, ("unsigned_senders", r"\N^al.*@\N", "unsigned-sender"),
                                    ("exempt_recipients", "alice@^te", "exempt-recipient")):
            self.tear(**{name: value})
            assert self.bounced().code == 250, value
            (line,) = self.lines()
            assert f"verdict=exempt action=accept " in line and f"reason={reason} " in line, line

    def test_what_answers_before_the_list_is_no_doubt(self):
        self.tear(exempt_hosts="+nosuch", trusted_hosts="+nosuch")
        assert self.bounced(self.valid).code == 250         # a valid tag asks for no exemption
        assert self.sent() == self.valid                    # a local user needs no list
        (line,) = self.lines()
        assert "verdict=valid action=accept " in line

    def test_one_recipient_in_doubt_spares_the_others(self):
        """A refusal would take his copy as well."""
        self.batv.set(self.conf + "\n[policy torn]\ndomains = torn.test\nexempt_recipients = lsearch;/nonexistent\n")
        assert self.bounced().code == 550
        before = len(batv_lines(self.ours))
        result = self.ours.inject("", ["alice@test", "alice@torn.test"], bounce("alice@test"), STRANGER)
        assert result.data.code == 250
        lines = [(line["rcpt"], line["action"], line["reason"]) for line in batv_lines(self.ours)[before:]]
        assert lines == [("<alice@test>", "mark", "mixed"), ("<alice@torn.test>", "mark", "doubt")], lines

    def test_check_names_them(self):
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        self.batv.set(self.conf, exempt_hosts="+nosuch", unsigned_senders="lsearch;/nonexistent/senders")
        done = self.batv.ctl("check", check=False)
        assert done.returncode == 2, done
        assert re.search(r"exempt_hosts: \+nosuch: wrong: .*unknown named", done.stdout), done.stdout
        assert re.search(r"unsigned_senders: lsearch;/nonexistent/senders: wrong: ", done.stdout), done.stdout
        assert done.stderr.count("\n") == 1 and "Exim cannot evaluate 2 of the lists" in done.stderr
        self.batv.exim = None
