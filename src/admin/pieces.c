/*
 * pieces.c - the fixed table of files in Exim's configuration, and whose each of them is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safefile.h"
#include "pieces.h"

#define ETC BATV_ETC_EXIM

const struct batv_piece batv_pieces[] = {
	{ETC "/conf.d/main/00_exim-batv", "split/main/00_exim-batv", 1, .split = true},
	{ETC "/conf.d/router/050_exim-batv_unsign", "split/router/050_exim-batv_unsign", 1,
	 .split = true},
	{ETC "/exim-batv.filter", "unsplit/exim-batv.filter", 1, .unsplit = true, .run_time = true},
	{ETC "/exim-batv.acl-rcpt", "unsplit/exim-batv.acl-rcpt", 1, .unsplit = true,
	 .run_time = true},
	{ETC "/exim-batv.localmacros", "unsplit/exim-batv.localmacros", 1, .unsplit = true},
	{ETC "/conf.d/transport/20_exim-batv", "split/transport/20_exim-batv", 2, .split = true},
	{ETC "/exim-batv.local-scan", "local-scan", 2, .split = true, .unsplit = true},
};
const size_t batv_pieces_count = sizeof batv_pieces / sizeof batv_pieces[0];

bool batv_pieces_is_for(const struct batv_piece *piece, enum batv_exim_layout layout)
{
	return layout == BATV_LAYOUT_SPLIT     ? piece->split
	       : layout == BATV_LAYOUT_UNSPLIT ? piece->unsplit
					       : false;
}

/* ---- whose is it? ---- */

static bool read_fd(int fd, char **text, size_t *len)
{
	struct stat st;
	char *buf;
	int saved;

	if (fstat(fd, &st) < 0)
		return false;
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > BATV_PIECE_SIZE_MAX) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		return false;
	}
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return false;
	if (!batv_file_read(fd, buf, (size_t)st.st_size, len)) {
		saved = errno;
		free(buf);
		errno = saved;
		return false;
	}
	buf[*len] = '\0';
	*text = buf;
	return true;
}

static bool read_path(const char *path, int flags, char **text, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags), saved;
	bool ok;

	if (fd < 0)
		return false;
	ok = read_fd(fd, text, len);
	saved = errno;
	close(fd);
	errno = saved;
	return ok;
}

bool batv_pieces_read(const char *path, char **text, size_t *len)
{
	return read_path(path, 0, text, len);
}

enum batv_piece_state batv_pieces_look(const char *path, const char *text, size_t len,
				       const struct batv_manifest *manifest)
{
	size_t there_len;
	enum batv_piece_state state = BATV_PIECE_FOREIGN;
	char *there;

	if (!read_path(path, O_NOFOLLOW, &there, &there_len))
		return errno == ENOENT || errno == ENOTDIR ? BATV_PIECE_ABSENT : BATV_PIECE_FOREIGN;
	if (text && there_len == len && memcmp(there, text, len) == 0)
		state = BATV_PIECE_SAME;
	else if (batv_manifest_has(manifest, path, there, there_len))
		state = BATV_PIECE_OURS;
	free(there);
	return state;
}

/* ---- the marked line ---- */

static const char *find_line(const char *text)
{
	const size_t len = strlen(BATV_MARKED_LINE);

	for (const char *at = text; (at = strstr(at, BATV_MARKED_LINE)); at++)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
			return at;
	return NULL;
}

bool batv_pieces_has_line(const char *text)
{
	return find_line(text) != NULL;
}

char *batv_pieces_add_line(const char *text, const char *line)
{
	const size_t len = strlen(text);
	const char *end = len && text[len - 1] != '\n' ? "\n" : "";
	char *out;

	return asprintf(&out, "%s%s%s\n", text, end, line) < 0 ? NULL : out;
}

char *batv_pieces_remove_line(const char *text)
{
	const char *at = find_line(text);
	char *out = strdup(text);

	if (out && at) {
		size_t len = strcspn(at, "\n");

		len += at[len] == '\n';
		memmove(out + (at - text), at + len, strlen(at + len) + 1);
	}
	return out;
}
