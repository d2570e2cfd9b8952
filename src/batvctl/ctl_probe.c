/*
 * ctl_probe.c - one mail through Exim itself, to see what others make of tags.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl_enable.h"
#include "run.h"

#define PROBE_SECONDS 120

/*
 * Finds the line that Exim logs for this very recipient: "=> ", "** " or "== ".  Exim also prints
 * the lines of a bounce that it makes.
 */
static bool delivery_line(const char *text, const char *mark, const char *to, char *out,
			  size_t size)
{
	char start[500];
	const char *at;

	snprintf(start, sizeof start, "\n  %s %.400s ", mark, to);
	at = strstr(text, start);
	if (!at) { /* an alias: the address comes after the one that it leads to */
		snprintf(start, sizeof start, " <%.400s> ", to);
		at = strstr(text, start);
		while (at && at > text && at[-1] != '\n')
			at--;
		if (!at || strncmp(at, "  ", 2) != 0 || strncmp(at + 2, mark, 2) != 0)
			return false;
		at--;
	}
	snprintf(out, size, "%.*s", (int)strcspn(at + 6, "\r\n"), at + 6);
	return true;
}

static bool left_signed(const char *text)
{
	const char *mail = strstr(text, "MAIL FROM:<");

	return mail && memmem(mail, strcspn(mail, "\r\n"), "prvs=", 5) != NULL;
}

/* Runs Exim with the message on its input; -odf and -v: what happens is printed before it ends. */
static enum batv_match send(const char *const *args, const char *message, const char *to,
			    char *line, size_t size, bool *tagged)
{
	enum batv_match answer = BATV_MAYBE;
	struct batv_ran ran;

	(void)batv_run(args, message, PROBE_SECONDS, NULL, &ran);
	*tagged = left_signed(ran.text);
	if (delivery_line(ran.text, "=>", to, line, size))
		answer = BATV_YES;
	else if (delivery_line(ran.text, "**", to, line, size))
		answer = BATV_NO;
	else if (!delivery_line(ran.text, "==", to, line, size))
		snprintf(line, size, "%s", *ran.why ? ran.why : "Exim says nothing");
	batv_run_free(&ran);
	return answer;
}

static void compose(const char *from, const char *to, const char *extra, char *out, size_t size)
{
	snprintf(out, size,
		 "From: %s\nTo: %s\nSubject: Test of exim-batv\n%s\n"
		 "This is a test of exim-batv (batvctl enable --probe). It needs no answer.\n",
		 from, to, extra);
}

enum batv_match batv_ctl_probe(const struct batv_placing *p, const char *from, const char *to,
			       char *said, size_t size)
{
	const char *args[] = {p->inst.exim, "-odf", "-v", "-i", "-f", from, to, NULL};
	char message[1500], line[400];
	enum batv_match answer;
	bool tagged;

	compose(from, to, "", message, sizeof message);
	answer = send(args, message, to, line, sizeof line, &tagged);
	if (answer == BATV_YES && tagged)
		snprintf(said, size, "a signed mail was taken: %.300s", line);
	else if (answer == BATV_YES) {
		answer = BATV_MAYBE;
		snprintf(said, size, "the mail left, but untagged: %.300s", line);
	} else if (answer == BATV_NO)
		snprintf(said, size, "the signed mail was refused: %.300s", line);
	else
		snprintf(said, size, "the mail is still in the queue: %.300s", line);
	return answer;
}

/* ---- the MX of a domain ---- */

static bool sign(const struct batv_placing *p, const char *address, char *out, size_t size)
{
	const char *args[] = {"/proc/self/exe", "-c", p->ctl->config_path, "sign", address, NULL};
	struct batv_ran ran;
	bool ok = batv_run(args, NULL, 30, NULL, &ran) && strstr(ran.text, "prvs=");

	if (ok)
		snprintf(out, size, "%.*s", (int)strcspn(ran.text, "\n"), ran.text);
	batv_run_free(&ran);
	return ok;
}

/* A configuration that knows nothing but the way to the MX.  Only its spool is Exim's. */
static bool write_conf(const struct batv_placing *p, const char *dir, char *conf, size_t size)
{
	char spool[64];
	FILE *f;

	snprintf(spool, sizeof spool, "%s/spool", dir);
	if (chmod(dir, 0755) < 0 || mkdir(spool, 0700) < 0 ||
	    chown(spool, p->inst.user.uid, p->inst.user.gid) < 0)
		return false;
	snprintf(conf, size, "%s/conf", dir);
	f = fopen(conf, "we");
	if (!f)
		return false;
	fprintf(f,
		"spool_directory = %s\nlog_file_path = %s/%%slog\nkeep_environment =\n"
		"host_lookup =\nprimary_hostname = %s\nqualify_domain = %s\n"
		"deliver_drop_privilege = true\nbegin routers\nmx:\n  driver = dnslookup\n"
		"  self = fail\n  transport = out\nbegin transports\nout:\n  driver = smtp\n"
		"begin retry\n",
		spool, spool, p->inst.hostname, p->inst.hostname);
	return fclose(f) == 0;
}

enum batv_match batv_ctl_probe_mx(const struct batv_placing *p, const char *domain, char *said,
				  size_t size)
{
	char dir[] = "/tmp/batvctl-XXXXXX", conf[64], bare[300], tagged[400], message[1500];
	const char *args[] = {p->inst.exim, "-C", conf, "-odf", "-v",
			      "-i",         "-f", "<>", tagged, NULL};
	const char *away[] = {"/bin/rm", "-rf", dir, NULL};
	enum batv_match answer = BATV_MAYBE;
	struct batv_ran ran;
	char line[400];
	bool unused;

	snprintf(bare, sizeof bare, "postmaster@%.250s", domain);
	snprintf(said, size, "no signed address of %s could be made", domain);
	if (!sign(p, bare, tagged, sizeof tagged) || !mkdtemp(dir))
		return BATV_MAYBE;
	if (write_conf(p, dir, conf, sizeof conf)) {
		compose("<>", tagged, "Auto-Submitted: auto-generated\n", message, sizeof message);
		answer = send(args, message, tagged, line, sizeof line, &unused);
		snprintf(said, size, "%s %s: %.300s", tagged,
			 answer == BATV_YES  ? "was taken"
			 : answer == BATV_NO ? "was refused"
					     : "could not be sent",
			 line);
	}
	(void)batv_run(away, NULL, 10, NULL, &ran);
	batv_run_free(&ran);
	return answer;
}
