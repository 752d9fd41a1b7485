/*
 * The boxes of a CMAF track from a socket.  Invariants: where the input is cut
 * makes no difference, no byte is taken twice, no piece is over the limit, and
 * whatever a piece says can be read.
 */
#include <assert.h>
#include <string.h>

#include "lib/media/mp4view.h"
#include "lib/media/cmafbox.h"
#include "lib/media/cmafinfo.h"

#define LIMIT	65536u

struct result {
	unsigned header, chunk, end;
	size_t	 bytes;
	uint64_t duration;
	int	 err;
};

static struct result
run(const uint8_t *data, size_t len, size_t step)
{
	static struct cmaf_header h;
	static uint8_t kept[CMAFBOX_HEADER_MAX];
	struct result r = { 0 };
	struct cmafbox w;
	bool known = false;

	cmafbox_init(&w, LIMIT);
	for (size_t at = 0; at < len && r.err == 0;) {
		size_t n = step < len - at ? step : len - at, left = n;
		const uint8_t *p = data + at, *piece;
		size_t piece_len;

		do {
			int what = cmafbox_next(&w, &p, &left, &piece, &piece_len);
			struct cmaf_chunk c;

			assert(left <= n && p == data + at + n - left);
			if (what < 0) {
				r.err = what;
				break;
			}
			if (what == CMAFBOX_MORE) {
				assert(left == 0);
				break;
			}
			r.end += what == CMAFBOX_END;
			if (what == CMAFBOX_HEADER) {
				r.header++;
				r.bytes += piece_len;
				assert(piece_len <= sizeof(kept));
				memcpy(kept, piece, piece_len);
				known = cmaf_header_parse(kept, piece_len, &h) == 0;
				assert(!known || strlen(h.language) > 0);
			} else if (what == CMAFBOX_CHUNK) {
				r.chunk++;
				r.bytes += piece_len;
				assert(piece_len <= LIMIT);
				if (known && cmaf_chunk_parse(&h, piece, piece_len,
				    &c) == 0)
					r.duration += c.duration;
			}
		} while (true);
		at += n;
	}
	cmafbox_free(&w);
	assert(r.bytes <= len);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const size_t step[] = { 1, 7, 1024 };
	struct result whole = run(data, len, len == 0 ? 1 : len), part;

	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		part = run(data, len, step[i]);
		assert(part.err == whole.err && part.header == whole.header &&
		    part.chunk == whole.chunk && part.end == whole.end &&
		    part.bytes == whole.bytes && part.duration == whole.duration);
	}
	return 0;
}
