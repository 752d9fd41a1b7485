#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtp.h"

/* A row or a column: at first while it grows, then until it is due. */
struct group {
	unsigned n;			/* packets in it */
	uint16_t base;
	uint64_t sum;
	uint64_t due;			/* number of the packet that it follows */
	size_t	 len;			/* behind the headers */
	uint8_t	*data;			/* headers, then the XOR */
};

struct fec_enc {
	struct fec_spec spec;
	bool	 started;
	uint16_t next_seq;
	uint32_t timestamp;		/* of the last packet */
	uint64_t n;			/* packets so far */
	uint64_t start;			/* the one that began the first matrix */
	bool	 row_whole, flushing;
	struct group row, column[FEC_L_MAX];
	/* Whole columns, in the order in which they are due; no more than two matrices
	 * can wait. */
	struct group waiting[2 * FEC_L_MAX];
	unsigned first, nwaiting;
	uint8_t	*spare[2 * FEC_L_MAX];
	unsigned nspare;
	uint8_t	 data[];
};

int
fec_enc_new(struct fec_enc **out, const struct fec_spec *spec)
{
	size_t size = (FEC_HEADERS + spec->size + 63) / 64 * 64;
	unsigned nbuf = 1 + 3 * spec->l, i;
	uint8_t *data;
	struct fec_enc *e;

	if (fec_check_matrix(spec->l, spec->d, spec->rows) < 0 || spec->size < RTP_HEADER ||
	    spec->size > UINT16_MAX - FEC_HEADERS)
		return -EINVAL;
	if ((e = malloc(sizeof(*e) + nbuf * size)) == NULL)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	e->spec = *spec;
	data = e->data;
	e->row.data = data;
	for (i = 0; i < spec->l; i++)
		e->column[i].data = data += size;
	for (i = 0; i < 2 * spec->l; i++)
		e->spare[e->nspare++] = data += size;
	*out = e;
	return 0;
}

void
fec_enc_free(struct fec_enc *e)
{
	free(e);
}

static void
add(struct group *g, const uint8_t *p, size_t len)
{
	uint8_t *data = g->data + FEC_HEADERS;
	size_t n = len - RTP_HEADER;

	if (g->n++ == 0) {
		g->base = (uint16_t)(p[2] << 8 | p[3]);
		g->sum = 0;
		g->len = 0;
	}
	g->sum ^= fec_sum(p, len);
	p += RTP_HEADER;
	fec_xor(data, p, n < g->len ? n : g->len);
	if (n > g->len) {
		memcpy(data + g->len, p + g->len, n - g->len);
		g->len = n;
	}
}

static void
begin(struct fec_enc *e)
{
	e->started = true;
	e->start = e->n;
	e->row.n = 0;
	e->row_whole = false;
	for (unsigned i = 0; i < e->spec.l; i++)
		e->column[i].n = 0;
}

/* Column i is whole with packet k of this matrix: when it goes. */
static uint64_t
due(const struct fec_enc *e, unsigned i, uint64_t k)
{
	uint64_t area = (uint64_t)e->spec.l * e->spec.d;

	if (e->spec.staircase)
		return e->n + e->spec.l;
	return e->start + (k / area + 1) * area + (uint64_t)i * e->spec.d;
}

static void
add_column(struct fec_enc *e, const uint8_t *p, size_t len, uint64_t k)
{
	unsigned l = e->spec.l, i = (unsigned)(k % l);
	struct group *g = &e->column[i], *w;

	/* Each column of a staircase begins in a row of its own. */
	if (e->spec.staircase && g->n == 0 && k / l < i % e->spec.d)
		return;
	add(g, p, len);
	if (g->n < e->spec.d)
		return;
	w = &e->waiting[(e->first + e->nwaiting++) % (2 * l)];
	*w = *g;
	w->due = due(e, i, k);
	g->data = e->spare[--e->nspare];
	g->n = 0;
}

int
fec_enc_push(struct fec_enc *e, const uint8_t *p, size_t len)
{
	struct rtp_packet pkt;
	uint64_t k;

	if (len > e->spec.size || rtp_parse(p, len, &pkt) < 0) {
		e->started = false;
		return len > e->spec.size ? -EMSGSIZE : -EBADMSG;
	}
	if (!e->started || pkt.seq != e->next_seq)
		begin(e);
	e->next_seq = (uint16_t)(pkt.seq + 1);
	e->timestamp = pkt.timestamp;
	k = e->n - e->start;
	if (e->spec.rows) {
		if (e->row_whole) {		/* nobody asked for it */
			e->row_whole = false;
			e->row.n = 0;
		}
		add(&e->row, p, len);
		e->row_whole = e->row.n == e->spec.l;
	}
	if (e->nwaiting == 2 * e->spec.l) {	/* the same */
		e->spare[e->nspare++] = e->waiting[e->first].data;
		e->first = (e->first + 1) % (2 * e->spec.l);
		e->nwaiting--;
	}
	add_column(e, p, len, k);
	e->n++;
	return 0;
}

static size_t
finish(struct fec_enc *e, const struct group *g, bool row, const uint8_t **data)
{
	const struct fec_packet f = {
		.row = row, .base = g->base, .offset = (uint8_t)(row ? 1 : e->spec.l),
		.count = (uint8_t)(row ? e->spec.l : e->spec.d), .sum = g->sum,
		.seq = row ? e->spec.seq_row++ : e->spec.seq_column++,
		.timestamp = e->timestamp, .ssrc = e->spec.ssrc, .type = FEC_TYPE,
	};

	fec_put(g->data, &f);
	*data = g->data;
	return FEC_HEADERS + g->len;
}

size_t
fec_enc_pop(struct fec_enc *e, const uint8_t **data, bool *row)
{
	const struct group *w = &e->waiting[e->first];

	if (e->row_whole) {
		e->row_whole = false;
		e->row.n = 0;
		*row = true;
		return finish(e, &e->row, true, data);
	}
	if (e->nwaiting == 0 || (w->due > e->n - 1 && !e->flushing)) {
		e->flushing = false;
		return 0;
	}
	e->spare[e->nspare++] = w->data;
	e->first = (e->first + 1) % (2 * e->spec.l);
	e->nwaiting--;
	*row = false;
	return finish(e, w, false, data);
}

void
fec_enc_flush(struct fec_enc *e)
{
	e->flushing = true;
	e->started = false;
}
