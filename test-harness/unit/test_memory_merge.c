/* links: core/memory/journal admin/memory_merge admin/memory_file admin/replace core/memory/sent core/memory/counters core/memory/access core/memory/header core/memory/fleet */
/* links: core/memory/names core/base/safefile core/base/fault core/base/err core/base/span core/base/hmac core/tag/addr */
/* links: core/memory/domains core/memory/slots core/memory/sending core/base/network core/decide/policy core/decide/servers core/decide/exim_list */
/*
 * test_memory_merge.c - one memory file into another, as a stream: what is in either is in the
 * result, in whatever pieces it comes.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "memory/fleet.h"
#include "memory/sent.h"
#include "memory_lab.h"
#include "memory_merge.h"

#define N 300

static struct batv_memory theirs;
static struct batv_memory_merge merge;
static char why[400];
static uint8_t *bytes;
static size_t size;

static struct batv_memory_wish wish = {.generation = 1,
				       .now = NOW,
				       .capacity = 1000,
				       .retention = 15 * D,
				       .since = NOW,
				       .key_check = 7};

static void make(const char *name, struct batv_memory *m)
{
	ck_assert_int_eq(batv_memory_file_create(dir, name, &wish), BATV_OK);
	ck_assert_int_eq(batv_memory_open(m, dir, name), BATV_OK);
}

static struct batv_item item(unsigned i)
{
	struct batv_item it = {.kind = i % 2 ? BATV_ITEM_PAIR : BATV_ITEM_ID};

	for (size_t k = 0; k < sizeof it.name; k++)
		it.name[k] = (uint8_t)((i + 1) * 2654435761u >> (k % 4 * 8)) ^ (uint8_t)(k * 37);
	return it;
}

static void record(struct batv_memory *m, unsigned i, int64_t when)
{
	struct batv_item it = item(i);

	ck_assert_int_eq(batv_sent_note(m, &it, when), BATV_SENT_DONE);
}

static bool known(struct batv_memory *m, unsigned i)
{
	struct batv_item it = item(i);

	return batv_sent_known(m, &it, 15 * D, NOW);
}

/* The other file as bytes. */
static void read_theirs(void)
{
	size = theirs.file_size;
	bytes = malloc(size);
	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, theirs.base, size);
}

static void setup(void)
{
	sandbox_make();
	make("memory", &memory);
	wish.since = NOW - 3 * D;
	make("theirs", &theirs);
	wish.since = NOW;
}

static void teardown(void)
{
	batv_memory_close(&memory);
	batv_memory_close(&theirs);
	free(bytes);
	bytes = NULL;
	sandbox_remove();
}

static bool begin(void)
{
	return batv_memory_merge_begin(&merge, &memory, (const void *)bytes, why, sizeof why);
}

/* In pieces of n bytes. */
static bool feed(size_t n, size_t until)
{
	for (size_t at = sizeof(struct batv_memory_head); at < until; at += n)
		ck_assert(batv_memory_merge_take(&merge, bytes + at,
						 n < until - at ? n : until - at));
	return batv_memory_merge_end(&merge);
}

static const size_t pieces[] = {1 << 20, 4096, 7, 8, 9, 64};

START_TEST(what_either_knows)
{
	for (unsigned i = 0; i < N; i++)
		record(i < N / 2 ? &theirs : &memory, i, NOW - (i % 10) * D);
	read_theirs();
	ck_assert(begin());
	ck_assert(feed(pieces[_i], size));
	for (unsigned i = 0; i < N; i++)
		ck_assert_msg(known(&memory, i), "item %u", i);
	for (unsigned i = N; i < 2 * N; i++)
		ck_assert_msg(!known(&memory, i), "item %u", i);

	/* Once more changes nothing. */
	uint64_t *before = malloc(memory.file_size);

	memcpy(before, memory.base, memory.file_size);
	ck_assert(begin());
	ck_assert(feed(pieces[_i], size));
	ck_assert_int_eq(memcmp(before, memory.base, memory.file_size), 0);
	free(before);
}
END_TEST

