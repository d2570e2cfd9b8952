/*
 * simulate.c - a fleet in virtual time: the real parcel.c, roster.c and member.c, and everything
 * that goes wrong with networks, servers, clocks and hosts.
 *
 * usage: simulate [HOSTS [MESSAGES [SEED]]]      default: 1000 hosts, a million messages, seed 1
 *
 * Whenever a host says how far it knows everything, the judge (daemon.c) looks whether an item is
 * missing there.  In the end, when no trouble is left, every host knows everything.  Prints what it
 * cost, and how long the barrier waited.  Exit status: 0, or 1 with what was wrong.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hkdf.h"
#include "world.h"

#define SECONDS 240 /* of traffic, most of it with trouble */
#define CALM 60     /* without any, at first: how long does the barrier wait? */
#define QUIET 90    /* at most, until all is known */

struct world world;
static uint64_t seed = 1;

void fail(const char *file, int line, const char *what)
{
	fprintf(stderr,
		"%s:%d: does not hold: %s\nHOSTS=%u MESSAGES=%" PRIu32 " SEED=%" PRIu64 "\n", file,
		line, what, world.hosts, world.messages, seed);
	exit(1);
}

uint64_t below(uint64_t n)
{
	world.chance ^= world.chance << 13; /* xorshift64 */
	world.chance ^= world.chance >> 7;
	world.chance ^= world.chance << 17;
	return (world.chance >> 11) % n;
}

bool is_troubled(void)
{
	return world.now >= world.calm && world.now < world.quiet;
}

bool once_in(uint64_t n)
{
	return below(n) == 0;
}

void *grown(void *p, size_t *room, size_t n, size_t each)
{
	if (n <= *room)
		return p;
	*room = *room ? 2 * *room : 16;
	p = realloc(p, *room * each);
	must(p);
	return p;
}

/* ---- hosts ---- */

static int64_t right_clock(void)
{
	return (int64_t)below(100) - 50;
}

static void make_host(struct host *h, int64_t born)
{
	*h = (struct host){.born = born, .ahead = right_clock()};
	for (unsigned e = 0; e < ENGINES; e++)
		h->link[e].delay = 1 + (int64_t)below(40);
	h->here = calloc(world.messages / 8 + 1, 1);
	h->next = calloc(world.hosts, sizeof h->next[0]);
	must(h->here && h->next);
}

/* Does each host know the new one?  Until then, it should not send mail. */
static bool is_known(const struct host *joined)
{
	for (unsigned k = 0; k < world.hosts; k++) {
		const struct host *h = &world.host[k];

		if (h != joined && (h->life == ALIVE || h->life == LEAVING) &&
		    !batv_roster_find(&h->roster, (uint64_t)(joined - world.host) + 1))
			return false;
	}
	return true;
}

/* An administrator forgets it where it is known best. */
static void forget(struct host *gone)
{
	const uint64_t id = (uint64_t)(gone - world.host) + 1;
	struct host *best = NULL;
	uint64_t last = 0;

	for (unsigned k = 0; k < world.hosts; k++) {
		struct host *h = &world.host[k];
		const struct batv_roster_member *m =
			h->life == ALIVE && h->back == 0 ? batv_roster_find(&h->roster, id) : NULL;

		if (m && network_up(h, 0) && network_up(h, 1) && batv_roster_last(m) >= last) {
			last = batv_roster_last(m);
			best = h;
		}
	}
	if (!best)
		return;
	gone->forgotten = true;
	daemon_forget(best, gone);
}

static void end_host(struct host *h)
{
	if (once_in(2)) {
		world.count.deaths++;
		h->life = GONE;
		h->gone = world.now + 8000;
	} else if (h->back == 0 && network_any(h)) {
		world.count.leaves++;
		daemon_leave(h);
		h->life = LEAVING;
		h->gone = world.now + 9000;
	} else {
		return;
	}
	h->records = false;
}

/* The daemon goes on evenly; it starts again soon, because it notices. */
static void set_clock(struct host *h, int64_t ahead)
{
	world.count.jumps++;
	h->ahead = ahead;
	if (h->life == ALIVE && h->back == 0)
		daemon_stop(h);
}

static int64_t wrong_clock(const struct host *h)
{
	return h->ahead + (int64_t)below(once_in(2) ? 7200000 : 10000) -
	       (int64_t)below(once_in(2) ? 7200000 : 10000);
}

