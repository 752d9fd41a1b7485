/* The fields of commands and descriptors of SCTE 35, in the order of 9.7 and 10.3. */
#include <string.h>

#include "lib/media/scte35walk.h"

#define UPID_MPU	0x0c
#define UPID_MID	0x0d

/* ---- 9.8, times */

static void
splice_time(struct walk *w, struct scte35_time *t)
{
	t->specified = walk_presence(w, "time_specified_flag", "pts_time", t->specified);
	RESERVED(w, t->specified ? 6 : 7, "reserved", t->cleared);
	if (t->specified)
		NUM(w, 33, "pts_time", t->pts);
}

static void
break_duration(struct walk *w, struct scte35_break *b)
{
	walk_enter(w, "break_duration");
	FLAG(w, "auto_return", b->auto_return);
	RESERVED(w, 6, "reserved", b->cleared);
	NUM(w, 33, "duration", b->duration);
	walk_leave(w);
}

/* ---- 9.7, commands */

enum of { OF_INSERT, OF_SCHEDULE, OF_SEGMENTATION };

/* Components follow each other in those of the section. */
static void
components(struct walk *w, enum of of, bool immediate, unsigned *first, unsigned *n)
{
	struct scte35 *s = w->s;

	if (w->way == WALK_READ || w->way == WALK_FROM_JSON)
		*first = s->ncomponent;
	*n = walk_list(w, 8, "components", *n, SCTE35_COMPONENTS - *first);
	for (unsigned i = 0; i < *n && !w->error; i++) {
		struct scte35_component *c = &s->component[*first + i];

		if (w->way == WALK_READ || w->way == WALK_FROM_JSON)
			*c = (struct scte35_component){ 0 };
		walk_item(w, i);
		NUM(w, 8, "component_tag", c->tag);
		if (of == OF_SCHEDULE) {
			NUM(w, 32, "utc_splice_time", c->time.pts);
		} else if (of == OF_SEGMENTATION) {
			RESERVED(w, 7, "reserved", c->time.cleared);
			NUM(w, 33, "pts_offset", c->time.pts);
		} else if (!immediate) {
			walk_enter(w, "splice_time");
			splice_time(w, &c->time);
			walk_leave(w);
		}
		walk_leave(w);
	}
	if (w->way == WALK_READ || w->way == WALK_FROM_JSON)
		s->ncomponent += *n;
	walk_leave(w);
}

static void
event_times(struct walk *w, enum of of, struct scte35_event *e)
{
	if (of == OF_SCHEDULE && e->program) {
		NUM(w, 32, "utc_splice_time", e->time.pts);
	} else if (e->program && !e->immediate) {
		walk_enter(w, "splice_time");
		splice_time(w, &e->time);
		walk_leave(w);
	}
	if (!e->program)
		components(w, of, e->immediate, &e->component, &e->ncomponent);
}

/* splice_insert(), 9.7.3, and the events of splice_schedule(), 9.7.2. */
static void
event(struct walk *w, enum of of, struct scte35_event *e)
{
	bool insert = of == OF_INSERT;

	if (w->way == WALK_FROM_JSON)
		*e = (struct scte35_event){
			.program = !walk_has(w, "components"), .id_compliance = true,
			.immediate = insert && !walk_has(w, "splice_time"),
		};
	NUM(w, 32, "splice_event_id", e->id);
	FLAG(w, "splice_event_cancel_indicator", e->cancel);
	if (!insert)
		FLAG(w, "event_id_compliance_flag", e->id_compliance);
	RESERVED(w, insert ? 7 : 6, "reserved", e->cleared);
	if (e->cancel)
		return;
	FLAG(w, "out_of_network_indicator", e->out_of_network);
	FLAG(w, "program_splice_flag", e->program);
	e->has_duration = walk_presence(w, "duration_flag", "break_duration",
	    e->has_duration);
	if (insert) {
		FLAG(w, "splice_immediate_flag", e->immediate);
		FLAG(w, "event_id_compliance_flag", e->id_compliance);
	}
	RESERVED(w, insert ? 3 : 5, "reserved_flags", e->cleared_flags);
	event_times(w, of, e);
	if (e->has_duration)
		break_duration(w, &e->duration);
	NUM(w, 16, "unique_program_id", e->unique_program_id);
	NUM(w, 8, "avail_num", e->avail_num);
	NUM(w, 8, "avails_expected", e->avails_expected);
}

static void
splice_schedule(struct walk *w, struct scte35 *s)
{
	s->nevent = walk_list(w, 8, "events", s->nevent, SCTE35_EVENTS);
	for (unsigned i = 0; i < s->nevent && !w->error; i++) {
		if (w->way == WALK_READ)
			s->event[i] = (struct scte35_event){ 0 };
		walk_item(w, i);
		event(w, OF_SCHEDULE, &s->event[i]);
		walk_leave(w);
	}
	walk_leave(w);
}

