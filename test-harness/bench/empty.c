/* empty.c - a shared object with nothing in it: what loading any costs. */
typedef int nothing;
