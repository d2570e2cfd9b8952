"""A mailing list manager: mlmmj, unpacked from its package, never installed."""

from lab_base import BUILD, tool
from lab_filter import CLOCK

ROUTER = """
{name}_list:
  driver = accept
  domains = {domain}
  local_parts = {name} : ^{name}[+]
  transport = {name}_list
"""

TRANSPORT = """
{name}_list:
  driver = pipe
  command = {command}
  user = LAB_USER
  group = LAB_GROUP
  message_prefix =
  message_suffix =
  return_path_add
  environment = LD_LIBRARY_PATH={libraries} : {clock}
"""


class Mlmmj:
    """A list NAME@DOMAIN with SUBSCRIBERS; it takes posts by a pipe and sends by SMTP to the Exim in sends_by().

        people = Mlmmj(lab, subscribers=["erin@theirs.test", "bob@test"])
        ours = batv_exim(lab, batv, sink, **people.keywords())
        people.sends_by(ours)

    Its envelope senders are NAME+bounces-N-SUBSCRIBER@DOMAIN.  STRIPS: header fields that it takes out, "Received:" for
    example.  Anybody may post.
    """

    def __init__(self, lab, name="list", domain="test", subscribers=(), owner="postmaster@test", strips=()):
        self.lab, self.name, self.domain = lab, name, domain
        self.root = BUILD / "mlmmj" / "root"
        if not (BUILD / "mlmmj" / ".fetched").exists():
            tool("fetch", "deb", BUILD / "mlmmj", "mlmmj")
        self.libraries = ":".join(str(p) for p in sorted(self.root.glob("usr/lib/*-linux-gnu*")))
        self.dir = lab.mkdir(f"mlmmj-{name}")
        for sub in ("incoming queue queue/discarded archive text subconf unsubconf bounce control moderation "
                    "subscribers.d digesters.d requeue nomailsubs.d").split():
            lab.mkdir(f"mlmmj-{name}", *sub.split("/"))
        for file in (self.root / "usr/share/mlmmj/text.skel/en").iterdir():
            lab.write(self.dir / "text" / file.name, file.read_bytes())
        self.control("listaddress", f"{name}@{domain}")
        self.control("owner", owner)
        self.control("notmetoo")
        self.control("customheaders", f"List-Id: <{name}.{domain}>\nList-Post: <mailto:{name}@{domain}>")
        if strips:
            self.control("delheaders", "\n".join(strips))
        lab.write(self.dir / "index", "0")
        self.subscribe(*subscribers)

    def control(self, name, text=""):
        self.lab.write(self.dir / "control" / name, f"{text}\n" if text else "")

    def subscribe(self, *addresses):
        for address in addresses:
            path = self.dir / "subscribers.d" / address[0]
            old = path.read_text() if path.exists() else ""
            self.lab.write(path, f"{old}{address}\n")

    def keywords(self, routers="", transports="", **keywords):
        """For batv_exim: router and transport to the list, before those given."""
        fields = {"name": self.name, "domain": self.domain, "libraries": self.libraries, "clock": CLOCK,
                  "command": f"{self.root}/usr/bin/mlmmj-receive -F -L {self.dir}"}
        return {"routers": ROUTER.format(**fields) + routers, "transports": TRANSPORT.format(**fields) + transports,
                **keywords}

    def sends_by(self, exim):
        """It sends by this server."""
        self.control("relayhost", exim.address)
        self.control("smtpport", exim.port)
