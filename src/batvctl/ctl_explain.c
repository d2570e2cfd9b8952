/*
 * ctl_explain.c - batvctl explain: shows what Exim would do with messages, and why.  They are in
 * files, in directories, and in Exim's queue.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl_cache.h"
#include "ctl_explain_print.h"
#include "exim_spool.h"
#include "log_line.h"
#include "tag/tag.h"

#define SPOOL_MAX ((size_t)4 << 20) /* bytes of an envelope and a header */
#define REASONS 8

struct reason {
	const char *text; /* a constant, so the pointer tells them apart */
	uint64_t count;
};

struct explaining {
	struct batv_ctl *ctl;
	struct batv_asking asking;
	struct batv_matcher matcher; /* asking's, with a cache */
	size_t body_max;
	bool many;         /* several messages, or --brief: each is named */
	bool by_recipient; /* one of them has several */
	json_t *list;
	int code;
	uint64_t messages, not_read; /* by_recipient: the first counts recipients */
	uint64_t actions[BATV_ACTION_COUNT], verdicts[BATV_VERDICT_COUNT];
	struct reason reasons[REASONS]; /* why some were not judged */
};

/* Trouble goes before no, and no before yes. */
static void note_code(struct explaining *x, int code)
{
	if (code > x->code)
		x->code = code;
}

static void count(struct explaining *x, const struct batv_explanation *e)
{
	size_t i = 0;

	x->messages++;
	if (e->judged) {
		x->actions[e->judgement.finding.action]++;
		x->verdicts[e->judgement.finding.verdict]++;
		return;
	}
	while (i < REASONS - 1 && x->reasons[i].text && x->reasons[i].text != e->not_judged)
		i++;
	x->reasons[i].text = e->not_judged;
	x->reasons[i].count++;
}

/* ---- one message ---- */

static void show(struct explaining *x, const struct batv_explanation *e)
{
	if (x->ctl->json && x->many) {
		json_array_append_new(x->list, batv_ctl_explain_print_json(e));
	} else if (x->ctl->json) {
		batv_ctl_print_json(batv_ctl_explain_print_json(e));
	} else if (x->ctl->brief) {
		batv_ctl_explain_print_line(e);
	} else {
		if (x->messages > 1)
			putchar('\n');
		batv_ctl_explain_print_text(x->ctl, e);
	}
}

/* The message is borrowed. */
static void explain(struct explaining *x, const char *name, const struct batv_ctl_message *message,
		    const struct batv_ctl_envelope *envelope)
{
	static struct batv_explanation e;

	e = (struct batv_explanation){.name = x->many || envelope ? name : NULL,
				      .message = *message,
				      .asking = &x->asking};
	if (!batv_ctl_explanation_make(x->ctl, envelope, &e)) {
		note_code(x, batv_ctl_fail(BATV_CTL_USAGE, "explain: an address is too long"));
		return;
	}
	count(x, &e);
	show(x, &e);
	note_code(x, batv_ctl_explanation_code(&e));
}

static void explain_one_of(struct explaining *x, struct batv_ctl_messages *all, uint64_t number)
{
	struct batv_ctl_message message;
	char name[4200];
	int code = batv_ctl_message_read(all, &message);

	if (code) {
		x->not_read++;
		note_code(x, code);
		return;
	}
	x->many = x->many || all->more; /* nothing has been printed before */
	snprintf(name, sizeof name, "%s:%" PRIu64, all->path, number);
	explain(x, number > 1 || all->more ? name : all->path, &message, NULL);
	free(message.text);
}

/* All messages of an mbox; each of several is named FILE:NUMBER. */
static void explain_file(struct explaining *x, const char *path)
{
	struct batv_ctl_messages all;
	uint64_t number = 0;
	int code = batv_ctl_message_open(path, x->body_max, &all);

	if (code) {
		x->not_read++;
		note_code(x, code);
		return;
	}
	do
		explain_one_of(x, &all, ++number);
	while (all.more);
	batv_ctl_message_close(&all);
}

/* ---- a directory ---- */

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Its plain files, by name. */
static void explain_files(struct explaining *x, const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_shown, alphasort);
	struct stat st;

	if (n < 0)
		note_code(x, batv_ctl_fail(BATV_CTL_TROUBLE, "%s: %s", path, strerror(errno)));
	for (int i = 0; i < n; i++) {
		char file[4096];

		if (snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name) <
			    (int)sizeof file &&
		    lstat(file, &st) == 0 && S_ISREG(st.st_mode))
			explain_file(x, file);
		free(names[i]);
	}
	free(names);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Of a Maildir, the messages in new and cur. */
