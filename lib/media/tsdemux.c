#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/timeline.h"
#include "lib/media/tsdemux_private.h"

#define PCR_BACK	(INT64_C(1) * 90000)	/* behind what has been read: a jump */
#define HEADER_WITHIN	1024		/* bytes: 9 + 255 and a packet's payload */
#define TRUST_AFTER	2		/* PES packets that stuffing ended */

int
tsdemux_init(struct tsdemux *d)
{
	struct tsdemux_private *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	memset(d, 0, sizeof(*d));
	ts_sync_init(&d->sync);
	psi_collect_init(&v->pat);
	v->pid[0].kind = PID_PAT;
	v->pid[EBP_CLOCK_PID].kind = PID_CLOCK;
	v->ref = INT64_MIN;
	d->private = v;
	return 0;
}

static void
free_gone(struct tsdemux_private *v)
{
	while (v->ngone > 0)
		tsdemux_stream_free(v->gone[--v->ngone]);
}

void
tsdemux_free(struct tsdemux *d)
{
	struct tsdemux_private *v = d->private;

	if (v == NULL)
		return;
	free_gone(v);
	for (unsigned i = 0; i < d->nstream; i++)
		tsdemux_stream_free(d->stream[i]);
	for (unsigned i = 0; i < d->nprogram; i++)
		free(v->program[i]);
	free(v);
	d->private = NULL;
	d->nstream = d->nprogram = 0;
}

struct tsdemux_stream *
tsdemux_find(const struct tsdemux *d, uint16_t pid)
{
	for (unsigned i = 0; i < d->nstream; i++)
		if (d->stream[i]->pid == pid)
			return d->stream[i];
	return NULL;
}

static bool
emit(struct tsdemux_event *ev, enum tsdemux_event_type type,
    struct tsdemux_stream *s)
{
	*ev = (struct tsdemux_event){
		.type = type, .stream = s, .pts = PES_NO_TIME, .dts = PES_NO_TIME,
		.pid = s != NULL ? s->pid : 0,
	};
	return true;
}

static bool
jumped(int64_t from, int64_t to, int64_t back)
{
	return to - from > TIMELINE_JUMP_FORWARD || from - to > back;
}

/* All streams are unwrapped around one reference, so they stay together. */
static int64_t
unwrap(struct tsdemux_private *v, int64_t wire)
{
	v->ref = timeline_unwrap(v->ref, wire);
	return v->ref;
}

static void
unit_times(struct tsdemux *d, struct tsdemux_stream *s,
    const struct pes_header *h, struct tsdemux_event *ev)
{
	struct tsdemux_state *st = s->state;

	if (h->pts == PES_NO_TIME)
		return;
	ev->dts = unwrap(d->private, h->dts);
	ev->pts = timeline_unwrap(ev->dts, h->pts);
	if (st->last_dts != INT64_MIN && codec_kind(s->codec) != KIND_DATA &&
	    jumped(st->last_dts, ev->dts, TIMELINE_JUMP_BACK)) {
		ev->discontinuity = true;
		d->jumps++;
	}
	st->last_dts = ev->dts;
}

/* The collected PES packet is whole, or as whole as it will be. */
static bool
end_unit(struct tsdemux *d, struct tsdemux_stream *s, struct tsdemux_event *ev)
{
	struct tsdemux_state *st = s->state;
	struct pes_header h;
	size_t end = st->len;

	st->open = false;
	if (pes_parse(st->buf, st->len, &h) != 1 || h.header_len > st->len) {
		st->len = 0;
		st->damaged = true;	/* said with the next unit */
		d->damaged++;
		return false;
	}
	if (st->total > 0 && st->total < end)
		end = st->total;
	emit(ev, TSDEMUX_UNIT, s);
	ev->data = st->buf + h.header_len;
	ev->len = end - h.header_len;
	ev->random_access = st->random_access;
	ev->discontinuity = st->discontinuity;
	ev->torn = st->torn || st->total > end;
	ev->damaged = st->damaged || ev->torn;
	ev->has_ebp = st->has_ebp;
	ev->ebp = st->ebp;
	unit_times(d, s, &h, ev);
	s->units++;
	d->damaged += ev->damaged;
	st->discontinuity = st->damaged = false;
	d->private->lent = s;
	return true;
}

static void
begin_unit(struct tsdemux_state *st, const struct ts_packet *pkt)
{
	st->open = true;
	st->torn = false;
	st->len = st->total = 0;
	st->closed_by_stuffing = st->last_stuffed = st->stuffed_before = false;
	st->random_access = pkt->random_access;
	st->has_ebp = pkt->priv != NULL &&
	    ebp_parse(pkt->priv, pkt->priv_len, &st->ebp) == 0;
}

