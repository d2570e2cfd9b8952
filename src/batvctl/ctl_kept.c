/*
 * ctl_kept.c - batvctl unsigned and batvctl exempt: lists that a person keeps, beside those of
 * exim-batv.conf, in the file of overrides.
 *
 * Invariant: an item is one that Exim's lists can have literally, and it is in one list.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_ask.h"
#include "ctl_kept.h"
#include "ctl_pasted.h"
#include "ctl_override.h"
#include "decide/lists.h"

#define FOR_MIN 60
#define FOR_MAX (366 * (int64_t)BATV_DAY)
#define ITEM_SIZE 300

struct kept {
	struct batv_ctl *ctl;
	const char *command; /* "unsigned" or "exempt" */
	bool exempt;
	enum batv_override_key key;
	char item[ITEM_SIZE]; /* as the file has it */
	int64_t until;
};

const char *batv_ctl_kept_item(const struct batv_override *o)
{
	return strncmp(o->domain, "<;", 2) == 0 ? o->domain + 2 : o->domain;
}

const char *batv_ctl_kept_name(const struct batv_override *o)
{
	switch ((enum batv_override_key)o->key) {
	case BATV_OVERRIDE_UNSIGNED_DESTINATION: return "unsigned destination";
	case BATV_OVERRIDE_UNSIGNED_SENDER: return "unsigned sender";
	case BATV_OVERRIDE_UNSIGNED_HOST: return "unsigned host";
	case BATV_OVERRIDE_EXEMPT_HOST: return "exempt host";
	case BATV_OVERRIDE_EXEMPT_RECIPIENT: return "exempt recipient";
	case BATV_OVERRIDE_ENFORCEMENT:
	case BATV_OVERRIDE_ANYWAY:
	case BATV_OVERRIDE_SIGNING:
	case BATV_OVERRIDE_KEYS: break;
	}
	return NULL;
}

static bool is_kept(const struct kept *k, const struct batv_override *o)
{
	const bool exempt =
		o->key == BATV_OVERRIDE_EXEMPT_HOST || o->key == BATV_OVERRIDE_EXEMPT_RECIPIENT;

	return batv_ctl_kept_name(o) && exempt == k->exempt;
}

/* The option of the configuration that is the same list. */
static const char *option_of(const struct kept *k)
{
	switch (k->key) {
	case BATV_OVERRIDE_UNSIGNED_DESTINATION: return "unsigned_destinations";
	case BATV_OVERRIDE_UNSIGNED_SENDER: return "unsigned_senders";
	case BATV_OVERRIDE_UNSIGNED_HOST: return "unsigned_hosts";
	case BATV_OVERRIDE_EXEMPT_HOST: return "exempt_hosts";
	default: return "exempt_recipients";
	}
}

/* ---- items ---- */

/* An IP address, or a network. */
static bool is_network(const char *text)
{
	char address[64];
	struct in6_addr in;
	const char *slash = strchr(text, '/');
	const size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits = 0;
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (len >= sizeof address)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (slash && (!batv_span_to_u64(batv_span_of(slash + 1), &bits) ||
		      bits > (family == AF_INET ? 32 : 128)))
		return false;
	return inet_pton(family, address, &in) == 1;
}

/* "example.org", or "*.example.org" for all names below it; as an A-label. */
static bool read_name(const char *text, char out[static BATV_ADDR_SIZE])
{
	const bool below = strncmp(text, "*.", 2) == 0;
	struct batv_addr addr = {.domain = batv_span_of(text + (below ? 2 : 0))};
	char name[BATV_ADDR_SIZE];
	struct batv_override line;

	if (batv_addr_domain(&addr, name) != BATV_OK || strcmp(name, "*") == 0 ||
	    batv_state_override(batv_span_of("anyway"), batv_span_of(name), batv_span_of("-"),
				&line))
		return false;
	return snprintf(out, BATV_ADDR_SIZE, "%s%s", below ? "*." : "", name) < BATV_ADDR_SIZE;
}

