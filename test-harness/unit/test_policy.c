/* links: core/decide/policy core/decide/servers core/decide/exim_list core/base/span core/evidence/class */
/*
 * test_policy.c - the option table: every default, every kind of value, and what is refused.
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/policy.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct batv_span span(const char *s)
{
	return (struct batv_span){s, strlen(s)};
}

static const struct batv_option *option(const char *name)
{
	const struct batv_option *opt = batv_option_find(span(name));

	ck_assert_msg(opt != NULL, "%s", name);
	return opt;
}

static const struct {
	const char *name, *value;
} defaults[] = {
	{"domains", "+local_domains"},
	{"signing", "on"},
	{"enforcement", "auto"},
	{"grace", "7d"},
	{"tag_style", "prvs"},
	{"unsigned_senders", ""},
	{"unsigned_destinations", ""},
	{"unsigned_hosts", ""},
	{"trusted_hosts", "+relay_from_hosts"},
	{"inbound_domains", "+local_domains : +relay_to_domains"},
	{"exempt_authenticated", "on"},
	{"exempt_acl", "on"},
	{"exempt_hosts", ""},
	{"own_hosts", "<; 127.0.0.0/8 ; ::1 ; @[]"},
	{"exempt_recipients", "postmaster@* : abuse@*"},
	{"relay_in_hosts", ""},
	{"mark_trusted_hosts", "on"},
	{"unproven_dsn", "reject"},
	{"unproven_mdn", "mark"},
	{"unproven_autoreply", "reject"},
	{"unproven_calendar", "mark"},
	{"unproven_report", "mark"},
	{"unproven_other", "mark"},
	{"flood_base", "500"},
	{"flood_share", "100%"},
	{"flood_refuse_at_rcpt", "off"},
	{"refusal_text", NULL},
	{"result_header", "on"},
};

START_TEST(defaults_are_as_documented)
{
	struct batv_policy p;
	char text[512];

	ck_assert_uint_eq(batv_options_count, COUNT(defaults));
	batv_policy_init(&p, "default");
	ck_assert_str_eq(p.name, "default");
	for (size_t i = 0; i < COUNT(defaults); i++) {
		ck_assert_str_eq(batv_options[i].name, defaults[i].name);
		ck_assert_int_eq(batv_option_get(&p, &batv_options[i], text, sizeof text), BATV_OK);
		if (defaults[i].value)
			ck_assert_str_eq(text, defaults[i].value);
	}
	ck_assert_int_eq(p.unproven[BATV_CLASS_DSN], BATV_ACTION_REJECT);
	ck_assert_int_eq(p.unproven[BATV_CLASS_AUTOREPLY], BATV_ACTION_REJECT);
	ck_assert_int_eq(p.unproven[BATV_CLASS_OTHER], BATV_ACTION_MARK);
	ck_assert_int_eq(p.enforcement, BATV_ENFORCE_AUTO);
	for (int class = 0; class < BATV_CLASS_COUNT; class ++) { /* one class has one more word */
		const char *why = NULL;

		snprintf(text, sizeof text, "unproven_%s",
			 batv_class_name((enum batv_class) class));
		ck_assert_int_eq(batv_option_set(&p, option(text), "reject-all", &why) == BATV_OK,
				 class == BATV_CLASS_AUTOREPLY);
		ck_assert_int_eq(p.unproven[class] == BATV_UNPROVEN_REJECT_ALL,
				 class == BATV_CLASS_AUTOREPLY);
	}
	ck_assert_uint_le(strlen(p.refusal_text), 200);
	ck_assert_ptr_nonnull(strstr(p.refusal_text, "bounce"));
}
END_TEST

