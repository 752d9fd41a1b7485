#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/pixdesc.h>

#include "encode/deint.h"

#define STEP	7	/* lines between those that are looked at; odd: both fields */
#define RUN	16	/* samples */

void
deint_init(struct deint *d, int threads)
{
	*d = (struct deint){ .threads = threads };
}

/*
 * Sum over a line of |above + below - 2 * middle|, but for its last few samples: in
 * runs of a length that is known, which compilers turn into vectors.
 */
static int64_t
line8(const uint8_t *above, const uint8_t *below, const uint8_t *middle, int w)
{
	int sum = 0;

	for (; w >= RUN; w -= RUN, above += RUN, below += RUN, middle += RUN)
		for (int x = 0; x < RUN; x++)
			sum += abs(above[x] + below[x] - 2 * middle[x]);
	return sum;
}

static int64_t
line16(const uint8_t *above, const uint8_t *below, const uint8_t *middle, int w)
{
	const uint16_t *a = (const void *)above, *b = (const void *)below;
	const uint16_t *m = (const void *)middle;
	int64_t sum = 0;

	for (; w >= RUN; w -= RUN, a += RUN, b += RUN, m += RUN)
		for (int x = 0; x < RUN; x++)
			sum += abs(a[x] + b[x] - 2 * m[x]);
	return sum;
}

enum deint_verdict
deint_look(const AVFrame *before, const AVFrame *cur, const AVFrame *after)
{
	const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(cur->format);
	int64_t field[2] = { 0, 0 }, self = 0, least;
	bool deep = desc != NULL && desc->comp[0].depth > 8;
	int64_t (*line)(const uint8_t *, const uint8_t *, const uint8_t *, int) =
	    deep ? line16 : line8;

	if (before->width != cur->width || after->width != cur->width ||
	    before->height != cur->height || after->height != cur->height ||
	    before->format != cur->format || after->format != cur->format)
		return DEINT_UNSURE;
	for (int y = 2; y < cur->height - 2; y += STEP) {
		const uint8_t *c = cur->data[0] + (ptrdiff_t)y * cur->linesize[0];
		const uint8_t *up = c - cur->linesize[0], *down = c + cur->linesize[0];
		int64_t b = line(up, down, before->data[0] +
		    (ptrdiff_t)y * before->linesize[0], cur->width);
		int64_t a = line(up, down, after->data[0] +
		    (ptrdiff_t)y * after->linesize[0], cur->width);
		int64_t s = line(up, down, c, cur->width);

		if (b * 20 < s * 21 && a * 20 < s * 21 && b * 20 > s * 19 &&
		    a * 20 > s * 19)
			continue;	/* nothing moves here */
		field[y & 1] += b;
		field[~y & 1] += a;
		self += s;
	}
	least = field[0] < field[1] ? field[0] : field[1];
	if (least * 2 > self * 3)
		return DEINT_PROGRESSIVE;
	if (least * 100 > self * 115)
		return DEINT_UNSURE;
	if (field[0] * 100 > field[1] * 110)
		return DEINT_TOP;
	return field[1] * 100 > field[0] * 110 ? DEINT_BOTTOM : DEINT_UNSURE;
}

static unsigned
count(const struct deint *d, enum deint_verdict v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DEINT_HISTORY; i++)
		n += d->history[i] == v;
	return n;
}

/* Set the flag of f to what we believe, having seen what came before it. */
static void
judge(struct deint *d, AVFrame *f)
{
	unsigned progressive, top, bottom;

	if (d->before != NULL && d->last != NULL)
		d->history[d->pos++ % DEINT_HISTORY] =
		    (uint8_t)deint_look(d->before, d->last, f);
	av_frame_free(&d->before);
	d->before = d->last;
	d->last = av_frame_clone(f);
	progressive = count(d, DEINT_PROGRESSIVE);
	top = count(d, DEINT_TOP);
	bottom = count(d, DEINT_BOTTOM);
	if (f->interlaced_frame) {
		f->interlaced_frame = top + bottom > 0 || progressive < 8;
	} else if (top + bottom >= 4 && top + bottom > progressive &&
	    (top > 3 * bottom || bottom > 3 * top)) {
		/* One parity all along: combing, not noise. */
		f->interlaced_frame = 1;
		f->top_field_first = top > bottom;
	}
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
		d->history[d->pos++ % DEINT_HISTORY] =
		    (uint8_t)deint_look(f[i - 1], f[i], f[i + 1]);
}
