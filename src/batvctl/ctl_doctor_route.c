/*
 * ctl_doctor_route.c - batvctl doctor: would a bounce to a signed address arrive?
 *
 * Exim plays the reception from a foreign host (exim -bh), up to RCPT, for the signed and for the
 * untagged postmaster of each protected domain.  Nothing is received, logged or counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_doctor.h"
#include "run.h"

#define ADD(check, answer, ...)                                                                    \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_##check, BATV_DOCTOR_##answer, __VA_ARGS__)

#define STRANGER "192.0.2.1"             /* TEST-NET-1: nobody's */
#define TAG "prvs=0001000000=postmaster" /* the shape is enough for RCPT */
#define ANSWER_SIZE 300

/* ---- the domains ---- */

static void take_domains(struct batv_ctl_doctor *d, const char *list)
{
	struct batv_listed_domains *all = &d->domains, *some = calloc(1, sizeof *some);

	if (!some)
		return;
	batv_installation_domains(&d->inst, list, some);
	all->more = all->more || some->more;
	for (size_t i = 0; i < some->n; i++) {
		bool known = false;

		for (size_t k = 0; k < all->n; k++)
			known = known || strcasecmp(all->names[k], some->names[i]) == 0;
		if (!known && all->n < sizeof all->names / sizeof all->names[0])
			memcpy(all->names[all->n++], some->names[i], sizeof all->names[0]);
		else if (!known)
			all->more = true;
	}
	free(some);
}

/* A name that Exim cannot take for anything else. */
static bool is_harmless(const char *domain)
{
	for (const char *p = domain; *p; p++)
		if (!batv_is_name_char(*p) && *p != '.' && (unsigned char)*p <= 0x7f)
			return false;
	return *domain != '\0' && *domain != '-';
}

/* ---- the session ---- */

/* The last line of the next answer of Exim's side of the session; *rest then begins after it. */
static bool next_answer(char **rest, char *out, size_t size)
{
	for (char *line = *rest; line && *line;) {
		char *end = line + strcspn(line, "\r\n");
		char *next = end + strspn(end, "\r\n");

		if (batv_is_digit(line[0]) && batv_is_digit(line[1]) && batv_is_digit(line[2]) &&
		    (line[3] == ' ' || end == line + 3)) {
			snprintf(out, size, "%.*s", (int)(end - line), line);
			*rest = next;
			return true;
		}
		line = next;
	}
	return false;
}

struct answers {
	char signed_to[ANSWER_SIZE], bare[ANSWER_SIZE]; /* to RCPT TO; "": none came */
};

/* One recipient in each transaction, because acl-rcpt.conf defers a second one. */
static char *script_for(const struct batv_listed_domains *domains)
{
	char *script = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&script, &size);

	if (!f)
		return NULL;
	fputs("EHLO doctor.invalid\r\n", f);
	for (size_t i = 0; i < domains->n; i++)
		if (is_harmless(domains->names[i]))
			fprintf(f,
				"MAIL FROM:<>\r\nRCPT TO:<" TAG "@%s>\r\nRSET\r\n"
				"MAIL FROM:<>\r\nRCPT TO:<postmaster@%s>\r\nRSET\r\n",
				domains->names[i], domains->names[i]);
	fputs("QUIT\r\n", f);
	return fclose(f) == 0 ? script : NULL;
}

/* Skips the answer to MAIL, takes that to RCPT, skips that to RSET. */
static void take_rcpt(char **rest, char out[ANSWER_SIZE])
{
	char unused[ANSWER_SIZE];

	*out = '\0';
	if (next_answer(rest, unused, sizeof unused) && next_answer(rest, out, ANSWER_SIZE))
		(void)next_answer(rest, unused, sizeof unused);
}

static void play(struct batv_ctl_doctor *d, struct answers *answers)
{
	const char *args[] = {"-bh", STRANGER, NULL};
	char *script = script_for(&d->domains), *rest, unused[ANSWER_SIZE];
	struct batv_ran ran;

	if (!script)
		return;
	(void)batv_installation_run(&d->inst, args, script, NULL, &ran);
	free(script);
	rest = ran.text;
	(void)next_answer(&rest, unused, sizeof unused); /* greeting */
	(void)next_answer(&rest, unused, sizeof unused); /* EHLO */
	for (size_t i = 0; i < d->domains.n; i++)
		if (is_harmless(d->domains.names[i])) {
			take_rcpt(&rest, answers[i].signed_to);
			take_rcpt(&rest, answers[i].bare);
		}
	batv_run_free(&ran);
}

/* ---- what Exim says of one address or domain, without a session ---- */

static bool routes(const struct batv_ctl_doctor *d, const char *local, const char *domain)
{
	char address[400];
	const char *args[] = {"-bt", address, NULL};
	struct batv_ran ran;
	bool ok;

	snprintf(address, sizeof address, "%s@%s", local, domain);
	ok = batv_installation_run(&d->inst, args, NULL, NULL, &ran);
	batv_run_free(&ran);
	return ok;
}