static int
append(struct tsdemux_state *st, const uint8_t *p, size_t len)
{
	if (st->len + len > st->size) {
		size_t size = st->size == 0 ? 16384 : 2 * st->size;
		uint8_t *buf = realloc(st->buf, size);

		if (buf == NULL)
			return -ENOMEM;
		st->buf = buf;
		st->size = size;
	}
	if (len > 0)
		memcpy(st->buf + st->len, p, len);
	st->len += len;
	return 0;
}

/* Is the unit whole with what it has now? */
static bool
whole(struct tsdemux_state *st)
{
	struct pes_header h;

	if (st->total == 0 && st->len < HEADER_WITHIN &&
	    pes_parse(st->buf, st->len, &h) == 1 && h.payload_len > 0)
		st->total = h.header_len + h.payload_len;
	if (st->total > 0)
		return st->len >= st->total;
	if (st->len >= TSDEMUX_UNIT_MAX)
		return st->damaged = st->torn = true;
	st->closed_by_stuffing = st->last_stuffed && !st->distrust &&
	    st->shown >= TRUST_AFTER;
	return st->closed_by_stuffing;
}

/* A unit of unknown length ended since the next begins: did stuffing say so? */
static void
learn(struct tsdemux_state *st)
{
	if (st->total > 0 || st->damaged)
		return;
	if (st->last_stuffed && !st->stuffed_before)
		st->shown++;
	else
		st->distrust = true;
}

static bool
carries_pes(const struct tsdemux_stream *s)
{
	return s->state->sections == NULL && (s->codec != CODEC_UNKNOWN ||
	    s->stream_type == 0x06 || s->stream_type >= 0x80);
}

/* Returns 1 with an event, 0, or -ENOMEM. */
static int
take_payload(struct tsdemux *d, struct tsdemux_stream *s,
    struct tsdemux_event *ev)
{
	struct tsdemux_state *st = s->state;
	const struct ts_packet *pkt = &d->private->pkt;

	if (pkt->unit_start) {
		begin_unit(st, pkt);
	} else if (!st->open) {
		if (st->closed_by_stuffing && !pkt->lost) {
			/* It was not the end: believe this stream no more. */
			st->distrust = st->damaged = true;
			st->closed_by_stuffing = false;
		}
		return 0;
	}
	st->stuffed_before |= st->last_stuffed;
	st->last_stuffed = pkt->stuffed;
	if (append(st, pkt->payload, pkt->payload_len) < 0)
		return -ENOMEM;
	return whole(st) && end_unit(d, s, ev);
}

static int
take_sections(struct tsdemux *d, struct tsdemux_stream *s,
    struct tsdemux_event *ev)
{
	const uint8_t *section;
	size_t len;
	int r;

	while ((r = psi_collect_next(s->state->sections, &d->private->pkt,
	    &section, &len)) < 0) {
		d->crc_errors++;
		if (d->bad_sections)
			break;
	}
	if (r == 0)
		return 0;
	emit(ev, TSDEMUX_SECTION, s);
	ev->damaged = r < 0;
	ev->data = section;
	ev->len = len;
	s->units++;
	return 1;
}

static int
take_pcr(struct tsdemux *d, struct tsdemux_event *ev)
{
	struct tsdemux_private *v = d->private;
	int64_t base = v->pkt.pcr / 300;

	emit(ev, TSDEMUX_PCR, NULL);
	ev->pid = v->pkt.pid;
	ev->discontinuity = v->pkt.discontinuity;
	if (v->ref != INT64_MIN &&
	    jumped(v->ref, timeline_unwrap(v->ref, base), PCR_BACK))
		ev->discontinuity = true;
	ev->pcr = unwrap(v, base) * 300 + v->pkt.pcr % 300;
	ev->has_arrival = v->has_arrival;
	ev->arrival_ntp = v->arrival_ntp;
	v->has_arrival = false;
	return 1;
}

static void
take_clock(struct tsdemux *d)
{
	struct tsdemux_private *v = d->private;
	struct ebp ebp;

	if (v->pkt.priv == NULL ||
	    ebp_parse(v->pkt.priv, v->pkt.priv_len, &ebp) < 0)
		return;
	d->clock = ebp.has_time ? TSDEMUX_LIVE : TSDEMUX_NOT_LIVE;
	v->has_arrival = ebp.has_time;
	v->arrival_ntp = ebp.ntp;
}

/* What the packet says besides its payload. */
static void
note_flags(struct tsdemux *d, const struct pid_entry *e)
{
	const struct ts_packet *pkt = &d->private->pkt;
	struct tsdemux_stream *s;

	if (e->kind != PID_STREAM)
		return;
	s = d->stream[e->index];
	if (pkt->lost) {
		s->lost++;
		s->state->damaged = true;
		s->state->torn = s->state->open;
	}
}

