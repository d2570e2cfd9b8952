/* links: admin/store admin/publish admin/secret admin/replace core/base/fault core/base/err core/decide/state core/decide/policy core/decide/servers */
/* links: core/decide/exim_list core/base/safefile core/base/span core/base/hmac */
/*
 * test_store.c - the files of the state directory: what is read and written, and the sentence for
 * each fault.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "sandbox.h"
#include "state_text.h"
#include "store.h"
#include "unit.h"

#define NOW INT64_C(1795910400)

static struct batv_store store;
static char message[BATV_MESSAGE_SIZE];

static void setup(void)
{
	sandbox_make();
	strcpy(message, "untouched");
	ck_assert_int_eq(batv_store_open(&store, sandbox, message, sizeof message), BATV_OK);
	ck_assert_str_eq(message, "untouched");
}

static void teardown(void)
{
	batv_store_close(&store);
	sandbox_remove();
}

/* "%" stands for the directory. */
static void says(const char *want)
{
	char whole[3000] = "", *out = whole;

	for (; *want; want++)
		out += *want == '%' ? sprintf(out, "%s", sandbox) : sprintf(out, "%c", *want);
	ck_assert_str_eq(message, whole);
}

static enum batv_err open_other(const char *path)
{
	struct batv_store other = {.dirfd = 77};
	enum batv_err err = batv_store_open(&other, path, message, sizeof message);

	ck_assert_int_eq(other.dirfd, -1);
	batv_store_close(&other);
	return err;
}

