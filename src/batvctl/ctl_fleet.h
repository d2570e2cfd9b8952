/*
 * ctl_fleet.h - the parts of batvctl fleet.
 */
#ifndef BATV_CTL_FLEET_H
#define BATV_CTL_FLEET_H

#include "ctl.h"
#include "fleet_said.h"

/* ctl_fleet_invite.c: hands all that another server needs to join to that server. */
int batv_ctl_fleet_invite(struct batv_ctl *ctl);

#define BATV_FLEET_PASSWORD_MAX 512
#define BATV_FLEET_LIST_MAX 1200 /* of fleet_servers */

struct batv_fleet_invitation {
	char fleet[128], servers[BATV_FLEET_LIST_MAX], user[128];
	char password[BATV_FLEET_PASSWORD_MAX + 1]; /* a secret: wipe it */
	char from[128];    /* the name of the server that invites; "" none: nobody does */
	int64_t at;        /* its clock */
	uint64_t capacity; /* its memory_capacity */
	int64_t retention; /* its memory_retention, seconds */
	bool with_secret;  /* the secrets follow on standard input */
};

/* Reads the first line of standard input.  On false, `why` is a sentence. */
bool batv_ctl_fleet_invited(struct batv_fleet_invitation *out, char *why, size_t size);
/*
 * Reads the servers of the command line: redis://[USER[:PASSWORD]@]HOST[:PORT][/FLEET].  On false,
 * `why` is a sentence.
 */
bool batv_ctl_fleet_address(char *const *args, int n, struct batv_fleet_invitation *out, char *why,
			    size_t size);

int batv_ctl_fleet_join(struct batv_ctl *ctl, char **args, int n); /* ctl_fleet_join.c */

/* ctl_fleet_status.c */
int batv_ctl_fleet_status(struct batv_ctl *ctl);

/*
 * ctl_fleet_say.c: changes the file fleet.said, as the owner of the state directory, in a child. On
 * false, `why` is a sentence.
 */
bool batv_ctl_fleet_say(struct batv_ctl *ctl, void (*change)(struct batv_fleet_said *, void *),
			void *arg, char *why, size_t size);
/* Runs systemctl for batv-fleet, where systemd runs, and says in `out` what came of it. */
bool batv_ctl_fleet_service(const char *verb, char *out, size_t size);
/*
 * As root: lets batv-fleet's user look into the state directory, and makes fleet_directory; or
 * takes the first back.  Does nothing where there is no such user.  On false, `why` is a sentence.
 */
bool batv_ctl_fleet_access(const struct batv_ctl *ctl, bool give, char *why, size_t size);

#endif
