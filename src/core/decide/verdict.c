/*
 * verdict.c - makes the decisions.  Facts about a recipient give a verdict.  The verdict and the
 * mode give an action.  The actions of all recipients give the action for the message.
 *
 * Pure: no I/O, no clock, no look-ups.  Invariants: nothing is refused in doubt; a recipient whose
 * own verdict has not failed is never removed, and is refused only with the whole message.
 */
#include "decide/verdict.h"

#include "memory/counters.h"

bool batv_verdict_failed(enum batv_verdict verdict)
{
	return verdict == BATV_MISSING || verdict == BATV_EXPIRED || verdict == BATV_FORGED;
}

static enum batv_reason message_exemption(const struct batv_message_facts *msg)
{
	if (msg->local)
		return BATV_WHY_LOCAL;
	if (msg->authenticated)
		return BATV_WHY_AUTHENTICATED;
	if (msg->acl_exempt)
		return BATV_WHY_ACL;
	if (msg->own_host == BATV_YES)
		return BATV_WHY_OWN_HOST;
	if (msg->exempt_host == BATV_YES)
		return BATV_WHY_EXEMPT_HOST;
	return BATV_WHY_NONE;
}

static enum batv_reason recipient_exemption(const struct batv_rcpt_facts *rcpt)
{
	if (rcpt->exempt_recipient == BATV_YES)
		return BATV_WHY_EXEMPT_RECIPIENT;
	if (rcpt->srs)
		return BATV_WHY_SRS;
	if (rcpt->unsigned_sender == BATV_YES)
		return BATV_WHY_UNSIGNED_SENDER;
	return BATV_WHY_NONE;
}

/* Might an exemption apply that a list could not confirm? */
static bool exemption_in_doubt(const struct batv_message_facts *msg,
			       const struct batv_rcpt_facts *rcpt)
{
	return msg->own_host == BATV_MAYBE || msg->exempt_host == BATV_MAYBE ||
	       rcpt->exempt_recipient == BATV_MAYBE || rcpt->unsigned_sender == BATV_MAYBE;
}

static enum batv_verdict verdict_without_exemption(const struct batv_rcpt_facts *rcpt)
{
	if (!rcpt->fits)
		return BATV_UNSIGNABLE;
	if (rcpt->remembered)
		return BATV_REMEMBERED;
	if (!rcpt->tagged)
		return BATV_MISSING;
	return rcpt->worth == BATV_TAG_EXPIRED ? BATV_EXPIRED : BATV_FORGED;
}

void batv_verdict_of(const struct batv_message_facts *msg, const struct batv_rcpt_facts *rcpt,
		     struct batv_finding *finding)
{
	struct batv_finding f = {.verdict = BATV_NOT_OURS, .action = BATV_ACTION_ACCEPT};

	if (rcpt->is_protected != BATV_YES) {
		f.doubt = rcpt->is_protected == BATV_MAYBE;
		f.reason = f.doubt ? BATV_WHY_DOUBT : BATV_WHY_NONE;
	} else if (rcpt->tagged && rcpt->worth == BATV_TAG_VALID) {
		f.verdict = BATV_VALID;
	} else {
		f.reason = message_exemption(msg);
		if (f.reason == BATV_WHY_NONE)
			f.reason = recipient_exemption(rcpt);
		if (f.reason != BATV_WHY_NONE) {
			f.verdict = BATV_EXEMPT;
		} else {
			f.verdict = verdict_without_exemption(rcpt);
			f.doubt = exemption_in_doubt(msg, rcpt);
			f.reason = f.doubt ? BATV_WHY_DOUBT : BATV_WHY_NONE;
		}
	}
	*finding = f;
}

static bool is_rejecting(const struct batv_mode_facts *mode)
{
	if (!mode->policy || mode->observe_file)
		return false;
	return mode->enforcement == BATV_ENFORCE_REJECT ||
	       (mode->enforcement == BATV_ENFORCE_AUTO && mode->armed);
}

/* Why the mode does not refuse; NONE if it does. */
static enum batv_reason why_observing(const struct batv_mode_facts *mode)
{
	if (is_rejecting(mode))
		return BATV_WHY_NONE;
	if (mode->enforcement == BATV_ENFORCE_AUTO && !mode->armed)
		return BATV_WHY_NOT_ARMED;
	if (mode->enforcement == BATV_ENFORCE_OBSERVE)
		return BATV_WHY_OBSERVE;
	return mode->observe_file ? BATV_WHY_OBSERVE_FILE : BATV_WHY_OBSERVE;
}

