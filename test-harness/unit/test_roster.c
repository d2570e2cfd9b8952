/* links: fleet/roster fleet/payload core/base/span */
/*
 * test_roster.c - how far the roster says that hosts were heard, rule by rule.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster_lab.h"
#include "unit.h"

static int64_t until(void)
{
	return batv_roster_until(&roster, T0 + 1000000);
}

static const int64_t slack = BATV_ROSTER_SLACK;

static size_t gaps_of(uint64_t host)
{
	return batv_roster_gaps(batv_roster_find(&roster, host), NULL, 0);
}

/* ---- one host ---- */

START_TEST(alone_is_now)
{
	ck_assert_int_eq(batv_roster_until(&roster, T0 + 5), T0 + 5);
	ck_assert_int_eq(batv_roster_since(&roster), T0);
}
END_TEST

START_TEST(each_parcel_promises_more)
{
	for (unsigned i = 1; i < 100; i++) {
		ck_assert_int_eq(hear(1, P(1, i), T0 + i), BATV_ROSTER_NEW);
		ck_assert_int_eq(until(), T0 + i - slack);
		ck_assert_int_eq(hear(1, P(1, i), T0 + i), BATV_ROSTER_DUPLICATE);
	}
	ck_assert_uint_eq(batv_roster_find(&roster, 1)->n, 1);
	ck_assert_ptr_null(batv_roster_find(&roster, 2));
}
END_TEST

START_TEST(a_gap_holds_it_until_it_is_closed)
{
	struct batv_payload_ask gap[2];

	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 4), T0 + 4);
	ck_assert_int_eq(until(), T0 + 1 - slack);
	ck_assert_uint_eq(batv_roster_gaps(batv_roster_find(&roster, 1), gap, 2), 1);
	ck_assert(gap[0].host == 1 && gap[0].from == P(1, 2) && gap[0].to == P(1, 3));
	hear(1, P(1, 3), T0 + 3);
	ck_assert_int_eq(until(), T0 + 1 - slack);
	hear(1, P(1, 2), T0 + 2);
	ck_assert_int_eq(until(), T0 + 4 - slack);
	ck_assert_uint_eq(gaps_of(1), 0);
}
END_TEST

START_TEST(the_slowest_host_counts)
{
	hear(1, P(1, 1), T0 + 700);
	hear(2, P(1, 1), T0 + 500);
	hear(3, P(1, 1), T0 + 900);
	ck_assert_int_eq(until(), T0 + 500 - slack);
	hear(2, P(1, 2), T0 + 800);
	ck_assert_int_eq(until(), T0 + 700 - slack);
}
END_TEST

START_TEST(without_its_first_parcels_a_host_promises_nothing)
{
	hear(1, P(1, 2), T0 + 2);
	ck_assert_int_eq(until(), 0);
	ck_assert_uint_eq(gaps_of(1), 1);
	hear(1, P(1, 1), T0 + 1);
	ck_assert_int_eq(until(), T0 + 2 - slack);
}
END_TEST

START_TEST(a_parcel_without_promise_keeps_the_last_one)
{
	hear(1, P(1, 1), T0 + 1);
	hear_with(beat(1, P(1, 2), 0), NULL, 0, T0 + 2);
	ck_assert_int_eq(until(), T0 + 1 - slack);
	hear_with(beat(2, P(1, 1), 0), NULL, 0, T0 + 2);
	ck_assert_int_eq(until(), 0);
}
END_TEST

/* ---- clocks ---- */

START_TEST(a_clock_that_is_ahead_promises_no_more)
{
	hear_with(beat(1, P(1, 1), T0 + 3600000), NULL, 0, T0); /* an hour */
	ck_assert_int_eq(until(), T0 - slack);
	hear_with(beat(1, P(1, 2), T0 + 3600900), NULL, 0, T0 + 1000); /* slower, by 100 ms */
	ck_assert_int_eq(until(), T0 + 900 - slack);
	ck_assert_int_eq(batv_roster_find(&roster, 1)->offset, 3600000);
}
END_TEST

