/*
 * spool.h - a recording on local disk until it is delivered, and over crashes.
 *
 * Shape    A directory: NUMBER.ts, the bytes of a piece; "journal", see piece.h;
 *          "lock", held while a process has it, with the place in it.  A journal that cannot be written
 *          does not lose a piece: files without a line are found.
 * Threads  One writes (spool_begin, spool_write, spool_close), one delivers
 *          (spool_next, spool_set); a third of its own syncs.  All may ask.
 * Errors   Negative errno values: -EWOULDBLOCK another process has it, -ENOSPC.
 */
#ifndef ENCODE_SPOOL_H
#define ENCODE_SPOOL_H

#include <pthread.h>

#include "encode/piece.h"
#include "lib/base/text.h"

#define SPOOL_UNSYNCED	64		/* closed pieces that wait for it */

struct spool_counts {
	uint64_t waiting, waiting_bytes;	/* pieces that are not delivered */
	uint64_t written, synced;	/* bytes of the stream, of this run; synced: on disk */
	uint64_t delivered, delivered_bytes, dropped, dropped_bytes, recovered;
	int	 sync_error;		/* -errno of the last that failed, or 0 */
};

struct spool {
	pthread_mutex_t lock;
	pthread_mutex_t sync_turn;	/* taken before it */
	pthread_cond_t changed;
	pthread_t syncer;
	bool	 syncing, stopping;
	bool	 over;			/* no more will be written */
	bool	 broken;		/* what is written next does not go on from the last */
	bool	 keep;			/* a piece until the one behind it is delivered, too */
	uint64_t kept;			/* number of that one, or 0 */
	int64_t	 sync_ns;
	uint64_t max_bytes;		/* 0: no bound */
	int	 dir, journal, lockfile;
	struct pieces list;		/* all that are known, those delivered too */
	uint64_t next;			/* number of the next piece */
	/* the one that is written: */
	int	 fd;			/* or -1 */
	struct piece open;
	uint64_t sending;		/* number of the one on its way, or 0 */
	int	 unsynced[SPOOL_UNSYNCED];
	unsigned nunsynced;
	int	 close_error;		/* of one that was synced when it was closed */
	uint64_t unsafe;		/* bytes for which a sync has failed */
	uint64_t bad_lines;
	/* the journal: */
	bool	 torn;			/* its last line is not whole */
	uint64_t lines;
	bool	 compacting;
	struct text since;		/* lines that came while it is written anew */
	struct spool_counts counts;
};

/*
 * Makes the directory if it is not there; finds what an earlier run has left, for the
 * same place: -EXDEV it was another one.  keep: what is delivered may still be read
 * until the one behind it is.
 */
int spool_init(struct spool *s, const char *path, const char *place, int64_t sync_ns,
    uint64_t max_bytes, bool keep);
void spool_free(struct spool *s);	/* after a last sync */

/* p: slot, utc_ns, gap; it gets its number. */
int spool_begin(struct spool *s, struct piece *p);

/* stream: of len, so many bytes are the stream's own. */
int spool_write(struct spool *s, const void *p, size_t len, size_t stream);

/* p: all but state.  One that has no more than the tables in front is forgotten. */
int spool_close(struct spool *s, const struct piece *p);

/*
 * The oldest that waits, which is then on its way: true.  False after until_ns
 * (CLOCK_MONOTONIC) or when there is none and none will come.
 */
bool spool_next(struct spool *s, struct piece *p, int64_t until_ns);

#define SPOOL_PART	".part"		/* files that a new run removes */

/* What has become of it: PIECE_SENDING to begin with, PIECE_CLOSED: not now. */
int spool_set(struct spool *s, const struct piece *p);

/* Nothing will be written any more; or not from where the last piece has ended. */
void spool_end(struct spool *s);
void spool_break(struct spool *s);

/*
 * The piece that goes on where this one ends, as far as it has been written (held):
 * 1, 0 that cannot be said yet, -ENOENT there will be none.  growing: more will come.
 */
int spool_after(struct spool *s, uint64_t number, struct piece *p, bool *growing);

/* The one that it goes on from, if it is there. */
bool spool_before(struct spool *s, uint64_t number, struct piece *p);

/* All that has been written is on disk now, or counts.sync_error says why not. */
void spool_sync(struct spool *s);

/* It is not on its way for now, and may be dropped. */
void spool_rest(struct spool *s);

/* Wait, for no longer, until something is said to it. */
void spool_wait(struct spool *s, int64_t until_ns);

/*
 * Those up to a number are in a part of the manifest, and need not be known any more: as far
 * as they are delivered or dropped, and no file of them is kept.  The journal loses them when it is written anew.
 */
void spool_forget(struct spool *s, uint64_t upto);

/* What a manifest knew: those that the journal does not know, or not that they arrived. */
int spool_merge(struct spool *s, const struct pieces *l);

int spool_file(const struct spool *s, uint64_t number);	/* a descriptor, or -errno */
void spool_path(uint64_t number, char name[static 32]);

struct spool_counts spool_counts(struct spool *s);

#endif
