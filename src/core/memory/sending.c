/*
 * sending.c - how the mail of a domain leaves and comes back.
 *
 * Every word has a day in its upper bits and changes by one compare-and-swap, so day and value
 * belong together whatever process is killed.  Two processes that note the same thing at once may
 * write it twice; readers count different hashes.  A day that is more than one day ahead came from
 * a wrong clock: it does not count, and the next note replaces it.
 */
#include "memory/sending.h"

#include <string.h>

#include "base/days.h"
#include "base/hmac.h"
#include "base/network.h"
#include "tag/addr.h"

#define WORD_BITS BATV_DAY_SHIFT /* below the day */
#define WORD_MASK ((UINT64_C(1) << WORD_BITS) - 1)
#define HALF_BITS 24 /* of a network in a struct batv_domain_foreign */
#define HALF_MASK ((UINT64_C(1) << HALF_BITS) - 1)

#define SEEN_ENOUGH 8   /* messages seen on a day; no more are counted */
#define SEEN_SHARE 8    /* one of so many accepted messages shows that transports see them */
#define FEW_ACCEPTED 20 /* below this, few seen ones mean nothing */
#define UNSEEN_MESSAGES 10
#define UNSEEN_DAYS 2

_Static_assert(offsetof(struct batv_sending, untagged_day) ==
		       offsetof(struct batv_domain_slot, recall_known) -
			       offsetof(struct batv_domain_slot, senders),
	       "the same words in the same order");

/* ---- Words ---- */

static uint64_t day_of(int64_t now)
{
	uint64_t day = batv_day_of(now);

	return day < BATV_DAY_MAX ? day : BATV_DAY_MAX;
}

static uint64_t word_of(uint64_t day, uint64_t value)
{
	return day << WORD_BITS | (value & WORD_MASK);
}

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static bool change(uint64_t *word, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static bool counts_on(uint64_t day, uint64_t today)
{
	return day != 0 && day <= today + 1 && day + BATV_SENDING_DAYS >= today;
}

static bool counts(uint64_t word, uint64_t today)
{
	return (word & WORD_MASK) != 0 && counts_on(word >> WORD_BITS, today);
}

/* ---- Hashes ---- */

static uint64_t hash_of(struct batv_span key, char part, struct batv_span text)
{
	const char name[2] = {'s', part};
	uint8_t mac[BATV_HMAC_LEN];
	uint64_t hash;

	if (key.len == 0 || !batv_hmac_sha1(key, (struct batv_span){name, sizeof name}, text, mac))
		return 0;
	hash = batv_number_at(mac, 8) & WORD_MASK;
	return hash ? hash : 1;
}

uint64_t batv_sending_hash(struct batv_span key, enum batv_sending_part part, struct batv_span text)
{
	char folded[BATV_ADDR_SIZE + 64]; /* an address, or a tag's address and key */

	if (part == BATV_SENDING_ID)
		return hash_of(key, (char)part, text);
	if (text.len > sizeof folded)
		return 0;
	for (size_t i = 0; i < text.len; i++)
		folded[i] = batv_fold(text.p[i]);
	return hash_of(key, (char)part, (struct batv_span){folded, text.len});
}

uint64_t batv_sending_network(struct batv_span key, const char *host)
{
	uint64_t network;

	if (!batv_network_of(host, &network))
		return 0;
	return hash_of(key, BATV_SENDING_NETWORK,
		       (struct batv_span){(const char *)&network, sizeof network});
}

/*
 * Where to write a hash of today: its own place, if it is of another day; otherwise one that no
 * longer counts; otherwise the oldest one of an earlier day.  Returns -1 if there is nothing to
 * write.  So the number of different hashes never falls, and they are as new as they can be.
 */
static int hash_place(const uint64_t words[static BATV_DOMAIN_HASHES], uint64_t hash,
		      uint64_t today)
{
	uint64_t oldest = UINT64_MAX;
	int place = -1;

	if (hash == 0)
		return -1;
	for (int i = 0; i < BATV_DOMAIN_HASHES; i++) {
		uint64_t word = load(&words[i]), day = word >> WORD_BITS;

		if ((word & WORD_MASK) == hash && counts(word, today))
			return day >= today ? -1 : i;
		if (!counts(word, today))
			day = 0;
		if (day < today && day < oldest) {
			oldest = day;
			place = i;
		}
	}
	return place;
}

static void note_hash(uint64_t words[static BATV_DOMAIN_HASHES], uint64_t hash, uint64_t today)
{
	int i = hash_place(words, hash, today);

	if (i >= 0)
		(void)change(&words[i], load(&words[i]), word_of(today, hash));
}

/* How many different hashes count? */
static unsigned different(const uint64_t *words, size_t n, uint64_t after, uint64_t today)
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_new = counts(words[i], today) && words[i] >> WORD_BITS > after;

		for (size_t j = 0; j < i && is_new; j++)
			is_new = !counts(words[j], today) || words[j] >> WORD_BITS <= after ||
				 (words[j] & WORD_MASK) != (words[i] & WORD_MASK);
		found += is_new;
	}
	return found;
}

