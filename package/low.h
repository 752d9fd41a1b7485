/*
 * low.h - low latency: parts of a segment, made as soon as their last access unit is
 * there, into an object that grows.
 *
 * A part is one CMAF chunk.  Pictures are counted: a part ends where so many have
 * passed since the segment began.  Sound follows by time, with whole frames, so that
 * its parts end where those of the picture do; where frames are too long for that,
 * each part has the same number of them.
 *
 * When nothing comes for a while what is open is closed, and whole segments of the grid
 * pass as gaps.
 *
 * Spec     ISO/IEC 23000-19 7.3.2.3 (chunks); 14496-12 8.16.5 (prft);
 *          draft-pantos-hls-rfc8216bis 4.4.4.9.
 * Units    90 kHz for pictures, else ticks of the sample rate.
 * Memory   Pieces are given to the sink.
 * Errors   -ENOMEM and what the sink returns.
 */
#ifndef LOW_H
#define LOW_H

#include "package/pack.h"

struct low {				/* of a track */
	struct sink_item *item;		/* NULL: nothing has come for this segment */
	size_t	 cut;			/* what is below belongs to this one */
	bool	 begun;			/* that segment */
	bool	 closed;		/* it ends, and nothing can be added */
	uint32_t timescale;
	int64_t	 max;			/* a part is not longer */
	int64_t	 picture;		/* lasts so long, 90 kHz */
	int64_t	 time;			/* where the next sample is decoded */
	int64_t	 start, last_dts;	/* of the segment; of the last sample, source */
	int64_t	 from;			/* t from which boundaries count, */
	unsigned boundary;		/* and where the part ends that is being made */
	unsigned nid;			/* events that have been told in this segment */
	uint32_t id[CUE_EMSG_MAX];
};

/* A segment that begins with a cut. */
void low_begin(struct pack *p, struct segment *s, const struct cut *cut);

/* Make parts of one track.  1: its segment has ended, look again; 0, or negative. */
int low_run(struct pack *p, struct track *t, unsigned index, bool eof);

/* low.c, for lowgap.c: parts of the first n samples, of which an ended segment's last
 * need not be whole; how many samples are surely of a segment; the end of its object. */
int low_put(struct pack *p, struct track *t, unsigned index, struct pack_segment *m,
    const struct cut *cut, const struct cut *next, size_t n, bool ended);
size_t low_settled(const struct pack *p, const struct track *t, const struct cut *cut,
    const struct cut *next, bool eof, size_t *good);
int low_close(struct pack *p, struct track *t, unsigned index, struct pack_segment *m);

/* Has nothing come for too long?  To be called now and then. */
int low_idle(struct pack *p);

/* From the arrival of a part's last access unit to when it was written. */
void low_stats(const struct pack *p, json_t *j);

#endif
