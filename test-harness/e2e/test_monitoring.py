"""packaging/monitoring: what is given to Prometheus, Grafana, Munin, logcheck, Icinga and Nagios works with what we write."""

import json
import shlex
import subprocess

from answers import *
from test_arming import signed_elsewhere
from test_metrics import FAMILIES, checked, promtool

HERE = TOP / "packaging" / "monitoring"
RULES = HERE / "prometheus-rules.yml"
OF_NODE_EXPORTER = {"node_textfile_mtime_seconds"}


def metric_names(expression):
    return set(re.findall(r"\b(?:batv|node)_[a-z_]+\b", re.sub(r'"[^"]*"', "", expression)))


def known(expression):
    """Each metric, label and label value of the expression exists."""
    names = metric_names(expression)
    assert names and names <= set(FAMILIES) | OF_NODE_EXPORTER, (expression, names)
    for name, matchers in re.findall(r"\b(batv_[a-z_]+)\{([^}]*)\}", expression):
        for label, values in re.findall(r'([a-z]+)(?:=~?|!=|!~)"([^"]*)"', matchers):
            if label != "instance":
                assert set(values.split("|")) <= set(FAMILIES[name][1][label]), (expression, label, values)


# -- Prometheus

def series(name, values, instance="mx1", **labels):
    text = ",".join(f'{key}="{value}"' for key, value in {"instance": instance, **labels}.items())
    return {"series": f"{name}{{{text}}}", "values": values}


# Every ten minutes, for a day and more.  promtool's time begins at 0.
WELL = [series("batv_state_usable", "1x200"), series("batv_keys_end_timestamp_seconds", "9000000x200"), series("batv_daemon_up", "1x200"),
        series("batv_daemon_looked_timestamp_seconds", "600+600x200"), series("batv_secret_info", "1x200", fingerprint="aa"),
        series("batv_domains", "2x200", mode="reject"), series("batv_domains", "1x100 2x100", mode="observe"),
        series("batv_doubt_total", "5x200"), series("batv_judged_total", "0+0.5x200", verdict="expired", **{"class": "dsn"}, action="reject"),
        series("batv_judged_total", "0+500x200", verdict="missing", **{"class": "dsn"}, action="reject"),
        series("batv_exim_called_timestamp_seconds", "600+600x200"), series("batv_memory_usable", "1x200"),
        series("batv_fleet_configured", "1x200"), series("batv_fleet_looked_timestamp_seconds", "600+600x200"),
        series("batv_fleet_until_timestamp_seconds", "600+600x200"), series("batv_fleet_hosts", "0x200", state="silent"),
        series("batv_fleet_servers", "0x100 1x1 0x100", state="down"),
        series("batv_observe_file", "0x200"), series("batv_problems", "0x150 1x2 0x50"),
        series("node_textfile_mtime_seconds", "600+600x200", file="/var/lib/prometheus/node-exporter/batv.prom")]
# What each alert fires for, in the place of the same series of WELL.
ILL = {
    "BatvStateUnusable": [series("batv_state_usable", "1x190 0x10")],
    "BatvKeysEndSoon": [series("batv_keys_end_timestamp_seconds", "300000x200")],
    "BatvDaemonDown": [series("batv_daemon_up", "1x190 0x10")],
    "BatvDaemonDown, hangs": [series("batv_daemon_looked_timestamp_seconds", "600+600x190 114000x10")],
    "BatvDomainStoppedRefusing": [series("batv_domains", "2x190 1x10", mode="reject")],
    "BatvDoubtGrows": [series("batv_doubt_total", "5x190 5+5x10")],
    "BatvDoubtfulRefusalsGrow": [series("batv_judged_total", "0+1x200", verdict="forged", **{"class": "dsn"}, action="reject")],
    "BatvNotCalled": [series("batv_exim_called_timestamp_seconds", "-200000x200")],
    "BatvMemoryUnusable": [series("batv_memory_usable", "1x190 0x10")],
    "BatvFleetDown": [series("batv_fleet_looked_timestamp_seconds", "600+600x190 114000x10")],
    "BatvFleetBehind": [series("batv_fleet_until_timestamp_seconds", "600+600x190 0x10")],
    "BatvFleetHostSilent": [series("batv_fleet_hosts", "0x190 1x10", state="silent")],
    "BatvFleetServerDown": [series("batv_fleet_servers", "0x190 1x10", state="down")],
    "BatvObserveFile": [series("batv_observe_file", "0x40 1x160")],
    "BatvProblems": [series("batv_problems", "0x190 1x10")],
    "BatvMetricsStale": [series("node_textfile_mtime_seconds", "600+600x190 114000x10", file="/var/lib/prometheus/node-exporter/batv.prom")],
}


