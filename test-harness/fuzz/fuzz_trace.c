/* links: core/evidence/trace core/tag/tag core/tag/key core/base/hmac core/tag/addr core/base/span */
/*
 * fuzz_trace.c - any bytes as Received fields: the walk ends, reads nothing beyond the end, and
 * what a stranger writes below his own line changes nothing.
 *
 * Input: the values of Received fields, separated by a NUL.  The first one is the top line.
 */
#include "evidence/trace.h"
#include "reach.h"

#define US "mx.test"
#define ID "1abcDE-000123-4X"
#define STRANGERS_LINE                                                                             \
 "from [192.0.2.1] (helo=x)\n\tby " US " with esmtp (Exim 4.96)\n\tid 1first-000001-AA"

enum { OURS, STRANGER, FETCHED, UNREADABLE_TOP, FOUND, KNOWS_FIRST, READS_LINE, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"ours", "stranger", "fetched", "unreadable_top", "found", "knows_first", "reads_line"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static bool is_near(void *ctx, struct batv_span name, struct batv_span address)
{
	(void)ctx, (void)name;
	for (size_t i = 0; i < address.len; i++)
		must(batv_hex_value(address.p[i]) >= 0 || address.p[i] == ':' ||
		     address.p[i] == '.');
	return address.len > 0 && address.p[0] == '1';
}

static struct batv_trace begin(void)
{
	struct batv_trace t = {.us = {US, strlen(US)}, .id = {ID, strlen(ID)}, .near = is_near};

	batv_trace_start(&t);
	return t;
}

static bool feed(struct batv_trace *t, struct batv_span value)
{
	return batv_trace_field(t, (struct batv_header){batv_span_of("Received"), value});
}

/* The fields of the input, one after the other. */
static bool feed_all(struct batv_trace *t, struct batv_span rest)
{
	bool more = true;

	while (more && rest.len > 0) {
		const char *nul = memchr(rest.p, '\0', rest.len);
		struct batv_span value = {rest.p, nul ? (size_t)(nul - rest.p) : rest.len};

		more = feed(t, value);
		rest.p += value.len + (nul != NULL);
		rest.len -= value.len + (nul != NULL);
	}
	return more;
}

static void one_line(struct batv_span value)
{
	struct batv_trace_line line;

	if (batv_trace_read(batv_span_of(US), value, &line) != BATV_TRACE_READ)
		return;
	reached(READS_LINE);
	must(line.protocol.len > 0 && line.id.len > 0);
	must(line.has_sender == (line.sender.len > 0));
}

/* After a stranger's own line, nothing below it is looked at. */
static void below_a_stranger(struct batv_span text)
{
	struct batv_trace t = begin();

	must(feed(&t, batv_span_of("from [127.0.0.1]\n\tby " US " with esmtp\n\tid " ID)));
	t.near = NULL;
	must(!feed(&t, batv_span_of(STRANGERS_LINE)));
	must(!feed_all(&t, text) || text.len == 0);
	must(t.kind == BATV_TRACE_STRANGER && t.found && t.below == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* libFuzzer's own is not of exactly this size */
	struct batv_span text = {copy, size};
	struct batv_trace t = begin();

	must(copy);
	if (size > 0)
		memcpy(copy, data, size);
	(void)feed_all(&t, text);
	must(t.below <= BATV_TRACE_FIELDS_MAX + 1);
	must(t.readable || (t.kind == BATV_TRACE_OURS && !t.found));
	must(strlen(t.first) < BATV_ADDR_SIZE && (t.first_known || !*t.first));
	must(t.kind != BATV_TRACE_OURS || !batv_trace_is_strangers(&t, "ann@mx.test"));
	must(!t.fetched_now || (t.kind == BATV_TRACE_FETCHED && !t.found));
	reached((size_t)t.kind);
	if (size > 0 && !t.readable)
		reached(UNREADABLE_TOP);
	if (t.found)
		reached(FOUND);
	if (t.first_known)
		reached(KNOWS_FIRST);
	one_line(text);
	below_a_stranger(text);
	free(copy);
	return 0;
}
