/* links: admin/config admin/nearest admin/conffile admin/legacy core/decide/automatic core/decide/policy core/decide/servers core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_config.c - every kind of wrong line, with the message that a person gets to read.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/days.h"
#include "base/safefile.h"
#include "conffile.h"
#include "config_lab.h"
#include "unit.h"

START_TEST(an_empty_file_is_all_defaults)
{
	struct batv_policy p;

	good("");
	ck_assert_str_eq(config.global.directory, BATV_DIR);
	ck_assert_str_eq(config.global.exim, "");
	ck_assert_str_eq(config.global.legacy_keys, "");
	ck_assert_str_eq(config.global.notify, "");
	ck_assert_uint_eq(config.global.memory_capacity, 100000);
	ck_assert_int_eq(config.global.memory_retention, 15 * BATV_DAY);
	ck_assert_uint_eq(config.global.evidence_bytes, 131072);
	ck_assert_int_eq(config.global.key_rotation, 7 * BATV_DAY);
	ck_assert_int_eq(config.global.key_retention, 7 * BATV_DAY);
	ck_assert_str_eq(config.global.automatic_senders, "");
	ck_assert_uint_eq(config.n_policies, 1);
	ck_assert_uint_eq(config.legacy.n_legacy, 0);
	ck_assert_uint_eq(strlen(config.sum), 16);
	batv_policy_init(&p, "default");
	ck_assert_str_eq(config.policies[0].name, "default");
	ck_assert_str_eq(config.policies[0].domains, p.domains);
	ck_assert_int_eq(config.policies[0].grace, 7 * BATV_DAY);
	batv_config_free(&config);
	ck_assert_ptr_null(config.store);
}
END_TEST

START_TEST(values_and_policies)
{
	good("directory = /srv/batv\n"
	     "exim=/usr/sbin/exim4 -C /etc/exim4/test.conf\r\n"
	     "legacy_keys = /nowhere/legacy\n"
	     "notify = postmaster@example.com\n"
	     "automatic_senders = ^(mailer-daemon|bounce)@.*$\n"
	     "fleet = mail.example\n"
	     "fleet_servers = redis1.example:6379,\n  redis2.example\n"
	     "key_rotation = 2d\n"
	     "\n"
	     "key_retention = 1w\n"
	     "domains = a.example :\n"
	     "\tb.example\t:\n"
	     "# not this one:\n"
	     "\n"
	     "  \n"
	     "    c.example # d\n"
	     "unsigned_senders =\n"
	     "   x@a.example\n"
	     "own_hosts = <; 10.0.0.1 ; ::1\n"
	     "exempt_hosts =   \n"
	     "[policy shop] \r\n"
	     "domains = cdb;/etc/shop.cdb\n"
	     "enforcement = Reject\n"
	     "[ policy\t quiet-1_X]\n"
	     "signing = no\n"
	     "grace = 1d12h\n"
	     "domains = quiet.example");
	ck_assert_str_eq(config.global.directory, "/srv/batv");
	ck_assert_str_eq(config.global.exim, "/usr/sbin/exim4 -C /etc/exim4/test.conf");
	ck_assert_str_eq(config.global.legacy_keys, "/nowhere/legacy");
	ck_assert_str_eq(config.global.notify, "postmaster@example.com");
	ck_assert_str_eq(config.global.automatic_senders, "^(mailer-daemon|bounce)@.*$");
	ck_assert_str_eq(config.global.fleet, "mail.example");
	ck_assert_str_eq(config.global.fleet_servers, "redis1.example:6379, redis2.example");
	ck_assert_int_eq(config.global.fleet_patience, 3600);
	ck_assert_int_eq(config.global.key_rotation, 2 * BATV_DAY);
	ck_assert_int_eq(config.global.key_retention, 7 * BATV_DAY);
	ck_assert_uint_eq(config.n_policies, 3);
	ck_assert_str_eq(config.policies[0].domains, "a.example : b.example : c.example # d");
	ck_assert_str_eq(config.policies[0].unsigned_senders, "x@a.example");
	ck_assert_str_eq(config.policies[0].own_hosts, "<; 10.0.0.1 ; ::1");
	ck_assert_str_eq(config.policies[0].exempt_hosts, "");
	ck_assert_str_eq(config.policies[1].name, "shop");
	ck_assert_str_eq(config.policies[1].domains, "cdb;/etc/shop.cdb");
	ck_assert_int_eq(config.policies[1].enforcement, BATV_ENFORCE_REJECT);
	ck_assert_str_eq(config.policies[1].unsigned_senders, "x@a.example"); /* of the default */
	ck_assert_str_eq(config.policies[2].name, "quiet-1_X");
	ck_assert_str_eq(config.policies[2].domains, "quiet.example");
	ck_assert(!config.policies[2].signing);
	ck_assert_int_eq(config.policies[2].enforcement, BATV_ENFORCE_AUTO);
	ck_assert_int_eq(config.policies[2].grace, 129600);
	batv_config_free(&config);
}
END_TEST

