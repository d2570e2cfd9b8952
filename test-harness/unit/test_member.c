/* links: fleet/member fleet/roster fleet/saved fleet/payload core/base/span */
/*
 * test_member.c - what a host of the fleet says, asks and answers, and when.
 */
#include <stdlib.h>
#include <string.h>

#include "member.h"
#include "unit.h"

#define OWN 500
#define T0 INT64_C(1795824000000)
#define TODAY 20785
#define DAYS 3
#define P(i, s) batv_parcel_position(i, s)

static struct batv_roster_member members[8];
static struct batv_roster roster;
static struct batv_member member;
static int64_t now;

static void setup(void)
{
	now = T0;
	batv_roster_start(&roster, OWN, T0, members, 8);
	memset(&member, 0, sizeof member);
	batv_member_start(&member, &roster, 1, DAYS, now);
}

static struct batv_parcel say_on(enum batv_parcel_kind kind, uint16_t day, uint16_t today)
{
	struct batv_parcel p;

	ck_assert(batv_member_next(&member, kind, day, 0, now, today, now, &p));
	return p;
}

static struct batv_parcel say(enum batv_parcel_kind kind)
{
	return say_on(kind, TODAY, TODAY);
}

static struct batv_member_todo due(void)
{
	return batv_member_due(&member, now);
}

/* Does what is due, until nothing is.  Returns the last that was. */
static struct batv_member_todo settle(void)
{
	static uint8_t out[BATV_PARCEL_PAYLOAD_MAX];
	struct batv_member_todo todo, last = {.act = BATV_MEMBER_WAIT};
	size_t len;

	for (unsigned i = 0; (todo = due()).act != BATV_MEMBER_WAIT; i++) {
		ck_assert_uint_lt(i, 20);
		last = todo;
		switch (todo.act) {
		case BATV_MEMBER_MEMBERS: say(BATV_PARCEL_MEMBERS); break;
		case BATV_MEMBER_BEAT: say(BATV_PARCEL_BEAT); break;
		case BATV_MEMBER_ASK:
			batv_member_ask(&member, now, out, &len);
			say(BATV_PARCEL_ASK);
			break;
		case BATV_MEMBER_REPEAT:
			batv_member_repeated(&member, now, out);
			say(BATV_PARCEL_AGAIN);
			break;
		default: break;
		}
	}
	return last;
}

static void hear_ask(uint64_t host, uint64_t from, uint64_t to)
{
	const struct batv_payload_ask ask = {host, from, to};
	const struct batv_parcel p = {.host = 9, .kind = BATV_PARCEL_ASK, .count = 1};
	uint8_t out[BATV_PAYLOAD_ASK_LEN];

	batv_payload_put_ask(out, &ask);
	batv_member_heard(&member, &p, (struct batv_span){(char *)out, sizeof out}, now);
}

static void hear_beat(uint64_t host, uint64_t sequence)
{
	const struct batv_parcel p = {.host = host,
				      .position = P(1, sequence),
				      .kind = BATV_PARCEL_BEAT,
				      .until = now,
				      .floor = P(1, 1)};

	ck_assert_int_eq(batv_roster_hear(&roster, &p, (struct batv_span){0}, now),
			 BATV_ROSTER_NEW);
	batv_member_heard(&member, &p, (struct batv_span){0}, now);
}

/* ---- numbers ---- */

START_TEST(parcels_are_numbered_without_a_gap)
{
	for (unsigned i = 1; i < 50; i++) {
		const struct batv_parcel p = say(BATV_PARCEL_BEAT);

		ck_assert_uint_eq(p.position, P(1, i));
		ck_assert_uint_eq(p.host, OWN);
		ck_assert_int_eq(p.until, now);
		ck_assert_uint_eq(roster.own_position, p.position);
		now += 10;
	}
}
END_TEST

START_TEST(a_promise_is_never_taken_back)
{
	struct batv_parcel p;

	say(BATV_PARCEL_BEAT);
	ck_assert(batv_member_next(&member, BATV_PARCEL_ITEMS, TODAY, 1, 0, TODAY, now, &p));
	ck_assert_int_eq(p.until, T0);
}
END_TEST

START_TEST(numbers_end)
{
	struct batv_parcel p;

	member.last = P(1, BATV_PARCEL_SEQUENCE_MAX - 1);
	ck_assert(batv_member_next(&member, BATV_PARCEL_BEAT, 0, 0, now, TODAY, now, &p));
	ck_assert(!batv_member_next(&member, BATV_PARCEL_BEAT, 0, 0, now, TODAY, now, &p));
}
END_TEST

