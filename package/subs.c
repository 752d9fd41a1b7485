#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/media/webvtt.h"
#include "package/subs.h"
#include "package/ttx.h"

#define TYPE_TEXT	"application/mp4"

void
subs_note(struct pack *p)
{
	for (unsigned i = 0; i < p->cutter.ntrack; i++) {
		const struct captions *c = &p->cutter.track[i]->video.captions;
		struct ptrack *t;

		if (p->index[i] == UINT_MAX || p->cutter.track[i]->kind != KIND_VIDEO)
			continue;
		t = &p->pres.track[p->index[i]];
		p->index_changed = p->index_changed || t->captions.cc != c->cc ||
		    t->captions.services != c->services;
		t->captions = *c;
	}
}

void
subs_free(struct pack *p)
{
	for (unsigned i = 0; i < p->nsub; i++) {
		captext_cues_clear(&p->sub[i]->tail);
		free(p->sub[i]);
	}
	for (unsigned i = 0; i < p->nttx; i++) {
		ttx_free(p->ttx[i]);
		free(p->ttx[i]);
	}
	p->nsub = p->nttx = 0;
}

/* ---- which there are */

static int
put_init(struct pack *p, unsigned track)
{
	struct ptrack *t = &p->pres.track[track];
	struct mp4_track mt = {
		.track_id = track + 1, .codec = CODEC_WEBVTT, .timescale = (uint32_t)CLK_90K,
		.config = (const uint8_t *)WEBVTT_CONFIG, .config_len = strlen(WEBVTT_CONFIG),
	};
	char name[SINK_NAME_MAX];
	uint8_t *buf;
	int len;

	memcpy(mt.language, text_language(&p->pres, t), sizeof(mt.language));
	t->init = calloc(1, sizeof(*t->init));
	buf = malloc(MP4MUX_INIT_MAX);
	if (t->init == NULL || buf == NULL ||
	    (len = mp4mux_init_put(&mt, buf, MP4MUX_INIT_MAX)) < 0) {
		free(buf);
		return -ENOMEM;
	}
	t->ninit = 1;
	t->init[0] = (struct init){
		.number = 1, .timescale = mt.timescale, .len = (size_t)len,
	};
	snprintf(name, sizeof(name), "%s/init.mp4", t->name);
	return sink_put_text(p->sink, name, TYPE_TEXT, SINK_HEADER, (char *)buf, (size_t)len);
}

/* The track of a channel: that of an earlier run, or a new one. */
static int
add_sub(struct pack *p, enum text_kind kind, unsigned n)
{
	uint16_t channel = text_channel(kind, n);
	unsigned at = 0, same = 1;
	struct ptrack *t;
	struct sub *sub;

	for (unsigned i = 0; i < p->nsub; i++)
		if (p->pres.track[p->sub[i]->track].pid == channel)
			return 0;
	while (at < p->pres.ntrack && (p->pres.track[at].kind != KIND_TEXT ||
	    p->pres.track[at].pid != channel))
		at++;
	if (at == PRES_TRACKS || p->nsub == PACK_SUBS)
		return 0;
	if ((sub = malloc(sizeof(*sub))) == NULL)
		return -ENOMEM;
	*sub = (struct sub){ .track = at, .fed = INT64_MIN, .done = INT64_MIN };
	captext_init(&sub->text, kind == TEXT_SERVICE, n);
	captext_init(&sub->low, kind == TEXT_SERVICE, n);
	p->sub[p->nsub++] = sub;
	if (at < p->pres.ntrack && p->pres.track[at].ninit > 0)
		return 0;
	for (unsigned i = 0; i < at; i++)
		same += p->pres.track[i].kind == KIND_TEXT;
	t = &p->pres.track[at];
	*t = (struct ptrack){ .kind = KIND_TEXT, .codec = CODEC_WEBVTT, .pid = channel };
	snprintf(t->name, sizeof(t->name), "t%u", same % 1000);
	p->pres.ntrack += at == p->pres.ntrack;
	p->index_changed = true;
	log_info("track %s: text of %s%u", t->name, text_prefix(t), n);
	return put_init(p, at);
}

