/*
 * exim_world.h - for fuzz targets: a state directory for the code that runs in Exim's processes,
 * with states to choose from and a small memory file that is the same before each message.
 *
 * In the memory: <sent@ours.test> of alice@ours.test, her mail to bob@example.net, and the domain
 * ours.test, armed.  Its key and clock are fixed, so tags in inputs stay valid.
 */
#ifndef FUZZ_EXIM_WORLD_H
#define FUZZ_EXIM_WORLD_H

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/days.h"
#include "decide/state.h"
#include "memory/domains.h"
#include "memory/layout.h"
#include "memory/sent.h"
#include "reach.h"

#define WORLD_NOW INT64_C(1795348800) /* 2026-11-22 12:00 UTC */
#define WORLD_STATES 8
#define WORLD_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define WORLD_MEMORY_KEY "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b"

static char world_path[64];
static int world_dir = -1, world_memory = -1;
static char *world_image; /* of the memory, as it is before each message */
static size_t world_size;
static unsigned world_state = WORLD_STATES; /* which one is there */

int stand_in_clock_gettime(clockid_t clock, struct timespec *out);
int stand_in_clock_gettime(clockid_t clock, struct timespec *out)
{
	must(clock == CLOCK_REALTIME);
	*out = (struct timespec){.tv_sec = WORLD_NOW};
	return 0;
}

/* ---- states ---- */

#define HEAD                                                                                       \
 "exim-batv state 1\nwritten 1795348800\nserial 12\nconfig 0123456789abcdef\n"                     \
 "fingerprint fedcba9876543210\nkey_rotation 7d\nkey_retention 7d\n"                               \
 "memory_retention 15d\n"
#define KEYS                                                                                       \
 "key 4711 2968 3 791 1795046400 1795651200 1796342400 " WORLD_KEY "\n"                            \
 "legacy 1798675200 736563726574\n"
#define MEMORY "memory memory.2\nmemory_key " WORLD_MEMORY_KEY "\n"
#define LISTS                                                                                      \
 "domains ours.test : b\xc3\xbc"                                                                   \
 "cher.test\n"                                                                                     \
 "trusted_hosts 127.0.0.1 : 192.0.2.25\ninbound_domains ours.test\nown_hosts 127.0.0.1\n"

/* 0: there is none. */
static const char *const world_states[WORLD_STATES] = {
	NULL,
	HEAD MEMORY "automatic_senders\n" KEYS LISTS "enforcement reject\n",
	/* every option that is asked; lists of all kinds; a generation before; overrides */
	HEAD MEMORY
	"memory_before memory\nautomatic_senders ^(mailer-daemon|robot)@\nshared\n"
	"override enforcement ours.test reject 0\n"
	"override unsigned-host <;2001:db8::7 - 0\noverride exempt-recipient *@ours.test - 9\n" KEYS
		LISTS "enforcement auto\ntag_style subaddress\nunsigned_senders bare@ours.test\n"
	"unsigned_destinations *@unsigned.test : \\N^.*@x\\.test\\N\nexempt_hosts 192.0.2.7 : "
	"+batv_local_exceptions\n"
	"unsigned_hosts 192.0.2.9 : 198.51.100.0/24\n"
	"relay_in_hosts 192.0.2.8\nunproven_mdn reject\nunproven_autoreply reject\n"
	"unproven_other reject\nresult_header on\nflood_base 1\nflood_share 0%\n"
	"policy shop\ndomains lsearch;/lists/shop : shop.test\nenforcement reject\n"
	"trusted_hosts +defer\ninbound_domains +defer\n"
	"policy quiet\ndomains quiet.test\nsigning off\nresult_header off\n",
	/* limits of one */
	HEAD MEMORY "automatic_senders\n" KEYS LISTS
		    "enforcement reject\nunproven_autoreply reject-all\nflood_base 1\n"
		    "flood_share 0%\nunsigned_destinations *@unsigned.test\n",
	/* no keys and no memory */
	HEAD "memory\nautomatic_senders\n" LISTS "enforcement reject\n",
	/* auto: refuses nothing before the memory knows enough; an old memory is gone */
	HEAD MEMORY "memory_before memory.9\nautomatic_senders (((((\n" KEYS LISTS
		    "enforcement auto\nresult_header on\n",
	/* a policy that cannot be looked up */
	HEAD MEMORY "automatic_senders\n" KEYS LISTS
		    "policy odd\ndomains lsearch;/lists/None : +defer\n",
	/* faulty */
	HEAD MEMORY "automatic_senders\nkey x\n",
};

