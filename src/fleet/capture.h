/*
 * capture.h - follows the journals of the memory in use and of the generation before it: what this
 * host has recorded since the last look, and up to which moment nothing is missing.
 *
 * A record may be missing when it is read: its writer has taken the position, and has not written
 * yet, or was killed in between.  Later records are handed out meanwhile, but `until` stands still.
 * After a second it goes on without that record, which is counted as a hole.  A writer that was
 * only stopped still writes it, so a hole is looked at again until the ring comes round.  A hole
 * that a killed writer left is harmless, because it has set no bit: the message is recorded again.
 *
 * A gap is not: mail left here of which the others will never hear, because the reader was too slow
 * and the ring came round; because a record could not be written; because the memory was replaced;
 * because there was no usable state (batv_counters_bare_now()); or because it left before there was
 * a journal.  Only time ends a gap: when it is older than the memory's retention, it no longer
 * matters.  batvctl remember --from-exim-log writes into the journal what the log knows, but nobody
 * can say that this is all.
 *
 * It reads the memory, and nothing else; the caller brings the time and the room.
 */
#ifndef BATV_CAPTURE_H
#define BATV_CAPTURE_H

#include "memory/journal.h"

#define BATV_CAPTURE_PATIENCE 1000 /* milliseconds, for a record that is missing */
#define BATV_CAPTURE_OPEN 1024     /* missing records that are kept in mind */

struct batv_capture_missing {
	uint64_t position;
	int64_t before; /* ms: all that was recorded before this moment has an earlier position */
	int64_t seen;   /* ms: first found missing */
	bool hole;      /* no longer waited for */
};

struct batv_capture_ring {
	uint64_t file;   /* sum of the file's header; 0: no file is followed */
	uint64_t next;   /* the position that is read next */
	uint64_t failed; /* as in struct batv_journal_head, as last seen */
	int64_t known;   /* ms: all that was recorded before this moment is before `next` */
	uint64_t unread; /* records between `next` and the head, at the last look */
	bool again;      /* all that is in the ring is to be read again */
	size_t n_missing, hole_at;
	struct batv_capture_missing missing[BATV_CAPTURE_OPEN];
};

struct batv_capture {                     /* start with all bytes zero */
	struct batv_capture_ring ring[2]; /* the memory in use; the generation before it */
	/*
	 * Milliseconds of the caller's clock: all that this host recorded before this moment has
	 * been handed out, but for holes and losses.  0: not known yet.  It goes back only if the
	 * clock does.
	 */
	int64_t until;
	uint64_t holes; /* records that were passed over, and are not written to this day */
	uint64_t lost;  /* records that are lost, at least; it only grows */
	/* Milliseconds: what this host sent before may be unknown to the others; 0: nothing. */
	int64_t gap;   /* since its journal began */
	int64_t began; /* what was sent earlier is not in the journal.  0: not looked yet */
	int64_t bare;  /* s: batv_counters_bare_last() as last seen */
};

/*
 * Reads what is new, up to `room` entries, and returns how many there are.  `now` (ms since 1970)
 * was read before the call.  If the answer is `room`, there may be more: call it again.
 *
 * memory and before are the ones that the state names.  If one of them is not open, or memory has
 * no journal, `until` stands still.  before is NULL if the state names none, and also if it is
 * damaged or gone, because nobody can write there any more.  It may have no journal.
 *
 * The caller must tell the fleet of `gap` and `began` before it promises an `until` that was read
 * after they changed.
 */
size_t batv_capture_look(struct batv_capture *c, struct batv_memory *memory,
			 struct batv_memory *before, int64_t now, struct batv_journal_entry *out,
			 size_t room);

/* How far a file was read: for a caller that stops, and starts again. */
struct batv_capture_place {
	uint64_t file, next, failed;
};
/* Before `next` nothing is waited for.  Save it after what was handed out is safe. */
void batv_capture_save(const struct batv_capture *c, struct batv_capture_place place[static 2]);
/*
 * Goes on from there.  Without a place, all that is still in the ring is handed out; nothing is
 * lost by that, because it merges.  So it is with `again`, too: use it when the machine was started
 * since, because after a crash the memory may have gone back to an earlier position, so that
 * positions are used twice.  Then the places only tell what the ring has lost.
 *
 * The caller keeps and sets `gap` and `began` itself.
 */
void batv_capture_resume(struct batv_capture *c, const struct batv_capture_place place[static 2],
			 bool again);

#endif
