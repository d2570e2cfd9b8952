/*
 * busy_texts.h - texts that were made to keep the search for evidence busy; each is one piece,
 * repeated.
 */
#ifndef BUSY_TEXTS_H
#define BUSY_TEXTS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What is done to the pieces. */
enum coding { AS_IS, BASE64, BASE64_ANNOUNCED, BASE64_ONE_LINE, SOFT_BREAKS, HEX };

static const struct busy {
	const char *name;
	const char *piece; /* repeated; '#' becomes a number, \001 a NUL */
	const char *before;
	enum coding coding;
} busy[] = {
	/* the first one is what the others are compared with */
	{"plain text", "The quick brown fox jumps over the lazy dog, and writes about it.\n", "",
	 AS_IS},
	{"ids", "Message-ID: <#@x>\n", "", AS_IS},
	{"one id, again and again", "Message-ID: <a@x>\n", "", AS_IS},
	{"two ids, in turn", "Message-ID: <a@x>\nIn Message-ID=b@x, ", "", AS_IS},
	{"ids that are long",
	 "Message-ID: <#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x>\n",
	 "", AS_IS},
	{"ids without brackets", "message-id=#@x ", "", AS_IS},
	{"ids in HTML", "message-id:&lt;#@x&gt;", "", AS_IS},
	{"labels without an id", "message-id.", "", AS_IS},
	{"labels of labels", "Message-ID: ", "", AS_IS},
	{"short labels", "msgid:", "", AS_IS},
	{"begins of short labels", "msg ms msg-i ", "", AS_IS},
	{"labels with comments", "message-id:(a) (b (c) (d) e) ((((f)))) ", "", AS_IS},
	{"labels with open comments", "message-id:(", "", AS_IS},
	{"labels with an open bracket", "message-id:<", "", AS_IS},
	{"labels with an escaped bracket", "message-id:&lt;", "", AS_IS},
	{"labels with an encoded bracket", "message-id=3C=3D", "", AS_IS},
	{"labels with an equals sign", "message-id=", "", AS_IS},
	{"labels with tags of HTML", "message-id:<b> <b> <b> <b>", "", AS_IS},
	{"labels within tags of HTML", "<b message-id:\n>", "", AS_IS},
	{"labels within empty tags", "<message-id:\n> > > ", "", AS_IS},
	{"labels with many small tags",
	 "message-id:<b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><"
	 "b>",
	 "", AS_IS},
	{"labels with gaps", "message-id:\n |||||||| > > > ", "", AS_IS},
	{"labels with blanks",
	 "message-id:                                                                       ", "",
	 AS_IS},
	{"labels with blank entities",
	 "message-id:&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;", "", AS_IS},
	{"ids of ampersands", "message-id:&lt;&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&", "",
	 AS_IS},
	{"ids of tags", "message-id:&lt;<message-id:&lt;><message-id:&lt;>", "", AS_IS},
	{"ids of blanks", "message-id:<                                                     ", "",
	 AS_IS},
	{"ids of folds", "message-id:<\n \n \n \n \n \n \n \n \n \n \n \n ", "", AS_IS},
	{"an id that never ends", "a ", "Message-ID: <", AS_IS},
	{"begins of labels", "message message-i message", "", AS_IS},
	{"tags", "prvs=0123456789=a#@b ", "", AS_IS},
	{"one tag, again and again", "prvs=0123456789=a@b ", "", AS_IS},
	{"tags with blanks before them",
	 "                                                               prvs=0123456789=a@b", "",
	 AS_IS},
	{"tags without an end", "prvs=0123456789=", "", AS_IS},
	{"tags without an end, in quotes", "\"prvs=0123456789=", "", AS_IS},
	{"tags at the end of tags",
	 "prvs=0123456789=prvs=0123456789=prvs=0123456789=prvs=0123456789=a@-\n", "", AS_IS},
	{"tags as sub-addresses", "a+prvs=0123456789", "", AS_IS},
	{"tags as sub-addresses of a domain", "a+prvs=0123456789@", "", AS_IS},
	{"tags after equals signs", "=a=a+prvs=0123456789@-", "", AS_IS},
	{"tags in quotes", "+prvs=0123456789\"", "", AS_IS},
	{"tags in domains", "a+prvs=0123456789@a", "", AS_IS},
	{"prvs and nothing else", "prvs=", "", AS_IS},
	{"begins of tags", "prvs=012345678", "", AS_IS},
	{"m and p", "mp", "", AS_IS},
	{"soft line breaks", "=  \n", "Message-ID: <a", AS_IS},
	{"soft line breaks, after labels", "message-id=\n=\n=\n=\n=\n=\n=\n=\n=\n=\n=\n=\n", "",
	 AS_IS},
	{"m and soft line breaks", "m=\n=\n=\n=\n=\n=\n=\n=\n", "", AS_IS},
	{"equals signs and blanks", "=        ", "message-id:<", AS_IS},
	{"ids with soft breaks everywhere", "Message-ID: <#@x>\n", "", SOFT_BREAKS},
	{"labels with soft breaks everywhere", "Message-ID: ", "", SOFT_BREAKS},
	{"tags with soft breaks everywhere", "prvs=0123456789=", "", SOFT_BREAKS},
	{"ids in hex", "Message-ID: <#@x>\n", "", HEX},
	{"tags in hex", "prvs=0123456789=", "", HEX},
	{"multiparts nested deep", "--b#\nContent-Type: multipart/mixed; boundary=\"b#\"\n\n", "",
	 AS_IS},
	{"boundaries", "--a\n\n", "", AS_IS},
	{"boundaries alone", "--a\n", "", AS_IS},
	{"long boundaries",
	 "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nA:\n\n",
	 "", AS_IS},
	{"types of a part", "content-type:aaaaaaaaa\n", "--a\n", AS_IS},
	{"types of a part, folded", "--a\ncontent-type:\n \n", "", AS_IS},
	{"encodings of a part", "content-transfer-encoding:\t\t\n", "--a\n", AS_IS},
	{"base64 parts", "--a\nContent-Transfer-Encoding: base64\n\nTWVz\n", "", AS_IS},
	{"base64 parts without anything", "--a\nContent-Transfer-Encoding:base64\n\n", "", AS_IS},
	{"base64 without an end",
	 "TWVzc2FnZS1JRDogPQ==", "--a\nContent-Transfer-Encoding: base64\n\n", AS_IS},
	{"base64 of equals signs", "=", "--a\nContent-Transfer-Encoding: base64\n\n", AS_IS},
	{"base64 lines", "TWVzc2FnZS1JRDogPGFAYj4K\n", "", AS_IS},
	{"base64 lines, short", "TWVzc2FnZS1JRDogPGFAYj4K\nA\nA\nA\n!\n", "", AS_IS},
	{"base64 lines that are none", "TWVzc2FnZS1JRDogPGFAYj4KTWVzc2FnZS1JRDogPGFAYj4K!\n", "",
	 AS_IS},
	{"ids in base64", "Message-ID: <#@x>\n", "", BASE64},
	{"ids in base64 that was announced", "Message-ID: <#@x>\n", "", BASE64_ANNOUNCED},
	{"ids in base64 in one line", "Message-ID: <#@x>\n", "", BASE64_ONE_LINE},
	{"one id in base64, again and again", "Message-ID: <a@x>\n", "", BASE64},
	{"tags in base64", "prvs=0123456789=a#@b ", "", BASE64},
	{"tags without an end in base64", "prvs=0123456789=", "", BASE64},
	{"labels in base64", "message-id:&lt;", "", BASE64},
	{"labels within tags in base64", "<b message-id:\n>", "", BASE64},
	{"text in base64", "The quick brown fox jumps over the lazy dog, and writes about it.\n",
	 "", BASE64_ANNOUNCED},
	{"ids with soft breaks, in base64", "Message=\n-ID: <=\n#@x>\n", "", BASE64},
	{"no line ends", "x", "", AS_IS},
	{"no line ends, upper case", "MESSAGE", "", AS_IS},
	{"line ends only", "\n", "", AS_IS},
	{"blank lines", " \r\n", "", AS_IS},
	{"short lines", "a\n", "", AS_IS},
	{"dashes", "-", "", AS_IS},
	{"lines of dashes", "--\n", "", AS_IS},
	{"fields", "a:\n", "--a\n", AS_IS},
	{"NULs and stray CRs", "\001\r\002", "", AS_IS},
};
#define BUSY (sizeof busy / sizeof busy[0])

