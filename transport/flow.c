#include <errno.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/pes.h"
#include "transport/flowpriv.h"

#define FULL		(FLOW_GROUP * TS_PACKET)
#define STANDBY_SHARE	32		/* of the memory, what a leg that stands by keeps */

/* Is there one merge for all legs, by their RTP numbers? */
static bool
by_numbers(const struct flow *f)
{
	return f->config.merge && !f->config.by_content;
}

static void append(void *arg, const uint8_t *ts);

int
flow_init(struct flow *f, const struct flow_config *c)
{
	int r;

	memset(f, 0, sizeof(*f));
	f->config = *c;
	f->last_leg = -1;
	packet_pool_init(&f->pool, c->memory);
	failover_init(&f->failover, c->hot_ns, c->back_ns, c->clean_ns, c->prefer);
	tswatch_init(&f->watch);
	pidfilter_init(&f->filter, &c->filter, append, f);
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
	return c->health ? checkup_init(&f->checkup, true, NULL) : 0;
}

static void
free_order(struct flow_leg *l)
{
	merge_free(&l->order);
	repair_free(l->repair);
	l->repair = NULL;
	l->has_order = false;
}

void
flow_free(struct flow *f)
{
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (f->leg[i].used)
			flow_remove_leg(f, i);
	if (f->config.health)
		checkup_free(&f->checkup);
	if (by_numbers(f))
		merge_free(&f->merge);
	repair_free(f->repair);
	if (f->config.by_content)
		content_free(&f->content);
	for (unsigned i = 0; i < f->nwait; i++)
		packet_unref(f->wait[i]);
	if (f->part != NULL)
		packet_unref(f->part);
	fan_free(&f->fan);
	packet_pool_free(&f->pool);
}

static int
init_leg(struct flow *f, unsigned leg, bool live)
{
	struct flow_leg *l = &f->leg[leg];
	bool at_once = !f->config.windowed || f->config.by_content;
	int r;

	memset(l, 0, sizeof(*l));
	l->used = true;
	standby_init(&l->standby, f->config.warm_ns, f->config.memory / STANDBY_SHARE);
	if (f->config.health &&
	    (r = checkup_init(&l->checkup, live, f->config.conditions)) < 0)
		return r;
	if (by_numbers(f)) {
		merge_forget_leg(&f->merge, leg);
		return 0;
	}
	if ((r = merge_init(&l->order, at_once ? f->config.reorder_ns :
	    f->config.window_ns, at_once)) < 0)
		return r;
	l->has_order = true;
	return 0;
}

int
flow_add_leg(struct flow *f, bool live)
{
	unsigned i = 0;
	int r;

	while (i < FLOW_LEGS && (f->leg[i].used || f->merge.leg[i].held > 0))
		i++;
	if (i == FLOW_LEGS)
		return -ENOSPC;
	if ((r = init_leg(f, i, live)) < 0) {
		flow_remove_leg(f, i);
		return r;
	}
	return (int)i;
}

int
flow_expect_fec(struct flow *f, unsigned leg)
{
	struct flow_leg *l = &f->leg[leg];
	struct repair **r = by_numbers(f) ? &f->repair : &l->repair;
	struct merge *m = by_numbers(f) ? &f->merge : &l->order;
	int err;

	l->has_fec = true;
	if (*r != NULL)
		return 0;
	/* What is behind a gap may have to wait long: then all does, for an even pace. */
	if (!by_numbers(f) && !f->config.by_content)
		m->at_once = false;
	if ((err = repair_new(r, m, &f->pool, f->config.adapts)) < 0)
		return err;
	f->nrepair++;
	return 0;
}

void
flow_leg_in_order(struct flow *f, unsigned leg)
{
	struct flow_leg *l = &f->leg[leg];

	if (l->has_order && l->order.at_once)
		l->order.window_ns = 0;
}

void
flow_remove_leg(struct flow *f, unsigned leg)
{
	struct flow_leg *l = &f->leg[leg];

	standby_free(&l->standby);
	if (f->config.health)
		checkup_free(&l->checkup);
	f->nrepair -= l->repair != NULL;
	if (l->has_order)
		free_order(l);
	if (f->last_leg == (int)leg)
		f->last_leg = -2;		/* what comes next is of another one */
	l->used = false;
	if (f->repair != NULL)
		repair_forget_leg(f->repair, leg);
	failover_forget(&f->failover, leg);
	if (by_numbers(f))
		merge_forget_leg(&f->merge, leg);
	if (f->config.by_content)
		content_forget_leg(&f->content, leg);
}