void
scte35_walk_command(struct walk *w, struct scte35 *s)
{
	switch (s->command) {
	case SCTE35_SPLICE_SCHEDULE:
		splice_schedule(w, s);
		break;
	case SCTE35_SPLICE_INSERT:
		event(w, OF_INSERT, &s->insert);
		break;
	case SCTE35_TIME_SIGNAL:
		walk_enter(w, "splice_time");
		splice_time(w, &s->signal);
		walk_leave(w);
		break;
	case SCTE35_PRIVATE_COMMAND:
		s->private_identifier = walk_code(w, 4, "identifier",
		    s->private_identifier);
		break;
	default:
		break;
	}
}

/* ---- 10.3, descriptors */

static void
delivery(struct walk *w, struct scte35_segmentation *g)
{
	if (w->way == WALK_FROM_JSON)
		g->not_restricted = !walk_has(w, "web_delivery_allowed_flag") &&
		    !walk_has(w, "device_restrictions");
	FLAG(w, "delivery_not_restricted_flag", g->not_restricted);
	if (g->not_restricted) {
		RESERVED(w, 5, "reserved_flags", g->cleared_flags);
		return;
	}
	FLAG(w, "web_delivery_allowed_flag", g->web);
	FLAG(w, "no_regional_blackout_flag", g->no_regional_blackout);
	FLAG(w, "archive_allowed_flag", g->archive);
	NUM(w, 2, "device_restrictions", g->device);
}

/* MID: a list of UPIDs, each with its type. */
static void
mid_to_json(struct walk *w, const struct scte35_segmentation *g)
{
	struct scte35_bytes mid = g->upid;
	struct scte35_upid u;

	(void)walk_list(w, 0, "segmentation_upid", 0, 1);
	for (unsigned i = 0; scte35_mid_next(&mid, &u) > 0; i++) {
		walk_item(w, i);
		(void)walk_num(w, 8, "segmentation_upid_type", u.type);
		walk_bytes(w, "segmentation_upid", &u.bytes, 0);
		walk_leave(w);
	}
	walk_leave(w);
}

static bool
is_mid(const struct scte35_segmentation *g)
{
	struct scte35_bytes mid = g->upid;
	struct scte35_upid u;
	int r;

	if (g->upid_type != UPID_MID)
		return false;
	while ((r = scte35_mid_next(&mid, &u)) > 0)
		;
	return r == 0;
}

static void
mid_from_json(struct walk *w, struct scte35_segmentation *g)
{
	unsigned n = walk_list(w, 0, "segmentation_upid", 0, 255);
	uint8_t buf[255];
	size_t fill = 0;

	for (unsigned i = 0; i < n && !w->error; i++) {
		struct scte35_upid u = { 0, { NULL, 0 } };

		walk_item(w, i);
		NUM(w, 8, "segmentation_upid_type", u.type);
		walk_bytes(w, "segmentation_upid", &u.bytes, 0);
		walk_leave(w);
		if (u.bytes.len + 2 > sizeof(buf) - fill) {
			walk_fail(w, "segmentation_upid");
			break;
		}
		buf[fill++] = u.type;
		buf[fill++] = (uint8_t)u.bytes.len;
		if (u.bytes.len > 0)
			memcpy(buf + fill, u.bytes.p, u.bytes.len);
		fill += u.bytes.len;
	}
	walk_leave(w);
	if (fill > sizeof(w->s->store) - w->s->stored)
		walk_fail(w, "segmentation_upid");
	if (w->error)
		return;
	g->upid = (struct scte35_bytes){
		memcpy(w->s->store + w->s->stored, buf, fill), fill,
	};
	w->s->stored += fill;
}

