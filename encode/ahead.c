#include "encode/ahead.h"
#include "lib/base/clk.h"

#define ENOUGH	(INT64_C(1200) * 27000)		/* of PCR: clock packets come sooner */
#define WAIT	(INT64_C(1500) * 1000000)	/* of time, when nothing comes */

int
ahead_init(struct ahead *a)
{
	*a = (struct ahead){ .deadline_ns = INT64_MAX };
	return tsdemux_init(&a->demux);
}

static void
take_pcr(struct ahead *a, const struct tsdemux_event *ev)
{
	if (!a->has_first || ev->discontinuity || ev->pcr < a->first_pcr) {
		a->has_first = true;
		a->first_pcr = ev->pcr;
	}
	if (ev->has_arrival) {
		a->stamped = true;
		a->pcr_90k = ev->pcr / 300;
		a->utc_ns = clk_ntp_to_ns(ev->arrival_ntp);
	}
	a->done |= ev->has_arrival || ev->pcr - a->first_pcr >= ENOUGH;
}

void
ahead_look(struct ahead *a, const uint8_t *p, size_t len, bool eof)
{
	struct tsdemux_event ev;
	size_t used;

	if (a->deadline_ns == INT64_MAX && len > 0)
		a->deadline_ns = clk_mono_ns() + WAIT;
	while (!a->done && tsdemux_next(&a->demux, p + a->used, len - a->used, &used,
	    &ev) > 0) {
		a->used += used;
		if (ev.type == TSDEMUX_PCR)
			take_pcr(a, &ev);
		a->done |= a->demux.clock == TSDEMUX_NOT_LIVE;
	}
	if (!a->done)
		a->used += used;
	a->done |= eof || len >= AHEAD_BYTES || clk_mono_ns() >= a->deadline_ns;
	a->clock = a->demux.clock;
}

void
ahead_free(struct ahead *a)
{
	tsdemux_free(&a->demux);
}
