/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header core/memory/sending core/base/network core/base/hmac */
/*
 * test_sending_slot.c - how mail leaves and comes back, word for word: what a note changes in a
 * slot, what is read from it, and what two slots are together.
 */
#include "memory_lab.h"
#include "tag/addr.h"

#define TODAY ((uint64_t)(NOW / D))
#define W(day, low) ((uint64_t)(day) << 48 | (uint64_t)(low))
#define KEY ((struct batv_span){"a key of the memory, of 32 bytes", 32})

static struct batv_domain_slot slot;
static struct batv_sending sending;

static void clear(void)
{
	memset(&slot, 0, sizeof slot);
	memset(&sending, 0, sizeof sending);
}

static void expect_words(const uint64_t *words, const uint64_t *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(words[i], want[i]);
}

static struct batv_domain_day *today_of(struct batv_domain_slot *s)
{
	return &s->days[TODAY % BATV_DOMAIN_DAYS];
}

/* 48 bits of an HMAC-SHA-1 under the key; computed by hand. */
START_TEST(the_form_of_a_hash)
{
	char text[BATV_ADDR_SIZE + 65];
	struct batv_span long_one = {text, BATV_ADDR_SIZE + 64};

	ck_assert_uint_eq(batv_sending_hash(KEY, BATV_SENDING_SENDER, batv_span_of("Alice")),
			  UINT64_C(0xf58aae27c667));
	ck_assert_uint_eq(batv_sending_hash(KEY, BATV_SENDING_ID, batv_span_of("A@b")),
			  UINT64_C(0xdc8735e0ab6e));
	memset(text, 'x', sizeof text);
	ck_assert_uint_ne(batv_sending_hash(KEY, BATV_SENDING_TAG, long_one), 0);
	long_one.len++;
	ck_assert_uint_eq(batv_sending_hash(KEY, BATV_SENDING_TAG, long_one), 0);
}
END_TEST

/* ---- Three hashes of a kind ---- */

static const struct {
	uint64_t words[3], hash, then[3];
} places[] = {
	{{0, 0, 0}, 0, {0, 0, 0}},
	{{0, 0, 0}, 5, {W(TODAY, 5), 0, 0}},
	{{W(TODAY, 5), 0, 0}, 5, {W(TODAY, 5), 0, 0}},
	{{W(TODAY + 1, 5), 0, 0}, 5, {W(TODAY + 1, 5), 0, 0}},
	{{W(TODAY - 1, 5), 0, 0}, 5, {W(TODAY, 5), 0, 0}},
	{{W(TODAY - 1, 1), W(TODAY - 1, 2), 0}, 5, {W(TODAY - 1, 1), W(TODAY - 1, 2), W(TODAY, 5)}},
	{{W(TODAY - 1, 1), W(TODAY - 3, 2), W(TODAY - 2, 3)},
	 5,
	 {W(TODAY - 1, 1), W(TODAY, 5), W(TODAY - 2, 3)}},
	{{W(TODAY - 1, 1), W(TODAY - 32, 2), W(TODAY - 33, 3)},
	 5,
	 {W(TODAY - 1, 1), W(TODAY - 32, 2), W(TODAY, 5)}},
	{{W(TODAY - 1, 1), W(TODAY + 2, 2), W(TODAY - 2, 3)},
	 5,
	 {W(TODAY - 1, 1), W(TODAY, 5), W(TODAY - 2, 3)}},
	/* nothing of today or tomorrow makes room */
	{{W(TODAY, 1), W(TODAY, 2), W(TODAY, 3)}, 5, {W(TODAY, 1), W(TODAY, 2), W(TODAY, 3)}},
	{{W(TODAY + 1, 1), W(TODAY, 2), W(TODAY + 1, 3)},
	 5,
	 {W(TODAY + 1, 1), W(TODAY, 2), W(TODAY + 1, 3)}},
};

