#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "package/pack.h"

/* ---- policy */

static bool
parse_list(const char *arg, bool (*take)(const char *word, size_t len, struct cue_policy *),
    struct cue_policy *p)
{
	for (;;) {
		size_t len = strcspn(arg, ",");

		if (len == 0 || !take(arg, len, p))
			return false;
		if (arg[len] == '\0')
			return true;
		arg += len + 1;
	}
}

static bool
is_word(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(word, name, len) == 0;
}

static bool
take_way(const char *word, size_t len, struct cue_policy *p)
{
	static const struct {
		const char *name;
		enum cue_way way;
	} ways[] = {
		{ "daterange", CUE_DATERANGE }, { "cue-out", CUE_OUT_IN },
		{ "event", CUE_EVENT }, { "event-xml", CUE_EVENT_XML },
		{ "emsg", CUE_EMSG }, { "period", CUE_PERIOD },
		{ "id3", CUE_ID3_EMSG }, { "id3-daterange", CUE_ID3_DATERANGE },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (is_word(word, len, ways[i].name)) {
			p->ways |= ways[i].way;
			return true;
		}
	return false;
}

bool
cue_parse_ways(const char *arg, struct cue_policy *p)
{
	p->ways = 0;
	return strcmp(arg, "none") == 0 || parse_list(arg, take_way, p);
}

static bool
take_break(const char *word, size_t len, struct cue_policy *p)
{
	char *end;
	unsigned long type;

	if (is_word(word, len, "splice_insert")) {
		p->opens[CUE_SPLICE] = true;
		return true;
	}
	type = strtoul(word, &end, 0);
	if (end != word + len || type > 0xff || cue_rule((uint16_t)type)->action != CUE_BEGIN)
		return false;
	p->opens[type] = true;
	return true;
}

bool
cue_parse_breaks(const char *arg, struct cue_policy *p)
{
	memset(p->opens, 0, sizeof(p->opens));
	return parse_list(arg, take_break, p);
}

bool
cue_parse_restriction(const char *arg, struct cue_policy *p)
{
	p->restriction = strcmp(arg, "restricted") == 0 ? CUE_RESTRICTED :
	    strcmp(arg, "unrestricted") == 0 ? CUE_UNRESTRICTED : CUE_ANY;
	return p->restriction != CUE_ANY || strcmp(arg, "any") == 0;
}

bool
cue_is_break(const struct cue_policy *p, const struct cue *c)
{
	if (!p->opens[c->type])
		return false;
	return c->type == CUE_SPLICE ||
	    (p->restriction & (c->not_restricted ? CUE_UNRESTRICTED : CUE_RESTRICTED)) != 0;
}

bool
cue_is_void(const struct cue *c)
{
	return c->end <= c->start && c->why != CUE_END_POINT;
}

bool
cue_is_scte35(const struct cue *c)
{
	return c->type <= CUE_SPLICE;
}

/* ---- times */

int64_t
cue_next_splice(const struct cuetrack *t, int64_t after)
{
	int64_t next = CUE_NEVER;

	for (size_t i = 0; i < t->n; i++) {
		const struct cue *c = &t->cue[i];

		if (c->end <= c->start)
			continue;
		if (c->start > after && c->start < next)
			next = c->start;
		if (c->end > after && c->end < next)
			next = c->end;
	}
	return next;
}

const struct cue *
cue_break_at(const struct cuetrack *t, const struct cue_policy *p, int64_t time)
{
	for (size_t i = 0; i < t->n; i++)
		if (cue_state(&t->cue[i], time + CUE_SLACK) == CUE_RUNNING &&
		    cue_is_break(p, &t->cue[i]))
			return &t->cue[i];
	return NULL;
}

/* ---- messages */

static void
say(const struct cuetrack *t, uint64_t before)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct cue *c = &t->cue[i];

		if (c->serial <= before)
			continue;
		if (c->type == CUE_SPLICE)
			log_info("splice event %u announced", c->id);
		else
			log_info("segmentation event %u (0x%02x) announced", c->id, c->type);
	}
}

/* The message's time is where the guide is: what has been decoded last. */
static int
take(struct pack *p, const uint8_t *section, size_t len)
{
	struct cuetrack *t = &p->pres.cues;
	struct cue_queue *q = &p->cues;
	uint64_t before = t->serial;
	int64_t now = cutter_horizon(&p->cutter);
	int r = scte35_parse(section, len, &q->section);

	if (r < 0) {
		q->bad++;
		if (!q->warned)
			log_warn(-r, "a splice_info_section cannot be read");
		q->warned = true;
		return 0;
	}
	if (!cutter_time(&p->cutter, p->cutter.guide->base, 0, &t->offset))
		return 0;
	q->taken++;
	if ((r = cuetrack_take(t, &q->section, section, len, now)) == 1)
		say(t, before);
	return r < 0 ? r : 0;
}

