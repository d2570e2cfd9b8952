/*
 * manifest.h - the file `manifest` of the state directory: which files `batvctl enable` placed, and
 * the SHA-256 of each.  It tells our files from those of others.
 *
 * It belongs to the user batv.  So root only compares with it, and takes no path from it.
 */
#ifndef BATV_MANIFEST_H
#define BATV_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#define BATV_MANIFEST_NAME "manifest"
#define BATV_MANIFEST_MODE 0640
#define BATV_MANIFEST_MAX 12

/* What `enable` placed: a line "SHA256  PATH" each, as sha256sum prints it. */
struct batv_manifest {
	size_t n;
	struct {
		char sum[65];
		char path[200];
	} item[BATV_MANIFEST_MAX];
};
void batv_manifest_parse(const char *text, size_t len, struct batv_manifest *out);
/* Returns the length; 0: it does not fit. */
size_t batv_manifest_format(const struct batv_manifest *manifest, char *out, size_t size);
/* Sets the sum of what is at the path; NULL: it is not there any more. */
void batv_manifest_set(struct batv_manifest *manifest, const char *path, const char *text,
		       size_t len);

/* Is this text what was placed at the path? */
bool batv_manifest_has(const struct batv_manifest *manifest, const char *path, const char *text,
		       size_t len);

#endif