/* The policy's action for failed mail of this class.  An unknown value counts as MARK. */
static enum batv_action class_action(const struct batv_mode_facts *mode)
{
	int action = BATV_ACTION_MARK;

	if ((unsigned)mode->class < BATV_CLASS_COUNT)
		action = mode->policy->unproven[mode->class];
	if (action == BATV_UNPROVEN_REJECT_ALL)
		return BATV_ACTION_REJECT;
	if (action == BATV_ACTION_ACCEPT || action == BATV_ACTION_REJECT)
		return (enum batv_action)action;
	return BATV_ACTION_MARK;
}

/* Some of our own mail leaves untagged, and bounces of it come back like that. */
static bool may_be_of_untagged_mail(const struct batv_mode_facts *mode,
				    const struct batv_finding *finding)
{
	return finding->verdict == BATV_MISSING && batv_policy_spares_some(mode->policy);
}

/*
 * Why the sent-mail memory does not disprove the message; NONE if it does, or if it need not: a
 * bounce comes to the tagged address, so a missing tag is enough.
 */
static enum batv_reason why_not_disproved(const struct batv_mode_facts *mode,
					  const struct batv_finding *finding)
{
	if (mode->class == BATV_CLASS_DSN && !may_be_of_untagged_mail(mode, finding))
		return BATV_WHY_NONE;
	if (mode->cites_nothing && mode->policy->unproven[mode->class] != BATV_UNPROVEN_REJECT_ALL)
		return BATV_WHY_CITES_NOTHING;
	if (!mode->memory_complete)
		return BATV_WHY_NO_MEMORY;
	return mode->fleet_behind ? BATV_WHY_FLEET_BEHIND : BATV_WHY_NONE;
}

/* Why a recipient is not refused although its class is; NONE if it is refused. */
static enum batv_reason why_spared(const struct batv_mode_facts *mode,
				   const struct batv_finding *finding)
{
	enum batv_reason why = why_observing(mode);

	if (why != BATV_WHY_NONE)
		return why;
	if (mode->fetched)
		return BATV_WHY_FETCHED;
	if (mode->relay_host == BATV_YES)
		return BATV_WHY_RELAY_HOST;
	if (mode->trusted_host == BATV_YES)
		return BATV_WHY_TRUSTED_HOST;
	if (finding->doubt || mode->relay_host == BATV_MAYBE || mode->trusted_host == BATV_MAYBE)
		return BATV_WHY_DOUBT;
	if (mode->relay_sends && mode->class == BATV_CLASS_DSN && finding->verdict == BATV_MISSING)
		return BATV_WHY_RELAY_SENDS;
	why = why_not_disproved(mode, finding);
	if (why != BATV_WHY_NONE)
		return why;
	return finding->maybe_lost ? BATV_WHY_LOST_SECRET : BATV_WHY_NONE;
}

void batv_action_of(const struct batv_mode_facts *mode, struct batv_finding *finding)
{
	enum batv_action by_class;

	finding->action = BATV_ACTION_ACCEPT;
	finding->rejecting = is_rejecting(mode);
	if (!batv_verdict_failed(finding->verdict))
		return;
	if (!mode->policy) { /* cannot happen: without a policy the verdict is not-ours */
		finding->action = BATV_ACTION_MARK;
		finding->reason = BATV_WHY_DOUBT;
		return;
	}
	if (mode->hint != BATV_WHY_NONE) {
		finding->action = BATV_ACTION_MARK;
		finding->reason = mode->hint;
		return;
	}
	by_class = class_action(mode);
	if (by_class != BATV_ACTION_REJECT) {
		finding->action = by_class;
		finding->reason = BATV_WHY_CLASS;
		return;
	}
	finding->reason = why_spared(mode, finding);
	finding->doubt = finding->doubt || finding->reason == BATV_WHY_DOUBT;
	finding->action = finding->reason == BATV_WHY_NONE ? BATV_ACTION_REJECT : BATV_ACTION_MARK;
}

/*
 * A message with more forged tags than this, next to a right one, is not a bounce: a bounce has one
 * tag.  Without this limit, one message could try a thousand tags and learn whether one is right.
 */
#define FORGED_MAX 3

