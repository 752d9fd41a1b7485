#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/quality.h"
#include "encode/worker.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

#define CAPPED		250	/* CRF above that of the level, on average */

static _Noreturn void
failed(const struct worker *w, int err)
{
	fatal(EXIT_RUNTIME, -err, "the encoder of rung '%s' failed", w->spec->text);
}

/* ---- reports */

static void
keep_report(struct worker *w, const struct worker_report *t)
{
	pthread_mutex_lock(&w->lock);
	if (w->nreport == w->room) {
		size_t room = w->room == 0 ? 16 : w->room * 2;
		struct worker_report *p = realloc(w->report, room * sizeof(*p));

		if (p == NULL)
			failed(w, -ENOMEM);
		w->report = p;
		w->room = room;
	}
	w->report[w->nreport++] = *t;
	pthread_mutex_unlock(&w->lock);
}

static void
close_tally(struct worker *w)
{
	struct worker_report *t = &w->tally;
	bool enhanced = w->spec->vq == VQ_ENHANCED;

	if (t->pictures == 0)
		return;
	t->qp = (int)(w->qp_sum / t->pictures);
	t->ssim = w->ssim_sum >= 0 ? (int)(w->ssim_sum / t->pictures) : -1;
	t->ns = rescale_near(t->pictures, w->grid.rate.den * CLK_SECOND, w->grid.rate.num);
	if (w->spec->rc == RATE_QVBR) {
		int64_t crf = w->crf_sum / t->pictures;

		t->reached = quality_of(w->spec->codec, enhanced, (int)crf);
		t->capped = crf > quality_crf(w->spec->codec, enhanced, t->quality) + CAPPED;
	}
	if (w->reports)
		keep_report(w, t);
	t->pictures = 0;
}

static void
tally(struct worker *w, const struct coder_unit *u, size_t len, int64_t segment)
{
	struct worker_report *t = &w->tally;

	if (t->pictures > 0 && t->segment != segment)
		close_tally(w);
	if (t->pictures == 0) {
		*t = (struct worker_report){
			.segment = segment, .rate = w->mean,
			.quality = w->spec->rc == RATE_QVBR ? w->quality : 0,
		};
		w->qp_sum = w->crf_sum = w->ssim_sum = 0;
	}
	t->pictures++;
	t->bits += (int64_t)len * 8;
	w->qp_sum += u->qp;
	w->crf_sum += u->crf;
	w->ssim_sum = u->ssim < 0 || w->ssim_sum < 0 ? -1 : w->ssim_sum + u->ssim;
}

struct worker_report *
worker_reports(struct worker *w, size_t *n)
{
	struct worker_report *list;

	pthread_mutex_lock(&w->lock);
	list = w->report;
	*n = w->nreport;
	w->report = NULL;
	w->nreport = w->room = 0;
	pthread_mutex_unlock(&w->lock);
	return list;
}

/* ---- what comes out */

/* CBR: so much is left over that a decoder's buffer would not hold it. */
static size_t
filler(struct worker *w, size_t len)
{
	int64_t share = rescale_near((int64_t)w->mean, w->grid.rate.den, w->grid.rate.num);
	int64_t over;
	size_t n;

	w->fill += share - (int64_t)len * 8;
	over = w->fill - w->rate.buffer;
	if (w->spec->rc != RATE_CBR && over > 0)
		w->fill = w->rate.buffer;
	if (w->spec->rc != RATE_CBR || over < 8 * 8)
		return 0;
	n = (size_t)over / 8;
	w->fill -= (int64_t)n * 8;
	return n;
}

/* A filler data NAL unit: H.264 7.3.2.7, H.265 7.3.2.8. */
static void
put_filler(uint8_t *p, size_t len, enum codec codec)
{
	static const uint8_t avc[] = { 0, 0, 0, 1, 12 }, hevc[] = { 0, 0, 0, 1, 38 << 1, 1 };

	memset(p, 0xff, len);
	if (codec == CODEC_HEVC)
		memcpy(p, hevc, sizeof(hevc));
	else
		memcpy(p, avc, sizeof(avc));
	p[len - 1] = 0x80;
}

