"""A server whose memory file is of version 1: it is used as it is, and the first look of a new batvd takes it over whole."""

from pathlib import Path

from answers import *

NOW = 1_795_348_800         # of the file: test_memory_v1.c says what is in it
KEY = b"the memory's own key of 32 bytes"
TEXT = Path(__file__).parent.parent / "unit/memory/version-1.txt"
CONF_AUTO = CONF + "memory_capacity = 1k\n"


def version_1():
    """The file's bytes."""
    first, *lines = TEXT.read_text().splitlines()
    data = bytearray(int(first.split()[1]))
    for line in lines:
        at, text = line.split()
        some = bytes.fromhex(text)
        data[int(at):int(at) + len(some)] = some
    return bytes(data)


class Upgraded(Ours):
    """A state and a secret that name the file; batvd is off, as in the middle of an upgrade."""

    def __init__(self, lab):
        self.lab = lab
        lab.clock.set(NOW + 60)
        self.batv = Batv(lab, conf=CONF_AUTO)
        self.sink = Sink(lab)
        self.ours = batv_exim(lab, self.batv, self.sink, local_domains="example.com", users=["alice", "bob"])
        secret = self.batv.state_dir / "secret"
        text = re.sub(r"(?m)^memory .*$", f"memory {KEY.hex()}", secret.read_text())
        self.batv.stop()
        self.rewrite(secret, text.encode())
        self.batv.start()                           # the state has that key now
        self.batv.stop()
        state = (self.batv.state_dir / "state").read_text()
        self.name = re.search(r"(?m)^memory (\S+)$", state)[1]
        assert f"memory_key {KEY.hex()}" in state, state
        self.rewrite(self.batv.state_dir / self.name, version_1())

    def rewrite(self, path, data):
        with path.open("r+b") as file:              # owner and mode stay
            file.truncate(0)
            file.write(data)

    def all_is_there(self):
        """An id proves, nothing proves nothing, and the domain that is armed refuses."""
        two = "two.2@mail.example.com"
        mark = os.urandom(6).hex()
        for what, class_ in (out_of_office(In_Reply_To=f"<{two}>"), "autoreply"), (mdn(two), "mdn"):
            code, line = self.replay(what, "bob@example.com", mark=mark)
            assert (code, line["verdict"], line["reason"], line["msgid"]) == (250, "remembered", "id", two), line
            assert (line["class"], line["mode"]) == (class_, "reject"), line
        code, line = self.replay(out_of_office(author="zoe@elsewhere.test"), "alice@example.com", sender="")
        assert (code, line["verdict"], line["reason"]) == (250, "remembered", "pair"), line
        code, line = self.replay(bounce("bob@example.com", message_id=new_id()), "bob@example.com")
        assert (code, line["verdict"], line["mode"]) == (550, "missing", "reject"), line

    def signed(self):
        count = len(self.sink.messages)
        result = self.ours.inject("alice@example.com", "x@theirs.test", make_message("alice@example.com", "x@theirs.test"))
        assert result.data.code == 250, result
        tagged = self.sink.wait(count + 1)[-1].sender
        assert is_signed(tagged, "alice@example.com"), tagged
        code, line = self.replay(bounce(tagged), tagged)
        assert (code, line["verdict"]) == (250, "valid"), line


def test_taken_over_whole(lab):
    site = Upgraded(lab)
    site.all_is_there()                             # before batvd has looked
    site.signed()
    site.batv.start()
    state = (site.batv.state_dir / "state").read_text()
    assert f"\nmemory_before {site.name}\n" in state, state
    site.all_is_there()
    site.signed()
    status = site.batv.json("status")
    domain, = [d for d in status["domains"] if d["domain"] == "example.com"]
    assert domain["armed"] and domain["first_signed"] == NOW - 9 * DAY, domain
    counters = status["counters"]
    assert counters["signed"] >= 12 + 1, counters   # 12 of the file, over 32 days
    assert counters["left_untrusted"] == 14, counters
    assert any("older version" in line for line in site.batv.log()), site.batv.log()
    assert not [p for p in status["problems"] if "memory" in p], status["problems"]
