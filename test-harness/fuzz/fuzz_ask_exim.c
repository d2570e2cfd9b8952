/* links: admin/ask_exim admin/plain_list admin/exim_text core/decide/list_file core/decide/exim_list core/base/span */
/*
 * fuzz_ask_exim.c - any value and any list in a question to `exim -be`, and any bytes as what Exim
 * prints: nothing of the value can be run, and only "yes" is yes.
 *
 * Input: lines: a value, a list; the rest is what Exim prints.
 */
#include "ask_exim.h"
#include "decide/exim_list.h"
#include "find_exim.h"
#include "list_file_stand_in.h"
#include "reach.h"
#include "root_path.h"
#include "run.h"

enum {
	YES,
	NO,
	MAYBE,
	ASKED,
	SPLIT,
	NOT_ASKED,
	ENDED,
	WRONG,
	OPTION,
	SUPPORTS,
	TOO_MUCH,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"yes",   "no",    "maybe",  "asked",    "split",    "not_asked",
	"ended", "wrong", "option", "supports", "too_much",
};

static const char *answer, *value, *list;
static size_t answer_len;
static bool was_asked;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* ---- instead of a process ---- */

const char *batv_find_exim(const char *option)
{
	return option;
}

bool batv_root_path_may_run(const char *config_path, const char *command, char *why, size_t size)
{
	must(config_path && command && why && size > 0);
	return true;
}

bool batv_exim_user_parse(const char *text, struct batv_exim_user *out)
{
	must(text);
	*out = (struct batv_exim_user){100, 100};
	return true;
}

/* Exim joins lines that end in a backslash, and strips white space at the joint. */
static void check_question(const char *input)
{
	char text[20000];
	size_t n = strlen(input), len = 0;

	must(n > 0 && n < sizeof text);
	memcpy(text, input, n + 1);
	for (char *line = text, *end; line < text + n; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + n - line));
		must(end && end - line <= 1000);
		memmove(text + len, line, (size_t)(end - line));
		len += (size_t)(end - line);
		if (end + 1 < text + n) {
			must(text[len - 1] == '\\');
			len--;
			reached(SPLIT);
		}
	}
	text[len] = '\0';
	if (strcmp(text, "${listnamed_h:" BATV_LIST_OPTIONAL "}") == 0)
		return; /* no word of it is anybody else's */
	must(strncmp(text, "${if match_", 11) == 0);
	must(len > 12 && strcmp(text + len - 11, "}{yes}{no}}") == 0);
	must(!strchr(text + 2, '$')); /* so nothing but our own condition is expanded */
	must(strstr(text, value));
}

bool batv_run_job(const struct batv_run_job *job, struct batv_ran *ran)
{
	must(job->args[0] && strcmp(job->args[0], "exim") == 0 && job->seconds > 0 && job->max > 0);
	if (strcmp(job->args[1], "-be") == 0) {
		was_asked = true;
		check_question(job->input);
		reached(ASKED);
	}
	*ran = (struct batv_ran){.status = 1, .cut = answer_len >= job->max};
	ran->len = ran->cut ? job->max : answer_len;
	ran->text = malloc(ran->len + 1);
	must(ran->text);
	memcpy(ran->text, answer, ran->len);
	ran->text[ran->len] = '\0';
	return false;
}

void batv_run_free(struct batv_ran *ran)
{
	free(ran->text);
}

/* ---- questions ---- */

static void ask(struct batv_asker *asker, enum batv_list_kind kind)
{
	enum batv_match match;

	was_asked = false;
	match = batv_ask_exim(asker, kind, value, list);
	must(match == BATV_YES || match == BATV_NO || match == BATV_MAYBE);
	reached(match == BATV_YES ? YES : match == BATV_NO ? NO : MAYBE);
	if (match != BATV_MAYBE) {
		must(was_asked && memmem(answer, answer_len, match == BATV_YES ? "yes" : "no", 2));
		return;
	}
	must(*asker->why && strlen(asker->why) < sizeof asker->why);
	if (!was_asked)
		reached(NOT_ASKED);
	else
		for (const char *c = asker->why; *c; c++)
			must((unsigned char)*c >= ' ' && *c != 0x7f);
	if (asker->ended)
		reached(ENDED);
	if (asker->wrong)
		reached(WRONG);
}

static void ask_matcher(struct batv_asker *asker, const struct batv_matcher *m)
{
	(void)m->domain(asker, value, list);
	(void)m->address(asker, value, list);
	(void)m->host(asker, NULL, value, list);
	must(strlen(asker->list) < sizeof asker->list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size), *rest = text, option[60];
	struct batv_matcher matcher;
	struct batv_asker asker;
	bool supported = false;

	value = rest;
	rest += strcspn(rest, "\n");
	rest += *rest == '\n' ? (*rest = '\0', 1) : 0;
	list = rest;
	rest += strcspn(rest, "\n");
	rest += *rest == '\n' ? (*rest = '\0', 1) : 0;
	answer = rest;
	answer_len = (size_t)(text + size - rest);
	batv_ask_exim_init(&asker, "exim", NULL, &matcher);
	ask(&asker, BATV_LIST_DOMAINS);
	ask(&asker, BATV_LIST_ADDRESSES);
	ask(&asker, BATV_LIST_HOSTS);
	ask_matcher(&asker, &matcher);
	if (batv_ask_exim_option(&asker, "primary_hostname", option, sizeof option)) {
		must(strlen(option) < sizeof option);
		reached(OPTION);
	} else if (strstr(asker.why, "too much")) {
		reached(TOO_MUCH);
	}
	if (batv_ask_exim_supports(&asker, "I18N", &supported) && supported)
		reached(SUPPORTS);
	batv_ask_exim_init(&asker, "", NULL, &matcher);
	must(batv_ask_exim(&asker, BATV_LIST_DOMAINS, value, list) == BATV_MAYBE);
	free(text);
	return 0;
}
