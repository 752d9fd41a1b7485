#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/media/flv.h"

enum { VIDEO_START, VIDEO_FRAMES, VIDEO_END, VIDEO_FRAMES_X, VIDEO_METADATA,
	VIDEO_TS_START, VIDEO_MULTI, VIDEO_MODEX };
enum { AUDIO_START, AUDIO_FRAMES, AUDIO_END, AUDIO_CHANNELS = 4, AUDIO_MULTI,
	AUDIO_MODEX = 7 };
enum { ONE_TRACK, MANY_TRACKS, MANY_CODECS };

#define KEY_FRAME	1
#define INTER_FRAME	2
#define AVC_ID		7
#define AAC_TAG		0xaf		/* of AAC the rate and channels are always these */
#define COMMAND_FRAME	5
#define EX_AUDIO	9
#define MODEX_NANO	0

static uint32_t
get(struct flv *f, unsigned bytes, bool *error)
{
	uint32_t v = 0;

	if ((size_t)(f->end - f->p) < bytes) {
		*error = true;
		f->p = f->end;
		return 0;
	}
	while (bytes-- > 0)
		v = v << 8 | *f->p++;
	return v;
}

static int32_t
get_signed24(struct flv *f, bool *error)
{
	uint32_t v = get(f, 3, error);

	return (v & 0x800000) != 0 ? (int32_t)v - 0x1000000 : (int32_t)v;
}

/* What changes the packet that follows: a size, bytes, their type and the next type. */
static void
get_modex(struct flv *f, unsigned modex, bool *error)
{
	while (f->type == modex && !*error) {
		size_t len = get(f, 1, error) + 1;
		const uint8_t *data;
		uint32_t b;

		if (len == 256)
			len = get(f, 2, error) + 1;
		if ((size_t)(f->end - f->p) < len) {
			*error = true;
			break;
		}
		data = f->p;
		f->p += len;
		b = get(f, 1, error);
		f->type = b & 15;
		if (b >> 4 == MODEX_NANO && len >= 3)
			f->nano = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
	}
	if (f->nano > 999999)
		f->nano = 0;
}

/* After the first byte of an Ex header. */
static int
begin_ex(struct flv *f, unsigned modex, unsigned multi)
{
	bool error = false;
	uint32_t b;

	f->ex = true;
	get_modex(f, modex, &error);
	f->multi = f->type == multi;
	if (f->multi) {
		b = get(f, 1, &error);
		f->many = b >> 4;
		f->type = b & 15;
		/* Within there can be neither again. */
		if (f->many > MANY_CODECS || f->type == multi || f->type == modex)
			return -EBADMSG;
	}
	if (!f->multi || f->many != MANY_CODECS)
		f->fourcc = get(f, 4, &error);
	f->done = error;
	return error ? -EBADMSG : 0;
}

int
flv_video(struct flv *f, const uint8_t *p, size_t len)
{
	unsigned kind, id, type;
	bool error = false;

	*f = (struct flv){ .p = p, .end = p + len, .is_video = true, .done = len == 0 };
	if (len == 0)
		return 0;
	f->p++;
	kind = p[0] >> 4 & 7;
	f->key = kind == KEY_FRAME;
	id = p[0] & 15;
	f->type = id;
	if ((p[0] & 0x80) != 0) {
		if (kind == COMMAND_FRAME && id != VIDEO_METADATA && id != VIDEO_MODEX) {
			f->only = (struct flv_packet){ .what = FLV_COMMAND };
			return 0;
		}
		return begin_ex(f, VIDEO_MODEX, VIDEO_MULTI);
	}
	f->only = (struct flv_packet){ .what = FLV_OTHER, .key = f->key, .old = id };
	if (kind == COMMAND_FRAME) {
		f->only.what = FLV_COMMAND;
	} else if (id == 7 || id == 12) {
		type = get(f, 1, &error);
		f->only.cts_ms = get_signed24(f, &error);
		f->only.fourcc = id == 7 ? FLV_AVC : FLV_HEVC;
		f->only.what = type == 0 ? FLV_CONFIG : type == 1 ? FLV_FRAMES :
		    type == 2 ? FLV_END : FLV_OTHER;
		/* An end may stop after its type. */
		error = error && f->only.what != FLV_END;
	} else {
		f->only.what = FLV_FRAMES;
	}
	f->only.data = f->p;
	f->only.len = (size_t)(f->end - f->p);
	f->done = error;
	return error ? -EBADMSG : 0;
}

