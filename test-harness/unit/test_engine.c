/* links: fleet/engine fleet/engine_redis fleet/engine_text fleet/redis_info fleet/redis_link fleet/wire fleet/lookup core/decide/servers core/base/span */
/*
 * test_engine.c - a server in every mood: what is asked of it, what its answers mean, what is lost.
 */
#include <stdarg.h>

#include "engine_lab.h"
#include "unit.h"

#define SILENT_MS 360 /* longer than the engine's patience */
#define ENTRY(id, field, value) "*2\r\n" id "*2\r\n" field value
#define LIVE(n, entries) "*1\r\n*2\r\n$24\r\nbatv:{mail.example}:live\r\n*" n "\r\n" entries
#define ONE ENTRY("$15\r\n1795824000000-1\r\n", "$1\r\n1\r\n", "$3\r\nabc\r\n")
#define TWO ENTRY("$15\r\n1795824000000-2\r\n", "$1\r\n1\r\n", "$4\r\ndefg\r\n")

START_TEST(the_greeting)
{
	lab_work();
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
	ck_assert_str_eq(lab_status()->text, "in order");
	ck_assert_str_eq(lab_status()->epoch, fake.epoch);
	ck_assert_str_eq(lab_status()->version, "redis 7.0.15");
	ck_assert_uint_eq(lab.changed, 1);
	ck_assert_uint_eq(fake.n, 2);
	ck_assert_ptr_nonnull(strstr(fake.log, "AUTH batv sesame\nINFO\nXINFO STREAM "
					       "batv:{mail.example}:live\nSET "
					       "batv:{mail.example}:epoch "));
	ck_assert_ptr_nonnull(strstr(fake.log, " NX\nGET batv:{mail.example}:epoch\n"));
	ck_assert_ptr_nonnull(strstr(fake.log,
				     "AUTH batv sesame\nXREAD COUNT 200 BLOCK 1000 STREAMS "
				     "batv:{mail.example}:live 0-0\n"));
}
END_TEST

/* What a server says to a command, and what becomes of it. */
static const struct {
	const char *command, *says;
	enum batv_engine_state state;
	const char *words;
} moods[] = {
	{"AUTH", "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
	 BATV_ENGINE_PASSWORD,
	 "wrong user or password; the user is batv, the password is the first line of /etc/p; on "
	 "the server: ACL SETUSER batv on >PASSWORD ~batv:{mail.example}:* "},
	{"INFO", "-NOAUTH Authentication required.\r\n", BATV_ENGINE_PASSWORD, "password"},
	{"INFO", "-NOPERM this user has no permissions to run the 'info' command\r\n",
	 BATV_ENGINE_DENIED,
	 "user batv may not do all that is needed (info); on the server: ACL SETUSER batv on "},
	{"XINFO", "-NOPERM this user has no permissions to access one of the keys\r\n",
	 BATV_ENGINE_DENIED, "(xinfo)"},
	{"XREAD", "-NOPERM this user has no permissions to run the 'xread' command\r\n",
	 BATV_ENGINE_DENIED, "(xread)"},
	{"SET", "-OOM command not allowed when used memory > 'maxmemory'.\r\n", BATV_ENGINE_FULL,
	 "raise maxmemory"},
	{"XINFO", "-LOADING Redis is loading the dataset in memory\r\n", BATV_ENGINE_LOADING,
	 "nothing to do but wait"},
	{"SET", "-READONLY You can't write against a read only replica.\r\n", BATV_ENGINE_READONLY,
	 "it is a replica"},
	{"SET",
	 "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to "
	 "persist to disk.\r\n",
	 BATV_ENGINE_UNSAVED, "free disk space"},
	{"XINFO", "-MOVED 3999 127.0.0.1:6381\r\n", BATV_ENGINE_CLUSTER, "plain servers"},
	{"XINFO", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
	 BATV_ENGINE_TAKEN, "choose another name for the fleet"},
	{"XINFO", "-ERR unknown command 'XINFO'\r\n", BATV_ENGINE_OLD, "Redis 6.2"},
	{"INFO", "-ERR max number of clients reached\r\n", BATV_ENGINE_CROWDED, "maxclients"},
	{"INFO", "+PONG\r\n", BATV_ENGINE_ODD, "no redis_version"},
	{"SET", "-ERR the dog ate it\r\n", BATV_ENGINE_ODD, "the dog ate it"},
	{"INFO", "$56\r\nredis_version:6.0.16\r\nmaxmemory:0\r\nrole:master\r\nxxxx:1\r\n\r\n",
	 BATV_ENGINE_OLD, "redis 6.0.16"},
	{"INFO", "$48\r\nredis_version:7.0.15\r\nrole:slave\r\nmaxmemory:0\r\n\r\n",
	 BATV_ENGINE_READONLY, "replica"},
	{"INFO", "$46\r\nredis_version:7.0.15\r\nloading:1\r\nmaxmemory:0\r\n\r\n\r\n",
	 BATV_ENGINE_LOADING, "loading"},
};

