/* links: admin/fleet_arming admin/fleet_view core/decide/servers admin/arming admin/replace core/decide/override core/tag/addr */
/* links: core/memory/counters core/memory/domains core/memory/slots core/memory/access core/base/safefile core/base/fault core/base/err */
/* links: core/decide/policy core/decide/exim_list core/base/span core/memory/header */
/* links: core/memory/sending core/base/network core/base/hmac */
/*
 * test_fleet_arming.c - when a domain begins to refuse, if several hosts send for it.
 *
 * The server under test is an MX that never sends, unless a scene says so.  What the others say
 * comes as the file that batv-fleet writes.
 */
#include "arming_lab.h"
#include "fleet_arming.h"

#define PATIENCE 3600
#define RETENTION (15 * D)

static struct batv_fleet_host own;
static struct batv_fleet_view view;
static char json[16384];
static int64_t clock_now; /* relative to T0 */
static const char *own_secrets[] = {"00000000000000ff", "1111111111111111"};

/* ---- building a scene ---- */

static void begin_at(int64_t now)
{
	make_state();
	state.global.memory_retention = RETENTION;
	own = (struct batv_fleet_host){.has_row = true, .n_secrets = 2, .secrets = own_secrets};
	clock_now = now;
	(void)snprintf(json, sizeof json,
		       "{\"schema\": 1, \"written\": %lld, \"fleet\": \"test\", \"hosts\": [",
		       (long long)(T0 + now));
}

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
	const size_t used = strlen(json);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(json + used, sizeof json - used, format, ap);
	va_end(ap);
}

struct host {
	const char *name;
	int64_t first, last; /* signed mail of example.com, relative to T0; 0: never */
	bool complete;
	int64_t bare, broken; /* of the domain */
	int64_t all_broken;   /* of all domains */
	int64_t until;        /* of that break */
	const char *policy;   /* of that break; NULL: all */
	int64_t silent;       /* seconds since it was heard */
	bool fresh, left, no_row, cut, off, off_first, off_other, foreign;
	int64_t joined;
};

static void add_time(const char *key, int64_t when)
{
	if (when)
		add(", \"%s\": %lld", key, (long long)(T0 + when));
}

static void add_row(const struct host *h)
{
	add(", \"row\": {\"signing\": {\"number\": %d, \"check\": \"%s\"}", h->foreign ? 99 : 4711,
	    h->foreign ? "0123456789abcdef" : own_secrets[1]);
	add_time("joined", h->joined);
	if (h->fresh)
		add(", \"fresh\": true");
	if (h->cut)
		add(", \"cut\": true");
	if (h->off)
		add(", \"unsigned\": [\"short\", \"default\"]");
	if (h->off_first)
		add(", \"unsigned\": [\"default\", \"short\"]");
	if (h->off_other)
		add(", \"unsigned\": [\"short\"]");
	add(", \"breaks\": [");
	if (h->all_broken) {
		add("{\"policy\": \"%s\", \"why\": \"a test there\"", h->policy ? h->policy : "*");
		add_time("when", h->all_broken);
		add_time("until", h->until);
		add("}");
	}
	add("], \"domains\": [{\"name\": \"aaa.example\"}");
	if (h->first || h->bare || h->broken) {
		add(", {\"name\": \"example.com\", \"policy\": \"default\"");
		add_time("first_signed", h->first);
		add_time("last_signed", h->last);
		add_time("bare", h->bare);
		add_time("broken", h->broken);
		add(", \"complete\": %s}", h->complete ? "true" : "false");
	}
	add("]}");
}

static void add_host(struct host h)
{
	add("%s{\"id\": \"00000000000000aa\", \"name\": \"%s\", \"heard\": %lld",
	    json[strlen(json) - 1] == '[' ? "" : ", ", h.name,
	    (long long)(T0 + clock_now - h.silent));
	if (h.left)
		add(", \"left\": true");
	if (!h.no_row)
		add_row(&h);
	add("}");
}

static struct batv_fleet_facts facts(void)
{
	char why[200] = "";

	add("]}");
	ck_assert_msg(batv_fleet_view_parse(json, strlen(json), T0 + clock_now, &view, why,
					    sizeof why) == BATV_OK,
		      "%s in %s", why, json);
	return (struct batv_fleet_facts){.view = &view,
					 .own = &own,
					 .state = &state,
					 .patience = PATIENCE,
					 .now = T0 + clock_now};
}

static const struct evidence none;

