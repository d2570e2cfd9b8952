/*
 * ctl_layout.h - text for people: wrapped lines, numbers, a line of bars.  It
 * prints nothing by itself but what it is given, and knows nothing of
 * exim-batv.
 */
#ifndef BATV_CTL_LAYOUT_H
#define BATV_CTL_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The columns that a text takes: UTF-8 is counted by its characters. */
unsigned batv_ctl_layout_columns(const char *text);

/*
 * Prints the text and a line end, wrapped at blanks.  `column` columns of the
 * first line are printed already; the other lines begin after `indent` blanks.
 * A word that is longer than a line is not broken: paths are to be copied.
 */
void batv_ctl_layout_wrap(FILE *out, const char *text, unsigned column, unsigned indent,
			  unsigned width);

/*
 * Prints "label     value                 rest", as one line if all of it fits;
 * otherwise the rest has lines of its own.
 */
void batv_ctl_layout_row(FILE *out, const char *label, const char *value, const char *rest,
			 unsigned width);

/* Writes 9877 as "9,877". */
#define BATV_LAYOUT_NUMBER 32
void batv_ctl_layout_number(uint64_t n, char *out, size_t size);

/* Writes a bar for each value, the oldest first; n is at most BATV_LAYOUT_BARS.
 */
#define BATV_LAYOUT_BARS 32
#define BATV_LAYOUT_BARS_SIZE (BATV_LAYOUT_BARS * 3 + 1)
void batv_ctl_layout_bars(const uint64_t *values, size_t n, bool utf8, char *out, size_t size);

#endif
