/* Cues in a media playlist: EXT-X-DATERANGE, and EXT-X-CUE-OUT and its like. */
#include <inttypes.h>

#include "lib/base/base64.h"
#include "lib/base/clk.h"
#include "lib/base/text.h"
#include "package/pres.h"

/* ---- EXT-X-DATERANGE */

/* Unique: an event id may be used again, with another start. */
static void
put_id(const struct cue *c, struct text *t)
{
	if (c->type == CUE_ID3)
		text_add(t, "#EXT-X-DATERANGE:ID=\"id3-%" PRIu64, c->serial);
	else if (c->type == CUE_SPLICE)
		text_add(t, "#EXT-X-DATERANGE:ID=\"splice-%u", c->id);
	else
		text_add(t, "#EXT-X-DATERANGE:ID=\"0x%02x-%u", c->type, c->id);
	text_add(t, "-%" PRId64 "\"", c->date_ns / 1000000);
}

static void
put_date(const char *name, int64_t ns, struct text *t)
{
	char iso[CLK_ISO];

	clk_iso(ns, iso);
	text_add(t, ",%s=\"%s\"", name, iso);
}

static void
put_seconds(const char *name, int64_t ticks, struct text *t)
{
	text_add(t, ",%s=", name);
	text_seconds(t, ticks, CLK_90K, 3);
}

static void
put_hex(const char *name, const struct cue_message *m, struct text *t)
{
	if (m->len == 0)
		return;
	text_add(t, ",%s=0x", name);
	for (size_t i = 0; i < m->len; i++)
		text_add(t, "%02X", m->p[i]);
}

static void
put_base64(const struct cue_message *m, struct text *t)
{
	char text[BASE64_SIZE(SCTE35_SECTION_MAX)];

	base64_encode(m->p, m->len, text);
	text_add(t, "%s", text);
}

static void
put_id3(const struct cue *c, struct text *t)
{
	put_id(c, t);
	text_add(t, ",CLASS=\"org.id3\"");
	put_date("START-DATE", c->date_ns, t);
	text_add(t, ",DURATION=0,X-ID3=\"");
	put_base64(&c->out, t);
	text_add(t, "\"\n");
}

/* What has been said stays: of an event that is extended END-DATE alone tells. */
static void
put_begin(const struct pres *p, const struct cue *c, struct text *t)
{
	if (c->type == CUE_ID3) {
		put_id3(c, t);
		return;
	}
	put_id(c, t);
	put_date("START-DATE", c->date_ns, t);
	if (c->planned != CUE_NEVER)
		put_seconds("PLANNED-DURATION", c->planned, t);
	put_hex(cue_is_break(&p->policy, c) ? "SCTE35-OUT" : "SCTE35-CMD", &c->out, t);
	text_add(t, "\n");
}

static void
put_end(const struct pres *p, const struct cue *c, struct text *t)
{
	put_id(c, t);
	put_date("START-DATE", c->date_ns, t);
	put_date("END-DATE", c->date_ns + rescale_near(c->end - c->start, CLK_SECOND,
	    CLK_90K), t);
	put_seconds("DURATION", c->end - c->start, t);
	if (cue_is_break(&p->policy, c))
		put_hex("SCTE35-IN", &c->in, t);
	text_add(t, "\n");
}

/*
 * Events that begin or end after one segment has begun, and by when the next has.  What
 * had begun before the first segment of the playlist is told there, while it lasts.
 */
static void
put_dateranges(const struct pres *p, int64_t after, int64_t by, bool first, struct text *t)
{
	for (size_t i = 0; i < p->cues.n; i++) {
		const struct cue *c = &p->cues.cue[i];
		bool begins = c->start > after && c->start <= by;
		bool ends = c->end > after && c->end <= by && c->why != CUE_END_POINT;

		if (cue_is_void(c) || c->date_ns == 0 || (p->policy.ways &
		    (cue_is_scte35(c) ? CUE_DATERANGE : CUE_ID3_DATERANGE)) == 0)
			continue;
		if (begins || (first && c->start <= after && c->end > after))
			put_begin(p, c, t);
		if (ends)
			put_end(p, c, t);
	}
}

/* ---- EXT-X-CUE-OUT */

static void
put_out(const struct cue *c, struct text *t)
{
	if (c->out.len > 0) {
		text_add(t, "#EXT-OATCLS-SCTE35:");
		put_base64(&c->out, t);
		text_add(t, "\n");
	}
	text_add(t, "#EXT-X-CUE-OUT");
	if (c->planned != CUE_NEVER) {
		text_add(t, ":");
		text_seconds(t, c->planned, CLK_90K, 3);
	}
	text_add(t, "\n");
}

static void
put_continued(const struct cue *c, int64_t now, struct text *t)
{
	text_add(t, "#EXT-X-CUE-OUT-CONT:ElapsedTime=");
	text_seconds(t, now > c->start ? now - c->start : 0, CLK_90K, 3);
	if (c->planned != CUE_NEVER) {
		text_add(t, ",Duration=");
		text_seconds(t, c->planned, CLK_90K, 3);
	}
	if (c->out.len > 0) {
		text_add(t, ",SCTE35=");
		put_base64(&c->out, t);
	}
	text_add(t, "\n");
}

/* The break that it was in, and the one that it is in now. */
static void
put_out_in(const struct cue *was, const struct cue *is, int64_t now, struct text *t)
{
	bool begins = is != NULL && is != was && (was == NULL || is->start >= was->end);

	if (was != NULL && (is == NULL || begins))
		text_add(t, "#EXT-X-CUE-IN\n");
	if (is == NULL)
		return;
	if (begins)
		put_out(is, t);
	else
		put_continued(is, now, t);
}

/* ---- a segment */

void
hls_put_cues(const struct pres *p, const struct segment *before, const struct segment *s,
    bool first, struct text *t)
{
	int64_t now = s->t;
	/* Before the first that there is, there was one of which nothing is known. */
	int64_t last = before != NULL ? before->t : now - 2 * CUE_SLACK;

	if (p->cues.n == 0)
		return;
	put_dateranges(p, last + CUE_SLACK, now + CUE_SLACK, first, t);
	if ((p->policy.ways & CUE_OUT_IN) != 0)
		put_out_in(cue_break_at(&p->cues, &p->policy, last),
		    cue_break_at(&p->cues, &p->policy, now), now, t);
}

void
hls_put_next_cues(const struct pres *p, const struct segment *s, struct text *t)
{
	for (size_t i = 0; i < p->cues.n; i++) {
		const struct cue *c = &p->cues.cue[i];

		if (c->start > s->t + CUE_SLACK && !cue_is_void(c) && c->date_ns != 0 &&
		    (p->policy.ways & (cue_is_scte35(c) ? CUE_DATERANGE :
		    CUE_ID3_DATERANGE)) != 0)
			put_begin(p, c, t);
	}
}

void
hls_put_last_cues(const struct pres *p, struct text *t)
{
	const struct segment *s = p->segment[p->n - 1];
	int64_t end = s->t + s->duration;

	put_dateranges(p, s->t + CUE_SLACK, end + CUE_SLACK, false, t);
	if ((p->policy.ways & CUE_OUT_IN) != 0 &&
	    cue_break_at(&p->cues, &p->policy, s->t) != NULL &&
	    cue_break_at(&p->cues, &p->policy, end) == NULL)
		text_add(t, "#EXT-X-CUE-IN\n");
}
