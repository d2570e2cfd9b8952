/*
 * policy.c - the tables of options, and what is made of them.
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
#include "base/safefile.h"
#include "decide/servers.h"

#define TEXT_MAX 400       /* a reply line is at most 512 octets, RFC 5321 4.5.3.1.5 */
#define KEY_RETENTION "7d" /* grace follows it */
#define ADDRESS_MAX 254    /* RFC 5321 4.5.3.1.3, without the "<>" of a path */
#define NAME_MAX_LEN 64

static const char *const enforcement_names[] = {"auto", "observe", "reject", NULL};
static const char *const style_names[] = {"prvs", "subaddress", NULL};
/* In the order of enum batv_action; nobody can ask for "remove": it follows from the others. */
static const char *const unproven_names[] = {"accept", "mark", "", "reject", NULL};
static const char *const autoreply_names[] = {"accept", "mark", "", "reject", "reject-all", NULL};

#define GLOBAL(f) .name = #f, .offset = offsetof(struct batv_global, f)
#define POLICY(f) .name = #f, .offset = offsetof(struct batv_policy, f)
#define UNPROVEN(class_name, class)                                                                \
 .name = "unproven_" class_name,                                                                   \
 .offset = offsetof(struct batv_policy, unproven) + (class) * sizeof(int), .type = BATV_OPT_CHOICE

/* The state has its lines in this order. */
const struct batv_option batv_globals[] = {
	/* the state directory */
	{GLOBAL(directory), .type = BATV_OPT_PATH, .fallback = BATV_DIR},
	/* command that asks Exim about its lists, outside of Exim's own processes */
	{GLOBAL(exim), .type = BATV_OPT_COMMAND, .fallback = ""},
	/* file with keys of an older BATV installation, which verify only */
	{GLOBAL(legacy_keys), .type = BATV_OPT_PATH, .fallback = ""},
	/* who gets mail when a domain begins or stops to refuse */
	{GLOBAL(notify), .type = BATV_OPT_ADDRESS, .fallback = ""},
	/* messages, and pairs of people, that are remembered a day */
	{GLOBAL(memory_capacity), .type = BATV_OPT_COUNT, .fallback = "100k", .min = 1000,
	 .max = 100000000},
	/* how long sent mail is remembered */
	{GLOBAL(memory_retention), .type = BATV_OPT_DURATION, .fallback = "15d", .min = BATV_DAY,
	 .max = 62 * BATV_DAY, .published = BATV_PUBLISHED_LATER},
	/* how much of a bounce is searched for what it returns */
	{GLOBAL(evidence_bytes), .type = BATV_OPT_BYTES, .fallback = "128K", .min = 4096,
	 .max = 16777216, .published = BATV_PUBLISHED_LATER},
	/* how long a key signs */
	{GLOBAL(key_rotation), .type = BATV_OPT_DURATION, .fallback = "7d", .min = BATV_PERIOD_MIN,
	 .max = BATV_PERIOD_MAX, .published = BATV_PUBLISHED},
	/* how long a tag is valid at least */
	{GLOBAL(key_retention), .type = BATV_OPT_DURATION, .fallback = KEY_RETENTION,
	 .min = BATV_PERIOD_MIN, .max = BATV_PERIOD_MAX, .published = BATV_PUBLISHED},
	/* PCRE2 pattern of senders whose mail is judged, besides <> */
	{GLOBAL(automatic_senders), .type = BATV_OPT_PATTERN, .fallback = "",
	 .published = BATV_PUBLISHED},
	/* name of the servers that share one memory of what they sent */
	{GLOBAL(fleet), .type = BATV_OPT_NAME, .fallback = "", .published = BATV_PUBLISHED_IF_SET},
	/* Redis or Valkey servers through which they share it */
	{GLOBAL(fleet_servers), .type = BATV_OPT_SERVERS, .fallback = ""},
	/* the user and the file of the password at these servers */
	{GLOBAL(fleet_user), .type = BATV_OPT_NAME, .fallback = ""},
	{GLOBAL(fleet_password_file), .type = BATV_OPT_PATH, .fallback = ""},
	/* this host's name in the fleet; empty: the name that the system gives it */
	{GLOBAL(fleet_host), .type = BATV_OPT_NAME, .fallback = ""},
	/* batv-fleet's own files */
	{GLOBAL(fleet_directory), .type = BATV_OPT_PATH, .fallback = BATV_DIR "-fleet"},
	/* how long evidence of a host that is not heard still arms a domain */
	{GLOBAL(fleet_patience), .type = BATV_OPT_DURATION, .fallback = "1h", .min = 60,
	 .max = 7 * BATV_DAY},
};
const size_t batv_globals_count = sizeof batv_globals / sizeof batv_globals[0];