/* What the server under test decides; `flags` are those that the domain has. */
static struct batv_arm decide_with(struct batv_fleet_facts f, struct evidence here, uint32_t flags,
				   int64_t decided)
{
	struct batv_domain d = domain_of("default", here, clock_now);
	struct batv_arm arm;

	d.flags = flags;
	d.decided = at(decided);
	memset(d.sending.tags, 0, sizeof d.sending.tags);
	arm = batv_fleet_arming_own(&state, &d, T0 + clock_now);
	batv_fleet_arming(&f, &d, &arm);
	return arm;
}

static struct batv_arm decide_mx(void)
{
	return decide_with(facts(), none, 0, 0);
}

static void expect(struct batv_arm arm, enum batv_arm_why why, const char *host)
{
	ck_assert_msg(arm.why == why, "why %d, not %d", (int)arm.why, (int)why);
	ck_assert(arm.armed == (why == BATV_ARM_ARMED));
	if (host)
		ck_assert_str_eq(arm.host ? arm.host : "-", host);
}

static void finish(void)
{
	batv_fleet_view_free(&view);
}

/* ---- tests ---- */

static void begin_with_relay(void)
{
	begin_at(20 * D);
	add_host((struct host){.name = "relay1", .first = H, .last = 20 * D, .complete = true});
}

START_TEST(an_mx_arms_when_both_relays_have_evidence)
{
	struct batv_arm arm;

	begin_with_relay();
	add_host((struct host){.name = "relay2", .first = 2 * D, .last = 19 * D, .complete = true});
	arm = decide_mx();
	expect(arm, BATV_ARM_ARMED, NULL);
	ck_assert(arm.by_fleet);
	ck_assert_int_eq(arm.since, T0 + 2 * D); /* the later one */
	ck_assert_int_eq(arm.when, T0 + 2 * D + GRACE);
}
END_TEST

START_TEST(the_later_relay_decides_when)
{
	struct batv_arm arm;

	begin_with_relay();
	add_host(
		(struct host){.name = "relay2", .first = 18 * D, .last = 20 * D, .complete = true});
	arm = decide_mx();
	expect(arm, BATV_ARM_GRACE, "relay2");
	ck_assert_int_eq(arm.when, T0 + 18 * D + GRACE);
	ck_assert(!arm.fleet_sends);
	expect_sentence(&arm, (const char *const[]){"observing until", "host relay2"}, 2);
}
END_TEST

START_TEST(no_evidence_of_one_is_none_of_all)
{
	struct batv_arm arm;

	begin_with_relay();
	add_host((struct host){.name = "relay2", .first = H, .last = 20 * D});
	arm = decide_mx();
	expect(arm, BATV_ARM_FEW, "relay2");
}
END_TEST

/* A machine that never sent before has no untagged mail to wait for. */
START_TEST(a_fresh_machine_does_not_start_grace)
{
	struct batv_arm arm;

	begin_with_relay();
	add_host((struct host){.name = "relay2",
			       .first = 20 * D,
			       .last = 20 * D,
			       .fresh = true,
			       .joined = 19 * D,
			       .all_broken = 19 * D - H});
	arm = decide_mx();
	expect(arm, BATV_ARM_ARMED, NULL);
	ck_assert(arm.fleet_sends);
	finish();

	/* What it breaks after it joined counts. */
	begin_with_relay();
	add_host((struct host){.name = "relay2",
			       .first = 20 * D,
			       .last = 20 * D,
			       .fresh = true,
			       .joined = 19 * D,
			       .all_broken = 19 * D + H});
	expect(decide_mx(), BATV_ARM_GRACE, "relay2");
}
END_TEST

