/*
 * amix.h - the channels and the sample rate of a source to those of an output track.
 *
 * Spec     ITU-R BS.775-3 annex 4 for what has no mix of its own: centre and surround
 *          go to the front with 0.7071, the LFE is left out.
 * Units    Planar floats come out; the frames in may have any format.
 * Memory   amix_close() gives all back.
 * Threads  Belongs to the reading thread.
 */
#ifndef ENCODE_AMIX_H
#define ENCODE_AMIX_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>
#include <libswresample/swresample.h>

#include "encode/audiospec.h"

struct amix {
	const struct audio_spec *spec;
	uint64_t layout;		/* that comes out */
	SwrContext *swr;
	uint64_t in_layout;		/* 0: not known, only how many channels */
	int	 in_channels, in_rate, in_format;
};

/* Where the speakers of a frame are; 0: it has too many channels to tell. */
uint64_t amix_layout(const AVFrame *f);

/* Is it set for frames like this? */
bool amix_fits(const struct amix *m, const AVFrame *f);

/* Begin anew for frames like this.  False: it cannot be. */
bool amix_open(struct amix *m, const AVFrame *f);

/* What is inside has been taken; go on as after amix_open(). */
void amix_restart(struct amix *m);

/*
 * What comes out for this frame, or of what is inside for NULL: the number of samples,
 * at data[0] to data[channels - 1]; the caller frees data[0] with av_freep().
 */
int amix_run(struct amix *m, const AVFrame *f, uint8_t *data[static MIX_ROWS]);

/* Samples inside, counted as they come out. */
int64_t amix_delay(const struct amix *m);

/* Come out with so many more or fewer samples of the next distance. */
bool amix_compensate(struct amix *m, int samples, int distance);

void amix_close(struct amix *m);

#endif
