#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/stray.h"
#include "ingest/units.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/scte35.h"
#include "lib/media/timeline.h"
#include "lib/media/tsmux.h"

#define FIRST_PID	0x100
#define PMT_PID		0x1000
#define FILE_START	(10 * CLK_90K)	/* of what is not live: room before 0 */
#define EXCESS		CLK_90K		/* audio longer than video: it decides */
#define OVERLAP		(CLK_90K / 1000)
#define UNKNOWN_LENGTH	(CLK_90K / 25)	/* of a pass that has one unit only */
#define REORDER_MAX	(10 * CLK_90K)	/* from decoding to showing */

struct track {
	struct source_stream info;
	enum codec_kind kind;
	uint8_t	 cc;			/* kept while streams change, as is */
	bool	 discontinuity;		/* what is to be flagged */
	bool	 timed, ended;		/* in this pass; in the pass before */
	int64_t	 first, next;		/* pts of this pass as received; end */
	int64_t	 dts, gap;		/* gap: from the one before, last and */
	int64_t	 least_gap;		/* least of all; 0: not yet known */
	int64_t	 end;			/* of the pass before, as sent */
	struct stray stray;
	uint64_t units;
};

struct units {
	struct units_config cfg;
	struct out	*out;
	struct tsmux	 mux;
	unsigned	 ntrack, pcr_track;
	struct track	 track[SOURCE_STREAMS_MAX];

	bool		 based, sent, begun;
	bool		 again;		/* as at the start: a clock packet first */
	int64_t		 base;		/* added to what is received */
	struct grid	 grid;		/* rate 0/0: no pictures */
	int64_t		 picture;	/* that the origin of this pass is */
	int64_t		 start, last;	/* decoding times as sent */

	bool		 mapped, clock_sent;
	int64_t		 map_pts, map_utc_ns;
	int64_t		 clock_ns;
	int64_t		 arrival_ns;

	uint64_t	 count, jumps, strays, overlaps;
};

