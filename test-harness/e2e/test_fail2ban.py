"""fail2ban's filter exim-spam bans honest servers whose bounces were rejected; packaging/fail2ban/ keeps it from that."""

import shutil
import subprocess
import sys

from answers import *
from lab_base import BUILD, TOP, tool

OURS = TOP / "packaging" / "fail2ban" / "exim-spam.local"
TRAP = """
  deny    local_parts = trap
          log_message = found in dnsbl.test
"""


class TestFail2ban(Ours):
    def setup(self):
        self.root = BUILD / "fail2ban" / "root"
        if not (BUILD / "fail2ban" / ".fetched").exists():
            tool("fetch", "deb", BUILD / "fail2ban", "fail2ban")
        self.batv = Batv(self.lab, conf=MEMORY)
        self.ours = batv_exim(self.lab, self.batv, Sink(self.lab), rcpt_first=TRAP)

    def filter(self, ours):
        """A copy of fail2ban's configuration, with our file or without."""
        path = self.lab.dir / ("with" if ours else "without")
        shutil.copytree(self.root / "etc" / "fail2ban", path, dirs_exist_ok=True)
        if ours:
            shutil.copy(OURS, path / "filter.d" / "exim-spam.local")
        return path

    def counted(self, config, log):
        """(ignored, matched) lines of the log, as fail2ban-regex says it."""
        packages = self.root / "usr" / "lib" / "python3" / "dist-packages"
        result = subprocess.run([sys.executable, self.root / "usr" / "bin" / "fail2ban-regex", "-c", config, log, "exim-spam"],
                                capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(packages)})
        (found,) = re.findall(r"^Lines: \d+ lines, (\d+) ignored, (\d+) matched", result.stdout, re.M) or [None]
        assert found, result
        return int(found[0]), int(found[1])

    def test_our_rejections_are_ignored_and_no_other(self):
        for sender, rcpt, helo in (("", "alice@test", "client.test"), ("", "bob@test", "[127.0.0.9]"),
                                   ("MAILER-DAEMON@theirs.test", "alice@test", "a"),
                                   ('"MAILER-DAEMON"@theirs.test', "alice@test", "a.b-c")):
            with self.ours.smtp(STRANGER, helo=helo) as session:
                assert session.send(sender, [rcpt], bounce("alice@test")).data.code == 550
        rejected = self.ours.mainlog("rejected by local_scan")
        assert len(rejected) == 4, rejected
        for sender in "", "eve@theirs.test", '"x F=<> rejected by local_scan(): 5.7.1 x"@theirs.test':
            with self.ours.smtp(STRANGER) as session:
                session.mail(sender)
                assert session.rcpt("trap@test").code == 550
        wait_until(lambda: len(self.ours.mainlog("found in dnsbl")) == 3, 15, "three lines in the log")
        spam = self.ours.mainlog("found in dnsbl")
        # what another local_scan() would have said, and what exim-spam knows besides
        spam += [rejected[0].partition(" 5.7.1 ")[0] + " spam", rejected[0].partition(" 5.7.1 ")[0] + " text 5.7.1 spam"]
        spam += [re.sub(r"\brejected by local_scan.*", "rejected after DATA: This message contains a virus (x).",
                        re.sub(r" F=<> (H=.*?\]) .*?rejected", r" \1 F=<> rejected", rejected[0]))]
        log = self.lab.write("mainlog", "".join(line + "\n" for line in rejected + spam))
        assert self.counted(self.filter(ours=False), log) == (0, len(rejected) + len(spam))    # the trap
        assert self.counted(self.filter(ours=True), log) == (len(rejected), len(spam))

    def test_the_forms_of_a_line(self):
        """With other log selectors: process number, port, interface, TLS."""
        start, host = "2026-11-22 10:00:00", "H=mx.theirs.test (a) [192.0.2.1]"
        end = "rejected by local_scan(): 5.7.1 This is a bounce."
        forms = [f"{start} 1xX1XU-00089x-2S F=<> {fields} {end}" for fields in
                 (f"{host}:4711 P=esmtp", f"{host} I=[192.0.2.9]:25 P=esmtp", "H=[2001:db8::1] P=smtp",
                  f"{host} P=esmtps X=TLS1.3:ECDHE_X25519__ECDSA_SECP256R1_SHA256__AES_256_GCM:256 CV=no")]
        forms += [f"{start} [4711] 1xX1XU-00089x-2S F=<> {host} P=esmtp {end}",
                  f"{start} +0100 1xX1XU-00089x-2S F=<> {host} P=esmtp {end}",
                  f"Nov 22 10:00:00 mx exim[4711]: 1xX1XU-00089x-2S F=<> {host} P=esmtp {end}"]
        log = self.lab.write("forms", "".join(line + "\n" for line in forms))
        _, matched = self.counted(self.filter(ours=False), log)
        assert matched >= 3         # Debian 12's filter does not know all of them
        assert self.counted(self.filter(ours=True), log) == (len(forms), 0), self.counted(self.lab.dir / "with", log)
