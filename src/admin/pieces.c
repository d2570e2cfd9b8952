/*
 * pieces.c - the fixed table of files in Exim's configuration, and whose each of them is.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/span.h"
#include "pieces.h"

#define ETC BATV_ETC_EXIM

const struct batv_piece batv_pieces[] = {
	{ETC "/conf.d/main/00_exim-batv", "split/main/00_exim-batv", true, false, 1},
	{ETC "/conf.d/router/050_exim-batv_unsign", "split/router/050_exim-batv_unsign", true,
	 false, 1},
	{ETC "/exim-batv.filter", "unsplit/exim-batv.filter", false, true, 1},
	{ETC "/exim-batv.acl-rcpt", "unsplit/exim-batv.acl-rcpt", false, true, 1},
	{ETC "/exim-batv.localmacros", "unsplit/exim-batv.localmacros", false, true, 1},
	{ETC "/conf.d/transport/20_exim-batv", "split/transport/20_exim-batv", true, false, 2},
	{ETC "/exim-batv.local-scan", "local-scan", true, true, 2},
};
const size_t batv_pieces_count = sizeof batv_pieces / sizeof batv_pieces[0];

bool batv_piece_is_for(const struct batv_piece *piece, enum batv_exim_layout layout)
{
	return layout == BATV_LAYOUT_SPLIT     ? piece->split
	       : layout == BATV_LAYOUT_UNSPLIT ? piece->unsplit
					       : false;
}

/* ---- the manifest ---- */

static void sum_of(const char *text, size_t len, char out[65])
{
	uint8_t sum[EVP_MAX_MD_SIZE] = {0};
	unsigned n = 0;

	if (EVP_Digest(text, len, sum, &n, EVP_sha256(), NULL) != 1)
		n = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < n && i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* The manifest belongs to the user batv: a line that does not have the form is skipped. */
void batv_manifest_parse(const char *text, size_t len, struct batv_manifest *out)
{
	const size_t max = sizeof out->item / sizeof out->item[0];
	const char *end = text + len;

	*out = (struct batv_manifest){0};
	while (text < end && out->n < max) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((eol ? eol : end) - text);

		if (n > 67 && n - 66 < sizeof out->item[0].path && text[64] == ' ' &&
		    text[65] == ' ' && text[66] == '/' && !memchr(text, '\0', n)) {
			memcpy(out->item[out->n].sum, text, 64);
			out->item[out->n].sum[64] = '\0';
			memcpy(out->item[out->n].path, text + 66, n - 66);
			out->item[out->n].path[n - 66] = '\0';
			out->n++;
		}
		text += n + 1;
	}
}

size_t batv_manifest_format(const struct batv_manifest *manifest, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < manifest->n; i++) {
		int n = snprintf(out + at, size - at, "%s  %s\n", manifest->item[i].sum,
				 manifest->item[i].path);

		if (n < 0 || (size_t)n >= size - at)
			return 0;
		at += (size_t)n;
	}
	return at;
}

static size_t find_item(const struct batv_manifest *manifest, const char *path)
{
	size_t i = 0;

	while (i < manifest->n && strcmp(manifest->item[i].path, path) != 0)
		i++;
	return i;
}

void batv_manifest_set(struct batv_manifest *manifest, const char *path, const char *text,
		       size_t len)
{
	const size_t max = sizeof manifest->item / sizeof manifest->item[0];
	size_t i = find_item(manifest, path);

	if (!text) {
		if (i < manifest->n)
			manifest->item[i] = manifest->item[--manifest->n];
		return;
	}
	if (i == max)
		return;
	if (i == manifest->n)
		manifest->n++;
	snprintf(manifest->item[i].path, sizeof manifest->item[i].path, "%s", path);
	sum_of(text, len, manifest->item[i].sum);
}

/* ---- whose is it? ---- */

static bool read_fd(int fd, char **text, size_t *len)
{
	struct stat st;
	char *buf;
	size_t n = 0;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return false;
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > BATV_PIECE_SIZE_MAX) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		return false;
	}
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return false;
	while (n < (size_t)st.st_size && (got = read(fd, buf + n, (size_t)st.st_size - n)) > 0)
		n += (size_t)got;
	buf[n] = '\0';
	*text = buf;
	*len = n;
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

bool batv_piece_read(const char *path, char **text, size_t *len)
{
	return read_path(path, 0, text, len);
}

enum batv_piece_state batv_piece_look(const char *path, const char *text, size_t len,
				      const struct batv_manifest *manifest)
{
	size_t i = find_item(manifest, path), there_len;
	enum batv_piece_state state = BATV_PIECE_FOREIGN;
	char *there, sum[65];

	if (!read_path(path, O_NOFOLLOW, &there, &there_len))
		return errno == ENOENT || errno == ENOTDIR ? BATV_PIECE_ABSENT : BATV_PIECE_FOREIGN;
	if (text && there_len == len && memcmp(there, text, len) == 0)
		state = BATV_PIECE_SAME;
	else if (i < manifest->n) {
		sum_of(there, there_len, sum);
		if (strcmp(sum, manifest->item[i].sum) == 0)
			state = BATV_PIECE_OURS;
	}
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

bool batv_marked_line_in(const char *text)
{
	return find_line(text) != NULL;
}

char *batv_marked_line_add(const char *text, const char *line)
{
	const size_t len = strlen(text);
	const char *end = len && text[len - 1] != '\n' ? "\n" : "";
	char *out;

	return asprintf(&out, "%s%s%s\n", text, end, line) < 0 ? NULL : out;
}

char *batv_marked_line_remove(const char *text)
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
