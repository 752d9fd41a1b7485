#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/hlsmarks.h"
#include "ingest/hlsplan.h"
#include "ingest/hlssplice.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

#define OVERTIME	(10 * CLK_SECOND)	/* after its end a break may be another */

/* The break that is open. */
struct brk {
	bool	 open, announced;
	int64_t	 number;		/* where it began */
	int64_t	 begin_ns;		/* on the clock of the plan */
	int64_t	 duration_ns;		/* or HLSCUE_UNKNOWN */
	uint8_t	 avail_num;
	struct hlsmark mark;		/* that opened it; made: its event_id is ours */
};

struct hlsplan {
	const char *name;
	hlsplan_emit *emit;
	void	*arg;
	bool	 joined;
	bool	 silent;		/* a segment that we do not play */
	int64_t	 clock_ns;		/* begin of the segment: sum of those before */
	struct brk brk;
	struct brk owed;		/* open: it ended in a segment that we do not play */
	uint32_t event_id;		/* the last we gave */
	uint64_t breaks, told;
	struct hlsmarks *marks;
	struct hlssplice splice;
};

struct hlsplan *
hlsplan_new(const char *name, hlsplan_emit *emit, void *arg)
{
	struct hlsplan *p = calloc(1, sizeof(*p));

	if (p == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	p->name = name;
	p->emit = emit;
	p->arg = arg;
	p->marks = hlsmarks_new();
	return p;
}

void
hlsplan_free(struct hlsplan *p)
{
	if (p == NULL)
		return;
	hlsmarks_free(p->marks);
	free(p);
}

void
hlsplan_join(struct hlsplan *p, bool all)
{
	p->joined = false;
	if (!all)
		return;
	p->brk.open = p->owed.open = false;
	hlsmarks_forget(p->marks);
}

uint64_t
hlsplan_breaks(const struct hlsplan *p)
{
	return p->breaks;
}

uint64_t
hlsplan_left_out(const struct hlsplan *p)
{
	return p->marks->left_out;
}

bool
hlsplan_sees(const struct hls *list)
{
	if (list->nmarker > 0)
		return true;
	for (size_t i = 0; i < list->ndaterange; i++)
		if (hlsmarks_is_cue(list->daterange[i].attrs))
			return true;
	return false;
}

/* ---- messages */

static void
send(struct hlsplan *p, int64_t number, int64_t offset_ns)
{
	struct hlsplan_message m = {
		.number = number, .offset = rescale_near(offset_ns, CLK_90K, CLK_SECOND),
		.pts = p->splice.pts, .len = p->splice.len, .section = p->splice.section,
	};

	if (m.len > 0)
		p->emit(p->arg, &m);
}

/* elapsed_ns: what is gone of it. */
static void
announce(struct hlsplan *p, int64_t number, int64_t offset_ns, int64_t elapsed_ns)
{
	struct brk *b = &p->brk;
	int64_t left = HLSCUE_UNKNOWN;

	if (b->duration_ns != HLSCUE_UNKNOWN) {
		left = b->duration_ns - elapsed_ns;
		if (left <= 0 && elapsed_ns > 0) {	/* it is over */
			b->open = false;
			return;
		}
	}
	b->announced = true;
	b->avail_num = (uint8_t)(p->breaks++ % 255 + 1);
	if (b->mark.len > 0) {
		hlssplice_out(&p->splice, &b->mark, left, elapsed_ns > 0);
	} else {
		b->mark.event_id = ++p->event_id;
		hlssplice_make_out(&p->splice, b->mark.event_id, b->avail_num, left);
	}
	send(p, number, offset_ns);
}

static void
close_break(struct hlsplan *p, struct brk *b, int64_t number, int64_t offset_ns)
{
	b->open = false;
	if (b->mark.len > 0)
		hlssplice_end(&p->splice, &b->mark);
	else
		hlssplice_make_in(&p->splice, b->mark.event_id, b->avail_num);
	send(p, number, offset_ns);
}

/* As it is, at its time. */
static void
pass(struct hlsplan *p, const struct hlsmark *m)
{
	if (p->silent)
		return;
	hlssplice_pass(&p->splice, m);
	send(p, m->number, m->offset_ns);
}

/* ---- what happens */

static bool
overdue(const struct hlsplan *p)
{
	return p->brk.duration_ns != HLSCUE_UNKNOWN &&
	    p->clock_ns - p->brk.begin_ns > p->brk.duration_ns + OVERTIME;
}

/* Does a marker speak of the break that is open? */
static bool
same_break(const struct hlsplan *p, const struct hlsmark *m)
{
	const struct brk *b = &p->brk;

	if (!b->open)
		return false;
	if (m->len > 0 && b->mark.len > 0)
		return m->event_id == b->mark.event_id;
	if (m->what == HLSCUE_GOES_ON)
		return !overdue(p);
	return *m->id != '\0' && strcmp(m->id, b->mark.id) == 0;
}

static void
open_break(struct hlsplan *p, const struct hlsmark *m)
{
	struct brk *b = &p->brk;
	int64_t elapsed = m->elapsed_ns > 0 ? m->elapsed_ns : 0, own;

	if (same_break(p, m))
		return;
	/* A part of what is open already: an ad, or an opportunity within a break. */
	if (b->open && !m->by_tag && m->len > 0 && b->mark.len > 0 && !overdue(p)) {
		pass(p, m);
		return;
	}
	*b = (struct brk){ .open = true, .number = m->number, .mark = *m,
	    .begin_ns = p->clock_ns + m->offset_ns - elapsed,
	    .duration_ns = m->duration_ns };
	if ((own = hlssplice_duration(&p->splice, m)) != HLSCUE_UNKNOWN)
		b->duration_ns = own;
	if (!p->silent)
		announce(p, m->number, m->offset_ns, elapsed);
}

static void
end_break(struct hlsplan *p, const struct hlsmark *m)
{
	struct brk *b = &p->brk;
	bool ours = b->open && (m->len > 0 && b->mark.len > 0 ?
	    m->event_id == b->mark.event_id || m->by_tag :
	    *m->id == '\0' || *b->mark.id == '\0' || strcmp(m->id, b->mark.id) == 0);

	if (m->len > 0 && !(ours && p->silent && b->announced)) {
		pass(p, m);
		b->open = b->open && !ours;
		return;
	}
	if (!ours)
		return;
	if (p->silent && b->announced)
		p->owed = *b;
	if (p->silent || !b->announced)
		b->open = false;
	else
		close_break(p, b, m->number, m->offset_ns);
}

static void
take_marks(struct hlsplan *p)
{
	for (unsigned i = 0; i < p->marks->n; i++) {
		const struct hlsmark *m = &p->marks->mark[i];

		if (m->what == HLSCUE_ENDS)
			end_break(p, m);
		else if (m->what == HLSCUE_BY_SECTION)
			pass(p, m);
		else
			open_break(p, m);
	}
}

static void
go_on(struct hlsplan *p, int64_t duration_ns)
{
	/* After 146 years it begins anew. */
	p->clock_ns = p->clock_ns < INT64_MAX / 2 ? p->clock_ns + duration_ns : 0;
}

static void
take_segment(struct hlsplan *p, const struct hls *list, size_t i, int64_t begun)
{
	hlsmarks_read(p->marks, list, i, begun, p->silent || !p->joined);
	take_marks(p);
}

void
hlsplan_segment(struct hlsplan *p, const struct hls *list, size_t index, int64_t begun)
{
	const struct hls_segment *seg = &list->segment[index];

	if (!p->joined) {
		p->silent = true;
		for (size_t i = 0; i < index; i++) {
			take_segment(p, list, i, begun);
			go_on(p, list->segment[i].duration_ns);
		}
		p->silent = false;
	}
	if (p->owed.open)
		close_break(p, &p->owed, seg->number, 0);
	take_segment(p, list, index, begun);
	if (p->brk.open && !p->brk.announced)
		announce(p, seg->number, 0, p->clock_ns - p->brk.begin_ns);
	p->joined = true;
	go_on(p, seg->duration_ns);
	if (p->marks->left_out > 0 && p->told++ == 0)
		log_warn(0, "ad markers of '%s' are left out: they cannot be understood",
		    p->name);
}
