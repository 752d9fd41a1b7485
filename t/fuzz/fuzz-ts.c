/* Any bytes, in any pieces: no crash, no endless loop, every byte accounted for. */
#include <stdlib.h>
#include <string.h>

#include "lib/media/ts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ts_sync d;
	const uint8_t *end = data + len;
	size_t piece = len > 0 ? 1 + data[0] : 1;
	size_t have = 0, used;		/* data[0..have) is what a tool would hold */
	struct ts_packet pkt;
	int r;

	ts_sync_init(&d);
	while (!d.eof) {
		size_t left = (size_t)(end - data) - have;

		d.eof = left == 0;
		have += left < piece ? left : piece;
		do {
			/* Exact, so that the sanitizer sees one byte too many. */
			uint8_t *exact = malloc(have + (have == 0));

			if (exact == NULL)
				abort();
			memcpy(exact, data, have);
			r = ts_sync_next(&d, exact, have, &used, &pkt);
			if (used > have || (r != 0 && used < TS_PACKET))
				abort();
			if (r == 1 && pkt.payload != NULL &&
			    pkt.payload + pkt.payload_len != pkt.data + TS_PACKET)
				abort();
			free(exact);
			data += used;
			have -= used;
		} while (r != 0);
		if (have > 2 * TS_PACKET)
			abort();
	}
	if (d.packets * TS_PACKET + d.junk_bytes != len)
		abort();
	return 0;
}
