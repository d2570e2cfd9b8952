/*
 * timeline.c - computes which keys exist at a time, and which of them signs, from the secrets and
 * the time alone.  It uses no clock and no files, and remembers nothing.
 *
 * The times in the file cut the time line into stretches.  In each stretch one secret signs, or
 * none.  The stretches of a secret give its windows: the ranges of epochs whose keys are ever
 * created.  A key lives from its birth to its end.  An entry of the ring is one stretch of a living
 * key.
 *
 * Invariant: birth and end of a key do not depend on the time that is asked about.  So the ring
 * changes only at births and ends, and batv_timeline_next can find them.
 */
#include "timeline.h"

#include <openssl/crypto.h>
#include <string.h>

#include "hkdf.h"

#define NEVER INT64_MAX
/* Each secret has a start and at most two stops; one more stretch precedes the first start. */
#define STRETCHES_MAX (3 * BATV_SECRETS_MAX + 1)

/* This secret signs from `from` until the next stretch. */
struct stretch {
	int64_t from;
	const struct batv_secret *secret; /* NULL: none */
};

struct stretches {
	size_t n;
	struct stretch list[STRETCHES_MAX];
};

/* A range of epochs of one secret whose keys are ever created. */
struct window {
	int64_t first, last;
};

static int64_t clamp_time(int64_t t)
{
	if (t < 0)
		return 0;
	return t > BATV_TIME_MAX ? BATV_TIME_MAX : t;
}

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- one key ---- */

static int64_t first_epoch(const struct batv_secret *s)
{
	return s->start / s->rotation;
}

static int64_t destroyed_at(const struct batv_secret *s, int64_t epoch)
{
	return (epoch + 1) * s->rotation + BATV_DAY + s->retention;
}

/* The first key of a secret exists as soon as the secret does. */
static int64_t born_at(const struct batv_secret *s, int64_t epoch)
{
	return epoch == first_epoch(s) ? INT64_MIN : epoch * s->rotation - BATV_AHEAD;
}

static int64_t end_of(const struct batv_secret *s, int64_t epoch)
{
	int64_t end = destroyed_at(s, epoch);

	return s->revoked ? min64(end, s->revoked) : end;
}

/* The lowest epoch that is not destroyed at `now`. */
static int64_t lowest_kept(const struct batv_secret *s, int64_t now)
{
	int64_t t = now - BATV_DAY - s->retention;

	return t < 0 ? 0 : t / s->rotation;
}

/* The highest epoch whose 14 days of notice have begun. */
static int64_t highest_born(const struct batv_secret *s, int64_t now)
{
	return (now + BATV_AHEAD) / s->rotation;
}

enum batv_err batv_key_derive(const uint8_t bytes[static BATV_SECRET_LEN], uint64_t epoch,
			      char text[static BATV_KEY_TEXT_LEN])
{
	static const char label[] = "exim-batv key 1";
	uint8_t key[BATV_KEY_TEXT_LEN / 2];
	char info[sizeof label - 1 + 8], hex[BATV_KEY_TEXT_LEN + 1];
	bool ok;

	_Static_assert(BATV_SECRET_LEN == BATV_HKDF_LEN && sizeof key == BATV_HKDF_LEN, "a key");
	memcpy(info, label, sizeof label - 1);
	for (size_t i = 0; i < 8; i++)
		info[sizeof label - 1 + i] = (char)(epoch >> (56 - 8 * i));
	ok = batv_hkdf(bytes, (struct batv_span){info, sizeof info}, key);
	if (ok) {
		batv_bytes_to_hex(key, sizeof key, hex);
		memcpy(text, hex, BATV_KEY_TEXT_LEN);
	}
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(hex, sizeof hex);
	return ok ? BATV_OK : BATV_E_IO;
}

/* ---- who signs when ---- */

/* The next time after `t` that is in the file; NEVER: none. */
static int64_t next_written(const struct batv_secrets *secrets, int64_t t)
{
	int64_t next = NEVER;

	for (size_t i = 0; i < secrets->n; i++) {
		const struct batv_secret *s = &secrets->list[i];
		const int64_t times[] = {s->start, s->retired, s->revoked};

		for (size_t j = 0; j < sizeof times / sizeof times[0]; j++)
			if (times[j] > t)
				next = min64(next, times[j]);
	}
	return next;
}

static void find_stretches(const struct batv_secrets *secrets, struct stretches *out)
{
	out->n = 0;
	for (int64_t t = 0; t != NEVER && out->n < STRETCHES_MAX; t = next_written(secrets, t)) {
		const struct batv_secret *s = batv_secret_signing(secrets, t);

		if (out->n == 0 || out->list[out->n - 1].secret != s)
			out->list[out->n++] = (struct stretch){t, s};
	}
}

