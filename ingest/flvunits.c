#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/flvcolour.h"
#include "ingest/flvtrack.h"
#include "ingest/flvunits.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/net/amf.h"

#define TRACKS		9		/* one of video, and audio */
#define ALONE		INT64_C(1000)	/* ms of media, without the other kind */
#define ALONE_NS	(2 * CLK_SECOND)	/* or so long by our clock */
#define HELD_MAX	(4u << 20)	/* bytes */

struct held {
	struct held *next;
	struct flv_packet pkt;
	struct flvtrack *track;
	int64_t	 ms, utc_ns;
	uint8_t	 data[];
};

struct flvunits {
	struct flvunits_config cfg;
	unsigned ntrack;
	struct flvtrack track[TRACKS];
	struct source_stream stream[TRACKS];
	unsigned nstream;
	unsigned place[TRACKS];		/* of each track in the table of streams */
	bool	 open, changed;		/* changed: the table is to be told */
	struct held *first, **last;
	size_t	 held;
	int64_t	 first_utc_ns, first_ms;
	bool	 have_first;
	bool	 clocked;
	int64_t	 ms;			/* of the last tag, unwrapped */
	bool	 told_unconfigured, told_audio, told_tracks, told_guess;
	struct flvtrack_hints hints;
	struct hdr hdr;			/* beside the pictures */
};

struct flvunits *
flvunits_new(const struct flvunits_config *cfg)
{
	struct flvunits *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->cfg = *cfg;
	f->last = &f->first;
	f->cfg.event(f->cfg.arg, &(struct source_event){ .what = SOURCE_BREAK });
	return f;
}

void
flvunits_free(struct flvunits *f)
{
	if (f == NULL)
		return;
	for (struct held *h = f->first, *next; h != NULL; h = next) {
		next = h->next;
		free(h);
	}
	for (unsigned i = 0; i < f->ntrack; i++)
		flvtrack_free(&f->track[i]);
	free(f);
}

/* ---- out */

static void
list_track(struct flvunits *f, unsigned i)
{
	if (!f->track[i].configured)
		return;
	if (!f->track[i].announced)
		f->place[i] = f->nstream++;
	f->track[i].announced = true;
	f->stream[f->place[i]] = f->track[i].info;
}

/* The table of streams: video first if it is known at first, then in order of coming. */
static void
announce(struct flvunits *f)
{
	for (unsigned i = 0; i < f->ntrack; i++)
		if (f->track[i].is_video)
			list_track(f, i);
	for (unsigned i = 0; i < f->ntrack; i++)
		if (!f->track[i].is_video)
			list_track(f, i);
	f->changed = false;
	if (f->nstream > 0)
		f->cfg.event(f->cfg.arg, &(struct source_event){
			.what = SOURCE_STREAMS, .streams = f->stream,
			.nstream = f->nstream,
		});
}

/* Is this the first time, and is there to be a message about it? */
static bool
tells(struct flvunits *f, bool *told)
{
	bool first = !*told;

	*told = true;
	return first && (f->cfg.may_tell == NULL || f->cfg.may_tell(f->cfg.arg));
}

static void
tell_unconfigured(struct flvunits *f, const struct flvtrack *t)
{
	f->cfg.counts->unconfigured++;
	if (!t->configured && tells(f, &f->told_unconfigured))
		log_warn(0, "'%s' sends %s without saying how it is coded: left out until "
		    "it does", f->cfg.name, codec_name(t->info.codec));
}

static int
guess(struct flvunits *f, struct flvtrack *t, const struct flv_packet *pkt)
{
	int r = flvtrack_guess(t, pkt->data, pkt->len, &f->hints);

	if (r == 0 && t->info.codec == CODEC_AAC && tells(f, &f->told_guess))
		log_warn(0, "'%s' sends AAC without saying how it is coded: it is taken for "
		    "what it seems to be", f->cfg.name);
	return r;
}

static int
put_unit(struct flvunits *f, struct flvtrack *t, const struct flv_packet *pkt, int64_t ms,
    int64_t utc_ns)
{
	struct source_event ev = { .what = SOURCE_UNIT, .utc_ns = utc_ns };
	int64_t time = ms * 90 + (pkt->nano * INT64_C(9) + 50000) / 100000;
	int r = 0;

	if (!t->configured) {
		if ((r = guess(f, t, pkt)) == -ENOMEM)
			return r;
		f->changed |= t->configured;
	}
	if (!t->configured || (t->is_video && !t->started && !pkt->key)) {
		tell_unconfigured(f, t);
		return 0;
	}
	if (f->changed)
		announce(f);
	t->hdr = f->hdr;
	r = flvtrack_unit(t, pkt, time, &ev);
	if (r == -ENOMEM)
		return r;
	if (r <= 0) {
		f->cfg.counts->damaged += r < 0;
		return 0;
	}
	t->started = true;
	ev.stream = f->place[t - f->track];
	f->cfg.event(f->cfg.arg, &ev);
	return 0;
}