struct units *
units_new(const struct units_config *cfg, struct out *out)
{
	struct units *u = calloc(1, sizeof(*u));

	if (u == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	u->cfg = *cfg;
	u->out = out;
	tsmux_init(&u->mux);
	/* On its way, a unit is worth what it is when it comes. */
	if (cfg->live || cfg->realtime)
		u->mux.delay = 0;
	return u;
}

void
units_free(struct units *u)
{
	if (u == NULL)
		return;
	tsmux_free(&u->mux);
	free(u);
}

/* ---- tables */

static void
add_desc(struct tsmux_stream *s, uint8_t tag, const void *payload, size_t len)
{
	if (desc_put(s->desc, sizeof(s->desc), &s->desc_len, tag, payload, len) < 0)
		log_debug("descriptor 0x%02x does not fit", tag);
}

/* How a PMT announces a codec. */
static const struct kind {
	enum codec  codec;
	uint8_t	    stream_type, stream_id;
	const char *registration;
} kinds[] = {
	{ CODEC_MPEG1V, 0x01, PES_VIDEO, NULL },
	{ CODEC_MPEG2V, 0x02, PES_VIDEO, NULL },
	{ CODEC_AVC, 0x1b, PES_VIDEO, NULL },
	{ CODEC_HEVC, 0x24, PES_VIDEO, "HEVC" },
	{ CODEC_MPEGA, 0x03, PES_AUDIO, NULL },
	{ CODEC_AAC, 0x0f, PES_AUDIO, NULL },
	{ CODEC_LATM, 0x11, PES_AUDIO, NULL },
	{ CODEC_AC3, 0x81, PES_PRIVATE_1, "AC-3" },
	{ CODEC_EAC3, 0x87, PES_PRIVATE_1, "EAC3" },
	{ CODEC_OPUS, 0x06, PES_PRIVATE_1, NULL },	/* the source's own */
	{ CODEC_SCTE35, 0x86, 0, NULL },
	{ CODEC_ID3, 0x15, PES_PRIVATE_1, NULL },
};

static void
add_track(struct units *u, unsigned i)
{
	struct track *t = &u->track[i];
	const struct kind other = { t->info.codec, t->info.stream_type, PES_PRIVATE_1, NULL };
	const struct kind *k = kinds;
	struct tsmux_stream *s;
	uint8_t language[4] = { 0 };

	while (k < kinds + sizeof(kinds) / sizeof(*kinds) && k->codec != t->info.codec)
		k++;
	if (k == kinds + sizeof(kinds) / sizeof(*kinds) && other.stream_type != 0)
		k = &other;
	else if (k == kinds + sizeof(kinds) / sizeof(*kinds))
		fatal(EXIT_INPUT, 0, "'%s' has %s, which a transport stream cannot carry",
		    u->cfg.name, codec_name(t->info.codec));
	s = tsmux_add_stream(&u->mux, (uint16_t)(FIRST_PID + i),
	    t->info.stream_type != 0 ? t->info.stream_type : k->stream_type,
	    k->stream_id, t->info.absent ? 0 : 1);
	if (s == NULL)
		fatal(EXIT_INPUT, 0, "'%s' has too many streams", u->cfg.name);
	s->cc = t->cc;
	s->discontinuity = t->discontinuity;
	if (k->registration != NULL)
		add_desc(s, DESC_REGISTRATION, k->registration, 4);
	if (strlen(t->info.language) == 3) {
		memcpy(language, t->info.language, 3);
		add_desc(s, DESC_ISO_639, language, 4);
	}
	if (s->desc_len + t->info.desc_len <= sizeof(s->desc)) {
		memcpy(s->desc + s->desc_len, t->info.desc, t->info.desc_len);
		s->desc_len += t->info.desc_len;
	}
}

void
units_streams(struct units *u, const struct source_event *ev)
{
	uint8_t pmt_cc = u->mux.program[0].cc;
	bool audio = false, video = false, cues = false;
	struct tsmux_program *program;

	for (unsigned i = 0; i < u->mux.nstream; i++) {
		u->track[i].cc = u->mux.stream[i].cc;
		u->track[i].discontinuity = u->mux.stream[i].discontinuity;
	}
	u->mux.nstream = u->mux.nprogram = 0;
	u->ntrack = ev->nstream;
	u->pcr_track = 0;
	u->grid.rate = (struct rational){ 0, 0 };
	for (unsigned i = 0; i < ev->nstream; i++) {
		struct track *t = &u->track[i];

		t->info = ev->streams[i];
		t->kind = codec_kind(t->info.codec);
		cues |= t->info.codec == CODEC_SCTE35 && !t->info.absent;
		add_track(u, i);
		if (t->info.absent)
			continue;
		if (t->kind == KIND_VIDEO && !video) {
			video = true;
			u->pcr_track = i;
			if (t->info.rate.num > 0 && t->info.rate.den > 0)
				u->grid = grid_make(t->info.rate, CLK_SECOND);
		} else if (t->kind == KIND_AUDIO && !audio && !video) {
			audio = true;
			u->pcr_track = i;
		}
	}
	program = tsmux_add_program(&u->mux, 1, PMT_PID,
	    (uint16_t)(FIRST_PID + u->pcr_track));
	if (program == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	program->cc = pmt_cc;
	if (cues)			/* SCTE 35 8.1 */
		desc_put(program->desc, sizeof(program->desc), &program->desc_len,
		    DESC_REGISTRATION, "CUEI", 4);
	if (u->sent)
		tsmux_changed(&u->mux);
}

/* ---- time */

static int64_t
utc_90k(int64_t utc_ns)
{
	return rescale_near(utc_ns, CLK_90K, CLK_SECOND);
}

static bool
on_grid(const struct units *u)
{
	return u->grid.rate.num > 0;
}

/* Choose the constant such that dts is sent as about want. */
static void
set_base(struct units *u, int64_t dts, int64_t want)
{
	int64_t origin = u->ntrack > 0 ? u->track[u->pcr_track].info.origin : 0;

	u->base = want - dts;
	if (on_grid(u)) {
		u->picture = grid_picture(&u->grid, origin + u->base);
		while (grid_time(&u->grid, u->picture) - origin < u->base)
			u->picture++;
		u->base = grid_time(&u->grid, u->picture) - origin;
	}
	u->based = true;
}

/* The first unit after the start or a break. */
static void
begin(struct units *u, const struct source_event *ev)
{
	int64_t now_ns = ev->utc_ns != 0 ? ev->utc_ns : clk_utc_ns();
	int64_t want = FILE_START + ev->dts;

	if (u->cfg.live || u->cfg.realtime)
		want = utc_90k(now_ns);
	if (u->sent && want <= u->last)
		want = u->last + 1;
	if (u->cfg.keep_time) {
		u->base = 0;
		u->based = true;
	} else {
		set_base(u, ev->dts, want);
	}
	if (u->cfg.realtime && !u->out->anchored) {
		int64_t dts = ev->dts + u->base, off = dts - utc_90k(now_ns);

		if (off > -2 * CLK_90K && off < 2 * CLK_90K)	/* the epoch */
			dts = utc_90k(now_ns);
		out_anchor(u->out, dts * 300, clk_mono_ns(), clk_utc_ns());
	}
}

static int64_t
pictures_in(const struct units *u, int64_t ticks)
{
	return rescale_near(ticks, u->grid.rate.num, u->grid.rate.den * CLK_90K);
}

/*
 * The pass is as long as its video, in whole pictures, unless audio goes on for
 * a second more.
 */
void
units_loop(struct units *u)
{
	int64_t length = 0, audio = 0, video = 0;

	for (unsigned i = 0; i < u->ntrack; i++) {
		struct track *t = &u->track[i];

		if (!t->timed)
			continue;
		if (t->kind == KIND_VIDEO && t->next - t->first > video)
			video = t->next - t->first;
		else if (t->kind == KIND_AUDIO && t->next - t->first > audio)
			audio = t->next - t->first;
		t->ended = true;
		t->end = t->next + u->base;
		t->timed = false;
	}
	length = video > 0 && audio < video + EXCESS ? video : audio;
	if (length <= 0)
		length = UNKNOWN_LENGTH;
	if (on_grid(u)) {
		int64_t n = pictures_in(u, length);
		int64_t was = grid_time(&u->grid, u->picture);

		u->picture += n > 0 ? n : 1;
		u->base += grid_time(&u->grid, u->picture) - was;
	} else {
		u->base += length;
	}
}

void
units_break(struct units *u)
{
	u->mapped = u->clock_sent = false;
	u->based &= u->cfg.announce && !u->cfg.live;	/* files of a list share a timeline */
	for (unsigned i = 0; i < u->ntrack; i++)
		u->track[i].timed = u->track[i].ended = false;
	if (u->sent && u->cfg.announce)
		tsmux_changed(&u->mux);
	if (u->sent && (u->cfg.keep_time || u->cfg.announce))
		tsmux_discontinuity(&u->mux);
}

void
units_again(struct units *u)
{
	u->mux.last_tables = u->mux.last_pcr = INT64_MIN;
	u->clock_sent = false;
	u->again = true;
}

void
units_clock(struct units *u, int64_t pts, int64_t utc_ns)
{
	u->mapped = true;
	u->map_pts = pts;
	u->map_utc_ns = utc_ns;
	u->clock_sent = false;
}

/* ---- output */

static void
put_clock(struct units *u, bool has_time, int64_t utc_ns)
{
	uint8_t pkt[TS_PACKET];

	ebp_clock_put(pkt, has_time, has_time ? clk_ns_to_ntp(utc_ns) : 0);
	out_put(u->out, pkt, TS_PACKET);
}

/* When a PCR of this value, as sent, was acquired; dts is of what came with it. */
static int64_t
pcr_utc(const struct units *u, int64_t pcr, int64_t dts)
{
	if (u->mapped)
		return u->map_utc_ns + rescale_near(pcr - u->base - u->map_pts,
		    CLK_SECOND, CLK_90K);
	if (u->cfg.realtime)
		return out_due_utc(u->out, pcr * 300);
	return u->arrival_ns + rescale_near(pcr - dts, CLK_SECOND, CLK_90K);
}

/* Write what the multiplexer made, with a clock packet before a PCR if due. */
static void
put_packets(struct units *u, int64_t dts)
{
	const uint8_t *p = u->mux.out, *end = p + u->mux.len;
	bool timed = u->cfg.live || u->cfg.realtime;
	struct ts_packet pkt;

	if (!u->sent || u->again)
		put_clock(u, timed, timed ? pcr_utc(u, dts - u->mux.delay, dts) : 0);
	u->sent = true;
	u->again = false;
	for (; p < end; p += TS_PACKET) {
		int64_t pcr, utc_ns;

		if (timed && (p[3] & 0x20) != 0 && p[4] > 6 && (p[5] & 0x10) != 0 &&
		    ts_parse(p, &pkt) == 0) {
			pcr = timeline_unwrap(dts, pkt.pcr / 300);
			utc_ns = pcr_utc(u, pcr, dts);
			if (!u->clock_sent || utc_ns - u->clock_ns >= CLK_SECOND ||
			    utc_ns < u->clock_ns) {
				put_clock(u, true, utc_ns);
				u->clock_sent = true;
				u->clock_ns = utc_ns;
			}
		}
		out_put(u->out, p, TS_PACKET);
	}
	out_flush(u->out);
	tsmux_clear(&u->mux);
}

/*
 * How long a unit lasts.  A picture: what the stated rate says, but some files state
 * too high a one.
 */
static int64_t
unit_length(const struct units *u, const struct track *t)
{
	int64_t length;

	if (t->kind != KIND_VIDEO || !on_grid(u))
		return t->gap;
	length = rescale_near(CLK_90K, u->grid.rate.den, u->grid.rate.num);
	return t->least_gap > length ? t->least_gap : length;
}

/* Follow the times of a track; false: it overlaps what has been sent. */
static bool
follow(struct units *u, struct track *t, int64_t pts, int64_t dts)
{
	int64_t length;

	if (t->ended && t->kind == KIND_AUDIO && pts + u->base < t->end - OVERLAP) {
		u->overlaps++;
		return false;
	}
	if (t->timed && dts > t->dts && dts - t->dts < 5 * CLK_90K) {
		t->gap = dts - t->dts;
		if (t->least_gap == 0 || t->gap < t->least_gap)
			t->least_gap = t->gap;
	}
	length = unit_length(u, t);
	if (!t->timed) {
		t->first = pts;
		t->next = pts + length;
	}
	if (pts < t->first)
		t->first = pts;
	if (pts + length > t->next)
		t->next = pts + length;
	t->dts = dts;
	t->timed = true;
	return true;
}

static void
begin_before(struct units *u, const struct source_event *ev, int64_t dts)
{
	struct source_event first = *ev;

	first.dts = dts;
	if (!u->based)
		begin(u, &first);
}

/* A section goes out where it comes; its times move as all others. */
static void
put_cue(struct units *u, const struct source_event *ev)
{
	uint8_t section[SCTE35_SECTION_MAX];
	int r;

	if (ev->len > sizeof(section))
		return;
	if (ev->dts != SOURCE_NO_TIME)
		begin_before(u, ev, ev->dts);
	memcpy(section, ev->data, ev->len);
	scte35_move(section, ev->len, u->base);
	r = tsmux_put_section(&u->mux, &u->mux.stream[ev->stream],
	    ev->dts != SOURCE_NO_TIME ? ev->dts + u->base : PES_NO_TIME, section, ev->len);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot multiplex a section");
	if (u->sent)
		put_packets(u, u->last);
}

/* So does what has no time at all, such as teletext may. */
static void
put_untimed(struct units *u, struct track *t, const struct source_event *ev)
{
	const struct tsmux_unit unit = { .data = ev->data, .len = ev->len,
	    .pts = PES_NO_TIME, .dts = PES_NO_TIME, .random_access = ev->random_access };
	int r;

	begin_before(u, ev, ev->dts);
	if ((r = tsmux_put(&u->mux, &u->mux.stream[ev->stream], &unit)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot multiplex");
	if (u->sent)
		put_packets(u, u->last);
	t->units++;
	u->count++;
}

/* A live source's unit with a time that cannot be: it gets the next one of its track. */
static void
restamp(const struct track *t, int64_t *pts, int64_t *dts)
{
	int64_t shown = *pts - *dts;

	*dts = t->dts + (t->least_gap > 0 ? t->least_gap : 1);
	*pts = *dts + (shown >= 0 && shown < REORDER_MAX ? shown : 0);
}

bool
units_unit(struct units *u, const struct source_event *ev)
{
	struct track *t = &u->track[ev->stream];
	struct tsmux_unit unit;
	int64_t dts = ev->dts != SOURCE_NO_TIME ? ev->dts : ev->pts, pts = ev->pts;
	bool own_clock = u->cfg.live && !u->cfg.keep_time;
	int r;

	if (ev->stream >= u->ntrack || (dts == SOURCE_NO_TIME &&
	    t->info.codec != CODEC_SCTE35))
		return true;
	u->arrival_ns = ev->utc_ns;
	u->strays += ev->restamped;
	if (t->info.codec == CODEC_SCTE35) {
		put_cue(u, ev);
		return true;
	}
	if (pts == SOURCE_NO_TIME && t->kind != KIND_VIDEO && t->kind != KIND_AUDIO) {
		if (ev->stream != u->pcr_track)		/* else nothing says when */
			put_untimed(u, t, ev);
		return true;
	}
	if (!t->timed || (dts >= t->dts - TIMELINE_JUMP_BACK &&
	    dts <= t->dts + TIMELINE_JUMP_FORWARD)) {
		t->stray.n = 0;
	} else if (own_clock && stray_time(&t->stray, dts)) {
		restamp(t, &pts, &dts);
		u->strays++;
	} else {
		u->jumps++;
		if (own_clock)
			units_break(u);
	}
	begin_before(u, ev, dts);
	if (!follow(u, t, pts, dts))
		return true;
	unit = (struct tsmux_unit){
		.data = ev->data, .len = ev->len, .random_access = ev->random_access,
		.pts = pts + u->base, .dts = dts + u->base,
	};
	if (!u->begun && ev->stream == u->pcr_track) {
		u->begun = true;
		u->start = unit.dts;
	}
	if (u->cfg.duration > 0 && u->begun &&
	    unit.dts - u->start >= u->cfg.duration)
		return false;
	if (u->cfg.realtime)
		out_wait(u->out, unit.dts * 300);
	if ((r = tsmux_put(&u->mux, &u->mux.stream[ev->stream], &unit)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot multiplex");
	put_packets(u, unit.dts);
	if (unit.dts > u->last || u->count == 0)
		u->last = unit.dts;
	t->units++;
	u->count++;
	return true;
}

uint64_t
units_count(const struct units *u)
{
	return u->count;
}

int64_t
units_media(const struct units *u)
{
	return u->begun ? u->last - u->start : 0;
}

void
units_stats(const struct units *u, json_t *o)
{
	uint64_t n[2] = { 0, 0 };

	for (unsigned i = 0; i < u->ntrack; i++)
		n[u->track[i].kind == KIND_VIDEO] += u->track[i].units;
	json_object_set_new(o, "video_units", json_integer((json_int_t)n[1]));
	json_object_set_new(o, "audio_units", json_integer((json_int_t)n[0]));
	json_object_set_new(o, "pts_jumps", json_integer((json_int_t)u->jumps));
	json_object_set_new(o, "pts_strays", json_integer((json_int_t)u->strays));
	json_object_set_new(o, "overlaps", json_integer((json_int_t)u->overlaps));
}

void
units_log(const struct units *u)
{
	log_info("units=%" PRIu64 " written=%" PRIu64 " jumps=%" PRIu64
	    " strays=%" PRIu64, u->count, u->out->packets, u->jumps, u->strays);
}