START_TEST(grace_is_the_retention_unless_it_is_set)
{
	good("key_retention = 3d\n[policy a]\ndomains = a\n[policy b]\ndomains = b\ngrace = 1d\n");
	ck_assert_int_eq(config.policies[0].grace, 3 * BATV_DAY);
	ck_assert_int_eq(config.policies[1].grace, 3 * BATV_DAY);
	ck_assert_int_eq(config.policies[2].grace, BATV_DAY);
	batv_config_free(&config);
	good("grace = 2d\nkey_retention = 3d\n[policy a]\ndomains = a\n");
	ck_assert_int_eq(config.policies[0].grace, 2 * BATV_DAY);
	ck_assert_int_eq(config.policies[1].grace, 2 * BATV_DAY);
	batv_config_free(&config);
}
END_TEST

#define TIME "expected a time such as 7d or 12h, from 1d to 366d, not "
#define OPTION "expected \"option = value\", not "
#define NAMED "expected [policy NAME] with a name of 1 to 31 letters, digits, \"-\" or \"_\", not "
#define DOLLAR "expected text without \"$\" (Exim would expand it, as root), not "
#define SET(name) name ": already set on line "
#define TOP ": must come before the first section, because it applies to all policies"
#define COUNT_ "expected a number such as 100k or 2M, from 1k to 100M, not "
#define BYTES "expected a size in bytes such as 128K or 1M, from 4K to 16M, not "
#define INDENT "expected an option that this indented line continues, not "
#define BACKSLASH                                                                                  \
 "expected no \"\\\" at the end of the line; a value continues on indented lines, not "
#define BRACKET "expected a \"]\" at the end of the line, not "
#define OWN "domains: missing in [policy a]; a named policy must set it"

