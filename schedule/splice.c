#include <errno.h>

#include "lib/base/base64.h"
#include "lib/base/hex.h"
#include "lib/media/pes.h"
#include "schedule/splice.h"

int
splice_decode(const char *text, size_t len, uint8_t *out, size_t size)
{
	const char *t = text;
	size_t n = len, got = 0;
	int r;

	if (n >= 2 && t[0] == '0' && (t[1] == 'x' || t[1] == 'X')) {
		t += 2;
		n -= 2;
	}
	while (n % 2 == 0 && got < n / 2 && got < size) {
		int hi = hex_digit(t[2 * got]), lo = hex_digit(t[2 * got + 1]);

		if (hi < 0 || lo < 0)
			break;
		out[got++] = (uint8_t)(hi << 4 | lo);
	}
	if (got > 0 && got == n / 2)
		return (int)got;
	r = base64_decode(text, len, out, size);
	return r > 0 ? r : -EINVAL;
}

/* ---- times */

/* The component whose time stands for all of them, or NULL. */
static struct scte35_time *
first_time(struct scte35 *s)
{
	if (s->encrypted)
		return NULL;
	if (s->command == SCTE35_TIME_SIGNAL)
		return &s->signal;
	if (s->command != SCTE35_SPLICE_INSERT || s->insert.cancel)
		return NULL;
	if (s->insert.program)
		return &s->insert.time;
	return s->insert.ncomponent == 0 ? NULL :
	    &s->component[s->insert.component].time;
}

bool
splice_timed(const struct scte35 *s)
{
	return first_time((struct scte35 *)(uintptr_t)s) != NULL;
}

uint64_t
splice_pts(const struct scte35 *s)
{
	const struct scte35_time *t = first_time((struct scte35 *)(uintptr_t)s);

	if (t == NULL || (s->command == SCTE35_SPLICE_INSERT && s->insert.immediate))
		return SCTE35_NULL_PTS;
	return scte35_pts(s, t);
}

static void
move_time(struct scte35_time *t, bool all, uint64_t by)
{
	if (!t->specified && !all)
		return;
	*t = (struct scte35_time){
		.specified = true, .pts = ((t->specified ? t->pts : 0) + by) & (PES_WRAP - 1),
	};
}

void
splice_move(struct scte35 *s, uint64_t pts)
{
	uint64_t before = splice_pts(s), by;
	bool all = before == SCTE35_NULL_PTS;	/* there was none in it */

	if (!splice_timed(s))
		return;
	by = pts - (all ? s->pts_adjustment : before);
	if (s->command == SCTE35_TIME_SIGNAL) {
		move_time(&s->signal, all, by);
		return;
	}
	if (s->insert.immediate)
		s->insert.time.specified = false;
	s->insert.immediate = false;
	if (s->insert.program)
		move_time(&s->insert.time, all, by);
	else
		for (unsigned i = 0; i < s->insert.ncomponent; i++)
			move_time(&s->component[s->insert.component + i].time, all, by);
}

void
splice_now(struct scte35 *s)
{
	if (s->command == SCTE35_TIME_SIGNAL)
		s->signal = (struct scte35_time){ .specified = false };
	else if (s->command == SCTE35_SPLICE_INSERT && !s->insert.cancel)
		s->insert.immediate = true;
}

/* ---- segmentation */

bool
splice_starts(uint8_t type)
{
	return type % 2 == 0 && (type == 0x10 || (type >= 0x20 && type <= 0x26) ||
	    (type >= 0x30 && type <= 0x46) || type == 0x50);
}

bool
splice_ends(uint8_t type)
{
	return type % 2 == 1 && splice_starts((uint8_t)(type - 1));
}

unsigned
splice_segmentation(const struct scte35 *s, unsigned from)
{
	while (from < s->ndescriptor && !(s->descriptor[from].known &&
	    s->descriptor[from].tag == SCTE35_SEGMENTATION))
		from++;
	return from;
}

/* ---- fields */

void
splice_set_event(struct scte35_event *e, const struct fields *f)
{
	if (fields_has(f, FIELD_ID))
		e->id = (uint32_t)f->v[FIELD_ID];
	if (e->cancel)
		return;
	if (fields_has(f, FIELD_DURATION)) {
		e->has_duration = true;
		e->duration.duration = f->v[FIELD_DURATION];
	}
	if (fields_has(f, FIELD_AUTO))
		e->duration.auto_return = f->v[FIELD_AUTO] != 0;
	if (fields_has(f, FIELD_PROGRAM))
		e->unique_program_id = (uint16_t)f->v[FIELD_PROGRAM];
	if (fields_has(f, FIELD_AVAIL)) {
		e->avail_num = (uint8_t)(f->v[FIELD_AVAIL] >> 8);
		e->avails_expected = (uint8_t)f->v[FIELD_AVAIL];
	}
}

/* One restriction given makes the others explicit: they restrict nothing. */
static void
set_delivery(struct scte35_segmentation *g, const struct fields *f)
{
	if (!fields_has(f, FIELD_WEB) && !fields_has(f, FIELD_BLACKOUT) &&
	    !fields_has(f, FIELD_ARCHIVE) && !fields_has(f, FIELD_DEVICE))
		return;
	if (g->not_restricted) {
		g->not_restricted = false;
		g->web = g->no_regional_blackout = g->archive = true;
		g->device = 3;
	}
	if (fields_has(f, FIELD_WEB))
		g->web = f->v[FIELD_WEB] != 0;
	if (fields_has(f, FIELD_BLACKOUT))
		g->no_regional_blackout = f->v[FIELD_BLACKOUT] == 0;
	if (fields_has(f, FIELD_ARCHIVE))
		g->archive = f->v[FIELD_ARCHIVE] != 0;
	if (fields_has(f, FIELD_DEVICE))
		g->device = (uint8_t)f->v[FIELD_DEVICE];
}

void
splice_set_segmentation(struct scte35_segmentation *g, const struct fields *f)
{
	if (fields_has(f, FIELD_ID))
		g->event_id = (uint32_t)f->v[FIELD_ID];
	if (g->cancel)
		return;
	if (fields_has(f, FIELD_TYPE))
		g->type_id = (uint8_t)f->v[FIELD_TYPE];
	if (fields_has(f, FIELD_DURATION)) {
		g->has_duration = true;
		g->duration = f->v[FIELD_DURATION];
	}
	if (fields_has(f, FIELD_UPID)) {
		g->upid_type = f->upid_type;
		g->upid = (struct scte35_bytes){ f->upid, f->upid_len };
	}
	if (fields_has(f, FIELD_NUM)) {
		g->num = (uint8_t)(f->v[FIELD_NUM] >> 8);
		g->expected = (uint8_t)f->v[FIELD_NUM];
	}
	if (fields_has(f, FIELD_SUB)) {
		g->has_sub = true;
		g->sub_num = (uint8_t)(f->v[FIELD_SUB] >> 8);
		g->sub_expected = (uint8_t)f->v[FIELD_SUB];
	}
	set_delivery(g, f);
}
