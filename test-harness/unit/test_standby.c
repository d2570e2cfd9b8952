/* links: admin/fleet_share admin/acl admin/fleet_known admin/fleet_row admin/fleet_said admin/fleet_view admin/fleet_arming */
/* links: core/memory/doors */
/* links: admin/standby admin/config admin/nearest admin/conffile admin/legacy admin/keeper admin/overrides admin/generation admin/memory_move */
/* links: core/memory/forged admin/store core/base/fault admin/plan admin/publish admin/timeline admin/hkdf admin/secret admin/arming core/decide/override core/base/network */
/* links: admin/memory_file admin/replace core/memory/counters core/decide/automatic core/memory/domains core/memory/slots */
/* links: core/memory/names core/memory/access core/memory/sent core/memory/journal core/tag/key core/decide/state core/decide/policy core/decide/servers */
/* links: core/decide/exim_list core/base/safefile core/tag/addr core/base/span core/base/hmac core/base/err */
/* links: core/memory/header admin/notices core/memory/recall core/memory/tallies */
/* links: core/memory/sending */
/*
 * test_standby.c - a configuration out of the published state: batvd goes on with it as if nothing
 * had happened.
 */
#include <unistd.h>

#include "keeper_lab.h"
#include "standby.h"
#include "unit.h"

static const char text[] = "key_rotation = 3d\n"
			   "key_retention = 5d\n"
			   "memory_capacity = 3k\n"
			   "memory_retention = 9d\n"
			   "evidence_bytes = 64K\n"
			   "automatic_senders = ^robot@\n"
			   "domains = a.test : b.test\n"
			   "enforcement = reject\n"
			   "grace = 12d\n"
			   "refusal_text = no\n"
			   "own_hosts = 192.0.2.1\n"
			   "[policy shop]\n"
			   "domains = shop.test\n"
			   "signing = off\n"
			   "exempt_recipients = x@shop.test\n";

static struct batv_config good;

/* What was published stands in for the configuration, and owns all its text. */
static void stand_by(void)
{
	struct batv_stored_state st = {0};
	char why[BATV_MESSAGE_SIZE];

	batv_keeper_free(&keeper);
	start();
	ck_assert_int_eq(batv_store_read_state(&keeper.store, &st, why, sizeof why), BATV_OK);
	ck_assert_int_eq(batv_standby_config(&st.state, sandbox, &config), BATV_OK);
	batv_store_free_state(&st);
}

static void setup(void)
{
	char message[BATV_MESSAGE_SIZE];

	make_config();
	start();
	ck_assert_msg(batv_config_parse("c", text, sizeof text - 1, &good, message,
					sizeof message) == BATV_OK,
		      "%s", message);
	good.legacy.n_legacy = 1;
	good.legacy.legacy[0] =
		(struct batv_legacy_key){.until = T0 + 30 * D, .len = 6, .bytes = "geheim"};
	config = good;
	look(T0);
	stand_by();
}

static void teardown(void)
{
	batv_keeper_free(&keeper);
	batv_config_free(&config);
	batv_config_free(&good);
	sandbox_remove();
}

static size_t secrets(void)
{
	return keeper.secrets->n;
}

START_TEST(it_says_the_same)
{
	ck_assert_int_eq(config.global.key_rotation, good.global.key_rotation);
	ck_assert_int_eq(config.global.key_retention, good.global.key_retention);
	ck_assert_int_eq(config.global.memory_retention, good.global.memory_retention);
	ck_assert_uint_eq(config.global.evidence_bytes, good.global.evidence_bytes);
	ck_assert_uint_eq(config.global.memory_capacity, 0);
	ck_assert_str_eq(config.global.automatic_senders, good.global.automatic_senders);
	ck_assert_str_eq(config.sum, good.sum);
	ck_assert_str_eq(config.global.directory, sandbox);
	ck_assert_str_eq(config.global.exim, "");
	ck_assert_uint_eq(config.legacy.n_legacy, 1);
	ck_assert_mem_eq(config.legacy.legacy[0].bytes, "geheim", 6);
	ck_assert_uint_eq(config.n_policies, 2);
	for (size_t p = 0; p < 2; p++) {
		ck_assert_str_eq(config.policies[p].name, good.policies[p].name);
		ck_assert_str_eq(config.policies[p].domains, good.policies[p].domains);
		ck_assert_str_eq(config.policies[p].own_hosts, good.policies[p].own_hosts);
		ck_assert_str_eq(config.policies[p].refusal_text, good.policies[p].refusal_text);
		ck_assert_str_eq(config.policies[p].exempt_recipients,
				 good.policies[p].exempt_recipients);
		ck_assert_int_eq(config.policies[p].grace, good.policies[p].grace);
		ck_assert_int_eq(config.policies[p].signing, good.policies[p].signing);
		ck_assert_int_eq(config.policies[p].enforcement, good.policies[p].enforcement);
	}
}
END_TEST

