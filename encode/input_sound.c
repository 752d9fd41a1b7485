/* The audio tracks of the output: what each is made of, and how far it is. */
#include <string.h>

#include "encode/input_private.h"
#include "lib/base/log.h"

#define LAG		(INT64_C(5) * 90000 / 2)	/* between audio and video */
#define LAG_ABSENT	(INT64_C(90000) / 2)	/* where nothing can come */

/*
 * Copied audio is cut between PES packets, which may have a third of a second of it;
 * what is too early is less of a harm than a hole at the beginning.
 */
#define PREROLL		(INT64_C(90000) / 2)

static bool
available(const struct input_stream *s)
{
	return s->use == INPUT_AUDIO && !s->gone;
}

/* ---- which stream of the input */

static struct input_stream *
by_number(struct input *in, unsigned number)
{
	struct input_stream *found = NULL;
	unsigned least = 0;

	while (number-- > 0) {
		found = NULL;
		for (unsigned i = 0; i < in->nstream; i++) {
			struct input_stream *s = &in->stream[i];

			if (available(s) && s->order >= least &&
			    (found == NULL || s->order < found->order))
				found = s;
		}
		if (found == NULL)
			return NULL;
		least = found->order + 1;
	}
	return found;
}

/* The first track of a language; of any for "*". */
static struct input_stream *
by_language(struct input *in, const char *lang)
{
	struct input_stream *found = NULL;

	for (unsigned i = 0; i < in->nstream; i++) {
		struct input_stream *s = &in->stream[i];

		if (available(s) && (*lang == '*' || strcasecmp(lang, s->language) == 0) &&
		    (found == NULL || s->order < found->order))
			found = s;
	}
	return found;
}

static struct input_stream *
choose(struct input *in, const struct audio_spec *spec)
{
	struct input_stream *found = NULL;

	if (spec->track != 0)
		return by_number(in, spec->track);
	for (unsigned i = 0; i < in->nstream && spec->pid != 0; i++)
		if (available(&in->stream[i]) && in->stream[i].pid == spec->pid)
			found = &in->stream[i];
	for (unsigned i = 0; i < spec->nlang && spec->pid == 0 && found == NULL; i++)
		found = by_language(in, spec->lang[i]);
	return found;
}

/* ---- tracks */

static void
put_language(struct output_stream *o, const char *language, uint8_t type)
{
	uint8_t d[4] = { 0, 0, 0, type };

	if (strlen(language) != 3)
		return;
	memcpy(d, language, 3);
	desc_put(o->desc, sizeof(o->desc), &o->desc_len, DESC_ISO_639, d, sizeof(d));
}

/* What the tables say of a track that is coded. */
static void
describe_coded(struct input_track *t, const struct input_stream *s)
{
	static const uint8_t types[CODEC_COUNT] = {
		[CODEC_AAC] = 0x0f, [CODEC_AC3] = 0x81, [CODEC_EAC3] = 0x87,
		[CODEC_OPUS] = 0x06,
	};
	const char *language = s != NULL ? s->language : "";

	if (t->spec->selects && s == NULL && t->spec->nlang > 0 && t->spec->lang[0][0] != '*')
		language = t->spec->lang[0];
	if (t->spec->label[0] != '\0')
		language = t->spec->label;
	memcpy(t->language, language, strlen(language) + 1);
	t->out->stream_type = types[t->spec->codec];
	t->out->stream_id = t->spec->codec == CODEC_AAC ? PES_AUDIO : PES_PRIVATE_1;
	put_language(t->out, language, s != NULL ? s->audio_type : 0);
}

/* What they say of one that is copied: what they said, but for another language. */
static void
describe_copied(struct input_track *t, const struct input_stream *s)
{
	struct output_stream *o = t->out;
	const char *label = t->spec->label;

	o->stream_type = s->stream_type;
	o->stream_id = s->codec == CODEC_AAC || s->codec == CODEC_LATM ||
	    s->codec == CODEC_MPEGA ? PES_AUDIO : PES_PRIVATE_1;
	memcpy(t->language, label[0] != '\0' ? label : s->language, sizeof(t->language));
	if (label[0] != '\0' || s->desc_len == 0)
		put_language(o, t->language, s->audio_type);
	for (size_t i = 0; i + 2 <= s->desc_len && i + 2 + s->desc[i + 1] <= s->desc_len;
	    i += 2 + (size_t)s->desc[i + 1])
		if (label[0] == '\0' || s->desc[i] != DESC_ISO_639)
			desc_put(o->desc, sizeof(o->desc), &o->desc_len, s->desc[i],
			    s->desc + i + 2, s->desc[i + 1]);
}

