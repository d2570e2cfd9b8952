/*
 * flood.c - counts proofs by network, and a tag's bounces over all networks, in the tallies.
 *
 * The limit follows what an address has sent.  That is read only when flood_base is used up, which
 * in ordinary mail it never is.  Invariants: what is over a limit is not counted by that limit;
 * without a memory nothing is over.
 */
#include "decide/flood.h"

#include <string.h>

#include "base/hmac.h"
#include "base/network.h"
#include "memory/refused.h"
#include "memory/tag_use.h"

#define THOUSANDTHS 1000
#define NETWORK_SHARE 8 /* of flood_base: a network's part in the count over all networks */

uint32_t batv_flood_limit(uint64_t base, uint64_t share, uint64_t recipients)
{
	uint64_t more, limit;

	if (__builtin_mul_overflow(share, recipients, &more) ||
	    __builtin_add_overflow(base, more / THOUSANDTHS, &limit) || limit > UINT32_MAX)
		return UINT32_MAX;
	return (uint32_t)limit;
}

static uint32_t count_of(struct batv_tallied t)
{
	return t.life ? t.life : t.day; /* version 1 has days only */
}

/* ---- names ---- */

/* Names a network's part of a count.  Hosts without an address count as one network. */
static bool name_of_network(const struct batv_flood_context *context, const uint8_t *name,
			    uint8_t out[static BATV_ITEM_LEN])
{
	uint64_t network = 0;
	uint8_t text[BATV_ITEM_LEN + sizeof network];

	(void)batv_network_of(context->host, &network);
	memcpy(text, name, BATV_ITEM_LEN);
	for (size_t i = 0; i < sizeof network; i++)
		text[BATV_ITEM_LEN + i] = (uint8_t)(network >> 8 * i);
	return batv_hmac_sha1(batv_state_memory_key(context->state), batv_span_of("network "),
			      (struct batv_span){(const char *)text, sizeof text}, out);
}

/* ---- limits ---- */

/* What is counted: its name, until when, in which tally, and by whose mail the limit rises. */
struct job {
	const struct batv_flood_context *context;
	enum batv_tally which;
	uint64_t until;
	const struct batv_tag_use *use; /* NULL: of the address, with any key */
	uint32_t base, limit;
	bool risen; /* limit is more than base only after it was computed */
};

/* Mail that left before the memory file was replaced is counted in the previous one. */
static uint64_t sent_with(const struct batv_flood_context *c, const struct batv_tag_use *use)
{
	uint64_t sum = batv_tag_use_recipients(c->memory, use, c->now);

	return c->before ? sum + batv_tag_use_recipients(c->before, use, c->now) : sum;
}

static uint64_t recipients_of(const struct job *job)
{
	const struct batv_flood_context *c = job->context;
	const struct batv_keyring *ring = &c->state->ring;
	uint64_t sum = 0;

	if (job->use)
		return sent_with(c, job->use);
	for (size_t i = 0; i < ring->n_keys; i++) {
		const struct batv_key *k = &ring->keys[i];
		const struct batv_tag_use use = {.key = batv_state_memory_key(c->state),
						 .bare = c->bare,
						 .number = k->number,
						 .day = k->day};

		if (k->from < k->until && k->from <= c->now && k->destroy > c->now)
			sum += sent_with(c, &use);
	}
	return sum;
}

static void raise_limit(struct job *job)
{
	const struct batv_policy *p = job->context->policy;

	if (!job->risen)
		job->limit = batv_flood_limit(p->flood_base, p->flood_share, recipients_of(job));
	job->risen = true;
}

static bool start_job(struct job *job, const struct batv_flood_context *context,
		      enum batv_tally which, uint64_t until, const struct batv_tag_use *use)
{
	const uint32_t base = batv_flood_limit(context->policy->flood_base, 0, 0);

	*job = (struct job){.context = context,
			    .which = which,
			    .until = until,
			    .use = use,
			    .base = base,
			    .limit = base};
	return batv_memory_there(context->memory) && batv_state_memory_key(context->state).len > 0;
}

/* Counts one.  If the result is above job->limit, it was not counted. */
static uint32_t count_one(struct job *job, const uint8_t *name)
{
	const struct batv_flood_context *c = job->context;
	uint32_t n = count_of(
		batv_tally_up_to(c->memory, job->which, name, job->until, c->now, job->limit));

	if (n <= job->limit || job->risen)
		return n;
	raise_limit(job);
	return job->limit == job->base ? n : count_one(job, name);
}

static void set_over(struct batv_flood *out, const struct job *job, enum batv_flood_limit over,
		     uint32_t count, const uint8_t *name)
{
	out->over = over;
	out->count = count;
	out->limit = job->limit;
	memcpy(out->name, name, BATV_ITEM_LEN);
}

/* ---- what is counted ---- */

/* Is the tag over its limit already?  Of one network this shows only once many others came. */
static bool tag_is_over(struct job *job, const uint8_t *name, struct batv_flood *out)
{
	const struct batv_flood_context *c = job->context;
	uint32_t n = count_of(batv_tally_read(c->memory, job->which, name, c->now));

	if (n >= job->limit)
		raise_limit(job);
	if (n < job->limit)
		return false;
	set_over(out, job, BATV_FLOOD_TAG, n < UINT32_MAX ? n + 1 : n, name);
	return true;
}

void batv_flood_tag(const struct batv_flood_context *context, const struct batv_tag *tag,
		    struct batv_flood *out)
{
	const struct batv_tag_use use = {.key = batv_state_memory_key(context->state),
					 .bare = context->bare,
					 .number = tag->number,
					 .day = tag->day};
	uint8_t of_tag[BATV_ITEM_LEN], of_network[BATV_ITEM_LEN];
	struct job job;
	uint32_t n;

