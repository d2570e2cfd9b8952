/* links: admin/root_path */
/*
 * fuzz_root_path.c - any path, and any command, in a file system of links: the walk ends, and what
 * root may trust leads through root's own directories alone.
 *
 * Input: lines: a path, a command, and the targets of links L0 to L9.  The first letter of a name
 * says what it is: L a link, O somebody else's, W writable, N not there.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reach.h"
#include "root_path.h"

enum { TRUSTED, NOT_TRUSTED, LINKED, MAY_RUN, MAY_NOT_RUN, TOO_MANY_LINKS, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"trusted", "not_trusted", "linked", "may_run", "may_not_run", "too_many_links",
};

static const char *targets[10];
static unsigned looked, followed;
static bool bad; /* something that root cannot trust was seen */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	reach_start(outcomes, OUTCOMES);
	return 0;
}

int stand_in_lstat(const char *path, struct stat *st);
int stand_in_lstat(const char *path, struct stat *st)
{
	const char *name = strrchr(path, '/');

	/* never two components at once, and never back: that would be another file than the
	 * kernel's */
	must(*path == '/' && name && strlen(path) < PATH_MAX && !strstr(path, "//"));
	must(!strstr(path, "/../") && !strstr(path, "/./") && strcmp(name, "/..") != 0);
	if (strcmp(path, "/") == 0) /* a walk begins */
		looked = followed = 0;
	must(looked++ < PATH_MAX * 42);
	*st = (struct stat){.st_mode = S_IFDIR | 0755};
	switch (name[1]) {
	case 'L': st->st_mode = S_IFLNK | 0777; break;
	case 'O':
		st->st_uid = 1;
		bad = true;
		break;
	case 'W':
		st->st_mode |= 02;
		bad = true;
		break;
	case 'N':
		errno = ENOENT;
		bad = true;
		return -1;
	default: break;
	}
	return 0;
}

ssize_t stand_in_readlink(const char *path, char *out, size_t size);
ssize_t stand_in_readlink(const char *path, char *out, size_t size)
{
	const char *name = strrchr(path, '/') + 1, *target;
	size_t len;

	must(*name == 'L' && followed++ <= 40);
	target = name[1] >= '0' && name[1] <= '9' ? targets[name[1] - '0'] : NULL;
	if (!target) {
		bad = true;
		return errno = EIO, -1;
	}
	len = strnlen(target, size);
	memcpy(out, target, len);
	return (ssize_t)len;
}

char *stand_in_getcwd(char *out, size_t size);
char *stand_in_getcwd(char *out, size_t size)
{
	snprintf(out, size, "/home");
	return out;
}

static char *take_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

static bool walk(const char *path)
{
	char why[400] = "";
	bool ok;

	looked = followed = 0;
	bad = false;
	ok = batv_root_path(path, why, sizeof why);
	must(ok == (*why == '\0') && strlen(why) < sizeof why);
	must(!(ok && bad) && looked > 0);
	reached(ok ? TRUSTED : NOT_TRUSTED);
	if (followed > 0)
		reached(LINKED);
	if (followed > 40)
		reached(TOO_MANY_LINKS);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size), *rest = text, why[400] = "";
	const char *path = take_line(&rest), *command = take_line(&rest);
	bool ok;

	for (size_t i = 0; i < 10; i++)
		targets[i] = *rest ? take_line(&rest) : NULL;
	if (strlen(path) < PATH_MAX)
		ok = walk(path);
	else
		ok = batv_root_path(path, why, sizeof why);
	must(strlen(path) < PATH_MAX || !ok);
	if (!batv_root_path_may_run(path, command, why, sizeof why)) {
		must(strncmp(why, "not run as root: ", 17) == 0);
		reached(MAY_NOT_RUN);
	} else {
		must(ok && !bad);
		reached(MAY_RUN);
	}
	free(text);
	return 0;
}
