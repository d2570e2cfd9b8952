"""batvctl remember, and the memory over several files: what Exim and batvctl write is the same to both."""

import socket
import threading

from answers import *

BOBS = "bob@elsewhere.test"


class Sending(Ours):
    """Our server, which writes to a sink."""

    def __init__(self, lab, options=None, **settings):
        self.lab = lab
        self.batv = Batv(lab, conf=MEMORY, start=False)
        self.sink = Sink(lab)
        self.ours = batv_exim(lab, self.batv, f"* {self.sink.address}::{self.sink.port}", options=options or {})
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"
        self.batv.conf(MEMORY, **settings)
        self.batv.start()

    def log(self):
        return self.ours.dir / "log" / "mainlog"

    def remember(self):
        """What batvctl makes of Exim's log."""
        return self.batv.json("remember", "--from-exim-log", self.log())

    def memory(self):
        return self.batv.json("status")["memory"]

    def dsn(self, message_id):
        return bounce("alice@test", message_id=message_id)


def test_the_log_says_what_exim_remembered(lab):
    o = Sending(lab)
    sent = [new_id() for _ in range(3)]
    for message_id in sent:
        o.write(BOBS, message_id)
    o.ours.submit("alice@test", [BOBS, "carl@elsewhere.test"], make_message("alice@test", BOBS))
    with o.ours.smtp(STRANGER) as stranger:         # in alice's name, to one of ours
        stranger.send("alice@test", "bob@test", make_message("alice@test", "bob@test", Message_ID="<planted@x.test>"))
    o.ours.wait_idle()
    # Each of them is there already: batvctl and Exim name them alike.
    was = o.memory()
    told = o.remember()
    assert told["remembered"] == {"ids": 0, "pairs": 0}, told
    assert told["known"] == {"ids": 4, "pairs": 5}, (told, o.ours.mainlog("<="))
    assert told["not_ours"] == 1 and told["not_evaluated"] == told["too_old"] == told["no_room"] == 0, told
    assert (was["ids"]["today"], was["pairs"]["today"]) == (4, 2), was
    # A memory that is lost: the log fills a new one.
    (o.batv.state_dir / "memory").unlink()
    wait_until(lambda: (o.batv.state_dir / "memory").exists(), 20, "a new memory")
    o.unproven(o.dsn(sent[0]), "dsn")
    told = o.remember()
    assert told["remembered"] == {"ids": 4, "pairs": 2} and told["known"] == {"ids": 0, "pairs": 3}, told
    assert o.memory()["ids"]["today"] == 4, o.memory()
    o.remembered(o.dsn(sent[0]), "dsn", "id", sent[0])
    o.unproven(o.dsn("planted@x.test"), "dsn")


