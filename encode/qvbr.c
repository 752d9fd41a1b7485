#include "encode/doubling.h"
#include "encode/qvbr.h"

/* CRF that halves the rate. */
#define HALVES		6000
#define HALVES_LEAST	1200	/* of noise, which a search finds out */
#define REFERENCE	26000	/* CRF for which bits are counted, whatever was asked for */
#define UP		1500	/* CRF a picture, at most */
#define DOWN		600
#define ENOUGH		3	/* pictures in the window: one of each kind */

#define CRF_MOST	51000

#define SPARE		2	/* times what is needed at the lowest quality */

/* Of it all, in thousandths, less where few pictures are left to steer with; an encoder
 * that is told late keeps more in its VBV, and still more where the segment is over before
 * it can be told anything. */
#define PLANNED		960
#define PLANNED_SHORT	920
#define PLANNED_LATE	900
#define PLANNED_NEVER	850
#define ALLOWED		985
#define ALLOWED_SHORT	930
#define BUFFERED_LATE	300
#define BUFFERED_NEVER	400
#define STEERED_LEAST	20	/* pictures: a segment of fewer is short */

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
in_pictures(const struct qvbr *q, int64_t rate, int64_t pictures)
{
	return rescale_near(rate, pictures * q->spec.fps.den, q->spec.fps.num);
}

static int64_t
part_of(int64_t v, int64_t milli)
{
	return v / 1000 * milli + v % 1000 * milli / 1000;
}

static bool
is_short(const struct qvbr *q)
{
	return q->pictures < STEERED_LEAST;
}

/* What all pictures may have. */
static int64_t
allowed(const struct qvbr *q)
{
	return part_of(q->budget, is_short(q) ? ALLOWED_SHORT : ALLOWED);
}

/*
 * For the encoder the buffer is full of what is left of the segment, or of what the
 * decoder has if that is less, and fills at the rate that would spend it evenly: so no
 * picture takes more than half of it, nor those of the look-ahead all.  One that is told
 * late has a buffer that together with what comes in up to the end is the budget.
 */
static void
set_limits(struct qvbr *q)
{
	int64_t left = q->pictures > q->coded ? q->pictures - q->coded : 1;
	int64_t floor = in_pictures(q, q->spec.cap / 20, 1) + 1;
	int64_t rest = allowed(q) - q->used;

	if (q->spec.late && q->coded > 0)
		return;
	if (rest < floor)
		rest = floor;
	q->buffer = least(q->spec.late ? part_of(rest, is_short(q) ?
	    BUFFERED_NEVER : BUFFERED_LATE) : rest,
	    part_of(q->real, 950));
	if (q->spec.late)
		rest -= q->buffer;
	if (q->buffer < floor)
		q->buffer = floor;
	q->max_rate = least(rescale_near(rest, q->spec.fps.num, left * q->spec.fps.den),
	    q->spec.cap);
	if (q->max_rate < q->spec.cap / 20)
		q->max_rate = q->spec.cap / 20;
}

static int64_t
planned(const struct qvbr *q)
{
	if (q->spec.late)
		return part_of(q->budget, is_short(q) ? PLANNED_NEVER : PLANNED_LATE);
	return part_of(q->budget, is_short(q) ? PLANNED_SHORT : PLANNED);
}

/* What so many bits at this CRF would be at REFERENCE. */
static int64_t
at_reference(const struct qvbr *q, int64_t bits, int crf)
{
	return doubled(bits, (int64_t)(crf - REFERENCE) * 1000 / q->halves);
}

/* The CRF with which what has so many bits at REFERENCE is no more than room. */
static int
fitting(const struct qvbr *q, int64_t bits, int64_t room)
{
	int64_t crf;

	if (bits <= 0)
		return 0;
	if (room <= 0)
		return CRF_MOST;
	crf = REFERENCE + doublings(bits, room) * q->halves / 1000;
	return crf < 0 ? 0 : (int)least(crf, CRF_MOST);
}

/* No better than was asked for, nor worse than there is. */
static int
limited(const struct qvbr *q, int64_t crf)
{
	return crf < q->spec.crf ? q->spec.crf : (int)least(crf, CRF_MOST);
}

void
qvbr_begin(struct qvbr *q, const struct qvbr_spec *spec, int64_t segment,
    int64_t pictures, bool whole)
{
	*q = (struct qvbr){
		.spec = *spec, .segment = segment, .crf = spec->crf,
		.pictures = pictures > 0 ? pictures : 1, .halves = HALVES,
	};
	q->budget = in_pictures(q, spec->cap, q->pictures);
	q->real_size = rescale_near(spec->cap, spec->vbv_ns / 1000000, 1000);
	q->real = whole ? q->real_size * 9 / 10 : q->real_size;
	q->budget += whole ? 0 : q->real_size / 10;
	set_limits(q);
}

/* What the segment comes to. */
static int64_t
in_all(const struct qvbr *q, int64_t idr, int64_t other)
{
	int64_t idrs = q->spec.gop > 0 ? 1 + (q->pictures - 1) / q->spec.gop : 1;

	return idr * idrs + other * (q->pictures - idrs);
}

