#include <errno.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/leg/repair.h"
#include "lib/media/ts.h"
#include "lib/net/fec2022.h"

#define MS		INT64_C(1000000)
#define SLOTS_MAX	16384
#define SLOTS_MIN	256
#define LONG_NS		(250 * MS)	/* windows above have all of the slots */
#define MEASURE		64		/* packets over which the pace is looked at */
#define PAUSE_NS	(250 * MS)	/* is not a part of it */
#define SLACK_NS	(20 * MS)	/* of the window, for jitter */
#define ADAPT_MAX_NS	(5000 * MS)

/* ---- packets of the decoder */

/* With the RTP header where it stands before data that go out. */
static void *
make(void *ctx, size_t len, uint8_t **data)
{
	struct repair *r = ctx;
	struct packet *pkt = packet_new(r->pool, len);

	if (pkt == NULL)
		return NULL;
	*data = pkt->data - RTP_HEADER;
	return pkt;
}

static bool
check(void *ctx, const uint8_t *data, size_t len)
{
	struct rtp_packet rtp;

	(void)ctx;
	return rtp_parse(data, len, &rtp) == 0 &&
	    packet_stride(rtp.payload, rtp.payload_len) > 0;
}

static void
let_go(void *ctx, void *pkt)
{
	(void)ctx;
	packet_unref(pkt);
}

/* The header that the sender gave it, as long as it has nothing more in it. */
static void
restore_header(struct packet *pkt)
{
	const struct rtp_packet rtp = { .type = pkt->type, .marker = pkt->marker,
	    .seq = pkt->seq, .timestamp = pkt->timestamp, .ssrc = pkt->ssrc };

	rtp_put(pkt->data - RTP_HEADER, RTP_HEADER, &rtp);
}

/* ---- the window that is needed */

static void
measure(struct repair *r, uint64_t number, int64_t now_ns)
{
	if (now_ns - r->seen_ns > PAUSE_NS || number < r->mark) {
		r->mark = number;
		r->mark_ns = now_ns;
	}
	r->seen_ns = now_ns;
	if (number - r->mark >= MEASURE) {
		int64_t one = (now_ns - r->mark_ns) / (int64_t)(number - r->mark);

		r->interval_ns += r->interval_ns == 0 ? one : (one - r->interval_ns) / 4;
		r->mark = number;
		r->mark_ns = now_ns;
	}
}

/* A matrix is believed when two packets in a row say the same. */
static void
adapt(struct repair *r, unsigned leg)
{
	const struct fec_dec_leg *l = &r->dec->leg[leg];
	int64_t n = 2 * (int64_t)l->l * l->d;
	bool same = r->last[leg].l == l->l && r->last[leg].d == l->d;

	r->last[leg].l = l->l;
	r->last[leg].d = l->d;
	if (!same || l->need > 0 || n == 0 || n > r->slots / 4 * 3 || r->interval_ns == 0)
		return;
	r->needs_ns = n * r->interval_ns / 8 * 9 + SLACK_NS;
	if (r->needs_ns <= r->merge->window_ns)
		return;
	if (r->adapts) {
		r->merge->window_ns = r->needs_ns < ADAPT_MAX_NS ? r->needs_ns : ADAPT_MAX_NS;
	} else if (!r->told) {
		log_warn(0, "a FEC matrix of %u columns and %u rows needs a window of %d ms: "
		    "yours is shorter", l->l, l->d, (int)(r->needs_ns / MS));
		r->told = true;
	}
}

/* ---- for the merge */

static void
seen(void *ctx, unsigned leg, uint64_t number, struct packet *pkt)
{
	struct repair *r = ctx;
	struct fec_arrival a = { .leg = leg, .arrival_ns = r->merge->now_ns };

	if (number < r->merge->now.base)	/* the end of a stream before */
		return;
	if (r->epoch != r->merge->now.id) {
		fec_dec_reset(r->dec);
		r->epoch = r->merge->now.id;
		r->shift = (uint16_t)(pkt->seq - number);
	}
	measure(r, number, a.arrival_ns);
	if (pkt->raw != NULL) {
		a.data = pkt->raw->data;
		a.len = pkt->raw->len;
		a.pkt = packet_ref(pkt->raw);
	} else {
		restore_header(pkt);
		a.data = pkt->data - RTP_HEADER;
		a.len = pkt->len + RTP_HEADER;
		a.pkt = packet_ref(pkt);
	}
	r->shown++;
	fec_dec_media(r->dec, number + r->shift, &a);
}

/* What was repaired, as a packet of the flow. */
static struct packet *
unwrap(struct repair *r, const struct fec_slot *s)
{
	struct packet *pkt = s->pkt;
	struct rtp_packet rtp;
	size_t stride;

	if (rtp_parse(s->data, s->len, &rtp) < 0)	/* check() has done so */
		return NULL;
	stride = packet_stride(rtp.payload, rtp.payload_len);
	if (rtp.payload != pkt->data || stride != TS_PACKET)
		return packet_make(r->pool, rtp.payload, rtp.payload_len, stride, &rtp);
	pkt->len = (uint32_t)rtp.payload_len;
	packet_set_rtp(pkt, &rtp);
	return packet_ref(pkt);
}

