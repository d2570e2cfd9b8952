/*
 * state.c - reads the published state, in place and in one pass.
 *
 * This runs once in nearly every Exim process, so it is made to be fast.  Keywords are compared
 * with a table by length and bytes, and nothing is copied except keys.
 *
 * Invariants: a state is believed only if the checksum over all of it is right, every line is known
 * and within its bounds, no line is missing, and none appears more often than it may.
 */
#include "decide/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/days.h"
#include "base/hmac.h"
#include "base/safefile.h"

#define MAGIC "exim-batv state "
#define VERSION_LINE MAGIC "1\n"
#define LITERAL(s) s, sizeof(s) - 1
#define END_LEN BATV_STATE_END_LEN
#define NAME_LEN_MAX 64 /* bytes of a file name or a fingerprint */

struct reader {
	struct batv_state *state;
	struct batv_policy *policy;     /* the current policy: options belong to it */
	uint64_t options;               /* bits of the options that it has had, by their rows */
	const struct batv_option *last; /* the option of the line before; they come in order */
	uint64_t globals;               /* the same for batv_globals */
	unsigned words;                 /* bits of the keywords that were seen */
	unsigned line;
	const char *why;
};

static enum batv_err refuse(struct reader *r, enum batv_err err, const char *why)
{
	r->why = why;
	return err;
}

static bool number(struct batv_span s, uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (!batv_span_to_u64(s, &n) || n > max)
		return false;
	*out = n;
	return true;
}

static bool time_of(struct batv_span s, int64_t *out)
{
	uint64_t n;

	if (!number(s, (uint64_t)BATV_TIME_MAX, &n))
		return false;
	*out = (int64_t)n;
	return true;
}

/* Letters, digits, ".", "-" and "_" only: never a path, never a hidden file. */
static bool is_plain_name(struct batv_span s)
{
	if (s.len > NAME_LEN_MAX || (s.len > 0 && s.p[0] == '.'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!batv_is_alnum(c) && !strchr("._-", c))
			return false;
	}
	return true;
}

/* The functions of the keyword table.  value is NUL-terminated. */

static enum batv_err read_written(struct reader *r, struct batv_span value)
{
	if (!time_of(value, &r->state->written))
		return refuse(r, BATV_E_SYNTAX, "expected a time");
	return BATV_OK;
}

static enum batv_err read_serial(struct reader *r, struct batv_span value)
{
	if (!batv_span_to_u64(value, &r->state->serial))
		return refuse(r, BATV_E_SYNTAX, "expected a number");
	return BATV_OK;
}

static enum batv_err read_name(struct reader *r, struct batv_span value, const char **out)
{
	if (!is_plain_name(value))
		return refuse(r, BATV_E_SYNTAX, "expected a plain name");
	*out = value.p;
	return BATV_OK;
}

static enum batv_err read_memory(struct reader *r, struct batv_span value)
{
	return read_name(r, value, &r->state->memory);
}

static enum batv_err read_memory_before(struct reader *r, struct batv_span value)
{
	return read_name(r, value, &r->state->memory_before);
}

static enum batv_err read_memory_key(struct reader *r, struct batv_span value)
{
	struct batv_state *state = r->state;

	if (value.len != 0 && !batv_span_to_bytes(value, state->memory_key, BATV_MEMORY_KEY_LEN))
		return refuse(r, BATV_E_SYNTAX, "expected 32 bytes in hex");
	state->has_memory_key = value.len != 0;
	return BATV_OK;
}

static enum batv_err read_fingerprint(struct reader *r, struct batv_span value)
{
	return read_name(r, value, &r->state->fingerprint);
}

static enum batv_err read_config(struct reader *r, struct batv_span value)
{
	return read_name(r, value, &r->state->config_sum);
}

static bool has_policy(const struct batv_state *state, const char *name)
{
	for (size_t i = 0; i < state->n_policies; i++) {
		if (strcmp(state->policies[i].name, name) == 0)
			return true;
	}
	return false;
}

/*
 * The current policy has had its lines.  Other policies begin as copies of the default one, so that
 * one gets what an older state does not have.  A policy without domains would have those of the
 * default policy, and be tried before it.
 */
