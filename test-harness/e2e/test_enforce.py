"""batvctl enforce: another mode for a domain or for all, at once, and for a while."""

import time

from lab import *
from batv import *

START = 1_900_000_000                   # 2030-03-17 17:46:40 UTC
HOUR = 3600
STRANGER = "127.0.0.9"
NAMED = CONF.replace("+local_domains", "test : other.test : bücher.test").replace("own_hosts", "enforcement = reject\nown_hosts")


def utc(when):
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


def exactly(when):
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(when))


def overrides(batv):
    """The file's lines, without its head and who it was."""
    path = batv.state_dir / "overrides"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")]


def end_of(batv, line, after):
    """The time in the file, AFTER seconds from the start of the test, or a little more."""
    [until] = [int(text.rsplit(" ", 1)[1]) for text in overrides(batv) if text.startswith(line)]
    assert START + after <= until < START + after + 60, until
    return until


class Site:
    def __init__(self, lab, conf=NAMED, **batv):
        lab.clock.set(START)
        self.clock = lab.clock
        self.batv = Batv(lab, conf=conf, **batv)
        self.exim = batv_exim(lab, self.batv, Sink(lab), local_domains="test : other.test")

    def meets(self, domain="test"):
        """What a forged bounce meets on the wire and in the log."""
        rcpt = f"alice@{domain}"
        code = self.exim.inject("", rcpt, bounce(rcpt), source=STRANGER).data.code
        line = batv_lines(self.exim)[-1]
        assert line["verdict"] == "missing" and (line["action"], code) in (("reject", 550), ("mark", 250)), line
        return line["action"], line["reason"]

    def enforce(self, *argv, **run):
        return self.batv.ctl("enforce", *argv, **run)


REFUSED, OBSERVED = ("reject", "-"), ("mark", "observe")


def test_one_domain_for_a_while(lab):
    """From refused to observed when the command returns; refused again when its time is over."""
    site = Site(lab)
    assert site.meets() == REFUSED
    out = site.enforce("observe", "test", "--for", "3d").stdout
    end = end_of(site.batv, "enforcement test observe", 3 * 86400)
    assert out.splitlines() == [
        "test", "  was  refusing: policy default has enforcement = reject; nothing changes by itself",
        f"  now  observing until {utc(end)}, by batvctl enforce; then: refusing: policy default has enforcement = reject; "
        "nothing changes by itself", "batvd has published it"], out
    assert site.meets() == OBSERVED and site.meets("other.test") == REFUSED
    status = site.batv.status().stdout
    assert f"Set by batvctl\n  test: enforcement observe until {exactly(end)} (" in status, status
    assert site.batv.json("status")["overrides"] == [
        {"key": "enforcement", "domain": "test", "enforcement": "observe", "until": end,
         "who": site.batv.json("status")["overrides"][0]["who"]}]
    site.clock.advance(3 * 86400 - 120)
    assert site.meets() == OBSERVED
    site.clock.advance(180)
    assert site.meets() == REFUSED
    assert site.batv.json("status")["overrides"] == []
    said = [line for line in site.batv.log() if "batvctl: enforcement" in line]
    assert said == ["batvd: set by batvctl: enforcement test observe",
                    "batvd: ended or changed, by time or by batvctl: enforcement test observe"], said


def test_an_armed_domain_comes_back(lab):
    """While it observes by enforce, it keeps what it had gathered."""
    site = Site(lab, CONF.replace("+local_domains", "test") + "key_rotation = 1d\nkey_retention = 1d\ngrace = 1d\n")
    prove(site.batv, site.exim)
    site.clock.advance(86400)
    site.clock.advance(3600)
    assert site.meets() == REFUSED
    out = site.enforce("observe", "test", "--for", "1h").stdout
    assert ", by batvctl enforce; then: refusing since " in out, out
    assert site.meets() == OBSERVED
    [domain] = site.batv.json("status")["domains"]
    assert (domain["mode"], domain["armed"]) == ("observe", True), domain
    site.clock.advance(3660)
    assert site.meets() == REFUSED


def test_all_domains(lab):
    """As the file observe does, with an end; nothing else wins over it."""
    site = Site(lab)
    site.enforce("reject", "test", "--for", "1h")
    out = site.enforce("observe", "--for", "2h").stdout
    end = end_of(site.batv, "enforcement * observe", 2 * HOUR)
    assert f"all domains\n  now  observing until {exactly(end)}: nothing is refused\n" in out, out
    assert site.meets() == OBSERVED and site.meets("other.test") == OBSERVED
    out = site.enforce("reject", "test").stdout
    assert "  but  nothing is refused before batvctl enforce auto: all domains observe\n" in out, out
    assert site.meets() == OBSERVED
    site.enforce("reject")              # what the configuration says: the line goes
    assert overrides(site.batv) == ["enforcement test reject -"]
    assert site.meets() == REFUSED and site.meets("other.test") == REFUSED


def test_without_a_daemon(lab):
    """It is published by batvctl itself.  A refusal ends with its time; an observation needs batvd for that."""
    site = Site(lab, NAMED.replace("reject", "observe"))
    site.batv.stop()
    out = site.enforce("reject", "test", "--for", "1h").stdout
    assert "published, but batvd is not running; start it" in out, out
    site.enforce("observe", "other.test", "--for", "1h")
    assert site.meets() == REFUSED and site.meets("other.test") == OBSERVED
    site.clock.advance(HOUR + 60)
    assert site.meets() == OBSERVED and site.meets("other.test") == OBSERVED


