/* Sequence numbers over wraps, jumps and restarts; losses, reordering, jitter. */
#include <string.h>

#include "lib/net/rtpstat.h"
#include "t/tap.h"

#define MS INT64_C(1000000)

static enum rtp_ext_result
add(struct rtp_ext *x, unsigned seq, uint32_t ssrc, uint64_t *ext)
{
	const struct rtp_packet pkt = { .seq = (uint16_t)seq, .ssrc = ssrc };

	return rtp_ext_add(x, &pkt, ext);
}

static void
test_ext(void)
{
	uint64_t first = 0, ext = 0;
	struct rtp_ext x;
	unsigned wrong = 0;

	rtp_ext_init(&x, RTP_DROPOUT, false);
	is(add(&x, 65000, 1, &first), RTP_EXT_FIRST, "the first packet");
	for (unsigned i = 1; i < 200000; i++)
		wrong += add(&x, 65000 + i, 1, &ext) != RTP_EXT_OK || ext != first + i;
	is(wrong, 0, "numbers go on over three wraps");
	is(add(&x, 65000 + 199990, 1, &ext), RTP_EXT_OK, "one from before");
	is(ext, first + 199990, "has the number it had");
	is(add(&x, 65000 + 199999 + 3000, 1, &ext), RTP_EXT_OK, "3000 ahead is loss");
	is(ext, first + 202999, "and counted");
	is(add(&x, 65000 + 202999 - 3000, 1, &ext), RTP_EXT_OK, "3000 behind is late");
	is(add(&x, 65000 + 202999 + 9000, 1, &ext), RTP_EXT_DOUBT, "further is in doubt");
	is(add(&x, 65000 + 203000, 1, &ext), RTP_EXT_OK, "where it was goes on");
	is(add(&x, 65000 + 202999 + 9001, 1, &ext), RTP_EXT_DOUBT, "which ends the doubt");
	is(add(&x, 65000 + 202999 + 9001, 1, &ext), RTP_EXT_DOUBT, "another leg's copy");
	is(add(&x, 65000 + 100, 1, &ext), RTP_EXT_DOUBT, "something else");
	is(add(&x, 65000 + 202999 + 9002, 1, &ext), RTP_EXT_DOUBT, "undoes it");
	is(add(&x, 65000 + 202999 + 9002, 1, &ext), RTP_EXT_DOUBT, "a copy does not");
	is(add(&x, 65000 + 202999 + 9003, 1, &ext), RTP_EXT_JUMP, "the next: it is there");
	is(ext, first + 202999 + 9003, "and is that far");
	is(add(&x, 7, 2, &ext), RTP_EXT_DOUBT, "another source");
	is(add(&x, 8, 2, &ext), RTP_EXT_RESTART, "twice is a new start");
	ok(ext > first + 212002 && (uint16_t)ext == 8, "ahead of all before");
	first = ext;
	is(add(&x, 65000 + 212003, 1, &ext), RTP_EXT_DOUBT, "the old one has no say");
	is(add(&x, 60000, 2, &ext), RTP_EXT_DOUBT, "the same source far back");
	is(add(&x, 60001, 2, &ext), RTP_EXT_RESTART, "twice is a new start as well");
	ok(ext > first && (uint16_t)ext == 60001, "and ahead");
	ok(x.jumps == 1 && x.restarts == 2 && x.doubted == 9, "counted: %d %d %d",
	    (int)x.jumps, (int)x.restarts, (int)x.doubted);

	add(&x, 60000, 3, &ext);
	first = x.newest;
	is(add(&x, 60001, 3, &ext), RTP_EXT_RESTART, "another source with the same numbers");
	is(ext, first + 65536, "has others");

	rtp_ext_init(&x, 20000, true);
	add(&x, 0, 1, &first);
	is(add(&x, 20000, 2, &ext), RTP_EXT_OK, "legs with sources of their own, far apart");
	is(add(&x, 1, 1, &ext), RTP_EXT_OK, "are one stream");
	is(ext, first + 1, "with the same numbers");
}

static struct rtp_stat s;

/* Packets in this order, 10 ms and 900 ticks from each number to the next. */
static void
feed(const int *seq, size_t n)
{
	rtp_stat_init(&s, 90000);
	for (size_t i = 0; i < n; i++)
		rtp_stat_add(&s, 1000 + (uint64_t)seq[i], (uint32_t)seq[i] * 900,
		    (int64_t)i * 10 * MS);
}

