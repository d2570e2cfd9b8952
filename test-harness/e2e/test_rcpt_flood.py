"""Floods of forged bounces: above a limit, a host or one recipient is turned away before DATA, and nobody else is.

The shipped acl-rcpt.conf asks batv_flood; its limits are off by default.  A bounce counts when it is refused.
"""

import hashlib
import struct

from answers import *
from kinds import LIGHT
from test_pieces import Site

NOON = 1_900_000_200        # a step of ten minutes begins
MINUTE = 60
LIMIT = 5
FLOODER, NEIGHBOUR, HONEST = "127.0.9.9", "127.0.9.77", "127.0.8.8"
CONF = "domains = test\nown_hosts = 127.0.0.1\nenforcement = reject\nexempt_hosts = 127.0.22.1\nmemory_capacity = 1k\n"
HOST_LIMIT = f"BATV_HOST_FLOOD_LIMIT = {LIMIT} / 1h\n"
RCPT_LIMIT = f"BATV_RCPT_FLOOD_LIMIT = {LIMIT} / 1h\n"
INCLUDE = f".include {SNIPPETS}/acl-rcpt.conf\n"


class Floods(Ours):
    main, conf, exim = HOST_LIMIT, CONF, {}

    def setup(self):
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab, conf=self.conf)
        self.ours = batv_exim(self.lab, self.batv, Sink(self.lab), main=self.main, rcpt_last=INCLUDE, **self.exim,
                              options={"queue_only": "true", "smtp_accept_max_per_connection": "2000"})

    def send(self, host, *rcpts, sender="", message=None):
        with self.ours.smtp(host) as session:
            return session.send(sender, list(rcpts), message or bounce(rcpts[0]))

    def answer(self, host, *rcpts, **how):
        """("RCPT" or "DATA", code) of what ended it."""
        result = self.send(host, *rcpts, **how)
        return ("DATA", result.data.code) if result.data else ("RCPT", result.rcpts[0].code)

    def flood(self, host=FLOODER, rcpt="alice@test", times=LIMIT):
        for _ in range(times):
            assert self.answer(host, rcpt) == ("DATA", 550)

    def reported(self, **figures):
        """What batvctl report makes of Exim's log."""
        told = self.batv.json("report", self.ours.dir / "log" / "mainlog")
        assert {name: told["figures"][name] for name in figures} == figures, told["figures"]
        assert told["read"]["not_understood"] == 0, told["read"]
        return told

    def counted(self):
        return self.batv.json("status")["counters"]["turned_away"]


