/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/memory/forged core/memory/refused core/memory/sent core/memory/journal core/tag/addr core/base/hmac core/base/safefile core/base/span admin/memory_fill core/memory/header core/memory/tallies core/base/network core/memory/sending */
/*
 * fuzz_memory.c - any header page and anything after it as a memory file: opening it and using all
 * of it neither crashes nor hangs, and what was noted is found.
 *
 * Input: the first 64 bytes of the header page, its sections (64 bytes each, as many as the header
 * says), then what follows the header page.  The rest of the file is zero, up to the size that
 * the header gives.  A checksum of 0 is made right, so that sections can be changed.  A last byte
 * of 0xff or 0xfe: the file is truncated while it is in use.  An even last byte: it is opened with
 * windows, as Exim's processes do.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "memory/counters.h"
#include "memory/domains.h"
#include "memory/slots.h"
#include "memory/forged.h"
#include "memory/layout.h"
#include "memory/journal.h"
#include "memory/refused.h"
#include "memory/sent.h"
#include "memory/tallies.h"
#include "memory_fill.h"
#include "reach.h"

#define FIXED offsetof(struct batv_memory_head, section)
#define SIZE_LIMIT (256 * 1024)
#define NOW INT64_C(1795348800)

enum {
	REFUSED,
	VERSION,
	OPENED,
	BOTH,
	COUNTED,
	OLD_COUNT,
	NOTED,
	FULL,
	FOUND,
	FLAGGED,
	RECLAIMED,
	UNKNOWN,
	BROKEN,
	REMEMBERED,
	KNOWN,
	DAY_FULL,
	LATER_DAY,
	FILLED,
	COMPLETE,
	TALLIED,
	WINDOWS,
	LOST,
	FORGED,
	CROWDED,
	VERSION_1,
	REFUSED_NOTED,
	JOURNALLED,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"refused",   "version",       "opened",     "both",     "counted",   "old_count",
	"noted",     "full",          "found",      "flagged",  "reclaimed", "unknown",
	"broken",    "remembered",    "known",      "day_full", "later_day", "filled",
	"complete",  "tallied",       "windows",    "lost",     "forged",    "crowded",
	"version_1", "refused_noted", "journalled",
};

static char path[64];
static int dir, file;

static void leave(void)
{
	(void)unlinkat(dir, "memory", 0);
	(void)rmdir(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *tmp = getenv("TMPDIR");

	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	(void)snprintf(path, sizeof path, "%.40s/batv-fuzz.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	must(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	file = openat(dir, "memory", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(dir >= 0 && file >= 0);
	atexit(leave);
	return 0;
}

/* Returns whether a section of a type that nobody knows is in it. */
static bool lay_out(const uint8_t *data, size_t size)
{
	struct batv_memory_head head;
	size_t n = 0, tail;
	bool unknown = false;

	memset(&head, 0, sizeof head);
	memcpy(&head, data, FIXED);
	data += FIXED, size -= FIXED;
	for (;
	     n < head.n_sections && n < BATV_MEMORY_SECTIONS_MAX && size >= sizeof head.section[0];
	     n++) {
		memcpy(&head.section[n], data, sizeof head.section[0]);
		data += sizeof head.section[0], size -= sizeof head.section[0];
		unknown |= head.section[n].type > BATV_SECTION_END;
	}
	if (head.sum == 0)
		head.sum = batv_header_sum(&head);
	tail = head.size <= SIZE_LIMIT ? (size_t)head.size : sizeof head;
	must(ftruncate(file, 0) == 0);
	must(pwrite(file, &head, sizeof head, 0) == (ssize_t)sizeof head);
	must(pwrite(file, data, size, sizeof head) == (ssize_t)size);
	must(ftruncate(file, (off_t)tail) == 0);
	return unknown;
}

static void use_counters(struct batv_memory *m)
{
	size_t last = m->sections.counters_count - 1;
	uint64_t life = batv_counted(m, last, 0, NOW), today = batv_counted(m, last, 1, NOW);

	if (batv_counted(m, 0, 32, NOW) > 0)
		reached(OLD_COUNT);
	batv_count(m, last, NOW);
	must(batv_counted(m, last, 0, NOW) == life + (life < UINT64_MAX));
	must(batv_counted(m, last, 1, NOW) <= today + 1);
	must(batv_counted(m, last, 32, NOW) >= batv_counted(m, last, 1, NOW));
	must(batv_counted(m, m->sections.counters_count, 0, NOW) == 0);
	reached(COUNTED);
}

