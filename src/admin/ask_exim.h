/*
 * ask_exim.h - asks Exim itself whether something is in one of its lists.  It runs `exim -be`
 * without a shell, and limits how long that may take and how much it may print.
 */
#ifndef BATV_ASK_EXIM_H
#define BATV_ASK_EXIM_H

#include "decide/judge.h"
#include "exim_user.h"
#include "run.h"

#define BATV_ASK_SECONDS 5

/*
 * A list of plain items is answered without asking.  For any other list Exim is asked; without an
 * Exim the answer is BATV_MAYBE.  A list with an item or a file that is not allowed (exim_list.h,
 * list_file.h) is BATV_MAYBE too, as in Exim's own process.  Root asks as Exim's user, or does not
 * ask.
 */
struct batv_asker {
	const char *command;     /* split at spaces; "": there is no Exim to ask */
	const char *config_path; /* the file that sets the command: root runs only what
				    belongs to root (root_path.h) */
	gid_t group;             /* of the state directory; (gid_t)-1: not known */
	char why[1200];          /* why the last answer was MAYBE */
	char list[120];          /* and for which list, shortened for printing */
	bool wrong; /* the fault was in the list, or in a file or named list that it uses */
	bool ended; /* the last question made Exim's process exit */
	bool optional_known, optional_missing; /* private: of BATV_LIST_OPTIONAL */
	bool user_known;                       /* private, as is `user` */
	struct batv_exim_user user;
};

/*
 * Prepares asker, and makes *matcher ask it.  exim is the option of exim-batv.conf: find_exim.h
 * says which command that is.  *matcher borrows asker, and asker borrows both texts.  With
 * config_path NULL the caller vouches for the command.
 */
void batv_ask_exim_init(struct batv_asker *asker, const char *exim, const char *config_path,
			struct batv_matcher *matcher);

/* May Exim be asked about this list?  If not, `why` and `wrong` are set. */
bool batv_ask_exim_allowed(struct batv_asker *asker, enum batv_list_kind kind, const char *list);

/*
 * Asks Exim one question, also about a list of plain items, if that list is allowed.  The answer
 * is MAYBE for a value with bytes that Exim could expand, and for a list that cannot be passed to
 * Exim unchanged.
 */
enum batv_match batv_ask_exim(struct batv_asker *asker, enum batv_list_kind kind, const char *value,
			      const char *list);

/*
 * Gets an option of the main part of Exim's configuration; "" if it is not set.  Returns false,
 * with the reason in `why`, if Exim does not say.
 */
bool batv_ask_exim_option(struct batv_asker *asker, const char *name, char *out, size_t size);

/*
 * Finds out whether Exim was built with something that `exim -bV` lists ("I18N").  Returns false,
 * with the reason in `why`, if Exim does not say.
 */
bool batv_ask_exim_supports(struct batv_asker *asker, const char *what, bool *supported);

/*
 * Shows a message of the queue: its file -H with -Mvh, a copy of it with -Mvc.  Keeps the first
 * `max` bytes.  The id must be one of Exim's.  On success the caller frees the text of *ran;
 * otherwise the reason is in `why`.
 */
bool batv_ask_exim_spool(struct batv_asker *asker, const char *what, const char *id, size_t max,
			 struct batv_ran *ran);

/*
 * Writes the line for `exim -be`.  Returns false if it is not safe, or too long.  (It is pure, and
 * public for the tests.)
 */
bool batv_ask_exim_line(enum batv_list_kind kind, const char *value, const char *list, char *out,
			size_t size);

#endif
