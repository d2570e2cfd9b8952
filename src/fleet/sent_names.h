/*
 * sent_names.h - the names that this host recorded in the retention, one file a day.  They are sent
 * again after a start, to a server that lost everything, and to a host that asks.
 *
 * A file is a row of records: kind (1 byte), name (20 bytes).  One that is cut off at its end is
 * not there.  Names may be there twice.
 */
#ifndef BATV_SENT_NAMES_H
#define BATV_SENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATV_SENT_NAMES_LEN 21

struct batv_sent_names {
	int dirfd; /* borrowed: sent/ */
	int fd;    /* of `day`; -1: none */
	uint16_t day;
	bool dirty; /* something is not on the disk for sure */
};

void batv_sent_names_start(struct batv_sent_names *names, int dirfd);
void batv_sent_names_end(struct batv_sent_names *names);
/* Appends n records to the file of the day.  False: not one more is there; errno says why. */
bool batv_sent_names_add(struct batv_sent_names *names, uint16_t day, const uint8_t *records,
			 size_t n);
void batv_sent_names_sync(struct batv_sent_names *names);
/*
 * Reads up to n records of a day, from the index on.  Returns their number: fewer at the end of the
 * file, or if there is no such file.
 */
size_t batv_sent_names_read(const struct batv_sent_names *names, uint16_t day, size_t index,
			    uint8_t *records, size_t n);
/* The first day from `day` to `last` that has a file; last + 1: none has. */
unsigned batv_sent_names_next(const struct batv_sent_names *names, unsigned day, unsigned last);
/* Removes the files of days before `first` and after `last`. */
void batv_sent_names_expire(const struct batv_sent_names *names, unsigned first, unsigned last);
/* How many records the day's file has. */
uint64_t batv_sent_names_count(const struct batv_sent_names *names, uint16_t day);

#endif
