/*
 * rows.c - a sorted array.
 */
#include <stdlib.h>
#include <string.h>

#include "rows.h"

static size_t place(const struct batv_rows *rows, uint64_t host)
{
	size_t i = 0;

	while (i < rows->n && rows->one[i].host < host)
		i++;
	return i;
}

static bool is_at(const struct batv_rows *rows, size_t i, uint64_t host)
{
	return i < rows->n && rows->one[i].host == host;
}

static bool grow(struct batv_rows *rows)
{
	size_t room = rows->room ? rows->room * 2 : 16;
	struct batv_rows_one *one = realloc(rows->one, room * sizeof *one);

	if (!one)
		return false;
	rows->one = one;
	rows->room = room;
	return true;
}

bool batv_rows_put(struct batv_rows *rows, uint64_t host, uint64_t position, struct batv_span text,
		   int64_t now)
{
	size_t i = place(rows, host);
	char *copy;

	if (is_at(rows, i, host) && rows->one[i].position >= position)
		return false;
	copy = malloc(text.len + 1);
	if (!copy || (!is_at(rows, i, host) && rows->n == rows->room && !grow(rows))) {
		free(copy);
		return false;
	}
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (is_at(rows, i, host)) {
		free(rows->one[i].text);
	} else {
		memmove(&rows->one[i + 1], &rows->one[i], (rows->n - i) * sizeof rows->one[0]);
		rows->n++;
	}
	rows->one[i].host = host;
	rows->one[i].position = position;
	rows->one[i].at = now;
	rows->one[i].text = copy;
	rows->one[i].len = text.len;
	return true;
}

const struct batv_rows_one *batv_rows_find(const struct batv_rows *rows, uint64_t host)
{
	size_t i = place(rows, host);

	return is_at(rows, i, host) ? &rows->one[i] : NULL;
}

void batv_rows_drop(struct batv_rows *rows, uint64_t host)
{
	size_t i = place(rows, host);

	if (!is_at(rows, i, host))
		return;
	free(rows->one[i].text);
	rows->n--;
	memmove(&rows->one[i], &rows->one[i + 1], (rows->n - i) * sizeof rows->one[0]);
}

void batv_rows_free(struct batv_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		free(rows->one[i].text);
	free(rows->one);
	memset(rows, 0, sizeof *rows);
}
