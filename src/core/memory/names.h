/*
 * names.h - the names of memory files: "memory", then "memory.2", "memory.3" and so on.
 */
#ifndef BATV_MEMORY_NAMES_H
#define BATV_MEMORY_NAMES_H

#include <stdint.h>

#define BATV_MEMORY_NAME "memory"
#define BATV_MEMORY_NAME_SIZE 65 /* the state takes 64 characters */

/* Returns 1 for "memory", 2 for "memory.2" and so on; 0 for any other name. */
uint64_t batv_names_number(const char *name);
void batv_names_write(uint64_t number, char name[static BATV_MEMORY_NAME_SIZE]);

/*
 * Finds the newest memory file of the directory and the one before it, and writes their names; ""
 * if there is no such file.  It reads the directory, and is for the case that no state names the
 * files.
 */
void batv_names_newest(int dirfd, char name[static BATV_MEMORY_NAME_SIZE],
		       char before[static BATV_MEMORY_NAME_SIZE]);

/* Calls what() for each memory file of the directory, in no order. */
void batv_names_each(int dirfd, void (*what)(int dirfd, uint64_t number, void *arg), void *arg);

#endif
