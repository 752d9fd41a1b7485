#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "encode/pushfeed.h"
#include "encode/pushmeta.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/flv.h"
#include "lib/net/rtmpchunk.h"

#define WAIT_T		CLK_90K		/* for the other track */
#define WAIT_NS		CLK_SECOND
#define HOLD_T		(10 * CLK_90K)	/* of sound, before the first key picture */
#define NO_KEY		(15 * CLK_SECOND)
#define FRAME		3600		/* as long as nobody knows better */

int
pushaudio_parse(struct pushaudio *a, const char *text)
{
	size_t len = strlen(text);

	*a = (struct pushaudio){ .any = strcmp(text, "first") == 0,
	    .none = strcmp(text, "none") == 0 };
	if (a->any || a->none)
		return 0;
	if (len == 3 && strspn(text, "abcdefghijklmnopqrstuvwxyz") == 3) {
		memcpy(a->language, text, 4);
		return 0;
	}
	if (len < 1 || len > 2 || strspn(text, "0123456789") != len)
		return -EINVAL;
	a->number = (unsigned)strtoul(text, NULL, 10);
	return a->number > 0 ? 0 : -EINVAL;
}

void
pushfeed_init(struct pushfeed *f, const struct pushfeed_config *config)
{
	memset(f, 0, sizeof(*f));
	f->config = *config;
	epoch_init(&f->epoch);
	f->epoch.mode = EPOCH_FILE;
	f->frame = FRAME;
	f->video_dts = PES_NO_TIME;
	for (unsigned i = 0; i < PUSHLANES; i++)
		f->lane[i].tail = &f->lane[i].head;
}

static struct pushitem *
shift(struct pushlane *l)
{
	struct pushitem *i = l->head;

	l->head = i->next;
	i->next = NULL;
	if (l->head == NULL)
		l->tail = &l->head;
	return i;
}

static void
end_video(struct pushfeed *f)
{
	if (f->video_pid != 0)
		video_free(&f->video);
	f->video_pid = 0;
	f->entered = false;
	pushbody_unref(f->video_config);
	f->video_config = NULL;
}

static void
end_audio(struct pushfeed *f)
{
	if (f->has_audio)
		audio_free(&f->audio);
	f->has_audio = false;
	f->audio_pid = 0;
	pushbody_unref(f->audio_config);
	f->audio_config = NULL;
}

void
pushfeed_free(struct pushfeed *f)
{
	for (unsigned i = 0; i < PUSHLANES; i++)
		while (f->lane[i].head != NULL)
			pushitem_unref(shift(&f->lane[i]));
	end_video(f);
	end_audio(f);
	pushheads_unref(f->heads);
}

/* ---- which streams */

static bool
in_program(const struct tsdemux_stream *s, unsigned program)
{
	return !s->gone && (s->programs >> program & 1) != 0;
}

static const struct tsdemux_stream *
first_video(const struct tsdemux *d, unsigned program)
{
	for (unsigned i = 0; i < d->nstream; i++)
		if (in_program(d->stream[i], program) &&
		    codec_kind(d->stream[i]->codec) == KIND_VIDEO)
			return d->stream[i];
	return NULL;
}

/* The track asked for; *other is one that was passed over. */
static const struct tsdemux_stream *
find_audio(const struct pushaudio *a, const struct tsdemux *d, unsigned program,
    const struct tsdemux_stream **other)
{
	unsigned n = 0;

	*other = NULL;
	for (unsigned i = 0; i < d->nstream && !a->none; i++) {
		const struct tsdemux_stream *s = d->stream[i];

		if (!in_program(s, program) || codec_kind(s->codec) != KIND_AUDIO)
			continue;
		n++;
		if (a->any ? s->codec == CODEC_AAC : a->number > 0 ? a->number == n :
		    strcmp(s->language, a->language) == 0)
			return s;
		*other = s;
	}
	return NULL;
}