int
subs_add(struct pack *p)
{
	struct captions want = p->pres.subtitles;
	unsigned page;
	uint16_t pid;
	int r = 0;

	if (p->pres.all_subtitles)
		caption_all(&p->pres, &want);
	for (unsigned n = 1; n <= 4 && r == 0; n++)
		if ((want.cc & 1u << (n - 1)) != 0)
			r = add_sub(p, TEXT_CHANNEL, n);
	for (unsigned n = 1; n < 64 && r == 0; n++)
		if ((want.services & UINT64_C(1) << n) != 0)
			r = add_sub(p, TEXT_SERVICE, n);
	for (unsigned i = 0; r == 0 && ttx_wanted(&p->pres, i, &page, &pid); i++)
		r = add_sub(p, TEXT_PAGE, page);
	return r;
}

/* ---- whose captions */

/* The first video, in the order of their names, that has shown some. */
struct track *
subs_source(const struct pack *p)
{
	struct track *best = NULL;
	unsigned at = UINT_MAX;

	for (unsigned i = 0; i < p->cutter.ntrack; i++) {
		struct track *t = p->cutter.track[i];

		if (t->kind == KIND_VIDEO && p->index[i] < at &&
		    (t->video.captions.cc != 0 || t->video.captions.services != 0)) {
			best = t;
			at = p->index[i];
		}
	}
	return best;
}

static struct ttx *
find_page(const struct pack *p, unsigned number)
{
	for (unsigned i = 0; i < p->nttx; i++)
		if (p->ttx[i]->number == number)
			return p->ttx[i];
	return NULL;
}

struct sub_units
sub_units(const struct pack *p, const struct sub *sub)
{
	uint16_t channel = p->pres.track[sub->track].pid;
	struct sub_units u = { .n = 0 };

	if (text_kind(channel) == TEXT_PAGE) {
		u.page = find_page(p, text_number(channel));
		u.n = u.page != NULL ? u.page->n : 0;
	} else if ((u.from = subs_source(p)) != NULL) {
		u.n = u.from->captions.n;
	}
	return u;
}

bool
sub_time(const struct pack *p, const struct sub_units *u, size_t i, int64_t *t)
{
	const struct ttx_shown *s = u->page != NULL ? &u->page->shown[i] : NULL;
	const struct ccunit *c = u->from != NULL ? &u->from->captions.unit[i] : NULL;

	return s != NULL ? cutter_time(&p->cutter, s->base, s->pts, t) :
	    cutter_time(&p->cutter, c->base, c->pts, t);
}

int
sub_feed(const struct sub_units *u, size_t i, struct captext *text, int64_t t,
    struct captext_cues *cues)
{
	const struct ccunit *c = u->from != NULL ? &u->from->captions.unit[i] : NULL;

	return u->page != NULL ? captext_show(text, t, u->page->shown[i].screen, cues) :
	    captext_put(text, t, c->cc_data, c->cc_count, cues);
}

void
sub_reset(const struct pack *p, const struct sub *sub, struct captext *text)
{
	captext_init(text, text->service, text_number(p->pres.track[sub->track].pid));
}

/* Up to when a page has been made text. */
static int64_t
made(const struct pack *p, unsigned number)
{
	for (unsigned i = 0; i < p->nsub; i++) {
		uint16_t channel = p->pres.track[p->sub[i]->track].pid;
		const struct sub *sub = p->sub[i];

		if (text_kind(channel) == TEXT_PAGE && text_number(channel) == number)
			return sub->fed > sub->done ? sub->fed : sub->done;
	}
	return INT64_MIN;
}

