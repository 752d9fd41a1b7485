/*
 * mlive-encode - a transport stream in, a ladder of renditions out.
 *
 * Reads stdin, writes stdout; see mlive-encode(1).  This file reads and decides
 * what becomes of each stream; vtrack.h and atrack.h do the work.
 */
#include <errno.h>
#include <inttypes.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "encode/input.h"
#include "encode/options.h"
#include "encode/steer.h"
#include "lib/base/clk.h"
#include "lib/base/ctl.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/stats.h"

#define TICK	(CLK_SECOND / 4)

struct encode {
	struct options opt;
	struct stats stats;
	struct input input;
	struct ctl control;
	bool	lost;			/* as it was told */
	int64_t	start_ns;
	uint8_t	in[1024 * TS_PACKET];
};

/* Pictures made, as seconds of media in thousandths per second of time. */
static int64_t
speed(const struct encode *s)
{
	const struct vtrack *v = &s->input.video;
	const struct rational r = v->timing.grid.rate;
	int64_t wall = clk_mono_ns() - s->start_ns;

	if (!v->started || wall <= 0)
		return 0;
	return rescale_near((int64_t)v->pictures, r.den * 1000 * CLK_SECOND,
	    r.num * wall);
}

static unsigned
deepest_queue(struct encode *s)
{
	unsigned most = 0;

	for (unsigned i = 0; i < s->input.ladder.nrung && s->input.video.started; i++) {
		unsigned n = queue_depth(&s->input.ladder.rung[i].worker.queue);

		most = n > most ? n : most;
	}
	return most;
}

static void
status(struct encode *s)
{
	struct vtrack *v = &s->input.video;
	char rates[128] = "", odd[96] = "";
	size_t len = 0;
	int64_t x = speed(s);

	for (unsigned i = 0; i < s->opt.nrung && len < sizeof(rates) - 16; i++)
		len += (size_t)snprintf(rates + len, sizeof(rates) - len, "%s%" PRIu64 "k",
		    i > 0 ? "/" : "", output_rate(&s->input.out,
		    s->input.ladder.rung[i].worker.stream) / 1000);
	if (v->timing.repeated + v->timing.dropped + v->corrupt + v->errors > 0)
		snprintf(odd, sizeof(odd), "dup %" PRIu64 ", drop %" PRIu64 ", corrupt %" PRIu64
		    ", ", v->timing.repeated, v->timing.dropped, v->corrupt + v->errors);
	log_status("%" PRIu64 " frames, %" PRId64 ".%02" PRId64 "x, queue %u/%u, %s%s",
	    v->pictures, x / 1000, x % 1000 / 10, deepest_queue(s), WORKER_QUEUE, odd, rates);
}

/* What became of each segment since the last line. */
static json_t *
segment_stats(struct worker *w)
{
	json_t *list = json_array();
	size_t n;
	struct worker_report *r = worker_reports(w, &n);

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_pack("{s:I, s:i, s:I, s:I, s:I, s:i}",
		    "segment", (json_int_t)r[i].segment, "frames", (int)r[i].pictures,
		    "bits", (json_int_t)r[i].bits, "asked_bps", (json_int_t)r[i].rate,
		    "rate_bps", (json_int_t)rescale_near(r[i].bits, CLK_SECOND, r[i].ns),
		    "qp_milli", r[i].qp);

		if (w->spec->rc == RATE_QVBR)
			json_object_update_new(o, json_pack("{s:i, s:i, s:b}",
			    "quality_milli", r[i].quality, "reached_milli", r[i].reached,
			    "capped", r[i].capped));
		if (r[i].ssim >= 0)
			json_object_set_new(o, "ssim_micro", json_integer(r[i].ssim));
		json_array_append_new(list, o);
	}
	free(r);
	return list;
}

static json_t *
rung_stats(struct encode *s, struct rung *rung)
{
	struct worker *w = &rung->worker;
	const struct rational fps = w->format.rate;
	json_t *o;

	o = json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:o}",
	    "rung", w->spec->text, "width", w->format.width, "height", w->format.height,
	    "fps_milli", (json_int_t)(fps.den > 0 ? fps.num * 1000 / fps.den : 0),
	    "rate_bps", (json_int_t)output_rate(&s->input.out, w->stream),
	    "frames", (json_int_t)atomic_load(&w->pictures),
	    "queue", (json_int_t)(s->input.video.started ? queue_depth(&w->queue) : 0),
	    "captions_dropped", (json_int_t)rung->captions.dropped,
	    "segments", segment_stats(w));
	if (w->spec->copy)
		json_object_update_new(o, json_pack("{s:I, s:I, s:I}", "idr_msec",
		    (json_int_t)lead_distance_ms(&s->input.ladder.lead, &s->input.ladder.grid),
		    "off_grid_msec", (json_int_t)lead_offset_ms(&s->input.ladder.lead,
		    &s->input.ladder.grid), "dropped",
		    (json_int_t)s->input.ladder.copy.dropped));
	return o;
}

