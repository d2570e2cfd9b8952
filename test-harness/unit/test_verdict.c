/* links: core/decide/verdict core/decide/policy core/decide/servers core/decide/exim_list core/base/span */
/*
 * test_verdict.c - all combinations of facts, checked against a second formulation of the rules,
 * and the decision for all combinations of up to three recipients.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/verdict.h"
#include "unit.h"

/* ---- the verdict ---- */

/*
 * The second formulation is a list of claims, strongest first.  Each claim holds, may hold, or does
 * not hold.  The first that holds is the answer.  It is in doubt if a claim before it with a
 * different answer may hold.
 */
struct claim {
	enum batv_match holds;
	enum batv_verdict verdict;
	enum batv_reason reason;
};

static enum batv_match sure(bool b)
{
	return b ? BATV_YES : BATV_NO;
}

static enum batv_match not_match(enum batv_match m)
{
	return m == BATV_MAYBE ? BATV_MAYBE : sure(m == BATV_NO);
}

static struct batv_finding oracle(const struct batv_message_facts *m,
				  const struct batv_rcpt_facts *r)
{
	const struct claim claims[] = {
		{not_match(r->is_protected), BATV_NOT_OURS, BATV_WHY_NONE},
		{sure(r->tagged && r->worth == BATV_TAG_VALID), BATV_VALID, BATV_WHY_NONE},
		{sure(m->local), BATV_EXEMPT, BATV_WHY_LOCAL},
		{sure(m->authenticated), BATV_EXEMPT, BATV_WHY_AUTHENTICATED},
		{sure(m->acl_exempt), BATV_EXEMPT, BATV_WHY_ACL},
		{m->own_host, BATV_EXEMPT, BATV_WHY_OWN_HOST},
		{m->exempt_host, BATV_EXEMPT, BATV_WHY_EXEMPT_HOST},
		{r->exempt_recipient, BATV_EXEMPT, BATV_WHY_EXEMPT_RECIPIENT},
		{sure(r->srs), BATV_EXEMPT, BATV_WHY_SRS},
		{r->unsigned_sender, BATV_EXEMPT, BATV_WHY_UNSIGNED_SENDER},
		{sure(!r->fits), BATV_UNSIGNABLE, BATV_WHY_NONE},
		{sure(r->remembered), BATV_REMEMBERED, BATV_WHY_NONE},
		{sure(r->tagged && r->worth == BATV_TAG_EXPIRED), BATV_EXPIRED, BATV_WHY_NONE},
		{sure(r->tagged), BATV_FORGED, BATV_WHY_NONE},
		{BATV_YES, BATV_MISSING, BATV_WHY_NONE},
	};
	struct batv_finding f = {.action = BATV_ACTION_ACCEPT};
	size_t i = 0;

	if (r->is_protected == BATV_MAYBE) { /* then nothing else is known */
		f.verdict = BATV_NOT_OURS;
		f.reason = BATV_WHY_DOUBT;
		f.doubt = true;
		return f;
	}
	while (claims[i].holds != BATV_YES)
		i++;
	f.verdict = claims[i].verdict;
	f.reason = claims[i].reason;
	while (i-- > 0)
		if (claims[i].holds == BATV_MAYBE && claims[i].verdict != f.verdict) {
			f.doubt = true;
			f.reason = BATV_WHY_DOUBT;
		}
	return f;
}

/* Splits one of n values off a number, and leaves the rest. */
static unsigned pick(unsigned *code, unsigned n)
{
	unsigned value = *code % n;

	*code /= n;
	return value;
}

static void decode(unsigned code, struct batv_message_facts *m, struct batv_rcpt_facts *r)
{
	m->local = pick(&code, 2);
	m->authenticated = pick(&code, 2);
	m->acl_exempt = pick(&code, 2);
	m->exempt_host = (enum batv_match)pick(&code, 3);
	m->own_host = (enum batv_match)pick(&code, 3);
	r->is_protected = (enum batv_match)pick(&code, 3);
	r->tagged = pick(&code, 2);
	r->worth = (enum batv_tag_worth)pick(&code, 3);
	r->fits = pick(&code, 2);
	r->srs = pick(&code, 2);
	r->unsigned_sender = (enum batv_match)pick(&code, 3);
	r->exempt_recipient = (enum batv_match)pick(&code, 3);
	r->remembered = pick(&code, 2);
}

