"""exim-batv in the laboratory: a state directory, batvd, batvctl, and an Exim with the shipped snippets."""

import json
import os
import re
import socket
import threading

from lab import *
from kinds import chosen_kind
from lab_debian import Installation, conf_for

SNIPPETS = TOP / "exim-snippets"

# The laboratory plays the whole Internet on 127.0.0.0/8: only 127.0.0.1 is ours.
CONF = """\
domains = +local_domains
own_hosts = 127.0.0.1
"""


def fnv64(data):
    """FNV-1a, 64 bits, in hex: sums of state and configuration, see docs/formats.md."""
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


class Batv:
    """One installation: DIR/state, DIR/exim-batv.conf, and the daemon when it is started.

    conf() replaces the configuration; ctl() runs batvctl; reload() makes the daemon look, and
    waits for a state that is newer.  The clock of the laboratory is followed by itself.
    ENV is for the daemon.  KIND is the kind of installation that it serves, if a test names one.
    """

    def __init__(self, lab, name="batv", conf=CONF, start=True, exim=None, env=None, kind=None):
        self.lab, self.name = lab, name
        self.dir = lab.mkdir(name)
        self.state_dir = lab.mkdir(name, "state", mode=0o750)
        self.conf_path = self.dir / "exim-batv.conf"
        self.exim = exim
        self.kind = kind or chosen_kind()
        self.daemon = None
        self.under = []                 # what runs our programs, such as valgrind
        self.told = []                  # what batvd told systemd
        self.env = {"NOTIFY_SOCKET": self._listen(), **(env or {})}
        self.conf(conf)
        lab.add_report(lambda: (f"{name}, batvd", tail(self.dir.parent / f"{self.name}-batvd.output", 25)))
        lab.clock.on_step.append(self._follow_clock)
        if start:
            self.start()

    # -- configuration

    def conf(self, text, **settings):
        """Write the configuration: TEXT, then SETTINGS as further lines before any section."""
        head, bracket, sections = text.partition("\n[")
        lines = [f"directory = {self.state_dir}"]
        if self.exim:
            lines.append(f"exim = {self.exim}")
        lines += [f"{key} = {value}" for key, value in settings.items()]
        given = {line.partition("=")[0].strip() for line in lines}
        lines += [line for line in head.splitlines() if line.partition("=")[0].strip() not in given]
        given |= {line.partition("=")[0].strip() for line in lines}
        defaults = {**conf_for(self.kind), "exim": "none"}      # never this machine's
        lines += [f"{key} = {value}" for key, value in defaults.items() if key not in given and not text.startswith("[")]
        self.lab.write(self.conf_path, "\n".join(lines) + "\n" + (bracket + sections).lstrip("\n"))

    def set(self, text=CONF, **settings):
        """conf(), and wait until the daemon has seen that by itself and published it."""
        self.conf(text, **settings)
        text = self.conf_path.read_bytes()
        legacy = re.search(rb"^legacy_keys = (.+)$", text, re.M)
        config = f"config {fnv64(text + (open(legacy[1], 'rb').read() if legacy else b''))}"
        wait_until(lambda: config in (self.state_dir / "state").read_text().splitlines(), 15,
                   "a state of the new configuration")

    # -- daemon

    def start(self):
        """Start batvd, wait until it is ready."""
        self.told.clear()
        self.daemon = self.lab.spawn(f"{self.name}-batvd", [*self.under, BUILD / "batvd", "-c", self.conf_path, "-f", "-d"],
                                     env=self.env)

        def ready():
            if not self.daemon.alive():
                raise LabError(f"batvd did not start: {self.daemon.output()}")
            return "READY=1" in self.told
        wait_until(ready, 15, "batvd to start")
        return self

    def _listen(self):
        """Play systemd: a socket for sd_notify(), read by a thread."""
        end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        end.bind(str(self.dir / "notify"))
        (self.dir / "notify").chmod(0o777)

        def listen():
            while data := end.recv(4096):
                self.told += data.decode().splitlines()
            end.close()
        threading.Thread(target=listen, daemon=True).start()
        self.lab.on_end(lambda: end.shutdown(socket.SHUT_RDWR))
        return self.dir / "notify"

    def log(self):
        """What batvd said, all its runs."""
        path = self.lab.dir / f"{self.name}-batvd.output"
        return path.read_text(errors="replace").splitlines() if path.exists() else []

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def serial(self):
        """The published state's serial; 0 when there is no state."""
        try:
            match = re.search(r"^serial (\d+)$", (self.state_dir / "state").read_text(), re.M)
        except OSError:
            return 0
        return int(match[1]) if match else 0

    def reload(self):
        """SIGHUP, and a bounded wait: a newer state is published, and batvd has decided who refuses."""
        before, hears = self.serial(), bool(self.told)      # a daemon that a test started itself tells us nothing
        self.told.clear()
        self.daemon.hup()
        wait_until(lambda: self.serial() > before and (not hears or "READY=1" in self.told), 15,
                   "a newer state after SIGHUP")

    def _follow_clock(self):
        if self.daemon and self.daemon.alive():
            self.reload()

    # -- batvctl

    def ctl(self, *argv, check=True, **run):
        """Run batvctl as the state's owner; gives the CompletedProcess."""
        return self.lab.run([*self.under, BUILD / "batvctl", "-c", self.conf_path, *argv], check=check, **run)

    def json(self, *argv, check=False):
        """batvctl ... --json, parsed.  (status answers 1 when it has problems to report.)"""
        return json.loads(self.ctl(*argv, "--json", check=check).stdout)

    def status(self, *argv, **run):
        """batvctl status with all that it knows; each problem of the page is one line, however wide the page is."""
        done = self.ctl("status", "--domains", "all", *argv, check=False, **run)
        page, gap, details = done.stdout.partition("\n\n")
        done.stdout = re.sub(r"\n  (?=\S)", " ", page) + gap + details
        return done

    def problems(self):
        """What status finds wrong; without an Exim in the laboratory, not that none has called."""
        return [p for p in self.json("status")["problems"] if not p.startswith("no Exim has called")]

    def sign(self, address, *argv):
        """The tagged address, as batvctl makes it."""
        return self.ctl("sign", *argv, "--", address).stdout.split()[0]

    def observe_file(self, there):
        path = self.state_dir / "observe"
        if there:
            self.lab.write(path, "")
        else:
            path.unlink()


