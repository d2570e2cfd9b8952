"""Dovecot's delivery agent with Sieve (Pigeonhole), unpacked from its packages, never installed."""

from lab_base import BUILD, tool

CONFIG = """\
base_dir = {dir}/base
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail
mail_plugin_dir = {root}/usr/lib/dovecot/modules
hostname = {domain}
postmaster_address = postmaster@{domain}
submission_host = {submission}
log_path = {dir}/log
ssl = no
protocol lda {{
  mail_plugins = sieve
}}
plugin {{
  sieve = {dir}/filter.sieve
  sieve_dir = {dir}/sieve
}}
"""


class Pigeonhole:
    """dovecot-lda for one user, ADDRESS, whose Sieve script is SIEVE; it sends by the server SUBMISSION, a Sink."""

    def __init__(self, lab, submission, address="dave@theirs.test", sieve="", name="pigeonhole"):
        self.lab, self.address, self.name = lab, address, name
        self.root = BUILD / "pigeonhole" / "root"
        if not (BUILD / "pigeonhole" / ".fetched").exists():
            tool("fetch", "deb", BUILD / "pigeonhole", "dovecot-core", "dovecot-sieve")
        self.dir = lab.mkdir(name)
        self.libraries = ":".join(str(p) for p in (
            self.root / "usr/lib/dovecot", *sorted(self.root.glob("usr/lib/*-linux-gnu*")),
            *sorted(self.root.glob("lib/*-linux-gnu*"))) if p.is_dir())
        lab.write(self.dir / "filter.sieve", sieve)
        self.config = lab.write(self.dir / "dovecot.conf", CONFIG.format(
            dir=self.dir, root=self.root, domain=address.partition("@")[2],
            submission=f"{submission.address}:{submission.port}"))
        lab.add_report(lambda: (f"{name}, log", self.log()))

    def deliver(self, sender, message):
        """A message from SENDER to the user, as the mail server there would hand it over."""
        path = self.lab.write(self.dir / "message", message)
        # doveconf starts what it is told to with the configuration; by itself dovecot-lda looks for it in /usr.
        self.lab.run([self.root / "usr/bin/doveconf", "-c", self.config, "-f", "service=lda", "-m", "lda",
                      "-e", self.root / "usr/lib/dovecot/dovecot-lda", "-f", sender, "-a", self.address, "-p", path],
                     env={"LD_LIBRARY_PATH": self.libraries, "HOME": str(self.dir), "USER": self.lab.user})

    def log(self):
        path = self.dir / "log"
        return path.read_text(errors="replace").splitlines() if path.exists() else []