static void
set_level(json_t *o, const char *name, int64_t milli)
{
	if (milli != LOUDNESS_NONE)
		json_object_set_new(o, name, json_integer(milli));
}

static void
loudness_stats(json_t *o, const struct aloud *l)
{
	const struct aloud_work *w = l->work;

	if (w == NULL)
		return;
	set_level(o, "momentary_mlufs", w->out.momentary);
	set_level(o, "short_term_mlufs", w->out.short_term);
	set_level(o, "integrated_mlufs", loudness_integrated(&w->out));
	set_level(o, "range_mlu", loudness_range(&w->out));
	set_level(o, "true_peak_mdb", aloud_peak(l));
	if (l->spec->loud == LOUD_CORRECT)
		set_level(o, "gain_mdb", w->gain);
}

static json_t *
audio_stats(const struct input_track *t)
{
	const struct atrack *a = &t->audio;
	bool present = t->source != NULL && !t->source->gone;
	json_t *o = json_pack("{s:i, s:i, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "pid", present ? (int)t->source->pid : 0, "output_pid", (int)t->out->pid,
	    "language", t->language, "codec", codec_name(t->spec->codec), "present", present,
	    "gaps", (json_int_t)a->gaps,
	    "padded_samples", (json_int_t)a->padded,
	    "trimmed_samples", (json_int_t)a->trimmed,
	    "compensated_samples", (json_int_t)a->compensated,
	    "offset_samples", (json_int_t)a->offset,
	    "errors", (json_int_t)a->dec.errors);

	if (a->layout != 0)
		json_object_set_new(o, "layout",
		    json_string(audiospec_layout_name(a->layout)));
	loudness_stats(o, &a->loud);
	return o;
}

static json_t *
constant_stats(struct output *o)
{
	json_t *j;

	pthread_mutex_lock(&o->lock);
	j = json_pack("{s:I, s:I, s:I}", "null_packets", (json_int_t)o->cbr_nulls,
	    "late_packets", (json_int_t)o->cbr_late, "late_units_dropped",
	    (json_int_t)o->cbr_dropped);
	pthread_mutex_unlock(&o->lock);
	return j;
}

static void
write_stats(struct encode *s)
{
	struct input *in = &s->input;
	struct vtrack *v = &in->video;
	json_t *rungs = json_array(), *audio = json_array(), *line;
	const struct ts_sync *sync = &in->demux.sync;

	for (unsigned i = 0; i < in->ladder.nrung; i++)
		json_array_append_new(rungs, rung_stats(s, &in->ladder.rung[i]));
	for (unsigned i = 0; i < in->ntrack; i++)
		if (in->track[i].spec->mode == AUDIO_CODE)
			json_array_append_new(audio, audio_stats(&in->track[i]));
	line = json_pack(
	    "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
	    "s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
	    "packets", (json_int_t)sync->packets, "lost", (json_int_t)sync->lost,
	    "bad", (json_int_t)sync->bad, "damaged_units", (json_int_t)in->demux.damaged,
	    "decoded", (json_int_t)v->decoded, "corrupt", (json_int_t)v->corrupt,
	    "errors", (json_int_t)v->errors, "duplicated", (json_int_t)v->timing.repeated,
	    "dropped", (json_int_t)v->timing.dropped,
	    "deinterlaced", (json_int_t)v->deint.deinterlaced,
	    "pulldown_removed", (json_int_t)v->film.removed,
	    "frames", (json_int_t)v->pictures, "clock_breaks",
	    (json_int_t)in->epoch.breaks + (json_int_t)v->timing.gaps, "speed_milli",
	    (json_int_t)speed(s), "output_waiting_bytes",
	    (json_int_t)output_waiting(&in->out), "cues", (json_int_t)in->cues.taken,
	    "cues_late", (json_int_t)in->cues.late, "blanked",
	    (json_int_t)in->ladder.blanked, "preroll", (json_int_t)v->prerolled,
	    "input_losses", (json_int_t)in->loss.losses, "fill_msec",
	    (json_int_t)(in->loss.fill_ns / 1000000), "rungs", rungs, "audio", audio);
	if (s->opt.mux_rate > 0)
		json_object_update_new(line, constant_stats(&in->out));
	stats_write(&s->stats, line);
}

