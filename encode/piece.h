/*
 * piece.h - the pieces of a recording: what a journal and a manifest say of them.
 *
 * A journal has a line for each change of a piece, a JSON object; the last one of a
 * number counts, and one that was cut off by a crash does not.  A manifest is one JSON
 * object with all that were delivered, in order; the playlist is made of the same.
 *
 * Spec     RFC 8259; RFC 8216 (VOD and EVENT playlists).
 * Units    ns since 1970 (utc), media time in 90 kHz ticks (t), bytes.
 * Memory   pieces_free() gives all back; texts that are made are the caller's.
 * Threads  Caller's structs.
 * Errors   -EBADMSG no piece, -ENOMEM.
 */
#ifndef ENCODE_PIECE_H
#define ENCODE_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define PIECE_NAME	512
#define PIECES_MAX	2000000		/* 10 minutes each: 38 years */
#define PIECE_NUMBER	(UINT64_C(1) << 53)	/* the largest, as JSON is read by many */

enum piece_state {
	PIECE_OPEN,			/* being written, or left so by a crash */
	PIECE_CLOSED,			/* whole, in the spool */
	PIECE_SENDING,			/* some of it may be there already */
	PIECE_DONE,			/* delivered */
	PIECE_DROPPED,			/* given up */
};

struct piece {
	uint64_t number;		/* from 1, of the whole recording */
	enum piece_state state;
	int64_t	 slot;			/* interval since 1970, or of the recording */
	int64_t	 utc_ns, duration_ns;	/* of its beginning; 0: not known */
	uint64_t bytes;
	unsigned copied;		/* of them before the stream's: tables again */
	bool	 gap;			/* the stream is not whole before it */
	bool	 recovered;		/* from a crash */
	char	 name[PIECE_NAME];	/* relative to the place; "": none yet */
	char	 sha256[65];		/* hexadecimal, or "" */
};

struct pieces {
	struct piece *p;		/* by number */
	size_t	 n, cap;
};

void pieces_free(struct pieces *l);

/* Put it in place of the one of its number.  0 or -ENOMEM, -E2BIG. */
int pieces_set(struct pieces *l, const struct piece *p);
struct piece *pieces_find(struct pieces *l, uint64_t number);
bool pieces_have_name(const struct pieces *l, const char *name);

/* A line of a journal, without its end. */
int piece_parse(const char *line, size_t len, struct piece *p);
char *piece_line(const struct piece *p);	/* with its end; NULL: no memory */

/* All lines of a journal; *bad counts those that are none. */
int journal_parse(struct pieces *l, const char *text, size_t len, uint64_t *bad);

/* The pieces of a manifest, as delivered.  -EBADMSG: none of ours. */
int manifest_parse(struct pieces *l, const char *text, size_t len);
char *manifest_put(const struct pieces *l, const char *show, bool ended);
char *playlist_put(const struct pieces *l, int64_t every_ns, bool ended);

/* A name that stays below its place. */
bool piece_name_good(const char *name);

#endif
