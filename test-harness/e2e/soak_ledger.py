"""Every message of the soak: what is due for it, and what came.  Nothing may come twice, or stay due at the end."""

import hashlib
import hmac
import re
import threading
from collections import Counter, namedtuple

from batv import TAG, untagged
from company_ledger import Sent

NUMBER = re.compile(rb"(?m)^X-Soak: (\d+)\r?$")
STATUS = re.compile(rb"(?m)^X-BATV-Status: (\S+; action=\w+)")
WRONG_MAX = 50      # reasons that are kept; the first ones say it all


# How a message must come: its sender, "signed", "bare" or "null" (None: no matter), and what our header says (None: there is none).
Due = namedtuple("Due", "sender status", defaults=(None,))


class Mail(Sent):
    """One message.  `due` has (place, address): Due for each delivery that is to come; empty at first: it must be refused.

    Places are world (another server took it), mailbox (one of ours got it) and bounce (its sender got it back).
    """

    def __init__(self, number, kind, sender, rcpts, due):
        super().__init__(f"soak.{number}@pc.test", kind, sender, sender, rcpts, 0)
        self.number, self.due, self.to_refuse = number, due, not due
        self.first = None       # the sender that a server saw which put it off

    def __repr__(self):
        return f"{self.number} {self.kind} <{self.sender}> due {self.due}"


class Keys:
    """What is a valid tag: computed here from the keys in the published state, with Python's own HMAC."""

    def __init__(self, state):
        self.state, self.keys, self.known = state, [], set()

    def read(self):
        fields = [line.split() for line in self.state.read_text().splitlines() if line.startswith("key ")]
        self.keys = [(f[3] + f[4], f[8].encode()) for f in fields]

    def valid(self, address):
        if address in self.known:
            return True
        for _ in range(2):
            if any(self._made_by(head, key, address) for head, key in self.keys):
                self.known.add(address)
                return True
            self.read()         # it may be new
        return False

    @staticmethod
    def _made_by(head, key, address):
        mac = hmac.new(key, (head + untagged(address).lower()).encode(), hashlib.sha1).hexdigest()[:6]
        return address.startswith(f"prvs={head}{mac}=")


class Book:
    """All messages of one Exim.  Those that are closed are only counted."""

    def __init__(self, name, keys):
        self.name, self.keys = name, keys
        self.changed = threading.Condition()
        self.last, self.open = 0, {}
        self.done, self.senders, self.wrong = Counter(), Counter(), []

    def note(self, kind, sender, rcpts, due):
        """A message that is about to be sent."""
        with self.changed:
            self.last += 1
            mail = Mail(self.last, kind, sender, rcpts, dict(due))
            self.open[mail.number] = mail
            return mail

    def refused(self, mail):
        """It was refused, as it should be."""
        with self.changed:
            del self.open[mail.number]
            self.done[f"{mail.kind}: refused"] += 1
            self.changed.notify_all()

    def complain(self, text):
        with self.changed:
            self.wrong += [f"{self.name}: {text[:2000]}"] if len(self.wrong) < WRONG_MAX else []

    def came(self, place, address, sender, data, headers=b""):
        """A message was delivered; its number is in DATA, a bounce has that of what it returns.  Gives the Mail, or None."""
        match = NUMBER.search(data)
        if not match:
            return self.complain(f"{place} {address}: a message without number from <{sender}>: {data[:1500]!r}")
        with self.changed:
            number = int(match[1])
            mail = self.open.get(number)
            if not mail or (place, address) not in mail.due:
                return self.complain(f"{place} {address}: came again or never should: {mail or number}")
            self._check(mail, mail.due.pop((place, address)), place, sender, headers)
            mail.tags[address] = sender
            if not mail.due:
                del self.open[number]
                self.done[f"{mail.kind}: delivered"] += 1
                self.changed.notify_all()
        return mail

    def _check(self, mail, due, place, sender, headers):
        status, wanted = STATUS.search(headers), due.sender
        status = status[1].decode() if status else None
        if status != due.status:
            self.complain(f"{place}: X-BATV-Status {status}, should be {due.status}: {mail}")
        if wanted is None:
            return
        self.senders[wanted] += 1
        if wanted == "null" and sender:
            self.complain(f"{place}: a bounce from <{sender}>: {mail}")
        if wanted == "bare" and sender != mail.sender:
            self.complain(f"{place}: <{sender}> must be untagged: {mail}")
        if wanted == "signed" and not (re.sub(f"^{TAG}", "", sender) == mail.sender and self.keys.valid(sender)):
            self.complain(f"{place}: <{sender}> is no valid tag: {mail}")
        if mail.first not in (None, sender):
            self.complain(f"{place}: was <{mail.first}> at first, and is <{sender}> now: {mail}")

    def put_off(self, number, sender):
        """A server answered 451; the next try must have the same sender."""
        with self.changed:
            if mail := self.open.get(number):
                mail.first = sender

    def wait_room(self, limit, over):
        """Wait until fewer than LIMIT messages are under way, or the event OVER."""
        with self.changed:
            while len(self.open) >= limit and not over.is_set():
                self.changed.wait(0.2)

    def finished(self):
        return sum(self.done.values())