static void explain_directory(struct explaining *x, const char *path)
{
	static const char *const parts[] = {"new", "cur"};
	bool maildir = false;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char part[4096];

		if (snprintf(part, sizeof part, "%s/%s", path, parts[i]) < (int)sizeof part &&
		    is_directory(part)) {
			explain_files(x, part);
			maildir = true;
		}
	}
	if (!maildir)
		explain_files(x, path);
}

/* ---- Exim's queue ---- */

static bool ask_exim(struct explaining *x, const char *what, const char *id, size_t max,
		     struct batv_ran *ran)
{
	struct batv_matcher unused;
	struct batv_asker asker;
	bool gone;

	batv_ask_exim_init(&asker, x->ctl->config.global.exim, x->ctl->config_path, &unused);
	if (batv_ask_exim_spool(&asker, what, id, max, ran))
		return true;
	gone = strstr(asker.why, "does not exist") || strstr(asker.why, "No such file");
	x->not_read++;
	note_code(x, gone ? batv_ctl_fail(BATV_CTL_TROUBLE,
					  "explain: %s is not in Exim's queue, nor a file", id)
			  : batv_ctl_fail(BATV_CTL_TROUBLE, "explain: Exim does not show %s: %s",
					  id, asker.why));
	return false;
}

/* The address after `mark`, if it is this recipient with a tag or without one. */
static bool came_as(struct batv_span field, const char *mark, const char *ends, const char *rcpt,
		    char out[static BATV_ADDR_SIZE])
{
	const char *at = memmem(field.p, field.len, mark, strlen(mark));
	char bare[BATV_ADDR_SIZE];
	size_t n = 0;

	if (!at)
		return false;
	for (at += strlen(mark); at + n < field.p + field.len && at[n] && !strchr(ends, at[n]);)
		n++;
	if (n == 0 || n >= BATV_ADDR_SIZE)
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	return batv_tag_bare(out, n, bare, sizeof bare) == BATV_OK && strcmp(bare, rcpt) == 0;
}

/*
 * The queue has recipients without their tags, where reception took them off.  Of a message with
 * one recipient our header and Exim's first Received field have the address as it came.  Of several
 * they do not; but our header has the worst verdict of all.
 */
static void find_address(const struct batv_ctl_message *m, const char *queued,
			 struct batv_ctl_envelope *envelope, char out[static BATV_ADDR_SIZE])
{
	const struct batv_span status = batv_ctl_message_find(m, "X-BATV-Status");
	char bare[BATV_ADDR_SIZE];

	envelope->rcpt_origin = envelope->note = envelope->not_judged = NULL;
	if (batv_tag_bare(queued, strlen(queued), bare, sizeof bare) != BATV_OK ||
	    strcmp(bare, queued) != 0)
		return; /* it has its tag */
	if (came_as(status, "rcpt=<", ">", queued, out))
		envelope->rcpt_origin = "X-BATV-Status, as it came";
	else if (came_as(batv_ctl_message_find(m, "Received"), "\tfor ", "; \t\r\n", queued, out))
		envelope->rcpt_origin = "Received, as it came";
	if (envelope->rcpt_origin)
		envelope->rcpt = out;
	else if (batv_span_begins(batv_span_trim(status), "valid;"))
		envelope->not_judged = "it came to an address with a valid tag, which was taken "
				       "off when it was received";
	else
		envelope->note = "if this address came with a tag, it was taken off when the "
				 "message was received, and this is the decision without it; "
				 "batvctl why, with the id of the message, shows how it came";
}

static void explain_copy(struct explaining *x, const char *id, struct batv_exim_spool *spool,
			 struct batv_ran *copy)
{
	struct batv_ctl_message message;
	struct batv_ctl_envelope envelope = {
		.origin = "Exim's queue", .sender = spool->sender, .host = spool->host};

	char came[BATV_ADDR_SIZE];

	envelope.frozen = (int64_t)spool->frozen;
	batv_ctl_message_split(copy->text, copy->len, x->body_max, &message);
	if (spool->rcpts_all > spool->n_rcpts)
		(void)batv_ctl_fail(BATV_CTL_YES,
				    "explain: %s has %" PRIu64 " recipients; the first %zu are "
				    "explained",
				    id, spool->rcpts_all, spool->n_rcpts);
	x->by_recipient = x->by_recipient || (spool->n_rcpts > 1 && !x->ctl->rcpt);
	x->many = x->many || x->by_recipient;
	for (size_t i = 0; i < spool->n_rcpts; i++) {
		envelope.rcpt = spool->rcpts[i];
		if (!x->ctl->rcpt)
			find_address(&message, spool->rcpts[i], &envelope, came);
		explain(x, id, &message, &envelope);
		if (x->ctl->rcpt)
			return;
	}
}