static bool policy_complete(const struct reader *r)
{
	if (r->state->n_policies == 1)
		batv_policy_complete(r->policy, r->options);
	for (size_t i = 0; i < batv_options_count && r->state->n_policies > 1; i++) {
		if (batv_options[i].own && !(r->options & UINT64_C(1) << i))
			return false;
	}
	return true;
}

static enum batv_err read_policy(struct reader *r, struct batv_span value)
{
	struct batv_state *state = r->state;

	if (!policy_complete(r))
		return refuse(r, BATV_E_SYNTAX, "the policy before this one has no domains");
	if (!batv_policy_name_valid(value))
		return refuse(r, BATV_E_SYNTAX, "expected the name of a policy");
	if (has_policy(state, value.p))
		return refuse(r, BATV_E_SYNTAX, "a policy of this name is there already");
	if (state->n_policies == BATV_POLICIES_MAX)
		return refuse(r, BATV_E_FULL, "more than 16 policies");
	r->policy = &state->policies[state->n_policies++];
	*r->policy = state->policies[0];
	r->policy->name = value.p;
	r->options = 0;
	r->last = NULL;
	return BATV_OK;
}

static bool has_break(const struct batv_state *state, const char *policy)
{
	for (size_t i = 0; i < state->n_breaks; i++) {
		if (strcmp(state->breaks[i].policy, policy) == 0)
			return true;
	}
	return false;
}

/* break POLICY WHEN UNTIL WHY... */
static enum batv_err read_break(struct reader *r, struct batv_span value)
{
	struct batv_state *state = r->state;
	struct batv_span name = batv_span_field(&value);
	struct batv_break b = {.policy = name.p};

	if (!batv_policy_name_valid(name) && !batv_span_equal(name, batv_span_of("*")))
		return refuse(r, BATV_E_SYNTAX, "expected the name of a policy, or *");
	if (!time_of(batv_span_field(&value), &b.when) ||
	    !time_of(batv_span_field(&value), &b.until))
		return refuse(r, BATV_E_SYNTAX, "expected two times");
	if (batv_span_has_control(value))
		return refuse(r, BATV_E_SYNTAX, "control character in a reason");
	b.why = value.p;
	/* We may write to the lines: the NUL replaces the space after the name. */
	*(char *)(uintptr_t)(name.p + name.len) = '\0';
	if (has_break(state, b.policy))
		return refuse(r, BATV_E_SYNTAX, "this policy has a break already");
	if (state->n_breaks == BATV_BREAKS_MAX)
		return refuse(r, BATV_E_FULL, "more than 17 breaks");
	state->breaks[state->n_breaks++] = b;
	return BATV_OK;
}

const char *batv_state_override_name(enum batv_override_key key)
{
	static const char names[BATV_OVERRIDE_KEYS][24] = {
		"enforcement",     "anyway",        "signing",     "unsigned-destination",
		"unsigned-sender", "unsigned-host", "exempt-host", "exempt-recipient"};

	return (unsigned)key < BATV_OVERRIDE_KEYS ? names[key] : "?";
}

void batv_state_override_value(const struct batv_override *override,
			       char out[static BATV_STATE_OVERRIDE_VALUE_SIZE])
{
	struct batv_policy p = {.enforcement = override->mode};

	strcpy(out, override->key == BATV_OVERRIDE_SIGNING ? "off" : "-");
	if (override->key == BATV_OVERRIDE_ENFORCEMENT)
		(void)batv_option_get(&p, batv_option_find(batv_span_of("enforcement")), out,
				      BATV_STATE_OVERRIDE_VALUE_SIZE);
}

#define OVERRIDE_ITEM_MAX 253

/* A domain name of A-labels in lower case. */
static bool is_domain(struct batv_span s)
{
	if (s.len == 0 || s.len > 253 || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!(batv_is_alnum(c) && batv_fold(c) == c) && c != '-' && c != '_' &&
		    !(c == '.' && i + 1 < s.len && s.p[i + 1] != '.'))
			return false;
	}
	return true;
}

bool batv_state_override_is_item(enum batv_override_key key, enum batv_list_kind *kind)
{
	if (key < BATV_OVERRIDE_UNSIGNED_DESTINATION || key >= BATV_OVERRIDE_KEYS)
		return false;
	*kind = key == BATV_OVERRIDE_UNSIGNED_HOST || key == BATV_OVERRIDE_EXEMPT_HOST
			? BATV_LIST_HOSTS
			: BATV_LIST_ADDRESSES;
	return true;
}

