/*
 * ctl_enable.c - batvctl enable: places exim-batv in this machine's Exim.
 *
 * Invariant: what makes signed addresses acceptable is in force before anything signs, and whatever
 * fails, the files and Exim are as they were before.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "ctl_enable.h"
#include "decide/override.h"
#include "mx.h"
#include "run.h"
#include "trial.h"

struct enabling {
	struct batv_placing *p;
	struct batv_listed_domains domains;
	char *texts[BATV_PIECES_MAX]; /* in the order of batv_pieces; NULL: not for here */
	bool there[BATV_PIECES_MAX];  /* it is in its place already */
	char *macros, *macros_before; /* exim4.conf.localmacros, then and now; NULL: not needed */
	char unprepared[400]; /* why the other layout gets none of its pieces; "": it does */
	bool sign;            /* else un-signing only */
	bool kept, was_off;   /* manifest and overrides were written; signing was off before */
	struct batv_manifest manifest; /* as it was before */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	interrupted = number;
}

/* ---- domains ---- */

static void add_domains(struct enabling *e, const char *list)
{
	struct batv_listed_domains more;

	batv_installation_domains(&e->p->inst, list, &more);
	e->domains.more = e->domains.more || more.more;
	for (size_t i = 0; i < more.n; i++) {
		size_t k = 0;

		while (k < e->domains.n && strcasecmp(e->domains.names[k], more.names[i]) != 0)
			k++;
		if (k == e->domains.n && k < sizeof e->domains.names / sizeof more.names[0])
			memcpy(e->domains.names[e->domains.n++], more.names[i],
			       sizeof more.names[0]);
	}
}

static void show_domains(struct enabling *e)
{
	const struct batv_config *c = &e->p->ctl->config;
	char lists[400] = "", names[700] = "";

	for (size_t i = 0; i < c->n_policies; i++) {
		size_t at = strlen(lists);

		add_domains(e, c->policies[i].domains);
		snprintf(lists + at, sizeof lists - at, "%s%s", i ? " : " : "",
			 c->policies[i].domains);
	}
	for (size_t i = 0; i < e->domains.n; i++) {
		size_t at = strlen(names);

		if (i == 10) {
			snprintf(names + at, sizeof names - at, ", and %zu more", e->domains.n - i);
			break;
		}
		snprintf(names + at, sizeof names - at, "%s%.60s", i ? ", " : "",
			 e->domains.names[i]);
	}
	batv_ctl_placing_say(e->p, "domains", e->domains.n ? "ok" : "", "%s: %s%s", lists,
			     *names ? names : "none that can be listed",
			     *names && e->domains.more ? ", and others that cannot be listed" : "");
}

/* With --probe that host is asked. */
static bool mx_takes_tags(struct enabling *e, const char *domain)
{
	char said[600];
	enum batv_match answer = batv_ctl_probe_mx(e->p, domain, said, sizeof said);

	batv_ctl_placing_say(e->p, "mx", answer == BATV_YES ? "ok" : "", "%s", said);
	return answer == BATV_YES;
}

/* Mail for which signing could lose bounces: another host takes them, and may not know tags. */
static void look_at_mx(struct enabling *e)
{
	char server[256];

	for (size_t i = 0; i < e->domains.n && i < 20; i++) {
		enum batv_mx mx = batv_mx_find(e->domains.names[i], e->p->inst.hostname, server,
					       sizeof server);

		if (mx != BATV_MX_OTHER && mx != BATV_MX_UNKNOWN)
			continue;
		if (mx == BATV_MX_OTHER && e->p->ctl->probe && !e->p->ctl->dry_run &&
		    mx_takes_tags(e, e->domains.names[i]))
			continue;
		if (e->p->ctl->mx_unsigns)
			batv_ctl_placing_say(e->p, "mx", "--mx-unsigns", "mail for %s goes to %s",
					     e->domains.names[i],
					     *server ? server : "a host that is not known");
		else if (mx == BATV_MX_OTHER)
			batv_ctl_placing_say(e->p, "mx", "un-signing only",
					     "mail for %s goes to %s, not to this host",
					     e->domains.names[i], server);
		else
			batv_ctl_placing_say(e->p, "mx", "un-signing only",
					     "the DNS does not say which host takes mail for %s",
					     e->domains.names[i]);
		e->sign = e->sign && e->p->ctl->mx_unsigns;
	}
}

static void look_at_smarthost(struct enabling *e)
{
	if (*e->p->inst.smarthost && !e->p->ctl->probe)
		batv_ctl_placing_say(e->p, "smarthost", "",
				     "not asked: enable --probe ADDRESS sends one signed mail");
}