static void check_row(const struct batv_option *opt, void *base, size_t size)
{
	const char *why = NULL;
	char text[512];

	ck_assert_uint_lt(strnlen(opt->name, sizeof opt->name), sizeof opt->name);
	ck_assert_uint_lt(opt->offset, size);
	if (opt->type == BATV_OPT_CHOICE)
		ck_assert_ptr_nonnull(opt->choices);
	if (opt->type == BATV_OPT_DURATION || opt->type == BATV_OPT_COUNT ||
	    opt->type == BATV_OPT_BYTES || opt->type == BATV_OPT_SHARE)
		ck_assert_uint_lt(opt->min, opt->max);
	ck_assert_int_eq(batv_option_get(base, opt, text, sizeof text), BATV_OK);
	ck_assert_int_eq(batv_option_set(base, opt, text, &why), BATV_OK);
	if (opt->fallback)
		ck_assert_int_eq(batv_option_set(base, opt, opt->fallback, &why), BATV_OK);
	ck_assert_ptr_null(why);
}

START_TEST(the_tables_are_sound)
{
	struct batv_policy p;
	struct batv_global g;

	batv_policy_init(&p, "x");
	batv_policy_init_global(&g);
	for (size_t i = 0; i < batv_options_count; i++) { /* no name twice, in none of them */
		ck_assert_ptr_eq(option(batv_options[i].name), &batv_options[i]);
		ck_assert_ptr_null(batv_option_find_global(span(batv_options[i].name)));
		check_row(&batv_options[i], &p, sizeof p);
	}
	for (size_t i = 0; i < batv_globals_count; i++) {
		ck_assert_ptr_eq(batv_option_find_global(span(batv_globals[i].name)),
				 &batv_globals[i]);
		check_row(&batv_globals[i], &g, sizeof g);
		ck_assert(!batv_globals[i].own);
	}
	ck_assert(option("domains")->own);
	ck_assert_ptr_null(batv_option_find(span("")));
	ck_assert_ptr_null(batv_option_find(span("domain")));
	ck_assert_ptr_null(batv_option_find(span("domainss")));
	ck_assert_ptr_null(batv_option_find(span("Domains")));
	ck_assert_ptr_null(batv_option_find((struct batv_span){NULL, 0}));
	ck_assert_ptr_null(batv_option_find(span("key_rotation")));
	ck_assert_ptr_null(batv_option_find_global(span("key_rotatio")));
	ck_assert_ptr_null(batv_option_find_global(span("domains")));
	for (size_t i = 0; i < batv_options_count; i++) /* wherever the search begins */
		for (size_t j = 0; j < batv_options_count; j++)
			ck_assert_ptr_eq(
				batv_option_find_next(span(batv_options[i].name), &batv_options[j]),
				&batv_options[i]);
}
END_TEST

START_TEST(a_state_has_only_what_is_published)
{
	struct batv_global g = {0};

	batv_policy_complete_global(&g, true, 0);
	ck_assert_ptr_null(g.directory);
	ck_assert_ptr_null(g.exim);
	ck_assert_ptr_null(g.legacy_keys);
	ck_assert_str_eq(g.fleet, "");
	ck_assert_ptr_null(g.fleet_servers);
	ck_assert_uint_eq(g.memory_capacity, 0);
	ck_assert_int_eq(g.memory_retention, 15 * BATV_DAY);
	ck_assert_uint_eq(g.evidence_bytes, 131072);
	ck_assert_str_eq(batv_option_text(&g, batv_option_find_global(span("exim"))), "");
	ck_assert_ptr_null(batv_option_text(&g, batv_option_find_global(span("key_rotation"))));
}
END_TEST

