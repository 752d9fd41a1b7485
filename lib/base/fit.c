#include <string.h>

#include "lib/base/fit.h"

#define X_MAX	(INT64_C(1) << 32)
#define Y_MAX	(INT64_C(1) << 40)
#define FRACTION 32			/* bits of a slope behind the point */

static void
sum(struct fit *f, const struct fit_point *p, int sign)
{
	__int128 x = p->x - f->x0, y = p->y - f->y0;

	f->sx += sign * x;
	f->sy += sign * y;
	f->sxx += sign * x * x;
	f->sxy += sign * x * y;
}

/* Relative to the oldest point, so that the sums stay small. */
static void
rebase(struct fit *f)
{
	const struct fit_point *first = &f->point[(f->next + FIT_POINTS - f->n) % FIT_POINTS];

	f->x0 = first->x;
	f->y0 = first->y;
	f->sx = f->sy = f->sxx = f->sxy = 0;
	f->moved = 0;
	for (unsigned i = 0; i < f->n; i++)
		sum(f, &f->point[(f->next + FIT_POINTS - f->n + i) % FIT_POINTS], 1);
}

static bool
near(const struct fit *f, int64_t x, int64_t y)
{
	const struct fit_point *last = &f->point[(f->next + FIT_POINTS - 1) % FIT_POINTS];
	__int128 dx = (__int128)x - f->x0, dy = (__int128)y - f->y0;

	return x > last->x && dx < X_MAX && dy < Y_MAX && dy > -Y_MAX;
}

void
fit_add(struct fit *f, int64_t x, int64_t y)
{
	struct fit_point *p = &f->point[f->next];

	if (f->n > 0 && !near(f, x, y))
		f->n = 0;
	if (f->n == FIT_POINTS) {
		sum(f, p, -1);
		f->n--;
		f->moved++;
	}
	*p = (struct fit_point){ x, y };
	f->next = (f->next + 1) % FIT_POINTS;
	if (f->n++ == 0 || f->moved == FIT_POINTS)
		rebase(f);
	else
		sum(f, p, 1);
}

static __int128
nearest(__int128 a, __int128 b)		/* a / b, b > 0 */
{
	return (a >= 0 ? a + b / 2 : a - b / 2) / b;
}

bool
fit_at(const struct fit *f, int64_t x, int64_t *y)
{
	__int128 n = f->n, dx = (__int128)x - f->x0, den, slope, at;

	if (f->n < 2 || dx >= 2 * X_MAX || dx <= -2 * X_MAX)
		return false;
	den = n * f->sxx - f->sx * f->sx;
	if (den <= 0)
		return false;
	slope = nearest((n * f->sxy - f->sx * f->sy) * ((__int128)1 << FRACTION), den);
	/* Steeper than this and a product below would not fit. */
	if (slope >= (__int128)1 << 80 || slope <= -((__int128)1 << 80))
		return false;
	at = f->sy * ((__int128)1 << FRACTION) + slope * (dx * n - f->sx);
	*y = f->y0 + (int64_t)nearest(at, n * ((__int128)1 << FRACTION));
	return true;
}
