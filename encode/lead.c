#include "encode/lead.h"
#include "lib/base/log.h"

#define WAIT	10			/* seconds without an IDR picture */

static int64_t
ms_of(const struct grid *g, int64_t n)
{
	return rescale_near(n, g->rate.den * 1000, g->rate.num);
}

int64_t
lead_distance_ms(const struct lead *d, const struct grid *g)
{
	return d->distance > 0 ? ms_of(g, d->distance) : 0;
}

int64_t
lead_offset_ms(const struct lead *d, const struct grid *g)
{
	return d->begun ? ms_of(g, d->first - d->segment * g->pictures) : 0;
}

void
lead_init(struct lead *d, const char *text)
{
	*d = (struct lead){ .text = text, .idr = INT64_MIN };
}

static bool
begins(const struct lead *d, const struct grid *g, int64_t k, bool idr)
{
	int64_t since = k - (d->idr > d->first ? d->idr : d->first);

	if (!d->begun)
		return true;
	if (grid_segment(g, k) <= d->segment)
		return false;
	return idr || d->filled || since >= g->pictures +
	    rescale_near(WAIT, g->rate.num, g->rate.den);
}

/* Where the IDR picture that begins the next segment is to be expected. */
static int64_t
expected(const struct lead *d, const struct grid *g, int64_t k)
{
	int64_t line = (d->segment + 1) * g->pictures;

	if (d->distance == 0 || d->filled)
		return line;
	return k + (line - k + d->distance - 1) / d->distance * d->distance;
}

/* How far apart they are, and how far off the grid, is worth a word. */
static void
tell(struct lead *d, const struct grid *g, int64_t k, bool idr)
{
	long long far = (long long)lead_distance_ms(d, g);

	if (!idr && !d->filled && !d->said_none && d->idr != INT64_MIN) {
		log_warn(0, "rung '%s': no IDR picture for %lld ms; the other rungs go on by the "
		    "grid", d->text, (long long)ms_of(g, k - d->idr));
		d->said_none = true;
	}
	/* The first of them may be where the source was cut. */
	if (d->distances < 2 || !idr || d->said_far)
		return;
	if (d->distance > g->pictures)
		log_warn(0, "rung '%s': the source's IDR pictures are %lld ms apart, and so long "
		    "are the segments of all rungs", d->text, far);
	else
		log_info("rung '%s': the source's IDR pictures are %lld ms apart, segments begin "
		    "%lld ms after the grid's", d->text, far, (long long)lead_offset_ms(d, g));
	d->said_far = true;
}

void
lead_picture(struct lead *d, const struct grid *g, int64_t k, bool idr, bool gap)
{
	bool begun = d->begun;

	d->begins = gap || begins(d, g, k, idr);
	d->more = 0;
	if (idr && d->idr != INT64_MIN && !gap) {
		d->distance = k - d->idr;
		d->distances++;
	}
	if (d->begins) {
		d->segment = grid_segment(g, k);
		d->first = k;
		d->end = expected(d, g, k);
		d->begun = true;
		if (!gap)
			tell(d, g, k, idr);
		d->filled |= begun && !idr && !gap;
	} else if (k >= d->end) {
		d->more = d->distance > 0 && !d->filled ? d->distance : (g->pictures + 1) / 2;
		d->end += d->more;
	}
	if (idr) {
		d->idr = k;
		d->filled = false;
	}
}