static int
find_program(const struct pushfeed *f, const struct tsdemux *d)
{
	const struct tsdemux_stream *other;
	bool all = d->nprogram > 0;

	for (unsigned i = 0; i < d->nprogram; i++) {
		all &= d->program[i].seen;
		if (!d->program[i].seen)
			continue;
		if (f->config.program != 0 ? d->program[i].program_number == f->config.program :
		    first_video(d, i) != NULL)
			return (int)i;
	}
	for (unsigned i = 0; f->config.program == 0 && all && i < d->nprogram; i++)
		if (find_audio(&f->config.audio, d, i, &other) != NULL || other != NULL)
			return (int)i;
	return -1;
}

static int
begin_video(struct pushfeed *f, const struct tsdemux_stream *s)
{
	if (s->codec != CODEC_AVC && s->codec != CODEC_HEVC)
		return why_failed(f->why, -ENOTSUP, "the video of program %u is '%s': only AVC "
		    "and HEVC are pushed", f->program_number, codec_name(s->codec));
	if (f->video_pid == s->pid && f->video_codec == s->codec)
		return 0;
	end_video(f);
	f->video_pid = s->pid;
	f->video_codec = s->codec;
	video_init(&f->video, s->codec);
	return 0;
}

static int
begin_audio(struct pushfeed *f, const struct tsdemux_stream *s,
    const struct tsdemux_stream *other)
{
	const struct pushaudio *a = &f->config.audio;

	if (s == NULL && other != NULL && a->any)
		s = other;
	if (s == NULL && other != NULL && a->number > 0)
		return why_failed(f->why, -ENOTSUP, "program %u has no audio track number '%u'",
		    f->program_number, a->number);
	if (s == NULL && other != NULL)
		return why_failed(f->why, -ENOTSUP, "program %u has no audio in '%s'",
		    f->program_number, a->language);
	if (s == NULL)
		return 0;
	if (s->codec != CODEC_AAC)
		return why_failed(f->why, -ENOTSUP, "the audio of program %u is '%s': only AAC in "
		    "ADTS is pushed, as mlive-encode -a makes it; or say --audio none",
		    f->program_number, codec_name(s->codec));
	if (f->has_audio && f->audio_pid == s->pid)
		return 0;
	end_audio(f);
	f->audio_pid = s->pid;
	f->has_audio = audio_init(&f->audio, CODEC_AAC, s->desc, s->desc_len) == 0;
	return 0;
}

int
pushfeed_streams(struct pushfeed *f, const struct tsdemux *d)
{
	const struct tsdemux_stream *other;
	int program = find_program(f, d), r;

	f->video_stream = f->audio_stream = NULL;
	if (program < 0)
		return 0;
	f->program_number = d->program[program].program_number;
	f->video_stream = first_video(d, (unsigned)program);
	f->audio_stream = find_audio(&f->config.audio, d, (unsigned)program, &other);
	if (f->video_stream != NULL && (r = begin_video(f, f->video_stream)) < 0)
		return r;
	if ((r = begin_audio(f, f->audio_stream, other)) < 0)
		return r;
	if (f->video_stream != NULL)
		f->video_rate = f->video_stream->max_bitrate;
	if (f->audio_stream != NULL)
		f->audio_rate = f->audio_stream->max_bitrate;
	f->lane[PUSHLANE_VIDEO].expected = f->video_stream != NULL;
	f->lane[PUSHLANE_AUDIO].expected = f->audio_stream != NULL;
	return 0;
}

/* ---- in order */

