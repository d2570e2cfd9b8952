/*
 * config.c - exim-batv.conf to a checked configuration.
 *
 * Invariant: a configuration is handed out when every line of it is good; otherwise nothing of it
 * is, and one line of text says which line is wrong, and what would have been right.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hmac.h"
#include "base/safefile.h"
#include "conffile.h"
#include "decide/automatic.h"
#include "decide/state.h"
#include "legacy.h"
#include "secret.h"

#define LEGACY_FILE_MAX 65536
#define QUOTED_SIZE 100 /* of a wrong value in a message */
#define NAME_MAX_LEN 32 /* of an option */

const struct batv_global batv_globals[] = {
	{"directory", BATV_DIR, "the state directory"},
	{"exim", "", "command that asks Exim about its lists, outside of Exim's own processes"},
	{"legacy_keys", "", "file with keys of an older BATV installation, which verify only"},
	{"automatic_senders", "", "PCRE2 pattern of senders whose mail is judged, besides <>"},
	{"key_rotation", "7d", "how long a key signs"},
	{"key_retention", "7d", "how long a tag is valid at least"},
	{"memory_capacity", "100k", "messages, and pairs of people, a day that are remembered"},
	{"memory_retention", "14d", "how long sent mail is remembered"},
	{"evidence_bytes", "128K", "how much of a bounce is searched for what it returns"},
};
const size_t batv_globals_count = sizeof batv_globals / sizeof batv_globals[0];
enum {
	DIRECTORY,
	EXIM,
	LEGACY_KEYS,
	AUTOMATIC_SENDERS,
	KEY_ROTATION,
	KEY_RETENTION,
	MEMORY_CAPACITY,
	MEMORY_RETENTION,
	EVIDENCE_BYTES,
	GLOBALS
};
_Static_assert(sizeof batv_globals / sizeof batv_globals[0] == GLOBALS, "one name for each");

struct loader {
	const char *file;
	struct batv_config *out;
	struct batv_policy *policy;
	unsigned line;             /* of the item at hand */
	unsigned globals[GLOBALS]; /* lines where they were set; 0: not */
	unsigned options[64];      /* the same of the policy at hand */
	unsigned sections[BATV_POLICIES_MAX];
	char *message;
	size_t size;
};

/* A wrong value for a message: printable, bounded. */
static const char *quoted(const char *text, char out[static QUOTED_SIZE])
{
	size_t at = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (at + 8 > QUOTED_SIZE) {
			memcpy(out + at, "...", 4);
			return out;
		}
		if (c >= 0x20 && c < 0x7f)
			out[at++] = (char)c;
		else
			at += (size_t)sprintf(out + at, "\\x%02x", c);
	}
	out[at] = '\0';
	return out;
}

/* The one message: FILE:LINE: text.  Without a file the text names it. */
__attribute__((format(printf, 3, 4))) static enum batv_err fail(struct loader *l, enum batv_err err,
								const char *format, ...)
{
	va_list args;
	int n = 0;

	if (!l->message || l->size == 0)
		return err;
	if (l->file && l->line > 0)
		n = snprintf(l->message, l->size, "%s:%u: ", l->file, l->line);
	else if (l->file)
		n = snprintf(l->message, l->size, "%s: ", l->file);
	if (n < 0 || (size_t)n >= l->size)
		return err;
	va_start(args, format);
	(void)vsnprintf(l->message + n, l->size - (size_t)n, format, args);
	va_end(args);
	return err;
}

static enum batv_err wrong_value(struct loader *l, const char *name, const char *why,
				 const char *value)
{
	char text[QUOTED_SIZE];

	return fail(l, BATV_E_SYNTAX, "%s: %s, not \"%s\"", name, why, quoted(value, text));
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* How many letters have to change (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t changed = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = smallest(changed, diagonal + 1, row[j] + 1);
		}
	}
	return row[len];
}

static void nearer(const char *wrong, const char *known, const char **best, size_t *best_distance)
{
	size_t d = strlen(known) <= NAME_MAX_LEN ? distance(wrong, known) : SIZE_MAX;

	if (d < *best_distance) {
		*best_distance = d;
		*best = known;
	}
}

