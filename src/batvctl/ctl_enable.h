/*
 * ctl_enable.h - the parts of `batvctl enable`: what it asks first, plain configurations, and the
 * probe.
 */
#ifndef BATV_CTL_ENABLE_H
#define BATV_CTL_ENABLE_H

#include "ctl_placing.h"

/*
 * ctl_before.c: is this an Exim in which exim-batv can be placed?  Otherwise they say why, end the
 * placing, and return a code.
 */
int batv_ctl_before_exim(struct batv_placing *p);
int batv_ctl_before_daemon(struct batv_placing *p);
/* `has`: what the new configuration has. */
int batv_ctl_before_directory(struct batv_placing *p, const struct batv_installed *has);
int batv_ctl_before_others(struct batv_placing *p);

/*
 * A configuration that the administrator writes himself: it is never changed.  Prints the diff that
 * is missing (--diff: nothing else), or finds that all is there.  Frees p.
 */
int batv_ctl_plain(struct batv_placing *p);

/*
 * The unified diff that puts exim-batv into the text of a configuration file, from malloc; "" if
 * nothing is missing.  NULL: it cannot be made, and `why` is one sentence.  `transports` are names,
 * each followed by a space.
 */
struct batv_diff_wanted {
	const char *snippets, *module; /* directory; path, "": compiled in */
	bool local_scan, main, unsign; /* what is missing */
	const char *transports;
};
char *batv_ctl_diff(const char *path, const char *text, const struct batv_diff_wanted *wanted,
		    char *why, size_t size);

/*
 * Sends one signed mail to an address through Exim, and reads its delivery line.  YES: it was
 * taken; NO: it was refused; MAYBE: not yet.  `said` is one sentence.
 */
enum batv_match batv_ctl_probe(const struct batv_placing *p, const char *from, const char *to,
			       char *said, size_t size);

/*
 * Sends one mail with a null sender to a signed address of the domain, straight to the MX of that
 * domain.  YES: it was taken, so that MX knows what to do with tags.
 */
enum batv_match batv_ctl_probe_mx(const struct batv_placing *p, const char *domain, char *said,
				  size_t size);

#endif
