"""batvctl why: decisions of a real Exim in words, asked by id, address and host; and the sample of the manual."""

import gzip
from pathlib import Path

from answers import *
from test_report import report
from test_remember import Sending

FRIEND, FORGER = "127.0.5.9", "127.0.6.9"
GOLDEN = Path(__file__).with_name("golden")

SAMPLE = """\
2026-11-26 08:00:00 1vNIzA-000000001Aa-0001 <= prvs=6123abcdef=bob@example.com U=bob P=local S=400 id=b1@mua.example
2026-11-26 08:00:01 1vNIzA-000000001Aa-0001 => x@theirs.example R=dnslookup T=remote_smtp H=mx.theirs.example [192.0.2.25]
2026-11-26 08:00:01 1vNIzA-000000001Aa-0001 Completed
2026-11-26 09:14:07 1vNIzV-000000009Rm-0aDy batv: verdict=missing action=mark mode=observe rcpt=<alice@example.com> class=dsn \
host=[192.0.2.25] key=- msgid=- reason=not-armed policy=default
2026-11-26 09:14:07 1vNIzV-000000009Rm-0aDy <= <> H=mx.theirs.example (mx) [192.0.2.25] P=esmtp S=3120 id=b2@mx.theirs.example
2026-11-26 09:14:07 1vNIzV-000000009Rm-0aDy => alice <alice@example.com> R=local_user T=maildir_home
2026-11-26 09:14:07 1vNIzV-000000009Rm-0aDy Completed
2026-11-27 14:20:11 1vNaaa-00000000AbC-0b01 batv: verdict=missing action=reject mode=reject rcpt=<alice@example.com> class=dsn \
host=[192.0.2.25] key=- msgid=- reason=- policy=default
2026-11-27 14:20:11 1vNaaa-00000000AbC-0b01 H=mx.theirs.example (mx) [192.0.2.25] F=<> rejected by local_scan(): 5.7.1 This is a bounce
2026-11-27 14:22:00 1vNaac-00000000AbC-0b03 batv: verdict=remembered action=accept mode=reject rcpt=<alice@example.com> \
class=autoreply host=[198.51.100.7] key=- msgid=a1@mua.example reason=id policy=default
2026-11-27 14:22:00 1vNaac-00000000AbC-0b03 <= <> H=(b.example) [198.51.100.7] P=esmtp S=3120
"""


def why(lab, *argv, check=True):
    return lab.run([BUILD / "batvctl", "-c", "/nonexistent", "why", *argv], check=check)


