/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/span */
/* links: admin/memory_file admin/replace core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_header.c - the memory file: what is refused at opening, and how one is made.
 */
#include <errno.h>
#include <sys/resource.h>

#include "memory_lab.h"

START_TEST(a_new_file_is_empty)
{
	struct stat st;
	struct batv_domain d;
	size_t i;

	ck_assert_int_eq(fstatat(dir, "memory", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_msg(st.st_blocks * 512 >= st.st_size, "blocks are missing");
	ck_assert_uint_eq((uint64_t)st.st_size, memory.size);
	ck_assert_uint_eq(memory.sections.generation, 7);
	ck_assert(memory.writable);
	ck_assert_uint_eq(memory.sections.counters_count, BATV_COUNTERS_ROOM);
	ck_assert_uint_eq(memory.sections.domain_slots, BATV_DOMAIN_SLOTS);
	ck_assert_int_eq(batv_counters_created(&memory), NOW);
	ck_assert_int_eq(batv_counters_bare_last(&memory), 0);
	for (i = 0; i < BATV_COUNTERS_ROOM; i++)
		ck_assert_uint_eq(
			batv_counted(&memory, i, 0, NOW) + batv_counted(&memory, i, 32, NOW), 0);
	for (i = 0; i < BATV_DOMAIN_SLOTS; i++)
		ck_assert(!batv_domain_at(&memory, i, &d));
	ck_assert_uint_eq(sandbox_count(), 1);
}
END_TEST

START_TEST(the_same_file_stays_mapped_a_new_one_is_taken)
{
	void *base = memory.base;

	batv_count(&memory, 0, NOW);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert_ptr_eq(memory.base, base);
	ck_assert_int_eq(make_file("memory", 8, NOW + 5), BATV_OK);
	batv_count(&memory, 0, NOW); /* into the old one, which is still there */
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 2);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(memory.sections.generation, 8);
	ck_assert_uint_eq(batv_counted(&memory, 0, 0, NOW), 0);
	ck_assert_int_eq(unlinkat(dir, "memory", 0), 0);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_NO_FILE);
	ck_assert_ptr_null(memory.base);
}
END_TEST

START_TEST(no_memory_is_no_trouble)
{
	batv_memory_close(&memory);
	expect_no_memory();
}
END_TEST

START_TEST(unsafe_files_are_refused)
{
	ck_assert_int_eq(fchmodat(dir, "memory", 0666, 0), 0);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_UNSAFE_FILE);
	expect_no_memory();
	ck_assert_int_eq(fchmodat(dir, "memory", 0660, 0), 0);
	ck_assert_int_eq(symlinkat("memory", dir, "other"), 0);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "other"), BATV_E_UNSAFE_FILE);
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
}
END_TEST

/* A process that may only read sees everything and changes nothing. */
START_TEST(a_file_that_may_only_be_read)
{
	struct batv_domain d;
	size_t i;

	batv_count(&memory, 3, NOW);
	ck_assert_int_eq(note("example.com", NOW), BATV_OK);
	batv_memory_close(&memory);
	if (geteuid() == 0) {
		ck_assert_int_eq(fchmodat(dir, "memory", 0644, 0), 0);
		ck_assert_int_eq(fchmod(dir, 0755), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	} else {
		ck_assert_int_eq(fchmodat(dir, "memory", 0440, 0), 0);
	}
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_OK);
	ck_assert(!memory.writable);
	batv_count(&memory, 3, NOW);
	batv_counters_bare_now(&memory, NOW);
	ck_assert_uint_eq(batv_counted(&memory, 3, 1, NOW), 1);
	ck_assert_int_eq(batv_counters_bare_last(&memory), 0);
	ck_assert_int_eq(note("example.net", NOW), BATV_E_NO_FILE);
	ck_assert(batv_domain_find(&memory, "example.com", &d));
	for (i = 0; !batv_domain_at(&memory, i, &d); i++)
		;
	ck_assert_int_eq(batv_domain_set_flags(&memory, i, 1, NOW), BATV_E_NO_FILE);
	ck_assert_uint_eq(batv_slot_reclaim(&memory, NOW), 0);
	if (geteuid() != 0)
		(void)!seteuid(0);
}
END_TEST