START_TEST(a_clock_that_is_slow_promises_less)
{
	hear_with(beat(1, P(1, 1), T0), NULL, 0, T0 + 3600000);
	ck_assert_int_eq(until(), T0 - slack);
}
END_TEST

/* A clock that was set right at a start counts as ahead for a while, and then no longer. */
START_TEST(a_clock_is_believed_to_be_ahead_for_two_windows)
{
	const int64_t window = BATV_ROSTER_WINDOW;
	int64_t t = T0 + 20;

	hear_with(beat(1, P(1, 1), T0 + 5000), NULL, 0, T0);
	hear_with(beat(1, P(2, 1), T0 + 10), NULL, 0, T0 + 10);
	ck_assert_int_eq(until(), T0 - slack); /* up to the gap */
	hear_again(1, P(2, 2), t, P(2, 1), P(1, 2), P(2, 0));
	ck_assert_int_eq(until(), t - 5000 - slack);
	hear(1, P(2, 3), t = T0 + window);
	ck_assert_int_eq(batv_roster_until(&roster, t), t - 5000 - slack);
	hear(1, P(2, 4), t = T0 + 2 * window - 1);
	ck_assert_int_eq(batv_roster_until(&roster, t), t - 5000 - slack);
	hear(1, P(2, 5), t = T0 + 2 * window);
	ck_assert_int_eq(batv_roster_until(&roster, t), t - slack);
}
END_TEST

/* A gap that began long ago is by the clock of then. */
START_TEST(an_old_gap_has_its_own_clock)
{
	const int64_t later = T0 + 3 * (int64_t)BATV_ROSTER_WINDOW;

	hear_with(beat(1, P(1, 1), T0 + 5000), NULL, 0, T0);
	hear_with(beat(1, P(1, 3), T0 + 6000), NULL, 0, T0 + 1000);
	for (unsigned i = 1; i < 9; i++)
		hear(1, P(2, i), later + i * (int64_t)BATV_ROSTER_WINDOW);
	ck_assert_int_eq(batv_roster_find(&roster, 1)->offset, 0);
	ck_assert_int_eq(batv_roster_find(&roster, 1)->offset_before, 0);
	ck_assert_int_eq(batv_roster_until(&roster, later + 9 * (int64_t)BATV_ROSTER_WINDOW),
			 T0 - slack);
}
END_TEST

START_TEST(nothing_is_known_when_this_clock_was_set)
{
	hear(1, P(1, 1), T0 + 1000);
	ck_assert_int_eq(batv_roster_until(&roster, T0 - 500), 0); /* set back, not yet noticed */
	batv_roster_clock_set(&roster);
	ck_assert_int_eq(until(), 0);
	hear_with(beat(1, P(1, 2), T0 + 1100), NULL, 0, T0 - 500);
	ck_assert_int_eq(until(), T0 - 500 - slack);
	hear_with(beat(1, P(2, 1), T0 + 1200), NULL, 0, T0 - 400);
	ck_assert_int_eq(until(), 0); /* how the clock before P(2, 1) was is not known any more */
}
END_TEST

START_TEST(no_time_overflows)
{
	hear_with(beat(1, P(1, 1), INT64_MAX), NULL, 0, 0);
	ck_assert_int_eq(until(), 0);
	hear_with(beat(2, P(1, 1), 1), NULL, 0, INT64_MAX);
	ck_assert_int_eq(until(), 0);
}
END_TEST