bool
qvbr_fits(const struct qvbr *q, int64_t idr, int64_t other)
{
	return in_all(q, idr, other) <= planned(q);
}

/*
 * Between what came to too many bits and what came to too few, as if their logarithm were
 * a straight line; and beyond, by the rule.
 */
static int64_t
next_to_try(const struct qvbr *q)
{
	const struct qvbr_tried *m = &q->many, *f = &q->few;

	if (m->bits > 0 && f->bits > 0)
		return m->crf + (f->crf - m->crf) * doublings(m->bits, planned(q)) /
		    (doublings(m->bits, f->bits) + 1);
	if (m->bits > 0)
		return m->crf + doublings(m->bits, planned(q)) * HALVES / 1000;
	return f->crf + doublings(f->bits, planned(q)) * HALVES / 1000;
}

/* How steeply the bits fall, by the two trials next to the plan. */
static void
learn(struct qvbr *q)
{
	const struct qvbr_tried *m = &q->many, *f = &q->few;

	if (m->bits == 0 || f->bits == 0 || f->crf <= m->crf)
		return;
	q->halves = (f->crf - m->crf) * 1000 / (doublings(m->bits, f->bits) + 1);
	q->halves = least(q->halves > HALVES_LEAST ? q->halves : HALVES_LEAST, HALVES);
}

int
qvbr_search(struct qvbr *q, int crf, int64_t idr, int64_t other)
{
	const struct qvbr_tried t = { crf, in_all(q, idr, other) };
	int64_t next = 0;

	if (t.bits > planned(q))
		q->many = t;
	else
		q->few = t;
	if (t.bits > 0)
		next = next_to_try(q);
	next = next < 0 ? 0 : least(next, CRF_MOST);
	learn(q);
	q->idr_at_reference = at_reference(q, idr, crf);
	q->typical = at_reference(q, other, crf);
	q->crf = limited(q, next);
	return (int)next;
}

void
qvbr_longer(struct qvbr *q, int64_t pictures)
{
	q->pictures += pictures;
	q->budget += in_pictures(q, q->spec.cap, pictures);
	set_limits(q);
}

/*
 * What the rest of the segment would be at REFERENCE, by the last pictures; the largest
 * of them, which may be a cut between two scenes, counts as the second.
 */
static int64_t
expected(const struct qvbr *q)
{
	int64_t left = q->pictures - q->coded, sum = 0, most = 0, second = 0;

	for (unsigned i = 0; i < q->nwindow; i++) {
		int64_t bits = q->window[i];

		sum += bits;
		second = bits > most ? most : bits > second ? bits : second;
		most = bits > most ? bits : most;
	}
	sum = (sum - most + second) / q->nwindow * left;
	if (q->spec.gop > 0)
		sum += (left - 1) / q->spec.gop * q->idr_at_reference;
	return sum;
}

static void
decide(struct qvbr *q)
{
	int crf;

	if (q->nwindow < ENOUGH || q->coded >= q->pictures)
		return;
	crf = limited(q, fitting(q, expected(q), planned(q) - q->used));
	if (crf > q->crf)
		q->crf = crf < q->crf + UP ? crf : q->crf + UP;
	else if (q->pictures - q->coded > ENOUGH)
		q->crf = crf > q->crf - DOWN ? crf : q->crf - DOWN;
}

void
qvbr_coded(struct qvbr *q, size_t len, int crf, bool idr)
{
	int64_t bits = (int64_t)len * 8;
	int64_t there = at_reference(q, bits, crf);

	q->coded++;
	q->used += bits;
	q->real = least(q->real - bits + in_pictures(q, q->spec.cap, 1), q->real_size);
	if (q->real < 0)
		q->real = 0;
	if (idr) {
		q->idr_at_reference = there;
	} else {
		if (q->typical == 0 || there > q->typical / 4)
			q->typical += (there - q->typical) / (q->typical == 0 ? 1 : 4);
		q->window[q->next] = there;
		q->next = (q->next + 1) % QVBR_WINDOW;
		if (q->nwindow < QVBR_WINDOW)
			q->nwindow++;
	}
	decide(q);
	set_limits(q);
}

/* What so many bits at REFERENCE would be at the lowest quality. */
static int64_t
at_least(const struct qvbr *q, int64_t bits)
{
	return doubled(bits, (int64_t)(REFERENCE - CRF_MOST) * 1000 / q->halves);
}

/*
 * What pictures come to at the end of the scale differs, and repeated ones are not free.
 * An encoder that is told in time keeps the cap by itself.
 */
bool
qvbr_spent(const struct qvbr *q, int64_t given)
{
	int64_t inside = given > q->coded ? given - q->coded : 0;
	int64_t other = 0, need;

	if (!q->spec.late)
		return false;
	for (unsigned i = 0; i < q->nwindow; i++)
		other += q->window[i] / q->nwindow;
	if (other < q->typical)
		other = q->typical;
	need = at_least(q, other) * (inside + 1);
	if (q->coded == 0 && inside > 0)
		need += at_least(q, q->idr_at_reference - other);
	return allowed(q) - q->used < need * SPARE;
}
