/*
 * class.c - the names of the classes, apart from classify.c, which finds them: the options of a
 * policy have these names.
 */
#include "evidence/class.h"

const char *batv_class_name(enum batv_class c)
{
	switch (c) {
	case BATV_CLASS_DSN: return "dsn";
	case BATV_CLASS_MDN: return "mdn";
	case BATV_CLASS_AUTOREPLY: return "autoreply";
	case BATV_CLASS_CALENDAR: return "calendar";
	case BATV_CLASS_REPORT: return "report";
	case BATV_CLASS_OTHER: return "other";
	case BATV_CLASS_COUNT: break;
	}
	return "unknown";
}
