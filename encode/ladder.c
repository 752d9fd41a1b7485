#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "encode/ladder.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

#define VIDEO_PID	0x100

void
ladder_init(struct ladder *l, const struct options *o, struct output *out,
    const struct blank *blank)
{
	bool fastest = false;	/* a rung at the frame rate of the source */

	*l = (struct ladder){ .opt = o, .out = out, .nrung = o->nrung, .blank = blank };
	l->label = o->label;
	overlay_init(&l->overlay, o->nrung, o->layer, o->nlayer);
	for (unsigned i = 0; i < o->nrung; i++) {
		const struct rung_spec *r = &o->rung[i];
		struct output_stream *s = output_add(out, true);

		s->pid = (uint16_t)(VIDEO_PID + i);
		s->stream_type = r->codec == CODEC_HEVC ? 0x24 : 0x1b;
		s->stream_id = PES_VIDEO;
		s->program = (int)i;
		s->max_rate = r->maxrate;
		s->buffer = r->maxrate / 8000 * (uint64_t)(r->vbv_ns / 1000000);
		l->rung[i].worker = (struct worker){
			.spec = r, .out = out, .stream = s, .reports = o->stats != NULL,
			.ssim = o->ssim,
		};
		worker_init(&l->rung[i].worker);
		if (r->copy) {
			l->copied = &l->rung[i];
			copy_init(&l->copy, r->text, out, s);
			continue;
		}
		if (out->pcr_pid == 0 || (!fastest && !r->half && r->fps.num == 0))
			out->pcr_pid = s->pid;
		fastest |= !r->half && r->fps.num == 0;
	}
	if (out->pcr_pid == 0)
		out->pcr_pid = l->copy.stream->pid;
	lead_init(&l->lead, l->copied != NULL ? l->copy.text : "");
}

/* ---- pictures */

/* Picture k of the master's grid: what becomes of segments and of the copy. */
static void
follow_source(struct ladder *l, int64_t k, bool gap, const struct epoch *epoch)
{
	struct lead *d = &l->lead;
	int64_t t = grid_time(&l->grid, k), before = d->idr;
	bool splice;

	lead_picture(d, &l->grid, k, l->shown != NULL, gap);
	l->copy.epoch = l->live ? epoch : NULL;
	if (l->shown != NULL) {
		struct ebp ebp = {
			.segment = true, .has_time = l->live,
			.ntp = l->live ? clk_ns_to_ntp(epoch_utc_ns(epoch, t + l->phase)) : 0,
		};

		splice = l->shown->changed || (before != INT64_MIN &&
		    splices_within(&l->splices, &l->grid, before, k));
		for (unsigned i = 0; i < l->nrung; i++)
			l->rung[i].spliced |= splice;
		copy_place(&l->copy, l->shown, k, d->begins ? &ebp : NULL);
		l->shown = NULL;
	}
	copy_flush(&l->copy, false);
	copy_watch(&l->copy, t);
}

/* Where the segment of a rung's picture begins and should end, by the master's grid. */
static void
segment_of(const struct ladder *l, const struct rung *r, int64_t k, int64_t *segment,
    int64_t *first, int64_t *end)
{
	const struct lead *d = &l->lead;

	if (l->copied == NULL) {
		*segment = grid_segment(&l->grid, k);
		*first = *segment * l->grid.pictures;
		*end = *first + l->grid.pictures;
		return;
	}
	/* One of another frame rate may be a little behind. */
	*segment = k >= d->first || r->fresh ? d->segment : r->segment;
	*first = d->first;
	*end = k >= d->first ? d->end : d->first;
}

