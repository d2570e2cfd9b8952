/*
 * decode.c - reads text through quoted-printable, HTML entities and base64, byte by byte.
 *
 * The code is forgiving, because the text may come from anywhere: a faulty encoding stands for
 * itself.  Invariant: every call moves forward, and looks only a few bytes ahead.
 */
#include <string.h>

#include "evidence/decode.h"

#define ENTITY_MAX 20 /* bytes of an entity, with soft line breaks in it */
#define BLANKS_MAX 8  /* between "=" and the line end; some relays add them */

/* The length of a soft line break at p ("=", blanks, the line end); 0 if there is none. */
static size_t soft_break_len(const char *p, const char *end)
{
	const char *at = p + 1;

	while (at < end && at - p <= BLANKS_MAX && batv_is_wsp(*at))
		at++;
	if (at < end && *at == '\r')
		at++;
	return at < end && *at == '\n' ? (size_t)(at + 1 - p) : 0;
}

int batv_cursor_next_undone(struct batv_cursor *c)
{
	while (c->p < c->end) {
		size_t soft;

		++*c->steps;
		if (*c->p != '=' || !c->qp)
			return (unsigned char)*c->p++;
		if (c->end - c->p > 2 && batv_hex_value(c->p[1]) >= 0 &&
		    batv_hex_value(c->p[2]) >= 0) {
			c->changed = true;
			c->p += 3;
			return batv_hex_value(c->p[-2]) * 16 + batv_hex_value(c->p[-1]);
		}
		soft = soft_break_len(c->p, c->end);
		*c->steps += soft;
		if (soft == 0)
			return (unsigned char)*c->p++;
		c->changed = true;
		c->p += soft;
	}
	return -1;
}

int batv_cursor_entity(struct batv_cursor *c)
{
	static const struct {
		char name[7]; /* with its semicolon */
		unsigned char means;
	} entities[] = {
		{"lt;", '<'},    {"#60;", '<'},   {"#x3c;", '<'},  {"gt;", '>'},   {"#62;", '>'},
		{"#x3e;", '>'},  {"amp;", '&'},   {"#38;", '&'},   {"#64;", '@'},  {"#x40;", '@'},
		{"#43;", '+'},   {"#61;", '='},   {"#x3d;", '='},  {"quot;", '"'}, {"#34;", '"'},
		{"nbsp;", 0xa0}, {"#160;", 0xa0}, {"#xa0;", 0xa0},
	};
	struct batv_cursor at = *c;
	char name[6] = "";
	size_t len = 0;

	if (at.end - at.p > ENTITY_MAX)
		at.end = at.p + ENTITY_MAX;
	while (len < sizeof name) {
		int ch = batv_cursor_next(&at);

		if (ch < 0)
			return -1;
		name[len++] = batv_fold((char)ch);
		if (ch == ';')
			break;
	}
	*c->steps += len; /* for the table: most of its names have another length */
	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++)
		if (strlen(entities[i].name) == len && memcmp(name, entities[i].name, len) == 0) {
			c->p = at.p;
			c->changed = at.changed;
			return entities[i].means;
		}
	return -1;
}

/* ---- base64 ---- */

/* The value of c, 0 to 63; -1 if c is not in the alphabet. */
static int sextet(char c)
{
	/* clang-format off */
	static const signed char values[] = { /* from '+' to 'z' */
		62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1,
		-1, -1, -1, -1, -1, -1,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
		10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
		-1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
		36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
	};
	/* clang-format on */
	unsigned at = (unsigned)(unsigned char)c - '+';

	return at < sizeof values ? values[at] : -1;
}

bool batv_base64_is(char c)
{
	return sextet(c) >= 0;
}

struct batv_base64 batv_base64_start(struct batv_span text)
{
	return (struct batv_base64){
		.p = text.p, .end = text.p + text.len, .begin = text.p, .before = text.p};
}

int batv_base64_next(struct batv_base64 *b)
{
	while (b->p < b->end) {
		const char *at = b->p++;
		int value = sextet(*at);

		if (*at == '=') /* padding ends a piece; another piece may follow */
			b->n_bits = 0;
		if (value < 0)
			continue;
		b->bits = (b->bits << 6 | (unsigned)value) & 0xfff;
		b->n_bits += 6;
		b->begin = b->before;
		b->before = at;
		if (b->n_bits < 8)
			continue;
		b->n_bits -= 8;
		return (int)(b->bits >> b->n_bits & 0xff);
	}
	return -1;
}
