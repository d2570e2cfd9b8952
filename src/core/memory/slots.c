/*
 * slots.c - finds and claims the slots of the domain table.  Each name has one slot.
 *
 * As in counters.c, any process may be killed at any instruction.  A half-written entry, such as a
 * claimed slot without its name, is never believed.
 *
 * A name has only one slot, for this reason.  A slot goes from EMPTY to CLAIMING, then to READY or
 * GONE, and stays there.  A process claims a slot only after it has seen every earlier slot of the
 * name's run READY with another name, or GONE.  It never passes a slot that is CLAIMING: it waits
 * for a moment and then ends that claim.  So if two processes have the same name, the later one
 * finds the earlier one's slot or ends its claim, and in the second case the earlier one starts
 * again.  All walks along a name's run must therefore visit its slots in the same order, which is
 * that of batv_slot_probe().
 */
#include "memory/slots.h"

#include <sched.h>
#include <string.h>

#include "base/span.h"

#define SETTLE_YIELDS 200 /* yields while another process claims, which takes a microsecond */
#define CLAIM_TRIES 16    /* claims of ours that others may end before we give up */

size_t batv_slot_home(const char *name, size_t len, size_t slots)
{
	uint64_t h = batv_fnv64(BATV_FNV_START, name, len);

	return (size_t)(h ^ h >> 32) & (slots - 1);
}

/* The page costs time, not the slot: within a page any order is as good as another. */
#define PAGE_SLOTS ((size_t)(BATV_MEMORY_PAGE / BATV_DOMAIN_SLOT_SIZE))

size_t batv_slot_probe(const struct batv_memory *m, size_t home, size_t i)
{
	size_t index = home + i;

	if (m->sections.version != BATV_MEMORY_VERSION_1)
		index = (home / PAGE_SLOTS + i / PAGE_SLOTS) * PAGE_SLOTS + index % PAGE_SLOTS;
	return index & (m->sections.domain_slots - 1);
}

uint32_t batv_slot_stamp(int64_t now)
{
	return now < 1 ? 1 : now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
}

enum batv_err batv_slot_name(const char *domain, struct batv_slot_name *name)
{
	struct batv_span s = batv_span_of(domain);
	size_t i;

	if (s.len == 0)
		return BATV_E_SYNTAX;
	if (s.len > BATV_DOMAIN_NAME_MAX)
		return BATV_E_TOO_LONG;
	for (i = 0; i < s.len; i++)
		name->text[i] = batv_fold(s.p[i]);
	name->text[s.len] = '\0';
	name->len = s.len;
	return BATV_OK;
}

static size_t slot_offset(const struct batv_memory *m, size_t index)
{
	return m->sections.domains_at + index * m->sections.domain_size;
}

struct batv_domain_slot *batv_slot_at(struct batv_memory *m, size_t index)
{
	return batv_memory_at(m, slot_offset(m, index));
}

static size_t probes_of(const struct batv_memory *m)
{
	return m->sections.domain_slots < BATV_DOMAIN_PROBES ? m->sections.domain_slots
							     : BATV_DOMAIN_PROBES;
}

static enum batv_slot_state state_of(uint64_t claim)
{
	uint32_t state = (uint32_t)claim;

	return state <= BATV_SLOT_READY ? (enum batv_slot_state)state : BATV_SLOT_GONE;
}

static uint64_t claim_word(uint32_t when, enum batv_slot_state state)
{
	return (uint64_t)when << 32 | (uint64_t)state;
}

/* Acquire: a process that sees READY also sees the name. */
static uint64_t claim_of(const struct batv_domain_slot *slot)
{
	return __atomic_load_n(&slot->claim, __ATOMIC_ACQUIRE);
}