/* _i / 4 is the row, _i % 4 the field. */
START_TEST(where_a_hash_goes)
{
	const int row = _i / 4;
	const bool left_signed = _i % 4 < 2;
	struct batv_sending_clues clues = {0, 0, 0, 0, 0};
	uint64_t *const fields[] = {slot.senders, slot.domains, slot.tags, slot.networks};
	uint64_t *const of_clue[] = {&clues.sender, &clues.domain, &clues.tag, &clues.network};
	uint64_t *words = fields[_i % 4];

	clear();
	memcpy(words, places[row].words, sizeof places[row].words);
	slot.signed_days = W(TODAY, 1);
	today_of(&slot)->seen = W(TODAY, 1);
	*of_clue[_i % 4] = places[row].hash;
	ck_assert_int_eq(batv_sending_is_noted(&slot, left_signed, &clues, NOW),
			 memcmp(places[row].words, places[row].then, sizeof places[row].then) == 0);
	batv_sending_note(&slot, left_signed, &clues, NOW);
	expect_words(words, places[row].then, 3);
	ck_assert(batv_sending_is_noted(&slot, left_signed, &clues, NOW));
}
END_TEST

/* Signed mail is noted by its day, too. */
static const struct {
	uint64_t days, then;
} bitmaps[] = {
	{0, W(TODAY, 1)},
	{W(TODAY, 1), W(TODAY, 1)},
	{W(TODAY - 3, 5), W(TODAY, 41)},
	{W(TODAY - 47, 1), W(TODAY, UINT64_C(1) << 47 | 1)},
	{W(TODAY - 48, 1), W(TODAY, 1)},
	{W(TODAY + 1, 1), W(TODAY + 1, 3)},
	{W(TODAY + 1, 4), W(TODAY + 1, 6)},
	{W(TODAY + 1, 0), W(TODAY, 1)},
	{W(TODAY + 3, 17), W(TODAY, 3)},
};

START_TEST(a_day_in_a_bitmap)
{
	const struct batv_sending_clues clues = {0, 0, 0, 0, 0};

	clear();
	slot.signed_days = bitmaps[_i].days;
	today_of(&slot)->seen = W(TODAY, 1);
	ck_assert_int_eq(batv_sending_is_noted(&slot, true, &clues, NOW),
			 bitmaps[_i].days == bitmaps[_i].then);
	batv_sending_note(&slot, true, &clues, NOW);
	ck_assert_uint_eq(slot.signed_days, bitmaps[_i].then);
}
END_TEST

/* ---- How many were seen ---- */

#define SEEN(n, hours) W(TODAY, (uint64_t)(hours) << 16 | (n))

static const struct {
	uint64_t seen, accepted;
	int64_t waited;
	uint64_t then;
} sights[] = {
	{0, 0, 0, SEEN(1, 0)},
	{0, 0, -5, SEEN(1, 0)},
	{0, 0, 3599, SEEN(1, 0)},
	{0, 0, 3600, SEEN(1, 1)},
	{0, 0, INT64_C(70000) * 3600, SEEN(1, 65535)},
	{W(TODAY - 8, 7 << 16 | 5), 0, 7200, SEEN(1, 2)},
	{SEEN(1, 9), 0, 3600, SEEN(1, 9)},
	{SEEN(1, 0), 0, 7200, SEEN(1, 2)},
	/* one in eight of those accepted */
	{SEEN(1, 0), W(TODAY, 8), 0, SEEN(1, 0)},
	{SEEN(1, 0), W(TODAY, 9), 0, SEEN(2, 0)},
	{SEEN(1, 0), W(TODAY - 8, 100), 0, SEEN(1, 0)},
	/* and eight are enough */
	{SEEN(7, 0), W(TODAY, 1000), 0, SEEN(8, 0)},
	{SEEN(8, 0), W(TODAY, 1000), 0, SEEN(8, 0)},
};

START_TEST(messages_that_were_seen)
{
	const struct batv_sending_clues clues = {.waited = sights[_i].waited};

	clear();
	slot.signed_days = W(TODAY, 1);
	today_of(&slot)->seen = sights[_i].seen;
	today_of(&slot)->accepted = sights[_i].accepted;
	ck_assert_int_eq(batv_sending_is_noted(&slot, true, &clues, NOW),
			 sights[_i].seen == sights[_i].then);
	batv_sending_note(&slot, true, &clues, NOW);
	ck_assert_uint_eq(today_of(&slot)->seen, sights[_i].then);
}
END_TEST

