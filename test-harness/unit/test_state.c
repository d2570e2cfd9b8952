/* links: core/decide/state core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_state.c - a state is complete and right, or it is refused.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "decide/state.h"
#include "state_text.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW INT64_C(1795910400)

static char text[4 * BATV_STATE_MAX];
static struct batv_state state;
static unsigned line;
static const char *why;

static enum batv_err parse(const char *whole, size_t len)
{
	/*
	 * Of exactly the size that the contract asks for: the sanitizer sees what lies outside.
	 * The byte after the end may be anything.
	 */
	static char *copy; /* the state borrows from it until the next one */
	enum batv_err err;

	free(copy);
	copy = malloc(len + 1);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, whole, len + 1);
	line = 0;
	why = NULL;
	err = batv_state_parse(copy, len, &state, &line, &why);
	if (err != BATV_OK)
		ck_assert_msg(why && why[0], "no reason");
	return err;
}

static enum batv_err parse_body(const char *body)
{
	return parse(text, state_seal(body, strlen(body), text));
}

START_TEST(a_good_state_is_read_whole)
{
	char buffer[4096];
	size_t len = state_seal(STATE_BODY, strlen(STATE_BODY), buffer);
	const struct batv_policy *p = state.policies;

	ck_assert_int_eq(batv_state_parse(buffer, len, &state, NULL, NULL), BATV_OK);
	ck_assert_int_eq(state.written, NOW);
	ck_assert_uint_eq(state.serial, 12);
	ck_assert_str_eq(state.config_sum, "0123456789abcdef");
	ck_assert_str_eq(state.fingerprint, "fedcba9876543210");
	ck_assert_str_eq(state.memory, "memory.3");
	ck_assert_ptr_null(state.global.directory); /* of the configuration alone */
	ck_assert_str_eq(state.global.automatic_senders, "^(mailer-daemon|daemon)@.*$");
	ck_assert_int_eq(state.global.key_rotation, 7 * 86400);
	ck_assert_int_eq(state.global.key_retention, 129600);

	ck_assert_uint_eq(state.n_policies, 3);
	ck_assert_str_eq(p[0].name, "default");
	ck_assert_str_eq(p[0].own_hosts, "<; 127.0.0.0/8 ; ::1 ; @[]");
	ck_assert_str_eq(p[0].unsigned_senders, "");
	ck_assert_str_eq(p[0].exempt_recipients, "postmaster@* : abuse@*"); /* by default */
	ck_assert_str_eq(p[1].name, "shop");
	ck_assert_str_eq(p[1].domains, "cdb;/etc/shop.cdb");
	ck_assert_int_eq(p[1].enforcement, BATV_ENFORCE_REJECT);
	ck_assert_int_eq(p[1].unproven[BATV_CLASS_MDN], BATV_ACTION_ACCEPT);
	ck_assert(p[1].signing);
	ck_assert_str_eq(p[2].name, "quiet");
	ck_assert_int_eq(p[2].enforcement, BATV_ENFORCE_AUTO); /* of the default, not of shop */
	ck_assert_int_eq(p[2].unproven[BATV_CLASS_MDN], BATV_ACTION_MARK);
	ck_assert(!p[2].signing);

	ck_assert_uint_eq(state.n_breaks, 2);
	ck_assert_str_eq(state.breaks[0].policy, "*");
	ck_assert_int_eq(state.breaks[0].when, 1795000000);
	ck_assert_int_eq(state.breaks[0].until, 0);
	ck_assert_str_eq(state.breaks[0].why, "signing was switched off");
	ck_assert_str_eq(state.breaks[1].policy, "shop");
	ck_assert_int_eq(state.breaks[1].until, 1795900000);
}
END_TEST

