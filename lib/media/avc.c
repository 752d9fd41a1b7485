#include <errno.h>
#include <stdio.h>

#include "lib/media/params.h"

#define PARAMS_BYTES	4096	/* of a set, unescaped: more than any has */

static bool
has_chroma_info(unsigned profile_idc)
{
	switch (profile_idc) {
	case 44: case 83: case 86: case 100: case 110: case 118: case 122:
	case 128: case 134: case 135: case 138: case 139: case 244:
		return true;
	default:
		return false;
	}
}

static void
scaling_list(struct bits *b, unsigned size)
{
	int last = 8, next = 8;

	for (unsigned i = 0; i < size && !b->error; i++) {
		if (next != 0)
			next = (int)(((unsigned)last + (unsigned)bits_se(b)) & 255);
		last = next == 0 ? last : next;
	}
}

void
vui_aspect_ratio(struct bits *b, struct video_format *f)
{
	static const struct { uint8_t w, h; } sar[17] = {
		{ 0, 0 }, { 1, 1 }, { 12, 11 }, { 10, 11 }, { 16, 11 }, { 40, 33 },
		{ 24, 11 }, { 20, 11 }, { 32, 11 }, { 80, 33 }, { 18, 11 },
		{ 15, 11 }, { 64, 33 }, { 160, 99 }, { 4, 3 }, { 3, 2 }, { 2, 1 },
	};
	unsigned idc = bits_get(b, 8), w = 0, h = 0;

	if (idc == 255) {
		w = bits_get(b, 16);
		h = bits_get(b, 16);
	} else if (idc < 17) {
		w = sar[idc].w;
		h = sar[idc].h;
	}
	if (w > 0 && h > 0)
		f->sar = rational_reduce(w, h);
}

void
vui_signal_type(struct bits *b, struct video_format *f)
{
	bits_skip(b, 3);				/* video_format */
	f->full_range = bits_flag(b);
	if (bits_flag(b)) {
		f->colour_primaries = (uint8_t)bits_get(b, 8);
		f->transfer_characteristics = (uint8_t)bits_get(b, 8);
		f->matrix_coefficients = (uint8_t)bits_get(b, 8);
	}
}

static void
hrd_parameters(struct bits *b)
{
	unsigned n = bits_ue(b) + 1;

	bits_skip(b, 8);
	for (unsigned i = 0; i < n && !b->error; i++) {
		bits_ue(b);
		bits_ue(b);
		bits_skip(b, 1);
	}
	bits_skip(b, 20);
}

static void
vui(struct bits *b, struct video_format *f)
{
	bool nal_hrd, vcl_hrd;

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
	if (bits_flag(b)) {
		uint32_t tick = bits_get(b, 32), scale = bits_get(b, 32);

		f->fixed_frame_rate = bits_flag(b);
		if (!b->error && tick > 0 && scale > 0)
			f->frame_rate = rational_reduce(scale, (int64_t)tick * 2);
	}
	if ((nal_hrd = bits_flag(b)))
		hrd_parameters(b);
	if ((vcl_hrd = bits_flag(b)))
		hrd_parameters(b);
	if (nal_hrd || vcl_hrd)
		bits_skip(b, 1);			/* low_delay_hrd_flag */
	bits_skip(b, 1);				/* pic_struct_present_flag */
	if (bits_flag(b)) {				/* bitstream_restriction */
		uint32_t reorder;

		bits_skip(b, 1);
		for (unsigned i = 0; i < 4; i++)
			bits_ue(b);
		reorder = bits_ue(b);
		bits_ue(b);				/* max_dec_frame_buffering */
		if (!b->error && reorder <= 16)
			f->reorder = (int)reorder;
	}
}

/* Cropping in luma samples: both from left + right and top + bottom, in units. */
static int
crop(unsigned *size, uint32_t before, uint32_t after, unsigned unit)
{
	uint64_t cut = ((uint64_t)before + after) * unit;

	if (cut >= *size)
		return -EBADMSG;
	*size -= (unsigned)cut;
	return 0;
}

