"""The world of the soak: four Exims, two with exim-batv and the same two without it, a Postfix, and a server that takes all else.

    rebuilt, heavy                  with us
    rebuilt-without, heavy-without  the same source or package without us

Each Exim has two domains: NAME.test, and NAME-lists.test, whose mail to lists.test leaves untagged.
"""

import os
import re
import subprocess
import threading
from collections import deque
from pathlib import Path

from batv import *
from lab_debian import HEAVY, REBUILT, Installation, chosen_version, debian_exim
from soak_gauges import Gauges, cpu_of
from soak_ledger import NUMBER, Book, Keys

PCS = "127.0.0.30"
USERS = [f"u{n:03}" for n in range(300)]
CONF = """\
domains = {name}.test
own_hosts = 127.0.0.1
grace = 0s
memory_capacity = {capacity}
[policy lists]
domains = {name}-lists.test
unsigned_destinations = *@lists.test
"""
CAPACITIES = "300k", "290k"

# All mail for people of ours goes into one folder, which is emptied all the time.
MAILBOX_ROUTER = """
soak_mailboxes:
  driver = accept
  domains = +local_domains
  local_parts = ^u[0-9]
  transport = soak_mailbox
"""
MAILBOX_TRANSPORT = """
soak_mailbox:
  driver = appendfile
  directory = LAB_DIR/arrived
  create_directory
  message_prefix =
  message_suffix =
  return_path_add
  headers_add = X-Arrived: $local_part@$domain
"""
# After a SIGHUP Exim may find its port in use by a child that it has just forked; by default it tries again 30 seconds later.
OPTIONS = {"smtp_accept_max": "300", "smtp_connect_backlog": "300", "daemon_startup_sleep": "1s", "daemon_startup_retries": "60"}


class World(Sink):
    """Everybody else: takes all, refuses refused*, puts off later* once, and gives each message to a function.

    Recipients name the Exim that wrote to them, in the first label of their domain.
    """

    def __init__(self, lab, name, address="127.0.0.2"):
        self.book, self.on_message, self.tried = None, lambda mail, rcpt: None, set()
        super().__init__(lab, address, name=f"world-{name}")
        self.transcript = deque(maxlen=40)

    def _reply(self, stage, text, default):
        if stage == "rcpt" and text.startswith("refused"):
            return "550 5.1.1 no such user"
        if stage == "rcpt" and text.startswith("later") and text not in self.tried:
            self.tried.add(text)
            return "451 4.2.1 later"
        return default

    def _finish(self, envelope):
        for rcpt in envelope.recipients:
            mail = self.book.came("world", rcpt, envelope.sender, envelope.data.split(b"\r\n\r\n", 1)[0] + b"\r\n")
            if mail:
                mail.data = envelope.data
                self.on_message(mail, rcpt)
        return "250 2.0.0 taken"


class Mailboxes:
    """Takes what arrives in a folder into the book."""

    def __init__(self, book, folder):
        self.book, self.folder = book, folder

    def read(self):
        """Take what is there; gives how many."""
        files = [f for f in os.scandir(self.folder) if not f.name.startswith("temp.")]
        for file in files:
            with open(file.path, "rb") as text:
                self._take(text.read())
            os.unlink(file.path)
        return len(files)

    def _take(self, raw):
        head, _, body = raw.partition(b"\n\n")
        own = b"\n" + head + b"\n"
        address = re.search(rb"\nX-Arrived: (\S+)\n", own)[1].decode()
        sender = re.search(rb"(?i)\nReturn-path: <(.*)>\n", own)[1].decode()
        if NUMBER.search(own):
            self.book.came("mailbox", address, sender, own, head)
        else:
            self.book.came("bounce", address, sender, body, head)


