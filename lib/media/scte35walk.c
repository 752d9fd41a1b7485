#include <stdlib.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/media/scte35walk.h"

void
walk_fail(struct walk *w, const char *why)
{
	if (!w->error)
		w->why = why;
	w->error = true;
}

bool
walk_json(const struct walk *w)
{
	return w->way == WALK_TO_JSON || w->way == WALK_FROM_JSON;
}

size_t
walk_left(const struct walk *w)
{
	return w->way == WALK_READ ? bits_left(&w->r) / 8 : 0;
}

static json_t *
member(const struct walk *w, const char *name)
{
	return json_object_get(w->at[w->depth], name);
}

bool
walk_has(const struct walk *w, const char *name)
{
	return w->way == WALK_FROM_JSON && member(w, name) != NULL;
}

static void
set(struct walk *w, const char *name, json_t *v)
{
	if (json_object_set_new(w->at[w->depth], name, v) < 0)
		walk_fail(w, "out of memory");
}

static uint64_t
read_bits(struct walk *w, unsigned bits)
{
	uint64_t v = 0;

	if (bits > 32)
		v = (uint64_t)bits_get(&w->r, bits - 32) << 32;
	v |= bits_get(&w->r, bits < 32 ? bits : 32);
	if (w->r.error)
		walk_fail(w, "it ends too early");
	return w->error ? 0 : v;
}

static void
write_bits(struct walk *w, unsigned bits, uint64_t v)
{
	if (w->error)
		return;
	if (bits > 32)
		bits_put(&w->w, bits - 32, (uint32_t)(v >> 32));
	bits_put(&w->w, bits < 32 ? bits : 32, (uint32_t)v);
	if (w->w.error)
		walk_fail(w, "it does not fit");
}

/* A number may also be a text of one: "0x34". */
static uint64_t
number(struct walk *w, const json_t *v, unsigned bits, const char *name)
{
	uint64_t n = 0;
	char *end = NULL;

	if (json_is_integer(v) && json_integer_value(v) >= 0)
		n = (uint64_t)json_integer_value(v);
	else if (json_is_boolean(v))
		n = json_is_true(v);
	else if (!json_is_string(v) || hex_digit(*json_string_value(v)) < 0 ||
	    (n = strtoull(json_string_value(v), &end, 0), *end != '\0'))
		walk_fail(w, name);
	if (bits < 64 && n >> bits != 0)
		walk_fail(w, name);
	return w->error ? 0 : n;
}

uint64_t
walk_num(struct walk *w, unsigned bits, const char *name, uint64_t v)
{
	const json_t *o;

	switch (w->way) {
	case WALK_READ:
		return read_bits(w, bits);
	case WALK_WRITE:
		write_bits(w, bits, v);
		break;
	case WALK_TO_JSON:
		set(w, name, json_integer((json_int_t)v));
		break;
	case WALK_FROM_JSON:
		if ((o = member(w, name)) != NULL)
			return number(w, o, bits, name);
		break;
	}
	return v;
}

bool
walk_flag(struct walk *w, const char *name, bool v)
{
	if (w->way == WALK_TO_JSON) {
		set(w, name, json_boolean(v));
		return v;
	}
	return walk_num(w, 1, name, v) != 0;
}

bool
walk_presence(struct walk *w, const char *name, const char *child, bool v)
{
	if (w->way == WALK_FROM_JSON)
		v = walk_has(w, child);
	return walk_flag(w, name, v);
}

uint8_t
walk_reserved(struct walk *w, unsigned bits, const char *name, uint8_t cleared)
{
	uint8_t all = (uint8_t)((1u << bits) - 1);

	if (walk_json(w)) {
		if (w->way == WALK_TO_JSON && cleared == 0)
			return 0;
		if (w->way == WALK_FROM_JSON && member(w, name) == NULL)
			return 0;
	}
	return (uint8_t)(~walk_num(w, bits, name, (uint8_t)~cleared & all) & all);
}

/* Characters in a number: "CUEI". */
uint32_t
walk_code(struct walk *w, unsigned chars, const char *name, uint32_t v)
{
	struct scte35_bytes b;
	const json_t *o;
	uint8_t c[4];

	if (!walk_json(w))
		return (uint32_t)walk_num(w, chars * 8, name, v);
	if (w->way == WALK_TO_JSON) {
		for (unsigned i = 0; i < chars; i++)
			c[i] = (uint8_t)(v >> 8 * (chars - 1 - i));
		set(w, name, walk_text(c, chars));
	} else if ((o = member(w, name)) != NULL) {
		if (!walk_untext(w, o, &b) || b.len != chars) {
			walk_fail(w, name);
			return 0;
		}
		v = 0;
		for (unsigned i = 0; i < chars; i++)
			v = v << 8 | b.p[i];
	}
	return v;
}

