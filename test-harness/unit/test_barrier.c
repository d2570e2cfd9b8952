/* links: core/decide/barrier */
/*
 * test_barrier.c - how long a message waits for the fleet, and what it waits for.
 */
#include "decide/barrier.h"

#include "unit.h"

#define T INT64_C(1795910400000) /* the message comes */

/* One look each: the fleet's word and the clock, from T. */
static const struct {
	int64_t until, now;
	enum batv_barrier_answer answer;
} first_looks[] = {
	{0, 0,
	 BATV_BARRIER_WAIT}, /* before, or in the same millisecond: it may lack the last one */
	{1, 0, BATV_BARRIER_PASSED},
	{-1, 0, BATV_BARRIER_WAIT},
	{-2999, 0, BATV_BARRIER_WAIT},
	{-3000, 0, BATV_BARRIER_WAIT},
	{-3001, 0, BATV_BARRIER_BEHIND},
	{-T, 0, BATV_BARRIER_BEHIND}, /* never written */
	{3000, 0, BATV_BARRIER_PASSED},
	{3001, 0, BATV_BARRIER_BEHIND}, /* by another clock */
	{INT64_MAX - T, 0, BATV_BARRIER_BEHIND},
	{INT64_MIN + T, 0, BATV_BARRIER_BEHIND},
};

START_TEST(the_first_look)
{
	struct batv_barrier b = {0};

	ck_assert_int_eq(batv_barrier_look(&b, T + first_looks[_i].until, T + first_looks[_i].now),
			 first_looks[_i].answer);
}
END_TEST

/* The second look, the first one waited. */
static const struct {
	int64_t until, now;
	enum batv_barrier_answer answer;
} second_looks[] = {
	{-3000, 50, BATV_BARRIER_WAIT}, /* it was not too old when the message came */
	{0, 50, BATV_BARRIER_WAIT},      {1, 50, BATV_BARRIER_PASSED},
	{49, 50, BATV_BARRIER_PASSED},   {0, 1999, BATV_BARRIER_WAIT},
	{0, 2000, BATV_BARRIER_BEHIND},  {1, 2000, BATV_BARRIER_PASSED}, /* late, and yet there */
	{0, -1, BATV_BARRIER_BEHIND},                                    /* the clock went back */
	{2999, -1, BATV_BARRIER_PASSED}, {3000, -1, BATV_BARRIER_BEHIND},
	{-T, 50, BATV_BARRIER_WAIT}, /* batv-fleet has lost track: it may be there again */
};

START_TEST(the_second_look)
{
	struct batv_barrier b = {0};

	ck_assert_int_eq(batv_barrier_look(&b, T - 1000, T), BATV_BARRIER_WAIT);
	ck_assert_int_eq(
		batv_barrier_look(&b, T + second_looks[_i].until, T + second_looks[_i].now),
		second_looks[_i].answer);
}
END_TEST

/* Whatever word and clock do, it ends. */
START_TEST(it_ends)
{
	struct batv_barrier b = {0};
	unsigned looks = 1;

	for (; batv_barrier_look(&b, T, T) == BATV_BARRIER_WAIT; looks++) /* the clock stands */
		ck_assert_uint_lt(looks, 1000);
	ck_assert_uint_eq(looks, BATV_BARRIER_LONGEST / BATV_BARRIER_STEP + 1);
	b = (struct batv_barrier){0};
	looks = 1;
	for (int64_t now = T; batv_barrier_look(&b, T - 1, now) == BATV_BARRIER_WAIT; looks++)
		now += BATV_BARRIER_STEP;
	ck_assert_uint_eq(looks, BATV_BARRIER_LONGEST / BATV_BARRIER_STEP + 1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("barrier");
	TCase *tc = tcase_create("barrier");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, the_first_look, 0,
			    (int)(sizeof first_looks / sizeof first_looks[0]));
	tcase_add_loop_test(tc, the_second_look, 0,
			    (int)(sizeof second_looks / sizeof second_looks[0]));
	tcase_add_test(tc, it_ends);
	return s;
}
