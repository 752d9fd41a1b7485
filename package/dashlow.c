/*
 * What a manifest of low latency says beyond the plain one: ISO/IEC 23009-1 5.3.9.5.3
 * (availabilityTimeOffset), Annex K (ServiceDescription), 5.12 (ProducerReferenceTime),
 * 5.3.5.4 (Resync); DASH-IF low-latency modes.
 */
#include <inttypes.h>

#include "lib/base/clk.h"
#include "lib/base/text.h"
#include "package/pres.h"

#define LATENCY_PARTS	3		/* behind the newest part */

static int64_t
ns(int64_t ticks)			/* 90 kHz */
{
	return rescale_near(ticks, CLK_SECOND, CLK_90K);
}

/*
 * Do segments begin on the grid, with the numbers of it?  A part may be that much late
 * which is a part itself: an origin holds who asks before.
 */
bool
dash_is_regular(const struct pres *p, size_t from, size_t to)
{
	const struct segment *first = p->segment[from];
	const struct segment *last = p->segment[to - 1];

	if (!p->low || !p->live || p->ended || p->nominal <= 0)
		return false;
	for (size_t i = from; i < to; i++) {
		const struct segment *s = p->segment[i];
		int64_t off = s->t - first->t - (s->number - first->number) * p->nominal;

		if (off > CLK_90K / 50 || off < -CLK_90K / 50)
			return false;
	}
	for (size_t i = 0; i < p->nopen && to == p->n; i++) {
		const struct segment *s = p->open[i];
		int64_t off = s->expect - last->t - (s->number + 1 - last->number) * p->nominal;

		if (off > CLK_90K / 50 || off < -CLK_90K / 50)
			return false;
	}
	return true;
}

/* A segment can be asked for when its first part is there. */
int64_t
dash_offset(const struct pres *p)
{
	int64_t offset = ns(p->nominal - p->chunk - p->lag_worst);

	return offset > 0 ? offset : 0;
}

int64_t
dash_latency(const struct pres *p)
{
	int64_t target = ns(LATENCY_PARTS * p->chunk + p->lag), step = CLK_SECOND / 10;

	if (p->latency > 0)
		return p->latency;
	target = (target + step - 1) / step * step;
	return target < CLK_SECOND / 2 ? CLK_SECOND / 2 : target;
}

void
dash_put_service(const struct pres *p, struct text *t)
{
	int64_t target = dash_latency(p) / 1000000;

	if (!p->low || p->ended || !p->live)
		return;
	text_add(t, "  <ServiceDescription id=\"0\">\n"
	    "    <Latency target=\"%" PRId64 "\" min=\"%" PRId64 "\" max=\"%" PRId64
	    "\" referenceId=\"1\"/>\n"
	    "    <PlaybackRate min=\"0.96\" max=\"1.04\"/>\n"
	    "  </ServiceDescription>\n", target, target / 2, 4 * target);
}

void
dash_put_clock(const struct pres *p, unsigned track, uint32_t timescale, int64_t offset,
    int64_t start_ns, bool video, struct text *t)
{
	char iso[CLK_ISO];

	if (!p->low || p->ended || !p->live)
		return;
	clk_iso(start_ns, iso);
	text_add(t, "      <ProducerReferenceTime id=\"%u\" inband=\"true\" type=\"captured\" "
	    "wallClockTime=\"%s\" presentationTime=\"%" PRId64 "\">\n", track + 1, iso,
	    rescale_near(offset, timescale, CLK_90K));
	if (p->utc_timing != NULL)
		text_add(t, "        <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-%s:2014\" "
		    "value=\"%s\"/>\n", p->utc_scheme, p->utc_timing);
	text_add(t, "      </ProducerReferenceTime>\n");
	if (video) {		/* chunks begin anywhere, segments with a key frame */
		text_add(t, "      <Resync type=\"2\" dT=\"%" PRId64 "\" marker=\"true\"/>\n"
		    "      <Resync type=\"0\" dT=\"%" PRId64 "\" marker=\"true\"/>\n",
		    rescale_near(p->nominal, timescale, CLK_90K),
		    rescale_near(p->chunk, timescale, CLK_90K));
		return;
	}
	text_add(t, "      <Resync type=\"1\" dT=\"%" PRId64 "\" marker=\"true\"/>\n",
	    rescale_near(hls_part_target(p, track), timescale, CLK_SECOND));
}