/* Until two parcels that were not sent together agree, nothing is known of a clock. */
START_TEST(two_parcels_must_agree_about_a_clock)
{
	static const struct {
		int64_t until, received;
		bool known;
	} parcels[] = {
		{T0 + 0, T0 + 9000, false},   /* sent again, as are these: */
		{T0 + 201, T0 + 9000, false}, /* it came at the same time */
		{T0 + 450, T0 + 9010, false},  {T0 + 7500, T0 + 9020, false}, /* a fresh one */
		{T0 + 7700, T0 + 9220, false},                                /* hardly later */
		{T0 + 7750, T0 + 9370, true}, /* as long on its way, but for 100 ms */
		{T0 + 9000, T0 + 19370, true},
	};

	for (unsigned i = 0; i < sizeof parcels / sizeof parcels[0]; i++) {
		const struct batv_parcel p = beat(1, P(1, i + 1), parcels[i].until);

		batv_roster_hear(&roster, &p, (struct batv_span){0}, parcels[i].received);
		ck_assert_msg(batv_roster_find(&roster, 1)->sampled == parcels[i].known, "%u", i);
		roster.urgent = false;
		ck_assert_int_eq(until() != 0, parcels[i].known);
	}
	batv_roster_clock_set(&roster);
	ck_assert_int_eq(until(), 0);
}
END_TEST

/* ---- starts and repetitions ---- */

START_TEST(nobody_knows_where_a_start_ended)
{
	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 2), T0 + 2);
	hear(1, P(2, 1), T0 + 9);
	ck_assert_int_eq(until(), T0 + 2 - slack);
	hear(1, P(1, 3), T0 + 3); /* there was one more */
	ck_assert_int_eq(until(), T0 + 3 - slack);
	hear_again(1, P(2, 2), T0 + 10, P(2, 1), P(1, 3), P(2, 0));
	ck_assert_int_eq(until(), T0 + 10 - slack);
	ck_assert_uint_eq(gaps_of(1), 0);
}
END_TEST

START_TEST(a_repetition_counts_when_all_of_it_is_here)
{
	hear(1, P(1, 1), T0 + 1);
	hear_again(1, P(1, 9), T0 + 9, P(1, 6), P(1, 2), P(1, 4));
	hear(1, P(1, 6), T0 + 6);
	hear(1, P(1, 8), T0 + 8);
	hear(1, P(1, 5), T0 + 5);
	ck_assert_int_eq(until(), T0 + 1 - slack);
	hear(1, P(1, 7), T0 + 7);
	ck_assert_int_eq(until(), T0 + 9 - slack);
}
END_TEST

/* One repetition may be in another one. */
START_TEST(repetitions_rest_on_each_other)
{
	hear(1, P(1, 1), T0 + 1);
	hear_again(1, P(1, 6), T0 + 6, P(1, 4), P(1, 2), P(1, 3)); /* 4 to 6; 5 is lost */
	hear(1, P(1, 4), T0 + 4);
	hear_again(1, P(1, 9), T0 + 9, P(1, 8), P(1, 5), P(1, 7)); /* 8 to 9 */
	ck_assert_int_eq(until(), T0 + 1 - slack);
	hear(1, P(1, 8), T0 + 8);
	ck_assert_int_eq(until(), T0 + 9 - slack);
}
END_TEST

START_TEST(a_repetition_of_what_comes_later_is_none)
{
	hear(1, P(1, 1), T0 + 1);
	hear_again(1, P(1, 3), T0 + 3, P(1, 3), P(1, 2), P(1, 4));
	hear_again(1, P(1, 5), T0 + 5, P(1, 6), P(1, 2), P(1, 4));
	hear_again(1, P(1, 6), T0 + 6, P(1, 6), P(1, 4), P(1, 2));
	ck_assert_int_eq(until(), T0 + 1 - slack);
}
END_TEST

START_TEST(a_floor_counts_when_all_from_there_is_here)
{
	struct batv_parcel p = beat(1, P(1, 50), T0 + 50);

	p.floor = P(1, 48);
	hear_with(p, NULL, 0, T0 + 50);
	hear(1, P(1, 49), T0 + 49);
	ck_assert_int_eq(until(), 0);
	hear(1, P(1, 48), T0 + 48);
	ck_assert_int_eq(until(), T0 + 50 - slack);
	ck_assert_int_eq(hear(1, P(1, 47), T0 + 47), BATV_ROSTER_DUPLICATE);
	ck_assert_uint_eq(gaps_of(1), 0);
}
END_TEST

