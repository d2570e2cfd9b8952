/*
 * store.c - reads and writes the files of the state directory, with messages for people.
 *
 * Invariant: a file is either replaced whole or not touched.  Text that held secrets is wiped
 * before it is freed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/hmac.h"
#include "publish.h"
#include "store.h"

#define BEAT_SIZE 40

static enum batv_err __attribute__((format(printf, 4, 5)))
fail(enum batv_err err, char *message, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, size, format, ap);
	va_end(ap);
	return err;
}

enum batv_err batv_store_open(struct batv_store *store, const char *path, char *message,
			      size_t size)
{
	enum batv_err err;

	store->dirfd = -1;
	snprintf(store->path, sizeof store->path, "%s", path);
	err = batv_dir_open(path, &store->dirfd, &store->dir);
	if (err == BATV_OK)
		return BATV_OK;
	store->dirfd = -1;
	if (err == BATV_E_NO_FILE)
		return fail(err, message, size,
			    "%s: the state directory is missing; create it with: "
			    "install -d -o batv -g Debian-exim -m 2750 %s",
			    path, path);
	if (err == BATV_E_UNSAFE_FILE)
		return fail(err, message, size,
			    "%s: must be a directory to which nobody but its owner may write; "
			    "correct it with: chown batv:Debian-exim %s; chmod 2750 %s",
			    path, path, path);
	return fail(err, message, size, "%s: cannot open the state directory: %s", path,
		    batv_fault_phrase(err));
}

void batv_store_close(struct batv_store *store)
{
	if (store->dirfd >= 0)
		close(store->dirfd);
	store->dirfd = -1;
}

/* The directory's setgid bit does that, or its group is our own. */
static bool new_files_get_its_group(const struct batv_store *store)
{
	return (store->dir.st_mode & S_ISGID) || store->dir.st_gid == getegid();
}

enum batv_err batv_store_own(const struct batv_store *store, char *message, size_t size)
{
	enum batv_err err = batv_become_owner(&store->dir);

	if (err == BATV_OK && new_files_get_its_group(store))
		return BATV_OK;
	if (err == BATV_OK)
		return fail(BATV_E_UNSAFE_FILE, message, size,
			    "%s: mode %04o: new files would not get its group, so Exim could not "
			    "read them; correct it with: chmod 2750 %s",
			    store->path, (unsigned)store->dir.st_mode & 07777, store->path);
	if (err == BATV_E_UNSAFE_FILE)
		return fail(err, message, size,
			    "%s: belongs to user %u, but this is user %u; only its owner or root "
			    "may do this",
			    store->path, (unsigned)store->dir.st_uid, (unsigned)geteuid());
	return fail(err, message, size, "%s: cannot become its owner, user %u: %s", store->path,
		    (unsigned)store->dir.st_uid, batv_fault_phrase(err));
}

enum batv_err batv_store_lock(const struct batv_store *store, const char *name, unsigned seconds,
			      int *fd, char *message, size_t size)
{
	enum batv_err err = batv_lock(store->dirfd, name, seconds, fd);

	if (err == BATV_OK)
		return BATV_OK;
	*fd = -1;
	if (err == BATV_E_CONFLICT)
		return fail(err, message, size, "%s/%s: another process holds this lock",
			    store->path, name);
	return fail(err, message, size, "%s/%s: cannot lock: %s", store->path, name,
		    batv_fault_phrase(err));
}

