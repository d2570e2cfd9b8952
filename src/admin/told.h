/*
 * told.h - which domains were last told to refuse, so that batvctl notify tells each change once,
 * and at most one a day for each domain.
 *
 * The file `notified` of the state directory.  It is written by batvctl, and only batvctl reads it.
 */
#ifndef BATV_TOLD_H
#define BATV_TOLD_H

#include "base/days.h"
#include "memory/layout.h"
#include "store.h"

#define BATV_TOLD_NAME "notified"
#define BATV_TOLD_MODE 0640

struct batv_told_domain {
	char name[BATV_DOMAIN_NAME_MAX + 1];
	bool refuses;
	int64_t when; /* when that was told */
};

/* Sorted by name after batv_told_parse() and batv_told_sort().  All zero: nothing was told. */
struct batv_told {
	size_t n, room;
	struct batv_told_domain *item; /* from malloc */
};

/*
 * Reads the file.  Without a file, nothing was told.  A damaged one is BATV_E_SYNTAX, and *out is
 * empty then, too.
 */
enum batv_err batv_told_read(const struct batv_store *store, struct batv_told *out);
/* Replaces the file.  The caller must be the directory's owner and hold the writers' lock. */
enum batv_err batv_told_write(const struct batv_store *store, const struct batv_told *told);

/* Text to entries and back; text from malloc.  (Public for the tests.) */
enum batv_err batv_told_parse(const char *text, size_t len, struct batv_told *out);
enum batv_err batv_told_format(const struct batv_told *told, char **text, size_t *len);

enum batv_err batv_told_add(struct batv_told *told, const char *name, bool refuses, int64_t when);
void batv_told_sort(struct batv_told *told);
const struct batv_told_domain *batv_told_find(const struct batv_told *told, const char *name);
void batv_told_free(struct batv_told *told);

enum batv_told_answer {
	BATV_TOLD_SAME,  /* that is what was told last */
	BATV_TOLD_LATER, /* it is new, but less than a day after the last message about it */
	BATV_TOLD_NOW,
};
/* Is this to be told now?  A domain that was never told of counts as one that does not refuse. */
enum batv_told_answer batv_told_ask(const struct batv_told_domain *last, bool refuses, int64_t now);
/* May the entry be forgotten?  It says what no entry says, and the day is over. */
bool batv_told_is_old(const struct batv_told_domain *last, int64_t now);

#endif
