/*
 * ctl_status_page.c - batvctl status: the page that people read first.
 *
 * Invariant: problems come first.  Names of domains come from mail, so they are
 * made printable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_layout.h"
#include "ctl_status.h"
#include "memory/counters.h"

#define DAYS 7
#define NAMED 10 /* domains; the others are counted */
#define DATE_SIZE 40
#define REST_SIZE 400

/* "Thu 3 Dec", in local time */
static void date(int64_t when, char *out, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(out, size, "%a %-d %b", &tm) == 0)
		snprintf(out, size, "@%" PRId64, when);
}

static void print_head(const struct batv_status *s)
{
	const struct batv_ctl_terminal *terminal = &s->ctl->terminal;
	char host[256] = "", line[300], when[DATE_SIZE] = "";
	time_t t = (time_t)s->ctl->now;
	unsigned used;
	struct tm tm;

	(void)gethostname(host, sizeof host - 1);
	if (localtime_r(&t, &tm))
		(void)strftime(when, sizeof when, "%a %-d %b %Y %H:%M %z", &tm);
	snprintf(line, sizeof line, "exim-batv  %s", host);
	used = batv_ctl_layout_columns(line) + batv_ctl_layout_columns(when);
	printf("%s%*s%s\n", line, used + 2 < terminal->width ? (int)(terminal->width - used) : 2,
	       "", when);
}

static void print_lines(const struct batv_status *s, enum batv_ctl_paint paint, char mark,
			const char lines[][1024], size_t n)
{
	const struct batv_ctl_terminal *terminal = &s->ctl->terminal;

	for (size_t i = 0; i < n; i++) {
		printf("%s%c%s ", batv_ctl_terminal_paint(terminal, paint), mark,
		       batv_ctl_terminal_plain(terminal));
		batv_ctl_layout_wrap(stdout, lines[i], 2, 2, terminal->width);
	}
}

static void print_problems(const struct batv_status *s)
{
	const struct batv_ctl_terminal *terminal = &s->ctl->terminal;

	print_lines(s, BATV_PAINT_BAD, '!', s->problems, s->n_problems);
	if (!s->n_problems)
		printf("%sNo problems.%s\n", batv_ctl_terminal_paint(terminal, BATV_PAINT_GOOD),
		       batv_ctl_terminal_plain(terminal));
	print_lines(s, BATV_PAINT_ADVICE, '-', s->notes, s->n_notes);
}

/* ---- Signing ---- */

/* Since when any domain's mail has left signed. */
static int64_t signed_since(struct batv_status *s)
{
	struct batv_domain d;
	int64_t since = 0;

	for (size_t i = 0; s->memory_ok && batv_domain_next(&s->memory, &i, &d); i++)
		if (d.first_signed && (!since || d.first_signed < since))
			since = d.first_signed;
	return since;
}

static bool signs(const struct batv_state *st)
{
	for (size_t i = 0; i < st->n_policies; i++)
		if (st->policies[i].signing)
			return true;
	return false;
}

static bool next_is_published(const struct batv_status *s)
{
	const struct batv_keyring *ring = &s->state.state.ring;

	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].from < ring->keys[i].until && ring->keys[i].from > s->ctl->now)
			return true;
	return false;
}

/* When the last tag that may have been given out is dead. */
int64_t batv_ctl_status_tags_end(const struct batv_status *s)
{
	const struct batv_keyring *ring = &s->state.state.ring;
	int64_t end = 0;

	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].from <= s->ctl->now && ring->keys[i].destroy > end)
			end = ring->keys[i].destroy;
	return end;
}

static void print_signing(struct batv_status *s)
{
	const struct batv_key *key = batv_key_current(&s->state.state.ring, s->ctl->now);
	char value[DATE_SIZE + 16] = "on", rest[REST_SIZE], until[DATE_SIZE], dead[DATE_SIZE];
	int64_t since = signed_since(s);
	unsigned width = s->ctl->terminal.width;

	if (!s->state_usable || !key) {
		batv_ctl_layout_row(stdout, "Signing", "off", "no usable state is published",
				    width);
		return;
	}
	date(batv_ctl_status_tags_end(s), dead, sizeof dead);
	if (!signs(&s->state.state)) {
		snprintf(rest, sizeof rest, "tags live to %s", dead);
		batv_ctl_layout_row(stdout, "Signing", "off", rest, width);
		return;
	}
	date(since, until, sizeof until);
	if (since)
		snprintf(value, sizeof value, "on since %s", strchr(until, ' ') + 1);
	date(key->until, until, sizeof until);
	snprintf(rest, sizeof rest, "key %" PRIu32 ".%" PRIu64 " until %s, %s, tags live to %s",
		 key->secret, key->epoch, until,
		 next_is_published(s) ? "next is published" : "NO NEXT ONE", dead);
	batv_ctl_layout_row(stdout, "Signing", value, rest, width);
}