START_TEST(keys_are_read_whole)
{
	const struct batv_key *k = state.ring.keys;

	ck_assert_int_eq(parse_body(STATE_BODY), BATV_OK);
	ck_assert_uint_eq(state.ring.n_keys, 2);
	ck_assert_uint_eq(k[0].secret, 4711);
	ck_assert_uint_eq(k[0].epoch, 2969);
	ck_assert_uint_eq(k[0].number, 3);
	ck_assert_uint_eq(k[0].day, 809);
	ck_assert_int_eq(k[0].from, 1795651200);
	ck_assert_int_eq(k[0].until, 1796256000);
	ck_assert_int_eq(k[0].destroy, 1796947200);
	ck_assert_mem_eq(k[0].text, KEY_A, 64);
	ck_assert_mem_eq(k[1].text, KEY_B, 64);
	ck_assert_uint_eq(state.ring.n_legacy, 1);
	ck_assert_uint_eq(state.ring.legacy[0].len, 6);
	ck_assert_mem_eq(state.ring.legacy[0].bytes, "s3cret", 6);
	ck_assert_int_eq(state.ring.legacy[0].until, 1798675200);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	size_t len = state_seal(STATE_BODY, strlen(STATE_BODY), text);

	for (size_t n = 0; n < len; n++) {
		const char *want = n < strlen("exim-batv state ")
					   ? "not a state file, or an empty one"
				   : n < strlen("exim-batv state 1\n")
					   ? "truncated"
					   : "truncated: the last line is not its end line";

		ck_assert_msg(parse(text, n) == BATV_E_DAMAGED, "%zu bytes", n);
		ck_assert_str_eq(why, want);
	}
	ck_assert_int_eq(parse_body("exim-batv state 1\n"), BATV_E_SYNTAX); /* whole, but empty */
	ck_assert_str_eq(why, "a keyword is missing");
	len = state_seal(STATE_BODY, strlen(STATE_BODY), text);
	ck_assert_int_eq(parse(text, len), BATV_OK);
	text[len] = '\n';
	ck_assert_int_eq(parse(text, len + 1), BATV_E_DAMAGED);
	memcpy(text + len, text, len); /* two states in one file */
	ck_assert_int_eq(parse(text, 2 * len), BATV_E_DAMAGED);
}
END_TEST

START_TEST(every_flipped_byte_is_refused)
{
	size_t len = state_seal(STATE_BODY, strlen(STATE_BODY), text);
	size_t version = strlen("exim-batv state ");

	for (size_t i = 0; i < len; i++) {
		char good = text[i];

		for (int bit = 0; bit <= 8; bit++) { /* each bit, and all of them */
			enum batv_err err;

			text[i] = (char)(good ^ (bit < 8 ? 1 << bit : 0xff));
			err = parse(text, len);
			if (i >= version && i <= version + 1)
				ck_assert_int_eq(err, BATV_E_VERSION);
			else
				ck_assert_msg(err == BATV_E_DAMAGED, "byte %zu", i);
		}
		text[i] = good;
	}
	ck_assert_int_eq(parse(text, len), BATV_OK);
}
END_TEST

/* The lines of STATE_BODY, the first one left out, and what it is to lack or repeat one. */
static bool may_be_missing(const char *s)
{
	static const char *const optional[] = {
		"break ",         "key ",         "legacy ",
		"signing ",       "grace ",       "unsigned_senders\n",
		"own_hosts ",     "enforcement ", "unproven_mdn ",
		"domains +local",
	};

	for (size_t i = 0; i < COUNT(optional); i++) {
		if (strncmp(s, optional[i], strlen(optional[i])) == 0)
			return true;
	}
	return false;
}

static bool may_repeat(const char *s)
{
	return strncmp(s, "key ", 4) == 0 || strncmp(s, "legacy ", 7) == 0;
}

START_TEST(every_line_twice_or_not_at_all)
{
	const char *body = STATE_BODY, *p = body;
	char changed[2 * sizeof STATE_BODY];
	unsigned at = 1;

	for (; *p; p = strchr(p, '\n') + 1, at++) {
		size_t before = (size_t)(p - body), len = (size_t)(strchr(p, '\n') + 1 - p);
		enum batv_err err;

		memcpy(changed, body, before);
		memcpy(changed + before, p + len, strlen(p + len) + 1);
		err = parse_body(changed);
		if (at == 1)
			ck_assert_int_eq(err, BATV_E_DAMAGED);
		else if (strncmp(p, "policy ", 7) == 0) /* its domains become a second line */
			ck_assert_int_eq(err, BATV_E_SYNTAX);
		else
			ck_assert_msg(err == (may_be_missing(p) ? BATV_OK : BATV_E_SYNTAX),
				      "without line %u: %d", at, err);
		memcpy(changed + before, p, len);
		memcpy(changed + before + len, p, strlen(p) + 1);
		err = parse_body(changed);
		if (at == 1)
			ck_assert_int_eq(err, BATV_E_VERSION);
		else
			ck_assert_msg(err == (may_repeat(p) ? BATV_OK : BATV_E_SYNTAX),
				      "line %u twice: %d", at, err);
		if (at > 1 && !may_repeat(p))
			ck_assert_uint_eq(line, at + 1);
	}
	ck_assert_uint_eq(at, 27);
}
END_TEST

