/*
 * ctl_doctor.c - batvctl doctor: looks at the whole installation, and says what to do.
 *
 * Invariant: it only reads.  A check that cannot look says so; it never counts as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_doctor.h"

/* ---- printing ---- */

static const char *const answers[BATV_DOCTOR_ANSWERS] = {
	[BATV_DOCTOR_OK] = "ok",
	[BATV_DOCTOR_WARN] = "warn",
	[BATV_DOCTOR_FAIL] = "FAIL",
	[BATV_DOCTOR_BLIND] = "?",
};

/* In JSON, where nothing is shouted. */
static const char *const answer_names[BATV_DOCTOR_ANSWERS] = {
	[BATV_DOCTOR_OK] = "ok",
	[BATV_DOCTOR_WARN] = "warn",
	[BATV_DOCTOR_FAIL] = "fail",
	[BATV_DOCTOR_BLIND] = "could-not-look",
};

static const enum batv_ctl_paint paints[BATV_DOCTOR_ANSWERS] = {
	[BATV_DOCTOR_OK] = BATV_PAINT_GOOD,
	[BATV_DOCTOR_WARN] = BATV_PAINT_ADVICE,
	[BATV_DOCTOR_FAIL] = BATV_PAINT_BAD,
	[BATV_DOCTOR_BLIND] = BATV_PAINT_ADVICE,
};

#define INDENT 6 /* the column of the sentences */
#define ID_COLUMN 78

/* A line below a finding, broken at spaces so that it fits. */
static void print_below(const char *name, const char *text, unsigned width)
{
	const size_t room = width > INDENT + 5 + 20 ? width - INDENT - 5 : 20;

	if (!*text)
		return;
	printf("%*s%-4s ", INDENT, "", name);
	while (strlen(text) > room) {
		size_t n = room;

		while (n > 0 && text[n] != ' ')
			n--;
		if (n == 0) /* a word that is too long, such as a path to copy */
			n = strcspn(text, " ");
		if (!text[n])
			break;
		printf("%.*s\n%*s", (int)n, text, INDENT + 5, "");
		text += n + 1;
	}
	puts(text);
}

static void print_finding(const struct batv_ctl_doctor *d, const struct batv_ctl_doctor_finding *f)
{
	const struct batv_ctl_terminal *t = &d->ctl->terminal;
	const char *name = batv_ctl_doctor_names[f->check];
	const unsigned width = t->width > ID_COLUMN + 2 ? ID_COLUMN + 2 : t->width;
	const int pad = (int)width - INDENT - (int)strlen(f->what) - (int)strlen(name) - 2;

	printf("%s%-4s%s  %s%*s%s[%s]%s\n", batv_ctl_terminal_paint(t, paints[f->answer]),
	       answers[f->answer], batv_ctl_terminal_plain(t), f->what, pad > 1 ? pad : 1, "",
	       batv_ctl_terminal_paint(t, BATV_PAINT_DIM), name, batv_ctl_terminal_plain(t));
	print_below("why", f->why, t->width);
	print_below("fix", f->fix, t->width);
}

static void print_sum(const struct batv_ctl_doctor *d)
{
	const size_t blind = batv_ctl_doctor_finding_count(d, BATV_DOCTOR_BLIND);

	printf("%zu ok, %zu to do, %zu advice", batv_ctl_doctor_finding_count(d, BATV_DOCTOR_OK),
	       batv_ctl_doctor_finding_count(d, BATV_DOCTOR_FAIL),
	       batv_ctl_doctor_finding_count(d, BATV_DOCTOR_WARN));
	if (blind)
		printf(", %zu could not be looked at", blind);
	if (d->left_out)
		printf(", %zu more not shown", d->left_out);
	putchar('\n');
}

/* With --quiet only what asks for something, and nothing if that is nothing. */
static void print(const struct batv_ctl_doctor *d)
{
	size_t shown = 0;

	for (size_t i = 0; i < d->n; i++)
		if (!d->ctl->quiet || d->finding[i].answer != BATV_DOCTOR_OK) {
			print_finding(d, &d->finding[i]);
			shown++;
		}
	if (!d->ctl->quiet || shown)
		print_sum(d);
}

