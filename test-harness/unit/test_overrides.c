/* links: admin/overrides admin/replace admin/secret core/base/fault core/decide/state core/decide/policy core/decide/servers core/decide/exim_list */
/* links: core/base/safefile core/base/err core/base/span core/base/hmac */
/*
 * test_overrides.c - the file `overrides`: what is good, what each fault is called, and what is
 * written.
 */
#include <errno.h>
#include <inttypes.h>

#include "overrides.h"
#include "sandbox.h"
#include "unit.h"

static struct batv_overrides set, back;
static struct batv_store store;
static char message[BATV_MESSAGE_SIZE];

static void setup(void)
{
	sandbox_make();
	memset(&set, 0, sizeof set);
	store.dirfd = dir;
	(void)snprintf(store.path, sizeof store.path, "%s", sandbox);
}

static void teardown(void)
{
	sandbox_remove();
}

static const struct {
	const char *text;
	unsigned line; /* 0: it is good */
	const char *why;
} texts[] = {
	{"", 0, NULL},
	{"# a remark\n\n", 0, NULL},
	{"enforcement example.org observe 1796860800 root\nenforcement * reject - root\n"
	 "anyway example.org - - j.doe\nsigning * off - root\n",
	 0, NULL},
	{"enforcement a.test observe - root", 1, "expected a newline at the end"},
	{"#\nenforcement a.test observe - root \n", 2, "expected KEY DOMAIN VALUE UNTIL WHO"},
	{"enforcement a.test observe -\n", 1, "expected KEY DOMAIN VALUE UNTIL WHO"},
	{"enforcement a.test observe  root\n", 1,
	 "expected the seconds since 1970 at which it ends, or -"},
	{"enforcement a.test observe 0 root\n", 1,
	 "expected the seconds since 1970 at which it ends, or -"},
	{"enforcement a.test observe 253402300800 root\n", 1,
	 "expected the seconds since 1970 at which it ends, or -"},
	{"enforcement a.test on - root\n", 1, "expected auto, observe or reject"},
	{"enforcement A.test auto - root\n", 1, "expected a domain in lower case, or *"},
	{"enforcement *.test auto - root\n", 1, "expected a domain in lower case, or *"},
	{"enforce a.test auto - root\n", 1,
	 "expected enforcement, anyway, signing or the name of a list"},
	{" enforcement a.test auto - root\n", 1,
	 "expected enforcement, anyway, signing or the name of a list"},
	{"anyway a.test x - root\n", 1, "expected -"},
	{"anyway * - - root\n", 1, "expected a domain, not *"},
	{"signing * on - root\n", 1, "expected off"},
	{"signing a.test off - root\n", 1,
	 "expected * as the domain, because signing is switched off for all"},
	{"enforcement a.test auto - root\nenforcement a.test auto - root\n", 2,
	 "expected each key and domain only once"},
	{"unsigned-host 192.0.2.1 - - root a note, of words\n", 0, NULL},
	{"unsigned-host <;2001:db8::/32 - 9 root\nexempt-host 2001:db8::1 - - x\n", 2,
	 "expected one plain item of an Exim list"},
	{"unsigned-sender a@b.test - - x\nunsigned-destination a@b.test - - x\n", 0, NULL},
	{"exempt-recipient *@b.test - - x\nexempt-host *.b.test - - x\n", 0, NULL},
	{"exempt-host +named - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-host !192.0.2.1 - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-host * - - x\n", 0, NULL},
	{"exempt-host lsearch;/etc/hosts - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-host a:b - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-recipient ^a - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-recipient a$b@c.test - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-host  - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-host <; - - x\n", 1, "expected one plain item of an Exim list"},
	{"exempt-host 192.0.2.1 off - x\n", 1, "expected -"},
	{"exempt-host 192.0.2.1 - - x  two\n", 1,
	 "expected a note of at most 100 bytes, without control characters"},
	{"exempt-host 192.0.2.1 - - x \001\n", 1,
	 "expected a note of at most 100 bytes, without control characters"},
	{"enforcement a.test auto - root note\n", 1, "expected KEY DOMAIN VALUE UNTIL WHO"},
	{"enforcement a.test auto - $(id)\n", 1, "expected KEY DOMAIN VALUE UNTIL WHO"},
	{"enforcement a.test auto - !root\n", 1, "expected KEY DOMAIN VALUE UNTIL WHO"},
	{"exempt-host 192.0.2.1 - - x  \n", 1,
	 "expected a note of at most 100 bytes, without control characters"},
};

