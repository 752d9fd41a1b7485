#include <stdlib.h>
#include <string.h>

#include "encode/adecode.h"
#include "lib/base/rational.h"
#include "lib/media/pes.h"

#define AAC_LC		2		/* audio object type */

int
adecode_open(struct adecode *d, enum codec codec, const uint8_t *desc,
    size_t desc_len, void (*take)(void *arg, AVFrame *f), void *arg)
{
	uint64_t errors = d->errors;
	int err;

	adecode_close(d);
	*d = (struct adecode){
		.errors = errors, .take = take, .arg = arg, .period = INT64_MIN,
	};
	err = decoder_open(&d->dec, codec, desc, desc_len, 1);
	d->open = err == 0;
	d->splitting = err == 0 && audio_init(&d->split, codec, desc, desc_len) == 0;
	if (desc_len <= sizeof(d->desc) && desc_len > 0) {
		memcpy(d->desc, desc, desc_len);
		d->desc_len = desc_len;
	}
	return err;
}

static unsigned
take_all(struct adecode *d)
{
	unsigned n = 0;
	AVFrame *f;

	d->errors += d->dec.errors;
	d->dec.errors = 0;
	while ((f = decoder_receive(&d->dec)) != NULL) {
		d->simple = f->sample_rate == (int)d->split.info.rate &&
		    f->nb_samples == (int)d->split.info.frame_samples;
		d->take(d->arg, f);
		av_frame_free(&f);
		n++;
	}
	return n;
}

/* Can a decoder that has seen two frames do as well? */
static bool
forgets(const struct adecode *d)
{
	const struct audio_info *i = &d->split.info;

	if (d->nbefore < ADECODE_BEFORE || !d->simple)
		return false;
	return d->dec.codec == CODEC_AC3 || d->dec.codec == CODEC_EAC3 ||
	    (d->dec.codec == CODEC_AAC && i->object_type == AAC_LC && i->channels > 0);
}

static void
renew(struct adecode *d)
{
	struct decoder fresh;
	AVFrame *f;

	if (decoder_open(&fresh, d->dec.codec, d->desc, d->desc_len, 1) < 0)
		return;
	for (unsigned i = 0; i < ADECODE_BEFORE; i++)
		decoder_send_frame(&fresh, d->before[i].data, d->before[i].len,
		    d->before[i].pts);
	while ((f = decoder_receive(&fresh)) != NULL)
		av_frame_free(&f);
	fresh.errors = 0;
	decoder_close(&d->dec);
	d->dec = fresh;
}

static void
remember(struct adecode *d, const struct audio_frame *f)
{
	struct adecode_frame first = d->before[0], *last = &d->before[ADECODE_BEFORE - 1];

	memmove(d->before, d->before + 1, sizeof(d->before) - sizeof(d->before[0]));
	*last = first;
	if (last->size < f->len) {
		uint8_t *p = realloc(last->data, f->len);

		if (p == NULL) {
			d->nbefore = 0;
			return;
		}
		last->data = p;
		last->size = f->len;
	}
	memcpy(last->data, f->data, f->len);
	last->len = f->len;
	last->pts = f->pts;
	d->nbefore += d->nbefore < ADECODE_BEFORE;
}

static unsigned
take_frame(struct adecode *d, const struct audio_frame *f)
{
	int64_t period = f->pts == PES_NO_TIME ? d->period :
	    rescale_down(f->pts, 1, ADECODE_PERIOD);

	if (f->changed)
		d->nbefore = 0;
	if (period != d->period && forgets(d))
		renew(d);
	d->period = period;
	decoder_send_frame(&d->dec, f->data, f->len, f->pts);
	remember(d, f);
	return take_all(d);
}

unsigned
adecode_unit(struct adecode *d, const uint8_t *data, size_t len, int64_t t, bool lost)
{
	struct audio_frame f;
	unsigned n = 0;

	if (!d->splitting) {
		decoder_send(&d->dec, data, len, t, t);
		return take_all(d);
	}
	if (audio_push(&d->split, data, len, t, lost) < 0)
		return 0;
	while (audio_next(&d->split, &f) > 0)
		n += take_frame(d, &f);
	return n;
}

void
adecode_drain(struct adecode *d)
{
	struct audio_frame last;

	if (d->splitting && audio_flush(&d->split, &last) > 0)
		decoder_send_frame(&d->dec, last.data, last.len, last.pts);
	decoder_drain(&d->dec);
	take_all(d);
}

void
adecode_close(struct adecode *d)
{
	if (d->splitting)
		audio_free(&d->split);
	if (d->open)
		decoder_close(&d->dec);
	d->splitting = d->open = false;
	for (unsigned i = 0; i < ADECODE_BEFORE; i++)
		free(d->before[i].data);
	memset(d->before, 0, sizeof(d->before));
}
