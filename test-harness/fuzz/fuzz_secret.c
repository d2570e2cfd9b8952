/* links: admin/secret admin/timeline admin/hkdf core/tag/key core/base/hmac core/base/span */
/*
 * fuzz_secret.c - any bytes as a secret file: what is believed is within its limits, is written
 * and read back to the same, and gives keys that keep the promises of the timeline.
 *
 * Input: a secret file.  Its last eight bytes are also the time that is asked about.  After a NUL
 * there may be a second file, which is imported into the first.
 */
#include "reach.h"
#include "timeline.h"

enum {
	SYNTAX,
	VERSION,
	CONFLICT,
	TAKEN,
	SEVERAL,
	MEMORY_KEY,
	FLAGGED,
	KEYS,
	CURRENT,
	NOBODY,
	TOO_MANY,
	CHANGES,
	ADDED,
	MERGED,
	IMPORTED,
	FORCED,
	REFUSED,
	CUT_OFF,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"syntax",  "version", "conflict", "taken",  "several",  "memory_key",
	"flagged", "keys",    "current",  "nobody", "too_many", "changes",
	"added",   "merged",  "imported", "forced", "refused",  "cut_off",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static bool same_secret(const struct batv_secret *a, const struct batv_secret *b)
{
	return a->number == b->number && a->start == b->start && a->rotation == b->rotation &&
	       a->retention == b->retention && a->retired == b->retired &&
	       a->revoked == b->revoked && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static void check_round_trip(const struct batv_secrets *set)
{
	static struct batv_secrets again;
	char one[BATV_FINGERPRINT_SIZE], two[BATV_FINGERPRINT_SIZE];
	char *text;
	size_t len;

	must(batv_secrets_format(set, &text, &len) == BATV_OK && len == strlen(text));
	must(batv_secrets_parse(text, len, &again, NULL, NULL) == BATV_OK);
	free(text);
	must(again.n == set->n && again.has_memory_key == set->has_memory_key);
	for (size_t i = 0; i < set->n; i++) {
		must(same_secret(&set->list[i], &again.list[i]));
		must(i == 0 || set->list[i - 1].number < set->list[i].number);
		if (set->list[i].revoked || set->list[i].retired)
			reached(FLAGGED);
	}
	batv_secrets_fingerprint(set, one);
	batv_secrets_fingerprint(&again, two);
	must(strcmp(one, two) == 0);
}

static void check_ring(const struct batv_secrets *set, const struct batv_keyring *ring, int64_t now)
{
	const struct batv_secret *s = batv_secret_signing(set, now);
	const struct batv_key *k = batv_key_current(ring, now);

	if (s) { /* the secret that signs now has a key now */
		must(k && k->secret == s->number);
		must(k->epoch == (uint64_t)(now / s->rotation));
		must(k->destroy - now >= s->retention + BATV_DAY);
		reached(CURRENT);
	} else {
		must(!k);
		reached(NOBODY);
	}
	for (size_t i = 0; i < ring->n_keys; i++) {
		must(ring->keys[i].destroy > now);
		must(ring->keys[i].day == ring->keys[i].destroy / BATV_DAY % 1000);
		must(i == 0 || ring->keys[i - 1].from <= ring->keys[i].from);
		reached(KEYS);
	}
}

static bool same_ring(const struct batv_keyring *a, const struct batv_keyring *b)
{
	if (a->n_keys != b->n_keys)
		return false;
	for (size_t i = 0; i < a->n_keys; i++)
		if (a->keys[i].secret != b->keys[i].secret ||
		    a->keys[i].epoch != b->keys[i].epoch || a->keys[i].from != b->keys[i].from)
			return false;
	return true;
}

static void check_timeline(const struct batv_secrets *set, int64_t now)
{
	static struct batv_keyring ring, later;
	int64_t next = batv_timeline_next(set, now);

	must(next > now);
	if (batv_timeline_at(set, now, &ring) != BATV_OK) {
		must(!batv_timeline_fits(set, now));
		reached(TOO_MANY);
		return;
	}
	check_ring(set, &ring, now);
	if (next == INT64_MAX)
		return;
	must(batv_timeline_at(set, next - 1, &later) == BATV_OK && same_ring(&ring, &later));
	if (batv_timeline_at(set, next, &later) == BATV_OK)
		must(!same_ring(&ring, &later));
	reached(CHANGES);
}

static void check_changes(const struct batv_secrets *set, int64_t now)
{
	static struct batv_secrets more, merged;
	bool broken = true;

	more = *set;
	if (batv_secrets_add(&more, BATV_DAY, BATV_DAY, now) != BATV_OK)
		return;
	must(more.n == set->n + 1);
	must(batv_secret_signing(&more, now)->number == more.list[set->n].number ||
	     batv_secret_signing(&more, now)->start == now);
	reached(ADDED);
	must(batv_secrets_merge(set, &more, false, now, &merged, NULL, &broken) == BATV_OK);
	must(!broken && merged.n == more.n);
	reached(MERGED);
}

static int64_t time_of(const uint8_t *data, size_t size)
{
	uint64_t t = 0;

	for (size_t i = size < 8 ? 0 : size - 8; i < size; i++)
		t = t << 8 | data[i];
	return (int64_t)(t % (uint64_t)BATV_TIME_MAX);
}

static void check_set(const struct batv_secrets *set, int64_t now)
{
	const int64_t times[] = {now, set->list[0].start, set->list[set->n - 1].start + BATV_DAY,
				 set->list[0].revoked, set->list[0].retired};

	reached(TAKEN);
	if (set->n > 1)
		reached(SEVERAL);
	if (set->has_memory_key)
		reached(MEMORY_KEY);
	check_round_trip(set);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		if (times[i] < BATV_TIME_MAX)
			check_timeline(set, times[i]);
	check_changes(set, now);
	must(batv_secret_last_tag(set, &set->list[0]) >= 0);
}

/* ---- import ---- */

static const struct batv_secret *find(const struct batv_secrets *set, uint32_t number)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->list[i].number == number)
			return &set->list[i];
	return NULL;
}

