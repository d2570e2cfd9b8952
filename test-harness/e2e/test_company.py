"""A small company plays four weeks of mail: nothing legitimate is refused, and backscatter is.  See docs/company.md."""

import os
import random
from collections import Counter

from company_attackers import Attackers
from company_days import *
from company_ledger import table

WEEKS = 4
LEGITIMATE = """bounce to the tag, bounce that returns nothing, bounce of a newsletter, bounce of the list's mail, bounce of the group's mail,
    bounce to From that returns the tag, bounce to From that returns the id, bounce to a tag that is under attack,
    out-of-office to the tag, out-of-office that cites, out-of-office without id, answer in the corpus's formats,
    receipt, receipt without id, meeting reply, journal report, quota notice, parcel notice, DMARC report, ticket,
    bounce of another account, fetchmail here, fetchmail elsewhere, bounce of a host inside,
    made by a real server (HELO mx.exim.test), made by a real server (HELO pigeonhole.test)"""
# All that attackers may get something for: bounces to the tag that they have, and hints, so many in a day.
TAG = "bounce to the stolen tag", "stolen tag in what is returned", "flood on the stolen tag, one network"
HINTS_A_DAY = {"bounce that cites the customer's id": 20, "forged bounce of another account": 5}


def play(company, n):
    seed = random.Random(int(os.environ.get("SEED") or 1))
    days, attackers = Days(company, seed, n), Attackers(company, seed, n)
    for day in range(7 * WEEKS):
        if day == 8:
            company.servers["mx-reject"].batv.set(CONF, enforcement="reject")
            company.armed["mx-reject"] = True
        days.send()
        days.receive()
        attackers.receive()
        company.next_day()


def check_legitimate(outcomes):
    kinds = {o.kind for o in outcomes if o.group == "legitimate"}
    missing = {" ".join(kind.split()) for kind in LEGITIMATE.split(",")} - kinds
    assert not missing, missing
    refused = [o for o in outcomes if o.group == "legitimate" and o.code != 250]
    assert not refused, "legitimate mail that was refused:\n" + "\n".join(sorted(map(str, refused)))


def check_backscatter(name, outcomes):
    spam = [o for o in outcomes if (o.group, o.kind) == ("backscatter", "DSN")]
    assert len(spam) > 60 and sum(o.code == 550 for o in spam) >= 0.99 * len(spam), name


def check_attacks(name, outcomes, limited):
    """LIMITED: without a limit over all servers that share the secret, a flood on a tag is only logged."""
    attacks = [o for o in outcomes if o.group == "attack"]
    hints = Counter((o.kind, o.day) for o in attacks if o.kind in HINTS_A_DAY and o.code == 250)
    gained = [o for o in attacks if o.code == 250 and o.kind not in (*TAG, *HINTS_A_DAY)]
    assert not gained and all(n <= HINTS_A_DAY[kind] for (kind, _), n in hints.items()), (name, hints, gained)
    flood = [o.code for o in attacks if o.kind == TAG[2]]
    assert len(flood) == FLOOD_BASE + 30 and 550 not in flood and (451 in flood) == limited, (name, flood)
    assert not limited or flood.count(250) <= FLOOD_BASE + 20, (name, flood)


@timeout(3600)
def test_four_weeks(lab):
    company = Company(lab)
    play(company, int(os.environ.get("N") or 1))
    text = "\n".join(table(company.outcomes, list(company.servers)))
    (BUILD / "company.md").write_text(text + "\n")
    print(text)
    check_legitimate(company.outcomes)
    for name, (batv, _) in company.servers.items():
        assert name == "mx-reject" or company.is_armed(batv), f"{name} is not armed at the end"
        armed = [o for o in company.outcomes if o.server == name and o.armed]
        check_backscatter(name, armed)
        check_attacks(name, armed, limited=name == "relay")