static void host_trouble(struct host *h)
{
	if (h->life == ALIVE && h->back == 0 && once_in(90))
		daemon_stop(h);
	if (h->life == ALIVE && once_in(300))
		set_clock(h, once_in(2) ? wrong_clock(h) : right_clock());
	if (h->life == ALIVE && h->records && h != world.host && once_in(1500))
		end_host(h);
}

static void change_hosts(void)
{
	for (unsigned k = 0; k < world.hosts; k++) {
		struct host *h = &world.host[k];

		if (h->life == UNBORN && world.now >= h->born && network_any(h)) {
			world.count.joins += h->born > T0;
			h->life = ALIVE;
			h->records = h->born == T0;
			daemon_start(h, h->born == T0 ? T0 : 0);
		}
		if (is_troubled())
			host_trouble(h);
		else if (h->ahead > 5000 || h->ahead < -5000)
			set_clock(h, right_clock());
		if (h->life == ALIVE && !h->records && is_known(h))
			h->records = true;
		if (h->life == LEAVING && world.now >= h->gone) {
			h->life = GONE;
			h->gone += 8000;
		}
		if (h->life == GONE && world.now >= h->gone) {
			forget(h);
			h->gone = world.now + 15000; /* and again, where it was known better */
		}
	}
}

/* ---- traffic ---- */

static void traffic(int64_t end)
{
	const uint64_t rest = world.messages - world.items, step = (uint64_t)world.step;
	const uint64_t steps = world.now < end ? (uint64_t)(end - world.now) / step + 1 : 1;
	uint64_t n = rest / steps + (below(steps) < rest % steps);

	while (n > 0) {
		struct host *h = &world.host[below(world.hosts)];

		for (uint64_t burst = 1 + below(9); h->records && burst > 0 && n > 0; burst--, n--)
			daemon_record(h);
	}
}

/* ---- the end ---- */

static bool knows_all(const struct host *h)
{
	if (batv_roster_until(&h->roster, world.now + h->even) < world.now + h->even - 10000)
		return false;
	for (unsigned k = 0; k < world.hosts; k++) {
		const struct host *from = &world.host[k];

		for (size_t i = 0; !from->forgotten && i < from->n; i++)
			if (world.item[from->item[i]].when > world.now - RETENTION * DAY_MS &&
			    !(h->here[from->item[i] / 8] >> from->item[i] % 8 & 1))
				return false;
	}
	return true;
}

static unsigned hosts_that_lack(void)
{
	unsigned n = 0;

	for (unsigned k = 0; k < world.hosts; k++)
		n += world.host[k].life == ALIVE && !knows_all(&world.host[k]);
	return n;
}

static uint64_t all_of(const uint32_t *waits)
{
	uint64_t all = 0;

	for (unsigned i = 0; i <= 2000; i++)
		all += waits[i];
	return all;
}

static unsigned waited(const uint32_t *waits, double share)
{
	const double all = (double)all_of(waits);
	uint64_t so_far = 0;
	unsigned ms = 0;

	while (ms < 2000 && (double)(so_far += waits[ms]) < share * all)
		ms++;
	return ms;
}

static void report_waits(const char *when, const uint32_t *waits)
{
	const double all = (double)all_of(waits);

	printf("| the barrier waits, %s: p50, p90, p99; longer than 2 s | %u, %u, %u ms; %.2f %% "
	       "of "
	       "%.0f |\n",
	       when, waited(waits, 0.5), waited(waits, 0.9), waited(waits, 0.99),
	       all > 0 ? 100 * waits[2000] / all : 0, all);
}

static void report_parcels(void)
{
	static const char *const names[KINDS] = {"",     "items",   "row",    "beat",
						 "ask",  "leave",   "forget", "observe",
						 "tall", "members", "again"};

	printf("| parcels | number | bytes each |\n| --- | --- | --- |\n");
	for (unsigned i = 0; i < KINDS; i++)
		if (world.count.parcels[i] > 0)
			printf("| %s | %" PRIu64 " | %" PRIu64 " |\n", names[i],
			       world.count.parcels[i],
			       world.count.bytes[i] / world.count.parcels[i]);
}

