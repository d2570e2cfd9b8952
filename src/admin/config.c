/*
 * config.c - turns exim-batv.conf into a checked configuration.
 *
 * Invariant: the caller gets a configuration only if every line is correct.  Otherwise it gets
 * nothing but one message, which names the wrong line and says what was expected.
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
#include "legacy.h"
#include "nearest.h"

#define LEGACY_FILE_MAX 65536
#define QUOTED_SIZE 100 /* of a wrong value in a message */
#define EXPECTED_SIZE 240

struct loader {
	const char *file;
	struct batv_config *out;
	struct batv_policy *policy;
	unsigned line;        /* of the current item */
	unsigned globals[64]; /* by row, the line where each was set; 0: not set */
	unsigned options[64]; /* the same for the current policy */
	unsigned sections[BATV_POLICIES_MAX];
	char *message;
	size_t size;
};

/* Makes a wrong value printable and short, for a message. */
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

/* Writes the one message, FILE:LINE: text.  Without l->file the text itself names the file. */
__attribute__((format(printf, 3, 4))) static enum batv_err fail(struct loader *l, enum batv_err err,
								const char *format, ...)
{
	va_list args;
	size_t n = 0;

	if (l->file && l->line > 0)
		n = (size_t)snprintf(l->message, l->size, "%s:%u: ", l->file, l->line);
	else if (l->file)
		n = (size_t)snprintf(l->message, l->size, "%s: ", l->file);
	if (n >= l->size) /* the caller wants no message, or a short one */
		return err;
	va_start(args, format);
	(void)vsnprintf(l->message + n, l->size - n, format, args);
	va_end(args);
	return err;
}

static enum batv_err wrong_value(struct loader *l, const char *name, const char *why,
				 const char *value)
{
	char text[QUOTED_SIZE];

	return fail(l, BATV_E_SYNTAX, "%s: %s, not \"%s\"", name, why, quoted(value, text));
}

static enum batv_err unknown_option(struct loader *l, const char *name)
{
	struct batv_nearest search;
	char text[QUOTED_SIZE];

	batv_nearest_start(&search, name);
	for (size_t i = 0; i < batv_globals_count; i++)
		batv_nearest_try(&search, batv_globals[i].name);
	for (size_t i = 0; i < batv_options_count; i++)
		batv_nearest_try(&search, batv_options[i].name);
	if (search.best)
		return fail(l, BATV_E_SYNTAX, "unknown option \"%s\"; did you mean \"%s\"?",
			    quoted(name, text), search.best);
	return fail(l, BATV_E_SYNTAX, "unknown option \"%s\"", quoted(name, text));
}

/* Writes the choices as "auto, observe or reject". */
static void put_choices(const char *const *choices, char *out, size_t size)
{
	const char *last = NULL;

	for (size_t i = 0; choices[i]; i++) {
		if (*choices[i])
			last = choices[i];
	}
	*out = '\0';
	for (size_t i = 0; choices[i]; i++) {
		size_t at = strlen(out);

		if (*choices[i])
			(void)snprintf(out + at, size - at, "%s%s",
				       !at                  ? ""
				       : choices[i] == last ? " or "
							    : ", ",
				       choices[i]);
	}
}

/* Writes a limit as an administrator would write it. */
static void put_limit(const struct batv_option *opt, uint32_t n, char *out, size_t size)
{
	uint32_t unit = opt->type == BATV_OPT_BYTES ? 1024 : 1000;
	const char *thousand = opt->type == BATV_OPT_BYTES ? "K" : "k";

	if (opt->type == BATV_OPT_DURATION)
		batv_duration_format(n, out, size);
	else if (opt->type == BATV_OPT_SHARE)
		batv_share_format(n, out, size);
	else if (n % (unit * unit) == 0)
		(void)snprintf(out, size, "%uM", n / (unit * unit));
	else if (n % unit == 0)
		(void)snprintf(out, size, "%u%s", n / unit, thousand);
	else
		(void)snprintf(out, size, "%u", n);
}

static void put_range(const struct batv_option *opt, const char *what, char *out, size_t size)
{
	char min[48], max[48];

	put_limit(opt, opt->min, min, sizeof min);
	put_limit(opt, opt->max, max, sizeof max);
	if (opt->min == 0)
		(void)snprintf(out, size, "expected %s, at most %s", what, max);
	else
		(void)snprintf(out, size, "expected %s, from %s to %s", what, min, max);
}

