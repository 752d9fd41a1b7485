#include <errno.h>
#include <string.h>

#include "lib/media/audio_parse.h"
#include "lib/media/bits.h"

#define SYNC_MIN	8		/* bytes in which each syncframe says its size */
#define SUBSTREAMS	16

static const uint16_t ac3_rate[3] = { 48000, 44100, 32000 };
static const uint16_t ac3_kbit[19] = {
	32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512,
	576, 640,
};
static const uint8_t ac3_channels[8] = { 2, 1, 2, 3, 3, 4, 4, 5 };

/* chanmap (table E.1.4, most significant bit first) of an acmod, without LFE. */
static const uint16_t ac3_map[8] = {
	0xa000, 0x4000, 0xa000, 0xe000, 0xa100, 0xe100, 0xb800, 0xf800,
};
#define MAP_PAIRS	0x0674		/* locations of two channels each */
#define MAP_LFE		0x0001

struct syncframe {
	bool	 eac3;
	uint8_t	 strmtyp, substreamid, fscod, bsid, bsmod, acmod, lfeon, bit_rate_code;
	uint8_t	 joc;
	bool	 half_rate;
	uint16_t chanmap;		/* dependent substreams */
	unsigned blocks;
	uint32_t rate;
	size_t	 len;
};

/* 4.3, 4.4.2 */
static int
parse_ac3(struct bits *b, struct syncframe *s)
{
	unsigned frmsizecod, shift;
	uint32_t kbit;

	bits_skip(b, 32);				/* syncword, crc1 */
	s->fscod = (uint8_t)bits_get(b, 2);
	frmsizecod = bits_get(b, 6);
	s->bsid = (uint8_t)bits_get(b, 5);
	s->bsmod = (uint8_t)bits_get(b, 3);
	s->acmod = (uint8_t)bits_get(b, 3);
	if ((s->acmod & 1) != 0 && s->acmod != 1)
		bits_skip(b, 2);
	if ((s->acmod & 4) != 0)
		bits_skip(b, 2);
	if (s->acmod == 2)
		bits_skip(b, 2);
	s->lfeon = (uint8_t)bits_get(b, 1);
	if (b->error || s->fscod == 3 || frmsizecod >= 38)
		return -1;
	kbit = ac3_kbit[frmsizecod / 2];
	s->len = s->fscod == 0 ? kbit * 4 : s->fscod == 2 ? kbit * 6 :
	    (kbit * 96000 / 44100 + (frmsizecod & 1)) * 2;
	shift = s->bsid > 8 ? s->bsid - 8u : 0;
	s->rate = (uint32_t)ac3_rate[s->fscod] >> shift;
	s->bit_rate_code = (uint8_t)(frmsizecod / 2);
	s->blocks = 6;
	return 0;
}

/* mixmdata, E.1.2.2; only to get past it. */
static void
mixing(struct bits *b, const struct syncframe *s)
{
	unsigned mixdef;

	if (s->acmod > 2)
		bits_skip(b, 2);
	if ((s->acmod & 1) != 0 && s->acmod > 2)
		bits_skip(b, 6);
	if ((s->acmod & 4) != 0)
		bits_skip(b, 6);
	if (s->lfeon && bits_flag(b))
		bits_skip(b, 5);
	if (s->strmtyp != 0)
		return;
	if (bits_flag(b))
		bits_skip(b, 6);
	if (s->acmod == 0 && bits_flag(b))
		bits_skip(b, 6);
	if (bits_flag(b))
		bits_skip(b, 6);
	mixdef = bits_get(b, 2);
	if (mixdef == 1)
		bits_skip(b, 5);
	else if (mixdef == 2)
		bits_skip(b, 12);
	else if (mixdef == 3)
		bits_skip(b, 8 * (bits_get(b, 5) + 2));
	if (s->acmod < 2) {
		if (bits_flag(b))
			bits_skip(b, 14);
		if (s->acmod == 0 && bits_flag(b))
			bits_skip(b, 14);
	}
	if (!bits_flag(b))
		return;
	if (s->blocks == 1) {
		bits_skip(b, 5);
		return;
	}
	for (unsigned i = 0; i < s->blocks; i++)
		if (bits_flag(b))
			bits_skip(b, 5);
}

