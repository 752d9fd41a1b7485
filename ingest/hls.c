#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/hls.h"
#include "ingest/hlschoice.h"
#include "ingest/hlstrack.h"
#include "ingest/hlsunits.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/media/pes.h"
#include "lib/media/timeline.h"
#include "lib/media/ts.h"

#define INPUTS		8
#define LATE		(3 * CLK_90K)	/* units of another track that come later go */
#define EARLY		(CLK_90K / 10)	/* audio may begin so long before video */
#define PACE_JUMP	(60 * CLK_90K)
#define CHUNK		((size_t)1024 * TS_PACKET)
#define NORMAL		1000		/* speed, in thousandths */
#define FASTER		1050		/* while more is there than we hold back */
#define SLOWER		980		/* when nothing is left */

struct input {
	struct hlstrack *track;
	struct hlsunits *units;
	const struct hlstrack_segment *seg;	/* being read, or NULL */
	bool	 first;			/* no unit of it has been given yet */
	int64_t	 period;
	bool	 have, ended, stalled;
	struct hlsunit unit;		/* when have */
	int64_t	 pts, dts;		/* of it, unwrapped */
	unsigned known;			/* streams that have a place */
	unsigned place[HLSUNITS_STREAMS];
};

struct hls_pull {
	struct source *s;
	struct fetch *f;
	struct hls_choice choice;
	char	*url;

	struct fetch_job *job;		/* the first playlist */
	struct backoff backoff;
	unsigned ninput;		/* 0: not yet known */
	struct input in[INPUTS];	/* the first is the variant itself */
	bool	 decided, bytes;	/* pass segments as they are */

	bool	 started;
	int64_t	 period;
	int64_t	 ref;			/* the last dts, for unwrapping */
	int64_t	 start_pts;		/* of the variant, in this period */
	int64_t	 offset, step;		/* not live: one timeline over all periods */
	int64_t	 last;			/* dts of the leading stream as given */
	unsigned leader;		/* its place: video, if there is some */
	int64_t	 waiting_ns;		/* since when a track keeps us waiting; 0: no */

	/* What is to be said before the next data. */
	bool	 say_break, say_join, say_streams, say_clock;
	int64_t	 clock_pts, clock_utc_ns;

	unsigned nstream;
	struct source_stream stream[SOURCE_STREAMS_MAX];
	int64_t	 last_dts[SOURCE_STREAMS_MAX];	/* as given */

	size_t	 pos;			/* in the segment that passes as bytes */
	unsigned map_id;		/* the map that went before */
	bool	 pop;			/* what was given last ends a segment */
	uint16_t pcr_pid;

	bool	 paced;
	int64_t	 pace_media, pace_ns;	/* 90 kHz and when it was due */
	int64_t	 speed, hold_ns;
	uint64_t underruns, late, breaks;
};

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- the first playlist */

static void
add_input(struct hls_pull *h, const char *url, const char *language, int64_t lead_ns,
    const void *text, size_t len)
{
	struct input *in = &h->in[h->ninput++];

	in->track = hlstrack_new(h->f, h->s->name, url, lead_ns, text, len);
	in->units = hlsunits_new(h->s->name, language);
}

static void
take_multivariant(struct hls_pull *h, const struct hls *list, const char *base)
{
	const struct hls_variant *v = hls_choose_variant(list, &h->choice);
	const struct hls_rendition *audio[INPUTS - 1];
	unsigned n;
	char url[URL_MAX];

	if (v == NULL)
		fatal(EXIT_INPUT, 0, "no variant of '%s' can be carried in a transport "
		    "stream", h->s->name);
	if (url_resolve(base, v->uri, url, sizeof(url)) < 0)
		fatal(EXIT_INPUT, 0, "'%s': bad address in the playlist", h->s->name);
	log_info("variant '%s': %" PRId64 " bit/s, %" PRId64 "x%" PRId64 ", '%s'", v->uri,
	    v->bandwidth, v->width, v->height, v->codecs);
	add_input(h, url, "", 0, NULL, 0);
	n = hls_choose_audio(list, v, &h->choice, audio, INPUTS - 1);
	if (n == 0 && *h->choice.audio != '\0')
		log_warn(0, "no audio rendition '%s' in '%s'", h->choice.audio,
		    h->s->name);
	for (unsigned i = 0; i < n; i++) {
		if (url_resolve(base, audio[i]->uri, url, sizeof(url)) < 0)
			fatal(EXIT_INPUT, 0, "'%s': bad address in the playlist",
			    h->s->name);
		log_info("audio '%s', language '%s'", audio[i]->name, audio[i]->language);
		/* Rather a segment too early than one too late. */
		add_input(h, url, hls_language(audio[i]->language), 2 * CLK_SECOND,
		    NULL, 0);
	}
}

