/*
 * Legs that are killed, cut for five seconds, and swapped, a thousand times at random, on
 * a clock of its own: as long as one leg that loses nothing lives, not one packet is
 * missing or out of order.  Meanwhile the others lose, are late, and send twice.  Then
 * the same by content, of legs with RTP and without it, as of SRT.
 */
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"
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

#define MS		INT64_C(1000000)
#define EVENTS		1000
#define GAP		(2 * MS)	/* between packets: some 5 Mb/s */
#define LATEST		(80 * MS)	/* that a leg can be behind */
#define WINDOW		(100 * MS)
#define REORDER		(40 * MS)	/* by content: of a leg with RTP, before */
#define WINDOW_CONTENT	(150 * MS)
#define LEGS		3

/* What is on its way on a leg. */
struct flight {
	int64_t	 at_ns;
	uint32_t serial;
};

struct way {
	int	 leg;			/* in the flow; -1: none */
	bool	 bare;			/* no RTP, and in order */
	bool	 cut;
	int64_t	 delay_ns, jitter_ns, last_ns;
	unsigned loss, twice;		/* of 100 */
	struct flight flight[256];	/* in order of arrival */
	unsigned first, n;
};

struct world {
	struct flow f;
	struct way way[LEGS];
	uint64_t state;
	int64_t	 now_ns;
	uint32_t serial;		/* of the datagram to be sent */
	uint32_t next;			/* packet to come out, of seven in each */
	bool	 begun;			/* one has: by content, nobody knows of those before */
	uint64_t missing, wrong, events[3];
	int64_t	 longest_ns;
};

static unsigned
chance(struct world *w, unsigned of)
{
	w->state = w->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(w->state >> 33) % of;
}

static void
on_event(void *arg, json_t *o)
{
	(void)arg;
	json_decref(o);
}

/* Another network: how far, and how bad. */
static void
choose(struct world *w, struct way *y, bool good)
{
	y->jitter_ns = chance(w, 20) * MS;
	y->delay_ns = y->jitter_ns + chance(w, (unsigned)((LATEST - 2 * y->jitter_ns) / MS)) * MS;
	y->loss = good ? 0 : chance(w, 30);
	y->twice = chance(w, 10);
}

static void
send_one(struct world *w, struct way *y)
{
	int64_t at = w->now_ns + y->delay_ns + (chance(w, (unsigned)(2 * y->jitter_ns / MS) + 1)) *
	    MS - y->jitter_ns;
	unsigned copies = 1 + (chance(w, 100) < y->twice);

	if (y->leg < 0 || y->cut || chance(w, 100) < y->loss)
		return;
	if (y->bare) {
		at = at > y->last_ns ? at : y->last_ns;
		copies = 1;
	}
	y->last_ns = at;
	while (copies-- > 0 && y->n < 256) {
		unsigned i = y->n++;

		for (; i > 0 && y->flight[(y->first + i - 1) % 256].at_ns > at; i--)
			y->flight[(y->first + i) % 256] = y->flight[(y->first + i - 1) % 256];
		y->flight[(y->first + i) % 256] = (struct flight){ at, w->serial };
	}
}

static void
arrive(struct world *w, struct way *y)
{
	while (y->n > 0 && y->flight[y->first].at_ns <= w->now_ns) {
		uint8_t ts[7 * TS_PACKET];
		uint32_t serial = y->flight[y->first].serial;
		struct rtp_packet rtp = { .type = RTP_TYPE_TS, .seq = (uint16_t)serial, .ssrc = 5,
		    .timestamp = serial * 180 };
		struct packet *pkt;

		memset(ts, (int)serial, sizeof(ts));
		for (unsigned i = 0; i < 7; i++) {
			uint32_t number = serial * 7 + i;

			memcpy(ts + i * TS_PACKET, (uint8_t[]){ TS_SYNC, 1, 0,
			    (uint8_t)(0x10 | number % 16) }, 4);
			memcpy(ts + i * TS_PACKET + 4, &number, sizeof(number));
		}
		pkt = packet_make(&w->f.pool, ts, sizeof(ts), TS_PACKET, y->bare ? NULL : &rtp);
		flow_take(&w->f, (unsigned)y->leg, pkt, y->flight[y->first].at_ns);
		y->first = (y->first + 1) % 256;
		y->n--;
	}
}

