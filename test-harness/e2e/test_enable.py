"""batvctl enable and disable, on whole Debian machines in namespaces of their own."""

import json
import re
from pathlib import Path

from lab import *
from lab_base import wait_until
from lab_host import Host

MARKED = ".include_if_exists /etc/exim4/exim-batv.localmacros\n"
GOLDEN = Path(__file__).with_name("golden")
YES = "enable --yes --mx-unsigns"       # there is no DNS in there
SINK = r'''
import socket, sys
listener = socket.create_server(("127.0.0.2", 25))
open("/tmp/sink", "w").close()
while True:
    connection, _ = listener.accept()
    file, sender, data = connection.makefile("rwb"), "", False
    say = lambda text: (file.write(text + b"\r\n"), file.flush())
    say(b"220 sink")
    for line in file:
        if data:
            if line == b".\r\n":
                data = False
                with open("/tmp/senders", "a") as out: out.write(sender + "\n")
                say(b"250 taken")
        elif line.startswith(b"MAIL"):
            sender = line.split(b"<")[1].split(b">")[0].decode(); say(b"250 ok")
        elif line.startswith(b"RCPT") and b"refused" in line: say(b"550 no tags here")
        elif line.startswith(b"DATA"): data = True; say(b"354 go on")
        elif line.startswith(b"QUIT"): say(b"221 bye"); break
        else: say(b"250 ok")
    connection.close()
'''


def with_sink(host):
    host.write("/tmp/sink.py", SINK)
    host.lab.spawn("sink", host.inside("python3", "/tmp/sink.py"), user="root")
    wait_until(lambda: host.path("/tmp/sink").exists(), 10, "the sink")
    return host


def sender_of_mail(host, sender="alice@example.com"):
    """The envelope sender with which a mail leaves now."""
    before = host.read("/tmp/senders").splitlines() if host.path("/tmp/senders").exists() else []
    host.run(f"printf 'Subject: x\\n\\nx\\n' | exim4 -odf -i -f {sender} x@theirs.test")
    return host.read("/tmp/senders").splitlines()[len(before)]


def is_tagged(address):
    return re.fullmatch(r"prvs=[0-9]{4}[0-9a-f]{6}=alice@example\.com", address) is not None


def bounce_arrives(host, to):
    """A bounce to that address reaches alice."""
    before = len(re.findall(r"=> alice\b", "\n".join(host.log())))
    host.run(f"""python3 -c "
import smtplib
with smtplib.SMTP('127.0.0.1', 25, source_address=('127.0.0.3', 0)) as s: s.sendmail('', '{to}', 'Subject: Undelivered\\n\\nx\\n')
" """)
    wait_until(lambda: len(re.findall(r"=> alice\b", "\n".join(host.log()))) > before, 15, "the bounce in the mailbox")


def masked(text):
    text = re.sub(r"about \w{3} [ \d]\d \w{3} \d\d:\d\d", "about DAY", text)
    return re.sub(r"(?m)^exim {6}.*$", "exim      VERSION, KIND, LAYOUT", text)


