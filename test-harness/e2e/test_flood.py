"""A tag or an id that one network uses far too often is deferred: list archives show live ones to everybody.

A network is a /24.  The limit is flood_base and flood_share of what was sent; each deferral's log line tells it.
"""

from answers import *
from kinds import ACL
from lab_debian import Installation
from lab_filter import SmtpFilter

NOON = 1_900_000_000
BASE = 20
CONF = f"domains = test\nown_hosts = 127.0.0.1\nenforcement = reject\nflood_base = {BASE}\n"
FLOODER, NEIGHBOUR, HONEST = "127.0.9.9", "127.0.9.77", "127.0.8.8"


class Floods(Ours):
    """A server with low limits; everything stays in its queue."""

    options = {"queue_only": "true", "smtp_accept_max_per_connection": "2000", "recipients_max": "0"}
    conf = CONF

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=self.conf)
        self.ours = batv_exim(self.lab, self.batv, Sink(self.lab), options=self.options)

    def send(self, host, rcpt, message, times=1):
        """From this host, TIMES times; the replies to DATA."""
        with self.ours.smtp(host) as session:
            return [session.send("", rcpt, message).data for _ in range(times)]

    def codes(self, host, rcpt, message, times=1):
        return [reply.code for reply in self.send(host, rcpt, message, times)]

    def send_mail(self, sender, recipients, message_id=None):
        message = make_message(sender, recipients[0], **({"Message_ID": f"<{message_id}>"} if message_id else {}))
        with self.ours.smtp("127.0.0.1") as session:
            assert session.send(sender, recipients, message).data.code == 250

    def flood_lines(self, **fields):
        lines = [dict(re.findall(r"([\w-]+)=(\S+)", re.sub(OUR_LINE, "", line)))
                 for line in self.ours.mainlog(OUR_LINE + "flood=")]
        return [line for line in lines if all(line.get(k) == v for k, v in fields.items())]


class TestNetworks(Floods):
    def test_one_network_defers_itself_alone(self):
        tagged = self.batv.sign("alice@test")
        mail = bounce(tagged, message_id="nobody@knows.test")
        assert self.codes(FLOODER, tagged, mail, BASE) == [250] * BASE
        assert not self.flood_lines()
        late = self.send(NEIGHBOUR, tagged, mail)[0]
        assert late.code == 451, late
        assert late.text == ("4.7.1 Too many bounces or replies to one address from 127.0.9.0/24: "
                             f"{BASE + 1}, the limit is {BASE}; try again later"), late
        # the real bounce, from elsewhere; and another address's, from there
        assert self.codes(HONEST, tagged, mail) == [250]
        other = self.batv.sign("bob@test")
        assert self.codes(FLOODER, other, bounce(other)) == [250]
        (line,) = self.flood_lines()
        assert line == {"flood": "tag", "count": f"{BASE + 1}", "limit": f"{BASE}", "action": "deferred",
                        "rcpt": f"<{tagged}>", "host": f"[{NEIGHBOUR}]", "network": "127.0.9.0/24",
                        "of": "network", "times": "1"}, line

    def test_a_flood_does_not_flood_the_log(self):
        tagged = self.batv.sign("alice@test")
        assert set(self.codes(FLOODER, tagged, bounce(tagged), 110)) == {451}
        assert len(batv_lines(self.ours, verdict="valid", action="defer", rcpt=f"<{tagged}>")) == 111
        assert [line["times"] for line in self.flood_lines()] == ["1", "10", "100"]

    def test_status_counts_them(self):
        status = self.batv.json("status")
        assert status["counters"]["judged"]["valid"]["accept"] == BASE + 2, status["counters"]     # the others come again
        assert status["counters"]["deferred"] == {"network": 111, "tag": 0, "id": 0, "hint": 0}, status["counters"]
        (line,) = [p for p in status["problems"] if "deferred" in p]
        assert line.startswith("111 times today, mail was deferred because a network sent too many bounces or "
                               "replies to one address"), line
        assert "flood_base" in line and "deferred: a network's limit 111" in self.batv.status().stdout

    def test_the_style_of_the_tag_does_not_matter(self):
        """prvs=...=alice and alice+prvs=... are one tag, and so is what is returned in a header."""
        tagged = self.batv.sign("alice@test")
        digits = tagged[5:15]
        assert self.codes(FLOODER, f"alice+prvs={digits}@test", bounce("alice@test")) == [451]
        assert self.codes(FLOODER, tagged.upper().replace("PRVS", "prvs"), bounce("alice@test")) == [451]
        assert self.codes(FLOODER, "alice@test", bounce("alice@test", original_sender=tagged)) == [451]
        assert self.codes(HONEST, "alice@test", bounce("alice@test", original_sender=tagged)) == [250]
        assert batv_lines(self.ours, rcpt="<alice@test>", reason="tag")

    def test_it_lasts_as_long_as_the_tag(self):
        tagged = self.batv.sign("alice@test")
        self.lab.clock.advance(3 * DAY)
        assert self.codes(FLOODER, tagged, bounce(tagged)) == [451]
        assert [line["times"] for line in self.flood_lines()][-1] == "1"        # a line a day
        self.lab.clock.advance(14 * DAY)
        tagged = self.batv.sign("alice@test")
        assert self.codes(FLOODER, tagged, bounce(tagged)) == [250]


