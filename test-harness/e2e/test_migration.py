"""docs/migration.md: from the ${prvs} recipe and from batv-tools to exim-batv, and back, without one lost bounce."""

import hashlib
import hmac

from batv import *

NOON = 1_900_000_000
STRANGER = "127.0.0.9"
PAGE = (TOP / "docs/migration.md").read_text()
CONF = "domains = test\nown_hosts = 127.0.0.1\n"


def blocks(section):
    """The blocks of a section of the page that stand for themselves, and the commands in its lists."""
    text = re.search(rf"(?ms)^## {re.escape(section)}\n(.*?)(?=^## |\Z)", PAGE)[1]
    plain = re.findall(r"(?m)((?:^    (?! {3}\S).*\n)+)", text)
    return plain, re.findall(r"(?m)((?:^ {7}\S.*\n)+)", text)


class Change:
    """One Exim, with configurations for before and after; commands run as they are printed."""

    conf = CONF

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=self.conf, start=False)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, start=False)
        self.ours_text = self.ours.config_path.read_text()
        self.legacy = self.lab.mkdir("etc") / "legacy"
        self.key = self.lab.write("key", bytes(range(64)), mode=0o600)
        self.bin = self.lab.mkdir("bin")
        self.lab.write(self.bin / "batvctl", f'#!/bin/sh\nexec {BUILD}/batvctl -c {self.batv.conf_path} "$@"\n', mode=0o755)
        self.lab.write(self.bin / "systemctl", "#!/bin/sh\nexit 0\n", mode=0o755)

    def command(self, text, codes=(0,)):
        """Run a block of the page."""
        text = text.replace("install -o batv ", "install ").replace("/etc/exim-batv/legacy", str(self.legacy))
        text = text.replace("/etc/batv/key", str(self.key))
        done = self.lab.run(["bash", "-euo", "pipefail", "-c", text], env={"PATH": f"{self.bin}:{os.environ['PATH']}"}, check=False)
        assert done.returncode in codes, f"{text}{done}"
        return done.stdout

    def configure(self, text):
        self.lab.write(self.ours.config_path, text)
        self.ours.restart()

    def with_legacy(self):
        return f"legacy_keys = {self.legacy}\n" + self.conf

    def sent(self, sender="alice@test", rcpt="x@theirs.test"):
        count = len(self.sink.messages)
        self.ours.submit(sender, rcpt, make_message(sender, rcpt))
        return self.sink.wait(count + 1)[-1].sender

    def comes(self, rcpt, sender=""):
        """Does a bounce, or another mail, from outside get to its mailbox?  False: refused."""
        user = untagged(rcpt).partition("@")[0].lower()
        count = len(self.ours.mailbox(user))
        result = self.ours.inject(sender, rcpt, bounce(rcpt) if not sender else make_message(sender, rcpt), STRANGER)
        if not result.data or result.data.code != 250:
            assert (result.data or result.rcpts[0]).code == 550, result
            return False
        self.ours.wait_mailbox(user, count + 1)
        return True

    def forged_are_refused(self, tagged):
        wrong = re.sub(r"(?<=prvs=\d{4})[0-9a-f]{6}", lambda m: f"{int(m[0], 16) ^ 1:06x}", tagged)
        assert wrong != tagged
        assert not self.comes(wrong) and not self.comes("alice@test")


