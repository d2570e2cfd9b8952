/* links: admin/arming core/decide/override core/tag/addr core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile */
/* links: core/decide/policy core/decide/servers core/decide/exim_list core/base/span core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac admin/idn */
/*
 * test_arming_evidence.c - how much evidence arms a domain, what takes it back, and what status
 * says of each wait.
 */
#include "arming_lab.h"

#define OWN "other.test : Example.Com"
#define NAMED "+local_domains"

/* Days, senders, domains; tags and networks of valid bounces -> is that enough? */
static const struct {
	const char *domains;
	unsigned days, senders, recipients, tags, networks;
	bool complete;
} amounts[] = {
	{OWN, 2, 3, 3, 2, 3, false},   {OWN, 3, 1, 1, 0, 0, true},    {OWN, 0, 0, 0, 3, 3, true},
	{OWN, 2, 3, 3, 3, 2, false},   {NAMED, 2, 3, 3, 0, 0, false}, {NAMED, 3, 2, 2, 0, 0, false},
	{NAMED, 3, 3, 1, 0, 0, true},  {NAMED, 3, 1, 3, 0, 0, true},  {NAMED, 9, 2, 2, 2, 2, false},
	{NAMED, 10, 1, 1, 0, 0, true}, {NAMED, 1, 1, 1, 3, 3, true},  {NAMED, 0, 0, 0, 3, 2, false},
	{NAMED, 0, 0, 0, 2, 3, false}, {NAMED, 0, 3, 3, 0, 0, false}, {"", 3, 2, 2, 0, 0, false},
};

/* Mail left signed on the last n days, up to yesterday. */
static struct batv_domain sent_on(unsigned n, int64_t now)
{
	struct batv_domain d = {.name = "example.com"};

	d.policy_sum = batv_domain_policy_sum("default");
	if (n == 0)
		return d;
	d.first_signed = at(now - n * D);
	d.last_signed = at(now - D);
	d.sending.signed_days = word_at(now - D, (UINT64_C(1) << n) - 1);
	return d;
}

START_TEST(how_much_is_enough)
{
	const int64_t now = 100 * D;
	struct batv_domain d = sent_on(amounts[_i].days, now);
	struct batv_arm arm;

	make_state();
	state.policies[0].domains = amounts[_i].domains;
	state.policies[0].grace = 0;
	fill(d.sending.senders, now - D, amounts[_i].senders);
	fill(d.sending.domains, now - D, amounts[_i].recipients);
	fill(d.sending.tags, now - D, amounts[_i].tags);
	fill(d.sending.networks, now - D, amounts[_i].networks);
	if (amounts[_i].tags)
		d.first_valid = d.last_valid = at(now - D);
	arm = batv_arming_decide(&state, &d, T0 + now);
	ck_assert_int_eq(arm.complete, amounts[_i].complete);
	ck_assert_int_eq(arm.armed, amounts[_i].complete);
	if (!arm.armed)
		ck_assert_int_eq(arm.why, d.first_signed || d.first_valid ? BATV_ARM_FEW
									  : BATV_ARM_NO_EVIDENCE);
}
END_TEST

/* Is "example.com" a literal item of this list? */
static const struct own_name {
	const char *list;
	bool own;
} lists[] = {
	{"example.com", true},
	{"EXAMPLE.com", true},
	{"<; a.test ; example.com", true},
	{"*.test : example.com : +more", true},
	{"*.com", false},
	{"*", false},
	{"^example\\.com$", false},
	{"+example.com", false},
	{"!example.com", false},
	{"lsearch;/etc/example.com", false},
	{"sub.example.com : example.co : example.com.", false},
	{"@", false},
	{"", false},
};

/* And this one? */
static const struct own_name idn_lists[] = {
	{"b\u00fccher.test", true},    {"a.test : B\u00dcCHER.Test", true},
	{"bu\u0308cher.test", true}, /* not in NFC */
	{"XN--Bcher-kva.test", true},  {"!b\u00fccher.test", false},
	{"*.b\u00fccher.test", false}, {"b\u00fccher.test.de : bucher.test", false},
	{"\xff.test", false},
};

static void expect_own_name(const char *name, const struct own_name *want)
{
	struct batv_domain d = sent_on(3, 100 * D);

	strcpy(d.name, name);
	make_state();
	state.policies[0].domains = want->list;
	ck_assert_msg(batv_arming_decide(&state, &d, T0 + 100 * D).own_name == want->own, "%s",
		      want->list);
}

START_TEST(own_names)
{
	expect_own_name("example.com", &lists[_i]);
}
END_TEST

