"""Mail when a domain begins or stops to refuse: batvctl notify, what runs it, and a real Exim that delivers it."""

import os
import re
from email import message_from_string
from pathlib import Path

from lab import *
from batv import *
from lab_host import Host
from test_arming import START
from test_arming import Site as ArmingSite
from test_enable import YES, is_tagged, with_sink

GOLDEN = Path(__file__).with_name("golden") / "notify.txt"
CONF = "grace = 1d\nnotify = dave@test\n"


def masked(text):
    """Times, the host and the file's name are masked; the last paragraph, which names them, is one line."""
    text = re.sub(r"(?m)^(Subject: exim-batv on )\S+:", r"\1HOST:", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "TIME", text)
    rest, sent, end = text.rpartition("Sent because ")
    return rest + sent + re.sub(r" in \S+ on \S+\. ", " in FILE on HOST. ", " ".join(end.split())) + "\n"


class Site(ArmingSite):
    """test and calm.test have all the evidence that they need; in a day they refuse."""

    def __init__(self, lab, conf=CONF):
        super().__init__(lab, conf, "test : calm.test")
        for domain in "test", "calm.test":
            prove(self.batv, self.ours, domain)
        self.ours.add_users("dave")
        self.mails = 0

    def notify(self, *argv, code=0):
        done = self.batv.ctl("notify", *argv, check=False)
        assert done.returncode == code, done
        return done

    def told(self):
        """The one message that batvctl notify sent now."""
        self.notify()
        self.mails += 1
        mail = self.ours.wait_mailbox("dave", self.mails)[-1]
        self.nothing()
        return mail

    def nothing(self):
        """There is nothing to tell, and nothing is sent."""
        said = self.batv.json("notify")
        assert said == {"schema": 1, "to": "dave@test", "begin": 0, "end": 0, "sent": False}, said
        assert len(self.ours.mailbox("dave")) == self.mails


def test_begins_and_stops(lab):
    site = Site(lab)
    site.nothing()
    site.clock.advance(DAY)
    assert site.armed() and site.armed("calm.test")
    dry = site.notify("--dry-run").stdout
    assert re.search(r"(?m)^Subject: exim-batv on \S+: 2 domains begin to refuse forged bounces$", dry), dry
    if os.environ.get("GOLDEN"):
        GOLDEN.write_text(masked(dry))
    assert masked(dry) == GOLDEN.read_text(), dry
    assert "notified" not in os.listdir(site.batv.state_dir)
    mail = site.told()
    assert mail.get_payload().strip() == dry.partition("\n\n")[2].strip()
    text = mail.get_payload()
    for domain in "test", "calm.test":
        assert re.search(rf"(?m)^{domain} begins to refuse forged bounces\.\n  since {{1,3}}2030-\d\d-\d\d .*\n  why {{1,5}}refusing since ", text), text
        assert f"batvctl enforce observe {domain}\n" in text, text
    assert "This is the first one" in text
    # nobody answers it, and it comes from root's place on this machine, with one of each
    assert mail["Auto-Submitted"] == "auto-generated" and mail["X-Auto-Response-Suppress"] == "All"
    assert mail["To"] == "dave@test" and "exim-batv" in mail["From"]
    assert all(len(mail.get_all(name)) == 1 for name in ("From", "To", "Date", "Message-ID", "Subject")), mail.items()
    # one changes; the other's day has not passed when that changes, too
    site.clock.advance(DAY)
    site.batv.ctl("enforce", "observe", "test")
    mail = site.told()
    assert mail["Subject"].endswith(": test no longer refuses forged bounces"), mail["Subject"]
    assert "observing until further notice, by batvctl enforce" in " ".join(mail.get_payload().split()), mail
    site.batv.ctl("enforce", "auto", "test")
    site.nothing()
    site.batv.ctl("enforce", "observe", "test")
    site.clock.advance(DAY)
    site.nothing()                                  # as it was told last
    site.batv.ctl("enforce", "auto", "test")
    site.batv.observe_file(True)
    mail = site.told()                              # test was told not to refuse, so only calm.test is new
    assert mail["Subject"].endswith(": calm.test no longer refuses forged bounces"), mail["Subject"]
    assert 'because the file "observe" exists' in " ".join(mail.get_payload().split())
    site.batv.observe_file(False)
    mail = site.told()
    assert mail["Subject"].endswith(": test begins to refuse forged bounces"), mail["Subject"]
    site.clock.advance(DAY)
    mail = site.told()
    assert mail["Subject"].endswith(": calm.test begins to refuse forged bounces"), mail["Subject"]


def test_what_cannot_be_sent_is_sent_later(lab):
    site = Site(lab)
    site.clock.advance(DAY)
    assert site.armed()
    broken = lab.write(lab.dir / "broken", "#!/bin/sh\necho 'no space in the spool' >&2\nexit 1\n", mode=0o755)
    working, site.batv.exim = site.batv.exim, str(broken)
    site.batv.set("own_hosts = 127.0.0.1\n" + CONF)
    for _ in range(2):
        said = site.notify(code=3).stderr
        assert "Exim does not take mail to dave@test: no space in the spool; it is tried again" in said, said
    site.batv.exim = working
    site.batv.set("own_hosts = 127.0.0.1\n" + CONF)
    assert "2 domains begin" in site.told()["Subject"]
    # a domain of which nothing is known any more; a damaged file
    file = site.batv.state_dir / "notified"
    lab.write(file, f"exim-batv notified 1\ncalm.test refuses {START}\ngone.test refuses {START}\ntest refuses {START}\n")
    mail = site.told()
    assert mail["Subject"].endswith(": gone.test no longer refuses forged bounces")
    assert "nothing is known of the domain any more" in " ".join(mail.get_payload().split())
    lab.write(file, "junk\n")
    assert "is damaged, so all is told again" in site.notify("--dry-run").stderr
    assert "2 domains begin" in site.told()["Subject"]
    # without a state nothing refuses, and the mail says why
    site.clock.advance(DAY)
    site.batv.stop()
    (site.batv.state_dir / "state").unlink()
    mail = site.told()
    assert "2 domains no longer refuse" in mail["Subject"] and "nothing is refused" in mail.get_payload(), mail


