/*
 * header.h - checks the header page of the memory file, and finds the sections.
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
	int64_t since;        /* mail sent since then is in it, or in the previous file */
	uint32_t key_check;   /* batv_sent_key_check() of the key that names items */
};

/* Where the sections are.  Offsets are from the start of the file; 0: there is no such section. */
struct batv_sections {
	uint32_t version; /* BATV_MEMORY_VERSION, or _1: slots and tallies differ */
	uint64_t generation;
	uint64_t sum;                   /* of the header page: identifies this file */
	size_t counters_at, domains_at; /* offsets; 0: the section is not there */
	size_t counters_count;
	size_t domain_slots, domain_size; /* bytes of a slot */
	struct batv_filter filters[BATV_FILTERS];
	size_t tally_at[BATV_TALLIES], tally_pages[BATV_TALLIES];
	size_t forged_at, forged_pages;
	size_t refused_at, refused_pages;
	size_t journal_at, journal_records;
	size_t end_at;                     /* of the file's last 8 bytes, which repeat sum */
	int64_t door_last[BATV_DOORS_MAX]; /* as it was when the file was opened: doors.h */
};

uint64_t batv_header_sum(const struct batv_memory_head *head);

/*
 * Checks a header page and writes the places of the sections to *out, on success only.  Errors:
 * BATV_E_DAMAGED, BATV_E_VERSION.
 */
enum batv_err batv_header_check(const struct batv_memory_head *head, uint64_t file_size,
				struct batv_sections *out);
/*
 * Reads the header page of an open file and checks it in the same way, and the end of the file.
 * Nothing is mapped, so nothing can change or fault during the check.  Errors: also BATV_E_IO.
 */
enum batv_err batv_header_read(int fd, const struct stat *st, struct batv_sections *out);

#endif
