#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/media/audio_parse.h"
#include "lib/media/bits.h"

static const uint32_t aac_rate[13] = {
	96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025,
	8000, 7350,
};

static const uint8_t aac_channels[16] = {
	0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8,
};

static uint32_t
copy(struct bits *b, struct bits_writer *w, unsigned n)
{
	uint32_t v = bits_get(b, n);

	if (w != NULL)
		bits_put(w, n, v);
	return v;
}

/*
 * Read program_config_element() (4.4.1.1) and copy it to w, if that is not NULL;
 * both begin at a byte boundary.  Returns its channels.
 */
static unsigned
pce(struct bits *b, struct bits_writer *w)
{
	static const uint8_t mixdown[3] = { 4, 4, 3 };
	unsigned elements[3], lfe, data, coupling, comment, channels = 0;

	copy(b, w, 10);				/* tag, object type, rate */
	for (unsigned i = 0; i < 3; i++)
		elements[i] = copy(b, w, 4);	/* front, side, back */
	lfe = copy(b, w, 2);
	data = copy(b, w, 3);
	coupling = copy(b, w, 4);
	for (unsigned i = 0; i < 3; i++)
		if (copy(b, w, 1) != 0)
			copy(b, w, mixdown[i]);
	for (unsigned i = 0; i < elements[0] + elements[1] + elements[2]; i++)
		channels += copy(b, w, 5) & 16 ? 2 : 1;
	for (unsigned i = 0; i < lfe + data; i++)
		copy(b, w, 4);
	for (unsigned i = 0; i < coupling; i++)
		copy(b, w, 5);
	bits_skip(b, (8 - b->pos % 8) % 8);
	if (w != NULL)
		bits_put(w, (unsigned)(8 - w->pos % 8) % 8, 0);
	comment = copy(b, w, 8);
	while (comment-- > 0 && !b->error)
		copy(b, w, 8);
	return channels + lfe;
}

int
audio_parse_asc(const uint8_t *p, size_t len, struct audio_info *info)
{
	struct bits b = bits_of(p, len);
	struct audio_info i;
	unsigned type, first, index, channels;
	uint32_t rate, core;
	bool short_frame;

	memset(&i, 0, sizeof(i));
	i.codec = CODEC_AAC;
	first = type = bits_get(&b, 5);
	if (type == 31)
		first = type = 32 + bits_get(&b, 6);
	index = bits_get(&b, 4);
	rate = core = index == 15 ? bits_get(&b, 24) : index < 13 ? aac_rate[index] : 0;
	channels = bits_get(&b, 4);
	if (type == 5 || type == 29) {		/* SBR, and PS */
		index = bits_get(&b, 4);
		rate = index == 15 ? bits_get(&b, 24) : index < 13 ? aac_rate[index] : 0;
		type = bits_get(&b, 5);
		if (type == 22)
			bits_skip(&b, 4);
	}
	if (type == 42) {			/* USAC: its own configuration */
		if (b.error || core == 0 || len > AUDIO_CONFIG_MAX)
			return b.error ? -EBADMSG : -ENOTSUP;
		i.channels = aac_channels[channels];
		i.frame_samples = 1024;
	} else if (type >= 1 && type <= 4) {
		short_frame = bits_flag(&b);
		if (bits_flag(&b))
			bits_skip(&b, 14);
		bits_skip(&b, 1);
		i.channels = channels != 0 ? aac_channels[channels] :
		    pce(&b, NULL);
		i.frame_samples = short_frame ? 960 : 1024;
	} else {
		return b.error ? -EBADMSG : -ENOTSUP;
	}
	if (b.error || rate == 0 || core == 0 || i.channels == 0)
		return -EBADMSG;
	if (len > AUDIO_CONFIG_MAX)
		return -ENOTSUP;
	i.rate = rate;
	if (core < rate)
		i.frame_samples = (uint32_t)((uint64_t)i.frame_samples * rate / core);
	i.object_type = (uint8_t)first;
	snprintf(i.codec_string, sizeof(i.codec_string), "mp4a.40.%u", first & 0xff);
	i.config_len = len;
	memcpy(i.config, p, len);
	*info = i;
	return 0;
}

