#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/hlscues.h"
#include "ingest/hlsplan.h"
#include "ingest/hlsscan.h"
#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/scte35.h"
#include "lib/media/timeline.h"

#define WAITING_MAX	64
#define AHEAD_NS	((HLSCUES_LEAD + CLK_90K) / CLK_90K * CLK_SECOND)
#define BRIEF		(CLK_90K / 4)	/* ahead: once is enough */

struct cue {
	int64_t	 number;		/* of the segment, by the playlist */
	int64_t	 offset;		/* after its first picture */
	bool	 known;			/* these are: */
	int64_t	 at, period;		/* the segment that it is */
	int64_t	 pts, dts;		/* of its first picture, 33 bits */
	unsigned sent;
	int64_t	 lead;			/* of the first that was sent */
	uint64_t section_pts;
	size_t	 len;
	uint8_t	*section;
};

struct hlscues {
	const char *name;
	struct hlstrack *track;
	enum hls_cues from;
	struct hlsplan *plan;
	bool	 began, wanted;
	bool	 native;		/* the stream has cues of its own: ours are not used */
	int64_t	 number, period;	/* of the segment that is being sent */
	unsigned n;
	struct cue cue[WAITING_MAX];
	uint64_t messages, left_out;
	uint8_t	 out[SCTE35_SECTION_MAX];
};

/* ---- what the playlist says */

static void
take_message(void *arg, const struct hlsplan_message *m)
{
	struct hlscues *c = arg;
	struct cue *q = &c->cue[c->n];
	uint8_t *section;

	if (c->n == WAITING_MAX) {
		if (c->left_out++ == 0)
			log_warn(0, "'%s' has too many ad markers: some are left out",
			    c->name);
		return;
	}
	if ((section = malloc(m->len)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	memcpy(section, m->section, m->len);
	*q = (struct cue){ .number = m->number, .offset = m->offset,
	    .section_pts = m->pts, .len = m->len, .section = section };
	c->n++;
}

static void
take_segment(void *arg, const struct hls *list, size_t index, bool again)
{
	struct hlscues *c = arg;

	if (again)
		hlsplan_join(c->plan, false);
	c->wanted = c->wanted || hlsplan_sees(list);
	if (c->wanted)
		c->track->ahead_ns = AHEAD_NS;
	hlsplan_segment(c->plan, list, index, c->began ? c->number : INT64_MIN);
}

struct hlscues *
hlscues_new(const char *name, struct hlstrack *track, enum hls_cues from)
{
	struct hlscues *c = calloc(1, sizeof(*c));

	if (c == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	c->name = name;
	c->track = track;
	c->from = from;
	c->plan = hlsplan_new(name, take_message, c);
	track->asked = take_segment;
	track->asked_arg = c;
	return c;
}

static void
drop(struct hlscues *c, unsigned i)
{
	free(c->cue[i].section);
	c->n--;
	memmove(&c->cue[i], &c->cue[i + 1], (c->n - i) * sizeof(c->cue[0]));
}

void
hlscues_free(struct hlscues *c)
{
	if (c == NULL)
		return;
	while (c->n > 0)
		drop(c, c->n - 1);
	hlsplan_free(c->plan);
	free(c);
}

void
hlscues_rewind(struct hlscues *c)
{
	if (c == NULL)
		return;
	while (c->n > 0)
		drop(c, c->n - 1);
	c->began = false;
	hlsplan_join(c->plan, true);
}

/* ---- what is being sent */

void
hlscues_begin(struct hlscues *c, const struct hlstrack_segment *seg)
{
	if (c == NULL)
		return;
	c->began = true;
	c->number = seg->number;
	c->period = seg->period;
	if (c->wanted && c->from == HLS_CUES_ANY)
		c->native = hlsscan_has_cues(seg);
	while (c->native && c->n > 0)
		drop(c, c->n - 1);
}

bool
hlscues_wanted(const struct hlscues *c)
{
	return c != NULL && c->began && c->wanted && !c->native;
}

bool
hlscues_instead(const struct hlscues *c)
{
	return c != NULL && c->from == HLS_CUES_PLAYLIST;
}

bool
hlscues_waiting(const struct hlscues *c)
{
	return c != NULL && c->n > 0;
}

/* Find the time of a cue, when its segment, or the next that there is, is there. */
static void
find_time(struct hlscues *c, struct cue *q)
{
	const struct hlstrack_segment *seg;

	while (!q->known && hlstrack_from(c->track, q->number, &seg)) {
		q->known = hlsscan_begin(seg, &q->pts, &q->dts);
		q->at = seg->number;
		q->period = seg->period;
		if (!q->known)
			q->number = seg->number + 1;
	}
}

/* Is it due?  -1: it never will be again. */
static int
is_due(const struct hlscues *c, struct cue *q, int64_t dts)
{
	int64_t at;

	if (!q->known || q->period > c->period)
		return 0;
	if (q->period < c->period)
		return -1;
	if (q->at <= c->number && q->offset == 0)
		return q->sent == 0 ? 1 : -1;
	if (dts == SOURCE_NO_TIME)
		return 0;
	at = timeline_unwrap(dts, q->dts) + q->offset;
	if (dts >= at)
		return -1;
	if (q->sent > 0)
		return dts >= at - q->lead * (HLSCUES_TIMES - q->sent) / HLSCUES_TIMES;
	q->lead = at - dts;
	return q->lead <= HLSCUES_LEAD;
}

bool
hlscues_next(struct hlscues *c, int64_t period, int64_t dts, int64_t offset,
    const uint8_t **section, size_t *len)
{
	for (unsigned i = 0; hlscues_wanted(c) && period == c->period && i < c->n;) {
		struct cue *q = &c->cue[i];
		int due;

		find_time(c, q);
		due = is_due(c, q, dts);
		if (due > 0) {
			q->sent++;
			*section = c->out;
			*len = q->len;
			memcpy(c->out, q->section, q->len);
			scte35_move(c->out, q->len,
			    q->pts + q->offset + offset - (int64_t)q->section_pts);
			c->messages++;
		}
		if (due < 0)
			c->left_out += q->sent == 0;
		if (due < 0 || q->sent == HLSCUES_TIMES || (q->sent > 0 && q->lead < BRIEF))
			drop(c, i);
		else
			i++;
		if (due > 0)
			return true;
	}
	return false;
}

void
hlscues_stats(const struct hlscues *c, json_t *o)
{
	uint64_t left_out = c->left_out + hlsplan_left_out(c->plan);

	json_object_set_new(o, "hls_breaks",
	    json_integer((json_int_t)hlsplan_breaks(c->plan)));
	json_object_set_new(o, "hls_cues", json_integer((json_int_t)c->messages));
	json_object_set_new(o, "hls_markers_left_out",
	    json_integer((json_int_t)left_out));
}
