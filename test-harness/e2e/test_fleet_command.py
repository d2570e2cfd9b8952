"""batvctl fleet, batvctl observe and batvctl memory: as an administrator of two servers uses them.

No systemd runs in the laboratory: the commands say so, and the test starts and stops batv-fleet.
"""

import json
import pwd
import struct
import subprocess

from answers import *
from lab_fleet import *

USER = "batv"
ACCESS = "system.posix_acl_access"


class Server(FleetHost):
    """A server that is in no fleet yet; it joins by batvctl."""

    def __init__(self, lab, name, route=None, address="127.0.0.1", conf=MEMORY + SHORT, **config):
        self.lab, self.name, self.fleet = lab, name, None
        self.dir = lab.mkdir(f"fleet-{name}", mode=0o750)
        self.batv = Batv(lab, name=f"batv-{name}", conf=conf, start=False)
        self.batv.conf(conf, fleet_host=name, fleet_directory=self.dir)
        self.batv.start()
        self.exim = batv_exim(lab, self.batv, route, name=name, address=address, **config) if route else None

    def ctl(self, *argv, code=0, **run):
        """As root, where that can be had."""
        user = {"user": "root"} if self.lab.root else {}
        done = self.batv.ctl(*argv, check=False, env={"BATV_FLEET_PROGRAM": FLEET}, **user, **run)
        assert done.returncode == code, (argv, done.returncode, done.stdout, done.stderr)
        return done

    def files(self):
        """What joining may change."""
        return {p.name: (p.stat().st_mode, p.read_bytes()) for p in self.batv.dir.iterdir() if p.is_file()}

    def secrets(self):
        return (self.batv.state_dir / "secret").read_text()

    def join(self, servers, *options, password=PASSWORD):
        return self.ctl("fleet", "join", *options, *(address(s) for s in servers), input=f"{password}\n")

    def key_is_there(self):
        wait_until((self.batv.state_dir / "fleet.key").exists, 15, f"the key of the fleet at {self.name}")

    def runs(self):
        """Start batv-fleet, as systemd would."""
        self.key_is_there()
        return self.start()

    def fleet_status(self):
        done = self.batv.ctl("--json", "fleet", "status", check=False)
        return done.returncode, json.loads(done.stdout)

    def problem(self, text):
        """Wait until fleet status has such a problem."""
        def there():
            code, status = self.fleet_status()
            assert (code == 1) == bool(status["problems"]), (code, status["problems"])
            return [p for p in status["problems"] if text in p]
        return wait_until(there, 30, lambda: f'"{text}" in {self.fleet_status()[1]["problems"]}')[0]

    def no_problem(self, text=""):
        wait_until(lambda: not [p for p in self.fleet_status()[1]["problems"] if text in p and "wait 72 hours" not in p], 30,
                   lambda: f'no "{text}" in {self.fleet_status()[1]["problems"]}')

    def hears(self, *names):
        self.view_is(lambda v: {h["name"] for h in v["hosts"] if h["row"] and not h["left"]} >= set(names), f"rows of {names}")


def address(server):
    return f"redis://{USER}@{server.server}/{NAME}" if server.port else server.server


def invite(host, other, code=0, change=lambda text: text):
    """batvctl fleet invite | ssh OTHER batvctl fleet join -"""
    text = host.ctl("fleet", "invite").stdout
    return other.ctl("fleet", "join", "-", input=change(text), code=code)


def pair(lab, **more):
    """Two servers in one fleet, both seen."""
    servers = engines(lab, 1)
    relay, mx = Server(lab, "relay1", **more), Server(lab, "mx1", **more)
    relay.join(servers)
    invite(relay, mx)
    relay.runs()
    mx.runs()
    relay.hears("mx1", "relay1")
    mx.hears("mx1", "relay1")
    return servers[0], relay, mx


def test_join_by_address(lab):
    """Until the servers can be used, nothing is changed."""
    servers = engines(lab, 2)
    relay = Server(lab, "relay1")
    before = relay.files()
    addresses = [address(s) for s in servers]

    def refused(code, *argv, password=PASSWORD, error):
        done = relay.ctl("fleet", "join", *argv, input=f"{password}\n", code=code)
        lines = [l for l in done.stderr.splitlines() if "warning: " not in l]
        assert len(lines) == 1 and error in lines[0] and "nothing was changed" in lines[0] or code == 2, done.stderr
        assert relay.files() == before
        return done
    done = refused(3, *addresses, password="wrong", error="a server cannot be used")
    assert "wrong user or password" in done.stderr, done
    servers[1].kill()
    done = refused(3, *addresses, error="a server cannot be used")
    assert "cannot connect" in done.stderr, done
    servers[1].start()
    refused(2, "redis://nobody@:99999/x", error="address 1: ")
    assert relay.ctl("fleet", "status", code=1).stderr.count("names no fleet") == 1
    assert "is in no fleet" in relay.ctl("fleet", "invite", code=1).stderr
    text = relay.batv.conf_path.read_text()
    relay.batv.conf_path.write_text(f"{text}fleet = other\n")
    before = relay.files()
    refused(3, *addresses, error=f":{text.count(chr(10)) + 1}: this line")
    relay.batv.conf_path.write_text(text)
    before = relay.files()
    done = relay.join(servers)
    assert "no systemd runs here: enable batv-fleet yourself" in done.stdout, done.stdout
    assert f"fleet = {NAME}" in relay.batv.conf_path.read_text()
    relay.runs()
    relay.hears("relay1")
    relay.no_problem()
    page = relay.ctl("fleet", "status", code=1).stdout      # the memory is young
    assert re.search(r"(?m)^relay1 .* this host", page) and f"Fleet {NAME}" in page, page
    after = relay.files()
    relay.join(servers)         # again: the same
    assert relay.files() == after


