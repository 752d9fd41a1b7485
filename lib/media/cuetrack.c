#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/cuetrack.h"
#include "lib/media/timeline.h"

/* One thing that a message says. */
struct signal {
	const struct cue_rule *rule;
	uint16_t type;
	uint32_t id;
	uint8_t	 num, expected;
	int64_t	 at, now;
	int64_t	 duration;
	bool	 auto_return, not_restricted;
	bool	 timeless;		/* at is only when it came */
	const uint8_t *section;
	size_t	 len;
};

static void
cue_clear(struct cuetrack *t, struct cue *c)
{
	t->bytes -= c->out.len + c->in.len + c->update.len;
	free(c->out.p);
	free(c->in.p);
	free(c->update.p);
	c->out = c->in = c->update = (struct cue_message){ .p = NULL };
}

void
cuetrack_free(struct cuetrack *t)
{
	for (size_t i = 0; i < t->n; i++)
		cue_clear(t, &t->cue[i]);
	free(t->cue);
	t->cue = NULL;
	t->n = t->cap = 0;
}

static void
drop(struct cuetrack *t, size_t i)
{
	cue_clear(t, &t->cue[i]);
	t->n--;
	memmove(&t->cue[i], &t->cue[i + 1], (t->n - i) * sizeof(t->cue[0]));
}

void
cuetrack_forget(struct cuetrack *t, int64_t before)
{
	for (size_t i = t->n; i-- > 0;)
		if (t->cue[i].end < before)
			drop(t, i);
}

enum cue_state
cue_state(const struct cue *c, int64_t now)
{
	return now < c->start ? CUE_ANNOUNCED : now < c->end ? CUE_RUNNING : CUE_ENDED;
}

const char *
cue_end_name(enum cue_end why)
{
	static const char *const name[] = {
		[CUE_END_OPEN] = "open", [CUE_END_DURATION] = "ends by its duration",
		[CUE_END_EXPIRED] = "expires", [CUE_END_CUE] = "ended by its cue",
		[CUE_END_EARLY] = "ended early", [CUE_END_OUTER] = "ended from outside",
		[CUE_END_NEXT] = "ended by the next", [CUE_END_CANCELLED] = "cancelled",
		[CUE_END_LIMIT] = "ended by the limit", [CUE_END_POINT] = "a point",
	};

	return name[why];
}

/* ---- what is done to an event */

static bool
is_message(const struct cue_message *m, const struct signal *s)
{
	return m->len == s->len && memcmp(m->p, s->section, s->len) == 0;
}

static int
keep_message(struct cuetrack *t, struct cue_message *m, const struct signal *s)
{
	uint8_t *p;

	if (is_message(m, s))
		return 0;
	if ((p = malloc(s->len)) == NULL)
		return -ENOMEM;
	memcpy(p, s->section, s->len);
	free(m->p);
	t->bytes += s->len - m->len;
	*m = (struct cue_message){ p, s->len };
	return 0;
}

static int
set_end(struct cue *c, int64_t end, enum cue_end why)
{
	if (end < c->start)
		end = c->start;
	if (c->end == end && c->why == why)
		return 0;
	c->end = end;
	c->why = why;
	return 1;
}

/* The end that it has by itself. */
static int
set_duration(const struct cuetrack *t, struct cue *c, int64_t from, int64_t duration)
{
	if (duration != CUE_NEVER) {
		c->duration = from + duration > c->start ? from + duration - c->start : 0;
		return set_end(c, from + duration, c->auto_return ? CUE_END_DURATION :
		    CUE_END_EXPIRED);
	}
	c->duration = CUE_NEVER;
	if (t->limit > 0 && cue_type_is_break(c->type))
		return set_end(c, c->start + t->limit, CUE_END_LIMIT);
	return set_end(c, CUE_NEVER, CUE_END_OPEN);
}

/* There is no room for one more, which is counted. */
static bool
is_full(struct cuetrack *t, size_t len)
{
	size_t max = t->max > 0 ? t->max : CUETRACK_MAX;
	bool full = t->n >= max || t->bytes + len > max * CUETRACK_BYTES;

	t->overflow += full;
	return full;
}

