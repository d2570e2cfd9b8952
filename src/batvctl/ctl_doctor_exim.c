/*
 * ctl_doctor_exim.c - batvctl doctor: the program Exim, and the configuration that it reads.
 *
 * Exim is asked for both, so included files and macros count as Exim sees them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_doctor.h"
#include "ctl_item.h"
#include "exim_text.h"
#include "run.h"

#define ADD(check, answer, ...)                                                                    \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_##check, BATV_DOCTOR_##answer, __VA_ARGS__)

/* local_scan() runs for each message that arrives. */
static bool scans(const struct batv_ctl_doctor *d)
{
	return *d->inst.has.local_scan || d->inst.kind == BATV_EXIM_COMPILED_IN;
}

static bool has_functions(const struct batv_ctl_doctor *d)
{
	return d->inst.kind == BATV_EXIM_COMPILED_IN || d->inst.kind == BATV_EXIM_HEAVY ||
	       d->inst.kind == BATV_EXIM_FUNCTIONS;
}

static const char *snippets(const struct batv_ctl_doctor *d)
{
	return *d->inst.snippets ? d->inst.snippets : "/usr/share/exim-batv/snippets";
}

static char *ask(const struct batv_ctl_doctor *d, const char *what, const char *name)
{
	const char *args[] = {"-bP", what, name, NULL};
	struct batv_ran ran;

	(void)batv_installation_run(&d->inst, args, NULL, NULL, &ran);
	return ran.text;
}

/* ---- the program ---- */

static bool find_exim(struct batv_ctl_doctor *d)
{
	struct batv_installation *inst = &d->inst;
	const char *command = d->config_ok ? d->ctl->config.global.exim : "";
	char why[600];

	if (!batv_installation_find(command, d->ctl->config_path, inst, why, sizeof why)) {
		struct batv_ctl_doctor_finding *f =
			ADD(EXIM_FOUND, BLIND, "there is no Exim to ask");

		batv_ctl_doctor_finding_why(f, "%s", why);
		batv_ctl_doctor_finding_fix(f, "exim = /path/of/exim   in %s", d->ctl->config_path);
		return false;
	}
	ADD(EXIM_FOUND, OK, "%s: Exim %s, %s, %s", inst->exim, inst->version,
	    batv_installation_kind_name(inst), batv_installation_layout_name(inst));
	if (*inst->broken) {
		struct batv_ctl_doctor_finding *f =
			ADD(EXIM_CONFIG, FAIL, "Exim cannot read its configuration");

		batv_ctl_doctor_finding_why(f, "%s", inst->broken);
		batv_ctl_doctor_finding_fix(f, "correct it; %s -bV says when it is right",
					    inst->exim);
		return false;
	}
	return true;
}

static void read_config(struct batv_ctl_doctor *d)
{
	d->config = ask(d, "config", NULL);
	if (strstr(d->config, "begin ")) {
		ADD(EXIM_CONFIG, OK, "Exim reads its configuration");
		return;
	}
	free(d->config);
	d->config = NULL;
	batv_ctl_doctor_finding_fix(ADD(EXIM_CONFIG, BLIND, "Exim does not show its configuration"),
				    "run batvctl doctor as root");
}

static void check_module(struct batv_ctl_doctor *d)
{
	const struct batv_installation *inst = &d->inst;
	struct batv_ctl_doctor_finding *f;

	if (inst->kind == BATV_EXIM_COMPILED_IN)
		return;
	if (!*inst->module || access(inst->module, F_OK) != 0) {
		f = ADD(MODULE_MISSING, FAIL, "the module %s is missing",
			*inst->module ? inst->module : "batv.so");
		batv_ctl_doctor_finding_why(
			f, "%s",
			*inst->has.local_scan ? "Exim's configuration names it in local_scan_path, "
						"so Exim defers all mail (451)"
					      : "nothing signs and nothing judges without it");
		batv_ctl_doctor_finding_fix(
			f, "install the package exim4-batv again, or put the file back");
		return;
	}
	ADD(MODULE_MISSING, OK, "the module is there: %s", inst->module);
	if (inst->module_loads == BATV_YES) {
		ADD(MODULE_ABI, OK, "%s loads in this Exim", strrchr(inst->module, '/') + 1);
		return;
	}
	f = inst->module_loads == BATV_NO
		    ? ADD(MODULE_ABI, FAIL, "%s does not load in this Exim", inst->module)
		    : ADD(MODULE_ABI, BLIND, "whether %s loads could not be tried", inst->module);
	batv_ctl_doctor_finding_why(f, "%s", inst->module_why);
	batv_ctl_doctor_finding_fix(f,
				    inst->module_loads == BATV_NO
					    ? "install the module that was made for Exim %s"
					    : "run batvctl doctor as root",
				    inst->version);
}