/* ---- Bitmaps of days ---- */

/* The bitmap with today's bit. */
static uint64_t with_day(uint64_t word, uint64_t today)
{
	uint64_t day = word >> WORD_BITS, bits = word & WORD_MASK, apart;

	if (day == today + 1)
		return bits ? word | 2 : word_of(today, 1);
	apart = day > today ? day - today : today - day;
	if (apart >= WORD_BITS) /* the shift would be undefined */
		return word_of(today, 1);
	bits = day > today ? bits >> apart : bits << apart;
	return word_of(today, bits | 1);
}

static void note_day(uint64_t *word, uint64_t today)
{
	uint64_t have = load(word);

	if (with_day(have, today) != have)
		(void)change(word, have, with_day(have, today));
}

/* Adds a day before that of the word. */
static void note_earlier(uint64_t *word, uint64_t day)
{
	uint64_t have = load(word), last = have >> WORD_BITS;

	if (day < last && last - day < WORD_BITS)
		(void)change(word, have, have | UINT64_C(1) << (last - day));
}

static bool has_day(uint64_t word, uint64_t day)
{
	uint64_t last = word >> WORD_BITS;

	return day <= last && last - day < WORD_BITS && (word >> (last - day) & 1) != 0;
}

/* ---- The messages of a day that transports saw ---- */

#define SEEN_MASK UINT64_C(0xffff)
#define HOURS_SHIFT 16 /* above the count: the longest time that one of them had waited here */
#define HOURS_MAX UINT64_C(0xffff)

static uint64_t hours_of(uint64_t seen)
{
	return seen >> HOURS_SHIFT & HOURS_MAX;
}

/* The word after one more message, which had waited for so many seconds. */
static uint64_t one_more_seen(uint64_t seen, bool counted, int64_t waited, uint64_t today)
{
	uint64_t hours = waited > 0 ? (uint64_t)waited / 3600 : 0, n = 0, had = 0;

	if (seen >> WORD_BITS == today) {
		n = seen & SEEN_MASK;
		had = hours_of(seen);
	}
	n += counted && n < SEEN_MASK;
	hours = hours < HOURS_MAX ? hours : HOURS_MAX;
	return word_of(today, (hours > had ? hours : had) << HOURS_SHIFT | n);
}

/* ---- Signed mail and valid bounces ---- */

/* Is one more message of this day worth a write?  It is not, if enough of those accepted were seen.
 */
static bool wants_count(const struct batv_domain_day *d, uint64_t today)
{
	uint64_t seen = load(&d->seen), accepted = load(&d->accepted);

	if (seen >> WORD_BITS != today)
		return true;
	if (accepted >> WORD_BITS != today || (seen & SEEN_MASK) >= SEEN_ENOUGH)
		return false;
	return (seen & SEEN_MASK) * SEEN_SHARE < (accepted & WORD_MASK);
}

static uint64_t next_seen(const struct batv_domain_day *d, int64_t waited, uint64_t today)
{
	return one_more_seen(load(&d->seen), wants_count(d, today), waited, today);
}

static uint64_t one_more(uint64_t word, uint64_t today)
{
	if (word >> WORD_BITS != today)
		return word_of(today, 1);
	return (word & WORD_MASK) < WORD_MASK ? word + 1 : word;
}

