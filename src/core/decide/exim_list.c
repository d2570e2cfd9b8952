/*
 * exim_list.c - splits an Exim list into items, and decides which of them are allowed.
 *
 * Pure.  The code follows Exim's string_nextinlist(), match_check_list(), check_string(),
 * check_address() and check_host().  Invariant: an item is refused if it is not certain how Exim
 * will read it; a ";" is allowed only in a pattern, and after a recognised type of look-up.
 */
#include "decide/exim_list.h"

#include <string.h>

enum { END = -1, FAULT = -2 }; /* what take_list_char() returns besides a byte */

#define TO_NAMED "put it in a named list of Exim's configuration, and write +name here"

static const char why_lookup[] =
	"only lsearch, wildlsearch, nwildlsearch, iplsearch and cdb may be looked up; " TO_NAMED;
static const char why_items[] = "a file of list items is not allowed; " TO_NAMED;
static const char why_dns[] = "a DNS look-up is not allowed; " TO_NAMED;
static const char why_values[] =
	"the look-up after @@ must be in an lsearch file; otherwise " TO_NAMED;
static const char why_path[] =
	"a look-up needs the absolute path of a file, without \".\", \"..\", \"//\", \"@\", "
	"\";\", braces, "
	"quotes or backslashes, and not in /proc, /sys or /dev; otherwise " TO_NAMED;
static const char why_semicolon[] = "this \";\" is neither the separator of the list (which would "
				    "begin with \"<;\") nor part of a look-up; otherwise " TO_NAMED;
static const char why_name[] =
	"a named list is \"+\" and then letters, digits, \"_\", \"-\" and \".\"";
static const char why_escape[] = "Exim removes this backslash or turns it into something else; "
				 "write \\N before and after a pattern";
static const char why_long[] = "an item may have at most 1000 bytes; " TO_NAMED;

static bool is_punctuation(int c)
{
	return c > ' ' && c < 0x7f && !batv_is_alnum((char)c);
}

static char *skip_space(char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* ---- the text after Exim's expansion ---- */

static int take_list_char(struct batv_list_items *items)
{
	const char *p = items->rest;
	int c;

	for (; p[0] == '\\' && p[1] == 'N'; p += 2)
		items->verbatim = !items->verbatim;
	items->rest = p;
	c = (unsigned char)*p++;
	if (c == '\0')
		return END;
	if (c == '\\' && !items->verbatim) {
		c = (unsigned char)*p++;
		if (c == '\0' || batv_is_alnum((char)c))
			return FAULT; /* \x3b, \n, \101 */
	}
	if (batv_is_control((char)c) || c == '$')
		return FAULT;
	items->rest = p;
	return c;
}

static int peek_char(const struct batv_list_items *items)
{
	struct batv_list_items copy = *items;

	return take_list_char(&copy);
}

static void skip_blanks(struct batv_list_items *items)
{
	while (peek_char(items) == ' ')
		(void)take_list_char(items);
}

bool batv_exim_list_expands_to(const char *list, const char *expanded)
{
	struct batv_list_items items = {.rest = list};
	int c;

	while ((c = take_list_char(&items)) >= 0)
		if ((unsigned char)*expanded++ != c)
			return false;
	return c == END && *expanded == '\0';
}

/* ---- the look-up ---- */

static void refuse(struct batv_list_item *item, const char *why)
{
	item->sort = BATV_LIST_ITEM_REFUSED;
	item->why = why;
}

static bool is_type(struct batv_span type, const char *name)
{
	return batv_span_equal(type, batv_span_of(name));
}

/* Skips partial-, partial2- or partial(.); returns p if there is no such prefix. */
static const char *skip_partial(const char *p)
{
	const char *q = p + 7;

	if (strncmp(p, "partial", 7) != 0)
		return p;
	while (batv_is_digit(*q))
		q++;
	if (*q == '-')
		return q + 1;
	if (*q != '(')
		return p;
	for (q++; is_punctuation(*q) && !strchr(");{}\\\"", *q);)
		q++;
	return *q == ')' ? q + 1 : p;
}

/* Skips ",name=value" any number of times; returns NULL on bad syntax. */
static const char *skip_options(const char *p)
{
	while (*p == ',') {
		const char *name = ++p;

		while (batv_is_letter(*p))
			p++;
		if (p == name || *p++ != '=')
			return NULL;
		while (batv_is_alnum(*p) || *p == '_')
			p++;
	}
	return p;
}

/*
 * Reads the type up to its ";".  Returns false unless it is one of ours and Exim can read it in
 * only one way.
 */
static bool take_type(struct batv_list_item *item, const char *p, const char *semicolon, bool whole)
{
	const char *base = whole ? skip_partial(p) : p, *end = base;
	struct batv_span name;

	while (batv_is_letter(*end))
		end++;
	name = (struct batv_span){base, (size_t)(end - base)};
	if (is_type(name, "nwildlsearch"))
		item->content = BATV_CONTENT_PATTERNS;
	else if (is_type(name, "wildlsearch"))
		item->content = BATV_CONTENT_EXPANDED;
	else if (!is_type(name, "lsearch") && !is_type(name, "iplsearch") && !is_type(name, "cdb"))
		return false;
	if (whole && *end == '*')
		end += end[1] == '@' ? 2 : 1;
	item->type = (struct batv_span){p, (size_t)(semicolon - p)};
	return skip_options(end) == semicolon;
}

static bool is_path(const char *path)
{
	static const char *const never[] = {"/proc/", "/sys/", "/dev/"};

	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		if (strncmp(path, never[i], strlen(never[i])) == 0)
			return false;
	if (strpbrk(path, "@;{}\"\\"))
		return false;
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (len == 0 || (len == 1 && *path == '.') ||
		    (len == 2 && memcmp(path, "..", 2) == 0))
			return false;
		path += len;
		if (!*path)
			return true;
	}
	return false;
}

