/*
 * fec2022run.h - what the tests of the FEC decoder share: media, links that lose of it, a
 * second decoder that knows only which packets there are, and a run of both.
 *
 * Shape    begin(), send over links with over(), run() or feed dec by hand, end().
 *          Chance is the same everywhere, by the seed of begin().
 * Memory   run_free() at the very end; else end() gives back what a run took.
 * Errors   Without memory a test aborts.
 */
#ifndef FEC2022RUN_H
#define FEC2022RUN_H

#include <stdlib.h>
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022dec.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtp.h"

#define FIRST	((UINT64_C(1) << 32) + 65000)
#define SIZE	1500

/* ---- chance, the same everywhere */

static uint64_t state;

static inline double
chance(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static inline unsigned
below(unsigned n)
{
	return (unsigned)(chance() * n);
}

/* ---- the media: packet i is always the same */

enum kind { SMALL, TS, ODD };

static inline size_t
make_media(enum kind kind, unsigned i, uint8_t p[static SIZE])
{
	static const uint8_t word[8] = { 9 };
	uint8_t body[SIZE];
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	struct rtp_packet pkt = { .type = 33, .seq = (uint16_t)(FIRST + i),
	    .timestamp = i * 190, .ssrc = 0x12345678, .payload = body,
	    .payload_len = kind == TS ? 1316 : 16 };

	if (kind == ODD) {
		pkt.payload_len = x >> 40 & 0x3ff;
		pkt.marker = (x >> 20 & 7) == 0;
		pkt.ext = (x >> 23 & 7) == 0 ? word : NULL;
		pkt.ext_len = pkt.ext != NULL ? 8 : 0;
		pkt.csrc = word;
		pkt.ncsrc = (x >> 26 & 7) == 0;
		pkt.padding = (x >> 29 & 7) == 0 ? 3 : 0;
		pkt.timestamp += (uint32_t)x & 0xffff;
	}
	for (size_t k = 0; k < pkt.payload_len; k += 8) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		memcpy(body + k, &x, 8);
	}
	return (size_t)rtp_put(p, SIZE, &pkt);
}

/* ---- packets for the decoder, counted */

struct packet {
	size_t	 len;
	uint8_t	 data[];
};

static int outstanding;
static bool no_memory;

static inline void *
make(void *ctx, size_t len, uint8_t **data)
{
	struct packet *p = no_memory ? NULL : malloc(sizeof(*p) + len);

	(void)ctx;
	if (p == NULL)
		return NULL;
	outstanding++;
	p->len = len;
	*data = p->data;
	return p;
}

static inline void
drop(void *ctx, void *pkt)
{
	(void)ctx;
	outstanding--;
	free(pkt);
}

static const struct fec_store store = { .make = make, .drop = drop };

static inline struct fec_arrival
arrival(const uint8_t *data, size_t len, unsigned leg)
{
	struct fec_arrival a = { .len = len, .leg = leg };
	uint8_t *p = NULL;

	a.pkt = make(NULL, len, &p);
	memcpy(p, data, len);
	a.data = p;
	return a;
}

/* ---- a link: what is sent over it, in the order in which it comes */

struct item {
	bool	 fec;
	unsigned n, leg;		/* n: number of a media packet */
	double	 at;
	size_t	 len;
	uint8_t	*data;			/* of a FEC packet */
};

struct eq {
	unsigned first, offset, count;
};

static struct item *item;
static struct eq *eq;
static unsigned nitem, neq, sizes;

static inline void
clear(void)
{
	for (unsigned i = 0; i < nitem; i++)
		free(item[i].data);
	nitem = neq = 0;
}

static inline struct item *
put(bool fec, unsigned n, unsigned leg, double at)
{
	if (nitem == sizes) {
		sizes = sizes * 2 + 1024;
		item = realloc(item, sizes * sizeof(*item));
		eq = realloc(eq, sizes * sizeof(*eq));
	}
	item[nitem] = (struct item){ .fec = fec, .n = n, .leg = leg, .at = at };
	return &item[nitem++];
}

struct link {
	unsigned l, d, leg, skip, packets;
	bool	 rows, staircase;
	double	 loss, fec_loss, reorder, duplicate, delay;
	enum kind kind;
};

static bool *known;			/* media packets that came */