def at(instance, all_series):
    """The series of a server of this name."""
    return [{**one, "series": one["series"].replace('"mx1"', f'"{instance}"')} for one in all_series]


def firing(servers, alerts):
    """At the end, these alerts fire, and no others: SERVERS is {name: what is ill}, ALERTS (name, server)."""
    given = []
    for name, ill in servers.items():
        replaced = {one["series"] for one in ill}
        given += at(name, ill + [one for one in WELL if one["series"] not in replaced])
    return {"interval": "10m", "input_series": given,
            "promql_expr_test": [{"expr": 'count by (alertname, instance) (ALERTS{alertstate="firing"})', "eval_time": "2000m",
                                  "exp_samples": [{"labels": f'{{alertname="{name}"' + (f',instance="{server}"' if server else "") + "}", "value": 1}
                                                  for name, server in alerts]}]}


def test_alert_rules(lab):
    text = RULES.read_text()
    alerts = re.findall(r"^      - alert: (\w+)$", text, re.M)
    assert f"SUCCESS: {len(alerts)} rules found" in checked("check", "rules", RULES)
    for expression in re.findall(r"^        expr: ((?:.|\n {10})*)", text, re.M):
        known(expression)
    assert sorted({name.partition(",")[0] for name in ILL} | {"BatvFingerprintsDiffer"}) == sorted(alerts)
    other = [series("batv_secret_info", "1x200", fingerprint="bb"), series("batv_secret_info", "_x200", fingerprint="aa")]
    tests = [firing({"well": [], **ILL}, [(name.partition(",")[0], name) for name in ILL]),
             firing({"mx1": [], "mx2": other}, [("BatvFingerprintsDiffer", "")])]
    file = lab.write("rules-test.yml", json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "10m", "tests": tests}))
    assert "SUCCESS" in checked("test", "rules", file)
    # and it can fail
    tests[0]["promql_expr_test"][0]["exp_samples"].pop()
    file = lab.write("rules-test.yml", json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "10m", "tests": tests[:1]}))
    assert subprocess.run([promtool(), "test", "rules", file], capture_output=True, timeout=60).returncode == 1


