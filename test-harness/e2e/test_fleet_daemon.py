"""batv-fleet itself: how it starts, what it waits for, what an administrator does to it, and hosts that are not what they say."""

import shutil
import struct

from batv import *
from fleet_memory import SINCE, UNTIL
from lab_fleet import *


def alone(lab, **more):
    servers = engines(lab, 1)
    return servers[0], FleetHost(lab, "relay1", [servers[0].server], **more)


def with_mx(lab):
    server, relay = alone(lab)
    mx = FleetHost(lab, "mx1", [server.server], secret_of=relay)
    relay.says("host mx1 is in the fleet")
    mx.says("host relay1 is in the fleet")
    return server, relay, mx


def ended(host, status, *words):
    """It ends by itself, with that status, and says why."""
    assert host.fleet.wait(20) == status, host.log()
    for word in words:
        assert word in host.log(), (word, host.log())


def test_what_is_wrong_at_the_start(lab):
    server, host = alone(lab, start=False)
    good = host.batv.conf_path.read_text()

    def says(status, *words, conf=good):
        lab.write(host.batv.conf_path, conf)
        host.start(wait=False)
        ended(host, status, *words)
    says(2, "names no fleet, so there is nothing to do", conf="domains = test\n")
    says(2, "fleet_servers", conf=good.replace(server.server, "a b"))
    host.password.chmod(0o644)
    says(2, f"{host.password}: others may read or change it")
    host.password.chmod(0o640)
    host.dir.chmod(0o777)
    says(3, str(host.dir))
    host.dir.chmod(0o750)
    lab.write(host.batv.conf_path, good)
    host.start()
    second = lab.run([FLEET, "-c", host.batv.conf_path, "-d"], check=False)
    assert second.returncode == 3 and "another batv-fleet is running with this directory" in second.stderr, second
    for argv in ["--nonsense"], ["-c"], ["extra"]:
        done = lab.run([FLEET, *argv], check=False)
        assert done.returncode == 2 and "batv-fleet --help" in done.stderr, done
    assert lab.run([FLEET, "--version"]).stdout.startswith("batv-fleet ")
    assert "SIGHUP" in lab.run([FLEET, "--help"]).stdout
    host.stop()


def test_it_waits_for_batvd(lab):
    server, host = alone(lab, start=False)
    key = host.batv.state_dir / "fleet.key"
    text = key.read_bytes()
    host.batv.stop()
    key.unlink()
    host.start(wait=False)
    host.says("fleet.key is missing: batvd writes it when the configuration names a fleet; is batvd running?")
    lab.write(key, text.replace(NAME.encode(), b"other.example"), mode=0o400)
    host.says('is for the fleet "other.example", the configuration names "mail.example"')
    lab.write(key, b"rubbish\n", mode=0o400)
    host.says("fleet.key: syntax error")
    memory = host.batv.state_dir / "memory"
    memory.rename(memory.with_name("aside"))
    lab.write(key, text, mode=0o400)
    host.says("batv-fleet waits for it")
    memory.with_name("aside").rename(memory)
    host.says(f"of the fleet {NAME}, 1 servers")
    host.says("connected (redis")
    # each was said once, not each second
    assert host.log().count("is missing: batvd writes it") == 1
    # it is gone in the middle of the work
    key.unlink()
    host.says("is missing: batvd writes it", 2)
    lab.write(key, text, mode=0o400)
    host.says(f"of the fleet {NAME}, 1 servers", 2)
    host.stop()


def test_systemd_is_told(lab):
    server, host = alone(lab, start=False)
    host.batv.told.clear()
    host.fleet = lab.spawn("fleet-relay1", [FLEET, "-c", host.batv.conf_path], env=host.batv.env)
    wait_until(lambda: "READY=1" in host.batv.told, 20, "READY=1")
    wait_until(lambda: any(t.startswith(f"STATUS=fleet {NAME}: 0 other hosts") for t in host.batv.told), 20, "a status")
    assert "WATCHDOG=1" in host.batv.told
    host.fleet.hup()
    wait_until(lambda: "RELOADING=1" in host.batv.told and host.batv.told.count("READY=1") == 2, 20, "RELOADING=1 and READY=1")
    host.stop()
    wait_until(lambda: "STOPPING=1" in host.batv.told, 20, "STOPPING=1")


