/*
 * exim_user.c - finds Exim's user, and starts a process as that user.
 *
 * Invariant: a process that should run as another user runs as that user, with that group and no
 * other, or it does not run.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/span.h"
#include "exim_user.h"

/* Gets the word after "name = ".  False: there is none. */
static bool value_of(const char *answer, const char *name, char out[static 64])
{
	size_t len = strlen(name);

	for (const char *line = answer; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n");
		if (strncmp(line, name, len) == 0 && sscanf(line + len, " = %63s", out) == 1)
			return true;
	}
	return false;
}

static bool number_of(const char *value, unsigned *out)
{
	uint64_t n;

	if (!batv_span_to_u64(batv_span_of(value), &n) || n >= UINT32_MAX)
		return false;
	*out = (unsigned)n;
	return true;
}

bool batv_exim_user_parse(const char *answer, struct batv_exim_user *out)
{
	char user[64], group[64];
	const struct passwd *pw;
	const struct group *gr;
	unsigned uid, gid;

	if (!value_of(answer, "exim_user", user) || !value_of(answer, "exim_group", group))
		return false;
	if (!number_of(user, &uid)) {
		pw = getpwnam(user);
		if (!pw)
			return false;
		uid = pw->pw_uid;
	}
	if (!number_of(group, &gid)) {
		gr = getgrnam(group);
		if (!gr)
			return false;
		gid = gr->gr_gid;
	}
	*out = (struct batv_exim_user){uid, gid};
	return true;
}

/* Runs in the child, and returns only if something failed. */
static void become_and_run(char **args, char **env, const int files[3],
			   const struct batv_exim_user *as)
{
	if (as && (setgroups(0, NULL) < 0 || setresgid(as->gid, as->gid, as->gid) < 0 ||
		   setresuid(as->uid, as->uid, as->uid) < 0))
		return;
	for (int i = 0; i < 3; i++)
		if (dup2(files[i], i) < 0)
			return;
	execve(args[0], args, env);
}

int batv_exim_user_spawn(char **args, char **env, const int files[3],
			 const struct batv_exim_user *as, pid_t *pid)
{
	int ends[2], error = 0;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	*pid = fork();
	if (*pid == 0) {
		become_and_run(args, env, files, as);
		error = errno;
		_exit(write(ends[1], &error, sizeof error) == sizeof error ? 127 : 126);
	}
	error = *pid < 0 ? errno : 0;
	close(ends[1]);
	if (*pid > 0) {
		do /* nothing comes if the exec succeeds: that closes its end */
			got = read(ends[0], &error, sizeof error);
		while (got < 0 && errno == EINTR);
		if (got == sizeof error)
			(void)waitpid(*pid, NULL, 0);
		else
			error = 0;
	}
	close(ends[0]);
	return error;
}
