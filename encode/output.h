/*
 * output.h - what the encoders make, merged by decoding time into one stream.
 *
 * A ladder as mts(7) says: a program for each rung, all of them with the same
 * audio and data.  A stream appears in the tables with its first unit.  The
 * writer waits until every stream that is required has something, so units leave
 * in order; a stream that is not required goes along when it is due.
 *
 * Units    90 kHz ticks of media time; rates in bit/s.
 * Memory   Units are copied.  What waits is bounded: output_put() blocks while
 *          the reader of stdout is slow, never while the writer waits for it.
 * Threads  Any thread may put; one of the output's own writes.
 */
#ifndef ENCODE_OUTPUT_H
#define ENCODE_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/epoch.h"
#include "lib/media/timeline.h"
#include "lib/media/tscbr.h"
#include "lib/media/tsmux.h"

#define OUTPUT_LIMIT	(48u << 20)	/* bytes that may wait */

struct output_unit {
	struct output_unit *next;
	int64_t	pts, dts;
	bool	random_access, section, has_ebp, jump;
	struct ebp ebp;
	size_t	len;
	uint8_t	data[];
};

struct output_stream {
	/* By the caller, before the first unit: */
	uint16_t pid;
	uint8_t	 stream_type, stream_id;
	int	 program;		/* -1: in all of them */
	uint64_t max_rate;		/* 0: not said */
	uint64_t buffer;		/* of a decoder, in bytes; 0: the usual one */
	size_t	 desc_len;
	uint8_t	 desc[256];
	bool	 wants_cuei;		/* the programs get its registration */
	bool	 audio;
	/* private: */
	bool	 used, required, ended;
	struct tsmux_stream *mux;
	struct output_unit *head, **tail;
	uint64_t units, bytes;
	int64_t	 segment;		/* of the last mark */
	int64_t	 window_dts, last_dts;
	uint64_t window_bytes, rate;	/* of about the last 2 s */
};

struct output {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t	changed;
	unsigned nprogram, nstream;
	struct output_stream stream[TSMUX_STREAMS];
	uint16_t pcr_pid;
	size_t	 waiting;		/* bytes */
	bool	 starving, held, live, finished, listed;
	bool	 eager;			/* pictures do not wait for sound, once it is listed */
	struct grid marks;		/* of audio; pictures 0: none */
	const struct epoch *epoch;
	struct tsmux mux;
	uint64_t mux_rate;		/* bit/s; 0: as much as there is */
	struct tscbr cbr;
	uint64_t cbr_late, cbr_dropped, cbr_nulls;	/* of it, under the lock */
	int64_t	 told_ns;		/* when it was last said that it is too little */
};

/* Nothing is written before output_release(); live: media time is that of a clock. */
void output_init(struct output *o, unsigned programs, bool eager);

/* Then: a constant rate, units leaving up to delay before they are decoded. */
void output_constant(struct output *o, uint64_t mux_rate, int64_t delay_90k);
void output_release(struct output *o, bool live);

/*
 * There is no video: the segments of this grid are marked on audio.  Dates are
 * those of epoch (NULL: not live), which belongs to the thread that puts audio.
 */
void output_mark(struct output *o, struct grid grid, const struct epoch *epoch);

/* Add a stream, from the reading thread; then fill in its upper half. */
struct output_stream *output_add(struct output *o, bool required);

/* Wait for this stream no more (until its next unit), or again. */
void output_require(struct output *o, struct output_stream *s, bool required);
void output_end(struct output *o, struct output_stream *s);

/* A unit with a copy of data, or with room for it if that is NULL. */
struct output_unit *output_unit_new(const void *data, size_t len);
void output_put(struct output *o, struct output_stream *s, struct output_unit *u);

/* All streams have ended: write what is left.  Returns when it is written. */
void output_finish(struct output *o);

/* Bytes that wait, and the rate of a stream: for the status line. */
size_t output_waiting(struct output *o);
uint64_t output_rate(struct output *o, const struct output_stream *s);

#endif
