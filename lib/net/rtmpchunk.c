#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/rtmpchunk.h"

#define EXTENDED	0xffffffu
#define AGGREGATE_HEADER 11u
#define KEEP		262144u		/* of a buffer between messages */

uint32_t
rtmp_get(const uint8_t *p, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* ---- reading */

void
rtmp_in_init(struct rtmp_in *in, size_t message_max, struct budget *budget)
{
	*in = (struct rtmp_in){
		.chunk_size = RTMP_CHUNK, .message_max = message_max,
		.total_max = 2 * message_max, .budget = budget,
	};
}

static void
drop(struct rtmp_in *in, struct rtmp_chunk_stream *s)
{
	if (in->budget != NULL)
		budget_give(in->budget, s->size);
	in->total -= s->size;
	free(s->data);
	s->data = NULL;
	s->fill = s->size = 0;
	s->partial = false;
}

void
rtmp_in_free(struct rtmp_in *in)
{
	for (unsigned i = 0; i < RTMP_STREAMS; i++)
		drop(in, &in->stream[i]);
}

/* Room for so many bytes more in s. */
static int
reserve(struct rtmp_in *in, struct rtmp_chunk_stream *s, size_t more)
{
	size_t want = s->fill + more, size;
	uint8_t *data;

	if (want <= s->size)
		return 0;
	size = want + want / 2 < 4096 ? 4096 : want + want / 2;
	if (size > s->len && s->len >= want)
		size = s->len;
	if (in->total - s->size + size > in->total_max)
		return -EMSGSIZE;
	if (in->budget != NULL && !budget_take(in->budget, size - s->size))
		return -ENOMEM;
	data = realloc(s->data, size);
	if (data == NULL) {
		if (in->budget != NULL)
			budget_give(in->budget, size - s->size);
		return -ENOMEM;
	}
	in->total += size - s->size;
	s->data = data;
	s->size = size;
	return 0;
}

static struct rtmp_chunk_stream *
find(struct rtmp_in *in, uint32_t csid)
{
	for (unsigned i = 0; i < RTMP_STREAMS; i++)
		if (in->stream[i].csid == csid)
			return &in->stream[i];
	return NULL;
}

/* A place for a chunk stream that is new: that which was used least recently. */
static struct rtmp_chunk_stream *
place(struct rtmp_in *in, uint32_t csid)
{
	struct rtmp_chunk_stream *oldest = &in->stream[0];

	for (unsigned i = 1; i < RTMP_STREAMS; i++)
		if (in->stream[i].used < oldest->used)
			oldest = &in->stream[i];
	drop(in, oldest);
	*oldest = (struct rtmp_chunk_stream){ .csid = csid };
	return oldest;
}

struct header {
	unsigned fmt;
	uint32_t csid;
	size_t	 len;			/* of all of it */
	uint32_t field, msg_len, stream_id;
	uint8_t	 type;
	bool	 extended;
};

/* Basic header: 5.3.1.1.  Returns its length, 0: more is needed. */
static size_t
basic(const uint8_t *p, size_t len, struct header *h)
{
	unsigned low;

	if (len < 1)
		return 0;
	h->fmt = p[0] >> 6;
	low = p[0] & 0x3f;
	if (low > 1) {
		h->csid = low;
		return 1;
	}
	if (len < low + 2)
		return 0;
	h->csid = 64 + p[1] + (low == 1 ? 256u * p[2] : 0);
	return low + 2;
}

/*
 * The extended timestamp of a chunk of type 3: is it there?  1 yes, 0 no, -1: more
 * bytes are needed to know.
 */
static int
repeated(const struct rtmp_chunk_stream *s, const uint8_t *p, size_t len)
{
	const uint8_t want[4] = {
		(uint8_t)(s->field >> 24), (uint8_t)(s->field >> 16),
		(uint8_t)(s->field >> 8), (uint8_t)s->field,
	};

	if (memcmp(p, want, len < 4 ? len : 4) != 0)
		return 0;
	return len < 4 ? -1 : 1;
}

/* 1: *h is whole, 0: more is needed, -EBADMSG. */
static int
parse_header(struct rtmp_in *in, const uint8_t *p, size_t len, struct header *h)
{
	static const uint8_t size[4] = { 11, 7, 3, 0 };
	const struct rtmp_chunk_stream *s;
	size_t at = basic(p, len, h), n;
	int there;

	if (at == 0)
		return 0;
	n = size[h->fmt];
	s = find(in, h->csid);
	/* Only a header of type 0 says all. */
	if (h->fmt != 0 && (s == NULL || !s->known))
		return -EBADMSG;
	if (len < at + n)
		return 0;
	if (h->fmt == 3) {
		h->extended = s->extended;
		h->field = s->field;
		if (s->extended) {
			if ((there = repeated(s, p + at, len - at)) < 0)
				return 0;
			at += there > 0 ? 4 : 0;
		}
	} else {
		h->field = rtmp_get(p + at, 3);
		h->extended = h->field == EXTENDED;
		if (h->fmt < 2) {
			h->msg_len = rtmp_get(p + at + 3, 3);
			h->type = p[at + 6];
		}
		if (h->fmt == 0)	/* the one number that is little-endian */
			h->stream_id = p[at + 7] | (uint32_t)p[at + 8] << 8 |
			    (uint32_t)p[at + 9] << 16 | (uint32_t)p[at + 10] << 24;
		at += n;
		if (h->extended) {
			if (len < at + 4)
				return 0;
			h->field = rtmp_get(p + at, 4);
			at += 4;
		}
	}
	h->len = at;
	return 1;
}

/* A header begins a message, or goes on with one. */
static int
begin(struct rtmp_in *in, const struct header *h)
{
	struct rtmp_chunk_stream *s = find(in, h->csid);

	if (s == NULL)
		s = place(in, h->csid);
	s->used = ++in->turn;
	in->current = s;
	if (s->partial && h->fmt == 3) {
		in->left = s->len - s->fill;
	} else {
		s->fill = 0;			/* what was begun is given up */
		s->known = true;
		s->extended = h->extended;
		s->field = h->field;
		if (h->fmt == 0) {
			s->timestamp = h->field;
			s->stream_id = h->stream_id;
		} else {
			s->timestamp += h->field;
		}
		if (h->fmt < 2) {
			s->len = h->msg_len;
			s->type = h->type;
		}
		if (s->len > in->message_max)
			return -EMSGSIZE;
		in->left = s->len;
		s->partial = true;
	}
	if (in->left > in->chunk_size)
		in->left = in->chunk_size;
	return 0;
}

static int
obey(struct rtmp_in *in, const struct rtmp_msg *m)
{
	struct rtmp_chunk_stream *s;
	uint32_t v;

	if (m->type != RTMP_SET_CHUNK_SIZE && m->type != RTMP_ABORT)
		return 0;
	if (m->len < 4)
		return -EBADMSG;
	v = rtmp_get(m->data, 4);
	if (m->type == RTMP_ABORT) {
		s = v > 1 ? find(in, v) : NULL;
		if (s != NULL && s != in->lent)
			drop(in, s);
		return 0;
	}
	if (v == 0 || v > 0x7fffffff)
		return -EBADMSG;
	in->chunk_size = v < RTMP_CHUNK_MAX ? v : RTMP_CHUNK_MAX;
	return 0;
}

int
rtmp_in_next(struct rtmp_in *in, const uint8_t *p, size_t len, size_t *used,
    struct rtmp_msg *msg)
{
	struct rtmp_chunk_stream *s;
	int r;

	*used = 0;
	if (in->lent != NULL) {
		/* A big buffer is not kept for what may never come again. */
		if (in->lent->size > KEEP)
			drop(in, in->lent);
		in->lent->fill = 0;
		in->lent = NULL;
	}
	for (;;) {
		size_t n;

		if (in->current == NULL) {
			struct header h = { 0 };

			r = parse_header(in, p + *used, len - *used, &h);
			if (r <= 0)
				return r;
			*used += h.len;
			if ((r = begin(in, &h)) < 0)
				return r;
		}
		s = in->current;
		n = len - *used < in->left ? len - *used : in->left;
		if ((r = reserve(in, s, n)) < 0)
			return r;
		if (n > 0)
			memcpy(s->data + s->fill, p + *used, n);
		s->fill += n;
		in->left -= n;
		*used += n;
		if (in->left > 0)
			return 0;
		in->current = NULL;
		if (s->fill == s->len)
			break;
	}
	s->partial = false;
	in->lent = s;
	*msg = (struct rtmp_msg){
		.csid = s->csid, .timestamp = s->timestamp, .type = s->type,
		.stream_id = s->stream_id, .len = s->len,
		.data = s->data != NULL ? s->data : (const uint8_t *)"",
	};
	r = obey(in, msg);
	return r < 0 ? r : 1;
}

int
rtmp_aggregate_next(const struct rtmp_msg *all, size_t *pos, uint32_t *base,
    struct rtmp_msg *msg)
{
	const uint8_t *p = all->data + *pos;
	size_t left = all->len - *pos, len;
	uint32_t timestamp;

	if (left == 0)
		return 0;
	if (left < AGGREGATE_HEADER)
		return -EBADMSG;
	len = rtmp_get(p + 1, 3);
	if (left - AGGREGATE_HEADER < len)
		return -EBADMSG;
	timestamp = rtmp_get(p + 4, 3) | (uint32_t)p[7] << 24;
	if (*pos == 0)
		*base = timestamp;
	*msg = (struct rtmp_msg){
		.csid = all->csid, .timestamp = all->timestamp + (timestamp - *base),
		.type = p[0], .stream_id = all->stream_id, .data = p + AGGREGATE_HEADER,
		.len = len,
	};
	*pos += AGGREGATE_HEADER + len;
	/* The back pointer of the last one may be missing. */
	*pos += all->len - *pos < 4 ? all->len - *pos : 4;
	return 1;
}

/* ---- writing */

void
rtmp_out_init(struct rtmp_out *o)
{
	*o = (struct rtmp_out){ .chunk_size = RTMP_CHUNK };
}

void
rtmp_out_free(struct rtmp_out *o)
{
	free(o->data);
	rtmp_out_init(o);
}

int
rtmp_out_bytes(struct rtmp_out *o, const void *p, size_t len)
{
	if (o->pos > 0 && o->size - o->len < len) {
		memmove(o->data, o->data + o->pos, o->len - o->pos);
		o->len -= o->pos;
		o->pos = 0;
	}
	if (o->size - o->len < len) {
		size_t size = (o->len + len) * 2;
		uint8_t *data = realloc(o->data, size);

		if (data == NULL)
			return -ENOMEM;
		o->data = data;
		o->size = size;
	}
	if (len > 0)
		memcpy(o->data + o->len, p, len);
	o->len += len;
	return 0;
}

void
rtmp_out_sent(struct rtmp_out *o, size_t len)
{
	o->pos += len;
	if (o->pos == o->len)
		o->pos = o->len = 0;
}

static size_t
put(uint8_t *p, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	return bytes;
}

static size_t
put_basic(uint8_t *p, unsigned fmt, uint32_t csid)
{
	p[0] = (uint8_t)(fmt << 6 | (csid < 64 ? csid : csid < 320 ? 0u : 1u));
	if (csid < 64)
		return 1;
	p[1] = (uint8_t)(csid - 64);
	p[2] = (uint8_t)((csid - 64) >> 8);
	return csid < 320 ? 2 : 3;
}

/*
 * The header of a message.  Type 3 never begins one: not all readers agree on what it
 * means there.
 */
static size_t
put_header(struct rtmp_out *o, const struct rtmp_msg *m, uint8_t *p, uint32_t *field)
{
	struct rtmp_sent none = { .known = false }, *s = &none;
	unsigned fmt = 0;
	size_t n;

	if (m->csid < sizeof(o->sent) / sizeof(*o->sent))
		s = &o->sent[m->csid];
	if (s->known && s->stream_id == m->stream_id && m->timestamp - s->timestamp < 1u << 31)
		fmt = s->len == m->len && s->type == m->type ? 2 : 1;
	*field = fmt == 0 ? m->timestamp : m->timestamp - s->timestamp;
	n = put_basic(p, fmt, m->csid);
	n += put(p + n, *field < EXTENDED ? *field : EXTENDED, 3);
	if (fmt < 2) {
		n += put(p + n, (uint32_t)m->len, 3);
		p[n++] = m->type;
	}
	if (fmt == 0)
		for (unsigned i = 0; i < 4; i++)
			p[n++] = (uint8_t)(m->stream_id >> 8 * i);
	if (*field >= EXTENDED)
		n += put(p + n, *field, 4);
	*s = (struct rtmp_sent){
		.known = true, .timestamp = m->timestamp, .len = (uint32_t)m->len,
		.stream_id = m->stream_id, .type = m->type,
	};
	return n;
}

int
rtmp_out_put(struct rtmp_out *o, const struct rtmp_msg *m)
{
	uint8_t head[RTMP_HEADER_MAX];
	uint32_t field;
	size_t n, done = 0;

	if (m->len > 0xffffff)
		return -EMSGSIZE;
	n = put_header(o, m, head, &field);
	for (;;) {
		size_t piece = m->len - done;

		if (piece > o->chunk_size)
			piece = o->chunk_size;
		if (rtmp_out_bytes(o, head, n) < 0 ||
		    rtmp_out_bytes(o, m->data + done, piece) < 0)
			return -ENOMEM;
		done += piece;
		if (done == m->len)
			break;
		n = put_basic(head, 3, m->csid);
		if (field >= EXTENDED)
			n += put(head + n, field, 4);
	}
	if (m->type == RTMP_SET_CHUNK_SIZE && m->len >= 4)
		o->chunk_size = rtmp_get(m->data, 4);
	return 0;
}

static int
put_control(struct rtmp_out *o, enum rtmp_type type, const uint8_t *p, size_t len)
{
	return rtmp_out_put(o, &(struct rtmp_msg){
		.csid = 2, .type = (uint8_t)type, .data = p, .len = len,
	});
}

int
rtmp_out_control(struct rtmp_out *o, enum rtmp_type type, uint32_t value)
{
	uint8_t p[4];

	return put_control(o, type, p, put(p, value, 4));
}

int
rtmp_out_bandwidth(struct rtmp_out *o, uint32_t window, uint8_t limit)
{
	uint8_t p[5];

	put(p, window, 4);
	p[4] = limit;
	return put_control(o, RTMP_PEER_BANDWIDTH, p, sizeof(p));
}

int
rtmp_out_event(struct rtmp_out *o, enum rtmp_event event, uint32_t value)
{
	uint8_t p[6];

	put(p, event, 2);
	put(p + 2, value, 4);
	return put_control(o, RTMP_USER_CONTROL, p, sizeof(p));
}
