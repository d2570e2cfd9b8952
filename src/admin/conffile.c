/*
 * conffile.c - reads the lines of a configuration file, in place.
 *
 * It knows no options.  Invariant: text that it does not understand is an error with its line
 * number.  It skips nothing in silence except comments and blanks.
 */
#include "conffile.h"

#include <stdbool.h>
#include <string.h>

#include "base/span.h"

void batv_conffile_start(struct batv_conffile *file, char *text, size_t len)
{
	*file = (struct batv_conffile){text, text + len, 1};
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* Windows editors put it there */
		file->p += 3;
}

/* Returns the end of the line that begins at p: its newline, or the end of the file. */
static char *line_end(const struct batv_conffile *file, char *p)
{
	char *newline = memchr(p, '\n', (size_t)(file->end - p));

	return newline ? newline : file->end;
}

static char *skip_blanks(char *p, const char *end)
{
	while (p < end && batv_is_blank(*p))
		p++;
	return p;
}

/* Removes the blanks at the end of the text from p to end, and terminates it with NUL. */
static char *cut(const char *p, char *end)
{
	while (end > p && batv_is_blank(end[-1]))
		end--;
	*end = '\0';
	return end;
}

/* An empty line, or a comment. */
static bool says_nothing(char *p, const char *end)
{
	return *p == '#' || skip_blanks(p, end) == end;
}

/* The text from `text` to `end` is wrong. */
static enum batv_conf_kind error(struct batv_conffile *file, struct batv_conf_item *item,
				 const char *text, char *end, const char *why)
{
	(void)cut(text, end);
	file->p = file->end;
	item->name = text;
	item->why = why;
	return BATV_CONF_ERROR;
}

/* Moves to the line after the one that ends at `end`. */
static void step(struct batv_conffile *file, char *end)
{
	file->p = end < file->end ? end + 1 : file->end;
	file->line++;
}

static enum batv_conf_kind read_section(struct batv_conffile *file, struct batv_conf_item *item,
					char *p, char *end)
{
	char *last = cut(p, end);

	if (last[-1] != ']')
		return error(file, item, p, end, "expected a \"]\" at the end of the line");
	item->name = skip_blanks(p + 1, last - 1);
	(void)cut(item->name, last - 1);
	return BATV_CONF_SECTION;
}

/* Appends a line to a value.  Returns NULL, or the error. */
static const char *append(char **value_end, char *p, char *end, bool first)
{
	end = cut(p, end);
	if (end > p && end[-1] == '\\')
		return "expected no \"\\\" at the end of the line; a value continues on indented "
		       "lines";
	if (!first)
		*(*value_end)++ = ' ';
	for (; p < end; p++)
		*(*value_end)++ = *p == '\t' ? ' ' : *p;
	return NULL;
}

/* Reads the indented lines after an option, and moves them to its value: it only gets shorter. */
static enum batv_conf_kind read_folds(struct batv_conffile *file, struct batv_conf_item *item,
				      char *value_end)
{
	while (file->p < file->end) {
		char *p = file->p, *end = line_end(file, p), *text = skip_blanks(p, end);
		const char *why = NULL;

		if (!says_nothing(p, end)) {
			if (!batv_is_blank(*p))
				break;
			item->line = file->line; /* for the error */
			if (memchr(p, '\0', (size_t)(end - p)))
				why = "expected no NUL byte";
			else if (*text == '#')
				why = "expected a comment to start at the beginning of its line";
			else
				why = append(&value_end, text, end, *item->value == '\0');
			if (why)
				return error(file, item, text, end, why);
		}
		step(file, end);
	}
	*value_end = '\0';
	return BATV_CONF_OPTION;
}

static enum batv_conf_kind read_option(struct batv_conffile *file, struct batv_conf_item *item,
				       char *p, char *end)
{
	char *equals = memchr(p, '=', (size_t)(end - p)), *value, *value_end;
	unsigned line = item->line;
	const char *why;
	enum batv_conf_kind kind;

	if (!equals || equals == p)
		return error(file, item, p, end, "expected \"option = value\"");
	(void)cut(p, equals);
	item->name = p;
	value = value_end = skip_blanks(equals + 1, end);
	item->value = value;
	why = append(&value_end, value, end, true);
	if (why)
		return error(file, item, value, end, why);
	kind = read_folds(file, item, value_end);
	if (kind == BATV_CONF_OPTION)
		item->line = line;
	return kind;
}

enum batv_conf_kind batv_conffile_next(struct batv_conffile *file, struct batv_conf_item *item)
{
	char *p = file->p, *end = p;

	for (; file->p < file->end; step(file, end)) {
		p = file->p;
		end = line_end(file, p);
		if (!says_nothing(p, end))
			break;
	}
	if (file->p >= file->end)
		return BATV_CONF_END;
	item->line = file->line;
	if (memchr(p, '\0', (size_t)(end - p)))
		return error(file, item, p, end, "expected no NUL byte");
	step(file, end);
	if (batv_is_blank(*p))
		return error(file, item, skip_blanks(p, end), end,
			     "expected an option that this indented line continues");
	return *p == '[' ? read_section(file, item, p, end) : read_option(file, item, p, end);
}
