/*
 * trial.c - builds the new configuration in a copy of Debian's directory.
 *
 * Invariant: nothing outside of the copy is changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "trial.h"

#define TRIAL_SECONDS 60
#define TAG "prvs=0000000000=" /* the shape of a tag is all that counts for routing */

static bool sentence(char *why, size_t size, const char *what, const char *detail)
{
	snprintf(why, size, "%s: %.400s", what, detail);
	return false;
}

static bool copy_directory(struct batv_trial *t, char *why, size_t size)
{
	static const char from[] = BATV_ETC_EXIM "/.";
	char etc[80];
	const char *args[] = {"/bin/cp", "-RLp", from, etc, NULL};
	struct batv_ran ran;
	bool ok;

	snprintf(etc, sizeof etc, "%s/etc", t->dir);
	if (mkdir(etc, 0755) < 0)
		return sentence(why, size, etc, strerror(errno));
	ok = batv_run(args, NULL, TRIAL_SECONDS, NULL, &ran);
	if (!ok)
		sentence(why, size, "cannot copy " BATV_ETC_EXIM, ran.why);
	batv_run_free(&ran);
	return ok;
}

/* Puts `head` and the text into a file of the copy. */
static bool put(const struct batv_trial *t, const char *path, const char *head, const char *text,
		char *why, size_t size)
{
	char to[300];
	FILE *f;
	bool ok;

	snprintf(to, sizeof to, "%s/etc%s", t->dir, path + strlen(BATV_ETC_EXIM));
	(void)unlink(to);
	f = fopen(to, "we");
	if (!f)
		return sentence(why, size, to, strerror(errno));
	ok = fputs(head, f) >= 0 && fputs(text, f) >= 0;
	ok = fclose(f) == 0 && ok && chmod(to, 0644) == 0;
	return ok || sentence(why, size, to, strerror(errno));
}

/*
 * The script looks for /etc/exim4/exim4.conf.localmacros even when it is told another directory.
 * Where that does not exist yet, the line goes to the top of the template, which is the same.
 */
static bool put_line(const struct batv_trial *t, char *why, size_t size)
{
	const bool there = access(BATV_LOCALMACROS, F_OK) == 0;
	const char *path = there ? BATV_LOCALMACROS : BATV_ETC_EXIM "/exim4.conf.template";
	char line[200], *text, *without, *with = NULL;
	bool ok = false;
	size_t len;

	if (!batv_pieces_read(path, &text, &len))
		return sentence(why, size, path, strerror(errno));
	snprintf(line, sizeof line, ".include_if_exists %s/etc/exim-batv.localmacros\n", t->dir);
	if (!there)
		ok = put(t, path, line, text, why, size);
	else {
		without = batv_pieces_remove_line(text);
		line[strcspn(line, "\n")] = '\0';
		with = without ? batv_pieces_add_line(without, line) : NULL;
		ok = with && put(t, path, "", with, why, size);
		free(without);
		free(with);
	}
	free(text);
	return ok;
}

static bool put_pieces(const struct batv_trial *t, enum batv_exim_layout layout, char *const *texts,
		       char *why, size_t size)
{
	char etc[120];

	snprintf(etc, sizeof etc, "BATV_ETC = %s/etc\n", t->dir);
	for (size_t i = 0; i < batv_pieces_count; i++) {
		const struct batv_piece *p = &batv_pieces[i];
		/* the first of each layout that Exim reads; the others use the macro */
		bool first = strstr(p->path, "/main/") || strstr(p->path, ".localmacros");

		if (texts[i] && !put(t, p->path, first ? etc : "", texts[i], why, size))
			return false;
	}
	return layout != BATV_LAYOUT_UNSPLIT || put_line(t, why, size);
}

static bool generate(const struct batv_trial *t, char *why, size_t size)
{
	char etc[80];
	const char *args[] = {"/usr/sbin/update-exim4.conf", "-d", etc, "-o", t->conf, NULL};
	struct batv_ran ran;
	bool ok;

	snprintf(etc, sizeof etc, "%s/etc", t->dir);
	ok = batv_run(args, NULL, TRIAL_SECONDS, NULL, &ran);
	if (!ok)
		sentence(why, size, "update-exim4.conf fails with these files", ran.why);
	batv_run_free(&ran);
	return ok;
}

