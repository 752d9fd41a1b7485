#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/hls.h"
#include "ingest/hlsbytes.h"
#include "ingest/hlschoice.h"
#include "ingest/hlscues.h"
#include "ingest/hlsmerge.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

struct hls_pull {
	struct source *s;
	struct fetch *f;
	struct hls_choice choice;
	char	*url;

	struct fetch_job *job;		/* the first playlist */
	struct hls list;		/* if it is multivariant */
	struct backoff backoff;
	unsigned ntrack;		/* 0: not yet known */
	struct hlstrack *track[HLSMERGE_INPUTS];	/* the first is the variant */
	struct hlspace pace;
	struct hlscues *cues;		/* of the variant's playlist, or NULL */
	bool	 decided, whole;	/* pass segments as they are: */
	struct hlsbytes bytes;
	struct hlsmerge merge;		/* else */
	uint64_t damaged;		/* left out before that was clear */
};

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- the first playlist */

static void
add_track(struct hls_pull *h, const char *url, const char *language, int64_t lead_ns,
    const void *text, size_t len)
{
	struct hlstrack *track = hlstrack_new(h->f, h->s->name, url,
	    text == NULL ? &h->list : NULL, lead_ns, text, len);

	if (h->ntrack == 0 && h->choice.cues != HLS_CUES_STREAM)
		h->merge.cues = h->cues = hlscues_new(h->s->name, track, h->choice.cues);
	h->track[h->ntrack++] = track;
	hlsmerge_add(&h->merge, track, language);
}

static void
take_multivariant(struct hls_pull *h, const char *base)
{
	const struct hls *list = &h->list;
	const struct hls_variant *v = hls_choose_variant(list, &h->choice);
	const struct hls_rendition *audio[HLSMERGE_INPUTS - 1];
	unsigned n;
	char url[URL_MAX];

	if (v == NULL)
		fatal(EXIT_INPUT, 0, "no variant of '%s' can be carried in a transport "
		    "stream", h->s->name);
	if (url_resolve(base, v->uri, url, sizeof(url)) < 0)
		fatal(EXIT_INPUT, 0, "'%s': bad address in the playlist", h->s->name);
	log_info("variant '%s': %" PRId64 " bit/s, %" PRId64 "x%" PRId64 ", '%s'", v->uri,
	    v->bandwidth, v->width, v->height, v->codecs);
	add_track(h, url, "", 0, NULL, 0);
	n = hls_choose_audio(list, v, &h->choice, audio, HLSMERGE_INPUTS - 1);
	if (n == 0 && *h->choice.audio != '\0')
		log_warn(0, "no audio rendition '%s' in '%s'", h->choice.audio,
		    h->s->name);
	for (unsigned i = 0; i < n; i++) {
		if (url_resolve(base, audio[i]->uri, url, sizeof(url)) < 0)
			fatal(EXIT_INPUT, 0, "'%s': bad address in the playlist",
			    h->s->name);
		log_info("audio '%s', language '%s'", audio[i]->name, audio[i]->language);
		/* Rather a segment too early than one too late. */
		add_track(h, url, hls_language(audio[i]->language), 2 * CLK_SECOND,
		    NULL, 0);
	}
}

