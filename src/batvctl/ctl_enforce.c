/*
 * ctl_enforce.c - batvctl enforce: sets the mode of all domains or of some, for good or for a
 * while, without an edit of exim-batv.conf.
 *
 * Invariant: after it, the mode that was asked for is in force, or it is said why not.  A line that
 * says what the configuration says anyway is not kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arming.h"
#include "ctl_ask.h"
#include "ctl_override.h"

#define FOR_MIN 60
#define FOR_MAX (366 * (int64_t)BATV_DAY)
#define ARGS_MAX BATV_OVERRIDES_MAX
#define SENTENCE 1400

struct domain {
	char name[BATV_ADDR_SIZE];
	const struct batv_policy *policy; /* NULL: not known, or all */
	bool doubt;                       /* it could not be asked whether it is protected */
	char before[SENTENCE];
};

struct enforcing {
	struct batv_ctl *ctl;
	struct batv_asking asking;
	bool state; /* there is one; otherwise nothing is refused now */
	int mode;
	int64_t until;
	size_t n; /* 0: all domains */
	struct domain domains[ARGS_MAX];
	size_t n_changes;
	struct batv_ctl_override changes[2 * ARGS_MAX];
};

static const char *const modes[] = {[BATV_ENFORCE_AUTO] = "auto",
				    [BATV_ENFORCE_OBSERVE] = "observe",
				    [BATV_ENFORCE_REJECT] = "reject"};

/* ---- the command line ---- */

static bool read_mode(const char *word, int *mode)
{
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(word, modes[i]) == 0) {
			*mode = (int)i;
			return true;
		}
	return false;
}

static bool read_domain(const char *word, struct domain *d)
{
	struct batv_override line;
	struct batv_addr addr = {.domain = batv_span_of(word + (*word == '@'))};

	return batv_addr_domain(&addr, d->name) == BATV_OK && strcmp(d->name, "*") != 0 &&
	       !batv_state_override(batv_span_of("anyway"), batv_span_of(d->name),
				    batv_span_of("-"), &line);
}

static int read_arguments(struct enforcing *e, char **args, int n)
{
	const struct batv_ctl *ctl = e->ctl;

	if (!read_mode(args[0], &e->mode))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "enforce: expected auto, observe or reject, not %s", args[0]);
	e->n = (size_t)n - 1;
	for (size_t i = 0; i < e->n; i++)
		if (!read_domain(args[i + 1], &e->domains[i]))
			return batv_ctl_fail(BATV_CTL_USAGE,
					     "enforce: expected a domain such as example.org, not "
					     "%s",
					     args[i + 1]);
	if (ctl->anyway && (e->mode != BATV_ENFORCE_AUTO || e->n == 0))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "enforce: --anyway needs auto and a domain: batvctl enforce "
				     "auto --anyway example.org");
	if (!ctl->lasting)
		return BATV_CTL_YES;
	if (!batv_duration_parse(batv_span_of(ctl->lasting), &e->until) || e->until < FOR_MIN ||
	    e->until > FOR_MAX)
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "enforce: --for: expected a time such as 3d or 12h, from 1m "
				     "to 366d, not %s",
				     ctl->lasting);
	e->until += ctl->clock;
	return BATV_CTL_YES;
}

/* ---- what is in force ---- */

/* The domain's slot; without one, a domain without evidence. */
static void find_slot(struct enforcing *e, const struct domain *d, struct batv_domain *out)
{
	for (size_t i = 0; batv_domain_next(&e->asking.memory, &i, out); i++)
		if (strcmp(out->name, d->name) == 0)
			return;
	*out = (struct batv_domain){.policy_sum = batv_domain_policy_sum(d->policy->name)};
	(void)snprintf(out->name, sizeof out->name, "%.*s", (int)sizeof out->name - 1, d->name);
}

/* The sentence of batvctl status. */
static void explain(struct enforcing *e, const struct domain *d, char out[static SENTENCE])
{
	struct batv_domain slot;
	struct batv_arm arm;

	out[0] = '\0';
	if (!e->state || !d->policy)
		return;
	find_slot(e, d, &slot);
	slot.policy_sum = batv_domain_policy_sum(d->policy->name);
	arm = batv_ctl_arm(e->ctl, e->asking.context.state, &slot, e->ctl->clock);
	batv_arming_explain(&arm, out, SENTENCE);
}

