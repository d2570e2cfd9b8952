/* links: core/decide/complete core/decide/holder core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/memory/recall */
/* links: core/memory/sent core/memory/journal core/memory/counters core/memory/domains core/memory/slots core/memory/access core/memory/header */
/* links: core/memory/tallies core/memory/sending core/base/safefile core/base/span core/base/hmac core/base/network core/tag/addr */
/* links: admin/memory_file admin/replace core/memory/fleet core/evidence/class core/evidence/decode */
/*
 * test_memory_cut.c - a memory file that is cut, grows, is replaced and removed while others use
 * it, and generations that follow one another under readers.  Nobody dies of it, nothing is known
 * that was never sent, and a memory that calls itself complete knows what was sent.
 *
 * Each goes on for a second; BATV_CUTS=10000 for that many cuts, BATV_GENERATIONS=1000000 for that
 * many generations.  SEED=N chooses the moments.
 */
#include <errno.h>

#include "decide/complete.h"
#include "decide/holder.h"
#include "memory/recall.h"
#include "readers_lab.h"
#include "sent_lab.h"
#include "state_text.h"

#define SECONDS 1.0
#define READERS 3
#define OLD (NOW - 20 * D)
#define DOMAIN "a.example"
#define LINES 16
#define BLOCKS 16
#define TURNS 20 /* decisions with a file that is open: it is cut in the middle of one */
#define FILE_MAX 250000

static struct shared {
	uint64_t done, reads, complete, lost, wrong, missed;
	int stop;
} * shared;

static char good[FILE_MAX];
static size_t good_size;
static uint64_t dice = 1;

static struct batv_item sent, never;

static uint64_t roll(uint64_t sides)
{
	dice = mix(dice);
	return dice % sides;
}

/* ---- a small file, which is complete for DOMAIN and knows one id ---- */

static void section(struct batv_memory_head *head, struct batv_memory_section s)
{
	s.offset = head->size;
	head->size += s.size;
	head->section[head->n_sections++] = s;
}

static void seal(char *file)
{
	struct batv_memory_head *head = (struct batv_memory_head *)(void *)file;

	head->sum = batv_header_sum(head);
	memcpy(file + head->size - sizeof head->sum, &head->sum, sizeof head->sum);
}

static void lay_out(uint64_t rows)
{
	struct batv_memory_head *head = (struct batv_memory_head *)(void *)good;
	const struct batv_memory_section filter = {
		.key_check = batv_sent_key_check(key),
		.size = BLOCKS * LINES * BATV_LINE_SIZE,
		.param = {BLOCKS, LINES, 14, CAPACITY, (uint64_t)OLD},
	};

	memcpy(head->magic, BATV_MEMORY_MAGIC, sizeof head->magic);
	head->order = BATV_MEMORY_ORDER;
	head->version = BATV_MEMORY_VERSION;
	head->generation = 1;
	head->created = OLD;
	head->size = sizeof *head;
	section(head, (struct batv_memory_section){.type = BATV_SECTION_COUNTERS,
						   .size = rows * 512,
						   .param = {rows, 32, 512}});
	section(head, (struct batv_memory_section){
			      .type = BATV_SECTION_DOMAINS,
			      .size = 16 * BATV_DOMAIN_SLOT_SIZE,
			      .param = {16, BATV_DOMAIN_SLOT_SIZE, BATV_DOMAIN_PROBES}});
	for (uint32_t type = BATV_SECTION_IDS; type <= BATV_SECTION_PAIRS; type++) {
		section(head, filter);
		head->section[head->n_sections - 1].type = type;
	}
	for (uint32_t type = BATV_SECTION_ID_HITS; type <= BATV_SECTION_TAG_MAILS; type++)
		section(head, (struct batv_memory_section){
				      .type = type, .size = BATV_MEMORY_PAGE, .param = {1}});
	section(head,
		(struct batv_memory_section){.type = BATV_SECTION_END, .size = BATV_END_SIZE});
	good_size = (size_t)head->size;
	ck_assert_uint_le(good_size, sizeof good);
	seal(good);
}

