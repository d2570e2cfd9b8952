/*
 * recipients.c - counts the recipients of our mail by its tag.
 *
 * A count that is too high raises a limit, which does no harm; one that is too low could defer real
 * bounces.  So everything in doubt is counted.
 */
#include <string.h>

#include "exim_glue.h"
#include "memory/tag_use.h"
#include "origin.h"
#include "recipients.h"

/*
 * What a batch counts for if its recipients are not in the envelope.  A batch of Exim has up to 100
 * (max_rcpt), and a tenth of them bounces in a bad newsletter.
 */
#define BATCH 10

/* Reads what an address of ours has.  Returns false if it is not tagged. */
static bool read_tagged(const char *address, char bare[static BATV_ADDR_SIZE],
			struct batv_addr *addr, struct batv_tag *tag)
{
	return batv_addr_parse(address, strlen(address), addr) == BATV_OK &&
	       batv_tag_parse(addr, tag) &&
	       batv_tag_strip(addr, tag, bare, BATV_ADDR_SIZE) == BATV_OK &&
	       batv_addr_parse(bare, strlen(bare), addr) == BATV_OK;
}

static void count_recipients(const struct batv_session *session, const struct batv_addr *bare,
			     unsigned number, unsigned day, size_t n)
{
	const struct batv_tag_use use = {.key = batv_state_memory_key(session->state),
					 .bare = bare,
					 .number = number,
					 .day = day};

	batv_tag_use_sent(session->memory, &use, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX,
			  session->now);
}

/* Is it the sender of the message itself?  Each may have a tag. */
static bool is_own_sender(const char *address)
{
	const char *sender = batv_glue_sender();
	char bare[BATV_ADDR_SIZE], text[BATV_ADDR_SIZE];
	struct batv_addr addr;
	struct batv_tag tag;

	if (read_tagged(address, bare, &addr, &tag))
		address = bare;
	if (read_tagged(sender, text, &addr, &tag))
		sender = text;
	return batv_span_equal_fold(batv_span_of(address), batv_span_of(sender));
}

/* Has this message been here before, with the same sender?  A list manager sets another one. */
static bool came_back(const struct batv_session *session, const struct batv_origin *origin,
		      const struct batv_policy *policy)
{
	const struct batv_trace *trace;

	if (origin->authenticated)
		return false;
	trace = batv_origin_trace(session, policy, NULL);
	return trace->found && trace->first_known && is_own_sender(trace->first);
}

void batv_recipients_received(const struct batv_session *session, const struct batv_origin *origin,
			      const struct batv_policy *policy, const struct batv_addr *bare)
{
	const struct batv_key *key;
	char text[BATV_ADDR_SIZE];
	struct batv_addr addr;
	struct batv_tag tag;

	if (came_back(session, origin, policy))
		return;
	if (read_tagged(batv_glue_sender(), text, &addr, &tag)) {
		count_recipients(session, &addr, tag.number, tag.day, batv_glue_recipients());
		return;
	}
	key = policy->signing ? batv_key_current(&session->state->ring, session->now) : NULL;
	if (key)
		count_recipients(session, bare, key->number, key->day, batv_glue_recipients());
}

/* How many envelope recipients are this one, or in this "@domain"?  All of them are in "". */
static size_t in_envelope(const char *recipient)
{
	const struct batv_span wanted = batv_span_of(recipient);
	size_t n = 0;

	for (size_t i = 0; i < batv_glue_recipients(); i++) {
		struct batv_span one = batv_span_of(batv_glue_recipient(i));
		size_t len = *recipient == '@' || !*recipient ? wanted.len : one.len;

		if (len <= one.len &&
		    batv_span_equal_fold(wanted, (struct batv_span){one.p + one.len - len, len}))
			n++;
	}
	return n;
}

/* The recipients of a delivery that are not counted yet. */
static size_t uncounted(const char *recipient, bool at_reception)
{
	const bool batch = !*recipient || *recipient == '@';
	size_t n = in_envelope(recipient);

	if (n < (batch ? 2 : 1))
		return batch ? BATCH : 1;
	return at_reception ? 0 : batch ? n : 1;
}

void batv_recipients_leaving(const struct batv_session *session, const struct batv_origin *origin,
			     const struct batv_signing *signing, const char *sender,
			     const char *recipient)
{
	const bool tagged = signing->answer == BATV_LEFT_TAGGED && signing->carries_valid_tag;
	char bare[BATV_ADDR_SIZE];
	struct batv_addr addr;
	struct batv_tag tag;
	size_t n;

	if ((signing->answer != BATV_SIGNED && !tagged) ||
	    !read_tagged(tagged ? sender : signing->address, bare, &addr, &tag))
		return;
	n = uncounted(recipient, batv_glue_scans() && is_own_sender(bare));
	if (n == 0)
		return;
	/* a stranger may send with a tag that he has seen, to a user who forwards */
	if (tagged && (!signing->policy ||
		       batv_lists_trust(signing->policy, &batv_glue_matcher, origin) != BATV_YES))
		return;
	count_recipients(session, &addr, tag.number, tag.day, n);
}