/* No new secret, no new memory, no new state; and then keys for as long as it lasts. */
START_TEST(nothing_changes)
{
	look(T0 + 20);
	ck_assert(!looked.published);
	ck_assert_str_eq(said, "");
	for (int64_t day = 1; day <= 100; day++)
		look(T0 + day * D);
	ck_assert_uint_eq(secrets(), 1);
	ck_assert_str_eq(keeper.generation.memory_name, "memory");
	ck_assert_uint_eq(keeper.generation.memory.sections.filters[0].capacity, 3000);
	ck_assert_uint_eq(keeper.have.state.n_breaks, 0);
	ck_assert_str_eq(keeper.have.state.config_sum, good.sum);
	ck_assert_uint_eq(keeper.have.state.n_policies, 2);
}
END_TEST

/* The state alone has the legacy keys: a clock that is ahead does not take them out. */
START_TEST(legacy_keys_outlast_a_clock_ahead)
{
	look(T0 + 365 * D);
	ck_assert_uint_eq(keeper.have.state.ring.n_legacy, 1);
	batv_config_free(&config);
	stand_by();
	look(T0 + 20);
	ck_assert_uint_eq(keeper.have.state.ring.n_legacy, 1);
	for (int64_t day = 1; day <= 30; day++)
		look(T0 + day * D);
	ck_assert_uint_eq(keeper.have.state.ring.n_legacy, 0);
}
END_TEST

/* Its configuration is right again: nothing happens either. */
START_TEST(and_back)
{
	look(T0 + 20);
	batv_config_free(&config);
	config = good;
	memset(&good, 0, sizeof good);
	look(T0 + 40);
	ck_assert(!looked.published);
	ck_assert_str_eq(said, "");
}
END_TEST

/* How large it was is known of what batvd has seen. */
START_TEST(a_memory_that_goes_while_it_runs)
{
	look(T0 + 20);
	ck_assert_int_eq(unlinkat(dir, "memory", 0), 0);
	look(T0 + 40);
	ck_assert_uint_eq(keeper.generation.memory.sections.filters[0].capacity, 3000);
}
END_TEST

START_TEST(a_memory_that_is_gone)
{
	ck_assert_int_eq(unlinkat(dir, "memory", 0), 0);
	look_as(&(struct batv_look){.now = T0 + 20});
	ck_assert(looked.usable);
	ck_assert_ptr_nonnull(
		strstr(keeper.notices.trouble[BATV_TROUBLE_MEMORY], "its size is not known"));
	ck_assert_int_ne(faccessat(dir, "memory", F_OK, 0), 0);
	batv_config_free(&config);
	config = good;
	memset(&good, 0, sizeof good);
	look(T0 + 40);
	ck_assert_uint_eq(keeper.generation.memory.sections.filters[0].capacity, 3000);
}
END_TEST

/* A change of size that waited: what is there stays, and the one before it. */
START_TEST(two_files_stay)
{
	batv_config_free(&config);
	config = good;
	config.global.memory_capacity = 5000;
	look(T0 + 20);
	ck_assert_str_eq(keeper.generation.before_name, "memory");
	config = (struct batv_config){0};
	stand_by();
	ck_assert_int_eq(unlinkat(dir, "memory.2", 0), 0);
	look(T0 + 40); /* the one before tells the size */
	ck_assert_uint_eq(keeper.generation.memory.sections.filters[0].capacity, 3000);
	ck_assert_str_eq(keeper.generation.memory_name, "memory.2");
}
END_TEST

