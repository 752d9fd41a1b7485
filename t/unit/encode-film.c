/*
 * Film of pictures with a grey of their own and a moving edge becomes video by 3:2
 * pulldown, and film again.
 */
#include <stdlib.h>
#include <string.h>

#include "encode/comb.c"
#include "encode/film.c"
#include "t/tap.h"

#define W	64
#define H	64
#define STEP	3003
#define NONE	(-1)

/* Film picture n: its left side is bright up to a column that moves. */
static void
paint_lines(AVFrame *f, int n, int parity)
{
	for (int y = parity; y < H; y += 2)
		for (int x = 0; x < W; x++)
			f->data[0][y * f->linesize[0] + x] =
			    (uint8_t)(x < 8 + n * 7 % 48 ? 200 - n % 50 : 40 + y % 8);
}

static AVFrame *
frame_of(int even, int odd, int64_t pts)
{
	AVFrame *f = av_frame_alloc();

	f->format = AV_PIX_FMT_GRAY8;
	f->width = W;
	f->height = H;
	if (av_frame_get_buffer(f, 0) < 0)
		abort();
	paint_lines(f, even, 0);
	paint_lines(f, odd, 1);
	f->pts = pts;
	f->interlaced_frame = 1;
	f->top_field_first = 1;
	return f;
}

/* Frame i of the video, whose first fields are of film picture i * 4 / 5 or so. */
static AVFrame *
telecine(int64_t i, bool top_first, int64_t pts)
{
	static const int first[5] = { 0, 0, 1, 2, 3 }, second[5] = { 0, 1, 2, 2, 3 };
	int base = (int)(i / 5) * 4;
	int a = base + first[i % 5], b = base + second[i % 5];

	return top_first ? frame_of(a, b, pts) : frame_of(b, a, pts);
}

/* Which film picture this is, both fields; or none. */
static int
which(const AVFrame *f, int about)
{
	for (int n = about - 3; n <= about + 3; n++) {
		AVFrame *want = n >= 0 ? frame_of(n, n, 0) : NULL;
		bool same = want != NULL;

		for (int y = 0; same && y < H; y++)
			same = memcmp(f->data[0] + (ptrdiff_t)y * f->linesize[0],
			    want->data[0] + (ptrdiff_t)y * want->linesize[0], W) == 0;
		av_frame_free(&want);
		if (same)
			return n;
	}
	return NONE;
}

struct seen {
	int	 next, wrong, late, n, combed;
	int64_t	 t;
};

/* What comes out is the next picture, at its time from t on. */
static void
take(struct film *s, struct seen *seen)
{
	AVFrame *f;

	while ((f = film_get(s)) != NULL) {
		int64_t at = seen->t + rescale_near(seen->n, STEP * 5, 4);

		seen->wrong += which(f, seen->next) != seen->next;
		seen->late += f->pts < at - 1 || f->pts > at + 1;
		seen->next++;
		seen->n++;
		av_frame_free(&f);
	}
}

static void
put(struct film *s, struct seen *seen, AVFrame *f)
{
	f = film_match(s, f);
	seen->combed += f->interlaced_frame;
	film_put(s, f);
	take(s, seen);
}

static void
whole_film(int frames, bool top_first, int64_t from)
{
	struct seen seen = { .t = from };
	struct rational rate;
	struct film s;

	film_init(&s);
	rate = film_start(&s, (struct rational){ 30000, 1001 });
	ok(rate.num == 24000 && rate.den == 1001, "24000/1001");
	s.order = top_first ? 4 : -4;
	for (int i = 0; i < frames; i++)
		put(&s, &seen, telecine(i, top_first, from + (int64_t)i * STEP));
	film_drain(&s);
	take(&s, &seen);
	ok(seen.wrong == 0 && seen.combed == 0, "each picture once, in order, whole");
	ok(seen.late == 0, "at its time");
	ok(seen.n >= frames * 4 / 5 && seen.n <= (frames * 4 + 4) / 5, "as many as there are");
	film_free(&s);
}

