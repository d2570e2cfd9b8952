"""batvctl doctor: each check is broken once, and nothing else, in a real Exim that loads batv.so."""

import contextlib
import json
import os
import re

from lab import *
from batv import CONF, Batv, batv_exim, is_signed, prove
from kinds import HEAVY
from lab_debian import Installation
from lab_dns import Dns

SNIPPETS = TOP / "exim-snippets"
ACL = f".include {SNIPPETS}/acl-rcpt.conf\n"


class Place:
    """One installation where all is well.  edit() and the functions below break one thing, and repair it at their end."""

    def __init__(self, lab):
        self.lab = lab
        lab.clock.start()
        self.batv = Batv(lab, conf=CONF, kind=HEAVY)
        self.installation = Installation(lab, "ours", kind=HEAVY)
        self.sink = Sink(lab)
        self.exim = batv_exim(lab, self.batv, self.sink, installation=self.installation, start=False, rcpt_last=ACL,
                              main="BATV_RECEPTION = no\n", local_domains="test : ours.test")
        self.batv.exim = f"{self.exim.binary} -C {self.exim.config_path}"
        self.batv.set(CONF)

    def doctor(self, *argv):
        done = self.batv.ctl("doctor", *argv, "--json", check=False, timeout=150)
        assert done.returncode in (0, 1, 3) and (not done.stderr or done.stderr.startswith("batvctl: warning: ")), done
        answer = json.loads(done.stdout)
        assert done.returncode == (1 if answer["to_do"] else 3 if answer["could_not_look"] else 0), done
        return answer

    @contextlib.contextmanager
    def edit(self, old, new="", count=1):
        """Exim's configuration with NEW instead of OLD."""
        text = self.exim.config_path.read_text()
        assert text.count(old) >= 1, old
        self.lab.write(self.exim.config_path, text.replace(old, new, count))
        yield
        self.lab.write(self.exim.config_path, text)

    @contextlib.contextmanager
    def mode(self, name, mode):
        path = self.batv.state_dir / name
        before = path.stat().st_mode
        path.chmod(mode)
        yield
        path.chmod(before & 0o7777)

    @contextlib.contextmanager
    def content(self, path, text):
        """Another file at PATH; None: no file."""
        aside = path.with_name(path.name + ".aside")
        there = path.exists()
        if there:
            path.rename(aside)
        if text is not None:
            self.lab.write(path, text)
        yield
        path.unlink(missing_ok=True)
        if there:
            aside.rename(path)

    @contextlib.contextmanager
    def conf(self, text=CONF, **settings):
        self.batv.set(text, **settings)
        yield
        self.batv.set(CONF)

    @contextlib.contextmanager
    def kept(self, command, item):
        self.batv.ctl(command, "add", item)
        yield
        self.batv.ctl(command, "remove", item)

    @contextlib.contextmanager
    def no_exim(self):
        command, self.batv.exim = self.batv.exim, "none"
        self.batv.set(CONF)
        yield
        self.batv.exim = command
        self.batv.set(CONF)

    @contextlib.contextmanager
    def wrong_conf(self):
        self.batv.conf(CONF, grace="never")
        yield
        self.batv.set(CONF)

    @contextlib.contextmanager
    def clock(self, seconds):
        """Another time, which batvd is not told of."""
        steps, self.lab.clock.on_step = self.lab.clock.on_step, []
        self.batv.daemon.freeze()
        self.lab.clock.jump(seconds)
        yield
        self.lab.clock.jump(-seconds)
        self.batv.daemon.thaw()
        self.lab.clock.on_step = steps

    @contextlib.contextmanager
    def stopped(self):
        self.batv.stop()
        yield
        self.batv.start()

    @contextlib.contextmanager
    def refusing_smarthost(self):
        self.sink.answer("mail", "550 5.1.7 sender address rejected", match="prvs=")
        self.exim.submit("alice@test", "x@theirs.test", "Subject: x\n\nx\n")
        self.sink.forget()
        yield
        (self.exim.dir / "log/mainlog").unlink()

    @contextlib.contextmanager
    def refusing(self):
        """A domain has refused for more than an hour."""
        self.batv.set(CONF, notify="alice@test", grace="0s")
        self.exim.start()
        prove(self.batv, self.exim, "ours.test")
        self.exim.stop()
        self.batv.reload()
        with self.clock(7200):
            yield
        self.batv.set(CONF)

    @contextlib.contextmanager
    def busy_memory(self):
        self.batv.set(CONF, memory_capacity="1k")
        self.batv.ctl("remember", "-", input="".join(f"<{n}@x> alice@test\n" for n in range(1200)), check=False)
        yield