def test_sighup_reads_the_configuration(lab):
    server, host = alone(lab)
    other = Redis(lab, name="other", acl=printed_acl(lab))
    start = host.view_is(lambda v: True, "a view")["hosts"][0]["incarnation"]
    # nothing has changed: nothing is started again
    host.fleet.hup()
    host.says("the configuration has not changed")
    # a mistake changes nothing
    good = host.batv.conf_path.read_text()
    lab.write(host.batv.conf_path, good.replace("fleet_user = batv", "fleet_user = a b"))
    host.fleet.hup()
    host.says("batv-fleet keeps the last good configuration")
    assert host.view()["hosts"][0]["incarnation"] == start
    # another server
    lab.write(host.batv.conf_path, good.replace(server.server, other.server))
    host.fleet.hup()
    host.says(f"{other.server}: connected")
    # a new password: of the file alone
    other.load_acl(other.acl_text.replace(PASSWORD, "another"))
    other.ask("CLIENT", "KILL", "USER", "batv")
    host.says("wrong user or password")
    lab.write(host.password, "another\n", mode=0o640)
    host.fleet.hup()
    host.says(f"{other.server}: connected", 2)
    lab.write(host.batv.conf_path, good.replace(f"fleet_directory = {host.dir}", "fleet_directory = /elsewhere"))
    host.fleet.hup()
    host.says("fleet_directory was changed; restart batv-fleet to use it")
    host.stop()


def test_another_secret_is_another_fleet(lab):
    """Until the secret is the same everywhere, parcels are foreign, and say so."""
    server, relay = alone(lab)
    mx = FleetHost(lab, "mx1", [server.server])
    mx.says("a parcel on a server was not taken")
    mx.says("do all hosts of the fleet have the same secret?")
    share_secret(relay.batv, mx.batv)
    mx.says("the fleet has another key; starting with it")
    relay.says("host mx1 is in the fleet")
    mx.says("host relay1 is in the fleet")
    relay.remember("m1@test")
    mx.learns("m1@test")


def test_a_new_generation_of_the_memory(lab):
    """A larger file: what the fleet sent before is in the file before, and the header of the new one goes on."""
    server, one, other = with_mx(lab)
    other.remember("m1@test")
    one.learns("m1@test")
    since = one.view_is(lambda v: v["since"], "completeness")["since"]
    one.batv.set(one.conf_text.replace("memory_capacity = 1k", "memory_capacity = 5k"), **one.settings)
    newest = one.batv.state_dir / "memory.2"
    wait_until(newest.exists, 20, "a new memory")
    other.remember("m2@test")
    one.learns("m2@test")
    assert one.knows("m1@test")
    wait_until(lambda: min(header_words(newest)) > 0, 20, lambda: f"words of {newest}: {header_words(newest)}")
    assert header_words(newest)[1] == one.view()["since"] == since, header_words(newest)
    assert "missing" not in one.log()
    one.remember("m3@test")
    other.learns("m3@test")


def header_words(path):
    """(fleet_until, fleet_since) of a memory file, by the offsets of docs/formats.md."""
    with open(path, "rb") as file:
        head = file.read(4096)
    return struct.unpack_from("=q", head, UNTIL)[0], struct.unpack_from("=q", head, SINCE)[0]


def test_a_memory_that_was_lost_is_filled_again(lab):
    server, relay, mx = with_mx(lab)
    for i in range(5):
        relay.remember(f"m{i}@test")
    mx.learns("m4@test")
    mx.batv.stop()
    (mx.batv.state_dir / "memory").unlink()
    for path in mx.batv.state_dir.glob("memory.*"):
        path.unlink()
    mx.batv.start()
    mx.says("sending again", 0)
    for i in range(5):
        mx.learns(f"m{i}@test", timeout=60)


def test_a_copied_disk(lab):
    """Two hosts with one id would use each position twice."""
    server, relay, mx = with_mx(lab)
    mx.stop()
    shutil.copy(relay.dir / "host", mx.dir / "host")
    shutil.copy(relay.dir / "sent/host", mx.dir / "sent/host")
    for name in "host", "sent/host":
        lab.own(mx.dir / name)
    before = relay.view()["host"]["id"]
    # the copy starts later, and more often, than the original
    for _ in range(3):
        mx.start()
        if _ < 2:
            mx.stop()
    hosts = relay, mx
    wait_until(lambda: any("a disk was copied; this host takes a new id" in h.log() for h in hosts), 30, "one to see it")
    mail = f"m{os.urandom(4).hex()}@test"
    relay.remember(mail)
    mx.learns(mail)
    wait_until(lambda: relay.view()["host"]["id"] != mx.view()["host"]["id"], 30, "two ids")
    assert before in (relay.log() + mx.log()).split("batvctl fleet forget ")[1]


