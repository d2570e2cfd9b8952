/*
 * log_mailed.c - who wrote to which host.
 *
 * Two tables of facts of 16 bytes, in buckets of four, which are one cache line.  In a full bucket
 * the oldest fact gives way.
 *
 * The tables are larger than the processor's cache, so a bucket is fetched first, and a new fact
 * waits for it among a few others.  Without that, a third of a report's time was spent waiting
 * here.
 */
#include <string.h>
#include <sys/mman.h>

#include "log_mailed.h"
#include "tag/tag.h"

#define BUCKET 4
#define SENDERS ((size_t)1 << 16) /* buckets: 262,144 messages on their way, 4 MB */
#define HOSTS ((size_t)1 << 18)   /* buckets: a million facts, 16 MB */
#define NULL_SENDER 1
#define ANYBODY 2

struct batv_log_fact {
	uint64_t name; /* a hash; 0: empty */
	uint64_t value;
};

/* Zeroed memory.  Its pages are touched in no order, so large ones save most of the page faults. */
static struct batv_log_fact *make_table(size_t buckets)
{
	size_t size = buckets * BUCKET * sizeof(struct batv_log_fact);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
#ifdef MADV_HUGEPAGE
	(void)madvise(p, size, MADV_HUGEPAGE);
#endif
	return p;
}

static void free_table(struct batv_log_fact *table, size_t buckets)
{
	if (table)
		(void)munmap(table, buckets * BUCKET * sizeof *table);
}

bool batv_log_mailed_new(struct batv_log_mailed *m)
{
	m->senders = make_table(SENDERS);
	m->hosts = make_table(HOSTS);
	if (m->senders && m->hosts)
		return true;
	batv_log_mailed_free(m);
	return false;
}

void batv_log_mailed_free(struct batv_log_mailed *m)
{
	free_table(m->senders, SENDERS);
	free_table(m->hosts, HOSTS);
	*m = (struct batv_log_mailed){0};
}

/* ---- names ---- */

/* Spreads all bits of a word over all bits (the finalizer of MurmurHash3). */
static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h ? h : 1;
}

/* Eight bytes at once.  `fold` has bit 5 of each byte set if case does not matter. */
static uint64_t name_of(struct batv_span s, uint64_t fold)
{
	uint64_t h = s.len, word;

	for (; s.len >= 8; s = batv_span_after(s, 8)) {
		memcpy(&word, s.p, 8);
		h = (h ^ (word | fold)) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, s.p, s.len);
	return mix(h ^ (word | fold));
}

static uint64_t id_name(struct batv_span id)
{
	return id.len < 16 ? 0 : name_of(id, 0);
}

static uint64_t folded_name(struct batv_span s)
{
	return name_of(s, UINT64_C(0x2020202020202020));
}

/* An address by its untagged form. */
static uint64_t address_name(struct batv_span address)
{
	char bare[BATV_ADDR_SIZE];

	if (batv_span_equal(address, batv_span_of("<>")))
		return NULL_SENDER;
	if (memmem(address.p, address.len, "prvs=", 5) &&
	    batv_tag_bare(address.p, address.len, bare, sizeof bare) == BATV_OK)
		return folded_name(batv_span_of(bare));
	return folded_name(address);
}

static uint64_t pair_name(uint64_t sender, uint64_t host)
{
	return mix(sender ^ (host * 3));
}

/* ---- facts ---- */

static struct batv_log_fact *bucket_of(const struct batv_log_mailed *m, struct batv_log_fact *table,
				       uint64_t name)
{
	return &table[(name >> 20) % (table == m->senders ? SENDERS : HOSTS) * BUCKET];
}

static uint64_t get(const struct batv_log_mailed *m, struct batv_log_fact *table, uint64_t name)
{
	struct batv_log_fact *b;

	if (!m->hosts || name == 0)
		return 0;
	b = bucket_of(m, table, name);
	for (unsigned i = 1; i <= BATV_LOG_MAILED_WAITING; i++) { /* the newest first */
		const struct batv_log_waiting *w =
			&m->waiting[(m->next - i) % BATV_LOG_MAILED_WAITING];

		if (w->name == name && w->bucket == b)
			return w->value;
	}
	for (size_t i = 0; i < BUCKET; i++)
		if (b[i].name == name)
			return b[i].value;
	return 0;
}

/* A new fact is the first of its bucket. */
static void store(const struct batv_log_waiting *w)
{
	struct batv_log_fact *b = w->bucket;
	size_t i = 0;

	while (i < BUCKET - 1 && b[i].name != w->name)
		i++;
	memmove(b + 1, b, i * sizeof *b);
	b[0] = (struct batv_log_fact){w->name, w->value};
}

static void put(struct batv_log_mailed *m, struct batv_log_fact *table, uint64_t name,
		uint64_t value)
{
	struct batv_log_waiting *w = &m->waiting[m->next++ % BATV_LOG_MAILED_WAITING];

	if (w->bucket)
		store(w);
	*w = (struct batv_log_waiting){bucket_of(m, table, name), name, value};
	__builtin_prefetch(w->bucket, 1);
}

void batv_log_mailed_from(struct batv_log_mailed *m, struct batv_span id, struct batv_span sender)
{
	if (m->senders && id.len >= 16)
		put(m, m->senders, id_name(id), address_name(sender));
}

void batv_log_mailed_to(struct batv_log_mailed *m, struct batv_span id, struct batv_span host,
			int64_t when)
{
	uint64_t sender = get(m, m->senders, id_name(id)), to = folded_name(host);

	if (sender == 0 || when <= 0)
		return;
	if (sender != NULL_SENDER)
		put(m, m->hosts, pair_name(sender, to), (uint64_t)when);
	put(m, m->hosts, pair_name(ANYBODY, to), (uint64_t)when);
}

bool batv_log_mailed_null(const struct batv_log_mailed *m, struct batv_span id)
{
	return get(m, m->senders, id_name(id)) == NULL_SENDER;
}

int64_t batv_log_mailed_last(const struct batv_log_mailed *m, struct batv_span address,
			     struct batv_span host)
{
	return (int64_t)get(m, m->hosts, pair_name(address_name(address), folded_name(host)));
}

int64_t batv_log_mailed_anybody(const struct batv_log_mailed *m, struct batv_span host)
{
	return (int64_t)get(m, m->hosts, pair_name(ANYBODY, folded_name(host)));
}
