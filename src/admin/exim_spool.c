/*
 * exim_spool.c - reads the envelope of a message in Exim's queue.
 *
 *	1xXBrk-0008PM-2a-H
 *	mail 8 8
 *	<sender@example.org>
 *	1795847096 0
 *	-host_address [192.0.2.1]:4711       before a stranger's value "--" may stand
 *	-frozen 1795847096
 *	XX                                   or the tree of those who have it: "YN b@example.net"
 *	2
 *	alice@example.com
 *	bob@example.com 0,-1#1               more fields may follow an address
 */
#include <string.h>

#include "exim_spool.h"

static bool copy(struct batv_span s, char *out, size_t size)
{
	if (s.len >= size || batv_span_has_control(s))
		return false;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return true;
}

/* "-NAME value" or "--NAME value" */
static bool is_named(struct batv_span line, const char *name, struct batv_span *value)
{
	line = batv_span_after(line, line.len > 1 && line.p[1] == '-' ? 2 : 1);
	if (!batv_span_begins(line, name))
		return false;
	*value = batv_span_after(line, strlen(name));
	return true;
}

/* "[192.0.2.1]:4711"; other versions write address, dot and port. */
static bool take_host(struct batv_span value, struct batv_exim_spool *out)
{
	bool bracket = value.len > 0 && value.p[0] == '[';
	const char *end;

	if (bracket)
		value = batv_span_after(value, 1);
	end = value.len ? memrchr(value.p, bracket ? ']' : '.', value.len) : NULL;
	return end && copy(batv_span_between(value.p, end), out->host, sizeof out->host);
}

static bool take_option(struct batv_span line, struct batv_exim_spool *out)
{
	struct batv_span value;

	if (is_named(line, "host_address ", &value))
		return take_host(value, out);
	if (is_named(line, "frozen ", &value))
		return batv_span_to_u64(value, &out->frozen);
	return true;
}

/* The address ends at a blank outside quotes. */
static struct batv_span address_of(struct batv_span line)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < line.len && (quoted || line.p[n] != ' '); n++) {
		if (line.p[n] == '\\')
			n++;
		else if (line.p[n] == '"')
			quoted = !quoted;
	}
	return batv_span_cut(line, n < line.len ? n : line.len);
}

static bool take_rcpts(struct batv_span rest, struct batv_exim_spool *out)
{
	struct batv_span line;

	for (uint64_t i = 0; i < out->rcpts_all; i++) {
		struct batv_span address;

		if (!batv_span_next_line(&rest, &line))
			return false;
		address = address_of(line);
		if (address.len == 0)
			return false;
		if (out->n_rcpts < BATV_EXIM_SPOOL_RCPTS &&
		    !copy(address, out->rcpts[out->n_rcpts++], BATV_ADDR_SIZE))
			return false;
	}
	return out->rcpts_all > 0;
}

/* The first four lines. */
static bool take_head(struct batv_span *rest, struct batv_exim_spool *out)
{
	struct batv_span line[4];

	for (int i = 0; i < 4; i++)
		if (!batv_span_next_line(rest, &line[i]))
			return false;
	if (line[0].len < 3 || memcmp(line[0].p + line[0].len - 2, "-H", 2) != 0)
		return false;
	return line[2].len >= 2 && line[2].p[0] == '<' && line[2].p[line[2].len - 1] == '>' &&
	       copy((struct batv_span){line[2].p + 1, line[2].len - 2}, out->sender,
		    sizeof out->sender);
}

bool batv_exim_spool_read(struct batv_span text, struct batv_exim_spool *out)
{
	struct batv_span line;

	memset(out, 0, sizeof *out);
	if (!take_head(&text, out))
		return false;
	while (batv_span_next_line(&text, &line)) {
		if (line.len > 0 && line.p[0] == '-') {
			if (!take_option(line, out))
				return false;
		} else if (batv_span_to_u64(line, &out->rcpts_all)) {
			return take_rcpts(text, out);
		}
	}
	return false;
}