/* What all recipients together allow. */
struct tally {
	bool reject; /* some copy is to be refused */
	bool spare;  /* some other copy must not be refused with it */
	bool proven; /* some copy answers our mail */
	bool mark;
};

static struct tally tally(const struct batv_finding *findings, size_t n)
{
	struct tally t = {0};
	size_t forged = 0;
	bool valid = false;

	for (size_t i = 0; i < n; i++) {
		const struct batv_finding *f = &findings[i];

		if (f->action == BATV_ACTION_REJECT)
			t.reject = true;
		else if (f->verdict == BATV_VALID)
			valid = true;
		else
			t.spare = true;
		if (f->action == BATV_ACTION_MARK)
			t.mark = true;
		if (f->verdict == BATV_REMEMBERED)
			t.proven = true;
		forged += f->verdict == BATV_FORGED && f->action == BATV_ACTION_REJECT;
	}
	t.proven = t.proven || (valid && forged <= FORGED_MAX);
	return t;
}

/* Turns every REJECT into `action`, for the sake of another recipient. */
static void soften(struct batv_finding *findings, size_t n, enum batv_action action)
{
	for (size_t i = 0; i < n; i++) {
		if (findings[i].action != BATV_ACTION_REJECT)
			continue;
		findings[i].action = action;
		if (action == BATV_ACTION_MARK)
			findings[i].reason = BATV_WHY_MIXED;
	}
}

/* Refuses every copy, even that of a tag which guessing found. */
static void refuse_all(struct batv_finding *findings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (findings[i].action == BATV_ACTION_REJECT)
			continue;
		findings[i].action = BATV_ACTION_REJECT;
		findings[i].reason = BATV_WHY_MIXED;
	}
}

enum batv_action batv_decide(struct batv_finding *findings, size_t n, bool can_remove)
{
	struct tally t = tally(findings, n);

	if (t.reject && t.proven && can_remove) {
		soften(findings, n, BATV_ACTION_REMOVE);
	} else if (t.reject && (t.proven || t.spare)) {
		soften(findings, n, BATV_ACTION_MARK);
		return BATV_ACTION_MARK;
	} else if (t.reject) {
		refuse_all(findings, n);
		return BATV_ACTION_REJECT;
	}
	return t.mark ? BATV_ACTION_MARK : BATV_ACTION_ACCEPT;
}

bool batv_verdict_worse(const struct batv_finding *a, const struct batv_finding *b)
{
	return a->verdict > b->verdict || (a->verdict == b->verdict && a->action > b->action);
}

const char *batv_verdict_name(enum batv_verdict v)
{
	switch (v) {
	case BATV_VALID: return "valid";
	case BATV_REMEMBERED: return "remembered";
	case BATV_EXEMPT: return "exempt";
	case BATV_UNSIGNABLE: return "unsignable";
	case BATV_NOT_OURS: return "not-ours";
	case BATV_MISSING: return "missing";
	case BATV_EXPIRED: return "expired";
	case BATV_FORGED: return "forged";
	case BATV_VERDICT_COUNT: break;
	}
	return "?";
}

const char *batv_reason_name(enum batv_reason r)
{
	static const char names[][20] = {
		[BATV_WHY_NONE] = "-",
		[BATV_WHY_AUTHENTICATED] = "authenticated",
		[BATV_WHY_OWN_HOST] = "own-host",
		[BATV_WHY_EXEMPT_HOST] = "exempt-host",
		[BATV_WHY_ACL] = "acl",
		[BATV_WHY_EXEMPT_RECIPIENT] = "exempt-recipient",
		[BATV_WHY_UNSIGNED_SENDER] = "unsigned-sender",
		[BATV_WHY_SRS] = "srs",
		[BATV_WHY_LOCAL] = "local",
		[BATV_WHY_OBSERVE] = "observe",
		[BATV_WHY_NOT_ARMED] = "not-armed",
		[BATV_WHY_OBSERVE_FILE] = "observe-file",
		[BATV_WHY_CLASS] = "class",
		[BATV_WHY_RELAY_HOST] = "relay-host",
		[BATV_WHY_MIXED] = "mixed",
		[BATV_WHY_DOUBT] = "doubt",
		[BATV_WHY_NO_MEMORY] = "no-memory",
		[BATV_WHY_LOST_SECRET] = "lost-secret",
		[BATV_WHY_CITES_NOTHING] = "cites-nothing",
		[BATV_WHY_HINT_ID] = "hint-id",
		[BATV_WHY_HINT_FORWARDED] = "hint-forwarded",
		[BATV_WHY_TRUSTED_HOST] = "trusted-host",
		[BATV_WHY_FETCHED] = "fetched",
		[BATV_WHY_RELAY_SENDS] = "relay-sends",
		[BATV_WHY_FLEET_BEHIND] = "fleet-behind",
	};

	_Static_assert(sizeof names / sizeof names[0] == BATV_WHY_COUNT, "a reason has no name");
	return (unsigned)r < BATV_WHY_COUNT ? names[r] : "?";
}

