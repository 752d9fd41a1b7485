#include "transport/contentapart.h"
#include "transport/contentlist.h"

#define EVERY		16		/* packets: of so many one is kept */
#define SECONDS(n)	((n) * INT64_C(1000000000))
#define OLDEST		SECONDS(20)
#define APART_NS		(SECONDS(1) / 10)	/* so much two measures may differ */
#define APART_SURE		8		/* of them in a row */

/* A leg that is not found is so far behind another. */
static void
measure_apart(struct content_leg *l, int64_t behind_ns)
{
	if (l->locked)
		return;
	if (behind_ns - l->apart_ns > APART_NS || l->apart_ns - behind_ns > APART_NS)
		l->napart = 0;
	l->apart_ns = behind_ns;
	l->napart += l->napart < APART_SURE;
}

void
content_compare(struct content *c, unsigned leg, const uint8_t p[static TS_PACKET],
    uint64_t h)
{
	struct content_sample *s = &c->sample[h / EVERY % CONTENT_SAMPLES];
	int64_t behind_ns = c->now_ns - s->at_ns;

	if (h % EVERY != 0 || content_is_table(p))
		return;
	if (s->hash == h && s->leg != leg && behind_ns < OLDEST) {
		measure_apart(&c->leg[leg], behind_ns);
		measure_apart(&c->leg[s->leg], -behind_ns);
		return;
	}
	*s = (struct content_sample){ h, c->now_ns, leg };
}

void
content_forget_samples(struct content *c, unsigned leg)
{
	for (unsigned i = 0; i < CONTENT_SAMPLES; i++)
		if (c->sample[i].leg == leg)
			c->sample[i].hash = 0;
}

bool
content_apart(struct content *c, unsigned leg)
{
	struct content_leg *l = &c->leg[leg];
	int64_t by_ns = l->apart_ns < 0 ? -l->apart_ns : l->apart_ns;

	if (l->locked || l->told || l->napart < APART_SURE || by_ns <= c->window_ns)
		return false;
	l->told = true;
	return true;
}
