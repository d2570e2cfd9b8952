/*
 * memory_file.c - makes a memory file, which memory/access.c then uses.
 *
 * Every block is allocated before anybody can see the file.  The header page is written last, and
 * only the header page makes it a memory file.  All sections start as zero bytes, which means empty
 * tables and counters at zero.
 */
#include "memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/days.h"
#include "memory/counters.h"
#include "memory/layout.h"
#include "replace.h"

static const struct batv_memory_section always[] = {
	{.type = BATV_SECTION_COUNTERS,
	 .size = BATV_COUNTERS_ROOM * sizeof(struct batv_counter_row),
	 .param = {BATV_COUNTERS_ROOM, BATV_COUNTER_DAYS, sizeof(struct batv_counter_row)}},
	{.type = BATV_SECTION_DOMAINS,
	 .size = BATV_DOMAIN_SLOTS * sizeof(struct batv_domain_slot),
	 .param = {BATV_DOMAIN_SLOTS, sizeof(struct batv_domain_slot), BATV_DOMAIN_PROBES}},
};

/* These, a journal and the end come last, so the others keep their offsets. */
static const struct batv_memory_section later[] = {
	{.type = BATV_SECTION_FORGED,
	 .size = BATV_FORGED_PAGES * BATV_MEMORY_PAGE,
	 .param = {BATV_FORGED_PAGES, BATV_FORGED_SLOTS, sizeof(struct batv_forged_slot)}},
	{.type = BATV_SECTION_REFUSED,
	 .size = BATV_REFUSED_PAGES * BATV_MEMORY_PAGE,
	 .param = {BATV_REFUSED_PAGES, BATV_REFUSED_SLOTS, sizeof(struct batv_refused_slot)}},
};

/*
 * The average number of items in a line at full capacity.  With these loads, a message with 4
 * unknown ids passes by chance at most once in 10,000 at full capacity, and once in 1,000 at twice
 * that.  The more lines are searched, the emptier they must be.  docs/formats.md has the
 * computation.
 */
#define ITEM_BITS 14
static const struct {
	unsigned lines;
	double load;
} loads[] = {{4, 7.75}, {8, 7}, {16, 6.25}, {32, 5.75}, {64, 5.25}};

/* One page of 256 slots serves this many items, because there are fewer senders than messages. */
#define TALLY_ITEMS 256
#define TALLY_PAGES_MIN 64
#define TALLY_PAGES_MAX 4096

unsigned batv_memory_file_lines(int64_t retention)
{
	int64_t days = (retention + BATV_DAY - 1) / BATV_DAY + 2;
	size_t i = 0;

	while (loads[i].lines < days && i + 1 < sizeof loads / sizeof loads[0])
		i++;
	return loads[i].lines;
}

/* Adds a section after the others, on pages of its own. */
static void add_section(struct batv_memory_head *head, struct batv_memory_section section)
{
	uint64_t pages = (section.size + BATV_MEMORY_PAGE - 1) / BATV_MEMORY_PAGE;

	section.offset = head->size;
	section.size = pages * BATV_MEMORY_PAGE;
	head->size += section.size;
	head->section[head->n_sections++] = section;
}

static void add_filter(struct batv_memory_head *head, uint32_t type,
		       const struct batv_memory_wish *wish)
{
	unsigned lines = batv_memory_file_lines(wish->retention);
	struct batv_memory_section s = {.type = type, .key_check = wish->key_check};
	uint64_t per_page = BATV_LINES_MAX / lines;
	size_t i = 0;

	while (loads[i].lines != lines)
		i++;
	s.param[0] = (uint64_t)((double)wish->capacity / loads[i].load) + 1;
	s.param[0] = (s.param[0] + per_page - 1) / per_page * per_page;
	s.param[1] = lines;
	s.param[2] = ITEM_BITS;
	s.param[3] = wish->capacity;
	s.param[4] = (uint64_t)wish->since;
	s.size = s.param[0] * lines * BATV_LINE_SIZE;
	add_section(head, s);
}

