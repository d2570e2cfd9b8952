/* links: admin/timeline admin/hkdf admin/secret core/tag/key core/base/span core/base/hmac */
/*
 * test_timeline.c - the keys of a set of secrets: known answers, and properties that hold for
 * random sets and a grid of times.
 */
#include <check.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeline.h"
#include "unit.h"

#define DAY(n) ((int64_t)(n)*BATV_DAY)
#define T0 DAY(20000)
/* Every question derives the keys again, which takes sanitizers long. */
#if defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define SEEDS 8
# endif
#elif defined(__SANITIZE_ADDRESS__)
# define SEEDS 8
#endif
#ifndef SEEDS
# define SEEDS 30
#endif
#define SETTLED DAY(1200)

static struct batv_secrets set;
static struct batv_keyring ring, other;

static uint64_t rng;

static uint64_t below(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

static void add(uint32_t number, int64_t start, int64_t rotation, int64_t retention)
{
	struct batv_secret *s = &set.list[set.n++];

	memset(s, 0, sizeof *s);
	s->number = number;
	s->start = start;
	s->rotation = rotation;
	s->retention = retention;
	for (size_t i = 0; i < sizeof s->bytes; i++)
		s->bytes[i] = (uint8_t)(number * 7 + i);
}

static int64_t random_period(void)
{
	const int64_t usual[] = {DAY(1), DAY(1) + 1, DAY(7), DAY(2) + 3601, DAY(10), DAY(30)};

	return usual[below(sizeof usual / sizeof usual[0])];
}

/* Up to five secrets around T0 that replace, retire and revoke one another in any way. */
static void random_set(uint64_t seed)
{
	rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	memset(&set, 0, sizeof set);
	for (uint32_t n = 1 + (uint32_t)below(5), number = 4711; n > 0; n--, number++) {
		int64_t start = T0 + DAY((int64_t)below(60)) + (int64_t)below(3) * 3600;
		struct batv_secret *s = &set.list[set.n];

		add(number, start, random_period(), random_period());
		if (below(4) == 0 && set.n > 1)
			s->start = set.list[set.n - 2].start;
		if (below(3) == 0)
			s->retired = start - DAY(20) + (int64_t)below(60 * BATV_DAY);
		if (below(3) == 0)
			s->revoked = start - DAY(20) + (int64_t)below(60 * BATV_DAY);
	}
	if (batv_timeline_fits(&set, 0))
		return;
	for (size_t i = 0; i < set.n; i++) /* too many keys are another test's */
		set.list[i].rotation = set.list[i].retention = DAY(5);
}

static void at(int64_t now, struct batv_keyring *out)
{
	enum batv_err err = batv_timeline_at(&set, now, out);

	ck_assert_int_eq(err, BATV_OK);
}

static bool same_key(const struct batv_key *a, const struct batv_key *b)
{
	return a->epoch == b->epoch && a->secret == b->secret && a->number == b->number &&
	       a->day == b->day && a->from == b->from && a->until == b->until &&
	       a->destroy == b->destroy && memcmp(a->text, b->text, sizeof a->text) == 0;
}

static bool same_ring(const struct batv_keyring *a, const struct batv_keyring *b)
{
	if (a->n_keys != b->n_keys)
		return false;
	for (size_t i = 0; i < a->n_keys; i++)
		if (!same_key(&a->keys[i], &b->keys[i]))
			return false;
	return true;
}

static const struct batv_secret *secret_of(const struct batv_key *key)
{
	for (size_t i = 0; i < set.n; i++)
		if (set.list[i].number == key->secret)
			return &set.list[i];
	return NULL;
}

static bool has_key(const struct batv_keyring *in, uint32_t secret, uint64_t epoch)
{
	for (size_t i = 0; i < in->n_keys; i++)
		if (in->keys[i].secret == secret && in->keys[i].epoch == epoch)
			return true;
	return false;
}

/* HKDF by its two steps of RFC 5869, written out with HMAC. */
static void hkdf_by_hand(const uint8_t *ikm, uint64_t epoch, char *text)
{
	static const char label[] = "exim-batv key 1";
	uint8_t salt[32] = {0}, prk[32], okm[32], block[sizeof label - 1 + 8 + 1];
	size_t len = 32;

	ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, salt, sizeof salt, ikm,
					32, prk, sizeof prk, &len));
	memcpy(block, label, sizeof label - 1);
	for (size_t i = 0; i < 8; i++)
		block[sizeof label - 1 + i] = (uint8_t)(epoch >> (56 - 8 * i));
	block[sizeof block - 1] = 1;
	ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, prk, sizeof prk, block,
					sizeof block, okm, sizeof okm, &len));
	batv_bytes_to_hex(okm, sizeof okm, text);
}

