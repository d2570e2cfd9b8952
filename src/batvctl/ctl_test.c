/*
 * ctl_test.c - batvctl test: does it work?  An address is signed, and a true and a forged bounce
 * are played to this Exim.
 *
 * Invariant: what is said of a bounce is what Exim answered and logged.  What would be later is
 * found by the judge that Exim runs, on the same state.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arming.h"
#include "ctl_ask.h"
#include "ctl_pasted.h"
#include "ctl_play.h"
#include "decide/sign.h"
#include "notices.h"

#define HOST "192.0.2.1" /* of a network for documentation: nobody's */
#define LINES 16
#define POSTMASTERS 8 /* that are tried */
#define SHOWN 70      /* characters of an answer */

/* A line of the answer. */
enum mark { MARK_NONE, MARK_OK, MARK_ADVICE, MARK_TODO, MARK_UNKNOWN };

struct line {
	const char *what;
	enum mark mark;
	char text[900], fix[500];
};

struct testing {
	struct batv_ctl *ctl;
	struct batv_asking asking;
	struct batv_installation inst;
	const char *host;
	char address[BATV_ADDR_SIZE], domain[BATV_ADDR_SIZE];
	struct batv_signing signing;
	struct batv_played genuine, forged;
	struct batv_routed route;
	struct batv_judgement armed; /* the forged one, once the domain refuses */
	const struct batv_policy *policy;
	size_t n;
	struct line lines[LINES];
};

static struct line *__attribute__((format(printf, 4, 5)))
say(struct testing *t, const char *what, enum mark mark, const char *format, ...)
{
	struct line *l = &t->lines[t->n < LINES - 1 ? t->n++ : t->n];
	va_list ap;

	*l = (struct line){.what = what, .mark = mark};
	va_start(ap, format);
	batv_notices_format(l->text, sizeof l->text, format, ap);
	va_end(ap);
	return l;
}

/* And what to do about it. */
static void __attribute__((format(printf, 2, 3))) fix(struct line *l, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	batv_notices_format(l->fix, sizeof l->fix, format, ap);
	va_end(ap);
}

/* ---- before anything is played ---- */

/* False: nothing can be played. */
static bool look_at_exim(struct testing *t)
{
	const struct batv_config *config = &t->ctl->config;
	struct batv_installation *inst = &t->inst;
	char why[1200];

	if (!batv_installation_find(config->global.exim, t->ctl->config_path, inst, why,
				    sizeof why)) {
		say(t, "exim", MARK_UNKNOWN, "%s", why);
		return false;
	}
	if (*inst->broken) {
		fix(say(t, "exim", MARK_TODO, "Exim cannot read its configuration: %s",
			inst->broken),
		    "correct it; batvctl test again");
		return false;
	}
	say(t, "exim", MARK_OK, "%s, %s, %s", inst->version, batv_installation_kind_name(inst),
	    batv_installation_layout_name(inst));
	return true;
}

static bool look_at_pieces(struct testing *t)
{
	const struct batv_installation *inst = &t->inst;
	bool unsigns = batv_installation_unsigns(inst), signs = batv_installation_signs(inst);

	if (!unsigns && !signs && !*inst->has.local_scan && inst->kind != BATV_EXIM_COMPILED_IN) {
		fix(say(t, "pieces", MARK_TODO,
			"nothing of exim-batv is in the configuration that Exim reads, %s",
			inst->configuration),
		    "batvctl enable");
		return false;
	}
	if ((*inst->has.local_scan || *inst->has.module) && inst->module_loads == BATV_NO)
		fix(say(t, "module", MARK_TODO, "Exim cannot load %s: %s%s", inst->module,
			inst->module_why,
			*inst->has.local_scan ? "; all mail to this server is deferred (451)" : ""),
		    "install the package again, or take local_scan_path out of Exim's "
		    "configuration and reload Exim");
	if (!unsigns)
		fix(say(t, "pieces", MARK_TODO,
			"nothing in Exim's configuration takes tags off: bounces to signed "
			"addresses have no mailbox"),
		    "batvctl enable");
	if (!signs)
		fix(say(t, "pieces", MARK_TODO,
			"nothing in Exim's configuration signs: mail leaves untagged"),
		    "batvctl enable");
	return true;
}

