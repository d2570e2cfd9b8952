"""The page of batvctl report --html in a real Chromium: what it asks for, how it fits, and whether it can be read.

PICTURES=DIRECTORY keeps what it looks like.
"""

from pathlib import Path

import test_report
from answers import *
from lab_chromium import Chromium
from test_report_page import Hostile, SEED, Writer, missing_numbers, report

PICTURES = os.environ.get("PICTURES")
WORDS = "[...document.querySelectorAll('body *')].filter(e => !e.closest('script')).map(e => " \
        "[...e.childNodes].filter(n => n.nodeType == 3).map(n => n.data).join(' ')).join(' ')"


def week(lab):
    writer = Writer(SEED)
    return lab.write(lab.dir / "week", "\n".join(writer.next() for _ in range(20_000)) + "\n")


def hostile(lab):
    writers = Writer(SEED), Hostile(SEED)
    return lab.write(lab.dir / "hostile<script>alert(1)</script>&".replace("/", ""), "\n".join(writers[i % 2].next() for i in range(20_000)) + "\n")


def pages(lab):
    """Pages of several kinds, by name."""
    out = lab.mkdir("out")
    for name, make in ("week", week), ("hostile", hostile):
        report(lab, "--html", out / f"{name}.html", make(lab))
    server = test_report.TestOwnLog()
    server.lab = lab
    server.setup()
    server.o.batv.ctl("report", "--html", out / "server.html")
    return {name: out / f"{name}.html" for name in ("week", "hostile", "server")}


def assert_readable(browser, name, where):
    seen = browser.contrast()
    assert len(seen["texts"]) > 30 and len(seen["shapes"]) >= 3, (name, where, seen)
    faint = [t for t in seen["texts"] if t[0] < 4.5] + [s for s in seen["shapes"] if s[0] < 3]
    assert not faint, (name, where, faint)


def assert_fits(browser, name, where):
    wide, room = browser.ask("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room, (name, where, wide, room)
    cut = browser.ask("[...document.querySelectorAll('h1, h2, p, dd, td, th, li')].filter(e => !e.closest('.scroll, thead') && "
                      "e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 99))")
    assert not cut, (name, where, cut)


@timeout(300)
def test_in_chromium(lab):
    made = pages(lab)
    with Chromium(lab) as browser:
        for name, path in made.items():
            browser.requests.clear()
            browser.open(path)
            assert browser.requests == [path.as_uri()] and browser.ask("performance.getEntriesByType('resource').length") == 0
            assert browser.ask("document.scripts.length") == 1 and browser.ask("document.compatMode") == "CSS1Compat"
            told = json.loads(browser.ask("document.getElementById('report').textContent"))
            words = browser.ask(WORDS)
            assert not missing_numbers(told, words), (name, missing_numbers(told, words))
            assert missing_numbers({**told, "decisions": 987654321}, words) == {987654321}
            for width in 390, 1280:
                for scheme in "light", "dark":
                    browser.look(width, scheme)
                    assert_fits(browser, name, (width, scheme))
                    assert_readable(browser, name, (width, scheme))
                    if PICTURES:
                        browser.picture(Path(PICTURES) / f"{name}-{width}-{scheme}.png")
            dark = browser.ask("getComputedStyle(document.body).backgroundColor")
            browser.look(688, "light", media="print")     # A4, between margins of 14 mm
            assert_fits(browser, name, "paper")
            assert_readable(browser, name, "paper")
            assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)" != dark, (name, dark)
            assert browser.paper().startswith(b"%PDF-")
    assert browser.asked_network() == []


def test_the_test(lab):
    """A page that is wrong in every way is found out in every way."""
    page = lab.write(lab.dir / "wrong.html", "<!DOCTYPE html><title>wrong</title><body style='background: #fff'><p style='color: #888'>faint</p>"
                     "<p style='width: 2000px'>wide</p><svg><rect class=ours fill='#ddd' width=9 height=9 /></svg>"
                     "<img src='http://127.0.0.1:9/picture.png'>")
    with Chromium(lab) as browser:
        browser.open(page)
        browser.look(390)
        assert len(browser.requests) == 2
        wide, room = browser.ask("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide > room, (wide, room)
        seen = browser.contrast()
        assert [round(t[0], 1) for t in seen["texts"]] == [3.5, 21] and seen["shapes"][0][0] < 1.5, seen
    asked = browser.asked_network()
    assert "http://127.0.0.1:9/picture.png" in asked, asked