START_TEST(derives_by_hkdf)
{
	const uint64_t epochs[] = {0, 1, 2900, UINT64_C(0x0102030405060708)};
	uint8_t bytes[BATV_SECRET_LEN];
	char text[BATV_KEY_TEXT_LEN], want[2 * 32 + 1];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
		ck_assert_int_eq(batv_key_derive(bytes, epochs[i], text), BATV_OK);
		hkdf_by_hand(bytes, epochs[i], want);
		ck_assert_mem_eq(text, want, sizeof text);
	}
}
END_TEST

/* ---- one secret, by hand ---- */

START_TEST(one_secret_lives_by_the_book)
{
	const int64_t rot = DAY(7), n = T0 / rot;
	const struct batv_key *k;

	memset(&set, 0, sizeof set);
	add(4711, T0, rot, DAY(7));
	at(T0, &ring);
	ck_assert_uint_eq(ring.n_keys, 3); /* the current one and two weeks ahead */
	k = &ring.keys[0];
	ck_assert_uint_eq(k->epoch, (uint64_t)n);
	ck_assert_int_eq(k->from, T0);
	ck_assert_int_eq(k->until, (n + 1) * rot);
	ck_assert_int_eq(k->destroy, (n + 1) * rot + DAY(8));
	ck_assert_int_eq(k->day, k->destroy / BATV_DAY % 1000);
	ck_assert_int_eq(k->number, (n + 4711) % 10);
	ck_assert_int_eq(ring.keys[1].from, (n + 1) * rot);
	ck_assert_int_eq(ring.keys[1].until, (n + 2) * rot);

	at(k->destroy - 1, &ring);
	ck_assert(has_key(&ring, 4711, (uint64_t)n));
	at((n + 1) * rot + DAY(8), &ring);
	ck_assert(!has_key(&ring, 4711, (uint64_t)n));

	/* The third week is published 14 days before it begins, the first one at once. */
	at((n + 3) * rot - DAY(14) - 1, &ring);
	ck_assert(!has_key(&ring, 4711, (uint64_t)n + 3));
	at((n + 3) * rot - DAY(14), &ring);
	ck_assert(has_key(&ring, 4711, (uint64_t)n + 3));
	at(1, &ring);
	ck_assert_uint_eq(ring.n_keys, 1);
	ck_assert(has_key(&ring, 4711, (uint64_t)n));
}
END_TEST

START_TEST(a_replaced_secret_keeps_what_was_published)
{
	const int64_t rot = DAY(7), week = T0 / rot, cut = (week + 4) * rot + DAY(3);

	memset(&set, 0, sizeof set);
	add(10, T0, rot, DAY(7));
	add(11, cut, rot, DAY(7));
	at(cut, &ring);
	ck_assert_int_eq(batv_key_current(&ring, cut - 1)->secret, 10);
	ck_assert_int_eq(batv_key_current(&ring, cut)->secret, 11);
	/* next ones, published before: weeks 5 and 6; week 7 was not due yet */
	ck_assert(has_key(&ring, 10, (uint64_t)week + 5));
	ck_assert(has_key(&ring, 10, (uint64_t)week + 6));
	at(cut + DAY(7), &ring);
	ck_assert(has_key(&ring, 10, (uint64_t)week + 6));
	ck_assert(!has_key(&ring, 10, (uint64_t)week + 7));
	for (size_t i = 0; i < ring.n_keys; i++)
		if (ring.keys[i].secret == 10 && ring.keys[i].epoch > (uint64_t)week + 4)
			ck_assert_int_ge(ring.keys[i].from, ring.keys[i].until);
	/* with its last key the whole secret is gone */
	at((week + 7) * rot + DAY(8), &ring);
	for (size_t i = 0; i < ring.n_keys; i++)
		ck_assert_int_eq(ring.keys[i].secret, 11);
}
END_TEST

