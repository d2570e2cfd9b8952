"""batvctl against a batvd of its own.  Exim is asked only where a test says so."""

import fcntl
import json
import pwd
import os
import pty
import re
import subprocess
import time

from lab import *
from batv import TAG, Batv, is_signed

CONF = "domains = example.com : example.net\n"


def batv(lab, **keywords):
    return Batv(lab, conf=keywords.pop("conf", CONF), **keywords)


def fails(b, code, text, *argv, **run):
    """batvctl must end with CODE and one line on stderr that contains TEXT."""
    done = b.ctl(*argv, check=False, **run)
    assert done.returncode == code, done
    assert text in done.stderr and done.stderr.count("\n") == 1, done
    return done


def keys_text(b, *argv):
    return b.ctl("keys", "--at", "2026-12-24", *argv).stdout


def export(b):
    return b.ctl("secret", "export").stdout


def import_(b, text, *argv, **run):
    return b.ctl("secret", "import", *argv, input=text, **run)


# -- the command line


def test_wrong_arguments(lab):
    b = batv(lab)
    for argv, text in [
        (["stauts"], "unknown command stauts; did you mean status?"), (["-x"], "unknown option -x; see batvctl -h"),
        (["xyzzy"], "unknown command xyzzy; see batvctl -h"),
        (["status", "--nope"], "unknown option --nope"), (["sign", "--rctp=x@y", "a@b"], "unknown option --rctp; did you mean --rcpt?"),
        (["status", "--color=no"], "--color: expected auto, always or never, not no"),
        (["verify", "a@b", "--host", "mx.example.net"], "--host: expected an IP address, not mx.example.net"),
        (["verify", "a@b", "--host", "192.0.2.1/24"], "--host: expected an IP address"), (["status", "-c"], "option -c requires an argument"),
        (["status", "extra"], "unexpected argument extra"), (["status", "--revoke"], "option --revoke is not valid here"),
        (["sign"], "an argument is missing"), (["sign", "a@b", "c@d"], "unexpected argument c@d"),
        (["sign", "nonsense"], "not an address: nonsense"), (["sign", ""], 'not an address: ""'),
        (["verify", "nonsense"], "not an address: nonsense"), (["verify", "a@b", "--rcpt", "x@y"], "--rcpt"),
        (["rotate", "--at", "-1d"], "--at is in the past"),
        (["keys", "--at", "yesterday"], "--at: expected now, 2026-12-01"),
        (["rotate", "--at", "2001-01-01"], "--at is in the past"),
        (["rotate", "--revoke", "--at", "+1d"], "cannot be combined with --at"),
        (["secret"], "an argument is missing"), (["secret", "show"], "expected export, import or unshare, not show"),
        (["check", "--at", "now"], "--at"),
    ]:
        fails(b, 2, text, *argv)
    done = lab.run([BUILD / "batvctl", "-c", "/nowhere/x.conf", "keys"], check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "/nowhere/x.conf" in done.stderr, done


def test_help(lab):
    b = batv(lab, start=False)
    text = b.ctl("-h").stdout
    for command in "status", "check", "keys", "sign", "verify", "rotate", "secret":
        assert f"\n  {command} " in text, text
        assert b.ctl(command, "--help").stdout.startswith(f"usage: batvctl {command}")
    assert b.ctl("help").stdout == text and b.ctl("help", "keys").stdout == b.ctl("keys", "-h").stdout
    alone = b.ctl(check=False)
    assert (alone.returncode, alone.stdout) == (2, "") and alone.stderr == text + "batvctl: a command is missing\n", alone
    assert b.ctl("--version").stdout.startswith("batvctl ")
    assert max(map(len, text.splitlines())) < 100


def test_without_a_directory(lab):
    b = batv(lab, start=False)
    b.state_dir.rmdir()
    for argv in ["keys"], ["sign", "a@example.com"], ["rotate"]:
        fails(b, 3, "the state directory is missing; create it with: install -d", *argv)
    assert b.ctl("status", check=False).returncode == 1
    assert b.ctl("check").returncode == 0


def test_without_a_daemon(lab):
    b = batv(lab, start=False)
    fails(b, 3, f"{b.state_dir}/secret: ", "keys")
    fails(b, 3, "is batvd running?", "sign", "a@example.com")
    fails(b, 3, "batvd creates it when it starts", "rotate")
    status = b.json("status")
    assert status["batvd"] == "not running" and status["state"] is None
    assert status["problems"] == ["batvd has not run yet; start it (systemctl start batvd)"]
    assert not list(b.state_dir.glob("s*"))


# -- sign and verify


def test_sign_and_verify(lab):
    b = batv(lab)
    tagged = b.sign("Alice@Example.COM")
    assert is_signed(tagged, "Alice@Example.COM")
    answer = b.json("sign", "alice@example.com")
    assert answer["answer"] == "signed" and answer["policy"] == "default" and answer["evaluated"] is True
    assert answer["key"]["state"] == "current" and "key" not in answer["key"]
    good = b.json("verify", tagged)
    assert (good["verdict"], good["tag"], good["bare"]) == ("valid", "valid", "Alice@Example.COM"), good
    assert b.ctl("verify", tagged).returncode == 0
    for address, verdict, tag in [
        (tagged.upper(), "valid", "valid"), ("alice@example.com", "missing", "-"),
        (tagged.replace("Alice", "Bob"), "forged", "forged"), ("x@elsewhere.test", "not-ours", "-"),
        (tagged[:-len("Example.COM")] + "elsewhere.test", "not-ours", "forged"),
        ("postmaster@example.com", "exempt", "-"), ("x" * 60 + "@example.com", "unsignable", "-"),
    ]:
        answer = b.json("verify", address)
        assert (answer["verdict"], answer["tag"]) == (verdict, tag), answer
        assert b.ctl("verify", address, check=False).returncode == (verdict != "valid")
    for address, reason in [("x@elsewhere.test", "left:not-ours"), (tagged, "left:tagged"),
                            ("SRS0=ab=cd=x.test=y@example.com", "left:srs"),
                            ("x" * 60 + "@example.com", "left:unsignable")]:
        done = b.ctl("sign", address, check=False)
        assert done.returncode == 1 and done.stdout.splitlines()[0] == address and reason in done.stdout, done


def test_pasted_addresses(lab):
    """As they are copied from a mail program, a log line, a link, or the end of a sentence."""
    b = batv(lab)
    tagged = b.sign("alice@example.com")
    for form in "<%s>", "Alice <%s>", '"Alice, X" <%s>', "mailto:%s", "%s.", "%s,", " %s ", "F=<%s>":
        assert b.sign(form % "alice@example.com") == tagged, form
        assert b.json("verify", form % tagged)["verdict"] == "valid", form
        assert b.json("sign", "alice@example.com", "--rcpt", form % "x@lists.test")["signed"] == tagged, form
    for form in "<a@example.com> <b@example.com>", "a@example.com b@example.com", "Alice", "<>":
        fails(b, 2, f"not an address: {form}", "sign", form)
        fails(b, 2, f"not an address: {form}", "verify", form)
    fails(b, 2, "sign: not an address: x@y z@w", "sign", "a@example.com", "--rcpt", "x@y z@w")


def test_the_digits_of_a_tag_are_explained(lab):
    b = batv(lab)
    tagged = b.sign("alice@example.com")
    digits = tagged[5:9]
    for said in b.ctl("keys").stdout, b.status().stdout:
        assert f"prvs={digits} current" in said, said
    [current] = [k for k in b.json("keys")["keys"] if k["state"] == "current"]
    assert current["tag"] == digits
    said = b.ctl("verify", tagged).stdout
    date = time.strftime("%F", time.gmtime(current["destroyed"]))
    assert f"  digits    key number {digits[0]}, day {digits[1:]} ({date}): a key of secret {current['secret']}, live until {date} " in said, said
    answer = b.json("verify", tagged)["digits"]
    assert answer["tag"] == digits and answer["key"]["tag"] == digits and answer["date"] == current["destroyed"], answer
    forged = b.ctl("verify", tagged.replace(digits, f"{(int(digits[0]) + 5) % 10}{digits[1:]}"), check=False).stdout
    assert forged.startswith("forged\n") and "no key of ours has that number and day; see batvctl keys" in forged, forged
    old = int(time.time()) // 86400 - 100
    gone = b.ctl("verify", f"prvs=1{old % 1000:03}abcdef=alice@example.com", check=False).stdout
    assert gone.startswith("expired\n") and f"({time.strftime('%F', time.gmtime(old * 86400))})" in gone, gone
    for address in "prvs=1=alice@example.com", "PRVS=2798abcdeg=alice@example.com":
        no = b.ctl("verify", address, check=False)
        assert no.returncode == 1 and no.stdout.startswith("missing\n"), no
        assert "tag       -, this is not a tag: expected prvs=KDDDSSSSSS=" in no.stdout, no
        assert b.json("verify", address)["digits"] is None
    assert "not a tag" not in b.ctl("verify", "alice@example.com", check=False).stdout


def test_without_rights(lab):
    """Each command says what to do, and nothing else."""
    needs_root("another user's state directory")
    b = batv(lab)
    (b.state_dir / "secret").chmod(0o600)
    b.state_dir.chmod(0o700)
    lab.write(b.dir / "out", "", mode=0o666)
    for argv in ["keys"], ["sign", "a@example.com"], ["rotate"], ["secret", "export"]:
        with open(b.dir / "out", "w") as out:
            done = subprocess.run([BUILD / "batvctl", "-c", b.conf_path, *argv], stdout=out, stderr=subprocess.PIPE, text=True,
                                  user=65534, group=65534, extra_groups=[])
        assert done.returncode == 3, done
        assert done.stderr == (f"batvctl: {b.state_dir}: cannot open the state directory: Permission denied; "
                               "run as root or batv\n"), done


def test_sign_with_options(lab):
    b = batv(lab, conf=CONF + "unsigned_destinations = lists.test\nunsigned_senders = robot@example.com\n"
                              "tag_style = subaddress\n[policy net]\ndomains = example.net\nsigning = off\n")
    assert re.fullmatch(r"alice\+prvs=\w{10}@example.com", b.sign("alice@example.com"))
    assert b.json("sign", "alice@example.com", "--rcpt", "x@lists.test")["answer"] == "left:destination"
    assert b.json("sign", "robot@example.com")["answer"] == "left:unsigned-sender"
    answer = b.json("sign", "alice@example.net")
    assert (answer["answer"], answer["policy"]) == ("left:off", "net"), answer


def test_at_another_time(lab):
    b = batv(lab)
    today, later = b.sign("a@example.com"), b.sign("a@example.com", "--at", "+10d")
    assert today != later
    assert b.json("verify", today, "--at", "+7d")["verdict"] == "valid"
    assert b.json("verify", today, "--at", "+16d")["verdict"] == "expired"
    assert b.json("keys", "--at", "-1d")["at"] < b.json("keys")["at"] - 86000
    assert b.json("verify", later)["verdict"] == "valid"       # published ahead
    assert b.ctl("sign", "a@example.com", "--at", "2028-01-01", check=False).returncode == 3
    now, then = b.json("keys"), b.json("keys", "--at", "+100d")
    assert now["fingerprint"] == then["fingerprint"] and now["keys"] != then["keys"]


def test_lists_without_an_exim(lab):
    b = batv(lab, conf="domains = +local_domains\n")
    done = b.ctl("sign", "a@example.com", check=False)
    assert done.returncode == 3, done
    assert 'not evaluated: list "+local_domains": no Exim was found, or exim = none' in done.stdout
    done = b.ctl("verify", "prvs=0001abcdef=a@example.com", check=False)
    assert done.returncode == 3 and done.stdout.startswith("not evaluated\n"), done
    assert "not evaluated" in b.ctl("check").stdout


def test_lists_asked_of_exim(lab):
    config = lab.write("exim.conf", f"""\
spool_directory = {lab.mkdir("spool")}
log_file_path = {lab.mkdir("log")}/%slog
domainlist local_domains = ours.test : *.ours.test
domainlist relay_to_domains =
hostlist relay_from_hosts = 127.0.0.1
addresslist robots = robot@ours.test
""")
    b = Batv(lab, conf="domains = +local_domains\nunsigned_senders = +robots\n", exim=f"{exim_binary()} -C {config}")
    done = b.ctl("check")
    assert "Exim was asked" in done.stdout, done
    assert is_signed(b.sign("a@x.ours.test"), "a@x.ours.test")
    assert b.json("sign", "robot@ours.test")["answer"] == "left:unsigned-sender"
    assert b.json("sign", "a@elsewhere.test")["answer"] == "left:not-ours"
    assert b.json("verify", b.sign("a@ours.test"), "--host", "127.0.0.1")["verdict"] == "valid"
    assert b.json("verify", "a@ours.test", "--host", "127.0.0.1")["reason"] == "own-host"
    assert b.json("verify", "a@ours.test", "--host", "192.0.2.7")["verdict"] == "missing"
    # Exim is not asked what it might expand.
    done = b.ctl("sign", '"${run{/bin/false}}"@x.ours.test', check=False)
    assert done.returncode == 3 and "might expand part of it" in done.stdout, done
    b.conf("domains = +locals\n")
    done = b.ctl("check", check=False)
    assert done.returncode == 2 and 'unknown named domain list "+locals"' in done.stdout, done
    assert "policy default, domains: +locals" in done.stdout, done


ROOTS_PLACE = """
mount -t tmpfs -o mode=755 tmpfs /mnt && mkdir /mnt/etc /mnt/bin && cp "$1" /mnt/etc/batv.conf && echo x >/mnt/etc/exim.conf
printf '#!/bin/sh\\nid -u >>/mnt/ran\\n[ "$3" = -be ] && echo yes || printf "exim_user = games\\\\nexim_group = games\\\\n"\\n' >/mnt/bin/exim
touch /mnt/ran && chmod 666 /mnt/ran
chmod 755 /mnt/bin/exim && chmod 644 /mnt/etc/* && ln -s bin/exim /mnt/exim && eval "$2"
"$3" -c /mnt/etc/batv.conf check 2>&1 || true; echo ran as: $(cat /mnt/ran 2>/dev/null)
"""


def test_root_runs_exim_out_of_roots_own_file_only(lab):
    """Otherwise write access to the file, the program, or a directory on the way would give root's rights."""
    needs_root("files of root's")
    state = lab.mkdir("state")

    def check(harm, command="/mnt/exim -C /mnt/etc/exim.conf"):
        conf = lab.write("batv.conf", f"directory = {state}\ndomains = +anything\nexim = {command}\n")
        done = lab.run(["unshare", "-m", "sh", "-euc", ROOTS_PLACE, "sh", conf, harm,
                        BUILD / "batvctl"], user="root", check=False)
        return done.stdout

    said = check("true")
    assert f"ran as: 0 {pwd.getpwnam('games').pw_uid} " in said and "not evaluated" not in said, said
    for harm, why in (("chown games /mnt/etc/batv.conf", "/mnt/etc/batv.conf: it does not belong to root"),
                      ("chmod 666 /mnt/etc/batv.conf", "/mnt/etc/batv.conf"),     # no configuration at all
                      ("chown games /mnt/etc", "/mnt/etc: it does not belong to root"),
                      ("chmod 1777 /mnt/etc", "/mnt/etc: users other than root may write to it"),
                      ("chmod g+w /mnt", "/mnt: users other than root may write to it"),
                      ("chown games /mnt/bin/exim", "/mnt/bin/exim: it does not belong to root"),
                      ("chmod 777 /mnt/bin", "/mnt/bin: users other than root may write to it"),
                      ("chown -h games /mnt/exim", "/mnt/exim: it does not belong to root"),
                      ("chown games /mnt/etc/exim.conf", "/mnt/etc/exim.conf: it does not belong to root"),
                      ("ln -sf loop /mnt/exim; ln -s exim /mnt/loop", "Too many levels of symbolic links")):
        said = check(harm)
        assert why in said and "ran as:\n" in said, (harm, said)
        assert "666" in harm or ("not evaluated" in said and "not run as root: " in said), (harm, said)


# -- status and check


def test_status(lab):
    b = batv(lab)
    done = b.status()
    assert "\n! no Exim has called" in done.stdout and "batvd          running" in done.stdout
    status = b.json("status")
    assert b.problems() == [] and status["notes"] == [] and status["state"]["usable"] is True
    assert status["secret_fingerprint"] == status["state"]["fingerprint"]
    assert len(status["state"]["keys"]) == 3 and status["domains"] == [] and status["domain_places"] == 16384
    b.stop()
    done = b.status()
    assert done.returncode == 1 and done.stdout.splitlines()[1].startswith("! batvd is not running"), done
    b.conf(CONF, grace="9d")
    assert any("changed since the state was published; start batvd" in p for p in b.json("status")["problems"])
    done = b.status("--at", "+60d")
    assert "has no key for this time" in done.stdout


def test_status_of_damage(lab):
    b = batv(lab)
    b.stop()
    for name, text in [("state", "state"), ("memory", "memory"), ("secret", "secret:1:")]:
        path = b.state_dir / name
        good = path.read_bytes()
        lab.write(path, b"rubbish\n", mode=0o600)
        assert any(f"{b.state_dir}/{text}" in p for p in b.json("status")["problems"]), b.json("status")
        lab.write(path, good, mode=0o600)
    (b.state_dir / "state").chmod(0o666)
    assert any("unsafe" in p for p in b.json("status")["problems"])


def test_check(lab):
    b = batv(lab, start=False)
    assert "right: 1 policy" in b.ctl("check").stdout
    assert json.loads(b.ctl("check", "--json").stdout)["ok"] is True
    for text, line in [("domains = a.test\ngrace = 7\n", "exim-batv.conf:3: grace"), ("nonsense\n", "exim-batv.conf:2"),
                       ("colour = red\n", 'exim-batv.conf:2: unknown option "colour"'), ("[policy a]\nsigning = on\n", "exim-batv.conf:2")]:
        b.conf(text)
        fails(b, 2, line, "check")
    b.conf(CONF, key_rotation="1d", key_retention="90d")
    fails(b, 2, "more than 64 live keys", "check")


# -- secrets


def test_rotate(lab):
    b = batv(lab)
    old = b.sign("a@example.com")
    done = b.ctl("rotate")
    assert "batvd has published it" in done.stdout, done
    new = b.sign("a@example.com")
    assert new != old and b.ctl("verify", old).returncode == 0 and b.ctl("verify", new).returncode == 0
    assert b.json("status")["state"]["breaks"] == []


def stand_still(b):
    """Stop batvd, but not while it holds the writers' lock."""
    def stopped():
        b.daemon.freeze()
        with open(b.state_dir / "lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                b.daemon.thaw()
                return False
    wait_until(stopped, 10, "batvd to stand still without the lock")


def rotations_at_once(b, *argvs):
    """Each batvctl waits for batvd, which stands still until all have written; then their words."""
    stand_still(b)
    before = number_of_secrets(b)
    running = []
    for count, argv in enumerate(argvs, 1):
        running.append(subprocess.Popen(b.lab._as_user([BUILD / "batvctl", "-c", b.conf_path, *argv], None, None), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=b.lab.environment()))
        wait_until(lambda: number_of_secrets(b) == before + count, 10, f"{argv} to write")
    b.daemon.thaw()
    return [(*process.communicate(timeout=30), process.returncode) for process in running]


def number_of_secrets(b):
    return len(re.findall(r"^secret ", (b.state_dir / "secret").read_text(), re.M))


def test_rotations_at_once(lab):
    """The first one's set is never published as it was: its change is, within the second one's."""
    b = batv(lab)
    wait_until(lambda: time.time() % 1 < 0.2, 10, "the beginning of a second")      # secrets begin with one
    told = rotations_at_once(b, ["rotate"], ["rotate"], ["rotate", "--at", "+1d"])
    numbers = [re.match(r"added secret (\d+)", out)[1] for out, _, _ in told]
    assert len(set(numbers)) == 3 and numbers == sorted(numbers, key=int), told
    for out, err, code in told:
        assert code == 0 and "batvd has published it" in out and err == "", told
    starts = dict(re.findall(r"^secret (\d+) (\d+) ", (b.state_dir / "secret").read_text(), re.M))
    if starts[numbers[0]] == starts[numbers[1]]:
        assert "but from " in told[0][0] and f"secret {numbers[1]} signs, which another batvctl added" in told[0][0], told
    else:       # on a busy machine a second has passed between them, and the first one's secret signs for that long
        assert "which signs from" in told[0][0], told
    assert "which signs from" in told[1][0] and "which signs from" in told[2][0], told
    signing = re.search(rf"^key {numbers[1]} ", (b.state_dir / "state").read_text(), re.M)
    assert signing, (b.state_dir / "state").read_text()


def test_a_rotation_that_was_undone_says_so(lab):
    b = batv(lab)
    secret = (b.state_dir / "secret").read_bytes()
    stand_still(b)
    rotate = subprocess.Popen(lab._as_user([BUILD / "batvctl", "-c", b.conf_path, "rotate"], None, None), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=lab.environment())
    wait_until(lambda: number_of_secrets(b) == 2, 10, "the second secret")
    lab.write(b.state_dir / "secret", secret, mode=0o600)       # somebody puts the backup back
    b.daemon.thaw()
    out, err = rotate.communicate(timeout=30)
    assert "but it has been removed since" in out and "signs from" not in out, (out, err)
    assert rotate.returncode == 3 and "not in force: another change of the secrets has replaced it" in out, (out, err)


def test_many_rotations_at_once_without_a_daemon(lab):
    b = batv(lab)
    b.stop()
    before = number_of_secrets(b)
    running = [subprocess.Popen(lab._as_user([BUILD / "batvctl", "-c", b.conf_path, "--json", "rotate"], None, None), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=lab.environment()) for _ in range(5)]
    told = [json.loads(process.communicate(timeout=30)[0]) for process in running]
    numbers = {t["secret"] for t in told}
    assert len(numbers) == 5 and all(t["published"] for t in told), told
    assert number_of_secrets(b) == before + 5
    kept = {int(n) for n in re.findall(r"^secret (\d+)", (b.state_dir / "secret").read_text(), re.M)}
    assert numbers <= kept, (numbers, kept)
    assert max(numbers) in {t["signs"] for t in told}, told


def test_rotate_at(lab):
    b = batv(lab)
    before = b.sign("a@example.com")
    answer = b.json("rotate", "--at", "+1d")
    assert answer["published"] is True and answer["revoked"] is False
    assert b.sign("a@example.com") == before
    after = b.sign("a@example.com", "--at", "+25h")
    assert after != before and b.ctl("verify", after).returncode == 0      # verifiable at once


def test_revoke(lab):
    b = batv(lab)
    old = b.sign("a@example.com")
    b.ctl("rotate", "--revoke")
    assert b.json("verify", old)["verdict"] == "forged"
    assert b.ctl("verify", b.sign("a@example.com")).returncode == 0
    (line,) = b.json("status")["state"]["breaks"]
    assert "was revoked" in line["why"] and line["until"] > time.time() + 7 * DAY
    # The flag travels.
    other = batv(lab, name="other")
    import_(other, export(b))
    assert other.json("verify", old)["verdict"] == "forged"


def test_rotate_without_a_daemon(lab):
    b = batv(lab)
    b.stop()
    old = b.sign("a@example.com")
    done = b.ctl("rotate")
    assert "batvd is not running" in done.stdout and b.sign("a@example.com") != old, done


def test_rotate_refuses_too_many(lab):
    b = batv(lab)
    for _ in range(30):
        done = b.ctl("rotate", check=False)
        if done.returncode:
            break
    before = (b.state_dir / "secret").read_bytes()
    fails(b, 1, "refused, nothing was changed", "rotate")
    assert (b.state_dir / "secret").read_bytes() == before
    assert b.problems() == []


def test_export_and_import(lab):
    a, b = batv(lab, name="a"), batv(lab, name="b")
    assert keys_text(a) != keys_text(b)
    a.ctl("rotate", "--at", "2026-12-20")
    old = b.sign("x@example.com")
    text = export(a)
    done = import_(b, text)
    assert "batvd has published it" in done.stdout, done
    # b keeps what it signed with, verify-only; so the sets differ until b's go back to a.
    assert b.ctl("verify", old).returncode == 0 and b.ctl("verify", a.sign("x@example.com")).returncode == 0
    import_(a, export(b))
    assert keys_text(a) == keys_text(b) and keys_text(a, "--show-secret") == keys_text(b, "--show-secret")
    assert a.json("keys", "--at", "2027-01-15") == b.json("keys", "--at", "2027-01-15")
    assert a.json("status")["secret_fingerprint"] == b.json("status")["secret_fingerprint"]
    assert a.sign("x@example.com") == b.sign("x@example.com")
    assert [c.json("status")["state"]["breaks"] for c in (a, b)] == [[], []]
    # Into a directory that has none yet.
    c = batv(lab, name="c", start=False)
    import_(c, text)
    c.start()
    assert c.sign("x@example.com") == a.sign("x@example.com")


def test_import_refuses(lab):
    b = batv(lab)
    text = export(b)
    other = re.sub(r"^(secret( \d+){4}) \w+", r"\1 " + "ab" * 32, text, flags=re.M)
    before = (b.state_dir / "secret").read_bytes()
    fails(b, 2, "standard input:1:", "secret", "import", input="rubbish\n")
    fails(b, 2, "standard input", "secret", "import", input="")
    fails(b, 2, "standard input:2:", "secret", "import", input=text.replace("\nsecret ", "\nsecret x", 1))
    cut = text[:text.index("\nmemory") + 1] if "\nmemory" in text else text[:text.index("\nend") + 1]
    fails(b, 2, "it was cut off on the way", "secret", "import", input=cut)
    fails(b, 1, "--force takes the incoming one", "secret", "import", input=other)
    assert (b.state_dir / "secret").read_bytes() == before
    done = import_(b, other, "--force")
    assert "was replaced" in done.stdout, done
    assert "was replaced" in b.json("status")["state"]["breaks"][0]["why"]
    assert import_(b, export(b)).returncode == 0       # the same again: nothing changes


def test_export_and_terminals(lab):
    b = batv(lab)
    ours, theirs = pty.openpty()
    argv = [str(a) for a in (BUILD / "batvctl", "-c", b.conf_path, "secret", "export")]
    done = subprocess.run(argv, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=10)
    assert done.returncode == 2 and "--force" in done.stderr, done
    done = subprocess.run([*argv, "--force"], stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=10)
    assert done.returncode == 0 and b"exim-batv secret 1" in os.read(ours, 4096), done
    os.close(ours), os.close(theirs)
    with open(lab.dir / "open", "w") as file:
        os.fchmod(file.fileno(), 0o644)
        done = subprocess.run(argv, stdout=file, stderr=subprocess.PIPE, text=True, timeout=10)
    assert done.returncode == 0 and "warning: other users can read" in done.stderr, done
    with open(lab.dir / "closed", "w") as file:
        os.fchmod(file.fileno(), 0o600)
        done = subprocess.run(argv, stdout=file, stderr=subprocess.PIPE, text=True, timeout=10)
    assert done.returncode == 0 and done.stderr == "", done


def test_key_bytes_are_not_shown(lab):
    b = batv(lab)
    shown = b.ctl("keys", "--show-secret").stdout
    key = re.search(r"\b[0-9a-f]{64}\b", shown)[0]
    for argv in ["keys"], ["keys", "--json"], ["status"], ["status", "--json"], ["sign", "a@example.com"]:
        assert not re.search(r"[0-9a-f]{64}", b.ctl(*argv, check=False).stdout), argv
    assert f'"key": "{key}"' in b.ctl("keys", "--json", "--show-secret").stdout


def test_as_somebody_else(lab):
    """A member of the directory's group, as Exim is, sees all but what needs the secret."""
    needs_root("another user")
    b = batv(lab)
    lab.own(b.state_dir)
    run = dict(user="nobody", group=lab.gid)
    assert is_signed(b.ctl("sign", "a@example.com", **run).stdout.split()[0], "a@example.com")
    status = json.loads(b.ctl("status", "--json", check=False, **run).stdout)
    assert len(status["problems"]) == 1 and status["problems"][0].startswith("no Exim has called"), status
    assert len(status["notes"]) == 2 and status["batvd"] == "not known", status
    fails(b, 3, "Permission denied; run as root or batv", "keys", **run)
    fails(b, 3, "only its owner or root", "rotate", **run)
