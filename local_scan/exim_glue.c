/*
 * exim_glue.c - the only file that includes Exim's local_scan.h.
 *
 * uschar, taint and the differences between Exim's versions are handled only here.  These
 * differences matter to us: in 4.100 log_write() lost an argument and BOOL shrank; since 4.98 more
 * pointers are const, which the casts below absorb.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef LOCAL_SCAN
# define LOCAL_SCAN
#endif
#include <local_scan.h>

#include "base/together.h"
#include "decide/list_file.h"
#include "exim_glue.h"
#include "list_probe.h"

#define LOG_LINE_MAX 900

/*
 * An Exim that batv.so was not built for may load it.  4.100 has other structures, and these names
 * differ.  They are weak, so that the module can still be loaded and say plainly what is wrong.
 */
#ifdef BATV_MODULE
# if LOCAL_SCAN_ABI_VERSION_MAJOR >= 9
#  pragma weak expand_string_2
#  define OF_THIS_EXIM expand_string_2
extern unsigned int debug_selector;
# else
#  pragma weak expand_string
#  define OF_THIS_EXIM expand_string
# endif
# pragma weak debug_selector
extern unsigned char *local_scan_path;
# pragma weak local_scan_path
# define EXIM_HAS(name) (&(name) != NULL)
#endif

/* Exim asks this before it calls a module's local_scan(), and refuses another major number. */
int local_scan_version_major(void);
int local_scan_version_minor(void);

__attribute__((visibility("default"))) int local_scan_version_major(void)
{
	return LOCAL_SCAN_ABI_VERSION_MAJOR;
}

__attribute__((visibility("default"))) int local_scan_version_minor(void)
{
	return LOCAL_SCAN_ABI_VERSION_MINOR;
}

const char *batv_glue_misfit(void)
{
#ifdef BATV_MODULE
	if (!EXIM_HAS(OF_THIS_EXIM))
		return "this batv.so was built for another version of Exim";
#endif
	return NULL;
}

/* Exim calls a compiled-in local_scan() always, and a module's only if local_scan_path names it.
 * Only Exims with the patch of Debian and Fedora have that option. */
bool batv_glue_scans(void)
{
#ifdef BATV_MODULE
	return EXIM_HAS(local_scan_path) && local_scan_path && *local_scan_path;
#else
	return true;
#endif
}

/* exim4-daemon-light has no ${dlfunc}: its expansion fails there.  Exim keeps the module loaded. */
bool batv_glue_has_functions(void)
{
#ifdef BATV_MODULE
	static enum batv_match has = BATV_MAYBE;
	const uschar *path = batv_glue_scans() ? local_scan_path : NULL;
	char text[1024];

	if (has == BATV_MAYBE) {
		int n = snprintf(text, sizeof text, "${dlfunc{%s}{batv_bare}{x}}",
				 path ? path : US "");

		has = n > 0 && (size_t)n < sizeof text && batv_glue_expand(text) ? BATV_YES
										 : BATV_NO;
	}
	return has == BATV_YES;
#elif defined EXPAND_DLFUNC
	return true;
#else
	return false;
#endif
}

bool batv_glue_checking(void)
{
	return host_checking;
}

/* Convert Exim's text to ours and back.  Its functions take uschar *, some const since 4.98. */
static const char *from_exim(const uschar *s)
{
	return s ? (const char *)s : "";
}

static uschar *to_exim(const char *s)
{
	union {
		const char *ours;
		uschar *exims;
	} u = {.ours = s};

	return u.exims;
}

const char *batv_glue_sender(void)
{
	return from_exim(sender_address);
}

const char *batv_glue_message_id(void)
{
	return from_exim(message_id);
}

size_t batv_glue_recipients(void)
{
	return recipients_count > 0 && recipients_list ? (size_t)recipients_count : 0;
}

const char *batv_glue_recipient(size_t i)
{
	return i < batv_glue_recipients() ? from_exim(recipients_list[i].address) : "";
}

/* For struct batv_origin. */
static const char *recipient_of(void *unused, size_t i)
{
	(void)unused;
	return batv_glue_recipient(i);
}

void batv_glue_origin(struct batv_origin *origin)
{
	*origin = (struct batv_origin){
		.host_name = from_exim(sender_host_name),
		.host_address = from_exim(sender_host_address),
		.authenticated = sender_host_authenticated && *sender_host_authenticated,
		.has_id = *batv_glue_message_id() != '\0',
		.recipient = recipient_of,
		.n_recipients = batv_glue_recipients(),
	};
}

void batv_glue_recipient_set(size_t i, const char *address)
{
	if (i < batv_glue_recipients())
		recipients_list[i].address = batv_glue_text(address, recipients_list[i].address);
}

void batv_glue_recipient_sender(size_t i, const char *sender)
{
	if (i < batv_glue_recipients())
		recipients_list[i].errors_to = batv_glue_text(sender, sender_address);
}

