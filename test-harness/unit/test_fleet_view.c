/* links: admin/fleet_view admin/replace core/memory/header core/base/safefile core/base/fault core/base/err core/base/span */
/*
 * test_fleet_view.c - what batv-fleet says of the other hosts: a file that is ours, with rows in it
 * that are not.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet_view.h"
#include "unit.h"

#define NOW 1795348800
#define DAY 86400

static struct batv_fleet_view view;
static char why[300];

static enum batv_err parse(const char *text)
{
	return batv_fleet_view_parse(text, strlen(text), NOW, &view, why, sizeof why);
}

static void finish(void)
{
	batv_fleet_view_free(&view);
}

/* A view of one host with this row. */
static const struct batv_fleet_host *with_row(const char *row)
{
	char text[8192];

	batv_fleet_view_free(&view);
	(void)snprintf(text, sizeof text,
		       "{\"schema\": 1, \"fleet\": \"f\", \"hosts\": [{\"name\": \"h\", \"id\": "
		       "\"00\", \"row\": %s}]}",
		       row);
	ck_assert_msg(parse(text) == BATV_OK, "%s", why);
	ck_assert_uint_eq(view.n_hosts, 1);
	return &view.hosts[0];
}

START_TEST(a_whole_view)
{
	const struct batv_fleet_host *h;
	const struct batv_fleet_domain *d;

	ck_assert_int_eq(
		parse("{\"schema\": 1, \"written\": 1795348000, \"fleet\": \"mail.example\","
		      " \"until\": 1795347999250, \"since\": 1795000000, \"complete\": true,"
		      " \"lacks\": [\"a\"], \"engines\": [{\"server\": \"x:1\"}], \"hosts\": ["
		      " {\"id\": \"00000000000000aa\", \"name\": \"relay1\", \"heard\": 1795347990,"
		      "  \"until\": 1795347990123, \"offset\": -12, \"gaps\": 2, \"holes\": 3,"
		      "  \"row_at\": 1795340000, \"row\": {\"version\": \"1.2\", \"fingerprint\": "
		      "\"ab\", \"signing\": {\"number\": 4711, \"check\": \"cd\"}, \"fresh\": true,"
		      " \"joined\": 1795000001, \"unsigned\": [\"p\"], \"observe\": {\"on\": true,"
		      " \"counter\": 4, \"at\": 1795300000}, \"breaks\": [{\"policy\": \"*\","
		      " \"when\": 1795200000, \"until\": 1795400000, \"why\": \"w\"}], \"domains\":"
		      " [{\"name\": \"b.example\", \"policy\": \"default\", \"first_signed\": 1,"
		      " \"last_signed\": 2, \"first_valid\": 3, \"last_valid\": 4, \"broken\": 5,"
		      " \"bare\": 6, \"armed\": true, \"complete\": true}, {\"name\":"
		      " \"a.example\"}]}}, {\"id\": \"00000000000000bb\", \"name\": \"mx\","
		      " \"own\": true, \"left\": true, \"row\": null}]}"),
		BATV_OK);
	ck_assert_str_eq(view.fleet, "mail.example");
	ck_assert_int_eq(view.written, 1795348000);
	ck_assert_int_eq(view.until, 1795347999250);
	ck_assert_int_eq(view.since, 1795000000);
	ck_assert(view.complete);
	ck_assert_uint_eq(json_array_size(view.lacks), 1);
	ck_assert_uint_eq(json_array_size(view.engines), 1);
	h = batv_fleet_view_host(&view, "relay1");
	ck_assert_ptr_eq(h, batv_fleet_view_host(&view, "00000000000000aa"));
	ck_assert_ptr_eq(h, &view.hosts[0]);
	ck_assert_int_eq(h->heard, 1795347990);
	ck_assert_int_eq(h->until, 1795347990123);
	ck_assert_int_eq(h->offset, -12);
	ck_assert_uint_eq(h->gaps, 2);
	ck_assert_uint_eq(h->holes, 3);
	ck_assert_int_eq(h->row_at, 1795340000);
	ck_assert(h->has_row && h->fresh && !h->own && !h->left && !h->cut);
	ck_assert_str_eq(h->version, "1.2");
	ck_assert_str_eq(h->fingerprint, "ab");
	ck_assert_str_eq(h->signing, "cd");
	ck_assert_uint_eq(h->signing_number, 4711);
	ck_assert_int_eq(h->joined, 1795000001);
	ck_assert_uint_eq(h->n_unsigned, 1);
	ck_assert_str_eq(h->not_signed[0], "p");
	ck_assert_uint_eq(h->n_breaks, 1);
	ck_assert_int_eq(h->breaks[0].until, 1795400000);
	ck_assert_str_eq(h->breaks[0].why, "w");
	ck_assert_uint_eq(h->n_domains, 2);
	ck_assert_str_eq(h->domains[0].name, "a.example");
	d = batv_fleet_view_domain(h, "b.example");
	ck_assert_ptr_eq(d, &h->domains[1]);
	ck_assert_int_eq(d->first_signed, 1);
	ck_assert_int_eq(d->last_signed, 2);
	ck_assert_int_eq(d->first_valid, 3);
	ck_assert_int_eq(d->last_valid, 4);
	ck_assert_int_eq(d->broken, 5);
	ck_assert_int_eq(d->bare, 6);
	ck_assert(d->armed && d->complete);
	ck_assert(!batv_fleet_view_domain(h, "c.example"));
	ck_assert(!batv_fleet_view_host(&view, "relay2"));
	ck_assert(view.hosts[1].own && view.hosts[1].left && !view.hosts[1].has_row);
	ck_assert(!batv_fleet_view_domain(&view.hosts[1], "a.example"));
	ck_assert_ptr_eq(batv_fleet_view_observe(&view), h);
}
END_TEST