/* Does picture nk of the rung begin a segment, or a GOP within one? */
static void
decide_idr(struct ladder *l, struct rung *r, struct job *job,
    const struct epoch *epoch)
{
	int64_t t = grid_time(&r->worker.grid, job->k);
	int64_t segment, first, end;

	segment_of(l, r, grid_picture(&l->grid, t), &segment, &first, &end);
	first = grid_picture(&r->worker.grid, grid_time(&l->grid, first));
	job->segment = segment;
	job->fresh = r->fresh;
	job->begins = job->has_ebp = r->fresh || segment != r->segment;
	job->whole = job->k == first && (l->copied == NULL || !r->fresh ||
	    grid_starts(&l->grid, l->lead.first));
	job->left = grid_picture(&r->worker.grid, grid_time(&l->grid, end)) - job->k;
	job->more = l->copied == NULL || job->begins ? 0 : r->more;
	job->idr = job->has_ebp || r->spliced ||
	    (r->worker.gop > 0 && job->k > first && (job->k - first) % r->worker.gop == 0) ||
	    (l->copied == NULL && splices_at(&l->splices, &r->worker.grid, job->k));
	r->segment = segment;
	r->fresh = r->spliced = false;
	r->more = 0;
	job->ebp = (struct ebp){
		.segment = job->has_ebp, .fragment = l->copied == NULL || !job->has_ebp,
		.sap_type = job->idr ? 1 : 0, .has_time = l->live,
	};
	job->has_ebp |= r->part > 0 && (job->idr || (job->k - first) % r->part == 0);
	if (l->live)
		job->ebp.ntp = clk_ns_to_ntp(epoch_utc_ns(epoch, t + l->phase));
}

/* The rung's picture at the master's time t, if it has one there. */
static bool
rung_due(const struct ladder *l, const struct rung *r, int64_t t)
{
	int64_t half = rescale_down(45000, l->grid.rate.den, l->grid.rate.num);

	return grid_time(&r->worker.grid, r->next_k) < t + half;
}

/* What the rung takes of the source; all of it where the part is not within it. */
static AVFrame *
part_of(struct rung *r, const AVFrame *source)
{
	const struct crop_spec *c = &r->worker.spec->crop;
	int x, y;

	if (crop_place(c, source->width, source->height, &x, &y))
		return scaler_part(source, x, y, c->w, c->h);
	if (!r->unfit)
		log_warn(0, "rung '%s': pictures of %dx%d are not cut: its crop is not within "
		    "them", r->worker.spec->text, source->width, source->height);
	r->unfit = true;
	return av_frame_clone(source);
}

