/*
 * exim_stand_in.h - for fuzz targets: Exim's API for local_scan() and ${dlfunc}, as far as
 * exim_glue.c uses it.  One message at a time.
 *
 * Exim would run what it is given to expand, and write what it is given to log or to add.  So each
 * of these texts is checked: an expansion is one of ours, and nothing of a stranger's is in it but
 * a domain without any special character; a log line is one line.
 */
#ifndef FUZZ_EXIM_STAND_IN_H
#define FUZZ_EXIM_STAND_IN_H

#include <ctype.h>
#include <idn2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "decide/verdict.h"
#include "reach.h"

#define LOCAL_SCAN
#include <local_scan.h>

#define EXIM_ID "1abcDE-000123-4X"
#define EXIM_OTHER_ID "1zyxWV-000456-7A"
#define EXIM_US "mx.ours.test"
#define EXIM_RECIPIENTS 60
#define EXIM_BODY_VISIBLE 500 /* bytes of $message_body */

/* What the message and this Exim are; all zero is an ordinary one. */
struct exim_stand_in {
	const char *directory, *acl_m_batv, *port;
	const char *body; /* NUL-terminated */
	bool defers;      /* each look-up */
	recipient_item recipients[EXIM_RECIPIENTS];
	unsigned logged, added, asked;
	unsigned verdicts; /* that were logged: a bit for each */
};
static struct exim_stand_in exim;

/* ---- variables ---- */

unsigned int debug_selector;
header_line *header_list;
BOOL host_checking;
uschar *local_scan_path;
uschar *message_id;
int recipients_count;
recipient_item *recipients_list;
unsigned char *sender_address;
uschar *sender_host_address;
uschar *sender_host_authenticated;
uschar *sender_host_name;

static uschar *exim_text(const char *text)
{
	return (uschar *)(uintptr_t)text;
}

/* ---- memory: all of it is freed after a message ---- */

struct exim_block {
	struct exim_block *next;
	max_align_t bytes[];
};
static struct exim_block *exim_blocks;

void *store_get_3(int size, const void *proto, const char *function, int line)
{
	struct exim_block *b;

	(void)proto, (void)function, (void)line;
	must(size >= 0);
	b = malloc(sizeof *b + (size_t)size);
	must(b);
	b->next = exim_blocks;
	exim_blocks = b;
	return b->bytes;
}

static void exim_free_all(void)
{
	while (exim_blocks) {
		struct exim_block *next = exim_blocks->next;

		free(exim_blocks);
		exim_blocks = next;
	}
}

/* A copy of exactly this size: Exim's header lines are counted, so no byte after them is read. */
static uschar *exim_copy(const char *text, size_t len)
{
	uschar *copy = store_get_3((int)len, NULL, "", 0);

	memcpy(copy, text, len);
	return copy;
}

static void exim_add_header(int type, const char *text, size_t len)
{
	header_line **end = &header_list, *h = store_get_3(sizeof *h, NULL, "", 0);

	while (*end)
		end = &(*end)->next;
	*h = (header_line){NULL, type, (int)len, exim_copy(text, len)};
	*end = h;
}

/* ---- expansion ---- */

/* What addr.h promises about a domain that is converted. */
static bool exim_is_domain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x80 && !islower(c) && !isdigit(c) && !strchr(".-_", c))
			return false;
	}
	return true;
}

static uschar *exim_domain(const char *text, const char *prefix, bool to_unicode)
{
	const char *domain = text + strlen(prefix);
	size_t len = strlen(domain);
	char name[1024], *result = NULL;
	uschar *copy;

	must(len > 0 && domain[len - 1] == '}' && len < sizeof name);
	must(exim_is_domain(domain, len - 1));
	memcpy(name, domain, len - 1);
	name[len - 1] = '\0';
	if ((to_unicode ? idn2_to_unicode_8z8z(name, &result, 0)
			: idn2_lookup_u8((uint8_t *)name, (uint8_t **)(void *)&result,
					 IDN2_NFC_INPUT)) != IDN2_OK)
		return NULL;
	copy = exim_copy(result, strlen(result) + 1);
	idn2_free(result);
	return copy;
}

/* A list with backslashes; in all other respects it expands to itself. */
static uschar *exim_list(const char *list)
{
	uschar *out = exim_copy(list, strlen(list) + 1);
	size_t n = 0;

	must(!strchr(list, '$'));
	while (*list) {
		if (list[0] == '\\' && list[1] == 'N') {
			for (list += 2; *list && !(list[0] == '\\' && list[1] == 'N');)
				out[n++] = (uschar)*list++;
			list += *list ? 2 : 0;
			continue;
		}
		list += *list == '\\';
		if (*list)
			out[n++] = (uschar)*list++;
	}
	out[n] = '\0';
	return out;
}

