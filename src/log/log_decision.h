/*
 * log_decision.h - reads our line in Exim's main log: docs/formats.md, "Log line".
 */
#ifndef BATV_LOG_DECISION_H
#define BATV_LOG_DECISION_H

#include "decide/verdict.h"

struct batv_log_decision {
	enum batv_verdict verdict;
	enum batv_action action; /* BATV_ACTION_COUNT: deferred, by a limit */
	enum batv_reason reason;
	struct batv_span proof; /* of a remembered recipient: "id", "tag", "pair"; else len 0 */
	struct batv_span rcpt;  /* between the angle brackets, as it was printed */
	struct batv_span host;  /* between the brackets; len 0: none */
	struct batv_span class, key, msgid;
};

/*
 * `rest` is what comes after "batv: ".  Returns false if a field is missing, is not in its place,
 * or has a value that this version does not know.  Fields after those known are ignored.
 */
bool batv_log_decision_read(struct batv_span rest, struct batv_log_decision *out);

/* A bounce that was turned away at RCPT, because too many forged ones came. */
struct batv_log_unread {
	bool refused;          /* false: deferred */
	struct batv_span rcpt; /* between the angle brackets, as it was printed */
	struct batv_span host; /* between the brackets */
};

/* The same for the line of a bounce that was turned away at RCPT. */
bool batv_log_decision_unread(struct batv_span rest, struct batv_log_unread *out);

/* Was it refused?  Would it have been, if only the mode had been to reject? */
bool batv_log_decision_refused(const struct batv_log_decision *d);
bool batv_log_decision_would(const struct batv_log_decision *d);

#endif