static void count_accepted(uint64_t *word, uint64_t today)
{
	uint64_t have = load(word);

	while (!__atomic_compare_exchange_n(word, &have, one_more(have, today), true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

bool batv_sending_is_noted(const struct batv_domain_slot *s, bool left_signed,
			   const struct batv_sending_clues *c, int64_t now)
{
	uint64_t today = day_of(now);
	const struct batv_domain_day *d = &s->days[today % BATV_DOMAIN_DAYS];

	if (!left_signed)
		return hash_place(s->tags, c->tag, today) < 0 &&
		       hash_place(s->networks, c->network, today) < 0;
	if (next_seen(d, c->waited, today) != d->seen)
		return false;
	return with_day(s->signed_days, today) == s->signed_days &&
	       hash_place(s->senders, c->sender, today) < 0 &&
	       hash_place(s->domains, c->domain, today) < 0;
}

void batv_sending_note(struct batv_domain_slot *s, bool left_signed,
		       const struct batv_sending_clues *c, int64_t now)
{
	uint64_t today = day_of(now);
	struct batv_domain_day *d = &s->days[today % BATV_DOMAIN_DAYS];

	if (!left_signed) {
		note_hash(s->tags, c->tag, today);
		note_hash(s->networks, c->network, today);
		return;
	}
	note_day(&s->signed_days, today);
	note_hash(s->senders, c->sender, today);
	note_hash(s->domains, c->domain, today);
	(void)change(&d->seen, load(&d->seen), next_seen(d, c->waited, today));
}

/* ---- What is noted by itself ---- */

struct job {
	size_t index;
	uint64_t today;
	uint64_t sender, id, network;
	bool is_new;
};

/* Finds the slot of a domain that may be written to, and copies it. */
static bool copy_slot(struct batv_memory *m, const char *domain, struct job *job,
		      struct batv_domain_slot *slot)
{
	struct batv_slot_name name;

	return batv_slot_writable(m) && batv_slot_is_whole(m) &&
	       batv_slot_name(domain, &name) == BATV_OK &&
	       batv_slot_find(m, &name, &job->index, slot) && batv_slot_read(m, job->index, slot);
}

static void accepted_body(struct batv_memory *m, void *arg)
{
	const struct job *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);
	struct batv_domain_day *d = &slot->days[job->today % BATV_DOMAIN_DAYS];

	count_accepted(&d->accepted, job->today);
	for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++) {
		uint64_t word = load(&d->senders[i]);

		if (job->sender == 0 || word == word_of(job->today, job->sender))
			return;
		if (word >> WORD_BITS != job->today &&
		    change(&d->senders[i], word, word_of(job->today, job->sender)))
			return;
	}
}

void batv_sending_accepted(struct batv_memory *memory, const char *domain, uint64_t sender,
			   int64_t now)
{
	struct job job = {.today = day_of(now), .sender = sender};
	struct batv_domain_slot slot;
	uint64_t seen;

	if (!copy_slot(memory, domain, &job, &slot))
		return;
	seen = slot.days[job.today % BATV_DOMAIN_DAYS].seen;
	if (seen >> WORD_BITS != job.today || (seen & SEEN_MASK) < SEEN_ENOUGH)
		(void)batv_memory_guard(memory, accepted_body, &job);
}

/* The message is of the last day on which there is one. */
static void failed_body(struct batv_memory *m, void *arg)
{
	const struct job *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);
	uint64_t *last = NULL;

	for (size_t i = 0; i < BATV_DOMAIN_DAYS; i++) {
		uint64_t *word = &slot->days[i].accepted;

		if (counts(load(word), job->today) && (!last || load(word) > load(last)))
			last = word;
	}
	if (last)
		(void)change(last, load(last), load(last) - 1);
}

void batv_sending_failed(struct batv_memory *memory, const char *domain, int64_t now)
{
	struct job job = {.today = day_of(now)};
	struct batv_domain_slot slot;

	if (copy_slot(memory, domain, &job, &slot))
		(void)batv_memory_guard(memory, failed_body, &job);
}

static void untagged_body(struct batv_memory *m, void *arg)
{
	const struct job *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);
	unsigned n = 0;

	if (counts_on(__atomic_load_n(&slot->untagged_day, __ATOMIC_RELAXED), job->today))
		n = __atomic_load_n(&slot->untagged, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->untagged, (uint8_t)(n < UINT8_MAX ? n + 1 : n), __ATOMIC_RELAXED);
	__atomic_store_n(&slot->untagged_day, (uint16_t)job->today, __ATOMIC_RELAXED);
}