START_TEST(a_planned_secret_is_published_at_once)
{
	memset(&set, 0, sizeof set);
	add(10, T0, DAY(7), DAY(7));
	add(11, T0 + DAY(100), DAY(7), DAY(7));
	at(T0 + DAY(1), &ring);
	ck_assert(has_key(&ring, 11, (uint64_t)((T0 + DAY(100)) / DAY(7))));
}
END_TEST

/* Taken back before it has signed: nothing comes into being after that. */
START_TEST(a_planned_secret_that_is_retired)
{
	const uint64_t first = (uint64_t)((T0 + DAY(100)) / DAY(7));

	memset(&set, 0, sizeof set);
	add(10, T0, DAY(7), DAY(7));
	add(11, T0 + DAY(100), DAY(7), DAY(7));
	set.list[1].retired = T0 + DAY(50);
	at(T0 + DAY(100), &ring);
	ck_assert_int_eq(batv_key_current(&ring, T0 + DAY(100))->secret, 10);
	ck_assert(has_key(&ring, 11, first));
	ck_assert(!has_key(&ring, 11, first + 1));
	set.list[1].retired = (int64_t)first * DAY(7) - DAY(7); /* the next one's 14 days begin */
	at(T0 + DAY(100), &ring);
	ck_assert(has_key(&ring, 11, first + 1));
	ck_assert(!has_key(&ring, 11, first + 2));
	set.list[1].retired--;
	at(T0 + DAY(100), &ring);
	ck_assert(!has_key(&ring, 11, first + 1));
	/* revoked before its start: no change is announced that does not come */
	set.list[1].retired = 0;
	set.list[1].revoked = T0 + DAY(95);
	for (int64_t t = T0 + DAY(90); t < T0 + DAY(120); t = batv_timeline_next(&set, t)) {
		at(t, &ring);
		at(batv_timeline_next(&set, t), &other);
		ck_assert(!same_ring(&ring, &other));
	}
}
END_TEST

START_TEST(revoked_secrets_have_no_keys)
{
	memset(&set, 0, sizeof set);
	add(10, T0, DAY(7), DAY(7));
	add(11, T0 + DAY(20), DAY(7), DAY(7));
	set.list[0].revoked = T0 + DAY(20);
	at(T0 + DAY(20) - 1, &ring);
	ck_assert_int_eq(batv_key_current(&ring, T0 + DAY(20) - 1)->secret, 10);
	at(T0 + DAY(20), &ring);
	ck_assert_uint_gt(ring.n_keys, 0);
	for (size_t i = 0; i < ring.n_keys; i++)
		ck_assert_int_eq(ring.keys[i].secret, 11);
}
END_TEST

/* A fresh server imports the secret of an older one: its own signed for an hour in between. */
START_TEST(a_secret_that_signs_again_has_two_entries)
{
	const int64_t week = DAY(7) * (T0 / DAY(7)), now = week + DAY(3);
	size_t entries = 0;

	memset(&set, 0, sizeof set);
	add(10, week - DAY(30), DAY(7), DAY(7));
	add(11, now - 3600, DAY(7), DAY(7));
	set.list[1].retired = now;
	at(now, &ring);
	for (size_t i = 0; i < ring.n_keys; i++)
		entries += ring.keys[i].secret == 10 &&
			   ring.keys[i].epoch == (uint64_t)(week / DAY(7));
	ck_assert_uint_eq(entries, 2);
	ck_assert_int_eq(batv_key_current(&ring, now - 3601)->secret, 10);
	ck_assert_int_eq(batv_key_current(&ring, now - 1)->secret, 11);
	ck_assert_int_eq(batv_key_current(&ring, now)->secret, 10);
	ck_assert(has_key(&ring, 10, (uint64_t)(week / DAY(7)) + 2));
}
END_TEST

