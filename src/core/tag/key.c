/*
 * key.c - which of the published keys signs.
 *
 * Pure: the time is an argument.  Making, retaining and destroying keys is the daemon's; here
 * is only the choice.  Invariant: a key that is dead at `now` is never chosen to sign.
 */
#include "tag/key.h"

#include "base/days.h"

static bool is_current(const struct batv_key *key, int64_t when)
{
	return key->from <= when && when < key->until && when < key->destroy;
}

const struct batv_key *batv_key_current(const struct batv_keyring *ring, int64_t when)
{
	const struct batv_key *best = NULL;

	/* Two at once do not come from a timeline; of such a pair the one that started later
	 * counts, then the one further back, so that all processes agree. */
	for (size_t i = 0; i < ring->n_keys; i++)
		if (is_current(&ring->keys[i], when) && (!best || ring->keys[i].from >= best->from))
			best = &ring->keys[i];
	return best;
}

const struct batv_key *batv_key_for_message(const struct batv_keyring *ring, int64_t arrival,
					    int64_t now)
{
	const struct batv_key *current = batv_key_current(ring, now);
	const struct batv_key *then;

	if (!current || arrival <= 0 || arrival > now)
		return current;
	then = batv_key_current(ring, arrival);
	if (then && now - BATV_DAY < then->until && now < then->destroy)
		return then;
	return current;
}