/* value NULL: refused. */
static const struct {
	const char *name, *text, *value;
} globals[] = {
	{"directory", "/a/b c", "/a/b c"},
	{"directory", "/", "/"},
	{"directory", "", NULL},
	{"directory", "a", NULL},
	{"directory", "/a\n", NULL},
	{"exim", "", ""},
	{"exim", "/usr/sbin/exim4 -C /x", "/usr/sbin/exim4 -C /x"},
	{"exim", "exim4", NULL},
	{"exim", "none", "none"},
	{"exim", "x", NULL},
	{"directory", "none", NULL},
	{"directory", "\001/a", NULL},
	{"memory_capacity", "1k", "1000"},
	{"memory_capacity", "", NULL},
	{"memory_capacity", "1000", "1000"},
	{"memory_capacity", "999", NULL},
	{"memory_capacity", "100M", "100000000"},
	{"memory_capacity", "100000k", "100000000"},
	{"memory_capacity", "100000001", NULL},
	{"memory_capacity", "18446744073709551617k", NULL},
	{"memory_capacity", "4294967296M", NULL},
	{"memory_capacity", "k", NULL},
	{"memory_capacity", "2G", NULL},
	{"memory_capacity", "-1k", NULL},
	{"memory_retention", "1d", "1d"},
	{"memory_retention", "23h59m59s", NULL},
	{"memory_retention", "62d", "62d"},
	{"memory_retention", "62d1s", NULL},
	{"evidence_bytes", "4K", "4096"},
	{"evidence_bytes", "4k", "4096"},
	{"evidence_bytes", "4095", NULL},
	{"evidence_bytes", "16M", "16777216"},
	{"evidence_bytes", "16777217", NULL},
	{"key_rotation", "366d", "366d"},
	{"key_rotation", "366d1s", NULL},
	{"key_retention", "86399s", NULL},
	{"automatic_senders", "^(a|b)$", "^(a|b)$"},
	{"automatic_senders", "a\x7f", NULL},
	{"notify", "", ""},
	{"notify", "post-master+x=y_z@mx1.example.com", "post-master+x=y_z@mx1.example.com"},
	{"notify", "root", NULL},
	{"notify", "@example.com", NULL},
	{"notify", "root@", NULL},
	{"notify", "a@b@c", NULL},
	{"notify", "-oMr@example.com", NULL},
	{"notify", "a@b, c@d", NULL},
	{"notify", "|id@example.com", NULL},
	{"notify", "${run{id}}@example.com", NULL},
	{"fleet", "", ""},
	{"fleet", "mail-1.example_X", "mail-1.example_X"},
	{"fleet", "0123456789012345678901234567890123456789012345678901234567890123",
	 "0123456789012345678901234567890123456789012345678901234567890123"},
	{"fleet", "01234567890123456789012345678901234567890123456789012345678901234", NULL},
	{"fleet", ".mail", NULL},
	{"fleet", "-mail", NULL},
	{"fleet", "a/b", NULL},
	{"fleet", "a b", NULL},
	{"fleet", "a{b}", NULL},
	{"fleet", "b\xc3\xbc", NULL},
	{"fleet_user", "batv", "batv"},
	{"fleet_user", "batv on", NULL},
	{"fleet_host", "relay1.example", "relay1.example"},
	{"fleet_host", "relay1\n", NULL},
	{"fleet_servers", "", ""},
	{"fleet_servers", "redis1.example:6379, unix:/run/redis.sock",
	 "redis1.example:6379, unix:/run/redis.sock"},
	{"fleet_servers", "redis1.example:0", NULL},
	{"fleet_password_file", "", ""},
	{"fleet_password_file", "password", NULL},
	{"fleet_directory", "/srv/fleet", "/srv/fleet"},
	{"fleet_directory", "", NULL},
	{"fleet_patience", "1m", "1m"},
	{"fleet_patience", "59s", NULL},
	{"fleet_patience", "7d", "7d"},
	{"fleet_patience", "7d1s", NULL},
};

