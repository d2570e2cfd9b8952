/*
 * journal.c - the journal of the memory file: a ring of records.
 *
 * Any number of processes write at the same time, and any may be killed at any instruction.  No two
 * have the same position, unless one of them sleeps while the ring comes round.  No locks, no
 * allocation, no clock.
 */
#include "memory/journal.h"

#include <string.h>

#include "base/span.h"

#define TOGETHER 64 /* records of one write: more than most messages have */

_Static_assert(sizeof((struct batv_journal_record){0}.name) == BATV_ITEM_LEN, "a name fits");

static uint32_t check_of(const struct batv_journal_record *r, uint64_t position)
{
	uint64_t sum = batv_fnv64(BATV_FNV_START, &position, sizeof position);

	sum = batv_fnv64(sum, &r->day,
			 offsetof(struct batv_journal_record, check) -
				 offsetof(struct batv_journal_record, day));
	sum = batv_fnv64(sum, r->name, sizeof r->name);
	return (uint32_t)(sum ^ sum >> 32);
}

static size_t place_of(const struct batv_memory *m, uint64_t position)
{
	return m->sections.journal_at + (size_t)(position % m->sections.journal_records) *
						sizeof(struct batv_journal_record);
}

/* ---- Writing ---- */

static void fill(struct batv_journal_record *r, uint64_t position, const struct batv_item *item,
		 uint64_t day)
{
	r->position = (uint32_t)position;
	r->day = (uint16_t)day;
	r->kind = item->kind == BATV_ITEM_ID ? BATV_JOURNAL_ID : BATV_JOURNAL_PAIR;
	r->topic = 0;
	memcpy(r->name, item->name, sizeof r->name);
	r->check = check_of(r, position);
}

static void write_records(struct batv_memory *m, uint64_t position,
			  const struct batv_journal_record *records, size_t n)
{
	if (n > 0 && !batv_memory_write(m, place_of(m, position), records, n * sizeof *records))
		(void)__atomic_fetch_add(&batv_counter_row(m, BATV_COUNT_PAIRS)->journal, n,
					 __ATOMIC_RELAXED);
}

void batv_journal_add(struct batv_memory *m, const struct batv_item *items, size_t n, uint64_t day,
		      const enum batv_sent_answer *answers)
{
	_Alignas(uint64_t) struct batv_journal_record records[TOGETHER];
	size_t i, filled = 0;
	uint64_t wanted = 0, at;

	for (i = 0; i < n; i++)
		wanted += answers[i] != BATV_SENT_KNOWN;
	if (wanted == 0)
		return;
	at = __atomic_fetch_add(&batv_counter_row(m, BATV_COUNT_IDS)->journal, wanted,
				__ATOMIC_RELAXED);
	for (i = 0; i < n; i++) {
		if (answers[i] == BATV_SENT_KNOWN)
			continue;
		if (filled == TOGETHER || (at + filled) % m->sections.journal_records == 0) {
			write_records(m, at, records, filled);
			at += filled;
			filled = 0;
		}
		fill(&records[filled], at + filled, &items[i], day);
		filled++;
	}
	write_records(m, at, records, filled);
}

/* ---- Reading ---- */

uint64_t batv_journal_room(const struct batv_memory *memory)
{
	return batv_journal_there(memory) ? memory->sections.journal_records : 0;
}

static bool word_of(struct batv_memory *m, size_t counter, uint64_t *out)
{
	return batv_memory_peek(m,
				m->sections.counters_at +
					counter * sizeof(struct batv_counter_row) +
					offsetof(struct batv_counter_row, journal),
				out, sizeof *out);
}

bool batv_journal_head(struct batv_memory *memory, struct batv_journal_head *head)
{
	return batv_memory_there(memory) && batv_journal_there(memory) &&
	       word_of(memory, BATV_COUNT_IDS, &head->next) &&
	       word_of(memory, BATV_COUNT_PAIRS, &head->failed);
}

static bool is_whole(const struct batv_journal_record *r, uint64_t position)
{
	return r->kind != 0 && r->position == (uint32_t)position &&
	       r->check == check_of(r, position);
}

enum batv_journal_answer batv_journal_read(struct batv_memory *memory, uint64_t position,
					   struct batv_journal_entry *entry)
{
	_Alignas(uint64_t) struct batv_journal_record r;
	struct batv_journal_head head;

	if (!batv_memory_there(memory) || !batv_journal_there(memory) ||
	    !batv_memory_peek(memory, place_of(memory, position), &r, sizeof r))
		return BATV_JOURNAL_NO_MEMORY;
	if (is_whole(&r, position)) {
		entry->position = position;
		entry->day = r.day;
		entry->kind = r.kind;
		entry->topic = r.topic;
		memcpy(entry->name, r.name, sizeof entry->name);
		return BATV_JOURNAL_WHOLE;
	}
	if (!batv_journal_head(memory, &head))
		return BATV_JOURNAL_NO_MEMORY;
	return head.next > position && head.next - position > batv_journal_room(memory)
		       ? BATV_JOURNAL_GONE
		       : BATV_JOURNAL_MISSING;
}