static void
information(struct bits *b, struct syncframe *s)
{
	s->bsmod = (uint8_t)bits_get(b, 3);
	bits_skip(b, 2);
	if (s->acmod == 2)
		bits_skip(b, 4);
	if (s->acmod >= 6)
		bits_skip(b, 2);
	if (bits_flag(b))
		bits_skip(b, 8);
	if (s->acmod == 0 && bits_flag(b))
		bits_skip(b, 8);
	if (!s->half_rate)
		bits_skip(b, 1);
}

/*
 * E.1.2.2 up to addbsi, where Annex H (TS 103 420 8.3) says that this is Atmos.
 * What comes after the sizes may be cut off: then it is not known.
 */
static int
parse_eac3(struct bits *b, struct syncframe *s)
{
	static const uint8_t blocks[4] = { 1, 2, 3, 6 };
	unsigned code;

	bits_skip(b, 16);
	s->strmtyp = (uint8_t)bits_get(b, 2);
	s->substreamid = (uint8_t)bits_get(b, 3);
	s->len = ((size_t)bits_get(b, 11) + 1) * 2;
	s->fscod = (uint8_t)bits_get(b, 2);
	code = bits_get(b, 2);
	if (s->strmtyp == 3 || (s->fscod == 3 && code == 3) || s->len < SYNC_MIN)
		return -1;
	s->half_rate = s->fscod == 3;
	s->rate = s->half_rate ? ac3_rate[code] / 2u : ac3_rate[s->fscod];
	s->blocks = s->half_rate ? 6 : blocks[code];
	s->acmod = (uint8_t)bits_get(b, 3);
	s->lfeon = (uint8_t)bits_get(b, 1);
	s->bsid = (uint8_t)bits_get(b, 5);
	for (unsigned i = 0; i < (s->acmod == 0 ? 2 : 1); i++) {
		bits_skip(b, 5);
		if (bits_flag(b))
			bits_skip(b, 8);
	}
	if (s->strmtyp == 1 && bits_flag(b))
		s->chanmap = (uint16_t)bits_get(b, 16);
	if (bits_flag(b))
		mixing(b, s);
	if (bits_flag(b))
		information(b, s);
	if (s->strmtyp == 0 && s->blocks != 6)
		bits_skip(b, 1);
	if (s->strmtyp == 2 && (s->blocks == 6 || bits_flag(b)))
		bits_skip(b, 6);
	if (bits_flag(b) && bits_get(b, 6) >= 1 && bits_get(b, 7) == 0 && bits_flag(b))
		s->joc = (uint8_t)bits_get(b, 8);
	return 0;
}

/* 1, 0: too short, -1: no syncframe. */
static int
parse(const uint8_t *p, size_t len, struct syncframe *s)
{
	struct bits b;

	if (p[0] != 0x0b || (len > 1 && p[1] != 0x77))
		return -1;
	if (len < SYNC_MIN)
		return 0;
	b = bits_of(p, len);
	*s = (struct syncframe){ .eac3 = p[5] >> 3 > 10 };
	if (p[5] >> 3 > 16)
		return -1;
	return (s->eac3 ? parse_eac3(&b, s) : parse_ac3(&b, s)) < 0 ? -1 : 1;
}

static unsigned
count_channels(uint16_t map)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 16; i++)
		if ((map >> i & 1) != 0)
			n += (MAP_PAIRS >> i & 1) != 0 ? 2 : 1;
	return n;
}