#define KEY(...) "key " __VA_ARGS__ "\n"
static const struct {
	const char *lines;
	enum batv_err want;
} contents[] = {
	{"", BATV_OK},
	{"\n", BATV_E_VERSION},
	{"nonsense 1\n", BATV_E_VERSION},
	{"nonsense\n", BATV_E_VERSION},
	{"end 0000000000000000\n", BATV_E_VERSION},
	{"exim-batv state 1\n", BATV_E_VERSION},
	{" domains x\n", BATV_E_VERSION},
	{"domains\tx\n", BATV_E_VERSION},
	{"Domains x\n", BATV_E_VERSION},
	{"domains x\r\n", BATV_E_SYNTAX},
	{"domains ${run{id}}\n", BATV_E_SYNTAX},
	{"domains x\n", BATV_OK},
	{"domains\n", BATV_OK},
	{"domains x\nmemory_retention 62d\n", BATV_OK}, /* in any order */
	{"trusted_hosts $x\n", BATV_E_SYNTAX},
	{"refusal_text\n", BATV_E_SYNTAX},
	{"signing maybe\n", BATV_E_SYNTAX},
	{"grace 7\n", BATV_E_SYNTAX},
	{"enforcement 2\n", BATV_E_SYNTAX},
	{"unproven_dsn remove\n", BATV_E_SYNTAX},
	{"key\n", BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 6 7 " KEY_A), BATV_OK},
	{KEY("1 2 3 4 5 6 7 " KEY_A " "), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 6 7 " KEY_A "0"), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 6 7  " KEY_A), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 6 7 0011"), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 6 " KEY_A), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 6 7 "
	     "A0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
	 BATV_E_SYNTAX},
	{KEY("1 2 9 999 5 6 7 " KEY_A), BATV_OK},
	{KEY("1 2 10 4 5 6 7 " KEY_A), BATV_E_SYNTAX},
	{KEY("1 2 3 1000 5 6 7 " KEY_A), BATV_E_SYNTAX},
	{KEY("1 2 -3 4 5 6 7 " KEY_A), BATV_E_SYNTAX},
	{KEY("4294967295 18446744073709551615 3 4 5 6 253402300799 " KEY_A), BATV_OK},
	{KEY("4294967296 2 3 4 5 6 7 " KEY_A), BATV_E_SYNTAX},
	{KEY("1 18446744073709551616 3 4 5 6 7 " KEY_A), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 6 253402300800 " KEY_A), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 -6 7 " KEY_A), BATV_E_SYNTAX},
	{KEY("1 2 3 4 5 7 6 " KEY_A), BATV_E_SYNTAX}, /* destroyed while it signs */
	{KEY("1 2 3 4 9 8 8 " KEY_A), BATV_OK},       /* never current */
	{KEY("1 2 3 4 8 8 7 " KEY_A), BATV_OK},
	{KEY("1 2 3 4 5 7 7 " KEY_A), BATV_OK}, /* to its end */
	{"override enforcement a.test observe 5\n", BATV_OK},
	{"override enforcement xn--a.b_c.test reject 0\noverride anyway a.test - 0\n", BATV_OK},
	{"override signing * off 0\noverride enforcement * auto 1\n", BATV_OK},
	{"override\n", BATV_E_SYNTAX},
	{"override mode a.test observe 5\n", BATV_E_SYNTAX},
	{"override enforcement a.test Observe 5\n", BATV_E_SYNTAX},
	{"override enforcement A.test observe 5\n", BATV_E_SYNTAX},
	{"override enforcement a..test observe 5\n", BATV_E_SYNTAX},
	{"override enforcement a.test observe -\n", BATV_E_SYNTAX},
	{"override enforcement a.test observe 5 root\n", BATV_E_SYNTAX},
	{"override signing a.test off 0\n", BATV_E_SYNTAX},
	{"override signing * on 0\n", BATV_E_SYNTAX},
	{"override anyway * - 0\n", BATV_E_SYNTAX},
	{"override enforcement * auto 1\noverride enforcement * auto 2\n", BATV_E_SYNTAX},
	{"legacy 1 00\n", BATV_OK},
	{"legacy 1 0\n", BATV_E_SYNTAX},
	{"legacy 1 \n", BATV_E_SYNTAX},
	{"legacy 1\n", BATV_E_SYNTAX},
	{"legacy x 00\n", BATV_E_SYNTAX},
	{"legacy 1 0g\n", BATV_E_SYNTAX},
	{"legacy 1 " KEY_A KEY_B "\n", BATV_OK},
	{"legacy 1 " KEY_A KEY_B "00\n", BATV_E_SYNTAX},
	{"shared\n", BATV_OK},
	{"shared yes\n", BATV_E_SYNTAX},
	{"shared x\n", BATV_E_SYNTAX},
	{"shared\nshared\n", BATV_E_SYNTAX},
	{"fleet mail.example\n", BATV_OK},
	{"fleet\n", BATV_OK},
	{"fleet a b\n", BATV_E_SYNTAX},
	{"fleet a\nfleet a\n", BATV_E_SYNTAX},
	{"fleet_servers a\n", BATV_E_VERSION},
	{"lost 1 4711\n", BATV_OK},
	{"lost 253402300799 4294967295\n", BATV_OK},
	{"lost 1 0\n", BATV_OK},
	{"lost 1\n", BATV_E_SYNTAX},
	{"lost\n", BATV_E_SYNTAX},
	{"lost 253402300800 1\n", BATV_E_SYNTAX},
	{"lost 1 4294967296\n", BATV_E_SYNTAX},
	{"lost 1 2 3\n", BATV_E_SYNTAX},
	{"lost -1 2\n", BATV_E_SYNTAX},
	{"lost 1 2\nlost 1 2\n", BATV_E_SYNTAX},
	{"break * 1 2 why\n", BATV_OK},
	{"break * 1 2 \n", BATV_OK},
	{"break * 1 2\n", BATV_OK},
	{"break * 1 2 a  b \n", BATV_OK},
	{"break gone 1 2 of a policy that is no more\n", BATV_OK},
	{"break * 1\n", BATV_E_SYNTAX},
	{"break *\n", BATV_E_SYNTAX},
	{"break\n", BATV_E_SYNTAX},
	{"break  1 2 why\n", BATV_E_SYNTAX},
	{"break ** 1 2 why\n", BATV_E_SYNTAX},
	{"break * -1 2 why\n", BATV_E_SYNTAX},
	{"break * 1 253402300800 why\n", BATV_E_SYNTAX},
	{"break * 1 2 wh\ty\n", BATV_E_SYNTAX},
	{"policy a\ndomains x\n", BATV_OK},
	{"policy a\ndomains\n", BATV_OK},
	{"policy a\n", BATV_E_SYNTAX},
	{"policy a\npolicy b\ndomains x\n", BATV_E_SYNTAX},
	{"policy default\ndomains x\n", BATV_E_SYNTAX},
	{"policy\ndomains x\n", BATV_E_SYNTAX},
	{"policy a b\ndomains x\n", BATV_E_SYNTAX},
	{"policy abcdefghijklmnopqrstuvwxyzabcdef\ndomains x\n", BATV_E_SYNTAX},
	{"policy a\ndomains x\npolicy a\ndomains y\n", BATV_E_SYNTAX},
	{"policy a\ndomains x\npolicy A\ndomains y\n", BATV_OK},
};