/* Work on the packet until there is an event.  1, 0 done with it, -ENOMEM. */
static int
work(struct tsdemux *d, struct tsdemux_event *ev)
{
	struct tsdemux_private *v = d->private;
	const struct pid_entry *e = &v->pid[v->pkt.pid];
	struct tsdemux_stream *s;
	int r;

	switch (v->stage) {
	case STAGE_PCR:
		note_flags(d, e);
		v->stage = e->kind == PID_PAT || e->kind == PID_PMT ?
		    STAGE_TABLES : STAGE_END_UNIT;
		if (e->pcr && v->pkt.pcr != TS_NO_PCR)
			return take_pcr(d, ev);
		return work(d, ev);
	case STAGE_TABLES:
		if (v->pkt.payload == NULL || v->pkt.scrambled ||
		    tsdemux_collect_tables(d) == 0)
			return 0;
		v->stage = STAGE_APPLY;
		/* FALLTHROUGH */
	case STAGE_APPLY:
		while ((s = tsdemux_doomed(d)) != NULL)
			if (end_unit(d, s, ev))
				return 1;
		r = tsdemux_apply_table(d);
		e = &v->pid[v->pkt.pid];	/* it may be another's now */
		v->stage = e->kind == PID_PAT || e->kind == PID_PMT ?
		    STAGE_TABLES : STAGE_IDLE;
		if (r > 0)
			emit(ev, TSDEMUX_STREAMS, NULL);
		return r != 0 || v->stage == STAGE_IDLE ? r : work(d, ev);
	case STAGE_END_UNIT:
		if (e->kind == PID_CLOCK)
			take_clock(d);
		if (e->kind != PID_STREAM || v->pkt.scrambled)
			return 0;
		s = d->stream[e->index];
		v->stage = STAGE_PAYLOAD;
		if (v->pkt.unit_start && !v->pkt.duplicate && s->state->open) {
			learn(s->state);
			r = end_unit(d, s, ev);
			s->state->damaged |= v->pkt.lost;
			if (r != 0)
				return r;
		}
		/* FALLTHROUGH */
	case STAGE_PAYLOAD:
		s = d->stream[e->index];
		if (s->state->sections != NULL)
			return take_sections(d, s, ev);
		v->stage = STAGE_IDLE;
		s->state->discontinuity |= v->pkt.discontinuity;
		if (v->pkt.payload == NULL || v->pkt.duplicate || !carries_pes(s))
			return 0;
		return take_payload(d, s, ev);
	case STAGE_IDLE:
		break;
	}
	return 0;
}

/* The caller may drop the packet's bytes before we are done with it. */
static void
stash(struct tsdemux_private *v)
{
	struct ts_packet *pkt = &v->pkt;

	if (v->stage == STAGE_IDLE || pkt->data == v->raw)
		return;
	memcpy(v->raw, pkt->data, TS_PACKET);
	if (pkt->payload != NULL)
		pkt->payload = v->raw + (pkt->payload - pkt->data);
	if (pkt->priv != NULL)
		pkt->priv = v->raw + (pkt->priv - pkt->data);
	pkt->data = v->raw;
}

static void
damaged_packet(struct tsdemux *d, const struct ts_packet *pkt)
{
	const struct pid_entry *e = &d->private->pid[pkt->pid];

	if (e->kind == PID_STREAM)
		d->stream[e->index]->state->damaged =
		    d->stream[e->index]->state->torn = true;
}

static int
flush(struct tsdemux *d, struct tsdemux_event *ev)
{
	for (unsigned i = 0; i < d->nstream; i++) {
		struct tsdemux_stream *s = d->stream[i];

		if (s->state->open && s->state->len > 0 && end_unit(d, s, ev))
			return 1;
	}
	return 0;
}

int
tsdemux_next(struct tsdemux *d, const uint8_t *p, size_t len, size_t *used,
    struct tsdemux_event *ev)
{
	struct tsdemux_private *v = d->private;
	size_t n;
	int r;

	*used = 0;
	if (v->lent != NULL) {
		/* Not open any more, unless its next unit has begun since. */
		if (!v->lent->state->open)
			v->lent->state->len = 0;
		v->lent = NULL;
	}
	free_gone(v);
	for (;;) {
		if (v->stage != STAGE_IDLE) {
			r = work(d, ev);
			if (r != 0) {
				stash(v);
				return r;
			}
			v->stage = STAGE_IDLE;
		}
		d->sync.eof = d->eof;
		r = ts_sync_next(&d->sync, p + *used, len - *used, &n, &v->pkt);
		*used += n;
		if (r == 0)
			return d->eof ? flush(d, ev) : 0;
		if (r < 0)
			damaged_packet(d, &v->pkt);
		else
			v->stage = STAGE_PCR;
	}
}
