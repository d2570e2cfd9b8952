/*
 * memory_file.c - makes a memory file; memory.c uses it.
 *
 * Every block is allocated before anybody can see the file, and the header page, which
 * alone makes it a memory file, is written last.  All sections start as zero bytes: that is
 * an empty table and a counter that never counted.
 */
#include "memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "memory_layout.h"
#include "replace.h"

static const struct batv_memory_section plan[] = {
	{ .type = BATV_SECTION_COUNTERS,
	  .size = BATV_COUNTERS_ROOM * sizeof(struct batv_counter_row),
	  .param = { BATV_COUNTERS_ROOM, BATV_COUNTER_DAYS, sizeof(struct batv_counter_row) } },
	{ .type = BATV_SECTION_DOMAINS,
	  .size = BATV_DOMAIN_SLOTS * sizeof(struct batv_domain_slot),
	  .param = { BATV_DOMAIN_SLOTS, sizeof(struct batv_domain_slot), BATV_DOMAIN_PROBES } },
};

/* One section behind the other, each on a page of its own. */
static void lay_out(struct batv_memory_head *head, uint64_t generation, int64_t now)
{
	size_t i;

	memset(head, 0, sizeof *head);
	memcpy(head->magic, BATV_MEMORY_MAGIC, sizeof head->magic);
	head->order = BATV_MEMORY_ORDER;
	head->version = BATV_MEMORY_VERSION;
	head->generation = generation;
	head->created = now;
	head->size = sizeof *head;
	for (i = 0; i < sizeof plan / sizeof plan[0]; i++) {
		uint64_t pages = (plan[i].size + BATV_MEMORY_PAGE - 1) / BATV_MEMORY_PAGE;

		head->section[i] = plan[i];
		head->section[i].offset = head->size;
		head->section[i].size = pages * BATV_MEMORY_PAGE;
		head->size += head->section[i].size;
	}
	head->n_sections = (uint32_t)i;
	head->sum = batv_memory_sum(head);
}

/* posix_fallocate says what is wrong by its result, not by errno. */
static bool allocate(int fd, uint64_t size)
{
	int err;

	do
		err = posix_fallocate(fd, 0, (off_t)size);
	while (err == EINTR);
	errno = err;
	return err == 0;
}

enum batv_err batv_memory_create(int dirfd, const char *name, uint64_t generation, int64_t now)
{
	struct batv_memory_head head;
	struct batv_new_file file;
	enum batv_err err;

	lay_out(&head, generation, now);
	err = batv_new_file_begin(&file, dirfd, name);
	if (err != BATV_OK)
		return err;
	if (!allocate(file.fd, head.size) || fsync(file.fd) < 0)
		err = BATV_E_IO;
	if (err == BATV_OK)
		err = batv_new_file_write(&file, &head, sizeof head);
	if (err != BATV_OK) {
		batv_new_file_abandon(&file);
		return err;
	}
	return batv_new_file_commit(&file, 0660);
}
