/*
 * search.c - finds texts in an automatic message that may prove that it answers mail of ours.
 *
 * This is not a MIME parser.  One pass over the body stops at every "m" of a label and every "p" of
 * a tag, and undoes quoted-printable only there.  The content of base64 blocks is searched in the
 * same way.  The structure (which part, its type and encoding) is followed line by line alongside,
 * only to say where a text was found.  Nothing is lost if the structure is broken.
 *
 * Invariant: every loop over bytes counts them in `passed` or `closer`.  A closer look begins only
 * while `closer` is within its limit, and takes fewer than CLOSER_LONGEST steps.
 */
#include <string.h>

#include "evidence/citation.h"
#include "evidence/recorded.h"
#include "evidence/search.h"

#define HEADER_VALUE_MAX 65536
#define LABEL_MAX 40   /* bytes of a field's name before "message-id" */
#define CONTEXT_MAX 64 /* bytes before a tagged address that may hold its label */
#define BOUNDARY_MAX 200
#define BLOCK_LINE_MIN 24 /* least length of a base64 line that no header announced */
#define WINDOW 6144       /* decoded bytes that are searched at a time */
#define WINDOW_BACK 256   /* bytes kept before them, for the start of a label */
#define WINDOW_MORE 1536  /* bytes kept after them, for the end of an id */
#define WINDOW_ALL (WINDOW_BACK + WINDOW + WINDOW_MORE)
#define MARK 64              /* decoded bytes between two marks; divides these three */
#define STEPS_OF_A_PIECE 4   /* all that may come before an address is tried */
#define CLOSER_LONGEST 40960 /* one closer look takes fewer steps */

static bool ends_with(struct batv_span s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len >= len && batv_span_equal_fold((struct batv_span){s.p + s.len - len, len},
						    batv_span_of(suffix));
}

/* ---- the message's own header ---- */

static void add_header_clue(struct batv_search *s, enum batv_clue_kind kind, struct batv_header h,
			    const struct batv_citation *id)
{
	struct batv_clue clue = {.kind = kind,
				 .in_header = true,
				 .offset = (size_t)(id->begin - h.value.p),
				 .where = h.name,
				 .raw = batv_span_between(id->begin, id->end),
				 .value = {id->text, id->len}};
	uint8_t *place = batv_clues_place(&s->found, kind, true, clue.value, &s->closer);

	if (place)
		batv_clues_keep(&s->found, clue, place);
}

/*
 * The last id of References is the message being answered.  In other fields the first id is the
 * most likely one.
 */
static void see_ids(struct batv_search *s, enum batv_clue_kind kind, struct batv_header h)
{
	const char *begins[BATV_CITATION_IDS];
	bool last = kind == BATV_CLUE_REFERENCES, bare;
	size_t n = batv_citation_ids(h.value, last ? SIZE_MAX : BATV_CITATION_IDS, begins, &bare,
				     &s->passed),
	       kept;
	struct batv_citation id;

	kept = n < BATV_CITATION_IDS ? n : BATV_CITATION_IDS;
	for (size_t i = 0; i < kept; i++) {
		const char *begin = begins[(last ? n - 1 - i : i) % BATV_CITATION_IDS];

		if (batv_citation_next_id(batv_span_between(begin, h.value.p + h.value.len), bare,
					  &id, &s->passed))
			add_header_clue(s, kind, h, &id);
	}
}

/* The tag that a server before us took off the envelope, and wrote into the header. */
static void see_recorded(struct batv_search *s, struct batv_header h)
{
	struct batv_citation tagged;
	struct batv_span value;

	if (batv_clues_done(&s->found, BATV_CLUE_RECORDED, true) || !batv_recorded_in(h, &value))
		return;
	s->passed += h.value.len < BATV_RECORDED_MAX ? h.value.len : BATV_RECORDED_MAX;
	for (size_t i = 0; i < value.len; i++)
		if (batv_fold(value.p[i]) == 'p' &&
		    batv_span_begins_fold((struct batv_span){value.p + i, value.len - i},
					  "prvs=")) {
			if (batv_citation_tag(value, i, false, &tagged, &s->closer))
				add_header_clue(s, BATV_CLUE_RECORDED, h, &tagged);
			return;
		}
}

