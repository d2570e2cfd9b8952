/*
 * publish.h - the state's writer: configuration, keys and breaks to text.  state.h reads it back.
 */
#ifndef BATV_PUBLISH_H
#define BATV_PUBLISH_H

#include "decide/state.h"

/*
 * The state as text.  out from malloc, NUL-terminated; the caller wipes and frees.  Policies
 * other than the default one are written as what differs from it.  `state` need not come from a
 * file; all its text must be set ("" for none).
 * Errors: BATV_E_TOO_LONG: above BATV_STATE_MAX; `list` (may be NULL) is then "policy NAME, option
 * NAME": the longest list, the one that should be a file.  What batv_state_parse() says of the
 * result, for nothing is handed out that the reader would refuse (`list` is then its reason).
 * BATV_E_IO: no memory.
 */
enum batv_err batv_publish_format(const struct batv_state *state, char **out, size_t *len,
				  char *list, size_t list_size);

#endif