/* Whatever the words of a slot are, something is made of them. */
static void use_sending(struct batv_memory *m, const char *name)
{
	struct batv_sending_evidence evidence;
	struct batv_sending_unseen unseen;
	struct batv_sending_foreign foreign;
	struct batv_domain d;
	size_t first = 0;

	batv_sending_accepted(m, name, 1, NOW);
	batv_sending_failed(m, name, NOW);
	batv_sending_untagged(m, name, NOW);
	(void)batv_sending_elsewhere(m, name, 1, 1, NOW);
	if (!batv_domain_next(m, &first, &d))
		return;
	batv_sending_evidence(&d.sending, 0, NOW, &evidence);
	batv_sending_unseen(&d.sending, NOW, &unseen);
	batv_sending_foreign(&d.sending, NOW, &foreign);
	must(evidence.days <= BATV_SENDING_DAYS + 2 && evidence.senders <= BATV_DOMAIN_HASHES);
	must(foreign.recent <= BATV_SENDING_FOREIGN_DAYS + 1);
}

static void use_name(struct batv_memory *m, const char *name)
{
	struct batv_domain d;
	bool there = batv_domain_find(m, name, &d);
	enum batv_err err = batv_domain_note(m, name, "default", BATV_EVIDENCE_SIGNED, NULL, NOW);

	must(err == BATV_OK || (err == BATV_E_FULL && !there));
	use_sending(m, name);
	reached(err == BATV_OK ? NOTED : FULL);
	if (there)
		reached(FOUND);
	must(batv_domain_find(m, name, &d) == (err == BATV_OK));
	if (err == BATV_OK)
		must(strcasecmp(d.name, name) == 0 && d.first_signed != 0 && d.last_signed != 0 &&
		     d.policy_sum == batv_domain_policy_sum("default"));
}

static void use_domains(struct batv_memory *m)
{
	struct batv_domain d;
	size_t i;

	if (batv_slot_reclaim(m, NOW) > 0)
		reached(RECLAIMED);
	use_name(m, "example.com");
	use_name(m, "EXAMPLE.net");
	for (i = 0; i < m->sections.domain_slots; i++) {
		bool there = batv_domain_at(m, i, &d);

		must(!there || strlen(d.name) <= BATV_DOMAIN_NAME_MAX);
		must(batv_domain_set_flags(m, i, BATV_DOMAIN_ARMED, NOW) ==
		     (there ? BATV_OK : BATV_E_SYNTAX));
		if (!there)
			continue;
		must(batv_domain_at(m, i, &d) && d.flags == BATV_DOMAIN_ARMED);
		reached(FLAGGED);
	}
	must(!batv_domain_at(m, m->sections.domain_slots, &d));
}

/* A promised item is found, and a later day is never overwritten. */
static void use_filter(struct batv_memory *m, enum batv_item_kind kind)
{
	const struct batv_filter *f = &m->sections.filters[kind == BATV_ITEM_ID ? 0 : 1];
	int64_t retention = ((int64_t)f->lines - 2) * 86400;
	struct batv_item items[8];
	struct batv_memory_fill fill;
	enum batv_sent_answer answers[8];

	for (unsigned i = 0; i < 8; i++) {
		items[i].kind = kind;
		for (unsigned j = 0; j < sizeof items[i].name; j++)
			items[i].name[j] = (uint8_t)(i * 31 + j * j * 7);
	}
	batv_sent_note_all(m, items, 8, NOW, answers);
	for (unsigned i = 0; i < 8; i++) {
		bool found = batv_sent_known(m, &items[i], retention, NOW);

		if (answers[i] == BATV_SENT_DONE || answers[i] == BATV_SENT_KNOWN)
			must(found);
		must(answers[i] != BATV_SENT_NONE);
		reached(answers[i] == BATV_SENT_DONE    ? REMEMBERED
			: answers[i] == BATV_SENT_KNOWN ? KNOWN
			: answers[i] == BATV_SENT_FULL  ? DAY_FULL
							: LATER_DAY);
	}
	if (batv_sent_complete(m, retention, NOW))
		reached(COMPLETE);
	(void)batv_sent_note(m, &items[0], NOW - 40 * 86400);
	if (answers[7] == BATV_SENT_DONE)
		must(batv_sent_known(m, &items[7], retention, NOW));
	if (batv_memory_fill(m, kind, NOW, &fill)) {
		must(fill.chance >= 0 && fill.chance <= 1 && fill.capacity == f->capacity);
		reached(FILLED);
	}
}

