/*
 * exim_user.h - finds Exim's user, and starts a process as that user.
 *
 * Exim opens the files of a list with the rights of its caller.  So root never asks as itself about
 * a list that came from the state.
 */
#ifndef BATV_EXIM_USER_H
#define BATV_EXIM_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct batv_exim_user {
	uid_t uid;
	gid_t gid;
};

/*
 * Reads the two lines that `exim -bP exim_user exim_group` prints, with names or numbers.  Returns
 * false if the answer does not have them.
 */
bool batv_exim_user_parse(const char *answer, struct batv_exim_user *out);

/*
 * Runs args[0] in this environment, with these files as its input, output and error, none of which
 * is 0, 1 or 2; as the user `as`, or as the caller's if that is NULL.  Returns 0, or the errno of
 * what failed, including the exec.
 */
int batv_exim_user_spawn(char **args, char **env, const int files[3],
			 const struct batv_exim_user *as, pid_t *pid);

#endif
