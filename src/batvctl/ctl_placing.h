/*
 * ctl_placing.h - what enable and disable share: the lines that they print, the changes in Exim's
 * configuration that can be undone, and what is written to the state directory.
 */
#ifndef BATV_CTL_PLACING_H
#define BATV_CTL_PLACING_H

#include "changes.h"
#include "ctl.h"
#include "pieces.h"

struct batv_placing {
	struct batv_ctl *ctl;
	struct batv_installation inst;
	struct batv_manifest manifest; /* as it was read, and as it will be written */
	struct batv_changes changes;
	json_t *steps;      /* for --json; NULL: lines are printed */
	bool signing_off;   /* the override, as it was read */
	const char *result; /* for --json: what was done */
	const char *last;   /* the name that was printed last: it is not repeated */
};

/*
 * Root only.  Opens the configuration and the state directory, finds Exim, and reads manifest and
 * overrides.  The code is not BATV_CTL_YES if that failed, which was said; *out is set otherwise.
 */
int batv_ctl_placing_start(struct batv_ctl *ctl, struct batv_placing **out);
/* Prints the document of --json, frees what is held, and returns `code`. */
int batv_ctl_placing_end(struct batv_placing *p, int code);

/* One line: a name, a text, and a result at the right ("": none). */
void batv_ctl_placing_say(struct batv_placing *p, const char *name, const char *result,
			  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Says why it goes no further, frees what is held, and returns `code`. */
int batv_ctl_placing_fail(struct batv_placing *p, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Lists the paths of a phase in one line each, as "placed" or "removed". */
void batv_ctl_placing_list(struct batv_placing *p, const char *name, const char *result,
			   const char *const *paths, size_t n);

/*
 * Makes Exim read what was changed: generates its configuration, looks what it has now, and reloads
 * the daemon.  `how`: see reload.h.
 */
bool batv_ctl_placing_apply(struct batv_placing *p, char *how, size_t size);

/* Puts back everything, and makes Exim read that; one sentence about it is in `said`. */
void batv_ctl_placing_undo(struct batv_placing *p, char *said, size_t size);

/* Writes the manifest and the override `signing * off`, as the user batv. */
bool batv_ctl_placing_keep(struct batv_placing *p, bool signing_off, char *why, size_t size);

/* Asks on the terminal; true: yes.  Without one, --yes is needed, and this is false. */
bool batv_ctl_placing_agree(const struct batv_placing *p, const char *question);

#endif
