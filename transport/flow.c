#include <errno.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/pes.h"
#include "transport/flow.h"

#define FULL	(FLOW_GROUP * TS_PACKET)

/* Is there one merge for all legs, by their RTP numbers? */
static bool
by_numbers(const struct flow *f)
{
	return f->config.merge && !f->config.by_content;
}

int
flow_init(struct flow *f, const struct flow_config *c)
{
	int r;

	memset(f, 0, sizeof(*f));
	f->config = *c;
	f->last_leg = -1;
	packet_pool_init(&f->pool, c->memory);
	failover_init(&f->failover, c->hot_ns, c->back_ns, c->prefer);
	tswatch_init(&f->watch);
	pacer_init(&f->pacer, c->smooth_ns, c->live, c->pcr_pid);
	if ((r = fan_init(&f->fan, c->memory / 2, c->hold_ns, c->ssrc, c->seq)) < 0)
		return r;
	f->fan.keep_header = c->keep_header;
	if (c->by_content && (r = content_init(&f->content, c->window_ns)) < 0)
		return r;
	if (by_numbers(f) && (r = merge_init(&f->merge, c->windowed ? c->window_ns :
	    c->reorder_ns, !c->windowed)) < 0)
		return r;
	f->merge.nleg = 2;
	return 0;
}

void
flow_free(struct flow *f)
{
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (f->leg[i].has_order)
			merge_free(&f->leg[i].order);
	if (by_numbers(f))
		merge_free(&f->merge);
	if (f->config.by_content)
		content_free(&f->content);
	if (f->part != NULL)
		packet_unref(f->part);
	fan_free(&f->fan);
	packet_pool_free(&f->pool);
}

int
flow_add_leg(struct flow *f)
{
	unsigned i = 0;
	bool at_once;
	int r;

	while (i < FLOW_LEGS && (f->leg[i].used || f->merge.leg[i].held > 0))
		i++;
	if (i == FLOW_LEGS)
		return -ENOSPC;
	f->leg[i] = (struct flow_leg){ .used = true };
	if (by_numbers(f)) {
		merge_forget_leg(&f->merge, i);
		return (int)i;
	}
	at_once = !f->config.windowed || f->config.by_content;
	if ((r = merge_init(&f->leg[i].order, at_once ? f->config.reorder_ns :
	    f->config.window_ns, at_once)) < 0) {
		f->leg[i].used = false;
		return r;
	}
	f->leg[i].has_order = true;
	return (int)i;
}

void
flow_remove_leg(struct flow *f, unsigned leg)
{
	struct flow_leg *l = &f->leg[leg];

	if (l->has_order)
		merge_free(&l->order);
	if (f->last_leg == (int)leg)
		f->last_leg = -2;		/* what comes next is of another one */
	l->has_order = l->used = false;
	failover_forget(&f->failover, leg);
	if (by_numbers(f))
		merge_forget_leg(&f->merge, leg);
	if (f->config.by_content)
		content_forget_leg(&f->content, leg);
}

/* ---- out */

static void
send_out(struct flow *f, struct packet *pkt, int64_t at_ns)
{
	fan_put(&f->fan, pkt, pacer_next(&f->pacer, pkt->data, pkt->len, at_ns));
}

static bool
is_left_out(const struct flow *f, const uint8_t *ts)
{
	unsigned pid = (ts[1] & 0x1fu) << 8 | ts[2];

	return f->config.drops && (f->config.drop[pid / 8] >> pid % 8 & 1) != 0;
}

/* One more packet to the datagram that is being filled. */
static void
append(struct flow *f, const uint8_t *ts, int64_t at_ns)
{
	if (is_left_out(f, ts)) {
		f->left_out++;
		return;
	}
	if (f->part == NULL && (f->part = packet_new(&f->pool, FULL)) == NULL) {
		f->no_room++;
		return;
	}
	memcpy(f->part->data + f->part->len, ts, TS_PACKET);
	f->part->len += TS_PACKET;
	if (f->part->len < FULL)
		return;
	send_out(f, f->part, at_ns);
	f->part = NULL;
}

