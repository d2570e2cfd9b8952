"""batvctl status: "No problems" is said only when mail is protected, and each problem has a line that says what to do."""

import json
import re
import time

from answers import *

NOON = 1_900_000_000
REJECT = CONF + "enforcement = reject\nmemory_capacity = 1k\n"


class Site(Ours):
    """A server in order, with mail in both directions."""

    conf, domains = REJECT, "test"

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=self.conf,
                         exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, local_domains=self.domains)

    def problems(self, *argv):
        return self.batv.json("status", *argv)["problems"]

    def one(self, *texts, argv=()):
        """There is exactly one problem, and all of TEXTS are in it."""
        (problem,) = self.problems(*argv)
        assert all(text in problem for text in texts), problem
        assert self.batv.ctl("status", *argv, check=False).returncode == 1
        return problem

    def in_order(self):
        assert self.problems() == []
        done = self.batv.ctl("status")
        assert "No problems" in done.stdout and done.returncode == 0, done


class TestCalled(Site):
    """Does Exim call us?"""

    def setup(self):
        super().setup()
        self.batv.exim = "none"
        self.batv.set(self.conf)        # Exim cannot be asked, so the trace of its calls must do

    def exim(self):
        return self.batv.json("status")["exim"]

    def test_never(self):
        self.one("no Exim has called exim-batv since ", "run batvctl enable")
        assert self.exim() == {"last_called": None, "unsigns": None, "signs": None, "version": None,
                               "last": {"local_scan": None, "acl": None, "router": None, "transport": None}}

    def test_verifying_is_no_mail(self):
        """Nothing came and nothing left: a recipient was verified, and exim -be asked."""
        with self.ours.smtp(STRANGER) as session:
            assert session.mail("").code == 250 and session.rcpt("alice@test").code == 250
        assert self.exim()["last_called"] is None

    def test_mail(self):
        assert self.ours.inject("eve@theirs.test", "alice@test", make_message(), STRANGER).data.code == 250
        seen = self.exim()["last"]
        installation = self.ours.installation
        assert bool(seen["local_scan"]) == installation.local_scan and seen["transport"] is None, seen
        assert bool(seen["acl"]) or installation.local_scan, seen
        self.in_order()
        self.tag_of()
        seen = self.exim()["last"]
        assert bool(seen["transport"]) == installation.functions, seen
        assert abs(max(t for t in seen.values() if t) - self.lab.clock.now()) < 60, seen

    def test_z_no_longer(self):
        """Our pieces are taken out of Exim's configuration, and mail goes on."""
        self.in_order()
        self.ours.stop()
        bare = Exim(self.lab, name="bare", config=exim_config(route=f"* {self.sink.route()}"))
        self.lab.clock.advance(2 * DAY)
        self.in_order()
        self.lab.clock.advance(2 * DAY)
        bare.submit("alice@test", "x@theirs.test", make_message())
        self.one("no Exim has called exim-batv since 2030-03-1", "no longer in Exim's configuration")


