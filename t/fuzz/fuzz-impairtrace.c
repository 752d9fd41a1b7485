/*
 * A trace of a line whose rate varies: what is understood lets no more through by any
 * time than there were opportunities, in order, and nothing before it came.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/impairtrace.c"

#define LONGEST	(100 * MS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct impairtrace *t = NULL;
	struct impairtrace_at at = { 0 };
	int64_t now_ns = 0, last_ns = 0, sent_ns;
	uint64_t bytes = 0;
	unsigned line;

	if (impairtrace_parse(&t, (const char *)data, len, &line) < 0) {
		if (t != NULL || line > len + 1)
			abort();
		return 0;
	}
	if (t->n == 0 || t->n > len || t->ms[t->n - 1] == 0)
		abort();
	for (size_t i = 0; i < 200; i++) {
		size_t size = data[i % len] * 40u;

		now_ns += data[i % len] % 8 * (MS / 3) * (1 + data[(i * 7) % len]);
		if (!impairtrace_take(t, &at, now_ns, size, LONGEST, &sent_ns))
			continue;
		bytes += size;
		if (sent_ns < now_ns || sent_ns < last_ns ||
		    bytes > (at.k + 1) * IMPAIRTRACE_BYTES)
			abort();
		last_ns = sent_ns;
	}
	free(t);
	return 0;
}
