/*
 * saved.c - takes apart the lines of batv-fleet's own files.
 */
#include "saved.h"

static bool fail(struct batv_saved *saved, const char *why)
{
	if (!saved->why)
		saved->why = why;
	return false;
}

bool batv_saved_begin(struct batv_saved *saved, const char *text, size_t len, const char *head)
{
	struct batv_span line;

	*saved = (struct batv_saved){.rest = {text, len}, .line = 1};
	if (!batv_span_next_line(&saved->rest, &line) || !batv_span_equal(line, batv_span_of(head)))
		return fail(saved, "the first line is not that of such a file");
	return true;
}

static bool take_numbers(struct batv_saved *saved, struct batv_span line)
{
	saved->n = 0;
	while (line.len > 0) {
		if (saved->n == BATV_SAVED_NUMBERS)
			return fail(saved, "too many numbers");
		if (!batv_span_to_u64(batv_span_field(&line), &saved->number[saved->n++]))
			return fail(saved, "not a number");
	}
	return true;
}

/* "end" is the last line, and counts the lines between it and the first. */
static bool take_end(struct batv_saved *saved)
{
	if (saved->n != 1 || saved->number[0] != saved->line - 2)
		return fail(saved,
			    "the end line counts other lines: some are missing or were added");
	if (saved->rest.len > 0)
		return fail(saved, "more text after the end line");
	saved->ended = true;
	return false;
}

bool batv_saved_next(struct batv_saved *saved)
{
	struct batv_span line;

	if (saved->why || saved->ended)
		return false;
	saved->line++;
	if (!batv_span_next_line(&saved->rest, &line))
		return fail(saved, "the end line is missing");
	saved->word = batv_span_field(&line);
	if (!take_numbers(saved, line))
		return false;
	return batv_span_equal(saved->word, batv_span_of("end")) ? take_end(saved) : true;
}

bool batv_saved_is(struct batv_saved *saved, const char *word, size_t n)
{
	if (!batv_span_equal(saved->word, batv_span_of(word)))
		return false;
	return saved->n == n ? true : fail(saved, "another count of numbers is expected");
}

int64_t batv_saved_signed(struct batv_saved *saved, size_t i)
{
	if (saved->number[i] <= INT64_MAX)
		return (int64_t)saved->number[i];
	(void)fail(saved, "a number is too large");
	return 0;
}

enum batv_err batv_saved_end(const struct batv_saved *saved, unsigned *line, const char **why)
{
	if (line)
		*line = saved->why ? saved->line : 0;
	if (why)
		*why = saved->why;
	return saved->why ? BATV_E_SYNTAX : BATV_OK;
}
