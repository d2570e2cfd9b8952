/*
 * fleet_share.h - all that batvd gives batv-fleet: the file fleet.key, and access to the memory.
 * docs/formats.md ("fleet.key") has the text.
 *
 * batv-fleet talks to the network, so it is another user, and never sees a key that signs.
 */
#ifndef BATV_FLEET_SHARE_H
#define BATV_FLEET_SHARE_H

#include "hkdf.h"
#include "memory/names.h"
#include "notices.h"
#include "store.h"

#define BATV_FLEET_KEY_NAME "fleet.key"
#define BATV_FLEET_KEY_MODE 0400
#define BATV_FLEET_USER "batv-fleet"
#define BATV_FLEET_NAME_SIZE 65

struct batv_fleet_share {
	char fleet[BATV_FLEET_NAME_SIZE];
	uint8_t key[BATV_HKDF_LEN];                                        /* batv_hkdf_fleet() */
	char memory[BATV_MEMORY_NAME_SIZE], before[BATV_MEMORY_NAME_SIZE]; /* "": none */
	uint64_t capacity; /* of the memory; 0: not known */
	int64_t retention;
};

/* For batv-fleet.  Errors: those of batv_slurp(), BATV_E_VERSION, BATV_E_SYNTAX. */
enum batv_err batv_fleet_share_read(int dirfd, struct batv_fleet_share *out);

/* The same of a text, which is changed.  Errors: BATV_E_VERSION, BATV_E_SYNTAX. */
enum batv_err batv_fleet_share_parse(char *text, size_t len, struct batv_fleet_share *out);

/*
 * For batvd, under the writers' lock and after the state was published: writes fleet.key if it
 * should be another, and lets the user batv-fleet read it and fleet.row, and use the memory files
 * that the state names.  Without a fleet it takes all of that back.  Only root can let that user
 * look into the directory, so it is only said if he cannot.  What goes wrong is noted as
 * BATV_TROUBLE_SHARE.  *told: that there is no such user has been said.
 */
void batv_fleet_share_look(const struct batv_store *store, const struct batv_state *state,
			   uint64_t capacity, struct batv_notices *notices, bool *told);

#endif
