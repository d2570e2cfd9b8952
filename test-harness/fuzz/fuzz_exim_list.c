/* links: core/decide/exim_list local_scan/list_probe core/base/span */
/*
 * fuzz_exim_list.c - any text as a list of each kind: what is allowed holds no other look-up than
 * those that were recognised, and is what Exim's expansion makes of it.
 *
 * Input: a list, up to its first NUL.
 */
#include <stdlib.h>

#include "reach.h"
#include "../../local_scan/list_probe.h"

enum { ALLOWED = BATV_LIST_ITEM_REFUSED + 1, ESCAPED, PATTERNS_IN_FILE, EXPANDED_FILE, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"plain",   "pattern",          "named",         "lookup", "refused", "allowed",
	"escaped", "patterns_in_file", "expanded_file",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static void check_lookup(const struct batv_list_item *item)
{
	struct batv_span type = item->type;

	must(*item->path == '/' && !strpbrk(item->path, ";@{}\\\"$"));
	must(!strstr(item->path, "//") && !strstr(item->path, "/../") &&
	     strncmp(item->path, "/proc/", 6) != 0);
	must(memmem(type.p, type.len, "lsearch", 7) || memmem(type.p, type.len, "cdb", 3));
	if (item->content == BATV_CONTENT_PATTERNS)
		reached(PATTERNS_IN_FILE);
	if (item->content == BATV_CONTENT_EXPANDED)
		reached(EXPANDED_FILE);
}

static void check_item(enum batv_list_kind kind, const struct batv_list_item *item)
{
	const char *at = strrchr(item->text, '@');
	char expansion[BATV_LIST_PROBE_SIZE];
	bool tried = batv_list_probe(item, expansion);

	reached(item->sort);
	must(tried ==
	     (item->sort == BATV_LIST_ITEM_PATTERN || item->sort == BATV_LIST_ITEM_LOOKUP));
	must(!tried || strlen(expansion) < sizeof expansion - 1);
	must((item->sort == BATV_LIST_ITEM_REFUSED) == (item->why != NULL));
	if (item->sort == BATV_LIST_ITEM_PLAIN || item->sort == BATV_LIST_ITEM_NAMED)
		must(!strchr(item->text, ';'));
	if (item->sort == BATV_LIST_ITEM_PLAIN || item->sort == BATV_LIST_ITEM_LOOKUP)
		must(*item->text != '/' && (kind != BATV_LIST_ADDRESSES || !at || at[1] != '/'));
	if (item->sort == BATV_LIST_ITEM_LOOKUP)
		check_lookup(item);
}

/* What Exim's expand_string() makes of a text without "$", and of the backslashes that are allowed.
 */
static void expand(const char *list, char *out)
{
	while (*list) {
		if (list[0] == '\\' && list[1] == 'N') {
			for (list += 2; *list && !(list[0] == '\\' && list[1] == 'N');)
				*out++ = *list++;
			list += *list ? 2 : 0;
			continue;
		}
		list += *list == '\\';
		*out++ = *list++;
	}
	*out = '\0';
}

static void check_list(enum batv_list_kind kind, const char *list, char *expanded)
{
	struct batv_list_items items;
	struct batv_list_item item;
	bool refused = false;
	size_t n = 0;

	batv_exim_list_start(&items, kind, list);
	while (batv_exim_list_next(&items, &item)) {
		must(!refused && n++ <= strlen(list));
		check_item(kind, &item);
		refused = item.sort == BATV_LIST_ITEM_REFUSED;
	}
	must(batv_exim_list_allowed(kind, list, &item) == !refused);
	if (refused)
		return;
	reached(ALLOWED);
	if (strchr(list, '\\'))
		reached(ESCAPED);
	expand(list, expanded);
	must(batv_exim_list_expands_to(list, expanded));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *list = malloc(size + 1), *expanded = malloc(size + 1);

	if (list && expanded) {
		if (size > 0)
			memcpy(list, data, size);
		list[size] = '\0';
		check_list(BATV_LIST_DOMAINS, list, expanded);
		check_list(BATV_LIST_ADDRESSES, list, expanded);
		check_list(BATV_LIST_HOSTS, list, expanded);
	}
	free(list);
	free(expanded);
	return 0;
}