int
subs_teletext(struct pack *p, const struct tsdemux_event *ev)
{
	unsigned number;
	uint16_t pid;
	int r = 0;

	for (unsigned i = 0; r == 0 && ttx_wanted(&p->pres, i, &number, &pid); i++) {
		struct ttx *x = find_page(p, number);

		if (pid != ev->stream->pid || (x == NULL && p->nttx == PACK_SUBS))
			continue;
		if (x == NULL) {
			if ((x = malloc(sizeof(*x))) == NULL)
				return -ENOMEM;
			ttx_init(x, number);
			p->ttx[p->nttx++] = x;
		}
		r = ttx_unit(p, x, ev, made(p, number));
	}
	return r;
}

/* When the picture is that a segment shows. */
static void
bounds(const struct pack *p, const struct segment *s, int64_t *begin, int64_t *end)
{
	*begin = s->t;
	*end = s->t + s->duration;
	for (unsigned i = 0; i < s->npart; i++)
		if (p->pres.track[i].kind == KIND_VIDEO && s->part[i].present) {
			*begin = s->part[i].t;
			*end = s->part[i].t + s->part[i].duration;
			return;
		}
}

unsigned
subs_leader(const struct pack *p)
{
	const struct track *from = subs_source(p);
	unsigned first = UINT_MAX;

	for (unsigned i = 0; i < p->cutter.ntrack; i++)
		if (p->cutter.track[i] == from)
			return p->index[i];
		else if (p->cutter.track[i]->kind == KIND_VIDEO && p->index[i] < first)
			first = p->index[i];
	return first;
}

/* ---- objects */

int
sub_put_text(struct pack *p, const struct segment *s, const struct sub *sub,
    const char *file, const struct captext_cues *cues, int64_t begin, size_t *len)
{
	struct text t = { .len = 0 };
	char name[SINK_NAME_MAX], *text;

	/* What is not live counts from its beginning, as for readers who know of no map. */
	webvtt_put(&t, cues, s->utc_ns != 0 ? begin : p->cutter.origin);
	*len = t.len;
	if ((text = text_take(&t)) == NULL)
		return -ENOMEM;
	p->bytes_out += *len;
	snprintf(name, sizeof(name), "%s/%s", p->pres.track[sub->track].name, file);
	return sink_put_text(p->sink, name, "text/vtt", SINK_MEDIA, text, *len);
}

static int
put_samples(struct pack *p, const struct segment *s, struct part *part, unsigned track,
    const struct captext_cues *cues)
{
	struct mp4mux_chunk c = {
		.styp = MP4MUX_SEGMENT, .track_id = track + 1,
		.sequence_number = (uint32_t)s->number,
		.base_media_decode_time = (uint64_t)part->t,
	};
	struct sink_object o = {
		.content_type = TYPE_TEXT, .level = SINK_MEDIA, .niov = 2,
	};
	struct mp4_sample *sample;
	uint8_t *bytes, *head = NULL;
	size_t len, max;
	int r;

	if ((r = webvtt_samples_put(cues, part->t, part->t + part->duration, &sample, &c.n,
	    &bytes, &len)) < 0)
		return r;
	c.sample = sample;
	max = mp4mux_chunk_max(&c);
	r = (head = malloc(max)) == NULL ? -ENOMEM : mp4mux_chunk_put(&c, head, max);
	free(sample);
	if (r < 0) {
		free(head);
		free(bytes);
		return r;
	}
	part->bytes = (uint64_t)r + len;
	p->bytes_out += part->bytes;
	snprintf(o.name, sizeof(o.name), "%s/%lld.m4s", p->pres.track[track].name,
	    (long long)s->number);
	o.iov[0] = (struct iovec){ head, (size_t)r };
	o.iov[1] = (struct iovec){ bytes, len };
	o.own[0] = head;
	o.own[1] = bytes;
	return sink_put(p->sink, &o);
}

/* ---- a segment */

/* What there is until then, of which what is before begin shows no more. */
static int
run(struct pack *p, struct sub *sub, int64_t begin, int64_t end, bool fresh,
    struct captext_cues *cues)
{
	struct sub_units u = sub_units(p, sub);
	struct captext_cues before = { .n = 0 };
	size_t i = 0;
	int64_t t;
	int r = 0;

