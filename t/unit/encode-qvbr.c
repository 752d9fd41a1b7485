/* QVBR: logarithms, levels, and the outer loop around an encoder made of one formula. */
#include <string.h>

#include "encode/doubling.c"
#include "encode/quality.c"
#include "encode/qvbr.c"
#include "t/tap.h"

static void
test_doublings(void)
{
	is(doublings(8, 1), 3000, "8 is three doublings of 1");
	is(doublings(1, 8), -3000, "and 1 of 8 the other way");
	is(doublings(3, 2), 584, "3 to 2");
	is(doublings(INT64_MAX, INT64_MAX - 1), 0, "the largest");
	is(doubled(1000, 3000), 8000, "1000 doubled three times");
	ok(doubled(1000000, 584) >= 1498000 && doubled(1000000, 584) <= 1500000,
	    "and 0.584 times");
	ok(doubled(1000000, -1000) == 500000, "halved");
	is(doubled(1, 900000), INT64_MAX / 4, "no overflow");
	is(doubled(5, -900000), 0, "nothing is left");
	is(doubled(0, 5000), 0, "nothing stays nothing");
}

static void
test_levels(void)
{
	static const struct {
		const char *s;
		int	    level;
	} t[] = {
		{ "7", 7000 }, { "7.33", 7330 }, { "7.5", 7500 }, { "10", 10000 },
		{ "1", 1000 }, { "9.999", 9999 }, { "10.0", 10000 }, { "0", 0 },
		{ "0.99", 0 }, { "10.1", 0 }, { "11", 0 }, { "7.", 0 }, { "", 0 },
		{ ".5", 0 }, { "7,5", 0 }, { "-7", 0 }, { "7.3333", 0 }, { "7 ", 0 },
		{ "99999999999", 0 }, { "auto", 0 },
	};
	bool falls = true, back = true, spares = true;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is(quality_parse(t[i].s), t[i].level, "level '%s'", t[i].s);
	for (int c = 0; c < 2; c++)
		for (int l = QUALITY_LEAST; l < QUALITY_MOST; l += 10) {
			enum codec codec = c == 0 ? CODEC_AVC : CODEC_HEVC;
			bool enhanced = l / 10 % 2 != 0;
			int crf = quality_crf(codec, enhanced, l);
			int off = quality_of(codec, enhanced, crf) - l;

			falls &= crf > quality_crf(codec, enhanced, l + 10);
			back &= off >= -1 && off <= 1;
			spares &= quality_crf(codec, true, l) > quality_crf(codec, false, l);
		}
	ok(falls, "a higher level is a lower CRF");
	ok(back, "a CRF is the level that it was made of");
	ok(spares, "vq=enhanced keeps a level with a higher CRF");
	is(quality_of(CODEC_AVC, false, 51000), 0, "below the lowest");
	is(quality_of(CODEC_AVC, false, 1000), 10000, "above the highest");
}

static void
test_alike(void)
{
	bool back = true;

	is(quality_alike(CODEC_HEVC, CODEC_AVC, 26300), 28000, "level 5 in AVC");
	is(quality_alike(CODEC_AVC, CODEC_HEVC, 23700), 21300, "and 7 in HEVC");
	is(quality_alike(CODEC_AVC, CODEC_AVC, 33333), 33333, "the same codec");
	is(quality_alike(CODEC_HEVC, CODEC_AVC, 51000), 50000, "below the levels");
	is(quality_alike(CODEC_HEVC, CODEC_AVC, 0), 3400, "and above");
	for (int crf = 0; crf <= 51000; crf += 100) {
		int there = quality_alike(CODEC_HEVC, CODEC_AVC, crf);
		int off = quality_alike(CODEC_AVC, CODEC_HEVC, there) - crf;

		back &= off >= -3 && off <= 3;
	}
	ok(back, "there and back");
}

static void
test_auto(void)
{
	is(quality_auto(CODEC_AVC, 1920 * 1080, 8500000), 8000, "1080p, ample");
	is(quality_auto(CODEC_AVC, 1920 * 1080, 20000000), 8000, "more than ample");
	is(quality_auto(CODEC_AVC, 1920 * 1080, 4250000), 7000, "half of it");
	is(quality_auto(CODEC_AVC, 3840 * 2160, 15000000), 9000, "2160p");
	is(quality_auto(CODEC_AVC, 640 * 360, 1500000), 7000, "360p");
	is(quality_auto(CODEC_AVC, 640 * 360, 10000), 3000, "next to nothing");
	is(quality_auto(CODEC_HEVC, 1280 * 720, 4000000), 8000, "720p in HEVC");
	ok(quality_auto(CODEC_AVC, 16 * 16, 400000000) == 7000, "the smallest");
	ok(quality_auto(CODEC_AVC, 8192 * 8192, 10000) == 3000, "the largest");
}

