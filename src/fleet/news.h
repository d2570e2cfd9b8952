/*
 * news.h - the log lines of batv-fleet about servers and hosts: each change once.
 */
#ifndef BATV_NEWS_H
#define BATV_NEWS_H

#include "station.h"

#define BATV_NEWS_SILENT 10000 /* ms; a host that is not heard for so long is worth a line */

struct batv_news_server {
	char text[BATV_ENGINE_TEXT_SIZE]; /* the trouble that was logged last; "": none */
	int64_t told;                     /* tick, ms */
	bool in_trouble, met;
};

struct batv_news_host {
	uint64_t host;
	bool silent;
};

struct batv_news { /* all bytes zero: nothing was said */
	struct batv_news_server server[BATV_SERVERS_MAX];
	struct batv_news_host host[BATV_ROSTER_MEMBERS_MAX];
	size_t n_hosts;
	int64_t hearing; /* tick: since when a server is read; 0: none is */
	bool none_usable, complete, met;
};

/* The server's status has changed. */
void batv_news_server(struct batv_news *news, const struct batv_station *st, unsigned server);
/* Looks at all: is a server usable, who is silent, is something missing?  Once a second. */
void batv_news_look(struct batv_news *news, const struct batv_station *st);
/* Is the host silent, as far as can be known? */
bool batv_news_is_silent(const struct batv_news *news, uint64_t host);

/* The name of the host, as its row says it, or its id: printable. */
void batv_news_name(const struct batv_station *st, uint64_t host, char out[static 100]);

#endif
