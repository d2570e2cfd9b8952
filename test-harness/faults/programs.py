"""The programs that are hurt: what each finds, what it is told to do, and how to see that it is done."""

import re
import time

from place import BUILD, File, Files, small

LIST = "".join(f"<{n}@test> user{n}@test\n" for n in range(3)).encode()


def text_file(place, text, mode):
    data = text if isinstance(text, bytes) else text.encode()
    return File(mode, place.uid, place.gid, len(data), {0: data})


class Worlds:
    """What programs find; made once for each place, by unhurt programs."""

    def __init__(self, place):
        self.place = place
        place.write_conf()
        place.restore({})
        place.unhurt_daemon()
        self.fresh = place.world()
        place.ctl("rotate")
        place.ctl("enforce", "observe", "test")
        self.base = place.world()
        place.restore({})
        place.unhurt_daemon()
        self.export = place.ctl("secret", "export").encode()       # another server's

    def without(self, *names):
        return {name: file for name, file in self.base.items() if name not in names}

    def edited(self, name, function):
        return {**self.base, name: text_file(self.place, function(small(self.base[name])), self.base[name].mode)}

    def damaged(self):
        memory = self.base["memory"]
        return {**self.base, "memory": memory._replace(pages={**memory.pages, 0: bytes(range(256)) * 16})}

    def after_crash(self):
        left = text_file(self.place, "left", 0o600)
        return {**self.base, ".secret.new": left, ".memory.7.new": left, ".overrides.new": left, ".manifest.new": left}

    def old_secret(self):
        return self.edited("secret", lambda text: re.sub(rb"(?m)^memory .*\n", b"", text))

    def ended_override(self):
        line = f"enforcement other.test observe {int(time.time()) - 5} root\n".encode()
        return self.edited("overrides", lambda text: text + line)

    def shared(self):
        return self.edited("secret", lambda text: re.sub(rb"(?m)^(secret .*)$", rb"\1 shared", text))


class Program:
    """One program.  ARGV is batvctl's; without it, it is batvd.

    world: what it finds, of Worlds; conf: settings; later: settings that are written once batvd is ready, before SIGHUP;
    hup: SIGHUP is sent; beside: an unhurt batvd runs; done: is it done, (place, files before, files after, Run);
    withdraws: published keys may end; loses: the memory's key may change; leaves: unfinished files may stay till the next start.
    """

    machine = None          # it needs none of its own
    point = None            # what hurts it, if that is another one

    def __init__(self, name, world, argv=None, *, conf=None, later=None, hup=False, beside=False, stdin=None, done=None,
                 withdraws=False, loses=False, leaves=False):
        self.name, self.world, self.argv, self.conf, self.later = name, world, argv, conf or {}, later
        self.hup, self.beside, self.stdin, self.done = hup or later is not None, beside, stdin, done
        self.withdraws, self.loses, self.leaves = withdraws, loses, leaves

    def command(self, place):
        return [BUILD / "batvctl", "-c", place.conf, *self.argv]


def published_new(place, before, after, run):
    """A secret was added, and its keys are published."""
    new = set(after.secret.secrets) - set(before.secret.secrets)
    return len(new) == 1 and after.signs(*new)


def all_revoked(place, before, after, run):
    return published_new(place, before, after, run) and not any(map(after.signs, before.secret.secrets)) and all(
        any(flag.startswith("revoked=") for flag in after.secret.flags[number]) for number in before.secret.secrets)


def imported(place, before, after, run):
    new = set(after.secret.secrets) - set(before.secret.secrets)
    return len(new) == 1 and after.signs(*new) and after.state.has("shared")


def exported(place, before, after, run):
    """All is on standard output, and marked as shared, or it is said that this is not published yet."""
    said = "warning: the secrets are marked as shared: " in run.err
    return run.out.encode() == small(after.world["secret"]) and (after.state.has("shared") or said)


def backed_up(place, before, after, run):
    return run.out.encode() == small(after.world["secret"])


