"""The sent-message memory against those who would write into it, against sizes, and in trouble."""

import signal
import threading
import time

from answers import *
from kinds import ACL, HEAVY, LIGHT
from lab_base import process_table
from lab_debian import Installation


def cites(message_id, rcpt="alice@test"):
    """A DSN that returns a message of that id, and no tag."""
    return bounce(rcpt, message_id=message_id)


class Site(Ours):
    conf = MEMORY
    exim = {}

    def setup(self):
        self.batv = Batv(self.lab, conf=self.conf)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, **self.exim)

    def signed(self):
        """Alice's signed address."""
        count = len(self.sink.messages)
        self.write("zoe@theirs.test", new_id())
        address = self.sink.wait(count + 1)[-1].sender
        assert is_signed(address, "alice@test")
        return address

    def known(self):
        """The id of a message that alice has sent."""
        sent = new_id()
        self.write("erin@theirs.test", sent)
        return sent


class TestPlanting(Site):
    """A sender who only claims to be alice must not get an id or a pair into the memory; otherwise he could cite it."""

    # that RCPT is verified, routers and all, for our own users as well
    exim = {"rcpt_first": "  require verify = recipient\n", "routers": """
list:
  driver = redirect
  domains = test
  local_parts = list
  data = x@theirs.test
  errors_to = carol@test
"""}

    def setup(self):
        super().setup()
        self.ours.alias("forward", "x@theirs.test")
        self.planted = new_id("planted")

    def nothing(self, *authors, ids=()):
        """Neither the planted ids nor mail to these AUTHORS is known of alice."""
        for message_id in ids or [self.planted]:
            self.unproven(cites(message_id), "dsn")
            self.unproven(mdn(message_id, author="nobody@theirs.test"), "mdn")
        for author in authors:
            self.unproven(out_of_office(author), "autoreply")

    def plant(self, sender, rcpt, source=STRANGER, auth=None, **headers):
        headers.setdefault("Message_ID", f"<{self.planted}>")
        author = headers.pop("author", "alice@test")
        with self.ours.smtp(source) as session:
            if auth:
                assert session.auth_plain(auth, "secret").code == 235
            result = session.send(sender, rcpt, make_message(author, **headers))
        assert result.data.code == 250, result
        self.ours.wait_idle()

    def test_what_is_written_is_known(self):
        """The other tests here would pass if nothing was remembered at all."""
        sent = self.known()
        self.remembered(cites(sent), "dsn", "id", sent)
        self.remembered(out_of_office("erin@theirs.test"), "autoreply", "pair")

    def test_by_smtp(self):
        signed = self.signed()
        self.plant("alice@test", "bob@test")
        self.plant(signed, "bob@test")
        self.plant("eve@elsewhere.test", "bob@test", Reply_To="alice@test", Disposition_Notification_To="alice@test")
        self.plant("", "bob@test")
        self.plant("alice@test", ["bob@test", "carol@test", "postmaster@test"])
        self.nothing("bob@test", "carol@test", "eve@elsewhere.test")
        # the mail went its way all the same
        assert len(self.ours.wait_mailbox("bob", 5)) == 5

    def test_by_a_forward(self):
        count = len(self.sink.messages)
        self.plant("alice@test", "forward@test")
        self.plant("eve@elsewhere.test", "forward@test", Reply_To="alice@test")
        self.plant(self.signed(), "forward@test")
        left = [m.sender for m in self.sink.wait(count + 4)[count:] if self.planted.encode() in m.data]
        assert len(left) == 3 and "alice@test" in left, left        # through our routers, and bare
        self.nothing("x@theirs.test", "forward@test", "eve@elsewhere.test")

    def test_by_a_mailing_list(self):
        """Carol's list signs what strangers post; they wrote it, not she."""
        count = len(self.sink.messages)
        self.plant("alice@test", "list@test")
        assert is_signed(self.sink.wait(count + 1)[-1].sender, "carol@test")
        self.nothing("x@theirs.test")
        self.unproven(cites(self.planted, "carol@test"), "dsn", "carol@test")
        self.unproven(out_of_office("x@theirs.test"), "autoreply", "carol@test")

    def test_by_address_tests(self):
        for sender in "alice@test", self.signed():
            assert "transport = remote_smtp" in self.ours.bt("tested@theirs.test", sender=sender)
            assert "tested@theirs.test verified" in self.ours.exim("-f", sender, "-bv", "tested@theirs.test").stdout
        self.nothing("tested@theirs.test")

    def test_by_recipient_verification(self):
        """Routers are run for RCPT, also after a message from a trusted sender."""
        for source in STRANGER, "127.0.0.1":
            with self.ours.smtp(source) as session:
                if source != STRANGER:
                    assert session.send("bob@test", "verified@theirs.test", make_message("bob@test")).data.code == 250
                for rcpt in ["forward@test"] + ["verified@theirs.test"] * (source != STRANGER):
                    assert session.mail("alice@test").code == 250 and session.rcpt(rcpt).code == 250
                    session.rset()
        self.nothing("x@theirs.test", "forward@test", "verified@theirs.test")
        self.remembered(out_of_office("verified@theirs.test"), "autoreply", "pair", rcpt="bob@test")

    def test_by_an_expansion(self):
        """Any user may run exim -be."""
        sign = "${dlfunc{%s}{batv_sign}{alice@test}{expanded@theirs.test}{1900000000}{%s}{%s}}"
        installation = Installation(self.lab, "ours")
        for message_id in "", "1xVEEX-0005zz-18":
            for host in "", "127.0.0.2":
                expression = sign % (installation.so if installation.loads else "", message_id, host)
                message = make_message("alice@test", Message_ID=f"<{self.planted}>")
                assert is_signed(self.ours.be(expression, message), "alice@test")
        self.nothing("expanded@theirs.test")

    def test_by_a_local_user(self):
        """Of a local submission Exim knows the sender; the header is what the user says: a hint at most."""
        self.ours.submit("bob@test", "local@theirs.test", make_message(
            "alice@test", Message_ID=f"<{self.planted}>", Reply_To="alice@test",
            Disposition_Notification_To="alice@test"))
        for message, class_ in (cites(self.planted), "dsn"), (mdn(self.planted, author="nobody@theirs.test"), "mdn"):
            self.unproven(message, class_, outcome=("mark", "hint-id"))
        self.unproven(out_of_office("local@theirs.test"), "autoreply")
        self.remembered(cites(self.planted, "bob@test"), "dsn", "id", self.planted, "bob@test")

    def test_by_a_local_user_with_a_foreign_sender(self):
        planted = new_id("planted")
        self.ours.submit("eve@elsewhere.test", "local2@theirs.test", make_message(
            "alice@test", Message_ID=f"<{planted}>"))
        self.nothing("local2@theirs.test", ids=[planted])

    def test_by_a_bounce(self):
        """What we bounce ourselves returns the id of its mail; it is no mail of alice's."""
        planted = new_id("planted")
        self.sink.answer("rcpt", "550 5.1.1 no such user", match="^x@")
        count = len(self.ours.mailbox("alice"))
        self.plant("alice@test", "forward@test", Message_ID=f"<{planted}>")
        own = self.ours.wait_mailbox("alice", count + 1)[-1]
        assert own["X-Failed-Recipients"] and planted.encode() in own.raw
        self.nothing("x@theirs.test", ids=[planted])

    def test_by_mail_that_was_not_taken(self):
        """A trusted client that goes away in the data has sent nothing."""
        planted = new_id("planted")
        with self.ours.smtp() as session:
            session.mail("alice@test")
            session.rcpt("gone@theirs.test")
            assert session.command("DATA").code == 354
            session.socket.sendall(wire(make_message("alice@test", Message_ID=f"<{planted}>")))
        self.ours.wait_log("SMTP connection lost|unexpected disconnection|DATA timeout|lost while reading", timeout=20)
        self.nothing("gone@theirs.test", ids=[planted])


