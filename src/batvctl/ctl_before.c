/*
 * ctl_before.c - batvctl enable: may exim-batv be placed in this Exim at all?
 *
 * Invariant: it only looks.  A function that returns a code has said why, and has ended the
 * placing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl_enable.h"
#include "run.h"

int batv_ctl_before_exim(struct batv_placing *p)
{
	const struct batv_installation *i = &p->inst;
	const char *smart = *i->smarthost ? ", smarthost " : "";

	batv_ctl_placing_say(p, "exim", "", "%s, %s, %s%s%s",
			     *i->package_version ? i->package_version : i->version,
			     batv_installation_kind_name(i), batv_installation_layout_name(i),
			     smart, i->smarthost);
	if (*i->broken)
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE,
					     "Exim cannot read its configuration as it is: %s",
					     i->broken);
	if (i->module_loads != BATV_YES)
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE,
					     "the module does not load in %s %s: %s", i->exim,
					     i->version, i->module_why);
	if (i->kind == BATV_EXIM_COMPILED_IN)
		batv_ctl_placing_say(p, "module", "ok", "exim-batv is compiled into this Exim");
	else
		batv_ctl_placing_say(p, "module", "ok", "batv.so loads in this Exim");
	return BATV_CTL_YES;
}

int batv_ctl_before_daemon(struct batv_placing *p)
{
	char path[4200];
	const char *args[] = {"/usr/bin/test", "-r", path, NULL};
	struct batv_ran ran;
	bool ok;

	if (batv_store_daemon(&p->ctl->store) == BATV_NO)
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE,
					     "batvd does not run, so there are no keys; start it "
					     "(systemctl start batvd), then run this again");
	snprintf(path, sizeof path, "%s/%s", p->ctl->store.path, BATV_STATE_NAME);
	if (access(path, F_OK) != 0)
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE,
					     "%s: %s; batvctl status says more", path,
					     strerror(errno));
	ok = batv_run(args, NULL, 10, &p->inst.user, &ran);
	batv_run_free(&ran);
	if (!ok)
		return batv_ctl_placing_fail(p, BATV_CTL_TROUBLE,
					     "Exim's user (uid %d, gid %d) cannot read %s; the "
					     "directory must belong to Exim's group: chgrp it, "
					     "and chmod 2750",
					     (int)p->inst.user.uid, (int)p->inst.user.gid, path);
	return BATV_CTL_YES;
}

/* The directory is compiled in, or named by a list; a third place would find no state. */
int batv_ctl_before_directory(struct batv_placing *p, const struct batv_installed *has)
{
	const char *exims = *has->directory ? has->directory : BATV_DIR;

	if (strcmp(exims, p->ctl->store.path) == 0)
		return BATV_CTL_YES;
	return batv_ctl_placing_fail(
		p, BATV_CTL_TROUBLE,
		"exim-batv.conf says directory = %s, but Exim would look into %s; add to Exim's "
		"configuration: domainlist batv_dir = %s",
		p->ctl->store.path, exims, p->ctl->store.path);
}

int batv_ctl_before_others(struct batv_placing *p)
{
	const struct batv_installed *h = &p->inst.has;

	if (*h->foreign)
		return batv_ctl_placing_fail(
			p, BATV_CTL_TROUBLE,
			"Exim's configuration signs or checks tags already, by ${prvs or "
			"${prvscheck in %s; take that out first (legacy_keys in exim-batv.conf "
			"keeps its tags valid)",
			h->foreign);
	if (p->inst.layout != BATV_LAYOUT_UNSPLIT)
		return BATV_CTL_YES;
	if (p->inst.hide_mailname || *h->own_return_path || *h->own_acl_rcpt)
		return batv_ctl_placing_fail(
			p, BATV_CTL_TROUBLE,
			"Debian's unsplit configuration has %s, which clashes with what exim-batv "
			"must define there; nothing was changed.  The split configuration can do "
			"both.  To change to it:\n"
			"  sed -i \"s/^dc_use_split_config=.*/dc_use_split_config='true'/\" "
			"/etc/exim4/update-exim4.conf.conf && update-exim4.conf\n"
			"(what you changed in exim4.conf.template is not in the split one), then "
			"run batvctl enable again",
			p->inst.hide_mailname ? "dc_hide_mailname='true'"
			: *h->own_return_path ? "a REMOTE_SMTP_RETURN_PATH of its own"
					      : "a MAIN_ACL_CHECK_RCPT of its own");
	if (*h->system_filter && !h->own_filter && !strstr(h->system_filter, "exim-batv"))
		return batv_ctl_placing_fail(
			p, BATV_CTL_TROUBLE,
			"Debian's unsplit configuration has no place for a router, and "
			"system_filter is %s already; nothing was changed.  Put the rules of "
			"%s/debian/unsplit/exim-batv.filter at its beginning, and "
			"BATV_OWN_SYSTEM_FILTER = yes into " BATV_LOCALMACROS
			", or change to the split configuration",
			h->system_filter, p->inst.snippets);
	return BATV_CTL_YES;
}