/* Debian lists the name of the machine first, where nobody may have mail. */
static void try_postmasters(struct testing *t, const struct batv_listed_domains *list)
{
	struct batv_routed r = {.reaches = false};
	char address[sizeof t->address];

	for (size_t i = 0; i < list->n && i < POSTMASTERS && !r.reaches; i++) {
		(void)snprintf(address, sizeof address, "postmaster@%.240s", list->names[i]);
		batv_ctl_play_route(&t->inst, address, &r);
		if (r.reaches || !*t->address)
			memcpy(t->address, address, sizeof address);
	}
}

/* postmaster of the first domain that can be listed and has one. */
static bool choose_address(struct testing *t)
{
	const struct batv_state *st = t->asking.context.state;
	struct batv_listed_domains *list = calloc(1, sizeof *list);

	for (size_t i = 0; list && i < st->n_policies && !*t->address; i++) {
		batv_installation_domains(&t->inst, st->policies[i].domains, list);
		try_postmasters(t, list);
	}
	free(list);
	if (*t->address)
		return true;
	fix(say(t, "address", MARK_UNKNOWN,
		"no domain of the option domains can be listed, so there is no postmaster to try"),
	    "batvctl test USER@DOMAIN");
	return false;
}

static bool not_signed(struct testing *t)
{
	const struct batv_signing *s = &t->signing;
	struct line *l;

	if (s->answer == BATV_LEFT_NOT_OURS) {
		l = say(t, "address", MARK_TODO, "%s is not protected: no policy has %s in domains",
			t->address, t->domain);
		fix(l, "domains in %s", t->ctl->config_path);
	} else if (s->answer == BATV_LEFT_OFF) {
		l = say(t, "address", MARK_TODO, "%s leaves untagged: signing is off", t->address);
		fix(l, "batvctl enable, or signing = on in %s", t->ctl->config_path);
	} else if (s->answer == BATV_LEFT_DOUBT) {
		l = say(t, "address", MARK_UNKNOWN, "%s: list \"%s\" was not evaluated: %.600s",
			t->address, t->asking.asker.list, t->asking.asker.why);
		fix(l, "batvctl check");
	} else {
		l = say(t, "address", MARK_TODO, "%s leaves untagged: %s", t->address,
			batv_sign_answer_name(s->answer));
		fix(l, "another address, or batvctl status");
	}
	return false;
}

static bool sign(struct testing *t)
{
	struct batv_addr addr;

	if (batv_addr_parse(t->address, strlen(t->address), &addr) != BATV_OK ||
	    !batv_lists_copy_domain(&addr, t->domain)) {
		say(t, "address", MARK_UNKNOWN, "%s: too long for an address", t->address);
		return false;
	}
	t->asking.origin.has_id = true; /* as for a message that is submitted on this host */
	batv_sign_address(&t->asking.context, t->address, "", 0, &t->signing);
	t->policy = t->signing.policy;
	return t->signing.answer == BATV_SIGNED || not_signed(t);
}

static bool exists(struct testing *t)
{
	struct batv_routed r;

	batv_ctl_play_route(&t->inst, t->address, &r);
	if (!r.ran)
		say(t, "address", MARK_UNKNOWN, "%s", r.text);
	else if (!r.reaches)
		fix(say(t, "address", MARK_TODO, "%s does not exist here: %s", t->address, r.text),
		    "batvctl test USER@DOMAIN, with an address that does");
	return r.ran && r.reaches;
}

/* ---- the two bounces ---- */

/* Exim's answer, as much of it as fits into a line, and what exim-batv said. */
static void put_answer(const struct batv_played *p, char *out, size_t size)
{
	const char *id = strstr(p->text, " id="); /* of a message that is thrown away */
	const size_t len = id ? (size_t)(id - p->text) : strlen(p->text);
	const bool reason = p->judged && strcmp(p->reason, "-") != 0;
	int n = snprintf(out, size, "%.*s%s", len < SHOWN ? (int)len : SHOWN, p->text,
			 len > SHOWN ? "..." : "");

	if (p->code >= 400 && n > 0)
		n += snprintf(out + n, size - (size_t)n, " (after %s)", p->after);
	if (p->judged && n > 0)
		(void)snprintf(out + n, size - (size_t)n, "; verdict %s%s%s", p->verdict,
			       reason ? ", " : "", reason ? p->reason : "");
}

