#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/pes.h"
#include "lib/media/scte35.h"
#include "schedule/order.h"
#include "schedule/splice.h"

/* A line that is being read. */
struct reading {
	struct order_ids *ids;
	struct order o;
	int	 n;			/* words, from WHEN on */
	char	*word[FIELDS_WORDS];
	char	*err;
	struct scte35 *s;		/* the message */
	struct fields f[SCTE35_DESCRIPTORS];	/* of its segmentations, or [0] */
	uint8_t	 bytes[SCTE35_SECTION_MAX];	/* that the message borrows */
	bool	 same;			/* bytes[0..len) are it */
	size_t	 len;
};

void
order_ids_init(struct order_ids *ids, uint32_t first)
{
	*ids = (struct order_ids){ .next = first };
}

/* ---- WHEN */

static bool
parse_when(struct reading *r)
{
	const char *w = r->word[0];
	uint64_t ticks;
	char *end;

	if (strcmp(w, "now") == 0) {
		r->o.when = ORDER_NOW;
	} else if (strcmp(w, "asis") == 0) {
		r->o.when = ORDER_AS_IS;
	} else if (w[0] == '+') {
		if (!fields_duration(w + 1, &ticks))
			return fields_error(r->err, "'%.80s' is not a time such as +30s or "
			    "+00:01:30", w);
		r->o.when = ORDER_LATER;
		r->o.value = (int64_t)ticks;
	} else if (strncmp(w, "pts=", 4) == 0) {
		errno = 0;
		ticks = strtoull(w + 4, &end, 10);
		if (w[4] < '0' || w[4] > '9' || *end != '\0' || errno != 0 ||
		    ticks >= (uint64_t)PES_WRAP)
			return fields_error(r->err, "'%.80s' is not a PTS below 2^33", w);
		r->o.when = ORDER_PTS;
		r->o.value = (int64_t)ticks;
	} else if (clk_parse_iso(w, &r->o.value) == 0) {
		r->o.when = ORDER_UTC;
	} else {
		return fields_error(r->err, "'%.80s' is not a time: now, +30s, "
		    "2026-11-22T17:00:00Z, pts=8100000 or asis", w);
	}
	return true;
}

/* ---- events */

static void
note_id(struct reading *r, uint32_t id)
{
	r->o.has_id = true;
	r->o.id = id;
}

/* Its id: the one that is given, else that of what it ends, else a new one. */
static uint32_t
choose_id(struct reading *r, const struct fields *f, const uint32_t *ends)
{
	uint32_t id;

	if (fields_has(f, FIELD_ID))
		id = (uint32_t)f->v[FIELD_ID];
	else if (ends != NULL)
		id = *ends;
	else
		id = r->ids->next;
	if (fields_has(f, FIELD_ID) && id > r->ids->most)
		r->ids->most = id;
	if (id >= r->ids->next)
		r->ids->next = id == UINT32_MAX ? 1 : id + 1;
	note_id(r, id);
	return id;
}

static bool
take_fields(struct reading *r, struct fields *f, int *at, uint32_t allowed)
{
	for (; *at < r->n && strcmp(r->word[*at], "and") != 0; ++*at)
		if (!fields_take(f, allowed, r->word[*at], r->word[1], r->err))
			return false;
	return true;
}

static bool
at_end(struct reading *r, int at)
{
	if (at < r->n)
		return fields_error(r->err, "'%.80s' is nothing that %s has", r->word[at],
		    r->word[1]);
	return true;
}

static void
set_tier(struct scte35 *s, const struct fields *f)
{
	if (fields_has(f, FIELD_TIER))
		s->tier = (uint16_t)f->v[FIELD_TIER];
}