class TestRealLog:
    """What a server refused, marked, spared and accepted; the log is rotated and compressed on the way."""

    def setup(self):
        self.o = o = Sending(self.lab, enforcement="observe", exempt_hosts=FRIEND)
        self.sent = new_id()
        self.tag = o.tag_of(message_id=self.sent)
        self.ids = {}
        self.send("marked", "alice@test", 250, FORGER)
        o.ours.wait_idle()
        self.rotate()
        o.batv.set(MEMORY, enforcement="reject", exempt_hosts=FRIEND)
        self.send("valid", self.tag, 250)
        self.send("remembered", "alice@test", 250, cited=self.sent)
        self.send("refused", "Alice@test", 550)
        self.send("forged", self.forged(), 550, FORGER)
        self.send("spared", "alice@test", 250, FRIEND)
        o.ours.wait_idle()

    def forged(self):
        at = self.tag.index("=", 5) - 6
        return self.tag[:at] + ("0" if self.tag[at] != "0" else "1") + self.tag[at + 1:]

    def send(self, name, rcpt, code, source=STRANGER, cited=None):
        result = self.o.ours.inject("", rcpt, bounce("alice@test", message_id=cited or new_id("none")), source)
        assert result.data.code == code, (rcpt, result)
        self.ids[name] = re.findall(r" (\S+) batv: verdict=", self.o.log().read_text())[-1]

    def rotate(self):
        """As logrotate does, and then gzip; Exim opens a new log by itself."""
        log = self.o.log()
        (log.parent / "mainlog.2.gz").write_bytes(gzip.compress(log.read_bytes()))
        (log.parent / "mainlog.2.gz").chmod(0o644)
        log.unlink()

    def ask(self, *argv):
        told = self.o.batv.json("why", *argv)
        return told, [m["id"] for m in told["messages"]]

    def test_by_id(self):
        for name, verdict, action, reason, words in (
                ("marked", "missing", "mark", "observe", "accepted and marked: the bounce came to the untagged address, and no "
                 "Message-ID in it was sent from here; it was not refused, because the domain only observes"),
                ("valid", "valid", "accept", "-", "accepted: the bounce came to an address with a valid tag"),
                ("remembered", "remembered", "accept", "id", "accepted: the bounce came without a valid tag, but cites a message"),
                ("refused", "missing", "reject", "-", "refused: the bounce came to the untagged address"),
                ("forged", "forged", "reject", "-", "refused: the bounce came to an address with a tag that was not made here"),
                ("spared", "exempt", "accept", "exempt-host", "because it came from a host in exempt_hosts")):
            told, ids = self.ask(self.ids[name])
            assert ids == [self.ids[name]] and told["found"] == 1, (name, told)
            (decision,) = told["messages"][0]["decisions"]
            assert (decision["verdict"], decision["action"], decision["reason"]) == (verdict, action, reason), decision
            assert words in decision["text"], (words, decision)
            # Exim's own lines of the message, and only these
            lines = [re.sub(rf" {self.ids[name]} ", " ", line)[:400] for line in self.all_lines() if f" {self.ids[name]} " in line]
            lines = [line for line in lines if " batv: verdict=" not in line]
            assert lines and [line[:400] for line in told["messages"][0]["lines"]] == lines, (told, lines)
            ends = "rejected" if action == "reject" else "Completed"
            assert ends in lines[-1], lines
            assert ("We refused it, after DATA." in told["letter"]) == (action == "reject"), told["letter"]

    def all_lines(self):
        log = self.o.log()
        text = gzip.decompress((log.parent / "mainlog.2.gz").read_bytes()).decode() + log.read_text()
        return text.splitlines()

    def test_by_address(self):
        told, ids = self.ask("alice@test")
        assert ids == [self.ids[n] for n in ("marked", "valid", "remembered", "refused", "forged", "spared")], told
        # the letter is about the newest refusal
        assert "signature that we did not make" in told["letter"] and FORGER in told["letter"], told["letter"]
        assert self.ask(f"Alice <{self.tag}>")[1] == [self.ids["valid"]]
        assert self.ask(self.forged())[1] == [self.ids["forged"]]
        told, ids = self.ask("--top", "2", "alice@test")
        assert ids == [self.ids["forged"], self.ids["spared"]] and told["found"] == 6, told

    def test_by_host(self):
        assert self.ask(FORGER)[1] == [self.ids["marked"], self.ids["forged"]]
        assert self.ask(f"[{FRIEND}]")[1] == [self.ids["spared"]]
        assert len(self.ask("client.test")[1]) == 6         # the HELO of all of them
        assert self.ask("ent.test")[1] == []

    def test_anonymous(self):
        """The same decisions, and nothing that names a person or a host; as in report."""
        hidden = re.compile(rf"(?i)alice|games|{re.escape(FORGER)}|{re.escape(FRIEND)}|client\.test|prvs=|{re.escape(self.sent)}|@")
        for question in "Alice <alice@test>", self.tag, FORGER, "client.test", self.ids["remembered"], self.ids["refused"]:
            whole, ids = self.ask(question)
            for words in (), ("--json",):
                page = self.o.batv.ctl("why", "--anonymous", *words, question).stdout
                page = page.replace(str(self.lab.dir), "")
                assert not hidden.search(page), (question, hidden.search(page), page)
                assert all(i in page for i in ids), (question, page)
            told, found = self.ask("--anonymous", question)
            assert found == ids and told["found"] == whole["found"], (question, told)
            for ours, theirs in zip(told["messages"], whole["messages"]):
                assert [(d["verdict"], d["action"], d["reason"]) for d in ours["decisions"]] == \
                    [(d["verdict"], d["action"], d["reason"]) for d in theirs["decisions"]]
                assert ours["lines"] == [] and ours["lines_all"] == theirs["lines_all"] > 0
                assert {d["recipient"] for d in ours["decisions"]} == {"test"}
                assert all(re.fullmatch(r"127\.0\.\d+\.0/24", d["host"]) for d in ours["decisions"])
        done = self.o.batv.ctl("why", "--anonymous", self.tag.replace("alice", "bob"), check=False)
        assert done.returncode == 1 and "bob" not in done.stdout, done

    def test_files_and_times(self):
        log = self.o.log()
        assert self.ask("alice@test", log)[1] == self.ask("alice@test")[1][1:]
        assert self.ask("alice@test", log.parent / "mainlog.2.gz")[1] == [self.ids["marked"]]
        assert self.ask("alice@test", "--until", "1h")[1] == []
        assert len(self.ask("alice@test", "--since", "1h")[1]) == 6

    def test_nothing(self):
        done = self.o.batv.ctl("why", "nobody@test", check=False)
        text = " ".join(done.stdout.split())
        assert done.returncode == 1 and "Nothing was decided about nobody@test." in text, done
        assert re.search(r"searched \S+/mainlog\.2\.gz to \S+/mainlog \(2 files\), from .*: \d+ lines, 6 decisions", text), text
        assert "try the sending host" in text, text
        done = self.o.batv.ctl("why", self.tag.replace("alice", "bob"), check=False)
        assert done.returncode == 1 and "batvctl why bob@test" in done.stdout, done
        for wrong in "a b", "a@", "@", "a;b", "":
            done = self.o.batv.ctl("why", wrong, check=False)
            assert done.returncode == 2 and done.stderr.startswith("batvctl: why: "), (wrong, done)
        done = self.o.batv.ctl("why", "alice@test", "/nonexistent", check=False)
        assert done.returncode == 3 and "/nonexistent: cannot open it" in done.stderr, done