static void true_bounce(struct testing *t)
{
	struct batv_played *p = &t->genuine;
	char answer[700];
	bool good;

	batv_ctl_play(&t->inst, t->host, t->signing.address, t->address, p);
	if (!p->ran) {
		say(t, "true", MARK_UNKNOWN, "%s", p->text);
		return;
	}
	put_answer(p, answer, sizeof answer);
	good = p->code == 250 && p->judged && strcmp(p->verdict, "valid") == 0;
	say(t, "true", good ? MARK_OK : MARK_TODO, "a bounce of it, to %s: %s", t->signing.address,
	    answer);
}

/* local_scan() takes the tag off where no router does; exim -bt does not call it. */
static void route(struct testing *t)
{
	struct batv_routed *r = &t->route;
	const char *how = "";

	if (t->genuine.code != 250)
		return;
	batv_ctl_play_route(&t->inst, t->signing.address, r);
	if (r->ran && !r->reaches && batv_installation_unsigns(&t->inst) &&
	    !t->inst.has.unsign_router) {
		how = " (the tag is taken off at reception)";
		batv_ctl_play_route(&t->inst, t->address, r);
	}
	if (!r->ran)
		say(t, "routes", MARK_UNKNOWN, "%s", r->text);
	else if (r->reaches)
		say(t, "routes", MARK_OK, "to %s: %s%s", r->address, r->text, how);
	else
		fix(say(t, "routes", MARK_TODO, "%s leads nowhere: %s", t->signing.address,
			r->text),
		    "batvctl enable; the router batv_unsign must be the first one");
}

