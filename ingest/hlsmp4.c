#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/hlsmp4.h"
#include "lib/base/log.h"
#include "lib/media/audio.h"
#include "lib/media/mp4read.h"
#include "lib/media/pes.h"
#include "lib/media/video.h"

#define MASK	(PES_WRAP - 1)
#define EARLY_MAX (3 * 90000)	/* more is damage */

/* A track of MP4 and what is needed to make PES payloads of its samples. */
struct track {
	uint32_t track_id, timescale;
	int64_t	 shift;			/* 90 kHz, of the edit list */
	int64_t	 early;			/* decode so much before the stated time */
	int	 stream;		/* -1: left out */
	enum codec codec;
	struct video video;
	struct audio_info audio;
};

struct sample {
	struct track *m;
	struct mp4_sample s;
	int64_t	 pts, dts;		/* 90 kHz, with the shift; not wrapped */
	size_t	 order;
};

struct hlsmp4 {
	struct hlsunits *u;		/* has the streams */
	const char *name;
	unsigned map_id;
	struct mp4_init init;
	unsigned ntrack;
	struct track track[MP4_TRACKS_MAX];
	struct sample *sample;
	size_t	 nsample, ssample, next;
	uint8_t	*buf;
	size_t	 size;
};

struct hlsmp4 *
hlsmp4_new(struct hlsunits *u, const char *name)
{
	struct hlsmp4 *p = calloc(1, sizeof(*p));

	if (p == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	p->u = u;
	p->name = name;
	return p;
}

void
hlsmp4_clear(struct hlsmp4 *p)
{
	for (unsigned i = 0; i < p->ntrack; i++)
		if (codec_kind(p->track[i].codec) == KIND_VIDEO)
			video_free(&p->track[i].video);
	p->ntrack = 0;
	p->map_id = 0;
	p->nsample = p->next = 0;
}

void
hlsmp4_free(struct hlsmp4 *p)
{
	hlsmp4_clear(p);
	free(p->sample);
	free(p->buf);
	free(p);
}

static bool
open_video(struct track *m, const struct mp4_track *t, struct source_stream *s)
{
	video_init(&m->video, t->codec);
	if (video_config_parse(&m->video, t->config, t->config_len) < 0)
		return false;
	s->rate = m->video.format.frame_rate;
	return true;
}

static bool
open_audio(struct track *m, const struct mp4_track *t, struct source_stream *s)
{
	int n;

	if (t->codec == CODEC_AAC)
		return audio_parse_asc(t->config, t->config_len, &m->audio) == 0;
	if (t->codec != CODEC_OPUS)
		return true;
	if (audio_parse_config(t->codec, t->config, t->config_len, &m->audio) < 0)
		return false;
	n = audio_opus_desc_put(&m->audio, s->desc, sizeof(s->desc));
	s->desc_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* What an edit list adds to all times, in 90 kHz. */
static int64_t
shift_of(const struct mp4_track *t)
{
	int64_t shift = -rescale_near(t->media_time, 90000, t->timescale);

	if (t->movie_timescale > 0)
		shift += rescale_near((int64_t)t->empty_edit, 90000, t->movie_timescale);
	return shift;
}

static void
times_of(const struct mp4_sample *s, uint32_t timescale, int64_t shift, int64_t *pts,
    int64_t *dts)
{
	*dts = rescale_near((int64_t)(s->dts & INT64_MAX), 90000, timescale) + shift;
	*pts = *dts + rescale_near(s->cts, 90000, timescale);
}

static void
open_track(struct hlsmp4 *p, const struct mp4_track *t)
{
	struct track *m = &p->track[p->ntrack++];
	enum codec_kind kind = codec_kind(t->codec);
	bool good = false;

	*m = (struct track){ .track_id = t->track_id, .codec = t->codec,
	    .timescale = t->timescale, .stream = -1 };
	if (t->encrypted)
		fatal(EXIT_INPUT, 0, "'%s' is encrypted by a DRM system", p->name);
	m->shift = shift_of(t);
	if (kind == KIND_VIDEO || kind == KIND_AUDIO)
		m->stream = hlsunits_stream(p->u, t->track_id, t->codec, t->language);
	if (m->stream >= 0)
		good = kind == KIND_VIDEO ? open_video(m, t, &p->u->stream[m->stream]) :
		    open_audio(m, t, &p->u->stream[m->stream]);
	if (!good) {
		log_warn(0, "'%s': a track of %c%c%c%c is left out", p->name,
		    (int)(t->fourcc >> 24 & 255), (int)(t->fourcc >> 16 & 255),
		    (int)(t->fourcc >> 8 & 255), (int)(t->fourcc & 255));
		if (m->stream >= 0 && (unsigned)m->stream == p->u->nstream - 1)
			p->u->nstream--;
		m->stream = -1;
	}
}

static int
open_map(struct hlsmp4 *p, const struct hlstrack_segment *s)
{
	const uint8_t *map = s->map != NULL ? s->map : s->data;
	size_t len = s->map != NULL ? s->map_len : s->len;

	if (s->map_id != 0 && s->map_id == p->map_id)
		return 0;
	hlsmp4_clear(p);
	if (mp4_init_parse(map, len, &p->init) < 0)
		return -EBADMSG;
	for (unsigned i = 0; i < p->init.n; i++)
		if (p->init.track[i].timescale > 0)
			open_track(p, &p->init.track[i]);
	p->map_id = s->map_id;
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->dts != y->dts)
		return x->dts < y->dts ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void
add_sample(struct hlsmp4 *p, const struct mp4_track *t,
    const struct mp4_sample *s)
{
	struct sample *to;

	for (unsigned i = 0; i < p->ntrack; i++) {
		struct track *m = &p->track[i];

		if (m->track_id != t->track_id || m->stream < 0 || s->len == 0)
			continue;
		if (p->nsample == p->ssample) {
			p->ssample = p->ssample == 0 ? 512 : 2 * p->ssample;
			p->sample = reallocarray(p->sample, p->ssample,
			    sizeof(*p->sample));
			if (p->sample == NULL)
				fatal(EXIT_RUNTIME, 0, "out of memory");
		}
		to = &p->sample[p->nsample];
		*to = (struct sample){ .m = m, .s = *s, .order = p->nsample++ };
		times_of(s, m->timescale, m->shift, &to->pts, &to->dts);
	}
}

/* Where offsets are signed (cmf2): so early that none is shown before it is decoded. */
static void
decode_early(struct hlsmp4 *p)
{
	for (size_t i = 0; i < p->nsample; i++) {
		const struct sample *s = &p->sample[i];

		if (s->dts - s->pts > s->m->early && s->dts - s->pts < EARLY_MAX)
			s->m->early = s->dts - s->pts;
	}
	for (size_t i = 0; i < p->nsample; i++)
		p->sample[i].dts -= p->sample[i].m->early;
}

/* All samples of the segment, in the order of their decoding times. */
static int
read_fragments(struct hlsmp4 *p, const uint8_t *data, size_t len)
{
	const struct mp4_track *track;
	struct mp4_fragment f;
	struct mp4_sample s;
	size_t used, want;
	int r = 0, got;

	while (len > 0 && (r = mp4_fragment_next(&p->init, data, len, &used, &want,
	    &f)) == 1) {
		while ((got = mp4_sample_next(&f, &track, &s)) == 1)
			add_sample(p, track, &s);
		if (got < 0)
			p->u->damaged++;
		data += used;
		len -= used;
	}
	if (r < 0 || (r == 0 && p->nsample == 0))
		p->u->damaged++;
	if (p->nsample == 0)
		return -EBADMSG;
	decode_early(p);
	qsort(p->sample, p->nsample, sizeof(*p->sample), by_time);
	return 0;
}

static uint8_t *
room(struct hlsmp4 *p, size_t size)
{
	if (size > p->size) {
		free(p->buf);
		p->size = size + size / 2;
		if ((p->buf = malloc(p->size)) == NULL)
			fatal(EXIT_RUNTIME, 0, "out of memory");
	}
	return p->buf;
}

static bool
put_sample(struct hlsmp4 *p, const struct sample *s, struct hlsunit *unit)
{
	const struct track *m = s->m;
	const uint8_t *data = s->s.data;
	size_t len = s->s.len;
	int64_t n;

	unit->data = data;
	unit->len = len;
	if (codec_kind(m->codec) == KIND_VIDEO) {
		n = video_annexb_put(&m->video, data, len, s->s.sync, NULL, 0);
		if (n < 0)
			return false;
		unit->data = room(p, (size_t)n);
		unit->len = (size_t)n;
		return video_annexb_put(&m->video, data, len, s->s.sync, p->buf,
		    p->size) == n;
	}
	if (m->codec == CODEC_AAC) {
		unit->data = room(p, len + ADTS_HEADER);
		unit->len = len + ADTS_HEADER;
		memcpy(p->buf + ADTS_HEADER, data, len);
		return audio_adts_put(&m->audio, len, p->buf) == 0;
	}
	if (m->codec == CODEC_OPUS) {
		unit->data = room(p, len + OPUS_HEADER_MAX(len));
		unit->len = audio_opus_header_put(len, 0, 0, p->buf);
		memcpy(p->buf + unit->len, data, len);
		unit->len += len;
	}
	return true;
}

int
hlsmp4_next(struct hlsmp4 *p, struct hlsunit *unit)
{
	while (p->next < p->nsample) {
		const struct sample *s = &p->sample[p->next++];

		unit->stream = (unsigned)s->m->stream;
		unit->dts = s->dts & MASK;
		unit->pts = s->pts & MASK;
		unit->random_access = s->s.sync;
		if (put_sample(p, s, unit))
			return 1;
		p->u->damaged++;
	}
	return 0;
}

bool
hlsmp4_first_video(const struct hlsmp4 *p, int64_t *dts)
{
	for (size_t i = 0; i < p->nsample; i++)
		if (codec_kind(p->sample[i].m->codec) == KIND_VIDEO) {
			*dts = p->sample[i].dts & MASK;
			return true;
		}
	return false;
}

int
hlsmp4_segment(struct hlsmp4 *p, const struct hlstrack_segment *s)
{
	p->nsample = p->next = 0;
	if (open_map(p, s) < 0)
		return -EBADMSG;
	return read_fragments(p, s->data, s->len);
}

/* The first sample of a kind in the fragments. */
static bool
find_first(const struct mp4_init *init, const uint8_t *p, size_t len,
    enum codec_kind kind, int64_t *pts, int64_t *dts)
{
	const struct mp4_track *t;
	struct mp4_fragment f;
	struct mp4_sample s;
	size_t used, want;

	while (len > 0 && mp4_fragment_next(init, p, len, &used, &want, &f) == 1) {
		while (mp4_sample_next(&f, &t, &s) == 1)
			if (codec_kind(t->codec) == kind && t->timescale > 0 &&
			    s.len > 0) {
				times_of(&s, t->timescale, shift_of(t), pts, dts);
				*pts &= MASK;
				*dts &= MASK;
				return true;
			}
		p += used;
		len -= used;
	}
	return false;
}

bool
hlsmp4_scan(const struct hlstrack_segment *s, int64_t *pts, int64_t *dts)
{
	struct mp4_init init;

	return mp4_init_parse(s->map != NULL ? s->map : s->data,
	    s->map != NULL ? s->map_len : s->len, &init) == 0 &&
	    (find_first(&init, s->data, s->len, KIND_VIDEO, pts, dts) ||
	    find_first(&init, s->data, s->len, KIND_AUDIO, pts, dts));
}
