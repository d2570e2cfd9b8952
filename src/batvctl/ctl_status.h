/*
 * ctl_status.h - the parts of batvctl status: checking and printing.
 */
#ifndef BATV_CTL_STATUS_H
#define BATV_CTL_STATUS_H

#include "arming.h"
#include "ctl_status_facts.h"
#include "decide/complete.h"
#include "decide/verdict.h"

#define BATV_STATUS_KEYS_SOON                                                                      \
 (3 * (int64_t)BATV_DAY) /* keys that end so soon: nobody makes new ones */
#define BATV_STATUS_WATCH_SECONDS 2

/*
 * ctl_status.c: all that is seen without asking Exim, for batvctl notify, too.  NULL: out of
 * memory.  batv_ctl_status_end() frees it.
 */
struct batv_status *batv_ctl_status_begin(struct batv_ctl *ctl);
void batv_ctl_status_end(struct batv_status *status);

/* ctl_status_config.c: the configuration, and the overrides beside it. */
void batv_ctl_status_load_config(struct batv_status *status);
void batv_ctl_status_check_config(struct batv_status *status);   /* can batvd read it? */
void batv_ctl_status_tell_overrides(struct batv_status *status); /* those in force */

/* ctl_status_domain.c: what a domain does, and why. */
bool batv_ctl_status_refuses(const struct batv_status *status, const struct batv_domain *domain,
			     const struct batv_arm *arm);
void batv_ctl_status_explain(const struct batv_status *status, const struct batv_domain *domain,
			     const struct batv_arm *arm, char *out, size_t size);
const char *batv_ctl_status_arm_name(const struct batv_status *status,
				     const struct batv_domain *domain, const struct batv_arm *arm);
size_t batv_ctl_status_refusing(struct batv_status *status); /* how many refuse */
const char *batv_ctl_status_mode_name(int mode);             /* enum batv_enforcement */
bool batv_ctl_status_wanted(const struct batv_status *status, const char *domain);

/* ctl_status_figures.c: sums of what was counted over the last days; 0: since the file was made. */
struct batv_status_figures {
	uint64_t left_signed, left_bare;
	uint64_t by_tag, by_memory; /* bounces of ours */
	uint64_t refused;           /* or removed from the envelope */
	uint64_t not_armed,
		observed; /* would be refused: the domain waits, or is told to observe */
	uint64_t marked;  /* failed, and not refused for another reason */
	uint64_t deferred;
};
void batv_ctl_status_figures(struct batv_status *status, unsigned days, int64_t now,
			     struct batv_status_figures *out);
uint64_t batv_ctl_status_judged(struct batv_status *status, enum batv_verdict verdict,
				enum batv_action action, unsigned days);
json_t *batv_ctl_status_json_figures(struct batv_status *status, unsigned days);

/* ctl_status_memory.c: the sent-mail memory. */
void batv_ctl_status_check_sent(struct batv_status *status);
/* Is it complete?  *since: since when, or from when on.  *percent: of the capacity, on the fullest
 * day. */
bool batv_ctl_status_sent_facts(struct batv_status *status, int64_t *since, unsigned *percent);
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
json_t *batv_ctl_status_json_turned_away(struct batv_status *status);

/* ctl_status_overrides.c: what batvctl enforce said. */
void batv_ctl_status_check_overrides(struct batv_status *status);
void batv_ctl_status_print_overrides(const struct batv_status *status);
json_t *batv_ctl_status_json_overrides(const struct batv_status *status);

/* ctl_status_hosts.c: hosts that a list lacks, or should not have. */
void batv_ctl_status_check_hosts(struct batv_status *status);
void batv_ctl_status_print_hosts(struct batv_status *status); /* needs a memory */
json_t *batv_ctl_status_json_hosts(struct batv_status *status);

/* ctl_status_fleet.c: as batv-fleet's view has it. */
struct batv_status_fleet {
	bool on;       /* the configuration names a fleet */
	bool fresh;    /* the view is new, so batv-fleet runs */
	bool complete; /* and the memory is complete for the fleet */
	/* Seconds since 1970; 0: not known, or none.  `gap`: what some host sent before that may be
	 * unknown to the others. */
	int64_t written, until, gap;
	size_t heard, silent; /* hosts, this one too */
	size_t servers_ok, servers_down;
	uint64_t missing, holes; /* parcels, records of journals */
};
void batv_ctl_status_fleet(struct batv_status *status, struct batv_status_fleet *out);
void batv_ctl_status_print_fleet(struct batv_status *status); /* nothing without a fleet */
json_t *batv_ctl_status_json_fleet(struct batv_status *status);

/* ctl_status_installed.c: is exim-batv in Exim's configuration?  Exim is asked. */
void batv_ctl_status_check_installed(struct batv_status *status);

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

const char *batv_ctl_status_daemon_word(const struct batv_status *status);

/* ctl_status_page.c; before: the figures of today at the last redraw, or NULL. */
void batv_ctl_status_print(struct batv_status *status, const struct batv_status_figures *before);
int64_t batv_ctl_status_tags_end(const struct batv_status *status);
void batv_ctl_status_print_details(struct batv_status *status); /* ctl_status_details.c */
int batv_ctl_status_print_nagios(struct batv_status *status);   /* its exit status */
void batv_ctl_status_print_json(struct batv_status *status);

#endif