class TestSplit:
    settings, other = {"use_split_config": "true"}, "unsplit"
    flavour = "heavy"

    def setup(self):
        self.host = with_sink(Host(self.lab, self.flavour, **self.settings))
        self.before = self.host.configuration()

    def test_in_order(self):
        host = self.host
        assert host.ctl("sign alice@example.com").startswith("prvs=")       # the README's fourth step
        assert "--yes is needed" in host.ctl("enable --mx-unsigns", code=2)
        assert "run it as root" in host.ctl("enable", code=3, user=398)
        out = host.ctl("enable --dry-run --mx-unsigns")
        assert "would " in out and "Nothing was changed." in out, out
        assert host.configuration() == self.before
        assert sender_of_mail(host) == "alice@example.com"
        # one question on a terminal, and no is no
        assert "[y/N]" in host.run("batvctl enable --mx-unsigns", check=False, tty=True, input="n\n").stdout
        assert host.configuration() == self.before
        out = host.run("batvctl enable --mx-unsigns", tty=True, input="y\n").stdout.replace("\r", "")
        assert "placed  " in out and out.count("reloaded") == 2, out
        tag = sender_of_mail(host)
        assert is_tagged(tag), tag
        bounce_arrives(host, tag)
        placed = host.configuration()
        assert "nothing was changed" in host.ctl(YES)
        assert host.configuration() == placed
        for path in set(placed) - set(self.before):
            assert placed[path][:3] == (0o100644, 0, 0), (path, placed[path])
        assert "OK" in host.run("cd / && sha256sum -c /var/lib/exim-batv/manifest").stdout
        assert host.run("stat -c '%U:%G %a' /var/lib/exim-batv/manifest").stdout == "batv:Debian-exim 640\n"

    def test_off_and_on(self):
        host = self.host
        host.ctl(YES)
        tag = sender_of_mail(host)
        out = host.ctl("disable")
        assert "untagged from now on" in out and re.search(r"lives until \w{3} +\d+ \w{3} \d{4}", out), out
        wait_until(lambda: sender_of_mail(host) == "alice@example.com", 15, "signing to end")
        assert "is off already" in host.ctl("disable")
        bounce_arrives(host, tag)
        assert "signing is on again" in host.ctl(YES)
        wait_until(lambda: is_tagged(sender_of_mail(host)), 15, "signing to begin")
        assert "tags live until" in host.ctl("disable --remove", code=1)
        assert is_tagged(sender_of_mail(host))

    def test_remove_leaves_nothing(self):
        host = self.host
        host.ctl(YES)
        out = host.ctl("disable --remove --yes")
        assert out.count("reloaded") == 2, out
        assert host.configuration() == self.before
        assert not host.path("/var/lib/exim-batv/manifest").exists()
        assert "nothing of exim-batv was there" in host.ctl("disable --remove --yes")

    def test_the_probe(self):
        host = self.host
        out = host.ctl(f"{YES} --probe x@refused.test", code=3)
        assert "was refused" in out and "550 no tags here" in out and "as it was before (reloaded)" in out, out
        assert host.configuration() == self.before
        assert "a signed mail was taken: x@theirs.test" in host.ctl(f"{YES} --probe x@theirs.test")
        host.ctl("disable --remove --yes")

    def test_what_others_changed_stays(self):
        host = self.host
        host.ctl(YES)
        piece = "/etc/exim4/exim-batv.local-scan"
        host.write(piece, host.read(piece) + "# mine\n")
        assert "is not what enable placed" in host.ctl(YES, code=3)
        out = host.ctl("disable --remove --yes", code=1)
        assert f"left      {piece}" in out and host.path(piece).exists(), out
        host.path(piece).unlink()
        host.run("update-exim4.conf")
        assert host.configuration() == self.before

    def test_json(self):
        done = json.loads(self.host.ctl(f"{YES} --json"))
        assert (done["schema"], done["result"], done["error"]) == (1, "signing", None), done
        assert [s["step"] for s in done["steps"]][-4:] == ["placed", "placed", self.other, self.other], done
        done = json.loads(self.host.ctl("disable --remove --yes --json"))
        assert done["result"] == "removed", done
        done = self.host.run("batvctl enable --json 2>/dev/null", check=False)
        assert done.returncode == 2 and "--yes is needed" in json.loads(done.stdout)["error"], done


class TestUnsplit(TestSplit):
    settings, other = {"use_split_config": "false"}, "split"

    def test_macros_of_the_administrator(self):
        """His file gets one line, shown before; a copy is kept; and out again it is as it was, newline or not."""
        host, path = self.host, "/etc/exim4/exim4.conf.localmacros"
        for text in "MAIN_HOST_LOOKUP =\n", "MAIN_HOST_LOOKUP =":
            host.write(path, text, mode=0o640)
            host.run("update-exim4.conf")
            before = host.configuration()
            out = host.ctl(YES)
            assert f"+++ {path}\n+{MARKED}" in out, out
            assert host.read(path) == text.rstrip("\n") + "\n" + MARKED
            assert host.read(f"{path}.before-batv") == text
            assert host.path(path).stat().st_mode & 0o777 == 0o640
            host.ctl("disable --remove --yes")
            assert host.configuration() == before
        host.path(path).unlink()
        host.run("update-exim4.conf")
        # a link to a file elsewhere stays a link
        host.write("/root/macros", "MAIN_HOST_LOOKUP =\n")
        host.path(path).symlink_to("/root/macros")
        host.run("update-exim4.conf")
        before = host.configuration()
        host.ctl(YES)
        assert host.path(path).is_symlink() and host.read("/root/macros").endswith(MARKED)
        host.ctl("disable --remove --yes")
        assert host.configuration() == before and host.read("/root/macros") == "MAIN_HOST_LOOKUP =\n"
        host.path(path).unlink()
        host.run("update-exim4.conf")


