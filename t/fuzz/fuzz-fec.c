/*
 * Media and FEC packets in any order, six bytes each: true sums, made up ones, damaged
 * ones, jumps.  Everything is accounted for and given back, no more is held than there
 * are slots; and as long as all sums are true, so is every packet that is recovered.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022dec.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtp.h"

#define SLOTS	64
#define FIRST	((UINT64_C(1) << 32) + 65500)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void *
make(void *ctx, size_t len, uint8_t **data)
{
	++*(int *)ctx;
	return *data = malloc(len);
}

static void
drop(void *ctx, void *pkt)
{
	--*(int *)ctx;
	free(pkt);
}

static size_t
media_at(uint64_t seq, uint8_t p[static 64])
{
	size_t len = RTP_HEADER + seq % 41;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(seq * 31 + i * i);
	p[0] = 0x80;
	p[1] = (uint8_t)(33 | (seq % 5 == 0 ? 0x80 : 0));
	p[2] = (uint8_t)(seq >> 8);
	p[3] = (uint8_t)seq;
	p[4] = p[5] = 0;
	memset(p + 8, 0, 4);
	return len;
}

static struct fec_arrival
arrival(int *held, const uint8_t *data, size_t len, unsigned leg)
{
	struct fec_arrival a = { .len = len, .leg = leg };
	uint8_t *p;

	a.pkt = make(held, len > 0 ? len : 1, &p);
	if (a.pkt == NULL)
		abort();
	memcpy(p, data, len);
	a.data = p;
	return a;
}

/* The sum of the media that b describes. */
static size_t
true_sum(uint64_t at, const uint8_t *b, uint8_t p[static 128])
{
	struct fec_packet f = { .base = (uint16_t)at, .row = b[3] & 1, .type = FEC_TYPE,
	    .offset = (uint8_t)(b[3] & 1 ? 1 : 1 + b[4] % 20), .count = (uint8_t)(1 + b[5] % 20) };
	uint8_t media[64];

	memset(p, 0, 128);
	for (unsigned i = 0; i < f.count; i++) {
		size_t len = media_at(at + (uint64_t)i * f.offset, media);

		f.sum ^= fec_sum(media, len);
		fec_xor(p + FEC_HEADERS, media + RTP_HEADER, len - RTP_HEADER);
		if (len - RTP_HEADER > f.len)
			f.len = len - RTP_HEADER;
	}
	fec_put(p, &f);
	return FEC_HEADERS + f.len;
}

static void
check(const struct fec_dec *d, int held, uint64_t in, uint64_t bad_fec, bool all_true)
{
	uint64_t rest = d->fec_late + d->fec_beyond + d->fec_dropped + d->fec_unused +
	    d->implausible + d->no_memory, fec = 0;
	uint8_t media[64];
	int have = 0;

	for (unsigned i = 0; i < FEC_DEC_LEGS; i++) {
		const struct fec_dec_leg *l = &d->leg[i];

		fec += l->rows + l->columns;
		rest += l->by_row + l->by_column + l->good + l->bad;
	}
	for (uint64_t seq = fec_dec_oldest(d); seq < fec_dec_oldest(d) + SLOTS; seq++) {
		const struct fec_slot *s = fec_dec_find(d, seq);
		struct rtp_packet pkt;

		if (s == NULL || s->pkt == NULL)
			continue;
		have++;
		if (rtp_parse(s->data, s->len, &pkt) < 0 || pkt.seq != (uint16_t)seq)
			abort();
		if (all_true && (s->len != media_at(seq, media) ||
		    memcmp(s->data, media, s->len) != 0))
			abort();
	}
	if (held < have || held > have + SLOTS + FEC_DEC_EARLY || rest + (uint64_t)(held - have) != fec)
		abort();
	if (fec + bad_fec + d->received + d->duplicates + d->late + d->refused != in ||
	    (all_true && d->implausible + d->mismatches > 0))
		abort();
}

/* Whatever is sent, what is made of it can be read, and is not too long. */
static void
protect(struct fec_enc *e, const uint8_t *p, size_t n)
{
	const uint8_t *made;
	struct fec_packet f;
	unsigned count = 0;
	size_t len;
	bool row;

	fec_enc_push(e, p, n);
	while ((len = fec_enc_pop(e, &made, &row)) > 0)
		if (++count > 2 || fec_parse(made, len, &f) < 0 || f.row != row ||
		    f.len > 60 - RTP_HEADER || f.count != 4)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct fec_spec spec = { .l = 4, .d = 4, .rows = true, .size = 60,
	    .staircase = len % 2 };
	struct fec_enc *e;
	int held = 0;
	const struct fec_store store = { .ctx = &held, .make = make, .drop = drop };
	uint64_t at = FIRST, in = 0, bad = 0, seq;
	bool all_true = true;
	struct fec_dec *d;

	if (fec_enc_new(&e, &spec) < 0 || fec_dec_new(&d, SLOTS, (unsigned)(len % 17), &store) < 0)
		abort();
	for (; len >= 6; data += 6, len -= 6) {
		unsigned leg = data[1] % 9;
		struct fec_arrival a;
		uint8_t p[128];
		size_t n;

		seq = at + (uint64_t)(int64_t)(int8_t)data[2];
		in++;
		switch (data[0] % 6) {
		case 0:
			at++;
			/* fall through */
		case 1:
			a = arrival(&held, p, media_at(data[0] % 6 == 0 ? at : seq, p), leg);
			protect(e, a.data, a.len);
			fec_dec_media(d, data[0] % 6 == 0 ? at : seq, &a);
			break;
		case 2:
			a = arrival(&held, p, true_sum(seq, data, p), leg);
			bad += fec_dec_fec(d, &a) < 0;
			break;
		case 3:
			n = true_sum(seq, data, p);
			p[data[4] % n] ^= data[5];
			all_true = all_true && data[5] == 0;
			a = arrival(&held, p, n, leg);
			bad += fec_dec_fec(d, &a) < 0;
			break;
		case 4:
			n = len < 60 ? len : 60;
			a = arrival(&held, data, n, leg);
			protect(e, data, n);
			all_true = false;
			if (data[1] & 0x80)
				bad += fec_dec_fec(d, &a) < 0;
			else
				fec_dec_media(d, seq, &a);
			break;
		default:
			in--;
			if (data[1] < 150)
				at += data[2];
			else if (data[1] < 200)
				fec_dec_settle(d, seq, 0);
			else
				fec_dec_reset(d);
		}
		check(d, held, in, bad, all_true);
	}
	fec_dec_free(d);
	fec_enc_free(e);
	if (held != 0)
		abort();
	return 0;
}
