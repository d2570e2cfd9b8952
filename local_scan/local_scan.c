/*
 * local_scan.c - Exim calls local_scan() once for every message, after DATA and the ACLs.
 *
 * It judges automatic mail, and refuses or marks it.  It removes failed recipients if another one
 * proved itself.  It takes the tags off the envelope recipients.  It signs the sender for
 * recipients that leave.
 */
#include <string.h>
#include <unistd.h>

#include "cutthrough.h"
#include "exim_glue.h"
#include "leaving.h"
#include "memory/doors.h"
#include "origin.h"
#include "outcome.h"
#include "sent_mail.h"

#define BODY_START BATV_CLASSIFY_START /* of the body: enough for the class of most bounces */

__attribute__((visibility("default"))) int local_scan(int fd, unsigned char **return_text);

/* The descriptor is positioned at the body; the offset differs between Exims of the same ABI. */
static struct batv_body body_of(int fd, char *buf, size_t size)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t n = at < 0 ? -1 : pread(fd, buf, size, at);

	return (struct batv_body){{buf, n > 0 ? (size_t)n : 0}, at < 0 ? -1 : fd, (int64_t)at};
}

static void remove_failed(const struct batv_outcome *outcome)
{
	for (size_t i = outcome->n; i-- > 0;)
		if (outcome->findings[i].action == BATV_ACTION_REMOVE)
			batv_glue_recipient_remove(i);
}

/*
 * The pieces of Exim's configuration say what they need of us: each publishes a domainlist.  That
 * configuration cannot change while this process runs, so Exim is asked once, and only if needed.
 */
struct published {
	char ask[32], list[16];
	enum batv_match there; /* BATV_MAYBE: not asked yet */
};

static struct published unsign_list = {"${listnamed_d:batv_unsign}", "+batv_unsign", BATV_MAYBE};
static struct published sign_list = {"${listnamed_d:batv_sign}", "+batv_sign", BATV_MAYBE};

/* Is the address in a domain of this list?  If Exim has no such list: no. */
static enum batv_match is_in(struct published *p, const struct batv_addr *addr)
{
	char domain[BATV_ADDR_SIZE];

	if (p->there == BATV_MAYBE)
		p->there = batv_glue_expand(p->ask) ? BATV_YES : BATV_NO;
	if (p->there == BATV_NO)
		return BATV_NO;
	(void)batv_lists_copy_domain(addr, domain);
	return batv_lists_domain(&batv_glue_matcher, domain, p->list);
}

/* Reads a recipient that the un-signing router would un-sign, if its domain is ours. */
static bool read_tagged(const char *rcpt, struct batv_addr *addr,
			char bare[static BATV_ADDR_INPUT_MAX + 1])
{
	struct batv_tag tag;

	return batv_addr_parse(rcpt, strlen(rcpt), addr) == BATV_OK && batv_tag_parse(addr, &tag) &&
	       batv_tag_routes(&tag) &&
	       batv_tag_strip(addr, &tag, bare, BATV_ADDR_INPUT_MAX + 1) == BATV_OK;
}

/*
 * Takes the tag off a recipient: by its syntax alone, as the un-signing router does, because a
 * tagged address must route even in trouble.  In doubt the recipient is left as it is.  Then the
 * router (or the system filter) asks the same list when it delivers, and waits while there is no
 * answer; so neither a bounce nor another server's tag is lost.
 */
static void unsign_recipient(const struct batv_session *session, size_t i)
{
	char bare[BATV_ADDR_INPUT_MAX + 1];
	enum batv_match ours = BATV_YES;
	struct batv_addr addr;

	/* a tag may be in a tag: each turn makes the address shorter */
	while (ours == BATV_YES && read_tagged(batv_glue_recipient(i), &addr, bare)) {
		ours = is_in(&unsign_list, &addr);
		if (ours == BATV_YES)
			batv_glue_recipient_set(i, bare);
		else if (ours == BATV_MAYBE)
			batv_session_doubt(session, "batv_unsign", "not-unsigned",
					   batv_glue_recipient(i));
	}
}