/* ---- What it says ---- */

static struct batv_sending_evidence evidence(int64_t since, int64_t now)
{
	struct batv_sending_evidence e;

	batv_sending_evidence(&sending, since, now, &e);
	return e;
}

START_TEST(the_same_hash_twice)
{
	clear();
	sending.senders[0] = W(TODAY - 33, 5);
	sending.senders[1] = W(TODAY, 5);
	sending.senders[2] = W(TODAY + 2, 6);
	sending.domains[0] = sending.domains[2] = W(TODAY, 5);
	sending.tags[0] = W(TODAY - 2, 5);
	sending.tags[1] = W(TODAY - 1, 5);
	ck_assert_uint_eq(evidence(0, NOW).senders, 1);
	ck_assert_uint_eq(evidence(0, NOW).domains, 1);
	ck_assert_uint_eq(evidence(0, NOW).tags, 1);
	ck_assert_uint_eq(evidence(NOW - 2 * D, NOW).tags, 1);
	ck_assert_uint_eq(evidence(NOW - D, NOW).tags, 0);
}
END_TEST

/* A clock that begins in 1970 has a first day; a word of day 0 is one that nobody wrote. */
START_TEST(the_first_days_of_all)
{
	clear();
	sending.signed_days = W(2, 3);
	sending.senders[0] = sending.domains[0] = sending.tags[0] = sending.networks[0] = W(1, 5);
	sending.senders[1] = sending.domains[1] = sending.tags[1] = sending.networks[1] = W(0, 6);
	ck_assert_uint_eq(evidence(0, 2 * D).days, 2);
	ck_assert_int_eq(evidence(0, 2 * D).since, D);
	ck_assert_uint_eq(evidence(0, 2 * D).senders, 1);
	ck_assert_uint_eq(evidence(0, 2 * D).domains, 1);
	ck_assert_uint_eq(evidence(0, 2 * D).tags, 1);
	ck_assert_uint_eq(evidence(0, 2 * D).networks, 1);
}
END_TEST

START_TEST(a_bitmap_of_a_clock_ahead)
{
	clear();
	sending.signed_days = W((TODAY | 1) + 20, 1);
	ck_assert_uint_eq(evidence(0, NOW).days, 0);
	sending.signed_days = W((TODAY | 1) + 20, UINT64_C(1) << 19 | UINT64_C(1) << 47);
	ck_assert_uint_eq(evidence(0, NOW).days, 2);
}
END_TEST

/* ---- Accepted, and seen by nobody ---- */

#define A 1
#define B 2
#define C 3
#define Z 9

static struct batv_domain_day *day_of(uint64_t day)
{
	return &sending.days[day % BATV_DOMAIN_DAYS];
}

static void accept_on(uint64_t day, uint64_t n)
{
	day_of(day)->accepted = W(day, n);
	day_of(day)->senders[0] = W(day, A);
}

static struct batv_sending_unseen unseen(int64_t now)
{
	struct batv_sending_unseen u;

	batv_sending_unseen(&sending, now, &u);
	return u;
}

/* Whom it is known from, who sent on these two days, and whether this breaks the domain. */
static const struct {
	uint64_t known[3], senders[3];
	bool broken;
} crowds[] = {
	{{0, 0, 0}, {A, 0, 0}, true},
	{{W(TODAY - 9, A), 0, 0}, {A, 0, 0}, true},
	{{W(TODAY - 9, A), W(TODAY - 9, B), 0}, {A, 0, 0}, false},
	{{W(TODAY - 9, B), 0, 0}, {A, 0, 0}, false},
	{{0, 0, W(TODAY - 9, B)}, {A, 0, 0}, false},
	{{W(TODAY - 33, B), 0, 0}, {A, 0, 0}, true},
	{{W(TODAY - 9, A), W(TODAY - 9, B), 0}, {A, B, 0}, true},
	{{W(TODAY - 9, B), 0, 0}, {A, B, 0}, true},
	{{W(TODAY - 9, Z), 0, 0}, {A, B, 0}, false},
	{{W(TODAY - 9, Z), 0, 0}, {A, B, C}, true},
};

