/*
 * fleet.h - waits for what the other servers of the fleet sent, before a message is refused because
 * the memory does not know what it cites.
 */
#ifndef BATV_FLEET_H
#define BATV_FLEET_H

#include "session.h"

/*
 * Judges the recipient again when the memory has all that the fleet had sent by now; it waits up to
 * two seconds for that.  Call it if *j would be refused for the memory's sake (j->by_memory).  If
 * the fleet is behind, sets context->fleet_behind, and no recipient is refused for that.  Without a
 * fleet it does nothing.
 */
void batv_fleet_judge_again(struct batv_context *context, const char *rcpt,
			    struct batv_judgement *j);

#endif
