/*
 * leftovers.h - removes what a crash left unfinished in the state directory.
 */
#ifndef BATV_LEFTOVERS_H
#define BATV_LEFTOVERS_H

/*
 * Removes the unfinished files with our own names: .secret.new, .state.new, .memory.new and
 * .memory.N.new.  It removes no other file.  The caller must hold the writers' lock, so that nobody
 * is writing one of them.  Returns how many were removed.
 */
unsigned batv_leftovers_remove(int dirfd);

#endif
