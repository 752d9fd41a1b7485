#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/grab.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"

#define NEAR_ENOUGH	8		/* such distances in a row, to decode few again */
#define CHOOSE_NS	(3 * CLK_SECOND)	/* waiting for a rung to show its size */
#define WINDOW		12		/* units of a key picture and those that help it */
#define NO_KEY		(INT64_C(5) * 90000)	/* then any picture may be the first */
#define BACK_NS		(30 * CLK_SECOND)
#define NO_SLOT		INT64_MIN

int
grab_init(struct grab *g, const struct grab_config *c)
{
	*g = (struct grab){
		.config = *c, .chosen = -1, .key_t = PES_NO_TIME, .key_before = PES_NO_TIME, .due = -1, .all = true,
		.slot = NO_SLOT, .choose_ns = INT64_MAX,
	};
	g->video = calloc(PSI_STREAMS_MAX, sizeof(*g->video));
	if (g->video == NULL || tsdemux_init(&g->demux) < 0 || ahead_init(&g->ahead) < 0)
		return -ENOMEM;
	g->ahead.done = c->arrival || c->recording;
	epoch_init(&g->epoch);
	return 0;
}

/* ---- time */

static void
decide_mode(struct grab *g, bool dated)
{
	const struct grab_config *c = &g->config;
	bool file = c->recording || (!c->arrival && !dated && (g->ahead.clock == TSDEMUX_NOT_LIVE ||
	    (g->ahead.clock == TSDEMUX_CLOCK_UNKNOWN && c->regular)));

	g->epoch.mode = file ? EPOCH_FILE : EPOCH_LIVE;
}