static void lookup(struct batv_list_item *item, char *type, char *semicolon, bool whole)
{
	item->content = BATV_CONTENT_KEYS;
	if (!take_type(item, type, semicolon, whole)) {
		/* "a.test ; b.test": somebody thought that ";" is the separator */
		size_t name = strcspn(type, ". ;");

		refuse(item, type + name < semicolon ? why_semicolon : why_lookup);
		return;
	}
	/* Exim does not skip white space after net-TYPE */
	item->path = whole ? skip_space(semicolon + 1) : semicolon + 1;
	item->sort = BATV_LIST_ITEM_LOOKUP;
	if (!is_path(item->path))
		refuse(item, why_path);
}

/* ---- the items ---- */

static void pattern(struct batv_list_item *item, const char *p)
{
	item->sort = BATV_LIST_ITEM_PATTERN;
	item->part = p;
	if (strstr(p, "\\N"))
		refuse(item, why_escape);
}

static void named(struct batv_list_item *item, const char *p)
{
	const char *end = p + 1;

	while (batv_is_alnum(*end) || (*end && strchr("_-.", *end)))
		end++;
	item->sort = BATV_LIST_ITEM_NAMED;
	item->part = p;
	if (*end || end == p + 1)
		refuse(item, why_name);
}

/* check_string() */
static void string_item(struct batv_list_item *item, char *s)
{
	char *semicolon = strchr(s, ';');

	if (*s == '^')
		pattern(item, s);
	else if (semicolon && (*s == '*' || *s == '@'))
		refuse(item, why_semicolon);
	else if (semicolon)
		lookup(item, s, semicolon, true);
	else if (batv_span_begins_fold(batv_span_of(s), "@mx_"))
		refuse(item, why_dns);
}

/* match_check_list() removes one "!", and handles files and named lists.  True: the kind of list
 * handles the rest. */
static bool list_item(struct batv_list_item *item, char **s)
{
	if (**s == '!')
		*s = skip_space(*s + 1);
	if (**s == '/')
		refuse(item, why_items);
	else if (**s == '+')
		named(item, *s);
	else
		return true;
	return false;
}

/* The domain of an address item is a list of one item: it may have its own "!" or file. */
static void domain_part(struct batv_list_item *item, char *s)
{
	s = skip_space(s);
	if (list_item(item, &s))
		string_item(item, s);
}

/* "@@TYPE;FILE": the value found is a list of local parts.  After any other "@@", Exim takes our
 * own text for that list. */
static void split_item(struct batv_list_item *item, char *s)
{
	char *semicolon = strchr(s, ';');

	if (!semicolon) {
		refuse(item, why_values);
		return;
	}
	lookup(item, s, semicolon, true);
	if (item->sort != BATV_LIST_ITEM_LOOKUP)
		return;
	if (!batv_span_begins_fold(batv_span_of(skip_partial(s)), "lsearch"))
		refuse(item, why_values); /* a cdb can't be looked through */
	else
		item->content = BATV_CONTENT_PATTERNS;
}

