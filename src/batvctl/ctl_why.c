/*
 * ctl_why.c - batvctl why: what was decided about a message, an address or a host, and what to tell
 * the people at the other side.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask_exim.h"
#include "ctl_cache.h"
#include "ctl_item.h"
#include "ctl_layout.h"
#include "ctl_log.h"
#include "ctl_pasted.h"
#include "ctl_words.h"
#include "log_anonymous.h"
#include "log_why.h"

#define TOP 10

struct asked {
	struct batv_ctl *ctl;
	char shown[BATV_LOG_WHY_SHOWN];
	struct batv_ctl_log source;
	struct batv_log_why log;
	struct batv_asker asker;
	struct batv_matcher exim, cached;
	struct batv_cache *cache; /* NULL: kept items are not looked for */
};

/* ---- the question ---- */

/* The addresses that DNS has for a name now; the log may know the host by its address alone. */
static void look_up(struct batv_log_why *w)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;

	if (getaddrinfo(w->text, NULL, &hints, &list) != 0)
		return;
	for (const struct addrinfo *a = list; a && w->n_hosts < BATV_LOG_WHY_HOSTS; a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, w->hosts[w->n_hosts], sizeof w->hosts[0],
				NULL, 0, NI_NUMERICHOST) == 0)
			w->n_hosts++;
	freeaddrinfo(list);
}

