/*
 * test.c - a generated picture and tone: test:?size=1280x720&fps=25&...
 *
 * Picture k is that of the epoch grid (timeline.h), so that two of us show the
 * same; without --realtime time starts in 1970.  Each second begins with a flash
 * and a beep at the time of the first picture in it.  Coded by libavcodec, closed
 * groups of pictures on the grid, no B pictures.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>

#include "ingest/paint.h"
#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/media/audio.h"
#include "lib/media/timeline.h"

#define RATE		48000
#define TRACKS		8
#define CHANNELS	6
#define FLASH		(CLK_90K / 10)	/* how long flash and beep last */
#define LEAD		(CLK_90K / 2)	/* time to start up */
#define WAVE		RATE		/* samples of the tone's table */

/* What is pending of one encoder. */
struct track {
	AVCodecContext *enc;
	AVPacket *pkt;
	bool	 ready;
	int64_t	 pts, dts;		/* 90 kHz, of what is ready */
	int64_t	 next;			/* picture or sample to encode */
	struct source_stream info;
	struct audio_info audio;	/* AAC */
};

struct test {
	struct source s;
	unsigned width, height, channels, ntrack;	/* tracks, video included */
	struct grid grid;
	int64_t	 first;			/* number on the grid of picture 0 */
	int64_t	 base;			/* 90 kHz: its time */
	struct paint *paint;
	AVFrame	*picture, *sound;
	int16_t	 wave[WAVE];
	bool	 announced;
	struct track track[1 + TRACKS];
	struct source_stream streams[1 + TRACKS];
	uint8_t	*buf;
	size_t	 size;
};

static const struct codec_choice {
	const char *word, *encoder;
	enum codec codec;
} video_codecs[] = {
	{ "avc", "libx264", CODEC_AVC }, { "hevc", "libx265", CODEC_HEVC },
	{ "mpeg2", "mpeg2video", CODEC_MPEG2V }, { NULL, NULL, 0 },
}, audio_codecs[] = {
	{ "aac", "aac", CODEC_AAC }, { "ac3", "ac3", CODEC_AC3 },
	{ "eac3", "eac3", CODEC_EAC3 }, { "mp2", "mp2", CODEC_MPEGA },
	{ NULL, NULL, 0 },
};

/* ---- the URL */

static const struct codec_choice *
choose(const struct test *t, const char *key, const char *word,
    const struct codec_choice *c)
{
	for (; c->word != NULL; c++)
		if (strcmp(c->word, word) == 0)
			return c;
	fatal(EXIT_USAGE, 0, "'%s': %s '%s' is not known", t->s.name, key, word);
}

static unsigned
number(const struct test *t, struct url *url, const char *key, unsigned fallback,
    unsigned lo, unsigned hi)
{
	static const struct opt_unit units[] = { { "", 1 }, { NULL, 0 } };
	const char *v = url_get(url, key);
	uint64_t n = fallback;

	if (v != NULL && (opt_scaled(v, units, &n) < 0 || n < lo || n > hi))
		fatal(EXIT_USAGE, 0, "'%s': %s '%s' is not in %u..%u", t->s.name, key, v,
		    lo, hi);
	return (unsigned)n;
}

static uint64_t
scaled(const struct test *t, struct url *url, const char *key,
    const struct opt_unit *units, uint64_t fallback)
{
	const char *v = url_get(url, key);
	uint64_t n = fallback;

	if (v != NULL && (opt_scaled(v, units, &n) < 0 || n == 0 || n > INT32_MAX * INT64_C(1000)))
		fatal(EXIT_USAGE, 0, "'%s': %s '%s' cannot be", t->s.name, key, v);
	return n;
}

static void
parse_size(struct test *t, const char *v)
{
	char *end;
	unsigned long w = strtoul(v, &end, 10), h = 0;

	if (*end == 'x')
		h = strtoul(end + 1, &end, 10);
	if (*end != '\0' || w < 128 || w > 8192 || h < 72 || h > 8192 || (w | h) % 2 != 0)
		fatal(EXIT_USAGE, 0, "'%s': size '%s' is not even and in 128x72..8192x8192",
		    t->s.name, v);
	t->width = (unsigned)w;
	t->height = (unsigned)h;
}

/* ---- encoders */

