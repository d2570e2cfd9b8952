"""Attackers of the company, from the second week on: what they gain is in the same table.

A stranger with one live tag of u11, taken from a list's archive; one who copies DKIM signatures into spam; a customer
(with SMTP AUTH) who writes a colleague's address into From; one who plants Message-IDs through the list, the content
filter and a Sieve redirect; one who makes spam look like a forwarded bounce; and floods.
"""

import company_corpus as corpus
from company_days import source
from company_world import *

FIRST_DAY, FLOOD_DAY = 12, 20
DKIM = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=firma.test; s=mail; h=from:to; bh=MTIz; b=MTIz\n"


class Attackers:
    def __init__(self, company, random, n=1):
        self.c, self.random, self.n = company, random, max(1, n // 2)
        self.stolen = None          # u11's message, whose tag is known
        self.claimed = None         # the customer's own message with u05 in From
        self.planted = []           # ids that a stranger made pass here

    def attack(self, kind, rcpt, message, **how):
        return self.c.comes("attack", kind, rcpt, message, source(self.random, 30), **how)

    def receive(self):
        if self.c.day < FIRST_DAY:
            return
        if self.c.day == FIRST_DAY:
            self._prepare()
        self._stolen_tag()
        self._dkim()
        self._ids()
        if self.c.day == FLOOD_DAY:
            self._floods()

    def _prepare(self):
        c = self.c
        self.stolen = c.submit([("archived", f"u11@{DOMAIN}", ["archive@lists.test"])])[0]
        self.claimed = c.submit([("claimed", f"mallory@{CUSTOMER}", ["x@lists.test"], f"u05@{DOMAIN}")])[0]
        c.settle()
        for rcpt in (f"team@{DOMAIN}", f"u20@{DOMAIN}", f"u02@{DOMAIN}"):
            note, text = c.compose("planted", f"u05@{DOMAIN}", [rcpt], headers={"Reply_To": f"u05@{DOMAIN}"})
            del c.ledger.by_id[note.id]         # the company never sent it
            for sender in (note.sender, "x@spam.test"):
                assert c.relay.inject(sender, rcpt, text, source(self.random, 30)).data.code == 250
            self.planted.append(note)
        c.relay.wait_idle()
        copies = [e for e in c.world.messages if any(n.id.encode() in e.data for n in self.planted)]
        assert len(copies) == 6, copies         # four by the list, two by the redirect
        for envelope in copies:
            signed = "prvs=" in envelope.sender and envelope.sender.endswith(f"=u05@{DOMAIN}")
            c.note("relay", "attack", "tag in a copy that is sent on", 250 if signed else 550, [], "", repr(envelope))
        for note in self.planted:
            note.data, note.tags = b"From: u05@%s\r\nMessage-ID: <%s>\r\n\r\nspam\r\n" % (
                DOMAIN.encode(), note.id.encode()), {note.rcpts[0]: note.sender}

    def _stolen_tag(self):
        tag, user = self.stolen.tag, self.stolen.sender
        bait = corpus.dsn(self.stolen, tag)
        for _ in range(2 * self.n):
            self.attack("bounce to the stolen tag", tag, bait)
        self.attack("stolen tag in what is returned", user, corpus.qmail(self.stolen, user).replace(
            self.stolen.id.encode(), b"unknown@spam.test"))
        other = f"u12@{DOMAIN}"
        spam = corpus.backscatter("qmail", other)
        self.attack("stolen tag with another's address", tag.replace(user, other), spam)
        self.attack("stolen tag returned to another", other, spam.replace(f"Return-Path: <{other}>".encode(),
                                                                          f"Return-Path: <{tag}>".encode()))
        self.attack("stolen tag with a digit changed", tag[:5] + ("1" if tag[5] != "1" else "2") + tag[6:], spam)

    def _dkim(self):
        """Spam that a firma.test's signature was copied into, returned by three networks."""
        victim = f"{self.random.choice(['u13', 'u14'])}@{DOMAIN}"
        for _ in range(2):
            spam = corpus.backscatter("postfix-bounce", victim).replace(
                f"From: Alice <{victim}>".encode(), f"{DKIM}From: Alice <{victim}>".encode())
            assert DKIM.encode() in spam
            self.attack("copied DKIM signature", victim, spam)

    def _ids(self):
        user = f"u05@{DOMAIN}"
        self.attack("bounce that cites the customer's id", user, corpus.from_corpus("qmail", user, self.claimed.id))
        note = self.random.choice(self.planted)
        self.attack("bounce that cites a planted id", user, corpus.from_corpus("qmail", user, note.id))

    def _floods(self):
        for _ in range(50 * self.n):
            victim = f"{self.random.choice(USERS)}@{DOMAIN}"
            self.attack("flood on the domain", victim, corpus.backscatter("postfix-bounce", victim))
        user = f"u05@{DOMAIN}"
        for _ in range(25):
            self.attack("bounce that cites the customer's id", user, corpus.from_corpus("qmail", user, self.claimed.id),
                        servers=["relay"])
        for n in range(12):
            victim = f"{self.random.choice(USERS)}@{DOMAIN}"
            self.c.comes("attack", "forged bounce of another account", victim,
                         corpus.forwarded_bounce(victim, f"spam{n}@provider.test"), "127.30.98.9")
        tag = self.stolen.tag
        for _ in range(FLOOD_BASE + 30):
            self.c.comes("attack", "flood on the stolen tag, one network", tag, corpus.dsn(self.stolen, tag), "127.30.99.9")
        # A real bounce to the same tag, from elsewhere, on the same day.
        self.c.comes("legitimate", "bounce to a tag that is under attack", tag, corpus.dsn(self.stolen, tag),
                     source(self.random, 10))