static void
wrong_order(void)
{
	struct seen seen = { 0 };
	struct film s;

	film_init(&s);
	film_start(&s, (struct rational){ 30000, 1001 });
	for (int i = 0; i < 100; i++)
		put(&s, &seen, telecine(i, false, (int64_t)i * STEP));
	ok(seen.combed < 12 && !s.top_first,
	    "fields of the other order than is said are found out");
	film_free(&s);
}

static void
captions(AVFrame *f, int i)
{
	AVFrameSideData *d = av_frame_new_side_data(f, AV_FRAME_DATA_A53_CC, 3);

	memset(d->data, i, 3);
}

static void
captions_stay(int from)
{
	struct film s;
	AVFrame *f;
	int next = 0, wrong = 0;

	film_init(&s);
	film_start(&s, (struct rational){ 30000, 1001 });
	for (int i = 0; i <= 100; i++) {
		if (i < 100) {
			f = telecine(i + from, true, (int64_t)i * STEP);
			captions(f, i);
			film_put(&s, film_match(&s, f));
		} else {
			film_drain(&s);
		}
		while ((f = film_get(&s)) != NULL) {
			const AVFrameSideData *d;

			d = av_frame_get_side_data(f, AV_FRAME_DATA_A53_CC);
			for (size_t b = 0; d != NULL && b < d->size; b += 3)
				wrong += d->data[b] != next++;
			av_frame_free(&f);
		}
	}
	ok(wrong == 0 && next == 100 && s.removed == 20,
	    "what is left out leaves its captions, in order");
	film_free(&s);
}

/* Film, a hole, film from another place on. */
static void
hole(void)
{
	struct seen seen = { 0 };
	struct film s;

	film_init(&s);
	film_start(&s, (struct rational){ 30000, 1001 });
	for (int i = 0; i < 53; i++)
		put(&s, &seen, telecine(i, true, (int64_t)i * STEP));
	ok(seen.wrong == 0 && seen.n == 40, "up to a hole");
	put(&s, &seen, telecine(100, true, INT64_C(1000) * STEP));
	ok(seen.wrong == 0 && seen.late == 0 && seen.n == 42, "what was before it comes");
	seen = (struct seen){ .next = 80, .t = INT64_C(1000) * STEP };
	for (int i = 101; i < 200; i++)
		put(&s, &seen, telecine(i, true, (INT64_C(900) + i) * STEP));
	ok(seen.wrong == 0 && seen.late == 0 && seen.n == 80, "and film from there");
	film_free(&s);
}

static void
no_cycle(void)
{
	struct rational rate;
	struct film s;
	AVFrame *f;
	int n = 0;

	film_init(&s);
	rate = film_start(&s, (struct rational){ 25, 1 });
	ok(rate.num == 25 && rate.den == 1, "25 stays 25");
	for (int i = 0; i < 10; i++) {
		film_put(&s, film_match(&s, frame_of(i, i, (int64_t)i * 3600)));
		while ((f = film_get(&s)) != NULL) {
			n += f->pts == (int64_t)n * 3600 && which(f, n) == n;
			av_frame_free(&f);
		}
	}
	ok(n == 10, "of that nothing is left out");
	film_free(&s);
}

/* Behind a switch to another source pictures may be nearer or farther than the video's. */
static void
other_rate(int64_t step, const char *rate)
{
	struct film s;
	AVFrame *f;
	int n = 0, late = 0;

	film_init(&s);
	film_start(&s, (struct rational){ 30000, 1001 });
	for (int i = 0; i <= 50; i++) {
		if (i < 50)
			film_put(&s, film_match(&s, frame_of(i, i, i * step / 4)));
		else
			film_drain(&s);
		while ((f = film_get(&s)) != NULL) {
			late += f->pts != n++ * step / 4;
			av_frame_free(&f);
		}
	}
	ok(n == 50 && late == 0 && s.removed == 0, "of a source at %s nothing is left out",
	    rate);
	film_free(&s);
}

int
main(void)
{
	whole_film(1000, true, 0);
	whole_film(1003, false, INT64_C(1) << 40);
	wrong_order();
	for (int i = 0; i < 5; i++)
		captions_stay(i);
	hole();
	no_cycle();
	other_rate(15015, "24000/1001");
	other_rate(14400, "25");
	other_rate(6006, "60000/1001");
	return done_testing();
}
