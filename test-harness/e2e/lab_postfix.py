"""*Theirs*: a Postfix that we did not write, unpacked from its package, never installed."""

import email
import grp
import os
import pty
import re
import select
import time

from lab_base import BUILD, LabError, needs_root, tail, tool, wait_until

QUEUES = "active bounce corrupt defer deferred flush hold incoming saved trace private"

ENVIRONMENT = ("MAIL_CONFIG POSTLOG_SERVICE POSTLOG_HOSTNAME PATH LC_ALL TZ LD_LIBRARY_PATH "
               "LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_SHARED")

MASTER_CF = """\
{listener} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A Postfix of the domain DOMAIN, on ADDRESS, that sends everything else to RELAYHOST.

    It takes mail for any user of its domain and bounces unknown ones later, over SMTP, from
    ADDRESS: the backscatter that this project is about.  RELAYHOST is (address, port).
    SETTINGS are main.cf parameters that replace or add to ours.  Root only.
    """

    USER, SETGID_GROUP, MAILBOX_USER = "news", "uucp", "nobody"

    def __init__(self, lab, name="theirs", address="127.0.0.2", port=None, domain="theirs.test",
                 relayhost=("127.0.0.1", 25), users=("dave", "erin"), settings=None, start=True):
        needs_root("Postfix")
        self.lab, self.name, self.address, self.domain = lab, name, address, domain
        self.port = port or lab.port(address)
        self.hostname = f"mx.{domain}"
        self.root = BUILD / "postfix" / "root"
        if not (BUILD / "postfix" / ".fetched").exists():
            tool("fetch", "deb", BUILD / "postfix", "postfix")
        self.libraries = ":".join(str(p) for p in (
            self.root / "usr/lib/postfix", *sorted(self.root.glob("usr/lib/*-linux-gnu*")),
            *sorted(self.root.glob("lib/*-linux-gnu*"))) if p.is_dir())
        self.dir = lab.mkdir(name, user="root")
        self.log_path = self.dir / "log"
        self.settings = dict(settings or {})
        self.relayhost = relayhost
        self.users, self.aliases = list(users), {}
        self.daemon = self._terminal = None
        self._make_directories()
        self.write_config()
        lab.add_report(lambda: (f"{name}, log", tail(self.log_path, 25)))
        if start:
            self.start()

    def route(self):
        """For a manualroute's route_list: address::port."""
        return f"{self.address}::{self.port}"

    def _make_directories(self):
        """What `postfix check` would make; its scripts expect an installed Postfix."""
        self.lab.mkdir(self.name, "queue", user="root")
        for sub in QUEUES.split():
            self.lab.mkdir(self.name, "queue", sub, mode=0o700, user=self.USER)
        self.lab.mkdir(self.name, "queue", "pid", user="root")
        for sub, mode in (("public", 0o710), ("maildrop", 0o730)):
            path = self.lab.mkdir(self.name, "queue", sub, mode=mode, user=self.USER)
            os.chown(path, -1, grp.getgrnam(self.SETGID_GROUP).gr_gid)
            path.chmod(mode)
        self.lab.mkdir(self.name, "data", mode=0o700, user=self.USER)
        self.lab.mkdir(self.name, "mbox", user=self.MAILBOX_USER)
        self.lab.mkdir(self.name, "conf", user="root")

    def add_user(self, name, target=None):
        """A local part with a mailbox, or an alias for TARGET."""
        if target:
            self.aliases[name] = target
        else:
            self.users.append(name)
        self.write_config()

    def write_config(self):
        """main.cf, master.cf and the aliases; known users are aliases for mail folders of ours."""
        conf = self.dir / "conf"
        lib, sbin = self.root / "usr/lib/postfix", self.root / "usr/lib/postfix/sbin"
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.dir / "queue",
            "data_directory": self.dir / "data",
            "daemon_directory": sbin if sbin.is_dir() else lib,
            "command_directory": self.root / "usr/sbin",
            "shlib_directory": lib,
            "meta_directory": conf,
            "mail_owner": self.USER,
            "setgid_group": self.SETGID_GROUP,
            "default_privs": self.MAILBOX_USER,
            "maillog_file": self.log_path,
            "maillog_file_prefixes": self.lab.dir,
            "import_environment": ENVIRONMENT,
            "export_environment": ENVIRONMENT,
            # 127.0.0.2 itself would be fatal: no local interface has it.
            "inet_interfaces": "loopback-only",
            "inet_protocols": "ipv4",
            "smtp_bind_address": self.address,
            "myhostname": self.hostname,
            "mydomain": self.domain,
            "mydestination": self.domain,
            "mynetworks": "127.0.0.2/32",
            "relayhost": "[%s]:%d" % self.relayhost,
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            # Take mail for unknown users, bounce it later.
            "local_recipient_maps": "",
            "local_transport": "local",
            "unknown_local_recipient_reject_code": "550",
            "smtpd_relay_restrictions": "permit_mynetworks reject_unauth_destination",
            "alias_maps": f"texthash:{conf}/aliases",
            "alias_database": "",
            "allow_mail_to_files": "alias",
            "biff": "no",
            "notify_classes": "",
            "smtputf8_enable": "yes",
            "minimal_backoff_time": "5s",
            "maximal_backoff_time": "10s",
            "queue_run_delay": "5s",
            **self.settings}

        def write(name, text):
            path = self.lab.write(conf / name, text, user="root")
            # A file that is younger than two seconds makes Postfix wait.
            old = time.time() - 60
            os.utime(path, (old, old))
        write("main.cf", "".join(f"{k} = {v}\n" for k, v in settings.items()))
        write("master.cf", MASTER_CF.format(listener=f"{self.address}:{self.port}"))
        write("aliases", "".join(f"{u} {self.dir}/mbox/{u}/\n" for u in self.users) +
              "".join(f"{n} {t}\n" for n, t in self.aliases.items()))

    def start(self):
        """Start the master in the foreground; wait until it listens."""
        sbin = self.root / "usr/lib/postfix/sbin"
        # Errors at the start show on a terminal only.
        self._terminal, slave = pty.openpty()
        try:
            self.daemon = self.lab.spawn(
                self.name, [sbin / "master", "-c", self.dir / "conf", "-d"], user="root", stdin=slave, stdout=slave,
                stderr=slave, env={"LD_LIBRARY_PATH": self.libraries, "MAIL_CONFIG": str(self.dir / "conf")})
        finally:
            os.close(slave)

        def listening():
            if not self.daemon.alive():
                raise LabError(f"{self.name} did not start:\n{self._said()}" + "\n".join(self.log()))
            return self.log(r"daemon started")
        wait_until(listening, 20, f"{self.name} to start")
        return self

    def _said(self):
        """What the master wrote to its terminal."""
        text = b""
        while select.select([self._terminal], [], [], 0.1)[0]:
            try:
                block = os.read(self._terminal, 4096)
            except OSError:
                break
            if not block:
                break
            text += block
        return text.decode(errors="replace")

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            os.close(self._terminal)
            self.daemon = None

    def flush(self):
        """Try everything that is deferred, now."""
        self.lab.run([self.root / "usr/sbin/postqueue", "-c", self.dir / "conf", "-f"], user="root",
                     env={"LD_LIBRARY_PATH": self.libraries})

    def log(self, pattern=None):
        """Lines of the log; with PATTERN those that a regular expression finds."""
        try:
            lines = self.log_path.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if pattern is None or re.search(pattern, line)]

    def wait_log(self, pattern, number=1, timeout=20):
        """Wait for NUMBER lines that a regular expression finds; gives them."""
        wait_until(lambda: len(self.log(pattern)) >= number, timeout, f"{number} of /{pattern}/ in {self.name}'s log")
        return self.log(pattern)

    def mailbox(self, name):
        """Messages in a mailbox, oldest first: email.message.Message with .raw, the bytes."""
        messages = []
        folder = self.dir / "mbox" / name / "new"
        if folder.is_dir():
            for path in sorted(folder.iterdir(), key=lambda p: p.stat().st_mtime_ns):
                message = email.message_from_bytes(path.read_bytes())
                message.raw = path.read_bytes()
                messages.append(message)
        return messages

    def wait_mailbox(self, name, number=1, timeout=20):
        """Wait for NUMBER messages in a mailbox; gives them."""
        wait_until(lambda: len(self.mailbox(name)) >= number, timeout,
                   lambda: f"{number} messages for {name} at {self.name}, which has {len(self.mailbox(name))}")
        return self.mailbox(name)