/*
 * One plain item, which is asked as a list of its own.  With "<;" before it, its separator is the
 * semicolon: IPv6 addresses have colons.
 */
static bool is_item(enum batv_list_kind kind, struct batv_span s)
{
	char list[OVERRIDE_ITEM_MAX + 1];
	struct batv_list_items items;
	struct batv_list_item item;
	const struct batv_span whole =
		s.len > 2 && s.p[0] == '<' && s.p[1] == ';' ? batv_span_after(s, 2) : s;

	if (s.len > OVERRIDE_ITEM_MAX || whole.len == 0 || batv_span_has_control(s) ||
	    memchr("!<@+", whole.p[0], 4) || memchr(whole.p, '$', whole.len) ||
	    memchr(whole.p, '\\', whole.len))
		return false;
	memcpy(list, s.p, s.len);
	list[s.len] = '\0';
	batv_exim_list_start(&items, kind, list);
	return batv_exim_list_next(&items, &item) && item.sort == BATV_LIST_ITEM_PLAIN &&
	       batv_span_equal(batv_span_of(item.text), whole) &&
	       !batv_exim_list_next(&items, &item);
}

const char *batv_state_override(struct batv_span key, struct batv_span domain,
				struct batv_span value, struct batv_override *out)
{
	const bool all = batv_span_equal(domain, batv_span_of("*"));
	unsigned k = 0, mode = 0;
	enum batv_list_kind kind;

	while (k < BATV_OVERRIDE_KEYS &&
	       !batv_span_equal(key, batv_span_of(batv_state_override_name(k))))
		k++;
	if (k == BATV_OVERRIDE_KEYS)
		return "expected enforcement, anyway, signing or the name of a list";
	*out = (struct batv_override){
		.domain = out->domain, .until = out->until, .key = (uint8_t)k};
	if (batv_state_override_is_item((enum batv_override_key)k, &kind))
		return !is_item(kind, domain) ? "expected one plain item of an Exim list"
		       : !batv_span_equal(value, batv_span_of("-")) ? "expected -"
								    : NULL;
	if (!all && !is_domain(domain))
		return "expected a domain in lower case, or *";
	if (k == BATV_OVERRIDE_SIGNING && !all)
		return "expected * as the domain, because signing is switched off for all";
	if (k == BATV_OVERRIDE_SIGNING && !batv_span_equal(value, batv_span_of("off")))
		return "expected off";
	if (k == BATV_OVERRIDE_ANYWAY && all)
		return "expected a domain, not *";
	if (k == BATV_OVERRIDE_ANYWAY && !batv_span_equal(value, batv_span_of("-")))
		return "expected -";
	if (k == BATV_OVERRIDE_ENFORCEMENT) {
		const struct batv_option *opt = batv_option_find(batv_span_of("enforcement"));

		while (opt->choices[mode] &&
		       !batv_span_equal(value, batv_span_of(opt->choices[mode])))
			mode++;
		if (!opt->choices[mode])
			return "expected auto, observe or reject";
	}
	out->key = (uint8_t)k;
	out->mode = (uint8_t)mode;
	return NULL;
}

/* override KEY DOMAIN VALUE UNTIL */
static enum batv_err read_override(struct reader *r, struct batv_span value)
{
	struct batv_state *state = r->state;
	struct batv_span key = batv_span_field(&value), domain = batv_span_field(&value),
			 what = batv_span_field(&value);
	struct batv_override o = {.domain = domain.p};
	const char *why = batv_state_override(key, domain, what, &o);

	if (why)
		return refuse(r, BATV_E_SYNTAX, why);
	if (!time_of(value, &o.until))
		return refuse(r, BATV_E_SYNTAX, "expected a time");
	*(char *)(uintptr_t)(domain.p + domain.len) = '\0'; /* as in read_break() */
	for (size_t i = 0; i < state->n_overrides; i++)
		if (state->overrides[i].key == o.key &&
		    strcmp(state->overrides[i].domain, o.domain) == 0)
			return refuse(r, BATV_E_SYNTAX, "this override is there already");
	if (state->n_overrides == BATV_OVERRIDES_MAX)
		return refuse(r, BATV_E_FULL, "more than 64 overrides");
	state->overrides[state->n_overrides++] = o;
	return BATV_OK;
}