#define ALL_FACTS (2u * 2 * 2 * 3 * 3 * 3 * 2 * 3 * 2 * 2 * 3 * 3 * 2)

START_TEST(the_whole_truth_table)
{
	unsigned seen[BATV_VERDICT_COUNT] = {0};

	for (unsigned code = 0; code < ALL_FACTS; code++) {
		struct batv_message_facts m;
		struct batv_rcpt_facts r;
		struct batv_finding want, got;

		decode(code, &m, &r);
		memset(&got, 0x5a, sizeof got);
		got.rejecting = got.doubt = false;
		batv_verdict_of(&m, &r, &got);
		want = oracle(&m, &r);
		if (want.verdict != got.verdict || want.reason != got.reason ||
		    want.doubt != got.doubt || got.action != BATV_ACTION_ACCEPT)
			ck_abort_msg("code %u: %s/%s, not %s/%s", code,
				     batv_verdict_name(got.verdict), batv_reason_name(got.reason),
				     batv_verdict_name(want.verdict),
				     batv_reason_name(want.reason));
		seen[got.verdict]++;
	}
	for (unsigned i = 0; i < BATV_VERDICT_COUNT; i++)
		ck_assert_uint_gt(seen[i], 0);
}
END_TEST

/* ---- the action of one recipient ---- */

/* Second formulation: all reasons against a refusal, weakest last. */
static struct batv_finding action_oracle(const struct batv_mode_facts *m, struct batv_finding f)
{
	bool failed =
		f.verdict == BATV_MISSING || f.verdict == BATV_EXPIRED || f.verdict == BATV_FORGED;
	const struct batv_policy *p = m->policy;
	int by_class = p ? p->unproven[m->class] : BATV_ACTION_MARK;
	bool must_disprove = m->class != BATV_CLASS_DSN ||
			     (p && f.verdict == BATV_MISSING && p->unsigned_destinations[0]);

	f.action = BATV_ACTION_ACCEPT;
	f.rejecting = p && !m->observe_file && m->enforcement != BATV_ENFORCE_OBSERVE &&
		      (m->enforcement == BATV_ENFORCE_REJECT || m->armed);
	if (!failed)
		return f;
	if (p && m->hint != BATV_WHY_NONE) {
		f.action = BATV_ACTION_MARK;
		f.reason = m->hint;
		return f;
	}
	f.action = BATV_ACTION_REJECT;
	f.reason = BATV_WHY_NONE;
#define UNLESS(condition, why)                                                                     \
 if (condition)                                                                                    \
 f.action = BATV_ACTION_MARK, f.reason = (why)
	UNLESS(f.maybe_lost, BATV_WHY_LOST_SECRET);
	UNLESS(must_disprove && m->fleet_behind, BATV_WHY_FLEET_BEHIND);
	UNLESS(must_disprove && !m->memory_complete, BATV_WHY_NO_MEMORY);
	UNLESS(must_disprove && m->cites_nothing && by_class != BATV_UNPROVEN_REJECT_ALL,
	       BATV_WHY_CITES_NOTHING);
	UNLESS(m->relay_sends && m->class == BATV_CLASS_DSN && f.verdict == BATV_MISSING,
	       BATV_WHY_RELAY_SENDS);
	UNLESS(f.doubt || m->relay_host == BATV_MAYBE || m->trusted_host == BATV_MAYBE,
	       BATV_WHY_DOUBT);
	UNLESS(m->trusted_host == BATV_YES, BATV_WHY_TRUSTED_HOST);
	UNLESS(m->relay_host == BATV_YES, BATV_WHY_RELAY_HOST);
	UNLESS(m->fetched, BATV_WHY_FETCHED);
	UNLESS(m->observe_file, BATV_WHY_OBSERVE_FILE);
	UNLESS(p && m->enforcement == BATV_ENFORCE_OBSERVE, BATV_WHY_OBSERVE);
	UNLESS(p && m->enforcement == BATV_ENFORCE_AUTO && !m->armed, BATV_WHY_NOT_ARMED);
	UNLESS(by_class == BATV_ACTION_MARK, BATV_WHY_CLASS);
	UNLESS(!p, BATV_WHY_DOUBT);
#undef UNLESS
	if (by_class == BATV_ACTION_ACCEPT) {
		f.action = BATV_ACTION_ACCEPT;
		f.reason = BATV_WHY_CLASS;
	}
	return f;
}