/* Take what there is, and return after a tick at most.  False: the end. */
static bool
read_some(struct encode *s)
{
	struct pollfd pfd[1 + CTL_POLL] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	unsigned clients = s->control.path != NULL ? ctl_poll(&s->control, pfd + 1) : 0;
	ssize_t n;
	int r = io_wait(pfd, 1 + clients, input_wait(&s->input, TICK));

	if (io_stopping())
		return false;
	if (r > 0)
		ctl_ready(&s->control, pfd + 1, clients);
	if (r == 0 || r == -EINTR || (r > 0 && pfd[0].revents == 0)) {
		input_take(&s->input, NULL, 0, false);
		input_idle(&s->input);
		return true;
	}
	n = r < 0 ? r : io_read(STDIN_FILENO, s->in, sizeof(s->in));
	if (n == -EINTR || n == 0)
		return false;
	if (n < 0)
		fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
	input_take(&s->input, s->in, (size_t)n, false);
	if ((size_t)n < sizeof(s->in))
		input_idle(&s->input);
	return true;
}

/* A line of its own when pictures do not come any more, and when they do. */
static void
tell_loss(struct encode *s)
{
	const struct loss *l = &s->input.loss;

	if (l->on == s->lost)
		return;
	s->lost = l->on;
	stats_write(&s->stats, json_pack("{s:s, s:I}", "event",
	    l->on ? "input_lost" : "input_back", "fill_msec",
	    (json_int_t)(l->fill_ns / 1000000)));
}

static void
report(struct encode *s)
{
	const struct input *in = &s->input;
	const struct vtrack *v = &in->video;

	log_info("decoded=%" PRIu64 " frames=%" PRIu64 " duplicated=%" PRIu64
	    " dropped=%" PRIu64 " corrupt=%" PRIu64 " errors=%" PRIu64 " lost=%" PRIu64
	    " deinterlaced=%" PRIu64, v->decoded, v->pictures, v->timing.repeated,
	    v->timing.dropped, v->corrupt, v->errors, in->demux.sync.lost,
	    v->deint.deinterlaced);
}

static void
control_says(void *arg, char *line, char answer[static CTL_ANSWER])
{
	struct encode *s = arg;

	steer(&s->input.ladder, line, answer);
}

/* A damaged stream makes thousands of them; the counters say the rest. */
static void PRINTFLIKE(3, 0)
decoder_message(void *avcl, int level, const char *fmt, va_list ap)
{
	static atomic_int said;
	char text[256];

	(void)avcl;
	if (level > AV_LOG_ERROR || atomic_fetch_add(&said, 1) >= 10)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("libav: %s", text);
}

/*
 * With some widths, of 20 macroblocks for instance, what x264's macroblock tree makes of
 * a picture depends on what was in its memory before.  In the first encoder of a program
 * that is zeros; fresh memory for each makes it so in all of them, and a segment is
 * coded the same whenever the program began.
 */
static void
use_fresh_memory(void)
{
#ifdef M_MMAP_THRESHOLD
	mallopt(M_MMAP_THRESHOLD, 8192);
#endif
}

int
main(int argc, char *argv[])
{
	static struct encode s;		/* zeroed, and too big for the stack */
	struct stat st;
	int err;

	log_init("mlive-encode");
	use_fresh_memory();
	av_log_set_callback(decoder_message);
	options_parse(&s.opt, argc, argv);
	io_init_filter();
	io_refuse_terminal(STDIN_FILENO, "standard input");
	io_refuse_terminal(STDOUT_FILENO, "standard output");
	err = stats_open(&s.stats, s.opt.stats);
	if (err < 0)
		fatal(EXIT_RUNTIME, -err, "cannot open '%s'", s.opt.stats);
	if (s.stats.fd == STDOUT_FILENO)
		fatal(EXIT_USAGE, 0, "--stats '%s' is where the stream goes",
		    s.opt.stats);
	input_init(&s.input, &s.opt,
	    fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode));
	if (s.opt.control != NULL)
		ctl_open(&s.control, s.opt.control, control_says, &s);
	s.start_ns = clk_mono_ns();
	while (read_some(&s)) {
		status(&s);
		tell_loss(&s);
		if (stats_due(&s.stats))
			write_stats(&s);
	}
	input_take(&s.input, NULL, 0, true);
	input_finish(&s.input);
	ctl_close(&s.control);
	if (s.opt.stats != NULL)
		write_stats(&s);
	report(&s);
	err = input_check(&s.input);
	input_free(&s.input);
	return err;
}
