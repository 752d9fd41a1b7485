#include <inttypes.h>
#include <string.h>

#include "ingest/hlsmerge.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/pes.h"
#include "lib/media/timeline.h"

#define LATE		(3 * CLK_90K)	/* units of another track that come later go */
#define EARLY		(CLK_90K / 10)	/* audio may begin so long before video */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
forget_times(struct hlsmerge *m)
{
	for (unsigned i = 0; i < SOURCE_STREAMS_MAX; i++)
		m->last_dts[i] = INT64_MIN;
}

void
hlsmerge_init(struct hlsmerge *m, struct source *s, struct hlspace *pace)
{
	*m = (struct hlsmerge){ .s = s, .pace = pace, .ref = INT64_MIN };
	forget_times(m);
}

void
hlsmerge_add(struct hlsmerge *m, struct hlstrack *track, const char *language)
{
	struct hlsinput *in = &m->in[m->ninput++];

	in->track = track;
	in->units = hlsunits_new(m->s->name, language);
}

void
hlsmerge_clear(struct hlsmerge *m)
{
	for (unsigned i = 0; i < m->ninput; i++)
		hlsunits_free(m->in[i].units);
}

void
hlsmerge_rewind(struct hlsmerge *m)
{
	for (unsigned i = 0; i < m->ninput; i++) {
		struct hlsinput *in = &m->in[i];

		hlsunits_clear(in->units);
		in->seg = NULL;
		in->have = in->ended = false;
		in->known = 0;
	}
	m->started = false;
	m->offset = m->last = 0;
	forget_times(m);
}

static void
unwrap(struct hlsmerge *m, struct hlsinput *in)
{
	int64_t delta;

	if (in->unit.dts == SOURCE_NO_TIME) {
		in->have = m->ref != INT64_MIN;	/* a section too early */
		in->pts = in->dts = m->ref;
		return;
	}
	in->dts = timeline_unwrap(m->ref, in->unit.dts);
	delta = (in->unit.pts - in->unit.dts) & (PES_WRAP - 1);
	in->pts = in->dts + (delta < PES_WRAP / 2 ? delta : delta - PES_WRAP);
	if (m->ref == INT64_MIN)
		m->ref = in->dts;
}

/* Have the next unit of a track ready, if it is there. */
static void
peek(struct hlsmerge *m, struct hlsinput *in)
{
	while (!in->have && !in->ended) {
		if (in->seg == NULL) {
			switch (hlstrack_front(in->track, &in->seg)) {
			case HLSTRACK_WAIT:
				in->seg = NULL;
				return;
			case HLSTRACK_END:
				in->ended = true;
				return;
			case HLSTRACK_READY:
				break;
			}
			if (in->seg->period != in->period) {
				hlsunits_clear(in->units);
				in->known = 0;
			}
			in->period = in->seg->period;
			in->first = true;
			if (in == m->in && m->s->live)
				hlspace_segment(m->pace, in->track);
			if (hlsunits_segment(in->units, in->seg) < 0) {
				log_warn(0, "segment %" PRId64 " of '%s' cannot be read",
				    in->seg->number, m->s->name);
				in->track->useless++;
			}
		}
		if (hlsunits_next(in->units, &in->unit) > 0) {
			in->have = true;
			in->stalled = false;
			unwrap(m, in);
			continue;
		}
		hlstrack_pop(in->track);
		in->seg = NULL;
	}
}

/* Give the streams that have none a place in the table. */
static void
place_streams(struct hlsmerge *m, struct hlsinput *in)
{
	for (; in->known < in->units->nstream; in->known++) {
		if (m->nstream == SOURCE_STREAMS_MAX)
			fatal(EXIT_INPUT, 0, "'%s' has too many streams", m->s->name);
		in->place[in->known] = m->nstream;
		m->stream[m->nstream++] = in->units->stream[in->known];
		m->say_streams = true;
	}
	m->leader = 0;
	for (unsigned i = m->nstream; i-- > 0;)
		if (codec_kind(m->stream[i].codec) == KIND_VIDEO)
			m->leader = i;
}

/* The stream of cues; -1: there is none. */
static int
cue_place(const struct hlsmerge *m)
{
	for (unsigned i = 0; i < m->nstream; i++)
		if (m->stream[i].codec == CODEC_SCTE35)
			return (int)i;
	return -1;
}

