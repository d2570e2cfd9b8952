/*
 * doors.h - when Exim last called us, and through which door.  It is for status only: nothing is
 * decided by it.
 */
#ifndef BATV_MEMORY_DOORS_H
#define BATV_MEMORY_DOORS_H

#include "memory/access.h"

/*
 * Notes that a message came by.  This is written at most once a minute, in a page that all
 * processes share; in between, it costs a comparison.
 */
void batv_door_note(struct batv_memory *memory, enum batv_door door, int64_t now);

/* The last message through this door, to the minute.  0: none, or there is no memory. */
int64_t batv_door_last(struct batv_memory *memory, enum batv_door door);

/* Daemon only: copies the times to a new file.  The later time is kept. */
void batv_door_copy(struct batv_memory *from, struct batv_memory *to);

#endif
