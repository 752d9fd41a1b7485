#include <math.h>
#include <string.h>

#include "encode/limiter.h"

#define ONE	(INT64_C(1) << 30)

void
limiter_init(struct limiter *l, unsigned hz, unsigned channels, double ceiling)
{
	memset(l, 0, sizeof(*l));
	l->channels = channels;
	l->ahead = LIMITER_AHEAD * hz / 48000;
	l->hold = LIMITER_HOLD * hz / 48000;
	l->back = LIMITER_BACK * hz / 48000;
	l->line = l->ahead + TRUEPEAK_DELAY;
	l->ceiling = (float)ceiling;
	for (unsigned i = 0; i <= l->ahead; i++)
		l->held[i] = ONE;
	for (unsigned i = 0; i < l->back; i++)
		l->done[i] = ONE;
	l->held_sum = (l->ahead + 1) * ONE;
	l->done_sum = l->back * ONE;
}

/* The least of the last span needs, with this one: a queue of those that may yet be it. */
static int64_t
least(struct limiter *l, int64_t need)
{
	uint64_t span = l->ahead + l->hold + 2;

	while (l->count > 0 &&
	    l->low[(l->first + l->count - 1) % LIMITER_SPAN].need >= need)
		l->count--;
	if (l->count > 0 && l->n - l->low[l->first].at >= span) {
		l->first = (l->first + 1) % LIMITER_SPAN;
		l->count--;
	}
	l->low[(l->first + l->count) % LIMITER_SPAN].at = l->n;
	l->low[(l->first + l->count++) % LIMITER_SPAN].need = need;
	return l->low[l->first].need;
}

/* The factor for the sample that leaves, by the need of the one ahead of it. */
static int64_t
factor(struct limiter *l, int64_t need)
{
	int64_t low = least(l, need), quick, slow;
	int64_t *held = &l->held[l->n % (l->ahead + 1)];
	int64_t *done = &l->done[l->n % l->back];

	l->held_sum += low - *held;
	*held = low;
	quick = l->held_sum / (l->ahead + 1);
	slow = (l->done_sum - *done + quick) / l->back;
	l->done_sum += quick - *done;
	*done = quick;
	return quick < slow ? quick : slow;
}

void
limiter_run(struct limiter *l, float *const *data, int n)
{
	for (int i = 0; i < n; i++, l->n++) {
		unsigned slot = (unsigned)(l->n % l->line);
		float most = 0, f;

		for (unsigned c = 0; c < l->channels; c++) {
			float x = isfinite(data[c][i]) ? data[c][i] : 0;
			float peak = truepeak_next(&l->peak[c], x);

			most = peak > most ? peak : most;
			data[c][i] = l->delay[c][slot];
			l->delay[c][slot] = x;
		}
		f = (float)factor(l, most > l->ceiling ?
		    (int64_t)((double)l->ceiling / (double)most * (double)ONE) : ONE) / (float)ONE;
		for (unsigned c = 0; c < l->channels; c++)
			data[c][i] *= f;
	}
}
