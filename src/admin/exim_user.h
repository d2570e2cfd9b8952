/*
 * exim_user.h - who Exim is, and a process that runs as it.
 *
 * Exim opens the files of a list with the rights of whoever asks.  Root never asks it about a list
 * that came out of the state.
 */
#ifndef BATV_EXIM_USER_H
#define BATV_EXIM_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct batv_exim_user {
	uid_t uid;
	gid_t gid;
};

/* The two lines that `exim -bP exim_user exim_group` prints, names or numbers; false: no such
 * answer. */
bool batv_exim_user_parse(const char *answer, struct batv_exim_user *out);

/*
 * Runs args[0] with `in` as its input and `out` as its output and error; `as` NULL: as we are.
 * 0, or the errno of what failed, also of the exec.
 */
int batv_exim_user_spawn(char **args, int in, int out, const struct batv_exim_user *as, pid_t *pid);

#endif
