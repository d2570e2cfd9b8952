"""Real Exims in a fleet: a relay sends, an MX receives the answers, and two servers are between them."""

from answers import *
from lab_fleet import *

NOON = 1_900_000_000
REFUSED, LATE = ("reject", "-"), ("mark", "fleet-behind")


class Side(Ours):
    """One of the hosts, as answers.py wants it."""

    def __init__(self, host, sink):
        self.lab, self.batv, self.ours, self.sink, self.host = host.lab, host.batv, host.exim, sink, host


class TestFleet:
    def setup(self):
        self.lab.clock.set(NOON)
        self.sink = Sink(self.lab)
        self.servers = engines(self.lab)
        names = [s.server for s in self.servers]
        queue = {"smtp_accept_queue_per_connection": "0"}
        relay = FleetHost(self.lab, "relay1", names, route=self.sink, options=queue)
        mx = FleetHost(self.lab, "mx1", names, route=self.sink, address="127.0.0.3", secret_of=relay, options=queue)
        relay.says("host mx1 is in the fleet")
        mx.says("host relay1 is in the fleet")
        self.relay, self.mx = Side(relay, self.sink), Side(mx, self.sink)

    def sent(self, known=True):
        """Mail leaves by the relay, to somebody new: (id, an automatic reply that cites it); KNOWN: when the MX knows it."""
        message_id, who = new_id(), f"p{os.urandom(4).hex()}@theirs.test"
        self.relay.write(who, message_id)
        if known:
            self.mx.host.learns(message_id)
        # from somebody else, so that the pair proves nothing
        return message_id, out_of_office(f"Deputy <d.{who}>", In_Reply_To=f"<{message_id}>")

    def proofs(self):
        """By id, by pair, and a DSN that lost its tag on the way."""
        sent, answer = self.sent()
        self.mx.remembered(answer, "autoreply", "id", sent)
        self.mx.remembered(bounce("alice@test", message_id=sent), "dsn", "id", sent)
        who = f"p{os.urandom(4).hex()}@theirs.test"
        self.relay.write(who, sent := new_id())
        self.mx.host.learns(sent)
        self.mx.remembered(out_of_office(f"Pat <{who}>"), "autoreply", "pair")

    def samples(self):
        """Bounces of what the relay sent, from three networks: so the MX measures what its memory knows."""
        for source in NETWORKS:
            message_id = new_id("sample")
            tag = self.relay.tag_of(message_id=message_id)
            self.mx.host.learns(message_id)
            assert self.mx.ours.inject("", tag, bounce(tag, "alice@test", message_id=message_id), source).data.code == 250

    def forged(self, outcome):
        """Backscatter: an automatic reply that cites mail which nobody sent."""
        self.mx.unproven(out_of_office("spam.victim@theirs.test", In_Reply_To=f"<{new_id('forged')}>"), "autoreply", outcome=outcome)

    def test_the_mx_knows_what_the_relay_sent(self):
        self.proofs()
        # not complete yet: it has been looking for less than its retention
        self.forged(("mark", "no-memory"))

    def test_complete_after_the_retention(self):
        """What proves nothing is refused then; what was sent a moment ago is not, because the barrier waits for it."""
        self.lab.clock.advance(3 * DAY + 120)
        self.samples()
        self.mx.host.view_is(lambda v: v["complete"], "that the memory is complete")
        wait_until(self.refuses, 30, lambda: f"that the MX refuses: {self.mx.recall()}")
        self.forged(REFUSED)
        fleet = self.mx.batv.json("status")["fleet"]
        assert {**fleet, "name": NAME, "running": True, "complete": True, "hosts_heard": 2, "hosts_silent": 0, "servers_ok": 2, "servers_down": 0,
                "missing": 0, "holes": 0} == fleet and fleet["gap"] <= NOON + 60, fleet
        page = self.mx.batv.ctl("status", check=False).stdout
        assert f" Fleet {NAME} complete, 2 of 2 hosts heard: batvctl fleet status " in " ".join(page.split()), page
        self.proofs()
        for _ in range(20):
            sent, answer = self.sent(known=False)
            self.mx.remembered(answer, "autoreply", "id", sent)

    def test_batv_fleet_is_stopped_at_the_mx_or_at_the_relay(self):
        """Never 550 for what was sent, and nothing is refused that might have been."""
        for side in self.mx, self.relay:
            side.host.fleet.freeze()
            sent, answer = self.sent(known=False)
            self.mx.unproven(answer, "autoreply", outcome=LATE)
            self.forged(LATE)
            side.host.fleet.thaw()
            self.mx.host.learns(sent)
            self.mx.remembered(answer, "autoreply", "id", sent)
            wait_until(self.refuses, 30, "that it refuses again")

    def refuses(self):
        message = out_of_office("spam.victim@theirs.test", In_Reply_To=f"<{new_id('forged')}>")
        return self.mx.replay(message)[0] == 550

    def test_a_third_server_joins(self):
        """Both ways: what it sends is known at the MX, and it is an MX for what was sent before it was there."""
        before, answer = self.sent()
        third = FleetHost(self.lab, "both", [s.server for s in self.servers], route=self.sink, address="127.0.0.4",
                          secret_of=self.relay.host, options={"smtp_accept_queue_per_connection": "0"}, start=False)
        side = Side(third, self.sink)
        # else all would wait for evidence of what it sends, and for what it may have sent before it had a journal
        third.said(joined=int(self.lab.clock.now()), fresh=True)
        wait_until(lambda: '"fresh":true' in (third.batv.state_dir / "fleet.row").read_text(), 15, "the row of a fresh host")
        third.start()
        third.learns(before)
        side.remembered(answer, "autoreply", "id", before)
        third.view_is(lambda v: v["complete"], "that its memory is complete at once")
        for host in self.relay.host, self.mx.host:
            host.says("host both is in the fleet")
        message_id, who = new_id(), f"p{os.urandom(4).hex()}@theirs.test"
        side.write(who, message_id)
        self.mx.remembered(out_of_office(f"Deputy <d.{who}>", In_Reply_To=f"<{message_id}>"), "autoreply", "id", message_id)
        # it is down for a while: proofs are what is lost by that, no mail
        third.stop()
        third.batv.stop()
        sent, answer = self.sent()
        self.mx.remembered(answer, "autoreply", "id", sent)
        self.mx.unproven(out_of_office("spam.victim@theirs.test", In_Reply_To=f"<{new_id('forged')}>"), "autoreply", outcome=LATE)
        third.batv.start()
        third.start()
        wait_until(self.refuses, 30, "that it refuses again")

    def test_mail_that_left_without_a_state(self):
        """The relay cannot name what it sent then.  So no host refuses for its memory's sake until that is older than the retention."""
        relay, mx = self.relay.host, self.mx.host
        bare_at = self.lab.clock.now()
        relay.batv.stop()
        (relay.batv.state_dir / "state").unlink()
        message_id = new_id()
        self.relay.write("pat@theirs.test", message_id)
        # it may not have been asked yet: a promise that is later than that mail comes after the news of it
        self.mx.unproven(out_of_office("Deputy <d.pat@theirs.test>", In_Reply_To=f"<{message_id}>"), "autoreply", outcome=("mark", "no-memory"))
        relay.batv.start()
        for restarted in False, True:
            mx.view_is(lambda v: not v["complete"] and v["since"] >= int(bare_at), "that the MX knows of the gap")
            assert any("relay1 cannot tell all that it sent before" in lack for lack in mx.view()["lacks"]), mx.view()["lacks"]
            self.forged(("mark", "no-memory"))
            fleet = self.mx.batv.json("status")["fleet"]
            assert fleet["running"] and not fleet["complete"] and fleet["gap"] >= int(bare_at), fleet
            metrics = self.mx.batv.ctl("metrics").stdout
            assert "\nbatv_fleet_complete 0\n" in metrics and f"\nbatv_fleet_gap_timestamp_seconds {fleet['gap']}\n" in metrics
            if not restarted:
                mx.stop()
                pid = mx.view()["pid"]
                mx.start()
                mx.view_is(lambda v: v["pid"] != pid and all(h["row"] for h in v["hosts"]), "that a start reads the rows again")
        self.proofs()
        relay.says("may be unknown to the others for good")
        self.lab.clock.advance(3 * DAY + 120)
        self.samples()
        wait_until(self.refuses, 30, lambda: f"that the MX refuses: {self.mx.recall()}, {mx.view()}")

    def test_mail_flows_without_any_server(self):
        tag = self.relay.tag_of()
        for server in self.servers:
            server.kill()
        sent, answer = self.sent(known=False)
        wait_until(lambda: [m for m in self.sink.messages if sent.encode() in m.data], 15, "the mail in the sink")
        self.mx.unproven(answer, "autoreply", outcome=LATE)
        self.forged(LATE)
        # its own proofs need no server
        assert self.mx.ours.inject("", tag, bounce(tag), STRANGER).data.code == 250
        assert self.mx.ours.inject("", "alice@test", bounce("alice@test", message_id=new_id()), STRANGER).data.code == 550
        for server in self.servers:
            server.start()
        self.mx.host.learns(sent)
        wait_until(self.refuses, 30, "that it refuses again")
        self.proofs()

    def test_exim_opens_no_socket_of_ours(self):
        """strace sees each connection of Exim's processes, and none goes to a server of the fleet."""
        needs_root("strace of another user's process")
        trace = self.lab.dir / "strace"
        tracer = self.lab.spawn("strace", ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,openat", "-o", trace,
                                           "-p", self.mx.ours.daemon.pid], user="root")
        wait_until(lambda: "TracerPid:\t0\n" not in open(f"/proc/{self.mx.ours.daemon.pid}/status").read(), 15, "strace to be there")
        sent, answer = self.sent()
        self.mx.remembered(answer, "autoreply", "id", sent)
        self.forged(REFUSED)
        tracer.stop()
        text = trace.read_text(errors="replace")
        assert f"{self.mx.batv.state_dir}" in text, "strace saw none of our files"
        for server in self.servers:
            assert str(server.socket) not in text and f"htons({server.port or 6379})" not in text, server.server
        assert not [l for l in text.splitlines() if "connect(" in l and "AF_INET" in l], text[-2000:]
