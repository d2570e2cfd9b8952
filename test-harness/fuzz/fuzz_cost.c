/* links: core/evidence/search core/evidence/recorded core/evidence/clues core/evidence/citation core/evidence/decode core/evidence/mailbox core/evidence/field core/evidence/forwarded core/evidence/original core/evidence/classify core/evidence/class core/evidence/parts core/evidence/habits core/evidence/codes core/evidence/words core/evidence/returned core/evidence/trace core/tag/tag core/tag/addr core/base/hmac core/base/span */
/*
 * fuzz_cost.c - looks for messages that cost much: nothing that local_scan() walks over a message
 * takes more than ten times the steps that it takes for plain text of that length.
 *
 * The search counts its steps by itself (search.h).  The other walks do not, so a step is also
 * counted from outside: a piece of code that ran, by the counters of clang's profiles, or 16 bytes
 * that a function of the C library looked at or moved.  Neither can be forgotten in a loop.  The
 * fuzzer is led to cost: each eighth of the cost of plain text is a counter of its own, for each
 * walk, and an input that reaches a new one is kept.
 *
 * Input: a byte (coding and length), a text, a NUL, and a piece that is repeated to the end, as in
 * busy_texts.h.  Up to the first empty line all of it is a header.
 */
#include "../unit/busy_texts.h"
#include "evidence/forwarded.h"
#include "evidence/mailbox.h"
#include "evidence/original.h"
#include "evidence/search.h"
#include "evidence/trace.h"
#include "reach.h"

#define TIMES 10
#define SHORT 16384
#define LONG 262144
#define CODINGS 6
#define US "mx.test"
#define ID "1abcDE-000123-4X"

/* The walks over a message, and what is limited. */
enum walk {
	CLASSIFY_FIELDS,
	SEARCH_FIELDS,
	AUTHORS,
	FORWARDED_FIELDS,
	TRACE,
	LEAVING,
	CLASSIFY_BODY,
	SEARCH_BODY,
	ORIGINAL,
	FORWARDED_BODY,
	WALKS,
	ALL_FIELDS = WALKS, /* the sum of those over the header */
	ALL_BODY,
	COUNTED, /* the search's own steps */
	COSTS
};
static const char *const names[COSTS] = {
	"classify_fields", "search_fields", "authors", "forwarded_fields", "trace",
	"leaving",         "classify_body", "search",  "original",         "forwarded_body",
	"all_fields",      "all_body",      "counted",
};

struct costs {
	uint64_t of[COSTS];
};

/* ---- steps ---- */

#define LEVELS (2 * TIMES * 8)
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t levels[COSTS][LEVELS];

int __llvm_profile_runtime = 0; /* no file is written */
uint64_t *__llvm_profile_begin_counters(void);
uint64_t *__llvm_profile_end_counters(void);

static uint64_t library; /* steps in the C library */

static void library_saw(size_t bytes)
{
	library += 1 + bytes / 16;
}

static void steps_start(void)
{
	uint64_t *begin = __llvm_profile_begin_counters(), *end = __llvm_profile_end_counters();

	for (uint64_t *c = begin; c < end; c++)
		*c = 0;
	library = 0;
}

static uint64_t steps_since(void)
{
	uint64_t *begin = __llvm_profile_begin_counters(), *end = __llvm_profile_end_counters(),
		 n = 0;

	for (uint64_t *c = begin; c < end; c++)
		n += *c;
	return n + library;
}

/* NAME(...) in the code calls __wrap_NAME, and __real_NAME is the library's. */
#define WRAP_MOVE(name, type)                                                                      \
 void *__real_##name(void *to, type from, size_t n);                                               \
 void *__wrap_##name(void *to, type from, size_t n);                                               \
 void *__wrap_##name(void *to, type from, size_t n)                                                \
 {                                                                                                 \
  library_saw(n);                                                                                  \
  return __real_##name(to, from, n);                                                               \
 }
#define WRAP_FIND(name)                                                                            \
 void *__real_##name(const void *s, int c, size_t n);                                              \
 void *__wrap_##name(const void *s, int c, size_t n);

WRAP_MOVE(memcpy, const void *)
WRAP_MOVE(memmove, const void *)
WRAP_MOVE(memset, int)
WRAP_FIND(memchr)
WRAP_FIND(memrchr)

