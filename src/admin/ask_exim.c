/*
 * ask_exim.c - asks `exim -be` about lists.
 *
 * Invariant: a value from outside (an address, a host) reaches Exim's expander only if it consists
 * of letters, digits, bytes above 127 and a few harmless marks.  So a value can never be code.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask_exim.h"
#include "decide/list_file.h"
#include "exim_text.h"
#include "find_exim.h"
#include "plain_list.h"
#include "root_path.h"

#define ARGS_MAX 32
#define ANSWER_MAX 4096
/* Exim reads its questions in lines of 1023 bytes, and joins lines that end in a backslash. */
#define PIECE 900

static bool __attribute__((format(printf, 2, 3)))
give_up(struct batv_asker *asker, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(asker->why, sizeof asker->why, format, ap);
	va_end(ap);
	return false;
}

/* ---- the rule ---- */

static bool allowed_item(struct batv_asker *asker, const struct batv_list_item *item)
{
	struct batv_list_trouble trouble;
	char why[800];

	/* No item has a control character: exim_list.c stops before one. */
	if (item->sort == BATV_LIST_ITEM_REFUSED)
		return give_up(asker, "%.160s: %s", item->text, item->why);
	if (item->sort != BATV_LIST_ITEM_LOOKUP ||
	    batv_list_file(item->path, item->content, asker->group, &trouble))
		return true;
	batv_list_file_why(item->path, &trouble, why, sizeof why);
	return give_up(asker, "%.160s: %s", item->text, why);
}

bool batv_ask_exim_allowed(struct batv_asker *asker, enum batv_list_kind kind, const char *list)
{
	struct batv_list_items items;
	struct batv_list_item item;

	asker->wrong = asker->ended = false;
	batv_exim_list_start(&items, kind, list);
	while (batv_exim_list_next(&items, &item))
		if (!allowed_item(asker, &item)) {
			asker->wrong = true;
			return false;
		}
	return true;
}

/* ---- the question ---- */

static bool harmless(enum batv_list_kind kind, const char *value)
{
	const char *marks = kind == BATV_LIST_HOSTS ? ".:" : "._=+@-";

	for (const char *p = value; *p; p++) {
		char c = *p;

		if (!batv_is_alnum(c) && !strchr(marks, c) && (unsigned char)c <= 0x7f)
			return false;
	}
	return *value != '\0';
}

/*
 * A "}" would end the list early.  A backslash before it prevents that, but only if the list has
 * no backslash of its own.
 */
static bool put_list(FILE *f, const char *list)
{
	if (strpbrk(list, "$\n\r") || (strchr(list, '}') && strchr(list, '\\')))
		return false;
	for (const char *p = list; *p; p++) {
		if (*p == '}')
			fputc('\\', f);
		fputc(*p, f);
	}
	return true;
}

bool batv_ask_exim_line(enum batv_list_kind kind, const char *value, const char *list, char *out,
			size_t size)
{
	static const char *const conditions[] = {"match_domain", "match_address", "match_ip"};
	bool ok;
	FILE *f;

	if (!harmless(kind, value))
		return false;
	f = fmemopen(out, size, "w");
	if (!f)
		return false;
	fprintf(f, "${if %s{%s}{", conditions[kind], value);
	ok = put_list(f, list);
	fputs("}{yes}{no}}", f);
	if (ferror(f) || fflush(f) != 0 || ftell(f) >= (long)size - 1)
		ok = false;
	fclose(f);
	return ok;
}

/* Where a line may be cut.  Exim strips white space at a cut, and a backslash there joins lines. */
static size_t piece_len(const char *line, size_t len)
{
	size_t n = PIECE;

	if (len <= PIECE)
		return len;
	while (n > 1 && (strchr(" \t\\", line[n]) || strchr(" \t\\", line[n - 1])))
		n--;
	return n;
}

