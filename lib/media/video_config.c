/* The records of sample entries, avcC and hvcC, and what is done with them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/params.h"

struct out {
	uint8_t *p;
	size_t	 len, size;
	bool	 full;
};

static void
put(struct out *o, const void *p, size_t len)
{
	if (o->full || o->size - o->len < len) {
		o->full = true;
		return;
	}
	memcpy(o->p + o->len, p, len);
	o->len += len;
}

static void
put8(struct out *o, unsigned v)
{
	uint8_t b = (uint8_t)v;

	put(o, &b, 1);
}

static void
put16(struct out *o, unsigned v)
{
	put8(o, v >> 8);
	put8(o, v);
}

static unsigned
count_sets(const struct video *v, unsigned type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->nset; i++)
		n += v->set[i].type == type;
	return n;
}

/* In order of their ids, whatever order they came in. */
static void
put_sets(const struct video *v, unsigned type, struct out *o, bool annexb)
{
	static const uint8_t start_code[4] = { 0, 0, 0, 1 };

	for (unsigned id = 0; id < AVC_PPS_MAX; id++)
		for (unsigned i = 0; i < v->nset; i++) {
			const struct video_set *s = &v->set[i];

			if (s->type != type || s->id != id)
				continue;
			if (annexb)
				put(o, start_code, 4);
			else
				put16(o, (unsigned)s->len);
			put(o, s->data, s->len);
		}
}

static const struct video_set *
active_sps(const struct video *v, unsigned type)
{
	for (unsigned i = 0; i < v->nset; i++)
		if (v->set[i].type == type && v->set[i].id == v->active_sps)
			return &v->set[i];
	return NULL;
}

/* AVCDecoderConfigurationRecord, 14496-15 5.3.3.1.2 */
static void
put_avcc(const struct video *v, struct out *o)
{
	const struct video_format *f = &v->format;

	put8(o, 1);
	put8(o, f->profile_idc);
	put8(o, f->compat);
	put8(o, f->level_idc);
	put8(o, 0xfc | 3);			/* lengthSizeMinusOne */
	put8(o, 0xe0 | count_sets(v, AVC_SPS));
	put_sets(v, AVC_SPS, o, false);
	put8(o, count_sets(v, AVC_PPS));
	put_sets(v, AVC_PPS, o, false);
	if (f->profile_idc == 66 || f->profile_idc == 77 || f->profile_idc == 88)
		return;
	put8(o, 0xfcu | f->chroma_format_idc);
	put8(o, 0xf8u | (f->bit_depth - 8u));
	put8(o, 0xf8u | (f->bit_depth_chroma - 8u));
	put8(o, 0);				/* SPS extensions */
}

/* HEVCDecoderConfigurationRecord, 14496-15 8.3.3.1.2 */
static int
put_hvcc(const struct video *v, struct out *o)
{
	static const unsigned type[3] = { HEVC_VPS, HEVC_SPS, HEVC_PPS };
	const struct video_set *sps = active_sps(v, HEVC_SPS);
	struct video_format f;
	struct hevc_profile h;
	unsigned id, vps;

	if (sps == NULL || hevc_sps_parse((struct nal){ sps->data, sps->len }, &id,
	    &vps, &f, &h) < 0)
		return -ENODATA;
	put8(o, 1);
	put(o, h.general, sizeof(h.general));
	put16(o, 0xf000 | h.min_spatial_segmentation);
	put8(o, 0xfc);				/* parallelismType: not known */
	put8(o, 0xfcu | f.chroma_format_idc);
	put8(o, 0xf8u | (f.bit_depth - 8u));
	put8(o, 0xf8u | (f.bit_depth_chroma - 8u));
	put16(o, 0);				/* avgFrameRate: not said */
	put8(o, h.sub_layers << 3 | (unsigned)h.temporal_id_nesting << 2 | 3);
	put8(o, 3);
	for (unsigned i = 0; i < 3; i++) {
		put8(o, 0x80 | type[i]);	/* array_completeness: hvc1 */
		put16(o, count_sets(v, type[i]));
		put_sets(v, type[i], o, false);
	}
	return 0;
}

int
video_config_put(const struct video *v, uint8_t *p, size_t size)
{
	bool hevc = v->format.codec == CODEC_HEVC;
	struct out o = { .p = p, .size = size };

	if (v->format.width == 0 ||
	    active_sps(v, hevc ? HEVC_SPS : AVC_SPS) == NULL ||
	    count_sets(v, hevc ? HEVC_PPS : AVC_PPS) == 0 ||
	    (hevc && count_sets(v, HEVC_VPS) == 0))
		return -ENODATA;
	if (!hevc && (count_sets(v, AVC_SPS) > 31 || count_sets(v, AVC_PPS) > 255))
		return -ENOSPC;
	if (!hevc)
		put_avcc(v, &o);
	else if (put_hvcc(v, &o) < 0)
		return -ENODATA;
	return o.full ? -ENOSPC : (int)o.len;
}