/* chan_loc of dec3 (F.6.2.13) from a chanmap. */
static unsigned
chan_loc(uint16_t map)
{
	unsigned loc = 0;

	for (unsigned i = 0; i < 8; i++)
		loc |= ((unsigned)map >> (10 - i) & 1) << i;
	return loc | ((unsigned)map >> 1 & 1) << 8;
}

static void
ac3_info(const struct syncframe *s, struct audio_info *i)
{
	struct bits_writer w = bits_into(i->config, sizeof(i->config));

	i->codec = CODEC_AC3;
	i->rate = s->rate;
	i->channels = ac3_channels[s->acmod] + s->lfeon;
	i->frame_samples = 1536;
	i->bitrate = ac3_kbit[s->bit_rate_code] * 1000u;
	memcpy(i->codec_string, "ac-3", 5);
	bits_put(&w, 2, s->fscod);
	bits_put(&w, 5, s->bsid);
	bits_put(&w, 3, s->bsmod);
	bits_put(&w, 3, s->acmod);
	bits_put(&w, 1, s->lfeon);
	bits_put(&w, 5, s->bit_rate_code);
	bits_put(&w, 5, 0);
	i->config_len = bits_len(&w);
}

struct program {			/* an independent substream */
	struct syncframe first;
	unsigned dependents;
	uint16_t chanmap;		/* of all dependent ones */
};

/* F.6 */
static void
eac3_info(const struct program *program, unsigned n, size_t len,
    struct audio_info *i)
{
	struct bits_writer w = bits_into(i->config, sizeof(i->config));
	const struct syncframe *s = &program[0].first;
	uint16_t map = (uint16_t)(ac3_map[s->acmod] | (s->lfeon ? MAP_LFE : 0) |
	    program[0].chanmap);

	i->codec = CODEC_EAC3;
	i->rate = s->rate;
	i->channels = s->acmod == 0 ? 2u + s->lfeon : count_channels(map);
	i->frame_samples = 1536;
	i->bitrate = (uint32_t)(len * 8 * s->rate / 1536);
	i->joc = s->joc;
	memcpy(i->codec_string, "ec-3", 5);
	bits_put(&w, 13, (i->bitrate + 500) / 1000 > 8191 ? 8191 :
	    (i->bitrate + 500) / 1000);
	bits_put(&w, 3, n - 1);
	for (unsigned k = 0; k < n; k++) {
		s = &program[k].first;
		bits_put(&w, 2, s->fscod);
		bits_put(&w, 5, s->bsid);
		bits_put(&w, 2, 0);			/* reserved, asvc */
		bits_put(&w, 3, s->bsmod);
		bits_put(&w, 3, s->acmod);
		bits_put(&w, 1, s->lfeon);
		bits_put(&w, 3, 0);
		bits_put(&w, 4, program[k].dependents);
		if (program[k].dependents > 0)
			bits_put(&w, 9, chan_loc(program[k].chanmap));
		else
			bits_put(&w, 1, 0);
	}
	if (i->joc > 0) {				/* TS 103 420 C.3.2 */
		bits_put(&w, 8, 1);
		bits_put(&w, 8, i->joc);
	}
	i->config_len = bits_len(&w);
}

/*
 * An access unit of E-AC-3 has six blocks of independent substream 0 and, after
 * each of its syncframes, those of the others (E.1.3.1).  That it is complete is
 * seen from the next one; or from the payload's end, if the last unit had as
 * many syncframes.
 */