START_TEST(the_floor_rises_with_the_days)
{
	struct batv_parcel p = {0};
	uint64_t first[10];

	for (unsigned day = 0; day < 10; day++) {
		p = say_on(BATV_PARCEL_ITEMS, (uint16_t)(TODAY + day), (uint16_t)(TODAY + day));
		first[day] = p.position;
		say_on(BATV_PARCEL_MEMBERS, 0, (uint16_t)(TODAY + day));
		ck_assert_uint_eq(p.floor, first[day < DAYS + 1 ? 0 : day - DAYS - 1]);
	}
}
END_TEST

/* What it says of the members is never below the floor. */
START_TEST(the_floor_waits_for_members)
{
	struct batv_parcel p = say(BATV_PARCEL_MEMBERS);
	const uint64_t at = p.position;

	for (unsigned day = 1; day < 10; day++)
		p = say_on(BATV_PARCEL_ITEMS, (uint16_t)(TODAY + day), (uint16_t)(TODAY + day));
	ck_assert_uint_eq(p.floor, at);
	now += 4999; /* not more often */
	ck_assert_int_ne(due().act, BATV_MEMBER_MEMBERS);
	now++;
	ck_assert_int_eq(due().act, BATV_MEMBER_MEMBERS);
}
END_TEST

START_TEST(a_clock_that_was_wrong_for_a_day_takes_one_day)
{
	struct batv_parcel p;

	say(BATV_PARCEL_MEMBERS);
	say_on(BATV_PARCEL_ITEMS, TODAY + 300, TODAY + 300);
	p = say(BATV_PARCEL_ITEMS);
	ck_assert_uint_eq(p.floor, P(1, 1));
	ck_assert_uint_eq(member.n_marks, 2);
	ck_assert_uint_eq(member.mark[1].lowest, TODAY);
}
END_TEST

START_TEST(the_text_is_saved_when_it_says_something_new)
{
	ck_assert(!member.save);
	say(BATV_PARCEL_ITEMS);
	ck_assert(member.save);
	member.save = false;
	say(BATV_PARCEL_ITEMS);
	ck_assert(!member.save);
	say_on(BATV_PARCEL_ITEMS, TODAY - 1, TODAY);
	ck_assert(member.save);
}
END_TEST

/* ---- what is due ---- */

START_TEST(it_says_who_it_knows_and_then_beats)
{
	struct batv_member_todo todo;

	ck_assert_int_eq(due().act, BATV_MEMBER_MEMBERS);
	say(BATV_PARCEL_MEMBERS);
	todo = due();
	ck_assert_int_eq(todo.act, BATV_MEMBER_WAIT);
	ck_assert_int_eq(todo.when, now + BATV_MEMBER_LEAD);
	now = todo.when - 1;
	ck_assert_int_eq(due().act, BATV_MEMBER_WAIT);
	now++;
	ck_assert_int_eq(due().act, BATV_MEMBER_BEAT);
}
END_TEST

START_TEST(many_hosts_beat_slower)
{
	ck_assert_int_eq(batv_member_beat_ms(&member), 250);
	roster.n = 75;
	ck_assert_int_eq(batv_member_beat_ms(&member), 250);
	roster.n = 300;
	ck_assert_int_eq(batv_member_beat_ms(&member), 1000);
	roster.n = 0;
}
END_TEST

START_TEST(a_new_member_is_told_of)
{
	uint8_t out[1024];
	size_t len;

	settle();
	now += 5000;
	settle();
	now += 5000;
	hear_beat(7, 1);
	ck_assert_int_eq(due().act, BATV_MEMBER_MEMBERS);
	ck_assert_uint_eq(batv_member_members(&member, out, &len), 1);
	ck_assert_uint_eq(len, BATV_PAYLOAD_MEMBERS_HEAD + BATV_PAYLOAD_MEMBER_LEN);
	ck_assert_uint_eq(batv_payload_member((struct batv_span){(char *)out, len}, 0).host, 7);
	ck_assert_int_eq(batv_payload_since((struct batv_span){(char *)out, len}), T0);
}
END_TEST

