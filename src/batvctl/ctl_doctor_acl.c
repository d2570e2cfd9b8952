/*
 * ctl_doctor_acl.c - batvctl doctor: does what an administrator changed in
 * Debian's acl_check_rcpt hold for signed addresses, too?
 *
 * On the unsplit configuration these have an RCPT ACL of their own,
 * acl_batv_rcpt, which is Debian's but for the check of the recipient
 * (exim-batv.acl-rcpt).  Both are in the configuration that Exim prints, so
 * their statements can be compared, whatever the version of Debian.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_doctor.h"

#define STATEMENT_SIZE 2000
#define STATEMENTS_MAX 200

struct acl {
	size_t n;
	char *text[STATEMENTS_MAX]; /* "deny ; condition = x ; message = y", with
				       single blanks */
};

/* ---- reading ---- */

static bool is_verb(struct batv_span word)
{
	static const char *const verbs[] = {"accept", "defer",   "deny", "discard",
					    "drop",   "require", "warn"};

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (batv_span_equal(word, batv_span_of(verbs[i])))
			return true;
	return false;
}

/* Adds the line to a statement, each run of white space as one blank. */
static void add_text(char *statement, const char *from, size_t len)
{
	size_t at = strlen(statement);

	if (at && at + 4 < STATEMENT_SIZE)
		at = (size_t)(stpcpy(statement + at, " ; ") - statement);
	for (size_t i = 0; i < len && at + 2 < STATEMENT_SIZE; i++)
		if (!batv_is_space(from[i]))
			statement[at++] = from[i];
		else if (at && statement[at - 1] != ' ')
			statement[at++] = ' ';
	while (at && statement[at - 1] == ' ')
		at--;
	statement[at] = '\0';
}

static char *new_statement(struct acl *acl)
{
	char *statement = acl->n < STATEMENTS_MAX ? calloc(1, STATEMENT_SIZE) : NULL;

	if (statement)
		acl->text[acl->n++] = statement;
	return statement;
}

static void add_line(struct acl *acl, const char *line, size_t len)
{
	const struct batv_span word = {line, strcspn(line, " \t\n")};
	char *statement = acl->n ? acl->text[acl->n - 1] : NULL;

	if (is_verb(word))
		statement = new_statement(acl);
	if (!statement)
		return;
	if (is_verb(word) && len == word.len)
		add_text(statement, line, len);
	else if (is_verb(word)) { /* its first condition is on the same line */
		add_text(statement, line, word.len);
		add_text(statement, line + word.len, len - word.len);
	} else
		add_text(statement, line, len);
}

/* Exim prints a block's name on a line of its own: nothing else ends in a colon
 * without "=". */
static bool is_name(const char *line, size_t len)
{
	return len > 1 && line[len - 1] == ':' && !memchr(line, '=', len);
}

/* Reads the statements of one ACL, and adds them. */
static void read_acl(const char *config, const char *name, struct acl *acl)
{
	const size_t name_len = strlen(name);
	bool inside = false;

	for (const char *line = config; line && *line; line = strchr(line, '\n')) {
		size_t len;

		line += strspn(line, "\n \t");
		len = strcspn(line, "\n");
		if (is_name(line, len) || strncmp(line, "begin ", 6) == 0)
			inside = len == name_len + 1 && strncmp(line, name, name_len) == 0;
		else if (inside && len && *line != '#')
			add_line(acl, line, len);
	}
}

static void free_acl(struct acl *acl)
{
	for (size_t i = 0; i < acl->n; i++)
		free(acl->text[i]);
}

/* ---- comparing ---- */

static bool ends(const char *text, const char *end)
{
	const size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* Debian's statements that are another one in ours, or that cannot concern a
 * signed address. */
static bool is_debians(const char *s)
{
	return strcmp(s, "require ; verify = recipient") == 0 ||
	       (batv_span_begins(batv_span_of(s),
				 "deny ; !acl = acl_local_deny_exceptions ; recipients = "
				 "${if exists{") &&
		ends(s, " ; !verify = recipient/callout")) ||
	       (batv_span_begins(batv_span_of(s), "accept ; local_parts = ") &&
		ends(s, " ; domains = +local_domains : +relay_to_domains")) ||
	       strcmp(s, "accept ; domains = +relay_to_domains ; endpass ; verify = "
			 "recipient") == 0 ||
	       strcmp(s, "accept") == 0 || strcmp(s, "require ; acl = acl_batv_rcpt_end") == 0;
}

static bool is_ours(const char *s)
{
	return strstr(s, "prvs=") || strstr(s, "acl_m_batv_signed") ||
	       strstr(s, "beside a signed address");
}

/* The first statement of `from` that `in` lacks; each one there counts once.
 * NULL: none. */
static const char *missing(const struct acl *from, const struct acl *in)
{
	bool used[STATEMENTS_MAX] = {false};

	for (size_t i = 0; i < from->n; i++) {
		size_t k = 0;

		if (is_debians(from->text[i]) || is_ours(from->text[i]))
			continue;
		while (k < in->n && (used[k] || strcmp(in->text[k], from->text[i]) != 0))
			k++;
		if (k == in->n)
			return from->text[i];
		used[k] = true;
	}
	return NULL;
}

static void compare(struct batv_ctl_doctor *d, const struct acl *theirs, const struct acl *ours)
{
	const char *lost = missing(theirs, ours), *kept = missing(ours, theirs);
	struct batv_ctl_doctor_finding *f;

	if (!lost && !kept) {
		batv_ctl_doctor_finding(d, BATV_DOCTOR_ACL_COPY, BATV_DOCTOR_OK,
					"signed addresses have the same RCPT ACL as others");
		return;
	}
	f = batv_ctl_doctor_finding(
		d, BATV_DOCTOR_ACL_COPY, BATV_DOCTOR_WARN,
		"a change in acl_check_rcpt does not hold for signed addresses");
	if (lost)
		batv_ctl_doctor_finding_why(f, "acl_batv_rcpt, which is theirs, lacks: %.700s",
					    lost);
	else
		batv_ctl_doctor_finding_why(
			f, "acl_check_rcpt lacks what acl_batv_rcpt, which is theirs, has: %.700s",
			kept);
	batv_ctl_doctor_finding_fix(f, "put your statements into a file that "
				       "CHECK_RCPT_LOCAL_ACL_FILE names, which "
				       "holds for both; or use the split "
				       "configuration, where a router makes a second "
				       "ACL unnecessary");
}

void batv_ctl_doctor_acl(struct batv_ctl_doctor *d)
{
	struct acl *acls;

	if (!d->config || !strstr(d->config, "acl_batv_rcpt:"))
		return;
	acls = calloc(2, sizeof *acls);
	if (!acls)
		return;
	read_acl(d->config, "acl_check_rcpt", &acls[0]);
	read_acl(d->config, "acl_batv_rcpt_end", &acls[0]);
	read_acl(d->config, "acl_batv_rcpt", &acls[1]);
	compare(d, &acls[0], &acls[1]);
	free_acl(&acls[0]);
	free_acl(&acls[1]);
	free(acls);
}
