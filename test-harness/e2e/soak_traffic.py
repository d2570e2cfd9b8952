"""The mail of the soak: who writes what, what must become of it, and the threads that send it."""

import os
import threading
import traceback
from collections import deque

import company_corpus as corpus
from soak_ledger import Due, Mail
from soak_world import *

UNDER_WAY = 32          # messages that an Exim may have at a time
SESSION = 9             # of a session; Exim only queues what comes tenth in one connection
WRITERS, STRANGERS = 5, 5
BODY = "The quick brown fox jumps over the lazy dog, and nobody knows why it always does.\n" * 24
# How often one of ours writes what, of 100.
WRITES = {"one": 42, "many": 16, "unsigned": 12, "ghost": 14, "refused": 10, "later": 6}
BACKSCATTER = "postfix-bounce", "exim-report", "sendmail-report", "qmail", "courier"


def text_of(mail, author, to, **headers):
    return make_message(author, ", ".join(to[:3]), body=BODY, Message_ID=f"<{mail.id}>", X_Soak=str(mail.number), **headers)


class Traffic:
    """All that is sent to and through one Site for a while: a turn.

    FLOOD: most of what strangers send is forged bounces.  ARMED: they are refused.
    """

    def __init__(self, site, random, flood=False, armed=True, writers=WRITERS, strangers=STRANGERS):
        self.site, self.book, self.random, self.flood, self.armed = site, site.book, random, flood, armed
        self.over, self.all_over = threading.Event(), threading.Event()
        self.answers = deque(maxlen=200)
        self.lost = 0           # sessions that came while Exim started again
        site.world.on_message = self._maybe_answer
        self.threads = [threading.Thread(target=self._guard, args=(f,)) for f in
                        (*[self._writer] * writers, *[self._stranger] * strangers)]
        self.postman = threading.Thread(target=self._guard, args=(self._postman,))

    def start(self):
        for thread in (*self.threads, self.postman):
            thread.start()

    def end_sending(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def end(self):
        self.over.set()
        self.all_over.set()
        self.postman.join()

    def _guard(self, function):
        try:
            function()
        except Exception:
            self.book.complain(traceback.format_exc())
            self.over.set()

    def _postman(self):
        while not self.all_over.wait(0.02):
            self.site.mailboxes.read()

    # -- sessions

    def _connect(self, source):
        """A session.  While Exim starts again after a SIGHUP nobody listens, and who was not yet greeted is cut off."""
        def attempt():
            try:
                session = self.site.exim.smtp(source, timeout=120)
            except ConnectionError:
                session = None
            if session and session.extensions:
                return session
            if session:
                session.close()
            return None
        session = attempt()
        if not session:
            self.lost += 1
            session = wait_until(attempt, 60, f"a connection to {self.site.name}")
        return session

    def _send(self, session, mail, text, params=""):
        """Send it; the book knows what must become of it."""
        result = session.send(mail.sender, mail.rcpts, text, params=params)
        codes = [reply.code for reply in (result.mail, *result.rcpts, result.data or result.mail)]
        if mail.to_refuse:
            if codes[-1] != 550 or not result.data or not result.data.text.startswith("5.7.1 "):
                self.book.complain(f"not refused: {mail}: {result}")
            self.book.refused(mail)
        elif any(code != 250 for code in codes):
            self.book.complain(f"not accepted: {mail}: {result}")

    def _status(self, verdict, action="accept"):
        return f"{verdict}; action={action}" if self.site.ours else None

    # -- ours write

    def _user(self, domain=None):
        return f"{self.random.choice(USERS)}@{domain or self.random.choice([self.site.domain, self.site.lists])}"

    def _someone(self, word="bob"):
        return f"{word}{self.random.randrange(10 ** 9)}@site{self.random.randrange(9)}.test"

    def _writer(self):
        while not self.over.is_set():
            with self._connect(PCS) as session:
                assert session.auth_plain("login", "secret").code == 235, session.dialogue()
                for _ in range(SESSION):
                    self.book.wait_room(UNDER_WAY, self.over)
                    if self.over.is_set():
                        break
                    mail = self.compose()
                    self._send(session, mail, text_of(mail, mail.sender, mail.rcpts))

    def compose(self, kind=None):
        """A message of ours."""
        kind = kind or self.random.choices(list(WRITES), WRITES.values())[0]
        sender = self._user(self.site.lists if kind == "unsigned" else None)
        signed = Due("signed" if self.site.ours else "bare")
        if kind == "ghost":
            return self.book.note(kind, sender, [f"ghost{self.random.randrange(10 ** 9)}@postfix.test"],
                                  {("bounce", sender): Due("null", self._status("valid"))})
        if kind == "refused":
            return self.book.note(kind, sender, [self._someone(kind)], {("bounce", sender): Due("null")})
        if kind == "unsigned":
            rcpts = [f"all{n}@lists.test" for n in range(self.random.randint(1, 2))]
            due = {("world", rcpt): Due("bare") for rcpt in rcpts}
            rcpts.append(self._someone())
            return self.book.note(kind, sender, rcpts, {**due, ("world", rcpts[-1]): signed})
        rcpts = [self._someone(kind) for _ in range(self.random.randint(2, 9) if kind == "many" else 1)]
        due = {("world", rcpt): signed for rcpt in rcpts}
        if kind == "many":
            ours = list({self._user() for _ in range(self.random.randint(0, 2))})
            rcpts, due = rcpts + ours, {**due, **{("mailbox", rcpt): Due(None) for rcpt in ours}}
        return self.book.note(kind, sender, rcpts, due)

    # -- what comes from the world

    def _maybe_answer(self, mail, rcpt):
        if mail.kind in ("one", "many", "local") and mail.sender and self.random.random() < 0.3:
            self.answers.append((mail, rcpt))

    def _source(self, first):
        return f"127.{first}.{self.random.randrange(256)}.{self.random.randint(1, 254)}"

    def _stranger(self):
        while not self.over.is_set():
            self.book.wait_room(UNDER_WAY, self.over)
            if self.over.is_set():
                return
            try:
                send = self._answer, *self.answers.popleft()
            except IndexError:
                send = (self.forged if self.flood and self.random.random() < 0.9 else self._ordinary),
            send[0](*send[1:])

    def _deliver(self, mail, message, source):
        with self._connect(source) as session:
            self._send(session, mail, b"X-Soak: %d\n" % mail.number + message)

    def _ordinary(self):
        sender, user = self._someone("stranger"), self._user()
        due = {("mailbox", user): Due("bare")}
        if self.random.random() < 0.1:
            group = f"group@{self.site.domain}"
            due = {("mailbox", f"{USERS[1]}@{self.site.domain}"): Due("bare"), ("world", "partner@elsewhere.test"): Due("bare")}
            mail = self.book.note("to a group", sender, [group], due)
        else:
            mail = self.book.note("from outside", sender, [user], due)
        self._deliver(mail, make_message(sender, mail.rcpts[0], body=BODY).encode(), self._source(10))

    def _answer(self, original, rcpt):
        """A server or a person elsewhere answers mail of ours: to the tag, or to the untagged address with what proves it."""
        tag, bare = original.tags[rcpt], original.sender
        kind, to, message = self.random.choice([
            ("bounce", tag, corpus.dsn(original, tag, failed=rcpt)),
            ("bounce without structure", tag, corpus.qmail(original, tag, failed=rcpt)),
            ("bounce to the untagged address", bare, corpus.dsn(original, bare, failed=rcpt)),
            ("out-of-office", tag, corpus.out_of_office(original, tag, cites=False, author=rcpt)),
            ("out-of-office to the untagged address", bare, corpus.out_of_office(original, bare, author=rcpt))])
        due = {("mailbox", bare): Due("bare", self._status("valid" if to == tag else "remembered"))}
        self._deliver(self.book.note(kind, "", [to], due), message, self._source(self.random.randint(11, 19)))

    def forged(self):
        """A bounce of spam that names one of ours, to the untagged address or to a tag that somebody made up."""
        bare = self._user()
        tagged = self.site.ours and self.random.random() < 0.4
        to = self._made_up(bare) if tagged else bare
        refused = self.site.ours and self.armed and (tagged or bare.endswith(f"@{self.site.domain}"))
        due = Due("bare", self._status("forged" if tagged else "missing", "mark"))
        mail = self.book.note("forged tag" if tagged else "forged bounce", "", [to], {} if refused else {("mailbox", bare): due})
        self._deliver(mail, self._spam(bare, to), self._source(self.random.randint(20, 250)))

    def _made_up(self, bare):
        if not self.book.keys.keys:
            self.book.keys.read()
        while True:
            head, _ = self.random.choice(self.book.keys.keys)
            address = f"prvs={head}{self.random.randrange(1 << 24):06x}={bare}"
            if not self.book.keys.valid(address):
                return address

    def _spam(self, bare, to):
        name = self.random.choice((*BACKSCATTER, "dsn", "qmail"))
        if name in BACKSCATTER:
            return corpus.backscatter(name, bare)
        spam = Mail(0, "spam", bare, ["victim@spam.test"], {})
        spam.id = f"{os.urandom(8).hex()}@spam.test"
        spam.tags["victim@spam.test"] = to
        spam.data = make_message(bare, "victim@spam.test", body=BODY, Message_ID=f"<{spam.id}>").encode()
        return (corpus.dsn if name == "dsn" else corpus.qmail)(spam, to)