START_TEST(own_names_with_umlauts)
{
	expect_own_name("xn--bcher-kva.test", &idn_lists[_i]);
}
END_TEST

/* Evidence older than 32 days does not count; a day is counted by its date. */
START_TEST(old_evidence_falls_out)
{
	struct batv_domain d = sent_on(3, 0);
	int64_t t;

	make_state();
	state.policies[0].domains = OWN;
	for (t = 0; t < 60 * D; t += H) {
		struct batv_arm arm = batv_arming_decide(&state, &d, T0 + t);
		bool there = day_at(t) <= day_at(-3 * D) + 32;

		ck_assert_int_eq(arm.complete, there);
		ck_assert_int_eq(arm.armed, there && t >= -3 * D + GRACE);
	}
}
END_TEST

/* Grace counts from the first mail of the last 32 days, not from what is older. */
START_TEST(grace_counts_from_the_window)
{
	struct batv_domain d = sent_on(3, 100 * D);
	struct batv_arm arm;

	make_state();
	state.policies[0].domains = OWN;
	d.first_signed = at(D); /* then a pause */
	arm = batv_arming_decide(&state, &d, T0 + 100 * D);
	ck_assert_int_eq(arm.why, BATV_ARM_GRACE);
	ck_assert_int_eq(arm.since, (int64_t)day_at(97 * D) * D);
}
END_TEST

/* After a break, evidence from before it counts, if something newer is there. */
START_TEST(a_break_keeps_the_evidence)
{
	struct batv_domain d = sent_on(10, 100 * D);

	make_state();
	add_break("*", 98 * D, 0);
	ck_assert_int_eq(batv_arming_decide(&state, &d, T0 + 100 * D).why, BATV_ARM_GRACE);
	ck_assert(batv_arming_decide(&state, &d, T0 + 98 * D + GRACE).armed);
	state.n_breaks = 0;
	d.broken = at(98 * D);
	d.broken_why = BATV_DOMAIN_DOUBT;
	ck_assert_int_eq(batv_arming_decide(&state, &d, T0 + 98 * D + GRACE - 1).why,
			 BATV_ARM_GRACE);
	ck_assert(batv_arming_decide(&state, &d, T0 + 98 * D + GRACE).armed);
	add_break("default", 99 * D, 0); /* the later one counts */
	ck_assert_int_eq(batv_arming_decide(&state, &d, T0 + 99 * D + GRACE - 1).broken,
			 T0 + 99 * D);
	d.broken = at(99 * D + H);
	ck_assert_int_eq(batv_arming_decide(&state, &d, T0 + 100 * D).broken, T0 + 99 * D + H);
}
END_TEST

/* Bounces to tags of a secret that was lost or revoked prove nothing about the new one. */
START_TEST(revocation_clears_the_bounces)
{
	struct batv_domain d =
		domain_of("default", (struct evidence){0, 0, 90 * D, 99 * D}, 98 * D);

	make_state();
	ck_assert(batv_arming_decide(&state, &d, T0 + 100 * D).complete);
	add_break("*", 97 * D, 0);
	ck_assert(batv_arming_decide(&state, &d, T0 + 100 * D).complete);
	state.breaks[0].when = T0 + 98 * D;
	ck_assert(batv_arming_decide(&state, &d, T0 + 100 * D).complete);
	state.breaks[0].until = T0 + 99 * D;
	ck_assert(!batv_arming_decide(&state, &d, T0 + 100 * D).complete);
	state.breaks[0].when = T0 + 97 * D;
	ck_assert(batv_arming_decide(&state, &d, T0 + 100 * D).complete);
}
END_TEST

/* ---- What is armed ---- */

/* Armed at 50 days; it has sent nothing for long. */
static struct batv_domain armed_once(void)
{
	struct batv_domain d = domain_of("default", (struct evidence){H, 60 * D, 0, 0}, 60 * D);

	d.flags = BATV_DOMAIN_ARMED;
	d.decided = at(50 * D);
	return d;
}

static enum batv_arm_why why_at(const struct batv_domain *d, int64_t now)
{
	return batv_arming_decide(&state, d, T0 + now).why;
}

START_TEST(an_idle_domain_stays_armed)
{
	struct batv_domain d = armed_once();
	struct batv_arm arm;

	make_state();
	arm = batv_arming_decide(&state, &d, T0 + 300 * D);
	ck_assert(arm.armed);
	ck_assert_int_eq(arm.when, T0 + H + GRACE);
	memset(&d.sending, 0, sizeof d.sending); /* from a file of version 1 */
	ck_assert(batv_arming_decide(&state, &d, T0 + 61 * D).armed);
	d.flags = 0;
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_NO_EVIDENCE);
}
END_TEST

