/*
 * What --audio asks for: it is within bounds, and its mix has rows and channels that there
 * are; or there is something wrong with it that is said in one line.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/audiospec.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_mix(const struct audio_spec *a)
{
	assert(a->rows <= MIX_ROWS && a->nterm <= MIX_TERMS && a->rows <= a->nterm);
	assert(a->rows == 0 || a->rows == audiospec_channels(a->layout));
	for (unsigned i = 0; i < a->nterm; i++) {
		const struct mix_term *t = &a->term[i];

		assert(t->row < a->rows && isfinite(t->factor) && fabs(t->factor) <= 1000);
		assert(t->speaker == 0 ? t->number < MIX_CHANNELS : t->number == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), error[AUDIOSPEC_ERROR];
	struct audio_spec a;
	bool good;

	if (text == NULL)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	good = audiospec_parse(&a, text, error);
	assert(good == (error[0] == '\0'));
	for (const char *p = error; *p != '\0'; p++)
		assert(!iscntrl((unsigned char)*p));
	if (good && a.mode == AUDIO_CODE) {
		check_mix(&a);
		assert(audiospec_channels(a.layout) <= MIX_ROWS);
		assert(a.hz >= 16000 && a.hz <= 48000 && a.hz % 10 == 0);
		assert(a.codec == CODEC_AAC || a.hz >= 32000);
		assert(abs(a.gain) <= 60000 && a.peak <= 0 && a.peak >= -20000);
		assert(a.loud != LOUD_CORRECT || (a.target <= -5000 && a.target >= -60000));
		assert(a.rate == 0 || (a.rate >= 6000 && a.rate <= 2000000));
	}
	if (good)
		assert(a.selects == (a.pid != 0 || a.track != 0 || a.nlang > 0));
	free(text);
	return 0;
}
