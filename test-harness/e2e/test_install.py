"""make install, uninstall and dist; what the manual pages say of the commands."""

import hashlib
import json
import os
import re
import shutil
import subprocess

from lab import *

BATVD, BATVCTL = BUILD / "batvd", BUILD / "batvctl"

PATHS = {"snippetsdir": "share/exim-batv/snippets", "sourcedir": "share/exim-batv/source",
         "moduledir": "lib/exim-batv"}


def make(lab, *arguments, cwd=TOP, check=True, env=None):
    """make as the user of the tests, with nothing of an outer make; its stdout."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD", "SAN")}
    done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=cwd, env={**environment, **(env or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=110)
    if check and done.returncode:
        raise AssertionError(f"make {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def install(lab, root, *variables, verb="install", cwd=TOP):
    # "all" is done: the tests run what was built, and build nothing as somebody else
    return make(lab, "-o", "all", verb, f"DESTDIR={root}", *variables, cwd=cwd)


def tree(root):
    """{path: what it is} of everything below ROOT, directories too."""
    return {str(p.relative_to(root)): (oct(p.lstat().st_mode), p.read_bytes() if p.is_file() else None)
            for p in sorted(root.rglob("*"))}


def unpack_dist(lab, build, **env):
    make(lab, "dist", f"BUILD={build}", env={"UNTRACKED": "1", **env})
    [tar] = build.glob("*.tar.xz")
    subprocess.run(["tar", "-xmf", tar, "-C", lab.dir, "--no-same-owner"], check=True)
    return tar, lab.dir / tar.name.removesuffix(".tar.xz")


def page(name):
    return (TOP / "docs" / "man" / name).read_text()


def test_uninstall_leaves_nothing(lab):
    root = lab.dir / "root"
    root.mkdir()
    install(lab, root)
    there = set(tree(root))
    for path in ("usr/local/sbin/batvd", "usr/local/sbin/batvctl", "usr/local/share/exim-batv/snippets/main.conf",
                 "usr/local/share/man/man8/batvd.8", "usr/local/share/bash-completion/completions/batvctl", "usr/local/share/man/man5/exim-batv.conf.5",
                 "usr/local/lib/systemd/system/batvd.service", "usr/local/lib/systemd/system/batv-notify.timer",
                 "usr/local/lib/systemd/system/batv-metrics.service", "usr/local/lib/systemd/system/batv-metrics.timer", "etc/cron.d/exim-batv", "usr/local/share/doc/exim-batv/examples/monitoring/munin",
                 "etc/exim-batv/exim-batv.conf"):
        assert path in there, path
    assert ("usr/local/lib/exim-batv/batv.so" in there) == (TOP / "build" / "batv.so").exists()
    install(lab, root, verb="uninstall")
    assert tree(root) == {}, "left behind: " + " ".join(tree(root))


def test_uninstall_leaves_what_is_not_ours(lab):
    root = lab.dir / "root"
    for path in ("usr/local/sbin/exim", "usr/local/share/exim-batv/snippets/mine.conf", "etc/exim-batv/legacy",
                 "usr/local/share/man/man8/exim.8", "var/lib/exim-batv/secret"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("not ours")
    before = tree(root)
    install(lab, root)
    assert len(tree(root)) > len(before) + 20
    install(lab, root, verb="uninstall")
    assert tree(root) == before


def test_the_administrators_configuration_is_kept(lab):
    root = lab.dir / "root"
    root.mkdir()
    install(lab, root)
    configuration = root / "etc/exim-batv/exim-batv.conf"
    configuration.write_text("enforcement = observe\n")
    said = install(lab, root)
    assert configuration.read_text() == "enforcement = observe\n"
    assert f"kept {configuration}" in said, said
    said = install(lab, root, verb="uninstall")
    assert f"left {configuration}" in said, said
    assert [p for p in tree(root) if (root / p).is_file()] == ["etc/exim-batv/exim-batv.conf"]


def test_every_path_is_that_of_the_installation(lab):
    root = lab.dir / "root"
    root.mkdir()
    install(lab, root, "PREFIX=/opt/mail", "SYSCONFDIR=/opt/etc", "STATEDIR=/srv/batv", "EXIM_GROUP=mailers")
    for path, (_, content) in tree(root).items():
        if content and not path.startswith(("opt/mail/sbin/", "opt/mail/lib/exim-batv/", "opt/mail/share/exim-batv/source/")) \
                and not path.endswith(".md"):   # those speak of several installations
            for wrong in (b"/usr/local/", b"/usr/share/exim-batv", b"/usr/lib/exim4/local_scan", b"/etc/exim-batv",
                          b"/var/lib/exim-batv", b"@VERSION@"):
                if wrong == b"/etc/exim-batv":
                    content = content.replace(b"/opt/etc/exim-batv", b"")
                assert wrong not in content, f"{path} says {wrong.decode()}"
    unit = (root / "opt/mail/lib/systemd/system/batvd.service").read_text()
    assert "\nExecStart=/opt/mail/sbin/batvd\n" in unit and "\nGroup=batv\n" in unit
    assert "d /srv/batv 2750 batv mailers -" in (root / "opt/mail/lib/tmpfiles.d/exim-batv.conf").read_text()
    assert "\nExecStart=/opt/mail/sbin/batvctl notify\n" in (root / "opt/mail/lib/systemd/system/batv-notify.service").read_text()
    assert " || /opt/mail/sbin/batvctl notify 2>&1" in (root / "opt/etc/cron.d/exim-batv").read_text()
    # what a snippet says of itself is true
    main = root / "opt/mail/share/exim-batv/snippets/main.conf"
    assert f".include /{main.relative_to(root)}" in main.read_text()
    # and the unchanged configuration goes, too
    install(lab, root, "PREFIX=/opt/mail", "SYSCONFDIR=/opt/etc", "STATEDIR=/srv/batv", verb="uninstall")
    assert tree(root) == {}


def test_a_path_with_a_space_is_refused(lab):
    root = lab.dir / "root"
    done = lab.run(["make", "-o", "all", "-C", TOP, "install", f"DESTDIR={root}", "PREFIX=/opt/my mail"],
                   user="root", check=False)
    assert done.returncode and "PREFIX=/opt/my mail: a path cannot contain a space" in done.stderr, done
    assert not root.exists()


@timeout(300)
def test_dist_builds_and_installs_as_an_ordinary_user(lab):
    """The tar is complete: built in a fresh directory, by a user who may write nowhere else."""
    _, source = unpack_dist(lab, lab.dir / "out")
    for path in (source, *source.rglob("*")):
        lab.own(path)
    root = lab.mkdir("root")
    lab.run(["make", "-s", "-j2", "CFLAGS=-O0", "all"], cwd=source, timeout=240)
    variables = [f"DESTDIR={root}", "PREFIX=/usr"]
    lab.run(["make", "install", *variables], cwd=source)
    said = lab.run([root / "usr/sbin/batvctl", "--version"]).stdout
    assert said.split() == ["batvctl", source.name.removeprefix("exim-batv-")], said
    # the shipped configuration is a good one
    said = lab.run([root / "usr/sbin/batvctl", "-c", root / "etc/exim-batv/exim-batv.conf", "check"])
    lab.run(["make", "uninstall", *variables], cwd=source)
    assert tree(root) == {}


def test_dist_is_the_same_byte_for_byte(lab):
    epoch = {"SOURCE_DATE_EPOCH": "1767225600"}
    tar, source = unpack_dist(lab, lab.dir / "one", **epoch)
    # from the unpacked tar, without git, with other times, modes and another umask
    for path in source.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    (source / "README.md").chmod(0o600)
    lab.run(["sh", "-c", f"umask 077; make -s dist BUILD={lab.dir}/two"], cwd=source, user="root" if lab.root else None,
            env=epoch)
    [again] = (lab.dir / "two").glob("*.tar.xz")
    assert again.name == tar.name
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(tar.read_bytes()).digest()
    listing = subprocess.run(["tar", "-tvf", tar], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "local_scan/local_scan.c" in listing and "/build/" not in listing
    assert all(" root/root " in line for line in listing.splitlines()), "an owner is in the tar"


def test_what_is_installed_can_be_built_into_an_exim(lab):
    """The sources and libbatv.a, by pkg-config alone, with the headers of an Exim."""
    headers = next((d for d in (BUILD / "exim-4.96/src/build-batv", BUILD / "exim-4.96/dev/root/usr/include/exim4")
                    if (d / "local_scan.h").exists()), None)
    if not headers:
        skip("no headers of an Exim under build/; make exim")
    if not shutil.which("pkg-config"):
        skip("no pkg-config")
    prefix = lab.dir / "usr"
    install(lab, "", f"PREFIX={prefix}", f"SYSCONFDIR={lab.dir}/etc", "STATEDIR=/srv/batv")

    def config(*argv):
        return lab.run(["pkg-config", *argv, "exim-batv"], env={"PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"}).stdout.split()

    for variable, path in PATHS.items():
        assert config(f"--variable={variable}") == [str(prefix / path)], variable
    work = lab.mkdir("work")
    sources = sorted((prefix / PATHS["sourcedir"] / "local_scan").glob("*.c"))
    lab.run(["gcc", "-std=gnu11", "-fPIC", *config("--cflags"), "-DLOCAL_SCAN=", "-isystem", headers, "-c", *sources], cwd=work)
    libs = [f for f in config("--libs") if f.startswith(("-L", "-lbatv"))]
    lab.run(["gcc", "-r", "-nostdlib", "-o", "all.o", *sorted(work.glob("*.o")), *libs], cwd=work)
    wanted = lab.run(["nm", "-u", work / "all.o"]).stdout.split()
    assert "expand_string" in wanted or "expand_string_2" in wanted     # of Exim
    assert not [name for name in wanted if name.startswith("batv_")], wanted
    defined = lab.run(["nm", "--defined-only", work / "all.o"]).stdout
    assert re.search(r" T local_scan$", defined, re.M) and re.search(r" T batv_sign$", defined, re.M)
    assert '# define BATV_DIR "/srv/batv"' in (prefix / PATHS["sourcedir"] / "core/base/safefile.h").read_text()


# What a Fedora defines, and Debian's rpm does not.
FEDORA = {"_unitdir": "/usr/lib/systemd/system", "_sysusersdir": "/usr/lib/sysusers.d", "_tmpfilesdir": "/usr/lib/tmpfiles.d",
          "_pkgdocdir": "/usr/share/doc/exim-batv", "_sharedstatedir": "/var/lib", "build_ldflags": ""}


def test_the_spec_lists_every_file(lab):
    """Each file that `make install` puts in the places of the spec is in one of its lists, and each list is of such files."""
    if not shutil.which("rpmspec"):
        skip("no rpmspec")
    defined = [f"--define={name} {value or '%{nil}'}" for name, value in FEDORA.items()]
    spec = subprocess.run(["rpmspec", "-P", *defined, TOP / "packaging/rpm/exim-batv.spec"], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    places = re.search(r"install DESTDIR=\S+ (.*)$", spec.replace("\\\n", " "), re.M)[1]
    root = lab.dir / "root"
    install(lab, root, *re.findall(r"\b(?!DEPS|INSTALL=)[A-Z_]+=[^\s\"]+", places))
    (root / "usr/share/doc/exim-batv/LICENSE").unlink()
    (root / "usr/share/selinux/packages").mkdir(parents=True)
    (root / "usr/share/selinux/packages/exim-batv.cil").touch()
    module = root / "usr/lib64/exim-batv/batv.so"
    module.touch()
    lists = "\n".join(re.findall(r"^%files.*\n((?:[^%\n].*\n|%(?:dir|doc|config|license).*\n)*)", spec, re.M))
    names = [line.split()[-1] for line in lists.splitlines() if line and "%license" not in line]
    patterns = [name.lstrip("/") for name in names if f"%dir {name}" not in lists]
    unlisted = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()
                and not any(p.relative_to(root).match(q) or f"{p.relative_to(root)}/".startswith(f"{q}/") for q in patterns)]
    assert len(patterns) > 12 and not unlisted, unlisted
    assert not [q for q in patterns if not list(root.glob(q))], "listed, but not installed"


# -- what a build needs

def linked(program):
    return subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_without_systemd(lab):
    build = lab.dir / "build"
    shutil.copytree(BUILD / "obj", build / "obj")       # what is compiled need not be compiled again
    make(lab, f"BUILD={build}", "DEPS=no", "SYSTEMD=no", f"{build}/batvd")
    assert "libsystemd" in linked(BATVD)
    assert "libsystemd" not in linked(build / "batvd")
    assert subprocess.run([build / "batvd", "--version"], stdout=subprocess.PIPE).returncode == 0


def test_without_hiredis(lab):
    """batv-fleet alone needs it: FLEET=no, and DEPS=no on a machine that does not have it, build all the rest."""
    def builds(*arguments, **env):
        return f"{lab.dir}/none/batv-fleet" in make(lab, "-n", "-B", f"BUILD={lab.dir}/none", *arguments, "all", env=env)
    assert builds("DEPS=no") and builds() and builds("DEPS=no", "FLEET=yes")
    assert not builds("FLEET=no") and not builds("DEPS=no", "FLEET=no")
    without = lab.mkdir("include/hiredis")      # a header that cannot be read, before the system's
    lab.write(without / "hiredis.h", "#error not here\n")
    assert not builds("DEPS=no", f"CPPFLAGS=-I{lab.dir}/include")
    assert "libhiredis" in linked(BUILD / "batv-fleet")
    for program in BATVD, BATVCTL:
        assert "libhiredis" not in linked(program) and "libssl" not in linked(program)


def needed(lab, *words):
    """The packages that tools/need would install for WORDS on a machine that has none."""
    bin = lab.mkdir("bin" + "".join(words))
    for name, lines in {"dpkg-query": "exit 1", "id": "echo 1000"}.items():
        (bin / name).write_text(f"#!/bin/sh\n{lines}\n")
        (bin / name).chmod(0o755)
    done = subprocess.run([TOP / "test-harness/tools/need", "--for", *words], text=True, stderr=subprocess.PIPE,
                          env={"PATH": f"{bin}:{os.environ['PATH']}"})
    assert done.returncode == 3, done
    return done.stderr.splitlines()[0].split("missing: ")[1].split()


def test_each_target_needs_little(lab):
    build = needed(lab, "build")
    assert len(build) == 8 and "libjansson-dev" in build, build
    assert needed(lab, "build", "fleet") == build + ["libhiredis-dev"]
    exim, deb, test = (needed(lab, "build", w) for w in ("exim", "deb", "test"))
    assert set(build) < set(exim) < set(exim) | {"clang"} and "clang" not in exim and "clang" in test
    assert "debhelper" in deb and "debhelper" not in needed(lab, "build", "exim", "demo", "test")
    wrong = subprocess.run([TOP / "test-harness/tools/need", "--for", "nothing"], stderr=subprocess.PIPE, text=True)
    assert wrong.returncode == 2 and "usage: need" in wrong.stderr


def test_cc_is_gcc_unless_somebody_says_otherwise(lab):
    def compiler(*arguments, **env):
        return make(lab, "-n", "-B", "DEPS=no", "V=1", f"BUILD={lab.dir}/none", *arguments, f"{lab.dir}/none/obj/src/admin/notify.o",
                    env=env).split(" -std=c11")[0].split()[-1]
    assert compiler() == "gcc"
    assert compiler("CC=clang") == compiler(CC="clang") == "clang"


# -- manual pages

def long_options(text):
    return set(re.findall(r"--([a-z-]+)", text))


def mdoc_options(line):
    return {o.lstrip("-") for o in re.findall(r"\bFl (-[a-z-]+)", line)}


def test_the_manual_has_every_command_of_batvctl(lab):
    text = lab.run([BATVCTL, "-h"]).stdout
    commands = re.findall(r"^  ([a-z]+) ", text, re.M)
    assert {"status", "sign", "secret"} <= set(commands), text
    items = {}
    for line in re.findall(r"^\.It Ic (.*)$", page("batvctl.8"), re.M):
        items.setdefault(line.split()[0], []).append(line)
    assert set(items) == set(commands), f"batvctl(8) has {sorted(items)}, batvctl -h {sorted(commands)}"
    for name in commands:
        usage = lab.run([BATVCTL, name, "-h"]).stdout.splitlines()[0]
        manual = " ".join(items[name])
        assert mdoc_options(manual) == long_options(usage), f"batvctl(8), {name}: {manual}; the program: {usage}"
        arguments = set(re.findall(r"\b[A-Z][A-Z-]+\b", usage))
        known = {a.upper() for a in re.findall(r"\bAr ([a-z-]+)", manual)}
        assert arguments == known, f"batvctl(8), {name}: {known}; the program: {arguments}"
    general = re.findall(r"^\.It (Fl .*)$", page("batvctl.8"), re.M)
    assert long_options(text) <= set().union(*map(mdoc_options, general))


def test_the_manual_has_every_check_of_doctor(lab):
    said = json.loads(lab.run([BATVCTL, "-c", "/nowhere", "doctor", "--json"], check=False).stdout)["checks"]
    section = re.search(r"^\.Sh CHECKS OF DOCTOR\n(.*?)^\.Sh ", page("batvctl.8"), re.M | re.S)[1]
    assert sorted(re.findall(r"^\.It (\S+)$", section, re.M)) == sorted(said)


def test_the_manual_has_every_option_of_batvd(lab):
    text = lab.run([BATVD, "--help"]).stdout
    said = set(re.findall(r"(?<![\w-])(--?[a-z]+)", text))
    manual = {"-" + o for line in re.findall(r"^\.It (Fl .*)$", page("batvd.8"), re.M)
              for o in re.findall(r"Fl (-?[a-z]+)", line)}
    assert said == manual, f"batvd(8) {sorted(manual)}, batvd --help {sorted(said)}"
    for code in re.findall(r"\b(\d) [a-z]", text.split("Exit status:")[1]):
        assert f".It {code}\n" in page("batvd.8")


# -- completion

def completions(*words):
    """What bash offers for the last of WORDS, as readline cuts them."""
    script = f"""complete() {{ :; }}; . {TOP}/packaging/completion/batvctl
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _batvctl; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-uc", script, "bash", "batvctl", *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True)
    assert not done.stderr, done
    return set(done.stdout.split())


