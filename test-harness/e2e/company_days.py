"""What happens at the company in a day: what it sends, what its correspondents' machines answer, and backscatter."""

import company_corpus as corpus
from company_world import *

REAL_DAYS = 3, 10, 17, 24       # when the real servers of the world get mail
SITES = [f"site{n}.test" for n in range(1, 9)]


def source(random, net):
    """An address of the world; NET is the second octet: 10 honest correspondents, 20 backscatter."""
    return f"127.{net}.{random.randint(1, 40)}.{random.randint(2, 250)}"


class Days:
    """One day after another.  N is how much mail there is: with 1, a kind comes on two days of five, with 3 daily, with 4 twice."""

    def __init__(self, company, random, n=1):
        self.c, self.random, self.n = company, random, n
        self.share, self.rounds = min(1, 0.4 * n), max(1, n // 2)
        self.spam = corpus.formats(bounces=True)
        self.answers = corpus.formats(bounces=False)
        self.turn = 0

    # -- what leaves

    def send(self):
        c = self.c
        site = lambda: [f"bob@{self.random.choice(SITES)}"]
        mails = [("user", f"{u}@{DOMAIN}", site()) for _ in range(self.rounds) for u in self.random.sample(USERS[:19], 3)]
        mails += [("alias", f"u01@{DOMAIN}", site(), f"info@{DOMAIN}"), ("IDN", f"laden@{IDN_U if c.day % 2 else IDN}", site(), f"laden@{IDN_U}"),
                  ("customer", f"chef@{CUSTOMER}", site()), ("meeting", f"u05@{DOMAIN}", site()),
                  ("second domain", f"u06@{DOMAIN}", site(), f"chef@{CUSTOMER}")]
        if c.day % 7 == 1:
            mails.append(("newsletter", f"news@{DOMAIN}", [f"reader{i}@{SITES[i % 8]}" for i in range(60)], None,
                          {"List_Unsubscribe": f"<mailto:news@{DOMAIN}>", "Precedence": "bulk"}))
        if c.day in REAL_DAYS:
            mails += [("real", f"u07@{DOMAIN}", [rcpt]) for rcpt in
                      ("ghost@postfix.test", "ghost@exim.test", "refused@opensmtpd.test")]
            mails.append(("pigeonhole", f"u08@{DOMAIN}", ["dave@pigeonhole.test"]))
        c.submit(mails)
        c.web_shop([f"buyer@{self.random.choice(SITES)}"])
        if c.day % 3 == 1:
            c.submit([("group", f"u07@{DOMAIN}", [f"sales@{DOMAIN}"])])
        if c.day % 7 in (2, 4):
            c.submit([("list", f"u03@{DOMAIN}", [f"team@{DOMAIN}"])])
        c.settle()

    # -- what comes

    def receive(self):
        for _ in range(self.rounds):
            self._bounces()
            self._answers()
            self._notices()
        if self.c.day in REAL_DAYS:
            self._real()
        if self.c.day % 7 == 5:
            self._detours()
        self._backscatter()

    def legitimate(self, kind, rcpt, message, **how):
        if self.random.random() < self.share:
            self.always(kind, rcpt, message, **how)

    def always(self, kind, rcpt, message, **how):
        self.c.comes("legitimate", kind, rcpt, message, source(self.random, 10), **how)

    def _pick(self, newest, oldest, *kinds):
        """Something that left NEWEST to OLDEST days ago."""
        mails = self.c.ledger.left(self.c.day - newest, self.c.day - oldest, *kinds)
        return self.random.choice(mails) if mails else None

    def _bounces(self):
        """To the tag, up to five days later; in a format of the corpus; with nothing returned; to the header From."""
        for make in (corpus.dsn, corpus.qmail, self._in_corpus):
            if mail := self._pick(0, 5):
                self.legitimate("bounce to the tag", mail.tag, make(mail, mail.tag))
        if mail := self._pick(0, 5):
            self.legitimate("bounce that returns nothing", mail.tag, corpus.dsn(mail, mail.tag, returned=False))
        if mail := self._pick(0, 5, "newsletter"):
            for rcpt in self.random.sample(mail.rcpts, 3):
                tag = mail.tag_for(rcpt)
                self.always("bounce of a newsletter", tag, corpus.dsn(mail, tag, failed=rcpt))
        for kind in "list", "group":
            if mail := self._pick(0, 5, kind):
                self.legitimate(f"bounce of the {kind}'s mail", mail.tag, corpus.dsn(mail, mail.tag))
        if mail := self._pick(0, 5, "user", "IDN", "customer", "newsletter"):
            self.legitimate("bounce to From that returns the tag", mail.author, corpus.dsn(mail, mail.author))
        if mail := self._pick(0, 5, "user", "IDN", "customer", "newsletter", "shop"):
            self.legitimate("bounce to From that returns the id", mail.author,
                            corpus.from_corpus("qmail", mail.author, mail.id), servers=["relay"])

    def _in_corpus(self, mail, rcpt):
        """The next of the formats."""
        self.turn += 1
        return corpus.from_corpus(self.spam[self.turn % len(self.spam)], mail.sender, mail.id, mail.tag)

    def _answers(self):
        if mail := self._pick(0, 1, "user", "alias", "shop", "IDN", "customer", "newsletter", "second domain", "group"):
            self.legitimate("out-of-office to the tag", mail.tag, corpus.out_of_office(mail, mail.tag))
        for kind in ("user", "alias", "shop", "newsletter", "second domain", "group"):
            if mail := self._pick(0, 1, kind):
                self.legitimate("out-of-office that cites", mail.author, corpus.out_of_office(mail, mail.author))
                author = mail.rcpts[0] if self.random.random() < 0.5 else f"colleague@{SITES[0]}"
                self.legitimate("out-of-office without id", mail.author,
                                corpus.out_of_office(mail, mail.author, cites=False, author=author))
        if mail := self._pick(0, 9, "user", "alias", "IDN"):
            self.legitimate("receipt", mail.author, corpus.receipt(mail, mail.author))
            self.legitimate("receipt without id", mail.author, corpus.receipt(mail, mail.author, cites=False))
        if mail := self._pick(0, 5, "meeting"):
            self.legitimate("meeting reply", mail.author, corpus.meeting_reply(mail, mail.author))
        if mail := self._pick(0, 5, "user", "IDN"):
            self.turn += 1
            name = self.answers[self.turn % len(self.answers)]
            self.legitimate(f"answer in the corpus's formats", mail.author, corpus.from_corpus(name, mail.author, mail.id))

    def _notices(self):
        """What answers nothing of ours."""
        user = f"{self.random.choice(USERS)}@{DOMAIN}"
        made = [("journal report", f"journal@{DOMAIN}", corpus.journal), ("quota notice", user, corpus.quota),
                ("parcel notice", user, corpus.parcel), ("DMARC report", f"dmarc@{DOMAIN}", corpus.dmarc),
                ("ticket", user, corpus.ticket)]
        for kind, rcpt, make in made:
            self.legitimate(kind, rcpt, make(rcpt))
        if self.c.day % 3 == 0:
            self.always("bounce of another account", user,
                        corpus.forwarded_bounce(user, f"{user[:3]}.private@provider.test"))

    def _real(self):
        """What Postfix, Exim, OpenSMTPD and Pigeonhole made of today's mail."""
        for envelope in self.c.real_answers():
            self.always(f"made by a real server (HELO {envelope.helo})", envelope.recipients, envelope.data)

    def _detours(self):
        """What fetchmail fetches, here and elsewhere, and what a host inside bounces."""
        c = self.c
        for where in c.fetchers:
            mail = self._pick(0, 5, "user")
            c.mailbox.put(corpus.dsn(mail, "mary@provider.test").decode().replace(mail.tag, "mary@provider.test"))
            c.fetch(where)
        c.inner_bounces(f"u09@{DOMAIN}")

    def _backscatter(self):
        for _ in range(4 * self.rounds):
            self.turn += 1
            victim = f"{self.random.choice(USERS)}@{DOMAIN}"
            self.c.comes("backscatter", "DSN", victim, corpus.backscatter(self.spam[self.turn % len(self.spam)], victim),
                         source(self.random, 20))
        if self.c.day % 2:
            name = self.answers[self.turn % len(self.answers)]
            self.c.comes("backscatter", "answer that cites", victim, corpus.backscatter(name, victim), source(self.random, 20))