class TestLight:
    settings = {"use_split_config": "true"}
    flavour = "light"
    setup, test_in_order = TestSplit.setup, TestSplit.test_in_order


class TestFailures:
    """Whatever fails, everything is as it was, Exim runs with it, and the exit status is 3."""

    def setup(self):
        self.host = Host(self.lab, use_split_config="true")
        self.before = self.host.configuration()

    def fails(self, text, line=YES, code=3):
        out = self.host.ctl(line, code=code)
        assert text in out, out
        return out

    def unchanged(self):
        now = self.host.configuration()
        changed = [path for path in {**self.before, **now} if self.before.get(path) != now.get(path)]
        assert not changed, [(path, self.before.get(path), now.get(path)) for path in changed]

    def instead(self, path, script):
        """Another program in its place; gives a function that puts the real one back."""
        real = f"{path}.real"
        self.host.run(f"mv {path} {real}")
        self.host.write(path, script, mode=0o755)
        return lambda: self.host.run(f"mv {real} {path}")

    def test_the_script_fails(self):
        back = self.instead("/usr/sbin/update-exim4.conf", "#!/bin/sh\necho 'no room' >&2; exit 1\n")
        self.fails("update-exim4.conf fails with these files: no room; nothing was changed")
        back()
        self.unchanged()

    def test_the_script_fails_later(self):
        back = self.instead("/usr/sbin/update-exim4.conf",
                            '#!/bin/sh\n[ -n "$1" ] || [ -f /tmp/twice ] || { touch /tmp/twice; echo later >&2; exit 1; }\n'
                            'exec /usr/sbin/update-exim4.conf.real "$@"\n')
        self.fails("update-exim4.conf failed: later; everything is as it was before (reloaded)")
        back()
        self.host.run("update-exim4.conf")      # it writes its own name into the file
        self.unchanged()

    def test_exim_cannot_read_it(self):
        self.host.write("/usr/share/exim-batv/snippets/main.conf", "nonsense here\n")
        out = self.fails("Exim cannot read the new configuration: Exim configuration error")
        assert "nothing was changed" in out
        self.unchanged()
        self.host.write("/usr/share/exim-batv/snippets/main.conf", (TOP / "exim-snippets/main.conf").read_text())

    def test_exim_cannot_read_what_is_there(self):
        self.host.path("/var/lib/exim4/config.autogenerated").write_text("nonsense here\n")
        self.fails("Exim cannot read its configuration as it is: Exim configuration error")
        self.host.run("update-exim4.conf")
        self.unchanged()

    def test_a_full_disk(self):
        """The third file does not fit."""
        self.host.run("cp -a /etc/exim4/conf.d/transport /tmp/kept && mount -t tmpfs -o size=64k,mode=755 tmpfs "
                      "/etc/exim4/conf.d/transport && cp -a /tmp/kept/. /etc/exim4/conf.d/transport/")
        self.host.run("dd if=/dev/zero of=/etc/exim4/conf.d/transport/.full bs=4k 2>/dev/null || true")
        full = self.host.configuration()
        out = self.fails("/etc/exim4/conf.d/transport/20_exim-batv: No space left on device; everything is as it was before")
        assert out.count("\nplaced ") == 1, out
        assert self.host.configuration() == full
        self.host.run("rm /etc/exim4/conf.d/transport/.full && umount /etc/exim4/conf.d/transport")
        self.unchanged()

    def test_killed_between_the_phases(self):
        """Run again, it goes on where it was."""
        back = self.instead("/usr/sbin/update-exim4.conf",
                            '#!/bin/sh\n[ -n "$1" ] || kill -9 $PPID\nexec /usr/sbin/update-exim4.conf.real "$@"\n')
        assert self.host.run(f"batvctl {YES}", check=False).returncode != 0
        back()
        assert self.host.path("/etc/exim4/conf.d/router/050_exim-batv_unsign").exists()
        assert not self.host.path("/etc/exim4/exim-batv.local-scan").exists()
        out = self.host.ctl(YES)
        assert out.count("reloaded") == 2, out
        self.host.ctl("disable --remove --yes")
        self.unchanged()

    def test_the_reload_fails(self):
        """By way of invoke-rc.d; and where policy-rc.d denies it, the daemon gets a signal."""
        self.host.write("/etc/init.d/exim4", "#!/bin/sh\n", mode=0o755)
        back = self.instead("/usr/sbin/invoke-rc.d", "#!/bin/sh\necho no such luck; exit 1\n")
        out = self.fails("Exim was not reloaded: no such luck; the files are as they were before, but then: Exim was not")
        assert "run update-exim4.conf, and reload Exim" in out, out
        self.unchanged()
        self.host.write("/usr/sbin/invoke-rc.d", "#!/bin/sh\nexit 101\n", mode=0o755)
        assert self.host.ctl(YES).count("reloaded (by a signal: policy-rc.d denies more)") == 2
        self.host.ctl("disable --remove --yes")
        back()
        self.host.path("/etc/init.d/exim4").unlink()
        self.unchanged()

    def test_no_batvd(self):
        self.host.run("kill $(pidof batvd)")
        self.host.batvd.wait()
        self.fails("batvd does not run")
        self.host.start_batvd()
        self.unchanged()

    def test_the_state_cannot_be_read(self):
        self.host.run("chmod 700 /var/lib/exim-batv")
        self.fails("Exim's user (uid 399, gid 399) cannot read /var/lib/exim-batv/state")
        self.host.run("chmod 2750 /var/lib/exim-batv")
        self.unchanged()

    def test_no_module(self):
        self.host.run("mv /usr/lib/exim4/local_scan/batv.so /root/")
        self.fails("/usr/lib/exim4/local_scan/batv.so is missing")
        self.host.write("/usr/lib/exim4/local_scan/batv.so", "no module\n")
        self.fails("the module does not load in /usr/sbin/exim4 4.96: ")
        self.host.run("mv /root/batv.so /usr/lib/exim4/local_scan/batv.so")
        self.unchanged()

    def test_somebody_else_signs(self):
        transport = "/etc/exim4/conf.d/transport/30_exim4-config_remote_smtp_smarthost"
        text = self.host.read(transport)
        self.host.write(transport, text.replace("  driver = smtp\n", "  driver = smtp\n  return_path = "
                                                "${prvs{$return_path}{secret}{0}}\n", 1))
        self.host.run("update-exim4.conf")
        self.fails("signs or checks tags already, by ${prvs or ${prvscheck in transport remote_smtp_smarthost: return_path")
        self.host.write(transport, text)
        self.host.run("update-exim4.conf")
        self.unchanged()

    def test_a_file_of_somebody_else(self):
        self.host.path("/etc/exim4/exim-batv.local-scan").symlink_to("/etc/passwd")
        self.fails("/etc/exim4/exim-batv.local-scan is there, and is not what enable placed; nothing was changed")
        self.host.path("/etc/exim4/exim-batv.local-scan").unlink()
        self.unchanged()

    def test_the_mx_is_elsewhere(self):
        """Without an answer of the DNS nothing signs; what removes tags is placed."""
        out = self.host.ctl("enable --yes")
        assert "un-signing only" in out and "mail leaves untagged" in out and out.count("reloaded") == 1, out
        assert not self.host.path("/etc/exim4/exim-batv.local-scan").exists()
        assert " /etc/exim4/conf.d/transport/20_exim-batv  /etc/exim4/exim-batv.local-scan" in self.host.ctl(YES)
        self.host.ctl("disable --remove --yes")
        self.unchanged()