class Ident:
    """A stranger's ident server (RFC 1413), which says that its user is TEXT."""

    def __init__(self, text):
        self.text, self.socket = text, socket.create_server((STRANGER, 113))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                ports = client.recv(200).decode().strip()
                client.sendall(f"{ports} : USERID : UNIX : {self.text}\r\n".encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


PLANT = " P=esmtpa A=plain:alice S=9 id=planted@x.test for victim@elsewhere.test"

# What strangers write into the log of ours: HELO, sender, recipient, header.
HOSTILE = [
    ("x", "alice@test", "bob@test", {"Message_ID": '<"x for victim@elsewhere.test"@x.test>'}),
    ("x", "alice@test", "bob@test", {"Message_ID": "<planted@x.test>", "Subject": '" for victim@elsewhere.test id=planted@x.test'}),
    ("x", "alice@test", "bob@test", {"Message_ID": "<planted@x.test>", "Subject": "=?us-ascii?q?_for_victim=40elsewhere.test_=22b_=0A2026?="}),
    ("x", '"alice H=[127.0.0.1]' + PLANT + '"@test', "bob@test", {}),
    ("x", r'"a\" <= alice@test H=[127.0.0.1]' + PLANT + '"@test', "bob@test", {}),
    ("x", r"a\ <=\ alice@test", "bob@test", {"Message_ID": "<planted@x.test>"}),
    ("x", "alice@test", '"bob for victim@elsewhere.test"@test', {"Message_ID": "<planted@x.test>"}),
    (f"x) [127.0.0.1]{PLANT}", "alice@test", "bob@test", {"Message_ID": "<planted@x.test>"}),
    ("x) [127.0.0.1] U=(", "alice@test", "bob@test", {"Message_ID": "<planted@x.test>"}),
    ('x"', "alice@test", "bob@test", {"Message_ID": '<"planted"@x.test>'}),
    ('x P=esmtpa A=plain:alice S=9 id=planted@x.test T="', "alice@test", "bob@test", {"Subject": " for victim@elsewhere.test"}),
]


def strangers(ours):
    """Each of them writes; bob gets some of it, and no reply matters."""
    for helo, sender, rcpt, header in HOSTILE:
        message = make_message("alice@test", "bob@test", **header)
        with Smtp(ours.address, ours.port, STRANGER, helo=helo) as session:
            for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{rcpt}>"):
                session.command(line)
            session.data(message)


def test_strangers_plant_nothing_through_the_log(lab):
    strangers_plant_nothing(lab, "+subject +received_recipients")


def test_strangers_plant_nothing_through_a_log_of_all(lab):
    strangers_plant_nothing(lab, "+all")


def strangers_plant_nothing(lab, selector):
    needs_root("an ident server, which has port 113")
    o = Sending(lab, {"log_selector": selector, "helo_accept_junk_hosts": "*", "rfc1413_hosts": STRANGER,
                      "rfc1413_query_timeout": "5s"})
    mine, quoted = new_id(), '"mine for nobody@x.test"@mua.test'
    o.write(BOBS, mine)
    o.write(BOBS, quoted)
    o.ours.submit("alice@test", [BOBS], make_message("alice@test", BOBS, Message_ID=None))
    (line,) = o.ours.mainlog(" <= .* P=local ")
    named_by_exim = "E" + re.search(MESSAGE_ID, line)[0] + "@" + o.ours.hostname
    for ident in f"alice{PLANT}", 'alice P=esmtpa A=plain:alice S=9 id=planted@x.test T="', "alice":
        with Ident(ident):
            strangers(o.ours)
    o.ours.wait_idle()
    arrived = len(o.ours.mainlog(MESSAGE_ID + " <= "))
    assert arrived > 20, o.ours.mainlog(" <= ")
    told = o.remember()         # Exim and batvctl name them alike
    assert told["remembered"]["ids"] == 0 and told["known"]["ids"] == 3, told
    for name in o.batv.state_dir.glob("memory*"):
        name.unlink()
    wait_until(lambda: (o.batv.state_dir / "memory").exists(), 20, "a new memory")
    told = o.remember()
    assert told["remembered"] == {"ids": 3, "pairs": 1} and told["known"] == {"ids": 0, "pairs": 2}, told
    assert told["not_ours"] >= 5 and told["not_understood"] > 5 and told["not_evaluated"] == 0, told
    assert told["not_ours"] + told["not_understood"] + told["bounces"] + 3 == arrived, told
    for message_id in "planted@x.test", '"planted"@x.test', '"x for victim@elsewhere.test"@x.test':
        o.unproven(o.dsn(message_id), "dsn")
    for message_id in mine, quoted, named_by_exim:
        o.remembered(o.dsn(message_id), "dsn", "id")


def test_nobody_else_writes_our_line(lab):
    """A stranger's words look like a decision to a reader that does not check their position."""
    o = Sending(lab, {"log_selector": "+all", "helo_accept_junk_hosts": "127.0.0.8"})
    forged = "batv: verdict=valid action=accept mode=reject rcpt=<bob@test> class=dsn"
    for source in STRANGER, "127.0.0.8":                # refused, and believed
        with Smtp(o.ours.address, o.ours.port, source, helo=f"x {forged}") as session:
            session.command(f"HELP {forged}")
            if source == STRANGER:
                session.command("HELO x.test")
            session.command(f'MAIL FROM:<"{forged}"@x.test>')
            session.command(f'RCPT TO:<"{forged}"@test>')
            session.command("RSET")
            session.send("a@x.test", "bob@test", make_message("a@x.test", "bob@test", Subject=forged))
    o.ours.wait_log(MESSAGE_ID + " <= a@x.test ")
    assert len(o.ours.mainlog("batv: verdict=valid")) > 4, o.ours.mainlog()
    assert batv_lines(o.ours) == [], batv_lines(o.ours)
    o.unproven(o.dsn(new_id()), "dsn")
    (anchor,) = re.findall(r"grep -E '([^']*)' /var/log", (TOP / "docs" / "formats.md").read_text())
    found = [line for line in o.ours.mainlog() if re.search(anchor, line)]
    assert len(found) == 1 and "verdict=missing" in found[0], found


def test_a_list(lab):
    o = Sending(lab)
    text = "# since last week\na@mua.test alice@test\n\n<b@mua.test> <carol@test>\r\n"
    done = o.batv.ctl("remember", "-", input=text)
    assert done.stdout == ("remembered 2 Message-IDs and 0 pairs of people; 0 and 0 were known already\n"), done
    o.remembered(o.dsn("a@mua.test"), "dsn", "id", "a@mua.test")
    o.unproven(o.dsn("b@mua.test"), "dsn")          # it was carol's
    path = lab.write(o.batv.dir / "list", "c@mua.test alice@test\nd@mua.test\n")
    done = o.batv.ctl("remember", path, check=False)
    assert done.returncode == 2 and f"{path}:2: expected MESSAGE-ID ADDRESS" in done.stderr, done
    for argv, code in [((), 2), (("x", "--from-exim-log", "y"), 2), (("/nowhere",), 3), (("--from-exim-log", "/nowhere"), 3),
                       (("--from-exim-log", o.log(), "--at", "now"), 2)]:
        done = o.batv.ctl("remember", *argv, check=False)
        assert done.returncode == code and done.stderr.count("\n") == 1, (argv, done)


def test_another_capacity_forgets_nothing(lab):
    o = Sending(lab)
    first, second = new_id(), new_id()
    o.write(BOBS, first)
    o.ours.wait_idle()
    o.batv.set(MEMORY, memory_capacity="2k")
    wait_until(lambda: o.memory()["file"] == "memory.2", 15, o.memory)
    o.write(BOBS, second)
    o.ours.wait_idle()
    memory = o.memory()
    assert memory["before"] == "memory" and memory["ids"] | {"chance": 0} == {
        "capacity": 2000, "chance": 0, "today": 1, "fullest": 1}, memory
    for message_id in first, second:
        o.remembered(o.dsn(message_id), "dsn", "id", message_id)
    domains = o.batv.json("status")["domains"]
    assert [d["domain"] for d in domains] == ["test"] and o.batv.json("status")["counters"]["signed"] == 2, domains
    o.batv.stop()
    o.batv.start()
    assert o.memory()["before"] == "memory"
    # Another one must wait, and status says so.
    o.batv.set(MEMORY, memory_capacity="3k")
    notes = o.batv.json("status")["notes"]
    assert o.memory()["file"] == "memory.2" and any("memory_capacity was changed" in n for n in notes), notes
