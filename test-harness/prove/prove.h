/*
 * prove.h - inputs that Frama-C's Eva takes for all values at once.
 */
#ifndef PROVE_H
#define PROVE_H

#include <__fc_builtin.h>

#include "base/span.h"

#ifndef PROVE_BYTES
# define PROVE_BYTES 4 /* each driver takes all texts of 0 to so many bytes; lengths one by one */
#endif

/* Eva goes on with one state for all that may have happened. */
#define MERGE /*@ slevel merge; */ ;

/* Any text of len bytes, in a buffer that ends there. */
static struct batv_span any_text(char *buffer, size_t len)
{
	if (len > 0)
		Frama_C_make_unknown(buffer, len);
	return (struct batv_span){buffer, len};
}

#endif
