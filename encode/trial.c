#include "encode/trial.h"

int
trial_code(const AVFrame *const frame[], unsigned n, const struct rung_spec *r,
    const struct coder_format *f, int crf, int64_t *idr, int64_t *other)
{
	const struct coder_rate rate = { .crf = crf };
	struct coder_format format = *f;
	struct rung_spec spec = *r;
	int64_t rest = 0;
	struct coder c;
	int err;

	spec.low = true;
	spec.params[0] = '\0';
	format.threads = 1;
	format.told = true;
	*idr = 0;
	err = coder_open(&c, &spec, &format, &rate);
	for (unsigned i = 0; i < n && err >= 0; i++) {
		struct coder_picture p = { .frame = frame[i], .pts = i, .idr = i == 0 };
		struct coder_unit u;

		err = coder_encode(&c, &p, &u);
		if (err > 0 && i == 0)
			*idr = (int64_t)u.len * 8;
		else if (err > 0)
			rest += (int64_t)u.len * 8;
	}
	coder_close(&c);
	*other = n > 1 ? rest / (n - 1) : 0;
	return err < 0 ? err : 0;
}