/*
 * An encoder: so many bits a P picture at CRF 20, ten times that for an IDR, a third
 * for each of two B pictures, half with each 5 of CRF; it may stop at half its buffer.
 */
struct model {
	int64_t	total, most;		/* of a segment; bits */
	int	crf;			/* at the end */
	bool	kept;			/* within the decoder's buffer */
};

/* A trial, which has all as it will be. */
static void
begin(struct qvbr *q, int64_t p_bits)
{
	int crf, next = QVBR_SEARCH;

	if (qvbr_fits(q, doubled(p_bits * 10, (20000 - q->crf) / 5),
	    doubled(p_bits / 2, (20000 - q->crf) / 5)))
		return;
	for (int i = 0; i < 6; i++) {
		crf = next;
		next = qvbr_search(q, crf, doubled(p_bits * 10, (20000 - crf) / 5),
		    doubled(p_bits / 2, (20000 - crf) / 5));
	}
}

static struct model
run(struct qvbr *q, const struct qvbr_spec *spec, int64_t segment, int64_t pictures,
    int64_t p_bits, int64_t p_bits_later)
{
	struct model m = { .kept = true };
	int64_t real = spec->cap * 2 * 9 / 10;

	qvbr_begin(q, spec, segment, pictures, true);
	begin(q, p_bits);
	for (int64_t i = 0; i < pictures; i++) {
		int64_t p = i < pictures / 2 ? p_bits : p_bits_later;
		int64_t bits = i == 0 ? p * 10 : i % 3 == 1 ? p : p / 3;
		int crf = q->crf;

		bits = doubled(bits, (20000 - crf) / 5);
		for (; bits > q->buffer / 2; crf += 100)
			bits = doubled(bits, -20);
		real -= bits;
		m.kept &= real >= 0;
		real += spec->cap / 25;
		m.total += bits;
		qvbr_coded(q, (size_t)bits / 8, crf, i == 0);
	}
	m.crf = q->crf;
	return m;
}

static void
test_loop(void)
{
	const struct qvbr_spec spec = {
		.cap = 1000000, .vbv_ns = INT64_C(2000000000), .fps = { 25, 1 }, .crf = 20000,
	};
	struct qvbr q = { .crf = 0 };
	struct model m, fresh;

	m = run(&q, &spec, 1, 50, 20000, 20000);
	is(m.crf, 20000, "what needs less than the cap keeps its level");
	ok(m.total < 1200000, "and less than the cap");
	m = run(&q, &spec, 2, 50, 200000, 200000);
	ok(m.total <= 2000000 && m.kept, "ten times as much stays below the cap (%lld)",
	    (long long)m.total);
	ok(m.total > 1800000, "and uses it");
	ok(m.crf > 30000, "with a raised CRF (%d)", m.crf);
	m = run(&q, &spec, 3, 50, 20000, 20000);
	is(m.crf, 20000, "the next one, which is easy, has its level again");
	m = run(&q, &spec, 6, 50, 20000, 300000);
	ok(m.total <= 2000000 && m.kept, "what becomes hard in the middle stays below it (%lld)",
	    (long long)m.total);
	m = run(&q, &spec, 7, 50, 300000, 10000);
	ok(m.total <= 2000000 && m.crf < 30000, "what becomes easy gets its level back (%d)",
	    m.crf);
	m = run(&q, &spec, 8, 50, 200000, 200000);
	memset(&q, 0, sizeof(q));
	fresh = run(&q, &spec, 8, 50, 200000, 200000);
	ok(m.total == fresh.total && m.crf == fresh.crf, "a segment knows nothing of the one before");
	for (int asked = 10000; asked < 27000; asked += 1777) {
		struct qvbr_spec other = spec;
		struct qvbr p = { .crf = 0 };

		other.crf = asked;
		m = run(&p, &other, 8, 50, 200000, 200000);
		is(m.total, fresh.total, "asked for %d: what the cap binds is the same", asked);
	}
}

