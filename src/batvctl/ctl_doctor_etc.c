/*
 * ctl_doctor_etc.c - batvctl doctor: local parts that are too long for a tag, and files that an
 * upgrade or a changed configuration left behind.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_doctor.h"
#include "pieces.h"

#define ADD(check, answer, ...)                                                                    \
 batv_ctl_doctor_finding(d, BATV_DOCTOR_##check, BATV_DOCTOR_##answer, __VA_ARGS__)

#define LOCAL_MAX (BATV_LOCAL_MAX - BATV_TAG_OVERHEAD)
#define FILES_MAX 8

/* ---- local parts ---- */

struct long_names {
	size_t n, files;
	char first[100], where[300];
	char seen[FILES_MAX][300];
};

static void take_name(struct long_names *found, struct batv_span name, const char *where)
{
	if (name.len <= LOCAL_MAX || memchr(name.p, '@', name.len))
		return;
	if (found->n++)
		return;
	snprintf(found->first, sizeof found->first, "%.*s", (int)name.len, name.p);
	snprintf(found->where, sizeof found->where, "%s", where);
}

/* The key of a line of /etc/aliases; it may be in quotes. */
static struct batv_span key_of(const char *line)
{
	const char *end;

	if (*line == '"') {
		end = strchr(++line, '"');
		return batv_span_between(line, end ? end : line);
	}
	return (struct batv_span){line, strcspn(line, ": \t\r\n")};
}

static void read_aliases(struct long_names *found, const char *path)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	while (getline(&line, &size, f) > 0)
		if (*line != '#' && *line != ' ' && *line != '\t')
			take_name(found, key_of(line), path);
	free(line);
	fclose(f);
}

/* Each file once.  A path with a "$" is another one for each mail. */
static void take_path(struct long_names *found, const char *path, size_t len)
{
	char text[300];

	if (len == 0 || len >= sizeof text || *path != '/' || memchr(path, '$', len) ||
	    found->files == FILES_MAX)
		return;
	memcpy(text, path, len);
	text[len] = '\0';
	for (size_t i = 0; i < found->files; i++)
		if (strcmp(found->seen[i], text) == 0)
			return;
	memcpy(found->seen[found->files++], text, len + 1);
	read_aliases(found, text);
}

/* The files in which routers look up local parts: lsearch{FILE}, lsearch;FILE. */
static void read_routers(struct long_names *found, const char *config)
{
	const char *begin = strstr(config, "begin routers"), *end;

	if (!begin)
		return;
	end = strstr(begin + 1, "\nbegin ");
	for (const char *at = begin; (at = strstr(at, "lsearch")) && (!end || at < end);) {
		at += strlen("lsearch");
		if (*at == ',') /* options, as in lsearch,ret=key; */
			at += strcspn(at, ";{\n");
		if (*at == '{' || *at == ';')
			take_path(found, at + 1, strcspn(at + 1, "} \t\n:"));
	}
}

static void check_local_parts(struct batv_ctl_doctor *d)
{
	struct long_names *found = calloc(1, sizeof *found);
	struct batv_ctl_doctor_finding *f;
	struct passwd *pw;

	if (!found)
		return;
	if (d->config)
		read_routers(found, d->config);
	setpwent();
	while ((pw = getpwent()))
		take_name(found, batv_span_of(pw->pw_name), "the list of users");
	endpwent();
	if (!found->n) {
		ADD(LOCAL_PARTS, OK, "no user or alias is too long for a tag");
	} else {
		f = ADD(LOCAL_PARTS, WARN, "%zu %s too long for a tag, and never signed", found->n,
			found->n == 1 ? "local part is" : "local parts are");
		batv_ctl_doctor_finding_why(
			f, "a local part has room for %d octets beside a tag; %s in %s has more",
			LOCAL_MAX, found->first, found->where);
		batv_ctl_doctor_finding_fix(
			f, "nothing needs to be done: bounces to them are not refused; shorter "
			   "ones are protected");
	}
	free(found);
}

/* ---- leftovers ---- */

static size_t tell_leftover(struct batv_ctl_doctor *d, const char *path, const char *suffix)
{
	struct batv_ctl_doctor_finding *f;
	char whole[400];

	snprintf(whole, sizeof whole, "%.300s%s", path, suffix);
	if (access(whole, F_OK) != 0)
		return 0;
	f = ADD(PACKAGE_LEFTOVERS, WARN, "an upgrade left %s", whole);
	batv_ctl_doctor_finding_why(f, "a package did not replace a file that was changed here");
	batv_ctl_doctor_finding_fix(f, "diff %s %s   then remove it", path, whole);
	return 1;
}

static void check_leftovers(struct batv_ctl_doctor *d)
{
	static const char *const suffixes[] = {".dpkg-dist", ".dpkg-new", ".dpkg-old",
					       ".ucf-dist",  ".rpmnew",   ".rpmsave"};
	const size_t n = sizeof suffixes / sizeof suffixes[0];
	size_t found = 0;

	for (size_t k = 0; k < n; k++) {
		found += tell_leftover(d, d->ctl->config_path, suffixes[k]);
		for (size_t i = 0; i < batv_pieces_count; i++)
			found += tell_leftover(d, batv_pieces[i].path, suffixes[k]);
	}
	if (!found)
		ADD(PACKAGE_LEFTOVERS, OK, "no upgrade left files over");
}

void batv_ctl_doctor_etc(struct batv_ctl_doctor *d)
{
	check_local_parts(d);
	check_leftovers(d);
}
