/*
 * Datagrams of a length byte each: headers stay inside, what is written again is the
 * same but for its padding, every packet is accounted.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/net/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
write_again(const uint8_t *p, size_t n, const struct rtp_packet *pkt)
{
	uint8_t again[256];
	size_t stride = 0;

	if (rtp_put(again, sizeof(again), pkt) != (int)n ||
	    memcmp(again, p, n - pkt->padding) != 0)
		abort();
	if (rtp_ts_packets(pkt, &stride) * stride > n)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rtp_order *o = malloc(sizeof(*o));
	uint64_t in = 0, out = 0, dropped = 0;
	int64_t now = 0, arrival, last_deadline = 0;
	const uint8_t *p;
	size_t n;

	if (o == NULL)
		abort();
	rtp_order_init(o, 5);
	while (len > 0) {
		uint8_t *exact = malloc(256);
		struct rtp_packet pkt;

		n = *data < len ? *data : len - 1;
		if (exact == NULL)
			abort();
		memcpy(exact + 256 - n, data + 1, n);
		if (rtp_parse(exact + 256 - n, n, &pkt) == 0) {
			if (pkt.payload < exact + 256 - n ||
			    pkt.payload + pkt.payload_len > exact + 256)
				abort();
			write_again(exact + 256 - n, n, &pkt);
			in++;
			switch (rtp_order_push(o, &pkt, ++now)) {
			case RTP_NOW:
				out++;
				break;
			case RTP_DROPPED:
				dropped++;
				break;
			case RTP_RESTART:
				if (o->held != 2)
					abort();
				dropped--;	/* the first came back */
				break;
			default:
				break;
			}
		}
		while (rtp_order_pop(o, now, &p, &n, &arrival))
			out++;
		if (o->held > 0 && (last_deadline = rtp_order_deadline(o)) <= now)
			abort();
		free(exact);
		n = *data < len ? *data : len - 1;
		data += 1 + n;
		len -= 1 + n;
	}
	if (in != o->received || out + dropped + o->held > in)
		abort();
	rtp_order_free(o);
	free(o);
	return 0;
}
