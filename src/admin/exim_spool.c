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
	line = batv_span_after(line, batv_span_begins(line, "--") ? 2 : 1);
	if (!batv_span_begins(line, name))
		return false;
	*value = batv_span_after(line, strlen(name));
	return true;
}

/* "[192.0.2.1]:4711"; other versions write address, dot and port. */
static bool take_host(struct batv_span value, struct batv_exim_spool *out)
{
	bool bracket = batv_span_begins(value, "[");
	const char *end;

	if (bracket)
		value = batv_span_after(value, 1);
	end = memrchr(value.p, bracket ? ']' : '.', value.len);
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
	return batv_span_cut(line, n);
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

/* "ID-H" */
static bool is_name(struct batv_span line)
{
	const char *dash = memrchr(line.p, '-', line.len);

	return dash &&
	       batv_span_equal(batv_span_between(dash, line.p + line.len), batv_span_of("-H"));
}

static bool take_sender(struct batv_span line, struct batv_exim_spool *out)
{
	const char *end = memrchr(line.p, '>', line.len);

	return batv_span_begins(line, "<") && end && end + 1 == line.p + line.len &&
	       copy(batv_span_between(line.p + 1, end), out->sender, sizeof out->sender);
}

/* The first four lines. */
static bool take_head(struct batv_span *rest, struct batv_exim_spool *out)
{
	struct batv_span name, user, sender, times;

	return batv_span_next_line(rest, &name) && batv_span_next_line(rest, &user) &&
	       batv_span_next_line(rest, &sender) && batv_span_next_line(rest, &times) &&
	       is_name(name) && take_sender(sender, out);
}

bool batv_exim_spool_read(struct batv_span text, struct batv_exim_spool *out)
{
	struct batv_span line;

	memset(out, 0, sizeof *out);
	if (!take_head(&text, out))
		return false;
	while (batv_span_next_line(&text, &line)) {
		if (batv_span_begins(line, "-")) {
			if (!take_option(line, out))
				return false;
		} else if (batv_span_to_u64(line, &out->rcpts_all)) {
			return take_rcpts(text, out);
		}
	}
	return false;
}
