/*
 * log_why.h - finds what was decided about a message, an address or a host, and Exim's own lines of
 * these messages.
 *
 * Files are read oldest first.  When there are more messages than are kept, the newest are.
 */
#ifndef BATV_LOG_WHY_H
#define BATV_LOG_WHY_H

#include "log_decision.h"
#include "log_line.h"
#include "tag/addr.h"

#define BATV_LOG_WHY_HOSTS 16    /* addresses of one host */
#define BATV_LOG_WHY_DECISIONS 8 /* kept of one message, the first */
#define BATV_LOG_WHY_LINES 12    /* kept of one message, the first */
#define BATV_LOG_WHY_LINE 500    /* bytes of one, the first */
#define BATV_LOG_WHY_SHOWN 320   /* bytes of an address, as Exim's line shows it */

enum batv_log_why_kind {
	BATV_LOG_WHY_ID,      /* of Exim */
	BATV_LOG_WHY_ADDRESS, /* untagged: with any tag or none */
	BATV_LOG_WHY_TAGGED,  /* with exactly this tag */
	BATV_LOG_WHY_HOST     /* by address, by name, by HELO */
};

/* A decision, copied: text ends in NUL, and has no control characters. */
struct batv_log_told {
	int64_t when; /* by the log's clock */
	enum batv_verdict verdict;
	enum batv_action action; /* BATV_ACTION_COUNT: deferred */
	enum batv_reason reason;
	char proof[16], class[16], host[64], rcpt[BATV_LOG_WHY_SHOWN], msgid[BATV_LOG_WHY_SHOWN];
};

struct batv_log_message {
	char id[24];
	int64_t when; /* of its first line here */
	bool matched; /* private: false while only its decisions are known, and a host is wanted */
	size_t n_decisions, n_lines;
	uint64_t decisions, lines; /* all that there were */
	struct batv_log_told told[BATV_LOG_WHY_DECISIONS];
	char line[BATV_LOG_WHY_LINES][BATV_LOG_WHY_LINE]; /* "2026-11-27 14:20:00 <= ..." */
};

struct batv_log_why {
	/* set these before the first line */
	enum batv_log_why_kind kind;
	char text[BATV_LOG_WHY_SHOWN]; /* what is looked for; see batv_log_why_address() */
	char hosts[BATV_LOG_WHY_HOSTS][64];
	size_t n_hosts;
	int64_t since, until; /* by the log's clock; the second is not included */
	size_t top;           /* messages that are kept */
	bool anonymous; /* keep domains instead of addresses, networks instead of hosts, no lines */

	uint64_t found; /* messages that match */
	uint64_t lines, decisions;
	int64_t first, last;                  /* times of the lines read; 0: none */
	struct batv_log_ring *kept, *waiting; /* private */
};

/*
 * Looks for this address, which may be tagged: kind and text are set.  Returns false if it is not
 * an address.
 */
bool batv_log_why_address(struct batv_log_why *w, const char *address);

/* Returns false if there is not enough memory. */
bool batv_log_why_start(struct batv_log_why *w);
void batv_log_why_lines(struct batv_log_why *w, struct batv_span lines);
void batv_log_why_end(struct batv_log_why *w);

/* How many messages are kept, and the i-th of them, the oldest first. */
size_t batv_log_why_kept(const struct batv_log_why *w);
const struct batv_log_message *batv_log_why_message(const struct batv_log_why *w, size_t i);

#endif
