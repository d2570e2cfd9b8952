/*
 * acl.c - reads, changes and writes a POSIX access control list.
 *
 * Invariant: entries are in the kernel's order, which is that of their tags and, for users, of
 * their numbers; a list with an entry of a user or group has a mask.
 */
#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ATTRIBUTE "system.posix_acl_access"
#define VERSION 2
#define ENTRIES_MAX 64
#define NOBODY UINT32_MAX /* the number in an entry that is about no user or group */

enum { USER_OBJ = 0x01, USER = 0x02, GROUP_OBJ = 0x04, GROUP = 0x08, MASK = 0x10, OTHER = 0x20 };

struct entry { /* all in the little-endian order */
	uint16_t tag, permissions;
	uint32_t id;
};

struct list {
	uint32_t version;
	struct entry entry[ENTRIES_MAX];
};

struct acl {
	struct list list;
	size_t n;
};
_Static_assert(sizeof(struct list) == 4 + 8 * ENTRIES_MAX, "as the kernel has it");

static struct entry make(unsigned tag, unsigned permissions, uint32_t id)
{
	return (struct entry){htole16((uint16_t)tag), htole16((uint16_t)permissions), htole32(id)};
}

static unsigned tag_of(const struct entry *e)
{
	return le16toh(e->tag);
}

static unsigned permissions_of(const struct entry *e)
{
	return le16toh(e->permissions);
}

/* A file without a list has one all the same: its mode. */
static enum batv_err from_mode(int fd, struct acl *acl)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return BATV_E_IO;
	acl->list.entry[0] = make(USER_OBJ, st.st_mode >> 6 & 7, NOBODY);
	acl->list.entry[1] = make(GROUP_OBJ, st.st_mode >> 3 & 7, NOBODY);
	acl->list.entry[2] = make(OTHER, st.st_mode & 7, NOBODY);
	acl->n = 3;
	return BATV_OK;
}

static enum batv_err read_list(int fd, struct acl *acl)
{
	ssize_t len = fgetxattr(fd, ATTRIBUTE, &acl->list, sizeof acl->list);

	if (len < 0 && errno == ENODATA)
		return from_mode(fd, acl);
	if (len < 0)
		return errno == ERANGE ? BATV_E_FULL : BATV_E_IO;
	if (len < 4 || (len - 4) % (ssize_t)sizeof(struct entry) != 0 ||
	    le32toh(acl->list.version) != VERSION) {
		errno = EINVAL;
		return BATV_E_IO;
	}
	acl->n = (size_t)(len - 4) / sizeof(struct entry);
	return BATV_OK;
}

static enum batv_err write_list(int fd, struct acl *acl)
{
	acl->list.version = htole32(VERSION);
	return fsetxattr(fd, ATTRIBUTE, &acl->list, 4 + acl->n * sizeof(struct entry), 0) < 0
		       ? BATV_E_IO
		       : BATV_OK;
}

/* Where the entry is, or would be. */
static size_t place(const struct acl *acl, unsigned tag, uint32_t id)
{
	size_t i = 0;

	while (i < acl->n &&
	       (tag_of(&acl->list.entry[i]) < tag ||
		(tag_of(&acl->list.entry[i]) == tag && le32toh(acl->list.entry[i].id) < id)))
		i++;
	return i;
}

static bool is_at(const struct acl *acl, size_t i, unsigned tag, uint32_t id)
{
	return i < acl->n && tag_of(&acl->list.entry[i]) == tag &&
	       le32toh(acl->list.entry[i].id) == id;
}

/* Adds to the permissions of an entry, which begins with `first`.  *changed if that changes it. */
static enum batv_err add(struct acl *acl, unsigned tag, uint32_t id, unsigned permissions,
			 unsigned first, bool *changed)
{
	size_t i = place(acl, tag, id);
	struct entry *e = &acl->list.entry[i];

	if (is_at(acl, i, tag, id)) {
		const unsigned sum = permissions_of(e) | permissions;

		*changed = *changed || sum != permissions_of(e);
		*e = make(tag, sum, id);
		return BATV_OK;
	}
	if (acl->n == ENTRIES_MAX)
		return BATV_E_FULL;
	memmove(e + 1, e, (acl->n - i) * sizeof *e);
	*e = make(tag, first | permissions, id);
	acl->n++;
	*changed = true;
	return BATV_OK;
}

static unsigned groups_own(const struct acl *acl)
{
	size_t i = place(acl, GROUP_OBJ, NOBODY);

	return is_at(acl, i, GROUP_OBJ, NOBODY) ? permissions_of(&acl->list.entry[i]) : 0;
}

static bool gives(const struct acl *acl, unsigned tag, uint32_t id, unsigned permissions)
{
	size_t i = place(acl, tag, id);

	return is_at(acl, i, tag, id) &&
	       (permissions_of(&acl->list.entry[i]) & permissions) == permissions;
}

bool batv_acl_allows(int fd, uid_t user, unsigned permissions)
{
	struct acl acl;

	return read_list(fd, &acl) == BATV_OK && gives(&acl, USER, user, permissions) &&
	       gives(&acl, MASK, NOBODY, permissions);
}

enum batv_err batv_acl_allow(int fd, uid_t user, unsigned permissions)
{
	struct acl acl;
	bool changed = false;
	enum batv_err err = read_list(fd, &acl);

	if (err == BATV_OK)
		err = add(&acl, USER, user, permissions, 0, &changed);
	if (err == BATV_OK)
		err = add(&acl, MASK, NOBODY, permissions, groups_own(&acl), &changed);
	return err == BATV_OK && changed ? write_list(fd, &acl) : err;
}

static void take_out(struct acl *acl, size_t i)
{
	struct entry *e = &acl->list.entry[i];

	memmove(e, e + 1, (acl->n - i - 1) * sizeof *e);
	acl->n--;
}

static bool has_named(const struct acl *acl)
{
	for (size_t i = 0; i < acl->n; i++)
		if (tag_of(&acl->list.entry[i]) == USER || tag_of(&acl->list.entry[i]) == GROUP)
			return true;
	return false;
}

/* A list with three entries becomes the mode, and is gone. */
enum batv_err batv_acl_forbid(int fd, uid_t user)
{
	struct acl acl;
	enum batv_err err = read_list(fd, &acl);
	size_t i;

	if (err != BATV_OK)
		return err;
	i = place(&acl, USER, user);
	if (!is_at(&acl, i, USER, user))
		return BATV_OK;
	take_out(&acl, i);
	i = place(&acl, MASK, NOBODY);
	if (!has_named(&acl) && is_at(&acl, i, MASK, NOBODY))
		take_out(&acl, i);
	return write_list(fd, &acl);
}
