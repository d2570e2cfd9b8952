/*
 * engine_lab.h - an engine with one server, which the test plays: a unix socket in the sandbox.
 *
 * Time is a number that the test moves.  The server answers each command as one in order would,
 * but for those in fake.say.
 */
#ifndef ENGINE_LAB_H
#define ENGINE_LAB_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "engine.h"
#include "sandbox.h"

#define FAKE_CONNECTIONS 8
#define FAKE_INFO                                                                                  \
 "redis_version:7.0.15\r\nrole:master\r\nloading:0\r\nmaxmemory:0\r\nmaxmemory_policy:"            \
 "noeviction\r\n"

static struct {
	int listens;
	struct {
		int fd;
		char in[65536];
		size_t len;
		int64_t blocked; /* when its XREAD runs out; 0: none waits */
	} conn[FAKE_CONNECTIONS];
	unsigned n;
	const char *say[16][2]; /* command, and what is answered instead; "": nothing */
	const char *hello;      /* sent to each who connects, unasked; NULL: nothing */
	const char *info;
	const char *last_id, *epoch;
	char log[65536];  /* the commands, with spaces between words and a LF after each */
	char live[65536]; /* the answer to the next XREAD with BLOCK; "": none comes */
	bool mute;        /* answers nothing */
	bool hangs_up;    /* right after its hello */
	unsigned accepted;
} fake;

static struct {
	struct batv_wire_server server;
	struct batv_engine *engine;
	int64_t now;
	unsigned changed, caught_up;
	char heard[65536]; /* what the hooks were given, a line each */
} lab;

static void lab_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void lab_note(const char *format, ...)
{
	size_t len = strlen(lab.heard);
	va_list ap;

	va_start(ap, format);
	vsnprintf(lab.heard + len, sizeof lab.heard - len, format, ap);
	va_end(ap);
}

static void lab_parcel(void *ctx, unsigned server, const char *key, struct batv_span bytes)
{
	(void)ctx;
	(void)server;
	lab_note("parcel %s %.*s\n", key, (int)bytes.len, bytes.p);
}

static void lab_row(void *ctx, unsigned server, struct batv_span field, struct batv_span bytes)
{
	(void)ctx;
	(void)server;
	lab_note("row %.*s %.*s\n", (int)field.len, field.p, (int)bytes.len, bytes.p);
}

static void lab_end(void *ctx, unsigned server, const char *key, bool whole)
{
	(void)ctx;
	(void)server;
	if (strcmp(key, BATV_ENGINE_LIVE) == 0)
		lab.caught_up++;
	else
		lab_note("end %s %s\n", key, whole ? "whole" : "broken");
}

static void lab_stored(void *ctx, unsigned server, uint64_t cookie)
{
	(void)ctx;
	(void)server;
	lab_note("stored %u\n", (unsigned)cookie);
}

static void lab_changed(void *ctx, unsigned server)
{
	(void)ctx;
	(void)server;
	lab.changed++;
}

/* ---- the server ---- */

static void fake_listen(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof at.sun_path, "%.80s/redis.sock", sandbox);
	(void)unlink(at.sun_path);
	fake.listens = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fake.listens, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(fake.listens, 8), 0);
}

static void fake_drop(unsigned i)
{
	close(fake.conn[i].fd);
	fake.conn[i] = fake.conn[--fake.n];
}

static void fake_die(void)
{
	while (fake.n)
		fake_drop(0);
	if (fake.listens >= 0)
		close(fake.listens);
	fake.listens = -1;
}

static void fake_send(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t put = send(fd, text, len, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		text += put;
		len -= (size_t)put;
	}
}

static const char *fake_bulk(const char *text)
{
	static char out[4096];

	snprintf(out, sizeof out, "$%zu\r\n%s\r\n", strlen(text), text);
	return out;
}

static void fake_answer(unsigned i, const char *command)
{
	int fd = fake.conn[i].fd;
	char out[200];

	for (size_t k = 0; k < 16 && fake.say[k][0]; k++)
		if (strncmp(command, fake.say[k][0], strlen(fake.say[k][0])) == 0) {
			fake_send(fd, fake.say[k][1]);
			return;
		}
	if (strncmp(command, "INFO", 4) == 0)
		fake_send(fd, fake_bulk(fake.info));
	else if (strncmp(command, "XINFO", 5) == 0) {
		snprintf(out, sizeof out,
			 "*4\r\n$6\r\nlength\r\n:3\r\n$17\r\nlast-generated-id\r\n");
		fake_send(fd, out);
		fake_send(fd, fake_bulk(fake.last_id));
	} else if (strncmp(command, "GET", 3) == 0)
		fake_send(fd, fake_bulk(fake.epoch));
	else if (strncmp(command, "SET", 3) == 0)
		fake_send(fd, "$-1\r\n");
	else if (strncmp(command, "XADD", 4) == 0)
		fake_send(fd, fake_bulk(fake.last_id));
	else if (strncmp(command, "AUTH", 4) == 0)
		fake_send(fd, "+OK\r\n");
	else if (strstr(command, "BLOCK")) {
		fake.conn[i].blocked = *fake.live ? 0 : lab.now + 1000;
		fake_send(fd, fake.live);
		fake.live[0] = '\0';
	} else if (strncmp(command, "XREAD", 5) == 0)
		fake_send(fd, "*-1\r\n");
	else if (strncmp(command, "HGETALL", 7) == 0)
		fake_send(fd, "*0\r\n");
	else
		fake_send(fd, ":1\r\n");
}