void batv_sending_untagged(struct batv_memory *memory, const char *domain, int64_t now)
{
	struct job job = {.today = day_of(now)};
	struct batv_domain_slot slot;

	if (copy_slot(memory, domain, &job, &slot))
		(void)batv_memory_guard(memory, untagged_body, &job);
}

/* ---- Mail that was sent elsewhere ---- */

static bool is_recent(const struct batv_domain_foreign *f, uint64_t today)
{
	uint64_t day = f->id >> WORD_BITS;

	return (f->id & WORD_MASK) != 0 && day <= today + 1 &&
	       day + BATV_SENDING_FOREIGN_DAYS > today;
}

static bool knows_id(const struct batv_domain_foreign *f, uint64_t id)
{
	for (size_t i = 0; i < BATV_DOMAIN_FOREIGN_DAYS; i++)
		if ((load(&f[i].id) & WORD_MASK) == id)
			return true;
	return false;
}

/* Notes the network beside those that are there.  A day has room for two. */
static void note_network(struct batv_domain_foreign *f, uint64_t network, uint64_t day)
{
	uint64_t word = load(&f->networks), half = network & HALF_MASK;
	uint64_t first = word & HALF_MASK, second = word >> HALF_BITS & HALF_MASK;

	if (half == 0)
		return;
	if (word >> WORD_BITS != day)
		(void)change(&f->networks, word, word_of(day, half));
	else if (first != half && second == 0)
		(void)change(&f->networks, word, word_of(day, half << HALF_BITS | first));
}

/* Do the last days' ids come from two networks? */
static bool from_two_networks(const struct batv_domain_foreign *f, uint64_t today)
{
	uint64_t first = 0;

	for (size_t i = 0; i < BATV_DOMAIN_FOREIGN_DAYS; i++) {
		uint64_t word = load(&f[i].networks);

		if (!is_recent(&f[i], today) || word >> WORD_BITS != f[i].id >> WORD_BITS)
			continue;
		for (unsigned shift = 0; shift <= HALF_BITS; shift += HALF_BITS) {
			uint64_t half = word >> shift & HALF_MASK;

			if (half && first && half != first)
				return true;
			first = half ? half : first;
		}
	}
	return false;
}

static void elsewhere_body(struct batv_memory *m, void *arg)
{
	struct job *job = arg;
	struct batv_domain_slot *slot = batv_slot_at(m, job->index);
	struct batv_domain_foreign *f = &slot->foreign[job->today % BATV_DOMAIN_FOREIGN_DAYS];

	/* the same message may come back from many hosts, and on many days: it is one id */
	job->is_new = !knows_id(slot->foreign, job->id);
	if (load(&f->id) >> WORD_BITS != job->today) {
		if (!job->is_new)
			return;
		(void)change(&f->id, load(&f->id), word_of(job->today, job->id));
	}
	note_network(f, job->network, job->today);
	if (!from_two_networks(slot->foreign, job->today))
		return;
	note_day(&slot->counted_days, job->today);
	for (size_t i = 0; i < BATV_DOMAIN_FOREIGN_DAYS; i++)
		if (is_recent(&slot->foreign[i], job->today))
			note_earlier(&slot->counted_days, slot->foreign[i].id >> WORD_BITS);
}

bool batv_sending_elsewhere(struct batv_memory *memory, const char *domain, uint64_t id,
			    uint64_t network, int64_t now)
{
	struct job job = {.today = day_of(now), .id = id, .network = network};
	struct batv_domain_slot slot;

	return id != 0 && copy_slot(memory, domain, &job, &slot) &&
	       batv_memory_guard(memory, elsewhere_body, &job) && job.is_new;
}

void batv_sending_foreign(const struct batv_sending *s, int64_t now,
			  struct batv_sending_foreign *out)
{
	uint64_t today = day_of(now), day;

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < BATV_DOMAIN_FOREIGN_DAYS; i++) {
		day = s->foreign[i].id >> WORD_BITS;
		if (counts(s->foreign[i].id, today) && out->id_last < (int64_t)(day + 1) * BATV_DAY)
			out->id_last = (int64_t)(day + 1) * BATV_DAY;
	}
	for (day = today + 1; day > 0 && day + WORD_BITS > today; day--) {
		if (!has_day(s->counted_days, day))
			continue;
		if (out->last == 0)
			out->last = (int64_t)(day + 1) * BATV_DAY;
		if (day + BATV_SENDING_FOREIGN_DAYS > today)
			out->recent++;
	}
}

