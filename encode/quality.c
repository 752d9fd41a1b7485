#include <stddef.h>

#include "encode/doubling.h"
#include "encode/quality.h"
#include "lib/base/opt.h"

/*
 * Level 0, which nobody can ask for, to 10.  What x264 veryfast keeps with CRF 16 (level
 * 10), 18.5, 20.5, 22.5, 24.5, 26.5, 28.5, 31, 34 and 38 (level 1): the same SSIM with
 * the recipe of coder_avc.c and with superfast of x265, on average over six clips.
 */
static const int avc[] = {
	45000, 40000, 35900, 32700, 30100, 28000, 25900, 23700, 21700, 19600, 16900,
};
static const int hevc[] = {
	46000, 41000, 36000, 32100, 28900, 26300, 23800, 21300, 18900, 16500, 13500,
};

/* CRF above those with vq=enhanced, for the same SSIM on the same clips. */
#define AVC_ENHANCED	600
#define HEVC_ENHANCED	1300

int
quality_parse(const char *s)
{
	static const struct opt_unit levels[] = { { "", 1000 }, { NULL, 0 } };
	uint64_t level;

	if (opt_scaled(s, levels, &level) < 0)
		return 0;
	return level >= QUALITY_LEAST && level <= QUALITY_MOST ? (int)level : 0;
}

static const int *
crf_table(enum codec codec)
{
	return codec == CODEC_HEVC ? hevc : avc;
}

static int
spared(enum codec codec, bool enhanced)
{
	return !enhanced ? 0 : codec == CODEC_HEVC ? HEVC_ENHANCED : AVC_ENHANCED;
}

int
quality_crf(enum codec codec, bool enhanced, int level)
{
	const int *t = crf_table(codec);
	int whole = level / 1000, crf = t[10];

	if (level < QUALITY_MOST)
		crf = t[whole] + (t[whole + 1] - t[whole]) * (level % 1000) / 1000;
	return crf + spared(codec, enhanced);
}

int
quality_of(enum codec codec, bool enhanced, int crf)
{
	const int *t = crf_table(codec);

	crf -= spared(codec, enhanced);
	if (crf >= t[0])
		return 0;
	for (int i = 1; i <= 10; i++)
		if (crf >= t[i])
			return i * 1000 - (crf - t[i]) * 1000 / (t[i - 1] - t[i]);
	return QUALITY_MOST;
}

int
quality_alike(enum codec from, enum codec to, int crf)
{
	int level = quality_of(from, false, crf);

	return quality_crf(to, false, level) + crf - quality_crf(from, false, level);
}

/* The cap under which pictures of this size keep their level nearly always. */
static int64_t
ample(int64_t pixels)
{
	static const struct {
		int64_t	pixels, rate;
	} t[] = {
		{ 480 * 270, 400000 }, { 640 * 360, 1500000 }, { 960 * 540, 3500000 },
		{ 1280 * 720, 6000000 }, { 1920 * 1080, 8500000 }, { 3840 * 2160, 15000000 },
	};
	const size_t n = sizeof(t) / sizeof(t[0]);

	if (pixels <= t[0].pixels)
		return t[0].rate * pixels / t[0].pixels;
	for (size_t i = 1; i < n; i++)
		if (pixels <= t[i].pixels)
			return t[i - 1].rate + (t[i].rate - t[i - 1].rate) *
			    (pixels - t[i - 1].pixels) / (t[i].pixels - t[i - 1].pixels);
	return t[n - 1].rate * (pixels / 1000) / (t[n - 1].pixels / 1000);
}

int
quality_auto(enum codec codec, int64_t pixels, uint64_t cap)
{
	int level = pixels >= 2560 * 1440 ? 9000 : pixels >= 1280 * 720 ? 8000 : 7000;
	int64_t rate = ample(pixels), short_of;

	if (codec == CODEC_HEVC)
		rate = rate * 2 / 3;
	short_of = rate > 0 ? doublings(rate, (int64_t)cap) : 0;
	if (short_of > 0)
		level -= (int)short_of;
	return level < 3000 ? 3000 : level;
}
