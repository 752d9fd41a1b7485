#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/media/params.h"

#define PARAMS_BYTES	4096	/* of a set, unescaped: more than any has */

/* profile_tier_level(1, sub_layers - 1) */
static void
profile_tier_level(struct bits *b, unsigned sub_layers, uint8_t general[static 12])
{
	bool profile[8], level[8];

	for (unsigned i = 0; i < 12; i++)
		general[i] = (uint8_t)bits_get(b, 8);
	for (unsigned i = 0; i + 1 < sub_layers; i++) {
		profile[i] = bits_flag(b);
		level[i] = bits_flag(b);
	}
	if (sub_layers > 1)
		for (unsigned i = sub_layers - 1; i < 8; i++)
			bits_skip(b, 2);
	for (unsigned i = 0; i + 1 < sub_layers; i++) {
		bits_skip(b, profile[i] ? 88 : 0);
		bits_skip(b, level[i] ? 8 : 0);
	}
}

static void
scaling_list_data(struct bits *b)
{
	for (unsigned size = 0; size < 4; size++)
		for (unsigned m = 0; m < 6; m += size == 3 ? 3 : 1) {
			unsigned n = size == 0 ? 16 : 64;

			if (!bits_flag(b)) {
				bits_ue(b);
				continue;
			}
			if (size > 1)
				bits_se(b);
			for (unsigned i = 0; i < n && !b->error; i++)
				bits_se(b);
		}
}

/* Returns NumDeltaPocs; those of set idx - 1 are last. */
static unsigned
st_ref_pic_set(struct bits *b, unsigned idx, unsigned last)
{
	unsigned negative, positive, n = 0;

	if (idx > 0 && bits_flag(b)) {
		bits_skip(b, 1);
		bits_ue(b);
		for (unsigned j = 0; j <= last && !b->error; j++) {
			bool used = bits_flag(b);

			if (used || bits_flag(b))	/* use_delta_flag */
				n++;
		}
		return n;
	}
	negative = bits_ue(b);
	positive = bits_ue(b);
	if (negative > 16 || positive > 16) {
		b->error = true;
		return 0;
	}
	for (unsigned i = 0; i < negative + positive; i++) {
		bits_ue(b);
		bits_skip(b, 1);
	}
	return negative + positive;
}

static void
sub_layer_hrd(struct bits *b, unsigned cpb, bool sub_pic)
{
	for (unsigned i = 0; i < cpb && !b->error; i++) {
		bits_ue(b);
		bits_ue(b);
		if (sub_pic) {
			bits_ue(b);
			bits_ue(b);
		}
		bits_skip(b, 1);
	}
}

static void
hrd_parameters(struct bits *b, unsigned sub_layers)
{
	bool nal = bits_flag(b), vcl = bits_flag(b), sub_pic = false;

	if (nal || vcl) {
		sub_pic = bits_flag(b);
		bits_skip(b, sub_pic ? 19 : 0);
		bits_skip(b, 8);
		bits_skip(b, sub_pic ? 4 : 0);
		bits_skip(b, 15);
	}
	for (unsigned i = 0; i < sub_layers && !b->error; i++) {
		bool general = bits_flag(b), within = general || bits_flag(b);
		bool low_delay = false;
		unsigned cpb = 1;

		if (within)
			bits_ue(b);
		else
			low_delay = bits_flag(b);
		if (!low_delay)
			cpb = bits_ue(b) + 1;
		if (nal)
			sub_layer_hrd(b, cpb, sub_pic);
		if (vcl)
			sub_layer_hrd(b, cpb, sub_pic);
	}
}

static void
timing(struct bits *b, struct rational *rate)
{
	uint32_t tick = bits_get(b, 32), scale = bits_get(b, 32);

	if (bits_flag(b))
		bits_ue(b);
	if (!b->error && tick > 0 && scale > 0)
		*rate = rational_reduce(scale, tick);
}

