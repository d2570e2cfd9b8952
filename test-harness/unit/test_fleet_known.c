/* links: admin/fleet_known admin/fleet_row admin/fleet_said admin/fleet_view admin/fleet_arming admin/fleet_share admin/acl */
/* links: core/memory/doors core/base/fault core/base/hmac core/base/network core/base/err core/base/span core/base/safefile */
/* links: admin/keeper admin/overrides admin/generation admin/memory_move admin/store admin/plan admin/publish admin/timeline admin/hkdf */
/* links: admin/secret admin/arming core/decide/override admin/memory_file admin/replace core/memory/counters core/memory/domains core/memory/slots */
/* links: core/memory/names core/memory/access core/memory/forged core/memory/sent core/memory/journal core/tag/key core/decide/state */
/* links: core/decide/policy core/decide/servers core/decide/exim_list core/tag/addr */
/* links: core/memory/header admin/notices core/memory/recall core/memory/tallies core/memory/sending */
/*
 * test_fleet_known.c - batvd's looks at a fleet: what it tells the others, and what it does by
 * their words.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper_lab.h"
#include "memory/domains.h"
#include "unit.h"

static char directory[300];

static void setup(void)
{
	make_config();
	(void)snprintf(directory, sizeof directory, "%s-fleet", sandbox);
	ck_assert_int_eq(mkdir(directory, 0750), 0);
	config.global.fleet = "test";
	config.global.fleet_directory = directory;
	config.global.fleet_patience = 3600;
	start();
}

static void teardown(void)
{
	char path[700];

	batv_keeper_free(&keeper);
	sandbox_remove();
	(void)snprintf(path, sizeof path, "%s/view", directory);
	unlink(path);
	rmdir(directory);
}

/* What batv-fleet would write: the rows of other hosts, each with its name before it. */
static void write_view(int64_t now, const char *rows)
{
	char path[700], text[4096];
	int fd, n;

	(void)snprintf(path, sizeof path, "%s/view", directory);
	n = snprintf(text, sizeof text,
		     "{\"schema\": 1, \"fleet\": \"test\", \"written\": %lld, \"hosts\": [%s]}",
		     (long long)now, rows);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	ck_assert_int_eq(write(fd, text, (size_t)n), n);
	close(fd);
}

/* A relay that has sent signed mail of a.test. */
static void write_relay(int64_t now, int64_t first, int64_t last, const char *more)
{
	char rows[1000], check[BATV_SECRET_CHECK_SIZE];

	ck_assert(batv_secret_check(&keeper.secrets->list[0], check));
	(void)snprintf(rows, sizeof rows,
		       "{\"name\": \"relay1\", \"heard\": %lld, \"row\": {%s\"signing\":"
		       " {\"check\": \"%s\"}, \"domains\": [{\"name\""
		       ": \"a.test\", \"policy\": \"default\", \"first_signed\": %lld,"
		       " \"last_signed\": %lld, \"complete\": true}, {\"name\": \"x.test\","
		       " \"policy\": \"other\", \"first_signed\": 5}]}}",
		       (long long)now, more, check, (long long)first, (long long)last);
	write_view(now, rows);
}

/* A look that makes a secret, and one that sees a relay with the same. */
static void begin_with_relay(void)
{
	write_view(T0 - 20, "");
	look(T0 - 20);
	write_relay(T0, T0 - 20 * D, T0 - 60, "");
	look(T0);
}

static json_t *read_row(void)
{
	char path[700];
	json_t *o;

	(void)snprintf(path, sizeof path, "%s/fleet.row", sandbox);
	o = json_load_file(path, 0, NULL);
	ck_assert_ptr_nonnull(o);
	return o;
}

/* A time of a domain in our row; 0: it is not there. */
static int64_t row_time(const char *domain, const char *key)
{
	json_t *row = read_row(), *o;
	int64_t when = 0;
	size_t i;

	json_array_foreach(json_object_get(row, "domains"), i,
			   o) if (strcmp(json_string_value(json_object_get(o, "name")), domain) ==
				  0) when = json_integer_value(json_object_get(o, key));
	json_decref(row);
	return when;
}

static uint32_t flags_of(const char *name)
{
	struct batv_domain d;

	return batv_domain_find(&keeper.generation.memory, name, &d) ? d.flags : 0;
}

static void note_signed(const char *name, int64_t now)
{
	ck_assert_int_eq(batv_domain_note(&keeper.generation.memory, name, "default",
					  BATV_EVIDENCE_SIGNED, NULL, now),
			 BATV_OK);
}

static bool file_is_there(const char *name)
{
	return faccessat(keeper.store.dirfd, name, F_OK, 0) == 0;
}

