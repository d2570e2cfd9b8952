/*
 * header.c - checks a header page, and finds the sections of the file.
 *
 * Invariant: after a check that succeeds, every section is entirely within the file, and no two
 * overlap.
 */
#include "memory/header.h"

#include <string.h>
#include <unistd.h>

#include "base/span.h"

#define ROWS_MAX 65536
#define SLOTS_MAX (UINT64_C(1) << 24)

uint64_t batv_header_sum(const struct batv_memory_head *head)
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

static bool take_counters(const struct batv_memory_section *s, struct batv_sections *m)
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

static bool take_domains(const struct batv_memory_section *s, struct batv_sections *m)
{
	uint64_t slots = s->param[0], size = BATV_DOMAIN_SLOT_SIZE;

	if (m->version == BATV_MEMORY_VERSION_1)
		size = BATV_DOMAIN_SLOT_SIZE_1;
	if (m->domains_at || slots == 0 || slots > SLOTS_MAX || (slots & (slots - 1)) != 0 ||
	    s->param[1] != size || s->param[2] != BATV_DOMAIN_PROBES || slots * size > s->size)
		return false;
	m->domains_at = (size_t)s->offset;
	m->domain_slots = (size_t)slots;
	m->domain_size = (size_t)size;
	return true;
}

static bool take_filter(const struct batv_memory_section *s, struct batv_sections *m,
			unsigned which)
{
	uint64_t blocks = s->param[0], lines = s->param[1], bits = s->param[2];
	struct batv_filter *f = &m->filters[which];

	if (f->at || blocks == 0 || blocks > UINT32_MAX || lines < BATV_LINES_MIN ||
	    lines > BATV_LINES_MAX || (lines & (lines - 1)) != 0 || bits == 0 ||
	    bits > BATV_ITEM_BITS_MAX || s->param[3] == 0 || s->param[4] > INT64_MAX ||
	    blocks * lines * BATV_LINE_SIZE > s->size)
		return false;
	*f = (struct batv_filter){.at = (size_t)s->offset,
				  .blocks = (uint32_t)blocks,
				  .lines = (unsigned)lines,
				  .bits = (unsigned)bits,
				  .capacity = s->param[3],
				  .since = (int64_t)s->param[4],
				  .key_check = s->key_check};
	return true;
}

static bool take_tally(const struct batv_memory_section *s, struct batv_sections *m, unsigned which)
{
	uint64_t pages = s->param[0];

	if (m->tally_at[which] || pages == 0 || pages > UINT32_MAX ||
	    pages * BATV_MEMORY_PAGE > s->size)
		return false;
	m->tally_at[which] = (size_t)s->offset;
	m->tally_pages[which] = (size_t)pages;
	return true;
}

/* A table of slots in pages: forged tags, refused bounces. */
static bool take_pages(const struct batv_memory_section *s, uint64_t slots, uint64_t slot_size,
		       size_t *at, size_t *n_pages)
{
	uint64_t pages = s->param[0];

	if (*at || pages == 0 || pages > UINT32_MAX || s->param[1] != slots ||
	    s->param[2] != slot_size || pages * BATV_MEMORY_PAGE > s->size)
		return false;
	*at = (size_t)s->offset;
	*n_pages = (size_t)pages;
	return true;
}

/* It is never the last section: a write to a file that was cut may lengthen it, but not to its
 * size. */
static bool take_journal(const struct batv_memory_section *s, uint64_t file_size,
			 struct batv_sections *m)
{
	const uint64_t records = s->param[0], size = sizeof(struct batv_journal_record);

	if (m->journal_at || records == 0 || records > UINT32_MAX || s->param[1] != size ||
	    records * size > s->size || s->offset + s->size == file_size)
		return false;
	m->journal_at = (size_t)s->offset;
	m->journal_records = (size_t)records;
	return true;
}

static bool take_end(const struct batv_memory_section *s, uint64_t file_size,
		     struct batv_sections *m)
{
	if (m->end_at || s->offset + s->size != file_size)
		return false;
	m->end_at = (size_t)(file_size - sizeof m->sum);
	return true;
}

/*
 * Takes section i of the directory.  It must be within the file and clear of those before it.  A
 * section of an unknown type is skipped.
 */
static bool take_section(const struct batv_memory_head *head, size_t i, struct batv_sections *m)
{
	const struct batv_memory_section *s = &head->section[i];
	size_t j;

	if (!section_in_place(s, head->size))
		return false;
	for (j = 0; j < i; j++)
		if (!sections_apart(&head->section[j], s))
			return false;
	switch (s->type) {
	case 0: return false;
	case BATV_SECTION_COUNTERS: return take_counters(s, m);
	case BATV_SECTION_DOMAINS: return take_domains(s, m);
	case BATV_SECTION_IDS:
	case BATV_SECTION_PAIRS: return take_filter(s, m, s->type - BATV_SECTION_IDS);
	case BATV_SECTION_ID_HITS:
	case BATV_SECTION_TAG_BOUNCES:
	case BATV_SECTION_TAG_MAILS: return take_tally(s, m, s->type - BATV_SECTION_ID_HITS);
	case BATV_SECTION_FORGED:
		return take_pages(s, BATV_FORGED_SLOTS, sizeof(struct batv_forged_slot),
				  &m->forged_at, &m->forged_pages);
	case BATV_SECTION_REFUSED:
		return take_pages(s, BATV_REFUSED_SLOTS, sizeof(struct batv_refused_slot),
				  &m->refused_at, &m->refused_pages);
	case BATV_SECTION_JOURNAL: return take_journal(s, head->size, m);
	case BATV_SECTION_END: return take_end(s, head->size, m);
	default: return true; /* of a later version */
	}
}

enum batv_err batv_header_check(const struct batv_memory_head *head, uint64_t file_size,
				struct batv_sections *out)
{
	struct batv_sections m = {
		.version = head->version, .generation = head->generation, .sum = head->sum};
	size_t i;

	if (memcmp(head->magic, BATV_MEMORY_MAGIC, sizeof head->magic) != 0 ||
	    head->order != BATV_MEMORY_ORDER)
		return BATV_E_DAMAGED;
	if (head->version != BATV_MEMORY_VERSION && head->version != BATV_MEMORY_VERSION_1)
		return BATV_E_VERSION;
	if (head->size != file_size || file_size > SIZE_MAX / 2 ||
	    head->n_sections > BATV_MEMORY_SECTIONS_MAX || head->sum != batv_header_sum(head))
		return BATV_E_DAMAGED;
	for (i = 0; i < head->n_sections; i++)
		if (!take_section(head, i, &m))
			return BATV_E_DAMAGED;
	memcpy(m.door_last, head->door_last, sizeof m.door_last);
	*out = m;
	return BATV_OK;
}

enum batv_err batv_header_read(int fd, const struct stat *st, struct batv_sections *out)
{
	struct batv_memory_head head;
	ssize_t n = pread(fd, &head, sizeof head, 0);
	struct batv_sections m;
	enum batv_err err;
	uint64_t end;

	if (n < 0)
		return BATV_E_IO;
	if ((size_t)n != sizeof head)
		return BATV_E_DAMAGED;
	err = batv_header_check(&head, (uint64_t)st->st_size, &m);
	if (err == BATV_OK && m.end_at &&
	    (pread(fd, &end, sizeof end, (off_t)m.end_at) != sizeof end || end != m.sum))
		err = BATV_E_DAMAGED;
	if (err == BATV_OK)
		*out = m;
	return err;
}
