"""batvctl metrics: its numbers are what happened, they survive what batvd and the memory go through, and no scrape is half a file."""

import itertools
import shutil
import stat
import subprocess
from collections import Counter

from answers import *
from lab_base import BUILD, TOP, tool

NOON = 1_900_000_000
AUTO = CONF + SHORT + "grace = 1d\nmemory_capacity = 1k\n"
FAILED = "missing", "expired", "forged"
VERDICTS = ("valid", "remembered", "exempt", "unsignable", "not-ours", *FAILED)
CLASSES = "dsn", "mdn", "autoreply", "calendar", "report", "other"
ACTIONS = "accept", "mark", "remove", "reject"
REASONS = ("observe", "not-armed", "relay-host", "doubt", "no-memory", "lost-secret", "cites-nothing", "hint-id", "trusted-host", "fetched",
           "relay-sends", "hint-forwarded", "fleet-behind")
# Name: type, and its labels with all their values.
FAMILIES = {
    "batv_build_info": ("gauge", {"version": None}),
    "batv_daemon_up": ("gauge", {}), "batv_daemon_looked_timestamp_seconds": ("gauge", {}),
    "batv_exim_called_timestamp_seconds": ("gauge", {}), "batv_problems": ("gauge", {}), "batv_observe_file": ("gauge", {}),
    "batv_state_usable": ("gauge", {}), "batv_state_written_timestamp_seconds": ("gauge", {}),
    "batv_keys_end_timestamp_seconds": ("gauge", {}), "batv_secret_info": ("gauge", {"fingerprint": None}),
    "batv_domains": ("gauge", {"mode": ("reject", "observe")}),
    "batv_memory_usable": ("gauge", {}), "batv_memory_complete": ("gauge", {}),
    "batv_memory_fill_ratio": ("gauge", {"kind": ("id", "pair")}),
    "batv_fleet_configured": ("gauge", {}), "batv_fleet_looked_timestamp_seconds": ("gauge", {}),
    "batv_fleet_until_timestamp_seconds": ("gauge", {}), "batv_fleet_complete": ("gauge", {}), "batv_fleet_gap_timestamp_seconds": ("gauge", {}),
    "batv_fleet_hosts": ("gauge", {"state": ("heard", "silent")}), "batv_fleet_servers": ("gauge", {"state": ("ok", "down")}),
    "batv_fleet_missing": ("gauge", {}), "batv_fleet_holes": ("gauge", {}),
    "batv_judged_total": ("counter", {"verdict": VERDICTS, "class": CLASSES, "action": ACTIONS}),
    "batv_spared_total": ("counter", {"reason": REASONS}),
    "batv_deferred_total": ("counter", {"limit": ("network", "tag", "id", "hint")}),
    "batv_turned_away_total": ("counter", {"limit": ("host", "rcpt")}),
    "batv_outgoing_total": ("counter", {"result": ("signed", "no-state", "untrusted", "destination", "other")}),
    "batv_doubt_total": ("counter", {}), "batv_forged_tags_total": ("counter", {}),
    "batv_memory_items_total": ("counter", {"kind": ("id", "pair", "any"), "result": ("remembered", "full", "clock")}),
    "batv_memory_lookups_total": ("counter", {}), "batv_memory_hits_total": ("counter", {}),
    "batv_recall_total": ("counter", {"result": ("known", "missed")}),
}
ITEMS = {("id", "remembered"), ("pair", "remembered"), ("any", "full"), ("any", "clock")}
COUNTERS = [name for name, (kind, _) in FAMILIES.items() if kind == "counter"]


def parse(text):
    """{name: {label values: number}}; the text follows the format 0.0.4, family by family."""
    assert text.endswith("\n")
    lines, families = text.splitlines(), {}
    while lines:
        name = re.fullmatch(r"# HELP (batv_[a-z_]+) [A-Z][^\\\n]+[.?]", lines.pop(0))[1]
        kind = re.fullmatch(rf"# TYPE {name} (gauge|counter)", lines.pop(0))[1]
        assert name not in families and FAMILIES[name][0] == kind and name.endswith("_total") == (kind == "counter"), name
        families[name], labels = {}, FAMILIES[name][1]
        while lines and not lines[0].startswith("#"):
            sample = re.fullmatch(rf"{name}(?:\{{(.+)\}})? (\d+(?:\.\d+)?(?:e-\d+)?)", lines.pop(0))
            found = re.findall(r'(?:^|,)([a-z]+)="([^"\\]*)"', sample[1] or "")
            assert [key for key, _ in found] == list(labels), (name, found)
            assert all(labels[key] is None or value in labels[key] for key, value in found), (name, found)
            values = tuple(value for _, value in found)
            assert values not in families[name], (name, values)
            families[name][values] = float(sample[2])
    assert list(families) == list(FAMILIES), list(families)
    return families