#define ALL_MODES                                                                                  \
 (BATV_VERDICT_COUNT * 2u * BATV_CLASS_COUNT * 4 * 2 * 4 * 2 * 2 * 10 * 2 * 3 * 2 * 3)

static const struct host {
	enum batv_match relay, trusted;
	bool fetched, sends;
} hosts[10] = {
	{BATV_NO, BATV_NO, false, false},    {BATV_MAYBE, BATV_NO, false, false},
	{BATV_YES, BATV_NO, false, false},   {BATV_NO, BATV_MAYBE, false, false},
	{BATV_NO, BATV_YES, false, false},   {BATV_MAYBE, BATV_YES, false, false},
	{BATV_YES, BATV_YES, false, false},  {BATV_NO, BATV_NO, true, false},
	{BATV_YES, BATV_MAYBE, true, false}, {BATV_NO, BATV_NO, false, true},
};

START_TEST(every_mode)
{
	const struct host *host;
	struct batv_policy policy;

	batv_policy_init(&policy, "default");
	for (unsigned all = 0; all < ALL_MODES; all++) {
		unsigned code = all, enforcement, verdict = pick(&code, BATV_VERDICT_COUNT);
		struct batv_finding got = {.verdict = (enum batv_verdict)verdict}, want;
		struct batv_mode_facts mode;

		got.doubt = pick(&code, 2);
		mode.class = (enum batv_class)pick(&code, BATV_CLASS_COUNT);
		policy.unproven[mode.class] =
			(int[]){BATV_ACTION_ACCEPT, BATV_ACTION_MARK, BATV_ACTION_REJECT,
				BATV_UNPROVEN_REJECT_ALL}[pick(&code, 4)];
		policy.unsigned_destinations = pick(&code, 2) ? "*@lists.example" : "";
		enforcement = pick(&code, 4);
		mode.enforcement = enforcement == 3 ? 0 : (int)enforcement;
		mode.policy = enforcement == 3 ? NULL : &policy;
		mode.armed = pick(&code, 2);
		mode.observe_file = pick(&code, 2);
		host = &hosts[pick(&code, sizeof hosts / sizeof hosts[0])];
		mode.relay_host = host->relay;
		mode.trusted_host = host->trusted;
		mode.fetched = host->fetched;
		mode.relay_sends = host->sends;
		mode.hint = (enum batv_reason[]){BATV_WHY_NONE, BATV_WHY_HINT_ID,
						 BATV_WHY_HINT_FORWARDED}[pick(&code, 3)];
		mode.cites_nothing = pick(&code, 2);
		const unsigned memory = pick(&code, 3);

		mode.memory_complete = memory > 0;
		mode.fleet_behind = memory != 1;
		got.maybe_lost = pick(&code, 2);
		want = action_oracle(&mode, got);
		batv_action_of(&mode, &got);
		/* one assertion for each would cost a system call, millions of times */
		if (got.action != want.action || got.rejecting != want.rejecting ||
		    (batv_verdict_failed(got.verdict) && got.reason != want.reason))
			ck_abort_msg("code %u: %s/%s, not %s/%s", all, batv_action_name(got.action),
				     batv_reason_name(got.reason), batv_action_name(want.action),
				     batv_reason_name(want.reason));
		if (got.action == BATV_ACTION_REJECT &&
		    (got.doubt || !batv_verdict_failed(got.verdict) || !got.rejecting ||
		     got.maybe_lost || mode.hint != BATV_WHY_NONE))
			ck_abort_msg("code %u is refused", all);
	}
}
END_TEST

START_TEST(the_reason_of_what_has_not_failed_stays)
{
	struct batv_finding f = {.verdict = BATV_EXEMPT, .reason = BATV_WHY_SRS};
	struct batv_mode_facts mode = {.policy = NULL};

	batv_action_of(&mode, &f);
	ck_assert_int_eq(f.reason, BATV_WHY_SRS);
	ck_assert_int_eq(f.action, BATV_ACTION_ACCEPT);
}
END_TEST