/* Puts characters, encoded, until the text is full. */
struct filling {
	char *text;
	size_t len, size, line;
	enum coding coding;
	uint32_t bits;
	unsigned n_bits;
};

static void put_raw(struct filling *f, char c)
{
	if (f->len < f->size)
		f->text[f->len++] = c;
}

static void put_base64(struct filling *f, unsigned char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	f->bits = f->bits << 8 | c;
	for (f->n_bits += 8; f->n_bits >= 6; f->n_bits -= 6) {
		put_raw(f, alphabet[f->bits >> (f->n_bits - 6) & 63]);
		if (++f->line % 76 == 0 && f->coding != BASE64_ONE_LINE)
			put_raw(f, '\n');
	}
}

static void put_char(struct filling *f, char c)
{
	char hex[4];

	switch (f->coding) {
	case AS_IS: put_raw(f, c); break;
	case SOFT_BREAKS:
		put_raw(f, c);
		put_raw(f, '=');
		put_raw(f, '\n');
		break;
	case HEX:
		(void)snprintf(hex, sizeof hex, "=%02X", (unsigned char)c);
		for (const char *h = hex; *h; h++)
			put_raw(f, *h);
		break;
	default: put_base64(f, (unsigned char)c); break;
	}
}

/* All of `text`. */
static void fill(char *text, size_t size, const struct busy *b)
{
	struct filling f = {.text = text, .size = size, .coding = b->coding};
	char number[12];

	for (const char *p = b->coding == BASE64_ANNOUNCED
				     ? "--a\nContent-Transfer-Encoding: base64\n\n"
				     : b->before;
	     *p; p++)
		put_raw(&f, *p);
	for (unsigned i = 0; f.len < size; i++) {
		(void)snprintf(number, sizeof number, "%u", i);
		for (const char *p = b->piece; *p; p++) {
			if (*p == '#')
				for (const char *n = number; *n; n++)
					put_char(&f, *n);
			else
				put_char(&f, *p == '\001' ? '\0' : *p);
		}
	}
}

#endif