/* Give those of the playlist a place, if the segments have none for cues. */
static void
place_cues(struct hlsmerge *m)
{
	if (!hlscues_wanted(m->cues) || cue_place(m) >= 0 ||
	    m->nstream == SOURCE_STREAMS_MAX)
		return;
	m->stream[m->nstream++] = (struct source_stream){ .codec = CODEC_SCTE35,
	    .rate = { 0, 0 } };
	m->say_streams = true;
}

/* Another period: of live it is said, else the timeline goes on. */
static void
begin_period(struct hlsmerge *m, const struct hlsinput *best)
{
	const struct hlsinput *lead = m->in[0].have && m->in[0].period == best->period ?
	    &m->in[0] : best;
	int64_t first = lead->unit.dts;

	m->period = best->period;
	m->nstream = 0;
	if (lead->unit.dts != SOURCE_NO_TIME)
		m->ref = lead->unit.dts;
	for (unsigned i = 0; i < m->ninput; i++) {
		struct hlsinput *in = &m->in[i];

		if (in->have && in->period == m->period) {
			unwrap(m, in);
			in->known = 0;
			place_streams(m, in);
		}
	}
	if (m->started) {
		m->breaks++;
		m->say_break = m->s->live;
		hlspace_break(m->pace);
		if (m->s->live) {
			forget_times(m);
		} else {
			hlsunits_first_video(lead->units, lead->seg, &first);
			if (first != SOURCE_NO_TIME)
				m->offset = m->last + m->step -
				    timeline_unwrap(m->ref, first);
		}
	}
	m->start_pts = lead->pts;
	m->started = true;
}

/* The track whose unit comes next; NULL: not yet known. */
static struct hlsinput *
choose(struct hlsmerge *m, int64_t *wake)
{
	int64_t now = clk_mono_ns(), patience = m->in[0].track->target_ns;
	struct hlsinput *best = NULL;
	bool waiting = false;

	for (unsigned i = 0; i < m->ninput; i++) {
		struct hlsinput *in = &m->in[i];

		peek(m, in);
		if (in->have && (best == NULL || in->period < best->period ||
		    (in->period == best->period && in->dts < best->dts)))
			best = in;
		waiting |= !in->have && !in->ended && !in->stalled;
	}
	/* When the variant has ended, its audio has some time left to do so. */
	if (m->in[0].ended)
		patience *= HLSTRACK_HOLD;
	else if (best == NULL)
		waiting = false;
	if (!waiting) {
		m->waiting_ns = 0;
		return best;
	}
	/* A track that is late must not stop a live source for ever. */
	if (m->waiting_ns == 0)
		m->waiting_ns = now;
	if (!m->s->live || (!m->in[0].have && !m->in[0].ended) ||
	    now - m->waiting_ns < patience) {
		if (m->s->live)
			*wake = earlier(*wake, m->waiting_ns + patience);
		return NULL;
	}
	for (unsigned i = 1; i < m->ninput; i++)
		if (!m->in[i].have && !m->in[i].ended) {
			log_warn(0, "a rendition of '%s' is late: going on without it",
			    m->s->name);
			m->in[i].stalled = true;
		}
	m->waiting_ns = 0;
	return best;
}

/* What goes before a unit.  False: nothing. */
static bool
announce(struct hlsmerge *m, struct source_event *ev)
{
	if (m->say_break) {
		m->say_break = false;
		ev->what = SOURCE_BREAK;
	} else if (m->say_streams) {
		m->say_streams = false;
		ev->what = SOURCE_STREAMS;
		ev->streams = m->stream;
		ev->nstream = m->nstream;
	} else if (m->say_clock) {
		m->say_clock = false;
		ev->what = SOURCE_CLOCK;
		ev->pts = m->clock_pts;
		ev->utc_ns = m->clock_utc_ns;
	} else {
		return false;
	}
	return true;
}

static bool
all_ended(const struct hlsmerge *m)
{
	for (unsigned i = 0; i < m->ninput; i++)
		if (!m->in[i].ended && !(m->in[i].stalled && m->in[0].ended))
			return false;
	return true;
}