/* ---- What it says ---- */

void batv_sending_evidence(const struct batv_sending *s, int64_t bounces_since, int64_t now,
			   struct batv_sending_evidence *out)
{
	uint64_t today = day_of(now), after = bounces_since > 0 ? day_of(bounces_since) : 0;

	memset(out, 0, sizeof *out);
	for (uint64_t day = today + 1; day > 0 && counts_on(day, today); day--)
		if (has_day(s->signed_days, day)) {
			out->days++;
			out->since = (int64_t)day * BATV_DAY;
		}
	out->senders = different(s->senders, BATV_DOMAIN_HASHES, 0, today);
	out->domains = different(s->domains, BATV_DOMAIN_HASHES, 0, today);
	out->tags = different(s->tags, BATV_DOMAIN_HASHES, after, today);
	out->networks = different(s->networks, BATV_DOMAIN_HASHES, after, today);
	if (counts_on(s->untagged_day, today))
		out->untagged = s->untagged;
}

/* Is this hash one of the senders of these days? */
static bool is_among(uint64_t word, const uint64_t *senders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((senders[i] & WORD_MASK) == (word & WORD_MASK))
			return true;
	return false;
}

static bool are_all_among(const struct batv_sending *s, const uint64_t *senders, size_t n,
			  uint64_t today)
{
	for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++)
		if (counts(s->senders[i], today) && !is_among(s->senders[i], senders, n))
			return false;
	return true;
}

static uint64_t last_seen(const struct batv_sending *s, uint64_t today)
{
	uint64_t last = 0;

	for (size_t i = 0; i < BATV_DOMAIN_DAYS; i++) {
		uint64_t day = s->days[i].seen >> WORD_BITS;

		if (counts(s->days[i].seen, today) && day > last)
			last = day;
	}
	return last;
}

/* Mail that is younger than this may still wait: one message waited for so long. */
static uint64_t longest_wait(const struct batv_sending *s, uint64_t today)
{
	uint64_t hours = 0;

	for (size_t i = 0; i < BATV_DOMAIN_DAYS; i++)
		if (counts(s->days[i].seen, today) && hours_of(s->days[i].seen) > hours)
			hours = hours_of(s->days[i].seen);
	return hours * 3600;
}

static void add_few(const struct batv_domain_day *d, struct batv_sending_unseen *out)
{
	uint64_t accepted = d->accepted & WORD_MASK, seen = 0;

	if (d->seen >> WORD_BITS == d->accepted >> WORD_BITS)
		seen = d->seen & SEEN_MASK;
	if (accepted < FEW_ACCEPTED || seen >= SEEN_ENOUGH || (seen + 1) * SEEN_SHARE >= accepted)
		return;
	out->few_accepted += accepted;
	out->few_seen += seen;
}

void batv_sending_unseen(const struct batv_sending *s, int64_t now, struct batv_sending_unseen *out)
{
	uint64_t today = day_of(now), seen = last_seen(s, today);
	uint64_t waited = longest_wait(s, today);
	uint64_t senders[BATV_DOMAIN_DAYS * BATV_DOMAIN_HASHES];
	size_t n = 0;

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < BATV_DOMAIN_DAYS; i++) {
		const struct batv_domain_day *d = &s->days[i];
		uint64_t day = d->accepted >> WORD_BITS;

		if (!counts(d->accepted, today) || now < 0 ||
		    (day + 1) * BATV_DAY + waited > (uint64_t)now)
			continue;
		if (seen)
			add_few(d, out);
		if (day <= seen)
			continue;
		out->accepted += d->accepted & WORD_MASK;
		out->days++;
		for (size_t j = 0; j < BATV_DOMAIN_HASHES; j++)
			if (d->senders[j] >> WORD_BITS == day)
				senders[n++] = word_of(today, d->senders[j]);
	}
	out->senders = different(senders, n, 0, today);
	out->broken = out->accepted >= UNSEEN_MESSAGES && out->days >= UNSEEN_DAYS &&
		      (out->senders >= BATV_DOMAIN_HASHES || are_all_among(s, senders, n, today));
}

