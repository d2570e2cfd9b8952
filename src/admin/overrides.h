/*
 * overrides.h - the file `overrides` of the state directory: what batvctl enforce, enable and
 * disable say beside exim-batv.conf.  batvctl writes it, batvd reads it and publishes it in the
 * state (decide/override.h).
 *
 * A line is KEY DOMAIN VALUE UNTIL WHO; docs/formats.md has them all.  A note may
 * follow an item of a list.
 */
#ifndef BATV_OVERRIDES_H
#define BATV_OVERRIDES_H

#include "store.h"

#define BATV_OVERRIDES_NAME "overrides"
#define BATV_OVERRIDES_MODE 0640
#define BATV_OVERRIDES_WHO_MAX 32
#define BATV_OVERRIDES_NOTE_MAX 100

struct batv_overrides_line {
	struct batv_override override; /* its domain points to the next member */
	char domain[254];
	char who[BATV_OVERRIDES_WHO_MAX + 1]; /* a name that the person's machine gave; "-": none */
	char note[BATV_OVERRIDES_NOTE_MAX + 1]; /* of an item of a list; "": none */
};

struct batv_overrides { /* must not be copied: it points into itself */
	size_t n;
	struct batv_overrides_line line[BATV_OVERRIDES_MAX];
};

/*
 * Reads the text of the file.  *out is written only if every line is good.  On error, *line says
 * where (0: the file as a whole) and *why, a constant, what was expected; both may be NULL.
 * Errors: BATV_E_SYNTAX, BATV_E_FULL (more than BATV_OVERRIDES_MAX), BATV_E_TOO_LONG.
 */
enum batv_err batv_overrides_parse(const char *text, size_t len, struct batv_overrides *out,
				   unsigned *line, const char **why);

/*
 * Reads the file.  Without one there are no overrides.  On error `message` is one complete line.
 * Errors: those above, and those of batv_slurp() but for BATV_E_NO_FILE.
 */
enum batv_err batv_overrides_read(const struct batv_store *store, struct batv_overrides *out,
				  char *message, size_t size);
/* Replaces the file, or removes it if there are none.  The caller must hold the writers' lock. */
enum batv_err batv_overrides_write(const struct batv_store *store, const struct batv_overrides *set,
				   char *message, size_t size);

/* The line of that key and domain; NULL: none. */
const struct batv_overrides_line *batv_overrides_find(const struct batv_overrides *set,
						      enum batv_override_key key,
						      const char *domain);
/*
 * Sets one line, instead of the one of the same key and domain.  `who` becomes "-" if it is not a
 * plain name.
 * Errors: BATV_E_FULL, BATV_E_SYNTAX (the domain is not an A-label in lower case, or "*", or not an
 * item; or a note is too long, or has control characters).  Only an item may have a note.
 */
enum batv_err batv_overrides_set(struct batv_overrides *set, const struct batv_override *override,
				 const char *who, const char *note);
/* Is this text a note?  The empty text is not. */
bool batv_overrides_note_fits(const char *note);
/* Returns false if there was none. */
bool batv_overrides_remove(struct batv_overrides *set, enum batv_override_key key,
			   const char *domain);
void batv_overrides_drop_ended(struct batv_overrides *set, int64_t now);

/* When the next one ends, or `next` if that is earlier. */
int64_t batv_overrides_next(const struct batv_overrides *set, int64_t next);

#endif