START_TEST(a_break_disarms)
{
	struct batv_domain d = armed_once();

	make_state();
	d.broken = at(50 * D - GRACE);
	ck_assert(why_at(&d, 61 * D) == BATV_ARM_ARMED);
	d.broken = at(50 * D - GRACE + 1);
	ck_assert(why_at(&d, 61 * D) == BATV_ARM_ARMED); /* by its evidence */
	d.broken = at(55 * D);
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_GRACE);
	d.broken = 0;
	add_break("*", 40 * D, 70 * D);
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_GRACE);
	state.n_breaks = 0;
	d.decided = at(63 * D); /* armed in the future: a wrong clock */
	ck_assert(why_at(&d, 61 * D) == BATV_ARM_ARMED);
	d.first_signed = at(60 * D);
	d.decided = at(90 * D);
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_GRACE);
	d = armed_once();
	d.first_signed = d.first_valid = 0; /* all evidence was taken away */
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_NO_EVIDENCE);
}
END_TEST

/* A longer grace counts for a domain that is armed, too, as long as its first mail is known. */
START_TEST(a_longer_grace)
{
	struct batv_domain d = armed_once();

	make_state();
	state.policies[0].grace = 50 * D - H;
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_ARMED);
	state.policies[0].grace = 50 * D - H + 1;
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_GRACE);
	d.first_signed = at(51 * D); /* set again, after a wrong clock */
	ck_assert_int_eq(why_at(&d, 61 * D), BATV_ARM_ARMED);
}
END_TEST

/* ---- Mail that another server sends ---- */

static void counted(struct batv_domain *d, int64_t last, uint64_t bits)
{
	d->sending.counted_days = word_at(last, bits);
}

/* By batvctl enforce auto --anyway. */
static void say_anyway(void)
{
	state.overrides[0] = (struct batv_override){"example.com", 0, BATV_OVERRIDE_ANYWAY, 0};
	state.n_overrides = 1;
}

START_TEST(elsewhere_holds_what_is_not_armed)
{
	struct batv_domain d = sent_on(10, 100 * D);
	const int64_t until = (int64_t)(day_at(99 * D) + 1) * D + GRACE;
	struct batv_arm arm;

	make_state();
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_ARMED);
	counted(&d, 99 * D, 1);
	arm = batv_arming_decide(&state, &d, T0 + 100 * D);
	ck_assert_int_eq(arm.why, BATV_ARM_ELSEWHERE);
	ck_assert_int_eq(arm.when, until);
	ck_assert(!arm.armed);
	ck_assert_int_eq(why_at(&d, until - T0 - 1), BATV_ARM_ELSEWHERE);
	ck_assert_int_eq(why_at(&d, until - T0), BATV_ARM_ARMED);
	say_anyway();
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_ARMED);
	state.overrides[0].domain = "example.net";
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_ELSEWHERE);
	d.flags = BATV_DOMAIN_ARMED;
	d.decided = at(98 * D);
	counted(&d, 99 * D, 0x3fff);
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_ARMED); /* it sends */
}
END_TEST

/* Two counted days within 14 take back what is idle for longer than a tag lives, 15 days here. */
START_TEST(elsewhere_takes_back_what_is_idle)
{
	static const struct {
		int64_t now, last;
		uint64_t bits;
		enum batv_arm_why why;
	} rows[] = {
		{75 * D, 75 * D, 3, BATV_ARM_ARMED},
		{75 * D + 1, 75 * D, 3, BATV_ARM_ELSEWHERE},
		{90 * D, 90 * D, 1, BATV_ARM_ARMED},
		{90 * D, 90 * D, 1 | 1 << 13, BATV_ARM_ELSEWHERE},
		{90 * D, 90 * D, 1 | 1 << 14, BATV_ARM_ARMED},
		{90 * D, 80 * D, 1 | 1 << 3, BATV_ARM_ELSEWHERE},
		{90 * D, 80 * D, 1 | 1 << 4, BATV_ARM_ARMED},
	};
	struct batv_domain d = armed_once();

	make_state();
	for (size_t i = 0; i < COUNT(rows); i++) {
		counted(&d, rows[i].last, rows[i].bits);
		ck_assert_msg(why_at(&d, rows[i].now) == rows[i].why, "row %zu", i);
	}
	counted(&d, 90 * D, 3);
	say_anyway();
	ck_assert_int_eq(why_at(&d, 90 * D), BATV_ARM_ARMED);
	state.n_overrides = 0;
	d.last_valid = at(80 * D);
	d.first_valid = at(80 * D);
	ck_assert_int_eq(why_at(&d, 90 * D), BATV_ARM_ARMED); /* a valid bounce: not idle */
}
END_TEST