/* Send packets from..to over a link. */
static inline void
over(const struct link *k, unsigned from, unsigned to)
{
	const struct fec_spec spec = { .l = k->l, .d = k->d, .rows = k->rows,
	    .staircase = k->staircase, .size = SIZE };
	static uint8_t media[SIZE];
	struct fec_enc *e = NULL;
	const uint8_t *p;
	size_t len;
	bool row;

	if (k->l > 0 && fec_enc_new(&e, &spec) < 0)
		abort();
	for (unsigned i = from; i < to; i++) {
		double at = i + k->delay;

		if (chance() < k->reorder)
			at += chance() * 20;
		if (chance() >= k->loss) {
			known[i] = true;
			put(false, i, k->leg, at);
		}
		if (chance() < k->duplicate && known[i])
			put(false, i, k->leg, at + chance() * 30);
		/* skip: its matrices begin later than those of another leg. */
		if (e == NULL || i < from + k->skip)
			continue;
		len = make_media(k->kind, i, media);
		fec_enc_push(e, media, len);
		while ((len = fec_enc_pop(e, &p, &row)) > 0) {
			struct fec_packet f;
			struct item *it;

			if (chance() < k->fec_loss)
				continue;
			fec_parse(p, len, &f);
			it = put(true, 0, k->leg, at + 0.5 + (chance() < k->reorder ?
			    chance() * 20 : 0));
			it->len = len;
			it->data = malloc(len);
			memcpy(it->data, p, len);
			eq[neq++] = (struct eq){ i - (uint16_t)((uint16_t)(FIRST + i) - f.base),
			    f.offset, f.count };
		}
	}
	fec_enc_free(e);
}

static inline int
by_time(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* ---- the second decoder: sets of packets, over and over until nothing changes */

static inline void
fixpoint(bool *have)
{
	bool again = true;

	while (again) {
		again = false;
		for (unsigned i = 0; i < neq; i++) {
			unsigned missing = 0, which = 0;

			for (unsigned k = 0; k < eq[i].count; k++)
				if (!have[eq[i].first + k * eq[i].offset]) {
					which = eq[i].first + k * eq[i].offset;
					missing++;
				}
			if (missing == 1)
				have[which] = again = true;
		}
	}
}

/* ---- a run: the items in order through the decoder */

struct outcome {
	unsigned wrong;			/* packets that are not what was sent */
	unsigned differ;		/* from the second decoder */
	unsigned missing, recovered;
};

static struct fec_dec *dec;

static inline void
look(unsigned i, enum kind kind, const bool *have, struct outcome *o)
{
	const struct fec_slot *s = fec_dec_find(dec, FIRST + i);
	uint8_t media[SIZE];
	size_t len;

	if (s == NULL || s->pkt == NULL) {
		o->missing++;
		o->differ += have[i];
		return;
	}
	o->differ += !have[i];
	o->recovered += s->how == FEC_BY_ROW || s->how == FEC_BY_COLUMN;
	/* It may have been recovered first, and come after that. */
	o->wrong += (s->how == FEC_RECEIVED && !known[i]) || (s->legs != 0) != known[i];
	len = make_media(kind, i, media);
	o->wrong += s->len != len || memcmp(s->data, media, len) != 0;
}

/* Each packet is looked at as it is about to leave the window. */
static inline struct outcome
run(enum kind kind, unsigned packets, unsigned slots, unsigned reorder)
{
	struct outcome o = { 0 };
	bool *have = malloc(packets);
	uint8_t media[SIZE];
	unsigned done = 0;

	memcpy(have, known, packets);
	fixpoint(have);
	qsort(item, nitem, sizeof(*item), by_time);
	if (fec_dec_new(&dec, slots, reorder, &store) < 0)
		abort();
	for (unsigned i = 0; i < nitem; i++) {
		const struct item *it = &item[i];
		struct fec_arrival a;

		if (it->fec) {
			a = arrival(it->data, it->len, it->leg);
			if (fec_dec_fec(dec, &a) < 0)
				o.wrong++;
			continue;
		}
		while (it->n >= done + slots * 5 / 8)
			look(done++, kind, have, &o);
		a = arrival(media, make_media(kind, it->n, media), it->leg);
		fec_dec_media(dec, FIRST + it->n, &a);
	}
	fec_dec_settle(dec, FIRST + packets, 0);
	while (done < packets)
		look(done++, kind, have, &o);
	free(have);
	return o;
}

static inline void
end(void)
{
	fec_dec_free(dec);
	dec = NULL;
	clear();
}

static inline void
begin(unsigned packets, uint64_t seed)
{
	state = seed;
	known = realloc(known, packets);
	memset(known, 0, packets);
}

static inline void
run_free(void)
{
	free(item);
	free(eq);
	free(known);
}

#endif
