/*
 * trace.h - finds out what a message was when it first came to this machine, from the Received
 * fields that this Exim wrote.
 *
 * A message may pass this machine more than once: through a content filter, a mailing list, a
 * user's filter rules.  It is what it was at its first pass.  Fields are fed from the top down. The
 * top one is the line of the pass in hand; the walk begins below it.
 *
 * Exim's lines are read by position, never by search: HELO, ident and quoted senders are text that
 * a stranger chose, but where a line breaks is not.  docs/formats.md, "The trace", has the form.
 */
#ifndef BATV_EVIDENCE_TRACE_H
#define BATV_EVIDENCE_TRACE_H

#include "evidence/classify.h"
#include "tag/addr.h"

#define BATV_TRACE_FIELDS_MAX 64 /* with more Received fields, a message counts as a stranger's */

enum batv_trace_kind {
	BATV_TRACE_OURS,     /* nothing says otherwise */
	BATV_TRACE_STRANGER, /* at its first pass it came from outside, without permission */
	BATV_TRACE_FETCHED,  /* a program fetched it from a mailbox elsewhere */
};

struct batv_trace {
	/* The caller sets these. */
	struct batv_span us; /* primary_hostname */
	struct batv_span id; /* Exim's id of the message in hand */
	bool has_sender;     /* its sender is not null */
	/* Is this host in own_hosts or trusted?  name is empty if Exim did not know it. */
	bool (*near)(void *ctx, struct batv_span name, struct batv_span address);
	/* Does the memory know that the message with this Exim id had permission to relay? */
	bool (*known)(void *ctx, struct batv_span id);
	void *ctx; /* near and known may be NULL: they say no */

	/* The answer, complete after the last field, or once batv_trace_field() returned false. */
	enum batv_trace_kind kind;
	bool readable;    /* the top line is ours and can be read; otherwise kind is OURS */
	bool found;       /* a line of ours below the top one: the message has been here before */
	bool fetched_now; /* FETCHED, and this is its first pass */
	bool originated;  /* no other host had it before the one that gave it to us */
	unsigned below;   /* Received fields below the top one, as far as they were fed */
	/* The envelope sender of the first pass, "" for null.  It is not known if no line of ours
	 * is below, or if the first pass cannot be seen. */
	char first[BATV_ADDR_SIZE];
	bool first_known;

	bool ended; /* private */
};

/* Clears the answer.  Set the caller's fields before or after. */
void batv_trace_start(struct batv_trace *t);

/* Feeds one header field; fields with other names are skipped.  Returns false once all is known. */
bool batv_trace_field(struct batv_trace *t, struct batv_header field);

/*
 * Is this address a stranger's by the trace?  Of a stranger's or fetched message it is if the
 * message had it as its sender when it first came, or if that sender is not known.  Another one
 * came later: a list manager's, or a user's who redirects.  address NULL: the message as a whole.
 */
bool batv_trace_is_strangers(const struct batv_trace *t, const char *address);

/* What a Received line of this Exim says.  All spans borrow from the field. */
struct batv_trace_line {
	struct batv_span name, address; /* of the host; empty: none */
	struct batv_span protocol, sender, id;
	bool has_sender;
};

enum batv_trace_reading { BATV_TRACE_NOT_OURS, BATV_TRACE_UNREADABLE, BATV_TRACE_READ };

/* Reads the value of a Received field.  *line is written only for READ. */
enum batv_trace_reading batv_trace_read(struct batv_span us, struct batv_span value,
					struct batv_trace_line *line);

#endif
