/*
 * ctl_layout.c - text for people: wrapped lines, numbers, a line of bars.
 */
#include "ctl_layout.h"

#include <inttypes.h>
#include <string.h>

#define LABEL 10 /* columns of a row's label, and of its value */
#define VALUE 22

unsigned batv_ctl_layout_columns(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static unsigned columns_of(const char *text, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

void batv_ctl_layout_wrap(FILE *out, const char *text, unsigned column, unsigned indent,
			  unsigned width)
{
	bool begun = false; /* this line has a word */

	while (*(text += strspn(text, " ")) != '\0') {
		size_t len = strcspn(text, " ");
		unsigned columns = columns_of(text, len);

		if (begun && column + 1 + columns > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
			begun = false;
		}
		fprintf(out, "%s%.*s", begun ? " " : "", (int)len, text);
		column += columns + begun;
		begun = true;
		text += len;
	}
	fputc('\n', out);
}

static void pad(FILE *out, const char *text, unsigned columns)
{
	unsigned used = batv_ctl_layout_columns(text);

	fprintf(out, "%s%*s", text, used < columns ? (int)(columns - used) : 0, "");
}

void batv_ctl_layout_row(FILE *out, const char *label, const char *value, const char *rest,
			 unsigned width)
{
	unsigned used = batv_ctl_layout_columns(value);

	pad(out, label, LABEL);
	if (!*rest) {
		batv_ctl_layout_wrap(out, value, LABEL, LABEL, width);
		return;
	}
	/* Half of the line is for the rest, or it begins below. */
	if (used < VALUE && LABEL + VALUE <= width / 2) {
		pad(out, value, VALUE);
		batv_ctl_layout_wrap(out, rest, LABEL + VALUE, LABEL + VALUE, width);
		return;
	}
	batv_ctl_layout_wrap(out, value, LABEL, LABEL, width);
	fprintf(out, "%*s", LABEL, "");
	batv_ctl_layout_wrap(out, rest, LABEL, LABEL, width);
}

void batv_ctl_layout_number(uint64_t n, char *out, size_t size)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
	size_t at = 0;

	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

void batv_ctl_layout_bars(const uint64_t *values, size_t n, bool utf8, char *out, size_t size)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const plain[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	uint64_t most = 0;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		most = values[i] > most ? values[i] : most;
	out[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++) {
		/* Only nothing is on the ground. */
		uint64_t level = most ? (values[i] * 7 + most - 1) / most : 0;

		at += (size_t)snprintf(out + at, size - at, "%s",
				       (utf8 ? blocks : plain)[level > 7 ? 7 : level]);
	}
}
