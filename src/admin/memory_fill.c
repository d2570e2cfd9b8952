/*
 * memory_fill.c - how full the filters of the sent-mail memory are, and how often so full a filter
 * is wrong.
 *
 * It only reads, and trusts the counters rather than the bits: to look at every page of a large
 * file would be slow.  It has its own exponential function, so that nothing needs libm.  Invariant:
 * the chance is between 0 and 1, and *out is written only on success.
 */
#include "memory_fill.h"

#include "evidence/clues.h"
#include "memory/counters.h"

/* e to the minus x, for x >= 0: (1 - x / 2^20) to the 2^20. */
static double decay(double x)
{
	double y = 1 - x / 1048576;
	unsigned i;

	for (i = 0; i < 20; i++)
		y *= y;
	return y;
}

static double power(double x, unsigned n)
{
	double y = 1;

	for (; n > 0; n--)
		y *= x;
	return y;
}

/*
 * The items of a line are Poisson distributed.  n items leave a place empty with probability
 * empty = (1 - 1/384)^(bits * n); the second term is for lines that are fuller than the mean.
 */
double batv_memory_fill_chance(double load, unsigned bits)
{
	double share = decay(load), empty = 1, sum = 0;
	unsigned n;

	if (load > 100)
		return 1;
	for (n = 0; n < 300; n++) {
		double hit = 1 - empty, c = (double)(n * bits) / BATV_LINE_BITS;
		double spread = empty * (1 - (1 + c) * empty) / BATV_LINE_BITS;
		double more = n ? bits * (bits - 1.0) / 2 * spread / (hit * hit) : 0;

		sum += share * power(hit, bits) * (1 + more);
		share *= load / (n + 1);
		empty *= power(1 - 1.0 / BATV_LINE_BITS, bits);
	}
	return sum;
}

bool batv_memory_fill(struct batv_memory *memory, enum batv_item_kind kind, int64_t now,
		      struct batv_memory_fill *out)
{
	const struct batv_filter *f = &memory->sections.filters[kind == BATV_ITEM_ID ? 0 : 1];
	struct batv_memory_fill fill = {.capacity = f->capacity};
	size_t counter = batv_sent_counter(kind);
	uint64_t before = 0;
	unsigned i;

	if (!batv_memory_there(memory) || !f->at || !batv_counters_there(memory))
		return false;
	fill.today = batv_counted(memory, counter, 1, now);
	for (i = 1; i < f->lines; i++) {
		uint64_t sum = batv_counted(memory, counter, i, now), n = sum - before;

		if (i > BATV_COUNTER_DAYS) /* no count is kept of it */
			n = fill.fullest;
		if (i <= BATV_COUNTER_DAYS && n > fill.fullest)
			fill.fullest = n;
		before = sum;
		fill.chance +=
			BATV_LOOKUPS_MAX * batv_memory_fill_chance((double)n / f->blocks, f->bits);
	}
	if (fill.chance > 1)
		fill.chance = 1;
	if (!batv_memory_there(memory))
		return false;
	*out = fill;
	return true;
}
