/*
 * parts.c - walks over the parts of a multipart message by the boundaries that are open.
 *
 * It does not know what a part means (classify.c does), and decodes nothing.  Invariant: `rest` is
 * at the start of a line, and the boundaries of levels 0 to open - 1 are set.
 */
#include "evidence/parts.h"

#include <string.h>

#define PART_TYPE_MAX 512 /* bytes of a part's Content-Type that are read */

/* Takes a line with its line end. */
static struct batv_span take_line(struct batv_span *rest)
{
	const char *nl = memchr(rest->p, '\n', rest->len);
	struct batv_span line = batv_span_cut(*rest, nl ? (size_t)(nl + 1 - rest->p) : rest->len);

	rest->p += line.len, rest->len -= line.len;
	return line;
}

/*
 * Is the line an open boundary?  It is then the innermost open one.  If the line closes it, the one
 * around it is.
 */
static bool at_boundary(struct batv_parts *w, struct batv_span line, bool *closes)
{
	if (line.len < 3 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	line.p += 2, line.len -= 2;
	for (size_t i = 0; i < w->open; i++) {
		struct batv_span b = batv_field_span(&w->boundaries[i]), end = line;

		if (line.len < b.len || !batv_span_equal(batv_span_cut(line, b.len), b))
			continue;
		end.p += b.len, end.len -= b.len;
		*closes = batv_span_begins(end, "--");
		if (*closes)
			end.p += 2, end.len -= 2;
		if (batv_span_trim(end).len > 0)
			continue;
		w->open = *closes ? i : i + 1;
		return true;
	}
	return false;
}

/* Takes the lines of a field: the rest of the first one and the folded lines after it. */
static struct batv_span take_folded(struct batv_parts *w, struct batv_span line)
{
	while (w->rest.len > 0 && batv_is_wsp(w->rest.p[0]))
		line.len += take_line(&w->rest).len;
	return line;
}

/*
 * Reads the Content-Type of the part that begins here.  The body or a boundary comes next.  A
 * boundary is only looked at: batv_parts_next() reads it again, and closes what it closes.
 */
static void take_part_header(struct batv_parts *w, struct batv_content_type *ct)
{
	static const char field[] = "content-type:";
	const size_t len = sizeof field - 1, open = w->open;
	bool ignored, found = false;

	*ct = (struct batv_content_type){.type.len = 0};
	while (w->rest.len > 0) {
		struct batv_span before = w->rest, line = take_line(&w->rest);

		if (batv_span_trim(line).len == 0)
			return;
		if (at_boundary(w, line, &ignored) || !memchr(line.p, ':', line.len)) {
			w->rest = before;
			w->open = open;
			return;
		}
		line = take_folded(w, line);
		if (found || !batv_span_begins_fold(line, field))
			continue;
		found = true;
		line.p += len, line.len -= len;
		batv_field_content_type(batv_span_cut(line, PART_TYPE_MAX), ct);
	}
}

static void open_boundary(struct batv_parts *w, struct batv_span boundary)
{
	struct batv_word *to = &w->boundaries[w->open++];

	boundary = batv_span_cut(boundary, sizeof to->text);
	memcpy(to->text, boundary.p, boundary.len);
	to->len = boundary.len;
}

void batv_parts_start(struct batv_parts *w, struct batv_span body, struct batv_span boundary)
{
	w->rest = body;
	w->open = 0;
	open_boundary(w, boundary);
}

bool batv_parts_next(struct batv_parts *w, struct batv_part *part)
{
	while (w->rest.len > 0 && w->open > 0) {
		struct batv_span line = take_line(&w->rest);
		bool closes;

		if (!at_boundary(w, line, &closes) || closes)
			continue;
		part->begin = line.p;
		part->level = w->open - 1;
		take_part_header(w, &part->type);
		part->body = w->rest.p;
		return true;
	}
	return false;
}

bool batv_parts_enter(struct batv_parts *w, const struct batv_part *part)
{
	if (part->type.boundary.len == 0 || w->open == BATV_PARTS_LEVELS)
		return false;
	open_boundary(w, batv_field_span(&part->type.boundary));
	return true;
}
