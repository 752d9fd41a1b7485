/* Take segments off the tracks' queues and make objects of them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/times.h"
#include "package/low.h"
#include "package/pack.h"
#include "package/tsout.h"

#define LATE_MAX	(3 * CLK_90K)	/* a track that is so far behind is left, live */
#define LATE_FILE	(15 * CLK_90K)	/* and not live */
#define FRAGMENTS_MAX	(SINK_PIECES / 2)
#define QUEUE_MAX	(30 * CLK_90K)

/* ---- headers */

int
pack_put_init(struct pack *p, unsigned n, const struct track *t, const struct config *c,
    uint32_t *number)
{
	struct ptrack *pt = &p->pres.track[n];
	const struct init *old = ptrack_newest(pt);
	struct mp4_track mt;
	char name[SINK_NAME_MAX], file[24];
	struct init *list;
	uint8_t *buf;
	int len;

	track_describe(t, c, &mt);
	mt.track_id = n + 1;
	if (old != NULL && old->config.len == c->len && old->timescale == mt.timescale &&
	    memcmp(old->config.record, c->record, c->len) == 0) {
		*number = old->number;
		return 0;
	}
	*number = old != NULL ? old->number + 1 : 1;	/* and old is gone: */
	list = realloc(pt->init, (pt->ninit + 1) * sizeof(*list));
	buf = malloc(MP4MUX_INIT_MAX);
	if (list != NULL)
		pt->init = list;
	if (list == NULL || buf == NULL) {
		free(buf);
		return -ENOMEM;
	}
	if ((len = mp4mux_init_put(&mt, buf, MP4MUX_INIT_MAX)) < 0) {
		free(buf);
		return len;
	}
	p->index_changed = true;
	pt->codec = mt.codec;
	pt->init[pt->ninit++] = (struct init){
		.number = *number, .timescale = mt.timescale, .config = *c,
		.len = (size_t)len,
	};
	if (t->kind == KIND_VIDEO)	/* what it says of itself may not be true */
		pt->init[pt->ninit - 1].config.video.frame_rate = track_rate(t, c->version);
	init_name(*number, file);
	snprintf(name, sizeof(name), "%s/%s", pt->name, file);
	return sink_put_text(p->sink, name, t->kind == KIND_VIDEO ? "video/mp4" :
	    "audio/mp4", SINK_HEADER, (char *)buf, (size_t)len);
}

/* ---- objects */

static size_t
fragment_end(const struct track *t, const struct mp4_sample *s, size_t from, size_t n,
    unsigned left)
{
	size_t to = from + 1;

	if (t->kind != KIND_VIDEO || left == 1)
		return n;
	while (to < n && !s[to].sync)
		to++;
	return to;
}

/*
 * The object of samples [0, n), whose bytes are in buf, which it takes.  The first is
 * decoded before time by the track's delay.
 */
