/* links: admin/overrides admin/manifest admin/pieces admin/standby admin/replace core/base/fault core/base/err core/base/safefile core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/span core/base/hmac */
/*
 * fuzz_files.c - any bytes as one of the small files: overrides, manifest, a file of Exim's
 * configuration with our line in it, and exim-batv.conf while only its directory is looked for.
 * A text that is taken is written, and read back to the same.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "manifest.h"
#include "overrides.h"
#include "pieces.h"
#include "reach.h"
#include "standby.h"

#define NOW INT64_C(1795348800)

enum {
	OVERRIDES,
	OVERRIDES_REFUSED,
	NO_OVERRIDES,
	ENDED,
	MANIFEST,
	MANIFEST_FULL,
	MARKED,
	UNMARKED,
	DIRECTORY,
	FALLBACK,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"overrides", "overrides_refused", "no_overrides", "ended",    "manifest", "manifest_full",
	"marked",    "unmarked",          "directory",    "fallback",
};

static char path[64];
static struct batv_store store;

static void leave(void)
{
	(void)unlinkat(store.dirfd, BATV_OVERRIDES_NAME, 0);
	(void)unlinkat(store.dirfd, "f.conf", 0);
	(void)rmdir(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* batvctl writes a file and waits until it is on the disk: /dev/shm is memory */
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	(void)snprintf(path, sizeof path, "%s/batv-fuzz.XXXXXX", tmp);
	must(mkdtemp(path));
	strcpy(store.path, path);
	store.dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(store.dirfd >= 0);
	atexit(leave);
	return 0;
}

/* ---- overrides ---- */

static bool same_overrides(const struct batv_overrides *a, const struct batv_overrides *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct batv_overrides_line *x = &a->line[i], *y = &b->line[i];

		if (strcmp(x->domain, y->domain) != 0 || strcmp(x->who, y->who) != 0 ||
		    strcmp(x->note, y->note) != 0 || x->override.key != y->override.key ||
		    x->override.mode != y->override.mode ||
		    x->override.until != y->override.until || y->override.domain != y->domain)
			return false;
	}
	return true;
}

/* Each line set again is the same line; taken away, it is gone. */
static void change_overrides(struct batv_overrides *set)
{
	static struct batv_overrides again;
	const size_t n = set->n;

	again.n = 0;
	for (size_t i = 0; i < n; i++)
		must(batv_overrides_set(&again, &set->line[i].override, set->line[i].who,
					set->line[i].note) == BATV_OK);
	must(same_overrides(set, &again));
	batv_overrides_drop_ended(&again, NOW);
	must(batv_overrides_next(&again, INT64_MAX) > NOW);
	if (again.n < n)
		reached(ENDED);
	for (size_t i = n; i-- > 0;) {
		const struct batv_overrides_line *l = &set->line[i];
		char domain[sizeof l->domain];
		enum batv_override_key key = (enum batv_override_key)l->override.key;

		strcpy(domain, l->domain);
		must(batv_overrides_find(set, key, domain) == l);
		must(batv_overrides_remove(set, key, domain));
		must(!batv_overrides_find(set, key, domain));
		must(!batv_overrides_remove(set, key, domain));
	}
	must(set->n == 0);
}

static void read_overrides(const char *text, size_t size)
{
	static struct batv_overrides set, again;
	char message[1000] = "";
	const char *why = NULL;
	unsigned line = 0;
	enum batv_err err = batv_overrides_parse(text, size, &set, &line, &why);

	if (err != BATV_OK) {
		must(why && *why);
		must(err == BATV_E_SYNTAX || err == BATV_E_FULL || err == BATV_E_TOO_LONG);
		reached(OVERRIDES_REFUSED);
		return;
	}
	must(set.n <= BATV_OVERRIDES_MAX);
	reached(set.n > 0 ? OVERRIDES : NO_OVERRIDES);
	must(batv_overrides_write(&store, &set, message, sizeof message) == BATV_OK);
	must(batv_overrides_read(&store, &again, message, sizeof message) == BATV_OK);
	must(same_overrides(&set, &again) && !*message);
	change_overrides(&set);
}

/* ---- the manifest ---- */

static void read_manifest(const char *text, size_t size)
{
	struct batv_manifest m, again;
	char out[4096];
	size_t len;

	batv_manifest_parse(text, size, &m);
	must(m.n <= BATV_MANIFEST_MAX);
	if (m.n == 0)
		return;
	reached(m.n == BATV_MANIFEST_MAX ? MANIFEST_FULL : MANIFEST);
	len = batv_manifest_format(&m, out, sizeof out);
	must(len > 0 && len == strlen(out));
	batv_manifest_parse(out, len, &again);
	must(again.n == m.n && memcmp(again.item, m.item, m.n * sizeof m.item[0]) == 0);
	must(batv_manifest_format(&m, out, len) == 0);
	for (size_t i = 0; i < m.n; i++)
		must(m.item[i].path[0] == '/' && strlen(m.item[i].sum) == 64);
	batv_manifest_set(&m, "/x", text, size);
	if (again.n < BATV_MANIFEST_MAX)
		must(batv_manifest_has(&m, "/x", text, size));
	batv_manifest_set(&m, "/x", NULL, 0);
	must(!batv_manifest_has(&m, "/x", text, size));
}

/* ---- our line in a file of others ---- */

static void mark(const char *text)
{
	char *with = batv_pieces_add_line(text, BATV_MARKED_LINE), *without;

	must(with && batv_pieces_has_line(with));
	without = batv_pieces_remove_line(with);
	must(without);
	if (batv_pieces_has_line(text)) {
		reached(MARKED);
		must(strlen(without) < strlen(with));
	} else {
		const size_t len = strlen(text);

		reached(UNMARKED);
		must(!batv_pieces_has_line(without) && strncmp(without, text, len) == 0);
		must(strlen(without) - len <= 1);
	}
	free(with);
	free(without);
}

/* ---- the directory ---- */

static void find_directory(const char *text, size_t size)
{
	char conf[100], out[4096];
	int fd = openat(store.dirfd, "f.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd >= 0 && write(fd, text, size) == (ssize_t)size && close(fd) == 0);
	(void)snprintf(conf, sizeof conf, "%s/f.conf", path);
	batv_standby_directory(conf, "/fallback", out, sizeof out);
	must(*out == '/' && strlen(out) < sizeof out);
	if (strcmp(out, "/fallback") == 0) {
		reached(FALLBACK);
		return;
	}
	must(memmem(text, size, "directory", 9) && memmem(text, size, out, strlen(out)));
	must(batv_standby_since(conf) > 0);
	reached(DIRECTORY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size);

	read_overrides(text, size);
	read_manifest(text, size);
	mark(text);
	find_directory(text, size);
	free(text);
	return 0;
}