static void
vui(struct bits *b, struct video_format *f, struct hevc_profile *h)
{
	bool field_seq;

	if (bits_flag(b))
		vui_aspect_ratio(b, f);
	if (bits_flag(b))
		bits_skip(b, 1);			/* overscan */
	if (bits_flag(b))
		vui_signal_type(b, f);
	if (bits_flag(b)) {				/* chroma_loc */
		bits_ue(b);
		bits_ue(b);
	}
	bits_skip(b, 1);				/* neutral_chroma */
	field_seq = bits_flag(b);
	f->interlaced |= field_seq;
	bits_skip(b, 1);				/* frame_field_info */
	if (bits_flag(b))				/* default display window */
		for (unsigned i = 0; i < 4; i++)
			bits_ue(b);
	if (bits_flag(b)) {
		timing(b, &f->frame_rate);
		if (bits_flag(b))
			hrd_parameters(b, h->sub_layers);
	}
	if (bits_flag(b)) {				/* bitstream_restriction */
		uint32_t v;

		bits_skip(b, 3);
		v = bits_ue(b);
		if (!b->error && v < 4096)
			h->min_spatial_segmentation = v;
	}
}

/* The string of 14496-15 E.3: compatibility reversed, no zero bytes at the end. */
static void
codec_string(struct video_format *f, const uint8_t g[static 12])
{
	static const char *const space[4] = { "", "A", "B", "C" };
	uint32_t compat = 0;
	size_t last = 10, len;
	int n;

	for (unsigned i = 0; i < 32; i++)
		compat |= (uint32_t)(g[1 + i / 8] >> (7 - i % 8) & 1) << i;
	n = snprintf(f->codec_string, sizeof(f->codec_string), "hvc1.%s%u.%X.%c%u",
	    space[g[0] >> 6], g[0] & 31u, compat, g[0] & 0x20 ? 'H' : 'L', g[11]);
	len = (size_t)n;
	while (last >= 5 && g[last] == 0)
		last--;
	for (size_t i = 5; i <= last; i++)
		len += (size_t)snprintf(f->codec_string + len,
		    sizeof(f->codec_string) - len, ".%X", g[i]);
}

static int
window(struct bits *b, struct video_format *f, unsigned chroma)
{
	uint64_t x = chroma == 1 || chroma == 2 ? 2 : 1, y = chroma == 1 ? 2 : 1;

	x *= (uint64_t)bits_ue(b) + bits_ue(b);
	y *= (uint64_t)bits_ue(b) + bits_ue(b);
	if (x >= f->width || y >= f->height)
		return -EBADMSG;
	f->width -= (unsigned)x;
	f->height -= (unsigned)y;
	return 0;
}

/* From after the picture sizes to the VUI. */
static void
coding_tools(struct bits *b, unsigned sub_layers, struct video_format *f)
{
	unsigned poc_bits = bits_ue(b) + 4, n, last = 0;
	bool each = bits_flag(b);

	for (unsigned i = each ? 0 : sub_layers - 1; i < sub_layers; i++) {
		uint32_t reorder;

		bits_ue(b);
		reorder = bits_ue(b);
		bits_ue(b);
		f->reorder = reorder <= 16 ? (int)reorder : -1;
	}
	for (unsigned i = 0; i < 6; i++)		/* block sizes, depths */
		bits_ue(b);
	if (bits_flag(b) && bits_flag(b))
		scaling_list_data(b);
	bits_skip(b, 2);				/* amp, sao */
	if (bits_flag(b)) {				/* pcm */
		bits_skip(b, 8);
		bits_ue(b);
		bits_ue(b);
		bits_skip(b, 1);
	}
	n = bits_ue(b);
	if (n > 64 || poc_bits > 16)
		b->error = true;
	for (unsigned i = 0; i < n && !b->error; i++)
		last = st_ref_pic_set(b, i, last);
	if (bits_flag(b)) {				/* long-term pictures */
		n = bits_ue(b);
		if (n > 32)
			b->error = true;
		for (unsigned i = 0; i < n && !b->error; i++)
			bits_skip(b, poc_bits + 1);
	}
	bits_skip(b, 2);
}

int
hevc_sps_parse(struct nal n, unsigned *id, unsigned *vps_id, struct video_format *f,
    struct hevc_profile *h)
{
	uint8_t buf[PARAMS_BYTES];
	struct bits b = bits_of(buf, nal_unescape(n.data, n.len, buf, sizeof(buf)));
	uint32_t chroma, wide, high, luma_depth, chroma_depth;
	bool separate;