/* When the newest one is revoked long afterwards, the one before needs keys again at once. */
START_TEST(the_next_best_takes_over)
{
	memset(&set, 0, sizeof set);
	add(10, T0, DAY(7), DAY(7));
	add(11, T0 + DAY(30), DAY(7), DAY(7));
	set.list[1].revoked = T0 + DAY(100);
	at(T0 + DAY(70), &ring);
	for (size_t i = 0; i < ring.n_keys; i++)
		ck_assert_int_eq(ring.keys[i].secret, 11);
	at(T0 + DAY(100), &ring);
	ck_assert_int_eq(batv_key_current(&ring, T0 + DAY(100))->secret, 10);
	for (int64_t t = T0 + DAY(100); t < T0 + DAY(200); t += DAY(1)) {
		at(t, &ring);
		ck_assert_ptr_nonnull(batv_key_current(&ring, t));
	}
}
END_TEST

/* ---- properties over random sets ---- */

/* Every change is where batv_timeline_next says, and nowhere else. */
START_TEST(next_is_exact)
{
	int64_t t = T0 - DAY(40), end = T0 + DAY(100), next;
	unsigned steps = 0;

	random_set((uint64_t)_i);
	for (; t < end; t = next, steps++) {
		ck_assert_int_lt(steps, 20000);
		at(t, &ring);
		next = batv_timeline_next(&set, t);
		ck_assert_int_gt(next, t);
		if (next == INT64_MAX)
			next = end + SETTLED;
		at(next - 1, &other);
		ck_assert_msg(same_ring(&ring, &other), "changed before %" PRId64, next);
		at(t + (int64_t)below((uint64_t)(next - t)), &other);
		ck_assert_msg(same_ring(&ring, &other), "changed between");
		if (next >= end)
			break;
		at(next, &other);
		ck_assert_msg(!same_ring(&ring, &other), "no change at %" PRId64, next);
	}
	ck_assert_int_gt(steps, 0);
}
END_TEST

/* The key published as current is the one that batv_secret_signing() names, at every moment. */
START_TEST(current_agrees_with_signing)
{
	random_set((uint64_t)_i);
	for (int64_t now = T0 - DAY(3); now < T0 + DAY(120); now += DAY(2) + 977) {
		at(now, &ring);
		for (unsigned i = 0; i < 60; i++) {
			int64_t t = i == 0 ? now : now - DAY(12) + (int64_t)below(24 * BATV_DAY);
			const struct batv_secret *s = batv_secret_signing(&set, t);
			const struct batv_key *k = batv_key_current(&ring, t);

			if (k) {
				ck_assert_ptr_nonnull(s);
				ck_assert_int_eq(k->secret, s->number);
				ck_assert_uint_eq(k->epoch, (uint64_t)(t / s->rotation));
			} else if (s && !(s->revoked && s->revoked <= now)) {
				/* gone, for all its tags are dead by now */
				ck_assert_int_le((t / s->rotation + 1) * s->rotation + DAY(1) +
							 s->retention,
						 now);
			}
		}
	}
}
END_TEST

START_TEST(entries_never_overlap_and_are_sorted)
{
	random_set((uint64_t)_i);
	for (int64_t now = T0 - DAY(3); now < T0 + DAY(120); now += DAY(2) + 977) {
		int64_t last_until = INT64_MIN;

		at(now, &ring);
		for (size_t i = 0; i < ring.n_keys; i++) {
			const struct batv_key *k = &ring.keys[i];

			ck_assert_int_gt(k->destroy, now);
			ck_assert_int_eq(k->day, k->destroy / BATV_DAY % 1000);
			ck_assert_uint_eq(k->number, (k->epoch + k->secret) % 10);
			if (i > 0)
				ck_assert_int_ge(k->from, ring.keys[i - 1].from);
			if (k->from >= k->until)
				continue;
			ck_assert_int_ge(k->from, last_until);
			ck_assert_int_ge(k->destroy - k->until, DAY(1) + secret_of(k)->retention);
			last_until = k->until;
		}
	}
}
END_TEST

/* 14 days before it is current, a key is there; the first one of a secret from the beginning. */
START_TEST(published_before_it_is_current)
{
	random_set((uint64_t)_i);
	for (int64_t t = T0; t < T0 + DAY(100); t += DAY(2) + 71) {
		const struct batv_secret *s = batv_secret_signing(&set, t);
		int64_t epoch, seen;

		if (!s)
			continue;
		epoch = t / s->rotation;
		for (seen = t - DAY(14); seen <= t; seen += DAY(7)) {
			at(seen, &ring);
			ck_assert(has_key(&ring, s->number, (uint64_t)epoch));
		}
		if (epoch == s->start / s->rotation) {
			at(0, &ring);
			ck_assert(has_key(&ring, s->number, (uint64_t)epoch));
		}
	}
}
END_TEST

