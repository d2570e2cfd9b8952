/*
 * overrides.c - reads and writes the file of overrides.
 *
 * Invariant: the file is taken whole or not at all, and what is written parses back to the same.
 */
#include "overrides.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/days.h"
#include "base/fault.h"

#define FILE_MAX 65536
#define LINE_MAX_SIZE 512
#define HEAD                                                                                       \
 "# Written by batvctl; change it with batvctl enforce, enable, disable, unsigned or exempt.\n"

static bool is_who(struct batv_span s)
{
	if (s.len == 0 || s.len > BATV_OVERRIDES_WHO_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!batv_is_name_char(s.p[i]) && s.p[i] != '.')
			return false;
	return true;
}

/* "": there is none. */
static bool is_note(struct batv_span s)
{
	return s.len <= BATV_OVERRIDES_NOTE_MAX && !batv_span_has_control(s) &&
	       (s.len == 0 || (s.p[0] != ' ' && s.p[s.len - 1] != ' '));
}

/* "-": it does not end. */
static bool read_until(struct batv_span s, int64_t *until)
{
	uint64_t n;

	*until = 0;
	if (batv_span_equal(s, batv_span_of("-")))
		return true;
	if (!batv_span_to_u64(s, &n) || n == 0 || n > (uint64_t)BATV_TIME_MAX)
		return false;
	*until = (int64_t)n;
	return true;
}

/* Returns NULL, or what was expected.  The texts of *out are zero, or those that come again. */
static const char *read_override(struct batv_span text, struct batv_overrides_line *out)
{
	struct batv_span key = batv_span_field(&text), domain = batv_span_field(&text),
			 value = batv_span_field(&text), until = batv_span_field(&text), who = text;
	const char *why = batv_state_override(key, domain, value, &out->override);
	enum batv_list_kind kind;

	if (why)
		return why;
	if (!read_until(until, &out->override.until))
		return "expected the seconds since 1970 at which it ends, or -";
	if (batv_state_override_is_item((enum batv_override_key)out->override.key, &kind)) {
		who = batv_span_field(&text);
		if (!is_note(text))
			return "expected a note of at most 100 bytes, without control characters";
		memcpy(out->note, text.p, text.len);
	}
	if (!is_who(who))
		return "expected KEY DOMAIN VALUE UNTIL WHO";
	memcpy(out->domain, domain.p, domain.len);
	memcpy(out->who, who.p, who.len);
	return NULL;
}

/* After lines were moved. */
static void point_to_domains(struct batv_overrides *set)
{
	for (size_t i = 0; i < set->n; i++)
		set->line[i].override.domain = set->line[i].domain;
}

static const char *add(struct batv_overrides *set, struct batv_span text, enum batv_err *err)
{
	struct batv_overrides_line fresh = {.override.until = 0};
	const char *why = read_override(text, &fresh);

	*err = BATV_E_SYNTAX;
	if (why)
		return why;
	if (batv_overrides_find(set, fresh.override.key, fresh.domain))
		return "expected each key and domain only once";
	*err = BATV_E_FULL;
	if (set->n == BATV_OVERRIDES_MAX)
		return "expected at most 64 lines; a policy can cover many domains";
	set->line[set->n++] = fresh;
	point_to_domains(set);
	return NULL;
}

static enum batv_err parse(const char *text, size_t len, struct batv_overrides *set, unsigned *line,
			   const char **why)
{
	const char *p = text, *end = text + len;
	enum batv_err err = BATV_E_SYNTAX;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		++*line;
		*why = "expected a newline at the end";
		if (!newline)
			return err;
		*why = p == newline || *p == '#' ? NULL
						 : add(set, batv_span_between(p, newline), &err);
		if (*why)
			return err;
		p = newline + 1;
	}
	return BATV_OK;
}

enum batv_err batv_overrides_parse(const char *text, size_t len, struct batv_overrides *out,
				   unsigned *line, const char **why)
{
	struct batv_overrides *set = calloc(1, sizeof *set);
	enum batv_err err = BATV_E_TOO_LONG;
	const char *reason = "expected at most 64 KiB";
	unsigned at = 0;

	if (!set)
		return BATV_E_IO;
	if (len <= FILE_MAX)
		err = parse(text, len, set, &at, &reason);
	if (err == BATV_OK) {
		*out = *set;
		point_to_domains(out);
	} else {
		if (line)
			*line = at;
		if (why)
			*why = reason;
	}
	free(set);
	return err;
}

