#include <errno.h>
#include <string.h>

#include "lib/media/audio_parse.h"
#include "lib/media/psi.h"

#define OPUS_DESC_TAG	0x80		/* user defined, in an extension descriptor */
#define OPUS_PACKET_MAX	5760		/* samples: 120 ms */

/* RFC 7845 5.1.1.2, by channels: the streams, coupled ones, mapping. */
static const struct {
	uint8_t streams, coupled, map[8];
} vorbis[9] = {
	[1] = { 1, 0, { 0 } },
	[2] = { 1, 1, { 0, 1 } },
	[3] = { 2, 1, { 0, 2, 1 } },
	[4] = { 2, 2, { 0, 1, 2, 3 } },
	[5] = { 3, 2, { 0, 4, 1, 2, 3 } },
	[6] = { 4, 2, { 0, 4, 1, 2, 3, 5 } },
	[7] = { 4, 3, { 0, 4, 1, 2, 3, 5, 6 } },
	[8] = { 5, 3, { 0, 6, 1, 2, 3, 4, 5, 7 } },
};

int
opus_code_of(const uint8_t *desc, size_t desc_len)
{
	while (desc_len >= 2 && desc_len - 2 >= desc[1]) {
		size_t len = desc[1];

		if (desc[0] == DESC_EXTENSION && len >= 2 && desc[2] == OPUS_DESC_TAG)
			return desc[3] <= 8 ? desc[3] : -ENOTSUP;
		desc += 2 + len;
		desc_len -= 2 + len;
	}
	return 2;				/* not said: stereo, as most are */
}

static void
put_dops(struct audio_info *i, uint32_t input_rate, uint16_t gain, unsigned family,
    unsigned streams, unsigned coupled, const uint8_t *map)
{
	uint8_t *p = i->config;

	p[0] = 0;
	p[1] = (uint8_t)i->channels;
	p[2] = (uint8_t)(i->pre_skip >> 8);
	p[3] = (uint8_t)i->pre_skip;
	for (unsigned k = 0; k < 4; k++)
		p[4 + k] = (uint8_t)(input_rate >> (24 - 8 * k));
	p[8] = (uint8_t)(gain >> 8);
	p[9] = (uint8_t)gain;
	p[10] = (uint8_t)family;
	i->config_len = 11;
	if (family == 0)
		return;
	p[11] = (uint8_t)streams;
	p[12] = (uint8_t)coupled;
	memcpy(p + 13, map, i->channels);
	i->config_len = 13 + i->channels;
}

static void
base_info(struct audio_info *i)
{
	memset(i, 0, sizeof(*i));
	i->codec = CODEC_OPUS;
	i->rate = 48000;
	memcpy(i->codec_string, "opus", 5);
}

uint32_t
audio_opus_samples(const uint8_t *p, size_t len)
{
	unsigned config, count;
	uint32_t each;

	if (len < 1)
		return 0;
	config = p[0] >> 3;
	if (config < 12)			/* SILK: 10, 20, 40, 60 ms */
		each = (config & 3) == 0 ? 480 : 960u * (config & 3);
	else if (config < 16)			/* hybrid: 10, 20 ms */
		each = 480u << (config & 1);
	else					/* CELT: 2.5, 5, 10, 20 ms */
		each = 120u << (config & 3);
	switch (p[0] & 3) {
	case 0:
		count = 1;
		break;
	case 3:
		count = len > 1 ? p[1] & 63 : 0;
		break;
	default:
		count = 2;
	}
	return count * each <= OPUS_PACKET_MAX ? count * each : 0;
}

