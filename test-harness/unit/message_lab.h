/*
 * message_lab.h - reads a message from a file, and takes it apart into header fields and body.
 */
#ifndef MESSAGE_LAB_H
#define MESSAGE_LAB_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "evidence/classify.h"

/* Reads a whole file that is smaller than size.  Returns its length. */
static inline size_t message_lab_read(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	ck_assert_ptr_nonnull(f);
	len = fread(out, 1, size, f);
	ck_assert_uint_lt(len, size);
	(void)fclose(f);
	return len;
}

/* Hands over each header field, still folded, and returns the body. */
static inline struct batv_span message_lab_feed(struct batv_span message,
						void (*field)(void *ctx, struct batv_header h),
						void *ctx)
{
	const char *p = message.p, *end = message.p + message.len;

	while (p < end && *p != '\n' && !(*p == '\r' && p + 1 < end && p[1] == '\n')) {
		const char *stop = p, *nl, *colon = memchr(p, ':', (size_t)(end - p));

		ck_assert_ptr_nonnull(colon);
		do {
			nl = memchr(stop, '\n', (size_t)(end - stop));
			stop = nl ? nl + 1 : end;
		} while (stop < end && (*stop == ' ' || *stop == '\t'));
		field(ctx, (struct batv_header){batv_span_between(p, colon),
						batv_span_between(colon + 1, stop)});
		p = stop;
	}
	if (p < end)
		p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	return batv_span_between(p, end);
}

#endif