static const struct {
	const char *text, *want;
} wrong[] = {
	/* the form of lines */
	{"junk\n", "t.conf:1: " OPTION "\"junk\""},
	{"\n# x\nsigning on\n", "t.conf:3: " OPTION "\"signing on\""},
	{"= on\n", "t.conf:1: " OPTION "\"= on\""},
	{"; comment\n", "t.conf:1: " OPTION "\"; comment\""},
	{"signing = on\n # x\n",
	 "t.conf:2: expected a comment to start at the beginning of its line, not \"# x\""},
	{"domains = a : \\\n  b\n", "t.conf:1: " BACKSLASH "\"a : \\\""},
	{"domains = a :\n  b : \\ \n", "t.conf:2: " BACKSLASH "\"b : \\\""},
	{"  signing = on\n", "t.conf:1: " INDENT "\"signing = on\""},
	{"[policy a]\n  domains = a\n", "t.conf:2: " INDENT "\"domains = a\""},
	{"\x01\xff = 1\n", "t.conf:1: unknown option \"\\x01\\xff\""},
	{"~\x1f\x7f = 1\n", "t.conf:1: unknown option \"~\\x1f\\x7f\""},
	{"x", "t.conf:1: " OPTION "\"x\""},
	{"\xef\xbb", "t.conf:1: " OPTION "\"\\xef\\xbb\""},
	{"signing = on\n\xef\xbb\xbf\n", "t.conf:2: " OPTION "\"\\xef\\xbb\\xbf\""},
	/* sections */
	{"[policy a\ndomains = a\n", "t.conf:1: " BRACKET "\"[policy a\""},
	{"[policy a] x\n", "t.conf:1: " BRACKET "\"[policy a] x\""},
	{"[\n", "t.conf:1: " BRACKET "\"[\""},
	{"[ policy x\ty ]\n", "t.conf:1: " NAMED "\"[policy x\\x09y]\""},
	{"[]\n", "t.conf:1: " NAMED "\"[]\""},
	{"[shop]\n", "t.conf:1: " NAMED "\"[shop]\""},
	{"[policy]\n", "t.conf:1: " NAMED "\"[policy]\""},
	{"[policyx]\n", "t.conf:1: " NAMED "\"[policyx]\""},
	{"[policy a b]\n", "t.conf:1: " NAMED "\"[policy a b]\""},
	{"[policy *]\n", "t.conf:1: " NAMED "\"[policy *]\""},
	{"[policy abcdefghijklmnopqrstuvwxyz123456]\n",
	 "t.conf:1: " NAMED "\"[policy abcdefghijklmnopqrstuvwxyz123456]\""},
	{"[policy default]\n", "t.conf:1: [policy default]: expected another name; the "
			       "options before the first section are the policy default"},
	{"[policy a]\ndomains=a\n[policy b]\ndomains=b\n[policy a]\n",
	 "t.conf:5: [policy a]: already defined on line 1"},
	{"[policy a]\nsigning = off\n", "t.conf:1: " OWN},
	{"\n[policy a]\n[policy b]\ndomains=b\n", "t.conf:2: " OWN},
	/* names of options */
	{"grase = 7d\n", "t.conf:1: unknown option \"grase\"; did you mean \"grace\"?"},
	{"Domains = a\n", "t.conf:1: unknown option \"Domains\"; did you mean \"domains\"?"},
	{"key_rotaton = 7d\n",
	 "t.conf:1: unknown option \"key_rotaton\"; did you mean \"key_rotation\"?"},
	{"unproven_md = mark\n",
	 "t.conf:1: unknown option \"unproven_md\"; did you mean \"unproven_mdn\"?"},
	{"exempt_host = mark\n",
	 "t.conf:1: unknown option \"exempt_host\"; did you mean \"exempt_hosts\"?"},
	{"directry = x\n", "t.conf:1: unknown option \"directry\"; did you mean \"directory\"?"},
	{"secret = s3cret\n", "t.conf:1: unknown option \"secret\""},
	{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz = 1\n",
	 "t.conf:1: unknown option \"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\""},
	{"signing = on\nsigning = on\n", "t.conf:2: " SET("signing") "1"},
	{"exim = /x\n\nexim = /x\n", "t.conf:3: " SET("exim") "1"},
	{"[policy a]\ndomains = a\ndomains = b\n", "t.conf:3: " SET("domains") "2"},
	{"[policy a]\ndomains = a\ndirectory = /x\n", "t.conf:3: directory" TOP},
	{"[policy a]\ndomains = a\nexim = /x\n", "t.conf:3: exim" TOP},
	{"[policy a]\ndomains = a\nlegacy_keys = /x\n", "t.conf:3: legacy_keys" TOP},
	{"[policy a]\ndomains = a\nautomatic_senders = x\n", "t.conf:3: automatic_senders" TOP},
	{"[policy a]\ndomains = a\nkey_rotation = 7d\n", "t.conf:3: key_rotation" TOP},
	{"[policy a]\ndomains = a\nkey_retention = 7d\n", "t.conf:3: key_retention" TOP},
	/* values of the global options */
	{"directory = srv\n",
	 "t.conf:1: directory: expected an absolute path of less than 4096 bytes, not \"srv\""},
	{"directory =\n",
	 "t.conf:1: directory: expected an absolute path of less than 4096 bytes, not \"\""},
	{"directory = /a\x01\n",
	 "t.conf:1: directory: expected an absolute path of less than 4096 bytes, not \"/a\\x01\""},
	{"exim = exim4\n",
	 "t.conf:1: exim: expected an absolute path of less than 4096 bytes, or none, not "
	 "\"exim4\""},
	{"exim = None\n",
	 "t.conf:1: exim: expected an absolute path of less than 4096 bytes, or none, not "
	 "\"None\""},
	{"legacy_keys = none\n",
	 "t.conf:1: legacy_keys: expected an absolute path of less than 4096 bytes, not \"none\""},
	{"legacy_keys = old\n",
	 "t.conf:1: legacy_keys: expected an absolute path of less than 4096 bytes, not \"old\""},
	{"key_rotation = 7\n", "t.conf:1: key_rotation: " TIME "\"7\""},
	{"key_rotation = 23h\n", "t.conf:1: key_rotation: " TIME "\"23h\""},
	{"key_rotation =\n", "t.conf:1: key_rotation: " TIME "\"\""},
	{"key_rotation = 367d\n", "t.conf:1: key_rotation: " TIME "\"367d\""},
	{"key_retention = 0s\n", "t.conf:1: key_retention: " TIME "\"0s\""},
	{"key_retention = 366d1s\n", "t.conf:1: key_retention: " TIME "\"366d1s\""},
	{"automatic_senders = a\x02\n", "t.conf:1: automatic_senders: expected a pattern without "
					"control characters, not \"a\\x02\""},
	{"flood_share = 101\n",
	 "t.conf:1: flood_share: expected a share such as 10% or 0.1, at most "
	 "10000%, not \"101\""},
	{"flood_base = 0\n",
	 "t.conf:1: flood_base: expected a number such as 100k or 2M, from 1 to "
	 "100M, not \"0\""},
	{"memory_capacity = 999\n", "t.conf:1: memory_capacity: " COUNT_ "\"999\""},
	{"memory_capacity = 101M\n", "t.conf:1: memory_capacity: " COUNT_ "\"101M\""},
	{"memory_capacity = \n", "t.conf:1: memory_capacity: " COUNT_ "\"\""},
	{"memory_retention = 63d\n", "t.conf:1: memory_retention: expected a time such as 7d or "
				     "12h, from 1d to 62d, not \"63d\""},
	{"evidence_bytes = 4095\n", "t.conf:1: evidence_bytes: " BYTES "\"4095\""},
	{"evidence_bytes = 17M\n", "t.conf:1: evidence_bytes: " BYTES "\"17M\""},
	{"evidence_bytes = k\n", "t.conf:1: evidence_bytes: " BYTES "\"k\""},
	{"\nfleet = a/b\n", "t.conf:2: fleet: expected a name of at most 64 letters, digits, "
			    "\".\", \"-\" or \"_\", not \"a/b\""},
	{"fleet_servers = a b\n",
	 "t.conf:1: fleet_servers: expected servers such as redis1.example:6379 or "
	 "unix:/run/redis/redis.sock, with commas between them, not \"a b\""},
	{"\nfleet = a\nsigning = off\n[policy b]\ndomains = b\n",
	 "t.conf:2: fleet: expected fleet_servers as well: a fleet shares its memory through a "
	 "Redis or Valkey server"},
	{"\n\nfleet_servers = a\n",
	 "t.conf:3: fleet_servers: expected fleet as well, the name of the fleet"},
	{"fleet_servers = a\nfleet = \n",
	 "t.conf:1: fleet_servers: expected fleet as well, the name of the fleet"},
	/* values of policies; test_policy.c has the rest */
	{"signing = perhaps\n", "t.conf:1: signing: expected on or off, not \"perhaps\""},
	{"signing = on # for now\n", "t.conf:1: signing: expected on or off, not \"on # for now\""},
	{"signing =\n", "t.conf:1: signing: expected on or off, not \"\""},
	{"enforcement = on\n",
	 "t.conf:1: enforcement: expected auto, observe or reject, not \"on\""},
	{"tag_style = x\n", "t.conf:1: tag_style: expected prvs or subaddress, not \"x\""},
	{"grace = 7\n",
	 "t.conf:1: grace: expected a time such as 7d or 12h, at most 366d, not \"7\""},
	{"domains = ${lookup{x}}\n", "t.conf:1: domains: " DOLLAR "\"${lookup{x}}\""},
	{"\ndomains = a :\n  $b\n", "t.conf:2: domains: " DOLLAR "\"a : $b\""},
	{"domains = a\x7f\n", "t.conf:1: domains: expected an Exim list on one line, without "
			      "control characters, not \"a\\x7f\""},
	{"own_hosts = 10.0.0.1 : /etc/x~ : b\n",
	 "t.conf:1: own_hosts: \"/etc/x~\": a file of list items is not allowed; put it in a named "
	 "list of Exim's configuration, and write +name here"},
	{"unproven_mdn = remove\n",
	 "t.conf:1: unproven_mdn: expected accept, mark or reject, not \"remove\""},
	{"refusal_text =\n",
	 "t.conf:1: refusal_text: expected 1 to 400 characters of printable ASCII, not \"\""},
	{"refusal_text = f\xc3\xbcr\n", "t.conf:1: refusal_text: expected 1 to 400 characters of "
					"printable ASCII, not \"f\\xc3\\xbcr\""},
	{"signing = "
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaa\n",
	 "t.conf:1: signing: expected on or off, not "
	 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaa...\""},
};

