/*
 * complete.c - decides whether the sent-mail memory is complete for a domain.
 *
 * Invariant: what is not known counts as missing.
 */
#include "decide/complete.h"

#include "memory/counters.h"
#include "memory/domains.h"
#include "memory/fleet.h"

#define SAMPLE_NETWORKS 2 /* of the known samples */

int64_t batv_complete_retention(int64_t key_rotation, int64_t key_retention)
{
	return key_rotation + BATV_DAY + key_retention;
}

static bool is_vetoed(const struct batv_recall *recall)
{
	return recall->missed_networks >= BATV_RECALL_ENOUGH &&
	       recall->missed_days >= BATV_RECALL_ENOUGH;
}

/* Has all mail been recorded here from `begin` on?  With a fleet, others know what was before. */
static bool is_old_enough(const struct batv_complete_facts *f, int64_t begin)
{
	return f->fleet ? f->sent.since < INT64_MAX && f->lost <= begin : f->sent.since <= begin;
}

static enum batv_lack others(const struct batv_complete_facts *f, int64_t begin)
{
	if (!f->fleet)
		return f->shared ? BATV_LACK_SHARED : BATV_LACK_NOTHING;
	return f->fleet_since == 0 || f->fleet_since > begin ? BATV_LACK_FLEET : BATV_LACK_NOTHING;
}

/* Has the domain's mail left signed for long enough? */
static bool sends(const struct batv_complete_facts *f, int64_t begin)
{
	return f->fleet ? f->fleet_sends : f->first_signed != 0 && f->first_signed <= begin;
}

enum batv_lack batv_complete_decide(const struct batv_complete_facts *f)
{
	const int64_t begin = f->now - f->retention;

	if (!f->sent.readable || f->before_lost)
		return BATV_LACK_MEMORY;
	if (f->retention < batv_complete_retention(f->key_rotation, f->key_retention))
		return BATV_LACK_RETENTION;
	if (!is_old_enough(f, begin))
		return BATV_LACK_AGE;
	if (f->sent.gaps)
		return BATV_LACK_GAPS;
	if (others(f, begin) != BATV_LACK_NOTHING)
		return others(f, begin);
	if (!sends(f, begin))
		return BATV_LACK_SENDING;
	if (!f->measured)
		return BATV_LACK_MEMORY;
	if (f->recall.known_samples < BATV_RECALL_ENOUGH ||
	    f->recall.known_networks < SAMPLE_NETWORKS)
		return BATV_LACK_SAMPLES;
	if (!f->for_dsn && is_vetoed(&f->recall))
		return BATV_LACK_RECALL;
	return BATV_LACK_NOTHING;
}

void batv_complete_gather(const struct batv_state *state, struct batv_memory *memory,
			  struct batv_memory *before, const char *domain, int64_t now,
			  struct batv_complete_facts *facts)
{
	struct batv_domain entry;

	*facts = (struct batv_complete_facts){
		.sent = {.since = INT64_MAX},
		.before_lost = before && !batv_memory_whole(before),
		.retention = state->global.memory_retention,
		.key_rotation = state->global.key_rotation,
		.key_retention = state->global.key_retention,
		.shared = state->shared,
		.fleet = batv_state_has_fleet(state),
		.now = now,
	};
	if (!memory)
		return;
	facts->sent = batv_sent_facts(memory, facts->retention, now);
	if (facts->fleet) {
		facts->fleet_since = batv_fleet_since(memory);
		facts->lost = batv_counters_lost(memory);
	}
	if (batv_domain_find(memory, domain, &entry)) {
		facts->first_signed = entry.first_signed;
		facts->fleet_sends = (entry.flags & BATV_DOMAIN_FLEET_SENDS) != 0;
	}
	facts->measured = batv_recall_read(memory, domain, facts->retention, now, &facts->recall);
}

const char *batv_complete_lack_name(enum batv_lack lack)
{
	static const char names[][12] = {
		[BATV_LACK_NOTHING] = "-",           [BATV_LACK_MEMORY] = "memory",
		[BATV_LACK_RETENTION] = "retention", [BATV_LACK_AGE] = "age",
		[BATV_LACK_GAPS] = "gaps",           [BATV_LACK_SHARED] = "shared",
		[BATV_LACK_SENDING] = "sending",     [BATV_LACK_SAMPLES] = "samples",
		[BATV_LACK_RECALL] = "recall",       [BATV_LACK_FLEET] = "fleet",
	};

	_Static_assert(sizeof names / sizeof names[0] == BATV_LACK_COUNT, "a lack has no name");
	return (unsigned)lack < BATV_LACK_COUNT ? names[lack] : "?";
}