/* The line in pieces that Exim reads as one.  The caller frees it; NULL: it cannot be cut. */
static char *make_question(const char *line)
{
	size_t len = strlen(line), size = 2 * len + 4, at = 0;
	char *text = malloc(size);

	while (text && len) {
		size_t n = piece_len(line, len);

		if (n <= 1 && n < len) {
			free(text);
			return NULL;
		}
		memcpy(text + at, line, n);
		at += n;
		line += n, len -= n;
		if (len)
			text[at++] = '\\';
		text[at++] = '\n';
		text[at] = '\0';
	}
	return text;
}

/* ---- the process ---- */

/* Splits "/usr/sbin/exim4 -C /etc/x" into arguments, in place, and appends the words of `asked`. */
static bool split_command(char *command, char *asked, char **args)
{
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(command, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == ARGS_MAX - 4)
			return false;
		args[n++] = word;
	}
	if (n == 0)
		return false;
	for (char *word = strtok_r(asked, " ", &save); word; word = strtok_r(NULL, " ", &save))
		args[n++] = word;
	args[n] = NULL;
	return true;
}

/* Runs Exim with the words of `what`.  The caller frees the text of *ran. */
static bool run_exim(struct batv_asker *asker, const char *what, const struct batv_run_job *job,
		     struct batv_ran *ran)
{
	char command[4096], asked[100], *args[ARGS_MAX];
	struct batv_run_job whole = *job;

	*ran = (struct batv_ran){.status = -1};
	if (geteuid() == 0 && asker->config_path &&
	    !batv_root_path_may_run(asker->config_path, asker->command, asker->why,
				    sizeof asker->why))
		return false;
	snprintf(command, sizeof command, "%s", asker->command);
	snprintf(asked, sizeof asked, "%s", what);
	if (!split_command(command, asked, args))
		return give_up(asker, "exim: has too many words");
	whole.args = (const char *const *)args;
	whole.seconds = BATV_ASK_SECONDS;
	whole.as = asker->user_known && geteuid() == 0 ? &asker->user : NULL;
	if (!batv_run_job(&whole, ran) && ran->status < 0 && !ran->late)
		return give_up(asker, "%s", ran->why);
	return true;
}

static bool converse(struct batv_asker *asker, const char *what, const char *question, char *out,
		     size_t size)
{
	const struct batv_run_job job = {.input = question, .max = size - 1};
	struct batv_ran ran;
	bool ok = run_exim(asker, what, &job, &ran);

	if (ok && ran.cut)
		ok = give_up(asker, "Exim printed too much for an answer");
	else if (ok && ran.late)
		ok = give_up(asker, "Exim did not answer within %d seconds", BATV_ASK_SECONDS);
	if (ok) {
		memcpy(out, ran.text, ran.len + 1);
		/* A prompt came, so the question ended Exim, and not its configuration. */
		asker->ended = ran.status != 0 && strchr(out, '>');
	}
	batv_run_free(&ran);
	return ok;
}

/* Asks Exim to print options of its configuration. */
static bool ask_options(struct batv_asker *asker, const char *names, char *answer, size_t size)
{
	char mode[100];

	snprintf(mode, sizeof mode, "-bP %s", names);
	return converse(asker, mode, NULL, answer, size);
}

bool batv_ask_exim_option(struct batv_asker *asker, const char *name, char *out, size_t size)
{
	char answer[ANSWER_MAX], *value;

	if (!*asker->command)
		return give_up(asker, "no Exim was found, or exim = none");
	if (!ask_options(asker, name, answer, sizeof answer))
		return false;
	answer[strcspn(answer, "\n")] = '\0';
	value = strstr(answer, " =");
	if (!value || (size_t)(value - answer) != strlen(name) ||
	    strncmp(answer, name, strlen(name)) != 0 || strlen(value + 2) >= size)
		return give_up(asker, "Exim did not print the value of its option %s", name);
	snprintf(out, size, "%s", value + 2 + strspn(value + 2, " "));
	return true;
}

