/*
 * deint.h - make interlaced pictures progressive, by bwdif of libavfilter.
 *
 * Whether a picture is interlaced is asked of the picture as well as of its flag:
 * its lines are compared with those of its neighbours in time, as idet does, and
 * what many pictures say is added up.  A source that does not comb is left alone
 * whatever its flags say, one that combs is deinterlaced though its flags say
 * progressive, and while neither is known the flags are believed.
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

enum deint_state { DEINT_UNDECIDED, DEINT_PROGRESSIVE, DEINT_INTERLACED };

struct deint_look {
	int	 lean;		/* thousandths; > 0 top field first */
	bool	 moves, sharp;	/* with sense; finer than any two fields are together */
};

struct deint {
	bool	 fields;		/* a picture for each field */
	bool	 judged;		/* by the caller: the flags are right */
	int	 threads;
	AVFilterGraph *graph;
	AVFilterContext *in, *out;
	int	 width, height, format;
	AVFrame	 *before, *last;	/* for the comparison */
	AVFrame	 *waiting;		/* when there is no graph */
	enum deint_state state;
	int	 score;			/* the leans of the pictures, fading */
	unsigned quiet;			/* pictures without one */
	unsigned looks;
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

#endif
