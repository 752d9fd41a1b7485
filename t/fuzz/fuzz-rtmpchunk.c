/*
 * Chunks: messages are the same however the bytes are cut, memory stays in its limits, and
 * what our writer makes of the messages reads as them again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/rtmpchunk.h"

#define MESSAGE	5000
#define FIRST	600		/* messages compared */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct trace {
	uint64_t hash;
	unsigned n;
	size_t	 used;
	int	 r;
};

static uint64_t
add(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(1099511628211);
}

static void
check_aggregate(const struct rtmp_msg *m)
{
	struct rtmp_msg in;
	uint32_t base;
	size_t pos = 0;

	while (rtmp_aggregate_next(m, &pos, &base, &in) > 0)
		if (pos > m->len || in.data + in.len > m->data + m->len)
			abort();
}

static struct trace
walk(const uint8_t *data, size_t len, size_t step, struct rtmp_out *out)
{
	struct budget budget = { .limit = 4 * MESSAGE };
	struct trace t = { .n = 0 };
	struct rtmp_in in;
	struct rtmp_msg m;
	size_t at = 0, end = 0, used;

	rtmp_in_init(&in, MESSAGE, &budget);
	while (len > 0 && t.r >= 0 && t.n < FIRST) {
		t.r = rtmp_in_next(&in, data + at, end - at, &used, &m);
		if (used > end - at)
			abort();
		at += used;
		if (budget.used > budget.limit || in.total != budget.used)
			abort();
		if (t.r == 0 && end == len)
			break;
		if (t.r == 0) {
			end = end + step < len ? end + step : len;
			continue;
		}
		if (t.r < 0)
			break;
		t.n++;
		t.hash = add(add(add(t.hash, m.timestamp), m.type), m.len);
		t.hash = add(add(t.hash, m.stream_id), m.csid);
		for (size_t i = 0; i < m.len; i++)
			t.hash = add(t.hash, m.data[i]);
		if (m.len > MESSAGE)
			abort();
		check_aggregate(&m);
		/* Ours would obey what only they have sent. */
		if (out != NULL && m.type != RTMP_SET_CHUNK_SIZE && m.type != RTMP_ABORT &&
		    rtmp_out_put(out, &m) < 0)
			abort();
	}
	t.used = at;
	rtmp_in_free(&in);
	if (budget.used != 0)
		abort();
	return t;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rtmp_out out, again;
	struct trace whole, pieces, ours, twice;

	rtmp_out_init(&out);
	rtmp_out_init(&again);
	whole = walk(data, len, len + 1, &out);
	pieces = walk(data, len, 1 + len % 7, NULL);
	if (whole.n != pieces.n || whole.hash != pieces.hash || whole.r != pieces.r)
		abort();
	ours = walk(out.data, out.len, 4096, &again);
	twice = walk(again.data, again.len, 100, NULL);
	if (ours.r < 0 || ours.used != out.len || ours.hash != twice.hash || ours.n != twice.n)
		abort();
	rtmp_out_free(&out);
	rtmp_out_free(&again);
	return 0;
}
