#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/net/amf.h"

enum { IN_OBJECT, IN_STRICT, IN_ARRAY3, IN_LIST3, IN_OBJECT3, IN_DICT3 };

enum {				/* AMF 0 2.1 */
	M0_NUMBER, M0_BOOLEAN, M0_STRING, M0_OBJECT, M0_MOVIECLIP, M0_NULL, M0_UNDEFINED,
	M0_REFERENCE, M0_ECMA, M0_OBJECT_END, M0_STRICT, M0_DATE, M0_LONG_STRING,
	M0_UNSUPPORTED, M0_RECORDSET, M0_XML, M0_TYPED, M0_AMF3,
};

enum {				/* AMF 3 3.1 */
	M3_UNDEFINED, M3_NULL, M3_FALSE, M3_TRUE, M3_INTEGER, M3_DOUBLE, M3_STRING,
	M3_XMLDOC, M3_DATE, M3_ARRAY, M3_OBJECT, M3_XML, M3_BYTES, M3_VECTOR_INT,
	M3_VECTOR_UINT, M3_VECTOR_DOUBLE, M3_VECTOR_OBJECT, M3_DICTIONARY,
};

void
amf_init(struct amf *a, const uint8_t *p, size_t len)
{
	a->p = p;
	a->end = p + len;
	a->depth = a->nstring = a->ntrait = 0;
}

static bool
has(const struct amf *a, size_t n)
{
	return (size_t)(a->end - a->p) >= n;
}

static bool
get(struct amf *a, unsigned bytes, uint32_t *v)
{
	if (!has(a, bytes))
		return false;
	*v = 0;
	while (bytes-- > 0)
		*v = *v << 8 | *a->p++;
	return true;
}

static bool
get_double(struct amf *a, double *v)
{
	uint64_t bits = 0;

	if (!has(a, 8))
		return false;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | *a->p++;
	memcpy(v, &bits, sizeof(*v));
	return true;
}

static bool
get_bytes(struct amf *a, size_t len, struct amf_text *t)
{
	if (!has(a, len))
		return false;
	*t = (struct amf_text){ (const char *)a->p, len };
	a->p += len;
	return true;
}

static bool
get_text(struct amf *a, unsigned length_bytes, struct amf_text *t)
{
	uint32_t len;

	return get(a, length_bytes, &len) && get_bytes(a, len, t);
}

static int
push(struct amf *a, uint8_t kind, uint8_t trait, uint32_t left)
{
	if (a->depth == AMF_DEPTH)
		return -EBADMSG;
	a->frame[a->depth++] = (struct amf_frame){
		.kind = kind, .trait = trait, .left = left,
	};
	return 1;
}

/* ---- AMF 3 */

static bool
get_u29(struct amf *a, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < 4; i++) {
		uint32_t b;

		if (!get(a, 1, &b))
			return false;
		if (i == 3) {
			*v = *v << 8 | b;
			return true;
		}
		*v = *v << 7 | (b & 0x7f);
		if ((b & 0x80) == 0)
			return true;
	}
	return true;
}

static bool
get_text3(struct amf *a, struct amf_text *t)
{
	uint32_t u;

	if (!get_u29(a, &u))
		return false;
	if ((u & 1) == 0) {
		if (u >> 1 >= a->nstring)
			return false;
		*t = a->string[u >> 1];
		return true;
	}
	if (!get_bytes(a, u >> 1, t))
		return false;
	if (t->len > 0 && a->nstring < AMF_STRINGS)
		a->string[a->nstring++] = *t;
	return true;
}

/* What stands there by value: a length, or *ref. */
static bool
get_length3(struct amf *a, uint32_t *len, bool *ref)
{
	uint32_t u;

	if (!get_u29(a, &u))
		return false;
	*ref = (u & 1) == 0;
	*len = u >> 1;
	return true;
}

static int
object3(struct amf *a, struct amf_item *it)
{
	struct amf_trait *t;
	struct amf_text name;
	uint32_t u;
	unsigned trait;

	if (!get_u29(a, &u))
		return -EBADMSG;
	if ((u & 1) == 0) {			/* a reference to an object */
		it->type = AMF_OTHER;
		return 1;
	}
	it->type = AMF_OBJECT;
	if ((u & 2) == 0) {
		trait = u >> 2;
		return trait < a->ntrait ? push(a, IN_OBJECT3, (uint8_t)trait, 0) : -EBADMSG;
	}
	/* An externalizable one only its class can read. */
	if ((u & 4) != 0 || u >> 4 > AMF_MEMBERS || a->ntrait == AMF_TRAITS)
		return -EBADMSG;
	trait = a->ntrait++;
	t = &a->trait[trait];
	t->count = u >> 4;
	t->dynamic = (u & 8) != 0;
	if (!get_text3(a, &name))
		return -EBADMSG;
	for (uint32_t i = 0; i < t->count; i++)
		if (!get_text3(a, &t->member[i]))
			return -EBADMSG;
	return push(a, IN_OBJECT3, (uint8_t)trait, 0);
}