def unshared(place, before, after, run):
    return not after.state.has("shared") and not any("shared" in f for f in after.secret.flags.values())


def enforced(mode):
    def done(place, before, after, run):
        line = rf"override enforcement test {mode} 0"
        return after.state.has(line) and f"enforcement test {mode} - ".encode() in after.overrides
    return done


def no_longer_enforced(place, before, after, run):
    return not after.overrides and not after.state.has("override .*")


def remembered(place, before, after, run):
    """A second time everything is known."""
    return "remembered 0 Message-IDs and 0 pairs of people; 3 and 0 were known" in place.ctl("remember", "-", stdin=LIST)


def printed_whole(place, before, after, run):
    """All families, the last one last; a part that could not be read is a number that says so."""
    return run.out.count("# TYPE batv_") >= 24 and re.search(r"\nbatv_state_usable [01]\n", run.out) and run.out.endswith("\n") and \
        "batv_recall_total" in run.out.splitlines()[-1]


PROGRAMS = [
    Program("batvd: first start", lambda w: {}),
    Program("batvd: restart", lambda w: w.base),
    Program("batvd: SIGHUP", lambda w: w.base, hup=True),
    Program("batvd: changed key_rotation", lambda w: w.base, conf={"key_rotation": "14d"}),
    Program("batvd: changed key_rotation, SIGHUP", lambda w: w.base, later={"key_rotation": "14d"}),
    Program("batvd: another memory_capacity", lambda w: w.base, conf={"memory_capacity": "2k"}),
    Program("batvd: another memory_capacity, SIGHUP", lambda w: w.base, later={"memory_capacity": "2k"}),
    Program("batvd: lost memory", lambda w: w.without("memory")),
    Program("batvd: damaged memory", lambda w: w.damaged()),
    Program("batvd: lost state", lambda w: w.without("state")),
    Program("batvd: lost secret", lambda w: w.without("secret"), withdraws=True),
    Program("batvd: secret without a memory key", lambda w: w.old_secret()),
    Program("batvd: what a crash left", lambda w: w.after_crash(), leaves=True),
    Program("batvd: an override that has ended", lambda w: w.ended_override()),
    Program("batvd: wrong configuration", lambda w: w.base, conf={"grace": "soon"}),
    Program("rotate", lambda w: w.base, ["rotate"], done=published_new),
    Program("rotate --revoke", lambda w: w.base, ["rotate", "--revoke"], done=all_revoked, withdraws=True),
    Program("secret import", lambda w: w.base, ["secret", "import"], stdin=lambda w: w.export, done=imported, loses=True),
    Program("secret import, first", lambda w: {}, ["secret", "import"], stdin=lambda w: w.export),
    Program("secret export", lambda w: w.base, ["secret", "export"], done=exported),
    Program("secret export --backup", lambda w: w.base, ["secret", "export", "--backup"], done=backed_up),
    Program("secret unshare", lambda w: w.shared(), ["secret", "unshare"], done=unshared),
    Program("enforce reject", lambda w: w.base, ["enforce", "reject", "test"], done=enforced("reject")),
    Program("enforce auto", lambda w: w.base, ["enforce", "auto", "test"], done=no_longer_enforced),
    Program("remember", lambda w: w.base, ["remember", "-"], stdin=lambda w: LIST, done=remembered),
    Program("metrics", lambda w: w.base, ["metrics"], done=printed_whole),
    Program("rotate beside batvd", lambda w: w.base, ["rotate"], beside=True, done=published_new),
    Program("rotate --revoke beside batvd", lambda w: w.base, ["rotate", "--revoke"], beside=True, done=all_revoked,
            withdraws=True),
    Program("secret import beside batvd", lambda w: w.base, ["secret", "import"], beside=True,
            stdin=lambda w: w.export, done=imported, loses=True),
    Program("secret export beside batvd", lambda w: w.base, ["secret", "export"], beside=True, done=exported),
    Program("enforce reject beside batvd", lambda w: w.base, ["enforce", "reject", "test"], beside=True,
            done=enforced("reject")),
]
