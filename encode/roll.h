/*
 * roll.h - where a transport stream is cut into pieces.
 *
 * A piece begins with the first random access point of an interval: with the PAT
 * before it, if that and a PMT come within a moment before it, so that all bytes of
 * the stream are in one piece or another and those of a piece begin with its tables.
 * Else copies of the last tables are put before it.  A stream that has boundary points
 * of segments is cut at those only; one without pictures, or without such points
 * for long, at a PAT.
 *
 * Spec     ISO/IEC 13818-1 2.4.3.5 (random_access_indicator), 2.4.4; ebp.h.
 * Units    Intervals count from 1970 in media time (epoch.h); in a recording, from
 *          its first picture.
 * Memory   roll_free() gives all back.  What is lent is good for the call.
 * Threads  Belongs to one thread.
 * Errors   -ENOMEM, or what a callback returned.
 */
#ifndef ENCODE_ROLL_H
#define ENCODE_ROLL_H

#include "encode/ahead.h"
#include "encode/epoch.h"
#include "lib/media/codec.h"
#include "lib/media/psi.h"
#include "lib/media/ts.h"

#define ROLL_TABLES	(16 * TS_PACKET)

struct roll_cut {
	int64_t	 slot, t;		/* t: PES_NO_TIME if not known */
	int64_t	 pts;			/* the same as the source says it, 33 bits */
	int64_t	 utc_ns;
	bool	 forced;		/* not at a random access point */
	bool	 first;			/* nothing was before it */
	const uint8_t *tables;		/* copies to begin with */
	unsigned ntables;		/* bytes of them, or 0 */
};

struct roll_config {
	int64_t	 every_ns;
	uint16_t program;		/* 0: the first with video */
	bool	 arrival, recording, regular;
	int	(*cut)(void *arg, const struct roll_cut *c);
	int	(*data)(void *arg, const uint8_t *p, size_t len);
	void	*arg;
};

struct roll_program {
	uint16_t number, pmt_pid, pcr_pid;
	bool	 seen, video;
	struct psi_collect collect;
};

struct roll {
	struct roll_config config;
	struct ahead ahead;
	uint8_t	*buf;
	size_t	 len, size;
	size_t	 pos;			/* of it have been looked at */
	size_t	 pat_at;		/* where the last PAT begins; SIZE_MAX: gone */
	bool	 pmt_after;		/* a PMT has come behind it */
	int64_t	 held_ns, pat_t;	/* since when; the newest picture before it */
	struct ts_sync sync;
	struct psi_collect pat;
	unsigned nprogram;
	struct roll_program *program;	/* PSI_PROGRAMS_MAX */
	uint8_t	 kind[TS_NPID];		/* enum codec of video, or 0 */
	uint16_t clock[TS_NPID];	/* of those, the PCR PID */
	uint16_t pcr_pid;		/* that of the programs that count */
	uint8_t	 pat_copy[TS_PACKET], pmt_copy[ROLL_TABLES - TS_PACKET];
	unsigned npat, npmt;		/* bytes of them */
	struct epoch epoch;
	struct epoch_stream place;
	bool	 has_stamp, not_live;	/* of the next PCR */
	bool	 dated;			/* by boundary points */
	uint64_t pictures;
	uint64_t stamp;
	bool	 marked, points;	/* random_access_indicator, EBP are in use */
	bool	 began;			/* a piece has */
	int64_t	 first_t, last_t, slot, point_t;
	int64_t	 first_pts, last_pts;	/* of the source, at first_t and last_t */
	uint64_t bytes, cuts, forced;	/* forced: without a random access point */
};

int roll_init(struct roll *r, const struct roll_config *c);

/* Take all of it; eof: no more will come.  Call it now and then without any. */
int roll_take(struct roll *r, const uint8_t *p, size_t len, bool eof);
void roll_free(struct roll *r);

/* Of a media time: in a recording, from its beginning on; when it was; its interval. */
int64_t roll_media(const struct roll *r, int64_t t);
int64_t roll_utc_ns(const struct roll *r, int64_t t);
int64_t roll_slot(const struct roll *r, int64_t t);

#endif