/* Returns the values that the option accepts, or else the reason from batv_option_set(), `why`. */
static const char *expected(const struct batv_option *opt, const char *why,
			    char out[static EXPECTED_SIZE])
{
	char choices[EXPECTED_SIZE - 20];

	switch (opt->type) {
	case BATV_OPT_CHOICE:
		put_choices(opt->choices, choices, sizeof choices);
		(void)snprintf(out, EXPECTED_SIZE, "expected %s", choices);
		return out;
	case BATV_OPT_DURATION:
		put_range(opt, "a time such as 7d or 12h", out, EXPECTED_SIZE);
		return out;
	case BATV_OPT_COUNT:
		put_range(opt, "a number such as 100k or 2M", out, EXPECTED_SIZE);
		return out;
	case BATV_OPT_BYTES:
		put_range(opt, "a size in bytes such as 128K or 1M", out, EXPECTED_SIZE);
		return out;
	case BATV_OPT_SHARE:
		put_range(opt, "a share such as 10% or 0.1", out, EXPECTED_SIZE);
		return out;
	case BATV_OPT_BOOL:
	case BATV_OPT_DOMAINS:
	case BATV_OPT_ADDRESSES:
	case BATV_OPT_HOSTS:
	case BATV_OPT_TEXT:
	case BATV_OPT_PATH:
	case BATV_OPT_COMMAND:
	case BATV_OPT_PATTERN:
	case BATV_OPT_ADDRESS:
	case BATV_OPT_NAME:
	case BATV_OPT_SERVERS: break;
	}
	return why;
}

/* If a list has an item that is not allowed, the message names the item. */
static enum batv_err wrong_option(struct loader *l, const struct batv_option *opt, const char *why,
				  const char *value)
{
	char text[QUOTED_SIZE], wanted[EXPECTED_SIZE];
	enum batv_list_kind kind;
	struct batv_list_item item;

	if (!batv_option_is_list(opt, &kind) || batv_exim_list_allowed(kind, value, &item) ||
	    why != item.why)
		return wrong_value(l, opt->name, expected(opt, why, wanted), value);
	return fail(l, BATV_E_SYNTAX, "%s: \"%s\": %s", opt->name, quoted(item.text, text), why);
}

static enum batv_err check_pattern(struct loader *l, const char *name, const char *value)
{
	char why[160], wanted[EXPECTED_SIZE];
	size_t offset = 0;

	if (!*value || batv_automatic_check(value, &offset, why, sizeof why))
		return BATV_OK;
	(void)snprintf(wanted, sizeof wanted, "expected a PCRE2 pattern (%s at character %zu)", why,
		       offset);
	return wrong_value(l, name, wanted, value);
}

/* An option may be set only once.  *line keeps its line. */
static enum batv_err set_once(struct loader *l, void *base, const struct batv_option *opt,
			      unsigned *line, const char *value)
{
	const char *why;

	if (*line > 0)
		return fail(l, BATV_E_SYNTAX, "%s: already set on line %u", opt->name, *line);
	*line = l->line;
	if (batv_option_set(base, opt, value, &why) != BATV_OK)
		return wrong_option(l, opt, why, value);
	return opt->type == BATV_OPT_PATTERN ? check_pattern(l, opt->name, value) : BATV_OK;
}

static enum batv_err read_option(struct loader *l, const char *name, const char *value)
{
	const struct batv_option *opt = batv_option_find(batv_span_of(name));

	if (opt)
		return set_once(l, l->policy, opt, &l->options[opt - batv_options], value);
	opt = batv_option_find_global(batv_span_of(name));
	if (!opt)
		return unknown_option(l, name);
	if (l->policy != &l->out->policies[0])
		return fail(l, BATV_E_SYNTAX,
			    "%s: must come before the first section, because it applies to all "
			    "policies",
			    name);
	return set_once(l, &l->out->global, opt, &l->globals[opt - batv_globals], value);
}

/* Ends a section: checks for missing options, and fills in computed values. */
static enum batv_err end_policy(struct loader *l)
{
	size_t index = l->out->n_policies - 1;

	for (size_t i = 0; i < batv_options_count; i++) {
		const struct batv_option *opt = &batv_options[i];

		if (l->options[i] > 0)
			continue;
		if (index == 0 && !opt->fallback)
			*(int64_t *)((char *)l->policy + opt->offset) =
				l->out->global.key_retention;
		if (index == 0 || !opt->own)
			continue;
		l->line = l->sections[index];
		return fail(l, BATV_E_SYNTAX,
			    "%s: missing in [policy %s]; a named policy must set it", opt->name,
			    l->policy->name);
	}
	memset(l->options, 0, sizeof l->options);
	return BATV_OK;
}