START_TEST(global_values_are_taken_or_refused)
{
	const struct batv_option *opt = batv_option_find_global(span(globals[_i].name));
	struct batv_global g, before;
	const char *why = NULL;
	char text[512];
	enum batv_err err;

	batv_policy_init_global(&g);
	before = g;
	err = batv_option_set(&g, opt, globals[_i].text, &why);
	if (globals[_i].value) {
		ck_assert_msg(err == BATV_OK, "%s = %s", globals[_i].name, globals[_i].text);
		ck_assert_int_eq(batv_option_get(&g, opt, text, sizeof text), BATV_OK);
		ck_assert_str_eq(text, globals[_i].value);
		return;
	}
	ck_assert_msg(err == BATV_E_SYNTAX, "%s = %s", globals[_i].name, globals[_i].text);
	ck_assert_mem_eq(&g, &before, sizeof g);
	ck_assert(why && strncmp(why, "expected ", 9) == 0);
}
END_TEST

START_TEST(an_address_has_a_maximum)
{
	const struct batv_option *opt = batv_option_find_global(span("notify"));
	char text[256];
	struct batv_global g;

	memset(text, 'x', sizeof text);
	text[1] = '@';
	text[255] = '\0';
	ck_assert_int_eq(batv_option_set(&g, opt, text, NULL), BATV_E_SYNTAX);
	text[254] = '\0';
	ck_assert_int_eq(batv_option_set(&g, opt, text, NULL), BATV_OK);
}
END_TEST

START_TEST(a_path_has_a_maximum)
{
	const struct batv_option *opt = batv_option_find_global(span("directory"));
	char path[BATV_OPTION_PATH_SIZE + 1];
	struct batv_global g;

	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[BATV_OPTION_PATH_SIZE] = '\0';
	ck_assert_int_eq(batv_option_set(&g, opt, path, NULL), BATV_E_SYNTAX);
	path[BATV_OPTION_PATH_SIZE - 1] = '\0';
	ck_assert_int_eq(batv_option_set(&g, opt, path, NULL), BATV_OK);
	ck_assert_ptr_eq(g.directory, path); /* borrowed */
}
END_TEST

