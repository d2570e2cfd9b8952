/*
 * log_input.h - reads log files in large blocks of whole lines, compressed ones too.
 *
 * .gz, .xz, .zst and .bz2 are recognised by their first bytes and read through gzip, xz, zstd or
 * bzip2, without a shell.
 */
#ifndef BATV_LOG_INPUT_H
#define BATV_LOG_INPUT_H

#include <sys/types.h>

#include "base/span.h"

#define BATV_LOG_BLOCK 262144 /* bytes read at once */
#define BATV_LOG_LINE_MAX                                                                          \
 131072 /* Exim's lines have at most some 64 KB; longer ones are skipped                           \
	 */

struct batv_log_input {
	const char *path; /* borrowed; "-" is standard input */
	uint64_t size;    /* of the file on the disk; 0: not known */
	uint64_t taken;   /* bytes of it that were read */
	uint64_t text;    /* bytes after decompression */
	uint64_t cut;     /* lines that were too long */
	char why[300];    /* the error, one sentence; "": none so far */
	/* private */
	int file, from; /* the file; where its text comes from */
	pid_t child;    /* the decompressor; 0: none */
	const char *program;
	char *buffer;
	size_t start, end; /* of what was read and not yet returned */
	bool over, skipping;
};

/* Returns false if the file cannot be read; `why` says so.  Else close it. */
bool batv_log_input_open(struct batv_log_input *in, const char *path);

/*
 * Gives the next whole lines, each with its LF; a last line without one is returned too.  *lines
 * is valid until the next call.  Returns false at the end, and after an error.
 */
bool batv_log_input_next(struct batv_log_input *in, struct batv_span *lines);

/* Returns false if the input was damaged, or ended early; `why` says so. */
bool batv_log_input_close(struct batv_log_input *in);

#endif
