"""A fleet: what one host sends, the others know, whatever happens to the servers between them."""

from answers import *
from lab_fleet import *


class Counted:
    """Message-IDs, each new; all that were sent must be known everywhere in the end."""

    def __init__(self, sender, receivers):
        self.sender, self.receivers, self.ids = sender, receivers, []

    def send(self):
        self.ids.append(f"m{len(self.ids)}.{os.urandom(4).hex()}@test")
        self.sender.remember(self.ids[-1])
        return self.ids[-1]

    def arrives(self):
        """One more, which all learn."""
        one = self.send()
        for host in self.receivers:
            host.learns(one)

    def all_arrived(self):
        for host in self.receivers:
            for one in self.ids:
                host.learns(one)


def two(lab, servers):
    one = FleetHost(lab, "relay1", servers)
    other = FleetHost(lab, "mx1", servers, secret_of=one)
    one.says("host mx1 is in the fleet")
    other.says("host relay1 is in the fleet")
    return one, other


def test_each_host_knows_what_the_other_sent(lab):
    relay, mx = two(lab, [s.server for s in engines(lab)])
    relay.remember("m1@test")
    mx.learns("m1@test")
    mx.remember("m2@test", "bob@test")
    relay.learns("m2@test", address="bob@test")
    assert not mx.knows("m3@test")
    relay.stop()
    mx.stop()


def test_servers_in_every_trouble(lab):
    """One after the other, and both: what was sent is known in the end, and each trouble is one line in the log."""
    servers = engines(lab)
    first, second = servers
    relay, mx = two(lab, [s.server for s in servers])
    mail = Counted(relay, [mx])
    mail.arrives()
    full = first.acl_text

    def trouble(server, *words, times=1):
        """All hosts say it; mail.arrives() by the other server, and then by this one again."""
        for host in relay, mx:
            host.says(f"{server.server}: " + words[0], times)
            for word in words[1:]:
                assert word in host.log(), word
        mail.arrives()

    def over(server, times):
        for host in relay, mx:
            host.says(f"{server.server}: in order again", times)
        mail.arrives()
    # each is killed in turn, and comes back empty
    first.kill()
    trouble(first, "cannot connect: Connection refused; is the server running")
    first.start()
    over(first, 1)
    second.kill()
    trouble(second, "cannot connect: Connection refused")
    second.start()
    over(second, 1)
    for host in relay, mx:
        assert "it has lost what it had; the last minutes are sent again" in host.log()
        assert "no server of the fleet" not in host.log()
    # both
    first.kill()
    second.kill()
    for host in relay, mx:
        host.says("no server of the fleet can be used; until one can, automatic replies that prove nothing are accepted and marked")
    mail.send()
    first.start()
    for host in relay, mx:
        host.says("a server of the fleet can be used again")
    mail.all_arrived()
    second.start()
    over(second, 2)
    # frozen
    first.freeze()
    trouble(first, "it does not answer within 300 ms")
    first.thaw()
    over(first, 3)
    # full
    first.set("maxmemory", 1000)
    trouble(first, "its memory is full, so it takes no parcels; raise maxmemory there")
    first.set("maxmemory", 0)
    over(first, 4)
    # the password was changed there
    first.load_acl(full.replace(PASSWORD, "another"))
    first.ask("CLIENT", "KILL", "USER", "batv")
    trouble(first, "wrong user or password; the user is batv", "ACL SETUSER batv on >PASSWORD")
    first.load_acl(full)
    over(first, 5)
    # a right was taken away
    first.load_acl(full.replace(" +xadd", ""))
    trouble(first, "user batv may not do all that is needed (xadd)")
    first.load_acl(full)
    over(first, 6)
    # the stream is gone
    for server in servers:
        assert server.ask("DEL", f"batv:{{{NAME}}}:live") == 1
    mail.arrives()
    mail.all_arrived()
    relay.stop()
    mx.stop()


def test_batv_fleet_ends_in_every_way(lab):
    """Mail that leaves while it is down, killed or stopped is told later."""
    relay, mx = two(lab, [s.server for s in engines(lab)])
    mail = Counted(relay, [mx])
    mail.arrives()
    relay.stop()
    mail.send()
    mx.says("host relay1: not heard for 10 seconds; until it is, automatic replies that prove nothing are accepted and marked")
    relay.start()
    mx.says("host relay1: heard again")
    mail.all_arrived()
    relay.fleet.kill()
    mail.send()
    relay.start()
    mail.all_arrived()
    relay.fleet.freeze()
    mail.send()
    mx.view_is(lambda v: v["written"] * 1000 - v["until"] > 3000, "a promise that stands still")
    relay.fleet.thaw()
    mail.all_arrived()
    # the receiver is away for a while
    mx.stop()
    mail.send()
    mx.start()
    mail.all_arrived()
    mx.fleet.kill()
    mail.send()
    mx.start()
    mail.all_arrived()
    mx.view_is(lambda v: v["since"] and v["written"] * 1000 - v["until"] < 3000 and not [l for l in v["lacks"] if "wait" not in l],
               "all is here again")


def test_a_host_that_joins_later_knows_all_at_once(lab):
    servers = engines(lab)
    relay, mx = two(lab, [s.server for s in servers])
    mail = Counted(relay, [mx])
    for _ in range(3):
        mail.arrives()
    mx.remember("by.mx@test")
    relay.learns("by.mx@test")
    # what is in the streams is not needed for it: what was sent is asked for
    for server in servers:
        server.ask("DEL", f"batv:{{{NAME}}}:live")
    late = FleetHost(lab, "mx2", [s.server for s in servers], secret_of=relay)
    mail.receivers.append(late)
    mail.all_arrived()
    late.learns("by.mx@test")
    since = min(h.view()["since"] for h in (relay, mx))
    late.view_is(lambda v: v["since"] and v["since"] <= since + 2, "that the memory is as old as the others'")
    late.remember("by.mx2@test")
    relay.learns("by.mx2@test")
    assert len(late.view()["hosts"]) == 3

