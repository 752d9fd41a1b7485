#include <stdlib.h>
#include <string.h>

#include "ingest/pace.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"

#define GROUP_MAX	(40000 * TS_PACKET)	/* between two PCRs */
#define PCR_GAP		CLK_27M			/* more is a jump */

void
bytes_append(struct bytes *b, const uint8_t p[static TS_PACKET])
{
	if (b->len + TS_PACKET > b->size) {
		b->size = b->size == 0 ? 1024 * TS_PACKET : 2 * b->size;
		b->data = realloc(b->data, b->size);
		if (b->data == NULL)
			fatal(EXIT_RUNTIME, 0, "out of memory");
	}
	memcpy(b->data + b->len, p, TS_PACKET);
	b->len += TS_PACKET;
}

void
pace_init(struct pace *p, struct out *out, bool realtime)
{
	*p = (struct pace){ .out = out, .realtime = realtime };
}

void
pace_free(struct pace *p)
{
	free(p->group.data);
}

/* Write the packets since the last PCR, spread evenly until media time end. */
static void
flush_group(struct pace *p, int64_t end)
{
	size_t n = p->group.len / TS_PACKET;

	for (size_t i = 0; i < n; i += OUT_BURST) {
		size_t burst = n - i < OUT_BURST ? n - i : OUT_BURST;
		int64_t due = p->group_media + rescale_down(end - p->group_media,
		    (int64_t)i, (int64_t)n);

		out_wait(p->out, due);
		out_put(p->out, p->group.data + i * TS_PACKET, burst * TS_PACKET);
	}
	out_flush(p->out);
	p->group.len = 0;
	p->group_media = end;
}

/* At the rate of before, how long are the packets since the last PCR? */
static int64_t
guess_step(const struct pace *p)
{
	if (p->step_packets == 0)
		return 0;
	return rescale_near((int64_t)p->packets, p->step, (int64_t)p->step_packets);
}

void
pace_pcr(struct pace *p, int64_t pcr, bool announced)
{
	int64_t step = pcr - p->pcr;
	bool jumped = announced || !p->started;

	if (step < -TS_PCR_WRAP / 2) {
		step += TS_PCR_WRAP;
		p->wraps += p->started && step <= PCR_GAP;
	} else if (step > TS_PCR_WRAP / 2) {
		step -= TS_PCR_WRAP;
	}
	if (p->started && (step < 0 || step > PCR_GAP)) {
		p->jumps++;
		jumped = true;
	}
	if (jumped) {
		step = guess_step(p);
	} else if (step > 0) {
		p->step = step;
		p->step_packets = p->packets;
	}
	p->media += step;
	p->pcr = pcr;
	p->packets = 0;
	if (p->realtime && p->started)
		flush_group(p, p->media);
	else if (p->realtime)
		out_wait(p->out, p->media);
	p->group_media = p->media;
	p->started = true;
}

void
pace_put(struct pace *p, const uint8_t packet[static TS_PACKET])
{
	p->packets++;
	if (!p->realtime || !p->started) {
		out_put(p->out, packet, TS_PACKET);
		return;
	}
	bytes_append(&p->group, packet);
	if (p->group.len >= GROUP_MAX)
		flush_group(p, p->group_media + guess_step(p));
}

void
pace_break(struct pace *p)
{
	if (!p->started)
		return;
	p->media += guess_step(p);	/* what follows is no jump */
	flush_group(p, p->media);
	p->started = false;
	p->packets = 0;
}

void
pace_end(struct pace *p)
{
	flush_group(p, p->group_media + guess_step(p));
}