static int
set_heads(struct pushfeed *f, const struct pushitem *item)
{
	const struct pushheads *old = f->heads;
	struct pushbody *video = old != NULL ? old->video : NULL, *meta, *colour = NULL;
	struct pushbody *audio = old != NULL ? old->audio : NULL;
	struct pushheads *h;

	if (item->type == RTMP_VIDEO && item->config != NULL)
		video = item->config;
	if (item->type == RTMP_AUDIO && item->config != NULL)
		audio = item->config;
	/* At the beginning both are wanted, whichever comes first. */
	for (unsigned i = 0; old == NULL && i < PUSHLANES; i++) {
		const struct pushitem *first = f->lane[i].head;

		if (first != NULL && i == PUSHLANE_VIDEO && video == NULL)
			video = first->config;
		if (first != NULL && i == PUSHLANE_AUDIO && audio == NULL)
			audio = first->config;
	}
	if (old != NULL && old->video == video && old->audio == audio &&
	    hdr_same(&f->hdr, &f->video.hdr))
		return 0;
	f->hdr = f->video.hdr;
	meta = pushmeta_new(video != NULL ? &f->video.format : NULL, f->video_rate,
	    audio != NULL ? &f->audio.info : NULL, f->audio_rate);
	/* SDR is what all take it for, unless it was something else before. */
	if (video != NULL && f->video_codec == CODEC_HEVC && ((old != NULL &&
	    old->colour != NULL) || pushmeta_is_hdr(&f->video.format)))
		colour = pushmeta_colour(&f->video.format, &f->hdr);
	h = meta != NULL ? pushheads_new(meta, video, audio, colour,
	    f->video_codec == CODEC_HEVC && video != NULL) : NULL;
	pushbody_unref(meta);
	pushbody_unref(colour);
	if (h == NULL)
		return -ENOMEM;
	pushheads_unref(f->heads);
	f->heads = h;
	return 0;
}

static int
send_item(struct pushfeed *f, struct pushitem *item)
{
	int r = set_heads(f, item);

	if (r == 0) {
		item->heads = pushheads_ref(f->heads);
		item->t -= f->base;
		f->counts.video += item->type == RTMP_VIDEO;
		f->counts.audio += item->type == RTMP_AUDIO;
		f->config.item(f->config.arg, item);
	}
	pushitem_unref(item);
	return r;
}

/* The lane whose turn it is; NULL: none, or one that is empty is waited for. */
static struct pushlane *
turn(struct pushfeed *f, int64_t now_ns, bool all)
{
	struct pushlane *first = NULL, *missing = NULL;

	for (unsigned i = 0; i < PUSHLANES; i++) {
		struct pushlane *l = &f->lane[i];

		if (l->head == NULL && l->expected && !l->idle)
			missing = l;
		if (l->head != NULL && (first == NULL || l->head->t < first->head->t))
			first = l;
	}
	if (first == NULL || missing == NULL || all)
		return first;
	if (f->hold_ns == 0)
		f->hold_ns = now_ns;
	if (f->newest_t - first->head->t <= WAIT_T && now_ns - f->hold_ns < WAIT_NS)
		return NULL;
	missing->idle = true;
	return first;
}

static int
flush(struct pushfeed *f, bool all)
{
	int64_t now = clk_mono_ns();
	struct pushlane *l;
	int r = 0;

	while (r == 0 && f->started && (l = turn(f, now, all)) != NULL) {
		f->hold_ns = 0;
		r = send_item(f, shift(l));
	}
	return r;
}

/* Sound from before the first picture is of no use. */
static void
start(struct pushfeed *f, int64_t t)
{
	struct pushlane *audio = &f->lane[PUSHLANE_AUDIO];

	f->started = true;
	f->base = t;
	while (audio->head != NULL && audio->head->t < t) {
		pushitem_unref(shift(audio));
		f->counts.skipped++;
	}
}

static void
put(struct pushfeed *f, unsigned lane, struct pushitem *item)
{
	struct pushlane *l = &f->lane[lane];

	if (l->has_last && item->t <= l->last_t)
		item->t = l->last_t + 1;
	l->has_last = true;
	l->last_t = item->t;
	l->idle = false;
	*l->tail = item;
	l->tail = &item->next;
	if (item->t > f->newest_t)
		f->newest_t = item->t;
}

/* ---- units */

