"""batvctl remember, and the memory over several files: what Exim and batvctl write is the same to both."""

from answers import *

BOBS = "bob@elsewhere.test"


class Sending(Ours):
    """Our server, which writes to a sink."""

    def __init__(self, lab, **settings):
        self.lab = lab
        self.batv = Batv(lab, conf=MEMORY, start=False)
        self.sink = Sink(lab)
        self.ours = batv_exim(lab, self.batv, f"* {self.sink.address}::{self.sink.port}")
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
    # Another one has to wait, and status says so.
    o.batv.set(MEMORY, memory_capacity="3k")
    notes = o.batv.json("status")["notes"]
    assert o.memory()["file"] == "memory.2" and any("memory_capacity was changed" in n for n in notes), notes