const struct batv_option batv_options[] = {
	/* domains whose mail is signed and whose bounces are checked */
	{POLICY(domains), .type = BATV_OPT_DOMAINS, .fallback = "+local_domains", .own = true},
	/* sign the return path of outgoing mail */
	{POLICY(signing), .type = BATV_OPT_BOOL, .fallback = "on"},
	/* refuse unproven bounces: once it is safe, never, or at once */
	{POLICY(enforcement), .type = BATV_OPT_CHOICE, .fallback = "auto",
	 .choices = enforcement_names},
	/* how long signed mail must have left without a break before auto refuses */
	{POLICY(grace), .type = BATV_OPT_DURATION, .min = 0, .max = BATV_PERIOD_MAX},
	/* form of new tags; both forms are always recognised */
	{POLICY(tag_style), .type = BATV_OPT_CHOICE, .fallback = "prvs", .choices = style_names},
	/* senders that are never signed, and whose bounces are never missing a tag */
	{POLICY(unsigned_senders), .type = BATV_OPT_ADDRESSES, .fallback = ""},
	/* recipients whose mail leaves with the bare sender */
	{POLICY(unsigned_destinations), .type = BATV_OPT_ADDRESSES, .fallback = ""},
	/* clients whose mail, and next hops to which mail, leaves with the bare sender */
	{POLICY(unsigned_hosts), .type = BATV_OPT_HOSTS, .fallback = ""},
	/* hosts whose mail is signed without authentication */
	{POLICY(trusted_hosts), .type = BATV_OPT_HOSTS, .fallback = "+relay_from_hosts"},
	/* recipient domains that anybody may write to; other mail needed permission to relay */
	{POLICY(inbound_domains), .type = BATV_OPT_DOMAINS,
	 .fallback = "+local_domains : +relay_to_domains"},
	/* never refuse in an authenticated session */
	{POLICY(exempt_authenticated), .type = BATV_OPT_BOOL, .fallback = "on"},
	/* never refuse when an ACL has set acl_m_batv = exempt */
	{POLICY(exempt_acl), .type = BATV_OPT_BOOL, .fallback = "on"},
	/* hosts whose bounces are never refused */
	{POLICY(exempt_hosts), .type = BATV_OPT_HOSTS, .fallback = ""},
	/* hosts that originate our own mail (a backup MX is not one) */
	{POLICY(own_hosts), .type = BATV_OPT_HOSTS, .fallback = "<; 127.0.0.0/8 ; ::1 ; @[]"},
	/* recipients that get every bounce */
	{POLICY(exempt_recipients), .type = BATV_OPT_ADDRESSES,
	 .fallback = "postmaster@* : abuse@*"},
	/* relays of ours (backup MX, filter gateway): their mail is marked, not refused */
	{POLICY(relay_in_hosts), .type = BATV_OPT_HOSTS, .fallback = ""},
	/* mark, and do not refuse, what a host in trusted_hosts sends */
	{POLICY(mark_trusted_hosts), .type = BATV_OPT_BOOL, .fallback = "on"},
	/* what an unproven delivery status notification leads to */
	{UNPROVEN("dsn", BATV_CLASS_DSN), .fallback = "reject", .choices = unproven_names},
	/* what an unproven read receipt leads to */
	{UNPROVEN("mdn", BATV_CLASS_MDN), .fallback = "mark", .choices = unproven_names},
	/* what an unproven automatic reply leads to, once a memory could have proven it */
	{UNPROVEN("autoreply", BATV_CLASS_AUTOREPLY), .fallback = "reject",
	 .choices = autoreply_names},
	/* what an unproven meeting reply leads to */
	{UNPROVEN("calendar", BATV_CLASS_CALENDAR), .fallback = "mark", .choices = unproven_names},
	/* what an unproven DMARC, TLS or abuse report leads to */
	{UNPROVEN("report", BATV_CLASS_REPORT), .fallback = "mark", .choices = unproven_names},
	/* what other unproven automatic mail leads to */
	{UNPROVEN("other", BATV_CLASS_OTHER), .fallback = "mark", .choices = unproven_names},
	/* bounces and replies to one address that a network may always send, over a tag's life */
	{POLICY(flood_base), .type = BATV_OPT_COUNT, .fallback = "500", .min = 1, .max = 100000000},
	/* how many more for each recipient that this address wrote to */
	{POLICY(flood_share), .type = BATV_OPT_SHARE, .fallback = "100%", .min = 0, .max = 100000},
	/* refuse bounces to an untagged recipient before DATA while forged ones flood it */
	{POLICY(flood_refuse_at_rcpt), .type = BATV_OPT_BOOL, .fallback = "off"},
	/* what the other side reads after "550 5.7.1" */
	{POLICY(refusal_text), .type = BATV_OPT_TEXT,
	 .fallback = "This is a bounce of mail that was not sent from here: its sender address was "
		     "forged. Our own mail leaves with a signed return path (BATV), and bounces of "
		     "it come back to that address."},
	/* put the verdict into a header X-BATV-Status */
	{POLICY(result_header), .type = BATV_OPT_BOOL, .fallback = "on"},
};
const size_t batv_options_count = sizeof batv_options / sizeof batv_options[0];

