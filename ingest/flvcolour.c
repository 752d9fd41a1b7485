#include <errno.h>

#include "ingest/flvcolour.h"
#include "lib/net/amf.h"

#define PRIMARY		50000	/* units in one */
#define LUMINANCE	10000

/* What of the display was said: all of it is needed. */
enum { DISPLAY = 10, ALL_OF_DISPLAY = (1 << DISPLAY) - 1 };

static uint32_t
scaled(double v, double unit, double most)
{
	v = v * unit + 0.5;
	return !(v > 0) ? 0 : v > most ? (uint32_t)most : (uint32_t)v;
}

static void
take_display(struct hdr *h, const struct amf_item *it, unsigned *said)
{
	static const char *const xy[4][2] = {
		{ "greenX", "greenY" }, { "blueX", "blueY" }, { "redX", "redY" },
		{ "whitePointX", "whitePointY" },
	};

	for (unsigned i = 0; i < 8; i++)
		if (amf_is(it->key, xy[i / 2][i % 2])) {
			h->xy[i / 2][i % 2] = (uint16_t)scaled(it->number, PRIMARY, PRIMARY);
			*said |= 1u << i;
		}
	if (amf_is(it->key, "maxLuminance")) {
		h->max_luminance = scaled(it->number, LUMINANCE, UINT32_MAX);
		*said |= 1u << 8;
	} else if (amf_is(it->key, "minLuminance")) {
		h->min_luminance = scaled(it->number, LUMINANCE, UINT32_MAX);
		*said |= 1u << 9;
	}
}

static void
take_light(struct hdr *h, const struct amf_item *it)
{
	if (amf_is(it->key, "maxCLL"))
		h->max_cll = (uint16_t)scaled(it->number, 1, UINT16_MAX);
	else if (amf_is(it->key, "maxFall"))
		h->max_fall = (uint16_t)scaled(it->number, 1, UINT16_MAX);
	else
		return;
	h->has_light = true;
}

/* The members of colorInfo, to its end. */
static int
read_info(struct amf *a, struct hdr *h)
{
	enum { NEITHER, MDCV, CLL } in = NEITHER;
	unsigned said = 0;
	struct amf_item it;
	int r;

	while ((r = amf_next(a, &it)) > 0 && it.depth > 0) {
		if (it.depth == 1)
			in = it.type != AMF_OBJECT && it.type != AMF_ARRAY ? NEITHER :
			    amf_is(it.key, "hdrMdcv") ? MDCV :
			    amf_is(it.key, "hdrCll") ? CLL : NEITHER;
		else if (it.depth == 2 && it.type == AMF_NUMBER && in == MDCV)
			take_display(h, &it, &said);
		else if (it.depth == 2 && it.type == AMF_NUMBER && in == CLL)
			take_light(h, &it);
	}
	h->has_mastering = said == ALL_OF_DISPLAY;
	return r < 0 ? r : 0;
}

int
flvcolour_read(struct hdr *h, const uint8_t *p, size_t len)
{
	struct hdr said = { .has_mastering = false };
	bool named = false;
	struct amf_item it;
	struct amf a;
	int r;

	amf_init(&a, p, len);
	while ((r = amf_next(&a, &it)) > 0) {
		bool info = named && it.depth == 0;

		named = it.depth == 0 && it.type == AMF_STRING && amf_is(it.string, "colorInfo");
		if (!info)
			continue;
		said = (struct hdr){ .has_mastering = false };
		if (it.type == AMF_OBJECT || it.type == AMF_ARRAY)
			if ((r = read_info(&a, &said)) < 0)
				return r;
		*h = said;
		return 0;
	}
	return r;
}
