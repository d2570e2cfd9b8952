/*
 * dlfunc.c - the functions for Exim's ${dlfunc{...}{batv_...}{...}}.
 *
 * Signers and un-signers answer with a forced failure for "leave it as it is": never with an empty
 * string, which Exim would take for the null sender.  Answers for conditions are never a forced
 * failure, which Exim takes for true.
 */
#include <string.h>

#include "exim_glue.h"
#include "leaving.h"
#include "outcome.h"
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
	bool leaving; /* at a transport, with a real message: what is seen is counted */
};

static void read_call(struct call *c, int argc, unsigned char *const argv[])
{
	uint64_t received = 0;

	*c = (struct call){.address = arg_at(argc, argv, 0), .recipient = arg_at(argc, argv, 1)};
	batv_glue_origin(&c->origin);
	c->origin.own_address =
		*batv_glue_sender() &&
		!batv_span_equal_fold(batv_span_of(c->address), batv_span_of(batv_glue_sender()));
	/* in a verification Exim's own id may be one of an earlier message; exim -be has none */
	if (argc > 3)
		c->origin.has_id = c->origin.has_id &&
				   strcmp(arg_at(argc, argv, 3), batv_glue_message_id()) == 0;
	if (strcmp(c->recipient, "@") == 0) /* a batch for several domains */
		c->recipient = "";
	if (c->origin.has_id && batv_span_to_u64(batv_span_of(arg_at(argc, argv, 2)), &received) &&
	    received <= INT64_MAX)
		c->arrival = (int64_t)received;
	c->leaving = c->origin.has_id && *arg_at(argc, argv, 4);
}

static void no_state(const struct batv_session *session, const struct call *c)
{
	if (c->origin.has_id && *c->address)
		batv_session_complain(session, "not-signed");
	if (c->leaving && *c->address)
		batv_leaving_without_state(session);
}

/* The signed address; NULL: it stays as it is.  Notes what leaves. */
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
		batv_leaving_count(session, &c->origin, &s);
		batv_sent_mail_leaving(session, &c->origin, c->address);
	} else if (c->origin.has_id) {
		batv_sent_mail_routed(session, &c->origin, c->address, c->recipient);
	}
	return s.answer == BATV_SIGNED ? s.address : NULL;
}

/* The address is not signed: leave the sender as it is, or as the configuration says. */
static int otherwise(unsigned char **yield, int argc, unsigned char *const argv[])
{
	const char *text = arg_at(argc, argv, 5);

	return *text ? answer_text(yield, text, argv) : leave_alone();
}

/*
 * batv_sign {address}{recipient}{received time}{message-id}{host}{otherwise}: instead of a forced
 * failure the answer is `otherwise`, unless that is empty
 */
DLFUNC(batv_sign)
{
	const char *signed_address = NULL;
	struct batv_session session;
	struct call c;

	if (argc < 1)
		return leave_alone();
	batv_session_open(&session);
	read_call(&c, argc, argv);
	if (session.state)
		signed_address = sign(&session, &c);
	else
		no_state(&session, &c);
	batv_session_close();
	return signed_address ? answer_text(yield, signed_address, argv)
			      : otherwise(yield, argc, argv);
}

/* --- the others ------------------------------------------------------------- */

/* batv_unsign {address}: syntax only */
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
 * batv_verdict {address}: one word; "exempt" when there is no state to judge by.  It tells a right
 * tag from a wrong one: nothing that is said before DATA may depend on it.
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
 * batv_kind {address}: "spared" when no bounce to it is refused now, "tagged" by its shape, else
 * "bare"; "doubt" when a list could not be looked up.  Knows no keys, counts nothing and logs
 * nothing: for the RCPT ACL.
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
		kind = batv_judge_kind(&context, arg_at(argc, argv, 0));
	}
	batv_session_close();
	*yield = batv_glue_text(batv_judge_kind_name(kind), NULL);
	return batv_glue_code(BATV_GLUE_OK);
}

/*
 * batv_refuse: "1" when the message in hand has to be refused now, else "0".  With the argument
 * {text}: what the other side is to be told, or "" when the message is not refused.  Before DATA
 * there is no message: nothing is judged, and $message_body could be that of an earlier one, whose
 * file is closed.
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
	body.start = batv_span_of(batv_glue_expand("$message_body"));
	outcome = batv_outcome_of(&session, &body);
	batv_session_close();
	if (outcome->action != BATV_ACTION_REJECT)
		*yield = batv_glue_text(text ? "" : "0", NULL);
	else
		*yield = text ? batv_outcome_refusal(outcome) : batv_glue_text("1", NULL);
	return batv_glue_code(BATV_GLUE_OK);
}

/* batv_bare {address}: without any known tag; what is no address comes back as it is */
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
