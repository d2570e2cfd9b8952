/*
 * words.c - reads the text of a header field through folding and encoded words.
 *
 * Pure, no allocation.  Invariant: out never has two spaces side by side, nor one at its start.
 * The work is linear: an encoded word is looked for only where "=?" is, in a bounded number of
 * bytes.
 */
#include "evidence/words.h"

#include <string.h>

#include "evidence/decode.h"

#define CHARSET_MAX 40
#define WORD_TEXT_MAX 512 /* RFC 2047 allows 75; some programs write more */

struct output {
	char *text;
	size_t len, size;
	bool blank; /* white space came after the last character */
};

static void put_char(struct output *o, char c)
{
	if (o->len < o->size)
		o->text[o->len++] = c;
}

/* A no-break space is white space too; in UTF-8 it is 0xc2 0xa0. */
static void put(struct output *o, char c)
{
	if (batv_is_space(c)) {
		o->blank = o->len > 0;
		return;
	}
	if (c == '\xa0' && !o->blank && o->len > 0 && o->text[o->len - 1] == '\xc2') {
		o->len--;
		if (o->len > 0 && o->text[o->len - 1] == ' ')
			o->len--; /* the blank that came before it */
		o->blank = o->len > 0;
		return;
	}
	if (o->blank)
		put_char(o, ' ');
	o->blank = false;
	put_char(o, c);
}

/* ---- encoded words ---- */

struct word {
	struct batv_span charset, text;
	char encoding; /* 'q' or 'b' */
	size_t len;    /* of the whole word */
};

/* Reads =?charset?encoding?text?= at the start of s.  RFC 2231 adds a language to the charset. */
static bool read_word(struct batv_span s, struct word *word)
{
	struct batv_span rest = batv_span_after(s, 2);
	const char *mark = memchr(rest.p, '?', batv_span_cut(rest, CHARSET_MAX).len), *star;

	if (!mark)
		return false;
	word->charset = batv_span_between(rest.p, mark);
	star = memchr(rest.p, '*', word->charset.len);
	if (star)
		word->charset.len = (size_t)(star - rest.p);
	rest = batv_span_after(rest, (size_t)(mark + 1 - rest.p));
	if (rest.len < 2 || rest.p[1] != '?')
		return false;
	word->encoding = batv_fold(rest.p[0]);
	rest = batv_span_after(rest, 2);
	word->text = batv_span_cut(rest, WORD_TEXT_MAX);
	mark = memmem(word->text.p, word->text.len, "?=", 2);
	if (!mark || (word->encoding != 'q' && word->encoding != 'b'))
		return false;
	word->text.len = (size_t)(mark - word->text.p);
	word->len = (size_t)(mark + 2 - s.p);
	return true;
}

static bool is_latin(struct batv_span charset)
{
	static const char names[] = "iso-8859-1\0"
				    "iso-8859-15\0"
				    "latin1\0"
				    "windows-1252\0"
				    "us-ascii\0";

	return batv_span_is_any(charset, names);
}

static void put_byte(struct output *o, unsigned char c, bool latin)
{
	if (latin && c >= 0x80) {
		put(o, (char)(0xc0 | c >> 6));
		c = 0x80 | (c & 0x3f);
	}
	put(o, (char)c);
}

static void put_q(struct output *o, struct batv_span text, bool latin)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = -1, low = -1;

		if (text.p[i] == '=' && i + 2 < text.len) {
			high = batv_hex_value(text.p[i + 1]);
			low = batv_hex_value(text.p[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			put_byte(o, (unsigned char)(high << 4 | low), latin);
			i += 2;
		} else {
			put(o, text.p[i] == '_' ? ' ' : text.p[i]);
		}
	}
}

static void put_b(struct output *o, struct batv_span text, bool latin)
{
	struct batv_base64 b = batv_base64_start(text);
	int c;

	while ((c = batv_base64_next(&b)) >= 0)
		put_byte(o, (unsigned char)c, latin);
}

static void put_word(struct output *o, const struct word *word)
{
	const bool latin = is_latin(word->charset);

	if (word->encoding == 'q')
		put_q(o, word->text, latin);
	else
		put_b(o, word->text, latin);
}

struct batv_span batv_words_decode(struct batv_span value, char *out, size_t size)
{
	struct output o = {.text = out, .size = size};
	bool only_blank = false; /* since the last encoded word: it then joins the next one */
	bool blank = false;      /* what the last encoded word left */
	struct word word;

	while (value.len > 0 && o.len < size) {
		if (batv_span_begins(value, "=?") && read_word(value, &word)) {
			if (only_blank)
				o.blank = blank;
			put_word(&o, &word);
			blank = o.blank;
			only_blank = true;
			value = batv_span_after(value, word.len);
			continue;
		}
		only_blank = only_blank && batv_is_space(value.p[0]);
		put(&o, value.p[0]);
		value = batv_span_after(value, 1);
	}
	return (struct batv_span){out, o.len};
}