static void
put_unit(struct worker *w, const struct coder_unit *u)
{
	size_t fill = w->spec->rc == RATE_QVBR ? 0 : filler(w, u->len);
	struct output_unit *o = output_unit_new(NULL, u->len + fill);
	struct job *job = u->opaque;

	memcpy(o->data, u->data, u->len);
	if (fill > 0)
		put_filler(o->data + u->len, fill, w->spec->codec);
	o->pts = grid_time(&w->grid, u->pts);
	o->dts = grid_time(&w->grid, u->dts);
	o->random_access = u->idr;
	o->has_ebp = job->has_ebp;
	o->ebp = job->ebp;
	o->jump = job->jump;
	tally(w, u, u->len + fill, job->segment);
	free(job);
	output_put(w->out, w->stream, o);
	atomic_fetch_add(&w->pictures, 1);
}

/* ---- rate control */

static void
take_qvbr(struct worker *w)
{
	w->rate.crf = w->qvbr.crf;
	w->rate.most = w->qvbr.max_rate;
	w->rate.buffer = w->qvbr.buffer;
}

static void
set_qvbr(struct worker *w)
{
	int err;

	take_qvbr(w);
	err = coder_set(&w->coder, &w->rate);
	if (err < 0)
		failed(w, err);
}

/* The next segment of this encoder has its own budget. */
static void
begin_next(struct worker *w)
{
	const struct qvbr_spec spec = w->qvbr.spec;

	if (w->nnext == 0)
		return;
	qvbr_begin(&w->qvbr, &spec, w->next[0].segment, w->next[0].pictures,
	    w->next[0].whole);
	w->nnext--;
	memmove(&w->next[0], &w->next[1], w->nnext * sizeof(w->next[0]));
}

/* All of a segment has come out, and what is told now is for the IDR of the next. */
static void
begin_early(struct worker *w)
{
	if (w->nnext == 0 || w->qvbr.coded < w->qvbr.pictures)
		return;
	begin_next(w);
	w->early = true;
}

static void
coded(struct worker *w, const struct coder_unit *u)
{
	bool begins = ((const struct job *)u->opaque)->begins;

	put_unit(w, u);
	if (w->spec->rc != RATE_QVBR)
		return;
	if (begins && !w->early)	/* the one before is shorter than it should be */
		begin_next(w);
	w->early = w->early && !begins;
	qvbr_coded(&w->qvbr, u->len, u->crf, u->idr);
	begin_early(w);
	set_qvbr(w);
}

/* Does anything become different? */
static bool
take_wish(struct worker *w)
{
	bool wished;

	pthread_mutex_lock(&w->lock);
	wished = w->wished;
	w->wished = false;
	w->mean = w->wish_rate;
	w->quality = w->wish_quality;
	pthread_mutex_unlock(&w->lock);
	if (w->quality == 0)
		w->quality = quality_auto(w->spec->codec,
		    (int64_t)w->format.width * w->format.height, w->mean);
	return wished;
}

static void
begin_rate(struct worker *w, int64_t segment, int64_t pictures, bool whole)
{
	struct qvbr_spec spec = {
		.cap = (int64_t)w->mean, .vbv_ns = w->spec->vbv_ns,
		.fps = w->grid.rate, .crf = quality_crf(w->spec->codec,
		w->spec->vq == VQ_ENHANCED, w->quality),
		.gop = w->gop, .late = w->spec->codec == CODEC_HEVC,
	};

	if (w->spec->rc == RATE_QVBR) {
		qvbr_begin(&w->qvbr, &spec, segment, pictures, whole);
		w->early = true;
		take_qvbr(w);
		w->rate.fill = w->rate.buffer;
		return;
	}
	w->rate = coder_rate_of(w->spec);
	w->rate.mean = (int64_t)w->mean;
	w->rate.most = rescale_near((int64_t)w->spec->maxrate, w->rate.mean,
	    (int64_t)w->spec->rate);
	w->rate.buffer = w->rate.most / 1000 * (w->spec->vbv_ns / 1000000);
	w->rate.fill = w->rate.buffer * 9 / 10;
	if (w->given > 0)
		w->rate.fill = w->fill < 0 ? 0 : w->fill < w->rate.buffer ? w->fill :
		    w->rate.buffer;
	w->fill = w->rate.fill;
}