def breaks(p):
    """id: (how, answer, what its lines say, other checks that it must touch)."""
    fleet = {"fleet": "mail.example", "fleet_servers": "unix:/none", "fleet_directory": p.lab.mkdir("no-fleet")}
    sign, unsign = f".include {SNIPPETS}/transport-sign.conf\n", f".include {SNIPPETS}/router-unsign.conf\n"

    @contextlib.contextmanager
    def together(*contexts):
        with contextlib.ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            yield

    return [
        ("exim-found", p.no_exim(), "could-not-look", "exim = none", ()),
        ("exim-config", p.edit("begin acl", "nonsense = 3\nbegin acl"), "fail", "nonsense", ()),
        ("module-missing", p.content(p.installation.so, None), "fail", "451", ()),
        ("module-abi", p.content(p.installation.so, "rubbish"), "fail", "does not load", ("route",)),
        ("local-scan", p.content(p.installation.include, None), "fail", "nothing judges bounces", ()),
        ("transport-signs", p.edit(sign), "fail", "mail leaves untagged by transport remote_smtp", ()),
        ("signs-twice", p.edit("aliases:\n", "aliases:\n  errors_to = ${prvs{$return_path}{secret}}\n"), "fail",
         "router aliases: errors_to", ()),
        ("errors-to", p.edit(unsign), "fail", "Exim ignores the signed errors_to of router remote", ("route",)),
        ("pieces-order", together(p.content(p.installation.include, None),
                                  p.edit(unsign, "first:\n  driver = redirect\n  domains = nowhere.test\n  data = a@b\n" + unsign)),
         "fail", "router first sees signed addresses first", ("local-scan",)),
        ("route-domain", p.conf(CONF.replace("+local_domains", "+local_domains : shop.example")), "fail",
         "BATV_DOMAINS = +local_domains : +relay_to_domains : shop.example", ()),
        ("acl-rcpt", p.edit(ACL), "warn", "gets one answer", ()),
        ("cutthrough", p.edit("lab_rcpt:\n", "lab_rcpt:\n  warn control = cutthrough_delivery\n", 2), "fail",
         str(p.exim.config_path), ()),
        ("prdr", p.edit("begin acl", "prdr_enable = true\nacl_smtp_data_prdr = lab_rcpt\nbegin acl"), "warn", "acl_smtp_data_prdr", ()),
        ("unsigned-batch", together(p.conf(unsigned_destinations="*@lists.test"), p.edit(f".include {SNIPPETS}/router-sign.conf\n")),
         "warn", "multi_domain = false", ("errors-to",)),
        ("unsigned-hosts", together(p.conf(unsigned_hosts="127.0.0.7"), p.edit(sign), p.edit("begin acl", "domainlist batv_sign = *\nbegin acl")),
         "warn", "mail to unsigned_hosts leaves signed by remote_smtp", ("transport-signs",)),
        ("unsigned-hosts", together(p.kept("unsigned", "127.0.0.7"), p.edit(sign), p.edit("begin acl", "domainlist batv_sign = *\nbegin acl")),
         "warn", "unsigned_hosts (127.0.0.7)", ("transport-signs",)),
        ("route", p.edit(unsign, "batv_unsign:\n  driver = redirect\n  domains = nowhere.test\n  data = a@b\n"), "fail",
         "postmaster@ours.test", ()),
        ("config", p.wrong_conf(), "fail", 'grace: expected a time', ("exim-found",)),
        ("daemon", p.stopped(), "fail", "systemctl start batvd", ()),
        ("state-readable", p.mode("memory", 0o440), "fail", "cannot write to the memory", ()),
        ("state-age", p.clock(90 * DAY), "fail", "ended on", ()),
        ("secret-mode", p.mode("secret", 0o640), "fail", "batvctl rotate --revoke", ()),
        ("clock", p.clock(-7200), "fail", "mail leaves unsigned", ()),
        ("notify", p.conf(notify="nobody@test"), "warn", "nobody@test, which notify names, would not arrive", ()),
        ("notify", p.refusing(), "warn", "ours.test refuses, and alice@test was not told", ()),
        ("local-parts", p.content(p.exim.dir / "aliases", f"{'x' * 49}: alice\n{'y' * 48}: alice\n"), "warn", "1 local part is", ()),
        ("package-leftovers", p.content(p.batv.conf_path.with_name("exim-batv.conf.dpkg-dist"), "x"), "warn", "diff ", ()),
        ("log-selector", p.edit("+received_recipients"), "warn", "+received_recipients", ()),
        ("smarthost", p.refusing_smarthost(), "fail", "550 5.1.7 sender address rejected", ()),
        ("memory-full", p.busy_memory(), "fail", "memory_capacity", ()),     # last but for these: the memory stays full, and is a new file
        ("fleet-daemon", p.conf(**fleet), "fail", "systemctl enable --now batv-fleet", ("memory-full", "fleet-journal")),
        ("fleet-journal", p.conf(**fleet), "warn", "batvd makes a file with one when memory is no longer asked, by 20", ("memory-full", "fleet-daemon")),
    ]