def all_series(metrics, fingerprint=True):
    """Nothing is missing, and nothing appears only later."""
    for name, (_, labels) in FAMILIES.items():
        if None in labels.values():
            assert len(metrics[name]) == (fingerprint if name == "batv_secret_info" else 1), (name, metrics[name])
            continue
        expected = ITEMS if name == "batv_memory_items_total" else set(itertools.product(*labels.values()))
        assert set(metrics[name]) == expected, (name, expected ^ set(metrics[name]))


def one(metrics, name, *labels):
    return metrics[name][labels]


def counters(metrics):
    return {(name, labels): value for name in COUNTERS for labels, value in metrics[name].items()}


def promtool():
    """Debian's, unpacked."""
    if not (BUILD / "prometheus" / ".fetched").exists():
        tool("fetch", "deb", "--no-libraries", BUILD / "prometheus", "prometheus")
    return BUILD / "prometheus" / "root" / "usr" / "bin" / "promtool"


def checked(*argv, **run):
    """promtool is content, and says nothing of style either."""
    done = subprocess.run([promtool(), *argv], capture_output=True, text=True, timeout=60, **run)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


class Site(Ours):
    conf = AUTO

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=self.conf, exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.file = self.lab.mkdir("collector") / "batv.prom"

    def scrape(self):
        """By -o, as the timer does it; the same goes to stdout."""
        self.batv.ctl("metrics", "-o", self.file)
        assert os.listdir(self.file.parent) == [self.file.name]
        mode = os.lstat(self.file)
        assert stat.S_ISREG(mode.st_mode) and mode.st_mode & 0o7777 == 0o644, mode
        metrics = parse(self.file.read_text())
        looked = "batv_daemon_looked_timestamp_seconds"
        assert {**parse(self.batv.ctl("metrics").stdout), looked: 0} == {**metrics, looked: 0}
        return metrics