static int64_t stretch_end(const struct stretches *all, size_t i)
{
	return i + 1 < all->n ? all->list[i + 1].from : NEVER;
}

/* Finds the stretch of this secret at or after *i, and moves *i past it.  False: no more. */
static bool next_stretch(const struct stretches *all, const struct batv_secret *s, size_t *i,
			 int64_t *from, int64_t *until)
{
	while (*i < all->n && all->list[*i].secret != s)
		++*i;
	if (*i == all->n)
		return false;
	*from = all->list[*i].from;
	*until = stretch_end(all, *i);
	++*i;
	return true;
}

/* ---- which epochs get a key ---- */

/* A key that was due for publication when its secret stops is created all the same. */
static int64_t last_epoch_before(const struct batv_secret *s, int64_t stop)
{
	return stop == NEVER ? NEVER / s->rotation - 1000 : highest_born(s, stop);
}

/*
 * The first window runs from the first epoch to the last one that was published when the secret
 * first stopped.  It stops when it is retired before its start, when another secret signs in its
 * place at its start, or at the end of the stretch that begins with its start.
 */
static struct window first_window(const struct stretches *all, const struct batv_secret *s)
{
	int64_t stop = s->start, from, until;
	size_t i = 0;

	if (s->retired && s->retired <= s->start)
		stop = s->retired;
	else if (next_stretch(all, s, &i, &from, &until) && from == s->start)
		stop = until;
	return (struct window){first_epoch(s), max64(first_epoch(s), last_epoch_before(s, stop))};
}

/*
 * Gives the windows of a secret, one after the other.  *i is 0 for the first one and private after
 * that.  If the secret after it is revoked or retired, a secret signs again, and needs keys again
 * from that epoch on.
 */
static bool next_window(const struct stretches *all, const struct batv_secret *s, size_t *i,
			struct window *out)
{
	int64_t from, until;
	size_t at;

	if (*i == 0) {
		*out = first_window(all, s);
		*i = 1;
		return true;
	}
	at = *i - 1;
	do
		if (!next_stretch(all, s, &at, &from, &until))
			return false;
	while (from == s->start);
	*out = (struct window){from / s->rotation, last_epoch_before(s, until)};
	*i = at + 1;
	return true;
}

static bool is_wanted(const struct stretches *all, const struct batv_secret *s, int64_t epoch)
{
	struct window w;

	for (size_t i = 0; next_window(all, s, &i, &w);)
		if (epoch >= w.first && epoch <= w.last)
			return true;
	return false;
}

static bool is_live(const struct stretches *all, const struct batv_secret *s, int64_t epoch,
		    int64_t now)
{
	return now >= born_at(s, epoch) && now < end_of(s, epoch) && is_wanted(all, s, epoch);
}

/* ---- the ring ---- */

/* Where entries go.  If ring is NULL they are only counted. */
struct sink {
	struct batv_keyring *ring;
	size_t n;
};

/* By its time.  Of the same time they stay as they come: by secret, then by epoch. */
static void insert_sorted(struct batv_keyring *ring, size_t n, const struct batv_key *key)
{
	size_t at = n;

	while (at > 0 && key->from < ring->keys[at - 1].from) {
		ring->keys[at] = ring->keys[at - 1];
		at--;
	}
	ring->keys[at] = *key;
}

static enum batv_err put(struct sink *sink, struct batv_key *key, int64_t from, int64_t until)
{
	if (sink->n == BATV_KEYS_MAX)
		return BATV_E_FULL;
	key->from = from;
	key->until = until;
	if (sink->ring)
		insert_sorted(sink->ring, sink->n, key);
	sink->n++;
	return BATV_OK;
}

/* Puts one entry for each stretch of its secret within its epoch; if there is none, an empty one.
 */
static enum batv_err put_key(struct sink *sink, const struct stretches *all,
			     const struct batv_secret *s, struct batv_key *key)
{
	int64_t begin = (int64_t)key->epoch * s->rotation, end = begin + s->rotation, from, until;
	enum batv_err err = BATV_OK;
	bool any = false;

	for (size_t i = 0; !err && next_stretch(all, s, &i, &from, &until);) {
		from = max64(from, begin);
		until = min64(until, end);
		if (from < until) {
			err = put(sink, key, from, until);
			any = true;
		}
	}
	return any ? err : put(sink, key, begin, begin);
}