/* Parcels that come after do not put it off. */
START_TEST(a_floor_rests_on_the_first_parcel_that_says_it)
{
	struct batv_parcel p = beat(1, P(1, 60), T0 + 60);

	p.floor = P(1, 48);
	hear_with(p, NULL, 0, T0 + 60); /* 50 to 59 are missing */
	p = beat(1, P(1, 49), T0 + 49);
	p.floor = P(1, 48);
	hear_with(p, NULL, 0, T0 + 49);
	hear(1, P(1, 48), T0 + 48);
	ck_assert_int_eq(until(), T0 + 49 - slack);
}
END_TEST

START_TEST(gaps_that_a_floor_passes_are_none)
{
	struct batv_parcel p;

	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 5), T0 + 5);
	hear(1, P(1, 6), T0 + 6);
	p = beat(1, P(1, 7), T0 + 7);
	p.floor = P(1, 6);
	hear_with(p, NULL, 0, T0 + 7);
	ck_assert_int_eq(until(), T0 + 7 - slack);
	ck_assert_uint_eq(gaps_of(1), 0);
}
END_TEST

START_TEST(too_many_gaps_only_make_them_larger)
{
	const struct batv_roster_member *m;

	for (unsigned i = 0; i < 100; i++)
		hear(1, P(1, 1 + 2 * i), T0 + 1 + 2 * i);
	m = batv_roster_find(&roster, 1);
	ck_assert_uint_eq(m->n, BATV_ROSTER_RANGES);
	ck_assert_int_eq(until(), T0 + 1 - slack);
	ck_assert_uint_eq(batv_roster_last(m), P(1, 199));
	for (unsigned i = 199; i > 0; i--)
		hear(1, P(1, i), T0 + i);
	ck_assert_int_eq(until(), T0 + 199 - slack);
}
END_TEST

/* The end of a start is bridged, but not the beginning of the next: nothing is known of its clock.
 */
START_TEST(a_promise_of_another_clock_is_none)
{
	hear_with(beat(1, P(1, 1), T0 + 9000), NULL, 0, T0 + 9000);
	hear(1, P(2, 5), T0 + 10);
	hear_again(1, P(2, 6), T0 + 11, P(2, 5), P(1, 2), P(2, 0));
	ck_assert_int_eq(until(), 0);
}
END_TEST

/* ---- members ---- */

START_TEST(a_host_that_another_one_names_is_awaited)
{
	const struct batv_payload_member named = {9, P(1, 5), T0, BATV_ROSTER_HEARD};
	struct batv_payload_ask gap;

	hear(1, P(1, 1), T0 + 1);
	hear_members(1, P(1, 2), T0 + 2, 0, named);
	ck_assert_int_eq(until(), 0);
	ck_assert_uint_eq(batv_roster_gaps(batv_roster_find(&roster, 9), &gap, 1), 1);
	ck_assert(gap.host == 9 && gap.from == 0 && gap.to == UINT64_MAX);
	hear(9, P(1, 1), T0 + 5);
	ck_assert_int_eq(until(), T0 + 2 - slack);
}
END_TEST

START_TEST(this_host_and_known_ones_are_not_named)
{
	const struct batv_payload_member own = {OWN, 0, T0, BATV_ROSTER_HEARD},
					 nobody = {0, 0, T0, BATV_ROSTER_HEARD},
					 gone = {2, P(9, 9), T0, BATV_ROSTER_FORGOTTEN};

	hear(1, P(1, 1), T0 + 1);
	hear(2, P(1, 1), T0 + 1);
	hear_members(1, P(1, 2), T0 + 2, 0, own);
	hear_members(1, P(1, 3), T0 + 3, 0, nobody);
	hear_members(1, P(1, 4), T0 + 4, 0, gone); /* it is heard here */
	ck_assert_uint_eq(roster.n, 2);
	ck_assert_int_eq(until(), T0 + 1 - slack);
}
END_TEST