# ---------------------------------------------------------------------------
# Size and nastiness
# ---------------------------------------------------------------------------

class Receiver:
    """One session from a stranger, and the process of Exim's that receives it."""

    def __init__(self, ours):
        self.ours = ours
        before = self.children()
        self.session = ours.smtp(STRANGER, timeout=60)
        (self.pid,) = self.children() - before

    def children(self):
        return {pid for pid, (ppid, _, state) in process_table().items()
                if ppid == self.ours.daemon.pid and state != "Z"}

    def peak(self):
        """The most memory that it ever had, in KiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])


def header_lines(message, *lines):
    return "".join(f"{line}\n" for line in lines) + message


class TestNasty(Site):
    exim = {"options": {"message_size_limit": "200M", "smtp_accept_queue_per_connection": "0"}}

    def setup(self):
        super().setup()
        self.sent = self.known()
        receiver = Receiver(self.ours)
        self.judge(receiver, cites(self.sent))
        self.judge(receiver, cites(new_id()))
        self.usual = receiver.peak()        # what a message of 1 KB takes
        receiver.session.quit()

    def judge(self, receiver, message, rcpt="alice@test"):
        """MESSAGE is a text, or (repeated, block, ...) pieces that are sent as they are: the decision, and seconds."""
        session, count = receiver.session, len(batv_lines(self.ours))
        assert session.mail("").code == 250 and session.rcpt(rcpt).code == 250
        assert session.command("DATA").code == 354
        pieces = [wire(message)] if isinstance(message, (str, bytes)) else message
        start = time.monotonic()
        for piece in pieces:
            session.socket.sendall(piece)
        session.socket.sendall(b".\r\n")
        reply = session.reply()
        seconds = time.monotonic() - start
        (line,) = batv_lines(self.ours)[count:]
        assert reply.code == (550 if line["action"] == "reject" else 250), (reply, line)
        return line, seconds

    def nasty(self, what, message, verdict, limit=10, room=4096, **wanted):
        """It gets the right verdict, in bounded time and memory.  ROOM: KiB more than a message of 1 KB takes."""
        receiver = Receiver(self.ours)
        line, seconds = self.judge(receiver, message)
        more = receiver.peak() - self.usual
        receiver.session.quit()
        print(f"memory: {what}: {line['verdict']} in {seconds:.2f} s, {more / 1024:+.1f} MiB")
        assert line["verdict"] == verdict, (what, line)
        assert {k: line[k] for k in wanted} == wanted, (what, line)
        assert seconds < limit, f"{what}: {seconds:.1f} s"
        assert more < room, f"{what}: {more} KiB more than usual"
        assert self.ours.paniclog() == [] and not self.ours.mainlog("crashed|signal")

    def test_ten_thousand_ids(self):
        others = [f"Message-ID: <{new_id('other')}>" for _ in range(10_000)]
        flood = "\n".join(others)
        end = f"\nMessage-ID: <{self.sent}>"
        dsn = bounce("alice@test", message_id=new_id())
        at = "Return-Path: <alice@test>\n"
        assert dsn.count(at) == 1
        returned = dsn.replace(at, f"{at}{flood}\n")
        self.nasty("10,000 ids returned", returned, "missing", **{"class": "dsn"})
        self.nasty("10,000 ids returned, ours the last", dsn.replace(at, f"{at}{flood}{end}\n"), "missing")
        self.nasty("10,000 ids returned, ours in the header",
                   header_lines(returned, f"In-Reply-To: <{self.sent}>"), "remembered", msgid=self.sent)
        self.nasty("10,000 ids returned, ours the first",
                   dsn.replace(at, f"{at}Message-ID: <{self.sent}>\n{flood}\n"), "remembered", msgid=self.sent)
        # the same in the header of the message itself
        replies = [line.replace("Message-ID", "In-Reply-To") for line in others]
        self.nasty("10,000 In-Reply-To", header_lines(dsn, *replies), "missing")
        self.nasty("10,000 In-Reply-To, ours returned",
                   header_lines(cites(self.sent), *replies), "remembered", msgid=self.sent)
        thousand = "References:" + "".join(f"\n <{new_id()}>" for _ in range(1_000))
        self.nasty("References of 1,000, ours the last",
                   header_lines(dsn, f"{thousand}\n <{self.sent}>"), "remembered", msgid=self.sent)
        references = "References:" + "".join(f"\n <{new_id()}>" for _ in range(10_000))
        self.nasty("References of 10,000", header_lines(dsn, references), "missing")
        self.nasty("References of 10,000, ours after 64 KB",
                   header_lines(dsn, f"{references}\n <{self.sent}>"), "missing")
        self.nasty("References of 10,000, ours returned",
                   header_lines(cites(self.sent), references), "remembered", msgid=self.sent)

    def test_many_authors(self):
        """An automatic reply from 10,000 people, of whom alice wrote to one."""
        self.write("erin@theirs.test", new_id())
        people = ",\n ".join(f"person{i} <p{i}@theirs.test>" for i in range(10_000))
        self.nasty("10,000 authors", out_of_office(people), "missing", **{"class": "autoreply"})
        self.nasty("10,000 authors, ours the last", out_of_office(f"{people},\n erin@theirs.test"), "missing")
        self.nasty("two authors", out_of_office("p1@theirs.test, erin@theirs.test"), "remembered", reason="pair")

    def test_nested(self):
        """1,000 multiparts in one another, and the returned message in the innermost."""
        def nested(message_id, depth=1000):
            parts = "".join(f'--b{i}\nContent-Type: multipart/mixed; boundary="b{i + 1}"\n\n' for i in range(depth))
            ends = "".join(f"--b{i}--\n" for i in range(depth, -1, -1))
            return make_message("MAILER-DAEMON@theirs.test", "alice@test", "Undelivered Mail",
                                f"{parts}--b{depth}\nContent-Type: message/rfc822\n\nFrom: alice@test\n"
                                f"Message-ID: <{message_id}>\n\nhello\n{ends}",
                                MIME_Version="1.0", Content_Type='multipart/mixed; boundary="b0"')
        self.nasty("1,000 parts deep", nested(new_id()), "missing", **{"class": "dsn"})
        self.nasty("1,000 parts deep, ours", nested(self.sent), "remembered", msgid=self.sent)

        # and as many messages in one another, all of one boundary that never closes
        part = '--b1\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary="b1"\n\n'
        for message_id, verdict in (new_id(), "missing"), (self.sent, "remembered"):
            body = part * 1000 + f"--b1\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{message_id}>\n"
            head = bounce("alice@test").partition("\n\n")[0]
            self.nasty(f"1,000 messages deep, {verdict}", f"{head}\n\n{body}", verdict)

    def endless(self, message_id, size, head=cites):
        """A DSN and then one line of SIZE bytes, in pieces for judge()."""
        block = b"x" * (1 << 20)
        return [wire(head(message_id))] + [block] * (size >> 20) + [b"\r\n"]

    def test_20_megabytes_in_one_line(self):
        self.nasty("20 MiB in one line", self.endless(new_id(), 20 << 20), "missing", limit=20)
        self.nasty("20 MiB in one line, ours before", self.endless(self.sent, 20 << 20), "remembered", limit=20)
        head = cites("x").partition("\n\n")[0].encode() + b"\n\n"
        far = [wire(head), *[b"x" * (1 << 20)] * 20, b"\r\n", wire(cites(self.sent).partition("\n\n")[2])]
        self.nasty("20 MiB in one line, ours after it", far, "missing", limit=20)

    def test_100_megabytes(self):
        self.nasty("100 MiB in one line", self.endless(new_id(), 100 << 20), "missing", limit=30)

    def test_line_ends_only(self):
        head = cites("x").partition("\n\n")[0]
        for what, byte in ("line ends", "\n"), ("dashes", "--\n"), ("base64 of nothing", "QQ==\n"), ("=", "=\n"), \
                ("<", "<"), ("Message-ID:", "Message-ID:\n"), ("Message-ID: <", "Message-ID: <"), (" @", " <@>\n"):
            message = f"{head}\n\n{byte * (200_000 // len(byte))}\n"
            self.nasty(f"200 KB of {what.strip()}", message, "missing")

    def test_nul(self):
        """Exim takes them, and so do we."""
        nul = "\0" * 60_000
        for message_id, verdict in (new_id(), "missing"), (self.sent, "remembered"):
            self.nasty(f"NULs, {verdict}", cites(message_id).replace(
                "Return-Path:", f"{nul}\nX-N: {nul}\nReturn-Path:"), verdict)
        # an id with a NUL in it is another one, not ours cut short
        self.nasty("NUL in the id", cites(f"{self.sent}\0x"), "missing")

    def test_boundary_that_never_closes(self):
        for message_id, verdict in (new_id(), "missing"), (self.sent, "remembered"):
            message = cites(message_id)
            assert message.endswith("--b1--\n")
            self.nasty(f"not closed, {verdict}", message.removesuffix("--b1--\n") + "hello\n" * 30_000, verdict)
            self.nasty(f"of another name, {verdict}", message.replace('"b1"', f'"{"b" * 900}"'), verdict)
            self.nasty(f"none, {verdict}", message.replace('; boundary="b1"', ""), verdict)

    def test_evidence_bytes(self):
        """The text after them is not read; an administrator may have more read."""
        padding = "filler\n" * (140_000 // 7)
        far = cites(self.sent).replace("Return-Path:", f"X-P: x\n\n{padding}\nReturn-Path:")
        self.nasty("ours after 140 KB", far, "missing")
        self.batv.set(MEMORY, evidence_bytes="1M")
        self.nasty("ours after 140 KB, 1M are read", far, "remembered", msgid=self.sent)
        self.batv.set(MEMORY, evidence_bytes="4K")
        self.nasty("ours after 5 KB, 4K are read", cites(self.sent).replace(
            "Return-Path:", f"{padding[:5000]}\nReturn-Path:"), "missing")
        self.batv.set(MEMORY)


# ---------------------------------------------------------------------------
# The file
# ---------------------------------------------------------------------------

class TestFile(Site):
    """Without a memory nothing can be proven by it: bounces are refused, and nothing else."""

    exim = {"options": {"smtp_accept_queue_per_connection": "0"}}

    def setup(self):
        super().setup()
        self.sent = self.known()
        self.tagged = self.signed()
        self.batv.stop()            # it would put the file right
        self.path = self.batv.state_dir / "memory"
        self.saved = self.path.read_bytes()

    def put(self, data=None):
        self.lab.write(self.path, self.saved if data is None else data, mode=0o660)

    def in_order(self, session=None):
        self.remembered(cites(self.sent), "dsn", "id", self.sent, session=session)
        self.remembered(mdn(self.sent), "mdn", "id", self.sent, session=session)
        self.remembered(out_of_office("erin@theirs.test"), "autoreply", "pair", session=session)

    def without(self, session=None):
        self.unproven(cites(self.sent), "dsn", session=session)
        self.unproven(mdn(self.sent), "mdn", session=session)
        self.unproven(out_of_office("erin@theirs.test"), "autoreply", session=session)
        # the tag needs no memory
        self.remembered(bounce("alice@test", self.tagged, message_id=self.sent), "dsn", "tag", self.tagged,
                        session=session)
        code, line = self.replay(cites(self.sent), self.tagged, session=session)
        assert (code, line["verdict"]) == (250, "valid"), line
        count = len(self.sink.messages)
        self.write("erin@theirs.test", new_id())
        assert self.sink.wait(count + 1)[-1].sender == self.tagged
        assert self.ours.paniclog() == [] and not self.ours.mainlog("crashed|" + OUR_LINE + "trouble")

    def test_in_order(self):
        self.in_order()

    def test_missing(self):
        self.path.unlink()
        self.without()
        self.put()
        self.in_order()

    def test_foreign(self):
        zeroed = self.saved[:4096] + bytes(len(self.saved) - 4096)
        for data in b"", os.urandom(65536), self.saved[:-4096], zeroed:
            self.put(data)
            self.without()
        self.put()
        self.in_order()

    def test_read_only(self):
        """What is in it proves, and nothing can be added."""
        self.path.chmod(0o440)
        self.in_order()
        sent = self.known()
        self.unproven(cites(sent), "dsn")
        self.put()
        assert not self.ours.mainlog("crashed") and self.ours.paniclog() == []

    def test_truncated_while_in_use(self):
        with self.ours.smtp(STRANGER) as session:
            for size in 0, 4096, len(self.saved) // 2, len(self.saved) - 1:
                self.put()
                self.in_order(session)
                os.truncate(self.path, size)
                self.without(session)
            self.put()
            self.in_order(session)

    def test_truncated_at_any_moment(self):
        """Between two instructions of a process that remembers, or looks: no memory, never its end."""
        size, done = len(self.saved), threading.Event()

        def saw():
            while not done.wait(0.0005):
                os.truncate(self.path, 0)
                os.truncate(self.path, size)
                with open(self.path, "r+b") as file:
                    file.write(self.saved)
        thread = threading.Thread(target=saw)
        thread.start()
        count = len(self.sink.messages)
        try:
            with self.ours.smtp(STRANGER) as stranger, self.ours.smtp() as alice:
                for _ in range(30):
                    code, line = self.replay(cites(self.sent), session=stranger)
                    assert (code, line["verdict"]) in ((250, "remembered"), (550, "missing")), line
                    assert alice.send("alice@test", "erin@theirs.test", make_message("alice@test")).data.code == 250
        finally:
            done.set()
            thread.join()
        assert len(self.sink.wait(count + 30)) == count + 30
        assert not self.ours.mainlog("crashed") and self.ours.paniclog() == []
        self.put()
        self.in_order()


class TestGenerations(Site):
    """Another capacity, retention or start of the daemon: what was remembered stays so."""

    def setup(self):
        super().setup()
        self.ids = []

    def more(self):
        """One more id; and all of them are known."""
        self.ids.append(self.known())
        for message_id in self.ids:
            self.remembered(cites(message_id), "dsn", "id", message_id)
        self.remembered(out_of_office("erin@theirs.test"), "autoreply", "pair")
        self.unproven(cites(new_id()), "dsn")

    def names(self):
        state = (self.batv.state_dir / "state").read_text()
        return [re.search(rf"(?m)^{keyword} ?(.*)$", state)[1] for keyword in ("memory", "memory_before")]

    def test_changes_while_running(self):
        self.more()
        assert self.names() == ["memory", ""], self.names()
        self.batv.set(self.conf, memory_capacity="20k")
        assert self.names() == ["memory.2", "memory"]
        self.more()
        # two are asked, so the next change waits until the first one is out of retention
        self.batv.set(self.conf, memory_capacity="30k", memory_retention="40d")
        assert self.names() == ["memory.2", "memory"]
        self.more()
        self.batv.stop()
        self.batv.start()
        self.more()
        # a session that is open across the change sees it, too
        with self.ours.smtp(STRANGER) as session:
            self.remembered(cites(self.ids[0]), "dsn", "id", self.ids[0], session=session)
            self.batv.daemon.kill()
            self.remembered(cites(self.ids[0]), "dsn", "id", self.ids[0], session=session)
            self.batv.start()
            self.remembered(cites(self.ids[-1]), "dsn", "id", self.ids[-1], session=session)
        counters = self.batv.json("status")["counters"]
        assert counters["signed"] >= len(self.ids), counters
        assert self.ours.paniclog() == []

    def test_the_one_before_is_lost(self):
        """The newest alone answers then; what it never held is unknown."""
        first, second = self.ids[0], self.ids[-1]
        self.batv.stop()
        saved = (self.batv.state_dir / "memory").read_bytes()
        (self.batv.state_dir / "memory").unlink()
        self.unproven(cites(first), "dsn")
        self.remembered(cites(second), "dsn", "id", second)
        self.lab.write(self.batv.state_dir / "memory", saved, mode=0o660)
        self.remembered(cites(first), "dsn", "id", first)


class TestClock(Site):
    """Time that jumps forgets nothing."""

    def setup(self):
        self.lab.clock.set(1_900_000_000)
        super().setup()

    def test_there_and_back(self):
        sent = self.known()
        self.lab.clock.jump(5 * DAY)
        later = self.known()
        for message_id in sent, later:
            self.remembered(cites(message_id), "dsn", "id", message_id)
        self.lab.clock.jump(-5 * DAY)
        self.remembered(cites(sent), "dsn", "id", sent)
        again = self.known()
        for message_id in sent, again:
            self.remembered(cites(message_id), "dsn", "id", message_id)


# ---------------------------------------------------------------------------
# Kinds of installation
# ---------------------------------------------------------------------------

class Kind(Site):
    """What each kind of installation remembers, and sees of an answer."""

    kind = None

    def setup(self):
        self.batv = Batv(self.lab, conf=MEMORY, kind=self.kind)
        self.sink = Sink(self.lab)
        installation = Installation(self.lab, "ours", self.kind)
        self.ours = batv_exim(self.lab, self.batv, self.sink, installation=installation, **self.exim)

    def written(self, rcpt="erin@theirs.test"):
        sent = new_id()
        self.write(rcpt, sent)
        return sent

    def test_header(self):
        """In-Reply-To needs no body."""
        sent = self.written()
        self.remembered(out_of_office("other@theirs.test", In_Reply_To=f"<{sent}>"), "autoreply", "id", sent)
        self.unproven(out_of_office("other@theirs.test", In_Reply_To=f"<{new_id()}>"), "autoreply")

    def test_pair(self):
        self.written("frank@theirs.test")
        self.remembered(out_of_office("frank@theirs.test"), "autoreply", "pair")

    def test_returned_id(self):
        sent = self.written()
        self.remembered(cites(sent), "dsn", "id", sent)


class TestLocalScan(Kind):
    kind = HEAVY


class TestLight(Kind):
    kind = LIGHT


class TestAclOnly(Kind):
    """No local_scan(): ids are remembered at the transport, pairs at routing; $message_body is all of the body."""

    kind = ACL


class TestTransportOnly(Site):
    """A transport alone remembers ids, no pairs."""

    def setup(self):
        self.batv = Batv(self.lab, conf=MEMORY, kind=ACL)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, router=False,
                              installation=Installation(self.lab, "ours", ACL),
                              options={"message_body_visible": None, "message_body_newlines": None})

    def test_what_it_remembers(self):
        sent = self.known()
        self.remembered(mdn(author="erin@theirs.test", In_Reply_To=f"<{sent}>"), "mdn", "id", sent)
        self.unproven(mdn(author="erin@theirs.test"), "mdn")

    def test_what_a_short_message_body_hides(self):
        """By default an ACL sees 500 characters: then the id of a bounce's original is out of sight."""
        sent = self.known()
        near = cites(sent)
        assert near.partition("\n\n")[2].index(sent) < 450
        self.remembered(near, "dsn", "id", sent)
        self.unproven(near.replace("I'm sorry", "I'm so sorry. " * 20 + "I'm sorry"), "dsn")
        for path in "docs/install.md", "exim-snippets/acl-data.conf":
            assert "message_body_visible" in (TOP / path).read_text(), path