class TestInstalled(Site):
    """Is exim-batv in the configuration that Exim reads?"""

    def notes(self):
        return self.batv.json("status")["notes"]

    def replaced(self, **pieces):
        """Exim with other pieces; gives what puts the first configuration back."""
        path = self.ours.config_path
        good = path.read_text()
        other = batv_exim(self.lab, self.batv, self.sink, name="other", start=False, **pieces)
        path.write_text(other.config_path.read_text())
        return lambda: path.write_text(good)

    def test_no_mail_yet(self):
        """That is not a problem where all is in place."""
        self.in_order()
        (note,) = self.notes()
        assert note.startswith("no mail has come or gone since 2030-03-17") and "batvctl test" in note, note
        exim = self.batv.json("status")["exim"]
        assert exim["unsigns"] and exim["signs"] and exim["version"].startswith("4."), exim
        self.tag_of()
        assert self.notes() == []

    def test_the_memory_is_lost(self):
        """Under batvd: it makes a new one, which is a note."""
        memory = self.batv.state_dir / "memory"
        os.truncate(memory, 4096)
        self.batv.reload()
        (note,) = [n for n in self.notes() if "was lost or damaged" in n]
        assert note.startswith(f"{memory} was lost or damaged, and batvd made a new one on 2030-03-17"), note
        assert self.problems() == []
        self.lab.clock.advance(15 * DAY + 3600)
        assert not any("lost" in n for n in self.notes())

    def test_signing_is_missing(self):
        back = self.replaced(router=False, transport=False, main="BATV_RECEPTION = no\n")
        self.in_order()
        (note,) = [n for n in self.notes() if "signs nothing" in n]
        assert "takes tags off" in note and "batvctl enable" in note, note
        back()
        assert not any("signs nothing" in n for n in self.notes())

    def test_nothing_removes_tags(self):
        """Mail would leave signed, and its bounces be unknown users."""
        self.in_order()
        back = self.replaced(unsign=False, main="BATV_DOMAINS =\n")
        self.one("signs, but takes no tag off: bounces to signed addresses are unknown users; run batvctl enable")
        back()
        self.in_order()

    def test_nothing_of_ours(self):
        """Its pieces are taken out of Exim's configuration: that is seen at once."""
        self.in_order()
        path = self.ours.config_path
        good = path.read_text()
        bare = Exim(self.lab, name="bare", config=exim_config(route=f"* {self.sink.route()}"), start=False)
        path.write_text(bare.config_path.read_text())
        self.one("exim-batv is not in Exim's configuration (", "run batvctl enable")
        path.write_text(good)
        self.in_order()

    def test_broken(self):
        path = self.ours.config_path
        good = path.read_text()
        path.write_text("nonsense\n" + good)
        self.one("Exim cannot read its configuration")
        assert self.batv.ctl("status", "--nagios", check=False).returncode == 2
        path.write_text(good)
        self.in_order()

    def test_the_module_is_gone(self):
        """Debian's Exim, which loads it."""
        if self.ours.installation.kind != "rebuilt":
            return
        heavy = Installation(self.lab, "heavy", "heavy")
        ours = batv_exim(self.lab, self.batv, self.sink, name="heavy", installation=heavy)
        self.batv.exim = f"{ours.binary} -C {ours.config_path}"
        self.batv.set(self.conf)
        self.in_order()
        heavy.so.rename(self.lab.dir / "aside")
        self.one("Exim cannot load the module", "is missing", "451", "batvctl disable --remove")
        assert self.batv.ctl("status", "--nagios", check=False).returncode == 2
        self.lab.write(heavy.so, "no module\n")
        self.one("Exim cannot load the module", "451", "batvctl disable --remove")
        (self.lab.dir / "aside").rename(heavy.so)
        self.in_order()


class TestDaemon(Site):
    def setup(self):
        super().setup()
        self.tag_of()

    def test_hangs(self):
        """It runs and holds its lock, but no longer looks."""
        self.in_order()
        wait_until(lambda: self.batv.json("status")["batvd_looked"], 10, "a heartbeat")
        self.batv.daemon.freeze()
        # two minutes and more pass; the laboratory's clock would wait for batvd to follow
        self.lab.clock.on_step.remove(self.batv._follow_clock)
        self.lab.clock.advance(100)
        self.in_order()
        self.lab.clock.advance(30)
        try:
            self.one("batvd hangs", "has not looked since 2030-03-17 17:4", "systemctl restart batvd",
                     "Mail leaves signed until 2030-0")
        finally:
            self.batv.daemon.thaw()
            self.lab.clock.on_step.append(self.batv._follow_clock)
        self.batv.reload()
        self.in_order()

    def test_stopped(self):
        """Status says until which moment mail leaves signed; and so it does."""
        self.batv.stop()
        text = self.one("batvd is not running; start it", "Mail leaves signed until 2030-0")
        until = max(key["until"] for key in self.batv.json("status")["state"]["keys"])
        assert time.strftime("signed until %Y-%m-%d %H:%M:%S UTC", time.gmtime(until)) in text, text
        self.one("batvd is not running", argv=("--at", f"@{until - 4 * DAY}"))
        late = self.problems("--at", f"@{until + 1}")
        assert any("has no key for this time" in p for p in late) and not any("signed until" in p for p in late), late
        self.batv.start()
        self.in_order()


