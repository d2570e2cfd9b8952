/*
 * log_report.h - what Exim's log says of exim-batv's work, added up by day, recipient and host.
 *
 * Files are read oldest first, because a refusal is compared with the mail that left before it.
 */
#ifndef BATV_LOG_REPORT_H
#define BATV_LOG_REPORT_H

#include "log_anonymous.h"
#include "log_decision.h"
#include "log_line.h"
#include "log_mailed.h"
#include "log_ranking.h"
#include "tag/key.h"

#define BATV_LOG_REPORT_DAYS 4096 /* days with something to tell */
#define BATV_LOG_REPORT_DOUBTFUL 1000

enum batv_log_figure {
	BATV_LOG_BACK_BY_TAG, /* recipients of bounces and answers to our mail */
	BATV_LOG_BACK_BY_MEMORY,
	BATV_LOG_REFUSED,
	BATV_LOG_WOULD,  /* failed; delivered, because the domain does not refuse yet */
	BATV_LOG_SPARED, /* failed; delivered for another reason */
	BATV_LOG_DEFERRED,
	BATV_LOG_BOUNCES,        /* messages with the null sender that a host sent */
	BATV_LOG_STRANGERS,      /* of these, from a host that nobody here had written to */
	BATV_LOG_UNREAD_REFUSED, /* recipients turned away at RCPT, by a limit */
	BATV_LOG_UNREAD_DEFERRED,
	BATV_LOG_FIGURES
};

struct batv_log_day {
	int64_t day; /* since 1970, by the log's clock */
	uint64_t figures[BATV_LOG_FIGURES];
};

enum batv_log_doubt {
	BATV_LOG_DOUBT_EXPIRED, /* the tag was ours once */
	BATV_LOG_DOUBT_FORGED,  /* number and day are those of a key that lives */
	BATV_LOG_DOUBT_MAILED   /* the recipient had written to that host */
};

/* A message that was refused, and that may have been real. */
struct batv_log_doubtful {
	enum batv_log_doubt why;
	int64_t when, mailed; /* by the log's clock; mailed: for MAILED */
	char id[24], rcpt[BATV_ADDR_SIZE], host[64];
};

struct batv_log_report {
	/* set these before the first file */
	int64_t since, until;            /* by the log's clock; the second is not included */
	const struct batv_keyring *keys; /* NULL: not known */
	bool anonymous; /* domains instead of addresses, networks instead of hosts */

	uint64_t lines, odd;       /* odd: not lines of Exim's */
	int64_t first, last;       /* times of what was counted; 0: nothing */
	struct batv_log_day *days; /* sorted */
	size_t n_days;
	uint64_t figures[BATV_LOG_FIGURES];
	uint64_t verdicts[BATV_VERDICT_COUNT]; /* of what was refused */
	uint64_t decisions;
	struct batv_log_ranking rcpts, hosts; /* of what was refused */
	struct batv_log_ranking would_rcpts;  /* of what would have been */
	struct batv_log_ranking bounced;      /* recipients of bounces, while no line is ours */
	uint64_t doubtful;                    /* all */
	struct batv_log_doubtful *looks;      /* the last BATV_LOG_REPORT_DOUBTFUL of them */
	struct batv_log_mailed mailed;        /* private */
	struct batv_log_day *today;           /* private: of the line before */
	char today_text[10];
};

/* Returns false if there is not enough memory. */
bool batv_log_report_start(struct batv_log_report *r);
void batv_log_report_lines(struct batv_log_report *r, struct batv_span lines);
void batv_log_report_end(struct batv_log_report *r);

/* Refused, after DATA or at RCPT: of a day's figures, or of all. */
static inline uint64_t batv_log_report_refused(const uint64_t figures[static BATV_LOG_FIGURES])
{
	return figures[BATV_LOG_REFUSED] + figures[BATV_LOG_UNREAD_REFUSED];
}

/* How many of `looks` there are, and the i-th of them, the oldest first. */
size_t batv_log_report_looks(const struct batv_log_report *r);
const struct batv_log_doubtful *batv_log_report_look(const struct batv_log_report *r, size_t i);

#endif
