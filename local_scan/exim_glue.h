/*
 * exim_glue.h - Exim's API in plain C types.
 *
 * Only exim_glue.c includes Exim's local_scan.h, and it absorbs the differences between Exim's
 * versions.  All our other code sees Exim through these functions.  Text from Exim is borrowed, and
 * lives as long as the message.
 */
#ifndef BATV_EXIM_GLUE_H
#define BATV_EXIM_GLUE_H

#include <sys/types.h>

#include "decide/judge.h"
#include "evidence/classify.h"

/*
 * Returns NULL, or why this batv.so does not fit this Exim.  In a misfit, use nothing of Exim's but
 * the log.
 */
const char *batv_glue_misfit(void);
/* True if our local_scan() sees each message after DATA; false if only ACLs can call us. */
bool batv_glue_scans(void);

/*
 * True if this Exim can call our functions (${dlfunc}), so that a transport sees mail that leaves.
 * Ask only where local_scan() runs.
 */
bool batv_glue_has_functions(void);

/*
 * True in `exim -bh`, which plays a session from a host, and keeps nothing of it.  Then we change
 * nothing either, and defer nothing.
 */
bool batv_glue_checking(void);

/* --- the current message ---------------------------------------------------- */

const char *batv_glue_sender(void);                /* envelope sender; "" for the null sender */
const char *batv_glue_message_id(void);            /* Exim's own id; "" if there is none yet */
void batv_glue_origin(struct batv_origin *origin); /* sets has_id if there is an id */

size_t batv_glue_recipients(void);
const char *batv_glue_recipient(size_t i);
/* Both keep the order of the other recipients.  set copies `address`; the copy is tainted if the
 * old address was. */
void batv_glue_recipient_set(size_t i, const char *address);
void batv_glue_recipient_remove(size_t i);
/* Sets the envelope sender for this recipient alone: its MAIL FROM, and where its bounces go. */
void batv_glue_recipient_sender(size_t i, const char *sender);

/* Reads the next header field that is not deleted, or is Envelope-To.  Start with *at = NULL; false
 * at the end. */
bool batv_glue_header_next(const void **at, struct batv_header *field);
void batv_glue_header_add(const char *name, const char *value);
void batv_glue_header_remove(const char *name); /* all fields of that name */

/* --- lists, expansion, log ------------------------------------------------- */

/*
 * Asks Exim's own lss_match_*().  DEFER, and a list that is not safe to ask, is BATV_MAYBE.  The
 * first few answers are kept until batv_glue_lists_forget(); so until then a list must stay where
 * it is.
 */
extern const struct batv_matcher batv_glue_matcher;
void batv_glue_lists_forget(void);

/* Sets the group of the state directory, which is Exim's.  The files of look-ups may be readable
 * for that group only. */
void batv_glue_list_group(gid_t group);

/* Expands a text as Exim does; NULL if the expansion fails. */
const char *batv_glue_expand(const char *text);

/* Writes one line to Exim's main log, cut at 900 bytes.  Exim puts the message's id in front. */
void batv_glue_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- answers of ${dlfunc} functions and local_scan() ------------------------ */

enum batv_glue_code {
	BATV_GLUE_OK,
	BATV_GLUE_FORCED_FAILURE,
	BATV_GLUE_ACCEPT,
	BATV_GLUE_REJECT,
	BATV_GLUE_DEFER
};
int batv_glue_code(enum batv_glue_code code);

/*
 * Returns a copy of text in Exim's memory, which Exim may keep.  The copy is tainted if `like` is.
 * `like` is NULL for our own text, which is not tainted.
 */
unsigned char *batv_glue_text(const char *text, const void *like);
/* Returns `size` zeroed bytes that live as long as the message.  Without memory, Exim ends the
 * process. */
void *batv_glue_room(size_t size);
char *batv_glue_buffer(size_t size); /* the same, not zeroed */

#endif