START_TEST(a_server_that_never_sends_arms_by_its_relay)
{
	begin_with_relay();
	ck_assert_uint_eq(flags_of("a.test"),
			  BATV_DOMAIN_ARMED | BATV_DOMAIN_BY_FLEET | BATV_DOMAIN_FLEET_SENDS);
	ck_assert_ptr_nonnull(strstr(said, "domain a.test begins to refuse"));
	/* A domain of a policy that is not here has no place. */
	ck_assert(!batv_domain_find(&keeper.generation.memory, "x.test", &(struct batv_domain){0}));

	/* A break there ends it, at the next look. */
	write_relay(T0 + 20, T0 - 20 * D, T0 - 60,
		    "\"breaks\": [{\"policy\": \"*\", \"when\": 1795348805}], ");
	look(T0 + 20);
	ck_assert_uint_eq(flags_of("a.test") & BATV_DOMAIN_ARMED, 0);
	ck_assert_ptr_nonnull(strstr(said, "domain a.test no longer refuses"));
}
END_TEST

/* The row of a domain that only the fleet armed says nothing that the others could take for ours.
 */
START_TEST(nobody_tells_back_what_he_was_told)
{
	json_t *row, *o;
	size_t i;

	begin_with_relay();
	look(T0 + 200);
	row = read_row();
	json_array_foreach(json_object_get(row, "domains"), i, o)
		ck_assert_ptr_null(json_object_get(o, "complete"));
	json_decref(row);
}
END_TEST

START_TEST(the_row)
{
	json_t *row, *signing;
	char check[BATV_SECRET_CHECK_SIZE];

	write_view(T0, "");
	look(T0);
	note_signed("a.test", T0 + 5);
	look(T0 + 20);
	row = read_row();
	ck_assert_int_eq(json_integer_value(json_object_get(row, "at")), T0 + 20);
	ck_assert_str_eq(json_string_value(json_object_get(row, "fingerprint")),
			 keeper.have.state.fingerprint);
	ck_assert(batv_secret_check(&keeper.secrets->list[0], check));
	signing = json_object_get(row, "signing");
	ck_assert_str_eq(json_string_value(json_object_get(signing, "check")), check);
	ck_assert_uint_eq(json_array_size(json_object_get(row, "secrets")), 1);
	json_decref(row);
	ck_assert_int_eq(row_time("a.test", "first_signed"), T0 + 5);
	ck_assert_int_eq(row_time("a.test", "bare"), 0);

	/* Nothing new: it stays as it is, for a minute. */
	look(T0 + 21);
	ck_assert_int_eq(row_time("a.test", "first_signed"), T0 + 5);
	row = read_row();
	ck_assert_int_eq(json_integer_value(json_object_get(row, "at")), T0 + 20);
	json_decref(row);
	look(T0 + 80);
	row = read_row();
	ck_assert_int_eq(json_integer_value(json_object_get(row, "at")), T0 + 80);
	json_decref(row);
}
END_TEST

/* Its time is nowhere else, so it must outlive a restart, and signed mail. */
START_TEST(mail_that_left_untagged)
{
	begin_with_relay();
	note_signed("a.test", T0 + 5);
	look(T0 + 20);
	batv_domain_left_bare(&keeper.generation.memory, "a.test", "default");
	look(T0 + 40);
	ck_assert_int_eq(row_time("a.test", "bare"), T0 + 40);
	ck_assert_uint_eq(flags_of("a.test") & BATV_DOMAIN_ARMED, 0);
	batv_keeper_free(&keeper);
	start();
	look(T0 + 60);
	ck_assert_int_eq(row_time("a.test", "bare"), T0 + 40);
	note_signed("a.test", T0 + 70);
	look(T0 + 80);
	ck_assert_int_eq(row_time("a.test", "bare"), T0 + 40);
	ck_assert_int_eq(row_time("a.test", "first_signed"), T0 + 70);

	/* Signed, bare and signed again between two looks. */
	batv_domain_left_bare(&keeper.generation.memory, "a.test", "default");
	note_signed("a.test", T0 + 90);
	look(T0 + 100);
	ck_assert_int_eq(row_time("a.test", "bare"), T0 + 100);
}
END_TEST

/* A memory that was lost knows no domain; the row still does. */
START_TEST(a_memory_that_was_lost)
{
	char path[700];

	write_view(T0, "");
	look(T0);
	note_signed("a.test", T0 + 5);
	look(T0 + 20);
	(void)snprintf(path, sizeof path, "%s/%s", sandbox, keeper.generation.memory_name);
	ck_assert_int_eq(unlink(path), 0);
	look_as(&(struct batv_look){.now = T0 + 40, .make_secret = true});
	ck_assert_int_eq(row_time("a.test", "bare"), T0 + 40);
	look_as(&(struct batv_look){.now = T0 + 60, .make_secret = true});
	ck_assert_int_eq(row_time("a.test", "bare"), T0 + 40);
}
END_TEST

START_TEST(trouble_is_said_and_nothing_arms)
{
	look_as(&(struct batv_look){.now = T0, .make_secret = true});
	ck_assert_ptr_nonnull(strstr(keeper.notices.trouble[BATV_TROUBLE_FLEET], "is it running?"));
	write_view(T0, "");
	look(T0 + 20);
	config.global.fleet = "another";
	look_as(&(struct batv_look){.now = T0 + 40, .make_secret = true});
	ck_assert_ptr_nonnull(strstr(keeper.notices.trouble[BATV_TROUBLE_FLEET],
				     "it is about fleet test, not about another"));
}
END_TEST