START_TEST(all_who_send_or_many)
{
	clear();
	memcpy(sending.senders, crowds[_i].known, sizeof sending.senders);
	accept_on(TODAY - 2, 5);
	accept_on(TODAY - 1, 5);
	for (size_t i = 0; i < 3; i++)
		day_of(TODAY - 1 - i % 2)->senders[i] =
			crowds[_i].senders[i] ? W(TODAY - 1 - i % 2, crowds[_i].senders[i]) : 0;
	ck_assert_int_eq(unseen(NOW).broken, crowds[_i].broken);
	ck_assert_uint_eq(unseen(NOW).accepted, 10);
	accept_on(TODAY - 2, 4); /* nine are too few */
	ck_assert(!unseen(NOW).broken);
}
END_TEST

/* In whichever order they sent. */
START_TEST(one_on_each_day)
{
	clear();
	sending.senders[0] = W(TODAY - 9, B);
	accept_on(TODAY - 2, 5);
	accept_on(TODAY - 1, 5);
	day_of(TODAY - 2)->senders[0] = W(TODAY - 2, B);
	ck_assert(unseen(NOW).broken);
	sending.senders[0] = W(TODAY - 9, A);
	ck_assert(unseen(NOW).broken);
}
END_TEST

START_TEST(as_many_as_are_known)
{
	clear();
	for (uint64_t n = 0; n < 24; n++) {
		accept_on(TODAY - 1 - n / 3, 1);
		for (uint64_t i = 0; i <= n % 3; i++)
			day_of(TODAY - 1 - n / 3)->senders[i] =
				W(TODAY - 1 - n / 3, 100 + n / 3 * 3 + i);
	}
	ck_assert_uint_eq(unseen(NOW).senders, 24);
	ck_assert_uint_eq(unseen(NOW).days, 8);
}
END_TEST

/* Day 20776 has the first place of the eight. */
#define FIRST (TODAY - TODAY % BATV_DOMAIN_DAYS)

START_TEST(since_the_last_that_was_seen)
{
	clear();
	ck_assert_uint_eq(FIRST, TODAY - 3);
	accept_on(TODAY - 4, 5);
	accept_on(TODAY - 3, 6);
	accept_on(TODAY - 2, 7);
	sending.foreign[0].id = W(TODAY - 2, 50); /* which follows the days */
	ck_assert_uint_eq(unseen(NOW).accepted, 18);
	ck_assert_uint_eq(unseen(NOW).days, 3);
	day_of(TODAY - 3)->seen = W(TODAY - 3, 1);
	ck_assert_uint_eq(unseen(NOW).accepted, 7);
	day_of(TODAY - 3)->seen = W(TODAY + 2, 1); /* a wrong clock */
	ck_assert_uint_eq(unseen(NOW).accepted, 18);
	ck_assert_uint_eq(unseen(-1).accepted, 0);
	clear();
	accept_on(1, 5);
	ck_assert_uint_eq(unseen(-1).accepted, 0);
	ck_assert_uint_eq(unseen(2 * D).accepted, 5);
}
END_TEST

START_TEST(mail_that_may_still_wait)
{
	const int64_t midnight = (int64_t)TODAY * D;

	clear();
	accept_on(TODAY - 1, 5);
	ck_assert_uint_eq(unseen(midnight - 1).accepted, 0);
	ck_assert_uint_eq(unseen(midnight).accepted, 5);
	day_of(FIRST)->seen = W(FIRST, 2 << 16 | 1);
	ck_assert_uint_eq(unseen(midnight + 7199).accepted, 0);
	ck_assert_uint_eq(unseen(midnight + 7200).accepted, 5);
	day_of(FIRST)->seen = W(TODAY - 40, 2 << 16 | 1);
	ck_assert_uint_eq(unseen(midnight).accepted, 5);
}
END_TEST