static struct cue *
add(struct cuetrack *t, const struct signal *s)
{
	uint8_t *section;
	size_t i;

	if (t->n == t->cap) {
		size_t cap = t->cap * 2 + 16;
		struct cue *p = realloc(t->cue, cap * sizeof(*p));

		if (p == NULL)
			return NULL;
		t->cue = p;
		t->cap = cap;
	}
	if ((section = malloc(s->len)) == NULL)
		return NULL;
	memcpy(section, s->section, s->len);
	for (i = t->n; i > 0 && t->cue[i - 1].start > s->at; i--)
		;
	memmove(&t->cue[i + 1], &t->cue[i], (t->n - i) * sizeof(t->cue[0]));
	t->n++;
	t->bytes += s->len;
	t->cue[i] = (struct cue){
		.serial = ++t->serial, .type = s->type, .id = s->id, .num = s->num,
		.expected = s->expected, .start = s->at, .end = s->at,
		.planned = CUE_NEVER, .duration = CUE_NEVER, .auto_return = s->auto_return,
		.not_restricted = s->not_restricted, .why = CUE_END_POINT,
		.out = { section, s->len },
	};
	return &t->cue[i];
}

/* The newest event of this kind and, unless it is NULL, id that has not ended at a time. */
static struct cue *
find(struct cuetrack *t, uint16_t of, const uint32_t *id, int64_t at)
{
	for (size_t i = t->n; i-- > 0;) {
		struct cue *c = &t->cue[i];

		if (cue_rule(c->type)->of == of && (id == NULL || c->id == *id) &&
		    c->end > at)
			return c;
	}
	return NULL;
}

/*
 * End what began before, does not end before, and is deeper.  A splice_insert knows of no
 * segmentations: only where nothing else would end it.
 */
static int
end_nested(struct cuetrack *t, const struct cue_rule *r, int64_t at)
{
	int changed = 0;

	for (size_t i = 0; i < t->n && r->outer; i++) {
		struct cue *c = &t->cue[i];

		if (cue_rule(c->type)->level > r->level && c->start < at && c->end > at &&
		    (c->type != CUE_SPLICE || c->duration == CUE_NEVER))
			changed |= set_end(c, at, CUE_END_OUTER);
	}
	return changed;
}

/* Opportunities may lie in each other, so that of them only one without an end ends. */
static int
end_previous(struct cuetrack *t, const struct cue_rule *r, uint64_t but, int64_t at)
{
	int changed = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct cue *c = &t->cue[i];
		bool endless = c->why == CUE_END_OPEN || c->why == CUE_END_LIMIT;

		if (cue_rule(c->type)->of == r->of && c->serial != but && c->start < at &&
		    c->end > at && (r->previous == CUE_PREVIOUS_ENDS ||
		    (r->previous == CUE_PREVIOUS_ENDLESS && endless)))
			changed |= set_end(c, at, CUE_END_NEXT);
	}
	return changed;
}

/* What was ended by an event at this time, which is not there any more. */
static void
undo_ends(struct cuetrack *t, int64_t at)
{
	for (size_t i = 0; i < t->n; i++) {
		struct cue *c = &t->cue[i];

		if (c->end == at && (c->why == CUE_END_NEXT || c->why == CUE_END_OUTER))
			set_duration(t, c, c->start, c->duration);
	}
}

/* ---- the four actions, and the cancelling of one */

static void
move_start(struct cuetrack *t, struct cue *c, int64_t start)
{
	struct cue moved = *c;
	size_t i = (size_t)(c - t->cue);

	moved.start = start;
	for (; i + 1 < t->n && t->cue[i + 1].start <= start; i++)
		t->cue[i] = t->cue[i + 1];
	for (; i > 0 && t->cue[i - 1].start > start; i--)
		t->cue[i] = t->cue[i - 1];
	t->cue[i] = moved;
}

static bool
ends_by_itself(const struct cue *c)
{
	return c->why == CUE_END_OPEN || c->why == CUE_END_DURATION ||
	    c->why == CUE_END_EXPIRED || c->why == CUE_END_LIMIT;
}