/* Without the white space and comments that come first. */
static struct batv_span after_comments(struct batv_span value)
{
	value = batv_span_trim(value);
	while (value.len > 0 && value.p[0] == '(')
		value = batv_span_trim(batv_span_after(value, batv_span_comment_len(value)));
	return value;
}

/* Takes "text/plain" from "text/plain; charset=...", as it is written. */
static struct batv_span media_type(struct batv_span value)
{
	size_t len = 0;

	value = after_comments(value);
	while (len < value.len &&
	       (batv_is_name_char(value.p[len]) || strchr("/.+", value.p[len])) &&
	       value.p[len] != '\0')
		len++;
	return batv_span_cut(value, len);
}

static bool is_returned(struct batv_span type)
{
	static const char types[][24] = {"message/rfc822",     "text/rfc822-headers",
					 "message/global",     "message/global-headers",
					 "text/rfc822-header", "message/partial"};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (batv_span_equal_fold(type, batv_span_of(types[i])))
			return true;
	return false;
}

static void set_type(struct batv_search *s, struct batv_span type)
{
	s->part_type = type;
	s->returned = is_returned(type);
	s->text = !s->returned && (type.len == 0 || batv_span_begins_fold(type, "text/"));
}

static bool is_base64(struct batv_span value)
{
	return batv_span_begins_fold(after_comments(value), "base64");
}

static bool is_qp(struct batv_span value)
{
	return batv_span_begins_fold(after_comments(value), "quoted-printable");
}

void batv_search_start(struct batv_search *s)
{
	s->passed = s->closer = 0;
	s->part = 0;
	s->base64 = s->qp = false;
	set_type(s, batv_span_of(""));
	batv_clues_start(&s->found);
}

void batv_search_header(struct batv_search *s, struct batv_header h)
{
	static const struct {
		char name[36];
		enum batv_clue_kind kind;
	} fields[] = {
		{"In-Reply-To", BATV_CLUE_IN_REPLY_TO},
		{"References", BATV_CLUE_REFERENCES},
		{"Original-Message-ID", BATV_CLUE_ORIGINAL_ID},
		{"X-MS-Exchange-Parent-Message-Id", BATV_CLUE_PARENT_ID},
	};
	bool known = false;

	h.name = batv_span_trim(h.name);
	h.value = batv_span_cut(h.value, HEADER_VALUE_MAX);
	s->passed += h.name.len + 1;
	if (h.name.len < sizeof "Received" - 1)
		return; /* all names that count are longer */
	if (batv_clues_done(&s->found, BATV_CLUE_IN_REPLY_TO, true))
		known = true;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !known; i++) {
		known = batv_span_equal_fold(h.name, batv_span_of(fields[i].name));
		if (known)
			see_ids(s, fields[i].kind, h);
	}
	/* providers give this field names of their own: X-CM-Original-Message-ID */
	if (!known && ends_with(h.name, "original-message-id"))
		see_ids(s, BATV_CLUE_X_ORIGINAL_ID, h);
	see_recorded(s, h);
	if (batv_span_equal_fold(h.name, batv_span_of("Content-Type"))) {
		set_type(s, media_type(h.value));
	} else if (batv_span_equal_fold(h.name, batv_span_of("Content-Transfer-Encoding"))) {
		s->base64 = is_base64(h.value);
		s->qp = is_qp(h.value);
	}
}

/* ---- a text: the body, or what was base64 in it ---- */

struct text {
	struct batv_search *s;
	struct batv_span all;
	const char *body;
	/* if `all` was decoded: the state before every MARK bytes of it; NULL: `all` is the body */
	const struct batv_base64 *marks;
};

/* Returns where a byte is in the body.  With `end`, returns where the byte before it ends. */
static const char *place_in_body(const struct text *t, const char *p, bool end)
{
	size_t n = (size_t)(p - t->all.p) + !end, mark = n > 0 ? (n - 1) / MARK : 0;
	struct batv_base64 b;

	if (!t->marks)
		return p;
	b = t->marks[mark];
	t->s->closer += n - mark * MARK;
	for (n -= mark * MARK; n > 0; n--)
		(void)batv_base64_next(&b);
	return end ? b.p : b.begin;
}

