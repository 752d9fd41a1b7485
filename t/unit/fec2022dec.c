/*
 * The decoder: against a second one that knows only which packets there are, packet by
 * packet; against the bounds of the code; with reordering, duplicates, several legs,
 * matrices that change, and sums that are none.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022dec.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtp.h"
#include "t/tap.h"

#define FIRST	((UINT64_C(1) << 32) + 65000)
#define SIZE	1500

/* ---- chance, the same everywhere */

static uint64_t state;

static double
chance(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static unsigned
below(unsigned n)
{
	return (unsigned)(chance() * n);
}

/* ---- the media: packet i is always the same */

enum kind { SMALL, TS, ODD };

static size_t
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

static void *
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

static void
drop(void *ctx, void *pkt)
{
	(void)ctx;
	outstanding--;
	free(pkt);
}

static const struct fec_store store = { .make = make, .drop = drop };

static struct fec_arrival
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

static void
clear(void)
{
	for (unsigned i = 0; i < nitem; i++)
		free(item[i].data);
	nitem = neq = 0;
}

static struct item *
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
static void
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

static int
by_time(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* ---- the second decoder: sets of packets, over and over until nothing changes */

static void
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

static void
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
static struct outcome
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

static void
end(void)
{
	fec_dec_free(dec);
	dec = NULL;
	clear();
}

static void
begin(unsigned packets, uint64_t seed)
{
	state = seed;
	known = realloc(known, packets);
	memset(known, 0, packets);
}

/* ---- bounds */

/* Missing packets of each matrix: their mean, and how far off the mean of so many is. */
static void
spread(const bool *have, unsigned packets, unsigned area, double *mean, double *error)
{
	double sum = 0, square = 0;
	unsigned n = packets / area;

	for (unsigned m = 0; m < n; m++) {
		unsigned missing = 0;

		for (unsigned i = 0; i < area; i++)
			missing += !have[m * area + i];
		sum += missing;
		square += (double)missing * missing;
	}
	*mean = sum / n / area;
	*error = sqrt((square / n - sum / n * (sum / n)) / n) / area;
}

/* want: what a simulation of the code alone gave, to two digits, or a formula. */
static void
bound(const struct link *k, unsigned legs, unsigned packets, double want)
{
	unsigned area = k->l * k->d;
	struct outcome o;
	bool *have = malloc(packets);
	double mean, error;

	begin(packets, 1000 * k->l + 10 * k->d + (uint64_t)(k->loss * 100) + k->rows);
	for (unsigned leg = 0; leg < legs; leg++) {
		struct link other = *k;

		other.leg = leg;
		other.delay = leg * 7.25;
		over(&other, 0, packets);
	}
	memcpy(have, known, packets);
	fixpoint(have);
	spread(have, packets, area, &mean, &error);
	o = run(k->kind, packets, 1024, 0);
	ok(o.wrong == 0 && o.differ == 0, "%u x %u%s, %g %% lost%s: %u recovered, %u wrong, "
	    "%u not as the code allows", k->l, k->d, k->rows ? "" : ", columns only",
	    k->loss * 100, legs > 1 ? " on both legs" : "", o.recovered, o.wrong, o.differ);
	ok(fabs(mean - want) <= 4 * error + want * 0.05 + 1e-6,
	    "and %.2e remain, of %.2e +- %.1e", mean, want, error);
	free(have);
	end();
}

static void
test_bounds(void)
{
	static const struct {
		unsigned l, d;
		double loss, want;
	} both[] = {
		{ 5, 5, 0.01, 0 }, { 5, 5, 0.05, 1.2e-4 }, { 5, 5, 0.1, 1.8e-3 },
		{ 5, 5, 0.2, 2.6e-2 },
		{ 10, 10, 0.01, 0 }, { 10, 10, 0.05, 4.7e-4 }, { 10, 10, 0.1, 1.0e-2 },
		{ 10, 10, 0.2, 1.2e-1 },
		{ 20, 5, 0.01, 0 }, { 20, 5, 0.05, 5.6e-4 }, { 20, 5, 0.1, 9.1e-3 },
		{ 20, 5, 0.2, 9.8e-2 },
	};

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		bound(&(struct link){ .l = both[i].l, .d = both[i].d, .rows = true,
		    .loss = both[i].loss }, 1, both[i].loss < 0.1 ? 400000 : 100000,
		    both[i].want);
	/* A lost packet stays so unless it is the only one of its column. */
	for (unsigned d = 5; d <= 20; d *= 2)
		for (double p = 0.05; p < 0.25; p *= 2)
			bound(&(struct link){ .l = 5, .d = d, .loss = p }, 1, 100000,
			    p * (1 - pow(1 - p, d - 1)));
	/* Two legs lose p^2, and the FEC of both is for what both lose. */
	bound(&(struct link){ .l = 5, .d = 5, .rows = true, .loss = 0.2 }, 2, 400000, 6.4e-5);
	bound(&(struct link){ .l = 5, .d = 5, .rows = true, .loss = 0.3 }, 2, 400000, 1.1e-3);
}

/* Without FEC two legs lose what both lose. */
static void
test_legs(void)
{
	for (double p = 0.01; p < 0.3; p *= 2) {
		unsigned packets = 200000;
		struct outcome o;
		double limit = 4 * sqrt(p * p * (1 - p * p) / packets);

		begin(packets, (uint64_t)(p * 1000));
		over(&(struct link){ .loss = p }, 0, packets);
		over(&(struct link){ .loss = p, .leg = 1, .delay = 30, .reorder = 0.1 }, 0,
		    packets);
		o = run(SMALL, packets, 512, 32);
		ok(o.wrong == 0 && fabs((double)o.missing / packets - p * p) < limit,
		    "two legs, each without %g: %.2e missing, of %.2e +- %.0e", p,
		    (double)o.missing / packets, p * p, limit);
		is(dec->received + dec->duplicates + dec->late, nitem, "all counted");
		end();
	}
}

/* ---- anything at once, with fixed seeds */

static void
test_random(void)
{
	unsigned bad = 0, recovered = 0, missing = 0, unneeded = 0, leaks = 0, changes = 0;
	const unsigned runs = 300, packets = 3000;

	for (unsigned r = 0; r < runs; r++) {
		struct outcome o;
		enum kind kind = r % 3;

		begin(packets, r);
		for (unsigned leg = 0; leg < 1 + r % 3; leg++) {
			struct link k = { .leg = leg, .kind = kind, .rows = below(3) != 0,
			    .loss = chance() * 0.2, .fec_loss = chance() * 0.3,
			    .reorder = chance() * 0.3, .duplicate = chance() * 0.1,
			    .delay = leg * chance() * 100, .staircase = below(2) };
			unsigned from = 0;

			while (from < packets) {
				unsigned to = from + 300 + below(2000);

				/* The matrix changes on the way. */
				do {
					k.l = 4 + below(17);
					k.d = 4 + below(17);
				} while (k.l * k.d > 100);
				k.skip = below(30);
				over(&k, from, to < packets ? to : packets);
				from = to;
				if (below(3) == 0)
					k.staircase = !k.staircase;
			}
		}
		o = run(kind, packets, 1024, r % 2 ? 0 : below(130));
		if (o.wrong > 0 || o.differ > 0) {
			bad++;
			printf("# run %u: %u wrong, %u differ, %u missing\n", r, o.wrong, o.differ,
			    o.missing);
		}
		if (dec->mismatches + dec->implausible + dec->leg[0].bad > 0) {
			bad++;
			printf("# run %u: suspicions without a reason\n", r);
		}
		recovered += o.recovered;
		missing += o.missing;
		unneeded += (unsigned)dec->unneeded;
		changes += (unsigned)dec->leg[0].changes;
		end();
		leaks += outstanding != 0;
	}
	is(bad, 0, "%u runs of 1 to 3 legs: all that can be recovered is, and nothing else",
	    runs);
	ok(recovered > 50000 && missing > 100 && unneeded > 1000 && changes > 500,
	    "%u recovered, %u missing, %u came later, %u changes of the matrix", recovered,
	    missing, unneeded, changes);
	is(leaks, 0, "all packets are given back");
}

/* ---- what is no sum of the media */

/*
 * FEC of a stream that looks the same but for its bytes, or its timestamps as well, from
 * a packet to another.
 */
static void
test_foreign(bool stamps, unsigned from, unsigned to, unsigned allowed, const char *what)
{
	const struct fec_spec spec = { .l = 5, .d = 5, .rows = true, .size = SIZE };
	unsigned wrong = 0, within = 0, outside = 0;
	struct fec_enc *e;
	const uint8_t *p;
	uint8_t media[SIZE];
	size_t len, n;
	bool row;

	state = 5;
	if (fec_dec_new(&dec, 512, 0, &store) < 0 || fec_enc_new(&e, &spec) < 0)
		abort();
	for (unsigned i = 0; i < 4400; i++) {
		const struct fec_slot *s = i < 400 ? NULL : fec_dec_find(dec, FIRST + i - 400);
		struct fec_arrival a;

		if (s != NULL && s->pkt != NULL && s->how != FEC_RECEIVED) {
			n = make_media(SMALL, i - 400, media);
			wrong += s->len != n || memcmp(s->data, media, n) != 0;
			if (i - 400 >= from && i - 400 < to)
				within++;
			else
				outside++;
		}
		len = make_media(SMALL, i, media);
		if (chance() > 0.03) {
			a = arrival(media, len, 0);
			fec_dec_media(dec, FIRST + i, &a);
		}
		if (i >= from && i < to) {
			if (stamps)
				media[5] ^= (uint8_t)(i % 7 + 1);
			media[12 + i % 16] ^= 0x5a;
		}
		fec_enc_push(e, media, len);
		while ((n = fec_enc_pop(e, &p, &row)) > 0) {
			a = arrival(p, n, 0);
			fec_dec_fec(dec, &a);
		}
	}
	ok(wrong <= allowed, "%s: %u wrong packets", what, wrong);
	ok(dec->leg[0].bad > 0 && within < 10 && outside > 70,
	    "noticed %d times, and over with it: %u recovered meanwhile, %u outside",
	    (int)dec->leg[0].bad, within, outside);
	fec_enc_free(e);
	end();
}

/* The source starts again with numbers it had, and FEC of before is still on its way. */
static void
test_reset(void)
{
	const struct fec_spec spec = { .l = 5, .d = 5, .size = SIZE };
	unsigned wrong = 0, recovered = 0;
	uint8_t media[SIZE];
	struct fec_enc *e[2];
	struct fec_arrival a;
	const uint8_t *p;
	size_t len;
	bool row;

	if (fec_dec_new(&dec, 256, 0, &store) < 0 || fec_enc_new(&e[0], &spec) < 0 ||
	    fec_enc_new(&e[1], &spec) < 0)
		abort();
	for (unsigned i = 0; i < 200; i++) {
		if (i == 100)
			fec_dec_reset(dec);
		len = make_media(SMALL, i % 100, media);
		if (i >= 100)
			media[len - 1] ^= 0x77;
		fec_enc_push(e[i / 100], media, len);
		if (i % 13 != 7) {
			a = arrival(media, len, 0);
			fec_dec_media(dec, FIRST + i % 100, &a);
		}
		/* All of the first is later by a hundred. */
		for (unsigned k = 0; k < 2 && i >= 100; k++) {
			while ((len = fec_enc_pop(e[k], &p, &row)) > 0) {
				a = arrival(p, len, 0);
				fec_dec_fec(dec, &a);
			}
			fec_enc_flush(e[0]);
		}
	}
	for (unsigned i = 0; i < 100; i++) {
		const struct fec_slot *s = fec_dec_find(dec, FIRST + i);

		if (s == NULL || s->how != FEC_BY_COLUMN)
			continue;
		len = make_media(SMALL, i, media);
		media[len - 1] ^= 0x77;
		recovered++;
		wrong += s->len != len || memcmp(s->data, media, len) != 0;
	}
	ok(wrong == 0 && recovered > 3, "old FEC after a new start: %u wrong packets of %u", wrong,
	    recovered);
	fec_enc_free(e[0]);
	fec_enc_free(e[1]);
	end();
}

/* ---- sums made by hand */

static void
send_media(unsigned i)
{
	uint8_t media[SIZE];
	struct fec_arrival a = arrival(media, make_media(SMALL, i, media), 0);

	fec_dec_media(dec, FIRST + i, &a);
}

static size_t cut;

/* The sum of packets first, first + offset ..., but for byte at, and less cut bytes. */
static void
send_sum(unsigned first, unsigned offset, unsigned count, size_t at, uint8_t change)
{
	uint8_t p[FEC_HEADERS + 16] = { 0 }, media[SIZE];
	struct fec_packet f = { .base = (uint16_t)(FIRST + first),
	    .offset = (uint8_t)offset, .count = (uint8_t)count, .type = FEC_TYPE };
	struct fec_arrival a;

	for (unsigned i = 0; i < count; i++) {
		size_t len = make_media(SMALL, first + i * offset, media);

		f.sum ^= fec_sum(media, len);
		fec_xor(p + FEC_HEADERS, media + 12, 16);
	}
	fec_put(p, &f);
	p[at] ^= change;
	a = arrival(p, sizeof(p) - cut, 0);
	fec_dec_fec(dec, &a);
}

static enum fec_how
how(unsigned i)
{
	return fec_dec_find(dec, FIRST + i)->how;
}

static const struct {
	size_t	 at;
	uint8_t	 change;
	bool	 good;
	const char *what;
} sums[] = {
	{ 0, 0, true, "a true sum" },
	{ 15, 16, false, "a length of 0, and data" },
	{ 15, 32, false, "a length beyond the data" },
	{ 15, 4, false, "a length before the end of the data" },
	{ 16, 1, false, "another payload type" },
	{ 0, 0x10, false, "an extension that is longer than the packet" },
	{ 20, 0x80, false, "a timestamp of half a day ago" },
	{ 21, 0x20, false, "a timestamp of half a minute ago" },
};

static void
test_implausible(void)
{
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		if (fec_dec_new(&dec, 64, 0, &store) < 0)
			abort();
		for (unsigned k = 0; k < 12; k++)
			if (k != 9)
				send_media(k);
		send_sum(0, 1, 4, 0, 0);
		send_sum(8, 1, 4, sums[i].at, sums[i].change);
		ok(how(9) == (sums[i].good ? FEC_BY_COLUMN : FEC_MISSING) &&
		    dec->implausible == !sums[i].good &&
		    dec->leg[0].need == (sums[i].good ? 0 : FEC_DEC_PROOF), "%s", sums[i].what);
		end();
	}
}

static void
test_suspect(void)
{
	if (fec_dec_new(&dec, 64, 0, &store) < 0)
		abort();
	for (unsigned k = 0; k < 12; k++)
		if (k != 9)
			send_media(k);
	send_sum(8, 1, 4, 0, 0);
	is(how(9), FEC_MISSING, "the first sum has to wait");
	send_sum(0, 1, 4, 0, 0);
	is(how(9), FEC_BY_COLUMN, "for one that is whole");
	end();
	if (fec_dec_new(&dec, 64, 0, &store) < 0)
		abort();
	for (unsigned k = 0; k < 12; k++)
		send_media(k);
	cut = 4;
	send_sum(0, 1, 4, 0, 0);
	cut = 0;
	is(dec->leg[0].bad, 1, "one that is shorter than its packets is none");
	end();
	if (fec_dec_new(&dec, 64, 0, &store) < 0)
		abort();
	for (unsigned k = 0; k < 30; k++)
		if (k < 9 || k > 12)
			send_media(k);
	send_sum(10, 1, 4, 30, 1);
	is(how(10), FEC_MISSING, "of a false sum three are missing");
	send_sum(0, 1, 4, 0, 0);
	send_sum(14, 1, 4, 20, 1);
	is(dec->leg[0].bad, 1, "another false one is whole");
	send_sum(6, 1, 4, 0, 0);
	is(how(9), FEC_MISSING, "then a true one is not used");
	send_media(11);
	send_media(12);
	for (unsigned i = 0; i < FEC_DEC_PROOF; i++)
		send_sum(i / 2 % 3, 1 + i % 2, 4, 0, 0);
	is(dec->leg[0].need, 0, "eight that are true, and it is trusted again");
	ok(how(10) == FEC_MISSING && how(9) == FEC_MISSING,
	    "but nothing is used that came before");
	send_sum(6, 1, 4, 0, 0);
	is(how(9), FEC_BY_COLUMN, "and all that comes now");
	fec_dec_reset(dec);
	ok(dec->leg[0].need == 1 && dec->leg[0].suspect, "after a new start one is enough");
	for (unsigned k = 0; k < 12; k++)
		if (k != 9)
			send_media(k);
	send_sum(8, 1, 4, 30, 1);
	send_sum(0, 1, 4, 0, 0);
	is(how(9), FEC_MISSING, "but it comes first");
	end();
}

/* What may still come is not recovered before it had the time to. */
static void
test_reorder(void)
{
	if (fec_dec_new(&dec, 64, 2, &store) < 0)
		abort();
	for (unsigned k = 0; k < 7; k++)
		send_media(k);
	send_sum(0, 1, 4, 0, 0);
	send_sum(4, 1, 4, 0, 0);
	is(how(7), FEC_MISSING, "the row is there before its last packet");
	send_media(8);
	send_media(9);
	is(how(7), FEC_MISSING, "two others may be before it");
	send_media(10);
	is(how(7), FEC_BY_COLUMN, "with the third it is late");
	send_media(7);
	is(dec->unneeded, 1, "and can still come");
	send_sum(8, 1, 4, 0, 0);
	is(how(11), FEC_MISSING, "at the end");
	fec_dec_settle(dec, FIRST + 10, 0);
	is(how(11), FEC_MISSING, "nothing else comes");
	fec_dec_settle(dec, FIRST + 11, 77);
	ok(how(11) == FEC_BY_COLUMN && fec_dec_find(dec, FIRST + 11)->arrival_ns == 77,
	    "so it is asked for");
	end();
}

/* One packet of each leg is not the same. */
static void
test_mismatch(void)
{
	uint8_t media[SIZE];
	struct fec_arrival a;

	if (fec_dec_new(&dec, 64, 0, &store) < 0)
		abort();
	for (unsigned i = 0; i < 30; i++) {
		size_t len = make_media(SMALL, i, media);

		a = arrival(media, len, 0);
		is(fec_dec_media(dec, FIRST + i, &a), FEC_DEC_NEW, "first leg");
		media[8] ^= 1;			/* another SSRC is no mismatch */
		if (i % 10 == 0)
			media[len - 1] ^= 1;
		a = arrival(media, len, 1);
		is(fec_dec_media(dec, FIRST + i, &a), FEC_DEC_DUPLICATE, "second leg");
		is(fec_dec_find(dec, FIRST + i)->legs, 3, "both brought it");
	}
	is(dec->mismatches, 3, "three differ");
	end();
}

/* ---- the edges */

static void
test_edges(void)
{
	static const uint8_t fec[28] = { 0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    65001 >> 8, 65001 & 0xff, 0, 16, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 0 };
	const struct fec_slot *s;
	struct fec_arrival a;
	uint8_t media[SIZE], p[28];
	unsigned n = 0;

	is(fec_dec_new(&dec, 100, 0, &store), -EINVAL, "slots are a power of two");
	is(fec_dec_new(&dec, 32, 0, &store), -EINVAL, "and not too few");
	is(fec_dec_new(&dec, 65536, 0, &store), -EINVAL, "nor as many as there are numbers");
	is(fec_dec_new(&dec, 64, 0, &store), 0, "64");
	a = arrival(fec, 28, 0);
	is(fec_dec_fec(dec, &a), 0, "FEC before any media");
	is(dec->fec_beyond, 1, "is of no use");
	a = arrival(fec, 20, 0);
	is(fec_dec_fec(dec, &a), -EBADMSG, "what is no FEC");
	a = arrival(fec, 28, 8);
	is(fec_dec_fec(dec, &a), -EINVAL, "a ninth leg");
	a = arrival(fec, 5, 0);
	is(fec_dec_media(dec, FIRST, &a), FEC_DEC_REFUSED, "what is no RTP");
	a = arrival(media, make_media(TS, 0, media), 0);
	is(fec_dec_media(dec, FIRST, &a), FEC_DEC_NEW, "a packet");
	is(fec_dec_oldest(dec), FIRST - 63, "the window is before it");
	ok(fec_dec_find(dec, FIRST + 1) == NULL && fec_dec_find(dec, FIRST - 64) == NULL &&
	    fec_dec_find(dec, FIRST - 63)->how == FEC_MISSING &&
	    fec_dec_find(dec, FIRST)->how == FEC_RECEIVED, "and has just it");
	a = arrival(media, make_media(TS, 100, media), 0);
	fec_dec_media(dec, FIRST + 100, &a);
	ok(fec_dec_find(dec, FIRST) == NULL, "one far ahead ends it");
	a = arrival(media, make_media(TS, 10, media), 0);
	is(fec_dec_media(dec, FIRST + 10, &a), FEC_DEC_LATE, "and makes others late");
	memcpy(p, fec, 28);
	p[25] = p[26] = 255;
	a = arrival(p, 28, 0);
	fec_dec_fec(dec, &a);
	is(dec->fec_beyond, 2, "a matrix of 255 x 255 does not fit");
	a = arrival(fec, 28, 0);
	fec_dec_fec(dec, &a);
	is(dec->fec_late, 1, "FEC of what has gone");
	/* More sums than there is room for: each lacks all its packets but one. */
	for (unsigned i = 0; i < 300; i++) {
		uint16_t base = (uint16_t)(FIRST + 70 + i % 25);

		memcpy(p, fec, 28);
		p[12] = (uint8_t)(base >> 8);
		p[13] = (uint8_t)base;
		p[25] = (uint8_t)(1 + i % 3);
		p[26] = (uint8_t)(4 + i % 5);
		a = arrival(p, 28, 0);
		fec_dec_fec(dec, &a);
	}
	is(dec->fec_dropped, 300 - 64, "the oldest make room");
	is(outstanding, 64 + 1, "no more than 64 are held");
	fec_dec_reset(dec);
	is(outstanding, 0, "none after a reset");

	/* A column in which one is missing, when there is no memory. */
	no_memory = false;
	for (unsigned i = 0; i < 64; i++) {
		const struct fec_spec spec = { .l = 1, .d = 4, .size = SIZE };
		static struct fec_enc *e;
		const uint8_t *out;
		size_t len = make_media(TS, i, media);
		bool row;

		if (i == 0 && fec_enc_new(&e, &spec) < 0)
			abort();
		if (i % 8 != 5) {
			a = arrival(media, len, 0);
			fec_dec_media(dec, FIRST + i, &a);
		}
		fec_enc_push(e, media, len);
		while ((len = fec_enc_pop(e, &out, &row)) > 0) {
			a = arrival(out, len, 0);
			no_memory = n++ < 2;
			fec_dec_fec(dec, &a);
			no_memory = false;
		}
		if (i == 63)
			fec_enc_free(e);
	}
	s = fec_dec_find(dec, FIRST + 5);
	ok(dec->no_memory == 1 && s->how == FEC_MISSING, "without memory it stays so");
	s = fec_dec_find(dec, FIRST + 21);
	ok(s->how == FEC_BY_COLUMN && s->leg == 0 && s->legs == 0,
	    "with memory it comes, by a column of this leg");
	ok(dec->leg[0].l == 1 && dec->leg[0].d == 4 && dec->leg[0].by_column == 6,
	    "which is 1 x 4, and did so %d times", (int)dec->leg[0].by_column);
	end();
	is(outstanding, 0, "all is given back");
}

int
main(void)
{
	test_edges();
	test_mismatch();
	test_foreign(true, 0, 1000, 0, "FEC of another stream at first");
	test_foreign(false, 0, 1000, 0, "FEC of other bytes at first");
	test_foreign(true, 1000, 2000, 0, "FEC of another stream in between");
	test_foreign(false, 1000, 2000, 1, "FEC of other bytes in between");
	test_reset();
	test_implausible();
	test_suspect();
	test_reorder();
	test_legs();
	test_bounds();
	test_random();
	free(item);
	free(eq);
	free(known);
	return done_testing();
}
