/*
 * ctl_notify.c - batvctl notify: mail to an address when a domain begins or stops to refuse.
 *
 * batvd has neither network nor privileges.  So a timer runs this; it compares what each domain
 * does now with what was told last, and gives one message to Exim.
 *
 * Invariant: nothing is told twice, and at most once a day for each domain.  So what was told is
 * written before the message is sent, and put back if Exim does not take it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "ctl_layout.h"
#include "ctl_status.h"
#include "installation.h"
#include "memory/domains.h"
#include "run.h"
#include "told.h"

#define SHOWN_MAX 20 /* domains in one message, with their reasons */
#define WIDTH 76
#define INDENT 8

struct change {
	char name[BATV_DOMAIN_NAME_MAX + 32]; /* printable */
	bool refuses;
	int64_t since; /* 0: not known */
	char why[BATV_ARM_TEXT_SIZE + 200];
};

struct notifying {
	struct batv_ctl *ctl;
	struct batv_status *status;
	char hostname[256];
	struct batv_told before, now;
	size_t begin, end; /* how many begin, and how many stop, to refuse */
	struct change change[SHOWN_MAX];
	bool first; /* nothing was told before */
};

/* ---- what is new ---- */

static struct change *add_change(struct notifying *n, const char *name, bool refuses)
{
	size_t i = n->begin + n->end;
	struct change *c = i < SHOWN_MAX ? &n->change[i] : NULL;

	*(refuses ? &n->begin : &n->end) += 1;
	if (c) {
		*c = (struct change){.refuses = refuses};
		batv_printable(batv_span_of(name), c->name, sizeof c->name);
	}
	return c;
}

/* Keeps what is to be known the next time.  Returns true if it is to be told now. */
static bool ask(struct notifying *n, const char *name, bool refuses)
{
	const struct batv_told_domain *last = batv_told_find(&n->before, name);
	const int64_t now = n->ctl->clock;

	switch (batv_told_ask(last, refuses, now)) {
	case BATV_TOLD_NOW: return batv_told_add(&n->now, name, refuses, now) == BATV_OK;
	case BATV_TOLD_SAME:
	case BATV_TOLD_LATER: break;
	}
	if (last && !batv_told_is_old(last, now))
		(void)batv_told_add(&n->now, name, last->refuses, last->when);
	return false;
}

static void look_at_domain(struct notifying *n, const struct batv_domain *d)
{
	struct batv_arm arm =
		batv_ctl_arm(n->status->ctl, &n->status->state.state, d, n->status->ctl->clock);
	const bool refuses = batv_ctl_status_refuses(n->status, d, &arm);
	struct change *c;

	if (!ask(n, d->name, refuses))
		return;
	c = add_change(n, d->name, refuses);
	if (!c)
		return;
	if (((d->flags & BATV_DOMAIN_ARMED) != 0) == refuses)
		c->since = d->decided;
	batv_ctl_status_explain(n->status, d, &arm, c->why, sizeof c->why);
}

/* Domains of which it was told that they refuse, and which are gone. */
static void look_at_missing(struct notifying *n, const char *why)
{
	struct change *c;

	for (size_t i = 0; i < n->before.n; i++) {
		const char *name = n->before.item[i].name;

		if (batv_told_find(&n->now, name) || !ask(n, name, false))
			continue;
		c = add_change(n, name, false);
		if (c)
			snprintf(c->why, sizeof c->why, "%s", why);
	}
}

/* Without a state or a memory no domain can refuse. */
static void look(struct notifying *n)
{
	struct batv_status *s = n->status;
	struct batv_domain d;

	if (s->state_read && s->memory_ok)
		for (size_t i = 0; batv_domain_next(&s->memory, &i, &d); i++)
			look_at_domain(n, &d);
	batv_told_sort(&n->now);
	look_at_missing(n, s->state_read && s->memory_ok
				   ? "observing: nothing is known of the domain any more; is it "
				     "still in domains?"
			   : s->n_problems ? s->problems[0]
					   : "there is no usable state");
	batv_told_sort(&n->now);
}

/* ---- the message ---- */

static void put_row(FILE *f, const char *name, const char *text)
{
	fprintf(f, "  %-*s", INDENT - 2, name);
	batv_ctl_layout_wrap(f, text, INDENT, INDENT, WIDTH);
}

