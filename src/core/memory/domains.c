/*
 * domains.c - the domain table of the memory file: what is known about each domain.
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
 * that of batv_domain_probe().
 *
 * Slots of version 1 are shorter: they have the first 256 bytes of batv_domain_slot.  Nothing here
 * reads or writes beyond these bytes.
 */
#include "memory/domains.h"

#include <sched.h>
#include <string.h>

#include "base/days.h"
#include "base/span.h"

#define SETTLE_YIELDS 200  /* yields while another process claims, which takes a microsecond */
#define CLAIM_TRIES 16     /* claims of ours that others may end before we give up */
#define EVIDENCE_STEP 3600 /* seconds between two writes of a last_ time */

struct domain_job {
	char name[BATV_DOMAIN_NAME_MAX + 1];
	size_t len;
	uint32_t sum; /* of the policy */
	enum batv_evidence what;
	uint32_t when;
	size_t index;
	uint32_t flags;
	unsigned ended; /* claims that batv_domain_reclaim ended */
	enum batv_err err;
	bool found;
	struct batv_domain domain;
};

size_t batv_domain_home(const char *name, size_t len, size_t slots)
{
	uint64_t h = batv_fnv64(BATV_FNV_START, name, len);

	return (size_t)(h ^ h >> 32) & (slots - 1);
}

/* The page costs time, not the slot: within a page any order is as good as another. */
#define PAGE_SLOTS ((size_t)(BATV_MEMORY_PAGE / BATV_DOMAIN_SLOT_SIZE))

size_t batv_domain_probe(const struct batv_memory *m, size_t home, size_t i)
{
	size_t index = home + i;

	if (m->sections.version != BATV_MEMORY_VERSION_1)
		index = (home / PAGE_SLOTS + i / PAGE_SLOTS) * PAGE_SLOTS + index % PAGE_SLOTS;
	return index & (m->sections.domain_slots - 1);
}

uint32_t batv_domain_policy_sum(const char *policy_name)
{
	struct batv_span s = batv_span_of(policy_name);
	uint64_t h = batv_fnv64(BATV_FNV_START, s.p, s.len);
	uint32_t sum = (uint32_t)(h ^ h >> 32);

	return sum ? sum : 1; /* 0: not known */
}

/* Seconds in 32 bits; 0 means never. */
static uint32_t stamp_of(int64_t now)
{
	return now < 1 ? 1 : now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
}

static enum batv_err take_name(const char *domain, struct domain_job *job)
{
	struct batv_span s = batv_span_of(domain);
	size_t i;

	if (s.len == 0)
		return BATV_E_SYNTAX;
	if (s.len > BATV_DOMAIN_NAME_MAX)
		return BATV_E_TOO_LONG;
	for (i = 0; i < s.len; i++)
		job->name[i] = batv_fold(s.p[i]);
	job->name[s.len] = '\0';
	job->len = s.len;
	return BATV_OK;
}

static size_t place_of(const struct batv_memory *m, size_t index)
{
	return m->sections.domains_at + index * m->sections.domain_size;
}

