"""Exim's own ${prvs} as oracle: for the same key, number and day it makes the same tags as we do."""

import os
import random
import re

from batv import *

NOON = 1_900_000_000
ADDRESSES = 200             # for each live key
ATEXT = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~"
NOT_PLAIN = re.compile(r"prvs=|^srs[01][=+-]|^[#/|]")       # looks like one with a tag, or is never signed


def random_address(rng):
    """Lower-case, unquoted, and short enough to be signed."""
    while True:
        words, room = [], 48
        while room > 0 and (not words or rng.random() < 0.3):
            words.append("".join(rng.choices(ATEXT, k=rng.randint(1, min(room, rng.choice((8, 48)))))))
            room -= len(words[-1]) + 1
        local = ".".join(words)
        labels = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=rng.randint(1, 12)))
                  for _ in range(rng.randint(1, 4))]
        if len(local) <= 48 and not NOT_PLAIN.search(local):
            return f"{local}@{'.'.join(labels)}.test"


def literal(text):
    """TEXT as it must be written in a string that Exim expands."""
    return rf"\N{text}\N"


class TestOracle:

    def setup(self):
        self.seed = int.from_bytes(os.urandom(4), "big")
        self.lab.add_report(lambda: ("addresses", [f"seed {self.seed}"]))
        self.rng = random.Random(self.seed)
        self.lab.clock.set(NOON)
        self.batv = Batv(self.lab)
        self.batv.set(domains="*.test", key_rotation="3d", key_retention="4d")
        self.ours = batv_exim(self.lab, self.batv, "* 127.0.0.2::9", start=False, local_domains="*.test")
        # retained keys, those of two further secrets, and one secret that does not sign yet
        self.lab.clock.advance(5 * DAY)
        self.batv.ctl("rotate")
        self.lab.clock.advance(DAY)
        self.batv.ctl("rotate", "--at", "+6d")
        self.now = int(self.lab.clock.now())
        self.keys = self.batv.json("keys", "--show-secret")["keys"]
        self.batv.stop()            # the published keys must do from here on
        # {index of the key: {address: the oracle's tagged address}}
        self.made = {}

    def expand(self, when, lines):
        """Expand many strings in one Exim, at a time."""
        self.lab.clock.jump(when - self.lab.clock.now())
        answers = self.ours.exim("-be", input="".join(f"{line}\n" for line in lines)).stdout.splitlines()
        answers = [answer.removeprefix("> ") for answer in answers[:len(lines)]]
        assert len(answers) == len(lines), answers[-1:]
        return answers

    def day_of_prvs(self, key):
        """The middle of the day on which ${prvs} writes the day of this key: it adds a week to today."""
        return (key["destroyed"] // DAY - 7) * DAY + DAY // 2

    def test_the_oracle(self):
        """A known answer: the clock can be set so that ${prvs} writes the day that we want."""
        assert self.expand((20907 - 7) * DAY + 43200, ["${prvs{user@example.com}{secret}{0}}"]) == \
            ["prvs=0907dd3667=user@example.com"]

    def test_there_are_keys_of_all_kinds(self):
        kinds = [key["state"] for key in self.keys]
        assert kinds.count("current") == 1 and kinds.count("retained") >= 2 and kinds.count("next") >= 2, kinds
        assert len({key["secret"] for key in self.keys}) >= 3
        assert len(self.keys) * ADDRESSES >= 2000
        assert all(re.fullmatch("[0-9a-f]{64}", key["key"]) for key in self.keys)

    def test_prvs_of_every_live_key(self):
        for i, key in enumerate(self.keys):
            addresses = [random_address(self.rng) for _ in range(ADDRESSES)]
            tagged = self.expand(self.day_of_prvs(key), [
                f"${{prvs{{{literal(address)}}}{{{key['key']}}}{{{key['number']}}}}}" for address in addresses])
            self.made[i] = dict(zip(addresses, tagged))
            for address, tag in self.made[i].items():
                assert tag.startswith(f"prvs={key['number']}{key['day']}") and tag.endswith(f"={address}"), tag

    def test_we_make_the_same(self):
        """batv_sign in the time of each key that signs from now on."""
        signed = 0
        for i, key in enumerate(self.keys):
            if key["from"] is None or key["from"] >= key["until"] or key["until"] <= self.now:
                continue
            when = (max(key["from"], self.now) + key["until"]) // 2
            call = f"${{dlfunc{{{self.ours.so}}}{{batv_sign}}"
            ours = self.expand(when, [f"{call}{{{literal(address)}}}{{}}{{{when}}}{{an-id}}}}"
                                      for address in self.made[i]])
            assert ours == list(self.made[i].values())
            signed += len(ours)
        assert signed >= 600, signed

    def test_batvctl_makes_the_same(self):
        """Of retained keys too, by the time in which they signed."""
        self.lab.clock.jump(self.now - self.lab.clock.now())
        asked = 0
        for i, key in enumerate(self.keys):
            address, tagged = self.rng.choice(list(self.made[i].items()))
            answer = self.batv.json("verify", tagged)
            assert (answer["verdict"], answer["bare"], answer["key"]["day"]) == ("valid", address, key["day"])
            if key["from"] is not None and key["from"] < key["until"]:
                assert self.batv.sign(address, "--at", f"@{key['from']}") == tagged
                asked += key["until"] <= self.now
        assert asked >= 2, asked

    def test_we_accept_all_of_them(self):
        """Now, whichever key it is; and none with another last digit."""
        tagged = [tag for made in self.made.values() for tag in made.values()]
        assert len(tagged) >= 2000

        def verdicts(addresses):
            call = f"${{dlfunc{{{self.ours.so}}}{{batv_verdict}}"
            return self.expand(self.now, [f"{call}{{{literal(a)}}}}}" for a in addresses])
        assert set(verdicts(tagged)) == {"valid"}
        wrong = [f"{tag[:14]}{'0123456789abcdef'[int(tag[14], 16) - 1]}{tag[15:]}" for tag in tagged]
        assert "valid" not in verdicts(wrong)