/* Accepted and seen on a day -> what of this is shown as few of many. */
static const struct {
	uint64_t accepted, seen, few_accepted, few_seen;
} fews[] = {
	{19, 0, 0, 0},    {20, 0, 20, 0},     {32, 3, 0, 0},   {33, 3, 33, 3},
	{100, 3, 100, 3}, {1000, 7, 1000, 7}, {1000, 8, 0, 0}, {19, 1, 0, 0},
};

START_TEST(few_of_many)
{
	clear();
	accept_on(TODAY - 2, fews[_i].accepted);
	day_of(TODAY - 2)->seen = fews[_i].seen ? W(TODAY - 2, fews[_i].seen) : 0;
	if (fews[_i].seen == 0) { /* as long as nothing was seen, it is another matter */
		ck_assert_uint_eq(unseen(NOW).few_accepted, 0);
		day_of(TODAY - 1)->seen = W(TODAY - 40, 1);
		ck_assert_uint_eq(unseen(NOW).few_accepted, 0);
	}
	day_of(TODAY - 1)->seen = W(TODAY - 1, 1);
	ck_assert_uint_eq(unseen(NOW).few_accepted, fews[_i].few_accepted);
	ck_assert_uint_eq(unseen(NOW).few_seen, fews[_i].few_seen);
}
END_TEST

/* ---- Mail that was sent elsewhere ---- */

static struct batv_sending_foreign foreign(int64_t now)
{
	struct batv_sending_foreign f;

	batv_sending_foreign(&sending, now, &f);
	return f;
}

/* The bitmap of counted days -> the last of them, and how many of the last 14 days. */
static const struct {
	uint64_t today, days, last;
	unsigned recent;
} counted[] = {
	{TODAY, 0, 0, 0},
	{TODAY, W(TODAY, 3), TODAY, 2},
	{TODAY, W(TODAY + 1, 1), TODAY + 1, 1},
	{TODAY, W(TODAY + 2, 1), 0, 0},
	{TODAY, W(TODAY - 13, 3), TODAY - 13, 1},
	{TODAY, W(TODAY - 47, 1), TODAY - 47, 0},
	{TODAY, W(TODAY - 48, 1), 0, 0},
	{TODAY, W(TODAY - 40, 1 << 20), 0, 0},
	{5, W(5, 33), 5, 1}, /* there is no day 0 */
	{5, W(5, 17), 5, 2},
};

START_TEST(counted_days)
{
	clear();
	sending.counted_days = counted[_i].days;
	ck_assert_uint_eq(foreign((int64_t)counted[_i].today * D).recent, counted[_i].recent);
	ck_assert_int_eq(foreign((int64_t)counted[_i].today * D).last,
			 counted[_i].last ? ((int64_t)counted[_i].last + 1) * D : 0);
}
END_TEST

START_TEST(the_last_id)
{
	static const int64_t days[] = {-40, -12, -2, -11, -1};

	clear();
	for (size_t i = 0; i < COUNT(days); i++) {
		uint64_t day = TODAY + (uint64_t)days[i];

		sending.foreign[day % BATV_DOMAIN_FOREIGN_DAYS].id = W(day, 1);
		ck_assert_int_eq(foreign(NOW).id_last, i == 0 ? 0
							      : ((int64_t)TODAY -
								 (i == 1  ? 12
								  : i < 4 ? 2
									  : 1) +
								 1) * D);
	}
	clear();
	ck_assert_uint_eq((TODAY - 11) % BATV_DOMAIN_FOREIGN_DAYS, 0);
	sending.foreign[0].id = W(TODAY - 11, 1);
	ck_assert_int_eq(foreign(NOW).id_last, ((int64_t)TODAY - 10) * D);
}
END_TEST

/* ---- Two slots together ---- */