/* Damage: what to change in the header, is the checksum made right again, what comes of it. */
static void foreign_magic(struct batv_memory_head *h)
{
	h->magic[0] = 'b';
}
static void foreign_order(struct batv_memory_head *h)
{
	h->order = UINT64_C(0x0807060504030201);
}
static void next_version(struct batv_memory_head *h)
{
	h->version = BATV_MEMORY_VERSION + 1;
}
/* The checksum is right, but slots are not those of that version. */
static void earlier_version(struct batv_memory_head *h)
{
	h->version = BATV_MEMORY_VERSION_1;
}
static void no_version(struct batv_memory_head *h)
{
	h->version = 0;
}
static void other_generation(struct batv_memory_head *h)
{
	h->generation++;
}
static void wrong_size(struct batv_memory_head *h)
{
	h->size -= BATV_MEMORY_PAGE;
}
static void many_sections(struct batv_memory_head *h)
{
	h->n_sections = BATV_MEMORY_SECTIONS_MAX + 1;
}
static void huge_sections(struct batv_memory_head *h)
{
	h->n_sections = UINT32_MAX;
}
static void on_the_header(struct batv_memory_head *h)
{
	h->section[0].offset = 0;
}
static void unaligned(struct batv_memory_head *h)
{
	h->section[0].offset += 8;
}
static void unaligned_size(struct batv_memory_head *h)
{
	h->section[0].size -= 8;
}
static void behind_the_end(struct batv_memory_head *h)
{
	h->section[1].offset = h->size;
}
static void over_the_end(struct batv_memory_head *h)
{
	h->section[1].size += BATV_MEMORY_PAGE;
}
static void wraps(struct batv_memory_head *h)
{
	h->section[1].size = UINT64_MAX - 4095;
}
static void far_away(struct batv_memory_head *h)
{
	h->section[1].offset = UINT64_MAX - 4095;
}
static void overlap(struct batv_memory_head *h)
{
	h->section[1].offset = h->section[0].offset;
}
static void empty_section(struct batv_memory_head *h)
{
	h->section[0].size = 0;
}
static void no_type(struct batv_memory_head *h)
{
	h->section[0].type = 0;
}
static void twice(struct batv_memory_head *h)
{
	h->section[1].type = BATV_SECTION_COUNTERS;
	memcpy(h->section[1].param, h->section[0].param, sizeof h->section[1].param);
}
static void many_rows(struct batv_memory_head *h)
{
	h->section[0].param[0] = BATV_COUNTERS_ROOM + 1;
}
static void no_rows(struct batv_memory_head *h)
{
	h->section[0].param[0] = 0;
}
static void wrapping_rows(struct batv_memory_head *h)
{
	h->section[0].param[0] = UINT64_MAX / 512 + 2;
}
static void other_days(struct batv_memory_head *h)
{
	h->section[0].param[1] = 31;
}
static void other_rows(struct batv_memory_head *h)
{
	h->section[0].param[2] = 256;
}
static void odd_slots(struct batv_memory_head *h)
{
	h->section[1].param[0] = 16383;
}
static void no_slots(struct batv_memory_head *h)
{
	h->section[1].param[0] = 0;
}
static void many_slots(struct batv_memory_head *h)
{
	h->section[1].param[0] = 32768;
}
static void other_slots(struct batv_memory_head *h)
{
	h->section[1].param[1] = 512;
}
static void other_probes(struct batv_memory_head *h)
{
	h->section[1].param[2] = 64;
}
static void no_forged_pages(struct batv_memory_head *h)
{
	h->section[2].param[0] = 0;
}
static void many_forged_pages(struct batv_memory_head *h)
{
	h->section[2].param[0] = 5;
}
static void other_forged_page(struct batv_memory_head *h)
{
	h->section[2].param[1] = 128;
}
static void other_forged_slot(struct batv_memory_head *h)
{
	h->section[2].param[2] = 32;
}
static void forged_twice(struct batv_memory_head *h)
{
	h->section[0].type = BATV_SECTION_FORGED;
	memcpy(h->section[0].param, h->section[2].param, sizeof h->section[0].param);
}
static void no_refused_pages(struct batv_memory_head *h)
{
	h->section[3].param[0] = 0;
}
static void many_refused_pages(struct batv_memory_head *h)
{
	h->section[3].param[0] = BATV_REFUSED_PAGES + 1;
}
static void other_refused_page(struct batv_memory_head *h)
{
	h->section[3].param[1] = 128;
}
static void other_refused_slot(struct batv_memory_head *h)
{
	h->section[3].param[2] = 32;
}
static void refused_twice(struct batv_memory_head *h)
{
	h->section[0].type = BATV_SECTION_REFUSED;
	memcpy(h->section[0].param, h->section[3].param, sizeof h->section[0].param);
	h->section[0].param[0] = 1;
}
/* In place of the domain table. */
static void a_journal(struct batv_memory_head *h)
{
	h->section[1].type = BATV_SECTION_JOURNAL;
	h->section[1].param[0] = h->section[1].size / 32;
	h->section[1].param[1] = 32;
}
static void no_records(struct batv_memory_head *h)
{
	a_journal(h);
	h->section[1].param[0] = 0;
}
static void more_records(struct batv_memory_head *h)
{
	a_journal(h);
	h->section[1].param[0]++;
}
static void countless_records(struct batv_memory_head *h)
{
	a_journal(h);
	h->section[1].param[0] = (UINT64_C(1) << 59) + 1; /* times 32: a page */
}
static void other_records(struct batv_memory_head *h)
{
	a_journal(h);
	h->section[1].param[1] = 64;
}
static void two_journals(struct batv_memory_head *h)
{
	a_journal(h);
	h->section[0].type = BATV_SECTION_JOURNAL;
	h->section[0].param[0] = 1;
	h->section[0].param[1] = 32;
}
/* A write to it would give a file that was cut its full size again. */
static void a_journal_at_the_end(struct batv_memory_head *h)
{
	a_journal(h);
	h->section[1].size = h->size - h->section[1].offset;
	h->n_sections = 2;
}
static void an_end_before_the_end(struct batv_memory_head *h)
{
	h->section[0].type = BATV_SECTION_END;
	h->n_sections = 3;
}
static void two_ends(struct batv_memory_head *h)
{
	h->section[0].type = BATV_SECTION_END;
}
static void a_later_type(struct batv_memory_head *h)
{
	h->section[0].type = 4711;
}
static void later_overlaps(struct batv_memory_head *h)
{
	h->section[2] = h->section[0];
	h->section[2].type = 4711;
	h->n_sections = 3;
}
static void nothing_in_it(struct batv_memory_head *h)
{
	h->n_sections = 0;
}