/* An address in any form in which it is pasted; its tag is removed. */
static bool read_address(const char *text, char out[static BATV_ADDR_SIZE])
{
	char pasted[BATV_PASTED_SIZE];

	return batv_ctl_pasted(text, pasted) &&
	       batv_tag_bare(pasted, strlen(pasted), out, BATV_ADDR_SIZE) == BATV_OK;
}

/* Is the address one of ours?  Without an answer it is not: "sender:" says it. */
static bool is_ours(struct batv_ctl *ctl, const char *address)
{
	struct batv_asking *asking = calloc(1, sizeof *asking);
	const struct batv_policy *policy;
	char domain[BATV_ADDR_SIZE];
	struct batv_addr addr;
	bool ours = false;

	if (asking && batv_addr_parse(address, strlen(address), &addr) == BATV_OK &&
	    batv_lists_copy_domain(&addr, domain) &&
	    batv_ctl_ask_found(ctl, asking) == BATV_CTL_YES) {
		ours = batv_lists_policy(asking->context.state, asking->context.matcher, domain,
					 &policy) == BATV_YES;
		batv_ctl_ask_end(asking);
	}
	free(asking);
	return ours;
}

static bool take_word(const char **text, const char *word)
{
	const size_t len = strlen(word);

	if (strncmp(*text, word, len) != 0 || (*text)[len] != ':')
		return false;
	*text += len + 1;
	return true;
}

/* Without a word before it, the form of the item says which list it is for. */
static bool read_item(struct kept *k, const char *text)
{
	const bool host = take_word(&text, "host"),
		   sender = !k->exempt && take_word(&text, "sender"),
		   rcpt = take_word(&text, k->exempt ? "recipient" : "destination");
	char name[BATV_ADDR_SIZE];

	if (!sender && !rcpt && is_network(text)) {
		k->key = k->exempt ? BATV_OVERRIDE_EXEMPT_HOST : BATV_OVERRIDE_UNSIGNED_HOST;
		snprintf(k->item, sizeof k->item, "%s%s", strchr(text, ':') ? "<;" : "", text);
		return true;
	}
	if (strchr(text, '@') && !host) {
		const bool all = strncmp(text, "*@", 2) == 0 || *text == '@';

		if (all ? !read_name(strchr(text, '@') + 1, name) : !read_address(text, name))
			return false;
		snprintf(k->item, sizeof k->item, "%s%s", all ? "*@" : "", name);
	} else if (!read_name(text, name)) {
		return false;
	} else {
		const bool is_host = host || (k->exempt && !rcpt);

		snprintf(k->item, sizeof k->item, "%s%s", is_host ? "" : "*@", name);
		if (is_host) {
			k->key =
				k->exempt ? BATV_OVERRIDE_EXEMPT_HOST : BATV_OVERRIDE_UNSIGNED_HOST;
			return true;
		}
	}
	if (k->exempt)
		k->key = BATV_OVERRIDE_EXEMPT_RECIPIENT;
	else if (sender || (!rcpt && *k->item != '*' && is_ours(k->ctl, k->item)))
		k->key = BATV_OVERRIDE_UNSIGNED_SENDER;
	else
		k->key = BATV_OVERRIDE_UNSIGNED_DESTINATION;
	return true;
}