START_TEST(a_gap_is_asked_for_and_less_and_less_often)
{
	static const int64_t waits[] = {1000, 3000, 6000, 12000, 24000, 48000, 60000, 60000};
	int64_t last = now;
	uint8_t out[1024];
	size_t len;

	hear_beat(7, 1);
	hear_beat(7, 4);
	roster.urgent = false;
	settle();
	for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		enum batv_member_act act;

		while ((act = due().act) != BATV_MEMBER_ASK) {
			ck_assert_int_lt(now, last + 2 * BATV_MEMBER_ASK_MAX);
			if (act == BATV_MEMBER_WAIT)
				now += 50;
			else
				say(act == BATV_MEMBER_BEAT ? BATV_PARCEL_BEAT
							    : BATV_PARCEL_MEMBERS);
		}
		ck_assert_int_ge(now - last, waits[i]);
		ck_assert_int_le(now - last, waits[i] + 250);
		last = now;
		ck_assert_uint_eq(batv_member_ask(&member, now, out, &len), 1);
		ck_assert_uint_eq(len, BATV_PAYLOAD_ASK_LEN);
		ck_assert_uint_eq(batv_payload_ask((struct batv_span){(char *)out, len}, 0).to,
				  P(1, 3));
	}
	hear_beat(7, 2);
	hear_beat(7, 3);
	now += 1000000;
	ck_assert_int_ne(settle().act, BATV_MEMBER_ASK);
}
END_TEST

START_TEST(nothing_is_asked_for_while_history_is_read)
{
	member.reading = true;
	hear_beat(7, 4);
	settle();
	now += 100000;
	settle();
	now += 100000;
	roster.urgent = false;
	ck_assert_int_eq(settle().act, BATV_MEMBER_BEAT);
	member.reading = false;
	settle();
	now += BATV_MEMBER_ASK_AFTER;
	ck_assert_int_eq(settle().act, BATV_MEMBER_ASK);
}
END_TEST

/* ---- answers ---- */

START_TEST(kept_parcels_are_sent_again_after_a_new_one)
{
	struct batv_member_todo todo;

	for (unsigned i = 0; i < 9; i++)
		say(BATV_PARCEL_ITEMS);
	settle();
	member.kept_from = P(1, 3);
	hear_ask(OWN, P(1, 4), P(1, 5));
	now += 200;
	ck_assert_int_eq(due().act, BATV_MEMBER_BEAT);
	say(BATV_PARCEL_BEAT);
	todo = due();
	ck_assert_int_eq(todo.act, BATV_MEMBER_RESEND);
	ck_assert(todo.from == P(1, 4) && todo.to == P(1, 5));
	ck_assert_int_eq(due().act, BATV_MEMBER_WAIT);
	hear_ask(OWN, P(1, 5), P(1, 5)); /* by another host, which has not heard it yet */
	ck_assert_int_eq(settle().act, BATV_MEMBER_WAIT);
	now += 3000;
	settle();
	hear_ask(OWN, P(1, 5), P(1, 99)); /* it was lost again; up to the last */
	todo = due();
	ck_assert_int_eq(todo.act, BATV_MEMBER_RESEND);
	ck_assert_uint_eq(todo.to, member.last);
	hear_ask(8, P(1, 5), P(1, 5)); /* of somebody else */
	ck_assert_int_eq(settle().act, BATV_MEMBER_WAIT);
}
END_TEST

START_TEST(a_server_that_is_back_gets_what_is_kept)
{
	struct batv_member_todo todo;

	settle();
	batv_member_back(&member); /* nothing is kept */
	ck_assert_int_eq(due().act, BATV_MEMBER_WAIT);
	member.kept_from = P(1, 1);
	batv_member_back(&member);
	todo = due();
	ck_assert_int_eq(todo.act, BATV_MEMBER_RESEND);
	ck_assert(todo.from == P(1, 1) && todo.to == member.last);
}
END_TEST

