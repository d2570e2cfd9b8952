/*
 * sandbox.h - a directory of its own for each test, open as `dir`, gone afterwards.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char sandbox[256];
static int dir = -1;

static inline void sandbox_make(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(sandbox, sizeof sandbox, "%.200s/batv-unit.XXXXXX",
		       tmp && *tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(sandbox));
	dir = open(sandbox, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
}

static inline void sandbox_remove(void)
{
	DIR *d;
	const struct dirent *e;

	(void)fchmod(dir, 0700);
	d = fdopendir(dup(dir));
	while (d && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlinkat(dir, e->d_name, 0) < 0)
			(void)unlinkat(dir, e->d_name, AT_REMOVEDIR);
	if (d)
		(void)closedir(d);
	(void)close(dir);
	(void)rmdir(sandbox);
}

/* A file with text in it; len bytes of mode `mode`, whatever the umask. */
static inline void sandbox_file(const char *name, mode_t mode, const void *data, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(close(fd), 0);
}

/* How many names lie in the directory. */
static inline unsigned sandbox_count(void)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *e;
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	return n;
}

#endif
