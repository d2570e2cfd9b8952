/* links: core/tag/key */
/*
 * test_key.c - which key signs: epoch boundaries, retries of a message, rotation.
 */
#include <check.h>
#include <stdio.h>

#include "base/days.h"
#include "tag/key.h"
#include "unit.h"

#define DAY(n) ((int64_t)(n)*BATV_DAY)
#define NONE (-1)

/* Weekly keys as the daemon publishes them, with a week of retention.  Key 0 is retained, 1 is
 * current on days 107 to 113, and 2 is next.  Key 3 comes after a gap. */
static const struct batv_keyring weekly = {
	.n_keys = 4,
	.keys =
		{
			{.from = DAY(100), .until = DAY(107), .destroy = DAY(115)},
			{.from = DAY(107), .until = DAY(114), .destroy = DAY(122)},
			{.from = DAY(114), .until = DAY(121), .destroy = DAY(129)},
			{.from = DAY(130), .until = DAY(137), .destroy = DAY(145)},
		},
};

static int index_of(const struct batv_keyring *ring, const struct batv_key *key)
{
	return key ? (int)(key - ring->keys) : NONE;
}

/* clang-format off */
static const struct {
	const char *what;
	int64_t when;
	int want;
} currents[] = {
	{"before all", DAY(100) - 1, NONE},
	{"long before all", INT64_MIN, NONE},
	{"the first second", DAY(100), 0},
	{"the last second", DAY(107) - 1, 0},
	{"the next one's first", DAY(107), 1},
	{"in it", DAY(110), 1},
	{"the last one's first", DAY(114), 2},
	{"the last second before the gap", DAY(121) - 1, 2},
	{"the gap", DAY(121), NONE},
	{"the end of the gap", DAY(130) - 1, NONE},
	{"after the gap", DAY(130), 3},
	{"the state ran out", DAY(137), NONE},
	{"long after all", INT64_MAX, NONE},
};

static const struct {
	const char *what;
	int64_t arrival, now;
	int want;
} messages[] = {
	{"arrival unknown", 0, DAY(110), 1},
	{"arrival before 1970", -1, DAY(110), 1},
	{"the very start of time", INT64_MIN, DAY(110), 1},
	{"just arrived", DAY(110), DAY(110), 1},
	{"arrived in the future", DAY(110) + 1, DAY(110), 1},
	{"arrived with the next key, which does not exist yet", DAY(114), DAY(114) - 1, 1},
	{"arrived far in the future", INT64_MAX, DAY(110), 1},
	{"arrived when the next one will be current", DAY(115), DAY(110), 1},
	{"a retry within the epoch", DAY(107), DAY(114) - 1, 1},
	{"a retry just after the change", DAY(114) - 1, DAY(114), 1},
	{"a retry at the end of the day of grace", DAY(114) - 1, DAY(115) - 1, 1},
	{"a retry one day after the change", DAY(114) - 1, DAY(115), 2},
	{"arrived with the change", DAY(114), DAY(115) - 1, 2},
	{"arrived under a key before the last", DAY(107) - 1, DAY(114), 2},
	{"arrived before any key", DAY(100) - 1, DAY(107), 1},
	{"arrived in a gap", DAY(125), DAY(130), 3},
	{"arrived before a gap", DAY(121) - 1, DAY(130), 3},
	{"none is current now", DAY(121) - 1, DAY(121), NONE},
	{"none is current now, arrival unknown", 0, DAY(121), NONE},
};
/* clang-format on */

START_TEST(current)
{
	ck_assert_msg(index_of(&weekly, batv_key_current(&weekly, currents[_i].when)) ==
			      currents[_i].want,
		      "%s", currents[_i].what);
	/* without a message, the two functions agree */
	ck_assert_ptr_eq(batv_key_for_message(&weekly, 0, currents[_i].when),
			 batv_key_current(&weekly, currents[_i].when));
}
END_TEST

START_TEST(for_message)
{
	const struct batv_key *key =
		batv_key_for_message(&weekly, messages[_i].arrival, messages[_i].now);

	ck_assert_msg(index_of(&weekly, key) == messages[_i].want, "%s: %d", messages[_i].what,
		      index_of(&weekly, key));
}
END_TEST

START_TEST(a_message_changes_its_key_at_most_once_a_rotation)
{
	/* all pairs of hours: never a destroyed key, never one that ended more than a day ago */
	for (int64_t arrival = DAY(100); arrival < DAY(121); arrival += 3600) {
		const struct batv_key *before = NULL;

		for (int64_t now = arrival; now < DAY(121); now += 3600) {
			const struct batv_key *key = batv_key_for_message(&weekly, arrival, now);

			ck_assert_ptr_nonnull(key);
			ck_assert_int_lt(now, key->until + BATV_DAY);
			ck_assert_int_ge(key->destroy - now, DAY(7)); /* the retention */
			ck_assert(!before || key >= before);
			if (now < arrival + BATV_DAY)
				ck_assert(!before || key == before);
			before = key;
		}
	}
}
END_TEST

