#include <stddef.h>

#include "encode/level.h"

struct avc_level {
	int	idc;
	int64_t	mb_rate, mbs, dpb_mbs, kbps, cpb_kbit;	/* table A-1 */
};

static const struct avc_level avc_levels[] = {
	{ 10, 1485, 99, 396, 64, 175 },
	{ 9, 1485, 99, 396, 128, 350 },
	{ 11, 3000, 396, 900, 192, 500 },
	{ 12, 6000, 396, 2376, 384, 1000 },
	{ 13, 11880, 396, 2376, 768, 2000 },
	{ 20, 11880, 396, 2376, 2000, 2000 },
	{ 21, 19800, 792, 4752, 4000, 4000 },
	{ 22, 20250, 1620, 8100, 4000, 4000 },
	{ 30, 40500, 1620, 8100, 10000, 10000 },
	{ 31, 108000, 3600, 18000, 14000, 14000 },
	{ 32, 216000, 5120, 20480, 20000, 20000 },
	{ 40, 245760, 8192, 32768, 20000, 25000 },
	{ 41, 245760, 8192, 32768, 50000, 62500 },
	{ 42, 522240, 8704, 34816, 50000, 62500 },
	{ 50, 589824, 22080, 110400, 135000, 135000 },
	{ 51, 983040, 36864, 184320, 240000, 240000 },
	{ 52, 2073600, 36864, 184320, 240000, 240000 },
	{ 60, 4177920, 139264, 696320, 240000, 240000 },
	{ 61, 8355840, 139264, 696320, 480000, 480000 },
	{ 62, 16711680, 139264, 696320, 800000, 800000 },
};

struct hevc_level {
	int	idc;
	int64_t	samples, sample_rate;		/* tables A.8 and A.9 */
	int64_t	kbps[2], cpb_kbit[2];		/* Main and High tier */
};

static const struct hevc_level hevc_levels[] = {
	{ 10, 36864, 552960, { 128, 128 }, { 350, 350 } },
	{ 20, 122880, 3686400, { 1500, 1500 }, { 1500, 1500 } },
	{ 21, 245760, 7372800, { 3000, 3000 }, { 3000, 3000 } },
	{ 30, 552960, 16588800, { 6000, 6000 }, { 6000, 6000 } },
	{ 31, 983040, 33177600, { 10000, 10000 }, { 10000, 10000 } },
	{ 40, 2228224, 66846720, { 12000, 30000 }, { 12000, 30000 } },
	{ 41, 2228224, 133693440, { 20000, 50000 }, { 20000, 50000 } },
	{ 50, 8912896, 267386880, { 25000, 100000 }, { 25000, 100000 } },
	{ 51, 8912896, 534773760, { 40000, 160000 }, { 40000, 160000 } },
	{ 52, 8912896, 1069547520, { 60000, 240000 }, { 60000, 240000 } },
	{ 60, 35651584, 1069547520, { 60000, 240000 }, { 60000, 240000 } },
	{ 61, 35651584, 2139095040, { 120000, 480000 }, { 120000, 480000 } },
	{ 62, 35651584, 4278190080, { 240000, 800000 }, { 240000, 800000 } },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static const char *
avc_lacks(const struct level_needs *n, const struct avc_level *l)
{
	int64_t w = (n->width + 15) / 16, h = (n->height + 15) / 16, mbs = w * h;

	if (mbs > l->mbs || w * w > 8 * l->mbs || h * h > 8 * l->mbs)
		return "size";
	if (mbs * n->rate.num > l->mb_rate * n->rate.den)
		return "frame rate";
	if (n->kbps * 4 > l->kbps * n->quarters)
		return "rate";
	if (n->cpb_kbit * 4 > l->cpb_kbit * n->quarters)
		return "vbv";
	return mbs * n->dpb > l->dpb_mbs ? "number of reference pictures" : NULL;
}

static const char *
hevc_lacks(const struct level_needs *n, const struct hevc_level *l)
{
	int64_t w = (n->width + 7) / 8 * 8, h = (n->height + 7) / 8 * 8;
	int64_t samples = w * h;
	int dpb = samples * 4 <= l->samples ? 16 : samples * 2 <= l->samples ? 12 :
	    samples * 4 <= l->samples * 3 ? 8 : 6;

	if (samples > l->samples || w * w > 8 * l->samples || h * h > 8 * l->samples)
		return "size";
	if (samples * n->rate.num > l->sample_rate * n->rate.den)
		return "frame rate";
	if (n->kbps > l->kbps[n->high_tier])
		return "rate";
	if (n->cpb_kbit > l->cpb_kbit[n->high_tier])
		return "vbv";
	return n->dpb > dpb ? "number of reference pictures" : NULL;
}

static const struct avc_level *
avc_find(int level)
{
	for (size_t i = 0; i < COUNT(avc_levels); i++)
		if (avc_levels[i].idc == level)
			return &avc_levels[i];
	return NULL;
}

static const struct hevc_level *
hevc_find(int level)
{
	for (size_t i = 0; i < COUNT(hevc_levels); i++)
		if (hevc_levels[i].idc == level)
			return &hevc_levels[i];
	return NULL;
}

bool
level_known(enum codec codec, int level)
{
	return codec == CODEC_HEVC ? hevc_find(level) != NULL : avc_find(level) != NULL;
}

const char *
level_lacks(const struct level_needs *n, int level)
{
	return n->codec == CODEC_HEVC ? hevc_lacks(n, hevc_find(level)) :
	    avc_lacks(n, avc_find(level));
}

int
level_lowest(const struct level_needs *n)
{
	for (size_t i = 0; n->codec == CODEC_HEVC && i < COUNT(hevc_levels); i++)
		if (hevc_lacks(n, &hevc_levels[i]) == NULL)
			return hevc_levels[i].idc;
	for (size_t i = 0; n->codec == CODEC_AVC && i < COUNT(avc_levels); i++)
		if (avc_lacks(n, &avc_levels[i]) == NULL)
			return avc_levels[i].idc;
	return 0;
}