/* ---- what runs ---- */

/* Do the ACLs have this text?  The macros of main.conf have all of ours. */
static bool in_acls(const struct batv_ctl_doctor *d, const char *text)
{
	const char *begin = d->config ? strstr(d->config, "\nbegin acl") : NULL;

	return begin && strstr(begin, text);
}

static void check_local_scan(struct batv_ctl_doctor *d)
{
	struct batv_ctl_doctor_finding *f;

	if (scans(d)) {
		ADD(LOCAL_SCAN, OK, "local_scan() judges bounces");
		return;
	}
	if (in_acls(d, "{batv_refuse}")) {
		ADD(LOCAL_SCAN, OK, "an ACL judges bounces");
		return;
	}
	f = ADD(LOCAL_SCAN, FAIL, "nothing judges bounces");
	batv_ctl_doctor_finding_why(f, "local_scan_path is not set, and no ACL uses batv_refuse");
	batv_ctl_doctor_finding_fix(
		f,
		d->inst.layout == BATV_LAYOUT_PLAIN ? "local_scan_path = %s   in %s"
						    : "batvctl enable",
		*d->inst.module ? d->inst.module : "/path/of/batv.so", d->inst.configuration);
}

/* The options of one transport, as it is looked at. */
struct transport {
	char name[128];
	bool smtp, outside, signs, batches;
};

static void tell_transport(struct batv_ctl_doctor *d, const struct transport *t, bool at_reception,
			   size_t *smtp, size_t *bad)
{
	struct batv_ctl_doctor_finding *f;

	if (!*t->name || !t->smtp || !t->outside)
		return;
	(*smtp)++;
	if (t->signs)
		return;
	(*bad)++;
	f = at_reception
		    ? ADD(TRANSPORT_SIGNS, WARN, "transport %s does not see what leaves signed",
			  t->name)
		    : ADD(TRANSPORT_SIGNS, FAIL, "mail leaves untagged by transport %s", t->name);
	batv_ctl_doctor_finding_why(
		f,
		at_reception
			? "its return_path does not call batv_sign; what an alias sends on leaves "
			  "untagged, and no domain arms by mail that leaves here"
			: "its return_path does not call batv_sign, and local_scan() does not "
			  "sign");
	if (d->inst.layout == BATV_LAYOUT_PLAIN)
		batv_ctl_doctor_finding_fix(f, ".include %s/transport-sign.conf   in transport %s",
					    snippets(d), t->name);
	else
		batv_ctl_doctor_finding_fix(f, "batvctl enable");
}

static bool is(struct batv_span s, const char *text)
{
	return batv_span_equal(s, batv_span_of(text));
}

static bool has(struct batv_span s, const char *text)
{
	return memmem(s.p, s.len, text, strlen(text)) != NULL;
}

static void take_option(struct transport *t, const struct batv_exim_option *o)
{
	if (is(o->name, "driver"))
		t->smtp = is(o->value, "smtp");
	else if (is(o->name, "protocol") && is(o->value, "lmtp"))
		t->outside = false;
	else if (is(o->name, "return_path"))
		t->signs = has(o->value, "{batv_sign}");
	else if (is(o->name, "no_multi_domain") || is(o->value, "false"))
		t->batches = t->batches && !has(o->name, "multi_domain");
}

/* A list of a policy, or an item that batvctl adds to the same list of all; NULL: all are empty. */
static const char *any_list(const struct batv_ctl_doctor *d, const char *option,
			    enum batv_override_key key)
{
	const struct batv_option *opt = batv_option_find(batv_span_of(option));