static const struct {
	void (*damage)(struct batv_memory_head *);
	bool sum_too;
	enum batv_err want;
} damages[] = {
	{foreign_magic, true, BATV_E_DAMAGED},
	{foreign_order, true, BATV_E_DAMAGED},
	{next_version, true, BATV_E_VERSION},
	{next_version, false, BATV_E_VERSION},
	{no_version, true, BATV_E_VERSION},
	{earlier_version, true, BATV_E_DAMAGED},
	{other_generation, false, BATV_E_DAMAGED},
	{other_generation, true, BATV_OK},
	{wrong_size, true, BATV_E_DAMAGED},
	{many_sections, true, BATV_E_DAMAGED},
	{huge_sections, true, BATV_E_DAMAGED},
	{on_the_header, true, BATV_E_DAMAGED},
	{unaligned, true, BATV_E_DAMAGED},
	{unaligned_size, true, BATV_E_DAMAGED},
	{behind_the_end, true, BATV_E_DAMAGED},
	{over_the_end, true, BATV_E_DAMAGED},
	{wraps, true, BATV_E_DAMAGED},
	{far_away, true, BATV_E_DAMAGED},
	{overlap, true, BATV_E_DAMAGED},
	{empty_section, true, BATV_E_DAMAGED},
	{no_type, true, BATV_E_DAMAGED},
	{twice, true, BATV_E_DAMAGED},
	{many_rows, true, BATV_E_DAMAGED},
	{no_rows, true, BATV_E_DAMAGED},
	{wrapping_rows, true, BATV_E_DAMAGED},
	{other_days, true, BATV_E_DAMAGED},
	{other_rows, true, BATV_E_DAMAGED},
	{odd_slots, true, BATV_E_DAMAGED},
	{no_slots, true, BATV_E_DAMAGED},
	{many_slots, true, BATV_E_DAMAGED},
	{other_slots, true, BATV_E_DAMAGED},
	{no_forged_pages, true, BATV_E_DAMAGED},
	{many_forged_pages, true, BATV_E_DAMAGED},
	{other_forged_page, true, BATV_E_DAMAGED},
	{other_forged_slot, true, BATV_E_DAMAGED},
	{forged_twice, true, BATV_E_DAMAGED},
	{no_refused_pages, true, BATV_E_DAMAGED},
	{many_refused_pages, true, BATV_E_DAMAGED},
	{other_refused_page, true, BATV_E_DAMAGED},
	{other_refused_slot, true, BATV_E_DAMAGED},
	{refused_twice, true, BATV_E_DAMAGED},
	{a_journal, true, BATV_OK},
	{no_records, true, BATV_E_DAMAGED},
	{more_records, true, BATV_E_DAMAGED},
	{countless_records, true, BATV_E_DAMAGED},
	{other_records, true, BATV_E_DAMAGED},
	{two_journals, true, BATV_E_DAMAGED},
	{a_journal_at_the_end, true, BATV_E_DAMAGED},
	{an_end_before_the_end, true, BATV_E_DAMAGED},
	{two_ends, true, BATV_E_DAMAGED},
	{other_probes, true, BATV_E_DAMAGED},
	{later_overlaps, true, BATV_E_DAMAGED},
	{a_later_type, true, BATV_OK},
	{nothing_in_it, true, BATV_OK},
};