class TestExempt(Floods):
    """Everybody's bounces come from these hosts."""

    conf = CONF + "relay_in_hosts = 127.0.20.1\ntrusted_hosts = 127.0.21.1\nexempt_hosts = 127.0.22.1\n" \
                  "exempt_recipients = carol@test\n"

    def test_no_relay_is_deferred(self):
        tagged, other = self.batv.sign("alice@test"), self.batv.sign("carol@test")
        for host in "127.0.0.1", "127.0.20.1", "127.0.21.1", "127.0.22.1":
            assert self.codes(host, tagged, bounce(tagged), BASE + 2) == [250] * (BASE + 2), host
            (line,) = self.flood_lines(host=f"[{host}]")
            assert line["action"] == "accept", line
        assert self.codes(FLOODER, other, bounce(other), BASE + 1) == [250] * (BASE + 1)
        assert self.codes("127.0.23.1", tagged, bounce(tagged), BASE + 1) == [250] * BASE + [451]
        assert self.batv.json("status")["counters"]["deferred"]["network"] == 1


class TestShare(Floods):
    conf = CONF + "flood_share = 10%\n"

    def test_the_limit_follows_what_was_sent(self):
        tagged = self.batv.sign("alice@test")
        assert self.codes(FLOODER, tagged, bounce(tagged), BASE + 1) == [250] * BASE + [451]
        self.send_mail("alice@test", [f"a{i}@theirs.test" for i in range(50)])
        self.send_mail("alice@test", ["a@theirs.test"] + [f"b{i}@test" for i in range(8)])
        self.send_mail("bob@test", [f"a{i}@theirs.test" for i in range(90)])
        # 59 recipients, and what was deferred before does not count
        assert self.codes(FLOODER, tagged, bounce(tagged), 6) == [250] * 5 + [451]
        assert self.flood_lines()[-1]["limit"] == "20"      # the log had a line of it today
        self.lab.clock.advance(DAY)
        assert self.codes(FLOODER, tagged, bounce(tagged)) == [451]
        assert self.flood_lines()[-1]["limit"] == "25"

    def test_mail_of_strangers_raises_no_limit(self):
        """Neither with our sender, nor with a tag that he has seen."""
        tagged = self.batv.sign("alice@test")
        for sender in "alice@test", tagged:
            with self.ours.smtp("127.0.7.7") as session:
                assert session.send(sender, ["bob@test"] * 60, make_message()).data.code == 250
        assert self.codes(FLOODER, tagged, bounce(tagged)) == [451]

    def test_nothing_is_deferred_where_nothing_is_refused(self):
        tagged = self.batv.sign("carol@test")
        self.batv.set(CONF, enforcement="observe")
        before = len(self.flood_lines())
        assert self.codes(FLOODER, tagged, bounce(tagged), BASE + 5) == [250] * (BASE + 5)
        assert len(self.flood_lines()) == before
        self.batv.set(CONF)
        assert self.codes(FLOODER, tagged, bounce(tagged)) == [451]


