"""The journal of the memory file, as real mail fills it, and while limits, disks and files fail."""

import ctypes
import hashlib
import hmac
import shutil
import subprocess
import threading

from answers import *
from fleet_memory import IDS, JOURNAL, PAIRS, FleetMemory, Record
from formats import read_secret
from lab_base import needs_root, process_table

FLEET = MEMORY + "fleet = mail.example\nfleet_servers = localhost\n"
ID, PAIR = 1, 2
CLONE_NEWNS = 0x20000


class Site(Ours):
    def setup(self):
        self.batv = Batv(self.lab, conf=FLEET)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, options={"smtp_accept_queue_per_connection": "0"})
        self.key = bytes.fromhex(read_secret((self.batv.state_dir / "secret").read_bytes())["memory"])
        self.fleet = FleetMemory(self.batv)
        self.lab.on_end(self.fleet.close)

    def record(self, kind, letter, *words):
        name = hmac.new(self.key, letter + b"\0".join(w.encode() for w in words), hashlib.sha1).digest()
        return Record(kind, int(self.lab.clock.now()) // DAY, name)

    def item(self, message_id, ours="alice@test"):
        return self.record(ID, b"i", ours, message_id)

    def pair(self, theirs, ours="alice@test"):
        return self.record(PAIR, b"p", ours, theirs)

    def send(self, *rcpts, **how):
        """Mail of alice's, and wait until it has left."""
        message_id, count = new_id(), len(self.sink.messages)
        with self.ours.smtp(how.pop("source", "127.0.0.1")) as session:
            result = session.send("alice@test", rcpts, make_message("alice@test", rcpts[0], Message_ID=f"<{message_id}>"))
            assert result.data.code == 250, session.dialogue()
        self.sink.wait(count + 1)
        return message_id

    def nobody_died(self):
        assert not self.ours.mainlog(r"crashed|terminated by signal|signal \d") and self.ours.paniclog() == []


class TestMail(Site):
    def test_what_we_send(self):
        """Each item once: reception records it, and routing and the transport find it."""
        before = len(self.fleet.journal())
        sent = self.send("erin@theirs.test", "frank@theirs.test")
        new = self.fleet.journal()[before:]
        wanted = [self.item(sent), self.pair("erin@theirs.test"), self.pair("frank@theirs.test")]
        assert sorted(new) == sorted(wanted), (new, wanted)
        again = self.send("erin@theirs.test")
        assert self.fleet.journal()[before + 3:] == [self.item(again)]      # the pair is known
        assert self.fleet.journal_word(PAIRS) == 0

    def test_what_strangers_send(self):
        """Mail to us, bounces, and mail of a stranger who says that he is alice."""
        before = self.fleet.journal_word(IDS)
        self.ours.inject("erin@theirs.test", "alice@test", make_message("erin@theirs.test"), STRANGER)
        self.replay(bounce("alice@test", message_id=new_id()))
        self.ours.inject("alice@test", "alice@test", make_message("alice@test"), STRANGER)
        assert self.fleet.journal_word(IDS) == before

    def test_remember(self):
        """It tells the fleet of all that is in the file, also of what is known here."""
        sent = self.send("gina@theirs.test")
        before = len(self.fleet.journal())
        path = self.lab.write(self.lab.dir / "list", f"<{sent}> alice@test\nother@mua.test alice@test\n")
        self.batv.ctl("remember", path)
        assert self.fleet.journal()[before:] == [self.item(sent), self.item("other@mua.test")]

    def test_many_at_once(self):
        """Forty messages in eight sessions: every item is there, once."""
        before, ids, count = len(self.fleet.journal()), [], len(self.sink.messages)

        def write(number):
            with self.ours.smtp() as session:
                for n in range(5):
                    ids.append(new_id())
                    message = make_message("alice@test", Message_ID=f"<{ids[-1]}>")
                    assert session.send("alice@test", f"x{number}-{n}@theirs.test", message).data.code == 250
        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.sink.wait(count + 40, timeout=60)
        new = self.fleet.journal()[before:]
        wanted = [self.item(i) for i in ids] + [self.pair(f"x{a}-{b}@theirs.test") for a in range(8) for b in range(5)]
        assert len(ids) == 40 and sorted(new) == sorted(wanted), (len(ids), len(new))


class TestLimit(Site):
    def test_file_size(self):
        """ulimit -f: the journal is beyond that size, where pwrite() would end the process.  It is written all the same."""
        limit = 1 << 20                     # Exim's own files are shorter
        assert self.fleet.section(JOURNAL)[0] > limit
        before, count = len(self.fleet.journal()), len(self.sink.messages)

        def children():
            return {pid for pid, (ppid, _, state) in process_table().items() if ppid == self.ours.daemon.pid and state != "Z"}
        others = children()
        with self.ours.smtp() as session:
            (pid,) = children() - others
            self.lab.run(["prlimit", "--pid", pid, f"--fsize={limit}:{limit}"])
            sent = new_id()
            result = session.send("alice@test", "erin@theirs.test", make_message("alice@test", Message_ID=f"<{sent}>"))
            assert result.data and result.data.code == 250, session.dialogue()
        self.sink.wait(count + 1)
        assert sorted(self.fleet.journal()[before:]) == sorted([self.item(sent), self.pair("erin@theirs.test")])
        assert self.fleet.journal_word(PAIRS) == 0
        self.nobody_died()


class TestTruncated(Site):
    def setup(self):
        super().setup()
        self.send("erin@theirs.test")
        self.batv.stop()                    # it would put the file right
        self.path = self.batv.state_dir / "memory"
        self.saved, self.offset = self.path.read_bytes(), self.fleet.section(JOURNAL)[0]

    def test_between_messages(self):
        """Nothing is written to a file that was cut, so it stays cut; mail goes on in the same session."""
        with self.ours.smtp() as session:
            for size in self.offset + 4096, self.offset, len(self.saved) - 4096, 4096, 0:
                self.lab.write(self.path, self.saved, mode=0o660)
                assert session.send("alice@test", "erin@theirs.test", make_message("alice@test")).data.code == 250
                os.truncate(self.path, size)
                assert session.send("alice@test", "erin@theirs.test", make_message("alice@test")).data.code == 250
                assert self.path.stat().st_size == size
        self.nobody_died()

    def test_at_any_moment(self):
        """Within the journal, between two instructions of a process that records."""
        offset, size, done = self.offset, len(self.saved), threading.Event()
        self.lab.write(self.path, self.saved, mode=0o660)

        def saw():
            while not done.wait(0.0005):
                os.truncate(self.path, offset)
                with open(self.path, "r+b") as file:
                    file.seek(offset)
                    file.write(self.saved[offset:])
        thread = threading.Thread(target=saw)
        thread.start()
        count = len(self.sink.messages)
        try:
            with self.ours.smtp() as session:
                for _ in range(30):
                    message = make_message("alice@test", Message_ID=f"<{new_id()}>")
                    assert session.send("alice@test", "erin@theirs.test", message).data.code == 250
        finally:
            done.set()
            thread.join()
        assert len(self.sink.wait(count + 30, timeout=60)) >= count + 30 and self.path.stat().st_size == size
        self.nobody_died()


class TestFullDisk(Site):
    """The memory file has holes where the journal is, and no block is left for them."""

    def setup(self):
        needs_root("mounts")
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS):
            skip("no mount namespace: " + os.strerror(ctypes.get_errno()))
        subprocess.run(["mount", "--make-rprivate", "/"], check=True, timeout=20)
        disk = self.lab.mkdir("batv")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", disk], check=True, timeout=20)
        super().setup()
        self.batv.stop()
        offset, size, *_ = self.fleet.section(JOURNAL)
        self.fleet.close()
        path, copy = self.batv.state_dir / "memory", self.batv.state_dir / "copy"
        saved = path.read_bytes()
        with open(copy, "wb") as file:
            file.write(saved[:offset])
            file.seek(offset + size)
            file.write(saved[offset + size:])
        shutil.copystat(path, copy)
        self.lab.own(copy)
        copy.rename(path)
        with open(disk / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                assert error.errno == 28, error
        self.fleet = FleetMemory(self.batv)

    def test_mail_goes_on(self):
        """The items are recorded, and that the fleet is not told is counted."""
        sent = self.send("erin@theirs.test")
        assert self.fleet.journal() == [None, None] and self.fleet.journal_word(PAIRS) == 2
        self.remembered(bounce("alice@test", message_id=sent), "dsn", "id", sent)
        self.nobody_died()
