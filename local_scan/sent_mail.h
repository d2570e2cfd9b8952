/*
 * sent_mail.h - what is remembered of mail that leaves: for the replies that will come without
 * a tag.
 */
#ifndef BATV_SENT_MAIL_H
#define BATV_SENT_MAIL_H

#include "session.h"

#define BATV_PAIRS_MAX 50 /* of one message */

/* At reception, all recipients known: ids, and pairs unless it is list or bulk mail. */
void batv_sent_mail_received(const struct batv_session *session);

/*
 * In delivery, what reception could not see: at routing the pair with a recipient (an alias may
 * have led to it), at a transport the id.  `sender` may carry a tag of ours.
 */
void batv_sent_mail_routed(const struct batv_session *session, const struct batv_origin *origin,
			   const char *sender, const char *recipient);
void batv_sent_mail_leaving(const struct batv_session *session, const struct batv_origin *origin,
			    const char *sender);

#endif