class Site:
    """One Exim of the soak, with or without us, and all that belongs to it."""

    def __init__(self, lab, name, kind, ours, bounces):
        """BOUNCES is the route to the server that bounces what nobody wants; see the Postfix."""
        self.lab, self.name, self.kind, self.ours = lab, name, kind, ours
        self.domain, self.lists = f"{name}.test", f"{name}-lists.test"
        self.batv = Batv(lab, name=f"batv-{name}", kind=kind, conf=self.conf(0)) if ours else None
        self.book = Book(name, Keys(self.batv.state_dir / "state") if ours else None)
        self.world = World(lab, name)
        self.world.book = self.book
        self.gauges = Gauges()
        self.exim = self._exim(lab, name, kind, bounces)
        self.mailboxes = Mailboxes(self.book, lab.mkdir(name, "arrived"))
        self.log_at = 0

    def conf(self, capacity):
        return CONF.format(name=self.name, capacity=CAPACITIES[capacity])

    def _exim(self, lab, name, kind, bounces):
        route = f"postfix.test {bounces} byname\n* {self.world.route()} byname"
        shared = {"options": dict(OPTIONS), "port": lab.port(), "domain": self.domain, "users": ["postmaster"], "name": name}
        config = {"local_domains": f"{self.domain} : {self.lists}", "routers": MAILBOX_ROUTER, "transports": MAILBOX_TRANSPORT}
        if self.ours:
            exim = batv_exim(lab, self.batv, route, start=False, installation=Installation(lab, name, kind), **shared, **config)
        else:
            binary = plain_exim() if kind == REBUILT else debian_exim(lab, HEAVY, chosen_version())
            exim = Exim(lab, binary=binary, config=exim_config(route=route, **config), start=False, **shared)
        exim.alias("group", f"{USERS[1]}, partner@elsewhere.test")
        return exim

    def new_lines(self, pattern):
        """Lines of the main log since the last call that a regular expression finds."""
        with open(self.exim.dir / "log" / "mainlog", errors="replace") as file:
            file.seek(self.log_at)
            lines = file.readlines()
            self.log_at = file.tell()
        return [line for line in lines if re.search(pattern, line)]

    def whereabouts(self):
        """What is still due, and what the logs say of the first."""
        mails, log = list(self.book.open.values())[:20], self.postfix.log()
        ours = [line for line in self.exim.mainlog() if mails and (mails[0].sender in line or f"soak.{mails[0].number}@" in line)]
        # Postfix calls a bounce by another id than the message.
        queue_ids = re.findall(r"\]: ([0-9A-F]{8,}): to=", "\n".join(line for line in log if mails and mails[0].rcpts[0] in line))
        queue_ids += re.findall(r"notification: (\S+)", "\n".join(line for line in log if any(i in line for i in queue_ids)))
        theirs = [line for line in log if any(i in line for i in queue_ids)]
        return "\n".join([f"{self.name}: {mails}", f"queue: {self.exim.spool_ids()}", *ours[-20:], *theirs[-20:]])

    def daemons(self):
        """(role, pid) of what lives long."""
        return [(f"{self.name}: exim", self.exim.daemon.pid)] + (
            [(f"{self.name}: batvd", self.batv.daemon.pid)] if self.ours else [])

    def cpu(self):
        return sum(cpu_of(pid) for _, pid in self.daemons())

    def sample(self):
        for role, pid in self.daemons():
            self.gauges.sample(role, pid)

    def armed(self):
        return {self.domain, self.lists} <= {d["domain"] for d in self.batv.json("status")["domains"] if d["armed"]}


def plain_exim():
    """The Exim of the rebuilt one's source without us, as `make bench` compares with."""
    out = BUILD / f"exim-{chosen_version()}" / "plain"
    done = subprocess.run([TOP / "test-harness/bench/plain", BUILD / f"exim-{chosen_version()}", out], text=True, timeout=600,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise LabError(done.stdout)
    return out / "exim"


def build_world(lab, kinds=(REBUILT, HEAVY)):
    """All Sites, with us and without, started."""
    names = [(kind if ours else f"{kind}-without", kind, ours) for kind in kinds for ours in (True, False)]
    place = "127.0.0.2", lab.port("127.0.0.2")
    sites = [Site(lab, name, kind, ours, "{}::{}".format(*place)) for name, kind, ours in names]
    homes = ", ".join(f"{{{d} = smtp:[{s.exim.address}]:{s.exim.port}}}" for s in sites for d in (s.domain, s.lists))
    settings = {"transport_maps": f"inline:{{ {homes} }}", "minimal_backoff_time": "1s", "maximal_backoff_time": "2s",
                "queue_run_delay": "1s"}
    postfix = Postfix(lab, address=place[0], port=place[1], domain="postfix.test", relayhost=("127.0.0.1", sites[0].exim.port),
                      settings=settings)
    for site in sites:
        site.postfix = postfix
        site.exim.start()
        site.new_lines("")
    return sites


__all__ = [name for name in dir() if not name.startswith("_")]