START_TEST(wrong_lines)
{
	const char *text = wrong[_i].text;

	ck_assert_int_eq(parse(text, strlen(text)), BATV_E_SYNTAX);
	ck_assert_str_eq(message, wrong[_i].want);
	ck_assert_ptr_null(config.store); /* nothing is left to free */
	ck_assert_uint_eq(config.n_policies, 0);
	/* a small buffer, or none */
	for (size_t size = 9; size < 20; size++) {
		memset(message, '#', sizeof message);
		ck_assert_int_eq(
			batv_config_parse("t.conf", text, strlen(text), &config, message, size),
			BATV_E_SYNTAX);
		ck_assert_uint_eq(strlen(message), size - 1);
		ck_assert_int_eq(message[size], '#');
	}
	ck_assert_int_eq(batv_config_parse("t.conf", text, strlen(text), &config, NULL, 0),
			 BATV_E_SYNTAX);
}
END_TEST

/* Windows editors put a mark before the text. */
START_TEST(the_mark_of_an_editor)
{
	good("\xef\xbb\xbf"
	     "directory = /x\n");
	ck_assert_str_eq(config.global.directory, "/x");
	batv_config_free(&config);
	good("\xef\xbb\xbf");
	batv_config_free(&config);
	ck_assert_int_eq(batv_config_parse("t.conf", NULL, 0, &config, NULL, 0), BATV_OK);
	batv_config_free(&config);
}
END_TEST