static void put_change(FILE *f, const struct change *c)
{
	char when[BATV_TIME_SIZE], text[sizeof c->name + 60];

	fprintf(f, "%s %s forged bounces.\n", c->name,
		c->refuses ? "begins to refuse" : "no longer refuses");
	if (c->since) {
		batv_ctl_time_format(c->since, when, sizeof when);
		put_row(f, "since", when);
	}
	put_row(f, "why", c->why);
	snprintf(text, sizeof text,
		 c->refuses ? "batvctl enforce observe %s" : "batvctl status --domains %s",
		 c->name);
	put_row(f, c->refuses ? "stop" : "more", text);
	fputc('\n', f);
}

static void put_subject(FILE *f, const struct notifying *n)
{
	fprintf(f, "Subject: exim-batv on %s: ", n->hostname);
	if (n->begin + n->end == 1)
		fprintf(f, "%s %s forged bounces\n", n->change[0].name,
			n->begin ? "begins to refuse" : "no longer refuses");
	else if (n->begin && n->end)
		fprintf(f, "%zu begin to refuse forged bounces, %zu no longer do\n", n->begin,
			n->end);
	else
		fprintf(f, "%zu domains %s forged bounces\n", n->begin + n->end,
			n->begin ? "begin to refuse" : "no longer refuse");
}

/* Exim adds From, Date and Message-ID.  Nobody may answer a message that says it is automatic: RFC
 * 3834. */
static void put_header(FILE *f, const struct notifying *n)
{
	fprintf(f, "To: %s\n", n->ctl->config.global.notify);
	put_subject(f, n);
	fputs("Auto-Submitted: auto-generated\n"
	      "X-Auto-Response-Suppress: All\n"
	      "MIME-Version: 1.0\n"
	      "Content-Type: text/plain; charset=us-ascii\n\n",
	      f);
}

static void put_explanation(FILE *f, const struct notifying *n)
{
	char text[700];

	if (n->begin)
		batv_ctl_layout_wrap(
			f,
			"A domain that refuses answers 550 to a bounce that nothing proves to be "
			"an answer to its own mail. Bounces of mail that leaves through this "
			"server still arrive. If you miss bounces, stop it with the command above; "
			"it only observes then.",
			0, 0, WIDTH);
	if (n->end)
		batv_ctl_layout_wrap(
			f,
			"A domain that does not refuse delivers all bounces, and only marks forged "
			"ones. It begins again by itself, once the reason is gone.",
			0, 0, WIDTH);
	batv_ctl_layout_wrap(f, "All domains: batvctl status --domains all", 0, 0, WIDTH);
	fputc('\n', f);
	snprintf(text, sizeof text,
		 "Sent because of notify in %.300s on %s. There is at most one message a day about "
		 "a domain.%s",
		 n->ctl->config_path, n->hostname,
		 n->first ? " This is the first one, so it has all domains that refuse." : "");
	batv_ctl_layout_wrap(f, text, 0, 0, WIDTH);
}