/* ---- Mail that leaves without a tag ---- */

START_TEST(bounces_without_their_tags)
{
	struct batv_domain d = sent_on(10, 100 * D);

	make_state();
	d.sending.untagged_day = (uint16_t)day_at(99 * D);
	d.sending.untagged = 1;
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_ARMED);
	d.sending.untagged++;
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_UNTAGGED);
	d.first_valid = d.last_valid = at(99 * D);
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_ARMED);
	d.first_valid = d.last_valid = 0;
	d.flags = BATV_DOMAIN_ARMED;
	d.decided = at(99 * D);
	ck_assert_int_eq(why_at(&d, 100 * D), BATV_ARM_ARMED);
	d.flags = 0;
	ck_assert_int_eq(why_at(&d, 99 * D + 33 * D), BATV_ARM_NO_EVIDENCE);
}
END_TEST

static void accept_on(struct batv_domain *d, int64_t t, unsigned n, unsigned senders)
{
	struct batv_domain_day *day = &d->sending.days[day_at(t) % BATV_DOMAIN_DAYS];

	day->accepted = word_at(t, n);
	fill(day->senders, t, senders);
}

static void seen_on(struct batv_domain *d, int64_t t, unsigned n)
{
	d->sending.days[day_at(t) % BATV_DOMAIN_DAYS].seen = word_at(t, n);
}

START_TEST(mail_that_leaves_unseen)
{
	struct batv_domain d = armed_once();
	const int64_t now = 61 * D;

	make_state();
	accept_on(&d, now - D, 5, 2);
	accept_on(&d, now - 2 * D, 5, 3);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_UNSEEN);
	accept_on(&d, now - 2 * D, 4, 3); /* nine messages */
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_ARMED);
	accept_on(&d, now, 90, 3); /* today is not over */
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_ARMED);
	accept_on(&d, now - 2 * D, 0, 0); /* one day */
	accept_on(&d, now - D, 90, 3);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_ARMED);
	accept_on(&d, now - 2 * D, 1, 1);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_UNSEEN);
	seen_on(&d, now - 3 * D, 1);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_UNSEEN);
	seen_on(&d, now - 2 * D, 1);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_ARMED);
}
END_TEST

START_TEST(unseen_is_older_than_the_longest_retry)
{
	struct batv_domain d = armed_once();
	const int64_t now = 61 * D, midnight = (int64_t)day_at(now) * D - T0;

	make_state();
	accept_on(&d, now - D, 10, 3);
	accept_on(&d, now - 2 * D, 10, 3);
	d.sending.days[day_at(now - 3 * D) % BATV_DOMAIN_DAYS].seen =
		word_at(now - 3 * D, 5 << 16 | 1);
	ck_assert_int_eq(why_at(&d, midnight + 5 * H - 1), BATV_ARM_ARMED);
	ck_assert_int_eq(why_at(&d, midnight + 5 * H), BATV_ARM_UNSEEN);
	d.sending.days[day_at(now - 3 * D) % BATV_DOMAIN_DAYS].seen =
		word_at(now - 33 * D, 5 << 16 | 1); /* forgotten */
	ck_assert_int_eq(why_at(&d, midnight), BATV_ARM_UNSEEN);
}
END_TEST

/* Fewer than three senders: then all that sent signed mail lately must be among them. */
START_TEST(unseen_of_all_senders)
{
	struct batv_domain d = armed_once();
	const int64_t now = 61 * D;

	make_state();
	accept_on(&d, now - D, 10, 1);
	accept_on(&d, now - 2 * D, 10, 2);
	fill(d.sending.senders, now - 9 * D, 2);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_UNSEEN);
	fill(d.sending.senders, now - 9 * D, 3); /* the third one may go another way */
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_ARMED);
	d.sending.senders[2] = word_at(now - 33 * D, 3);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_UNSEEN);
	accept_on(&d, now - D, 10, 3);
	fill(d.sending.senders, now - 9 * D, 3);
	ck_assert_int_eq(why_at(&d, now), BATV_ARM_UNSEEN);
}
END_TEST

