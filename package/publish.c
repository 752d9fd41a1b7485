/* Make segments that are whole known: playlists, manifest; and forget old ones. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "package/pack.h"
#include "package/state.h"
#include "package/subs.h"
#include "package/tsout.h"

#define TYPE_DASH	"application/dash+xml"
#define TYPE_JSON	"application/json"

static int
put_text(struct pack *p, const char *name, const char *type, enum sink_level level,
    struct text *t)
{
	size_t len = t->len;
	char *text = text_take(t);

	if (text == NULL)
		return -ENOMEM;
	p->bytes_out += len;
	return sink_put_text(p->sink, name, type, level, text, len);
}

/* ---- rates */

/*
 * The peak is that of any segments together that last for half a segment or more
 * (RFC 8216 4.1): a short one counts with its neighbours.
 */
static void
note_peak(struct ptrack *t, uint64_t bytes, int64_t time, int64_t nominal)
{
	uint64_t rate = time * 2 >= nominal || t->peak == 0 ? pres_rate(bytes, time) : 0;
	bool together = t->last_time > 0 && (time * 2 < nominal ||
	    t->last_time * 2 < nominal) && (t->last_time + time) * 2 >= nominal;

	if (rate > t->peak)
		t->peak = rate;
	if (together && pres_rate(t->last_bytes + bytes, t->last_time + time) > t->peak)
		t->peak = pres_rate(t->last_bytes + bytes, t->last_time + time);
	t->last_bytes = bytes;
	t->last_time = time;
}

static void
note_rates(struct pres *p, const struct segment *s)
{
	for (unsigned i = 0; i < s->npart; i++) {
		const struct part *part = &s->part[i];
		struct ptrack *t = &p->track[i];
		const struct init *init = ptrack_init(t, part->init);
		uint64_t bytes = part->bytes > part->ts_bytes ? part->bytes : part->ts_bytes;
		uint64_t rate, keys = 0;
		int64_t time;

		if (!part->present || init == NULL)
			continue;
		if (part->sap > t->sap)
			t->sap = part->sap;
		time = rescale_near(part->duration, CLK_90K, init->timescale);
		note_peak(t, bytes, time, p->nominal);
		t->bytes += bytes;
		t->time += time;
		if (pres_rate(t->bytes, t->time) > t->peak)	/* no peak is below the mean */
			t->peak = pres_rate(t->bytes, t->time);
		for (unsigned k = 0; k < part->nkey; k++) {
			const struct keyframe *key = &part->key[k];
			uint32_t size = key->size > key->ts_size ? key->size : key->ts_size;

			rate = pres_rate(size, rescale_near(key->duration, CLK_90K,
			    init->timescale));
			if (rate > t->key_peak)
				t->key_peak = rate;
			keys += size;
		}
		t->key_bytes += keys;
	}
}

/* Is what index.m3u8 says of the rates no longer true? */
static bool
index_is_old(const struct pack *p)
{
	if (!p->index_told || p->pres.ended)
		return true;
	for (unsigned i = 0; i < p->pres.ntrack; i++) {
		const struct ptrack *t = &p->pres.track[i];
		uint64_t average = pres_rate(t->bytes, t->time);

		if ((pres_first(&p->pres, i) == p->pres.n) != t->told_absent)
			return true;
		if (t->kind == KIND_TEXT)
			continue;
		if (t->sap > t->told_sap || pres_bandwidth(&p->pres, t) > t->told_peak ||
		    t->key_peak > t->told_key ||
		    average > t->told_average + t->told_average / 10)
			return true;
	}
	return p->index_changed;
}

/* ---- what a reader sees */