START_TEST(contents_with_a_right_checksum)
{
	char body[2048];
	enum batv_err err;

	snprintf(body, sizeof body, "%s%s", STATE_HEAD, contents[_i].lines);
	err = parse_body(body);
	ck_assert_msg(err == contents[_i].want, "%s: %d %s", contents[_i].lines, err, why);
}
END_TEST

static const struct {
	const char *from, *to;
	enum batv_err want;
} heads[] = {
	{"written 1795910400", "written 253402300799", BATV_OK},
	{"written 1795910400", "written 253402300800", BATV_E_SYNTAX},
	{"written 1795910400", "written -1", BATV_E_SYNTAX},
	{"written 1795910400", "written", BATV_E_SYNTAX},
	{"written 1795910400", "written 0x10", BATV_E_SYNTAX},
	{"serial 12", "serial 18446744073709551615", BATV_OK},
	{"serial 12", "serial 18446744073709551616", BATV_E_SYNTAX},
	{"serial 12", "serial 12 ", BATV_E_SYNTAX},
	{"memory memory.3", "memory", BATV_OK},
	{"memory memory.3", "memory ../secret", BATV_E_SYNTAX},
	{"memory memory.3", "memory .hidden", BATV_E_SYNTAX},
	{"memory memory.3", "memory .", BATV_E_SYNTAX},
	{"memory memory.3", "memory /", BATV_E_SYNTAX},
	{"memory memory.3", "memory \001x", BATV_E_SYNTAX},
	{"memory memory.3", "memory a b", BATV_E_SYNTAX},
	{"memory memory.3", "memory " KEY_A, BATV_OK},
	{"memory memory.3", "memory " KEY_A "0", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nmemory_before memory.2", BATV_OK},
	{"memory memory.3", "memory memory.3\nmemory_before", BATV_OK},
	{"memory memory.3", "memory memory.3\nmemory_before\nmemory_before", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nmemory_before ../secret", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nmemory_key " KEY_A, BATV_OK},
	{"memory memory.3", "memory memory.3\nmemory_key", BATV_OK},
	{"memory memory.3", "memory memory.3\nmemory_key " KEY_A "00", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nmemory_key 00", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nmemory_retention 62d", BATV_OK},
	{"memory memory.3", "memory memory.3\nmemory_retention 62d1s", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nmemory_retention 0s", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nevidence_bytes 16777216", BATV_OK},
	{"memory memory.3", "memory memory.3\nevidence_bytes 16777217", BATV_E_SYNTAX},
	{"memory memory.3", "memory memory.3\nevidence_bytes 128K", BATV_E_SYNTAX},
	{"fingerprint fedcba9876543210", "fingerprint", BATV_OK},
	{"config 0123456789abcdef", "config a/b", BATV_E_SYNTAX},
	{"key_rotation 7d", "key_rotation 0s", BATV_E_SYNTAX},
	{"key_rotation 7d", "key_rotation 7", BATV_E_SYNTAX},
	{"key_retention 1d12h", "key_retention 106751991167300d", BATV_E_SYNTAX},
	{"automatic_senders ^(mailer-daemon|daemon)@.*$", "automatic_senders", BATV_OK},
	{"automatic_senders ^(mailer-daemon|daemon)@.*$", "automatic_senders a\x1b", BATV_E_SYNTAX},
	{"exim-batv state 1", "exim-batv state 2", BATV_E_VERSION},
	{"exim-batv state 1", "exim-batv state 11", BATV_E_VERSION},
	{"exim-batv state 1", "exim-batv state 01", BATV_E_VERSION},
	{"exim-batv state 1", "exim-batv state 1\r", BATV_E_VERSION},
	{"exim-batv state 1", "exim-batv memory 1", BATV_E_DAMAGED},
};

START_TEST(heads_with_a_right_checksum)
{
	const char *body = STATE_BODY, *at = strstr(body, heads[_i].from);
	char changed[2 * sizeof STATE_BODY];
	enum batv_err err;

	ck_assert_ptr_nonnull(at);
	snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - body), body, heads[_i].to,
		 at + strlen(heads[_i].from));
	err = parse_body(changed);
	ck_assert_msg(err == heads[_i].want, "%s: %d %s", heads[_i].to, err, why);
}
END_TEST

