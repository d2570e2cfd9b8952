/*
 * samples.h - measures, with what comes back, whether the sent-mail memory knows what was sent.
 */
#ifndef BATV_SAMPLES_H
#define BATV_SAMPLES_H

#include "message_proof.h"

/*
 * Takes a sample of the current message, if it can be one for this recipient: a DSN that came to a
 * valid tag, or automatic mail that proved itself by a known id.  Such a DSN is searched for it, a
 * few times for one tag and network and day (memory/recall.h).  Other mail costs nothing.
 */
void batv_samples_take(struct batv_prover *prover, const char *rcpt,
		       const struct batv_judgement *j);

#endif