void batv_glue_recipient_remove(size_t i)
{
	/* by position: receive_remove_recipient() would remove the first of two equal ones */
	if (i >= batv_glue_recipients())
		return;
	memmove(recipients_list + i, recipients_list + i + 1,
		(batv_glue_recipients() - i - 1) * sizeof *recipients_list);
	recipients_count--;
}

/*
 * Exim deletes an Envelope-To field that came with the message before we see it ("*"), but where it
 * is evidence, it must be read.
 */
static bool is_seen(const header_line *h)
{
	if (!h->text || h->slen <= 0)
		return false;
	return h->type != '*' ||
	       batv_span_begins_fold((struct batv_span){(const char *)h->text, (size_t)h->slen},
				     "Envelope-To:");
}

bool batv_glue_header_next(const void **at, struct batv_header *field)
{
	const header_line *h = *at ? ((const header_line *)*at)->next : header_list;

	while (h && !is_seen(h))
		h = h->next;
	if (!h)
		return false;
	*at = h;

	const char *text = (const char *)h->text;
	size_t len = (size_t)h->slen;
	const char *colon = memchr(text, ':', len);

	*field = (struct batv_header){{text, len}, {text + len, 0}};
	if (colon) {
		size_t name_len = (size_t)(colon - text);

		while (name_len > 0 && batv_is_wsp(text[name_len - 1]))
			name_len--;
		field->name.len = name_len;
		field->value = (struct batv_span){colon + 1, len - (size_t)(colon + 1 - text)};
	}
	return true;
}

void batv_glue_header_add(const char *name, const char *value)
{
	header_add(' ', "%s: %s\n", name, value);
}

void batv_glue_header_remove(const char *name)
{
	header_remove(0, to_exim(name));
}

/* --- lists ------------------------------------------------------------------ */

static gid_t list_group BATV_TOGETHER; /* each session sets it */

void batv_glue_list_group(gid_t group)
{
	list_group = group;
}

/* The file is checked first: not even an expansion may open one that has not passed. */
static bool safe_item(const struct batv_list_item *item)
{
	struct batv_list_trouble trouble;
	char expansion[BATV_LIST_PROBE_SIZE];

	if (item->sort == BATV_LIST_ITEM_REFUSED)
		return false;
	if (item->sort == BATV_LIST_ITEM_LOOKUP &&
	    !batv_list_file(item->path, item->content, list_group, &trouble))
		return false;
	return !batv_list_probe(item, expansion) || batv_glue_expand(expansion);
}

/*
 * May Exim be asked about this list?  Exim expands its lists, and does so as root when it delivers.
 * If a list comes from a file, a "$" or a look-up in an arbitrary file would make that file's owner
 * root.  batvd refuses such lists, and so do we (exim_list.h).  Then we try each item that might
 * end the process in Exim's matcher (list_probe.h).
 */
static bool safe_list(enum batv_list_kind kind, const char *list)
{
	struct batv_list_items items;
	struct batv_list_item item;

	if (strchr(list, '$'))
		return false;
	if (strchr(list, '\\')) { /* Exim must expand it to the text that we split */
		const char *expanded = batv_glue_expand(list);

		if (!expanded || !batv_exim_list_expands_to(list, expanded))
			return false;
	}
	batv_exim_list_start(&items, kind, list);
	while (batv_exim_list_next(&items, &item))
		if (!safe_item(&item))
			return false;
	return true;
}

static enum batv_match match_of(int code)
{
	return code == OK ? BATV_YES : code == FAIL ? BATV_NO : BATV_MAYBE;
}

/* Answers of this session: the parts of a decision ask the same questions. */
#define ANSWERS 6

static struct answer {
	const char *list; /* of the state, which does not change during a session */
	enum batv_list_kind kind;
	enum batv_match match;
	char subject[112];
} answers[ANSWERS] BATV_TOGETHER;
static size_t n_answers BATV_TOGETHER;

void batv_glue_lists_forget(void)
{
	n_answers = 0;
}

/* The list, without the one named list that Exim's configuration may lack (exim_list.h). */
static const char *known_list(enum batv_list_kind kind, const char *list)
{
	char *copy;

	if (!batv_exim_list_has_optional(kind, list) ||
	    batv_glue_expand("${listnamed_h:" BATV_LIST_OPTIONAL "}"))
		return list;
	copy = (char *)batv_glue_text(list, NULL);
	batv_exim_list_drop_optional(copy);
	return copy;
}

static enum batv_match ask(enum batv_list_kind kind, const char *name, const char *subject,
			   const char *list)
{
	if (!safe_list(kind, list))
		return BATV_MAYBE;
	list = known_list(kind, list);
	switch (kind) {
	case BATV_LIST_DOMAINS: return match_of(lss_match_domain(to_exim(subject), to_exim(list)));
	case BATV_LIST_ADDRESSES:
		return match_of(lss_match_address(to_exim(subject), to_exim(list), TRUE));
	case BATV_LIST_HOSTS: break;
	}
	return match_of(lss_match_host(name && *name ? to_exim(name) : NULL, to_exim(subject),
				       to_exim(list)));
}