bool batv_ask_exim_supports(struct batv_asker *asker, const char *what, bool *supported)
{
	char answer[4 * ANSWER_MAX];

	if (!*asker->command)
		return give_up(asker, "no Exim was found, or exim = none");
	if (!converse(asker, "-bV", NULL, answer, sizeof answer))
		return false;
	if (!strstr(answer, "Support for:"))
		return give_up(asker, "Exim did not print what it supports");
	*supported = batv_exim_text_supports(answer, what);
	return true;
}

bool batv_ask_exim_spool(struct batv_asker *asker, const char *what, const char *id, size_t max,
			 struct batv_ran *ran)
{
	const struct batv_run_job job = {.max = max, .apart = true};
	char words[64];
	bool ok;

	*ran = (struct batv_ran){.status = -1};
	if (!*asker->command)
		return give_up(asker, "no Exim was found, or exim = none");
	if (snprintf(words, sizeof words, "%s %s", what, id) >= (int)sizeof words)
		return give_up(asker, "this is no id of a message");
	ok = run_exim(asker, words, &job, ran);
	/* Of a long message Exim is stopped when there is enough of it. */
	if (ok && ran->status != 0 && !ran->cut)
		ok = give_up(asker, "%s", ran->why);
	if (!ok)
		batv_run_free(ran);
	return ok;
}

/* Root needs to know which user Exim runs as. */
static bool know_user(struct batv_asker *asker)
{
	static const char names[] = "exim_user exim_group";
	char answer[ANSWER_MAX], why[sizeof asker->why];

	if (geteuid() != 0 || asker->user_known)
		return true;
	if (!ask_options(asker, names, answer, sizeof answer)) {
		snprintf(why, sizeof why, "%.400s", asker->why);
		return give_up(asker, "cannot learn Exim's user: %s", why);
	}
	if (!batv_exim_user_parse(answer, &asker->user))
		return give_up(asker, "cannot learn Exim's user: %s -bP %s does not print it",
			       asker->command, names);
	if (asker->user.uid == 0)
		return give_up(asker, "Exim's user is root, so it is not asked");
	asker->user_known = true;
	return true;
}

/* ---- the answer ---- */

/* The first line with content is the answer.  The prompt is not part of it. */
static enum batv_match understand(struct batv_asker *asker, char *answer)
{
	char *save = NULL;
	char clean[240];

	for (char *line = strtok_r(answer, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, "> ");
		if (strcmp(line, "yes") == 0)
			return BATV_YES;
		if (strcmp(line, "no") == 0)
			return BATV_NO;
		/* Exim prints this whenever its own user gives -C. */
		if (!*line || strstr(line, "exim user lost privilege"))
			continue;
		for (size_t i = 0; line[i]; i++)
			if (line[i] < 0x20 || line[i] > 0x7e)
				line[i] = '?';
		/* Exim's log lines begin with a date, "2026-11-22 19:44:18 ". */
		if (strlen(line) > 20 && strspn(line, "0123456789-: ") >= 20)
			line += 20;
		snprintf(clean, sizeof clean, "%s", line);
		give_up(asker, "Exim says: %s", clean);
		return BATV_MAYBE;
	}
	give_up(asker, "Exim printed nothing");
	return BATV_MAYBE;
}

/* Exim prints these errors and continues.  Such a list is in doubt for every message. */
static bool is_error(const char *why)
{
	return strstr(why, "unknown named") || strstr(why, "failed to open") ||
	       strstr(why, "No such file");
}