/* Which domains an override may name.  NULL: good. */
static const char *override_of(const char *domain)
{
	struct batv_override o;

	return batv_state_override(batv_span_of("enforcement"), batv_span_of(domain),
				   batv_span_of("observe"), &o);
}

START_TEST(domains_of_overrides)
{
	static const char *const good[] = {"a", "a.b", "a-b.c_d", "1-.2"};
	static const char *const bad[] = {"",     ".",   ".a",  "-a",  "a.",    "a..b",
					  "a.b.", "A.b", "a b", "a/b", "a\001", "\xc3\xa4"};
	char longest[255];

	memset(longest, 'a', sizeof longest);
	for (size_t i = 0; i < COUNT(good); i++)
		ck_assert_msg(!override_of(good[i]), "%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(override_of(bad[i]) != NULL, "%s", bad[i]);
	longest[254] = '\0';
	ck_assert_ptr_nonnull(override_of(longest));
	longest[253] = '\0';
	ck_assert_ptr_null(override_of(longest));
}
END_TEST

/* Which items an override may add to a list. */
static const struct {
	const char *key, *item;
	bool good;
} items[] = {
	{"unsigned-host", "192.0.2.1", true},
	{"unsigned-host", "10.0.0.0/8", true},
	{"unsigned-host", "<;2001:db8::/32", true},
	{"exempt-host", "<;x", true},
	{"exempt-host", "mx.test", true},
	{"exempt-host", "*.test", true},
	{"unsigned-destination", "a@b.test", true},
	{"unsigned-sender", "a@b.test", true},
	{"exempt-recipient", "*@b.test", true},
	{"exempt-recipient", "a#b@c.test", true},
	{"exempt-recipient", "a%b@c.test", true},
	{"exempt-host", "", false},
	{"exempt-host", "<;", false},
	{"exempt-host", "<x", false},
	{"exempt-host", "x;y", false},
	{"exempt-host", "<,192.0.2.1", false},
	{"exempt-host", "2001:db8::1", false}, /* a list of colons */
	{"exempt-host", "a:b", false},
	{"exempt-host", "+list", false},
	{"exempt-host", "@", false},
	{"exempt-host", "!x", false},
	{"exempt-host", "<;!x", false},
	{"exempt-host", "<;+x", false},
	{"exempt-host", "<;<;x", false},
	{"exempt-recipient", "a$b@c.test", false},
	{"exempt-recipient", "a\\b@c.test", false},
	{"exempt-recipient", "a\001b@c.test", false},
	{"exempt-recipient", "^a", false},
	{"exempt-host", "lsearch;/etc/x", false},
};

static bool item_is_good(const char *key, const char *item)
{
	struct batv_override o = {0};

	return !batv_state_override(batv_span_of(key), batv_span_of(item), batv_span_of("-"), &o);
}

START_TEST(items_of_overrides)
{
	char longest[255];
	enum batv_list_kind kind;

	for (size_t i = 0; i < COUNT(items); i++)
		ck_assert_msg(item_is_good(items[i].key, items[i].item) == items[i].good, "%s %s",
			      items[i].key, items[i].item);
	memset(longest, 'a', sizeof longest);
	longest[254] = '\0';
	ck_assert(!item_is_good("exempt-host", longest));
	longest[253] = '\0';
	ck_assert(item_is_good("exempt-host", longest));
	ck_assert(!batv_state_override_is_item(BATV_OVERRIDE_KEYS, &kind));
	ck_assert(!batv_state_override_is_item(BATV_OVERRIDE_SIGNING, &kind));
	for (int key = BATV_OVERRIDE_UNSIGNED_DESTINATION; key < BATV_OVERRIDE_KEYS; key++) {
		ck_assert(batv_state_override_is_item((enum batv_override_key)key, &kind));
		ck_assert_int_eq(kind, key == BATV_OVERRIDE_UNSIGNED_HOST ||
						       key == BATV_OVERRIDE_EXEMPT_HOST
					       ? BATV_LIST_HOSTS
					       : BATV_LIST_ADDRESSES);
	}
}
END_TEST

/* Every policy knows that some mail leaves untagged, and why. */
START_TEST(items_are_known_to_each_policy)
{
	static const struct {
		const char *line;
		bool senders, destinations;
	} rows[] = {
		{"", false, false},
		{"override unsigned-sender a@b.test - 0\n", true, false},
		{"override unsigned-destination a@b.test - 0\n", false, true},
		{"override unsigned-host 192.0.2.1 - 0\n", false, true},
		{"override exempt-host 192.0.2.1 - 0\n", false, false},
		{"override unsigned-sender a@b.test - 0\noverride exempt-host x - 0\n", true,
		 false},
	};
	char body[2 * sizeof STATE_BODY];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(body, sizeof body, "%s%s%s", STATE_HEAD, rows[i].line,
			 STATE_KEYS STATE_POLICIES);
		ck_assert_int_eq(parse_body(body), BATV_OK);
		for (size_t p = 0; p < state.n_policies; p++) {
			ck_assert_int_eq(state.policies[p].more_senders, rows[i].senders);
			ck_assert_int_eq(state.policies[p].more_destinations, rows[i].destinations);
		}
	}
}
END_TEST

