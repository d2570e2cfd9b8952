/*
 * hosts.c - notes hosts in the header page.
 *
 * Many processes write at once.  An entry is an address of two words, and a word with the day, the
 * count, and a check of the address.  The word changes by compare-and-swap.  An address that two
 * processes wrote in turns fails the check, and its place is free.
 */
#include "memory/hosts.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/days.h"
#include "base/span.h"
#include "memory/layout.h"

#define AN_HOUR 3600
#define COUNT_MAX UINT64_C(0xffffffff)

_Static_assert(BATV_HOST_KINDS *BATV_HOSTS_EACH == BATV_HEAD_HOSTS, "all kinds have their places");

/* IPv4 as the lower half, after ffff, as in an IPv6 address. */
static bool read_ip(const char *text, uint64_t address[static 2])
{
	uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};

	if (!text ||
	    (inet_pton(AF_INET, text, bytes + 12) != 1 && inet_pton(AF_INET6, text, bytes) != 1))
		return false;
	memcpy(address, bytes, sizeof bytes);
	return true;
}

static bool write_address(const uint64_t address[static 2], char *out, size_t size)
{
	static const uint8_t ipv4[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t bytes[16];

	memcpy(bytes, address, sizeof bytes);
	if (memcmp(bytes, ipv4, sizeof ipv4) == 0)
		return inet_ntop(AF_INET, bytes + 12, out, (socklen_t)size) != NULL;
	return inet_ntop(AF_INET6, bytes, out, (socklen_t)size) != NULL;
}

/* Check, day, count: 16, 16 and 32 bits. */
static uint64_t check_of(const uint64_t address[static 2])
{
	return batv_fnv64(BATV_FNV_START, address, 2 * sizeof *address) >> 48 | 1;
}

static uint64_t make_word(uint64_t check, uint64_t day, uint64_t count)
{
	return check << 48 | (day & 0xffff) << 32 | (count < COUNT_MAX ? count : COUNT_MAX);
}

static uint64_t day_of(uint64_t word)
{
	return word >> 32 & 0xffff;
}

static bool is_whole(const struct batv_head_host *h)
{
	return h->word && h->word >> 48 == check_of(h->address);
}

/* One more, today.  A clock that went back does not change the day. */
static uint64_t one_more(uint64_t word, uint64_t check, uint64_t day)
{
	uint64_t last = day_of(word), count = word & COUNT_MAX;

	if (last >= day)
		return make_word(check, last, count + 1);
	return make_word(check, day, (day - last < 32 ? count >> (day - last) : 0) + 1);
}

struct note_job {
	uint64_t address[2], day;
	enum batv_host_kind kind;
};

/* The place of the address, or the one to use for it. */
static struct batv_head_host *find_host_place(struct batv_head_host *first,
					      const struct note_job *job)
{
	struct batv_head_host *oldest = first;

	for (size_t i = 0; i < BATV_HOSTS_EACH; i++) {
		struct batv_head_host *h = &first[i];

		if (is_whole(h) && memcmp(h->address, job->address, sizeof h->address) == 0)
			return h;
		if (is_whole(oldest) && (!is_whole(h) || day_of(h->word) < day_of(oldest->word)))
			oldest = h;
	}
	return oldest;
}

static void note_body(struct batv_memory *m, void *arg)
{
	const struct note_job *job = arg;
	struct batv_memory_head *head = batv_memory_at(m, 0);
	struct batv_head_host *h = find_host_place(head->hosts + job->kind * BATV_HOSTS_EACH, job);
	const uint64_t check = check_of(job->address);
	uint64_t word = __atomic_load_n(&h->word, __ATOMIC_RELAXED);

	if (!is_whole(h) || memcmp(h->address, job->address, sizeof h->address) != 0) {
		__atomic_store_n(&h->word, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&h->address[0], job->address[0], __ATOMIC_RELAXED);
		__atomic_store_n(&h->address[1], job->address[1], __ATOMIC_RELAXED);
		word = 0;
	}
	while (!__atomic_compare_exchange_n(&h->word, &word, one_more(word, check, job->day), true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void batv_host_note(struct batv_memory *memory, enum batv_host_kind kind, const char *address,
		    int64_t now)
{
	struct note_job job = {.day = batv_day_of(now), .kind = kind};

	if (memory->writable && (unsigned)kind < BATV_HOST_KINDS && read_ip(address, job.address))
		(void)batv_memory_guard(memory, note_body, &job);
}

size_t batv_host_list(struct batv_memory *memory, enum batv_host_kind kind, unsigned days,
		      int64_t now, struct batv_host out[static BATV_HOSTS_EACH])
{
	struct batv_head_host hosts[BATV_HOSTS_EACH];
	const uint64_t today = batv_day_of(now);
	size_t n = 0;

	if ((unsigned)kind >= BATV_HOST_KINDS ||
	    !batv_memory_peek(
		    memory, offsetof(struct batv_memory_head, hosts) + (size_t)kind * sizeof hosts,
		    hosts, sizeof hosts))
		return 0;
	for (size_t i = 0; i < BATV_HOSTS_EACH; i++) {
		const struct batv_head_host *h = &hosts[i];

		if (!is_whole(h) || day_of(h->word) + days <= today ||
		    !write_address(h->address, out[n].address, sizeof out[n].address))
			continue;
		out[n].day = day_of(h->word);
		out[n++].count = (uint32_t)(h->word & COUNT_MAX);
	}
	return n;
}

static void unread_body(struct batv_memory *m, void *arg)
{
	struct batv_memory_head *head = batv_memory_at(m, 0);

	__atomic_store_n(&head->unread, *(int64_t *)arg, __ATOMIC_RELAXED);
}

void batv_host_unread(struct batv_memory *memory, int64_t now)
{
	int64_t last = batv_host_unread_last(memory), when = now;

	if (memory->writable && (last + AN_HOUR <= now || last > now))
		(void)batv_memory_guard(memory, unread_body, &when);
}

int64_t batv_host_unread_last(struct batv_memory *memory)
{
	int64_t when;

	return batv_memory_peek(memory, offsetof(struct batv_memory_head, unread), &when,
				sizeof when)
		       ? when
		       : 0;
}