def test_leaving_and_forgetting(lab):
    server, relay, mx = with_mx(lab)
    relay.remember("m1@test")
    mx.learns("m1@test")
    third = FleetHost(lab, "gone", [server.server], secret_of=relay)
    for host in relay, mx:
        host.says("host gone is in the fleet")
    third.remember("m2@test")
    mx.learns("m2@test")
    gone = third.view_is(lambda v: True, "a view")["host"]["id"]
    third.fleet.kill()
    mx.view_is(lambda v: any("gone is not heard" in l for l in v["lacks"]), "that it is missed")
    relay.said(forget=[gone])
    for host in relay, mx:
        host.view_is(lambda v: gone not in [h["id"] for h in v["hosts"]], "that it is forgotten")
        host.view_is(lambda v: v["written"] * 1000 - v["until"] < 3000, "a promise without it")
    # the relay leaves; what it sent still counts
    relay.said(leave=True)
    mx.view_is(lambda v: [h for h in v["hosts"] if h["name"] == "relay1" and h["left"]], "that it has left")
    mx.view_is(lambda v: v["written"] * 1000 - v["until"] < 3000, "a promise without it")
    assert mx.knows("m1@test") and mx.knows("m2@test")
    # and comes back
    relay.remember("m3@test")
    relay.said()
    mx.learns("m3@test")
    mx.view_is(lambda v: [h for h in v["hosts"] if h["name"] == "relay1" and not h["left"]], "that it is back")


def test_a_hostile_server_changes_nothing(lab):
    """Garbage, changed and repeated parcels: none opens, and none is taken twice."""
    server, relay, mx = with_mx(lab)
    relay.remember("m1@test")
    mx.learns("m1@test")
    live = f"batv:{{{NAME}}}:live"
    entries = [e[1][1].encode(errors="surrogateescape") for e in server.ask("XRANGE", live, "-", "+")]
    assert len(entries) > 5
    for parcel in entries[:50]:
        server.ask("XADD", live, "*", "1", parcel)                                  # replayed
        broken = bytearray(parcel)
        broken[len(broken) // 2] ^= 1
        server.ask("XADD", live, "*", "1", bytes(broken))                           # one bit
        server.ask("XADD", live, "*", "1", parcel[:-1])                             # cut
    for rubbish in b"", b"x", os.urandom(100), os.urandom(70000):
        server.ask("XADD", live, "*", "1", rubbish)
    server.ask("XADD", live, "*", "2", "of the future")
    server.ask("HSET", f"batv:{{{NAME}}}:rows", "00", "rubbish")
    relay.remember("m2@test")
    mx.learns("m2@test")
    mx.says("a parcel on a server was not taken")
    assert mx.log().count("a parcel on a server was not taken") == 1, "one line, not each"
    assert len(mx.view()["hosts"]) == 2
    mx.view_is(lambda v: v["written"] * 1000 - v["until"] < 3000, "a promise that goes on")
    mx.view_is(lambda v: "another version" in v["engines"][0]["text"], "the newer version in its text")
    mx.stop()
    relay.stop()


def test_a_full_disk(lab):
    """Names that cannot be kept are not told either, until there is room."""
    needs_root("a file system of its own")
    server, relay, mx = with_mx(lab)
    relay.stop()
    lab.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs", relay.dir / "sent"], user="root")
    lab.on_close(lambda: lab.run(["umount", "-l", relay.dir / "sent"], user="root"))
    lab.own(relay.dir / "sent")
    fill = relay.dir / "sent" / "fill"
    relay.start()
    relay.view_is(lambda v: v["pid"] == relay.fleet.pid, "a view of this start")
    file = os.open(fill, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(file, b"x" * 4096):
            pass
    except OSError:
        os.close(file)
    relay.remember("m1@test")
    relay.says("cannot write what was sent: No space left on device; the other hosts are told when it can be written")
    relay.view_is(lambda v: any("cannot be written to" in l for l in v["lacks"]), "that in the view")
    fill.unlink()
    relay.says("can be written again")
    mx.learns("m1@test")
