/*
 * holder.h - the published state, as one process has it: read again when the file is another one.
 */
#ifndef BATV_DECIDE_HOLDER_H
#define BATV_DECIDE_HOLDER_H

#include "decide/state.h"

/*
 * A state as a process holds it: the text, the state parsed from it, and the identity of the file.
 * Start with all bytes zero.  It takes about 70 KiB, so it is static in Exim's processes.
 */
struct batv_holder {
	char text[BATV_STATE_MAX + 1]; /* first: the fields after it share few pages */
	bool usable;
	enum batv_err err;                          /* why it is not usable */
	unsigned line;                              /* line of the fault; 0: none */
	int64_t dev, ino, mtime_ns, ctime_ns, size; /* the file that was read, or refused */
	uint64_t end; /* a sum of its last bytes, which hold its checksum */
	struct batv_state state;
};

/*
 * Reads dir/state, unless it is the very file that the holder has already.  Afterwards
 * holder->usable says whether holder->state may be used.  It is false while the state was written
 * more than BATV_STATE_SKEW seconds after `now`; each call checks this again.  Returns holder->err.
 */
enum batv_err batv_holder_refresh(struct batv_holder *holder, int dirfd, int64_t now);

#endif
