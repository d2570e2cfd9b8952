"""Exims that load batv.so: Debian's own binaries, unpacked from their packages, never installed."""

import functools
import glob
import os
import re
import shutil
import subprocess
from pathlib import Path

from lab_base import BUILD, TOP, LabError, skip, tool

SERIES = {"4.96": "bookworm", "4.98": "trixie", "sid": "sid"}

# Kinds of installation: docs/install.md has the table of what each can do.
REBUILT = "rebuilt"     # our own build, everything compiled in
HEAVY = "heavy"         # exim4-daemon-heavy: local_scan_path, and ${dlfunc} in routers and transports
ACL = "acl"             # exim4-daemon-heavy: ${dlfunc} alone, refusing by ACL
LIGHT = "light"         # exim4-daemon-light, which has no ${dlfunc}: local_scan_path alone
KINDS = (REBUILT, HEAVY, ACL, LIGHT)

WRAPPER = """\
#!/bin/sh
# Debian's Exim with libraries of its own, and its user; it knows tls_advertise_hosts.
exec {loader} --preload {user} --library-path {libraries} --argv0 "$0" {binary} "$@"
"""


def chosen_kind():
    """The kind of installation under test: $BATV_KIND, or rebuilt."""
    kind = os.environ.get("BATV_KIND") or REBUILT
    if kind not in KINDS:
        raise LabError(f"BATV_KIND={kind}: one of {' '.join(KINDS)}")
    return kind


def chosen_version():
    return os.environ.get("EXIM_VERSION") or "4.96"


def in_archive(what, function, *args):
    """FUNCTION's result; the test is skipped when the archive lacks what it fetches."""
    try:
        return function(*args)
    except LabError as error:
        if "fetch:" not in str(error):
            raise
        skip(f"{what} can't be had: {str(error).splitlines()[-1]}")


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
            self.acl = f"lab_batv_data:\n.include {TOP}/exim-snippets/acl-data.conf\n  accept\n"

    def put_module(self, path=None):
        shutil.copy(path or module(self.version), self.so)
        self.so.chmod(0o644)

    def put_include(self):
        """The file of its own that local_scan_path stands in."""
        self.lab.write(self.include, f"local_scan_path = {self.so}\n")

    def conf(self):
        """What exim-batv.conf needs for it."""
        return {} if self.functions else {"sign_at_reception": "on"}
