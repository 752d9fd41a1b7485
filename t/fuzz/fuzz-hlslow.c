/*
 * A playlist as a server of low-latency HLS reads it, and a query behind a NUL:
 * no crash, views within the text, and a delta that can be read and is as far.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/hlslow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
within(const char *p, size_t n, const char *text, size_t len)
{
	if (p < text || p + n > text + len)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *zero = memchr(data, 0, len);
	size_t n = zero != NULL ? (size_t)(zero - data) : len;
	char *text = malloc(n + (n == 0));
	struct hlslow h, again;
	struct hlslow_ask a;
	struct text out = { 0 };

	if (text == NULL)
		abort();
	memcpy(text, data, n);
	if (hlslow_ask(&a, (const char *)data + n, len - n) < 0)
		a = (struct hlslow_ask){ 1, 1, 0 };
	if (hlslow_parse(&h, text, n) == 0) {
		struct hlslow_known known = { .old = (uint64_t)a.segment,
		    .removed = "gone" };

		for (unsigned i = 0; i < h.nhint; i++)
			within(h.hint[i].uri, h.hint[i].uri_len, text, n);
		for (unsigned i = 0; i < h.nrange; i++)
			within(h.range[i].id, h.range[i].id_len, text, n);
		hlslow_state(&h, &a);
		if (h.skippable > 0 && memchr(text, 0, n) == NULL) {
			if (hlslow_delta(&h, text, n, a.skip == 2 ? &known : NULL, &out) < 0 ||
			    hlslow_parse(&again, out.p, out.len) < 0 ||
			    again.last != h.last || again.open_parts != h.open_parts)
				abort();
		}
	}
	text_free(&out);
	free(text);
	return 0;
}