class TestNumbers(Site):
    """A server that sends, arms, refuses and is forged; the second counter reads Exim's log and the sink."""

    def setup(self):
        super().setup()
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink)

    def happened(self):
        """From Exim's log: counts by label values, as the metrics have them."""
        lines = batv_lines(self.ours)
        failed = [line for line in lines if line["verdict"] in FAILED and line["action"] not in ("reject", "remove")]
        signed = [m for m in self.sink.messages if is_signed(m.sender, "alice@test")]
        return {"batv_judged_total": Counter((line["verdict"], line["class"], line["action"]) for line in lines),
                "batv_spared_total": Counter((line["reason"],) for line in failed if line["reason"] in REASONS),
                "batv_forged_tags_total": Counter({(): sum(line["verdict"] == "forged" for line in lines)}),
                "batv_outgoing_total": Counter({("signed",): len(signed)}),
                "batv_deferred_total": Counter(), "batv_doubt_total": Counter()}

    def agrees(self):
        metrics, happened = self.scrape(), self.happened()
        all_series(metrics)
        for name, counts in happened.items():
            assert +Counter(metrics[name]) == +counts, (name, +Counter(metrics[name]), counts)
        return metrics

    def mail(self):
        """Mail that leaves, its bounce, forged bounces with and without a tag, a reply that cites nothing."""
        tag = self.tag_of()
        forged = tag.replace(tag[9:15], "000000" if tag[9:15] != "000000" else "000001")
        for rcpt in (tag, "alice@test", "bob@test", forged):
            self.ours.inject("", rcpt, bounce(rcpt), STRANGER)
        self.ours.inject("", "alice@test", out_of_office(), STRANGER)

    def test_before_and_after(self):
        before = self.agrees()
        assert not any(counters(before).values()) and one(before, "batv_domains", "reject") == 0, before
        self.mail()
        after = self.agrees()
        assert one(after, "batv_judged_total", "missing", "dsn", "mark") == 2
        assert one(after, "batv_judged_total", "valid", "dsn", "accept") == 1
        assert one(after, "batv_judged_total", "forged", "dsn", "mark") == one(after, "batv_forged_tags_total") == 1
        assert one(after, "batv_spared_total", "not-armed") == 4
        assert one(after, "batv_memory_items_total", "id", "remembered") == 1
        assert one(after, "batv_domains", "observe") == 1 and one(after, "batv_domains", "reject") == 0

    def test_it_refuses(self):
        self.lab.clock.advance(DAY + 3600)
        prove(self.batv, self.ours)
        self.batv.reload()
        metrics = self.agrees()
        assert one(metrics, "batv_domains", "reject") == 1 and one(metrics, "batv_domains", "observe") == 0
        self.mail()
        metrics = self.agrees()
        assert one(metrics, "batv_judged_total", "missing", "dsn", "reject") == 2
        assert one(metrics, "batv_judged_total", "forged", "dsn", "reject") == 1
        assert one(metrics, "batv_exim_called_timestamp_seconds") > NOON + DAY
        assert one(metrics, "batv_state_usable") == one(metrics, "batv_daemon_up") == one(metrics, "batv_memory_usable") == 1
        (fingerprint,), = metrics["batv_secret_info"]
        status = self.batv.json("status")
        assert fingerprint == status["secret_fingerprint"] and one(metrics, "batv_keys_end_timestamp_seconds") == status["keys_end"]
        assert one(metrics, "batv_problems") == len(self.batv.problems()) == 0

    def test_a_new_generation(self):
        """Another capacity makes another memory file; what was counted goes on."""
        before = counters(self.scrape())
        assert sum(before.values()) > 20
        self.batv.set(self.conf.replace("1k", "2k"))
        wait_until(lambda: (self.batv.state_dir / "memory.2").exists(), 15, "another memory file")
        assert counters(self.agrees()) == before
        self.mail()
        after = counters(self.agrees())
        assert all(after[series] >= value for series, value in before.items()) and sum(after.values()) > sum(before.values())

    def test_without_batvd(self):
        """Mail goes on, and so do the numbers; a restart changes none."""
        before = counters(self.scrape())
        os.kill(self.batv.daemon.pid, 9)
        wait_until(lambda: not self.batv.daemon.alive(), 15, "batvd's end")
        metrics = self.agrees()
        assert counters(metrics) == before and one(metrics, "batv_daemon_up") == 0 and one(metrics, "batv_state_usable") == 1
        assert one(metrics, "batv_problems") == 1
        self.mail()
        between = counters(self.agrees())
        assert sum(between.values()) > sum(before.values())
        self.batv.start()
        metrics = self.agrees()
        assert counters(metrics) == between and one(metrics, "batv_daemon_up") == 1 and one(metrics, "batv_problems") == 0

    def test_z_the_memory_is_gone(self):
        """Truncated: batvd makes another, and the counts begin again, as after a restart of what Prometheus scrapes."""
        os.truncate(self.batv.state_dir / "memory.2", 4096)
        metrics = self.scrape()
        assert one(metrics, "batv_memory_usable") == 0 and not counters(metrics), metrics
        self.batv.reload()
        metrics = self.scrape()
        all_series(metrics)
        assert one(metrics, "batv_memory_usable") == 1 and not any(counters(metrics).values())