/* Vectors of numbers, texts and bytes: passed over as they are. */
static int
bulk3(struct amf *a, uint8_t marker, struct amf_item *it)
{
	size_t size = marker == M3_VECTOR_DOUBLE ? 8 :
	    marker == M3_VECTOR_INT || marker == M3_VECTOR_UINT ? 4 : 1;
	struct amf_text t;
	uint32_t len, fixed;
	bool ref;

	it->type = AMF_OTHER;
	if (!get_length3(a, &len, &ref))
		return -EBADMSG;
	if (ref)
		return 1;
	if (size > 1 && !get(a, 1, &fixed))
		return -EBADMSG;
	return get_bytes(a, len * size, &t) ? 1 : -EBADMSG;
}

static int
array3(struct amf *a, uint8_t marker, struct amf_item *it)
{
	struct amf_text name;
	uint32_t len, flag;
	bool ref;

	if (!get_length3(a, &len, &ref))
		return -EBADMSG;
	it->type = ref ? AMF_OTHER : AMF_ARRAY;
	if (ref)
		return 1;
	if (marker == M3_ARRAY)
		return push(a, IN_ARRAY3, 0, len);
	if (!get(a, 1, &flag))
		return -EBADMSG;
	if (marker == M3_DICTIONARY)
		return push(a, IN_DICT3, 0, 2 * len);
	return get_text3(a, &name) ? push(a, IN_LIST3, 0, len) : -EBADMSG;
}

static int
value3(struct amf *a, struct amf_item *it)
{
	uint32_t marker, u;
	bool ref;

	if (!get(a, 1, &marker))
		return -EBADMSG;
	switch (marker) {
	case M3_UNDEFINED:
	case M3_NULL:
		it->type = AMF_NULL;
		return 1;
	case M3_FALSE:
	case M3_TRUE:
		it->type = AMF_BOOLEAN;
		it->boolean = marker == M3_TRUE;
		return 1;
	case M3_INTEGER:
		if (!get_u29(a, &u))
			return -EBADMSG;
		it->type = AMF_NUMBER;
		it->number = u < 1u << 28 ? (double)u : (double)u - (double)(1u << 29);
		return 1;
	case M3_DOUBLE:
		it->type = AMF_NUMBER;
		return get_double(a, &it->number) ? 1 : -EBADMSG;
	case M3_STRING:
		it->type = AMF_STRING;
		return get_text3(a, &it->string) ? 1 : -EBADMSG;
	case M3_DATE:
		it->type = AMF_NUMBER;
		if (!get_length3(a, &u, &ref))
			return -EBADMSG;
		if (ref)
			it->type = AMF_OTHER;
		return ref || get_double(a, &it->number) ? 1 : -EBADMSG;
	case M3_OBJECT:
		return object3(a, it);
	case M3_ARRAY:
	case M3_VECTOR_OBJECT:
	case M3_DICTIONARY:
		return array3(a, (uint8_t)marker, it);
	case M3_XMLDOC:
	case M3_XML:
	case M3_BYTES:
	case M3_VECTOR_INT:
	case M3_VECTOR_UINT:
	case M3_VECTOR_DOUBLE:
		return bulk3(a, (uint8_t)marker, it);
	default:
		return -EBADMSG;
	}
}

/* ---- AMF 0 */

static int
value0(struct amf *a, struct amf_item *it)
{
	struct amf_text name;
	uint32_t marker, v;

	if (!get(a, 1, &marker))
		return -EBADMSG;
	switch (marker) {
	case M0_NUMBER:
		it->type = AMF_NUMBER;
		return get_double(a, &it->number) ? 1 : -EBADMSG;
	case M0_BOOLEAN:
		if (!get(a, 1, &v))
			return -EBADMSG;
		it->type = AMF_BOOLEAN;
		it->boolean = v != 0;
		return 1;
	case M0_STRING:
	case M0_LONG_STRING:
	case M0_XML:
		it->type = marker == M0_XML ? AMF_OTHER : AMF_STRING;
		return get_text(a, marker == M0_STRING ? 2 : 4, &it->string) ? 1 : -EBADMSG;
	case M0_NULL:
	case M0_UNDEFINED:
	case M0_UNSUPPORTED:
		it->type = AMF_NULL;
		return 1;
	case M0_REFERENCE:
		it->type = AMF_OTHER;
		return get(a, 2, &v) ? 1 : -EBADMSG;
	case M0_DATE:
		it->type = AMF_NUMBER;
		return get_double(a, &it->number) && get(a, 2, &v) ? 1 : -EBADMSG;
	case M0_TYPED:
		if (!get_text(a, 2, &name))
			return -EBADMSG;
		it->type = AMF_OBJECT;
		return push(a, IN_OBJECT, 0, 0);
	case M0_OBJECT:
		it->type = AMF_OBJECT;
		return push(a, IN_OBJECT, 0, 0);
	case M0_ECMA:				/* its count is a hint only */
		it->type = AMF_OBJECT;
		return get(a, 4, &v) ? push(a, IN_OBJECT, 0, 0) : -EBADMSG;
	case M0_STRICT:
		it->type = AMF_ARRAY;
		return get(a, 4, &v) ? push(a, IN_STRICT, 0, v) : -EBADMSG;
	case M0_AMF3:
		return value3(a, it);
	default:
		return -EBADMSG;
	}
}

