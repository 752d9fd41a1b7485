/* Cues in the manifest: an EventStream of a Period, SCTE 214-1 6.7. */
#include <inttypes.h>

#include "lib/base/base64.h"
#include "lib/base/clk.h"
#include "lib/base/text.h"
#include "lib/media/scte35xml.h"
#include "package/pres.h"

static void
put_binary(const struct cue_message *m, struct text *t)
{
	char text[BASE64_SIZE(SCTE35_SECTION_MAX)];

	base64_encode(m->p, m->len, text);
	text_add(t, "<Signal xmlns=\"" SCTE35_XMLNS "\"><Binary>%s</Binary></Signal>", text);
}

static void
put_clear(const struct cue_message *m, struct text *t)
{
	struct scte35 *s = malloc(sizeof(*s));

	if (s == NULL)
		t->failed = true;
	else if (scte35_parse(m->p, m->len, s) == 0)
		scte35_put_xml(s, t);
	free(s);
}

/* An event that began before its Period begins with it, for what is left. */
static void
put_event(const struct cue *c, bool end, int64_t offset, bool xml, struct text *t)
{
	const struct cue_message *m = end ? &c->in : c->update.len > 0 ? &c->update : &c->out;
	int64_t at = (end ? c->end : c->start) - offset;
	int64_t left = at < 0 ? c->duration + at : c->duration;

	if (m->len == 0)
		return;
	text_add(t, "      <Event presentationTime=\"%" PRId64 "\"", at > 0 ? at : 0);
	if (!end && c->duration != CUE_NEVER)
		text_add(t, " duration=\"%" PRId64 "\"", left > 0 ? left : 0);
	text_add(t, " id=\"%u\">", cue_event_id(c, end));
	if (xml)
		put_clear(m, t);
	else
		put_binary(m, t);
	text_add(t, "</Event>\n");
}

/*
 * What begins in [from, to), and ends that a message makes; in the first Period also what
 * goes on there, and in the last one what is announced, so that a player can prepare.
 */
static void
put_stream(const struct pres *p, int64_t from, int64_t to, bool first, int64_t offset,
    bool xml, struct text *t)
{
	bool any = false;

	for (size_t i = 0; i < p->cues.n; i++) {
		const struct cue *c = &p->cues.cue[i];
		bool begins = c->start < to && (c->start >= from ||
		    (first && c->end > from + 2 * CUE_SLACK));
		bool ends = c->in.len > 0 && c->end >= from && c->end < to;

		if (cue_is_void(c) || !cue_is_scte35(c) || !(begins || ends))
			continue;
		if (!any)
			text_add(t, "    <EventStream schemeIdUri=\"%s\" timescale=\"%d\"%s>\n",
			    xml ? "urn:scte:scte35:2013:xml" : "urn:scte:scte35:2014:xml+bin",
			    (int)CLK_90K, xml ? " xmlns:scte35=\"" SCTE35_XMLNS "\"" : "");
		any = true;
		if (begins)
			put_event(c, false, offset, xml, t);
		if (ends)
			put_event(c, true, offset, xml, t);
	}
	if (any)
		text_add(t, "    </EventStream>\n");
}

void
dash_put_cues(const struct pres *p, size_t from, size_t to, int64_t offset, struct text *t)
{
	const struct segment *last = p->segment[to - 1];
	bool first = from == pres_window(p), open = to == p->n && !p->ended && (p->policy.ways & CUE_PERIOD) == 0;
	int64_t begin = p->segment[from]->t - CUE_SLACK;
	int64_t end = open ? INT64_MAX : last->t + last->duration - CUE_SLACK;

	if ((p->policy.ways & CUE_EVENT) != 0)
		put_stream(p, begin, end, first, offset, false, t);
	if ((p->policy.ways & CUE_EVENT_XML) != 0)
		put_stream(p, begin, end, first, offset, true, t);
}
