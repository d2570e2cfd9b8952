/*
 * ctl_diff.c - the unified diff that puts exim-batv into a configuration file.
 *
 * Lines are only inserted, so a diff is a list of places and texts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_enable.h"

#define PLACES_MAX 40
#define CONTEXT 3

struct place {
	size_t after; /* the number of lines before it */
	char text[2600];
};

struct diff {
	const char *const *lines;
	size_t n_lines;
	struct place places[PLACES_MAX];
	size_t n;
};

static size_t indent(const char *line)
{
	return strspn(line, " \t");
}

/* Is the line "begin NAME"? */
static bool begins(const char *line, const char *name)
{
	size_t at = indent(line), len = strlen(name);

	if (strncmp(line + at, "begin", 5) != 0)
		return false;
	at += 5;
	at += strspn(line + at, " \t");
	return strncmp(line + at, name, len) == 0 && strcspn(line + at + len, " \t\r\n#") == 0;
}

static bool begins_any(const char *line)
{
	size_t at = indent(line);

	return strncmp(line + at, "begin", 5) == 0 && strchr(" \t", line[at + 5]);
}

/* The index of the first line from `from` that begins the section; n_lines: none. */
static size_t find_section(const struct diff *d, const char *name)
{
	size_t i = 0;

	while (i < d->n_lines && !(name ? begins(d->lines[i], name) : begins_any(d->lines[i])))
		i++;
	return i;
}

/* There is room: add_transports() looks for it, and the others insert one each. */
static struct place *insert(struct diff *d, size_t after)
{
	struct place *p = &d->places[d->n++];

	p->after = after;
	p->text[0] = '\0';
	return p;
}

/* Adds a line to what is inserted. */
static void add_line(struct place *p, const char *what, const char *value)
{
	size_t at = strlen(p->text);

	snprintf(p->text + at, sizeof p->text - at, "+%s%s\n", what, value);
}

/* Lengthens its last line. */
static void join(struct place *p, const char *more)
{
	size_t at = strlen(p->text) - 1;

	snprintf(p->text + at, sizeof p->text - at, "%s\n", more);
}

/* In the section of transports: after the line "driver = smtp" of that transport. */
static bool find_driver(const struct diff *d, const char *name, size_t *line)
{
	size_t i = find_section(d, "transports"), len = strlen(name);
	bool inside = false;

	for (i++; i < d->n_lines && !begins_any(d->lines[i]); i++) {
		const char *text = d->lines[i] + indent(d->lines[i]);

		if (text[strcspn(text, " \t\r\n")] == '\0' && !*text)
			continue;
		if (strncmp(text, name, len) == 0 && text[len] == ':')
			inside = true;
		else if (strcspn(text, ":=# \t\n") && text[strcspn(text, ":=# \t\n")] == ':')
			inside = false;
		else if (inside && strncmp(text, "driver", 6) == 0) {
			*line = i;
			return true;
		}
	}
	return false;
}

static bool add_main(struct diff *d, const struct batv_diff_wanted *w, const char *path, char *why,
		     size_t size)
{
	size_t first = find_section(d, NULL);
	struct place *p;

	if (!w->main && !w->local_scan)
		return true;
	if (first == d->n_lines) {
		snprintf(why, size,
			 "%s has no line \"begin ...\"; add the lines that "
			 "docs/install.md names yourself",
			 path);
		return false;
	}
	p = insert(d, first);
	if (w->main && *w->module)
		add_line(p, "BATV_SO = ", w->module);
	if (w->main)
		add_line(p, ".include ", w->snippets);
	if (w->main)
		join(p, "/main.conf");
	if (w->local_scan)
		add_line(p, "local_scan_path = ", w->module);
	add_line(p, "", "");
	return true;
}

static bool add_router(struct diff *d, const struct batv_diff_wanted *w, const char *path,
		       char *why, size_t size)
{
	size_t routers = find_section(d, "routers");

	if (!w->unsign)
		return true;
	if (routers == d->n_lines) {
		snprintf(why, size,
			 "%s has no line \"begin routers\"; include %s/router-unsign.conf as the "
			 "first router yourself",
			 path, w->snippets);
		return false;
	}
	snprintf(insert(d, routers + 1)->text, sizeof d->places[0].text,
		 "+.include %s/router-unsign.conf\n", w->snippets);
	return true;
}

