#include <errno.h>

#include "encode/trial.h"

void
trial_begin(struct trial *t)
{
	trial_end(t);
	t->running = true;
}

int
trial_picture(struct trial *t, const AVFrame *f)
{
	t->frame[t->n] = av_frame_clone(f);
	if (t->frame[t->n] == NULL)
		return -ENOMEM;
	return ++t->n == TRIAL_PICTURES;
}

int
trial_code(const struct trial *t, const struct rung_spec *r, const struct coder_format *f,
    int crf, int64_t *idr, int64_t *other)
{
	const struct coder_rate rate = { .crf = crf };
	struct coder_format format = *f;
	struct rung_spec spec = *r;
	int64_t bits[TRIAL_PICTURES] = { 0 };
	struct coder c;
	int n;

	spec.low = true;
	spec.params[0] = '\0';
	format.threads = 1;
	format.told = true;
	n = coder_open(&c, &spec, &format, &rate);
	for (unsigned i = 0; i < t->n && n >= 0; i++) {
		struct coder_picture p = { .frame = t->frame[i], .pts = i, .idr = i == 0 };
		struct coder_unit u;

		n = coder_encode(&c, &p, &u);
		if (n > 0)
			bits[i] = (int64_t)u.len * 8;
	}
	coder_close(&c);
	*idr = bits[0];
	*other = 0;
	for (unsigned i = 1; i < t->n; i++)
		*other += bits[i] / (t->n - 1);
	return n < 0 ? n : 0;
}

void
trial_end(struct trial *t)
{
	for (unsigned i = 0; i < t->n; i++)
		av_frame_free(&t->frame[i]);
	t->n = 0;
	t->running = false;
}
