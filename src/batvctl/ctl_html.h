/*
 * ctl_html.h - HTML with text from strangers in it.
 */
#ifndef BATV_CTL_HTML_H
#define BATV_CTL_HTML_H

#include <stdio.h>

/* Writes text for an element or for an attribute in quotes. */
void batv_ctl_html_text(FILE *out, const char *text);
/* A name of unknown origin: made printable as on a terminal, and cut at 200 bytes. */
void batv_ctl_html_name(FILE *out, const char *name);
/* JSON for <script type="application/json">, where a "<" could end it. */
void batv_ctl_html_json(FILE *out, const char *json);

#endif
