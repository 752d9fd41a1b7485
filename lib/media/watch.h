/*
 * watch.h - what is to be seen and heard: black and frozen pictures, silence, loudness,
 * picture format, captions.  Needs libavcodec; without it nothing can be watched.
 *
 * Black, frozen and silent are what ffmpeg's blackdetect, freezedetect and silencedetect
 * take for it: a picture of whose luma nearly all is nearly black; pictures that differ
 * from one before, on average over all samples, by next to nothing; samples of which none
 * is as loud as the level.
 *
 * Units    Times are the stream's PTS, in 90 kHz, unwrapped; limits in ns.  Levels in
 *          thousandths of a dB (dBFS, LUFS); parts in millionths.
 * Memory   watch_new() gives, watch_free() takes back.
 * Threads  One struct watch belongs to one thread.
 * Errors   NULL: no memory, or not built with libavcodec (watch_there()).
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_NO_LEVEL	INT64_MIN	/* nothing to measure it by */
#define WATCH_STREAMS	16		/* decoded at most */

enum watch_kind { WATCH_BLACK, WATCH_FREEZE, WATCH_SILENCE, WATCH_KINDS };

struct watch_config {
	int64_t	limit_ns[WATCH_KINDS];	/* how long it must last */
	int64_t	black_pixel, black_part;	/* of full scale; of all pixels */
	int64_t	freeze_noise;		/* mean difference, of full scale */
	int64_t	silence_level;		/* dBFS */
	bool	no_video, no_audio;	/* of these nothing is decoded */
	bool	rough;			/* pictures need not be exact: no loop filter */
	void	*arg;
	/* It has lasted so long (end_90k: till now), or it has ended. */
	void	(*event)(void *arg, uint16_t pid, enum watch_kind kind, bool ends,
		    int64_t start_90k, int64_t end_90k);
};

/* 2 s each; 10 %, 98 %; 0.1 %; -60 dB. */
void watch_config_init(struct watch_config *cfg);

struct watch_stream {
	uint16_t pid;
	bool	 video, captions, interlaced;
	uint64_t frames, errors;
	unsigned width, height, rate_num, rate_den;	/* 0: not known */
	unsigned channels, sample_rate;
	char	 codec[64];			/* "h264 High" */
	uint64_t count[WATCH_KINDS];		/* of those that have lasted so long */
	int64_t	 total_90k[WATCH_KINDS];	/* and how long in all */
	bool	 open[WATCH_KINDS];
	bool	 so[WATCH_KINDS];		/* the last frame, or its end */
	uint64_t not_so[WATCH_KINDS];		/* frames that were otherwise */
	/* EBU R 128; the last, the most. */
	int64_t	 momentary, short_term, integrated, momentary_max, short_term_max;
};

struct watch;

bool watch_there(void);			/* was it built in? */
struct watch *watch_new(const struct watch_config *cfg);
void watch_free(struct watch *w);

/* Bytes of a stream whose packets come every stride bytes. */
void watch_push(struct watch *w, size_t stride, const uint8_t *p, size_t len);
void watch_end(struct watch *w);

/* From now on decode key pictures only, or all. */
void watch_spare(struct watch *w, bool spare);

/* By place; NULL behind the last. */
const struct watch_stream *watch_stream(struct watch *w, unsigned i);

#endif