/* Whatever signs a message at any time, its tag lives for the retention of its secret. */
START_TEST(no_tag_lives_less_than_the_retention)
{
	random_set((uint64_t)_i);
	for (int64_t arrival = T0; arrival < T0 + DAY(60); arrival += DAY(1) + 1333) {
		for (int64_t delay = 0; delay < DAY(12); delay += DAY(1) + 7201) {
			int64_t now = arrival + delay, end;
			const struct batv_key *k;
			const struct batv_secret *s;

			at(now, &ring);
			k = batv_key_for_message(&ring, arrival, now);
			if (!k)
				continue;
			s = secret_of(k);
			end = now + s->retention;
			ck_assert_int_ge(k->destroy, end);
			if (s->revoked && s->revoked <= end)
				continue;
			at(end - 1, &other);
			ck_assert(has_key(&other, k->secret, k->epoch));
		}
	}
}
END_TEST

/* A grid of what people configure: rotation, retention, moment in the week, age of the message. */
START_TEST(the_grid_of_the_guarantee)
{
	const int64_t periods[] = {DAY(1), DAY(2), DAY(7), DAY(14)};
	const int64_t rotation = periods[_i % 4], retention = periods[_i / 4];

	memset(&set, 0, sizeof set);
	add(1, T0 + 4321, rotation, retention);
	for (int64_t arrival = T0 - DAY(1); arrival < T0 + 3 * rotation; arrival += 41999)
		for (int64_t age = 0; age < rotation + DAY(3); age += 47119) {
			const struct batv_key *k, *first;
			int64_t now = arrival + age;

			at(now, &ring);
			k = batv_key_for_message(&ring, arrival, now);
			if (now < T0 + 4321) {
				ck_assert_ptr_null(k);
				continue;
			}
			ck_assert_ptr_nonnull(k);
			ck_assert_int_ge(k->destroy, now + retention);
			first = batv_key_current(&ring, arrival);
			if (first && now < first->until + DAY(1)) /* a retry keeps its sender */
				ck_assert_ptr_eq(k, first);
		}
}
END_TEST

/* Equal sets, equal rings: in whatever order they came together, and whatever was asked before. */
START_TEST(nothing_but_secrets_and_time_matters)
{
	static struct batv_secrets copy;
	char *text, *again, *head, *last;
	size_t len;

	random_set((uint64_t)_i);
	ck_assert_int_eq(batv_secrets_format(&set, &text, &len), BATV_OK);
	len = (size_t)(strstr(text, "\nend ") + 1 - text); /* that line would need to be the last */
	text[len] = '\0';
	head = strchr(text, '\n') + 1;
	for (last = text + len - 1; last[-1] != '\n'; last--)
		;
	again = calloc(1, len + 1); /* the last line first */
	(void)snprintf(again, len + 1, "%.*s%s%.*s", (int)(head - text), text, last,
		       (int)(last - head), head);
	ck_assert_int_eq(batv_secrets_parse(again, len, &copy, NULL, NULL), BATV_OK);
	free(again);
	free(text);
	for (int64_t now = T0; now < T0 + DAY(100); now += DAY(3) + 1) {
		at(now, &ring);
		memset(&other, 0xa5, sizeof other);
		other.n_legacy = 0;
		ck_assert_int_eq(batv_timeline_at(&copy, now, &other), BATV_OK);
		ck_assert(same_ring(&ring, &other));
	}
}
END_TEST

