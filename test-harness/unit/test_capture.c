/* links: fleet/capture core/memory/journal core/memory/sent core/memory/counters core/memory/domains core/memory/slots */
/* links: core/memory/access core/memory/header core/memory/tallies core/memory/sending core/base/safefile core/base/span */
/* links: core/base/hmac core/base/network core/tag/addr admin/memory_file admin/replace */
/*
 * test_capture.c - following a journal: what is handed out, and up to which moment nothing is
 * missing, while writers are slow, killed or stopped, and the ring comes round.
 */
#include "capture_lab.h"

START_TEST(what_is_recorded_is_handed_out_once)
{
	ck_assert_uint_eq(look(10), 0);
	expect(10, 0, 0);
	record(1, 3);
	ck_assert_uint_eq(look(30), 3);
	for (size_t i = 0; i < 3; i++)
		expect_entry(i, i + 1);
	expect(30, 0, 0);
	ck_assert_uint_eq(look(50), 0);
	expect(50, 0, 0);
	ck_assert_uint_eq(capture.ring[0].unread, 0);
}
END_TEST

START_TEST(until_waits_for_all_of_it)
{
	look(10);
	record(1, 8);
	ck_assert_uint_eq(look_for(30, 3), 3);
	expect(10, 0, 0);
	ck_assert_uint_eq(capture.ring[0].unread, 5);
	ck_assert_uint_eq(look_for(50, 3), 3);
	expect_entry(0, 4);
	expect(10, 0, 0);
	ck_assert_uint_eq(look_for(70, 3), 2);
	expect(70, 0, 0);
	record(9, 3);
	ck_assert_uint_eq(look_for(90, 3), 3);
	expect(90, 0, 0); /* just all of it */
}
END_TEST

/* ---- missing records ---- */

START_TEST(a_slow_writer)
{
	look(10);
	record_on(HELD, 1, 1);
	record(2, 2);
	ck_assert_uint_eq(look(30), 2);
	expect_entry(0, 2);
	expect(10, 0, 0);
	record_on(HELD, 4, 1);
	ck_assert_uint_eq(look(1020), 0);
	expect(10, 0, 0);
	let_go(0);
	ck_assert_uint_eq(look(1029), 1);
	expect_entry(0, 1);
	/* The other one was missed at 1020; what came before the look before that is there. */
	expect(30, 0, 0);
	let_go(1);
	ck_assert_uint_eq(look(1040), 1);
	expect_entry(0, 4);
	expect(1040, 0, 0);
}
END_TEST

START_TEST(after_a_second_it_goes_on)
{
	look(10);
	record_on(HELD, 1, 1);
	look(30);
	look(1029);
	expect(10, 0, 0);
	look(1030);
	expect(1030, 1, 0);
	record(2, 1);
	ck_assert_uint_eq(look(5000), 1);
	expect(5000, 1, 0);
	let_go(0); /* it was stopped, not killed */
	ck_assert_uint_eq(look(9000), 1);
	expect_entry(0, 1);
	expect(9000, 0, 0);
	ck_assert_uint_eq(look(9020), 0);
}
END_TEST

/* Until the ring comes round; then nothing of it is handed out. */
START_TEST(a_hole_that_stays)
{
	small_ring();
	look(10);
	record_on(HELD, 1, 1);
	look(20);
	look(1020);
	expect(1020, 1, 0);
	for (uint64_t n = 0; n < 3; n++) {
		record(100 + n * 100, 60);
		ck_assert_uint_eq(look(2000 + (int64_t)n), 60);
	}
	ck_assert_uint_eq(capture.ring[0].n_missing, 0);
	ck_assert_uint_eq(look(3000), 0);
	expect(3000, 1, 0);
}
END_TEST

/* The positions are taken, nothing is written, no bit is set: the next one records it again. */
START_TEST(a_writer_that_is_killed)
{
	look(10);
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			record_on(KILLED, 10 + i, 1);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	record(10, 3);
	ck_assert_uint_eq(look(30), 3);
	expect(10, 0, 0);
	look(1030);
	expect(1030, 3, 0);
}
END_TEST

/* More are missing than are kept in mind. */
START_TEST(very_many_missing)
{
	look(10);
	record_on(HELD, 1, BATV_CAPTURE_OPEN + 300);
	record(5000, 5);
	ck_assert_uint_eq(look(30), 0);
	expect(10, 0, 0);
	ck_assert_uint_eq(look(1029), 0);
	expect(10, 0, 0);
	ck_assert_uint_eq(look(1030), 5); /* the first ones are holes, and make room */
	expect(10, BATV_CAPTURE_OPEN, 0);
	look(2030);
	expect(2030, BATV_CAPTURE_OPEN + 300, 0);
	for (size_t i = 0; i < n_held; i++)
		let_go(i);
	for (int64_t ms = 3000; ms < 4000; ms += 20)
		look(ms);
	expect(3980, 300, 0); /* those whose places were taken */
}
END_TEST

