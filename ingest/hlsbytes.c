#include <inttypes.h>

#include "ingest/hlsbytes.h"
#include "ingest/hlsunits.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/timeline.h"
#include "lib/media/ts.h"

#define CHUNK		((size_t)1024 * TS_PACKET)

void
hlsbytes_init(struct hlsbytes *b, struct source *s, struct hlspace *pace,
    struct hlstrack *track, struct hlscues *cues)
{
	*b = (struct hlsbytes){ .s = s, .pace = pace, .track = track, .cues = cues,
	    .pcr_pid = TS_PID_NULL, .clock = INT64_MIN };
	s->cues = cues != NULL;
	s->only_cues = hlscues_instead(cues);
}

void
hlsbytes_rewind(struct hlsbytes *b)
{
	b->seg = NULL;
	b->started = b->pop = false;
	b->clock = INT64_MIN;
	b->map_id = 0;
}

static void
begin(struct hlsbytes *b, const struct hlstrack_segment *seg)
{
	int64_t dts;

	b->seg = seg;
	b->pos = 0;
	if (b->started && seg->period != b->period) {
		b->say_break = true;
		b->breaks++;
		hlspace_break(b->pace);
		b->pcr_pid = TS_PID_NULL;
		b->clock = INT64_MIN;
	} else if (b->started) {
		b->say_join = true;
	}
	b->started = true;
	b->period = seg->period;
	hlscues_begin(b->cues, seg);
	if (b->s->live)
		hlspace_segment(b->pace, b->track);
	if (b->s->live && seg->date_ns != HLS_NO_DATE &&
	    hlsunits_scan(seg, &b->clock_pts, &dts)) {
		b->say_clock = true;
		b->clock_utc_ns = seg->date_ns;
	}
}

/* An error page in the place of a segment, and the like, is left out. */
static enum hlstrack_state
next_segment(struct hlsbytes *b, const struct hlstrack_segment **seg)
{
	enum hlstrack_state state;

	while ((state = hlstrack_front(b->track, seg)) == HLSTRACK_READY &&
	    hlsunits_kind(*seg) != HLS_KIND_TS) {
		log_warn(0, "segment %" PRId64 " of '%s' is no transport stream: "
		    "left out", (*seg)->number, b->s->name);
		b->damaged++;
		b->track->useless++;
		hlstrack_pop(b->track);
	}
	return state;
}

/* From pos to the next PCR; *media is that at pos, if there is one. */
static size_t
next_chunk(struct hlsbytes *b, const struct hlstrack_segment *seg, int64_t *media)
{
	size_t sync = hlsunits_sync(seg->data, seg->len), i = b->pos;
	struct ts_packet pkt;

	if (i == 0 && sync < seg->len)
		i = sync;
	*media = SOURCE_NO_TIME;
	if (!b->s->live && !hlscues_waiting(b->cues))
		return seg->len;
	for (; i + TS_PACKET <= seg->len && i - b->pos < CHUNK; i += TS_PACKET) {
		if (ts_parse(seg->data + i, &pkt) < 0 || pkt.pcr == TS_NO_PCR)
			continue;
		if (b->pcr_pid == TS_PID_NULL)
			b->pcr_pid = pkt.pid;
		if (pkt.pid != b->pcr_pid)
			continue;
		if (i > b->pos)
			return i;
		*media = timeline_unwrap(b->clock, pkt.pcr / 300);
	}
	return i + TS_PACKET <= seg->len ? i : seg->len;
}

/* A cue of the playlist that is due at media, or that there will be some. */
static bool
give_cue(struct hlsbytes *b, struct source_event *ev, int64_t media)
{
	if (!hlscues_wanted(b->cues))
		return false;
	ev->what = SOURCE_CUE;
	ev->len = 0;
	if (!b->cued)
		return b->cued = true;
	return hlscues_next(b->cues, b->period, media, 0, &ev->data, &ev->len);
}

bool
hlsbytes_event(struct hlsbytes *b, struct source_event *ev, int64_t *wake)
{
	const struct hlstrack_segment *seg = b->seg;
	int64_t media, at;
	size_t end;

	if (b->pop) {
		hlstrack_pop(b->track);
		b->seg = seg = NULL;
		b->pop = false;
	}
	if (seg == NULL) {
		switch (next_segment(b, &seg)) {
		case HLSTRACK_WAIT:
			return false;
		case HLSTRACK_END:
			ev->what = SOURCE_END;
			return true;
		case HLSTRACK_READY:
			begin(b, seg);
			break;
		}
		if (b->say_break || b->say_join) {
			ev->what = b->say_break ? SOURCE_BREAK : SOURCE_JOIN;
			b->say_break = b->say_join = false;
			return true;
		}
	}
	if (b->say_clock) {
		b->say_clock = false;
		ev->what = SOURCE_CLOCK;
		ev->pts = b->clock_pts;
		ev->utc_ns = b->clock_utc_ns;
		return true;
	}
	ev->utc_ns = b->s->live ? clk_utc_ns() : 0;
	if (seg->map != NULL && seg->map_id != b->map_id) {
		b->map_id = seg->map_id;
		ev->what = SOURCE_BYTES;
		ev->data = seg->map;
		ev->len = seg->map_len;
		ev->more = true;
		return true;
	}
	end = next_chunk(b, seg, &media);
	if (media != SOURCE_NO_TIME)
		b->clock = media;
	if (give_cue(b, ev, b->clock != INT64_MIN ? b->clock : SOURCE_NO_TIME))
		return true;
	at = hlspace_due(b->pace, media);
	if (at > clk_mono_ns()) {
		*wake = at < *wake ? at : *wake;
		return false;
	}
	hlspace_given(b->pace, media, at);
	ev->what = SOURCE_BYTES;
	ev->data = seg->data + b->pos;
	ev->len = end - b->pos;
	b->pos = end;
	b->pop = end == seg->len;
	return true;
}