	if (!d->config_ok || !opt)
		return NULL;
	for (size_t i = 0; i < d->ctl->config.n_policies; i++)
		if (*batv_option_text(&d->ctl->config.policies[i], opt))
			return batv_option_text(&d->ctl->config.policies[i], opt);
	return batv_ctl_item_kept(d->ctl, key);
}

/* Is mail to some destinations left untagged? */
static const char *unsigned_destinations(const struct batv_ctl_doctor *d)
{
	return any_list(d, "unsigned_destinations", BATV_OVERRIDE_UNSIGNED_DESTINATION);
}

/* Is mail of, and to, some hosts? */
static const char *unsigned_hosts(const struct batv_ctl_doctor *d)
{
	return any_list(d, "unsigned_hosts", BATV_OVERRIDE_UNSIGNED_HOST);
}

/* Where the transport alone signs, a message to several domains has one sender for all. */
static void check_batch(struct batv_ctl_doctor *d, const struct transport *t)
{
	const char *destinations = unsigned_destinations(d);
	struct batv_ctl_doctor_finding *f;

	if (!destinations || !t->signs || !t->batches || *d->inst.has.signing_routers ||
	    (*d->inst.has.sign && scans(d)))
		return;
	f = ADD(UNSIGNED_BATCH, WARN, "transport %s sends one copy to several domains", t->name);
	batv_ctl_doctor_finding_why(
		f,
		"it alone signs, so a message of which one recipient is in "
		"unsigned_destinations (%.200s) leaves untagged for all of them",
		destinations);
	batv_ctl_doctor_finding_fix(f, "multi_domain = false   in transport %s", t->name);
}

/* A transport that does not call us cannot say where it goes: only the client counts there. */
static void tell_hop(struct batv_ctl_doctor *d, const char *who, const char *why)
{
	struct batv_ctl_doctor_finding *f =
		ADD(UNSIGNED_HOSTS, WARN, "mail to unsigned_hosts leaves signed by %s", who);

	batv_ctl_doctor_finding_why(f, "%s; of unsigned_hosts (%.200s) only the clients count", why,
				    unsigned_hosts(d));
	batv_ctl_doctor_finding_fix(f, "name their domains in unsigned_destinations");
}

static void check_hop(struct batv_ctl_doctor *d, const struct transport *t)
{
	if (*t->name && t->smtp && t->outside && !t->signs && unsigned_hosts(d) && scans(d) &&
	    *d->inst.has.sign)
		tell_hop(d, t->name, "its return_path does not call batv_sign");
}

static void check_transports(struct batv_ctl_doctor *d)
{
	const bool at_reception = *d->inst.has.sign && scans(d);
	struct transport t = {0};
	struct batv_exim_options options;
	struct batv_exim_option o;
	char *text = ask(d, "transports", NULL);
	size_t smtp = 0, bad = 0, before = d->n;
	bool more;

	batv_exim_text_start(&options, text);
	do {
		more = batv_exim_text_next(&options, &o);
		if (!more || !is(o.driver, t.name)) {
			tell_transport(d, &t, at_reception, &smtp, &bad);
			check_batch(d, &t);
			check_hop(d, &t);
			t = (struct transport){.outside = true, .batches = true};
			if (more)
				snprintf(t.name, sizeof t.name, "%.*s", (int)o.driver.len,
					 o.driver.p);
		}
		if (more)
			take_option(&t, &o);
	} while (more);
	free(text);
	if (!bad && smtp)
		ADD(TRANSPORT_SIGNS, OK, "what leaves is signed by transport %s",
		    d->inst.has.transports);
	if (unsigned_destinations(d) && d->n == before + (!bad && smtp))
		ADD(UNSIGNED_BATCH, OK, "each copy is signed, or not, for its own recipients");
	if (unsigned_hosts(d) && !bad && smtp)
		ADD(UNSIGNED_HOSTS, OK, "transports ask whether the next hop is in unsigned_hosts");
}

