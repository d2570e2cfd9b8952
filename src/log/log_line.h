/*
 * log_line.h - the head of a line of Exim's main log, and what kind of line it is.
 *
 * This is the quick reader, for every line of a large log.  It takes what Exim itself writes at the
 * start of a line: date, zone, process number, message id, mark.  exim_log.h reads an arrival
 * whole.
 */
#ifndef BATV_LOG_LINE_H
#define BATV_LOG_LINE_H

#include "base/span.h"

enum batv_log_mark {
	BATV_LOG_ELSE,      /* another line of Exim's */
	BATV_LOG_ARRIVED,   /* <= */
	BATV_LOG_DELIVERED, /* =>, -> or >> */
	BATV_LOG_DECIDED,   /* batv: verdict= */
	BATV_LOG_UNREAD,    /* batv: flood=, without an id: turned away at RCPT */
	BATV_LOG_NO_LINE    /* it does not begin as a line of Exim's */
};

struct batv_log_line {
	enum batv_log_mark mark;
	struct batv_span date;  /* 2026-11-22 */
	struct batv_span clock; /* 20:00:00 */
	struct batv_span id;    /* 16 or 23 characters; len 0: none */
	struct batv_span rest;  /* after the mark */
};

/* *out borrows the line, which has no LF. */
void batv_log_line_read(struct batv_span line, struct batv_log_line *out);

/*
 * The seconds from 1970 to that time as the log's own clock shows it.  A zone is ignored: days of a
 * report are the log's days.  Returns false if date or clock cannot be read.
 */
bool batv_log_line_seconds(const struct batv_log_line *line, int64_t *out);
bool batv_log_line_day(struct batv_span date, int64_t *out); /* days since 1970 */

/*
 * Takes an address from the start of *rest, as Exim logs it: quoted strings are taken whole.  len
 * 0: there is none.
 */
struct batv_span batv_log_line_address(struct batv_span *rest);

/* H=name (helo) [address]; a name or HELO that is not there has len 0. */
struct batv_log_peer {
	struct batv_span name, helo, address;
};

/* Finds H= in the fields of an arrival, a delivery or a refusal; the second, its address alone. */
bool batv_log_line_peer(struct batv_span fields, struct batv_log_peer *out);
bool batv_log_line_host(struct batv_span fields, struct batv_span *out);

/* Is it an id of Exim's?  1vMabc-000000001ab-1Ab2, or 1vMabc-0000ab-1A before Exim 4.97 */
bool batv_log_line_is_id(struct batv_span s);

#endif
