#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

#include "encode/comb.h"
#include "encode/deint.h"

#define STEP	7	/* lines between those that are looked at; odd: both fields */
#define COARSE	32	/* how many are when nothing new is expected, at least */

#define LEAN	80	/* of one picture, in thousandths: it combs */
#define MOST	200	/* what one picture counts at most */
#define FULL	1000	/* and all of them */
#define COMBS	500	/* all of them: interlaced, whatever the flags say; */
#define FLAGGED	250	/* as they say */
#define CALM	125	/* progressive, */
#define QUIET	18	/* after so many pictures; a sharp one counts three times */

void
deint_init(struct deint *d, int threads)
{
	*d = (struct deint){ .threads = threads };
}

static int
limit(int64_t v, int most)
{
	return v > most ? most : v < -most ? -most : (int)v;
}

/*
 * How much nearer in time the lines of cur are to those of the other field before
 * than to those after it, or the other way round: not at all in a progressive
 * picture, one way for the top lines and the other for the bottom ones in an
 * interlaced one.
 */
static struct deint_look
look(const AVFrame *before, const AVFrame *cur, const AVFrame *after, int first,
    int step)
{
	int64_t field[2] = { 0, 0 }, self = 0, least;
	bool deep = comb_depth(cur) > 0;
	struct deint_look l = { 0, false, false };

	for (int y = 2 + first; y < cur->height - 2; y += step) {
		const uint8_t *c = cur->data[0] + (ptrdiff_t)y * cur->linesize[0];
		const uint8_t *up = c - cur->linesize[0], *down = c + cur->linesize[0];
		int64_t b = comb_line(deep, up, down, before->data[0] +
		    (ptrdiff_t)y * before->linesize[0], cur->width);
		int64_t a = comb_line(deep, up, down, after->data[0] +
		    (ptrdiff_t)y * after->linesize[0], cur->width);
		int64_t s = comb_line(deep, up, down, c, cur->width);

		if (b * 20 < s * 21 && a * 20 < s * 21 && b * 20 > s * 19 &&
		    a * 20 > s * 19)
			continue;	/* nothing moves here */
		field[y & 1] += b;
		field[~y & 1] += a;
		self += s;
	}
	if (field[0] + field[1] == 0)
		return l;
	l.moves = true;
	least = field[0] < field[1] ? field[0] : field[1];
	l.sharp = least * 2 > self * 3;
	if (!l.sharp)		/* else what leans is patterns, such as letters */
		l.lean = limit((field[0] - field[1]) * 2000 / (field[0] + field[1]),
		    MOST);
	return l;
}

/* What is well known needs a few lines only, while they say the same. */
static struct deint_look
look_frugally(struct deint *d, const AVFrame *before, const AVFrame *cur,
    const AVFrame *after)
{
	int step = cur->height / COARSE | 1;
	bool progressive = d->state == DEINT_PROGRESSIVE && abs(d->score) <= CALM;
	bool interlaced = d->state == DEINT_INTERLACED && abs(d->score) >= COMBS;
	struct deint_look l;

	if (step > STEP && (progressive || interlaced)) {
		l = look(before, cur, after, (int)(d->looks++ * STEP % (unsigned)step),
		    step);
		if (progressive ? abs(l.lean) < LEAN :
		    d->score > 0 ? l.lean >= LEAN : l.lean <= -LEAN)
			return l;
	}
	return look(before, cur, after, 0, STEP);
}

/*
 * The lean of a single picture is noise as often as not; that of many in a row has
 * a sign only if there are fields.  Pictures in which nothing moves say nothing.
 */
static void
learn(struct deint *d, const AVFrame *before, const AVFrame *cur,
    const AVFrame *after)
{
	struct deint_look l;

	if (before->width != cur->width || after->width != cur->width ||
	    before->height != cur->height || after->height != cur->height ||
	    before->format != cur->format || after->format != cur->format)
		return;
	l = look_frugally(d, before, cur, after);
	if (!l.moves)
		return;
	d->score = limit(d->score - d->score / (l.sharp ? 6 : 16) + l.lean, FULL);
	if (abs(d->score) >= FLAGGED)
		d->quiet = 0;
	else if (d->quiet < QUIET)
		d->quiet += l.sharp ? 3 : 1;
}

static void
decide(struct deint *d, const AVFrame *f)
{
	int flagged = f->top_field_first ? d->score : -d->score;

	if (abs(d->score) >= COMBS || (f->interlaced_frame && flagged >= FLAGGED))
		d->state = DEINT_INTERLACED;
	else if (abs(d->score) <= CALM && d->quiet >= QUIET)
		d->state = DEINT_PROGRESSIVE;
}

