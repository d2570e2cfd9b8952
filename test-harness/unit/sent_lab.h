/*
 * sent_lab.h - what the tests of the sent-mail memory share: a small file with filters, and items
 * to put into it.
 */
#ifndef SENT_LAB_H
#define SENT_LAB_H

#include "memory/sent.h"
#include "memory_lab.h"

#define RETENTION (14 * D)
#define CAPACITY 1000

static bool with_journal; /* of the files that are made */

static const struct batv_span key = {"0123456789abcdef0123456789abcdef", 32};

__attribute__((unused)) static enum batv_err make_sized(const char *name, uint64_t capacity,
							int64_t retention)
{
	return batv_memory_file_create(
		dir, name,
		&(struct batv_memory_wish){.generation = 1,
					   .now = NOW,
					   .since = NOW,
					   .capacity = capacity,
					   .retention = retention,
					   .key_check = batv_sent_key_check(key),
					   .journal = with_journal});
}

__attribute__((unused)) static void open_sized(uint64_t capacity, int64_t retention)
{
	ck_assert_int_eq(make_sized("memory", capacity, retention), BATV_OK);
	open_memory();
}

__attribute__((unused)) static void setup(void)
{
	sandbox_make();
	open_sized(CAPACITY, RETENTION);
}

__attribute__((unused)) static void setup_windows(void)
{
	with_windows = true;
	setup();
}

__attribute__((unused)) static struct batv_addr address(const char *text)
{
	struct batv_addr a;

	ck_assert_int_eq(batv_addr_parse(text, strlen(text), &a), BATV_OK);
	return a;
}

__attribute__((unused)) static struct batv_item id(const char *text, const char *ours)
{
	struct batv_addr a = address(ours);
	struct batv_item item;

	ck_assert(batv_sent_id(key, batv_span_of(text), &a, &item));
	return item;
}

__attribute__((unused)) static struct batv_item pair(const char *ours, const char *theirs)
{
	struct batv_addr a = address(ours), b = address(theirs);
	struct batv_item item;

	ck_assert(batv_sent_pair(key, &a, &b, &item));
	return item;
}

/* As good as a MAC, and quicker. */
__attribute__((unused)) static uint64_t mix(uint64_t n)
{
	n += UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

__attribute__((unused)) static struct batv_item numbered(enum batv_item_kind kind, uint64_t n)
{
	struct batv_item item = {.kind = kind};
	uint64_t words[3] = {mix(3 * n), mix(3 * n + 1), mix(3 * n + 2)};

	memcpy(item.name, words, sizeof item.name);
	return item;
}

__attribute__((unused)) static enum batv_sent_answer put(struct batv_item item, int64_t now)
{
	return batv_sent_note(&memory, &item, now);
}

__attribute__((unused)) static bool has(struct batv_item item, int64_t now)
{
	return batv_sent_known(&memory, &item, RETENTION, now);
}

#endif
