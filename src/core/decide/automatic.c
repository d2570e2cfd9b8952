/*
 * automatic.c - tells whether a sender is a machine.  The only user of PCRE2.
 *
 * Invariant: no pattern and no sender costs more than the limits below; what could not be
 * answered within them is "no", with doubt.  JIT is not used: its code obeys no heap limit,
 * and compiling does not pay (architecture.md, "In a fresh process").
 */
#include "decide/automatic.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#define MATCH_LIMIT 20000 /* calls of PCRE2's match(): some milliseconds */
#define DEPTH_LIMIT 2000  /* of backtracking */
#define HEAP_LIMIT_KIB 1024
#define PATTERN_MAX 4096 /* bytes */
#define SENDER_MAX 1024  /* bytes; Exim lets longer ones through */

/*
 * Writes the sender without the quotes and backslashes of its local part: "mailer-daemon"@x is the
 * same address as mailer-daemon@x.  Returns false if it has none, or is too long.
 */
static bool unquote(const char *sender, char out[static SENDER_MAX + 1])
{
	const char *at = strrchr(sender, '@'), *end = at ? at : sender + strlen(sender);
	bool changed = false;
	size_t n = 0;

	if (strlen(sender) > SENDER_MAX)
		return false;
	for (const char *p = sender; p < end; p++) {
		if (*p == '"' || *p == '\\')
			changed = true;
		if (*p == '"')
			continue;
		if (*p == '\\' && p + 1 < end)
			p++;
		out[n++] = *p;
	}
	memcpy(out + n, end, strlen(end) + 1);
	return changed;
}

static bool is_mailer_daemon(const char *sender)
{
	const char *at = strrchr(sender, '@');
	struct batv_span local = {sender, at ? (size_t)(at - sender) : strlen(sender)};

	return batv_span_equal_fold(local, batv_span_of("mailer-daemon"));
}

/* NULL on error, with PCRE2's error code in *error and its position in *offset. */
static pcre2_code *compile(const char *pattern, int *error, size_t *offset)
{
	/* Senders are bytes, not always UTF-8; \C and (*UTF) would only add ways to fail. */
	const uint32_t options = PCRE2_CASELESS | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
	PCRE2_SIZE at = 0;
	pcre2_code *code = NULL;

	*error = PCRE2_ERROR_NOMEMORY;
	if (ctx && pcre2_set_max_pattern_length(ctx, PATTERN_MAX) == 0)
		code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, error,
				     &at, ctx);
	pcre2_compile_context_free(ctx);
	*offset = at;
	return code;
}

/* Returns PCRE2's value: 0 or more for a match, PCRE2_ERROR_NOMATCH, or an error. */
static int match_limited(const pcre2_code *code, const char *sender, size_t len)
{
	pcre2_match_context *ctx = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int rc = PCRE2_ERROR_NOMEMORY;

	if (ctx && data) {
		(void)pcre2_set_match_limit(ctx, MATCH_LIMIT);
		(void)pcre2_set_depth_limit(ctx, DEPTH_LIMIT);
		(void)pcre2_set_heap_limit(ctx, HEAP_LIMIT_KIB);
		rc = pcre2_match(code, (PCRE2_SPTR)sender, len, 0, 0, data, ctx);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(ctx);
	return rc;
}

static bool matches(const char *sender, const char *pattern, bool *doubt)
{
	size_t len = strlen(sender), offset;
	char plain[SENDER_MAX + 1];
	int rc;
	pcre2_code *code = len > SENDER_MAX ? NULL : compile(pattern, &rc, &offset);

	if (!code) {
		*doubt = true;
		return false;
	}
	rc = match_limited(code, sender, len);
	if (rc == PCRE2_ERROR_NOMATCH && unquote(sender, plain))
		rc = match_limited(code, plain, strlen(plain));
	pcre2_code_free(code);
	/* 0 is a match without room for its captures, which we do not need. */
	*doubt = rc < 0 && rc != PCRE2_ERROR_NOMATCH;
	return rc >= 0;
}

/* Not inlined: all mail comes here, and few senders need this room. */
__attribute__((noinline)) static bool is_quoted_daemon(const char *sender)
{
	char plain[SENDER_MAX + 1];

	return unquote(sender, plain) && is_mailer_daemon(plain);
}

bool batv_automatic_sender(const char *sender, const char *pattern, bool *doubt)
{
	*doubt = false;
	if (!sender || !*sender)
		return true;
	if (!pattern || !*pattern)
		return is_mailer_daemon(sender) ||
		       (strpbrk(sender, "\"\\") && is_quoted_daemon(sender));
	return matches(sender, pattern, doubt);
}

bool batv_automatic_check(const char *pattern, size_t *offset, char *why, size_t size)
{
	PCRE2_UCHAR text[120] = "";
	pcre2_code *code;
	int error;

	if (!pattern || !*pattern)
		return true;
	code = compile(pattern, &error, offset);
	if (code) {
		pcre2_code_free(code);
		return true;
	}
	(void)pcre2_get_error_message(error, text, sizeof text);
	(void)snprintf(why, size, "%s", (const char *)text);
	return false;
}
