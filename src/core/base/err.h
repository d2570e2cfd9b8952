/*
 * err.h - the one list of errors of exim-batv, and their texts.
 */
#ifndef BATV_BASE_ERR_H
#define BATV_BASE_ERR_H

enum batv_err {
	BATV_OK = 0,
	BATV_E_SYNTAX,      /* input is not in the documented form */
	BATV_E_TOO_LONG,    /* does not fit: the caller's buffer, or a documented maximum */
	BATV_E_UNSIGNABLE,  /* the address can never carry a tag */
	BATV_E_NO_KEY,      /* no key is current at the time asked for */
	BATV_E_NO_FILE,     /* the file or directory is not there */
	BATV_E_UNSAFE_FILE, /* owner, mode, links or type are wrong */
	BATV_E_IO,          /* a system call failed; errno is kept */
	BATV_E_DAMAGED,     /* truncated, or the checksum is wrong */
	BATV_E_VERSION,     /* of a version that this program does not know */
	BATV_E_FUTURE,      /* written more than five minutes from now */
	BATV_E_CONFLICT,    /* contradicts what is there already */
	BATV_E_FULL,        /* a fixed maximum is reached */
};

/* A constant phrase, never NULL, without a full stop: "unsafe owner, mode, links or type". */
const char *batv_strerror(enum batv_err err);

#endif