START_TEST(a_host_too_many_ends_all_promises)
{
	for (unsigned i = 1; i <= ROOM; i++)
		ck_assert_int_eq(hear(i, P(1, 1), T0 + 1), BATV_ROSTER_NEW);
	ck_assert_int_ne(until(), 0);
	ck_assert_int_eq(hear(ROOM + 1, P(1, 1), T0 + 1), BATV_ROSTER_FULL);
	ck_assert_int_eq(until(), 0);
	ck_assert_int_eq(batv_roster_since(&roster), T0);
	ck_assert_uint_eq(roster.n, ROOM);
}
END_TEST

START_TEST(a_named_host_too_many_ends_them_too)
{
	const struct batv_payload_member named = {99, P(1, 5), T0, BATV_ROSTER_HEARD};

	for (unsigned i = 1; i <= ROOM; i++)
		hear(i, P(1, 1), T0 + 1);
	hear_members(1, P(1, 2), T0 + 2, 0, named);
	ck_assert_int_eq(until(), 0);
}
END_TEST

/* A new member is on disk before anything is promised. */
START_TEST(a_new_member_is_urgent)
{
	const struct batv_parcel p = beat(1, P(1, 1), T0);

	batv_roster_hear(&roster, &p, (struct batv_span){0}, T0);
	ck_assert(roster.urgent);
	ck_assert_int_eq(until(), 0);
	roster.urgent = false;
	members[0].sampled = true;
	ck_assert_int_eq(until(), T0 - slack);
	hear(1, P(1, 2), T0);
	ck_assert(!roster.urgent);
}
END_TEST

START_TEST(own_parcels_and_those_of_a_copied_disk)
{
	ck_assert_int_eq(hear(OWN, P(3, 100), T0), BATV_ROSTER_OWN);
	ck_assert_int_eq(hear(OWN, P(1, 7), T0), BATV_ROSTER_OWN);
	ck_assert_int_eq(hear(OWN, P(3, 101), T0), BATV_ROSTER_CLONE);
	ck_assert_uint_eq(roster.n, 0);
}
END_TEST

START_TEST(a_host_that_left_counts_until_all_is_here)
{
	hear(2, P(1, 1), T0 + 900);
	hear(1, P(1, 1), T0 + 1);
	hear_leave(1, P(1, 3), T0 + 3);
	ck_assert_int_eq(until(), T0 + 1 - slack);
	hear(1, P(1, 2), T0 + 2);
	ck_assert_int_eq(until(), T0 + 900 - slack);
	ck_assert(!batv_roster_counts(batv_roster_find(&roster, 1)));
	hear(1, P(1, 4), T0 + 4); /* it came back */
	ck_assert_int_eq(until(), T0 + 4 - slack);
	hear_leave(1, P(1, 4), T0 + 3); /* a repeated one */
	ck_assert_uint_eq(batv_roster_find(&roster, 1)->state, BATV_ROSTER_HEARD);
}
END_TEST

START_TEST(a_late_leave_does_not_count)
{
	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 3), T0 + 3);
	hear_leave(1, P(1, 2), T0 + 2);
	ck_assert_uint_eq(batv_roster_find(&roster, 1)->state, BATV_ROSTER_HEARD);
}
END_TEST

START_TEST(a_host_that_was_forgotten_does_not_count)
{
	hear(2, P(1, 1), T0 + 900);
	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 3), T0 + 3);
	hear_forget(2, P(1, 2), T0 + 910, (struct batv_payload_forget){1, P(1, 3), T0 + 3, 0});
	ck_assert_int_eq(until(), T0 + 910 - slack);
	ck_assert_uint_eq(gaps_of(1), 0);
	/* what was missing of it is lost */
	ck_assert_int_eq(batv_roster_since(&roster), T0 + 3);
	hear(1, P(1, 2), T0 + 2); /* on its way since then */
	ck_assert_int_eq(until(), T0 + 910 - slack);
	ck_assert_int_eq(batv_roster_since(&roster), T0);
	hear(1, P(1, 4), T0 + 4); /* it lives */
	ck_assert_int_eq(until(), T0 + 4 - slack);
}
END_TEST

