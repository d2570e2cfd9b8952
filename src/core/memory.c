/*
 * memory.c - the shared memory file in use: the header page, the counters and the domain
 * table.  memory_layout.h has the layout.
 *
 * Any number of processes read and write at once, and any of them may be killed at any
 * instruction: all writes are single atomic words, and a word that is half of something
 * (a claimed slot without its name) is never believed.  No locks, no allocation, no clock.
 *
 * Why a name has one slot only: a slot goes EMPTY -> CLAIMING -> READY or GONE and stays
 * there, and a process claims a slot only after it has seen every earlier slot of the name's
 * run READY with another name, or GONE.  It never passes a slot that is CLAIMING: it waits for
 * a moment and then ends that claim.  So of two processes with one name the later finds
 * the earlier one's slot, or ends its claim, and then the earlier one starts again.
 */
#include "memory_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "safefile.h"

#define SETTLE_YIELDS 200	/* patience with another process's claim; it takes a microsecond */
#define CLAIM_TRIES 16		/* claims of ours that others may end, before we give up */
#define EVIDENCE_STEP 3600	/* seconds: last_ times are written that often */
#define ROWS_MAX 65536
#define SLOTS_MAX (UINT64_C(1) << 24)

_Static_assert(__atomic_always_lock_free(8, 0), "needs 64-bit atomics that work between processes");
_Static_assert((size_t)BATV_COUNT_END <= BATV_COUNTERS_ROOM, "the file has room for every counter");

/* ---- Opening ---- */

uint64_t batv_memory_sum(const struct batv_memory_head *head)
{
	size_t n = head->n_sections;
	uint64_t sum = batv_fnv64(BATV_FNV_START, head, offsetof(struct batv_memory_head, sum));

	if (n > BATV_MEMORY_SECTIONS_MAX)
		n = BATV_MEMORY_SECTIONS_MAX;
	return batv_fnv64(sum, head->section, n * sizeof head->section[0]);
}

static bool section_in_place(const struct batv_memory_section *s, uint64_t file_size)
{
	return s->offset >= BATV_MEMORY_PAGE && s->offset % BATV_MEMORY_PAGE == 0 && s->size > 0 &&
	       s->size % BATV_MEMORY_PAGE == 0 && s->offset <= file_size &&
	       s->size <= file_size - s->offset;
}

static bool sections_apart(const struct batv_memory_section *a, const struct batv_memory_section *b)
{
	return a->offset + a->size <= b->offset || b->offset + b->size <= a->offset;
}

static bool take_counters(const struct batv_memory_section *s, struct batv_memory *m)
{
	uint64_t rows = s->param[0];

	if (m->counters_at || rows == 0 || rows > ROWS_MAX || s->param[1] != BATV_COUNTER_DAYS ||
	    s->param[2] != sizeof(struct batv_counter_row) ||
	    rows * sizeof(struct batv_counter_row) > s->size)
		return false;
	m->counters_at = (size_t)s->offset;
	m->counters_count = (size_t)rows;
	return true;
}

static bool take_domains(const struct batv_memory_section *s, struct batv_memory *m)
{
	uint64_t slots = s->param[0];

	if (m->domains_at || slots == 0 || slots > SLOTS_MAX || (slots & (slots - 1)) != 0 ||
	    s->param[1] != sizeof(struct batv_domain_slot) || s->param[2] != BATV_DOMAIN_PROBES ||
	    slots * sizeof(struct batv_domain_slot) > s->size)
		return false;
	m->domains_at = (size_t)s->offset;
	m->domain_slots = (size_t)slots;
	return true;
}

