/*
 * standby.c - a configuration out of the published state.
 *
 * Invariant: what a state does not tell is left as it is; nothing is made up from defaults, for a
 * default would change what an administrator chose.
 */
#include "standby.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where copied text goes.  Without room it is only measured. */
struct arena {
	char *p;
	size_t len;
};

static char *copy_text(struct arena *arena, const char *text)
{
	size_t size = strlen(text ? text : "") + 1;
	char *copy = NULL;

	if (arena->p) {
		copy = arena->p + arena->len;
		memcpy(copy, text ? text : "", size);
	}
	arena->len += size;
	return copy;
}

/* Copies the text of each row. */
static void keep_options(struct arena *arena, const struct batv_option *table, size_t n,
			 const void *from, void *to)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = batv_option_text(from, &table[i]);

		if (!text)
			continue;
		text = copy_text(arena, text);
		memcpy((char *)to + table[i].offset, &text, sizeof text);
	}
}

static void keep_policy(struct arena *arena, const struct batv_policy *from, struct batv_policy *to)
{
	*to = *from;
	to->name = copy_text(arena, from->name);
	keep_options(arena, batv_options, batv_options_count, from, to);
}

static void keep_all(struct arena *arena, const struct batv_state *state, const char *directory,
		     struct batv_config *out)
{
	out->global = state->global;
	keep_options(arena, batv_globals, batv_globals_count, &state->global, &out->global);
	out->global.directory = copy_text(arena, directory);
	for (size_t i = 0; i < state->n_policies; i++)
		keep_policy(arena, &state->policies[i], &out->policies[i]);
	for (size_t i = 0; i < state->n_policies; i++) /* an override is none of its own */
		out->policies[i].signing = state->signing_configured >> i & 1;
}

enum batv_err batv_standby_config(const struct batv_state *state, const char *directory,
				  struct batv_config *out)
{
	struct arena arena = {0};

	memset(out, 0, sizeof *out);
	keep_all(&arena, state, directory, out);
	arena = (struct arena){.p = malloc(arena.len)};
	if (!arena.p) {
		memset(out, 0, sizeof *out);
		return BATV_E_IO;
	}
	keep_all(&arena, state, directory, out);
	out->store = arena.p;
	out->n_policies = state->n_policies;
	(void)snprintf(out->sum, sizeof out->sum, "%s", state->config_sum);
	out->legacy.n_legacy = state->ring.n_legacy;
	memcpy(out->legacy.legacy, state->ring.legacy, sizeof out->legacy.legacy);
	return BATV_OK;
}

/* The value of "directory = /x", without blanks around it; false: another line. */
static bool directory_in(char *line, char **value)
{
	static const char name[] = "directory";
	char *p = line;
	size_t len;

	if (strncmp(p, name, sizeof name - 1) != 0)
		return false;
	p += sizeof name - 1;
	p += strspn(p, " \t");
	if (*p++ != '=')
		return false;
	p += strspn(p, " \t");
	for (len = strlen(p); len > 0 && strchr(" \t\r\n", p[len - 1]); len--)
		p[len - 1] = '\0';
	*value = p;
	return *p == '/';
}

static FILE *open_own(const char *path)
{
	/* O_NONBLOCK: a fifo is not waited for */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & S_IWOTH))
		f = fdopen(fd, "r");
	if (fd >= 0 && !f)
		(void)close(fd);
	return f;
}

void batv_standby_directory(const char *config_path, const char *fallback, char *out, size_t size)
{
	char line[4096 + 100], *value;
	FILE *f = open_own(config_path);

	(void)snprintf(out, size, "%s", fallback);
	if (!f)
		return;
	while (fgets(line, sizeof line, f) && line[strspn(line, " \t")] != '[')
		if (directory_in(line, &value))
			(void)snprintf(out, size, "%s", value);
	(void)fclose(f);
}

int64_t batv_standby_since(const char *config_path)
{
	const char *slash = strrchr(config_path, '/');
	char dir[4096] = ".";
	struct stat st;

	if (stat(config_path, &st) == 0)
		return st.st_ctim.tv_sec;
	if (slash)
		(void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - config_path) + 1,
			       config_path);
	return stat(dir, &st) == 0 ? st.st_mtim.tv_sec : 0;
}