START_TEST(each_fault_has_its_line)
{
	char want[400];
	enum batv_err err;

	sandbox_file(BATV_OVERRIDES_NAME, 0640, texts[_i].text, strlen(texts[_i].text));
	set.n = 7;
	err = batv_overrides_read(&store, &set, message, sizeof message);
	if (texts[_i].line == 0) {
		ck_assert_int_eq(err, BATV_OK);
		ck_assert_uint_ne(set.n, 7);
		return;
	}
	ck_assert_int_eq(err, BATV_E_SYNTAX);
	ck_assert_uint_eq(set.n, 7);
	(void)snprintf(want, sizeof want, "%s/overrides:%u: %s", sandbox, texts[_i].line,
		       texts[_i].why);
	ck_assert_str_eq(message, want);
}
END_TEST

START_TEST(files_that_are_not_used)
{
	static char large[70000];

	ck_assert_int_eq(batv_overrides_read(&store, &set, message, sizeof message), BATV_OK);
	ck_assert_uint_eq(set.n, 0);
	memset(large, '#', sizeof large);
	sandbox_file(BATV_OVERRIDES_NAME, 0640, large, sizeof large);
	ck_assert_int_eq(batv_overrides_read(&store, &set, message, sizeof message),
			 BATV_E_TOO_LONG);
	sandbox_file(BATV_OVERRIDES_NAME, 0666, "", 0);
	ck_assert_int_eq(batv_overrides_read(&store, &set, message, sizeof message),
			 BATV_E_UNSAFE_FILE);
	ck_assert_msg(strstr(message, "overrides") != NULL, "%s", message);
	sandbox_file(BATV_OVERRIDES_NAME, 0660, "", 0);
	ck_assert_int_eq(batv_overrides_read(&store, &set, message, sizeof message),
			 BATV_E_UNSAFE_FILE);
	ck_assert_msg(strstr(message, "0660") != NULL, "%s", message);
}
END_TEST

static void put(const char *domain, int64_t until, uint8_t mode)
{
	const struct batv_override o = {domain, until, BATV_OVERRIDE_ENFORCEMENT, mode};

	ck_assert_int_eq(batv_overrides_set(&set, &o, "root", ""), BATV_OK);
}

START_TEST(what_is_written_is_read_back)
{
	static const char want[] = "# Written by batvctl; change it with batvctl enforce, enable, "
				   "disable, unsigned or exempt.\n"
				   "enforcement a.test reject - root\n"
				   "signing * off - -\n"
				   "anyway a.test - 5 root\n";
	const struct batv_override off = {"*", 0, BATV_OVERRIDE_SIGNING, 0};
	const struct batv_override word = {"a.test", 5, BATV_OVERRIDE_ANYWAY, 0};
	char *text;
	size_t len;

	put("b.test", 9, BATV_ENFORCE_OBSERVE);
	put("a.test", 7, BATV_ENFORCE_OBSERVE);
	put("a.test", 0, BATV_ENFORCE_REJECT);
	ck_assert_int_eq(batv_overrides_set(&set, &off, "a b", ""), BATV_OK);
	ck_assert_int_eq(batv_overrides_set(&set, &word, "root", ""), BATV_OK);
	ck_assert(batv_overrides_remove(&set, BATV_OVERRIDE_ENFORCEMENT, "b.test"));
	ck_assert(!batv_overrides_remove(&set, BATV_OVERRIDE_ENFORCEMENT, "b.test"));
	ck_assert_int_eq(batv_overrides_write(&store, &set, message, sizeof message), BATV_OK);
	ck_assert_int_eq(batv_slurp(dir, BATV_OVERRIDES_NAME, 4096, &text, &len), BATV_OK);
	ck_assert_str_eq(text, want);
	free(text);
	ck_assert_int_eq(batv_overrides_read(&store, &back, message, sizeof message), BATV_OK);
	ck_assert_uint_eq(back.n, 3);
	ck_assert_str_eq(back.line[2].override.domain, "a.test");
	ck_assert_int_eq(batv_overrides_next(&back, 100), 5);
	batv_overrides_drop_ended(&back, 5);
	ck_assert_uint_eq(back.n, 2);
	back.n = 0;
	errno = 0;
	ck_assert_int_eq(batv_overrides_write(&store, &back, message, sizeof message), BATV_OK);
	ck_assert_uint_eq(sandbox_count(), 0);
}
END_TEST