static void
take_first(struct hls_pull *h)
{
	struct fetch_job *job = h->job;
	struct hls list;
	int r;

	h->job = NULL;
	if (job->error == -ENOENT || job->error == -EACCES || job->error == -EINVAL ||
	    job->error == -ELOOP || job->error == -EFBIG)
		fatal(EXIT_RUNTIME, 0, "cannot read '%s': %s", h->url, job->reason);
	if (job->error < 0) {
		log_warn(0, "cannot read '%s': %s: trying again", h->url, job->reason);
		h->s->disconnections++;
		backoff_failed(&h->backoff);
		fetch_end(job);
		return;
	}
	if ((r = hls_parse(&list, job->data, job->len)) < 0)
		fatal(EXIT_INPUT, -r, "'%s' is no playlist: line %u", h->url, list.line);
	h->s->connected = true;
	if (list.multivariant)
		take_multivariant(h, &list, job->url);
	else
		add_input(h, job->url, "", 0, job->data, job->len);
	hls_free(&list);
	fetch_end(job);
}

static int64_t
tend_first(struct hls_pull *h)
{
	if (h->job == NULL && clk_mono_ns() < h->backoff.next_ns)
		return h->backoff.next_ns;
	if (h->job == NULL)
		h->job = fetch_start(h->f, &(struct fetch_request){
			.url = h->url, .limit = HLS_TEXT_MAX, .compressed = true,
			.timeout_ns = 15 * CLK_SECOND,
			.allow_file = strncmp(h->url, "file:", 5) == 0,
		});
	if (h->job == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	if (h->job->done)
		take_first(h);
	return INT64_MAX;
}

/* ---- pace */

/* When media (90 kHz) is due: now, for what is not live. */
static int64_t
due(struct hls_pull *h, int64_t media)
{
	int64_t now = clk_mono_ns(), step = media - h->pace_media, at;

	if (!h->s->live || media == SOURCE_NO_TIME)
		return 0;
	if (!h->paced || step < -CLK_90K || step > PACE_JUMP) {
		h->paced = true;
		h->pace_media = media;
		h->pace_ns = now;
		return now;
	}
	at = h->pace_ns + rescale_near(step, CLK_SECOND / CLK_90K * NORMAL, h->speed) +
	    rescale_near(step, CLK_SECOND % CLK_90K * NORMAL, CLK_90K * h->speed);
	if (at < now - CLK_SECOND) {
		h->underruns++;
		at = now;
	}
	return at;
}

static void
given(struct hls_pull *h, int64_t media, int64_t at)
{
	if (at == 0)
		return;
	h->pace_media = media;
	h->pace_ns = at;
}

/* At the start of each segment: is there more or less than we want to hold? */
static void
set_speed(struct hls_pull *h, const struct hlstrack *t)
{
	int64_t level = hlstrack_level(t);

	h->hold_ns = HLSTRACK_HOLD * t->target_ns;
	if (level > h->hold_ns)
		h->speed = FASTER;
	else if (level == 0)
		h->speed = SLOWER;
	else if (h->speed == SLOWER || level <= h->hold_ns - t->target_ns)
		h->speed = NORMAL;
	h->s->patience_ns = h->hold_ns + 2 * CLK_SECOND;
}

/* ---- segments that pass as bytes */

static void
begin_bytes(struct hls_pull *h, const struct hlstrack_segment *seg)
{
	int64_t dts;

	h->in[0].seg = seg;
	h->pos = 0;
	if (h->started && seg->period != h->period) {
		h->say_break = true;
		h->breaks++;
		h->paced = false;
		h->pcr_pid = TS_PID_NULL;
	} else if (h->started) {
		h->say_join = true;
	}
	h->started = true;
	h->period = seg->period;
	if (h->s->live)
		set_speed(h, h->in[0].track);
	if (h->s->live && seg->date_ns != HLS_NO_DATE && hlsunits_scan(seg, &h->clock_pts, &dts)) {
		h->say_clock = true;
		h->clock_utc_ns = seg->date_ns;
	}
}

/* From pos to the next PCR; *media is that at pos, if there is one. */
static size_t
next_chunk(struct hls_pull *h, const struct hlstrack_segment *seg, int64_t *media)
{
	size_t sync = hlsunits_sync(seg->data, seg->len), i = h->pos;
	struct ts_packet pkt;

	if (i == 0 && sync < seg->len)
		i = sync;
	*media = SOURCE_NO_TIME;
	if (!h->s->live)
		return seg->len;
	for (; i + TS_PACKET <= seg->len && i - h->pos < CHUNK; i += TS_PACKET) {
		if (ts_parse(seg->data + i, &pkt) < 0 || pkt.pcr == TS_NO_PCR)
			continue;
		if (h->pcr_pid == TS_PID_NULL)
			h->pcr_pid = pkt.pid;
		if (pkt.pid != h->pcr_pid)
			continue;
		if (i > h->pos)
			return i;
		*media = timeline_unwrap(h->paced ? h->pace_media : INT64_MIN,
		    pkt.pcr / 300);
	}
	return i + TS_PACKET <= seg->len ? i : seg->len;
}

static bool
bytes_event(struct hls_pull *h, struct source_event *ev, int64_t *wake)
{
	struct input *in = &h->in[0];
	const struct hlstrack_segment *seg = in->seg;
	int64_t media, at;
	size_t end;

	if (h->pop) {
		hlstrack_pop(in->track);
		in->seg = seg = NULL;
		h->pop = false;
	}
	if (seg == NULL) {
		switch (hlstrack_front(in->track, &seg)) {
		case HLSTRACK_WAIT:
			return false;
		case HLSTRACK_END:
			ev->what = SOURCE_END;
			return true;
		case HLSTRACK_READY:
			begin_bytes(h, seg);
			break;
		}
		if (h->say_break || h->say_join) {
			ev->what = h->say_break ? SOURCE_BREAK : SOURCE_JOIN;
			h->say_break = h->say_join = false;
			return true;
		}
	}
	if (h->say_clock) {
		h->say_clock = false;
		ev->what = SOURCE_CLOCK;
		ev->pts = h->clock_pts;
		ev->utc_ns = h->clock_utc_ns;
		return true;
	}
	ev->utc_ns = h->s->live ? clk_utc_ns() : 0;
	if (seg->map != NULL && seg->map_id != h->map_id) {
		h->map_id = seg->map_id;
		ev->what = SOURCE_BYTES;
		ev->data = seg->map;
		ev->len = seg->map_len;
		ev->more = true;
		return true;
	}
	end = next_chunk(h, seg, &media);
	at = due(h, media);
	if (at > clk_mono_ns()) {
		*wake = earlier(*wake, at);
		return false;
	}
	given(h, media, at);
	ev->what = SOURCE_BYTES;
	ev->data = seg->data + h->pos;
	ev->len = end - h->pos;
	h->pos = end;
	h->pop = end == seg->len;
	return true;
}

/* ---- segments taken apart, and merged */

static void
unwrap(struct hls_pull *h, struct input *in)
{
	int64_t delta;

	if (in->unit.dts == SOURCE_NO_TIME) {
		in->have = h->ref != INT64_MIN;	/* a section too early */
		in->pts = in->dts = h->ref;
		return;
	}
	in->dts = timeline_unwrap(h->ref, in->unit.dts);
	delta = (in->unit.pts - in->unit.dts) & (PES_WRAP - 1);
	in->pts = in->dts + (delta < PES_WRAP / 2 ? delta : delta - PES_WRAP);
	if (h->ref == INT64_MIN)
		h->ref = in->dts;
}

/* Have the next unit of a track ready, if it is there. */
static void
peek(struct hls_pull *h, struct input *in)
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
			if (in == h->in && h->s->live)
				set_speed(h, in->track);
			if (hlsunits_segment(in->units, in->seg) < 0)
				log_warn(0, "segment %" PRId64 " of '%s' cannot be read",
				    in->seg->number, h->s->name);
		}
		if (hlsunits_next(in->units, &in->unit) > 0) {
			in->have = true;
			in->stalled = false;
			unwrap(h, in);
			continue;
		}
		hlstrack_pop(in->track);
		in->seg = NULL;
	}
}

