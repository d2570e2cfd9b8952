/* links: core/decide/servers core/base/span */
/*
 * test_servers.c - the list of a fleet's servers.
 */
#include "decide/servers.h"

#include <string.h>

#include "unit.h"

#define HOST_63 "a23456789.123456789.123456789.123456789.123456789.123456789.123"
#define HOST_253 HOST_63 HOST_63 HOST_63 HOST_63 "x"
#define PATH_107                                                                                   \
 "/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"               \
 "123456789/123456789/123456"

/* host NULL: refused. */
static const struct {
	const char *text, *host;
	unsigned port;
	bool tls;
} servers[] = {
	{"redis1.example:6379", "redis1.example", 6379, false},
	{"redis1", "redis1", 6379, false},
	{"127.0.0.1:1", "127.0.0.1", 1, false},
	{"redis_1.a-b.example:65535", "redis_1.a-b.example", 65535, false},
	{"[::1]", "::1", 6379, false},
	{"[2001:db8::1]:7000", "2001:db8::1", 7000, false},
	{"[::ffff:192.0.2.1]:7000", "::ffff:192.0.2.1", 7000, false},
	{"redis://a:7", "a", 7, false},
	{"rediss://a", "a", 6379, true},
	{"rediss://[::1]:7", "::1", 7, true},
	{"unix:/run/redis/redis.sock", "/run/redis/redis.sock", 0, false},
	{"unix:/a b", "/a b", 0, false},
	{"unix:" PATH_107, PATH_107, 0, false},
	{HOST_253, HOST_253, 6379, false},
	{HOST_253 "x", NULL, 0, false},
	{"unix:" PATH_107 "x", NULL, 0, false},
	{"unix:run/redis", NULL, 0, false},
	{"unix:/", NULL, 0, false},
	{"unix:", NULL, 0, false},
	{"unix:/a\nb", NULL, 0, false},
	{"", NULL, 0, false},
	{":6379", NULL, 0, false},
	{"a:", NULL, 0, false},
	{"a:0", NULL, 0, false},
	{"a:65536", NULL, 0, false},
	{"a:18446744073709551617", NULL, 0, false},
	{"a:-1", NULL, 0, false},
	{"a:6379x", NULL, 0, false},
	{"a:6379/0", NULL, 0, false},
	{"a b", NULL, 0, false},
	{"-a", NULL, 0, false},
	{"!a", NULL, 0, false},
	{"::1", NULL, 0, false},
	{"[::1", NULL, 0, false},
	{"[]", NULL, 0, false},
	{"[::1]6379", NULL, 0, false},
	{"[a_b]", NULL, 0, false},
	{"user@a", NULL, 0, false},
	{"redis://user:secret@a", NULL, 0, false},
	{"http://a", NULL, 0, false},
	{"redis://", NULL, 0, false},
	{"rediss://redis://a", NULL, 0, false},
	{"b\xc3\xbc.example", NULL, 0, false},
};

START_TEST(one_server)
{
	struct batv_span list = batv_span_of(servers[_i].text);
	struct batv_server s;
	const char *wrong = batv_server_next(&list, &s);

	ck_assert_uint_eq(list.len, 0);
	ck_assert_msg(!wrong == (servers[_i].host != NULL), "%s", servers[_i].text);
	ck_assert_msg(!batv_servers_wrong(batv_span_of(servers[_i].text)) == !wrong, "%s",
		      servers[_i].text);
	if (wrong) {
		ck_assert(strncmp(wrong, "expected ", 9) == 0);
		return;
	}
	ck_assert_msg(batv_span_equal(s.host, batv_span_of(servers[_i].host)), "%s",
		      servers[_i].text);
	ck_assert(batv_span_equal(s.text, batv_span_of(servers[_i].text)));
	ck_assert_uint_eq(s.port, servers[_i].port);
	ck_assert(s.tls == servers[_i].tls);
}
END_TEST

static const struct {
	const char *list;
	size_t n; /* 0: refused */
} lists[] = {
	{"a", 1},
	{" a:1 ,b:2", 2},
	{"a, b , unix:/c, [::1]", 4},
	{"a, b, c, d, e", 0},
	{"a,", 0},
	{"a, ", 0},
	{",a", 0},
	{"a,!", 0},
	{"a,,b", 0},
	{"a; b", 0},
	{"a, b, A:6379", 0}, /* the same one */
	{"a, a:6380", 2},
	{"redis://a, rediss://a", 0},
	{"unix:/a, unix:/A", 2},
	{"unix:/a, unix:/a", 0},
	{" ", 0},
	{"a\n", 0},
	{"unix:/a\t, b", 0},
};

START_TEST(a_list)
{
	struct batv_span list = batv_span_of(lists[_i].list);
	const char *wrong = batv_servers_wrong(list);
	struct batv_server s;
	size_t n = 0;

	ck_assert_msg(!wrong == (lists[_i].n > 0), "%s", lists[_i].list);
	if (wrong) {
		ck_assert(strncmp(wrong, "expected ", 9) == 0);
		return;
	}
	for (; list.len > 0; n++)
		ck_assert_ptr_null(batv_server_next(&list, &s));
	ck_assert_uint_eq(n, lists[_i].n);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("servers");
	TCase *tc = tcase_create("servers");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, one_server, 0, (int)(sizeof servers / sizeof servers[0]));
	tcase_add_loop_test(tc, a_list, 0, (int)(sizeof lists / sizeof lists[0]));
	return s;
}