START_TEST(bounds)
{
	char domain[300];
	struct batv_override o = {domain, 0, BATV_OVERRIDE_ENFORCEMENT, BATV_ENFORCE_AUTO};

	for (unsigned i = 0; i < BATV_OVERRIDES_MAX; i++) {
		(void)snprintf(domain, sizeof domain, "d%u.test", i);
		ck_assert_int_eq(batv_overrides_set(&set, &o, "x", ""), BATV_OK);
	}
	ck_assert_int_eq(batv_overrides_set(&set, &o, "x", ""), BATV_OK); /* it is there already */
	strcpy(domain, "one-more.test");
	ck_assert_int_eq(batv_overrides_set(&set, &o, "x", ""), BATV_E_FULL);
	memset(domain, 'a', 299);
	domain[299] = '\0';
	ck_assert_int_eq(batv_overrides_set(&set, &o, "x", ""), BATV_E_SYNTAX);
	strcpy(domain, "a b.test");
	ck_assert_int_eq(batv_overrides_set(&set, &o, "x", ""), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_overrides_write(&store, &set, message, sizeof message), BATV_OK);
	ck_assert_int_eq(batv_overrides_read(&store, &back, message, sizeof message), BATV_OK);
	ck_assert_uint_eq(back.n, BATV_OVERRIDES_MAX);
	ck_assert(batv_overrides_remove(&set, BATV_OVERRIDE_ENFORCEMENT, "d40.test"));
	ck_assert_uint_eq(set.n, BATV_OVERRIDES_MAX - 1);
	ck_assert_str_eq(set.line[40].domain, "d41.test");
	ck_assert_str_eq(set.line[62].domain, "d63.test");
}
END_TEST

/* Of each key and mode the word is read as it is written. */
START_TEST(words_of_values)
{
	for (uint8_t key = 0; key < BATV_OVERRIDE_KEYS; key++)
		for (uint8_t mode = 0; mode < (key == BATV_OVERRIDE_ENFORCEMENT ? 3 : 1); mode++) {
			const struct batv_override o = {"a.test", 0, key, mode};
			struct batv_override read = {NULL, 7, 99, 99};
			char value[BATV_STATE_OVERRIDE_VALUE_SIZE];
			const char *domain = key == BATV_OVERRIDE_SIGNING ? "*" : "a.test";

			batv_state_override_value(&o, value);
			ck_assert_ptr_null(batv_state_override(
				batv_span_of(batv_state_override_name(key)), batv_span_of(domain),
				batv_span_of(value), &read));
			ck_assert_uint_eq(read.key, key);
			ck_assert_uint_eq(read.mode, mode);
		}
}
END_TEST

static enum batv_err parsed(const char *text, size_t len)
{
	char *exact = malloc(len + !len); /* the sanitizer sees what lies outside */
	enum batv_err err;

	memcpy(exact, text, len);
	err = batv_overrides_parse(exact, len, &back, NULL, NULL);
	free(exact);
	return err;
}

static enum batv_err parsed_line(int who, int note, const char *until)
{
	char line[600];

	(void)snprintf(line, sizeof line, "exempt-host 192.0.2.1 - %s %.*s%s%.*s\n", until, who,
		       "a-very.long_name-of-32-characters", note ? " " : "", note,
		       "n0123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
		       "123456789 123456789 1234567890123");
	return parsed(line, strlen(line));
}

