/*
 * outcome.c - judges the current message.
 *
 * There are two passes over the recipients.  The first judges each one.  Then batv_decide() decides
 * for all of them together.  The second pass counts, logs and marks.  Invariant: a message is
 * counted and logged once, however often its outcome is asked for.
 */
#include <stdio.h>
#include <string.h>

#include "decide/automatic.h"
#include "elsewhere.h"
#include "exim_glue.h"
#include "fleet.h"
#include "flood.h"
#include "memory/counters.h"
#include "memory/domains.h"
#include "memory/forged.h"
#include "memory/hosts.h"
#include "message_proof.h"
#include "origin.h"
#include "outcome.h"
#include "samples.h"

#define REPLY_MAX 512 /* an SMTP reply line; policy.c keeps the text below it */
#define MSGID_SHOWN 120

/* Facts about a recipient that the second pass needs besides its finding. */
struct note {
	const struct batv_policy *policy;
	uint64_t epoch;
	uint32_t secret; /* 0: no key of ours */
	bool legacy;
	enum batv_proof_kind proof; /* of a remembered recipient */
	const char *cited;          /* the id or tag that proved it; NULL if none */
};

static bool is_automatic(const struct batv_session *session)
{
	const char *pattern = session->state ? session->state->global.automatic_senders : "";
	bool doubt = false;
	bool yes = batv_automatic_sender(batv_glue_sender(), pattern, &doubt);

	if (doubt)
		batv_session_doubt(session, "automatic_senders", "not-judged", batv_glue_sender());
	return yes;
}

static const char *recipient_at(void *ctx, size_t i)
{
	(void)ctx;
	return batv_glue_recipient(i);
}

static enum batv_class class_of_message(const struct batv_body *body)
{
	const struct batv_recipients recipients = {batv_glue_recipients(), recipient_at, NULL};
	struct batv_classifier c;
	struct batv_header field;
	const void *at = NULL;

	batv_classify_start(&c);
	while (batv_glue_header_next(&at, &field))
		batv_classify_header(&c, field);
	return batv_classify_end(&c, batv_body_read(body, batv_classify_body_bytes(&c)),
				 &recipients);
}

/* Asked by judge.c, and only if a refusal depends on it. */
static bool relay_sends(void *ctx, const char *domain)
{
	return batv_origin_relay_sent(ctx, domain);
}

static enum batv_lack lacks(void *ctx, const char *domain, bool for_dsn)
{
	const struct batv_session *session = ctx;
	struct batv_complete_facts facts;

	batv_complete_gather(session->state, session->memory, batv_session_before(session), domain,
			     session->now, &facts);
	facts.for_dsn = for_dsn;
	return batv_complete_decide(&facts);
}

void batv_outcome_context(struct batv_context *context, struct batv_origin *origin,
			  const struct batv_session *session, enum batv_class class)
{
	batv_origin_of(session, origin);
	*context = (struct batv_context){
		.state = session->state,
		.memory = session->memory,
		.matcher = &batv_glue_matcher,
		.origin = origin,
		.now = session->now,
		.observe_file = session->observe_file,
		.acl_exempt = batv_origin_acl_says("exempt"),
		.class = class,
		.lacks = lacks,
		.lacks_ctx = (void *)session,
		.relay_sends = relay_sends,
		.relay_sends_ctx = (void *)session,
	};
}

static void take_note(struct note *note, const struct batv_judgement *j)
{
	note->policy = j->policy;
	if (j->key) {
		note->secret = j->key->secret;
		note->epoch = j->key->epoch;
	} else {
		note->legacy = j->finding.verdict == BATV_VALID;
	}
	note->proof = j->proof.kind;
	if (j->proof.clue) {
		char shown[MSGID_SHOWN];

		batv_printable(j->proof.clue->value, shown, sizeof shown);
		note->cited = (const char *)batv_glue_text(shown, NULL);
	}
}

/* For a remembered recipient the reason is its proof: "id", "tag" or "pair". */
static const char *reason_text(const struct batv_finding *f, const struct note *note)
{
	if (f->verdict == BATV_REMEMBERED && f->reason == BATV_WHY_NONE)
		return batv_proof_name(note->proof);
	return batv_reason_name(f->reason);
}

static void key_for_log(const struct note *note, char *out, size_t size)
{
	if (note->secret)
		snprintf(out, size, "%u.%llu", (unsigned)note->secret,
			 (unsigned long long)note->epoch);
	else
		snprintf(out, size, "%s", note->legacy ? "legacy" : "-");
}

/* A flood defers the message, unless it is refused anyway. */
static bool is_deferred(const struct batv_outcome *o)
{
	return o->deferral && o->action != BATV_ACTION_REJECT;
}