/* Give the streams that have none a place in the table. */
static void
place_streams(struct hls_pull *h, struct input *in)
{
	for (; in->known < in->units->nstream; in->known++) {
		if (h->nstream == SOURCE_STREAMS_MAX)
			fatal(EXIT_INPUT, 0, "'%s' has too many streams", h->s->name);
		in->place[in->known] = h->nstream;
		h->stream[h->nstream++] = in->units->stream[in->known];
		h->say_streams = true;
	}
	h->leader = 0;
	for (unsigned i = h->nstream; i-- > 0;)
		if (codec_kind(h->stream[i].codec) == KIND_VIDEO)
			h->leader = i;
}

static void
forget_times(struct hls_pull *h)
{
	for (unsigned i = 0; i < SOURCE_STREAMS_MAX; i++)
		h->last_dts[i] = INT64_MIN;
}

/* Another period: of live it is said, else the timeline goes on. */
static void
begin_period(struct hls_pull *h, const struct input *best)
{
	const struct input *lead = h->in[0].have && h->in[0].period == best->period ?
	    &h->in[0] : best;
	int64_t first = lead->unit.dts;

	h->period = best->period;
	h->nstream = 0;
	if (lead->unit.dts != SOURCE_NO_TIME)
		h->ref = lead->unit.dts;
	for (unsigned i = 0; i < h->ninput; i++) {
		struct input *in = &h->in[i];

		if (in->have && in->period == h->period) {
			unwrap(h, in);
			in->known = 0;
			place_streams(h, in);
		}
	}
	if (h->started) {
		h->breaks++;
		h->say_break = h->s->live;
		h->paced = false;
		if (h->s->live) {
			forget_times(h);
		} else {
			hlsunits_first_video(lead->units, lead->seg, &first);
			if (first != SOURCE_NO_TIME)
				h->offset = h->last + h->step -
				    timeline_unwrap(h->ref, first);
		}
	}
	h->start_pts = lead->pts;
	h->started = true;
}

