"""What nothing proves, and may be an answer all the same: what cites nothing, and what is only hinted at."""

from answers import *

NOON = 1_900_000_000
REFUSED, CITES_NOTHING, NO_MEMORY = ("reject", "-"), ("mark", "cites-nothing"), ("mark", "no-memory")


class Company(Ours):
    """A server with a memory that begins now."""

    settings = ""

    def setup(self):
        self.lab.clock.set(NOON)
        self.conf = MEMORY + SHORT + self.settings
        self.batv = Batv(self.lab, conf=self.conf, exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, options={"smtp_accept_queue_per_connection": "0"})


class TestCitesNothing(Company):
    def test_out_of_office(self):
        """Alice writes to an alias, a group, bob+list@ and bob@theirs; bob's machine answers as bob@company."""
        bob = "Bob <bob@company.test>"
        self.complete()
        sent = new_id()
        self.write("sales@theirs.test", sent)
        for make, class_ in (out_of_office, "autoreply"), (meeting_reply, "calendar"), (mdn, "mdn"), (reply, "other"):
            self.batv.set(self.conf, **{f"unproven_{class_}": "reject"})
            self.unproven(make(bob), class_, outcome=CITES_NOTHING)
            self.unproven(make(bob, In_Reply_To=f"<{new_id()}>"), class_, outcome=REFUSED)
            self.unproven(make(bob, In_Reply_To=f"<{sent}>"), class_, "bob@test", outcome=REFUSED)
            self.remembered(make(bob, In_Reply_To=f"<{sent}>"), class_, "id", sent)
        spared = self.batv.json("status")["counters"]["spared"]
        assert spared["cites-nothing"] == 4, spared

    def test_to_a_wrong_tag(self):
        self.complete()
        code, line = self.replay(out_of_office(), "prvs=1234abcdef=alice@test")
        assert (code, line["verdict"], line["reason"]) == (250, "forged", "cites-nothing"), line

    def test_the_products_way(self):
        self.batv.set(self.conf, unproven_autoreply="reject-all")
        self.complete()
        self.unproven(out_of_office(), "autoreply", outcome=REFUSED)
        self.unproven(out_of_office(In_Reply_To=f"<{new_id()}>"), "autoreply", outcome=REFUSED)
        sent = new_id()
        self.write("bob@theirs.test", sent)
        self.remembered(out_of_office(), "autoreply", "pair")
        assert self.batv.ctl("check", check=False).returncode == 0
        self.batv.conf(self.conf, unproven_mdn="reject-all")
        assert self.batv.ctl("check", check=False).returncode != 0
        self.batv.set(self.conf)

    def test_explained(self):
        self.complete()
        path = self.lab.write(self.lab.dir / "reply.eml", out_of_office("carol@theirs.test"))
        told = self.batv.json("explain", "--from", "", "--rcpt", "alice@test", "--host", STRANGER, path)
        assert (told["verdict"], told["action"], told["reason"]) == ("missing", "mark", "cites-nothing"), told


class TestUnsignedDestinations(Company):
    settings = "unsigned_destinations = *@lists.test\n"

    def dsn(self, message_id=None):
        return cites_bounce(message_id) if message_id else bounce_without_id()

    def test_bounces(self):
        """Of mail that left untagged; a stranger's mail in alice's name could have left so, too."""
        sent = new_id()
        self.write("bob@lists.test", sent)
        assert self.sink.wait()[-1].sender == "alice@test"
        self.remembered(self.dsn(sent), "dsn", "id", sent)
        self.unproven(self.dsn(), "dsn", outcome=CITES_NOTHING)
        self.unproven(self.dsn(new_id()), "dsn", outcome=NO_MEMORY)
        self.complete()
        self.unproven(self.dsn(), "dsn", outcome=CITES_NOTHING)
        self.unproven(self.dsn(new_id()), "dsn", outcome=REFUSED)
        code, line = self.replay(self.dsn(), "prvs=1234abcdef=alice@test")      # tagged mail went elsewhere
        assert (code, line["verdict"], line["action"]) == (550, "forged", "reject"), line
        self.batv.set(self.conf.replace(self.settings, ""))
        self.unproven(self.dsn(), "dsn")

    def test_another_policy_without_them(self):
        self.batv.set(MEMORY + SHORT + "[policy lists]\ndomains = lists.test\n" + self.settings)
        self.unproven(self.dsn(), "dsn")


def cites_bounce(message_id):
    """A DSN that returns the header of such a message."""
    return make_bounce(original=f"Message-ID: <{message_id}>\nSubject: a message\n\n")