int
flv_audio(struct flv *f, const uint8_t *p, size_t len)
{
	unsigned format, type;

	*f = (struct flv){ .p = p, .end = p + len, .done = len == 0 };
	if (len == 0)
		return 0;
	f->p++;
	format = p[0] >> 4;
	if (format == EX_AUDIO) {
		f->type = p[0] & 15;
		return begin_ex(f, AUDIO_MODEX, AUDIO_MULTI);
	}
	f->only = (struct flv_packet){ .what = FLV_FRAMES, .old = format };
	if (format == 10) {
		f->done = len < 2;
		if (len < 2)
			return -EBADMSG;
		type = *f->p++;
		f->only.fourcc = FLV_AAC;
		f->only.what = type == 0 ? FLV_CONFIG : type == 1 ? FLV_FRAMES : FLV_OTHER;
	} else if (format == 2 || format == 14) {
		f->only.fourcc = FLV_MP3;
	}
	f->only.data = f->p;
	f->only.len = (size_t)(f->end - f->p);
	return 0;
}

static enum flv_what
video_what(unsigned type)
{
	switch (type) {
	case VIDEO_START:
		return FLV_CONFIG;
	case VIDEO_FRAMES:
	case VIDEO_FRAMES_X:
		return FLV_FRAMES;
	case VIDEO_END:
		return FLV_END;
	case VIDEO_METADATA:
		return FLV_COLOUR;
	default:
		return FLV_OTHER;
	}
}

static enum flv_what
audio_what(unsigned type)
{
	switch (type) {
	case AUDIO_START:
		return FLV_CONFIG;
	case AUDIO_FRAMES:
		return FLV_FRAMES;
	case AUDIO_END:
		return FLV_END;
	case AUDIO_CHANNELS:
		return FLV_CHANNELS;
	default:
		return FLV_OTHER;
	}
}

/* The next packet of an Ex tag: of its only track, or of one of several. */
static int
next_ex(struct flv *f, struct flv_packet *pkt)
{
	bool error = false;
	struct flv in;
	size_t len;

	if (f->multi && f->many == MANY_CODECS)
		f->fourcc = get(f, 4, &error);
	pkt->fourcc = f->fourcc;
	if (f->multi)
		pkt->track = get(f, 1, &error);
	len = f->multi && f->many != ONE_TRACK ? get(f, 3, &error) :
	    (size_t)(f->end - f->p);
	if (error || len > (size_t)(f->end - f->p))
		return -EBADMSG;
	in = (struct flv){ .p = f->p, .end = f->p + len };
	f->p += len;
	f->done = f->p == f->end;
	pkt->what = f->is_video ? video_what(f->type) : audio_what(f->type);
	pkt->key = f->key;
	pkt->nano = f->nano;
	if (f->is_video && f->type == VIDEO_FRAMES &&
	    (f->fourcc == FLV_AVC || f->fourcc == FLV_HEVC)) {
		pkt->cts_ms = get_signed24(&in, &error);
		if (error)
			return -EBADMSG;
	}
	pkt->data = in.p;
	pkt->len = (size_t)(in.end - in.p);
	return 1;
}

int
flv_next(struct flv *f, struct flv_packet *pkt)
{
	int r = 1;

	if (f->done)
		return 0;
	memset(pkt, 0, sizeof(*pkt));
	if (!f->ex) {
		*pkt = f->only;
		f->done = true;
	} else if ((r = next_ex(f, pkt)) < 0) {
		f->done = true;
	}
	return r;
}

void
flv_name(uint32_t fourcc, char out[static 5])
{
	for (unsigned i = 0; i < 4; i++) {
		char c = (char)(fourcc >> 8 * (3 - i));

		out[i] = c;
		if (iscntrl((unsigned char)c))
			out[i] = '?';
	}
	out[4] = '\0';
}

/* ---- writing */

static size_t
put(uint8_t *p, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	return bytes;
}

static unsigned
ex_type(enum flv_what what, int32_t cts_ms)
{
	switch (what) {
	case FLV_CONFIG:
		return VIDEO_START;
	case FLV_END:
		return VIDEO_END;
	case FLV_COLOUR:
		return VIDEO_METADATA;
	default:
		return cts_ms == 0 ? VIDEO_FRAMES_X : VIDEO_FRAMES;
	}
}

size_t
flv_put_video(uint8_t p[static FLV_HEAD_MAX], uint32_t fourcc, enum flv_what what,
    bool key, int32_t cts_ms)
{
	unsigned kind = what == FLV_COLOUR ? COMMAND_FRAME : key ? KEY_FRAME : INTER_FRAME, type;
	size_t n;

	if (fourcc == FLV_AVC) {
		n = put(p, kind << 4 | AVC_ID, 1);
		n += put(p + n, what == FLV_CONFIG ? 0 : what == FLV_END ? 2 : 1, 1);
		return n + put(p + n, (uint32_t)cts_ms & 0xffffff, 3);
	}
	type = ex_type(what, cts_ms);
	n = put(p, 0x80 | kind << 4 | type, 1);
	n += put(p + n, fourcc, 4);
	return type == VIDEO_FRAMES ? n + put(p + n, (uint32_t)cts_ms & 0xffffff, 3) : n;
}

size_t
flv_put_aac(uint8_t p[static FLV_HEAD_MAX], enum flv_what what)
{
	p[0] = AAC_TAG;
	p[1] = what == FLV_CONFIG ? 0 : 1;
	return 2;
}
