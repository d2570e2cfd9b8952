/*
 * fleet.c - how far this host's memory knows what its fleet sent.
 *
 * Invariant: each of the two is one atomic word of the header page.
 */
#include "memory/fleet.h"

static int64_t word_at(struct batv_memory *memory, size_t offset)
{
	int64_t word;

	return batv_memory_peek(memory, offset, &word, sizeof word) ? word : 0;
}

int64_t batv_fleet_until(struct batv_memory *memory)
{
	return word_at(memory, offsetof(struct batv_memory_head, fleet_until));
}

int64_t batv_fleet_since(struct batv_memory *memory)
{
	return word_at(memory, offsetof(struct batv_memory_head, fleet_since));
}

static void until_body(struct batv_memory *m, void *arg)
{
	const int64_t until = *(const int64_t *)arg;
	struct batv_memory_head *head = batv_memory_at(m, 0);
	int64_t w = __atomic_load_n(&head->fleet_until, __ATOMIC_RELAXED);

	/* A process that sees this word also sees the items that were merged before it. */
	while ((until == 0 || w < until) &&
	       !__atomic_compare_exchange_n(&head->fleet_until, &w, until, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

void batv_fleet_set_until(struct batv_memory *memory, int64_t until)
{
	if (memory->writable)
		(void)batv_memory_guard(memory, until_body, &until);
}

static void since_body(struct batv_memory *m, void *arg)
{
	struct batv_memory_head *head = batv_memory_at(m, 0);

	__atomic_store_n(&head->fleet_since, *(const int64_t *)arg, __ATOMIC_RELEASE);
}

void batv_fleet_set_since(struct batv_memory *memory, int64_t since)
{
	if (memory->writable)
		(void)batv_memory_guard(memory, since_body, &since);
}