START_TEST(directories)
{
	char path[300], name[300] = "";
	int fd = store.dirfd, kept;

	ck_assert_int_ge(fd, 0);
	batv_store_close(&store);
	ck_assert_int_eq(store.dirfd, -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	batv_store_close(&store);
	kept = dup(0);
	close(0);
	ck_assert_int_eq(batv_store_open(&store, sandbox, message, sizeof message), BATV_OK);
	ck_assert_int_eq(store.dirfd, 0);
	batv_store_close(&store);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	ck_assert_int_eq(dup2(kept, 0), 0);
	close(kept);
	(void)snprintf(path, sizeof path, "%s/none", sandbox);
	ck_assert_int_eq(open_other(path), BATV_E_NO_FILE);
	says("%/none: the state directory is missing; create it with: install -d -o batv -g "
	     "Debian-exim -m 2750 %/none");
	ck_assert_int_eq(fchmod(dir, 0777), 0);
	ck_assert_int_eq(open_other(sandbox), BATV_E_UNSAFE_FILE);
	says("%: must be a directory to which nobody but its owner may write; correct it with: "
	     "chown batv:Debian-exim %; chmod 2750 %");
	memset(name, 'x', sizeof name - 1);
	ck_assert_int_eq(open_other(name), BATV_E_IO);
	ck_assert_ptr_nonnull(
		strstr(message, ": cannot open the state directory: File name too long"));
}
END_TEST

START_TEST(whose_directory)
{
	const mode_t plain = S_IFDIR | 0700;

	store.dir.st_uid = geteuid();
	store.dir.st_gid = getegid();
	store.dir.st_mode = plain;
	ck_assert_int_eq(batv_store_own(&store, message, sizeof message), BATV_OK);
	store.dir.st_gid = getegid() + 1;
	store.dir.st_mode = plain | S_ISGID;
	ck_assert_int_eq(batv_store_own(&store, message, sizeof message), BATV_OK);
	store.dir.st_mode = plain;
	ck_assert_int_eq(batv_store_own(&store, message, sizeof message), BATV_E_UNSAFE_FILE);
	says("%: mode 0700: new files would not get its group, so Exim could not read them; "
	     "correct "
	     "it with: chmod 2750 %");
}
END_TEST

START_TEST(locks)
{
	int first = 7, second = 7;

	ck_assert_int_eq(batv_store_lock(&store, "lock", 0, &first, message, sizeof message),
			 BATV_OK);
	ck_assert_str_eq(message, "untouched");
	ck_assert_int_eq(batv_store_lock(&store, "lock", 0, &second, message, sizeof message),
			 BATV_E_CONFLICT);
	ck_assert_int_eq(second, -1);
	says("%/lock: another process holds this lock");
	close(first);
	sandbox_file("open", 0666, "", 0);
	ck_assert_int_eq(batv_store_lock(&store, "open", 0, &second, message, sizeof message),
			 BATV_E_UNSAFE_FILE);
	ck_assert_ptr_nonnull(strstr(message, "/open: cannot lock: "));
}
END_TEST

START_TEST(the_daemon)
{
	int held, kept;

	ck_assert_int_eq(batv_store_daemon(&store), BATV_NO);
	ck_assert_int_eq(batv_store_last_beat(&store), 0);
	ck_assert_int_eq(
		batv_store_lock(&store, BATV_DAEMON_LOCK, 0, &held, message, sizeof message),
		BATV_OK);
	ck_assert_int_eq(batv_store_daemon(&store), BATV_YES);
	ck_assert_int_eq(batv_store_last_beat(&store), 0);
	batv_store_beat(held, NOW);
	ck_assert_int_eq(batv_store_last_beat(&store), NOW);
	batv_store_beat(held, 5); /* a shorter number */
	ck_assert_int_eq(batv_store_last_beat(&store), 5);
	batv_store_beat(held, INT64_MIN);
	ck_assert_int_eq(batv_store_last_beat(&store), INT64_MIN);
	batv_store_beat(-1, NOW);
	close(held);
	kept = dup(0);
	close(0);
	ck_assert_int_eq(batv_store_daemon(&store), BATV_NO);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	ck_assert_int_eq(batv_store_last_beat(&store), INT64_MIN);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	held = openat(dir, BATV_DAEMON_LOCK, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(held, 0);
	batv_store_beat(held, NOW);
	ck_assert_int_eq(batv_store_last_beat(&store), NOW);
	ck_assert_int_eq(dup2(kept, 0), 0);
	close(kept);
	sandbox_file(BATV_DAEMON_LOCK, 0600, "looking 7\n", 10);
	ck_assert_int_eq(batv_store_last_beat(&store), 0);
	sandbox_file(BATV_DAEMON_LOCK, 0600, "looked 7\n", 9);
	ck_assert_int_eq(batv_store_last_beat(&store), 7);
	sandbox_file(BATV_DAEMON_LOCK, 0600, "xooked 7\n", 9);
	ck_assert_int_eq(batv_store_last_beat(&store), 0);
	/* this user cannot look */
	ck_assert_int_eq(unlinkat(dir, BATV_DAEMON_LOCK, 0), 0);
	ck_assert_int_eq(symlinkat("x", dir, BATV_DAEMON_LOCK), 0);
	ck_assert_int_eq(batv_store_daemon(&store), BATV_MAYBE);
	ck_assert_int_eq(batv_store_last_beat(&store), 0);
	ck_assert_int_eq(unlinkat(dir, BATV_DAEMON_LOCK, 0), 0);
	ck_assert_int_eq(mkdirat(dir, BATV_DAEMON_LOCK, 0700), 0);
	ck_assert_int_eq(batv_store_last_beat(&store), 0); /* it cannot be read */
}
END_TEST

static struct batv_secrets secrets, back;

START_TEST(secrets_and_their_faults)
{
	ck_assert_int_eq(batv_store_read_secret(&store, &back, message, sizeof message),
			 BATV_E_NO_FILE);
	ck_assert_ptr_nonnull(strstr(message, "/secret: "));
	ck_assert_ptr_null(strstr(message, "unsafe"));
	ck_assert_int_eq(batv_secrets_create(&secrets, 604800, 604800, NOW), BATV_OK);
	strcpy(message, "untouched");
	ck_assert_int_eq(batv_store_write_secret(&store, &secrets, message, sizeof message),
			 BATV_OK);
	ck_assert_int_eq(batv_store_read_secret(&store, &back, message, sizeof message), BATV_OK);
	ck_assert_str_eq(message, "untouched");
	ck_assert_uint_eq(back.list[0].number, secrets.list[0].number);
	ck_assert_int_eq(fchmodat(dir, "secret", 0644, 0), 0);
	ck_assert_int_eq(batv_store_read_secret(&store, &back, message, sizeof message), BATV_OK);
	ck_assert_int_eq(fchmodat(dir, "secret", 0666, 0), 0);
	ck_assert_int_eq(batv_store_read_secret(&store, &back, message, sizeof message),
			 BATV_E_UNSAFE_FILE);
	ck_assert_ptr_nonnull(strstr(message, "/secret: not used, it is unsafe: "));
	sandbox_file("secret", 0600, "exim-batv secret 1\n\njunk\n", 25);
	ck_assert_int_eq(batv_store_read_secret(&store, &back, message, sizeof message),
			 BATV_E_SYNTAX);
	says("%/secret:3: unknown keyword: expected secret, memory, end or a comment");
	ck_assert_int_eq(mkdirat(dir, ".secret.new", 0700), 0);
	ck_assert_int_eq(batv_store_write_secret(&store, &secrets, message, sizeof message),
			 BATV_E_IO);
	says("%/secret: cannot write the secrets: Is a directory");
}
END_TEST

static struct batv_stored_state stored;

START_TEST(states_and_their_faults)
{
	char text[8192];
	size_t len = state_seal(STATE_BODY, strlen(STATE_BODY), text);
	const char *before;

	ck_assert_int_eq(batv_store_read_state(&store, &stored, message, sizeof message),
			 BATV_E_NO_FILE);
	ck_assert_ptr_nonnull(strstr(message, "/state: "));
	ck_assert_ptr_null(stored.text);
	sandbox_file("state", 0640, text, len);
	strcpy(message, "untouched");
	ck_assert_int_eq(batv_store_read_state(&store, &stored, message, sizeof message), BATV_OK);
	ck_assert_str_eq(message, "untouched");
	ck_assert_uint_eq(stored.len, len);
	ck_assert_str_eq(stored.state.memory, "memory.3");
	before = stored.text;
	sandbox_file("state", 0640, text, len - 1);
	ck_assert_int_eq(batv_store_read_state(&store, &stored, message, sizeof message),
			 BATV_E_DAMAGED);
	ck_assert_ptr_nonnull(strstr(message, "/state"));
	ck_assert_ptr_eq(stored.text, before); /* as before */
	len = state_seal(STATE_HEAD "override x y z\n" STATE_KEYS STATE_POLICIES,
			 strlen(STATE_HEAD "override x y z\n" STATE_KEYS STATE_POLICIES), text);
	sandbox_file("state", 0640, text, len);
	ck_assert_int_eq(batv_store_read_state(&store, &stored, message, sizeof message),
			 BATV_E_SYNTAX);
	says("%/state:10: expected enforcement, anyway, signing or the name of a list");
	batv_store_free_state(&stored);
	ck_assert_ptr_null(stored.text);
	ck_assert_uint_eq(stored.len, 0);
	batv_store_free_state(&stored);
}
END_TEST

START_TEST(what_is_published)
{
	static char big[BATV_STATE_MAX + 2];
	char text[8192];
	size_t len = state_seal(STATE_BODY, strlen(STATE_BODY), text);
	struct batv_stored_state out = {0};
	struct stat st;

	sandbox_file("state", 0640, text, len);
	ck_assert_int_eq(batv_store_read_state(&store, &stored, message, sizeof message), BATV_OK);
	stored.state.serial = 77;
	strcpy(message, "untouched");
	ck_assert_int_eq(batv_store_publish(&store, &stored.state, &out, message, sizeof message),
			 BATV_OK);
	ck_assert_uint_eq(out.state.serial, 77);
	ck_assert_str_eq(out.state.policies[1].name, "shop");
	stored.state.serial = 78;
	ck_assert_int_eq(batv_store_publish(&store, &stored.state, NULL, message, sizeof message),
			 BATV_OK);
	ck_assert_uint_eq(out.state.serial, 77);
	ck_assert_int_eq(batv_store_publish(&store, &stored.state, &out, message, sizeof message),
			 BATV_OK);
	ck_assert_uint_eq(out.state.serial, 78);
	ck_assert_str_eq(message, "untouched");
	ck_assert_int_eq(fstatat(dir, "state", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, BATV_STATE_MODE);
	stored.state.memory = "a/b";
	ck_assert_int_eq(batv_store_publish(&store, &stored.state, &out, message, sizeof message),
			 BATV_E_SYNTAX);
	ck_assert_ptr_nonnull(strstr(message, "/state: cannot write the state: "));
	stored.state.memory = "";
	memset(big, 'x', BATV_STATE_MAX);
	stored.state.policies[0].own_hosts = big;
	ck_assert_int_eq(batv_store_publish(&store, &stored.state, &out, message, sizeof message),
			 BATV_E_TOO_LONG);
	says("%/state: the configuration does not fit into a state of 65536 bytes; move the "
	     "longest "
	     "list (policy default, option own_hosts) to a file, and name the file instead");
	stored.state.policies[0].own_hosts = "";
	ck_assert_int_eq(mkdirat(dir, ".state.new", 0700), 0);
	ck_assert_int_eq(batv_store_publish(&store, &stored.state, &out, message, sizeof message),
			 BATV_E_IO);
	says("%/state: cannot write the state: Is a directory");
	ck_assert_uint_eq(out.state.serial, 78);
	batv_store_free_state(&out);
	batv_store_free_state(&stored);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("store");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, directories);
	tcase_add_test(tc, whose_directory);
	tcase_add_test(tc, locks);
	tcase_add_test(tc, the_daemon);
	tcase_add_test(tc, secrets_and_their_faults);
	tcase_add_test(tc, states_and_their_faults);
	tcase_add_test(tc, what_is_published);
	return s;
}
