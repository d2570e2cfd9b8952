"""What batv-fleet --check says of real Redis and Valkey servers, in order and in every trouble: docs/fleet.md."""

import ssl
import re
import socket
import subprocess

from lab import *
from lab_redis import PASSWORD, Proxy, Redis

FLEET = BUILD / "batv-fleet"
NAME = "mail.example"


class Host:
    """exim-batv.conf of one host with a fleet, and its password file."""

    def __init__(self, lab, servers, password=PASSWORD, user="batv", mode=0o640, name="host"):
        self.lab = lab
        self.dir = lab.mkdir(name)
        self.password = lab.write(self.dir / "password", f"{password}\n", mode=mode) if password else None
        self.conf = lab.write(self.dir / "exim-batv.conf", "\n".join(
            ["domains = test", f"fleet = {NAME}", f"fleet_servers = {', '.join(servers)}"] +
            ([f"fleet_user = {user}"] if user else []) +
            ([f"fleet_password_file = {self.password}"] if password else [])) + "\n")

    def fleet(self, *argv, **run):
        return self.lab.run([FLEET, "-c", self.conf, *argv], check=False, **run)

    def check(self, status=None, **run):
        done = self.fleet("--check", **run)
        assert not done.stderr, done.stderr
        assert status is None or done.returncode == status, done
        return done.stdout.splitlines()


def acl(lab):
    """The user exactly as batv-fleet prints it, with a password."""
    return Host(lab, ["127.0.0.1:1"], name="acl").fleet("--acl").stdout.strip().replace("PASSWORD", PASSWORD)


def one(lab, kind="redis", **more):
    """A server with the printed user, and a host that uses it."""
    redis = Redis(lab, kind=kind, acl=acl(lab), **more)
    return redis, Host(lab, [redis.server])


def test_the_printed_user_is_enough_and_no_more(lab):
    for kind, listen, version in ("redis", "127.0.0.1", "redis 7."), ("valkey", "unix", "valkey 8."):
        redis, host = one(lab, kind, name=kind, listen=listen)
        line, = host.check(0)
        assert line.startswith(f"{redis.server}: in order ({version}"), line
        assert len(redis.ask("GET", f"batv:{{{NAME}}}:epoch")) == 32
        rights = dict(zip(*[iter(redis.ask("ACL", "GETUSER", "batv"))] * 2))
        assert "on" in rights["flags"] and rights["commands"].startswith("-@all"), rights
        for command in (["FLUSHALL"], ["DEL", f"batv:{{{NAME}}}:live"], ["CONFIG", "GET", "*"], ["EVAL", "return 1", "0"],
                        ["GET", "batv:{other}:epoch"], ["REPLICAOF", "127.0.0.1", "1"], ["KEYS", "*"]):
            answer = redis.ask("ACL", "DRYRUN", "batv", *command)
            assert "no permissions" in answer, (command, answer)


def test_each_trouble_has_its_line(lab):
    redis, host = one(lab, options={"enable-protected-configs": "yes"})
    redis2 = Redis(lab, name="redis2")
    full = acl(lab)

    def says(*words, status=1):
        line, = host.check(status)
        assert line.startswith(f"{redis.server}: "), line
        for word in words:
            assert word in line, (word, line)
    says("in order", status=0)
    # a wrong password; the line to set works
    lab.write(host.password, "wrong\n", mode=0o640)
    says("wrong user or password", "the user is batv", str(host.password), "ACL SETUSER batv on >PASSWORD ~batv:{mail.example}:*")
    lab.write(host.password, f"{PASSWORD}\n", mode=0o640)
    # a right that is missing
    redis.load_acl(full.replace(" +xadd", "").replace(" +set", ""))
    says("user batv may not do all that is needed (set)", "ACL SETUSER batv on >PASSWORD", "+xadd", "then ACL SAVE")
    redis.load_acl(full.replace("~batv:{mail.example}:*", "~other:*"))
    says("may not do all that is needed (xinfo)")
    redis.load_acl(full)
    says("in order", status=0)
    # out of memory
    redis.set("maxmemory", 1000)
    says("its memory is full", "raise maxmemory")
    redis.set("maxmemory", 0)
    # one that evicts is used, with a warning
    redis.set("maxmemory-policy", "allkeys-lru")
    redis.set("maxmemory", 1 << 30)
    says("warning: its maxmemory-policy is allkeys-lru", "noeviction", status=0)
    redis.set("maxmemory-policy", "noeviction")
    says("in order", status=0)
    # it cannot save
    redis.set("maxmemory", 0)
    redis.set("save", "3600 1")
    redis.set("dir", "/proc")
    redis.set("rdbcompression", "no")
    redis.ask("SET", "x", "y")
    redis.ask("BGSAVE")
    wait_until(lambda: "rdb_last_bgsave_status:err" in redis.ask("INFO", "persistence"), 20, "a save to fail")
    says("it cannot save", "free disk space", "the fleet does not need it")
    redis.restart()
    # a key of somebody else's
    redis.ask("SET", f"batv:{{{NAME}}}:live", "mine")
    says("is not ours", "choose another name for the fleet")
    redis.restart()
    # a replica
    redis.ask("REPLICAOF", "127.0.0.1", redis2.port)
    wait_until(lambda: "role:slave" in redis.ask("INFO", "replication"), 20, "a replica")
    says("it is a replica", "name plain servers")
    redis.restart()
    # too many clients
    redis.set("maxclients", 1)
    with served(redis):
        says("too many clients", "raise maxclients")
    redis.restart()
    # frozen; dead
    redis.freeze()
    says("it does not answer within 300 ms", "the network")
    redis.thaw()
    redis.kill()
    says("cannot connect: Connection refused", "is the server running")