static void use_tally(struct batv_memory *m, enum batv_tally which)
{
	uint8_t name[BATV_ITEM_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint64_t until = NOW / 86400 + 14;
	struct batv_tallied first = batv_tally(m, which, name, until, NOW);
	struct batv_tallied second = batv_tally(m, which, name, until, NOW);

	must(first.day > 0 && second.day >= first.day && second.life >= first.life);
	must((first.life > 0) == (m->sections.version == BATV_MEMORY_VERSION));
	reached(TALLIED);
}

/* The network just counted is listed, unless others have more; and the list is sorted. */
static void use_forged(struct batv_memory *m)
{
	struct batv_forger most[64];
	size_t n, i, size = sizeof most / sizeof most[0];

	batv_forged_note(m, "2001:db8:1::1", NOW);
	batv_forged_note(m, "192.0.2.1", NOW);
	n = batv_forged_most(m, NOW, most, size);
	for (i = 1; i < n; i++)
		must(most[i - 1].count >= most[i].count);
	for (i = 0; i < n && strcmp(most[i].network, "192.0.2.0/24") != 0; i++)
		;
	must(i < n || (n == size && most[n - 1].count > 0));
	reached(i < n ? FORGED : CROWDED);
}

/* A name that was just counted is there, however full the page was; its count only grows. */
static void use_refused(struct batv_memory *m)
{
	const uint8_t name[BATV_ITEM_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	uint32_t before = batv_refused_count(m, name, 3600, NOW), after;

	must(batv_refused_count(m, name, 600, NOW) <= before);
	batv_refused_note(m, name, NOW);
	after = batv_refused_count(m, name, 3600, NOW);
	must(after >= 1 && after >= before);
	reached(REFUSED_NOTED);
}

/* Whatever is in the ring: what is written is read again, and nothing is taken for it. */
static void use_journal(struct batv_memory *m)
{
	const struct batv_item item = {.kind = BATV_ITEM_PAIR, .name = {7, 7, 7}};
	struct batv_journal_head before, after;
	struct batv_journal_entry entry;

	must(batv_journal_head(m, &before));
	(void)batv_sent_note_again(m, &item, NOW);
	must(batv_journal_head(m, &after));
	must(after.next == before.next + 1 && after.failed == before.failed);
	must(batv_journal_read(m, before.next, &entry) == BATV_JOURNAL_WHOLE);
	must(entry.kind == BATV_JOURNAL_PAIR && memcmp(entry.name, item.name, 20) == 0);
	for (uint64_t i = 1; i < batv_journal_room(m); i++)
		if (batv_journal_read(m, before.next + i, &entry) == BATV_JOURNAL_WHOLE)
			must(entry.kind != 0 && entry.position == before.next + i);
	reached(JOURNALLED);
}

static void use_sent(struct batv_memory *m)
{
	for (unsigned i = 0; i < BATV_FILTERS; i++)
		if (m->sections.filters[i].at)
			use_filter(m, i == 0 ? BATV_ITEM_ID : BATV_ITEM_PAIR);
	for (unsigned i = 0; i < BATV_TALLIES; i++)
		if (m->sections.tally_at[i])
			use_tally(m, (enum batv_tally)i);
}

static void use(struct batv_memory *m)
{
	reached(OPENED);
	use_sent(m);
	if (batv_journal_there(m))
		use_journal(m);
	if (m->sections.forged_at)
		use_forged(m);
	if (m->sections.refused_at)
		use_refused(m);
	(void)batv_counters_created(m);
	must(batv_counters_bare_last(m) == 0);
	batv_counters_bare_now(m, NOW);
	must(batv_counters_bare_last(m) == NOW);
	if (m->sections.counters_at)
		use_counters(m);
	if (m->sections.domains_at)
		use_domains(m);
	if (m->sections.counters_at && m->sections.domains_at)
		reached(BOTH);
	must(batv_memory_there(m));
}

static void use_broken(struct batv_memory *m)
{
	struct batv_domain d;

	struct batv_item item = {.kind = BATV_ITEM_PAIR};

	must(ftruncate(file, 0) == 0);
	if (m->sections.filters[1].at)
		must(!batv_sent_known(m, &item, 86400, NOW) &&
		     batv_sent_note(m, &item, NOW) == BATV_SENT_NONE);
	(void)batv_domain_find(m, "example.com", &d);
	batv_count(m, 0, NOW);
	batv_forged_note(m, "192.0.2.1", NOW);
	batv_refused_note(m, item.name, NOW);
	must(batv_refused_count(m, item.name, 3600, NOW) == 0);
	must(batv_counters_created(m) == 0);
	must(!batv_memory_there(m) && !m->base);
	must(batv_domain_note(m, "example.com", "p", BATV_EVIDENCE_VALID, NULL, NOW) ==
	     BATV_E_NO_FILE);
	reached(BROKEN);
}

/* Odd: mapped whole. */
static enum batv_err open_as(struct batv_memory *m, uint8_t last)
{
	return last & 1 ? batv_memory_open(m, dir, "memory")
			: batv_memory_open_windows(m, dir, "memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct batv_memory m = {0};
	enum batv_err err;
	bool unknown;

	if (size < FIXED)
		return 0;
	unknown = lay_out(data, size);
	err = open_as(&m, data[size - 1]);
	must((err == BATV_OK) == batv_memory_there(&m));
	if (err != BATV_OK) {
		must(err == BATV_E_DAMAGED || err == BATV_E_VERSION);
		reached(err == BATV_E_VERSION ? VERSION : REFUSED);
		return 0;
	}
	if (unknown)
		reached(UNKNOWN);
	if (m.sections.version == BATV_MEMORY_VERSION_1)
		reached(VERSION_1);
	if (m.windowed)
		reached(data[size - 1] == 0xfe ? LOST : WINDOWS);
	if (data[size - 1] >= 0xfe)
		use_broken(&m);
	else
		use(&m);
	batv_memory_close(&m);
	return 0;
}
