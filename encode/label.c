#include <string.h>

#include "encode/label.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

#define SLOWEST	23	/* pictures a second */
#define EACH_MOST	1024	/* one of so many labels: what is slower has no use for it */

bool
label_parse(struct label *l, const char *arg)
{
	const struct rational any = { 0, 1 };

	*l = (struct label){ .mode = LABEL_ZERO };
	if (strcmp(arg, "source") == 0)
		l->mode = LABEL_SOURCE;
	else if (strcmp(arg, "clock") == 0)
		l->mode = LABEL_CLOCK;
	else if (strcmp(arg, "zero") != 0)
		return timecode_parse(arg, any, &l->first);
	return true;
}

void
label_start(struct label *l, struct rational source, int64_t t, bool live)
{
	struct timecode tc;
	char text[TIMECODE_TEXT];

	l->source = source;
	l->start = t;
	l->live = live;
	timecode_text(&l->first, text);
	if (l->mode == LABEL_CLOCK && !live)
		log_warn(0, "--timecode clock: the input is not live, counted from 0");
	if (l->mode == LABEL_ZERO && !timecode_parse(text, source, &tc))
		log_warn(0, "--timecode '%s' is no label at %lld/%lld, taken as the next", text,
		    (long long)source.num, (long long)source.den);
}

/* The label that the picture brings, as a count of the source's pictures. */
static bool
find(const struct label *l, const AVFrame *f, int64_t *n)
{
	const AVFrameSideData *d = av_frame_get_side_data(f, AV_FRAME_DATA_S12M_TIMECODE);
	struct timecode tc;
	uint32_t v[4];
	int64_t gop;

	if (d != NULL && d->size >= sizeof(v)) {
		memcpy(v, d->data, sizeof(v));
		if (v[0] == 0)
			return false;
		tc = timecode_s12m(v[1], l->source);
	} else {
		d = av_frame_get_side_data(f, AV_FRAME_DATA_GOP_TIMECODE);
		if (d == NULL || d->size < sizeof(gop))
			return false;
		memcpy(&gop, d->data, sizeof(gop));
		tc = timecode_gop(gop);
	}
	*n = timecode_count(&tc, l->source);
	/* The decoder gives what a GOP header says to the picture that is shown before. */
	if (d->type == AV_FRAME_DATA_GOP_TIMECODE && f->pict_type != AV_PICTURE_TYPE_I)
		*n -= 1;
	return true;
}

void
label_see(struct label *l, const AVFrame *f, int64_t t)
{
	int64_t n;

	if (l->mode != LABEL_SOURCE || !find(l, f, &n))
		return;
	if (l->seen && n == l->n)	/* the same picture once more */
		return;
	l->seen = true;
	l->n = n;
	l->t = t;
}

/* The count of pictures up to k, where that of t is the nearest to n at another rate. */
static int64_t
count_from(const struct grid *g, int64_t k, int64_t n, struct rational rate, int64_t t)
{
	return rescale_near(n, g->rate.num * rate.den, g->rate.den * rate.num) + k -
	    grid_picture(g, t);
}

/*
 * How much grid and clock are apart is a constant, so that each picture has the next label:
 * rounding by itself might give one twice.
 */
static int64_t
count_by_clock(const struct grid *g, int64_t k, int64_t utc_ns)
{
	int64_t t_ns = rescale_near(grid_time(g, k), CLK_SECOND, 90000);
	int64_t picture = k + rescale_near(utc_ns - t_ns, g->rate.num,
	    g->rate.den * CLK_SECOND);
	int64_t now = timecode_clock(utc_ns, g->rate);

	/* Of the same day, but for that. */
	return now + (picture - rescale_near(utc_ns, g->rate.num, g->rate.den * CLK_SECOND));
}

struct timecode
label_of(const struct label *l, const struct grid *g, int64_t k, int64_t utc_ns)
{
	struct grid fine = *g;
	struct timecode tc;
	int each = 1;			/* labels of the finer rate */
	int64_t n;

	/* A slow rung, of 12.5 or 15000/1001 for instance, has those of a rate that has. */
	for (; fine.rate.num < SLOWEST * fine.rate.den && each < EACH_MOST; each *= 2)
		fine.rate.num *= 2;
	fine.rate = rational_reduce(fine.rate.num, fine.rate.den);
	k *= each;
	if (l->mode == LABEL_SOURCE && l->seen)
		n = count_from(&fine, k, l->n, l->source, l->t);
	else if (l->mode != LABEL_ZERO && l->live)
		n = count_by_clock(&fine, k, utc_ns);
	else
		n = count_from(&fine, k, timecode_count(&l->first, l->source), l->source,
		    l->start);
	tc = timecode_of(n, fine.rate);
	tc.f /= each;
	tc.drop /= each;
	return tc;
}
