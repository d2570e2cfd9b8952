/* links: fleet/own_files fleet/sent_names fleet/capture_file fleet/capture fleet/saved core/base/fault core/base/err */
/* links: core/memory/journal core/memory/sent core/memory/counters core/memory/domains core/memory/slots */
/* links: core/memory/access core/memory/header core/memory/tallies core/memory/sending core/base/safefile core/base/span */
/* links: core/base/hmac core/base/network core/tag/addr admin/replace */
/*
 * test_own_files.c - what batv-fleet keeps on the disk: who this host is, names, places.
 */
#include <errno.h>

#include "capture_file.h"
#include "sandbox.h"
#include "sent_names.h"
#include "unit.h"

static struct batv_own_files own;
static char message[6000];

static void open_own(void)
{
	ck_assert_msg(batv_own_files_open(&own, sandbox, message, sizeof message) == BATV_OK, "%s",
		      message);
	ck_assert_int_eq(batv_own_files_begin(&own, message, sizeof message), BATV_OK);
}

static void start(void)
{
	sandbox_make();
	ck_assert_int_eq(fchmod(dir, 0750), 0);
	open_own();
}

static void stop(void)
{
	if (own.sent >= 0) {
		(void)unlinkat(own.sent, "host", 0);
		for (unsigned day = 20000; day < 20100; day++) {
			char name[12];

			snprintf(name, sizeof name, "%u", day);
			(void)unlinkat(own.sent, name, 0);
		}
	}
	batv_own_files_close(&own);
	sandbox_remove();
}

START_TEST(each_start_is_a_new_incarnation)
{
	uint64_t host = own.host;

	ck_assert_uint_ne(host, 0);
	ck_assert(own.fresh);
	ck_assert_uint_eq(own.incarnation, 1);
	for (unsigned i = 2; i < 5; i++) {
		batv_own_files_close(&own);
		open_own();
		ck_assert_uint_eq(own.host, host);
		ck_assert_uint_eq(own.incarnation, i);
		ck_assert(!own.fresh);
	}
}
END_TEST

/* Another id: a position must never be used twice, and what is gone cannot be sent again. */
START_TEST(files_that_do_not_agree_make_another_host)
{
	static const char damaged[] = "exim-batv host 1\nid 5\nincarnation 7\n";
	uint64_t host = own.host;

	if (_i == 0)
		ck_assert_int_eq(unlinkat(own.dirfd, "host", 0), 0);
	else if (_i == 1)
		ck_assert_int_eq(unlinkat(own.sent, "host", 0), 0);
	else
		sandbox_file("host", 0640, damaged, sizeof damaged - 1);
	batv_own_files_close(&own);
	open_own();
	ck_assert(own.fresh);
	ck_assert_uint_ne(own.host, host);
	ck_assert_uint_eq(own.incarnation, 1);
}
END_TEST

START_TEST(a_directory_has_one_batv_fleet)
{
	struct batv_own_files second;

	ck_assert_int_eq(batv_own_files_open(&second, sandbox, message, sizeof message),
			 BATV_E_CONFLICT);
	ck_assert_ptr_nonnull(strstr(message, "another batv-fleet is running"));
	ck_assert_int_lt(second.dirfd, 0);
}
END_TEST

START_TEST(a_directory_that_others_may_write_to)
{
	batv_own_files_close(&own);
	ck_assert_int_eq(fchmod(dir, 0777), 0);
	ck_assert_int_eq(batv_own_files_open(&own, sandbox, message, sizeof message),
			 BATV_E_UNSAFE_FILE);
	ck_assert_ptr_nonnull(strstr(message, sandbox));
	ck_assert_int_eq(fchmod(dir, 0750), 0);
}
END_TEST