static int
put_media(struct pack *p, struct track *t, unsigned index, int64_t number, int64_t time,
    const struct mp4_sample *s, size_t n, uint8_t *buf, struct part *part,
    const struct mp4_emsg *emsg, unsigned nemsg)
{
	struct sink_object o = {
		.content_type = t->kind == KIND_VIDEO ? "video/mp4" : "audio/mp4",
		.level = SINK_MEDIA,
	};
	struct keyframe key[FRAGMENTS_MAX] = { { .offset = 0 } };
	size_t room = 0, fill = 0, at = 0, to;
	unsigned parts = 0, nkey = 0;
	uint8_t *head;
	int r;

	for (size_t i = 0; i < n; i = to, parts++) {
		struct mp4mux_chunk c;

		to = fragment_end(t, s, i, n, FRAGMENTS_MAX - parts);
		c = (struct mp4mux_chunk){ .sample = s + i, .n = (unsigned)(to - i),
			.video = t->kind == KIND_VIDEO, .emsg = emsg,
			.nemsg = i == 0 ? nemsg : 0 };
		room += mp4mux_chunk_max(&c);
	}
	if ((head = malloc(room)) == NULL) {
		free(buf);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i = to) {
		uint8_t *media = buf + at;
		struct mp4mux_chunk c = {
			.styp = i == 0 ? MP4MUX_SEGMENT : MP4MUX_FRAGMENT,
			.track_id = index + 1, .video = t->kind == KIND_VIDEO,
			.sequence_number = (uint32_t)(number * FRAGMENTS_MAX + o.niov / 2),
			.base_media_decode_time = (uint64_t)(time - t->delay), .sample = s + i,
			.emsg = emsg, .nemsg = i == 0 ? nemsg : 0,
		};
		size_t len = 0;

		to = fragment_end(t, s, i, n, FRAGMENTS_MAX - o.niov / 2);
		c.n = (unsigned)(to - i);
		if ((r = mp4mux_chunk_put(&c, head + fill, room - fill)) < 0) {
			free(head);
			free(buf);
			return r;
		}
		if (t->kind == KIND_VIDEO && s[i].sync)
			key[nkey++] = (struct keyframe){
				.offset = (uint32_t)part->bytes,
				.size = (uint32_t)r + (uint32_t)s[i].len,
				.duration = i == 0 ? part->t : time,
			};
		for (size_t k = i; k < to; k++) {
			len += s[k].len;
			time += s[k].duration;
		}
		o.iov[o.niov++] = (struct iovec){ head + fill, (size_t)r };
		o.iov[o.niov++] = (struct iovec){ media, len };
		fill += (size_t)r;
		at += len;
		part->bytes += (size_t)r + len;
	}
	part->duration = time - part->t;
	for (unsigned k = 0; k < nkey; k++) {
		key[k].duration = (k + 1 < nkey ? key[k + 1].duration : time) -
		    key[k].duration;
		if (part->ts_bytes > 0 && k < t->ts->nkey) {
			key[k].ts_offset = t->ts->key[k].offset;
			key[k].ts_size = t->ts->key[k].size;
		}
	}
	if (nkey > 0 && (part->key = malloc(nkey * sizeof(key[0]))) != NULL) {
		memcpy(part->key, key, nkey * sizeof(key[0]));
		part->nkey = nkey;
	}
	snprintf(o.name, sizeof(o.name), "%s/%lld.m4s", p->pres.track[index].name,
	    (long long)number);
	o.own[0] = head;
	o.own[1] = buf;
	return sink_put(p->sink, &o);
}

/* Give the track a new buffer, for what is after len bytes of the old one. */
static int
change_buffer(struct track *t, size_t len, uint8_t **old)
{
	uint8_t *p = malloc(t->size);

	if (p == NULL)
		return -ENOMEM;
	memcpy(p, t->buf + len, t->len - len);
	*old = t->buf;
	t->buf = p;
	t->len -= len;
	return 0;
}

/* The same samples as a transport stream. */
static int
put_ts(struct pack *p, struct track *t, unsigned index, struct segment *seg,
    int64_t time, const struct config *c, size_t n, const uint8_t *buf,
    bool discontinuity)
{
	struct part *part = &seg->part[index];
	char name[SINK_NAME_MAX];
	uint8_t *out;
	size_t len;
	int r;

	if (t->ts == NULL && (t->ts = calloc(1, sizeof(*t->ts))) == NULL)
		return -ENOMEM;
	r = tsout_put(t->ts, t, c, p->scratch, n, buf, time, discontinuity, &out, &len);
	if (r == -ENOTSUP && !t->warned) {
		log_warn(0, "track %s (%s) has no place in transport stream segments", t->name,
		    codec_name(t->codec));
		t->warned = true;
	}
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	part->ts_bytes = len;
	p->bytes_out += len;
	snprintf(name, sizeof(name), "%s/%lld.ts", p->pres.track[index].name,
	    (long long)seg->number);
	return sink_put_text(p->sink, name, "video/mp2t", SINK_MEDIA, (char *)out, len);
}