/* ---- out */

static void
send_now(struct flow *f, struct packet *pkt, int64_t at_ns)
{
	struct pacer_time t = pacer_next(&f->pacer, pkt->data, pkt->len, at_ns);

	if (f->config.health)
		checkup_push(&f->checkup, pkt->data, pkt->len, t.due_ns);
	fan_put(&f->fan, pkt, t);
}

static void
send_waiting(struct flow *f)
{
	for (unsigned i = 0; i < f->nwait; i++)
		send_now(f, f->wait[i], f->wait[i]->due_ns);
	f->nwait = 0;
}

/* Of a file the PCR behind it can be waited for: nobody else does. */
static void
send_out(struct flow *f, struct packet *pkt, int64_t at_ns)
{
	if (f->config.live) {
		send_now(f, pkt, at_ns);
		return;
	}
	if (pacer_look(&f->pacer, pkt->data, pkt->len) || f->nwait == FLOW_WAIT ||
	    f->pool.bytes > f->pool.limit / 2)
		send_waiting(f);
	pkt->due_ns = at_ns;
	f->wait[f->nwait++] = pkt;
}

void
flow_break(struct flow *f)
{
	send_waiting(f);
	pacer_break(&f->pacer);
}

/* One more packet to the datagram that is being filled. */
static void
append(void *arg, const uint8_t *ts)
{
	struct flow *f = arg;

	if (f->part == NULL && (f->part = packet_new(&f->pool, FULL)) == NULL) {
		f->no_room++;
		return;
	}
	memcpy(f->part->data + f->part->len, ts, TS_PACKET);
	f->part->len += TS_PACKET;
	if (f->part->len < FULL)
		return;
	send_out(f, f->part, f->part_ns);
	f->part = NULL;
}

/* A packet that is copied, if it passes, behind its mark if it needs one. */
static void
put_one(struct flow *f, const uint8_t *ts, int64_t at_ns)
{
	uint8_t mark[TS_PACKET];

	f->part_ns = at_ns;
	if (!pidfilter_passes(&f->filter, (ts[1] & 0x1fu) << 8 | ts[2])) {
		f->left_out++;
		return;
	}
	if (tswatch_packet(&f->watch, ts, mark)) {
		f->marks++;
		pidfilter_packet(&f->filter, mark);
	}
	pidfilter_packet(&f->filter, ts);
}

void
flow_repeat(struct flow *f, const uint8_t *ts, int64_t at_ns)
{
	f->repeated++;
	put_one(f, ts, at_ns);
}

/* Where datagrams go on as they came, ours do not wait to be full. */
static void
end_part(struct flow *f, int64_t at_ns)
{
	if (f->part != NULL)
		send_out(f, f->part, at_ns);
	f->part = NULL;
}

void
flow_emit(struct flow *f, struct packet *pkt, uint64_t gap, int64_t at_ns)
{
	uint8_t mark[TS_PACKET];
	bool whole = f->config.keep_header || (pkt->len == FULL && f->part == NULL &&
	    !f->config.filter.on);

	if (f->config.keep_header)
		end_part(f, at_ns);
	f->part_ns = at_ns;
	if (gap > 0) {
		f->lost += gap;
		f->longest_gap = gap > f->longest_gap ? gap : f->longest_gap;
		tswatch_gap(&f->watch, gap, at_ns);
	}
	for (size_t i = 0; i < pkt->len; i += TS_PACKET) {
		f->emitted++;
		if (!whole) {
			put_one(f, pkt->data + i, at_ns);
		} else if (tswatch_packet(&f->watch, pkt->data + i, mark)) {
			/* What is before it has to be copied, since a mark goes between. */
			for (size_t k = 0; k < i; k += TS_PACKET)
				append(f, pkt->data + k);
			whole = false;
			f->marks++;
			append(f, mark);
			append(f, pkt->data + i);
		}
	}
	if (whole)
		send_out(f, pkt, at_ns);
	else
		packet_unref(pkt);
	if (f->config.keep_header)
		end_part(f, at_ns);
}

/* ---- merged by content */

static void
pop_content(struct flow *f, int64_t now_ns)
{
	const uint8_t *ts;

	while ((ts = content_pop(&f->content, now_ns)) != NULL) {
		f->emitted++;
		put_one(f, ts, f->content.release_ns);
	}
}