static enum batv_match ask_list(struct batv_asker *asker, enum batv_list_kind kind,
				const char *value, const char *list)
{
	size_t size = 2 * strlen(list) + strlen(value) + 100;
	char *line, *question = NULL, answer[ANSWER_MAX];
	enum batv_match match = BATV_MAYBE;

	if (!batv_ask_exim_allowed(asker, kind, list))
		return BATV_MAYBE;
	if (!*asker->command) {
		give_up(asker, "no Exim was found, or exim = none");
		return BATV_MAYBE;
	}
	if (!know_user(asker))
		return BATV_MAYBE;
	line = malloc(size);
	if (!line)
		give_up(asker, "out of memory: Exim was not asked");
	else if (!batv_ask_exim_line(kind, value, list, line, size))
		give_up(asker, "not asked: Exim might expand part of it");
	else if (!(question = make_question(line)))
		give_up(asker, "not asked: an item of the list is too long");
	else if (converse(asker, "-be", question, answer, sizeof answer))
		match = understand(asker, answer);
	asker->wrong = match == BATV_MAYBE && (asker->ended || is_error(asker->why));
	free(question);
	free(line);
	return match;
}

/*
 * Has Exim's configuration the named list that may be missing?  A match against an unknown list
 * would write to Exim's panic log, and this does not.
 */
static bool lacks_optional(struct batv_asker *asker)
{
	char answer[ANSWER_MAX];

	if (!asker->optional_known && know_user(asker)) {
		asker->optional_known =
			converse(asker, "-be", "${listnamed_h:" BATV_LIST_OPTIONAL "}\n", answer,
				 sizeof answer);
		asker->optional_missing =
			asker->optional_known && strstr(answer, "Failed:") != NULL;
	}
	return asker->optional_missing;
}

enum batv_match batv_ask_exim(struct batv_asker *asker, enum batv_list_kind kind, const char *value,
			      const char *list)
{
	char *copy;
	enum batv_match match;

	if (!*asker->command || !batv_exim_list_has_optional(kind, list) || !lacks_optional(asker))
		return ask_list(asker, kind, value, list);
	copy = strdup(list);
	if (!copy)
		return BATV_MAYBE;
	batv_exim_list_drop_optional(copy);
	match = ask_list(asker, kind, value, copy);
	free(copy);
	return match;
}

typedef enum batv_match (*plain_look)(const char *value, const char *list);

/* As in Exim's process, the whole list must be allowed.  Exim is asked unless the list is plain. */
static enum batv_match ask_or_decide(struct batv_asker *asker, enum batv_list_kind kind,
				     plain_look plain, const char *value, const char *list)
{
	enum batv_match match = BATV_MAYBE;

	if (batv_ask_exim_allowed(asker, kind, list)) {
		match = plain(value, list);
		if (match == BATV_MAYBE)
			match = batv_ask_exim(asker, kind, value, list);
	}
	if (match == BATV_MAYBE)
		snprintf(asker->list, sizeof asker->list, "%.100s%s", list,
			 strlen(list) > 100 ? "..." : "");
	return match;
}

static enum batv_match ask_domain(void *ctx, const char *domain, const char *list)
{
	return ask_or_decide(ctx, BATV_LIST_DOMAINS, batv_plain_list_domain, domain, list);
}

static enum batv_match ask_address(void *ctx, const char *address, const char *list)
{
	return ask_or_decide(ctx, BATV_LIST_ADDRESSES, batv_plain_list_address, address, list);
}

static enum batv_match ask_host(void *ctx, const char *name, const char *address, const char *list)
{
	(void)name; /* Exim looks it up itself when its list has names */
	return ask_or_decide(ctx, BATV_LIST_HOSTS, batv_plain_list_host, address, list);
}

void batv_ask_exim_init(struct batv_asker *asker, const char *exim, const char *config_path,
			struct batv_matcher *matcher)
{
	const char *found = batv_find_exim(exim);

	/* The usual paths belong to root, so the configuration need not. */
	if (found != exim)
		config_path = NULL;
	*asker = (struct batv_asker){
		.command = found, .config_path = config_path, .group = (gid_t)-1};
	*matcher = (struct batv_matcher){
		.ctx = asker, .domain = ask_domain, .address = ask_address, .host = ask_host};
}