/* The state's reader marks the options it has seen in 64 bits. */
_Static_assert(sizeof batv_options / sizeof batv_options[0] <= 64, "too many options");
_Static_assert(sizeof batv_globals / sizeof batv_globals[0] <= 64, "too many options");

static bool is_named(const struct batv_option *opt, struct batv_span name)
{
	return name.len > 0 && name.len < sizeof opt->name &&
	       memcmp(opt->name, name.p, name.len) == 0 && opt->name[name.len] == '\0';
}

static const struct batv_option *find(const struct batv_option *table, size_t n,
				      struct batv_span name)
{
	for (size_t i = 0; i < n; i++)
		if (is_named(&table[i], name))
			return &table[i];
	return NULL;
}

const struct batv_option *batv_option_find(struct batv_span name)
{
	return find(batv_options, batv_options_count, name);
}

const struct batv_option *batv_option_find_global(struct batv_span name)
{
	return find(batv_globals, batv_globals_count, name);
}

const struct batv_option *batv_option_find_next(struct batv_span name,
						const struct batv_option *before)
{
	const struct batv_option *next = before ? before + 1 : batv_options;

	return next < batv_options + batv_options_count && is_named(next, name)
		       ? next
		       : batv_option_find(name);
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
	case BATV_OPT_COUNT:
	case BATV_OPT_BYTES:
	case BATV_OPT_SHARE:
	case BATV_OPT_TEXT:
	case BATV_OPT_PATH:
	case BATV_OPT_COMMAND:
	case BATV_OPT_PATTERN:
	case BATV_OPT_ADDRESS:
	case BATV_OPT_NAME:
	case BATV_OPT_SERVERS: break;
	}
	return false;
}

static bool is_text(const struct batv_option *opt)
{
	enum batv_list_kind kind;

	return batv_option_is_list(opt, &kind) || opt->type == BATV_OPT_TEXT ||
	       opt->type == BATV_OPT_PATH || opt->type == BATV_OPT_COMMAND ||
	       opt->type == BATV_OPT_PATTERN || opt->type == BATV_OPT_ADDRESS ||
	       opt->type == BATV_OPT_NAME || opt->type == BATV_OPT_SERVERS;
}