def test_invite_and_leave(lab):
    servers = engines(lab, 1)
    relay, mx = Server(lab, "relay1"), Server(lab, "mx1")
    relay.join(servers)
    relay.runs()
    before, secrets = mx.files(), mx.secrets()

    def line(change):
        def apply(text):
            first, rest = text.lstrip().split("\n", 1)
            first = json.loads(first)
            change(first)
            return json.dumps(first) + "\n" + rest
        return apply
    for seconds, word in (10, "after"), (-10, "ahead of"):
        done = invite(relay, mx, 1, line(lambda o: o.update(at=o["at"] + seconds)))
        assert re.search(rf"the clock here is \d+ seconds {word} that of relay1", done.stderr), done.stderr
    invite(relay, mx, 2, lambda text: "")
    invite(relay, mx, 2, lambda text: text[:20])
    assert mx.files() == before and mx.secrets() == secrets
    invite(relay, mx, 3, lambda text: text[:-40])       # the secrets were cut off
    assert mx.files() == before and mx.secrets() == secrets
    # its time is that at which it is read, so a password for ssh may take its time
    giving = subprocess.Popen([BUILD / "batvctl", "-c", relay.batv.conf_path, "fleet", "invite"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: "pipe" in open(f"/proc/{giving.pid}/wchan").read(), 15, "that batvctl invite waits for who reads")
    blanks = os.read(giving.stdout.fileno(), 65536)
    assert blanks and not blanks.strip(), blanks
    text = giving.communicate(timeout=20)[0].decode().lstrip()
    assert giving.returncode == 0 and '"fleet":"mail.example"' in text.split("\n")[0], text.split("\n")[0]
    done = invite(relay, mx, 0, line(lambda o: o.update(capacity=5000)))
    assert "memory_capacity is 1000 here and 5000 on relay1" in done.stdout, done.stdout
    mx.runs()
    relay.hears("mx1")
    mx.hears("relay1")
    relay.remember("m1@test")
    mx.learns("m1@test")
    relay.no_problem()
    mx.no_problem()
    # leaving is told, and coming back, too
    done = mx.ctl("fleet", "leave")
    assert "The other hosts know that this one has left" in done.stdout and "stop batv-fleet yourself" in done.stdout, done.stdout
    assert mx.files()["exim-batv.conf"] == before["exim-batv.conf"]
    mx.stop()
    wait_until(lambda: not (mx.batv.state_dir / "fleet.key").exists(), 15, "the key to be taken away")
    relay.view_is(lambda v: [h for h in v["hosts"] if h["name"] == "mx1" and h["left"]], "that mx1 has left")
    relay.no_problem()
    assert re.search(r"(?m)^mx1 .*has left", relay.ctl("fleet", "status", code=1).stdout)
    assert "names no fleet" in mx.ctl("fleet", "leave", code=1).stderr
    invite(relay, mx)
    mx.runs()
    relay.view_is(lambda v: [h for h in v["hosts"] if h["name"] == "mx1" and not h["left"]], "that mx1 is back")
    mx.remember("m2@test")
    relay.learns("m2@test")
    relay.no_problem()


def test_status_and_forget(lab):
    """What is wrong with the others; a host that is gone is forgotten by its name or its id."""
    server, relay, mx = pair(lab)
    mx.batv.ctl("rotate")           # without export
    problem = relay.problem("mx1 has other secrets")
    assert "batvctl secret export | ssh mx1 batvctl secret import" in problem
    lacked = mx.problem("relay1 has other secrets")
    row = json.loads((mx.batv.state_dir / "fleet.row").read_text())
    newest = max(secret["number"] for secret in row["secrets"] if not secret.get("retired"))
    assert f"relay1 has other secrets than this host (it lacks {newest})" in lacked, lacked
    mx.fleet.kill()
    server.kill()
    assert "cannot connect" in relay.problem(f"server {server.server}")
    server.start()
    relay.no_problem("server ")
    # a host whose name is made to do harm: its row is what its batv-fleet says
    relay.fleet.freeze()
    view = json.loads((relay.dir / "view").read_text())
    evil = {**next(h for h in view["hosts"] if not h["own"]), "id": "00000000000000ff", "name": "x;id\x1b[31m" + "n" * 300, "heard": 0}
    view["hosts"].append(evil)
    (relay.dir / "view").write_text(json.dumps(view))
    page = relay.ctl("fleet", "status", code=1).stdout
    assert "\x1b" not in page and max(map(len, page.splitlines())) <= 130, page
    page = " ".join(page.split())
    assert "batvctl fleet forget 00000000000000ff" in page and "ssh x;" not in page and "forget x;" not in page, page
    relay.fleet.thaw()
    relay.problem("batvctl fleet forget mx1")
    relay.ctl("fleet", "forget", "mx1")
    relay.no_problem()
    # it comes back, and is not forgotten again because batv-fleet starts; but it can be
    mx.start()
    relay.hears("mx1")
    relay.fleet.stop()
    relay.start()
    mx.batv.ctl("rotate")
    relay.hears("mx1")
    mx.fleet.kill()
    relay.ctl("fleet", "forget", relay.others()["mx1"]["id"])
    assert not relay.others()
    assert "no host of the fleet is named nobody" in relay.ctl("fleet", "forget", "nobody", code=1).stderr
    assert "use batvctl fleet leave" in relay.ctl("fleet", "forget", "relay1", code=1).stderr
    relay.no_problem()


def test_batv_fleet_has_a_user_of_its_own(lab):
    """Join, as root, lets it look into the state directory, whose setgid bit stays, and makes its own; leave takes the first back."""
    if not lab.root or lab.run(["unshare", "-m", "true"], user="root", check=False).returncode:
        skip("only root gives access to directories, and only in a namespace there is another user")
    server, relay = engines(lab, 1)[0], Server(lab, "relay1")
    state, user, group = relay.batv.state_dir, 64990, 64991
    own = relay.dir / "own"
    os.chown(state, -1, group)
    state.chmod(0o2750)
    relay.batv.conf(relay.batv.conf_path.read_text(), fleet_directory=own)
    passwd = lab.write("passwd", f"{open('/etc/passwd').read()}batv-fleet:x:{user}:{group}::/:/bin/false\n")

    def batvctl(*argv, **run):
        """Where there is such a user."""
        return lab.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"', passwd, BUILD / "batvctl",
                        "-c", relay.batv.conf_path, *argv], user="root", env={"BATV_FLEET_PROGRAM": FLEET}, **run)

    def access():
        status = state.stat()
        assert (status.st_gid, status.st_mode & 0o7777) == (group, 0o2750)
        names = os.listxattr(state)
        return struct.pack("<HHI", 2, 5, user) in os.getxattr(state, ACCESS) if ACCESS in names else False
    assert not access()
    batvctl("fleet", "join", address(server), input=f"{PASSWORD}\n")
    assert access()
    status = own.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (user, pwd.getpwuid(state.stat().st_uid).pw_gid, 0o2750), status
    relay.key_is_there()
    assert "could not be told" in batvctl("fleet", "leave").stdout
    assert not access() and own.is_dir()