#undef HEAD
#undef KEYS
#undef MEMORY
#undef LISTS

static void world_write(const char *name, const void *bytes, size_t len)
{
	int fd = openat(world_dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
	must(renameat(world_dir, "new", world_dir, name) == 0);
}

static void world_set_state(unsigned n)
{
	const char *body = world_states[n % WORLD_STATES];
	static struct batv_state parsed;
	char text[BATV_STATE_MAX];
	size_t len;

	if (n % WORLD_STATES == world_state)
		return;
	world_state = n % WORLD_STATES;
	if (!body) {
		(void)unlinkat(world_dir, BATV_STATE_NAME, 0);
		return;
	}
	len = strlen(body);
	len = (size_t)snprintf(text, sizeof text, "%send %016llx\n", body,
			       (unsigned long long)batv_fnv64(BATV_FNV_START, body, len));
	world_write(BATV_STATE_NAME, text, len);
	must((batv_state_parse(text, len, &parsed, NULL, NULL) == BATV_OK) == (world_state != 7));
}

/* ---- the memory ---- */

static void world_section(struct batv_memory_head *head, struct batv_memory_section s)
{
	s.offset = head->size;
	s.size = (s.size + BATV_MEMORY_PAGE - 1) / BATV_MEMORY_PAGE * BATV_MEMORY_PAGE;
	head->size += s.size;
	head->section[head->n_sections++] = s;
}

/* Much smaller than batvd makes it, because it is written again for each message. */
static void world_lay_out(struct batv_memory_head *head, struct batv_span key)
{
	const uint64_t since = (uint64_t)WORLD_NOW - 40 * (uint64_t)BATV_DAY;

	*head = (struct batv_memory_head){.order = BATV_MEMORY_ORDER,
					  .version = BATV_MEMORY_VERSION,
					  .generation = 1,
					  .created = (int64_t)since,
					  .size = sizeof *head};
	memcpy(head->magic, BATV_MEMORY_MAGIC, sizeof head->magic);
	world_section(head,
		      (struct batv_memory_section){
			      .type = BATV_SECTION_COUNTERS,
			      .size = 256 * sizeof(struct batv_counter_row),
			      .param = {256, BATV_COUNTER_DAYS, sizeof(struct batv_counter_row)}});
	world_section(head,
		      (struct batv_memory_section){
			      .type = BATV_SECTION_DOMAINS,
			      .size = 32 * sizeof(struct batv_domain_slot),
			      .param = {32, sizeof(struct batv_domain_slot), BATV_DOMAIN_PROBES}});
	for (uint32_t t = BATV_SECTION_IDS; t <= BATV_SECTION_PAIRS; t++)
		world_section(head,
			      (struct batv_memory_section){.type = t,
							   .key_check = batv_sent_key_check(key),
							   .size = 4 * 32 * BATV_LINE_SIZE,
							   .param = {4, 32, 14, 40, since}});
	for (uint32_t t = BATV_SECTION_ID_HITS; t <= BATV_SECTION_TAG_MAILS; t++)
		world_section(head, (struct batv_memory_section){
					    .type = t, .size = BATV_MEMORY_PAGE, .param = {1}});
	world_section(head,
		      (struct batv_memory_section){
			      .type = BATV_SECTION_FORGED,
			      .size = BATV_MEMORY_PAGE,
			      .param = {1, BATV_FORGED_SLOTS, sizeof(struct batv_forged_slot)}});
	world_section(head,
		      (struct batv_memory_section){
			      .type = BATV_SECTION_REFUSED,
			      .size = BATV_MEMORY_PAGE,
			      .param = {1, BATV_REFUSED_SLOTS, sizeof(struct batv_refused_slot)}});
	head->sum = batv_header_sum(head);
}

static struct batv_addr world_address(const char *text)
{
	struct batv_addr addr;

	must(batv_addr_parse(text, strlen(text), &addr) == BATV_OK);
	return addr;
}

static void world_remember(struct batv_memory *m, struct batv_span key)
{
	const struct batv_addr alice = world_address("alice@ours.test"),
			       bob = world_address("bob@example.net");
	const int64_t then = WORLD_NOW - 3 * BATV_DAY;
	struct batv_item item;
	size_t i = 0;
	struct batv_domain d;

	must(batv_sent_id(key, batv_span_of("sent@ours.test"), &alice, &item));
	must(batv_sent_note(m, &item, then) == BATV_SENT_DONE);
	must(batv_sent_hint(key, batv_span_of("hint@ours.test"), &alice, &item));
	must(batv_sent_note(m, &item, then) == BATV_SENT_DONE);
	must(batv_sent_pair(key, &alice, &bob, &item));
	must(batv_sent_note(m, &item, then) == BATV_SENT_DONE);
	must(batv_sent_relayed(key, batv_span_of("1aaaaa-000001-AA"), &item));
	must(batv_sent_note(m, &item, then) == BATV_SENT_DONE);
	must(batv_domain_note(m, "ours.test", "default", BATV_EVIDENCE_SIGNED, NULL,
			      WORLD_NOW - 30 * BATV_DAY) == BATV_OK);
	must(batv_domain_next(m, &i, &d));
	must(batv_domain_set_flags(m, i, BATV_DOMAIN_ARMED, then) == BATV_OK);
}

/* Fills world_image, and makes memory.2 and memory, the one before, of it. */
static void world_make_memory(void)
{
	uint8_t bytes[BATV_MEMORY_KEY_LEN];
	const struct batv_span key = {(const char *)bytes, sizeof bytes};
	struct batv_memory_head head;
	struct batv_memory m = {0};

	must(batv_span_to_bytes(batv_span_of(WORLD_MEMORY_KEY), bytes, sizeof bytes));
	world_lay_out(&head, key);
	world_size = (size_t)head.size;
	world_image = calloc(1, world_size);
	must(world_image);
	memcpy(world_image, &head, sizeof head);
	world_write("memory.2", world_image, world_size);
	must(batv_memory_open(&m, world_dir, "memory.2") == BATV_OK);
	world_remember(&m, key);
	batv_memory_close(&m);
	world_memory = openat(world_dir, "memory.2", O_RDWR | O_CLOEXEC);
	must(world_memory >= 0);
	must(pread(world_memory, world_image, world_size, 0) == (ssize_t)world_size);
	world_write("memory", world_image, world_size);
}

static void world_restore_memory(void)
{
	must(pwrite(world_memory, world_image, world_size, 0) == (ssize_t)world_size);
}

/* Did anything write to it since? */
static bool world_is_unchanged(void)
{
	static char *now;

	if (!now)
		now = malloc(world_size);
	must(now && pread(world_memory, now, world_size, 0) == (ssize_t)world_size);
	return memcmp(now, world_image, world_size) == 0;
}

/* ---- the directory ---- */

static void world_leave(void)
{
	static const char *const names[] = {"new", "state", "memory", "memory.2"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unlinkat(world_dir, names[i], 0);
	(void)rmdir(world_path);
}

static void world_make(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(world_path, sizeof world_path, "%.40s/batv-fuzz.XXXXXX",
		       tmp && *tmp ? tmp : "/tmp");
	must(mkdtemp(world_path));
	world_dir = open(world_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(world_dir >= 0);
	atexit(world_leave);
	world_make_memory();
}

#endif
