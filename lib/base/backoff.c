#include <stdlib.h>

#include "lib/base/backoff.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"

#define FIRST		(CLK_SECOND / 4)
#define MOST		(8 * CLK_SECOND)

int64_t
backoff_ns(int64_t first_ns, int64_t most_ns, unsigned tries)
{
	int64_t wait = first_ns;

	for (; tries > 0 && wait < most_ns; tries--)
		wait *= 2;
	return wait < most_ns ? wait : most_ns;
}

void
backoff_reset(struct backoff *b)
{
	b->tries = 0;
	b->next_ns = 0;
}

int64_t
backoff_failed(struct backoff *b)
{
	int64_t now = clk_mono_ns();
	int64_t wait = backoff_ns(b->first_ns > 0 ? b->first_ns : FIRST,
	    b->most_ns > 0 ? b->most_ns : MOST, b->tries);

	if (b->spread) {
		if (b->seed == 0)
			b->seed = (unsigned)now ^ (unsigned)(uintptr_t)b;
		wait -= wait / 4 * (rand_r(&b->seed) % 1024) / 1024;
	}
	b->tries += b->tries < 64;
	b->next_ns = now + wait;
	return wait;
}

bool
backoff_wait(const struct backoff *b, int64_t deadline_ns)
{
	bool due = b->next_ns <= deadline_ns;

	return clk_sleep_until(due ? b->next_ns : deadline_ns) == 0 && due &&
	    !io_stopping();
}