/* Trials of the first pictures: noise, which falls faster than by the rule.  How many. */
static int
search(struct qvbr *q, const struct qvbr_spec *spec, int64_t *bits)
{
	int next = QVBR_SEARCH, crf, tries = 0;

	qvbr_begin(q, spec, 1, 50, true);
	do {
		int64_t other;

		crf = next;
		other = doubled(160000, (17000 - crf) / 3);
		*bits = 300000 + 49 * other;
		next = qvbr_search(q, crf, 300000, other);
	} while (++tries < 9 && (next > crf + 500 || next < crf - 500));
	return tries;
}

static void
test_search(void)
{
	const struct qvbr_spec spec = {
		.cap = 300000, .vbv_ns = INT64_C(2000000000), .fps = { 25, 1 }, .crf = 17000,
	};
	struct qvbr q = { .crf = 0 };
	int64_t bits = 0;
	int tries, found;

	qvbr_begin(&q, &spec, 1, 50, true);
	ok(qvbr_fits(&q, 200000, 5000), "445000 bits fit into the 600000 of the cap");
	ok(!qvbr_fits(&q, 200000, 10000), "690000 do not");
	tries = search(&q, &spec, &bits);
	found = q.crf;
	ok(tries <= 6, "a few tries are enough (%d)", tries);
	ok(bits > 500000 && bits < 650000, "they come near to the cap's (%lld)",
	    (long long)bits);
	for (int asked = 17500; asked < 26000; asked += 900) {
		struct qvbr_spec other = spec;

		other.crf = asked;
		search(&q, &other, &bits);
		is(q.crf, found, "asked for %d: the same is found", asked);
	}
	qvbr_begin(&q, &spec, 1, 50, true);
	is(qvbr_search(&q, 32000, INT64_C(1) << 40, INT64_C(1) << 40), 51000,
	    "far too much: the search ends with the scale");
	is(q.crf, 51000, "and so it begins");
	qvbr_begin(&q, &spec, 1, 50, true);
	is(qvbr_search(&q, 32000, 0, 0), 0, "nothing at all");
	is(q.crf, 17000, "begins with the level");
	is(qvbr_search(&q, 17000, 8, 0), 0, "next to nothing");
}

/* Noise for which the cap is too low at any quality. */
static void
test_spent(void)
{
	const struct qvbr_spec spec = {
		.cap = 20000, .vbv_ns = INT64_C(2000000000), .fps = { 25, 1 }, .crf = 20000,
		.late = true,
	};
	struct qvbr q = { .crf = 0 };
	int64_t total = 0;
	int again = 0;

	qvbr_begin(&q, &spec, 1, 50, true);
	ok(!qvbr_spent(&q, 0), "at first there is something");
	for (int i = 0; i < 50; i++) {
		bool spent = i > 0 && qvbr_spent(&q, i);
		int64_t bits = i == 0 ? 8000 : spent ? 80 : 2000;

		again += spent;
		total += bits;
		qvbr_coded(&q, (size_t)bits / 8, 51000, i == 0);
	}
	ok(again > 20 && again < 49, "then pictures come again (%d of 50)", again);
	ok(total <= 40000, "and the cap is kept (%lld)", (long long)total);
	qvbr_begin(&q, &spec, 2, 50, true);
	ok(!qvbr_spent(&q, 20), "a segment that was not tried knows nothing of that");
	qvbr_search(&q, 50000, 9000, 2200);
	ok(qvbr_spent(&q, 20), "but one that was, before anything comes out");
}

static void
test_edges(void)
{
	struct qvbr_spec spec = {
		.cap = 10000, .vbv_ns = INT64_C(20000000), .fps = { 300, 1 }, .crf = 45000,
	};
	struct qvbr q = { .crf = 0 };

	qvbr_begin(&q, &spec, -5, 0, false);
	for (int i = 0; i < 100; i++)
		qvbr_coded(&q, i % 2 == 0 ? 100000000 : 0, 51000, false);
	ok(q.crf <= 51000 && q.buffer > 0 && q.max_rate > 0, "far too much of next to nothing");
	spec.cap = 400000000;
	spec.vbv_ns = INT64_C(60000000000);
	spec.fps = (struct rational){ 1, 60 };
	qvbr_begin(&q, &spec, INT64_MAX - 1, 1000000, true);
	qvbr_coded(&q, SIZE_MAX / 1024, -2000, true);
	ok(q.buffer > 0 && q.max_rate > 0, "large numbers");
}

int
main(void)
{
	test_doublings();
	test_levels();
	test_alike();
	test_auto();
	test_loop();
	test_search();
	test_spent();
	test_edges();
	return done_testing();
}