/* An event that is announced again: as it is, moved, or with another end. */
static int
begin_again(struct cuetrack *t, struct cue *c, const struct signal *s)
{
	uint64_t serial = c->serial;
	int64_t start = c->start;

	if ((s->timeless && (is_message(&c->out, s) || is_message(&c->update, s))) ||
	    (s->at == start &&
	    (!ends_by_itself(c) || (s->duration == c->duration &&
	    s->auto_return == c->auto_return))))
		return 0;
	if (keep_message(t, start > s->now ? &c->out : &c->update, s) < 0)
		return -ENOMEM;
	c->auto_return = s->auto_return;
	if (start <= s->now)
		c->updates++;
	if (s->at != start && start > s->now) {
		undo_ends(t, start);
		move_start(t, c, s->at);
		for (c = t->cue; c->serial != serial; c++)
			;
		end_previous(t, s->rule, serial, s->at);
		end_nested(t, s->rule, s->at);
	}
	set_duration(t, c, s->at, s->duration);
	if (c->start > s->now)
		c->planned = c->duration;
	return 1;
}

/* One that has begun at that very time, and has ended or been cancelled. */
static struct cue *
find_past(struct cuetrack *t, const struct signal *s)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->cue[i].start == s->at && t->cue[i].id == s->id &&
		    t->cue[i].type == s->type && t->cue[i].num == s->num)
			return &t->cue[i];
	return NULL;
}

static int
begin(struct cuetrack *t, const struct signal *s)
{
	struct cue *c = find(t, s->rule->of, &s->id, s->at), *past;

	if (c != NULL && c->num == s->num)
		return begin_again(t, c, s);
	if ((past = find_past(t, s)) != NULL) {
		if (past->why != CUE_END_CANCELLED)
			return 0;		/* said once more */
		drop(t, (size_t)(past - t->cue));
		c = find(t, s->rule->of, &s->id, s->at);
	}
	if (c != NULL)				/* the next of several */
		set_end(c, s->at, CUE_END_NEXT);
	if (is_full(t, s->len))
		return 0;
	if ((c = add(t, s)) == NULL)
		return -ENOMEM;
	set_duration(t, c, s->at, s->duration);
	c->planned = c->duration;
	end_previous(t, s->rule, c->serial, s->at);
	end_nested(t, s->rule, s->at);
	return 1;
}

/*
 * An end overrides the duration, also when it comes later than that would be over.
 * What is over already cannot be ended.
 */
static int
finish(struct cuetrack *t, const struct signal *s)
{
	int64_t open = s->now < s->at ? s->now : s->at;
	struct cue *c = find(t, s->rule->of, &s->id, open - 1);
	int changed;

	if (c == NULL && s->rule->of == CUE_SPLICE)	/* whose id is wrong: what is out? */
		c = find(t, CUE_SPLICE, NULL, open - 1);
	if (c == NULL || c->start > s->at) {
		for (size_t i = 0; i < t->n; i++)	/* said before */
			if (is_message(&t->cue[i].in, s))
				return 0;
		t->unknown++;
		return 0;
	}
	if ((s->rule->last && s->expected != 0 && s->num != s->expected) ||
	    (s->timeless && is_message(&c->in, s)))
		return 0;
	if (keep_message(t, &c->in, s) < 0)
		return -ENOMEM;
	changed = set_end(c, s->at, c->duration != CUE_NEVER &&
	    s->at < c->start + c->duration ? CUE_END_EARLY : CUE_END_CUE);
	return changed | end_nested(t, s->rule, s->at);
}

static int
retime(struct cuetrack *t, const struct signal *s)
{
	struct cue *c = find(t, s->rule->of, &s->id, s->at);

	if (c == NULL || s->duration == CUE_NEVER || is_message(&c->update, s))
		return 0;
	if (keep_message(t, &c->update, s) < 0)
		return -ENOMEM;
	c->updates++;
	return set_duration(t, c, s->at, s->duration);
}

static int
point(struct cuetrack *t, const struct signal *s)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->cue[i].type == s->type && t->cue[i].id == s->id &&
		    t->cue[i].start == s->at)
			return 0;
	if (is_full(t, s->len))
		return 0;
	return add(t, s) == NULL ? -ENOMEM : 1;
}

/* What has not begun never was; an end by a cue that has not come is withdrawn. */
static int
cancel(struct cuetrack *t, uint16_t kind, uint32_t id, int64_t now)
{
	int changed = 0;

	for (size_t i = t->n; i-- > 0;) {
		struct cue *c = &t->cue[i];

		if ((c->type == CUE_SPLICE) != (kind == CUE_SPLICE) || c->id != id ||
		    c->end <= now)
			continue;
		if (c->start > now) {
			undo_ends(t, c->start);
			changed |= set_end(c, c->start, CUE_END_CANCELLED);
		} else if (c->why == CUE_END_CUE || c->why == CUE_END_EARLY)
			changed |= set_duration(t, c, c->start, c->duration);
		else
			changed |= set_end(c, now, CUE_END_CANCELLED);
	}
	return changed;
}

