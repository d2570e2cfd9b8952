/*
 * classify.h - the class of an automatic message, from its header and the start of its body.
 */
#ifndef BATV_EVIDENCE_CLASSIFY_H
#define BATV_EVIDENCE_CLASSIFY_H

#include "evidence/field.h"

/* Classes of automatic mail.  The names are those of RFC 3464, 8098, 3834, 5546. */
enum batv_class {
	BATV_CLASS_DSN,
	BATV_CLASS_MDN,
	BATV_CLASS_AUTOREPLY,
	BATV_CLASS_CALENDAR,
	BATV_CLASS_REPORT,
	BATV_CLASS_OTHER,
	BATV_CLASS_COUNT
};

struct batv_header {
	struct batv_span name, value;
}; /* value unfolded or not, without the name */

/* Feeds headers one by one: header lists of Exim, a file of batvctl, a test. */
struct batv_classifier {
	/* private */
	unsigned seen;             /* BATV_SEEN_ bits */
	bool is_report;            /* multipart/report */
	bool holds_reports;        /* multipart/mixed or signed: may have a report as a part */
	struct batv_word boundary; /* of a multipart; empty: it is not one */
};

void batv_classify_start(struct batv_classifier *c);
/* One header field.  Text is untrusted: any bytes, any length. */
void batv_classify_header(struct batv_classifier *c, struct batv_header h);
/*
 * The class.  body: the start of the body, may be empty (4 KiB is plenty).
 *  dsn        multipart/report, report-type=delivery-status or none; message/delivery-status;
 *             X-Failed-Recipients; bounces without MIME structure (bounce-like From or Subject, or
 * body) report     multipart/report of feedback-report (RFC 5965) or tlsrpt (RFC 8460); DMARC
 * aggregate reports (RFC 7489: subject "Report domain:", zip/gzip) mdn        multipart/report,
 * report-type=disposition-notification (RFC 8098) calendar   text/calendar with method=REPLY and
 * the like (RFC 5546), Exchange meeting replies autoreply  Auto-Submitted: auto-replied (RFC 3834),
 * X-Autoreply, X-Autorespond, X-Auto-Response..., Precedence: auto_reply, Exchange's out-of-office
 *  other      none of these
 * Structure decides before a subject or a phrase does: those may be of the message that is
 * answered.  Parts count up to the first one that is itself a message; nothing in or after that
 * does.  A message whose structure says several kinds is of the first in this order.
 */
enum batv_class batv_classify_end(const struct batv_classifier *c, struct batv_span body);

const char *batv_class_name(enum batv_class c);

#endif