static void
add_output(struct input *in, struct input_track *t)
{
	t->out = output_add(&in->out, true);
	t->out->pid = (uint16_t)(INPUT_AUDIO_PID + ++in->sounds);
	t->out->audio = true;
}

/* What is copied goes to an output of its type: that of before, if it had the same. */
static void
copy_to(struct input *in, struct input_track *t, const struct input_stream *s)
{
	unsigned i = 0;

	if (t->out != NULL && t->out->stream_type == s->stream_type)
		return;
	if (t->out != NULL)
		output_require(&in->out, t->out, false);
	while (i < t->nhad && t->had[i]->stream_type != s->stream_type)
		i++;
	if (i < t->nhad) {
		t->out = t->had[i];
		output_require(&in->out, t->out, true);
	} else if (i < INPUT_HAD) {
		add_output(in, t);
		describe_copied(t, s);
		t->had[t->nhad++] = t->out;
	}
	t->waited_for = true;
}

/* From now on the track is made of this stream, or of none. */
static void
attach(struct input *in, struct input_track *t, struct input_stream *s)
{
	bool copy = t->spec->mode == AUDIO_COPY;

	if (s == t->source && (s == NULL || s->generation == t->generation))
		return;
	if (t->source != NULL && s != NULL)
		log_info("the track of --audio '%s' is now PID %u", t->spec->text, s->pid);
	t->source = s;
	if (s == NULL)
		return;
	t->generation = s->generation;
	if (copy) {
		copy_to(in, t, s);
		return;
	}
	if (t->out == NULL) {
		add_output(in, t);
		describe_coded(t, s);
		atrack_init(&t->audio, t->spec, &in->out, t->out, &in->blank, in->start);
	}
	if (atrack_codec(&t->audio, s->pid, s->codec, s->desc, s->desc_len) < 0) {
		log_warn(0, "cannot decode %s audio of PID %u", codec_name(s->codec), s->pid);
		if (!t->audio.started && !t->spec->selects)
			output_require(&in->out, t->out, false);
	}
}

static struct input_track *
new_track(struct input *in, const struct audio_spec *spec)
{
	struct input_track *t = &in->track[in->ntrack];

	if (in->ntrack == INPUT_TRACKS)
		return NULL;
	in->ntrack++;
	*t = (struct input_track){ .spec = spec, .last_t = PES_NO_TIME };
	return t;
}

/* A track of its own for each stream: of a spec that selects none. */
static void
attach_all(struct input *in, const struct audio_spec *spec)
{
	struct input_stream *s;

	for (unsigned n = 1; (s = by_number(in, n)) != NULL; n++) {
		struct input_track *t = NULL;

		for (unsigned i = 0; i < in->ntrack && t == NULL; i++)
			if (in->track[i].spec == spec && in->track[i].source == s)
				t = &in->track[i];
		for (unsigned i = 0; i < in->ntrack && t == NULL; i++)
			if (in->track[i].spec == spec && in->track[i].promised &&
			    in->track[i].source == NULL)
				t = &in->track[i];
		if (t == NULL)
			t = new_track(in, spec);
		if (t != NULL)
			attach(in, t, s);
	}
}

/* What there is no stream for yet. */
static void
begin_silent(struct input *in, struct input_track *t)
{
	add_output(in, t);
	describe_coded(t, NULL);
	atrack_init(&t->audio, t->spec, &in->out, t->out, &in->blank, in->start);
}

static void
attach_one(struct input *in, const struct audio_spec *spec)
{
	struct input_stream *s = choose(in, spec);
	struct input_track *t = NULL;

	for (unsigned i = 0; i < in->ntrack; i++)
		if (in->track[i].spec == spec)
			t = &in->track[i];
	if (t == NULL && (t = new_track(in, spec)) == NULL)
		return;
	attach(in, t, s);
	if (t->out == NULL && spec->mode == AUDIO_CODE) {
		log_warn(0, "there is no such track yet: --audio '%s'", spec->text);
		begin_silent(in, t);
	}
}

