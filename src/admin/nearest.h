/*
 * nearest.h - "did you mean": which known name is the nearest to a wrong one?
 */
#ifndef BATV_NEAREST_H
#define BATV_NEAREST_H

#include <stddef.h>

#define BATV_NEAREST_MAX 100 /* longer names are not compared */

struct batv_nearest {
	const char *wrong, *best; /* best: NULL if no name is near enough */
	size_t distance;
};

/* Begins a search.  A name that would be a mere guess is not found. */
void batv_nearest_start(struct batv_nearest *search, const char *wrong);

/* Takes a known name into account.  `known` must outlive the search. */
void batv_nearest_try(struct batv_nearest *search, const char *known);

#endif
