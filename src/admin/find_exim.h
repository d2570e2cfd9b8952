/*
 * find_exim.h - which command runs this machine's Exim?
 */
#ifndef BATV_FIND_EXIM_H
#define BATV_FIND_EXIM_H

/* As the value of the option exim: there is no Exim to ask. */
#define BATV_NO_EXIM "none"

/*
 * Returns the command for the option exim: the option itself if it names one; "" if it is "none";
 * and if it is empty the first of the usual paths that is a program, or "" if there is none.  The
 * answer borrows the option, or is a constant.
 */
const char *batv_find_exim(const char *option);

#endif
