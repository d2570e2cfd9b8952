"""The company's servers, and the world around them.

    relay      mail leaves here, and it could be the MX as well: the whole company on one machine.  A content filter on
               loopback, a list manager, a web shop, fetchmail, a Sieve user, a machine room that relays by it
    mx-auto    an MX that only receives, `enforcement = auto` from the installation on; a filter on another host
    mx-reject  the same with `enforcement = reject` once a key_retention has passed; a filter by `exim -bS`

All three share one secret.  What comes from the world comes to all three, which are asked one after the other.
"""

import os
import re

from company_ledger import Ledger, LogReader, Outcome
from lab_layouts import *
from lab_opensmtpd import OpenSmtpd

DOMAIN, CUSTOMER, IDN, IDN_U = "firma.test", "kunde.test", "xn--bcher-kva.test", "bücher.test"
USERS = [f"u{n:02}" for n in range(1, 21)]
PCS, INNER, FILTER, WORLD = "127.0.0.30", "127.0.0.6", "127.0.0.5", "127.0.0.2"
ELSEWHERE = "127.0.0.8"
START = 1_900_000_800       # a Sunday morning
FLOOD_BASE = 20             # instead of 500, so that small floods meet it
CONF = f"domains = +local_domains\nown_hosts = 127.0.0.1\nmemory_capacity = 10k\nflood_base = {FLOOD_BASE}\n"

# The list lives on the relay; its bounces come to the MX.
LIST_ROUTER = """
list_at_relay:
  driver = manualroute
  domains = {domain}
  local_parts = team : ^team[+]
  route_list = * 127.0.0.1::{port} byname
  self = send
  transport = to_relay
"""

LIST_TRANSPORT = """
to_relay:
  driver = smtp
  interface = LAB_ADDRESS
  hosts_try_fastopen =
"""


def smtputf8(*addresses):
    """The parameter of MAIL that these addresses need."""
    return "" if all(a.isascii() for a in addresses) else "SMTPUTF8"


