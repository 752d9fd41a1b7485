#include <inttypes.h>
#include <string.h>

#include "encode/cues.h"
#include "lib/base/log.h"
#include "lib/media/cuetrack.h"
#include "lib/media/pes.h"

#define MASK	(PES_WRAP - 1)
#define TOO_LATE	INT64_C(90000)	/* past its picture: no longer the next one */
#define AGAIN	(INT64_C(5) * 90000)	/* "now" said twice within this is one */
#define SLACK	2		/* ticks that rounding may move a picture by */
#define LATE_TOLD	10		/* messages */

/* A message on its way through. */
struct take {
	struct cues *c;
	const struct cues_now *now;
	struct scte35 *s;
	int64_t	 asked;			/* its splice by the source; PES_NO_TIME: now */
	int64_t	 t;			/* and the picture */
};

void
cues_init(struct cues *c, const struct condition *wanted, struct splices *s)
{
	*c = (struct cues){ .wanted = wanted, .splices = s };
}

int64_t
cues_picture(const struct grid *g, int64_t t)
{
	int64_t k = grid_picture(g, t);
	int64_t before = t - grid_time(g, k - 1) - SLACK;

	if (2 * before * g->rate.num <= 90000 * g->rate.den)
		k--;
	return grid_time(g, k);
}

static int64_t
grid_pts(const struct take *m, const struct scte35_time *time)
{
	uint64_t pts = scte35_pts(m->s, time);

	return pts == SCTE35_NULL_PTS ? PES_NO_TIME :
	    timeline_unwrap(m->now->next, (int64_t)pts);
}

/* When a message takes effect: its time, or the earliest of its components'. */
static int64_t
splice_time(const struct take *m)
{
	const struct scte35_event *e = &m->s->insert;
	int64_t first = PES_NO_TIME;

	if (m->s->command == SCTE35_TIME_SIGNAL)
		return grid_pts(m, &m->s->signal);
	if (e->immediate)
		return PES_NO_TIME;
	if (e->program)
		return grid_pts(m, &e->time);
	for (unsigned i = 0; i < e->ncomponent; i++) {
		int64_t t = grid_pts(m, &m->s->component[e->component + i].time);

		if (t != PES_NO_TIME && (first == PES_NO_TIME || t < first))
			first = t;
	}
	return first;
}

/* ---- which picture */

/*
 * The picture for the message, whose first event has this key.  One that has gone by
 * for so long that it is no use to act now keeps its time: the message tells what is
 * going on.
 */
static int64_t
choose(struct take *m, struct splice_key key)
{
	const struct splice *had = splices_find(m->c->splices, key);
	int64_t next = m->now->next, t;

	if (had != NULL && had->asked == m->asked &&
	    (m->asked != PES_NO_TIME || next - had->t < AGAIN))
		return had->t;
	if (m->asked == PES_NO_TIME)
		return next;
	t = cues_picture(&m->now->grid, m->asked);
	if (t >= next)
		return t;
	if (next - t < TOO_LATE)
		return next;
	if (m->c->late++ < LATE_TOLD)
		log_warn(0, "a %s comes %" PRId64 " s after its picture",
		    scte35_command_name(m->s->command), (next - t) / 90000);
	return t;
}

static void
arm(struct take *m, struct splice_key key, int64_t asked, int64_t t)
{
	struct splice one = { .key = key, .asked = asked, .t = t };

	if (!splices_put(m->c->splices, &one) && m->c->splices->overflow == 1)
		log_warn(0, "more than %d splices to come: the last are left out",
		    SPLICES_MAX);
}

static struct splice_key
with_role(struct splice_key key, enum splice_role role)
{
	key.role = role;
	return key;
}

/* "Now" is not said twice if the opposite was said in between. */
static void
begins_anew(struct take *m, struct splice_key key)
{
	const struct splice *had = splices_find(m->c->splices, key);

	if (had != NULL && had->asked == PES_NO_TIME)
		splices_drop(m->c->splices, key);
}

/* An event begins: at its end by *duration, if there is one, a picture as well. */
static void
starts(struct take *m, struct splice_key key, uint64_t *duration)
{
	struct splice_key end = with_role(key, SPLICE_END);
	const struct splice *stop;
	int64_t asked, t;

	begins_anew(m, with_role(key, SPLICE_STOP));
	arm(m, key, m->asked, m->t);
	splices_drop(m->c->splices, end);
	if (duration == NULL)
		return;
	asked = (m->asked != PES_NO_TIME ? m->asked : m->t) + (int64_t)*duration;
	t = cues_picture(&m->now->grid, asked);
	if (t <= m->t)
		return;
	*duration = (uint64_t)(t - m->t);
	stop = splices_find(m->c->splices, with_role(key, SPLICE_STOP));
	if (stop == NULL || stop->t <= m->t)	/* else it is known to end otherwise */
		arm(m, end, asked, t);
}

/* It ends, whatever its duration was. */
static void
stops(struct take *m, struct splice_key key)
{
	begins_anew(m, with_role(key, SPLICE_START));
	splices_drop(m->c->splices, with_role(key, SPLICE_END));
	arm(m, key, m->asked, m->t);
}

/* ---- the two commands */

