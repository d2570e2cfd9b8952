/*
 * classify.h - the class of an automatic message, from its header and the start of its body.
 */
#ifndef BATV_EVIDENCE_CLASSIFY_H
#define BATV_EVIDENCE_CLASSIFY_H

#include "evidence/class.h"
#include "evidence/field.h"
#include "evidence/returned.h"

/* Bytes of the body that a class may depend on; and what is enough where the header tells. */
#define BATV_CLASSIFY_ALL 16384
#define BATV_CLASSIFY_START 4096

struct batv_header {
	struct batv_span name, value;
}; /* value unfolded or not, without the name */

/* Feeds headers one by one: header lists of Exim, a file of batvctl, a test. */
struct batv_classifier {
	/* private */
	unsigned seen;             /* of its structure */
	unsigned habits;           /* enum batv_habit */
	unsigned texts;            /* From and Subject fields that were looked at */
	bool is_mixed;             /* multipart/mixed */
	bool is_report;            /* multipart/report */
	bool holds_reports;        /* multipart/mixed or signed: may have a report as a part */
	struct batv_word boundary; /* of a multipart; empty: it is not one */
};

void batv_classify_start(struct batv_classifier *c);
/* One header field.  Text is untrusted: any bytes, any length. */
void batv_classify_header(struct batv_classifier *c, struct batv_header h);
/* After the header: how much of the body is worth reading, START or ALL. */
size_t batv_classify_body_bytes(const struct batv_classifier *c);
/*
 * The class.  body is the start of the body, and may be empty.  recipients are those of the
 * envelope; NULL: not known.
 *  dsn        multipart/report, report-type=delivery-status or none; message/delivery-status;
 *             X-Failed-Recipients; From mailer-daemon; bounces without MIME structure
 *  report     multipart/report of feedback-report (RFC 5965) or tlsrpt (RFC 8460); DMARC
 *             aggregate reports (RFC 7489: subject "Report domain:", zip/gzip)
 *  mdn        multipart/report, report-type=disposition-notification (RFC 8098)
 *  calendar   text/calendar with method=REPLY and the like (RFC 5546), Exchange meeting replies
 *  autoreply  Auto-Submitted: auto-replied (RFC 3834), X-Autoreply, X-Autorespond,
 *             X-Auto-Response..., Precedence: auto_reply, Exchange's out-of-office
 *  other      none of these; Exchange journal reports
 * Structure decides before a habit does, and so does From mailer-daemon: subject and phrases may be
 * of the message that is answered.  Parts count up to the first one that is itself a message;
 * nothing in or after that does.  A message whose structure says several kinds is of the first in
 * this order.
 *
 * A bounce without structure needs two signs that are independent: From postmaster or Exchange's
 * own address; the subject of a bounce; a phrase; a code of a mail server or a line of a returned
 * header in the text.  The last two do not make two.  A multipart/mixed with a message of one of
 * the recipients is one if a code or a phrase comes before it.  An automatic reply without
 * structure needs its subject, and a field that tells of a program or an answer.
 */
enum batv_class batv_classify_end(const struct batv_classifier *c, struct batv_span body,
				  const struct batv_recipients *recipients);

#endif