def test_completion_has_every_command_and_option(lab):
    text = lab.run([BATVCTL, "-h"]).stdout
    commands = set(re.findall(r"^  ([a-z]+) ", text, re.M))
    general = {"--" + option for option in long_options(text)} - {"--at"} | {"--config", "--help"}
    assert completions("") == commands | {"help"} and completions("help", "") == commands
    for name in sorted(commands):
        usage = lab.run([BATVCTL, name, "-h"]).stdout.splitlines()[0]
        offered, known = completions(name, "-"), {"--" + option for option in long_options(usage)}
        assert offered - general == known - general and general <= offered, f"{name}: {offered}; the program: {usage}"
        # words in small letters, such as export|import|unshare
        verbs = {v for word in re.findall(r"(?<=\s)[a-z]+(?:\|[a-z]+)+", usage.split(f"batvctl {name} ")[1]) for v in word.split("|")}
        assert not verbs or completions(name, "") == verbs, f"{name}: {completions(name, '')}; the program: {usage}"


def test_completion_of_arguments(lab):
    assert completions("st") == {"status"} and completions("-c", "/x", "secret", "e") == {"export"}
    assert completions("--color", "=", "a") == {"auto", "always"} and completions("--color", "=") == {"auto", "always", "never"}
    assert completions("--color", "=", "never", "ke") == {"keys"} and completions("secret", "--force", "i") == {"import"}
    assert completions("sign", "a@b", "--rcpt", "") == set()
    assert f"{TOP}/Makefile" in completions("explain", f"{TOP}/M") and f"{TOP}/Makefile" in completions("-c", f"{TOP}/M")
