#include <errno.h>

#include "ingest/hlssplice.h"
#include "lib/base/clk.h"
#include "lib/base/rational.h"

#define DURATION_MAX	((INT64_C(1) << 33) - 1)

/*
 * Types of which the even one begins a break, and the next ends it: all that
 * something else may be played for.  An overlay is shown above the programme.
 */
static bool
is_break(uint8_t type)
{
	switch (type & 0xfe) {
	case 0x22:			/* break */
	case 0x30: case 0x32:		/* advertisement */
	case 0x34: case 0x36:		/* placement opportunity */
	case 0x3c: case 0x3e:		/* promo */
	case 0x44: case 0x46:		/* ad block */
		return true;
	default:
		return false;
	}
}

static void
read_signal(const struct scte35 *s, enum hlscue_what *what, uint32_t *event_id)
{
	for (unsigned i = 0; i < s->ndescriptor; i++) {
		const struct scte35_descriptor *d = &s->descriptor[i];

		if (!d->known || d->tag != SCTE35_SEGMENTATION || d->seg.cancel ||
		    !is_break(d->seg.type_id) || *what == HLSCUE_STARTS)
			continue;
		if ((d->seg.type_id & 1) != 0 && *what == HLSCUE_ENDS)
			continue;
		*what = (d->seg.type_id & 1) != 0 ? HLSCUE_ENDS : HLSCUE_STARTS;
		*event_id = d->seg.event_id;
	}
}

int
hlssplice_read(struct scte35 *s, const uint8_t *section, size_t len,
    enum hlscue_what *what, uint32_t *event_id)
{
	if (scte35_parse(section, len, s) < 0)
		return -EBADMSG;
	if (s->encrypted)
		return -ENOTSUP;
	*what = HLSCUE_BY_SECTION;
	*event_id = 0;
	if (s->command == SCTE35_SPLICE_INSERT) {
		*event_id = s->insert.id;
		if (!s->insert.cancel)
			*what = s->insert.out_of_network ? HLSCUE_STARTS : HLSCUE_ENDS;
	} else if (s->command == SCTE35_TIME_SIGNAL) {
		read_signal(s, what, event_id);
	}
	return 0;
}

/* ---- times */

static int64_t
ticks(int64_t ns)
{
	int64_t t = rescale_near(ns, CLK_90K, CLK_SECOND);

	return t < 0 ? 0 : t > DURATION_MAX ? DURATION_MAX : t;
}

/* What begins a break in the descriptors, from *i on; NULL: nothing more. */
static struct scte35_segmentation *
next_start(struct scte35 *s, unsigned *i)
{
	for (; *i < s->ndescriptor; ++*i) {
		struct scte35_descriptor *d = &s->descriptor[*i];

		if (d->known && d->tag == SCTE35_SEGMENTATION && !d->seg.cancel &&
		    is_break(d->seg.type_id) && (d->seg.type_id & 1) == 0) {
			++*i;
			return &d->seg;
		}
	}
	return NULL;
}

/* A time that is one: what is to happen at once happens at the segment. */
static void
specify(struct scte35 *s, struct scte35_time *t)
{
	if (t->specified)
		return;
	t->specified = true;
	t->cleared = 0;
	t->pts = (0 - s->pts_adjustment) & DURATION_MAX;	/* 0, adjusted */
}

static uint64_t
specify_insert(struct scte35 *s)
{
	struct scte35_event *e = &s->insert;

	for (unsigned i = 0; !e->program && !e->immediate && i < e->ncomponent; i++)
		if (s->component[e->component + i].time.specified)
			return scte35_pts(s, &s->component[e->component + i].time);
	if (!e->program || e->immediate)
		e->time.specified = false;
	e->program = true;
	e->immediate = false;
	e->ncomponent = 0;
	specify(s, &e->time);
	return scte35_pts(s, &e->time);
}

