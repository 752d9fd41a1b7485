#include <stddef.h>
#include <stdlib.h>

#include "encode/timing.h"

/* How much later the source's pictures are than a grid of their rate: the same for all. */
static int64_t
lateness(struct rational rate, int64_t t)
{
	const struct grid source = { .rate = rate };

	return t - grid_time(&source, grid_picture(&source, t));
}

void
timing_start(struct timing *g, struct grid grid, struct rational rate, int64_t t,
    bool file)
{
	int64_t late = lateness(rate, t);
	int64_t k = grid_picture(&grid, file ? TIMING_FILE_START : t - late);

	if (file)
		k = (k + grid.pictures - 1) / grid.pictures * grid.pictures;
	*g = (struct timing){
		.grid = grid, .next_k = k, .last_t = t,
		.step = rescale_near(16 * 90000, rate.den, rate.num),
	};
	g->phase = file ? t - grid_time(&grid, k) : late;
}

/* Distance to the next picture of the grid in thousandths of a picture. */
static int64_t
offset_of(const struct timing *g, int64_t t)
{
	return rescale_near(t - g->phase - grid_time(&g->grid, g->next_k),
	    1000 * g->grid.rate.num, 90000 * g->grid.rate.den);
}

/*
 * How early a picture may be for its slot, in thousandths of it: a little more than
 * half the distance of the source's pictures, for the nearest one is wanted.
 */
static int64_t
allowance(struct timing *g, int64_t t)
{
	int64_t slot = rescale_near(16 * 90000, g->grid.rate.den, g->grid.rate.num);
	int64_t step = (t - g->last_t) * 16;

	if (step >= 0 && step < 2 * slot)
		g->step += (step - g->step) / 16;
	g->last_t = t;
	return g->step < slot ? rescale_near(600, g->step, slot) : 600;
}

struct timing_plan
timing_next(struct timing *g, int64_t t)
{
	struct timing_plan p = { .k = g->next_k };
	int64_t e = offset_of(g, t);

	if (e <= -allowance(g, t)) {		/* past its slot, which is taken */
		g->dropped++;
		p.drop = true;
		return p;
	}
	if (e >= 600) {
		int64_t k = grid_picture(&g->grid, t - g->phase);

		if (grid_time(&g->grid, k) - grid_time(&g->grid, g->next_k) > TIMING_GAP) {
			p.gap = true;
			g->gaps++;
		} else {
			p.repeat = (unsigned)(k - g->next_k);
			g->repeated += p.repeat;
		}
		p.k = k;
	}
	g->next_k = p.k + 1;
	return p;
}

/* |a - b| < part of 1000 of b */
static bool
close_to(int64_t a, int64_t b, int64_t part)
{
	return llabs(a - b) * 1000 < part * b;
}

/*
 * The usual distance of pictures in thousandths of a tick: that of most of them,
 * so that a hole does not count, or else the mean.
 */
static int64_t
usual_step(const int64_t *t, unsigned n)
{
	unsigned most = 0;
	int64_t sum = 0;

	for (unsigned i = 1; i < n; i++) {
		int64_t step = t[i] - t[i - 1], span = 0;
		unsigned count = 0;

		for (unsigned j = 1; j < n; j++)
			if (llabs(t[j] - t[j - 1] - step) * 4 <= step) {
				span += t[j] - t[j - 1];
				count++;
			}
		if (count > most) {
			most = count;
			sum = span;
		}
	}
	if (sum > 0 && most * 5 >= (n - 1) * 3)
		return rescale_near(sum, 1000, most);
	return rescale_near(t[n - 1] - t[0], 1000, n - 1);
}

struct rational
timing_rate(const int64_t *t, unsigned n, struct rational stated)
{
	static const struct rational usual[] = {
		{ 25, 1 }, { 30000, 1001 }, { 30, 1 }, { 50, 1 }, { 60000, 1001 },
		{ 60, 1 }, { 24000, 1001 }, { 24, 1 }, { 15, 1 }, { 10, 1 },
		{ 25, 2 }, { 15000, 1001 }, { 20, 1 }, { 5, 1 }, { 100, 1 },
		{ 120000, 1001 }, { 120, 1 }, { 48, 1 }, { 48000, 1001 },
	};
	bool is_stated = stated.num > 0 && stated.den > 0;
	struct rational best = { 25, 1 };
	int64_t step, error = INT64_MAX;

	if (is_stated)
		stated = rational_reduce(stated.num, stated.den);
	if (n < 2 || t[n - 1] <= t[0])
		return is_stated && stated.num <= 300 * stated.den ? stated : best;
	step = usual_step(t, n);
	if (is_stated &&
	    close_to(rescale_near(90000000, stated.den, stated.num), step, 20))
		return stated;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		int64_t d = llabs(rescale_near(90000000, usual[i].den, usual[i].num) -
		    step);

		if (d < error) {
			error = d;
			best = usual[i];
		}
	}
	if (error * 50 < step)
		return best;
	return rational_reduce(90000000, step < 300000 ? 300000 : step);
}
