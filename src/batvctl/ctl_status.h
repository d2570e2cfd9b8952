/*
 * ctl_status.h - the parts of batvctl status: checking and printing.
 */
#ifndef BATV_CTL_STATUS_H
#define BATV_CTL_STATUS_H

#include "ctl_status_facts.h"
#include "decide/complete.h"

/* ctl_status_memory.c: the sent-mail memory. */
void batv_ctl_status_check_sent(struct batv_status *status);
void batv_ctl_status_print_sent(struct batv_status *status);
/* Is the memory complete for this domain?  The state must have been read. */
void batv_ctl_status_facts(struct batv_status *status, const char *domain,
			   struct batv_complete_facts *facts);
json_t *batv_ctl_status_json_sent(struct batv_status *status); /* null: it cannot be read */

/* ctl_status_forged.c: forged tags. */
void batv_ctl_status_check_forged(struct batv_status *status);
json_t *batv_ctl_status_json_forged(struct batv_status *status); /* null: too few to report */

/* ctl_status_flood.c: mail that was deferred because a proof was used too often. */
void batv_ctl_status_check_flood(struct batv_status *status);
void batv_ctl_status_print_flood(struct batv_status *status); /* needs a memory */
json_t *batv_ctl_status_json_flood(struct batv_status *status);

/* ctl_status_overrides.c: what batvctl enforce said. */
void batv_ctl_status_check_overrides(struct batv_status *status);
void batv_ctl_status_print_overrides(const struct batv_status *status);
json_t *batv_ctl_status_json_overrides(const struct batv_status *status);

/* ctl_status_hosts.c: hosts that a list lacks, or should not have. */
void batv_ctl_status_check_hosts(struct batv_status *status);
void batv_ctl_status_print_hosts(struct batv_status *status); /* needs a memory */
json_t *batv_ctl_status_json_hosts(struct batv_status *status);

/* ctl_status_exim.c: does Exim call us, and is batvd alive? */
void batv_ctl_status_check_called(struct batv_status *status);
void batv_ctl_status_check_daemon(struct batv_status *status);
int64_t batv_ctl_status_called(struct batv_status *status); /* the last time; 0: never */
bool batv_ctl_status_first_start(const struct batv_status *status);
/* When mail leaves unsigned, if nobody makes new keys; 0: there are none. */
int64_t batv_ctl_status_keys_end(const struct batv_status *status);
json_t *batv_ctl_status_json_exim(struct batv_status *status);

/* ctl_status_idn.c: internationalised domains; Exim is asked. */
void batv_ctl_status_check_idn(struct batv_status *status);

void batv_ctl_status_print(struct batv_status *status);
void batv_ctl_status_print_json(struct batv_status *status);

#endif