static void
take_pcr(struct grab *g, const struct tsdemux_event *ev)
{
	bool stamped = ev->has_arrival && !g->config.arrival;

	for (unsigned i = 0; i < g->demux.nprogram && g->chosen >= 0; i++)
		if (g->demux.program[i].program_number == g->program_number &&
		    g->demux.program[i].pcr_pid != ev->pid)
			return;
	if (g->epoch.stamped && !stamped)
		return;
	epoch_pcr(&g->epoch, ev->pcr / 300, stamped ? clk_ntp_to_ns(ev->arrival_ntp) :
	    clk_utc_ns(), stamped);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t
slot_of(const struct grab *g, int64_t t)
{
	int64_t ns = g->epoch.mode == EPOCH_LIVE ? epoch_utc_ns(&g->epoch, t) :
	    rescale_near(t - g->first_t, CLK_SECOND, CLK_90K);

	/* Ticks are coarser than ns: half of one is no earlier interval. */
	return floor_div(ns + CLK_SECOND / CLK_90K / 2 + 1, g->config.every_ns);
}

/*
 * Is there to be a picture at t?  The interval in which a live stream is joined
 * may have had its first picture already.
 */
static bool
wanted(struct grab *g, int64_t t)
{
	int64_t slot = slot_of(g, t);

	if (g->slot == NO_SLOT)
		g->slot = g->epoch.mode == EPOCH_LIVE ? slot : slot - 1;
	if (slot < g->slot - BACK_NS / g->config.every_ns - 1)
		g->slot = slot - 1;	/* its clock has been set back */
	return slot > g->slot;
}

/* ---- decoded pictures */

static void
forget_frames(struct grab *g)
{
	while (g->nframe > 0)
		av_frame_free(&g->frame[--g->nframe]);
	g->due = -1;
}

static void
take_due(struct grab *g)
{
	const AVFrame *due = g->frame[g->due];
	int64_t slot = slot_of(g, due->pts);
	bool deinterlaced;
	AVFrame *f = still_make(g->frame, g->nframe, (unsigned)g->due, &deinterlaced);

	g->due = -1;
	if (f == NULL) {
		g->error = -ENOMEM;
		return;
	}
	g->deinterlaced += deinterlaced;
	if (g->taken > 0 && slot > g->slot + 1)
		g->skipped += (uint64_t)(slot - g->slot - 1);
	g->taken++;
	g->slot = slot;
	g->config.picture(g->config.arg, f, slot, slot * g->config.every_ns);
	av_frame_free(&f);
}

static bool
broken(const AVFrame *f)
{
	return f->decode_error_flags != 0 || (f->flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

/* A broken one is better than none for a second interval. */
static bool
missed_one(const struct grab *g, int64_t t)
{
	if (g->taken == 0)
		return t - g->first_t > rescale_near(g->config.every_ns, CLK_90K, CLK_SECOND);
	return slot_of(g, t) > g->slot + 1;
}

/* While it is not known yet which kind is needed, those that others would take, too. */
static bool
may_take(const struct grab *g, int64_t t)
{
	return g->config.exact || g->known > 0 || g->key_t == PES_NO_TIME ||
	    t == g->key_t || t == g->key_before;
}

static void
keep_frame(struct grab *g, AVFrame *f)
{
	if (g->nframe == STILL_FRAMES) {
		av_frame_free(&g->frame[0]);
		memmove(g->frame, g->frame + 1, --g->nframe * sizeof(AVFrame *));
		g->due--;
	}
	g->frame[g->nframe++] = f;
}

static void
take_frame(struct grab *g, AVFrame *f)
{
	const struct grab_video *v = &g->video[g->chosen];
	bool fields = v->interlaced || f->interlaced_frame;

	g->decoded++;
	if (f->pts == PES_NO_TIME || f->pts < g->from_t) {
		av_frame_free(&f);
		return;
	}
	g->damaged += broken(f);
	keep_frame(g, f);
	if (g->due < 0 && may_take(g, f->pts) && wanted(g, f->pts) &&
	    (!broken(f) || missed_one(g, f->pts)))
		g->due = (int)g->nframe - 1;
	if (g->due >= 0 && (!fields || (int)g->nframe - 1 - g->due >= STILL_AFTER))
		take_due(g);
}

static void
take_frames(struct grab *g)
{
	AVFrame *f;

	while ((f = decoder_receive(&g->decoder)) != NULL)
		take_frame(g, f);
}

static void
end_decoding(struct grab *g)
{
	if (!g->open)
		return;
	decoder_drain(&g->decoder);
	take_frames(g);
	if (g->due >= 0)
		take_due(g);
	forget_frames(g);
	decoder_close(&g->decoder);
	g->open = g->windowed = false;
}

static void
begin_decoding(struct grab *g, int64_t t)
{
	const struct tsdemux_stream *s = g->video[g->chosen].stream;
	int r;

	end_decoding(g);
	r = decoder_open(&g->decoder, s->codec, s->desc, s->desc_len, g->all ? 0 : 1);
	if (r < 0) {
		if (!g->told)
			log_warn(-r, "cannot decode %s", codec_name(s->codec));
		g->told = true;
		return;
	}
	g->open = true;
	g->from_t = t;
}

/* ---- units of the chosen stream */

struct grab_unit {
	bool	 picture, key, start;	/* start: decoding may begin here, if it must */
};

/* MPEG-1 and 2: a sequence header before an I picture (13818-2 6.2.2, 6.2.3). */
static struct grab_unit
look_mpeg2(struct grab_video *v, const uint8_t *p, size_t len)
{
	struct grab_unit u = { .picture = false };
	bool sequence = false;

	for (size_t i = nal_find(p, len); i + 8 <= len; i += 3 + nal_find(p + i + 3, len - i - 3)) {
		const uint8_t *h = p + i + 4;

		if (p[i + 3] == 0xb3) {
			sequence = true;
			v->width = (unsigned)h[0] << 4 | h[1] >> 4;
			v->height = (h[1] & 15u) << 8 | h[2];
			v->interlaced = false;
		} else if (p[i + 3] == 0xb5 && h[0] >> 4 == 1) {
			v->interlaced = (h[1] & 8) == 0;	/* progressive_sequence */
		} else if (p[i + 3] == 0 && !u.picture) {
			u.picture = true;
			u.key = sequence && (h[1] >> 3 & 7) == 1;
			u.start = u.key;
		}
	}
	return u;
}

static struct grab_unit
look(struct grab *g, struct grab_video *v, const struct tsdemux_event *ev)
{
	struct grab_unit u = { .picture = true };
	struct video_unit unit;

	if (!v->sets)
		return look_mpeg2(v, ev->data, ev->len);
	if (video_unit(&v->video, ev->data, ev->len, ev->damaged, &unit) < 0) {
		g->error = -ENOMEM;
		return u;
	}
	u.picture = unit.picture;
	u.key = unit.picture && video_sync(&unit) && unit.has_params;
	u.start = unit.picture && unit.access != VIDEO_NO_ACCESS;
	v->width = v->video.format.width;
	v->height = v->video.format.height;
	v->interlaced = v->video.format.interlaced;
	return u;
}

/* How far key pictures are apart says whether the others are needed. */
static void
measure(struct grab *g, int64_t t, bool key)
{
	int64_t every = rescale_near(g->config.every_ns, CLK_90K, CLK_SECOND);
	int64_t gap = g->key_t == PES_NO_TIME ? 0 : t - g->key_t;

	if (g->config.exact)
		return;
	if (gap > every + CLK_90K / 100) {
		if (!g->all || g->known == 0)
			log_info("key pictures are further apart than --every: all are decoded");
		g->all = true;
		g->close = 0;
		g->known++;
	} else if (key && g->key_t != PES_NO_TIME && gap > 0) {
		g->close++;
		if (g->close >= (g->known == 0 ? 1 : NEAR_ENOUGH))
			g->all = false;
	}
	if (key) {
		g->key_before = g->key_t;
		g->key_t = t;
	} else if (gap > every + CLK_90K / 100) {
		g->key_t = t;		/* said once for each interval */
	}
}

static void
feed(struct grab *g, const struct tsdemux_event *ev, int64_t t)
{
	int64_t dts = ev->dts == PES_NO_TIME ? t : t - (ev->pts - ev->dts);

	decoder_send(&g->decoder, ev->data, ev->len, t, dts);
	take_frames(g);
}

static void
take_key(struct grab *g, const struct tsdemux_event *ev, int64_t t)
{
	if (!wanted(g, t) || (ev->torn && !missed_one(g, t)))
		return;
	begin_decoding(g, t);
	if (!g->open)
		return;
	feed(g, ev, t);
	g->windowed = g->video[g->chosen].interlaced;
	g->left = WINDOW;
	if (!g->windowed)
		end_decoding(g);
}

static void
take_unit(struct grab *g, const struct tsdemux_event *ev, int64_t t)
{
	struct grab_unit u = look(g, &g->video[g->chosen], ev);
	bool all = g->all;

	g->unit_ns = clk_mono_ns();
	if (!u.picture && !g->open)
		return;
	g->units += u.picture;
	if (t == PES_NO_TIME)
		return;
	if (!g->began)
		g->first_t = t;
	g->began = true;
	if (u.picture)
		measure(g, t, u.key);
	if (all != g->all && !g->all && u.key)
		end_decoding(g);	/* from now on only those */
	if (!g->all) {
		if (u.key) {
			take_key(g, ev, t);
		} else if (g->open) {
			feed(g, ev, t);
			if (g->open && (--g->left == 0 || g->nframe > STILL_AFTER))
				end_decoding(g);
		}
		return;
	}
	if (g->windowed)		/* what it had begun with was for one */
		end_decoding(g);
	if (!g->open && (u.key || u.start || t - g->first_t > NO_KEY))
		begin_decoding(g, t);
	if (g->open)
		feed(g, ev, t);
}

/* ---- which stream */

static void
clear_video(struct grab_video *v)
{
	if (v->sets)
		video_free(&v->video);
	*v = (struct grab_video){ .stream = NULL };
}

static void
unchoose(struct grab *g)
{
	end_decoding(g);
	g->chosen = -1;
	g->all = true;
	g->key_t = g->key_before = PES_NO_TIME;
	g->close = g->known = 0;
	g->told = false;
}

static bool
in_program(const struct grab *g, const struct tsdemux_stream *s)
{
	for (unsigned i = 0; i < g->demux.nprogram; i++)
		if ((s->programs >> i & 1) != 0 && (g->config.program == 0 ||
		    g->demux.program[i].program_number == g->config.program))
			return true;
	return false;
}

static bool
still_there(const struct grab *g, const struct grab_video *v)
{
	for (unsigned i = 0; i < g->demux.nstream; i++)
		if (g->demux.stream[i] == v->stream && !v->stream->gone &&
		    v->stream->codec == v->codec && in_program(g, v->stream))
			return true;
	return false;
}

static struct grab_video *
find_video(struct grab *g, const struct tsdemux_stream *s)
{
	for (unsigned i = 0; i < PSI_STREAMS_MAX; i++)
		if (g->video[i].stream == s)
			return &g->video[i];
	return NULL;
}

static void
streams_changed(struct grab *g)
{
	for (unsigned i = 0; i < PSI_STREAMS_MAX; i++) {
		struct grab_video *v = &g->video[i];

		if (v->stream == NULL || still_there(g, v))
			continue;
		if (g->chosen == (int)i)
			unchoose(g);
		clear_video(v);
	}
	for (unsigned i = 0; i < g->demux.nstream; i++) {
		struct tsdemux_stream *s = g->demux.stream[i];
		struct grab_video *v;

		if (s->gone || codec_kind(s->codec) != KIND_VIDEO || !in_program(g, s) ||
		    find_video(g, s) != NULL || (v = find_video(g, NULL)) == NULL)
			continue;
		v->stream = s;
		v->codec = s->codec;
		v->sets = s->codec == CODEC_AVC || s->codec == CODEC_HEVC;
		if (v->sets)
			video_init(&v->video, s->codec);
		if (g->chosen < 0)
			g->choose_ns = clk_mono_ns() + CHOOSE_NS;
	}
}

/* Is a the better one?  The smallest that is large enough, else the largest. */
static bool
better(const struct grab *g, const struct grab_video *a, const struct grab_video *b)
{
	const struct size_spec *s = &g->config.size;
	unsigned least = (unsigned)(s->lines > 0 ? s->lines : s->box_h);
	bool a_fits = least > 0 && a->height >= least, b_fits = least > 0 && b->height >= least;

	if (a_fits != b_fits)
		return a_fits;
	return a_fits ? a->height < b->height : a->height > b->height;
}

static void
choose(struct grab *g, bool eof)
{
	int best = -1;
	bool all = true;

	for (unsigned i = 0; i < PSI_STREAMS_MAX; i++) {
		if (g->video[i].stream == NULL)
			continue;
		all = all && g->video[i].height > 0;
		if (best < 0 || better(g, &g->video[i], &g->video[best]))
			best = (int)i;
	}
	for (unsigned i = 0; i < g->demux.nprogram; i++)
		all = all && g->demux.program[i].seen;
	if (best < 0 || (!all && !eof && clk_mono_ns() < g->choose_ns))
		return;
	g->chosen = best;
	for (unsigned i = 0; i < g->demux.nprogram; i++)
		if ((g->video[best].stream->programs >> i & 1) != 0) {
			g->program_number = g->demux.program[i].program_number;
			break;
		}
	log_debug("pictures of program %u, pid %u, %ux%u", g->program_number,
	    g->video[best].stream->pid, g->video[best].width, g->video[best].height);
}

static void
take_event(struct grab *g, const struct tsdemux_event *ev)
{
	struct grab_video *v;
	int64_t dts, t = PES_NO_TIME;

	if (ev->type == TSDEMUX_STREAMS)
		streams_changed(g);
	else if (ev->type == TSDEMUX_PCR)
		take_pcr(g, ev);
	if (ev->type != TSDEMUX_UNIT || (v = find_video(g, ev->stream)) == NULL)
		return;
	if (g->epoch.mode == EPOCH_UNDECIDED)
		decide_mode(g, ev->has_ebp && ev->ebp.has_time);
	if (g->chosen < 0) {
		look(g, v, ev);
		choose(g, false);
	}
	if (g->chosen < 0 || v != &g->video[g->chosen])
		return;
	if (ev->dts != PES_NO_TIME) {
		if (ev->has_ebp && ev->ebp.has_time && !g->config.arrival)
			epoch_pcr(&g->epoch, ev->pts, clk_ntp_to_ns(ev->ebp.ntp), true);
		dts = epoch_time(&g->epoch, &g->place, ev->dts, ev->discontinuity,
		    clk_utc_ns());
		if (dts != PES_NO_TIME)
			t = dts + (ev->pts - ev->dts);
	}
	take_unit(g, ev, t);
}

static int
append(struct grab *g, const uint8_t *p, size_t len)
{
	if (g->len + len > g->size) {
		size_t size = 2 * g->size + len;
		uint8_t *buf = realloc(g->buf, size);

		if (buf == NULL)
			return -ENOMEM;
		g->buf = buf;
		g->size = size;
	}
	if (len > 0)
		memcpy(g->buf + g->len, p, len);
	g->len += len;
	return 0;
}

int
grab_take(struct grab *g, const uint8_t *p, size_t len, bool eof)
{
	struct tsdemux_event ev;
	size_t pos = 0, used;
	int r = append(g, p, len);

	if (r < 0)
		return r;
	if (!g->ahead.done) {
		ahead_look(&g->ahead, g->buf, g->len, eof);
		if (!g->ahead.done)
			return 0;
		if (g->ahead.stamped)
			epoch_pcr(&g->epoch, g->ahead.pcr_90k, g->ahead.utc_ns, true);
	}
	g->demux.eof = eof && !io_stopping();	/* what a signal cuts off is left out */
	while ((r = tsdemux_next(&g->demux, g->buf + pos, g->len - pos, &used, &ev)) > 0) {
		pos += used;
		take_event(g, &ev);
	}
	pos += used;
	g->len -= pos;
	if (pos > 0)
		memmove(g->buf, g->buf + pos, g->len);
	if (eof)
		end_decoding(g);
	return r < 0 ? r : g->error;
}

bool
grab_has_video(const struct grab *g)
{
	for (unsigned i = 0; i < PSI_STREAMS_MAX; i++)
		if (g->video[i].stream != NULL)
			return true;
	return false;
}

void
grab_free(struct grab *g)
{
	forget_frames(g);
	if (g->open)
		decoder_close(&g->decoder);
	for (unsigned i = 0; g->video != NULL && i < PSI_STREAMS_MAX; i++)
		clear_video(&g->video[i]);
	free(g->video);
	free(g->buf);
	tsdemux_free(&g->demux);
	ahead_free(&g->ahead);
}
