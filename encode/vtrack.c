#include <stdlib.h>
#include <unistd.h>

#include "encode/vtrack.h"
#include "lib/base/log.h"

#define PROBE_ENOUGH	8	/* pictures, when the stream says its rate itself */

void
vtrack_init(struct vtrack *v, const struct options *opt, struct ladder *ladder,
    struct epoch *epoch)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	*v = (struct vtrack){
		.opt = opt, .ladder = ladder, .epoch = epoch,
		.last_t = PES_NO_TIME, .threads = n <= 2 ? 1 : n < 8 ? (int)n / 2 : 4,
	};
	deint_init(&v->deint, v->threads);
	v->deint.judged = opt->deinterlace == DEINTERLACE_FILM;
	film_init(&v->film);
	filter_init(&v->filter, &opt->filter, v->threads);
}

int64_t
vtrack_next(const struct vtrack *v)
{
	return grid_time(&v->timing.grid, v->timing.next_k);
}

static struct rational
stated_rate(const struct vtrack *v)
{
	AVRational r = v->dec.ctx->framerate;

	return (struct rational){ r.num, r.den };
}

static void
hand_on(struct vtrack *v, const AVFrame *f, int64_t k, bool gap)
{
	AVFrame *drawn = v->burn.n == 0 ? NULL : burn_frame(&v->burn, f,
	    grid_time(&v->timing.grid, k) + v->timing.phase);

	ladder_picture(v->ladder, drawn != NULL ? drawn : f, k, gap, v->epoch);
	av_frame_free(&drawn);
	v->pictures++;
}

static void
picture(struct vtrack *v, AVFrame *f)
{
	const AVFrameSideData *cc = av_frame_get_side_data(f, AV_FRAME_DATA_A53_CC);
	struct timing_plan p = timing_next(&v->timing, f->pts);

	if (!p.drop)
		for (unsigned i = 0; i < p.repeat && v->last != NULL; i++)
			hand_on(v, v->last, p.k - p.repeat + i, false);
	if (cc != NULL)
		ladder_captions(v->ladder, p.k, cc->data, cc->size);
	if (!p.drop) {
		ladder_shown(v->ladder, f->pts);
		hand_on(v, f, p.k, p.gap);
		av_frame_free(&v->last);
		v->last = f;
		return;
	}
	av_frame_free(&f);
}

static void
take_filtered(struct vtrack *v)
{
	AVFrame *f;

	while ((f = filter_get(&v->filter)) != NULL)
		picture(v, f);
}

static void
drain_filter(struct vtrack *v)
{
	filter_drain(&v->filter);
	take_filtered(v);
	filter_restart(&v->filter);
}

static void
filter_picture(struct vtrack *v, AVFrame *f)
{
	if (!filter_fits(&v->filter, f))
		drain_filter(v);
	filter_put(&v->filter, f, v->rate);
	take_filtered(v);
}

static void
take_film(struct vtrack *v)
{
	AVFrame *f;

	while ((f = film_get(&v->film)) != NULL)
		filter_picture(v, f);
}

static void
take_deinterlaced(struct vtrack *v)
{
	AVFrame *f;

	for (int i = 0; (f = deint_get(&v->deint)) != NULL; i++) {
		if (v->deint.fields && i % 2 == 1)	/* it brings nothing new */
			av_frame_remove_side_data(f, AV_FRAME_DATA_A53_CC);
		if (v->opt->deinterlace != DEINTERLACE_FILM) {
			filter_picture(v, f);
			continue;
		}
		film_put(&v->film, f);
		take_film(v);
	}
}

static void
drain_deinterlacer(struct vtrack *v)
{
	deint_drain(&v->deint);
	take_deinterlaced(v);
	deint_restart(&v->deint);
	film_drain(&v->film);
	take_film(v);
}

static void
deinterlace(struct vtrack *v, AVFrame *f)
{
	if (v->opt->deinterlace == DEINTERLACE_NONE) {
		filter_picture(v, f);
		return;
	}
	if (v->opt->deinterlace == DEINTERLACE_FILM)
		f = film_match(&v->film, f);
	if (!deint_fits(&v->deint, f)) {
		deint_drain(&v->deint);
		take_deinterlaced(v);
		deint_restart(&v->deint);
	}
	if (deint_put(&v->deint, f) < 0)
		log_debug("cannot deinterlace a picture");
	take_deinterlaced(v);
}

void
vtrack_show_late(struct vtrack *v)
{
	for (unsigned i = 0; i < v->nlate; i++)
		deinterlace(v, v->late[i]);
	v->nlate = 0;
}