START_TEST(what_batvctl_said)
{
	struct batv_fleet_said what = {.joined = T0 - 5,
				       .fresh = true,
				       .observe = true,
				       .observe_counter = 3,
				       .observe_at = T0,
				       .n_forget = 1,
				       .forget = {"00000000000000aa"}};
	struct batv_fleet_said read;
	char message[BATV_MESSAGE_SIZE];
	json_t *row;

	write_view(T0, "");
	look(T0);
	ck_assert_int_eq(batv_fleet_said_write(&keeper.store, &what, message, sizeof message),
			 BATV_OK);
	ck_assert_int_eq(batv_fleet_said_read(&keeper.store, &read, message, sizeof message),
			 BATV_OK);
	ck_assert(read.fresh && !read.leave && read.observe && read.observe_counter == 3);
	ck_assert_int_eq(read.joined, T0 - 5);
	ck_assert_str_eq(read.forget[0], "00000000000000aa");
	look(T0 + 20);
	row = read_row();
	ck_assert(json_is_true(json_object_get(row, "fresh")));
	ck_assert_uint_eq(json_array_size(json_object_get(row, "forget")), 1);
	json_decref(row);
	/* Its own word holds without anybody else. */
	ck_assert(file_is_there(BATV_OBSERVE_NAME));
}
END_TEST

static const struct {
	const char *text, *says;
} wrong_said[] = {
	{"", "fleet.said:1: "},
	{"[]", "expected a JSON object"},
	{"{}", "expected \"schema\": 1"},
	{"{\"schema\": 1, \"fresh\": 1}", "to be true or false"},
	{"{\"schema\": 1, \"joined\": \"x\"}", "to be numbers"},
	{"{\"schema\": 1, \"joined\": -1}", "to be numbers"},
	{"{\"schema\": 1, \"forget\": {}}", "to be an array"},
	{"{\"schema\": 1, \"forget\": [\"0123456789abcdeF\"]}", "to be 16 hex digits"},
	{"{\"schema\": 1, \"forget\": [\"0123\"]}", "to be 16 hex digits"},
};

START_TEST(a_file_that_batvctl_did_not_write)
{
	struct batv_fleet_said read = {.fresh = true};
	char message[BATV_MESSAGE_SIZE];

	ck_assert_int_eq(batv_replace(keeper.store.dirfd, BATV_FLEET_SAID_NAME, 0640,
				      wrong_said[_i].text, strlen(wrong_said[_i].text)),
			 BATV_OK);
	ck_assert_int_eq(batv_fleet_said_read(&keeper.store, &read, message, sizeof message),
			 BATV_E_SYNTAX);
	ck_assert_msg(strstr(message, wrong_said[_i].says) != NULL, "%s", message);
	ck_assert(!read.fresh && read.n_forget == 0);
}
END_TEST

#define OBSERVE(on, counter)                                                                       \
 "{\"name\": \"relay1\", \"row\": {\"observe\": {\"on\": " on ", \"counter\": " counter "}}}"

START_TEST(the_whole_fleet_observes)
{
	write_view(T0, OBSERVE("true", "7"));
	look(T0);
	ck_assert(file_is_there(BATV_OBSERVE_NAME));
	write_view(T0, OBSERVE("false", "8"));
	look(T0 + 20);
	ck_assert(!file_is_there(BATV_OBSERVE_NAME));

	/* What a person put there stays. */
	ck_assert_int_eq(batv_replace(keeper.store.dirfd, BATV_OBSERVE_NAME, 0640, "", 0), BATV_OK);
	write_view(T0, OBSERVE("false", "9"));
	look(T0 + 40);
	ck_assert(file_is_there(BATV_OBSERVE_NAME));
}
END_TEST

/* Taken out of the configuration: nothing of it is left, and its own evidence decides. */
START_TEST(without_a_fleet)
{
	begin_with_relay();
	ck_assert(file_is_there(BATV_FLEET_ROW_NAME));
	ck_assert_uint_ne(flags_of("a.test"), 0);
	config.global.fleet = "";
	look(T0 + 20);
	ck_assert(!file_is_there(BATV_FLEET_ROW_NAME));
	ck_assert_uint_eq(flags_of("a.test"), 0);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("fleet_known");
	TCase *t = tcase_create("fleet_known");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_server_that_never_sends_arms_by_its_relay);
	tcase_add_test(t, nobody_tells_back_what_he_was_told);
	tcase_add_test(t, the_row);
	tcase_add_test(t, mail_that_left_untagged);
	tcase_add_test(t, a_memory_that_was_lost);
	tcase_add_test(t, trouble_is_said_and_nothing_arms);
	tcase_add_test(t, what_batvctl_said);
	tcase_add_loop_test(t, a_file_that_batvctl_did_not_write, 0,
			    (int)(sizeof wrong_said / sizeof wrong_said[0]));
	tcase_add_test(t, the_whole_fleet_observes);
	tcase_add_test(t, without_a_fleet);
	suite_add_tcase(s, t);
	return s;
}
