/*
 * tshealth_clock.c - PCRs: how often they come, whether they jump, how exact they are,
 * and the time that they tell.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/tshealth_private.h"

#define JITTER_MIN	16		/* points to know a line by */
#define CONSTANT	13500		/* ticks (500 us) off a line: the rate is not constant */
#define STREAK		16		/* PCRs off the line in a row: it is another line */
#define BREAK		CLK_SECOND	/* a file's PCRs that are so far apart have jumped */
#define SWITCH		50		/* PCRs of others, until one of them is the clock */

static int64_t
ticks_to_ns(int64_t ticks)
{
	return ticks * 1000 / 27;
}

static int64_t
absolute(int64_t v)
{
	return v < 0 ? -v : v;
}

/* ---- the stream's own time */

/*
 * By this packet, as far as the rate of the interval before goes; not further than that
 * interval was long, since then there would have been a PCR.
 */
void
health_clock_step(struct health *h)
{
	struct health_private *v = h->private;
	int64_t ns, now;

	if (h->cfg.arrival || v->packet_ns == 0)
		return;
	ns = (int64_t)(h->packets - v->base_packet) * v->packet_ns;
	if (ns > v->interval_ns || h->packets - v->base_packet > 1 << 24)
		ns = v->interval_ns;
	now = v->base_ns + ns;
	if (now > h->now_ns)
		h->now_ns = now;
}

/* A PCR of the reference has come, d_ns after the one before; 0: that is not known. */
static void
set_clock(struct health *h, int64_t d_ns)
{
	struct health_private *v = h->private;
	uint64_t packets = h->packets - v->base_packet;

	if (d_ns > 0) {
		v->base_ns += d_ns;
		v->interval_ns = d_ns;
		v->packet_ns = packets > 0 ? d_ns / (int64_t)packets : 0;
		v->slack_ns = d_ns < CLK_SECOND / 5 ? d_ns : CLK_SECOND / 5;
	} else {
		v->base_ns = h->now_ns;
	}
	v->base_packet = h->packets;
	if (v->base_ns > h->now_ns)
		h->now_ns = v->base_ns;
}

static void
tell_time(struct health *h, const struct health_pid *q, int64_t d_ns)
{
	struct health_private *v = h->private;

	if (h->cfg.arrival)
		return;
	if (v->has_ref && q->pid != v->ref) {
		if (v->others++ < SWITCH || d_ns == 0)
			return;
		v->has_ref = false;	/* it comes no more */
	}
	if (!v->has_ref) {
		v->has_ref = true;
		v->ref = q->pid;
		d_ns = 0;
	}
	v->others = 0;
	set_clock(h, d_ns);
}

/* ---- 2.4: against the packets of a stream of constant rate */

static void
forget_rate(struct health_clock_state *c)
{
	c->n = c->streak = 0;
	c->line.n = 0;
	c->suspect = 0;
}

/* The farthest from the line through them all, or -1: there is no line. */
static int
farthest(struct health_clock_state *c, int64_t *off)
{
	int worst = -1;

	c->line.n = 0;
	for (unsigned i = 0; i < c->n; i++)
		fit_add(&c->line, c->got[i].x, c->got[i].y);
	*off = -1;
	for (unsigned i = 0; i < c->n; i++) {
		int64_t y;

		if (!fit_at(&c->line, c->got[i].x, &y))
			return -1;
		y = absolute(y - c->got[i].y);
		if (y > *off) {
			*off = y;
			worst = (int)i;
		}
	}
	return worst;
}

static void
judge(struct health *h, struct health_pid *q, int64_t off)
{
	struct health_clock *k = q->clock;
	/* A PCR is right to within a tick, and so is the line. */
	int64_t ns = absolute(off) <= 1 ? 0 : ticks_to_ns(absolute(off));

	health_range_add(&k->accuracy, ns);
	health_range_add(&k->window_accuracy, ns);
	if (!h->cfg.arrival) {
		health_range_add(&k->jitter, ns);
		health_range_add(&k->window_jitter, ns);
		hist_add(&k->jitter_hist, (uint64_t)ns);
	}
	if (ns > h->cfg.pcr_accuracy_ns)
		health_once(h, HEALTH_PCR_ACCURACY, q->pid, q->program,
		    "%" PRId64 " ns off", ticks_to_ns(off));
}

