/*
 * audio.h - the frames of a compressed audio stream, out of PES payloads.
 *
 * AAC (ADTS), AC-3, E-AC-3, Opus and MPEG audio look the same from outside: a
 * payload goes in, frames come out, one that is cut at the end of a payload goes
 * on in the next.  Bytes that belong to no frame are counted.  After a gap, and
 * where a header says something new, a frame needs another one behind it.
 *
 * A frame of E-AC-3 is six blocks of all substreams, as files have it.  Its end is
 * seen from the next one, or where a payload ends; a payload that ends between
 * the substreams of the very first frame loses its dependent ones.  HE-AAC in
 * ADTS looks like its core (implicit signalling): mp4a.40.2 at half the rate.
 *
 * Spec     AAC: ISO/IEC 14496-3 1.6.2 (AudioSpecificConfig), 1.A.2 (ADTS).
 *          AC-3, E-AC-3: ETSI TS 102 366 4.3, 4.4, E.1.2, F.4 (dac3), F.6 (dec3).
 *          MPEG audio: ISO/IEC 11172-3 2.4.1.3, 13818-3 2.4.2.3.
 *          Opus: RFC 6716 3.1 (TOC); RFC 7845 5.1.1 (mapping); "Opus in TS"
 *          draft of 2014-10 (control header, descriptor); "Opus in ISOBMFF" 4.3.2.
 *          Codec strings: RFC 6381 3.3, RFC 8216bis 4.4.6.2.
 * Units    pts in 90 kHz; samples at info.rate (Opus: always 48000).
 * Memory   audio_free() gives all back.  A frame borrows the payload or the
 *          audio's own buffer: valid until the next call.
 * Errors   -ENOMEM, -ENOTSUP, -EBADMSG, -ENOSPC.
 */
#ifndef AUDIO_H
#define AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/codec.h"

#define AUDIO_CONFIG_MAX	64

struct audio_info {
	enum codec codec;		/* what the headers show: E-AC-3 in AC-3 too */
	uint32_t rate;			/* Hz; 0: nothing known yet */
	unsigned channels;
	uint32_t frame_samples;		/* 0: varies (Opus) */
	uint32_t bitrate;		/* bit/s when the header says it, else 0 */
	uint8_t	 object_type;		/* AAC: 2 is LC, 5 HE */
	uint8_t	 layer;			/* MPEG audio: 1 to 3 */
	uint16_t pre_skip;		/* Opus, at 48000 */
	uint8_t	 joc;			/* E-AC-3 with Atmos: its complexity index */
	char	 codec_string[16];	/* mp4a.40.2, ac-3, ec-3, opus */
	size_t	 config_len;		/* for mp4.h: AudioSpecificConfig, or the */
	uint8_t	 config[AUDIO_CONFIG_MAX];	/* payload of dac3, dec3, dOps */
};

struct audio_frame {
	const uint8_t *data;		/* as on the wire; Opus: without its header */
	size_t	 len;
	const uint8_t *raw;		/* as in a file: AAC without its header; */
	size_t	 raw_len;		/* NULL: several raw data blocks, no place */
	uint32_t samples;
	uint32_t trim_start, trim_end;	/* Opus: samples not to be heard */
	int64_t	 pts;			/* or PES_NO_TIME (pes.h) */
	bool	 anchored;		/* pts is that of the PES, not counted on */
	bool	 changed;		/* info is other than at the last frame */
};

struct audio {
	struct audio_info info;
	uint64_t frames, skipped;	/* skipped bytes */
	/* private: */
	enum codec codec;
	unsigned opus_code;		/* channel_config_code */
	unsigned parts;			/* E-AC-3: syncframes in the last frame */
	const uint8_t *p;		/* what is left to read; p[0..old) is from */
	size_t	 len, old;		/* earlier payloads */
	uint8_t	*hold;
	size_t	 hold_size;
	int64_t	 pes_pts, held_pts, base_pts;
	uint64_t counted;		/* samples since base_pts */
	uint32_t counted_rate;
	bool	 in_sync, held;		/* held: p is in hold */
};

/*
 * codec: AAC, AC3, EAC3, OPUS or MPEGA.  desc: the stream's PMT descriptors, for
 * the channels of Opus; may be NULL.  Returns 0 or -ENOTSUP.
 */
int audio_init(struct audio *a, enum codec codec, const uint8_t *desc,
    size_t desc_len);
void audio_free(struct audio *a);

/*
 * Give the payload of a PES packet, which must stay until audio_next() has
 * returned 0.  pts is that of the first frame that begins in it, or PES_NO_TIME.
 * lost: bytes are missing before it, so what was begun is dropped.  0, -ENOMEM.
 */
int audio_push(struct audio *a, const uint8_t *p, size_t len, int64_t pts, bool lost);

/* Returns 1 with the next frame, or 0: push more. */
int audio_next(struct audio *a, struct audio_frame *f);

/* At the end of the stream: a last frame that only waited for its successor. */
int audio_flush(struct audio *a, struct audio_frame *f);

/* What an AudioSpecificConfig says: 0, -EBADMSG, -ENOTSUP. */
int audio_parse_asc(const uint8_t *p, size_t len, struct audio_info *info);

/*
 * The ADTS header for a raw frame of len bytes, by an AudioSpecificConfig.  0, or
 * -ENOTSUP for what ADTS cannot say, -ENOSPC for a frame that is too long.
 */
#define ADTS_HEADER	7
int audio_adts_put(const struct audio_info *info, size_t len,
    uint8_t p[static ADTS_HEADER]);

/* The other payloads of boxes, to info: dac3, dec3, dOps. */
int audio_parse_config(enum codec codec, const uint8_t *p, size_t len,
    struct audio_info *info);

/*
 * Opus into TS: the control header before a packet of len bytes (returns its
 * length), and registration and extension descriptor for the PMT (returns their
 * length or -ENOTSUP), from the payload of dOps in info->config.
 */
#define OPUS_HEADER_MAX(len)	((len) / 255 + 1 + 2 + 4)
size_t audio_opus_header_put(size_t len, unsigned trim_start, unsigned trim_end,
    uint8_t *p);
int audio_opus_desc_put(const struct audio_info *info, uint8_t *p, size_t size);

/* An OpusHead packet (extradata of files: RFC 7845 5.1) to info with dOps. */
int audio_parse_opus_head(const uint8_t *p, size_t len, struct audio_info *info);

/* Samples at 48 kHz in an Opus packet by its TOC, or 0 if it is damaged. */
uint32_t audio_opus_samples(const uint8_t *p, size_t len);

#endif