static int
put_playlists(struct pack *p)
{
	struct text t = { .len = 0 };
	char name[SINK_NAME_MAX];
	int r = 0;

	for (unsigned i = 0; i < p->pres.ntrack && r == 0; i++) {
		const struct ptrack *track = &p->pres.track[i];

		if (p->pres.ts && track->kind != KIND_TEXT && !tsout_carries(track->codec))
			continue;
		if (p->pres.low)	/* with its parts: pack_changed() */
			p->changed |= UINT64_C(1) << i;
		else
			r = pack_put_media(p, i, &t);
		if (r == 0 && track->kind == KIND_VIDEO) {
			hls_put_keyframes(&p->pres, i, &t, p->pres.ts);
			snprintf(name, sizeof(name), "%s/iframes.m3u8", track->name);
			r = put_text(p, name, TYPE_HLS, SINK_PLAYLIST, &t);
		}
	}
	return r;
}

int
pack_put_index(struct pack *p)
{
	struct text t = { .len = 0 };
	int r = 0;

	if (index_is_old(p)) {
		hls_put_index(&p->pres, &t, p->pres.ts);
		r = put_text(p, "index.m3u8", TYPE_HLS, SINK_INDEX, &t);
		p->index_told = true;
		p->index_changed = false;
	}
	if (r == 0) {
		dash_put(&p->pres, &t);
		r = put_text(p, "index.mpd", TYPE_DASH, SINK_INDEX, &t);
	}
	return r;
}

static void
delete_archive(struct pack *p, int64_t number)
{
	char name[STATE_ARCHIVE_NAME];

	state_archive_name(number, name);
	sink_delete(p->sink, name);
}

static int
put_state(struct pack *p)
{
	char name[STATE_ARCHIVE_NAME], *text;
	int64_t number;
	size_t len;
	int r = 0;

	while (!p->pres.ended && (r = state_seal(&p->pres, &text, &len, &number)) == 1) {
		state_archive_name(number, name);
		if ((r = sink_put_text(p->sink, name, TYPE_JSON, SINK_HEADER, text, len)) < 0)
			break;
	}
	if (r < 0)
		return r;
	if ((text = state_put(&p->pres, &len)) == NULL)
		return -ENOMEM;
	/* Playlists of low latency do not wait for it, but it for what it names. */
	return sink_put_text(p->sink, STATE_NAME, TYPE_JSON, p->pres.low ? SINK_RECORD :
	    SINK_STATE, text, len);
}

static bool
init_in_use(const struct pres *p, unsigned track, uint32_t number)
{
	for (size_t n = 0; n < p->n; n++)
		if (track < p->segment[n]->npart && p->segment[n]->part[track].present &&
		    p->segment[n]->part[track].init == number)
			return true;
	return false;
}

static void
delete_inits(struct pack *p)
{
	char name[SINK_NAME_MAX], file[24];

	for (unsigned i = 0; i < p->pres.ntrack; i++) {
		struct ptrack *t = &p->pres.track[i];

		while (t->ninit > 1 && !init_in_use(&p->pres, i, t->init[0].number)) {
			init_name(t->init[0].number, file);
			snprintf(name, sizeof(name), "%s/%s", t->name, file);
			sink_delete(p->sink, name);
			t->ninit--;
			memmove(t->init, t->init + 1, t->ninit * sizeof(t->init[0]));
		}
	}
}

/*
 * How many segments nobody needs any more.  After it has left the playlist each is kept
 * for its own duration and that of the playlist (RFC 8216 6.2.2), and of one more
 * segment, since a reader may be that late.
 */
static size_t
count_old(const struct pres *p)
{
	size_t n = pres_window(p);
	int64_t listed = 0, after, slack = p->target * CLK_90K;

	for (size_t i = n; i < p->n; i++)
		listed += p->segment[i]->duration;
	for (after = listed; n > 0 && after < 2 * listed + p->segment[n - 1]->duration +
	    slack; n--)
		after += p->segment[n - 1]->duration;
	return n;
}

