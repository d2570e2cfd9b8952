/*
 * prove_verdict.c - decide/verdict.c: all facts, in every combination, and up to three recipients.
 */
#include "decide/verdict.h"
#include "prove.h"

int main(void)
{
	struct batv_message_facts msg;
	struct batv_rcpt_facts rcpt;
	struct batv_mode_facts mode;
	struct batv_policy policy;
	struct batv_finding findings[3];
	size_t row;

	Frama_C_make_unknown((char *)&policy, sizeof policy);
	policy.unsigned_destinations = Frama_C_interval(0, 1) ? "" : "*";
	for (int i = 0; i < 3; i++) {
		Frama_C_make_unknown((char *)&msg, sizeof msg);
		Frama_C_make_unknown((char *)&rcpt, sizeof rcpt);
		Frama_C_make_unknown((char *)&mode, sizeof mode);
		msg.local = Frama_C_interval(0, 1), msg.authenticated = Frama_C_interval(0, 1),
		msg.acl_exempt = Frama_C_interval(0, 1);
		rcpt.tagged = Frama_C_interval(0, 1), rcpt.fits = Frama_C_interval(0, 1),
		rcpt.srs = Frama_C_interval(0, 1), rcpt.remembered = Frama_C_interval(0, 1);
		mode.armed = Frama_C_interval(0, 1), mode.observe_file = Frama_C_interval(0, 1),
		mode.fetched = Frama_C_interval(0, 1);
		mode.relay_sends = Frama_C_interval(0, 1),
		mode.cites_nothing = Frama_C_interval(0, 1),
		mode.memory_complete = Frama_C_interval(0, 1);
		mode.fleet_behind = Frama_C_interval(0, 1);
		mode.class = (enum batv_class)Frama_C_interval(0, BATV_CLASS_COUNT - 1);
		mode.policy = Frama_C_interval(0, 1) ? &policy : 0;
		batv_verdict_of(&msg, &rcpt, &findings[i]);
		findings[i].maybe_lost = Frama_C_interval(0, 1);
		batv_action_of(&mode, &findings[i]);
		(void)batv_verdict_name(findings[i].verdict);
		(void)batv_reason_name(findings[i].reason);
		(void)batv_verdict_spared_row(findings[i].reason, &row);
		(void)batv_counter_of(findings[i].verdict, mode.class, findings[i].action);
	}
	(void)batv_verdict_worse(&findings[0], &findings[1]);
	(void)batv_decide(findings, (size_t)Frama_C_interval(0, 3), Frama_C_interval(0, 1));
	return 0;
}