DNS = """example.com MX mx.example.com  mx1.example.com MX mx.example.com  example.org MX mx.provider.net
mx.example.com A 127.0.0.1  mx.provider.net A 127.0.0.2"""


class TestMx:
    """The MX of example.com is this host, that of example.org is another one, which takes what is sent to it."""

    def setup(self):
        self.host = with_sink(Host(self.lab, use_split_config="true"))
        self.host.write("/tmp/dns.py", Path(__file__).with_name("lab_dns.py").read_text())
        self.host.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.lab.spawn("dns", self.host.inside("python3", "/tmp/dns.py", "/tmp/dns", *DNS.split()), user="root")
        wait_until(lambda: self.host.path("/tmp/dns").exists(), 10, "the DNS")

    def test_only_un_signing(self):
        out = self.host.ctl("enable --yes")
        assert re.findall(r"^mx .*$", out, re.M) == [
            f"mx        {'mail for example.org goes to mx.provider.net, not to this host':<78}un-signing only"], out
        assert sender_of_mail(self.host) == "alice@example.com"

    def test_the_probe_asks_that_host(self):
        out = self.host.ctl("enable --yes --probe x@theirs.test")
        assert re.search(r"^mx +prvs=\S+=postmaster@example\.org was taken: ", out, re.M), out
        assert "a signed mail was taken" in out, out
        assert is_tagged(sender_of_mail(self.host))

    def test_all_here(self):
        self.host.ctl("disable --remove --yes")
        self.host.run("sed -i 's/;example.org//' /etc/exim4/update-exim4.conf.conf; update-exim4.conf")
        out = self.host.ctl("enable --yes")
        assert "\nmx " not in out and "Mail leaves signed" in out, out