static json_t *json_finding(const struct batv_ctl_doctor_finding *f)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "id", batv_ctl_doctor_names[f->check]);
	batv_ctl_put_text(o, "answer", answer_names[f->answer]);
	batv_ctl_put_text(o, "what", f->what);
	batv_ctl_put_text(o, "why", *f->why ? f->why : NULL);
	batv_ctl_put_text(o, "fix", *f->fix ? f->fix : NULL);
	return o;
}

/* The worst answer of each check; null: it does not apply here, or was not asked for. */
static json_t *json_checks(const struct batv_ctl_doctor *d)
{
	json_t *o = json_object();

	for (size_t c = 0; c < BATV_DOCTOR_CHECKS; c++) {
		const char *worst = NULL;
		static const enum batv_ctl_doctor_answer order[] = {
			BATV_DOCTOR_OK, BATV_DOCTOR_WARN, BATV_DOCTOR_BLIND, BATV_DOCTOR_FAIL};

		for (size_t k = 0; k < BATV_DOCTOR_ANSWERS; k++)
			for (size_t i = 0; i < d->n; i++)
				if (d->finding[i].check == c && d->finding[i].answer == order[k])
					worst = answer_names[order[k]];
		batv_ctl_put_text(o, batv_ctl_doctor_names[c], worst);
	}
	return o;
}

static void print_json(const struct batv_ctl_doctor *d)
{
	json_t *o = json_object(), *findings = json_array();

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(findings, json_finding(&d->finding[i]));
	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put(o, "checks", json_checks(d));
	batv_ctl_put(o, "findings", findings);
	batv_ctl_put_number(o, "ok", batv_ctl_doctor_finding_count(d, BATV_DOCTOR_OK));
	batv_ctl_put_number(o, "to_do", batv_ctl_doctor_finding_count(d, BATV_DOCTOR_FAIL));
	batv_ctl_put_number(o, "advice", batv_ctl_doctor_finding_count(d, BATV_DOCTOR_WARN));
	batv_ctl_put_number(o, "could_not_look",
			    batv_ctl_doctor_finding_count(d, BATV_DOCTOR_BLIND));
	batv_ctl_print_json(o);
}

/* ---- looking ---- */

/* Without a good configuration, the one in the published state is looked at. */
static void load(struct batv_ctl_doctor *d)
{
	struct batv_ctl *ctl = d->ctl;
	struct batv_ctl_doctor_finding *f;

	if (batv_config_load(ctl->config_path, &ctl->config, ctl->message, sizeof ctl->message) ==
	    BATV_OK) {
		batv_ctl_doctor_finding(d, BATV_DOCTOR_CONFIG, BATV_DOCTOR_OK,
					"exim-batv.conf can be read");
	} else {
		f = batv_ctl_doctor_finding(d, BATV_DOCTOR_CONFIG, BATV_DOCTOR_FAIL,
					    "exim-batv.conf is wrong");
		batv_ctl_doctor_finding_why(f, "%.900s", ctl->message);
		batv_ctl_doctor_finding_fix(f, "correct it; batvctl check says when it is right");
	}
	batv_config_free(&ctl->config);
	d->config_ok = batv_ctl_find(ctl) == BATV_CTL_YES;
}

static void look(struct batv_ctl_doctor *d)
{
	load(d);
	batv_ctl_doctor_exim(d);
	batv_ctl_doctor_acl(d);
	batv_ctl_doctor_files(d);
	batv_ctl_doctor_fleet(d);
	batv_ctl_doctor_route(d);
	batv_ctl_doctor_notify(d);
	batv_ctl_doctor_etc(d);
	batv_ctl_doctor_log(d);
	if (d->ctl->dns)
		batv_ctl_doctor_dns(d);
	if (d->ctl->against)
		batv_ctl_doctor_peers(d);
}

int batv_ctl_doctor(struct batv_ctl *ctl, char **args, int n)
{
	struct batv_ctl_doctor *d = calloc(1, sizeof *d);
	int code = BATV_CTL_YES;

	(void)args, (void)n;
	if (!d)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	d->ctl = ctl;
	look(d);
	if (ctl->json)
		print_json(d);
	else
		print(d);
	if (batv_ctl_doctor_finding_count(d, BATV_DOCTOR_FAIL))
		code = BATV_CTL_NO;
	else if (batv_ctl_doctor_finding_count(d, BATV_DOCTOR_BLIND))
		code = BATV_CTL_TROUBLE;
	batv_memory_close(&d->memory);
	batv_memory_close(&d->before);
	batv_store_free_state(&d->state);
	free(d->config);
	free(d);
	return code;
}