/* Debian's script reads the settings as a shell does: the last one counts. */
static bool set_layout(const struct batv_trial *t, enum batv_exim_layout layout, char *why,
		       size_t size)
{
	char path[120];
	FILE *f;
	bool ok;

	snprintf(path, sizeof path, "%s/etc/update-exim4.conf.conf", t->dir);
	f = fopen(path, "ae");
	ok = f && fprintf(f, "\ndc_use_split_config='%s'\n",
			  layout == BATV_LAYOUT_SPLIT ? "true" : "false") > 0;
	if (f)
		ok = fclose(f) == 0 && ok;
	return ok || sentence(why, size, path, strerror(errno));
}

bool batv_trial_make(struct batv_trial *t, const struct batv_installation *inst, char *const *texts,
		     char *why, size_t size)
{
	strcpy(t->dir, access("/run", W_OK) == 0 ? "/run/batvctl-XXXXXX" : "/tmp/batvctl-XXXXXX");
	if (!mkdtemp(t->dir)) {
		sentence(why, size, t->dir, strerror(errno));
		t->dir[0] = '\0';
		return false;
	}
	/* Exim's user must reach the files that the configuration names. */
	(void)chmod(t->dir, 0755);
	snprintf(t->conf, sizeof t->conf, "%s/exim.conf", t->dir);
	if (!copy_directory(t, why, size) || !set_layout(t, inst->layout, why, size) ||
	    !put_pieces(t, inst->layout, texts, why, size) || !generate(t, why, size))
		return false;
	t->inst = *inst;
	snprintf(t->inst.command, sizeof t->inst.command, "%s -C %s", inst->exim, t->conf);
	batv_installation_look(&t->inst);
	if (*t->inst.broken)
		return sentence(why, size, "Exim cannot read the new configuration",
				t->inst.broken);
	return true;
}

/* ---- routing ---- */

static bool verifies(const struct batv_trial *t, const char *address, char *why, size_t size)
{
	const char *args[] = {"-bv", address, NULL};
	struct batv_ran ran;
	bool ok = batv_installation_run(&t->inst, args, NULL, NULL, &ran);

	if (!ok)
		snprintf(why, size, "%s", ran.why);
	batv_run_free(&ran);
	return ok;
}

/* The unsplit configuration has no router for tags: there the RCPT ACL takes them. */
static bool is_taken(const struct batv_trial *t, const char *address, char *why, size_t size)
{
	const char *args[] = {"-bh", "192.0.2.1", NULL};
	char talk[700], *at;
	struct batv_ran ran;
	bool ok = false;

	snprintf(talk, sizeof talk,
		 "EHLO trial.invalid\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nRSET\r\nQUIT\r\n", address);
	(void)batv_installation_run(&t->inst, args, talk, NULL, &ran);
	/* The answers: banner, EHLO (several lines), MAIL, RCPT; RCPT's is the second last but one.
	 */
	snprintf(why, size, "%s", "no answer to RCPT");
	at = strstr(ran.text, "\n250 OK");
	if (at) {
		at = strchr(at + 1, '\n');
		for (; at; at = strchr(at + 1, '\n'))
			if (strspn(at + 1, "0123456789") == 3) {
				ok = at[1] == '2';
				snprintf(why, size, "%.*s", (int)strcspn(at + 1, "\r\n"), at + 1);
				break;
			}
	}
	batv_run_free(&ran);
	return ok;
}

bool batv_trial_route(struct batv_trial *t, const char *domain, char *routed, size_t routed_size,
		      char *why, size_t size)
{
	static const char *const users[] = {"postmaster", "root", "abuse"};
	char bare[300], tagged[330];

	*routed = '\0';
	for (size_t i = 0; i < 3 && !*routed; i++) {
		snprintf(bare, sizeof bare, "%s@%.250s", users[i], domain);
		if (verifies(t, bare, why, size))
			snprintf(routed, routed_size, "%s", bare);
	}
	if (!*routed)
		return true;
	snprintf(tagged, sizeof tagged, TAG "%s", routed);
	return t->inst.has.unsign_router ? verifies(t, tagged, why, size)
					 : is_taken(t, tagged, why, size);
}

void batv_trial_end(struct batv_trial *t)
{
	const char *args[] = {"/bin/rm", "-rf", t->dir, NULL};
	struct batv_ran ran;

	if (!*t->dir)
		return;
	(void)batv_run(args, NULL, TRIAL_SECONDS, NULL, &ran);
	batv_run_free(&ran);
	t->dir[0] = '\0';
}