static int
eac3_unit(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h)
{
	struct program program[SUBSTREAMS / 2];
	unsigned n = 0, blocks = 0, parts = 0;
	struct syncframe s;
	size_t off = 0;

	for (;;) {
		int r;

		if (off == len && blocks >= 6 && (end || parts >= a->parts))
			break;
		r = off < len ? parse(p + off, len - off, &s) : 0;
		if (r == 0 && !end)
			return 0;
		if (r > 0 && !s.eac3)
			r = -1;
		if (r > 0 && s.strmtyp != 1 && s.substreamid == 0) {
			if (blocks >= 6)
				break;
			blocks += s.blocks;
		} else if (r <= 0) {
			if (blocks >= 6)
				break;
			return -1;
		} else if (parts == 0) {
			return -1;		/* the middle of a unit */
		}
		if (s.strmtyp == 1) {
			program[n - 1].chanmap |= s.chanmap;
			if (blocks <= program[0].first.blocks &&
			    program[n - 1].dependents < 15)
				program[n - 1].dependents++;
		} else if (s.substreamid >= n) {
			if (s.substreamid > n || n == SUBSTREAMS / 2)
				return -1;
			program[n++] = (struct program){ .first = s };
		}
		off += s.len;
		parts++;
		if (off > len) {
			h->len = off;
			break;			/* more is needed, or cut */
		}
	}
	h->len = off;
	h->samples = 1536;
	h->parts = parts;
	eac3_info(program, n, off, &h->info);
	return 1;
}

int
ac3_header(const struct audio *a, const uint8_t *p, size_t len, bool end,
    struct audio_header *h)
{
	struct syncframe s;
	int r = parse(p, len, &s);

	if (r <= 0)
		return r;
	if (s.eac3)
		return eac3_unit(a, p, len, end, h);
	h->len = s.len;
	h->samples = 1536;
	ac3_info(&s, &h->info);
	return 1;
}

static int
parse_dec3(struct bits *b, struct audio_info *i)
{
	unsigned kbit = bits_get(b, 13), n = bits_get(b, 3) + 1, map = 0;

	i->bitrate = kbit * 1000;
	i->codec = CODEC_EAC3;
	memcpy(i->codec_string, "ec-3", 5);
	for (unsigned k = 0; k < n; k++) {
		unsigned fscod = bits_get(b, 2), acmod, lfeon, loc = 0;

		bits_skip(b, 10);
		acmod = bits_get(b, 3);
		lfeon = bits_get(b, 1);
		bits_skip(b, 3);
		if (bits_get(b, 4) > 0)
			loc = bits_get(b, 9);
		else
			bits_skip(b, 1);
		if (k > 0)
			continue;
		/* half rates are not in the box */
		i->rate = fscod < 3 ? ac3_rate[fscod] : 24000;
		map = ac3_map[acmod] | (lfeon ? MAP_LFE : 0);
		for (unsigned j = 0; j < 8; j++)
			map |= (loc >> j & 1) << (10 - j);
		map |= (loc >> 8 & 1) << 1;
		i->channels = acmod == 0 ? 2 + lfeon : count_channels((uint16_t)map);
	}
	if (!b->error && bits_left(b) >= 16 && bits_get(b, 8) == 1)
		i->joc = (uint8_t)bits_get(b, 8);
	return b->error ? -EBADMSG : 0;
}

int
ac3_parse_config(enum codec codec, const uint8_t *p, size_t len,
    struct audio_info *info)
{
	struct bits b = bits_of(p, len);
	struct audio_info i;

	memset(&i, 0, sizeof(i));
	if (len > AUDIO_CONFIG_MAX)
		return -ENOTSUP;
	if (codec == CODEC_EAC3) {
		if (parse_dec3(&b, &i) < 0)
			return -EBADMSG;
	} else {
		unsigned fscod = bits_get(&b, 2), acmod, rate_code;

		bits_skip(&b, 8);
		acmod = bits_get(&b, 3);
		i.channels = ac3_channels[acmod] + bits_get(&b, 1);
		rate_code = bits_get(&b, 5);
		if (b.error || fscod == 3 || rate_code >= 19)
			return -EBADMSG;
		i.codec = CODEC_AC3;
		i.rate = ac3_rate[fscod];
		i.bitrate = ac3_kbit[rate_code] * 1000u;
		memcpy(i.codec_string, "ac-3", 5);
	}
	i.frame_samples = 1536;
	memcpy(i.config, p, len);
	i.config_len = len;
	*info = i;
	return 0;
}
