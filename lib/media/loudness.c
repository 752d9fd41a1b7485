#include <math.h>
#include <string.h>

#include "lib/media/loudness.h"

#define OFFSET		(-0.691)	/* BS.1770: of K-weighted mean squares */
#define MOMENTARY	4		/* blocks */
#define FLOOR		(-70.0)		/* absolute gate */

static double
level(double power)
{
	return power > 0 ? OFFSET + 10 * log10(power) : -200;
}

static double
power(double lufs)
{
	return pow(10, (lufs - OFFSET) / 10);
}

static int64_t
thousandths(double lufs)
{
	return lufs < FLOOR - 50 ? LOUDNESS_NONE : (int64_t)lround(lufs * 1000);
}

/*
 * The filters of BS.1770 are given for 48 kHz.  These are the analogue ones behind them,
 * a high shelf of 4 dB at 1682 Hz and a high pass at 38 Hz, by the bilinear transform.
 */
static void
design(struct loudness *l)
{
	double k = tan(M_PI * 1681.974450955533 / l->rate), q = 0.7071752369554196;
	double vh = pow(10, 3.999843853973347 / 20), vb = pow(vh, 0.4996667741545416);
	double a0 = 1 + k / q + k * k;

	l->b[0][0] = (vh + vb * k / q + k * k) / a0;
	l->b[0][1] = 2 * (k * k - vh) / a0;
	l->b[0][2] = (vh - vb * k / q + k * k) / a0;
	l->a[0][1] = 2 * (k * k - 1) / a0;
	l->a[0][2] = (1 - k / q + k * k) / a0;
	k = tan(M_PI * 38.13547087602444 / l->rate);
	q = 0.5003270373238773;
	a0 = 1 + k / q + k * k;
	l->b[1][0] = 1;
	l->b[1][1] = -2;
	l->b[1][2] = 1;
	l->a[1][1] = 2 * (k * k - 1) / a0;
	l->a[1][2] = (1 - k / q + k * k) / a0;
}

void
loudness_init(struct loudness *l, unsigned rate, unsigned channels, const double *weight)
{
	memset(l, 0, sizeof(*l));
	l->rate = rate > 1000 ? rate : 1000;
	l->channels = channels < LOUDNESS_CHANNELS ? channels : LOUDNESS_CHANNELS;
	for (unsigned i = 0; i < l->channels; i++)
		l->weight[i] = weight[i];
	l->momentary = l->short_term = l->momentary_max = l->short_term_max =
	    LOUDNESS_NONE;
	design(l);
}

static double
mean(const struct loudness *l, unsigned n)
{
	double sum = 0;

	for (uint64_t i = l->blocks - n; i < l->blocks; i++)
		sum += l->block[i % LOUDNESS_BLOCKS];
	return sum / n;
}

static int
bin_of(double lufs)
{
	double bin = (lufs - FLOOR) * 100;

	return bin < LOUDNESS_BINS ? (int)bin : LOUDNESS_BINS - 1;
}

static void
end_block(struct loudness *l)
{
	double m;

	l->block[l->blocks++ % LOUDNESS_BLOCKS] = l->sum / l->n;
	l->sum = 0;
	l->n = 0;
	if (l->blocks >= MOMENTARY) {
		m = level(mean(l, MOMENTARY));
		l->momentary = thousandths(m);
		if (l->momentary > l->momentary_max)
			l->momentary_max = l->momentary;
		if (m >= FLOOR)
			l->hist[bin_of(m)]++;
	}
	if (l->blocks >= LOUDNESS_BLOCKS) {
		m = level(mean(l, LOUDNESS_BLOCKS));
		l->short_term = thousandths(m);
		if (m >= FLOOR)
			l->range_hist[bin_of(m)]++;
		if (l->short_term > l->short_term_max)
			l->short_term_max = l->short_term;
	}
}

/* n samples of a channel, weighted: the sum of their squares. */
static double
filter(struct loudness *l, unsigned c, const float *x, size_t n)
{
	const double *b = l->b[0], *a = l->a[0], *b2 = l->b[1], *a2 = l->a[1];
	double s0 = l->z[c][0][0], s1 = l->z[c][0][1];
	double t0 = l->z[c][1][0], t1 = l->z[c][1][1], sum = 0;

	for (size_t i = 0; i < n; i++) {
		double in = isfinite(x[i]) ? (double)x[i] : 0, y, z;

		y = b[0] * in + s0;
		s0 = b[1] * in - a[1] * y + s1;
		s1 = b[2] * in - a[2] * y;
		z = b2[0] * y + t0;
		t0 = b2[1] * y - a2[1] * z + t1;
		t1 = b2[2] * y - a2[2] * z;
		sum += z * z;
	}
	l->z[c][0][0] = s0, l->z[c][0][1] = s1;
	l->z[c][1][0] = t0, l->z[c][1][1] = t1;
	return sum;
}

void
loudness_add(struct loudness *l, const float *const *sample, size_t n)
{
	for (size_t pos = 0; pos < n;) {
		/* 100 ms, also where that is no whole number of samples. */
		size_t want = (size_t)((l->blocks + 1) * l->rate / 10 - l->blocks * l->rate / 10);
		size_t m = want - l->n < n - pos ? want - l->n : n - pos;

		for (unsigned c = 0; c < l->channels; c++)
			if (l->weight[c] > 0)
				l->sum += l->weight[c] * filter(l, c, sample[c] + pos, m);
		l->n += (unsigned)m;
		pos += m;
		if (l->n >= want)
			end_block(l);
	}
}

/* The mean power of the blocks that are not below a level; their count. */
static uint64_t
gated(const struct loudness *l, double from, double *out)
{
	uint64_t n = 0;
	double sum = 0;

	for (int i = 0; i < LOUDNESS_BINS; i++) {
		double lufs = FLOOR + (i + 0.5) / 100;

		if (l->hist[i] == 0 || lufs < from)
			continue;
		sum += power(lufs) * (double)l->hist[i];
		n += l->hist[i];
	}
	*out = n > 0 ? sum / (double)n : 0;
	return n;
}

int64_t
loudness_integrated(const struct loudness *l)
{
	double p;

	if (gated(l, FLOOR, &p) == 0 || gated(l, level(p) - 10, &p) == 0)
		return LOUDNESS_NONE;
	return thousandths(level(p));
}

/* The level below which a share, in hundredths, of n values from bin first on is. */
static int64_t
percentile(const struct loudness *l, int first, uint64_t n, uint64_t share)
{
	uint64_t rank = ((n - 1) * share * 2 + 100) / 200, seen = 0;
	int i = first;

	while (i < LOUDNESS_BINS - 1 && (seen += l->range_hist[i]) <= rank)
		i++;
	return i * INT64_C(10);
}

int64_t
loudness_range(const struct loudness *l)
{
	double sum = 0, gate;
	uint64_t n = 0;
	int first;

	for (int i = 0; i < LOUDNESS_BINS; i++) {
		sum += power(FLOOR + (i + 0.5) / 100) * l->range_hist[i];
		n += l->range_hist[i];
	}
	if (n == 0)
		return 0;
	gate = level(sum / (double)n) - 20;
	first = gate > FLOOR ? bin_of(gate) : 0;
	n = 0;
	for (int i = first; i < LOUDNESS_BINS; i++)
		n += l->range_hist[i];
	return n == 0 ? 0 : percentile(l, first, n, 95) - percentile(l, first, n, 10);
}
