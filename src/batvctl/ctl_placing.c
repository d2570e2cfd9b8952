/*
 * ctl_placing.c - what enable and disable share.
 *
 * Invariant: root changes files of Exim's configuration only.  What belongs to the user batv is
 * written by a process that has become that user.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_placing.h"
#include "decide/override.h"
#include "overrides.h"
#include "reload.h"
#include "notices.h"

#define TEXT_WIDTH 78
#define ETC_CONF BATV_ETC_EXIM "/conf.d/"

/* ---- saying ---- */

static void add_step(struct batv_placing *p, const char *name, const char *result, const char *text)
{
	json_t *o = json_object();

	batv_ctl_put_text(o, "step", name);
	batv_ctl_put_text(o, "text", text);
	batv_ctl_put_text(o, "result", *result ? result : NULL);
	json_array_append_new(p->steps, o);
}

void batv_ctl_placing_say(struct batv_placing *p, const char *name, const char *result,
			  const char *format, ...)
{
	const char *shown = name;
	char text[2000];
	va_list ap;

	va_start(ap, format);
	batv_notices_format(text, sizeof text, format, ap);
	va_end(ap);
	if (p->steps)
		add_step(p, name, result, text);
	else if (p->last && strcmp(p->last, name) == 0)
		shown = "";
	p->last = name;
	if (p->steps)
		return;
	if (*result)
		printf("%-9s %-*s%s%s\n", shown, TEXT_WIDTH, text,
		       strlen(text) >= TEXT_WIDTH ? " " : "", result);
	else
		printf("%-9s %s\n", shown, text);
	fflush(stdout);
}

void batv_ctl_placing_list(struct batv_placing *p, const char *name, const char *result,
			   const char *const *paths, size_t n)
{
	char text[1000] = "";
	const char *common = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text), skip = common ? strlen(common) : 0;
		bool shares = common && strncmp(paths[i], common, skip) == 0;

		snprintf(text + len, sizeof text - len, "%s%s", i ? "  " : "",
			 paths[i] + (shares && !p->steps ? skip : 0));
		common = strncmp(paths[i], ETC_CONF, strlen(ETC_CONF)) == 0 ? ETC_CONF
									    : BATV_ETC_EXIM "/";
	}
	if (n)
		batv_ctl_placing_say(p, name, result, "%s", text);
}

static json_t *document(struct batv_placing *p, const char *error)
{
	json_t *o = json_object();

	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put_text(o, "exim", p->inst.exim);
	batv_ctl_put_text(o, "version", p->inst.version);
	batv_ctl_put_text(o, "kind", batv_installation_kind_name(&p->inst));
	batv_ctl_put_text(o, "layout", batv_installation_layout_name(&p->inst));
	batv_ctl_put(o, "steps", p->steps);
	batv_ctl_put_text(o, "result", error ? "failed" : p->result);
	batv_ctl_put_text(o, "error", error);
	p->steps = NULL;
	return o;
}

static void release(struct batv_placing *p)
{
	batv_changes_free(&p->changes);
	free(p);
}

int batv_ctl_placing_end(struct batv_placing *p, int code)
{
	if (p->steps)
		batv_ctl_print_json(document(p, NULL));
	release(p);
	return code;
}

int batv_ctl_placing_fail(struct batv_placing *p, int code, const char *format, ...)
{
	char text[4000];
	va_list ap;

	va_start(ap, format);
	batv_notices_format(text, sizeof text, format, ap);
	va_end(ap);
	if (p->steps)
		batv_ctl_print_json(document(p, text));
	release(p);
	return batv_ctl_fail(code, "%s", text);
}

bool batv_ctl_placing_agree(const struct batv_placing *p, const char *question)
{
	char answer[20];

	if (p->ctl->yes)
		return true;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || p->steps)
		return false;
	printf("%s [y/N] ", question);
	fflush(stdout);
	return fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
}

/* ---- starting ---- */

static void read_manifest(struct batv_placing *p)
{
	char *text;
	size_t len;

	if (batv_slurp(p->ctl->store.dirfd, BATV_MANIFEST_NAME, 65536, &text, &len) != BATV_OK)
		return;
	batv_manifest_parse(text, len, &p->manifest);
	free(text);
}