static void add_found(const struct text *t, enum batv_clue_kind kind, bool weak,
		      const struct batv_citation *found)
{
	struct batv_clue clue = {.kind = kind,
				 .weak = weak,
				 .part = t->s->part,
				 .where = t->s->part_type,
				 .value = {found->text, found->len}};
	uint8_t *place = batv_clues_place(&t->s->found, kind, false, clue.value, &t->s->closer);

	if (!place) /* before the work of locating it in the body */
		return;
	if (found->changed)
		clue.encoding = t->marks ? BATV_ENCODING_BASE64_QP : BATV_ENCODING_QP;
	else
		clue.encoding = t->marks ? BATV_ENCODING_BASE64 : BATV_ENCODING_NONE;
	clue.raw = batv_span_between(place_in_body(t, found->begin, false),
				     place_in_body(t, found->end, true));
	clue.offset = (size_t)(clue.raw.p - t->body);
	batv_clues_keep(&t->s->found, clue, place);
}

/* Returns the text before "message-id" in the name of the field. */
static struct batv_span label_prefix(const struct text *t, size_t at)
{
	size_t begin = at;

	while (begin > 0 && at - begin < LABEL_MAX && batv_is_name_char(t->all.p[begin - 1]))
		begin--;
	if (begin > 0 && t->all.p[begin - 1] == '=' && at - begin >= 2 &&
	    batv_hex_value(t->all.p[begin]) >= 0 && batv_hex_value(t->all.p[begin + 1]) >= 0)
		begin += 2; /* =20 and the like */
	t->s->closer += at - begin;
	return batv_span_between(t->all.p + begin, t->all.p + at);
}

/* In the body a parent id is more likely that of the message that is returned. */
static enum batv_clue_kind kind_of_label(const struct text *t, struct batv_span prefix, bool *weak)
{
	*weak = false;
	if (batv_span_equal_fold(prefix, batv_span_of("original-")))
		return BATV_CLUE_ORIGINAL_ID;
	if (batv_span_equal_fold(prefix, batv_span_of("x-original-")))
		return BATV_CLUE_X_ORIGINAL_ID;
	*weak = prefix.len > 0;
	if (batv_span_equal_fold(prefix, batv_span_of("x-ms-exchange-parent-")))
		return BATV_CLUE_PARENT_ID;
	return t->s->returned ? BATV_CLUE_RETURNED_ID : BATV_CLUE_INLINE_ID;
}

/*
 * In a part that declares quoted-printable, "=3D" means "=".  Elsewhere it more likely means
 * itself, but a part may lie, so both readings are kept.
 */
static void see_label(const struct text *t, size_t at)
{
	struct batv_span rest = {t->all.p + at, t->all.len - at};
	bool is_short, weak, is_plain, is_undone;
	size_t *steps = &t->s->closer, len = batv_citation_label(rest, &is_short, steps);
	struct batv_citation plain, undone;
	enum batv_clue_kind kind;

	if (len == 0)
		return;
	rest.p += len, rest.len -= len;
	kind = kind_of_label(t, label_prefix(t, at), &weak);
	if (is_short)
		kind = BATV_CLUE_INLINE_ID, weak = true;
	is_undone = batv_citation_id(rest, true, &undone, steps);
	if (is_undone && (t->s->qp || !undone.changed)) {
		add_found(t, kind, weak, &undone);
		return;
	}
	is_plain = batv_citation_id(rest, false, &plain, steps);
	if (is_plain)
		add_found(t, kind, weak, &plain);
	if (is_undone)
		add_found(t, kind, weak || is_plain, &undone);
}

/* Removes one piece from the end of s that may come between a label and its address. */
static bool take_off(struct batv_span *s)
{
	static const char pieces[][8] = {"=3d", "=20", "=3c", "&lt;", "rfc822", "="};

	if (s->len == 0)
		return false;
	if (memchr("dD0cC;2=", s->p[s->len - 1], 8)) /* the last characters of the pieces */
		for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
			if (ends_with(*s, pieces[i])) {
				s->len -= strlen(pieces[i]);
				return true;
			}
	if (!memchr(" \t\r\n<\"':;|>([", s->p[s->len - 1], 13))
		return false;
	s->len--;
	return true;
}

