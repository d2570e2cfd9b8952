"""Write access to the state does not give root's rights: what a list in it can make Exim do, and what not."""

import os
import subprocess

from batv import *
from kinds import HEAVY, REBUILT
from lab_debian import debian_exim
from test_trouble import STRANGER, Site

# What Exim's glue and batvd know of a list, one item a line: sort, space, text; "!" when it is refused.
ITEMS_C = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "decide/exim_list.h"

int main(int n, char **args)
{
	struct batv_list_items items;
	struct batv_list_item item;

	batv_exim_list_start(&items, (enum batv_list_kind)atoi(args[1]), args[2]);
	while (batv_exim_list_next(&items, &item))
		printf("%d %s\\n", (int)item.sort, item.text);
	return n != 3;
}
"""
REFUSED = "4"
DOMAINS, ADDRESSES, HOSTS = 0, 1, 2
ASK = {DOMAINS: "match_domain{x.test}", ADDRESSES: "match_address{x@x.test}", HOSTS: "match_ip{192.0.2.1}"}


class Items:
    """Our own parser, as a program of the sandbox."""

    def setup(self):
        program = self.lab.dir / "items"
        source = self.lab.write("items.c", ITEMS_C)
        subprocess.run(["gcc", "-I", TOP / "src/core", "-o", program, source, BUILD / "libbatv.a"], check=True)
        self.program = program

    def items(self, kind, text):
        return [line.split(" ", 1) for line in self.lab.run([self.program, kind, text]).stdout.splitlines()]

    def refused(self, kind, text):
        return any(sort == REFUSED for sort, _ in self.items(kind, text))


class TestTakenApart(Items):
    """The items of a list are those that Exim sees."""

    LISTS = ("a : b", "a:b:", ":a", "a::b", ":::", "::::", "a : : b", "<; a ; ::1", "<, a,,b ,c", " <| a|b", "<a : b",
             "< ; a", "<;a;;;b", "<! a!!b!c", "</ a//b/c", "<@ a@b", "<+ +a++b", "  a  b  :  c  ", "! a : !b",
             r"a\:b", r"a\;b : c", r"<\; a ; b", r"\<; a : b", r"\<; a ; b", r"\N^x\d+\N : b", r"a\Nb:c\Nd", r"\N\N",
             r"\Na\\N:b", r"\\Na : b", r"^te\\w+ : c", r"\!a", r"\/a", r"\ a : b\ : c", r"\  a", "a : b\\\\",
             r"lsearch\;/x", r"\@\@lsearch;/x", "b\u00fc : c", "a,b : c", "@[] : *.a : +b")

    def setup(self):
        super().setup()
        self.ours = Exim(self.lab, start=False)

    def test_as_exim_does(self):
        for text in self.LISTS:
            asked = self.ours.be("${reduce{%s}{}{$value<$item>}}" % text)
            ours = "".join(f"<{item}>" for _, item in self.items(DOMAINS, text))
            if self.refused(DOMAINS, text):         # it ends with the refused one
                assert asked.startswith(ours), (text, asked, ours)
            else:
                assert asked == ours, (text, asked, ours)

    def test_what_cannot_be_known_is_refused(self):
        for text in r"a\x3b", r"a\073", r"a\n/x", r"\sqlite;/x", r"a\tb", "a\\", "a\n/x", "$a", r"\$a", r"\N$a\N":
            assert self.refused(DOMAINS, text), text


class TestDisguised(Items):
    """Whatever form makes Exim itself run a query or read a file, no list of ours may have it."""

    FORMS = ("X", " X", "X : a", "a.test : X", "!X", "! X", "!!X", "! ! X", "<, X", "<, a, X", "<! X", "<! !!X", "a@X",
             "*@X", "*@ X", "*@!X", "*@! X", "a@b@X", "@@X", "!@@X", "@@!X", "<| @@^.*:X", "<| @@*:X", "net-X", "net24-X",
             "!net-X", "x.test@X", "x@x.test : X", "+x : X", r"\NX\N", r"<, \N X\N", "<+ X", "</ X", "^a : X", "*.a : X")

    def setup(self):
        super().setup()
        binary = debian_exim(self.lab, "heavy", "4.96")
        self.ours = Exim(self.lab, name="plain", binary=binary, start=False)
        self.marks = self.lab.mkdir("marks")
        self.db = self.lab.write("db", "")

    def check(self, make, happened):
        """MAKE gives the item; HAPPENED, with what Exim said, whether Exim evaluated it."""
        done = 0
        for kind, ask in ASK.items():
            for form in self.FORMS:
                text = form.replace("X", make(form))
                answer = self.ours.exim("-be", "${if %s{%s}{found}{no}}" % (ask, text), check=False)
                if happened(answer):
                    assert self.refused(kind, text), (kind, text)
                    done += 1
        return done

    def test_sqlite(self):
        marker = self.marks / "made.db"
        query = f"sqlite;{self.db} ATTACH DATABASE '{marker}' AS m; CREATE TABLE m.t(a)"

        def made(_):
            there = marker.exists()
            marker.unlink(missing_ok=True)
            return there
        double = lambda form: "".join(c * 2 if form[:1] == "<" and c == form[1:2] else c for c in query)
        assert self.check(double, made) >= 40

    def test_file_of_items(self):
        double = lambda form: "//nonexistent//file" if form.startswith("</") else "/nonexistent/file"
        assert self.check(double, lambda answer: "failed to open" in answer.stdout + answer.stderr) >= 20

    def test_named_type(self):
        """dsearch stands for all types that are not ours."""
        for name in "x.test", "192.0.2.1", "x@x.test", "x":
            self.lab.write(self.lab.mkdir("names") / name, "")
        directory = str(self.lab.dir / "names")
        for kind, ask in ASK.items():
            text = f"dsearch;{directory}"
            assert "found" in self.ours.be("${if %s{%s}{found}{no}}" % (ask, text)), text
            assert self.refused(kind, text)


class HostileState(Site):
    """A state as batvd's user can write it.  Exim is asked as root too, as it is when it delivers."""

    def setup(self):
        super().setup()
        self.marks = self.lab.mkdir("marks")

    def state(self, name, text):
        self.put_text(re.sub(rf"(?m)^{name}\b.*$", lambda _: f"{name} {text}", self.text))

    def asked_by_root(self, address):
        """The verdict on an address from an Exim process of root's; bounded in time."""
        user, config = None, self.ours.config_path
        # Debian's does not run as root where its user is not known; else the configuration must be root's
        if self.lab.root and not self.ours.installation.loads:
            user, config = "root", self.lab.root_file("exim.conf", self.ours.config_path.read_text())
        return self.lab.run([self.ours.binary, "-C", config, "-be", "${dlfunc{%s}{batv_verdict}{%s}}" %
                             (self.ours.so, address)], user=user, timeout=10).stdout.strip()

    def mail_flows(self, rcpt="alice@test"):
        before = len(self.ours.mainlog())
        assert self.bounced(rcpt).code == 250
        assert self.sent() == "alice@test"
        self.ours.wait_idle()
        assert self.ours.paniclog() == [], self.ours.paniclog()
        assert not self.ours.mainlog("crashed")
        return [line for line in self.ours.mainlog()[before:] if "batv:" in line]

    def refuses(self, name, text):
        """The whole state is refused, and every party says so."""
        self.state(name, text)
        for line in self.mail_flows():
            assert "batv: trouble=state" in line and 'error="' in line, (text, line)
        if self.ours.installation.functions:
            assert self.asked_by_root("alice@test") == "exempt", text          # without a state
        assert self.batv.ctl("verify", "alice@test", check=False, user="root" if self.lab.root else None).returncode == 3

    def doubts(self, text):
        """The file of the look-up is not one to look into."""
        self.state("domains", text)
        for line in self.mail_flows():
            assert "reason=doubt" in line or "doubt=left:doubt" in line, (text, line)
        if self.ours.installation.functions:
            assert self.asked_by_root("alice@root") == "not-ours", text

    def test_queries(self):
        marker, db = self.marks / "made.db", self.lab.write("db", "")
        query = f"sqlite;{db} ATTACH DATABASE '{marker}' AS m; CREATE TABLE m.t(a)"
        for text in (query, f"!{query}", f"! {query}", f"a : {query}", f"<| {query}", f"<; {query.replace(';', ';;')}",
                     f"  {query}  ", query.replace(";", r"\;"), query.replace(";", r"\x3b", 1), rf"\N{query}\N"):
            self.refuses("domains", text)
            assert not marker.exists(), text
        for text in query, f"*@{query}", f"@@{query}", f"!*@! {query}", f"!!{query}", f"<| @@^.*:{query}":
            self.refuses("exempt_recipients", text)
            assert not marker.exists(), text
        for text in query, f"net-{query}", f"net24-{query}":
            self.refuses("exempt_hosts", text)
            assert not marker.exists(), text

    def test_files_by_syntax(self):
        fifo = self.marks / "fifo"
        os.mkfifo(fifo, 0o666)
        self.lab.own(fifo)
        for text in (str(fifo), f"!{fifo}", f"<; a ; {fifo}", rf"\{fifo}", "/etc/shadow", "lsearch;/proc/self/environ",
                     "lsearch;/proc/self/cwd/x", "lsearch;/etc/../etc/shadow", "lsearch;//etc/shadow", "lsearch;etc/shadow",
                     f"dsearch;{self.marks}", "dbm;/etc/shadow", "dnsdb;a=x.test", "passwd;root", "lsearch;/dev/zero"):
            self.refuses("domains", text)
        for text in f"*@{fifo}", f"*@! {fifo}", f"!!{fifo}":
            self.refuses("exempt_recipients", text)

    def test_a_second_line(self):
        """There is no such way: the state's lines are its own."""
        for text in "a : b\n/etc/shadow", "a\n lsearch;/etc/shadow", "a \\\n : sqlite;/x y":
            self.refuses("domains", text)

    def test_files_of_root(self):
        root = self.lab.root_directory()
        os.mkfifo(root / "fifo", 0o644)
        (root / "link").symlink_to("/etc")
        (root / "private").mkdir(0o700)
        (root / "private" / "x").write_text("root:\ntest:\n")
        (root / "open").mkdir()
        (root / "open").chmod(0o1777)
        (root / "open" / "x").write_text("root:\ntest:\n")
        self.lab.write("x", "root:\ntest:\n")
        self.state("domains", "lsearch;/etc/passwd")        # which anybody may read: the control
        if self.ours.installation.functions:
            assert self.asked_by_root("alice@root") == "exempt"     # it is no message: ours, and local
        for path in ("/etc/shadow", root / "fifo", root / "link/passwd", root / "private/x", root / "open/x",
                     self.lab.dir / "x", root / "nothing"):
            for item in f"lsearch;{path}", f"! nwildlsearch;{path}", f"<; a ; wildlsearch;;{path}":
                self.doubts(item)

    def test_items_in_a_file_of_root(self):
        """A file that root made for another purpose is no list: what Exim would take for items in it."""
        marker, db = self.marks / "made.db", self.lab.write("db", "")
        run = "${run{/usr/bin/touch %s}}" % (self.marks / "run")
        query = f"sqlite;{db} ATTACH DATABASE '{marker}' AS m"
        for type, text in (("wildlsearch", f'"{run}"\n'), ("nwildlsearch", f'"{query}"\n'),
                           ("nwildlsearch", f"{self.marks}/x\n"), ("wildlsearch", f'"{query}"\n')):
            path = self.lab.root_file("content", text)
            self.doubts(f"{type};{path}")
        self.lab.root_file("content", f"test: {query}\n")
        self.state("exempt_recipients", f"@@lsearch;{path}")
        assert self.bounced().code == 250
        assert "action=mark" in self.ours.wait_log("batv: verdict=missing")[-1]
        assert not marker.exists() and not (self.marks / "run").exists()

    def test_good_files(self):
        path = self.lab.root_file("good", "test:\nroot:\n*.example\n")
        for item in (f"lsearch;{path}", f" lsearch;  {path} ", f"<; a ; lsearch;;{path}", f"wildlsearch;{path}",
                     f"nwildlsearch;{path}", f"partial-lsearch;{path}", f"! other.test : lsearch*,ret=key;{path}"):
            self.state("domains", item)
            assert self.bounced().code == 550, item
            assert self.sent() == self.valid, item
        assert self.ours.paniclog() == []


