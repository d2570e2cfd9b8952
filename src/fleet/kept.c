/*
 * kept.c - a ring of parcels that grows as needed, within its limits.  Its size is a power of two.
 */
#include <stdlib.h>
#include <string.h>

#include "kept.h"

static struct batv_kept_one *at(const struct batv_kept *kept, size_t i)
{
	return &kept->ring[(kept->at + i) & (kept->size - 1)];
}

static void drop_oldest(struct batv_kept *kept)
{
	struct batv_kept_one *one = at(kept, 0);

	kept->bytes -= one->len;
	free(one->bytes);
	one->bytes = NULL;
	kept->at = (kept->at + 1) & (kept->size - 1);
	kept->n--;
}

void batv_kept_free(struct batv_kept *kept)
{
	while (kept->n)
		drop_oldest(kept);
	free(kept->ring);
	memset(kept, 0, sizeof *kept);
}

static bool grow(struct batv_kept *kept)
{
	size_t size = kept->size ? kept->size * 2 : 1024;
	struct batv_kept_one *ring = calloc(size, sizeof *ring);

	if (!ring)
		return false;
	for (size_t i = 0; i < kept->n; i++)
		ring[i] = *at(kept, i);
	free(kept->ring);
	kept->ring = ring;
	kept->at = 0;
	kept->size = size;
	return true;
}

bool batv_kept_add(struct batv_kept *kept, uint64_t position, struct batv_span bytes, int64_t now)
{
	uint8_t *copy = malloc(bytes.len);
	struct batv_kept_one *one;

	if (!copy || (kept->n == kept->size && !grow(kept))) {
		free(copy);
		while (kept->n)
			drop_oldest(kept);
		return false;
	}
	memcpy(copy, bytes.p, bytes.len);
	one = at(kept, kept->n++);
	one->position = position;
	one->when = now;
	one->len = bytes.len;
	one->bytes = copy;
	kept->bytes += bytes.len;
	batv_kept_expire(kept, now);
	return true;
}

/* A clock that was set back makes nothing old. */
void batv_kept_expire(struct batv_kept *kept, int64_t now)
{
	while (kept->n && (kept->bytes > BATV_KEPT_BYTES || now - at(kept, 0)->when > BATV_KEPT_MS))
		drop_oldest(kept);
}

uint64_t batv_kept_from(const struct batv_kept *kept)
{
	return kept->n ? at(kept, 0)->position : 0;
}

const struct batv_kept_one *batv_kept_find(const struct batv_kept *kept, uint64_t position)
{
	size_t low = 0, high = kept->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at(kept, middle)->position < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low < kept->n ? at(kept, low) : NULL;
}
