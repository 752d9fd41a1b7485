/*
 * The decoder and what is no sum of the media, sums made by hand, reordering, streams
 * that begin anew, and the edges of its window.
 */
#include <errno.h>

#include "t/tap.h"
#include "t/unit/fec2022run.h"

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

/* Over another port FEC can be faster than the first packet of the media. */
static void
test_early(void)
{
	const struct fec_spec spec = { .l = 5, .d = 5, .rows = true, .size = SIZE };
	uint8_t media[SIZE];
	unsigned there = 0;
	struct fec_enc *e;
	struct fec_arrival a;
	const uint8_t *p;
	size_t len;
	bool row;

	if (fec_dec_new(&dec, 512, 64, &store) < 0 || fec_enc_new(&e, &spec) < 0)
		abort();
	for (unsigned i = 0; i < 100; i++) {
		fec_enc_push(e, media, make_media(SMALL, i, media));
		while ((len = fec_enc_pop(e, &p, &row)) > 0) {
			a = arrival(p, len, 0);
			fec_dec_fec(dec, &a);
		}
	}
	for (unsigned i = 0; i < 100; i++)
		if (i % 10 != 3)
			send_media(i);
	fec_dec_settle(dec, FIRST + 99, 0);
	for (unsigned i = 0; i < 75; i++)
		there += fec_dec_find(dec, FIRST + i)->pkt != NULL;
	is((int)there, 75, "FEC before any media is of use");
	is((int)(dec->nearly + dec->fec_beyond), 0, "all of it");
	fec_enc_free(e);
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
	for (unsigned i = 0; i <= FEC_DEC_EARLY; i++) {
		a = arrival(fec, 28, 0);
		n += fec_dec_fec(dec, &a) == 0;
	}
	is((int)n, FEC_DEC_EARLY + 1, "FEC before any media");
	is((int)dec->nearly, FEC_DEC_EARLY, "waits for it");
	is((int)dec->fec_beyond, 1, "and makes room for what comes");
	n = 0;
	a = arrival(fec, 20, 0);
	is(fec_dec_fec(dec, &a), -EBADMSG, "what is no FEC");
	a = arrival(fec, 28, FEC_DEC_LEGS);
	is(fec_dec_fec(dec, &a), -EINVAL, "a leg more than there can be");
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
	is((int)dec->fec_beyond, FEC_DEC_EARLY + 2, "a matrix of 255 x 255 does not fit");
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
	test_early();
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
	run_free();
	return done_testing();
}