class TestReconfigured:
    """dpkg-reconfigure changes between split and unsplit, and nobody runs enable again: tags go on, to and fro."""

    def setup(self):
        self.host = with_sink(Host(self.lab, use_split_config="true"))

    def switch(self, split):
        path = "/etc/exim4/update-exim4.conf.conf"
        self.host.write(path, re.sub(r"(dc_use_split_config=).*", rf"\1'{str(split).lower()}'", self.host.read(path)))
        self.host.run("update-exim4.conf")
        self.host.run("kill -HUP $(cat /run/exim4/exim.pid)")
        wait_until(lambda: "daemon started" in "\n".join(self.host.log()).rpartition("SIGHUP received")[2], 15, "the reload")

    def test_both_ways(self):
        host = self.host
        for split in True, False:
            self.switch(split)
            before = host.configuration()
            other = "unsplit" if split else "split"
            out = host.ctl(YES)
            assert re.search(rf"(?m)^{other} +/etc/exim4/.* +prepared$", out), out
            tag = sender_of_mail(host)
            there = host.configuration()
            self.switch(not split)
            assert is_tagged(sender_of_mail(host)), "mail leaves untagged"
            bounce_arrives(host, tag)
            transports = host.run("exim4 -bP transports").stdout
            assert transports.count("{batv_sign}") >= 2, transports
            said = json.loads(host.ctl("doctor --json"))
            assert said["to_do"] == 0 and said["checks"]["package-leftovers"] == "ok", said["findings"]
            self.switch(split)
            assert host.configuration() == there
            assert "nothing was changed" in host.ctl(YES)
            host.ctl("disable --remove --yes")
            assert host.configuration() == before

    def test_where_it_cannot_hold(self):
        """It is said before, and status and doctor say it after."""
        host = self.host
        self.switch(True)
        macros = "/etc/exim4/exim4.conf.localmacros"
        host.write(macros, "MAIN_ACL_CHECK_RCPT = acl_mine\n")     # not read now
        before = host.configuration()
        out = host.ctl(YES)
        assert re.search(r"(?m)^unsplit +not prepared for a change to it: .*MAIN_ACL_CHECK_RCPT.*; after such a change, run batvctl enable", out), out
        assert host.read(macros) == "MAIN_ACL_CHECK_RCPT = acl_mine\n"
        assert "not prepared" in host.ctl(YES)
        tag = sender_of_mail(host)
        host.path(macros).unlink()
        self.switch(False)
        status = json.loads(host.run("batvctl status --json", check=False).stdout)
        assert any("batvctl enable" in p for p in status["problems"]), status["problems"]
        said = json.loads(host.run("batvctl doctor --json", check=False).stdout)
        assert said["checks"]["pieces-order"] == "fail", said["findings"]
        host.ctl(YES)
        bounce_arrives(host, tag)
        self.switch(True)
        host.ctl("disable --remove --yes")
        host.write(macros, "MAIN_ACL_CHECK_RCPT = acl_mine\n")
        assert host.configuration() == before

    def test_hide_mailname(self):
        host = Host(self.lab, name="hiding", use_split_config="true", hide_mailname="true", readhost="example.com")
        out = host.ctl(YES)
        assert re.search(r"(?m)^unsplit +not prepared for a change to it: dc_hide_mailname", out), out
        assert not host.path("/etc/exim4/exim-batv.localmacros").exists()


