#include "lib/base/rational.h"
#include "lib/media/pes.h"
#include "lib/media/timeline.h"
#include "schedule/stc.h"

void
stc_init(struct stc *c)
{
	*c = (struct stc){ .pcr = STC_NO_TIME, .utc_ns = STC_NO_TIME };
}

bool
stc_pcr(struct stc *c, int64_t pcr)
{
	int64_t last = c->pcr, base = timeline_unwrap(last == STC_NO_TIME ? last :
	    last / 300, pcr / 300), delta;

	c->pcr = base * 300 + pcr % 300;
	if (last == STC_NO_TIME)
		return false;
	delta = base - last / 300;
	if (delta <= TIMELINE_JUMP_FORWARD && delta >= -TIMELINE_JUMP_BACK)
		return false;
	c->offset -= delta;
	c->utc_ns = STC_NO_TIME;	/* another clock */
	c->jumps++;
	return true;
}

void
stc_mark(struct stc *c, int64_t pcr, int64_t utc_ns)
{
	c->utc_ns = utc_ns;
	c->utc_pcr = pcr;
	c->marks++;
}

int64_t
stc_now(const struct stc *c)
{
	return c->pcr / 300 + c->offset;
}

int64_t
stc_media(const struct stc *c, uint64_t pts)
{
	return timeline_unwrap(c->pcr / 300, (int64_t)pts) + c->offset;
}

uint64_t
stc_pts(const struct stc *c, int64_t media)
{
	return (uint64_t)(media - c->offset) & (PES_WRAP - 1);
}

int64_t
stc_wall_ns(const struct stc *c)
{
	if (c->utc_ns == STC_NO_TIME || c->pcr == STC_NO_TIME)
		return STC_NO_TIME;
	return c->utc_ns + rescale_near(c->pcr - c->utc_pcr, 1000, 27);
}

bool
stc_of_utc(const struct stc *c, int64_t utc_ns, int64_t *media)
{
	if (c->utc_ns == STC_NO_TIME)
		return false;
	*media = rescale_near(c->utc_pcr + rescale_near(utc_ns - c->utc_ns, 27, 1000), 1,
	    300) + c->offset;
	return true;
}
