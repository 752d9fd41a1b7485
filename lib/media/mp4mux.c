/* The header of a track; mp4chunk.c has the fragments. */
#include <errno.h>

#include "lib/media/mp4head.h"
#include "lib/media/mp4mux.h"

#define NON_SYNC	0x01010000u	/* depends on others, is no sync sample */
#define SYNC		0x02000000u	/* depends on none */

static void
put_ftyp(struct box *b, bool text)
{
	size_t at = box_start(b, "ftyp");

	box_bytes(b, "iso6", 4);
	box_u32(b, 0);
	box_bytes(b, "iso6cmfccmf2dashcwvt", text ? 20 : 16);
	box_end(b, at);
}

static void
put_stbl(struct box *b, const struct mp4_track *t, enum codec_kind kind)
{
	static const char empty[3][5] = { "stts", "stsc", "stco" };
	size_t at = box_start(b, "stbl"), in = box_start_full(b, "stsd", 0, 0);

	box_u32(b, 1);
	mp4_entry_put(b, t, kind);
	box_end(b, in);
	for (unsigned i = 0; i < 3; i++) {
		in = box_start_full(b, empty[i], 0, 0);
		box_u32(b, 0);
		box_end(b, in);
	}
	in = box_start_full(b, "stsz", 0, 0);
	box_zero(b, 8);
	box_end(b, in);
	box_end(b, at);
}

int
mp4mux_init_put(const struct mp4_track *t, uint8_t *p, size_t size)
{
	struct box b = { .p = p, .size = size };
	size_t moov, trak, mdia, minf, mvex, trex;
	enum codec_kind kind = codec_kind(t->codec);

	if (!mp4_can_hold(t))
		return -ENOTSUP;
	put_ftyp(&b, kind == KIND_TEXT);
	moov = box_start(&b, "moov");
	mp4_mvhd_put(&b, t->timescale, 0, 0, t->track_id + 1);	/* for ever the same */
	trak = box_start(&b, "trak");
	mp4_tkhd_put(&b, t, kind, 0);
	mdia = box_start(&b, "mdia");
	mp4_mdhd_put(&b, t, 0);
	mp4_hdlr_put(&b, kind);
	minf = mp4_minf_start(&b, kind);
	put_stbl(&b, t, kind);
	box_end(&b, minf);
	box_end(&b, mdia);
	box_end(&b, trak);
	mvex = box_start(&b, "mvex");
	trex = box_start_full(&b, "trex", 0, 0);
	box_u32(&b, t->track_id);
	box_u32(&b, 1);				/* sample_description_index */
	box_u32(&b, 0);
	box_u32(&b, 0);
	box_u32(&b, kind == KIND_VIDEO ? NON_SYNC : SYNC);
	box_end(&b, trex);
	box_end(&b, mvex);
	box_end(&b, moov);
	return b.full ? -ENOSPC : (int)b.len;
}
