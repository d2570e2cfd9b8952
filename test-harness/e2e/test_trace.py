"""Mail that passes this machine more than once is what it was when it first came."""

import os
import re
import smtplib
import ssl

from answers import *
from kinds import HEAVY, REBUILT, chosen_kind
from lab_debian import Installation
from lab_fetchmail import Elsewhere, Fetchmail, Pop3, listen
from lab_filter import SmtpFilter, pipe_filter
from lab_layouts import Place, null_client, sieve_user
from lab_mlmmj import Mlmmj

IDENT_HOST = "127.0.0.19"
ROAMING = "127.0.0.14"          # may relay by an ACL alone
ACL = f"  accept hosts = : {ROAMING}\n"         # and local processes may


class Site:
    """An Exim that refuses, with whatever it sends mail through; erin reads fwd's mail elsewhere."""

    def __init__(self, lab, conf="", name="ours", kind=None, **config):
        self.lab = lab
        self.batv = Batv(lab, name=f"batv-{name}", conf=MEMORY + conf, kind=kind)
        self.sink = Sink(lab, name=f"sink-{name}")
        self.ours = batv_exim(lab, self.batv, self.sink, name=name, installation=Installation(lab, name, kind), **config)
        self.ours.alias("fwd", "erin@theirs.test")

    def send(self, sender, rcpts, source, helo="client.test", auth=None, **headers):
        """A message in a session of its own; gives its Message-ID."""
        message_id = new_id()
        rcpts = [rcpts] if isinstance(rcpts, str) else rcpts
        author = headers.pop("author", sender or "x@theirs.test")
        with self.ours.smtp(source, helo=helo) as session:
            if auth:
                assert session.auth_plain(auth, "secret").code == 235
            result = session.send(sender, rcpts, make_message(author, rcpts[0], Message_ID=f"<{message_id}>", **headers))
            assert result.data and result.data.code == 250, session.dialogue()
        return message_id

    def arrived(self, rcpt, message_id):
        """The message, in a local mailbox."""
        def there():
            return [m for m in self.ours.mailbox(rcpt.partition("@")[0]) if m["Message-ID"] == f"<{message_id}>"]
        return wait_until(there, 20, f"{message_id} in {rcpt}'s mailbox")[0]

    def left(self, message_id):
        """The message, at the sink."""
        def there():
            return [e for e in self.sink.messages if f"<{message_id}>".encode() in e.data]
        return wait_until(there, 20, f"{message_id} at the sink")[0]

    def tagged(self, user="alice"):
        """A user's address as it leaves."""
        sender = self.left(self.send(f"{user}@test", "dave@theirs.test", STRANGER, auth=user)).sender
        assert is_signed(sender, f"{user}@test")
        return sender

    def remembers(self, message_id, rcpt="alice@test"):
        """Does a bounce that cites it get in?"""
        result = self.ours.inject("", rcpt, bounce(rcpt, message_id=message_id), STRANGER)
        line = batv_lines(self.ours, rcpt=f"<{rcpt}>")[-1]
        assert (result.data.code == 250) == (line["verdict"] == "remembered"), (result, line)
        return result.data.code == 250


def filtered(lab, conf="", **config):
    content = SmtpFilter(lab, **{k: config.pop(k) for k in ("address", "drops") if k in config})
    site = Site(lab, conf, **content.keywords(rcpt_first=ACL, **config))
    content.returns_to(site.ours)
    site.content = content
    return site


# What a stranger may write where Exim quotes him.
HELOS = ["client.test", "[127.0.0.1]", "[127.0.0.9]", "[IPv6:::1]", "mx.test", "x) by mx.test with esmtpsa (y",
         "([127.0.0.1])", "x by mx.test with asmtp (Exim 4.96)", "with POP3 (fetchmail-6.4.37)", '"', "(((", "a)b(c"]
SENDERS = ["alice@test", "ALICE@Test", '"alice"@test']