/* What a state does not say is as if nobody had ever said it. */
START_TEST(nothing_is_left_of_the_state_before)
{
	ck_assert_int_eq(parse_body(STATE_BODY "policy off\ndomains off.example\n"), BATV_OK);
	ck_assert_uint_eq(state.signing_configured, 0xb); /* not "quiet", the third one */
	ck_assert_int_eq(parse_body(STATE_HEAD
				    "memory_before memory.2\nmemory_key " KEY_A
				    "\nlost 5 6\nshared\nfleet a\noverride signing * off 0\n"
				    "override anyway a.test - 0\n" STATE_KEYS STATE_POLICIES),
			 BATV_OK);
	ck_assert(state.shared && state.has_memory_key);
	ck_assert_str_eq(state.global.fleet, "a");
	ck_assert_uint_eq(batv_state_memory_key(&state).len, 32);
	ck_assert_int_eq(state.lost_until, 5);
	ck_assert_uint_eq(state.lost_secret, 6);
	ck_assert_uint_eq(state.signing_configured, 3);
	for (size_t i = 0; i < state.n_policies; i++)
		ck_assert(!state.policies[i].signing); /* switched off */
	ck_assert_int_eq(parse_body(STATE_HEAD "memory_key\n" STATE_KEYS STATE_POLICIES), BATV_OK);
	ck_assert(!state.shared && !state.has_memory_key && !*state.global.fleet);
	state.has_memory_key = true;
	ck_assert_int_eq(parse_body(STATE_BODY), BATV_OK);
	ck_assert(!state.shared && !state.has_memory_key);
	ck_assert_uint_eq(batv_state_memory_key(&state).len, 0);
	ck_assert_int_eq(state.lost_until, 0);
	ck_assert_uint_eq(state.lost_secret, 0);
	ck_assert_uint_eq(state.n_overrides, 0);
	ck_assert_str_eq(state.memory_before, "");
	ck_assert(state.policies[0].signing && state.policies[1].signing);
	ck_assert_int_eq(parse_body(STATE_HEAD "signing off\n"), BATV_OK);
	ck_assert_uint_eq(state.signing_configured, 0);
	/* only an override of signing switches it off */
	ck_assert_int_eq(
		parse_body(STATE_HEAD "override anyway a.test - 0\n" STATE_KEYS STATE_POLICIES),
		BATV_OK);
	ck_assert(state.policies[0].signing);
}
END_TEST

