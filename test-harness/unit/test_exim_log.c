/* links: log/exim_log log/log_line core/base/span */
/*
 * test_exim_log.c - lines of Exim's main log: what is read, and what a stranger can't make of them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src/log/exim_log.h"
#include "unit.h"

#define HEAD "2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 <= "
#define WHEN INT64_C(1795377600)

#define HOST HEAD "ann@example.org H=x [192.0.2.9] "
#define LOCAL HEAD "ann@example.org U=ann P=local "

static const struct {
	const char *line;
	enum batv_exim_log_line what;
	const char *host, *id;
	bool authenticated;
	const char *recipients; /* joined by "," */
	const char *sender;     /* NULL: ann@example.org */
} lines[] = {
	{LOCAL "S=512 id=a@b for bob@example.net", .id = "a@b", .recipients = "bob@example.net"},
	{HEAD "ann@example.org H=pc.example.org (pc) [192.0.2.1]:4711 I=[192.0.2.2]:587 P=esmtpsa "
	      "X=TLS1.3:AES:256 CV=no A=plain:ann S=512 id=a@b T=\"hello for x@y id=z\" "
	      "from <ann@example.org> for bob@example.net carl@example.net",
	 .host = "192.0.2.1", .id = "a@b", .authenticated = true,
	 .recipients = "bob@example.net,carl@example.net"},
	{HEAD "ann@example.org H=(pc) [2001:db8::1] P=esmtp S=512 id=a@b", .host = "2001:db8::1",
	 .id = "a@b"},
	{HEAD "ann@example.org H=[192.0.2.1] P=smtp S=512", .host = "192.0.2.1"},
	{"2026-11-22 20:00:00 1vMabc-0000ab-1A <= a@b U=a P=local S=1 id=x", .id = "x",
	 .sender = "a@b"},
	{"2026-11-22 21:00:00 +0100 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1 id=x", .id = "x",
	 .sender = "a@b"},
	{"2026-11-22 15:30:00 -0430 [123] 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1 id=x",
	 .id = "x", .sender = "a@b"},
	{"2026-11-22 20:00:00.123 [123] 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1 id=x",
	 .id = "x", .sender = "a@b"},
	/* log_selector = +all, as Exim 4.96 wrote it */
	{"2026-11-22 20:00:00.698 [11] 1xWxsZ-0002wV-2F <= root@test U=root P=local S=280 M8S=0 "
	 "RT=0.000s id*=E1xWxsZ-0002wV-2F@mail.test T=\"a \\\"b\\\\ for x@y\" from <root@test> for "
	 "bob "
	 "\"q r\"@test",
	 .id = "E1xWxsZ-0002wV-2F@mail.test", .recipients = "bob,\"q r\"@test",
	 .sender = "root@test"},
	{HEAD
	 "ann@example.org DS H=a.b (c) [192.0.2.1]:47 I=[192.0.2.2]:25 TFO* U=root P=esmtpsa L*- "
	 "X=TLS1.3:X__Y:256* CV=yes DN=\"C=X,CN=a b\" SNI=a\\040b A=plain:ann:ann@example.org PRDR "
	 "PRX=192.0.2.3 K S=5 M8S=8 DKIM=a.b ARC RT=1m2s Q=q id=a@b T=\"\" from <> for b@c",
	 .host = "192.0.2.1", .id = "a@b", .authenticated = true, .recipients = "b@c"},
	/* and as 4.98 and 4.100 did */
	{"2026-11-22 20:00:00.933 [9663] 1xWyHE-000000002Vr-3ryd <= a@test H=(x) [127.0.0.1]:47 "
	 "I=[127.0.0.1]:25 Ci=9663 P=esmtp L.- S=32 M8S=0 RT=0.003s id=a@b T=\"a message\" from "
	 "<a@test> for b@c",
	 .host = "127.0.0.1", .id = "a@b", .recipients = "b@c", .sender = "a@test"},
	/* by syslog */
	{"Nov 22 20:00:00 mail exim[123]: " LOCAL "S=1 id=x", .id = "x"},
	{"Nov  2 20:00:00 mail exim4[123]: " LOCAL "S=1 id=x", .id = "x"},
	{"2026-11-22T20:00:00.123456+01:00 mail exim[123]: " LOCAL "S=1 id=x", .id = "x"},
	{"Nov 22 20:00:00 mail sshd[123]: " LOCAL "S=1 id=x", .what = BATV_LOG_ODD},
	{"Nov 22 20:00:00 mail exim[123]: [1/2] " LOCAL "S=1 id=x", .what = BATV_LOG_ODD},
	{"Nov 22 20:00:00 mail exim[123]: 1vMabc-0000ab-1A <= a@b U=a P=local S=1 id=x",
	 .what = BATV_LOG_ODD},
	/* quoted strings, whole */
	{LOCAL "S=1 id=\"a for x@y\"@example.org for bob@example.net",
	 .id = "\"a for x@y\"@example.org", .recipients = "bob@example.net"},
	{LOCAL "S=1 id=\"x\\\" for x@y\"@[192.0.2.1] for \"a for x@y\"@example.net",
	 .id = "\"x\\\" for x@y\"@[192.0.2.1]", .recipients = "\"a for x@y\"@example.net"},
	{LOCAL "S=1 T=\"a \\\" for x@y id=z \\\\\" for bob@example.net",
	 .recipients = "bob@example.net"},
	{HEAD "\"x A=plain:ann S=1 \"@example.org H=x [192.0.2.9] P=smtp S=512 id=a",
	 .host = "192.0.2.9", .id = "a", .sender = "\"x A=plain:ann S=1 \"@example.org"},
	{HEAD "\"a <= b\\\" U=root P=local S=1 id=p\"@example.org H=x [192.0.2.9] P=smtp S=512",
	 .host = "192.0.2.9", .sender = "\"a <= b\\\" U=root P=local S=1 id=p\"@example.org"},
	/* no arrivals */
	{HEAD "<> R=1vMabc-000000001ab-1Ab2 U=Debian-exim P=local S=512", .what = BATV_LOG_BOUNCE},
	{"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 => bob@example.net R=r T=t",
	 .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 => a <= b@c U=a P=local S=1 id=x",
	 .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 ** a <= b@c U=a P=local S=1 id=x",
	 .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 Completed", .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 (= a@b U=a P=local S=1 id=x",
	 .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 <= ann@example.org U=ann P=local S=512 id=a@b",
	 .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 [7] cwd=/ 3 args: exim <= ann@example.org", .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 H=x [192.0.2.1] rejected", .what = BATV_LOG_OTHER},
	{"2026-11-22 20:00:00 H=1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1",
	 .what = BATV_LOG_OTHER},
	{"2026-11-22", .what = BATV_LOG_ODD},
	{"20261122 20:00:00 1vMabc-000000001ab-1Ab2 <= a@b U=a P=local S=1", .what = BATV_LOG_ODD},
	{"", .what = BATV_LOG_ODD},
	{LOCAL, .what = BATV_LOG_ODD}, /* cut off */
	{HEAD, .what = BATV_LOG_ODD},
	{HEAD "ann@example.org U=ann S=512 id=a@b", .what = BATV_LOG_ODD},
	{LOCAL "S=512 new=field id=a@b", .what = BATV_LOG_ODD},
	{LOCAL "S=512  id=a@b", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=a@b for", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=a@b\tfor b@c", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=a\\ for\\ x@y for b@c", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=x@[\"] for b@c", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=\"a\"b@c for b@c", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=a@b T=\"open for b@c", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=a@b T=\"a\"b\" for b@c", .what = BATV_LOG_ODD},
	{LOCAL "S=512 id=a@b for \"b@c", .what = BATV_LOG_ODD},
	/* what a stranger may try: in his Message-ID, ... */
	{HOST "P=smtp S=512 id=x A=plain:ann H=y [127.0.0.1]", .what = BATV_LOG_ODD},
	{HOST "P=smtp S=512 T=\"A=plain:ann \\\" id=q\"", .host = "192.0.2.9"},
	{HOST "P=smtp S=512 id=x for a@b P=smtp", .what = BATV_LOG_ODD},
	/* ... in the name of his certificate, */
	{HOST "P=esmtps X=a DN=\"CN=x\" A=plain:ann\" S=512 id=x", .what = BATV_LOG_ODD},
	{HOST "P=esmtps X=a DN=\"CN=x\" A=plain:ann S=1 id=p T=\"\" S=512 id=x",
	 .what = BATV_LOG_ODD},
	{HOST "P=esmtps X=a DN=\"x\" A=plain:ann S=1 id=p T=\" S=5 id=x T=\" for v@y \" for a@b",
	 .what = BATV_LOG_ODD},
	{HOST "P=esmtps X=a DN=\"x\" A=plain:ann\\\" S=512 id=x", .what = BATV_LOG_ODD},
	{HOST "P=esmtps X=a DN=\"x\\\" A=plain:ann S=512 id=x", .host = "192.0.2.9", .id = "x",
	 .authenticated = true}, /* no escape there: the name is x\ */
	{HOST "P=esmtps SNI=a A=plain:ann S=512 id=x for a@b c@d\" S=1", .what = BATV_LOG_ODD},
	/* ... his HELO, where the administrator allows junk, */
	{HEAD "ann@example.org H=(x [127.0.0.1]) [192.0.2.9] P=smtp S=512 id=x",
	 .what = BATV_LOG_ODD},
	{HEAD "ann@example.org H=(x) [127.0.0.1] P=esmtpa A=plain:ann S=1 id=p for v@y) "
	      "[192.0.2.9] P=smtp S=5",
	 .what = BATV_LOG_ODD},
	{HEAD "ann@example.org H=(x) [127.0.0.1] U=a) [192.0.2.9] P=smtp S=5",
	 .what = BATV_LOG_ODD},
	{HEAD "ann@example.org H=(x\") [192.0.2.9] P=smtp S=5", .what = BATV_LOG_ODD},
	{HEAD "ann@example.org H=x P=smtp S=512 id=x",
	 .what = BATV_LOG_ODD}, /* a host, and no address */
	/* ... and in what his ident server says. */
	{HOST "U=x A=plain:ann P=smtp S=512 id=x", .what = BATV_LOG_ODD},
	{HOST "U=x P=esmtpa A=plain:ann S=1 id=p P=smtp S=512 id=x", .what = BATV_LOG_ODD},
	{HOST "U=x P=esmtpa A=plain:ann S=1 id=p T=\"a P=smtp S=512 id=x for a@b",
	 .what = BATV_LOG_ODD},
	{HOST
	 "U=x P=esmtpa A=plain:ann S=1 id=p T=\"a P=smtp S=5 id=x T=\" for v@y \" for \"@x \"@b",
	 .what = BATV_LOG_ODD},
	{HOST "U=x P=esmtpa A=plain:ann S=1 id=p for v@y P=smtp S=512 id=x", .what = BATV_LOG_ODD},
	{HOST "U=A=plain:ann P=smtp S=512 id=x", .host = "192.0.2.9", .id = "x"},
	{HOST "U=root P=smtp S=512 id=x", .host = "192.0.2.9", .id = "x"},
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
	const char *sender = lines[_i].sender, *line = lines[_i].line;
	struct batv_arrival a;
	char joined[200] = "", *copy;
	enum batv_exim_log_line what = batv_exim_log_read(from_heap(line, &copy), &a);

	ck_assert_msg(what == lines[_i].what, "%d: %s", (int)what, line);
	if (what == BATV_LOG_ARRIVAL) {
		ck_assert_msg(a.when == WHEN, "%s", line);
		ck_assert(a.exim_id.len == 16 || a.exim_id.len == 23);
		expect(a.sender, sender ? sender : "ann@example.org");
		expect(a.host_address, lines[_i].host ? lines[_i].host : "");
		expect(a.id, lines[_i].id ? lines[_i].id : "");
		ck_assert_msg(a.authenticated == lines[_i].authenticated, "%s", line);
		for (size_t i = 0; i < a.n_recipients; i++) {
			if (i)
				strcat(joined, ",");
			strncat(joined, a.recipients[i].p, a.recipients[i].len);
		}
		ck_assert_str_eq(joined, lines[_i].recipients ? lines[_i].recipients : "");
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
		(void)batv_exim_log_read((struct batv_span){copy, len}, &a);
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
	ck_assert(batv_exim_log_read(batv_span_of(line), &a) == BATV_LOG_ARRIVAL);
	ck_assert_uint_eq(a.n_recipients, BATV_ARRIVAL_RCPTS);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("exim_log");
	TCase *tc = tcase_create("exim_log");

	setenv("TZ", "UTC", 1);
	tzset();
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, arrivals, 0, (int)(sizeof lines / sizeof lines[0]));
	tcase_add_loop_test(tc, cut_lines, 0, (int)(sizeof lines / sizeof lines[0]));
	tcase_add_test(tc, many_recipients);
	return s;
}