START_TEST(moods_of_a_server)
{
	lab_say(moods[_i].command, moods[_i].says);
	lab_work();
	ck_assert_msg(lab_status()->state == moods[_i].state, "%s: %s: %s", moods[_i].says,
		      batv_engine_text_state(lab_status()->state), lab_status()->text);
	ck_assert_msg(strstr(lab_status()->text, moods[_i].words) != NULL, "%s",
		      lab_status()->text);
	ck_assert(!batv_engine_append(lab.engine, 0, "live", batv_span_of("x"), 1));
	/* and it gets well by itself */
	memset(fake.say, 0, sizeof fake.say);
	lab_pass(5600);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
	ck_assert(batv_engine_append(lab.engine, 0, "live", batv_span_of("x"), 1));
}
END_TEST

START_TEST(every_state_has_a_line)
{
	static const struct batv_engine_settings none = {
		.fleet = "f", .user = "", .password = "", .password_file = ""};
	char text[BATV_ENGINE_TEXT_SIZE];

	for (int i = 0; i < BATV_ENGINE_STATES; i++) {
		batv_engine_text_line(&none, (enum batv_engine_state)i, "xadd",
				      batv_span_of("\x1b[2Jn\n\x80"), text);
		ck_assert_uint_gt(strlen(text), 5);
		ck_assert_ptr_nonnull(batv_engine_text_state((enum batv_engine_state)i));
		for (const char *p = text; *p; p++)
			ck_assert_msg(*p >= ' ' && *p <= '~', "%s", text);
	}
}
END_TEST

START_TEST(one_that_evicts_is_used_with_a_warning)
{
	fake.info = "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nmaxmemory:1048576\r\n"
		    "maxmemory_policy:allkeys-lru\r\n";
	lab_work();
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
	ck_assert(lab_status()->warned);
	ck_assert_ptr_nonnull(strstr(lab_status()->text, "maxmemory-policy is allkeys-lru"));
	ck_assert_str_eq(lab_status()->version, "valkey 8.0.1");
	/* mended, and seen at the next look */
	fake.info = FAKE_INFO;
	lab_pass(10100);
	ck_assert(!lab_status()->warned);
}
END_TEST

START_TEST(nobody_listens)
{
	fake_die();
	lab_work();
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(lab_status()->text, "Connection refused"));
	fake_listen();
	lab_pass(400);
	ck_assert_uint_eq(fake.accepted, 0); /* the back-off of half a second */
	lab_pass(200);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
}
END_TEST

START_TEST(one_that_says_why_and_hangs_up)
{
	fake.hello = "-ERR max number of clients reached\r\n";
	fake.hangs_up = true;
	lab_work();
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_CROWDED);
	lab_pass(400);
	ck_assert_uint_eq(fake.accepted, 1); /* not again and again */
	fake.hello = NULL;
	lab_pass(1000);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_UNREACHABLE);
	fake.hangs_up = false;
	lab_pass(1000);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
}
END_TEST

START_TEST(one_that_does_not_answer)
{
	lab_work();
	fake.mute = true;
	ck_assert(batv_engine_append(lab.engine, 0, "live", batv_span_of("x"), 1));
	lab_pass(SILENT_MS);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_SILENT);
	ck_assert_ptr_nonnull(strstr(lab_status()->text, "within 300 ms"));
	ck_assert_str_eq(lab.heard, ""); /* nothing was stored */
	fake.mute = false;
	lab_pass(600);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
}
END_TEST

/* The engine itself was stopped, and the answer came meanwhile. */
START_TEST(a_stopped_caller_blames_nobody)
{
	lab_work();
	ck_assert(batv_engine_append(lab.engine, 0, "live", batv_span_of("x"), 7));
	lab.now += 5;
	batv_engine_work(lab.engine, lab.now);
	fake_work();
	lab.now += 60000;
	fake_work();
	batv_engine_work(lab.engine, lab.now);
	ck_assert_str_eq(lab.heard, "stored 7\n");
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
}
END_TEST