static enum batv_clue_kind kind_of_address(const struct text *t, const char *begin)
{
	static const struct {
		char label[20];
		enum batv_clue_kind kind;
	} labels[] = {
		{"return-path", BATV_CLUE_RETURN_PATH},
		{"x-postfix-sender", BATV_CLUE_X_POSTFIX_SENDER},
		{"envelope-from", BATV_CLUE_ENVELOPE_FROM},
		{"smtp.mailfrom", BATV_CLUE_SMTP_MAILFROM},
		{"mail from", BATV_CLUE_MAIL_FROM},
	};
	size_t len = (size_t)(begin - t->all.p);
	struct batv_span before;

	if (len > CONTEXT_MAX)
		len = CONTEXT_MAX;
	before = batv_span_between(begin - len, begin);
	do
		t->s->closer += STEPS_OF_A_PIECE;
	while (take_off(&before));
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
		if (ends_with(before, labels[i].label))
			return labels[i].kind;
	return BATV_CLUE_TAG;
}

static void see_tag(const struct text *t, size_t at)
{
	struct batv_citation found;

	if (batv_citation_tag(t->all, at, false, &found, &t->s->closer))
		add_found(t, kind_of_address(t, found.begin), false, &found);
	if (batv_citation_tag(t->all, at, true, &found, &t->s->closer) && found.changed)
		add_found(t, kind_of_address(t, found.begin), false, &found);
}

/*
 * May one more be looked at, `more` bytes after the last count?  Not if there is no room, or if it
 * would be too much work.
 */
static bool may_look(struct batv_search *s, bool is_id, size_t more)
{
	const enum batv_clue_kind of_part = s->text ? BATV_CLUE_INLINE_ID : BATV_CLUE_RETURNED_ID;

	if (batv_clues_done(&s->found, is_id ? of_part : BATV_CLUE_TAG, false))
		return false;
	if (s->closer <= s->passed + more + (BATV_CLOSER_MORE - CLOSER_LONGEST))
		return true;
	s->found.full = true;
	return false;
}

/* Does `c` come next, or a character that may be an encoded `c`?  Most letters go no further. */
static bool is_next(const struct text *t, size_t i, char c)
{
	char next = i + 1 < t->all.len ? t->all.p[i + 1] : '\0';

	return batv_fold(next) == c || next == '=';
}

/* Does an encoded "m" or "p" begin at i?  Hardly any program encodes a letter, but any may. */
static void see_encoded(const struct text *t, size_t i, size_t passed)
{
	char high = i + 3 < t->all.len ? t->all.p[i + 1] : '\0', low;

	if (high < '4' || high > '7')
		return;
	low = batv_fold(t->all.p[i + 2]);
	if (low == 'd' && (high == '4' || high == '6') &&
	    (is_next(t, i + 2, 'e') || is_next(t, i + 2, 's')) && may_look(t->s, true, passed))
		see_label(t, i);
	else if (low == '0' && (high == '5' || high == '7') && is_next(t, i + 2, 'r') &&
		 may_look(t->s, false, passed))
		see_tag(t, i);
}

/* Finds labels and tags that begin at `from` or after it, and before `to`. */
static void search(const struct text *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		switch (t->all.p[i]) {
		case 'm':
		case 'M':
			if ((is_next(t, i, 'e') || is_next(t, i, 's')) &&
			    may_look(t->s, true, i - from))
				see_label(t, i);
			break;
		case 'p':
		case 'P':
			if (is_next(t, i, 'r') && may_look(t->s, false, i - from))
				see_tag(t, i);
			break;
		case '=': see_encoded(t, i, i - from); break;
		default: break;
		}
	}
	t->s->passed += to - from;
}

/* ---- base64 ---- */

struct window {
	struct batv_base64 rest;
	struct batv_base64 marks[WINDOW_ALL / MARK];
	char text[WINDOW_ALL];
	size_t len;
};