@timeout(480)
def test_each_check_alone(lab):
    p = Place(lab)
    well = p.doctor()
    assert not [f for f in well["findings"] if f["answer"] != "ok"], well["findings"]
    wrong = []
    for check, how, answer, words, others in breaks(p):
        with how:
            told = p.doctor()
        said = [f for f in told["findings"] if f["id"] == check and f["answer"] == answer]
        if not said or words not in json.dumps(said, ensure_ascii=False) or not all(f["why"] and f["fix"] for f in said):
            wrong.append(f"{check} is not {answer} with {words!r}: {[f for f in told['findings'] if f['answer'] != 'ok']}")
        # what needs the broken thing may be silent
        also = [c for c, before in well["checks"].items()
                if c != check and c not in others and told["checks"][c] not in (before, None)]
        if also:
            wrong.append(f"{check} broke {also}, too: {[f for f in told['findings'] if f['id'] in also]}")
    assert not wrong, "\n".join(wrong)
    assert {**p.doctor()["checks"], "memory-full": "ok"} == well["checks"]


# -- what it prints

def golden(lab, name, text):
    """TEXT must be that of golden/NAME; GOLDEN=1 writes it."""
    path = TOP / "test-harness/e2e/golden" / name
    if os.environ.get("GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, text


def masked(lab, text):
    """TEXT without what differs from run to run; a path may have moved what comes after it on its line."""
    text = text.replace(str(lab.dir), "/LAB")
    text = re.sub(r"user \d+", "user N", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", text)
    text = re.sub(r" +(\[[a-z-]+\])$", r" \1", text, flags=re.M)
    text = re.sub(r"\n {11}(?=\S)", " ", text)      # one line for each text
    return text.replace(str(TOP), "/TOP")


@timeout(120)
def test_the_output(lab):
    p = Place(lab)
    text = p.batv.ctl("doctor").stdout
    assert re.fullmatch(r"(ok    .*\[[a-z-]+\]\n)+\d+ ok, 0 to do, 0 advice\n", text), text
    short = [line for line in text.splitlines()[:-1] if "/tmp/" not in line]
    assert {len(line) for line in short} == {80}, short
    quiet = p.batv.ctl("doctor", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", ""), quiet
    with p.edit(f".include {SNIPPETS}/transport-sign.conf\n"), p.edit(ACL), p.mode("secret", 0o644):
        done = p.batv.ctl("doctor", "--quiet", check=False)
        golden(lab, "doctor.txt", masked(lab, done.stdout))
        assert done.returncode == 1
        assert "\033" not in p.batv.ctl("doctor", check=False, env={"NO_COLOR": "1"}).stdout
        colored = p.batv.ctl("doctor", "--color=always", check=False).stdout
        assert "\033[1;31mFAIL\033[0m  mail leaves" in colored and re.sub(r"\033\[[0-9;]*m", "", colored) == \
            p.batv.ctl("doctor", check=False).stdout
    with p.edit(ACL):
        assert p.batv.ctl("doctor", "--quiet").stdout.endswith(" ok, 0 to do, 1 advice\n")     # advice is status 0


@timeout(60)
def test_only_exims_own_lines_count(lab):
    """A stranger's subject, address or HELO is not a refusal."""
    p = Place(lab)
    refusal = "** x@theirs.test F=<alice@test> P=<prvs=2798abcdef=alice@test> R=r T=t H=mx.theirs.test [192.0.2.1]: SMTP error from remote " \
              "mail server after MAIL FROM:<prvs=2798abcdef=alice@test> SIZE=1: 550 no"
    head, id = "2026-11-27 14:20:00", "1xX4e8-000016-0U"
    for line, counts in (
            (f"{head} {id} {refusal}", True), (f"{head}.123 +0100 [123] {id} {refusal}", True),
            (f"{head} 1xX4e8-00000000016-0U0u {refusal.replace('after MAIL', 'after pipelined MAIL')}", True),
            (f'{head} {id} <= x@theirs.test H=(x) [192.0.2.1] P=esmtp S=9 T="{refusal}"', False),
            (f"{head} H=({refusal}) [192.0.2.1] rejected", False), (refusal, False), (f"{head} {refusal.replace('prvs=2798abcdef=', '')}", False),
            (f"{head} {id} == {refusal[3:]}", False), (f"{head} a b c d {refusal}", False), (head, False), (f"{head} {id} **", False),
            (f"{head} {id} {refusal.split(' after ')[0]}", False)):
        with p.content(p.exim.dir / "log/mainlog", f"{head} start\n{line}\n"):
            assert p.doctor()["checks"]["smarthost"] == ("fail" if counts else "ok"), line


# -- another server

@timeout(120)
def test_against_another_server(lab):
    p = Place(lab)
    path = lab.dir / "other.json"

    def told(change=lambda status: None):
        status = p.batv.json("status")
        change(status["state"])
        lab.write(path, json.dumps(status))
        return [(f["answer"], f["what"]) for f in p.doctor("--against", path)["findings"] if f["id"] == "peers"]

    p.batv.ctl("secret", "export")      # so that it is shared
    with p.no_exim():       # Exim need not be asked for this
        assert told() == [("ok", "the other server has the same secret and the same policies")]
        for change, answer, what in (
                (lambda s: s.update(fingerprint="0123456789abcdef"), "fail", "the two servers have different secrets"),
                (lambda s: s.update(shared=False), "fail", "the secret is not marked as shared on the other server"),
                (lambda s: s.update(written=s["written"] + 4000), "fail", "the clocks of the two servers differ"),
                (lambda s: s.update(key_retention=86400), "warn", "key_retention is 7d here, and 1d there"),
                (lambda s: s["policies"][0].update(enforcement="reject"), "warn",
                 "policy default: enforcement is not the same on both servers"),
                (lambda s: s["policies"][0].update(domains="elsewhere.test"), "warn",
                 "policy default: domains is not the same on both servers"),
                (lambda s: s.update(policies=[]), "warn", "the other server has no policy default")):
            assert told(change) == [(answer, what)], told(change)
        for text in "", "[]", "{", '{"state": null}', "\0", '{"state": 3}':
            lab.write(path, text)
            assert p.doctor("--against", path)["checks"]["peers"] == "could-not-look", text
        for text in '{"state": {}}', '{"state": {"keys": 3, "policies": [1, {"name": 2}], "fingerprint": [], "written": "x"}}':
            lab.write(path, text)
            assert p.doctor("--against", path)["checks"]["peers"] in ("ok", "warn"), text
        assert p.doctor("--against", lab.dir / "none")["checks"]["peers"] == "could-not-look"


# -- files of the system, in a name space of its own

def in_its_own_system(p, mounts, *argv):
    """`doctor --json` where other files are at the paths of MOUNTS: {path: file or directory}."""
    needs_root("mounts")
    script = "".join(f"mount --bind {ours} {path} && " for path, ours in mounts.items())
    done = p.lab.run(["unshare", "-m", "sh", "-euc", f'{script} exec setpriv --reuid={p.lab.uid} --regid={p.lab.gid} '
                      '--clear-groups "$@"', "sh", BUILD / "batvctl", "-c", p.batv.conf_path, "doctor", "--json", *argv],
                     user="root", check=False)
    assert done.returncode in (0, 1, 3) and done.stdout, done
    return json.loads(done.stdout)


@timeout(120)
def test_the_log_is_kept_too_short(lab):
    p = Place(lab)
    logrotate = lab.mkdir("logrotate.d")
    mounts = {"/etc/logrotate.d": logrotate}
    for rule, answer, words in (
            ("/elsewhere/*log {\n daily\n rotate 3\n}\n%s/*log {\n  daily\n  rotate 10\n}\n", "warn", "the log goes back 10 days"),
            ('"%s/mainlog" %s/rejectlog {\n  weekly\n  rotate 6\n}\n', "ok", "42 days"),
            ("%s/mainlog {\n  compress\n}\n", "ok", "28 days"), ("# %s\n", None, "")):
        lab.write(logrotate / "exim4", rule.replace("%s", str(p.exim.dir / "log")))
        told = in_its_own_system(p, mounts)
        assert told["checks"]["log-retention"] == answer, told
        assert words in "".join(f["what"] for f in told["findings"] if f["id"] == "log-retention"), told


@timeout(60)
def test_the_hardware_clock(lab):
    p = Place(lab)
    sys = lab.mkdir("sys")
    rtc = lab.mkdir("sys", "rtc", "rtc0") / "since_epoch"
    for ahead, answer in ((30, "ok"), (-3 * DAY, "warn"), (3 * DAY, "warn")):
        lab.write(rtc, f"{int(lab.clock.now()) + ahead}\n")
        told = in_its_own_system(p, {"/sys/class": sys})
        assert told["checks"]["clock"] == answer, (ahead, told)
    assert "hardware" in json.dumps(told["findings"])


# -- the DNS

def serving(lab):
    """A name server at 127.0.0.53."""
    needs_root("port 53")
    dns = Dns(address="127.0.0.53").start()
    lab.on_close(dns.stop)
    lab.on_end(dns.socket.close)
    return dns


@timeout(180)
def test_dns(lab):
    p = Place(lab)
    dns = serving(lab)
    host = p.exim.hostname
    resolv = lab.write("resolv.conf", "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
    p.batv.set("domains = example.test\nown_hosts = 127.0.0.1\n")
    well = {("example.test", "TXT"): ["other text", "v=spf1 a:" + host + " -all"], (host, "A"): ["198.51.100.7"],
            ("_dmarc.example.test", "TXT"): ["v=DMARC1; p=reject; rua=mailto:d@example.test"], (host, "TXT"): ["v=spf1 a -all"],
            ("net.test", "TXT"): ["v=spf1 ip4:198.51.100.0/24 -all"], ("mx.net.test", "A"): ["198.51.100.7"],
            ("example.test", "MX"): ["mx.net.test"], ("loop.test", "TXT"): ["v=spf1 include:loop.test -all"]}
    checks = "spf", "spf-others", "dkim", "dmarc", "dmarc-policy", "helo-spf", "minus-all", "null-mx"

    def told(changes):
        dns.records = {key: value for key, value in {**well, **changes}.items() if value is not None}
        answer = in_its_own_system(p, {"/etc/resolv.conf": resolv}, "--dns")
        return {c: answer["checks"][c] for c in checks}, [f for f in answer["findings"] if f["id"] in checks]

    good = dict.fromkeys(checks, "ok") | {"minus-all": None,    # the memory is too young to know
                                             "dkim": None}         # Exim signs nothing
    answers, findings = told({})
    assert answers == good, findings
    spf, dmarc, mx = ("example.test", "TXT"), ("_dmarc.example.test", "TXT"), ("example.test", "MX")
    for changes, different, words in (
            ({spf: ["other text"]}, {"spf": "warn", "spf-others": None}, "has no SPF record"),
            ({spf: None}, {"spf": "warn", "spf-others": None}, "has no SPF record"),
            ({spf: ["v=spf1 a -all", "v=spf1 -all"]}, {"spf": "fail", "spf-others": None}, "2 SPF records"),
            ({spf: ["v=spf1 ip4:203.0.113.0/24 -all"]}, {"spf": "fail", "spf-others": None}, "does not name this host"),
            ({spf: ["v=spf1 ip4:203.0.113.0/24 a:" + host + " -all"]}, {"spf-others": "warn"}, "ip4:203.0.113.0/24"),
            ({spf: ["v=spf1 mx -all"]}, {}, "names this host"), ({spf: ["v=spf1 redirect=net.test"]}, {}, "names this host"),
            ({spf: ["v=spf1 ip4:198.51.0.0/17 ~all"]}, {}, "names this host"),
            ({spf: ["v=spf1 include:net.test ?all"]}, {}, "names this host"),
            ({spf: ["v=spf1 include:loop.test exists:%{i}.x.test -all"]}, {}, "has an SPF record"),
            ({dmarc: None}, {"dmarc": "warn", "dmarc-policy": None}, "v=DMARC1; p=none"),
            ({dmarc: ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, {"dmarc": "fail", "dmarc-policy": None}, "2 DMARC records"),
            ({dmarc: ["v=DMARC1; p=rejected; sp=reject; rua=mailto:a@b"]}, {"dmarc-policy": "fail"}, "no valid policy"),
            ({dmarc: ["v=DMARC1; p=reject; xrua=mailto:a@b; rua="]}, {"dmarc-policy": "warn"}, "rua=mailto:postmaster@example.test"),
            ({dmarc: ["v=DMARC1;P = None ; RUA = mailto:a@b"]}, {"dmarc-policy": "warn"}, "two weeks of reports"),
            ({dmarc: ["v=DMARC1; sp=none; p=quarantine; rua=mailto:a@b"], mx: ["", "mx.net.test"]}, {}, "example.test takes mail"),
            ({mx: [""]}, {"null-mx": "warn"}, "does not say that it sends none"),
            ({mx: [""], spf: ["v=spf1 -all"]}, {}, "takes no mail, and sends none"),
            ({(host, "TXT"): ["v=spf1 ip4:203.0.113.1 -all"]}, {"helo-spf": "fail"}, "bounces from here fail SPF"),
            ({(host, "TXT"): None}, {"helo-spf": "warn"}, f"{host} has no SPF record")):
        answers, findings = told(changes)
        assert answers == {**good, **different}, (changes, findings)
        assert words in json.dumps(findings), (words, findings)
    assert dns.asked.count(("loop.test", "TXT")) < 12       # the loop was left
    p.exim.submit("alice@example.test", "x@theirs.test", "Subject: x\n\nx\n")
    assert is_signed(p.sink.wait(1)[0].sender, "alice@example.test")
    answers, findings = told({mx: [""]})
    assert answers == {**good, "null-mx": "fail"} and "sends mail, and its DNS says" in json.dumps(findings), findings
    key = ("2026._domainkey.example.test", "TXT")
    with p.edit("remote_smtp:\n  driver = smtp\n", "remote_smtp:\n  driver = smtp\n  dkim_domain = example.test\n  dkim_selector = 2026\n"
                "  dkim_private_key = /etc/exim4/dkim.pem\n"):
        for texts, answer in (["v=DKIM1; k=rsa; p=MIIB"], "ok"), (["v=DKIM1; p="], "fail"), (None, "fail"):
            answers, findings = told({key: texts})
            assert answers == {**good, "dkim": answer}, findings
    dns.broken.add("example.test")
    assert told({})[0]["spf"] == "could-not-look"
    dns.broken.clear()
    # a month later nothing was sent
    p.batv.stop()
    lab.clock.advance(40 * DAY)
    p.batv.start()
    answers, findings = told({})
    assert answers["minus-all"] == "warn" and "v=spf1 -all" in json.dumps(findings), findings
    answers, findings = told({spf: ["v=spf1 -all"]})
    assert answers["minus-all"] == "ok" and answers["spf"] == "ok", findings
