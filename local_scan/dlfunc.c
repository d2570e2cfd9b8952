/*
 * dlfunc.c - the functions for Exim's ${dlfunc{...}{batv_...}{...}}.
 *
 * Signers and un-signers answer "leave the address as it is" with a forced failure.  They never
 * answer with an empty string, because Exim would take that for the null sender.  Answers for
 * conditions are never a forced failure, because Exim takes that for true.
 */
#include <string.h>

#include "exim_glue.h"
#include "leaving.h"
#include "memory/doors.h"
#include "origin.h"
#include "outcome.h"
#include "rcpt_flood.h"
#include "recipients.h"
#include "sent_mail.h"

#define DLFUNC(name)                                                                               \
 __attribute__((visibility("default"))) int name(unsigned char **yield, int argc,                  \
						 unsigned char *argv[]);                           \
 int name(unsigned char **yield, int argc, unsigned char *argv[])

/* Argument i, "" when it was left out. */
static const char *arg_at(int argc, unsigned char *const argv[], int i)
{
	return i < argc && argv[i] ? (const char *)argv[i] : "";
}

/* A result that depends on argument 0: as tainted as that one is. */
static int answer_text(unsigned char **yield, const char *text, unsigned char *const argv[])
{
	*yield = batv_glue_text(text, argv[0]);
	return batv_glue_code(BATV_GLUE_OK);
}

static int leave_alone(void)
{
	return batv_glue_code(BATV_GLUE_FORCED_FAILURE);
}

/* --- batv_sign -------------------------------------------------------------- */

struct call { /* the arguments of batv_sign */
	const char *address, *recipient;
	int64_t arrival;
	struct batv_origin origin;
	bool leaving; /* at a transport, with a real message: it is counted */
};

/*
 * At a transport, Exim has set $host and $host_address to the first host that it will try.  Few
 * policies ask about it.
 */
static void find_next_hop(const struct batv_session *session, struct batv_origin *origin,
			  const char *host)
{
	const struct batv_state *state = session->state;

	for (size_t i = 0; state && i < state->n_policies; i++)
		if (*state->policies[i].unsigned_hosts || state->policies[i].more_destinations) {
			origin->next_name = host;
			origin->next_address = batv_glue_expand("$host_address");
			return;
		}
}

static void read_call(const struct batv_session *session, struct call *c, int argc,
		      unsigned char *const argv[])
{
	uint64_t received = 0;

	*c = (struct call){.address = arg_at(argc, argv, 0), .recipient = arg_at(argc, argv, 1)};
	batv_origin_of(session, &c->origin);
	c->origin.address = c->address;
	c->origin.own_address =
		*batv_glue_sender() &&
		!batv_span_equal_fold(batv_span_of(c->address), batv_span_of(batv_glue_sender()));
	/* in a verification Exim's id may be that of an earlier message; exim -be has no id */
	if (argc > 3)
		c->origin.has_id = c->origin.has_id &&
				   strcmp(arg_at(argc, argv, 3), batv_glue_message_id()) == 0;
	if (strcmp(c->recipient, "@") == 0) /* a batch for several domains */
		c->recipient = "";
	if (c->origin.has_id && batv_span_to_u64(batv_span_of(arg_at(argc, argv, 2)), &received) &&
	    received <= INT64_MAX)
		c->arrival = (int64_t)received;
	c->leaving = c->origin.has_id && *arg_at(argc, argv, 4);
	c->origin.batch = c->leaving && (!*c->recipient || *c->recipient == '@');
	if (c->leaving)
		find_next_hop(session, &c->origin, arg_at(argc, argv, 4));
}

static void no_state(const struct batv_session *session, const struct call *c)
{
	if (c->origin.has_id && *c->address)
		batv_session_complain(session, "not-signed");
	if (c->leaving && *c->address)
		batv_leaving_without_state(session);
}