START_TEST(odd_values_never_refuse)
{
	struct batv_policy policy;
	struct batv_mode_facts mode = {.policy = &policy, .class = BATV_CLASS_DSN};
	struct batv_finding f = {.verdict = BATV_MISSING};

	batv_policy_init(&policy, "default");
	mode.enforcement = BATV_ENFORCE_REJECT;
	policy.unproven[BATV_CLASS_DSN] = BATV_ACTION_REMOVE;
	batv_action_of(&mode, &f);
	ck_assert_int_eq(f.action, BATV_ACTION_MARK);
	mode.class = BATV_CLASS_COUNT;
	batv_action_of(&mode, &f);
	ck_assert_int_eq(f.action, BATV_ACTION_MARK);
	mode.class = (enum batv_class)77;
	batv_action_of(&mode, &f);
	ck_assert_int_eq(f.action, BATV_ACTION_MARK);
}
END_TEST

/* ---- several recipients ---- */

/* All findings that batv_action_of() can give for one recipient. */
static const struct batv_finding kinds[] = {
	{.verdict = BATV_VALID},
	{.verdict = BATV_REMEMBERED},
	{.verdict = BATV_EXEMPT, .reason = BATV_WHY_ACL},
	{.verdict = BATV_UNSIGNABLE},
	{.verdict = BATV_NOT_OURS},
	{.verdict = BATV_NOT_OURS, .reason = BATV_WHY_DOUBT, .doubt = true},
	{.verdict = BATV_MISSING, .action = BATV_ACTION_REJECT, .rejecting = true},
	{.verdict = BATV_EXPIRED, .action = BATV_ACTION_REJECT, .rejecting = true},
	{.verdict = BATV_FORGED, .action = BATV_ACTION_REJECT, .rejecting = true},
	{.verdict = BATV_MISSING, .action = BATV_ACTION_MARK, .reason = BATV_WHY_OBSERVE},
	{.verdict = BATV_FORGED,
	 .action = BATV_ACTION_MARK,
	 .reason = BATV_WHY_CLASS,
	 .rejecting = true},
	{.verdict = BATV_MISSING,
	 .action = BATV_ACTION_ACCEPT,
	 .reason = BATV_WHY_CLASS,
	 .rejecting = true},
	{.verdict = BATV_MISSING,
	 .action = BATV_ACTION_MARK,
	 .reason = BATV_WHY_DOUBT,
	 .rejecting = true,
	 .doubt = true},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static size_t count(const struct batv_finding *f, size_t n, enum batv_action action)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += f[i].action == action;
	return found;
}

static bool any_proven(const struct batv_finding *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].verdict == BATV_VALID || f[i].verdict == BATV_REMEMBERED)
			return true;
	return false;
}

/* Is there a copy that must not be lost, whatever becomes of the others? */
static bool any_spared(const struct batv_finding *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].action != BATV_ACTION_REJECT)
			return true;
	return false;
}

static void check_decision(const struct batv_finding *before, size_t n, bool can_remove)
{
	size_t rejects = count(before, n, BATV_ACTION_REJECT);
	struct batv_finding after[3];
	enum batv_action action;

	memcpy(after, before, n * sizeof after[0]);
	action = batv_decide(after, n, can_remove);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(after[i].verdict, before[i].verdict);
	if (rejects > 0 && can_remove && any_proven(before, n)) {
		ck_assert_int_eq(action, count(before, n, BATV_ACTION_MARK) ? BATV_ACTION_MARK
									    : BATV_ACTION_ACCEPT);
		ck_assert_uint_eq(count(after, n, BATV_ACTION_REMOVE), rejects);
		ck_assert_uint_eq(count(after, n, BATV_ACTION_REJECT), 0);
	} else if (rejects > 0 && (any_proven(before, n) || any_spared(before, n))) {
		ck_assert_int_eq(action, BATV_ACTION_MARK);
		for (size_t i = 0; i < n; i++) {
			bool was = before[i].action == BATV_ACTION_REJECT;

			ck_assert_int_eq(after[i].action,
					 was ? BATV_ACTION_MARK : before[i].action);
			ck_assert_int_eq(after[i].reason, was ? BATV_WHY_MIXED : before[i].reason);
		}
	} else if (rejects > 0) {
		ck_assert_int_eq(action, BATV_ACTION_REJECT);
		ck_assert_uint_eq(count(after, n, BATV_ACTION_REJECT), n);
	} else {
		ck_assert_mem_eq(after, before, n * sizeof after[0]);
		ck_assert_int_eq(action, count(before, n, BATV_ACTION_MARK) ? BATV_ACTION_MARK
									    : BATV_ACTION_ACCEPT);
	}
	/* Only a failed recipient is removed. */
	for (size_t i = 0; i < n; i++)
		if (after[i].action == BATV_ACTION_REMOVE)
			ck_assert(batv_verdict_failed(after[i].verdict));
}