/* As Exim's processes would judge it in the mode reject. */
static void judge_armed(struct testing *t, const char *rcpt, struct batv_judgement *out)
{
	static struct batv_state st; /* large */
	struct batv_context context = t->asking.context;

	st = *context.state;
	st.n_overrides = 0;
	for (size_t i = 0; i < st.n_policies; i++)
		st.policies[i].enforcement = BATV_ENFORCE_REJECT;
	context.state = &st;
	context.observe_file = false;
	batv_ctl_ask_from(&t->asking, t->host);
	batv_judge_recipient(&context, rcpt, out);
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* It was delivered: because of the mode, which is as it should be, or of something else? */
static enum mark spared(struct testing *t, const struct batv_played *p)
{
	if (is(p->action, "reject") || is(p->reason, "not-armed") || is(p->reason, "observe") ||
	    is(p->reason, "observe-file"))
		return MARK_OK;
	return is(p->reason, "exempt-recipient") && t->armed.finding.verdict == BATV_EXEMPT
		       ? MARK_ADVICE
		       : MARK_TODO;
}

static void explain_spared(struct testing *t, struct line *l)
{
	const struct batv_played *p = &t->forged;

	if (l->mark == MARK_ADVICE)
		fix(l,
		    "exempt_recipients has it, so it gets every bounce; batvctl test USER@%.200s "
		    "shows what others get",
		    t->domain);
	else if (l->mark == MARK_TODO && p->judged)
		fix(l,
		    "%s is no host outside, or the address is exempt (reason %s): batvctl test "
		    "USER@%.200s --host ADDRESS",
		    t->host, p->reason, t->domain);
	else if (l->mark == MARK_TODO && p->code == 250)
		fix(l, "nothing of exim-batv judged it: local_scan_path, or the DATA ACL; batvctl "
		       "enable");
	else if (l->mark == MARK_TODO)
		fix(l, "this is an answer of Exim's own configuration, not of exim-batv; with "
		       "--host ADDRESS the bounce comes from another host");
}

static void forged_bounce(struct testing *t)
{
	struct batv_played *p = &t->forged;
	char answer[700];
	struct line *l;

	batv_ctl_play(&t->inst, t->host, t->address, t->address, p);
	if (!p->ran) {
		say(t, "forged", MARK_UNKNOWN, "%s", p->text);
		return;
	}
	put_answer(p, answer, sizeof answer);
	judge_armed(t, t->address, &t->armed);
	l = say(t, "forged", p->judged ? spared(t, p) : MARK_TODO, "a bounce to %s: %s", t->address,
		answer);
	explain_spared(t, l);
}

/* Of an exempt address: what would somebody else get there? */
static bool others_are_refused(struct testing *t)
{
	struct batv_judgement other;
	char rcpt[BATV_ADDR_SIZE];

	if (t->armed.finding.reason != BATV_WHY_EXEMPT_RECIPIENT)
		return false;
	(void)snprintf(rcpt, sizeof rcpt, "batvctl-test@%.230s", t->domain);
	judge_armed(t, rcpt, &other);
	return other.finding.action == BATV_ACTION_REJECT;
}

/* What both get once the domain refuses, and when that is. */
static void once_armed(struct testing *t)
{
	const struct batv_finding *f = &t->armed.finding;
	struct batv_domain slot;
	char when[BATV_ARM_TEXT_SIZE];
	struct batv_arm arm;
	bool found = false;

	if (!t->forged.judged || !t->policy)
		return;
	if (f->action == BATV_ACTION_REJECT)
		say(t, "armed", MARK_NONE,
		    "the true bounce is accepted, the forged one is refused after DATA: 550 5.7.1 "
		    "%.*s...",
		    SHOWN / 2, t->armed.policy->refusal_text);
	else
		say(t, "armed", MARK_NONE,
		    "the true bounce is accepted; the forged one too: %s, %s%s",
		    batv_verdict_name(f->verdict), batv_reason_name(f->reason),
		    others_are_refused(t) ? "; one to other addresses of the domain is refused"
					  : "");
	for (size_t i = 0; !found && batv_domain_next(&t->asking.memory, &i, &slot); i++)
		found = is(slot.name, t->domain);
	if (!found)
		slot = (struct batv_domain){.name = ""};
	slot.policy_sum = batv_domain_policy_sum(t->policy->name);
	if (!found)
		(void)snprintf(slot.name, sizeof slot.name, "%.*s", (int)sizeof slot.name - 1,
			       t->domain);
	arm = batv_ctl_arm(t->ctl, t->asking.context.state, &slot, t->ctl->clock);
	batv_arming_explain(&arm, when, sizeof when);
	say(t, "mode", MARK_NONE, "%s: %.700s", t->domain, when);
}

static void say_who(struct testing *t)
{
	bool scans = t->inst.kind == BATV_EXIM_COMPILED_IN || *t->inst.has.local_scan;

	say(t, "asked", MARK_NONE, "%s -bh %s%s; nothing was sent or kept", t->inst.exim, t->host,
	    !t->forged.judged ? ""
	    : scans           ? ", where local_scan() judged"
			      : ", where the DATA ACL judged");
}

static void test(struct testing *t, const char *address)
{
	int code;

	if (!look_at_exim(t) || !look_at_pieces(t))
		return;
	code = batv_ctl_ask_found(t->ctl, &t->asking);
	if (code) {
		fix(say(t, "batvd", code == BATV_CTL_TROUBLE ? MARK_TODO : MARK_UNKNOWN, "%s",
			t->ctl->message),
		    "systemctl start batvd");
		return;
	}
	(void)snprintf(t->address, sizeof t->address, "%s", address);
	if (!*address && !choose_address(t))
		return;
	if (!sign(t) || !exists(t))
		return;
	say(t, "address", MARK_OK, "%s leaves as %s", t->address, t->signing.address);
	true_bounce(t);
	route(t);
	forged_bounce(t);
	once_armed(t);
	say_who(t);
}

/* ---- the answer ---- */

static enum mark worst(const struct testing *t)
{
	enum mark w = MARK_NONE;

	for (size_t i = 0; i < t->n; i++)
		if (t->lines[i].mark > w)
			w = t->lines[i].mark;
	return w < MARK_TODO && !t->forged.ran ? MARK_UNKNOWN : w;
}

static const char *const marks[] = {[MARK_NONE] = "",
				    [MARK_OK] = "ok",
				    [MARK_ADVICE] = "advice",
				    [MARK_TODO] = "TO DO",
				    [MARK_UNKNOWN] = "not known"};

static const char *paint(const struct testing *t, enum mark mark)
{
	static const enum batv_ctl_paint paints[] = {[MARK_NONE] = BATV_PAINT_DIM,
						     [MARK_OK] = BATV_PAINT_GOOD,
						     [MARK_ADVICE] = BATV_PAINT_ADVICE,
						     [MARK_TODO] = BATV_PAINT_BAD,
						     [MARK_UNKNOWN] = BATV_PAINT_BAD};

	return mark == MARK_NONE ? "" : batv_ctl_terminal_paint(&t->ctl->terminal, paints[mark]);
}

static void print_text(const struct testing *t, enum mark w)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct line *l = &t->lines[i];
		const char *plain = batv_ctl_terminal_plain(&t->ctl->terminal);

		printf("%-9s %s%-9s%s %s\n", l->what, paint(t, l->mark), marks[l->mark],
		       l->mark == MARK_NONE ? "" : plain, l->text);
		if (*l->fix)
			printf("%-9s %-9s %s\n", "", "", l->fix);
	}
	puts(w == MARK_UNKNOWN ? "Not known: it could not be tried."
	     : w == MARK_TODO  ? "Not protected."
			       : "Protected.");
}

