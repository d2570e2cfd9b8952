"""Complete is measured, not assumed: when what the sent-mail memory does not know was not sent."""

from answers import *

NOON = 1_900_000_000
REFUSED, NO_MEMORY = ("reject", "-"), ("mark", "no-memory")


class Server(Ours):
    """A server that sends and receives, with a memory that begins now."""

    settings = ""

    def setup(self):
        self.lab.clock.set(NOON)
        self.conf = MEMORY + SHORT + self.settings
        self.batv = Batv(self.lab, conf=self.conf, exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, options={"smtp_accept_queue_per_connection": "0"})

    def backscatter(self, outcome):
        """An automatic reply that cites mail which was never sent: the answer says whether the memory is believed."""
        self.unproven(out_of_office("spam.victim@theirs.test", In_Reply_To=f"<{new_id('forged')}>"), "autoreply",
                      outcome=outcome)

    def lacks(self, what):
        """The server acts by it, and status says so."""
        recall = self.recall()
        assert (recall["complete"], recall["lacks"]) == (what is None, what), recall
        text = self.batv.ctl("status", check=False).stdout
        assert f"  test: {'complete' if what is None else 'not complete'}: {recall['text'].removeprefix('complete: ')}\n" \
            in re.sub(r"of \d+ bounces with a valid tag the memory knew \d+; ", "", text), text
        self.backscatter(REFUSED if what is None else NO_MEMORY)
        return recall


class TestOneServer(Server):
    def test_becomes_complete_by_itself(self):
        self.tag_of()
        self.lacks("age")
        self.lab.clock.advance(3 * DAY + 60)
        recall = self.lacks("samples")
        assert (recall["bounces"], recall["known_samples"], recall["known_networks"]) == (0, 0, 0), recall
        self.samples(networks=NETWORKS[:2])
        assert self.lacks("samples")["known_samples"] == 2
        self.samples(networks=NETWORKS[2:])
        recall = self.lacks(None)
        assert (recall["bounces"], recall["known"], recall["known_networks"]) == (3, 3, 3), recall
        assert "  test: of 3 bounces with a valid tag the memory knew 3; complete: " in self.batv.ctl("status", check=False).stdout
        assert self.batv.json("status")["counters"]["recall_known"] == 3
        # real answers are still welcome
        sent = new_id()
        self.write("erin@theirs.test", sent)
        self.remembered(out_of_office("away@company.test", In_Reply_To=f"<{sent}>"), "autoreply", "id", sent)
        # samples grow old
        self.lab.clock.advance(4 * DAY)
        self.lacks("samples")

    def test_answers_are_samples_too(self):
        """A server that nobody bounces to: what cites known ids measures as well, from two networks."""
        self.tag_of()
        self.lab.clock.advance(3 * DAY + 60)
        for source in NETWORKS[0], NETWORKS[0], NETWORKS[1]:
            self.lacks("samples")
            sent = new_id()
            self.write("erin@theirs.test", sent)
            with self.ours.smtp(source) as session:
                # three people of ours: one sample for an address, a network and a day
                self.remembered(out_of_office(In_Reply_To=f"<{sent}>"), "autoreply", "id", sent, session=session)
            self.lab.clock.advance(DAY)
        assert self.lacks(None)["bounces"] == 0

    def test_one_network_is_not_enough(self):
        self.tag_of()
        self.lab.clock.advance(3 * DAY + 60)
        for _ in range(3):
            self.samples(networks=NETWORKS[:1])
            self.lab.clock.advance(DAY)
        recall = self.lacks("samples")
        assert (recall["known_samples"], recall["known_networks"]) == (3, 1), recall

    def test_each_id_once_and_one_a_day(self):
        self.tag_of()
        self.lab.clock.advance(3 * DAY + 60)
        sent = new_id()
        tag = self.tag_of(message_id=sent)
        for source in NETWORKS:                         # delay warnings of one message, say
            assert self.ours.inject("", tag, bounce(tag, "alice@test", message_id=sent), source).data.code == 250
        assert self.recall()["bounces"] == 1, self.recall()
        for _ in range(3):                              # one network that bounces a lot
            self.samples(networks=("127.0.4.9",))
        assert self.recall()["bounces"] == 2

    def test_what_returns_mail_of_others_is_no_sample(self):
        """The bounces of a list come to its owner's tag, and return what its members wrote."""
        self.tag_of()
        self.lab.clock.advance(3 * DAY + 60)
        tag = self.tag_of()
        for n, source in enumerate(NETWORKS):
            for message in (bounce(tag, "member@theirs.test", message_id=new_id("list")),
                            bounce_without_id(), bounce("alice@test", tag, message_id=new_id("bare"))):
                assert self.ours.inject("", tag, message, source).data.code == 250
            self.lab.clock.advance(DAY)
        recall = self.lacks("samples")
        assert (recall["bounces"], recall["known_samples"], recall["missed_networks"]) == (0, 0, 0), recall

    def test_a_domain_that_never_sent_from_here(self):
        """Valid bounces arm it, but what leaves elsewhere is not known here."""
        self.tag_of()
        self.lab.clock.advance(3 * DAY + 60)
        tag = self.batv.sign("alice@test")
        self.batv.ctl("remember", "-", input=f"<{(known := new_id())}> alice@test\n")
        self.samples()
        self.lacks(None)
        # its mail leaves untagged from now on: nobody has seen it leave signed
        self.batv.set(self.conf + "[policy off]\ndomains = test\nsigning = off\n")
        self.write("erin@theirs.test", new_id())
        wait_until(lambda: self.batv.json("status")["domains"][0]["first_signed"] is None, 15, "no evidence")
        self.batv.set(self.conf)
        self.lacks("sending")
        assert self.ours.inject("", tag, bounce(tag, "alice@test", message_id=known), STRANGER).data.code == 250
        self.lacks("sending")