/* The track whose unit comes next; NULL: not yet known. */
static struct input *
choose(struct hls_pull *h, int64_t *wake)
{
	int64_t now = clk_mono_ns(), patience = h->in[0].track->target_ns;
	struct input *best = NULL;
	bool waiting = false;

	for (unsigned i = 0; i < h->ninput; i++) {
		struct input *in = &h->in[i];

		peek(h, in);
		if (in->have && (best == NULL || in->period < best->period ||
		    (in->period == best->period && in->dts < best->dts)))
			best = in;
		waiting |= !in->have && !in->ended && !in->stalled;
	}
	if (!waiting || best == NULL) {
		h->waiting_ns = 0;
		return best;
	}
	/* A track that is late must not stop a live source for ever. */
	if (h->waiting_ns == 0)
		h->waiting_ns = now;
	if (!h->s->live || !h->in[0].have || now - h->waiting_ns < patience) {
		if (h->s->live)
			*wake = earlier(*wake, h->waiting_ns + patience);
		return NULL;
	}
	for (unsigned i = 1; i < h->ninput; i++)
		if (!h->in[i].have && !h->in[i].ended) {
			log_warn(0, "a rendition of '%s' is late: going on without it",
			    h->s->name);
			h->in[i].stalled = true;
		}
	h->waiting_ns = 0;
	return best;
}