/*
 * Enough PCRs to know whether the rate is constant: then a line goes through nearly all of
 * them, and the few that are off are wrong.
 */
static void
find_rate(struct health *h, struct health_pid *q)
{
	struct health_clock_state *c = q->clock->state;
	int64_t off, limit = h->cfg.pcr_accuracy_ns * 27 / 1000 + 1;
	struct fit_point all[ACQUIRE];
	unsigned nwrong = 0, n = c->n;
	int worst;

	memcpy(all, c->got, sizeof(all));
	while ((worst = farthest(c, &off)) >= 0 && off > limit && nwrong < ACQUIRE / 4) {
		nwrong++;
		memmove(c->got + worst, c->got + worst + 1,
		    (--c->n - (unsigned)worst) * sizeof(*c->got));
	}
	if (off > limit) {		/* not a few of them: take the line through all */
		memcpy(c->got, all, sizeof(all));
		c->n = n;
		worst = farthest(c, &off);
	}
	q->clock->constant = worst >= 0 && h->cfg.rate != HEALTH_RATE_VARIABLE &&
	    (off <= CONSTANT || h->cfg.rate == HEALTH_RATE_CONSTANT);
	if (!q->clock->constant) {
		forget_rate(c);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		int64_t y;

		if (fit_at(&c->line, all[i].x, &y))
			judge(h, q, all[i].y - y);
	}
	c->streak = 0;
}

/*
 * By how many ticks a packet moves the line, times so many packets, is a step of the PCRs
 * when packets are missing or too many before them; that is rule 1.4, not 2.4.
 */
static bool
by_packets(const struct health_clock_state *c, int64_t x, int64_t off, int64_t limit)
{
	int64_t y0, y1, n;

	if (!fit_at(&c->line, x, &y0) || !fit_at(&c->line, x + 4096, &y1) || y1 <= y0)
		return false;
	n = (off * 4096 + (off > 0 ? 1 : -1) * (y1 - y0) / 2) / (y1 - y0);
	return n != 0 && absolute(off - n * (y1 - y0) / 4096) <= limit;
}

/*
 * A PCR that is off is judged when the next has come.  If that is off by as much, all are
 * from here on: a step, which is one fault, or packets that have got lost.
 */
static void
check_accuracy(struct health *h, struct health_pid *q)
{
	struct health_clock_state *c = q->clock->state;
	int64_t x = (int64_t)h->packets, y, off, before = c->suspect;
	int64_t limit = h->cfg.pcr_accuracy_ns * 27 / 1000 + 1;

	if (c->n < ACQUIRE && c->line.n == 0) {
		c->got[c->n++] = (struct fit_point){ x, c->value };
		if (c->n == ACQUIRE)
			find_rate(h, q);
		return;
	}
	if (!fit_at(&c->line, x, &y) || absolute(c->value - y) > CLK_27M) {
		forget_rate(c);
		return;
	}
	off = c->value - y;
	c->suspect = 0;
	if (before != 0 && absolute(off) > limit && absolute(off - before) <= limit) {
		if (!by_packets(c, x, off, limit))
			judge(h, q, off);
		forget_rate(c);
		return;
	}
	if (before != 0)
		judge(h, q, before);
	if (absolute(off) > limit) {
		c->suspect = off;
		if (++c->streak > STREAK)
			forget_rate(c);
		return;
	}
	judge(h, q, off);
	c->streak = 0;
	fit_add(&c->line, x, c->value);
}

/* ---- against the time of arrival */

static void
check_arrival(struct health *h, struct health_pid *q)
{
	struct health_clock *k = q->clock;
	struct health_clock_state *c = k->state;
	int64_t y;

	if (!h->cfg.arrival)
		return;
	if (c->arrival.n >= JITTER_MIN && fit_at(&c->arrival, c->value, &y)) {
		y = absolute(h->now_ns - y);
		health_range_add(&k->jitter, y);
		health_range_add(&k->window_jitter, y);
		hist_add(&k->jitter_hist, (uint64_t)y);
	}
	fit_add(&c->arrival, c->value, h->now_ns);
}

/* ---- a PCR */

