/*
 * returned.c - compares the author of a returned message with the recipients.
 *
 * Pure, no allocation.  The header is the sender's text: every comparison is with an address that
 * passed batv_addr_parse().
 */
#include "evidence/returned.h"

#include <string.h>

#include "evidence/field.h"
#include "evidence/mailbox.h"
#include "tag/tag.h"

#define HEADER_MAX 16384
#define AUTHORS_MAX 8 /* of all fields together */
#define RECIPIENTS_MAX 100

struct search {
	const struct batv_recipients *recipients;
	size_t authors; /* compared so far */
	bool found;
};

static void compare_with_recipients(void *ctx, const struct batv_addr *addr)
{
	char author[BATV_ADDR_SIZE], recipient[BATV_ADDR_SIZE];
	struct search *s = ctx;

	s->authors++;
	if (s->found || !batv_tag_canon(addr->text, author))
		return;
	for (size_t i = 0; i < s->recipients->n && i < RECIPIENTS_MAX && !s->found; i++)
		s->found = batv_tag_canon(batv_span_of(s->recipients->at(s->recipients->ctx, i)),
					  recipient) &&
			   strcmp(author, recipient) == 0;
}

static void see_author_field(struct search *s, struct batv_span field)
{
	const char *colon = memchr(field.p, ':', field.len);
	struct batv_span name;

	if (!colon)
		return;
	name = batv_span_trim(batv_span_between(field.p, colon));
	if (!batv_span_equal_fold(name, batv_span_of("From")) &&
	    !batv_span_equal_fold(name, batv_span_of("Return-Path")))
		return;
	(void)batv_mailbox_each(batv_span_between(colon + 1, field.p + field.len),
				AUTHORS_MAX - s->authors, compare_with_recipients, s);
}

bool batv_returned_to(struct batv_span message, const struct batv_recipients *recipients)
{
	struct search s = {.recipients = recipients};
	struct batv_span field;

	message = batv_span_cut(message, HEADER_MAX);
	while (message.len > 0 && batv_is_space(message.p[0]))
		message.p++, message.len--;
	while (!s.found && s.authors < AUTHORS_MAX && batv_field_next(&message, &field) &&
	       batv_span_trim(field).len > 0)
		see_author_field(&s, field);
	return s.found;
}
