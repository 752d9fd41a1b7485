#include <string.h>

#include "lib/media/pes.h"
#include "schedule/recast.h"

/* ---- splice_insert to time_signal */

/* What is put first has the others after it. */
static struct scte35_segmentation *
add_segmentation(struct scte35 *s)
{
	memmove(s->descriptor + 1, s->descriptor, s->ndescriptor * sizeof(s->descriptor[0]));
	s->ndescriptor++;
	s->descriptor[0] = (struct scte35_descriptor){
		.tag = SCTE35_SEGMENTATION, .identifier = SCTE35_CUEI, .known = true,
	};
	return &s->descriptor[0].seg;
}

static bool
to_signal(const struct rule *r, struct scte35 *s)
{
	const struct scte35_event e = s->insert;
	struct scte35_segmentation *g;

	if (s->command != SCTE35_SPLICE_INSERT || s->ndescriptor == SCTE35_DESCRIPTORS ||
	    (!e.cancel && !e.program))
		return false;
	s->command = SCTE35_TIME_SIGNAL;
	s->rest.len = 0;
	s->signal = (struct scte35_time){ .specified = false };
	if (!e.cancel && !e.immediate && e.time.specified)
		s->signal = e.time;
	g = add_segmentation(s);
	*g = (struct scte35_segmentation){
		.event_id = e.id, .cancel = e.cancel, .id_compliance = true, .program = true,
		.not_restricted = true, .has_duration = e.has_duration,
		.duration = e.duration.duration, .num = e.avail_num,
		.expected = e.avails_expected,
	};
	splice_set_segmentation(g, &r->set);
	if (!g->cancel && !e.out_of_network)
		g->type_id = r->end_type;
	return true;
}

/* ---- and back */

static bool
to_insert(const struct rule *r, struct scte35 *s, unsigned d)
{
	struct scte35_segmentation g;
	struct scte35_event *e = &s->insert;

	if (s->command != SCTE35_TIME_SIGNAL || d == s->ndescriptor)
		return false;
	g = s->descriptor[d].seg;
	if (!g.cancel && !splice_starts(g.type_id) && !splice_ends(g.type_id))
		return false;
	s->command = SCTE35_SPLICE_INSERT;
	s->rest.len = 0;
	*e = (struct scte35_event){
		.id = g.event_id, .cancel = g.cancel, .id_compliance = true, .program = true,
		.out_of_network = splice_starts(g.type_id),
		.immediate = !s->signal.specified, .time = s->signal,
		.avail_num = g.num, .avails_expected = g.expected,
	};
	if (e->out_of_network && g.has_duration) {
		e->has_duration = true;
		e->duration.duration = g.duration & (PES_WRAP - 1);
	}
	splice_set_event(e, &r->set);
	if (!e->out_of_network)
		e->has_duration = false;
	s->ndescriptor--;
	memmove(s->descriptor + d, s->descriptor + d + 1,
	    (s->ndescriptor - d) * sizeof(s->descriptor[0]));
	return true;
}

/* ---- all actions */

/* In the event, or in each segmentation that the rule fits. */
static void
set_fields(const struct rule *r, struct scte35 *s)
{
	bool fit[SCTE35_DESCRIPTORS] = { false };
	unsigned i;

	if (s->command == SCTE35_SPLICE_INSERT) {
		splice_set_event(&s->insert, &r->set);
		return;
	}
	for (i = splice_segmentation(s, 0); i < s->ndescriptor; i = splice_segmentation(s, i + 1))
		fit[i] = rule_fits(r, s, &s->descriptor[i].seg);
	for (i = 0; i < s->ndescriptor; i++)
		if (fit[i])
			splice_set_segmentation(&s->descriptor[i].seg, &r->set);
}

enum rules_result
recast(const struct rule *r, struct scte35 *s, unsigned d, bool *unfit)
{
	if (r->action == ACTION_DROP)
		return RULES_DROP;
	if (r->action == ACTION_PASS)
		return RULES_SAME;
	if (r->action == ACTION_SET)
		set_fields(r, s);
	else if (r->action == ACTION_SIGNAL ? !to_signal(r, s) : !to_insert(r, s, d))
		*unfit = true;
	if (*unfit)
		return RULES_SAME;
	if (fields_has(&r->set, FIELD_TIER))
		s->tier = (uint16_t)r->set.v[FIELD_TIER];
	if (fields_has(&r->set, FIELD_OFFSET))
		s->pts_adjustment = (s->pts_adjustment + r->set.v[FIELD_OFFSET]) & (PES_WRAP - 1);
	return RULES_CHANGED;
}