class TestHost(Floods):
    def test_it_is_deferred_above_its_limit(self):
        self.flood()
        with self.ours.smtp(FLOODER) as session:
            assert session.mail("").code == 250
            late = session.rcpt("alice@test")
        assert str(late).startswith("451") and late.text.replace("\n4.7.1", "") == (
            "4.7.1 Too many bounces of mail that was not sent from here; its sender address was forged"), late
        (line,) = self.ours.mainlog("flood=")
        assert line[20:] == f"batv: flood=host count={LIMIT} limit={LIMIT} action=deferred rcpt=<alice@test> host=[{FLOODER}] period=1h", line
        assert self.ours.mainlog(r"F=<> temporarily rejected RCPT <alice@test>: too many forged bounces come from this host$")
        assert self.counted() == {"host": 1, "rcpt": 0}
        self.reported(refused=LIMIT, deferred_unread=1, refused_unread=0)

    def test_all_else_of_that_host_passes(self):
        tagged = self.batv.sign("alice@test")
        assert self.answer(FLOODER, tagged) == ("DATA", 250)
        assert self.answer(FLOODER, tagged.upper().replace("PRVS", "prvs")) == ("DATA", 250)
        assert self.answer(FLOODER, "alice@test", sender="eve@theirs.test", message=make_message()) == ("DATA", 250)
        assert self.answer(FLOODER, "alice@test", sender="mailer-daemon@theirs.test") == ("DATA", 550)
        assert self.answer(FLOODER, "postmaster@test") == ("DATA", 250)
        assert self.answer(FLOODER, "prvs=0999abcdef=alice@test") == ("DATA", 550)      # its shape says nothing

    def test_other_hosts_pass(self):
        assert self.answer(NEIGHBOUR, "alice@test") == self.answer(HONEST, "alice@test") == ("DATA", 550)
        assert self.answer("127.0.22.1", "alice@test") == ("DATA", 250)     # exempt
        assert self.answer(FLOODER, "bob@test") == ("RCPT", 451)            # for any recipient

    def test_bdat_does_not_go_round(self):
        with self.ours.smtp(FLOODER) as session:
            session.mail("")
            assert session.rcpt("alice@test").code == 451
            assert session.bdat(bounce("alice@test")).code == 503

    def test_it_ends_within_the_hour(self):
        assert self.answer(FLOODER, "alice@test") == ("RCPT", 451)
        self.lab.clock.advance(59 * MINUTE)
        assert self.answer(FLOODER, "alice@test") == ("RCPT", 451)
        self.lab.clock.advance(12 * MINUTE)
        assert self.answer(FLOODER, "alice@test") == ("DATA", 550)      # deferred ones did not count
        self.flood(times=LIMIT - 1)
        assert self.answer(FLOODER, "alice@test") == ("RCPT", 451)

    def test_where_nothing_is_refused_nothing_is_deferred(self):
        (self.batv.state_dir / "observe").touch()
        assert self.answer(FLOODER, "alice@test") == ("DATA", 250)
        (self.batv.state_dir / "observe").unlink()
        assert self.answer(FLOODER, "alice@test") == ("RCPT", 451)

    def test_observe_counts_nothing(self):
        self.batv.set(CONF, enforcement="observe")
        for _ in range(LIMIT + 1):
            assert self.answer("127.0.10.1", "alice@test") == ("DATA", 250)
        self.batv.set(CONF)
        assert self.answer("127.0.10.1", "alice@test") == ("DATA", 550)

    def test_a_played_session_counts_nothing(self):
        self.flood("127.0.11.1", times=LIMIT - 1)
        checksums = lambda: {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                             for path in self.batv.state_dir.glob("memory*")}
        self.batv.stop()
        before = checksums()
        for host, code in ("127.0.11.1", "550"), (FLOODER, "451"):
            mail = f"MAIL FROM:<>\r\nRCPT TO:<alice@test>\r\nDATA\r\n{bounce('alice@test')}".replace("\n", "\r\n").replace("\r\r", "\r")
            text = "EHLO theirs.test\r\n" + 2 * f"{mail}.\r\nRSET\r\n" + "QUIT\r\n"
            if code == "451":
                text = "EHLO theirs.test\r\nMAIL FROM:<>\r\nRCPT TO:<alice@test>\r\nQUIT\r\n"
            done = self.ours.exim("-bh", host, input=text, timeout=60)
            assert code in [line[:3] for line in done.stdout.splitlines()], done.stdout
        assert checksums() == before
        self.batv.start()
        assert self.answer("127.0.11.1", "alice@test") == ("DATA", 550)
        assert self.answer("127.0.11.1", "alice@test") == ("RCPT", 451)


