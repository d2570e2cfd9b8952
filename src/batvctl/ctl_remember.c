/*
 * ctl_remember.c - batvctl remember: adds what was sent to the sent-mail memory, from a list or
 * from Exim's main log.
 *
 * Invariant: from a log it takes only what Exim would have remembered itself: trusted mail of a
 * protected domain.  Otherwise strangers could write into the memory through the log.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_ask.h"
#include "ctl_cache.h"
#include "evidence/search.h"
#include "exim_log.h"
#include "memory/sent.h"

struct adding {
	struct batv_ctl *ctl;
	struct batv_asking asking;
	struct batv_matcher matcher; /* asking's, with a cache */
	struct batv_span key;
	FILE *file;
	const char *name;
	uint64_t line;
	uint64_t done[2], known[2]; /* by enum batv_item_kind */
	uint64_t full, clock;       /* items that were not remembered */
	uint64_t outside, old, doubt;
	uint64_t odd, bounces, no_id;
	char own_domain[BATV_ADDR_SIZE]; /* of the Message-IDs that Exim makes; "": unknown */
};

static void add_item(struct adding *a, const struct batv_item *item, int64_t when)
{
	/* Known or not, the other servers of a fleet may lack it. */
	switch (batv_sent_note_again(&a->asking.memory, item, when)) {
	case BATV_SENT_DONE: a->done[item->kind]++; break;
	case BATV_SENT_KNOWN: a->known[item->kind]++; break;
	case BATV_SENT_FULL: a->full++; break;
	case BATV_SENT_CLOCK:
	case BATV_SENT_NONE: a->clock++; break;
	}
}

/* An address without any tag.  text: what *out borrows. */
static bool untagged(struct batv_span s, char text[static BATV_ADDR_SIZE], struct batv_addr *out)
{
	return batv_tag_bare(s.p, s.len, text, BATV_ADDR_SIZE) == BATV_OK &&
	       batv_addr_parse(text, strlen(text), out) == BATV_OK;
}

/* ---- a list ---- */

/* MESSAGE-ID ADDRESS; either with its angle brackets or without. */
static struct batv_span unbracket(struct batv_span s)
{
	if (s.len > 2 && s.p[0] == '<' && s.p[s.len - 1] == '>')
		return (struct batv_span){s.p + 1, s.len - 2};
	return s;
}

static bool take_list_line(struct adding *a, struct batv_span line)
{
	struct batv_span id = unbracket(batv_span_next_word(&line)),
			 address = unbracket(batv_span_next_word(&line));
	char text[BATV_ADDR_SIZE];
	struct batv_item item;
	struct batv_addr ours;

	if (id.len == 0 || id.p[0] == '#')
		return true;
	if (batv_span_next_word(&line).len > 0 || !untagged(address, text, &ours) ||
	    !batv_sent_id(a->key, id, &ours, &item))
		return false;
	add_item(a, &item, a->ctl->now);
	return true;
}

/* ---- a log ---- */

static const char *arrival_recipient(void *ctx, size_t i)
{
	static char text[BATV_ADDR_SIZE];
	const struct batv_arrival *m = ctx;

	if (m->recipients[i].len >= sizeof text)
		return "";
	memcpy(text, m->recipients[i].p, m->recipients[i].len);
	text[m->recipients[i].len] = '\0';
	return text;
}

static bool copy_span(struct batv_span s, char *out, size_t size)
{
	if (s.len >= size)
		return false;
	if (s.len > 0) /* a host without a name has no text at all */
		memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return true;
}

/* Would Exim have remembered it? */
static enum batv_match is_ours(struct adding *a, struct batv_arrival *m,
			       const struct batv_addr *sender)
{
	char domain[BATV_ADDR_SIZE], name[256], address[64];
	struct batv_origin origin = {.authenticated = m->authenticated,
				     .has_id = true,
				     .host_name = name,
				     .host_address = address,
				     .recipient = arrival_recipient,
				     .recipient_ctx = m,
				     .n_recipients = m->n_recipients};
	const struct batv_policy *policy;
	enum batv_match match;

	if (!copy_span(sender->domain, domain, sizeof domain) ||
	    !copy_span(m->host_name, name, sizeof name) ||
	    !copy_span(m->host_address, address, sizeof address))
		return BATV_NO;
	for (char *p = domain; *p; p++)
		*p = batv_fold(*p);
	match = batv_lists_policy(a->asking.context.state, &a->matcher, domain, &policy);
	return match == BATV_YES ? batv_lists_trust(policy, &a->matcher, &origin) : match;
}

/*
 * Gets the Message-ID as Exim would remember it.  If a message is submitted here without one, Exim
 * adds its own, but logs it only with log_selector +msg_id_created.  It adds none to a message from
 * a host.
 */
