"""A fleet in the laboratory: hosts with batvd, batv-fleet and an Exim each, and the Redis servers between them."""

import json

from answers import MEMORY, SHORT
from batv import *
from lab_layouts import share_secret
from lab_redis import PASSWORD, Redis

FLEET = BUILD / "batv-fleet"
NAME = "mail.example"


def printed_acl(lab):
    """The user exactly as batv-fleet prints it, with the laboratory's password."""
    conf = lab.write("acl.conf", f"domains = test\nfleet = {NAME}\nfleet_servers = unix:/none\nfleet_user = batv\n")
    return lab.run([FLEET, "-c", conf, "--acl"]).stdout.strip().replace("PASSWORD", PASSWORD)


def engines(lab, n=2, kinds=("redis", "valkey"), listen=("127.0.0.1", "unix"), **more):
    """N servers with the printed user, by turns of both kinds, on TCP and on a unix socket."""
    acl = printed_acl(lab)
    return [Redis(lab, name=f"server{i + 1}", kind=kinds[i % len(kinds)], listen=listen[i % len(listen)], acl=acl, **more)
            for i in range(n)]


class FleetHost:
    """One host of a fleet: .batv, .fleet (the daemon), .exim.

    SERVERS are texts for fleet_servers.  ADDRESS is its Exim's; ROUTE where its mail for other domains goes, None: no Exim.
    The first host makes the secret; the others get it from it (SECRET_OF).
    """

    def __init__(self, lab, name, servers, route=None, address="127.0.0.1", secret_of=None, conf=MEMORY + SHORT, start=True, **config):
        self.lab, self.name = lab, name
        self.dir = lab.mkdir(f"fleet-{name}", mode=0o750)
        self.password = lab.write(f"{name}.password", f"{PASSWORD}\n", mode=0o640)
        self.settings = {"fleet": NAME, "fleet_servers": ", ".join(servers), "fleet_user": "batv", "fleet_password_file": self.password,
                         "fleet_host": name, "fleet_directory": self.dir}
        self.conf_text = conf
        self.batv = Batv(lab, name=f"batv-{name}", conf=conf, start=False)
        self.batv.conf(conf, **self.settings)
        self.batv.start()
        if secret_of:
            share_secret(secret_of.batv, self.batv)
        self.fleet = None
        self.exim = batv_exim(lab, self.batv, route, name=name, address=address, **config) if route else None
        if start:
            self.start()

    def start(self, wait=True):
        begun = f"of the fleet {NAME}"
        count = self.log().count(begun)
        self.fleet = self.lab.spawn(f"fleet-{self.name}", [FLEET, "-c", self.batv.conf_path, "-d"])
        if wait:
            self.says(begun, count + 1)
        return self

    def stop(self):
        """SIGTERM; it must end by itself, and well."""
        status = self.fleet.stop()
        assert status == 0, (status, self.fleet.output()[-2000:])

    def log(self):
        """What batv-fleet said, all its runs."""
        path = self.lab.dir / f"fleet-{self.name}.output"
        return path.read_text(errors="replace") if path.exists() else ""

    def says(self, text, times=1, timeout=20):
        """Wait until batv-fleet has said TEXT so many times."""
        wait_until(lambda: self.log().count(text) >= times, timeout, lambda: f'"{text}" of {self.name}; it said:\n{self.log()[-3000:]}')

    def view(self):
        try:
            return json.loads((self.dir / "view").read_text())
        except OSError:
            return None

    def view_is(self, condition, what, timeout=30):
        """Wait until the view is such, which is given."""
        return wait_until(lambda: (v := self.view()) and condition(v) and v, timeout, lambda: f"{what} in the view of {self.name}: {self.view()}")

    def others(self):
        return {h["name"]: h for h in self.view()["hosts"] if not h["own"]}

    def said(self, **what):
        """As batvctl fleet says it: batvd puts it into the row."""
        self.lab.write(self.batv.state_dir / "fleet.said", json.dumps({"schema": 1, **what}), mode=0o640)
        self.batv.reload()

    def remember(self, message_id, address="alice@test"):
        """As if Exim had sent it: batvctl remember goes the same way into the memory and its journal."""
        self.batv.ctl("remember", "-", input=f"<{message_id}> {address}\n")

    def knows(self, message_id, address="alice@test"):
        """Does the memory of this host know it?  By batvctl explain, with an out-of-office reply that cites it."""
        message = (f"From: bob@theirs.test\nTo: {address}\nSubject: out of office\nAuto-Submitted: auto-replied\n"
                   f"In-Reply-To: <{message_id}>\nMessage-ID: <x.{message_id}>\n\nback soon\n")
        done = self.batv.ctl("--json", "explain", "-", "--rcpt", address, "--from", "<>", input=message, check=False)
        return any(u["kind"] == "id" and u["answer"] == "known" for u in json.loads(done.stdout)["look_ups"])

    def learns(self, message_id, timeout=30, **more):
        wait_until(lambda: self.knows(message_id, **more), timeout, lambda: f"{message_id} at {self.name}; {self.log()[-1500:]}")