START_TEST(a_wrong_password_is_not_tried_twice_a_second)
{
	lab_say("AUTH", "-WRONGPASS no\r\n");
	lab_work();
	ck_assert_uint_eq(fake.accepted, 1);
	lab_pass(4900);
	ck_assert_uint_eq(fake.accepted, 1);
	lab_pass(200);
	ck_assert_uint_eq(fake.accepted, 2);
}
END_TEST

START_TEST(appending)
{
	lab_work();
	fake.log[0] = '\0';
	ck_assert(batv_engine_append(lab.engine, 0, "live", batv_span_of("abc"), 7));
	ck_assert(batv_engine_append(lab.engine, 0, "hist:20784", batv_span_of("defg"), 8));
	ck_assert(batv_engine_put(lab.engine, 0, "rows", batv_span_of("h1"), batv_span_of("r"), 9));
	lab_work();
	/* 15 minutes by the server's own clock, whatever ours says */
	ck_assert_str_eq(fake.log, "XADD batv:{mail.example}:live MINID ~ 1795823100000 * 1 abc\n"
				   "XADD batv:{mail.example}:hist:20784 * 1 defg\n"
				   "EXPIRE batv:{mail.example}:hist:20784 1382400\n"
				   "HSET batv:{mail.example}:rows h1 r\n");
	ck_assert_str_eq(lab.heard, "stored 7\nstored 8\nstored 9\n");
}
END_TEST

START_TEST(one_that_becomes_full)
{
	lab_work();
	lab_say("XADD", "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
	lab_say("SET", "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
	ck_assert(batv_engine_append(lab.engine, 0, "live", batv_span_of("x"), 1));
	lab_work();
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_FULL);
	ck_assert_uint_eq(lab.changed, 2);
	ck_assert(!batv_engine_append(lab.engine, 0, "live", batv_span_of("x"), 2));
	lab_pass(3000);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_FULL);
	ck_assert_uint_eq(lab.changed, 2); /* once, not each second */
	ck_assert_ptr_nonnull(strstr(fake.log, "XTRIM batv:{mail.example}:live MINID ~ "));
	ck_assert_uint_eq(fake.n, 2); /* what others sent is still read */
	memset(fake.say, 0, sizeof fake.say);
	lab_pass(1100);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
	ck_assert_uint_eq(lab.changed, 3);
	ck_assert_str_eq(lab.heard, "");
}
END_TEST

START_TEST(following)
{
	strcpy(fake.live, LIVE("2", ONE TWO));
	lab_work();
	ck_assert_str_eq(lab.heard, "parcel live abc\nparcel live defg\n");
	ck_assert_ptr_nonnull(strstr(fake.log, "live 1795824000000-2\n"));
	/* after a new connection it goes on there */
	fake.last_id = "1795824000000-2";
	fake.log[0] = '\0';
	while (fake.n)
		fake_drop(0);
	lab_pass(600);
	ck_assert_ptr_nonnull(strstr(fake.log, "live 1795824000000-2\n"));
	ck_assert_ptr_null(strstr(fake.log, "live 0-0\n"));
}
END_TEST

/* Only after all that was there has been read, it is known who the members are. */
START_TEST(catching_up)
{
	fake.last_id = _i == 0 ? "1795824000000-2" : "1795824000000-3";
	strcpy(fake.live, LIVE("2", ONE TWO));
	lab_work();
	ck_assert(lab_status()->caught_up == (_i == 0));
	ck_assert_uint_eq(lab.caught_up, _i == 0);
	lab_pass(1100); /* the last entry was deleted: nothing comes */
	ck_assert(lab_status()->caught_up);
	ck_assert_uint_eq(lab.caught_up, 1);
	/* with each connection */
	fake_die();
	lab_work();
	ck_assert(!lab_status()->caught_up);
}
END_TEST

