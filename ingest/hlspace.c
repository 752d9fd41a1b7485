#include "ingest/hlspace.h"
#include "lib/base/clk.h"
#include "lib/base/rational.h"

#define JUMP		(60 * CLK_90K)
#define NORMAL		1000		/* speed, in thousandths */
#define FASTER		1050		/* while more is there than we hold back */
#define SLOWER		980		/* when nothing is left */

void
hlspace_init(struct hlspace *p, struct source *s)
{
	*p = (struct hlspace){ .s = s, .speed = NORMAL };
}

void
hlspace_segment(struct hlspace *p, const struct hlstrack *t)
{
	int64_t level = hlstrack_level(t);

	if (level > t->hold_ns)
		p->speed = FASTER;
	else if (level == 0)
		p->speed = SLOWER;
	else if (p->speed == SLOWER || level <= t->hold_ns - t->target_ns)
		p->speed = NORMAL;
	p->s->patience_ns = HLSTRACK_HOLD * t->target_ns + 2 * CLK_SECOND;
}

int64_t
hlspace_due(struct hlspace *p, int64_t media)
{
	int64_t now = clk_mono_ns(), step = media - p->media, at;

	if (!p->s->live || media == SOURCE_NO_TIME)
		return 0;
	if (!p->anchored || step < -CLK_90K || step > JUMP) {
		p->anchored = true;
		p->media = media;
		p->ns = now;
		return now;
	}
	at = p->ns + rescale_near(step, CLK_SECOND / CLK_90K * NORMAL, p->speed) +
	    rescale_near(step, CLK_SECOND % CLK_90K * NORMAL, CLK_90K * p->speed);
	if (at < now - CLK_SECOND) {
		p->underruns++;
		at = now;
	}
	return at;
}

void
hlspace_given(struct hlspace *p, int64_t media, int64_t at)
{
	if (at == 0)
		return;
	p->media = media;
	p->ns = at;
}

void
hlspace_break(struct hlspace *p)
{
	p->anchored = false;
}