/* The parcels of the day before had items of a still earlier one. */
START_TEST(what_is_not_kept_is_repeated_by_days)
{
	uint8_t out[BATV_PAYLOAD_AGAIN_LEN];
	struct batv_member_todo todo;
	struct batv_payload_again again;

	say(BATV_PARCEL_ITEMS);
	say_on(BATV_PARCEL_ITEMS, TODAY + 1, TODAY + 1);
	say_on(BATV_PARCEL_ITEMS, TODAY - 1, TODAY + 1);
	say_on(BATV_PARCEL_ITEMS, TODAY + 2, TODAY + 2);
	member.members_due = false;
	hear_ask(OWN, P(1, 4), P(1, 4));
	ck_assert_int_eq(due().act, BATV_MEMBER_MEMBERS); /* repeated, too */
	say_on(BATV_PARCEL_MEMBERS, 0, TODAY + 2);
	todo = due();
	ck_assert_int_eq(todo.act, BATV_MEMBER_REPEAT);
	ck_assert_uint_eq(todo.day_from, TODAY + 2);
	say_on(BATV_PARCEL_ITEMS, TODAY + 2, TODAY + 2);
	hear_ask(OWN, P(1, 3), P(1, 3)); /* meanwhile */
	ck_assert_int_eq(due().act, BATV_MEMBER_WAIT);
	batv_member_repeated(&member, now, out);
	again = batv_payload_again((struct batv_span){(char *)out, sizeof out});
	ck_assert(again.first == P(1, 5) && again.from == P(1, 4) && again.to == P(1, 4));
	now += BATV_MEMBER_REPEAT_EVERY - 1;
	ck_assert_int_ne(settle().act, BATV_MEMBER_REPEAT);
	now++;
	member.members_at = member.last;
	todo = due();
	ck_assert_int_eq(todo.act, BATV_MEMBER_REPEAT);
	ck_assert_uint_eq(todo.day_from, TODAY - 1);
}
END_TEST

START_TEST(below_the_floor_nothing_is_owed)
{
	settle();
	member.kept_from = P(1, 1);
	hear_ask(OWN, 0, UINT64_MAX);
	ck_assert(!member.owes);
	ck_assert_uint_eq(due().from, P(1, 1));
}
END_TEST

START_TEST(who_left_only_sends_again)
{
	settle();
	say(BATV_PARCEL_LEAVE);
	now += 100000;
	ck_assert_int_eq(due().act, BATV_MEMBER_WAIT);
	member.kept_from = P(1, 1);
	hear_ask(OWN, P(1, 1), P(1, 1));
	ck_assert_int_eq(due().act, BATV_MEMBER_RESEND);
}
END_TEST

/* ---- the next start ---- */

static void start_again(uint32_t incarnation)
{
	struct batv_member read;
	char *text;
	size_t len;

	ck_assert_int_eq(batv_member_write(&member, &text, &len), BATV_OK);
	ck_assert_int_eq(batv_member_read(text, len, &read, NULL, NULL), BATV_OK);
	free(text);
	member = read;
	batv_member_start(&member, &roster, incarnation, DAYS, now);
}

START_TEST(a_start_repeats_what_came_after_the_text)
{
	uint8_t out[BATV_PAYLOAD_AGAIN_LEN];
	struct batv_payload_again again;

	say(BATV_PARCEL_ITEMS);
	say_on(BATV_PARCEL_ITEMS, TODAY + 1, TODAY + 1);
	start_again(2);
	ck_assert_uint_eq(member.floor, P(1, 1));
	say_on(BATV_PARCEL_MEMBERS, 0, TODAY + 1);
	ck_assert_int_eq(due().act, BATV_MEMBER_REPEAT);
	start_again(3); /* in the midst of it: it is owed still */
	ck_assert(member.owes);
	ck_assert_uint_eq(member.owed_from, P(1, 2));
	member.members_due = false;
	member.members_at = member.last;
	ck_assert_int_eq(due().act, BATV_MEMBER_REPEAT);
	batv_member_repeated(&member, now, out);
	again = batv_payload_again((struct batv_span){(char *)out, sizeof out});
	ck_assert_uint_eq(again.from, P(1, 2));
}
END_TEST

/* The same without a text between: the program goes on, with a new incarnation. */
START_TEST(a_start_in_place_owes_as_much)
{
	say(BATV_PARCEL_ITEMS);
	member.members_due = false;
	hear_ask(OWN, P(1, 1), P(1, 1));
	settle();
	batv_member_lost(&member);
	member.repeated = 0;
	member.members_at = member.last;
	member.members_due = false;
	ck_assert_int_eq(due().act, BATV_MEMBER_REPEAT);
	batv_member_start(&member, &roster, 2, DAYS, now);
	ck_assert(member.owes);
	ck_assert_uint_eq(member.owed_from, 0);
}
END_TEST

