/*
 * mpkg-segment - make CMAF, HLS and DASH of a transport stream on stdin.
 *
 * See mpkg-segment(1), and mts(7) for the stream.  The way of a picture: demux,
 * queue of its track (track.h), cut (cut.h), object (segment.c), sink.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "package/low.h"
#include "package/state.h"
#include "package/tool.h"

#define READ_MAX	(256 << 10)
#define RETRY_FIRST	(CLK_SECOND / 4)	/* to find what an earlier run left */
#define RETRY_MAX	(8 * CLK_SECOND)
#define END_WAIT	(30 * CLK_SECOND)	/* without progress, at the end */

/* ---- start */

/* The second of a Date field is not enough; an origin of ours knows it better. */
static void
ask_server(struct tool *s)
{
	struct pres *pr = &s->pack.pres;

	if (!pr->low || s->utc_timing != NULL || !sink_blocks(s->pack.sink))
		return;
	pr->utc_scheme = "iso";
	pr->utc_timing = "/.time";
}

static void
open_sink(struct tool *s)
{
	struct pres *pr = &s->pack.pres;
	char *token = s->token_file != NULL ? opt_token(s->token_file) : NULL;
	struct sink_config c = {
		.token = token, .max_bytes = s->buffer, .patient = s->regular_file,
		.max_age_ns = pr->mode == PRES_WINDOW ?
		    2 * rescale_near(pr->window, CLK_SECOND, CLK_90K) : 0,
		.done = pack_delivered, .arg = &s->pack,
	};
	int r = sink_new(&s->pack.sink, s->output, &c);

	free(token);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot open '%s'", s->output);
}

static int
get_object(void *arg, const char *name, char **text, size_t *len)
{
	struct tool *s = arg;

	return sink_get(s->pack.sink, name, text, len);
}

static int
read_back(struct tool *s, struct pres *old)
{
	char *text;
	size_t len;
	int r = get_object(s, STATE_NAME, &text, &len);

	if (r < 0)
		return r;
	r = state_parse(old, text, len, get_object, s);
	free(text);
	return r;
}

/*
 * Go on with what an earlier run left, unless that had come to its end.  Until it
 * is known what there is, also while a server does not answer, nothing is cut.
 */
static void
resume(struct tool *s)
{
	struct pack *p = &s->pack;
	struct pres old = { .mode = p->pres.mode }, *pr = &p->pres;
	const struct sink_stats *st = sink_stats(p->sink);
	int r;

	if (!p->cutter.hold || clk_mono_ns() < s->retry_at)
		return;
	r = read_back(s, &old);
	if (r < 0 && r != -ENOENT && r != -EACCES && r != -EBADMSG) {
		pres_free(&old);
		if (s->regular_file && s->retry_pause != 0 &&
		    clk_mono_ns() > s->retry_since + END_WAIT)
			fatal(EXIT_RUNTIME, 0, "cannot read back '%s' from '%s': %s",
			    STATE_NAME, s->output, st->reason);
		if (s->retry_pause == 0) {
			s->retry_since = clk_mono_ns();
			s->retry_pause = RETRY_FIRST;
			log_warn(0, "cannot read back '%s' from '%s', trying again: %s",
			    STATE_NAME, s->output, st->reason);
		}
		s->retry_at = clk_mono_ns() + s->retry_pause;
		s->retry_pause = s->retry_pause * 2 < RETRY_MAX ? s->retry_pause * 2 :
		    RETRY_MAX;
		return;
	}
	p->cutter.hold = false;
	ask_server(s);
	if (r < 0 || old.ended || old.n == 0) {
		if (r == -EBADMSG)
			log_warn(-r, "cannot use '%s'", STATE_NAME);
		else if (r < 0 && r != -ENOENT)
			log_warn(0, "cannot read back '%s': %s", STATE_NAME, st->reason);
		pres_free(&old);
		return;
	}
	old.mode = pr->mode;
	old.policy = pr->policy;
	old.has_cues = old.has_cues || pr->has_cues;
	old.has_id3 = old.has_id3 || pr->has_id3;
	old.cues.limit = pr->cues.limit;
	old.cues.max = pr->cues.max;
	old.window = pr->window;
	old.low = pr->low;
	p->kept_chunk = old.chunk;
	old.chunk = pr->chunk;
	old.latency = pr->latency;
	old.ts = pr->ts;
	old.asked = pr->asked;
	old.told = pr->told;
	old.subtitles = pr->subtitles;
	old.all_subtitles = pr->all_subtitles;
	old.asked_pages = pr->asked_pages;
	old.told_pages = pr->told_pages;
	old.utc_scheme = pr->utc_scheme;
	old.utc_timing = pr->utc_timing;
	*pr = old;
	p->skip_to = p->cutter.last_number = pr->segment[pr->n - 1]->number;
	p->cutter.kept = (struct grid){ pr->rate, pr->pictures };
	p->resumed = true;
	log_info("going on after segment %" PRId64, p->skip_to);
}

/* ---- input */