/* The sum is right, here and at the end of the file. */
static void seal(struct batv_memory_head *head)
{
	head->sum = batv_header_sum(head);
	memcpy((char *)head + memory.file_size - sizeof head->sum, &head->sum, sizeof head->sum);
}

START_TEST(damaged_headers)
{
	struct batv_memory_head *head = memory.base;
	struct batv_memory again = {0};

	damages[_i].damage(head);
	if (damages[_i].sum_too)
		seal(head);
	ck_assert_int_eq(batv_memory_open(&again, dir, "memory"), damages[_i].want);
	ck_assert_int_eq(again.base != NULL, damages[_i].want == BATV_OK);
	if (again.base && !again.sections.counters_at) {
		batv_count(&again, 0, NOW);
		ck_assert_uint_eq(batv_counted(&again, 0, 0, NOW), 0);
		ck_assert_int_eq(
			batv_domain_note(&again, "a.example", "p", BATV_EVIDENCE_VALID, NULL, NOW),
			again.sections.domains_at ? BATV_OK : BATV_E_NO_FILE);
	}
	batv_memory_close(&again);
}
END_TEST

START_TEST(every_bit_of_the_header_counts)
{
	unsigned char *bytes = memory.base;
	size_t i, end = offsetof(struct batv_memory_head, section) +
			2 * sizeof(struct batv_memory_section);
	struct batv_memory again = {0};

	for (i = 0; i < end; i++) {
		if (i >= 56 && i < 64)
			continue; /* reserved, and not part of the sum */
		bytes[i] ^= (unsigned char)(1u << (i % 8));
		ck_assert_msg(batv_memory_open(&again, dir, "memory") != BATV_OK, "byte %zu", i);
		bytes[i] ^= (unsigned char)(1u << (i % 8));
	}
	ck_assert_int_eq(batv_memory_open(&again, dir, "memory"), BATV_OK);
	batv_memory_close(&again);
}
END_TEST

START_TEST(truncated_at_every_size)
{
	static const off_t near[] = {0, 1, 7, 8, 63, 64, 191, 192, 3071, 3072, 4095, 4096, 4097};
	off_t full = (off_t)memory.size, size;
	int fd = openat(dir, "memory", O_RDWR | O_CLOEXEC);
	size_t i;

	batv_memory_close(&memory);
	for (size = full - 1; size > 4097; size -= 40961) {
		ck_assert_int_eq(ftruncate(fd, size), 0);
		ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	}
	for (i = COUNT(near); i-- > 0;) {
		ck_assert_int_eq(ftruncate(fd, near[i]), 0);
		ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	}
	ck_assert_int_eq(ftruncate(fd, full), 0); /* the right size, nothing in it */
	ck_assert_int_eq(batv_memory_open(&memory, dir, "memory"), BATV_E_DAMAGED);
	(void)close(fd);
	expect_no_memory();
}
END_TEST

START_TEST(creation_is_all_or_nothing)
{
	struct batv_memory again = {0};
	int status;
	pid_t pid;

	batv_count(&memory, 1, NOW);
	sandbox_file(".memory.new", 0600, "half", 4);
	pid = fork();
	if (pid == 0) {
		const struct rlimit limit = {1 << 20, 1 << 20};

		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		if (make_file("memory", 9, NOW) != BATV_E_IO)
			_exit(99);
		_exit(errno == EFBIG ? 0 : errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(sandbox_count(), 1);
	ck_assert_int_eq(batv_memory_open(&again, dir, "memory"), BATV_OK);
	ck_assert_uint_eq(batv_counted(&again, 1, 0, NOW), 1);
	batv_memory_close(&again);
}
END_TEST

static void add_opening(TCase *tc, bool windows)
{
	(void)windows;
	tcase_add_test(tc, a_new_file_is_empty);
	tcase_add_test(tc, the_same_file_stays_mapped_a_new_one_is_taken);
	tcase_add_test(tc, no_memory_is_no_trouble);
	tcase_add_test(tc, unsafe_files_are_refused);
	tcase_add_test(tc, a_file_that_may_only_be_read);
	tcase_add_loop_test(tc, damaged_headers, 0, (int)COUNT(damages));
	tcase_add_test(tc, every_bit_of_the_header_counts);
	tcase_add_test(tc, truncated_at_every_size);
	tcase_add_test(tc, creation_is_all_or_nothing);
}

Suite *unit_suite(void)
{
	return memory_suite("memory", add_opening, make_memory, NULL);
}
