"""batvctl explain: evidence against a thorough MIME parse, with and without a state."""

import base64
import email
import json
import quopri
import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bounces import decoded, mime_ids
from lab import *
from batv import *

MESSAGES = Path(__file__).resolve().parent.parent / "unit" / "evidence"
SEED = 20261122
ODD_IDS = [
    "CAJ+Kq=w-Xy_{}@mail.ours.example", "{}=3D4@ours.example", "$$.{}!#%&'*/?^`|~@ours.example",
    "{}@[192.0.2.1]", "{}.JavaMail.\"a\"@ours.example",
    "AM0PR02MB4321{}F00DBABE0123456789ABCDEF0123456789@AM0PR02MB4321.eurprd02.prod.ours.example",
]


# -- variants of a message


def rewrap(text, width):
    return b"\n".join(text[i:i + width] for i in range(0, len(text), width)) + b"\n"


def encode_parts(data, encoding, wild):
    """All leaf parts, the returned header and the returned message encoded; wild: in odd lines."""
    message = email.message_from_bytes(data)
    if message.defects:
        return None
    for part in message.walk():
        kind = part.get_content_type()
        if part.get("Content-Transfer-Encoding", "7bit").lower() not in ("7bit", "8bit"):
            continue
        if kind in ("text/plain", "text/html", "text/rfc822-headers", "message/rfc822",
                    "message/disposition-notification"):
            raw = decoded(part)
            if encoding == "base64":
                text = base64.b64encode(raw)
                text = rewrap(text, wild.choice([19, 33, 60, 64, 75, 76])) if wild else rewrap(text, 76)
            else:
                text = quopri.encodestring(raw)
                if wild:   # more soft line breaks, anywhere but within an =XX
                    text = re.sub(rb"(?<![=])(?<!=.)([A-Za-z@.-])(?=[a-z])",
                                  lambda m: m[1] + (b"=\n" if wild.random() < 0.05 else b""), text)
            del part["content-transfer-encoding"]
            part["Content-Transfer-Encoding"] = encoding
            part.set_payload(text.decode("latin-1"))
            if kind.startswith("message/") or part is message:
                break
    return message.as_bytes()


def nested(data, depth):
    for level in range(depth):
        data = (b"From: MAILER-DAEMON@theirs.example\nTo: list@theirs.example\nSubject: failure notice\n"
                b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\nContent-Type: text/plain\n\nsee below\n\n"
                b"--n%d\nContent-Type: message/rfc822\n\n" % (level, level, level)) + data + b"\n--n%d--\n" % level
    return data


def in_body(data, pattern, by):
    head, body = re.split(rb"\n\n", data, maxsplit=1)
    return head + b"\n\n" + re.sub(pattern, by, body)


def is_plain(data):
    return b"\r" not in data and b"\nContent-Type:" not in data.split(b"\n\n", 1)[0] and b"\0" not in data


def variants(data, wild):
    yield "as it is", data
    if b"\r" not in data:
        yield "CRLF", data.replace(b"\n", b"\r\n")
        yield "mixed", b"".join(l + wild.choice([b"\n", b"\r\n"]) for l in data.split(b"\n"))
        yield "folded", re.sub(rb"(?im)^((?:X-|Original-)*Message-ID:)[ \t]+<", rb"\1\n\t<", data)
        yield "nested once", nested(data, 1)
        yield "nested five times", nested(data, 5)
        yield "far away", in_body(data, rb"\A", b"This line is here to be long, and is there many times.\n" * 1100)
        for encoding in "quoted-printable", "base64":
            yield encoding, encode_parts(data, encoding, None)
            yield f"{encoding}, wild", encode_parts(data, encoding, wild)
    if is_plain(data):
        yield "indented", in_body(data, rb"(?m)^", b"    ")
        yield "quoted", in_body(data, rb"(?m)^", b"> ")
        yield "quoted twice", in_body(data, rb"(?m)^", b"| > ")


def with_odd_id(data, wild):
    """Another id in a place where ids are in clear text."""
    odd = wild.choice(ODD_IDS).format(wild.randrange(10 ** 8)).encode()
    return re.sub(rb"(?i)(message-id:\s*<|in-reply-to: <)[^>\s]+@[^>\s]*ours.example>",
                  lambda m: m[1] + odd + b">", data)


def explain(path, *argv):
    """Without configuration and state, and without the sandbox: it is called a thousand times."""
    done = subprocess.run([BUILD / "batvctl", "-c", "/nowhere/x.conf", "--json", "explain", path, *argv],
                          capture_output=True, timeout=30, check=True)
    return json.loads(done.stdout)