/* A break anywhere counts from there, also of a host that does not send for the domain. */
static const struct {
	const char *name;
	struct host host;
	enum batv_arm_why why;
} breaks[] = {
	{"of all domains, of a sender",
	 {.name = "x", .first = H, .last = 20 * D, .complete = true, .all_broken = 19 * D},
	 BATV_ARM_GRACE},
	{"of all domains, of another host", {.name = "x", .all_broken = 19 * D}, BATV_ARM_GRACE},
	{"of the domain",
	 {.name = "x", .first = H, .last = 20 * D, .complete = true, .broken = 19 * D},
	 BATV_ARM_GRACE},
	{"mail left bare, and signed after it",
	 {.name = "x", .first = 20 * D, .last = 20 * D, .complete = true, .bare = 20 * D - H},
	 BATV_ARM_GRACE},
	{"mail left bare, and none signed since", {.name = "x", .bare = 19 * D}, BATV_ARM_STALE},
	{"no mail since the break",
	 {.name = "x", .first = H, .last = 18 * D, .complete = true, .all_broken = 19 * D},
	 BATV_ARM_STALE},
	{"revoked tags still come back",
	 {.name = "x",
	  .first = H,
	  .last = 20 * D,
	  .complete = true,
	  .all_broken = D,
	  .until = 30 * D},
	 BATV_ARM_GRACE},
	{"a break that is over",
	 {.name = "x", .first = H, .last = 20 * D, .complete = true, .all_broken = 13 * D},
	 BATV_ARM_ARMED},
	{"a secret that is not here",
	 {.name = "x", .first = H, .last = 20 * D, .complete = true, .foreign = true},
	 BATV_ARM_FLEET_KEY},
	{"the secret of a host that sends nothing", {.name = "x", .foreign = true}, BATV_ARM_ARMED},
	{"signing is off there", {.name = "x", .off = true}, BATV_ARM_FLEET_UNSIGNED},
	{"no row yet", {.name = "x", .no_row = true}, BATV_ARM_FLEET_UNKNOWN},
	{"a row that lacks domains", {.name = "x", .cut = true}, BATV_ARM_FLEET_UNKNOWN},
	{"it has left",
	 {.name = "x", .left = true, .first = 19 * D, .last = 20 * D},
	 BATV_ARM_ARMED},
};

/* The same scene at the very second. */
static const struct {
	const char *name;
	struct host host;
	int64_t now;
	enum batv_arm_why why;
} edges[] = {
	{"signed in the second of the break",
	 {.name = "x", .first = H, .last = D, .complete = true, .all_broken = D},
	 D + GRACE,
	 BATV_ARM_ARMED},
	{"a second before",
	 {.name = "x", .first = H, .last = D - 1, .complete = true, .all_broken = D},
	 D + GRACE,
	 BATV_ARM_STALE},
	{"signed in the second in which mail left bare",
	 {.name = "x", .first = H, .last = D, .complete = true, .bare = D},
	 D + GRACE,
	 BATV_ARM_STALE},
	{"a second after",
	 {.name = "x", .first = H, .last = D + 1, .complete = true, .bare = D},
	 D + GRACE,
	 BATV_ARM_ARMED},
	{"grace is over in this second",
	 {.name = "x", .first = H + 1, .last = D, .complete = true},
	 H + 1 + GRACE,
	 BATV_ARM_ARMED},
	{"a second before that",
	 {.name = "x", .first = H + 1, .last = D, .complete = true},
	 H + GRACE,
	 BATV_ARM_GRACE},
	{"broken before it was there",
	 {.name = "x", .fresh = true, .joined = 6 * D, .all_broken = 6 * D},
	 8 * D,
	 BATV_ARM_ARMED},
	{"broken a second after it joined",
	 {.name = "x", .fresh = true, .joined = 6 * D, .all_broken = 6 * D + 1},
	 8 * D,
	 BATV_ARM_GRACE},
	{"a break of the policy",
	 {.name = "x", .all_broken = 6 * D, .policy = "default"},
	 8 * D,
	 BATV_ARM_GRACE},
	{"a break of another policy",
	 {.name = "x", .all_broken = 6 * D, .policy = "short"},
	 8 * D,
	 BATV_ARM_ARMED},
	{"signing is off for the policy",
	 {.name = "x", .off_first = true},
	 8 * D,
	 BATV_ARM_FLEET_UNSIGNED},
	{"signing is off for another policy",
	 {.name = "x", .off_other = true},
	 8 * D,
	 BATV_ARM_ARMED},
};

START_TEST(to_the_second)
{
	begin_at(edges[_i].now);
	add_host((struct host){.name = "relay1", .first = H, .last = D + 1, .complete = true});
	add_host(edges[_i].host);
	expect(decide_mx(), edges[_i].why, edges[_i].why == BATV_ARM_ARMED ? NULL : "x");
}
END_TEST

/* An armed flag alone does not keep a domain armed: it must have been set after grace. */
START_TEST(armed_too_early)
{
	static const struct {
		uint32_t flags;
		int64_t decided;
		enum batv_arm_why why;
	} rows[] = {
		{BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET, H + GRACE, BATV_ARM_ARMED},
		{BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET, H + GRACE - 1, BATV_ARM_FEW},
		{0, H + GRACE, BATV_ARM_FEW},
		{0, 20 * D, BATV_ARM_FEW},
	};

	begin_at(60 * D);
	add_host((struct host){.name = "relay1", .first = H, .last = 20 * D});
	expect(decide_with(facts(), none, rows[_i].flags, rows[_i].decided), rows[_i].why, NULL);
}
END_TEST