static const struct {
	uint64_t to[3], from[3], then[3];
} unions[] = {
	{{W(5, 1), W(3, 2), W(4, 3)}, {W(6, 9), 0, 0}, {W(5, 1), W(6, 9), W(4, 3)}},
	{{W(5, 1), W(3, 2), W(4, 3)}, {W(7, 1), 0, 0}, {W(7, 1), W(3, 2), W(4, 3)}},
	{{W(5, 1), W(3, 2), W(4, 3)}, {0, 0, W(7, 3)}, {W(5, 1), W(3, 2), W(7, 3)}},
	{{W(5, 1), W(3, 2), W(4, 3)}, {W(2, 1), W(2, 9), 0}, {W(5, 1), W(3, 2), W(4, 3)}},
	{{0, 0, 0}, {W(5, 1), W(3, 2), W(4, 3)}, {W(5, 1), W(3, 2), W(4, 3)}},
};

START_TEST(hashes_are_merged)
{
	clear();
	memcpy(slot.senders, unions[_i].to, sizeof slot.senders);
	memcpy(sending.senders, unions[_i].from, sizeof slot.senders);
	batv_sending_merge(&slot, &sending);
	expect_words(slot.senders, unions[_i].then, 3);
	ck_assert_uint_eq(slot.domains[0] | slot.tags[0] | slot.networks[0], 0);
	clear();
	sending.domains[0] = sending.tags[0] = sending.networks[0] = W(9, 77);
	batv_sending_merge(&slot, &sending);
	ck_assert_uint_eq(slot.senders[0], 0);
	ck_assert_uint_eq(slot.domains[1] | slot.tags[1] | slot.networks[1], 0);
	ck_assert_uint_eq(slot.domains[0], W(9, 77));
	ck_assert_uint_eq(slot.tags[0], W(9, 77));
	ck_assert_uint_eq(slot.networks[0], W(9, 77));
}
END_TEST

START_TEST(days_are_merged)
{
	static const size_t places_of[] = {0, 3, BATV_DOMAIN_DAYS - 1};

	for (size_t i = 0; i < COUNT(places_of); i++) {
		struct batv_domain_day *to = &slot.days[places_of[i]],
				       *from = &sending.days[places_of[i]];

		clear();
		from->accepted = W(9, 5);
		from->seen = W(9, 1);
		from->senders[0] = W(9, A);
		batv_sending_merge(&slot, &sending);
		ck_assert_uint_eq(to->accepted, W(9, 5));
		ck_assert_uint_eq(to->seen, W(9, 1));
		ck_assert_uint_eq(to->senders[0], W(9, A));
		from->accepted = W(9, 4);
		from->seen = W(8, 7);
		batv_sending_merge(&slot, &sending);
		ck_assert_uint_eq(to->accepted, W(9, 5));
		ck_assert_uint_eq(to->seen, W(9, 1));
	}
}
END_TEST

static const struct {
	struct batv_domain_foreign to, from, then;
} strangers[] = {
	{{0, 0}, {W(9, 1), W(9, 6 << 24 | 5)}, {W(9, 1), W(9, 6 << 24 | 5)}},
	{{W(9, 1), W(9, 5)}, {W(9, 2), W(9, 6)}, {W(9, 1), W(9, 6 << 24 | 5)}},
	{{W(9, 1), W(9, 5)}, {W(9, 2), W(9, 6 << 24 | 5)}, {W(9, 1), W(9, 6 << 24 | 5)}},
	{{W(9, 1), W(9, 5)}, {W(8, 2), W(8, 6)}, {W(9, 1), W(9, 5)}},
	{{W(9, 1), W(9, 5)}, {W(10, 2), W(10, 6)}, {W(10, 2), W(10, 6)}},
	{{W(9, 1), W(9, 6 << 24 | 5)}, {W(9, 1), W(9, 7)}, {W(9, 1), W(9, 6 << 24 | 5)}},
	{{W(9, 1), W(9, 5)}, {W(9, 1), W(9, 5)}, {W(9, 1), W(9, 5)}},
};