START_TEST(an_extra_rotation)
{
	/* rotate on day 110: key 1 ends early, the key of the new secret begins; the published
	 * next one of the old secret is never current */
	const struct batv_keyring ring = {
		.n_keys = 3,
		.keys =
			{
				{.secret = 1,
				 .from = DAY(107),
				 .until = DAY(110),
				 .destroy = DAY(122)},
				{.secret = 1,
				 .from = DAY(114),
				 .until = DAY(110),
				 .destroy = DAY(129)},
				{.secret = 2,
				 .from = DAY(110),
				 .until = DAY(114),
				 .destroy = DAY(122)},
			},
	};

	ck_assert_int_eq(index_of(&ring, batv_key_current(&ring, DAY(110) - 1)), 0);
	ck_assert_int_eq(index_of(&ring, batv_key_current(&ring, DAY(110))), 2);
	ck_assert_int_eq(index_of(&ring, batv_key_current(&ring, DAY(114))), NONE);
	ck_assert_int_eq(index_of(&ring, batv_key_for_message(&ring, DAY(109), DAY(110))), 0);
	ck_assert_int_eq(index_of(&ring, batv_key_for_message(&ring, DAY(109), DAY(111))), 2);
}
END_TEST

START_TEST(odd_rings)
{
	const struct batv_keyring empty = {.n_keys = 0};
	const struct batv_keyring two = {
		.n_keys = 3,
		.keys =
			{
				{.from = 0, .until = DAY(9), .destroy = DAY(99)},
				{.from = DAY(1), .until = DAY(9), .destroy = DAY(99)},
				{.from = DAY(1), .until = DAY(9), .destroy = DAY(99)},
			},
	};
	const struct batv_keyring dead = {
		.n_keys = 2,
		.keys =
			{
				{.from = 0, .until = DAY(9), .destroy = DAY(5)},
				{.from = DAY(4), .until = INT64_MAX, .destroy = INT64_MAX},
			},
	};

	ck_assert_ptr_null(batv_key_current(&empty, DAY(1)));
	ck_assert_ptr_null(batv_key_for_message(&empty, DAY(1), DAY(1)));
	ck_assert_int_eq(index_of(&two, batv_key_current(&two, DAY(1) - 1)), 0);
	ck_assert_int_eq(index_of(&two, batv_key_current(&two, DAY(1))), 2);
	ck_assert_int_eq(index_of(&dead, batv_key_current(&dead, DAY(3))), 0);
	ck_assert_int_eq(index_of(&dead, batv_key_for_message(&dead, DAY(3), DAY(5) - 1)), 0);
	ck_assert_int_eq(index_of(&dead, batv_key_for_message(&dead, DAY(3), DAY(5))), 1);
	ck_assert_int_eq(index_of(&dead, batv_key_for_message(&dead, DAY(6), INT64_MAX - 1)), 1);
}
END_TEST

START_TEST(destroyed_while_it_signs)
{
	/* from the second of its destruction on, whatever its end says */
	const struct batv_keyring ring = {
		.n_keys = 1,
		.keys = {{.from = DAY(1), .until = DAY(9), .destroy = DAY(5)}},
	};

	ck_assert_int_eq(index_of(&ring, batv_key_current(&ring, DAY(5) - 1)), 0);
	ck_assert_ptr_null(batv_key_current(&ring, DAY(5)));
}
END_TEST

START_TEST(what_comes_after_the_ring_is_not_read)
{
	/* two more keys than the ring has: both would sign */
	static struct batv_keyring ring;

	for (size_t i = 0; i < BATV_KEYS_MAX; i++)
		ring.keys[i] =
			(struct batv_key){.from = DAY(i), .until = INT64_MAX, .destroy = INT64_MAX};
	for (ring.n_keys = 0; ring.n_keys <= BATV_KEYS_MAX; ring.n_keys++)
		ck_assert_int_eq(index_of(&ring, batv_key_current(&ring, DAY(99))),
				 ring.n_keys == 0 ? NONE : (int)ring.n_keys - 1);
}
END_TEST

START_TEST(an_unknown_arrival_is_not_1970)
{
	const struct batv_keyring ring = {
		.n_keys = 2,
		.keys =
			{
				{.from = -1, .until = DAY(1), .destroy = DAY(9)},
				{.from = DAY(1), .until = DAY(9), .destroy = DAY(9)},
			},
	};

	ck_assert_int_eq(index_of(&ring, batv_key_for_message(&ring, 0, DAY(1))), 1);
	ck_assert_int_eq(index_of(&ring, batv_key_for_message(&ring, 1, DAY(1))), 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *suite = suite_create("key");
	TCase *tc = tcase_create("key");

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, current, 0, (int)(sizeof currents / sizeof currents[0]));
	tcase_add_loop_test(tc, for_message, 0, (int)(sizeof messages / sizeof messages[0]));
	tcase_add_test(tc, a_message_changes_its_key_at_most_once_a_rotation);
	tcase_add_test(tc, an_extra_rotation);
	tcase_add_test(tc, odd_rings);
	tcase_add_test(tc, destroyed_while_it_signs);
	tcase_add_test(tc, what_comes_after_the_ring_is_not_read);
	tcase_add_test(tc, an_unknown_arrival_is_not_1970);
	return suite;
}
