/*
 * header.h - the header page of the memory file: what it says is checked, and where the sections
 * are.
 */
#ifndef BATV_MEMORY_HEADER_H
#define BATV_MEMORY_HEADER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "memory/layout.h"

#define BATV_FILTERS 2 /* ids, pairs */
#define BATV_TALLIES 3

struct batv_filter {
	size_t at; /* offset; 0: the section is not there */
	uint32_t blocks;
	unsigned lines, bits; /* days of the ring, a power of two; bits of an item */
	uint64_t capacity;    /* items a day */
	int64_t since;        /* what was sent from then on is in it, or in the file before */
	uint32_t key_check;   /* batv_sent_key_check() of the key that names items */
};

/* Where the sections are.  Offsets are from the start of the file; 0: the section is not there. */
struct batv_sections {
	uint32_t version; /* BATV_MEMORY_VERSION, or _1: slots and tallies differ */
	uint64_t generation;
	uint64_t sum;                   /* of the header page: tells this file from another one */
	size_t counters_at, domains_at; /* offsets; 0: the section is not there */
	size_t counters_count;
	size_t domain_slots, domain_size; /* bytes of a slot */
	struct batv_filter filters[BATV_FILTERS];
	size_t tally_at[BATV_TALLIES], tally_pages[BATV_TALLIES];
	size_t forged_at, forged_pages;
};

uint64_t batv_header_sum(const struct batv_memory_head *head);

/* What the header page says.  Writes *out on success only.  Errors: BATV_E_DAMAGED, BATV_E_VERSION.
 */
enum batv_err batv_header_check(const struct batv_memory_head *head, uint64_t file_size,
				struct batv_sections *out);
/*
 * The same, read from an open file.  The page is not mapped: what is checked cannot change or fault
 * under the check.  Errors: BATV_E_IO, too.
 */
enum batv_err batv_header_read(int fd, const struct stat *st, struct batv_sections *out);

#endif