/* --- signing at reception ---------------------------------------------------- */

/*
 * Mail leaves for certain only if its recipient needs permission to relay.  At this time nobody
 * knows what a user will forward.
 */
static enum batv_match leaves(const struct batv_policy *policy, const char *rcpt)
{
	struct batv_addr addr;
	char domain[BATV_ADDR_SIZE];

	if (!*policy->inbound_domains || batv_addr_parse(rcpt, strlen(rcpt), &addr) != BATV_OK ||
	    !batv_lists_copy_domain(&addr, domain))
		return BATV_NO;
	switch (batv_lists_domain(&batv_glue_matcher, domain, policy->inbound_domains)) {
	case BATV_NO: return BATV_YES;
	case BATV_YES: return BATV_NO;
	case BATV_MAYBE: break;
	}
	return BATV_MAYBE;
}

/*
 * This Exim has no functions, so no transport of ours sees the message.  Its answer is counted
 * here; if answers differ between recipients, each of them once.  Being counted is as good as being
 * seen by a transport.
 */
static void count_here(const struct batv_session *session, const struct batv_leaving *leaving,
		       const struct batv_signing *s, unsigned *counted)
{
	const unsigned bit = 1U << s->answer;

	if (s->answer == BATV_LEFT_DOUBT || s->answer == BATV_LEFT_NO_KEY)
		batv_session_doubt(session, batv_sign_answer_name(s->answer), "not-signed",
				   batv_glue_sender());
	if (!(*counted & bit))
		batv_leaving_count(session, leaving, s);
	*counted |= bit;
}

/*
 * Signs the sender for each recipient that leaves.  Recipients are asked about one by one only if
 * the policy has unsigned destinations; else all of them get the first one's answer.
 *
 * A transport sees the tag, and counts.  In doubt the recipient is left to it.  Without functions
 * (batv_glue_has_functions()) this is all that is ever seen, and so it is counted here.
 *
 * What is signed here leaves signed whatever transport it takes, and whether one sees it or not.
 * The exception is cutthrough delivery, which has sent the sender already: note_accepted().
 */
static void sign_recipients(const struct batv_context *context, const struct batv_session *session,
			    const struct batv_policy *policy, const char *sender)
{
	static struct batv_signing s;
	const bool each = *policy->unsigned_destinations || policy->more_destinations;
	const bool counted_here = !batv_glue_has_functions() && !batv_cutthrough();
	unsigned counted = 0;
	bool asked = false;

	for (size_t i = 0; i < batv_glue_recipients(); i++) {
		const char *rcpt = batv_glue_recipient(i);
		const enum batv_match match = leaves(policy, rcpt);
		const bool counts = match != BATV_NO && counted_here;

		if (match == BATV_MAYBE && counts)
			batv_session_doubt(session, "inbound_domains", "not-signed", rcpt);
		if (match != BATV_YES)
			continue;
		if (each || !asked)
			batv_sign_address(context, sender, rcpt, session->now, &s);
		if (s.answer == BATV_SIGNED)
			batv_glue_recipient_sender(i, s.address);
		if (counts)
			count_here(session,
				   &(struct batv_leaving){.origin = context->origin,
							  .sender = sender,
							  .recipient = rcpt},
				   &s, &counted);
		asked = true;
	}
}

static void sign_at_reception(const struct batv_session *session)
{
	const char *sender = batv_glue_sender();
	const struct batv_policy *policy;
	struct batv_addr addr;
	struct batv_origin origin;

	if (!session->state || !*sender ||
	    batv_addr_parse(sender, strlen(sender), &addr) != BATV_OK)
		return;
	if (batv_session_policy(session, &addr, &policy) == BATV_MAYBE)
		policy = session->state->policies; /* batv_sign_address() will be in doubt too; that
						    * is logged */
	if (!policy || is_in(&sign_list, &addr) != BATV_YES)
		return;
	batv_origin_of(session, &origin);
	origin.address = sender;

	const struct batv_context context = {
		.state = session->state,
		.memory = session->memory,
		.matcher = &batv_glue_matcher,
		.origin = &origin,
		.now = session->now,
	};

	sign_recipients(&context, session, policy, sender);
}