/* ---- Refusing ---- */

/* How much a domain that observes is worth a look. */
static unsigned rank(const struct batv_arm *arm, bool refusing)
{
	static const uint8_t ranks[BATV_ARM_WHY_COUNT] = {
		[BATV_ARM_GRACE] = 1,
		[BATV_ARM_MODE_OBSERVE] = 2,
		[BATV_ARM_SIGNING_OFF] = 2,
		[BATV_ARM_NO_EVIDENCE] = 3,
		[BATV_ARM_FEW] = 3,
		[BATV_ARM_STALE] = 4,
		[BATV_ARM_ARMED] = 5,
		[BATV_ARM_MODE_REJECT] = 5, /* and yet it observes */
		[BATV_ARM_NO_POLICY] = 6,
		[BATV_ARM_CLOCK] = 6,
		[BATV_ARM_ELSEWHERE] = 7,
		[BATV_ARM_UNTAGGED] = 7,
		[BATV_ARM_UNSEEN] = 8,
		[BATV_ARM_FLEET_KEY] = 8,
		[BATV_ARM_FLEET_UNSIGNED] = 7,
		[BATV_ARM_FLEET_UNKNOWN] = 6,
	};

	return refusing ? 0 : ranks[arm->why];
}

struct named {
	char name[BATV_DOMAIN_NAME_MAX + 32];
	bool refuses;
	enum batv_arm_why why;
	int64_t when;
	unsigned rank;
};

struct census {
	size_t all, refusing, n;
	struct named named[NAMED]; /* the worst first */
};

static void take(struct census *c, const struct named *new)
{
	size_t at = c->n;

	while (at > 0 && c->named[at - 1].rank < new->rank)
		at--;
	if (at == NAMED)
		return;
	if (c->n < NAMED)
		c->n++;
	memmove(&c->named[at + 1], &c->named[at], (c->n - at - 1) * sizeof *new);
	c->named[at] = *new;
}

static void count_domains(struct batv_status *s, struct census *c)
{
	struct batv_domain d;

	for (size_t i = 0; s->memory_ok && batv_domain_next(&s->memory, &i, &d); i++) {
		struct batv_arm arm = batv_ctl_arm(s->ctl, &s->state.state, &d, s->ctl->now);
		struct named new = {.refuses = batv_ctl_status_refuses(s, &d, &arm),
				    .why = arm.why,
				    .when = arm.when};

		c->all++;
		c->refusing += new.refuses;
		new.rank = rank(&arm, new.refuses);
		batv_printable(batv_span_of(d.name), new.name, sizeof new.name);
		take(c, &new);
	}
}

static void tell_observing(FILE *out, const struct named *d, int64_t now)
{
	static const char *const words[BATV_ARM_WHY_COUNT] = {
		[BATV_ARM_ARMED] = "waits for batvd",
		[BATV_ARM_GRACE] = "grace",
		[BATV_ARM_NO_EVIDENCE] = "nothing has left signed",
		[BATV_ARM_STALE] = "waits for mail after a break",
		[BATV_ARM_SIGNING_OFF] = "signing is off",
		[BATV_ARM_MODE_OBSERVE] = "enforcement = observe",
		[BATV_ARM_MODE_REJECT] = "refuses if there is no observe file",
		[BATV_ARM_NO_POLICY] = "in no policy's domains",
		[BATV_ARM_CLOCK] = "the clock was wrong",
		[BATV_ARM_FEW] = "too little evidence",
		[BATV_ARM_ELSEWHERE] = "another server sends for it",
		[BATV_ARM_UNTAGGED] = "bounces come back without their tag",
		[BATV_ARM_UNSEEN] = "no transport that signs sees its mail",
		[BATV_ARM_FLEET_KEY] = "a host of the fleet signs with a secret that is not here",
		[BATV_ARM_FLEET_UNSIGNED] = "a host of the fleet has signing off",
		[BATV_ARM_FLEET_UNKNOWN] = "a host of the fleet has not been heard yet",
	};
	char when[DATE_SIZE];

	date(d->when, when, sizeof when);
	if (d->why == BATV_ARM_GRACE && d->when > now)
		fprintf(out, "%s observes until %s", d->name, when);
	else
		fprintf(out, "%s observes (%s)", d->name, words[d->why]);
}