static void
delete_old(struct pack *p)
{
	struct pres *pr = &p->pres;
	size_t n, left, old = count_old(pr);
	int64_t number;
	char name[SINK_NAME_MAX];
	bool inits = false;

	for (n = 0; n < old; n++) {
		struct segment *s = pr->segment[n];

		for (unsigned i = 0; i < s->npart; i++) {
			if (!s->part[i].present)
				continue;
			snprintf(name, sizeof(name), "%s/%lld.m4s", pr->track[i].name,
			    (long long)s->number);
			sink_delete(p->sink, name);
			if (s->part[i].ts_bytes > 0) {
				snprintf(name, sizeof(name), "%s/%lld.%s",
				    pr->track[i].name, (long long)s->number,
				    pr->track[i].kind == KIND_TEXT ? "vtt" : "ts");
				sink_delete(p->sink, name);
			}
			inits = inits || s->part[i].init != ptrack_newest(&pr->track[i])->number;
		}
		pr->discontinuity_sequence += s->discontinuity;
		segment_free(s);
	}
	if (n == 0)
		return;
	for (left = n; state_forget(pr, &left, &number) == 1;)
		delete_archive(p, number);
	pr->n -= n;
	memmove(pr->segment, pr->segment + n, pr->n * sizeof(struct segment *));
	if (inits)
		delete_inits(p);
	if (pr->n > 0)
		cuetrack_forget(&pr->cues, pr->segment[0]->t - CUE_SLACK);
}

/* ---- a segment of all tracks */

/* Does it follow the one before it without a seam, in every track? */
static bool
is_seamless(const struct segment *a, const struct segment *b)
{
	if (b->number != a->number + 1)
		return false;
	for (unsigned i = 0; i < a->npart && i < b->npart; i++) {
		const struct part *x = &a->part[i], *y = &b->part[i];

		if (x->present && y->present &&
		    (x->init != y->init || x->t + x->duration != y->t))
			return false;
	}
	return true;
}

static void
set_duration(const struct pres *p, struct segment *s)
{
	for (unsigned i = 0; i < s->npart; i++) {
		const struct init *init = ptrack_init(&p->track[i], s->part[i].init);

		if (!s->part[i].present || init == NULL)
			continue;
		s->duration = rescale_near(s->part[i].duration, CLK_90K, init->timescale);
		return;
	}
}

/* Does a break begin or end with this segment, and a Period with it? */
static bool
is_split(const struct pres *p, const struct segment *last, const struct segment *s)
{
	return (p->policy.ways & CUE_PERIOD) != 0 &&
	    cue_break_at(&p->cues, &p->policy, last->t) !=
	    cue_break_at(&p->cues, &p->policy, s->t);
}

/* Text may come and go without a break, though not within a Period. */
static bool
same_kinds(const struct pres *p, const struct segment *a, const struct segment *b, bool text)
{
	unsigned n = a->npart > b->npart ? a->npart : b->npart;

	for (unsigned i = 0; i < n; i++)
		if ((p->track[i].kind == KIND_TEXT) == text &&
		    segment_has(a, i) != segment_has(b, i))
			return false;
	return true;
}

static bool
same_tracks(const struct pres *p, const struct segment *a, const struct segment *b)
{
	return same_kinds(p, a, b, false);
}

/* Its DASH Period: that of the segment before it, or a new one. */
void
pack_set_period(const struct pres *p, const struct segment *last, struct segment *s)
{
	const int64_t day = 86400;

	s->split = 0;
	if (last != NULL && !s->discontinuity && (is_split(p, last, s) ||
	    !same_kinds(p, last, s, true) || (p->low && (segment_is_lost(last) != segment_is_lost(s) ||
	    !same_tracks(p, last, s) || s->t - last->t - last->duration > CUT_HOLE)))) {
		s->split = last->split + 1;
		s->period_t = s->t;
		s->period_ns = last->period_ns + rescale_near(s->t, CLK_SECOND, CLK_90K) -
		    rescale_near(last->period_t, CLK_SECOND, CLK_90K);
	} else if (last != NULL && !s->discontinuity) {
		s->split = last->split;
		s->period_t = last->period_t;
		s->period_ns = last->period_ns;
	} else if (last != NULL || s->utc_ns == 0) {
		s->period_t = s->t;
		s->period_ns = s->utc_ns;
	} else {
		s->period_t = day * CLK_90K;
		s->period_ns = day * CLK_SECOND + s->utc_ns -
		    rescale_near(s->t, CLK_SECOND, CLK_90K);
	}
}