static void take_samples(void)
{
	static const char *const hosts[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1"};
	struct batv_addr rcpt = address("alice@" DOMAIN);

	for (unsigned i = 0; i < COUNT(hosts); i++) {
		const struct batv_recall_sample s = {DOMAIN, &rcpt, hosts[i], key, RETENTION, NOW};
		struct batv_item item = numbered(BATV_ITEM_ID, 1000 + i);

		ck_assert(batv_recall_take(&memory, &s, BATV_RECALL_KNOWN, &item));
	}
}

static bool is_complete(struct batv_memory *m, struct batv_memory *before)
{
	static struct batv_state state;
	struct batv_complete_facts facts;

	state.global.memory_retention = RETENTION;
	state.global.key_rotation = state.global.key_retention = 5 * D;
	batv_complete_gather(&state, m, before, DOMAIN, NOW, &facts);
	return batv_complete_decide(&facts) == BATV_LACK_NOTHING;
}

/* In the way of batv_replace(), without waiting for the disk. */
static void put_file(const char *name, mode_t mode, const void *data, size_t len)
{
	int fd = openat(dir, ".new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) < 0 ||
	    close(fd) < 0 || renameat(dir, ".new", dir, name) < 0)
		_exit(1);
}

static void make_with(uint64_t rows)
{
	int fd;

	sandbox_make();
	lay_out(rows);
	put_file("memory", 0660, good, good_size);
	ck_assert_int_eq(batv_memory_open_windows(&memory, dir, "memory"), BATV_OK);
	sent = id("sent@mua." DOMAIN, "alice@" DOMAIN);
	never = id("never@mua." DOMAIN, "alice@" DOMAIN);
	ck_assert_int_eq(note(DOMAIN, OLD), BATV_OK);
	ck_assert_int_eq(put(sent, NOW), BATV_SENT_DONE);
	take_samples();
	ck_assert(has(sent, NOW) && !has(never, NOW));
	ck_assert_int_eq(is_complete(&memory, NULL), rows == BATV_COUNTERS_ROOM);
	fd = openat(dir, "memory", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(fd, good, good_size), (ssize_t)good_size);
	(void)close(fd);
	batv_memory_close(&memory);
	shared = readers_share(sizeof *shared);
	if (getenv("SEED"))
		dice = strtoull(getenv("SEED"), NULL, 16);
}

static void make_good(void)
{
	make_with(BATV_COUNTERS_ROOM);
}

/* So many files are made that each must be small. */
static void make_small(void)
{
	make_with(8);
}

/* ---- who works with it ---- */

/* What a decision asks, in its order; then what it writes. */
static void work(struct batv_memory *m, uint64_t turn)
{
	struct batv_item item = numbered(BATV_ITEM_PAIR, turn % 8);
	bool knows = batv_sent_known(m, &sent, RETENTION, NOW);
	bool wrong = batv_sent_known(m, &never, RETENTION, NOW);
	bool complete = is_complete(m, NULL);

	readers_add(&shared->wrong, wrong || (complete && !knows));
	readers_add(&shared->complete, complete);
	(void)batv_sent_note(m, &item, NOW);
	batv_count(m, 0, NOW);
	(void)batv_domain_note(m, DOMAIN, "default", BATV_EVIDENCE_SIGNED, NULL, NOW);
	readers_add(&shared->lost, !batv_memory_there(m));
}

/* The first as batvd does, the others as Exim's processes do. */
static void use_memory(unsigned which)
{
	struct batv_memory m = {0};
	uint64_t turn;

	for (turn = 0; !__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST); turn++) {
		if (which == 0)
			(void)batv_memory_open(&m, dir, "memory");
		else
			(void)batv_memory_open_windows(&m, dir, "memory");
		for (unsigned i = 0; i < TURNS; i++)
			work(&m, turn);
		batv_memory_release(&m);
	}
	readers_add(&shared->reads, turn * TURNS);
	_exit(0);
}

/* ---- who breaks it ---- */

static void pause_somewhere(void)
{
	for (volatile uint64_t n = roll(20000); n > 0; n--)
		;
}