int
avc_sps_parse(struct nal n, unsigned *id, struct video_format *f)
{
	uint8_t buf[PARAMS_BYTES];
	struct bits b = bits_of(buf, nal_unescape(n.data, n.len, buf, sizeof(buf)));
	unsigned poc_type, fields;
	uint64_t wide, high;
	bool separate = false;

	*f = (struct video_format){
		.codec = CODEC_AVC, .chroma_format_idc = 1, .bit_depth = 8,
		.bit_depth_chroma = 8, .colour_primaries = 2,
		.transfer_characteristics = 2, .matrix_coefficients = 2, .reorder = -1,
	};
	bits_skip(&b, 8);
	f->profile_idc = (uint8_t)bits_get(&b, 8);
	f->compat = (uint8_t)bits_get(&b, 8);
	f->level_idc = (uint8_t)bits_get(&b, 8);
	*id = bits_ue(&b);
	if (b.error || *id >= AVC_SPS_MAX)
		return -EBADMSG;
	if (has_chroma_info(f->profile_idc)) {
		uint32_t chroma = bits_ue(&b), luma_depth, chroma_depth;

		separate = chroma == 3 && bits_flag(&b);
		luma_depth = bits_ue(&b);
		chroma_depth = bits_ue(&b);
		if (chroma > 3 || luma_depth > 6 || chroma_depth > 6)
			return -EBADMSG;
		f->chroma_format_idc = (uint8_t)chroma;
		f->bit_depth = (uint8_t)(8 + luma_depth);
		f->bit_depth_chroma = (uint8_t)(8 + chroma_depth);
		bits_skip(&b, 1);
		if (bits_flag(&b))			/* scaling matrix */
			for (unsigned i = 0; i < (chroma == 3 ? 12 : 8); i++)
				if (bits_flag(&b))
					scaling_list(&b, i < 6 ? 16 : 64);
	}
	bits_ue(&b);					/* log2_max_frame_num */
	poc_type = bits_ue(&b);
	if (poc_type == 0) {
		bits_ue(&b);
	} else if (poc_type == 1) {
		unsigned cycle;

		bits_skip(&b, 1);
		bits_se(&b);
		bits_se(&b);
		cycle = bits_ue(&b);
		if (cycle > 255)
			return -EBADMSG;
		while (cycle-- > 0)
			bits_se(&b);
	} else if (poc_type != 2) {
		return -EBADMSG;
	}
	bits_ue(&b);					/* max_num_ref_frames */
	bits_skip(&b, 1);
	wide = (uint64_t)bits_ue(&b) + 1;
	high = (uint64_t)bits_ue(&b) + 1;
	f->interlaced = !bits_flag(&b);			/* frame_mbs_only_flag */
	fields = f->interlaced ? 2 : 1;
	if (b.error || wide > 65535 / 16 || high > 65535 / 16 / fields)
		return -EBADMSG;
	f->coded_width = f->width = (unsigned)wide * 16;
	f->coded_height = f->height = (unsigned)high * 16 * fields;
	if (f->interlaced)
		bits_skip(&b, 1);			/* mb_adaptive */
	bits_skip(&b, 1);				/* direct_8x8_inference */
	if (bits_flag(&b)) {
		unsigned chroma = separate ? 0 : f->chroma_format_idc;
		unsigned x = chroma == 1 || chroma == 2 ? 2 : 1;
		unsigned y = (chroma == 1 ? 2 : 1) * fields;
		uint32_t left = bits_ue(&b), right = bits_ue(&b);
		uint32_t top = bits_ue(&b), bottom = bits_ue(&b);

		if (crop(&f->width, left, right, x) < 0 ||
		    crop(&f->height, top, bottom, y) < 0)
			return -EBADMSG;
	}
	if (bits_flag(&b) && !b.error) {
		vui(&b, f);
		/* A VUI cut short is no reason to refuse the stream. */
		b.error = false;
	}
	if (b.error)
		return -EBADMSG;
	snprintf(f->codec_string, sizeof(f->codec_string), "avc1.%02x%02x%02x",
	    f->profile_idc, f->compat, f->level_idc);
	return 0;
}

int
avc_pps_parse(struct nal n, unsigned *id, unsigned *sps_id)
{
	uint8_t buf[32];
	struct bits b = bits_of(buf, nal_unescape(n.data, n.len, buf, sizeof(buf)));

	bits_skip(&b, 8);
	*id = bits_ue(&b);
	*sps_id = bits_ue(&b);
	if (b.error || *id >= AVC_PPS_MAX || *sps_id >= AVC_SPS_MAX)
		return -EBADMSG;
	return 0;
}

int
avc_slice_parse(struct nal n, unsigned *slice_type, unsigned *pps_id)
{
	uint8_t buf[32];
	struct bits b = bits_of(buf, nal_unescape(n.data, n.len, buf, sizeof(buf)));

	bits_skip(&b, 8);
	bits_ue(&b);					/* first_mb_in_slice */
	*slice_type = bits_ue(&b);
	*pps_id = bits_ue(&b);
	if (b.error || *slice_type > 9 || *pps_id >= AVC_PPS_MAX)
		return -EBADMSG;
	*slice_type %= 5;
	return 0;
}