def batv_exim(lab, batv, route, name="ours", main="", acl="", unsign=True, router=True, transport=True,
              reception=True, installation=None, **config):
    """An Exim with the shipped snippets.  ROUTE is where other domains go (a Sink, a Postfix, or a text).

    unsign, router, transport: which of the shipped pieces are used; reception: does local_scan() sign?
    `start` and other keywords of Exim go through EXIM_KEYWORDS, the rest to exim_config.  INSTALLATION (lab_debian.py) is by default
    the kind that $BATV_KIND names, an Exim with exim-batv compiled in.  Its `so` is what BATV_SO is.
    """
    installation = installation or Installation(lab, name)
    router, transport = router and installation.functions, transport and installation.functions
    keywords = {k: config.pop(k) for k in list(config)
                if k in ("address", "binary", "port", "domain", "hostname", "options", "macros", "users", "start")}
    if installation.binary:
        keywords.setdefault("binary", installation.binary)
    keywords["options"] = {**installation.options, **keywords.get("options", {})}
    include = lambda file: f".include {SNIPPETS}/{file}\n"
    if not isinstance(route, str):
        route = f"* {route.route()}"
    text = exim_config(
        main=f"domainlist batv_dir = {batv.state_dir}\n{installation.main}{main}\n"
             f"{'' if reception else 'BATV_RECEPTION = no'}\n{include('main.conf')}",
        acl=acl + installation.acl,
        routers=(include("router-unsign.conf") if unsign else "") + config.pop("routers", ""),
        remote_router=(include("router-sign.conf") if router else "") + config.pop("remote_router", ""),
        remote_transport=(include("transport-sign.conf") if transport else "") + config.pop("remote_transport", ""),
        route=route, **config)
    exim = Exim(lab, name=name, config=text, **keywords)
    exim.installation = installation
    exim.so = installation.so if installation.loads else ""     # for ${dlfunc{...}
    return exim


TAG = r"prvs=[0-9]{4}[0-9a-f]{6}="


def is_signed(address, bare):
    """Is ADDRESS the tagged form of BARE, in the default style?"""
    return re.fullmatch(TAG + re.escape(bare), address) is not None


def untagged(address):
    """The address without its tag, in either style: local_scan() takes it off, an ACL alone does not."""
    return re.sub(TAG + r"|\+prvs=[0-9]{4}[0-9a-f]{6}(?=@)", "", address)


def kept(exim, address):
    """The address that a delivery shows in Exim's log: a router keeps the one that came."""
    return untagged(address) if exim.installation.local_scan else address


def bounce(rcpt, original_sender=None, subject="Undelivered Mail Returned to Sender", message_id="orig@test"):
    """A DSN of RFC 3464, as another server would make it, for mail that was sent from RCPT."""
    sender = original_sender or rcpt
    return (f"From: MAILER-DAEMON@mx.theirs.test (Mail Delivery System)\n"
            f"To: {rcpt}\nSubject: {subject}\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
            f"Message-ID: <bounce.{os.urandom(6).hex()}@mx.theirs.test>\n"
            f'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\n\n'
            f"--b1\nContent-Type: text/plain\n\nI'm sorry, your message could not be delivered.\n"
            f"--b1\nContent-Type: message/delivery-status\n\n"
            f"Reporting-MTA: dns; mx.theirs.test\n\nFinal-Recipient: rfc822; unknown@theirs.test\n"
            f"Action: failed\nStatus: 5.1.1\n\n"
            f"--b1\nContent-Type: message/rfc822\n\n"
            f"Return-Path: <{sender}>\nFrom: {sender}\nTo: unknown@theirs.test\n"
            f"Message-ID: <{message_id}>\nSubject: hello\n\nhello\n--b1--\n")


def prove(batv, exim, domain="test", users=("alice", "bob", "carol")):
    """Valid bounces to three tags from three networks: all the evidence that a domain needs, in a second.

    Where the evidence itself is the subject, let mail leave signed on three days instead.  A user who appears in
    USERS again gets another tag by another key.
    """
    for number, user in enumerate(users, 1):
        if user in users[:number - 1]:
            batv.ctl("rotate")
        tag = batv.sign(f"{user}@{domain}")
        result = exim.inject("", tag, bounce(tag), source=f"127.0.{number}.9")
        if not result.data or result.data.code != 250:
            raise LabError(f"a valid bounce was not accepted: {result}")


def is_our_line(line, starts=""):
    """Is it a line of exim-batv in Exim's main log, whose text begins with STARTS?"""
    return re.match(OUR_LINE + re.escape(starts), line) is not None


def batv_lines(exim, **fields):
    """The log's decision lines as dictionaries, those that have all of FIELDS."""
    lines = []
    for line in exim.mainlog(OUR_LINE + "verdict="):
        entry = dict(re.findall(r"([\w-]+)=(\S+)", re.sub(OUR_LINE, "", line)))
        if all(entry.get(k) == v for k, v in fields.items()):
            lines.append(entry)
    return lines