static struct batv_domain_slot *slot_at(struct batv_memory *m, size_t index)
{
	return batv_memory_at(m, place_of(m, index));
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

static bool has_name(const struct batv_domain_slot *slot, const struct domain_job *job)
{
	return memcmp(slot->name, job->name, job->len + 1) == 0;
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
static bool publish(struct batv_domain_slot *slot, const struct domain_job *job, uint64_t claim)
{
	memcpy(slot->name, job->name, job->len + 1);
	return claim_change(slot, claim, claim_word((uint32_t)(claim >> 32), BATV_SLOT_READY));
}

/*
 * Walks once along the name's run, and returns its slot, found or claimed.  Returns NULL if the
 * walk must be repeated (*again is set) or the run is full.  It tries to claim a slot before it
 * looks at it, so that the first access to the page is a write.
 */
static struct batv_domain_slot *walk(struct batv_memory *m, const struct domain_job *job,
				     bool *again)
{
	size_t home = batv_domain_home(job->name, job->len, m->sections.domain_slots), i;
	uint64_t mine = claim_word(job->when, BATV_SLOT_CLAIMING);

	*again = false;
	for (i = 0; i < probes_of(m); i++) {
		struct batv_domain_slot *slot = slot_at(m, batv_domain_probe(m, home, i));
		enum batv_slot_state state;

		if (claim_change(slot, 0, mine)) {
			*again = !publish(slot, job, mine);
			return *again ? NULL : slot;
		}
		state = state_of(settled(slot));
		if (state == BATV_SLOT_READY && has_name(slot, job))
			return slot;
		if (state == BATV_SLOT_EMPTY) /* in a damaged file: a time without a claim */
			return NULL;
	}
	return NULL;
}

static struct batv_domain_slot *find_or_claim(struct batv_memory *m, const struct domain_job *job)
{
	unsigned i;
	bool again = true;
	struct batv_domain_slot *slot = NULL;

	for (i = 0; i < CLAIM_TRIES && again; i++)
		slot = walk(m, job, &again);
	return slot;
}

/*
 * Copies the slot that has the name, and notes its index, without changing anything.  A slot still
 * being claimed counts as absent.
 */
static bool look_up(const struct batv_memory *m, struct domain_job *job,
		    struct batv_domain_slot *slot)
{
	size_t home = batv_domain_home(job->name, job->len, m->sections.domain_slots), i;

	for (i = 0; i < probes_of(m); i++) {
		enum batv_slot_state state;

		job->index = batv_domain_probe(m, home, i);
		if (!batv_memory_peek(m, place_of(m, job->index), slot, BATV_DOMAIN_SLOT_SIZE_1))
			return false;
		state = state_of(slot->claim);
		if (state == BATV_SLOT_EMPTY)
			return false;
		if (state == BATV_SLOT_READY && has_name(slot, job))
			return true;
	}
	return false;
}

/* A first time is set once.  One from the future came from a wrong clock, and does not stay. */
static bool first_stays(uint32_t first, uint32_t when)
{
	return first != 0 && (first <= when || first - when <= BATV_DAY);
}

static void note_first(uint32_t *field, uint32_t when)
{
	uint32_t first = __atomic_load_n(field, __ATOMIC_RELAXED);

	if (!first_stays(first, when))
		(void)__atomic_compare_exchange_n(field, &first, when, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
}

static bool last_stays(uint32_t last, uint32_t when)
{
	return last != 0 && (when > last ? when - last : last - when) < EVIDENCE_STEP;
}

static void note_last(uint32_t *field, uint32_t when)
{
	if (!last_stays(__atomic_load_n(field, __ATOMIC_RELAXED), when))
		__atomic_store_n(field, when, __ATOMIC_RELAXED);
}

/* Clears a field.  It is written only if it is not 0, so that the page stays clean. */
static void forget(uint32_t *field)
{
	if (__atomic_load_n(field, __ATOMIC_RELAXED) != 0)
		__atomic_store_n(field, 0, __ATOMIC_RELAXED);
}

static void note_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	struct batv_domain_slot *slot = find_or_claim(m, job);

	if (!slot) {
		job->err = BATV_E_FULL;
		return;
	}
	if (__atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED) != job->sum)
		__atomic_store_n(&slot->policy_sum, job->sum, __ATOMIC_RELAXED);
	if (job->what == BATV_EVIDENCE_SIGNED) {
		note_first(&slot->first_signed, job->when);
		note_last(&slot->last_signed, job->when);
	} else {
		note_first(&slot->first_valid, job->when);
		note_last(&slot->last_valid, job->when);
	}
	job->err = BATV_OK;
}

/* Is all of it noted already?  It nearly always is, and then no page need be mapped. */
static bool is_noted(const struct batv_memory *m, struct domain_job *job)
{
	bool sent = job->what == BATV_EVIDENCE_SIGNED;
	struct batv_domain_slot slot;

	return m->windowed && look_up(m, job, &slot) && slot.policy_sum == job->sum &&
	       first_stays(sent ? slot.first_signed : slot.first_valid, job->when) &&
	       last_stays(sent ? slot.last_signed : slot.last_valid, job->when);
}

enum batv_err batv_domain_note(struct batv_memory *memory, const char *domain, const char *policy,
			       enum batv_evidence what, int64_t now)
{
	struct domain_job job;
	enum batv_err err = take_name(domain, &job);

