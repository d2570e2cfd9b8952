/*
 * hosts.h - a few hosts in the header page of the memory file that status must name, because a list
 * of the configuration may lack them.  A hint for the administrator: nothing is decided by it.
 */
#ifndef BATV_MEMORY_HOSTS_H
#define BATV_MEMORY_HOSTS_H

#include "memory/access.h"

/* The numbers are in files. */
enum batv_host_kind {
	BATV_HOST_TRUSTED,     /* in trusted_hosts: brought bounces that failed */
	BATV_HOST_FETCHES,     /* brought fetched mail that failed, and is in no list */
	BATV_HOST_RELAY_SENDS, /* in relay_in_hosts: sent mail of ours that it wrote itself */
	BATV_HOST_KINDS
};

#define BATV_HOSTS_EACH 5 /* of a kind; the one that was seen longest ago makes room */
#define BATV_HOST_TEXT_SIZE 46

struct batv_host {
	char address[BATV_HOST_TEXT_SIZE];
	uint64_t day;   /* the last one, days since 1970 */
	uint32_t count; /* recent ones: halved on each new day */
};

void batv_host_note(struct batv_memory *memory, enum batv_host_kind kind, const char *address,
		    int64_t now);

/* Reads the hosts of a kind that were seen within `days` days, and returns how many there are. */
size_t batv_host_list(struct batv_memory *memory, enum batv_host_kind kind, unsigned days,
		      int64_t now, struct batv_host out[static BATV_HOSTS_EACH]);

/* A message's own Received line could not be read (evidence/trace.h).  Written once an hour. */
void batv_host_unread(struct batv_memory *memory, int64_t now);
int64_t batv_host_unread_last(struct batv_memory *memory); /* 0: never */

#endif
