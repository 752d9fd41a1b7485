/* What waits for the output to begin, and what passes without being coded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/input_private.h"
#include "lib/base/log.h"

void
input_hold(struct input *in, struct input_stream *s,
    const struct tsdemux_event *ev, int64_t t)
{
	struct input_held *h = malloc(sizeof(*h) + ev->len);

	if (h == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the input");
	*h = (struct input_held){
		.stream = s, .damaged = ev->damaged, .t = t, .len = ev->len,
		.section = ev->type == TSDEMUX_SECTION,
		.placed = in->epoch.now.set, .shift = in->epoch.now.off,
	};
	memcpy(h->data, ev->data, ev->len);
	*in->held_tail = h;
	in->held_tail = &h->next;
	in->held_bytes += h->len;
	while (in->held_bytes > INPUT_HOLD) {
		h = in->held;
		in->held = h->next;
		in->held_bytes -= h->len;
		free(h);
	}
}

/*
 * A cue leaves just ahead of the first picture that had not been made when it came: so
 * it is as far ahead of its splice as it was, and never after it.
 */
static void
pass_cue(struct input *in, struct input_stream *s, const uint8_t *data, size_t len,
    int64_t t, int64_t shift)
{
	uint8_t out[SCTE35_SECTION_MAX];
	struct cues_now now = { .shift = shift - in->phase };
	int64_t at = t != PES_NO_TIME && t - in->phase > in->start ? t - in->phase :
	    in->start;
	struct output_unit *u;
	size_t n;

	if (in->video.started) {
		now.grid = in->ladder.common;
		at = vtrack_next(&in->video);
		now.next = ladder_next_common(&in->ladder, at);
		at -= in->ladder.reorder + 1;
	}
	n = cues_take(&in->cues, &now, data, len, out);
	blank_take(&in->blank, out, n, in->video.started ? now.next : at);
	u = output_unit_new(out, n);
	u->section = true;
	u->pts = u->dts = s->last_t = at;
	output_put(&in->out, s->out, u);
}

/* Data: as it is, at its new time. */
static void
pass(struct input *in, struct input_stream *s, const uint8_t *data, size_t len,
    int64_t t)
{
	struct output_unit *u;
	int64_t grid = t != PES_NO_TIME ? t - in->phase : s->last_t;

	if (grid < in->start)
		return;
	u = output_unit_new(data, len);
	u->pts = t != PES_NO_TIME ? grid : t;
	u->dts = s->last_t = grid;
	output_put(&in->out, s->out, u);
}

void
input_deliver(struct input *in, struct input_stream *s, const uint8_t *data,
    size_t len, int64_t t, bool damaged, bool section, int64_t shift)
{
	if (s->use == INPUT_AUDIO)
		input_sound_unit(in, s, data, len, t, damaged);
	else if (s->use == INPUT_PASS && section)
		pass_cue(in, s, data, len, t, shift);
	else if (s->use == INPUT_PASS)
		pass(in, s, data, len, t);
}

static void
begin(struct input *in, int64_t phase, int64_t start_at)
{
	struct input_held *h;

	in->started = true;
	in->phase = phase;
	in->start = start_at;
	input_streams_missing(in);
	input_sound_start(in);
	output_release(&in->out, in->epoch.mode == EPOCH_LIVE);
	while ((h = in->held) != NULL) {
		in->held = h->next;
		input_deliver(in, h->stream, h->data, h->len, h->t, h->damaged, h->section,
		    h->placed ? h->shift : in->epoch.now.off);
		free(h);
	}
	in->held_tail = &in->held;
	in->held_bytes = 0;
}

/* Sound may have begun without it. */
void
input_begin_with_video(void *arg)
{
	struct input *in = arg;

	if (!in->started)
		begin(in, in->video.timing.phase, in->video.start);
	else
		in->phase = in->video.timing.phase;
}

void
input_wait_for_video(struct input *in, bool wait)
{
	if (in->video_off == !wait)
		return;
	in->video_off = !wait;
	for (unsigned i = 0; i < in->ladder.nrung; i++)
		output_require(&in->out, in->ladder.rung[i].worker.stream, wait);
	in->ladder.copy.required = wait;	/* until it is seen that nothing comes */
}

void
input_begin_without_video(struct input *in)
{
	struct grid grid = grid_make((struct rational){ 48000, 1024 },
	    in->opt->segment_ns);
	bool live = in->epoch.mode == EPOCH_LIVE;
	int64_t t = PES_NO_TIME, phase = 0;
	struct timing first;

	for (const struct input_held *h = in->held; h != NULL; h = h->next)
		if (h->t != PES_NO_TIME && (t == PES_NO_TIME || h->t < t))
			t = h->t;
	if (t == PES_NO_TIME)
		return;
	log_warn(0, "no video to encode: the output is audio only");
	input_wait_for_video(in, false);
	for (unsigned i = 0; i < in->ntrack; i++)
		if (in->track[i].out != NULL && in->out.pcr_pid < INPUT_AUDIO_PID)
			in->out.pcr_pid = in->track[i].out->pid;
	if (!live) {
		timing_start(&first, grid, grid.rate, t, true);
		phase = first.phase;
	}
	output_mark(&in->out, grid, live ? &in->epoch : NULL);
	in->video.file = false;		/* if it comes, time has begun without it */
	in->video.phase = phase;
	begin(in, phase, t - phase);
}
