"""The secret is lost and made new: bounces of mail that was signed before look forged, and are let in until they have died out."""

import re
import time

from answers import *

NOON = 1_900_000_000
CONF_REJECT = CONF + "enforcement = reject\nmemory_capacity = 1k\n"


class Lost(Ours):
    def __init__(self, lab, conf=CONF_REJECT):
        self.lab = lab
        lab.clock.set(NOON)
        self.batv = Batv(lab, conf=conf)
        self.sink = Sink(lab)
        self.ours = batv_exim(lab, self.batv, self.sink)
        self.id = new_id()
        self.old = self.sent(self.id)
        self.copy = (self.batv.state_dir / "secret").read_text()
        self.number = int(re.search(r"^secret (\d+) ", self.copy, re.M)[1])
        self.dead = max(k["destroyed"] for k in self.batv.json("keys")["keys"] if k["state"] == "current")

    def sent(self, message_id=None):
        count = len(self.sink.messages)
        self.write("erin@theirs.test", message_id or new_id())
        address = self.sink.wait(count + 1)[-1].sender
        assert is_signed(address, "alice@test")
        return address

    def lose(self):
        self.batv.stop()
        (self.batv.state_dir / "secret").unlink()
        self.batv.start()

    def bounced(self, rcpt):
        """(code, verdict, action, reason) of a bounce from outside."""
        mark = os.urandom(6).hex()
        # an id of nobody's, and no tag in what is returned: the envelope alone speaks
        code, line = self.replay(bounce(rcpt, "nobody@theirs.test", message_id=new_id("unknown")), rcpt, mark=mark)
        if code == 250 and line["action"] == "mark":
            status = self.status_of("alice@test", mark)
            assert status.startswith(f"{line['verdict']}; action=mark; mode={line['mode']};"), status
            assert f"; reason={line['reason']};" in status, status
        return code, line["verdict"], line["action"], line["reason"]

    def problems(self):
        return [p for p in self.batv.json("status")["problems"] if "was lost" in p]


FORGED_IN = (250, "forged", "mark", "lost-secret")
FORGED_OUT = (550, "forged", "reject", "-")
BARE_OUT = (550, "missing", "reject", "-")


def test_a_lost_secret(lab):
    site = Lost(lab)
    assert site.bounced(site.old)[:3] == (250, "valid", "accept")
    assert site.bounced("prvs=0123abcdef=alice@test") == FORGED_OUT
    site.lose()
    new = site.sent()
    assert new != site.old
    assert site.bounced(site.old) == FORGED_IN
    assert site.bounced("prvs=0123abcdef=alice@test") == FORGED_IN
    assert site.bounced(new)[:3] == (250, "valid", "accept")
    assert site.bounced("alice@test") == BARE_OUT
    # what was sent is still remembered
    site.remembered(bounce("alice@test", message_id=site.id), "dsn", "id", site.id)
    # status names it, the reason, and the day
    (problem,) = site.problems()
    day = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(site.dead))
    assert f"secret {site.number} was lost" in problem and day in problem and "reason=lost-secret" in problem, problem
    assert site.batv.json("status")["state"]["lost_until"] == site.dead
    assert site.batv.ctl("status", check=False).returncode == 1
    site.batv.set(CONF_REJECT, exim=f"{lab.dir}/ours/bin/exim -C {lab.dir}/ours/exim.conf")
    verify = site.batv.json("verify", site.old)
    assert (verify["verdict"], verify["action"], verify["reason"]) == ("forged", "mark", "lost-secret"), verify
    # nothing is forgotten over a restart, nor by a later loss of nothing
    site.batv.stop()
    site.batv.start()
    assert site.bounced(site.old) == FORGED_IN and len(site.problems()) == 1


def test_until_the_last_tag_is_dead(lab):
    site = Lost(lab)
    site.lose()
    lab.clock.advance(site.dead - lab.clock.now() - 120)
    assert site.bounced("prvs=0123abcdef=alice@test") == FORGED_IN
    assert len(site.problems()) == 1
    lab.clock.advance(180)
    assert site.bounced("prvs=0123abcdef=alice@test") == FORGED_OUT
    assert site.bounced(site.old)[:3] in ((550, "expired", "reject"), (550, "forged", "reject"))
    assert site.bounced("alice@test") == BARE_OUT
    assert site.problems() == []
    assert site.batv.json("status")["state"]["lost_until"] is None


def test_the_copy_is_put_back(lab):
    site = Lost(lab)
    site.lose()
    new = site.sent()
    site.batv.ctl("secret", "import", input=site.copy)
    assert site.bounced(site.old)[:3] == (250, "valid", "accept")
    assert site.bounced(new)[:3] == (250, "valid", "accept")
    assert site.bounced("prvs=0123abcdef=alice@test") == FORGED_OUT
    assert site.problems() == []


def test_auto_is_disarmed(lab):
    """Nothing at all is refused then, until those tags are dead."""
    site = Lost(lab, CONF.replace("+local_domains", "test") + "key_rotation = 1d\nkey_retention = 1d\ngrace = 1d\nmemory_capacity = 1k\n")
    for _ in range(3):
        lab.clock.advance(DAY)
        site.sent()
        site.batv.reload()
    assert site.bounced("alice@test") == BARE_OUT
    site.lose()
    assert site.bounced("alice@test") == (250, "missing", "mark", "not-armed")
    assert site.bounced(site.old)[0] == 250


def test_lost_with_the_state(lab):
    """Only the memory tells that mail had left signed."""
    site = Lost(lab)
    site.batv.stop()
    (site.batv.state_dir / "secret").unlink()
    (site.batv.state_dir / "state").unlink()
    site.batv.start()
    assert site.bounced(site.old) == FORGED_IN
    assert site.bounced("alice@test") == BARE_OUT
    assert "a secret was lost" in site.problems()[0]


def test_a_revoked_secret_is_refused(lab):
    """A thief has its tags: that is what --revoke is for."""
    site = Lost(lab)
    site.batv.ctl("rotate", "--revoke")
    assert site.bounced(site.old)[:3] == (550, "forged", "reject")
    assert site.problems() == []
