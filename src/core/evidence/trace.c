/*
 * trace.c - reads Exim's Received fields, and walks down through them.
 *
 * Exim's own line is a few physical lines:
 *
 *	from [192.0.2.1] (helo=X ident=Y)     or  from NAME ([192.0.2.1] helo=X)
 *	by US with PROTOCOL (Exim 4.96)       with TLS, its version and cipher come first
 *	(envelope-from <SENDER>)              missing for the null sender
 *	id ID
 *	for RECIPIENT; DATE                   without RECIPIENT if there are several
 *
 * Without a host, IDENT and a HELO may come before "by".  Invariant: only those
 * places count that a stranger cannot write to.  A line that could be read in two ways is
 * UNREADABLE, and that counts as a stranger's.
 */
#include "evidence/trace.h"

#include <string.h>

#include "tag/tag.h"

/* ---- One physical line ---- */

/* Takes a text off the front of s, if it is there. */
static bool take_text(struct batv_span *s, const char *text)
{
	if (!batv_span_begins(*s, text))
		return false;
	*s = (struct batv_span){s->p + strlen(text), s->len - strlen(text)};
	return true;
}

/* Takes the next physical line, without the white space at both ends. */
static bool take_line(struct batv_span *rest, struct batv_span *line)
{
	if (!batv_span_next_line(rest, line))
		return false;
	*line = batv_span_trim(*line);
	return true;
}

/* Takes "by US with PROTOCOL"; what follows is not looked at. */
static bool take_by(struct batv_span line, struct batv_span us, struct batv_span *protocol)
{
	struct batv_span word = batv_span_next_word(&line);

	if (!batv_span_equal(word, batv_span_of("by")))
		return false;
	word = batv_span_next_word(&line);
	if (us.len == 0 || !batv_span_equal_fold(word, us))
		return false;
	word = batv_span_next_word(&line);
	if (!batv_span_equal(word, batv_span_of("with")))
		return false;
	word = batv_span_next_word(&line);
	if (word.len == 0)
		return false;
	*protocol = word;
	return true;
}

/* Takes "[ADDRESS]".  Host lists are asked about it, so it holds nothing but an address. */
static bool take_literal(struct batv_span *s, struct batv_span *address)
{
	struct batv_span a = {s->p + 1, 0};

	if (s->len == 0 || s->p[0] != '[')
		return false;
	while (a.len + 1 < s->len &&
	       (batv_hex_value(a.p[a.len]) >= 0 || a.p[a.len] == ':' || a.p[a.len] == '.'))
		a.len++;
	if (a.len == 0 || a.len + 1 == s->len || a.p[a.len] != ']')
		return false;
	*address = a;
	*s = batv_span_between(a.p + a.len + 1, s->p + s->len);
	return true;
}

/* Takes an ident as Exim's quote_local_part writes it: a word, or a quoted string. */
static bool take_ident(struct batv_span *s, struct batv_span *ident)
{
	size_t at = 1;

	if (s->len == 0 || s->p[0] != '"') {
		*ident = batv_span_next_word(s);
		return ident->len > 0;
	}
	while (at < s->len && s->p[at] != '"')
		at += s->p[at] == '\\' ? 2 : 1;
	if (at >= s->len)
		return false;
	*ident = (struct batv_span){s->p, at + 1};
	*s = batv_span_between(s->p + at + 1, s->p + s->len);
	return true;
}

/* ---- Exim's line ---- */

/* Exim writes "(...)" or nothing after an address. */
static bool is_remark(struct batv_span s)
{
	s = batv_span_trim(s);
	return s.len == 0 || (s.p[0] == '(' && s.p[s.len - 1] == ')');
}

/* NAME has been taken: "([ADDRESS]...)", on this line or the next one. */
static bool read_named(struct batv_span here, struct batv_span *rest, struct batv_trace_line *l)
{
	here = batv_span_trim(here);
	if (here.len == 0 && !take_line(rest, &here))
		return false;
	return here.len > 0 && here.p[here.len - 1] == ')' && take_text(&here, "(") &&
	       take_literal(&here, &l->address);
}

/*
 * Reads from the start to the end of the line with "by".  Exim breaks the line before "by" if there
 * is a host or a HELO.
 */
static bool read_origin(struct batv_span us, struct batv_span *rest, struct batv_trace_line *l)
{
	struct batv_span line, ident;

	if (!take_line(rest, &line))
		return false;
	if (take_by(line, us, &l->protocol))
		return true;
	if (take_text(&line, "from [")) {
		line = batv_span_between(line.p - 1, line.p + line.len);
		if (!take_literal(&line, &l->address) || !is_remark(line))
			return false;
	} else if (take_text(&line, "from ")) {
		if (!take_ident(&line, &ident))
			return false;
		line = batv_span_trim(line);
		if (take_by(line, us, &l->protocol))
			return true;
		if (!batv_span_begins(line, "(helo=")) {
			l->name = ident;
			if (ident.p[0] == '"' || !read_named(line, rest, l))
				return false;
		} else if (!is_remark(line)) {
			return false;
		}
	} else if (!batv_span_begins(line, "(helo=") || !is_remark(line)) {
		return false;
	}
	return take_line(rest, &line) && take_by(line, us, &l->protocol);
}

