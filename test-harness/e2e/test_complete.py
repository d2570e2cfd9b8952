"""Complete is measured, not assumed: when what the sent-mail memory does not know was not sent."""

from answers import *
from lab_layouts import share_secret, two_servers

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
        text = self.batv.status().stdout
        assert f"    test: {'complete' if what is None else 'not complete'}: {recall['text'].removeprefix('complete: ')}\n" \
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
        assert "    test: of 3 bounces with a valid tag the memory knew 3; complete: " in self.batv.status().stdout
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


class TestTwoServers(Ours):
    """One sends, the other one is the MX; they share a secret as install.md says."""

    def setup(self):
        self.lab.clock.set(NOON)
        self.sink = Sink(self.lab)
        conf = CONF + "enforcement = auto\ngrace = 0s\nmemory_capacity = 1k\n" + SHORT
        self.out, self.mx = two_servers(self.lab, self.sink, conf=conf)
        self.batv, self.ours = self.mx

    def sent_through_out(self):
        """Alice's mail, its id and its signed sender."""
        message_id = new_id("split")
        with self.out.exim.smtp("127.0.0.1") as session:
            assert session.send("alice@test", "erin@theirs.test", make_message(
                "alice@test", "erin@theirs.test", Message_ID=f"<{message_id}>")).data.code == 250
        return message_id, wait_until(lambda: [m.sender for m in self.sink.messages if message_id.encode() in m.data], 15,
                                      "the message in the sink")[0]

    def test_answers_to_what_the_other_one_sent(self):
        """Valid bounces arm the MX; its memory knows nothing, and it does not take that for the truth."""
        assert all(s.batv.json("status")["secret_shared"] for s in (self.out, self.mx))
        for source in NETWORKS:
            self.lab.clock.advance(DAY)
            message_id, tag = self.sent_through_out()
            assert self.ours.inject("", tag, bounce(tag, "alice@test", message_id=message_id), source).data.code == 250
            assert batv_lines(self.ours)[-1]["verdict"] == "valid"
        self.batv.reload()
        wait_until(lambda: self.batv.json("status")["domains"][0]["armed"], 15, "the MX is armed")
        message_id, tag = self.sent_through_out()
        author = "Erin <erin@company.test>"
        self.unproven(out_of_office(author, In_Reply_To=f"<{message_id}>"), "autoreply", outcome=NO_MEMORY)
        self.unproven(out_of_office(author), "autoreply", outcome=("mark", "cites-nothing"))
        for make, class_ in (mdn, "mdn"), (meeting_reply, "calendar"), (reply, "other"):
            self.unproven(make(author=author, In_Reply_To=f"<{message_id}>"), class_)
        # a DSN that lost its tag returns it; backscatter is refused as ever
        self.remembered(bounce("alice@test", tag, message_id=message_id), "dsn", "tag")
        self.unproven(bounce("alice@test", "alice@test", message_id=new_id("forged")), "dsn")
        # once the MX sends as well, it is still not complete
        self.tag_of()
        self.lab.clock.advance(3 * DAY + 60)
        self.samples()
        assert self.recall()["lacks"] == "shared", self.recall()
        self.unproven(out_of_office(author, In_Reply_To=f"<{message_id}>"), "autoreply", outcome=NO_MEMORY)
        # and if it is alone again, it may be asked
        self.batv.ctl("secret", "unshare")
        assert self.recall()["complete"], self.recall()
        self.unproven(out_of_office(author, In_Reply_To=f"<{new_id()}>"), "autoreply", outcome=REFUSED)


def secret_lines(batv):
    return [line.split() for line in (batv.state_dir / "secret").read_text().splitlines() if line.startswith("secret ")]


def is_shared(batv):
    """What the file says of each secret, and Exim's processes of all."""
    flags = ["shared" in words for words in secret_lines(batv)]
    status = batv.json("status")
    assert (status["secret_shared"], status["state"]["shared"]) == (any(flags), any(flags)), status
    assert ("\nsecret file    fingerprint " in (text := batv.status().stdout)
            and (", shared with another server\n" in text) == any(flags)), text
    assert ("\nshared\n" in (batv.state_dir / "state").read_text()) == any(flags)
    return flags


def test_shared_export_and_import(lab):
    one, other = Batv(lab, name="one"), Batv(lab, name="other")
    assert is_shared(one) == is_shared(other) == [False]
    before = one.json("status")["secret_fingerprint"]
    share_secret(one, other)
    assert is_shared(one) == [True] and is_shared(other) == [True, True]
    assert one.json("status")["secret_fingerprint"] == before
    # each new secret is shared as well, until somebody is alone
    one.ctl("rotate")
    one.ctl("rotate", "--revoke")
    assert is_shared(one) == [True] * 3
    done = one.ctl("secret", "unshare")
    assert done.stdout == "the secrets are this server's alone\nbatvd has published it\n", done
    assert is_shared(one) == [False] * 3
    again = one.json("secret", "unshare")
    assert again == {"shared": False, "changed": False, "published": True}, again
    one.ctl("rotate")
    assert is_shared(one) == [False] * 4


def test_shared_backup(lab):
    """It stays with the server: out and in again, nothing is shared."""
    one = Batv(lab)
    text = one.ctl("secret", "export", "--backup").stdout
    assert is_shared(one) == [False] and "shared" not in text
    one.ctl("secret", "import", "--backup", input=text)
    assert is_shared(one) == [False]
    one.ctl("secret", "import", input=text)        # perhaps from another server: say it
    assert is_shared(one) == [True]
    assert " shared\n" in one.ctl("secret", "export", "--backup").stdout


def test_shared_without_batvd(lab):
    one = Batv(lab)
    one.stop()
    done = one.ctl("secret", "export")
    assert done.stdout.startswith("exim-batv secret 1\n") and "warning" not in done.stderr, done
    assert is_shared(one) == [True]


def test_shared_a_lost_secret_file(lab):
    """The other server still sends with what was lost here."""
    one, other = Batv(lab, name="one"), Batv(lab, name="other")
    share_secret(one, other)
    one.stop()
    (one.state_dir / "secret").unlink()
    one.start()
    assert is_shared(one) == [True]


def test_shared_wrong_usage(lab):
    one = Batv(lab)
    for argv in ("unshare", "--backup"), ("unshare", "--force", "--at", "now"), ("share",):
        assert one.ctl("secret", *argv, check=False).returncode == 2
    assert is_shared(one) == [False]


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