START_TEST(full_is_refused_and_foreseen)
{
	memset(&set, 0, sizeof set);
	memset(&ring, 0, sizeof ring);
	ring.n_keys = 77;
	add(1, T0, DAY(1), DAY(60));
	ck_assert_int_eq(batv_timeline_at(&set, T0 + DAY(200), &ring), BATV_E_FULL);
	ck_assert_uint_eq(ring.n_keys, 77);
	ck_assert_int_eq(batv_timeline_at(&set, T0 + DAY(1), &ring), BATV_OK);
	ck_assert(!batv_timeline_fits(&set, T0));

	set.list[0].retention = DAY(30);
	ck_assert(batv_timeline_fits(&set, T0));
	/* two such sets overlap: too many for a month only */
	add(2, T0 + DAY(5000), DAY(1), DAY(30));
	set.list[1].rotation = DAY(1);
	ck_assert_int_eq(batv_timeline_fits(&set, T0), true);
	set.list[0].retention = DAY(47);
	set.list[1].retention = DAY(20);
	ck_assert_int_eq(batv_timeline_fits(&set, T0 + DAY(4900)), batv_timeline_fits(&set, T0));
	ck_assert(!batv_timeline_fits(&set, T0 + DAY(4900)));
	/* when the old ones are gone it fits again */
	ck_assert(batv_timeline_fits(&set, T0 + DAY(5100)));
}
END_TEST

/* fits, against the slow way: asking at every change. */
START_TEST(fits_is_what_walking_says)
{
	bool want = true;

	random_set((uint64_t)_i);
	for (size_t i = 0; i < set.n; i++)
		set.list[i].retention = DAY(5 + below(40));
	for (int64_t t = T0; want && t < T0 + DAY(400); t = batv_timeline_next(&set, t))
		want = batv_timeline_at(&set, t, &ring) == BATV_OK;
	ck_assert_int_eq(batv_timeline_fits(&set, T0), want);
}
END_TEST

START_TEST(last_tag_is_the_end_of_the_last_used_key)
{
	const int64_t cut = T0 + DAY(20);
	int64_t want = (((cut - 1) / DAY(7)) + 1) * DAY(7) + DAY(1) + DAY(7);

	memset(&set, 0, sizeof set);
	add(1, T0, DAY(7), DAY(7));
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[0]), INT64_MAX);
	add(2, cut, DAY(7), DAY(7));
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[0]), want);
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[1]), INT64_MAX);
	set.list[0].revoked = cut; /* as if it were not: its tags still come back */
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[0]), want);
	add(3, cut, DAY(7), DAY(7)); /* 2 never signs */
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[1]), 0);
}
END_TEST

/* As first secret of all: what holds later holds from the first second on. */
START_TEST(a_secret_from_the_beginning)
{
	memset(&set, 0, sizeof set);
	add(1, 0, DAY(7), DAY(7));
	at(0, &ring);
	ck_assert(ring.n_keys == 3 && ring.keys[0].from == 0); /* two are published ahead */
	at(-1, &other);
	ck_assert(same_ring(&ring, &other));
	at(DAY(3), &other); /* of a key that is born by then nothing is seen before */
	ck_assert(same_ring(&ring, &other));
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[0]), INT64_MAX);
	set.list[0].retired = DAY(7);
	at(0, &ring);
	ck_assert(ring.n_keys == 3 && ring.keys[0].until == DAY(7));
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[0]), DAY(15));
	set.list[0].retired = DAY(7) + 1; /* for a second */
	ck_assert_int_eq(batv_secret_last_tag(&set, &set.list[0]), DAY(22));
	at(DAY(13), &ring); /* none was born after it stopped */
	ck_assert(ring.n_keys == 4 && ring.keys[3].from == DAY(21));
}
END_TEST

/* A time in the file at which nothing changes divides no entry. */
START_TEST(a_change_that_is_none)
{
	memset(&set, 0, sizeof set);
	add(1, 0, DAY(7), DAY(7));
	add(2, DAY(90), DAY(7), DAY(7));
	set.list[1].revoked = DAY(3);
	set.list[1].retired = DAY(4);
	at(DAY(1), &ring);
	ck_assert(ring.keys[0].from == 0 && ring.keys[0].until == DAY(7));
	set.list[0].start = DAY(14);
	set.list[1].revoked = DAY(17);
	at(DAY(14), &ring);
	ck_assert(ring.keys[0].from == DAY(14) && ring.keys[0].until == DAY(21));
	/* It signs until the last second of a week, and from the second day of the next one. */
	set.n = 0;
	add(1, DAY(7), DAY(7), DAY(7));
	add(2, DAY(14), DAY(7), DAY(7));
	set.list[1].revoked = DAY(15);
	at(DAY(7), &ring);
	for (size_t i = 0; i < ring.n_keys; i++)
		if (ring.keys[i].secret == 1 && ring.keys[i].epoch == 2)
			ck_assert_int_eq(ring.keys[i].from, DAY(15));
}
END_TEST

