/*
 * exact.h - texts without a byte to spare, so that a sanitizer sees each byte that is read too far.
 */
#ifndef EXACT_H
#define EXACT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

/* Room for so many bytes, and no more. */
static inline char *exact_room(size_t len)
{
	char *room = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(room);
	return room;
}

/* A copy of a text without its NUL; exact_drop() frees it. */
__attribute__((unused)) static struct batv_span exact_copy(const char *text)
{
	const size_t len = strlen(text);

	return (struct batv_span){memcpy(exact_room(len), text, len), len};
}

__attribute__((unused)) static void exact_drop(struct batv_span copy)
{
	free((void *)(uintptr_t)copy.p);
}

#endif