/* Units from before the start, from long ago, or that overlap go. */
static bool
fits(const struct hlsmerge *m, const struct hlsinput *in, unsigned place)
{
	if (in->unit.dts == SOURCE_NO_TIME)
		return true;
	if (in != m->in && in->pts < m->start_pts - EARLY)
		return false;
	if (codec_kind(m->stream[place].codec) == KIND_AUDIO &&
	    in->dts + m->offset <= m->last_dts[place])
		return false;
	return in->dts > m->ref - LATE;
}

/* The first unit of a segment. */
static void
begin_segment(struct hlsmerge *m, struct hlsinput *in)
{
	in->first = false;
	if (in != m->in)
		return;
	hlscues_begin(m->cues, in->seg);
	if (m->s->live && in->seg->date_ns != HLS_NO_DATE) {
		m->say_clock = true;
		m->clock_pts = in->pts;
		m->clock_utc_ns = in->seg->date_ns;
	}
}

static void
give_section(struct hlsmerge *m, struct source_event *ev, unsigned place,
    const uint8_t *section, size_t len, int64_t dts)
{
	ev->what = SOURCE_UNIT;
	ev->stream = place;
	ev->data = section;
	ev->len = len;
	ev->pts = SOURCE_NO_TIME;
	ev->dts = dts + m->offset;
	ev->random_access = false;
	ev->utc_ns = m->s->live ? clk_utc_ns() : 0;
}

/* A cue of the playlist that is due before a unit. */
static bool
give_cue(struct hlsmerge *m, struct source_event *ev, const struct hlsinput *in)
{
	const uint8_t *section;
	int place = cue_place(m);
	size_t len;

	if (place < 0 || !hlscues_next(m->cues, m->period, in->dts, m->offset, &section,
	    &len))
		return false;
	give_section(m, ev, (unsigned)place, section, len, in->dts);
	return true;
}

/* A cue of the segments: it moves as all times do. */
static bool
pass_cue(struct hlsmerge *m, struct source_event *ev, struct hlsinput *in,
    unsigned place)
{
	size_t len = in->unit.len;

	in->have = false;
	if (hlscues_instead(m->cues) || len > sizeof(m->section))
		return false;
	memcpy(m->section, in->unit.data, len);
	scte35_move(m->section, len, m->offset);
	give_section(m, ev, place, m->section, len, in->dts);
	return true;
}

bool
hlsmerge_event(struct hlsmerge *m, struct source_event *ev, int64_t *wake)
{
	struct hlsinput *in;
	unsigned place;
	int64_t at;

	for (;;) {
		if ((in = choose(m, wake)) == NULL) {
			if (!all_ended(m))
				return false;
			ev->what = SOURCE_END;
			return true;
		}
		if (!m->started || in->period != m->period)
			begin_period(m, in);
		place_streams(m, in);
		place = in->place[in->unit.stream];
		if (in->first)
			begin_segment(m, in);
		place_cues(m);
		if (announce(m, ev) || give_cue(m, ev, in))
			return true;
		if (m->stream[place].codec == CODEC_SCTE35) {
			if (pass_cue(m, ev, in, place))
				return true;
			continue;
		}
		if (fits(m, in, place))
			break;
		m->late += in->pts >= m->start_pts - EARLY;
		in->have = false;
	}
	at = hlspace_due(m->pace, in->dts);
	if (at > clk_mono_ns()) {
		*wake = earlier(*wake, at);
		return false;
	}
	if (in->dts > m->ref)
		m->ref = in->dts;
	m->last_dts[place] = in->dts + m->offset;
	if (place == m->leader) {
		int64_t step = in->dts + m->offset - m->last;

		if (step > 0 && step < CLK_90K)
			m->step = step;
		m->last = in->dts + m->offset;
	}
	hlspace_given(m->pace, in->dts, at);
	ev->what = SOURCE_UNIT;
	ev->stream = place;
	ev->data = in->unit.data;
	ev->len = in->unit.len;
	ev->pts = in->unit.pts == SOURCE_NO_TIME ? SOURCE_NO_TIME : in->pts + m->offset;
	ev->dts = in->unit.dts == SOURCE_NO_TIME ? SOURCE_NO_TIME : in->dts + m->offset;
	ev->random_access = in->unit.random_access;
	ev->utc_ns = m->s->live ? clk_utc_ns() : 0;
	in->have = false;
	return true;
}
