/*
 * key.c - chooses the published key that signs.
 *
 * Pure: the time is an argument.  The daemon makes, keeps and destroys keys; this file only
 * chooses one.  Invariant: a key that is destroyed at `now` is never chosen to sign.
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

	/* A timeline never has two current keys at once.  If there are two, take the one that
	 * started later, and of equals the later one in the ring: all processes must agree. */
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