	*out = (struct batv_flood){.over = BATV_FLOOD_NONE};
	if (!start_job(&job, context, BATV_TALLY_TAG_BOUNCES,
		       batv_tag_use_until(tag->day, context->now), &use) ||
	    !batv_tag_use_name(&use, of_tag) || !name_of_network(context, of_tag, of_network) ||
	    tag_is_over(&job, of_tag, out))
		return;
	n = count_one(&job, of_network);
	if (n > job.limit)
		set_over(out, &job, BATV_FLOOD_NETWORK, n, of_network);
	else if (n <= 1 || n <= job.base / NETWORK_SHARE)
		(void)count_one(&job, of_tag);
}

void batv_flood_item(const struct batv_flood_context *context, const struct batv_item *item,
		     struct batv_flood *out)
{
	uint8_t of_network[BATV_ITEM_LEN];
	struct job job;
	uint32_t n;

	*out = (struct batv_flood){.over = BATV_FLOOD_NONE};
	if (!start_job(&job, context, BATV_TALLY_ID_HITS,
		       batv_day_of(context->now + context->state->global.memory_retention), NULL) ||
	    !name_of_network(context, item->name, of_network))
		return;
	n = count_one(&job, of_network);
	if (n > job.limit)
		set_over(out, &job, item->kind == BATV_ITEM_ID ? BATV_FLOOD_ID : BATV_FLOOD_NETWORK,
			 n, of_network);
}

/* ---- forged bounces ---- */

bool batv_flood_rate(struct batv_span text, struct batv_flood_rate *out)
{
	const char *slash = text.len > 0 ? memchr(text.p, '/', text.len) : NULL;
	struct batv_span limit = text;
	int64_t period = BATV_REFUSED_PERIOD_MAX;
	uint64_t n;

	if (slash) {
		limit = batv_span_between(text.p, slash);
		if (!batv_duration_parse(
			    batv_span_trim(batv_span_between(slash + 1, text.p + text.len)),
			    &period) ||
		    period < BATV_REFUSED_PERIOD_MIN || period > BATV_REFUSED_PERIOD_MAX)
			return false;
	}
	if (!batv_span_to_u64(batv_span_trim(limit), &n) || n < 1 || n > UINT16_MAX)
		return false;
	*out = (struct batv_flood_rate){.limit = (uint32_t)n, .period = period};
	return true;
}

static bool name_of_host(const struct batv_state *state, const char *host,
			 uint8_t out[static BATV_ITEM_LEN])
{
	char bytes[sizeof(uint64_t)];
	uint64_t number;

	if (!batv_network_host(host, &number))
		return false;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(number >> 8 * i);
	return batv_hmac_sha1(batv_state_memory_key(state), batv_span_of("refused host "),
			      (struct batv_span){bytes, sizeof bytes}, out);
}

static bool name_of_rcpt(const struct batv_state *state, const struct batv_addr *bare,
			 uint8_t out[static BATV_ITEM_LEN])
{
	char canon[BATV_ADDR_SIZE];
	size_t len;

	return bare->domain.len > 0 &&
	       batv_addr_canon(bare, canon, sizeof canon, &len) == BATV_OK &&
	       batv_hmac_sha1(batv_state_memory_key(state), batv_span_of("refused rcpt "),
			      (struct batv_span){canon, len}, out);
}

void batv_flood_refused(struct batv_memory *memory, const struct batv_state *state,
			const char *host, const struct batv_addr *bare, int64_t now)
{
	uint8_t name[BATV_ITEM_LEN];

	if (!batv_memory_there(memory) || batv_state_memory_key(state).len == 0)
		return;
	if (host && name_of_host(state, host, name))
		batv_refused_note(memory, name, now);
	if (bare && name_of_rcpt(state, bare, name))
		batv_refused_note(memory, name, now);
}

uint32_t batv_flood_count(const struct batv_flood_context *context, enum batv_flood_subject subject,
			  int64_t period)
{
	uint8_t name[BATV_ITEM_LEN];

	if (!batv_memory_there(context->memory) || context->memory->sealed ||
	    batv_state_memory_key(context->state).len == 0 ||
	    !(subject == BATV_FLOOD_HOST ? name_of_host(context->state, context->host, name)
					 : name_of_rcpt(context->state, context->bare, name)))
		return 0;
	return batv_refused_count(context->memory, name, period, context->now);
}

/* ---- what was deferred ---- */

uint32_t batv_flood_deferred(struct batv_memory *memory, const struct batv_flood *flood,
			     int64_t now)
{
	uint8_t name[BATV_ITEM_LEN];

	for (size_t i = 0; i < sizeof name; i++)
		name[i] = (uint8_t)~flood->name[i]; /* as random as that one, and another */
	return batv_tally(memory, BATV_TALLY_TAG_BOUNCES, name, batv_day_of(now), now).day;
}

bool batv_flood_is_news(uint32_t n)
{
	while (n > 1 && n % 10 == 0)
		n /= 10;
	return n <= 1;
}

const char *batv_flood_subject_name(enum batv_flood_subject subject)
{
	return subject == BATV_FLOOD_HOST ? "host" : "rcpt";
}

const char *batv_flood_name(enum batv_flood_limit limit)
{
	switch (limit) {
	case BATV_FLOOD_NETWORK: return "network";
	case BATV_FLOOD_TAG: return "tag";
	case BATV_FLOOD_ID: return "id";
	case BATV_FLOOD_HINT: return "hint";
	case BATV_FLOOD_NONE: break;
	}
	return "-";
}
