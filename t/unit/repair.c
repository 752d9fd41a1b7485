/*
 * FEC behind a merge, on a clock of its own: what one leg or two lose comes out, in
 * order and byte for byte, by rows and by columns; the end of a stream when another
 * begins; RTP with more than a header; no wait for what is there; a window that grows
 * to what the matrix needs; and legs that go.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/leg/merge.h"
#include "lib/leg/packet.h"
#include "lib/leg/repair.h"
#include "lib/media/ts.h"
#include "lib/net/fec2022.h"
#include "lib/net/fec2022enc.h"
#include "t/tap.h"

#define MS	INT64_C(1000000)
#define GAP	MS			/* between packets */
#define TS_BYTES	(7 * 188)

static struct packet_pool pool;
static uint64_t state;

static unsigned
chance(unsigned of)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % of;
}

/* A relay's end, and the sender with its network. */
struct run {
	struct merge m;
	struct repair *r;
	struct fec_enc *enc;
	bool	 odd;			/* RTP with sources, an extension and padding */
	unsigned loss, fec_loss;	/* of 100 */
	uint32_t ssrc;
	uint16_t seq;
	int64_t	 now;
	unsigned sent, lost;
	uint32_t serial;		/* is in each packet */
	/* What came out: */
	uint32_t next;
	unsigned out, gaps, wrong, repaired;
	int64_t	 longest;		/* from when it should have come */
};

static void
begin(struct run *x, const struct fec_spec *spec, int64_t window, bool at_once, bool adapts)
{
	struct fec_spec s = *spec;

	memset(x, 0, sizeof(*x));
	x->ssrc = 7;
	x->seq = 65500;
	state = 1;
	s.size = 2048;
	merge_init(&x->m, window, at_once);
	if (repair_new(&x->r, &x->m, &pool, adapts) < 0 || fec_enc_new(&x->enc, &s) < 0)
		abort();
}

static void
end(struct run *x)
{
	ok(repair_ledger_ok(x->r) && merge_ledger_ok(&x->m), "the ledgers are whole");
	merge_free(&x->m);
	repair_free(x->r);
	fec_enc_free(x->enc);
	is(pool.bytes, 0, "all is given back");
}

static void
fill_payload(uint8_t *p, uint32_t serial)
{
	for (unsigned i = 0; i < 7; i++) {
		uint8_t *ts = p + i * 188;

		memset(ts, (int)(serial * 7 + i), 188);
		ts[0] = TS_SYNC;
		memcpy(ts + 4, &serial, sizeof(serial));
	}
}

static void
look(struct run *x)
{
	uint8_t want[TS_BYTES];
	struct packet *p;

	while ((p = merge_pop(&x->m, x->now)) != NULL) {
		uint32_t serial;

		memcpy(&serial, p->data + 4, sizeof(serial));
		fill_payload(want, serial);
		x->wrong += p->len != TS_BYTES || memcmp(p->data, want, TS_BYTES) != 0 ||
		    serial < x->next;
		x->gaps += serial - x->next;
		x->next = serial + 1;
		x->out++;
		x->repaired += x->m.repaired;
		if (x->now - (int64_t)serial * GAP > x->longest)
			x->longest = x->now - (int64_t)serial * GAP;
		packet_unref(p);
	}
}

static void
take_fec(struct run *x, unsigned leg)
{
	const uint8_t *fec;
	size_t len;
	bool row;

	while ((len = fec_enc_pop(x->enc, &fec, &row)) > 0) {
		struct packet *pkt;

		if (chance(100) < x->fec_loss)
			continue;
		pkt = packet_new(&pool, len);
		memcpy(pkt->data, fec, len);
		pkt->len = (uint32_t)len;
		repair_take(x->r, leg, pkt, x->now);
	}
}

