/*
 * remux.h - the tracks of a piece: its samples, one file each, and what tables need.
 *
 * A piece begins with the random access point of its time, and all tracks with what is
 * shown from then on.  In the stream that lies a moment before and after the place where
 * its bytes are cut, so the end of the piece before is read, too, and the beginning of
 * the next one.  What is near a cut belongs to one side of it by its time alone: of two
 * pieces that follow each other, none has a sample twice, and none is lost.
 *
 * Spec     ISO/IEC 14496-15 (samples), SCTE 214-3 (cues as events).
 * Units    time: of the source modulo 2^33, 90 kHz; t: media time, 90 kHz.
 * Memory   remux_free() gives all back, the files too.  Samples' bytes are on disk, 112
 *          bytes of each in memory.
 * Threads  Belongs to one thread.
 * Errors   -ENOMEM, and those of writing.
 */
#ifndef ENCODE_REMUX_H
#define ENCODE_REMUX_H

#include "lib/media/mp4.h"
#include "lib/media/track.h"

#define REMUX_TRACKS	64
#define REMUX_CONFIGS	64		/* of a track, in one piece */
#define REMUX_CUES	(1u << 16)	/* of a piece: more are counted */
#define REMUX_BASES	64		/* jumps of the source's clock, and one */
#define REMUX_NEAR	(INT64_C(10) * 90000)	/* a cut: time decides, not place */

struct remux_cut {
	bool	 known;
	bool	 forced;		/* without a random access point */
	bool	 open;			/* nothing is on its other side: all is kept */
	int64_t	 time;
};

enum remux_phase { REMUX_BEFORE, REMUX_PIECE, REMUX_AFTER };

struct remux_config {
	uint16_t program;		/* 0: all that have the first one's clock */
	struct remux_cut begin, end;
	int64_t	 t;			/* media time of the beginning */
	bool	 not_before_0;		/* nothing is decoded before it */
	bool	 torn;			/* its last bytes may not be a whole picture's */
	int	 dir;			/* where files can be */
};

struct remux_track {
	struct track track;
	uint64_t programs;		/* bit: index in the demultiplexer */
	int	 fd;			/* bytes of its samples */
	bool	 begun, ended, seen;
	int64_t	 first_pts;		/* of what has come */
	uint32_t lost_config;		/* versions that there was no room for */
	bool	 has_next;
	struct sample next;		/* the one behind the piece */
	unsigned nconfig;
	struct config *config;		/* sample.config counts these from 0 */
	size_t	 kept;			/* samples that are the piece's */
	size_t	 buffered;		/* bytes of them that are not written */
	/* remux_end(): */
	struct mp4_sample *sample;
	int64_t	 start;			/* t when the first is decoded, in its timescale */
	int64_t	 delay;			/* and by how much it is shown later */
};

struct remux_cue {
	int64_t	 at, pts;		/* when it came; of the event, or PES_NO_TIME */
	uint32_t base, id, duration;	/* UINT32_MAX: not said */
	enum codec codec;
	size_t	 len;
	uint8_t	*p;			/* the whole section, or tag */
};

struct remux {
	struct remux_config config;
	enum remux_phase phase;
	struct tsdemux demux;
	struct bases bases;
	uint64_t chosen;		/* programs */
	unsigned ntrack, ncue, cue_room;
	uint64_t left_cues;		/* for which there was no room */
	struct remux_track *track[REMUX_TRACKS];
	struct remux_cue *cue;
	bool	 has_origin;
	uint32_t origin_base;
	int64_t	 origin;		/* of the source, unwrapped: t of the config */
	int64_t	 now;			/* the clock, unwrapped, or PES_NO_TIME */
	unsigned nbase;
	struct remux_base {
		uint32_t id;
		int64_t	 offset;	/* t is the source's time and this */
	} base[REMUX_BASES];
	uint64_t left_out;		/* streams of codecs that have no place, */
	bool	 left_video;		/* one of them with pictures */
	unsigned left_programs;		/* of another clock */
	enum codec left_codec;
	uint8_t	*buf;
	size_t	 len, size;
};

int remux_init(struct remux *m, const struct remux_config *c);
void remux_free(struct remux *m);

/* Bytes of this phase. */
int remux_take(struct remux *m, enum remux_phase phase, const uint8_t *p, size_t len);

/* Has all that belongs to the piece come? */
bool remux_full(const struct remux *m);

/* Make the tables.  eof: nothing follows what has come. */
int remux_end(struct remux *m, bool eof);

/* Media time of a time of the source, after remux_end(). */
int64_t remux_time(const struct remux *m, uint32_t base, int64_t pts);

/* remuxtimes.c */
int remux_tables(struct remux *m);

#endif
