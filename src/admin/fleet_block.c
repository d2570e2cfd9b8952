/*
 * fleet_block.c - puts the lines of a fleet into a configuration, or takes them out.
 *
 * Invariant: every line that is not in the block comes out as it was.
 */
#include "fleet_block.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

#define BEGIN                                                                                      \
 "# batvctl fleet join wrote the lines down to the next comment; batvctl fleet leave removes "     \
 "them."
#define END "# End of the lines of batvctl fleet join."

static bool is_section(struct batv_span line)
{
	return line.len > 0 && line.p[0] == '[';
}

/* The options that are the block's.  fleet_host, fleet_directory and fleet_patience are a person's.
 */
static bool is_option(struct batv_span line)
{
	static const char *const names[] = {"fleet", "fleet_servers", "fleet_user",
					    "fleet_password_file"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct batv_span rest = line;

		if (!batv_span_begins(line, names[i]))
			continue;
		rest = batv_span_trim(batv_span_after(rest, strlen(names[i])));
		if (rest.len > 0 && rest.p[0] == '=')
			return true;
	}
	return false;
}

static void put_line(FILE *f, const char *name, const char *value)
{
	if (*value)
		fprintf(f, "%s = %s\n", name, value);
}

static void put_block(FILE *f, const struct batv_fleet_block *b)
{
	fputs(BEGIN "\n", f);
	put_line(f, "fleet", b->fleet);
	put_line(f, "fleet_servers", b->servers);
	put_line(f, "fleet_user", b->user);
	put_line(f, "fleet_password_file", b->password_file);
	fputs(END "\n", f);
}

/* Copies the lines.  Returns the number of a line that is in the way, or 0. */
static unsigned copy(FILE *f, const char *text, const struct batv_fleet_block *block)
{
	struct batv_span rest = batv_span_of(text), line;
	bool inside = false, done = !block;
	unsigned number = 0;

	while (batv_span_next_line(&rest, &line)) {
		number++;
		if (batv_span_equal(line, batv_span_of(BEGIN)))
			inside = true;
		if (!inside && block && is_option(line))
			return number;
		if (!inside && !done && is_section(line)) {
			put_block(f, block);
			done = true;
		}
		if (!inside)
			fprintf(f, "%.*s\n", (int)line.len, line.p);
		if (batv_span_equal(line, batv_span_of(END)))
			inside = false;
	}
	if (!done)
		put_block(f, block);
	return 0;
}

char *batv_fleet_block_put(const char *text, const struct batv_fleet_block *block, unsigned *line)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	*line = 0;
	if (!f)
		return NULL;
	*line = copy(f, text, block);
	if (fclose(f) != 0 || *line) {
		free(out);
		return NULL;
	}
	return out;
}
