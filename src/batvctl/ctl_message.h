/*
 * ctl_message.h - a message in a file, as a server would hold it: header and start of the body.
 */
#ifndef BATV_CTL_MESSAGE_H
#define BATV_CTL_MESSAGE_H

#include "ctl.h"
#include "evidence/classify.h"

#define BATV_CTL_HEADER_MAX 1048576 /* Exim's header_maxsize */

struct batv_ctl_message {
	char *text;              /* to be freed */
	struct batv_span header; /* without the line that ends it */
	struct batv_span body;   /* at most body_max bytes of it */
};

/* "-" is stdin.  Says what is wrong, and returns a code; BATV_CTL_YES when all is well. */
int batv_ctl_message_read(const char *path, size_t body_max, struct batv_ctl_message *m);

/* *at: 0 before the first one.  The value is as it is in the file, with its folds. */
bool batv_ctl_message_field(const struct batv_ctl_message *m, size_t *at, struct batv_header *out);
/* The first field of that name; an empty one when there is none. */
struct batv_span batv_ctl_message_find(const struct batv_ctl_message *m, const char *name);

#endif