/* Root looks, too: a pipe that batvd's user puts in its place must not hold it up. */
static int open_daemon_lock(const struct batv_store *store)
{
	return openat(store->dirfd, BATV_DAEMON_LOCK,
		      O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

enum batv_match batv_store_daemon(const struct batv_store *store)
{
	int saved, fd = open_daemon_lock(store);
	enum batv_match alive = BATV_NO;

	if (fd < 0)
		return errno == ENOENT ? BATV_NO : BATV_MAYBE;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		alive = errno == EWOULDBLOCK ? BATV_YES : BATV_MAYBE;
	saved = errno;
	close(fd);
	errno = saved;
	return alive;
}

/*
 * The text is written in place: a new file would not be locked, and a changed time would wake batvd
 * as a change of the directory.
 */
void batv_store_beat(int lock, int64_t now)
{
	char text[BEAT_SIZE];
	int n = snprintf(text, sizeof text, "looked %-20" PRId64 "\n", now);

	if (lock >= 0 && n > 0 && (size_t)n < sizeof text)
		(void)!pwrite(lock, text, (size_t)n, 0);
}

int64_t batv_store_last_beat(const struct batv_store *store)
{
	int fd = open_daemon_lock(store);
	char text[BEAT_SIZE];
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strncmp(text, "looked ", 7) == 0 ? strtoll(text + 7, NULL, 10) : 0;
}

/* Says why a file of the directory could not be read. */
static enum batv_err unreadable(const struct batv_store *store, const char *name, enum batv_err err,
				char *message, size_t size)
{
	char why[200];
	const char *fault = batv_fault(store->dirfd, name, false, err, why, sizeof why);

	return fail(err, message, size, "%s/%s: %s%s", store->path, name,
		    err == BATV_E_UNSAFE_FILE ? "not used, it is unsafe: " : "", fault);
}

enum batv_err batv_store_read_secret(const struct batv_store *store, struct batv_secrets *out,
				     char *message, size_t size)
{
	const char *why = "";
	unsigned line = 0;
	char *text = NULL;
	size_t len = 0;
	enum batv_err err;

	err = batv_slurp(store->dirfd, BATV_SECRET_NAME, BATV_SECRET_FILE_MAX, &text, &len);
	if (err)
		return unreadable(store, BATV_SECRET_NAME, err, message, size);
	err = batv_secrets_parse(text, len, out, &line, &why);
	batv_wipe(text, len);
	free(text);
	if (err)
		return fail(err, message, size, "%s/%s:%u: %s", store->path, BATV_SECRET_NAME, line,
			    why && *why ? why : batv_strerror(err));
	return BATV_OK;
}

enum batv_err batv_store_write_secret(const struct batv_store *store,
				      const struct batv_secrets *secrets, char *message,
				      size_t size)
{
	char *text = NULL;
	size_t len = 0;
	enum batv_err err = batv_secrets_format(secrets, &text, &len);
	int saved;

	if (err == BATV_OK)
		err = batv_replace(store->dirfd, BATV_SECRET_NAME, BATV_SECRET_MODE, text, len);
	saved = errno;
	if (text)
		batv_wipe(text, len);
	free(text);
	errno = saved;
	if (err)
		return fail(err, message, size, "%s/%s: %s: %s", store->path, BATV_SECRET_NAME,
			    batv_fault_unwritten(err, "cannot write the secrets"),
			    batv_fault_phrase(err));
	return BATV_OK;
}

/* Takes ownership of text, even on error. */
static enum batv_err take_state(char *text, size_t len, struct batv_stored_state *out,
				unsigned *line, const char **why)
{
	struct batv_stored_state *fresh = calloc(1, sizeof *fresh);
	enum batv_err err = BATV_E_IO;

	if (fresh)
		err = batv_state_parse(text, len, &fresh->state, line, why);
	if (err) {
		batv_wipe(text, len);
		free(text);
	} else {
		batv_store_free_state(out);
		*out = *fresh;
		out->text = text;
		out->len = len;
	}
	if (fresh)
		batv_wipe(fresh, sizeof *fresh);
	free(fresh);
	return err;
}

enum batv_err batv_store_read_state(const struct batv_store *store, struct batv_stored_state *out,
				    char *message, size_t size)
{
	const char *why = NULL;
	unsigned line = 0;
	char *text = NULL;
	size_t len = 0;
	enum batv_err err;

	err = batv_slurp(store->dirfd, BATV_STATE_NAME, BATV_STATE_MAX, &text, &len);
	if (err)
		return unreadable(store, BATV_STATE_NAME, err, message, size);
	err = take_state(text, len, out, &line, &why);
	if (err && line)
		return fail(err, message, size, "%s/%s:%u: %s", store->path, BATV_STATE_NAME, line,
			    why ? why : batv_strerror(err));
	if (err)
		return fail(err, message, size, "%s/%s: %s", store->path, BATV_STATE_NAME,
			    batv_fault_phrase(err));
	return BATV_OK;
}

enum batv_err batv_store_publish(const struct batv_store *store, const struct batv_state *state,
				 struct batv_stored_state *out, char *message, size_t size)
{
	char list[128] = "", *text = NULL;
	size_t len = 0;
	enum batv_err err = batv_publish_format(state, &text, &len, list, sizeof list);

	if (err && err != BATV_E_TOO_LONG)
		return fail(err, message, size, "%s/%s: cannot write the state: %s", store->path,
			    BATV_STATE_NAME, batv_fault_phrase(err));
	if (err)
		return fail(
			err, message, size,
			"%s/%s: the configuration does not fit into a state of %d bytes; move the "
			"longest list (%s) to a file, and name the file instead",
			store->path, BATV_STATE_NAME, BATV_STATE_MAX, list);
	err = batv_replace(store->dirfd, BATV_STATE_NAME, BATV_STATE_MODE, text, len);
	if (err)
		fail(err, message, size, "%s/%s: %s: %s", store->path, BATV_STATE_NAME,
		     batv_fault_unwritten(err, "cannot write the state"), batv_fault_phrase(err));
	if (err == BATV_OK && out) {
		err = take_state(text, len, out, NULL, NULL);
		if (err)
			fail(err, message, size, "%s/%s: wrote a state that cannot be read: %s",
			     store->path, BATV_STATE_NAME, batv_strerror(err));
		return err;
	}
	batv_wipe(text, len);
	free(text);
	return err;
}

void batv_store_free_state(struct batv_stored_state *stored)
{
	if (stored->text)
		batv_wipe(stored->text, stored->len);
	free(stored->text);
	batv_wipe(stored, sizeof *stored);
}
