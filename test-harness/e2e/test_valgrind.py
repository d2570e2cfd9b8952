"""A real Exim, batvd and batvctl under valgrind: mail out signed, bounces accepted and refused, commands.

`make valgrind` (VALGRIND=whole) does more: both kinds that load us, where values come from, all commands.
"""

import os
import re
import subprocess

from batv import *
from kinds import HEAVY, REBUILT
from lab_valgrind import Valgrind

WHOLE = os.environ.get("VALGRIND") == "whole"
STRANGER = "127.0.0.9"
COMMANDS = (("keys",), ("rotate",))
MORE = (("status",), ("check",), ("status", "--json"), ("status", "--domains", "all"), ("keys", "--json"), ("doctor",), ("doctor", "--json"),
        ("enforce", "observe", "test"), ("enforce", "auto", "test"), ("secret", "export"), ("rotate", "--revoke"), ("verify", "--json", "{tag}"),
        ("explain", "{bounce}"), ("explain", "--json", "{bounce}"), ("explain", "--brief", "{bounce}", "{bounce}"), ("why", "127.0.0.9", "{log}"),
        ("why", "--json", "alice@test", "{log}"), ("remember", "--from-exim-log", "{log}"), ("test",))

# One call for each kind of finding, in a function that Exim calls as it calls ours.
PLANTED = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void *volatile kept;

int planted(unsigned char **yield, int argc, unsigned char *argv[])
{
	char *p = malloc(100 + (size_t)argc);

	switch (argv[0][0]) {
	case 'u': if (p[7]) (void)!write(-1, "", 0); break;
	case 'o': *yield = (unsigned char *)(p[7] ? "yes" : "no"); break;	/* Exim is the one who uses it */
	case 'r': *yield = (unsigned char *)(p[101] == 'x' ? "yes" : "no"); break;
	case 'w': p[-1] = 'x'; break;
	case 's': (void)!write(open("/dev/null", O_WRONLY), p, 100); break;
	case 'f': free(p); p[3] = 'x'; break;
	case 'l': p = NULL; break;
	}
	if (argv[0][0] != 'f')
		kept = p;
	return 0;
}
"""
SAYS = {"u": "Conditional jump or move depends on uninitialised", "o": "uninitialised(?s:.*)was created by", "r": "Invalid read of size 1", "w": "Invalid write of size 1",
        "s": r"Syscall param write\(buf\) points to uninitialised", "f": "Invalid write of size 1", "l": "are definitely lost"}


def needs_valgrind():
    if not os.path.exists("/usr/bin/valgrind"):
        skip("no valgrind")
    if "san" in str(exim_binary()):
        skip("an Exim with sanitizers")


def test_planted_errors_are_found(lab):
    """Each kind of error in a function that Exim calls is found, as ours if its source is, and only then."""
    needs_valgrind()
    valgrind = Valgrind(lab, origins=WHOLE)
    source = lab.write(lab.mkdir("planted") / "planted.c", PLANTED)
    so = lab.dir / "planted.so"
    subprocess.run(["gcc", "-g", "-O1", "-w", "-shared", "-fPIC", "-o", so, source], check=True)
    exim = Exim(lab, start=False)
    valgrind.exim(exim)
    for kind in SAYS if WHOLE else "ul":
        for log in valgrind.logs.iterdir():
            log.unlink()
        exim.be(f"${{dlfunc{{{so}}}{{planted}}{{{kind}}}}}")
        mine, others, count = valgrind.findings([source.parent])
        assert count >= 1 and mine and re.search(SAYS[kind], mine[0]), (kind, mine)
        assert valgrind.findings()[0] == [] and len(valgrind.findings()[1]) == len(others) + len(mine)


def frames_are_known(program, function):
    """Does valgrind's source of line numbers name FUNCTION's file as one of ours?"""
    names = subprocess.run(["nm", program], check=True, text=True, stdout=subprocess.PIPE).stdout
    address = re.search(rf"^([0-9a-f]+) [tT] {function}$", names, re.M)[1]
    return subprocess.run(["addr2line", "-e", program, address], check=True, text=True, stdout=subprocess.PIPE).stdout.startswith(f"{TOP}/")


def mail_passes(lab, kind, origins):
    valgrind = Valgrind(lab, origins)
    sink = Sink(lab)
    batv = Batv(lab, start=False, kind=kind)
    batv.under = [valgrind.command]
    installation = Installation(lab, "ours", kind)
    ours = batv_exim(lab, batv, sink, installation=installation, start=False)
    batv.exim = f"{ours.binary} -C {ours.config_path}"
    batv.conf(CONF, enforcement="reject", **installation.conf())
    program = ours.so if kind == HEAVY else ours.binary
    assert frames_are_known(program, "batv_tag_make") and frames_are_known(program, "local_scan")
    valgrind.exim(ours)
    batv.start()
    ours.start()

    ours.submit("alice@test", "x@theirs.test", make_message("alice@test"))
    tagged = sink.wait(1)[0].sender
    assert is_signed(tagged, "alice@test"), tagged
    with ours.smtp(STRANGER, timeout=300) as session:
        assert session.send("", tagged, bounce(tagged)).data.code == 250
        assert session.send("", "alice@test", bounce("alice@test")).data.code == 550
        forged = tagged[:10] + ("0" if tagged[10] != "0" else "1") + tagged[11:]
        assert session.send("", forged, bounce(forged)).data.code == 550
        reply = make_message("bob@theirs.test", "alice@test", "Out of office", Auto_Submitted="auto-replied", In_Reply_To="<unknown@test>")
        session.send("", "alice@test", reply)
        assert session.send("bob@theirs.test", "alice@test", make_message("bob@theirs.test")).data.code == 250
    ours.wait_mailbox("alice", 2, timeout=60)
    assert [line["verdict"] for line in batv_lines(ours)][:3] == ["valid", "missing", "forged"]

    assert batv.sign("alice@test") == tagged
    assert batv.ctl("verify", tagged).stdout.startswith("valid\n")
    places = {"tag": tagged, "bounce": lab.write("bounce", bounce(tagged)), "log": ours.dir / "log" / "mainlog"}
    for command in COMMANDS + (MORE if WHOLE else ()):
        done = batv.ctl(*(word.format(**places) for word in command), check=False)
        assert 0 <= done.returncode <= 3 and done.stdout + done.stderr, (command, done)
    batv.reload()
    ours.wait_idle(60)
    ours.stop()
    batv.stop()
    return valgrind.findings()


def test_mail_out_and_bounces_in(lab):
    needs_valgrind()
    for kind in (REBUILT, HEAVY) if WHOLE else (REBUILT,):
        mine, others, count = mail_passes(lab, kind, WHOLE)
        assert count > 10, count
        assert not mine, "\n\n".join(mine)
        if WHOLE:
            print(f"{kind}: {count} processes under valgrind, no finding of ours, {len(others)} of others")


test_mail_out_and_bounces_in.timeout = test_planted_errors_are_found.timeout = 1200
