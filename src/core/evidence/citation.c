/*
 * citation.c - reads one Message-ID, or one tagged address, at a given place in any text.
 *
 * An id is the text in angle brackets, unless it looks like an HTML tag.  White space in an id
 * comes from folding and is removed.  Invariant: every function examines a bounded number of bytes
 * (4 KiB, some of them a few times) and counts them.
 */
#include <stddef.h>
#include <string.h>

#include "evidence/citation.h"
#include "tag/tag.h"

#define GAP_MAX 256 /* bytes between a label and its id, without comments */
#define GAP_LINES 2
#define COMMENT_MAX 1024 /* bytes of a comment before an id */
#define ID_READ_MAX 4096 /* bytes that an id may have in the text, before decoding */
#define BARE_ID_MIN 8    /* an id without "@" has at least this length */
#define BARE_MAX 128     /* an id without brackets has at most this length */
#define LOOK_BACK 128    /* bytes before "prvs" in which a tagged address may begin */
#define ADDRESS_READ 1024

static struct batv_cursor cursor_at(struct batv_span s, size_t max, bool qp, size_t *steps)
{
	return (struct batv_cursor){
		.p = s.p, .end = s.p + (s.len < max ? s.len : max), .qp = qp, .steps = steps};
}

/* Copies the result, but not the unused rest of the buffer. */
static void hand_over(const struct batv_citation *work, struct batv_citation *out)
{
	memcpy(out, work, offsetof(struct batv_citation, text));
	memcpy(out->text, work->text, work->len);
}

/* ---- the label ---- */

/* If `word`, in lower case, is at the cursor, moves the cursor to after it. */
static bool take_lower_word(struct batv_cursor *c, const char *word)
{
	for (; *word; word++) {
		int ch = batv_cursor_next(c);

		if (ch < 0 || batv_fold((char)ch) != *word)
			return false;
	}
	return true;
}

size_t batv_citation_label(struct batv_span s, bool *is_short, size_t *steps)
{
	struct batv_cursor c = cursor_at(s, 64, true, steps), before = c;
	int ch;

	*is_short = !take_lower_word(&c, "message");
	if (*is_short) {
		c = before;
		if (!take_lower_word(&c, "msg"))
			return 0;
	}
	before = c;
	ch = batv_cursor_next(&c);
	if (ch != '-' && ch != '_' && ch != ' ')
		c = before;
	if (!take_lower_word(&c, "id"))
		return 0;
	before = c;
	ch = batv_cursor_next(&c);
	return ch >= 0 && batv_is_name_char((char)ch) ? 0 : (size_t)(before.p - s.p);
}

/* ---- the id ---- */

/* The way an id is written decides where it ends. */
enum form { ANGLE, ENTITY, BARE };

struct reading {
	struct batv_citation *out;
	size_t len;
	bool blanks; /* there was white space other than a fold */
	bool at_sign, digit;
};

static bool keep_char(struct reading *r, int ch)
{
	if (batv_is_control((char)ch) || r->len == sizeof r->out->text)
		return false;
	r->at_sign |= ch == '@' && r->len > 0;
	r->digit |= batv_is_digit((char)ch);
	r->out->text[r->len++] = (char)ch;
	return true;
}

/* <a href="mailto:x@y">, </b> and <!-- x@y --> are HTML tags.  So is <b>, but not <20261122.12>. */
static bool is_id(const struct reading *r)
{
	const char *text = r->out->text;

	if (r->len < 3 || text[0] == '/' || text[0] == '!' || text[0] == '?')
		return false;
	if (r->blanks && text[0] != '"' && (memchr(text, '=', r->len) || memchr(text, '"', r->len)))
		return false;
	if (r->at_sign)
		return text[r->len - 1] != '@';
	return r->len >= BARE_ID_MIN && r->digit && !r->blanks && !memchr(text, '=', r->len);
}