static struct health_clock *
clock_of(struct health *h, struct health_pid *q)
{
	struct health_private *v = h->private;
	struct health_clock *k;

	if (q->clock != NULL || v->nclock == HEALTH_CLOCKS)
		return q->clock;
	k = calloc(1, sizeof(*k));
	if (k == NULL || (k->state = calloc(1, sizeof(*k->state))) == NULL) {
		free(k);
		return NULL;
	}
	v->clocked[v->nclock++] = q;
	k->pid = q->pid;
	q->clock = k;
	return k;
}

/* What follows has nothing to do with what was. */
static void
begin_anew(struct health *h, struct health_pid *q, int64_t pcr)
{
	struct health_clock_state *c = q->clock->state;

	c->started = true;
	c->pcr = c->value = pcr;
	c->last_ns = h->now_ns;
	c->arrival.n = 0;
	forget_rate(c);
	tell_time(h, q, 0);
	c->last_ns = h->now_ns;
	check_accuracy(h, q);
	check_arrival(h, q);
}

static bool
jumps(const struct health *h, int64_t d_ns, int64_t gap_ns)
{
	if (d_ns < 0)
		return true;
	if (!h->cfg.arrival)
		return d_ns > BREAK;
	/* What comes as late as it says has not jumped. */
	return d_ns > h->cfg.pcr_jump_ns && absolute(d_ns - gap_ns) > h->cfg.pcr_jump_ns;
}

void
health_pcr(struct health *h, struct health_pid *q, const struct ts_packet *pkt)
{
	struct health_clock *k = clock_of(h, q);
	struct health_clock_state *c;
	int64_t d, d_ns;

	if (k == NULL)
		return;
	c = k->state;
	k->pcrs++;
	health_lasting(h, HEALTH_PCR_INTERVAL, &c->missing, false, q->pid, q->program, "");
	if (!c->started || pkt->discontinuity) {
		k->jumps += c->started;
		begin_anew(h, q, pkt->pcr);
		return;
	}
	d = (pkt->pcr - c->pcr + TS_PCR_WRAP) % TS_PCR_WRAP;
	if (d > TS_PCR_WRAP / 2)
		d -= TS_PCR_WRAP;
	d_ns = ticks_to_ns(d);
	if (jumps(h, d_ns, h->now_ns - c->last_ns)) {
		health_once(h, HEALTH_PCR_JUMP, q->pid, q->program,
		    "by %" PRId64 " us", d_ns / 1000);
		begin_anew(h, q, pkt->pcr);
		return;
	}
	if (!h->cfg.arrival && d_ns > h->cfg.pcr_ns)
		health_once(h, HEALTH_PCR_INTERVAL, q->pid, q->program,
		    "%" PRId64 " us without", d_ns / 1000);
	health_range_add(&k->interval, d_ns);
	health_range_add(&k->window_interval, d_ns);
	c->pcr = pkt->pcr;
	c->value += d;
	tell_time(h, q, d_ns);
	c->last_ns = h->now_ns;
	check_accuracy(h, q);
	check_arrival(h, q);
}

/* ---- all of them */

void
health_clock_sweep(struct health *h)
{
	struct health_private *v = h->private;

	for (unsigned i = 0; i < v->nclock && h->cfg.arrival; i++) {
		struct health_pid *q = v->clocked[i];
		struct health_clock_state *c = q->clock->state;

		if (c->started && q->referenced && h->now_ns - c->last_ns > h->cfg.pcr_ns)
			health_lasting(h, HEALTH_PCR_INTERVAL, &c->missing, true, q->pid,
			    q->program, "no PCR");
	}
}

void
health_clock_gap(struct health *h)
{
	for (unsigned i = 0; i < h->private->nclock; i++)
		forget_rate(h->private->clocked[i]->clock->state);
}

void
health_clock_restart(struct health *h)
{
	for (unsigned i = 0; i < h->private->nclock; i++)
		h->private->clocked[i]->clock->state->started = false;
}

void
health_clock_window(struct health *h)
{
	for (unsigned i = 0; i < h->private->nclock; i++) {
		struct health_clock *k = h->private->clocked[i]->clock;

		k->last_interval = k->window_interval;
		k->last_jitter = k->window_jitter;
		k->last_accuracy = k->window_accuracy;
		k->window_interval = k->window_jitter = k->window_accuracy =
		    (struct health_range){ 0 };
	}
}
