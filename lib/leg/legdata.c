/* What every kind of leg does with a datagram: RTP or not, and whole packets of it. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/leg/legkind.h"
#include "lib/media/ts.h"

#define CLOCK	90000			/* of RTP timestamps, RFC 2250 2 */

/* All of a datagram, for the sums of FEC, where it is not just a header and packets. */
static struct packet *
make_raw(const struct rtp_packet *rtp, const struct leg_taker *t)
{
	size_t len = RTP_HEADER + 4 * (size_t)rtp->ncsrc + (rtp->ext != NULL ? 4 + rtp->ext_len :
	    0) + rtp->payload_len + rtp->padding;
	struct packet *raw = packet_new(t->pool, len);
	int n;

	if (raw == NULL)
		return NULL;
	if ((n = rtp_put(raw->data, len, rtp)) < 0) {
		packet_unref(raw);
		return NULL;
	}
	raw->len = (uint32_t)n;
	return raw;
}

void
leg_give(struct leg *l, const uint8_t *p, size_t len, size_t stride,
    const struct rtp_packet *rtp, int64_t at_ns, const struct leg_taker *t)
{
	struct packet *pkt = packet_make(t->pool, p, len, stride, rtp);

	if (pkt == NULL) {
		l->no_room++;
		return;
	}
	if (t->raw && rtp != NULL && (rtp->ncsrc > 0 || rtp->ext != NULL || rtp->padding > 0 ||
	    stride != TS_PACKET))
		pkt->raw = make_raw(rtp, t);
	pkt->arrival_ns = at_ns;
	pkt->missing = l->missing;
	l->missing = 0;
	l->taken++;
	l->in_junk = false;
	t->take(t->arg, l, pkt, at_ns);
}

void
leg_refuse(struct leg *l, uint64_t *count, const char *what)
{
	(*count)++;
	if (count == &l->junk) {
		l->sync_losses += !l->in_junk;
		l->in_junk = true;
	}
	if (!l->warned)
		log_warn(0, "'%s': %s: dropped", l->text, what);
	l->warned = true;
}

static void
count_rtp(struct leg *l, const struct rtp_packet *rtp, int64_t at_ns)
{
	uint64_t before = l->ext.newest, seq;
	enum rtp_ext_result r = rtp_ext_add(&l->ext, rtp, &seq);

	if (r == RTP_EXT_DOUBT)
		return;
	if (r == RTP_EXT_FIRST || r == RTP_EXT_RESTART) {	/* nothing between was sent */
		l->lost_before += rtp_stat_lost(&l->rtp);
		rtp_stat_init(&l->rtp, CLOCK);
	} else if (r == RTP_EXT_OK && seq > before + 1 && seq - before - 1 > l->longest_gap) {
		l->longest_gap = seq - before - 1;
	}
	rtp_stat_add(&l->rtp, seq, rtp->timestamp, at_ns);
}

void
leg_datagram(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t)
{
	struct rtp_packet rtp;
	size_t stride;

	leg_seen(l, 0, p, len, at_ns, t);
	l->datagrams++;
	l->bytes += len;
	/* A sync byte is no RTP: its version would be 1. */
	if (len > 0 && p[0] == TS_SYNC && !l->rtp_only &&
	    (stride = packet_stride(p, len)) > 0) {
		leg_give(l, p, len, stride, NULL, at_ns, t);
		return;
	}
	if (rtp_parse(p, len, &rtp) < 0 || rtp.payload_len == 0) {
		leg_refuse(l, &l->junk, len > 0 && p[0] == TS_SYNC && l->rtp_only ?
		    "datagrams without RTP, which udp:// is for" :
		    "datagrams that are no transport stream");
		return;
	}
	count_rtp(l, &rtp, at_ns);
	stride = packet_stride(rtp.payload, rtp.payload_len);
	/* Type 33, or one that was agreed upon when it has just that in it. */
	if (stride > 0 && (rtp.type == RTP_TYPE_TS || rtp.type >= 96))
		leg_give(l, rtp.payload, rtp.payload_len, stride, &rtp, at_ns, t);
	else if (rtp.type != RTP_TYPE_TS)
		leg_refuse(l, &l->bad_type, "RTP of another payload type than 33");
	else
		leg_refuse(l, &l->junk, "RTP that is no transport stream");
}

void
leg_fec(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t)
{
	struct packet *pkt = packet_new(t->pool, len);

	l->fec++;
	l->fec_bytes += len;
	if (pkt == NULL) {
		l->fec_no_room++;
		return;
	}
	memcpy(pkt->data, p, len);
	pkt->len = (uint32_t)len;
	pkt->arrival_ns = at_ns;
	t->fec(t->arg, l, pkt, at_ns);
}
