/*
 * err.c - the texts of the errors in err.h.
 *
 * The texts are constant phrases that follow a colon in somebody else's sentence.  Invariant: every
 * error has one; the compiler names those that are missing.
 */
#include "base/err.h"

const char *batv_strerror(enum batv_err err)
{
	switch (err) { /* no default: -Wswitch is the test */
	case BATV_OK: return "success";
	case BATV_E_SYNTAX: return "syntax error";
	case BATV_E_TOO_LONG: return "too long";
	case BATV_E_UNSIGNABLE: return "the address can never carry a tag";
	case BATV_E_NO_KEY: return "no key is current";
	case BATV_E_NO_FILE: return "no such file or directory";
	case BATV_E_UNSAFE_FILE: return "unsafe owner, mode, links or type";
	case BATV_E_IO: return "input/output error";
	case BATV_E_SYNC: return "written, but a crash may undo it";
	case BATV_E_DAMAGED: return "truncated or damaged";
	case BATV_E_VERSION: return "of an unknown version";
	case BATV_E_FUTURE: return "written in the future";
	case BATV_E_CONFLICT: return "contradicts what is there already";
	case BATV_E_FULL: return "a fixed maximum is reached";
	case BATV_E_NO_IDN: return "cannot convert an internationalised domain name";
	}
	return "unknown error";
}