class TestDoctor:
    """What a doctor sees only on a whole Debian."""

    def setup(self):
        self.host = Host(self.lab)
        self.host.ctl(YES)
        self.well = self.doctor()["checks"]

    def doctor(self):
        return json.loads(self.host.run("batvctl doctor --json", check=False).stdout)

    def finding(self, check):
        """What it says of CHECK; all else is as it was."""
        said = self.doctor()
        (finding,) = [f for f in said["findings"] if f["id"] == check]
        assert {**said["checks"], check: None} == {**self.well, check: None}, said["findings"]
        return finding

    def test_a_change_in_debians_acl(self):
        host, path = self.host, "/etc/exim4/exim4.conf.template"
        assert self.finding("acl-copy")["answer"] == "ok"
        good = host.read(path)
        relay = "  require\n    message = relay not permitted\n    domains = +local_domains : +relay_to_domains\n"
        blacklist = "    log_message = sender IP address is locally blacklisted.\n"
        begin = good.index("\nacl_check_rcpt:")
        for old, new, why in (
                (relay, relay + "\n  drop    senders = *@spam.test\n          message = no\n", "drop ; senders = *@spam.test ; message = no"),
                (blacklist, blacklist + "    delay = 30s\n", "deny ; !acl = acl_local_deny_exceptions ; hosts = "),
                ("  require\n    verify = recipient\n", "  require\n    verify = recipient/callout\n", "require ; verify = recipient/callout"),
                (relay, "", "acl_check_rcpt lacks what acl_batv_rcpt, which is theirs, has: require ; message = relay not permitted")):
            at = good.index(old, begin)
            host.write(path, good[:at] + new + good[at + len(old):])
            host.run("update-exim4.conf")
            finding = self.finding("acl-copy")
            assert finding["answer"] == "warn" and why in finding["why"] and "CHECK_RCPT_LOCAL_ACL_FILE" in finding["fix"], finding
        # the place for it, which holds for both
        host.write(path, good)
        host.write("/etc/exim4/mine.acl", "  deny senders = *@spam.test\n")
        host.write("/etc/exim4/exim4.conf.localmacros", "CHECK_RCPT_LOCAL_ACL_FILE = /etc/exim4/mine.acl\n" + MARKED)
        host.run("update-exim4.conf")
        assert self.finding("acl-copy")["answer"] == "ok"

    def test_the_group_of_the_state(self):
        """Another group than Exim's: its user cannot read the state, or not write to the memory."""
        host, state = self.host, "/var/lib/exim-batv"
        assert self.finding("state-readable")["answer"] == "ok"
        for file, words in ("state", "cannot read the state"), ("memory", "cannot write to the memory"), ("", "cannot read the state"):
            mode = host.path(f"{state}/{file}").stat().st_mode & 0o7777
            host.run(f"chgrp batv {state}/{file}; chmod {mode:o} {state}/{file}")
            finding = self.finding("state-readable")
            assert finding["answer"] == "fail" and words in finding["what"] and "chgrp -R 399" in finding["fix"], finding
            host.run(f"chgrp Debian-exim {state}/{file}; chmod {mode:o} {state}/{file}")
        assert self.finding("state-readable")["answer"] == "ok"


class TestRefused:
    """Where Debian's unsplit configuration has no room, nothing is changed, and the way to split works."""

    def test_hide_mailname(self):
        host = Host(self.lab, hide_mailname="true", readhost="example.com")
        before = host.configuration()
        out = host.ctl(YES, code=3)
        assert "dc_hide_mailname='true'" in out and host.configuration() == before, out
        (command,) = re.findall(r"^  (sed -i .*)$", out, re.M)
        host.run(command)
        host.ctl(YES)

    def test_own_macros(self):
        host = Host(self.lab, name="another")
        for macro in "REMOTE_SMTP_RETURN_PATH = $return_path\n", "MAIN_ACL_CHECK_RCPT = acl_check_mail\n":
            host.write("/etc/exim4/exim4.conf.localmacros", macro)
            host.run("update-exim4.conf")
            before = host.configuration()
            assert f"a {macro.split()[0]} of its own" in host.ctl(YES, code=3)
            assert host.configuration() == before
        host.write("/etc/exim4/mine.filter", "# Exim filter\n", mode=0o644)
        host.write("/etc/exim4/exim4.conf.localmacros", "system_filter = /etc/exim4/mine.filter\n")
        host.run("update-exim4.conf")
        assert "system_filter is /etc/exim4/mine.filter already; nothing was changed" in host.ctl(YES, code=3)
        host.write("/etc/exim4/exim4.conf.localmacros", "system_filter = /etc/exim4/mine.filter\nBATV_OWN_SYSTEM_FILTER = yes\n")
        host.run("update-exim4.conf")
        host.ctl(YES)


