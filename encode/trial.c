#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/quality.h"
#include "encode/trial.h"

#define TRIES		6	/* at most, in a search */
#define CLOSE		500	/* CRF */
#define ALONE		8	/* of an IDR picture, where another is not known */
#define MACROBLOCK	16

/*
 * What the segment has of what the trial has, in thousandths.  For AVC 450 to 700 were
 * measured with noise, 140 to 1450 with pictures of cameras.  It is little on purpose: an
 * encoder that begins too well is raised sooner than one that begins too badly comes back,
 * HEVC above all.
 */
#define OF_AVC		300
#define OF_HEVC		120

struct trial {
	struct rung_spec spec;
	struct coder_format format;
	unsigned n;
	AVFrame	 part[TRIAL_PICTURES];	/* borrowed, too */
	int64_t	 scale;			/* thousandths */
	int64_t	 idr, other;		/* result */
};

/* The quarter in the middle, in rows of macroblocks; of small pictures all. */
static void
take_part(struct trial *t)
{
	int height = t->format.height / 4 / MACROBLOCK * MACROBLOCK;
	int above = (t->format.height - height) / 2 / 2 * 2;

	if (height == 0)
		return;
	t->scale = t->scale * t->format.height / height;
	t->format.height = height;
	for (unsigned i = 0; i < t->n; i++) {
		AVFrame *p = &t->part[i];

		p->height = height;
		p->data[0] += above * p->linesize[0];
		p->data[1] += above / 2 * p->linesize[1];
		p->data[2] += above / 2 * p->linesize[2];
	}
}

static void
prepare(struct trial *t, const AVFrame *const frame[], unsigned n, const struct rung_spec *r,
    const struct coder_format *f)
{
	*t = (struct trial){
		.spec = *r, .format = *f, .n = n,
		.scale = r->codec == CODEC_HEVC ? OF_HEVC : OF_AVC,
	};
	t->spec.codec = CODEC_AVC;
	t->spec.vq = VQ_STANDARD;
	t->spec.low = true;
	snprintf(t->spec.preset, sizeof(t->spec.preset), "ultrafast");
	t->spec.tune[0] = t->spec.profile[0] = t->spec.level[0] = t->spec.params[0] = '\0';
	t->format.threads = 1;
	t->format.told = true;
	for (unsigned i = 0; i < n; i++)
		t->part[i] = *frame[i];
	take_part(t);
}

/* As if it were with this CRF of the rung's codec. */
static int
code(struct trial *t, enum codec codec, int crf)
{
	const struct coder_rate rate = { .crf = quality_alike(codec, CODEC_AVC, crf) };
	int64_t rest = 0;
	struct coder c;
	int err;

	t->idr = 0;
	err = coder_open(&c, &t->spec, &t->format, &rate);
	for (unsigned i = 0; i < t->n && err >= 0; i++) {
		struct coder_picture p = { .frame = &t->part[i], .pts = i, .idr = i == 0 };
		struct coder_unit u;

		err = coder_encode(&c, &p, &u);
		if (err > 0 && i == 0)
			t->idr = (int64_t)u.len * 8 * t->scale / 1000;
		else if (err > 0)
			rest += (int64_t)u.len * 8 * t->scale / 1000;
	}
	coder_close(&c);
	t->other = t->n > 1 ? rest / (t->n - 1) : t->idr / ALONE;
	return err < 0 ? err : 0;
}

int
trial_run(struct qvbr *q, const AVFrame *const frame[], unsigned n,
    const struct rung_spec *r, const struct coder_format *f)
{
	int crf, next = QVBR_SEARCH, tries = 0, err;
	struct trial t;

	prepare(&t, frame, n, r, f);
	err = code(&t, r->codec, q->crf);
	if (err < 0 || qvbr_fits(q, t.idr, t.other))
		return err;
	do {
		crf = next;
		err = code(&t, r->codec, crf);
		if (err < 0)
			return err;
		next = qvbr_search(q, crf, t.idr, t.other);
	} while (++tries < TRIES && abs(next - crf) > CLOSE);
	return 0;
}