static void explain_queued(struct explaining *x, const char *id)
{
	static struct batv_exim_spool spool;
	struct batv_ran envelope, copy;

	if (!ask_exim(x, "-Mvh", id, SPOOL_MAX, &envelope))
		return;
	if (!batv_exim_spool_read((struct batv_span){envelope.text, envelope.len}, &spool)) {
		x->not_read++;
		note_code(x, batv_ctl_fail(BATV_CTL_TROUBLE,
					   "explain: %s: cannot read the envelope that Exim shows",
					   id));
	} else if (ask_exim(x, "-Mvc", id, BATV_CTL_HEADER_MAX + x->body_max, &copy)) {
		explain_copy(x, id, &spool, &copy);
		batv_run_free(&copy);
	}
	batv_run_free(&envelope);
}

/* ---- the sum ---- */

static void print_sum(const struct explaining *x)
{
	const uint64_t *a = x->actions;
	uint64_t not_judged = 0;

	for (size_t i = 0; i < REASONS; i++)
		not_judged += x->reasons[i].count;
	printf("\n%" PRIu64 " %s%s: %" PRIu64 " would be refused, %" PRIu64
	       " accepted and marked, %" PRIu64 " accepted, %" PRIu64 " not judged\n",
	       x->messages, x->by_recipient ? "recipient" : "message", x->messages == 1 ? "" : "s",
	       a[BATV_ACTION_REJECT], a[BATV_ACTION_MARK],
	       a[BATV_ACTION_ACCEPT] + a[BATV_ACTION_REMOVE], not_judged);
	for (int v = 0; v < BATV_VERDICT_COUNT; v++)
		if (x->verdicts[v])
			printf("  %-11s %" PRIu64 "\n", batv_verdict_name((enum batv_verdict)v),
			       x->verdicts[v]);
	for (size_t i = 0; i < REASONS && x->reasons[i].count; i++)
		printf("  not judged  %" PRIu64 ": %s\n", x->reasons[i].count, x->reasons[i].text);
	if (x->not_read)
		printf("  not read    %" PRIu64 "\n", x->not_read);
}

static json_t *json_sum(const struct explaining *x)
{
	json_t *o = json_object(), *verdicts = json_object(), *actions = json_object();
	uint64_t not_judged = 0;

	for (size_t i = 0; i < REASONS; i++)
		not_judged += x->reasons[i].count;
	for (int v = 0; v < BATV_VERDICT_COUNT; v++)
		batv_ctl_put_number(verdicts, batv_verdict_name((enum batv_verdict)v),
				    x->verdicts[v]);
	for (int a = 0; a < BATV_ACTION_COUNT; a++)
		batv_ctl_put_number(actions, batv_action_name((enum batv_action)a), x->actions[a]);
	batv_ctl_put_number(o, "messages", x->messages);
	batv_ctl_put(o, "verdicts", verdicts);
	batv_ctl_put(o, "actions", actions);
	batv_ctl_put_number(o, "not_judged", not_judged);
	batv_ctl_put_number(o, "not_read", x->not_read);
	return o;
}

static void print_all(struct explaining *x)
{
	json_t *o;

	if (!x->many)
		return;
	if (!x->ctl->json) {
		print_sum(x);
		return;
	}
	o = json_object();
	batv_ctl_put_number(o, "schema", 1);
	batv_ctl_put(o, "messages", x->list);
	batv_ctl_put(o, "sum", json_sum(x));
	batv_ctl_print_json(o);
}

/* ---- the command ---- */

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void explain_args(struct explaining *x, char **args, int n)
{
	for (int i = 0; i < n; i++) {
		if (is_directory(args[i]))
			explain_directory(x, args[i]);
		else if (batv_log_line_is_id(batv_span_of(args[i])) && !is_file(args[i]))
			explain_queued(x, args[i]);
		else
			explain_file(x, args[i]);
	}
	print_all(x);
}

/* Many messages have the same few recipients and hosts, and asking Exim takes time. */
static int explain_with_cache(struct explaining *x, char **args, int n)
{
	struct batv_cache *cache = batv_ctl_cache_new(&x->asking.matcher, &x->matcher);

	if (!cache)
		return batv_ctl_fail(BATV_CTL_TROUBLE, "out of memory");
	x->asking.context.matcher = &x->matcher;
	explain_args(x, args, n);
	batv_ctl_cache_free(cache);
	return x->code;
}

int batv_ctl_explain(struct batv_ctl *ctl, char **args, int n)
{
	static struct explaining x;
	struct batv_global defaults;
	int code;

	x.ctl = ctl;
	batv_policy_init_global(&defaults);
	x.body_max = (size_t)defaults.evidence_bytes;
	if (batv_ctl_ask(ctl, &x.asking) == BATV_CTL_YES)
		x.body_max = (size_t)x.asking.context.state->global.evidence_bytes;
	x.many = n > 1 || ctl->brief || is_directory(args[0]);
	x.list = json_array();
	code = explain_with_cache(&x, args, n);
	batv_ctl_ask_end(&x.asking);
	return code;
}