/* Each is refused with what was expected. */
static const struct {
	const char *text;
	enum batv_err err;
	const char *says;
} wrong[] = {
	{"", BATV_E_SYNTAX, "expected JSON"},
	{"{\n\"schema\": 1,\n", BATV_E_SYNTAX, "line 3"},
	{"[]", BATV_E_SYNTAX, "expected a JSON object"},
	{"{}", BATV_E_VERSION, "expected \"schema\": 1"},
	{"{\"schema\": 2, \"hosts\": []}", BATV_E_VERSION, "install the same"},
	{"{\"schema\": 1}", BATV_E_SYNTAX, "expected an array \"hosts\""},
	{"{\"schema\": 1, \"hosts\": {}}", BATV_E_SYNTAX, "expected an array \"hosts\""},
};

START_TEST(a_file_that_is_no_view)
{
	ck_assert_int_eq(parse(wrong[_i].text), wrong[_i].err);
	ck_assert_msg(strstr(why, wrong[_i].says) != NULL, "%s", why);
	ck_assert_ptr_null(view.json);
	ck_assert_uint_eq(view.n_hosts, 0);
}
END_TEST

START_TEST(too_many_hosts)
{
	char *text = malloc(64 + 4 * (BATV_FLEET_HOSTS_MAX + 1));
	size_t n;

	for (n = BATV_FLEET_HOSTS_MAX; n <= BATV_FLEET_HOSTS_MAX + 1; n++) {
		strcpy(text, "{\"schema\": 1, \"hosts\": [{}");
		for (size_t i = 1; i < n; i++)
			strcat(text, ",{}");
		strcat(text, "]}");
		ck_assert_int_eq(parse(text), n <= BATV_FLEET_HOSTS_MAX ? BATV_OK : BATV_E_FULL);
		batv_fleet_view_free(&view);
	}
	free(text);
}
END_TEST

/* A host's clock and its word have limits, and a part of another type counts as missing. */
START_TEST(what_a_host_says_has_limits)
{
	const struct batv_fleet_host *h;

	h = with_row("{\"version\": 7, \"fingerprint\": [], \"signing\": \"x\", \"fresh\": 1,"
		     " \"joined\": \"y\", \"observe\": 3, \"unsigned\": [1, null, {}],"
		     " \"breaks\": [3, {\"when\": 9}], \"domains\": [null, \"a\", {\"name\": 3},"
		     " {\"name\": \"\"}]}");
	ck_assert(h->has_row && !h->fresh && !h->observe);
	ck_assert_str_eq(h->version, "");
	ck_assert_str_eq(h->fingerprint, "");
	ck_assert_str_eq(h->signing, "");
	ck_assert_int_eq(h->joined, 0);
	ck_assert_uint_eq(h->n_unsigned + h->n_breaks + h->n_domains, 0);

	h = with_row("{\"domains\": [{\"name\": \"a\", \"first_signed\": 1795348801,"
		     " \"last_signed\": 9223372036854775807, \"bare\": -5, \"broken\": 1e9}],"
		     " \"breaks\": [{\"policy\": \"*\", \"when\": 1795435200, \"until\":"
		     " 9223372036854775807}, {\"policy\": \"*\", \"until\": -1}]}");
	ck_assert_int_eq(h->domains[0].first_signed, NOW);
	ck_assert_int_eq(h->domains[0].last_signed, NOW);
	ck_assert_int_eq(h->domains[0].bare, 0);
	ck_assert_int_eq(h->domains[0].broken, 0);
	ck_assert_int_eq(h->breaks[0].when, NOW);
	ck_assert_int_eq(h->breaks[0].until, NOW + BATV_FLEET_UNTIL_DAYS * (int64_t)DAY);
	ck_assert_int_eq(h->breaks[1].until, 0);

	h = with_row("[1]");
	ck_assert(!h->has_row);
}
END_TEST