static int
pop(struct amf *a, struct amf_item *it)
{
	it->type = AMF_END;
	it->depth = --a->depth;
	return 1;
}

static int
member3(struct amf *a, struct amf_frame *f, struct amf_item *it)
{
	const struct amf_trait *t = &a->trait[f->trait];

	if (f->member < t->count) {
		it->key = t->member[f->member++];
		return value3(a, it);
	}
	if (!t->dynamic)
		return pop(a, it);
	if (!get_text3(a, &it->key))
		return -EBADMSG;
	return it->key.len > 0 ? value3(a, it) : pop(a, it);
}

int
amf_next(struct amf *a, struct amf_item *it)
{
	struct amf_frame *f;

	*it = (struct amf_item){ .depth = a->depth };
	if (a->depth == 0)
		return a->p == a->end ? 0 : value0(a, it);
	f = &a->frame[a->depth - 1];
	switch (f->kind) {
	case IN_OBJECT:
		if (!get_text(a, 2, &it->key))
			return -EBADMSG;
		if (it->key.len > 0 || !has(a, 1) || *a->p != M0_OBJECT_END)
			return value0(a, it);
		a->p++;
		return pop(a, it);
	case IN_STRICT:
		return f->left-- > 0 ? value0(a, it) : pop(a, it);
	case IN_ARRAY3:				/* those with names come first */
		if (!get_text3(a, &it->key))
			return -EBADMSG;
		if (it->key.len > 0)
			return value3(a, it);
		f->kind = IN_LIST3;
		return f->left-- > 0 ? value3(a, it) : pop(a, it);
	case IN_OBJECT3:
		return member3(a, f, it);
	default:
		return f->left-- > 0 ? value3(a, it) : pop(a, it);
	}
}

int
amf_skip(struct amf *a, const struct amf_item *it)
{
	unsigned depth = it->depth;
	struct amf_item in;
	int r = 1;

	while (r > 0 && a->depth > depth)
		r = amf_next(a, &in);
	return r < 0 ? r : 0;
}

bool
amf_is(struct amf_text t, const char *text)
{
	return strlen(text) == t.len && memcmp(t.p, text, t.len) == 0;
}

bool
amf_copy(struct amf_text t, char *out, size_t size)
{
	size_t n = t.len < size ? t.len : size - 1;

	if (n > 0)
		memcpy(out, t.p, n);
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)out[i]))
			out[i] = '?';
	out[n] = '\0';
	return n == t.len;
}

/* ---- writing */

static void
put(struct amf_out *o, const void *p, size_t len)
{
	if (o->full || o->size - o->len < len) {
		o->full = true;
		return;
	}
	memcpy(o->p + o->len, p, len);
	o->len += len;
}

static void
put_int(struct amf_out *o, uint64_t v, unsigned bytes)
{
	uint8_t b[8];

	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	put(o, b, bytes);
}

void
amf_put_number(struct amf_out *o, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_int(o, M0_NUMBER, 1);
	put_int(o, bits, 8);
}

void
amf_put_boolean(struct amf_out *o, bool v)
{
	put_int(o, M0_BOOLEAN, 1);
	put_int(o, v, 1);
}

void
amf_put_string(struct amf_out *o, const char *text)
{
	size_t len = strlen(text);

	put_int(o, len < 65536 ? M0_STRING : M0_LONG_STRING, 1);
	put_int(o, len, len < 65536 ? 2 : 4);
	put(o, text, len);
}

void
amf_put_null(struct amf_out *o)
{
	put_int(o, M0_NULL, 1);
}

void
amf_put_object(struct amf_out *o)
{
	put_int(o, M0_OBJECT, 1);
}

void
amf_put_ecma(struct amf_out *o, uint32_t count)
{
	put_int(o, M0_ECMA, 1);
	put_int(o, count, 4);
}

void
amf_put_key(struct amf_out *o, const char *key)
{
	size_t len = strlen(key);

	if (len > 65535)
		o->full = true;
	put_int(o, len, 2);
	put(o, key, len);
}

void
amf_put_end(struct amf_out *o)
{
	put_int(o, M0_OBJECT_END, 3);
}

void
amf_put_array(struct amf_out *o, uint32_t count)
{
	put_int(o, M0_STRICT, 1);
	put_int(o, count, 4);
}