class TestLeakedTag(Floods):
    """Spam was sent with a tag that somebody has seen, and bounces from everywhere."""

    conf = CONF.replace(f"flood_base = {BASE}", "flood_base = 80") + "flood_share = 0\n"

    def test_beyond_its_limit_an_id_is_needed(self):
        """Three from each of hundreds of networks: 80 in all, then only what cites mail of hers."""
        tagged, sent = self.batv.sign("alice@test"), new_id()
        self.send_mail("alice@test", ["bob@theirs.test"], sent)
        spam = bounce(tagged, message_id="spam@nowhere.test")
        codes = [self.codes(f"127.{50 + i // 200}.{i % 200}.9", tagged, spam, 3) for i in range(300)]
        accepted = [code for three in codes for code in three]
        assert accepted == [250] * 80 + [451] * (900 - 80), accepted.count(250)
        assert self.codes(HONEST, tagged, spam) == [451]
        assert self.codes(HONEST, tagged, bounce(tagged, message_id=sent), 2) == [250] * 2
        assert self.codes(HONEST, "alice@test", bounce("alice@test", original_sender=tagged,
                                                       message_id="spam@nowhere.test")) == [451]
        first = self.flood_lines()[0]
        assert (first["flood"], first["of"], first["count"], first["limit"]) == ("tag", "tag", "81", "80"), first
        late = self.send(HONEST, tagged, spam)[0]
        assert late.text == ("4.7.1 Too many bounces or replies to one address from all networks, yours is "
                             "127.0.8.0/24: 81, the limit is 80; try again later"), late

    def test_the_id_has_a_limit_too(self):
        tagged, sent = self.batv.sign("alice@test"), new_id()
        self.send_mail("alice@test", ["bob@theirs.test"], sent)
        codes = self.codes(FLOODER, tagged, bounce(tagged, message_id=sent), 82)
        assert codes == [250] * 80 + [451] * 2, codes
        assert self.codes(HONEST, tagged, bounce(tagged, message_id=sent)) == [250]
        line = self.flood_lines()[-1]
        assert (line["flood"], line["of"], line["network"]) == ("id", "id", "127.0.9.0/24"), line

    def test_others_are_not_concerned(self):
        other = self.batv.sign("bob@test")
        assert self.codes(HONEST, other, bounce(other)) == [250]
        deferred = self.batv.json("status")["counters"]["deferred"]
        assert deferred["tag"] == 823 and deferred["id"] == 2 and deferred["network"] == 0, deferred


class TestReplies(Floods):
    def test_replies_to_one_message(self):
        sent = new_id()
        self.send_mail("alice@test", ["bob@theirs.test"], sent)
        limit = BASE + 1
        away = out_of_office("Eve <eve@elsewhere.test>", In_Reply_To=f"<{sent}>")
        assert self.codes(FLOODER, "alice@test", away, limit + 1) == [250] * limit + [451]
        assert self.codes(HONEST, "alice@test", away) == [250]
        (line,) = self.flood_lines()
        assert (line["flood"], line["of"], line["limit"]) == ("id", "id", f"{limit}"), line
        assert self.send(FLOODER, "alice@test", away)[0].text.startswith(
            "4.7.1 Too many replies to one message from 127.0.9.0/24: ")

    def test_replies_of_one_correspondent(self):
        self.send_mail("carol@test", ["bob@theirs.test"])
        limit = BASE + 1
        assert self.codes(FLOODER, "carol@test", out_of_office(), limit + 1) == [250] * limit + [451]
        assert self.codes(HONEST, "carol@test", out_of_office()) == [250]
        line = self.flood_lines()[-1]
        assert (line["flood"], line["of"], line["limit"]) == ("pair", "network", f"{limit}"), line


class TestShared(Floods):
    """Another server has the secret: its mail raises no limit here, so limits are only logged."""

    def published(self, shared):
        wait_until(lambda: ("shared" in (self.batv.state_dir / "state").read_text().splitlines()) == shared, 15,
                   "a state that knows who has the secret")

    def test_it_is_logged_alone(self):
        tagged = self.batv.sign("alice@test")
        self.batv.ctl("secret", "export")
        self.published(True)
        assert self.codes(FLOODER, tagged, bounce(tagged), BASE + 2) == [250] * (BASE + 2)
        assert [line["action"] for line in self.flood_lines()] == ["accept"]
        self.batv.ctl("secret", "unshare")
        self.published(False)
        assert self.codes(FLOODER, tagged, bounce(tagged)) == [451]


