#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/hlsmp4.h"
#include "ingest/hlsunits.h"
#include "lib/base/log.h"
#include "lib/media/audio.h"
#include "lib/media/tsdemux.h"

#define MASK	(PES_WRAP - 1)
#define CONFIRM	5		/* sync bytes in a row */

struct hlsunits_private {
	struct hlsunits u;
	const char *name;
	char	 language[4];
	uint32_t id[HLSUNITS_STREAMS];	/* PID or track of each stream */
	enum hls_kind kind;
	const uint8_t *p;		/* what is left of the segment */
	size_t	 len;

	bool	 demuxing;
	struct tsdemux demux;
	const uint8_t *map;		/* bytes before the segment's own */
	size_t	 map_len;

	struct hlsmp4 *mp4;

	bool	 packing;
	struct audio audio;
	unsigned packed_stream;
	int64_t	 packed_pts;		/* where the next segment goes on */
};

size_t
hlsunits_sync(const uint8_t *p, size_t len)
{
	if (len == TS_PACKET && p[0] == TS_SYNC)
		return 0;
	for (size_t i = 0; i + TS_PACKET < len; i++) {
		unsigned n = 0;

		for (size_t at = i; n < CONFIRM && at < len && p[at] == TS_SYNC;
		    at += TS_PACKET)
			n++;
		if (n == CONFIRM || (i < TS_PACKET && i + n * TS_PACKET >= len))
			return i;
	}
	return len;
}

enum hls_kind
hlsunits_kind(const struct hlstrack_segment *s)
{
	const uint8_t *p = s->map != NULL ? s->map : s->data;
	size_t len = s->map != NULL ? s->map_len : s->len;
	static const char *const boxes[] = {
		"ftyp", "styp", "moof", "sidx", "prft", "emsg", "moov", "free",
	};

	if (len < 8)
		return HLS_KIND_UNKNOWN;
	for (size_t i = 0; i < sizeof(boxes) / sizeof(*boxes); i++)
		if (memcmp(p + 4, boxes[i], 4) == 0)
			return HLS_KIND_MP4;
	if (memcmp(p, "ID3", 3) == 0 || (p[0] == 0xff && (p[1] & 0xe0) == 0xe0) ||
	    (p[0] == 0x0b && p[1] == 0x77))
		return HLS_KIND_PACKED;
	return hlsunits_sync(p, len) < len ? HLS_KIND_TS : HLS_KIND_UNKNOWN;
}

bool
hlsunits_scan(const struct hlstrack_segment *seg, int64_t *pts, int64_t *dts)
{
	struct ts_packet pkt;
	struct pes_header h;
	bool found = false;

	for (size_t i = hlsunits_sync(seg->data, seg->len); i + TS_PACKET <= seg->len;
	    i += TS_PACKET) {
		bool video;

		if (ts_parse(seg->data + i, &pkt) < 0 || !pkt.unit_start ||
		    pes_parse(pkt.payload, pkt.payload_len, &h) != 1 ||
		    h.pts == PES_NO_TIME)
			continue;
		video = (h.stream_id & 0xf0) == PES_VIDEO;
		if (!found || video) {
			*pts = h.pts;
			*dts = h.dts;
		}
		found = true;
		if (video)
			break;
	}
	return found;
}

int
hlsunits_stream(struct hlsunits *u, uint32_t id, enum codec codec, const char *language)
{
	struct hlsunits_private *p = u->private;
	struct source_stream *s;
	unsigned i = 0;

	while (i < p->u.nstream && (p->id[i] != id || p->u.stream[i].codec != codec))
		i++;
	if (i == HLSUNITS_STREAMS)
		return -1;
	if (i < p->u.nstream)
		return (int)i;
	s = &p->u.stream[p->u.nstream++];
	p->id[i] = id;
	*s = (struct source_stream){ .codec = codec, .rate = { 0, 0 } };
	if (*language == '\0' || strcmp(language, "und") == 0)
		language = p->language;
	if (codec_kind(codec) == KIND_AUDIO && strlen(language) == 3)
		memcpy(s->language, language, 4);
	return (int)i;
}