class TestTheRecipe(Change):
    """There, a week, and back again."""

    def setup(self):
        super().setup()
        (macro, acl, router, transport, *_), self.there = blocks("From Exim's `${prvs}` recipe")
        assert macro.startswith("    PRVS_SECRET") and "deny" in acl and "batv_redirect:" in router and "return_path" in transport
        self.recipe = dict(main=macro, rcpt_last=acl, routers=router, remote_transport=transport)
        self.before = f"{self.ours.preamble()}domainlist batv_dir = {self.batv.state_dir}\n" + exim_config(route=f"* {self.sink.route()}", **self.recipe)
        self.configure(self.before)

    def test_1_the_recipe_works(self):
        self.old = self.sent()
        assert is_signed(self.old, "alice@test") and self.comes(self.old) and self.comes(self.old, "eve@theirs.test")
        self.forged_are_refused(self.old)
        self.sink.answer("rcpt", "451 4.2.0 later", match="slow")
        self.ours.submit("alice@test", "x@slow.test", make_message())
        assert len(self.ours.spool_ids()) == 1

    def test_2_the_old_key(self):
        make, look, _ = self.there
        self.command(make)
        assert self.legacy.stat().st_mode & 0o777 == 0o600 and self.legacy.read_text().startswith("until 2030-")
        self.batv.conf(self.with_legacy())
        self.batv.start()
        self.command(look, (0, 1))      # status: nothing has left yet
        assert self.comes(self.old)
        self.forged_are_refused(self.old)

    def test_3_change_over(self):
        self.configure(self.ours_text)
        assert self.comes(self.old, "eve@theirs.test") and self.comes(self.old)
        assert batv_lines(self.ours)[-1]["key"] == "legacy"
        assert self.comes("alice@test")         # only observed
        self.command(self.there[2])
        self.forged_are_refused(self.old)
        new = self.sent()
        assert is_signed(new, "alice@test") and new == self.batv.sign("alice@test") != self.old
        assert self.comes(new) and self.comes(self.old)
        self.forged_are_refused(new)
        self.sink.forget()
        self.ours.queue_run(force=True)
        (waited,) = self.sink.wait(1)
        assert waited.sender == new and waited.recipients == ["x@slow.test"]

    def test_4_each_day(self):
        """The last mail that the recipe signed bounces for as long as its tag lives; forged ones never come."""
        for day in range(7):
            self.lab.clock.advance(DAY)
            self.batv.reload()
            assert self.comes(self.old), day
            self.forged_are_refused(self.old)
            new = self.sent()
            assert self.comes(new)
        self.lab.clock.advance(3 * DAY)
        self.batv.reload()
        self.batv.ctl("enforce", "reject", "--for", "1d")       # too little mail has left for the domain to arm itself
        assert not self.comes(self.old)
        self.batv.set(self.conf)
        self.legacy.unlink()

    def test_5_back(self):
        make, until = blocks("Back to the recipe")[1]
        last = self.sent()
        assert self.comes(last)
        self.command(make)
        text = self.ours_text.replace(f".include {SNIPPETS}/transport-sign.conf\n", self.recipe["remote_transport"])
        text = text.replace("begin acl\n", self.recipe["main"] + "begin acl\n", 1)
        assert text.count("PRVS_SECRET") == 2
        self.configure(text)
        self.batv.set(self.with_legacy(), signing="off")
        assert "until" in self.command(until)
        self.batv.reload()
        old = self.sent()
        assert is_signed(old, "alice@test") and old != last and old == self.ours.be("${prvs{alice@test}{s3cret}}")
        for _ in range(15):
            assert self.comes(self.sent())
            self.forged_are_refused(last)
            self.lab.clock.advance(DAY)
            self.batv.reload()
        newest = self.sent()
        self.configure(self.before)
        self.batv.stop()
        assert self.comes(newest) and self.comes(self.sent())
        self.forged_are_refused(newest)


class TestBatvTools(Change):
    """Tags as batv-sign of batv-tools makes them: K is 0, and the address is hashed as it is written."""

    conf = CONF + "enforcement = reject\n"

    def tag(self, address, key=bytes(range(64)), lifetime=7):
        day = f"0{(int(self.lab.clock.now()) // DAY + lifetime) % 1000:03}"
        return day + hmac.new(key, (day + address).encode(), hashlib.sha1).hexdigest()[:6]

    def test_known_tags(self):
        """Of batv-tools itself: key "secret", day 20900."""
        self.lab.clock.set(1805760100)
        assert self.tag("user@example.com", b"secret") == "0907dd3667" and self.tag("User@Example.COM", b"secret") == "09071f849a"

    def test_a_week(self):
        self.lab.clock.set(NOON)
        (make, *_), _ = blocks("From batv-tools")
        self.command(make)
        assert len(self.legacy.read_text().split()[3]) == 128
        self.batv.conf(self.with_legacy())
        self.batv.start()
        self.ours.start()
        front, back = f"prvs={self.tag('alice@test')}=alice@test", f"alice+prvs={self.tag('alice@test')}@test"
        long = f"prvs={self.tag('alice@test', lifetime=9)}=alice@test"
        for day in range(8):
            assert self.comes(front) and self.comes(back) and self.comes(f"prvs={self.tag('Alice@Test')}=Alice@Test"), day
            self.forged_are_refused(front)
            assert self.comes(long) == (day >= 2), day
            self.lab.clock.advance(DAY)
            self.batv.reload()
        assert not self.comes(front) and not self.comes(back)

    def test_a_long_key(self):
        """HMAC takes a key's SHA-1 instead of more than 64 bytes."""
        self.lab.write(self.key, bytes(range(100)), mode=0o600)
        hex_ = self.command(re.search(r"`hex \$\((sha1sum .*?)\)`", PAGE)[1]).strip()
        self.lab.write(self.legacy, f"until 2031-01-01 hex {hex_}\n", mode=0o600)
        self.batv.reload()
        assert self.comes(f"prvs={self.tag('alice@test', bytes(range(100)))}=alice@test")