struct pack_segment *
pack_making(struct pack *p, size_t cut)
{
	for (size_t i = 0; i < p->nmaking; i++)
		if (p->making[i].cut == cut)
			return &p->making[i];
	return NULL;
}

/* A track has nothing where this cut is: what follows is not continuous. */
static void
note_hole(struct pack *p, size_t cut)
{
	struct pack_segment *m = pack_making(p, cut);

	if (m != NULL)
		m->segment->discontinuity = true;
}

/* The stream access point that n samples begin with. */
static uint8_t
sap_type(const struct track *t, size_t n)
{
	const struct sample *s = t->sample;

	if (!s[0].sync)
		return PRES_NO_SAP;
	for (size_t i = 1; i < n && !s[i].sync; i++)
		if (s[i].pts < s[0].pts)
			return s[0].open ? 3 : 2;
	return 1;
}

/*
 * What is behind a hole that ends this segment: a picture behind the cut, which nothing
 * there can be decoded with; a frame of sound just before it.
 */
static bool
is_stray(const struct pack *p, const struct track *t, const struct sample *s,
    const struct cut *next)
{
	int64_t at;

	if (next == NULL || s->base != next->base)
		return false;
	if (t->kind == KIND_AUDIO)
		return next->discontinuity && s->pts - s[-1].pts > CUT_HOLE;
	return !s->sync && cutter_time(&p->cutter, s->base, s->pts, &at) &&
	    at > next->t + CUT_HOLE;
}

/* Returns 1 if the len bytes of the n samples were taken, 0 if nothing was made. */
static int
make_part(struct pack *p, struct track *t, unsigned index, struct segment *seg,
    size_t n, size_t len, const struct cut *cut, const struct cut *next_cut)
{
	struct part *part = &seg->part[index];
	const struct config *c = track_config(t, t->sample[0].config);
	/* What follows an earlier run is as if that had gone on. */
	bool joins = (seg->discontinuity && !p->resumed) ||
	    (p->cutter.clock == CUT_NOT_LIVE && p->pres.track[index].ninit == 0);
	struct mp4_emsg emsg[CUE_EMSG_MAX];
	unsigned nemsg = 0;
	const struct sample *next = NULL;
	size_t same = 1;
	uint8_t *buf;
	int64_t offset, time;
	int r;

	while (same < n && t->sample[same].config == t->sample[0].config &&
	    t->sample[same].base == t->sample[0].base &&
	    !is_stray(p, t, &t->sample[same], next_cut))
		same++;
	if (c == NULL || !cutter_time(&p->cutter, cut->base, 0, &offset))
		return 0;
	if (n > p->scratch_cap) {
		struct mp4_sample *s = realloc(p->scratch, n * 2 * sizeof(*s));

		if (s == NULL)
			return -ENOMEM;
		p->scratch = s;
		p->scratch_cap = n * 2;
	}
	if (same == n && n < t->n && t->sample[n].base == cut->base && next_cut != NULL &&
	    !next_cut->discontinuity)
		next = &t->sample[n];
	if (next != NULL && next->pts + offset > next_cut->t + CUT_HOLE) {
		next = NULL;		/* something is missing here */
		note_hole(p, t->current + 1);
	}
	if (t->kind == KIND_VIDEO)
		r = times_video(t, same, next, offset, cut->discontinuity, p->scratch,
		    &part->t);
	else
		r = times_audio(t, same, next, offset, c->audio.rate, p->scratch, &part->t);
	if (r < 0)
		return r == -ERANGE ? 0 : r;
	part->sap = sap_type(t, same);
	if (part->sap == PRES_NO_SAP && !t->unaligned) {
		log_warn(0, "segment %lld of %s does not begin with a random access point: "
		    "players cannot change to it there", (long long)seg->number, t->name);
		t->unaligned = true;
	}
	if (seg->number <= p->skip_to) {
		part->present = true;
		return 0;
	}
	if ((r = pack_put_init(p, index, t, c, &part->init)) < 0) {
		if (r != -ENOMEM && !t->warned)
			log_warn(-r, "track %s is left out", t->name);
		t->warned = true;
		return r == -ENOMEM ? r : 0;
	}
	time = part->t + (joins ? times_in_haste(p->scratch, same, t->delay) : 0);
	if (p->pres.ts && (r = put_ts(p, t, index, seg, time, c, same, t->buf,
	    cut->discontinuity)) < 0)
		return r;
	if ((r = change_buffer(t, len, &buf)) < 0)
		return r;
	part->present = true;
	if (t->kind == KIND_VIDEO)
		nemsg = cue_emsg(&p->pres.cues, p->pres.policy.ways,
		    track_timescale(t, c->version), seg->t, emsg);
	r = put_media(p, t, index, seg->number, time, p->scratch, same, buf, part, emsg, nemsg);
	p->bytes_out += part->bytes;
	return r < 0 ? r : 1;
}