/* MPU: whose it is, and what is theirs. */
static void
mpu(struct walk *w, struct scte35_segmentation *g)
{
	struct scte35_bytes rest = { NULL, 0 };
	uint32_t code = 0;
	uint8_t *p;

	if (w->way == WALK_TO_JSON) {
		rest = (struct scte35_bytes){ g->upid.p + 4, g->upid.len - 4 };
		for (unsigned i = 0; i < 4; i++)
			code = code << 8 | g->upid.p[i];
	}
	walk_enter(w, "segmentation_upid");
	code = walk_code(w, 4, "format_identifier", code);
	walk_bytes(w, "private_data", &rest, 0);
	walk_leave(w);
	if (w->way == WALK_TO_JSON || w->error)
		return;
	p = w->s->store + w->s->stored;
	if (rest.len + 4 > sizeof(w->s->store) - w->s->stored) {
		walk_fail(w, "segmentation_upid");
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(code >> (24 - 8 * i));
	if (rest.len > 0)
		memcpy(p + 4, rest.p, rest.len);
	g->upid = (struct scte35_bytes){ p, rest.len + 4 };
	w->s->stored += rest.len + 4;
}

static json_t *
upid_member(const struct walk *w)
{
	return json_object_get(w->at[w->depth], "segmentation_upid");
}

static void
upid(struct walk *w, struct scte35_segmentation *g)
{
	size_t len;

	NUM(w, 8, "segmentation_upid_type", g->upid_type);
	if (!walk_json(w)) {
		len = (size_t)walk_num(w, 8, NULL, g->upid.len);
		walk_bytes(w, NULL, &g->upid, len);
	} else if (w->way == WALK_TO_JSON && is_mid(g)) {
		mid_to_json(w, g);
	} else if (w->way == WALK_FROM_JSON && g->upid_type == UPID_MID &&
	    json_is_array(upid_member(w))) {
		mid_from_json(w, g);
	} else if (g->upid_type == UPID_MPU && (w->way == WALK_TO_JSON ?
	    g->upid.len >= 4 : json_is_object(upid_member(w)))) {
		mpu(w, g);
	} else {
		walk_bytes(w, "segmentation_upid", &g->upid, 0);
	}
	if (g->upid.len > 255)
		walk_fail(w, "segmentation_upid");
}

static void
segmentation(struct walk *w, struct scte35_segmentation *g)
{
	if (w->way == WALK_FROM_JSON) {
		g->id_compliance = true;
		g->program = !walk_has(w, "components");
	}
	NUM(w, 32, "segmentation_event_id", g->event_id);
	FLAG(w, "segmentation_event_cancel_indicator", g->cancel);
	FLAG(w, "segmentation_event_id_compliance_indicator", g->id_compliance);
	RESERVED(w, 6, "reserved", g->cleared);
	if (g->cancel)
		return;
	FLAG(w, "program_segmentation_flag", g->program);
	g->has_duration = walk_presence(w, "segmentation_duration_flag",
	    "segmentation_duration", g->has_duration);
	delivery(w, g);
	if (!g->program)
		components(w, OF_SEGMENTATION, false, &g->component, &g->ncomponent);
	if (g->has_duration)
		NUM(w, 40, "segmentation_duration", g->duration);
	upid(w, g);
	NUM(w, 8, "segmentation_type_id", g->type_id);
	NUM(w, 8, "segment_num", g->num);
	NUM(w, 8, "segments_expected", g->expected);
	if (w->way == WALK_READ)
		g->has_sub = walk_left(w) >= 2;	/* of types that have none, too */
	else if (w->way == WALK_FROM_JSON)
		g->has_sub = walk_has(w, "sub_segment_num");
	if (g->has_sub) {
		NUM(w, 8, "sub_segment_num", g->sub_num);
		NUM(w, 8, "sub_segments_expected", g->sub_expected);
	}
}

static void
audio(struct walk *w, struct scte35_audio *a)
{
	a->n = walk_list(w, 4, "audio", a->n, 15);
	if (!walk_json(w))
		RESERVED(w, 4, NULL, a->cleared);
	for (unsigned i = 0; i < a->n && !w->error; i++) {
		walk_item(w, i);
		NUM(w, 8, "component_tag", a->audio[i].tag);
		a->audio[i].iso_code = walk_code(w, 3, "ISO_code", a->audio[i].iso_code);
		NUM(w, 3, "bit_stream_mode", a->audio[i].bit_stream_mode);
		NUM(w, 4, "num_channels", a->audio[i].num_channels);
		FLAG(w, "full_srvc_audio", a->audio[i].full_srvc);
		walk_leave(w);
	}
	walk_leave(w);
	if (walk_json(w))
		RESERVED(w, 4, "reserved", a->cleared);
}

static void
dtmf(struct walk *w, struct scte35_descriptor *d)
{
	size_t n;

	NUM(w, 8, "preroll", d->dtmf.preroll);
	if (walk_json(w)) {
		walk_bytes(w, "DTMF_char", &d->dtmf.chars, 0);
		RESERVED(w, 5, "reserved", d->dtmf.cleared);
		if (d->dtmf.chars.len > 7)
			walk_fail(w, "DTMF_char");
		return;
	}
	n = (size_t)walk_num(w, 3, NULL, d->dtmf.chars.len);
	RESERVED(w, 5, NULL, d->dtmf.cleared);
	walk_bytes(w, NULL, &d->dtmf.chars, n);
}

void
scte35_walk_descriptor(struct walk *w, struct scte35_descriptor *d)
{
	switch (d->tag) {
	case SCTE35_AVAIL:
		NUM(w, 32, "provider_avail_id", d->provider_avail_id);
		break;
	case SCTE35_DTMF:
		dtmf(w, d);
		break;
	case SCTE35_SEGMENTATION:
		segmentation(w, &d->seg);
		break;
	case SCTE35_TIME:
		NUM(w, 48, "TAI_seconds", d->time.tai_seconds);
		NUM(w, 32, "TAI_ns", d->time.tai_ns);
		NUM(w, 16, "UTC_offset", d->time.utc_offset);
		break;
	case SCTE35_AUDIO:
		audio(w, &d->audio);
		break;
	default:
		break;
	}
}