START_TEST(a_forgetter_that_knew_less_forgets_nothing)
{
	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 2), T0 + 2);
	hear_forget(2, P(1, 1), T0 + 910, (struct batv_payload_forget){1, P(1, 1), T0 + 1, 0});
	ck_assert_uint_eq(batv_roster_find(&roster, 1)->state, BATV_ROSTER_HEARD);
	hear_forget(2, P(1, 2), T0 + 910, (struct batv_payload_forget){OWN, P(9, 1), T0 + 1, 0});
	ck_assert_ptr_null(batv_roster_find(&roster, OWN));
}
END_TEST

START_TEST(what_may_be_lost_for_good_is_said)
{
	hear(1, P(1, 1), T0 + 1);
	hear(2, P(1, 1), T0 + 1);
	hear_forget(2, P(1, 2), T0 + 99, (struct batv_payload_forget){1, P(1, 1), T0 + 1, T0 + 80});
	ck_assert_int_eq(batv_roster_since(&roster), T0 + 80);
}
END_TEST

/* It is on disk before anything later is promised. */
START_TEST(a_gap_of_a_host)
{
	hear(1, P(1, 1), T0 + 1);
	hear(1, P(1, 2), T0 + 90);
	roster.urgent = false;
	ck_assert_int_ne(until(), 0);
	batv_roster_lost(&roster, T0 + 80);
	ck_assert_int_eq(until(), 0);
	ck_assert_int_eq(batv_roster_since(&roster), T0 + 80);
	roster.urgent = false;
	batv_roster_lost(&roster, T0 + 80);
	batv_roster_lost(&roster, T0 + 70);
	ck_assert_int_ne(until(), 0);
	ck_assert_int_eq(batv_roster_since(&roster), T0 + 80);
}
END_TEST

START_TEST(a_newcomer_knows_what_was_forgotten)
{
	const struct batv_payload_member gone = {9, P(1, 5), T0 - 50, BATV_ROSTER_FORGOTTEN};

	roster.since = 0;
	hear(1, P(1, 1), T0 + 1);
	hear_members(1, P(1, 2), T0 + 2, T0 - 1000, gone);
	ck_assert_int_eq(until(), T0 + 2 - slack);
	ck_assert_int_eq(batv_roster_since(&roster), T0 - 50); /* not what it sent before */
	hear(9, P(1, 4), T0 - 60);                             /* out of the history */
	ck_assert_uint_eq(batv_roster_find(&roster, 9)->state, BATV_ROSTER_FORGOTTEN);
}
END_TEST

START_TEST(who_knows_for_longer_lends_it)
{
	const struct batv_payload_member known = {1, P(1, 2), T0, BATV_ROSTER_HEARD};

	roster.since = 0;
	hear(1, P(1, 1), T0 + 1);
	ck_assert_int_eq(batv_roster_since(&roster), 0);
	hear_members(2, P(1, 1), T0 + 1, T0 - 5000, known);
	hear(1, P(1, 3), T0 + 3);
	ck_assert_int_eq(batv_roster_since(&roster), 0); /* a gap */
	hear(1, P(1, 2), T0 + 2);
	ck_assert_int_eq(batv_roster_since(&roster), T0 - 5000);
	hear(1, P(1, 9), T0 + 9); /* a new gap holds `until`, not this */
	ck_assert_int_eq(batv_roster_since(&roster), T0 - 5000);
	batv_roster_nothing_here(&roster, T0 + 20);
	roster.urgent = false;
	ck_assert_int_eq(until(), 0);
	ck_assert_uint_eq(gaps_of(1), 1);
	ck_assert_int_eq(batv_roster_since(&roster), T0 + 20);
	for (unsigned i = 9; i > 0; i--)
		hear(1, P(1, i), T0 + i);
	ck_assert_int_eq(until(), 0); /* 2 is still to come */
	hear(2, P(1, 1), T0 + 1);
	ck_assert_int_eq(until(), T0 + 1 - slack);
}
END_TEST

