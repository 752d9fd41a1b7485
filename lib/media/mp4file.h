/*
 * mp4file.h - the header of an MP4 file without fragments: all samples are in its
 * tables, and it is in front of them, so that a player can begin with what has come.
 *
 * Spec     ISO/IEC 14496-12 8.1 to 8.7; sample entries as in mp4mux.h; 23001-18
 *          (evte: tracks of KIND_DATA).
 * Shape    ftyp moov, and the header of one mdat box: the media, chunk after chunk as
 *          the offsets say, is the caller's to write behind it.
 * Units    Each track's own timescale (that of its first description); offsets in the
 *          media; created: ns since 1970.
 * Memory   Nothing allocates; all is borrowed.
 * Threads  Pure functions.
 * Errors   -ENOSPC, -ENOTSUP a codec that has no place.
 */
#ifndef MP4FILE_H
#define MP4FILE_H

#include "lib/media/mp4.h"

#define MP4FILE_TIMESCALE	90000	/* of the movie, and of events */

struct mp4file_chunk {
	uint64_t offset;
	uint32_t n;			/* samples, one after the other */
	uint32_t desc;			/* index of their description */
};

struct mp4file_track {
	enum codec_kind kind;		/* KIND_DATA: events, of one description */
	const struct mp4_track *desc;
	unsigned ndesc;
	const struct mp4_sample *sample;	/* duration, cts, len, sync */
	size_t	 n;
	const struct mp4file_chunk *chunk;
	size_t	 nchunk;
	int64_t	 start;			/* when the first is decoded: before 0, where the */
					/* presentation begins, is not shown */
};

struct mp4file {
	const struct mp4file_track *track;
	unsigned n;
	uint64_t media_len;
	int64_t	 created_ns;		/* 0: not said */
};

/* Room that is enough for mp4file_put(). */
size_t mp4file_max(const struct mp4file *f);

/* All before the media.  Returns its length. */
int64_t mp4file_put(const struct mp4file *f, uint8_t *p, size_t size);

/* A sample of an event track (23001-18 6): a message, or none. */
int mp4file_event_put(const struct mp4_emsg *e, int64_t delta, uint8_t *p, size_t size);

#endif
