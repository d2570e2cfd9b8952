/*
 * ctl_memory.c - batvctl memory export and import: the sent-mail memory of one host of a fleet for
 * another one that joins later.
 *
 * Invariant: an import only adds; it may be broken off and repeated.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "ctl_layout.h"
#include "memory/fleet.h"
#include "memory_merge.h"

#define CHUNK ((size_t)1 << 20)

/* The state, for the name of the memory file; the caller frees it. */
static struct batv_stored_state *read_state(struct batv_ctl *ctl)
{
	struct batv_stored_state *st = calloc(1, sizeof *st);

	if (st &&
	    batv_store_read_state(&ctl->store, st, ctl->message, sizeof ctl->message) == BATV_OK &&
	    *st->state.memory)
		return st;
	if (st && !*ctl->message)
		(void)snprintf(ctl->message, sizeof ctl->message, "%s: there is no memory",
			       ctl->store.path);
	batv_ctl_fail(BATV_CTL_TROUBLE, "memory: %s", st ? ctl->message : "out of memory");
	if (st)
		batv_store_free_state(st);
	free(st);
	return NULL;
}

static void free_state(struct batv_stored_state *st)
{
	batv_store_free_state(st);
	free(st);
}

/* ---- export ---- */

static bool copy_out(int fd, uint8_t *buffer)
{
	ssize_t got;

	while ((got = read(fd, buffer, CHUNK)) > 0)
		if (fwrite(buffer, 1, (size_t)got, stdout) != (size_t)got)
			return false;
	return got == 0 && fflush(stdout) == 0;
}

static int export_memory(struct batv_ctl *ctl)
{
	uint8_t *buffer = malloc(CHUNK);
	struct batv_stored_state *st;
	struct stat file;
	int fd = -1, code = BATV_CTL_YES;

	if (isatty(STDOUT_FILENO)) {
		free(buffer);
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "memory export: it is no text; use: batvctl memory export | "
				     "ssh -C root@OTHER batvctl memory import");
	}
	st = read_state(ctl);
	if (!st || !buffer)
		code = BATV_CTL_TROUBLE;
	else if (batv_file_open(ctl->store.dirfd, st->state.memory, O_RDONLY, true, &fd, &file) ||
		 !copy_out(fd, buffer))
		code = batv_ctl_fail(BATV_CTL_TROUBLE, "memory export: %s/%s: %s", ctl->store.path,
				     st->state.memory, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (st)
		free_state(st);
	free(buffer);
	return code;
}

/* ---- import ---- */

static bool read_whole(void *to, size_t len)
{
	return fread(to, 1, len, stdin) == len;
}

/* False: what came is not all of it. */
static bool merge_rest(struct batv_memory_merge *m, uint8_t *buffer)
{
	size_t got;

	while ((got = fread(buffer, 1, CHUNK, stdin)) > 0)
		if (!batv_memory_merge_take(m, buffer, got))
			return false;
	return batv_memory_merge_end(m);
}

/*
 * From when on has this host all that the fleet sent?  From when the other one has it, if this one
 * has heard all since before the copy was made.
 */
static void take_since(struct batv_memory *memory, const struct batv_memory_merge *m)
{
	const int64_t own = batv_fleet_since(memory);

	if (own && m->since && m->since < own && own <= m->until / 1000)
		batv_fleet_set_since(memory, m->since);
}

static int merge(struct batv_memory *memory)
{
	struct batv_memory_head *head = malloc(sizeof *head);
	uint8_t *buffer = malloc(CHUNK);
	struct batv_memory_merge m = {.to = memory};
	char why[500], size[BATV_LAYOUT_NUMBER];
	int code = BATV_CTL_YES;

	if (!head || !buffer)
		code = batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	else if (!read_whole(head, sizeof *head))
		code = batv_ctl_fail(BATV_CTL_USAGE,
				     "memory import: standard input: expected what batvctl memory "
				     "export prints; nothing was changed");
	else if (!batv_memory_merge_begin(&m, memory, head, why, sizeof why))
		code = batv_ctl_fail(BATV_CTL_NO,
				     "memory import: standard input: %s; nothing was changed", why);
	else if (!merge_rest(&m, buffer))
		code = batv_ctl_fail(BATV_CTL_TROUBLE,
				     "memory import: standard input ended too early, or was "
				     "changed on the way; what came was added, which does no harm; "
				     "import again");
	if (code == BATV_CTL_YES) {
		take_since(memory, &m);
		batv_ctl_layout_number(m.at, size, sizeof size);
		printf("added what the other host knows: %s bytes read\n", size);
	}
	free(head);
	free(buffer);
	return code;
}

static int import_memory(struct batv_ctl *ctl)
{
	struct batv_memory memory = {.base = NULL};
	struct batv_stored_state *st;
	int code = batv_ctl_open_as_owner(ctl);

	if (code)
		return code;
	st = read_state(ctl);
	if (!st)
		return BATV_CTL_TROUBLE;
	if (batv_memory_open(&memory, ctl->store.dirfd, st->state.memory) != BATV_OK)
		code = batv_ctl_fail(BATV_CTL_TROUBLE, "memory import: %s/%s cannot be opened",
				     ctl->store.path, st->state.memory);
	else
		code = merge(&memory);
	batv_memory_close(&memory);
	free_state(st);
	return code;
}

int batv_ctl_memory(struct batv_ctl *ctl, char **args, int n)
{
	int code;

	(void)n;
	if (strcmp(args[0], "import") == 0)
		return import_memory(ctl);
	if (strcmp(args[0], "export") != 0)
		return batv_ctl_fail(BATV_CTL_USAGE, "memory: expected export or import");
	code = batv_ctl_open(ctl);
	return code ? code : export_memory(ctl);
}
