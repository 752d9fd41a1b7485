/*
 * nal.h - NAL units: find them in a byte stream, and change their framing.
 *
 * A byte stream has start codes between its NAL units (Annex B); a file has a
 * length before each ("prefixed" here).
 *
 * Spec     ITU-T H.264 7.3.1, 7.4.1 (types), Annex B; H.265 7.3.1, table 7-1,
 *          Annex B; ISO/IEC 14496-15 5.3.3 and 8.3.2 (prefixed, 4 bytes).
 * Shape    A NAL unit begins with its header byte; neither start code nor the
 *          zero bytes around it belong to it.  Never empty.
 * Memory   Nothing allocates; a struct nal borrows the buffer.
 * Threads  Pure functions and caller's structs.
 * Errors   -EBADMSG a length points past the end, -ENOSPC.
 */
#ifndef NAL_H
#define NAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/codec.h"

struct nal {
	const uint8_t *data;
	size_t	       len;
};

enum avc_nal {				/* nal_unit_type, data[0] & 31 */
	AVC_SLICE = 1, AVC_SLICE_A, AVC_SLICE_B, AVC_SLICE_C, AVC_IDR, AVC_SEI,
	AVC_SPS, AVC_PPS, AVC_AUD, AVC_END_SEQUENCE, AVC_END_STREAM, AVC_FILLER,
	AVC_SPS_EXT,
};

enum hevc_nal {				/* data[0] >> 1 & 63 */
	HEVC_RASL_N = 8, HEVC_RASL_R = 9,
	HEVC_BLA_W_LP = 16, HEVC_BLA_W_RADL, HEVC_BLA_N_LP, HEVC_IDR_W_RADL,
	HEVC_IDR_N_LP, HEVC_CRA, HEVC_IRAP_LAST = 23,
	HEVC_VCL_LAST = 31,		/* up to here they are slices */
	HEVC_VPS = 32, HEVC_SPS, HEVC_PPS, HEVC_AUD, HEVC_END_SEQUENCE,
	HEVC_END_STREAM, HEVC_FILLER, HEVC_SEI_PREFIX, HEVC_SEI_SUFFIX,
};

static inline unsigned
nal_type(enum codec c, struct nal n)
{
	return c == CODEC_HEVC ? n.data[0] >> 1 & 63u : n.data[0] & 31u;
}

/* Walk a byte stream: set *p and *end to it, then call until false. */
struct nal_iter {
	const uint8_t *p, *end;
};

bool nal_next(struct nal_iter *it, struct nal *nal);

/*
 * Walk a prefixed sample; a length has length_size bytes (1, 2, 4).  Empty units
 * are passed over.  Returns 1, 0 at the end, -EBADMSG.
 */
int nal_next_prefixed(struct nal_iter *it, unsigned length_size, struct nal *nal);

/* The offset of the next 00 00 01 in p[0..len), or len. */
size_t nal_find(const uint8_t *p, size_t len);

/* Which NAL units a conversion leaves out. */
enum {
	NAL_DROP_AUD = 1,		/* access unit delimiters */
	NAL_DROP_FILLER = 2,
	NAL_DROP_PARAMS = 4,		/* VPS, SPS, PPS: they are in the header */
	NAL_DROP_SEI = 8,
};
#define NAL_DROP_FOR_MP4	(NAL_DROP_AUD | NAL_DROP_FILLER | NAL_DROP_PARAMS)

bool nal_dropped(enum codec c, struct nal n, unsigned drop);

/*
 * Byte stream to 4-byte prefixed, into out[0..size).  The result is never longer
 * than len + len / 3 + 4.  Returns its length or -ENOSPC.  (video.h does the
 * same from a unit it has already scanned.)
 */
int64_t nal_to_prefixed(enum codec c, const uint8_t *p, size_t len, unsigned drop,
    uint8_t *out, size_t size);

/*
 * Prefixed to byte stream with 4-byte start codes.  out may be NULL to learn the
 * length.  Returns the length, -ENOSPC or -EBADMSG.
 */
int64_t nal_to_annexb(enum codec c, const uint8_t *p, size_t len,
    unsigned length_size, unsigned drop, uint8_t *out, size_t size);

/*
 * Take the emulation prevention bytes out of a NAL unit or a part of one, up to
 * size bytes of result.  Returns the length of the result.
 */
size_t nal_unescape(const uint8_t *p, size_t len, uint8_t *out, size_t size);

/* Put them in.  Returns the length, at most len + len / 2 + 1, or 0: no space. */
size_t nal_escape(const uint8_t *p, size_t len, uint8_t *out, size_t size);

#endif
