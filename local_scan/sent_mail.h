/*
 * sent_mail.h - remembers mail that leaves, so that replies without a tag are recognised.
 */
#ifndef BATV_SENT_MAIL_H
#define BATV_SENT_MAIL_H

#include "session.h"

#define BATV_RECIPIENTS_MAX 50 /* of one message that are remembered as correspondents */

/*
 * At reception, with all recipients known: remembers the id for our addresses on the message, and
 * the pairs of its authors with its recipients unless it is list or bulk mail.
 */
void batv_sent_mail_received(const struct batv_session *session);

/* The same where only an ACL sees the message: remembers a permission to relay, for its trace. */
void batv_sent_mail_permitted(const struct batv_session *session);

/*
 * In delivery: remember what reception could not see.  Routing knows the pair with a recipient, to
 * which an alias may have led; a transport knows the id.  `sender` may carry our tag.
 */
void batv_sent_mail_routed(const struct batv_session *session, const struct batv_origin *origin,
			   const char *sender, const char *recipient);
void batv_sent_mail_leaving(const struct batv_session *session, const struct batv_origin *origin,
			    const char *sender);

#endif