/* ---- what could not be delivered must not be promised */

static bool
mark_dropped(const struct pres *p, struct segment *s, const char *name)
{
	char want[SINK_NAME_MAX];

	for (unsigned i = 0; i < s->npart; i++) {
		int n = snprintf(want, sizeof(want), "%s/%lld.", p->track[i].name,
		    (long long)s->number);

		if (strncmp(want, name, (size_t)n) == 0)
			return s->part[i].dropped = true;
	}
	return false;
}

/* Returns true when the playlists are not true any more. */
static bool
note_dropped(struct pack *p)
{
	struct pres *pr = &p->pres;
	char name[SINK_NAME_MAX];
	size_t from = pr->n;
	bool any;

	while (sink_dropped(p->sink, name)) {
		for (size_t n = pr->n; n-- > 0;)
			if (mark_dropped(pr, pr->segment[n], name) && n < from)
				from = n;
		for (size_t n = p->nmaking; n-- > 0;)
			mark_dropped(pr, p->making[n].segment, name);
	}
	any = from < pr->n;
	state_unseal(pr, from);
	/* The text that was waiting is gone, too. */
	p->index_told = p->index_told && !any;
	for (size_t n = 1; n < pr->n && any; n++) {
		struct segment *s = pr->segment[n], *last = pr->segment[n - 1];

		s->discontinuity = s->discontinuity || !same_tracks(pr, last, s);
		pack_set_period(pr, last, s);
	}
	return any;
}

int
pack_check_sink(struct pack *p)
{
	int r;

	if (!note_dropped(p) || (p->pres.mode == PRES_VOD && !p->pres.ended))
		return 0;
	if ((r = put_state(p)) < 0 || (r = put_playlists(p)) < 0)
		return r;
	p->index_due = p->pres.low;
	return p->pres.low ? pack_changed(p) : pack_put_index(p);
}

/* The numbers of the I-frames, in playlists of their own. */
static void
count_keys(struct pres *p, struct segment *s)
{
	for (unsigned i = 0; i < s->npart; i++) {
		const struct part *before = NULL;

		for (size_t n = p->n; n-- > 0 && before == NULL;)
			if (i < p->segment[n]->npart && p->segment[n]->part[i].present)
				before = &p->segment[n]->part[i];
		s->part[i].key_sequence = before != NULL ? before->key_sequence +
		    before->nkey : s->number * (s->part[i].nkey > 0 ? s->part[i].nkey : 1);
		if (s->part[i].key_sequence < p->track[i].next_key)
			s->part[i].key_sequence = p->track[i].next_key;
		p->track[i].next_key = s->part[i].key_sequence + s->part[i].nkey;
	}
}

static void
note_target(struct pres *p, const struct segment *s)
{
	int64_t seconds;

	for (unsigned i = 0; i < s->npart; i++) {
		const struct init *init = ptrack_init(&p->track[i], s->part[i].init);

		if (!s->part[i].present || init == NULL)
			continue;
		seconds = (s->part[i].duration + init->timescale / 2) / init->timescale;
		if (seconds > p->target) {
			log_info("a segment of %lld s: the target duration grows from %lld s",
			    (long long)seconds, (long long)p->target);
			p->target = seconds;
		}
	}
}

/* What has begun by the end of this segment: its date stays as it is told first. */
void
pack_date_cues(struct pres *p, const struct segment *s)
{
	for (size_t i = 0; i < p->cues.n; i++) {
		struct cue *c = &p->cues.cue[i];

		if (c->date_ns == 0 && c->start < s->t + s->duration)
			c->date_ns = segment_date(p, s) + rescale_near(c->start, CLK_SECOND,
			    CLK_90K) - rescale_near(s->t, CLK_SECOND, CLK_90K);
	}
}