/* ---- all tracks */

/* A record for each cut that has none yet. */
static int
add_making(struct pack *p)
{
	const struct cutter *c = &p->cutter;
	size_t from = p->nmaking > 0 ? p->making[p->nmaking - 1].cut + 1 : p->next_cut;

	for (size_t i = from; i < c->first + c->n; i++) {
		const struct cut *cut = cutter_cut(c, i);
		struct segment *s;

		if (p->nmaking == p->making_cap) {
			size_t cap = p->making_cap * 2 + 8;
			void *m = realloc(p->making, cap * sizeof(*p->making));

			if (m == NULL)
				return -ENOMEM;
			p->making = m;
			p->making_cap = cap;
		}
		s = calloc(1, sizeof(*s) + p->pres.ntrack * sizeof(s->part[0]));
		if (s == NULL)
			return -ENOMEM;
		s->number = cut->number;
		s->t = cut->t;
		s->utc_ns = cut->utc_ns;
		s->discontinuity = cut->discontinuity;
		s->npart = p->pres.ntrack;
		if (p->pres.low)
			low_begin(p, s, cut);
		p->making[p->nmaking++] = (struct pack_segment){ .cut = i, .segment = s };
		p->next_cut = i + 1;
	}
	return 0;
}

void
pack_drop(struct pack *p, struct track *t, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += t->sample[i].len;
	if (n == 0)
		return;
	track_drop(t, n, len);
	cutter_moved(&p->cutter, t, n);
}

/* Drop what is before a cut that the track has to begin with. */
void
pack_seek(struct pack *p, struct track *t, const struct cut *cut)
{
	size_t i = 0;

	while (i < t->n && t->sample[i].base <= cut->base &&
	    !(cutter_after(&p->cutter, t, &t->sample[i], cut) && t->sample[i].sync))
		i++;
	pack_drop(p, t, i);
	t->started = t->n > 0 && t->sample[0].base == cut->base;
}