/* lost UNTIL SECRET */
static enum batv_err read_lost(struct reader *r, struct batv_span value)
{
	int64_t until;
	uint64_t secret;

	if (!time_of(batv_span_field(&value), &until))
		return refuse(r, BATV_E_SYNTAX, "expected a time");
	if (!number(value, UINT32_MAX, &secret))
		return refuse(r, BATV_E_SYNTAX, "expected the number of a secret");
	r->state->lost_until = until;
	r->state->lost_secret = (uint32_t)secret;
	return BATV_OK;
}

/* The keyword is all there is. */
static enum batv_err read_shared(struct reader *r, struct batv_span value)
{
	if (value.len > 0)
		return refuse(r, BATV_E_SYNTAX, "expected no value");
	r->state->shared = true;
	return BATV_OK;
}

/* legacy UNTIL HEX */
static enum batv_err read_legacy(struct reader *r, struct batv_span value)
{
	struct batv_keyring *ring = &r->state->ring;
	struct batv_legacy_key *key;
	int64_t until;

	if (ring->n_legacy == BATV_LEGACY_MAX)
		return refuse(r, BATV_E_FULL, "more than 8 legacy keys");
	key = &ring->legacy[ring->n_legacy];
	if (!time_of(batv_span_field(&value), &until))
		return refuse(r, BATV_E_SYNTAX, "expected a time");
	if (value.len < 2 || value.len > 2 * sizeof key->bytes || value.len % 2 != 0 ||
	    !batv_span_to_bytes(value, (uint8_t *)key->bytes, value.len / 2))
		return refuse(r, BATV_E_SYNTAX, "expected 1 to 64 bytes in hex");
	key->until = until;
	key->len = (uint8_t)(value.len / 2);
	ring->n_legacy++;
	return BATV_OK;
}

/* Lower case only: the text itself is the HMAC key. */
static bool key_text(struct batv_span s, char text[static BATV_KEY_TEXT_LEN])
{
	if (s.len != BATV_KEY_TEXT_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i]; /* most bytes of a state are read here, so there are no calls */

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	memcpy(text, s.p, BATV_KEY_TEXT_LEN);
	return true;
}

/* key SECRET EPOCH K DDD FROM UNTIL DESTROY TEXT */
static enum batv_err read_key(struct reader *r, struct batv_span value)
{
	struct batv_keyring *ring = &r->state->ring;
	struct batv_key *key;
	uint64_t secret, k, day;

	if (ring->n_keys == BATV_KEYS_MAX)
		return refuse(r, BATV_E_FULL, "more than 64 keys");
	key = &ring->keys[ring->n_keys];
	if (!number(batv_span_field(&value), UINT32_MAX, &secret) ||
	    !batv_span_to_u64(batv_span_field(&value), &key->epoch))
		return refuse(r, BATV_E_SYNTAX, "expected the numbers of a secret and an epoch");
	if (!number(batv_span_field(&value), 9, &k) || !number(batv_span_field(&value), 999, &day))
		return refuse(r, BATV_E_SYNTAX, "expected a key number and a day");
	if (!time_of(batv_span_field(&value), &key->from) ||
	    !time_of(batv_span_field(&value), &key->until) ||
	    !time_of(batv_span_field(&value), &key->destroy))
		return refuse(r, BATV_E_SYNTAX, "expected three times");
	if (key->from < key->until && key->until > key->destroy)
		return refuse(r, BATV_E_SYNTAX, "a key that is destroyed while it signs");
	if (!key_text(value, key->text))
		return refuse(r, BATV_E_SYNTAX, "expected a key of 64 lower-case hex digits");
	key->secret = (uint32_t)secret;
	key->number = (uint8_t)k;
	key->day = (uint16_t)day;
	ring->n_keys++;
	return BATV_OK;
}