static bool take_filter(const struct batv_memory_section *s, struct batv_memory *m, unsigned which)
{
	uint64_t blocks = s->param[0], lines = s->param[1], bits = s->param[2];
	struct batv_filter *f = &m->filters[which];

	if (f->at || blocks == 0 || blocks > UINT32_MAX || lines < BATV_LINES_MIN ||
	    lines > BATV_LINES_MAX || (lines & (lines - 1)) != 0 || bits == 0 ||
	    bits > BATV_ITEM_BITS_MAX || s->param[3] == 0 || s->param[4] > INT64_MAX ||
	    blocks * lines * BATV_LINE_SIZE > s->size)
		return false;
	*f = (struct batv_filter){ .at = (size_t)s->offset,
				   .blocks = (uint32_t)blocks,
				   .lines = (unsigned)lines,
				   .bits = (unsigned)bits,
				   .capacity = s->param[3],
				   .since = (int64_t)s->param[4],
				   .key_check = s->key_check };
	return true;
}

static bool take_tally(const struct batv_memory_section *s, struct batv_memory *m, unsigned which)
{
	uint64_t pages = s->param[0];

	if (m->tally_at[which] || pages == 0 || pages > UINT32_MAX ||
	    pages * BATV_MEMORY_PAGE > s->size)
		return false;
	m->tally_at[which] = (size_t)s->offset;
	m->tally_pages[which] = (size_t)pages;
	return true;
}

/* Section i of the directory: in place, clear of those before it, and understood or skipped. */
static bool take_section(const struct batv_memory_head *head, size_t i, struct batv_memory *m)
{
	const struct batv_memory_section *s = &head->section[i];
	size_t j;

	if (!section_in_place(s, head->size))
		return false;
	for (j = 0; j < i; j++)
		if (!sections_apart(&head->section[j], s))
			return false;
	switch (s->type) {
	case 0:
		return false;
	case BATV_SECTION_COUNTERS:
		return take_counters(s, m);
	case BATV_SECTION_DOMAINS:
		return take_domains(s, m);
	case BATV_SECTION_IDS:
	case BATV_SECTION_PAIRS:
		return take_filter(s, m, s->type - BATV_SECTION_IDS);
	case BATV_SECTION_ID_HITS:
	case BATV_SECTION_TAG_BOUNCES:
	case BATV_SECTION_TAG_MAILS:
		return take_tally(s, m, s->type - BATV_SECTION_ID_HITS);
	default:
		return true;	/* of a later version */
	}
}

enum batv_err batv_memory_head_check(const struct batv_memory_head *head, uint64_t file_size,
				     struct batv_memory *memory)
{
	struct batv_memory m = { .generation = head->generation };
	size_t i;

	if (memcmp(head->magic, BATV_MEMORY_MAGIC, sizeof head->magic) != 0 ||
	    head->order != BATV_MEMORY_ORDER)
		return BATV_E_DAMAGED;
	if (head->version != BATV_MEMORY_VERSION)
		return BATV_E_VERSION;
	if (head->size != file_size || file_size > SIZE_MAX / 2 ||
	    head->n_sections > BATV_MEMORY_SECTIONS_MAX || head->sum != batv_memory_sum(head))
		return BATV_E_DAMAGED;
	for (i = 0; i < head->n_sections; i++)
		if (!take_section(head, i, &m))
			return BATV_E_DAMAGED;
	*memory = m;
	return BATV_OK;
}

/* The header page is read, not mapped: what is checked cannot change or fault under the check. */
static enum batv_err map_file(struct batv_memory *memory, int fd, const struct stat *st,
			      bool writable)
{
	struct batv_memory_head head;
	struct batv_memory m;
	enum batv_err err;
	ssize_t n = pread(fd, &head, sizeof head, 0);

	if (n < 0)
		return BATV_E_IO;
	if ((size_t)n != sizeof head)
		return BATV_E_DAMAGED;
	err = batv_memory_head_check(&head, (uint64_t)st->st_size, &m);
	if (err != BATV_OK)
		return err;
	m.size = (size_t)st->st_size;
	m.base = mmap(NULL, m.size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
		      0);
	if (m.base == MAP_FAILED)
		return BATV_E_IO;
	m.dev = (int64_t)st->st_dev;
	m.ino = (int64_t)st->st_ino;
	m.writable = writable;
	*memory = m;
	return BATV_OK;
}

static bool mapped_already(const struct batv_memory *m, const struct stat *st)
{
	return m->base && m->dev == (int64_t)st->st_dev && m->ino == (int64_t)st->st_ino &&
	       m->size == (size_t)st->st_size;
}

