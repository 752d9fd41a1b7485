/* Timecode: labels as SMPTE ST 12-1 counts them, and which one a picture has. */
#include "encode/label.c"
#include "encode/timecode.c"
#include "t/tap.h"

#define SECOND	INT64_C(1000000000)

static void
label(int64_t n, int64_t num, int64_t den, const char *want)
{
	const struct rational rate = { num, den };
	struct timecode tc = timecode_of(n, rate), back;
	char text[TIMECODE_TEXT];

	timecode_text(&tc, text);
	ok(strcmp(text, want) == 0, "%lld at %lld/%lld: %s", (long long)n, (long long)num,
	    (long long)den, text);
	ok(timecode_parse(want, rate, &back) && timecode_count(&back, rate) ==
	    timecode_count(&tc, rate), "and read again");
}

/* All labels of a day: each other than the one before, none wrong, and back. */
static void
whole_day(int64_t num, int64_t den, int64_t labels)
{
	const struct rational rate = { num, den };
	int64_t bad = 0;

	for (int64_t n = 0; n < labels; n++) {
		struct timecode tc = timecode_of(n, rate);

		bad += timecode_count(&tc, rate) != n || tc.h > 23 || tc.m > 59 || tc.s > 59 ||
		    tc.f >= (num + den - 1) / den ||
		    (tc.drop > 0 && tc.s == 0 && tc.m % 10 != 0 && tc.f < tc.drop);
	}
	is(bad, 0, "%lld/%lld: a day has %lld labels", (long long)num, (long long)den,
	    (long long)labels);
	is(timecode_of(labels, rate).f + timecode_of(labels, rate).s, 0, "and begins again");
	is(timecode_of(-1, rate).h, 23, "and has one before");
}

/* Pictures of a grid that is off from UTC by anything have one label each, without a gap. */
static void
clock_goes_on(int64_t num, int64_t den)
{
	const struct grid g = { { num, den }, 50 };
	const int64_t day = INT64_C(1790000000) / 86400 * 86400;	/* begins a day */
	int64_t bad = 0, off = 0;

	for (int64_t phase = -3; phase <= 3; phase++) {
		struct label l = { .mode = LABEL_CLOCK, .live = true };
		int64_t k0 = grid_picture(&g, (day + 36000) * 90000), last = -1;

		for (int64_t k = k0; k < k0 + 5000; k++) {
			int64_t utc = rescale_near(grid_time(&g, k), SECOND, 90000) + phase * 5555555;
			struct timecode tc = label_of(&l, &g, k, utc);
			int64_t n = timecode_count(&tc, g.rate);
			int64_t ms = (utc - day * SECOND) / 1000000;

			bad += last >= 0 && n != last + 1;
			/* with drop frame it is the clock, to a picture or two */
			ms -= ((tc.h * 60 + tc.m) * 60 + tc.s) * INT64_C(1000) +
			    tc.f * 1000 * den / num;
			off += den == 1 || num % 30000 == 0 ? ms < -80 || ms > 80 : 0;
			last = n;
		}
	}
	is(bad, 0, "%lld/%lld: by the clock, one after the other", (long long)num, (long long)den);
	is(off, 0, "and as late as it is");
}

int
main(void)
{
	const struct rational ntsc = { 30000, 1001 }, pal = { 25, 1 };
	struct timecode tc;
	uint8_t out[TIMECODE_SEI];
	struct label l;

	label(0, 25, 1, "00:00:00:00");
	label(90000, 25, 1, "01:00:00:00");
	label(1799, 30000, 1001, "00:00:59;29");
	label(1800, 30000, 1001, "00:01:00;02");
	label(17981, 30000, 1001, "00:09:59;29");
	label(17982, 30000, 1001, "00:10:00;00");
	label(107892, 30000, 1001, "01:00:00;00");
	label(3600, 60000, 1001, "00:01:00;04");
	label(2589407, 30000, 1001, "23:59:59;29");
	label(86399 * 24 + 23, 24000, 1001, "23:59:59:23");
	whole_day(25, 1, 2160000);
	whole_day(30, 1, 2592000);
	whole_day(30000, 1001, 2589408);
	whole_day(60000, 1001, 5178816);
	whole_day(24000, 1001, 2073600);
	clock_goes_on(25, 1);
	clock_goes_on(50, 1);
	clock_goes_on(30000, 1001);
	clock_goes_on(60000, 1001);
	clock_goes_on(24000, 1001);
	ok(!timecode_parse("00:01:00:00", ntsc, &tc), "a label that is left out is none");
	ok(!timecode_parse("00:00:00:25", pal, &tc), "nor is one beyond the rate");
	ok(!timecode_parse("0:00:00:00", pal, &tc) && !timecode_parse("24:00:00:00", pal, &tc) &&
	    !timecode_parse("00:60:00:00", pal, &tc) && !timecode_parse("00:00:00:0", pal, &tc) &&
	    !timecode_parse("00:00:00:00:", pal, &tc) && !timecode_parse("", pal, &tc) &&
	    !timecode_parse("00-00-00-00", pal, &tc), "nor what is no label at all");
	ok(label_parse(&l, "source") && l.mode == LABEL_SOURCE && label_parse(&l, "09:59:30:00") &&
	    l.mode == LABEL_ZERO && l.first.h == 9 && !label_parse(&l, "now"), "sources");
	/* BCD of SMPTE ST 12-1: 10:20:30:12, and at 50 the second of two */
	tc = timecode_s12m(0x12302010, pal);
	ok(tc.h == 10 && tc.m == 20 && tc.s == 30 && tc.f == 12, "S12M");
	tc = timecode_s12m(0x12302090, (struct rational){ 50, 1 });
	ok(tc.f == 25, "S12M at 50");
	tc = timecode_s12m(UINT32_MAX, pal);
	ok(tc.h < 24 && tc.m < 60 && tc.s < 60 && tc.f < 25, "S12M of nonsense");
	tc = timecode_gop(10 << 19 | 20 << 13 | 1 << 12 | 30 << 6 | 12);
	ok(tc.h == 10 && tc.m == 20 && tc.s == 30 && tc.f == 12, "GOP header");
	is((int64_t)timecode_pic_timing(&tc, out), 9, "pic_timing has its length");
	is((int64_t)timecode_time_code(&tc, out), 6, "time_code has its length");
	return done_testing();
}
