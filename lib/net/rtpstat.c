#include <string.h>

#include "lib/net/rtpstat.h"

#define SECOND		INT64_C(1000000000)
/* Numbers begin high, so that what is before the first packet has one as well. */
#define FIRST		(UINT64_C(1) << 32)

void
rtp_ext_init(struct rtp_ext *x, unsigned dropout, bool any_ssrc)
{
	*x = (struct rtp_ext){ .dropout = dropout, .any_ssrc = any_ssrc };
}

enum rtp_ext_result
rtp_ext_add(struct rtp_ext *x, const struct rtp_packet *pkt, uint64_t *seq)
{
	int16_t ahead = (int16_t)(pkt->seq - (uint16_t)x->newest);
	bool other = !x->any_ssrc && pkt->ssrc != x->ssrc;

	if (!x->started) {
		x->started = true;
		x->ssrc = pkt->ssrc;
		*seq = x->newest = FIRST + pkt->seq;
		return RTP_EXT_FIRST;
	}
	if (!other && ahead <= (int)x->dropout && ahead >= -(int)x->dropout) {
		*seq = x->newest + (uint64_t)(int64_t)ahead;
		if (ahead > 0) {
			/* A copy of an old one must not undo a doubt of the newest. */
			x->candidate = false;
			x->newest = *seq;
		}
		return RTP_EXT_OK;
	}
	if (!x->candidate || pkt->seq != x->next ||
	    (!x->any_ssrc && pkt->ssrc != x->next_ssrc)) {
		/* The same again, by another leg, leaves it as it is. */
		if (!x->candidate || pkt->seq != (uint16_t)(x->next - 1) ||
		    pkt->ssrc != x->next_ssrc) {
			x->candidate = true;
			x->next = (uint16_t)(pkt->seq + 1);
			x->next_ssrc = pkt->ssrc;
		}
		x->doubted++;
		return RTP_EXT_DOUBT;
	}
	x->candidate = false;
	/* Always forward: a number never means two packets. */
	*seq = x->newest += ahead != 0 ? (uint16_t)ahead : 65536;
	x->ssrc = pkt->ssrc;
	if (!other && ahead > 0) {
		x->jumps++;
		return RTP_EXT_JUMP;
	}
	x->restarts++;
	return RTP_EXT_RESTART;
}

void
rtp_stat_init(struct rtp_stat *s, uint32_t clock)
{
	memset(s, 0, sizeof(*s));
	s->clock = clock;
}

static uint64_t *
word(struct rtp_stat *s, uint64_t seq)
{
	return &s->seen[seq % RTP_STAT_WINDOW / 64];
}

/* RFC 3550 A.8, where the sum is kept in sixteenths so that it does not round away. */
static void
add_jitter(struct rtp_stat *s, uint32_t transit)
{
	int32_t d = (int32_t)(transit - s->transit);
	uint32_t size = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

	s->transit = transit;
	/* More than ten seconds is a break of the source's clock and no jitter. */
	if (size / 10 >= s->clock)
		return;
	s->jitter16 += size - ((s->jitter16 + 8) >> 4);
	s->jitter = s->jitter16 >> 4;
}

bool
rtp_stat_add(struct rtp_stat *s, uint64_t seq, uint32_t timestamp, int64_t arrival_ns)
{
	/* Whole seconds apart from the rest: their product would not fit. */
	uint32_t ticks = (uint32_t)((uint64_t)(arrival_ns / SECOND) * s->clock +
	    (uint64_t)(arrival_ns % SECOND) * s->clock / (uint64_t)SECOND);
	uint64_t bit = UINT64_C(1) << seq % 64;

	s->received++;
	if (!s->started) {
		s->started = true;
		s->first = s->newest = seq;
		s->transit = ticks - timestamp;
		*word(s, seq) |= bit;
		s->unique++;
		return true;
	}
	/* What was on its way when we began is not ours to count either. */
	if (seq < s->first || seq + RTP_STAT_WINDOW <= s->newest) {
		s->late++;
		return false;
	}
	if (seq > s->newest) {
		if (seq - s->newest >= RTP_STAT_WINDOW)
			memset(s->seen, 0, sizeof(s->seen));
		else
			for (uint64_t i = s->newest + 1; i < seq; i++)
				*word(s, i) &= ~(UINT64_C(1) << i % 64);
		s->newest = seq;
	} else if ((*word(s, seq) & bit) != 0) {
		s->duplicates++;
		return false;
	} else {
		s->reordered++;
		if (s->newest - seq > s->distance)
			s->distance = s->newest - seq;
	}
	*word(s, seq) |= bit;
	s->unique++;
	add_jitter(s, ticks - timestamp);
	return true;
}

uint64_t
rtp_stat_lost(const struct rtp_stat *s)
{
	return s->started ? s->newest - s->first + 1 - s->unique : 0;
}

void
rtp_stat_sender(struct rtp_stat *s, uint64_t ntp, int64_t arrival_ns)
{
	s->sr_ntp = ntp;
	s->sr_ns = arrival_ns;
}

void
rtp_stat_report(struct rtp_stat *s, uint32_t ssrc, int64_t now_ns, struct rtcp_block *b)
{
	uint64_t expected = s->started ? s->newest - s->first + 1 : 0;
	uint64_t more = expected - s->report_expected;
	uint64_t lost = rtp_stat_lost(s), got = s->unique - s->report_unique;

	*b = (struct rtcp_block){ .ssrc = ssrc, .highest_seq = (uint32_t)s->newest,
	    .jitter = s->jitter };
	/* Those that came late make up for others: never below none. */
	if (more > got)
		b->fraction_lost = (uint8_t)((more - got) * 256 / more > 255 ? 255 :
		    (more - got) * 256 / more);
	b->cumulative_lost = lost > 0x7fffff ? 0x7fffff : (int32_t)lost;
	if (s->sr_ns != 0 && now_ns > s->sr_ns) {
		uint64_t delay = (uint64_t)(now_ns - s->sr_ns);

		b->last_sr = (uint32_t)(s->sr_ntp >> 16);
		b->delay_since_sr = delay / (uint64_t)SECOND > 65535 ? UINT32_MAX :
		    (uint32_t)(delay * 65536 / (uint64_t)SECOND);
	}
	s->report_expected = expected;
	s->report_unique = s->unique;
}