/* A record that is missing is waited for a second by the new clock. */
START_TEST(a_clock_that_goes_back)
{
	look(50000);
	record_on(HELD, 1, 1);
	look(50020);
	look(1000);
	expect(0, 0, 0); /* no moment of this clock is known to be before it */
	look(1999);
	expect(0, 0, 0);
	look(2000);
	expect(2000, 1, 0);
}
END_TEST

/* No more than there is room for, also of what was missing. */
START_TEST(what_was_missing_waits_for_room)
{
	look(10);
	record_on(HELD, 1, 6);
	look(30);
	for (size_t i = 0; i < 3; i++)
		let_go(i);
	ck_assert_uint_eq(look_for(50, 2), 2);
	expect(10, 0, 0);
	ck_assert_uint_eq(look_for(70, 2), 1);
	look(1030);
	expect(1030, 3, 0);
	for (size_t i = 3; i < 6; i++)
		let_go(i);
	ck_assert_uint_eq(look_for(1050, 2), 2);
	ck_assert_uint_eq(look_for(1070, 2), 1);
	expect(1070, 0, 0);
}
END_TEST

/* One look reads some of them, the next one others. */
START_TEST(many_holes_are_looked_at_in_turn)
{
	look(10);
	record_on(HELD, 1, 200);
	look(30);
	look(1030);
	expect(1030, 200, 0);
	for (size_t i = 150; i < 160; i++)
		let_go(i);
	for (int64_t i = 0; i < 4; i++)
		look(1050 + i);
	expect(1053, 190, 0);
}
END_TEST

/* ---- losses ---- */

START_TEST(a_reader_that_is_too_slow)
{
	small_ring();
	look(10);
	record(1, 5);
	record(100, ROOM);
	ck_assert_uint_eq(look(30), ROOM);
	expect_entry(0, 100);
	expect(30, 0, 5);
	ck_assert_int_eq(capture.gap, T0 + 30);
	record(300, 1);
	ck_assert_uint_eq(look(50), 1);
	expect(50, 0, 5);
	ck_assert_int_eq(capture.gap, T0 + 30);
}
END_TEST

START_TEST(a_record_that_is_overtaken_while_it_is_waited_for)
{
	small_ring();
	look(10);
	record_on(HELD, 1, 1);
	look(30);
	record(100, ROOM);
	ck_assert_uint_eq(look(50), ROOM);
	expect(50, 0, 1);
}
END_TEST

/* The bits are set, so nobody will record it again. */
START_TEST(a_disk_that_fails)
{
	look(10);
	record_on(FAILS, 1, 2);
	record(3, 1);
	ck_assert_uint_eq(look(30), 1);
	expect(10, 0, 2);
	look(1030);
	expect(1030, 2, 2);
	look(1050);
	expect(1050, 2, 2);
}
END_TEST

static void write_a_round(void)
{
	record(1000, ROOM - 2);
}

/* The ring comes round while it is read. */
START_TEST(overtaken_while_it_is_read)
{
	small_ring();
	look(10);
	record(1, 4);
	when_read = write_a_round;
	ck_assert_uint_eq(look(30), 2); /* two of them were just overwritten */
	expect_entry(0, 3);
	expect(30, 0, 2);
	ck_assert_uint_eq(look(50), ROOM - 2);
	expect(50, 0, 2);
}
END_TEST

/* `until` stands still, and what is waited for stays in mind. */
START_TEST(a_disk_that_cannot_be_read)
{
	for (unsigned waiting = 0; waiting < 2; waiting++) {
		memset(&capture, 0, sizeof capture);
		look(10);
		if (waiting) {
			record_on(HELD, 1, 1);
			look(30);
		}
		record(2 + waiting, 1);
		cannot_read = true;
		ck_assert_uint_eq(look(2000), 0);
		expect(10, 0, 0);
		cannot_read = false;
		ck_assert(!batv_memory_there(&memory));
		ck_assert_int_eq(batv_memory_open_windows(&memory, dir, "memory"), BATV_OK);
		ck_assert_uint_eq(look(2020), 1);
		expect(2020, waiting, 0);
	}
}
END_TEST

/* ---- against a model ---- */

#define STEPS 20000
#define MODEL_MAX (STEPS + 1)