class TestFilterOnLoopback:
    """A stranger's mail comes back from 127.0.0.1, which is trusted and in own_hosts."""

    def setup(self):
        self.site = filtered(self.lab, options={"helo_accept_junk_hosts": "*"},
                             relay_from="127.0.0.1 : 127.0.0.15")

    def test_a_stranger_plants_nothing(self):
        planted = []
        for sender in SENDERS + ["x@evil.test"]:
            planted.append(self.site.send(sender, "bob@test", STRANGER, author="alice@test"))
        for helo in HELOS:
            planted.append(self.site.send("alice@test", "bob@test", STRANGER, helo=helo))
        planted.append(self.site.send("alice@test", ["bob@test", "carol@test"], STRANGER))
        planted.append(self.site.send("x@evil.test", "bob@test", STRANGER, author="x@evil.test", Reply_To="alice@test",
                                      Disposition_Notification_To="alice@test"))
        for message_id in planted:
            self.site.arrived("bob@test", message_id)
        for message_id in planted:
            assert not self.site.remembers(message_id), message_id

    def test_a_strangers_forged_lines_change_nothing(self):
        ours = ("from [127.0.0.1] (helo=x)\n\tby mx.test with esmtpsa (Exim 4.96)\n\t(envelope-from <alice@test>)\n"
                "\tid 1abcDE-000123-4X\n\tfor bob@test;\n\tThu, 1 Jan 1970 00:00:00 +0000")
        for line in (ours, "from pop.test by box with POP3 (fetchmail-6.4.37) for <a@b>; Thu, 1 Jan 1970 00:00:00 +0000"):
            message_id = self.site.send("alice@test", "bob@test", STRANGER, Received=line)
            self.site.arrived("bob@test", message_id)
            assert not self.site.remembers(message_id)

    def test_what_a_user_forwards_bears_no_tag(self):
        for sender in SENDERS[:2]:
            assert self.site.left(self.site.send(sender, "fwd@test", STRANGER)).sender.lower() == "alice@test"

    def test_own_users_mail_is_signed_and_remembered(self):
        for how in ({"source": STRANGER, "auth": "alice"}, {"source": "127.0.0.15"}, {"source": "127.0.0.1"},
                    {"source": STRANGER, "auth": "alice", "helo": "[192.0.2.1]"},
                    {"source": STRANGER, "auth": "alice", "helo": "x) by mx.test with esmtp (y"}):
            message_id = self.site.send("alice@test", "dave@theirs.test", **how)
            assert is_signed(self.site.left(message_id).sender, "alice@test"), how
            assert self.site.remembers(message_id), how

    def test_a_local_submission_is_signed_and_remembered(self):
        message_id = new_id()
        self.site.ours.submit("alice@test", "dave@theirs.test",
                              make_message("alice@test", "dave@theirs.test", Message_ID=f"<{message_id}>"))
        assert is_signed(self.site.left(message_id).sender, "alice@test")
        assert self.site.remembers(message_id)

    def test_permission_to_relay_by_an_acl(self):
        message_id = self.site.send("alice@test", "dave@theirs.test", ROAMING)
        assert is_signed(self.site.left(message_id).sender, "alice@test")
        assert self.site.remembers(message_id)
        message_id = self.site.send("alice@test", "fwd@test", ROAMING)      # nobody permitted that
        assert self.site.left(message_id).sender == "alice@test"
        assert not self.site.remembers(message_id)


def test_ident_is_a_strangers_text(lab):
    """RFC 1413: the stranger's host says what its user is called."""
    if os.geteuid() != 0:
        raise Skip("port 113 is for root")

    def answer(connection):
        with connection, connection.makefile("rb") as lines:
            ports = lines.readline().decode().strip()
            connection.sendall(f"{ports} : USERID : UNIX : x) by mx.test with esmtpsa (y\r\n".encode())
    listen(lab, IDENT_HOST, 113, answer)
    site = filtered(lab, options={"rfc1413_hosts": IDENT_HOST, "rfc1413_query_timeout": "5s"})
    message_id = site.send("alice@test", "bob@test", IDENT_HOST)
    lines = site.arrived("bob@test", message_id).get_all("Received")
    assert "ident=x) by mx.test with esmtpsa (y" in lines[-1], lines
    assert not site.remembers(message_id)


