/*
 * elsewhere.h - notes what a bounce tells about how the mail of its recipient's domain leaves: by
 * another server, or through one that takes the tag off.
 */
#ifndef BATV_ELSEWHERE_H
#define BATV_ELSEWHERE_H

#include "message_proof.h"

/* Call this for each judged recipient of a message. */
void batv_elsewhere_note(struct batv_prover *prover, const struct batv_judgement *j);

#endif