/* out, in and cancel: a splice_insert. */
static bool
parse_insert(struct reading *r)
{
	bool out = strcmp(r->word[1], "out") == 0, cancel = strcmp(r->word[1], "cancel") == 0;
	uint32_t allowed = FIELD_BIT(FIELD_TIER) | (out ? FIELDS_EVENT :
	    cancel ? FIELD_BIT(FIELD_ID) :
	    FIELD_BIT(FIELD_ID) | FIELD_BIT(FIELD_PROGRAM) | FIELD_BIT(FIELD_AVAIL));
	struct scte35_event *e = &r->s->insert;
	struct fields *f = &r->f[0];
	int at = 2;

	if (!take_fields(r, f, &at, allowed) || !at_end(r, at))
		return false;
	if (cancel && !fields_has(f, FIELD_ID))
		return fields_error(r->err, "'cancel' needs id=");
	if (!out && !fields_has(f, FIELD_ID) && !r->ids->has_out)
		return fields_error(r->err, "'in' needs id=, there was no out before it");
	if (fields_has(f, FIELD_AUTO) && !fields_has(f, FIELD_DURATION))
		return fields_error(r->err, "'auto' needs a duration");
	r->s->command = SCTE35_SPLICE_INSERT;
	*e = (struct scte35_event){
		.program = true, .id_compliance = true, .out_of_network = out,
		.cancel = cancel,
	};
	e->id = choose_id(r, f, out ? NULL : &r->ids->last_out);
	splice_set_event(e, f);
	set_tier(r->s, f);
	if (out) {
		r->ids->has_out = true;
		r->ids->last_out = e->id;
	}
	return true;
}

static bool
add_segmentation(struct reading *r, struct fields *f)
{
	struct scte35_descriptor *d = &r->s->descriptor[r->s->ndescriptor++];
	bool cancel = fields_has(f, FIELD_CANCEL) && f->v[FIELD_CANCEL] != 0;
	struct order_ids *ids = r->ids;
	uint8_t type = (uint8_t)f->v[FIELD_TYPE], start = (uint8_t)(type - 1);

	if (cancel && (!fields_has(f, FIELD_ID) || (f->set & ~(FIELD_BIT(FIELD_ID) |
	    FIELD_BIT(FIELD_CANCEL) | FIELD_BIT(FIELD_TIER))) != 0))
		return fields_error(r->err, "'cancel' needs id=, and nothing else");
	if (!cancel && !fields_has(f, FIELD_TYPE))
		return fields_error(r->err, "'%s' needs type=", r->word[1]);
	*d = (struct scte35_descriptor){
		.tag = SCTE35_SEGMENTATION, .identifier = SCTE35_CUEI, .known = true,
		.seg = { .id_compliance = true, .program = true, .not_restricted = true,
		    .cancel = cancel },
	};
	d->seg.event_id = choose_id(r, f, splice_ends(type) && ids->has_type[start] ?
	    &ids->last_type[start] : NULL);
	splice_set_segmentation(&d->seg, f);
	set_tier(r->s, f);
	ids->has_type[type] = ids->has_type[type] || !cancel;
	if (!cancel)
		ids->last_type[type] = d->seg.event_id;
	return true;
}

/* Descriptors with "and" between them. */
static bool
parse_signal(struct reading *r)
{
	const uint32_t each = FIELDS_SEGMENTATION | FIELD_BIT(FIELD_CANCEL) |
	    FIELD_BIT(FIELD_TIER);	/* which is of the message */
	struct fields *f = r->f;
	int at = 2;

	r->s->command = SCTE35_TIME_SIGNAL;
	do {
		if (!take_fields(r, f, &at, each) || !add_segmentation(r, f))
			return false;
		f++;
	} while (at++ < r->n);
	return true;
}

/* ---- whole sections */

static bool
parse_section(struct reading *r, const char *text)
{
	int n = splice_decode(text, strlen(text), r->bytes, sizeof(r->bytes));
	int parsed = n > 0 ? scte35_parse(r->bytes, (size_t)n, r->s) : -EBADMSG;

	if (parsed == -EILSEQ)
		return fields_error(r->err, "the section '%.40s' has a wrong CRC", text);
	if (parsed < 0)
		return fields_error(r->err, "'%.80s' is neither a command nor a section in base64 "
		    "or hexadecimal", text);
	r->len = ((size_t)(r->bytes[1] & 0x0f) << 8 | r->bytes[2]) + 3;
	r->same = true;
	return true;
}

static bool
parse_json(struct reading *r, const char *text)
{
	json_error_t why;
	json_t *o = json_loads(text, 0, &why), *inner;
	const char *what;
	bool ok;

	if (o == NULL)
		return fields_error(r->err, "'%.40s' is no JSON: %.100s", text, why.text);
	/* A whole line of mlive-cue show -j is as good. */
	inner = json_object_get(o, "splice_info_section");
	ok = scte35_from_json(inner != NULL ? inner : o, r->s, &what) == 0;
	json_decref(o);
	return ok || fields_error(r->err, "'%.40s' is no section: '%.80s'", text, what);
}