def test_memory_export_and_import(lab):
    one, other = Server(lab, "relay1"), Server(lab, "mx1")
    share_secret(one.batv, other.batv)
    one.remember("m1@test")
    copy = lab.dir / "copy"
    done = subprocess.run(f"exec {BUILD}/batvctl -c {one.batv.conf_path} memory export > {copy}", shell=True, timeout=60)
    assert done.returncode == 0
    whole = copy.read_bytes()

    def take(data, code):
        copy.write_bytes(data)
        done = subprocess.run(f"exec {BUILD}/batvctl -c {other.batv.conf_path} memory import < {copy}", shell=True, timeout=60,
                              capture_output=True, text=True)
        assert done.returncode == code, done
        return done
    assert not other.knows("m1@test")
    take(b"", 2)
    take(b"\0" * 100000, 1)
    assert not other.knows("m1@test")
    take(whole[:-5000], 3)
    assert "added what the other host knows" in take(whole, 0).stdout
    assert other.knows("m1@test") and not other.knows("m2@test")
    other.remember("m2@test")
    take(whole, 0)
    assert other.knows("m1@test") and other.knows("m2@test")


# ---- refusing, by what all hosts say ----

class Site:
    """relay1, relay2 and mx1 with an Exim each, in one fleet; all mail is of the domain test, and leaves by a relay."""

    CONF = (MEMORY + SHORT).replace("+local_domains", "test").replace("reject", "auto") + "grace = 1d\n"

    def __init__(self, lab, fresh=()):
        lab.clock.set(1_900_000_000)
        self.lab, self.world = lab, Sink(lab)
        self.servers = engines(lab, 1)
        self.hosts = [Server(lab, name, self.world, address, self.CONF, options={"smtp_accept_queue_per_connection": "0"})
                      for name, address in (("relay1", "127.0.0.1"), ("relay2", "127.0.0.3"), ("mx1", "127.0.0.4"))]
        self.one, self.two, self.mx = self.hosts
        self.one.join(self.servers)
        for host in self.two, self.mx:
            text = self.one.ctl("fleet", "invite").stdout
            host.ctl("fleet", "join", *(["--fresh"] if host.name in fresh else []), "-", input=text)
        for host in self.hosts:
            host.runs()
        for host in self.hosts:
            host.hears("relay1", "relay2", "mx1")

    def send(self, host):
        """Mail leaves by this host; gives the envelope sender that arrives."""
        number = len(self.world.messages)
        assert host.exim.inject("alice@test", "friend@theirs.test", make_message("alice@test", "friend@theirs.test")).data.code == 250
        return self.world.wait(number + 1)[-1].sender

    def has_evidence(self, host):
        assert is_signed(self.send(host), "alice@test")
        prove(host.batv, host.exim)

    def domain(self, host):
        return next((d for d in host.batv.json("status")["domains"] if d["domain"] == "test"), {"armed": False, "why": "-", "text": ""})

    def is_armed(self, host, armed=True, text=""):
        return wait_until(lambda: (d := self.domain(host))["armed"] == armed and text in d["text"] and d, 30,
                          lambda: f"armed={armed} and {text!r} at {host.name}: {self.domain(host)}")

    def code(self, host=None):
        return (host or self.mx).exim.inject("", "alice@test", bounce("alice@test"), source=STRANGER).data.code

    def passes(self, seconds):
        """Time passes, and all are heard again."""
        self.lab.clock.advance(seconds)
        for host in self.hosts:
            if host.fleet.alive():
                host.view_is(lambda v: all(h["heard"] >= self.lab.clock.now() - 30 for h in v["hosts"] if not h.get("silent")), "that all are heard")


