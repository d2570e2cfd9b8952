/*
 * ctl_message.h - a message from a file, as a server holds it: header and start of the body.
 */
#ifndef BATV_CTL_MESSAGE_H
#define BATV_CTL_MESSAGE_H

#include <stdint.h>
#include <stdio.h>

#include "ctl.h"
#include "evidence/classify.h"

#define BATV_CTL_HEADER_MAX 1048576 /* Exim's header_maxsize */

struct batv_ctl_message {
	char *text;              /* the caller frees it */
	uint64_t at;             /* the byte of the file where it begins */
	struct batv_span header; /* without the empty line that ends it */
	struct batv_span body;   /* its first bytes, at most body_max */
};

/*
 * Reads the messages of a file: one, or those of an mbox.  An mbox begins with a line
 * "From SENDER ... 12:00 ...", and such a line after an empty one begins another message.
 */
struct batv_ctl_messages {
	FILE *f;
	const char *path;
	size_t body_max;
	uint64_t pos;    /* bytes that were read */
	bool mbox, more; /* more: there is another message */
};

/* "-" is stdin.  On failure these print what is wrong, and return a code. */
int batv_ctl_message_open(const char *path, size_t body_max, struct batv_ctl_messages *all);
/* The first one, and while all->more is true another one.  Memory is for one alone. */
int batv_ctl_message_read(struct batv_ctl_messages *all, struct batv_ctl_message *m);
void batv_ctl_message_close(struct batv_ctl_messages *all);

/* Splits a text that is there already, and that *m borrows. */
void batv_ctl_message_split(char *text, size_t len, size_t body_max, struct batv_ctl_message *m);

/* Gets the next field; *at starts at 0.  The value is as in the file, with its folds. */
bool batv_ctl_message_field(const struct batv_ctl_message *m, size_t *at, struct batv_header *out);
/* Gets the value of the first field with that name; it is empty if there is none. */
struct batv_span batv_ctl_message_find(const struct batv_ctl_message *m, const char *name);

#endif
