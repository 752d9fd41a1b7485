#include <string.h>

#include "lib/media/bits.h"
#include "lib/media/hdr.h"
#include "lib/media/sei.h"

#define MASTERING_LEN	24
#define LIGHT_LEN	4

bool
hdr_same(const struct hdr *a, const struct hdr *b)
{
	return a->has_mastering == b->has_mastering && a->has_light == b->has_light &&
	    memcmp(a->xy, b->xy, sizeof(a->xy)) == 0 &&
	    a->max_luminance == b->max_luminance && a->min_luminance == b->min_luminance &&
	    a->max_cll == b->max_cll && a->max_fall == b->max_fall;
}

void
hdr_fill(struct hdr *h, const struct hdr *from)
{
	struct hdr all = *from;

	if (h->has_mastering) {
		all.has_mastering = true;
		memcpy(all.xy, h->xy, sizeof(all.xy));
		all.max_luminance = h->max_luminance;
		all.min_luminance = h->min_luminance;
	}
	if (h->has_light) {
		all.has_light = true;
		all.max_cll = h->max_cll;
		all.max_fall = h->max_fall;
	}
	*h = all;
}

void
hdr_read(struct hdr *h, size_t type, const uint8_t *p, size_t len)
{
	struct bits b = bits_of(p, len);

	if (type == HDR_MASTERING && len >= MASTERING_LEN) {
		for (unsigned i = 0; i < 4; i++) {
			h->xy[i][0] = (uint16_t)bits_get(&b, 16);
			h->xy[i][1] = (uint16_t)bits_get(&b, 16);
		}
		h->max_luminance = bits_get(&b, 32);
		h->min_luminance = bits_get(&b, 32);
		h->has_mastering = true;
	} else if (type == HDR_LIGHT && len >= LIGHT_LEN) {
		h->max_cll = (uint16_t)bits_get(&b, 16);
		h->max_fall = (uint16_t)bits_get(&b, 16);
		h->has_light = true;
	}
}

size_t
hdr_put(const struct hdr *h, enum codec codec, uint8_t out[static HDR_SEI_MAX])
{
	uint8_t message[MASTERING_LEN];
	struct bits_writer w = bits_into(message, sizeof(message));
	size_t n = 0;

	if (h->has_mastering) {
		for (unsigned i = 0; i < 4; i++) {
			bits_put(&w, 16, h->xy[i][0]);
			bits_put(&w, 16, h->xy[i][1]);
		}
		bits_put(&w, 32, h->max_luminance);
		bits_put(&w, 32, h->min_luminance);
		n = sei_put(out, codec, HDR_MASTERING, message, MASTERING_LEN);
	}
	if (h->has_light) {
		w = bits_into(message, sizeof(message));
		bits_put(&w, 16, h->max_cll);
		bits_put(&w, 16, h->max_fall);
		n += sei_put(out + n, codec, HDR_LIGHT, message, LIGHT_LEN);
	}
	return n;
}