/* ---- the pieces ---- */

static void free_pieces(struct enabling *e)
{
	for (size_t i = 0; i < batv_pieces_count; i++)
		free(e->texts[i]);
	free(e->macros);
	free(e->macros_before);
}

static bool read_piece(struct enabling *e, size_t i, char *why, size_t size)
{
	const struct batv_piece *piece = &batv_pieces[i];
	char path[2200];
	size_t len;

	snprintf(path, sizeof path, "%s/debian/%s", e->p->inst.snippets, piece->source);
	if (!batv_pieces_read(path, &e->texts[i], &len)) {
		const int error = errno;

		e->texts[i] = NULL;
		snprintf(why, size, "%s: %s; install exim-batv again", path, strerror(error));
		return error == ENOENT; /* what is missing then, the trial finds out */
	}
	switch (batv_pieces_look(piece->path, e->texts[i], len, &e->p->manifest)) {
	case BATV_PIECE_FOREIGN:
		snprintf(why, size, "%s is there, and is not what enable placed", piece->path);
		return false;
	case BATV_PIECE_SAME: e->there[i] = true; break;
	case BATV_PIECE_ABSENT:
	case BATV_PIECE_OURS: break;
	}
	return true;
}

/* The one line in a file of the administrator. */
static bool read_macros(struct enabling *e, char *why, size_t size)
{
	size_t len;

	if (!batv_pieces_read(BATV_LOCALMACROS, &e->macros_before, &len)) {
		const int error = errno;

		snprintf(why, size, "%s: %s", BATV_LOCALMACROS, strerror(error));
		if (error != ENOENT)
			return false;
		e->macros_before = NULL;
	}
	if (e->macros_before && batv_pieces_has_line(e->macros_before))
		return true;
	e->macros =
		batv_pieces_add_line(e->macros_before ? e->macros_before : "", BATV_MARKED_LINE);
	snprintf(why, size, "out of memory");
	return e->macros != NULL;
}

/* Those that the layout reads, or those that it does not. */
static bool read_those(struct enabling *e, enum batv_exim_layout layout, bool read, char *why,
		       size_t size)
{
	for (size_t i = 0; i < batv_pieces_count; i++)
		if (batv_pieces_is_for(&batv_pieces[i], layout) == read &&
		    (e->sign || batv_pieces[i].phase == 1) && !read_piece(e, i, why, size))
			return false;
	return read != (layout == BATV_LAYOUT_UNSPLIT) || read_macros(e, why, size);
}

static int read_pieces(struct enabling *e)
{
	char why[2500];

	if (!*e->p->inst.snippets)
		return batv_ctl_placing_fail(e->p, BATV_CTL_TROUBLE,
					     "the snippets are not in /usr/share/exim-batv or "
					     "/usr/local/share/exim-batv; install exim-batv again");
	if (!read_those(e, e->p->inst.layout, true, why, sizeof why))
		return batv_ctl_placing_fail(
			e->p, BATV_CTL_TROUBLE,
			"%s; nothing was changed.  Move it away, then run this again", why);
	return BATV_CTL_YES;
}

/* ---- the pieces of Debian's other layout ---- */

/*
 * They are not read now.  But after a change by dpkg-reconfigure, which nobody announces, they are,
 * and tags under way still reach their mailbox.  Where they would break that configuration, they
 * are not placed, and that is said.
 */
static bool is_read(const struct enabling *e, size_t i)
{
	return batv_pieces_is_for(&batv_pieces[i], e->p->inst.layout);
}

static void drop_other(struct enabling *e, const char *why)
{
	for (size_t i = 0; i < batv_pieces_count; i++)
		if (!is_read(e, i)) {
			free(e->texts[i]);
			e->texts[i] = NULL;
		}
	if (e->p->inst.layout == BATV_LAYOUT_SPLIT) {
		free(e->macros);
		e->macros = NULL;
	}
	snprintf(e->unprepared, sizeof e->unprepared, "%s", why);
}

static bool other_is_there(const struct enabling *e)
{
	for (size_t i = 0; i < batv_pieces_count; i++)
		if (!is_read(e, i) && e->texts[i] && !e->there[i])
			return false;
	return e->p->inst.layout != BATV_LAYOUT_SPLIT || !e->macros;
}