static bool add_transports(struct diff *d, const struct batv_diff_wanted *w, const char *path,
			   char *why, size_t size)
{
	char names[1000], *save = NULL;
	size_t line;

	snprintf(names, sizeof names, "%s", w->transports);
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		if (d->n == PLACES_MAX) {
			snprintf(why, size,
				 "%s has too many transports; include %s/transport-sign.conf in "
				 "them yourself",
				 path, w->snippets);
			return false;
		}
		if (!find_driver(d, name, &line)) {
			snprintf(why, size,
				 "%s does not have the transport %s itself; include "
				 "%s/transport-sign.conf in it yourself",
				 path, name, w->snippets);
			return false;
		}
		snprintf(insert(d, line + 1)->text, sizeof d->places[0].text,
			 "+%.*s.include %s/transport-sign.conf\n", (int)indent(d->lines[line]),
			 d->lines[line], w->snippets);
	}
	return true;
}

static int by_line(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->after < y->after ? -1 : x->after > y->after;
}

static size_t added_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* One hunk: places whose contexts touch.  `shift` is how many lines earlier hunks added. */
static size_t put_hunk(FILE *f, const struct diff *d, size_t first, size_t last, size_t shift)
{
	size_t from = d->places[first].after < CONTEXT ? 0 : d->places[first].after - CONTEXT;
	size_t to = d->places[last].after + CONTEXT < d->n_lines ? d->places[last].after + CONTEXT
								 : d->n_lines;
	size_t added = 0, at = from;

	for (size_t i = first; i <= last; i++)
		added += added_lines(d->places[i].text);
	fprintf(f, "@@ -%zu,%zu +%zu,%zu @@\n", from + 1, to - from, from + 1 + shift,
		to - from + added);
	for (size_t i = first; i <= last; i++) {
		for (; at < d->places[i].after; at++)
			fprintf(f, " %s\n", d->lines[at]);
		fputs(d->places[i].text, f);
	}
	for (; at < to; at++)
		fprintf(f, " %s\n", d->lines[at]);
	return added;
}

static void put_diff(FILE *f, struct diff *d, const char *path)
{
	size_t shift = 0, first = 0;

	qsort(d->places, d->n, sizeof d->places[0], by_line);
	if (d->n)
		fprintf(f, "--- %s\n+++ %s\n", path, path);
	while (first < d->n) {
		size_t last = first;

		while (last + 1 < d->n &&
		       d->places[last + 1].after <= d->places[last].after + 2 * CONTEXT)
			last++;
		shift += put_hunk(f, d, first, last, shift);
		first = last + 1;
	}
}

/* Splits the text in place; the last line may lack its newline. */
static size_t split_lines(char *text, const char **lines, size_t max)
{
	size_t n = 0;

	while (*text && n < max) {
		size_t len = strcspn(text, "\n");

		lines[n++] = text;
		if (!text[len])
			break;
		text[len] = '\0';
		text += len + 1;
	}
	return n;
}

char *batv_ctl_diff(const char *path, const char *text, const struct batv_diff_wanted *wanted,
		    char *why, size_t size)
{
	size_t max = added_lines(text) + 1, out_size;
	const char **lines = calloc(max, sizeof *lines);
	struct diff *d = calloc(1, sizeof *d);
	char *copy = strdup(text), *out = NULL;
	FILE *f;

	snprintf(why, size, "out of memory");
	if (lines && d && copy) {
		d->lines = lines;
		d->n_lines = split_lines(copy, lines, max);
		if (add_main(d, wanted, path, why, size) &&
		    add_router(d, wanted, path, why, size) &&
		    add_transports(d, wanted, path, why, size) &&
		    (f = open_memstream(&out, &out_size)) != NULL) {
			put_diff(f, d, path);
			fclose(f);
		}
	}
	free(lines);
	free(copy);
	free(d);
	return out;
}
