/*
 * domains.c - what the domain table knows about each domain: policy, flags, breaks, and the times
 * of evidence.  sending.c knows more about the evidence.
 *
 * Slots of version 1 are shorter: they have the first 256 bytes of batv_domain_slot.  Nothing
 * beyond these is read or written in them.
 */
#include "memory/domains.h"

#include <string.h>

#include "base/days.h"
#include "base/span.h"
#include "memory/slots.h"

#define EVIDENCE_STEP 3600 /* seconds between two writes of a last_ time */
#define BREAK_STEP 900     /* seconds between two breaks of a domain */

uint32_t batv_domain_policy_sum(const char *policy_name)
{
	struct batv_span s = batv_span_of(policy_name);
	uint64_t h = batv_fnv64(BATV_FNV_START, s.p, s.len);
	uint32_t sum = (uint32_t)(h ^ h >> 32);

	return sum ? sum : 1; /* 0: not known */
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
static void clear_field(uint32_t *field)
{
	if (__atomic_load_n(field, __ATOMIC_RELAXED) != 0)
		__atomic_store_n(field, 0, __ATOMIC_RELAXED);
}

/* Evidence to be noted. */
struct note {
	struct batv_slot_name name;
	uint32_t policy_sum, when;
	enum batv_evidence what;
	const struct batv_sending_clues *clues;
	int64_t now;
	enum batv_err err;
};

/* After a long pause, the first valid bounce is the first one after that pause. */
static bool valid_paused(const struct batv_domain_slot *slot, uint32_t when)
{
	uint32_t last = __atomic_load_n(&slot->last_valid, __ATOMIC_RELAXED);

	return last != 0 && last < when && when - last > BATV_SENDING_DAYS * BATV_DAY;
}

static void note_body(struct batv_memory *m, void *arg)
{
	struct note *job = arg;
	struct batv_domain_slot *slot = batv_slot_claim(m, &job->name, job->when);

	if (!slot) {
		job->err = BATV_E_FULL;
		return;
	}
	if (__atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED) != job->policy_sum)
		__atomic_store_n(&slot->policy_sum, job->policy_sum, __ATOMIC_RELAXED);
	if (job->what == BATV_EVIDENCE_SIGNED) {
		note_first(&slot->first_signed, job->when);
		note_last(&slot->last_signed, job->when);
	} else {
		if (valid_paused(slot, job->when))
			clear_field(&slot->first_valid);
		note_first(&slot->first_valid, job->when);
		note_last(&slot->last_valid, job->when);
	}
	if (batv_slot_is_whole(m))
		batv_sending_note(slot, job->what == BATV_EVIDENCE_SIGNED, job->clues, job->now);
	job->err = BATV_OK;
}

/* Is all of it noted already?  It nearly always is, and then no page need be mapped. */
static bool is_noted(struct batv_memory *m, const struct note *job)
{
	bool sent = job->what == BATV_EVIDENCE_SIGNED;
	struct batv_domain_slot slot;
	size_t index;

	if (!m->windowed || !batv_slot_find(m, &job->name, &index, &slot) ||
	    slot.policy_sum != job->policy_sum ||
	    !first_stays(sent ? slot.first_signed : slot.first_valid, job->when) ||
	    !last_stays(sent ? slot.last_signed : slot.last_valid, job->when))
		return false;
	return !batv_slot_is_whole(m) || (batv_slot_read(m, index, &slot) &&
					  batv_sending_is_noted(&slot, sent, job->clues, job->now));
}

enum batv_err batv_domain_note(struct batv_memory *memory, const char *domain, const char *policy,
			       enum batv_evidence what, const struct batv_sending_clues *clues,
			       int64_t now)
{
	static const struct batv_sending_clues none;
	struct note job = {.clues = clues ? clues : &none, .now = now};
	enum batv_err err = batv_slot_name(domain, &job.name);

	if (err != BATV_OK)
		return err;
	job.policy_sum = batv_domain_policy_sum(policy);
	job.what = what;
	job.when = batv_slot_stamp(now);
	if (!batv_slot_writable(memory))
		return BATV_E_NO_FILE;
	if (is_noted(memory, &job))
		return BATV_OK;
	return batv_memory_guard(memory, note_body, &job) ? job.err : BATV_E_NO_FILE;
}

static void clear_flags(struct batv_domain_slot *slot, uint32_t flags)
{
	if (__atomic_load_n(&slot->flags, __ATOMIC_RELAXED) & flags)
		(void)__atomic_and_fetch(&slot->flags, ~flags, __ATOMIC_RELAXED);
}

struct left_bare {
	size_t index;
	uint32_t policy_sum; /* 0: no policy */
};

