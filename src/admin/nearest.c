/*
 * nearest.c - finds the known name that is the nearest to a wrong one.  This is pure.
 */
#include <stdint.h>
#include <string.h>

#include "nearest.h"

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* The number of letters that must change (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[BATV_NEAREST_MAX + 1], len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t changed = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = smallest(changed, diagonal + 1, row[j] + 1);
		}
	}
	return row[len];
}

void batv_nearest_start(struct batv_nearest *search, const char *wrong)
{
	*search = (struct batv_nearest){.wrong = wrong, .distance = strlen(wrong) / 3 + 2};
}

void batv_nearest_try(struct batv_nearest *search, const char *known)
{
	size_t d;

	if (strlen(search->wrong) > BATV_NEAREST_MAX || strlen(known) > BATV_NEAREST_MAX)
		return;
	d = distance(search->wrong, known);
	/* all letters changed: nothing is alike */
	if (d < search->distance && d < strlen(known)) {
		search->distance = d;
		search->best = known;
	}
}
