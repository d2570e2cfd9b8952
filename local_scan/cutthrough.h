/*
 * cutthrough.h - tells whether the message that is being received leaves by cutthrough delivery.
 *
 * Exim opens that connection at RCPT and sends the sender as it is.  So such mail leaves untagged,
 * and neither a transport's return_path nor the recipient's errors_to changes that.
 */
#ifndef BATV_CUTTHROUGH_H
#define BATV_CUTTHROUGH_H

#include <stdbool.h>

/* Has this process a connection to the next host?  Ask in local_scan() only. */
bool batv_cutthrough(void);

#endif