/* Fills the window.  Returns false if the block has no more bytes. */
static bool fill_window(struct window *w)
{
	while (w->len < sizeof w->text) {
		int ch;

		if (w->len % MARK == 0)
			w->marks[w->len / MARK] = w->rest;
		ch = batv_base64_next(&w->rest);
		if (ch < 0)
			return false;
		w->text[w->len++] = (char)ch;
	}
	return true;
}

/* Moves the window on by WINDOW bytes.  WINDOW_BACK bytes that have been searched stay in front. */
static void slide_window(struct window *w)
{
	w->len -= WINDOW;
	memmove(w->text, w->text + WINDOW, w->len);
	memmove(w->marks, w->marks + WINDOW / MARK, w->len / MARK * sizeof w->marks[0]);
}

/*
 * Searches a block through a sliding window of decoded bytes.  A text that begins before `to` ends
 * within the window.
 */
static void search_block(struct batv_search *s, const char *body, struct batv_span block)
{
	struct window w;
	struct text t = {s, {w.text, 0}, body, w.marks};
	size_t from = 0;
	bool more = true;

	w.rest = batv_base64_start(block);
	w.len = 0;
	while (more) {
		more = fill_window(&w);
		t.all.len = w.len;
		search(&t, from, more ? WINDOW_BACK + WINDOW : w.len);
		if (more)
			slide_window(&w);
		from = WINDOW_BACK;
	}
	s->passed += block.len;
}

/* ---- the body, line by line ---- */

enum place { IN_TEXT, BEHIND_BOUNDARY, IN_PART_HEADER, IN_RETURNED_HEADER };

struct body {
	struct batv_search *s;
	struct batv_span all;
	enum place place;
	struct batv_span boundary;
	bool base64, qp;       /* what the header of the returned message says of its own body */
	const char *block_end; /* base64 before this was searched already */
};

static struct batv_span line_at(const struct body *b, const char *p)
{
	const char *end = b->all.p + b->all.len;
	const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

	return batv_span_between(p, nl ? nl : end);
}

/* Does the line have base64 and nothing else? */
static bool is_base64_line(const struct body *b, struct batv_span line, size_t min)
{
	size_t n = 0;

	while (n < line.len && batv_base64_is(line.p[n]))
		n++;
	if (n >= min)
		while (n < line.len && (line.p[n] == '=' || batv_is_blank(line.p[n])))
			n++;
	b->s->passed += n + 1;
	return n >= min && n == line.len;
}

/*
 * Searches a block from `p` on.  If its encoding was announced, it ends at a boundary; otherwise it
 * ends at the first line that does not look like base64.
 */
static void see_block(struct body *b, const char *p, bool announced)
{
	const char *end = b->all.p + b->all.len, *at = p;

	while (at < end) {
		struct batv_span line = line_at(b, at);

		if (announced ? batv_span_begins(line, "--") : !is_base64_line(b, line, 1))
			break;
		at = line.p + line.len < end ? line.p + line.len + 1 : end;
	}
	b->block_end = at;
	search_block(b->s, b->all.p, batv_span_between(p, at));
}

static bool is_boundary(struct batv_span line)
{
	return line.len > 2 && line.len <= BOUNDARY_MAX && line.p[0] == '-' && line.p[1] == '-' &&
	       !batv_is_blank(line.p[2]);
}

static bool is_field(struct batv_span line)
{
	size_t n = 0;

	while (n < line.len && batv_is_name_char(line.p[n]))
		n++;
	return n > 0 && n < line.len && line.p[n] == ':';
}

/* Is the part a message, whose header comes first? */
static bool is_message(const struct batv_search *s)
{
	return s->returned && !s->base64 && !batv_span_begins_fold(s->part_type, "text/") &&
	       !ends_with(s->part_type, "-headers");
}

/*
 * The value may begin on the next line, so it is taken from all the text that is left.  A returned
 * message stays one, whatever type its own header says.
 */
