/*
 * ctl_message.h - a message from a file, as a server holds it: header and start of the body.
 */
#ifndef BATV_CTL_MESSAGE_H
#define BATV_CTL_MESSAGE_H

#include "ctl.h"
#include "evidence/classify.h"

#define BATV_CTL_HEADER_MAX 1048576 /* Exim's header_maxsize */

struct batv_ctl_message {
	char *text;              /* the caller frees it */
	struct batv_span header; /* without the empty line that ends it */
	struct batv_span body;   /* its first bytes, at most body_max */
};

/* Reads the file; "-" is stdin.  On failure it prints what is wrong, and returns a code. */
int batv_ctl_message_read(const char *path, size_t body_max, struct batv_ctl_message *m);

/* The same for a text that is there already, and that *m borrows. */
void batv_ctl_message_split(char *text, size_t len, size_t body_max, struct batv_ctl_message *m);

/* Gets the next field; *at starts at 0.  The value is as in the file, with its folds. */
bool batv_ctl_message_field(const struct batv_ctl_message *m, size_t *at, struct batv_header *out);
/* Gets the value of the first field with that name; it is empty if there is none. */
struct batv_span batv_ctl_message_find(const struct batv_ctl_message *m, const char *name);

#endif
