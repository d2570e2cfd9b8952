"""batvctl test: two bounces are played to the real Exim, and what it said is told; nothing is kept."""

import hashlib
import re
from pathlib import Path

from lab import *
from batv import *
from kinds import ACL, HEAVY, LIGHT, REBUILT, chosen_kind
from lab_debian import DebianConfiguration

GOLDEN = Path(__file__).with_name("golden")
REFUSAL = "550 5.7.1 This is a bounce of mail that was not sent from here: its sender ad..."


class Site:
    def __init__(self, lab, kind=None, conf=CONF, exim=None, **config):
        self.lab = lab
        self.installation = Installation(lab, "ours", kind=kind or chosen_kind())
        self.batv = Batv(lab, conf=conf, kind=self.installation.kind,
                         exim=f"{lab.dir}/ours/bin/exim -C {lab.dir}/ours/exim.conf")
        self.exim = exim or batv_exim(lab, self.batv, Sink(lab), installation=self.installation, **config)

    def test(self, *argv):
        """Its exit status and lines, without what differs from one laboratory to the next."""
        done = self.batv.ctl("test", *argv, check=False)
        assert done.stderr == "", done
        text = re.sub(r"prvs=[0-9]{4}[0-9a-f]{6}=", "TAG=", done.stdout).replace(str(self.lab.dir), "LAB")
        return done.returncode, re.sub(r"^(exim +ok +)[0-9.]+, .*$", r"\1VERSION", text, flags=re.M)

    def line(self, name, *argv):
        """The exit status, and the lines that begin with NAME, with those below them."""
        code, text = self.test(*argv)
        found = re.search(rf"^{name}\b.*\n(?: {{19}} *.*\n)*", text, re.M)
        return code, re.sub(r" {2,}", " ", found[0]).strip() if found else text


def golden(name, text):
    path = GOLDEN / name
    if os.environ.get("GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"not as in {path}:\n{text}"


def sums(batv):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in batv.state_dir.iterdir()
            if path.name.startswith("memory")}


def test_what_it_says(lab):
    """The samples of the manual, with what Exim does on the wire beside them."""
    site = Site(lab, conf=CONF.replace("+local_domains", "test"))
    where = "" if chosen_kind() != ACL else "-acl"
    batv, exim = site.batv, site.exim
    code, text = site.test("Alice <alice@test>")
    golden(f"test-observing{where}.txt", text)
    assert code == 0
    assert exim.inject("", "alice@test", bounce("alice@test"), source="127.0.0.9").data.code == 250
    batv.set(CONF.replace("+local_domains", "test"), enforcement="reject")
    code, text = site.test("alice@test")
    golden(f"test-refusing{where}.txt", text)
    assert code == 0
    assert exim.inject("", "alice@test", bounce("alice@test"), source="127.0.0.9").data.code == 550
    code, text = site.test()
    golden(f"test-postmaster{where}.txt", text)
    assert code == 0
    answer = batv.json("test", "alice@test")
    assert (answer["schema"], answer["protected"], answer["true"]["code"], answer["true"]["verdict"], answer["forged"]["code"],
            answer["forged"]["verdict"], answer["armed"], answer["reaches"]) == (
        1, True, 250, "valid", 550, "missing", "reject", "alice@test"), answer


def test_nothing_is_kept(lab):
    site = Site(lab)
    site.batv.ctl("test", "alice@test")
    site.batv.stop()
    before, log, spool = sums(site.batv), site.exim.mainlog(), site.exim.spool_ids()
    for _ in range(3):
        site.batv.ctl("test", "alice@test")
    assert (sums(site.batv), site.exim.mainlog(), site.exim.spool_ids()) == (before, log, spool)
    assert not site.exim.mailbox("alice")