enum batv_err batv_memory_open(struct batv_memory *memory, int dirfd, const char *name)
{
	struct stat st;
	bool writable = true;
	int fd = -1, saved;
	enum batv_err err = batv_file_open(dirfd, name, O_RDWR, true, &fd, &st);

	if (err == BATV_E_IO && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		writable = false;
		err = batv_file_open(dirfd, name, O_RDONLY, true, &fd, &st);
	}
	if (err == BATV_OK && !mapped_already(memory, &st)) {
		batv_memory_close(memory);
		err = map_file(memory, fd, &st, writable);
	}
	saved = errno;
	if (fd >= 0)
		(void)close(fd);
	if (err != BATV_OK)
		batv_memory_close(memory);
	errno = saved;
	return err;
}

void batv_memory_close(struct batv_memory *memory)
{
	if (memory->base)
		(void)munmap(memory->base, memory->size);
	memset(memory, 0, sizeof *memory);
}

static struct batv_memory_head *head_of(const struct batv_memory *m)
{
	return m->base;
}

/* ---- Counters ---- */

struct count_job {
	size_t counter;
	unsigned days;
	int64_t now;
	uint64_t sum;
};

/* Days since 1970, as much of them as a stamp holds (45,000 years). */
static uint64_t day_of(int64_t now)
{
	int64_t day = now > 0 ? now / 86400 : 0;

	return day < 0xffffff ? (uint64_t)day : 0xffffff;
}

static struct batv_counter_row *row_of(const struct batv_memory *m, size_t counter)
{
	return (struct batv_counter_row *)(void *)((char *)m->base + m->counters_at) + counter;
}

/*
 * Both begin with a guess instead of a look: the first access to a page is then a write, and
 * costs one page fault where a look would cost a second, larger one.
 */