START_TEST(a_file_and_back)
{
	char *text;
	size_t len;

	ck_assert_int_eq(batv_own_files_read(&own, "roster", &text, &len), BATV_E_NO_FILE);
	ck_assert_int_eq(batv_own_files_write(&own, "roster", "abc", 3), BATV_OK);
	ck_assert_int_eq(batv_own_files_read(&own, "roster", &text, &len), BATV_OK);
	ck_assert_uint_eq(len, 3);
	ck_assert_str_eq(text, "abc");
	free(text);
}
END_TEST

/* ---- names ---- */

static void fill(uint8_t *records, size_t n, uint8_t with)
{
	for (size_t i = 0; i < n * BATV_SENT_NAMES_LEN; i++)
		records[i] = (uint8_t)(with + i / BATV_SENT_NAMES_LEN);
}

START_TEST(names_of_days)
{
	uint8_t in[10 * BATV_SENT_NAMES_LEN], out[10 * BATV_SENT_NAMES_LEN];
	struct batv_sent_names names;

	batv_sent_names_start(&names, own.sent);
	fill(in, 10, 1);
	ck_assert(batv_sent_names_add(&names, 20001, in, 4));
	ck_assert(batv_sent_names_add(&names, 20003, in + 4 * BATV_SENT_NAMES_LEN, 1));
	ck_assert(batv_sent_names_add(&names, 20001, in + 5 * BATV_SENT_NAMES_LEN, 5));
	ck_assert_uint_eq(batv_sent_names_read(&names, 20001, 0, out, 10), 9);
	ck_assert_mem_eq(out, in, 4 * BATV_SENT_NAMES_LEN);
	ck_assert_mem_eq(out + 4 * BATV_SENT_NAMES_LEN, in + 5 * BATV_SENT_NAMES_LEN,
			 5 * BATV_SENT_NAMES_LEN);
	ck_assert_uint_eq(batv_sent_names_read(&names, 20001, 7, out, 10), 2);
	ck_assert_uint_eq(batv_sent_names_read(&names, 20001, 9, out, 10), 0);
	ck_assert_uint_eq(batv_sent_names_read(&names, 20002, 0, out, 10), 0);
	ck_assert_uint_eq(batv_sent_names_count(&names, 20003), 1);
	ck_assert_uint_eq(batv_sent_names_next(&names, 20000, 20010), 20001);
	ck_assert_uint_eq(batv_sent_names_next(&names, 20002, 20010), 20003);
	ck_assert_uint_eq(batv_sent_names_next(&names, 20004, 20010), 20011);
	batv_sent_names_expire(&names, 20002, 20010);
	ck_assert_uint_eq(batv_sent_names_next(&names, 20000, 20010), 20003);
	batv_sent_names_expire(&names, 20000, 20002);
	ck_assert_uint_eq(batv_sent_names_next(&names, 20000, 20010), 20011);
	batv_sent_names_end(&names);
	batv_own_files_close(&own);
	open_own(); /* sent/host is still there */
	ck_assert(!own.fresh);
}
END_TEST

/* A crash in the middle of a record: the rest of it must not move all that comes after. */
START_TEST(a_record_that_was_cut_off)
{
	uint8_t in[3 * BATV_SENT_NAMES_LEN], out[3 * BATV_SENT_NAMES_LEN];
	struct batv_sent_names names;
	int fd;

	fill(in, 3, 1);
	batv_sent_names_start(&names, own.sent);
	ck_assert(batv_sent_names_add(&names, 20001, in, 2));
	batv_sent_names_end(&names);
	fd = openat(own.sent, "20001", O_WRONLY | O_APPEND);
	ck_assert_int_eq(write(fd, in, 5), 5);
	close(fd);
	ck_assert_uint_eq(batv_sent_names_count(&names, 20001), 2);
	ck_assert_uint_eq(batv_sent_names_read(&names, 20001, 0, out, 3), 2);
	ck_assert(batv_sent_names_add(&names, 20001, in + 2 * BATV_SENT_NAMES_LEN, 1));
	ck_assert_uint_eq(batv_sent_names_read(&names, 20001, 0, out, 3), 3);
	ck_assert_mem_eq(out, in, sizeof in);
	batv_sent_names_end(&names);
}
END_TEST