def test_as_much_as_a_mime_parse(lab):
    wild, cases = random.Random(SEED), []
    for path in sorted(MESSAGES.glob("*.eml")):
        plain = re.sub(rb"(?m)^X-Expect: .*\n", b"", path.read_bytes())
        for base in plain, with_odd_id(plain, wild):
            for name, data in variants(base, wild):
                if data:
                    file = lab.dir / f"{path.stem}-{len(cases)}.eml"
                    file.write_bytes(data)
                    cases.append((f"{path.stem}, {name}", file, mime_ids(data)))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda case: explain(case[1]), cases))
    wanted = found = 0
    for (name, file, ids), answer in zip(cases, answers):
        asked = {l["value"].encode() for l in answer["look_ups"] if l["kind"] == "id"}
        assert len(asked) <= 4 and (not ids or asked & ids), (name, file, asked, ids)
        have = {e["id"].strip("<>").encode() for e in answer["evidence"] if "id" in e}
        wanted += len(ids)
        found += len(ids & have)
        if ids - have:
            print(f"{name}: {file}: not found: {ids - have}, found {have}")
    print(f"{len(cases)} messages, {found} of {wanted} ids")
    assert len(cases) > 800 and wanted > 800
    assert found >= wanted * 0.99


def test_every_id_stands_where_it_says(lab):
    for path in sorted(MESSAGES.glob("*.eml")):
        data = path.read_bytes()
        for e in explain(path)["evidence"]:
            raw = e["raw"].encode("utf-8")
            assert data[e["offset"]:].startswith(raw), (path, e)
            value = e.get("id") or e["address"]
            if e["encoding"] == "none" and "&" not in e["raw"]:
                assert value.strip("<>") in re.sub(r"\s+", "", e["raw"]) or " " in value, (path, e)


def test_without_a_state(lab):
    path = MESSAGES / "postfix-bounce.eml"
    answer = explain(path, "--rcpt", "alice@ours.example", "--from", "<>")
    assert answer["class"] == "dsn" and not answer["judged"]
    assert "/nowhere/x.conf" in answer["not_judged"]
    assert [l["answer"] for l in answer["look_ups"]] == ["no memory", "no state", "no memory"]
    text = lab.run([BUILD / "batvctl", "-c", "/nowhere/x.conf", "explain", str(path)]).stdout
    assert "\nnot judged: /nowhere/x.conf" in text and "part 3, message/rfc822" in text, text
    done = lab.run([BUILD / "batvctl", "explain", "/nowhere/message"], check=False)
    assert done.returncode == 3 and done.stderr.count("\n") == 1, done


def write(lab, sender, of):
    path = lab.dir / "bounce.eml"
    path.write_text(f"Return-Path: <{sender}>\nFrom: MAILER-DAEMON@theirs.example\nTo: alice@example.com\n"
                    "Subject: failure notice\n\nI'm sorry to have to inform you.\n\n--- Below this line is a copy.\n\n"
                    f"Return-Path: <{of}>\nMessage-ID: <1@example.com>\nSubject: lunch\n\nShall we?\n")
    return path


def test_with_a_state(lab):
    b = Batv(lab, conf="domains = example.com\nenforcement = reject\ntrusted_hosts = 127.0.0.1\n"
                       "inbound_domains = example.com\n")
    tagged = b.sign("alice@example.com")
    own = write(lab, "", tagged)

    def told(path, *argv):
        done = b.ctl("--json", "explain", str(path), *argv, check=False)
        return json.loads(done.stdout), done.returncode

    answer, code = told(own, "--rcpt", "alice@example.com")
    assert (answer["verdict"], answer["proof"], code) == ("remembered", "tag", 0), answer
    assert [l["answer"] for l in answer["look_ups"] if l["kind"] == "tag"] == ["valid"]
    text = b.ctl("explain", str(own), "--rcpt", "alice@example.com").stdout
    assert "\nverdict    remembered, by tag\n" in text, text
    answer, code = told(own, "--rcpt", "bob@example.com")
    assert (answer["verdict"], answer["action"], code) == ("missing", "reject", 1), answer
    assert [l["answer"] for l in answer["look_ups"] if l["kind"] == "tag"] == ["valid, but for another address"]
    answer, code = told(own, "--rcpt", tagged)
    assert (answer["verdict"], code) == ("valid", 0), answer
    forged = write(lab, "", tagged.replace(tagged[9:15], "000000"))
    answer, code = told(forged)
    assert (answer["recipient"], answer["verdict"], code) == ("alice@example.com", "missing", 1), answer
    assert [l["answer"] for l in answer["look_ups"] if l["kind"] == "tag"] == ["forged"]
    answer, code = told(forged, "--from", "carol@theirs.example")
    assert not answer["judged"] and "not automatic" in answer["not_judged"] and code == 0
    answer, code = told(write(lab, "carol@theirs.example", tagged))
    assert not answer["judged"] and answer["sender"] == "carol@theirs.example"


