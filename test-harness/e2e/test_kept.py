"""batvctl unsigned and batvctl exempt: lists that a person keeps, without an edit of exim-batv.conf."""

from lab import *
from batv import *

START = 1_900_000_000
DAY = 86400
STRANGER = "127.0.0.9"
HERE = CONF.replace("+local_domains", "test").replace("own_hosts", "enforcement = reject\nown_hosts")


class Site:
    def __init__(self, lab):
        lab.clock.set(START)
        self.clock = lab.clock
        self.sink, self.listed = Sink(lab), Sink(lab, "127.0.0.7", name="listed")
        self.batv = Batv(lab, conf=HERE)
        route = f"<; lists.test {self.listed.route()} byname ; * {self.sink.route()} byname"
        self.exim = batv_exim(lab, self.batv, route)

    def senders(self):
        """Of one message to two hosts: is it signed for the one, and for the other?"""
        self.sink.forget(), self.listed.forget()
        self.exim.submit("alice@test", ["x@theirs.test", "y@lists.test"], make_message())
        return [is_signed(s.wait(1)[0].sender, "alice@test") for s in (self.sink, self.listed)]

    def meets(self, rcpt="alice@test"):
        """The code for a forged bounce, and the reason in the log."""
        code = self.exim.inject("", rcpt, bounce(rcpt), source=STRANGER).data.code
        return code, batv_lines(self.exim)[-1]["reason"]

    def fails(self, code, text, *argv):
        done = self.batv.ctl(*argv, check=False)
        assert done.returncode == code and text in done.stderr and done.stderr.count("\n") == 1, done

    def keys(self):
        path = self.batv.state_dir / "overrides"
        lines = path.read_text().splitlines() if path.exists() else []
        return [" ".join(line.split()[:2]) for line in lines if not line.startswith("#")]


def test_unsigned_until_its_time(lab):
    site = Site(lab)
    if site.exim.installation.functions:
        assert site.senders() == [True, True]
        out = site.batv.ctl("unsigned", "add", "127.0.0.7", "--for", "1d", "--note", "their old list server").stdout
        assert out.startswith("unsigned host 127.0.0.7 until "), out
        assert site.senders() == [True, False]
        page = site.batv.status().stdout
        assert re.search(r"127\.0\.0\.7: unsigned host until .*: their old list server\n", page), page
        site.clock.advance(DAY + 60)
        assert site.senders() == [True, True]       # by the time alone
    site.batv.ctl("unsigned", "add", "lists.test")
    assert site.senders() == [True, False]
    site.batv.ctl("unsigned", "remove", "lists.test")
    assert site.senders() == [True, True]


def test_exempt(lab):
    site = Site(lab)
    assert site.meets() == (550, "-")
    for item, reason in ((STRANGER, "exempt-host"), ("127.0.0.0/28", "exempt-host"), ("alice@test", "exempt-recipient"),
                         ("Alice <alice@test>", "exempt-recipient"), ("*@test", "exempt-recipient")):
        site.batv.ctl("exempt", "add", item)
        assert site.meets() == (250, reason), item
        [entry] = site.batv.json("exempt", "list")["items"]
        assert entry["until"] is None and entry["item"] in item
        site.batv.ctl("exempt", "remove", item)
        assert site.meets() == (550, "-"), item
    site.batv.ctl("exempt", "add", STRANGER, "--for", "1h")
    assert site.meets() == (250, "exempt-host")
    site.clock.advance(3601)
    assert site.meets() == (550, "-")
    assert site.batv.ctl("exempt", "list").stdout.startswith("none; ")


def test_items(lab):
    site = Site(lab)
    add = lambda *argv: site.batv.ctl("unsigned", "add", *argv)
    for item in ("2001:db8::/32", "host:mx.theirs.test", "*.theirs.test", "sender:robot@test", "Bob <bob@theirs.test>",
                 site.batv.sign("carol@test"), "destination:dave@test"):
        add(item)
    assert site.keys() == [
        "unsigned-host <;2001:db8::/32", "unsigned-host mx.theirs.test", "unsigned-destination *@*.theirs.test",
        "unsigned-sender robot@test", "unsigned-destination bob@theirs.test", "unsigned-sender carol@test",
        "unsigned-destination dave@test"], site.keys()
    assert site.senders() == [True, True]
    add("bob@theirs.test", "--for", "1d")           # again: its time alone changes
    assert len(site.keys()) == 7
    items = {entry["item"]: entry["until"] for entry in site.batv.json("unsigned", "list")["items"]}
    assert items["2001:db8::/32"] is None and abs(items["bob@theirs.test"] - START - DAY) < 60
    site.batv.ctl("unsigned", "remove", "2001:db8::/32")
    for wrong in ("lsearch;/etc/passwd", "+named", "!192.0.2.1", "192.0.2.1/33", "a b", "^x", "*", "", "a@b@c", "host:", "$x"):
        site.fails(2, "expected a destination", "unsigned", "add", wrong)
        site.fails(2, "expected a host", "exempt", "add", wrong)
    site.fails(2, "expected add, remove or list", "unsigned", "drop", "x.test")
    site.fails(2, "expects an item", "unsigned", "add")
    site.fails(2, "--for: expected a time", "unsigned", "add", "x.test", "--for", "soon")
    site.fails(2, "--note: expected", "unsigned", "add", "x.test", "--note", "a\nb")
    site.fails(1, "is not in the list", "unsigned", "remove", "nobody.test")
    assert len(site.keys()) == 6


