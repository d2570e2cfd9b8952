/*
 * manifest.c - reads and writes the list of the files that were placed.
 */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "manifest.h"

static void sum_of(const char *text, size_t len, char out[65])
{
	uint8_t sum[EVP_MAX_MD_SIZE] = {0};

	out[0] = '\0';
	if (EVP_Digest(text, len, sum, NULL, EVP_sha256(), NULL) != 1)
		return;
	for (unsigned i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* A line that does not have the form is skipped. */
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
			memcpy(out->item[out->n].path, text + 66, n - 66);
			out->n++;
		}
		text += n + 1;
	}
}

size_t batv_manifest_format(const struct batv_manifest *manifest, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < manifest->n; i++) {
		size_t n = (size_t)snprintf(out + at, size - at, "%s  %s\n", manifest->item[i].sum,
					    manifest->item[i].path);

		if (n >= size - at)
			return 0;
		at += n;
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

bool batv_manifest_has(const struct batv_manifest *manifest, const char *path, const char *text,
		       size_t len)
{
	size_t i = find_item(manifest, path);
	char sum[65];

	if (i == manifest->n)
		return false;
	sum_of(text, len, sum);
	return *sum && strcmp(sum, manifest->item[i].sum) == 0;
}