static bool try_other(struct enabling *e, char *why, size_t size)
{
	struct batv_trial *t = calloc(1, sizeof *t);
	struct batv_installation inst = e->p->inst;
	char routed[300] = "";
	bool ok;

	inst.layout = inst.layout == BATV_LAYOUT_SPLIT ? BATV_LAYOUT_UNSPLIT : BATV_LAYOUT_SPLIT;
	snprintf(why, size, "out of memory");
	ok = t && batv_trial_make(t, &inst, e->texts, why, size);
	for (size_t i = 0; ok && i < e->domains.n && !*routed; i++)
		ok = batv_trial_route(t, e->domains.names[i], routed, sizeof routed, why, size);
	if (t)
		batv_trial_end(t);
	free(t);
	return ok;
}

static void prepare_other(struct enabling *e)
{
	const bool split = e->p->inst.layout == BATV_LAYOUT_SPLIT;
	char why[2500];

	if (split && e->p->inst.hide_mailname)
		drop_other(e, "dc_hide_mailname, which is not possible there");
	else if (!read_those(e, e->p->inst.layout, false, why, sizeof why) ||
		 (!other_is_there(e) && !try_other(e, why, sizeof why)))
		drop_other(e, why);
}

static bool all_there(const struct enabling *e)
{
	for (size_t i = 0; i < batv_pieces_count; i++)
		if (e->texts[i] && !e->there[i])
			return false;
	return !e->macros && batv_installation_unsigns(&e->p->inst) &&
	       (!e->sign || batv_installation_signs(&e->p->inst));
}

/* ---- the trial ---- */

static int try_it(struct enabling *e)
{
	struct batv_trial *t = calloc(1, sizeof *t);
	char why[700] = "out of memory", routed[300] = "", text[400];
	bool ok = t && batv_trial_make(t, &e->p->inst, e->texts, why, sizeof why);
	int code = BATV_CTL_YES;

	for (size_t i = 0; ok && i < e->domains.n && !*routed; i++)
		ok = batv_trial_route(t, e->domains.names[i], routed, sizeof routed, why,
				      sizeof why);
	if (!ok && *routed)
		code = batv_ctl_placing_fail(e->p, BATV_CTL_TROUBLE,
					     "with the new configuration mail for %s with a tag "
					     "would not arrive: %s; nothing was changed",
					     routed, why);
	else if (!ok)
		code = batv_ctl_placing_fail(e->p, BATV_CTL_TROUBLE, "%s; nothing was changed",
					     why);
	else
		code = batv_ctl_before_directory(e->p, &t->inst.has);
	if (!code && *routed)
		snprintf(text, sizeof text, "a signed address routes to %.*s",
			 (int)strcspn(routed, "@"), routed);
	else
		snprintf(text, sizeof text, "no domain has a postmaster here to try a tag with");
	if (!code)
		batv_ctl_placing_say(e->p, "trial", "ok", "the new configuration loads, %s", text);
	if (t)
		batv_trial_end(t);
	free(t);
	return code;
}

/* ---- placing ---- */

/* Those of one phase that are read, or those that are not. */
static size_t paths_of(const struct enabling *e, unsigned phase, bool read, const char **paths)
{
	size_t n = 0;

	for (size_t i = 0; i < batv_pieces_count; i++)
		if (e->texts[i] && batv_pieces[i].phase == phase && is_read(e, i) == read)
			paths[n++] = batv_pieces[i].path;
	if (e->macros && phase == 1 && read && e->p->inst.layout == BATV_LAYOUT_UNSPLIT)
		paths[n++] = BATV_LOCALMACROS;
	if (e->macros && phase == 2 && !read && e->p->inst.layout == BATV_LAYOUT_SPLIT)
		paths[n++] = BATV_LOCALMACROS; /* on a line of its own */
	return n;
}

static void say_other(const struct enabling *e, const char *result)
{
	const char *paths[BATV_PIECES_MAX + 1],
		*name = e->p->inst.layout == BATV_LAYOUT_SPLIT ? "unsplit" : "split";

	if (*e->unprepared)
		batv_ctl_placing_say(e->p, name, "",
				     "not prepared for a change to it: %s; after such a change, "
				     "run batvctl enable",
				     e->unprepared);
	for (unsigned phase = 1; phase <= 2 && !*e->unprepared; phase++)
		batv_ctl_placing_list(e->p, name, result, paths, paths_of(e, phase, false, paths));
}

static bool write_macros(struct enabling *e, char *why, size_t size)
{
	struct batv_changes *c = &e->p->changes;

	if (!e->macros)
		return true;
	if (e->macros_before && access(BATV_LOCALMACROS_BEFORE, F_OK) != 0 &&
	    !batv_changes_write(c, BATV_LOCALMACROS_BEFORE, e->macros_before,
				strlen(e->macros_before), 0644, why, size))
		return false;
	return batv_changes_write(c, BATV_LOCALMACROS, e->macros, strlen(e->macros), 0644, why,
				  size);
}

