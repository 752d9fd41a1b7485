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
#define PIECE_TAG	16
#define PIECE_FILES	256
#define PIECES_MAX	2000000		/* 10 minutes each: 38 years */
#define PIECE_NUMBER	(UINT64_C(1) << 53)	/* the largest, as JSON is read by many */

enum piece_state {
	PIECE_OPEN,			/* being written, or left so by a crash */
	PIECE_CLOSED,			/* whole, in the spool */
	PIECE_SENDING,			/* some of it may be there already */
	PIECE_DONE,			/* delivered */
	PIECE_DROPPED,			/* given up */
};

enum piece_form { PIECE_TS, PIECE_MP4, PIECE_CMAF };	/* TS: the bytes of the stream */
#define PIECE_FORMS	3
extern const char *const piece_form_name[PIECE_FORMS];	/* "ts" ... */

/* One of several that a piece was made into; its name is that of the piece with the tag. */
struct piece_file {
	char	 tag[PIECE_TAG];
	uint64_t bytes;
	char	 sha256[65];
};

struct piece {
	uint64_t number;		/* from 1, of the whole recording */
	enum piece_state state;
	int64_t	 slot;			/* interval since 1970, or of the recording */
	int64_t	 utc_ns, duration_ns;	/* of its beginning; 0: not known */
	uint64_t bytes;			/* as it is delivered: all of its files */
	uint64_t held;			/* in the spool */
	bool	 timed;			/* these three are known: */
	bool	 forced;		/* it begins without a random access point */
	int64_t	 pts, t;		/* of its beginning: the source's 33 bits, media time */
	unsigned copied;		/* of them before the stream's: tables again */
	bool	 gap;			/* the stream is not whole before it */
	bool	 recovered;		/* from a crash */
	enum piece_form form;		/* it is delivered in */
	char	 name[PIECE_NAME];	/* relative to the place; "": none yet */
	char	 sha256[65];		/* hexadecimal, or "" */
	unsigned nfile;			/* 0: one, of this name */
	struct piece_file *file;	/* of one in a list: the list's */
};

struct pieces {
	struct piece *p;		/* by number */
	size_t	 n, cap;
	uint64_t gone;			/* delivered ones before them that are not in it */
};

void pieces_free(struct pieces *l);

/* Put it, and a copy of its files, in place of the one of its number.  -ENOMEM, -E2BIG. */
int pieces_set(struct pieces *l, const struct piece *p);

/* The index of the first that has this number or a later one. */
size_t pieces_place(const struct pieces *l, uint64_t number);
struct piece *pieces_find(struct pieces *l, uint64_t number);
bool pieces_have_name(const struct pieces *l, const char *name);

/* Its name with a tag, before its ending.  0 or -ENAMETOOLONG. */
int piece_tagged(const char *name, const char *tag, char out[static PIECE_NAME]);

/* A line of a journal, without its end.  Gives p->file. */
int piece_parse(const char *line, size_t len, struct piece *p);
char *piece_line(const struct piece *p);	/* with its end; NULL: no memory */

json_t *piece_object(const struct piece *p);	/* what a manifest has of it; NULL: the same */

/* All lines of a journal; *bad counts those that are none. */
int journal_parse(struct pieces *l, const char *text, size_t len, uint64_t *bad);

/*
 * A manifest has the newest pieces, and says in which parts, manifests of their own, the
 * older ones are.  A part has so many numbers, and does not change any more.
 */
#define MANIFEST_PART	24		/* "index-000001.json" */

struct manifest {
	const char *show;
	bool	 ended;
	int64_t	 every_ns;		/* of playlists */
	uint64_t above, upto;		/* numbers: above the one, up to the other */
	unsigned parts;			/* before it, */
	uint64_t list;			/* each of so many numbers; 0: not said */
	uint64_t before;		/* when read: pieces in the parts */
};

/* The name of a part, from 0, with this ending. */
void manifest_part(unsigned part, const char *ending, char name[static MANIFEST_PART]);

/* The pieces of a manifest, as delivered.  -EBADMSG: none of ours.  Sets parts, list. */
int manifest_parse(struct pieces *l, const char *text, size_t len, struct manifest *m);
char *manifest_put(const struct pieces *l, const struct manifest *m);
char *playlist_put(const struct pieces *l, const struct manifest *m);

/* Are all pieces of these numbers delivered, or dropped?  None may be known of them. */
bool pieces_final(const struct pieces *l, uint64_t above, uint64_t upto);

/* A name that stays below its place. */
bool piece_name_good(const char *name);

#endif
