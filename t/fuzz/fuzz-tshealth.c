/*
 * Any bytes, in any split, by either clock: no crash, bounded time, and all of them are
 * accounted for: packets, junk, or what was left at the end.
 *
 * The first byte says how; the rest is the stream.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/tshealth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t told[HEALTH_RULES];

static void
on_event(void *arg, const struct health_event *ev)
{
	(void)arg;
	if (ev->rule >= HEALTH_RULES || ev->detail == NULL || strlen(ev->detail) > 127)
		abort();
	told[ev->rule] += ev->state != HEALTH_END;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct health_config cfg;
	struct health *h;
	uint64_t sum = 0;
	size_t piece;

	if (len == 0)
		return 0;
	memset(told, 0, sizeof(told));
	health_config_init(&cfg);
	cfg.arrival = (data[0] & 1) != 0;
	cfg.dvb = (data[0] & 2) != 0;
	cfg.event = on_event;
	h = health_new(&cfg);
	if (h == NULL)
		abort();
	piece = (data[0] & 4) != 0 ? 1316 : (data[0] & 8) != 0 ? 77 : 65536;
	for (size_t pos = 1, n = 0; pos < len; pos += piece, n++) {
		health_push(h, data + pos, piece < len - pos ? piece : len - pos,
		    (int64_t)n * 1000000 * (data[0] >> 4));
		if (n % 16 == 15)
			health_window(h);
	}
	health_tick(h, INT64_C(1) << 40);
	health_end(h);
	health_window(h);
	for (unsigned i = 0; i < HEALTH_RULES; i++)
		if (told[i] != h->count[i])
			abort();
	for (unsigned i = 0; i < h->nused; i++)
		sum += h->pid[h->used[i]]->packets;
	if (sum + h->null_packets > h->packets || h->junk_bytes > len ||
	    h->packets * TS_PACKET > len + TS_PACKET)
		abort();
	health_free(h);
	return 0;
}
