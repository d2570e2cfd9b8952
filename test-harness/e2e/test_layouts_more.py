"""The configuration lines of docs/layouts.md, as they are written there."""

import re
import textwrap

from answers import STRANGER
from lab_layouts import *

REJECT = "domains = test\nown_hosts = 127.0.0.1\nenforcement = reject\nmemory_capacity = 1k\n"


def documented(section, number=0):
    """The lines of the NUMBER-th block of code in a section of docs/layouts.md."""
    text = (TOP / "docs" / "layouts.md").read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return textwrap.dedent(re.findall(r"(?m)(?:^    .*\n(?:\n(?=    ))?)+", text)[number])


class TestSrs:
    """Exim's SRS beside exim-batv: one return_path for both."""

    def setup(self):
        self.batv, self.sink = Batv(self.lab, conf=REJECT), Sink(self.lab)
        options = textwrap.indent(documented("SRS", 2), "  ")
        self.ours = batv_exim(self.lab, self.batv, self.sink, main=documented("SRS", 0), routers=documented("SRS", 1),
                              transport=False, remote_transport=options)
        self.ours.alias("away", "erin@elsewhere.test")

    def leaves(self, sender, rcpt, source, auth=False):
        count = len(self.sink.messages)
        with self.ours.smtp(source) as session:
            if auth:
                assert session.auth_plain("alice", "secret").code == 235
            assert session.send(sender, rcpt, make_message(sender or "dave@theirs.test", rcpt)).data.code == 250, session.dialogue()
        return self.sink.wait(count + 1)[-1].sender

    def test_mail_of_ours_is_signed(self):
        for rcpt in "dave@theirs.test", "away@test":
            assert is_signed(self.leaves("alice@test", rcpt, STRANGER, auth=True), "alice@test")

    def test_mail_that_is_forwarded_is_rewritten(self):
        sender = self.leaves("dave@theirs.test", "away@test", STRANGER)
        assert re.fullmatch(r"SRS0=[0-9a-f]{4}=[a-z2-7]{2}=theirs\.test=dave@test", sender), sender

    def test_mail_that_is_relayed_is_left_alone(self):
        assert self.leaves("dave@theirs.test", "erin@elsewhere.test", "127.0.0.1") == "dave@theirs.test"

    def test_what_claims_to_be_ours_gets_no_tag(self):
        assert self.leaves("alice@test", "away@test", STRANGER) == "alice@test"

    def test_a_null_sender_stays_null(self):
        assert self.leaves("", "away@test", STRANGER) == ""

    def test_a_bounce_of_forwarded_mail_goes_back(self):
        sender = self.leaves("dave@theirs.test", "away@test", STRANGER)
        count = len(self.sink.messages)
        assert self.ours.inject("", sender, bounce(sender), STRANGER).data.code == 250
        assert self.sink.wait(count + 1)[-1].recipients == ["dave@theirs.test"]
        assert batv_lines(self.ours)[-1]["reason"] == "srs"

    def test_a_forged_one_is_refused(self):
        result = self.ours.inject("", "SRS0=abcd=AA=theirs.test=dave@test", bounce("alice@test"), STRANGER)
        assert result.rcpts[0].code == 550 and "Invalid SRS" in result.rcpts[0].text, result

    def test_a_bounce_to_a_tag_comes_home(self):
        sender = self.leaves("alice@test", "dave@theirs.test", STRANGER, auth=True)
        assert self.ours.inject("", sender, bounce(sender), STRANGER).data.code == 250
        assert self.ours.inject("", "alice@test", bounce("alice@test"), STRANGER).data.code == 550


class TestBackupMx:
    """A Postfix that knows the users, by the pattern that docs/layouts.md has."""

    def setup(self):
        self.batv = Batv(self.lab, conf=REJECT + "relay_in_hosts = 127.0.0.5\n")
        self.ours = batv_exim(self.lab, self.batv, Sink(self.lab))
        users = self.lab.write(self.lab.dir / "relay_recipients", documented("Backup MX", 1))
        name, _, value = documented("Backup MX", 0).strip().partition(" = ")
        assert name == "relay_recipient_maps" and value.startswith("regexp:/etc/"), value
        self.backup = Postfix(self.lab, address="127.0.0.5", domain="backup.test",
                              relayhost=(self.ours.address, self.ours.port),
                              settings={"relay_domains": "test", name: f"regexp:{users}", "mydestination": ""})

    def replies(self, *rcpts):
        with Smtp(self.backup.address, self.backup.port, STRANGER) as session:
            result = session.send("", rcpts, bounce("alice@test"))
            return [r.code for r in result.rcpts]

    def test_it_knows_users_tagged_and_untagged(self):
        tagged = self.batv.sign("alice@test")
        assert self.replies(tagged) == [250] and self.replies("bob@test") == [250]
        self.ours.wait_mailbox("alice")
        assert batv_lines(self.ours, verdict="valid", host="[127.0.0.5]")
        self.ours.wait_mailbox("bob")
        assert batv_lines(self.ours, verdict="missing", action="mark", reason="relay-host")

    def test_it_refuses_others(self):
        tagged = self.batv.sign("alice@test").replace("alice", "nobody")
        assert self.replies("nobody@test", tagged) == [550, 550]
        assert self.replies("xalice@test") == [550]