static void
take_first(struct hls_pull *h)
{
	struct fetch_job *job = h->job;
	int r;

	h->job = NULL;
	if (job->error < 0 && !job->transient)
		fatal(EXIT_RUNTIME, 0, "cannot read '%s': %s", h->url, job->reason);
	if (job->error < 0) {
		if (h->s->disconnections++ == 0)
			log_warn(0, "cannot read '%s': %s: trying again", h->url,
			    job->reason);
		backoff_failed(&h->backoff);
		fetch_end(job);
		return;
	}
	if ((r = hls_parse_at(&h->list, job->data, job->len, job->url, NULL)) < 0)
		fatal(EXIT_INPUT, -r, "'%s' is no playlist: line %u", h->url,
		    h->list.line);
	h->s->connected = true;
	if (h->list.multivariant) {
		take_multivariant(h, job->url);
	} else {
		hls_free(&h->list);
		add_track(h, job->url, "", 0, job->data, job->len);
	}
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

/* ---- the source */

/* The first segment that is media: an error page in the place of one is left out. */
static enum hlstrack_state
first_segment(struct hls_pull *h, const struct hlstrack_segment **seg)
{
	enum hlstrack_state state;

	while ((state = hlstrack_front(h->track[0], seg)) == HLSTRACK_READY &&
	    hlsunits_kind(*seg) == HLS_KIND_UNKNOWN) {
		log_warn(0, "segment %" PRId64 " of '%s' is neither transport stream, MP4 "
		    "nor audio: left out", (*seg)->number, h->s->name);
		h->track[0]->useless++;
		h->damaged++;
		hlstrack_pop(h->track[0]);
	}
	return state;
}

/* With the first segment it is clear what is to be done with them all. */
static bool
decide(struct hls_pull *h)
{
	const struct hlstrack_segment *seg;
	enum hlstrack_state state;

	for (unsigned i = 0; i < h->ntrack; i++)
		if (!h->track[i]->loaded)
			return false;
	h->s->live = h->track[0]->live;
	h->s->keep_time = h->s->live;
	state = first_segment(h, &seg);
	if (state == HLSTRACK_WAIT)
		return false;
	h->whole = state == HLSTRACK_READY && h->ntrack == 1 &&
	    hlsunits_kind(seg) == HLS_KIND_TS;
	if (h->whole)
		hlsbytes_init(&h->bytes, h->s, &h->pace, h->track[0], h->cues);
	return h->decided = true;
}

void
hls_pull_read(struct hls_pull *h, struct source_event *ev, int64_t deadline_ns)
{
	while (!io_stopping()) {
		int64_t wake = deadline_ns;

		if (h->ntrack == 0)
			wake = earlier(wake, tend_first(h));
		for (unsigned i = 0; i < h->ntrack; i++)
			wake = earlier(wake, hlstrack_tend(h->track[i]));
		if (h->ntrack > 0 && (h->decided || decide(h)) &&
		    (h->whole ? hlsbytes_event(&h->bytes, ev, &wake) :
		    hlsmerge_event(&h->merge, ev, &wake)))
			return;
		if (clk_mono_ns() >= deadline_ns)
			return;
		/* What has ended meanwhile makes room for more. */
		for (unsigned i = 0; i < h->ntrack; i++)
			wake = earlier(wake, hlstrack_tend(h->track[i]));
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
	hlspace_init(&h->pace, s);
	hlsmerge_init(&h->merge, s, &h->pace);
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
	hlsmerge_clear(&h->merge);
	hlscues_free(h->cues);
	for (unsigned i = 0; i < h->ntrack; i++)
		hlstrack_free(h->track[i]);
	hls_free(&h->list);
	free(h->url);
	free(h);
}

int
hls_pull_rewind(struct hls_pull *h)
{
	if (h->s->live)
		return -ENOTSUP;
	for (unsigned i = 0; i < h->ntrack; i++)
		hlstrack_rewind(h->track[i]);
	hlscues_rewind(h->cues);
	hlsbytes_rewind(&h->bytes);
	hlsmerge_rewind(&h->merge);
	return 0;
}

/* Live goes on without what is missing; a file that lacks something is not all of it. */
int
hls_pull_verdict(const struct hls_pull *h, char *why, size_t size)
{
	uint64_t passed = 0, lost = 0, useless = 0;

	for (unsigned i = 0; i < h->ntrack; i++) {
		passed += h->track[i]->passed;
		lost += h->track[i]->lost;
		useless += h->track[i]->useless;
	}
	if (h->s->live || lost + useless == 0)
		return EXIT_SUCCESS;
	snprintf(why, size, "cannot %s %" PRIu64 " of %" PRIu64 " segments of '%s'",
	    lost > 0 ? "read" : "use", lost + useless, passed, h->s->name);
	return lost > 0 ? EXIT_RUNTIME : EXIT_INPUT;
}

void
hls_pull_stats(const struct hls_pull *h, json_t *o)
{
	struct hlstrack_counters n = { 0 };
	uint64_t damaged = h->damaged + h->bytes.damaged;

	for (unsigned i = 0; i < h->ntrack; i++) {
		const struct hlstrack_counters *t = &h->track[i]->n;

		n.segments += t->segments;
		n.missed += t->missed;
		n.gaps += t->gaps;
		n.retries += t->retries;
		n.reloads += t->reloads;
		n.reload_errors += t->reload_errors;
		n.restarts += t->restarts;
		damaged += h->merge.in[i].units->damaged;
	}
	json_object_set_new(o, "hls_segments", json_integer((json_int_t)n.segments));
	json_object_set_new(o, "hls_segments_missed", json_integer((json_int_t)n.missed));
	json_object_set_new(o, "hls_segments_gap", json_integer((json_int_t)n.gaps));
	json_object_set_new(o, "hls_retries", json_integer((json_int_t)n.retries));
	json_object_set_new(o, "hls_reloads", json_integer((json_int_t)n.reloads));
	json_object_set_new(o, "hls_reload_errors",
	    json_integer((json_int_t)n.reload_errors));
	json_object_set_new(o, "hls_restarts", json_integer((json_int_t)n.restarts));
	json_object_set_new(o, "hls_discontinuities",
	    json_integer((json_int_t)h->bytes.breaks + (json_int_t)h->merge.breaks));
	json_object_set_new(o, "hls_damaged", json_integer((json_int_t)damaged));
	json_object_set_new(o, "hls_late", json_integer((json_int_t)h->merge.late));
	json_object_set_new(o, "hls_underruns",
	    json_integer((json_int_t)h->pace.underruns));
	if (h->cues != NULL)
		hlscues_stats(h->cues, o);
	if (h->ntrack > 0)
		json_object_set_new(o, "hls_buffer_ms", json_integer(
		    hlstrack_level(h->track[0]) / 1000000));
}