def served(redis):
    """A client of the server, which has been answered."""
    wire = socket.create_connection((redis.address, redis.port))
    wire.sendall(b"PING\r\n")
    assert wire.recv(100)
    return wire


def test_loading(lab):
    redis, host = one(lab, options={"rdbcompression": "no"})
    for i in range(200):
        redis.ask("SET", f"fill:{i}", "x" * 2000)
    assert redis.ask("SAVE") == "OK"
    redis.kill()
    redis.options |= {"key-load-delay": 100000, "loading-process-events-interval-bytes": 1024}    # us: it loads for 20 s
    redis.start(wait=False)
    wait_until(lambda: loading(redis), 20, "it to load")
    line, = host.check(1)
    assert "still loading its data; nothing to do but wait" in line, line


def loading(redis):
    try:
        return "loading:1" in redis.ask("INFO", "persistence")
    except OSError:
        return False


def test_no_password_where_one_is_needed(lab):
    redis = Redis(lab, options={"requirepass": PASSWORD})
    line, = Host(lab, [redis.server], password=None, user=None).check(1)
    assert "the server wants a password; set fleet_user and fleet_password_file" in line, line
    line, = Host(lab, [redis.server], password="wrong", user=None).check(1)
    assert "wrong password" in line and "fleet_user is not set" in line, line
    line, = Host(lab, [redis.server], user=None).check(0)
    assert "in order" in line, line


def test_something_else_listens(lab):
    with_smtp = Sink(lab)
    line, = Host(lab, [with_smtp.route().replace("::", ":")]).check(1)
    assert "it does not answer as Redis does" in line, line


def test_several_servers_at_once(lab):
    redis, _ = one(lab)
    proxy = Proxy(lab, redis)
    proxy.freeze()
    host = Host(lab, [redis.server, proxy.server, "unix:/nonexistent/redis.sock"])
    up, frozen, absent = host.check(1)
    assert "in order" in up, up
    assert frozen.startswith(f"{proxy.server}: it does not answer within 300 ms"), frozen
    assert "cannot connect: No such file or directory" in absent, absent
    proxy.thaw()
    assert "in order" in host.check(1)[1]


def test_names_are_looked_up(lab):
    redis, _ = one(lab)
    found, unknown = Host(lab, [f"localhost:{redis.port}", "no-such-host.invalid:6379"]).check(1)
    assert "in order" in found, found
    assert "cannot find the host's address" in unknown, unknown


def test_the_password_file_is_nobody_elses(lab):
    redis, host = one(lab)
    for mode, words in (0o644, "others may read or change it"), (0o660, "others may read or change it"), (0o600, None):
        host.password.chmod(mode)
        done = host.fleet("--check")
        assert done.returncode == (2 if words else 0) and (not words or words in done.stderr), done
    lab.write(host.password, "\nsecret\n", mode=0o600)
    assert "its first line is empty" in host.fleet("--check").stderr
    host.password.unlink()
    assert f"{host.password}: No such file or directory" in host.fleet("--check").stderr


def test_without_a_fleet_there_is_nothing_to_do(lab):
    conf = lab.write("exim-batv.conf", "domains = test\n")
    done = lab.run([FLEET, "-c", conf, "--check"], check=False)
    assert done.returncode == 2 and "has no fleet, so there is nothing to do" in done.stderr, done


def certificate(lab, name):
    """A key and a certificate for NAME, signed by itself."""
    key, cert = lab.dir / f"{name}.key", lab.dir / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    for path in key, cert:
        path.chmod(0o644)
    return key, cert


def test_tls(lab):
    key, cert = certificate(lab, "localhost")
    port = lab.port()
    redis, _ = one(lab, options={"tls-port": port, "tls-cert-file": cert, "tls-key-file": key, "tls-auth-clients": "no",
                                 "tls-ca-cert-file": cert})
    trusting = {"env": {"SSL_CERT_FILE": str(cert)}}
    good, wrong_name, plain_port = Host(lab, [f"rediss://localhost:{port}", f"rediss://127.0.0.1:{port}",
                                              f"rediss://localhost:{redis.port}"]).check(1, **trusting)
    assert "in order" in good, good
    assert "TLS failed" in wrong_name and "mismatch" in wrong_name.lower(), wrong_name
    assert "is this its port for TLS?" in plain_port or "TLS failed" in plain_port, plain_port
    strange, = Host(lab, [f"rediss://localhost:{port}"]).check(1)
    assert "TLS failed: self-signed certificate" in strange, strange


def test_the_page_has_the_lines_of_the_log(lab):
    """What docs/fleet.md quotes is what the sources say, but for names and numbers."""
    sources = re.sub(r'"\s*\n\s*(?:PRI[a-z0-9]+ *)?"', "", "".join(p.read_text() for p in sorted((TOP / "src/fleet").glob("*.c"))))
    page = (TOP / "docs/fleet.md").read_text().partition("## In the log\n")[2].partition("\n## ")[0]
    quoted = [q for row in page.splitlines() if row.startswith("| `") for q in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    assert len(quoted) > 15, quoted
    for line in quoted:
        parts = re.split(r"SERVER: |; |\bNAME\b|\bID\b|\.\.\.|2026-\S+ \S+ UTC|\b\d+(?:\.\d+)*\b|[()]|\bbatv\b may|allkeys-lru|Connection refused|"
                         r"No space left on device|redis|xadd", line)
        for part in (p.strip(" ;") for p in parts):
            assert len(part) < 6 or part in sources, (part, line)