START_TEST(the_longest_fields)
{
	char domain[260], who[34], note[102];
	const struct batv_override o = {domain, 253402300799, BATV_OVERRIDE_ENFORCEMENT, 1};
	const struct batv_override item = {"192.0.2.1", 1, BATV_OVERRIDE_EXEMPT_HOST, 0};
	static char large[65538];

	ck_assert_int_eq(parsed_line(1, 1, "1"), BATV_OK);
	ck_assert_int_eq(back.line[0].override.until, 1);
	ck_assert_int_eq(parsed_line(32, 100, "253402300799"), BATV_OK);
	ck_assert_uint_eq(strlen(back.line[0].who), 32);
	ck_assert_uint_eq(strlen(back.line[0].note), 100);
	ck_assert_ptr_eq(back.line[0].override.domain, back.line[0].domain);
	ck_assert_int_eq(parsed_line(33, 0, "-"), BATV_E_SYNTAX);
	ck_assert_int_eq(parsed_line(32, 101, "-"), BATV_E_SYNTAX);
	ck_assert_int_eq(parsed_line(32, 12, "-"), BATV_E_SYNTAX); /* it ends with a blank */
	ck_assert_int_eq(parsed_line(32, 11, "-"), BATV_OK);

	memset(domain, 'a', sizeof domain);
	memset(who, 'w', sizeof who);
	memset(note, 'n', sizeof note);
	who[32] = note[100] = domain[253] = '\0';
	ck_assert_int_eq(batv_overrides_set(&set, &o, who, ""), BATV_OK);
	ck_assert_int_eq(batv_overrides_set(&set, &item, who, note), BATV_OK);
	ck_assert_str_eq(set.line[0].domain, domain);
	ck_assert_str_eq(set.line[0].who, who);
	ck_assert_str_eq(set.line[1].note, note);
	domain[253] = 'a', domain[254] = '\0';
	ck_assert_int_eq(batv_overrides_set(&set, &o, who, ""), BATV_E_SYNTAX);
	note[100] = 'n', note[101] = '\0';
	ck_assert_int_eq(batv_overrides_set(&set, &item, who, note), BATV_E_SYNTAX);
	ck_assert_int_eq(batv_overrides_set(&set, &item, who, "x "), BATV_E_SYNTAX);
	who[32] = 'w', who[33] = '\0';
	ck_assert_int_eq(batv_overrides_set(&set, &item, who, ""), BATV_OK);
	ck_assert_str_eq(set.line[1].who, "-");
	ck_assert_str_eq(set.line[1].note, "");
	ck_assert_uint_eq(set.n, 2);
	ck_assert(!batv_overrides_note_fits("") && batv_overrides_note_fits("x"));

	memset(large, '#', sizeof large);
	large[65535] = '\n';
	ck_assert_int_eq(parsed(large, 65536), BATV_OK);
	ck_assert_int_eq(parsed(large, 65537), BATV_E_TOO_LONG);
	ck_assert_int_eq(parsed("", 0), BATV_OK);
}
END_TEST

/* 64 lines fit into the file; and of a set that is not good nothing is taken. */
START_TEST(the_last_line_that_fits)
{
	char text[65 * 40] = "";
	const char *why = "as before";
	unsigned line = 7;

	for (unsigned i = 0; i < BATV_OVERRIDES_MAX; i++)
		(void)sprintf(text + strlen(text), "enforcement d%u.test auto - x\n", i);
	ck_assert_int_eq(batv_overrides_parse(text, strlen(text), &back, &line, &why), BATV_OK);
	ck_assert_uint_eq(line, 7);
	ck_assert_str_eq(why, "as before");
	for (unsigned i = 0; i < BATV_OVERRIDES_MAX; i++)
		ck_assert_ptr_eq(back.line[i].override.domain, back.line[i].domain);
	strcat(text, "enforcement one-more.test auto - x\n");
	ck_assert_int_eq(batv_overrides_parse(text, strlen(text), &back, &line, &why), BATV_E_FULL);
	ck_assert_uint_eq(line, 65);
	ck_assert_str_eq(why, "expected at most 64 lines; a policy can cover many domains");
	ck_assert_uint_eq(back.n, BATV_OVERRIDES_MAX);
	ck_assert_int_eq(parsed(text, strlen(text)), BATV_E_FULL);
}
END_TEST

