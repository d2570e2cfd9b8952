/*
 * ctl_fleet_invite.c - the invitation: one line of JSON with the fleet's address, and the secrets
 * after it, as batvctl secret export prints them.
 *
 * Invariant: it goes to a pipe or a file, never to a terminal by accident.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hmac.h"
#include "ctl_fleet.h"
#include "decide/servers.h"

#define LINE_MAX_BYTES 12288 /* with the blanks before it */

/* ---- out ---- */

/* The first line of the password file. */
static bool read_password(const char *path, char out[static BATV_FLEET_PASSWORD_MAX + 1])
{
	FILE *f = *path ? fopen(path, "re") : NULL;
	bool ok = !*path || (f && fgets(out, BATV_FLEET_PASSWORD_MAX + 1, f));

	if (f)
		fclose(f);
	if (!*path)
		out[0] = '\0';
	if (ok)
		out[strcspn(out, "\r\n")] = '\0';
	return ok;
}

static const char *own_name(const struct batv_ctl *ctl, char *out, size_t size)
{
	out[0] = '\0';
	if (*ctl->config.global.fleet_host)
		(void)snprintf(out, size, "%s", ctl->config.global.fleet_host);
	else if (gethostname(out, size - 1) != 0)
		(void)snprintf(out, size, "another server");
	out[size - 1] = '\0';
	return out;
}

/*
 * The line has the time, and must not lie in the pipe until ssh has asked for a password.  A pipe
 * of one page that is full of blanks lets nothing in before somebody reads.
 */
static void wait_for_reader(struct batv_ctl *ctl)
{
	char blank[4096];

	if (fcntl(STDOUT_FILENO, F_SETPIPE_SZ, (int)sizeof blank) == (int)sizeof blank) {
		memset(blank, ' ', sizeof blank);
		(void)fwrite(blank, 1, sizeof blank, stdout);
		(void)fwrite(blank, 1, 1, stdout);
	}
	ctl->clock = time(NULL);
}

static int print_line(struct batv_ctl *ctl)
{
	const struct batv_global *g = &ctl->config.global;
	char password[BATV_FLEET_PASSWORD_MAX + 1], name[128], *text;
	json_t *o;
	bool ok;

	if (!read_password(g->fleet_password_file, password))
		return batv_ctl_fail(BATV_CTL_TROUBLE, "fleet invite: %s: %s",
				     g->fleet_password_file, strerror(errno));
	setvbuf(stdout, NULL, _IONBF, 0);
	wait_for_reader(ctl);
	o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "exim-batv-fleet", 1,
		      "fleet", g->fleet, "servers", g->fleet_servers, "user", g->fleet_user,
		      "password", password, "from", own_name(ctl, name, sizeof name), "at",
		      (json_int_t)ctl->clock, "capacity", (json_int_t)g->memory_capacity,
		      "retention", (json_int_t)g->memory_retention);
	batv_wipe(password, sizeof password);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	ok = text && printf("%s\n", text) > 0;
	free(text);
	json_decref(o);
	return ok ? BATV_CTL_YES
		  : batv_ctl_fail(BATV_CTL_TROUBLE, "fleet invite: cannot write: %s",
				  strerror(errno));
}

int batv_ctl_fleet_invite(struct batv_ctl *ctl)
{
	char *export[] = {(char[]){"export"}, NULL};
	int code = batv_ctl_load(ctl);

	if (code)
		return code;
	if (!*ctl->config.global.fleet)
		return batv_ctl_fail(BATV_CTL_NO,
				     "fleet invite: this server is in no fleet; begin with batvctl "
				     "fleet join redis://...");
	if (isatty(STDOUT_FILENO))
		return batv_ctl_fail(BATV_CTL_USAGE,
				     "fleet invite: this would show the secrets on the terminal; "
				     "use: batvctl fleet invite | ssh root@OTHER batvctl fleet "
				     "join -");
	code = print_line(ctl);
	if (code == BATV_CTL_YES)
		code = batv_ctl_secret(ctl, export, 1);
	if (code == BATV_CTL_YES)
		fprintf(stderr,
			"batvctl: if this goes to another server by ssh, that is all there is to "
			"do\n");
	return code;
}

/* ---- in ---- */