/* exim4-daemon-light cannot call a function, so only reception can sign. */
static void check_reception(struct batv_ctl_doctor *d)
{
	struct batv_ctl_doctor_finding *f;

	if (*d->inst.has.sign && scans(d)) {
		ADD(TRANSPORT_SIGNS, OK, "mail is signed when it is received");
		if (unsigned_hosts(d))
			tell_hop(d, "any transport", "this Exim has no ${dlfunc");
		return;
	}
	f = ADD(TRANSPORT_SIGNS, FAIL, "all mail leaves untagged");
	batv_ctl_doctor_finding_why(
		f, "this Exim has no ${dlfunc, and nothing tells local_scan() to sign");
	batv_ctl_doctor_finding_fix(
		f, "%s",
		d->inst.layout == BATV_LAYOUT_PLAIN
			? "domainlist batv_sign = *   in the main part of Exim's configuration"
			: "batvctl enable");
}

static void check_twice(struct batv_ctl_doctor *d)
{
	struct batv_ctl_doctor_finding *f;

	if (!*d->inst.has.foreign) {
		ADD(SIGNS_TWICE, OK, "nothing else signs or checks tags");
		return;
	}
	f = ADD(SIGNS_TWICE, FAIL, "something else signs or checks tags: %s", d->inst.has.foreign);
	batv_ctl_doctor_finding_why(
		f, "mail would get two tags, and the other one removes or refuses ours");
	batv_ctl_doctor_finding_fix(
		f, "remove ${prvs} and ${prvscheck} from Exim's configuration; for tags "
		   "under way see legacy_keys in exim-batv.conf(5)");
}

/* ---- routers and ACLs ---- */

static void fix_router(const struct batv_ctl_doctor *d, struct batv_ctl_doctor_finding *f)
{
	if (d->inst.layout == BATV_LAYOUT_PLAIN)
		batv_ctl_doctor_finding_fix(
			f, ".include %s/router-unsign.conf   after begin routers", snippets(d));
	else
		batv_ctl_doctor_finding_fix(f, "batvctl enable");
}

/* local_scan() takes tags off in place; but Exim verifies a recipient, and errors_to, by routing.
 */
static void check_order(struct batv_ctl_doctor *d)
{
	const struct batv_installed *h = &d->inst.has;
	struct batv_ctl_doctor_finding *f;

	if (!h->unsign_router) {
		if (batv_installation_unsigns(&d->inst)) {
			ADD(PIECES_ORDER, OK, "tags are removed without a router");
			return;
		}
		f = ADD(PIECES_ORDER, FAIL, "nothing removes the tags of bounces that come back");
		batv_ctl_doctor_finding_why(
			f, "there is no router batv_unsign, and local_scan() has no list "
			   "batv_unsign");
		fix_router(d, f);
		return;
	}
	if (strcmp(h->first_router, "batv_unsign") == 0 || (*h->unsign && scans(d))) {
		ADD(PIECES_ORDER, OK, "tags are removed before anything else routes");
		return;
	}
	f = ADD(PIECES_ORDER, FAIL, "router %s sees signed addresses first", h->first_router);
	batv_ctl_doctor_finding_why(f, "it may route them, or refuse them as unknown users");
	batv_ctl_doctor_finding_fix(f, "put the router batv_unsign before %s", h->first_router);
}

static void check_errors_to(struct batv_ctl_doctor *d)
{
	const struct batv_installed *h = &d->inst.has;
	struct batv_ctl_doctor_finding *f;

	if (!*h->signing_routers)
		return;
	if (h->unsign_router) {
		ADD(ERRORS_TO, OK, "the signed errors_to of a router can be verified");
		return;
	}
	f = ADD(ERRORS_TO, FAIL, "Exim ignores the signed errors_to of router %s",
		h->signing_routers);
	batv_ctl_doctor_finding_why(
		f, "Exim verifies errors_to by routing it, and without the router "
		   "batv_unsign a signed address does not route; mail leaves untagged, "
		   "without a word in the log");
	fix_router(d, f);
}