START_TEST(those_that_are_gone_are_dropped_in_time)
{
	hear(1, P(1, 1), T0 + 1);
	hear_leave(2, P(1, 1), T0 + 5);
	hear(3, P(1, 1), T0 + 1);
	batv_roster_forget(&roster, &(struct batv_payload_forget){3, P(1, 1), T0 + 1, 0});
	batv_roster_prune(&roster, T0 + 1);
	ck_assert_uint_eq(roster.n, 3);
	batv_roster_prune(&roster, T0 + 2);
	ck_assert_uint_eq(roster.n, 2);
	batv_roster_prune(&roster, T0 + 6);
	ck_assert_uint_eq(roster.n, 1);
	ck_assert(batv_roster_find(&roster, 1));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("roster");
	TCase *tc = tcase_create("rules");

	samples_at_once = true; /* how it comes to that: see below */
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, alone_is_now);
	tcase_add_test(tc, a_promise_of_another_clock_is_none);
	tcase_add_test(tc, each_parcel_promises_more);
	tcase_add_test(tc, a_gap_holds_it_until_it_is_closed);
	tcase_add_test(tc, the_slowest_host_counts);
	tcase_add_test(tc, without_its_first_parcels_a_host_promises_nothing);
	tcase_add_test(tc, a_parcel_without_promise_keeps_the_last_one);
	tcase_add_test(tc, a_clock_that_is_ahead_promises_no_more);
	tcase_add_test(tc, a_clock_that_is_slow_promises_less);
	tcase_add_test(tc, a_clock_is_believed_to_be_ahead_for_two_windows);
	tcase_add_test(tc, an_old_gap_has_its_own_clock);
	tcase_add_test(tc, nothing_is_known_when_this_clock_was_set);
	tcase_add_test(tc, no_time_overflows);
	tcase_add_test(tc, two_parcels_must_agree_about_a_clock);
	tcase_add_test(tc, nobody_knows_where_a_start_ended);
	tcase_add_test(tc, a_repetition_counts_when_all_of_it_is_here);
	tcase_add_test(tc, repetitions_rest_on_each_other);
	tcase_add_test(tc, a_repetition_of_what_comes_later_is_none);
	tcase_add_test(tc, a_floor_counts_when_all_from_there_is_here);
	tcase_add_test(tc, a_floor_rests_on_the_first_parcel_that_says_it);
	tcase_add_test(tc, gaps_that_a_floor_passes_are_none);
	tcase_add_test(tc, too_many_gaps_only_make_them_larger);
	tcase_add_test(tc, a_host_that_another_one_names_is_awaited);
	tcase_add_test(tc, this_host_and_known_ones_are_not_named);
	tcase_add_test(tc, a_host_too_many_ends_all_promises);
	tcase_add_test(tc, a_named_host_too_many_ends_them_too);
	tcase_add_test(tc, a_new_member_is_urgent);
	tcase_add_test(tc, own_parcels_and_those_of_a_copied_disk);
	tcase_add_test(tc, a_host_that_left_counts_until_all_is_here);
	tcase_add_test(tc, a_late_leave_does_not_count);
	tcase_add_test(tc, a_host_that_was_forgotten_does_not_count);
	tcase_add_test(tc, a_forgetter_that_knew_less_forgets_nothing);
	tcase_add_test(tc, what_may_be_lost_for_good_is_said);
	tcase_add_test(tc, a_gap_of_a_host);
	tcase_add_test(tc, a_newcomer_knows_what_was_forgotten);
	tcase_add_test(tc, who_knows_for_longer_lends_it);
	tcase_add_test(tc, those_that_are_gone_are_dropped_in_time);
	suite_add_tcase(s, tc);
	return s;
}