class TestHostileState(HostileState):
    pass


class TestHostileStateHeavy(HostileState):
    kind = HEAVY


def test_batvd_publishes_none_of_it(lab):
    batv = Batv(lab)
    serial = batv.serial()
    for line, item, text in (("exempt_hosts = sqlite;/x y", '"sqlite;/x y"', "named list of Exim's configuration"),
                             ("unsigned_senders = a@b.test :\n  *@/etc/shadow", '"*@/etc/shadow"', "a file of list items"),
                             ("exempt_recipients = a@b.test :\n  lsearch;/a/../b", '"lsearch;/a/../b"', "absolute path"),
                             ("relay_in_hosts = <; ::1 ;\n  net-dbm;;/x", '"net-dbm;/x"', "named list of Exim's")):
        batv.conf(CONF + line + "\n")
        done = batv.ctl("check", check=False)
        name = line.partition(" ")[0]
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done
        assert re.search(rf"{batv.conf_path}:\d+: {name}: {re.escape(item)}: .*{re.escape(text)}", done.stderr), done.stderr
        batv.daemon.hup()
        wait_until(lambda: any(item in said for said in batv.log()), 10, "batvd to say so")
        assert name + " " + item.strip('"') not in (batv.state_dir / "state").read_text()
    assert batv.serial() >= serial