static void
drain(struct worker *w)
{
	struct coder_unit u;
	int n;

	while ((n = coder_encode(&w->coder, NULL, &u)) > 0)
		coded(w, &u);
	if (n < 0)
		failed(w, n);
}

static int
open_coder(struct worker *w)
{
	int err;

	w->rate.ssim = w->ssim;
	w->given = 0;
	err = coder_open(&w->coder, w->spec, &w->format, &w->rate);
	w->format.told = true;
	return err;
}

/* The encoder goes on; what is left of its segments may still be inside. */
static void
go_on(struct worker *w, const struct job *job)
{
	w->next[w->nnext].segment = job->segment;
	w->next[w->nnext].pictures = job->left;
	w->next[w->nnext++].whole = job->whole;
	begin_early(w);
	set_qvbr(w);
}

/*
 * The picture, or the one before once more, which takes next to nothing: where the cap is
 * too low for any quality.
 */
static AVFrame *
choose(struct worker *w, const struct job *job)
{
	if (w->spec->rc != RATE_QVBR)
		return job->frame;
	if (job->begins)
		w->begun = 0;
	if (job->idr || w->given_last == NULL || w->qvbr.segment != job->segment ||
	    !qvbr_spent(&w->qvbr, w->begun)) {
		av_frame_free(&w->given_last);
		w->given_last = av_frame_clone(job->frame);
		if (w->given_last == NULL)
			failed(w, -ENOMEM);
	}
	w->begun++;
	return w->given_last;
}

static void
give(struct worker *w, struct job *job)
{
	struct coder_picture p = {
		.pts = job->k, .idr = job->idr, .opaque = job,
		.captions_len = job->captions_len, .timecode = job->timecode,
	};
	AVFrame *f = job->frame;
	struct coder_unit u;
	int n;

	memcpy(p.captions, job->captions, job->captions_len);
	p.frame = choose(w, job);
	w->given++;
	n = coder_encode(&w->coder, &p, &u);
	av_frame_free(&f);		/* the job may be gone; the coder has a copy */
	if (n < 0)
		failed(w, n);
	if (n > 0)
		coded(w, &u);
}

/* These are the first pictures of the segment: an encoder for it. */
static void
begin_with(struct worker *w, const AVFrame *const frame[], unsigned n)
{
	int err = trial_run(&w->qvbr, frame, n, w->spec, &w->format);

	take_qvbr(w);
	w->rate.fill = w->rate.buffer;
	if (err < 0 || (err = open_coder(w)) < 0)
		failed(w, err);
}

/* The pictures that were held are known now. */
static void
end_trial(struct worker *w)
{
	const AVFrame *frame[TRIAL_PICTURES];

	if (w->nheld == 0)
		return;
	for (unsigned i = 0; i < w->nheld; i++)
		frame[i] = w->held[i]->frame;
	begin_with(w, frame, w->nheld);
	for (unsigned i = 0; i < w->nheld; i++)
		give(w, w->held[i]);
	w->nheld = 0;
	w->tries = false;
}

/* Where none is held: by those before, and the first. */
static void
try_at_once(struct worker *w, const struct job *job)
{
	const AVFrame *frame[TRIAL_PICTURES];
	unsigned n = 0;

	for (; n < TRIAL_PICTURES - 1 && w->before[n] != NULL; n++)
		frame[n] = w->before[n];
	frame[n++] = job->frame;
	begin_with(w, frame, n);
}

static void
forget_before(struct worker *w)
{
	for (unsigned i = 0; i < TRIAL_PICTURES - 1; i++)
		av_frame_free(&w->before[i]);
}

static void
keep_before(struct worker *w, const AVFrame *frame)
{
	const unsigned last = TRIAL_PICTURES - 2;
	unsigned n = 0;

	if (w->before[last] != NULL) {
		av_frame_free(&w->before[0]);
		for (unsigned i = 0; i < last; i++)
			w->before[i] = w->before[i + 1];
		w->before[last] = NULL;
	}
	while (w->before[n] != NULL)
		n++;
	w->before[n] = av_frame_clone(frame);
	if (w->before[n] == NULL)
		failed(w, -ENOMEM);
}