def test_what_is_refused(lab):
    """One clear line, the right exit status, and nothing changed."""
    site = Site(lab)
    for argv, code, message in [
            (["off"], 2, "enforce: expected auto, observe or reject, not off"),
            (["reject", "a b"], 2, "enforce: expected a domain such as example.org, not a b"),
            (["reject", "*"], 2, "enforce: expected a domain such as example.org, not *"),
            (["reject", "--for", "3"], 2, "enforce: --for: expected a time such as 3d or 12h, from 1m to 366d, not 3"),
            (["reject", "--for", "5s"], 2, "enforce: --for: expected a time such as 3d or 12h, from 1m to 366d, not 5s"),
            (["reject", "--for", "367d"], 2, "enforce: --for: expected a time such as 3d or 12h, from 1m to 366d, not 367d"),
            (["auto", "--anyway"], 2, "enforce: --anyway needs auto and a domain: batvctl enforce auto --anyway example.org"),
            (["reject", "--anyway", "test"], 2, "enforce: --anyway needs auto and a domain: batvctl enforce auto --anyway "
             "example.org"),
            (["observe", "test", "strange.test"], 1, "enforce: strange.test is not protected, nothing was changed; `domains` "
             f"in {site.batv.conf_path} does not have it")]:
        done = site.enforce(*argv, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", f"batvctl: {message}\n"), done
    assert overrides(site.batv) == [] and site.meets() == REFUSED
    assert site.batv.json("enforce", "off") == {"schema": 1, "error": "enforce: expected auto, observe or reject, not off"}


def test_other_forms_of_a_domain(lab):
    site = Site(lab)
    answer = site.batv.json("enforce", "observe", "@Other.TEST", "bücher.test", "--for", "1d")
    assert (answer["schema"], answer["asked"], answer["until"], answer["published"]) == (
        1, "observe", end_of(site.batv, "enforcement other.test observe", 86400), True), answer
    assert [d["domain"] for d in answer["domains"]] == ["other.test", "xn--bcher-kva.test"], answer
    assert site.meets("other.test") == OBSERVED
    site.enforce("reject", "other.test", "bücher.test")
    assert overrides(site.batv) == []


def test_auto_and_anyway(lab):
    """auto takes the place of the configuration's reject; --anyway is published for arming."""
    site = Site(lab)
    out = site.enforce("auto", "--anyway", "test").stdout
    assert "now  observing: no signed mail has left" in out, out
    assert overrides(site.batv) == ["enforcement test auto -", "anyway test - -"]
    assert "override anyway test - 0" in (site.batv.state_dir / "state").read_text().splitlines()
    assert site.meets() == ("mark", "not-armed")
    site.enforce("auto", "test")
    assert overrides(site.batv) == ["enforcement test auto -"]
    site.enforce("reject", "test")
    assert overrides(site.batv) == [] and site.meets() == REFUSED


def test_a_damaged_file(lab):
    """The published modes stay in force, until their time; batvd, status and enforce name the line."""
    site = Site(lab)
    site.enforce("observe", "test", "--for", "1d")
    path = site.batv.state_dir / "overrides"
    with open(path, "a") as file:
        file.write("enforcement other.test never - root\n")
    message = f"{path}:3: expected auto, observe or reject"
    wait_until(lambda: any(message in line for line in site.batv.log()), 15, "batvd to say it")
    assert site.meets() == OBSERVED and site.meets("other.test") == REFUSED
    assert any(p.startswith(message) for p in site.batv.json("status")["problems"])
    done = site.enforce("observe", "other.test", check=False)
    assert done.returncode == 3 and done.stderr.startswith(f"batvctl: {message}; "), done
    site.batv.stop()
    site.batv.start()
    assert site.meets() == OBSERVED
    site.clock.advance(86400 + 60)
    assert site.meets() == REFUSED
    path.unlink()
    wait_until(lambda: any("the file overrides is in order again" in line for line in site.batv.log()), 20, "batvd to see it")


def test_signing_off(lab):
    """`signing * off` does what signing = off does, and is a break."""
    site = Site(lab, CONF.replace("+local_domains", "test"))
    assert site.batv.json("sign", "alice@test")["answer"] == "signed"
    lab.write(site.batv.state_dir / "overrides", "signing * off - root\n", mode=0o640)
    wait_until(lambda: "override signing * off 0" in (site.batv.state_dir / "state").read_text().splitlines(), 15, "a state")
    assert site.batv.json("sign", "alice@test")["answer"] == "left:off"
    status = site.batv.json("status")
    assert status["state"]["breaks"][0]["why"] == "signing was switched off" and not status["state"]["policies"][0]["signing"]
    assert status["overrides"] == [{"key": "signing", "domain": "*", "enforcement": None, "until": None, "who": "root"}]
    (site.batv.state_dir / "overrides").unlink()
    wait_until(lambda: "override signing * off 0" not in (site.batv.state_dir / "state").read_text().splitlines(), 15, "it to end")
    assert site.batv.json("sign", "alice@test")["answer"] == "signed"