/* Is it one of ours?  Exim is asked about lists; its doubt is no reason not to do it. */
static int check_domain(struct enforcing *e, struct domain *d)
{
	struct batv_asking *a = &e->asking;
	enum batv_match match = BATV_MAYBE;

	if (e->state)
		match = batv_lists_policy(a->context.state, a->context.matcher, d->name,
					  &d->policy);
	d->doubt = match == BATV_MAYBE;
	if (match == BATV_NO)
		return batv_ctl_fail(BATV_CTL_NO,
				     "enforce: %s is not protected, nothing was changed; `domains` "
				     "in %s does not have it",
				     d->name, e->ctl->config_path);
	if (d->doubt && e->state)
		fprintf(stderr,
			"batvctl: warning: %s: not checked whether it is protected: list \"%s\": "
			"%s\n",
			d->name, a->asker.list, a->asker.why);
	explain(e, d, d->before);
	return BATV_CTL_YES;
}

/* Reads the state again.  Without one nothing is in force. */
static void look(struct enforcing *e)
{
	if (e->state)
		batv_ctl_ask_end(&e->asking);
	e->state = batv_ctl_ask_found(e->ctl, &e->asking) == BATV_CTL_YES;
}

/* ---- the change ---- */

static void add(struct enforcing *e, enum batv_override_key key, const char *domain, bool remove)
{
	e->changes[e->n_changes++] = (struct batv_ctl_override){
		.line = {.domain = domain,
			 .until = e->until,
			 .key = (uint8_t)key,
			 .mode = key == BATV_OVERRIDE_ENFORCEMENT ? (uint8_t)e->mode : 0},
		.remove = remove};
}

/* Would the mode hold without a line?  If that is not known, auto is what most have. */
static bool holds_anyway(const struct enforcing *e, const struct domain *d)
{
	const struct batv_state *st = e->asking.context.state;
	const struct batv_policy *policy = d ? d->policy : e->state ? &st->policies[0] : NULL;

	if (e->until)
		return false;
	if (!policy)
		return e->mode == BATV_ENFORCE_AUTO;
	if (d && policy == &st->policies[0] &&
	    batv_override_find(st, BATV_OVERRIDE_ENFORCEMENT, BATV_OVERRIDE_ALL))
		return false;
	return policy->enforcement == e->mode;
}

static void plan(struct enforcing *e)
{
	if (e->n == 0)
		add(e, BATV_OVERRIDE_ENFORCEMENT, BATV_OVERRIDE_ALL, holds_anyway(e, NULL));
	for (size_t i = 0; i < e->n; i++) {
		add(e, BATV_OVERRIDE_ENFORCEMENT, e->domains[i].name,
		    holds_anyway(e, &e->domains[i]));
		if (e->mode == BATV_ENFORCE_AUTO)
			add(e, BATV_OVERRIDE_ANYWAY, e->domains[i].name, !e->ctl->anyway);
	}
}

/* ---- for people ---- */

/* What else decides, although this was asked for; "": nothing. */
static const char *hindrance(const struct enforcing *e, const struct domain *d)
{
	const struct batv_override *all;

	if (!e->state)
		return "";
	all = batv_override_find(e->asking.context.state, BATV_OVERRIDE_ENFORCEMENT,
				 BATV_OVERRIDE_ALL);
	if (e->mode != BATV_ENFORCE_OBSERVE && e->asking.context.observe_file)
		return "nothing is refused while the file \"observe\" exists in the state "
		       "directory";
	if (d && e->mode != BATV_ENFORCE_OBSERVE && all && all->mode == BATV_ENFORCE_OBSERVE)
		return "nothing is refused before batvctl enforce auto: all domains observe";
	return "";
}