int
pack_publish(struct pack *p, struct segment *s)
{
	struct pres *pr = &p->pres;
	struct segment *last = pr->n > 0 ? pr->segment[pr->n - 1] : NULL;
	bool any = false;
	int r;

	for (unsigned i = 0; i < s->npart; i++)
		any = any || s->part[i].present;
	if (s->number <= p->skip_to || !any) {
		p->skipped += any;
		segment_free(s);
		return 0;
	}
	if (pr->low && last != NULL && (r = pack_fill_gap(p, s)) < 0) {
		segment_free(s);
		return r;
	}
	last = pr->n > 0 ? pr->segment[pr->n - 1] : NULL;
	p->joined = p->resumed;
	if (pr->low) {			/* has been told already */
		p->resumed = false;
	} else if (p->resumed) {	/* the first after those of an earlier run */
		s->discontinuity = last != NULL && !is_seamless(last, s);
		p->resumed = false;
	}
	if (last == NULL)
		s->discontinuity = false;
	if (!pr->low)
		s->sequence = last != NULL ? last->sequence + 1 : s->number;
	if (!pr->low && last != NULL && (s->number != last->number + 1 ||
	    !same_tracks(pr, last, s)))
		s->discontinuity = true;
	set_duration(pr, s);
	if (pr->idle && s->expect > s->t)
		s->duration = s->expect - s->t;
	subs_note(p);
	if ((r = subs_publish(p, &s)) < 0) {
		segment_free(s);
		return r;
	}
	pack_set_period(pr, last, s);
	pack_date_cues(pr, s);
	count_keys(pr, s);
	pr->live = s->utc_ns != 0;
	pr->nominal = p->cutter.longest;
	pr->rate = p->cutter.grid.rate;
	pr->pictures = p->cutter.grid.pictures;
	if (pr->target == 0)		/* a splice may make a segment half longer */
		pr->target = (p->cutter.longest * (pr->has_cues ? 3 : 2) / 2 + CLK_90K / 2) /
		    CLK_90K;
	if (pr->target == 0)
		pr->target = 1;
	note_target(pr, s);
	note_rates(pr, s);
	if ((r = pres_add(pr, s)) < 0)
		return r;
	if (s->utc_ns != 0)
		p->last_lag_ns = clk_utc_ns() - s->utc_ns - rescale_near(s->duration,
		    CLK_SECOND, CLK_90K);
	else if (pr->start_ns == 0)
		pr->start_ns = clk_utc_ns() - rescale_near(s->t + s->duration, CLK_SECOND,
		    CLK_90K);
	p->segments++;
	if (pr->low && !pr->idle)
		pack_note_lag(p, s);
	note_dropped(p);
	if (pr->mode == PRES_VOD)	/* everything at the end */
		return 0;
	p->index_due = pr->low;		/* with what is open: pack_changed() */
	if ((r = put_state(p)) < 0 || (r = put_playlists(p)) < 0 ||
	    (!pr->low && (r = pack_put_index(p)) < 0))
		return r;
	if (pr->mode == PRES_WINDOW)
		delete_old(p);
	sink_batch(p->sink);
	return 0;
}

int
pack_end(struct pack *p)
{
	int r;

	if (p->pres.n == 0)
		return 0;
	note_dropped(p);
	p->pres.ended = true;
	p->pres.start_ns = 0;		/* of no use any more, and the only impurity */
	p->index_due = p->pres.low;
	if ((r = put_state(p)) < 0 || (r = put_playlists(p)) < 0)
		return r;
	if ((r = p->pres.low ? pack_changed(p) : pack_put_index(p)) < 0)
		return r;
	while (p->pres.narchive > 0)
		delete_archive(p, p->pres.archive[--p->pres.narchive].number);
	p->pres.nsealed = 0;
	return 0;
}
