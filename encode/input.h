/*
 * input.h - the streams of the input and what becomes of each.
 *
 * One program: its video goes to the ladder, audio tracks are coded or copied,
 * data streams pass with their times moved.  What comes before the first picture
 * is held, and dropped if it is older than that.  Streams may change, go and come.
 *
 * Memory   input_free() gives all back.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_INPUT_H
#define ENCODE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/ahead.h"
#include "encode/atrack.h"
#include "encode/blank.h"
#include "encode/cues.h"
#include "encode/epoch.h"
#include "encode/ladder.h"
#include "encode/loss.h"
#include "encode/options.h"
#include "encode/output.h"
#include "encode/vtrack.h"
#include "lib/media/tsdemux.h"

#define INPUT_STREAMS	PSI_STREAMS_MAX
#define INPUT_HOLD	(32u << 20)	/* bytes held until the first picture */

#define INPUT_TRACKS	PSI_STREAMS_MAX
#define INPUT_HAD	7		/* stream types of audio: lib/media/codec.c */

enum input_use { INPUT_NOTHING, INPUT_VIDEO, INPUT_AUDIO, INPUT_PASS, INPUT_BURN };

struct input_stream {
	enum input_use use;
	uint16_t pid;
	uint8_t	 stream_type;
	enum codec codec;
	char	 language[4];
	bool	 gone;			/* for now: it may come back on another PID */
	struct epoch_stream epoch;
	int64_t	 last_t;		/* grid time of its last unit */
	struct output_stream *out;	/* INPUT_PASS */
	/* INPUT_AUDIO: */
	unsigned order;			/* in the PMT */
	unsigned generation;		/* it is another codec or PID than before */
	uint8_t	 audio_type;
	size_t	 desc_len;
	uint8_t	 desc[256];
};

/* An audio track of the output. */
struct input_track {
	const struct audio_spec *spec;
	struct input_stream *source;	/* NULL: there is none, yet */
	unsigned generation;
	struct output_stream *out;	/* NULL: none yet, of what is copied */
	char	 language[4];		/* in the tables */
	struct atrack audio;		/* of what is coded */
	/* copied: */
	struct output_stream *had[INPUT_HAD];	/* one of each type that came */
	unsigned nhad;
	int64_t	 last_t;		/* grid time of its last unit */
	bool	 waited_for;		/* by the output */
	bool	 promised;		/* before there was a source */
};

/* What came too early. */
struct input_held {
	struct input_held *next;
	struct input_stream *stream;
	bool	 damaged, section;
	bool	 placed;		/* shift is known */
	int64_t	 t, shift;
	size_t	 len;
	uint8_t	 data[];
};

struct input {
	const struct options *opt;
	bool	 regular;		/* stdin is a regular file */
	struct ahead ahead;
	uint8_t	*buf;			/* bytes that wait */
	size_t	 len, size;
	bool	 started;		/* the output's time is decided */
	int64_t	 phase, start;		/* grid time = source time - phase */
	struct tsdemux demux;
	int	 program;		/* index in demux; -1: none yet */
	struct epoch epoch;
	struct output out;
	struct ladder ladder;
	struct vtrack video;
	struct cues cues;
	struct blank blank;
	struct loss loss;
	int64_t	 born_ns;		/* CLOCK_MONOTONIC */
	bool	 told_early;		/* why it does not begin without the source */
	bool	 told_burnt;		/* that there is nothing to burn in */
	int64_t	 sound_ns;		/* when the last audio came, CLOCK_MONOTONIC */
	struct input_stream *video_stream;	/* or NULL */
	bool	 video_off;		/* the output does not wait for video */
	int64_t	 video_t, audio_t;	/* the newest, source time */
	unsigned nstream;
	struct input_stream stream[INPUT_STREAMS];
	unsigned ntrack, sounds;	/* sounds: outputs that were made for them */
	struct input_track track[INPUT_TRACKS];
	struct input_held *held, **held_tail;
	size_t	 held_bytes;
	uint32_t version;		/* of the program's tables */
};

void input_init(struct input *in, const struct options *opt, bool regular);

/* Take all of p[0..len); eof: no more will come.  Call it now and then without any. */
void input_take(struct input *in, const uint8_t *p, size_t len, bool eof);

/* All that there was has been taken, and no more comes now: --on-loss. */
void input_idle(struct input *in);

/* When to call that next, at most after most_ns. */
int64_t input_wait(const struct input *in, int64_t most_ns);

void input_finish(struct input *in);

/* How it ended: an exit status, and if it is not 0 a message. */
int input_check(const struct input *in);
void input_free(struct input *in);

#endif
