#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "encode/comb.h"
#include "encode/film.h"

#define KNOWN	4		/* frames more that say so: the order of fields */
#define SURE	20
#define MEAN	4		/* cycles */

static void
forget_cycle(struct film *s)
{
	for (int i = 0; i < FILM_CYCLE; i++)
		s->usual[i] = -1;
}

void
film_init(struct film *s)
{
	*s = (struct film){ .top_first = true };
	forget_cycle(s);
}

struct rational
film_start(struct film *s, struct rational coded)
{
	s->coded = coded;
	s->cycles = coded.num == 30 * coded.den || coded.num * 1001 == 30000 * coded.den;
	return s->cycles ? rational_reduce(coded.num * 4, coded.den * 5) : coded;
}

/* ---- fields */

static bool
alike(const AVFrame *a, const AVFrame *b)
{
	return a->width == b->width && a->height == b->height && a->format == b->format;
}

/* A field that is repeated fits the one before it only if its order is right. */
static void
learn_order(struct film *s, int64_t own, int64_t top, int64_t bottom)
{
	if ((top < bottom ? top : bottom) * 20 >= own * 19)
		return;
	s->order += top < bottom ? 1 : -1;
	s->order = s->order > SURE ? SURE : s->order < -SURE ? -SURE : s->order;
}

/* The properties of f, with the even lines of one and the odd ones of the other. */
static AVFrame *
weave(const AVFrame *f, const AVFrame *even, const AVFrame *odd)
{
	const AVPixFmtDescriptor *d;
	AVFrame *out;

	out = av_frame_alloc();
	if (out == NULL)
		return NULL;
	out->width = f->width;
	out->height = f->height;
	out->format = f->format;
	if (av_frame_get_buffer(out, 0) < 0 || av_frame_copy_props(out, f) < 0) {
		av_frame_free(&out);
		return NULL;
	}
	d = av_pix_fmt_desc_get(f->format);
	for (int i = 0; d != NULL && i < 4 && out->data[i] != NULL; i++) {
		int shift = i == 1 || i == 2 ? d->log2_chroma_h : 0;
		int rows = AV_CEIL_RSHIFT(f->height, shift);
		int width = av_image_get_linesize(f->format, f->width, i);

		for (int y = 0; y < 2; y++) {
			const AVFrame *from = y == 0 ? even : odd;

			av_image_copy_plane(out->data[i] + (ptrdiff_t)y * out->linesize[i],
			    out->linesize[i] * 2, from->data[i] +
			    (ptrdiff_t)y * from->linesize[i], from->linesize[i] * 2, width,
			    (rows + 1 - y) / 2);
		}
	}
	return out;
}

AVFrame *
film_match(struct film *s, AVFrame *f)
{
	const AVFrame *even = f, *odd = f, *before = s->before;
	AVFrame *woven = NULL;
	bool combed = false;	/* of the first frame it is not known */

	if (s->order == 0 && f->interlaced_frame)
		s->top_first = f->top_field_first;
	if (before != NULL && alike(before, f)) {
		int64_t own = comb_weave(f, f), top = comb_weave(f, before);
		int64_t bottom = comb_weave(before, f), other;

		learn_order(s, own, top, bottom);
		if (abs(s->order) >= KNOWN)
			s->top_first = s->order > 0;
		other = s->top_first ? top : bottom;
		if (other < own)
			*(s->top_first ? &odd : &even) = before;
		combed = comb_seen(even, odd, f, before);
	}
	f->top_field_first = s->top_first;
	f->interlaced_frame = combed;
	if (!f->interlaced_frame && even != odd)
		woven = weave(f, even, odd);
	av_frame_free(&s->before);
	if (woven == NULL) {
		s->before = av_frame_clone(f);
		return f;
	}
	s->before = f;
	return woven;
}

/* ---- the cycle of five */

static void
give(struct film *s, AVFrame *f)
{
	if (s->head + s->nready == sizeof(s->ready) / sizeof(s->ready[0])) {
		memmove(s->ready, s->ready + s->head, s->nready * sizeof(void *));
		s->head = 0;
	}
	s->ready[s->head + s->nready++] = f;
}

/* Captions of two pictures become those of one. */
static void
join_captions(AVFrame *to, const AVFrame *before, const AVFrame *behind)
{
	const AVFrameSideData *a = av_frame_get_side_data(before, AV_FRAME_DATA_A53_CC);
	const AVFrameSideData *b = av_frame_get_side_data(behind, AV_FRAME_DATA_A53_CC);
	size_t na = a != NULL ? a->size : 0, nb = b != NULL ? b->size : 0;
	AVBufferRef *both = na + nb > 0 ? av_buffer_alloc(na + nb) : NULL;

	if (both == NULL)
		return;
	if (na > 0)
		memcpy(both->data, a->data, na);
	if (nb > 0)
		memcpy(both->data + na, b->data, nb);
	av_frame_remove_side_data(to, AV_FRAME_DATA_A53_CC);
	if (av_frame_new_side_data_from_buf(to, AV_FRAME_DATA_A53_CC, both) == NULL)
		av_buffer_unref(&both);
}