static int
open_up(struct flvunits *f)
{
	int r = 0;

	f->open = true;
	/* What nobody has described: now is the time to guess. */
	for (struct held *h = f->first; h != NULL; h = h->next) {
		if (!h->track->configured)
			guess(f, h->track, &h->pkt);
		flvtrack_foresee(h->track, &h->pkt);
	}
	announce(f);
	while (f->first != NULL) {
		struct held *h = f->first;

		f->first = h->next;
		h->pkt.data = h->data;
		if (r == 0)
			r = put_unit(f, h->track, &h->pkt, h->ms, h->utc_ns);
		free(h);
	}
	f->last = &f->first;
	f->held = 0;
	return r;
}

static bool
is_ready(const struct flvunits *f)
{
	bool picture = false, sound = false;

	for (const struct held *h = f->first; h != NULL; h = h->next) {
		picture |= h->track->is_video && h->track->configured && h->pkt.key;
		sound |= !h->track->is_video && h->track->configured;
	}
	return picture && sound;
}

static int
hold(struct flvunits *f, struct flvtrack *t, const struct flv_packet *pkt, int64_t utc_ns)
{
	struct held *h = malloc(sizeof(*h) + pkt->len);

	if (h == NULL)
		return -ENOMEM;
	*h = (struct held){ .pkt = *pkt, .track = t, .ms = f->ms, .utc_ns = utc_ns };
	if (pkt->len > 0)
		memcpy(h->data, pkt->data, pkt->len);
	h->pkt.data = h->data;
	*f->last = h;
	f->last = &h->next;
	f->held += sizeof(*h) + pkt->len;
	if (!f->have_first) {
		f->have_first = true;
		f->first_ms = f->ms;
		f->first_utc_ns = utc_ns;
	}
	if (f->held > HELD_MAX || f->ms - f->first_ms >= ALONE || f->ms < f->first_ms ||
	    is_ready(f))
		return open_up(f);
	return 0;
}

int
flvunits_tick(struct flvunits *f, int64_t utc_ns)
{
	if (f->open || !f->have_first || utc_ns - f->first_utc_ns < ALONE_NS)
		return 0;
	return open_up(f);
}

/* ---- in */

/* One place is for video, whatever comes first. */
static bool
has_room(const struct flvunits *f, bool video)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->ntrack; i++)
		n += f->track[i].is_video == video;
	return n < (video ? 1 : TRACKS - 1);
}

static struct flvtrack *
track_of(struct flvunits *f, bool video, const struct flv_packet *pkt)
{
	struct flvtrack *t;

	for (unsigned i = 0; i < f->ntrack; i++) {
		t = &f->track[i];
		if (t->is_video == video && t->id == pkt->track)
			break;
		t = NULL;
	}
	if (f->ntrack == 0)
		t = NULL;
	if (t != NULL && t->fourcc == pkt->fourcc)
		return t;
	if (t == NULL && !has_room(f, video))
		return NULL;
	if (t == NULL) {
		t = &f->track[f->ntrack++];
		flvtrack_init(t, video, pkt->track, pkt->fourcc);
	} else if (pkt->what == FLV_CONFIG || pkt->key || !video) {
		bool announced;			/* another codec in the same place */

		if (!f->open && open_up(f) < 0)
			return NULL;
		announced = t->announced;
		flvtrack_free(t);
		flvtrack_init(t, video, pkt->track, pkt->fourcc);
		t->announced = announced;
	} else {
		return NULL;
	}
	return t;
}

/* Does the PMT say other than before? */
static bool
differs(const struct source_stream *a, const struct source_stream *b)
{
	return a->codec != b->codec || a->rate.num != b->rate.num ||
	    a->rate.den != b->rate.den || a->desc_len != b->desc_len ||
	    memcmp(a->desc, b->desc, a->desc_len) != 0;
}

static int
configure(struct flvunits *f, struct flvtrack *t, const struct flv_packet *pkt)
{
	struct source_stream was = t->info;
	bool known = t->configured;
	int r;

	/* "AF 00" and nothing: some encoders begin so. */
	if (pkt->len == 0 || !flvtrack_is_new(t, pkt->data, pkt->len))
		return 0;
	if (!f->open && known && (r = open_up(f)) < 0)
		return r;
	r = flvtrack_config(t, pkt->data, pkt->len, &f->hints);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		f->cfg.counts->damaged++;
		return 0;
	}
	f->cfg.counts->configs++;
	f->changed |= f->open && (!known || differs(&was, &t->info));
	return 0;
}