# -- many messages

def test_a_directory(lab):
    """A line for each message and a sum, for a directory of files and for a Maildir."""
    b = Batv(lab, conf="domains = example.com\nenforcement = reject\ntrusted_hosts = 127.0.0.1\n"
                       "inbound_domains = example.com\n")
    tagged = b.sign("alice@example.com")
    texts = {"a": write(lab, "", tagged).read_text(), "b": write(lab, "", "x@example.com").read_text(),
             "c": write(lab, "carol@theirs.example", tagged).read_text()}
    texts["d"] = texts["b"].replace("To: alice@example.com", f"To: {tagged}")
    flat, box = lab.mkdir("flat"), lab.mkdir("box")
    for name, text in texts.items():
        lab.write(flat / name, text)
    lab.write(flat / ".hidden", texts["b"])
    lab.mkdir("flat", "sub")
    lab.write(flat / "sub" / "e", texts["b"])
    for name, part in ("a", "new"), ("b", "cur"), ("b", "tmp"), ("c", "new"):
        lab.mkdir("box", part)
        lab.write(box / part / name, texts[name])
    lab.write(box / "dovecot-uidlist", "1")

    done = b.ctl("explain", "--brief", flat, check=False)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 1 and lines[:5] == [
        ["accept", "remembered", "dsn", "alice@example.com", f"{flat}/a"],
        ["reject", "missing", "dsn", "alice@example.com", f"{flat}/b"],
        ["-", "-", "dsn", "alice@example.com", f"{flat}/c"],
        ["accept", "valid", "dsn", tagged, f"{flat}/d"], []], done.stdout
    assert "\n4 messages: 1 would be refused, 0 accepted and marked, 2 accepted, 1 not judged\n" in done.stdout, done.stdout
    assert "\n  not judged  1: the sender is not automatic" in done.stdout, done.stdout

    told = json.loads(b.ctl("--json", "explain", box, check=False).stdout)
    assert [(m["name"], m.get("verdict")) for m in told["messages"]] == [
        (f"{box}/new/a", "remembered"), (f"{box}/new/c", None), (f"{box}/cur/b", "missing")], told
    assert told["sum"] == {"messages": 3, "not_judged": 1, "not_read": 0,
                           "actions": {"accept": 1, "mark": 0, "remove": 0, "reject": 1},
                           "verdicts": {v: int(v in ("missing", "remembered")) for v in told["sum"]["verdicts"]}}, told["sum"]
    # Each message by itself says what it says among others.
    alone = json.loads(b.ctl("--json", "explain", flat / "b", check=False).stdout)
    among = json.loads(b.ctl("--json", "explain", flat / "a", flat / "b", flat / "c", check=False).stdout)["messages"][1]
    assert among.pop("name") == str(flat / "b") and among == alone, (among, alone)
    assert alone["text"].startswith("refused: the bounce came to the untagged address"), alone
    # A file that cannot be read is named, and the others are explained.
    done = b.ctl("explain", "--brief", flat / "a", "/nonexistent", check=False)
    assert done.returncode == 3 and "/nonexistent" in done.stderr and "\n1 message: " in done.stdout and "not read    1" in done.stdout, done
    empty = b.ctl("explain", lab.mkdir("empty"))
    assert "\n0 messages: " in empty.stdout, empty


