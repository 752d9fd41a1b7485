/*
 * Payloads in pieces (the first byte is the codec, the second their size): every
 * byte is in a frame or skipped, and records are read back.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/audio.h"
#include "lib/media/pes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const enum codec codecs[] = {
	CODEC_AAC, CODEC_AC3, CODEC_EAC3, CODEC_OPUS, CODEC_MPEGA,
};

static void
look(const struct audio *a, const struct audio_frame *f)
{
	static volatile uint8_t sum;
	struct audio_info i;
	uint8_t adts[ADTS_HEADER];

	for (size_t k = 0; k < f->len; k++)
		sum = (uint8_t)(sum + f->data[k]);
	for (size_t k = 0; k < f->raw_len; k++)
		sum = (uint8_t)(sum + f->raw[k]);
	if (f->samples == 0 || a->info.rate == 0 || a->info.config_len > AUDIO_CONFIG_MAX)
		abort();
	if (f->changed && a->info.config_len > 0 &&
	    audio_parse_config(a->info.codec, a->info.config, a->info.config_len, &i) == 0 &&
	    a->info.codec == CODEC_AAC && audio_adts_put(&i, f->raw_len, adts) == 0 &&
	    adts[2] >> 6 != f->data[2] >> 6)
		abort();
}

static void
records(enum codec c, const uint8_t *data, size_t len)
{
	uint8_t *p = malloc(len + (len == 0)), adts[ADTS_HEADER], desc[16];
	struct audio_info i, j;

	memcpy(p, data, len);
	if (audio_parse_config(c, p, len, &i) == 0) {
		if (i.rate == 0 || i.channels == 0 ||
		    audio_parse_config(c, i.config, i.config_len, &j) < 0 ||
		    j.channels != i.channels || j.rate != i.rate)
			abort();
		audio_adts_put(&i, len, adts);
	}
	if (audio_parse_opus_head(p, len, &i) == 0)
		audio_opus_desc_put(&i, desc, sizeof(desc));
	audio_opus_samples(p, len);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct audio a;
	struct audio_frame f;
	size_t piece, used = 0;
	enum codec c;

	if (len < 2)
		return 0;
	c = codecs[data[0] % 5];
	piece = 1 + (size_t)data[1] * 3;
	records(c, data + 2, len - 2);
	if (audio_init(&a, c, NULL, 0) < 0)
		abort();
	for (size_t pos = 2; pos < len; pos += piece) {
		size_t n = len - pos < piece ? len - pos : piece;
		uint8_t *exact = malloc(n);

		memcpy(exact, data + pos, n);
		if (audio_push(&a, exact, n, pos % 3 == 0 ? PES_NO_TIME : (int64_t)pos,
		    exact[0] == 0xee) < 0)
			abort();
		while (audio_next(&a, &f) > 0) {
			look(&a, &f);
			used += f.len;
		}
		free(exact);
	}
	while (audio_flush(&a, &f) > 0) {
		look(&a, &f);
		used += f.len;
	}
	if (c == CODEC_OPUS ? used + a.skipped > len - 2 : used + a.skipped != len - 2)
		abort();
	audio_free(&a);
	return 0;
}
