/*
 * together.h - keeps small variables of several files in one page.
 *
 * Each page that a fresh process writes to costs a page fault (architecture.md, "In a fresh
 * process").  This is for variables that most decisions write to.  They begin with all bytes zero.
 */
#ifndef BATV_BASE_TOGETHER_H
#define BATV_BASE_TOGETHER_H

/* No linker script names this section, so the linker makes one of all parts.  ".sbss." is a prefix
 * that compilers know: it takes no room in the file. */
#define BATV_TOGETHER __attribute__((section(".sbss.batv")))

#endif