/* Byte by byte: what follows is for another reader. */
static bool read_line(char *out, size_t size)
{
	size_t n = 0;
	char c;

	while (n < size - 1 && read(STDIN_FILENO, &c, 1) == 1) {
		if (c == '\n') {
			out[n] = '\0';
			return true;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return false;
}

static bool take_text(const json_t *o, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (!text || strlen(text) >= size || strpbrk(text, "\r\n"))
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

bool batv_ctl_fleet_invited(struct batv_fleet_invitation *out, char *why, size_t size)
{
	char line[LINE_MAX_BYTES];
	json_t *o;
	bool ok;

	memset(out, 0, sizeof *out);
	if (!read_line(line, sizeof line)) {
		(void)snprintf(why, size,
			       "standard input:1: expected what batvctl fleet invite prints; %s",
			       *line ? "it was cut off on the way"
				     : "nothing came: did the other side fail?");
		return false;
	}
	o = json_loads(line, 0, NULL);
	batv_wipe(line, sizeof line);
	ok = json_integer_value(json_object_get(o, "exim-batv-fleet")) == 1 &&
	     take_text(o, "fleet", out->fleet, sizeof out->fleet) &&
	     take_text(o, "servers", out->servers, sizeof out->servers) &&
	     take_text(o, "user", out->user, sizeof out->user) &&
	     take_text(o, "password", out->password, sizeof out->password) &&
	     take_text(o, "from", out->from, sizeof out->from);
	out->at = json_integer_value(json_object_get(o, "at"));
	out->capacity = (uint64_t)json_integer_value(json_object_get(o, "capacity"));
	out->retention = json_integer_value(json_object_get(o, "retention"));
	out->with_secret = true;
	json_decref(o);
	if (!ok)
		(void)snprintf(why, size,
			       "standard input:1: expected what batvctl fleet invite prints, of "
			       "the same version");
	return ok;
}

/* ---- by address ---- */

/* USER, or USER:PASSWORD, before the "@"; the same in all addresses. */
static const char *take_user(const char *begin, const char *at, struct batv_fleet_invitation *out)
{
	const char *colon = memchr(begin, ':', (size_t)(at - begin));
	const char *end = colon ? colon : at;

	if ((size_t)(end - begin) >= sizeof out->user)
		return "the user's name is too long";
	(void)snprintf(out->user, sizeof out->user, "%.*s", (int)(end - begin), begin);
	if (!colon)
		return NULL;
	if ((size_t)(at - colon - 1) >= sizeof out->password)
		return "the password is too long";
	(void)snprintf(out->password, sizeof out->password, "%.*s", (int)(at - colon - 1),
		       colon + 1);
	return NULL;
}

/* SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/FLEET] */
static const char *take_address(const char *arg, struct batv_fleet_invitation *out)
{
	const size_t used = strlen(out->servers);
	const char *begin = strstr(arg, "://"), *at, *slash, *wrong = NULL;
	char server[300];

	if (!begin) { /* unix:/path */
		(void)snprintf(server, sizeof server, "%s", arg);
	} else {
		begin += strlen("://");
		at = strrchr(begin, '@');
		if (at)
			wrong = take_user(begin, at, out);
		slash = strchr(at ? at + 1 : begin, '/');
		if (slash && slash[1])
			(void)snprintf(out->fleet, sizeof out->fleet, "%s", slash + 1);
		(void)snprintf(server, sizeof server, "%.*s%.*s", (int)(begin - arg), arg,
			       (int)(slash ? slash - (at ? at + 1 : begin) : 250),
			       at ? at + 1 : begin);
	}
	if (!wrong)
		wrong = batv_servers_wrong(batv_span_of(server));
	if (!wrong && (size_t)snprintf(out->servers + used, sizeof out->servers - used, "%s%s",
				       used ? ", " : "", server) >= sizeof out->servers - used)
		wrong = "there are too many servers";
	return wrong;
}

bool batv_ctl_fleet_address(char *const *args, int n, struct batv_fleet_invitation *out, char *why,
			    size_t size)
{
	memset(out, 0, sizeof *out);
	(void)snprintf(out->fleet, sizeof out->fleet, "fleet");
	for (int i = 0; i < n; i++) {
		const char *wrong = take_address(args[i], out);

		if (wrong) {
			(void)snprintf(why, size,
				       "address %d: %s; expected "
				       "redis://USER@HOST:6379/NAME-OF-THE-FLEET, rediss://... or "
				       "unix:/path",
				       i + 1, wrong);
			return false;
		}
	}
	return true;
}