static bool id_of(const struct adding *a, const struct batv_arrival *m,
		  char out[static BATV_ID_MAX], size_t *len)
{
	char field[BATV_ID_MAX + 3];
	int n = 0;

	if (m->id.len > BATV_ID_MAX)
		return false;
	if (m->id.len > 0)
		n = snprintf(field, sizeof field, "<%.*s>", (int)m->id.len, m->id.p);
	else if (*a->own_domain && m->host_address.len == 0)
		n = snprintf(field, sizeof field, "<E%.*s@%s>", (int)m->exim_id.len, m->exim_id.p,
			     a->own_domain);
	return n > 0 && (size_t)n < sizeof field &&
	       batv_search_message_id(batv_span_of(field), out, len);
}

/* Does Exim make Message-IDs from its own host name alone, and what is that name? */
static void learn_own_domain(struct adding *a)
{
	char domain[BATV_ADDR_SIZE], text[BATV_ADDR_SIZE], name[BATV_ADDR_SIZE];
	struct batv_matcher unused;
	struct batv_asker asker;

	batv_ask_exim_init(&asker, a->ctl->config.global.exim, a->ctl->config_path, &unused);
	if (batv_ask_exim_option(&asker, "message_id_header_domain", domain, sizeof domain) &&
	    batv_ask_exim_option(&asker, "message_id_header_text", text, sizeof text) &&
	    batv_ask_exim_option(&asker, "primary_hostname", name, sizeof name) && !*domain &&
	    !*text)
		snprintf(a->own_domain, sizeof a->own_domain, "%s", name);
}

static void add_arrival(struct adding *a, const struct batv_arrival *m,
			const struct batv_addr *sender)
{
	char text[BATV_ADDR_SIZE], id[BATV_ID_MAX];
	struct batv_item item;
	struct batv_addr theirs;
	size_t len;

	if (!id_of(a, m, id, &len))
		a->no_id++;
	else if (batv_sent_id(a->key, (struct batv_span){id, len}, sender, &item))
		add_item(a, &item, m->when);
	for (size_t i = 0; i < m->n_recipients; i++)
		if (untagged(m->recipients[i], text, &theirs) &&
		    batv_sent_pair(a->key, sender, &theirs, &item))
			add_item(a, &item, m->when);
}

static void take_arrival(struct adding *a, struct batv_arrival *m, const struct batv_addr *sender)
{
	if (m->when < a->ctl->now - a->asking.context.state->global.memory_retention ||
	    m->when > a->ctl->now + BATV_STATE_SKEW) {
		a->old++;
		return;
	}
	switch (is_ours(a, m, sender)) {
	case BATV_YES: add_arrival(a, m, sender); break;
	case BATV_NO: a->outside++; break;
	case BATV_MAYBE: a->doubt++; break;
	}
}

static bool take_log_line(struct adding *a, struct batv_span line)
{
	char text[BATV_ADDR_SIZE];
	struct batv_arrival m;
	struct batv_addr sender;

	switch (batv_exim_log_read(line, &m)) {
	case BATV_LOG_ARRIVAL:
		if (untagged(m.sender, text, &sender))
			take_arrival(a, &m, &sender);
		else
			a->odd++;
		break;
	case BATV_LOG_BOUNCE: a->bounces++; break;
	case BATV_LOG_ODD: a->odd++; break;
	case BATV_LOG_OTHER: break;
	}
	return true;
}

/* ---- both ---- */

static bool take_lines(struct adding *a, bool (*take)(struct adding *, struct batv_span))
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool good = true;

	while (good && (len = getline(&line, &size, a->file)) >= 0) {
		a->line++;
		if (len > 0 && line[len - 1] == '\n')
			len--;
		good = take(a, (struct batv_span){line, (size_t)len});
	}
	free(line);
	return good;
}

static void print_count(uint64_t n, const char *verb, const char *what)
{
	if (n)
		printf("%s %" PRIu64 " %s\n", verb, n, what);
}

static void print_result_text(const struct adding *a)
{
	printf("remembered %" PRIu64 " Message-IDs and %" PRIu64 " pairs of people; %" PRIu64
	       " and %" PRIu64 " were known already\n",
	       a->done[BATV_ITEM_ID], a->done[BATV_ITEM_PAIR], a->known[BATV_ITEM_ID],
	       a->known[BATV_ITEM_PAIR]);
	print_count(a->outside, "left out", "messages that are not ours");
	print_count(a->bounces, "left out", "bounces");
	print_count(a->odd, "left out", "lines that cannot be read with certainty");
	print_count(a->old, "left out",
		    "messages that are older than memory_retention, or in the future");
	if (a->doubt)
		printf("left out %" PRIu64 " messages because it is not known whether they are "
		       "ours: list \"%s\": %s\n",
		       a->doubt, a->asking.asker.list, a->asking.asker.why);
	print_count(a->no_id, "remembered by their pairs alone:",
		    "messages whose Message-ID is not in the log");
	print_count(a->full,
		    "not remembered:", "items, because the day's memory_capacity is used up");
	print_count(a->clock,
		    "not remembered:", "items, because the memory holds later days in their place");
}

