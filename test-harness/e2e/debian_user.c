/*
 * debian_user.c - lets Debian's Exim run where its user does not exist; preloaded by lab_debian.py.
 *
 * The binary looks for "Debian-exim" before it reads its configuration.  Here that is the user who
 * runs it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define NAME "Debian-exim"

struct passwd *getpwnam(const char *name)
{
	static char user[] = NAME, none[] = "", root[] = "/", shell[] = "/bin/false";
	static struct passwd ours = {.pw_name = user,
				     .pw_passwd = none,
				     .pw_gecos = none,
				     .pw_dir = root,
				     .pw_shell = shell};
	struct passwd *(*real)(const char *) = dlsym(RTLD_NEXT, "getpwnam");

	if (strcmp(name, NAME) != 0)
		return real(name);
	ours.pw_uid = getuid();
	ours.pw_gid = getgid();
	return &ours;
}

struct group *getgrnam(const char *name)
{
	static char group[] = NAME, none[] = "", *members[] = {NULL};
	static struct group ours = {.gr_name = group, .gr_passwd = none, .gr_mem = members};
	struct group *(*real)(const char *) = dlsym(RTLD_NEXT, "getgrnam");

	if (strcmp(name, NAME) != 0)
		return real(name);
	ours.gr_gid = getgid();
	return &ours;
}
