/*
 * ctl_disable.c - batvctl disable: mail leaves untagged again; and out again, once no tag lives.
 *
 * Invariant: only files of the fixed table are removed, and only if they are what enable placed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_placing.h"

/* When the last tag dies that was made here; 0: there is none, or it is not known. */
static int64_t last_tag(struct batv_ctl *ctl)
{
	struct batv_stored_state *st = calloc(1, sizeof *st);
	int64_t last = 0;

	if (st &&
	    batv_store_read_state(&ctl->store, st, ctl->message, sizeof ctl->message) == BATV_OK)
		for (size_t i = 0; i < st->state.ring.n_keys; i++) {
			const struct batv_key *key = &st->state.ring.keys[i];

			if (key->from <= ctl->clock && key->destroy > last)
				last = key->destroy;
		}
	if (st)
		batv_store_free_state(st);
	free(st);
	return last > ctl->clock ? last : 0;
}

static const char *day_of(int64_t when, char out[static 64])
{
	time_t t = (time_t)when;
	struct tm tm;

	strftime(out, 64, "%a %e %b %Y", localtime_r(&t, &tm));
	return out;
}

static int switch_off(struct batv_placing *p)
{
	int64_t last = last_tag(p->ctl);
	bool was_off = p->signing_off;
	char why[1000], day[64];

	if (!batv_ctl_placing_keep(p, true, why, sizeof why))
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE, "%s", why);
	p->result = "signing off";
	batv_ctl_placing_say(p, "signing", "off", "%s",
			     was_off ? "is off already" : "mail leaves untagged from now on");
	if (last) {
		batv_ctl_placing_say(p, "tags", "",
				     "the last one lives until %s; their bounces arrive as before",
				     day_of(last, day));
		batv_ctl_placing_say(p, "remove", "", "after that day: batvctl disable --remove");
	} else
		batv_ctl_placing_say(p, "remove", "", "no tag lives: batvctl disable --remove");
	return batv_ctl_placing_end(p, BATV_CTL_YES);
}

/* ---- --remove ---- */

struct removing {
	const char *gone[BATV_PIECES_MAX + 2], *left[BATV_PIECES_MAX + 2];
	size_t n_gone, n_left;
};

/* What the package ships counts as ours, too: enable may have been killed before its manifest. */
static enum batv_piece_state whose(struct batv_placing *p, const struct batv_piece *piece)
{
	enum batv_piece_state state;
	char path[2200], *text = NULL;
	size_t len = 0;

	snprintf(path, sizeof path, "%s/debian/%s", p->inst.snippets, piece->source);
	if (!batv_pieces_read(path, &text, &len))
		text = NULL;
	state = batv_pieces_look(piece->path, text, len, &p->manifest);
	free(text);
	return state;
}

static bool remove_pieces(struct batv_placing *p, unsigned phase, bool run_time, struct removing *r,
			  char *why, size_t size)
{
	for (size_t i = batv_pieces_count; i-- > 0;) {
		const struct batv_piece *piece = &batv_pieces[i];

		if (piece->phase != phase || piece->run_time != run_time)
			continue;
		switch (whose(p, piece)) {
		case BATV_PIECE_ABSENT: break;
		case BATV_PIECE_FOREIGN: r->left[r->n_left++] = piece->path; continue;
		case BATV_PIECE_SAME:
		case BATV_PIECE_OURS:
			if (!batv_changes_remove(&p->changes, piece->path, why, size))
				return false;
			r->gone[r->n_gone++] = piece->path;
		}
		batv_manifest_set(&p->manifest, piece->path, NULL, 0);
	}
	return true;
}