/* Is it in the list of domains whose tags are removed?  MAYBE: there is no such list. */
static enum batv_match is_unsigned_here(const struct batv_ctl_doctor *d, const char *domain)
{
	char question[400];
	const char *args[] = {"-be", question, NULL};
	enum batv_match match = BATV_MAYBE;
	struct batv_ran ran;

	if (!*d->inst.has.unsign)
		return BATV_MAYBE;
	snprintf(question, sizeof question, "${if match_domain{%s}{+batv_unsign}{yes}{no}}",
		 domain);
	if (batv_installation_run(&d->inst, args, NULL, NULL, &ran))
		match = strncmp(ran.text, "yes", 3) == 0  ? BATV_YES
			: strncmp(ran.text, "no", 2) == 0 ? BATV_NO
							  : BATV_MAYBE;
	batv_run_free(&ran);
	return match;
}

/* ---- one domain ---- */

static bool in_place(const struct batv_ctl_doctor *d)
{
	return *d->inst.has.unsign &&
	       (*d->inst.has.local_scan || d->inst.kind == BATV_EXIM_COMPILED_IN);
}

/* Debian's pieces have it all. */
static void fix_routing(const struct batv_ctl_doctor *d, struct batv_ctl_doctor_finding *f,
			const char *plain)
{
	batv_ctl_doctor_finding_fix(f, "%s",
				    d->inst.layout == BATV_LAYOUT_PLAIN ? plain : "batvctl enable");
}

static void not_unsigned(struct batv_ctl_doctor *d, const char *domain, const char *answer)
{
	struct batv_ctl_doctor_finding *f =
		ADD(ROUTE_DOMAIN, FAIL, "bounces to signed addresses of %s would be lost", domain);

	batv_ctl_doctor_finding_why(
		f, "it is in domains, but not in those whose tags are removed (%.200s)%s%.200s",
		d->inst.has.unsign,
		*answer == '2' ? "" : "; Exim answers: ", *answer == '2' ? "" : answer);
	batv_ctl_doctor_finding_fix(f, "BATV_DOMAINS = %.200s : %s   before main.conf is included",
				    d->inst.has.unsign, domain);
}

static void judge(struct batv_ctl_doctor *d, const char *domain, const struct answers *a)
{
	struct batv_ctl_doctor_finding *f;

	if (!*a->signed_to || !*a->bare) {
		f = ADD(ROUTE, BLIND, "Exim does not answer for %s", domain);
		batv_ctl_doctor_finding_why(f, "exim -bh %s ended early", STRANGER);
		batv_ctl_doctor_finding_fix(f, "run it by hand: %s -bh %s", d->inst.command,
					    STRANGER);
		return;
	}
	if (is_unsigned_here(d, domain) == BATV_NO) {
		not_unsigned(d, domain, a->signed_to);
		return;
	}
	if (*a->signed_to == '2' &&
	    (in_place(d) || routes(d, TAG, domain) || !routes(d, "postmaster", domain))) {
		ADD(ROUTE, OK, "a signed address routes: postmaster@%s", domain);
		return;
	}
	if (*a->signed_to == '2') {
		f = ADD(ROUTE, FAIL, "bounces to signed addresses of %s would be lost", domain);
		batv_ctl_doctor_finding_why(
			f, "they are accepted at RCPT, but %s -bt " TAG "@%s fails", d->inst.exim,
			domain);
		fix_routing(d, f, "put the router batv_unsign first; see router-unsign.conf");
		return;
	}
	if (*a->bare == '2') {
		f = ADD(ROUTE, FAIL, "bounces to signed addresses of %s would be refused", domain);
		batv_ctl_doctor_finding_why(
			f, "Exim accepts postmaster@%s, and answers to the signed address: %s",
			domain, a->signed_to);
		fix_routing(d, f,
			    "put the router batv_unsign first, and let the RCPT ACL accept the "
			    "shape of a tag; see "
			    "router-unsign.conf");
		return;
	}
	f = ADD(ROUTE, WARN, "bounces for %s cannot be tried", domain);
	batv_ctl_doctor_finding_why(f, "Exim does not accept postmaster@%s either: %s", domain,
				    a->bare);
	batv_ctl_doctor_finding_fix(
		f,
		"every domain needs a postmaster (RFC 5321); for another address: batvctl "
		"test ADDRESS@%s",
		domain);
}

void batv_ctl_doctor_route(struct batv_ctl_doctor *d)
{
	struct answers *answers;

	if (!d->has_exim || !d->config_ok)
		return;
	for (size_t i = 0; i < d->ctl->config.n_policies; i++)
		take_domains(d, d->ctl->config.policies[i].domains);
	answers = calloc(d->domains.n + 1, sizeof *answers);
	if (!answers)
		return;
	play(d, answers);
	for (size_t i = 0; i < d->domains.n; i++)
		if (is_harmless(d->domains.names[i]))
			judge(d, d->domains.names[i], &answers[i]);
	free(answers);
	if (d->domains.more)
		batv_ctl_doctor_finding_fix(
			ADD(ROUTE, WARN,
			    "not all protected domains can be listed, so some were not tried"),
			"try them with: batvctl test ADDRESS@DOMAIN");
}
