/*
 * classify.h - the class of an automatic message, from its header and the start of its body.
 */
#ifndef BATV_CLASSIFY_H
#define BATV_CLASSIFY_H

#include "policy.h"

struct batv_header { struct batv_span name, value; };	/* value unfolded or not, without the name */

/* Feeds headers one by one: header lists of Exim, a file of batvctl, a test. */
struct batv_classifier {
	unsigned seen;			/* private: BATV_SEEN_ bits */
};

void batv_classify_start(struct batv_classifier *c);
/* One header field.  Text is untrusted: any bytes, any length. */
void batv_classify_header(struct batv_classifier *c, struct batv_header h);
/*
 * The class.  body: the start of the body, may be empty (4 KiB is plenty).
 *  report     multipart/report of feedback-report (RFC 5965) or tlsrpt (RFC 8460);
 *             DMARC aggregate reports (RFC 7489: subject "Report domain:", zip/gzip)
 *  dsn        multipart/report, report-type=delivery-status or none; message/delivery-status;
 *             X-Failed-Recipients; bounces without MIME structure (bounce-like From or Subject, or body)
 *  mdn        multipart/report, report-type=disposition-notification (RFC 8098)
 *  calendar   text/calendar with method=REPLY and the like (RFC 5546), Exchange meeting replies
 *  autoreply  Auto-Submitted: auto-replied (RFC 3834), X-Autoreply, X-Autorespond,
 *             X-Auto-Response..., Precedence: auto_reply, Exchange's out-of-office
 *  other      none of these
 * A message that says "report" of several kinds is of the first in this order.
 */
enum batv_class batv_classify_end(const struct batv_classifier *c, struct batv_span body);

#endif