START_TEST(names_that_cannot_be_written)
{
	uint8_t in[BATV_SENT_NAMES_LEN];
	struct batv_sent_names names;

	fill(in, 1, 1);
	batv_sent_names_start(&names, own.sent);
	ck_assert_int_eq(mkdirat(own.sent, "20001", 0700), 0);
	ck_assert(!batv_sent_names_add(&names, 20001, in, 1));
	ck_assert_int_eq(errno, EISDIR);
	ck_assert_int_eq(unlinkat(own.sent, "20001", AT_REMOVEDIR), 0);
	ck_assert(batv_sent_names_add(&names, 20001, in, 1));
	batv_sent_names_end(&names);
}
END_TEST

/* ---- places ---- */

START_TEST(places_and_back)
{
	static struct batv_capture capture;
	struct batv_capture_place place[2] = {{0x1234, 77, 3}, {UINT64_MAX, 5, 0}}, back[2];

	batv_capture_resume(&capture, place, false);
	capture.gap = 1795824000123;
	capture.began = 7;
	ck_assert(batv_capture_file_save(&own, &capture));
	memset(&capture, 0xff, sizeof capture);
	batv_capture_file_load(&own, &capture);
	batv_capture_save(&capture, back);
	ck_assert_mem_eq(back, place, sizeof place);
	ck_assert(!capture.ring[0].again && !capture.ring[1].again);
	ck_assert_int_eq(capture.gap, 1795824000123);
	ck_assert_int_eq(capture.began, 7);
}
END_TEST

/* Then the places only tell what was lost. */
START_TEST(places_of_another_start)
{
	static struct batv_capture capture;
	static const char other[] = "exim-batv capture 1\nboot 5\nplace 1 2 3\nplace 4 5 6\n"
				    "gap 8 0\nend 4\n";

	ck_assert_int_eq(batv_own_files_write(&own, "capture", other, sizeof other - 1), 0);
	batv_capture_file_load(&own, &capture);
	ck_assert(capture.ring[0].again && capture.ring[1].again);
	ck_assert_uint_eq(capture.ring[1].next, 5);
	ck_assert_int_eq(capture.gap, 8);
	ck_assert_int_eq(capture.began, 0);
}
END_TEST

/* Damaged, or none: all is read again. */
START_TEST(places_that_do_not_count)
{
	static struct batv_capture capture;
	static const char one[] = "exim-batv capture 1\nboot 5\nplace 1 2 3\nend 2\n",
			  half[] = "exim-batv capture 1\nboot 5\nplace 1 2 3\n";
	struct batv_capture_place none[2] = {{0}}, back[2];

	if (_i == 1)
		ck_assert_int_eq(batv_own_files_write(&own, "capture", one, sizeof one - 1), 0);
	if (_i == 2)
		ck_assert_int_eq(batv_own_files_write(&own, "capture", half, sizeof half - 1), 0);
	memset(&capture, 0xff, sizeof capture);
	batv_capture_file_load(&own, &capture);
	batv_capture_save(&capture, back);
	ck_assert_mem_eq(back, none, sizeof none);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("own_files");
	TCase *tc = tcase_create("own_files");

	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, each_start_is_a_new_incarnation);
	tcase_add_loop_test(tc, files_that_do_not_agree_make_another_host, 0, 3);
	tcase_add_test(tc, a_directory_has_one_batv_fleet);
	tcase_add_test(tc, a_directory_that_others_may_write_to);
	tcase_add_test(tc, a_file_and_back);
	tcase_add_test(tc, names_of_days);
	tcase_add_test(tc, a_record_that_was_cut_off);
	tcase_add_test(tc, names_that_cannot_be_written);
	tcase_add_test(tc, places_and_back);
	tcase_add_test(tc, places_of_another_start);
	tcase_add_loop_test(tc, places_that_do_not_count, 0, 3);
	suite_add_tcase(s, tc);
	return s;
}