static char *compose(const struct notifying *n)
{
	size_t size, all = n->begin + n->end;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	put_header(f, n);
	for (size_t i = 0; i < all && i < SHOWN_MAX; i++)
		put_change(f, &n->change[i]);
	if (all > SHOWN_MAX)
		fprintf(f, "... and %zu more.\n\n", all - SHOWN_MAX);
	put_explanation(f, n);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- telling ---- */

static bool write_told(void *told, char *why, size_t size)
{
	enum batv_err err;
	struct batv_ctl *ctl = ((struct notifying *)told)->ctl;

	err = batv_told_write(&ctl->store, &((struct notifying *)told)->now);
	if (err != BATV_OK)
		snprintf(why, size, "%s/%s: %s: %s", ctl->store.path, BATV_TOLD_NAME,
			 batv_fault_unwritten(err, "cannot write it"), batv_fault_phrase(err));
	return err == BATV_OK;
}

/* The address is an argument, so nothing in the text adds a recipient. */
static bool give_to_exim(const struct notifying *n, const char *text, char *why, size_t size)
{
	const char *args[] = {"-i", "-oep", "-F", "exim-batv", "--", n->ctl->config.global.notify,
			      NULL};
	struct batv_installation inst;
	struct batv_ran ran;
	bool ok;

	if (!batv_installation_program(n->ctl->config.global.exim, n->ctl->config_path, &inst, why,
				       size))
		return false;
	ok = batv_installation_run(&inst, args, text, NULL, &ran);
	if (!ok)
		snprintf(why, size, "Exim does not take mail to %s: %s",
			 n->ctl->config.global.notify, ran.why);
	batv_run_free(&ran);
	return ok;
}

static int send(struct notifying *n, const char *text)
{
	char why[BATV_MESSAGE_SIZE], unused[300];
	struct batv_told sent;

	if (!batv_ctl_as_owner(n->ctl, write_told, n, why, sizeof why))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", why);
	if (give_to_exim(n, text, why, sizeof why))
		return BATV_CTL_YES;
	sent = n->now;
	n->now = n->before;
	(void)batv_ctl_as_owner(n->ctl, write_told, n, unused, sizeof unused);
	n->now = sent;
	return batv_ctl_fail(BATV_CTL_TROUBLE, "%s; it is tried again the next time", why);
}

static void print_json(const struct notifying *n, bool sent)
{
	json_t *o = json_object();

	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put_text(o, "to",
			  *n->ctl->config.global.notify ? n->ctl->config.global.notify : NULL);
	batv_ctl_put_number(o, "begin", n->begin);
	batv_ctl_put_number(o, "end", n->end);
	batv_ctl_put_flag(o, "sent", sent);
	batv_ctl_print_json(o);
}

static int tell(struct notifying *n)
{
	char *text = n->begin + n->end ? compose(n) : NULL;
	int code = BATV_CTL_YES;

	if (n->begin + n->end && !text)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	if (text && n->ctl->dry_run)
		fputs(n->ctl->json ? "" : text, stdout);
	else if (text)
		code = send(n, text);
	if (n->ctl->json && code == BATV_CTL_YES)
		print_json(n, text && !n->ctl->dry_run);
	else if (code == BATV_CTL_YES && n->ctl->terminal.is_terminal && !(text && n->ctl->dry_run))
		printf("%s%s\n", text ? "told " : "nothing is new",
		       text ? n->ctl->config.global.notify : "");
	free(text);
	return code;
}

/* ---- beginning ---- */

static int read_told(struct notifying *n)
{
	enum batv_err err = batv_told_read(&n->ctl->store, &n->before);

	if (err == BATV_E_SYNTAX) /* rather tell something again than nothing any more */
		(void)batv_ctl_fail(BATV_CTL_YES, "%s/%s: is damaged, so all is told again",
				    n->ctl->store.path, BATV_TOLD_NAME);
	else if (err != BATV_OK)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s/%s: %s", n->ctl->store.path,
				     BATV_TOLD_NAME, batv_fault_phrase(err));
	n->first = n->before.n == 0;
	return BATV_CTL_YES;
}

static int notify_with(struct notifying *n)
{
	const struct batv_status *s = n->status;
	int code;

	if (n->ctl->store.dirfd < 0)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", s->problems[0]);
	if (geteuid() != 0 && geteuid() != n->ctl->store.dir.st_uid)
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "this reads and writes files of batvd: run it as root");
	if (s->first_start)
		return BATV_CTL_YES;
	code = read_told(n);
	if (code)
		return code;
	(void)gethostname(n->hostname, sizeof n->hostname - 1);
	look(n);
	return tell(n);
}

static int say_nobody(const struct notifying *n)
{
	if (n->ctl->json)
		print_json(n, false);
	else if (n->ctl->terminal.is_terminal)
		printf("nobody is told: %s has no notify\n", n->ctl->config_path);
	return BATV_CTL_YES;
}

/* A wrong configuration is reported by batvd; which address it would have is not guessed. */
int batv_ctl_notify(struct batv_ctl *ctl, char **args, int n)
{
	struct notifying *notifying;
	int code = batv_ctl_load(ctl);

	(void)args, (void)n;
	if (code)
		return code;
	notifying = calloc(1, sizeof *notifying);
	if (!notifying)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	notifying->ctl = ctl;
	if (!*ctl->config.global.notify) {
		code = say_nobody(notifying);
		free(notifying);
		return code;
	}
	batv_config_free(&ctl->config); /* the other one reads it again */
	notifying->status = batv_ctl_status_begin(ctl);
	code = notifying->status ? notify_with(notifying)
				 : batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	batv_told_free(&notifying->before);
	batv_told_free(&notifying->now);
	if (notifying->status)
		batv_ctl_status_end(notifying->status);
	free(notifying);
	return code;
}