def test_what_the_configuration_has(lab):
    site = Site(lab)
    site.batv.set(HERE, unsigned_destinations="*@club.test : *@lists.test", exempt_hosts="<; 2001:db8::7 ; 192.0.2.7")
    text = site.batv.conf_path.read_text().splitlines()
    line = {name: 1 + next(n for n, one in enumerate(text) if one.startswith(name)) for name in ("unsigned_destinations", "exempt_hosts")}
    for command, item, name in (("unsigned", "lists.test", "unsigned_destinations"), ("exempt", "192.0.2.7", "exempt_hosts"),
                                ("exempt", "2001:db8::7", "exempt_hosts")):
        for word in ("add", "remove"):
            site.fails(1, f"{site.batv.conf_path}:{line[name]}", command, word, item)
    assert site.keys() == []


def test_a_damaged_file(lab):
    """It changes nothing: what is published stays in force, and the command does not replace what it cannot read."""
    site = Site(lab)
    site.batv.ctl("exempt", "add", STRANGER)
    path = site.batv.state_dir / "overrides"
    path.write_text(path.read_text() + "exempt-host +x - - root\n")
    site.fails(3, "expected one plain item of an Exim list", "exempt", "add", "192.0.2.9")
    assert site.meets() == (250, "exempt-host")


def flat(text):
    return " ".join(text.split())


def test_explained(lab):
    """explain, why and sign name the item that decided, its end and its note."""
    site = Site(lab)
    site.batv.exim = f"{site.exim.binary} -C {site.exim.config_path}"
    site.batv.set(HERE, own_hosts="127.0.0.1 : 127.0.8.0/24", exempt_hosts="! 127.0.7.9 : 127.0.0.99 : 127.0.7.0/24",
                  exempt_recipients="postmaster@*")
    log, message = site.exim.dir / "log" / "mainlog", lab.write("message", bounce("alice@test"))
    why = lambda *argv: site.batv.ctl("why", *argv, log)
    explained = lambda host, rcpt="alice@test": flat(site.batv.ctl("explain", "--host", host, "--rcpt", rcpt, message, check=False).stdout)

    site.batv.ctl("exempt", "add", "127.0.0.0/28", "--for", "1d", "--note", "their gateway, until Tuesday")
    assert site.meets() == (250, "exempt-host")
    kept = r"a host in exempt_hosts \(127\.0\.0\.0/28, by batvctl exempt until \d{4}-\d\d-\d\d [\d:]+ UTC: their gateway, until Tuesday\)"
    page = flat(why("alice@test").stdout)
    assert re.search(kept, page) and re.search(kept, explained(STRANGER)), (page, explained(STRANGER))
    assert page.count("their gateway") == 1         # not to the other side
    [decision] = json.loads(why("--json", "alice@test").stdout)["messages"][0]["decisions"]
    item = decision["item"]
    assert (item["list"], item["item"], item["kept"], item["note"]) == ("exempt_hosts", "127.0.0.0/28", True, "their gateway, until Tuesday")
    assert abs(item["until"] - START - DAY) < 60
    site.batv.ctl("exempt", "remove", "127.0.0.0/28")
    assert "exempt_hosts;" not in flat(why("alice@test").stdout) and "by batvctl" not in flat(why("alice@test").stdout)

    site.batv.ctl("exempt", "add", "Alice <alice@test>")
    assert site.meets("ALICE@test") == (250, "exempt-recipient")
    kept = "the address is in exempt_recipients (alice@test, by batvctl exempt until further notice)"
    assert kept in flat(why("alice@test").stdout) and kept in explained(STRANGER)
    site.batv.ctl("exempt", "remove", "alice@test")

    # of the configuration: Exim is asked item by item
    assert "a host in exempt_hosts (127.0.7.0/24)" in explained("127.0.7.7")
    assert "in exempt_recipients (postmaster@*)" in explained(STRANGER, "postmaster@test")
    assert "in own_hosts (127.0.8.0/24)" in explained("127.0.8.7")
    assert "refused: " in explained(STRANGER) and "refused: " in explained("127.0.7.9")

    site.batv.ctl("unsigned", "add", "lists.test", "--note", "knows us by name")
    site.batv.ctl("unsigned", "add", "sender:robot@test")
    done = site.batv.ctl("sign", "alice@test", "--rcpt", "x@lists.test", check=False)
    assert "item      *@lists.test, by batvctl unsigned until further notice: knows us by name (unsigned_destinations)\n" in done.stdout, done
    done = site.batv.ctl("sign", "robot@test", check=False)
    assert "item      robot@test, by batvctl unsigned until further notice (unsigned_senders)\n" in done.stdout, done
    assert "item" not in site.batv.ctl("sign", "alice@test").stdout
    assert "leaves untagged (unsigned_senders) (robot@test, by batvctl unsigned" in explained(STRANGER, "robot@test")
