/*
 * ctl_pasted.h - an address in the form in which people paste it: from a mail program, a log line,
 * a web page.
 */
#ifndef BATV_CTL_PASTED_H
#define BATV_CTL_PASTED_H

#include "ctl.h"

#define BATV_PASTED_SIZE 1100 /* BATV_ADDR_INPUT_MAX and more, so that a longer one is noticed */

/*
 * Takes the one address out of <a@b>, Name <a@b>, "Name, X" <a@b>, a@b (Name), F=<a@b>, mailto:a@b,
 * and a@b with a full stop, a comma or a semicolon after it.  An address is copied unchanged.
 * Returns false if that leaves no address, or if there are several.
 */
bool batv_ctl_pasted(const char *text, char out[static BATV_PASTED_SIZE]);

/*
 * The same for a command line: *text becomes the address, in `out`.  NULL, "" and "<>" (the null
 * sender) are left alone.  Otherwise returns BATV_CTL_YES, or prints that the text is not an
 * address.
 */
int batv_ctl_pasted_argument(const char *command, const char **text,
			     char out[static BATV_PASTED_SIZE]);

#endif
