/*
 * store.h - the files of the state directory, as batvd and batvctl use them.  A function that fails
 * leaves one complete line in `message`: what happened, where, and what to do.
 */
#ifndef BATV_STORE_H
#define BATV_STORE_H

#include "decide/state.h"
#include "decide/verdict.h"
#include "replace.h"
#include "secret.h"

#define BATV_MESSAGE_SIZE 6000        /* two paths and a sentence */
#define BATV_WRITER_LOCK "lock"       /* held while a file of the directory is changed */
#define BATV_DAEMON_LOCK "batvd.lock" /* held by batvd while it runs */

#define BATV_SECRET_MODE 0600
#define BATV_STATE_MODE 0640

struct batv_store {
	int dirfd; /* -1: not open */
	struct stat dir;
	char path[4096];
};

/* Opens the directory.  Errors: those of batv_dir_open. */
enum batv_err batv_store_open(struct batv_store *store, const char *path, char *message,
			      size_t size);
void batv_store_close(struct batv_store *store);

/*
 * As root, becomes the owner of the directory for good.
 * Errors: those of batv_become_owner; BATV_E_UNSAFE_FILE too if new files would not get the
 * directory's group.
 */
enum batv_err batv_store_own(const struct batv_store *store, char *message, size_t size);

enum batv_err batv_store_lock(const struct batv_store *store, const char *name, unsigned seconds,
			      int *fd, char *message, size_t size);
/* Is batvd running?  MAYBE: this user may not look. */
enum batv_match batv_store_daemon(const struct batv_store *store);
/* batvd's heartbeat: writes into its own lock file when it looked last.  Errors do not matter. */
void batv_store_beat(int lock, int64_t now);
/* When batvd looked last, by its heartbeat; 0: not known. */
int64_t batv_store_last_beat(const struct batv_store *store);

enum batv_err batv_store_read_secret(const struct batv_store *store, struct batv_secrets *out,
				     char *message, size_t size);
/* The caller must hold the lock. */
enum batv_err batv_store_write_secret(const struct batv_store *store,
				      const struct batv_secrets *secrets, char *message,
				      size_t size);

/* A state and the text that it borrows.  Start with all bytes zero; text NULL: none. */
struct batv_stored_state {
	char *text;
	size_t len;
	struct batv_state state;
};

/* Accepts a state of any date: one from the future shows that the clock went back. */
enum batv_err batv_store_read_state(const struct batv_store *store, struct batv_stored_state *out,
				    char *message, size_t size);
/* The caller must hold the lock.  *out (may be NULL) becomes what was written. */
enum batv_err batv_store_publish(const struct batv_store *store, const struct batv_state *state,
				 struct batv_stored_state *out, char *message, size_t size);
void batv_store_free_state(struct batv_stored_state *stored);

#endif
