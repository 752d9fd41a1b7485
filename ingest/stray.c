#include "ingest/stray.h"
#include "lib/base/clk.h"

#define BELIEVE	3
#define SLOWEST	(60 * CLK_90K)	/* from one picture to the next */

bool
stray_time(struct stray *s, int64_t time)
{
	if (s->n > 0 && time > s->last - CLK_90K && time < s->last + SLOWEST)
		s->n++;
	else
		s->n = 1;
	s->last = time;
	if (s->n < BELIEVE)
		return true;
	s->n = 0;
	return false;
}
