"""Every example of the manual is run, as it is printed there."""

import os
import re

from lab import *
from batv import SNIPPETS, Batv

# Commands of examples that need more than this laboratory has, and the test that runs them.
ELSEWHERE = {"batvctl explain --brief /home/alice/Maildir": "test_explain.py::test_a_directory",
             "batvctl why alice@example.com": "test_why.py::test_the_sample",
             "batvctl enable --dry-run\nbatvctl enable --probe me@example.net": "test_enable.py::test_the_example",
             "batvctl test alice@example.com": "test_ctl_test.py::test_what_it_says",
             "batvctl doctor --quiet": "test_doctor.py::test_the_output"}

LOG = "2026-11-22 12:00:00 1tABCD-000001-2X <= alice@example.com H=localhost [127.0.0.1] P=esmtp S=300 id=one@example.com for x@theirs.test\n"


def examples(page):
    """The texts of the EXAMPLES of a page, one for each block of literal lines."""
    section = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", (TOP / "docs/man" / page).read_text(), re.M | re.S)
    blocks = re.findall(r"^\.Dl (.*\n)|^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", section[1], re.M)
    return [re.sub(r"\\&", "", one or many) for one, many in blocks]


def test_the_examples_of_batvctl(lab):
    conf = "domains = example.com\ninbound_domains = example.com\ntrusted_hosts = 127.0.0.1\n"       # no list needs an Exim
    here, other = Batv(lab, conf=conf), Batv(lab, name="other", conf=conf)
    bin, logs = lab.mkdir("bin"), lab.mkdir("logs")
    lab.write(logs / "mainlog", LOG)
    lab.write(bin / "batvctl", f'#!/bin/sh\nexec {BUILD}/batvctl -c "${{CONF:-{here.conf_path}}}" "$@"\n', mode=0o755)
    lab.write(bin / "ssh", f'#!/bin/sh\nshift\nexport CONF={other.conf_path}\nexec "$@"\n', mode=0o755)
    texts = examples("batvctl.8")
    assert len(texts) >= 4, texts
    for text in texts:
        if text.strip() in ELSEWHERE:
            file, _, test = ELSEWHERE[text.strip()].partition("::")
            assert re.search(rf"^def {test}\(", (TOP / "test-harness/e2e" / file).read_text(), re.M), text
            continue
        text = text.replace("/var/log/exim4/", f"{logs}/")
        done = lab.run(["bash", "-euo", "pipefail", "-c", text], env={"PATH": f"{bin}:{os.environ['PATH']}"}, check=False)
        assert done.returncode == 0, f"{text}{done}"
    assert here.json("keys")["fingerprint"] == other.json("keys")["fingerprint"]
    assert [s["shared"] for s in (here.json("status")["state"], other.json("status")["state"])] == [True, True]


def test_the_example_of_the_configuration(lab):
    customers = lab.write("new-customers", "example.net\n")
    [text] = examples("exim-batv.conf.5")
    assert "/etc/exim4/new-customers" in text
    b = Batv(lab, start=False)
    lab.write(b.conf_path, f"directory = {b.state_dir}\n" + text
              .replace("/etc/exim4/new-customers", str(customers)))
    said = b.json("check")
    assert said["policies"] == 2 and not [a for a in said["lists"] if a["answer"] == "wrong" and "customers" not in a["list"]], said


def test_the_example_of_exim(lab):
    """The lines are put into a configuration that has no more than they need."""
    [text] = examples("exim-batv.7")
    text = re.sub(r"/usr/local/share/exim-batv/snippets", str(SNIPPETS), text)
    main, rest = text.split("begin routers", 1)
    config = lab.write("exim.conf", f"spool_directory = {lab.mkdir('spool')}\nlog_file_path = {lab.mkdir('log')}/%slog\n"
                       "domainlist local_domains = ours.test\ndomainlist relay_to_domains =\nhostlist relay_from_hosts =\n"
                       f"acl_smtp_rcpt = check\n{main}begin acl\ncheck:\n  accept\nbegin routers{rest}")
    said = lab.run([exim_binary(), "-C", config, "-bP", "transport", "remote_smtp"]).stdout
    assert re.search(r"return_path = .*batv_sign", said), said
    assert "batv_unsign" in lab.run([exim_binary(), "-C", config, "-bP", "router_list"]).stdout
