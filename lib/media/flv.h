/*
 * flv.h - audio and video tags of FLV, as messages of RTMP carry them.
 *
 * Spec     Adobe Flash Video File Format 10.1 E.4.2 (audio), E.4.3 (video); Enhanced RTMP
 *          v2 (Veovera, 2024): ExAudioTagHeader, ExVideoTagHeader, ModEx, multitrack.
 * Shape    A tag is walked: most have one packet, those of several tracks have one each.
 *          Codecs of old go by the FourCC that they have now; HEVC by the codec id 12,
 *          which is in no specification, is read as well.
 * Units    cts in milliseconds, nano in nanoseconds, to be added to that of the message.
 * Memory   Nothing allocates; packets borrow the tag.
 * Threads  Caller's structs.
 * Errors   -EBADMSG the tag ends within what it says, or there is no such type.
 */
#ifndef FLV_H
#define FLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLV_FOURCC(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

enum {
	FLV_AVC = FLV_FOURCC('a', 'v', 'c', '1'), FLV_HEVC = FLV_FOURCC('h', 'v', 'c', '1'),
	FLV_AAC = FLV_FOURCC('m', 'p', '4', 'a'), FLV_MP3 = FLV_FOURCC('.', 'm', 'p', '3'),
	FLV_AC3 = FLV_FOURCC('a', 'c', '-', '3'), FLV_EAC3 = FLV_FOURCC('e', 'c', '-', '3'),
	FLV_OPUS = FLV_FOURCC('O', 'p', 'u', 's'),
};

enum flv_what {
	FLV_CONFIG,		/* sequence start: avcC, hvcC, AudioSpecificConfig, OpusHead */
	FLV_FRAMES,
	FLV_END,		/* sequence end */
	FLV_COLOUR,		/* video: colorInfo in AMF */
	FLV_CHANNELS,		/* audio: the order of channels */
	FLV_COMMAND,		/* video: of a player, such as a seek */
	FLV_OTHER,		/* of a type that does not concern us */
};

struct flv_packet {
	enum flv_what what;
	bool	 key;		/* video */
	unsigned track;
	uint32_t fourcc;	/* 0: a codec of old that has none; see old */
	unsigned old;		/* that codec's id */
	int32_t	 cts_ms;
	uint32_t nano;
	const uint8_t *data;
	size_t	 len;
};

struct flv {
	const uint8_t *p, *end;
	/* private: */
	bool	 ex, multi, done, key;
	unsigned many;		/* AvMultitrackType */
	unsigned type;
	bool	 is_video;
	uint32_t fourcc, nano;
	struct flv_packet only;
};

/* 0 or -EBADMSG.  A tag without bytes has no packet. */
int flv_audio(struct flv *f, const uint8_t *p, size_t len);
int flv_video(struct flv *f, const uint8_t *p, size_t len);

/* 1 with the next packet, 0 at the end, -EBADMSG. */
int flv_next(struct flv *f, struct flv_packet *pkt);

/*
 * What comes before the data of a tag: of FLV_CONFIG, FLV_FRAMES, FLV_END and, of HEVC,
 * FLV_COLOUR.  AVC and AAC have the codec ids that every reader knows, HEVC its FourCC.
 * Return the length.
 */
#define FLV_HEAD_MAX	8
size_t flv_put_video(uint8_t p[static FLV_HEAD_MAX], uint32_t fourcc, enum flv_what what,
    bool key, int32_t cts_ms);
size_t flv_put_aac(uint8_t p[static FLV_HEAD_MAX], enum flv_what what);

/* "av01" for messages, from a FourCC; control characters are ?. */
void flv_name(uint32_t fourcc, char out[static 5]);

#endif