	for (; i < u.n && r == 0; i++) {
		if (!sub_time(p, &u, i, &t))
			continue;
		if (t >= begin)
			break;
		if (t >= sub->fed)
			r = sub_feed(&u, i, &sub->text, t, &before);
	}
	if (fresh)
		sub_reset(p, sub, &sub->text);
	if (r == 0)
		r = captext_cut(&sub->text, begin, &before);
	captext_cues_clear(&before);
	sub->fed = end;
	for (; i < u.n && r == 0; i++) {
		if (!sub_time(p, &u, i, &t))
			continue;
		if (t >= end)
			break;
		r = sub_feed(&u, i, &sub->text, t, cues);
	}
	return r == 0 ? captext_cut(&sub->text, end, cues) : r;
}

/* Where a restart has left something out the source may have gone on. */
bool
subs_break(const struct pack *p, const struct segment *s)
{
	return s->discontinuity && !p->resumed && !p->joined;
}

/* The text of the whole segment, from the part's beginning on. */
int
sub_put_whole(struct pack *p, struct sub *sub, struct segment *s, int64_t end)
{
	struct part *part = &s->part[sub->track];
	struct captext_cues cues = { .n = 0 };
	char file[32];
	size_t len = 0;
	int r = run(p, sub, part->t, end, subs_break(p, s), &cues);

	snprintf(file, sizeof(file), "%lld.vtt", (long long)s->number);
	if (r == 0 && part->nchunk == 0)
		r = put_samples(p, s, part, sub->track, &cues);
	if (r == 0)
		r = sub_put_text(p, s, sub, file, &cues, part->t, &len);
	part->ts_bytes = len;
	captext_cues_clear(&cues);
	return r;
}

static int
put_sub(struct pack *p, struct sub *sub, struct segment *s, int64_t begin, int64_t end)
{
	struct part *part = &s->part[sub->track];

	if (sub->item != NULL && sub->number == s->number)
		return sub_end_parts(p, sub, s, end);
	if (part->nchunk > 0)
		return 0;
	*part = (struct part){
		.present = true, .sap = 1, .init = 1, .t = begin, .duration = end - begin,
	};
	return sub_put_whole(p, sub, s, end);
}

/* What is before a time is in a segment, or came too late for one. */
static bool
is_over(const struct pack *p, uint32_t base, int64_t pts, int64_t end)
{
	int64_t t;

	return cutter_time(&p->cutter, base, pts, &t) ? t < end : base < p->cutter.bases.newest;
}

static void
forget(struct pack *p, int64_t end)
{
	for (unsigned i = 0; i < p->cutter.ntrack; i++) {
		struct ccqueue *q = &p->cutter.track[i]->captions;
		size_t n = 0;

		while (n < q->n && is_over(p, q->unit[n].base, q->unit[n].pts, end))
			n++;
		ccqueue_drop(q, n);
	}
	for (unsigned i = 0; i < p->nttx; i++) {
		struct ttx *x = p->ttx[i];
		size_t n = 0;

		while (n < x->n && is_over(p, x->shown[n].base, x->shown[n].pts, end))
			n++;
		ttx_drop(x, n);
	}
}

int
subs_publish(struct pack *p, struct segment **segment)
{
	unsigned lead = subs_leader(p);
	int64_t begin, end;
	int r;

	if (!p->cutter.bases.captions)
		return 0;
	if (!p->told_missing)
		ttx_missing(&p->pres);
	p->told_missing = true;
	if ((r = subs_add(p)) < 0 || (r = pack_widen(segment, p->pres.ntrack)) < 0)
		return r;
	bounds(p, *segment, &begin, &end);
	for (unsigned i = 0; i < p->nsub && r == 0 && end > begin; i++) {
		r = put_sub(p, p->sub[i], *segment, begin, end);
		if (p->pres.low && lead < (*segment)->npart)
			(*segment)->part[p->sub[i]->track].listed = (*segment)->part[lead].listed;
	}
	for (unsigned i = 0; i < p->nsub && p->pres.low; i++)
		sub_forget_parts(p, p->sub[i]);
	forget(p, end);
	return r;
}