/* One packet, on the leg, unless it is lost. */
static void
step(struct run *x, unsigned leg)
{
	static const uint8_t csrc[8] = { 1, 2, 3 }, ext[4] = { 9 };
	uint8_t ts[TS_BYTES], raw[2048];
	struct rtp_packet rtp = { .type = RTP_TYPE_TS, .seq = x->seq++, .ssrc = x->ssrc,
	    .timestamp = x->serial * 90, .marker = x->serial % 10 == 0, .payload = ts,
	    .payload_len = TS_BYTES };
	struct packet *pkt;
	int len;

	if (x->odd) {
		rtp.ncsrc = x->serial % 3;
		rtp.csrc = csrc;
		rtp.ext = x->serial % 2 == 0 ? ext : NULL;
		rtp.ext_len = sizeof(ext);
		rtp.padding = x->serial % 5;
	}
	fill_payload(ts, x->serial++);
	len = rtp_put(raw, sizeof(raw), &rtp);
	fec_enc_push(x->enc, raw, (size_t)len);
	x->sent++;
	if (x->sent > 1 && chance(100) < x->loss) {
		x->lost++;
	} else {
		pkt = packet_make(&pool, ts, sizeof(ts), TS_PACKET, &rtp);
		if (x->odd) {
			pkt->raw = packet_new(&pool, (size_t)len);
			memcpy(pkt->raw->data, raw, (size_t)len);
			pkt->raw->len = (uint32_t)len;
		}
		merge_push(&x->m, leg, pkt, x->now);
	}
	take_fec(x, leg);
	look(x);
	x->now += GAP;
}

static void
finish(struct run *x)
{
	x->loss = 0;
	for (unsigned i = 0; i < 60; i++)	/* whole matrices, none of it lost */
		step(x, 0);
	fec_enc_flush(x->enc);
	take_fec(x, 0);
	merge_flush(&x->m);
	look(x);
}

static void
test_loss(const struct fec_spec *spec, bool odd)
{
	struct run x;
	const struct merge_leg *l = &x.m.leg[0];

	begin(&x, spec, 200 * MS, false, false);
	x.odd = odd;
	x.loss = 3;
	for (unsigned i = 0; i < 20000; i++)
		step(&x, 0);
	finish(&x);
	ok(x.lost > 400, "%u x %u%s: %u of %u lost", spec->l, spec->d, odd ? ", more than a "
	    "header" : "", x.lost, x.sent);
	is(x.wrong, 0, "what comes out is in order, and as it was sent");
	is(x.out + x.gaps, x.sent, "all of it is there, or missing");
	is(x.repaired, x.lost - x.gaps, "what is not missing was recovered");
	ok(spec->rows ? x.gaps <= 4 : x.gaps < x.lost / 2, "%u are missing", x.gaps);
	is(l->by_row + l->by_column, x.repaired, "and counted");
	ok((l->by_row > 0) == spec->rows && l->by_column > 0, "by row and by column");
	is(l->delivered, x.sent - x.lost, "beside those that came");
	end(&x);
}

/* The last packets of a stream are repaired though another has begun. */
static void
test_restart(void)
{
	struct run x;

	begin(&x, &(struct fec_spec){ .l = 5, .d = 5, .rows = true }, 200 * MS, false, false);
	for (unsigned i = 0; i < 102; i++)
		step(&x, 0);
	x.loss = 100;			/* two of a row whose sum comes */
	step(&x, 0);
	x.loss = 0;
	for (unsigned i = 0; i < 17; i++)
		step(&x, 0);
	x.ssrc = 8;
	x.seq = 100;
	for (unsigned i = 0; i < 100; i++)
		step(&x, 0);
	x.loss = 100;
	step(&x, 0);
	finish(&x);
	is(x.m.restarts, 1, "another stream");
	is(x.gaps, 0, "nothing of the first or the second is missing");
	is(x.repaired, 2, "what was lost of both was recovered");
	is(x.wrong, 0, "in order");
	end(&x);
}

static void
test_at_once(void)
{
	struct run x;

	begin(&x, &(struct fec_spec){ .l = 5, .d = 5, .rows = true }, 500 * MS, true, false);
	for (unsigned i = 0; i < 200; i++) {
		x.loss = i % 20 == 12 ? 100 : 0;
		step(&x, 0);
	}
	finish(&x);
	is(x.repaired, 10, "without a window: recovered");
	ok(x.longest <= 5 * GAP, "as soon as the row was whole: %d ms", (int)(x.longest / MS));
	is(x.gaps + x.wrong, 0, "in order");
	end(&x);
}

