"""A clock that is far off, at a start and while batvd runs: what time alone would remove is still there when it is right again."""

from answers import *

NOON = 1_900_000_000
YEAR = 365 * DAY


def cites(message_id):
    return bounce("alice@test", message_id=message_id)


class FarOff(Ours):
    """Two memory files, each with an id; the older one is needed for two weeks."""

    def __init__(self, lab, env=None):
        self.lab = lab
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=MEMORY, env=env)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink)
        self.ids = [self.known()]
        self.batv.set(MEMORY, memory_capacity="2k")
        self.ids.append(self.known())
        self.tagged = self.sink.messages[-1].sender
        self.files = {"memory", "memory.2"}
        self.first_signed = self.domain()["first_signed"]

    def known(self):
        sent = new_id()
        count = len(self.sink.messages)
        self.write("erin@theirs.test", sent)
        assert is_signed(self.sink.wait(count + 1)[-1].sender, "alice@test")
        return sent

    def domain(self):
        (domain,) = [d for d in self.batv.json("status")["domains"] if d["domain"] == "test"]
        return domain

    def memory_files(self):
        return {path.name for path in self.batv.state_dir.glob("memory*")}

    def start_at(self, step):
        self.batv.stop()
        self.lab.clock.jump(step)
        self.batv.start()

    def nothing_lost(self):
        """The clock is right: ids prove, evidence and counters are there, tags are valid, mail flows."""
        assert self.memory_files() == self.files
        for message_id in self.ids:
            self.remembered(cites(message_id), "dsn", "id", message_id)
        self.unproven(cites(new_id("unknown")), "dsn")
        assert self.ours.inject("", self.tagged, bounce(self.tagged), STRANGER).data.code == 250
        assert batv_lines(self.ours)[-1]["verdict"] == "valid"
        self.remembered(cites(sent := self.known()), "dsn", "id", sent)
        assert self.domain()["first_signed"] == self.first_signed
        assert self.batv.json("status")["counters"]["signed"] >= 3


def test_a_start_a_year_ahead(lab):
    site = FarOff(lab)
    site.start_at(YEAR)
    assert site.memory_files() == site.files
    site.batv.reload()
    for _ in range(3):                  # it ends again and again
        site.start_at(3600)
        site.batv.reload()
        assert site.memory_files() == site.files
    site.start_at(-YEAR)
    site.nothing_lost()


def test_put_right_while_batvd_runs(lab):
    site = FarOff(lab)
    site.start_at(YEAR)
    site.lab.clock.jump(-YEAR + 60)
    site.nothing_lost()


def test_a_start_a_year_behind(lab):
    site = FarOff(lab)
    site.start_at(-YEAR)
    assert site.memory_files() == site.files
    site.start_at(YEAR + 60)
    site.nothing_lost()


def there_and_back(site):
    site.lab.clock.jump(YEAR)           # batvd is told by SIGHUP
    assert site.memory_files() == site.files
    site.batv.reload()
    site.lab.clock.jump(-YEAR)
    site.nothing_lost()


def test_a_jump_of_a_year(lab):
    there_and_back(FarOff(lab, env={"FAKETIME_DONT_FAKE_MONOTONIC": "1"}))


def test_a_year_of_sleep(lab):
    """The boot clock goes on by a year, too, as after a sleep that a wrong chip has measured."""
    there_and_back(FarOff(lab))


def test_three_days_later_it_goes(lab):
    """A server that really was off for a year."""
    site = FarOff(lab)
    site.start_at(YEAR)
    lab.clock.advance(3 * DAY - 600)
    assert site.memory_files() == site.files
    lab.clock.advance(700)
    wait_until(lambda: site.memory_files() == {"memory.2"}, 20, "the older memory to be removed")