/* What it is about, so that a cancellation finds it, and the answer can say it. */
static void
note_section(struct reading *r)
{
	const struct scte35 *s = r->s;
	unsigned i = splice_segmentation(s, 0);

	if (s->encrypted)
		return;
	if (s->command == SCTE35_SPLICE_INSERT)
		note_id(r, s->insert.id);
	else if (i < s->ndescriptor)
		note_id(r, s->descriptor[i].seg.event_id);
	if (r->o.has_id && r->o.id > r->ids->most)
		r->ids->most = r->o.id;
}

/* ---- a line */

static bool
parse_what(struct reading *r, const char *json)
{
	static const struct {
		const char *name;
		bool	(*parse)(struct reading *r);
	} commands[] = {
		{ "out", parse_insert }, { "in", parse_insert }, { "cancel", parse_insert },
		{ "time_signal", parse_signal },
	};
	bool raw = r->n > 1 && strcmp(r->word[1], "raw") == 0;

	if (json == NULL && r->n < 2)
		return fields_error(r->err, "'%.80s': there is no command after it", r->word[0]);
	if (json == NULL)
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (strcmp(r->word[1], commands[i].name) == 0)
				return r->o.when != ORDER_AS_IS ? commands[i].parse(r) :
				    fields_error(r->err, "'asis' is for whole sections, not '%s'",
				    r->word[1]);
	if (json == NULL && strcmp(r->word[1], "null") == 0)
		return at_end(r, 2);
	if (raw && r->n < 3)
		return fields_error(r->err, "'raw' needs a section");
	if (json != NULL ? !parse_json(r, json) :
	    !parse_section(r, r->word[raw ? 2 : 1]) || !at_end(r, raw ? 3 : 2))
		return false;
	note_section(r);
	return true;
}

/* The section, as far as it is known now. */
static bool
put_section(struct reading *r)
{
	uint64_t pts = splice_pts(r->s);
	int n;

	r->o.insert = !r->s->encrypted && r->s->command == SCTE35_SPLICE_INSERT;
	r->o.cancel = r->o.insert && r->s->insert.cancel;
	r->o.timed = splice_timed(r->s) && r->o.when != ORDER_NOW;
	if (r->o.when == ORDER_AS_IS) {
		r->o.timed = pts != SCTE35_NULL_PTS;
		r->o.value = (int64_t)pts;
	}
	if (r->same && r->o.when != ORDER_NOW)
		return true;
	if (r->o.when == ORDER_NOW)
		splice_now(r->s);
	n = scte35_put(r->s, r->bytes, sizeof(r->bytes));
	if (n < 0)
		return fields_error(r->err, "'%.80s' is too long for a section", r->word[1]);
	r->len = (size_t)n;
	return true;
}

static bool
parse_line(struct reading *r, char *line)
{
	char *json = NULL, *what;

	what = line + strspn(line, " \t");
	what += strcspn(what, " \t#");
	if (what[strspn(what, " \t")] == '{') {	/* JSON has blanks and # of its own */
		json = what + strspn(what, " \t");
		*what = '\0';
	}
	if ((r->n = words_split(line, r->word, r->err)) <= 0)
		return false;
	return parse_when(r) && parse_what(r, json) && put_section(r);
}

struct order *
order_parse(struct order_ids *ids, char *line, const char *name,
    char err[static FIELDS_ERROR])
{
	static struct reading r;	/* both are big, and one at a time */
	static struct scte35 s;
	struct order *o;

	memset(&r, 0, sizeof(r));
	scte35_init(&s);
	r.ids = ids;
	r.s = &s;
	r.err = err;
	err[0] = '\0';
	if (!parse_line(&r, line))
		return NULL;
	if ((o = malloc(sizeof(*o) + r.len)) == NULL) {
		fields_error(err, "there is no memory for it");
		return NULL;
	}
	*o = r.o;
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->len = r.len;
	o->section = memcpy(o + 1, r.bytes, r.len);
	return o;
}
