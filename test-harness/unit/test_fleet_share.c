/* links: admin/fleet_share admin/acl admin/hkdf admin/replace admin/notices core/base/hmac core/base/span core/base/safefile */
/* links: core/base/fault core/base/err */
/*
 * test_fleet_share.c - what batvd gives batv-fleet, and takes back.
 */
#include "../../src/admin/fleet_share.h"

#include "sandbox.h"
#include "unit.h"

#define KEY_TEXT "02a9bc8e5a4ca4b4a1ba4fcb0d87a38ed1ecb71b3ebcd4e69a2a01a3ab7d0b57"

static struct batv_store store;
static struct batv_state state;
static struct batv_notices notices;
static struct batv_fleet_share share;
static bool told;
static char said[2000];

static void say(void *ctx, int priority, const char *line)
{
	(void)ctx, (void)priority;
	snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", line);
}

static void setup(void)
{
	sandbox_make();
	store.dirfd = dir;
	snprintf(store.path, sizeof store.path, "%s", sandbox);
	notices.say = say;
	state.global.fleet = "mail.example";
	state.global.memory_retention = 1296000;
	state.memory = "memory.3";
	state.memory_before = "";
	state.has_memory_key = true;
	memset(state.memory_key, 0x5a, sizeof state.memory_key);
	sandbox_file("memory.3", 0660, "x", 1);
}

static void look(void)
{
	said[0] = '\0';
	notices.trouble[BATV_TROUBLE_SHARE][0] = '\0';
	batv_fleet_share_look(&store, &state, 100000, &notices, &told);
}

static struct stat stat_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dir, name, &st, 0), 0);
	return st;
}

START_TEST(it_is_written_and_read)
{
	uint8_t key[BATV_HKDF_LEN];
	struct stat before, after;

	look();
	ck_assert_str_eq(notices.trouble[BATV_TROUBLE_SHARE], "");
	ck_assert_int_eq(batv_fleet_share_read(dir, &share), BATV_OK);
	ck_assert_str_eq(share.fleet, "mail.example");
	ck_assert_str_eq(share.memory, "memory.3");
	ck_assert_str_eq(share.before, "");
	ck_assert_uint_eq(share.capacity, 100000);
	ck_assert_int_eq(share.retention, 1296000);
	ck_assert(batv_hkdf_fleet(state.memory_key, key));
	ck_assert_mem_eq(share.key, key, sizeof key);
	before = stat_of(BATV_FLEET_KEY_NAME);
	ck_assert_uint_eq(before.st_mode & 0707, 0400);
	look(); /* nothing has changed */
	after = stat_of(BATV_FLEET_KEY_NAME);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_str_eq(said, ""); /* that there is no such user, if so, was said once */
	state.memory_key[31] ^= 1;  /* another secret */
	state.memory_before = "memory.2";
	look();
	ck_assert_int_eq(batv_fleet_share_read(dir, &share), BATV_OK);
	ck_assert(batv_hkdf_fleet(state.memory_key, key));
	ck_assert_mem_eq(share.key, key, sizeof key);
	ck_assert_str_eq(share.before, "memory.2");
	ck_assert_uint_eq(sandbox_count(), 2);
}
END_TEST

START_TEST(without_a_fleet_nothing_is_there)
{
	state.global.fleet = "";
	look();
	ck_assert_str_eq(said, "");
	ck_assert_uint_eq(sandbox_count(), 1);
	state.global.fleet = "mail.example";
	look();
	sandbox_file("fleet.row", 0640, "{}", 2);
	ck_assert_uint_eq(sandbox_count(), 3);
	state.global.fleet = "";
	look();
	ck_assert_uint_eq(sandbox_count(), 1);
	ck_assert_ptr_nonnull(strstr(said, "fleet.key: removed: there is no fleet any more"));
	ck_assert_uint_eq(stat_of("memory.3").st_mode & 07777, 0660);
	state.global.fleet = "mail.example";
	state.has_memory_key = false; /* no key, so nothing to give */
	look();
	ck_assert_uint_eq(sandbox_count(), 1);
}
END_TEST

