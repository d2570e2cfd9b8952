/* links: fleet/roster fleet/roster_text fleet/member fleet/saved fleet/payload core/base/span */
/*
 * fuzz_roster.c - any bytes as the text of a roster, or of a member: what is taken is whole, is
 * written and read back to the same, and what follows from it is within its limits.
 */
#include "member.h"
#include "reach.h"
#include "roster_text.h"

#define MEMBERS 5

enum { REFUSED, ROSTER, WITH_MEMBERS, GAPS, AGAIN, PROMISED, MEMBER, OWES, REPEATS, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"refused",  "roster", "with_members", "gaps",    "again",
	"promised", "member", "owes",         "repeats",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static void check_again(const char *text, size_t len)
{
	static struct batv_roster_member other[MEMBERS];
	struct batv_roster again = {.own = 77, .room = MEMBERS, .member = other};
	char *second;
	size_t n;

	must(batv_roster_text_read(text, len, &again, NULL, NULL) == BATV_OK);
	must(batv_roster_text_write(&again, &second, &n) == BATV_OK);
	must(n == len && memcmp(text, second, n) == 0);
	free(second);
}

static void check_member(struct batv_roster_member *m, int64_t now)
{
	struct batv_payload_ask gap[BATV_ROSTER_RANGES + 1];
	const size_t n = batv_roster_gaps(m, gap, BATV_ROSTER_RANGES + 1);

	must(n <= BATV_ROSTER_RANGES && batv_roster_member_until(m) == 0); /* not sampled yet */
	m->sampled = true;
	must(batv_roster_member_until(m) >= 0);
	for (size_t i = 0; i < n; i++)
		must(gap[i].from <= gap[i].to);
	if (n > 0)
		reached(GAPS);
	if (m->n_again > 0)
		reached(AGAIN);
	(void)now;
}

static void check_roster(struct batv_roster *roster)
{
	const int64_t now = INT64_C(1795824000000);
	int64_t until;
	char *text;
	size_t len;

	must(batv_roster_text_write(roster, &text, &len) == BATV_OK);
	check_again(text, len);
	free(text);
	for (size_t i = 0; i < roster->n; i++)
		check_member(&roster->member[i], now);
	until = batv_roster_until(roster, now);
	must(until >= 0 && until <= now);
	if (roster->n > 0)
		reached(WITH_MEMBERS);
	if (roster->n > 0 && until != 0 && until != now)
		reached(PROMISED);
	(void)batv_roster_since(roster);
	batv_roster_prune(roster, now);
}

/* A start with it, and what is due then. */
static void start_member(struct batv_member *m, struct batv_roster *roster)
{
	struct batv_member_todo todo;
	struct batv_parcel p;

	batv_member_start(m, roster, 0xffff, 14, 5000);
	if (m->owes)
		reached(OWES);
	for (unsigned i = 0; i < 8; i++) {
		uint8_t out[BATV_PAYLOAD_AGAIN_LEN];

		todo = batv_member_due(m, 5000 + i);
		if (todo.act == BATV_MEMBER_REPEAT) {
			reached(REPEATS);
			batv_member_repeated(m, 5000, out);
		}
		must(batv_member_next(
			m, todo.act == BATV_MEMBER_MEMBERS ? BATV_PARCEL_MEMBERS : BATV_PARCEL_BEAT,
			0, 0, 5000, 20785, 5000 + i, &p));
		must(p.floor <= p.position && p.host == 77);
	}
}

static void check_member_text(struct batv_member *m)
{
	static struct batv_roster_member none[1];
	struct batv_roster roster;
	struct batv_member again;
	char *text, *second;
	size_t len, n;

	must(batv_member_write(m, &text, &len) == BATV_OK);
	must(batv_member_read(text, len, &again, NULL, NULL) == BATV_OK);
	must(batv_member_write(&again, &second, &n) == BATV_OK);
	must(n == len && memcmp(text, second, n) == 0);
	free(text);
	free(second);
	reached(MEMBER);
	batv_roster_start(&roster, 77, 0, none, 1);
	start_member(m, &roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct batv_roster_member members[MEMBERS];
	struct batv_roster roster = {.own = 77, .room = MEMBERS, .member = members};
	struct batv_member member;
	char *text = reach_text(data, size);
	const char *why = NULL, *second = NULL;
	unsigned line = 0;

	if (batv_roster_text_read(text, size, &roster, &line, &why) == BATV_OK) {
		reached(ROSTER);
		must(!why);
		check_roster(&roster);
	} else if (batv_member_read(text, size, &member, &line, &second) == BATV_OK) {
		check_member_text(&member);
	} else {
		reached(REFUSED);
		must(why && second && roster.n == 0 && member.n_marks == 0);
	}
	free(text);
	return 0;
}
