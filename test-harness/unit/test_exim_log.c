/* links: batvctl/exim_log core/span */
/*
 * test_exim_log.c - lines of Exim's main log: what is read, and what a stranger can't make of them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src/batvctl/exim_log.h"

#define HEAD	"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 <= "
#define WHEN	INT64_C(1795377600)

static const struct {
	const char *line;
	int64_t when; /* 0: not an arrival */
	const char *sender, *host, *id;
	bool authenticated;
	const char *recipients; /* joined by "," */
} lines[] = {
	{HEAD "ann@example.org U=ann P=local S=512 id=a@b for bob@example.net", WHEN,
	 "ann@example.org", "", "a@b", false, "bob@example.net"},
	{HEAD "ann@example.org H=pc.example.org (pc) [192.0.2.1]:4711 I=[192.0.2.2]:587 P=esmtpsa "
	      "X=TLS1.3:AES:256 CV=no A=plain:ann S=512 id=a@b T=\"hello for x@y id=z\" "
	      "from <ann@example.org> for bob@example.net carl@example.net",
	 WHEN, "ann@example.org", "192.0.2.1", "a@b", true, "bob@example.net,carl@example.net"},
	{HEAD "ann@example.org H=(pc) [2001:db8::1] P=esmtp S=512 id=a@b", WHEN, "ann@example.org",
	 "2001:db8::1", "a@b", false, ""},
	{HEAD "ann@example.org H=[192.0.2.1] P=smtp S=512", WHEN, "ann@example.org", "192.0.2.1",
	 "", false, ""},
	{"2026-11-22 20:00:00 1vMabc-0000ab-1A <= a@b U=a P=local S=1 id=x", WHEN, "a@b", "", "x",
	 false, ""},
	{"2026-11-22 21:00:00 +0100 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1 id=x", WHEN,
	 "a@b", "", "x", false, ""},
	{"2026-11-22 15:30:00 -0430 [123] 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1 id=x",
	 WHEN, "a@b", "", "x", false, ""},
	{"2026-11-22 20:00:00.123 [123] 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1 id=x", WHEN,
	 "a@b", "", "x", false, ""},
	/* no arrivals */
	{HEAD "<> R=1vMabc-000000001ab-1Ab2 U=Debian-exim P=local S=512", .when = 0},
	{"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 => bob@example.net R=r T=t", .when = 0},
	{"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 Completed", .when = 0},
	{"2026-11-22 20:00:00 <= ann@example.org U=ann P=local S=512 id=a@b", .when = 0},
	{"2026-11-22 20:00:00 H=x [192.0.2.1] rejected", .when = 0},
	{"2026-11-22", .when = 0},
	{"20261122 20:00:00 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1", .when = 0},
	{"", .when = 0},
	{HEAD "ann@example.org U=ann P=local", .when = 0}, /* cut off */
	{HEAD, .when = 0},
	/* what a stranger may try */
	{HEAD "\"x A=plain:ann S=1 \"@example.org H=x [192.0.2.9] P=smtp S=512 id=a", .when = 0},
	{HEAD "ann@example.org H=x [192.0.2.9] P=smtp S=512 id=x A=plain:ann H=y [127.0.0.1]",
	 WHEN, "ann@example.org", "192.0.2.9", "x", false, ""},
	{HEAD "ann@example.org H=x [192.0.2.9] P=smtp S=512 T=\"A=plain:ann \\\" id=q\"", WHEN,
	 "ann@example.org", "192.0.2.9", "", false, ""},
	{HEAD "ann@example.org H=x [192.0.2.9] P=esmtps DN=\"CN=x\" A=plain:ann\" S=512 id=x", WHEN,
	 "ann@example.org", "192.0.2.9", "x", false, ""},
	{HEAD "ann@example.org H=(x [127.0.0.1]) [192.0.2.9] P=smtp S=512 id=x", WHEN,
	 "ann@example.org", "192.0.2.9", "x", false, ""},
	{HEAD "ann@example.org H=x P=smtp S=512 id=x", .when = 0}, /* a host, and no address */
};

static struct batv_span from_heap(const char *text, char **copy)
{
	size_t len = strlen(text);

	*copy = malloc(len + 1); /* exactly as long: a sanitizer sees each byte too many */
	memcpy(*copy, text, len);
	*copy = realloc(*copy, len ? len : 1);
	return (struct batv_span){*copy, len};
}

static void expect(struct batv_span s, const char *want)
{
	ck_assert_msg(batv_span_equal(s, batv_span_of(want)), "%.*s, not %s", (int)s.len, s.p,
		      want);
}

START_TEST(arrivals)
{
	struct batv_arrival a;
	char joined[200] = "", *copy;
	bool is = batv_exim_log_arrival(from_heap(lines[_i].line, &copy), &a);

	ck_assert_msg(is == (lines[_i].when != 0), "%s", lines[_i].line);
	if (is) {
		ck_assert_int_eq(a.when, lines[_i].when);
		expect(a.sender, lines[_i].sender);
		expect(a.host_address, lines[_i].host);
		expect(a.id, lines[_i].id);
		ck_assert(a.authenticated == lines[_i].authenticated);
		for (size_t i = 0; i < a.n_recipients; i++) {
			if (i)
				strcat(joined, ",");
			strncat(joined, a.recipients[i].p, a.recipients[i].len);
		}
		ck_assert_str_eq(joined, lines[_i].recipients);
	}
	free(copy);
}
END_TEST

/* Every line cut anywhere: nothing is read beyond its end. */
START_TEST(cut_lines)
{
	struct batv_arrival a;

	for (size_t len = 0; len <= strlen(lines[_i].line); len++) {
		char *copy = malloc(len ? len : 1);

		memcpy(copy, lines[_i].line, len);
		(void)batv_exim_log_arrival((struct batv_span){copy, len}, &a);
		free(copy);
	}
}
END_TEST

START_TEST(many_recipients)
{
	static char line[20000] = HEAD "a@b U=a P=local S=1 id=x for";
	struct batv_arrival a;

	for (int i = 0; i < 500; i++)
		strcat(line, " bob@example.net");
	ck_assert(batv_exim_log_arrival(batv_span_of(line), &a));
	ck_assert_uint_eq(a.n_recipients, BATV_ARRIVAL_RCPTS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exim_log");
	TCase *tc = tcase_create("exim_log");
	SRunner *sr = srunner_create(s);
	int failed;

	setenv("TZ", "UTC", 1);
	tzset();
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, arrivals, 0, (int)(sizeof lines / sizeof lines[0]));
	tcase_add_loop_test(tc, cut_lines, 0, (int)(sizeof lines / sizeof lines[0]));
	tcase_add_test(tc, many_recipients);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