static void check_acl(struct batv_ctl_doctor *d)
{
	struct batv_ctl_doctor_finding *f;

	if (!d->config || !has_functions(d))
		return;
	if (in_acls(d, "{batv_kind}")) {
		ADD(ACL_RCPT, OK, "a bounce for several recipients is judged for each of them");
		return;
	}
	f = ADD(ACL_RCPT, WARN, "a bounce for several recipients gets one answer");
	batv_ctl_doctor_finding_why(
		f, "the RCPT ACL does not have acl-rcpt.conf: beside a recipient that is "
		   "proven, a forged one is only removed, or marked");
	if (d->inst.layout == BATV_LAYOUT_PLAIN)
		batv_ctl_doctor_finding_fix(
			f, ".include %s/acl-rcpt.conf   before the last accept of the RCPT ACL",
			snippets(d));
	else if (*d->inst.has.own_rcpt_file)
		batv_ctl_doctor_finding_fix(f, ".include_if_exists %s/acl-rcpt.conf   in your %s",
					    snippets(d), d->inst.has.own_rcpt_file);
	else if (d->inst.layout == BATV_LAYOUT_UNSPLIT)
		batv_ctl_doctor_finding_fix(f, "the split configuration has it: dpkg-reconfigure "
					       "exim4-config, then batvctl enable");
	else
		batv_ctl_doctor_finding_fix(f, "batvctl enable");
}

/* "FILE, line N or later": Exim prints a mark before each piece of a file. */
static void locate(const char *config, const char *at, char *out, size_t size)
{
	const char *mark = NULL;

	for (const char *line = config; line && line < at; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && line[1] == ' ' && batv_is_digit(line[2]) && line < at)
			mark = line;
	}
	if (mark) {
		const char *quote = strchr(mark, '"');

		snprintf(out, size, "%.*s, after line %d",
			 quote ? (int)strcspn(quote + 1, "\"") : 0, quote ? quote + 1 : "",
			 (int)strtol(mark + 2, NULL, 10));
	} else {
		snprintf(out, size, "Exim's configuration");
	}
}

static void check_cutthrough(struct batv_ctl_doctor *d)
{
	struct batv_ctl_doctor_finding *f;
	char place[600];
	const char *at;

	if (!d->config)
		return;
	at = strstr(d->config, "cutthrough_delivery");
	if (!at) {
		ADD(CUTTHROUGH, OK, "no mail leaves by cutthrough delivery");
		return;
	}
	locate(d->config, at, place, sizeof place);
	f = ADD(CUTTHROUGH, FAIL, "mail that leaves by cutthrough_delivery is untagged");
	batv_ctl_doctor_finding_why(f,
				    "control = cutthrough_delivery (%s) uses neither errors_to nor "
				    "return_path",
				    place);
	batv_ctl_doctor_finding_fix(
		f, "remove it, or limit it to mail from outside for your own domains");
}

/* Debian switches prdr_enable on; with Exim's own "accept" all recipients get the same answer. */
static void check_prdr(struct batv_ctl_doctor *d)
{
	char *enabled = ask(d, "prdr_enable", NULL), *acl = ask(d, "acl_smtp_data_prdr", NULL);
	struct batv_ctl_doctor_finding *f;
	char name[200];

	(void)batv_exim_text_value(acl, "acl_smtp_data_prdr", name, sizeof name);
	if (strncmp(enabled, "prdr_enable", 11) == 0 && *name && strcmp(name, "accept") != 0) {
		f = ADD(PRDR, WARN, "an ACL answers for each recipient before bounces are judged");
		batv_ctl_doctor_finding_why(
			f,
			"prdr_enable is on, and acl_smtp_data_prdr is %s: the verdict is then only "
			"the last line of the answer, for all that the ACL accepted",
			name);
		batv_ctl_doctor_finding_fix(f, "prdr_enable = false, unless you need that ACL");
	} else if (strstr(enabled, "prdr_enable")) {
		ADD(PRDR, OK, "the verdict is the one answer after DATA");
	}
	free(enabled);
	free(acl);
}

void batv_ctl_doctor_exim(struct batv_ctl_doctor *d)
{
	d->has_exim = find_exim(d);
	if (!*d->inst.version)
		return;
	if (!d->has_exim)
		return;
	check_module(d);
	read_config(d);
	check_local_scan(d);
	if (has_functions(d))
		check_transports(d);
	else
		check_reception(d);
	check_twice(d);
	check_errors_to(d);
	check_order(d);
	check_acl(d);
	check_cutthrough(d);
	check_prdr(d);
}
