"""Exims that load batv.so: Debian's own binaries, unpacked from their packages, never installed."""

import functools
import glob
import os
import re
import shutil
import subprocess
from pathlib import Path

from kinds import ACL, HEAVY, LIGHT, REBUILT, chosen_kind
from lab_base import BUILD, TOP, LabError, skip, tool

SERIES = {"4.96": "bookworm", "4.98": "trixie", "sid": "sid"}

WRAPPER = "#!/bin/sh" """
# Debian's Exim with libraries of its own, and its user; it knows tls_advertise_hosts.
exec {loader} --preload {user} --library-path {libraries} --argv0 "$0" {binary} "$@"
"""


def chosen_version():
    return os.environ.get("EXIM_VERSION") or "4.96"


def in_archive(what, function, *args):
    """FUNCTION's result; the test is skipped when the archive lacks what it fetches."""
    try:
        return function(*args)
    except LabError as error:
        if "fetch:" not in str(error):
            raise
        skip(f"{what} can't be had: {str(error).splitlines()[-1].removeprefix('fetch: ')}")


@functools.cache
def module(version):
    """The path of the batv.so that was made for an Exim of this series."""
    def build():
        done = subprocess.run([TOP / "test-harness/exim/module"], stdin=subprocess.DEVNULL, text=True, timeout=900,
                              env={**os.environ, "EXIM_VERSION": version, "EXIM_HEADERS": "", "BUILD": str(BUILD)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise LabError(done.stdout.strip())
        return BUILD / f"exim-{version}" / "batv.so"
    return in_archive(f"a batv.so for Exim {version}", build)


@functools.cache
def packages(flavour, version):
    """The directory with the unpacked exim4-daemon-FLAVOUR of a series, and what it needs."""
    directory = BUILD / f"exim-{version}" / flavour
    if not (directory / ".fetched").exists():
        own = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.M)
        series = [] if own and own[1] == SERIES[version] else ["--series", SERIES[version]]
        in_archive(f"exim4-daemon-{flavour} of {SERIES[version]}", tool, "fetch", "deb", *series, directory,
                   f"exim4-daemon-{flavour}", "exim4-config")
    return directory / "root"


def loader(root):
    """The dynamic loader of an unpacked series, else this machine's."""
    for place in (f"{root}/lib64", f"{root}/usr/lib64", f"{root}/lib", f"{root}/usr/lib/*", "/lib64", "/lib", "/lib/*"):
        for path in sorted(glob.glob(f"{place}/ld-linux*.so.*")):
            if os.path.exists(path):
                return os.path.realpath(path)
    raise LabError("no dynamic loader found")


def debian_exim(lab, flavour, version):
    """A copy of Debian's binary in the sandbox, that any user there can run; gives its path."""
    name = f"exim4-{flavour}-{version}"
    wrapper = lab.dir / name / "exim"
    if wrapper.exists():
        return wrapper
    root = packages(flavour, version)
    binary, libraries = lab.mkdir(name) / "exim4", lab.mkdir(name, "lib")
    shutil.copy(root / "usr/sbin/exim4", binary)
    binary.chmod(0o755)
    ours = [str(p) for pattern in ("lib/*-linux-gnu*", "usr/lib/*-linux-gnu*", "usr/lib")
            for p in sorted(root.glob(pattern))]
    listed = subprocess.run([loader(root), "--library-path", ":".join(ours), "--list", binary],
                            capture_output=True, text=True, timeout=60)
    if listed.returncode or "not found" in listed.stdout:
        raise LabError(f"libraries of {root}/usr/sbin/exim4: {listed.stdout}{listed.stderr}")
    for soname, path in re.findall(r"^\s*(\S+) => (\S+)", listed.stdout, re.M):
        if Path(path).is_relative_to(root):
            shutil.copy(path, libraries / Path(soname).name)
    own_loader = loader(root)
    if Path(own_loader).is_relative_to(root):
        own_loader = shutil.copy(own_loader, libraries / "ld.so")
        Path(own_loader).chmod(0o755)
    user = libraries / "debian_user.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", user, Path(__file__).with_name("debian_user.c")], check=True)
    lab.write(wrapper, WRAPPER.format(loader=own_loader, libraries=libraries, binary=binary, user=user), mode=0o755)
    return wrapper


def conf_for(kind):
    """What exim-batv.conf needs for a kind of installation."""
    return {}


class Installation:
    """What the kind of installation adds to an Exim called NAME: binary, module, configuration.

    MODULE is another batv.so than that of its series.
    """

    def __init__(self, lab, name, kind=None, version=None, module_path=None):
        self.lab, self.kind, self.version = lab, kind or chosen_kind(), version or chosen_version()
        self.loads = self.kind != REBUILT
        self.functions = self.kind != LIGHT     # has ${dlfunc}
        self.local_scan = self.kind != ACL
        self.main = self.acl = ""
        self.options = {}
        self.binary = None
        if not self.loads:
            return
        self.binary = debian_exim(lab, LIGHT if self.kind == LIGHT else HEAVY, self.version)
        self.so = lab.mkdir(name) / "batv.so"
        self.include = lab.dir / name / "local-scan.conf"
        self.put_module(module_path)
        self.main = f"BATV_SO = {self.so}\n.include_if_exists {self.include}\n"
        if self.local_scan:
            self.put_include()
        else:
            self.main += "acl_smtp_data = lab_batv_data\n"
            # what acl-data.conf recommends
            self.options = {"message_body_visible": "20000", "message_body_newlines": "true"}
            self.acl = f"lab_batv_data:\n.include {TOP}/exim-snippets/acl-data.conf\n  accept\n"

    def put_module(self, path=None):
        shutil.copy(path or module(self.version), self.so)
        self.so.chmod(0o644)

    def put_include(self):
        """The separate file with local_scan_path."""
        self.lab.write(self.include, f"local_scan_path = {self.so}\n")

    def conf(self):
        """What exim-batv.conf needs for it."""
        return conf_for(self.kind)