def test_the_page(lab):
    """docs/monitoring.md names each metric, label and label value, and each alert; and no others."""
    page = (TOP / "docs" / "monitoring.md").read_text()
    rows = [row.split(" |") for row in re.findall(r"^\| (`batv_.*)$", page, re.M)]
    named = {name: re.findall(r"`([a-z-]+)`", labels) for names, labels, *_ in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(named) == set(FAMILIES)
    for name, words in named.items():
        labels = FAMILIES[name][1]
        # where the log line has the words, the page only names the labels
        assert words in ([*labels], [w for label, values in labels.items() for w in (label, *(values or ()))]), (name, words)
    assert re.findall(r"^\| `(Batv\w+)` \|", page, re.M) == re.findall(r"alert: (\w+)", RULES.read_text())
    assert set(re.findall(r"^\| `([a-z0-9.-]+)`(?:, `([a-z0-9.-]+)`)? \|", page, re.M)) == {("icinga2.conf", "nagios.cfg")} | {
        (file.name, "") for file in HERE.iterdir() if file.name not in ("icinga2.conf", "nagios.cfg")}


# -- Grafana

def test_dashboard(lab):
    """Its queries are PromQL, and ask for nothing that does not exist; its panels do not lie on one another."""
    board = json.loads((HERE / "grafana.json").read_text())
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    cells = [(x, y) for p in panels for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
             for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])]
    assert len(set(cells)) == len(cells) and all(x < 24 for x, _ in cells)
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    expressions += [variable["definition"] for variable in board["templating"]["list"] if variable["type"] == "query"]
    for expression in expressions:
        known(expression)
    queries = [e.replace("$__rate_interval", "5m").replace("$instance", ".*") for e in expressions if not e.startswith("label_values(")]
    assert not any("$" in query for query in queries), queries
    rules = [{"record": f"r{i}", "expr": query} for i, query in enumerate(queries)]
    file = lab.write("queries.yml", json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"SUCCESS: {len(rules)} rules found" in checked("check", "rules", file)
    # no metric is forgotten that somebody would look for
    shown = set().union(*map(metric_names, expressions))
    assert {name for name in FAMILIES if name.endswith("_total")} - shown == {"batv_memory_items_total", "batv_recall_total"}


# -- Munin, logcheck, Icinga, Nagios: with a real Exim

SECOND = "2026-11-22 10:00:00 1xX1XU-00089x-2S "


class TestServer(Ours):
    def setup(self):
        self.lab.clock.set(1_900_000_000)
        self.batv = Batv(self.lab, conf=CONF + "enforcement = reject\nmemory_capacity = 1k\nflood_base = 20\n[policy mild]\n"
                         "domains = mild.test\nenforcement = observe\n",
                         exim=f"{self.lab.dir}/ours/bin/exim -C {self.lab.dir}/ours/exim.conf")
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, local_domains="test : mild.test")
        self.batvctl = self.lab.write("batvctl", f'#!/bin/sh\nexec "{BUILD}/batvctl" -c "{self.batv.conf_path}" "$@"\n', mode=0o755)
        self.tag = self.tag_of(message_id="sent@mua.test")
        for rcpt in self.tag, "alice@test", "alice@mild.test", self.batv.sign("bob@test").replace("=bob@", "=carol@"):
            self.ours.inject("", rcpt, bounce(rcpt), STRANGER)
        self.ours.inject("", "alice@test", out_of_office(In_Reply_To="<sent@mua.test>"), STRANGER)
        self.ours.inject("", "alice@test", mdn(), STRANGER)
        wait_until(lambda: len(batv_lines(self.ours)) == 6, 15, "six decisions")

    # Munin

    def munin(self, *argv, **env):
        done = self.lab.run(["/bin/sh", HERE / "munin", *argv], env={"batvctl": str(self.batvctl), **env})
        assert not done.stderr, done
        return done.stdout

    def graphs(self, text, pattern):
        """{graph: {field: what the pattern finds}}"""
        found = {}
        for line in text.splitlines():
            if line.startswith("multigraph "):
                found[line[11:]] = graph = {}
            elif match := re.fullmatch(pattern, line):
                graph[match[1]] = match[2]
        return found

    def test_munin(self):
        assert self.munin("autoconf") == "yes\n"
        assert self.munin("autoconf", batvctl="/not/there") == "no (/not/there not found)\n"
        labels = self.graphs(self.munin("config"), r"([a-z]+)\.label (.+)")
        values = self.graphs(self.munin(), r"([a-z]+)\.value (U|\d+(?:\.\d+)?)")
        assert {g: list(f) for g, f in labels.items()} == {g: list(f) for g, f in values.items()}
        lines = batv_lines(self.ours)
        failed = [line["action"] for line in lines if line["verdict"] in ("missing", "expired", "forged")]
        bounces, outgoing, health = values["batv_bounces"], values["batv_outgoing"], values["batv_health"]
        assert int(bounces["refused"]) == failed.count("reject") > 0 and int(bounces["spared"]) == failed.count("mark") > 0
        assert int(bounces["ours"]) == sum(line["verdict"] in ("valid", "remembered") for line in lines) == 2
        assert outgoing["signed"] == "1" and outgoing["untagged"] == "0"
        status = self.batv.json("status")
        days = (status["keys_end"] - self.lab.clock.now()) / DAY
        assert abs(float(health["keys"]) - days) < 0.1 and health["state"] == health["daemon"] == "1" and health["problems"] == "0"
        assert int(health["refusing"]) == status["refusing"] == 1

    def test_munin_without_a_state(self):
        """Nothing is invented: what is not known is U."""
        nowhere = self.lab.write("nowhere.conf", "directory = /not/there\n")
        batvctl = self.lab.write("batvctl-nowhere", f'#!/bin/sh\nexec "{BUILD}/batvctl" -c "{nowhere}" "$@"\n', mode=0o755)
        assert self.munin("autoconf", batvctl=str(batvctl)).startswith("no (no usable state")
        values = self.graphs(self.munin(batvctl=str(batvctl)), r"([a-z]+)\.value (U|\d+(?:\.\d+)?)")
        assert set(values["batv_bounces"].values()) == set(values["batv_outgoing"].values()) == {"U"}, values
        assert values["batv_health"]["state"] == "0" and values["batv_health"]["keys"] == "U"

    # logcheck

    def reported(self, lines):
        """Those of the lines that logcheck would report: it takes comments out of the rules, and runs grep."""
        rules = [rule for rule in (HERE / "logcheck").read_text().splitlines() if rule and not rule.startswith("#")]
        file = self.lab.write("rules", "".join(rule + "\n" for rule in rules))
        done = subprocess.run(["grep", "--text", "-E", "-v", "-f", file], input="".join(line + "\n" for line in lines), capture_output=True,
                              text=True, timeout=60, env={**os.environ, "LC_ALL": "C"})
        assert not done.stderr, done
        return done.stdout.splitlines()

    def test_logcheck_decisions(self):
        """Every line so far is routine; and as other log selectors write it."""
        lines = self.ours.mainlog(OUR_LINE) + self.ours.mainlog("rejected by local_scan|rejected after DATA")
        assert len(lines) > 6 and self.reported(lines) == [], self.reported(lines)
        day, clock, rest = lines[0].split(" ", 2)
        forms = [f"{day} {clock}.123 +0100 [4711] {rest}", f"{day} {clock} -0330 {rest}", f"{day} {clock} [1] {rest}"]
        assert self.reported(forms) == [], self.reported(forms)

    def test_logcheck_batvd(self):
        said = [line.removeprefix("batvd: ") for line in self.batv.log()]
        routine = [line for line in said if re.match("published|ready|.*read the changed", line)]
        assert len(routine) >= 2
        for head in "Nov  2 10:00:00 mx batvd[4711]: ", "2026-11-22T10:00:00.123456+01:00 mx1.example.com batvd[4711]: ":
            assert self.reported([head + line for line in routine]) == []
            lines = [head + line for line in said if "made a new secret" in line]
            assert self.reported(lines) == lines != []

    # Icinga and Nagios

    def check_of(self, file):
        """The command of the definition, run as it is there, without sudo and with our configuration."""
        text = (HERE / file).read_text()
        if file == "icinga2.conf":
            assert text.count("{") == text.count("}")
            words = json.loads(re.search(r"^  command = (\[.*\])$", text, re.M)[1])
        else:
            assert text.count("define ") == text.count("}") == 2
            assert re.search(r"command_name +(\S+)", text)[1] == re.search(r"check_command +(\S+)", text)[1]
            assert "-c check_batv " in text
            words = shlex.split(re.search(r"command\[check_batv\]=(.*)$", text, re.M)[1])
        allowed = re.search(r"NOPASSWD: (.*)$", text, re.M)[1]
        assert words[:2] == ["/usr/bin/sudo", "-n"] and " ".join(words[2:]) == allowed, words
        return self.lab.run([self.batvctl, *words[3:]], check=False)

    def test_nagios(self):
        for file in "icinga2.conf", "nagios.cfg":
            done = self.check_of(file)
            assert done.returncode == 0 and re.match(r"BATV OK - .* \| signed=\d+c ", done.stdout), done
        self.batv.observe_file(True)
        done = self.check_of("nagios.cfg")
        assert done.returncode == 1 and done.stdout.startswith("BATV WARNING - "), done
        self.batv.observe_file(False)

    def test_z_logcheck_problems(self):
        """Floods, foreign mail, doubt and trouble are reported, and what a stranger writes hides none of it."""
        for _ in range(25):
            self.ours.inject("", self.tag, bounce(self.tag, message_id="nobody@knows.test"), STRANGER)
        self.ours.inject("", "alice@test", signed_elsewhere("test", "e1.1@service.test"), STRANGER)
        if self.ours.installation.local_scan:
            assert self.ours.mainlog(OUR_LINE + "flood=") and batv_lines(self.ours, action="defer")
        self.batv.stop()
        self.lab.clock.advance(60 * DAY)
        self.ours.inject("", "alice@test", bounce("alice@test"), STRANGER)
        assert batv_lines(self.ours, reason="doubt")
        self.ours.inject("alice@test", "x@theirs.test", make_message("alice@test", "x@theirs.test"))
        self.ours.wait_log(OUR_LINE + "doubt=left:no-key")
        (self.batv.state_dir / "state").unlink()
        self.ours.inject("", "alice@test", bounce("alice@test"), STRANGER)
        self.ours.wait_log(OUR_LINE + "trouble=state")
        lines = self.ours.mainlog(OUR_LINE)
        trouble = [line for line in lines if re.match(OUR_LINE + "(?!verdict=)", line) or re.search(" reason=(doubt|lost-secret)| action=defer", line)]
        assert self.reported(lines) == trouble and len(trouble) >= 4, (self.reported(lines), trouble)
        # a stranger's HELO, subject and address
        whole = self.ours.mainlog(OUR_LINE + "verdict=")[0]
        ours = re.sub(OUR_LINE, "batv: ", whole)
        forged = [f'{SECOND}<= eve@theirs.test H=x [192.0.2.1] P=esmtp S=300 T="{whole}"', f"{SECOND}H=({ours}) [192.0.2.1] F=<> rejected RCPT <x@test>: no", f"{SECOND}Subject: {ours}",
                  f"{SECOND}batv: trouble=state action=x {ours}", f"{SECOND}{ours} trouble=state action=x see batvctl status",
                  f"{SECOND}F=<> H=(a rejected by local_scan(): 5.7.1 x) [192.0.2.1] temporarily rejected RCPT: no"]
        assert self.reported(forged) == forged
