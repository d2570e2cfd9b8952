"""Guesses at tags are counted, and batvctl status names their networks."""

from batv import *

NOON = 1_900_000_000
MANY = 100                  # ctl_status_forged.c
GUESSER, OTHER = "127.0.3.9", "127.0.4.9"


class TestGuesses:
    """One message is one guess for each of its recipients, from the first one on."""

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab)
        self.ours = batv_exim(self.lab, self.batv, "* 127.0.0.2::9", name="ours")
        self.batv.set(domains="test", enforcement="reject")

    def guess(self, times, source=GUESSER, rcpts=1):
        """Forged tags, all different, in messages to RCPTS recipients; each of them is refused."""
        with self.ours.smtp(source) as session:
            for _ in range(times):
                tags = [f"prvs=9123{os.urandom(3).hex()}=alice@test" for _ in range(rcpts)]
                result = session.send("", tags, bounce("alice@test"))
                assert result.data.code == 550, session.dialogue()

    def status(self):
        """What status says of forged tags: the problem, and its JSON; None: nothing."""
        status = self.batv.json("status")
        lines = [p for p in status["problems"] if "forged tags" in p]
        assert len(lines) == (status["forged"] is not None), status
        return (lines[0], status["forged"]) if lines else None

    def test_a_few_are_no_news(self):
        self.guess(20, OTHER)
        self.guess(10, GUESSER, rcpts=3)
        assert len(batv_lines(self.ours, verdict="forged")) == 50
        self.guess(MANY - 51)
        assert self.status() is None

    def test_others_do_not_count(self):
        """Untagged, expired and valid ones, and exempt senders."""
        expired = f"prvs=0{(NOON // DAY - 3) % 1000:03}abcdef=alice@test"
        for rcpt in "alice@test", expired, self.batv.sign("alice@test"):
            self.ours.inject("", rcpt, bounce("alice@test"), GUESSER)
        self.ours.inject("", "prvs=9123abcdef=alice@test", bounce("alice@test"), "127.0.0.1")
        assert self.status() is None

    def test_many_are_named(self):
        self.guess(1)
        line, data = self.status()
        assert line.startswith(f"{MANY} forged tags today (80 from 127.0.3.0/24, 20 from 127.0.4.0/24): "), line
        assert data == {"day": "today", "count": MANY, "networks": [
            {"network": "127.0.3.0/24", "count": 80}, {"network": "127.0.4.0/24", "count": 20}]}
        shown = self.batv.status()
        assert shown.returncode == 1 and line in shown.stdout, shown.stdout

    def test_observed_ones_count(self):
        self.batv.set(domains="test", enforcement="observe")
        self.ours.inject("", "prvs=9123abcdef=alice@test", bounce("alice@test"), GUESSER)
        assert self.status()[1]["count"] == MANY + 1
        self.batv.set(domains="test", enforcement="reject")

    def test_until_the_day_after(self):
        self.lab.clock.advance(DAY)
        line, data = self.status()
        assert line.startswith(f"{MANY + 1} forged tags yesterday (81 from 127.0.3.0/24, 20 from 127.0.4.0/24): "), line
        assert data["day"] == "yesterday" and data["networks"][0] == {"network": "127.0.3.0/24", "count": 81}
        self.lab.clock.advance(DAY)
        assert self.status() is None

    def test_many_in_one_message(self):
        """Beside a right tag three wrong ones are a mistake, and more are guesses: the answer is that of guesses alone."""
        right, wrong = self.batv.sign("alice@test"), [f"prvs=9123{i:06x}=bob@test" for i in range(20)]
        before = len(self.ours.mailbox("alice"))
        with self.ours.smtp(GUESSER) as session:
            told = {session.send("", rcpts, bounce("alice@test")).data
                    for rcpts in (wrong, wrong + [right], [right] + wrong[:4])}
            assert len(told) == 1 and told.pop().code == 550, session.dialogue()
            assert session.send("", [right] + wrong[:3], bounce("alice@test")).data.code == 250
        self.ours.wait_mailbox("alice", before + 1)
        self.ours.wait_idle()
        assert len(self.ours.mailbox("alice")) == before + 1