static const struct {
	const char *what;
	size_t n;
	int seq[12];
	unsigned lost, duplicates, late, reordered, distance;
} cases[] = {
	{ "in order", 4, { 1, 2, 3, 4 }, 0, 0, 0, 0, 0 },
	{ "two lost", 4, { 1, 2, 5, 6 }, 2, 0, 0, 0, 0 },
	{ "exchanged", 4, { 1, 3, 2, 4 }, 0, 0, 0, 1, 1 },
	{ "three later", 6, { 1, 3, 4, 5, 2, 6 }, 0, 0, 0, 1, 3 },
	{ "one twice does not hide a loss", 6, { 1, 2, 2, 2, 5, 6 }, 2, 2, 0, 0, 0 },
	{ "late twice", 6, { 1, 4, 2, 2, 3, 5 }, 0, 1, 0, 2, 2 },
	{ "before the first", 4, { 4, 3, 5, 6 }, 0, 0, 1, 0, 0 },
	{ "beyond the window", 3, { 1, 20000, 2 }, 19998, 0, 1, 0, 0 },
	{ "all but the window", 3, { 1, 20000, 3700 }, 19997, 0, 0, 1, 16300 },
};

static void
test_loss(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed(cases[i].seq, cases[i].n);
		ok(rtp_stat_lost(&s) == cases[i].lost &&
		    s.duplicates == cases[i].duplicates && s.late == cases[i].late &&
		    s.reordered == cases[i].reordered && s.distance == cases[i].distance,
		    "%s: lost %d, duplicates %d, late %d, reordered %d by %d",
		    cases[i].what, (int)rtp_stat_lost(&s), (int)s.duplicates, (int)s.late,
		    (int)s.reordered, (int)s.distance);
	}
}

/* The window goes round many times: as many lost as were. */
static void
test_long(void)
{
	uint64_t lost = 0, late = 0, state = 1;
	static bool gone[500000];

	rtp_stat_init(&s, 90000);
	for (uint64_t i = 0; i < 500000; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (i > 0 && i < 499999 && state >> 60 == 0)
			lost++, gone[i] = true;
		else
			rtp_stat_add(&s, i, 0, 0);
		if (i > 5 && state >> 59 == 9) {	/* and some of them again */
			rtp_stat_add(&s, i - 5, 0, 0);
			late += gone[i - 5];
			gone[i - 5] = false;
		}
		for (unsigned k = 0; i == 300000 + k && k < 40000; k++)
			gone[++i] = true, lost++;
	}
	ok(s.duplicates > 10000, "%d duplicates, or late", (int)s.duplicates);
	is(s.reordered, late, "late ones are told from those");
	is(rtp_stat_lost(&s) + s.reordered, lost, "losses, less those that came again");
}

static void
test_jitter(void)
{
	struct rtcp_block b;

	rtp_stat_init(&s, 90000);
	for (unsigned i = 0; i < 1000; i++)
		rtp_stat_add(&s, i, UINT32_MAX - 90000 + i * 900, i * 10 * MS);
	is(s.jitter, 0, "none on time, over the wrap of the timestamp");
	for (unsigned i = 1000; i < 2000; i++)
		rtp_stat_add(&s, i, UINT32_MAX - 90000 + i * 900,
		    i * 10 * MS + (i % 2) * 2 * MS);
	ok(s.jitter >= 175 && s.jitter <= 180, "2 ms to and fro are 180 ticks: %d",
	    (int)s.jitter);
	rtp_stat_add(&s, 2000, 12345678, 20000 * MS);
	ok(s.jitter <= 180, "a break of the clock is none: %d", (int)s.jitter);

	rtp_stat_init(&s, 90000);
	for (unsigned i = 0; i < 100; i++)
		if (i % 4 != 1)
			rtp_stat_add(&s, UINT64_C(0x100000000) + i, 0, 0);
	rtp_stat_sender(&s, UINT64_C(0x0102030405060708), 1000 * MS);
	rtp_stat_report(&s, 9, 1500 * MS, &b);
	ok(b.ssrc == 9 && b.fraction_lost == 64 && b.cumulative_lost == 25,
	    "a quarter lost: %d of 256, %d", b.fraction_lost, b.cumulative_lost);
	ok(b.highest_seq == 99 && b.last_sr == 0x03040506 && b.delay_since_sr == 32768,
	    "the rest of the report");
	for (unsigned i = 100; i < 200; i++)
		rtp_stat_add(&s, UINT64_C(0x100000000) + i, 0, 0);
	rtp_stat_report(&s, 9, 100000000 * MS, &b);
	ok(b.fraction_lost == 0 && b.cumulative_lost == 25, "none since: %d, %d",
	    b.fraction_lost, b.cumulative_lost);
	is(b.delay_since_sr, UINT32_MAX, "a delay of a day is as long as can be said");
	rtp_stat_add(&s, UINT64_C(0x100000000) + 1000, 0, 0);
	rtp_stat_report(&s, 9, 0, &b);
	is(b.fraction_lost, 799 * 256 / 801, "nearly all");
	rtp_stat_report(&s, 9, 0, &b);
	is(b.fraction_lost, 0, "nothing came, nothing lost");
	rtp_stat_add(&s, UINT64_C(0x100000000) + 999, 0, 0);
	rtp_stat_report(&s, 9, 0, &b);
	ok(b.fraction_lost == 0 && b.cumulative_lost == 25 + 799, "one came late");
}

int
main(void)
{
	test_ext();
	test_loss();
	test_long();
	test_jitter();
	return done_testing();
}