/* value NULL: refused.  Otherwise what batv_option_get gives back. */
static const struct {
	const char *name, *text, *value;
} values[] = {
	{"signing", "on", "on"},
	{"signing", "off", "off"},
	{"signing", "Yes", "on"},
	{"signing", "no", "off"},
	{"signing", "TRUE", "on"},
	{"signing", "false", "off"},
	{"signing", "", NULL},
	{"signing", "1", NULL},
	{"signing", "onn", NULL},
	{"signing", "o", NULL},
	{"signing", " on", NULL},
	{"enforcement", "observe", "observe"},
	{"enforcement", "Reject", "reject"},
	{"enforcement", "auto", "auto"},
	{"enforcement", "", NULL},
	{"enforcement", "rejec", NULL},
	{"enforcement", "on", NULL},
	{"tag_style", "subaddress", "subaddress"},
	{"tag_style", "btv1", NULL},
	{"unproven_dsn", "accept", "accept"},
	{"unproven_dsn", "mark", "mark"},
	{"unproven_dsn", "remove", NULL},
	{"unproven_dsn", "", NULL},
	{"unproven_other", "reject", "reject"},
	{"grace", "0s", "0s"},
	{"grace", "2w", "14d"},
	{"grace", "36h", "1d12h"},
	{"grace", "366d", "366d"},
	{"grace", "366d1s", NULL},
	{"grace", "7", NULL},
	{"grace", "-1d", NULL},
	{"grace", "", NULL},
	{"grace", "7 d", NULL},
	{"domains", "", ""},
	{"domains", "a.example : *.b.example", "a.example : *.b.example"},
	{"domains", "cdb;/etc/domains.cdb", "cdb;/etc/domains.cdb"},
	{"domains",
	 "b\xc3\xbc"
	 "cher.example",
	 "b\xc3\xbc"
	 "cher.example"},
	{"domains", "${run{id}}", NULL},
	{"domains", "sqlite;/f ATTACH DATABASE x", NULL},
	{"domains", "a : lsearch;/etc/../x", NULL},
	{"exempt_hosts", "<; ::1 ; /etc/hosts", NULL},
	{"exempt_hosts", "net-cdb;/etc/hosts.cdb", "net-cdb;/etc/hosts.cdb"},
	{"unsigned_senders", "net-cdb;/etc/hosts.cdb", NULL},
	{"unsigned_senders", "*@/etc/domains", NULL},
	{"domains", "a : $b", NULL},
	{"domains", "$", NULL},
	{"domains", "a\n: b", NULL},
	{"domains", "a\t: b", NULL},
	{"domains", "a\x7f", NULL},
	{"domains", "a\x01", NULL},
	{"unsigned_senders", "^list-\\N.*\\N@example.com", "^list-\\N.*\\N@example.com"},
	{"exempt_hosts", "10.0.0.0/8", "10.0.0.0/8"},
	{"exempt_hosts", "$h", NULL},
	{"flood_base", "1", "1"},
	{"flood_base", "2k", "2000"},
	{"flood_base", "100M", "100000000"},
	{"flood_base", "0", NULL},
	{"flood_base", "100000001", NULL},
	{"flood_base", "101M", NULL},
	{"flood_base", "10%", NULL},
	{"flood_share", "0", "0%"},
	{"flood_share", "0%", "0%"},
	{"flood_share", "100%", "100%"},
	{"flood_share", "1", "100%"},
	{"flood_share", "0.1", "10%"},
	{"flood_share", "2.5", "250%"},
	{"flood_share", "0.125", "12.5%"},
	{"flood_share", "12.5%", "12.5%"},
	{"flood_share", "0.1%", "0.1%"},
	{"flood_share", "10000%", "10000%"},
	{"flood_share", "100", "10000%"},
	{"flood_share", "10000.1%", NULL},
	{"flood_share", "101", NULL},
	{"flood_share", "0.0001", NULL},
	{"flood_share", "0.01%", NULL},
	{"flood_share", "4294967296%", NULL},
	{"flood_share", "18446744073709551617%", NULL},
	{"flood_share", "", NULL},
	{"flood_share", "%", NULL},
	{"flood_share", ".5", NULL},
	{"flood_share", "5.", NULL},
	{"flood_share", "5.%", NULL},
	{"flood_share", "0.1.1", NULL},
	{"flood_share", "-1%", NULL},
	{"flood_share", "10 %", NULL},
	{"flood_share", "10%%", NULL},
	{"flood_share", "1k", NULL},
	{"refusal_text", "no", "no"},
	{"refusal_text", "", NULL},
	{"refusal_text", "gr\xc3\xbc\xc3\x9f", NULL},
	{"refusal_text", "a\rb", NULL},
	{"refusal_text", "costs $5", NULL},
	{"refusal_text", "$", NULL},
	{"refusal_text", "a~", "a~"},
	{"refusal_text", "\xff no", NULL},
	{"refusal_text", "\001no", NULL},
};

START_TEST(values_are_taken_or_refused)
{
	const struct batv_option *opt = option(values[_i].name);
	struct batv_policy p, before;
	enum batv_list_kind kind;
	const char *why = NULL;
	char text[512];
	enum batv_err err;

	memset(&p, 0, sizeof p); /* padding too: compared below */
	batv_policy_init(&p, "x");
	memcpy(&before, &p, sizeof p);
	err = batv_option_set(&p, opt, values[_i].text, &why);
	if (values[_i].value) {
		ck_assert_msg(err == BATV_OK, "%s = %s", values[_i].name, values[_i].text);
		ck_assert_int_eq(batv_option_get(&p, opt, text, sizeof text), BATV_OK);
		ck_assert_str_eq(text, values[_i].value);
		return;
	}
	ck_assert_msg(err == BATV_E_SYNTAX, "%s = %s", values[_i].name, values[_i].text);
	ck_assert_mem_eq(&p, &before, sizeof p);
	/* of a list the reason may speak of one item */
	ck_assert_msg(why && (strncmp(why, "expected ", 9) == 0 || batv_option_is_list(opt, &kind)),
		      "%s", values[_i].name);
	ck_assert_int_eq(batv_option_set(&p, opt, values[_i].text, NULL), BATV_E_SYNTAX);
}
END_TEST