static int64_t
place(struct pushfeed *f, struct epoch_stream *s, const struct tsdemux_event *ev)
{
	uint64_t breaks = f->epoch.breaks;
	int64_t t = epoch_time(&f->epoch, s, ev->dts, ev->discontinuity, 0);

	f->counts.breaks += f->epoch.breaks - breaks;
	return t;
}

static struct pushbody *
video_config(struct pushfeed *f)
{
	uint8_t record[VIDEO_CONFIG_MAX], head[FLV_HEAD_MAX];
	int len = video_config_put(&f->video, record, sizeof(record));
	size_t n = flv_put_video(head, f->video_codec == CODEC_HEVC ? FLV_HEVC : FLV_AVC,
	    FLV_CONFIG, true, 0);
	struct pushbody *b = len > 0 ? pushbody_new(n + (size_t)len) : NULL;

	if (b == NULL)
		return NULL;
	memcpy(b->data, head, n);
	memcpy(b->data + n, record, (size_t)len);
	return b;
}

static struct pushitem *
video_item(struct pushfeed *f, const struct video_unit *u, int64_t cts_ms)
{
	uint8_t head[FLV_HEAD_MAX];
	bool key = video_sync(u);
	size_t n = flv_put_video(head, f->video_codec == CODEC_HEVC ? FLV_HEVC : FLV_AVC,
	    FLV_FRAMES, key, (int32_t)cts_ms);
	size_t len = video_sample_len(&f->video, u, NAL_DROP_FOR_MP4);
	struct pushitem *item = pushitem_new(n + len);

	if (item == NULL)
		return NULL;
	item->type = RTMP_VIDEO;
	item->key = key;
	item->config = pushbody_ref(f->video_config);
	memcpy(item->data, head, n);
	video_sample_put(&f->video, u, NAL_DROP_FOR_MP4, item->data + n);
	return item;
}

/* From 0 on, each time by itself: what is lost by rounding does not add up. */
static int64_t
to_ms(const struct pushfeed *f, int64_t t)
{
	return pushitem_ms(t - f->base);
}

static int
take_video(struct pushfeed *f, const struct tsdemux_event *ev)
{
	struct pushitem *item;
	struct video_unit u;
	int64_t dts, pts;
	int r = video_unit(&f->video, ev->data, ev->len, ev->damaged, &u);

	if (r < 0)
		return r;
	if (!u.picture)
		return 0;
	dts = ev->dts != PES_NO_TIME ? place(f, &f->video_place, ev) :
	    f->video_dts != PES_NO_TIME ? f->video_dts + f->frame : PES_NO_TIME;
	if (dts == PES_NO_TIME)
		return 0;
	pts = ev->dts != PES_NO_TIME ? dts + (ev->pts - ev->dts) : dts;
	if (f->video_dts != PES_NO_TIME && dts > f->video_dts && dts - f->video_dts < CLK_90K)
		f->frame = dts - f->video_dts;
	f->video_dts = dts;
	if (f->video_config == NULL || u.changed) {
		struct pushbody *b = video_config(f);

		if (b != NULL) {
			pushbody_unref(f->video_config);
			f->video_config = b;
		}
	}
	if (!f->entered && (!video_sync(&u) || f->video_config == NULL)) {
		f->counts.skipped++;
		return 0;
	}
	f->entered = true;
	if (!f->started)
		start(f, dts);
	item = video_item(f, &u, to_ms(f, pts) - to_ms(f, dts));
	if (item == NULL)
		return -ENOMEM;
	item->t = dts;
	put(f, PUSHLANE_VIDEO, item);
	return flush(f, false);
}

static int
audio_config(struct pushfeed *f)
{
	const struct audio_info *info = &f->audio.info;
	uint8_t head[FLV_HEAD_MAX];
	size_t n = flv_put_aac(head, FLV_CONFIG);
	struct pushbody *b = pushbody_new(n + info->config_len);

	if (b == NULL)
		return -ENOMEM;
	memcpy(b->data, head, n);
	memcpy(b->data + n, info->config, info->config_len);
	pushbody_unref(f->audio_config);
	f->audio_config = b;
	return 0;
}