static enum batv_err add_key(struct sink *sink, const struct stretches *all,
			     const struct batv_secret *s, int64_t epoch)
{
	struct batv_key key = {.epoch = (uint64_t)epoch, .secret = s->number};
	enum batv_err err = BATV_OK;

	key.number = (uint8_t)((key.epoch + s->number) % 10);
	key.destroy = destroyed_at(s, epoch);
	key.day = (uint16_t)(key.destroy / BATV_DAY % 1000);
	if (sink->ring)
		err = batv_key_derive(s->bytes, key.epoch, key.text);
	if (!err)
		err = put_key(sink, all, s, &key);
	OPENSSL_cleanse(&key, sizeof key);
	return err;
}

static enum batv_err add_secret(struct sink *sink, const struct stretches *all,
				const struct batv_secret *s, int64_t now)
{
	int64_t low = max64(lowest_kept(s, now), first_epoch(s));
	int64_t high = max64(highest_born(s, now), first_epoch(s));
	enum batv_err err = BATV_OK;

	for (int64_t epoch = low; epoch <= high && !err; epoch++)
		if (is_live(all, s, epoch, now))
			err = add_key(sink, all, s, epoch);
	return err;
}

static enum batv_err fill_sink(struct sink *sink, const struct stretches *all,
			       const struct batv_secrets *secrets, int64_t now)
{
	enum batv_err err = BATV_OK;

	for (size_t i = 0; i < secrets->n && !err; i++)
		err = add_secret(sink, all, &secrets->list[i], now);
	return err;
}

enum batv_err batv_timeline_at(const struct batv_secrets *secrets, int64_t now,
			       struct batv_keyring *ring)
{
	struct batv_keyring copy = {0};
	struct sink sink = {.ring = &copy};
	struct stretches all;
	enum batv_err err;

	find_stretches(secrets, &all);
	err = fill_sink(&sink, &all, secrets, clamp_time(now));
	if (!err) {
		memcpy(ring->keys, copy.keys, sizeof ring->keys);
		ring->n_keys = sink.n;
	}
	OPENSSL_cleanse(&copy, sizeof copy);
	return err;
}

/* ---- the next change ---- */

/* The next birth or end of a key of this window. */
static int64_t next_in_window(const struct batv_secret *s, const struct window *w, int64_t now)
{
	int64_t kept = max64(w->first, lowest_kept(s, now));
	int64_t unborn = max64(w->first, highest_born(s, now) + 1);
	int64_t next = NEVER;

	/* The oldest key that has not ended is the next to end, if it is born. */
	if (kept <= w->last && now >= born_at(s, kept) && now < end_of(s, kept))
		next = end_of(s, kept);
	if (unborn == first_epoch(s))
		unborn++;
	if (unborn <= w->last && born_at(s, unborn) < end_of(s, unborn))
		next = min64(next, born_at(s, unborn));
	return next;
}

static int64_t next_of(const struct stretches *all, const struct batv_secrets *secrets, int64_t now)
{
	int64_t next = NEVER;
	struct window w;

	for (size_t i = 0; i < secrets->n; i++) {
		const struct batv_secret *s = &secrets->list[i];

		for (size_t j = 0; next_window(all, s, &j, &w);)
			next = min64(next, next_in_window(s, &w, now));
	}
	return next > BATV_TIME_MAX ? NEVER : next;
}

int64_t batv_timeline_next(const struct batv_secrets *secrets, int64_t now)
{
	struct stretches all;

	find_stretches(secrets, &all);
	return next_of(&all, secrets, clamp_time(now));
}

/* ---- questions about the future and the past ---- */

/*
 * How long the ring keeps changing its shape after the last time in the file.  After that, a key is
 * born whenever one is destroyed.
 */
#define SETTLED (BATV_AHEAD + 3 * BATV_PERIOD_MAX)

bool batv_timeline_fits(const struct batv_secrets *secrets, int64_t now)
{
	struct stretches all;
	int64_t settled, written;

	find_stretches(secrets, &all);
	now = clamp_time(now);
	settled = now + SETTLED;
	while (now != NEVER) {
		struct sink sink = {0};

		if (fill_sink(&sink, &all, secrets, now) == BATV_E_FULL)
			return false;
		if (now > settled) { /* skip to the next time that can matter */
			written = next_written(secrets, now);
			if (written == NEVER)
				return true;
			now = max64(now, written - BATV_AHEAD - BATV_PERIOD_MAX);
			settled = written + SETTLED;
		}
		now = next_of(&all, secrets, now);
	}
	return true;
}

int64_t batv_secret_last_tag(const struct batv_secrets *secrets, const struct batv_secret *secret)
{
	struct stretches all;
	int64_t from, until, last = 0;

	find_stretches(secrets, &all);
	for (size_t i = 0; next_stretch(&all, secret, &i, &from, &until);)
		last = until == NEVER ? NEVER
				      : destroyed_at(secret, (until - 1) / secret->rotation);
	return last;
}