START_TEST(a_reply_line_has_a_maximum)
{
	struct batv_policy p;
	char text[402];
	char out[401];

	batv_policy_init(&p, "x");
	memset(text, 'x', sizeof text);
	text[401] = '\0';
	ck_assert_int_eq(batv_option_set(&p, option("refusal_text"), text, NULL), BATV_E_SYNTAX);
	text[400] = '\0';
	ck_assert_int_eq(batv_option_set(&p, option("refusal_text"), text, NULL), BATV_OK);
	ck_assert_ptr_eq(p.refusal_text, text); /* borrowed */
	ck_assert_int_eq(batv_option_get(&p, option("refusal_text"), out, 400), BATV_E_TOO_LONG);
	ck_assert_int_eq(batv_option_get(&p, option("refusal_text"), out, 401), BATV_OK);
}
END_TEST

START_TEST(odd_policies_are_no_trap)
{
	struct batv_policy p;
	char text[16];

	batv_policy_init(&p, "x");
	p.enforcement = 77;
	p.domains = NULL;
	ck_assert_int_eq(batv_option_get(&p, option("enforcement"), text, sizeof text), BATV_OK);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(batv_option_get(&p, option("domains"), text, sizeof text),
			 BATV_E_TOO_LONG);
	ck_assert_int_eq(batv_option_get(&p, option("signing"), text, 0), BATV_E_TOO_LONG);
}
END_TEST

static const struct {
	const char *text;
	int64_t seconds;
} durations[] = {
	{"0s", 0},
	{"1s", 1},
	{"90s", 90},
	{"15m", 900},
	{"12h", 43200},
	{"7d", 604800},
	{"2w", 1209600},
	{"1d12h", 129600},
	{"1w1d1h1m1s", 694861},
	{"007d", 604800},
	{"0d", 0},
	{"9223372036854775807s", INT64_MAX},
	{"9223372036854775808s", -1},
	{"15250284452472w", -1},
	{"15250284452471w", 9223372036854460800},
	{"106751991167300d15h30m7s", INT64_MAX},
	{"106751991167300d15h30m8s", -1},
	{"", -1},
	{"d", -1},
	{"7", -1},
	{"7x", -1},
	{"7D", -1},
	{"7d ", -1},
	{" 7d", -1},
	{"-7d", -1},
	{"+7d", -1},
	{"7.5d", -1},
	{"12h1d", -1},
	{"1d1d", -1},
	{"1d12", -1},
	{"1dh", -1},
};

START_TEST(durations_are_exact)
{
	int64_t got = 12345;
	bool good = batv_duration_parse(span(durations[_i].text), &got);

	if (durations[_i].seconds < 0) {
		ck_assert_msg(!good && got == 12345, "%s", durations[_i].text);
		return;
	}
	ck_assert_msg(good && got == durations[_i].seconds, "%s", durations[_i].text);
}
END_TEST

START_TEST(durations_read_back)
{
	static const int64_t some[] = {
		0, 1, 59, 60, 61, 3599, 3600, 86399, 86400, 604800, INT64_MAX - 1, INT64_MAX};
	char text[48];
	int64_t got;

	srand(7);
	for (size_t i = 0; i < 5000; i++) {
		int64_t want = i < COUNT(some) ? some[i] : (int64_t)rand() * (rand() % 4096);

		batv_duration_format(want, text, sizeof text);
		ck_assert_msg(batv_duration_parse(span(text), &got) && got == want, "%s", text);
	}
	batv_duration_format(604800, text, sizeof text);
	ck_assert_str_eq(text, "7d");
	batv_duration_format(129600, text, sizeof text);
	ck_assert_str_eq(text, "1d12h");
	batv_duration_format(-90, text, sizeof text);
	ck_assert_str_eq(text, "-1m30s");
	batv_duration_format(INT64_MIN, text, sizeof text);
	ck_assert_str_eq(text, "-106751991167300d15h30m8s");
	batv_duration_format(129600, text, 3);
	ck_assert_str_eq(text, "1d");
	batv_duration_format(129600, text, 1);
	ck_assert_str_eq(text, "");
	batv_duration_format(129600, text, 0);
	batv_duration_format(-1, text, sizeof text);
	ck_assert_str_eq(text, "-1s");
	ck_assert(!batv_duration_parse((struct batv_span){"75d", 1}, &got)); /* of "7" alone */
}
END_TEST