/* One segment of one track, if its end has come.  1, 0 not yet, -ENOMEM. */
static int
close_part(struct pack *p, struct track *t, unsigned index, bool eof)
{
	struct cutter *c = &p->cutter;
	const struct cut *cut = cutter_cut(c, t->current);
	const struct cut *next = cutter_cut(c, t->current + 1);
	int64_t late = c->clock == CUT_NOT_LIVE ? LATE_FILE : LATE_MAX;
	struct pack_segment *m;
	size_t n = 0, len = 0;
	int r = 0;

	if (cut == NULL || (m = pack_making(p, t->current)) == NULL)
		return 0;
	/* Nor does what came too late for its own segment belong to this one. */
	if (!t->started || (t->n > 0 && t->sample[0].base == cut->base &&
	    !cutter_after(c, t, &t->sample[0], cut)))
		pack_seek(p, t, cut);
	if (next == NULL && !eof)
		return 0;
	if (t->started)
		while (n < t->n && (next == NULL ? t->sample[n].base == cut->base :
		    !cutter_after(c, t, &t->sample[n], next))) {
			len += t->sample[n].len;
			n++;
		}
	if (n == t->n && !eof && !t->gone && !(t->absent && t->n == 0) &&
	    next->base == c->guide->base && cutter_horizon(c) < next->t + late)
		return 0;
	t->absent = n == 0;
	if (n > 0 && (r = make_part(p, t, index, m->segment, n, len, cut, next)) < 0)
		return r;
	if (r == 1) {
		t->n -= n;
		memmove(t->sample, t->sample + n, t->n * sizeof(*t->sample));
		cutter_moved(c, t, n);
	} else {
		pack_drop(p, t, n);
	}
	m->done |= UINT64_C(1) << index;
	t->current++;
	t->started = t->started && n > 0 && next != NULL && !next->discontinuity;
	return 1;
}

/* Nothing that is not wanted may pile up. */
static void
trim(struct pack *p, struct track *t)
{
	size_t n = 0;

	if (t->n == 0 || llabs(t->last_dts - t->sample[0].dts) < QUEUE_MAX)
		return;
	while (n < t->n && llabs(t->last_dts - t->sample[n].dts) >= QUEUE_MAX / 2)
		n++;
	p->late += n;
	pack_drop(p, t, n);
	t->started = false;
}

int
pack_publish_done(struct pack *p)
{
	while (p->nmaking > 0) {
		struct segment *s = p->making[0].segment;
		uint64_t all = s->npart == 64 ? UINT64_MAX : (UINT64_C(1) << s->npart) - 1;
		int r;

		for (unsigned n = 0; n < s->npart; n++) {
			bool fed = false;

			for (unsigned i = 0; i < p->cutter.ntrack; i++)
				fed = fed || (p->index[i] == n &&
				    p->cutter.track[i]->current <= p->making[0].cut);
			if (!fed)		/* nobody will make this part */
				p->making[0].done |= UINT64_C(1) << n;
		}
		if ((p->making[0].done & all) != all)
			return 0;
		p->nmaking--;
		memmove(p->making, p->making + 1, p->nmaking * sizeof(*p->making));
		if ((r = pack_publish(p, s)) < 0)
			return r;
	}
	return 0;
}

int
pack_segments(struct pack *p, bool eof)
{
	struct cutter *c = &p->cutter;
	size_t oldest = SIZE_MAX;
	int r;

	if ((r = cutter_run(c, eof)) < 0)
		return r;
	if (c->hold)
		return 0;
	if (!c->running) {
		for (unsigned i = 0; i < c->ntrack; i++)
			trim(p, c->track[i]);
		return 0;
	}
	if ((r = pack_cues_waiting(p)) < 0)
		return r;
	if (c->widened) {
		c->widened = false;
		log_warn(0, "random access points are far apart: segments of %lld s",
		    (long long)((c->longest + CLK_90K / 2) / CLK_90K));
	}
	if ((r = pack_name_tracks(p)) < 0 || (r = add_making(p)) < 0)
		return r;
	for (unsigned i = 0; i < c->ntrack; i++) {
		struct track *t = c->track[i];

		if (p->index[i] == UINT_MAX) {
			trim(p, t);
			continue;
		}
		do
			r = p->pres.low ? low_run(p, t, p->index[i], eof) :
			    close_part(p, t, p->index[i], eof);
		while (r == 1);
		if (r < 0)
			return r;
		if (!t->started)
			trim(p, t);
		if (t->current < oldest)
			oldest = t->current;
	}
	if (oldest != SIZE_MAX && oldest < c->first + c->n)
		cutter_forget(c, oldest);
	if ((r = pack_publish_done(p)) < 0 || !p->pres.low)
		return r;
	return pack_changed(p);
}