static int read_arguments(struct kept *k, char **args, int n)
{
	const struct batv_ctl *ctl = k->ctl;
	const bool add = strcmp(args[0], "add") == 0, list = strcmp(args[0], "list") == 0;
	struct batv_override line;

	if (!add && !list && strcmp(args[0], "remove") != 0)
		return batv_ctl_fail(BATV_CTL_USAGE, "%s: expected add, remove or list, not %s",
				     k->command, args[0]);
	if ((n == 1) != list)
		return batv_ctl_fail(BATV_CTL_USAGE, "%s: %s expects %s", k->command, args[0],
				     list ? "no item" : "an item");
	if ((ctl->lasting || ctl->note) && !add)
		return batv_ctl_fail(BATV_CTL_USAGE, "%s: --for and --note belong to add",
				     k->command);
	if (ctl->lasting && (!batv_duration_parse(batv_span_of(ctl->lasting), &k->until) ||
			     k->until < FOR_MIN || k->until > FOR_MAX))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "%s: --for: expected a time such as 3d or 12h, from 1m to "
				     "366d, not %s",
				     k->command, ctl->lasting);
	k->until += ctl->lasting ? ctl->clock : 0;
	if (ctl->note && !batv_overrides_note_fits(ctl->note))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "%s: --note: expected 1 to %d bytes of text, without control "
				     "characters, and not in spaces",
				     k->command, BATV_OVERRIDES_NOTE_MAX);
	if (list)
		return BATV_CTL_YES;
	if (!read_item(k, args[1]) ||
	    batv_state_override(batv_span_of(batv_state_override_name(k->key)),
				batv_span_of(k->item), batv_span_of("-"), &line))
		return batv_ctl_fail(
			BATV_CTL_USAGE,
			k->exempt ? "%s: expected a host (192.0.2.1, 192.0.2.0/24, mx.example.org) "
				    "or "
				    "a recipient (user@example.com, *@example.com), not %s"
				  : "%s: expected a destination (example.org, user@example.org), a "
				    "sender (sender:user@example.com) or a host (192.0.2.1, "
				    "192.0.2.0/24, host:mx.example.org), not %s",
			k->command, args[1]);
	return BATV_CTL_YES;
}

/* ---- the configuration ---- */

static bool has_word(const char *line, const char *word)
{
	static const char between[] = " \t:;,=\r\n";

	for (const char *p = line; (p = strstr(p, word)); p++)
		if ((p == line || strchr(between, p[-1])) && strchr(between, p[strlen(word)]))
			return true;
	return false;
}

/* The line of the configuration that has the item in this list; 0: none. */
static unsigned configured_line(const struct kept *k, const char *item)
{
	const char *option = option_of(k);
	char line[4096];
	unsigned number = 0, found = 0;
	bool inside = false;
	FILE *f = fopen(k->ctl->config_path, "re");

	while (f && !found && fgets(line, sizeof line, f)) {
		number++;
		if (*line != ' ' && *line != '\t')
			inside = strncmp(line, option, strlen(option)) == 0 &&
				 strchr(" \t=", line[strlen(option)]);
		if (inside && has_word(line, item))
			found = number;
	}
	if (f)
		(void)fclose(f);
	return found;
}

/* ---- the commands ---- */

static const char *shown(const struct kept *k)
{
	return batv_ctl_kept_item(&(struct batv_override){.domain = k->item});
}

static int read_file(struct kept *k, struct batv_overrides *set)
{
	struct batv_ctl *ctl = k->ctl;

	if (batv_overrides_read(&ctl->store, set, ctl->message, sizeof ctl->message) == BATV_OK) {
		batv_overrides_drop_ended(set, ctl->clock);
		return BATV_CTL_YES;
	}
	return batv_ctl_fail(BATV_CTL_TROUBLE, "%s; correct the file, or remove it", ctl->message);
}

static void print_json(const struct kept *k, const struct batv_overrides *set, const char *seen)
{
	json_t *o = json_object(), *a = json_array();

	for (size_t i = 0; i < set->n; i++) {
		const struct batv_overrides_line *l = &set->line[i];
		json_t *one;

		if (!is_kept(k, &l->override))
			continue;
		one = json_object();
		batv_ctl_put_text(
			one, "key",
			batv_state_override_name((enum batv_override_key)l->override.key));
		batv_ctl_put_text(one, "item", batv_ctl_kept_item(&l->override));
		batv_ctl_put_time(one, "until", l->override.until);
		batv_ctl_put_text(one, "who", l->who);
		batv_ctl_put_text(one, "note", *l->note ? l->note : NULL);
		json_array_append_new(a, one);
	}
	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put(o, "items", a);
	batv_ctl_put_text(o, "text", seen);
	batv_ctl_print_json(o);
}