static const struct keyword {
	const char *name;
	size_t len;
	enum { ONCE, MAYBE, MANY } times; /* MAYBE: a state of an older version lacks it */
	enum batv_err (*read)(struct reader *r, struct batv_span value);
} keywords[] = {
	{LITERAL("key"), MANY, read_key},
	{LITERAL("policy"), MANY, read_policy},
	{LITERAL("break"), MANY, read_break},
	{LITERAL("legacy"), MANY, read_legacy},
	{LITERAL("written"), ONCE, read_written},
	{LITERAL("serial"), ONCE, read_serial},
	{LITERAL("memory"), ONCE, read_memory},
	{LITERAL("fingerprint"), ONCE, read_fingerprint},
	{LITERAL("config"), ONCE, read_config},
	{LITERAL("memory_before"), MAYBE, read_memory_before},
	{LITERAL("memory_key"), MAYBE, read_memory_key},
	{LITERAL("lost"), MAYBE, read_lost},
	{LITERAL("shared"), MAYBE, read_shared},
	{LITERAL("override"), MANY, read_override},
};
#define KEYWORDS (sizeof keywords / sizeof keywords[0])

/* Sets one option of a table in base.  *seen has the bits of the options set so far. */
static enum batv_err read_option(struct reader *r, void *base, const struct batv_option *opt,
				 uint64_t bit, uint64_t *seen, const char *value)
{
	if (*seen & bit)
		return refuse(r, BATV_E_SYNTAX, "an option is set twice");
	*seen |= bit;
	return batv_option_set(base, opt, value, &r->why);
}

/*
 * In a state a number has only digits, without a unit.  "128K" of the configuration was published
 * as 131072.
 */
static enum batv_err read_global(struct reader *r, const struct batv_option *opt,
				 struct batv_span value)
{
	bool number = opt->type == BATV_OPT_COUNT || opt->type == BATV_OPT_BYTES;

	if (number && value.len > 0 && !batv_is_digit(value.p[value.len - 1]))
		return refuse(r, BATV_E_SYNTAX, "expected a number");
	return read_option(r, &r->state->global, opt, UINT64_C(1) << (opt - batv_globals),
			   &r->globals, value.p);
}

/* Sets an option for all policies, or one of the current policy.  The former come first. */
static enum batv_err read_setting(struct reader *r, struct batv_span name, struct batv_span value)
{
	const struct batv_option *global = r->last ? NULL : batv_option_find_global(name);
	const struct batv_option *opt = global ? NULL : batv_option_find_next(name, r->last);

	if (opt) {
		r->last = opt;
		return read_option(r, r->policy, opt, UINT64_C(1) << (opt - batv_options),
				   &r->options, value.p);
	}
	if (!global)
		global = batv_option_find_global(name);
	if (global && global->published)
		return read_global(r, global, value);
	return refuse(r, BATV_E_VERSION, "unknown keyword");
}

void batv_state_apply_overrides(struct batv_state *state)
{
	bool off = false, destinations = false, senders = false;

	for (size_t i = 0; i < state->n_overrides; i++) {
		const uint8_t key = state->overrides[i].key;

		off = off || key == BATV_OVERRIDE_SIGNING;
		senders = senders || key == BATV_OVERRIDE_UNSIGNED_SENDER;
		destinations = destinations || key == BATV_OVERRIDE_UNSIGNED_DESTINATION ||
			       key == BATV_OVERRIDE_UNSIGNED_HOST;
	}
	state->signing_configured = 0;
	for (size_t i = 0; i < state->n_policies; i++) {
		if (state->policies[i].signing)
			state->signing_configured |= UINT32_C(1) << i;
		state->policies[i].signing = state->policies[i].signing && !off;
		state->policies[i].more_senders = senders;
		state->policies[i].more_destinations = destinations;
	}
}

/* Reads one line, which is NUL-terminated at line.len. */
static enum batv_err read_line(struct reader *r, struct batv_span line)
{
	struct batv_span value = line;
	struct batv_span name = batv_span_field(&value);

	for (size_t i = 0; i < KEYWORDS; i++) {
		const struct keyword *k = &keywords[i];

		if (k->len != name.len || memcmp(k->name, name.p, name.len) != 0)
			continue;
		if (k->times != MANY && (r->words & 1u << i))
			return refuse(r, BATV_E_SYNTAX, "a keyword appears twice");
		r->words |= 1u << i;
		return k->read(r, value);
	}
	return read_setting(r, name, value);
}

