/*
 * list_file.c - examines the file of a look-up, and every directory above it.
 *
 * The walk goes by name, from "/" down.  This is not a race: before a name is looked at, its
 * directory has been found to be a real directory that belongs to root and that only root can write
 * to.  So nobody but root can change what any part of the path refers to, then or later.  For the
 * same reason a sticky directory such as /tmp is refused: root's own files come and go there, and a
 * user who waits for that can put a fifo in such a file's place.  Nothing is opened except a file
 * that has passed, to read its content.
 */
#include "decide/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MOST ((off_t)1 << 30)

/* Decides as the kernel does for a user who is not root and has no other group. */
static bool may_access(const struct stat *st, gid_t group, unsigned bit)
{
	unsigned mode = st->st_mode;

	return ((st->st_gid == group ? mode >> 3 : mode) & bit) == bit;
}

static enum batv_list_fault fault_of(const struct stat *st, bool last, gid_t group)
{
	if (S_ISLNK(st->st_mode))
		return BATV_LIST_LINK;
	if (last ? !S_ISREG(st->st_mode) : !S_ISDIR(st->st_mode))
		return BATV_LIST_TYPE;
	if (st->st_uid != 0)
		return BATV_LIST_OWNER;
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return BATV_LIST_WRITABLE;
	if (last && st->st_size > SIZE_MOST)
		return BATV_LIST_SIZE;
	if (!may_access(st, group, last ? S_IROTH : S_IXOTH))
		return BATV_LIST_UNREADABLE;
	return BATV_LIST_GOOD;
}

static enum batv_list_fault look_at_part(const char *part, bool last, gid_t group,
					 struct batv_list_trouble *trouble)
{
	struct stat st;

	if (lstat(part, &st) < 0) {
		trouble->error = errno;
		return BATV_LIST_ERRNO;
	}
	trouble->owner = st.st_uid;
	trouble->mode = st.st_mode & 07777;
	return fault_of(&st, last, group);
}

/* ---- what Exim takes for items ---- */

struct scan {
	bool expanded;
	bool start, comment, quoted; /* of the current line; start: its key has not begun */
	unsigned line;
};

/*
 * Takes one byte of a file of patterns.  Returns false if a list must not have it.  The value of a
 * key counts too, because after "@@" it is a list.  Exim removes backslashes in a quoted key, and
 * in every key that it expands.
 */
static bool scan_byte(struct scan *scan, char c)
{
	if (scan->start && c == '#')
		scan->comment = true;
	if (scan->start && c == '"')
		scan->quoted = true;
	if (c == '\0' || (!scan->comment && c == ';') || (scan->start && c == '/'))
		return false;
	if (!scan->comment && (scan->expanded || scan->quoted) && (c == '\\' || c == '$'))
		return false;
	if (c != '!' && c != '"' && c != ' ' && c != '\t')
		scan->start = false;
	if (c == '\n') {
		scan->start = true;
		scan->comment = scan->quoted = false;
		scan->line++;
	}
	return true;
}

static enum batv_list_fault scan_file(int fd, struct scan *scan, struct batv_list_trouble *trouble)
{
	char text[4096];
	ssize_t got;

	while ((got = read(fd, text, sizeof text)) > 0)
		for (ssize_t i = 0; i < got; i++)
			if (!scan_byte(scan, text[i])) {
				trouble->line = scan->line;
				return BATV_LIST_CONTENT;
			}
	trouble->error = errno;
	return got == 0 ? BATV_LIST_GOOD : BATV_LIST_ERRNO;
}

static enum batv_list_fault look_inside(const char *path, enum batv_content content,
					struct batv_list_trouble *trouble)
{
	struct scan scan = {.expanded = content == BATV_CONTENT_EXPANDED, .start = true, .line = 1};
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum batv_list_fault fault;

	if (fd < 0) {
		trouble->error = errno;
		return BATV_LIST_ERRNO;
	}
	fault = scan_file(fd, &scan, trouble);
	(void)close(fd);
	return fault;
}

/* ---- the path ---- */

bool batv_list_file(const char *path, enum batv_content content, gid_t group,
		    struct batv_list_trouble *trouble)
{
	char part[BATV_LIST_ITEM_MAX + 1] = "/";
	size_t len = strlen(path), end = 0;

	*trouble = (struct batv_list_trouble){
		.fault = BATV_LIST_ERRNO, .len = len, .error = ENAMETOOLONG};
	if (len >= sizeof part)
		return false;
	trouble->len = 1;
	trouble->fault = look_at_part(part, false, group, trouble);
	while (!trouble->fault && end < len) {
		end += 1 + strcspn(path + end + 1, "/");
		memcpy(part, path, end);
		part[end] = '\0';
		trouble->len = end;
		trouble->fault = look_at_part(part, end == len, group, trouble);
	}
	if (!trouble->fault && content != BATV_CONTENT_KEYS)
		trouble->fault = look_inside(path, content, trouble);
	return trouble->fault == BATV_LIST_GOOD;
}

void batv_list_file_why(const char *path, const struct batv_list_trouble *t, char *out, size_t size)
{
	int len = (int)t->len;

	switch (t->fault) {
	case BATV_LIST_GOOD:
		(void)snprintf(out, size, "%s: nothing is wrong with it now", path);
		break;
	case BATV_LIST_ERRNO:
		(void)snprintf(out, size, "%.*s: %s", len, path, strerror(t->error));
		break;
	case BATV_LIST_LINK:
		(void)snprintf(out, size, "%.*s: is a symbolic link; write the path without links",
			       len, path);
		break;
	case BATV_LIST_TYPE:
		(void)snprintf(out, size, "%.*s: is not a %s", len, path,
			       path[len] ? "directory" : "regular file");
		break;
	case BATV_LIST_OWNER:
		(void)snprintf(out, size, "%.*s: owner is %u, must be root", len, path, t->owner);
		break;
	case BATV_LIST_WRITABLE:
		(void)snprintf(out, size, "%.*s: mode is %04o, only root may be able to write", len,
			       path, t->mode);
		break;
	case BATV_LIST_SIZE: (void)snprintf(out, size, "%s: expected at most 1 GiB", path); break;
	case BATV_LIST_UNREADABLE:
		(void)snprintf(out, size,
			       "%.*s: mode is %04o, Exim's user must be able to %s: others, or the "
			       "group if it is "
			       "the state directory's",
			       len, path, t->mode, path[len] ? "search it" : "read it");
		break;
	case BATV_LIST_CONTENT:
		(void)snprintf(out, size,
			       "%s: line %u: Exim would take this for an item of a list: no \";\", "
			       "no \"/\" in front, "
			       "no NUL; no \"\\\" and \"$\" in quotes or in wildlsearch "
			       "(nwildlsearch takes them)",
			       path, t->line);
		break;
	}
}
