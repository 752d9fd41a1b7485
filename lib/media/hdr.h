/*
 * hdr.h - static metadata of HDR: the display that was mastered on, and the light.
 *
 * Spec     SEI messages: ITU-T H.265 D.2.28, D.3.28 (mastering display colour volume),
 *          D.2.35, D.3.35 (content light level); in H.264 they are the same, D.1.29 and
 *          D.1.31.  As numbers: Enhanced RTMP v2, "Metadata Frame".
 * Units    Chromaticities in 1/50000, luminances in 1/10000 cd/m2, light in cd/m2.
 * Threads  Pure functions.
 */
#ifndef HDR_H
#define HDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/codec.h"

enum { HDR_MASTERING = 137, HDR_LIGHT = 144 };	/* payloadType */

enum { HDR_GREEN, HDR_BLUE, HDR_RED, HDR_WHITE };

struct hdr {
	bool	 has_mastering, has_light;
	uint16_t xy[4][2];
	uint32_t max_luminance, min_luminance;
	uint16_t max_cll, max_fall;
};

bool hdr_same(const struct hdr *a, const struct hdr *b);

/* What h does not have is as in from. */
void hdr_fill(struct hdr *h, const struct hdr *from);

/* Take the payload of an SEI message, if it is one of these and whole. */
void hdr_read(struct hdr *h, size_t type, const uint8_t *p, size_t len);

/* NAL units with their start codes, for what there is.  Returns the length. */
#define HDR_SEI_MAX	96
size_t hdr_put(const struct hdr *h, enum codec codec, uint8_t out[static HDR_SEI_MAX]);

#endif
