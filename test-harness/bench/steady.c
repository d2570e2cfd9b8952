/*
 * steady.c - what the core takes once everything is loaded and touched.
 *
 * usage: steady DIRECTORY ROUNDS
 *        steady DIRECTORY fill N      (N further domains into the directory's memory)
 *
 * DIRECTORY is a state directory; its memory is only read and counted in.  In every round each of
 * the things below is done REPEAT times, in an order of chance.  A line of output: name,
 * nanoseconds for one.
 *
 *   hmac            HMAC-SHA1 of "KDDD" and an address, from prepared pads: what nobody can do
 * without tag-make        a parsed address to a tagged one: batv_tag_make() tag-check       a
 * tagged address, parsed, to "valid": batv_tag_check() sign            batv_sign_address(): from
 * text to text, policy and lists included judge           batv_judge_recipient() of a tagged
 * recipient: from text to verdict domain-1, domain-10000   a look-up in the domain table, with so
 * many domains in it
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/safefile.h"
#include "decide/holder.h"
#include "decide/judge.h"
#include "decide/sign.h"
#include "memory/domains.h"
#include "memory_file.h"

#define REPEAT 2000
#define ADDRESS "alice.liddell@example.com"
#define TABLE_MAX 10000

static struct batv_holder holder;
static struct batv_memory tables[2]; /* with 1 domain and with TABLE_MAX */
static struct batv_context context;
static struct batv_origin origin = {.has_id = true};
static struct batv_addr bare, tagged;
static struct batv_tag tag;
static char tagged_text[BATV_ADDR_SIZE];
static SHA_CTX inner_pad, outer_pad;
static unsigned long sink; /* what came out, so that nothing is left out */

static void fail(const char *why)
{
	fprintf(stderr, "steady: %s\n", why);
	exit(1);
}

/* ---- Lists: a table's worth of an Exim ---- */

static enum batv_match match_domain(void *ctx, const char *domain, const char *list)
{
	(void)ctx;
	return strstr(list, "local_domains") && strcmp(domain, "example.com") == 0 ? BATV_YES
										   : BATV_NO;
}

static enum batv_match match_address(void *ctx, const char *address, const char *list)
{
	(void)ctx;
	return strstr(list, address) ? BATV_YES : BATV_NO;
}

static enum batv_match match_host(void *ctx, const char *name, const char *address,
				  const char *list)
{
	(void)ctx, (void)name;
	return strstr(list, address) ? BATV_YES : BATV_NO;
}

static const struct batv_matcher matcher = {
	.domain = match_domain, .address = match_address, .host = match_host};

/* ---- The things that are measured ---- */

static void one_hmac(void)
{
	unsigned char mac[SHA_DIGEST_LENGTH];
	SHA_CTX ctx = inner_pad;

	SHA1_Update(&ctx, "0907", 4);
	SHA1_Update(&ctx, ADDRESS, sizeof ADDRESS - 1);
	SHA1_Final(mac, &ctx);
	ctx = outer_pad;
	SHA1_Update(&ctx, mac, sizeof mac);
	SHA1_Final(mac, &ctx);
	sink += mac[0];
}

static void one_make(void)
{
	char out[BATV_ADDR_SIZE];

	if (batv_tag_make(&bare, &holder.state.ring.keys[0], BATV_STYLE_PRVS, out, sizeof out) !=
	    BATV_OK)
		fail("tag-make");
	sink += (unsigned char)out[9];
}

static void one_check(void)
{
	if (batv_tag_check(&tagged, &tag, &holder.state.ring, context.now, NULL) != BATV_TAG_VALID)
		fail("tag-check");
}

static void one_sign(void)
{
	static struct batv_signing s;

	batv_sign_address(&context, ADDRESS, "bob@theirs.test", context.now, &s);
	if (s.answer != BATV_SIGNED)
		fail("sign");
}

static void one_judge(void)
{
	static struct batv_judgement j;

	batv_judge_recipient(&context, tagged_text, &j);
	if (j.finding.verdict != BATV_VALID)
		fail("judge");
}

static void look_up(struct batv_memory *table)
{
	struct batv_domain d;

	if (!batv_domain_find(table, "example.com", &d))
		fail("the domain is not in the table");
	sink += d.first_signed;
}

static void one_domain(void)
{
	look_up(&tables[0]);
}

static void one_domain_of_many(void)
{
	look_up(&tables[1]);
}

