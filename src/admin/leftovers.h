/*
 * leftovers.h - removes what a crash left unfinished in the state directory.
 */
#ifndef BATV_LEFTOVERS_H
#define BATV_LEFTOVERS_H

/*
 * Removes the unfinished files of our own names, .secret.new, .state.new, .memory.new and
 * .memory.N.new, and no other.  The caller holds the writers' lock, so nobody is at work on one.
 * Returns how many were removed.
 */
unsigned batv_leftovers_remove(int dirfd);

#endif