static bool write_phase(struct enabling *e, unsigned phase, char *why, size_t size)
{
	for (size_t i = 0; i < batv_pieces_count; i++) {
		const struct batv_piece *p = &batv_pieces[i];
		const char *text = e->texts[i];

		if (!text || p->phase != phase)
			continue;
		if (!e->there[i] && !batv_changes_write(&e->p->changes, p->path, text, strlen(text),
							0644, why, size))
			return false;
		batv_manifest_set(&e->p->manifest, p->path, text, strlen(text));
	}
	return phase != 1 || write_macros(e, why, size);
}

static int give_back(struct enabling *e, const char *why)
{
	char said[5000], unused[1000];

	batv_ctl_placing_undo(e->p, said, sizeof said);
	e->p->manifest = e->manifest;
	if (e->kept && !batv_ctl_placing_keep(e->p, e->was_off, unused, sizeof unused))
		return batv_ctl_placing_fail(e->p, BATV_CTL_TROUBLE, "%s; %s; but %s", why, said,
					     unused);
	return batv_ctl_placing_fail(e->p, BATV_CTL_TROUBLE, "%s; %s", why, said);
}

static int place(struct enabling *e, unsigned phase)
{
	const char *paths[BATV_PIECES_MAX + 1];
	char why[4200], how[500];
	size_t n = paths_of(e, phase, true, paths);

	if (!write_phase(e, phase, why, sizeof why))
		return give_back(e, why);
	if (!batv_ctl_placing_apply(e->p, how, sizeof how))
		return give_back(e, how);
	if (phase == 1 ? !e->p->inst.has.unsign_router && !*e->p->inst.has.unsign
		       : !batv_installation_signs(&e->p->inst))
		return give_back(e, phase == 1 ? "Exim's configuration does not have what removes "
						 "tags, although the files are in place"
					       : "Exim's configuration does not have what signs, "
						 "although the files are in place");
	batv_ctl_placing_list(e->p, "placed", how, paths, n);
	if (interrupted)
		return give_back(e, "interrupted");
	return BATV_CTL_YES;
}

/* batvd publishes by itself that signing is on again. */
static bool wait_for_signing(struct batv_ctl *ctl)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	struct batv_stored_state *st = calloc(1, sizeof *st);
	bool on = false;

	for (int i = 0; st && i < 500 && !on; i++) {
		on = batv_store_read_state(&ctl->store, st, ctl->message, sizeof ctl->message) ==
			     BATV_OK &&
		     !batv_override_find(&st->state, BATV_OVERRIDE_SIGNING, BATV_OVERRIDE_ALL);
		batv_store_free_state(st);
		*st = (struct batv_stored_state){0};
		if (!on)
			nanosleep(&pause, NULL);
	}
	free(st);
	return on;
}

static int probe(struct enabling *e)
{
	const char *to = e->p->ctl->probe;
	char from[300], said[500];

	if (!to || !e->sign)
		return BATV_CTL_YES;
	if (e->was_off && !wait_for_signing(e->p->ctl))
		return give_back(e, "batvd did not switch signing on within 10 seconds");
	snprintf(from, sizeof from, "postmaster@%.250s",
		 e->domains.n ? e->domains.names[0] : e->p->inst.hostname);
	switch (batv_ctl_probe(e->p, from, to, said, sizeof said)) {
	case BATV_YES: batv_ctl_placing_say(e->p, "probe", "ok", "%s", said); break;
	case BATV_MAYBE: batv_ctl_placing_say(e->p, "probe", "not known", "%s", said); break;
	case BATV_NO: return give_back(e, said);
	}
	return BATV_CTL_YES;
}

/* ---- the end ---- */

static int64_t longest_grace(const struct batv_config *c)
{
	int64_t longest = 0;

	for (size_t i = 0; i < c->n_policies; i++)
		if (c->policies[i].grace > longest)
			longest = c->policies[i].grace;
	return longest;
}

static void say_goodbye(const struct enabling *e)
{
	time_t when = (time_t)(e->p->ctl->clock + longest_grace(&e->p->ctl->config));
	char day[64];
	struct tm tm;

	if (e->p->steps)
		return;
	if (!e->sign) {
		puts("Tags are removed from now on; mail leaves untagged.  When the hosts above "
		     "remove tags, too:\nbatvctl enable --mx-unsigns.  Watch: batvctl status.  "
		     "Undo: batvctl disable --remove.");
		return;
	}
	strftime(day, sizeof day, "%a %e %b %H:%M", localtime_r(&when, &tm));
	printf("Mail leaves signed from now on. Forged bounces are only logged until about %s, "
	       "then refused,\neach domain by itself.  Watch: batvctl status.  Undo: batvctl "
	       "disable.\n",
	       day);
}