static const struct thing {
	const char *name;
	void (*once)(void);
} things[] = {
	{"hmac", one_hmac},
	{"tag-make", one_make},
	{"tag-check", one_check},
	{"sign", one_sign},
	{"judge", one_judge},
	{"domain-1", one_domain},
	{"domain-10000", one_domain_of_many},
};
#define THINGS (sizeof things / sizeof things[0])

/* ---- Ready, go ---- */

static void prepare_pad(SHA_CTX *ctx, const char *key, unsigned char pad)
{
	unsigned char block[SHA_CBLOCK];

	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (unsigned char)key[i] ^ pad;
	SHA1_Init(ctx);
	SHA1_Update(ctx, block, sizeof block);
}

static void fill(struct batv_memory *m, unsigned n)
{
	char name[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof name, "customer-%u.example", i);
		if (batv_domain_note(m, name, "default", BATV_EVIDENCE_SIGNED, NULL, context.now) !=
		    BATV_OK)
			fail("can't fill the domain table");
	}
}

/* A memory file must belong to its directory's owner. The name goes at once. */
static void make_table(int dirfd, unsigned n, struct batv_memory *m)
{
	struct stat st;
	const struct batv_memory_wish wish = {.generation = 1, .now = context.now};
	char name[64];

	snprintf(name, sizeof name, "bench-table.%u", n);
	if (fstat(dirfd, &st) < 0 || batv_memory_file_create(dirfd, name, &wish) != BATV_OK ||
	    fchownat(dirfd, name, st.st_uid, st.st_gid, 0) < 0 ||
	    batv_memory_open(m, dirfd, name) != BATV_OK)
		fail("can't make a memory file");
	(void)unlinkat(dirfd, name, 0);
	fill(m, n - 1);
	(void)batv_domain_note(m, "example.com", "default", BATV_EVIDENCE_SIGNED, NULL,
			       context.now);
}

static int open_state(const char *directory)
{
	int dirfd;

	context = (struct batv_context){.state = &holder.state,
					.matcher = &matcher,
					.origin = &origin,
					.now = (int64_t)time(NULL)};
	if (batv_dir_open(directory, &dirfd, NULL) != BATV_OK ||
	    batv_holder_refresh(&holder, dirfd, context.now) != BATV_OK || !holder.usable)
		fail("no usable state in that directory");
	return dirfd;
}

static void prepare(int dirfd)
{
	make_table(dirfd, 1, &tables[0]);
	make_table(dirfd, TABLE_MAX, &tables[1]);
	context.memory = &tables[0];
	prepare_pad(&inner_pad, holder.state.ring.keys[0].text, 0x36);
	prepare_pad(&outer_pad, holder.state.ring.keys[0].text, 0x5c);
	if (batv_addr_parse(ADDRESS, strlen(ADDRESS), &bare) != BATV_OK ||
	    batv_tag_make(&bare, &holder.state.ring.keys[0], BATV_STYLE_PRVS, tagged_text,
			  sizeof tagged_text) != BATV_OK ||
	    batv_addr_parse(tagged_text, strlen(tagged_text), &tagged) != BATV_OK ||
	    !batv_tag_parse(&tagged, &tag))
		fail("can't sign");
}

static double ns_of(void (*once)(void))
{
	struct timespec a, b;

	once();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (int i = 0; i < REPEAT; i++)
		once();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / REPEAT;
}

int main(int argc, char *argv[])
{
	int rounds = argc == 3 ? atoi(argv[2]) : 0, dirfd;
	struct batv_memory m = {0};

	if (rounds < 1 && (argc != 4 || strcmp(argv[2], "fill") != 0))
		fail("usage: steady DIRECTORY ROUNDS, or steady DIRECTORY fill N");
	dirfd = open_state(argv[1]);
	if (argc == 4) {
		if (batv_memory_open(&m, dirfd, holder.state.memory) != BATV_OK)
			fail("no memory in that directory");
		fill(&m, (unsigned)atoi(argv[3]));
		return 0;
	}
	prepare(dirfd);
	srandom(1);
	for (int round = 0; round < rounds; round++) {
		size_t first = (size_t)random() % THINGS;

		for (size_t i = 0; i < THINGS; i++) {
			const struct thing *t = &things[(first + i) % THINGS];

			printf("%s %.1f\n", t->name, ns_of(t->once));
		}
	}
	return sink == 0;
}