/* Those that refuse, then those that observe; the caller frees it. */
static char *names_of(const struct census *c, int64_t now)
{
	char *text = NULL;
	size_t size, told = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		if (c->named[i].refuses)
			fprintf(out, "%s%s", told++ ? " " : "", c->named[i].name);
	for (size_t i = 0; i < c->n; i++)
		if (!c->named[i].refuses) {
			fputs(told++ ? "; " : "", out);
			tell_observing(out, &c->named[i], now);
		}
	if (c->all > c->n) {
		char more[BATV_LAYOUT_NUMBER];

		batv_ctl_layout_number(c->all - c->n, more, sizeof more);
		fprintf(out, "; and %s more: --domains all", more);
	} else if (c->refusing < c->all)
		fputs("; why: --domains all", out);
	fclose(out);
	return text;
}

static void print_refusing(struct batv_status *s)
{
	struct census *c = calloc(1, sizeof *c);
	char value[64];
	char *names;

	if (!c)
		return;
	if (s->state_read)
		count_domains(s, c);
	names = names_of(c, s->ctl->now);
	snprintf(value, sizeof value, "%zu of %zu %s", c->refusing, c->all,
		 c->all == 1 ? "domain" : "domains");
	if (!c->all)
		batv_ctl_layout_row(stdout, "Refusing", "no domain yet",
				    "the time of each begins with its first signed mail",
				    s->ctl->terminal.width);
	else
		batv_ctl_layout_row(stdout, "Refusing", value, names ? names : "",
				    s->ctl->terminal.width);
	free(names);
	free(c);
}

/* ---- Memory ---- */

static void print_memory(struct batv_status *s)
{
	char value[DATE_SIZE + 20] = "cannot be read", when[DATE_SIZE], rest[REST_SIZE] = "";
	int64_t since = 0;
	unsigned percent = 0;
	size_t used;

	if (s->memory_ok) {
		bool complete = batv_ctl_status_sent_facts(s, &since, &percent);

		date(since, when, sizeof when);
		snprintf(value, sizeof value, "complete %s %s", complete ? "since" : "on",
			 strchr(when, ' ') ? strchr(when, ' ') + 1 : when);
		snprintf(rest, sizeof rest, "%u %% full", percent);
	}
	used = strlen(rest);
	if (s->fingerprint[0])
		snprintf(rest + used, sizeof rest - used, "%ssecret %s%s", used ? ", " : "",
			 s->fingerprint, s->shared ? ", shared with another server" : "");
	batv_ctl_layout_row(stdout, "Memory", value, rest, s->ctl->terminal.width);
}

/* ---- the numbers ---- */

#define LABEL 19
#define TODAY 9
#define WEEK 10

struct columns { /* one figure, or two of them with a slash */
	char today[2 * BATV_LAYOUT_NUMBER], week[2 * BATV_LAYOUT_NUMBER];
	char rate[BATV_LAYOUT_NUMBER];
};

static void figure(uint64_t a, const uint64_t *b, char *out, size_t size)
{
	char second[BATV_LAYOUT_NUMBER];

	batv_ctl_layout_number(a, out, size);
	if (!b)
		return;
	batv_ctl_layout_number(*b, second, sizeof second);
	snprintf(out + strlen(out), size - strlen(out), "/%s", second);
}

static void print_row(const struct batv_status *s, const char *label, const uint64_t *today,
		      const uint64_t *week, bool two, const uint64_t *before, const char *rest)
{
	struct columns c;
	unsigned column = LABEL + TODAY + WEEK;

	figure(today[0], two ? &today[1] : NULL, c.today, sizeof c.today);
	figure(week[0], two ? &week[1] : NULL, c.week, sizeof c.week);
	printf("%-*s%*s%*s", LABEL, label, TODAY, c.today, WEEK, c.week);
	if (s->ctl->watch) {
		snprintf(c.rate, sizeof c.rate, "%" PRIu64,
			 before && today[0] > *before ? today[0] - *before : 0);
		printf("%*s", WEEK, before ? c.rate : "-");
		column += WEEK;
	}
	if (!*rest) {
		putchar('\n');
		return;
	}
	printf("   ");
	batv_ctl_layout_wrap(stdout, rest, column + 3,
			     column + 30 > s->ctl->terminal.width ? 4 : column + 3,
			     s->ctl->terminal.width);
}

/* Writes ", WORD N" for each number that is not 0. */
static void add_word(char *out, size_t size, const char *word, uint64_t n)
{
	size_t used = strlen(out);
	char number[BATV_LAYOUT_NUMBER];

	batv_ctl_layout_number(n, number, sizeof number);
	if (n > 0)
		snprintf(out + used, size - used, "%s%s %s", used ? ", " : "", word, number);
}

