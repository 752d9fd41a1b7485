#include "encode/still.h"
#include "encode/deint.h"

/* Those around f[at] that are of its kind: the others are of another scene. */
static void
alike(AVFrame *const *f, unsigned n, unsigned at, unsigned *from, unsigned *to)
{
	const AVFrame *x = f[at];

	for (*from = at; *from > 0; (*from)--)
		if (f[*from - 1]->width != x->width || f[*from - 1]->height != x->height ||
		    f[*from - 1]->format != x->format)
			break;
	for (*to = at + 1; *to < n; (*to)++)
		if (f[*to]->width != x->width || f[*to]->height != x->height ||
		    f[*to]->format != x->format)
			break;
}

static AVFrame *
take(struct deint *d, int64_t pts, AVFrame *found)
{
	AVFrame *f;

	while ((f = deint_get(d)) != NULL) {
		if (found == NULL && f->pts == pts)
			found = f;
		else
			av_frame_free(&f);
	}
	return found;
}

AVFrame *
still_make(AVFrame *const *f, unsigned n, unsigned at, bool *deinterlaced)
{
	AVFrame *found = NULL;
	struct deint d;
	unsigned from, to;

	alike(f, n, at, &from, &to);
	deint_init(&d, 1);
	deint_prime(&d, f + from, to - from);
	for (unsigned i = from; i < to; i++) {
		AVFrame *copy = av_frame_clone(f[i]);

		if (copy == NULL)
			break;
		if (i == at)
			copy->pts = f[at]->pts;
		deint_put(&d, copy);
		found = take(&d, f[at]->pts, found);
	}
	deint_drain(&d);
	found = take(&d, f[at]->pts, found);
	*deinterlaced = d.graph != NULL;
	deint_free(&d);
	return found != NULL ? found : av_frame_clone(f[at]);
}
