/*
 * names.h - the names of memory files: "memory", then "memory.2", "memory.3" and so on.
 */
#ifndef BATV_MEMORY_NAMES_H
#define BATV_MEMORY_NAMES_H

#include <stdint.h>

#define BATV_MEMORY_NAME "memory"
#define BATV_MEMORY_NAME_SIZE 65 /* the state takes 64 characters */

/* "memory" is 1, "memory.2" is 2; 0: another name. */
uint64_t batv_names_number(const char *name);
void batv_names_write(uint64_t number, char name[static BATV_MEMORY_NAME_SIZE]);

/*
 * The newest memory file of the directory and the one before it, by their names; "" where there is
 * none.  For when no state tells; reads the directory.
 */
void batv_names_newest(int dirfd, char name[static BATV_MEMORY_NAME_SIZE],
		       char before[static BATV_MEMORY_NAME_SIZE]);

/* Calls what() for each memory file of the directory, in no order. */
void batv_names_each(int dirfd, void (*what)(int dirfd, uint64_t number, void *arg), void *arg);

#endif