def test_nobody_is_to_be_told(lab):
    site = Site(lab, "grace = 1d\n")
    site.clock.advance(DAY)
    assert site.armed()
    done = site.notify()
    assert done.stdout == done.stderr == "" and "notified" not in os.listdir(site.batv.state_dir)
    assert site.batv.json("notify")["to"] is None
    lab.write(site.batv.conf_path, "nonsense\n")
    assert "nonsense" in site.notify(code=2).stderr


class TestMachine:
    """As it is installed: by root, through /usr/sbin/exim4."""

    def setup(self):
        self.host = with_sink(Host(self.lab, use_split_config="true"))
        self.host.ctl(YES)
        self.host.run("printf 'Subject: x\\n\\nx\\n' | exim4 -odf -i -f alice@example.com x@theirs.test")

    def begin(self):
        """Nothing was told yet, and example.com refuses."""
        self.host.run("rm -f /var/lib/exim-batv/notified /var/mail/alice")
        self.conf("alice@example.com")
        self.mode("reject")

    def conf(self, address):
        path = "/etc/exim-batv/exim-batv.conf"
        text = re.sub(r"(?m)^#?notify =.*", f"notify = {address}", self.host.read(path))
        self.host.write(path, text)

    def later(self):
        """A day after what was told."""
        path = "/var/lib/exim-batv/notified"
        self.host.write(path, re.sub(r"\d{10}$", "1000000000", self.host.read(path), flags=re.M), mode=0o640)

    def mode(self, mode):
        self.host.ctl(f"enforce {mode} example.com")

    def sent(self):
        return len(re.findall(r" <= root@example\.com U=root ", "\n".join(self.host.log())))

    def tell(self, line="batvctl notify"):
        """One message of root's is submitted and delivered."""
        before, delivered = self.sent(), len([x for x in self.host.log() if "=>" in x or "**" in x])
        done = self.host.run(line)
        assert done.stdout == "", done.stdout
        assert self.sent() == before + 1
        wait_until(lambda: len([x for x in self.host.log() if "=>" in x or "**" in x]) > delivered, 20, "the delivery")
        self.host.run(line)
        assert self.sent() == before + 1

    def test_local_mail(self):
        host = self.host
        self.begin()
        self.tell()
        mail = message_from_string(host.read("/var/mail/alice"))
        assert mail["From"] == "exim-batv <root@example.com>" and mail["Return-path"] == "<root@example.com>", mail.items()
        assert mail["Auto-Submitted"] == "auto-generated" and mail["Sender"] is None
        assert "example.com begins to refuse forged bounces.\n" in mail.get_payload(), mail
        assert "X-BATV-Status" not in mail
        assert host.run("stat -c '%U:%G %a' /var/lib/exim-batv/notified").stdout == "batv:Debian-exim 640\n"
        assert "run as root or batv" in host.ctl("notify", code=3, user=1500)

    def test_mail_that_leaves(self):
        """It is mail of ours: it leaves signed; if it comes back, root hears of it, and nothing goes round."""
        host = self.host
        self.begin()
        self.conf("boss@theirs.test")
        before = len(host.read("/tmp/senders").splitlines())
        self.tell()
        wait_until(lambda: len(host.read("/tmp/senders").splitlines()) > before, 15, "the mail in the world")
        assert is_tagged(host.read("/tmp/senders").splitlines()[-1].replace("=root@", "=alice@"))
        self.later()
        self.mode("observe")
        self.conf("boss@refused.test")
        self.tell()
        wait_until(lambda: host.path("/var/mail/alice").exists() and "boss@refused.test" in host.read("/var/mail/alice"), 15, "the bounce in root's mailbox")
        before = self.sent()
        host.ctl("notify")
        assert self.sent() == before

    def test_cron(self):
        """The line that cron runs, where systemd does not; what is wrong goes to syslog."""
        host = self.host
        line = re.search(r"(?m)^\S+ \* \* \* \* root (.*)$", (TOP / "packaging/batv-notify.cron").read_text())[1]
        line = line.replace("/usr/local/sbin", "/usr/sbin")
        host.write("/usr/bin/logger", "#!/bin/sh\nexec cat >>/tmp/syslog\n", mode=0o755)
        self.begin()
        self.tell(line)
        assert host.read("/tmp/syslog") == ""
        self.later()
        self.mode("observe")
        self.conf("not an address")
        host.run(line)
        assert "notify: expected an address such as postmaster@example.com" in host.read("/tmp/syslog")
        self.conf("alice@example.com")
        host.run("mkdir -p /run/systemd/system")
        before = self.sent()
        host.run(line)
        assert self.sent() == before
        host.run("rm -r /run/systemd; mv /usr/sbin/batvctl /usr/sbin/batvctl.away")
        assert host.run(line).stdout == ""
        host.run("mv /usr/sbin/batvctl.away /usr/sbin/batvctl")
        self.tell(line)