/* An address between brackets, as Exim logs it, is taken, too. */
static bool take_host_address(struct batv_log_why *w, const char *word)
{
	struct batv_span s = batv_span_of(word);
	char text[64];
	struct in6_addr unused;

	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = (struct batv_span){s.p + 1, s.len - 2};
	if (s.len >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", (int)s.len, s.p);
	if (inet_pton(AF_INET, text, &unused) != 1 && inet_pton(AF_INET6, text, &unused) != 1)
		return false;
	memcpy(w->hosts[0], text, sizeof text);
	w->n_hosts = 1;
	return true;
}

static bool is_host_name(const char *word)
{
	const size_t len = strlen(word);

	for (size_t i = 0; i < len; i++)
		if (!batv_is_alnum(word[i]) && !strchr(".-_", word[i]))
			return false;
	return len > 0 && len < 254;
}

static int take_word(struct asked *a, const char *word)
{
	struct batv_log_why *w = &a->log;
	char pasted[BATV_PASTED_SIZE];

	batv_printable(batv_span_of(word), a->shown, sizeof a->shown);
	if (batv_log_line_is_id(batv_span_of(word))) {
		w->kind = BATV_LOG_WHY_ID;
		memcpy(w->text, word, strlen(word) + 1);
	} else if (strchr(word, '@')) {
		if (!batv_ctl_pasted(word, pasted) || !batv_log_why_address(w, pasted))
			return batv_ctl_fail(BATV_CTL_USAGE, "why: not an address: %s", a->shown);
		memcpy(a->shown, w->text, sizeof a->shown);
	} else {
		w->kind = BATV_LOG_WHY_HOST;
		if (take_host_address(w, word))
			return BATV_CTL_YES;
		if (!is_host_name(word))
			return batv_ctl_fail(BATV_CTL_USAGE,
					     "why: expected a message id of Exim, an address, or "
					     "the address or name of a host, not %s",
					     a->shown);
		memcpy(w->text, word, strlen(word) + 1);
		look_up(w);
	}
	return BATV_CTL_YES;
}

/* The question is shown, too. */
static void hide_word(struct asked *a)
{
	char text[BATV_ADDR_SIZE];
	const struct batv_log_why *w = &a->log;

	if (w->kind == BATV_LOG_WHY_ID)
		return;
	if (w->kind == BATV_LOG_WHY_HOST)
		batv_log_anonymous_host(batv_span_of(w->n_hosts ? w->hosts[0] : ""), text);
	else
		batv_log_anonymous_address(batv_span_of(w->text), text);
	snprintf(a->shown, sizeof a->shown, "%s", strcmp(text, "-") ? text : "this host");
}

/* ---- decisions ---- */

static struct batv_ctl_decided decided(const struct batv_log_told *t)
{
	return (struct batv_ctl_decided){.verdict = t->verdict,
					 .action = t->action,
					 .reason = t->reason,
					 .proof = t->proof,
					 .class = t->class};
}

/*
 * The item that batvctl keeps, if one let the message in that is still in the list.  The log has
 * the host's address alone, so an item with a name is not found.
 */
static bool kept_item(const struct asked *a, const struct batv_log_told *t,
		      struct batv_ctl_item *item)
{
	char bare[BATV_ADDR_SIZE], address[BATV_ADDR_SIZE] = "";
	const struct batv_ctl_item_about about = {.host = t->host,
						  .address = address,
						  .at = t->when -
							(batv_ctl_log_local(t->when) - t->when),
						  .matcher = &a->cached};
	struct batv_addr addr;

	if (!a->cache || a->log.anonymous)
		return false;
	if (batv_tag_bare(t->rcpt, strlen(t->rcpt), bare, sizeof bare) == BATV_OK &&
	    batv_addr_parse(bare, strlen(bare), &addr) == BATV_OK)
		(void)batv_lists_copy_address(&addr, address);
	return batv_ctl_item_of_reason(a->ctl, t->reason, &about, item);
}

static const char *action_name(enum batv_action action)
{
	return action == BATV_ACTION_COUNT ? "defer" : batv_action_name(action);
}

static bool is_refusal(const struct batv_log_told *t)
{
	return t->action == BATV_ACTION_REJECT || t->action == BATV_ACTION_REMOVE;
}

/* The newest refusal, which is what people ask about; or the newest decision; NULL: none. */
static const struct batv_log_told *newest(const struct batv_log_why *w,
					  const struct batv_log_message **of)
{
	const struct batv_log_told *best = NULL;

	for (size_t i = 0; i < batv_log_why_kept(w); i++) {
		const struct batv_log_message *m = batv_log_why_message(w, i);

		for (size_t j = 0; j < m->n_decisions; j++)
			if (!best || !is_refusal(best) || is_refusal(&m->told[j])) {
				best = &m->told[j];
				*of = m;
			}
	}
	return best;
}

static void write_letter(const struct batv_log_told *t, char out[static BATV_WORDS_SIZE])
{
	const struct batv_ctl_decided d = decided(t);
	char when[BATV_CTL_LOG_TIME];
	struct batv_ctl_letter letter = {.when = batv_ctl_log_moment(t->when, when),
					 .from = *t->host ? t->host : "-",
					 .rcpt = t->rcpt};

	batv_ctl_words_letter(&d, &letter, out);
}

/* ---- what was searched, and what to try ---- */

static void searched_text(const struct asked *a, char *out, size_t size)
{
	char from[BATV_CTL_LOG_TIME], to[BATV_CTL_LOG_TIME], lines[BATV_LAYOUT_NUMBER],
		decisions[BATV_LAYOUT_NUMBER];
	const struct batv_log_why *w = &a->log;
	const struct batv_log_files *f = &a->source.files;
	size_t n;

	batv_ctl_layout_number(w->lines, lines, sizeof lines);
	batv_ctl_layout_number(w->decisions, decisions, sizeof decisions);
	n = (size_t)snprintf(out, size, "%s", f->paths[0]);
	if (f->n > 1 && n < size)
		n += (size_t)snprintf(out + n, size - n, " to %s (%zu files)", f->paths[f->n - 1],
				      f->n);
	if (w->first && n < size)
		n += (size_t)snprintf(out + n, size - n, ", from %s to %s",
				      batv_ctl_log_moment(w->first, from),
				      batv_ctl_log_moment(w->last, to));
	if (n < size)
		snprintf(out + n, size - n, ": %s lines, %s decisions%s", lines, decisions,
			 w->since > 0 || w->until < INT64_MAX ? " of the time asked for" : "");
}

static void advice_text(const struct asked *a, char *out, size_t size)
{
	const struct batv_log_why *w = &a->log;
	char bare[BATV_ADDR_SIZE];

	switch (w->kind) {
	case BATV_LOG_WHY_ID:
		snprintf(out, size,
			 "older logs (name the files); or the recipient's address, or the host, if "
			 "this id is of another server");
		return;
	case BATV_LOG_WHY_ADDRESS:
		snprintf(out, size,
			 "the sending host; older logs (name the files). Only bounces and other "
			 "automatic mail are judged, after DATA: exigrep finds all other mail, and "
			 "what was refused at RCPT");
		return;
	case BATV_LOG_WHY_TAGGED:
		if (w->anonymous)
			strcpy(bare, "with the address without its tag");
		else if (batv_tag_bare(w->text, strlen(w->text), bare, sizeof bare) != BATV_OK)
			*bare = '\0';
		snprintf(out, size, "batvctl why %s, which finds it with any tag and without one",
			 bare);
		return;
	case BATV_LOG_WHY_HOST:
		snprintf(out, size,
			 "%s; the recipient's address; older logs (name the files). A bounce that "
			 "came through a relay has the relay's address here",
			 *w->text ? "its IP address, if the log has another name for it"
				  : "its name");
		return;
	}
}

/* ---- the page ---- */

static void print_wrapped(const struct asked *a, unsigned indent, const char *text)
{
	printf("%*s", (int)indent, "");
	batv_ctl_layout_wrap(stdout, text, indent, indent, a->ctl->terminal.width);
}

static void print_nothing(const struct asked *a)
{
	char text[9000];

	printf("Nothing was decided about %s.\n", a->shown);
	searched_text(a, text, sizeof text);
	printf("searched  ");
	batv_ctl_layout_wrap(stdout, text, 10, 10, a->ctl->terminal.width);
	advice_text(a, text, sizeof text);
	printf("try       ");
	batv_ctl_layout_wrap(stdout, text, 10, 10, a->ctl->terminal.width);
}

static void print_decision(const struct asked *a, const struct batv_log_told *t)
{
	struct batv_ctl_decided d = decided(t);
	char text[BATV_WORDS_SIZE], words[BATV_CTL_ITEM_SIZE], facts[1000];
	struct batv_ctl_item item;

	if (kept_item(a, t, &item)) {
		batv_ctl_item_words(&item, words);
		d.item = words;
	}
	batv_ctl_words_decision(&d, text);
	print_wrapped(a, 2, text);
	snprintf(facts, sizeof facts, "%s, from %s: verdict=%s action=%s class=%s reason=%s%s%s",
		 t->rcpt, *t->host ? t->host : "this machine", batv_verdict_name(t->verdict),
		 action_name(t->action), t->class,
		 *t->proof ? t->proof : batv_reason_name(t->reason),
		 strcmp(t->msgid, "-") == 0 ? "" : " msgid=",
		 strcmp(t->msgid, "-") == 0 ? "" : t->msgid);
	print_wrapped(a, 4, facts);
}

static void print_message(const struct asked *a, const struct batv_log_message *m)
{
	char when[BATV_CTL_LOG_TIME];

	printf("\n%s  %s\n", batv_ctl_log_moment(m->when, when), m->id);
	for (size_t i = 0; i < m->n_decisions; i++)
		print_decision(a, &m->told[i]);
	if (m->decisions > m->n_decisions)
		printf("  and %" PRIu64 " more recipients\n", m->decisions - m->n_decisions);
	if (m->decisions == 0)
		print_wrapped(a, 2,
			      "exim-batv judged nothing in it: only bounces and other automatic "
			      "mail are judged, when they come in");
	for (size_t i = 0; i < m->n_lines; i++)
		printf("    | %s\n", m->line[i]);
	if (m->lines > m->n_lines)
		printf("    | and %" PRIu64 " more lines: exigrep %s\n", m->lines - m->n_lines,
		       m->id);
}

static void print_letter(const struct asked *a)
{
	const struct batv_log_message *of;
	const struct batv_log_told *t = newest(&a->log, &of);
	char text[BATV_WORDS_SIZE];

	if (!t)
		return;
	write_letter(t, text);
	printf("\nTo the other side, about %s:\n\n", of->id);
	batv_ctl_layout_wrap(stdout, text, 0, 0, a->ctl->terminal.width);
}

static void print_page(const struct asked *a)
{
	size_t n = batv_log_why_kept(&a->log);
	char found[BATV_LAYOUT_NUMBER], text[9000];

	batv_ctl_layout_number(a->log.found, found, sizeof found);
	printf("%s: %s message%s", a->shown, found, a->log.found == 1 ? "" : "s");
	if (a->log.found > n)
		printf(", here the last %zu of them (--top %" PRIu64 " shows more)", n,
		       a->log.found < BATV_CTL_LOG_TOP_MAX ? a->log.found
							   : (uint64_t)BATV_CTL_LOG_TOP_MAX);
	searched_text(a, text, sizeof text);
	printf("\nsearched  ");
	batv_ctl_layout_wrap(stdout, text, 10, 10, a->ctl->terminal.width);
	for (size_t i = 0; i < n; i++)
		print_message(a, batv_log_why_message(&a->log, i));
	print_letter(a);
}

/* ---- JSON ---- */

static json_t *json_decision(const struct asked *a, const struct batv_log_told *t)
{
	struct batv_ctl_decided d = decided(t);
	char text[BATV_WORDS_SIZE], words[BATV_CTL_ITEM_SIZE];
	json_t *o = json_object();
	struct batv_ctl_item item;

	if (kept_item(a, t, &item)) {
		batv_ctl_item_words(&item, words);
		d.item = words;
		batv_ctl_put(o, "item", batv_ctl_item_json(&item));
	}
	batv_ctl_words_decision(&d, text);
	batv_ctl_put_text(o, "text", text);
	batv_ctl_log_put(o, "when", t->when);
	batv_ctl_put_text(o, "verdict", batv_verdict_name(t->verdict));
	batv_ctl_put_text(o, "action", action_name(t->action));
	batv_ctl_put_text(o, "reason", *t->proof ? t->proof : batv_reason_name(t->reason));
	batv_ctl_put_text(o, "class", t->class);
	batv_ctl_put_text(o, "recipient", t->rcpt);
	batv_ctl_put_text(o, "host", *t->host ? t->host : NULL);
	batv_ctl_put_text(o, "msgid", strcmp(t->msgid, "-") == 0 ? NULL : t->msgid);
	return o;
}

static json_t *json_message(const struct asked *a, const struct batv_log_message *m)
{
	json_t *o = json_object(), *decisions = json_array(), *lines = json_array();

	for (size_t i = 0; i < m->n_decisions; i++)
		json_array_append_new(decisions, json_decision(a, &m->told[i]));
	for (size_t i = 0; i < m->n_lines; i++)
		json_array_append_new(lines, batv_ctl_json_text(m->line[i]));
	batv_ctl_put_text(o, "id", m->id);
	batv_ctl_log_put(o, "when", m->when);
	batv_ctl_put(o, "decisions", decisions);
	batv_ctl_put_number(o, "decisions_all", m->decisions);
	batv_ctl_put(o, "lines", lines);
	batv_ctl_put_number(o, "lines_all", m->lines);
	return o;
}

static json_t *json_read(const struct asked *a)
{
	json_t *o = json_object();

	batv_ctl_log_put_files(o, &a->source);
	batv_ctl_put_number(o, "lines", a->log.lines);
	batv_ctl_put_number(o, "decisions", a->log.decisions);
	batv_ctl_log_put(o, "first", a->log.first);
	batv_ctl_log_put(o, "last", a->log.last);
	return o;
}

static json_t *json_all(const struct asked *a)
{
	json_t *o = json_object(), *messages = json_array();
	const struct batv_log_message *of;
	const struct batv_log_told *t = newest(&a->log, &of);
	char text[9000];

	for (size_t i = 0; i < batv_log_why_kept(&a->log); i++)
		json_array_append_new(messages, json_message(a, batv_log_why_message(&a->log, i)));
	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put(o, "read", json_read(a));
	batv_ctl_put_number(o, "found", a->log.found);
	batv_ctl_put(o, "messages", messages);
	if (t)
		write_letter(t, text);
	batv_ctl_put_text(o, "letter", t ? text : NULL);
	if (a->log.found == 0) {
		advice_text(a, text, sizeof text);
		batv_ctl_put_text(o, "try", text);
	}
	return o;
}

/* ---- the command ---- */

static void take_lines(void *ctx, struct batv_span lines)
{
	batv_log_why_lines(ctx, lines);
}

/* For kept items, which are in the state directory. */
static void prepare_lists(struct asked *a, bool configured)
{
	if (!configured)
		return;
	batv_ask_exim_init(&a->asker, a->ctl->config.global.exim, a->ctl->config_path, &a->exim);
	a->cache = batv_ctl_cache_new(&a->exim, &a->cached);
}

static int prepare(struct asked *a, char **args, int n)
{
	int code = take_word(a, args[0]);

	a->log.top = TOP;
	a->log.anonymous = a->ctl->anonymous;
	if (!code && a->ctl->anonymous)
		hide_word(a);
	if (!code)
		code = batv_ctl_log_top(a->ctl, "why", &a->log.top);
	if (code)
		return code;
	if (access(a->ctl->config_path, R_OK) == 0) /* it may say where Exim is */
		prepare_lists(a, batv_ctl_find(a->ctl) == BATV_CTL_YES);
	code = batv_ctl_log_start(&a->source, NULL, args + 1, n - 1);
	a->log.since = a->source.since;
	a->log.until = a->source.until;
	return code;
}

static int run(struct asked *a, char **args, int n)
{
	int code = prepare(a, args, n);
	bool whole;

	if (code)
		return code;
	if (!batv_log_why_start(&a->log))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	whole = batv_ctl_log_read(&a->source, take_lines, &a->log);
	if (a->ctl->json) {
		if (!batv_ctl_print_json(json_all(a)))
			return BATV_CTL_TROUBLE;
	} else if (a->log.found == 0) {
		print_nothing(a);
	} else {
		print_page(a);
	}
	if (!whole)
		return BATV_CTL_TROUBLE;
	return a->log.found > 0 ? BATV_CTL_YES : BATV_CTL_NO;
}

int batv_ctl_why(struct batv_ctl *ctl, char **args, int n)
{
	static struct asked asked;
	int code;

	asked.ctl = ctl;
	asked.source = (struct batv_ctl_log){.ctl = ctl, .command = "why"};
	code = run(&asked, args, n);
	batv_ctl_cache_free(asked.cache);
	batv_log_why_end(&asked.log);
	batv_ctl_log_end(&asked.source);
	return code;
}