class TestTrouble(Floods):
    """Without a memory that counts, nobody is above a limit, and mail goes on."""

    def setup(self):
        super().setup()
        self.flood()
        assert self.answer(FLOODER, "alice@test") == ("RCPT", 451)
        self.batv.stop()
        self.path = self.batv.state_dir / "memory"
        self.whole = self.path.read_bytes()

    def passes(self):
        result = self.send(FLOODER, "alice@test")
        assert result.rcpts[0].code == 250, result
        assert self.answer(FLOODER, self.batv.sign("alice@test")) == ("DATA", 250)
        self.lab.write(self.path, self.whole) if not self.path.exists() else self.path.write_bytes(self.whole)
        self.path.chmod(0o660)
        assert self.answer(FLOODER, "alice@test") == ("RCPT", 451)

    def test_read_only(self):
        self.path.chmod(0o440)
        self.passes()

    def test_damaged(self):
        self.path.write_bytes(b"no memory\n" * 1000)
        self.passes()

    def test_cut(self):
        self.path.write_bytes(self.whole[:100_000])
        self.passes()

    def test_of_an_older_version(self):
        """It has no such section, and its header is right."""
        data = bytearray(self.whole)
        sections = struct.unpack_from("<I", data, 20)[0]
        (at,) = [i for i in range(sections) if struct.unpack_from("<I", data, 64 + 64 * i)[0] == 11]
        struct.pack_into("<I", data, 64 + 64 * at, 4711)
        total = 0xcbf29ce484222325
        for byte in bytes(data[:48]) + bytes(data[64:64 + 64 * sections]):
            total = (total ^ byte) * 0x100000001b3 % 2**64
        struct.pack_into("<Q", data, 48, total)
        struct.pack_into("<Q", data, len(data) - 8, total)
        self.path.write_bytes(data)
        assert self.answer(FLOODER, "alice@test") == ("DATA", 550)     # the rest of it works
        self.passes()