/* batv-fleet itself is silent: nobody can be said to be heard. */
START_TEST(an_old_view)
{
	struct batv_fleet_facts f;

	begin_with_relay();
	f = facts();
	view.written = T0 + 20 * D - PATIENCE;
	expect(decide_with(f, none, 0, 0), BATV_ARM_ARMED, NULL);
	view.written--;
	expect(decide_with(f, none, 0, 0), BATV_ARM_NO_EVIDENCE, NULL);
}
END_TEST

/* Nothing is known of the own secrets, or of the fleet: nobody is called foreign. */
START_TEST(what_is_not_known)
{
	struct batv_fleet_facts f;
	struct batv_arm arm;

	begin_at(20 * D);
	add_host((struct host){
		.name = "relay1", .first = H, .last = 20 * D, .complete = true, .foreign = true});
	f = facts();
	own.has_row = false;
	expect(decide_with(f, none, 0, 0), BATV_ARM_ARMED, NULL);
	f.own = NULL;
	expect(decide_with(f, none, 0, 0), BATV_ARM_ARMED, NULL);
	f.view = NULL;
	arm = decide_with(f, none, 0, 0);
	expect(arm, BATV_ARM_NO_EVIDENCE, NULL);
	ck_assert(!arm.fleet_sends && !arm.by_fleet);
}
END_TEST

/* Not heard for too long, so its evidence is gone; a reason to observe is not. */
START_TEST(a_silent_host_with_a_foreign_secret)
{
	struct batv_arm arm;

	begin_at(20 * D);
	add_host((struct host){.name = "relay1",
			       .first = H,
			       .last = 20 * D,
			       .complete = true,
			       .foreign = true,
			       .silent = PATIENCE + 1});
	arm = decide_with(facts(), (struct evidence){H, 20 * D, 0, 0}, BATV_DOMAIN_ARMED, 12 * D);
	expect(arm, BATV_ARM_FLEET_KEY, "relay1");
	ck_assert_int_eq(arm.when, 0);
}
END_TEST

/* Alone, and in grace by its own evidence: a later break there makes it longer. */
START_TEST(alone_with_a_break_elsewhere)
{
	static const struct {
		int64_t broken, now;
		enum batv_arm_why why;
	} rows[] = {
		{0, 7 * D, BATV_ARM_GRACE},
		{3 * D, 7 * D, BATV_ARM_GRACE},
		{3 * D, 3 * D + GRACE - 1, BATV_ARM_GRACE},
		{3 * D, 3 * D + GRACE, BATV_ARM_ARMED},
	};
	struct batv_fleet_facts f;
	struct batv_arm arm;

	begin_at(rows[_i].now);
	add_host((struct host){.name = "mx2", .all_broken = rows[_i].broken});
	f = facts();
	view.written = T0; /* batv-fleet is silent */
	arm = decide_with(f, (struct evidence){H, rows[_i].now, 0, 0}, 0, 0);
	expect(arm, rows[_i].why, NULL);
	if (arm.why == BATV_ARM_GRACE)
		ck_assert_int_eq(arm.when, T0 + (rows[_i].broken ? rows[_i].broken : H) + GRACE);
}
END_TEST

/* Grace that never ends, and none. */
START_TEST(odd_graces)
{
	begin_with_relay();
	state.policies[0].grace = INT64_MAX;
	expect(decide_mx(), BATV_ARM_GRACE, NULL);
	finish();
	begin_at(20 * D);
	add_host(
		(struct host){.name = "relay1", .first = 20 * D, .last = 20 * D, .complete = true});
	state.policies[0].grace = 0;
	expect(decide_mx(), BATV_ARM_ARMED, NULL);
}
END_TEST

/* The sentence needs the number of the secret, and the break of the host that broke last. */
START_TEST(whose_it_is)
{
	struct batv_arm arm;

	begin_with_relay();
	add_host((struct host){.name = "relay2", .all_broken = 19 * D});
	add_host((struct host){.name = "relay3", .all_broken = 18 * D});
	arm = decide_mx();
	expect(arm, BATV_ARM_GRACE, "relay2");
	ck_assert_int_eq(arm.broken, T0 + 19 * D);
	ck_assert_str_eq(arm.broken_why, "a test there");
	ck_assert_uint_eq(arm.host_secret, 4711);
	finish();
	begin_with_relay();
	add_break("*", 19 * D, 0);
	arm = decide_mx();
	expect(arm, BATV_ARM_GRACE, NULL);
	ck_assert_ptr_null(arm.host);
	ck_assert_uint_eq(arm.host_secret, 0);
	ck_assert_str_eq(arm.broken_why, "a test");
}
END_TEST