static int keep(struct enabling *e)
{
	char why[1000];

	e->kept = batv_ctl_placing_keep(e->p, false, why, sizeof why);
	if (!e->kept)
		return give_back(e, why);
	e->p->result = e->sign ? "signing" : "un-signing";
	say_other(e, "prepared");
	return BATV_CTL_YES;
}

static int nothing_to_do(struct enabling *e)
{
	char why[1000];

	for (size_t i = 0; i < batv_pieces_count; i++)
		if (e->texts[i])
			batv_manifest_set(&e->p->manifest, batv_pieces[i].path, e->texts[i],
					  strlen(e->texts[i]));
	e->kept = !e->p->ctl->dry_run && batv_ctl_placing_keep(e->p, false, why, sizeof why);
	if (!e->p->ctl->dry_run && !e->kept)
		return batv_ctl_placing_fail(e->p, BATV_CTL_TROUBLE, "%s", why);
	e->p->result = e->sign ? "signing" : "un-signing";
	batv_ctl_placing_say(e->p, "placed", "ok",
			     e->was_off ? "everything is in place; signing is on again"
					: "everything is in place; nothing was changed");
	if (*e->unprepared)
		say_other(e, "");
	return e->p->ctl->dry_run ? BATV_CTL_YES : probe(e);
}

static int place_all(struct enabling *e)
{
	const struct sigaction act = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	int code;

	/* Handlers, and not a mask: a mask would be inherited by what is started here. */
	for (size_t i = 0; i < 3; i++)
		(void)sigaction(signals[i], &act, NULL);
	code = place(e, 1);
	if (!code && e->sign)
		code = place(e, 2);
	if (!code)
		code = keep(e);
	if (!code)
		code = probe(e);
	if (!code)
		say_goodbye(e);
	return code;
}

static int show_dry_run(struct enabling *e)
{
	const char *paths[2 * BATV_PIECES_MAX];
	size_t n = paths_of(e, 1, true, paths);

	batv_ctl_placing_list(e->p, "would", "reload", paths, n);
	n = paths_of(e, 2, true, paths);
	batv_ctl_placing_list(e->p, "would", "reload", paths, n);
	say_other(e, "prepare");
	e->p->result = "dry run";
	if (!e->p->steps)
		puts("Nothing was changed.");
	return BATV_CTL_YES;
}

static void show_line(const struct enabling *e)
{
	if (e->macros && e->macros_before && !e->p->steps)
		printf("--- %s\n+++ %s\n+%s\n", BATV_LOCALMACROS_BEFORE, BATV_LOCALMACROS,
		       BATV_MARKED_LINE);
}

static int agree_and_place(struct enabling *e)
{
	show_line(e);
	if (e->p->ctl->dry_run)
		return show_dry_run(e);
	if (!batv_ctl_placing_agree(e->p, e->sign ? "Place these files, and sign mail?"
						  : "Place what removes tags?"))
		return batv_ctl_placing_fail(e->p, BATV_CTL_USAGE,
					     "nothing was changed: without a terminal to ask on, "
					     "--yes is needed");
	return place_all(e);
}

static int enable_debian(struct enabling *e)
{
	int code;

	e->sign = true;
	show_domains(e);
	look_at_smarthost(e);
	look_at_mx(e);
	code = read_pieces(e);
	if (code)
		return code;
	prepare_other(e);
	if (all_there(e))
		return nothing_to_do(e);
	code = try_it(e);
	return code ? code : agree_and_place(e);
}

static int enable_with(struct enabling *e)
{
	struct batv_placing *p = e->p;
	const bool plain = p->inst.layout == BATV_LAYOUT_PLAIN;
	int code = BATV_CTL_YES;

	e->was_off = p->signing_off;
	e->manifest = p->manifest;
	if (!plain || !p->ctl->diff) /* a diff is for patch: nothing else is printed */
		code = batv_ctl_before_exim(p);
	if (!code)
		code = batv_ctl_before_daemon(p);
	if (!code)
		code = batv_ctl_before_others(p);
	if (!code && plain)
		return batv_ctl_plain(p);
	if (!code)
		code = enable_debian(e);
	return code ? code : batv_ctl_placing_end(p, code);
}

int batv_ctl_enable(struct batv_ctl *ctl, char **args, int n)
{
	static struct enabling enabling;
	int code = batv_ctl_placing_start(ctl, &enabling.p);

	(void)args, (void)n;
	if (code)
		return code;
	code = enable_with(&enabling);
	free_pieces(&enabling);
	return code;
}