/* Takes one whole command from the bytes: "WORD WORD\n" goes to out.  Returns its length, or 0. */
static size_t fake_command(const char *in, size_t len, char *out)
{
	size_t at = 0;
	char *end;
	long n = len && in[0] == '*' ? strtol(in + 1, &end, 10) : 0;

	*out = '\0';
	if (!n || !memchr(in, '\n', len))
		return 0;
	at = (size_t)((const char *)memchr(in, '\n', len) - in) + 1;
	for (; n; n--) {
		long bulk = at < len && in[at] == '$' ? strtol(in + at + 1, &end, 10) : -1;
		const char *nl = at < len ? memchr(in + at, '\n', len - at) : NULL;

		if (bulk < 0 || !nl || (size_t)(nl - in) + 1 + (size_t)bulk + 2 > len)
			return 0;
		at = (size_t)(nl - in) + 1;
		strncat(out, in + at, (size_t)bulk);
		strcat(out, n > 1 ? " " : "\n");
		at += (size_t)bulk + 2;
	}
	return at;
}

static void fake_read(unsigned i)
{
	static char command[65536];
	ssize_t got = recv(fake.conn[i].fd, fake.conn[i].in + fake.conn[i].len,
			   sizeof fake.conn[i].in - fake.conn[i].len - 1, MSG_DONTWAIT);
	size_t len;

	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		fake_drop(i);
		return;
	}
	fake.conn[i].len += got > 0 ? (size_t)got : 0;
	fake.conn[i].in[fake.conn[i].len] = '\0';
	while ((len = fake_command(fake.conn[i].in, fake.conn[i].len, command)) != 0) {
		memmove(fake.conn[i].in, fake.conn[i].in + len, fake.conn[i].len - len + 1);
		fake.conn[i].len -= len;
		if (strlen(fake.log) + strlen(command) < sizeof fake.log)
			strcat(fake.log, command);
		if (!fake.mute)
			fake_answer(i, command);
	}
}

static void fake_work(void)
{
	int fd;

	while (fake.listens >= 0 && fake.n < FAKE_CONNECTIONS &&
	       (fd = accept4(fake.listens, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		fake.conn[fake.n].fd = fd;
		fake.conn[fake.n].blocked = 0;
		fake.conn[fake.n++].len = 0;
		fake.accepted++;
		if (fake.hello)
			fake_send(fd, fake.hello);
		if (fake.hangs_up)
			fake_drop(fake.n - 1);
	}
	for (unsigned i = 0; i < fake.n; i++)
		if (fake.conn[i].blocked && fake.conn[i].blocked <= lab.now && !fake.mute) {
			fake.conn[i].blocked = 0;
			fake_send(fake.conn[i].fd, "*-1\r\n");
		}
	for (unsigned i = fake.n; i-- > 0;)
		fake_read(i);
}

/* ---- both ---- */

static const struct batv_engine_status *lab_status(void)
{
	return batv_engine_status(lab.engine, 0);
}

/* Lets both work until nothing moves any more; no time passes. */
static void lab_work(void)
{
	for (int i = 0; i < 12; i++) {
		batv_engine_work(lab.engine, lab.now);
		fake_work();
	}
}

/* Time passes, as for a caller who looks every 20 ms. */
static void lab_pass(int64_t ms)
{
	for (int64_t end = lab.now + ms; lab.now < end;) {
		lab.now += end - lab.now < 20 ? end - lab.now : 20;
		batv_engine_work(lab.engine, lab.now);
		fake_work();
	}
	lab_work();
}

static void lab_start(void)
{
	static const struct batv_engine_hooks hooks = {.parcel = lab_parcel,
						       .row = lab_row,
						       .end = lab_end,
						       .stored = lab_stored,
						       .changed = lab_changed};
	static const struct batv_engine_settings settings = {.fleet = "mail.example",
							     .user = "batv",
							     .password = "sesame",
							     .password_file = "/etc/p",
							     .keep = 1382400};
	char address[200];
	struct batv_span list;

	sandbox_make();
	memset(&fake, 0, sizeof fake);
	memset(&lab, 0, sizeof lab);
	fake.info = FAKE_INFO;
	fake.last_id = "1795824000000-0";
	fake.epoch = "0123456789abcdef0123456789abcdef";
	lab.now = 1000000;
	fake_listen();
	snprintf(address, sizeof address, "unix:%.80s/redis.sock", sandbox);
	list = batv_span_of(address);
	ck_assert_ptr_null(batv_wire_server_next(&list, &lab.server));
	lab.engine = batv_engine_new(&lab.server, 1, &settings, &hooks);
	ck_assert_ptr_nonnull(lab.engine);
}

static void lab_stop(void)
{
	batv_engine_free(lab.engine);
	fake_die();
	sandbox_remove();
}

static void lab_say(const char *command, const char *answer)
{
	size_t i = 0;

	while (i < 15 && fake.say[i][0] && strcmp(fake.say[i][0], command) != 0)
		i++;
	fake.say[i][0] = command;
	fake.say[i][1] = answer;
}

#endif