/* The line and the reason are of a refusal only. */
START_TEST(a_good_state_has_no_reason)
{
	unsigned where = 7;
	const char *reason = "as before";
	size_t len = state_seal(STATE_BODY, strlen(STATE_BODY), text);

	ck_assert_int_eq(batv_state_parse(text, len, &state, &where, &reason), BATV_OK);
	ck_assert_uint_eq(where, 7);
	ck_assert_str_eq(reason, "as before");
	ck_assert_int_eq(batv_state_parse(text, 3, &state, NULL, NULL), BATV_E_DAMAGED);
	ck_assert_str_eq(batv_state_override_name(BATV_OVERRIDE_KEYS), "?");
}
END_TEST

START_TEST(digits_of_a_key)
{
	static const char wrong[] = "/:`gGA";
	char body[sizeof STATE_BODY], *key;

	for (size_t i = 0; i < sizeof wrong - 1; i++) {
		memcpy(body, STATE_BODY, sizeof body);
		key = strstr(body, KEY_A);
		key[5] = wrong[i];
		ck_assert_int_eq(parse_body(body), BATV_E_SYNTAX);
		ck_assert_str_eq(why, "expected a key of 64 lower-case hex digits");
	}
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
	char body[] = STATE_BODY;

	for (size_t i = strlen("exim-batv state 1\n"); i < sizeof body - 2; i++) {
		char good = body[i];

		body[i] = '\0';
		ck_assert_int_eq(parse(text, state_seal(body, sizeof body - 1, text)),
				 BATV_E_SYNTAX);
		body[i] = good;
	}
}
END_TEST