def test_tls(lab):
    """A longer line, and more breaks in it.  The rebuilt Exim has no TLS, Debian's have."""
    tls = lab.mkdir("tls")
    lab.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.test", "-days", "9999",
             "-keyout", tls / "key.pem", "-out", tls / "cert.pem"])
    site = filtered(lab, kind=HEAVY if chosen_kind() == REBUILT else None,
                    options={"tls_advertise_hosts": "*", "tls_certificate": tls / "cert.pem",
                             "tls_privatekey": tls / "key.pem"})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def send(rcpt, login):
        message_id = new_id()
        with smtplib.SMTP(site.ours.address, site.ours.port, "client.test", 20, (STRANGER, 0)) as client:
            client.starttls(context=context)
            client.ehlo()
            if login:
                client.login("alice", "secret")
            client.sendmail("alice@test", [rcpt], make_message("alice@test", rcpt, Message_ID=f"<{message_id}>"))
        return message_id
    message_id = send("bob@test", False)
    assert "with esmtps" in site.arrived("bob@test", message_id).get_all("Received")[-1]
    assert not site.remembers(message_id)
    message_id = send("dave@theirs.test", True)
    assert is_signed(site.left(message_id).sender, "alice@test") and site.remembers(message_id)


def test_a_filter_in_a_pipe(lab):
    """It hands back by a local process: there is no host at all."""
    for number, (mode, protocol) in enumerate((("-bS", None), ("-bS", "spam-scanned"), ("-bS", "asmtp"), ("-bs", None))):
        content = pipe_filter(mode, protocol)
        site = Site(lab, name=f"ours{number}", rcpt_first=ACL, **content)
        planted = [site.send(sender, "bob@test", STRANGER, helo=helo, author="alice@test")
                   for sender in (*SENDERS, "x@evil.test") for helo in ("client.test", "[127.0.0.1]")]
        planted.append(site.send("alice@test", ["bob@test", "carol@test"], STRANGER))
        for message_id in planted:
            site.arrived("bob@test", message_id)
            assert not site.remembers(message_id)
        assert site.left(site.send("alice@test", "fwd@test", STRANGER)).sender == "alice@test"
        for how in {"source": STRANGER, "auth": "alice"}, {"source": "127.0.0.1"}, {"source": ROAMING}:
            message_id = site.send("alice@test", "dave@theirs.test", **how)
            assert is_signed(site.left(message_id).sender, "alice@test") and site.remembers(message_id), how
        site.ours.stop()
        site.batv.stop()


def test_a_users_redirect(lab):
    """Three passes: the filter, then a user's filter rules that send it on."""
    place = Place("127.0.0.1", lab.port())
    _, router, transport = sieve_user(lab, place, "bob", 'redirect "erin@theirs.test";\n')
    site = filtered(lab, port=place.port, routers=router, transports=transport)
    message_id = site.send("alice@test", "bob@test", STRANGER)
    assert site.left(message_id).sender == "alice@test"
    assert not site.remembers(message_id)
    message_id = site.send("alice@test", "bob@test", STRANGER, auth="alice")
    assert is_signed(site.left(message_id).sender, "alice@test") and site.remembers(message_id)


def test_a_list_manager(lab):
    """Three passes: the filter, then a list, whose own sender is signed."""
    people = Mlmmj(lab, subscribers=["erin@theirs.test", "bob@test"])
    site = filtered(lab, **people.keywords())
    people.sends_by(site.ours)
    for sender in "alice@test", "x@evil.test":
        message_id = site.send(sender, "list@test", STRANGER, author="alice@test", Reply_To="alice@test",
                               Disposition_Notification_To="alice@test")
        assert is_signed(site.left(message_id).sender, "list+bounces-1-erin=theirs.test@test") or \
            is_signed(site.left(message_id).sender, "list+bounces-2-erin=theirs.test@test")
        assert not site.remembers(message_id)


