/*
 * policy.c - the table of options, and policies made of them.
 *
 * Pure: text in, typed values out, no files and no Exim.  Invariant: a policy never holds
 * a list or a text that Exim would expand (no "$": Exim expands its lists as root in
 * delivery), a list with an item that exim_list.h does not allow, or what would break a line of
 * the state (no control characters), for the only way in is batv_option_set(), which checks before
 * it writes.
 */
#include "decide/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/days.h"

#define TEXT_MAX 400 /* a reply line is at most 512 octets, RFC 5321 4.5.3.1.5 */
#define GRACE_DEFAULT (7 * (int64_t)BATV_DAY) /* the default of key_retention */
#define DURATION_MAX (366 * (int64_t)BATV_DAY)

static const char *const enforcement_names[] = {"auto", "observe", "reject", NULL};
static const char *const style_names[] = {"prvs", "subaddress", NULL};
/* In the order of enum batv_action; nobody can ask for "remove": it follows from the others. */
static const char *const unproven_names[] = {"accept", "mark", "", "reject", NULL};

#define FIELD(f) offsetof(struct batv_policy, f)
#define UNPROVEN(c) (FIELD(unproven) + (c) * sizeof(int))

const struct batv_option batv_options[] = {
	{"domains", BATV_OPT_DOMAINS, FIELD(domains), "+local_domains", NULL,
	 "domains whose mail is signed and whose bounces are checked"},
	{"signing", BATV_OPT_BOOL, FIELD(signing), "on", NULL,
	 "sign the return path of outgoing mail"},
	{"enforcement", BATV_OPT_CHOICE, FIELD(enforcement), "auto", enforcement_names,
	 "refuse unproven bounces: once it is safe, never, or at once"},
	{"grace", BATV_OPT_DURATION, FIELD(grace), NULL, NULL,
	 "how long signed mail must have left without a break before auto refuses"},
	{"tag_style", BATV_OPT_CHOICE, FIELD(tag_style), "prvs", style_names,
	 "form of new tags; both forms are always recognised"},
	{"unsigned_senders", BATV_OPT_ADDRESSES, FIELD(unsigned_senders), "", NULL,
	 "senders that are never signed, and whose bounces are never missing a tag"},
	{"unsigned_destinations", BATV_OPT_ADDRESSES, FIELD(unsigned_destinations), "", NULL,
	 "recipients whose mail leaves with the bare sender"},
	{"trusted_hosts", BATV_OPT_HOSTS, FIELD(trusted_hosts), "+relay_from_hosts", NULL,
	 "hosts whose mail is signed without authentication"},
	{"inbound_domains", BATV_OPT_DOMAINS, FIELD(inbound_domains),
	 "+local_domains : +relay_to_domains", NULL,
	 "recipient domains that anybody may write to; other mail needed permission to relay"},
	{"exempt_authenticated", BATV_OPT_BOOL, FIELD(exempt_authenticated), "on", NULL,
	 "never refuse in an authenticated session"},
	{"exempt_acl", BATV_OPT_BOOL, FIELD(exempt_acl), "on", NULL,
	 "never refuse when an ACL has set acl_m_batv = exempt"},
	{"exempt_hosts", BATV_OPT_HOSTS, FIELD(exempt_hosts), "", NULL,
	 "hosts whose bounces are never refused"},
	{"own_hosts", BATV_OPT_HOSTS, FIELD(own_hosts), "<; 127.0.0.0/8 ; ::1 ; @[]", NULL,
	 "hosts that originate our own mail (a backup MX is not one)"},
	{"exempt_recipients", BATV_OPT_ADDRESSES, FIELD(exempt_recipients),
	 "postmaster@* : abuse@*", NULL, "recipients that get every bounce"},
	{"relay_in_hosts", BATV_OPT_HOSTS, FIELD(relay_in_hosts), "", NULL,
	 "relays of ours (backup MX, filter gateway): their mail is marked, not refused"},
	{"unproven_dsn", BATV_OPT_CHOICE, UNPROVEN(BATV_CLASS_DSN), "reject", unproven_names,
	 "what an unproven delivery status notification leads to"},
	{"unproven_mdn", BATV_OPT_CHOICE, UNPROVEN(BATV_CLASS_MDN), "mark", unproven_names,
	 "what an unproven read receipt leads to"},
	{"unproven_autoreply", BATV_OPT_CHOICE, UNPROVEN(BATV_CLASS_AUTOREPLY), "reject",
	 unproven_names,
	 "what an unproven automatic reply leads to, once a memory could have proven it"},
	{"unproven_calendar", BATV_OPT_CHOICE, UNPROVEN(BATV_CLASS_CALENDAR), "mark",
	 unproven_names, "what an unproven meeting reply leads to"},
	{"unproven_report", BATV_OPT_CHOICE, UNPROVEN(BATV_CLASS_REPORT), "mark", unproven_names,
	 "what an unproven DMARC, TLS or abuse report leads to"},
	{"unproven_other", BATV_OPT_CHOICE, UNPROVEN(BATV_CLASS_OTHER), "mark", unproven_names,
	 "what other unproven automatic mail leads to"},
	{"refusal_text", BATV_OPT_TEXT, FIELD(refusal_text),
	 "This is a bounce of mail that was not sent from here: its sender address was forged. "
	 "Our own mail leaves with a signed return path (BATV), and bounces of it come back to "
	 "that address.",
	 NULL, "what the other side reads after \"550 5.7.1\""},
	{"result_header", BATV_OPT_BOOL, FIELD(result_header), "on", NULL,
	 "put the verdict into a header X-BATV-Status"},
	{"unsign_recipients", BATV_OPT_BOOL, FIELD(unsign_recipients), "off", NULL,
	 "let local_scan() take tags off the recipients, where no router does"},
	{"sign_at_reception", BATV_OPT_BOOL, FIELD(sign_at_reception), "off", NULL,
	 "let local_scan() sign when mail comes in, for an Exim without ${dlfunc}"},
};
const size_t batv_options_count = sizeof batv_options / sizeof batv_options[0];