static void check_decisions(const struct batv_finding *before, size_t n)
{
	check_decision(before, n, true);
	check_decision(before, n, false);
}

START_TEST(all_up_to_three_recipients)
{
	struct batv_finding f[3];

	ck_assert_int_eq(batv_decide(f, 0, true), BATV_ACTION_ACCEPT);
	for (size_t a = 0; a < KINDS; a++) {
		f[0] = kinds[a];
		check_decisions(f, 1);
		for (size_t b = 0; b < KINDS; b++) {
			f[1] = kinds[b];
			check_decisions(f, 2);
			for (size_t c = 0; c < KINDS; c++) {
				f[2] = kinds[c];
				check_decisions(f, 3);
			}
		}
	}
}
END_TEST

START_TEST(some_in_plain_words)
{
	struct batv_finding good_bad[] = {kinds[0], kinds[6]}, exempt_bad[] = {kinds[2], kinds[6]},
			    observe_bad[] = {kinds[9], kinds[6]}, bad_bad[] = {kinds[7], kinds[8]};

	ck_assert_int_eq(batv_decide(good_bad, 2, true), BATV_ACTION_ACCEPT);
	ck_assert_int_eq(good_bad[1].action, BATV_ACTION_REMOVE);
	ck_assert_int_eq(batv_decide(exempt_bad, 2, true), BATV_ACTION_MARK);
	ck_assert_int_eq(exempt_bad[0].action, BATV_ACTION_ACCEPT);
	ck_assert_int_eq(exempt_bad[1].action, BATV_ACTION_MARK);
	ck_assert_int_eq(exempt_bad[1].reason, BATV_WHY_MIXED);
	ck_assert_int_eq(batv_decide(observe_bad, 2, true), BATV_ACTION_MARK);
	ck_assert_int_eq(observe_bad[1].action, BATV_ACTION_MARK);
	ck_assert_int_eq(batv_decide(bad_bad, 2, true), BATV_ACTION_REJECT);
	ck_assert_int_eq(bad_bad[0].reason, BATV_WHY_NONE);
	good_bad[1] = kinds[6];
	ck_assert_int_eq(batv_decide(good_bad, 2, false), BATV_ACTION_MARK);
	ck_assert_int_eq(good_bad[0].action, BATV_ACTION_ACCEPT);
	ck_assert_int_eq(good_bad[1].action, BATV_ACTION_MARK);
	ck_assert_int_eq(good_bad[1].reason, BATV_WHY_MIXED);
}
END_TEST