class TestNewsletter(Floods):
    @timeout(180)
    def test_its_bounces_are_never_deferred(self):
        """2,000 recipients on Monday, and until Friday 300 bounces from the one network of their provider."""
        tagged = self.batv.sign("alice@test")
        for part in range(10):
            self.send_mail("alice@test", [f"r{part}-{i}@theirs.test" for i in range(200)])
        for day in range(5):
            assert self.codes(HONEST, tagged, bounce(tagged, message_id=f"{day}@mua.test"), 60) == [250] * 60
            self.lab.clock.advance(DAY)
        assert not self.flood_lines()


EXPANDED = """\
expanded:
  driver = redirect
  domains = test
  local_parts = members : friends : forward
  data = ${if eq{$local_part}{forward}{f@one.test}{a@one.test, b@two.test, c@three.test}}
  errors_to = ${if eq{$local_part}{members}{carol@test}{$sender_address}}
"""
BATCH = 10          # local_scan/recipients.c: what a batch counts for if its recipients are not in the envelope


class TestDeliveries(Floods):
    """What local_scan() can't see is counted at the transport, and nothing is counted twice."""

    options = {"smtp_accept_max_per_connection": "2000"}

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=CONF)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, routers=EXPANDED, options=self.options)

    def limit_of(self, address, host):
        """Floods the address; the log tells its limit."""
        tagged = self.batv.sign(address)
        self.codes(host, tagged, bounce(tagged), BASE + 20)
        return int(self.flood_lines(rcpt=f"<{tagged}>")[-1]["limit"])

    def test_a_message_is_counted_once(self):
        self.send_mail("alice@test", ["a@one.test", "b@two.test"])
        self.sink.wait(1)
        assert self.limit_of("alice@test", FLOODER) == BASE + 2

    def test_an_alias_leads_to_others(self):
        self.send_mail("bob@test", ["forward@test"])
        self.sink.wait(2)
        self.send_mail("bob@test", ["friends@test"])
        self.sink.wait(3)
        assert self.limit_of("bob@test", FLOODER) == BASE + 1 + 1 + 1 + BATCH

    def test_the_owner_of_a_list(self):
        with self.ours.smtp("127.0.7.7") as session:
            assert session.send("stranger@theirs.test", "members@test", make_message()).data.code == 250
        self.sink.wait(4)
        assert self.limit_of("carol@test", FLOODER) == BASE + BATCH


class TestFilter(Floods):
    """What a filter on loopback gives back has been counted."""

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=CONF)
        self.sink = Sink(self.lab)
        content = SmtpFilter(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, **content.keywords())
        content.returns_to(self.ours)

    def test_it_is_counted_once(self):
        self.send_mail("alice@test", ["a@theirs.test", "b@theirs.test"])
        self.sink.wait(1)
        assert len(self.ours.mainlog("<= ")) > 1        # it did come back
        tagged = self.batv.sign("alice@test")
        self.codes(FLOODER, tagged, bounce(tagged), BASE + 5)
        assert self.flood_lines()[-1]["limit"] == f"{BASE + 2}"


class TestAcl(TestDeliveries):
    """Without a local_scan(): nothing can be deferred, and everything is counted at the transport."""

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=CONF, kind=ACL)
        self.sink = Sink(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, routers=EXPANDED, options=self.options,
                              installation=Installation(self.lab, "ours", ACL))

    def test_an_alias_leads_to_others(self):
        self.send_mail("bob@test", ["forward@test"])
        self.sink.wait(2)
        self.send_mail("bob@test", ["friends@test"])
        self.sink.wait(3)
        assert self.limit_of("bob@test", FLOODER) == BASE + 1 + BATCH

    def test_nothing_is_deferred(self):
        assert {line["action"] for line in self.flood_lines()} == {"accept"}
        assert not self.ours.mainlog("temporarily rejected")
        assert set(self.batv.json("status")["counters"]["deferred"].values()) == {0}