START_TEST(one_that_cannot_be_written)
{
	ck_assert_int_eq(mkdirat(dir, BATV_FLEET_KEY_NAME, 0700), 0);
	look();
	ck_assert_ptr_nonnull(strstr(notices.trouble[BATV_TROUBLE_SHARE],
				     "/fleet.key: cannot write it for batv-fleet: "));
}
END_TEST

#define GOOD                                                                                       \
 "exim-batv fleet 1\nfleet a\nkey " KEY_TEXT                                                       \
 "\nmemory memory\nbefore -\ncapacity 5\nretention 86400\nend\n"

static const struct {
	const char *text;
	enum batv_err err;
} texts[] = {
	{GOOD, BATV_OK},
	{"exim-batv fleet 1\nfleet a\nkey " KEY_TEXT
	 "\nmemory -\nbefore memory.2\ncapacity 0\nretention 1\nend\n",
	 BATV_OK},
	{"", BATV_E_SYNTAX},
	{"exim-batv fleet 2\n", BATV_E_VERSION},
	{"exim-batv fleet 10\n", BATV_E_VERSION},
	{"exim-batv fleet ", BATV_E_VERSION},
	{"exim-batv state 1\n", BATV_E_SYNTAX},
	{"exim-batv fleet 1\n", BATV_E_SYNTAX},
	{GOOD "x\n", BATV_E_SYNTAX},
	{"exim-batv fleet 1\nfleet -\nkey " KEY_TEXT
	 "\nmemory memory\nbefore -\ncapacity 5\nretention 86400\nend\n",
	 BATV_E_SYNTAX},
	{"exim-batv fleet 1\nfleet a\nkey 00\nmemory memory\nbefore -\ncapacity 5\nretention "
	 "86400\nend\n",
	 BATV_E_SYNTAX},
	{"exim-batv fleet 1\nfleet a\nkey " KEY_TEXT
	 "\nmemory ../x\nbefore -\ncapacity 5\nretention 86400\nend\n",
	 BATV_E_SYNTAX},
	{"exim-batv fleet 1\nfleet a\nkey " KEY_TEXT
	 "\nmemory .x\nbefore -\ncapacity 5\nretention 86400\nend\n",
	 BATV_E_SYNTAX},
	{"exim-batv fleet 1\nfleet a\nkey " KEY_TEXT
	 "\nmemory memory\nbefore -\ncapacity -5\nretention 86400\nend\n",
	 BATV_E_SYNTAX},
	{"exim-batv fleet 1\nfleet a\nkey " KEY_TEXT
	 "\nmemory memory\nbefore -\ncapacity 5\nretention 0\nend\n",
	 BATV_E_SYNTAX},
	{"exim-batv fleet 1\nfleet a\nkey " KEY_TEXT
	 "\nmemory memory\nbefore -\ncapacity 5\nretention 86400\n",
	 BATV_E_SYNTAX},
};

START_TEST(a_text)
{
	const size_t len = strlen(texts[_i].text);
	char *text = strdup(texts[_i].text);

	ck_assert_msg(batv_fleet_share_parse(text, len, &share) == texts[_i].err, "%s",
		      texts[_i].text);
	ck_assert(share.key[0] == (texts[_i].err == BATV_OK ? 0x02 : 0));
	free(text);
}
END_TEST

/* Cut anywhere, it is no file of a fleet. */
START_TEST(a_text_that_was_cut)
{
	for (size_t len = 0; len < sizeof GOOD - 1; len++) {
		char *text = strndup(GOOD, len);

		ck_assert_int_ne(batv_fleet_share_parse(text, len, &share), BATV_OK);
		free(text);
	}
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("fleet_share");
	TCase *tc = tcase_create("files");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, sandbox_remove);
	tcase_add_test(tc, it_is_written_and_read);
	tcase_add_test(tc, without_a_fleet_nothing_is_there);
	tcase_add_test(tc, one_that_cannot_be_written);
	tcase_add_loop_test(tc, a_text, 0, (int)(sizeof texts / sizeof texts[0]));
	tcase_add_test(tc, a_text_that_was_cut);
	return s;
}
