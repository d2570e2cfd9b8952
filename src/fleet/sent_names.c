/*
 * sent_names.c - files of names, written at their ends only.
 *
 * Invariant: a file has whole records.  If a write was cut off, by a crash or a full disk, the rest
 * is cut off before the next one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safefile.h"
#include "base/span.h"
#include "sent_names.h"

static void name_of(unsigned day, char name[static 12])
{
	snprintf(name, 12, "%u", day);
}

void batv_sent_names_start(struct batv_sent_names *names, int dirfd)
{
	*names = (struct batv_sent_names){.dirfd = dirfd, .fd = -1};
}

void batv_sent_names_sync(struct batv_sent_names *names)
{
	if (names->fd >= 0 && names->dirty)
		(void)fdatasync(names->fd);
	names->dirty = false;
}

void batv_sent_names_end(struct batv_sent_names *names)
{
	batv_sent_names_sync(names);
	if (names->fd >= 0)
		close(names->fd);
	names->fd = -1;
}

/* The length of the file's whole records; -1: errno says why. */
static off_t whole(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	return st.st_size - st.st_size % BATV_SENT_NAMES_LEN;
}

static bool open_day(struct batv_sent_names *names, uint16_t day)
{
	char name[12];

	if (names->fd >= 0 && names->day == day)
		return true;
	batv_sent_names_end(names);
	name_of(day, name);
	names->fd = openat(names->dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	names->day = day;
	return names->fd >= 0;
}

bool batv_sent_names_add(struct batv_sent_names *names, uint16_t day, const uint8_t *records,
			 size_t n)
{
	const size_t len = n * BATV_SENT_NAMES_LEN;
	size_t done = 0;
	off_t end;
	int saved;

	if (!open_day(names, day))
		return false;
	end = whole(names->fd);
	if (end < 0)
		return false;
	while (done < len) {
		ssize_t put = pwrite(names->fd, records + done, len - done, end + (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			saved = put == 0 ? ENOSPC : errno;
			(void)!ftruncate(names->fd, end);
			errno = saved;
			return false;
		}
		done += (size_t)put;
	}
	names->dirty = true;
	return true;
}

static int open_to_read(const struct batv_sent_names *names, unsigned day)
{
	char name[12];

	name_of(day, name);
	return openat(names->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

size_t batv_sent_names_read(const struct batv_sent_names *names, uint16_t day, size_t index,
			    uint8_t *records, size_t n)
{
	int fd = open_to_read(names, day);
	size_t len = 0;

	if (fd < 0)
		return 0;
	if (lseek(fd, (off_t)(index * BATV_SENT_NAMES_LEN), SEEK_SET) < 0 ||
	    !batv_file_read(fd, records, n * BATV_SENT_NAMES_LEN, &len))
		len = 0;
	close(fd);
	return len / BATV_SENT_NAMES_LEN;
}

unsigned batv_sent_names_next(const struct batv_sent_names *names, unsigned day, unsigned last)
{
	char name[12];

	for (; day <= last; day++) {
		name_of(day, name);
		if (faccessat(names->dirfd, name, F_OK, 0) == 0)
			break;
	}
	return day;
}

uint64_t batv_sent_names_count(const struct batv_sent_names *names, uint16_t day)
{
	int fd = open_to_read(names, day);
	off_t len = fd >= 0 ? whole(fd) : 0;

	if (fd >= 0)
		close(fd);
	return len > 0 ? (uint64_t)len / BATV_SENT_NAMES_LEN : 0;
}

void batv_sent_names_expire(const struct batv_sent_names *names, unsigned first, unsigned last)
{
	DIR *dir = fdopendir(openat(names->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	uint64_t day;

	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (batv_span_to_u64(batv_span_of(entry->d_name), &day) &&
		    (day < first || day > last))
			(void)unlinkat(names->dirfd, entry->d_name, 0);
	(void)closedir(dir);
}