static void
take_event(struct tool *s, const struct tsdemux_event *ev)
{
	int r = pack_event(&s->pack, ev);

	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot make a segment");
}

static void
take_bytes(struct tool *s, const uint8_t *in, size_t len)
{
	struct tsdemux_event ev;
	size_t pos = 0, used;
	int r;

	while ((r = tsdemux_next(&s->pack.demux, in + pos, len - pos, &used, &ev)) == 1) {
		pos += used;
		take_event(s, &ev);
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read the stream");
	pos += used;
	s->len = len - pos;
	memmove(s->in, in + pos, s->len);
}

/* ---- what is said of it */

static void
tell_sink(struct tool *s)
{
	const struct sink_stats *st = sink_stats(s->pack.sink);

	if (st->refused)
		fatal(EXIT_RUNTIME, 0, "'%s' refuses objects: %s", s->output, st->reason);
	if (st->failing_ns != 0 && !s->failing)
		log_warn(0, "cannot deliver to '%s', trying again: %s", s->output, st->reason);
	else if (st->failing_ns == 0 && s->failing)
		log_info("'%s' takes objects again", s->output);
	s->failing = st->failing_ns != 0;
	if (st->dropped > s->dropped_told) {
		log_warn(0, "%" PRIu64 " segments could not be delivered and are dropped",
		    st->dropped - s->dropped_told);
		s->dropped_told = st->dropped;
	}
}

static void
check_sink(struct tool *s)
{
	int r = pack_check_sink(&s->pack);

	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write the playlists");
}

static void
write_stats(struct tool *s)
{
	const struct pack *p = &s->pack;
	const struct sink_stats *st = sink_stats(p->sink);

	json_t *j = json_pack(
	    "{sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI}",
	    "segments", (json_int_t)p->segments, "bytes_in", (json_int_t)p->bytes_in,
	    "bytes_out", (json_int_t)p->bytes_out, "delivered", (json_int_t)st->delivered,
	    "delivered_bytes", (json_int_t)st->bytes, "deleted", (json_int_t)st->deleted,
	    "retried", (json_int_t)st->retried, "dropped", (json_int_t)st->dropped,
	    "queued", (json_int_t)st->queued, "queued_bytes", (json_int_t)st->queued_bytes,
	    "continuity_errors", (json_int_t)p->demux.sync.lost,
	    "damaged_units", (json_int_t)p->demux.damaged,
	    "discontinuities", (json_int_t)p->cutter.discontinuities,
	    "tracks", (json_int_t)p->pres.ntrack, "cues", (json_int_t)p->cues.taken,
	    "bad_cues", (json_int_t)p->cues.bad,
	    "lost_events", (json_int_t)p->pres.cues.overflow,
	    "lag_ms", (json_int_t)(p->last_lag_ns / 1000000));

	low_stats(p, j);
	stats_write(&s->stats, j);
}

static void
tell(struct tool *s)
{
	const struct pack *p = &s->pack;
	const struct sink_stats *st = sink_stats(p->sink);
	char text[LOG_BYTES];
	int r;

	tell_sink(s);
	resume(s);
	check_sink(s);
	if ((r = low_idle(&s->pack)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write the playlists");
	log_status("%s in, %" PRIu64 " lost, %" PRIu64 " segments, %" PRIu64 " sent, %zu wait, "
	    "%" PRIu64 " dropped", log_bytes(text, p->bytes_in), p->demux.sync.lost,
	    p->segments, st->delivered, st->queued, st->dropped);
	if (stats_due(&s->stats))
		write_stats(s);
}

/* ---- the loop and the end */

/* A file can wait, and so can a pipe when more is held than may be. */
static bool
must_wait(const struct tool *s)
{
	bool held = s->pack.cutter.hold && (s->regular_file ||
	    s->pack.bytes_in > s->buffer);

	return (held || (s->regular_file && sink_full(s->pack.sink))) && !io_stopping();
}

static void
wait_for_room(struct tool *s)
{
	while (must_wait(s)) {
		if (sink_busy(s->pack.sink))
			sink_run(s->pack.sink, -1, clk_mono_ns() + CLK_SECOND / 10);
		else
			clk_sleep_until(clk_mono_ns() + CLK_SECOND / 20);
		tell(s);
	}
}

static bool
read_more(struct tool *s)
{
	ssize_t n;
	int r = 1;

	if (!s->regular_file)
		while ((r = sink_run(s->pack.sink, STDIN_FILENO, clk_mono_ns() +
		    CLK_SECOND / 2)) == 0)
			tell(s);
	if (r == -EINTR || io_stopping())
		return false;
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot wait for standard input");
	do
		n = read(STDIN_FILENO, s->in + s->len, READ_MAX);
	while (n < 0 && (errno == EINTR || errno == EAGAIN) && !io_stopping());
	if (n < 0 && errno != EINTR)
		fatal(EXIT_RUNTIME, errno, "cannot read standard input");
	if (n <= 0)
		return false;
	s->pack.bytes_in += (uint64_t)n;
	s->pack.arrival_ns = clk_mono_ns();
	s->pack.pres.idle = false;
	take_bytes(s, s->in, s->len + (size_t)n);
	return true;
}

static void
drain(struct tool *s)
{
	struct sink *k = s->pack.sink;
	uint64_t last = UINT64_MAX;
	int64_t until = 0;

	while (sink_busy(k)) {
		const struct sink_stats *st = sink_stats(k);

		if (st->delivered + st->deleted != last) {
			last = st->delivered + st->deleted;
			until = clk_mono_ns() + END_WAIT;
		}
		if (clk_mono_ns() > until)
			fatal(EXIT_RUNTIME, 0, "%zu objects could not be delivered: %s",
			    st->queued, st->reason);
		sink_run(k, -1, clk_mono_ns() + CLK_SECOND / 10);
		tell(s);
	}
}

/*
 * A presentation ends with its input.  But a live window is not ended by a stop,
 * and not by the end of a live stream either: it may go on.
 */
static bool
has_ended(const struct tool *s)
{
	const struct pack *p = &s->pack;

	if (p->pres.mode != PRES_WINDOW)
		return !io_stopping() || p->pres.mode == PRES_VOD;
	return !io_stopping() && p->cutter.clock == CUT_NOT_LIVE;
}

static void
finish(struct tool *s)
{
	struct pack *p = &s->pack;
	struct tsdemux_event ev;
	size_t used;
	bool ended = has_ended(s);
	int64_t until = clk_mono_ns() + END_WAIT;
	int r = 0;

	for (; p->cutter.hold && !io_stopping(); tell(s)) {
		if (clk_mono_ns() > until)
			fatal(EXIT_RUNTIME, 0, "'%s' does not answer", s->output);
		clk_sleep_until(clk_mono_ns() + CLK_SECOND / 20);
	}
	p->demux.eof = !io_stopping();	/* what a signal cuts off in its middle is left out */
	take_bytes(s, s->in, s->len);
	while (tsdemux_next(&p->demux, s->in, 0, &used, &ev) == 1)
		take_event(s, &ev);
	for (unsigned i = 0; i < p->cutter.ntrack && r == 0; i++)
		r = track_flush(p->cutter.track[i], &p->cutter.bases);
	if (r == 0)
		r = pack_segments(p, true);
	if (r == 0 && ended)
		r = pack_end(p);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot make the last segment");
	drain(s);
}

int
main(int argc, char *argv[])
{
	static struct tool s;		/* zeroed */
	const struct tsdemux *d = &s.pack.demux;
	const struct sink_stats *st;
	struct stat file;
	int r;

	log_init("mpkg-segment");
	options_parse(&s, argc, argv);
	io_init_filter();
	io_refuse_terminal(STDIN_FILENO, "standard input");
	/* Big buffers come and go: keep their pages. */
	mallopt(M_MMAP_THRESHOLD, 256 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	s.regular_file = fstat(STDIN_FILENO, &file) == 0 && S_ISREG(file.st_mode);
	s.pack.cutter.regular_file = s.regular_file;
	s.pack.cutter.bases.near = s.pack.cutter.bases.top = PES_NO_TIME;
	if ((r = stats_open(&s.stats, s.stats_target)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot open '%s'", s.stats_target);
	s.pack.demux.bad_sections = true;
	s.pack.cues.pcr = PES_NO_TIME;
	if ((s.in = malloc(READ_MAX + 4096)) == NULL || tsdemux_init(&s.pack.demux) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot start");
	open_sink(&s);
	s.pack.skip_to = s.pack.cutter.last_number = -1;
	s.pack.cutter.hold = true;
	resume(&s);
	wait_for_room(&s);
	while (read_more(&s)) {
		tell(&s);
		wait_for_room(&s);
	}
	finish(&s);
	write_stats(&s);
	st = sink_stats(s.pack.sink);
	log_info("segments=%" PRIu64 " delivered=%" PRIu64 " retried=%" PRIu64 " dropped=%"
	    PRIu64 " lost=%" PRIu64 " damaged=%" PRIu64 " discontinuities=%" PRIu64,
	    s.pack.segments, st->delivered, st->retried, st->dropped, d->sync.lost,
	    d->damaged, s.pack.cutter.discontinuities);
	if (d->sync.packets == 0)
		fatal(EXIT_INPUT, 0, "no transport stream on standard input");
	if (s.pack.cutter.ntrack == 0)
		fatal(EXIT_INPUT, 0, "no track that HLS or DASH can carry");
	if (st->dropped > 0)
		fatal(EXIT_RUNTIME, 0, "%" PRIu64 " segments were never delivered",
		    st->dropped);
	if (s.pack.segments > 0 || s.pack.skipped > 0 || io_stopping())
		return EXIT_SUCCESS;
	if (!s.pack.cutter.running || s.pack.cutter.clock == CUT_NOT_LIVE)
		fatal(EXIT_INPUT, 0, "nothing to play in the stream");
	log_warn(0, "the stream ended before its first segment began");
	return EXIT_SUCCESS;
}
