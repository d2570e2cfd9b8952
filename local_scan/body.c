/*
 * body.c - reads more of the current message's body.
 */
#include "body.h"

#include <sys/stat.h>
#include <unistd.h>

#include "exim_glue.h"

struct batv_span batv_body_read(const struct batv_body *body, size_t limit)
{
	struct stat st;
	char *buf;
	ssize_t n;

	if (body->fd < 0 || limit <= body->start.len || fstat(body->fd, &st) < 0)
		return body->start;
	if (st.st_size - body->at < (off_t)limit)
		limit = st.st_size > body->at ? (size_t)(st.st_size - body->at) : 0;
	if (limit <= body->start.len)
		return body->start;
	buf = batv_glue_buffer(limit);
	n = pread(body->fd, buf, limit, (off_t)body->at);
	return n < 0 ? body->start : (struct batv_span){buf, (size_t)n};
}
