/*
 * engine_text.h - what an engine's answer means, and one line about it: what is wrong, and what to
 * do.
 */
#ifndef BATV_ENGINE_TEXT_H
#define BATV_ENGINE_TEXT_H

#include <stdint.h>

#include "base/span.h"

#define BATV_ENGINE_TEXT_SIZE 900

enum batv_engine_state {
	BATV_ENGINE_STARTING,    /* no answer yet, and no failure either */
	BATV_ENGINE_OK,          /* it takes and gives parcels */
	BATV_ENGINE_UNREACHABLE, /* no connection */
	BATV_ENGINE_SILENT,      /* it does not answer in time */
	BATV_ENGINE_PASSWORD,    /* wrong, or one is missing */
	BATV_ENGINE_DENIED,      /* the user may not do what is needed */
	BATV_ENGINE_FULL,        /* out of memory */
	BATV_ENGINE_LOADING,     /* it has just been started */
	BATV_ENGINE_READONLY,    /* a replica */
	BATV_ENGINE_UNSAVED,     /* it refuses writes, because it cannot save */
	BATV_ENGINE_CLUSTER,     /* part of a cluster */
	BATV_ENGINE_OLD,         /* too old */
	BATV_ENGINE_TAKEN,       /* our keys are something else's */
	BATV_ENGINE_CROWDED,     /* too many clients */
	BATV_ENGINE_ODD,         /* not what Redis says */
	BATV_ENGINE_STATES
};

/* What the lines name. */
struct batv_engine_settings {
	const char *fleet;         /* the name of the fleet */
	const char *user;          /* "": the engine's default user */
	const char *password;      /* "": none is sent */
	const char *password_file; /* "": none */
	int64_t keep;              /* seconds: how long streams with a day in their name live */
	unsigned timeout;          /* ms; 0: 300 */
};

/* Such as "full", one word for programs. */
const char *batv_engine_text_state(enum batv_engine_state state);

/* What an error reply, such as "NOPERM ...", means. */
enum batv_engine_state batv_engine_text_meaning(struct batv_span error);

/*
 * The line for the state: a clause without a full stop, without the server's name.  detail is what
 * the server, or the system, said; it is untrusted.  command: what was asked, "" if that does not
 * matter.
 */
void batv_engine_text_line(const struct batv_engine_settings *settings,
			   enum batv_engine_state state, const char *command,
			   struct batv_span detail, char out[static BATV_ENGINE_TEXT_SIZE]);

/* The line for an engine that is in order but for its maxmemory-policy. */
void batv_engine_text_evicts(struct batv_span policy, char out[static BATV_ENGINE_TEXT_SIZE]);

/*
 * The rights that a user needs, as ACL SETUSER and the lines of an ACL file have them after the
 * name.  secret stands for the password.
 */
void batv_engine_text_acl(const char *fleet, const char *secret, char *out, size_t size);

#endif