static json_t *json_counts(const uint64_t n[2])
{
	json_t *o = json_object();

	batv_ctl_put_number(o, "ids", n[BATV_ITEM_ID]);
	batv_ctl_put_number(o, "pairs", n[BATV_ITEM_PAIR]);
	return o;
}

static json_t *json_adding(const struct adding *a)
{
	json_t *o = json_object();

	batv_ctl_put(o, "remembered", json_counts(a->done));
	batv_ctl_put(o, "known", json_counts(a->known));
	batv_ctl_put_number(o, "not_ours", a->outside);
	batv_ctl_put_number(o, "too_old", a->old);
	batv_ctl_put_number(o, "not_evaluated", a->doubt);
	batv_ctl_put_number(o, "no_room", a->full);
	batv_ctl_put_number(o, "later_days", a->clock);
	batv_ctl_put_number(o, "not_understood", a->odd);
	batv_ctl_put_number(o, "bounces", a->bounces);
	batv_ctl_put_number(o, "without_id", a->no_id);
	return o;
}

static int print_result(const struct adding *a)
{
	if (!a->ctl->json)
		print_result_text(a);
	else if (!batv_ctl_print_json(json_adding(a)))
		return BATV_CTL_TROUBLE;
	return a->full || a->clock || a->doubt ? BATV_CTL_NO : BATV_CTL_YES;
}

static int take_log_or_list(struct adding *a, bool log)
{
	if (!take_lines(a, log ? take_log_line : take_list_line))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "%s:%" PRIu64 ": expected MESSAGE-ID ADDRESS; the lines "
				     "before this one were taken",
				     a->name, a->line);
	if (!feof(a->file)) /* an error, or getline() has no memory for the line */
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s: cannot read it: %s", a->name,
				     strerror(errno));
	return print_result(a);
}

static int prepare_memory(struct adding *a)
{
	struct batv_ctl *ctl = a->ctl;
	int code = batv_ctl_ask(ctl, &a->asking);
	const struct batv_state *state = a->asking.context.state;

	if (code)
		return batv_ctl_fail(code, "%s", ctl->message);
	a->key = batv_state_memory_key(state);
	if (a->key.len == 0)
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "%s/%s: it has no key for the sent-mail memory",
				     ctl->store.path, BATV_STATE_NAME);
	if (!a->asking.memory.base || !a->asking.memory.writable ||
	    !a->asking.memory.sections.filters[BATV_ITEM_ID].at)
		return batv_ctl_fail(BATV_CTL_TROUBLE,
				     "%s/%s: cannot write to it; is batvd running?  Only root, "
				     "its owner and its group may write to it",
				     ctl->store.path, state->memory);
	return BATV_CTL_YES;
}

static int remember_from(struct adding *a, bool log)
{
	int code = prepare_memory(a);

	if (code == BATV_CTL_YES) {
		struct batv_cache *cache = batv_ctl_cache_new(&a->asking.matcher, &a->matcher);

		if (log)
			learn_own_domain(a);
		code = cache ? take_log_or_list(a, log)
			     : batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
		batv_ctl_cache_free(cache);
	}
	batv_ctl_ask_end(&a->asking);
	return code;
}

int batv_ctl_remember(struct batv_ctl *ctl, char **args, int n)
{
	struct adding a = {.ctl = ctl, .name = ctl->exim_log ? ctl->exim_log : n ? args[0] : ""};
	bool standard = strcmp(a.name, "-") == 0;
	int code;

	if ((n == 1) == (ctl->exim_log != NULL))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "remember: expected FILE or --from-exim-log FILE; see batvctl "
				     "remember -h");
	if (ctl->exim_log && ctl->at_given)
		return batv_ctl_fail(BATV_CTL_USAGE, "remember: --at cannot be combined with "
						     "--from-exim-log: a log has its own times");
	a.file = standard ? stdin : fopen(a.name, "re");
	if (!a.file)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "%s: cannot open it: %s", a.name,
				     strerror(errno));
	code = remember_from(&a, ctl->exim_log != NULL);
	if (!standard)
		fclose(a.file);
	return code;
}