/* A line end is a fold if white space follows.  Any other line end cuts the id off. */
static bool is_fold(const struct batv_cursor *c)
{
	struct batv_cursor at = *c;
	int ch = batv_cursor_next(&at);

	return ch == ' ' || ch == '\t';
}

/* Skips to after ">".  Inside &lt;...&gt;, a program may have put a link around the id. */
static bool skip_html_tag(struct batv_cursor *c)
{
	int ch;

	do
		ch = batv_cursor_next(c);
	while (ch >= 0 && ch != '>' && ch != '<');
	return ch == '>';
}

/* Reads from after the opening bracket to after the closing one. */
static bool read_bracketed(struct batv_cursor *c, enum form form, struct reading *r)
{
	for (;;) {
		int ch = batv_cursor_next(c);

		if (ch == '&' && form == ENTITY) {
			ch = batv_cursor_entity(c);
			if (ch == '>')
				return is_id(r);
			if (ch < 0)
				ch = '&';
		} else if (ch == '<' && form == ENTITY) {
			if (!skip_html_tag(c))
				return false;
			continue;
		} else if (ch == '>' && form == ANGLE) {
			return is_id(r);
		}
		if (ch == '\n' && is_fold(c))
			continue;
		if (batv_is_blank((char)ch)) {
			r->blanks |= ch == ' ' && r->len > 0;
			continue;
		}
		if (ch < 0 || ch == '<' || ch == '>' || !keep_char(r, ch))
			return false;
	}
}

static bool ends_word(int ch)
{
	switch (ch) {
	case '<':
	case '>':
	case '"':
	case '\'':
	case '&':
	case ',':
	case ':':
	case ';':
	case '(':
	case ')':
	case '*': return true;
	default: return batv_is_blank((char)ch) || batv_is_control((char)ch);
	}
}

/* An id without brackets needs an "@", and ends where a word ends. */
static bool read_bare(struct batv_cursor *c, struct reading *r)
{
	struct batv_cursor before;
	int ch;

	for (before = *c; (ch = batv_cursor_next(c)) >= 0; before = *c)
		if (r->len == BARE_MAX || ends_word(ch) || !keep_char(r, ch))
			break;
	*c = before;
	while (r->len > 0 && strchr(".:=]", r->out->text[r->len - 1]))
		r->len--;
	return r->at_sign && is_id(r);
}

static bool read_id(struct batv_cursor *c, const char *begin, enum form form,
		    struct batv_citation *out)
{
	struct reading r = {.out = out};

	if (!(form == BARE ? read_bare(c, &r) : read_bracketed(c, form, &r)))
		return false;
	out->begin = begin;
	out->end = c->p;
	out->changed = c->changed;
	out->len = r.len;
	return true;
}

/* May the character come between a label and its id? */
static bool is_gap(int ch)
{
	return batv_is_blank((char)ch) || ch == ':' || ch == '=' || ch == '"' || ch == '\'' ||
	       ch == '*' || ch == 0xc2 ||
	       ch == 0xa0; /* the last two: U+00A0, in UTF-8 or Latin-1 */
}

struct gap {
	const char *end; /* the id must begin before this */
	unsigned lines;
};

/* Takes a comment; its "(" has been taken.  The gap is then as long as before.  False: no end. */
static bool take_comment(struct batv_cursor *c, struct gap *gap)
{
	const char *begin = c->p;
	unsigned depth = 1;
	size_t len;

	while (depth > 0 && c->p - begin < COMMENT_MAX) {
		int ch = batv_cursor_next(c);

		if (ch < 0 || (ch == '\n' && !is_fold(c)))
			return false;
		if (ch == '\\')
			(void)batv_cursor_next(c);
		depth += ch == '(';
		depth -= ch == ')';
	}
	len = (size_t)(c->p - begin);
	gap->end = (size_t)(c->end - gap->end) > len ? gap->end + len : c->end;
	gap->lines = 0; /* a field with comments may be folded at each of them */
	return depth == 0;
}

