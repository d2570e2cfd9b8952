/* links: batvctl/ctl_remember log/exim_log log/log_line core/base/hmac core/base/network core/base/safefile core/base/span core/tag/addr core/tag/tag core/memory/access core/memory/counters core/memory/domains core/memory/header core/memory/names core/memory/sending core/memory/sent core/memory/journal core/memory/slots core/memory/tallies core/evidence/citation core/evidence/clues core/evidence/decode core/evidence/recorded core/evidence/search core/decide/exim_list core/decide/lists core/decide/policy core/decide/servers core/decide/state */
/*
 * fuzz_remember.c - any bytes as a list, and as a log of Exim's, for batvctl remember: only mail of
 * ours is remembered, and each line is counted once.
 *
 * Input: "L" and a log, or anything else and a list.  In the log a host 192.0.2.25 is trusted.
 */
#include <stdarg.h>
#include <sys/mman.h>

#include "../../src/batvctl/ctl_ask.h"
#include "../../src/batvctl/ctl_cache.h"
#include "exim_world.h"

enum {
	LIST,
	LIST_REFUSED,
	LOG,
	REMEMBERED,
	NOT_OURS,
	OLD,
	DOUBT,
	BOUNCES,
	ODD,
	NO_ID,
	NO_ROOM,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"list",  "list_refused", "log", "remembered", "not_ours", "old",
	"doubt", "bounces",      "odd", "no_id",      "no_room",
};

static int file = -1;
static char path[40];
static struct batv_state state;
static char state_text[BATV_STATE_MAX + 1];
static json_t *printed;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	ssize_t len;
	int fd;

	(void)argc, (void)argv;
	setenv("TZ", "UTC", 1);
	reach_start(outcomes, OUTCOMES);
	world_make();
	world_set_state(2);
	fd = openat(world_dir, BATV_STATE_NAME, O_RDONLY | O_CLOEXEC);
	len = read(fd, state_text, BATV_STATE_MAX);
	must(len > 0 && close(fd) == 0);
	must(batv_state_parse(state_text, (size_t)len, &state, NULL, NULL) == BATV_OK);
	file = memfd_create("input", MFD_CLOEXEC);
	must(file >= 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	return 0;
}

/* ---- instead of Exim ---- */

static enum batv_match is_in(const char *value, const char *list)
{
	if (strstr(list, "+defer"))
		return BATV_MAYBE;
	return *value && strstr(list, value) ? BATV_YES : BATV_NO;
}

static enum batv_match is_domain(void *ctx, const char *domain, const char *list)
{
	(void)ctx;
	return is_in(domain, list);
}

static enum batv_match is_host(void *ctx, const char *name, const char *address, const char *list)
{
	(void)ctx, (void)name;
	for (const char *p = address; *p; p++)
		must(batv_hex_value(*p) >= 0 || *p == ':' || *p == '.');
	return is_in(address, list);
}

static const struct batv_matcher matcher = {NULL, is_domain, is_domain, is_host};

struct batv_cache *batv_ctl_cache_new(const struct batv_matcher *inner, struct batv_matcher *out)
{
	*out = *inner;
	return (void *)out;
}

void batv_ctl_cache_free(struct batv_cache *cache)
{
	must(cache);
}

void batv_ask_exim_init(struct batv_asker *asker, const char *exim, const char *config_path,
			struct batv_matcher *out)
{
	(void)exim, (void)config_path, (void)asker, (void)out;
}

bool batv_ask_exim_option(struct batv_asker *asker, const char *name, char *out, size_t size)
{
	(void)asker;
	snprintf(out, size, "%s", strcmp(name, "primary_hostname") == 0 ? "mx.ours.test" : "");
	return true;
}

/* ---- instead of the rest of batvctl ---- */

int batv_ctl_ask(struct batv_ctl *ctl, struct batv_asking *a)
{
	(void)ctl;
	a->matcher = matcher;
	a->context.state = &state;
	must(batv_memory_open(&a->memory, world_dir, "memory.2") == BATV_OK);
	return BATV_CTL_YES;
}

void batv_ctl_ask_end(struct batv_asking *a)
{
	batv_memory_close(&a->memory);
}

int batv_ctl_fail(int code, const char *format, ...)
{
	(void)format;
	return code;
}

void batv_ctl_put(json_t *o, const char *key, json_t *value)
{
	must(json_object_set_new(o, key, value) == 0);
}

void batv_ctl_put_number(json_t *o, const char *key, uint64_t number)
{
	batv_ctl_put(o, key, json_integer((json_int_t)number));
}

bool batv_ctl_print_json(json_t *object)
{
	json_decref(printed);
	printed = object;
	return true;
}

/* ---- what must hold ---- */

static uint64_t counted(const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(printed, key));
}

static void note(size_t outcome, const char *key)
{
	if (counted(key) > 0)
		reached(outcome);
}

static uint64_t remembered(void)
{
	const json_t *o = json_object_get(printed, "remembered");

	return (uint64_t)(json_integer_value(json_object_get(o, "ids")) +
			  json_integer_value(json_object_get(o, "pairs")));
}

static size_t lines_in(const uint8_t *data, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += data[i] == '\n';
	return n + (size > 0 && data[size - 1] != '\n');
}

static void check_log(const uint8_t *data, size_t size)
{
	const uint64_t left_out = counted("not_ours") + counted("too_old") +
				  counted("not_evaluated") + counted("bounces") +
				  counted("not_understood");

	reached(LOG);
	must(left_out <= lines_in(data, size));
	note(NOT_OURS, "not_ours");
	note(OLD, "too_old");
	note(DOUBT, "not_evaluated");
	note(BOUNCES, "bounces");
	note(ODD, "not_understood");
	note(NO_ID, "without_id");
	/* whatever it is, it has a sender */
	must(remembered() == 0 || memchr(data, '@', size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool log = size > 0 && data[0] == 'L';
	struct batv_ctl ctl = {.json = true, .now = WORLD_NOW, .clock = WORLD_NOW};
	char *args[] = {path};
	size_t skip = size > 0;
	int code;

	world_restore_memory();
	must(ftruncate(file, 0) == 0);
	must(pwrite(file, data + skip, size - skip, 0) == (ssize_t)(size - skip));
	if (log)
		ctl.exim_log = path;
	json_decref(printed);
	printed = NULL;
	code = batv_ctl_remember(&ctl, args, log ? 0 : 1);
	if (code == BATV_CTL_USAGE) {
		must(!log && !printed);
		reached(LIST_REFUSED);
		return 0;
	}
	must(printed && (code == BATV_CTL_YES || code == BATV_CTL_NO));
	must(world_is_unchanged() || remembered() > 0 ||
	     counted("no_room") + counted("later_days") > 0);
	if (remembered() > 0)
		reached(REMEMBERED);
	note(NO_ROOM, "no_room");
	if (log) {
		check_log(data + skip, size - skip);
	} else {
		must(remembered() <= lines_in(data + skip, size - skip));
		reached(LIST);
	}
	return 0;
}