/*
 * Where the clock has jumped, what comes first means the new one, though no picture has
 * come by which it is known.
 */
static bool
is_ready(const struct pack *p)
{
	const struct cutter *c = &p->cutter;
	int64_t ahead;

	if (!c->running || c->hold || cutter_horizon(c) == INT64_MIN)
		return false;
	if (p->cues.pcr == PES_NO_TIME)
		return true;
	ahead = c->guide->last_dts - p->cues.pcr;
	ahead -= rescale_near(ahead, 1, PES_WRAP) * PES_WRAP;
	return llabs(ahead) < TIMELINE_JUMP_FORWARD;
}

int
pack_cues_waiting(struct pack *p)
{
	struct cue_queue *q = &p->cues;
	int r = 0;

	if (q->n == 0 || !is_ready(p))
		return 0;
	for (size_t i = 0; i < q->n; i++) {
		if (r == 0)
			r = take(p, q->message[i].p, q->message[i].len);
		free(q->message[i].p);
	}
	q->n = 0;
	return r;
}

int
pack_cue(struct pack *p, const struct tsdemux_event *ev)
{
	struct cue_queue *q = &p->cues;
	uint8_t *copy;
	int r;

	if ((r = pack_cues_waiting(p)) < 0)
		return r;
	if (q->n == 0 && is_ready(p))
		return take(p, ev->data, ev->len);
	if (q->n == CUE_QUEUE) {
		free(q->message[0].p);
		memmove(q->message, q->message + 1, --q->n * sizeof(q->message[0]));
	}
	if ((copy = malloc(ev->len)) == NULL)
		return -ENOMEM;
	memcpy(copy, ev->data, ev->len);
	q->message[q->n++] = (struct cue_message){ copy, ev->len };
	return 0;
}

int
pack_id3(struct pack *p, const struct tsdemux_event *ev)
{
	struct cuetrack *t = &p->pres.cues;
	int64_t offset;
	int r;

	if (!is_ready(p) || ev->pts == PES_NO_TIME || ev->len == 0 ||
	    !cutter_time(&p->cutter, p->cutter.guide->base, 0, &offset))
		return 0;
	if (ev->len > SCTE35_SECTION_MAX) {
		log_warn(0, "an ID3 tag of %zu bytes is left out: it is too long", ev->len);
		return 0;
	}
	r = cuetrack_add(t, CUE_ID3, ev->data, ev->len, ev->pts + offset);
	return r < 0 ? r : 0;
}

/* ---- in the segments */

uint32_t
cue_event_id(const struct cue *c, bool end)
{
	return (uint32_t)(c->serial << 4 | (c->updates & 7u) << 1 | end);
}

static struct mp4_emsg
make_emsg(const struct cue *c, bool end, uint32_t timescale)
{
	const struct cue_message *m = end ? &c->in : c->update.len > 0 ? &c->update : &c->out;
	int64_t duration = end || c->duration == CUE_NEVER ? 0 :
	    rescale_near(c->duration, timescale, CLK_90K);

	return (struct mp4_emsg){
		.version = 1, .value = "",
		.scheme_id_uri = cue_is_scte35(c) ? CUE_SCHEME_SCTE35 : CUE_SCHEME_ID3,
		.timescale = timescale, .id = cue_event_id(c, end),
		.presentation_time = (uint64_t)rescale_near(end ? c->end : c->start,
		    timescale, CLK_90K),
		.event_duration = c->duration == CUE_NEVER && !end &&
		    c->why != CUE_END_POINT ? UINT32_MAX : (uint32_t)duration,
		.message_data = m->p, .message_len = m->len,
	};
}

/*
 * An event is in each segment from the one on in which it is known until the one in
 * which it ends, so that who joins late has it, too.
 */
unsigned
cue_emsg(const struct cuetrack *t, unsigned ways, uint32_t timescale, int64_t time,
    struct mp4_emsg e[static CUE_EMSG_MAX])
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n && n + 2 <= CUE_EMSG_MAX; i++) {
		const struct cue *c = &t->cue[i];

		if (cue_is_void(c) || c->start < 0 ||
		    (ways & (cue_is_scte35(c) ? CUE_EMSG : CUE_ID3_EMSG)) == 0)
			continue;
		if (c->start >= time || c->end > time)
			e[n++] = make_emsg(c, false, timescale);
		if (c->in.len > 0 && c->end >= time)
			e[n++] = make_emsg(c, true, timescale);
	}
	return n;
}