/* The state's reader marks the options it has seen in 64 bits. */
_Static_assert(sizeof batv_options / sizeof batv_options[0] <= 64, "too many options");

const struct batv_option *batv_option_find(struct batv_span name)
{
	for (size_t i = 0; i < batv_options_count; i++) {
		const char *known = batv_options[i].name;

		if (strlen(known) == name.len && memcmp(known, name.p, name.len) == 0)
			return &batv_options[i];
	}
	return NULL;
}

bool batv_option_is_list(const struct batv_option *opt, enum batv_list_kind *kind)
{
	switch (opt->type) {
	case BATV_OPT_DOMAINS: *kind = BATV_LIST_DOMAINS; return true;
	case BATV_OPT_ADDRESSES: *kind = BATV_LIST_ADDRESSES; return true;
	case BATV_OPT_HOSTS: *kind = BATV_LIST_HOSTS; return true;
	case BATV_OPT_BOOL:
	case BATV_OPT_CHOICE:
	case BATV_OPT_DURATION:
	case BATV_OPT_TEXT: break;
	}
	return false;
}

/* What was expected, as a constant. */
static const char *expected(const struct batv_option *opt)
{
	switch (opt->type) {
	case BATV_OPT_BOOL: return "expected on or off";
	case BATV_OPT_CHOICE:
		if (opt->choices == enforcement_names)
			return "expected auto, observe or reject";
		if (opt->choices == style_names)
			return "expected prvs or subaddress";
		return "expected accept, mark or reject";
	case BATV_OPT_DURATION: return "expected a time such as 7d or 12h, at most 366d";
	case BATV_OPT_DOMAINS:
	case BATV_OPT_ADDRESSES:
	case BATV_OPT_HOSTS: return "expected an Exim list on one line, without control characters";
	case BATV_OPT_TEXT: return "expected 1 to 400 characters of printable ASCII";
	}
	return "expected something else";
}

static bool equals(struct batv_span s, const char *word)
{
	return batv_span_equal_fold(s, batv_span_of(word));
}

static bool parse_bool(struct batv_span s, bool *out)
{
	if (equals(s, "on") || equals(s, "yes") || equals(s, "true"))
		*out = true;
	else if (equals(s, "off") || equals(s, "no") || equals(s, "false"))
		*out = false;
	else
		return false;
	return true;
}

