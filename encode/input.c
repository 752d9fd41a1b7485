#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/early.h"
#include "encode/input_private.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define LAG		(INT64_C(5) * 90000 / 2)	/* between audio and video */
#define AUDIO_ALONE	(INT64_C(10) * 90000)	/* waiting for a first picture */
#define REORDER_MOST	(INT64_C(10) * 90000)	/* ISO/IEC 13818-1 2.4.2.7: else damage */
#define LONG_GOP	(INT64_C(30) * 90000)	/* pictures come, but no first one */

void
input_init(struct input *in, const struct options *opt, bool regular)
{
	*in = (struct input){
		.opt = opt, .regular = regular, .program = -1,
		.video_t = PES_NO_TIME, .audio_t = PES_NO_TIME,
	};
	in->held_tail = &in->held;
	if (tsdemux_init(&in->demux) < 0 || ahead_init(&in->ahead) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot read a transport stream");
	in->born_ns = clk_mono_ns();
	in->ahead.done = opt->clock != CLOCK_AUTO;
	epoch_init(&in->epoch);
	output_init(&in->out, opt->nrung, opt->low);
	if (opt->mux_rate > 0)
		output_constant(&in->out, opt->mux_rate,
		    rescale_near(options_mux_delay(opt), 90000, CLK_SECOND));
	blank_init(&in->blank, opt->blank);
	if (opt->on_loss != NULL)
		loss_parse(&in->loss, opt->on_loss);
	ladder_init(&in->ladder, opt, &in->out, &in->blank);
	vtrack_init(&in->video, opt, &in->ladder, &in->epoch);
	in->video.begins = input_begin_with_video;
	in->video.arg = in;
	cues_init(&in->cues, &opt->condition, &in->ladder.splices);
}

static void
decide_mode(struct input *in)
{
	bool file = in->opt->clock == CLOCK_NONE ||
	    (in->opt->clock == CLOCK_AUTO && (in->ahead.clock == TSDEMUX_NOT_LIVE ||
	    (in->ahead.clock == TSDEMUX_CLOCK_UNKNOWN && in->regular)));

	in->epoch.mode = file ? EPOCH_FILE : EPOCH_LIVE;
	in->video.file = file;
}

static void
take_pcr(struct input *in, const struct tsdemux_event *ev)
{
	bool stamped = ev->has_arrival && in->opt->clock != CLOCK_ARRIVAL;

	if (in->program >= 0 && ev->pid != in->demux.program[in->program].pcr_pid)
		return;
	if (in->epoch.stamped && !stamped)
		return;			/* the next clock packet knows better */
	epoch_pcr(&in->epoch, ev->pcr / 300, stamped ?
	    clk_ntp_to_ns(ev->arrival_ntp) : clk_utc_ns(), stamped);
}

/* Neither audio nor video waits for ever for the other. */
static void
keep_together(struct input *in)
{
	int64_t v = in->video_t;

	input_sound_keep_up(in, in->video_off ? in->audio_t : v);
	if (in->audio_t == PES_NO_TIME || (v != PES_NO_TIME && in->audio_t - v <= LAG)) {
		if (in->started && in->video.started)
			input_wait_for_video(in, true);
		return;
	}
	if (in->started && in->video.started && in->epoch.mode == EPOCH_LIVE)
		vtrack_catch_up(&in->video, in->audio_t - LAG);
	else if (in->started)
		input_wait_for_video(in, false);
}

/* A stream joined in the middle of a long GOP has video, only not yet. */
static bool
alone(const struct input *in)
{
	bool comes = in->video_t != PES_NO_TIME && in->audio_t != PES_NO_TIME &&
	    in->audio_t - in->video_t < AUDIO_ALONE;

	if (in->video_stream == NULL || in->video_stream->gone)
		return in->held_bytes > 0;
	return in->held != NULL && in->audio_t != PES_NO_TIME &&
	    in->held->t != PES_NO_TIME &&
	    in->audio_t - in->held->t > (comes ? LONG_GOP : AUDIO_ALONE);
}

static void
take_unit(struct input *in, const struct tsdemux_event *ev)
{
	struct input_stream *s = ev->stream->user;
	bool section = ev->type == TSDEMUX_SECTION;
	int64_t t = PES_NO_TIME, dts = PES_NO_TIME;

	if (s == NULL || s->pid != ev->stream->pid)
		return;
	if (in->epoch.mode == EPOCH_UNDECIDED)
		decide_mode(in);
	if (ev->dts != PES_NO_TIME) {
		dts = epoch_time(&in->epoch, &s->epoch, ev->dts, ev->discontinuity,
		    clk_utc_ns());
		if (dts != PES_NO_TIME && ev->pts - ev->dts >= -90000 &&
		    ev->pts - ev->dts <= REORDER_MOST)
			t = dts + (ev->pts - ev->dts);
	} else if (section) {
		t = in->video_t != PES_NO_TIME ? in->video_t : in->audio_t;
	}
	if (codec_kind(s->codec) == KIND_AUDIO)
		in->sound_ns = clk_mono_ns();
	if (s->use == INPUT_VIDEO) {
		if (t != PES_NO_TIME)
			in->video_t = t;
		if (ev->discontinuity && ev->random_access && t != PES_NO_TIME)
			vtrack_switch(&in->video);
		ladder_source(&in->ladder, ev->data, ev->len, t, dts, ev->damaged);
		vtrack_unit(&in->video, ev->data, ev->len, t, dts);
	} else if (s->use == INPUT_BURN) {
		burn_unit(&in->video.burn, ev->data, ev->len, t);
	} else if (!in->started) {
		input_hold(in, s, ev, t);
		if (codec_kind(s->codec) == KIND_AUDIO && t != PES_NO_TIME)
			in->audio_t = t;
		if (alone(in))
			input_begin_without_video(in);
	} else {
		if (codec_kind(s->codec) == KIND_AUDIO && t != PES_NO_TIME)
			in->audio_t = t;
		input_deliver(in, s, ev->data, ev->len, t,
		    ev->damaged || ev->discontinuity, section,
		    in->epoch.now.off);
	}
	keep_together(in);
}

static void
work(struct input *in)
{
	struct tsdemux_event ev;
	size_t pos = 0, used;
	int r;

	while ((r = tsdemux_next(&in->demux, in->buf + pos, in->len - pos, &used,
	    &ev)) > 0) {
		pos += used;
		switch (ev.type) {
		case TSDEMUX_STREAMS:
			input_streams_changed(in);
			break;
		case TSDEMUX_PCR:
			take_pcr(in, &ev);
			break;
		case TSDEMUX_UNIT:
		case TSDEMUX_SECTION:
			take_unit(in, &ev);
			break;
		}
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read a transport stream");
	pos += used;
	in->len -= pos;
	if (pos > 0)
		memmove(in->buf, in->buf + pos, in->len);
}

static void
append(struct input *in, const uint8_t *p, size_t len)
{
	if (in->len + len > in->size) {
		size_t size = 2 * in->size + len;
		uint8_t *buf = realloc(in->buf, size);

		if (buf == NULL)
			fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the input");
		in->buf = buf;
		in->size = size;
	}
	if (len > 0)
		memcpy(in->buf + in->len, p, len);
	in->len += len;
}

void
input_take(struct input *in, const uint8_t *p, size_t len, bool eof)
{
	append(in, p, len);
	if (!in->ahead.done) {
		ahead_look(&in->ahead, in->buf, in->len, eof);
		if (!in->ahead.done)
			return;
		if (in->ahead.stamped)
			epoch_pcr(&in->epoch, in->ahead.pcr_90k, in->ahead.utc_ns, true);
	}
	/* What a signal cuts off in its middle is left out. */
	in->demux.eof = eof && !io_stopping();
	work(in);
}

/* Silence beside the pictures that are made, unless the sound still comes. */
static void
fill_sound(struct input *in, int64_t grid_t)
{
	if (clk_mono_ns() - in->sound_ns < LOSS_LATE)
		return;
	input_sound_fill(in, grid_t);
}

/*
 * Nothing has come, or nothing that can be shown: begin without it.  Where the source has
 * a clock by now, that is where it will be.
 */
static void
begin_early(struct input *in)
{
	char why[256];
	AVFrame *f;

	if (in->loss.nstep == 0 || in->regular || in->opt->clock == CLOCK_NONE ||
	    in->told_early || in->epoch.mode == EPOCH_FILE ||
	    clk_mono_ns() - in->born_ns < EARLY_PATIENCE)
		return;
	in->told_early = true;
	if (!early_able(in->opt, why, sizeof(why))) {
		log_warn(0, "no picture has come, and --on-loss cannot begin without: %s", why);
		return;
	}
	if ((f = early_picture(in->opt)) == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot make a picture for --on-loss");
	in->epoch.mode = EPOCH_LIVE;
	input_sound_promise(in);
	if (vtrack_begin_early(&in->video, f, (in->epoch.now.set ? in->epoch.last_t :
	    rescale_near(clk_utc_ns(), CLK_90K, CLK_SECOND)) - EARLY_BEHIND)) {
		loss_begin_early(&in->loss, &in->video);
		log_warn(0, "no picture has come for %d s: the output begins without",
		    (int)(EARLY_PATIENCE / CLK_SECOND));
	}
	av_frame_free(&f);
}

void
input_idle(struct input *in)
{
	bool some;

	if (!in->started)
		begin_early(in);
	if (!in->started)
		return;
	some = loss_fill(&in->loss, &in->video);
	epoch_filled(&in->epoch, in->loss.on ?
	    vtrack_next(&in->video) + in->video.timing.phase : PES_NO_TIME);
	if (!some)
		return;
	in->video_t = vtrack_next(&in->video) + in->video.timing.phase;
	fill_sound(in, vtrack_next(&in->video));
	keep_together(in);
}

int64_t
input_wait(const struct input *in, int64_t most_ns)
{
	return in->started ? loss_wait(&in->loss, &in->video, most_ns) : most_ns;
}

void
input_finish(struct input *in)
{
	vtrack_finish(&in->video);
	if (!in->started)
		input_begin_without_video(in);
	input_sound_finish(in);
	if (in->video.started)
		ladder_finish(&in->ladder);
	output_finish(&in->out);
}

int
input_check(const struct input *in)
{
	bool audio = false;

	for (unsigned i = 0; i < in->ntrack; i++)
		audio |= in->track[i].out != NULL && in->track[i].out->units > 0;
	for (unsigned i = 0; i < in->nstream; i++)
		audio |= in->stream[i].out != NULL && in->stream[i].out->units > 0;
	if (in->video.started || audio)
		return EXIT_SUCCESS;
	if (in->demux.sync.packets == 0)
		fatal(EXIT_INPUT, 0, "no transport stream on standard input");
	if (in->opt->program != 0 && in->program < 0)
		fatal(EXIT_INPUT, 0, "no program %u in the input", in->opt->program);
	fatal(EXIT_INPUT, 0, "nothing in the input can be decoded");
}

void
input_free(struct input *in)
{
	struct input_held *h;

	while ((h = in->held) != NULL) {
		in->held = h->next;
		free(h);
	}
	input_sound_free(in);
	vtrack_free(&in->video);
	if (in->video.started)
		ladder_free(&in->ladder);
	else
		copy_free(&in->ladder.copy);
	blank_free(&in->blank);
	loss_free(&in->loss);
	tsdemux_free(&in->demux);
	ahead_free(&in->ahead);
	free(in->buf);
}
