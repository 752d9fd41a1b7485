#include <stddef.h>

#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"

const struct source_type *const source_types[] = {
	&source_file,
	&source_http,
	&source_legs,
	&source_object,
	&source_test,
	&source_udp,
	&source_pull,
	NULL
};

void
backoff_reset(struct backoff *b)
{
	*b = (struct backoff){ .next_ns = 0 };
}

void
backoff_failed(struct backoff *b)
{
	b->wait_ns = b->wait_ns == 0 ? CLK_SECOND / 4 :
	    b->wait_ns < 5 * CLK_SECOND ? 2 * b->wait_ns : b->wait_ns;
	b->next_ns = clk_mono_ns() + b->wait_ns;
}

bool
backoff_wait(const struct backoff *b, int64_t deadline_ns)
{
	bool due = b->next_ns <= deadline_ns;

	return clk_sleep_until(due ? b->next_ns : deadline_ns) == 0 && due &&
	    !io_stopping();
}