/* Returns the address to use instead, or NULL to leave it as it is.  Notes mail that leaves. */
static const char *sign(const struct batv_session *session, const struct call *c)
{
	static struct batv_signing s;
	const struct batv_context context = {
		.state = session->state,
		.memory = session->memory,
		.matcher = &batv_glue_matcher,
		.origin = &c->origin,
		.now = session->now,
	};

	batv_sign_address(&context, c->address, c->recipient, c->arrival, &s);
	if (c->origin.has_id && (s.answer == BATV_LEFT_DOUBT || s.answer == BATV_LEFT_NO_KEY))
		batv_session_doubt(session, batv_sign_answer_name(s.answer), "not-signed",
				   c->address);
	if (c->leaving) {
		const struct batv_leaving leaving = {.origin = &c->origin,
						     .sender = c->address,
						     .recipient = c->recipient,
						     .arrival = c->arrival};

		batv_leaving_count(session, &leaving, &s);
		batv_recipients_leaving(session, &c->origin, &s, c->address, c->recipient);
		batv_sent_mail_leaving(session, &c->origin, c->address);
	} else if (c->origin.has_id) {
		batv_sent_mail_routed(session, &c->origin, c->address, c->recipient);
	}
	return *s.address ? s.address : NULL;
}

/* The address is not signed: keep the sender, or use what the configuration says. */
static int otherwise(unsigned char **yield, int argc, unsigned char *const argv[])
{
	const char *text = arg_at(argc, argv, 5);

	return *text ? answer_text(yield, text, argv) : leave_alone();
}

/*
 * batv_sign {address}{recipient}{received time}{message-id}{host}{otherwise}: the signed address,
 * or the untagged one for a host of unsigned_hosts.
 * If the address is not signed, the answer is `otherwise`, or a forced failure if that is empty.
 */
DLFUNC(batv_sign)
{
	const char *signed_address = NULL;
	struct batv_session session;
	struct call c;

	if (argc < 1)
		return leave_alone();
	batv_session_open(&session);
	read_call(&session, &c, argc, argv);
	if (c.origin.has_id) /* a real message */
		batv_door_note(session.memory, c.leaving ? BATV_DOOR_TRANSPORT : BATV_DOOR_ROUTER,
			       session.now);
	if (session.state)
		signed_address = sign(&session, &c);
	else
		no_state(&session, &c);
	batv_session_close();
	return signed_address ? answer_text(yield, signed_address, argv)
			      : otherwise(yield, argc, argv);
}

/* --- the others ------------------------------------------------------------- */

/* batv_unsign {address}: the untagged address; checks the syntax only */
DLFUNC(batv_unsign)
{
	const char *text = arg_at(argc, argv, 0);
	struct batv_addr addr;
	struct batv_tag tag;
	char bare[BATV_ADDR_INPUT_MAX + 1];

	if (batv_addr_parse(text, strlen(text), &addr) != BATV_OK || !batv_tag_parse(&addr, &tag) ||
	    batv_tag_strip(&addr, &tag, bare, sizeof bare) != BATV_OK)
		return leave_alone();
	return answer_text(yield, bare, argv);
}

/*
 * batv_verdict {address}: one word; "exempt" if there is no usable state.  The verdict tells a
 * right tag from a wrong one, so no answer before DATA may depend on it.
 */
DLFUNC(batv_verdict)
{
	static struct batv_judgement j;
	struct batv_session session;
	struct batv_context context;
	struct batv_origin origin;

	batv_session_open(&session);
	j.finding.verdict = BATV_EXEMPT;
	if (session.state) {
		batv_outcome_context(&context, &origin, &session, BATV_CLASS_OTHER);
		batv_judge_recipient(&context, arg_at(argc, argv, 0), &j);
	} else if (*batv_glue_message_id()) { /* at RCPT there is none yet: DATA will say it */
		batv_session_complain(&session, "verdict-exempt");
	}
	batv_session_close();
	*yield = batv_glue_text(batv_verdict_name(j.finding.verdict), NULL);
	return batv_glue_code(BATV_GLUE_OK);
}

/*
 * batv_kind {address}: for the RCPT ACL.  "spared" if no bounce to it is refused now, "doubt" if a
 * list could not be looked up, otherwise "tagged" or "bare" by its shape.  batv_kind
 * {address}{sender}: the same for MAIL FROM; "bare" is an untagged address of ours that came from
 * outside.  This asks no key, counts nothing and logs nothing.
 */
DLFUNC(batv_kind)
{
	enum batv_kind kind = BATV_KIND_SPARED;
	struct batv_session session;
	struct batv_context context;
	struct batv_origin origin;

	batv_session_open(&session);
	if (session.state) {
		batv_outcome_context(&context, &origin, &session, BATV_CLASS_DSN);
		kind = strcmp(arg_at(argc, argv, 1), "sender") == 0
			       ? batv_judge_sender(&context, arg_at(argc, argv, 0))
			       : batv_judge_kind(&context, arg_at(argc, argv, 0));
	}
	batv_session_close();
	*yield = batv_glue_text(batv_judge_kind_name(kind), NULL);
	return batv_glue_code(BATV_GLUE_OK);
}