/* A body with `n` times the line that format makes of its number. */
static size_t repeated(char *body, const char *fmt, unsigned n)
{
	size_t len = (size_t)sprintf(body, "%s", STATE_HEAD);

	for (unsigned i = 0; i < n; i++) {
		const char *hash = strchr(fmt, '#');

		if (hash)
			len += (size_t)sprintf(body + len, "%.*s%u%s\n", (int)(hash - fmt), fmt, i,
					       hash + 1);
		else
			len += (size_t)sprintf(body + len, "%s\n", fmt);
	}
	return len;
}

static const struct {
	const char *line;
	unsigned most;
} tables[] = {
	{"key 1 # 3 4 5 6 7 " KEY_A, BATV_KEYS_MAX},
	{"legacy 1 00", BATV_LEGACY_MAX},
	{"policy p#\ndomains x", BATV_POLICIES_MAX - 1},
	{"break p# 1 2 x", BATV_BREAKS_MAX},
};

START_TEST(full_tables)
{
	static char body[BATV_STATE_MAX];
	size_t len = repeated(body, tables[_i].line, tables[_i].most);

	ck_assert_int_eq(parse(text, state_seal(body, len, text)), BATV_OK);
	len = repeated(body, tables[_i].line, tables[_i].most + 1);
	ck_assert_int_eq(parse(text, state_seal(body, len, text)), BATV_E_FULL);
}
END_TEST

START_TEST(sixty_four_kibibytes_and_no_more)
{
	static char body[BATV_STATE_MAX + 8];
	size_t head = strlen(STATE_HEAD "domains "), want = BATV_STATE_MAX - 21;

	memcpy(body, STATE_HEAD "domains ", head);
	for (size_t i = head; i < sizeof body; i++)
		body[i] = i % 50 ? 'x' : ':';
	body[want - 1] = '\n';
	ck_assert_uint_eq(state_seal(body, want, text), BATV_STATE_MAX);
	ck_assert_int_eq(parse(text, BATV_STATE_MAX), BATV_OK);
	body[want - 1] = 'x';
	body[want] = '\n';
	ck_assert_uint_eq(state_seal(body, want + 1, text), BATV_STATE_MAX + 1);
	ck_assert_int_eq(parse(text, BATV_STATE_MAX + 1), BATV_E_TOO_LONG);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("state");
	TCase *tc = tcase_create("text");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, a_good_state_is_read_whole);
	tcase_add_test(tc, keys_are_read_whole);
	tcase_add_test(tc, every_truncation_is_refused);
	tcase_add_test(tc, every_flipped_byte_is_refused);
	tcase_add_test(tc, every_line_twice_or_not_at_all);
	tcase_add_loop_test(tc, contents_with_a_right_checksum, 0, (int)COUNT(contents));
	tcase_add_loop_test(tc, heads_with_a_right_checksum, 0, (int)COUNT(heads));
	tcase_add_test(tc, domains_of_overrides);
	tcase_add_test(tc, items_of_overrides);
	tcase_add_test(tc, items_are_known_to_each_policy);
	tcase_add_test(tc, nothing_is_left_of_the_state_before);
	tcase_add_test(tc, a_good_state_has_no_reason);
	tcase_add_test(tc, digits_of_a_key);
	tcase_add_test(tc, a_nul_byte_is_refused);
	tcase_add_loop_test(tc, full_tables, 0, (int)COUNT(tables));
	tcase_add_test(tc, sixty_four_kibibytes_and_no_more);
	return s;
}