class TestSigning(Site):
    def test_a_bounce_to_the_untagged_address(self):
        """The tag is lost on the way, or mail leaves without: the Message-ID proves the bounce, and bounces the fact."""
        self.tag_of()
        self.lab.clock.advance(8 * DAY)
        message_id = new_id()
        self.tag_of(message_id=message_id)
        assert self.replay(bounce("alice@test", message_id=message_id))[1]["verdict"] == "remembered"
        self.in_order()                 # one may be a stranger's
        for _ in range(2):
            self.replay(bounce("alice@test", message_id=message_id))
        self.one("3 bounces prove that mail of test leaves unsigned", "batvctl doctor")


class TestOverrides(Site):
    def setup(self):
        super().setup()
        self.tag_of()

    def override(self, text):
        self.lab.write(self.batv.state_dir / "overrides", text, mode=0o640)
        self.batv.reload()

    def notes(self):
        return self.batv.json("status")["notes"]

    def test_in_force(self):
        until = int(self.lab.clock.now()) + DAY
        self.override(f"enforcement test observe {until} root\n")
        assert self.notes() == ["batvctl enforce: observe for test until "
                                + time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(until))]
        self.in_order()
        (entry,) = self.batv.json("status")["overrides"]
        assert entry == {"key": "enforcement", "domain": "test", "enforcement": "observe", "until": until, "who": "root"}
        self.override("")
        assert self.notes() == []

    def test_signing_off(self):
        """What `batvctl disable` says."""
        self.override("signing * off - root\n")
        text = self.one("signing was switched off by batvctl disable", "batvctl enable")
        dead = max(k["destroyed"] for k in self.batv.json("keys")["keys"] if k["state"] == "current")
        assert time.strftime("lives until %Y-%m-%d %H:%M:%S UTC", time.gmtime(dead)) in text, text
        assert re.search(r"\nSigning   off +tags live to ", self.batv.ctl("status", check=False).stdout)
        self.override("")
        self.in_order()

    def test_a_wrong_file(self):
        self.lab.write(self.batv.state_dir / "overrides", "nonsense\n", mode=0o640)
        self.one("overrides:1: ", "what is published stays in force")
        self.override("")
        self.in_order()


def test_a_configuration_that_batvd_cannot_read(lab):
    """Root can, and would not notice."""
    needs_root("a file that only root can read")
    batv = Batv(lab, conf=REJECT)
    look = lambda: [p for p in json.loads(lab.run([BUILD / "batvctl", "-c", batv.conf_path, "status", "--json"], user="root",
                                                  check=False).stdout)["problems"] if "cannot read it" in p]
    assert look() == []
    os.chown(batv.conf_path, 0, 0)
    batv.conf_path.chmod(0o600)
    (problem,) = look()
    assert "batvd (user " in problem and "Permission denied" in problem and "chmod 644" in problem, problem
    batv.conf_path.chmod(0o644)
    assert look() == []


def test_first_start(lab):
    """Before batvd has run for the first time, nothing is lost."""
    batv = Batv(lab, conf=REJECT, start=False)
    (problem,) = batv.json("status")["problems"]
    assert problem == "batvd has not run yet; start it (systemctl start batvd)"
    assert batv.ctl("status", check=False).returncode == 1


# -- the page