static void
scale_rung(struct ladder *l, struct rung *r, const AVFrame *source)
{
	const AVFrame *from = r->parent >= 0 ? l->rung[r->parent].scaled : source;
	AVFrame *part = NULL;

	if (r->parent < 0 && r->worker.spec->crop.w > 0)
		from = part = part_of(r, source);
	if (from == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold a picture");
	r->scaled = color_light(from) != r->recolor.to ? recolor_frame(&r->recolor, from) :
	    scaler_frame(&r->scaler, from);
	if (r->scaled == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot scale to rung '%s'", r->worker.spec->text);
	av_frame_free(&part);
}

/* The slate in the size of the rung, and in its colours. */
static const AVFrame *
slate_of(const struct ladder *l, struct rung *r)
{
	const struct coder_format *c = &r->worker.format;
	bool hdr = r->recolor.to != LIGHT_SDR;
	struct recolor light;
	struct scaler s;
	AVFrame *f;

	if (r->slate != NULL)
		return r->slate;
	f = av_frame_clone(l->blank->slate);
	scaler_init(&s, c->width, c->height, c->format);
	recolor_init(&light, c->width, c->height, c->format, r->recolor.to);
	if (f != NULL) {
		f->color_trc = AVCOL_TRC_BT709;
		f->colorspace = hdr ? AVCOL_SPC_BT709 : (enum AVColorSpace)c->matrix;
		r->slate = hdr ? recolor_frame(&light, f) : scaler_frame(&s, f);
	}
	if (r->slate == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot scale to rung '%s'", r->worker.spec->text);
	av_frame_free(&f);
	scaler_free(&s);
	recolor_free(&light);
	return r->slate;
}

/* The picture of the rung with what lies over it: on a copy where others have it, too. */
static void
lay_over(struct ladder *l, struct rung *r, const struct timecode *tc)
{
	unsigned i = (unsigned)(r - l->rung);
	char label[TIMECODE_TEXT];
	AVFrame *copy;

	if (r->scaled == NULL || !overlay_shows(&l->overlay, i))
		return;
	if (!av_frame_is_writable(r->scaled)) {
		copy = scaler_new_frame(&r->scaler);
		if (copy == NULL || av_frame_copy(copy, r->scaled) < 0 ||
		    av_frame_copy_props(copy, r->scaled) < 0)
			fatal(EXIT_RUNTIME, ENOMEM, "cannot hold a picture");
		av_frame_free(&r->scaled);
		r->scaled = copy;
	}
	timecode_text(tc, label);
	overlay_picture(&l->overlay, i, r->scaled, l->label.mode != LABEL_NONE ? label : NULL);
}

/* Of the rung's next picture. */
static struct timecode
label_next(const struct ladder *l, const struct rung *r, const struct epoch *epoch)
{
	int64_t t = grid_time(&r->worker.grid, r->next_k);

	if (l->label.mode == LABEL_NONE)
		return (struct timecode){ .drop = 0 };
	return label_of(&l->label, &r->worker.grid, r->next_k, l->live ?
	    epoch_utc_ns(epoch, t + l->phase) : 0);
}

static void
give(struct ladder *l, struct rung *r, const AVFrame *f, bool gap,
    const struct epoch *epoch, struct timecode tc)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL || (job->frame = av_frame_clone(f)) == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold a picture");
	job->k = r->next_k++;
	job->timecode = tc;
	job->jump = gap;
	decide_idr(l, r, job, epoch);
	job->captions_len = ccfifo_take(&r->captions, job->captions);
	worker_put(&r->worker, job);
}

/*
 * Captions that stand on the screen are erased in the first pictures of the slate: of CC1
 * and CC3, then of CC2 and CC4, each twice as CTA-608 wants it.
 */
void
ladder_erase(struct ladder *l, unsigned n)
{
	static const uint8_t erase[4][6] = {
		{ 0xfc, 0x94, 0x2c, 0xfd, 0x15, 0x2c }, { 0xfc, 0x94, 0x2c, 0xfd, 0x15, 0x2c },
		{ 0xfc, 0x1c, 0x2c, 0xfd, 0x9d, 0x2c }, { 0xfc, 0x1c, 0x2c, 0xfd, 0x9d, 0x2c },
	};

	if (!l->captioned || n >= sizeof(erase) / sizeof(erase[0]))
		return;
	for (unsigned i = 0; i < l->ncoded; i++)
		ccfifo_put(&l->rung[l->order[i]].captions, erase[n], sizeof(erase[0]));
}

static void
cover(struct ladder *l, int64_t k)
{
	if (!blank_picture(l->blank, &l->grid, k)) {
		l->covered = 0;
		return;
	}
	ladder_erase(l, l->covered < UINT_MAX ? (unsigned)l->covered : UINT_MAX);
	l->covered++;
	l->blanked++;
}

void
ladder_picture(struct ladder *l, const AVFrame *f, int64_t k, bool gap,
    const struct epoch *epoch)
{
	int64_t t = grid_time(&l->grid, k);

	overlay_next(&l->overlay, &(struct overlay_now){
		.t = t, .live = l->live, .utc_ns = l->live ?
		    epoch_utc_ns(epoch, t + l->phase) : 0,
	});
	label_see(&l->label, f, t);
	cover(l, k);
	if (l->copied != NULL)
		follow_source(l, k, gap, epoch);
	for (unsigned i = 0; i < l->ncoded; i++) {
		struct rung *r = &l->rung[l->order[i]];

		r->more += rescale_near(l->lead.more, r->worker.grid.rate.num * l->grid.rate.den,
		    r->worker.grid.rate.den * l->grid.rate.num);
		if (gap) {
			int64_t next = grid_picture(&r->worker.grid, t);

			r->next_k = next > r->next_k ? next : r->next_k;
			r->fresh = true;
		}
		r->blank = blank_picture(l->blank, &r->worker.grid, r->next_k);
		r->wanted = rung_due(l, r, t) && !r->blank;
	}
	for (unsigned i = l->ncoded; i-- > 0;) {	/* parents come before in order */
		struct rung *r = &l->rung[l->order[i]];

		if (r->wanted && r->parent >= 0)
			l->rung[r->parent].wanted = true;
	}
	for (unsigned i = 0; i < l->ncoded; i++)
		if (l->rung[l->order[i]].wanted)
			scale_rung(l, &l->rung[l->order[i]], f);
	for (unsigned i = 0; i < l->ncoded; i++) {
		struct rung *r = &l->rung[l->order[i]];

		if (rung_due(l, r, t)) {
			struct timecode tc = label_next(l, r, epoch);

			if (!r->blank)
				lay_over(l, r, &tc);
			give(l, r, r->blank ? slate_of(l, r) : r->scaled,
			    gap && i == 0, epoch, tc);
		}
		av_frame_free(&r->scaled);
	}
}

int64_t
ladder_next_common(const struct ladder *l, int64_t t)
{
	int64_t k = grid_picture(&l->common, t), at;
	bool begun;

	do {
		at = grid_time(&l->common, k++);
		begun = at < t;
		for (unsigned i = 0; i < l->ncoded; i++)
			begun |= grid_picture(&l->rung[l->order[i]].worker.grid, at) <
			    l->rung[l->order[i]].next_k;
	} while (begun);
	return at;
}

void
ladder_captions(struct ladder *l, int64_t k, const uint8_t *triplets, size_t len)
{
	l->captioned = true;
	if (blank_picture(l->blank, &l->grid, k))
		return;
	for (unsigned i = 0; i < l->ncoded; i++)
		ccfifo_put(&l->rung[l->order[i]].captions, triplets, len);
}

void
ladder_codec(struct ladder *l, enum codec codec, uint64_t rate)
{
	if (l->copied == NULL)
		return;
	if (!copy_codec(&l->copy, codec)) {
		if (l->copy.units == 0)
			fatal(EXIT_INPUT, 0, "rung '%s': AVC and HEVC can be passed on, not '%s'",
			    l->copy.text, codec_name(codec));
		log_warn(0, "rung '%s' pauses: the source is %s now", l->copy.text,
		    codec_name(codec));
	}
	if (l->copy.stream->max_rate == 0)
		l->copy.stream->max_rate = rate;
}

void
ladder_source(struct ladder *l, const uint8_t *data, size_t len, int64_t pts, int64_t dts,
    bool damaged)
{
	if (l->copied == NULL)
		return;
	copy_unit(&l->copy, data, len, pts, dts, damaged);
	atomic_store(&l->copied->worker.pictures, l->copy.units);
}

void
ladder_shown(struct ladder *l, int64_t t)
{
	if (l->copied != NULL)
		l->shown = copy_shown(&l->copy, t);
}

void
ladder_finish(struct ladder *l)
{
	for (unsigned i = 0; i < l->ncoded; i++)
		queue_close(&l->rung[l->order[i]].worker.queue);
	for (unsigned i = 0; i < l->ncoded; i++)
		worker_finish(&l->rung[l->order[i]].worker);
	if (l->copied != NULL) {
		copy_flush(&l->copy, true);
		output_end(l->out, l->copy.stream);
	}
}

void
ladder_free(struct ladder *l)
{
	for (unsigned i = 0; i < l->nrung; i++) {
		worker_free(&l->rung[i].worker);
		scaler_free(&l->rung[i].scaler);
		recolor_free(&l->rung[i].recolor);
		av_frame_free(&l->rung[i].slate);
	}
	copy_free(&l->copy);
	overlay_free(&l->overlay);
}