static bool read_sender(struct batv_span line, struct batv_trace_line *l)
{
	struct batv_addr addr;

	if (l->has_sender || !take_text(&line, "(envelope-from <") || line.len < 2 ||
	    line.p[line.len - 2] != '>' || line.p[line.len - 1] != ')')
		return false;
	l->sender = (struct batv_span){line.p, line.len - 2};
	l->has_sender = true;
	/* a quoted local part may end in ">)": cut there, it is no address */
	return batv_addr_parse(l->sender.p, l->sender.len, &addr) == BATV_OK;
}

static bool read_id(struct batv_span line, struct batv_trace_line *l)
{
	size_t len = 0;

	if (l->id.len > 0 || !take_text(&line, "id "))
		return false;
	while (len < line.len && (batv_is_alnum(line.p[len]) || line.p[len] == '-'))
		len++;
	if (len < line.len && line.p[len] != ';' && !batv_is_blank(line.p[len]))
		return false;
	l->id = (struct batv_span){line.p, len};
	return len > 0;
}

/* Reads the lines after "by".  A line that could be taken for another one is not Exim's work. */
static bool read_rest(struct batv_span us, struct batv_span rest, struct batv_trace_line *l)
{
	struct batv_span line, protocol;

	while (take_line(&rest, &line)) {
		if (take_by(line, us, &protocol))
			return false;
		if (batv_span_begins(line, "(envelope-from <")) {
			if (l->id.len > 0 || !read_sender(line, l))
				return false;
		} else if (batv_span_begins(line, "id ") && !read_id(line, l)) {
			return false;
		}
	}
	return l->id.len > 0;
}

/* Takes the next word, over all physical lines. */
static struct batv_span take_token(struct batv_span *rest)
{
	struct batv_span word = batv_span_trim(*rest);
	const char *end = word.p + word.len;

	for (word.len = 0; word.p + word.len < end && !batv_is_space(word.p[word.len]); word.len++)
		;
	*rest = batv_span_between(word.p + word.len, end);
	return word;
}

/*
 * Is there "by US" anywhere?  "by US (" is not Exim's, whose name is followed by "with": a filter
 * on this host writes that.
 */
static bool names_us(struct batv_span us, struct batv_span value)
{
	struct batv_span word = take_token(&value);
	bool by = false;

	for (; word.len > 0; word = take_token(&value)) {
		struct batv_span name = word;

		name.len -= name.p[name.len - 1] == ';';
		if (by && batv_span_equal_fold(name, us) &&
		    !batv_span_begins(batv_span_trim(value), "("))
			return true;
		by = batv_span_equal_fold(word, batv_span_of("by"));
	}
	return false;
}

enum batv_trace_reading batv_trace_read(struct batv_span us, struct batv_span value,
					struct batv_trace_line *line)
{
	struct batv_trace_line l = {0};
	struct batv_span rest = batv_span_trim(value);

	if (us.len > 0 && read_origin(us, &rest, &l) && read_rest(us, rest, &l)) {
		*line = l;
		return BATV_TRACE_READ;
	}
	return names_us(us, value) ? BATV_TRACE_UNREADABLE : BATV_TRACE_NOT_OURS;
}

/* ---- A fetcher's line ---- */