def test_a_list_manager_that_strips_received(lab):
    """Nothing says who wrote it; its own sender is signed all the same."""
    people = Mlmmj(lab, subscribers=["erin@theirs.test", "bob@test"], strips=["Received:"])
    site = Site(lab, **people.keywords())
    people.sends_by(site.ours)
    message_id = site.send("alice@test", "list@test", STRANGER)
    assert is_signed(site.left(message_id).sender, "list+bounces-1-erin=theirs.test@test")


UNREADABLE = {"received_header_text": "Received: by $primary_hostname from ${if def:sender_host_address"
                                      "{$sender_host_address}{here}} as $message_exim_id"}
BY_HAND = """
mark_strangers:
  warn hosts = ! : ! 127.0.0.1
       ! authenticated = *
       add_header = X-From-Outside: yes
  warn hosts = 127.0.0.1
       condition = ${if def:h_X-From-Outside:}
       set acl_m_batv = untrusted
  accept
"""


def test_a_changed_received_header_text(lab):
    """Our own line cannot be read: an ACL does it by hand, with a word in acl_m_batv."""
    plain = filtered(lab, name="plain", options=UNREADABLE)
    message_id = plain.send("alice@test", "bob@test", STRANGER)
    plain.arrived("bob@test", message_id)
    message_id = plain.send("alice@test", "dave@theirs.test", STRANGER, auth="alice")
    assert is_signed(plain.left(message_id).sender, "alice@test") and plain.remembers(message_id)
    for words in "untrusted", "exempt : untrusted", "x,untrusted":
        site = filtered(lab, name=f"ours{len(words)}", main="acl_smtp_data = mark_strangers\n",
                        acl=BY_HAND.replace("untrusted", words), options=UNREADABLE)
        message_id = site.send("alice@test", "bob@test", STRANGER)
        site.arrived("bob@test", message_id)
        assert not site.remembers(message_id)
        assert site.left(site.send("alice@test", "fwd@test", STRANGER)).sender == "alice@test"
        message_id = site.send("alice@test", "dave@theirs.test", STRANGER, auth="alice")
        assert is_signed(site.left(message_id).sender, "alice@test") and site.remembers(message_id)


def test_what_fetchmail_hands_over(lab):
    """It says what strangers sent to a mailbox elsewhere, from this host."""
    mailbox = Pop3(lab)
    site = Site(lab, relay_from="127.0.0.1")
    planted, fwd = new_id(), new_id()
    forged = ("Received: from [127.0.0.1]\n\tby mx.test with esmtpsa (Exim 4.96)\n\t(envelope-from <alice@test>)\n"
              "\tid 1abcDE-000123-4X;\n\tThu, 1 Jan 1970 00:00:00 +0000\n")
    mailbox.put(forged + make_message("alice@test", "mary@provider.test", Message_ID=f"<{planted}>"), "alice@test")
    Fetchmail(lab, mailbox, site.ours, rcpt="bob@test").fetch()
    site.arrived("bob@test", planted)
    assert not site.remembers(planted)
    mailbox.put(make_message("alice@test", "mary@provider.test", Message_ID=f"<{fwd}>"), "alice@test")
    Fetchmail(lab, mailbox, site.ours, rcpt="fwd@test").fetch()
    assert site.left(fwd).sender == "alice@test"


def fetch(site, message, server=None, rcpt="alice@test", sender=""):
    """It comes to the mailbox elsewhere, and fetchmail hands it over; gives what arrived."""
    message_id = new_id("fetched")
    message = re.sub(r"(?m)^Message-ID: .*\n", "", message, count=1)
    site.mailbox.put(f"Message-ID: <{message_id}>\n{message}", sender)
    Fetchmail(site.lab, site.mailbox, server or site.ours, rcpt=rcpt).fetch()
    return site.arrived(rcpt, message_id)


