"""batvctl report --html: one file, whatever the log: whole, escaped, small, with the numbers of --json in it."""

import datetime
import html.parser
import random

import test_report
from answers import *
from test_report import SEED, Writer, report

VOID = {"meta", "br"}
OPTIONAL = {"th": {"th", "td", "tr"}, "td": {"th", "td", "tr"}, "li": {"li"}}
MAX = 100_000
HOSTILE = ("\"><script>alert(1)</script>", "</script><script>alert(1)</script>", "<!--", "]]>", "javascript:alert(1)", "&lt;b&gt;",
           "' onload='alert(1)", "<img src=x onerror=alert(1)>", "\u202eevil", "caf\u00e9", "%s%n", "<svg onload=alert(1)>", "</style>",
           "</title>", "</table>", "<base href=//evil.example>")


class Page(html.parser.HTMLParser):
    """A page of ours, read strictly: what is open must be closed, and nothing may point outside."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.words, self.titles, self.json, self.attributes = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        if self.open and tag in OPTIONAL.get(self.open[-1], ()):
            self.open.pop()
        self.seen.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in ("rect", "line", "circle", "polygon", "polyline"), tag
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        while self.open and self.open[-1] in OPTIONAL and self.open[-1] != tag:
            self.open.pop()
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        where = self.open[-1] if self.open else ""
        {"script": self.json, "style": self.attributes, "title": self.titles}.get(where, self.words).append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    unknown_decl = handle_pi = handle_comment

    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words + self.titles))


def read_page(path):
    text = path.read_text("ascii" if path.read_bytes().isascii() else "utf-8")
    assert text.startswith("<!DOCTYPE html>\n") and text.endswith("</html>\n"), text[-100:]
    assert len(text.encode()) < MAX, len(text.encode())
    return Page(text)


def make_page(lab, *argv, check=True, **run):
    """The page and the --json of one run."""
    path = lab.dir / "out" / "report.html"
    if not path.parent.exists():
        lab.mkdir("out")
    done = report(lab, "--json", "--html", path, *argv, check=check, **run)
    return read_page(path), json.loads(done.stdout)


def numbers(value):
    """All numbers in a JSON document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*map(numbers, value)) if value else set()
    return {value} if isinstance(value, int) and not isinstance(value, bool) else set()


def missing_numbers(told, text):
    shown = {int(n) for n in re.findall(r"\d+", re.sub(r"(?<=\d),(?=\d{3})", "", text))}
    return numbers({k: v for k, v in told.items() if k != "schema"}) - shown