/*
 * The first_ times are cleared first, because without them the last_ times mean nothing.  The flag
 * is cleared here, because batvd may not be running.
 */
static void left_bare_body(struct batv_memory *m, void *arg)
{
	const struct left_bare *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);

	if (job->policy_sum &&
	    __atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED) != job->policy_sum)
		__atomic_store_n(&slot->policy_sum, job->policy_sum, __ATOMIC_RELAXED);
	clear_field(&slot->first_signed);
	clear_field(&slot->first_valid);
	clear_field(&slot->last_signed);
	clear_field(&slot->last_valid);
	clear_flags(slot, BATV_DOMAIN_ARMED | BATV_DOMAIN_FLEET_SENDS);
}

void batv_domain_left_bare(struct batv_memory *memory, const char *domain, const char *policy)
{
	struct batv_domain_slot slot;
	struct batv_slot_name name;
	struct left_bare job;

	if (!batv_slot_writable(memory) || batv_slot_name(domain, &name) != BATV_OK ||
	    !batv_slot_find(memory, &name, &job.index, &slot))
		return;
	job.policy_sum = policy ? batv_domain_policy_sum(policy) : 0;
	(void)batv_memory_guard(memory, left_bare_body, &job);
}

struct own_break {
	size_t index;
	enum batv_domain_why why;
	uint32_t when;
};

/* The break is written before the flag changes, so batvd never arms the domain in between. */
static void break_body(struct batv_memory *m, void *arg)
{
	const struct own_break *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);

	__atomic_store_n(&slot->broken_why, (uint8_t)job->why, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->broken, job->when, __ATOMIC_RELEASE);
	clear_flags(slot, BATV_DOMAIN_ARMED);
}

/* Is this break a part of the one that is noted? */
static bool is_broken(const struct batv_domain_slot *slot, const struct own_break *job)
{
	uint32_t apart =
		slot->broken > job->when ? slot->broken - job->when : job->when - slot->broken;

	return slot->broken_why == (uint8_t)job->why && apart < BREAK_STEP &&
	       !(slot->flags & BATV_DOMAIN_ARMED);
}