def test_an_mbox(lab):
    """Each message is explained; byte offsets are those of the file."""
    b = Batv(lab, conf="domains = example.com\nenforcement = reject\ntrusted_hosts = 127.0.0.1\ninbound_domains = example.com\n")
    tagged = b.sign("alice@example.com")
    texts = [write(lab, "", rcpt).read_text() for rcpt in (tagged, "x@example.com", tagged)]
    texts[1] = texts[1].replace("\n--", "\n\nFrom here on without a date\n\n>From a@b.test Thu Nov 26 09:14:07 2026\n--", 1)
    mark = "From MAILER-DAEMON Thu Nov 26 09:14:07 2026\n"
    box = lab.write("box.mbox", "\n".join(mark + text for text in texts))
    done = b.ctl("explain", "--brief", box, check=False)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 1 and [(line[0], line[-1]) for line in lines[:3]] == [
        ("accept", f"{box}:1"), ("reject", f"{box}:2"), ("accept", f"{box}:3")], done
    assert "\n3 messages: 1 would be refused" in done.stdout, done
    told = json.loads(b.ctl("--json", "explain", box, check=False).stdout)
    assert [m["name"] for m in told["messages"]] == [f"{box}:{n}" for n in (1, 2, 3)] and told["sum"]["messages"] == 3, told
    data = box.read_bytes()
    for message in told["messages"]:
        assert message["evidence"]
        for clue in message["evidence"]:
            assert data[clue["offset"]:].startswith(clue["raw"].encode("latin-1")), (message["name"], clue)
    piped = b.ctl("--json", "explain", "-", check=False, input=box.read_text())
    assert [m["name"] for m in json.loads(piped.stdout)["messages"]] == ["-:1", "-:2", "-:3"], piped
    # one message, with such a line or without, is the same as before; without the first line it is no mbox
    one = lab.write("one.mbox", mark + texts[0])
    told = json.loads(b.ctl("--json", "explain", one).stdout)
    assert told["verdict"] == "remembered" and "name" not in told, told
    none = lab.write("none", "\n".join([texts[0], mark + texts[1]]))
    assert json.loads(b.ctl("--json", "explain", none).stdout)["verdict"] == "remembered"


