/*
 * ctl_html.c - HTML with text from strangers in it.
 */
#include "ctl_html.h"
#include "base/span.h"

#define NAME_SIZE 200

void batv_ctl_html_text(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: fputc(*text, out);
		}
}

void batv_ctl_html_name(FILE *out, const char *name)
{
	char text[NAME_SIZE];

	batv_printable(batv_span_of(name), text, sizeof text);
	batv_ctl_html_text(out, text);
}

/* These three are only in strings there. */
void batv_ctl_html_json(FILE *out, const char *json)
{
	for (; *json; json++)
		if (*json == '<' || *json == '>' || *json == '&')
			fprintf(out, "\\u%04x", (unsigned)*json);
		else
			fputc(*json, out);
}
