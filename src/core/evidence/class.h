/*
 * class.h - the classes of automatic messages.
 */
#ifndef BATV_EVIDENCE_CLASS_H
#define BATV_EVIDENCE_CLASS_H

/* Classes of automatic mail.  The names are those of RFC 3464, 8098, 3834, 5546. */
enum batv_class {
	BATV_CLASS_DSN,
	BATV_CLASS_MDN,
	BATV_CLASS_AUTOREPLY,
	BATV_CLASS_CALENDAR,
	BATV_CLASS_REPORT,
	BATV_CLASS_OTHER,
	BATV_CLASS_COUNT
};

const char *batv_class_name(enum batv_class c); /* "dsn" */

#endif
