/*
 * flood.h - how often one proof is used: a tag or an id that was read in a list archive works for
 * everybody, so what comes far too often is put off.
 */
#ifndef BATV_FLOOD_H
#define BATV_FLOOD_H

#include "session.h"

#define BATV_FLOOD_A_DAY 1000 /* bounces to one tag, or replies that cite one id */

/*
 * Count the proof of a recipient that was accepted for it.  True when it is one too many; then the
 * log says so.  The caller defers the message, and never refuses it.
 */
bool batv_flood(const struct batv_session *session, const char *rcpt,
		const struct batv_judgement *j);

#endif
