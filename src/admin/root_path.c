/*
 * root_path.c - may root trust a path?
 *
 * The path is walked one component at a time, through symbolic links, as the kernel walks it.
 * Looking at names is safe here: nobody but root can change a component that has passed.
 */
#include "root_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40

struct walk {
	char at[PATH_MAX];   /* what has been reached; "" is the root directory */
	char rest[PATH_MAX]; /* what is still to come */
	unsigned links;
	char *why;
	size_t size;
};

static bool wrong(struct walk *w, const char *what)
{
	snprintf(w->why, w->size, "%.200s: %s", *w->at ? w->at : "/", what);
	return false;
}

/* rest becomes "target/rest". */
static bool prepend_target(struct walk *w, const char *target)
{
	char joined[PATH_MAX];
	size_t n = (size_t)snprintf(joined, sizeof joined, "%s/%s", target, w->rest);

	if (n >= sizeof joined)
		return wrong(w, strerror(ENAMETOOLONG));
	memcpy(w->rest, joined, n + 1);
	return true;
}

static void leave_directory(struct walk *w)
{
	char *slash = strrchr(w->at, '/');

	if (slash)
		*slash = '\0';
}

/* A link that is root's: on to where it points. */
static bool follow_link(struct walk *w)
{
	char target[PATH_MAX];
	ssize_t n = readlink(w->at, target, sizeof target - 1);

	if (n < 0 || ++w->links > LINKS_MAX)
		return wrong(w, strerror(n < 0 ? errno : ELOOP));
	target[n] = '\0';
	if (*target == '/')
		w->at[0] = '\0';
	else
		leave_directory(w);
	return prepend_target(w, target);
}

static bool look_at_component(struct walk *w)
{
	struct stat st;

	if (lstat(*w->at ? w->at : "/", &st) < 0)
		return wrong(w, strerror(errno));
	if (st.st_uid != 0)
		return wrong(w, "it does not belong to root");
	if (S_ISLNK(st.st_mode))
		return follow_link(w);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return wrong(w, "users other than root may write to it");
	return true;
}

/* Take one component off rest. */
static bool take_component(struct walk *w)
{
	size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/"), at = strlen(w->at);
	char name[PATH_MAX];

	memcpy(name, w->rest + skip, len);
	name[len] = '\0';
	memmove(w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	if (len == 0 || strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		leave_directory(w);
		return true;
	}
	if (at + 1 + len >= sizeof w->at)
		return wrong(w, strerror(ENAMETOOLONG));
	w->at[at] = '/';
	memcpy(w->at + at + 1, name, len + 1);
	return look_at_component(w);
}

bool batv_root_path(const char *path, char *why, size_t size)
{
	struct walk w = {.why = why, .size = size};
	char here[PATH_MAX];
	bool ok;

	if (strlen(path) >= sizeof w.rest)
		return wrong(&w, strerror(ENAMETOOLONG));
	memcpy(w.rest, path, strlen(path) + 1);
	ok = look_at_component(&w);
	if (ok && *path != '/')
		ok = getcwd(here, sizeof here) ? prepend_target(&w, here)
					       : wrong(&w, strerror(errno));
	while (ok && *w.rest)
		ok = take_component(&w);
	return ok;
}

bool batv_root_path_may_run(const char *config_path, const char *command, char *why, size_t size)
{
	char words[PATH_MAX], fault[300], *save = NULL;
	bool ok = batv_root_path(config_path, fault, sizeof fault);

	if (strlen(command) >= sizeof words) {
		snprintf(why, size, "not run as root: the command is too long");
		return false;
	}
	memcpy(words, command, strlen(command) + 1);
	for (char *word = strtok_r(words, " ", &save); ok && word;
	     word = strtok_r(NULL, " ", &save))
		if (strchr(word, '/')) /* this includes "-C/etc/x" */
			ok = batv_root_path(strchr(word, '/'), fault, sizeof fault);
	if (!ok)
		snprintf(why, size, "not run as root: %s", fault);
	return ok;
}