static void print_domain(struct enforcing *e, const struct domain *d)
{
	char now[SENTENCE], until[60];

	explain(e, d, now);
	batv_ctl_override_until(e->until, until, sizeof until);
	if (*d->before)
		printf("%s\n  was  %s\n  now  %s\n", d->name, d->before, now);
	else
		printf("%s\n  now  enforcement %s %s\n", d->name, modes[e->mode], until);
	if (*hindrance(e, d))
		printf("  but  %s\n", hindrance(e, d));
	if (e->ctl->anyway)
		puts("  note bounces of mail that another server sends will be refused here, "
		     "unless it "
		     "has the secret");
}

static void print_all(struct enforcing *e)
{
	const struct batv_state *st = e->asking.context.state;
	char until[60];

	batv_ctl_override_until(e->until, until, sizeof until);
	if (e->mode == BATV_ENFORCE_OBSERVE)
		printf("all domains\n  now  observing %s: nothing is refused\n", until);
	else
		printf("domains of the policy default\n  now  enforcement %s%s%s\n", modes[e->mode],
		       e->until ? " " : "", e->until ? until : "");
	if (e->mode != BATV_ENFORCE_OBSERVE && e->state && st->n_policies > 1)
		puts("  but  other policies, and domains that were named to batvctl enforce, keep "
		     "theirs");
	if (*hindrance(e, NULL))
		printf("  but  %s\n", hindrance(e, NULL));
}

static json_t *json_domain(struct enforcing *e, const struct domain *d)
{
	json_t *o = json_object();
	char now[SENTENCE] = "";
	int mode = e->mode;

	if (d && e->state && d->policy)
		mode = batv_override_mode(e->asking.context.state, d->policy, d->name,
					  e->ctl->clock);
	if (d)
		explain(e, d, now);
	batv_ctl_put_text(o, "domain", d ? d->name : BATV_OVERRIDE_ALL);
	batv_ctl_put_text(o, "enforcement", modes[mode]);
	batv_ctl_put_text(o, "before", d && *d->before ? d->before : NULL);
	batv_ctl_put_text(o, "text", *now ? now : NULL);
	batv_ctl_put_text(o, "but", *hindrance(e, d) ? hindrance(e, d) : NULL);
	return o;
}

static void print_json(struct enforcing *e, const char *seen, bool published)
{
	json_t *o = json_object(), *a = json_array();

	for (size_t i = 0; i < e->n; i++)
		json_array_append_new(a, json_domain(e, &e->domains[i]));
	if (e->n == 0)
		json_array_append_new(a, json_domain(e, NULL));
	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put_text(o, "asked", modes[e->mode]);
	batv_ctl_put_time(o, "until", e->until);
	batv_ctl_put_flag(o, "anyway", e->ctl->anyway);
	batv_ctl_put(o, "domains", a);
	batv_ctl_put_flag(o, "published", published);
	batv_ctl_put_text(o, "text", seen);
	batv_ctl_print_json(o);
}

static void print(struct enforcing *e, const char *seen, bool published)
{
	if (e->ctl->json) {
		print_json(e, seen, published);
		return;
	}
	for (size_t i = 0; i < e->n; i++)
		print_domain(e, &e->domains[i]);
	if (e->n == 0)
		print_all(e);
	puts(seen);
}

static int enforce(struct enforcing *e)
{
	const char *seen = "";
	bool published = false;
	int code = BATV_CTL_YES;

	look(e);
	for (size_t i = 0; i < e->n && code == BATV_CTL_YES; i++)
		code = check_domain(e, &e->domains[i]);
	if (code)
		return code;
	plan(e);
	code = batv_ctl_override(e->ctl, e->changes, e->n_changes, &seen, &published);
	if (code)
		return code;
	look(e);
	print(e, seen, published);
	return published ? BATV_CTL_YES : BATV_CTL_TROUBLE;
}

int batv_ctl_enforce(struct batv_ctl *ctl, char **args, int n)
{
	struct enforcing *e = calloc(1, sizeof *e);
	int code;

	if (!e)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	e->ctl = ctl;
	code = read_arguments(e, args, n);
	if (code == BATV_CTL_YES)
		code = batv_ctl_open(ctl);
	if (code == BATV_CTL_YES)
		code = enforce(e);
	if (e->state)
		batv_ctl_ask_end(&e->asking);
	free(e);
	return code;
}