def test_fetched_mail_is_judged_and_marked(lab):
    site = Site(lab, relay_from="127.0.0.1")
    site.mailbox = Pop3(lab)
    forged = "X-BATV-Status: valid; action=accept\n"
    message = fetch(site, forged + bounce("alice@test"))
    assert [s.partition("rcpt=")[0].split() for s in message.get_all("X-BATV-Status")] == \
        [["missing;", "action=mark;", "mode=reject;", "class=dsn;", "reason=fetched;"]]
    (line,) = batv_lines(site.ours)
    assert (line["verdict"], line["action"], line["reason"], line["host"]) == ("missing", "mark", "fetched", "[127.0.0.1]")
    message_id = site.send("alice@test", "dave@theirs.test", "127.0.0.1")
    site.left(message_id)
    assert fetch(site, bounce("alice@test", message_id=message_id))["X-BATV-Status"].startswith("remembered;")
    message = fetch(site, make_message("dave@theirs.test", "mary@provider.test"), sender="dave@theirs.test")
    assert message["X-BATV-Status"] is None


def test_fetched_by_another_host(lab):
    """Marked if that host is ours by some list; from anybody else the word POP3 means nothing."""
    elsewhere = "127.0.0.8"
    site = Site(lab, relay_from="127.0.0.1")
    site.mailbox = Pop3(lab)
    for option in "trusted_hosts", "own_hosts", "relay_in_hosts", None:
        settings = {option: f"127.0.0.1 : {elsewhere}"} if option else {}
        site.batv.set(MEMORY, **settings)
        server = Elsewhere(lab, site.ours)
        count = len(batv_lines(site.ours))
        if option:
            status = fetch(site, bounce("alice@test"), server)["X-BATV-Status"]
            assert status.startswith("missing; action=mark; mode=reject; class=dsn; reason=fetched;"), (option, status)
        else:
            site.mailbox.put(bounce("alice@test"))
            Fetchmail(lab, site.mailbox, server).fetch()
        (line,) = batv_lines(site.ours)[count:]
        assert (line["action"], line["reason"]) == (("mark", "fetched") if option else ("reject", "-")), line
        site.mailbox.messages.clear()


def test_fetched_and_filtered(lab):
    """Its second pass knows what it was at its first."""
    site = filtered(lab)
    site.mailbox = Pop3(lab)
    message = fetch(site, make_message("alice@test", "mary@provider.test"), sender="alice@test")
    assert not site.remembers(message["Message-ID"].strip("<>"))
    count = len(batv_lines(site.ours))
    message = fetch(site, bounce("alice@test"))
    assert len(message.get_all("Received")) >= 4, message.raw
    assert message["X-BATV-Status"].startswith("missing; action=mark; mode=reject; class=dsn; reason=fetched;")
    assert len(batv_lines(site.ours)) == count + 1


