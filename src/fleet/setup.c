/*
 * setup.c - reads exim-batv.conf for batv-fleet.
 *
 * It runs as a user of its own and never reads the file of legacy keys: those are for batvd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hmac.h"
#include "base/safefile.h"
#include "setup.h"

#define KEEP_MORE (2 * INT64_C(86400)) /* beyond the retention: clocks differ */

static enum batv_err complain(enum batv_err err, const char *path, const char *why, char *message,
			      size_t size)
{
	snprintf(message, size, "%s: %s", path, why);
	return err;
}

/* Only its owner may write to it, and neither the world nor anybody else may read it. */
static const char *wrong_mode(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file; the password must be in one";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "belongs to another user; it must be root's or batv-fleet's";
	if (st->st_mode & (S_IRWXO | S_IWGRP))
		return "others may read or change it; make it 0640 root:batv-fleet";
	return NULL;
}

static enum batv_err take_password(struct batv_setup *s, struct batv_span text, const char *path,
				   char *message, size_t size)
{
	struct batv_span line = {"", 0};

	(void)batv_span_next_line(&text, &line);
	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	if (!line.len)
		return complain(BATV_E_SYNTAX, path,
				"its first line is empty; it must be the password", message, size);
	if (line.len > BATV_SETUP_PASSWORD_MAX || batv_span_has_control(line))
		return complain(
			BATV_E_SYNTAX, path,
			"its first line is no password: too long, or with control characters",
			message, size);
	memcpy(s->password, line.p, line.len);
	s->password[line.len] = '\0';
	return BATV_OK;
}

static enum batv_err read_password(struct batv_setup *s, const char *path, char *message,
				   size_t size)
{
	char buf[2 * BATV_SETUP_PASSWORD_MAX];
	struct stat st;
	size_t len = 0;
	enum batv_err err;
	const char *wrong;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return complain(errno == ENOENT ? BATV_E_NO_FILE : BATV_E_IO, path, strerror(errno),
				message, size);
	wrong = fstat(fd, &st) < 0 ? strerror(errno) : wrong_mode(&st);
	if (wrong)
		err = complain(BATV_E_UNSAFE_FILE, path, wrong, message, size);
	else if (!batv_file_read(fd, buf, sizeof buf, &len))
		err = complain(BATV_E_IO, path, strerror(errno), message, size);
	else
		err = take_password(s, (struct batv_span){buf, len}, path, message, size);
	close(fd);
	batv_wipe(buf, sizeof buf);
	return err;
}

static void take_host(struct batv_setup *s)
{
	if (*s->config.global.fleet_host)
		snprintf(s->host, sizeof s->host, "%s", s->config.global.fleet_host);
	else if (gethostname(s->host, sizeof s->host) < 0)
		snprintf(s->host, sizeof s->host, "?");
	s->host[sizeof s->host - 1] = '\0';
}

static enum batv_err take_all(struct batv_setup *s, char *message, size_t size)
{
	const struct batv_global *g = &s->config.global;
	struct batv_span list = batv_span_of(g->fleet_servers);

	if (!*g->fleet) {
		if (size)
			*message = '\0';
		return BATV_E_NO_FILE;
	}
	for (; list.len && s->n < BATV_SERVERS_MAX; s->n++) {
		const char *wrong = batv_wire_server_next(&list, &s->servers[s->n]);

		if (wrong) /* the configuration was checked */
			return complain(BATV_E_SYNTAX, "fleet_servers", wrong, message, size);
	}
	take_host(s);
	s->engine = (struct batv_engine_settings){.fleet = g->fleet,
						  .user = g->fleet_user,
						  .password = s->password,
						  .password_file = g->fleet_password_file,
						  .keep = g->memory_retention + KEEP_MORE};
	return *g->fleet_password_file ? read_password(s, g->fleet_password_file, message, size)
				       : BATV_OK;
}

enum batv_err batv_setup_load(const char *path, struct batv_setup *out, char *message, size_t size)
{
	enum batv_err err;

	memset(out, 0, sizeof *out);
	err = batv_config_load_alone(path, &out->config, message, size);
	if (err != BATV_OK)
		return err;
	err = take_all(out, message, size);
	if (err != BATV_OK)
		batv_setup_free(out);
	return err;
}

bool batv_setup_same(const struct batv_setup *a, const struct batv_setup *b)
{
	return strcmp(a->config.sum, b->config.sum) == 0 && strcmp(a->password, b->password) == 0 &&
	       strcmp(a->host, b->host) == 0;
}

void batv_setup_move(struct batv_setup *from, struct batv_setup *to)
{
	*to = *from;
	to->engine.password = to->password;
	batv_wipe(from, sizeof *from);
}

void batv_setup_free(struct batv_setup *s)
{
	batv_config_free(&s->config);
	batv_wipe(s->password, sizeof s->password);
}