static void cut(bool grows)
{
	int fd = openat(dir, "memory", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!ftruncate(fd, (off_t)roll(good_size));
	pause_somewhere();
	if (grows)
		(void)!ftruncate(fd, (off_t)good_size);
	(void)close(fd);
}

/* Written over what is there, as cp does it: as another generation, which is another file. */
static void overwrite(void)
{
	static char other[FILE_MAX];
	int fd = openat(dir, "memory", O_RDWR | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return;
	memcpy(other, good, good_size);
	((struct batv_memory_head *)(void *)other)->generation = 2 + roll(1u << 30);
	seal(other);
	(void)!write(fd, other, good_size);
	(void)close(fd);
}

static void break_it(void)
{
	switch (roll(6)) {
	case 0: cut(false); break;
	case 1:
	case 2: cut(true); break;
	case 3: overwrite(); break;
	case 4: (void)unlinkat(dir, "memory", 0); break;
	default: break;
	}
	pause_somewhere();
	if (roll(2))
		put_file("memory", 0660, good, good_size);
	pause_somewhere();
}

START_TEST(cut_in_use)
{
	const char *wish = getenv("BATV_CUTS");
	uint64_t want = wish ? strtoull(wish, NULL, 10) : UINT64_MAX, n = 0;
	double end = readers_clock() + SECONDS;
	pid_t readers[READERS];

	readers_start(readers, READERS, use_memory);
	for (; n < want && (wish || readers_clock() < end); n++)
		break_it();
	put_file("memory", 0660, good, good_size);
	readers_stop(readers, READERS, &shared->stop);
	printf("cut: seed %s: %" PRIu64 " cuts, replacements and removals; %" PRIu64
	       " decisions, %" PRIu64 " with a complete memory, %" PRIu64 " without any; %" PRIu64
	       " wrong\n",
	       getenv("SEED") ? getenv("SEED") : "1", n, shared->reads, shared->complete,
	       shared->lost, shared->wrong);
	(void)fflush(stdout);
	ck_assert_uint_gt(shared->complete, 0);
	ck_assert_uint_gt(shared->lost, 0);
	ck_assert_uint_eq(shared->wrong, 0);
}
END_TEST

/* ---- generations ---- */

/* Makes the file, publishes the state that names it, and removes what no state names. */
static void next_generation(uint64_t n)
{
	static char body[sizeof STATE_BODY + 400], text[sizeof body + 100], file[FILE_MAX];
	struct batv_memory_head *head = (struct batv_memory_head *)(void *)file;
	char name[64];
	int len;

	memcpy(file, good, good_size);
	head->generation = n;
	((struct batv_counter_row *)(void *)(file + head->section[0].offset))->life = n;
	seal(file);
	(void)snprintf(name, sizeof name, "memory.%" PRIu64, n);
	put_file(name, 0660, file, good_size);
	len = sprintf(body,
		      "exim-batv state 1\nwritten %" PRId64 "\nserial %" PRIu64
		      "\nconfig 0\nfingerprint 0\nmemory memory.%" PRIu64
		      "\nmemory_before memory.%" PRIu64
		      "\nkey_rotation 7d\nkey_retention 7d\nautomatic_senders\n" STATE_POLICIES,
		      NOW, n, n, n - 1);
	put_file("state", 0640, text, state_seal(body, (size_t)len, text));
	__atomic_store_n(&shared->done, n, __ATOMIC_SEQ_CST);
	(void)snprintf(name, sizeof name, "memory.%" PRIu64, n - 2);
	(void)unlinkat(dir, name, 0);
}

/* The file that a state names is whole, and it is that one.  Only a reader who slept is too late.
 */
static void check_generation(struct batv_memory *m, const char *name, uint64_t n)
{
	const enum batv_err err = batv_memory_open_windows(m, dir, name);
	const uint64_t now = __atomic_load_n(&shared->done, __ATOMIC_SEQ_CST);

	if (err == BATV_E_NO_FILE && now >= n + 2) {
		readers_add(&shared->missed, 1);
		return;
	}
	readers_add(&shared->wrong, err != BATV_OK || m->sections.generation != n ||
					    batv_counted(m, 0, 0, NOW) != n ||
					    !batv_memory_whole(m) ||
					    !batv_sent_known(m, &sent, RETENTION, NOW));
	batv_memory_release(m);
}

static void follow(unsigned which)
{
	static struct batv_holder holder;
	struct batv_memory newest = {0}, before = {0};
	uint64_t reads = 0, done, serial;

	(void)which;
	for (; !__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST); reads++) {
		done = __atomic_load_n(&shared->done, __ATOMIC_SEQ_CST);
		if (batv_holder_refresh(&holder, dir, NOW) != BATV_OK ||
		    holder.state.serial < done) {
			readers_add(&shared->lost, 1); /* no state, or one that had been replaced */
			continue;
		}
		serial = holder.state.serial;
		check_generation(&newest, holder.state.memory, serial);
		check_generation(&before, holder.state.memory_before, serial - 1);
	}
	readers_add(&shared->reads, reads);
	_exit(0);
}

START_TEST(generations_under_readers)
{
	const char *wish = getenv("BATV_GENERATIONS");
	uint64_t want = wish ? strtoull(wish, NULL, 10) : UINT64_MAX, n = 2;
	double end = readers_clock() + SECONDS;
	pid_t readers[READERS];

	next_generation(1);
	next_generation(2);
	readers_start(readers, READERS, follow);
	while (n < want && (wish || readers_clock() < end))
		next_generation(++n);
	readers_stop(readers, READERS, &shared->stop);
	printf("generations: %" PRIu64 " published, %" PRIu64 " reads: %" PRIu64
	       " without a state, %" PRIu64 " wrong; %" PRIu64 " files were gone already\n",
	       n, shared->reads, shared->lost, shared->wrong, shared->missed);
	(void)fflush(stdout);
	ck_assert_uint_gt(shared->reads, 0);
	ck_assert_uint_eq(shared->lost, 0);
	ck_assert_uint_eq(shared->wrong, 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("memory_cut");
	TCase *cuts = tcase_create("cut"), *generations = tcase_create("generations");

	suite_add_tcase(s, cuts);
	tcase_add_checked_fixture(cuts, make_good, sandbox_remove);
	tcase_add_test(cuts, cut_in_use);
	suite_add_tcase(s, generations);
	tcase_add_checked_fixture(generations, make_small, sandbox_remove);
	tcase_add_test(generations, generations_under_readers);
	return s;
}