class TestRecipient(Floods):
    """flood_refuse_at_rcpt = on."""

    main, conf = RCPT_LIMIT, CONF + "flood_refuse_at_rcpt = on\n"

    def test_it_is_refused_before_data_while_the_flood_lasts(self):
        for i in range(LIMIT):
            self.flood(f"127.0.30.{i + 1}", times=1)
        with self.ours.smtp(HONEST) as session:
            assert session.mail("").code == 250
            late = session.rcpt("alice@test")
        assert late.code == 550 and late.text.startswith("5.7.1 Too many bounces of mail that was not sent from here "), late
        (line,) = self.ours.mainlog("flood=")
        assert line[20:] == f"batv: flood=rcpt count={LIMIT + 1} limit={LIMIT} action=refused rcpt=<alice@test> host=[{HONEST}] period=1h", line
        assert self.ours.mainlog(r"F=<> rejected RCPT <alice@test>: too many forged bounces come to this address$")
        assert self.counted() == {"host": 0, "rcpt": 1}
        metrics = self.batv.ctl("metrics").stdout
        assert 'batv_turned_away_total{limit="host"} 0\nbatv_turned_away_total{limit="rcpt"} 1\n' in metrics, metrics
        told = self.reported(refused=LIMIT, refused_unread=1, deferred_unread=0)
        assert told["refused_recipients"]["top"] == [{"recipient": "alice@test", "count": LIMIT + 1}], told
        assert {"host": HONEST, "count": 1} in told["refused_hosts"]["top"], told
        page = self.batv.ctl("report", self.ours.dir / "log" / "mainlog").stdout
        assert f"Refused {LIMIT + 1}: missing {LIMIT}, unread, at RCPT 1; from {LIMIT + 1} hosts, for 1 addresses\n" in page, page

    def test_strangers_do_not_count(self):
        """A line of ours, in each text that a stranger chooses at RCPT and before."""
        line = f"batv: flood=rcpt count=9 limit=5 action=refused rcpt=<carol@test> host=[{HONEST}] period=1h"
        for command in (f"EHLO {line}", f"HELO {line}", f'MAIL FROM:<"{line}"@theirs.test>', f'RCPT TO:<"x>: {line}"@test>',
                        f'RCPT TO:<"{line}"@elsewhere.test>', f"RCPT TO:<{line}>", line, f"VRFY {line}", f"EXPN {line}"):
            with self.ours.smtp(HONEST) as session:
                if command.startswith("RCPT"):
                    assert session.mail("").code == 250
                assert session.command(command).code >= 250
        assert self.ours.mainlog(r"flood=rcpt count=9")
        told = self.batv.json("report", self.ours.dir / "log" / "mainlog")
        assert "carol@test" not in json.dumps(told), told

    def test_all_else_passes(self):
        tagged = self.batv.sign("alice@test")
        assert self.answer(HONEST, tagged) == ("DATA", 250)
        assert self.answer(HONEST, "alice@test", sender="eve@theirs.test", message=make_message()) == ("DATA", 250)
        assert self.answer(HONEST, "bob@test") == ("DATA", 550)
        assert self.answer("127.0.22.1", "alice@test") == ("DATA", 250)
        assert self.answer(HONEST, "ALICE@test") == ("RCPT", 550)

    def test_a_transaction_with_postmaster(self):
        """It gets 452 for being another kind of recipient, and not the 550."""
        with self.ours.smtp(HONEST) as session:
            assert session.mail("").code == 250 and session.rcpt("postmaster@test").code == 250
            assert session.rcpt("alice@test").code == 452
        assert self.answer(HONEST, "alice@test") == ("RCPT", 550)

    def test_postmaster_himself(self):
        self.batv.set(self.conf, exempt_recipients="")
        self.flood(rcpt="postmaster@test", times=LIMIT + 2)
        self.batv.set(self.conf)

    def test_never_with_mail_that_leaves_untagged(self):
        for more in {"unsigned_senders": "carol@test"}, {"unsigned_destinations": "*@lists.theirs.test"}, \
                {"flood_refuse_at_rcpt": "off"}, {"unproven_dsn": "mark"}:
            self.batv.set(self.conf.replace("flood_refuse_at_rcpt = on\n", "") if "flood_refuse_at_rcpt" in more else self.conf, **more)
            assert self.answer(HONEST, "alice@test")[0] == "DATA", more
        self.batv.set(self.conf)
        assert self.answer(HONEST, "alice@test") == ("RCPT", 550)

    def test_only_while_the_domain_refuses(self):
        for mode in "observe", "auto":
            self.batv.set(self.conf, enforcement=mode)
            assert self.answer(HONEST, "alice@test") == ("DATA", 250), mode
        self.batv.set(self.conf)
        assert self.answer(HONEST, "alice@test") == ("RCPT", 550)

    def test_it_goes_on_with_the_flood_and_ends_with_it(self):
        for _ in range(3):
            self.lab.clock.advance(40 * MINUTE)
            for _ in range(LIMIT):
                assert self.answer(HONEST, "alice@test") == ("RCPT", 550)
        self.lab.clock.advance(71 * MINUTE)
        assert self.answer(HONEST, "alice@test") == ("DATA", 550)

    def test_the_price_is_told(self):
        price = "only the sent-mail memory could have proven"
        assert price in self.batv.ctl("check").stdout
        assert price in self.batv.status().stdout
        self.batv.set(self.conf, unsigned_senders="carol@test")
        assert "has no effect" in self.batv.ctl("check").stdout
        self.batv.set(CONF)
        assert price not in self.batv.ctl("check").stdout and price not in self.batv.status().stdout


class TestFirst(Floods):
    """acl-rcpt-floods.conf at the beginning of the ACL: asked before the recipient is verified, and once."""

    main, conf = RCPT_LIMIT + "BATV_FLOODS_FIRST = yes\n", CONF + "flood_refuse_at_rcpt = on\n"
    exim = {"rcpt_first": f".include {SNIPPETS}/acl-rcpt-floods.conf\n"}

    def test_it_is_refused_before_it_is_verified(self):
        self.flood()
        assert self.answer(HONEST, "alice@test") == ("RCPT", 550)
        (self.ours.dir / "users").write_text("bob:\npostmaster:\n")
        late = self.send(HONEST, "alice@test").rcpts[0]
        assert late.text.startswith("5.7.1 Too many bounces"), late
        assert len(self.ours.mainlog("flood=rcpt")) == self.counted()["rcpt"] == 2
        assert self.send(HONEST, "nobody@test").rcpts[0].text.startswith("Unrouteable")
        assert self.answer(HONEST, "bob@test") == ("DATA", 550)

    def test_one_verdict_for_each_recipient_stays(self):
        with self.ours.smtp(HONEST) as session:
            assert session.mail("").code == 250 and session.rcpt("postmaster@test").code == 250
            assert session.rcpt("bob@test").code == 452