def test_arming(lab):
    """An MX that never sent refuses by what two relays know; what one of them breaks is broken everywhere."""
    site = Site(lab)
    one, two, mx = site.hosts
    site.has_evidence(one)
    assert is_signed(site.send(two), "alice@test")
    site.passes(DAY + 60)
    site.is_armed(mx, False, "relay2")              # it has no evidence yet
    assert site.code() == 250
    prove(two.batv, two.exim)
    site.is_armed(mx)
    assert site.code() == 550
    # a foreign secret: the domain is named with the host, and nothing is refused any more
    two.batv.ctl("rotate")
    site.is_armed(mx, False, "relay2")
    assert [site.code() for _ in range(3)] == [250] * 3
    site.is_armed(one, False, "relay2")
    share_secret(two.batv, mx.batv)
    share_secret(two.batv, one.batv)
    site.is_armed(mx)
    # all observe, by a word that any host says
    two.ctl("observe", "--fleet")
    for host in site.hosts:
        wait_until((host.batv.state_dir / "observe").exists, 30, f"that {host.name} observes")
        wait_until(lambda: site.code(host) == 250, 30, f"that {host.name} refuses nothing")
    one.ctl("observe", "--fleet", "--end")
    wait_until(lambda: site.code() == 550, 30, "that the MX refuses again")
    # signing off on one
    two.batv.conf(two.batv.conf_path.read_text(), signing="no")
    site.is_armed(mx, False, "relay2")
    site.is_armed(one, False, "relay2")
    assert [site.code() for _ in range(3)] == [250] * 3


def test_a_sender_that_is_not_heard(lab):
    """After fleet_patience the MX goes by its own evidence, which it does not have."""
    site = Site(lab, fresh=["relay2"])
    site.has_evidence(site.one)
    site.passes(DAY + 60)
    site.is_armed(site.mx)
    # a machine that is fresh begins to send, and nobody waits for its past
    assert is_signed(site.send(site.two), "alice@test")
    site.mx.view_is(lambda v: [d for h in v["hosts"] if h["name"] == "relay2" for d in h["row"]["domains"] if d.get("first_signed")],
                    "that relay2 has sent")
    site.mx.batv.reload()
    assert site.domain(site.mx)["armed"] and site.code() == 550
    site.one.fleet.kill()
    site.lab.clock.advance(1800)
    site.is_armed(site.mx)
    for options in [], ["--end"]:
        assert "Host relay1 has not been heard for" in site.two.ctl("observe", "--fleet", *options).stdout
    site.lab.clock.advance(3600)
    site.is_armed(site.mx, False)
    assert site.code() == 250
    site.one.start()
    site.is_armed(site.mx)
