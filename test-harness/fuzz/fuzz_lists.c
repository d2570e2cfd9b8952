/* links: admin/plain_list core/decide/list_file core/decide/exim_list core/base/span */
/*
 * fuzz_lists.c - what a list names: any path and any content as the file of a look-up, and any
 * list of plain items, decided without an Exim.
 *
 * Input: three lines and the rest: a path, a subject, a list, and the content of the file.
 */
#include "decide/exim_list.h"
#include "decide/list_file.h"
#include "list_file_stand_in.h"
#include "plain_list.h"

#define GROUP 3

enum {
	PLAIN_YES,
	PLAIN_NO,
	PLAIN_MAYBE,
	CONTENT_TAKEN,
	ITEM_THAT_MATCHES,
	FAULTS,
	OUTCOMES = FAULTS + BATV_LIST_CONTENT + 1
};
static const char *const outcomes[OUTCOMES] = {
	"plain_yes", "plain_no", "plain_maybe", "content_taken", "item_that_matches",
	"good",      "errno",    "link",        "type",          "owner",
	"writable",  "size",     "unreadable",  "content",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static char *take_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

/* ---- files ---- */

/* No line of a file that was taken is what Exim would look up: a file, or a look-up by type. */
static void check_content(const char *text, size_t len)
{
	struct batv_span rest = {text, len}, line;

	must(len == 0 || !memchr(text, '\0', len));
	while (batv_span_next_line(&rest, &line)) {
		while (line.len > 0 && strchr(" \t!\"", line.p[0]))
			line = batv_span_after(line, 1);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		must(line.p[0] != '/' && !memchr(line.p, ';', line.len));
	}
	reached(CONTENT_TAKEN);
}

static void look_at_file(const char *path, enum batv_content content)
{
	struct batv_list_trouble t;
	char why[3000] = "";
	bool ok;

	stand_in_opened = 0;
	ok = batv_list_file(path, content, GROUP, &t);
	must(ok == (t.fault == BATV_LIST_GOOD) && t.fault <= BATV_LIST_CONTENT);
	must(t.len <= strlen(path) || t.len == 1);
	must(stand_in_opened <= (content != BATV_CONTENT_KEYS));
	reached((size_t)FAULTS + t.fault);
	batv_list_file_why(path, &t, why, sizeof why);
	must(strstr(why, ": "));
	if (ok && content != BATV_CONTENT_KEYS) {
		must(stand_in_opened == 1);
		check_content(stand_in_content, stand_in_len);
	}
}

/* ---- plain lists ---- */

typedef enum batv_match (*decider)(const char *value, const char *list);

/* One more item before those that were decided changes nothing but by what it is itself. */
static void decide(decider decide_it, enum batv_list_kind kind, const char *value, const char *list)
{
	enum batv_match match = decide_it(value, list);
	const char *rest = list;
	struct batv_span item;
	char *longer;

	reached(match == BATV_YES ? PLAIN_YES : match == BATV_NO ? PLAIN_NO : PLAIN_MAYBE);
	while (batv_plain_list_next(&rest, &item))
		must(item.len > 0 && !memchr(item.p, ':', item.len));
	must(asprintf(&longer, "nowhere.invalid : %s", list) >= 0);
	if (match != BATV_MAYBE && kind == BATV_LIST_DOMAINS &&
	    strcasecmp(value, "nowhere.invalid") != 0)
		must(decide_it(value, longer) == match);
	free(longer);
	if (match == BATV_YES)
		reached(ITEM_THAT_MATCHES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size), *rest = text;
	const char *path = take_line(&rest), *value = take_line(&rest), *list = take_line(&rest);

	stand_in_path = path;
	stand_in_content = rest;
	stand_in_len = (size_t)(text + size - rest);
	if (*path == '/' && !strstr(path, "//") && path[strlen(path) - 1] != '/') {
		look_at_file(path, BATV_CONTENT_KEYS);
		look_at_file(path, BATV_CONTENT_PATTERNS);
		look_at_file(path, BATV_CONTENT_EXPANDED);
	}
	decide(batv_plain_list_domain, BATV_LIST_DOMAINS, value, list);
	decide(batv_plain_list_address, BATV_LIST_ADDRESSES, value, list);
	decide(batv_plain_list_host, BATV_LIST_HOSTS, value, list);
	free(text);
	return 0;
}