class TestWrongLimit(Floods):
    main = "BATV_HOST_FLOOD_LIMIT = many / 2d\n"

    def test_it_is_logged_and_mail_goes_on(self):
        self.flood(times=LIMIT + 2)
        lines = self.ours.mainlog(OUR_LINE + "trouble=flood ")
        assert lines and r"limit=<many\x20/\x202d>" in lines[0], lines


class TestOff(Floods):
    """The default: both limits are off."""

    main = ""

    def test_nobody_is_turned_away(self):
        self.flood(times=3 * LIMIT)
        assert not self.ours.mainlog("flood=") and self.counted() == {"host": 0, "rcpt": 0}


class OnDebian(Site):
    """Debian's own configuration with our pieces; the limits are where Debian has an administrator's macros."""

    MACROS = f"BATV_HOST_FLOOD_LIMIT = {LIMIT} / 1h\nBATV_RCPT_FLOOD_LIMIT = {LIMIT + 3} / 1h\n"
    test_whole_life = None

    def setup(self):
        super().setup()
        self.batv.set(CONF + "flood_refuse_at_rcpt = on\n")
        if self.split:
            self.lab.write(self.debian.etc / "conf.d/main/000_localmacros", self.MACROS)
        else:
            path = self.debian.etc / "exim4.conf.localmacros"
            self.lab.write(path, self.MACROS + path.read_text())
        self.debian.place_signing()
        self.again()

    def answer(self, host, *rcpts):
        """The code that ended it, and where."""
        replies, data = self.come(*rcpts, source=host)
        return ("DATA", data.code) if data else ("RCPT", int(replies[0][:3]))

    def test_a_flood(self):
        other = "second@test"
        for _ in range(LIMIT):
            assert self.answer(FLOODER, self.address) == ("DATA", 550)
        assert self.answer(FLOODER, self.address) == ("RCPT", 451)      # the host, whatever the recipient
        assert self.answer(FLOODER, other) == ("RCPT", 451)
        for n in range(3):
            assert self.answer(f"127.0.30.{n + 1}", self.address) == ("DATA", 550)
        assert self.answer(HONEST, self.address) == ("RCPT", 550)       # the recipient, whatever the host
        assert self.answer(HONEST, other) == ("DATA", 550)
        signed = self.left_with()
        for host in HONEST, FLOODER:
            assert self.answer(host, signed) == ("DATA", 250)
        self.ours.wait_idle()
        self.arrives(self.address, sender="eve@elsewhere.test")
        assert self.batv.json("status")["counters"]["turned_away"] == {"host": 2, "rcpt": 1}
        told = self.batv.json("report", self.ours.dir / "log" / "mainlog")["figures"]
        assert (told["refused"], told["refused_unread"], told["deferred_unread"]) == (LIMIT + 4, 1, 2), told
        assert self.ours.paniclog() == []


class TestDebianUnsplit(OnDebian):
    pass


class TestDebianSplit(OnDebian):
    split = True


class TestDebianLight(OnDebian):
    """It cannot call a function: the limits do nothing, and mail goes on."""

    kind = LIGHT

    def test_a_flood(self):
        for _ in range(LIMIT + 4):
            assert self.answer(FLOODER, self.address) == ("DATA", 550)
        self.arrives(self.left_with())
        assert self.ours.paniclog() == [] and not self.ours.mainlog("flood=")