/* Write x->s, with a time, whatever it is. */
static void
put(struct hlssplice *x)
{
	struct scte35 *s = &x->s;
	int n;

	x->pts = 0;
	if (s->command == SCTE35_SPLICE_INSERT && !s->insert.cancel) {
		x->pts = specify_insert(s);
	} else if (s->command == SCTE35_TIME_SIGNAL) {
		specify(s, &s->signal);
		x->pts = scte35_pts(s, &s->signal);
	}
	n = scte35_put(s, x->section, sizeof(x->section));
	x->len = n > 0 ? (size_t)n : 0;
}

/* ---- binary */

int64_t
hlssplice_duration(struct hlssplice *x, const struct hlsmark *m)
{
	struct scte35 *s = &x->s;
	const struct scte35_segmentation *seg;
	unsigned i = 0;

	if (m->len == 0 || scte35_parse(m->section, m->len, s) < 0)
		return HLSCUE_UNKNOWN;
	if (s->command == SCTE35_SPLICE_INSERT && s->insert.has_duration)
		return rescale_near((int64_t)s->insert.duration.duration, CLK_SECOND,
		    CLK_90K);
	while ((seg = next_start(s, &i)) != NULL)
		if (seg->has_duration)
			return rescale_near((int64_t)seg->duration, CLK_SECOND, CLK_90K);
	return HLSCUE_UNKNOWN;
}

void
hlssplice_pass(struct hlssplice *x, const struct hlsmark *m)
{
	x->len = 0;
	if (scte35_parse(m->section, m->len, &x->s) == 0)
		put(x);
}

void
hlssplice_out(struct hlssplice *x, const struct hlsmark *m, int64_t left_ns, bool late)
{
	struct scte35 *s = &x->s;
	struct scte35_segmentation *seg;
	unsigned i = 0;

	x->len = 0;
	if (scte35_parse(m->section, m->len, s) < 0)
		return;
	if (left_ns != HLSCUE_UNKNOWN && s->command == SCTE35_SPLICE_INSERT &&
	    (late || !s->insert.has_duration)) {
		if (!s->insert.has_duration)
			s->insert.duration = (struct scte35_break){ .auto_return = true };
		s->insert.has_duration = true;
		s->insert.duration.duration = (uint64_t)ticks(left_ns);
	}
	while (left_ns != HLSCUE_UNKNOWN && s->command == SCTE35_TIME_SIGNAL &&
	    (seg = next_start(s, &i)) != NULL)
		if (late || !seg->has_duration) {
			seg->has_duration = true;
			seg->duration = (uint64_t)ticks(left_ns);
		}
	put(x);
}

void
hlssplice_end(struct hlssplice *x, const struct hlsmark *m)
{
	struct scte35 *s = &x->s;
	struct scte35_segmentation *seg;
	unsigned i = 0;

	x->len = 0;
	if (scte35_parse(m->section, m->len, s) < 0)
		return;
	if (s->command == SCTE35_SPLICE_INSERT) {
		s->insert.out_of_network = false;
		s->insert.has_duration = false;
	}
	while ((seg = next_start(s, &i)) != NULL) {
		seg->type_id |= 1;
		seg->has_duration = seg->has_sub = false;
	}
	put(x);
}

/* ---- made */

static void
make(struct hlssplice *x, uint32_t id, uint8_t avail_num)
{
	scte35_init(&x->s);
	x->s.cw_index = 0xff;
	x->s.command = SCTE35_SPLICE_INSERT;
	x->s.insert = (struct scte35_event){
		.id = id, .program = true, .id_compliance = true,
		.unique_program_id = 1, .avail_num = avail_num,
	};
}

void
hlssplice_make_out(struct hlssplice *x, uint32_t id, uint8_t avail_num, int64_t left_ns)
{
	make(x, id, avail_num);
	x->s.insert.out_of_network = true;
	if (left_ns != HLSCUE_UNKNOWN) {
		x->s.insert.has_duration = true;
		x->s.insert.duration.auto_return = true;
		x->s.insert.duration.duration = (uint64_t)ticks(left_ns);
	}
	put(x);
}

void
hlssplice_make_in(struct hlssplice *x, uint32_t id, uint8_t avail_num)
{
	make(x, id, avail_num);
	put(x);
}