/* Does the state have every line that each state must have? */
static bool has_all_lines(const struct reader *r)
{
	for (size_t i = 0; i < KEYWORDS; i++) {
		if (keywords[i].times == ONCE && !(r->words & 1u << i))
			return false;
	}
	for (size_t i = 0; i < batv_globals_count; i++) {
		if (batv_globals[i].published == BATV_PUBLISHED && !(r->globals & UINT64_C(1) << i))
			return false;
	}
	return true;
}

static enum batv_err read_lines(struct reader *r, char *p, char *end)
{
	while (p < end) {
		/* check_frame() has seen a newline before end */
		char *newline = memchr(p, '\n', (size_t)(end - p));
		enum batv_err err;

		r->line++;
		*newline = '\0';
		err = read_line(r, (struct batv_span){p, (size_t)(newline - p)});
		if (err != BATV_OK)
			return err;
		p = newline + 1;
	}
	r->line++;
	if (!policy_complete(r))
		return refuse(r, BATV_E_SYNTAX, "the last policy has no domains");
	batv_policy_complete_global(&r->state->global, true, r->globals);
	return has_all_lines(r) ? BATV_OK : refuse(r, BATV_E_SYNTAX, "a keyword is missing");
}

/* Checks the first line, the last line and the checksum. */
static enum batv_err check_frame(struct reader *r, const char *text, size_t len)
{
	uint64_t sum;
	char hex[17];
	uint8_t bytes[8];

	if (len > BATV_STATE_MAX)
		return refuse(r, BATV_E_TOO_LONG, "larger than 64 KiB");
	if (len < sizeof MAGIC - 1 || memcmp(text, LITERAL(MAGIC)) != 0)
		return refuse(r, BATV_E_DAMAGED, "not a state file, or an empty one");
	if (len < sizeof VERSION_LINE - 1)
		return refuse(r, BATV_E_DAMAGED, "truncated");
	if (memcmp(text, LITERAL(VERSION_LINE)) != 0)
		return refuse(r, BATV_E_VERSION, "another version of the format");
	if (len < sizeof VERSION_LINE - 1 + END_LEN || text[len - 1] != '\n' ||
	    text[len - END_LEN - 1] != '\n' || memcmp(text + len - END_LEN, "end ", 4) != 0)
		return refuse(r, BATV_E_DAMAGED, "truncated: the last line is not its end line");
	sum = batv_fnv64(BATV_FNV_START, text, len - END_LEN);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(sum >> (56 - 8 * i));
	batv_bytes_to_hex(bytes, sizeof bytes, hex);
	if (memcmp(text + len - END_LEN + 4, hex, 16) != 0)
		return refuse(r, BATV_E_DAMAGED, "the checksum is wrong");
	if (memchr(text, '\0', len))
		return refuse(r, BATV_E_SYNTAX, "a NUL byte");
	return BATV_OK;
}

enum batv_err batv_state_parse(char *text, size_t len, struct batv_state *state, unsigned *line,
			       const char **why)
{
	struct reader r = {.state = state, .policy = &state->policies[0]};
	enum batv_err err = check_frame(&r, text, len);

	if (err == BATV_OK) {
		state->n_policies = 1;
		state->n_breaks = 0;
		state->n_overrides = 0;
		state->ring.n_keys = 0;
		state->ring.n_legacy = 0;
		state->memory_before = "";
		state->has_memory_key = false;
		state->lost_until = 0;
		state->lost_secret = 0;
		state->shared = false;
		state->global = (struct batv_global){0};
		*r.policy = (struct batv_policy){.name = "default"};
		r.line = 1;
		err = read_lines(&r, text + sizeof VERSION_LINE - 1, text + len - END_LEN);
	}
	if (err == BATV_OK)
		batv_state_apply_overrides(state);
	if (err != BATV_OK && line)
		*line = r.line;
	if (err != BATV_OK && why)
		*why = r.why;
	return err;
}

struct batv_span batv_state_memory_key(const struct batv_state *state)
{
	return (struct batv_span){(const char *)state->memory_key,
				  state->has_memory_key ? sizeof state->memory_key : 0};
}

bool batv_state_observe_file(int dirfd)
{
	struct stat st;

	/* Any doubt stops refusals: only ENOENT means that there is no such file. */
	return fstatat(dirfd, BATV_OBSERVE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}