/* The ring of days: the later day stays, from whichever side it comes. */
START_TEST(days_of_one_place)
{
	const struct batv_item it = item(0);

	ck_assert_int_eq(batv_sent_note(&theirs, &it, NOW - 32 * D), BATV_SENT_DONE);
	ck_assert_int_eq(batv_sent_note(&memory, &it, NOW), BATV_SENT_DONE);
	read_theirs();
	ck_assert(begin() && feed(4096, size));
	ck_assert(known(&memory, 0));
	ck_assert(batv_sent_known(&memory, &it, D, NOW));
}
END_TEST

START_TEST(counts_of_days)
{
	for (unsigned i = 0; i < 40; i += 2) /* ids */
		record(&theirs, i, NOW);
	for (unsigned i = 0; i < 10; i += 2)
		record(&memory, i, NOW);
	read_theirs();
	ck_assert(begin() && feed(4096, size));
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_IDS, 1, NOW), 20);
	/* Ours are not lowered, and what else the other host counted is its own. */
	batv_count(&theirs, BATV_COUNT_SIGNED, NOW);
	ck_assert_uint_eq(batv_counted(&memory, BATV_COUNT_SIGNED, 1, NOW), 0);
}
END_TEST

START_TEST(what_does_not_fit)
{
	static const struct {
		struct batv_memory_wish wish;
		const char *says;
	} rows[] = {
		{{.generation = 1,
		  .now = NOW,
		  .capacity = 1000,
		  .retention = 15 * D,
		  .key_check = 8},
		 "another key"},
		{{.generation = 1,
		  .now = NOW,
		  .capacity = 2000,
		  .retention = 15 * D,
		  .key_check = 7},
		 "memory_capacity"},
		{{.generation = 1,
		  .now = NOW,
		  .capacity = 1000,
		  .retention = 40 * D,
		  .key_check = 7},
		 "memory_retention"},
		{{.generation = 1, .now = NOW}, "another key"},
	};

	batv_memory_close(&theirs);
	ck_assert_int_eq(batv_memory_file_create(dir, "theirs", &rows[_i].wish), BATV_OK);
	ck_assert_int_eq(batv_memory_open(&theirs, dir, "theirs"), BATV_OK);
	read_theirs();
	ck_assert(!begin());
	ck_assert_msg(strstr(why, rows[_i].says) != NULL, "%s", why);
}
END_TEST

START_TEST(what_is_no_memory_file)
{
	read_theirs();
	for (size_t i = 0; i < offsetof(struct batv_memory_head, reserved); i++) {
		bytes[i] ^= 1;
		ck_assert_msg(!begin(), "byte %zu", i);
		ck_assert_ptr_nonnull(strstr(why, "no memory file"));
		bytes[i] ^= 1;
	}
	ck_assert(begin());
}
END_TEST

/* Cut, or with zeros at its end: not all of it. */
START_TEST(what_was_cut)
{
	record(&theirs, 1, NOW);
	read_theirs();
	ck_assert(begin());
	ck_assert(!feed(4096, size - 1));
	ck_assert(begin());
	ck_assert(!feed(4096, size - 4096));
	memset(bytes + size - 8, 0, 8);
	ck_assert(begin());
	ck_assert(!feed(4096, size));
	ck_assert(known(&memory, 1)); /* what came was true */
}
END_TEST

START_TEST(our_own_memory_breaks)
{
	record(&theirs, 1, NOW);
	read_theirs();
	ck_assert(begin());
	ck_assert_int_eq(ftruncate(openat(dir, "memory", O_RDWR), 4096), 0);
	ck_assert(!batv_memory_merge_take(&merge, bytes + 4096, size - 4096));
	ck_assert(!batv_memory_merge_end(&merge));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("memory_merge");
	TCase *t = tcase_create("memory_merge");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_either_knows, 0, (int)COUNT(pieces));
	tcase_add_test(t, days_of_one_place);
	tcase_add_test(t, counts_of_days);
	tcase_add_loop_test(t, what_does_not_fit, 0, 4);
	tcase_add_test(t, what_is_no_memory_file);
	tcase_add_test(t, what_was_cut);
	tcase_add_test(t, our_own_memory_breaks);
	suite_add_tcase(s, t);
	return s;
}
