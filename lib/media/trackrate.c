/* Pictures a second, when what the stream says cannot be trusted. */
#include <stdlib.h>

#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "lib/media/track.h"

static int
compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Rates that exist, to which a measured one is drawn. */
static const struct rational rates[] = {
	{ 24000, 1001 }, { 24, 1 }, { 25, 1 }, { 30000, 1001 }, { 30, 1 }, { 50, 1 },
	{ 60000, 1001 }, { 60, 1 }, { 100, 1 }, { 120000, 1001 }, { 120, 1 },
	{ 25, 2 }, { 15, 1 }, { 15000, 1001 }, { 12, 1 }, { 12000, 1001 }, { 10, 1 },
	{ 20, 1 }, { 48, 1 }, { 48000, 1001 }, { 5, 1 }, { 40, 1 }, { 72, 1 }, { 90, 1 },
};

/* Is span, of n pictures, within 1/2000 of what the rate makes it? */
static bool
rate_fits(struct rational r, int64_t span, int64_t n)
{
	int64_t due = rescale_near(n, CLK_90K * r.den, r.num);

	return llabs(span - due) * 2000 <= due || llabs(span - due) <= 2;
}

/* Pictures a second, from the median distance of the times. */
static struct rational
measure_rate(const struct track *t)
{
	int64_t *time = malloc(t->n * sizeof(*time)), span, n = 0, count = 0, step;
	struct rational r = { 25, 1 };

	if (time == NULL)
		return r;
	for (size_t i = 0; i < t->n && t->sample[i].base == t->sample[0].base &&
	    t->sample[i].config == t->sample[0].config; i++)
		time[n++] = t->sample[i].pts;
	if (n < 3) {
		free(time);
		return r;
	}
	qsort(time, (size_t)n, sizeof(*time), compare_times);
	for (int64_t i = 0; i + 1 < n; i++)
		time[i] = time[i + 1] - time[i];
	qsort(time, (size_t)n - 1, sizeof(*time), compare_times);
	step = time[(n - 1) / 2];
	/* The mean of the steps near the median. */
	span = 0;
	for (int64_t i = 0; i + 1 < n; i++)
		if (llabs(time[i] - step) * 4 <= step) {
			span += time[i];
			count++;
		}
	free(time);
	if (count == 0 || span <= 0)
		return r;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (rate_fits(rates[i], span, count))
			return rates[i];
	return rational_reduce(CLK_90K * count, span);
}

struct rational
track_rate(const struct track *t, uint32_t version)
{
	const struct config *c = track_config(t, version);
	struct rational said, measured;

	if (t->kind == KIND_AUDIO)
		return rational_reduce(c->audio.rate,
		    c->audio.frame_samples != 0 ? c->audio.frame_samples : 960);
	said = c->video.frame_rate;
	measured = measure_rate(t);
	if (said.num <= 0 || said.den <= 0 || t->n < 8)
		return said.num > 0 && said.den > 0 ? said : measured;
	/* What the stream says is exact, when it is true. */
	if (rate_fits(said, rescale_near(10000, CLK_90K * measured.den, measured.num),
	    10000))
		return said;
	return measured;
}
