/*
 * Datagrams of a length byte each, to two legs of a relay, merged or failed over, all of
 * it or one program, with conditions of health or without, some lost, with FEC that is
 * theirs or anything else: what comes out are whole packets in the order of their times,
 * memory is bounded, and every datagram is in one count.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/leg/leg.h"
#include "lib/net/fec2022enc.h"
#include "transport/checkup.c"
#include "transport/content.c"
#include "transport/contentapart.c"
#include "transport/contentlist.c"
#include "transport/contentput.c"
#include "transport/expr.c"
#include "transport/failover.c"
#include "transport/fan.c"
#include "transport/flow.c"
#include "transport/flowpick.c"
#include "transport/pacer.c"
#include "transport/pidfilter.c"
#include "transport/standby.c"
#include "transport/tswatch.c"
#include "transport/vitals.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define STEP	(CLK_SECOND / 200)
#define LONGEST	(32 << 20)

static void
on_datagram(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns)
{
	struct flow *f = arg;

	flow_take(f, l->id[0] == 'b', pkt, at_ns);
}

static void
take_fec(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns)
{
	struct flow *f = arg;

	flow_take_fec(f, l->id[0] == 'b', pkt, at_ns);
}

/* True FEC of what was sent. */
static void
give_fec(struct fec_enc *e, struct leg *l, const uint8_t *p, size_t len, int64_t now_ns,
    const struct leg_taker *t)
{
	const uint8_t *fec;
	size_t n;
	bool row;

	fec_enc_push(e, p, len);
	while ((n = fec_enc_pop(e, &fec, &row)) > 0)
		leg_fec(l, fec, n, now_ns, t);
}

static void
on_event(void *arg, json_t *o)
{
	(void)arg;
	if (o == NULL)
		abort();
	json_decref(o);
}

static void
look_at(struct flow *f, int64_t now_ns, int64_t *last_ns)
{
	uint64_t before = f->fan.due;

	fan_turn(&f->fan, f->fan.due, now_ns);
	for (uint64_t i = before < f->fan.tail ? f->fan.tail : before; i < f->fan.due; i++) {
		const struct packet *p = fan_at(&f->fan, i);

		if (p->len == 0 || p->len % TS_PACKET != 0 || p->due_ns < *last_ns ||
		    p->due_ns > now_ns || p->data[0] != TS_SYNC)
			abort();
		*last_ns = p->due_ns;
	}
	if (!flow_ledger_ok(f) || f->pool.bytes > LONGEST)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct flow *f = malloc(sizeof(*f));
	struct leg leg[2] = { { .id = "a", .fd = -1, .warned = true },
	    { .id = "b", .fd = -1, .warned = true } };
	int64_t now = CLK_SECOND, last = 0;
	uint8_t kind = len > 0 ? data[0] : 0;
	struct flow_config c = { .merge = kind & 1, .failover = !(kind & 1), .by_content = (kind & 65) == 65, .windowed = kind & 2,
	    .prefer = kind & 4, .keep_header = kind & 8, .live = !(kind & 16),
	    .pcr_pid = -1, .window_ns = 20 * STEP, .reorder_ns = 10 * STEP,
	    .hot_ns = 20 * STEP, .back_ns = 40 * STEP, .clean_ns = 10 * STEP,
	    .warm_ns = 50 * STEP, .hold_ns = CLK_SECOND,
	    .smooth_ns = kind & 32 ? 4 * STEP : 0, .memory = LONGEST };
	struct checkup_conditions conditions = { .over_ns = 10 * STEP, .n = 1,
	    .one = { { .text = "bad" } } };
	const struct leg_taker taker = { .take = on_datagram, .fec = take_fec, .arg = f,
	    .pool = &f->pool, .raw = true };
	const struct fec_spec spec = { .l = 4, .d = 4, .rows = true, .size = 2048 };
	bool has_fec = kind & 128;
	struct fec_enc *enc[2];
	const char *wrong;

	if (expr_parse(&conditions.one[0].expr, "cc_errors > 1 || pat_errors > 0", vital_find,
	    &wrong) < 0)
		abort();
	if ((kind & 128) != 0) {
		c.health = true;
		c.conditions = &conditions;
		c.filter = (struct pidfilter_config){ .on = (kind & 8) == 0,
		    .program = (kind & 8) == 0 };
	}
	if (f == NULL || flow_init(f, &c) < 0)
		abort();
	f->event = on_event;
	for (int i = 0; i < 2; i++)
		if (flow_add_leg(f, true) != i || fec_enc_new(&enc[i], &spec) < 0 ||
		    (has_fec && flow_expect_fec(f, (unsigned)i) < 0))
			abort();
	/*
	 * Each is a byte for the leg and the time, one for the length, in fours.  With FEC,
	 * two bits of the first say that it is lost, or is FEC itself.
	 */
	for (size_t pos = 1; pos + 2 <= len;) {
		size_t n = 4 * (size_t)data[pos + 1];
		uint8_t *exact;

		n = n > len - pos - 2 ? len - pos - 2 : n;
		if ((exact = malloc(n + 1)) == NULL)
			abort();
		memcpy(exact + 1, data + pos + 2, n);
		now += (data[pos] >> 1) % 16 * STEP;
		if (has_fec && (data[pos] & 64) != 0)
			leg_fec(&leg[data[pos] & 1], exact + 1, n, now, &taker);
		else if (!has_fec || (data[pos] & 32) == 0)
			leg_datagram(&leg[data[pos] & 1], exact + 1, n, now, &taker);
		if (has_fec && (data[pos] & 64) == 0)
			give_fec(enc[data[pos] & 1], &leg[data[pos] & 1], exact + 1, n, now,
			    &taker);
		free(exact);
		flow_turn(f, now);
		look_at(f, now, &last);
		pos += 2 + n;
	}
	flow_remove_leg(f, 0);
	flow_flush(f, now);
	look_at(f, now + 1000 * CLK_SECOND, &last);
	flow_free(f);
	fec_enc_free(enc[0]);
	fec_enc_free(enc[1]);
	free(f);
	return 0;
}
