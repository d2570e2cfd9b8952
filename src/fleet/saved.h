/*
 * saved.h - the text of the files that batv-fleet keeps for its next start: a head line, lines of a
 * word and some numbers, and "end" with the number of lines between.  Everything is checked; a file
 * that is cut off, or has anything else, is not taken.
 */
#ifndef BATV_SAVED_H
#define BATV_SAVED_H

#include "base/err.h"
#include "base/span.h"

#define BATV_SAVED_NUMBERS 16 /* in one line, at most */

struct batv_saved {
	struct batv_span rest;
	unsigned line;   /* the one that was read last; 0: none */
	const char *why; /* a constant; NULL: nothing is wrong */
	bool ended;
	struct batv_span word;
	size_t n;
	uint64_t number[BATV_SAVED_NUMBERS];
};

/* False: the text begins with another line, and why says so. */
bool batv_saved_begin(struct batv_saved *saved, const char *text, size_t len, const char *head);
/* Reads the next line into word and number.  False at the end, and when something is wrong. */
bool batv_saved_next(struct batv_saved *saved);
/* Is it this word with so many numbers?  If it is the word with others, why says so. */
bool batv_saved_is(struct batv_saved *saved, const char *word, size_t n);
/* A number as a time or another signed one; beyond its limits, why says so. */
int64_t batv_saved_signed(struct batv_saved *saved, size_t i);
/* Ends: *line and *why as from a parser. */
enum batv_err batv_saved_end(const struct batv_saved *saved, unsigned *line, const char **why);

#endif