class TestJudgedOnce:
    """The verdict of the first pass stands."""

    def judged_once(self, site, source=STRANGER, rcpt="carol@test"):
        lines = len(batv_lines(site.ours))
        receipt = mdn(author="Bob <bob@theirs.test>", X_BATV_Status="valid; action=accept; mode=reject")
        message_id = re.search(r"(?m)^Message-ID: <(.*)>", receipt)[1]
        assert site.ours.inject("", rcpt, receipt, source).data.code == 250
        message = site.arrived(rcpt, message_id)
        status = message.get_all("X-BATV-Status")
        assert len(status) == 1 and status[0].startswith("missing; action=mark; mode=reject; class=mdn; reason=class;"), status
        (line,) = batv_lines(site.ours)[lines:]
        assert line["host"] == f"[{source}]" and line["class"] == "mdn", line
        return message

    def test_through_a_filter_on_loopback(self):
        site = filtered(self.lab, name="loopback")
        assert "127.0.0.1" in self.judged_once(site)["Received"]
        tagged = site.tagged()
        lines = len(batv_lines(site.ours))
        assert site.ours.inject("", tagged, bounce("alice@test"), STRANGER).data.code == 250
        message = site.ours.wait_mailbox("alice")[-1]
        assert message["X-BATV-Status"].startswith("valid;") and len(batv_lines(site.ours)) == lines + 1

    def test_through_a_pipe(self):
        for number, mode in enumerate(("-bS", "-bs")):
            self.judged_once(Site(self.lab, name=f"pipe{number}", rcpt_first=ACL, **pipe_filter(mode)))

    def test_through_a_users_rules(self):
        place = Place("127.0.0.1", self.lab.port())
        _, router, transport = sieve_user(self.lab, place, "bob", 'redirect "carol@test";\n')
        site = Site(self.lab, name="rules", port=place.port, routers=router, transports=transport)
        receipt = mdn(author="Dave <dave@theirs.test>")
        assert site.ours.inject("dave@theirs.test", "bob@test", make_message("dave@theirs.test", "bob@test"),
                                STRANGER).data.code == 250
        site.ours.wait_mailbox("carol")
        assert not batv_lines(site.ours) and receipt

    def test_a_strangers_line_of_ours_is_judged(self):
        """A stranger may write our line into his header: he is judged all the same, and his status goes."""
        site = Site(self.lab, name="forged")
        forged = ("Received: from [192.0.2.1] (helo=x)\n\tby mx.test with esmtpsa (Exim 4.96)\n\t(envelope-from <a@b>)\n"
                  "\tid 1abcDE-000123-4X;\n\tThu, 1 Jan 1970 00:00:00 +0000\nX-BATV-Status: valid\n")
        assert site.ours.inject("", "alice@test", forged + bounce("alice@test"), STRANGER).data.code == 550
        assert site.ours.inject("x@evil.test", "bob@test", forged + make_message("x@evil.test", "bob@test"),
                                STRANGER).data.code == 250
        assert site.ours.wait_mailbox("bob")[0]["X-BATV-Status"] is None

    def test_from_a_filter_on_another_host(self):
        """In trusted_hosts: it is judged again for the header, marked at most, and not counted."""
        site = filtered(self.lab, "mark_trusted_hosts = off\n", name="other", address="127.0.0.5",
                        relay_from="127.0.0.1 : 127.0.0.5")
        site.content.unsigns = True
        tagged = [site.tagged(), site.tagged("bob")]        # of two, Received names none
        assert site.ours.inject("", tagged, bounce_without_id(), STRANGER).data.code == 250
        message = site.ours.wait_mailbox("alice")[0]
        (status,) = message.get_all("X-BATV-Status")
        assert status.startswith("missing; action=mark; mode=reject; class=dsn; reason=trusted-host"), status
        assert [(x["verdict"], x["host"]) for x in batv_lines(site.ours)] == \
            2 * [("valid", f"[{STRANGER}]")] + 2 * [("missing", "[127.0.0.5]")]
        judged = {k: v for k, v in site.batv.json("status")["counters"]["judged"].items() if any(v.values())}
        assert list(judged) == ["valid"] and sum(judged["valid"].values()) == 2, judged
        assert site.ours.inject("", tagged[0], bounce_without_id(), STRANGER).data.code == 250
        message = site.ours.wait_mailbox("alice", 2)[1]
        assert message["X-BATV-Status"].startswith("remembered; action=accept; mode=reject; class=dsn; reason=tag")


def test_an_inner_host_hears_of_what_it_sent(lab):
    """A null client bounces what we refused, through us: its user must hear of it."""
    site = Site(lab, relay_from="127.0.0.1 : 127.0.0.6", rcpt_first="  deny local_parts = nobody\n")
    inner = null_client(lab, site.ours)
    inner.submit("alice@test", "nobody@test", make_message("alice@test", "nobody@test"))
    message = site.ours.wait_mailbox("alice")[0]
    assert message["X-BATV-Status"].startswith("missing; action=mark; mode=reject; class=dsn; reason=trusted-host;")
    # nothing else that makes mail trusted counts
    assert site.ours.inject("", "alice@test", bounce("alice@test"), STRANGER).data.code == 550
    site.batv.set(MEMORY, mark_trusted_hosts="off")
    assert site.ours.inject("", "alice@test", bounce("alice@test"), "127.0.0.6").data.code == 550


BY_THE_RELAY = "from x (unknown [192.0.2.1])\n\tby mx2.test (Postfix) with SMTP id 1; Thu, 1 Jan 1970 00:00:00 +0000"


def problems(site):
    return "\n".join(site.batv.json("status")["problems"])


