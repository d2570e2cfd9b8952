"""Layouts that people run, in small: two servers with one secret, a null client, a web application.

The others have files of their own: lab_filter.py (content filter), lab_mlmmj.py (list manager),
lab_fetchmail.py, lab_pigeonhole.py (Sieve).  test_layouts.py shows how each is used.
"""

from collections import namedtuple

from batv import *
from lab_fetchmail import Elsewhere, Fetchmail, Pop3
from lab_filter import CLOCK, SmtpFilter, pipe_filter
from lab_mlmmj import Mlmmj
from lab_pigeonhole import Pigeonhole

Server = namedtuple("Server", "batv exim")
Place = namedtuple("Place", "address port")     # of a server that is not there yet


def share_secret(one, *others):
    """`batvctl secret export | ssh other batvctl secret import`, from one Batv to others."""
    text = one.ctl("secret", "export").stdout
    for other in others:
        other.ctl("secret", "import", input=text)
        other.reload()


def two_servers(lab, route, conf=CONF, addresses=("127.0.0.1", "127.0.0.3"), names=("out", "mx"), **config):
    """Two servers that share a secret: mail leaves by the first, and the second is the MX; gives two Servers.

    Each has a state and a memory of its own.  CONFIG goes to both Exims; `out` and `mx` in it, dictionaries, to one.
    """
    own = [config.pop(name, {}) for name in names]
    batvs = [Batv(lab, name=f"batv-{name}", conf=conf) for name in names]
    share_secret(*batvs)
    return [Server(batv, batv_exim(lab, batv, route, **{"name": name, "address": address, **config, **more}))
            for batv, name, address, more in zip(batvs, names, addresses, own)]


def null_client(lab, ours, address="127.0.0.6", name="inner", domain="test"):
    """A host inside that gives all its mail to OURS and keeps none: a printer, an application server.

    An Exim without exim-batv.  What ours refuses it bounces, through ours.  ADDRESS must be in relay_from of ours.
    """
    config = f"""
acl_smtp_rcpt = accept

begin routers

smarthost:
  driver = manualroute
  domains = *
  route_list = * {ours.address}::{ours.port} byname
  self = send
  transport = remote_smtp

begin transports

remote_smtp:
  driver = smtp
  interface = {address}
  hosts_try_fastopen =

begin retry

* * F,1h,1m
"""
    return Exim(lab, name=name, address=address, config=config, hostname=f"{name}.{domain}", domain=domain, users=())


def web_mail(exim, rcpts, message, user="www-data"):
    """What a web application sends on the server itself: its system user is the envelope sender."""
    return exim.submit(f"{user}@{exim.domain}", rcpts, message)


def sieve_user(lab, server, name, sieve, domain="test"):
    """NAME's mail goes to dovecot-lda with this script; what that sends goes to SERVER: anything with address and port.

    The envelope sender reaches it by Return-Path: Exim lets no tainted sender into a command.  Gives (pigeonhole, router, transport): the texts are for Exim's configuration.
    """
    user = Pigeonhole(lab, server, f"{name}@{domain}", sieve, name=f"sieve-{name}")
    router = f"""
sieve_{name}:
  driver = accept
  domains = {domain}
  local_parts = {name}
  transport = sieve_{name}
"""
    transport = f"""
sieve_{name}:
  driver = pipe
  command = {user.root}/usr/bin/doveconf -c {user.config} -f service=lda -m lda -e {user.root}/usr/lib/dovecot/dovecot-lda \
      -a {name}@{domain}
  environment = LD_LIBRARY_PATH={user.libraries} : HOME={user.dir} : USER={lab.user} : {CLOCK}
  user = LAB_USER
  group = LAB_GROUP
  message_prefix =
  message_suffix =
  return_path_add
  delivery_date_add
  envelope_to_add
"""
    return user, router, transport


__all__ = [name for name in dir() if not name.startswith("_")]