void *__wrap_memchr(const void *s, int c, size_t n)
{
	const char *at = __real_memchr(s, c, n);

	library_saw(at ? (size_t)(at - (const char *)s) : n);
	return (void *)at;
}

void *__wrap_memrchr(const void *s, int c, size_t n)
{
	const char *at = __real_memrchr(s, c, n);

	library_saw(at ? n - (size_t)(at - (const char *)s) : n);
	return (void *)at;
}

void *__real_memmem(const void *s, size_t n, const void *what, size_t len);
void *__wrap_memmem(const void *s, size_t n, const void *what, size_t len);
void *__wrap_memmem(const void *s, size_t n, const void *what, size_t len)
{
	const char *at = __real_memmem(s, n, what, len);

	library_saw(at ? (size_t)(at - (const char *)s) : n);
	return (void *)at;
}

int __real_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n)
{
	library_saw(n);
	return __real_memcmp(a, b, n);
}

size_t __real_strlen(const char *s);
size_t __wrap_strlen(const char *s);
size_t __wrap_strlen(const char *s)
{
	size_t n = __real_strlen(s);

	library_saw(n);
	return n;
}

char *__real_strchr(const char *s, int c);
char *__wrap_strchr(const char *s, int c);
char *__wrap_strchr(const char *s, int c)
{
	library_saw(__real_strlen(s)); /* at most; the sets are short */
	return __real_strchr(s, c);
}

int __real_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b)
{
	library_saw(__real_strlen(a));
	return __real_strcmp(a, b);
}

/* ---- the walks ---- */

static struct batv_search search;
static struct batv_classifier classifier;
static struct batv_forwarded forwarded;
static struct batv_trace trace;
static bool tracing;
static unsigned authors;

static bool is_foreign(void *ctx, const struct batv_addr *addr)
{
	(void)ctx, (void)addr;
	return true; /* the walk goes on */
}

static bool is_near(void *ctx, struct batv_span name, struct batv_span address)
{
	(void)ctx, (void)name, (void)address;
	return true; /* the same */
}

static void count_author(void *ctx, const struct batv_addr *addr)
{
	(void)ctx, (void)addr;
	authors++;
}

static const char *recipient_at(void *ctx, size_t i)
{
	(void)ctx;
	return i == 0 ? "alice@ours.example" : "prvs=0123456789=bob@ours.example";
}

static void take_field(enum walk walk, struct batv_header h)
{
	char id[BATV_ID_MAX];
	size_t len;

	switch (walk) {
	case CLASSIFY_FIELDS: batv_classify_header(&classifier, h); break;
	case SEARCH_FIELDS: batv_search_header(&search, h); break;
	case AUTHORS:
		if (authors < 2 && batv_span_equal_fold(h.name, batv_span_of("From")))
			(void)batv_mailbox_each(h.value, 2, count_author, NULL);
		break;
	case FORWARDED_FIELDS: batv_forwarded_header(&forwarded, h); break;
	case TRACE: tracing = tracing && batv_trace_field(&trace, h); break;
	case LEAVING:
		if (batv_span_equal_fold(h.name, batv_span_of("Message-ID")))
			(void)batv_search_message_id(h.value, id, &len);
		break;
	default: break;
	}
}

/* Fields as Exim hands them over; what has no colon ends the header.  Returns where the body is. */
static const char *each_field(enum walk walk, struct batv_span text)
{
	const char *p = text.p, *end = text.p + text.len;

	while (p < end && *p != '\n') {
		const char *stop = p, *nl, *colon;

		do {
			nl = memchr(stop, '\n', (size_t)(end - stop));
			stop = nl ? nl + 1 : end;
		} while (stop < end && (*stop == ' ' || *stop == '\t'));
		colon = memchr(p, ':', (size_t)(stop - p));
		if (!colon)
			return p;
		take_field(walk, (struct batv_header){{p, (size_t)(colon - p)},
						      {colon + 1, (size_t)(stop - colon - 1)}});
		p = stop;
	}
	return p < end ? p + 1 : end;
}

