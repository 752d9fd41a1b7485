#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/input.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

#define AUDIO_PID	0x200
#define DATA_PID	0x300
#define AAC_ADTS	0x0f		/* stream_type */
#define LAG		(INT64_C(5) * 90000 / 2)	/* between audio and video */
#define AUDIO_ALONE	(INT64_C(10) * 90000)	/* waiting for a first picture */
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
	in->ahead.done = opt->clock != CLOCK_AUTO;
	epoch_init(&in->epoch);
	output_init(&in->out, opt->nrung);
	ladder_init(&in->ladder, opt, &in->out);
	vtrack_init(&in->video, opt, &in->ladder, &in->epoch);
}

static void
hold(struct input *in, struct input_stream *s, const struct tsdemux_event *ev,
    int64_t t)
{
	struct input_held *h = malloc(sizeof(*h) + ev->len);

	if (h == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the input");
	*h = (struct input_held){
		.stream = s, .damaged = ev->damaged, .t = t, .len = ev->len,
		.section = ev->type == TSDEMUX_SECTION, .shift = in->epoch.now.off,
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

/* SCTE 35 9.6: the times in a section are pts_adjustment off; ours moved. */
static void
adjust_cue(uint8_t *p, size_t len, int64_t shift)
{
	uint64_t v;
	uint32_t crc;

	if (len < 20 || p[0] != PSI_TABLE_SCTE35)
		return;
	v = (uint64_t)(p[4] & 1) << 32 | (uint64_t)p[5] << 24 | (uint64_t)p[6] << 16 |
	    (uint64_t)p[7] << 8 | p[8];
	v = (v + (uint64_t)shift) & (PES_WRAP - 1);
	p[4] = (uint8_t)((p[4] & 0xfe) | v >> 32);
	p[5] = (uint8_t)(v >> 24);
	p[6] = (uint8_t)(v >> 16);
	p[7] = (uint8_t)(v >> 8);
	p[8] = (uint8_t)v;
	crc = psi_crc32(p, len - 4);
	p[len - 4] = (uint8_t)(crc >> 24);
	p[len - 3] = (uint8_t)(crc >> 16);
	p[len - 2] = (uint8_t)(crc >> 8);
	p[len - 1] = (uint8_t)crc;
}

/* Data and copied audio: as it is, at its new time. */
static void
pass(struct input *in, struct input_stream *s, const uint8_t *data, size_t len,
    int64_t t, bool section, int64_t shift)
{
	struct output_unit *u;
	int64_t grid = t - in->phase;

	if (t == PES_NO_TIME)
		grid = s->last_t;
	if (grid < in->start)
		return;
	u = output_unit_new(data, len);
	u->section = section;
	u->pts = u->dts = s->last_t = grid;
	u->random_access = codec_kind(s->codec) == KIND_AUDIO;
	if (section)
		adjust_cue(u->data, len, shift - in->phase);
	if (codec_kind(s->codec) == KIND_AUDIO && !s->waited_for) {
		s->waited_for = true;
		output_require(&in->out, s->out, true);
	}
	output_put(&in->out, s->out, u);
}

static void
deliver(struct input *in, struct input_stream *s, const uint8_t *data, size_t len,
    int64_t t, bool damaged, bool section, int64_t shift)
{
	if (s->use == INPUT_AUDIO)
		atrack_unit(&s->audio, data, len, t == PES_NO_TIME ? t : t - in->phase,
		    damaged);
	else if (s->use == INPUT_PASS)
		pass(in, s, data, len, t, section, shift);
}

/* Output time is decided: what was held goes on. */
static void
begin(struct input *in, int64_t phase, int64_t start_at)
{
	struct input_held *h;

	in->started = true;
	in->phase = phase;
	in->start = start_at;
	for (unsigned i = 0; i < in->nstream; i++)
		in->stream[i].audio.start = rescale_near(start_at, ATRACK_RATE, 90000);
	output_release(&in->out);
	while ((h = in->held) != NULL) {
		in->held = h->next;
		deliver(in, h->stream, h->data, h->len, h->t, h->damaged, h->section,
		    h->shift);
		free(h);
	}
	in->held_tail = &in->held;
	in->held_bytes = 0;
}

static void
wait_for_video(struct input *in, bool wait)
{
	if (in->video_off == !wait)
		return;
	in->video_off = !wait;
	for (unsigned i = 0; i < in->ladder.nrung; i++)
		output_require(&in->out, in->ladder.rung[i].stream, wait);
}

static void
begin_without_video(struct input *in)
{
	int64_t t = PES_NO_TIME;

	for (const struct input_held *h = in->held; h != NULL; h = h->next)
		if (h->t != PES_NO_TIME && (t == PES_NO_TIME || h->t < t))
			t = h->t;
	if (t == PES_NO_TIME)
		return;
	log_warn(0, "no video to encode: the output is audio only");
	wait_for_video(in, false);
	for (unsigned i = 0; i < in->nstream; i++)
		if (in->stream[i].out != NULL && in->out.pcr_pid < AUDIO_PID)
			in->out.pcr_pid = in->stream[i].out->pid;
	begin(in, 0, t);
}

/* ---- which streams there are */

static bool
in_program(const struct input *in, const struct tsdemux_stream *s)
{
	return in->program >= 0 && (s->programs >> in->program & 1) != 0;
}

static bool
has_kind(const struct input *in, unsigned program, enum codec_kind kind)
{
	for (unsigned i = 0; i < in->demux.nstream; i++)
		if ((in->demux.stream[i]->programs >> program & 1) != 0 &&
		    codec_kind(in->demux.stream[i]->codec) == kind)
			return true;
	return false;
}

/* The program asked for; else the first with video; else the first with audio. */
static int
choose_program(const struct input *in)
{
	static const enum codec_kind wanted[] = { KIND_VIDEO, KIND_AUDIO };

	for (unsigned i = 0; i < in->demux.nprogram && in->opt->program != 0; i++)
		if (in->demux.program[i].program_number == in->opt->program)
			return in->demux.program[i].seen ? (int)i : -1;
	for (unsigned w = 0; w < 2 && in->opt->program == 0; w++)
		for (unsigned i = 0; i < in->demux.nprogram; i++) {
			if (!in->demux.program[i].seen && w == 0)
				return -1;	/* it may be that one */
			if (has_kind(in, i, wanted[w]))
				return (int)i;
		}
	return -1;
}

static struct input_stream *
new_stream(struct input *in, enum input_use use)
{
	struct input_stream *s = &in->stream[in->nstream];

	if (in->nstream == INPUT_STREAMS)
		return NULL;
	in->nstream++;
	*s = (struct input_stream){ .use = use, .last_t = PES_NO_TIME };
	return s;
}

static void
follow(struct input_stream *s, struct tsdemux_stream *d)
{
	if (s->pid != d->pid)
		s->epoch.started = false;
	s->pid = d->pid;
	s->stream_type = d->stream_type;
	s->codec = d->codec;
	memcpy(s->language, d->language, sizeof(s->language));
	s->gone = false;
	d->user = s;
}

static void
take_video(struct input *in, struct tsdemux_stream *d)
{
	struct input_stream *s = in->video_stream;
	enum codec had = s != NULL ? s->codec : CODEC_UNKNOWN;

	if (s != NULL && !s->gone && s->pid == d->pid && had == d->codec) {
		d->user = s;
		return;
	}
	if (s != NULL && !s->gone && s->pid != d->pid)
		return;			/* another camera: not asked for */
	if (s == NULL)
		s = in->video_stream = new_stream(in, INPUT_VIDEO);
	if (s == NULL)
		return;
	if (vtrack_codec(&in->video, d->codec) < 0) {
		log_warn(0, "cannot decode %s video", codec_name(d->codec));
		s->codec = d->codec;
		return;
	}
	if (had != CODEC_UNKNOWN)
		log_info("the video is now %s on PID %u", codec_name(d->codec), d->pid);
	follow(s, d);
}

static void
copy_desc(struct output_stream *o, const struct tsdemux_stream *d, bool all)
{
	const uint8_t *lang;
	size_t len;

	if (all && d->desc_len <= sizeof(o->desc)) {
		memcpy(o->desc, d->desc, d->desc_len);
		o->desc_len = d->desc_len;
		return;
	}
	lang = desc_find(d->desc, d->desc_len, DESC_ISO_639, &len);
	if (lang != NULL)
		desc_put(o->desc, sizeof(o->desc), &o->desc_len, DESC_ISO_639, lang, len);
}

static struct output_stream *
add_output(struct input *in, const struct tsdemux_stream *d, bool audio)
{
	struct output_stream *o = output_add(&in->out, audio);
	bool coded = audio && in->opt->audio == AUDIO_AAC;

	o->pid = (uint16_t)((audio ? AUDIO_PID : DATA_PID) + in->nstream);
	o->stream_type = coded ? AAC_ADTS : d->stream_type;
	o->stream_id = coded || d->codec == CODEC_AAC || d->codec == CODEC_LATM ||
	    d->codec == CODEC_MPEGA ? PES_AUDIO : PES_PRIVATE_1;
	o->wants_cuei = d->codec == CODEC_SCTE35;
	copy_desc(o, d, !coded);
	return o;
}

/* A track that has gone and that this one continues, or NULL. */
static struct input_stream *
heir_of(struct input *in, const struct tsdemux_stream *d, enum input_use use)
{
	struct input_stream *best = NULL;

	for (unsigned i = 0; i < in->nstream; i++) {
		struct input_stream *s = &in->stream[i];

		if (s->use != use || codec_kind(s->codec) != codec_kind(d->codec))
			continue;
		if (s->pid == d->pid)
			return s;
		if (s->gone && (best == NULL ||
		    strcmp(s->language, d->language) == 0))
			best = s;
	}
	return best;
}

static void
take_audio(struct input *in, struct tsdemux_stream *d)
{
	struct input_stream *s = heir_of(in, d, INPUT_AUDIO);
	bool fresh = s == NULL;

	if (!fresh && s->codec == d->codec && s->pid == d->pid) {
		follow(s, d);
		return;
	}
	if (fresh) {
		s = new_stream(in, INPUT_AUDIO);
		if (s == NULL)
			return;
		s->out = add_output(in, d, true);
		atrack_init(&s->audio, &in->out, s->out, d->pid, in->opt->audio_rate,
		    in->start);
		s->out->max_rate = in->opt->audio_rate;
	}
	if (atrack_codec(&s->audio, d->codec, d->desc, d->desc_len) < 0) {
		log_warn(0, "cannot decode %s audio of PID %u", codec_name(d->codec),
		    d->pid);
		if (fresh)
			output_require(&in->out, s->out, false);
	}
	follow(s, d);
}

static void
take_passed(struct input *in, struct tsdemux_stream *d)
{
	bool audio = codec_kind(d->codec) == KIND_AUDIO;
	struct input_stream *s = heir_of(in, d, INPUT_PASS);

	if (s == NULL || s->stream_type != d->stream_type) {
		s = new_stream(in, INPUT_PASS);
		if (s == NULL)
			return;
		s->out = add_output(in, d, audio);
		s->waited_for = audio;
	}
	follow(s, d);
}

static void
streams_changed(struct input *in)
{
	int program = choose_program(in);
	uint32_t version;

	if (program < 0)
		return;
	in->program = program;
	version = in->demux.program[program].version_number;
	for (unsigned i = 0; i < in->nstream; i++) {
		struct input_stream *s = &in->stream[i];
		const struct tsdemux_stream *d = tsdemux_find(&in->demux, s->pid);

		s->gone = d == NULL || !in_program(in, d) ||
		    codec_kind(d->codec) != codec_kind(s->codec);
		s->epoch.switched |= version != in->version && in->version != UINT32_MAX;
	}
	in->version = version;
	for (unsigned i = 0; i < in->demux.nstream; i++) {
		struct tsdemux_stream *d = in->demux.stream[i];

		if (!in_program(in, d) || d->user != NULL)
			continue;
		switch (codec_kind(d->codec)) {
		case KIND_VIDEO:
			take_video(in, d);
			break;
		case KIND_AUDIO:
			if (in->opt->audio == AUDIO_AAC)
				take_audio(in, d);
			else if (in->opt->audio == AUDIO_COPY)
				take_passed(in, d);
			break;
		case KIND_DATA:
			take_passed(in, d);
			break;
		case KIND_OTHER:
			log_warn(0, "PID %u (stream type 0x%02x) is left out", d->pid,
			    d->stream_type);
		}
	}
}

/* ---- what comes */

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

	for (unsigned i = 0; i < in->nstream && in->started; i++) {
		struct input_stream *s = &in->stream[i];

		if (s->out == NULL || v == PES_NO_TIME ||
		    codec_kind(s->codec) != KIND_AUDIO)
			continue;
		if (s->use == INPUT_AUDIO && s->audio.started) {
			atrack_fill(&s->audio, v - in->phase - LAG);
		} else if (s->use == INPUT_AUDIO) {
			if (v - in->phase - in->start > LAG)
				output_require(&in->out, s->out, false);
		} else if (s->waited_for && v - in->phase - (s->last_t == PES_NO_TIME ?
		    in->start : s->last_t) > LAG) {
			s->waited_for = false;
			output_require(&in->out, s->out, false);
		}
	}
	if (in->audio_t == PES_NO_TIME || (v != PES_NO_TIME && in->audio_t - v <= LAG)) {
		if (in->started && in->video.started)
			wait_for_video(in, true);
		return;
	}
	if (in->started && in->video.started && in->epoch.mode == EPOCH_LIVE)
		vtrack_catch_up(&in->video, in->audio_t - LAG);
	else if (in->started)
		wait_for_video(in, false);
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
		if (dts != PES_NO_TIME)
			t = dts + (ev->pts - ev->dts);
	} else if (section) {
		t = in->video_t != PES_NO_TIME ? in->video_t : in->audio_t;
	}
	if (s->use == INPUT_VIDEO) {
		if (t != PES_NO_TIME)
			in->video_t = t;
		vtrack_unit(&in->video, ev->data, ev->len, t, dts);
		if (in->video.started && !in->started)
			begin(in, in->video.timing.phase, in->video.start);
	} else if (!in->started) {
		hold(in, s, ev, t);
		if (codec_kind(s->codec) == KIND_AUDIO && t != PES_NO_TIME)
			in->audio_t = t;
		if (alone(in))
			begin_without_video(in);
	} else {
		if (codec_kind(s->codec) == KIND_AUDIO && t != PES_NO_TIME)
			in->audio_t = t;
		deliver(in, s, ev->data, ev->len, t, ev->damaged, section,
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
			streams_changed(in);
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
	in->demux.eof = eof;
	work(in);
}

void
input_finish(struct input *in)
{
	vtrack_finish(&in->video);
	if (in->video.started && !in->started)
		begin(in, in->video.timing.phase, in->video.start);
	else if (!in->started)
		begin_without_video(in);
	for (unsigned i = 0; i < in->nstream; i++)
		if (in->stream[i].use == INPUT_AUDIO)
			atrack_finish(&in->stream[i].audio);
	if (in->video.started)
		ladder_finish(&in->ladder);
	output_finish(&in->out);
}

int
input_check(const struct input *in)
{
	bool audio = false;

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
	for (unsigned i = 0; i < in->nstream; i++)
		if (in->stream[i].use == INPUT_AUDIO)
			atrack_free(&in->stream[i].audio);
	vtrack_free(&in->video);
	if (in->video.started)
		ladder_free(&in->ladder);
	tsdemux_free(&in->demux);
	ahead_free(&in->ahead);
	free(in->buf);
}