/* Takes one more piece of the gap; false: the gap ends here, and an id must begin. */
static bool take_gap(struct batv_cursor *c, int ch, struct gap *gap)
{
	if (ch == '(')
		return take_comment(c, gap);
	if (ch == '\n')
		return ++gap->lines <= GAP_LINES;
	if (ch == '&')
		return batv_cursor_entity(c) == 0xa0;
	return is_gap(ch) || (gap->lines > 0 && (ch == '>' || ch == '|'));
}

/* Returns the form of an id that begins with ch.  After "&lt;" the cursor is after its ";". */
static enum form opening(struct batv_cursor *c, int ch)
{
	struct batv_cursor at = *c;

	if (ch == '<')
		return ANGLE;
	if (ch == '&' && batv_cursor_entity(&at) == '<') {
		*c = at;
		return ENTITY;
	}
	return BARE;
}

static bool cite_id(struct batv_span text, bool qp, struct batv_citation *work, size_t *steps)
{
	struct batv_cursor c = cursor_at(text, ID_READ_MAX, qp, steps), at;
	struct gap gap = {.end = text.p + (text.len < GAP_MAX ? text.len : GAP_MAX)};
	int ch;

	for (at = c; at.p < gap.end && (ch = batv_cursor_next(&c)) >= 0; at = c) {
		enum form form = opening(&c, ch);
		struct batv_cursor inside = c;

		if (form == BARE && take_gap(&c, ch, &gap))
			continue;
		if (form == BARE)
			return at.p > text.p && gap.lines <= GAP_LINES &&
			       read_id(&at, at.p, BARE, work);
		if (read_id(&inside, at.p, form, work))
			return true;
		if (form == ENTITY || !skip_html_tag(&c))
			return false;
	}
	return false;
}

bool batv_citation_id(struct batv_span text, bool qp, struct batv_citation *out, size_t *steps)
{
	struct batv_citation work;

	if (!cite_id(text, qp, &work, steps))
		return false;
	hand_over(&work, out);
	return true;
}

bool batv_citation_next_id(struct batv_span value, bool bare, struct batv_citation *out,
			   size_t *steps)
{
	struct batv_citation work;

	while (value.len > 0) {
		struct batv_cursor c = cursor_at(value, ID_READ_MAX, false, steps);
		bool angle = *c.p == '<';
		const char *begin = c.p;

		++*steps;
		c.p += angle;
		if (angle != bare && read_id(&c, begin, angle ? ANGLE : BARE, &work)) {
			hand_over(&work, out);
			return true;
		}
		if (!bare || c.p == begin)
			c.p = begin + 1;
		value.len -= (size_t)(c.p - value.p);
		value.p = c.p;
	}
	return false;
}

/*
 * Takes the text of a field value up to its next comment, and that comment, off *rest.  A
 * comment that never ends does not count.
 */
static struct batv_span take_outside(struct batv_span *rest, size_t *steps)
{
	const struct batv_span all = *rest;
	size_t i = 0, len;

	*rest = batv_span_after(all, all.len);
	for (; i < all.len && all.p[i] != '('; i++)
		if (all.p[i] == '<') { /* an id may have parentheses */
			const char *end = memchr(all.p + i, '>', all.len - i);

			if (!end)
				return all;
			i = (size_t)(end - all.p);
		}
	*steps += i;
	if (i == all.len)
		return all;
	len = batv_span_comment_len(batv_span_after(all, i));
	*steps += len;
	if (i + len == all.len)
		return all;
	*rest = batv_span_after(all, i + len);
	return batv_span_cut(all, i);
}

/* How the ids of a field are looked for, one way after the other until there are any. */
enum way { OUTSIDE_COMMENTS, ANYWHERE, BARE_WORDS };