static struct packet *
find_missing(void *ctx, uint64_t number, unsigned *leg, enum merge_how *how)
{
	struct repair *r = ctx;
	const struct fec_slot *s;
	struct packet *pkt;

	if (r->epoch != r->merge->now.id)
		return NULL;
	/* All that has come may be needed for this one. */
	fec_dec_settle(r->dec, r->dec->newest, r->merge->now_ns);
	s = fec_dec_find(r->dec, number + r->shift);
	if (s == NULL || (s->how != FEC_BY_ROW && s->how != FEC_BY_COLUMN) ||
	    (pkt = unwrap(r, s)) == NULL)
		return NULL;
	*leg = s->leg;
	*how = s->how == FEC_BY_ROW ? MERGE_BY_ROW : MERGE_BY_COLUMN;
	return pkt;
}

/* ---- life */

int
repair_new(struct repair **out, struct merge *m, struct packet_pool *pool, bool adapts)
{
	struct repair *r = calloc(1, sizeof(*r));
	struct fec_store store = { .ctx = r, .make = make, .drop = let_go, .check = check };
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->merge = m;
	r->pool = pool;
	r->adapts = adapts;
	r->slots = m->window_ns > LONG_NS ? SLOTS_MAX : SLOTS_MAX / 2;
	while (r->slots > SLOTS_MIN && (size_t)r->slots * PACKET_ROOM > pool->limit / 8)
		r->slots /= 2;
	if ((err = fec_dec_new(&r->dec, r->slots, r->slots / 4, &store)) < 0) {
		free(r);
		return err;
	}
	m->repair = (struct merge_repair){ .ctx = r, .seen = seen, .find = find_missing };
	*out = r;
	return 0;
}

void
repair_free(struct repair *r)
{
	if (r == NULL)
		return;
	r->merge->repair = (struct merge_repair){ .ctx = NULL };
	fec_dec_free(r->dec);
	free(r);
}

void
repair_take(struct repair *r, unsigned leg, struct packet *pkt, int64_t now_ns)
{
	const struct fec_arrival a = { .pkt = pkt, .data = pkt->data, .len = pkt->len,
	    .leg = leg, .arrival_ns = now_ns };

	r->taken++;
	if (fec_dec_fec(r->dec, &a) < 0) {
		r->refused++;
		r->refused_of[leg]++;
		return;
	}
	adapt(r, leg);
}

void
repair_forget_leg(struct repair *r, unsigned leg)
{
	fec_dec_forget_leg(r->dec, leg);
	r->last[leg].l = r->last[leg].d = 0;
}

void
repair_numbers(const struct repair *r, unsigned leg, struct numbers *all)
{
	const struct fec_dec_leg *d = &r->dec->leg[leg];
	const struct merge_leg *m = &r->merge->leg[leg];

	numbers_add(all, "source_fec_recovered", "counter",
	    "Datagrams that its FEC gave: by row and by column.", m->by_row + m->by_column);
	numbers_add(all, "source_fec_recovered_row", "counter", "By a row.", m->by_row);
	numbers_add(all, "source_fec_recovered_column", "counter", "By a column.",
	    m->by_column);
	numbers_add(all, "source_fec_refused_packets", "counter",
	    "Datagrams that are no FEC of this kind.", r->refused_of[leg]);
	numbers_add(all, "source_fec_false_packets", "counter",
	    "FEC datagrams that were not the sum of what they said.", d->bad);
	numbers_add(all, "source_fec_columns", "gauge", "Columns of its matrix.", d->l);
	numbers_add(all, "source_fec_rows", "gauge", "Rows of its matrix.", d->d);
	numbers_add(all, "source_fec_changes", "counter", "Times that the matrix changed.",
	    d->changes);
	numbers_add(all, "source_fec_window_us", "gauge",
	    "Microseconds of window that its matrix needs.",
	    r->needs_ns > 0 ? (uint64_t)r->needs_ns / 1000 : 0);
}

bool
repair_ledger_ok(const struct repair *r)
{
	const struct fec_dec *d = r->dec;
	uint64_t fec = r->refused, rest = d->fec_late + d->fec_beyond + d->fec_dropped +
	    d->fec_unused + d->implausible + d->no_memory + (d->ngroup - d->nfree) +
	    d->nearly;

	for (unsigned i = 0; i < FEC_DEC_LEGS; i++) {
		const struct fec_dec_leg *l = &d->leg[i];

		fec += l->rows + l->columns;
		rest += l->by_row + l->by_column + l->good + l->bad;
	}
	return fec == r->taken && rest + r->refused == r->taken &&
	    d->received + d->duplicates + d->late + d->refused == r->shown;
}