static enum batv_match ask_once(enum batv_list_kind kind, const char *subject, const char *list)
{
	enum batv_match match;

	for (size_t i = 0; i < n_answers; i++)
		if (answers[i].list == list && answers[i].kind == kind &&
		    strcmp(answers[i].subject, subject) == 0)
			return answers[i].match;
	match = ask(kind, NULL, subject, list);
	if (n_answers < ANSWERS && strlen(subject) < sizeof answers[0].subject) {
		struct answer *one = &answers[n_answers++];

		one->list = list;
		one->kind = kind;
		one->match = match;
		strcpy(one->subject, subject);
	}
	return match;
}

static enum batv_match match_domain(void *ctx, const char *domain, const char *list)
{
	(void)ctx;
	return ask_once(BATV_LIST_DOMAINS, domain, list);
}

static enum batv_match match_address(void *ctx, const char *address, const char *list)
{
	(void)ctx;
	return ask_once(BATV_LIST_ADDRESSES, address, list);
}

/* A host with a name is rare, because Exim looks names up late. */
static enum batv_match match_host(void *ctx, const char *name, const char *address,
				  const char *list)
{
	(void)ctx;
	return name && *name ? ask(BATV_LIST_HOSTS, name, address, list)
			     : ask_once(BATV_LIST_HOSTS, address, list);
}

const struct batv_matcher batv_glue_matcher = {
	.domain = match_domain,
	.address = match_address,
	.host = match_host,
};

const char *batv_glue_expand(const char *text)
{
	return batv_glue_misfit() ? NULL : (const char *)expand_string(to_exim(text));
}

/*
 * Asks Exim for the other form of a domain, so that it is the one that Exim sends.  The text may be
 * a stranger's; addr.c lets nothing through that means anything in an expansion.
 */
static enum batv_err convert(const char *before, const char *domain,
			     char out[static BATV_ADDR_SIZE])
{
	char text[BATV_ADDR_SIZE + 40];
	const char *result;

	snprintf(text, sizeof text, "%s%s}", before, domain);
	result = batv_glue_expand(text);
	if (!result) { /* a bad domain; or Exim lacks SUPPORT_I18N, and does not know this */
		snprintf(text, sizeof text, "%sa}", before);
		return batv_glue_expand(text) ? BATV_E_SYNTAX : BATV_E_NO_IDN;
	}
	if (strlen(result) >= BATV_ADDR_SIZE)
		return BATV_E_TOO_LONG;
	strcpy(out, result);
	return BATV_OK;
}

enum batv_err batv_addr_to_alabel(const char *domain, char out[static BATV_ADDR_SIZE])
{
	return convert("${utf8_domain_to_alabel:", domain, out);
}

enum batv_err batv_addr_to_ulabel(const char *domain, char out[static BATV_ADDR_SIZE])
{
	return convert("${utf8_domain_from_alabel:", domain, out);
}

/* In 4.100 log_write() lost its first argument, but kept its name. */
#ifdef BATV_MODULE
void log_write_old(unsigned int selector, int flags, const char *format, ...) __asm__("log_write");
void log_write_new(int flags, const char *format, ...) __asm__("log_write");
#endif

static void write_log(const char *line)
{
#ifdef BATV_MODULE
	/* the running Exim decides: debug_selector went away with that argument */
	if (EXIM_HAS(debug_selector))
		log_write_old(0, LOG_MAIN, "%s", line);
	else
		log_write_new(LOG_MAIN, "%s", line);
#elif LOCAL_SCAN_ABI_VERSION_MAJOR >= 9
	log_write(LOG_MAIN, "%s", line);
#else
	log_write(0, LOG_MAIN, "%s", line);
#endif
}

void batv_glue_log(const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	write_log(line);
}

int batv_glue_code(enum batv_glue_code code)
{
	switch (code) {
	case BATV_GLUE_OK: return OK;
	case BATV_GLUE_FORCED_FAILURE: return FAIL_FORCED;
	case BATV_GLUE_ACCEPT: return LOCAL_SCAN_ACCEPT;
	case BATV_GLUE_REJECT: return LOCAL_SCAN_REJECT;
	case BATV_GLUE_DEFER: return LOCAL_SCAN_TEMPREJECT_NOLOGHDR;
	}
	return ERROR;
}

unsigned char *batv_glue_text(const char *text, const void *like)
{
	size_t len = strlen(text);
	uschar *copy = store_get((int)len + 1, like ? like : GET_UNTAINTED);

	memcpy(copy, text, len + 1);
	return copy;
}

void *batv_glue_room(size_t size)
{
	void *room = store_get((int)size, GET_UNTAINTED);

	memset(room, 0, size);
	return room;
}

char *batv_glue_buffer(size_t size)
{
	return store_get((int)size, GET_TAINTED); /* it will hold the sender's text */
}
