/*
 * told.c - reads and writes the list of what was told.
 *
 * Invariant: the file is taken whole or not at all, and what is written parses back to the same.
 */
#include "told.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)8 << 20) /* the largest domain table, and what was in an earlier one */
#define HEAD "exim-batv notified 1\n"

enum batv_err batv_told_add(struct batv_told *told, const char *name, bool refuses, int64_t when)
{
	struct batv_told_domain *d;

	if (strlen(name) >= sizeof d->name)
		return BATV_E_TOO_LONG;
	if (!*name || strchr(name, ' ') || batv_span_has_control(batv_span_of(name)))
		return BATV_E_SYNTAX; /* it could not be read back, and is no domain */
	if (told->n == told->room) {
		size_t room = told->room ? 2 * told->room : 16;

		d = realloc(told->item, room * sizeof *d);
		if (!d)
			return BATV_E_IO;
		told->item = d;
		told->room = room;
	}
	d = &told->item[told->n++];
	*d = (struct batv_told_domain){.refuses = refuses, .when = when};
	memcpy(d->name, name, strlen(name));
	return BATV_OK;
}

void batv_told_free(struct batv_told *told)
{
	free(told->item);
	*told = (struct batv_told){.n = 0};
}

static int by_name(const void *a, const void *b)
{
	const struct batv_told_domain *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void batv_told_sort(struct batv_told *told)
{
	if (told->n)
		qsort(told->item, told->n, sizeof told->item[0], by_name);
}

static int to_name(const void *name, const void *domain)
{
	return strcmp(name, ((const struct batv_told_domain *)domain)->name);
}

const struct batv_told_domain *batv_told_find(const struct batv_told *told, const char *name)
{
	return told->n ? bsearch(name, told->item, told->n, sizeof told->item[0], to_name) : NULL;
}

/* ---- text ---- */

static bool read_line(struct batv_span text, struct batv_told *out)
{
	struct batv_span name = batv_span_field(&text), word = batv_span_field(&text);
	const bool refuses = batv_span_equal(word, batv_span_of("refuses"));
	char copy[BATV_DOMAIN_NAME_MAX + 1];
	uint64_t when;

	if (!refuses && !batv_span_equal(word, batv_span_of("observes")))
		return false;
	if (name.len == 0 || name.len >= sizeof copy || memchr(name.p, '\0', name.len) ||
	    !batv_span_to_u64(text, &when) || when > (uint64_t)BATV_TIME_MAX)
		return false;
	memcpy(copy, name.p, name.len);
	copy[name.len] = '\0';
	return batv_told_add(out, copy, refuses, (int64_t)when) == BATV_OK;
}

enum batv_err batv_told_parse(const char *text, size_t len, struct batv_told *out)
{
	const char *p = text + strlen(HEAD), *end = text + len;

	*out = (struct batv_told){.n = 0};
	if (len < strlen(HEAD) || memcmp(text, HEAD, strlen(HEAD)) != 0)
		return BATV_E_SYNTAX;
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (!newline || !read_line(batv_span_between(p, newline), out)) {
			batv_told_free(out);
			return BATV_E_SYNTAX;
		}
		p = newline + 1;
	}
	batv_told_sort(out);
	return BATV_OK;
}

enum batv_err batv_told_format(const struct batv_told *told, char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	if (!f)
		return BATV_E_IO;
	fputs(HEAD, f);
	for (size_t i = 0; i < told->n; i++)
		fprintf(f, "%s %s %" PRId64 "\n", told->item[i].name,
			told->item[i].refuses ? "refuses" : "observes", told->item[i].when);
	return fclose(f) == 0 ? BATV_OK : BATV_E_IO;
}

/* ---- the file ---- */

enum batv_err batv_told_read(const struct batv_store *store, struct batv_told *out)
{
	char *text = NULL;
	size_t len = 0;
	enum batv_err err = batv_slurp(store->dirfd, BATV_TOLD_NAME, FILE_MAX, &text, &len);

	*out = (struct batv_told){.n = 0};
	if (err == BATV_E_NO_FILE)
		return BATV_OK;
	if (err != BATV_OK)
		return err;
	err = batv_told_parse(text, len, out);
	free(text);
	return err;
}

enum batv_err batv_told_write(const struct batv_store *store, const struct batv_told *told)
{
	char *text = NULL;
	size_t len = 0;
	enum batv_err err = batv_told_format(told, &text, &len);

	if (err == BATV_OK)
		err = batv_replace(store->dirfd, BATV_TOLD_NAME, BATV_TOLD_MODE, text, len);
	free(text);
	return err;
}

/* ---- the rule ---- */

/* The clock may have gone back since. */
static bool within_a_day(int64_t when, int64_t now)
{
	return when && now >= when && now - when < BATV_DAY;
}

enum batv_told_answer batv_told_ask(const struct batv_told_domain *last, bool refuses, int64_t now)
{
	if ((last && last->refuses) == refuses)
		return BATV_TOLD_SAME;
	return last && within_a_day(last->when, now) ? BATV_TOLD_LATER : BATV_TOLD_NOW;
}

bool batv_told_is_old(const struct batv_told_domain *last, int64_t now)
{
	return !last->refuses && !within_a_day(last->when, now);
}
