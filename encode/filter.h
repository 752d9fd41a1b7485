/*
 * filter.h - what is done to the pictures of the source before the rungs: cut, turned,
 * freed of noise, and any chain of libavfilter.
 *
 * A picture goes in, and one comes out, at once or some pictures later.  Without anything
 * to do it passes.
 *
 * Spec     Display orientation SEI (H.264 D.1.27, H.265 D.2.17), as libavutil's display
 *          matrix.
 * Units    90 kHz.
 * Memory   filter_free() gives all back.
 * Threads  Belongs to the reading thread; libavfilter may have some of its own.
 * Errors   -EINVAL the chain does not take such pictures, -ENOMEM.
 */
#ifndef ENCODE_FILTER_H
#define ENCODE_FILTER_H

#include <stdbool.h>

#include <libavfilter/avfilter.h>
#include <libavutil/frame.h>

#include "encode/size.h"
#include "lib/base/rational.h"

enum turn { TURN_AUTO, TURN_NONE, TURN_90, TURN_180, TURN_270 };

struct filter_spec {
	struct crop_spec crop;
	enum turn turn;			/* clockwise; auto: as the picture says itself */
	int	 denoise;		/* 0 to 3 */
	const char *chain;		/* or NULL */
};

struct filter {
	const struct filter_spec *spec;
	int	 threads;
	AVFilterGraph *graph;		/* NULL: pictures pass */
	AVFilterContext *in, *out;
	AVFrame	 *waiting;		/* when there is no graph */
	bool	 open;			/* for pictures like this one: */
	int	 width, height, format;
	AVRational sar;
	char	 turned[32];		/* what turning they need, as filters */
	bool	 told;			/* that it does not fit */
};

/* Is it one that libavfilter knows, with one picture in and one out? */
bool filter_known(const char *chain);

void filter_init(struct filter *f, const struct filter_spec *spec, int threads);

/* A picture like what becomes of this one, without samples; NULL: there is none. */
AVFrame *filter_shape(struct filter *f, const AVFrame *first, struct rational rate);

/* Before another kind of picture comes, what there is has to be taken. */
bool filter_fits(const struct filter *f, const AVFrame *in);
void filter_put(struct filter *f, AVFrame *in, struct rational rate);	/* takes */
AVFrame *filter_get(struct filter *f);
void filter_drain(struct filter *f);	/* then filter_get() until NULL, and again */
void filter_restart(struct filter *f);
void filter_free(struct filter *f);

#endif