/* What goes before a unit.  False: nothing. */
static bool
announce(struct hls_pull *h, struct source_event *ev)
{
	if (h->say_break) {
		h->say_break = false;
		ev->what = SOURCE_BREAK;
	} else if (h->say_streams) {
		h->say_streams = false;
		ev->what = SOURCE_STREAMS;
		ev->streams = h->stream;
		ev->nstream = h->nstream;
	} else if (h->say_clock) {
		h->say_clock = false;
		ev->what = SOURCE_CLOCK;
		ev->pts = h->clock_pts;
		ev->utc_ns = h->clock_utc_ns;
	} else {
		return false;
	}
	return true;
}

static bool
all_ended(const struct hls_pull *h)
{
	for (unsigned i = 0; i < h->ninput; i++)
		if (!h->in[i].ended)
			return false;
	return true;
}

/* Units from before the start, from long ago, or that overlap go. */
static bool
fits(const struct hls_pull *h, const struct input *in, unsigned place)
{
	if (in->unit.dts == SOURCE_NO_TIME)
		return true;
	if (in != h->in && in->pts < h->start_pts - EARLY)
		return false;
	if (codec_kind(h->stream[place].codec) == KIND_AUDIO &&
	    in->dts + h->offset <= h->last_dts[place])
		return false;
	return in->dts > h->ref - LATE;
}

static bool
units_event(struct hls_pull *h, struct source_event *ev, int64_t *wake)
{
	struct input *in;
	unsigned place;
	int64_t at;

	for (;;) {
		if ((in = choose(h, wake)) == NULL) {
			if (!all_ended(h))
				return false;
			ev->what = SOURCE_END;
			return true;
		}
		if (!h->started || in->period != h->period)
			begin_period(h, in);
		place_streams(h, in);
		place = in->place[in->unit.stream];
		if (in == h->in && in->first && h->s->live &&
		    in->seg->date_ns != HLS_NO_DATE) {
			h->say_clock = true;
			h->clock_pts = in->pts;
			h->clock_utc_ns = in->seg->date_ns;
		}
		in->first = false;
		if (announce(h, ev))
			return true;
		if (fits(h, in, place))
			break;
		h->late += in->pts >= h->start_pts - EARLY;
		in->have = false;
	}
	at = due(h, in->dts);
	if (at > clk_mono_ns()) {
		*wake = earlier(*wake, at);
		return false;
	}
	if (in->dts > h->ref)
		h->ref = in->dts;
	h->last_dts[place] = in->dts + h->offset;
	if (place == h->leader) {
		int64_t step = in->dts + h->offset - h->last;

		if (step > 0 && step < CLK_90K)
			h->step = step;
		h->last = in->dts + h->offset;
	}
	given(h, in->dts, at);
	ev->what = SOURCE_UNIT;
	ev->stream = place;
	ev->data = in->unit.data;
	ev->len = in->unit.len;
	ev->pts = in->unit.pts == SOURCE_NO_TIME ? SOURCE_NO_TIME : in->pts + h->offset;
	ev->dts = in->unit.dts == SOURCE_NO_TIME ? SOURCE_NO_TIME : in->dts + h->offset;
	ev->random_access = in->unit.random_access;
	ev->utc_ns = h->s->live ? clk_utc_ns() : 0;
	in->have = false;
	return true;
}

/* ---- the source */

/* With the first segment it is clear what is to be done with them all. */
static bool
decide(struct hls_pull *h)
{
	const struct hlstrack_segment *seg;

	for (unsigned i = 0; i < h->ninput; i++)
		if (!h->in[i].track->loaded)
			return false;
	h->s->live = h->in[0].track->live;
	h->s->keep_time = h->s->live;
	switch (hlstrack_front(h->in[0].track, &seg)) {
	case HLSTRACK_WAIT:
		return false;
	case HLSTRACK_END:
		break;
	case HLSTRACK_READY:
		h->bytes = h->ninput == 1 && hlsunits_kind(seg) == HLS_KIND_TS;
		if (hlsunits_kind(seg) == HLS_KIND_UNKNOWN)
			fatal(EXIT_INPUT, 0, "segment %" PRId64 " of '%s' is neither "
			    "transport stream, MP4 nor audio", seg->number, h->s->name);
		break;
	}
	return h->decided = true;
}