	if (err != BATV_OK)
		return err;
	job.sum = batv_domain_policy_sum(policy);
	job.what = what;
	job.when = stamp_of(now);
	if (!memory->writable || !memory->sections.domains_at)
		return BATV_E_NO_FILE;
	if (is_noted(memory, &job))
		return BATV_OK;
	return batv_memory_guard(memory, note_body, &job) ? job.err : BATV_E_NO_FILE;
}

/*
 * The first_ times are cleared first, because without them the last_ times mean nothing.  The flag
 * is cleared here, because batvd may not be running.
 */
static void left_bare_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	struct batv_domain_slot *slot = slot_at(m, job->index);

	if (job->sum && __atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED) != job->sum)
		__atomic_store_n(&slot->policy_sum, job->sum, __ATOMIC_RELAXED);
	forget(&slot->first_signed);
	forget(&slot->first_valid);
	forget(&slot->last_signed);
	forget(&slot->last_valid);
	if (__atomic_load_n(&slot->flags, __ATOMIC_RELAXED) & BATV_DOMAIN_ARMED)
		(void)__atomic_and_fetch(&slot->flags, ~BATV_DOMAIN_ARMED, __ATOMIC_RELAXED);
}

void batv_domain_left_bare(struct batv_memory *memory, const char *domain, const char *policy)
{
	struct batv_domain_slot slot;
	struct domain_job job;

	if (!memory->writable || !memory->sections.domains_at ||
	    take_name(domain, &job) != BATV_OK || !look_up(memory, &job, &slot))
		return;
	job.sum = policy ? batv_domain_policy_sum(policy) : 0;
	(void)batv_memory_guard(memory, left_bare_body, &job);
}

static void merge_first(uint32_t *field, uint32_t when)
{
	uint32_t have = __atomic_load_n(field, __ATOMIC_RELAXED);

	while (when != 0 && (have == 0 || have > when) &&
	       !__atomic_compare_exchange_n(field, &have, when, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

static void merge_last(uint32_t *field, uint32_t when)
{
	uint32_t have = __atomic_load_n(field, __ATOMIC_RELAXED);

	while (have < when && !__atomic_compare_exchange_n(field, &have, when, false,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void merge_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	const struct batv_domain *d = &job->domain;
	struct batv_domain_slot *slot = find_or_claim(m, job);

	job->err = slot ? BATV_OK : BATV_E_FULL;
	if (!slot)
		return;
	if (d->last_signed >= __atomic_load_n(&slot->last_signed, __ATOMIC_RELAXED))
		__atomic_store_n(&slot->policy_sum, d->policy_sum, __ATOMIC_RELAXED);
	merge_first(&slot->first_signed, d->first_signed);
	merge_first(&slot->first_valid, d->first_valid);
	merge_last(&slot->last_signed, d->last_signed);
	merge_last(&slot->last_valid, d->last_valid);
	if (d->decided == 0 || __atomic_load_n(&slot->decided, __ATOMIC_RELAXED) != 0)
		return;
	__atomic_store_n(&slot->decided, d->decided, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->flags, d->flags, __ATOMIC_RELEASE);
}

enum batv_err batv_domain_merge(struct batv_memory *memory, const struct batv_domain *domain)
{
	struct domain_job job;
	enum batv_err err = take_name(domain->name, &job);

	if (err != BATV_OK)
		return err;
	job.domain = *domain;
	job.when = domain->last_signed ? domain->last_signed : 1;
	if (!memory->writable || !memory->sections.domains_at ||
	    !batv_memory_guard(memory, merge_body, &job))
		return BATV_E_NO_FILE;
	return job.err;
}

/* If somebody wrote into the file, the name may lack its NUL.  It is then cut off, not overrun. */
static void copy_slot(const struct batv_domain_slot *slot, struct batv_domain *out)
{
	memcpy(out->name, slot->name, sizeof out->name);
	out->name[sizeof out->name - 1] = '\0';
	out->policy_sum = __atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED);
	out->flags = __atomic_load_n(&slot->flags, __ATOMIC_RELAXED);
	out->first_signed = __atomic_load_n(&slot->first_signed, __ATOMIC_RELAXED);
	out->last_signed = __atomic_load_n(&slot->last_signed, __ATOMIC_RELAXED);
	out->first_valid = __atomic_load_n(&slot->first_valid, __ATOMIC_RELAXED);
	out->last_valid = __atomic_load_n(&slot->last_valid, __ATOMIC_RELAXED);
	out->decided = __atomic_load_n(&slot->decided, __ATOMIC_RELAXED);
}

bool batv_domain_find(const struct batv_memory *memory, const char *domain, struct batv_domain *out)
{
	struct batv_domain_slot slot;
	struct domain_job job;

	if (!memory->sections.domains_at || take_name(domain, &job) != BATV_OK ||
	    !look_up(memory, &job, &slot))
		return false;
	copy_slot(&slot, out);
	return true;
}

static void at_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	const struct batv_domain_slot *slot = slot_at(m, job->index);

	job->found = state_of(claim_of(slot)) == BATV_SLOT_READY;
	if (job->found)
		copy_slot(slot, &job->domain);
}

bool batv_domain_at(const struct batv_memory *memory, size_t index, struct batv_domain *out)
{
	struct domain_job job;

	job.index = index;
	if (!memory->sections.domains_at || index >= memory->sections.domain_slots ||
	    !batv_memory_guard_read(memory, at_body, &job) || !job.found)
		return false;
	*out = job.domain;
	return true;
}

static uint32_t take(uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED)
		       ? __atomic_exchange_n(field, 0, __ATOMIC_RELAXED)
		       : 0;
}

static void take_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	struct batv_domain_slot *slot = slot_at(m, job->index);

	at_body(m, arg);
	if (!job->found)
		return;
	job->domain.first_signed = take(&slot->first_signed);
	job->domain.first_valid = take(&slot->first_valid);
	job->domain.last_signed = take(&slot->last_signed);
	job->domain.last_valid = take(&slot->last_valid);
}

bool batv_domain_take(struct batv_memory *memory, size_t index, struct batv_domain *out)
{
	struct domain_job job;

	job.index = index;
	if (!memory->writable || !memory->sections.domains_at ||
	    index >= memory->sections.domain_slots || !batv_memory_guard(memory, take_body, &job) ||
	    !job.found)
		return false;
	*out = job.domain;
	return out->first_signed || out->first_valid || out->last_signed || out->last_valid;
}

static void next_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;

	for (job->found = false; job->index < m->sections.domain_slots; job->index++) {
		at_body(m, arg);
		if (job->found)
			return;
	}
}