class Company:
    def __init__(self, lab):
        self.lab, self.day = lab, 0
        lab.clock.set(START)
        self.ledger, self.outcomes = Ledger(), []
        self.world = Sink(lab, WORLD, name="world")
        self.postman = Sink(lab, "127.0.0.4", name="postman")       # where the real servers' own mail goes
        self.world.answer("rcpt", "550 5.1.1 no such user", match="^refused")
        self._build_world(lab)
        self._build(lab)
        self.mailbox = Pop3(lab)
        self.fetchers = {"fetchmail here": Fetchmail(lab, self.mailbox, self.relay, f"u10@{DOMAIN}"),
                         "fetchmail elsewhere": Fetchmail(lab, self.mailbox, Elsewhere(lab, self.relay, ELSEWHERE),
                                                          f"u10@{DOMAIN}")}
        self.logs = {name: LogReader(server.exim) for name, server in self.servers.items()}
        self.armed = {name: False for name in self.servers}

    def _build_world(self, lab):
        """Real servers, as far as this machine runs them: each takes mail for its domain, and bounces it to the postman."""
        home = self.postman.address, self.postman.port
        place = {"postfix.test": Place("127.0.0.2", lab.port("127.0.0.2")),
                 "opensmtpd.test": Place("127.0.0.11", lab.port("127.0.0.11")),
                 "exim.test": Place("127.0.0.12", lab.port("127.0.0.12"))}
        Exim(lab, name="other-exim", address=place["exim.test"].address, port=place["exim.test"].port, domain="exim.test",
             config=exim_config(local_domains="exim.test", relay_from="127.0.0.0/8", route=f"* {self.postman.route()}"))
        if os.getuid() == 0:
            Postfix(lab, port=place["postfix.test"].port, domain="postfix.test", relayhost=home)
            OpenSmtpd(lab, address=place["opensmtpd.test"].address, port=place["opensmtpd.test"].port,
                      next_hop=(self.world.address, self.world.port), relayhost=home)
        else:
            del place["postfix.test"], place["opensmtpd.test"]
        self.real = place
        self.vacation = Pigeonhole(lab, self.postman, "dave@pigeonhole.test",
                                   'require "vacation"; vacation :days 1 "I am away.";\n')

    def _build(self, lab):
        batvs = {name: Batv(lab, name=f"batv-{name}", conf=CONF) for name in ("relay", "mx-auto", "mx-reject")}
        batvs["relay"].set(CONF, relay_in_hosts="127.0.0.3 : 127.0.0.10")
        share_secret(*batvs.values())
        batvs["relay"].ctl("secret", "unshare")         # true: the others send nothing, so it has seen all that left
        batvs["relay"].reload()
        self.list = Mlmmj(lab, "team", DOMAIN, ["erin@lists.test", "frank@lists.test", f"u02@{DOMAIN}"], f"u01@{DOMAIN}")
        port = lab.port()
        _, router, transport = sieve_user(lab, Place("127.0.0.1", port), "u20", 'redirect "u20@elsewhere.test";\n', DOMAIN)
        to_list = LIST_ROUTER.format(domain=DOMAIN, port=port), LIST_TRANSPORT
        filters = {"relay": SmtpFilter(lab), "mx-auto": SmtpFilter(lab, FILTER, name="filter2")}
        shared = {"domain": DOMAIN, "local_domains": f"{DOMAIN} : {CUSTOMER} : {IDN} : {IDN_U}",
                  "users": [*USERS, "shop", "www-data", "news", "journal", "postmaster", "dmarc", "laden", "mallory", "chef"],
                  "route": "\n".join([*(f"{d} {a}::{p} byname" for d, (a, p) in self.real.items()), f"* {self.world.route()}"])}
        keywords = {
            "relay": filters["relay"].keywords(
                port=port, relay_from=f"127.0.0.1 : {INNER} : {ELSEWHERE}", rcpt_first="  deny local_parts = nobody\n",
                **self.list.keywords(routers=router, transports=transport)),
            "mx-auto": filters["mx-auto"].keywords(address="127.0.0.3", relay_from=f"127.0.0.1 : {FILTER}",
                                                   routers=to_list[0], transports=to_list[1]),
            "mx-reject": {"address": "127.0.0.10", "relay_from": "127.0.0.1", **pipe_filter()}}
        keywords["mx-reject"]["routers"] += to_list[0]
        keywords["mx-reject"]["transports"] += to_list[1]
        self.servers = {}
        for name, batv in batvs.items():
            keywords[name].setdefault("options", {})["allow_utf8_domains"] = "true"
            exim = batv_exim(lab, batv, name=name, hostname=f"{name}.{DOMAIN}", **shared, **keywords[name])
            batv.exim = f"{exim.binary} -C {exim.config_path}"
            exim.alias("info", "u01, u02")
            exim.alias("sales", "u03, u04, partner@elsewhere.test")
            self.servers[name] = Server(batv, exim)
            if name in filters:
                filters[name].returns_to(exim)
        self.relay = self.servers["relay"].exim
        self.list.sends_by(self.relay)
        self.inner = null_client(lab, self.relay, INNER, "inner", DOMAIN)

    # -- out

    def submit(self, mails):
        """Ours write from a PC, with SMTP AUTH: (kind, sender, recipients[, From[, headers]]); gives them as Sent."""
        sent = []
        for start in range(0, len(mails), 9):       # Exim only queues what comes tenth in one connection
            with self.relay.smtp(PCS) as session:
                assert session.auth_plain("login", "secret").code == 235
                for mail in mails[start:start + 9]:
                    note, text = self.compose(*mail)
                    result = session.send(note.sender, note.rcpts, text, params=smtputf8(note.sender))
                    assert result.data and result.data.code == 250, session.dialogue()
                    sent.append(note)
        return sent

    def compose(self, kind, sender, rcpts, author=None, headers=None):
        author = author or sender
        message_id = f"{kind.replace(' ', '-')}.{os.urandom(6).hex()}@pc.{DOMAIN}"
        note = self.ledger.note(message_id, kind, sender, author, rcpts, self.day)
        return note, make_message(f"Someone <{author}>", ", ".join(rcpts[:3]), Message_ID=f"<{message_id}>", **(headers or {}))

    def web_shop(self, rcpts):
        """The shop on the same machine: its system user is the envelope sender."""
        note, text = self.compose("shop", f"www-data@{DOMAIN}", rcpts, f"shop@{DOMAIN}")
        self.relay.submit(note.sender, note.rcpts, text, mode="-odi")

    def settle(self):
        """Wait until all that was sent today has come to the world, and take it into the ledger."""
        def here():
            self.ledger.read(self.world)
            return not self.on_the_way()
        wait_until(here, 60, lambda: f"mail in the world: {[(m.kind, m.rcpts[:2]) for m in self.on_the_way()]}")

    def on_the_way(self):
        expected = {"list": 2, "real": 0, "group": 1}
        return [m for m in self.ledger.by_id.values() if m.day == self.day
                and len(m.tags) < expected.get(m.kind, len(m.rcpts))]

    def real_answers(self):
        """What the real servers made of today's mail to them."""
        mail = [e for e in self.world.messages if e.recipients == ["dave@pigeonhole.test"]][-1]
        self.vacation.deliver(mail.sender, mail.data)
        number = len(self.real) + 1
        self.postman.wait(number, 60)
        envelopes = list(self.postman.messages)
        self.postman.forget()
        assert len(envelopes) == number and not any(e.sender for e in envelopes), envelopes
        return envelopes

    def fetch(self, where):
        """Fetch the mailbox; what our relay says of it."""
        source = "127.0.0.1" if where == "fetchmail here" else ELSEWHERE
        reader = self.logs["relay"]
        reader.new()
        said = self.fetchers[where].fetch()
        code = 250 if not self.mailbox.messages else 550
        lines = [line for line in reader.new() if line["rcpt"] == f"<u10@{DOMAIN}>" and line["class"] == "dsn"]
        self.note("relay", "legitimate", where, code, lines, source, said.splitlines()[-1])
        self.mailbox.messages.clear()

    def inner_bounces(self, user):
        """A host inside sends what our relay refuses; its bounce is for USER."""
        reader = self.logs["relay"]
        reader.new()
        self.inner.submit(user, f"nobody@{DOMAIN}", make_message(user, f"nobody@{DOMAIN}"))
        line = self.inner.wait_log(rf" (=>|\*\*) {re.escape(user)} ")[-1]
        self.note("relay", "legitimate", "bounce of a host inside", 250 if "=>" in line else 550, reader.new(), INNER, line)

    def note(self, server, group, kind, code, lines, source, text):
        lines = [line for line in lines if line.get("host") == f"[{source}]"]
        outcome = Outcome(server, group, kind, self.day, code, lines[0] if lines else None, self.armed[server], text)
        self.outcomes.append(outcome)
        return outcome

    # -- in

    def comes(self, group, kind, rcpts, message, source, sender="", servers=None):
        """A message from the world: to all servers, or some.  Gives the outcomes."""
        rcpts = [rcpts] if isinstance(rcpts, str) else rcpts
        made = []
        for name in servers or self.servers:
            self.logs[name].new()
            result = self.servers[name].exim.inject(sender, rcpts, message, source, params=smtputf8(*rcpts))
            data = result.data or result.rcpts[-1]
            made.append(self.note(name, group, kind, data.code, self.logs[name].new(), source, data.text))
        return made

    # -- time

    def next_day(self):
        self.day += 1
        self.lab.clock.advance(DAY)
        for name, (batv, _) in self.servers.items():
            if not self.armed[name]:
                self.armed[name] = self.is_armed(batv)

    def is_armed(self, batv, domain=DOMAIN):
        return any(d["domain"] == domain and d["armed"] for d in batv.json("status")["domains"])


__all__ = [name for name in dir() if not name.startswith("_")]