static bool is_fetcher(struct batv_span word)
{
	static const char *const names[] = {"fetchmail", "getmail", "mpop"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (batv_span_begins_fold(word, names[i]))
			return true;
	return false;
}

static bool is_fetching(struct batv_span word)
{
	return batv_span_begins_fold(word, "POP2") || batv_span_begins_fold(word, "POP3") ||
	       batv_span_begins_fold(word, "IMAP") || is_fetcher(word);
}

/*
 * "with POP3", "with IMAP", or a comment that begins with a fetcher's name.  Words within other
 * comments, where HELOs are, say nothing.
 */
static bool from_fetcher(struct batv_span value)
{
	bool with = false;

	for (value = batv_span_trim(value); value.len > 0; value = batv_span_trim(value)) {
		struct batv_span word = value;

		if (value.p[0] == '(') {
			word.len = batv_span_comment_len(value);
			value = batv_span_between(word.p + word.len, value.p + value.len);
			if (is_fetcher((struct batv_span){word.p + 1, word.len - 1}))
				return true;
			continue;
		}
		word = take_token(&value);
		if (with && is_fetching(word))
			return true;
		with = batv_span_equal_fold(word, batv_span_of("with"));
	}
	return false;
}

/* ---- The walk ---- */

/* Does another host's line say that no other host gave it the message?  It names none. */
static bool without_host(struct batv_span value)
{
	struct batv_span ident;

	value = batv_span_trim(value);
	if (batv_span_begins_fold(value, "by ") || batv_span_begins(value, "(from "))
		return true;
	/* another Exim's: "from IDENT by NAME with local" */
	if (!take_text(&value, "from ") || !take_ident(&value, &ident))
		return false;
	if (!batv_span_equal(batv_span_next_word(&value), batv_span_of("by")))
		return false;
	(void)batv_span_next_word(&value);
	return batv_span_equal(batv_span_next_word(&value), batv_span_of("with")) &&
	       batv_span_begins(batv_span_next_word(&value), "local");
}

static bool says_auth(struct batv_span protocol)
{
	(void)take_text(&protocol, "utf8");
	(void)take_text(&protocol, "local-");
	return batv_span_equal(protocol, batv_span_of("asmtp")) ||
	       batv_span_equal(protocol, batv_span_of("esmtpa")) ||
	       batv_span_equal(protocol, batv_span_of("esmtpsa"));
}

static void end(struct batv_trace *t, enum batv_trace_kind kind)
{
	t->kind = kind;
	t->ended = true;
}

/* The first pass is not to be seen, so its sender is not known either. */
static void end_unread(struct batv_trace *t)
{
	t->first_known = false;
	t->first[0] = '\0';
	end(t, BATV_TRACE_STRANGER);
}

static void note_sender(struct batv_trace *t, const struct batv_trace_line *l)
{
	t->first_known = l->sender.len < sizeof t->first;
	if (!t->first_known)
		return;
	if (l->sender.len > 0)
		memcpy(t->first, l->sender.p, l->sender.len);
	t->first[l->sender.len] = '\0';
}

/* A line of ours below the top one: an earlier pass. */
static void earlier_pass(struct batv_trace *t, const struct batv_trace_line *l)
{
	t->found = true;
	note_sender(t, l);
	if (says_auth(l->protocol))
		end(t, BATV_TRACE_OURS);
	else if (l->address.len > 0 && !(t->near && t->near(t->ctx, l->name, l->address)))
		end(t, t->known && t->known(t->ctx, l->id) ? BATV_TRACE_OURS : BATV_TRACE_STRANGER);
}

/* The line of the pass in hand.  A changed received_header_text may make it something else. */
static void top_line(struct batv_trace *t, struct batv_span value)
{
	struct batv_trace_line l;

	t->readable = batv_trace_read(t->us, value, &l) == BATV_TRACE_READ &&
		      batv_span_equal(l.id, t->id) && (l.has_sender || !t->has_sender);
	t->ended = !t->readable;
}

static void line_below(struct batv_trace *t, struct batv_span value)
{
	struct batv_trace_line l;

	t->below++;
	t->originated = t->below == 1 && without_host(value);
	if (t->below > BATV_TRACE_FIELDS_MAX) {
		end_unread(t);
		return;
	}
	switch (batv_trace_read(t->us, value, &l)) {
	case BATV_TRACE_READ: earlier_pass(t, &l); break;
	case BATV_TRACE_UNREADABLE: end_unread(t); break;
	case BATV_TRACE_NOT_OURS:
		if (!from_fetcher(value))
			break;
		t->fetched_now = t->fetched_now || !t->found;
		end(t, BATV_TRACE_FETCHED);
		break;
	}
}

void batv_trace_start(struct batv_trace *t)
{
	t->kind = BATV_TRACE_OURS;
	t->readable = t->found = t->fetched_now = t->first_known = t->ended = false;
	t->originated = true;
	t->below = 0;
	t->first[0] = '\0';
}

bool batv_trace_field(struct batv_trace *t, struct batv_header field)
{
	if (!batv_span_equal_fold(field.name, batv_span_of("Received")))
		return true;
	if (!t->readable && !t->ended)
		top_line(t, field.value);
	else if (!t->ended)
		line_below(t, field.value);
	return !t->ended;
}

bool batv_trace_is_strangers(const struct batv_trace *t, const char *address)
{
	char first[BATV_ADDR_SIZE], asked[BATV_ADDR_SIZE];

	if (t->kind == BATV_TRACE_OURS)
		return false;
	if (!address || !t->first_known)
		return true;
	(void)batv_tag_canon(batv_span_of(t->first), first);
	return !batv_tag_canon(batv_span_of(address), asked) || strcmp(first, asked) == 0;
}