static enum batv_err unknown_option(struct loader *l, const char *name)
{
	size_t found = strlen(name) / 3 + 2; /* further off it is a guess */
	const char *best = NULL;
	char text[QUOTED_SIZE];

	for (size_t i = 0; i < batv_globals_count && strlen(name) <= NAME_MAX_LEN; i++)
		nearer(name, batv_globals[i].name, &best, &found);
	for (size_t i = 0; i < batv_options_count && strlen(name) <= NAME_MAX_LEN; i++)
		nearer(name, batv_options[i].name, &best, &found);
	if (best)
		return fail(l, BATV_E_SYNTAX, "%s: expected an option: did you mean \"%s\"?",
			    quoted(name, text), best);
	return fail(l, BATV_E_SYNTAX, "%s: expected an option: there is none of this name",
		    quoted(name, text));
}

static enum batv_err set_path(struct loader *l, const char *name, const char *value, bool may_lack,
			      char *out, size_t size)
{
	if (may_lack && !*value) {
		*out = '\0';
		return BATV_OK;
	}
	if (*value != '/' || batv_span_has_control(batv_span_of(value)))
		return wrong_value(l, name, "expected an absolute path", value);
	if (strlen(value) >= size)
		return wrong_value(l, name, "expected a shorter path", value);
	memcpy(out, value, strlen(value) + 1);
	return BATV_OK;
}

static enum batv_err set_period(struct loader *l, const char *name, const char *value, int64_t min,
				int64_t *out)
{
	int64_t seconds;

	if (!batv_duration_parse(batv_span_of(value), &seconds) || seconds < min)
		return wrong_value(l, name, "expected a time such as 7d or 12h, at least 1d",
				   value);
	if (seconds > BATV_PERIOD_MAX)
		return wrong_value(l, name, "expected a time of at most 366d", value);
	*out = seconds;
	return BATV_OK;
}

/* "100k", "2M": units of 1000 or 1024. */
static bool count_parse(const char *value, uint64_t unit, uint64_t *out)
{
	struct batv_span digits = batv_span_of(value);
	char last = digits.len > 0 ? batv_fold(value[digits.len - 1]) : '0';
	uint64_t n, times = last == 'k' ? unit : last == 'm' ? unit * unit : 1;

	digits.len -= times > 1;
	if (!batv_span_to_u64(digits, &n) || n > UINT32_MAX)
		return false;
	*out = n * times;
	return true;
}

static enum batv_err set_capacity(struct loader *l, const char *name, const char *value)
{
	uint64_t n;

	if (!count_parse(value, 1000, &n) || n < BATV_CAPACITY_MIN || n > BATV_CAPACITY_MAX)
		return wrong_value(l, name, "expected a number such as 100k or 2M, 1k to 100M",
				   value);
	l->out->memory_capacity = n;
	return BATV_OK;
}

static enum batv_err set_bytes(struct loader *l, const char *name, const char *value)
{
	uint64_t n;

	if (!count_parse(value, 1024, &n) || n < BATV_EVIDENCE_MIN || n > BATV_EVIDENCE_MAX)
		return wrong_value(l, name, "expected bytes such as 128K or 1M, 4K to 16M", value);
	l->out->evidence_bytes = n;
	return BATV_OK;
}

static enum batv_err set_memory_retention(struct loader *l, const char *name, const char *value)
{
	enum batv_err err = set_period(l, name, value, BATV_DAY, &l->out->memory_retention);

	if (err == BATV_OK && l->out->memory_retention > BATV_MEMORY_RETENTION_MAX)
		return wrong_value(l, name, "expected a time of at most 62d", value);
	return err;
}

static enum batv_err set_pattern(struct loader *l, const char *name, char *value)
{
	char why[160], expected[240];
	size_t offset = 0;

	if (batv_span_has_control(batv_span_of(value)))
		return wrong_value(l, name, "expected a pattern without control characters", value);
	if (*value && !batv_automatic_check(value, &offset, why, sizeof why)) {
		(void)snprintf(expected, sizeof expected,
			       "expected a PCRE2 pattern (%s at character %zu)", why, offset);
		return wrong_value(l, name, expected, value);
	}
	l->out->automatic_senders = value;
	return BATV_OK;
}

