/*
 * ctl_status.h - what batvctl status knows, between gathering and printing it.
 */
#ifndef BATV_CTL_STATUS_H
#define BATV_CTL_STATUS_H

#include "arming.h"
#include "ctl.h"

#define BATV_NOTES_MAX 24

struct batv_status {
	struct batv_ctl *ctl;
	bool config_ok;
	bool state_read, state_usable; /* state_read: .state may be looked at */
	bool memory_ok;
	bool observe;
	enum batv_match daemon; /* does one run? */
	struct batv_stored_state state;
	char fingerprint[BATV_FINGERPRINT_SIZE]; /* of the secret file; "": not readable */
	struct batv_memory memory;
	size_t domains; /* in use, of memory.domain_slots */
	size_t n_problems, n_notes;
	char problems[BATV_NOTES_MAX][1024], notes[BATV_NOTES_MAX][1024];
};

void batv_status_print(const struct batv_status *status);
void batv_status_print_json(const struct batv_status *status);

#endif