START_TEST(any_break_counts_everywhere)
{
	begin_with_relay();
	add_host(breaks[_i].host);
	expect(decide_mx(), breaks[_i].why, breaks[_i].why == BATV_ARM_ARMED ? NULL : "x");
	ck_assert_msg(view.n_hosts == 2, "%s", breaks[_i].name);
	finish();

	/* The same if it is armed already. */
	begin_with_relay();
	add_host(breaks[_i].host);
	expect(decide_with(facts(), none, BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET, 12 * D),
	       breaks[_i].why, NULL);
	finish();

	/* And if this host has evidence of its own, and armed by it. */
	begin_at(20 * D);
	add_host(breaks[_i].host);
	expect(decide_with(facts(), (struct evidence){H, 20 * D, 0, 0}, BATV_DOMAIN_ARMED, 12 * D),
	       breaks[_i].why, NULL);
}
END_TEST

/* Evidence that grows old disarms nobody: only a break does. */
START_TEST(an_armed_domain_needs_no_new_evidence)
{
	begin_at(60 * D);
	add_host((struct host){.name = "relay1", .first = H, .last = 20 * D});
	expect(decide_with(facts(), none, BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET, 12 * D),
	       BATV_ARM_ARMED, NULL);
	finish();
	begin_at(60 * D);
	add_host((struct host){.name = "relay1", .first = H, .last = 20 * D});
	expect(decide_mx(), BATV_ARM_FEW, "relay1");
}
END_TEST

START_TEST(a_sender_that_is_not_heard)
{
	struct batv_arm arm;

	begin_at(20 * D);
	add_host((struct host){.name = "relay1",
			       .first = H,
			       .last = 20 * D,
			       .complete = true,
			       .silent = PATIENCE});
	expect(decide_mx(), BATV_ARM_ARMED, NULL);
	finish();

	/* The lease is over: nothing here but the fleet's evidence. */
	begin_at(20 * D);
	add_host((struct host){.name = "relay1",
			       .first = H,
			       .last = 20 * D,
			       .complete = true,
			       .silent = PATIENCE + 1});
	arm = decide_with(facts(), none, BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET, 12 * D);
	expect(arm, BATV_ARM_NO_EVIDENCE, NULL);
	ck_assert(!arm.by_fleet && !arm.fleet_sends);
	finish();

	/* Its own evidence still holds. */
	begin_at(20 * D);
	add_host((struct host){.name = "relay1",
			       .first = H,
			       .last = 20 * D,
			       .complete = true,
			       .silent = PATIENCE + 1});
	expect(decide_with(facts(), (struct evidence){H, 20 * D, 0, 0}, BATV_DOMAIN_ARMED, 12 * D),
	       BATV_ARM_ARMED, NULL);
	finish();

	/* But not against a break that is known. */
	begin_at(20 * D);
	add_host((struct host){.name = "relay1",
			       .first = H,
			       .last = 20 * D,
			       .all_broken = 19 * D,
			       .silent = PATIENCE + 1});
	expect(decide_with(facts(), (struct evidence){H, 20 * D, 0, 0}, BATV_DOMAIN_ARMED, 12 * D),
	       BATV_ARM_GRACE, NULL);
	finish();

	/* A host that sends nothing may be silent for ever. */
	begin_with_relay();
	add_host((struct host){.name = "mx2", .silent = 9 * D});
	expect(decide_mx(), BATV_ARM_ARMED, NULL);
}
END_TEST

/* Mail left untagged here, and nobody else knows it yet. */
START_TEST(own_bare_mail)
{
	struct batv_fleet_facts f;

	begin_with_relay();
	f = facts();
	f.bare = T0 + 20 * D - 5;
	expect(decide_with(f, none, BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET, 12 * D),
	       BATV_ARM_STALE, NULL);
}
END_TEST