	*f = (struct video_format){
		.codec = CODEC_HEVC, .colour_primaries = 2,
		.transfer_characteristics = 2, .matrix_coefficients = 2, .reorder = -1,
	};
	*h = (struct hevc_profile){ 0 };
	bits_skip(&b, 16);
	*vps_id = bits_get(&b, 4);
	h->sub_layers = bits_get(&b, 3) + 1;
	h->temporal_id_nesting = bits_flag(&b);
	if (b.error || h->sub_layers > 7)
		return -EBADMSG;
	profile_tier_level(&b, h->sub_layers, h->general);
	f->profile_idc = h->general[0] & 31;
	f->level_idc = h->general[11];
	/* general_progressive_source_flag, general_interlaced_source_flag */
	f->interlaced = (h->general[5] & 0xc0) == 0x40;
	*id = bits_ue(&b);
	chroma = bits_ue(&b);
	separate = chroma == 3 && bits_flag(&b);
	wide = bits_ue(&b);
	high = bits_ue(&b);
	if (b.error || *id >= HEVC_SPS_MAX || chroma > 3 || wide == 0 || high == 0 ||
	    wide > 65535 || high > 65535)
		return -EBADMSG;
	f->chroma_format_idc = (uint8_t)chroma;
	f->coded_width = f->width = wide;
	f->coded_height = f->height = high;
	if (bits_flag(&b) && window(&b, f, separate ? 0 : chroma) < 0)
		return -EBADMSG;
	luma_depth = bits_ue(&b);
	chroma_depth = bits_ue(&b);
	if (luma_depth > 8 || chroma_depth > 8)
		return -EBADMSG;
	f->bit_depth = (uint8_t)(8 + luma_depth);
	f->bit_depth_chroma = (uint8_t)(8 + chroma_depth);
	coding_tools(&b, h->sub_layers, f);
	if (b.error)
		return -EBADMSG;
	if (bits_flag(&b))
		vui(&b, f, h);
	codec_string(f, h->general);
	return 0;
}

int
hevc_pps_parse(struct nal n, unsigned *id, unsigned *sps_id)
{
	uint8_t buf[32];
	struct bits b = bits_of(buf, nal_unescape(n.data, n.len, buf, sizeof(buf)));

	bits_skip(&b, 16);
	*id = bits_ue(&b);
	*sps_id = bits_ue(&b);
	if (b.error || *id >= HEVC_PPS_MAX || *sps_id >= HEVC_SPS_MAX)
		return -EBADMSG;
	return 0;
}

int
hevc_vps_parse(struct nal n, unsigned *id, struct rational *frame_rate)
{
	uint8_t buf[PARAMS_BYTES], general[12];
	struct bits b = bits_of(buf, nal_unescape(n.data, n.len, buf, sizeof(buf)));
	unsigned sub_layers, max_layer, sets;
	bool each;

	bits_skip(&b, 16);
	*id = bits_get(&b, 4);
	bits_skip(&b, 8);				/* layers */
	sub_layers = bits_get(&b, 3) + 1;
	bits_skip(&b, 17);
	if (b.error || sub_layers > 7)
		return -EBADMSG;
	profile_tier_level(&b, sub_layers, general);
	if (b.error)
		return -EBADMSG;
	each = bits_flag(&b);
	for (unsigned i = each ? 0 : sub_layers - 1; i < sub_layers; i++) {
		bits_ue(&b);
		bits_ue(&b);
		bits_ue(&b);
	}
	max_layer = bits_get(&b, 6);
	sets = bits_ue(&b);
	if (sets > 1023)
		return -EBADMSG;
	bits_skip(&b, (size_t)sets * (max_layer + 1));
	if (bits_flag(&b))
		timing(&b, frame_rate);
	return 0;
}

int
hevc_slice_parse(struct nal n, bool *first, unsigned *pps_id)
{
	uint8_t buf[32];
	struct bits b = bits_of(buf, nal_unescape(n.data, n.len, buf, sizeof(buf)));
	unsigned type = nal_type(CODEC_HEVC, n);

	bits_skip(&b, 16);
	*first = bits_flag(&b);
	if (type >= HEVC_BLA_W_LP && type <= HEVC_IRAP_LAST)
		bits_skip(&b, 1);
	*pps_id = bits_ue(&b);
	return b.error || *pps_id >= HEVC_PPS_MAX ? -EBADMSG : 0;
}