/* ---- Copies ---- */

#define WORDS (offsetof(struct batv_sending, untagged_day) / sizeof(uint64_t))

void batv_sending_copy(const struct batv_domain_slot *slot, struct batv_sending *out)
{
	const uint64_t *from = slot->senders;
	uint64_t *to = out->senders;

	for (size_t i = 0; i < WORDS; i++)
		to[i] = load(from + i);
	out->untagged_day = __atomic_load_n(&slot->untagged_day, __ATOMIC_RELAXED);
	out->untagged = __atomic_load_n(&slot->untagged, __ATOMIC_RELAXED);
}

bool batv_sending_is_empty(const struct batv_sending *s)
{
	const uint64_t *words = s->senders;

	for (size_t i = 0; i < WORDS; i++)
		if (words[i] != 0)
			return false;
	return s->untagged == 0;
}

/* Adds hashes of another file: a later day of the same hash, or in the place of an older one. */
static void merge_hashes(uint64_t to[static BATV_DOMAIN_HASHES],
			 const uint64_t from[static BATV_DOMAIN_HASHES])
{
	for (size_t i = 0; i < BATV_DOMAIN_HASHES; i++) {
		size_t place = 0;

		for (size_t j = 1; j < BATV_DOMAIN_HASHES; j++)
			if (load(&to[j]) < load(&to[place]))
				place = j;
		for (size_t j = 0; j < BATV_DOMAIN_HASHES; j++)
			if ((load(&to[j]) & WORD_MASK) == (from[i] & WORD_MASK))
				place = j;
		if (from[i] > load(&to[place]))
			(void)change(&to[place], load(&to[place]), from[i]);
	}
}

static void merge_days(uint64_t *to, uint64_t from)
{
	uint64_t have = load(to), early = have < from ? have : from,
		 late = have < from ? from : have;
	uint64_t apart = (late >> WORD_BITS) - (early >> WORD_BITS);

	if (apart < WORD_BITS)
		late |= (early & WORD_MASK) << apart & WORD_MASK;
	if (late != have)
		(void)change(to, have, late);
}

/* The later day, and on the same day the larger number. */
static void merge_later(uint64_t *to, uint64_t from)
{
	if (from > load(to))
		(void)change(to, load(to), from);
}

static void merge_day(struct batv_domain_day *to, const struct batv_domain_day *from)
{
	merge_later(&to->accepted, from->accepted);
	merge_later(&to->seen, from->seen);
	merge_hashes(to->senders, from->senders);
}

static void merge_foreign(struct batv_domain_foreign *to, const struct batv_domain_foreign *from)
{
	uint64_t word = from->networks;

	if (from->id >> WORD_BITS > load(&to->id) >> WORD_BITS)
		(void)change(&to->id, load(&to->id), from->id);
	for (unsigned shift = 0; shift <= HALF_BITS; shift += HALF_BITS)
		if (word >> WORD_BITS >= load(&to->networks) >> WORD_BITS)
			note_network(to, word >> shift & HALF_MASK, word >> WORD_BITS);
}

void batv_sending_merge(struct batv_domain_slot *slot, const struct batv_sending *from)
{
	merge_hashes(slot->senders, from->senders);
	merge_hashes(slot->domains, from->domains);
	merge_hashes(slot->tags, from->tags);
	merge_hashes(slot->networks, from->networks);
	merge_days(&slot->signed_days, from->signed_days);
	merge_days(&slot->counted_days, from->counted_days);
	for (size_t i = 0; i < BATV_DOMAIN_DAYS; i++)
		merge_day(&slot->days[i], &from->days[i]);
	for (size_t i = 0; i < BATV_DOMAIN_FOREIGN_DAYS; i++)
		merge_foreign(&slot->foreign[i], &from->foreign[i]);
	if (from->untagged_day > __atomic_load_n(&slot->untagged_day, __ATOMIC_RELAXED)) {
		__atomic_store_n(&slot->untagged, from->untagged, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->untagged_day, from->untagged_day, __ATOMIC_RELAXED);
	}
}