/* No secret is lost, none is there twice, and what makes a tag stays as it was on one side. */
static void check_import(const struct batv_secrets *ours, const struct batv_secrets *theirs,
			 const struct batv_secrets *all, bool force)
{
	for (size_t i = 0; i < ours->n; i++) {
		const struct batv_secret *s = find(all, ours->list[i].number);

		must(s && (force || memcmp(s->bytes, ours->list[i].bytes, sizeof s->bytes) == 0));
	}
	for (size_t i = 0; i < theirs->n; i++) {
		const struct batv_secret *s = find(all, theirs->list[i].number);

		must(s && memcmp(s->bytes, theirs->list[i].bytes, sizeof s->bytes) == 0);
		must(s->start == theirs->list[i].start && s->rotation == theirs->list[i].rotation);
	}
	for (size_t i = 1; i < all->n; i++)
		must(all->list[i - 1].number < all->list[i].number);
	must(all->n <= ours->n + theirs->n);
	check_round_trip(all);
}

static void import(const struct batv_secrets *ours, const struct batv_secrets *theirs, int64_t now)
{
	static struct batv_secrets all, shared;
	uint32_t number = 0;
	bool broken = false;
	enum batv_err err = batv_secrets_merge(ours, theirs, false, now, &all, &number, &broken);

	must(err == BATV_OK || err == BATV_E_CONFLICT || err == BATV_E_FULL);
	if (err == BATV_OK) {
		must(!broken);
		check_import(ours, theirs, &all, false);
		reached(IMPORTED);
	} else if (err == BATV_E_CONFLICT) {
		must(find(ours, number) && find(theirs, number));
		must(batv_secrets_merge(ours, theirs, true, now, &all, NULL, &broken) == BATV_OK);
		must(broken);
		check_import(ours, theirs, &all, true);
		reached(FORCED);
	} else {
		return;
	}
	shared = all;
	must(batv_secrets_share(&shared, true) == !batv_secrets_shared(&all) ||
	     batv_secrets_shared(&all));
	must(batv_secrets_shared(&shared));
	(void)batv_secrets_share(&shared, false);
	must(!batv_secrets_shared(&shared));
}

static enum batv_err parse(const uint8_t *data, size_t size, struct batv_secrets *set)
{
	char *copy = malloc(size + 1);
	const char *why = NULL;
	unsigned line = 0;
	enum batv_err err;

	must(copy);
	if (size > 0)
		memcpy(copy, data, size);
	err = batv_secrets_parse(copy, size, set, &line, &why);
	free(copy);
	must(err == BATV_OK || (why && *why));
	return err;
}

static void note_error(enum batv_err err)
{
	must(err == BATV_E_SYNTAX || err == BATV_E_VERSION || err == BATV_E_CONFLICT ||
	     err == BATV_E_FULL || err == BATV_E_TOO_LONG);
	if (err == BATV_E_SYNTAX)
		reached(SYNTAX);
	else if (err == BATV_E_VERSION)
		reached(VERSION);
	else if (err == BATV_E_CONFLICT)
		reached(CONFLICT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct batv_secrets set, incoming;
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size;
	enum batv_err err = parse(data, len, &set);

	if (err != BATV_OK) {
		note_error(err);
		if (nul && parse(data, size, &incoming) == BATV_OK) /* it was in a comment */
			check_set(&incoming, time_of(data, size));
		return 0;
	}
	check_set(&set, time_of(data, len));
	if (!nul)
		return 0;
	if (parse(nul + 1, size - len - 1, &incoming) != BATV_OK) {
		reached(REFUSED);
		return 0;
	}
	if (!incoming.ended)
		reached(CUT_OFF); /* batvctl does not take it */
	import(&set, &incoming, time_of(data, len));
	return 0;
}
