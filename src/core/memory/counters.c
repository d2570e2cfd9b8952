/*
 * counters.c - the shared memory file in use: the header page and the counters.  memory/layout.h
 * has the layout.
 *
 * Any number of processes read and write at once, and any of them may be killed at any
 * instruction: all writes are single atomic words.  No locks, no allocation, no clock.
 */
#include "memory/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/safefile.h"

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

static bool take_forged(const struct batv_memory_section *s, struct batv_memory *m)
{
	uint64_t pages = s->param[0];

	if (m->forged_at || pages == 0 || pages > UINT32_MAX || s->param[1] != BATV_FORGED_SLOTS ||
	    s->param[2] != sizeof(struct batv_forged_slot) || pages * BATV_MEMORY_PAGE > s->size)
		return false;
	m->forged_at = (size_t)s->offset;
	m->forged_pages = (size_t)pages;
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
	case BATV_SECTION_FORGED:
		return take_forged(s, m);
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

enum batv_err batv_memory_read_head(int fd, const struct stat *st, struct batv_memory *memory)
{
	struct batv_memory_head head;
	enum batv_err err;
	ssize_t n = pread(fd, &head, sizeof head, 0);

	if (n < 0)
		return BATV_E_IO;
	if ((size_t)n != sizeof head)
		return BATV_E_DAMAGED;
	err = batv_memory_head_check(&head, (uint64_t)st->st_size, memory);
	if (err != BATV_OK)
		return err;
	memory->dev = (int64_t)st->st_dev;
	memory->ino = (int64_t)st->st_ino;
	memory->file_size = (size_t)st->st_size;
	return BATV_OK;
}

static enum batv_err map_file(struct batv_memory *memory, int fd, const struct stat *st,
			      bool writable)
{
	struct batv_memory m;
	enum batv_err err = batv_memory_read_head(fd, st, &m);

	if (err != BATV_OK)
		return err;
	m.size = m.file_size;
	m.base = mmap(NULL, m.size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
		      0);
	if (m.base == MAP_FAILED)
		return BATV_E_IO;
	m.writable = writable;
	*memory = m;
	return BATV_OK;
}

bool batv_memory_is_file(const struct batv_memory *memory, const struct stat *st)
{
	return memory->dev == (int64_t)st->st_dev && memory->ino == (int64_t)st->st_ino;
}

static bool mapped_already(const struct batv_memory *m, const struct stat *st)
{
	return m->base && !m->windowed && batv_memory_is_file(m, st) &&
	       m->file_size == (size_t)st->st_size;
}

enum batv_err batv_memory_file(int dirfd, const char *name, int *fd, struct stat *st, bool *writable)
{
	enum batv_err err = batv_file_open(dirfd, name, O_RDWR, true, fd, st);

	*writable = true;
	if (err == BATV_E_IO && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		*writable = false;
		err = batv_file_open(dirfd, name, O_RDONLY, true, fd, st);
	}
	return err;
}

enum batv_err batv_memory_open(struct batv_memory *memory, int dirfd, const char *name)
{
	struct stat st;
	bool writable;
	int fd = -1, saved;
	enum batv_err err = batv_memory_file(dirfd, name, &fd, &st, &writable);

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
	batv_memory_release(memory);
	if (memory->base)
		(void)munmap(memory->base, memory->size);
	memset(memory, 0, sizeof *memory);
}

static struct batv_memory_head *head_of(struct batv_memory *m)
{
	return batv_memory_at(m, 0);
}

/* ---- Counters ---- */

struct count_job {
	size_t counter;
	int64_t now;
};

/* Days since 1970, as much of them as a stamp holds (45,000 years). */
static uint64_t day_of(int64_t now)
{
	int64_t day = now > 0 ? now / 86400 : 0;

	return day < 0xffffff ? (uint64_t)day : 0xffffff;
}

static size_t place_of(const struct batv_memory *m, size_t counter)
{
	return m->counters_at + counter * sizeof(struct batv_counter_row);
}

struct batv_counter_row *batv_counter_row(struct batv_memory *m, size_t counter)
{
	return batv_memory_at(m, place_of(m, counter));
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

bool batv_counter_read(struct batv_memory *m, size_t counter, uint64_t day, uint64_t *count)
{
	struct batv_counter_row *row = batv_counter_row(m, counter);
	/* Adding nothing: the page fault, if there is one, is that of the write to come. */
	uint64_t w = __atomic_fetch_add(&row->day[day % BATV_COUNTER_DAYS], 0, __ATOMIC_RELAXED);

	*count = w >> BATV_COUNT_BITS == day ? w & BATV_COUNT_MAX : 0;
	return w >> BATV_COUNT_BITS <= day;
}

void batv_counter_add(struct batv_memory *m, size_t counter, uint64_t day)
{
	struct batv_counter_row *row = batv_counter_row(m, counter);

	add_life(&row->life);
	add_day(&row->day[day % BATV_COUNTER_DAYS], day);
}

static void count_body(struct batv_memory *m, void *arg)
{
	const struct count_job *job = arg;

	batv_counter_add(m, job->counter, day_of(job->now));
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
	struct batv_counter_row row;
	uint64_t day = day_of(now), sum = 0;
	unsigned i;

	if (!memory->counters_at || counter >= memory->counters_count ||
	    !batv_memory_peek(memory, place_of(memory, counter), &row,
			      offsetof(struct batv_counter_row, reserved)))
		return 0;
	for (i = 0; i < days && i < BATV_COUNTER_DAYS && i <= day; i++) {
		uint64_t w = row.day[(day - i) % BATV_COUNTER_DAYS];

		if (w >> BATV_COUNT_BITS == day - i)
			sum += w & BATV_COUNT_MAX;
	}
	return days == 0 ? row.life : sum;
}

/* ---- The header page's times ---- */

static void bare_now_body(struct batv_memory *m, void *arg)
{
	__atomic_store_n(&head_of(m)->bare_last, *(int64_t *)arg, __ATOMIC_RELAXED);
}

int64_t batv_memory_bare_last(const struct batv_memory *memory)
{
	int64_t when;

	return batv_memory_peek(memory, offsetof(struct batv_memory_head, bare_last), &when,
				sizeof when) ? when : 0;
}

void batv_memory_bare_now(struct batv_memory *memory, int64_t now)
{
	int64_t when = now;

	if (!memory->writable)
		return;
	(void)batv_memory_guard(memory, bare_now_body, &when);
	batv_count(memory, BATV_COUNT_LEFT_NO_STATE, now);
}

static void bare_since_body(struct batv_memory *m, void *arg)
{
	int64_t *word = &head_of(m)->bare_last, w = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (w < *(int64_t *)arg &&
	       !__atomic_compare_exchange_n(word, &w, *(int64_t *)arg, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

void batv_memory_bare_since(struct batv_memory *memory, int64_t when)
{
	int64_t since = when;

	if (memory->writable)
		(void)batv_memory_guard(memory, bare_since_body, &since);
}

void batv_memory_sync(const struct batv_memory *memory)
{
	if (memory->base && memory->writable && !memory->windowed)
		(void)msync(memory->base, memory->size, MS_SYNC);
}

int64_t batv_memory_created(const struct batv_memory *memory)
{
	int64_t when;

	return batv_memory_peek(memory, offsetof(struct batv_memory_head, created), &when,
				sizeof when) ? when : 0;
}

struct look_job {
	int64_t looked, doubted;
};

static void note_look_body(struct batv_memory *m, void *arg)
{
	const struct look_job *job = arg;

	__atomic_store_n(&head_of(m)->looked, job->looked, __ATOMIC_RELAXED);
	__atomic_store_n(&head_of(m)->doubted, job->doubted, __ATOMIC_RELAXED);
}

int64_t batv_memory_looked(const struct batv_memory *memory)
{
	int64_t when;

	return batv_memory_peek(memory, offsetof(struct batv_memory_head, looked), &when,
				sizeof when) ? when : 0;
}

int64_t batv_memory_doubted(const struct batv_memory *memory)
{
	int64_t when;

	return batv_memory_peek(memory, offsetof(struct batv_memory_head, doubted), &when,
				sizeof when) ? when : 0;
}

void batv_memory_note_look(struct batv_memory *memory, int64_t looked, int64_t doubted)
{
	struct look_job job = { .looked = looked, .doubted = doubted };

	if (memory->writable)
		(void)batv_memory_guard(memory, note_look_body, &job);
}