/* The arguments of batv_flood.  A wrong one is a mistake in an ACL: it is logged once, and not
 * obeyed. */
static bool read_flood(int argc, unsigned char *argv[], enum batv_flood_subject *subject,
		       struct batv_flood_rate *rate)
{
	const char *what = arg_at(argc, argv, 0);
	static bool said;
	char shown[60];

	*subject = strcmp(what, "host") == 0 ? BATV_FLOOD_HOST : BATV_FLOOD_RCPT;
	if ((*subject == BATV_FLOOD_HOST || strcmp(what, "rcpt") == 0) &&
	    batv_flood_rate(batv_span_of(arg_at(argc, argv, 2)), rate))
		return true;
	batv_printable(batv_span_of(arg_at(argc, argv, 2)), shown, sizeof shown);
	if (!said)
		batv_glue_log("batv: trouble=flood action=no-limit limit=<%s>: expected host or "
			      "rcpt, an address, and a limit such as 1000 / 1h",
			      shown);
	said = true;
	return false;
}

/*
 * batv_flood {host|rcpt}{address}{limit}: for the RCPT ACL.  "1" if the host of this session, or
 * this recipient, is above the limit of refused bounces, and this one is to be turned away; else
 * "0".  "1" also counts it.  With a fourth argument {log}, the text for the log about the last one
 * that was turned away; nothing is decided or counted.
 */
DLFUNC(batv_flood)
{
	const char *rcpt = arg_at(argc, argv, 1), *answer = "0";
	enum batv_flood_subject subject;
	struct batv_flood_rate rate;
	struct batv_session session;

	if (!read_flood(argc, argv, &subject, &rate)) {
		;
	} else if (strcmp(arg_at(argc, argv, 3), "log") == 0) {
		answer = batv_rcpt_flood_text(subject, rcpt);
	} else {
		batv_session_open(&session);
		if (batv_rcpt_flood_turns_away(&session, subject, rcpt, &rate))
			answer = "1";
		batv_session_close();
	}
	*yield = batv_glue_text(answer, NULL);
	return batv_glue_code(BATV_GLUE_OK);
}

/*
 * batv_refuse: "1" if the current message must be refused now, otherwise "0".  With the argument
 * {text}: the text of the refusal, or "" if the message is not refused.  Before DATA there is no
 * message, so nothing is judged: $message_body might belong to an earlier message, whose file is
 * closed.
 */
DLFUNC(batv_refuse)
{
	const bool text = strcmp(arg_at(argc, argv, 0), "text") == 0;
	struct batv_body body = {{NULL, 0}, -1, 0}; /* no "": an address here is .data on arm64 */
	struct batv_session session;
	struct batv_outcome *outcome;

	if (!*batv_glue_message_id()) {
		*yield = batv_glue_text(text ? "" : "0", NULL);
		return batv_glue_code(BATV_GLUE_OK);
	}
	batv_session_open(&session);
	batv_door_note(session.memory, BATV_DOOR_ACL, session.now);
	body.start = batv_span_of(batv_glue_expand("$message_body"));
	outcome = batv_outcome_of(&session, &body);
	if (!text && !batv_glue_scans())
		batv_sent_mail_permitted(&session);
	batv_session_close();
	if (outcome->action != BATV_ACTION_REJECT)
		*yield = batv_glue_text(text ? "" : "0", NULL);
	else
		*yield = text ? batv_outcome_refusal(outcome) : batv_glue_text("1", NULL);
	return batv_glue_code(BATV_GLUE_OK);
}

/* batv_bare {address}: the address without any known tag; other text comes back unchanged */
DLFUNC(batv_bare)
{
	const char *text = arg_at(argc, argv, 0);
	char bare[BATV_ADDR_INPUT_MAX + 1];

	if (argc < 1)
		return leave_alone();
	if (batv_tag_bare(text, strlen(text), bare, sizeof bare) != BATV_OK)
		return answer_text(yield, text, argv);
	return answer_text(yield, bare, argv);
}