static void
show(struct vtrack *v, AVFrame *f)
{
	if (!burn_wanted(&v->opt->burn)) {
		deinterlace(v, f);
		return;
	}
	if (v->nlate == VTRACK_LATE) {
		deinterlace(v, v->late[0]);
		v->nlate--;
		for (unsigned i = 0; i < v->nlate; i++)
			v->late[i] = v->late[i + 1];
	}
	v->late[v->nlate++] = f;
}

/* Its time begins at t, at v->rate; false: what is asked for does not fit. */
static bool
begin(struct vtrack *v, const AVFrame *first, int64_t t)
{
	struct rational master = ladder_rate(v->opt, v->rate);
	AVFrame *shape = filter_shape(&v->filter, first, v->rate);

	if (shape == NULL)
		return false;
	timing_start(&v->timing, grid_make(master, v->opt->segment_ns),
	    v->rate, t - v->phase, v->file);
	v->timing.phase += v->phase;
	v->start = grid_time(&v->timing.grid, v->timing.next_k);
	v->ladder->coded = v->coded;
	ladder_start(v->ladder, shape, v->rate, v->timing.grid, v->timing.next_k,
	    v->timing.phase, v->epoch->mode == EPOCH_LIVE);
	av_frame_free(&shape);
	v->started = true;
	v->begins(v->arg);
	return true;
}

bool
vtrack_begin_early(struct vtrack *v, const AVFrame *f, int64_t t)
{
	struct rational master = ladder_rate(v->opt, (struct rational){ 0, 1 });
	struct grid grid = grid_make(master, v->opt->segment_ns);

	v->rate = v->coded = master;
	if (!begin(v, f, grid_time(&grid, grid_picture(&grid, t))))
		return false;
	filter_restart(&v->filter);
	v->early = true;
	v->last = av_frame_clone(f);
	return true;
}

/* The rate is known: begin. */
static void
start(struct vtrack *v)
{
	int64_t t[VTRACK_PROBE] = { 0 };
	const AVFrame *first = v->probe[0];
	struct rational master;

	for (unsigned i = 0; i < v->nprobe; i++)
		t[i] = v->probe[i]->pts;
	v->rate = v->coded = timing_rate(t, v->nprobe, stated_rate(v));
	if (v->opt->deinterlace == DEINTERLACE_FILM)
		v->rate = film_start(&v->film, v->coded);
	master = ladder_rate(v->opt, v->rate);
	v->deint.fields = v->opt->deinterlace == DEINTERLACE_AUTO &&
	    2 * master.num * v->rate.den > 3 * v->rate.num * master.den;
	log_info("source: %s %dx%d %lld/%lld fps", codec_name(v->dec.codec),
	    first->width, first->height, (long long)v->rate.num,
	    (long long)v->rate.den);
	if (v->early)
		ladder_source_rate(v->ladder, v->coded);
	else if (!begin(v, first, t[0]))
		fatal(EXIT_USAGE, 0, "--crop, --denoise or --vf does not fit the source of %dx%d",
		    first->width, first->height);
	v->early = false;
	deint_prime(&v->deint, v->probe, v->nprobe);
	for (unsigned i = 0; i < v->nprobe; i++)
		show(v, v->probe[i]);
	v->nprobe = 0;
}

static bool
probe_done(const struct vtrack *v)
{
	struct rational r = stated_rate(v);
	int64_t t[VTRACK_PROBE];
	struct rational measured;

	if (v->nprobe == VTRACK_PROBE)
		return true;
	if (v->nprobe < PROBE_ENOUGH || r.num <= 0)
		return false;
	for (unsigned i = 0; i < v->nprobe; i++)
		t[i] = v->probe[i]->pts;
	measured = timing_rate(t, v->nprobe, r);
	r = rational_reduce(r.num, r.den);
	return measured.num == r.num && measured.den == r.den;
}

/* As long as a picture of the source is, in ticks. */
static int64_t
picture_length(const struct vtrack *v)
{
	struct rational r = v->coded.num > 0 ? v->coded : stated_rate(v);

	return r.num > 0 ? rescale_near(90000, r.den, r.num) : 3600;
}

/*
 * A source that broke off may lack pictures before its last ones, which the new source
 * has: then those give way to it.
 */
static bool
keep_tail(struct vtrack *v, AVFrame *f)
{
	if (!v->draining || !v->started || v->last_t == PES_NO_TIME ||
	    v->ntail == VTRACK_TAIL || (v->ntail == 0 &&
	    f->pts - v->last_t < picture_length(v) * 3 / 2))
		return false;
	v->tail[v->ntail++] = f;
	return true;
}