SECRET = r"[0-9a-f]{16}"
DATE = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2}"
# Times, hosts and keys are masked; the rest is golden.
MASKS = [(r"(?m)^exim-batv  \S+ +.*$", "exim-batv  HOST  TIME"), (r"key \d+\.\d+", "key KEY"), (r"secret " + SECRET, "secret SECRET"),
         (DATE, "DATE"), (r"(since|on) \d+ [A-Z][a-z]{2}", r"\1 DATE"), (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME")]
GOLDEN = """\
exim-batv  HOST  TIME
No problems.
Signing   on since DATE       key KEY until DATE, next is
                                published, tags live to DATE
Refusing  1 of 2 domains        test; example.test observes (enforcement =
                                observe); why: --domains all
Memory    complete on DATE     0 % full, secret SECRET
                       today    7 days
left signed / bare       2/1       2/1   bare: destination 1
bounces of ours            1         1   by tag 1
bounces refused            2         5   _____#+ a day
would be refused           1         1   told to observe 1
put off (flood)            0         0
"""


class TestPage(Site):
    domains = "test : example.test"
    conf = REJECT + "[policy mild]\ndomains = example.test\nenforcement = observe\nunsigned_destinations = bare@theirs.test\n"

    def setup(self):
        super().setup()
        for _ in range(3):
            self.replay(bounce("alice@test"))
        self.lab.clock.advance(DAY)
        for _ in range(2):
            self.replay(bounce("alice@test"))
        self.replay(bounce("alice@example.test"), "alice@example.test")
        tag = self.tag_of()
        self.tag_of("bob@example.test")
        assert self.ours.inject("", tag, bounce(tag), STRANGER).data.code == 250
        self.write("bare@theirs.test", new_id(), "bob@example.test")

    def page(self, *argv, **env):
        done = self.batv.ctl("status", *argv, check=False, env={"LC_ALL": "C", "TZ": "UTC", **env})
        text = done.stdout
        for pattern, mask in MASKS:
            text = re.sub(pattern, mask, text)
        return text

    def test_golden(self):
        assert self.page() == GOLDEN, self.page()

    def test_utf8_only_where_the_locale_is(self):
        assert "▁▁▁▁▁█▆ a day" in self.page(LC_ALL="C.UTF-8")
        assert self.page().isascii()

    def test_colours(self):
        assert "\033" not in self.page() and "\033" not in self.page("--color=always", NO_COLOR="1")
        assert "\033[32mNo problems.\033[0m\n" in self.page("--color=always")

    def test_domains(self):
        whole = self.page("--domains", "all")
        assert whole.startswith(GOLDEN) and "\n  test: refusing: " in whole and "\n  example.test: observing: " in whole, whole
        part = self.page("--domains", "EXAMPLE.test")
        assert "\n  test: " not in part and "\n  example.test: observing: " in part, part

    def test_nagios(self):
        done = self.batv.ctl("status", "--nagios")
        assert re.fullmatch(r"BATV OK - 1 domain refuses \| signed=2c refused=5c key_ends=\d+s\n", done.stdout), done
        (self.batv.state_dir / "observe").touch()
        done = self.batv.ctl("status", "--nagios", check=False)
        assert done.returncode == 1 and re.match(r"BATV WARNING - .*/observe exists: .* \| signed=2c ", done.stdout), done
        (self.batv.state_dir / "observe").unlink()
        last = self.batv.json("status")["keys_end"]
        for when, code, word in (last - 4 * DAY, 0, "OK"), (last - 2 * DAY, 2, "CRITICAL"), (last + 1, 2, "CRITICAL"):
            done = self.batv.ctl("status", "--nagios", "--at", f"@{int(when)}", check=False)
            assert done.returncode == code and done.stdout.startswith(f"BATV {word} - "), done
        self.lab.write("nowhere.conf", "directory = /nowhere\n")
        done = self.lab.run([BUILD / "batvctl", "-c", self.lab.dir / "nowhere.conf", "status", "--nagios"], check=False)
        assert done.returncode == 3 and done.stdout.startswith("BATV UNKNOWN - /nowhere: "), done
        for argv in ("--json", "--nagios"), ("--watch", "--nagios"), ("--watch", "--at", "+1d"):
            assert self.batv.ctl("status", *argv, check=False).returncode == 2

    def test_watch(self):
        """Two pages, two seconds apart; in between a bounce is refused."""
        watch = self.lab.spawn("watch", [BUILD / "batvctl", "-c", self.batv.conf_path, "status", "--watch"])
        wait_until(lambda: "put off" in watch.output(), 10, "a page")
        self.replay(bounce("alice@test"))
        wait_until(lambda: re.search(r"bounces refused +3 +6 +1 ", watch.output()), 10, "a page with what was added")
        assert re.search(r"bounces refused +2 +5 +- ", watch.output()), watch.output()
        watch.stop()

    def test_json(self):
        status = self.batv.json("status")
        assert status["schema"] == 1 and status["refusing"] == 1 and status["overrides"] == []
        assert status["week"]["would_be_refused_observe"] == 1 and status["counters"]["spared"]["observe"] == 1
        assert status["refused_by_day"][:6] == [0, 0, 0, 0, 0, 3]
        self.lab.write("nowhere.conf", "directory = /nowhere\n")
        done = self.lab.run([BUILD / "batvctl", "-c", self.lab.dir / "nowhere.conf", "status", "--json"], check=False)
        assert json.loads(done.stdout)["schema"] == 1 and done.returncode == 1
