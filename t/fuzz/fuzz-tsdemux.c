/*
 * A whole stream in pieces: no byte comes out twice, no event speaks of a stream
 * that is not there, and every packet and junk byte is counted.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/tsdemux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Let damaged tables in: their CRC is made right, as a fuzzer never will. */
static void
repair(uint8_t *p, size_t len)
{
	for (size_t i = 0; i + TS_PACKET <= len; i += TS_PACKET) {
		uint8_t *s = p + i + 5;
		size_t n = (size_t)(s[1] & 0x0f) << 8 | s[2];
		uint32_t crc;

		if (p[i] != TS_SYNC || (p[i + 1] & 0x40) == 0 ||
		    (p[i + 3] & 0x30) != 0x10 || p[i + 4] != 0 || s[0] > 2 ||
		    n < 9 || n + 3 > TS_PACKET - 5)
			continue;
		crc = psi_crc32(s, n - 1);
		for (unsigned j = 0; j < 4; j++)
			s[n - 1 + j] = (uint8_t)(crc >> (24 - 8 * j));
	}
}

static void
check_event(const struct tsdemux *d, const struct tsdemux_event *ev,
    size_t *bytes)
{
	static volatile uint8_t sum;
	bool known = ev->stream == NULL;

	for (unsigned i = 0; i < d->nstream; i++)
		known |= d->stream[i] == ev->stream;
	if (!known)
		abort();
	for (size_t i = 0; i < ev->len; i++)
		sum = (uint8_t)(sum + ev->data[i]);
	*bytes += ev->len;
	if (ev->type == TSDEMUX_STREAMS && d->nprogram > PSI_PROGRAMS_MAX)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tsdemux d;
	struct tsdemux_event ev;
	size_t piece = len > 0 ? 1 + 3 * (size_t)data[0] : 1, have = 0, used;
	size_t bytes = 0, all = len;
	uint8_t *copy = malloc(len + 1), *p = copy;

	if (copy == NULL || tsdemux_init(&d) < 0)
		abort();
	memcpy(copy, data, len);
	repair(copy, len);
	while (!d.eof) {
		int r;

		d.eof = have == len;
		have = len - have < piece ? len : have + piece;
		do {
			uint8_t *exact = malloc(have + (have == 0));

			if (exact == NULL)
				abort();
			memcpy(exact, p, have);
			r = tsdemux_next(&d, exact, have, &used, &ev);
			free(exact);		/* what is lent is not in it */
			if (used > have)
				abort();
			if (r == 1)
				check_event(&d, &ev, &bytes);
			p += used;
			have -= used;
			len -= used;
		} while (r == 1);
		if (have > 2 * TS_PACKET)
			abort();
	}
	/* Sections of a kept PMT count once more for each time they are sent. */
	if (bytes > all || d.sync.packets * TS_PACKET + d.sync.junk_bytes != all)
		abort();
	tsdemux_free(&d);
	free(copy);
	return 0;
}
