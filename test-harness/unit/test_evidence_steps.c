/* links: core/evidence/search core/evidence/recorded core/evidence/clues core/evidence/citation core/evidence/decode core/tag/tag core/base/hmac core/tag/addr core/base/span */
/*
 * test_evidence_steps.c - messages that were made to keep the search busy, measured in steps, not
 * in time.  None takes more than ten times the steps of plain text of its size.  The limit never
 * cuts off evidence in a message from today's programs.  Run from the top of the tree.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "busy_texts.h"
#include "evidence/search.h"
#include "unit.h"

#define BODY_BYTES 131072 /* the default of evidence_bytes */
#define MORE 4
#define TIMES 10 /* times the steps of plain text */
#define MESSAGES "test-harness/unit/[em]*/*.eml"

static struct batv_search search;
static char text[BODY_BYTES * MORE];

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* other processes do not count */
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t steps(void)
{
	return search.passed + search.closer;
}

/* The time it took. */
static double search_body(size_t len)
{
	double start = now_ms();

	batv_search_start(&search);
	batv_search_body(&search, (struct batv_span){text, len});
	return now_ms() - start;
}

START_TEST(nothing_takes_many_steps)
{
	double small = 1e9, large = 1e9, took;
	size_t plain, plain_more, few;

	fill(text, sizeof text, &busy[0]);
	(void)search_body(BODY_BYTES);
	plain = steps();
	(void)search_body(sizeof text);
	plain_more = steps();
	ck_assert_uint_ge(plain, BODY_BYTES); /* a byte is a step at least: steps are counted */

	fill(text, sizeof text, &busy[_i]);
	for (unsigned round = 0; round < 2; round++) {
		took = search_body(sizeof text);
		large = took < large ? took : large;
		ck_assert_uint_ge(steps(), sizeof text);
		ck_assert_uint_le(steps(), TIMES * plain_more);
		took = search_body(BODY_BYTES);
		small = took < small ? took : small;
	}
	few = steps();
	ck_assert_uint_ge(few, BODY_BYTES);
	ck_assert_uint_le(few, TIMES * plain);
	ck_assert_uint_le(search.closer, search.passed + BATV_CLOSER_MORE);
	(void)printf(
		"evidence: %-42s %4.1f x plain text; %6.2f ms for 128 KiB, %6.2f ms for 512 KiB\n",
		busy[_i].name, (double)few / (double)plain, small, large);
	ck_assert_double_lt(small, 500); /* with sanitizers */
}
END_TEST

/* Short texts too: the cost of a few labels is bounded, even in a few bytes. */
START_TEST(short_texts_take_few_steps)
{
	for (size_t len = 1; len <= 16384; len *= 2) {
		fill(text, len, &busy[_i]);
		(void)search_body(len);
		ck_assert_uint_le(steps(), 12 * len + BATV_CLOSER_MORE);
	}
}
END_TEST

/* One closer look, made as long as possible: a look that starts within the allowance ends within
 * the limit. */
START_TEST(one_look_is_short)
{
	static const char *const inside[] = {
		"&",      "&&&&&&=\n=\n=\n=\n=\n=\n=\n=\n=\n=\n=\n=\n",
		" ",      "\n ",
		"a",      "=\n",
		"=  \n",  "&lt",
		"<b>",    "&nbsp;",
		"=26",    "=20",
		"=3C=\n", "<",
		"\"",     "<b =\n=\n>",
		"a@b.",
	};
	static const char *const begin[] = {
		"message-id:&lt;",   "message-id:<",        "message-id:",
		"message-id=3C",     "message-id:<b><",     "\"a+prvs=0123456789\"",
		"prvs=0123456789=a", "prvs=0123456789=a@a", "=+prvs=0123456789@a",
	};

	for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
		for (size_t j = 0; j < sizeof begin / sizeof begin[0]; j++) {
			const struct busy b = {.piece = inside[i], .before = begin[j]};

			fill(text, 5000, &b);
			(void)search_body(5000);
			ck_assert_msg(search.closer < 40960, "%s %s: %zu", begin[j], inside[i],
				      search.closer);
		}
}
END_TEST

/* ---- fields ---- */

