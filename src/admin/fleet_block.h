/*
 * fleet_block.h - the lines that batvctl fleet join writes into exim-batv.conf, and that batvctl
 * fleet leave takes out again.  This is pure: text goes in, text comes out.
 *
 * They are one block between two comments, before the first section.  Lines outside of it are a
 * person's; they are never changed.
 */
#ifndef BATV_FLEET_BLOCK_H
#define BATV_FLEET_BLOCK_H

#include <stddef.h>

#include "base/err.h"

struct batv_fleet_block { /* an empty text: that line is left out */
	const char *fleet, *servers, *user, *password_file;
};

/*
 * Returns the text with this block, from malloc, instead of the block that was there.  block NULL:
 * without one.  NULL: a line outside of the block sets an option of the fleet; *line is its number.
 * *line 0: no memory.
 */
char *batv_fleet_block_put(const char *text, const struct batv_fleet_block *block, unsigned *line);

#endif