class TestQueue:
    """Messages in the queue of a real Exim: its envelope and its text."""

    def setup(self):
        self.batv = Batv(self.lab, conf=CONF + "enforcement = reject\n", start=False)
        self.exim = batv_exim(self.lab, self.batv, "* 127.0.0.2", options={"queue_only": "true"})
        self.batv.exim = f"{self.exim.binary} -C {self.exim.config_path}"
        self.batv.conf(CONF + "enforcement = observe\n")
        self.batv.start()
        self.tagged = self.batv.sign("alice@test")
        result = self.exim.inject("", ["alice@test", "bob@test"], self.message(), "127.0.0.9")
        assert result.data.code == 250, result
        (self.id,) = self.exim.spool_ids()
        self.exim.exim("-Mf", self.id)
        self.batv.set(CONF + "enforcement = reject\n")

    def message(self):
        return write(self.lab, "", "x@theirs.test").read_text().replace("Return-Path: <>\n", "", 1)

    def explain(self, *argv):
        done = self.batv.ctl("--json", "explain", *argv, check=False)
        return json.loads(done.stdout), done.returncode

    def test_a_frozen_bounce(self):
        done = self.batv.ctl("--json", "explain", self.id, check=False)
        documents = json.loads(done.stdout)["messages"]
        assert done.returncode == 1 and len(documents) == 2, done
        for told, rcpt in zip(documents, ("alice@test", "bob@test")):
            assert (told["recipient"], told["verdict"], told["action"], told["sender"]) == (rcpt, "missing", "reject", ""), told
            # what was decided when it came in, and what would be now
            assert told["on_arrival"] == "missing; action=mark; mode=observe; class=dsn; reason=observe", told
            assert told["name"] == self.id and told["frozen"] > 1700000000 and told["class"] == "dsn", told
        text = self.batv.ctl("explain", self.id, check=False).stdout
        assert re.search(rf"^message    {self.id}, frozen since 20", text, re.M), text
        assert "\non arrival missing; action=mark; mode=observe;" in text, text
        told = json.loads(self.batv.ctl("--json", "explain", self.id, "--rcpt", self.tagged).stdout)
        assert (told["verdict"], told["name"]) == ("valid", self.id), told
        assert "\nrecipient  <alice@test> (Exim's queue)\n" in text and "\nin words   refused: the bounce came to the" in text, text
        # The text is that of the message: what it cites is found as in a file.
        copy = self.lab.write(self.lab.dir / "copy", self.exim.exim("-Mvc", self.id).stdout)
        file = json.loads(self.batv.ctl("--json", "explain", copy, "--rcpt", "alice@test", "--from", "<>", check=False).stdout)
        assert {k: documents[0][k] for k in ("evidence", "look_ups", "class")} == {k: file[k] for k in ("evidence", "look_ups", "class")}

    def test_the_tag_that_reception_took_off(self):
        """What Exim's queue lost is found in the header; if it is not there, that is said."""
        b, scans = self.batv, self.exim.installation.local_scan
        b.set(CONF + "enforcement = reject\n")
        forged = self.tagged.replace(self.tagged[9:15], "000000")

        def queued(*rcpts):
            before = set(self.exim.spool_ids())
            assert self.exim.inject("", rcpts, self.message(), "127.0.0.9").data.code == 250
            (new,) = set(self.exim.spool_ids()) - before
            told, code = self.explain(new)
            return told.get("messages", [told]), code, b.ctl("explain", new, check=False).stdout
        for header in "on", "off":              # X-BATV-Status has it, or else Received
            b.set(CONF + f"enforcement = reject\nresult_header = {header}\n")
            (told,), code, text = queued(self.tagged)
            assert (told["recipient"], told["verdict"], told.get("note"), code) == (self.tagged, "valid", None, 0), told
            where = "Exim's queue" if not scans else "X-BATV-Status, as it came" if header == "on" else "Received, as it came"
            assert f"\nrecipient  <{self.tagged}> ({where})\n" in text, text
        b.set(CONF + "enforcement = observe\n")
        for rcpt, verdict in (forged, "forged"), ("alice@test", "missing"):
            (told,), code, text = queued(rcpt)
            assert (told["recipient"], told["verdict"], told.get("note")) == (rcpt, verdict, None), told
        b.set(CONF + "enforcement = reject\n")
        if not scans:
            return
        other = b.sign("bob@test")
        told, code, text = queued(self.tagged, other)
        assert [m["not_judged"] for m in told] == ["it came to an address with a valid tag, which was taken off when it was received"] * 2, told
        assert code == 0 and "2 not judged" in text, text
        told, code, text = queued(self.tagged, "postmaster@test")     # exempt, and so the worst
        assert [m["recipient"] for m in told] == ["alice@test", "postmaster@test"], told
        assert all("without it" in m["note"] for m in told) and told[0]["verdict"] == "missing", told
        assert "\nnote       if this address came with a tag, it was taken off" in text, text
        # --rcpt knows better
        assert self.explain(self.exim.spool_ids()[-1], "--rcpt", self.tagged)[0].get("note") is None

    def test_its_host(self):
        """The sending host is known, so what is said of it applies; --host says another one."""
        self.batv.set(CONF + "enforcement = reject\nexempt_hosts = 127.0.0.9\n")
        brief = lambda *argv: [line.split()[:2] for line in self.batv.ctl("explain", "--brief", *argv, check=False).stdout.splitlines()[:2]]
        assert brief(self.id) == [["accept", "exempt"], ["accept", "exempt"]]
        assert brief(self.id, "--host", "127.0.0.8") == [["reject", "missing"], ["reject", "missing"]]
        assert brief(self.id, "--rcpt", "bob@test")[0] == ["accept", "exempt"]
        self.batv.set(CONF + "enforcement = reject\n")

    def test_made_here(self):
        """A bounce of this machine is not judged by Exim; nor is mail of people."""
        own = self.exim.submit("", "bob@test", self.message(), mode="-odq")
        people = self.exim.submit("carol@test", "bob@test", self.message(), mode="-odq")
        done = self.batv.ctl("--json", "explain", own, people, self.id, check=False)
        told = json.loads(done.stdout)
        assert [m.get("not_judged", m.get("verdict")) for m in told["messages"]] == [
            "this machine made the message, so Exim does not judge it", "the sender is not automatic, so Exim does not judge the message",
            "missing", "missing"], told
        assert told["sum"]["messages"] == 4 and done.returncode == 1, told

    def test_gone(self):
        gone = self.id[:-1] + ("b" if self.id[-1] != "b" else "c")
        done = self.batv.ctl("explain", gone, check=False)
        assert done.returncode == 3 and done.stdout == "", done
        assert done.stderr == f"batvctl: explain: {gone} is not in Exim's queue, nor a file\n", done.stderr
        done = self.batv.ctl("explain", gone, self.id, "--brief", check=False)
        assert done.returncode == 3 and "\n2 recipients: 2 would be refused" in done.stdout, done

    def test_a_large_one(self):
        """Of a message of 9 MB no more is taken than is searched."""
        self.batv.set(CONF + "enforcement = observe\n")
        result = self.exim.inject("", "alice@test", self.message() + "x" * 70 + ("\n" + "x" * 70) * 130000, "127.0.0.9")
        assert result.data.code == 250, result
        self.batv.set(CONF + "enforcement = reject\n")
        large = self.exim.mainlog("<= <> H=")[-1].split()[2]
        told, code = self.explain(large)
        assert (told["verdict"], told["body_bytes_read"], code) == ("missing", 131072, 1), told