PLAIN = """\
# Ours.
primary_hostname = mx1.example.com
domainlist local_domains = example.com
domainlist relay_to_domains =
hostlist relay_from_hosts = 127.0.0.1
acl_smtp_rcpt = acl_rcpt
never_users =
begin acl
acl_rcpt:
  accept
begin routers
local:
  driver = accept
  domains = +local_domains
  transport = mailbox
out:
  driver = manualroute
  route_list = * 127.0.0.2
  transport = remote_smtp
begin transports
mailbox:
  driver = appendfile
  file = /var/mail/$local_part_data
  user = alice

remote_smtp:
    driver = smtp
    hosts_try_fastopen =
"""


class TestPlain:
    def test_a_diff_and_again(self):
        host = with_sink(Host(self.lab))
        host.write("/etc/exim4/exim4.conf", PLAIN)
        out = host.ctl("enable", code=1)
        assert "enable --diff | patch -b /etc/exim4/exim4.conf" in out, out
        assert host.read("/etc/exim4/exim4.conf") == PLAIN
        assert "signing * off" in host.read("/var/lib/exim-batv/overrides")
        host.run("batvctl enable --diff | patch -b /etc/exim4/exim4.conf")
        assert host.read("/etc/exim4/exim4.conf.orig") == PLAIN
        text = host.read("/etc/exim4/exim4.conf")
        assert "\n    .include /usr/share/exim-batv/snippets/transport-sign.conf\n    hosts_try" in text, text
        assert "has all that is needed" in host.ctl("enable")
        assert not host.path("/var/lib/exim-batv/overrides").exists()
        wait_until(lambda: is_tagged(sender_of_mail(host)), 15, "signing to begin")
        assert "never changed /etc/exim4/exim4.conf" in host.ctl("disable --remove --yes", code=3)


class TestCompiledIn:
    def test_a_diff_and_again(self):
        host = with_sink(Host(self.lab))
        host.run("mkdir -p /usr/exim/bin")
        host.path("/usr/exim/bin/exim").write_bytes((BUILD / "exim-4.96/bin/exim").read_bytes())
        host.run("chmod 755 /usr/exim/bin/exim")
        host.write("/etc/exim.conf", PLAIN.replace("never_users =\n", "never_users =\nexim_user = 399\nexim_group = 399\n"
                                                   "spool_directory = /var/spool/exim4\n"))
        host.write("/etc/exim-batv/exim-batv.conf", "exim = /usr/exim/bin/exim -C /etc/exim.conf\n")
        out = host.ctl("enable", code=1)
        assert "exim-batv compiled in, its own configuration" in out and "exim-batv is compiled into this Exim" in out, out
        assert "local_scan_path" not in out and "+BATV_SO" not in out, out
        host.run("batvctl enable --diff | patch -b /etc/exim.conf")
        assert "has all that is needed" in host.ctl("enable")


def test_the_sample(lab):
    """What enable prints, in form."""
    host = Host(lab, use_split_config="true", other_hostnames="example.com;example.org")
    out = "".join(line for line in masked(host.ctl(YES)).splitlines(True) if "--mx-unsigns" not in line)
    assert out == (GOLDEN / "enable.txt").read_text(), out


def test_the_example(lab):
    """What the manual says, where there is no DNS."""
    host = with_sink(Host(lab))
    assert "Nothing was changed." in host.ctl("enable --dry-run --mx-unsigns")
    assert "a signed mail was taken: me@example.net" in host.ctl("enable --probe me@example.net --mx-unsigns --yes")