static int
take_frame(struct pushfeed *f, const struct audio_frame *frame)
{
	struct pushlane *l = &f->lane[PUSHLANE_AUDIO];
	uint8_t head[FLV_HEAD_MAX];
	size_t n = flv_put_aac(head, FLV_FRAMES);
	struct pushitem *item;
	int r;

	if ((f->audio_config == NULL || frame->changed) && (r = audio_config(f)) < 0)
		return r;
	if (frame->raw == NULL || frame->pts == PES_NO_TIME) {
		f->counts.damaged++;
		return 0;
	}
	if (!f->started && f->video_stream == NULL)
		start(f, frame->pts);
	if (f->started && frame->pts < f->base) {
		f->counts.skipped++;
		return 0;
	}
	item = pushitem_new(n + frame->raw_len);
	if (item == NULL)
		return -ENOMEM;
	item->type = RTMP_AUDIO;
	item->key = f->video_stream == NULL;
	item->t = frame->pts;
	item->config = pushbody_ref(f->audio_config);
	memcpy(item->data, head, n);
	memcpy(item->data + n, frame->raw, frame->raw_len);
	put(f, PUSHLANE_AUDIO, item);
	while (!f->started && item->t - l->head->t > HOLD_T) {
		pushitem_unref(shift(l));
		f->counts.skipped++;
	}
	return 0;
}

static int
take_audio(struct pushfeed *f, const struct tsdemux_event *ev)
{
	int64_t t = ev->dts != PES_NO_TIME ? place(f, &f->audio_place, ev) : PES_NO_TIME;
	uint64_t skipped = f->audio.skipped;
	struct audio_frame frame;
	int r = audio_push(&f->audio, ev->data, ev->len, t, ev->damaged);

	while (r == 0 && audio_next(&f->audio, &frame) > 0)
		r = take_frame(f, &frame);
	f->counts.damaged += f->audio.skipped - skipped;
	return r < 0 ? r : flush(f, false);
}

int
pushfeed_unit(struct pushfeed *f, const struct tsdemux_event *ev)
{
	bool video = ev->stream == f->video_stream;

	if (!video && ev->stream != f->audio_stream)
		return 0;
	f->counts.damaged += ev->damaged;
	if (f->first_ns == 0)
		f->first_ns = clk_mono_ns();
	if (!f->entered && video && !f->told_no_key && clk_mono_ns() - f->first_ns > NO_KEY) {
		log_warn(0, "program %u has shown no key picture yet: nothing is sent before one",
		    f->program_number);
		f->told_no_key = true;
	}
	return video ? take_video(f, ev) : take_audio(f, ev);
}

void
pushfeed_tick(struct pushfeed *f, int64_t now_ns)
{
	if (f->hold_ns != 0 && now_ns - f->hold_ns >= WAIT_NS)
		flush(f, false);
}

/* The last tag of AVC, by which a player knows that there is no more. */
static int
end_of_sequence(struct pushfeed *f)
{
	uint8_t head[FLV_HEAD_MAX];
	size_t n = flv_put_video(head, f->video_codec == CODEC_HEVC ? FLV_HEVC : FLV_AVC,
	    FLV_END, true, 0);
	struct pushitem *item = pushitem_new(n);

	if (item == NULL)
		return -ENOMEM;
	item->type = RTMP_VIDEO;
	item->t = f->lane[PUSHLANE_VIDEO].last_t + f->frame;
	memcpy(item->data, head, n);
	put(f, PUSHLANE_VIDEO, item);
	return 0;
}

int
pushfeed_end(struct pushfeed *f)
{
	struct audio_frame frame;
	int r = 0;

	if (f->has_audio && audio_flush(&f->audio, &frame) > 0)
		r = take_frame(f, &frame);
	if (r == 0 && f->entered)
		r = end_of_sequence(f);
	return r < 0 ? r : flush(f, true);
}
