/*
 * ctl_play.c - one SMTP session in `exim -bh`, and one question to `exim -bt`.
 *
 * Invariant: nothing is sent and nothing is kept.  -bhc is never used: it would call other servers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_play.h"
#include "run.h"

/* As Exim's user, whose rights a session has.  Anybody else asks as himself. */
static const struct batv_exim_user *as_whom(const struct batv_installation *inst)
{
	return geteuid() == 0 && inst->user.uid != 0 && inst->user.uid != (uid_t)-1 ? &inst->user
										    : NULL;
}

/* The session.  Its Message-IDs were never used, so no memory knows them. */
static char *session(const char *host, const char *rcpt, const char *author)
{
	const long long now = (long long)time(NULL), pid = (long long)getpid();
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f,
		"EHLO [%s%s]\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n"
		"From: Mail Delivery System <MAILER-DAEMON@bounce.invalid>\r\n"
		"To: <%s>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
		"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
		"Message-ID: <batvctl-test.%lld.%lld@bounce.invalid>\r\n"
		"Content-Type: multipart/report; report-type=delivery-status; "
		"boundary=\"batvctl\"\r\n\r\n",
		strchr(host, ':') ? "IPv6:" : "", host, rcpt, rcpt, now, pid);
	fprintf(f,
		"--batvctl\r\nContent-Type: text/plain\r\n\r\nThis is a test by batvctl.\r\n"
		"--batvctl\r\nContent-Type: message/delivery-status\r\n\r\n"
		"Reporting-MTA: dns; bounce.invalid\r\n\r\n"
		"Final-Recipient: rfc822; nobody@bounce.invalid\r\nAction: failed\r\n"
		"Status: 5.1.1\r\n\r\n"
		"--batvctl\r\nContent-Type: message/rfc822\r\n\r\n"
		"Message-ID: <batvctl-test.original.%lld.%lld@bounce.invalid>\r\n"
		"From: <%s>\r\nTo: <nobody@bounce.invalid>\r\nSubject: test\r\n\r\ntest\r\n"
		"--batvctl--\r\n.\r\nQUIT\r\n",
		now, pid, author);
	return fclose(f) == 0 ? text : NULL;
}

/* Is it a line of an SMTP reply?  Then *last says whether it ends the reply. */
static bool is_reply(const char *line, int *code, bool *last)
{
	if (!batv_is_digit(line[0]) || !batv_is_digit(line[1]) || !batv_is_digit(line[2]) ||
	    (line[3] != ' ' && line[3] != '-'))
		return false;
	*code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	*last = line[3] == ' ';
	return true;
}

/* The first answer that refuses, or the one to the message. */
static void read_reply(const char *line, struct batv_played *out, unsigned *replies)
{
	static const char *const to[] = {"the connection", "EHLO", "MAIL FROM",
					 "RCPT TO",        "DATA", "the message"};
	const unsigned all = sizeof to / sizeof to[0];
	bool last, first_line;
	int code;

	if (*replies >= all || !is_reply(line, &code, &last))
		return;
	first_line = out->code == 0 || out->after != to[*replies];
	if (first_line)
		(void)snprintf(out->text, sizeof out->text, "%.*s", (int)strcspn(line, "\r\n"),
			       line);
	out->code = code;
	out->after = to[*replies];
	if (!last)
		return;
	*replies = code >= 400 ? all : *replies + 1;
}

/* The value of " name=" in a log line. */
static void log_field(const char *line, const char *name, char *out, size_t size)
{
	const char *at = strstr(line, name);
	size_t len;

	*out = '\0';
	if (!at)
		return;
	at += strlen(name);
	len = strcspn(at, " \r\n");
	(void)snprintf(out, size, "%.*s", (int)len, at);
}

static void read_log(const char *line, struct batv_played *out)
{
	if (strncmp(line, "LOG: ", 5) != 0 || !strstr(line, " batv: verdict="))
		return;
	out->judged = true;
	log_field(line, " verdict=", out->verdict, sizeof out->verdict);
	log_field(line, " action=", out->action, sizeof out->action);
	log_field(line, " reason=", out->reason, sizeof out->reason);
}

void batv_ctl_play(const struct batv_installation *inst, const char *host, const char *rcpt,
		   const char *author, struct batv_played *out)
{
	const char *args[] = {"-bh", host, NULL};
	char *talk = session(host, rcpt, author), *save = NULL;
	unsigned replies = 0;
	struct batv_ran ran;

	*out = (struct batv_played){.after = "the connection"};
	if (!talk) {
		(void)snprintf(out->text, sizeof out->text, "out of memory");
		return;
	}
	(void)batv_installation_run(inst, args, talk, as_whom(inst), &ran);
	free(talk);
	for (char *line = strtok_r(ran.text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		read_reply(line, out, &replies);
		read_log(line, out);
	}
	out->ran = out->code != 0 && !ran.late;
	if (!out->ran)
		(void)snprintf(out->text, sizeof out->text, "exim -bh %s: %s", host,
			       *ran.why ? ran.why : "gave no answer");
	batv_run_free(&ran);
}

/* ---- where it goes ---- */

/* "  router = mailboxes, transport = local_mailbox", or "x@y is undeliverable: why" */
static void read_route(const char *line, struct batv_routed *out)
{
	const char *at;
	char router[80], transport[80];

	if (sscanf(line, "  router = %79[^,], transport = %79s", router, transport) == 2) {
		(void)snprintf(out->text, sizeof out->text, "router %s, transport %s", router,
			       transport);
		out->reaches = true;
	} else if ((at = strstr(line, " is undeliverable")) ||
		   (at = strstr(line, " cannot be resolved at this time"))) {
		out->reaches = false;
		(void)snprintf(out->text, sizeof out->text, "%s", at[17] == ':' ? at + 19 : at + 1);
	} else if (*line && *line != ' ' && !out->reaches && strchr(line, '@')) {
		(void)snprintf(out->address, sizeof out->address, "%s", line);
	}
}

void batv_ctl_play_route(const struct batv_installation *inst, const char *address,
			 struct batv_routed *out)
{
	const char *args[] = {"-f", "<>", "-bt", address, NULL};
	struct batv_ran ran;
	char *save = NULL;

	*out = (struct batv_routed){.ran = true};
	(void)batv_installation_run(inst, args, NULL, as_whom(inst), &ran);
	for (char *line = strtok_r(ran.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		read_route(line, out);
	if (!*out->text) {
		out->ran = false;
		(void)snprintf(out->text, sizeof out->text, "exim -bt: %s",
			       *ran.why ? ran.why : "gave no answer");
	}
	batv_run_free(&ran);
}
