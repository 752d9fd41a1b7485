/*
 * deint.h - make interlaced pictures progressive, by bwdif of libavfilter.
 *
 * Whether a picture is interlaced is asked of the picture as well as of its flag:
 * its lines are compared with those of its neighbours in time, as idet does.  A
 * source that has shown no combing for a while is left alone whatever its flags
 * say, and one that combs is deinterlaced though its flags say progressive.
 * Until the first interlaced picture nothing is delayed; then by one picture.
 *
 * Memory   deint_put() takes the frame, deint_get() gives one.
 * Threads  Belongs to one thread.
 * Errors   -ENOMEM, -EINVAL the filter does not take this kind of picture.
 */
#ifndef ENCODE_DEINT_H
#define ENCODE_DEINT_H

#include <stdbool.h>
#include <stdint.h>

#include <libavfilter/avfilter.h>
#include <libavutil/frame.h>

#define DEINT_HISTORY	16

enum deint_verdict { DEINT_UNSURE, DEINT_PROGRESSIVE, DEINT_TOP, DEINT_BOTTOM };

struct deint {
	bool	 fields;		/* a picture for each field */
	int	 threads;
	AVFilterGraph *graph;
	AVFilterContext *in, *out;
	int	 width, height, format;
	AVFrame	 *before, *last;	/* for the comparison */
	AVFrame	 *waiting;		/* when there is no graph */
	uint8_t	 history[DEINT_HISTORY];	/* verdicts */
	unsigned pos;
	uint64_t deinterlaced;
};

void deint_init(struct deint *d, int threads);
/* False: drain, take what comes, and deint_restart() before this one. */
bool deint_fits(const struct deint *d, const AVFrame *f);
void deint_restart(struct deint *d);

/* Look at the first pictures before they come, to be right from the start. */
void deint_prime(struct deint *d, AVFrame *const *f, unsigned n);

int deint_put(struct deint *d, AVFrame *f);
AVFrame *deint_get(struct deint *d);
void deint_drain(struct deint *d);	/* then deint_get() until NULL */
void deint_free(struct deint *d);

/* By what idet looks at: is cur, between before and after, interlaced? */
enum deint_verdict deint_look(const AVFrame *before, const AVFrame *cur,
    const AVFrame *after);

#endif