static bool claim_change(struct batv_domain_slot *slot, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(&slot->claim, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static bool has_name(const struct batv_domain_slot *slot, const struct batv_slot_name *name)
{
	return memcmp(slot->name, name->text, name->len + 1) == 0;
}

/*
 * Returns the slot's claim word once it is not CLAIMING.  The claimer needs a microsecond.  If it
 * was stopped or killed during that time, this ends the claim.
 */
static uint64_t settled(struct batv_domain_slot *slot)
{
	uint64_t w = claim_of(slot);
	unsigned i;

	for (i = 0; state_of(w) == BATV_SLOT_CLAIMING; i++, w = claim_of(slot)) {
		if (i < SETTLE_YIELDS)
			(void)sched_yield();
		else
			(void)claim_change(slot, w,
					   claim_word((uint32_t)(w >> 32), BATV_SLOT_GONE));
	}
	return w;
}

/*
 * Writes the name into a slot that we have claimed.  Returns false if another process lost patience
 * and ended the claim.
 */
static bool publish_name(struct batv_domain_slot *slot, const struct batv_slot_name *name,
			 uint64_t claim)
{
	memcpy(slot->name, name->text, name->len + 1);
	return claim_change(slot, claim, claim_word((uint32_t)(claim >> 32), BATV_SLOT_READY));
}

/*
 * Walks once along the name's run, and returns its slot, found or claimed.  Returns NULL if the
 * walk must be repeated (*again is set) or the run is full.  It tries to claim a slot before it
 * looks at it, so that the first access to the page is a write.
 */
static struct batv_domain_slot *walk_run(struct batv_memory *m, const struct batv_slot_name *name,
					 uint32_t when, bool *again)
{
	size_t home = batv_slot_home(name->text, name->len, m->sections.domain_slots), i;
	uint64_t mine = claim_word(when, BATV_SLOT_CLAIMING);

	*again = false;
	for (i = 0; i < probes_of(m); i++) {
		struct batv_domain_slot *slot = batv_slot_at(m, batv_slot_probe(m, home, i));
		enum batv_slot_state state;

		if (claim_change(slot, 0, mine)) {
			*again = !publish_name(slot, name, mine);
			return *again ? NULL : slot;
		}
		state = state_of(settled(slot));
		if (state == BATV_SLOT_READY && has_name(slot, name))
			return slot;
		if (state == BATV_SLOT_EMPTY) /* in a damaged file: a time without a claim */
			return NULL;
	}
	return NULL;
}

struct batv_domain_slot *batv_slot_claim(struct batv_memory *m, const struct batv_slot_name *name,
					 uint32_t when)
{
	unsigned i;
	bool again = true;
	struct batv_domain_slot *slot = NULL;

	for (i = 0; i < CLAIM_TRIES && again; i++)
		slot = walk_run(m, name, when, &again);
	return slot;
}

bool batv_slot_find(struct batv_memory *m, const struct batv_slot_name *name, size_t *index,
		    struct batv_domain_slot *slot)
{
	size_t home = batv_slot_home(name->text, name->len, m->sections.domain_slots), i;

	for (i = 0; i < probes_of(m); i++) {
		enum batv_slot_state state;

		*index = batv_slot_probe(m, home, i);
		if (!batv_memory_peek(m, slot_offset(m, *index), slot, BATV_DOMAIN_SLOT_SIZE_1))
			return false;
		state = state_of(slot->claim);
		if (state == BATV_SLOT_EMPTY)
			return false;
		if (state == BATV_SLOT_READY && has_name(slot, name))
			return true;
	}
	return false;
}

bool batv_slot_read(struct batv_memory *m, size_t index, struct batv_domain_slot *slot)
{
	memset(slot, 0, sizeof *slot);
	return batv_memory_peek(m, slot_offset(m, index), slot, m->sections.domain_size);
}

bool batv_slot_in_use(const struct batv_domain_slot *slot)
{
	return state_of(claim_of(slot)) == BATV_SLOT_READY;
}

struct reclaim {
	uint32_t when;
	unsigned ended; /* claims */
};

static void reclaim_body(struct batv_memory *m, void *arg)
{
	struct reclaim *job = arg;
	size_t i;

	for (i = 0; i < m->sections.domain_slots; i++) {
		struct batv_domain_slot *slot = batv_slot_at(m, i);
		uint64_t w = claim_of(slot);
		uint32_t since = (uint32_t)(w >> 32);
		uint32_t age = job->when > since ? job->when - since : since - job->when;

		if (state_of(w) == BATV_SLOT_CLAIMING && age >= BATV_CLAIM_SECONDS &&
		    claim_change(slot, w, claim_word(since, BATV_SLOT_GONE)))
			job->ended++;
	}
}

unsigned batv_slot_reclaim(struct batv_memory *memory, int64_t now)
{
	struct reclaim job = {.when = batv_slot_stamp(now), .ended = 0};

	if (!memory->writable || !memory->sections.domains_at)
		return 0;
	(void)batv_memory_guard(memory, reclaim_body, &job);
	return job.ended;
}