def test_the_sample(lab):
    """The page as it is in the manual: golden/why.txt.  GOLDEN=1 writes it."""
    log = lab.write(lab.dir / "mainlog", SAMPLE)
    text = why(lab, "alice@example.com", log).stdout.replace(str(log), "/var/log/exim4/mainlog")
    text = re.sub(r"(?m)^searched(.*\n)  +", r"searched\1", text)       # how it is wrapped depends on the path
    text = re.sub(r"(?m)^searched .*\n.*$", "searched  ...", text)
    if os.environ.get("GOLDEN"):
        (GOLDEN / "why.txt").write_text(text)
    assert text == (GOLDEN / "why.txt").read_text(), text


def test_control_characters(lab):
    """Exim escapes them; a log that somebody else wrote may not."""
    log = lab.write(lab.dir / "mainlog", SAMPLE.replace("P=esmtp", "P=e\033[31mvil").replace("rejected by", "\x9b2Jrejected\x07 by"))
    for argv in ("alice@example.com",), ("mx.theirs.example",), ("--json", "alice@example.com"):
        text = why(lab, *argv, log).stdout
        assert "alice@example.com" in text and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), text
    done = why(lab, "\033[31mx", log, check=False)
    assert done.returncode == 2 and "\033" not in done.stderr, done


def test_like_report(lab):
    """A log with very many decisions: why finds as many as report counts, and keeps what it is told to keep."""
    line = SAMPLE.splitlines()[7]
    lines = [line.replace("0b01", f"{n:04}").replace("alice", f"u{n % 10}") for n in range(9000)]
    log = lab.write(lab.dir / "mainlog", "\n".join(lines) + "\n")
    told = json.loads(why(lab, "--json", "--top", "1000", "u3@example.com", log).stdout)
    counted = json.loads(report(lab, "--json", log).stdout)["refused_recipients"]["top"]
    assert {"recipient": "u3@example.com", "count": told["found"]} in counted and told["found"] == 900, (told["found"], counted)
    assert [m["id"][-4:] for m in told["messages"]] == [f"{n:04}" for n in range(3, 9000, 10)], told["messages"][:3]
    page = why(lab, "192.0.2.25", log).stdout
    assert "192.0.2.25: 9,000 messages, here the last 10 of them (--top 1000 shows more)\n" in page, page
    assert page.count("\n  refused: ") == 10 and " -8999" not in page and "-8999\n" in page and len(page) < 8000, page