def test_status_names_a_host_that_fetches(lab):
    site = Site(lab, relay_from="127.0.0.1")
    site.mailbox = Pop3(lab)
    server = Elsewhere(lab, site.ours)
    assert "fetched" not in problems(site)
    site.mailbox.put(bounce("alice@test"))
    Fetchmail(lab, site.mailbox, server).fetch()
    assert batv_lines(site.ours)[-1]["action"] == "reject"
    assert f"host {server.address} brings mail that was fetched" in problems(site)


def test_status_names_a_trusted_host_that_brings_the_world(lab):
    proxy = "127.0.0.6"
    site = Site(lab, relay_from=f"127.0.0.1 : {proxy}")
    for number in range(20):
        assert f"host {proxy}" not in problems(site)
        assert site.ours.inject("", "alice@test", bounce("alice@test"), proxy).data.code == 250
    assert f"host {proxy} brings most bounces that nothing proves (20 lately)" in problems(site)
    assert "from trusted hosts: 20 of 20 that failed" in site.batv.status().stdout
    for number in range(21):
        assert site.ours.inject("", "alice@test", bounce("alice@test"), STRANGER).data.code == 550
    assert f"host {proxy}" not in problems(site)            # the world comes from elsewhere


def test_status_says_that_received_lines_cannot_be_read(lab):
    site = filtered(lab, options=UNREADABLE)
    assert "received_header_text" not in problems(site)
    site.left(site.send("alice@test", "dave@theirs.test", "127.0.0.1"))
    assert "received_header_text" in problems(site)
    fine = filtered(lab, name="fine")
    fine.left(fine.send("alice@test", "dave@theirs.test", "127.0.0.1"))
    assert "received_header_text" not in problems(fine)


def test_a_relay_that_sends_mail_of_its_own(lab):
    """It leaves untagged, so its bounces come to untagged addresses."""
    relay = "127.0.0.16"
    site = Site(lab, f"relay_in_hosts = {relay}\nmemory_retention = 14d\n", relay_from=f"127.0.0.1 : {relay}")
    assert site.left(site.send("alice@test", "fwd@test", relay, Received=BY_THE_RELAY)).sender == "alice@test"
    assert site.ours.inject("", "alice@test", bounce("alice@test"), STRANGER).data.code == 550
    assert "relay_in_hosts" not in problems(site)
    local = "by mx2.test (Postfix, from userid 0)\n\tid 1; Thu, 1 Jan 1970 00:00:00 +0000"
    assert site.left(site.send("alice@test", "dave@theirs.test", relay, Received=local)).sender == "alice@test"
    assert site.ours.inject("", "alice@test", bounce("alice@test"), STRANGER).data.code == 250
    assert batv_lines(site.ours)[-1]["reason"] == "relay-sends"
    forged = "prvs=1234abcdef=alice@test"
    assert site.ours.inject("", forged, bounce(forged), STRANGER).data.code == 550
    assert f"host {relay} is in relay_in_hosts, and sends mail of your domains" in problems(site)


def test_a_relay_that_may_relay_through_us(lab):
    """It brings strangers' mail: relay_in_hosts comes before trusted_hosts."""
    site = Site(lab, "relay_in_hosts = 127.0.0.16\n", relay_from="127.0.0.1 : 127.0.0.16")
    assert site.left(site.send("alice@test", "fwd@test", "127.0.0.16", Received=BY_THE_RELAY)).sender == "alice@test"
    message_id = site.send("alice@test", "bob@test", "127.0.0.16", Received=BY_THE_RELAY)
    site.arrived("bob@test", message_id)
    assert not site.remembers(message_id)


def test_a_forged_line_that_a_trusted_host_brings(lab):
    """It is trusted as it was; the line makes it neither more nor less."""
    site = Site(lab, relay_from="127.0.0.1 : 127.0.0.15")
    forged = ("from [192.0.2.1] (helo=x)\n\tby mx.test with esmtp (Exim 4.96)\n\t(envelope-from <alice@test>)\n"
              "\tid 1abcDE-000123-4X;\n\tThu, 1 Jan 1970 00:00:00 +0000")
    message_id = site.send("alice@test", "dave@theirs.test", "127.0.0.15", Received=forged)
    assert site.left(message_id).sender == "alice@test" and not site.remembers(message_id)