static const struct {
	const char *text;
	mode_t mode;
	const char *directory;
} files[] = {
	{"directory = /x/y\nnonsense\n", 0644, "/x/y"},
	{"nonsense\n# directory = /no\ndirectory=/x/y \t\n", 0644, "/x/y"},
	{"directory = /with a blank\n", 0644, "/with a blank"},
	{"directory = /x\n", 0646, "/fallback"},
	{"directory = relative\n", 0644, "/fallback"},
	{"directory = \n", 0644, "/fallback"},
	{"directory_x = /x\n", 0644, "/fallback"},
	{"[policy a]\ndirectory = /x\n", 0644, "/fallback"},
	{" \t[policy a]\ndirectory = /x\n", 0644, "/fallback"},
	{"directory = /x\n[policy a]\ndirectory = /y\n", 0644, "/x"},
	{"directory\t \t=/x", 0644, "/x"},
	{"directory /x\n", 0644, "/fallback"},
	{"directory =\t \t/\r\n", 0644, "/"},
	{"domains = a :\n directory = /x\n", 0644, "/fallback"},
	{"", 0644, "/fallback"},
};

START_TEST(the_directory_of_a_wrong_file)
{
	char path[4200], out[4096];

	sandbox_file("conf", 0600, files[_i].text, strlen(files[_i].text));
	ck_assert_int_eq(fchmodat(dir, "conf", files[_i].mode, 0), 0);
	snprintf(path, sizeof path, "%s/conf", sandbox);
	batv_standby_directory(path, "/fallback", out, sizeof out);
	ck_assert_str_eq(out, files[_i].directory);
	ck_assert_int_gt(batv_standby_since(path), 0);
}
END_TEST

START_TEST(no_file_at_all)
{
	char path[4200], out[4096];
	int kept = dup(0);

	sandbox_file("good", 0644, "directory = /x\n", 15);
	snprintf(path, sizeof path, "%s/good", sandbox);
	close(0);
	batv_standby_directory(path, "/fallback", out, sizeof out);
	ck_assert_str_eq(out, "/x");
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	batv_standby_directory(sandbox, "/fallback", out, sizeof out); /* refused, and closed */
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	ck_assert_int_eq(dup2(kept, 0), 0);
	close(kept);

	batv_standby_directory(sandbox, "/fallback", out, sizeof out);
	ck_assert_str_eq(out, "/fallback");
	snprintf(path, sizeof path, "%s/missing", sandbox);
	batv_standby_directory(path, "/fallback", out, sizeof out);
	ck_assert_str_eq(out, "/fallback");
	ck_assert_int_gt(batv_standby_since(path), 0);
	ck_assert_int_eq(utimensat(dir, ".", (struct timespec[]){{1000, 0}, {2000, 0}}, 0), 0);
	ck_assert_int_eq(batv_standby_since(path), 2000); /* of the directory */
	ck_assert_int_eq(chdir(sandbox), 0);
	ck_assert_int_eq(batv_standby_since("missing"), 2000);
	ck_assert_int_eq(batv_standby_since("/no/where/at/all"), 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("standby");
	TCase *tc = tcase_create("standby");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, it_says_the_same);
	tcase_add_test(tc, nothing_changes);
	tcase_add_test(tc, legacy_keys_outlast_a_clock_ahead);
	tcase_add_test(tc, and_back);
	tcase_add_test(tc, a_memory_that_goes_while_it_runs);
	tcase_add_test(tc, a_memory_that_is_gone);
	tcase_add_test(tc, two_files_stay);
	tcase_add_loop_test(tc, the_directory_of_a_wrong_file, 0,
			    (int)(sizeof files / sizeof files[0]));
	tcase_add_test(tc, no_file_at_all);
	return s;
}
