/* links: log/exim_log log/log_line core/base/span */
/*
 * fuzz_exim_log.c - any bytes as a line of Exim's log; and a line as Exim writes it, with any bytes
 * where strangers' text stands: what is taken for Exim's word is Exim's word.
 *
 * Input: a line; and, split at each newline, the sender, the HELO name, the Message-ID and the
 * subject of another one.
 */
#include "../../src/log/exim_log.h"
#include "reach.h"

enum {
	OTHER = BATV_LOG_OTHER,
	ODD = BATV_LOG_ODD,
	AUTHENTICATED,
	HOST_NAME,
	NO_HOST,
	WITH_ID,
	MANY_RECIPIENTS,
	WRITTEN_TAKEN,
	WRITTEN_REFUSED,
	OUTCOMES
};
static const char *const outcomes[OUTCOMES] = {
	"arrival", "bounce", "other",           "odd",           "authenticated",   "host_name",
	"no_host", "id",     "many_recipients", "written_taken", "written_refused",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	setenv("TZ", "UTC", 1);
	reach_start(outcomes, OUTCOMES);
	return 0;
}

static bool is_within(struct batv_span inner, struct batv_span outer)
{
	return inner.len == 0 || (inner.p >= outer.p && inner.p + inner.len <= outer.p + outer.len);
}

/* Each field is there, is in the line, and comes after the one before it. */
static void check_arrival(struct batv_span line, const struct batv_arrival *a)
{
	const char *at;

	must(a->exim_id.len == 16 || a->exim_id.len == 23);
	must(a->sender.len > 0 && a->n_recipients <= BATV_ARRIVAL_RCPTS);
	must(is_within(a->exim_id, line) && is_within(a->sender, line));
	must(is_within(a->host_name, line) && is_within(a->host_address, line));
	must(is_within(a->id, line));
	must(a->exim_id.p < a->sender.p);
	at = a->sender.p;
	for (size_t i = 0; i < a->n_recipients; i++) {
		must(is_within(a->recipients[i], line) && a->recipients[i].p > at);
		must(a->recipients[i].len > 0 && a->recipients[i].p[-1] == ' ');
		at = a->recipients[i].p;
	}
	must(!batv_span_has_control(batv_span_between(a->sender.p, line.p + line.len)));
	must(memmem(line.p, line.len, " P=", 3) && memmem(line.p, line.len, " S=", 3));
	if (a->authenticated) {
		must(memmem(line.p, line.len, " A=", 3));
		reached(AUTHENTICATED);
	}
	if (a->host_name.len > 0)
		reached(HOST_NAME);
	if (a->host_address.len == 0)
		reached(NO_HOST);
	if (a->id.len > 0)
		reached(WITH_ID);
	if (a->n_recipients > 2)
		reached(MANY_RECIPIENTS);
}

static void read_line(struct batv_span line)
{
	struct batv_arrival a = {.n_recipients = 99}, again;
	enum batv_exim_log_line what = batv_exim_log_read(line, &a);

	must((unsigned)what <= BATV_LOG_ODD);
	reached(what);
	must((what == BATV_LOG_ARRIVAL) == (a.n_recipients != 99));
	if (what != BATV_LOG_ARRIVAL)
		return;
	check_arrival(line, &a);
	must(batv_exim_log_read(line, &again) == what && again.when == a.when);
}

/* ---- a line as Exim writes it ---- */

static struct batv_span take_part(struct batv_span *rest)
{
	struct batv_span part = {rest->p, 0};

	(void)batv_span_next_line(rest, &part);
	return part;
}

/* Exim writes control characters as \ooo; quotes and backslashes of a subject with a backslash. */
static void put(FILE *f, struct batv_span text, bool quoted)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < ' ' || c == 0x7f)
			fprintf(f, "\\%03o", c);
		else if (quoted && (c == '"' || c == '\\'))
			fprintf(f, "\\%c", c);
		else
			fputc(c, f);
	}
}

/* Is it what was written?  Exim writes control characters in another form. */
static bool is_same(struct batv_span read, struct batv_span written)
{
	return batv_span_has_control(written) || batv_span_equal(read, written);
}

static void write_and_read(struct batv_span rest)
{
	struct batv_span sender = take_part(&rest), helo = take_part(&rest), id = take_part(&rest),
			 subject = take_part(&rest);
	struct batv_arrival a;
	char *line = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&line, &len);

	must(f);
	fputs("2026-11-22 20:00:00 1vMabc-000000001ab-1Ab2 <= ", f);
	put(f, sender, false);
	fputs(" H=(", f);
	put(f, helo, false);
	fputs(") [192.0.2.1]:25 P=esmtp S=512 id=", f);
	put(f, id, false);
	fputs(" T=\"", f);
	put(f, subject, true);
	fputs("\" from <", f);
	put(f, sender, false);
	fputs("> for bob@example.net", f);
	must(fclose(f) == 0);
	if (batv_exim_log_read((struct batv_span){line, len}, &a) == BATV_LOG_ARRIVAL) {
		must(!a.authenticated &&
		     batv_span_equal(a.host_address, batv_span_of("192.0.2.1")));
		must(a.n_recipients == 1);
		must(batv_span_equal(a.recipients[0], batv_span_of("bob@example.net")));
		must(is_same(a.sender, sender) && is_same(a.id, id));
		must(a.when == 1795377600 && a.host_name.len == 0);
		reached(WRITTEN_TAKEN);
	} else {
		reached(WRITTEN_REFUSED);
	}
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = reach_text(data, size);

	read_line((struct batv_span){text, size});
	write_and_read((struct batv_span){text, size});
	free(text);
	return 0;
}