/* Is it one that is taken?  Audio and tracks that are not are left out. */
static bool
is_taken(struct flvunits *f, bool video, const struct flv_packet *pkt)
{
	char name[5];

	if (flvtrack_codec(pkt->fourcc) == CODEC_UNKNOWN) {
		flv_name(pkt->fourcc, name);
		if (!tells(f, &f->told_audio))
			return false;
		if (pkt->fourcc != 0)
			log_warn(0, "audio of '%s' is left out: '%s'", f->cfg.name, name);
		else
			log_warn(0, "audio of '%s' is left out: its format is %u",
			    f->cfg.name, pkt->old);
		return false;
	}
	if (codec_kind(flvtrack_codec(pkt->fourcc)) != (video ? KIND_VIDEO : KIND_AUDIO))
		return false;
	if (!video || pkt->track == 0)
		return true;
	if (tells(f, &f->told_tracks))
		log_warn(0, "'%s' has several video tracks: the first is taken", f->cfg.name);
	return false;
}

static int
take(struct flvunits *f, bool video, const struct flv_packet *pkt, int64_t utc_ns,
    char codec[static 5])
{
	struct flvtrack *t;
	int r = 0;

	if (pkt->what == FLV_COLOUR) {
		f->cfg.counts->colours++;
		if (video && pkt->track == 0)
			r = flvcolour_read(&f->hdr, pkt->data, pkt->len);
		f->cfg.counts->damaged += r < 0;
		return 0;
	}
	if (pkt->what != FLV_CONFIG && pkt->what != FLV_FRAMES)
		return 0;
	if (video && flvtrack_codec(pkt->fourcc) == CODEC_UNKNOWN) {
		flv_name(pkt->fourcc, codec);
		if (pkt->fourcc == 0)
			memcpy(codec, "old", 4);
		return -ENOTSUP;
	}
	t = is_taken(f, video, pkt) ? track_of(f, video, pkt) : NULL;
	if (t == NULL) {
		f->cfg.counts->left_out++;
		return 0;
	}
	if (pkt->what == FLV_CONFIG)
		return configure(f, t, pkt);
	if (!video && !t->configured && pkt->len > 0) {
		flvtrack_guess(t, pkt->data, pkt->len, NULL);
		f->changed |= f->open && t->configured;
	}
	return f->open ? put_unit(f, t, pkt, f->ms, utc_ns) : hold(f, t, pkt, utc_ns);
}

int
flvunits_tag(struct flvunits *f, bool video, uint32_t timestamp, const uint8_t *p,
    size_t len, int64_t utc_ns, char codec[static 5])
{
	struct flv_packet pkt;
	struct flv tag;
	int r;

	f->ms = f->clocked ? f->ms + (int32_t)(timestamp - (uint32_t)f->ms) : timestamp;
	f->clocked = true;
	*(video ? &f->cfg.counts->video : &f->cfg.counts->audio) += 1;
	r = video ? flv_video(&tag, p, len) : flv_audio(&tag, p, len);
	while (r >= 0 && (r = flv_next(&tag, &pkt)) > 0)
		if ((r = take(f, video, &pkt, utc_ns, codec)) < 0)
			return r;
	f->cfg.counts->damaged += r < 0;
	return 0;
}

/* ---- hints */

/* A rate as a number of pictures: whole, or by 1000/1001. */
static struct rational
rate_of(double fps)
{
	int64_t milli, whole;

	if (!(fps >= 1 && fps <= 300))
		return (struct rational){ 0, 0 };
	milli = (int64_t)(fps * 1000 + 0.5);
	whole = (milli + 500) / 1000;
	if (milli >= whole * 1000 - 1 && milli <= whole * 1000 + 1)
		return (struct rational){ whole, 1 };
	if (milli * 1001 >= whole * 1000000 - 10010 && milli * 1001 <= whole * 1000000 + 10010)
		return (struct rational){ whole * 1000, 1001 };
	return (struct rational){ 0, 0 };
}

static void
hint(struct flvtrack_hints *h, const struct amf_item *it)
{
	bool number = it->type == AMF_NUMBER;

	if (number && (amf_is(it->key, "framerate") || amf_is(it->key, "fps")))
		h->rate = rate_of(it->number);
	else if (number && amf_is(it->key, "audiosamplerate") && it->number >= 0 &&
	    it->number <= 200000)
		h->audio_rate = (uint32_t)it->number;
	else if (number && amf_is(it->key, "audiochannels") && it->number >= 0 &&
	    it->number <= 64)
		h->channels = (uint32_t)it->number;
	else if (it->type == AMF_BOOLEAN && amf_is(it->key, "stereo"))
		h->channels = it->boolean ? 2 : 1;
}

void
flvunits_data(struct flvunits *f, const uint8_t *p, size_t len)
{
	struct amf_item it;
	bool meta = false;
	struct amf a;

	amf_init(&a, p, len);
	while (amf_next(&a, &it) > 0) {
		if (it.depth == 0 && it.type == AMF_STRING)
			meta |= amf_is(it.string, "onMetaData");
		else if (meta && it.depth == 1)
			hint(&f->hints, &it);
	}
}