/*
 * An encoder that had too few pictures goes on: times would not fit together, but over a
 * gap.  Where segments are that short, so many share one that it is renewed with the same
 * ones whenever the stream began.
 */
static bool
may_renew(const struct worker *w, const struct job *job)
{
	return w->given == 0 || w->nnext == WORKER_NEXT || job->fresh ||
	    (w->given >= WORKER_RENEW && job->segment / w->shared != w->last / w->shared);
}

/* A segment begins, where an encoder may begin too. */
static void
begin_segment(struct worker *w, const struct job *job)
{
	bool qvbr = w->spec->rc == RATE_QVBR, wished, renewed = may_renew(w, job);
	int err;

	w->last = job->segment;
	if (job->fresh)
		forget_before(w);
	if (!renewed) {
		if (qvbr)
			go_on(w, job);
		return;
	}
	wished = take_wish(w);
	if (!qvbr && !wished && !(job->fresh && w->given > 0))
		return;
	if (w->given > 0)
		drain(w);
	coder_close(&w->coder);
	begin_rate(w, job->segment, job->left, job->whole);
	if (qvbr && w->at_once)
		try_at_once(w, job);
	else if (qvbr)
		w->tries = true;
	else if ((err = open_coder(w)) < 0)
		failed(w, err);
}

/* The end of the segment is later than was expected. */
static void
go_longer(struct worker *w, const struct job *job)
{
	if (w->nnext > 0) {
		w->next[w->nnext - 1].pictures += job->more;
		return;
	}
	qvbr_longer(&w->qvbr, job->more);
	if (w->tries)
		take_qvbr(w);
	else
		set_qvbr(w);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct job *job;

	while ((job = queue_get(&w->queue)) != NULL) {
		if (job->begins) {
			end_trial(w);
			begin_segment(w, job);
		} else if (job->more > 0 && w->spec->rc == RATE_QVBR) {
			go_longer(w, job);
		}
		if (!w->tries) {
			if (w->at_once)
				keep_before(w, job->frame);
			give(w, job);
			continue;
		}
		w->held[w->nheld++] = job;
		if (w->nheld == TRIAL_PICTURES)
			end_trial(w);
	}
	end_trial(w);
	drain(w);
	close_tally(w);
	output_end(w->out, w->stream);
	return NULL;
}

/* ---- the caller's side */

void
worker_init(struct worker *w)
{
	pthread_mutex_init(&w->lock, NULL);
	queue_init(&w->queue, WORKER_QUEUE);
	w->wish_rate = w->mean = w->spec->rate;
	w->wish_quality = w->spec->quality;
	w->at_once = w->spec->rc == RATE_QVBR &&
	    (w->spec->low || strstr(w->spec->tune, "zerolatency") != NULL);
}

int
worker_start(struct worker *w)
{
	int err;

	take_wish(w);
	begin_rate(w, -1, w->grid.pictures, true);
	err = open_coder(w);
	if (err < 0)
		return err;
	err = pthread_create(&w->thread, NULL, work, w);
	if (err != 0)
		fatal(EXIT_RUNTIME, err, "cannot start a thread");
	return 0;
}

void
worker_put(struct worker *w, struct job *job)
{
	queue_put(&w->queue, job);
}

void
worker_wish(struct worker *w, uint64_t rate, int quality)
{
	pthread_mutex_lock(&w->lock);
	w->wished |= rate != w->wish_rate || quality != w->wish_quality;
	w->wish_rate = rate;
	w->wish_quality = quality;
	pthread_mutex_unlock(&w->lock);
}

void
worker_wishes(struct worker *w, uint64_t *rate, int *quality)
{
	pthread_mutex_lock(&w->lock);
	*rate = w->wish_rate;
	*quality = w->wish_quality;
	pthread_mutex_unlock(&w->lock);
}

void
worker_finish(struct worker *w)
{
	queue_close(&w->queue);
	pthread_join(w->thread, NULL);
}

void
worker_free(struct worker *w)
{
	av_frame_free(&w->given_last);
	forget_before(w);
	coder_close(&w->coder);
	free(w->report);
	pthread_mutex_destroy(&w->lock);
}
