/*
 * trial.h - tries a new configuration of Exim in a copy, before anything is placed: Debian's script
 * makes it, Exim reads it and routes a signed address by it.
 */
#ifndef BATV_TRIAL_H
#define BATV_TRIAL_H

#include "pieces.h"

/* The texts of the pieces, in the order of batv_pieces; NULL: not placed. */
struct batv_trial {
	char dir[64];                  /* removed by batv_trial_end() */
	char conf[80];                 /* the generated configuration */
	struct batv_installation inst; /* as it would be: command, and what it has */
};

/*
 * Makes the configuration that these pieces give, in the layout that inst has: it need not be the
 * one that is in use.  On false, `why` is one sentence.  Call
 * batv_trial_end() either way.
 */
bool batv_trial_make(struct batv_trial *trial, const struct batv_installation *inst,
		     char *const *texts, char *why, size_t size);

/*
 * Does an address of this domain with a tag reach the mailbox of the one without?  `routed` becomes
 * the untagged address that was tried; "": no address of the domain is delivered here, so nothing
 * could be tried.
 */
bool batv_trial_route(struct batv_trial *trial, const char *domain, char *routed,
		      size_t routed_size, char *why, size_t size);
void batv_trial_end(struct batv_trial *trial);

#endif