static void add_tally(struct batv_memory_head *head, uint32_t type,
		      const struct batv_memory_wish *wish)
{
	uint64_t pages = wish->capacity / TALLY_ITEMS;

	pages = pages < TALLY_PAGES_MIN ? TALLY_PAGES_MIN : pages;
	pages = pages > TALLY_PAGES_MAX ? TALLY_PAGES_MAX : pages;
	add_section(head, (struct batv_memory_section){.type = type,
						       .size = pages * BATV_MEMORY_PAGE,
						       .param = {pages}});
}

/* Room for one day at full capacity: as many Message-IDs as pairs. */
static void add_journal(struct batv_memory_head *head, const struct batv_memory_wish *wish)
{
	const uint64_t size = sizeof(struct batv_journal_record),
		       per_page = BATV_MEMORY_PAGE / size;
	const uint64_t records = (2 * wish->capacity + per_page - 1) / per_page * per_page;

	add_section(head, (struct batv_memory_section){.type = BATV_SECTION_JOURNAL,
						       .size = records * size,
						       .param = {records, size}});
}

static void lay_out(struct batv_memory_head *head, const struct batv_memory_wish *wish)
{
	memset(head, 0, sizeof *head);
	memcpy(head->magic, BATV_MEMORY_MAGIC, sizeof head->magic);
	head->order = BATV_MEMORY_ORDER;
	head->version = BATV_MEMORY_VERSION;
	head->generation = wish->generation;
	head->created = wish->now;
	head->size = sizeof *head;
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		add_section(head, always[i]);
	for (uint32_t t = BATV_SECTION_IDS; wish->capacity && t <= BATV_SECTION_PAIRS; t++)
		add_filter(head, t, wish);
	for (uint32_t t = BATV_SECTION_ID_HITS; wish->capacity && t <= BATV_SECTION_TAG_MAILS; t++)
		add_tally(head, t, wish);
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
		add_section(head, later[i]);
	if (wish->capacity && wish->journal)
		add_journal(head, wish);
	add_section(head,
		    (struct batv_memory_section){.type = BATV_SECTION_END, .size = BATV_END_SIZE});
	head->sum = batv_header_sum(head);
}

/* Writes every block, for file systems and C libraries without posix_fallocate(). */
static bool write_zeros(int fd, uint64_t size)
{
	static const char zeros[65536];

	for (uint64_t at = 0; at < size;) {
		uint64_t left = size - at;
		size_t n = left < sizeof zeros ? (size_t)left : sizeof zeros;
		ssize_t done = pwrite(fd, zeros, n, (off_t)at);

		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0)
			at += (uint64_t)done;
	}
	return true;
}

/* posix_fallocate() returns the error; it does not set errno. */
static bool allocate(int fd, uint64_t size)
{
	int err;

	do
		err = posix_fallocate(fd, 0, (off_t)size);
	while (err == EINTR);
	if (err == EOPNOTSUPP || err == ENOSYS || err == EINVAL)
		return write_zeros(fd, size);
	errno = err;
	return err == 0;
}

enum batv_err batv_memory_file_create(int dirfd, const char *name,
				      const struct batv_memory_wish *wish)
{
	struct batv_memory_head head;
	struct batv_new_file file;
	enum batv_err err;

	lay_out(&head, wish);
	err = batv_new_file_begin(&file, dirfd, name);
	if (err != BATV_OK)
		return err;
	if (!allocate(file.fd, head.size) || fsync(file.fd) < 0)
		err = BATV_E_IO;
	if (err == BATV_OK && pwrite(file.fd, &head.sum, sizeof head.sum,
				     (off_t)(head.size - sizeof head.sum)) != sizeof head.sum)
		err = BATV_E_IO;
	if (err == BATV_OK)
		err = batv_new_file_write(&file, &head, sizeof head);
	if (err != BATV_OK) {
		batv_new_file_abandon(&file);
		return err;
	}
	return batv_new_file_commit(&file, 0660);
}
