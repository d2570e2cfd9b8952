/*
 * ask_exim.h - asks Exim itself whether something is in one of its lists: `exim -be`, without a
 * shell, within bounded time and output.
 */
#ifndef BATV_ASK_EXIM_H
#define BATV_ASK_EXIM_H

#include "decide/judge.h"
#include "exim_user.h"

#define BATV_ASK_SECONDS 5

/*
 * Lists of plain items are answered without asking; for the rest Exim is asked, and without an
 * Exim the answer is BATV_MAYBE.  So it is for a list with an item or a file that is not allowed
 * (exim_list.h, list_file.h), as in Exim's own process.  Root asks as Exim's user, or not at all.
 */
struct batv_asker {
	const char *command;     /* "": there is no Exim; split at spaces */
	const char *config_path; /* that names the command: root runs only what is root's own
				    (root_path.h) */
	gid_t group;             /* of the state directory; (gid_t)-1: not known */
	char why[1200];          /* what stood in the way of the last MAYBE */
	char list[120];          /* and of which list, shortened for printing */
	bool wrong; /* the last MAYBE is the list's own fault, or that of a file or named list */
	bool ended; /* Exim's process ended over the last question */
	bool user_known; /* private, as is the next */
	struct batv_exim_user user;
};

/* asker is borrowed by *matcher.  config_path: borrowed; NULL: the caller vouches for the command.
 */
void batv_ask_exim_init(struct batv_asker *asker, const char *command, const char *config_path,
			struct batv_matcher *matcher);

/* May Exim be asked about this list?  If not, `why` and `wrong` say more. */
bool batv_ask_exim_allowed(struct batv_asker *asker, enum batv_list_kind kind, const char *list);

/*
 * One question to Exim, always asked if that is allowed.  A value with bytes that Exim could
 * expand, or a list that cannot be handed over unchanged, is MAYBE.
 */
enum batv_match batv_ask_exim(struct batv_asker *asker, enum batv_list_kind kind, const char *value,
			      const char *list);

/* The value of an option of the main part of Exim's configuration; "": not set.  False: see why. */
bool batv_ask_exim_option(struct batv_asker *asker, const char *name, char *out, size_t size);

/* The `exim -be` line for it; false: not safe, or too long.  (Pure, for the tests.) */
bool batv_ask_exim_line(enum batv_list_kind kind, const char *value, const char *list, char *out,
			size_t size);

#endif