START_TEST(few_are_seen)
{
	struct batv_domain d = armed_once();
	struct batv_arm arm;
	const int64_t now = 61 * D;

	make_state();
	accept_on(&d, now - D, 24, 3);
	seen_on(&d, now - D, 1);
	arm = batv_arming_decide(&state, &d, T0 + now);
	ck_assert_uint_eq(arm.unseen.few_accepted, 24);
	ck_assert_uint_eq(arm.unseen.few_seen, 1);
	ck_assert(arm.armed);
	seen_on(&d, now - D, 2);
	ck_assert_uint_eq(batv_arming_decide(&state, &d, T0 + now).unseen.few_accepted, 0);
	accept_on(&d, now - D, 19, 3);
	seen_on(&d, now - D, 1);
	ck_assert_uint_eq(batv_arming_decide(&state, &d, T0 + now).unseen.few_accepted, 0);
}
END_TEST

/* Each wait says what is missing, and what ends it. */
START_TEST(sentences_of_waits)
{
	static const char *const few[] = {
		"observing, although grace is over", "signed mail on 10 days",
		"on 3 of the last 32, from 2 and to no", "by its name", "enforcement = reject"};
	static const char *const own[] = {
		"unless a break comes first, and once enough mail has left",
		"signed mail on 3 days is needed", "on 2 of the last 32"};
	static const char *const held[] = {"observing until 2027-03-09 00:00 UTC", "another server",
					   "batvctl secret export", "enforcement = reject"};
	static const char *const moved[] = {"since 2027-01-21", "remove it from domains"};
	static const char *const untagged[] = {"2 bounces", "smarthost", "one valid bounce ends"};
	static const char *const unseen[] = {"20 messages on 2 days", "transport-sign.conf",
					     "cutthrough_delivery"};
	static const char *const doubt[] = {
		"the break of 2027-03-01 12:00 UTC (mail of this domain left",
		"could not be looked up"};
	struct batv_domain d = sent_on(3, 100 * D);
	struct batv_arm arm;

	make_state();
	fill(d.sending.senders, 99 * D, 2);
	arm = batv_arming_decide(&state, &d, T0 + 110 * D);
	expect_sentence(&arm, few, COUNT(few));
	d = sent_on(2, 100 * D);
	state.policies[0].domains = OWN;
	arm = batv_arming_decide(&state, &d, T0 + 100 * D);
	expect_sentence(&arm, own, COUNT(own));
	d = sent_on(10, 100 * D);
	d.broken = at(99 * D);
	d.broken_why = BATV_DOMAIN_DOUBT;
	arm = batv_arming_decide(&state, &d, T0 + 100 * D);
	expect_sentence(&arm, doubt, COUNT(doubt));
	d = sent_on(10, 100 * D);
	counted(&d, 99 * D, 1);
	arm = batv_arming_decide(&state, &d, T0 + 100 * D);
	expect_sentence(&arm, held, COUNT(held));
	counted(&d, 0, 0);
	d.sending.untagged_day = (uint16_t)day_at(99 * D);
	d.sending.untagged = 2;
	arm = batv_arming_decide(&state, &d, T0 + 100 * D);
	expect_sentence(&arm, untagged, COUNT(untagged));
	d = armed_once();
	counted(&d, 90 * D, 3);
	arm = batv_arming_decide(&state, &d, T0 + 90 * D);
	expect_sentence(&arm, moved, COUNT(moved));
	accept_on(&d, 89 * D, 10, 3);
	accept_on(&d, 88 * D, 10, 3);
	arm = batv_arming_decide(&state, &d, T0 + 90 * D);
	expect_sentence(&arm, unseen, COUNT(unseen));
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("arming_evidence");
	TCase *tc = tcase_create("evidence");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, how_much_is_enough, 0, (int)COUNT(amounts));
	tcase_add_loop_test(tc, own_names, 0, (int)COUNT(lists));
	tcase_add_loop_test(tc, own_names_with_umlauts, 0, (int)COUNT(idn_lists));
	tcase_add_test(tc, old_evidence_falls_out);
	tcase_add_test(tc, grace_counts_from_the_window);
	tcase_add_test(tc, a_break_keeps_the_evidence);
	tcase_add_test(tc, revocation_clears_the_bounces);
	tcase_add_test(tc, an_idle_domain_stays_armed);
	tcase_add_test(tc, a_break_disarms);
	tcase_add_test(tc, a_longer_grace);
	tcase_add_test(tc, elsewhere_holds_what_is_not_armed);
	tcase_add_test(tc, elsewhere_takes_back_what_is_idle);
	tcase_add_test(tc, bounces_without_their_tags);
	tcase_add_test(tc, mail_that_leaves_unseen);
	tcase_add_test(tc, unseen_is_older_than_the_longest_retry);
	tcase_add_test(tc, unseen_of_all_senders);
	tcase_add_test(tc, few_are_seen);
	tcase_add_test(tc, sentences_of_waits);
	return s;
}
