/*
 * body.h - the body of the current message, of which mostly the start is all that is needed.
 */
#ifndef BATV_BODY_H
#define BATV_BODY_H

#include "base/span.h"

/* Its start is in memory, all of it in a file (fd is -1 if there is no file). */
struct batv_body {
	struct batv_span start;
	int fd;
	int64_t at; /* offset of the body in fd */
};

/*
 * Returns the first `limit` bytes, or as many as there are, and at least the start.  If they are
 * not in memory yet, they are read into Exim's memory, where they live as long as the message.
 */
struct batv_span batv_body_read(const struct batv_body *body, size_t limit);

#endif