static void
open_encoder(struct test *t, struct track *k, const struct codec_choice *c,
    AVDictionary **opt)
{
	int r = avcodec_open2(k->enc, k->enc->codec, opt);

	if (r < 0)
		fatal(EXIT_USAGE, 0, "'%s': the encoder %s does not take it: %s", t->s.name,
		    c->encoder, av_err2str(r));
	if (av_dict_count(*opt) > 0)
		fatal(EXIT_USAGE, 0, "'%s': the encoder %s has no %s", t->s.name, c->encoder,
		    av_dict_get(*opt, "", NULL, AV_DICT_IGNORE_SUFFIX)->key);
	av_dict_free(opt);
	k->info.codec = c->codec;
	k->pkt = av_packet_alloc();
	if (k->pkt == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
}

static AVCodecContext *
new_encoder(const struct test *t, const struct codec_choice *c)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(c->encoder);
	AVCodecContext *enc = codec == NULL ? NULL : avcodec_alloc_context3(codec);

	if (enc == NULL)
		fatal(EXIT_RUNTIME, 0, "'%s': there is no encoder %s", t->s.name, c->encoder);
	return enc;
}

static void
open_video(struct test *t, struct url *url)
{
	static const struct opt_unit rates[] = {
		{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { NULL, 0 },
	};
	const char *word = url_get(url, "codec"), *preset = url_get(url, "preset");
	const struct codec_choice *c = choose(t, "codec", word != NULL ? word : "avc",
	    video_codecs);
	struct rational fps = t->grid.rate;
	uint64_t usual = (uint64_t)t->width * t->height / 8 * (uint64_t)fps.num /
	    (uint64_t)fps.den;
	uint64_t rate = scaled(t, url, "rate", rates, usual < 200000 ? 200000 : usual);
	struct track *k = &t->track[0];
	AVDictionary *opt = NULL;
	AVCodecContext *e = k->enc = new_encoder(t, c);

	e->width = (int)t->width;
	e->height = (int)t->height;
	e->pix_fmt = AV_PIX_FMT_YUV420P;
	e->time_base = (AVRational){ (int)fps.den, (int)fps.num };
	e->framerate = (AVRational){ (int)fps.num, (int)fps.den };
	e->sample_aspect_ratio = (AVRational){ 1, 1 };
	e->color_range = AVCOL_RANGE_MPEG;
	e->colorspace = AVCOL_SPC_BT709;
	e->color_primaries = AVCOL_PRI_BT709;
	e->color_trc = AVCOL_TRC_BT709;
	e->bit_rate = e->rc_max_rate = (int64_t)rate;
	e->rc_buffer_size = (int)(rate > INT32_MAX ? INT32_MAX : rate);
	e->max_b_frames = 0;
	/* With threads, rate control follows how they race: not the same bytes twice. */
	if (!t->s.live)
		e->thread_count = 1;
	e->gop_size = c->codec == CODEC_MPEG2V ? (int)t->grid.pictures : 100000;
	if (c->codec == CODEC_MPEG2V) {
		if (preset != NULL)
			fatal(EXIT_USAGE, 0, "'%s': mpeg2 has no preset", t->s.name);
	} else {
		av_dict_set(&opt, "preset", preset != NULL ? preset : "superfast", 0);
		av_dict_set(&opt, "forced-idr", "1", 0);
	}
	if (c->codec == CODEC_AVC)
		av_dict_set(&opt, "x264-params", "scenecut=0:aud=1", 0);
	if (c->codec == CODEC_HEVC)
		av_dict_set(&opt, "x265-params",
		    "scenecut=0:aud=1:repeat-headers=1:log-level=none", 0);
	open_encoder(t, k, c, &opt);
	k->info.rate = fps;
}

static void
open_audio(struct test *t, struct url *url)
{
	static const uint64_t layouts[] = {
		0, AV_CH_LAYOUT_MONO, AV_CH_LAYOUT_STEREO, 0, 0, 0, AV_CH_LAYOUT_5POINT1,
	};
	const char *word = url_get(url, "acodec"), *lang = url_get(url, "lang");
	const struct codec_choice *c = choose(t, "acodec", word != NULL ? word : "aac",
	    audio_codecs);
	unsigned tracks = number(t, url, "tracks", 1, 0, TRACKS);

	t->channels = number(t, url, "channels", 2, 1, CHANNELS);
	if (t->channels > 2 && t->channels != CHANNELS)
		fatal(EXIT_USAGE, 0, "'%s': channels '%u' is not 1, 2 or 6", t->s.name,
		    t->channels);
	for (unsigned i = 1; i <= tracks; i++) {
		struct track *k = &t->track[i];
		AVDictionary *opt = NULL;
		AVCodecContext *e = k->enc = new_encoder(t, c);
		size_t n = lang != NULL ? strcspn(lang, ",") : 0;

		e->sample_rate = RATE;
		e->sample_fmt = e->codec->sample_fmts[0];
		e->bit_rate = t->channels == CHANNELS ? 384000 : 64000 * (int)t->channels;
		e->time_base = (AVRational){ 1, RATE };
		av_channel_layout_from_mask(&e->ch_layout, layouts[t->channels]);
		/* The configuration goes where we make the ADTS header from it. */
		e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
		open_encoder(t, k, c, &opt);
		if (c->codec == CODEC_AAC && audio_parse_asc(e->extradata,
		    (size_t)e->extradata_size, &k->audio) < 0)
			fatal(EXIT_RUNTIME, 0, "the AAC encoder gives no configuration");
		if (n == 0)
			continue;
		if (n != 3)
			fatal(EXIT_USAGE, 0, "'%s': lang '%s' is not of three letters",
			    t->s.name, lang);
		memcpy(k->info.language, lang, 3);
		lang += lang[3] == ',' ? 4 : 3;
	}
	t->ntrack = 1 + tracks;
}

/* ---- picture and sound */

static void
make_wave(int16_t *wave)
{
	for (unsigned i = 0; i < WAVE; i++)
		wave[i] = (int16_t)lrint(32000 * sin(2 * M_PI * i / WAVE));
}

static AVFrame *
new_frame(void)
{
	AVFrame *f = av_frame_alloc();

	if (f == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	return f;
}

/* Time of picture k of ours, from the start, 90 kHz. */
static int64_t
picture_time(const struct test *t, int64_t k)
{
	return grid_time(&t->grid, t->first + k) - t->base;
}

/* How long before time x, from the start, the second began, as pictures show. */
static int64_t
into_second(const struct test *t, int64_t x)
{
	int64_t k = rescale_down(x + t->base, 1, CLK_90K), start;

	/* The first picture at or after the second. */
	start = grid_picture(&t->grid, k * CLK_90K);
	if (grid_time(&t->grid, start) < k * CLK_90K)
		start++;
	if (grid_time(&t->grid, start) - t->base > x) {
		start = grid_picture(&t->grid, (k - 1) * CLK_90K);
		if (grid_time(&t->grid, start) < (k - 1) * CLK_90K)
			start++;
	}
	return x - (grid_time(&t->grid, start) - t->base);
}

static void
send_picture(struct test *t)
{
	struct track *k = &t->track[0];
	int64_t n = k->next++, time = picture_time(t, n), into = into_second(t, time);
	AVFrame *f = t->picture;
	struct paint_picture what = {
		.number = (uint32_t)n,
		.utc_ns = rescale_near(time + t->base, CLK_SECOND, CLK_90K),
		.motion = (uint32_t)n, .flash = into < FLASH, .flash_start = into == 0,
	};

	av_frame_unref(f);
	f->format = AV_PIX_FMT_YUV420P;
	f->width = (int)t->width;
	f->height = (int)t->height;
	if (av_frame_get_buffer(f, 0) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	paint_picture(t->paint, &what, f->data, f->linesize);
	f->pts = n;
	f->pict_type = grid_starts(&t->grid, t->first + n) || n == 0 ?
	    AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	if (avcodec_send_frame(k->enc, f) < 0)
		fatal(EXIT_RUNTIME, 0, "the video encoder failed");
}

/*
 * Sample j of a channel of a track: a quiet tone, another for each, and the beep
 * from the instant of the flash.  Time 0 is the first picture's.
 */
static int
sample_at(const struct test *t, unsigned track, unsigned channel, int64_t j,
    int64_t into)
{
	unsigned tone = 220 * track + 55 * channel;
	int v = t->wave[(uint64_t)j * tone % WAVE] / 32;

	if (into >= 0 && into < FLASH * RATE / CLK_90K)
		v += t->wave[(uint64_t)into * 1000 % WAVE] / 2;
	return v;
}

static void
send_sound(struct test *t, unsigned track)
{
	struct track *k = &t->track[track];
	int n = k->enc->frame_size;
	AVFrame *f = t->sound;
	int64_t into;

	av_frame_unref(f);
	f->format = k->enc->sample_fmt;
	f->sample_rate = RATE;
	f->nb_samples = n;
	if (av_channel_layout_copy(&f->ch_layout, &k->enc->ch_layout) < 0 ||
	    av_frame_get_buffer(f, 0) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	for (int i = 0; i < n; i++) {
		int64_t j = k->next + i, x = rescale_down(j, CLK_90K, RATE);

		/* In samples from the first one at or after the flash. */
		into = into_second(t, x);
		into = j - rescale_near(x - into, RATE, CLK_90K);
		for (unsigned c = 0; c < t->channels; c++) {
			int v = sample_at(t, track, c, j, into);

			if (f->format == AV_SAMPLE_FMT_FLTP)
				((float *)(void *)f->extended_data[c])[i] =
				    (float)v / 32768.0f;
			else		/* MP2: interleaved integers */
				((int16_t *)(void *)f->data[0])[(unsigned)i * t->channels + c] =
				    (int16_t)v;
		}
	}
	f->pts = k->next;
	k->next += n;
	if (avcodec_send_frame(k->enc, f) < 0)
		fatal(EXIT_RUNTIME, 0, "the audio encoder failed");
}

/* ---- the source */

static struct source *
test_open(const struct source_config *cfg, struct url *url)
{
	static const struct opt_unit times[] = {
		{ "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 },
	};
	struct test *t;
	const char *v;
	struct rational fps = { 30, 1 };

	if (!cfg->realtime && cfg->duration_ns == 0)
		fatal(EXIT_USAGE, 0, "'%s' has no end: it needs --duration or --realtime",
		    cfg->name);
	if ((t = calloc(1, sizeof(*t))) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	av_log_set_level(AV_LOG_QUIET);
	t->s = (struct source){ .name = cfg->name, .live = cfg->realtime,
	    .keep_time = cfg->realtime, .connected = true };
	v = url_get(url, "size");
	parse_size(t, v != NULL ? v : "1920x1080");
	v = url_get(url, "fps");
	if (v != NULL && (!rational_parse(v, &fps) || fps.num > 240 * fps.den ||
	    fps.num < fps.den))
		fatal(EXIT_USAGE, 0, "'%s': fps '%s' is not in 1..240", cfg->name, v);
	t->grid = grid_make(fps, (int64_t)scaled(t, url, "gop", times, 2000000000));
	open_video(t, url);
	open_audio(t, url);
	t->paint = paint_new(t->width, t->height);
	if (t->paint == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	t->picture = new_frame();
	t->sound = new_frame();
	make_wave(t->wave);
	return &t->s;
}

/* Get the next packet of a track, however much has to be encoded for it. */
static void
fill(struct test *t, unsigned i)
{
	struct track *k = &t->track[i];
	AVRational tb = k->enc->time_base;
	int r;

	av_packet_unref(k->pkt);
	while ((r = avcodec_receive_packet(k->enc, k->pkt)) == AVERROR(EAGAIN))
		if (i == 0)
			send_picture(t);
		else
			send_sound(t, i);
	if (r < 0)
		fatal(EXIT_RUNTIME, 0, "an encoder failed");
	k->ready = true;
	if (i == 0)
		k->pts = picture_time(t, k->pkt->pts);
	else
		k->pts = rescale_near(k->pkt->pts, 90000 * (int64_t)tb.num, tb.den);
}

static void
start(struct test *t, struct source_event *ev)
{
	if (t->s.live)
		t->first = grid_picture(&t->grid, LEAD +
		    rescale_near(clk_utc_ns(), CLK_90K, CLK_SECOND));
	t->base = grid_time(&t->grid, t->first);
	for (unsigned i = 0; i < t->ntrack; i++)
		t->streams[i] = t->track[i].info;
	t->streams[0].origin = t->s.live ? t->base : 0;
	t->announced = true;
	ev->what = SOURCE_STREAMS;
	ev->streams = t->streams;
	ev->nstream = t->ntrack;
}

static void
test_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct test *t = (struct test *)s;
	unsigned best = 0;
	struct track *k;

	(void)deadline_ns;		/* there is always something */
	if (!t->announced) {
		start(t, ev);
		return;
	}
	for (unsigned i = 0; i < t->ntrack; i++) {
		if (!t->track[i].ready)
			fill(t, i);
		if (t->track[i].pts < t->track[best].pts)
			best = i;
	}
	k = &t->track[best];
	k->ready = false;
	ev->what = SOURCE_UNIT;
	ev->stream = best;
	ev->data = k->pkt->data;
	ev->len = (size_t)k->pkt->size;
	ev->pts = ev->dts = k->pts + (t->s.live ? t->base : 0);
	ev->random_access = best > 0 || (k->pkt->flags & AV_PKT_FLAG_KEY) != 0;
	if (k->info.codec != CODEC_AAC)
		return;
	if (t->size < ev->len + ADTS_HEADER) {
		free(t->buf);
		t->size = 2 * ev->len + ADTS_HEADER;
		if ((t->buf = malloc(t->size)) == NULL)
			fatal(EXIT_RUNTIME, 0, "out of memory");
	}
	if (audio_adts_put(&k->audio, ev->len, t->buf) < 0)
		fatal(EXIT_RUNTIME, 0, "the AAC encoder gives what ADTS cannot say");
	memcpy(t->buf + ADTS_HEADER, ev->data, ev->len);
	ev->data = t->buf;
	ev->len += ADTS_HEADER;
}

static void
test_close(struct source *s)
{
	struct test *t = (struct test *)s;

	for (unsigned i = 0; i < t->ntrack; i++) {
		avcodec_free_context(&t->track[i].enc);
		av_packet_free(&t->track[i].pkt);
	}
	av_frame_free(&t->picture);
	av_frame_free(&t->sound);
	paint_free(t->paint);
	free(t->buf);
	free(t);
}

const struct source_type source_test = {
	.schemes = "test",
	.open = test_open, .read = test_read, .close = test_close,
};