START_TEST(strangers_are_merged)
{
	static const size_t places_of[] = {0, 8, BATV_DOMAIN_FOREIGN_DAYS - 1};

	for (size_t i = 0; i < COUNT(places_of); i++) {
		clear();
		slot.foreign[places_of[i]] = strangers[_i].to;
		sending.foreign[places_of[i]] = strangers[_i].from;
		batv_sending_merge(&slot, &sending);
		ck_assert_uint_eq(slot.foreign[places_of[i]].id, strangers[_i].then.id);
		ck_assert_uint_eq(slot.foreign[places_of[i]].networks, strangers[_i].then.networks);
	}
}
END_TEST

START_TEST(untagged_ones_are_merged)
{
	clear();
	slot.untagged_day = sending.untagged_day = 9;
	slot.untagged = 3;
	sending.untagged = 5;
	batv_sending_merge(&slot, &sending);
	ck_assert_uint_eq(slot.untagged, 3);
	sending.untagged_day = 10;
	batv_sending_merge(&slot, &sending);
	ck_assert_uint_eq(slot.untagged, 5);
	ck_assert_uint_eq(slot.untagged_day, 10);
}
END_TEST

START_TEST(what_is_empty)
{
	uint64_t *words = sending.senders;

	clear();
	sending.untagged_day = 9;
	ck_assert(batv_sending_is_empty(&sending));
	sending.untagged = 1;
	ck_assert(!batv_sending_is_empty(&sending));
	clear();
	for (size_t i = 0; i < offsetof(struct batv_sending, untagged_day) / sizeof *words; i++) {
		ck_assert(batv_sending_is_empty(&sending));
		words[i] = 1;
		ck_assert(!batv_sending_is_empty(&sending));
		words[i] = 0;
	}
}
END_TEST

/* ---- In a file ---- */

static struct batv_domain_slot *slot_there(void)
{
	return &slots()[batv_slot_home("a.example", 9, whole.sections.domain_slots)];
}

static void make_domain(void)
{
	make_memory();
	ck_assert_int_eq(note("a.example", NOW), BATV_OK);
	today_of(slot_there())->seen = 0;
}

START_TEST(a_day_with_too_many)
{
	today_of(slot_there())->accepted = W(TODAY, W(1, 0) - 1);
	batv_sending_accepted(&memory, "a.example", A, NOW);
	ck_assert_uint_eq(today_of(slot_there())->accepted, W(TODAY, W(1, 0) - 1));
}
END_TEST

/* It is the last day on which any was accepted. */
START_TEST(one_that_failed)
{
	struct batv_domain_day *days = slot_there()->days;

	days[0].accepted = W(FIRST, 5);
	batv_sending_failed(&memory, "a.example", NOW);
	ck_assert_uint_eq(days[0].accepted, W(FIRST, 4));
	days[1].accepted = W(FIRST + 1, 3);
	batv_sending_failed(&memory, "a.example", NOW);
	ck_assert_uint_eq(days[0].accepted, W(FIRST, 4));
	ck_assert_uint_eq(days[1].accepted, W(FIRST + 1, 2));
}
END_TEST

START_TEST(a_memory_that_may_only_be_read)
{
	const struct batv_domain_slot before = *slot_there();

	memory.writable = false;
	batv_sending_accepted(&memory, "a.example", A, NOW);
	batv_sending_failed(&memory, "a.example", NOW);
	batv_sending_untagged(&memory, "a.example", NOW);
	ck_assert(!batv_sending_elsewhere(&memory, "a.example", 99, 7, NOW));
	ck_assert_mem_eq(slot_there(), &before, sizeof before);
}
END_TEST

/* What is known of another day -> is it a second network for what comes today? */
static const struct {
	int64_t day;
	uint64_t id;
	bool counts;
} others[] = {
	{-14, 1, false}, {-13, 1, true}, {-11, 1, true}, {-1, 1, true},
	{-1, 0, false},  {1, 1, true},   {2, 1, false},
};

