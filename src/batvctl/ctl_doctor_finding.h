/*
 * ctl_doctor_finding.h - what batvctl doctor knows, and what it found, between looking and
 * printing.
 */
#ifndef BATV_CTL_DOCTOR_FINDING_H
#define BATV_CTL_DOCTOR_FINDING_H

#include "ctl.h"
#include "installation.h"
#include "memory/access.h"

/* Each check has a name, in batv_ctl_doctor_names.  Names never change: people filter by them. */
enum batv_ctl_doctor_check {
	BATV_DOCTOR_EXIM_FOUND,
	BATV_DOCTOR_EXIM_CONFIG,
	BATV_DOCTOR_MODULE_MISSING,
	BATV_DOCTOR_MODULE_ABI,
	BATV_DOCTOR_LOCAL_SCAN,
	BATV_DOCTOR_TRANSPORT_SIGNS,
	BATV_DOCTOR_SIGNS_TWICE,
	BATV_DOCTOR_ERRORS_TO,
	BATV_DOCTOR_PIECES_ORDER,
	BATV_DOCTOR_ACL_RCPT,
	BATV_DOCTOR_ACL_COPY,
	BATV_DOCTOR_CUTTHROUGH,
	BATV_DOCTOR_PRDR,
	BATV_DOCTOR_UNSIGNED_BATCH,
	BATV_DOCTOR_UNSIGNED_HOSTS,
	BATV_DOCTOR_ROUTE_DOMAIN,
	BATV_DOCTOR_ROUTE,
	BATV_DOCTOR_CONFIG,
	BATV_DOCTOR_DAEMON,
	BATV_DOCTOR_STATE_READABLE,
	BATV_DOCTOR_STATE_AGE,
	BATV_DOCTOR_SECRET_MODE,
	BATV_DOCTOR_CLOCK,
	BATV_DOCTOR_MEMORY_FULL,
	BATV_DOCTOR_FLEET_DAEMON,
	BATV_DOCTOR_FLEET_ACCESS,
	BATV_DOCTOR_FLEET_JOURNAL,
	BATV_DOCTOR_NOTIFY,
	BATV_DOCTOR_LOCAL_PARTS,
	BATV_DOCTOR_PACKAGE_LEFTOVERS,
	BATV_DOCTOR_LOG_SELECTOR,
	BATV_DOCTOR_LOG_RETENTION,
	BATV_DOCTOR_SMARTHOST,
	BATV_DOCTOR_PEERS,
	BATV_DOCTOR_SPF,
	BATV_DOCTOR_SPF_OTHERS,
	BATV_DOCTOR_DKIM,
	BATV_DOCTOR_DMARC,
	BATV_DOCTOR_DMARC_POLICY,
	BATV_DOCTOR_HELO_SPF,
	BATV_DOCTOR_MINUS_ALL,
	BATV_DOCTOR_NULL_MX,
	BATV_DOCTOR_CHECKS
};
extern const char *const batv_ctl_doctor_names[BATV_DOCTOR_CHECKS];

enum batv_ctl_doctor_answer {
	BATV_DOCTOR_OK,
	BATV_DOCTOR_WARN,  /* advice: nothing is wrong yet, or it does little harm */
	BATV_DOCTOR_FAIL,  /* mail is lost, is not protected, or soon will be */
	BATV_DOCTOR_BLIND, /* it could not look */
	BATV_DOCTOR_ANSWERS
};

struct batv_ctl_doctor_finding {
	enum batv_ctl_doctor_check check;
	enum batv_ctl_doctor_answer answer;
	char what[400], why[1000], fix[1000]; /* why and fix: "" for OK */
};

#define BATV_DOCTOR_FINDINGS_MAX 200

struct batv_ctl_doctor {
	struct batv_ctl *ctl;
	bool config_ok;
	struct batv_installation inst;
	bool has_exim; /* inst was found, and Exim can read its configuration */
	char *config;  /* Exim's whole configuration, as it reads it; NULL: not known */
	struct batv_listed_domains domains; /* the protected ones that can be listed */
	struct batv_stored_state state;
	bool state_read;
	struct batv_memory memory, before;
	size_t n, left_out;
	struct batv_ctl_doctor_finding finding[BATV_DOCTOR_FINDINGS_MAX];
};

/*
 * Adds a finding: the sentence that is printed beside the answer.  The result is never NULL, and
 * belongs to the doctor; when there are too many, the last place is used again.
 */
struct batv_ctl_doctor_finding *
batv_ctl_doctor_finding(struct batv_ctl_doctor *doctor, enum batv_ctl_doctor_check check,
			enum batv_ctl_doctor_answer answer, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The two lines below it. */
void batv_ctl_doctor_finding_why(struct batv_ctl_doctor_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void batv_ctl_doctor_finding_fix(struct batv_ctl_doctor_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How many findings have this answer. */
size_t batv_ctl_doctor_finding_count(const struct batv_ctl_doctor *doctor,
				     enum batv_ctl_doctor_answer answer);

#endif
