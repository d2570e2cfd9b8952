/*
 * ctl_status.h - what batvctl status knows, between gathering and printing it.
 */
#ifndef BATV_CTL_STATUS_H
#define BATV_CTL_STATUS_H

#include "arming.h"
#include "ctl.h"
#include "memory/names.h"
#include "memory/sent.h"

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
	struct batv_memory memory, before;
	char memory_name[BATV_MEMORY_NAME_SIZE], before_name[BATV_MEMORY_NAME_SIZE];
	size_t domains; /* in use, of memory.domain_slots */
	size_t lists_unknown; /* that Exim could not be asked about */
	size_t n_problems, n_notes;
	char problems[BATV_NOTES_MAX][1024], notes[BATV_NOTES_MAX][1024];
};

/* ctl_status_memory.c: the memory of what was sent. */
void batv_status_check_sent(struct batv_status *status);
void batv_status_print_sent(const struct batv_status *status);
json_t *batv_status_json_sent(const struct batv_status *status); /* null: none is readable */

/* ctl_status_forged.c: who forges tags. */
void batv_status_check_forged(struct batv_status *status);
json_t *batv_status_json_forged(const struct batv_status *status); /* null: too few to speak of */

void batv_status_problem(struct batv_status *status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void batv_status_note(struct batv_status *status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void batv_status_print(const struct batv_status *status);
void batv_status_print_json(const struct batv_status *status);

#endif