void batv_domain_break(struct batv_memory *memory, const char *domain, enum batv_domain_why why,
		       int64_t now)
{
	struct own_break job = {.why = why, .when = batv_slot_stamp(now)};
	struct batv_domain_slot slot;
	struct batv_slot_name name;

	if (!batv_slot_writable(memory) || batv_slot_name(domain, &name) != BATV_OK ||
	    !batv_slot_find(memory, &name, &job.index, &slot) ||
	    (slot.first_signed == 0 && slot.first_valid == 0))
		return;
	if (!batv_slot_is_whole(memory))
		batv_domain_left_bare(memory, domain, NULL);
	else if (batv_slot_read(memory, job.index, &slot) && !is_broken(&slot, &job))
		(void)batv_memory_guard(memory, break_body, &job);
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

/* The later break is kept. */
static void merge_break(struct batv_domain_slot *slot, const struct batv_domain *d)
{
	if (d->broken <= __atomic_load_n(&slot->broken, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&slot->broken_why, d->broken_why, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->broken, d->broken, __ATOMIC_RELEASE);
}

struct merge {
	struct batv_slot_name name;
	const struct batv_domain *domain;
	enum batv_err err;
};

static void merge_body(struct batv_memory *m, void *arg)
{
	struct merge *job = arg;
	const struct batv_domain *d = job->domain;
	struct batv_domain_slot *slot =
		batv_slot_claim(m, &job->name, d->last_signed ? d->last_signed : 1);

	job->err = slot ? BATV_OK : BATV_E_FULL;
	if (!slot)
		return;
	if (d->last_signed >= __atomic_load_n(&slot->last_signed, __ATOMIC_RELAXED))
		__atomic_store_n(&slot->policy_sum, d->policy_sum, __ATOMIC_RELAXED);
	merge_first(&slot->first_signed, d->first_signed);
	merge_first(&slot->first_valid, d->first_valid);
	merge_last(&slot->last_signed, d->last_signed);
	merge_last(&slot->last_valid, d->last_valid);
	if (batv_slot_is_whole(m)) {
		batv_sending_merge(slot, &d->sending);
		merge_break(slot, d);
	}
	if (d->decided == 0 || __atomic_load_n(&slot->decided, __ATOMIC_RELAXED) != 0)
		return;
	__atomic_store_n(&slot->decided, d->decided, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->flags, d->flags, __ATOMIC_RELEASE);
}

enum batv_err batv_domain_merge(struct batv_memory *memory, const struct batv_domain *domain)
{
	struct merge job = {.domain = domain};
	enum batv_err err = batv_slot_name(domain->name, &job.name);

	if (err != BATV_OK)
		return err;
	if (!batv_slot_writable(memory) || !batv_memory_guard(memory, merge_body, &job))
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

bool batv_domain_find(struct batv_memory *memory, const char *domain, struct batv_domain *out)
{
	struct batv_domain_slot slot;
	struct batv_slot_name name;
	size_t index;

	if (!memory->sections.domains_at || batv_slot_name(domain, &name) != BATV_OK ||
	    !batv_slot_find(memory, &name, &index, &slot))
		return false;
	copy_slot(&slot, out);
	return true;
}

/* One slot to be read. */
struct read_slot {
	size_t index;
	bool found;
	struct batv_domain domain;
};

static void at_body(struct batv_memory *m, void *arg)
{
	struct read_slot *job = arg;
	const struct batv_domain_slot *slot = batv_slot_at(m, job->index);

	job->found = batv_slot_in_use(slot);
	if (!job->found)
		return;
	copy_slot(slot, &job->domain);
	if (batv_slot_is_whole(m)) {
		job->domain.broken = __atomic_load_n(&slot->broken, __ATOMIC_ACQUIRE);
		job->domain.broken_why = __atomic_load_n(&slot->broken_why, __ATOMIC_RELAXED);
		batv_sending_copy(slot, &job->domain.sending);
	}
}

bool batv_domain_at(struct batv_memory *memory, size_t index, struct batv_domain *out)
{
	struct read_slot job = {.index = index};

	if (!memory->sections.domains_at || index >= memory->sections.domain_slots ||
	    !batv_memory_guard(memory, at_body, &job) || !job.found)
		return false;
	*out = job.domain;
	return true;
}

static uint32_t fetch_and_clear(uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED)
		       ? __atomic_exchange_n(field, 0, __ATOMIC_RELAXED)
		       : 0;
}

static void take_body(struct batv_memory *m, void *arg)
{
	struct read_slot *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);

	at_body(m, arg);
	if (!job->found)
		return;
	job->domain.first_signed = fetch_and_clear(&slot->first_signed);
	job->domain.first_valid = fetch_and_clear(&slot->first_valid);
	job->domain.last_signed = fetch_and_clear(&slot->last_signed);
	job->domain.last_valid = fetch_and_clear(&slot->last_valid);
}

bool batv_domain_take(struct batv_memory *memory, size_t index, struct batv_domain *out)
{
	struct read_slot job = {.index = index};

	if (!batv_slot_writable(memory) || index >= memory->sections.domain_slots ||
	    !batv_memory_guard(memory, take_body, &job) || !job.found)
		return false;
	*out = job.domain;
	return out->first_signed || out->first_valid || out->last_signed || out->last_valid ||
	       out->broken || !batv_sending_is_empty(&out->sending);
}

static void next_body(struct batv_memory *m, void *arg)
{
	struct read_slot *job = arg;

	for (job->found = false; job->index < m->sections.domain_slots; job->index++) {
		at_body(m, arg);
		if (job->found)
			return;
	}
}

bool batv_domain_next(struct batv_memory *memory, size_t *index, struct batv_domain *out)
{
	struct read_slot job = {.index = *index};

	if (!memory->sections.domains_at || !batv_memory_guard(memory, next_body, &job) ||
	    !job.found)
		return false;
	*index = job.index;
	*out = job.domain;
	return true;
}

struct set_flags {
	size_t index;
	uint32_t flags, when;
	bool found;
};

/* The time is written first, so that no reader of the new flags sees an older decision time. */
static void set_flags_body(struct batv_memory *m, void *arg)
{
	struct set_flags *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);

	job->found = batv_slot_in_use(slot);
	if (!job->found || __atomic_load_n(&slot->flags, __ATOMIC_RELAXED) == job->flags)
		return;
	__atomic_store_n(&slot->decided, job->when, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->flags, job->flags, __ATOMIC_RELEASE);
}

enum batv_err batv_domain_set_flags(struct batv_memory *memory, size_t index, uint32_t flags,
				    int64_t now)
{
	struct set_flags job = {.index = index, .flags = flags, .when = batv_slot_stamp(now)};

	if (!batv_memory_there(memory) || !batv_slot_writable(memory))
		return BATV_E_NO_FILE;
	if (index >= memory->sections.domain_slots)
		return BATV_E_SYNTAX;
	if (!batv_memory_guard(memory, set_flags_body, &job))
		return BATV_E_NO_FILE;
	return job.found ? BATV_OK : BATV_E_SYNTAX;
}