START_TEST(names_of_policies)
{
	const char *longest = "abcdefghijklmnopqrstuvwxyz-_019";

	ck_assert_uint_eq(strlen(longest), BATV_POLICY_NAME_MAX);
	ck_assert(batv_policy_name_valid(span(longest)));
	ck_assert(batv_policy_name_valid(span("A")));
	ck_assert(!batv_policy_name_valid(span("abcdefghijklmnopqrstuvwxyz-_0123")));
	ck_assert(!batv_policy_name_valid(span("")));
	ck_assert(!batv_policy_name_valid(span("a b")));
	ck_assert(!batv_policy_name_valid(span("*")));
	ck_assert(!batv_policy_name_valid(span("b\xc3\xbc")));
}
END_TEST

START_TEST(names_of_classes_and_actions)
{
	ck_assert_str_eq(batv_class_name(BATV_CLASS_DSN), "dsn");
	ck_assert_str_eq(batv_class_name(BATV_CLASS_MDN), "mdn");
	ck_assert_str_eq(batv_class_name(BATV_CLASS_AUTOREPLY), "autoreply");
	ck_assert_str_eq(batv_class_name(BATV_CLASS_CALENDAR), "calendar");
	ck_assert_str_eq(batv_class_name(BATV_CLASS_REPORT), "report");
	ck_assert_str_eq(batv_class_name(BATV_CLASS_OTHER), "other");
	ck_assert_str_eq(batv_class_name(BATV_CLASS_COUNT), "unknown");
	ck_assert_str_eq(batv_action_name(BATV_ACTION_ACCEPT), "accept");
	ck_assert_str_eq(batv_action_name(BATV_ACTION_MARK), "mark");
	ck_assert_str_eq(batv_action_name(BATV_ACTION_REMOVE), "remove");
	ck_assert_str_eq(batv_action_name(BATV_ACTION_REJECT), "reject");
	ck_assert_str_eq(batv_action_name(BATV_ACTION_COUNT), "unknown");
	for (int c = 0; c < BATV_CLASS_COUNT; c++) { /* each class has its option */
		char name[64];

		snprintf(name, sizeof name, "unproven_%s", batv_class_name((enum batv_class)c));
		ck_assert_uint_eq(option(name)->offset,
				  offsetof(struct batv_policy, unproven) + (size_t)c * sizeof(int));
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("policy");
	TCase *tc = tcase_create("policy");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, defaults_are_as_documented);
	tcase_add_test(tc, the_tables_are_sound);
	tcase_add_test(tc, a_state_has_only_what_is_published);
	tcase_add_loop_test(tc, global_values_are_taken_or_refused, 0, (int)COUNT(globals));
	tcase_add_test(tc, an_address_has_a_maximum);
	tcase_add_test(tc, a_path_has_a_maximum);
	tcase_add_loop_test(tc, values_are_taken_or_refused, 0, (int)COUNT(values));
	tcase_add_test(tc, a_reply_line_has_a_maximum);
	tcase_add_test(tc, odd_policies_are_no_trap);
	tcase_add_loop_test(tc, durations_are_exact, 0, (int)COUNT(durations));
	tcase_add_test(tc, durations_read_back);
	tcase_add_test(tc, names_of_policies);
	tcase_add_test(tc, names_of_classes_and_actions);
	return s;
}
