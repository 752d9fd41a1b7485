/* The start of a ladder: what each rung is, where its pictures come from. */
#include <stdio.h>
#include <unistd.h>

#include <libavutil/mastering_display_metadata.h>

#include "encode/ladder.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

#define REORDER		2	/* pictures: the most that the encoders make */
#define COMMON_LEAST	10	/* pictures a second that are still close together */

static struct rational
rung_rate(const struct rung_spec *r, struct rational source)
{
	if (r->half)
		return rational_reduce(source.num, source.den * 2);
	return r->fps.num > 0 ? r->fps : source;
}

/* Its pictures are coded here. */
static bool
is_coded(const struct ladder *l, unsigned i)
{
	return &l->rung[i] != l->copied;
}

struct rational
ladder_rate(const struct options *o, struct rational source)
{
	struct rational best = { 0, 1 };

	for (unsigned i = 0; i < o->nrung; i++) {
		struct rational r = rung_rate(&o->rung[i], source);

		if (r.num * best.den > best.num * r.den)
			best = r;
	}
	return best;
}

static void
set_hdr(struct coder_format *f, const AVFrame *first)
{
	const AVFrameSideData *d;

	d = av_frame_get_side_data(first, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
	if (d != NULL) {
		const AVContentLightMetadata *c = (const void *)d->data;

		f->max_cll = c->MaxCLL;
		f->max_fall = c->MaxFALL;
	}
	d = av_frame_get_side_data(first, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
	if (d != NULL) {
		const AVMasteringDisplayMetadata *m = (const void *)d->data;
		int c[4][2];

		for (int i = 0; i < 4; i++)
			for (int j = 0; j < 2; j++) {
				AVRational q = i < 3 ? m->display_primaries[i][j] :
				    m->white_point[j];

				c[i][j] = q.den > 0 ? (int)rescale_near(q.num, 50000,
				    q.den) : 0;
			}
		if (m->has_primaries && m->has_luminance && m->max_luminance.den > 0 &&
		    m->min_luminance.den > 0)
			snprintf(f->mastering, sizeof(f->mastering),
			    "G(%d,%d)B(%d,%d)R(%d,%d)WP(%d,%d)L(%lld,%lld)",
			    c[1][0], c[1][1], c[2][0], c[2][1], c[0][0], c[0][1],
			    c[3][0], c[3][1],
			    (long long)rescale_near(m->max_luminance.num, 10000,
			    m->max_luminance.den),
			    (long long)rescale_near(m->min_luminance.num, 10000,
			    m->min_luminance.den));
	}
}

/* Eight bits are not enough for HDR; with ten it stays unless SDR is asked for. */
static enum light
set_colors(struct rung *r, const AVFrame *first)
{
	struct coder_format *f = &r->worker.format;
	enum light light = color_light(first);

	if (light != LIGHT_SDR && (r->worker.spec->color == RUNG_SDR ||
	    (r->worker.spec->color == RUNG_AUTO && f->format == AV_PIX_FMT_YUV420P))) {
		f->primaries = AVCOL_PRI_BT709;
		f->transfer = AVCOL_TRC_BT709;
		f->matrix = AVCOL_SPC_BT709;
		return LIGHT_SDR;
	}
	f->primaries = (int)first->color_primaries;
	f->transfer = (int)first->color_trc;
	f->matrix = (int)first->colorspace;
	if (light == LIGHT_PQ)
		set_hdr(f, first);
	return light;
}

/* Threads for one encoder: on few processors the rungs themselves are enough. */
static int
threads_for(const struct rung_spec *r)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (r->threads > 0)
		return r->threads;
	return n <= 2 ? 1 : n < 16 ? (int)n / 2 : 8;
}

/* At least one in any time but 0. */
static int64_t
pictures_in(int64_t ns, struct rational rate)
{
	int64_t n = rescale_near(ns, rate.num, rate.den * CLK_SECOND);

	return ns > 0 && n == 0 ? 1 : n;
}

/* So many segments of the grid have n pictures of that rate, wherever they begin. */
static int64_t
segments_with(int64_t n, struct rational rate, const struct grid *g)
{
	int64_t one = rate.num * g->pictures * g->rate.den;

	return (n * rate.den * g->rate.num + one - 1) / one;
}

static void
start_rung(struct ladder *l, struct rung *r, const AVFrame *first,
    struct rational source, int64_t k)
{
	const struct rung_spec *s = r->worker.spec;
	struct coder_format *f = &r->worker.format;
	struct rational sar = {
		first->sample_aspect_ratio.num, first->sample_aspect_ratio.den,
	};
	enum light light;
	bool limited;
	int err, x, y;

	f->format = coder_pixels(s, first->format);
	f->rate = rung_rate(s, source);
	f->threads = threads_for(s);
	f->timecode = l->label.mode != LABEL_NONE;
	light = set_colors(r, first);
	if (s->crop.w > 0 && !crop_place(&s->crop, first->width, first->height, &x, &y))
		fatal(EXIT_USAGE, 0, "rung '%s': its crop is not within %dx%d", s->text,
		    first->width, first->height);
	size_fit(&s->size, s->crop.w > 0 ? s->crop.w : first->width, s->crop.w > 0 ?
	    s->crop.h : first->height, sar, &f->width, &f->height, &limited);
	if (s->fit != FIT_INSIDE) {
		f->width = (s->size.box_w + 1) / 2 * 2;
		f->height = (s->size.box_h + 1) / 2 * 2;
	}
	if (limited)
		log_warn(0, "rung '%s': the source is smaller, coded as %dx%d", s->text,
		    f->width, f->height);
	r->worker.grid = grid_make(f->rate, l->opt->segment_ns);
	r->worker.shared = segments_with(WORKER_RENEW, f->rate, &l->grid);
	r->worker.gop = pictures_in(s->gop_ns, f->rate);
	r->part = pictures_in(l->opt->part_ns, f->rate);
	r->next_k = grid_picture(&r->worker.grid, grid_time(&l->grid, k));
	r->segment = INT64_MIN;
	r->fresh = true;
	scaler_init(&r->scaler, f->width, f->height, f->format);
	recolor_init(&r->recolor, f->width, f->height, f->format, light);
	r->scaler.fill = r->recolor.to_size.fill = s->fit == FIT_CROP;
	overlay_rung(&l->overlay, (unsigned)(r - l->rung), &(struct paint_ground){
		.width = f->width, .height = f->height,
		.deep = f->format == AV_PIX_FMT_YUV420P10, .matrix = f->matrix,
	}, light);
	ccfifo_init(&r->captions, f->rate, f->rate.num == l->coded.num &&
	    f->rate.den == l->coded.den);
	err = worker_start(&r->worker);
	if (err < 0)
		fatal(EXIT_USAGE, 0, "the encoder refuses rung '%s' at %dx%d", s->text,
		    f->width, f->height);
	log_info("rung '%s': %dx%d %lld/%lld fps%s", s->text, f->width, f->height,
	    (long long)f->rate.num, (long long)f->rate.den, light != LIGHT_SDR ? ", HDR" :
	    color_light(first) != LIGHT_SDR ? ", made SDR" : "");
}

static bool
same_part(const struct rung_spec *a, const struct rung_spec *b)
{
	return a->crop.w == b->crop.w && a->crop.h == b->crop.h && a->crop.x == b->crop.x &&
	    a->crop.y == b->crop.y;
}

/* Largest first, and for each the smallest before it that is not smaller. */
static void
plan_cascade(struct ladder *l)
{
	for (unsigned i = 0; i < l->nrung; i++) {
		unsigned j = l->ncoded;

		if (!is_coded(l, i))
			continue;
		for (; j > 0; j--) {
			const struct coder_format *a = &l->rung[l->order[j - 1]].worker.format;
			const struct coder_format *b = &l->rung[i].worker.format;

			if ((int64_t)a->width * a->height >= (int64_t)b->width * b->height)
				break;
			l->order[j] = l->order[j - 1];
		}
		l->order[j] = i;
		l->ncoded++;
	}
	for (unsigned i = 0; i < l->ncoded; i++) {
		struct rung *r = &l->rung[l->order[i]];
		const struct coder_format *own = &r->worker.format;

		r->parent = -1;
		for (unsigned j = i; j-- > 0 && r->parent < 0;) {
			const struct coder_format *p = &l->rung[l->order[j]].worker.format;
			const struct rung_spec *s = l->rung[l->order[j]].worker.spec;

			/* 8 bits are not enough to make 10 of, nor SDR for HDR, and what has
			 * bars or lacks sides is not the source, but of the same part. */
			if (s->fit == FIT_INSIDE && same_part(s, r->worker.spec) &&
			    p->width >= own->width && p->height >= own->height &&
			    (p->format == own->format || own->format == AV_PIX_FMT_YUV420P) &&
			    (r->recolor.to == LIGHT_SDR ||
			    l->rung[l->order[j]].recolor.to != LIGHT_SDR))
				r->parent = (int)l->order[j];
		}
	}
}

static int64_t
gcd(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/*
 * All rungs count their pictures from the same instant, so what they have in common is
 * the greatest rate that divides all of theirs: of 50 and 25 each second one of 50, of
 * 30 and 25 each sixth of 30.  Too few of these are no use; then it is the master's.
 */
static void
find_common(struct ladder *l)
{
	struct rational rate = l->grid.rate, slowest = rate;

	for (unsigned i = 0; i < l->nrung; i++) {
		struct rational r = l->rung[i].worker.format.rate;

		if (!is_coded(l, i))
			continue;
		if (r.num * slowest.den < slowest.num * r.den)
			slowest = r;
		if (rate.num >= COMMON_LEAST * rate.den)
			rate = rational_reduce(gcd(rate.num * r.den, r.num * rate.den),
			    rate.den * r.den);
	}
	if (rate.num < COMMON_LEAST * rate.den)
		rate = l->grid.rate;
	l->common = grid_make(rate, l->opt->segment_ns);
	l->reorder = rescale_near(REORDER * 90000, slowest.den, slowest.num);
}

/* What layers are measured by. */
static void
set_source(struct ladder *l, const AVFrame *first)
{
	const struct size_spec as_it_is = { .lines = 0 };
	struct rational sar = {
		first->sample_aspect_ratio.num, first->sample_aspect_ratio.den,
	};
	bool limited;
	int w, h;

	size_fit(&as_it_is, first->width, first->height, sar, &w, &h, &limited);
	overlay_source(&l->overlay, w, h);
}

void
ladder_start(struct ladder *l, const AVFrame *first, struct rational source,
    struct grid grid, int64_t k, int64_t phase, bool live)
{
	l->grid = grid;
	l->phase = phase;
	l->live = live;
	set_source(l, first);
	label_start(&l->label, l->coded, grid_time(&grid, k), live);
	for (unsigned i = 0; i < l->nrung; i++)
		if (is_coded(l, i))
			start_rung(l, &l->rung[i], first, source, k);
	plan_cascade(l);
	find_common(l);
	if (l->copied == NULL)
		return;
	l->copied->worker.format = (struct coder_format){
		.width = (int)l->copy.video.format.width,
		.height = (int)l->copy.video.format.height, .rate = source,
	};
	copy_start(&l->copy, &l->grid, phase, l->ncoded == 0, source,
	    pictures_in(l->opt->part_ns, source));
	if (l->copy.reorder > l->reorder)
		l->reorder = l->copy.reorder;
}

void
ladder_source_rate(struct ladder *l, struct rational source)
{
	for (unsigned i = 0; i < l->ncoded; i++) {
		struct rung *r = &l->rung[l->order[i]];
		const struct rational rate = r->worker.format.rate;

		ccfifo_init(&r->captions, rate, rate.num == source.num && rate.den == source.den);
	}
}