/* A server that came back empty may have an earlier clock: its ids are lower than ours. */
START_TEST(following_one_that_lost_its_stream)
{
	strcpy(fake.live, LIVE("1", ONE));
	lab_work();
	fake.log[0] = '\0';
	if (_i == 0)
		fake.last_id = "1795823999999-9";
	else if (_i == 1)
		lab_say("XINFO", "-ERR no such key\r\n");
	else
		fake.epoch = "ffffffffffffffffffffffffffffffff";
	fake.last_id = _i == 2 ? "1795824000000-1" : fake.last_id;
	while (fake.n)
		fake_drop(0);
	lab_pass(600);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
	ck_assert_ptr_nonnull(strstr(fake.log, "live 0-0\n"));
}
END_TEST

START_TEST(parcels_of_another_version)
{
	strcpy(fake.live,
	       LIVE("2", ENTRY("$15\r\n1795824000000-1\r\n", "$1\r\n2\r\n", "$3\r\nabc\r\n") TWO));
	lab_work();
	ck_assert_str_eq(lab.heard, "parcel live defg\n");
	lab_pass(10100);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
	ck_assert(lab_status()->warned);
	ck_assert_ptr_nonnull(strstr(lab_status()->text, "another version"));
}
END_TEST

START_TEST(reading_and_getting)
{
	lab_work();
	lab_say("XREAD COUNT 200 STREAMS batv:{mail.example}:hist:7 0-0",
		"*1\r\n*2\r\n$6\r\nhist:7\r\n*2\r\n" ONE TWO);
	lab_say("HGETALL", "*4\r\n$1\r\na\r\n$2\r\nAA\r\n$1\r\nb\r\n$2\r\nBB\r\n");
	ck_assert(batv_engine_read(lab.engine, 0, "hist:7"));
	ck_assert(batv_engine_get(lab.engine, 0, "rows"));
	ck_assert(batv_engine_read(lab.engine, 0, "hist:8"));
	lab_work();
	ck_assert_str_eq(lab.heard, ""); /* the reader waits in XREAD until something comes */
	lab_pass(1000);
	ck_assert_str_eq(lab.heard, "parcel hist:7 abc\nparcel hist:7 defg\nend hist:7 whole\n"
				    "row a AA\nrow b BB\nend rows whole\nend hist:8 whole\n");
	/* and then it follows again */
	ck_assert_ptr_nonnull(strstr(strstr(fake.log, "hist:8 0-0\n"), " BLOCK "));
}
END_TEST

START_TEST(reading_that_breaks_off)
{
	lab_work();
	ck_assert(batv_engine_read(lab.engine, 0, "hist:7"));
	ck_assert(batv_engine_get(lab.engine, 0, "rows"));
	fake_die();
	lab_work();
	ck_assert_str_eq(lab.heard, "end hist:7 broken\nend rows broken\n");
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_UNREACHABLE);
	ck_assert(!batv_engine_read(lab.engine, 0, "hist:7"));
}
END_TEST

/* Whatever is sent, the engine goes on, and says that this is no Redis. */
START_TEST(strange_bytes)
{
	static const char *const hellos[] = {
		"220 mail.example ESMTP\r\n",
		"HTTP/1.1 400 Bad Request\r\n\r\n",
		"*1000000000\r\n",
		"*-2\r\n",
		"$999999999999999999999\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
	};

	fake.mute = true;
	fake.hello = hellos[_i];
	lab_pass(SILENT_MS);
	ck_assert_msg(lab_status()->state == BATV_ENGINE_ODD ||
			      lab_status()->state == BATV_ENGINE_SILENT,
		      "%d: %s", _i, lab_status()->text);
	ck_assert_msg(_i == 4 || lab_status()->state == BATV_ENGINE_ODD, "%d: %s", _i,
		      lab_status()->text);
	fake.mute = false;
	fake.hello = NULL;
	lab_pass(600);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
}
END_TEST

/* Replies of other shapes than were asked for, to each command. */
START_TEST(strange_shapes)
{
	static const char *const replies[] = {
		"*0\r\n",
		"*1\r\n:1\r\n",
		"*2\r\n:1\r\n*0\r\n",
		"*1\r\n*2\r\n$-1\r\n*1\r\n:5\r\n",
		"*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$1\r\n5\r\n*3\r\n:1\r\n:2\r\n:3\r\n",
		":-1\r\n",
		"$0\r\n\r\n",
		"*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$-1\r\n*-1\r\n",
		"$-1\r\n",
		"*2\r\n$17\r\nlast-generated-id\r\n$25\r\n99999999999999999999999-1\r\n"};
	static const char *const commands[] = {"AUTH", "INFO",  "XINFO",   "SET", "GET",
					       "XADD", "XREAD", "HGETALL", "HSET"};

	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		memset(fake.say, 0, sizeof fake.say);
		lab_say(commands[_i], replies[i]);
		lab_pass(1200);
		(void)batv_engine_append(lab.engine, 0, "live", batv_span_of("x"), 1);
		(void)batv_engine_put(lab.engine, 0, "rows", batv_span_of("a"), batv_span_of("b"),
				      2);
		(void)batv_engine_read(lab.engine, 0, "hist:1");
		(void)batv_engine_get(lab.engine, 0, "rows");
		lab_pass(400);
	}
	memset(fake.say, 0, sizeof fake.say);
	lab_pass(6000);
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_OK);
}
END_TEST

