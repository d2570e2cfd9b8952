/*
 * ctl.c - what batvctl's subcommands share.
 *
 * Invariant: whatever fails says so in one line on stderr, by the function that returns the code.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

int batv_ctl_fail(int code, const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("batvctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

int batv_ctl_load(struct batv_ctl *ctl)
{
	if (batv_config_load(ctl->config_path, &ctl->config, ctl->message, sizeof ctl->message))
		return batv_ctl_fail(BATV_CTL_USAGE, "%s", ctl->message);
	return BATV_CTL_YES;
}

int batv_ctl_open(struct batv_ctl *ctl)
{
	int code = batv_ctl_load(ctl);

	if (code)
		return code;
	if (batv_store_open(&ctl->store, ctl->config.directory, ctl->message, sizeof ctl->message))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	return BATV_CTL_YES;
}

int batv_ctl_open_as_owner(struct batv_ctl *ctl)
{
	int code = batv_ctl_open(ctl);

	if (code)
		return code;
	if (batv_store_own(&ctl->store, ctl->message, sizeof ctl->message))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s", ctl->message);
	return BATV_CTL_YES;
}

bool batv_ctl_print_json(json_t *object)
{
	bool ok = object && json_dumpf(object, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) == 0 &&
		  putchar('\n') != EOF;

	json_decref(object);
	return ok;
}

json_t *batv_ctl_json_text(const char *text)
{
	char clean[BATV_MESSAGE_SIZE];
	json_t *o = json_string(text);

	if (o)
		return o;
	batv_printable(batv_span_of(text), clean, sizeof clean);
	return json_string(clean);
}

json_t *batv_ctl_json_time(int64_t when)
{
	return when <= 0 || when == INT64_MAX ? json_null() : json_integer((json_int_t)when);
}
