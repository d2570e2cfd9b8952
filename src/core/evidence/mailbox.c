/*
 * mailbox.c - finds the addresses in a header field that holds a list of them.
 *
 * There is one pass.  Words are gathered until a special character says what they were: "<" begins
 * the address proper, ":" ends the name of a group, "," and ";" end an entry.  White space is kept
 * only between words, so "a . b @ c" is an address and "Bob c@d" is not one address.
 * Invariant: every address that is handed over has passed batv_addr_parse().  The buffer holds the
 * longest address and no more; a longer text is not an address.
 */
#include <string.h>

#include "evidence/mailbox.h"

struct entry {
	char text[BATV_PATH_MAX];
	size_t len;
	bool blank; /* white space came after the last character */
	bool too_long;
	bool angle; /* inside angle brackets */
	bool done;  /* angle brackets were closed; in practice the rest is a comment */
};

struct list {
	struct batv_span rest;
	struct entry e;
	size_t n, max;
	void (*found)(void *ctx, const struct batv_addr *addr);
	void *ctx;
};

static void put_char(struct entry *e, char c)
{
	if (e->len < sizeof e->text)
		e->text[e->len++] = c;
	else
		e->too_long = true;
}

static bool joins(char c)
{
	return c == '@' || c == '.';
}

static void add_char(struct entry *e, char c)
{
	if (e->done)
		return;
	if (e->blank && e->len > 0 && !joins(c) && !joins(e->text[e->len - 1]))
		put_char(e, ' ');
	e->blank = false;
	put_char(e, c);
}

static void clear_entry(struct entry *e)
{
	*e = (struct entry){.len = 0};
}

static char take_char(struct list *l)
{
	l->rest.len--;
	return *l->rest.p++;
}

/* Its "(" has been taken. */
static void skip_comment(struct list *l)
{
	struct batv_span comment = {l->rest.p - 1, l->rest.len + 1};
	size_t len = batv_span_comment_len(comment) - 1;

	l->rest.p += len;
	l->rest.len -= len;
	l->e.blank = true;
}

/* Adds a quoted string: keeps quotes and backslashes, removes folding. */
static void add_quoted(struct list *l)
{
	add_char(&l->e, '"');
	while (l->rest.len > 0) {
		char c = take_char(l);

		if (c == '\r' || c == '\n')
			continue;
		if (!l->e.done)
			put_char(&l->e, c);
		if (c == '"')
			return;
		if (c == '\\' && l->rest.len > 0) {
			c = take_char(l);
			if (!l->e.done)
				put_char(&l->e, c);
		}
	}
}

/* People also write "Bob b@d" without angle brackets; then the last word is the address. */
static void last_word(struct entry *e)
{
	const char *space;

	if (e->angle || e->done || e->too_long || e->len == 0 || e->text[0] == '"')
		return;
	space = memrchr(e->text, ' ', e->len);
	if (!space)
		return;
	e->len -= (size_t)(space + 1 - e->text);
	memmove(e->text, space + 1, e->len);
}

static void end_entry(struct list *l)
{
	struct batv_addr addr;

	last_word(&l->e);
	if (l->n < l->max && !l->e.too_long &&
	    batv_addr_parse(l->e.text, l->e.len, &addr) == BATV_OK) {
		l->n++;
		l->found(l->ctx, &addr);
	}
	clear_entry(&l->e);
}

/* "@a,@b:user@d": the route ends at the colon, and its commas do not end the entry. */
static bool in_route(const struct entry *e)
{
	return e->angle && e->len > 0 && e->text[0] == '@';
}

static void take_special(struct list *l, char c)
{
	struct entry *e = &l->e;

	switch (c) {
	case '(': skip_comment(l); break;
	case '"': add_quoted(l); break;
	case '<':
		if (!e->done) {
			clear_entry(e);
			e->angle = true;
		}
		break;
	case '>':
		e->done = e->done || e->angle;
		e->angle = false;
		break;
	case ':':
		if (in_route(e) || (!e->angle && !e->done)) {
			bool angle = e->angle;

			clear_entry(e);
			e->angle = angle;
		}
		break;
	default: /* "," and ";" */
		if (!in_route(e))
			end_entry(l);
		break;
	}
}

/* A literal such as [IPv6:2001:db8::1] has its own colons. */
static void add_literal(struct list *l)
{
	add_char(&l->e, '[');
	while (l->rest.len > 0 && !memchr("]>,;\"", l->rest.p[0], 5))
		add_char(&l->e, take_char(l));
}

size_t batv_mailbox_each(struct batv_span value, size_t max,
			 void (*found)(void *ctx, const struct batv_addr *addr), void *ctx)
{
	struct list l = {.rest = value, .max = max, .found = found, .ctx = ctx};

	if (l.rest.len > BATV_MAILBOX_BYTES)
		l.rest.len = BATV_MAILBOX_BYTES;
	while (l.rest.len > 0 && l.n < l.max) {
		char c = take_char(&l);

		if (batv_is_space(c))
			l.e.blank = true;
		else if (memchr("(\"<>:,;", c, 7))
			take_special(&l, c);
		else if (c == '[' && l.e.len > 0 && l.e.text[l.e.len - 1] == '@')
			add_literal(&l);
		else if (c == '\\' && l.rest.len > 0)
			add_char(&l.e, c), add_char(&l.e, take_char(&l));
		else
			add_char(&l.e, c);
	}
	if (l.n < l.max)
		end_entry(&l);
	return l.n;
}

static void copy_first(void *ctx, const struct batv_addr *addr)
{
	char *out = ctx;

	memcpy(out, addr->text.p, addr->text.len);
	out[addr->text.len] = '\0';
}

bool batv_mailbox_first(struct batv_span value, char out[static BATV_ADDR_SIZE])
{
	out[0] = '\0';
	return batv_mailbox_each(value, 1, copy_first, out) > 0;
}
