#include "encode/epoch.h"
#include "lib/base/rational.h"
#include "lib/media/timeline.h"

#define NS	INT64_C(1000000000)
#define CLOCK	INT64_C(90000)
#define BELIEVE	3		/* consistent timestamps make a new timeline */
#define NEAR	(2 * CLOCK)	/* later may come by the clock, when others were shown */
#define FRAME	INT64_C(3600)	/* what to go forward by, if nothing says */

void
epoch_init(struct epoch *e)
{
	*e = (struct epoch){ .last_t = PES_NO_TIME, .filled_t = PES_NO_TIME };
}

static int64_t
distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

void
epoch_pcr(struct epoch *e, int64_t pcr_90k, int64_t utc_ns, bool stamped)
{
	struct epoch_part *p = &e->now;
	int64_t raw;

	e->has_pcr = true;
	e->pcr_90k = pcr_90k;
	e->pcr_utc_ns = utc_ns;
	e->stamped = stamped;
	if (!p->set || p->exact || !stamped)
		return;
	raw = timeline_unwrap(p->ref, pcr_90k & (PES_WRAP - 1));
	if (distance(raw, p->ref) > 2 * EPOCH_JUMP)
		return;
	p->error_ns = rescale_near(raw + p->off, NS, CLOCK) - utc_ns;
	p->exact = true;
}

/* UTC of a raw time, by the last PCR if that belongs to the same timeline. */
static int64_t
utc_of(const struct epoch *e, int64_t raw, int64_t fresh_ns)
{
	int64_t pcr;

	if (!e->has_pcr)
		return fresh_ns;
	pcr = timeline_unwrap(raw, e->pcr_90k & (PES_WRAP - 1));
	if (distance(pcr, raw) > 2 * EPOCH_JUMP)
		return fresh_ns;
	return e->pcr_utc_ns + rescale_near(raw - pcr, NS, CLOCK);
}

/* The offset of a source that comes at raw where others were shown in its place. */
static int64_t
offset_behind(const struct epoch *e, int64_t raw, int64_t off)
{
	int64_t from = e->filled_t - raw;

	if (e->now.set && e->now.off >= from && e->now.off < from + NEAR)
		return e->now.off;
	from += EPOCH_LEAD;
	if (off >= from && off < from + NEAR)
		return off;
	return from >= 0 ? (from + CLOCK - 1) / CLOCK * CLOCK : from / CLOCK * CLOCK;
}

/* Begin a new stretch at this raw time; what comes must be later than at_least. */
static void
begin(struct epoch *e, int64_t raw, int64_t at_least, int64_t fresh_ns)
{
	struct epoch_part p = { .set = true, .ref = raw };

	if (e->mode == EPOCH_FILE) {
		p.off = (e->now.set ? at_least : EPOCH_FILE_START) - raw;
	} else {
		int64_t utc = utc_of(e, raw, fresh_ns);

		p.off = timeline_offset(raw, utc);
		if (e->filled_t != PES_NO_TIME)
			p.off = offset_behind(e, raw, p.off);
		while (e->now.set && raw + p.off < at_least)
			p.off += TIMELINE_ROUND;
		p.error_ns = rescale_near(raw + p.off, NS, CLOCK) - utc;
		p.exact = e->has_pcr && e->stamped;
	}
	p.start = raw + p.off;
	if (e->now.set)
		e->breaks++;
	e->before = e->now;
	e->now = p;
	e->wild = 0;
}

static int64_t
accept(struct epoch *e, struct epoch_part *p, struct epoch_stream *s, int64_t raw)
{
	int64_t t = raw + p->off;

	p->ref = raw;
	s->switched = false;
	s->started = true;
	s->last_t = t;
	if (e->last_t == PES_NO_TIME || t > e->last_t)
		e->last_t = t;
	return t;
}

int64_t
epoch_time(struct epoch *e, struct epoch_stream *s, int64_t pts, bool announced,
    int64_t fresh_ns)
{
	int64_t wire = pts & (PES_WRAP - 1), raw, at_least;

	if (!e->now.set)
		begin(e, wire, 0, fresh_ns);
	raw = timeline_unwrap(e->now.ref, wire);
	/* Pre-roll ends where it came from, so that does not move. */
	if (s->switched && s->started && raw + e->now.off <= s->last_t &&
	    s->last_t - (raw + e->now.off) <= EPOCH_PREROLL)
		return raw + e->now.off;
	if (distance(raw, e->now.ref) <= EPOCH_JUMP) {
		/* Back by more than reordering explains: a loop that was not told. */
		if (!s->started || s->switched || s->last_t - (raw + e->now.off) < CLOCK ||
		    s->last_t < e->now.start)
			return accept(e, &e->now, s, raw);
	} else if (e->before.set && (!s->started || s->last_t < e->now.start)) {
		int64_t old = timeline_unwrap(e->before.ref, wire);

		if (distance(old, e->before.ref) <= EPOCH_JUMP)
			return accept(e, &e->before, s, old);
	}
	if (!announced) {
		int64_t near = timeline_unwrap(e->wild_ref, wire);

		e->wild = e->wild > 0 && distance(near, e->wild_ref) < CLOCK ?
		    e->wild + 1 : 1;
		e->wild_ref = e->wild == 1 ? wire : near;
		e->wild_total++;
		if (e->wild < BELIEVE)
			return PES_NO_TIME;
		e->wild_total -= BELIEVE;
	}
	at_least = s->started ? s->last_t + FRAME * (announced ? 1 : BELIEVE) :
	    e->last_t;
	if (e->mode != EPOCH_FILE && at_least < e->last_t)
		at_least = e->last_t;
	begin(e, raw, at_least, fresh_ns);
	return accept(e, &e->now, s, raw);
}

void
epoch_filled(struct epoch *e, int64_t t)
{
	e->filled_t = t;
}

int64_t
epoch_utc_ns(const struct epoch *e, int64_t t)
{
	const struct epoch_part *p = e->before.set && t < e->now.start ?
	    &e->before : &e->now;

	return rescale_near(t, NS, CLOCK) - p->error_ns;
}
