/*
 * pieces.h - the files that `batvctl enable` places into Debian's configuration of Exim.
 *
 * Invariant: only paths of batv_pieces, and the marked line, are ever written or removed, and only
 * if what is there is ours: what this program would place, or what the manifest says that it
 * placed.
 */
#ifndef BATV_PIECES_H
#define BATV_PIECES_H

#include "installation.h"
#include "manifest.h"

#define BATV_LOCALMACROS BATV_ETC_EXIM "/exim4.conf.localmacros"
#define BATV_LOCALMACROS_BEFORE BATV_LOCALMACROS ".before-batv"
#define BATV_MARKED_LINE ".include_if_exists " BATV_ETC_EXIM "/exim-batv.localmacros"

#define BATV_PIECES_MAX 8
#define BATV_PIECE_SIZE_MAX ((size_t)1 << 20)

struct batv_piece {
	const char *path;    /* where it goes */
	const char *source;  /* below debian/ in the directory of the snippets */
	unsigned phase;      /* 1: un-signing; 2: signing */
	bool split, unsplit; /* which of Debian's configurations reads it */
	bool run_time;       /* Exim opens it for each message, by a name that its daemon knows */
};
extern const struct batv_piece batv_pieces[];
extern const size_t batv_pieces_count;

/* Does this layout read the piece? */
bool batv_pieces_is_for(const struct batv_piece *piece, enum batv_exim_layout layout);

enum batv_piece_state {
	BATV_PIECE_ABSENT,
	BATV_PIECE_SAME,    /* what would be placed now */
	BATV_PIECE_OURS,    /* another version that we placed, and that nobody changed */
	BATV_PIECE_FOREIGN, /* somebody else's, or changed since */
};

/*
 * What is at the path of a piece, compared with `text` (what would be placed; NULL: only the
 * manifest counts)?  FOREIGN too if it cannot be read or is not a regular file.
 */
enum batv_piece_state batv_pieces_look(const char *path, const char *text, size_t len,
				       const struct batv_manifest *manifest);

/* Reads a whole file, following links.  *text is from malloc.  Returns false with errno. */
bool batv_pieces_read(const char *path, char **text, size_t *len);

/* ---- the marked line of exim4.conf.localmacros ---- */

bool batv_pieces_has_line(const char *text);
/* The text with the line, or without it, from malloc; NULL: no memory. */
char *batv_pieces_add_line(const char *text, const char *line);
char *batv_pieces_remove_line(const char *text);

#endif