static bool read_overrides(struct batv_placing *p)
{
	struct batv_overrides *set = calloc(1, sizeof *set);
	bool ok = set && batv_overrides_read(&p->ctl->store, set, p->ctl->message,
					     sizeof p->ctl->message) == BATV_OK;

	p->signing_off =
		ok && batv_overrides_find(set, BATV_OVERRIDE_SIGNING, BATV_OVERRIDE_ALL) != NULL;
	free(set);
	return ok;
}

static int find(struct batv_ctl *ctl, struct batv_placing *p)
{
	int code = batv_ctl_open(ctl);
	char why[500];

	if (code)
		return code;
	if (!batv_installation_find(ctl->config.global.exim, ctl->config_path, &p->inst, why,
				    sizeof why))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", why);
	read_manifest(p);
	if (!read_overrides(p))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	return BATV_CTL_YES;
}

int batv_ctl_placing_start(struct batv_ctl *ctl, struct batv_placing **out)
{
	struct batv_placing *p;
	int code;

	if (geteuid() != 0)
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "this changes Exim's configuration: run it as root");
	p = calloc(1, sizeof *p);
	if (!p)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	p->ctl = ctl;
	p->result = "nothing";
	code = find(ctl, p);
	if (code) {
		free(p);
		return code;
	}
	if (ctl->json)
		p->steps = json_array();
	*out = p;
	return BATV_CTL_YES;
}

/* ---- changing ---- */

bool batv_ctl_placing_apply(struct batv_placing *p, char *how, size_t size)
{
	if (!batv_reload_generate(&p->inst, how, size))
		return false;
	batv_installation_look(&p->inst);
	if (*p->inst.broken) {
		snprintf(how, size, "Exim cannot read the new configuration: %s", p->inst.broken);
		return false;
	}
	return batv_reload_exim(&p->inst, how, size);
}

void batv_ctl_placing_undo(struct batv_placing *p, char *said, size_t size)
{
	char why[4200], how[500];
	bool all;

	if (p->changes.n == 0) {
		snprintf(said, size, "nothing was changed");
		return;
	}
	all = batv_changes_undo(&p->changes, 0, why, sizeof why);
	if (!batv_ctl_placing_apply(p, how, sizeof how))
		snprintf(said, size,
			 "the files are as they were before, but then: %s; correct that, run "
			 "update-exim4.conf, and reload Exim",
			 how);
	else
		snprintf(said, size, "everything is as it was before (%s)", how);
	if (!all)
		snprintf(said, size, "this could not be put back: %s", why);
}

struct keeping {
	struct batv_placing *p;
	bool signing_off;
};

static bool write_manifest(const struct batv_placing *p)
{
	char text[4096];
	size_t len = batv_manifest_format(&p->manifest, text, sizeof text);

	if (len == 0)
		return unlinkat(p->ctl->store.dirfd, BATV_MANIFEST_NAME, 0) == 0 || errno == ENOENT;
	return batv_replace(p->ctl->store.dirfd, BATV_MANIFEST_NAME, BATV_MANIFEST_MODE, text,
			    len) == BATV_OK;
}

static bool write_all(void *ctx, char *why, size_t size)
{
	const struct batv_override off = {.domain = BATV_OVERRIDE_ALL,
					  .key = BATV_OVERRIDE_SIGNING};
	const struct keeping *k = ctx;
	const struct batv_store *store = &k->p->ctl->store;
	struct batv_overrides *set = calloc(1, sizeof *set);
	bool ok = set && batv_overrides_read(store, set, why, size) == BATV_OK;

	if (ok && k->signing_off)
		ok = batv_overrides_set(set, &off, batv_ctl_who(), "") == BATV_OK;
	else if (ok)
		(void)batv_overrides_remove(set, BATV_OVERRIDE_SIGNING, BATV_OVERRIDE_ALL);
	ok = ok && batv_overrides_write(store, set, why, size) == BATV_OK && write_manifest(k->p);
	free(set);
	return ok;
}

bool batv_ctl_placing_keep(struct batv_placing *p, bool signing_off, char *why, size_t size)
{
	struct keeping keeping = {p, signing_off};

	if (!batv_ctl_as_owner(p->ctl, write_all, &keeping, why, size))
		return false;
	p->signing_off = signing_off;
	return true;
}