/* Set the flags of f to what we believe, having seen what came before it. */
static void
judge(struct deint *d, AVFrame *f)
{
	if (d->before != NULL && d->last != NULL)
		learn(d, d->before, d->last, f);
	av_frame_free(&d->before);
	d->before = d->last;
	d->last = av_frame_clone(f);
	decide(d, f);
	if (d->state == DEINT_UNDECIDED)
		return;
	if (d->state == DEINT_INTERLACED && !f->interlaced_frame)
		f->top_field_first = d->score > 0;
	f->interlaced_frame = d->state == DEINT_INTERLACED;
}

static void
close_graph(struct deint *d)
{
	avfilter_graph_free(&d->graph);
	d->in = d->out = NULL;
}

static int
open_graph(struct deint *d, const AVFrame *f)
{
	char args[128], mode[64];
	AVFilterContext *bwdif;

	d->graph = avfilter_graph_alloc();
	if (d->graph == NULL)
		return -ENOMEM;
	d->graph->nb_threads = d->threads;
	snprintf(args, sizeof(args), "video_size=%dx%d:pix_fmt=%d:time_base=1/90000:"
	    "pixel_aspect=%d/%d", f->width, f->height, f->format,
	    f->sample_aspect_ratio.num, f->sample_aspect_ratio.den > 0 ?
	    f->sample_aspect_ratio.den : 1);
	snprintf(mode, sizeof(mode), "mode=send_%s:parity=auto:deint=interlaced",
	    d->fields ? "field" : "frame");
	if (avfilter_graph_create_filter(&d->in, avfilter_get_by_name("buffer"), "in",
	    args, NULL, d->graph) < 0 ||
	    avfilter_graph_create_filter(&bwdif, avfilter_get_by_name("bwdif"), "bwdif",
	    mode, NULL, d->graph) < 0 ||
	    avfilter_graph_create_filter(&d->out, avfilter_get_by_name("buffersink"),
	    "out", NULL, NULL, d->graph) < 0 ||
	    avfilter_link(d->in, 0, bwdif, 0) < 0 ||
	    avfilter_link(bwdif, 0, d->out, 0) < 0 ||
	    avfilter_graph_config(d->graph, NULL) < 0) {
		close_graph(d);
		return -EINVAL;
	}
	d->width = f->width;
	d->height = f->height;
	d->format = f->format;
	return 0;
}

int
deint_put(struct deint *d, AVFrame *f)
{
	int err = 0;

	if (!d->judged)
		judge(d, f);
	d->deinterlaced += f->interlaced_frame != 0;
	if (d->graph == NULL && f->interlaced_frame)
		err = open_graph(d, f);
	if (d->graph == NULL) {
		av_frame_free(&d->waiting);
		d->waiting = f;
		return err;
	}
	if (av_buffersrc_add_frame(d->in, f) < 0)
		err = -ENOMEM;
	av_frame_free(&f);
	return err;
}

AVFrame *
deint_get(struct deint *d)
{
	AVFrame *f = d->waiting;
	AVRational tb;

	d->waiting = NULL;
	if (f != NULL || d->graph == NULL)
		return f;
	f = av_frame_alloc();
	if (f == NULL || av_buffersink_get_frame(d->out, f) < 0) {
		av_frame_free(&f);
		return NULL;
	}
	tb = av_buffersink_get_time_base(d->out);
	f->pts = av_rescale_q(f->pts, tb, (AVRational){ 1, 90000 });
	f->interlaced_frame = 0;
	return f;
}

void
deint_drain(struct deint *d)
{
	if (d->graph != NULL && av_buffersrc_add_frame(d->in, NULL) < 0)
		close_graph(d);
}

void
deint_free(struct deint *d)
{
	close_graph(d);
	av_frame_free(&d->before);
	av_frame_free(&d->last);
	av_frame_free(&d->waiting);
}

bool
deint_fits(const struct deint *d, const AVFrame *f)
{
	return d->graph == NULL || (d->width == f->width && d->height == f->height &&
	    d->format == f->format);
}

void
deint_restart(struct deint *d)
{
	close_graph(d);
}

void
deint_prime(struct deint *d, AVFrame *const *f, unsigned n)
{
	for (unsigned i = 1; i + 1 < n; i++)
		learn(d, f[i - 1], f[i], f[i + 1]);
}