START_TEST(lines_that_go)
{
	put("a.test", 0, BATV_ENFORCE_REJECT);
	put("b.test", 5, BATV_ENFORCE_AUTO);
	put("c.test", 9, BATV_ENFORCE_OBSERVE);
	put("d.test", 6, BATV_ENFORCE_REJECT);
	ck_assert_int_eq(batv_overrides_next(&set, 100), 5);
	ck_assert_int_eq(batv_overrides_next(&set, 5), 5);
	ck_assert_int_eq(batv_overrides_next(&set, 2), 2);
	batv_overrides_drop_ended(&set, 4);
	ck_assert_uint_eq(set.n, 4);
	ck_assert(batv_overrides_remove(&set, BATV_OVERRIDE_ENFORCEMENT, "a.test"));
	ck_assert_uint_eq(set.n, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_ptr_eq(set.line[i].override.domain, set.line[i].domain);
		ck_assert_int_eq(set.line[i].domain[0], "bcd"[i]);
	}
	ck_assert_int_eq(batv_overrides_next(&set, 100), 5);
	put("x.test", 1, BATV_ENFORCE_AUTO);
	ck_assert(batv_overrides_remove(&set, BATV_OVERRIDE_ENFORCEMENT, "x.test"));
	ck_assert_int_eq(batv_overrides_next(&set, 100), 5); /* what has gone counts no more */
	batv_overrides_drop_ended(&set, 6);
	ck_assert_uint_eq(set.n, 1);
	ck_assert_ptr_eq(batv_overrides_find(&set, BATV_OVERRIDE_ENFORCEMENT, "c.test"),
			 &set.line[0]);
	ck_assert_ptr_eq(set.line[0].override.domain, set.line[0].domain);
	ck_assert_ptr_null(batv_overrides_find(&set, BATV_OVERRIDE_ENFORCEMENT, "b.test"));
	ck_assert_ptr_null(batv_overrides_find(&set, BATV_OVERRIDE_ANYWAY, "c.test"));
	ck_assert(!batv_overrides_remove(&set, BATV_OVERRIDE_ANYWAY, "c.test"));
	put("e.test", 0, BATV_ENFORCE_AUTO);
	batv_overrides_drop_ended(&set, 100);
	ck_assert_uint_eq(set.n, 1);
	ck_assert_str_eq(set.line[0].domain, "e.test");
}
END_TEST

START_TEST(a_file_that_cannot_be_written)
{
	put("a.test", 0, BATV_ENFORCE_REJECT);
	ck_assert_int_eq(mkdirat(dir, ".overrides.new", 0700), 0);
	ck_assert_int_eq(batv_overrides_write(&store, &set, message, sizeof message), BATV_E_IO);
	ck_assert_ptr_nonnull(strstr(message, "/overrides: cannot write it: "));
	ck_assert_int_eq(unlinkat(dir, ".overrides.new", AT_REMOVEDIR), 0);
	ck_assert_int_eq(mkdirat(dir, "overrides", 0700), 0);
	set.n = 0;
	ck_assert_int_eq(batv_overrides_write(&store, &set, message, sizeof message), BATV_E_IO);
	ck_assert_ptr_nonnull(strstr(message, "/overrides: cannot write it: Is a directory"));
	ck_assert_int_eq(unlinkat(dir, "overrides", AT_REMOVEDIR), 0);
	strcpy(message, "untouched");
	ck_assert_int_eq(batv_overrides_write(&store, &set, message, sizeof message), BATV_OK);
	ck_assert_str_eq(message, "untouched");
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("overrides");
	TCase *tc = tcase_create("overrides");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, each_fault_has_its_line, 0, sizeof texts / sizeof texts[0]);
	tcase_add_test(tc, files_that_are_not_used);
	tcase_add_test(tc, what_is_written_is_read_back);
	tcase_add_test(tc, bounds);
	tcase_add_test(tc, words_of_values);
	tcase_add_test(tc, the_longest_fields);
	tcase_add_test(tc, the_last_line_that_fits);
	tcase_add_test(tc, lines_that_go);
	tcase_add_test(tc, a_file_that_cannot_be_written);
	return s;
}
