/*
 * support.h - what a file with all its mutants includes first.
 *
 * Each mutant has a number.  The environment says which one lives, and it can also ask for a map
 * of those that made a difference.
 */
#ifndef BATV_MUTATE_SUPPORT_H
#define BATV_MUTATE_SUPPORT_H

extern int batv_mutant;             /* the one that lives; -1: none */
extern unsigned char *batv_reached; /* a byte for each mutant, or NULL */

/* Does this mutant live? */
static inline int batv_mutate(int number)
{
	if (__builtin_expect(batv_reached != 0, 0))
		batv_reached[number] = 1;
	return __builtin_expect(batv_mutant == number, 0);
}

/* The same for one whose value is known: it makes no difference where both values are equal. */
static inline int batv_pick(int number, int value, int mutated)
{
	return value != mutated && batv_mutate(number) ? mutated : value;
}

/* BATV_FIRST is the number of the file's first mutant. */
#define BATV_M(n) batv_mutate(BATV_FIRST + (n))
#define BATV_PICK(n, value, mutated) batv_pick(BATV_FIRST + (n), value, mutated)
/* The same in a header, which has numbers of its own. */
#define BATV_H(first, n) batv_mutate((first) + (n))
#define BATV_HPICK(first, n, value, mutated) batv_pick((first) + (n), value, mutated)

#endif