class TestOthersSend(Server):
    """A second server has the secret, copied by hand: nobody wrote that down."""

    def measured(self, days=3):
        """Complete, and then bounces return mail of the other server, on some days."""
        self.complete()
        self.lab.clock.advance(DAY)
        for day in range(days):
            self.lacks(None)
            self.samples(networks=(NETWORKS[day % 3],), known=False)
            self.samples(networks=("127.0.4.9", "127.0.5.9"))   # what left here is known
            self.lab.clock.advance(DAY)

    def test_veto(self):
        self.settings_for_days()
        self.measured()
        recall = self.lacks("recall")
        assert (recall["missed_networks"], recall["missed_days"], recall["missed"]) == (3, 3, 3), recall
        assert self.batv.json("status")["counters"]["recall_missed"] == 3
        path = self.lab.write(self.lab.dir / "reply.eml", out_of_office(In_Reply_To=f"<{new_id()}>"))
        told = self.batv.json("explain", "--from", "", "--rcpt", "alice@test", "--host", STRANGER, path)
        assert (told["reason"], told["memory"]["lacks"]) == ("no-memory", "recall"), told
        said = self.batv.ctl("explain", "--from", "", "--rcpt", "alice@test", "--host", STRANGER, path).stdout
        assert "\nmemory     not complete for test: bounces of mail that it does not know came" in said, said

    def settings_for_days(self):
        """A retention that holds all of the days."""
        self.conf = MEMORY + SHORT.replace("memory_retention = 3d", "memory_retention = 9d")
        self.batv.set(self.conf)
        self.tag_of()
        self.lab.clock.advance(9 * DAY)

    def test_no_veto_for_bounces(self):
        """Strangers could cause the veto: a bounce to an untagged address is judged without it."""
        self.conf = MEMORY + SHORT.replace("memory_retention = 3d", "memory_retention = 9d") + \
            "unsigned_destinations = *@lists.test\n"
        self.batv.set(self.conf)
        self.tag_of()
        self.lab.clock.advance(9 * DAY)
        dsn = lambda: make_bounce(original=f"Message-ID: <{new_id()}>\nSubject: a message\n\n")
        self.unproven(dsn(), "dsn", outcome=NO_MEMORY)
        self.measured()
        self.lacks("recall")
        self.unproven(dsn(), "dsn", outcome=REFUSED)


class TestSmarthost(Server):
    """It replaces Message-IDs: what comes back is never known."""

    def test_never_complete(self):
        self.tag_of()
        self.lab.clock.advance(3 * DAY + 60)
        for _ in range(2):
            self.samples(known=False)
            self.lab.clock.advance(DAY)
        recall = self.lacks("samples")
        assert recall["known"] == 0 and recall["missed"] == 6 and "replaces Message-IDs" in recall["text"], recall


class TestShortRetention(Server):
    """A memory that forgets before the last tag is dead cannot disprove anything."""

    def test_said_by_check_and_status(self):
        conf = MEMORY + "memory_retention = 2d\n"
        self.batv.set(conf)
        self.tag_of()
        self.lab.clock.advance(3 * DAY)
        self.samples()
        assert "15d" in self.lacks("retention")["text"]
        note = "memory_retention (2d) is shorter than key_rotation + 1d + key_retention (15d), so"
        assert note in self.batv.ctl("check", check=False).stdout
        assert self.batv.json("check")["note"].startswith(note)
        assert any(n.startswith(note) for n in self.batv.json("status")["notes"])
        self.batv.set(MEMORY)
        assert "note" not in self.batv.ctl("check", check=False).stdout and self.batv.json("check")["note"] is None
        assert not any(n.startswith("memory_retention") for n in self.batv.json("status")["notes"])
