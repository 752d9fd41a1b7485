/* The header of a file; mp4read.c has the fragments. */
#include <string.h>

#include "lib/media/mp4read.h"
#include "lib/media/mp4view.h"

#define BOX(s)	MP4_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])

static enum codec
codec_of_fourcc(uint32_t f)
{
	static const struct { char name[5]; enum codec codec; } known[] = {
		{ "avc1", CODEC_AVC }, { "avc3", CODEC_AVC }, { "dva1", CODEC_AVC },
		{ "dvav", CODEC_AVC }, { "hvc1", CODEC_HEVC }, { "hev1", CODEC_HEVC },
		{ "dvh1", CODEC_HEVC }, { "dvhe", CODEC_HEVC }, { "mp4a", CODEC_AAC },
		{ "ac-3", CODEC_AC3 }, { "ec-3", CODEC_EAC3 }, { "Opus", CODEC_OPUS },
		{ ".mp3", CODEC_MPEGA },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (BOX(known[i].name) == f)
			return known[i].codec;
	return CODEC_UNKNOWN;
}

/* Take a descriptor (14496-1 8.3.3) off the front. */
static int
descriptor(struct view *v, unsigned *tag, struct view *body)
{
	size_t len = 0;
	unsigned b, n = 0;

	if (v->len == 0)
		return 0;
	*tag = (unsigned)view_uint(v, 1);
	do {
		b = (unsigned)view_uint(v, 1);
		len = len << 7 | (b & 127);
	} while ((b & 128) != 0 && ++n < 4);
	if (v->error || v->len < len)
		return -EBADMSG;
	*body = (struct view){ v->p, len, false };
	view_skip(v, len);
	return 1;
}

static int
find_descriptor(struct view v, unsigned tag, struct view *body)
{
	unsigned t;
	int r;

	while ((r = descriptor(&v, &t, body)) > 0)
		if (t == tag)
			return 1;
	return r;
}

static int
parse_esds(struct view v, struct mp4_track *t)
{
	struct view es, config, own;
	unsigned flags, oti;

	view_skip(&v, 4);
	if (v.error || find_descriptor(v, 3, &es) <= 0)
		return -EBADMSG;
	view_skip(&es, 2);
	flags = (unsigned)view_uint(&es, 1);
	view_skip(&es, (flags & 0x80) != 0 ? 2 : 0);
	if ((flags & 0x40) != 0)
		view_skip(&es, (size_t)view_uint(&es, 1));
	view_skip(&es, (flags & 0x20) != 0 ? 2 : 0);
	if (es.error || find_descriptor(es, 4, &config) <= 0)
		return -EBADMSG;
	oti = (unsigned)view_uint(&config, 1);
	view_skip(&config, 8);
	t->bitrate = view_u32(&config);
	if (config.error)
		return -EBADMSG;
	switch (oti) {
	case 0x40:
	case 0x66:
	case 0x67:
	case 0x68:
		t->codec = CODEC_AAC;
		break;
	case 0x69:
	case 0x6b:
		t->codec = CODEC_MPEGA;
		break;
	case 0xa5:
		t->codec = CODEC_AC3;
		break;
	case 0xa6:
		t->codec = CODEC_EAC3;
		break;
	default:
		t->codec = CODEC_UNKNOWN;
	}
	if (find_descriptor(config, 5, &own) > 0) {
		t->config = own.p;
		t->config_len = own.len;
	} else if (t->codec == CODEC_AAC) {
		return -EBADMSG;
	}
	return 0;
}

static void
parse_colour(struct view v, struct mp4_track *t)
{
	uint32_t type = view_u32(&v);

	if (type != BOX("nclx") || v.len < 7)
		return;
	t->has_colour = true;
	t->colour_primaries = (uint8_t)view_uint(&v, 2);
	t->transfer_characteristics = (uint8_t)view_uint(&v, 2);
	t->matrix_coefficients = (uint8_t)view_uint(&v, 2);
	t->full_range = (view_uint(&v, 1) & 0x80) != 0;
}

/* The boxes in a sample entry. */
static int
parse_entry_boxes(struct view v, struct mp4_track *t)
{
	struct view body, frma;
	uint32_t type;
	int r;

	while ((r = view_box(&v, &type, &body)) > 0) {
		if (type == BOX("avcC") || type == BOX("hvcC") || type == BOX("dac3") ||
		    type == BOX("dec3") || type == BOX("dOps")) {
			t->config = body.p;
			t->config_len = body.len;
		} else if (type == BOX("esds")) {
			if (parse_esds(body, t) < 0)
				return -EBADMSG;
		} else if (type == BOX("pasp")) {
			t->sar.num = view_u32(&body);
			t->sar.den = view_u32(&body);
			if (t->sar.num == 0 || t->sar.den == 0)
				t->sar = (struct rational){ 0, 0 };
		} else if (type == BOX("colr")) {
			parse_colour(body, t);
		} else if (type == BOX("sinf")) {
			if (view_find(body, BOX("frma"), &frma) <= 0)
				return -EBADMSG;
			t->fourcc = view_u32(&frma);
			if (codec_of_fourcc(t->fourcc) != CODEC_AAC)
				t->codec = codec_of_fourcc(t->fourcc);
		}
	}
	/* A few zero bytes at the end are common. */
	return v.len < 8 ? 0 : r;
}

/* The first entry of stsd. */
static int
parse_stsd(struct view v, bool video, struct mp4_track *t)
{
	struct view entry;
	unsigned version;

	view_skip(&v, 8);
	if (v.error || view_box(&v, &t->fourcc, &entry) <= 0)
		return -EBADMSG;
	t->encrypted = t->fourcc == BOX("encv") || t->fourcc == BOX("enca");
	t->codec = t->fourcc == BOX("enca") ? CODEC_AAC : codec_of_fourcc(t->fourcc);
	view_skip(&entry, 8);
	if (video) {
		view_skip(&entry, 16);
		t->width = (unsigned)view_uint(&entry, 2);
		t->height = (unsigned)view_uint(&entry, 2);
		view_skip(&entry, 50);
	} else {
		version = (unsigned)view_uint(&entry, 2);
		view_skip(&entry, 6);
		t->channels = (unsigned)view_uint(&entry, 2);
		view_skip(&entry, 6);
		t->rate = view_u32(&entry) >> 16;
		if (version == 1)		/* of QuickTime */
			view_skip(&entry, 16);
	}
	if (entry.error)
		return -EBADMSG;
	return parse_entry_boxes(entry, t);
}

static void
parse_elst(struct view v, struct mp4_track *t)
{
	unsigned version = (unsigned)view_uint(&v, 1);
	uint32_t n;

	view_skip(&v, 3);
	n = view_u32(&v);
	while (n-- > 0 && !v.error) {
		uint64_t duration = view_uint(&v, version == 1 ? 8 : 4);
		uint64_t time = view_uint(&v, version == 1 ? 8 : 4);

		view_skip(&v, 4);
		if (v.error)
			return;
		if (time != (version == 1 ? UINT64_MAX : UINT32_MAX)) {
			t->media_time = time <= INT64_MAX ? (int64_t)time : 0;
			return;
		}
		t->empty_edit += duration;
	}
}

static int
parse_mdia(struct view mdia, struct mp4_track *t)
{
	struct view v, stbl;
	unsigned version, code;
	uint32_t handler;

	if (view_find(mdia, BOX("mdhd"), &v) <= 0)
		return -EBADMSG;
	version = (unsigned)view_uint(&v, 1);
	view_skip(&v, 3 + (version == 1 ? 16u : 8u));
	t->timescale = view_u32(&v);
	view_skip(&v, version == 1 ? 8 : 4);
	code = (unsigned)view_uint(&v, 2);
	if (v.error || t->timescale == 0)
		return -EBADMSG;
	for (unsigned i = 0; i < 3; i++)
		t->language[i] = (char)(0x60 + (code >> (10 - 5 * i) & 31));
	if (view_find(mdia, BOX("hdlr"), &v) <= 0)
		return -EBADMSG;
	view_skip(&v, 8);
	handler = view_u32(&v);
	if (v.error)
		return -EBADMSG;
	if (handler != BOX("vide") && handler != BOX("soun"))
		return 0;			/* codec stays unknown */
	if (view_find(mdia, BOX("minf"), &v) <= 0 ||
	    view_find(v, BOX("stbl"), &stbl) <= 0 ||
	    view_find(stbl, BOX("stsd"), &v) <= 0)
		return -EBADMSG;
	return parse_stsd(v, handler == BOX("vide"), t);
}

static int
parse_trak(struct view trak, struct mp4_track *t)
{
	struct view v, elst;
	unsigned version;

	*t = (struct mp4_track){ 0 };
	if (view_find(trak, BOX("tkhd"), &v) <= 0)
		return -EBADMSG;
	version = (unsigned)view_uint(&v, 1);
	view_skip(&v, 3 + (version == 1 ? 16u : 8u));
	t->track_id = view_u32(&v);
	if (v.error || t->track_id == 0)
		return -EBADMSG;
	if (view_find(trak, BOX("edts"), &v) > 0 && view_find(v, BOX("elst"), &elst) > 0)
		parse_elst(elst, t);
	if (view_find(trak, BOX("mdia"), &v) <= 0)
		return -EBADMSG;
	return parse_mdia(v, t);
}

static int
parse_mvex(struct view v, struct mp4_init *init)
{
	struct view trex;
	uint32_t type;
	int r;

	while ((r = view_box(&v, &type, &trex)) > 0) {
		uint32_t id;

		if (type != BOX("trex"))
			continue;
		view_skip(&trex, 4);
		id = view_u32(&trex);
		view_skip(&trex, 4);
		for (unsigned i = 0; i < init->n; i++) {
			struct mp4_track *t = &init->track[i];

			if (t->track_id != id)
				continue;
			t->default_duration = view_u32(&trex);
			t->default_size = view_u32(&trex);
			t->default_flags = view_u32(&trex);
			break;
		}
		if (trex.error)
			return -EBADMSG;
	}
	return r;
}

static int
parse_moov(struct view moov, struct mp4_init *init)
{
	struct view v = moov, body;
	uint32_t type, timescale = 0;
	bool mvex = false;
	int r;

	while ((r = view_box(&v, &type, &body)) > 0) {
		if (type == BOX("mvhd")) {
			view_skip(&body, body.len > 0 && body.p[0] == 1 ? 20 : 12);
			timescale = view_u32(&body);
		} else if (type == BOX("trak")) {
			if (init->n == MP4_TRACKS_MAX)
				return -ENOTSUP;
			if (parse_trak(body, &init->track[init->n]) < 0)
				return -EBADMSG;
			if (mp4_init_find(init, init->track[init->n].track_id) != NULL)
				return -EBADMSG;
			init->n++;
		}
	}
	if (r < 0)
		return r;
	v = moov;
	while (view_box(&v, &type, &body) > 0)
		if (type == BOX("mvex")) {
			mvex = true;
			if (parse_mvex(body, init) < 0)
				return -EBADMSG;
		}
	for (unsigned i = 0; i < init->n; i++)
		init->track[i].movie_timescale = timescale;
	return !mvex ? -ENOTSUP : init->n == 0 || timescale == 0 ? -EBADMSG : 0;
}

int
mp4_init_parse(const uint8_t *p, size_t len, struct mp4_init *init)
{
	struct view v = { p, len, false }, body;

	init->n = 0;
	if (view_find(v, BOX("moov"), &body) <= 0)
		return -EBADMSG;
	return parse_moov(body, init);
}

const struct mp4_track *
mp4_init_find(const struct mp4_init *init, uint32_t track_id)
{
	for (unsigned i = 0; i < init->n; i++)
		if (init->track[i].track_id == track_id)
			return &init->track[i];
	return NULL;
}
