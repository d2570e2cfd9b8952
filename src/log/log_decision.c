/*
 * log_decision.c - reads our line in Exim's main log.
 */
#include <string.h>

#include "log_decision.h"

static bool take(struct batv_span *rest, const char *name, struct batv_span *value)
{
	struct batv_span field = batv_span_field(rest);

	if (!batv_span_begins(field, name))
		return false;
	*value = batv_span_after(field, strlen(name));
	return true;
}

/* Takes away what is around it. */
static bool unwrap(struct batv_span *s, char first, char last)
{
	if (s->len < 2 || s->p[0] != first || s->p[s->len - 1] != last)
		return false;
	*s = (struct batv_span){s->p + 1, s->len - 2};
	return true;
}

static bool verdict_of(struct batv_span s, enum batv_verdict *out)
{
	for (int i = 0; i < BATV_VERDICT_COUNT; i++)
		if (batv_span_equal(s, batv_span_of(batv_verdict_name((enum batv_verdict)i)))) {
			*out = (enum batv_verdict)i;
			return true;
		}
	return false;
}

static bool action_of(struct batv_span s, enum batv_action *out)
{
	for (int i = 0; i < BATV_ACTION_COUNT; i++)
		if (batv_span_equal(s, batv_span_of(batv_action_name((enum batv_action)i)))) {
			*out = (enum batv_action)i;
			return true;
		}
	if (!batv_span_equal(s, batv_span_of("defer")))
		return false;
	*out = BATV_ACTION_COUNT; /* a limit decided it, not the policy */
	return true;
}

static bool reason_of(struct batv_span s, enum batv_reason *out)
{
	for (int i = 0; i < BATV_WHY_COUNT; i++)
		if (batv_span_equal(s, batv_span_of(batv_reason_name((enum batv_reason)i)))) {
			*out = (enum batv_reason)i;
			return true;
		}
	return false;
}

/* The proof of a remembered recipient is a word, and a later version may know more of them. */
static bool is_proof(struct batv_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!batv_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return s.len > 0;
}

static bool take_reason(struct batv_span s, struct batv_log_decision *d)
{
	if (reason_of(s, &d->reason))
		return true;
	d->reason = BATV_WHY_NONE;
	d->proof = s;
	return d->verdict == BATV_REMEMBERED && is_proof(s);
}

bool batv_log_decision_read(struct batv_span rest, struct batv_log_decision *out)
{
	struct batv_span verdict, action, mode, reason;
	struct batv_log_decision d;

	memset(&d, 0, sizeof d);
	if (!take(&rest, "verdict=", &verdict) || !take(&rest, "action=", &action) ||
	    !take(&rest, "mode=", &mode) || !take(&rest, "rcpt=", &d.rcpt) ||
	    !take(&rest, "class=", &d.class) || !take(&rest, "host=", &d.host) ||
	    !take(&rest, "key=", &d.key) || !take(&rest, "msgid=", &d.msgid) ||
	    !take(&rest, "reason=", &reason))
		return false;
	if (!unwrap(&d.rcpt, '<', '>') || !verdict_of(verdict, &d.verdict) ||
	    !action_of(action, &d.action) || !take_reason(reason, &d))
		return false;
	if (!unwrap(&d.host, '[', ']'))
		d.host.len = 0;
	*out = d;
	return true;
}

static bool is_number(struct batv_span s)
{
	uint64_t unused;

	return batv_span_to_u64(s, &unused);
}

bool batv_log_decision_unread(struct batv_span rest, struct batv_log_unread *out)
{
	struct batv_span flood, count, limit, action, period;
	struct batv_log_unread u;

	if (!take(&rest, "flood=", &flood) || !take(&rest, "count=", &count) ||
	    !take(&rest, "limit=", &limit) || !take(&rest, "action=", &action) ||
	    !take(&rest, "rcpt=", &u.rcpt) || !take(&rest, "host=", &u.host) ||
	    !take(&rest, "period=", &period))
		return false;
	u.refused = batv_span_equal(flood, batv_span_of("rcpt"));
	if ((!u.refused && !batv_span_equal(flood, batv_span_of("host"))) ||
	    !batv_span_equal(action, batv_span_of(u.refused ? "refused" : "deferred")) ||
	    !is_number(count) || !is_number(limit) || !unwrap(&u.rcpt, '<', '>') ||
	    !unwrap(&u.host, '[', ']'))
		return false;
	*out = u;
	return true;
}

bool batv_log_decision_refused(const struct batv_log_decision *d)
{
	return batv_verdict_failed(d->verdict) &&
	       (d->action == BATV_ACTION_REJECT || d->action == BATV_ACTION_REMOVE);
}

bool batv_log_decision_would(const struct batv_log_decision *d)
{
	return batv_verdict_failed(d->verdict) && !batv_log_decision_refused(d) &&
	       (d->reason == BATV_WHY_OBSERVE || d->reason == BATV_WHY_NOT_ARMED ||
		d->reason == BATV_WHY_OBSERVE_FILE);
}