/* Lists that are too long are cut. */
START_TEST(long_lists)
{
	static const struct {
		const char *list, *item;
		size_t n, most;
	} rows[] = {{"domains", "{\"name\":\"a\"}", 16400, 16384},
		    {"breaks", "{\"policy\":\"*\"}", 300, 256},
		    {"unsigned", "\"p\"", 300, 256}};
	char *text = malloc(400000), *end = text;
	size_t got;

	end += sprintf(end, "{\"schema\":1,\"hosts\":[{\"row\":{\"%s\":[", rows[_i].list);
	for (size_t i = 0; i < rows[_i].n; i++)
		end += sprintf(end, "%s%s", i ? "," : "", rows[_i].item);
	strcpy(end, "]}}]}");
	ck_assert_int_eq(parse(text), BATV_OK);
	free(text);
	got = view.hosts[0].n_domains + view.hosts[0].n_breaks + view.hosts[0].n_unsigned;
	ck_assert_uint_eq(got, rows[_i].most);
}
END_TEST

/* The highest counter has the last word, whatever the clocks say. */
START_TEST(who_said_observe_last)
{
	ck_assert_int_eq(
		parse("{\"schema\": 1, \"hosts\": ["
		      "{\"name\": \"a\", \"row\": {\"observe\": {\"on\": true, \"counter\": 3,"
		      " \"at\": 1795348800}}},"
		      "{\"name\": \"b\", \"row\": {\"observe\": {\"on\": false, \"counter\": 4,"
		      " \"at\": 1}}}, {\"name\": \"c\", \"row\": {}}]}"),
		BATV_OK);
	ck_assert_str_eq(batv_fleet_view_observe(&view)->name, "b");
	ck_assert(!batv_fleet_view_observe(&view)->observe);
	batv_fleet_view_free(&view);
	ck_assert_int_eq(parse("{\"schema\": 1, \"hosts\": [{}]}"), BATV_OK);
	ck_assert_ptr_null(batv_fleet_view_observe(&view));
}
END_TEST

START_TEST(the_file)
{
	char directory[] = "/tmp/fleet_view.XXXXXX", path[64], message[600];
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void)snprintf(path, sizeof path, "%s/view", directory);
	ck_assert_int_eq(
		batv_fleet_view_read("/nonexistent/x", NOW, &view, message, sizeof message),
		BATV_E_NO_FILE);
	ck_assert_ptr_nonnull(strstr(message, "/nonexistent/x: "));
	ck_assert_int_eq(batv_fleet_view_read(directory, NOW, &view, message, sizeof message),
			 BATV_E_NO_FILE);
	ck_assert_ptr_nonnull(strstr(message, path));
	fd = open(path, O_WRONLY | O_CREAT, 0640);
	ck_assert_int_eq(write(fd, "{\"schema\": 1, \"hosts\": []}", 26), 26);
	close(fd);
	ck_assert_int_eq(batv_fleet_view_read(directory, NOW, &view, message, sizeof message),
			 BATV_OK);
	ck_assert_ptr_nonnull(view.json);
	ck_assert_int_eq(truncate(path, 25), 0);
	batv_fleet_view_free(&view);
	ck_assert_int_eq(batv_fleet_view_read(directory, NOW, &view, message, sizeof message),
			 BATV_E_SYNTAX);
	ck_assert_ptr_nonnull(strstr(message, "/view: line 1: expected JSON"));
	/* Not what somebody else could have put there. */
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(batv_fleet_view_read(directory, NOW, &view, message, sizeof message),
			 BATV_E_UNSAFE_FILE);
	unlink(path);
	rmdir(directory);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("fleet_view");
	TCase *t = tcase_create("fleet_view");

	tcase_add_checked_fixture(t, NULL, finish);
	tcase_add_test(t, a_whole_view);
	tcase_add_loop_test(t, a_file_that_is_no_view, 0, (int)(sizeof wrong / sizeof wrong[0]));
	tcase_add_test(t, too_many_hosts);
	tcase_add_test(t, what_a_host_says_has_limits);
	tcase_add_loop_test(t, long_lists, 0, 3);
	tcase_add_test(t, who_said_observe_last);
	tcase_add_test(t, the_file);
	suite_add_tcase(s, t);
	return s;
}