void
input_sound_promise(struct input *in)
{
	for (unsigned i = 0; i < in->opt->naudio; i++) {
		const struct audio_spec *spec = &in->opt->audio[i];
		struct input_track *t;

		if (spec->mode != AUDIO_CODE || (t = new_track(in, spec)) == NULL)
			continue;
		t->promised = true;
		begin_silent(in, t);
	}
}

void
input_sound_changed(struct input *in)
{
	for (unsigned i = 0; i < in->opt->naudio; i++) {
		const struct audio_spec *spec = &in->opt->audio[i];

		if (spec->selects)
			attach_one(in, spec);
		else
			attach_all(in, spec);
	}
}

void
input_sound_start(struct input *in)
{
	for (unsigned i = 0; i < in->ntrack; i++)
		if (in->track[i].spec->mode == AUDIO_CODE)
			atrack_start(&in->track[i].audio, in->start);
}

/* ---- what comes */

/* As it is, at its new time.  Audio never goes back. */
static void
copy_sound(struct input *in, struct input_track *t, const uint8_t *data, size_t len, int64_t time)
{
	int64_t grid = time != PES_NO_TIME ? time - in->phase : t->last_t;
	struct output_unit *u;

	if (grid < in->start - PREROLL || (time != PES_NO_TIME && grid <= t->last_t))
		return;
	u = output_unit_new(data, len);
	u->pts = time != PES_NO_TIME ? grid : time;
	u->dts = t->last_t = grid;
	u->random_access = true;
	if (!t->waited_for) {
		t->waited_for = true;
		output_require(&in->out, t->out, true);
	}
	output_put(&in->out, t->out, u);
}

void
input_sound_unit(struct input *in, const struct input_stream *s, const uint8_t *data,
    size_t len, int64_t time, bool damaged)
{
	for (unsigned i = 0; i < in->ntrack; i++) {
		struct input_track *t = &in->track[i];

		if (t->source == s && t->spec->mode == AUDIO_COPY)
			copy_sound(in, t, data, len, time);
		else if (t->source == s)
			atrack_unit(&t->audio, data, len,
			    time == PES_NO_TIME ? time : time - in->phase, damaged);
	}
}

/* ---- what does not come */

static void
keep_up(struct input *in, struct input_track *t, int64_t v)
{
	bool absent = t->source == NULL || t->source->gone;
	int64_t grid = v - in->phase;

	if (t->out == NULL)
		return;
	if (t->spec->mode == AUDIO_COPY) {
		if (t->waited_for && grid - (t->last_t == PES_NO_TIME ? in->start : t->last_t) >
		    LAG) {
			t->waited_for = false;
			output_require(&in->out, t->out, false);
		}
	} else if ((t->spec->selects || t->promised) &&
	    (absent || t->audio.started || grid - in->start > LAG)) {
		atrack_silence(&t->audio, grid - (absent ? LAG_ABSENT : LAG));
	} else if (t->audio.started) {
		atrack_fill(&t->audio, grid - LAG);
	} else if (grid - in->start > LAG) {
		output_require(&in->out, t->out, false);
	}
}

void
input_sound_keep_up(struct input *in, int64_t v)
{
	if (v == PES_NO_TIME || !in->started)
		return;
	for (unsigned i = 0; i < in->ntrack; i++)
		keep_up(in, &in->track[i], v);
}

void
input_sound_fill(struct input *in, int64_t grid_t)
{
	for (unsigned i = 0; i < in->ntrack; i++)
		if (in->track[i].spec->mode == AUDIO_CODE)
			atrack_fill(&in->track[i].audio, grid_t);
}

/* What has no sound of its own ends with the pictures. */
void
input_sound_finish(struct input *in)
{
	for (unsigned i = 0; i < in->ntrack; i++) {
		struct input_track *t = &in->track[i];

		if (t->spec->mode != AUDIO_CODE)
			continue;
		if ((t->spec->selects || t->promised) && in->video.started)
			atrack_silence(&t->audio, vtrack_next(&in->video));
		atrack_finish(&t->audio);
	}
}

void
input_sound_free(struct input *in)
{
	for (unsigned i = 0; i < in->ntrack; i++)
		if (in->track[i].spec->mode == AUDIO_CODE)
			atrack_free(&in->track[i].audio);
}
