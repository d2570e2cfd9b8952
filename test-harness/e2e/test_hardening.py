"""Programs and modules are hardened: tools/hardening looks into the files, and finds each flaw that is planted."""

import os
import re
import shutil
import subprocess

from lab import *
from lab_debian import chosen_version, module

HARDENING = TOP / "test-harness/tools/hardening"
PROGRAM = """
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
	char text[16];

	strcpy(text, argv[argc - 1]);
	return puts(text) < 0;
}
"""
GOOD = ("-O2", "-D_FORTIFY_SOURCE=2", "-fstack-protector-all", "-fPIC", "-pie", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack")
X86 = os.uname().machine == "x86_64"


def looked_at(*files):
    """What tools/hardening says about FILES, without their names."""
    done = subprocess.run([HARDENING, *files], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    said = [line.split(": ", 2)[2] for line in done.stdout.splitlines()]
    assert done.returncode == (1 if said else 0), done
    return said


def test_what_was_built(lab):
    archives = [BUILD / "libbatv.a", BUILD / "libbatvadm.a", *BUILD.glob(f"exim-{chosen_version()}/libbatv-exim.a")]
    objects = [BUILD / "obj" / source.relative_to(TOP).with_suffix(".o") for source in TOP.glob("src/batv*/*.c")]
    assert len(objects) > 50, objects
    assert looked_at(BUILD / "batvd", BUILD / "batvctl", BUILD / "batv-fleet", *archives, *objects) == []
    assert looked_at("-s", module(chosen_version())) == []


def test_each_flaw_is_found(lab):
    source = lab.write("program.c", PROGRAM)

    def found(*flags):
        subprocess.run(["gcc", *GOOD, "-o", lab.dir / "program", source, *flags], check=True, stderr=subprocess.DEVNULL)
        return looked_at(lab.dir / "program")

    assert found() == []
    for flags, says in {
            ("-no-pie", "-fno-pie"): "not position independent",
            ("-Wl,-z,norelro",): "no RELRO",
            ("-Wl,-z,lazy",): "not bound at start",
            ("-Wl,-z,execstack",): "the stack is executable",
            (lab.write("both.s", '\t.section .both,"awx"\n\t.byte 0\n\t.section .note.GNU-stack,"",@progbits\n'),): "a segment is writable and executable",
            ("-Wl,-rpath,/tmp",): "it names directories of libraries",
            ("-fno-stack-protector",): "no stack protector",
            ("-U_FORTIFY_SOURCE",): "no fortified calls"}.items():
        said = found(*flags)
        assert any(line.startswith(says) for line in said) and len(said) <= 2, (flags, said)
    if not X86:
        return
    code = lab.write("code.s", "\t.data\nd:\t.quad 0\n\t.text\n\t.globl main\nmain:\n\tmovabs $d, %rax\n\tret\n")
    subprocess.run(["gcc", "-shared", "-nostdlib", "-Wl,-z,notext", "-o", lab.dir / "text.so", code], check=True, stderr=subprocess.DEVNULL)
    assert "text relocations" in looked_at(lab.dir / "text.so")
    for flag, says in {"-fcf-protection": 0, "-fcf-protection=none": 1, "-fcf-protection=return": 1}.items():
        subprocess.run(["gcc", flag, "-c", "-o", lab.dir / "program.o", source], check=True)
        assert len(looked_at(lab.dir / "program.o")) == says, flag
        (lab.dir / "all.a").unlink(missing_ok=True)
        subprocess.run(["ar", "rc", lab.dir / "all.a", BUILD / "obj/src/batvd/main.o", lab.dir / "program.o"], check=True)
        said = looked_at(lab.dir / "all.a")
        assert len(said) == says, said


def test_it_builds_with_the_flags_of_others(lab):
    """Without optimisation, with a packager's own choice, with clang: no warning, and no choice is overruled."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD", "SAN")}
    for number, (flags, fortified) in enumerate({
            ("CFLAGS=-O0 -g",): False,
            ("CFLAGS=-O2 -O0",): False,
            ("CFLAGS=-O1",): True,
            ("CC=clang", "CFLAGS=-O2"): True,
            ("CFLAGS=-O2 -U_FORTIFY_SOURCE",): False,
            ("CFLAGS=-O2", "CPPFLAGS=-Wdate-time -D_FORTIFY_SOURCE=1"): True,
            ("CFLAGS=-O2 -Wp,-U_FORTIFY_SOURCE -Wp,-D_FORTIFY_SOURCE=3",): True}.items()):
        if "CC=clang" in flags and not shutil.which("clang"):
            continue
        build = lab.dir / f"build{number}"
        program = build / "obj/src/core/base/safefile.o"
        done = subprocess.run(["make", "--no-print-directory", "DEPS=no", "WERROR=1", f"BUILD={build}", *flags, program], cwd=TOP, text=True,
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
        assert done.returncode == 0, (flags, done.stdout)
        names = subprocess.run(["nm", "-u", program], check=True, text=True, stdout=subprocess.PIPE).stdout
        assert bool(re.search(r"__(?:openat_2|snprintf_chk)$", names, re.M)) == fortified, (flags, names)
        assert "__stack_chk_fail" in names, (flags, names)
