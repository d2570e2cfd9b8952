/*
 * own_files.h - fleet_directory: who this host is in the fleet, and what batv-fleet keeps for its
 * next start.
 *
 *	host      the id of this host, and its incarnation: one more at each start
 *	roster    who was heard, how far; member: what was sent; capture: how far journals were read
 *	sent/DAY  the names that this host recorded: sent_names.h
 *	view      for batvd and batvctl
 */
#ifndef BATV_OWN_FILES_H
#define BATV_OWN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BATV_OWN_FILES_MODE 0640
#define BATV_OWN_FILES_MAX ((size_t)16 << 20)

struct batv_own_files {
	char path[4096];
	int dirfd, sent; /* -1: not open */
	int lock;
	uint64_t host;
	uint32_t incarnation;
	bool fresh; /* the id was made by this start */
};

/*
 * Opens the directory, makes it if its parent lets us, and takes its lock.  On error nothing is
 * open, and `message` is one line, complete.
 */
enum batv_err batv_own_files_open(struct batv_own_files *own, const char *path, char *message,
				  size_t size);
/*
 * Begins a new incarnation, which is on disk when this returns.  If the files do not agree on who
 * this host is, it becomes another one: two hosts must never use the same positions.
 */
enum batv_err batv_own_files_begin(struct batv_own_files *own, char *message, size_t size);
/* Reads a file whole, into *text from malloc.  BATV_E_NO_FILE: there is none. */
enum batv_err batv_own_files_read(const struct batv_own_files *own, const char *name, char **text,
				  size_t *len);
/* Replaces it, durably. */
enum batv_err batv_own_files_write(const struct batv_own_files *own, const char *name,
				   const void *text, size_t len);
void batv_own_files_close(struct batv_own_files *own);

#endif