static bool parse_choice(struct batv_span s, const char *const *choices, int *out)
{
	for (int i = 0; s.len > 0 && choices[i]; i++) {
		if (equals(s, choices[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool has_high_byte(struct batv_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] > 0x7e)
			return true;
	}
	return false;
}

/* NULL: good.  Otherwise what was expected. */
static const char *check_text(const struct batv_option *opt, struct batv_span s)
{
	if (s.len > 0 && memchr(s.p, '$', s.len))
		return "expected text without \"$\" (Exim would expand it, as root)";
	if (batv_span_has_control(s))
		return expected(opt);
	if (opt->type == BATV_OPT_TEXT && (s.len == 0 || s.len > TEXT_MAX || has_high_byte(s)))
		return expected(opt);
	return NULL;
}

/* The same for a list: "why" speaks of the first item that is not allowed. */
static const char *check_list(const struct batv_option *opt, const char *list)
{
	const char *wrong = check_text(opt, batv_span_of(list));
	enum batv_list_kind kind;
	struct batv_list_item item;

	if (!wrong && batv_option_is_list(opt, &kind) && !batv_exim_list_allowed(kind, list, &item))
		wrong = item.why;
	return wrong;
}

static void *field(struct batv_policy *policy, const struct batv_option *opt)
{
	return (char *)policy + opt->offset;
}

static const void *field_const(const struct batv_policy *policy, const struct batv_option *opt)
{
	return (const char *)policy + opt->offset;
}

enum batv_err batv_option_set(struct batv_policy *policy, const struct batv_option *opt,
			      const char *value, const char **why)
{
	struct batv_span s = batv_span_of(value);
	const char *wrong = NULL;
	int64_t seconds;

	switch (opt->type) {
	case BATV_OPT_BOOL:
		if (!parse_bool(s, field(policy, opt)))
			wrong = expected(opt);
		break;
	case BATV_OPT_CHOICE:
		if (!parse_choice(s, opt->choices, field(policy, opt)))
			wrong = expected(opt);
		break;
	case BATV_OPT_DURATION:
		if (!batv_duration_parse(s, &seconds) || seconds > DURATION_MAX)
			wrong = expected(opt);
		else
			*(int64_t *)field(policy, opt) = seconds;
		break;
	case BATV_OPT_DOMAINS:
	case BATV_OPT_ADDRESSES:
	case BATV_OPT_HOSTS:
	case BATV_OPT_TEXT:
		wrong = check_list(opt, value);
		if (!wrong)
			*(const char **)field(policy, opt) = value;
		break;
	}
	if (!wrong)
		return BATV_OK;
	if (why)
		*why = wrong;
	return BATV_E_SYNTAX;
}

/* The value of a choice by its number; never NULL, whatever the number. */
static const char *choice_name(const char *const *choices, int value)
{
	for (int i = 0; choices[i]; i++) {
		if (i == value)
			return choices[i];
	}
	return "";
}

enum batv_err batv_option_get(const struct batv_policy *policy, const struct batv_option *opt,
			      char *out, size_t size)
{
	const void *p = field_const(policy, opt);
	char duration[48];
	const char *text = "";

	switch (opt->type) {
	case BATV_OPT_BOOL: text = *(const bool *)p ? "on" : "off"; break;
	case BATV_OPT_CHOICE: text = choice_name(opt->choices, *(const int *)p); break;
	case BATV_OPT_DURATION:
		batv_duration_format(*(const int64_t *)p, duration, sizeof duration);
		text = duration;
		break;
	case BATV_OPT_DOMAINS:
	case BATV_OPT_ADDRESSES:
	case BATV_OPT_HOSTS:
	case BATV_OPT_TEXT: text = *(const char *const *)p; break;
	}
	if (!text || strlen(text) >= size)
		return BATV_E_TOO_LONG;
	memcpy(out, text, strlen(text) + 1);
	return BATV_OK;
}

bool batv_policy_name_valid(struct batv_span name)
{
	if (name.len == 0 || name.len > BATV_POLICY_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!batv_is_name_char(name.p[i]))
			return false;
	return true;
}

void batv_policy_init(struct batv_policy *policy, const char *name)
{
	*policy = (struct batv_policy){.name = name, .grace = GRACE_DEFAULT};
	for (size_t i = 0; i < batv_options_count; i++) {
		const struct batv_option *opt = &batv_options[i];

		if (opt->fallback)
			(void)batv_option_set(policy, opt, opt->fallback, NULL);
	}
}

static const struct {
	char unit;
	int64_t seconds;
} units[] = {
	{'w', 7 * BATV_DAY}, {'d', BATV_DAY}, {'h', 3600}, {'m', 60}, {'s', 1},
};
#define UNITS (sizeof units / sizeof units[0])

bool batv_duration_parse(struct batv_span s, int64_t *seconds)
{
	int64_t sum = 0, count, part;
	size_t unit = 0, digits;

	if (s.len == 0)
		return false;
	while (s.len > 0) {
		for (digits = 0; digits < s.len && batv_is_digit(s.p[digits]); digits++)
			;
		if (digits == s.len || !batv_span_to_i64((struct batv_span){s.p, digits}, &count))
			return false;
		/* Each unit once, the larger first: "12h1d" and "1d1d" are slips. */
		while (unit < UNITS && units[unit].unit != s.p[digits])
			unit++;
		if (unit == UNITS || __builtin_mul_overflow(count, units[unit].seconds, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return false;
		unit++;
		s.p += digits + 1;
		s.len -= digits + 1;
	}
	*seconds = sum;
	return true;
}

void batv_duration_format(int64_t seconds, char *out, size_t size)
{
	uint64_t left = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
	char text[48];
	size_t at = 0;

	if (seconds < 0)
		text[at++] = '-';
	if (seconds == 0)
		at += (size_t)snprintf(text + at, sizeof text - at, "0s");
	for (size_t i = 1; i < UNITS; i++) { /* no weeks: people think of 14d */
		uint64_t n = left / (uint64_t)units[i].seconds;

		left %= (uint64_t)units[i].seconds;
		if (n > 0)
			at += (size_t)snprintf(text + at, sizeof text - at, "%llu%c",
					       (unsigned long long)n, units[i].unit);
	}
	text[at] = '\0';
	if (size > 0)
		(void)snprintf(out, size, "%s", text);
}

const char *batv_action_name(enum batv_action a)
{
	switch (a) {
	case BATV_ACTION_ACCEPT: return "accept";
	case BATV_ACTION_MARK: return "mark";
	case BATV_ACTION_REMOVE: return "remove";
	case BATV_ACTION_REJECT: return "reject";
	case BATV_ACTION_COUNT: break;
	}
	return "unknown";
}
