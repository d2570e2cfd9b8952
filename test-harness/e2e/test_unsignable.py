"""Local parts that the un-signing router could not route once they are signed: they leave untagged, and their
bounces are accepted.  All others that have an odd character leave signed, and route."""

from batv import *

STRANGER = "127.0.0.9"
SPECIAL = '|/"\\#:'
CATCHALL = """
catchall:
  driver = accept
  domains = +local_domains
  local_parts = ! ^prvs=[0-9] : ! ^.*[+]prvs=[0-9]
  transport = catchall
"""
TRANSPORT = """
catchall:
  driver = appendfile
  file = LAB_MBOX/catchall
"""


def local_parts():
    """Each printable character first and last: bare, quoted, and with a backslash (unit/test_tag_fits.c has more)."""
    parts = {'":fail: x"', '":include:/etc/passwd"', '"|/bin/true"', "/S=Doe/G=John", '"a,b"', '"x y"', '" x"', ".x", "x..y"}
    for c in map(chr, range(33, 127)):
        quoted = "\\" + c if c in '"\\' else c
        parts |= {f'"{quoted}x"', f'"x{quoted}"', f"\\{c}"}
        if c not in '()<>[]:;@\\,"':
            parts.add(f"{c}x")
    return sorted(parts)


def first(part):
    """The first character of a local part, as a mail server understands it."""
    text = part.removeprefix('"')
    return text[1] if text[0] == "\\" else text[0]


class TestLocalParts:
    def setup(self):
        self.sink = Sink(self.lab)
        self.batv = Batv(self.lab)
        self.ours = batv_exim(self.lab, self.batv, self.sink, routers=CATCHALL, transports=TRANSPORT)

    def test_what_is_signed_routes(self):
        """The whole set, in both styles: asked of Exim in one go."""
        for style in ("prvs", "subaddress"):
            self.batv.set(domains="test", tag_style=style)  # no list that batvctl asks Exim about
            signed, bare = {}, set()
            for part in local_parts():
                done = self.batv.ctl("sign", "--", f"{part}@test", check=False)
                address = done.stdout.rpartition("@test")[0].split("\n")[0]
                if done.returncode == 0 and "prvs=" in address:
                    signed[part] = f"{address}@test"
                else:
                    bare.add(part)
            assert {first(part) for part in bare} == set(SPECIAL), bare
            assert not {first(part) for part in signed} & set(SPECIAL), signed
            routed = self.ours.bt(*(a for a in signed.values() if not a.startswith("-")))
            assert "undeliverable" not in routed, routed
            assert routed.count("router = catchall") == sum(not a.startswith("-") for a in signed.values())
            assert routed.count("<-- ") == routed.count("router = catchall")    # each was un-signed

    def test_over_smtp(self):
        """What is unsignable leaves as it is; a bounce to it is accepted, and named so."""
        self.batv.set(enforcement="reject")
        for part, word in [("/S=Doe/G=John", "unsignable"), ('"|x"', "unsignable"), ("#help", "unsignable"),
                           ('"\\"x"', "unsignable"), ('"\\\\x"', "unsignable"), ('":fail: x"', "unsignable"), ("\\/x", "unsignable"),
                           ("john/doe", "valid"), ('"a:b"', "valid"), ('"a\\"b"', "valid"), ("x#y", "valid")]:
            sender, count, judged = f"{part}@test", len(self.sink.messages), len(batv_lines(self.ours))
            assert self.ours.inject(sender, "x@theirs.test", make_message()).data.code == 250
            left = self.sink.wait(count + 1)[count].sender
            assert (left == sender) == (word == "unsignable"), left
            result = self.ours.inject("", left, bounce(left), source=STRANGER)
            assert result.rcpts[0].code == 250 and result.data.code == 250, (part, result)
            (line,) = batv_lines(self.ours)[judged:]
            assert line["verdict"] == word, (part, line)
        forged = self.ours.inject("", "bob@test", bounce("bob@test"), source=STRANGER)
        assert forged.data.code == 550
        assert self.ours.paniclog() == []
