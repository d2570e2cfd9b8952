/*
 * list_file_stand_in.h - for fuzz targets: the file system that list_file.c sees.  One file has
 * content; the first letter of each name says what is wrong with it.
 */
#ifndef FUZZ_LIST_FILE_STAND_IN_H
#define FUZZ_LIST_FILE_STAND_IN_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reach.h"

static const char *stand_in_path = "/lists/shop"; /* of the file; all other names are directories */
static const void *stand_in_content = "shop.test\n";
static size_t stand_in_len = 10;
static unsigned stand_in_opened;

int stand_in_lstat(const char *path, struct stat *st);
int stand_in_lstat(const char *path, struct stat *st)
{
	const char *name = strrchr(path, '/');
	const bool last = strcmp(path, stand_in_path) == 0;

	must(name && *path == '/');
	*st = (struct stat){.st_mode = (last ? S_IFREG : S_IFDIR) | 0755};
	switch (name[1]) {
	case 'L': st->st_mode = S_IFLNK | 0777; break;
	case 'T': st->st_mode = (last ? S_IFIFO : S_IFREG) | 0755; break;
	case 'O': st->st_uid = 1000; break;
	case 'W': st->st_mode |= 020; break;
	case 'B': st->st_size = (off_t)1 << 40; break;
	case 'U': st->st_mode &= ~(mode_t)0005; break;
	case 'G':
		st->st_gid = 3;
		st->st_mode &= ~(mode_t)0005;
		break;
	case 'N': errno = ENOENT; return -1;
	default: break;
	}
	return 0;
}

/* 'X': it went away in the meantime; 'D': it cannot be read. */
int stand_in_open(const char *path, int flags, ...);
int stand_in_open(const char *path, int flags, ...)
{
	const char *name = strrchr(path, '/');
	int fd;

	must(strcmp(path, stand_in_path) == 0 && (flags & O_ACCMODE) == O_RDONLY);
	must((flags & O_NOFOLLOW) && (flags & O_NONBLOCK) && (flags & O_NOCTTY));
	if (name[1] == 'X')
		return errno = EACCES, -1;
	if (name[1] == 'D')
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = memfd_create("list", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, stand_in_content, stand_in_len) == (ssize_t)stand_in_len);
	must(lseek(fd, 0, SEEK_SET) == 0);
	stand_in_opened++;
	return fd;
}

#endif