static bool exim_begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static uschar *exim_message_body(void)
{
	size_t len = strnlen(exim.body, EXIM_BODY_VISIBLE);
	uschar *out = exim_copy(exim.body, len + 1);

	out[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (out[i] == '\n')
			out[i] = ' ';
	return out;
}

uschar *expand_string(uschar *given)
{
	static const char to_alabel[] = "${utf8_domain_to_alabel:";
	static const char from_alabel[] = "${utf8_domain_from_alabel:";
	const char *text = (const char *)given;

	exim.asked++;
	if (strcmp(text, "${listnamed_d:batv_dir}") == 0)
		return exim_text(exim.directory);
	if (strcmp(text, "$acl_m_batv") == 0)
		return exim_text(exim.acl_m_batv);
	if (strcmp(text, "$primary_hostname") == 0)
		return exim_text(EXIM_US);
	if (strcmp(text, "$host_address") == 0) /* of the next hop */
		return exim_text("192.0.2.9");
	if (strcmp(text, "$sending_port") == 0)
		return exim_text(exim.port ? exim.port : "0");
	if (strcmp(text, "$message_body") == 0)
		return exim_message_body();
	if (exim_begins(text, "${listnamed_d:batv_"))
		return exim_text("ours.test");
	if (exim_begins(text, "${listnamed_h:batv_")) /* it lacks this one */
		return NULL;
	if (exim_begins(text, "${dlfunc{")) /* as exim4-daemon-light, which has most to do */
		return NULL;
	if (exim_begins(text, to_alabel))
		return exim_domain(text, to_alabel, false);
	if (exim_begins(text, from_alabel))
		return exim_domain(text, from_alabel, true);
	if (exim_begins(text, "${if match{}{\\N") || exim_begins(text, "${lookup{}"))
		return exim.defers ? NULL : exim_text("");
	return exim_list(text);
}

/* ---- lists ---- */

/* An item is a literal, "*" or "*.domain"; "+defer" cannot be looked up. */
static bool exim_item_matches(const char *item, size_t len, const char *subject)
{
	size_t n = strlen(subject);

	if (len > 0 && item[0] == '*') {
		item++, len--;
		return len <= n && strncasecmp(subject + n - len, item, len) == 0;
	}
	return len == n && strncasecmp(item, subject, n) == 0;
}

static int exim_match(const char *subject, const char *list)
{
	must(subject && list && !strchr(list, '$'));
	if (exim.defers)
		return DEFER;
	if (strcmp(list, "+batv_unsign") == 0 || strcmp(list, "+batv_sign") == 0)
		list = "ours.test : shop.test : b\xc3\xbc"
		       "cher.test";
	while (*list) {
		size_t len;

		list += strspn(list, " :");
		len = strcspn(list, " :");
		if (len == 6 && strncmp(list, "+defer", 6) == 0)
			return DEFER;
		if (len > 0 && exim_item_matches(list, len, subject))
			return OK;
		list += len;
	}
	return FAIL;
}

static void must_be_printable(const char *subject)
{
	for (const char *p = subject; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f);
}

int lss_match_domain(uschar *domain, uschar *list)
{
	must_be_printable((char *)domain);
	return exim_match((char *)domain, (char *)list);
}

int lss_match_address(uschar *address, uschar *list, BOOL caseless)
{
	must(caseless); /* it may be Exim's own recipient, whatever is in it */
	return exim_match((char *)address, (char *)list);
}

int lss_match_host(uschar *name, uschar *address, uschar *list)
{
	int code = name ? exim_match((char *)name, (char *)list) : FAIL;

	must_be_printable(name ? (char *)name : "");
	must_be_printable((char *)address);

	return code == FAIL ? exim_match((char *)address, (char *)list) : code;
}

/* ---- log and header ---- */

static void exim_check_verdict(const char *line)
{
	static const char *const fields[] = {"batv: verdict=", "action=", "mode=", "rcpt=<",
					     "class=",         "host=[",  "key=",  "msgid=",
					     "reason=",        "policy="};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		must(exim_begins(line, fields[i]));
		line += strlen(fields[i]);
		must(*line && *line != ' ');
		line += strcspn(line, " ");
		line += *line == ' ';
	}
	must(!*line);
}

static void exim_note_verdict(const char *line)
{
	const char *word = line + strlen("batv: verdict=");
	unsigned i = 0;

	for (; i < BATV_VERDICT_COUNT; i++) {
		const char *name = batv_verdict_name((enum batv_verdict)i);

		if (strncmp(word, name, strlen(name)) == 0 && word[strlen(name)] == ' ')
			break;
	}
	must(i < BATV_VERDICT_COUNT);
	exim.verdicts |= 1u << i;
}

void log_write(unsigned int selector, int flags, const char *format, ...)
{
	char line[2000];
	va_list ap;

	va_start(ap, format);
	must(vsnprintf(line, sizeof line, format, ap) < 900);
	va_end(ap);
	must(selector == 0 && flags == LOG_MAIN && exim_begins(line, "batv: "));
	for (const char *p = line; *p; p++)
		must(*p >= ' ' && *p < 0x7f);
	if (exim_begins(line, "batv: verdict=")) {
		exim_check_verdict(line);
		exim_note_verdict(line);
	}
	exim.logged++;
}

/* One field, folded at most. */
void header_add(int type, const char *format, ...)
{
	char text[2000];
	va_list ap;
	size_t len;

	va_start(ap, format);
	len = (size_t)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	must(type == ' ' && len < sizeof text && text[len - 1] == '\n');
	must(exim_begins(text, "X-BATV-Status: "));
	for (size_t i = 0; i < len - 1; i++)
		must(text[i] == '\n' ? text[i + 1] == '\t'
				     : isprint((unsigned char)text[i]) || text[i] == '\t');
	exim_add_header(type, text, len);
	exim.added++;
}

void header_remove(int occurrence, const uschar *name)
{
	const size_t len = strlen((const char *)name);

	must(occurrence == 0);
	for (header_line *h = header_list; h; h = h->next)
		if (h->slen > (int)len &&
		    strncasecmp((char *)h->text, (const char *)name, len) == 0 &&
		    h->text[len] == ':')
			h->type = '*';
}

#endif
