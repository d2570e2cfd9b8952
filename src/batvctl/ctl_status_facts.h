/*
 * ctl_status_facts.h - what batvctl status knows, between gathering and printing it.
 */
#ifndef BATV_CTL_STATUS_FACTS_H
#define BATV_CTL_STATUS_FACTS_H

#include "ctl.h"
#include "memory/access.h"
#include "memory/names.h"

#define BATV_NOTES_MAX 24

struct batv_status {
	struct batv_ctl *ctl;
	bool config_ok;
	bool state_read, state_usable; /* state_read: .state is valid */
	bool memory_ok;
	bool observe;
	bool first_start;           /* batvd has not run yet */
	bool critical;              /* a problem stops all mail */
	bool asked, unsigns, signs; /* asked: Exim was, and the others are known */
	char exim_version[64];
	enum batv_match daemon; /* is batvd running? */
	int64_t looked;         /* when it last looked; 0: not known */
	struct batv_stored_state state;
	char fingerprint[BATV_FINGERPRINT_SIZE]; /* of the secret file; "" if it cannot be read */
	int64_t secret_start;                    /* of the newest secret; 0: not known */
	bool shared;                             /* and another server has it, too */
	struct batv_memory memory, before;
	char memory_name[BATV_MEMORY_NAME_SIZE], before_name[BATV_MEMORY_NAME_SIZE];
	size_t domains;       /* in use, of memory.domain_slots */
	size_t lists_unknown; /* lists that could not be evaluated */
	size_t n_problems, n_notes;
	char problems[BATV_NOTES_MAX][1024], notes[BATV_NOTES_MAX][1024];
};

/* A problem makes batvctl status answer BATV_CTL_NO; a note does not. */
void batv_ctl_status_problem(struct batv_status *status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void batv_ctl_status_note(struct batv_status *status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
