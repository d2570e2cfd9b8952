"""A sandboxed Exim: configuration, start, submission, logs, mailboxes."""

import email
import os
import re
import shutil
from pathlib import Path

from lab_base import BUILD, LabError, tail, wait_until
from lab_smtp import Smtp

# Exim's message ids: 16 characters, 23 since 4.97.
MESSAGE_ID = "[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})"
# What Exim writes in front of a text: date, zone, process, message.  Anywhere further on a stranger's
# HELO, subject or address may look like one of our lines.
LOG_HEAD = rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? (?:[+-]\d{{4}} )?(?:\[\d+\] )?(?:{MESSAGE_ID} )?"
OUR_LINE = LOG_HEAD + "batv: "
SPOOL_ID = re.compile(f"({MESSAGE_ID})-H$")


def exim_binary():
    """The rebuilt Exim that the tests run: $EXIM, or build/exim-$EXIM_VERSION/bin/exim."""
    version = os.environ.get("EXIM_VERSION") or "4.96"
    path = Path(os.environ.get("EXIM") or BUILD / f"exim-{version}" / "bin" / "exim")
    if not path.exists():
        raise LabError(f"{path} is missing: run make exim")
    return path


def exim_config(main="", acl="", rcpt_first="", rcpt_last="", routers="", remote_router="", local_router="",
                transports="", remote_transport="", local_transport="", authenticators="", rewrite="",
                local_domains="test", relay_domains="", relay_from="127.0.0.1", route="", retry="* * F,1h,1m"):
    """A small complete configuration, to stand below Exim.preamble().

    It relays for RELAY_FROM and for authenticated clients, verifies recipients of all others, sends
    LOCAL_DOMAINS to aliases and mailboxes and everything else where ROUTE (lines of a route_list)
    says; with no route, other domains are unrouteable.

    The rest are places for text of the test, `.include` of a shipped snippet for example:
    main        main options and macros
    acl         further ACLs; lab_rcpt is there already and is acl_smtp_rcpt
    rcpt_first, rcpt_last: statements of lab_rcpt, before all others, and after all checks
    routers     before all routers             transports  before all transports
    remote_router, local_router, remote_transport, local_transport: options of these
    """
    route = "; ".join(line.strip() for line in route.splitlines() if line.strip())
    remote = f"""
remote:
  driver = manualroute
  domains = ! +local_domains
  route_list = {route}
  self = send
  transport = remote_smtp
  no_more
{remote_router}
""" if route else ""
    return f"""
{main}
domainlist local_domains = {local_domains}
domainlist relay_to_domains = {relay_domains}
hostlist relay_from_hosts = {relay_from}
acl_smtp_rcpt = lab_rcpt

begin acl

lab_rcpt:
{rcpt_first}
  accept hosts = +relay_from_hosts
  accept authenticated = *
  require message = relay not permitted
          domains = +local_domains : +relay_to_domains
  require verify = recipient
{rcpt_last}
  accept

{acl}

begin routers

{routers}
{remote}
aliases:
  driver = redirect
  domains = +local_domains
  data = ${{lookup{{$local_part}}lsearch{{LAB_DIR/aliases}}}}
  allow_fail

mailboxes:
  driver = accept
  domains = +local_domains
  local_parts = lsearch,ret=key;LAB_DIR/users
  transport = local_mailbox
{local_router}

begin transports

{transports}

remote_smtp:
  driver = smtp
  hosts_try_fastopen =
{remote_transport}

local_mailbox:
  driver = appendfile
  directory = LAB_MBOX/$local_part_data
  create_directory
  message_prefix =
  message_suffix =
  delivery_date_add
  envelope_to_add
  return_path_add
{local_transport}

begin retry

{retry}

begin rewrite

{rewrite}

begin authenticators

lab_plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{secret}}}}
  server_set_id = $auth2

{authenticators}
"""