START_TEST(names)
{
	for (int i = 0; i < BATV_VERDICT_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(batv_verdict_name((enum batv_verdict)i),
					 batv_verdict_name((enum batv_verdict)j));
	for (int i = 0; i < BATV_WHY_COUNT; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(batv_reason_name((enum batv_reason)i),
					 batv_reason_name((enum batv_reason)j));
	ck_assert_str_eq(batv_verdict_name(BATV_NOT_OURS), "not-ours");
	ck_assert_str_eq(batv_reason_name(BATV_WHY_NONE), "-");
	ck_assert_str_eq(batv_reason_name(BATV_WHY_EXEMPT_HOST), "exempt-host");
	ck_assert_str_eq(batv_verdict_name((enum batv_verdict)99), "?");
	ck_assert_str_eq(batv_reason_name((enum batv_reason)99), "?");
	ck_assert_str_eq(batv_reason_name(BATV_WHY_COUNT), "?");
	ck_assert(!batv_verdict_spared_row(BATV_WHY_COUNT, &(size_t){0}));
}
END_TEST

/* A message that tries many tags does not learn whether one of them is right. */
START_TEST(guesses)
{
	struct batv_finding valid = {.verdict = BATV_VALID, .rejecting = true};
	struct batv_finding forged = {
		.verdict = BATV_FORGED, .action = BATV_ACTION_REJECT, .rejecting = true};
	struct batv_finding expired = forged, remembered = valid, spared = forged, f[8];

	spared.action = BATV_ACTION_MARK; /* of a lost secret, for example: maybe a real bounce */
	spared.reason = BATV_WHY_LOST_SECRET;
	expired.verdict = BATV_EXPIRED;
	remembered.verdict = BATV_REMEMBERED;
	for (size_t n = 1; n <= 8; n++)
		for (size_t right = 0; right < n; right++)
			for (int removes = 0; removes < 2; removes++) {
				bool guess = n - 1 > 3;

				for (size_t i = 0; i < n; i++)
					f[i] = i == right ? valid : forged;
				ck_assert_int_eq(batv_decide(f, n, removes),
						 guess               ? BATV_ACTION_REJECT
						 : n == 1 || removes ? BATV_ACTION_ACCEPT
								     : BATV_ACTION_MARK);
				ck_assert_uint_eq(count(f, n, BATV_ACTION_REJECT), guess ? n : 0);
			}
	for (size_t i = 0; i < 8; i++)
		f[i] = i == 0 ? remembered : forged;
	ck_assert_int_eq(batv_decide(f, 8, true), BATV_ACTION_ACCEPT);
	for (size_t i = 0; i < 8; i++)
		f[i] = i == 0 ? valid : expired;
	ck_assert_int_eq(batv_decide(f, 8, true), BATV_ACTION_ACCEPT);
	for (size_t i = 0; i < 8; i++)
		f[i] = i == 0 ? valid : i < 4 ? forged : spared;
	ck_assert_int_eq(batv_decide(f, 8, true), BATV_ACTION_MARK);
	ck_assert_uint_eq(count(f, 8, BATV_ACTION_REJECT), 0);
}
END_TEST

/* With an exempt recipient the answer is the same, whether a guess is right or not. */
START_TEST(guesses_beside_an_exempt_recipient)
{
	struct batv_finding exempt = {.verdict = BATV_EXEMPT, .rejecting = true};
	struct batv_finding valid = exempt, f[8];
	struct batv_finding forged = {
		.verdict = BATV_FORGED, .action = BATV_ACTION_REJECT, .rejecting = true};

	valid.verdict = BATV_VALID;
	for (size_t right = 1; right <= 8; right++)
		for (int removes = 0; removes < 2; removes++) {
			for (size_t i = 0; i < 8; i++)
				f[i] = i == 0 ? exempt : i == right ? valid : forged;
			ck_assert_int_eq(batv_decide(f, 8, removes), BATV_ACTION_MARK);
			ck_assert_uint_eq(count(f, 8, BATV_ACTION_MARK), right < 8 ? 6 : 7);
			ck_assert_uint_eq(count(f, 8, BATV_ACTION_ACCEPT), right < 8 ? 2 : 1);
		}
}
END_TEST

/* The header of several recipients has the worst one's verdict. */
START_TEST(worse_verdicts)
{
	static const enum batv_verdict order[] = {BATV_VALID,      BATV_REMEMBERED, BATV_EXEMPT,
						  BATV_UNSIGNABLE, BATV_NOT_OURS,   BATV_MISSING,
						  BATV_EXPIRED,    BATV_FORGED};

	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < 8; j++) {
			struct batv_finding a = {.verdict = order[i]}, b = {.verdict = order[j]};

			ck_assert_int_eq(batv_verdict_worse(&a, &b), i > j);
			a.action = BATV_ACTION_MARK;
			ck_assert_int_eq(batv_verdict_worse(&a, &b), i >= j);
		}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("verdict");
	TCase *tc = tcase_create("verdict");

	tcase_add_test(tc, the_whole_truth_table);
	tcase_add_test(tc, every_mode);
	tcase_add_test(tc, the_reason_of_what_has_not_failed_stays);
	tcase_add_test(tc, odd_values_never_refuse);
	tcase_add_test(tc, all_up_to_three_recipients);
	tcase_add_test(tc, some_in_plain_words);
	tcase_add_test(tc, guesses);
	tcase_add_test(tc, guesses_beside_an_exempt_recipient);
	tcase_add_test(tc, worse_verdicts);
	tcase_add_test(tc, names);
	suite_add_tcase(s, tc);
	return s;
}