static void add_life(uint64_t *word)
{
	uint64_t w = 0;

	while (w != UINT64_MAX && !__atomic_compare_exchange_n(word, &w, w + 1, true,
							       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/*
 * A stamp of an earlier day is replaced, and with it its count: no pass clears anything.  A
 * later day than ours stays: either clock may be the wrong one, and what is counted
 * is worth more than what we would add.
 */
static void add_day(uint64_t *word, uint64_t day)
{
	uint64_t w = 0, next;

	do {
		uint64_t stamp = w >> BATV_COUNT_BITS;

		if (stamp > day || (stamp == day && (w & BATV_COUNT_MAX) == BATV_COUNT_MAX))
			return;
		next = stamp == day ? w + 1 : (day << BATV_COUNT_BITS) + 1;
	} while (!__atomic_compare_exchange_n(word, &w, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

bool batv_counter_read(const struct batv_memory *m, size_t counter, uint64_t day, uint64_t *count)
{
	struct batv_counter_row *row = row_of(m, counter);
	/* Adding nothing: the page fault, if there is one, is that of the write to come. */
	uint64_t w = __atomic_fetch_add(&row->day[day % BATV_COUNTER_DAYS], 0, __ATOMIC_RELAXED);

	*count = w >> BATV_COUNT_BITS == day ? w & BATV_COUNT_MAX : 0;
	return w >> BATV_COUNT_BITS <= day;
}

void batv_counter_add(const struct batv_memory *m, size_t counter, uint64_t day)
{
	struct batv_counter_row *row = row_of(m, counter);

	add_life(&row->life);
	add_day(&row->day[day % BATV_COUNTER_DAYS], day);
}

static void count_body(struct batv_memory *m, void *arg)
{
	const struct count_job *job = arg;

	batv_counter_add(m, job->counter, day_of(job->now));
}

static void counted_body(struct batv_memory *m, void *arg)
{
	struct count_job *job = arg;
	const struct batv_counter_row *row = row_of(m, job->counter);
	uint64_t day = day_of(job->now), sum = 0;
	unsigned i;

	if (job->days == 0)
		sum = __atomic_load_n(&row->life, __ATOMIC_RELAXED);
	for (i = 0; i < job->days && i <= day; i++) {
		uint64_t w = __atomic_load_n(&row->day[(day - i) % BATV_COUNTER_DAYS],
					     __ATOMIC_RELAXED);

		if (w >> BATV_COUNT_BITS == day - i)
			sum += w & BATV_COUNT_MAX;
	}
	job->sum = sum;
}

size_t batv_counter_of(enum batv_verdict v, enum batv_class c, enum batv_action a)
{
	return ((size_t)v * BATV_CLASS_COUNT + (size_t)c) * BATV_ACTION_COUNT + (size_t)a;
}

void batv_count(struct batv_memory *memory, size_t counter, int64_t now)
{
	struct count_job job = { .counter = counter, .now = now };

	if (memory->writable && memory->counters_at && counter < memory->counters_count)
		(void)batv_memory_guard(memory, count_body, &job);
}

uint64_t batv_counted(const struct batv_memory *memory, size_t counter, unsigned days, int64_t now)
{
	struct count_job job = { .counter = counter, .days = days, .now = now };

	if (job.days > BATV_COUNTER_DAYS)
		job.days = BATV_COUNTER_DAYS;
	if (!memory->counters_at || counter >= memory->counters_count ||
	    !batv_memory_guard_read(memory, counted_body, &job))
		return 0;
	return job.sum;
}

/* ---- The header page's times ---- */

static void bare_last_body(struct batv_memory *m, void *arg)
{
	*(int64_t *)arg = __atomic_load_n(&head_of(m)->bare_last, __ATOMIC_RELAXED);
}

static void bare_now_body(struct batv_memory *m, void *arg)
{
	__atomic_store_n(&head_of(m)->bare_last, *(int64_t *)arg, __ATOMIC_RELAXED);
}

static void created_body(struct batv_memory *m, void *arg)
{
	*(int64_t *)arg = head_of(m)->created;
}

int64_t batv_memory_bare_last(const struct batv_memory *memory)
{
	int64_t when = 0;

	return batv_memory_guard_read(memory, bare_last_body, &when) ? when : 0;
}

void batv_memory_bare_now(struct batv_memory *memory, int64_t now)
{
	int64_t when = now;

	if (!memory->writable)
		return;
	(void)batv_memory_guard(memory, bare_now_body, &when);
	batv_count(memory, BATV_COUNT_LEFT_NO_STATE, now);
}

int64_t batv_memory_created(const struct batv_memory *memory)
{
	int64_t when = 0;

	return batv_memory_guard_read(memory, created_body, &when) ? when : 0;
}

/* ---- The domain table ---- */

struct domain_job {
	char name[BATV_DOMAIN_NAME_MAX + 1];
	size_t len;
	uint32_t sum;			/* of the policy */
	enum batv_evidence what;
	uint32_t when;
	size_t index;
	uint32_t flags;
	unsigned ended;			/* claims that batv_domain_reclaim ended */
	enum batv_err err;
	bool found;
	struct batv_domain domain;
};

size_t batv_domain_home(const char *name, size_t len, size_t slots)
{
	uint64_t h = batv_fnv64(BATV_FNV_START, name, len);

	return (size_t)(h ^ h >> 32) & (slots - 1);
}

uint32_t batv_policy_sum(const char *policy_name)
{
	struct batv_span s = batv_span_of(policy_name);
	uint64_t h = batv_fnv64(BATV_FNV_START, s.p, s.len);
	uint32_t sum = (uint32_t)(h ^ h >> 32);

	return sum ? sum : 1;		/* 0: not known */
}

/* 32 bits of seconds; 0 means never. */
static uint32_t stamp_of(int64_t now)
{
	return now < 1 ? 1 : now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
}

static enum batv_err take_name(const char *domain, struct domain_job *job)
{
	struct batv_span s = batv_span_of(domain);
	size_t i;

	if (s.len == 0)
		return BATV_E_SYNTAX;
	if (s.len > BATV_DOMAIN_NAME_MAX)
		return BATV_E_TOO_LONG;
	for (i = 0; i < s.len; i++)
		job->name[i] = batv_fold(s.p[i]);
	job->name[s.len] = '\0';
	job->len = s.len;
	return BATV_OK;
}

static struct batv_domain_slot *slot_at(const struct batv_memory *m, size_t index)
{
	return (struct batv_domain_slot *)(void *)((char *)m->base + m->domains_at) +
	       (index & (m->domain_slots - 1));
}

static size_t probes_of(const struct batv_memory *m)
{
	return m->domain_slots < BATV_DOMAIN_PROBES ? m->domain_slots : BATV_DOMAIN_PROBES;
}

static enum batv_slot_state state_of(uint64_t claim)
{
	uint32_t state = (uint32_t)claim;

	return state <= BATV_SLOT_READY ? (enum batv_slot_state)state : BATV_SLOT_GONE;
}

static uint64_t claim_word(uint32_t when, enum batv_slot_state state)
{
	return (uint64_t)when << 32 | (uint64_t)state;
}

/* Acquire: who sees READY sees the name. */
static uint64_t claim_of(const struct batv_domain_slot *slot)
{
	return __atomic_load_n(&slot->claim, __ATOMIC_ACQUIRE);
}

static bool claim_change(struct batv_domain_slot *slot, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(&slot->claim, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static bool has_name(const struct batv_domain_slot *slot, const struct domain_job *job)
{
	return memcmp(slot->name, job->name, job->len + 1) == 0;
}

/*
 * The slot's claim word once it is not CLAIMING.  The claimer needs a microsecond; if it was
 * stopped or killed in it, the claim is ended for it.
 */
static uint64_t settled(struct batv_domain_slot *slot)
{
	uint64_t w = claim_of(slot);
	unsigned i;

	for (i = 0; state_of(w) == BATV_SLOT_CLAIMING; i++, w = claim_of(slot)) {
		if (i < SETTLE_YIELDS)
			(void)sched_yield();
		else
			(void)claim_change(slot, w,
					   claim_word((uint32_t)(w >> 32), BATV_SLOT_GONE));
	}
	return w;
}

/* Name into a slot that we have claimed.  False: somebody lost patience and ended the claim. */
static bool publish(struct batv_domain_slot *slot, const struct domain_job *job, uint64_t claim)
{
	memcpy(slot->name, job->name, job->len + 1);
	return claim_change(slot, claim, claim_word((uint32_t)(claim >> 32), BATV_SLOT_READY));
}

/*
 * One walk along the name's run: its slot, found or claimed.  NULL: *again, or it is full.  It
 * tries to claim before it looks, which spares a page fault, as with the counters.
 */
static struct batv_domain_slot *walk(const struct batv_memory *m, const struct domain_job *job,
				     bool *again)
{
	size_t home = batv_domain_home(job->name, job->len, m->domain_slots), i;
	uint64_t mine = claim_word(job->when, BATV_SLOT_CLAIMING);

	*again = false;
	for (i = 0; i < probes_of(m); i++) {
		struct batv_domain_slot *slot = slot_at(m, home + i);
		enum batv_slot_state state;

		if (claim_change(slot, 0, mine)) {
			*again = !publish(slot, job, mine);
			return *again ? NULL : slot;
		}
		state = state_of(settled(slot));
		if (state == BATV_SLOT_READY && has_name(slot, job))
			return slot;
		if (state == BATV_SLOT_EMPTY)	/* of a damaged file: a time without a claim */
			return NULL;
	}
	return NULL;
}

static struct batv_domain_slot *find_or_claim(const struct batv_memory *m,
					      const struct domain_job *job)
{
	unsigned i;
	bool again = true;
	struct batv_domain_slot *slot = NULL;

	for (i = 0; i < CLAIM_TRIES && again; i++)
		slot = walk(m, job, &again);
	return slot;
}

/* The slot with the name, without changing anything.  Who is still claiming is not there yet. */
static struct batv_domain_slot *look_up(const struct batv_memory *m, struct domain_job *job)
{
	size_t home = batv_domain_home(job->name, job->len, m->domain_slots), i;

	for (i = 0; i < probes_of(m); i++) {
		struct batv_domain_slot *slot = slot_at(m, home + i);
		enum batv_slot_state state = state_of(claim_of(slot));

		if (state == BATV_SLOT_EMPTY)
			break;
		if (state == BATV_SLOT_READY && has_name(slot, job))
			return slot;
	}
	return NULL;
}

/* Set once; but one from the future was dated by a clock that was wrong. */
static void note_first(uint32_t *field, uint32_t when)
{
	uint32_t first = __atomic_load_n(field, __ATOMIC_RELAXED);

	if (first == 0 || (first > when && first - when > BATV_DAY))
		(void)__atomic_compare_exchange_n(field, &first, when, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
}

static void note_last(uint32_t *field, uint32_t when)
{
	uint32_t last = __atomic_load_n(field, __ATOMIC_RELAXED);
	uint32_t apart = when > last ? when - last : last - when;

	if (last == 0 || apart >= EVIDENCE_STEP)
		__atomic_store_n(field, when, __ATOMIC_RELAXED);
}

/* Written only when there is something: the page stays clean. */
static void forget(uint32_t *field)
{
	if (__atomic_load_n(field, __ATOMIC_RELAXED) != 0)
		__atomic_store_n(field, 0, __ATOMIC_RELAXED);
}

static void note_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	struct batv_domain_slot *slot = find_or_claim(m, job);

	if (!slot) {
		job->err = BATV_E_FULL;
		return;
	}
	if (__atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED) != job->sum)
		__atomic_store_n(&slot->policy_sum, job->sum, __ATOMIC_RELAXED);
	if (job->what == BATV_EVIDENCE_SIGNED) {
		note_first(&slot->first_signed, job->when);
		note_last(&slot->last_signed, job->when);
	} else {
		note_first(&slot->first_valid, job->when);
		note_last(&slot->last_valid, job->when);
	}
	job->err = BATV_OK;
}

enum batv_err batv_domain_note(struct batv_memory *memory, const char *domain, const char *policy,
			       enum batv_evidence what, int64_t now)
{
	struct domain_job job;
	enum batv_err err = take_name(domain, &job);

	if (err != BATV_OK)
		return err;
	job.sum = batv_policy_sum(policy);
	job.what = what;
	job.when = stamp_of(now);
	if (!memory->writable || !memory->domains_at || !batv_memory_guard(memory, note_body, &job))
		return BATV_E_NO_FILE;
	return job.err;
}

/* The first ones go first: without them the last ones say nothing.  batvd may be dead: no flag stays. */
static void left_bare_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	struct batv_domain_slot *slot = look_up(m, job);

	if (!slot)
		return;
	if (job->sum && __atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED) != job->sum)
		__atomic_store_n(&slot->policy_sum, job->sum, __ATOMIC_RELAXED);
	forget(&slot->first_signed);
	forget(&slot->first_valid);
	forget(&slot->last_signed);
	forget(&slot->last_valid);
	if (__atomic_load_n(&slot->flags, __ATOMIC_RELAXED) & BATV_DOMAIN_ARMED)
		(void)__atomic_and_fetch(&slot->flags, ~BATV_DOMAIN_ARMED, __ATOMIC_RELAXED);
}

void batv_domain_left_bare(struct batv_memory *memory, const char *domain, const char *policy)
{
	struct domain_job job;

	if (!memory->writable || !memory->domains_at || take_name(domain, &job) != BATV_OK)
		return;
	job.sum = policy ? batv_policy_sum(policy) : 0;
	(void)batv_memory_guard(memory, left_bare_body, &job);
}

/* A file that somebody wrote into may lack the name's NUL: it is cut, never overrun. */
static void copy_slot(const struct batv_domain_slot *slot, struct batv_domain *out)
{
	memcpy(out->name, slot->name, sizeof out->name);
	out->name[sizeof out->name - 1] = '\0';
	out->policy_sum = __atomic_load_n(&slot->policy_sum, __ATOMIC_RELAXED);
	out->flags = __atomic_load_n(&slot->flags, __ATOMIC_RELAXED);
	out->first_signed = __atomic_load_n(&slot->first_signed, __ATOMIC_RELAXED);
	out->last_signed = __atomic_load_n(&slot->last_signed, __ATOMIC_RELAXED);
	out->first_valid = __atomic_load_n(&slot->first_valid, __ATOMIC_RELAXED);
	out->last_valid = __atomic_load_n(&slot->last_valid, __ATOMIC_RELAXED);
	out->decided = __atomic_load_n(&slot->decided, __ATOMIC_RELAXED);
}

static void find_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	const struct batv_domain_slot *slot = look_up(m, job);

	if (slot)
		copy_slot(slot, &job->domain);
	job->found = slot != NULL;
}

bool batv_domain_find(const struct batv_memory *memory, const char *domain, struct batv_domain *out)
{
	struct domain_job job;

	if (!memory->domains_at || take_name(domain, &job) != BATV_OK ||
	    !batv_memory_guard_read(memory, find_body, &job) || !job.found)
		return false;
	*out = job.domain;
	return true;
}

static void at_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	const struct batv_domain_slot *slot = slot_at(m, job->index);

	job->found = state_of(claim_of(slot)) == BATV_SLOT_READY;
	if (job->found)
		copy_slot(slot, &job->domain);
}

bool batv_domain_at(const struct batv_memory *memory, size_t index, struct batv_domain *out)
{
	struct domain_job job;

	job.index = index;
	if (!memory->domains_at || index >= memory->domain_slots ||
	    !batv_memory_guard_read(memory, at_body, &job) || !job.found)
		return false;
	*out = job.domain;
	return true;
}

static void next_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;

	for (job->found = false; job->index < m->domain_slots; job->index++) {
		at_body(m, arg);
		if (job->found)
			return;
	}
}

bool batv_domain_next(const struct batv_memory *memory, size_t *index, struct batv_domain *out)
{
	struct domain_job job;

	job.index = *index;
	if (!memory->domains_at || !batv_memory_guard_read(memory, next_body, &job) || !job.found)
		return false;
	*index = job.index;
	*out = job.domain;
	return true;
}

/* The time first: a reader that sees the new flags finds no older decision beside them. */
static void set_flags_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	struct batv_domain_slot *slot = slot_at(m, job->index);

	job->found = state_of(claim_of(slot)) == BATV_SLOT_READY;
	if (!job->found || __atomic_load_n(&slot->flags, __ATOMIC_RELAXED) == job->flags)
		return;
	__atomic_store_n(&slot->decided, job->when, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->flags, job->flags, __ATOMIC_RELEASE);
}

enum batv_err batv_domain_set_flags(struct batv_memory *memory, size_t index, uint32_t flags,
				    int64_t now)
{
	struct domain_job job;

	if (!memory->base || !memory->writable || !memory->domains_at)
		return BATV_E_NO_FILE;
	if (index >= memory->domain_slots)
		return BATV_E_SYNTAX;
	job.index = index;
	job.flags = flags;
	job.when = stamp_of(now);
	if (!batv_memory_guard(memory, set_flags_body, &job))
		return BATV_E_NO_FILE;
	return job.found ? BATV_OK : BATV_E_SYNTAX;
}

static void reclaim_body(struct batv_memory *m, void *arg)
{
	struct domain_job *job = arg;
	size_t i;

	for (i = 0; i < m->domain_slots; i++) {
		struct batv_domain_slot *slot = slot_at(m, i);
		uint64_t w = claim_of(slot);
		uint32_t since = (uint32_t)(w >> 32);
		uint32_t age = job->when > since ? job->when - since : since - job->when;

		if (state_of(w) == BATV_SLOT_CLAIMING && age >= BATV_CLAIM_SECONDS &&
		    claim_change(slot, w, claim_word(since, BATV_SLOT_GONE)))
			job->ended++;
	}
}

unsigned batv_domain_reclaim(struct batv_memory *memory, int64_t now)
{
	struct domain_job job;

	job.when = stamp_of(now);
	job.ended = 0;
	if (!memory->writable || !memory->domains_at)
		return 0;
	(void)batv_memory_guard(memory, reclaim_body, &job);
	return job.ended;
}
