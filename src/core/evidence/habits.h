/*
 * habits.h - how bounces and automatic replies look that have no structure: their senders, their
 * subjects, their phrases.
 *
 * A habit alone proves nothing: people write about bounces, too.  classify.c asks for two that are
 * independent.
 */
#ifndef BATV_EVIDENCE_HABITS_H
#define BATV_EVIDENCE_HABITS_H

#include "base/span.h"

enum batv_habit {
	BATV_HABIT_DAEMON = 1u << 0,      /* From is mailer-daemon or the like, or empty */
	BATV_HABIT_POSTMASTER = 1u << 1,  /* From is an address that sends other mail as well */
	BATV_HABIT_BOUNCE = 1u << 2,      /* the subject of a bounce */
	BATV_HABIT_REPLY = 1u << 3,       /* the subject of an automatic reply */
	BATV_HABIT_NOTICE = 1u << 4,      /* the subject of a notice: quota, parcel, ticket */
	BATV_HABIT_ANSWER = 1u << 5,      /* the subject of an answer, or of a ticket */
	BATV_HABIT_DMARC = 1u << 6,       /* the whole subject of a DMARC report */
	BATV_HABIT_DMARC_PART = 1u << 7,  /* a part of such a subject */
	BATV_HABIT_DMARC_FIRST = 1u << 8, /* the subject begins with it */
	BATV_HABIT_PHRASE = 1u << 9,      /* a phrase of bounces in the text */
	BATV_HABIT_CODE = 1u << 10,       /* a code of a mail server in the text (codes.h) */
	BATV_HABIT_TRACE = 1u << 11, /* a line of a returned header: Received, Message-ID ... */
};

/* Each returns its bits of enum batv_habit.  The values are fields, folded and encoded or not. */
unsigned batv_habits_from(struct batv_span value);
unsigned batv_habits_subject(struct batv_span value);

/*
 * The bits of a text.  Quoted lines do not count.  Phrases and codes do not count after the line
 * with which mail programs introduce a message that is forwarded.
 */
unsigned batv_habits_text(struct batv_span text);

#endif