/* Two begin in the same second.  The first one signs when the second one has been revoked. */
START_TEST(one_that_waits_for_another)
{
	memset(&set, 0, sizeof set);
	add(1, DAY(70), DAY(7), DAY(7));
	add(2, DAY(70), DAY(7), DAY(7));
	set.list[1].revoked = DAY(119);
	at(DAY(70), &ring);
	ck_assert_uint_eq(ring.n_keys, 6);
	for (size_t i = 0; i < 6; i++) /* of the same time, in their order */
		ck_assert_uint_eq(ring.keys[i].secret, 1 + i % 2);
	at(DAY(101), &ring);
	ck_assert(!has_key(&ring, 1, 13) && has_key(&ring, 2, 13));
	at(DAY(105), &ring);
	ck_assert(has_key(&ring, 1, 17));
}
END_TEST

/* What begins in twenty years is full months after that. */
START_TEST(full_is_foreseen_however_late)
{
	memset(&set, 0, sizeof set);
	add(1, T0, DAY(7), DAY(7));
	add(2, T0 + DAY(7300), DAY(1), DAY(60));
	ck_assert(!batv_timeline_fits(&set, T0));
	set.list[1].retention = DAY(30);
	ck_assert(batv_timeline_fits(&set, T0));
	add(3, T0 + DAY(14600), DAY(1), DAY(60));
	ck_assert(!batv_timeline_fits(&set, T0));
}
END_TEST

START_TEST(odd_times_are_survived)
{
	const int64_t times[] = {INT64_MIN, -1, 0, INT64_MAX, INT64_MAX - 1};

	memset(&set, 0, sizeof set);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		at(times[i], &ring);
		ck_assert_uint_eq(ring.n_keys, 0);
		ck_assert_int_eq(batv_timeline_next(&set, times[i]), INT64_MAX);
	}
	add(1, BATV_TIME_MAX, BATV_PERIOD_MAX, BATV_PERIOD_MAX);
	add(2, 0, BATV_PERIOD_MAX, BATV_PERIOD_MAX);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		at(times[i], &ring);
		ck_assert_int_gt(batv_timeline_next(&set, times[i]), 0);
		ck_assert(batv_timeline_fits(&set, times[i]));
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("timeline");
	TCase *tc = tcase_create("cases"), *tp = tcase_create("properties");

	tcase_add_test(tc, derives_by_hkdf);
	tcase_add_test(tc, one_secret_lives_by_the_book);
	tcase_add_test(tc, a_replaced_secret_keeps_what_was_published);
	tcase_add_test(tc, a_planned_secret_is_published_at_once);
	tcase_add_test(tc, a_planned_secret_that_is_retired);
	tcase_add_test(tc, revoked_secrets_have_no_keys);
	tcase_add_test(tc, a_secret_that_signs_again_has_two_entries);
	tcase_add_test(tc, the_next_best_takes_over);
	tcase_add_test(tc, full_is_refused_and_foreseen);
	tcase_add_test(tc, last_tag_is_the_end_of_the_last_used_key);
	tcase_add_test(tc, a_secret_from_the_beginning);
	tcase_add_test(tc, a_change_that_is_none);
	tcase_add_test(tc, one_that_waits_for_another);
	tcase_add_test(tc, full_is_foreseen_however_late);
	tcase_add_test(tc, odd_times_are_survived);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tp, next_is_exact, 0, SEEDS);
	tcase_add_loop_test(tp, current_agrees_with_signing, 0, SEEDS);
	tcase_add_loop_test(tp, entries_never_overlap_and_are_sorted, 0, SEEDS);
	tcase_add_loop_test(tp, published_before_it_is_current, 0, SEEDS);
	tcase_add_loop_test(tp, no_tag_lives_less_than_the_retention, 0, 12);
	tcase_add_loop_test(tp, the_grid_of_the_guarantee, 0, 16);
	tcase_add_loop_test(tp, nothing_but_secrets_and_time_matters, 0, SEEDS);
	tcase_add_loop_test(tp, fits_is_what_walking_says, 0, SEEDS);
	suite_add_tcase(s, tp);
	return s;
}
