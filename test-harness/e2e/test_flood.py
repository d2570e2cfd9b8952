"""A tag or an id that is used far too often is deferred: list archives show live ones to everybody."""

from batv import *

LIMIT = 1000        # local_scan/flood.h, BATV_FLOOD_A_DAY


@timeout(180)
def test_bounces_to_one_tag(lab):
    batv = Batv(lab, conf="domains = test\nown_hosts = 127.0.0.1\nenforcement = reject\n")
    ours = batv_exim(lab, batv, Sink(lab), options={"queue_only": "true", "smtp_accept_max_per_connection": "2000"})
    tagged, other = batv.sign("alice@test"), batv.sign("bob@test")
    mail = bounce(tagged)
    with ours.smtp("127.0.0.9") as session:
        codes = [session.send("", tagged, mail).data.code for _ in range(LIMIT)]
        assert set(codes) == {250}, set(codes)
        assert not ours.mainlog(OUR_LINE + "flood=")
        late = session.send("", tagged, mail).data
        assert late.code == 451 and late.text.startswith("4.7.1"), late
        assert session.send("", other, bounce(other)).data.code == 250
    (line,) = ours.mainlog(OUR_LINE + "flood=tag")
    assert f"count={LIMIT + 1} limit={LIMIT} a day action=deferred rcpt=<{tagged}>" in line
