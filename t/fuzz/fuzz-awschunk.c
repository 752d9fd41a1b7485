/* aws-chunked: the same whatever the split; never more data than came. */
#include <stdlib.h>
#include <string.h>

#include "lib/net/awschunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t data, hash;
	unsigned chunks, trailers;
	int last;
};

static struct seen
run(const char *p, size_t len, size_t piece)
{
	struct awschunk c = { 0 };
	struct seen s = { 0 };
	size_t at = 0;

	do {
		size_t n = len - at < piece ? len - at : piece, used;
		struct h1_str text = { NULL, 0 };

		s.last = awschunk_next(&c, p + at, n, &used, &text);
		if (used > n)
			abort();
		at += used;
		if (s.last == AWSCHUNK_DATA) {
			s.data += text.len;
			for (size_t i = 0; i < text.len; i++)
				s.hash = s.hash * 31 + (uint8_t)text.p[i];
		}
		s.chunks += s.last == AWSCHUNK_CHUNK;
		s.trailers += s.last == AWSCHUNK_TRAILER;
	} while (s.last >= 0 && s.last != AWSCHUNK_END && at < len);
	if (s.data > len || s.trailers > AWSCHUNK_TRAILERS)
		abort();
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = run((const char *)data, size, size),
	    bytes = run((const char *)data, size, 1);

	if ((whole.last < 0) != (bytes.last < 0) || (whole.last >= 0 &&
	    (whole.data != bytes.data || whole.hash != bytes.hash ||
	    whole.chunks != bytes.chunks || whole.trailers != bytes.trailers)))
		abort();
	return 0;
}
