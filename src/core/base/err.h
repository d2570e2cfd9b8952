/*
 * err.h - all errors of exim-batv, and their texts.
 */
#ifndef BATV_BASE_ERR_H
#define BATV_BASE_ERR_H

enum batv_err {
	BATV_OK = 0,
	BATV_E_SYNTAX,      /* the input is not in the documented form */
	BATV_E_TOO_LONG,    /* it exceeds the caller's buffer or a documented maximum */
	BATV_E_UNSIGNABLE,  /* the address can never carry a tag */
	BATV_E_NO_KEY,      /* no key is current at the time asked for */
	BATV_E_NO_FILE,     /* the file or directory does not exist */
	BATV_E_UNSAFE_FILE, /* owner, mode, links or type are wrong */
	BATV_E_IO,          /* a system call failed; errno is kept */
	BATV_E_SYNC,        /* it is written, but a crash may undo that; errno is kept */
	BATV_E_DAMAGED,     /* truncated, or the checksum is wrong */
	BATV_E_VERSION,     /* this program does not know the version */
	BATV_E_FUTURE,      /* written more than five minutes in the future */
	BATV_E_CONFLICT,    /* it contradicts what is already there */
	BATV_E_FULL,        /* a fixed maximum is reached */
	BATV_E_NO_IDN,      /* nothing here converts internationalised domain names */
};

/* Returns a constant phrase without a full stop, such as "syntax error".  Never NULL. */
const char *batv_strerror(enum batv_err err);

#endif
