/*
 * probe.c - takes an Exim list apart, as far as needed to try its files and patterns.
 *
 * Pure.  Invariant: an expansion consists of our own text and of a file name or pattern that
 * can't end the place where it stands, so nothing in a list is ever run.
 */
#include "probe.h"

#include <stdio.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
	c = batv_fold(c);
	return c >= 'a' && c <= 'z';
}

static bool is_punctuation(char c)
{
	return c > ' ' && c < 0x7f && !is_letter(c) && !batv_is_digit(c);
}

static const char *skip_space(const char *p)
{
	while (is_space(*p))
		p++;
	return p;
}

void batv_probe_start(struct batv_probe *probe, const char *list)
{
	list = skip_space(list);
	probe->separator = ':';
	if (list[0] == '<' && is_punctuation(list[1])) {
		probe->separator = list[1];
		list += 2;
	}
	probe->rest = list;
	probe->expansion[0] = '\0';
}

/* The next item, without white space around it; a doubled separator stands for one.  False: too long. */
static bool take_item(struct batv_probe *probe, char item[static BATV_PROBE_ITEM_MAX])
{
	const char *p = probe->rest;
	size_t len = 0;

	while (*p != probe->separator && is_space(*p))
		p++;
	for (; *p && (*p != probe->separator || p[1] == probe->separator); p++) {
		if (*p == probe->separator)
			p++;
		if (len < BATV_PROBE_ITEM_MAX)
			item[len++] = *p;
	}
	probe->rest = *p ? p + 1 : p;
	if (len == BATV_PROBE_ITEM_MAX)
		return false;
	while (len > 0 && is_space(item[len - 1]))
		len--;
	item[len] = '\0';
	return true;
}

/* A name, perhaps with marks for partial, default and options; nothing that ends it early. */
static bool could_be_type(struct batv_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("{}\\$", s.p[i]))
			return false;
	return s.len > 0 && is_letter(s.p[0]);
}

/* net-TYPE and net24-TYPE in host lists; user@TYPE, *@TYPE and @@TYPE in address lists. */
static struct batv_span lookup_type(struct batv_span s)
{
	const char *at;
	size_t net = 3, tail = 0;

	if (s.len > 2 && memcmp(s.p + s.len - 2, "*@", 2) == 0)
		tail = 2; /* lsearch*@ */
	at = memrchr(s.p, '@', s.len - tail);
	if (at) {
		s.len -= (size_t)(at + 1 - s.p);
		s.p = at + 1;
	}
	if (s.len > net && memcmp(s.p, "net", net) == 0) {
		while (net < s.len && batv_is_digit(s.p[net]))
			net++;
		if (net < s.len && s.p[net] == '-') {
			s.p += net + 1;
			s.len -= net + 1;
		}
	}
	return s;
}

static bool is_one_of(struct batv_span type, const char *const *names)
{
	for (; *names; names++)
		if (batv_span_equal(type, batv_span_of(*names)))
			return true;
	return false;
}

/* An empty key is never looked up, but its file is opened. */
static bool try_file(struct batv_probe *probe, struct batv_span type, const char *path)
{
	for (const char *p = path; *p; p++)
		if (strchr("{}\\$", *p) || (unsigned char)*p < ' ')
			return false;
	(void)snprintf(probe->expansion, sizeof probe->expansion, "${lookup{}%.*s{%s}{}{}}",
		       (int)type.len, type.p, path);
	return true;
}

/* In a branch that is not taken nothing is looked up, but Exim has to know the type. */
static bool try_type(struct batv_probe *probe, struct batv_span type)
{
	(void)snprintf(probe->expansion, sizeof probe->expansion,
		       "${if eq{a}{b}{${lookup %.*s{}}}}", (int)type.len, type.p);
	return true;
}

/* TYPE;FILE or TYPE;QUERY, or somebody who took ";" for the separator of the list. */
static bool try_lookup(struct batv_probe *probe, struct batv_span type, const char *rest)
{
	static const char *const keyed[] = {"nis", "nis0", "passwd", NULL};	/* without a file */
	static const char *const both[] = {"sqlite", NULL};	/* file and query in one */

	if (!could_be_type(type))
		return try_type(probe, batv_span_of("?"));	/* which fails */
	if (is_one_of(type, keyed) || is_one_of(type, both))
		return false;
	return *rest == '/' ? try_file(probe, type, rest) : try_type(probe, type);
}

static bool try_pattern(struct batv_probe *probe, const char *pattern)
{
	if (strstr(pattern, "\\N"))
		return false;
	(void)snprintf(probe->expansion, sizeof probe->expansion, "${if match{}{\\N%s\\N}{}{}}",
		       pattern);
	return true;
}

static bool try_item(struct batv_probe *probe, const char *item)
{
	const char *semicolon, *domain;
	struct batv_span type;

	if (*item == '!')
		item = skip_space(item + 1);
	if (*item == '/') /* a file with more items: lsearch opens it just as well */
		return try_file(probe, batv_span_of("lsearch"), item);
	if (*item == '^')
		return try_pattern(probe, item);
	domain = strstr(item, "@^");
	if (domain)
		return try_pattern(probe, domain + 1);
	semicolon = strchr(item, ';');
	if (!semicolon || *item == '+')
		return false;
	type = lookup_type((struct batv_span){item, (size_t)(semicolon - item)});
	return try_lookup(probe, type, skip_space(semicolon + 1));
}

bool batv_probe_next(struct batv_probe *probe)
{
	char item[BATV_PROBE_ITEM_MAX];

	while (*probe->rest)
		if (take_item(probe, item) && try_item(probe, item))
			return true;
	return false;
}
