/* Which streams of the input there are, and which of the output they go to. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "encode/input_private.h"
#include "lib/base/log.h"
#include "lib/media/teletext.h"

#define DATA_PID	0x300

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
	ladder_codec(&in->ladder, d->codec, d->max_bitrate);
	if (vtrack_codec(&in->video, d->codec) < 0) {
		log_warn(0, "cannot decode %s video", codec_name(d->codec));
		s->codec = d->codec;
		return;
	}
	if (had != CODEC_UNKNOWN)
		log_info("the video is now %s on PID %u", codec_name(d->codec), d->pid);
	follow(s, d);
}

static struct output_stream *
add_output(struct input *in, const struct tsdemux_stream *d)
{
	struct output_stream *o = output_add(&in->out, false);

	o->pid = (uint16_t)(DATA_PID + in->nstream);
	o->stream_type = d->stream_type;
	o->stream_id = PES_PRIVATE_1;
	o->wants_cuei = d->codec == CODEC_SCTE35;
	if (d->desc_len <= sizeof(o->desc)) {
		memcpy(o->desc, d->desc, d->desc_len);
		o->desc_len = d->desc_len;
	}
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
		if (use == INPUT_PASS && s->stream_type != d->stream_type)
			continue;	/* the tables cannot say another */
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

	if (s == NULL && (s = new_stream(in, INPUT_AUDIO)) == NULL)
		return;
	if (s->codec != d->codec || s->pid != d->pid)
		s->generation++;
	s->desc_len = d->desc_len <= sizeof(s->desc) ? d->desc_len : 0;
	memcpy(s->desc, d->desc, s->desc_len);
	s->audio_type = d->audio_type;
	follow(s, d);
}

/* Subtitles that are drawn into the pictures, and so do not pass. */
static bool
take_burnt(struct input *in, struct tsdemux_stream *d)
{
	struct input_stream *s = NULL;
	uint8_t ids[4];

	if (d->codec != CODEC_DVBSUB || !burn_wanted(&in->opt->burn) ||
	    !burn_is(&in->opt->burn, d->pid, d->desc, d->desc_len, ids))
		return false;
	for (unsigned i = 0; i < in->nstream && s == NULL; i++)
		if (in->stream[i].use == INPUT_BURN)
			s = &in->stream[i];
	if (s != NULL && !s->gone && s->pid != d->pid)
		return false;		/* the first one is burnt in */
	if ((s == NULL && (s = new_stream(in, INPUT_BURN)) == NULL) ||
	    burn_open(&in->video.burn, ids) < 0) {
		log_warn(0, "cannot decode the subtitles of PID %u", d->pid);
		return false;
	}
	log_info("the subtitles of PID %u are burnt in", d->pid);
	follow(s, d);
	return true;
}

/* It is not what this stream is any more, if it ever is again. */
static void
let_go(struct input_stream *s, struct tsdemux_stream *d)
{
	s->gone = true;
	s->pid = TS_PID_NULL;
	d->user = NULL;
}

/*
 * The tables may say something else of a stream that is there: the subtitles of PID are in
 * another language, or on other pages.
 */
static void
look_at_burnt(struct input *in)
{
	bool burnt = false;
	uint8_t ids[4];

	for (int turn = 0; turn < 2; turn++)
		for (unsigned i = 0; i < in->demux.nstream; i++) {
			struct tsdemux_stream *d = in->demux.stream[i];
			struct input_stream *s = d->user;
			bool is = s != NULL && !s->gone && d->codec == CODEC_DVBSUB &&
			    burn_is(&in->opt->burn, d->pid, d->desc, d->desc_len, ids);

			if (turn == 0 && s != NULL && s->use == INPUT_BURN) {
				if (!is || burn_open(&in->video.burn, ids) < 0) {
					let_go(s, d);
					burn_clear(&in->video.burn);
				} else {
					burnt = true;
				}
			} else if (turn == 1 && is && !burnt && s->use == INPUT_PASS) {
				let_go(s, d);
				burnt = true;
			}
		}
}

/* What a user may have meant: teletext of that PID or language. */
static bool
is_such_teletext(const struct burn_spec *want, const struct tsdemux_stream *d)
{
	struct teletext_page page;

	if (d->codec != CODEC_TELETEXT)
		return false;
	for (unsigned i = 0; teletext_page(d->desc, d->desc_len, i, &page); i++)
		if (strcasecmp(page.language, want->language) == 0)
			return true;
	return d->pid == want->pid;
}

void
input_streams_missing(struct input *in)
{
	const struct burn_spec *want = &in->opt->burn;
	char what[16], list[256] = "", language[4];
	size_t len = 0;

	if (!burn_wanted(want) || in->told_burnt || in->program < 0)
		return;
	in->told_burnt = true;
	for (unsigned i = 0; i < in->nstream; i++)
		if (in->stream[i].use == INPUT_BURN)
			return;
	if (want->pid != 0)
		snprintf(what, sizeof(what), "PID %u", want->pid);
	else
		snprintf(what, sizeof(what), "'%s'", want->language);
	for (unsigned i = 0; i < in->demux.nstream; i++) {
		const struct tsdemux_stream *d = in->demux.stream[i];

		if (!in_program(in, d))
			continue;
		if (is_such_teletext(want, d)) {
			log_warn(0, "no DVB subtitles of %s to burn in: PID %u is teletext, "
			    "which cannot be", what, d->pid);
			return;
		}
		for (unsigned k = 0; d->codec == CODEC_DVBSUB && len < sizeof(list) - 32 &&
		    burn_language(d->desc, d->desc_len, k, language); k++)
			len += (size_t)snprintf(list + len, sizeof(list) - len,
			    "%s '%s' on PID %u", len > 0 ? "," : "", language, d->pid);
	}
	log_warn(0, "no DVB subtitles of %s to burn in yet: the program has%s", what,
	    len > 0 ? list : " none");
}

static void
take_passed(struct input *in, struct tsdemux_stream *d)
{
	struct input_stream *s = heir_of(in, d, INPUT_PASS);

	if (s == NULL) {
		s = new_stream(in, INPUT_PASS);
		if (s == NULL)
			return;
		s->out = add_output(in, d);
	}
	follow(s, d);
}

void
input_streams_changed(struct input *in)
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
	if (burn_wanted(&in->opt->burn))
		look_at_burnt(in);
	for (unsigned i = 0; i < in->demux.nstream; i++) {
		struct tsdemux_stream *d = in->demux.stream[i];

		if (!in_program(in, d) || d->user != NULL)
			continue;
		switch (codec_kind(d->codec)) {
		case KIND_VIDEO:
			take_video(in, d);
			break;
		case KIND_AUDIO:
			if (in->opt->naudio > 0)
				take_audio(in, d);
			break;
		case KIND_DATA:
			if (!take_burnt(in, d))
				take_passed(in, d);
			break;
		case KIND_TEXT:
		case KIND_OTHER:
			log_warn(0, "PID %u (stream type 0x%02x) is left out", d->pid,
			    d->stream_type);
		}
	}
	for (unsigned i = 0; i < in->demux.nstream; i++) {
		struct input_stream *s = in->demux.stream[i]->user;

		if (s != NULL) {
			s->order = in->demux.stream[i]->order;
			memcpy(s->language, in->demux.stream[i]->language,
			    sizeof(s->language));
		}
	}
	if (in->started)
		input_streams_missing(in);
	input_sound_changed(in);
}