static const struct {
	const char *name, *piece;
} fields[] = {
	{"In-Reply-To", "<#@x> "},
	{"In-Reply-To", "<"},
	{"References", "<#@x> "},
	{"References", "<a@x>"},
	{"References", "a@x "},
	{"References", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "},
	{"References", "\n\t"},
	{"References", "<\n "},
	{"References", "< a @ "},
	{"References", "<\"="},
	{"References", "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	{"Original-Message-ID", "&lt;"},
	{"X-Original-Message-ID", "prvs=0123456789="},
	{"Content-Type", "a/b;"},
	{"Content-Type", " \t"},
	{"Content-Transfer-Encoding", " \t"},
	{"Subject", "Message-ID: <#@x>"},
	{"", ""},
};
#define FIELDS (sizeof fields / sizeof fields[0])

/* A megabyte of header, in fields of any size, takes a few steps per byte. */
START_TEST(headers_take_few_steps)
{
	const struct busy b = {.piece = fields[_i].piece, .before = ""};
	struct batv_span name = batv_span_of(fields[_i].name);

	if (*b.piece)
		fill(text, sizeof text, &b);
	for (size_t size = 1; size <= sizeof text; size *= 8) {
		size_t bytes = 0;

		batv_search_start(&search);
		for (unsigned n = 0; bytes < 1000000 && n < 20000; n++) {
			size_t at = (n * size) % (sizeof text - size + 1);

			batv_search_header(&search, (struct batv_header){name, {text + at, size}});
			bytes += name.len + size + 2;
		}
		ck_assert_uint_ge(steps(), 1);
		ck_assert_msg(steps() <= 6 * bytes, "%s of %zu: %zu steps for %zu bytes",
			      fields[_i].name, size, steps(), bytes);
	}
}
END_TEST

/* ---- text that the limit cuts off ---- */

/* Here the header is searched as part of the body, which is more work than in reality. */
START_TEST(messages_of_today_are_far_below_the_limit)
{
	glob_t files;

	ck_assert_int_eq(glob(MESSAGES, 0, NULL, &files), 0);
	ck_assert_uint_ge(files.gl_pathc, 80);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		FILE *f = fopen(files.gl_pathv[i], "rb");
		size_t len;

		ck_assert_ptr_nonnull(f);
		len = fread(text, 1, sizeof text, f);
		(void)fclose(f);
		(void)search_body(len);
		ck_assert_msg(!search.found.full && search.closer < BATV_CLOSER_MORE / 8, "%s: %zu",
			      files.gl_pathv[i], search.closer);
	}
	globfree(&files);
}
END_TEST

static bool has_id(const char *id)
{
	for (size_t i = 0; i < search.found.n; i++)
		if (batv_span_equal(search.found.clues[i].value, batv_span_of(id)))
			return true;
	return false;
}

/* Text without labels pays for what comes after it. */
START_TEST(after_a_busy_stretch_it_finds_again)
{
	const char label[] = "\nMessage-ID: <late@x>\n";
	const struct busy stretch = {.piece = "message-id=", .before = ""};
	size_t at = BODY_BYTES;

	fill(text, sizeof text, &busy[0]);
	fill(text, at, &stretch);
	memcpy(text + at + 1, label, sizeof label - 1);
	(void)search_body(sizeof text);
	ck_assert(search.found.full); /* it says that it passed something over */
	ck_assert(!has_id("late@x"));
	memcpy(text + sizeof text - 100, label, sizeof label - 1);
	(void)search_body(sizeof text);
	ck_assert(has_id("late@x"));
}
END_TEST

/* An id too many is noted as such; an id that is already known does not count again. */
START_TEST(full_means_that_there_was_more)
{
	const unsigned room = BATV_CLUE_IDS_MAX * 5 / 6; /* the rest is for what is returned */
	size_t at = 0;

	for (unsigned i = 0; i < room; i++)
		at += (size_t)sprintf(text + at, "Message-ID: <%u@x>\n", i);
	at += (size_t)sprintf(text + at, "Message-ID: <0@x>\nMessage-ID: none\n");
	(void)search_body(at);
	ck_assert_uint_eq(search.found.n, room);
	ck_assert(!search.found.full);
	at += (size_t)sprintf(text + at, "Message-ID: <more@x>\nprvs=0123456789=a@b\n");
	(void)search_body(at);
	ck_assert(search.found.full);
	ck_assert_uint_eq(search.found.n, room + 1); /* tags have room of their own */
}
END_TEST

/* The search uses only the stack, and no more of it for 100 MB than for 100 bytes. */
START_TEST(a_large_body_takes_no_memory)
{
#ifdef __SANITIZE_ADDRESS__
	enum { SIZE = 10000000 };
#else
	enum { SIZE = 100000000 };
#endif
	char *large = malloc(SIZE);
	struct rusage before, after;
	double start;

	ck_assert_ptr_nonnull(large);
	memset(large, 'x', SIZE);
	for (size_t i = 0; i < SIZE; i += 64)
		large[i] = "mp"[i / 64 % 2];
	(void)search_body((size_t)sprintf(text, "Message-ID: <a@b>"));
	getrusage(RUSAGE_SELF, &before);
	start = now_ms();
	batv_search_start(&search);
	batv_search_body(&search, (struct batv_span){large, SIZE});
	getrusage(RUSAGE_SELF, &after);
	(void)printf("evidence: %d MB without line ends, uncut: %.0f ms, %ld KiB more\n",
		     SIZE / 1000000, now_ms() - start, after.ru_maxrss - before.ru_maxrss);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 256);
	free(large);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("evidence_steps");
	TCase *tc = tcase_create("steps");

	tcase_add_loop_test(tc, nothing_takes_many_steps, 0, (int)BUSY);
	tcase_add_loop_test(tc, short_texts_take_few_steps, 0, (int)BUSY);
	tcase_add_test(tc, one_look_is_short);
	tcase_add_loop_test(tc, headers_take_few_steps, 0, (int)FIELDS);
	tcase_add_test(tc, messages_of_today_are_far_below_the_limit);
	tcase_add_test(tc, after_a_busy_stretch_it_finds_again);
	tcase_add_test(tc, full_means_that_there_was_more);
	tcase_add_test(tc, a_large_body_takes_no_memory);
	suite_add_tcase(s, tc);
	return s;
}