/* Returns the name in "policy NAME", or NULL for any other section. */
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
			return fail(l, BATV_E_SYNTAX, "[policy %s]: already defined on line %u",
				    name, l->sections[i]);
	}
	if (strcmp(name, "default") == 0)
		return fail(l, BATV_E_SYNTAX,
			    "[policy default]: expected another name; the options before the first "
			    "section are the policy default");
	if (l->out->n_policies == BATV_POLICIES_MAX)
		return fail(l, BATV_E_SYNTAX,
			    "[policy %s]: expected at most %d policies; one policy can cover many "
			    "domains (domains = cdb;/path or lsearch;/path)",
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
		return fail(
			l, BATV_E_SYNTAX,
			"expected [policy NAME] with a name of 1 to %d letters, digits, \"-\" or "
			"\"_\", not \"[%s]\"",
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

static unsigned line_of(const struct loader *l, const char *global)
{
	return l->globals[batv_option_find_global(batv_span_of(global)) - batv_globals];
}

/* A fleet has a name and servers.  The message names the line of what is there. */
static enum batv_err check_fleet(struct loader *l)
{
	const struct batv_global *g = &l->out->global;

	if (!*g->fleet == !*g->fleet_servers)
		return BATV_OK;
	l->line = line_of(l, *g->fleet ? "fleet" : "fleet_servers");
	return *g->fleet ? fail(l, BATV_E_SYNTAX,
				"fleet: expected fleet_servers as well: a fleet shares its memory "
				"through a Redis or Valkey server")
			 : fail(l, BATV_E_SYNTAX,
				"fleet_servers: expected fleet as well, the name of the fleet");
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
			break;
		l->line = item.line;
		if (kind == BATV_CONF_SECTION)
			err = read_section(l, item.name);
		else if (kind == BATV_CONF_OPTION)
			err = read_option(l, item.name, item.value);
		else
			err = fail(l, BATV_E_SYNTAX, "%s, not \"%s\"", item.why,
				   quoted(item.name, wrong));
	}
	if (err == BATV_OK)
		err = end_policy(l);
	return err == BATV_OK ? check_fleet(l) : err;
}

static void put_sum(struct batv_config *out, uint64_t sum)
{
	(void)snprintf(out->sum, sizeof out->sum, "%016llx", (unsigned long long)sum);
}

/* Sets the defaults, and makes the copy of the text from which all options borrow. */
static enum batv_err start_loading(struct loader *l, const char *text, size_t len)
{
	struct batv_config *out = l->out;
	char *copy;

	memset(out, 0, sizeof *out);
	if (len > BATV_CONFIG_MAX)
		return fail(l, BATV_E_TOO_LONG,
			    "expected at most 256 KiB; put long lists into files (cdb;/path or "
			    "lsearch;/path)");
	copy = malloc(len + 1);
	if (!copy)
		return fail(l, BATV_E_IO, "out of memory");
	if (len > 0)
		memcpy(copy, text, len);
	out->store = copy;
	batv_policy_init_global(&out->global);
	out->n_policies = 1;
	batv_policy_init(&out->policies[0], "default");
	l->policy = &out->policies[0];
	put_sum(out, batv_fnv64(BATV_FNV_START, text, len));
	return BATV_OK;
}

static enum batv_err parse(struct loader *l, const char *text, size_t len)
{
	enum batv_err err = start_loading(l, text, len);

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

/* Reads all of fd into a malloc()ed buffer.  If it is longer than max, it reads max + 1 bytes. */
static enum batv_err read_text(int fd, size_t max, char **text, size_t *len)
{
	size_t have;
	char *p = malloc(max + 1);

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

/* This function and read_file() name the path themselves, so l->file is NULL. */
static enum batv_err check_file(struct loader *l, const char *path, int fd, mode_t forbidden)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(l, BATV_E_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(l, BATV_E_UNSAFE_FILE, "%s: expected a regular file", path);
	if (st.st_mode & forbidden)
		return fail(l, BATV_E_UNSAFE_FILE,
			    "%s: expected a file that others cannot %s; its mode is %04o", path,
			    forbidden & S_IROTH ? "read or write (mode 0640)" : "write",
			    (unsigned)st.st_mode & 07777);
	return BATV_OK;
}

static enum batv_err read_file(struct loader *l, const char *path, mode_t forbidden, size_t max,
			       char **text, size_t *len)
{
	/* O_NONBLOCK: we refuse a fifo and do not wait for it. */
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

/* Reads the legacy keys, and computes the sum over both texts. */
static enum batv_err read_legacy(struct loader *l, uint64_t sum)
{
	const char *path = l->out->global.legacy_keys, *why;
	char opened[4096 + 200];
	struct loader opening = {.message = opened, .size = sizeof opened};
	enum batv_err err;
	char *text;
	size_t len;

	if (!*path)
		return BATV_OK;
	l->line = line_of(l, "legacy_keys");
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

/* sum: of the text, as far as read_legacy() goes on with it. */
static enum batv_err load(struct loader *l, const char *path, uint64_t *sum)
{
	struct loader opening = {.message = l->message, .size = l->size};
	enum batv_err err;
	char *text;
	size_t len;

	memset(l->out, 0, sizeof *l->out);
	err = read_file(&opening, path, S_IWOTH, BATV_CONFIG_MAX, &text, &len);
	if (err != BATV_OK)
		return err;
	err = parse(l, text, len);
	*sum = batv_fnv64(BATV_FNV_START, text, len);
	free(text);
	return err;
}

enum batv_err batv_config_load_alone(const char *path, struct batv_config *out, char *message,
				     size_t size)
{
	struct loader l = {.file = path, .out = out, .message = message, .size = size};
	uint64_t sum;

	return load(&l, path, &sum);
}

enum batv_err batv_config_load(const char *path, struct batv_config *out, char *message,
			       size_t size)
{
	struct loader l = {.file = path, .out = out, .message = message, .size = size};
	uint64_t sum;
	enum batv_err err = load(&l, path, &sum);

	if (err != BATV_OK)
		return err;
	err = read_legacy(&l, sum);
	if (err != BATV_OK)
		batv_config_free(out);
	return err;
}

void batv_config_free(struct batv_config *config)
{
	free(config->store);
	batv_wipe(config, sizeof *config);
}