static void
test_window(void)
{
	struct run x;
	int64_t needs;

	begin(&x, &(struct fec_spec){ .l = 10, .d = 10 }, 50 * MS, false, true);
	for (unsigned i = 0; i < 500; i++)
		step(&x, 0);
	needs = 200 * GAP;
	ok(x.m.window_ns >= needs && x.m.window_ns < needs * 3 / 2, "the window is %d ms, for "
	    "200 packets of a millisecond", (int)(x.m.window_ns / MS));
	x.loss = 1;
	for (unsigned i = 0; i < 5000; i++)
		step(&x, 0);
	finish(&x);
	ok(x.lost > 30 && x.gaps < x.lost / 4, "so that columns are in time: %u of %u missing",
	    x.gaps, x.lost);
	is(x.wrong, 0, "in order");
	end(&x);

	begin(&x, &(struct fec_spec){ .l = 10, .d = 10 }, 50 * MS, false, false);
	for (unsigned i = 0; i < 500; i++)
		step(&x, 0);
	is(x.m.window_ns, 50 * MS, "one that was asked for stays as it is");
	ok(x.r->needs_ns >= needs, "and what it should be is known: %d ms",
	    (int)(x.r->needs_ns / MS));
	end(&x);
}

/* FEC that makes no sense, and of a leg that has gone. */
static void
test_bad(void)
{
	struct run x;
	struct packet *pkt;

	begin(&x, &(struct fec_spec){ .l = 5, .d = 5, .rows = true }, 200 * MS, false, true);
	take_fec(&x, 0);
	for (unsigned i = 0; i < 3000; i++) {
		struct fec_packet f = { .row = chance(2), .base = (uint16_t)(x.seq + 100 - chance(300)),
		    .offset = 1, .count = (uint8_t)(1 + chance(255)), .type = FEC_TYPE,
		    .sum = chance(1u << 30), .len = 1316, .seq = (uint16_t)i };

		if (!f.row)
			f.offset = (uint8_t)(1 + chance(255));
		pkt = packet_new(&pool, FEC_HEADERS + TS_BYTES);
		memset(pkt->data, (int)chance(256), FEC_HEADERS + TS_BYTES);
		fec_put(pkt->data, &f);
		pkt->len = (uint32_t)(i % 3 == 0 ? chance(40) : FEC_HEADERS + TS_BYTES);
		repair_take(x.r, 1, pkt, x.now);
		x.loss = i % 50 == 30 ? 100 : 0;
		step(&x, 0);
	}
	finish(&x);
	ok(x.r->refused > 100, "half packets are refused");
	ok(x.r->dec->leg[1].bad > 10, "false sums are noticed");
	is(x.repaired, x.lost, "what was lost is recovered by those that are true");
	is(x.gaps + x.wrong, 0, "nothing is missing or false");
	ok(x.m.window_ns == 200 * MS, "the window is not made longer by a matrix that is none");
	repair_forget_leg(x.r, 0);
	is(x.r->dec->leg[0].l, 0, "a leg that has gone has no matrix");
	is(x.r->dec->leg[0].need, 1, "and has to prove itself");
	end(&x);
}

int
main(void)
{
	packet_pool_init(&pool, 256 << 20);
	test_loss(&(struct fec_spec){ .l = 5, .d = 5, .rows = true }, false);
	test_loss(&(struct fec_spec){ .l = 10, .d = 5, .rows = true, .staircase = true }, false);
	test_loss(&(struct fec_spec){ .l = 5, .d = 5, .rows = true }, true);
	test_loss(&(struct fec_spec){ .l = 5, .d = 5 }, false);
	test_restart();
	test_at_once();
	test_window();
	test_bad();
	packet_pool_free(&pool);
	return done_testing();
}