struct in {
	const uint8_t *p;
	size_t	       len;
};

static unsigned
get(struct in *in, unsigned bytes, bool *error)
{
	unsigned v = 0;

	if (in->len < bytes) {
		*error = true;
		in->len = 0;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | in->p[i];
	in->p += bytes;
	in->len -= bytes;
	return v;
}

/* Append n sets with their lengths, as a byte stream, to unit[*fill..). */
static void
get_sets(struct in *in, unsigned n, uint8_t *unit, size_t *fill, bool *error)
{
	while (n-- > 0 && !*error) {
		unsigned len = get(in, 2, error);

		if (in->len < len) {
			*error = true;
			break;
		}
		memcpy(unit + *fill, (const uint8_t[3]){ 0, 0, 1 }, 3);
		memcpy(unit + *fill + 3, in->p, len);
		*fill += 3 + (size_t)len;
		in->p += len;
		in->len -= len;
	}
}

int
video_config_parse(struct video *v, const uint8_t *p, size_t len)
{
	bool hevc = v->format.codec == CODEC_HEVC, error = false;
	struct in in = { p, len };
	unsigned length_size, arrays;
	struct video_unit u;
	size_t fill = 0;
	uint8_t *unit;
	int r;

	if (len < (hevc ? 23u : 7u) || p[0] != 1)
		return -EBADMSG;
	length_size = (p[hevc ? 21 : 4] & 3u) + 1;
	if (length_size == 3)
		return -EBADMSG;
	/* A set of one byte takes 3 bytes here and 4 there. */
	unit = malloc(2 * len);
	if (unit == NULL)
		return -ENOMEM;
	if (hevc) {
		in = (struct in){ p + 22, len - 22 };
		arrays = get(&in, 1, &error);
		while (arrays-- > 0 && !error) {
			get(&in, 1, &error);
			get_sets(&in, get(&in, 2, &error), unit, &fill, &error);
		}
	} else {
		in = (struct in){ p + 5, len - 5 };
		get_sets(&in, get(&in, 1, &error) & 31, unit, &fill, &error);
		get_sets(&in, get(&in, 1, &error), unit, &fill, &error);
	}
	r = error ? -EBADMSG : video_unit(v, unit, fill, false, &u);
	free(unit);
	if (r < 0)
		return r;
	v->length_size = length_size;
	video_activate_any(v);
	return v->format.width > 0 ? 0 : -EBADMSG;
}

static bool
has_sps(const struct video *v, const uint8_t *sample, size_t len)
{
	unsigned sps = v->format.codec == CODEC_HEVC ? HEVC_SPS : AVC_SPS;
	struct nal_iter it = { sample, sample + len };
	struct nal n;

	while (nal_next_prefixed(&it, v->length_size, &n) > 0)
		if (nal_type(v->format.codec, n) == sps)
			return true;
	return false;
}

int64_t
video_annexb_put(const struct video *v, const uint8_t *sample, size_t len,
    bool with_sets, uint8_t *out, size_t size)
{
	static const uint8_t avc_aud[] = { 0, 0, 0, 1, 9, 0xf0 };
	static const uint8_t hevc_aud[] = { 0, 0, 0, 1, 0x46, 1, 0x50 };
	bool hevc = v->format.codec == CODEC_HEVC;
	unsigned first = hevc ? HEVC_VPS : AVC_SPS;
	unsigned last = hevc ? HEVC_PPS : AVC_PPS;
	struct out o = { .p = out, .size = size };
	size_t before;
	int64_t r;

	with_sets = with_sets && !has_sps(v, sample, len);
	before = hevc ? sizeof(hevc_aud) : sizeof(avc_aud);
	for (unsigned i = 0; with_sets && i < v->nset; i++)
		if (v->set[i].type >= first && v->set[i].type <= last)
			before += 4 + v->set[i].len;
	if (out != NULL) {
		if (size < before)
			return -ENOSPC;
		put(&o, hevc ? hevc_aud : avc_aud,
		    hevc ? sizeof(hevc_aud) : sizeof(avc_aud));
		for (unsigned t = first; with_sets && t <= last; t++)
			put_sets(v, t, &o, true);
	}
	r = nal_to_annexb(v->format.codec, sample, len, v->length_size, NAL_DROP_AUD,
	    out == NULL ? NULL : out + before, out == NULL ? 0 : size - before);
	return r < 0 ? r : r + (int64_t)before;
}