struct hlsunits *
hlsunits_new(const char *name, const char *language)
{
	struct hlsunits_private *p = calloc(1, sizeof(*p));

	if (p == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	p->u.private = p;
	p->name = name;
	p->mp4 = hlsmp4_new(&p->u, name);
	if (strlen(language) == 3 && strcmp(language, "und") != 0)
		memcpy(p->language, language, 4);
	return &p->u;
}

static void
end_segment(struct hlsunits_private *p)
{
	if (p->demuxing)
		tsdemux_free(&p->demux);
	if (p->packing)
		audio_free(&p->audio);
	p->demuxing = p->packing = false;
	p->kind = HLS_KIND_UNKNOWN;
}

void
hlsunits_clear(struct hlsunits *u)
{
	end_segment(u->private);
	hlsmp4_clear(u->private->mp4);
	u->nstream = 0;
}

void
hlsunits_free(struct hlsunits *u)
{
	struct hlsunits_private *p = u->private;

	hlsunits_clear(u);
	hlsmp4_free(p->mp4);
	free(p);
}

/* ---- transport stream */

static bool
carried(enum codec codec)
{
	switch (codec) {
	case CODEC_MPEG1V: case CODEC_MPEG2V: case CODEC_AVC: case CODEC_HEVC:
	case CODEC_MPEGA: case CODEC_AAC: case CODEC_LATM: case CODEC_AC3:
	case CODEC_EAC3: case CODEC_OPUS: case CODEC_SCTE35: case CODEC_ID3:
		return true;
	default:
		return false;
	}
}

static void
note_streams(struct hlsunits_private *p)
{
	for (unsigned i = 0; i < p->demux.nstream; i++) {
		const struct tsdemux_stream *s = p->demux.stream[i];
		unsigned before = p->u.nstream;
		int place;

		if (s->gone || !carried(s->codec))
			continue;
		place = hlsunits_stream(&p->u, s->pid, s->codec, s->language);
		if (place < 0 || p->u.nstream == before || s->codec != CODEC_OPUS)
			continue;
		if (s->desc_len <= sizeof(p->u.stream[place].desc)) {
			memcpy(p->u.stream[place].desc, s->desc, s->desc_len);
			p->u.stream[place].desc_len = s->desc_len;
		}
	}
}

static int
next_event(struct hlsunits_private *p, struct tsdemux_event *ev)
{
	const uint8_t **from = p->map_len > 0 ? &p->map : &p->p;
	size_t *left = p->map_len > 0 ? &p->map_len : &p->len, used;
	int r;

	for (;;) {
		r = tsdemux_next(&p->demux, *from, *left, &used, ev);
		*from += used;
		*left -= used;
		if (r != 0 || p->demux.eof)
			return r;
		if (from == &p->map) {
			p->map_len = 0;
			from = &p->p;
			left = &p->len;
		} else {
			p->demux.eof = true;
		}
	}
}

static int
next_pes(struct hlsunits_private *p, struct hlsunit *unit)
{
	struct tsdemux_event ev;
	int r, stream;

	while ((r = next_event(p, &ev)) > 0) {
		if (ev.type == TSDEMUX_STREAMS)
			note_streams(p);
		if ((ev.type != TSDEMUX_UNIT && ev.type != TSDEMUX_SECTION) ||
		    !carried(ev.stream->codec) || ev.len == 0)
			continue;
		stream = hlsunits_stream(&p->u, ev.stream->pid, ev.stream->codec,
		    ev.stream->language);
		if (stream < 0 || (ev.type == TSDEMUX_UNIT && ev.pts == PES_NO_TIME))
			continue;
		p->u.damaged += ev.damaged;
		*unit = (struct hlsunit){
			.stream = (unsigned)stream, .data = ev.data, .len = ev.len,
			.pts = SOURCE_NO_TIME, .dts = SOURCE_NO_TIME,
			.random_access = ev.random_access,
		};
		if (ev.type == TSDEMUX_UNIT) {
			unit->pts = ev.pts & MASK;
			unit->dts = (ev.dts == PES_NO_TIME ? ev.pts : ev.dts) & MASK;
		}
		return 1;
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read a segment of '%s'", p->name);
	return 0;
}

/* ---- packed audio */

/* The length of ID3 tags at the front; *pts if one has the timestamp. */
static size_t
read_id3(const uint8_t *p, size_t len, int64_t *pts)
{
	static const char owner[] = "com.apple.streaming.transportStreamTimestamp";
	size_t pos = 0;

	while (len - pos >= 10 && memcmp(p + pos, "ID3", 3) == 0) {
		size_t size = 10 + ((p[pos + 6] & 127u) << 21 | (p[pos + 7] & 127u) << 14 |
		    (p[pos + 8] & 127u) << 7 | (p[pos + 9] & 127u));
		const uint8_t *at;

		if (size > len - pos)
			return len;
		at = memmem(p + pos, size, owner, sizeof(owner));
		if (at != NULL && (size_t)(p + pos + size - at) >= sizeof(owner) + 8) {
			*pts = 0;
			at += sizeof(owner);
			for (unsigned i = 0; i < 8; i++)
				*pts = (int64_t)((uint64_t)*pts << 8 | at[i]);
			*pts &= MASK;
		}
		pos += size;
	}
	return pos;
}

bool
hlsunits_packed_scan(const struct hlstrack_segment *seg, int64_t *pts)
{
	*pts = SOURCE_NO_TIME;
	read_id3(seg->data, seg->len, pts);
	return *pts != SOURCE_NO_TIME;
}

static int
open_packed(struct hlsunits_private *p)
{
	int64_t pts = p->packed_pts;
	size_t skip = read_id3(p->p, p->len, &pts);
	enum codec codec;
	int stream;

	p->p += skip;
	p->len -= skip;
	if (p->len < 8)
		return -EBADMSG;
	if (p->p[0] == 0x0b)			/* bsid */
		codec = p->p[5] >> 3 > 10 ? CODEC_EAC3 : CODEC_AC3;
	else
		codec = (p->p[1] & 6) == 0 ? CODEC_AAC : CODEC_MPEGA;
	stream = hlsunits_stream(&p->u, 0, codec, "");
	if (stream < 0 || audio_init(&p->audio, codec, NULL, 0) < 0)
		return -EBADMSG;
	p->packed_stream = (unsigned)stream;
	p->packing = true;
	if (audio_push(&p->audio, p->p, p->len, pts, false) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	return 0;
}

static int
next_frame(struct hlsunits_private *p, struct hlsunit *unit)
{
	struct audio_frame f;
	int r = audio_next(&p->audio, &f);

	if (r == 0)
		r = audio_flush(&p->audio, &f);
	if (r <= 0 || f.pts == PES_NO_TIME)
		return 0;
	*unit = (struct hlsunit){
		.stream = p->packed_stream, .data = f.data, .len = f.len,
		.pts = f.pts & MASK, .dts = f.pts & MASK, .random_access = true,
	};
	if (p->audio.info.rate > 0)
		p->packed_pts = f.pts + rescale_near(f.samples, 90000, p->audio.info.rate);
	return 1;
}

/* ---- the segment */

bool
hlsunits_first_video(const struct hlsunits *u, const struct hlstrack_segment *segment,
    int64_t *dts)
{
	const struct hlsunits_private *p = u->private;
	int64_t pts;

	if (p->kind == HLS_KIND_TS)
		return hlsunits_scan(segment, &pts, dts);
	return p->kind == HLS_KIND_MP4 && hlsmp4_first_video(p->mp4, dts);
}

int
hlsunits_segment(struct hlsunits *u, const struct hlstrack_segment *segment)
{
	struct hlsunits_private *p = u->private;
	int r = -EBADMSG;

	end_segment(p);
	p->p = segment->data;
	p->len = segment->len;
	p->kind = hlsunits_kind(segment);
	if (p->kind == HLS_KIND_TS) {
		if (tsdemux_init(&p->demux) < 0)
			fatal(EXIT_RUNTIME, 0, "out of memory");
		p->demuxing = true;
		p->map = segment->map;
		p->map_len = segment->map != NULL ? segment->map_len : 0;
		r = 0;
	} else if (p->kind == HLS_KIND_MP4) {
		r = hlsmp4_segment(p->mp4, segment);
	} else if (p->kind == HLS_KIND_PACKED) {
		r = open_packed(p);
	}
	if (r < 0) {
		end_segment(p);
		u->damaged++;
	}
	return r;
}

int
hlsunits_next(struct hlsunits *u, struct hlsunit *unit)
{
	struct hlsunits_private *p = u->private;

	switch (p->kind) {
	case HLS_KIND_TS:
		return next_pes(p, unit);
	case HLS_KIND_MP4:
		return hlsmp4_next(p->mp4, unit);
	case HLS_KIND_PACKED:
		return next_frame(p, unit);
	default:
		return 0;
	}
}