static void bare_words(struct batv_status *s, char *out, size_t size)
{
	static const struct {
		const char *word;
		size_t row;
	} rows[] = {{"untrusted", BATV_COUNT_LEFT_UNTRUSTED},
		    {"destination", BATV_COUNT_LEFT_DESTINATION},
		    {"no state", BATV_COUNT_LEFT_NO_STATE},
		    {"other", BATV_COUNT_LEFT_OTHER}};
	char words[REST_SIZE - sizeof "bare: "] = "";

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		add_word(words, sizeof words, rows[i].word,
			 batv_counted(&s->memory, rows[i].row, DAYS, s->ctl->now));
	snprintf(out, size, "%s%s", *words ? "bare: " : "", words);
}

static void bars_of(struct batv_status *s, char *out, size_t size)
{
	uint64_t values[DAYS], sum = 0;
	char bars[BATV_LAYOUT_BARS_SIZE];

	for (int day = 0; day < DAYS; day++) {
		struct batv_status_figures f;

		batv_ctl_status_figures(s, 1, s->ctl->now - (DAYS - 1 - day) * (int64_t)BATV_DAY,
					&f);
		sum += values[day] = f.refused;
	}
	batv_ctl_layout_bars(values, DAYS, s->ctl->terminal.utf8, bars, sizeof bars);
	snprintf(out, size, "%s%s", sum ? bars : "", sum ? " a day" : "");
}

static void print_outgoing(struct batv_status *s, const struct batv_status_figures *t,
			   const struct batv_status_figures *w,
			   const struct batv_status_figures *before)
{
	uint64_t ours[] = {t->by_tag + t->by_memory}, ours_week[] = {w->by_tag + w->by_memory};
	uint64_t ours_before = before ? before->by_tag + before->by_memory : 0;
	char rest[REST_SIZE] = "";

	bare_words(s, rest, sizeof rest);
	print_row(s, "left signed / bare", (uint64_t[]){t->left_signed, t->left_bare},
		  (uint64_t[]){w->left_signed, w->left_bare}, true,
		  before ? &before->left_signed : NULL, rest);
	rest[0] = '\0';
	add_word(rest, sizeof rest, "by tag", w->by_tag);
	add_word(rest, sizeof rest, "by memory", w->by_memory);
	print_row(s, "bounces of ours", ours, ours_week, false, before ? &ours_before : NULL, rest);
}

static void print_failed(struct batv_status *s, const struct batv_status_figures *t,
			 const struct batv_status_figures *w,
			 const struct batv_status_figures *before)
{
	uint64_t would[] = {t->not_armed + t->observed},
		 would_week[] = {w->not_armed + w->observed};
	uint64_t would_before = before ? before->not_armed + before->observed : 0;
	char rest[REST_SIZE] = "";

	bars_of(s, rest, sizeof rest);
	print_row(s, "bounces refused", &t->refused, &w->refused, false,
		  before ? &before->refused : NULL, rest);
	rest[0] = '\0';
	add_word(rest, sizeof rest, "not armed", w->not_armed);
	add_word(rest, sizeof rest, "told to observe", w->observed);
	print_row(s, "would be refused", would, would_week, false, before ? &would_before : NULL,
		  rest);
	if (w->marked)
		print_row(s, "failed, only marked", &t->marked, &w->marked, false,
			  before ? &before->marked : NULL, "why: --domains all");
	print_row(s, "put off (flood)", &t->deferred, &w->deferred, false,
		  before ? &before->deferred : NULL, "");
}

static void print_numbers(struct batv_status *s, const struct batv_status_figures *before)
{
	struct batv_status_figures today, week;

	if (!s->memory_ok)
		return;
	batv_ctl_status_figures(s, 1, s->ctl->now, &today);
	batv_ctl_status_figures(s, DAYS, s->ctl->now, &week);
	printf("%-*s%*s%*s", LABEL, "", TODAY, "today", WEEK, "7 days");
	if (s->ctl->watch)
		printf("%*s", WEEK, "in 2 s");
	putchar('\n');
	print_outgoing(s, &today, &week, before);
	print_failed(s, &today, &week, before);
}

void batv_ctl_status_print(struct batv_status *s, const struct batv_status_figures *before)
{
	print_head(s);
	print_problems(s);
	if (s->ctl->store.dirfd < 0)
		return;
	print_signing(s);
	print_refusing(s);
	print_memory(s);
	batv_ctl_status_print_fleet(s);
	print_numbers(s, before);
	if (s->ctl->domains)
		batv_ctl_status_print_details(s);
}