/*
 * Row numbers are in files that exist, so no size of an enum is part of them.  A new class gets
 * rows 224 + verdict x 4 + action, and the 32 rows from BATV_COUNT_MORE on are then used up.  A new
 * verdict or action, or a second class, gets rows from 256 on, in a memory file with more rows:
 * BATV_COUNTERS_ROOM grows, and batv_generation_wanted() asks for it.
 */
#define CLASS_ROWS 4
#define VERDICT_ROWS 24

_Static_assert((int)BATV_VERDICT_COUNT == 8, "a new verdict: give it rows that are free");
_Static_assert((int)BATV_CLASS_COUNT == 6, "a new class: give it rows that are free");
_Static_assert((int)BATV_ACTION_COUNT == 4, "a new action: give it rows that are free");
_Static_assert(BATV_VALID == 0 && BATV_REMEMBERED == 1 && BATV_EXEMPT == 2 &&
		       BATV_UNSIGNABLE == 3 && BATV_NOT_OURS == 4 && BATV_MISSING == 5 &&
		       BATV_EXPIRED == 6 && BATV_FORGED == 7,
	       "verdicts keep their numbers: they are in files");
_Static_assert(BATV_CLASS_DSN == 0 && BATV_CLASS_MDN == 1 && BATV_CLASS_AUTOREPLY == 2 &&
		       BATV_CLASS_CALENDAR == 3 && BATV_CLASS_REPORT == 4 && BATV_CLASS_OTHER == 5,
	       "classes keep their numbers: they are in files");
_Static_assert(BATV_ACTION_ACCEPT == 0 && BATV_ACTION_MARK == 1 && BATV_ACTION_REMOVE == 2 &&
		       BATV_ACTION_REJECT == 3,
	       "actions keep their numbers: they are in files");
_Static_assert(BATV_FORGED *VERDICT_ROWS + BATV_CLASS_OTHER * CLASS_ROWS + BATV_ACTION_REJECT + 1 ==
		       BATV_COUNT_JUDGED_END,
	       "the rows of judged mail end where the others begin");

size_t batv_counter_of(enum batv_verdict v, enum batv_class c, enum batv_action a)
{
	return (size_t)v * VERDICT_ROWS + (size_t)c * CLASS_ROWS + (size_t)a;
}

/*
 * A reason's row, from BATV_COUNT_SPARED on, and 1; 0: it has none.  The rows are in files, so they
 * keep their numbers.  The option and the file that say observe share a row.
 */
bool batv_verdict_spared_row(enum batv_reason why, size_t *row)
{
	static const uint8_t rows[BATV_WHY_COUNT] = {
		[BATV_WHY_NO_MEMORY] = 1 + 0,     [BATV_WHY_DOUBT] = 1 + 1,
		[BATV_WHY_RELAY_HOST] = 1 + 2,    [BATV_WHY_LOST_SECRET] = 1 + 3,
		[BATV_WHY_CITES_NOTHING] = 1 + 6, [BATV_WHY_HINT_ID] = 1 + 8,
		[BATV_WHY_TRUSTED_HOST] = 1 + 4,  [BATV_WHY_FETCHED] = 1 + 5,
		[BATV_WHY_RELAY_SENDS] = 1 + 7,   [BATV_WHY_HINT_FORWARDED] = 1 + 9,
		[BATV_WHY_NOT_ARMED] = 1 + 10,    [BATV_WHY_OBSERVE] = 1 + 11,
		[BATV_WHY_OBSERVE_FILE] = 1 + 11, [BATV_WHY_FLEET_BEHIND] = 1 + 50,
	};

	if ((unsigned)why >= BATV_WHY_COUNT || rows[why] == 0)
		return false;
	*row = BATV_COUNT_SPARED + rows[why] - 1U;
	return true;
}