static void see_part_field(struct body *b, struct batv_span line)
{
	static const char type[] = "content-type:", encoding[] = "content-transfer-encoding:";
	const bool own = b->place == IN_PART_HEADER;
	struct batv_span rest = batv_span_between(line.p, b->all.p + b->all.len), value;

	rest = batv_span_cut(rest, BOUNDARY_MAX + sizeof encoding);
	if (batv_span_begins_fold(line, encoding)) {
		value = batv_span_after(rest, sizeof encoding - 1);
		*(own ? &b->s->base64 : &b->base64) = is_base64(value);
		*(own ? &b->s->qp : &b->qp) = is_qp(value);
	} else if (own && batv_span_begins_fold(line, type)) {
		set_type(b->s, media_type(batv_span_after(rest, sizeof type - 1)));
	}
}

/* The empty line after the header of a part, or of a returned message. */
static void end_header(struct body *b, const char *next)
{
	if (b->place == IN_PART_HEADER && is_message(b->s)) {
		b->place = IN_RETURNED_HEADER;
		b->base64 = b->qp = false;
		return;
	}
	if (b->place == IN_RETURNED_HEADER) {
		b->s->base64 = b->base64;
		b->s->qp = b->s->qp || b->qp;
	}
	b->place = IN_TEXT;
	if (b->s->base64)
		see_block(b, next, true);
}

static void begin_part(struct body *b)
{
	set_type(b->s, batv_span_of(""));
	b->s->base64 = b->s->qp = false;
	if (!ends_with(batv_span_trim(b->boundary), "--"))
		b->s->part++;
}

/*
 * Any line that begins with "--" may be a boundary.  The next line tells whether it is one.  ("---
 * Below this line is a copy of the message" and an empty line begin no part.)
 */
static void follow(struct body *b, struct batv_span line, const char *next)
{
	bool empty = b->place != IN_TEXT && batv_span_trim(line).len == 0;

	b->s->passed += b->place == IN_TEXT ? 1 : line.len + 1;
	if (is_boundary(line)) {
		b->boundary = line;
		b->place = BEHIND_BOUNDARY;
		return;
	}
	if (b->place == BEHIND_BOUNDARY) {
		b->place = IN_TEXT;
		if (is_field(line)) {
			begin_part(b);
			b->place = IN_PART_HEADER;
		} else if (empty && b->boundary.p[2] != '-') {
			begin_part(b);
		}
	}
	/* what is no header after all may be base64 */
	if (b->place == IN_RETURNED_HEADER && !empty && !batv_is_wsp(*line.p) && !is_field(line))
		b->place = IN_TEXT;
	if (b->place != IN_TEXT) {
		see_part_field(b, line);
		if (empty)
			end_header(b, next);
	} else if (line.len >= BLOCK_LINE_MIN && line.p >= b->block_end &&
		   is_base64_line(b, line, BLOCK_LINE_MIN)) {
		see_block(b, line.p, false);
	}
}

void batv_search_body(struct batv_search *s, struct batv_span body)
{
	struct body b = {.s = s, .all = body, .block_end = body.p};
	struct text t = {s, body, body.p, NULL};
	const char *end;

	if (body.len == 0)
		return;
	end = body.p + body.len;
	if (is_message(s))
		b.place = IN_RETURNED_HEADER;
	if (s->base64)
		see_block(&b, body.p, true);
	for (const char *p = body.p, *next; p < end; p = next) {
		struct batv_span line = line_at(&b, p);

		next = line.p + line.len < end ? line.p + line.len + 1 : end;
		follow(&b, line, next);
		search(&t, (size_t)(p - body.p), (size_t)(next - body.p));
	}
}

/* ---- an id that leaves ---- */

bool batv_search_message_id(struct batv_span value, char out[static BATV_ID_MAX], size_t *len)
{
	const char *begins[BATV_CITATION_IDS];
	struct batv_citation id;
	size_t steps = 0;
	bool bare;

	value = batv_span_cut(value, HEADER_VALUE_MAX);
	if (batv_citation_ids(value, 1, begins, &bare, &steps) == 0 ||
	    !batv_citation_next_id(batv_span_between(begins[0], value.p + value.len), bare, &id,
				   &steps))
		return false;
	memcpy(out, id.text, id.len);
	*len = id.len;
	return true;
}