static struct splice_key
insert_key(const struct scte35 *s)
{
	return (struct splice_key){
		.role = s->insert.out_of_network ? SPLICE_START : SPLICE_STOP,
		.type = CUE_SPLICE, .id = s->insert.id,
	};
}

static void
take_insert(struct take *m)
{
	struct scte35_event *e = &m->s->insert;
	struct splice_key key = insert_key(m->s);

	m->t = choose(m, key);
	if (e->out_of_network)
		starts(m, key, e->has_duration ? &e->duration.duration : NULL);
	else
		stops(m, key);
}

static struct splice_key
segment_key(const struct scte35_segmentation *seg)
{
	const struct cue_rule *rule = cue_rule(seg->type_id);
	bool stop = rule->action == CUE_FINISH;

	return (struct splice_key){
		.role = stop ? SPLICE_STOP : SPLICE_START,
		.type = stop ? rule->of : seg->type_id, .num = seg->num,
		.id = seg->event_id,
	};
}

/* The next segmentation from *i on that is not cancelled, or NULL. */
static struct scte35_segmentation *
next_segment(struct scte35 *s, unsigned *i)
{
	while (*i < s->ndescriptor) {
		struct scte35_descriptor *d = &s->descriptor[(*i)++];

		if (d->known && d->tag == SCTE35_SEGMENTATION && !d->seg.cancel)
			return &d->seg;
	}
	return NULL;
}

static void
take_signal(struct take *m)
{
	struct scte35_segmentation *seg;
	unsigned i = 0;

	seg = next_segment(m->s, &i);
	if (seg == NULL) {		/* a signal without a name: its time is it */
		struct splice_key key = {
			.type = SPLICES_SIGNAL, .id = (uint32_t)m->asked,
		};

		m->t = choose(m, key);
		arm(m, key, m->asked, m->t);
		return;
	}
	m->t = choose(m, segment_key(seg));
	for (; seg != NULL; seg = next_segment(m->s, &i)) {
		struct splice_key key = segment_key(seg);

		if (key.role == SPLICE_STOP)
			stops(m, key);
		else
			starts(m, key, cue_type_is_break(seg->type_id) &&
			    seg->has_duration ? &seg->duration : NULL);
	}
}

/* ---- what goes out */

static void
set_time(const struct take *m, struct scte35_time *time)
{
	time->specified = true;
	time->cleared = 0;
	time->pts = (uint64_t)(m->t - (int64_t)m->s->pts_adjustment) & MASK;
}

/* The message takes effect with its picture: moved as a whole, or now with a time. */
static void
set_times(struct take *m)
{
	struct scte35_event *e = &m->s->insert;

	if (m->asked != PES_NO_TIME) {
		m->s->pts_adjustment = (m->s->pts_adjustment +
		    (uint64_t)(m->t - m->asked)) & MASK;
		return;
	}
	if (m->s->command == SCTE35_TIME_SIGNAL) {
		set_time(m, &m->s->signal);
		return;
	}
	e->immediate = false;
	if (e->program)
		set_time(m, &e->time);
	for (unsigned i = 0; i < e->ncomponent; i++)
		set_time(m, &m->s->component[e->component + i].time);
}

/* A cancelled event has no pictures any more. */
static void
cancel(struct cues *c, const struct scte35 *s)
{
	if (s->command == SCTE35_SPLICE_INSERT && s->insert.cancel)
		splices_cancel(c->splices, true, s->insert.id);
	for (unsigned i = 0; i < s->ndescriptor; i++)
		if (s->descriptor[i].known && s->descriptor[i].tag == SCTE35_SEGMENTATION &&
		    s->descriptor[i].seg.cancel)
			splices_cancel(c->splices, false, s->descriptor[i].seg.event_id);
}

/* Returns its length, or 0: it goes out with its times moved. */
static size_t
condition(struct cues *c, const struct cues_now *now,
    uint8_t out[static SCTE35_SECTION_MAX])
{
	struct take m = { .c = c, .now = now, .s = &c->section };
	int n;

	m.s->pts_adjustment = (m.s->pts_adjustment + (uint64_t)now->shift) & MASK;
	m.asked = splice_time(&m);
	if (m.s->command == SCTE35_SPLICE_INSERT)
		take_insert(&m);
	else
		take_signal(&m);
	set_times(&m);
	n = scte35_put(m.s, out, SCTE35_SECTION_MAX);
	return n > 0 ? (size_t)n : 0;
}

size_t
cues_take(struct cues *c, const struct cues_now *now, const uint8_t *p, size_t len,
    uint8_t out[static SCTE35_SECTION_MAX])
{
	struct scte35 *s = &c->section;
	size_t n;

	if (len > SCTE35_SECTION_MAX)
		len = SCTE35_SECTION_MAX;
	c->taken++;
	if (now->grid.pictures > 0 && scte35_parse(p, len, s) == 0 && !s->encrypted) {
		splices_forget(c->splices, now->next);
		cancel(c, s);
		if (condition_wants(c->wanted, s) && (n = condition(c, now, out)) > 0)
			return n;
	}
	memcpy(out, p, len);
	scte35_move(out, len, now->shift);
	return len;
}
