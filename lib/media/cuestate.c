/* The table of events as JSON, and back: what a restart needs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/media/cuetrack.h"

static json_t *
message_to_json(const struct cue_message *m)
{
	char text[BASE64_SIZE(SCTE35_SECTION_MAX)];

	if (m->len == 0 || m->len > SCTE35_SECTION_MAX)
		return NULL;
	base64_encode(m->p, m->len, text);
	return json_string(text);
}

/* CUE_NEVER is left out. */
static void
set_time(json_t *o, const char *name, int64_t t)
{
	if (t != CUE_NEVER)
		json_object_set_new(o, name, json_integer(t));
}

json_t *
cuetrack_to_json(const struct cuetrack *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++) {
		const struct cue *c = &t->cue[i];
		json_t *o = json_pack("{sI si sI si si si sI sb sb si sI so* so* so*}",
		    "serial", (json_int_t)c->serial, "type", (int)c->type,
		    "id", (json_int_t)c->id, "num", (int)c->num, "expected", (int)c->expected,
		    "updates", (int)c->updates,
		    "start", (json_int_t)c->start, "auto_return", c->auto_return,
		    "not_restricted", c->not_restricted, "why", (int)c->why,
		    "date_ns", (json_int_t)c->date_ns,
		    "out", message_to_json(&c->out), "in", message_to_json(&c->in),
		    "update", message_to_json(&c->update));

		set_time(o, "end", c->end);
		set_time(o, "planned", c->planned);
		set_time(o, "duration", c->duration);
		json_array_append_new(list, o);
	}
	return list;
}

static int
message_from_json(const json_t *o, const char *name, struct cue_message *m)
{
	const json_t *text = json_object_get(o, name);
	uint8_t p[SCTE35_SECTION_MAX];
	int n;

	if (text == NULL)
		return 0;
	if (!json_is_string(text) || (n = base64_decode(json_string_value(text),
	    json_string_length(text), p, sizeof(p))) <= 0)
		return -EINVAL;
	if ((m->p = malloc((size_t)n)) == NULL)
		return -ENOMEM;
	memcpy(m->p, p, (size_t)n);
	m->len = (size_t)n;
	return 0;
}

static int64_t
get(const json_t *o, const char *name, int64_t least, int64_t most, int64_t other, bool *ok)
{
	const json_t *v = json_object_get(o, name);

	if (v == NULL)
		return other;
	if (!json_is_integer(v) || json_integer_value(v) < least ||
	    json_integer_value(v) > most)
		*ok = false;
	return json_integer_value(v);
}

static int
cue_from_json(const json_t *o, struct cue *c)
{
	const int64_t far = INT64_C(1) << 60;
	bool ok = json_is_object(o);
	int r;

	*c = (struct cue){
		.serial = (uint64_t)get(o, "serial", 1, far, 1, &ok),
		.type = (uint16_t)get(o, "type", 0, CUE_TYPES - 1, 0, &ok),
		.id = (uint32_t)get(o, "id", 0, UINT32_MAX, 0, &ok),
		.num = (uint8_t)get(o, "num", 0, 255, 0, &ok),
		.expected = (uint8_t)get(o, "expected", 0, 255, 0, &ok),
		.updates = (uint8_t)get(o, "updates", 0, 255, 0, &ok),
		.start = get(o, "start", -far, far, 0, &ok),
		.end = get(o, "end", -far, far, CUE_NEVER, &ok),
		.planned = get(o, "planned", 0, far, CUE_NEVER, &ok),
		.duration = get(o, "duration", 0, far, CUE_NEVER, &ok),
		.auto_return = json_is_true(json_object_get(o, "auto_return")),
		.not_restricted = json_is_true(json_object_get(o, "not_restricted")),
		.date_ns = get(o, "date_ns", 0, INT64_MAX, 0, &ok),
		.why = (enum cue_end)get(o, "why", 0, CUE_END_POINT, 0, &ok),
	};
	if (!ok || c->end < c->start)
		return -EINVAL;
	if ((r = message_from_json(o, "out", &c->out)) < 0 ||
	    (r = message_from_json(o, "update", &c->update)) < 0)
		return r;
	return message_from_json(o, "in", &c->in);
}

int
cuetrack_from_json(const json_t *list, struct cuetrack *t)
{
	size_t n = json_array_size(list);
	int r = 0;

	if (!json_is_array(list) || n > (t->max > 0 ? t->max : CUETRACK_MAX))
		return -EINVAL;
	if (n > 0 && (t->cue = calloc(n, sizeof(*t->cue))) == NULL)
		return -ENOMEM;
	t->cap = n;
	while (t->n < n && r == 0) {
		struct cue *c = &t->cue[t->n];

		r = cue_from_json(json_array_get(list, t->n), c);
		t->bytes += c->out.len + c->in.len + c->update.len;
		t->n++;
		if (r == 0 && t->n > 1 && c->start < c[-1].start)
			r = -EINVAL;
		if (c->serial > t->serial)
			t->serial = c->serial;
	}
	if (r < 0)
		cuetrack_free(t);
	return r;
}