static void log_recipient(const struct batv_outcome *o, const struct note *note, size_t i,
			  const char *host)
{
	const struct batv_finding *f = &o->findings[i];
	char rcpt[280], from[64], key[40];

	batv_printable(batv_span_of(batv_glue_recipient(i)), rcpt, sizeof rcpt);
	batv_printable(batv_span_of(host), from, sizeof from);
	key_for_log(note, key, sizeof key);
	/* a contract: docs/formats.md, "Log line"; new fields go to the end */
	batv_glue_log(
		"batv: verdict=%s action=%s mode=%s rcpt=<%s> class=%s host=[%s] key=%s msgid=%s"
		" reason=%s policy=%s",
		batv_verdict_name(f->verdict),
		is_deferred(o) ? "defer" : batv_action_name(f->action),
		f->rejecting ? "reject" : "observe", rcpt, batv_class_name(o->class), from, key,
		note->cited ? note->cited : "-", reason_text(f, note),
		note->policy ? note->policy->name : "-");
}

/* Names the recipient only if nobody else gets the message. */
static void add_header(const struct batv_outcome *o, const struct note *note, size_t i, bool alone)
{
	const struct batv_finding *f = &o->findings[i];
	char rcpt[280], value[512];
	int n;

	n = snprintf(value, sizeof value, "%s; action=%s; mode=%s; class=%s; reason=%s",
		     batv_verdict_name(f->verdict), batv_action_name(f->action),
		     f->rejecting ? "reject" : "observe", batv_class_name(o->class),
		     reason_text(f, note));
	if (alone && n > 0 && (size_t)n < sizeof value) {
		batv_printable(batv_span_of(batv_glue_recipient(i)), rcpt, sizeof rcpt);
		snprintf(value + n, sizeof value - (size_t)n, ";\n\trcpt=<%s>", rcpt);
	}
	batv_glue_header_add(BATV_STATUS_HEADER, value);
}

/*
 * All recipients get the same header, so it says the worst that is true of those who want one.  A
 * header for each would show all of them the blind recipients, and the live tags of colleagues.
 */
static void add_status(const struct batv_outcome *o, const struct note *notes)
{
	size_t delivered = 0, worst = o->n;

	if (o->action == BATV_ACTION_REJECT)
		return;
	for (size_t i = 0; i < o->n; i++) {
		if (o->findings[i].action == BATV_ACTION_REMOVE)
			continue;
		delivered++;
		if (notes[i].policy && notes[i].policy->result_header &&
		    (worst == o->n || batv_verdict_worse(&o->findings[i], &o->findings[worst])))
			worst = i;
	}
	if (worst < o->n)
		add_header(o, &notes[worst], worst, delivered == 1);
}

/* Counts why a failed recipient was not refused. */
static void count_spared(const struct batv_session *session, const struct batv_finding *f)
{
	size_t row;

	if (batv_verdict_failed(f->verdict) && f->action != BATV_ACTION_REJECT &&
	    batv_verdict_spared_row(f->reason, &row))
		batv_count(session->memory, row, session->now);
}

static void count_recipient(const struct batv_session *session, const struct batv_outcome *o,
			    const struct batv_finding *f, const char *host)
{
	if (!is_deferred(o)) /* it is counted when it comes again */
		batv_count(session->memory, batv_counter_of(f->verdict, o->class, f->action),
			   session->now);
	if (f->verdict == BATV_FORGED)
		batv_forged_note(session->memory, host, session->now);
	if (f->doubt)
		batv_count(session->memory, BATV_COUNT_DOUBT, session->now);
	if (f->reason == BATV_WHY_MIXED && !is_deferred(o))
		batv_count(session->memory, BATV_COUNT_MIXED, session->now);
	count_spared(session, f);
}

/* For batvctl status: hosts that a list may lack, or should not have. */
static void note_host(const struct batv_session *session, const struct batv_outcome *o,
		      const struct batv_origin *origin, bool fetched)
{
	bool failed = false, trusted = false;

	for (size_t i = 0; i < o->n; i++) {
		failed = failed || batv_verdict_failed(o->findings[i].verdict);
		trusted = trusted || o->findings[i].reason == BATV_WHY_TRUSTED_HOST;
	}
	if (trusted)
		batv_host_note(session->memory, BATV_HOST_TRUSTED, origin->host_address,
			       session->now);
	else if (failed && fetched)
		batv_origin_fetches(session, origin);
}

/* The host counts once for a message, and each recipient that had no tag. */
static void count_refusal(const struct batv_session *session, const struct batv_outcome *o,
			  const char *host)
{
	batv_flood_refusal(session, host, NULL);
	for (size_t i = 0; i < o->n; i++)
		if (o->findings[i].verdict == BATV_MISSING)
			batv_flood_refusal(session, NULL, batv_glue_recipient(i));
}

static void record(const struct batv_session *session, struct batv_outcome *o,
		   const struct note *notes)
{
	struct batv_origin origin;

	batv_glue_origin(&origin);
	for (size_t i = 0; i < o->n; i++) {
		const struct batv_finding *f = &o->findings[i];
		const struct note *note = &notes[i];

		if (!o->uncounted)
			count_recipient(session, o, f, origin.host_address);
		log_recipient(o, note, i, origin.host_address);
	}
	if (o->action == BATV_ACTION_REJECT && !o->uncounted)
		count_refusal(session, o, origin.host_address);
	add_status(o, notes);
}