/* check_address() */
static void check_address_item(struct batv_list_item *item, char *s)
{
	char *t = s, *at = strrchr(s, '@');

	while (batv_is_alnum(*t) || *t == '-')
		t++;
	t += *t == '*';
	t += *t == '@';
	if (*s == '^')
		pattern(item, s);
	else if (*t == ';')
		lookup(item, s, t, true);
	else if (s[0] == '@' && s[1] == '@')
		split_item(item, s + 2);
	else if (!at)
		domain_part(item, s);
	else if (memchr(s, ';', (size_t)(at - s)))
		refuse(item, why_semicolon);
	else if (at > s && at[-1] == '@' && batv_span_begins_fold(batv_span_of(at), "@mx_"))
		refuse(item, why_dns);
	else
		domain_part(item, at + 1);
}

/* check_host() */
static void check_host_item(struct batv_list_item *item, char *s)
{
	char *semicolon = strchr(s, ';'), *type = s + 3;

	if (semicolon && *s == '^') {
		refuse(item, why_semicolon);
		return;
	}
	if (semicolon && strncmp(s, "net", 3) == 0) {
		while (batv_is_digit(*type))
			type++;
		if (*type == '-') {
			lookup(item, type + 1, semicolon, false);
			return;
		}
	}
	string_item(item, s);
}

static void classify(enum batv_list_kind kind, struct batv_list_item *item)
{
	char *s = item->text;

	item->sort = BATV_LIST_ITEM_PLAIN;
	item->why = NULL;
	if (!list_item(item, &s))
		return;
	switch (kind) {
	case BATV_LIST_DOMAINS: string_item(item, s); break;
	case BATV_LIST_ADDRESSES: check_address_item(item, s); break;
	case BATV_LIST_HOSTS: check_host_item(item, s); break;
	}
}

/* ---- the list ---- */

void batv_exim_list_start(struct batv_list_items *items, enum batv_list_kind kind, const char *list)
{
	struct batv_list_items after;

	*items = (struct batv_list_items){.kind = kind, .rest = list, .separator = ':'};
	skip_blanks(items);
	after = *items;
	if (take_list_char(&after) == '<' && is_punctuation(peek_char(&after))) {
		after.separator = take_list_char(&after);
		*items = after;
	}
}

static bool stop_at(struct batv_list_items *items, struct batv_list_item *item, const char *why)
{
	items->rest = "";
	refuse(item, why);
	return true;
}

bool batv_exim_list_next(struct batv_list_items *items, struct batv_list_item *item)
{
	size_t len = 0;
	int c;

	skip_blanks(items);
	if (peek_char(items) == END)
		return false;
	while ((c = take_list_char(items)) >= 0) {
		if (c == items->separator) {
			if (peek_char(items) != c)
				break;
			(void)take_list_char(items); /* a doubled one stands for one */
		}
		if (len == BATV_LIST_ITEM_MAX)
			break;
		item->text[len++] = (char)c;
	}
	while (len > 0 && c != FAULT && item->text[len - 1] == ' ')
		len--;
	item->text[len] = '\0';
	if (c == FAULT)
		return stop_at(items, item, why_escape);
	if (len == BATV_LIST_ITEM_MAX)
		return stop_at(items, item, why_long);
	classify(items->kind, item);
	if (item->sort == BATV_LIST_ITEM_REFUSED)
		items->rest = "";
	return true;
}

bool batv_exim_list_allowed(enum batv_list_kind kind, const char *list, struct batv_list_item *item)
{
	struct batv_list_items items;

	batv_exim_list_start(&items, kind, list);
	while (batv_exim_list_next(&items, item))
		if (item->sort == BATV_LIST_ITEM_REFUSED)
			return false;
	return true;
}

void batv_exim_list_drop_optional(char *list)
{
	static const char name[] = "+" BATV_LIST_OPTIONAL;
	static const char nobody[] = "255.255.255.255       "; /* as long; blanks are skipped */
	const size_t len = sizeof name - 1;

	_Static_assert(sizeof nobody == sizeof name, "the list keeps its length");
	for (char *at = list; (at = strstr(at, name)); at += len)
		if (!batv_is_alnum(at[len]) && at[len] != '_')
			memcpy(at, nobody, len);
}
