/*
 * own_files.c - the directory of batv-fleet.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/safefile.h"
#include "own_files.h"
#include "parcel.h"
#include "replace.h"
#include "saved.h"

#define HOST "host"
#define HEAD "exim-batv host 1"
#define LOCK "batv-fleet.lock"
#define SENT "sent"

static enum batv_err complain(enum batv_err err, const char *path, const char *name,
			      const char *why, char *message, size_t size)
{
	snprintf(message, size, "%s%s%s: %s", path, *name ? "/" : "", name, why);
	return err;
}

static enum batv_err open_directory(struct batv_own_files *own, char *message, size_t size)
{
	enum batv_err err = batv_dir_open(own->path, &own->dirfd, NULL);

	if (err == BATV_E_NO_FILE && mkdir(own->path, 0750) == 0)
		err = batv_dir_open(own->path, &own->dirfd, NULL);
	if (err == BATV_OK)
		return BATV_OK;
	own->dirfd = -1;
	if (err == BATV_E_NO_FILE)
		return complain(
			err, own->path, "",
			"the directory is missing; create it with: install -d -o batv-fleet "
			"-g batv -m 2750, and this path",
			message, size);
	return complain(err, own->path, "", batv_fault_phrase(err), message, size);
}

static enum batv_err open_sent(struct batv_own_files *own, char *message, size_t size)
{
	if (mkdirat(own->dirfd, SENT, 0750) < 0 && errno != EEXIST)
		return complain(BATV_E_IO, own->path, SENT, strerror(errno), message, size);
	own->sent = openat(own->dirfd, SENT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own->sent < 0)
		return complain(BATV_E_IO, own->path, SENT, strerror(errno), message, size);
	return BATV_OK;
}

enum batv_err batv_own_files_open(struct batv_own_files *own, const char *path, char *message,
				  size_t size)
{
	enum batv_err err;

	memset(own, 0, sizeof *own);
	own->dirfd = own->sent = own->lock = -1;
	snprintf(own->path, sizeof own->path, "%s", path);
	err = open_directory(own, message, size);
	if (err == BATV_OK) {
		err = batv_lock(own->dirfd, LOCK, 1, &own->lock);
		if (err != BATV_OK) {
			own->lock = -1;
			(void)complain(err, own->path, LOCK,
				       err == BATV_E_CONFLICT
					       ? "another batv-fleet is running with this directory"
					       : batv_fault_phrase(err),
				       message, size);
		}
	}
	if (err == BATV_OK)
		err = open_sent(own, message, size);
	if (err != BATV_OK)
		batv_own_files_close(own);
	return err;
}

void batv_own_files_close(struct batv_own_files *own)
{
	if (own->dirfd >= 0)
		close(own->dirfd);
	if (own->sent >= 0)
		close(own->sent);
	if (own->lock >= 0)
		close(own->lock);
	own->dirfd = own->sent = own->lock = -1;
}

enum batv_err batv_own_files_read(const struct batv_own_files *own, const char *name, char **text,
				  size_t *len)
{
	return batv_slurp(own->dirfd, name, BATV_OWN_FILES_MAX, text, len);
}

enum batv_err batv_own_files_write(const struct batv_own_files *own, const char *name,
				   const void *text, size_t len)
{
	return batv_replace(own->dirfd, name, BATV_OWN_FILES_MODE, text, len);
}

/* ---- who this host is ---- */

/* Reads id and incarnation from a file.  False: it is missing or damaged; both are 0. */
static bool read_host(int dirfd, uint64_t *host, uint64_t *incarnation)
{
	struct batv_saved saved;
	const char *why;
	unsigned line;
	char *text;
	size_t len;
	bool ok;

	*host = *incarnation = 0;
	if (batv_slurp(dirfd, HOST, 4096, &text, &len) != BATV_OK)
		return false;
	ok = batv_saved_begin(&saved, text, len, HEAD);
	while (ok && batv_saved_next(&saved)) {
		if (batv_saved_is(&saved, "id", 1))
			*host = saved.number[0];
		else if (batv_saved_is(&saved, "incarnation", 1))
			*incarnation = saved.number[0];
	}
	ok = batv_saved_end(&saved, &line, &why) == BATV_OK && *host &&
	     *incarnation <= BATV_PARCEL_INCARNATION_MAX;
	if (!ok)
		*host = *incarnation = 0;
	free(text);
	return ok;
}

static enum batv_err write_host(int dirfd, uint64_t host, uint64_t incarnation)
{
	char text[200];
	int len = snprintf(text, sizeof text,
			   HEAD "\nid %" PRIu64 "\nincarnation %" PRIu64 "\nend 2\n", host,
			   incarnation);

	return batv_replace(dirfd, HOST, BATV_OWN_FILES_MODE, text, (size_t)len);
}

static bool make_host(uint64_t *host)
{
	do {
		if (getrandom(host, sizeof *host, 0) != (ssize_t)sizeof *host)
			return false;
	} while (!*host);
	return true;
}

/*
 * sent/host says whose names are there.  Names that went away with that directory cannot be sent
 * again, so the id goes with them.
 */
enum batv_err batv_own_files_begin(struct batv_own_files *own, char *message, size_t size)
{
	uint64_t host, incarnation, names, unused;
	enum batv_err err;

	(void)read_host(own->dirfd, &host, &incarnation);
	(void)read_host(own->sent, &names, &unused);
	own->fresh = !host || host != names || incarnation == BATV_PARCEL_INCARNATION_MAX;
	if (own->fresh) {
		incarnation = 0;
		if (!make_host(&host))
			return complain(BATV_E_IO, own->path, "", "cannot get random bytes",
					message, size);
	}
	incarnation++;
	err = write_host(own->dirfd, host, incarnation);
	if (err == BATV_OK && own->fresh)
		err = write_host(own->sent, host, 0);
	if (err != BATV_OK)
		return complain(err, own->path, HOST, strerror(errno), message, size);
	own->host = host;
	own->incarnation = (uint32_t)incarnation;
	return BATV_OK;
}