/* Without a word of anybody it is as without a fleet. */
START_TEST(nobody_sends)
{
	struct batv_arm arm;

	begin_at(20 * D);
	add_host((struct host){.name = "mx2"});
	arm = decide_mx();
	expect(arm, BATV_ARM_NO_EVIDENCE, NULL);
	ck_assert(!arm.fleet_sends);
	finish();
	begin_at(20 * D);
	add_host((struct host){.name = "mx2"});
	arm = decide_with(facts(), (struct evidence){H, 20 * D, 0, 0}, 0, 0);
	expect(arm, BATV_ARM_ARMED, NULL);
	ck_assert(arm.fleet_sends); /* it is the only sender, and has sent for long enough */
}
END_TEST

START_TEST(modes_of_the_configuration_come_first)
{
	begin_with_relay();
	state.policies[0].enforcement = BATV_ENFORCE_OBSERVE;
	expect(decide_mx(), BATV_ARM_MODE_OBSERVE, NULL);
	finish();
	begin_at(20 * D);
	add_host((struct host){.name = "relay1", .foreign = true, .first = H, .last = 20 * D});
	state.policies[0].signing = false;
	expect(decide_mx(), BATV_ARM_SIGNING_OFF, NULL);
}
END_TEST

/* How long the mail of all senders is in the memory. */
START_TEST(the_fleet_has_sent_for_long_enough)
{
	static const struct {
		struct host host;
		int64_t now;
		bool sends;
	} rows[] = {
		{{.first = H, .last = D, .complete = true}, H + RETENTION, true},
		{{.first = H, .last = D, .complete = true}, H + RETENTION - 1, false},
		{{.first = H, .last = D, .bare = 2 * D}, 2 * D + RETENTION, true},
		{{.first = H, .last = D, .bare = 2 * D}, 2 * D + RETENTION - 1, false},
		{{.first = H, .last = D, .foreign = true}, 30 * D, false},
		{{.first = H, .last = D, .silent = PATIENCE + 1}, 30 * D, false},
		{{.no_row = true}, 30 * D, false},
		{{.bare = D}, 30 * D, false},
	};

	begin_at(rows[_i].now);
	add_host(rows[_i].host);
	ck_assert(decide_mx().fleet_sends == rows[_i].sends);
}
END_TEST

START_TEST(sentences)
{
	struct batv_arm arm;

	begin_at(20 * D);
	add_host((struct host){
		.name = "re\\nlay", .first = H, .last = 20 * D, .complete = true, .foreign = true});
	arm = decide_mx();
	expect_sentence(&arm, (const char *const[]){"secret 99", "secret import here", "re"}, 3);
	finish();
	begin_at(20 * D);
	add_host((struct host){.name = "relay1", .no_row = true});
	arm = decide_mx();
	expect_sentence(&arm, (const char *const[]){"batvctl fleet forget relay1"}, 1);
	finish();
	begin_at(20 * D);
	add_host((struct host){.name = "relay1", .off = true});
	arm = decide_mx();
	expect_sentence(&arm, (const char *const[]){"host relay1 has signing = off"}, 1);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("fleet_arming");
	TCase *t = tcase_create("fleet_arming");

	tcase_add_checked_fixture(t, NULL, finish);
	tcase_add_test(t, an_mx_arms_when_both_relays_have_evidence);
	tcase_add_test(t, the_later_relay_decides_when);
	tcase_add_test(t, no_evidence_of_one_is_none_of_all);
	tcase_add_test(t, a_fresh_machine_does_not_start_grace);
	tcase_add_loop_test(t, any_break_counts_everywhere, 0, (int)COUNT(breaks));
	tcase_add_loop_test(t, to_the_second, 0, (int)COUNT(edges));
	tcase_add_loop_test(t, armed_too_early, 0, 4);
	tcase_add_test(t, an_old_view);
	tcase_add_test(t, what_is_not_known);
	tcase_add_test(t, a_silent_host_with_a_foreign_secret);
	tcase_add_loop_test(t, alone_with_a_break_elsewhere, 0, 4);
	tcase_add_test(t, odd_graces);
	tcase_add_test(t, whose_it_is);
	tcase_add_test(t, an_armed_domain_needs_no_new_evidence);
	tcase_add_test(t, a_sender_that_is_not_heard);
	tcase_add_test(t, own_bare_mail);
	tcase_add_test(t, nobody_sends);
	tcase_add_test(t, modes_of_the_configuration_come_first);
	tcase_add_loop_test(t, the_fleet_has_sent_for_long_enough, 0, 8);
	tcase_add_test(t, sentences);
	suite_add_tcase(s, t);
	return s;
}