START_TEST(a_second_network)
{
	const uint64_t day = TODAY + (uint64_t)others[_i].day;
	struct batv_domain_slot *s = slot_there();
	struct batv_domain_foreign *f = &s->foreign[day % BATV_DOMAIN_FOREIGN_DAYS];

	*f = (struct batv_domain_foreign){W(day, others[_i].id), W(day, 5)};
	s->recall_known = W(TODAY - 2, 5); /* which follows them */
	s->recall_missed = W(TODAY - 2, 8);
	ck_assert(batv_sending_elsewhere(&memory, "a.example", 99, 7, NOW));
	ck_assert_uint_eq(s->counted_days, !others[_i].counts ? 0
					   : others[_i].day > 0
						   ? W(TODAY, 1)
						   : W(TODAY, 1 | 1 << -others[_i].day));
	ck_assert(batv_sending_elsewhere(&memory, "a.example", 5, 7, NOW));
}
END_TEST

START_TEST(an_id_that_is_known)
{
	slot_there()->foreign[0] =
		(struct batv_domain_foreign){W(TODAY - 11, 99), W(TODAY - 11, 5)};
	ck_assert(!batv_sending_elsewhere(&memory, "a.example", 99, 7, NOW));
	ck_assert_uint_eq(slot_there()->counted_days, 0);
}
END_TEST

START_TEST(a_day_has_room_for_two_networks)
{
	const struct batv_domain_foreign *f =
		&slot_there()->foreign[TODAY % BATV_DOMAIN_FOREIGN_DAYS];

	(void)batv_sending_elsewhere(&memory, "a.example", 1, 5, NOW);
	(void)batv_sending_elsewhere(&memory, "a.example", 2, 5, NOW);
	ck_assert_uint_eq(f->networks, W(TODAY, 5));
	(void)batv_sending_elsewhere(&memory, "a.example", 3, 6, NOW);
	(void)batv_sending_elsewhere(&memory, "a.example", 4, 7, NOW);
	ck_assert_uint_eq(f->networks, W(TODAY, 6 << 24 | 5));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("sending_slot");
	TCase *tc = tcase_create("slot"), *file = tcase_create("file");

	tcase_add_test(tc, the_form_of_a_hash);
	tcase_add_loop_test(tc, where_a_hash_goes, 0, 4 * (int)COUNT(places));
	tcase_add_loop_test(tc, a_day_in_a_bitmap, 0, (int)COUNT(bitmaps));
	tcase_add_loop_test(tc, messages_that_were_seen, 0, (int)COUNT(sights));
	tcase_add_test(tc, the_same_hash_twice);
	tcase_add_test(tc, the_first_days_of_all);
	tcase_add_test(tc, a_bitmap_of_a_clock_ahead);
	tcase_add_loop_test(tc, all_who_send_or_many, 0, (int)COUNT(crowds));
	tcase_add_test(tc, one_on_each_day);
	tcase_add_test(tc, as_many_as_are_known);
	tcase_add_test(tc, since_the_last_that_was_seen);
	tcase_add_test(tc, mail_that_may_still_wait);
	tcase_add_loop_test(tc, few_of_many, 0, (int)COUNT(fews));
	tcase_add_loop_test(tc, counted_days, 0, (int)COUNT(counted));
	tcase_add_test(tc, the_last_id);
	tcase_add_loop_test(tc, hashes_are_merged, 0, (int)COUNT(unions));
	tcase_add_test(tc, days_are_merged);
	tcase_add_loop_test(tc, strangers_are_merged, 0, (int)COUNT(strangers));
	tcase_add_test(tc, untagged_ones_are_merged);
	tcase_add_test(tc, what_is_empty);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(file, make_domain, drop_memory);
	tcase_add_test(file, a_day_with_too_many);
	tcase_add_test(file, one_that_failed);
	tcase_add_test(file, a_memory_that_may_only_be_read);
	tcase_add_loop_test(file, a_second_network, 0, (int)COUNT(others));
	tcase_add_test(file, an_id_that_is_known);
	tcase_add_test(file, a_day_has_room_for_two_networks);
	suite_add_tcase(s, file);
	return s;
}