enum batv_err batv_overrides_read(const struct batv_store *store, struct batv_overrides *out,
				  char *message, size_t size)
{
	const char *why = "out of memory";
	char fault[200], *text = NULL;
	unsigned line = 0;
	size_t len = 0;
	enum batv_err err = batv_slurp(store->dirfd, BATV_OVERRIDES_NAME, FILE_MAX, &text, &len);

	if (err == BATV_E_NO_FILE) {
		out->n = 0;
		return BATV_OK;
	}
	if (err != BATV_OK) {
		(void)snprintf(message, size, "%s/%s: %s", store->path, BATV_OVERRIDES_NAME,
			       batv_fault(store->dirfd, BATV_OVERRIDES_NAME, false, err, fault,
					  sizeof fault));
		return err;
	}
	err = batv_overrides_parse(text, len, out, &line, &why);
	free(text);
	if (err != BATV_OK)
		(void)snprintf(message, size, "%s/%s:%u: %s", store->path, BATV_OVERRIDES_NAME,
			       line, why);
	return err;
}

static size_t put_line(const struct batv_overrides_line *l, char *out, size_t size)
{
	const struct batv_override *o = &l->override;
	char value[BATV_STATE_OVERRIDE_VALUE_SIZE], until[24] = "-";

	batv_state_override_value(o, value);
	if (o->until)
		(void)snprintf(until, sizeof until, "%" PRId64, o->until);
	return (size_t)snprintf(out, size, "%s %s %s %s %s%s%s\n", batv_state_override_name(o->key),
				l->domain, value, until, l->who, *l->note ? " " : "", l->note);
}

/* An empty file says as little as none. */
static enum batv_err remove_file(const struct batv_store *store)
{
	if (unlinkat(store->dirfd, BATV_OVERRIDES_NAME, 0) != 0 && errno != ENOENT)
		return BATV_E_IO;
	return batv_replace_sync(store->dirfd);
}

enum batv_err batv_overrides_write(const struct batv_store *store, const struct batv_overrides *set,
				   char *message, size_t size)
{
	char text[sizeof HEAD + BATV_OVERRIDES_MAX * LINE_MAX_SIZE] = HEAD;
	size_t len = sizeof HEAD - 1;
	enum batv_err err;

	for (size_t i = 0; i < set->n; i++)
		len += put_line(&set->line[i], text + len, sizeof text - len);
	err = set->n ? batv_replace(store->dirfd, BATV_OVERRIDES_NAME, BATV_OVERRIDES_MODE, text,
				    len)
		     : remove_file(store);
	if (err != BATV_OK)
		(void)snprintf(message, size, "%s/%s: %s: %s", store->path, BATV_OVERRIDES_NAME,
			       batv_fault_unwritten(err, "cannot write it"),
			       batv_fault_phrase(err));
	return err;
}

static size_t index_of(const struct batv_overrides *set, enum batv_override_key key,
		       const char *domain)
{
	size_t i = 0;

	while (i < set->n &&
	       !(set->line[i].override.key == key && strcmp(set->line[i].domain, domain) == 0))
		i++;
	return i;
}

const struct batv_overrides_line *batv_overrides_find(const struct batv_overrides *set,
						      enum batv_override_key key,
						      const char *domain)
{
	size_t i = index_of(set, key, domain);

	return i < set->n ? &set->line[i] : NULL;
}

bool batv_overrides_note_fits(const char *note)
{
	return *note && is_note(batv_span_of(note));
}

enum batv_err batv_overrides_set(struct batv_overrides *set, const struct batv_override *override,
				 const char *who, const char *note)
{
	struct batv_overrides_line fresh = {.override = *override};
	char text[LINE_MAX_SIZE];
	size_t i, len;

	if (strlen(override->domain) >= sizeof fresh.domain)
		return BATV_E_SYNTAX;
	(void)snprintf(fresh.domain, sizeof fresh.domain, "%s", override->domain);
	(void)snprintf(fresh.who, sizeof fresh.who, "%s", is_who(batv_span_of(who)) ? who : "-");
	if (*note && !batv_overrides_note_fits(note))
		return BATV_E_SYNTAX;
	(void)snprintf(fresh.note, sizeof fresh.note, "%s", note);
	len = put_line(&fresh, text, sizeof text);
	if (read_override((struct batv_span){text, len - 1}, &fresh))
		return BATV_E_SYNTAX;
	i = index_of(set, override->key, fresh.domain);
	if (i == BATV_OVERRIDES_MAX)
		return BATV_E_FULL;
	set->line[i] = fresh;
	if (i == set->n)
		set->n++;
	point_to_domains(set);
	return BATV_OK;
}

bool batv_overrides_remove(struct batv_overrides *set, enum batv_override_key key,
			   const char *domain)
{
	size_t i = index_of(set, key, domain);

	if (i == set->n)
		return false;
	set->n--;
	memmove(&set->line[i], &set->line[i + 1], (set->n - i) * sizeof set->line[0]);
	point_to_domains(set);
	return true;
}

void batv_overrides_drop_ended(struct batv_overrides *set, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->n; i++)
		if (set->line[i].override.until == 0 || set->line[i].override.until > now)
			set->line[kept++] = set->line[i];
	set->n = kept;
	point_to_domains(set);
}

int64_t batv_overrides_next(const struct batv_overrides *set, int64_t next)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->line[i].override.until && set->line[i].override.until < next)
			next = set->line[i].override.until;
	return next;
}