static void print_list(const struct kept *k, const struct batv_overrides *set)
{
	char until[60];
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct batv_overrides_line *l = &set->line[i];

		if (!is_kept(k, &l->override))
			continue;
		batv_ctl_override_until(l->override.until, until, sizeof until);
		printf("%s %s %s (%s)%s%s\n", batv_ctl_kept_name(&l->override),
		       batv_ctl_kept_item(&l->override), until, l->who, *l->note ? ": " : "",
		       l->note);
		n++;
	}
	if (n == 0)
		printf("none; lists of the configuration are in %s\n", k->ctl->config_path);
}

static int list(struct kept *k, struct batv_overrides *set)
{
	if (k->ctl->json)
		print_json(k, set, NULL);
	else
		print_list(k, set);
	return BATV_CTL_YES;
}

static int change(struct kept *k, struct batv_overrides *set, bool remove)
{
	const struct batv_ctl_override c = {
		.line = {.domain = k->item, .until = k->until, .key = (uint8_t)k->key},
		.note = k->ctl->note,
		.remove = remove};
	const char *name = batv_ctl_kept_name(&c.line), *seen = "";
	char until[60];
	bool published = false;
	int code = batv_ctl_override(k->ctl, &c, 1, &seen, &published);

	if (code != BATV_CTL_YES)
		return code;
	batv_ctl_override_until(k->until, until, sizeof until);
	if (k->ctl->json) {
		if (read_file(k, set) != BATV_CTL_YES)
			return BATV_CTL_TROUBLE;
		print_json(k, set, seen);
	} else if (remove) {
		printf("%s %s removed\n%s\n", name, shown(k), seen);
	} else {
		printf("%s %s %s\n%s\n", name, shown(k), until, seen);
	}
	return published ? BATV_CTL_YES : BATV_CTL_TROUBLE;
}

static int add_item(struct kept *k, struct batv_overrides *set)
{
	const unsigned line = configured_line(k, shown(k));

	if (line)
		return batv_ctl_fail(BATV_CTL_NO, "%s: %s:%u has %s already, nothing was changed",
				     k->command, k->ctl->config_path, line, shown(k));
	return change(k, set, false);
}

static int remove_item(struct kept *k, struct batv_overrides *set)
{
	const unsigned line = configured_line(k, shown(k));

	if (batv_overrides_find(set, k->key, k->item))
		return change(k, set, true);
	if (line)
		return batv_ctl_fail(BATV_CTL_NO,
				     "%s: %s is in %s of %s:%u: remove it there; nothing was "
				     "changed",
				     k->command, shown(k), option_of(k), k->ctl->config_path, line);
	return batv_ctl_fail(BATV_CTL_NO, "%s: %s is not in the list; see batvctl %s list",
			     k->command, shown(k), k->command);
}

static int run(struct kept *k, char **args, int n)
{
	struct batv_overrides *set = calloc(1, sizeof *set);
	int code;

	if (!set)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	code = batv_ctl_open(k->ctl);
	if (code == BATV_CTL_YES)
		code = read_arguments(k, args, n);
	if (code == BATV_CTL_YES)
		code = read_file(k, set);
	if (code == BATV_CTL_YES)
		code = *args[0] == 'l'   ? list(k, set)
		       : *args[0] == 'a' ? add_item(k, set)
					 : remove_item(k, set);
	free(set);
	return code;
}

int batv_ctl_unsigned(struct batv_ctl *ctl, char **args, int n)
{
	return run(&(struct kept){.ctl = ctl, .command = "unsigned"}, args, n);
}

int batv_ctl_exempt(struct batv_ctl *ctl, char **args, int n)
{
	return run(&(struct kept){.ctl = ctl, .command = "exempt", .exempt = true}, args, n);
}