static void
emit(struct flow *f, struct packet *pkt, uint64_t gap, int64_t at_ns)
{
	uint8_t mark[TS_PACKET];
	bool whole = f->config.keep_header || (pkt->len == FULL && f->part == NULL);
	size_t i;

	for (i = 0; whole && f->config.drops && i < pkt->len; i += TS_PACKET)
		whole = !is_left_out(f, pkt->data + i);
	if (gap > 0) {
		f->lost += gap;
		tswatch_gap(&f->watch, gap, at_ns);
	}
	for (i = 0; i < pkt->len; i += TS_PACKET) {
		if (tswatch_packet(&f->watch, pkt->data + i, mark)) {
			/* What is before it has to be copied, since a mark goes between. */
			for (size_t k = 0; whole && k < i; k += TS_PACKET)
				append(f, pkt->data + k, at_ns);
			whole = false;
			f->marks++;
			append(f, mark, at_ns);
		}
		if (!whole)
			append(f, pkt->data + i, at_ns);
		f->emitted++;
	}
	if (whole)
		send_out(f, pkt, at_ns);
	else
		packet_unref(pkt);
}

/* ---- merged by content */

static void
pop_content(struct flow *f, int64_t now_ns)
{
	const uint8_t *ts;
	uint8_t mark[TS_PACKET];

	while ((ts = content_pop(&f->content, now_ns)) != NULL) {
		tswatch_packet(&f->watch, ts, mark);
		append(f, ts, f->content.release_ns);
		f->emitted++;
	}
}

static void
pass_content(struct flow *f, unsigned leg, struct packet *pkt, int64_t at_ns)
{
	for (size_t i = 0; i < pkt->len; i += TS_PACKET)
		content_push(&f->content, leg, pkt->data + i, at_ns);
	f->leg[leg].passed++;
	packet_unref(pkt);
	pop_content(f, at_ns);
}

/* ---- one of several legs */

/* Is there a packet at which a decoder can begin, on the PID of the clock? */
static bool
is_clean(const struct flow *f, const struct packet *pkt)
{
	for (size_t i = 0; i < pkt->len; i += TS_PACKET) {
		const uint8_t *p = pkt->data + i;

		if ((p[3] & 0x20) != 0 && p[4] > 0 && (p[5] & 0x40) != 0 &&
		    (p[1] & 0x40) != 0 && (f->pacer.pid < 0 ||
		    ((p[1] & 0x1f) << 8 | p[2]) == f->pacer.pid))
			return true;
	}
	return false;
}

static void
pass_leg(struct flow *f, unsigned leg, struct packet *pkt, uint64_t gap, bool restarted,
    int64_t at_ns)
{
	struct flow_leg *l = &f->leg[leg];

	if (f->config.by_content) {
		pass_content(f, leg, pkt, at_ns);
		return;
	}
	failover_seen(&f->failover, leg, at_ns);
	if (!failover_passes(&f->failover, leg, is_clean(f, pkt), at_ns)) {
		l->standby++;
		packet_unref(pkt);
		return;
	}
	if (f->last_leg != (int)leg && f->last_leg != -1) {
		tswatch_switch(&f->watch);
		pacer_break(&f->pacer);
		f->event(f->arg, json_pack("{s:s, s:i, s:i}", "event", "failover_switch",
		    "from", f->last_leg, "to", (int)leg));
		gap = 0;			/* of the leg while it stood by */
	}
	if (restarted)
		tswatch_switch(&f->watch);
	f->last_leg = (int)leg;
	l->passed++;
	emit(f, pkt, gap, at_ns);
}

static void
pop_leg(struct flow *f, unsigned leg, int64_t now_ns)
{
	struct merge *m = &f->leg[leg].order;
	struct packet *pkt;

	while ((pkt = merge_pop(m, now_ns)) != NULL)
		pass_leg(f, leg, pkt, m->gap, m->restarted, m->at_once ? now_ns :
		    m->release_ns);
}

static void
pop_merge(struct flow *f, int64_t now_ns)
{
	struct merge *m = &f->merge;
	struct packet *pkt;

	while ((pkt = merge_pop(m, now_ns)) != NULL) {
		if (m->restarted) {
			tswatch_switch(&f->watch);
			f->event(f->arg, json_pack("{s:s, s:i}", "event", "source_restart",
			    "leg", (int)m->from));
		}
		f->leg[m->from].passed++;
		f->last_leg = (int)m->from;
		emit(f, pkt, m->gap, m->at_once ? now_ns : m->release_ns);
	}
}