bool
scte35_is_text(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] >= 0x7f)
			return false;
	return len > 0;
}

json_t *
walk_text(const uint8_t *p, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	json_t *v;
	char *s;

	if (scte35_is_text(p, len) && (len < 2 || memcmp(p, "0x", 2) != 0))
		return json_stringn((const char *)p, len);
	if ((s = malloc(2 * len + 3)) == NULL)
		return NULL;
	memcpy(s, "0x", 3);
	for (size_t i = 0; i < len; i++) {
		s[2 * i + 2] = digit[p[i] >> 4];
		s[2 * i + 3] = digit[p[i] & 15];
	}
	v = json_stringn(s, 2 * len + 2);
	free(s);
	return v;
}

bool
walk_untext(struct walk *w, const json_t *v, struct scte35_bytes *b)
{
	const char *t = json_string_value(v);
	size_t len = json_string_length(v), room = sizeof(w->s->store) - w->s->stored;
	uint8_t *out = w->s->store + w->s->stored;
	bool hex = len >= 2 && memcmp(t, "0x", 2) == 0;

	if (t == NULL || (hex && len % 2 != 0))
		return false;
	len = hex ? len / 2 - 1 : len;
	if (len > room)
		return false;
	if (!hex)
		memcpy(out, t, len);
	for (size_t i = 0; hex && i < len; i++) {
		int hi = hex_digit(t[2 * i + 2]), lo = hex_digit(t[2 * i + 3]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	*b = (struct scte35_bytes){ out, len };
	w->s->stored += len;
	return true;
}

void
walk_bytes(struct walk *w, const char *name, struct scte35_bytes *b, size_t len)
{
	const json_t *o;

	if (w->error)
		return;
	switch (w->way) {
	case WALK_READ:
		if (bits_left(&w->r) / 8 < len) {
			walk_fail(w, "it ends too early");
			return;
		}
		*b = (struct scte35_bytes){ w->r.p + w->r.pos / 8, len };
		w->r.pos += len * 8;
		break;
	case WALK_WRITE:
		if ((w->w.end - w->w.pos) / 8 < b->len) {
			walk_fail(w, "it does not fit");
			return;
		}
		if (b->len > 0)
			memcpy(w->w.p + w->w.pos / 8, b->p, b->len);
		w->w.pos += b->len * 8;
		break;
	case WALK_TO_JSON:
		if (b->len > 0)
			set(w, name, walk_text(b->p, b->len));
		break;
	case WALK_FROM_JSON:
		if ((o = member(w, name)) != NULL && !walk_untext(w, o, b))
			walk_fail(w, name);
		break;
	}
}

static void
push(struct walk *w, json_t *v)
{
	if (w->depth + 1 < WALK_DEPTH)
		w->at[++w->depth] = v;
	else
		walk_fail(w, "nested too deeply");
}

void
walk_enter(struct walk *w, const char *name)
{
	json_t *v = NULL;

	if (w->way == WALK_TO_JSON) {
		v = json_object();
		set(w, name, v);
	} else if (w->way == WALK_FROM_JSON) {
		v = member(w, name);
		if (v != NULL && !json_is_object(v))
			walk_fail(w, name);
	}
	push(w, v);
}

void
walk_leave(struct walk *w)
{
	w->depth--;
}

unsigned
walk_list(struct walk *w, unsigned bits, const char *name, unsigned n, unsigned max)
{
	json_t *v = NULL;

	if (w->way == WALK_TO_JSON) {
		v = json_array();
		set(w, name, v);
	} else if (w->way == WALK_FROM_JSON) {
		v = member(w, name);
		n = (unsigned)json_array_size(v);
		if (v != NULL && !json_is_array(v))
			walk_fail(w, name);
	} else if (bits > 0) {
		n = (unsigned)walk_num(w, bits, name, n);
	}
	push(w, v);
	if (n > max)
		walk_fail(w, name);
	return w->error ? 0 : n;
}

/* walk_leave() ends each. */
void
walk_item(struct walk *w, unsigned i)
{
	json_t *v = NULL;

	if (w->way == WALK_TO_JSON) {
		v = json_object();
		if (json_array_append_new(w->at[w->depth], v) < 0)
			walk_fail(w, "out of memory");
	} else if (w->way == WALK_FROM_JSON) {
		v = json_array_get(w->at[w->depth], i);
		if (!json_is_object(v))
			walk_fail(w, "a list has what is no object");
	}
	push(w, v);
}