void
hls_pull_read(struct hls_pull *h, struct source_event *ev, int64_t deadline_ns)
{
	while (!io_stopping()) {
		int64_t wake = deadline_ns;

		if (h->ninput == 0)
			wake = earlier(wake, tend_first(h));
		for (unsigned i = 0; i < h->ninput; i++)
			wake = earlier(wake, hlstrack_tend(h->in[i].track));
		if (h->ninput > 0 && (h->decided || decide(h)) &&
		    (h->bytes ? bytes_event(h, ev, &wake) : units_event(h, ev, &wake)))
			return;
		if (clk_mono_ns() >= deadline_ns)
			return;
		/* What has ended meanwhile makes room for more. */
		for (unsigned i = 0; i < h->ninput; i++)
			wake = earlier(wake, hlstrack_tend(h->in[i].track));
		if (fetch_run(h->f, wake) == 0 && clk_mono_ns() < wake)
			clk_sleep_until(wake);
	}
}

struct hls_pull *
hls_pull_new(struct source *s, struct fetch *f, const char *url,
    const struct hls_choice *choice)
{
	struct hls_pull *h = calloc(1, sizeof(*h));

	if (h == NULL || (h->url = strdup(url)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	h->s = s;
	h->f = f;
	h->choice = *choice;
	h->speed = NORMAL;
	h->ref = INT64_MIN;
	forget_times(h);
	h->pcr_pid = TS_PID_NULL;
	s->live = true;			/* until the playlist says else */
	s->patience_ns = 10 * CLK_SECOND;
	return h;
}

void
hls_pull_free(struct hls_pull *h)
{
	if (h == NULL)
		return;
	fetch_end(h->job);
	for (unsigned i = 0; i < h->ninput; i++) {
		hlsunits_free(h->in[i].units);
		hlstrack_free(h->in[i].track);
	}
	free(h->url);
	free(h);
}

int
hls_pull_rewind(struct hls_pull *h)
{
	if (h->s->live)
		return -ENOTSUP;
	for (unsigned i = 0; i < h->ninput; i++) {
		struct input *in = &h->in[i];

		hlsunits_clear(in->units);
		hlstrack_rewind(in->track);
		in->seg = NULL;
		in->have = in->ended = false;
		in->known = 0;
	}
	h->started = h->pop = false;
	h->offset = h->last = 0;
	h->map_id = 0;
	forget_times(h);
	return 0;
}

void
hls_pull_stats(const struct hls_pull *h, json_t *o)
{
	struct hlstrack_counters n = { 0 };
	uint64_t damaged = 0;

	for (unsigned i = 0; i < h->ninput; i++) {
		const struct hlstrack_counters *t = &h->in[i].track->n;

		n.segments += t->segments;
		n.missed += t->missed;
		n.gaps += t->gaps;
		n.retries += t->retries;
		n.reloads += t->reloads;
		n.reload_errors += t->reload_errors;
		n.restarts += t->restarts;
		damaged += h->in[i].units->damaged;
	}
	json_object_set_new(o, "hls_segments", json_integer((json_int_t)n.segments));
	json_object_set_new(o, "hls_segments_missed", json_integer((json_int_t)n.missed));
	json_object_set_new(o, "hls_segments_gap", json_integer((json_int_t)n.gaps));
	json_object_set_new(o, "hls_retries", json_integer((json_int_t)n.retries));
	json_object_set_new(o, "hls_reloads", json_integer((json_int_t)n.reloads));
	json_object_set_new(o, "hls_reload_errors",
	    json_integer((json_int_t)n.reload_errors));
	json_object_set_new(o, "hls_restarts", json_integer((json_int_t)n.restarts));
	json_object_set_new(o, "hls_discontinuities", json_integer((json_int_t)h->breaks));
	json_object_set_new(o, "hls_damaged", json_integer((json_int_t)damaged));
	json_object_set_new(o, "hls_late", json_integer((json_int_t)h->late));
	json_object_set_new(o, "hls_underruns", json_integer((json_int_t)h->underruns));
	if (h->ninput > 0)
		json_object_set_new(o, "hls_buffer_ms", json_integer(
		    hlstrack_level(h->in[0].track) / 1000000));
}