/* Without a text, no floor is said before all is repeated. */
START_TEST(a_start_without_text_repeats_all)
{
	struct batv_member_todo todo;
	struct batv_parcel p;
	uint8_t out[BATV_PAYLOAD_AGAIN_LEN];

	memset(&member, 0, sizeof member);
	batv_member_start(&member, &roster, 5, DAYS, now);
	p = say(BATV_PARCEL_MEMBERS);
	ck_assert_uint_eq(p.floor, 0);
	member.members_due = false;
	todo = due();
	ck_assert_int_eq(todo.act, BATV_MEMBER_REPEAT);
	ck_assert_uint_eq(todo.day_from, 0);
	ck_assert_uint_eq(say(BATV_PARCEL_ITEMS).floor, 0);
	batv_member_repeated(&member, now, out);
	ck_assert_uint_eq(batv_payload_again((struct batv_span){(char *)out, sizeof out}).from, 0);
	ck_assert_uint_eq(say(BATV_PARCEL_AGAIN).floor, P(5, 1));
}
END_TEST

START_TEST(a_server_that_lost_all_is_told_all)
{
	settle();
	say(BATV_PARCEL_BEAT);
	batv_member_lost(&member);
	ck_assert_int_eq(due().act, BATV_MEMBER_MEMBERS);
	say(BATV_PARCEL_MEMBERS);
	ck_assert_int_eq(due().act, BATV_MEMBER_REPEAT);
}
END_TEST

#define HEAD "exim-batv member 1\n"
static const char *const bad_texts[] = {
	"",
	"exim-batv member 2\nlast 5\nfloor 1\nowes 0\nend 3\n",
	HEAD "last 5\nfloor 1\nowes 0\n",
	HEAD "last 5\nfloor 1\nowes 0\nend 4\n",
	HEAD "last 5\nowes 0\nend 2\n",
	HEAD "last 5 6\nfloor 1\nowes 0\nend 3\n",
	HEAD "last 5\nfloor 6\nowes 0\nend 3\n",
	HEAD "last 5\nfloor 1\nowes 0\nmark 1 70000 7\nend 4\n",
	HEAD "last 5\nfloor 1\nowes 0\nmark 1 7 8\nend 4\n",
	HEAD "last 5\nfloor 1\nowes 0\nmark 6 7 7\nend 4\n",
	HEAD "last 5\nfloor 1\nowes 0\nmark 2 7 7\nmark 2 8 8\nend 5\n",
	HEAD "last 5\nfloor 1\nowes 0\nmark 2 7 7\nmark 3 7 7\nend 5\n",
	HEAD "last 5\nfloor 1\nowes 0\nmore 1 7 7\nend 4\n",
};

START_TEST(a_wrong_text_is_refused)
{
	struct batv_member read;
	const char *why = NULL;
	unsigned line = 0;

	ck_assert_int_eq(batv_member_read(bad_texts[_i], strlen(bad_texts[_i]), &read, &line, &why),
			 BATV_E_SYNTAX);
	ck_assert_ptr_nonnull(why);
	ck_assert_uint_ge(line, 1);
	ck_assert(read.last == 0 && read.n_marks == 0 && !read.owes);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("member");
	TCase *tc = tcase_create("member");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, parcels_are_numbered_without_a_gap);
	tcase_add_test(tc, a_promise_is_never_taken_back);
	tcase_add_test(tc, numbers_end);
	tcase_add_test(tc, the_floor_rises_with_the_days);
	tcase_add_test(tc, the_floor_waits_for_members);
	tcase_add_test(tc, a_clock_that_was_wrong_for_a_day_takes_one_day);
	tcase_add_test(tc, the_text_is_saved_when_it_says_something_new);
	tcase_add_test(tc, it_says_who_it_knows_and_then_beats);
	tcase_add_test(tc, many_hosts_beat_slower);
	tcase_add_test(tc, a_new_member_is_told_of);
	tcase_add_test(tc, a_gap_is_asked_for_and_less_and_less_often);
	tcase_add_test(tc, nothing_is_asked_for_while_history_is_read);
	tcase_add_test(tc, kept_parcels_are_sent_again_after_a_new_one);
	tcase_add_test(tc, a_server_that_is_back_gets_what_is_kept);
	tcase_add_test(tc, what_is_not_kept_is_repeated_by_days);
	tcase_add_test(tc, below_the_floor_nothing_is_owed);
	tcase_add_test(tc, who_left_only_sends_again);
	tcase_add_test(tc, a_start_repeats_what_came_after_the_text);
	tcase_add_test(tc, a_start_in_place_owes_as_much);
	tcase_add_test(tc, a_start_without_text_repeats_all);
	tcase_add_test(tc, a_server_that_lost_all_is_told_all);
	tcase_add_loop_test(tc, a_wrong_text_is_refused, 0, sizeof bad_texts / sizeof bad_texts[0]);
	suite_add_tcase(s, tc);
	return s;
}