def assert_self_contained(page):
    allowed = {"html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "h1", "h2", "p", "dl", "div", "dt",
               "dd", "ul", "li", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "strong", "span", "br", "code", "script",
               "svg", "g", "rect", "line", "circle", "polygon", "polyline", "text"}
    assert {tag for tag, _ in page.seen} <= allowed, {tag for tag, _ in page.seen} - allowed
    for tag, name, value in (a for a in page.attributes if len(a) == 3):
        assert name not in ("src", "href", "xlink:href", "action", "data", "style", "srcset") and not name.startswith("on"), (tag, name, value)
        assert not re.search(r"(?i)//|url|javascript:", value), (tag, name, value)
    css = "".join(a for a in page.attributes if isinstance(a, str))
    assert "prefers-color-scheme:dark" in css and "@media print" in css, css
    assert not re.search(r"(?i)url\(|@import|//|expression|\\", css), css
    assert [a for tag, a in page.seen if tag == "script"] == [{"type": "application/json", "id": "report"}]
    policy = [a["content"] for tag, a in page.seen if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"], policy


def assert_readable(page):
    tags = [tag for tag, _ in page.seen]
    assert tags.count("h1") == 1 and tags.count("h2") >= 1 and tags.index("h1") < tags.index("h2")
    assert tags.count("thead") == tags.count("table") >= 1
    assert all(a.get("scope") in ("col", "row") for tag, a in page.seen if tag == "th")
    assert all("aria-label" in a or a.get("aria-hidden") == "true" or "viewbox" in a for tag, a in page.seen if tag == "svg")
    assert ("html", {"lang": "en"}) in page.seen


def assert_good(page, told):
    assert_self_contained(page)
    assert_readable(page)
    assert json.loads("".join(page.json)) == told
    lacking = missing_numbers(told, page.text())
    assert not lacking, (lacking, told)
    for day in told["days"]:
        assert any(t.startswith(f"{datetime.date.fromisoformat(day['day']):%-d %b}:") for t in page.titles), (day, page.titles)


# -- the pages

def test_a_week(lab):
    writer = Writer(SEED)
    log = lab.write(lab.dir / "mainlog", "\n".join(writer.next() for _ in range(20_000)) + "\n")
    page, told = make_page(lab, log)
    assert_good(page, told)
    assert told["figures"]["refused"] > 0 and "Look at these" in page.text() and "Refused, most for" in page.text()
    day = told["days"][0]
    wanted = f"{day['refused'] + day['refused_unread']:,} refused, {day['would_be_refused']:,} would be refused, {day['ours_by_tag'] + day['ours_by_memory']:,} ours back"
    assert any(t.endswith(wanted) for t in page.titles), (wanted, page.titles)
    assert "Made by batvctl " in page.text() and str(log) in page.text()
    # The test itself: a page of other numbers must not pass.
    assert missing_numbers({**told, "decisions": 987654321}, page.text()) == {987654321}


def printable(name):
    return "".join(chr(b) if 0x21 <= b <= 0x7e and b not in b"\\<>" else f"\\x{b:02x}" for b in name.encode())


def hostile_text(r, n):
    return "".join(r.choice(HOSTILE) if r.random() < 0.2 else chr(r.choice((r.randrange(33, 127), r.randrange(160, 0x2000)))) for _ in range(n))


class Hostile(Writer):
    """Decisions of which as much as possible was chosen by strangers, as Exim could log them."""

    def __init__(self, seed):
        super().__init__(seed)
        self.rcpts = [f"{hostile_text(self.r, self.r.randrange(90))}@{hostile_text(self.r, self.r.randrange(60))}.example".replace(" ", "")
                      for _ in range(99)]
        self.hosts = [hostile_text(self.r, 8).replace(" ", "").replace("]", "") for _ in range(999)]

    def next(self):
        rcpt = self.r.choice(self.rcpts)
        if self.r.random() < 0.5:
            rcpt = f"prvs={self.r.randrange(10**4):04}{self.r.randrange(16**6):06x}={rcpt}"
        verdict = self.r.choice(("missing", "forged", "expired"))
        action, reason = self.r.choice((("reject", "-"), ("mark", "not-armed")))
        return self.line(f"batv: verdict={verdict} action={action} mode=reject rcpt=<{rcpt}> class=dsn "
                         f"host=[{self.r.choice(self.hosts)}] key=- msgid=- reason={reason} policy=default")


@timeout(120)
def test_a_hostile_log(lab):
    """10^5 lines, names made to break out, 4000 days, long file names, --top 1000: it is below 100 KB, and nothing breaks out."""
    r, writers = random.Random(SEED), (Writer(SEED), Hostile(SEED), Hostile(SEED))
    lines = [writers[i % 3].next() for i in range(100_000)]
    for i in range(0, len(lines), 25):          # 4000 days, out of order, in any century
        lines[i] = f"{r.randrange(1, 9999):04}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}" + writers[1].next()[10:]
    lab.mkdir("<")
    log = lab.write(lab.dir / "<" / "script ><img src=x onerror=alert(1)>&\"'", "\n".join(lines) + "\n")
    for options in ((), ("--top", "1000"), ("--top", "1000", "--anonymous")):
        page, told = make_page(lab, *options, log)
        assert_self_contained(page)
        assert_readable(page)
        inside = json.loads("".join(page.json))
        assert {k: inside[k] for k in ("figures", "decisions", "refused_verdicts", "first", "last")} == \
               {k: told[k] for k in ("figures", "decisions", "refused_verdicts", "first", "last")}, options
        assert inside["days"] == told["days"][-len(inside["days"]):] and len(inside["days"]) > 5, options
        assert len(told["days"]) > 2000 and len(told["look_at"]["last"]) >= 10
        assert not missing_numbers(inside, page.text()), options
        shown = inside["refused_recipients"]["top"]
        assert shown == told["refused_recipients"]["top"][:len(shown)] and len(shown) >= 1, options
        names = [printable(item["recipient"]) for item in shown if "\\" not in item["recipient"]]
        assert all(name[:150] in page.text() for name in names) and any("&" in name[:150] for name in names), (options, names)
        if "--anonymous" in options:
            assert not re.search(r"(?<![&#])u\d+@", page.text())


def test_own_log(lab):
    """A server's own page: also how much left signed, and since when its domains refuse."""
    server = test_report.TestOwnLog()
    server.lab = lab
    server.setup()
    path = lab.mkdir("out") / "report.html"
    told = json.loads(server.o.batv.ctl("report", "--json", "--html", path).stdout)
    page = read_page(path)
    assert_good(page, told)
    assert sum(d["signed"] for d in told["days"]) == 1 and any(t.endswith(": 1 left signed") for t in page.titles), page.titles
    domain, = told["domains"]["named"]
    assert (domain["domain"], domain["refuses"], told["domains"]["count"]) == ("test", True, 1), domain
    assert domain["why"] in page.text() and any(t.startswith("refusing from ") for t in page.titles), (domain, page.titles)
    assert "alice@test had sent mail to that host on" in page.text()
    server.o.batv.ctl("report", "--anonymous", "--html", path)
    assert "alice" not in path.read_text() and "test had sent mail to that host on" in read_page(path).text()


def test_before_exim_batv(lab):
    writer = Writer(SEED)
    lines = []
    for i in range(30):
        arrived = writer.line(f"<= <> H=mx.x.test [192.0.2.{i % 8}] P=esmtp S=3000")
        lines += [arrived, arrived.split(" <= ")[0] + " => info <info@example.com> R=local_user T=maildir"]
    page, told = make_page(lab, lab.write(lab.dir / "mainlog", "\n".join(lines) + "\n"))
    assert_good(page, told)
    assert "they show what it would meet" in page.text() and "info@example.com" in page.text()
    page, told = make_page(lab, lab.write(lab.dir / "empty", ""))
    assert_self_contained(page)
    assert "nothing to tell" in page.text()


def test_the_file(lab):
    """It is replaced at once, keeps its mode, and nothing else is."""
    log = lab.write(lab.dir / "mainlog", Writer(SEED).next() + "\n")
    directory = lab.mkdir("out")
    path = directory / "a.html"
    done = report(lab, "--html", path, log)
    assert (done.stdout, done.stderr) == ("", "") and path.stat().st_mode & 0o777 == 0o600, done
    first = path.stat().st_ino
    path.chmod(0o644)
    report(lab, "--html", path, log)
    assert path.stat().st_ino != first and path.stat().st_mode & 0o777 == 0o644
    report(lab, "--html", directory / "b.html", "--anonymous", log)
    assert (directory / "b.html").stat().st_mode & 0o777 == 0o644
    assert sorted(p.name for p in directory.iterdir()) == ["a.html", "b.html"]
    (directory / "link").symlink_to(path)
    for wrong in directory / "link", directory, directory / "none" / "a.html":
        done = report(lab, "--html", wrong, log, check=False)
        assert done.returncode == 3 and str(wrong) in done.stderr, done
    assert (directory / "link").is_symlink() and sorted(p.name for p in directory.iterdir()) == ["a.html", "b.html", "link"]
    relative = lab.run([BUILD / "batvctl", "-c", "/nonexistent", "report", "--html", "c.html", log], cwd=directory)
    assert (directory / "c.html").exists(), relative
