/*
 * exim_glue.h - Exim's API in plain C types.
 *
 * exim_glue.c alone includes Exim's local_scan.h; what differs between Exim's versions is
 * absorbed there.  Everything else of ours sees Exim through these functions.  Text that comes out
 * of Exim is borrowed from it, and lives as long as the message.
 */
#ifndef BATV_EXIM_GLUE_H
#define BATV_EXIM_GLUE_H

#include <sys/types.h>

#include "decide/judge.h"
#include "evidence/classify.h"

/*
 * NULL, or why nothing of Exim's may be used but the log: batv.so in an Exim that it was not made
 * for.
 */
const char *batv_glue_misfit(void);
/* Does a local_scan() see each message after DATA, or is there nothing behind the ACLs? */
bool batv_glue_scans(void);

/* --- the message that Exim has in hand ------------------------------------ */

const char *batv_glue_sender(void);                /* envelope sender; "" for null */
const char *batv_glue_message_id(void);            /* Exim's own id; "" while there is none */
void batv_glue_origin(struct batv_origin *origin); /* has_id: by batv_glue_message_id() */

size_t batv_glue_recipients(void);
const char *batv_glue_recipient(size_t i);
/* Both keep the order of the others.  set copies `address`; it is tainted, as the old one was. */
void batv_glue_recipient_set(size_t i, const char *address);
void batv_glue_recipient_remove(size_t i);
/* The envelope sender for this recipient alone: MAIL FROM, and where its bounces go. */
void batv_glue_recipient_sender(size_t i, const char *sender);

/* Header fields that are not deleted: start with *at = NULL; false at the end. */
bool batv_glue_header_next(const void **at, struct batv_header *field);
void batv_glue_header_add(const char *name, const char *value);
void batv_glue_header_remove(const char *name); /* all of that name */

/* --- lists, expansion, log ------------------------------------------------- */

/* Exim's own lss_match_*: DEFER, and a list with a "$" in it, is BATV_MAYBE. */
extern const struct batv_matcher batv_glue_matcher;

/* The state directory's group, which is Exim's: its members may read the files that lists look
 * into. */
void batv_glue_list_group(gid_t group);

/* An expansion of Exim's; NULL when it fails. */
const char *batv_glue_expand(const char *text);

/* One line in Exim's main log; Exim puts the message's id in front.  Cut at 900 bytes. */
void batv_glue_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- what functions for ${dlfunc} and local_scan() answer ------------------- */

enum batv_glue_code {
	BATV_GLUE_OK,
	BATV_GLUE_FORCED_FAILURE,
	BATV_GLUE_ACCEPT,
	BATV_GLUE_REJECT,
	BATV_GLUE_DEFER
};
int batv_glue_code(enum batv_glue_code code);

/*
 * A copy for Exim to keep: in Exim's memory, tainted if `like` is (NULL: like nothing, a text
 * of our own).
 */
unsigned char *batv_glue_text(const char *text, const void *like);
/* `size` zeroed bytes that live as long as the message.  Exim ends the process when it has none. */
void *batv_glue_room(size_t size);
char *batv_glue_buffer(size_t size); /* the same, not zeroed */

#endif