static json_t *json_played(const struct batv_played *p)
{
	json_t *o;

	if (!p->ran)
		return json_null();
	o = json_object();
	batv_ctl_put_number(o, "code", (uint64_t)p->code);
	batv_ctl_put_text(o, "after", p->after);
	batv_ctl_put_text(o, "text", p->text);
	batv_ctl_put_text(o, "verdict", p->judged ? p->verdict : NULL);
	batv_ctl_put_text(o, "action", p->judged ? p->action : NULL);
	batv_ctl_put_text(o, "reason", p->judged ? p->reason : NULL);
	return o;
}

static void print_json(const struct testing *t, enum mark w)
{
	json_t *o = json_object(), *a = json_array();

	for (size_t i = 0; i < t->n; i++) {
		const struct line *l = &t->lines[i];
		json_t *line = json_object();

		batv_ctl_put_text(line, "what", l->what);
		batv_ctl_put_text(line, "mark", marks[l->mark]);
		batv_ctl_put_text(line, "text", l->text);
		batv_ctl_put_text(line, "fix", *l->fix ? l->fix : NULL);
		json_array_append_new(a, line);
	}
	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put(o, "protected", w == MARK_UNKNOWN ? json_null() : json_boolean(w < MARK_TODO));
	batv_ctl_put_text(o, "address", *t->address ? t->address : NULL);
	batv_ctl_put_text(o, "signed", *t->signing.address ? t->signing.address : NULL);
	batv_ctl_put_text(o, "host", t->host);
	batv_ctl_put(o, "true", json_played(&t->genuine));
	batv_ctl_put(o, "forged", json_played(&t->forged));
	batv_ctl_put_text(o, "reaches", t->route.reaches ? t->route.address : NULL);
	batv_ctl_put_text(o, "armed",
			  t->forged.judged ? batv_action_name(t->armed.finding.action) : NULL);
	batv_ctl_put(o, "lines", a);
	batv_ctl_print_json(o);
}

int batv_ctl_test(struct batv_ctl *ctl, char **args, int n)
{
	struct testing *t = calloc(1, sizeof *t);
	const char *address = n > 0 ? args[0] : "";
	char pasted[BATV_PASTED_SIZE];
	enum mark w;
	int code;

	if (!t)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	t->ctl = ctl;
	t->host = ctl->host ? ctl->host : HOST;
	code = batv_ctl_pasted_argument("test", &address, pasted);
	if (code == BATV_CTL_YES)
		code = batv_ctl_open(ctl);
	if (code == BATV_CTL_YES) {
		test(t, address);
		w = worst(t);
		if (ctl->json)
			print_json(t, w);
		else
			print_text(t, w);
		code = w == MARK_UNKNOWN ? BATV_CTL_TROUBLE
		       : w == MARK_TODO  ? BATV_CTL_NO
					 : BATV_CTL_YES;
		batv_ctl_ask_end(&t->asking);
	}
	free(t);
	return code;
}