class DebianConfiguration:
    """A private copy of /etc/exim4, with the shipped pieces in it, and what update-exim4.conf makes of it.

    What Debian's scripts and files know of the machine (/etc/mailname, /etc/aliases, paths, the user) is turned
    to the sandbox; our own files are used as they are shipped, unless PLACED is false: then they
    are not in it.  SETTINGS go into update-exim4.conf.conf.
    """

    PIECES = TOP / "exim-snippets" / "debian"

    def __init__(self, lab, name, installation, split, state_dir, smarthost, placed=True,
                 **settings):
        self.lab, self.installation, self.split = lab, installation, split
        self.dir = lab.mkdir(name)
        self.etc = self.dir / "etc"
        flavour = LIGHT if installation.kind == LIGHT else HEAVY
        self.root = packages(flavour, installation.version)
        shutil.copytree(self.root / "etc/exim4", self.etc)
        for path in [self.etc, *self.etc.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        lab.write(self.etc / "mailname", "test\n")
        lab.write(self.etc / "aliases", "")
        lab.write(self.etc / "email-addresses", "")
        settings = {"eximconfig_configtype": "smarthost", "other_hostnames": "test", "relay_nets": "", "readhost": "",
                    "smarthost": smarthost, "use_split_config": str(split).lower(), "hide_mailname": "false",
                    "localdelivery": "lab_mailbox", **settings}
        lab.write(self.etc / "update-exim4.conf.conf", "".join(f"dc_{k}='{v}'\n" for k, v in settings.items()))
        self.macros = {"BATV_SO": installation.so, "BATV_SNIPPETS": TOP / "exim-snippets", "BATV_ETC": self.etc,
                       "CONFDIR": self.etc, "SPOOLDIR": self.dir / "spool", "MAIN_HOST_LOOKUP": "",
                       "MAIN_KEEP_ENVIRONMENT": "LD_PRELOAD : ^FAKETIME.*", "LAB_STATE": state_dir,
                       "MAIN_LOG_SELECTOR": "+received_sender +received_recipients +return_path_on_delivery"}
        self.options = dict.fromkeys(("exim_path", "spool_directory", "host_lookup", "keep_environment", "log_selector",
                                      "qualify_domain"))
        if placed:
            self.place_unsigning()
            self.place_signing()

    def place_unsigning(self):
        """The pieces that make signed addresses acceptable; they sign nothing."""
        if self.split:
            for part in ("main", "router"):
                self._copy(self.PIECES / "split" / part, self.etc / "conf.d" / part)
        else:
            self._copy(self.PIECES / "unsplit", self.etc)
            with open(self.etc / "exim4.conf.localmacros", "a") as macros:
                macros.write(f".include_if_exists {self.etc}/exim-batv.localmacros\n")

    def place_signing(self):
        """The pieces that sign."""
        if self.split:
            self._copy(self.PIECES / "split" / "transport", self.etc / "conf.d" / "transport")
        self.installation.include = self.etc / "exim-batv.local-scan"
        self.installation.put_include = self._put_local_scan
        self._put_local_scan()

    def _put_local_scan(self):
        """The file that loads local_scan(); with ACLs only, the line of it that is left."""
        lines = (self.PIECES / "local-scan").read_text().splitlines(keepends=True)
        self.lab.write(self.installation.include, "".join(lines if self.installation.local_scan else lines[-1:]))

    @staticmethod
    def _copy(pieces, place):
        for piece in pieces.iterdir():
            shutil.copy(piece, place / piece.name)

    def text(self, exim):
        """The generated configuration, for Exim(config=...)."""
        script, out = self.dir / "update-exim4.conf", self.dir / "generated"
        source = (self.root / "usr/sbin/update-exim4.conf").read_text()
        for machine, ours in (("/etc/mailname", self.etc / "mailname"), ("/etc/exim4/", f"{self.etc}/"),
                              ("chown root:Debian-exim", "true")):
            source = source.replace(machine, str(ours))
        self.lab.write(script, source, mode=0o755)
        out.unlink(missing_ok=True)
        done = subprocess.run(["/bin/sh", script, "-d", self.etc, "-o", out], capture_output=True, text=True,
                              timeout=60)
        if done.returncode or done.stderr:
            raise LabError(f"update-exim4.conf: {done.stdout}{done.stderr}")
        text = out.read_text()
        for machine, ours in (("exim_path = /usr/sbin/exim4", f"exim_path = {exim.binary}"),
                              ("/etc/aliases", str(self.etc / "aliases")),
                              ("/etc/email-addresses", str(self.etc / "email-addresses")),
                              ("begin transports\n", f"begin transports\n{self.MAILBOX}")):
            if machine not in text:
                raise LabError(f"Debian's configuration has no {machine!r}")
            text = text.replace(machine, ours)
        return "domainlist batv_dir = LAB_STATE\n" + text

    MAILBOX = """
lab_mailbox:
  driver = appendfile
  directory = LAB_MBOX/$local_part_data
  create_directory
  message_prefix =
  message_suffix =
  delivery_date_add
  envelope_to_add
  return_path_add
"""