/* Finds where the ids of a field begin.  Only the last BATV_CITATION_IDS are kept, in a ring. */
static size_t find_ids_by(struct batv_span value, enum way way, size_t max,
			  const char *begins[static BATV_CITATION_IDS], size_t *steps)
{
	struct batv_span rest = value, text;
	struct batv_citation id;
	size_t n = 0;

	do {
		text = way == OUTSIDE_COMMENTS ? take_outside(&rest, steps) : value;
		while (n < max && batv_citation_next_id(text, way == BARE_WORDS, &id, steps)) {
			begins[n++ % BATV_CITATION_IDS] = id.begin;
			text = batv_span_between(id.end, text.p + text.len);
		}
	} while (way == OUTSIDE_COMMENTS && rest.len > 0 && n < max);
	return n;
}

size_t batv_citation_ids(struct batv_span value, size_t max,
			 const char *begins[static BATV_CITATION_IDS], bool *bare, size_t *steps)
{
	unsigned way =
		value.len > 0 && memchr(value.p, '(', value.len) ? OUTSIDE_COMMENTS : ANYWHERE;
	size_t n = 0;

	for (; n == 0 && way <= BARE_WORDS; way++) {
		*bare = way == BARE_WORDS;
		n = find_ids_by(value, (enum way)way, max, begins, steps);
	}
	return n;
}

/* ---- tagged addresses ---- */

/* Reads a quoted local part up to its closing quote. */
static bool read_quoted(struct batv_cursor *c, struct reading *r)
{
	int ch;

	while ((ch = batv_cursor_next(c)) >= 0) {
		if (ch == '\r' || (ch == '\n' && is_fold(c)))
			continue;
		if (!keep_char(r, ch))
			return false;
		if (ch == '"')
			return true;
		if (ch == '\\' && ((ch = batv_cursor_next(c)) < 0 || !keep_char(r, ch)))
			return false;
	}
	return false;
}

/* Reads from the start of the local part to the end of the domain. */
static bool read_address(struct batv_cursor *c, struct reading *r)
{
	int ch = batv_cursor_next(c);
	struct batv_cursor before;
	bool domain = false;

	if (ch < 0 || !keep_char(r, ch) || (ch == '"' && !read_quoted(c, r)))
		return false;
	for (before = *c; (ch = batv_cursor_next(c)) >= 0; before = *c) {
		if (r->len > BATV_PATH_MAX)
			return false;
		if (ch == '@' && !domain)
			domain = true;
		else if (!batv_is_atext((char)ch) &&
			 !(domain && (ch == '[' || ch == ']' || ch == ':')))
			break;
		else if (domain && (ch == '&' || ch == '=' || ch == '\'' || ch == '*'))
			break;
		if (!keep_char(r, ch))
			break;
	}
	*c = before;
	return domain;
}

/* "<prvs=...@d>: host", "to prvs=...@d.": punctuation after it is not part of the domain. */
static void trim_address(struct reading *r)
{
	while (r->len > 0 && strchr(".:-", r->out->text[r->len - 1]))
		r->len--;
	if (r->len > 0 && r->out->text[r->len - 1] == ']' && !memchr(r->out->text, '[', r->len))
		r->len--;
}

static bool tag_from(struct batv_span text, size_t from, bool qp, struct batv_citation *out,
		     size_t *steps)
{
	struct batv_cursor c = cursor_at((struct batv_span){text.p + from, text.len - from},
					 ADDRESS_READ, qp, steps);
	struct reading r = {.out = out};
	struct batv_addr addr;
	struct batv_tag tag;

	if (!read_address(&c, &r))
		return false;
	trim_address(&r);
	*steps += r.len; /* for parsing it */
	if (batv_addr_parse(out->text, r.len, &addr) != BATV_OK || !batv_tag_parse(&addr, &tag))
		return false;
	out->begin = text.p + from;
	out->end = c.p;
	out->changed = c.changed;
	out->len = r.len;
	return true;
}