/* What was expected, as a constant. */
static const char *expected(const struct batv_option *opt)
{
	switch (opt->type) {
	case BATV_OPT_BOOL: return "expected on or off";
	case BATV_OPT_CHOICE: return "expected one of the choices";
	case BATV_OPT_DURATION: return "expected a time such as 7d or 12h, within the limits";
	case BATV_OPT_COUNT: return "expected a number such as 100k or 2M, within the limits";
	case BATV_OPT_BYTES: return "expected a size such as 128K or 1M, within the limits";
	case BATV_OPT_SHARE: return "expected a share such as 10% or 0.1, within the limits";
	case BATV_OPT_DOMAINS:
	case BATV_OPT_ADDRESSES:
	case BATV_OPT_HOSTS: return "expected an Exim list on one line, without control characters";
	case BATV_OPT_TEXT: return "expected 1 to 400 characters of printable ASCII";
	case BATV_OPT_PATH: return "expected an absolute path of less than 4096 bytes";
	case BATV_OPT_COMMAND: return "expected an absolute path of less than 4096 bytes, or none";
	case BATV_OPT_PATTERN: return "expected a pattern without control characters";
	case BATV_OPT_ADDRESS: return "expected an address such as postmaster@example.com";
	case BATV_OPT_NAME:
		return "expected a name of at most 64 letters, digits, \".\", \"-\" or \"_\"";
	case BATV_OPT_SERVERS: break; /* servers.h says it */
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

/* "100k", "2M": units of 1000 or 1024. */
static bool parse_count(struct batv_span s, uint64_t unit, uint64_t *out)
{
	char last = s.len > 0 ? batv_fold(s.p[s.len - 1]) : '0';
	uint64_t n, times = last == 'k' ? unit : last == 'm' ? unit * unit : 1;

	s.len -= times > 1;
	if (!batv_span_to_u64(s, &n) || n > UINT32_MAX)
		return false;
	*out = n * times;
	return true;
}

static bool parse_number(struct batv_span s, const struct batv_option *opt, uint64_t *out)
{
	uint64_t n;

	if (!parse_count(s, opt->type == BATV_OPT_BYTES ? 1024 : 1000, &n) || n < opt->min ||
	    n > opt->max)
		return false;
	*out = n;
	return true;
}

/*
 * "12.5%" or "0.125", in thousandths.  A finer share is refused, not rounded.  No number that is
 * within 32 bits overflows.
 */
static bool parse_share(struct batv_span s, const struct batv_option *opt, uint64_t *out)
{
	const bool percent = s.len > 0 && s.p[s.len - 1] == '%';
	uint64_t unit = percent ? 10 : 1000, whole, n;
	size_t digits = 0;

	s.len -= percent;
	while (digits < s.len && s.p[digits] != '.')
		digits++;
	if (!batv_span_to_u64((struct batv_span){s.p, digits}, &whole) || whole > UINT32_MAX ||
	    digits + 1 == s.len) /* nothing before or after the point */
		return false;
	n = whole * unit;
	for (digits++; digits < s.len; digits++) {
		unit /= 10;
		if (unit == 0 || !batv_is_digit(s.p[digits]))
			return false;
		n += unit * (uint64_t)(s.p[digits] - '0');
	}
	if (n < opt->min || n > opt->max)
		return false;
	*out = n;
	return true;
}

static bool parse_duration(struct batv_span s, const struct batv_option *opt, int64_t *out)
{
	int64_t n;

	if (!batv_duration_parse(s, &n) || n < opt->min || n > opt->max)
		return false;
	*out = n;
	return true;
}

/* NULL: good.  Otherwise what was expected. */
static const char *check_text(const struct batv_option *opt, const char *text)
{
	struct batv_span s = batv_span_of(text);

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
	const char *wrong = check_text(opt, list);
	enum batv_list_kind kind;
	struct batv_list_item item;

	if (!wrong && batv_option_is_list(opt, &kind) && !batv_exim_list_allowed(kind, list, &item))
		wrong = item.why;
	return wrong;
}

/* A path or a pattern; Exim expands neither. */
static const char *check_own_text(const struct batv_option *opt, const char *text)
{
	struct batv_span s = batv_span_of(text);

	if (batv_span_has_control(s))
		return expected(opt);
	if (opt->type == BATV_OPT_COMMAND && batv_span_equal(s, batv_span_of("none")))
		return NULL;
	if (opt->type != BATV_OPT_PATTERN && !(s.len == 0 && !*opt->fallback) &&
	    (s.len == 0 || s.p[0] != '/' || s.len >= BATV_OPTION_PATH_SIZE))
		return expected(opt);
	return NULL;
}

/* batvctl gives it to Exim as an argument: so it can be nothing but an address. */
static const char *check_address(const struct batv_option *opt, const char *text)
{
	struct batv_span s = batv_span_of(text);
	size_t signs = 0;

	for (size_t i = 0; i < s.len; i++) {
		signs += s.p[i] == '@';
		if (!batv_is_name_char(s.p[i]) && !memchr("@.+=", s.p[i], 4))
			return expected(opt);
	}
	return s.len == 0 || (signs == 1 && s.p[0] != '@' && s.p[0] != '-' &&
			      s.p[s.len - 1] != '@' && s.len <= ADDRESS_MAX)
		       ? NULL
		       : expected(opt);
}

/* The first character is a letter or a digit: a host or a user, never an option or a hidden file.
 */
static const char *check_name(const struct batv_option *opt, const char *text)
{
	struct batv_span s = batv_span_of(text);

	for (size_t i = 0; i < s.len; i++)
		if (!batv_is_name_char(s.p[i]) && s.p[i] != '.')
			return expected(opt);
	return s.len == 0 || (s.len <= NAME_MAX_LEN && batv_is_alnum(s.p[0])) ? NULL
									      : expected(opt);
}

enum batv_err batv_option_set(void *base, const struct batv_option *opt, const char *value,
			      const char **why)
{
	struct batv_span s = batv_span_of(value);
	void *field = (char *)base + opt->offset;
	const char *wrong = NULL;
	bool good = true;

	switch (opt->type) {
	case BATV_OPT_BOOL: good = parse_bool(s, field); break;
	case BATV_OPT_CHOICE: good = parse_choice(s, opt->choices, field); break;
	case BATV_OPT_DURATION: good = parse_duration(s, opt, field); break;
	case BATV_OPT_COUNT:
	case BATV_OPT_BYTES: good = parse_number(s, opt, field); break;
	case BATV_OPT_SHARE: good = parse_share(s, opt, field); break;
	case BATV_OPT_DOMAINS:
	case BATV_OPT_ADDRESSES:
	case BATV_OPT_HOSTS: wrong = check_list(opt, value); break;
	case BATV_OPT_TEXT: wrong = check_text(opt, value); break;
	case BATV_OPT_PATH:
	case BATV_OPT_COMMAND:
	case BATV_OPT_PATTERN: wrong = check_own_text(opt, value); break;
	case BATV_OPT_ADDRESS: wrong = check_address(opt, value); break;
	case BATV_OPT_NAME: wrong = check_name(opt, value); break;
	case BATV_OPT_SERVERS: wrong = *value ? batv_servers_wrong(s) : NULL; break;
	}
	if (good && !wrong) {
		if (is_text(opt))
			memcpy(field, &value, sizeof value);
		return BATV_OK;
	}
	if (why)
		*why = wrong ? wrong : expected(opt);
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

const char *batv_option_text(const void *base, const struct batv_option *opt)
{
	const char *text;

	if (!is_text(opt))
		return NULL;
	memcpy(&text, (const char *)base + opt->offset, sizeof text);
	return text ? text : "";
}

enum batv_err batv_option_get(const void *base, const struct batv_option *opt, char *out,
			      size_t size)
{
	const void *field = (const char *)base + opt->offset;
	char number[48] = "";
	const char *text = number;

	switch (opt->type) {
	case BATV_OPT_BOOL: text = *(const bool *)field ? "on" : "off"; break;
	case BATV_OPT_CHOICE: text = choice_name(opt->choices, *(const int *)field); break;
	case BATV_OPT_DURATION:
		batv_duration_format(*(const int64_t *)field, number, sizeof number);
		break;
	case BATV_OPT_COUNT:
	case BATV_OPT_BYTES:
		(void)snprintf(number, sizeof number, "%llu",
			       (unsigned long long)*(const uint64_t *)field);
		break;
	case BATV_OPT_SHARE:
		batv_share_format(*(const uint64_t *)field, number, sizeof number);
		break;
	case BATV_OPT_DOMAINS:
	case BATV_OPT_ADDRESSES:
	case BATV_OPT_HOSTS:
	case BATV_OPT_TEXT:
	case BATV_OPT_PATH:
	case BATV_OPT_COMMAND:
	case BATV_OPT_PATTERN:
	case BATV_OPT_ADDRESS:
	case BATV_OPT_NAME:
	case BATV_OPT_SERVERS: text = *(const char *const *)field; break;
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

void batv_policy_complete(struct batv_policy *policy, uint64_t set)
{
	for (size_t i = 0; i < batv_options_count; i++) {
		const struct batv_option *opt = &batv_options[i];

		if (!(set & UINT64_C(1) << i))
			(void)batv_option_set(policy, opt,
					      opt->fallback ? opt->fallback : KEY_RETENTION, NULL);
	}
}

void batv_policy_init(struct batv_policy *policy, const char *name)
{
	*policy = (struct batv_policy){.name = name};
	batv_policy_complete(policy, 0);
}

void batv_policy_complete_global(struct batv_global *global, bool published_only, uint64_t set)
{
	for (size_t i = 0; i < batv_globals_count; i++) {
		const struct batv_option *opt = &batv_globals[i];

		if ((opt->published || !published_only) && !(set & UINT64_C(1) << i))
			(void)batv_option_set(global, opt, opt->fallback, NULL);
	}
}

void batv_policy_init_global(struct batv_global *global)
{
	*global = (struct batv_global){0};
	batv_policy_complete_global(global, false, 0);
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

void batv_share_format(uint64_t share, char *out, size_t size)
{
	if (share % 10 == 0)
		(void)snprintf(out, size, "%llu%%", (unsigned long long)(share / 10));
	else
		(void)snprintf(out, size, "%llu.%u%%", (unsigned long long)(share / 10),
			       (unsigned)(share % 10));
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