class Exim:
    """One sandboxed Exim.

    CONFIG is the configuration below the preamble: a text (see exim_config), or a function that
    gets this object and gives the text.  Macros that it can use: LAB_DIR (this Exim's directory),
    LAB_MBOX, LAB_USER and LAB_GROUP (numbers), LAB_PORT, LAB_ADDRESS, and those in MACROS.
    OPTIONS are main options that replace or add to the preamble's; None takes one out.
    Every password is `secret`.
    """

    def __init__(self, lab, name="ours", address="127.0.0.1", config=None, binary=None, port=None, domain="test",
                 hostname=None, options=None, macros=None, users=("alice", "bob", "carol", "postmaster"), start=True):
        self.lab, self.name, self.address, self.domain = lab, name, address, domain
        self.port = port or lab.port(address)
        self.hostname = hostname or f"mx.{domain}"
        self.options, self.macros = dict(options or {}), dict(macros or {})
        self.dir = lab.mkdir(name)
        for sub in ("spool", "log", "mbox"):
            lab.mkdir(name, sub)
        self.binary = self._copy_binary(binary or exim_binary())
        self.config_path = self.dir / "exim.conf"
        self.users, self.aliases = [], {}
        self.add_users(*users)
        self.alias()
        self.daemon = None
        self.write_config(config if config is not None else exim_config(local_domains=domain))
        for log in ("main", "panic", "reject"):
            lab.add_report(lambda log=log: (f"{name}, {log}log", tail(self.dir / "log" / f"{log}log", 25)))
        if start:
            self.start()

    def _copy_binary(self, binary):
        """A copy that the sandbox's user can run, wherever the build directory lies."""
        (self.dir / "bin").mkdir(exist_ok=True)
        copy = self.dir / "bin" / "exim"
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
        return copy

    # -- configuration

    def preamble(self):
        """The main options that make any Exim binary run in the sandbox, without privilege or DNS."""
        macros = {"LAB_DIR": self.dir, "LAB_MBOX": self.dir / "mbox", "LAB_USER": self.lab.uid,
                  "LAB_GROUP": self.lab.gid, "LAB_PORT": self.port, "LAB_ADDRESS": self.address, **self.macros}
        options = {
            "exim_path": self.binary,
            "exim_user": self.lab.uid,
            "exim_group": self.lab.gid,
            "deliver_drop_privilege": "true",
            "never_users": "",
            "unknown_login": "sandbox",
            "keep_environment": "LD_PRELOAD : ^FAKETIME.* : ^.*SAN_OPTIONS",
            "spool_directory": self.dir / "spool",
            "log_file_path": self.dir / "log" / "%slog",
            "log_selector": "+received_sender +received_recipients +return_path_on_delivery +smtp_confirmation",
            "pid_file_path": self.dir / "exim.pid",
            "local_interfaces": self.address,
            "daemon_smtp_ports": self.port,
            "primary_hostname": self.hostname,
            "qualify_domain": self.domain,
            "timezone": "UTC",
            "host_lookup": "",
            "helo_lookup_domains": "",
            "rfc1413_hosts": "",
            "smtp_receive_timeout": "60s",
            **({"tls_advertise_hosts": ""} if self._has_tls() else {}),
            **self.options}
        lines = [f"{name} = {value}" for name, value in macros.items()]
        lines += [f"{name} = {value}" for name, value in options.items() if value is not None]
        return "\n".join(lines) + "\n"

    def _has_tls(self):
        return b"tls_advertise_hosts" in self.binary.read_bytes()

    def write_config(self, config):
        """Replace the configuration (see the class); a running daemon needs restart() or hup()."""
        text = config(self) if callable(config) else config
        self.lab.write(self.config_path, self.preamble() + text)

    def add_users(self, *names):
        """Local parts that have a mailbox."""
        self.users += names
        lines = "".join(f'"{n}":\n' if re.search(r'[\s:"#]', n) else f"{n}:\n" for n in self.users)
        self.lab.write(self.dir / "users", lines)

    def alias(self, name=None, target=""):
        """An alias: local part to a redirect list."""
        if name:
            self.aliases[name] = target
        self.lab.write(self.dir / "aliases", "".join(f"{n}: {t}\n" for n, t in self.aliases.items()))

    # -- running it

    def exim(self, *argv, **run):
        """Run the binary with our configuration; keywords as for Lab.run."""
        return self.lab.run([self.binary, "-C", self.config_path, *argv], cwd=self.dir, **run)

    def start(self):
        """Start the daemon, wait until it listens."""
        seen = len(self.mainlog())
        self.daemon = self.lab.spawn(self.name, [self.binary, "-C", self.config_path, "-bdf"], cwd=self.dir)

        def listening():
            if not self.daemon.alive():
                raise LabError(f"{self.name} did not start: {self.daemon.output()}{''.join(self.paniclog())}")
            return any("daemon started" in line for line in self.mainlog()[seen:])
        wait_until(listening, 15, f"{self.name} to listen")
        return self

    def stop(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def restart(self):
        self.stop()
        return self.start()

    def hup(self):
        """Make the daemon read its configuration again, and wait until it has."""
        seen = len(self.mainlog())
        self.daemon.hup()
        wait_until(lambda: any("daemon started" in line for line in self.mainlog()[seen:]), 15,
                   f"{self.name} to start again after SIGHUP")

    # -- asking it

    def be(self, expression, message=None, check=True):
        """Expand a string (exim -be), in the context of a MESSAGE if one is given."""
        if message is None:
            done = self.exim("-be", expression, check=check)
        else:
            path = self.lab.write(self.dir / "be-message", message)
            done = self.exim("-bem", path, expression, check=check)
        return done.stdout.rstrip("\n")

    def bt(self, *addresses, sender=None):
        """What `exim -bt` says of addresses."""
        options = ["-f", sender] if sender is not None else []
        return self.exim(*options, "-bt", *addresses, check=False).stdout

    def option(self, name):
        """The value of a main option, by -bP."""
        return self.exim("-bP", name).stdout.partition(" = ")[2].strip()

    # -- mail

    def submit(self, sender, rcpts, message, mode="-odf", options=(), check=True):
        """Submit on the command line; with -odf (the default) delivery is done at return.

        Gives the message's id; with check=False, None when Exim refused it.
        """
        rcpts = [rcpts] if isinstance(rcpts, str) else list(rcpts)
        seen = len(self.mainlog())
        self.exim(mode, "-oi", "-f", sender or "<>", *options, *rcpts, input=message, check=check)
        for line in self.mainlog()[seen:]:
            match = re.match(rf"\S+ \S+ (?:\S+ )?(\S+) <= {re.escape(sender or '<>')} .*P=local", line)
            if match:
                return match[1]
        if check:
            raise LabError(f"{self.name} logged no reception of the submitted message")
        return None

    def smtp(self, source="127.0.0.1", **keywords):
        """An SMTP session with the daemon, see Smtp."""
        return Smtp(self.address, self.port, source, **keywords)

    def inject(self, sender, rcpts, message, source="127.0.0.1", **keywords):
        """One message in a session of its own; gives the Result."""
        with self.smtp(source) as session:
            return session.send(sender, rcpts, message, **keywords)

    def queue_run(self, force=False):
        """One queue run, to its end; FORCE ignores retry times."""
        self.exim("-qf" if force else "-q", timeout=60)

    def spool_ids(self):
        """Ids of the messages on the queue."""
        return sorted(m[1] for m in map(SPOOL_ID.match, os.listdir(self.dir / "spool" / "input")) if m) \
            if (self.dir / "spool" / "input").is_dir() else []

    def wait_idle(self, timeout=20):
        """Wait until the queue is empty."""
        wait_until(lambda: not self.spool_ids(), timeout,
                   lambda: f"an empty queue at {self.name}, which has {self.spool_ids()}")

    def mailbox(self, name):
        """Messages in a mailbox, oldest first: email.message.Message with .raw, the bytes."""
        messages = []
        directory = self.dir / "mbox" / name
        if directory.is_dir():
            files = [p for p in directory.iterdir() if not p.name.startswith("temp.")]
            for path in sorted(files, key=lambda p: p.stat().st_mtime_ns):
                raw = path.read_bytes()
                message = email.message_from_bytes(raw)
                message.raw = raw
                messages.append(message)
        return messages

    def wait_mailbox(self, name, number=1, timeout=20):
        """Wait for NUMBER messages in a mailbox; gives them."""
        wait_until(lambda: len(self.mailbox(name)) >= number, timeout,
                   lambda: f"{number} messages for {name} at {self.name}, which has {len(self.mailbox(name))}")
        return self.mailbox(name)

    # -- logs

    def _log(self, name):
        try:
            return (self.dir / "log" / name).read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def mainlog(self, pattern=None):
        """Lines of the main log; with PATTERN those that a regular expression finds."""
        return [line for line in self._log("mainlog") if pattern is None or re.search(pattern, line)]

    def paniclog(self):
        return self._log("paniclog")

    def rejectlog(self):
        return self._log("rejectlog")

    def wait_log(self, pattern, number=1, timeout=15):
        """Wait for NUMBER lines of the main log that a regular expression finds; gives them."""
        wait_until(lambda: len(self.mainlog(pattern)) >= number, timeout, f"{number} of /{pattern}/ in {self.name}'s log")
        return self.mainlog(pattern)