/* --- mail that a transport of ours must see ---------------------------------- */

/* The answer for the first recipient that leaves signed.  False: there is none. */
static bool would_sign(const struct batv_session *session, const struct batv_policy *policy,
		       struct batv_signing *s)
{
	const char *sender = batv_glue_sender();
	struct batv_origin origin;
	const struct batv_context context = {.state = session->state,
					     .memory = session->memory,
					     .matcher = &batv_glue_matcher,
					     .origin = &origin,
					     .now = session->now};

	batv_origin_of(session, &origin);
	origin.address = sender;
	for (size_t i = 0; i < batv_glue_recipients(); i++) {
		const char *rcpt = batv_glue_recipient(i);

		if (leaves(policy, rcpt) != BATV_YES)
			continue;
		batv_sign_address(&context, sender, rcpt, session->now, s);
		if (s->answer == BATV_SIGNED)
			return true;
	}
	return false;
}

/*
 * Notes a message of ours for outside that a transport must see, because it leaves untagged
 * otherwise.  Where it is signed here, that is only one which leaves by cutthrough delivery, and no
 * transport will see it.  Elsewhere the transport signs.
 */
static void note_accepted(const struct batv_session *session)
{
	static struct batv_signing s;
	const char *sender = batv_glue_sender();
	const struct batv_policy *policy;
	struct batv_addr addr;

	if (!session->state || !*sender ||
	    batv_addr_parse(sender, strlen(sender), &addr) != BATV_OK ||
	    batv_session_policy(session, &addr, &policy) != BATV_YES || !policy->signing)
		return;
	const bool signs = is_in(&sign_list, &addr) == BATV_YES;

	if (signs ? !batv_cutthrough() : !batv_glue_has_functions())
		return;
	if (would_sign(session, policy, &s))
		batv_leaving_accepted(session, sender, signs, &s);
}

/* Exim's own bounce names the recipients that it could not deliver to. */
static void note_failed(const struct batv_session *session)
{
	struct batv_header field;
	struct batv_origin origin;
	const void *at = NULL;

	batv_glue_origin(&origin);
	if (*batv_glue_sender() || *origin.host_address)
		return;
	while (batv_glue_header_next(&at, &field))
		if (batv_span_equal_fold(field.name, batv_span_of("X-Failed-Recipients"))) {
			for (size_t i = 0; i < batv_glue_recipients(); i++)
				batv_leaving_failed(session, batv_glue_recipient(i));
			return;
		}
}

static enum batv_glue_code scan(const struct batv_session *session, int fd,
				unsigned char **return_text)
{
	struct batv_outcome *outcome;
	char start[BODY_START];

	const struct batv_body body = body_of(fd, start, sizeof start);

	outcome = batv_outcome_of(session, &body);
	if (outcome->action == BATV_ACTION_REJECT) {
		*return_text = batv_outcome_refusal(outcome);
		return BATV_GLUE_REJECT;
	}
	if (outcome->deferral) {
		*return_text = batv_glue_text(outcome->deferral, NULL);
		return BATV_GLUE_DEFER;
	}
	remove_failed(outcome);
	for (size_t i = 0; i < batv_glue_recipients(); i++)
		unsign_recipient(session, i);
	note_failed(session);
	sign_at_reception(session);
	note_accepted(session);
	batv_sent_mail_received(session);
	return BATV_GLUE_ACCEPT;
}

int local_scan(int fd, unsigned char **return_text)
{
	struct batv_session session;
	enum batv_glue_code code;

	batv_session_open(&session);
	batv_door_note(session.memory, BATV_DOOR_LOCAL_SCAN, session.now);
	code = scan(&session, fd, return_text);
	batv_session_close();
	return batv_glue_code(code);
}