void
flow_take(struct flow *f, unsigned leg, struct packet *pkt, int64_t now_ns)
{
	struct flow_leg *l = &f->leg[leg];

	l->received++;
	l->seen_ns = now_ns;
	if (by_numbers(f) && pkt->has_rtp) {
		merge_push(&f->merge, leg, pkt, now_ns);
		pop_merge(f, now_ns);
	} else if (by_numbers(f)) {
		l->bare_refused++;
		packet_unref(pkt);
	} else if (pkt->has_rtp) {
		merge_push(&l->order, 0, pkt, now_ns);
		pop_leg(f, leg, now_ns);
	} else {
		l->bare_delivered++;
		l->bare_lost += pkt->missing;
		pass_leg(f, leg, pkt, pkt->missing, false, now_ns);
	}
}

/* ---- time */

static void
tell_loss(struct flow *f)
{
	struct tswatch_loss *l = &f->watch.loss;
	json_t *pids = json_array();

	for (unsigned i = 0; i < l->nhit; i++) {
		const struct tswatch_hit *h = &l->hit[i];
		json_t *o = json_pack("{s:i, s:i}", "pid", (int)h->pid, "missing",
		    (int)h->missing);

		if (h->pts != PES_NO_TIME)
			json_object_set_new(o, "pts", json_integer(h->pts));
		if (h->picture != 0)
			json_object_set_new(o, "picture", json_stringn(&h->picture, 1));
		json_array_append_new(pids, o);
	}
	f->event(f->arg, json_pack("{s:s, s:I, s:o}", "event", "lost", "packets",
	    (json_int_t)l->packets, "pids", pids));
	l->open = false;
}

void
flow_turn(struct flow *f, int64_t now_ns)
{
	if (by_numbers(f))
		pop_merge(f, now_ns);
	else
		for (unsigned i = 0; i < FLOW_LEGS; i++)
			if (f->leg[i].used)
				pop_leg(f, i, now_ns);
	if (f->config.by_content)
		pop_content(f, now_ns);
	if (tswatch_told(&f->watch, now_ns))
		tell_loss(f);
}

int64_t
flow_deadline(const struct flow *f)
{
	int64_t first = by_numbers(f) ? merge_deadline(&f->merge) : INT64_MAX, next;

	if (f->config.by_content)
		first = content_deadline(&f->content);
	for (unsigned i = 0; !by_numbers(f) && i < FLOW_LEGS; i++)
		if (f->leg[i].used && (next = merge_deadline(&f->leg[i].order)) < first)
			first = next;
	next = fan_deadline(&f->fan);
	if (next < INT64_MAX - f->slack_ns)
		next += f->slack_ns;
	return next < first ? next : first;
}

void
flow_flush(struct flow *f, int64_t now_ns)
{
	if (by_numbers(f))
		merge_flush(&f->merge);
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (f->leg[i].used && f->leg[i].has_order)
			merge_flush(&f->leg[i].order);
	flow_turn(f, now_ns);
	if (f->config.by_content) {
		content_flush(&f->content);
		pop_content(f, now_ns);
	}
	if (f->part != NULL)
		send_out(f, f->part, now_ns);
	f->part = NULL;
	if (f->watch.loss.open)
		tell_loss(f);
}

const struct merge *
flow_merge(const struct flow *f, unsigned leg, unsigned *number)
{
	*number = by_numbers(f) ? leg : 0;
	return by_numbers(f) ? &f->merge : &f->leg[leg].order;
}

bool
flow_ledger_ok(const struct flow *f)
{
	if ((by_numbers(f) && !merge_ledger_ok(&f->merge)) ||
	    (f->config.by_content && !content_ledger_ok(&f->content)))
		return false;
	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		const struct flow_leg *l = &f->leg[i];
		const struct merge_leg *m;
		unsigned n;

		if (!l->used)
			continue;
		m = &flow_merge(f, i, &n)->leg[n];
		if (l->received != m->received + l->bare_delivered + l->bare_refused ||
		    m->delivered + l->bare_delivered != l->passed + l->standby ||
		    (l->has_order && !merge_ledger_ok(&l->order)))
			return false;
	}
	return true;
}
