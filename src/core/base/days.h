/*
 * days.h - days since 1970, by which the memory keeps what it keeps, and the last time of all.
 */
#ifndef BATV_BASE_DAYS_H
#define BATV_BASE_DAYS_H

#include <stdint.h>

#define BATV_DAY 86400                      /* seconds */
#define BATV_TIME_MAX INT64_C(253402300799) /* the last second of the year 9999 */

/* The day of `when` (seconds).  At most 0xffffff, which a stamp holds; 0 before 1970. */
static inline uint64_t batv_day_of(int64_t when)
{
	int64_t day = when > 0 ? when / BATV_DAY : 0;

	return day < 0xffffff ? (uint64_t)day : 0xffffff;
}

#endif