class TestCheck:
    """batvctl check and status name what is wrong with a list, and ask Exim as Exim's user."""

    def setup(self):
        self.batv = Batv(self.lab, kind=REBUILT)
        self.missing = self.lab.dir / "missing"
        lists = f"domainlist lab_gone = lsearch;{self.missing}\nhostlist lab_hosts = 192.0.2.7\naddresslist lab_a = x@y.test\n"
        self.ours = batv_exim(self.lab, self.batv, "* 127.0.0.2", main=lists, start=False,
                              installation=Installation(self.lab, "ours", REBUILT))     # runs as root, too
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"

    def problems(self, **run):
        done = self.batv.ctl("status", "--json", check=False, **run)
        return [p for p in json.loads(done.stdout)["problems"] if "policy " in p]

    def checked(self, **run):
        return self.batv.ctl("check", check=False, **run)

    def test_in_order(self):
        self.batv.conf(CONF, exempt_hosts="+lab_hosts : +ignore_unknown", exempt_recipients="+lab_a : *@+local_domains")
        assert self.checked().returncode == 0 and self.problems() == []

    def test_a_named_list_that_ends_exim(self):
        for item in "+lab_gone", "a.test : ! +lab_gone", "<; a.test ; +lab_gone":
            self.batv.conf(CONF, inbound_domains=item)
            (problem,) = self.problems()
            assert problem.startswith("policy default, inbound_domains: +lab_gone: Exim says: failed to open"), problem
            assert "this list makes Exim's process exit" in problem and "correct the list in Exim's configuration" in problem
            done = self.checked()
            assert done.returncode == 2 and f"inbound_domains: +lab_gone: wrong: Exim says: failed to open {self.missing}" \
                in done.stdout, done
        self.batv.conf(CONF, unsigned_senders="*@+lab_gone")
        assert "unsigned_senders: +lab_gone: wrong" in self.checked().stdout
        self.lab.write("missing", "")
        assert self.checked().returncode == 0 and self.problems() == []
        self.missing.unlink()

    def test_once(self):
        self.batv.conf(CONF + "[policy two]\ndomains = +lab_gone\n[policy three]\ndomains = x.test : +lab_gone\n",
                       inbound_domains="+lab_gone")
        assert len(self.problems()) == 1

    def test_a_file(self):
        shadow, gone = "lsearch;/etc/shadow", f"lsearch;{self.lab.dir}/x"
        self.batv.conf(CONF, exempt_hosts=f"192.0.2.1 : net-{gone}", unsigned_senders=f"a@b.test : *@{shadow}")
        for exim in self.batv.exim, None:       # this needs no Exim
            self.batv.exim = exim
            text = "\n".join(self.problems())
            assert re.search(r"unsigned_senders: .*: \*@lsearch;/etc/shadow: /etc/shadow: mode is \d{4}, Exim's user must be", text), text
            assert re.search(rf"exempt_hosts: .*: net-{gone}: /tmp: mode is 1777, only root may be able to write", text) \
                or not str(self.lab.dir).startswith("/tmp/"), text
            assert text.count("neither signed nor refused") == 2
            assert self.checked().returncode == 2
        self.setup_exim()

    def setup_exim(self):
        self.batv.exim = f"{self.ours.binary} -C {self.ours.config_path}"

    def as_root(self, spy, *arguments):
        """batvctl, run by root, in a place that is all root's: else Exim would not be asked at all."""
        place = ('mount -t tmpfs -o mode=755 tmpfs /mnt && cp "$1" /mnt/batv.conf && printf "%s" "$2" >/mnt/spy && '
                 'chmod 755 /mnt/spy && shift 2 && exec "$@"')
        return self.lab.run(["unshare", "-m", "sh", "-euc", place, "sh", self.batv.conf_path, f"#!/bin/sh\n{spy}\n",
                             BUILD / "batvctl", "-c", "/mnt/batv.conf", *arguments], user="root", check=False)

    def test_root_asks_as_exim(self):
        needs_root("asking as root")
        mark = self.lab.mkdir("marks", mode=0o777) / "who"
        spy = (f"[ \"$*\" = '-be' ] && id -u >>{mark} && id -G >>{mark}\n"
               f"exec {self.ours.binary} -C {self.lab.root_file('exim.conf', self.ours.config_path.read_text())}" ' "$@"')
        self.batv.exim = "/mnt/spy"
        self.batv.conf(CONF, inbound_domains="+lab_gone : lsearch;/etc/passwd")
        (problem,) = [p for p in json.loads(self.as_root(spy, "status", "--json").stdout)["problems"] if "policy " in p]
        assert "+lab_gone: Exim says: failed to open" in problem
        assert set(mark.read_text().split()) == {str(self.lab.uid), str(self.lab.gid)}
        done = self.as_root("exit 1", "check")
        assert done.returncode == 3 and "not evaluated: cannot learn Exim's user" in done.stdout, done
        self.setup_exim()