bool batv_domain_next(const struct batv_memory *memory, size_t *index, struct batv_domain *out)
{
	struct domain_job job;

	job.index = *index;
	if (!memory->sections.domains_at || !batv_memory_guard_read(memory, next_body, &job) ||
	    !job.found)
		return false;
	*index = job.index;
	*out = job.domain;
	return true;
}

/* The time is written first, so that no reader of the new flags sees an older decision time. */
static void set_flags_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	struct batv_domain_slot *slot = slot_at(m, job->index);

	job->found = state_of(claim_of(slot)) == BATV_SLOT_READY;
	if (!job->found || __atomic_load_n(&slot->flags, __ATOMIC_RELAXED) == job->flags)
		return;
	__atomic_store_n(&slot->decided, job->when, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->flags, job->flags, __ATOMIC_RELEASE);
}

enum batv_err batv_domain_set_flags(struct batv_memory *memory, size_t index, uint32_t flags,
				    int64_t now)
{
	struct domain_job job;

	if (!batv_memory_there(memory) || !memory->writable || !memory->sections.domains_at)
		return BATV_E_NO_FILE;
	if (index >= memory->sections.domain_slots)
		return BATV_E_SYNTAX;
	job.index = index;
	job.flags = flags;
	job.when = stamp_of(now);
	if (!batv_memory_guard(memory, set_flags_body, &job))
		return BATV_E_NO_FILE;
	return job.found ? BATV_OK : BATV_E_SYNTAX;
}

static void reclaim_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	size_t i;

	for (i = 0; i < m->sections.domain_slots; i++) {
		struct batv_domain_slot *slot = slot_at(m, i);
		uint64_t w = claim_of(slot);
		uint32_t since = (uint32_t)(w >> 32);
		uint32_t age = job->when > since ? job->when - since : since - job->when;

		if (state_of(w) == BATV_SLOT_CLAIMING && age >= BATV_CLAIM_SECONDS &&
		    claim_change(slot, w, claim_word(since, BATV_SLOT_GONE)))
			job->ended++;
	}
}

unsigned batv_domain_reclaim(struct batv_memory *memory, int64_t now)
{
	struct domain_job job;

	job.when = stamp_of(now);
	job.ended = 0;
	if (!memory->writable || !memory->sections.domains_at)
		return 0;
	(void)batv_memory_guard(memory, reclaim_body, &job);
	return job.ended;
}
