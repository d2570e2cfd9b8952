"""Our n-th allocation fails in Exim's process: mail is delivered, one line says why, and no process dies."""

import subprocess
from pathlib import Path

from batv import *
from kinds import HEAVY
from lab_debian import Installation

PATTERN = "^(bounce|returns)[-+].*@"     # with one, PCRE2 is loaded, compiles and matches; nothing else of ours allocates


def starving(lab):
    """Debian's Exim with exim-batv as its module, and starve.so in all its processes; (installation, number, hits)."""
    installation = Installation(lab, "ours", HEAVY)
    number, hits = lab.write("starve", "0\n"), lab.write("starve-hits", "", mode=0o666)
    library = lab.dir / "starve.so"
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-fno-builtin", f'-DSTARVE="{number}"',
                    f'-DSTARVE_HIT="{hits}"', "-o", library, Path(__file__).with_name("starve.c")], check=True)
    wrapper = Path(installation.binary)
    text = wrapper.read_text()
    assert text.count("--preload ") == 1
    lab.write(wrapper, re.sub(r"--preload (\S+)", rf'--preload "\1 {library}"', text), mode=0o755)
    return installation, number, hits


@timeout(900)
def test_each_allocation_of_ours(lab):
    conf = f"domains = test\nown_hosts = 127.0.0.1\nenforcement = reject\nautomatic_senders = {PATTERN}\n"
    batv = Batv(lab, conf=conf, kind=HEAVY)
    sink = Sink(lab)
    installation, number, hits = starving(lab)
    ours = batv_exim(lab, batv, sink, installation=installation)
    tag, told, n = batv.sign("alice@test"), 0, 0
    while True:
        n += 1
        assert n < 200, "an end"
        lab.write(number, f"{n}\n")
        before, lines, alice, out = hits.stat().st_size, len(ours.mainlog()), len(ours.mailbox("alice")), len(sink.messages)
        # an automatic message that the pattern decides, a true bounce, and mail that leaves
        forged = ours.inject("bounce-17@theirs.test", "alice@test", bounce("alice@test"), source="127.0.0.9")
        assert ours.inject("", tag, bounce(tag), source="127.0.0.9").data.code == 250
        ours.submit("alice@test", "x@theirs.test", make_message("alice@test", "x@theirs.test"))
        assert is_signed(sink.wait(out + 1)[-1].sender, "alice@test")
        hit = hits.stat().st_size - before
        new = [line for line in ours.mainlog()[lines:] if is_our_line(line, "doubt=")]
        assert ours.paniclog() == [] and ours.daemon.alive()
        # who cannot know accepts, and says so, once in each process that was hurt
        assert forged.data.code == (250 if any("<bounce-17@" in line for line in new) else 550), (n, forged, new)
        assert len(new) <= hit and all("doubt=automatic_senders action=not-judged" in line for line in new), (n, hit, new)
        told += len(new)
        wait_until(lambda: len(ours.mailbox("alice")) == alice + 1 + (forged.data.code == 250), what="the mail for alice")
        if not hit:                             # it ended unhurt
            assert forged.data.code == 550, forged
            break
    assert n > 4 and told >= 4, (n, told)       # context, pattern, match context, match data
    print(f"{n - 1} allocations of ours failed, {told} of them were told")