/* The marked line goes.  If nothing else is left of a file that enable made, the file goes. */
static bool remove_line(struct batv_placing *p, struct removing *r, char *why, size_t size)
{
	char *text, *rest, *before = NULL;
	size_t len, before_len = 0;
	bool ok = true;

	if (!batv_pieces_read(BATV_LOCALMACROS, &text, &len))
		return true;
	if (batv_pieces_read(BATV_LOCALMACROS_BEFORE, &before, &before_len) &&
	    strlen(before) + strlen(BATV_MARKED_LINE) <= len) {
		/* It may have ended without a newline, which the line then needed. */
		char *again = batv_pieces_add_line(before, BATV_MARKED_LINE);

		if (again && strcmp(again, text) == 0) {
			ok = batv_changes_write(&p->changes, BATV_LOCALMACROS, before, before_len,
						0644, why, size);
			r->gone[r->n_gone++] = BATV_LOCALMACROS " (its line)";
		}
		free(again);
		ok = ok && batv_changes_remove(&p->changes, BATV_LOCALMACROS_BEFORE, why, size);
	}
	free(text);
	free(before);
	if (!ok || !batv_pieces_read(BATV_LOCALMACROS, &text, &len))
		return ok;
	rest = batv_pieces_has_line(text) ? batv_pieces_remove_line(text) : NULL;
	if (rest) {
		ok = *rest ? batv_changes_write(&p->changes, BATV_LOCALMACROS, rest, strlen(rest),
						0644, why, size)
			   : batv_changes_remove(&p->changes, BATV_LOCALMACROS, why, size);
		r->gone[r->n_gone++] = *rest ? BATV_LOCALMACROS " (its line)" : BATV_LOCALMACROS;
	}
	free(rest);
	free(text);
	return ok;
}

static int give_back(struct batv_placing *p, const char *why)
{
	char said[5000];

	batv_ctl_placing_undo(p, said, sizeof said);
	return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE, "%s; %s", why, said);
}

/* What signs goes first, with a reload; then what removes tags. */
static int take_away(struct batv_placing *p)
{
	struct removing r = {.n_gone = 0};
	char why[4200], how[500];

	if (!remove_pieces(p, 2, false, &r, why, sizeof why))
		return give_back(p, why);
	if (r.n_gone) {
		if (!batv_ctl_placing_apply(p, how, sizeof how))
			return give_back(p, how);
		batv_ctl_placing_list(p, "removed", how, r.gone, r.n_gone);
	}
	r.n_gone = 0;
	if (!remove_line(p, &r, why, sizeof why) ||
	    !remove_pieces(p, 1, false, &r, why, sizeof why))
		return give_back(p, why);
	if (r.n_gone && !batv_ctl_placing_apply(p, how, sizeof how))
		return give_back(p, how);
	/* Exim opens these for each message, so they go after the reload. */
	if (!remove_pieces(p, 1, true, &r, why, sizeof why))
		return give_back(p, why);
	batv_ctl_placing_list(p, "removed", how, r.gone, r.n_gone);
	for (size_t i = 0; i < r.n_left; i++)
		batv_ctl_placing_say(p, "left", "",
				     "%s: is not what enable placed; remove it yourself",
				     r.left[i]);
	if (!batv_ctl_placing_keep(p, true, why, sizeof why))
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE, "%s", why);
	if (p->changes.n == 0 && !r.n_left)
		batv_ctl_placing_say(p, "removed", "", "nothing of exim-batv was there");
	p->result = "removed";
	return batv_ctl_placing_end(p, r.n_left ? BATV_CTL_NO : BATV_CTL_YES);
}

static int remove_all(struct batv_placing *p)
{
	int64_t last = last_tag(p->ctl);
	char day[64], question[200];

	if (p->inst.layout == BATV_LAYOUT_PLAIN)
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE,
					     "exim-batv never changed %s: take the .include lines "
					     "out of it yourself%s%s",
					     p->inst.configuration,
					     last ? ", the one of router-unsign.conf after " : "",
					     last ? day_of(last, day) : "");
	if (last) {
		snprintf(question, sizeof question,
			 "Tags live until %s: bounces to them would be refused.  Remove all?",
			 day_of(last, day));
		if (!batv_ctl_placing_agree(p, question))
			return batv_ctl_placing_fail(
				p, BATV_CTL_NO,
				"tags live until %s, and bounces to them would be refused; run "
				"this after that day, or with --yes",
				day);
	}
	return take_away(p);
}

int batv_ctl_disable(struct batv_ctl *ctl, char **args, int n)
{
	struct batv_placing *p = NULL;
	int code = batv_ctl_placing_start(ctl, &p);

	(void)args, (void)n;
	if (code)
		return code;
	return ctl->remove ? remove_all(p) : switch_off(p);
}
