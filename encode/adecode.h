/*
 * adecode.h - PES payloads of a compressed audio track to frames of samples.
 *
 * Decoders make up noise, AC-3 for bits that it saved and AAC for bands that are noise, out
 * of numbers that depend on when they began.  So every two seconds of media time there is
 * a new one, which has decoded the two frames before: then samples are the same whenever
 * the program began.  Not so where a decoder has to know more than that: HE-AAC, LATM.
 *
 * Units    90 kHz media time; PES_NO_TIME: it follows what came before.
 * Memory   adecode_close() gives all back; frames are lent to the callback.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_ADECODE_H
#define ENCODE_ADECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/decode.h"
#include "lib/media/audio.h"

#define ADECODE_BEFORE	2		/* frames */
#define ADECODE_PERIOD	(2 * INT64_C(90000))

struct adecode_frame {
	uint8_t	*data;
	size_t	 len, size;
	int64_t	 pts;
};

struct adecode {
	bool	 open;
	struct audio split;		/* PES payloads to frames; not of LATM */
	bool	 splitting;
	struct decoder dec;
	bool	 simple;		/* the last frame was as long as its header says */
	struct adecode_frame before[ADECODE_BEFORE];	/* the newest last */
	unsigned nbefore;
	int64_t	 period;		/* in which the last frame began; INT64_MIN: none */
	uint64_t errors;		/* of all decoders */
	size_t	 desc_len;
	uint8_t	 desc[256];
	void	 (*take)(void *arg, AVFrame *f);
	void	*arg;
};

/* take gets each frame.  0 or as decoder_open(). */
int adecode_open(struct adecode *d, enum codec codec, const uint8_t *desc,
    size_t desc_len, void (*take)(void *arg, AVFrame *f), void *arg);

/* Returns how many frames came out; lost: something is missing before. */
unsigned adecode_unit(struct adecode *d, const uint8_t *data, size_t len, int64_t t,
    bool lost);

/* The end: what is inside comes out. */
void adecode_drain(struct adecode *d);
void adecode_close(struct adecode *d);

#endif