def test_addresses(lab):
    site = Site(lab)
    assert site.line("address", "nobody@test") == (
        1, "address TO DO nobody@test does not exist here: Unrouteable address\n "
        "batvctl test USER@DOMAIN, with an address that does")
    assert site.line("address", "alice@elsewhere.test") == (
        1, "address TO DO alice@elsewhere.test is not protected: no policy has elsewhere.test in domains\n "
        f"domains in LAB/batv/exim-batv.conf")
    done = site.batv.ctl("test", "nonsense", check=False)
    assert done.returncode == 2 and done.stderr.startswith("batvctl: test: "), done
    code, line = site.line("forged", "alice@test", "--host", "127.0.0.1")
    assert code == 1 and "verdict exempt, own-host\n 127.0.0.1 is no host outside, or" in line, line
    site.batv.set(signing="off")
    assert site.line("address", "alice@test") == (
        1, "address TO DO alice@test leaves untagged: signing is off\n batvctl enable, or signing = on in LAB/batv/exim-batv.conf")


def test_without_batvd(lab):
    """It has not run yet: there is no state."""
    site = Site(lab)
    site.batv.stop()
    (site.batv.state_dir / "state").unlink()
    code, line = site.line("batvd", "alice@test")
    assert code == 1 and "no usable state" in line and line.endswith("systemctl start batvd"), line


def test_without_an_exim(lab):
    site = Site(lab)
    site.batv.exim = "none"
    site.batv.set()
    assert site.line("exim", "alice@test") == (3, "exim not known exim = none in exim-batv.conf")
    assert site.batv.json("test")["protected"] is None


def test_nothing_of_ours(lab):
    """A stock Exim of Debian, and then one whose configuration is wrong."""
    binary = Installation(lab, "debian", kind=HEAVY).binary
    exim = Exim(lab, name="ours", binary=binary)
    site = Site(lab, kind=HEAVY, exim=exim)
    code, line = site.line("pieces", "alice@test")
    assert (code, line) == (1, "pieces TO DO nothing of exim-batv is in the configuration that Exim reads, LAB/ours/exim.conf\n "
                            "batvctl enable")
    lab.write(exim.config_path, exim.config_path.read_text() + "\nnonsense\n")
    code, line = site.line("exim", "alice@test")
    assert code == 1 and line.startswith("exim TO DO Exim cannot read its configuration: ") and 'option "nonsense"' in line, line


def test_without_the_module(lab):
    """local_scan_path names a file that is gone: Exim puts all mail off."""
    if chosen_kind() in (ACL, LIGHT):
        return
    site = Site(lab, kind=HEAVY)
    site.installation.so.unlink()
    code, line = site.line("module", "alice@test")
    assert code == 1 and "all mail to this server is deferred (451)" in line, line
    code, line = site.line("true", "alice@test")
    assert code == 1 and "(after the message)" in line and ": 451-Local configuration error" in line, line


def test_without_pieces(lab):
    """No router takes tags off, or nothing signs."""
    if chosen_kind() != REBUILT:
        return
    site = Site(lab, unsign=False, router=False, transport=False)
    code, text = site.test("alice@test")
    assert code == 1 and text.endswith("Not protected.\n"), text


def test_where_reception_takes_tags_off(lab):
    """Debian's unsplit configuration has no place for a router, and exim -bt does not call local_scan()."""
    if chosen_kind() not in (HEAVY, LIGHT):
        return
    batv = Batv(lab)
    installation = Installation(lab, "ours")
    debian = DebianConfiguration(lab, "ours", installation, False, batv.state_dir, Sink(lab).route())
    exim = Exim(lab, config=debian.text, binary=installation.binary, macros=debian.macros, options=debian.options)
    site = Site.__new__(Site)
    site.lab, site.batv, site.exim = lab, batv, exim
    batv.exim = f"{exim.binary} -C {exim.config_path}"
    batv.set()
    code, line = site.line("routes", f"{lab.user}@test")
    assert (code, line) == (0, f"routes ok to {lab.user}@test: router local_user, transport lab_mailbox "
                            "(the tag is taken off at reception)")