static void report(unsigned seconds, unsigned lack)
{
	const struct counts *c = &world.count;
	const double host_seconds = (double)world.hosts * seconds;

	report_parcels();
	printf("\n| what | figure |\n| --- | --- |\n"
	       "| hosts, items, virtual seconds | %u, %" PRIu32 ", %u |\n"
	       "| trouble | %" PRIu64 " starts, %" PRIu64 " cuts, %" PRIu64
	       " server crashes, %" PRIu64 " deletions, %" PRIu64 " clocks set, %" PRIu64
	       " joined, %" PRIu64 " left, %" PRIu64 " died |\n"
	       "| parcels | %" PRIu64 " withheld, %" PRIu64 " late, %" PRIu64
	       " sent again, %" PRIu64 " with a changed bit, all refused |\n",
	       world.hosts, world.items, seconds, c->starts, c->cuts, c->crashes, c->deletions,
	       c->jumps, c->joins, c->leaves, c->deaths, c->lost, c->late, c->again, c->bits);
	printf("| delivered; of these duplicates | %" PRIu64 "; %" PRIu64 " |\n"
	       "| items applied | %" PRIu64 " |\n"
	       "| traffic out of a host, into a host (both servers) | %.1f, %.1f KB/s |\n"
	       "| traffic out of the servers | %.2f MB/s |\n"
	       "| memory: roster of a host, a server at most | %zu KB, %zu KB |\n",
	       c->delivered, c->duplicates, c->items, (double)c->bytes_out / host_seconds / 1000,
	       (double)c->bytes_in / host_seconds / 1000, (double)c->bytes_in / seconds / 1e6,
	       sizeof(struct batv_roster_member) * world.hosts / 1000, c->live_max / 1000);
	printf("| asked how far; answered | %" PRIu64 "; %.1f %% |\n", c->checks,
	       100 * (double)c->promised / (double)c->checks);
	report_waits("without trouble", world.waits[0]);
	report_waits("with it", world.waits[1]);
	printf("| said complete while an item was missing | never |\n"
	       "| hosts that lack something in the end | %u |\n",
	       lack);
}

static void run(void)
{
	const int64_t end = T0 + SECONDS * 1000, over = end + QUIET * 1000;
	unsigned lack = world.hosts;

	world.calm = T0 + CALM * 1000;
	world.quiet = end - 20000;
	for (world.now = T0; world.now < over && (world.now < end || lack > 0);
	     world.now += world.step) {
		const bool second = world.now % 1000 < world.step;

		if (second)
			network_trouble();
		if (second)
			change_hosts();
		if (world.now > T0 + 5000 && world.now < end)
			traffic(end - world.step);
		for (unsigned k = 0; k < world.hosts; k++)
			daemon_step(&world.host[k]);
		if (world.now >= end && world.now % 5000 < world.step)
			lack = hosts_that_lack();
	}
	report((unsigned)((world.now - T0) / 1000), lack);
	for (unsigned k = 0; lack > 0 && k < world.hosts && k < 20; k++)
		if (world.host[k].life == ALIVE && !knows_all(&world.host[k]))
			show_host(&world.host[k]);
	must(world.items == world.messages);
	must(lack == 0);
	must(world.count.promised > world.count.checks / 4);
	must(world.count.bits > 0 && world.count.lost > 0 && world.count.starts > world.hosts);
}

int main(int argc, char **argv)
{
	const uint8_t memory_key[32] = "a key of the memory, of 32 bytes";
	uint8_t key[BATV_PARCEL_KEY_LEN];

	world.hosts = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	world.messages = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
	seed = argc > 3 ? strtoull(argv[3], NULL, 16) : 1;
	if (world.hosts < 2 || world.hosts > BATV_ROSTER_MEMBERS_MAX || world.messages < 1) {
		fprintf(stderr, "usage: simulate [HOSTS [MESSAGES [SEED]]]\n");
		return 2;
	}
	world.chance = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	world.step = world.hosts > 300 ? 200 : world.hosts > 30 ? 50 : 20;
	must(batv_hkdf_fleet(memory_key, key) && batv_parcel_start(&world.sealer, key));
	world.host = calloc(world.hosts, sizeof *world.host);
	world.item = calloc(world.messages, sizeof *world.item);
	must(world.host && world.item);
	for (unsigned k = 0; k < world.hosts; k++)
		make_host(&world.host[k],
			  k < 2 || !once_in(10) ? T0 : T0 + 5000 + (int64_t)below(SECONDS * 500));
	run();
	batv_parcel_end(&world.sealer);
	return 0;
}
