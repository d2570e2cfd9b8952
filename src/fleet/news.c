/*
 * news.c - what an administrator wants to read at night: what is wrong, since when, what it means
 * for mail, and that it is over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "news.h"
#include "report.h"

#define TOLD_FOR 60000 /* ms: the same trouble of the same server is not told again so soon */

/* ---- names ---- */

/* The value of "name" at the start of a row, without a parser: {"name":"relay1",... */
static struct batv_span name_in(const struct batv_rows_one *row)
{
	static const char start[] = "{\"name\":\"";
	struct batv_span text = {row->text, row->len}, name;
	const char *end;

	if (!batv_span_begins(text, start))
		return (struct batv_span){"", 0};
	name = batv_span_after(text, sizeof start - 1);
	end = memchr(name.p, '"', name.len);
	return end ? batv_span_between(name.p, end) : (struct batv_span){"", 0};
}

void batv_news_name(const struct batv_station *st, uint64_t host, char out[static 100])
{
	const struct batv_rows_one *row = batv_rows_find(&st->rows, host);
	struct batv_span name = row ? name_in(row) : (struct batv_span){"", 0};

	if (name.len)
		batv_printable(batv_span_cut(name, 64), out, 100);
	else
		snprintf(out, 100, "%016" PRIx64, host);
}

/* ---- servers ---- */

static void server_in_order(struct batv_news *news, const struct batv_engine_status *s,
			    struct batv_news_server *n, int64_t now)
{
	(void)news;
	if (s->warned && (strcmp(n->text, s->text) != 0 || now - n->told > TOLD_FOR)) {
		batv_report(LOG_WARNING, "%s: %s", s->server, s->text);
		snprintf(n->text, sizeof n->text, "%s", s->text);
		n->told = now;
	} else if (n->in_trouble) {
		batv_report(LOG_NOTICE, "%s: in order again", s->server);
	} else if (!n->met) {
		batv_report(LOG_NOTICE, "%s: connected (%s)", s->server, s->version);
	}
	n->met = true;
	n->in_trouble = false;
}

void batv_news_server(struct batv_news *news, const struct batv_station *st, unsigned server)
{
	const struct batv_engine_status *s = batv_engine_status(st->engine, server);
	struct batv_news_server *n = &news->server[server];

	if (s->state == BATV_ENGINE_STARTING)
		return;
	if (s->state == BATV_ENGINE_OK) {
		server_in_order(news, s, n, st->tick);
		return;
	}
	if (strcmp(n->text, s->text) == 0 && st->tick - n->told < TOLD_FOR)
		return; /* it comes and goes */
	batv_report(LOG_WARNING, "%s: %s", s->server, s->text);
	snprintf(n->text, sizeof n->text, "%s", s->text);
	n->told = st->tick;
	n->in_trouble = true;
}

static void look_at_servers(struct batv_news *news, const struct batv_station *st)
{
	bool usable = false, starting = false;

	for (unsigned i = 0; i < batv_engine_servers(st->engine); i++) {
		enum batv_engine_state state = batv_engine_status(st->engine, i)->state;

		usable |= state == BATV_ENGINE_OK;
		starting |= state == BATV_ENGINE_STARTING;
	}
	if (starting || usable != news->none_usable)
		return;
	news->none_usable = !usable;
	if (usable)
		batv_report(LOG_NOTICE, "a server of the fleet can be used again");
	else
		batv_report(LOG_ERR, "no server of the fleet can be used; until one can, automatic "
				     "replies that prove nothing are accepted and marked");
}

/* ---- hosts ---- */

static struct batv_news_host *find(struct batv_news *news, uint64_t host)
{
	for (size_t i = 0; i < news->n_hosts; i++)
		if (news->host[i].host == host)
			return &news->host[i];
	return NULL;
}

bool batv_news_is_silent(const struct batv_news *news, uint64_t host)
{
	for (size_t i = 0; i < news->n_hosts; i++)
		if (news->host[i].host == host)
			return news->host[i].silent;
	return false;
}

static void meet(struct batv_news *news, const struct batv_station *st, uint64_t host)
{
	char name[100];

	if (news->n_hosts == BATV_ROSTER_MEMBERS_MAX)
		return;
	news->host[news->n_hosts++] = (struct batv_news_host){.host = host};
	batv_news_name(st, host, name);
	batv_report(LOG_NOTICE, "host %s is in the fleet (%016" PRIx64 ")", name, host);
}

static void look_at_host(struct batv_news *news, const struct batv_station *st,
			 const struct batv_roster_member *m)
{
	struct batv_news_host *n = find(news, m->host);
	bool silent = batv_roster_counts(m) && st->now - m->heard > BATV_NEWS_SILENT;
	char name[100];

	if (!n) {
		meet(news, st, m->host);
		return;
	}
	if (silent == n->silent)
		return;
	n->silent = silent;
	batv_news_name(st, m->host, name);
	if (silent)
		batv_report(LOG_WARNING,
			    "host %s: not heard for %d seconds; until it is, automatic replies "
			    "that prove nothing are accepted and marked; if it is gone for good: "
			    "batvctl fleet forget %s",
			    name, BATV_NEWS_SILENT / 1000, name);
	else if (m->state == BATV_ROSTER_LEFT)
		batv_report(LOG_NOTICE, "host %s has left the fleet", name);
	else
		batv_report(LOG_NOTICE, "host %s: heard again", name);
}

static void look_at_memory(struct batv_news *news, const struct batv_station *st)
{
	bool complete = st->since != 0;
	char when[32];
	time_t since = (time_t)st->since;
	struct tm tm;

	if (news->met && complete == news->complete)
		return;
	if (complete && gmtime_r(&since, &tm) &&
	    strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm))
		batv_report(LOG_NOTICE, "all that the fleet sent since %s is in the memory", when);
	else if (news->met)
		batv_report(LOG_WARNING, "some of what the fleet sent is missing here; it is asked "
					 "for");
	else
		batv_report(LOG_NOTICE, "not all that the fleet sent is in the memory yet");
	news->met = true;
	news->complete = complete;
}

void batv_news_look(struct batv_news *news, const struct batv_station *st)
{
	look_at_servers(news, st);
	if (st->deaf) {
		news->hearing = 0;
		return;
	}
	if (!news->hearing)
		news->hearing = st->tick;
	for (size_t i = 0; i < st->roster.n; i++)
		/* Nobody could be heard while no server was read. */
		if (st->tick - news->hearing > BATV_NEWS_SILENT ||
		    !find(news, st->roster.member[i].host) ||
		    batv_news_is_silent(news, st->roster.member[i].host))
			look_at_host(news, st, &st->roster.member[i]);
	look_at_memory(news, st);
}