static struct {
	int64_t at; /* when it was recorded */
	unsigned times;
} model[MODEL_MAX];
static uint64_t n_model, dice = 1;

static uint64_t roll(uint64_t sides)
{
	dice = mix(dice);
	return dice % sides;
}

static void check_model(size_t n, int64_t now)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t which = out[i].position;

		ck_assert_uint_lt(which, n_model);
		expect_entry(i, which);
		ck_assert_uint_eq(model[which].times++, 0);
	}
	ck_assert_int_le(capture.until, now);
	for (uint64_t i = n_model > 3000 ? n_model - 3000 : 0; i < n_model; i++)
		if (model[i].times == 0 && now - model[i].at < BATV_CAPTURE_PATIENCE)
			ck_assert_int_le(capture.until, model[i].at);
}

/*
 * Writers that hold their records for up to five seconds, looks with little room: nothing is handed
 * out twice, nothing is forgotten, and `until` never passes what is missing for less than a second.
 */
START_TEST(random_writers)
{
	int64_t now = T0 + 1;
	size_t gone = 0, n, found = 0;

	close_memory();
	open_sized(STEPS, RETENTION);
	if (getenv("SEED"))
		dice = strtoull(getenv("SEED"), NULL, 16);
	for (unsigned step = 0; step < STEPS; step++) {
		now += (int64_t)roll(3);
		switch (roll(8)) {
		case 0:
			if (n_held - gone < 500 && n_held < HELD_MAX) {
				record_on(HELD, n_model, 1);
				model[n_model++].at = now;
			}
			break;
		case 1:
			if (gone < n_held)
				let_go(gone++);
			break;
		case 2:
		case 3:
			n = look_for(now - T0, 1 + roll(5));
			found += n;
			check_model(n, now);
			break;
		default:
			if (roll(2))
				break;
			record(n_model, 1);
			model[n_model++].at = now;
		}
	}
	while (gone < n_held)
		let_go(gone++);
	for (unsigned i = 0; i < 2000; i++) {
		n = look_for(now + i - T0, OUT_MAX);
		found += n;
		check_model(n, now + i);
	}
	ck_assert_uint_eq(found, n_model);
	ck_assert_uint_eq(capture.holes + capture.lost, 0);
	ck_assert_int_eq(capture.until, now + 1999);
	ck_assert_uint_gt(n_held, 100);
}
END_TEST

/* Many writers, some of which are killed, while it is read: each record once, and each hole. */
static void write_some(unsigned process)
{
	for (uint64_t n = 0; n < 100; n++) {
		if (process % 4 == 0 && n == 50)
			disk = KILLED;
		record(process * UINT64_C(1000) + n, 1);
	}
	_exit(0);
}

START_TEST(read_while_many_write)
{
	const unsigned killed = WORKERS / 4;
	size_t found = 0, left = WORKERS;
	pid_t pid[WORKERS];
	int64_t ms = 0;

	close_memory();
	open_sized(10000, RETENTION);
	for (unsigned i = 0; i < WORKERS; i++)
		if ((pid[i] = fork()) == 0)
			write_some(i);
	while (left > 0) {
		found += look(++ms);
		while (left > 0 && waitpid(-1, NULL, WNOHANG) > 0)
			left--;
	}
	found += look(ms + 1);
	look(ms + 2000);
	ck_assert_uint_eq(found, WORKERS * 100 - killed * 50);
	expect(ms + 2000, killed, 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("capture");
	TCase *tc = tcase_create("all");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup_capture, drop_memory);
	tcase_add_test(tc, what_is_recorded_is_handed_out_once);
	tcase_add_test(tc, until_waits_for_all_of_it);
	tcase_add_test(tc, a_slow_writer);
	tcase_add_test(tc, after_a_second_it_goes_on);
	tcase_add_test(tc, a_hole_that_stays);
	tcase_add_test(tc, a_writer_that_is_killed);
	tcase_add_test(tc, very_many_missing);
	tcase_add_test(tc, a_clock_that_goes_back);
	tcase_add_test(tc, what_was_missing_waits_for_room);
	tcase_add_test(tc, many_holes_are_looked_at_in_turn);
	tcase_add_test(tc, a_reader_that_is_too_slow);
	tcase_add_test(tc, a_record_that_is_overtaken_while_it_is_waited_for);
	tcase_add_test(tc, a_disk_that_fails);
	tcase_add_test(tc, overtaken_while_it_is_read);
	tcase_add_test(tc, a_disk_that_cannot_be_read);
	tcase_add_test(tc, random_writers);
	tcase_add_test(tc, read_while_many_write);
	return s;
}