/* A valid tag of this domain came back.  The tag is the address and its key. */
static void note_valid(const struct batv_session *session, const struct batv_judgement *j,
		       const char *host)
{
	const struct batv_span key = batv_state_memory_key(session->state);
	char tag[BATV_ADDR_SIZE + 48];
	struct batv_sending_clues clues = {.network = batv_sending_network(key, host)};

	snprintf(tag, sizeof tag, "%s %u.%llu", j->bare, j->key ? (unsigned)j->key->secret : 0,
		 j->key ? (unsigned long long)j->key->epoch : 0);
	clues.tag = batv_sending_hash(key, BATV_SENDING_TAG, batv_span_of(tag));
	(void)batv_domain_note(session->memory, j->domain, j->policy->name, BATV_EVIDENCE_VALID,
			       &clues, session->now);
}

static void judge_all(const struct batv_session *session, const struct batv_body *body,
		      const struct batv_pass *pass, struct batv_outcome *o)
{
	struct batv_prover prover = {.session = session, .body = body, .class = o->class};
	static struct batv_judgement j;
	struct batv_context context;
	struct batv_origin origin;
	struct note *notes;

	o->n = batv_glue_recipients();
	o->findings = batv_glue_room((o->n + 1) * sizeof *o->findings);
	notes = batv_glue_room((o->n + 1) * sizeof *notes);
	batv_outcome_context(&context, &origin, session, o->class);
	context.prove = batv_message_proof;
	context.prove_ctx = &prover;
	context.fetched = pass->fetched;
	context.passed_before = pass->before;
	o->uncounted = pass->uncounted;
	for (size_t i = 0; i < o->n; i++) {
		batv_judge_recipient(&context, batv_glue_recipient(i), &j);
		if (j.by_memory)
			batv_fleet_judge_again(&context, batv_glue_recipient(i), &j);
		o->findings[i] = j.finding;
		take_note(&notes[i], &j);
		if (o->uncounted)
			continue;
		if (j.finding.verdict == BATV_VALID && j.policy)
			note_valid(session, &j, origin.host_address);
		batv_samples_take(&prover, batv_glue_recipient(i), &j);
		batv_elsewhere_note(&prover, &j);
		const char *flood =
			batv_flood_deferral(&context, &prover, batv_glue_recipient(i), &j);

		o->deferral = o->deferral ? o->deferral : flood;
	}
	o->action = batv_decide(o->findings, o->n, batv_glue_scans());
	/* the text of the first that failed: others are refused with it, and may have no policy */
	for (size_t i = 0; i < o->n && !o->refusal_text; i++)
		if (o->action == BATV_ACTION_REJECT && notes[i].policy &&
		    batv_verdict_failed(o->findings[i].verdict))
			o->refusal_text = notes[i].policy->refusal_text;
	record(session, o, notes);
	if (!o->uncounted)
		note_host(session, o, &origin, pass->fetched);
}

static bool has_status_header(void)
{
	const struct batv_span name = batv_span_of(BATV_STATUS_HEADER);
	struct batv_header field;
	const void *at = NULL;

	while (batv_glue_header_next(&at, &field))
		if (batv_span_equal_fold(field.name, name))
			return true;
	return false;
}

struct batv_outcome *batv_outcome_of(const struct batv_session *session,
				     const struct batv_body *body)
{
	static struct batv_outcome outcome;
	static char of[40]; /* Exim's id of the message that outcome belongs to */
	const char *id = batv_glue_message_id();
	const size_t len = strlen(id);
	struct batv_pass pass = {0};
	struct batv_origin origin;
	bool automatic;

	if (*id && strcmp(id, of) == 0)
		return &outcome;
	/* snprintf() would be the only one that ordinary mail needs */
	*of = '\0';
	if (len < sizeof of)
		memcpy(of, id, len + 1);
	outcome = (struct batv_outcome){.action = BATV_ACTION_ACCEPT};
	batv_glue_origin(&origin);
	automatic = is_automatic(session);
	if (session->state && (automatic || has_status_header()))
		batv_origin_pass(session, &origin, &pass);
	if (pass.again)
		return &outcome; /* with the header that it got when it first came */
	batv_glue_header_remove(BATV_STATUS_HEADER); /* we did not write it */
	/* without a sending host it is a local submission, or a bounce from this Exim itself */
	if (!automatic || (!*origin.host_address && !pass.fetched))
		return &outcome;
	if (!session->state) {
		batv_session_complain(session, "accepted-unjudged");
		return &outcome;
	}
	outcome.class = class_of_message(body);
	judge_all(session, body, &pass, &outcome);
	return &outcome;
}

unsigned char *batv_outcome_refusal(const struct batv_outcome *outcome)
{
	char text[REPLY_MAX];

	snprintf(text, sizeof text, "5.7.1 %s", outcome->refusal_text ? outcome->refusal_text : "");
	return batv_glue_text(text, NULL);
}