/* The first picture of the new source comes, at t: what of the old is before it? */
static void
show_tail(struct vtrack *v, int64_t t)
{
	for (unsigned i = 0; i < v->ntail; i++) {
		if (v->tail[i]->pts > t - picture_length(v) / 2) {
			av_frame_free(&v->tail[i]);
			continue;
		}
		v->last_t = v->tail[i]->pts;
		deinterlace(v, v->tail[i]);
	}
	v->ntail = 0;
}

/* True: it is pre-roll, and gone. */
static bool
is_preroll(struct vtrack *v, AVFrame *f)
{
	if (!v->preroll)
		return false;
	if (v->last_t != PES_NO_TIME && f->pts < v->last_t + picture_length(v) / 2) {
		v->prerolled++;
		av_frame_free(&f);
		return true;
	}
	v->preroll = false;
	show_tail(v, f->pts);
	return false;
}

static void
take_frames(struct vtrack *v)
{
	AVFrame *f;

	while ((f = decoder_receive(&v->dec)) != NULL) {
		v->decoded++;
		color_take(f, v->opt->color, v->opt->force_color);
		if (f->pts == AV_NOPTS_VALUE) {
			if (v->last_t == PES_NO_TIME) {
				av_frame_free(&f);
				continue;
			}
			f->pts = v->last_t + picture_length(v);
		}
		if (is_preroll(v, f) || keep_tail(v, f))
			continue;
		v->last_t = f->pts;
		if (v->started && !v->early) {
			show(v, f);
			continue;
		}
		v->probe[v->nprobe++] = f;
		if (probe_done(v))
			start(v);
	}
	v->corrupt += v->dec.corrupt;
	v->errors += v->dec.errors;
	v->dec.corrupt = v->dec.errors = 0;
}

/* What is inside the decoder comes out before another takes its place. */
static void
drain(struct vtrack *v)
{
	if (!v->decoding)
		return;
	decoder_drain(&v->dec);
	take_frames(v);
	if ((!v->started || v->early) && v->nprobe > 0)
		start(v);
	vtrack_show_late(v);
}

int
vtrack_codec(struct vtrack *v, enum codec codec)
{
	int err;

	drain(v);
	if (v->decoding)
		decoder_close(&v->dec);
	err = decoder_open(&v->dec, codec, NULL, 0, v->threads);
	v->decoding = err == 0;
	return err;
}

void
vtrack_switch(struct vtrack *v)
{
	if (!v->decoding)
		return;
	v->draining = true;
	vtrack_codec(v, v->dec.codec);
	v->draining = false;
	if (v->started) {		/* fields of both must not meet in one picture */
		drain_deinterlacer(v);
		drain_filter(v);
	}
	v->preroll = v->last_t != PES_NO_TIME;
}

void
vtrack_unit(struct vtrack *v, const uint8_t *data, size_t len, int64_t pts,
    int64_t dts)
{
	if (!v->decoding)
		return;
	decoder_send(&v->dec, data, len, pts, dts);
	take_frames(v);
}

void
vtrack_catch_up(struct vtrack *v, int64_t t)
{
	if (!v->started || v->last == NULL)
		return;
	while (vtrack_next(v) + v->timing.phase < t) {
		hand_on(v, v->last, v->timing.next_k++, false);
		v->timing.repeated++;
	}
}

void
vtrack_fill(struct vtrack *v, const AVFrame *f, int erase)
{
	if (erase >= 0)
		ladder_erase(v->ladder, (unsigned)erase);
	v->ladder->lead.filled = true;
	ladder_picture(v->ladder, f, v->timing.next_k++, false, v->epoch);
	v->pictures++;
	if (f == v->last)
		return;
	av_frame_free(&v->last);	/* what is repeated until the source is there */
	v->last = av_frame_clone(f);
}

void
vtrack_finish(struct vtrack *v)
{
	drain(v);
	show_tail(v, INT64_MAX);
	drain_deinterlacer(v);
	drain_filter(v);
}

void
vtrack_free(struct vtrack *v)
{
	if (v->decoding)
		decoder_close(&v->dec);
	deint_free(&v->deint);
	film_free(&v->film);
	filter_free(&v->filter);
	burn_free(&v->burn);
	av_frame_free(&v->last);
	for (unsigned i = 0; i < v->nlate; i++)
		av_frame_free(&v->late[i]);
	for (unsigned i = 0; i < v->nprobe; i++)
		av_frame_free(&v->probe[i]);
	for (unsigned i = 0; i < v->ntail; i++)
		av_frame_free(&v->tail[i]);
}