static void take_body(enum walk walk, struct batv_span body)
{
	static const struct batv_recipients recipients = {2, recipient_at, NULL};
	struct batv_original_signed found;
	struct batv_addr author;

	switch (walk) {
	case CLASSIFY_BODY:
		body = batv_span_cut(body, batv_classify_body_bytes(&classifier));
		(void)batv_classify_end(&classifier, body, &recipients);
		break;
	case SEARCH_BODY: batv_search_body(&search, body); break;
	case ORIGINAL:
		must(batv_addr_parse("alice@ours.example", 18, &author) == BATV_OK);
		(void)batv_original_by(&search, body, &author);
		(void)batv_original_signed(&search, body, "ours.example", &found);
		break;
	case FORWARDED_BODY: (void)batv_forwarded_is(&forwarded, body, is_foreign, NULL); break;
	default: break;
	}
}

static void start(void)
{
	batv_classify_start(&classifier);
	batv_search_start(&search);
	batv_forwarded_start(&forwarded);
	trace = (struct batv_trace){
		.us = {US, strlen(US)}, .id = {ID, strlen(ID)}, .near = is_near};
	batv_trace_start(&trace);
	tracing = true;
	authors = 0;
}

/* All walks, in the order of local_scan(). */
static void walk_all(struct batv_span text, struct costs *costs)
{
	struct batv_span body = {text.p + text.len, 0};

	*costs = (struct costs){{0}};
	start();
	for (enum walk walk = 0; walk < WALKS; walk++) {
		const bool of_body = walk >= CLASSIFY_BODY;

		steps_start();
		if (of_body)
			take_body(walk, body);
		else
			body.p = each_field(walk, text);
		costs->of[walk] = steps_since();
		costs->of[of_body ? ALL_BODY : ALL_FIELDS] += costs->of[walk];
		body.len = (size_t)(text.p + text.len - body.p);
	}
	costs->of[COUNTED] = search.passed + search.closer;
}

/* ---- plain text ---- */

static char text[LONG];

/* What a message that is plain text and no header costs, by its length. */
static const struct costs *plain_costs(size_t len)
{
	static struct costs plain[2];
	struct costs *costs = &plain[len == LONG];
	static char copy[LONG];

	if (costs->of[COUNTED] > 0)
		return costs;
	fill(copy + 1, len - 1, &busy[0]);
	copy[0] = '\n';
	walk_all((struct batv_span){copy, len}, costs);
	must(costs->of[COUNTED] >= len && costs->of[ALL_BODY] >= len);
	return costs;
}

/* ---- the input ---- */

static uint64_t worst[COSTS]; /* in eighths of the cost of plain text */

/* Each walk is compared with all walks over plain text. */
static void compare(const struct costs *costs, size_t len)
{
	const struct costs *plain = plain_costs(len);
	bool dear = false;

	for (enum walk w = 0; w < COSTS; w++) {
		const uint64_t base = plain->of[w == COUNTED ? COUNTED : ALL_BODY];
		const uint64_t level = costs->of[w] * 8 / base;

		if (level > worst[w])
			worst[w] = level;
		for (uint64_t i = 0; i <= level && i < LEVELS; i++)
			levels[w][i] = 1;
		if (level >= TIMES * 8) {
			fprintf(stderr, "%s: %.1f times plain text\n", names[w],
				(double)costs->of[w] / (double)base);
			dear = true;
		}
		if (level >= 1)
			reached((size_t)w);
	}
	must(!dear);
}

static void say_worst(void)
{
	fputs("cost:", stderr);
	for (enum walk w = 0; w < COSTS; w++)
		fprintf(stderr, " %s=%.1f", names[w], (double)worst[w] / 8);
	fputc('\n', stderr);
}

/* Outcomes: walks that alone took an eighth of what all of them take for plain text. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(names, COSTS);
	atexit(say_worst);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char before[4096 + 1], piece[4096 + 1];
	const char *rest = (const char *)data + 1, *nul;
	struct busy b = {.before = before, .piece = piece};
	struct costs costs;
	size_t len;

	if (size < 2 || size > sizeof before)
		return -1;
	size--;
	nul = memchr(rest, '\0', size);
	memcpy(before, rest, nul ? (size_t)(nul - rest) : 0);
	before[nul ? nul - rest : 0] = '\0';
	size -= nul ? (size_t)(nul + 1 - rest) : 0;
	memcpy(piece, nul ? nul + 1 : rest, size);
	piece[size] = '\0';
	if (!*piece)
		return -1;
	b.coding = (enum coding)(data[0] % CODINGS);
	len = data[0] >= 0xf0 ? LONG : SHORT;
	fill(text, len, &b);
	walk_all((struct batv_span){text, len}, &costs);
	compare(&costs, len);
	return 0;
}