/* Where local+prvs= begins: after the last character that cannot be in a local part. */
static size_t local_begin(struct batv_span text, size_t at, size_t *steps)
{
	size_t i = at;

	while (i > 0 && at - i < LOOK_BACK) {
		if (batv_is_atext(text.p[i - 1]))
			i--;
		else if (text.p[i - 1] == '\n' && i > 1 && text.p[i - 2] == '=')
			i -= 2; /* a soft line break */
		else if (text.p[i - 1] == '\n' && i > 2 && text.p[i - 2] == '\r' &&
			 text.p[i - 3] == '=')
			i -= 3;
		else
			break;
	}
	*steps += at - i;
	return i;
}

/* smtp.mailfrom=user+prvs=...: "=" may end a label, or be part of a local part. */
static bool sub_address(struct batv_span text, size_t at, bool qp, struct batv_citation *out,
			size_t *steps)
{
	size_t begin = local_begin(text, at, steps), i;

	for (i = at; i > begin; i--)
		if (text.p[i - 1] == '=')
			break;
	*steps += at - i;
	if (i > begin) {
		if (qp && at - i > 2 && text.p[i] == '3' && batv_fold(text.p[i + 1]) == 'd')
			i += 2;
		if (tag_from(text, i, qp, out, steps))
			return true;
	}
	return tag_from(text, begin, qp, out, steps);
}

/* "two words+prvs=...": the address begins at the quote. */
static bool quoted_sub_address(struct batv_span text, size_t at, bool qp, struct batv_citation *out,
			       size_t *steps)
{
	for (size_t i = at; i > 0 && at - i < LOOK_BACK && text.p[i - 1] != '\n'; i--) {
		++*steps;
		if (text.p[i - 1] == '"')
			return tag_from(text, i - 1, qp, out, steps);
	}
	return false;
}

/* Where the soft line breaks before `at` begin. */
static size_t before_breaks(struct batv_span text, size_t at)
{
	for (unsigned n = 0; n < 4 && at > 1 && text.p[at - 1] == '\n'; n++) {
		size_t break_len = text.p[at - 2] == '=' ? 2 : 3;

		if (at < break_len || text.p[at - break_len] != '=')
			break;
		at -= break_len;
	}
	return at;
}

/* Where the quote right before `at` begins, which may be encoded; `at`: there is none. */
static size_t quote_before(struct batv_span text, size_t at, bool qp)
{
	size_t end = qp ? before_breaks(text, at) : at;

	if (end > 0 && text.p[end - 1] == '"')
		return end - 1;
	return qp && end > 2 && memcmp(text.p + end - 3, "=22", 3) == 0 ? end - 3 : at;
}

/*
 * Returns the character after prvs=KDDDSSSSSS at the cursor; -1 at the end, or if it is not a tag.
 */
static int behind_tag(struct batv_cursor c)
{
	if (!take_lower_word(&c, "prvs="))
		return -1;
	for (unsigned i = 0; i < BATV_TAG_LEN; i++) {
		int ch = batv_cursor_next(&c);

		if (ch < 0 || (i < 4 ? !batv_is_digit((char)ch) : batv_hex_value((char)ch) < 0))
			return -1;
	}
	return batv_cursor_next(&c);
}

bool batv_citation_tag(struct batv_span text, size_t at, bool qp, struct batv_citation *out,
		       size_t *steps)
{
	struct batv_span rest = {text.p + at, text.len - at};
	struct batv_citation work;
	bool found = false;
	size_t quote;

	switch (behind_tag(cursor_at(rest, ADDRESS_READ, qp, steps))) {
	case '=': /* a quote before it may belong to the local part, or enclose the address */
		quote = quote_before(text, at, qp);
		found = (quote < at && tag_from(text, quote, qp, &work, steps)) ||
			tag_from(text, at, qp, &work, steps);
		break;
	case '@': found = sub_address(text, at, qp, &work, steps); break;
	case '"': found = quoted_sub_address(text, at, qp, &work, steps); break;
	default: break;
	}
	if (found)
		hand_over(&work, out);
	return found;
}
