"""The steps of docs/install.md, in and out, one by one: after each of them no bounce is lost."""

import re
import shutil

from batv import *
from kinds import HEAVY, LIGHT, REBUILT
from lab_debian import DebianConfiguration, Installation

STRANGER = "127.0.0.9"


def documented(title):
    """The command lines of install.md after the bold TITLE, in blocks."""
    text = (TOP / "docs" / "install.md").read_text()
    part = re.search(rf"^\*\*{re.escape(title)}.*?(?=^\*\*|^#|\Z)", text, re.M | re.S)[0]
    blocks = [re.findall(r"^    (.*)$", block, re.M) for block in re.findall(r"(?:^    .*\n)+", part, re.M)]
    assert blocks, title
    return blocks


class Bounces:
    """Mail goes out, and each one comes back: to the address that it left with, today and later."""

    user = "alice"

    def setup(self):
        self.address = f"{self.user}@test"
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab, conf="domains = test\n")
        self.tags = []
        self.settings = {}

    def set(self, **settings):
        self.settings.update(settings)
        self.batv.conf("domains = test\n", **self.settings)
        self.batv.reload()

    def left_with(self):
        """The sender of a mail of ours that goes out now."""
        count = len(self.sink.messages)
        self.ours.submit(self.address, "x@theirs.test", make_message(self.address, "x@theirs.test"))
        return self.sink.wait(count + 1)[-1].sender

    def none_is_lost(self, step):
        address = self.left_with()
        if address != self.address and address not in self.tags:
            assert is_signed(address, self.address), (step, address)
            self.tags.append(address)
        for rcpt in dict.fromkeys([address, *self.tags]):
            count = len(self.ours.mailbox(self.user))
            result = self.ours.inject("", rcpt, bounce(rcpt), STRANGER)
            assert [r.code for r in result.rcpts] == [250] and result.data.code == 250, (step, rcpt, result)
            self.ours.wait_mailbox(self.user, count + 1)
        return address


class Debian(Bounces):
    """Debian's real configuration, with nothing of ours in it at first."""

    user = "games"

    def setup(self):
        super().setup()
        self.installation = Installation(self.lab, "ours", self.kind)
        self.debian = DebianConfiguration(self.lab, "ours", self.installation, self.split, self.batv.state_dir,
                                          self.sink.route(), placed=False)
        self.shipped = self.lab.dir / "snippets"
        shutil.copytree(TOP / "exim-snippets", self.shipped)
        macros = {k: v for k, v in self.debian.macros.items() if k != "BATV_SNIPPETS"}
        self.ours = Exim(self.lab, config=self.debian.text, binary=self.installation.binary, macros=macros,
                         options=self.debian.options)
        for path in self.shipped.rglob("*"):
            if path.is_file():
                path.write_text(path.read_text().replace("/usr/share/exim-batv/snippets", str(self.shipped)))
        assert self.none_is_lost("nothing done") == self.address

    def do(self, line):
        """A line of install.md."""
        setting = re.fullmatch(r"(\w+) = (\w+)", line)
        if setting:
            self.set(**{setting[1]: setting[2]})
        elif line == "update-exim4.conf":
            self.ours.write_config(self.debian.text)
        elif line == "systemctl reload exim4":
            self.ours.hup()
        else:
            line = line.replace("/etc/exim4", str(self.debian.etc)).replace("/usr/share/exim-batv/snippets", str(self.shipped))
            assert "/etc/" in line and " /usr" not in line, line
            pieces = self.shipped / "debian"
            self.lab.run(["sh", "-ec", line], cwd=pieces if pieces.exists() else self.lab.dir, user="root" if self.lab.root else None)

    def follow(self, blocks):
        for line in (line for block in blocks for line in block):
            self.do(line)
            address = self.none_is_lost(line)
        return address

    def remove_the_package(self):
        self.batv.stop()
        self.installation.so.unlink()
        shutil.rmtree(self.shipped)
        (self.batv.state_dir / "state").unlink()

    def in_(self):
        title = "Into the split" if self.split else "Into the unsplit"
        address = self.follow(documented(title))
        assert is_signed(address, self.address) and self.ours.paniclog() == [], address

    def test_in(self):
        self.in_()


class OutOfSplit(Debian):
    split = True

    def test_out(self):
        off, out, month = documented("Out of the split")
        assert self.follow([off, out]) == self.address
        self.remove_the_package()
        assert self.none_is_lost("the package is gone") == self.address
        self.tags.clear()                               # the month is over
        self.follow([month])
        assert not [p for p in self.debian.etc.rglob("*batv*")] and self.ours.paniclog() == []


class OutOfUnsplit(Debian):
    split = False

    def test_out(self):
        off, out, month = documented("Out of the unsplit")
        assert self.follow([off, out]) == self.address and self.tags
        self.remove_the_package()
        assert self.none_is_lost("the package is gone") == self.address
        self.tags.clear()                               # the month is over
        self.follow([month])
        assert not [p for p in self.debian.etc.rglob("*batv*")] and self.ours.paniclog() == []


class TestSplitHeavy(OutOfSplit):
    kind = HEAVY


class TestSplitLight(OutOfSplit):
    kind = LIGHT


class TestUnsplitHeavy(OutOfUnsplit):
    kind = HEAVY


class TestUnsplitLight(OutOfUnsplit):
    kind = LIGHT


class TestPlain(Bounces):
    """README.md: the pieces, Exim's restart, and only then batvd."""

    def test_in(self):
        readme = (TOP / "README.md").read_text()
        assert readme.index("systemctl restart exim") < readme.index("systemctl enable --now batvd")
        self.batv.stop()
        for path in self.batv.state_dir.iterdir():
            path.unlink()
        installation = Installation(self.lab, "ours", REBUILT)
        self.ours = batv_exim(self.lab, self.batv, self.sink, installation=installation, router=False, transport=False,
                              unsign=False)
        assert self.none_is_lost("nothing done") == self.address
        whole = batv_exim(self.lab, self.batv, self.sink, name="whole", installation=installation, start=False)
        pieces = whole.config_path.read_text()
        pieces = pieces[pieces.index("domainlist batv_dir"):]
        self.ours.write_config(pieces)
        assert self.none_is_lost("the pieces are in") == self.address
        self.ours.restart()
        assert self.none_is_lost("Exim knows them") == self.address
        self.batv.start()
        assert is_signed(self.none_is_lost("batvd runs"), self.address)
