/*
 * A byte stream: each of its bytes is in one NAL unit, or a start code or zero
 * around them; lengths and back give the same units; escaping is undone.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/nal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t *
exact(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len + (len == 0));

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

static void
check_stream(enum codec c, const uint8_t *p, size_t len)
{
	struct nal_iter it = { p, p + len };
	size_t size = len + len / 3 + 4, units = 0, i = nal_find(p, len);
	uint8_t *prefixed = malloc(size), *stream;
	int64_t n = nal_to_prefixed(c, p, len, 0, prefixed, size), m;
	struct nal nal, same;

	while (nal_next(&it, &nal)) {
		for (; p + i < nal.data; i++)
			if (p[i] > 1)
				abort();
		i += nal.len;
		units += 4 + nal.len;
	}
	for (; i < len; i++)
		if (p[i] > 1)
			abort();
	if (n != (int64_t)units)
		abort();
	stream = malloc(units + 1);
	m = nal_to_annexb(c, prefixed, (size_t)n, 4, 0, stream, units);
	if (m != n)
		abort();
	it = (struct nal_iter){ p, p + len };
	for (struct nal_iter jt = { stream, stream + m }; nal_next(&jt, &same); )
		if (!nal_next(&it, &nal) || nal.len != same.len ||
		    memcmp(nal.data, same.data, same.len) != 0)
			abort();
	if (nal_next(&it, &nal))
		abort();
	free(prefixed);
	free(stream);
}

static void
check_prefixed(enum codec c, const uint8_t *p, size_t len)
{
	static const unsigned length_size[3] = { 1, 2, 4 };

	for (unsigned k = 0; k < 3; k++) {
		int64_t n = nal_to_annexb(c, p, len, length_size[k], NAL_DROP_FOR_MP4,
		    NULL, 0);
		uint8_t *out = malloc(n > 0 ? (size_t)n : 1);

		if (n >= 0 && nal_to_annexb(c, p, len, length_size[k], NAL_DROP_FOR_MP4,
		    out, (size_t)n) != n)
			abort();
		free(out);
	}
}

static void
check_escape(const uint8_t *p, size_t len)
{
	size_t size = len + len / 2 + 1, n, m;
	uint8_t *out = malloc(size), *back = malloc(len + 1);

	n = nal_escape(p, len, out, size);
	for (size_t i = 0; i + 2 < n; i++)
		if (out[i] == 0 && out[i + 1] == 0 && out[i + 2] < 3)
			abort();
	m = nal_unescape(out, n, back, len + 1);
	if (m != len || memcmp(back, p, len) != 0)
		abort();
	free(out);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *p = exact(data, len);
	enum codec c = len > 0 && (data[0] & 1) != 0 ? CODEC_HEVC : CODEC_AVC;

	check_stream(c, p, len);
	check_prefixed(c, p, len);
	if (len > 0)
		check_escape(p, len);
	free(p);
	return 0;
}