static enum batv_err set_global(struct loader *l, int which, char *value)
{
	const char *name = batv_globals[which].name;
	struct batv_config *out = l->out;

	switch (which) {
	case DIRECTORY:
		return set_path(l, name, value, false, out->directory, sizeof out->directory);
	case EXIM: return set_path(l, name, value, true, out->exim, sizeof out->exim);
	case LEGACY_KEYS:
		return set_path(l, name, value, true, out->legacy_keys, sizeof out->legacy_keys);
	case AUTOMATIC_SENDERS: return set_pattern(l, name, value);
	case KEY_ROTATION: return set_period(l, name, value, BATV_ROTATION_MIN, &out->key_rotation);
	case KEY_RETENTION:
		return set_period(l, name, value, BATV_RETENTION_MIN, &out->key_retention);
	case MEMORY_CAPACITY: return set_capacity(l, name, value);
	case MEMORY_RETENTION: return set_memory_retention(l, name, value);
	case EVIDENCE_BYTES: return set_bytes(l, name, value);
	default: return BATV_OK;
	}
}

static int global_index(const char *name)
{
	for (int i = 0; i < GLOBALS; i++) {
		if (strcmp(batv_globals[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* An option is set once; *line keeps where. */
static enum batv_err first_time(struct loader *l, const char *name, unsigned *line)
{
	if (*line > 0)
		return fail(l, BATV_E_SYNTAX, "%s: expected once, it is set in line %u already",
			    name, *line);
	*line = l->line;
	return BATV_OK;
}

static enum batv_err read_global(struct loader *l, int which, char *value)
{
	enum batv_err err;

	if (l->policy != &l->out->policies[0])
		return fail(l, BATV_E_SYNTAX,
			    "%s: expected before the first section: it holds for all policies",
			    batv_globals[which].name);
	err = first_time(l, batv_globals[which].name, &l->globals[which]);
	return err != BATV_OK ? err : set_global(l, which, value);
}

/* For a list with an item that is not allowed, that item is the wrong value. */
static enum batv_err wrong_option(struct loader *l, const struct batv_option *opt, const char *why,
				  const char *value)
{
	enum batv_list_kind kind;
	struct batv_list_item item;
	char text[QUOTED_SIZE];

	if (!batv_option_is_list(opt, &kind) || batv_exim_list_allowed(kind, value, &item) ||
	    why != item.why)
		return wrong_value(l, opt->name, why, value);
	return fail(l, BATV_E_SYNTAX, "%s: \"%s\": %s", opt->name, quoted(item.text, text), why);
}

static enum batv_err read_option(struct loader *l, const char *name, char *value)
{
	const struct batv_option *opt = batv_option_find(batv_span_of(name));
	int global = global_index(name);
	enum batv_err err;
	const char *why;

	if (global >= 0)
		return read_global(l, global, value);
	if (!opt)
		return unknown_option(l, name);
	err = first_time(l, name, &l->options[opt - batv_options]);
	if (err != BATV_OK)
		return err;
	if (batv_option_set(l->policy, opt, value, &why) != BATV_OK)
		return wrong_option(l, opt, why, value);
	return BATV_OK;
}

static unsigned option_line(const struct loader *l, const char *name)
{
	return l->options[batv_option_find(batv_span_of(name)) - batv_options];
}

/* The section that ends here: what it must have, and what is computed. */
static enum batv_err end_policy(struct loader *l)
{
	size_t index = l->out->n_policies - 1;

	if (index == 0 && option_line(l, "grace") == 0)
		l->policy->grace = l->out->key_retention;
	if (index > 0 && option_line(l, "domains") == 0) {
		l->line = l->sections[index];
		return fail(l, BATV_E_SYNTAX,
			    "domains: expected in [policy %s]: a named policy says which ones it "
			    "is for",
			    l->policy->name);
	}
	memset(l->options, 0, sizeof l->options);
	return BATV_OK;
}

/* The name in "policy NAME"; NULL: it is something else. */
static const char *policy_name(const char *section)
{
	const char *name = section + strlen("policy");

	if (strncmp(section, "policy", strlen("policy")) != 0 || (*name != ' ' && *name != '\t'))
		return NULL;
	name += strspn(name, " \t");
	return batv_policy_name_valid(batv_span_of(name)) ? name : NULL;
}

static enum batv_err check_section(struct loader *l, const char *name)
{
	for (size_t i = 1; i < l->out->n_policies; i++) {
		if (strcmp(l->out->policies[i].name, name) == 0)
			return fail(l, BATV_E_SYNTAX,
				    "[policy %s]: expected once, it is in line %u already", name,
				    l->sections[i]);
	}
	if (strcmp(name, "default") == 0)
		return fail(l, BATV_E_SYNTAX,
			    "[policy default]: expected another name: the policy "
			    "default is what stands before the first section");
	if (l->out->n_policies == BATV_POLICIES_MAX)
		return fail(l, BATV_E_SYNTAX,
			    "[policy %s]: expected at most %d policies: one can "
			    "be for many domains (domains = cdb;/path or lsearch;/path)",
			    name, BATV_POLICIES_MAX - 1);
	return BATV_OK;
}

static enum batv_err read_section(struct loader *l, const char *section)
{
	unsigned line = l->line;
	enum batv_err err = end_policy(l);
	const char *name = policy_name(section);
	char text[QUOTED_SIZE];

	if (err != BATV_OK)
		return err;
	l->line = line;
	if (!name)
		return fail(l, BATV_E_SYNTAX,
			    "expected [policy NAME], its name 1 to %d letters, "
			    "digits, \"-\" or \"_\", not \"[%s]\"",
			    BATV_POLICY_NAME_MAX, quoted(section, text));
	err = check_section(l, name);
	if (err != BATV_OK)
		return err;
	l->sections[l->out->n_policies] = line;
	l->policy = &l->out->policies[l->out->n_policies++];
	*l->policy = l->out->policies[0];
	l->policy->name = name;
	return BATV_OK;
}

static enum batv_err read_items(struct loader *l, char *text, size_t len)
{
	struct batv_conf_item item;
	struct batv_conffile file;
	enum batv_err err = BATV_OK;
	enum batv_conf_kind kind;
	char wrong[QUOTED_SIZE];

	batv_conffile_start(&file, text, len);
	while (err == BATV_OK) {
		kind = batv_conffile_next(&file, &item);
		if (kind == BATV_CONF_END)
			return end_policy(l);
		l->line = item.line;
		if (kind == BATV_CONF_SECTION)
			err = read_section(l, item.name);
		else if (kind == BATV_CONF_OPTION)
			err = read_option(l, item.name, item.value);
		else
			err = fail(l, BATV_E_SYNTAX, "%s, not \"%s\"", item.why,
				   quoted(item.name, wrong));
	}
	return err;
}

static void put_sum(struct batv_config *out, uint64_t sum)
{
	(void)snprintf(out->sum, sizeof out->sum, "%016llx", (unsigned long long)sum);
}

/* Defaults, and the copy of the text that all borrow from. */
static enum batv_err start(struct loader *l, const char *text, size_t len)
{
	struct batv_config *out = l->out;
	char *copy;

	memset(out, 0, sizeof *out);
	if (len > BATV_CONFIG_MAX)
		return fail(l, BATV_E_TOO_LONG,
			    "expected at most 256 KiB: long lists belong into "
			    "files (cdb;/path or lsearch;/path)");
	copy = malloc(len + 1);
	if (!copy)
		return fail(l, BATV_E_IO, "no memory");
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	out->store = copy;
	(void)snprintf(out->directory, sizeof out->directory, "%s", BATV_DIR);
	out->automatic_senders = copy + len;
	out->key_rotation = out->key_retention = 7 * (int64_t)BATV_DAY;
	out->memory_capacity = BATV_CAPACITY_DEFAULT;
	out->memory_retention = BATV_MEMORY_RETENTION;
	out->evidence_bytes = BATV_EVIDENCE_DEFAULT;
	out->n_policies = 1;
	batv_policy_init(&out->policies[0], "default");
	l->policy = &out->policies[0];
	put_sum(out, batv_fnv64(BATV_FNV_START, text, len));
	return BATV_OK;
}

static enum batv_err parse(struct loader *l, const char *text, size_t len)
{
	enum batv_err err = start(l, text, len);

	if (err == BATV_OK)
		err = read_items(l, l->out->store, len);
	if (err != BATV_OK)
		batv_config_free(l->out);
	return err;
}

enum batv_err batv_config_parse(const char *name, const char *text, size_t len,
				struct batv_config *out, char *message, size_t size)
{
	struct loader l = {.file = name, .out = out, .message = message, .size = size};

	return parse(&l, text, len);
}

/* All that is in fd, from malloc.  More than max bytes are max + 1, for the caller to see. */
static enum batv_err read_text(int fd, size_t max, char **text, size_t *len)
{
	size_t have;
	char *p = malloc(max + 2);

	if (!p)
		return BATV_E_IO;
	if (!batv_file_read(fd, p, max + 1, &have)) {
		int saved = errno;

		batv_wipe(p, have);
		free(p);
		errno = saved;
		return BATV_E_IO;
	}
	*text = p;
	*len = have;
	return BATV_OK;
}

/* These two name the path themselves: l->file is NULL. */
static enum batv_err check_file(struct loader *l, const char *path, int fd, mode_t forbidden)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(l, BATV_E_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(l, BATV_E_UNSAFE_FILE, "%s: expected a regular file", path);
	if (st.st_mode & forbidden)
		return fail(l, BATV_E_UNSAFE_FILE,
			    "%s: expected a file that others can't %s, "
			    "its mode is %04o",
			    path, forbidden & S_IROTH ? "read or write (mode 0640)" : "write",
			    (unsigned)st.st_mode & 07777);
	return BATV_OK;
}

static enum batv_err read_file(struct loader *l, const char *path, mode_t forbidden, size_t max,
			       char **text, size_t *len)
{
	/* O_NONBLOCK: a fifo is refused, not waited for */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum batv_err err;

	if (fd < 0) {
		err = errno == ENOENT || errno == ENOTDIR ? BATV_E_NO_FILE : BATV_E_IO;
		return fail(l, err, "%s: %s", path, strerror(errno));
	}
	err = check_file(l, path, fd, forbidden);
	if (err == BATV_OK) {
		err = read_text(fd, max, text, len);
		if (err != BATV_OK)
			(void)fail(l, err, "%s: %s", path, strerror(errno));
	}
	(void)close(fd);
	return err;
}

/* The legacy keys, and the sum over both texts. */
static enum batv_err read_legacy(struct loader *l, uint64_t sum)
{
	const char *path = l->out->legacy_keys, *why;
	char opened[4096 + 200];
	struct loader opening = {.message = opened, .size = sizeof opened};
	enum batv_err err;
	char *text;
	size_t len;

	if (!*path)
		return BATV_OK;
	l->line = l->globals[LEGACY_KEYS];
	err = read_file(&opening, path, S_IRWXO | S_IWGRP, LEGACY_FILE_MAX, &text, &len);
	if (err != BATV_OK)
		return fail(l, err, "legacy_keys: %s", opened);
	if (len > LEGACY_FILE_MAX) {
		err = fail(l, BATV_E_TOO_LONG, "legacy_keys: %s: expected at most 64 KiB", path);
	} else {
		l->file = path;
		err = batv_legacy_parse(text, len, &l->out->legacy, &l->line, &why);
		if (err != BATV_OK)
			(void)fail(l, err, "%s", why);
	}
	put_sum(l->out, batv_fnv64(sum, text, len));
	batv_wipe(text, len);
	free(text);
	return err;
}

enum batv_err batv_config_load(const char *path, struct batv_config *out, char *message,
			       size_t size)
{
	struct loader l = {.file = path, .out = out, .message = message, .size = size};
	struct loader opening = {.message = message, .size = size};
	enum batv_err err;
	char *text;
	size_t len;

	memset(out, 0, sizeof *out);
	err = read_file(&opening, path, S_IWOTH, BATV_CONFIG_MAX, &text, &len);
	if (err != BATV_OK)
		return err;
	err = parse(&l, text, len);
	if (err == BATV_OK) {
		err = read_legacy(&l, batv_fnv64(BATV_FNV_START, text, len));
		if (err != BATV_OK)
			batv_config_free(out);
	}
	free(text);
	return err;
}

void batv_config_free(struct batv_config *config)
{
	free(config->store);
	batv_wipe(config, sizeof *config);
}