START_TEST(a_reply_that_nobody_asked_for)
{
	lab_work();
	fake_send(fake.conn[0].fd, "+OK\r\n");
	lab_work();
	ck_assert_int_eq(lab_status()->state, BATV_ENGINE_ODD);
}
END_TEST

START_TEST(what_waits_is_bounded)
{
	char *large = calloc(1, 65536);
	struct batv_span bytes = {large, 65536};
	unsigned taken = 0;

	lab_work();
	fake.mute = true;
	while (taken < 2000 && batv_engine_append(lab.engine, 0, "live", bytes, taken))
		taken++;
	ck_assert_uint_gt(taken, 400);
	ck_assert_uint_lt(taken, 600); /* 32 MB */
	free(large);
}
END_TEST

static const struct {
	const char *text, *shown, *host, *port;
	bool tls;
} addresses[] = {
	{"redis1.example", "redis1.example:6379", "redis1.example", "6379", false},
	{"127.0.0.1:1", "127.0.0.1:1", "127.0.0.1", "1", false},
	{"[2001:db8::1]:6380", "[2001:db8::1]:6380", "2001:db8::1", "6380", false},
	{"redis://r", "r:6379", "r", "6379", false},
	{"rediss://r.example:6380", "rediss://r.example:6380", "r.example", "6380", true},
	{"unix:/run/redis.sock", "unix:/run/redis.sock", "/run/redis.sock", "", false},
};

START_TEST(an_address)
{
	struct batv_span list = batv_span_of(addresses[_i].text);
	struct batv_wire_server s;

	ck_assert_ptr_null(batv_wire_server_next(&list, &s));
	ck_assert_str_eq(s.text, addresses[_i].shown);
	ck_assert_str_eq(s.host, addresses[_i].host);
	ck_assert_str_eq(s.port, addresses[_i].port);
	ck_assert(s.tls == addresses[_i].tls);
}
END_TEST

Suite *unit_suite(void)
{
	Suite *s = suite_create("engine");
	TCase *engine = tcase_create("engine"), *plain = tcase_create("addresses");

	tcase_add_checked_fixture(engine, lab_start, lab_stop);
	tcase_add_test(engine, the_greeting);
	tcase_add_loop_test(engine, moods_of_a_server, 0, sizeof moods / sizeof moods[0]);
	tcase_add_test(engine, one_that_evicts_is_used_with_a_warning);
	tcase_add_test(engine, nobody_listens);
	tcase_add_test(engine, one_that_says_why_and_hangs_up);
	tcase_add_test(engine, one_that_does_not_answer);
	tcase_add_test(engine, a_stopped_caller_blames_nobody);
	tcase_add_test(engine, a_wrong_password_is_not_tried_twice_a_second);
	tcase_add_test(engine, appending);
	tcase_add_test(engine, one_that_becomes_full);
	tcase_add_test(engine, following);
	tcase_add_loop_test(engine, catching_up, 0, 2);
	tcase_add_loop_test(engine, following_one_that_lost_its_stream, 0, 3);
	tcase_add_test(engine, parcels_of_another_version);
	tcase_add_test(engine, reading_and_getting);
	tcase_add_test(engine, reading_that_breaks_off);
	tcase_add_loop_test(engine, strange_bytes, 0, 6);
	tcase_add_loop_test(engine, strange_shapes, 0, 9);
	tcase_add_test(engine, a_reply_that_nobody_asked_for);
	tcase_add_test(engine, what_waits_is_bounded);
	suite_add_tcase(s, engine);
	tcase_add_test(plain, every_state_has_a_line);
	tcase_add_loop_test(plain, an_address, 0, sizeof addresses / sizeof addresses[0]);
	suite_add_tcase(s, plain);
	return s;
}