/* Of the frames at other times than theirs only the first one's label is right. */
static void
label_first(AVFrame *f, const AVFrame *first)
{
	static const enum AVFrameSideDataType labels[] = {
		AV_FRAME_DATA_S12M_TIMECODE, AV_FRAME_DATA_GOP_TIMECODE,
	};

	for (int i = 0; i < 2 && f != first; i++) {
		const AVFrameSideData *d = first == NULL ? NULL :
		    av_frame_get_side_data(first, labels[i]);
		AVBufferRef *ref = d != NULL ? av_buffer_ref(d->buf) : NULL;

		av_frame_remove_side_data(f, labels[i]);
		if (ref != NULL && av_frame_new_side_data_from_buf(f, labels[i], ref) == NULL)
			av_buffer_unref(&ref);
	}
}

static unsigned
least(const int64_t *v)
{
	unsigned best = 0;

	for (unsigned i = 1; i < FILM_CYCLE; i++)
		if (v[i] >= 0 && (v[best] < 0 || v[i] < v[best]))
			best = i;
	return best;
}

/*
 * The frame that is the one before once more.  Where little moves it is where it has
 * been, unless another is much more like the one before it.
 */
static unsigned
repeated(struct film *s)
{
	unsigned now = least(s->differ), pick;

	for (int i = 0; i < FILM_CYCLE; i++)
		if (s->usual[i] < 0)
			s->usual[i] = s->differ[i];
		else if (s->differ[i] >= 0)
			s->usual[i] += (s->differ[i] - s->usual[i]) / MEAN;
	pick = least(s->usual);
	if (pick != now && (s->differ[pick] < 0 || s->differ[now] * 2 < s->differ[pick])) {
		memcpy(s->usual, s->differ, sizeof(s->usual));
		pick = now;
	}
	return pick;
}

static void
end_cycle(struct film *s)
{
	bool whole = s->nheld == FILM_CYCLE;
	unsigned drop = whole ? repeated(s) : least(s->usual);
	int64_t t = s->nheld > 0 ? s->held[0]->pts : 0, n = 0;

	if (s->usual[drop] < 0 || drop >= s->nheld || s->nheld == 1)
		drop = FILM_CYCLE;		/* none */
	else if (drop == 0)
		join_captions(s->held[1], s->held[0], s->held[1]);
	else
		join_captions(s->held[drop - 1], s->held[drop - 1], s->held[drop]);
	for (unsigned i = 0; i < s->nheld && drop < FILM_CYCLE; i++)
		if (i != drop) {
			label_first(s->held[i], n == 0 ? s->held[0] : NULL);
			s->held[i]->pts = t + rescale_near(n++ * 90000 * 5, s->coded.den,
			    s->coded.num * 4);
		}
	for (unsigned i = 0; i < s->nheld; i++)
		if (i == drop) {
			av_frame_free(&s->held[i]);
			s->removed++;
		} else
			give(s, s->held[i]);
	s->nheld = 0;
}

/*
 * The next frame of the cycle comes when it should?  Where the source is another one now,
 * which has film as it is or is 25 a second, it does not.
 */
static bool
follows(const struct film *s, const AVFrame *f)
{
	int64_t step = f->pts - s->last->pts;
	int64_t usual = rescale_near(90000, s->coded.den, s->coded.num);

	return alike(s->last, f) && step * 8 > usual * 7 && step * 8 < usual * 9;
}

void
film_put(struct film *s, AVFrame *f)
{
	bool own = f->repeat_pict > 0, follow;

	if (!s->cycles) {
		give(s, f);
		return;
	}
	follow = s->last != NULL && !own && !s->own_times && follows(s, f);
	if (!follow) {
		end_cycle(s);
		forget_cycle(s);
	}
	if (own || s->own_times)
		give(s, f);
	else {
		s->differ[s->nheld] = follow ? comb_differ(s->last, f) : -1;
		s->held[s->nheld++] = f;
	}
	av_frame_free(&s->last);
	s->last = av_frame_clone(f);
	s->own_times = own;
	if (s->nheld == FILM_CYCLE)
		end_cycle(s);
}

AVFrame *
film_get(struct film *s)
{
	if (s->nready == 0)
		return NULL;
	s->nready--;
	return s->ready[s->head++];
}

void
film_drain(struct film *s)
{
	end_cycle(s);
	forget_cycle(s);
	av_frame_free(&s->last);
	av_frame_free(&s->before);
}

void
film_free(struct film *s)
{
	AVFrame *f;

	film_drain(s);
	while ((f = film_get(s)) != NULL)
		av_frame_free(&f);
}