void
flow_pass_content(struct flow *f, unsigned leg, struct packet *pkt, int64_t at_ns)
{
	for (size_t i = 0; i < pkt->len; i += TS_PACKET)
		content_push(&f->content, leg, pkt->data + i, at_ns);
	f->leg[leg].passed++;
	packet_unref(pkt);
	pop_content(f, at_ns);
}

static void
pop_leg(struct flow *f, unsigned leg, int64_t now_ns)
{
	struct merge *m = &f->leg[leg].order;
	struct packet *pkt;

	while ((pkt = merge_pop(m, now_ns)) != NULL)
		flow_pass_leg(f, leg, pkt, m->gap, m->restarted, m->at_once ? now_ns :
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
		flow_emit(f, pkt, m->gap, m->at_once ? now_ns : m->release_ns);
	}
}

void
flow_take(struct flow *f, unsigned leg, struct packet *pkt, int64_t now_ns)
{
	struct flow_leg *l = &f->leg[leg];

	l->received++;
	l->seen_ns = now_ns;
	if (by_numbers(f) && f->config.health)
		checkup_push(&l->checkup, pkt->data, pkt->len, now_ns);
	if (by_numbers(f) && pkt->has_rtp) {
		merge_push(&f->merge, leg, pkt, now_ns);
		if (f->merge.at_once)
			pop_merge(f, now_ns);
	} else if (by_numbers(f)) {
		l->bare_refused++;
		packet_unref(pkt);
	} else if (pkt->has_rtp) {
		merge_push(&l->order, 0, pkt, now_ns);
		if (l->order.at_once)
			pop_leg(f, leg, now_ns);
	} else {
		l->bare_delivered++;
		l->bare_lost += pkt->missing;
		flow_pass_leg(f, leg, pkt, pkt->missing, false, now_ns);
	}
}

void
flow_take_fec(struct flow *f, unsigned leg, struct packet *pkt, int64_t now_ns)
{
	struct flow_leg *l = &f->leg[leg];

	l->fec++;
	repair_take(by_numbers(f) ? f->repair : l->repair, by_numbers(f) ? leg : 0, pkt,
	    now_ns);
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

/* Legs that are further from the others than the window. */
static void
tell_apart(struct flow *f)
{
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (f->leg[i].used && content_apart(&f->content, i))
			f->event(f->arg, json_pack("{s:s, s:i, s:I, s:I}", "event", "apart",
			    "leg", (int)i, "behind_ms",
			    (json_int_t)(f->content.leg[i].apart_ns / (CLK_SECOND / 1000)),
			    "window_ms",
			    (json_int_t)(f->content.window_ns / (CLK_SECOND / 1000))));
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
	if (f->config.by_content) {
		pop_content(f, now_ns);
		tell_apart(f);
	}
	if (f->config.health)
		flow_look(f, now_ns);
	if (tswatch_told(&f->watch, now_ns))
		tell_loss(f);
}

int64_t
flow_next(const struct flow *f)
{
	int64_t first = by_numbers(f) ? merge_deadline(&f->merge) : INT64_MAX, next;

	if (f->config.by_content)
		first = content_deadline(&f->content);
	for (unsigned i = 0; !by_numbers(f) && i < FLOW_LEGS; i++)
		if (f->leg[i].used && (next = merge_deadline(&f->leg[i].order)) < first)
			first = next;
	return first;
}

int64_t
flow_deadline(const struct flow *f)
{
	int64_t next = fan_deadline(&f->fan), first = flow_next(f);

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
	end_part(f, now_ns);
	send_waiting(f);
	if (f->watch.loss.open)
		tell_loss(f);
}

const struct merge *
flow_merge(const struct flow *f, unsigned leg, unsigned *number)
{
	*number = by_numbers(f) ? leg : 0;
	return by_numbers(f) ? &f->merge : &f->leg[leg].order;
}

const struct repair *
flow_repair(const struct flow *f, unsigned leg)
{
	return !f->leg[leg].has_fec ? NULL : by_numbers(f) ? f->repair : f->leg[leg].repair;
}

bool
flow_ledger_ok(const struct flow *f)
{
	if (f->repair != NULL && !repair_ledger_ok(f->repair))
		return false;
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
		    m->delivered + m->by_row + m->by_column + l->bare_delivered != l->passed + l->stood_by +
		    l->standby.kept ||
		    (l->has_order && !merge_ledger_ok(&l->order)) ||
		    (l->repair != NULL && (l->fec != l->repair->taken ||
		    !repair_ledger_ok(l->repair))))
			return false;
	}
	return true;
}
