/*
 * flood.h - counts how often one proof is used.  A tag or an id from a list archive works for
 * everybody, so a proof that is used far too often is deferred.
 */
#ifndef BATV_FLOOD_H
#define BATV_FLOOD_H

#include "session.h"

#define BATV_FLOOD_A_DAY 1000 /* bounces to one tag, or replies that cite one id, per day */

/*
 * Counts the proof for which a recipient was accepted.  Returns true if the proof was used too
 * often today, and then logs that.  The caller defers the message, and never refuses it.
 */
bool batv_flood(const struct batv_session *session, const char *rcpt,
		const struct batv_judgement *j);

#endif
