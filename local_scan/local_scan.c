/*
 * local_scan.c - Exim calls local_scan() once for every message, after DATA and the ACLs.
 *
 * It judges automatic mail, refuses or marks it, takes off recipients that failed beside one that
 * proved itself, and takes the tags off the envelope recipients where no router does.
 */
#include <string.h>
#include <unistd.h>

#include "exim_glue.h"
#include "message.h"

#define BODY_START 4096		/* bytes of the body that tell the class of a bounce without MIME */

__attribute__((visibility("default")))
int local_scan(int fd, unsigned char **return_text);

/* The descriptor stands at the body: its offset differs between Exims of the same ABI. */
static struct batv_span body_start(int fd, char *buf, size_t size)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t n = at < 0 ? -1 : pread(fd, buf, size, at);

	return (struct batv_span) { buf, n > 0 ? (size_t)n : 0 };
}

static void remove_failed(const struct batv_outcome *outcome)
{
	for (size_t i = outcome->n; i-- > 0;)
		if (outcome->findings[i].action == BATV_ACTION_REMOVE)
			batv_glue_recipient_remove(i);
}

/*
 * May recipients in this domain be un-signed here?  A tag has to route in every trouble, so
 * without a state Exim's own list of local domains decides.
 */
static bool unsigns(const struct batv_session *session, const char *domain)
{
	const struct batv_matcher *m = &batv_glue_matcher;
	const struct batv_policy *policy;

	if (!session->state)
		return m->domain(m->ctx, domain, "+local_domains") == BATV_YES;
	return batv_policy_of(session->state, m, domain, &policy) == BATV_YES &&
	       policy->unsign_recipients;
}

static void unsign_recipient(const struct batv_session *session, size_t i)
{
	const char *rcpt = batv_glue_recipient(NULL, i);
	struct batv_addr addr;
	struct batv_tag tag;
	char bare[BATV_ADDR_INPUT_MAX + 1], domain[BATV_ADDR_INPUT_MAX + 1];

	if (batv_addr_parse(rcpt, strlen(rcpt), &addr) != BATV_OK || !batv_tag_parse(&addr, &tag) ||
	    batv_tag_strip(&addr, &tag, bare, sizeof bare) != BATV_OK)
		return;
	memcpy(domain, addr.domain.p, addr.domain.len);
	domain[addr.domain.len] = '\0';
	if (unsigns(session, domain))
		batv_glue_recipient_set(i, bare);
}

int local_scan(int fd, unsigned char **return_text)
{
	struct batv_session session;
	struct batv_outcome *outcome;
	char body[BODY_START];

	batv_session_open(&session);
	outcome = batv_message_outcome(&session, body_start(fd, body, sizeof body));
	if (outcome->action == BATV_ACTION_REJECT) {
		*return_text = batv_message_refusal(outcome);
		return batv_glue_code(BATV_GLUE_REJECT);
	}
	remove_failed(outcome);
	for (size_t i = 0; i < batv_glue_recipients(); i++)
		unsign_recipient(&session, i);
	return batv_glue_code(BATV_GLUE_ACCEPT);
}