/* Channels that only a PCE at the start of the first raw data block tells. */
static int
config_by_pce(const uint8_t *raw, size_t len, struct audio_info *i)
{
	struct bits b = bits_of(raw, len);
	struct bits_writer w = bits_into(i->config, sizeof(i->config));

	if (bits_get(&b, 3) != 5)		/* ID_PCE */
		return -1;
	bits_put(&w, 16, (uint32_t)i->config[0] << 8 | i->config[1]);
	i->channels = pce(&b, &w);
	i->config_len = bits_len(&w);
	return b.error || w.error || i->channels == 0 ? -1 : 0;
}

int
aac_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h)
{
	struct audio_info *i = &h->info;
	unsigned profile, index, channels;

	(void)end;
	if (p[0] != 0xff || (len > 1 && (p[1] & 0xf6) != 0xf0))
		return -1;
	if (len < ADTS_HEADER)
		return 0;
	profile = p[2] >> 6;
	index = p[2] >> 2 & 15;
	channels = (p[2] & 1u) << 2 | p[3] >> 6;
	h->len = (p[3] & 3u) << 11 | (unsigned)p[4] << 3 | p[5] >> 5;
	h->raw_off = (p[1] & 1) != 0 ? 7 : 9;
	h->samples = 1024 * ((p[6] & 3u) + 1);
	h->no_raw = (p[6] & 3) != 0;
	if (index >= 13 || h->len <= h->raw_off)
		return -1;
	i->codec = CODEC_AAC;
	i->rate = aac_rate[index];
	i->channels = aac_channels[channels];
	i->frame_samples = 1024;
	i->object_type = (uint8_t)(profile + 1);
	snprintf(i->codec_string, sizeof(i->codec_string), "mp4a.40.%u", profile + 1);
	i->config_len = 2;
	i->config[0] = (uint8_t)((profile + 1) << 3 | index >> 1);
	i->config[1] = (uint8_t)(index << 7 | channels << 3);
	if (channels != 0)
		return 1;
	if (len < h->len)
		return end ? -1 : 0;
	if (config_by_pce(p + h->raw_off, h->len - h->raw_off, i) == 0)
		return 1;
	if (a->info.rate != i->rate || (a->info.config[1] & 0x78) != 0)
		return -1;
	*i = a->info;				/* not every frame has one */
	return 1;
}

int
audio_adts_put(const struct audio_info *info, size_t len, uint8_t p[static ADTS_HEADER])
{
	struct bits b = bits_of(info->config, info->config_len);
	unsigned type = bits_get(&b, 5), index = bits_get(&b, 4), channels;
	size_t total = len + ADTS_HEADER;

	if (index == 15)
		return -ENOTSUP;
	channels = bits_get(&b, 4);
	if (type == 5 || type == 29) {		/* ADTS has the core; SBR is implicit */
		if (bits_get(&b, 4) == 15)
			bits_skip(&b, 24);
		type = bits_get(&b, 5);
	}
	if (b.error || type < 1 || type > 4 || index >= 13 || channels == 0 ||
	    channels > 7)
		return -ENOTSUP;
	if (total > 0x1fff)
		return -ENOSPC;
	p[0] = 0xff;
	p[1] = 0xf1;
	p[2] = (uint8_t)((type - 1) << 6 | index << 2 | channels >> 2);
	p[3] = (uint8_t)((channels & 3) << 6 | total >> 11);
	p[4] = (uint8_t)(total >> 3);
	p[5] = (uint8_t)((total & 7) << 5 | 0x1f);
	p[6] = 0xfc;
	return 0;
}