static int
apply(struct cuetrack *t, const struct signal *s)
{
	switch (s->rule->action) {
	case CUE_BEGIN:
		return begin(t, s);
	case CUE_FINISH:
		return finish(t, s);
	case CUE_RETIME:
		return retime(t, s);
	default:
		return point(t, s);
	}
}

/* ---- messages */

/* On the caller's timeline; now, where no time is given. */
static int64_t
time_of(const struct cuetrack *k, const struct scte35 *s, const struct scte35_time *t,
    int64_t now)
{
	uint64_t pts = scte35_pts(s, t);

	return pts == SCTE35_NULL_PTS ? now :
	    timeline_unwrap(now - k->offset, (int64_t)pts) + k->offset;
}

/* In component mode all are meant to splice together: the first one's time. */
static int64_t
time_of_event(const struct cuetrack *k, const struct scte35 *s,
    const struct scte35_event *e, int64_t now)
{
	if (e->immediate)
		return now;
	if (!e->program && e->ncomponent > 0)
		return time_of(k, s, &s->component[e->component].time, now);
	return time_of(k, s, &e->time, now);
}

static int
take_insert(struct cuetrack *t, const struct scte35 *s, struct signal g)
{
	static const struct cue_rule in = {
		.type = CUE_SPLICE, .of = CUE_SPLICE, .action = CUE_FINISH, .level = 4,
	};
	const struct scte35_event *e = &s->insert;

	if (e->cancel)
		return cancel(t, CUE_SPLICE, e->id, g.now);
	g.rule = e->out_of_network ? cue_rule(CUE_SPLICE) : &in;
	g.type = CUE_SPLICE;
	g.id = e->id;
	g.num = e->avail_num;
	g.expected = e->avails_expected;
	g.at = time_of_event(t, s, e, g.now);
	g.timeless = g.at == g.now;
	if (e->has_duration) {
		g.duration = (int64_t)e->duration.duration;
		g.auto_return = e->duration.auto_return;
	}
	return apply(t, &g);
}

static int
take_segmentation(struct cuetrack *t, const struct scte35_segmentation *d, struct signal g)
{
	if (d->cancel)
		return cancel(t, d->type_id, d->event_id, g.now);
	g.rule = cue_rule(d->type_id);
	g.type = d->type_id;
	g.id = d->event_id;
	g.num = d->num;
	g.expected = d->expected;
	g.not_restricted = d->not_restricted;
	if (d->has_duration)
		g.duration = (int64_t)d->duration;
	return apply(t, &g);
}

int
cuetrack_take(struct cuetrack *t, const struct scte35 *s, const uint8_t *section,
    size_t len, int64_t now)
{
	struct signal g = {
		.now = now, .at = now, .duration = CUE_NEVER, .section = section, .len = len,
	};
	int changed = 0, r;
	unsigned n = 0;

	if (s->encrypted)
		return 0;
	if (s->command == SCTE35_SPLICE_INSERT)
		return take_insert(t, s, g);
	if (s->command != SCTE35_TIME_SIGNAL)
		return 0;
	g.at = time_of(t, s, &s->signal, now);
	g.timeless = g.at == now;
	for (unsigned i = 0; i < s->ndescriptor; i++) {
		const struct scte35_descriptor *d = &s->descriptor[i];

		if (!d->known || d->tag != SCTE35_SEGMENTATION)
			continue;
		if (++n > CUETRACK_SEGMENTS) {
			t->overflow++;
			break;
		}
		if ((r = take_segmentation(t, &d->seg, g)) < 0)
			return r;
		changed |= r;
	}
	return changed;
}

int
cuetrack_add(struct cuetrack *t, uint16_t type, const uint8_t *p, size_t len, int64_t at)
{
	struct signal g = {
		.rule = cue_rule(type), .type = type, .at = at, .now = at,
		.duration = CUE_NEVER, .section = p, .len = len,
	};

	for (size_t i = t->n; i > 0 && t->cue[i - 1].start >= at; i--)
		if (t->cue[i - 1].type == type && is_message(&t->cue[i - 1].out, &g))
			return 0;
	if (is_full(t, len))
		return 0;
	return add(t, &g) == NULL ? -ENOMEM : 1;
}