class TestTrouble(Site):
    """Whatever is not there: the numbers say so, and all of the file is written."""

    def test_a_complete_scrape(self):
        metrics = self.scrape()
        all_series(metrics)
        assert one(metrics, "batv_state_usable") == one(metrics, "batv_daemon_up") == 1
        assert checked("check", "metrics", input=self.file.read_text()) == ""
        # and promtool can complain
        done = subprocess.run([promtool(), "check", "metrics"], input="a_total 1\na_total 2\n", capture_output=True, text=True, timeout=60)
        assert done.returncode != 0, done

    def test_observe(self):
        self.batv.observe_file(True)
        assert one(self.scrape(), "batv_observe_file") == 1
        self.batv.observe_file(False)
        assert one(self.scrape(), "batv_observe_file") == 0

    def test_another_user(self):
        """He may look at nothing; counters that are not known are left out, for 0 would look like a restart."""
        needs_root("another user")
        done = self.lab.run([BUILD / "batvctl", "-c", self.batv.conf_path, "metrics"], user="nobody")
        metrics = parse(done.stdout)
        for name in "batv_state_usable", "batv_daemon_up", "batv_memory_usable", "batv_keys_end_timestamp_seconds":
            assert one(metrics, name) == 0, name
        assert one(metrics, "batv_problems") >= 1 and not counters(metrics) and not metrics["batv_secret_info"]
        done = self.lab.run([BUILD / "batvctl", "-c", self.batv.conf_path, "metrics", "-o", self.file], user="nobody", check=False)
        assert done.returncode == 3 and "Permission denied" in done.stderr and one(parse(self.file.read_text()), "batv_state_usable") == 1

    def test_files_that_are_no_place(self):
        """A file that is not there yet is made; nothing but a regular file is replaced."""
        directory = self.file.parent
        for path, why in ((directory / "not" / "there", "No such file or directory"), (directory, "Is a directory"),
                          (self.lab.dir / "link", "is not a regular file"), ("/dev/null", "is not a regular file"),
                          (directory / ("x" * 253), "File name too long")):
            if path == self.lab.dir / "link":
                path.symlink_to(self.file)
            done = self.batv.ctl("metrics", "-o", path, check=False)
            assert done.returncode == 3 and done.stderr == f"batvctl: metrics: {path}: {why}\n" and not done.stdout, done
        assert (self.lab.dir / "link").is_symlink() and stat.S_ISCHR(os.stat("/dev/null").st_mode)
        assert self.batv.ctl("metrics", "--json", check=False).returncode == 2
        assert "--output" in self.batv.ctl("status", "-o", "x", check=False).stderr

    def test_never_half_a_file(self):
        """Three write at the same time, and one reads all the while; what a killed one left is taken away."""
        self.lab.write(self.file.parent / ".batv.prom.new", "batv_half")
        size = len(self.file.read_text().splitlines())
        loop = f'for i in 1 2 3 4 5 6 7 8; do "{BUILD}/batvctl" -c "{self.batv.conf_path}" metrics -o "{self.file}" || exit 1; done'
        writers = [self.lab.spawn(f"writer{i}", ["sh", "-c", loop]) for i in range(3)]
        reads = 0
        while any(w.alive() for w in writers):
            assert len(self.file.read_text().splitlines()) == size
            reads += 1
        assert reads > 3 and all(w.popen.returncode == 0 for w in writers), [w.output() for w in writers]
        assert os.listdir(self.file.parent) == [self.file.name]

    def test_parts_that_are_missing(self):
        self.batv.stop()
        state, memory = self.batv.state_dir / "state", self.batv.state_dir / "memory"
        whole = memory.read_bytes()
        memory.unlink()
        metrics = self.scrape()
        all_series(metrics)         # nothing is counted that a new file would not begin with
        assert one(metrics, "batv_memory_usable") == 0 and one(metrics, "batv_state_usable") == 1
        self.lab.write(memory, b"\0" * len(whole), mode=0o660)
        metrics = self.scrape()
        assert one(metrics, "batv_memory_usable") == 0 and not counters(metrics)
        self.lab.write(memory, whole, mode=0o660)
        text = state.read_text()
        for damage in text[:len(text) // 2], "nonsense\n", "":
            self.lab.write(state, damage, mode=0o640)
            metrics = self.scrape()
            all_series(metrics)
            assert one(metrics, "batv_state_usable") == one(metrics, "batv_state_written_timestamp_seconds") == 0, damage
        state.unlink()
        assert one(self.scrape(), "batv_state_usable") == 0
        self.lab.write(self.batv.conf_path, "nonsense\n" + self.batv.conf_path.read_text())
        all_series(self.scrape())
        (self.batv.state_dir / "secret").unlink()
        all_series(self.scrape(), fingerprint=False)
        for file in self.batv.state_dir.iterdir():
            file.unlink()
        all_series(self.scrape(), fingerprint=False)    # as before the first start
        self.batv.state_dir.rmdir()
        metrics = self.scrape()
        assert one(metrics, "batv_state_usable") == one(metrics, "batv_daemon_up") == 0 and not counters(metrics)