/* Of the byte after the text nothing is read, and nothing is written beyond it. */
START_TEST(the_byte_after_the_text)
{
	static const struct {
		const char *text; /* with that byte */
		enum batv_conf_kind kind;
		const char *name, *value;
	} cases[] = {
		{"\xef\xbb\xbf", BATV_CONF_ERROR, "\xef\xbb", NULL},
		{"a =  ", BATV_CONF_OPTION, "a", ""},
		{"a =\\", BATV_CONF_OPTION, "a", ""},
		{"[ a ]]", BATV_CONF_SECTION, "a", NULL},
		{"[ ]\n", BATV_CONF_SECTION, "", NULL},
		{"a = b\n c", BATV_CONF_OPTION, "a", "b"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const size_t size = strlen(cases[i].text);
		char *text = malloc(size);
		struct batv_conffile file;
		struct batv_conf_item item;

		memcpy(text, cases[i].text, size);
		batv_conffile_start(&file, text, size - 1);
		ck_assert_int_eq(batv_conffile_next(&file, &item), cases[i].kind);
		ck_assert_str_eq(item.name, cases[i].name);
		if (cases[i].value)
			ck_assert_str_eq(item.value, cases[i].value);
		ck_assert_int_eq(batv_conffile_next(&file, &item), BATV_CONF_END);
		free(text);
	}
}
END_TEST

START_TEST(a_wrong_pattern)
{
	ck_assert_int_eq(parse("automatic_senders = ^(a|b@\n", 27), BATV_E_SYNTAX);
	ck_assert_ptr_eq(strstr(message, "t.conf:1: automatic_senders: expected a PCRE2 pattern ("),
			 message);
	ck_assert_ptr_nonnull(strstr(message, "at character 6), not \"^(a|b@\""));
}
END_TEST

START_TEST(nul_bytes_are_not_passed_over)
{
	ck_assert_int_eq(parse("signing = on\0 x\n", 16), BATV_E_SYNTAX);
	ck_assert_str_eq(message, "t.conf:1: expected no NUL byte, not \"signing = on\"");
	ck_assert_int_eq(parse("domains = a :\n b\0c\n", 19), BATV_E_SYNTAX);
	ck_assert_str_eq(message, "t.conf:2: expected no NUL byte, not \"b\"");
	ck_assert_int_eq(parse("\0", 1), BATV_E_SYNTAX);
	ck_assert_int_eq(parse("domains = a\n\0", 13), BATV_E_SYNTAX);
	ck_assert_str_eq(message, "t.conf:2: expected no NUL byte, not \"\"");
}
END_TEST

START_TEST(fifteen_named_policies)
{
	char text[2048] = "";

	for (int i = 1; i <= 15; i++)
		sprintf(text + strlen(text), "[policy p%d]\ndomains = d%d\n", i, i);
	good(text);
	ck_assert_uint_eq(config.n_policies, 16);
	ck_assert_str_eq(config.policies[15].name, "p15");
	batv_config_free(&config);
	strcat(text, "[policy p16]\ndomains = x\n");
	ck_assert_int_eq(parse(text, strlen(text)), BATV_E_SYNTAX);
	ck_assert_str_eq(message,
			 "t.conf:31: [policy p16]: expected at most 15 policies; one policy can "
			 "cover many domains (domains = cdb;/path or lsearch;/path)");
}
END_TEST

START_TEST(the_largest_file)
{
	static char text[BATV_CONFIG_MAX + 1];

	memset(text, '#', sizeof text);
	ck_assert_int_eq(parse(text, BATV_CONFIG_MAX), BATV_OK);
	batv_config_free(&config);
	ck_assert_int_eq(parse(text, BATV_CONFIG_MAX + 1), BATV_E_TOO_LONG);
	ck_assert_str_eq(message, "t.conf: expected at most 256 KiB; put long lists into files "
				  "(cdb;/path or lsearch;/path)");
	for (size_t i = 0; i < sizeof text;
	     i++) /* a long value is no trouble here: publish.c says it */
		text[i] = i % 50 ? 'x' : ':';
	memcpy(text, "domains = ", 10);
	ck_assert_int_eq(parse(text, BATV_CONFIG_MAX), BATV_OK);
	batv_config_free(&config);
}
END_TEST

START_TEST(cut_anywhere_it_is_still_safe)
{
	static const char text[] = "# c\nexim = /x y\ndomains = a :\n\tb\n\n# c\n  c\n[policy a]\n"
				   "domains = d\r\nsigning=off\n";

	for (size_t n = 0; n < sizeof text; n++) {
		if (parse(text, n) == BATV_OK)
			batv_config_free(&config);
		else
			ck_assert_ptr_null(strchr(message, '\n'));
	}
}
END_TEST

/* Files. */

static char dir[64], path[128], legacy[128];

static void make_dir(void)
{
	strcpy(dir, "/tmp/test_config.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/exim-batv.conf", dir);
	snprintf(legacy, sizeof legacy, "%s/legacy", dir);
}

static void remove_dir(void)
{
	unlink(path);
	unlink(legacy);
	rmdir(dir);
}

static void put(const char *name, mode_t mode, const char *text, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void load_fails(enum batv_err want, const char *format, const char *name)
{
	char expect[512];

	snprintf(expect, sizeof expect, "%s%s", name, format);
	ck_assert_int_eq(batv_config_load(path, &config, message, sizeof message), want);
	ck_assert_str_eq(message, expect);
	ck_assert_ptr_null(config.store);
}

START_TEST(files_that_cannot_be_read)
{
	load_fails(BATV_E_NO_FILE, ": No such file or directory", path);
	put(path, 0646, "", 0);
	load_fails(BATV_E_UNSAFE_FILE,
		   ": expected a file that others cannot write; its mode is 0646", path);
	put(path, 0644, "signing = on\n", 13);
	strcpy(message, "untouched");
	ck_assert_int_eq(batv_config_load(path, &config, message, sizeof message), BATV_OK);
	ck_assert_str_eq(message, "untouched");
	batv_config_free(&config);
	put(path, 0644, "signing = on\nx = 1\n", 19);
	load_fails(BATV_E_SYNTAX, ":2: unknown option \"x\"", path);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	load_fails(BATV_E_UNSAFE_FILE, ": expected a regular file", path);
	unlink(path);
	strcat(path, "/x/y");
	load_fails(BATV_E_NO_FILE, ": No such file or directory", path);
	*strstr(path, "/x/y") = '\0';
	put(path, 0644, "", 0);
	strcat(path, "/x");
	load_fails(BATV_E_NO_FILE, ": Not a directory", path);
	*strstr(path, "/x") = '\0';
	ck_assert_int_eq(batv_config_load("/proc/self/mem", &config, message, sizeof message),
			 BATV_E_IO);
	ck_assert_str_eq(message, "/proc/self/mem: Input/output error");
	memset(message, 'x', 5000);
	message[0] = '/', message[5000] = '\0';
	ck_assert_int_eq(batv_config_load(message, &config, NULL, 0), BATV_E_IO);
}
END_TEST

/* Descriptor 0 is as good as any. */
START_TEST(a_program_without_standard_input)
{
	int kept = dup(0);

	put(path, 0644, "signing = on\n", 13);
	close(0);
	ck_assert_int_eq(batv_config_load(path, &config, message, sizeof message), BATV_OK);
	batv_config_free(&config);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1); /* it was closed again */
	ck_assert_int_eq(dup2(kept, 0), 0);
	close(kept);
}
END_TEST

static enum batv_err load_legacy(const char *text)
{
	char conf[256];

	put(legacy, 0640, text, strlen(text));
	snprintf(conf, sizeof conf, "signing = on\nlegacy_keys = %s\n", legacy);
	put(path, 0644, conf, strlen(conf));
	return batv_config_load(path, &config, message, sizeof message);
}

#define LONG32 "0123456789abcdef0123456789abcdef"

START_TEST(legacy_keys_are_read)
{
	ck_assert_int_eq(load_legacy("# old\n\nuntil 2026-12-31 text s3cret\r\n"
				     "  until 2028-02-29   hex  00ffA0 \n"
				     "until 1970-01-01 text with blanks inside\n"
				     "until 2000-02-29 hex 00ff\n"
				     "until 2101-03-01 hex " LONG32 LONG32 LONG32 LONG32 "\n"),
			 BATV_OK);
	ck_assert_uint_eq(config.legacy.n_legacy, 5);
	ck_assert_int_eq(config.legacy.legacy[3].until, 951868800);  /* 2000-03-01 */
	ck_assert_int_eq(config.legacy.legacy[4].until, 4139164800); /* 2101-03-02 */
	ck_assert_uint_eq(config.legacy.legacy[4].len, 64);
	ck_assert_uint_eq(config.legacy.legacy[0].len, 6);
	ck_assert_mem_eq(config.legacy.legacy[0].bytes, "s3cret", 6);
	ck_assert_int_eq(config.legacy.legacy[0].until, 1798761600); /* 2027-01-01 */
	ck_assert_uint_eq(config.legacy.legacy[1].len, 3);
	ck_assert_mem_eq(config.legacy.legacy[1].bytes, "\x00\xff\xa0", 3);
	ck_assert_int_eq(config.legacy.legacy[1].until, 1835481600); /* 2028-03-01 */
	ck_assert_int_eq(config.legacy.legacy[2].until, 86400);
	ck_assert_mem_eq(config.legacy.legacy[2].bytes, "with blanks inside", 18);
	batv_config_free(&config);
	for (size_t i = 0; i < sizeof config; i++)
		ck_assert_int_eq(((const char *)&config)[i], 0); /* wiped */
}
END_TEST

#define FORM ":1: expected \"until YYYY-MM-DD text SECRET\" or \"until YYYY-MM-DD hex DIGITS\""
#define DAY ":1: expected a day such as 2026-12-31 after \"until\""
#define HEX ":1: expected an even number of hex digits, at most 128"
static const struct {
	const char *text, *want;
} bad_legacy[] = {
	{"s3cret\n", FORM},
	{"until\n", FORM},
	{"until 2026-12-31\n", FORM},
	{"until 2026-12-31 text\n", FORM},
	{"until 2026-12-31 text  \n", FORM},
	{"until 2026-12-31 base64 s3cret\n", FORM},
	{"Until 2026-12-31 text s3cret\n", FORM},
	{"from 2026-12-31 text s3cret\n", FORM},
	{"until 2026-12-31 # text s3cret\n", FORM},
	{"until 2026-13-01 text s3cret\n", DAY},
	{"until 2026-00-01 text s3cret\n", DAY},
	{"until 2026-02-29 text s3cret\n", DAY},
	{"until 2100-02-29 text s3cret\n", DAY},
	{"until 2026-12-32 text s3cret\n", DAY},
	{"until 2026-12-00 text s3cret\n", DAY},
	{"until 2026-1x-01 text s3cret\n", DAY},
	{"until 2026x12-31 text s3cret\n", DAY},
	{"until 2026-12x31 text s3cret\n", DAY},
	{"until 2026-12-311 text s3cret\n", DAY},
	{"until -999-12-31 text s3cret\n", DAY},
	{"until 2026-04-31 text s3cret\n", DAY},
	{"until 1969-12-31 text s3cret\n", DAY},
	{"until 31.12.2026 text s3cret\n", DAY},
	{"until 2026-1-01x text s3cret\n", DAY},
	{"until 2026--1-01 text s3cret\n", DAY},
	{"until 26-12-31 text s3cret\n", DAY},
	{"until 2026-12-31 hex 0\n", HEX},
	{"until 2026-12-31 hex 0g\n", HEX},
	{"until 2026-12-31 hex 00 11\n", HEX},
	{"until 2026-12-31 hex " LONG32 LONG32 LONG32 LONG32 "00\n", HEX},
	{"until 2026-12-31 text " LONG32 LONG32 "0\n",
	 ":1: expected a key of at most 64 characters"},
	{"# x\nuntil 2026-12-31 text " LONG32 LONG32 "\n\njunk\n",
	 ":4: expected \"until YYYY-MM-DD text SECRET\" or \"until YYYY-MM-DD hex DIGITS\""},
};

START_TEST(wrong_lines_of_legacy_keys)
{
	char want[512];

	ck_assert_int_eq(load_legacy(bad_legacy[_i].text), BATV_E_SYNTAX);
	snprintf(want, sizeof want, "%s%s", legacy, bad_legacy[_i].want);
	ck_assert_str_eq(message, want);
	ck_assert_ptr_null(strstr(message, "s3cret"));
	ck_assert_ptr_null(config.store);
}
END_TEST

START_TEST(legacy_files_that_cannot_be_read)
{
	static const mode_t modes[] = {0644, 0641, 0660, 0602};
	static char big[70000];
	char want[512], many[512] = "";

	for (size_t i = 0; i < COUNT(modes); i++) {
		ck_assert_int_eq(load_legacy(""), BATV_OK);
		batv_config_free(&config);
		ck_assert_int_eq(chmod(legacy, modes[i]), 0);
		snprintf(want, sizeof want,
			 ":2: legacy_keys: %s: expected a file that others "
			 "cannot read or write (mode 0640); its mode is %04o",
			 legacy, modes[i]);
		load_fails(BATV_E_UNSAFE_FILE, want, path);
	}
	unlink(legacy);
	snprintf(want, sizeof want, ":2: legacy_keys: %s: No such file or directory", legacy);
	load_fails(BATV_E_NO_FILE, want, path);
	memset(big, '#', 65536);
	ck_assert_int_eq(load_legacy(big), BATV_OK);
	batv_config_free(&config);
	memset(big, '#', sizeof big - 1);
	ck_assert_int_eq(load_legacy(big), BATV_E_TOO_LONG);
	snprintf(want, sizeof want, "%s:2: legacy_keys: %s: expected at most 64 KiB", path, legacy);
	ck_assert_str_eq(message, want);
	for (int i = 0; i < 8; i++)
		strcat(many, "until 2026-12-31 text x\n");
	ck_assert_int_eq(load_legacy(many), BATV_OK);
	batv_config_free(&config);
	strcat(many, "until 2026-12-31 text x\n");
	ck_assert_int_eq(load_legacy(many), BATV_E_FULL);
	snprintf(want, sizeof want, "%s:9: expected at most 8 keys", legacy);
	ck_assert_str_eq(message, want);
}
END_TEST

START_TEST(the_sum_says_whether_it_has_changed)
{
	char one[17], two[17];

	ck_assert_int_eq(load_legacy("until 2026-12-31 text a\n"), BATV_OK);
	strcpy(one, config.sum);
	batv_config_free(&config);
	ck_assert_int_eq(load_legacy("until 2026-12-31 text b\n"), BATV_OK);
	strcpy(two, config.sum);
	batv_config_free(&config);
	ck_assert_str_ne(one, two);
	ck_assert_int_eq(load_legacy("until 2026-12-31 text a\n"), BATV_OK);
	ck_assert_str_eq(one, config.sum);
	batv_config_free(&config);
	good("signing = on\n");
	strcpy(one, config.sum);
	batv_config_free(&config);
	good("signing = off\n");
	ck_assert_str_ne(one, config.sum);
	ck_assert_uint_eq(strspn(one, "0123456789abcdef"), 16);
	batv_config_free(&config);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("config");
	TCase *tc = tcase_create("text"), *files = tcase_create("files");

	suite_add_tcase(s, tc);
	suite_add_tcase(s, files);
	tcase_add_test(tc, an_empty_file_is_all_defaults);
	tcase_add_test(tc, values_and_policies);
	tcase_add_test(tc, grace_is_the_retention_unless_it_is_set);
	tcase_add_loop_test(tc, wrong_lines, 0, (int)COUNT(wrong));
	tcase_add_test(tc, the_mark_of_an_editor);
	tcase_add_test(tc, the_byte_after_the_text);
	tcase_add_test(tc, a_wrong_pattern);
	tcase_add_test(tc, nul_bytes_are_not_passed_over);
	tcase_add_test(tc, fifteen_named_policies);
	tcase_add_test(tc, the_largest_file);
	tcase_add_test(tc, cut_anywhere_it_is_still_safe);
	tcase_add_checked_fixture(files, make_dir, remove_dir);
	tcase_add_test(files, files_that_cannot_be_read);
	tcase_add_test(files, a_program_without_standard_input);
	tcase_add_test(files, legacy_keys_are_read);
	tcase_add_loop_test(files, wrong_lines_of_legacy_keys, 0, (int)COUNT(bad_legacy));
	tcase_add_test(files, legacy_files_that_cannot_be_read);
	tcase_add_test(files, the_sum_says_whether_it_has_changed);
	return s;
}
