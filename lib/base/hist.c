#include "lib/base/hist.h"

#define SUB	4			/* bits of a value below its first one */

static unsigned
bucket_of(uint64_t v)
{
	unsigned top;

	if (v < 1 << SUB)
		return (unsigned)v;
	top = 63 - (unsigned)__builtin_clzll(v);
	return (top - SUB + 1) << SUB | (unsigned)(v >> (top - SUB) & ((1 << SUB) - 1));
}

/* The highest value that is in it. */
static uint64_t
bucket_end(unsigned i)
{
	unsigned shift;

	if (i < 1 << SUB)
		return i;
	shift = (i >> SUB) - 1;
	return ((UINT64_C(1) << SUB | (i & ((1 << SUB) - 1))) << shift) +
	    ((UINT64_C(1) << shift) - 1);
}

void
hist_add(struct hist *h, uint64_t v)
{
	if (h->n == 0 || v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	h->n++;
	h->bucket[bucket_of(v)]++;
}

uint64_t
hist_permille(const struct hist *h, unsigned permille)
{
	uint64_t rank = (h->n * permille + 999) / 1000, sum = 0, end;

	if (h->n == 0)
		return 0;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		sum += h->bucket[i];
		if (sum >= rank && sum > 0) {
			end = bucket_end(i);
			return end < h->max ? end : h->max;
		}
	}
	return h->max;
}
