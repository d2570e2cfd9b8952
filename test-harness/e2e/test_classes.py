"""Bounces, and mail that looks like them, through the real Exim: only structure and mailer-daemon decide alone."""

from answers import *

JOURNAL = ("--j\nContent-Type: text/plain\n\nSender: bob@theirs.test\nSubject: figures\nMessage-Id: <q@theirs.test>\n"
           "Recipient: carol@theirs.test\n--j\nContent-Type: message/rfc822\n\nFrom: bob@theirs.test\n\nhi\n--j--\n")
EXCHANGE = "Microsoft Exchange <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@theirs.test>"
FAR = "A line of a long text.\n" * 500      # more than 4 KiB, less than 16


def mixed(text, author, kind="message/rfc822"):
    original = f"Return-Path: <{author}>\nFrom: {author}\nSubject: a message\n\nhello\n"
    return f"--m\nContent-Type: text/plain\n\n{text}\n--m\nContent-Type: {kind}\n\n{original}\n--m--\n"


MIXED = {"Content_Type": 'multipart/mixed; boundary="m"'}

# what: (class, author, subject, body, more header fields)
MESSAGES = {
    "quarantine digest": ("other", "postmaster@filter.test", "You have 3 messages in quarantine", "Release them.\n", {}),
    "quota notice": ("other", "postmaster@test", "Your mailbox is almost full",
                     "Mail to you will get 552 5.2.2 Mailbox full\n", {}),
    "quota notice of a daemon": ("other", "MAILER-DAEMON@test", "Quota warning", "You use 450 of 500 MB.\n", {}),
    "journal report": ("other", EXCHANGE, "figures", JOURNAL,
                       {"Content_Type": 'multipart/mixed; boundary="j"', "X_MS_Journal_Report": ""}),
    "parcel": ("other", "info@parcels.test", "Failed delivery of your parcel", "We rang twice.\n", {}),
    "parcel of a postmaster": ("other", "postmaster@parcels.test", "Delivery delayed: your parcel", "Tomorrow.\n", {}),
    "quoting ticket": ("other", "help@desk.test", "[Ticket#77] my mail comes back",
                       "You wrote:\n> Delivery to the following recipient failed:\n> 550 5.1.1 no such user\n", {}),
    "attaching ticket": ("other", "help@desk.test", "we have your question", mixed("See below.", "alice@test"), MIXED),
    "subject alone": ("other", "bob@theirs.test", "Undeliverable: lunch", "Nobody came.\n", {}),
    "Auto:": ("other", "bob@theirs.test", "Auto: the new model", "It drives.\n", {"In_Reply_To": "<x@test>"}),
    "vacation request": ("other", "hr@theirs.test", "Vacation request of Bob", "Please approve.\n", {}),
    "vacation": ("autoreply", "bob@theirs.test", "Delivery report for October", "I am away.\n",
                 {"Auto_Submitted": "auto-replied"}),
    "encoded subject": ("dsn", "postmaster@theirs.test", "=?utf-8?B?VW5kZWxpdmVyYWJsZTogbHVuY2g=?=", "No.\n", {}),
    "code far away": ("dsn", "postmaster@theirs.test", "a message", FAR + "550 5.1.1 no such user\n", {}),
    "returned mail": ("dsn", "no-reply@theirs.test", "a message",
                      mixed("The server said: 550 5.1.1 no such user", "alice@test"), MIXED),
    "returned mail far away": ("dsn", "no-reply@theirs.test", "a message",
                               mixed(FAR + "The server said: 550 5.1.1 no", "alice@test"), MIXED),
    "returned tagged mail": ("dsn", "no-reply@theirs.test", "a message",
                             mixed("550 5.1.1 no such user", "prvs=1234abcdef=alice@test"), MIXED),
    "mail of another": ("other", "no-reply@theirs.test", "a message",
                        mixed("550 5.1.1 no such user", "carol@test"), MIXED),
    "invitation": ("dsn", "MAILER-DAEMON@theirs.test", "lunch", "BEGIN:VCALENDAR\n",
                   {"Content_Type": "text/calendar; method=REQUEST"}),
}


class TestClasses(Ours):
    def setup(self):
        self.lab.clock.set(1_900_000_000)
        self.batv = Batv(self.lab, conf=MEMORY)
        self.ours = batv_exim(self.lab, self.batv, Sink(self.lab))

    def test_each_message(self):
        wrong = {}
        for what, (class_, author, subject, body, headers) in MESSAGES.items():
            message = reply(author, subject, body, **headers)
            code, line = self.replay(message)
            if (line["class"], code) != (class_, 550 if class_ == "dsn" else 250):
                wrong[what] = line["class"], code
        assert not wrong, wrong

    def test_one_of_the_recipients_is_the_author(self):
        message = reply("no-reply@theirs.test", "a message", mixed("550 5.1.1 no such user", "carol@test"), **MIXED)
        for rcpts, class_ in ((["alice@test"], "other"), (["alice@test", "carol@test"], "dsn")):
            before = len(batv_lines(self.ours))
            self.ours.inject("", rcpts, message, STRANGER)
            assert {line["class"] for line in batv_lines(self.ours)[before:]} == {class_}