static void
look(struct world *w)
{
	struct fan *fan = &w->f.fan;
	uint64_t before = fan->due;

	flow_turn(&w->f, w->now_ns);
	fan_turn(fan, fan->due, w->now_ns);
	for (uint64_t i = before; i < fan->due; i++) {
		const struct packet *p = fan_at(fan, i);

		w->wrong += p->len != 7 * TS_PACKET;
		for (uint32_t at = 0; at < p->len; at += TS_PACKET) {
			uint32_t number;
			int64_t took;

			memcpy(&number, p->data + at + 4, sizeof(number));
			took = w->now_ns - (int64_t)(number / 7) * GAP;
			w->longest_ns = took > w->longest_ns ? took : w->longest_ns;
			if (!w->begun && w->f.config.by_content)
				w->next = number;
			w->begun = true;
			w->wrong += number < w->next;
			w->missing += number > w->next ? number - w->next : 0;
			w->next = number + 1;
		}
	}
}

static void
run_for(struct world *w, int64_t ns)
{
	for (int64_t until = w->now_ns + ns; w->now_ns < until; w->now_ns += MS) {
		if (w->now_ns % GAP == 0) {
			for (unsigned i = 0; i < LEGS; i++)
				send_one(w, &w->way[i]);
			w->serial++;
		}
		for (unsigned i = 0; i < LEGS; i++)
			arrive(w, &w->way[i]);
		look(w);
	}
}

static void
add(struct world *w, struct way *y)
{
	y->leg = flow_add_leg(&w->f, true);
	if (y->leg < 0)
		abort();
}

static void
take_away(struct world *w, struct way *y)
{
	flow_remove_leg(&w->f, (unsigned)y->leg);
	y->leg = -1;
	y->n = 0;			/* what was on its way has no one to come to */
}

/* One leg of which the next event is not is good until what it sent has all come. */
static void
strike(struct world *w, unsigned which)
{
	struct way *y = &w->way[which];
	unsigned what = chance(w, 3);

	w->events[what]++;
	switch (what) {
	case 0:				/* killed, and later back */
		take_away(w, y);
		run_for(w, (int64_t)chance(w, 1500) * MS);
		choose(w, y, false);
		add(w, y);
		break;
	case 1:
		y->cut = true;
		run_for(w, 5000 * MS);
		y->cut = false;
		break;
	default:			/* swapped for another network */
		take_away(w, y);
		choose(w, y, false);
		add(w, y);
	}
	run_for(w, (int64_t)chance(w, 300) * MS);
}

static void
test_events(uint64_t seed, bool by_content)
{
	static struct world w;
	struct flow_config c = { .merge = true, .by_content = by_content, .windowed = true, .live = true, .pcr_pid = -1,
	    .window_ns = by_content ? WINDOW_CONTENT : WINDOW, .reorder_ns = REORDER, .hold_ns = 2000 * MS, .memory = 64 << 20 };
	int64_t most = LATEST + c.window_ns + (by_content ? REORDER : 0);
	unsigned good = 0, next, ledger = 0;

	memset(&w, 0, sizeof(w));
	w.state = seed;
	if (flow_init(&w.f, &c) < 0)
		abort();
	w.f.event = on_event;
	for (unsigned i = 0; i < LEGS; i++) {
		w.way[i].bare = by_content && i == 0;
		choose(&w, &w.way[i], true);
		add(&w, &w.way[i]);
	}
	run_for(&w, 500 * MS);
	for (unsigned n = 0; n < EVENTS; n++) {
		/* One becomes good before another stops to be. */
		next = chance(&w, LEGS);
		w.way[next].loss = 0;
		run_for(&w, 2 * LATEST);
		good = next;
		do
			next = chance(&w, LEGS);
		while (next == good);
		strike(&w, next);
		ledger += !flow_ledger_ok(&w.f);
	}
	for (unsigned i = 0; i < LEGS; i++)
		w.way[i].loss = 0;
	run_for(&w, 500 * MS);
	printf("# %u packets of %d s; %d killed, %d cut, %d swapped; longest way %d ms\n",
	    w.serial, (int)(w.now_ns / (1000 * MS)), (int)w.events[0], (int)w.events[1],
	    (int)w.events[2], (int)(w.longest_ns / MS));
	ok(w.next > 7 * (w.serial - (unsigned)(most / GAP) - 2),
	    "%d events%s, all is out", EVENTS, by_content ? ", by content" : "");
	is(w.missing, 0, "not one packet is missing");
	is(w.wrong, 0, "or out of order");
	is(w.f.lost, 0, "or said to be lost");
	is(ledger, 0, "each is in one count");
	ok(w.longest_ns <= most + 2 * MS, "none came later than the window allows");
	flow_free(&w.f);
}

int
main(void)
{
	test_events(1, false);
	test_events(2, true);
	return done_testing();
}