int
opus_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h)
{
	static const uint8_t dual_mono[2] = { 0, 1 };
	unsigned code = a->opus_code;
	size_t pos = 2, size = 0;
	uint8_t flags;

	(void)end;
	if (p[0] != 0x7f || (len > 1 && (p[1] & 0xe0) != 0xe0))
		return -1;
	if (len < 3)
		return 0;
	flags = p[1];
	do {
		if (pos >= len)
			return 0;
		size += p[pos];
	} while (p[pos++] == 0xff);
	if ((flags & 0x10) != 0) {
		if (len - pos < 2)
			return 0;
		h->trim_start = (p[pos] & 0x1fu) << 8 | p[pos + 1];
		pos += 2;
	}
	if ((flags & 0x08) != 0) {
		if (len - pos < 2)
			return 0;
		h->trim_end = (p[pos] & 0x1fu) << 8 | p[pos + 1];
		pos += 2;
	}
	if ((flags & 0x04) != 0) {
		if (len - pos < 1)
			return 0;
		pos += 1 + (size_t)p[pos];
	}
	if (size == 0)
		return -1;
	if (pos >= len || len - pos < (size > 1 ? 2 : 1))
		return 0;
	h->raw_off = pos;
	h->len = pos + size;
	h->samples = audio_opus_samples(p + pos, size > 1 ? 2 : 1);
	if (h->samples == 0)
		return -1;
	base_info(&h->info);
	h->info.channels = code == 0 ? 2 : code;
	if (code == 0)
		put_dops(&h->info, 48000, 0, 255, 2, 0, dual_mono);
	else
		put_dops(&h->info, 48000, 0, code > 2, vorbis[code].streams,
		    vorbis[code].coupled, vorbis[code].map);
	return 1;
}

int
opus_parse_config(const uint8_t *p, size_t len, struct audio_info *info)
{
	struct audio_info i;

	if (len < 11 || p[0] != 0 || p[1] == 0)
		return -EBADMSG;
	if (p[1] > 8)
		return -ENOTSUP;
	if (p[10] != 0 && len < 13u + p[1])
		return -EBADMSG;
	base_info(&i);
	i.channels = p[1];
	i.pre_skip = (uint16_t)(p[2] << 8 | p[3]);
	i.config_len = p[10] == 0 ? 11 : 13u + p[1];
	memcpy(i.config, p, i.config_len);
	*info = i;
	return 0;
}

/* The same fields, but little-endian after a magic word and a version of 1. */
int
audio_parse_opus_head(const uint8_t *p, size_t len, struct audio_info *info)
{
	struct audio_info i;
	uint32_t rate;

	if (len < 19 || memcmp(p, "OpusHead", 8) != 0 || p[8] >> 4 != 0 || p[9] == 0)
		return -EBADMSG;
	if (p[9] > 8)
		return -ENOTSUP;
	if (p[18] != 0 && len < 21u + p[9])
		return -EBADMSG;
	base_info(&i);
	i.channels = p[9];
	i.pre_skip = (uint16_t)(p[10] | p[11] << 8);
	rate = p[12] | (uint32_t)p[13] << 8 | (uint32_t)p[14] << 16 |
	    (uint32_t)p[15] << 24;
	put_dops(&i, rate, (uint16_t)(p[16] | p[17] << 8), p[18],
	    p[18] != 0 ? p[19] : 0, p[18] != 0 ? p[20] : 0, p + 21);
	*info = i;
	return 0;
}

size_t
audio_opus_header_put(size_t len, unsigned trim_start, unsigned trim_end, uint8_t *p)
{
	size_t pos = 2;

	p[0] = 0x7f;
	p[1] = (uint8_t)(0xe0 | (trim_start > 0 ? 0x10 : 0) | (trim_end > 0 ? 0x08 : 0));
	for (; len >= 0xff; len -= 0xff)
		p[pos++] = 0xff;
	p[pos++] = (uint8_t)len;
	if (trim_start > 0) {
		p[pos++] = (uint8_t)(trim_start >> 8 & 0x1f);
		p[pos++] = (uint8_t)trim_start;
	}
	if (trim_end > 0) {
		p[pos++] = (uint8_t)(trim_end >> 8 & 0x1f);
		p[pos++] = (uint8_t)trim_end;
	}
	return pos;
}

int
audio_opus_desc_put(const struct audio_info *info, uint8_t *p, size_t size)
{
	const uint8_t *c = info->config;
	unsigned ch = info->channels;
	uint8_t code;

	if (info->config_len < 11 || ch == 0 || ch > 8)
		return -ENOTSUP;
	if (c[10] == 255 && ch == 2 && c[11] == 2 && c[12] == 0)
		code = 0;
	else if ((c[10] == 0 && ch <= 2) || (c[10] == 1 && c[11] == vorbis[ch].streams &&
	    c[12] == vorbis[ch].coupled && memcmp(c + 13, vorbis[ch].map, ch) == 0))
		code = (uint8_t)ch;
	else
		return -ENOTSUP;
	if (size < 10)
		return -ENOSPC;
	memcpy(p, (const uint8_t[10]){ DESC_REGISTRATION, 4, 'O', 'p', 'u', 's',
	    DESC_EXTENSION, 2, OPUS_DESC_TAG, code }, 10);
	return 10;
}
