#include <stdio.h>
#include <stdlib.h>

#include "encode/timecode.h"
#include "lib/base/clk.h"
#include "lib/media/bits.h"

#define DAY_NS	(86400 * CLK_SECOND)

static int
nominal(struct rational r)
{
	return (int)((r.num + r.den - 1) / r.den);
}

/* Labels that each minute leaves out, but for each tenth. */
static int
dropped(struct rational r)
{
	return r.den == 1001 && r.num % 30000 == 0 ? (int)(r.num / 30000) * 2 : 0;
}

struct timecode
timecode_of(int64_t n, struct rational rate)
{
	int fps = nominal(rate), drop = dropped(rate);
	int64_t minute = 60 * fps - drop, ten = 10 * minute + drop, day = 144 * ten;
	int64_t in_ten;
	struct timecode tc = { .drop = drop };

	n = (n % day + day) % day;
	in_ten = n % ten;
	n += n / ten * 9 * drop;
	if (in_ten >= 60 * fps)		/* the first minute leaves none out */
		n += drop * ((in_ten - drop) / minute);
	tc.f = (int)(n % fps);
	tc.s = (int)(n / fps % 60);
	tc.m = (int)(n / fps / 60 % 60);
	tc.h = (int)(n / fps / 3600);
	return tc;
}

int64_t
timecode_count(const struct timecode *tc, struct rational rate)
{
	int64_t fps = nominal(rate), minutes = tc->h * 60 + tc->m;

	return (minutes * 60 + tc->s) * fps + tc->f -
	    dropped(rate) * (minutes - minutes / 10);
}

int64_t
timecode_clock(int64_t utc_ns, struct rational rate)
{
	int64_t midnight = utc_ns - (utc_ns % DAY_NS + DAY_NS) % DAY_NS;

	return rescale_near(utc_ns, rate.num, rate.den * CLK_SECOND) -
	    rescale_near(midnight, rate.num, rate.den * CLK_SECOND);
}

static bool
two_digits(const char **s, const char *end, int most, int *v)
{
	const char *p = *s;

	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*v = (p[0] - '0') * 10 + p[1] - '0';
	p += 2;
	if (*end != '\0') {
		if (*p == '\0' || (*p != end[0] && *p != end[1]))
			return false;
		p++;
	}
	*s = p;
	return *v <= most;
}

bool
timecode_parse(const char *s, struct rational rate, struct timecode *tc)
{
	struct timecode t = { .drop = 0 };

	if (!two_digits(&s, "::", 23, &t.h) || !two_digits(&s, "::", 59, &t.m) ||
	    !two_digits(&s, ":;", 59, &t.s) || !two_digits(&s, "", 99, &t.f) || *s != '\0')
		return false;
	if (rate.num > 0) {
		t.drop = dropped(rate);
		if (t.f >= nominal(rate) || (t.s == 0 && t.m % 10 != 0 && t.f < t.drop))
			return false;
	}
	*tc = t;
	return true;
}

void
timecode_text(const struct timecode *tc, char out[static TIMECODE_TEXT])
{
	snprintf(out, TIMECODE_TEXT, "%02d:%02d:%02d%c%02d", tc->h % 100, tc->m % 100,
	    tc->s % 100, tc->drop > 0 ? ';' : ':', tc->f % 1000);
}

static int
bcd(uint32_t v, int tens)
{
	return (int)((v >> 4) & ((1u << tens) - 1)) * 10 + (int)(v & 15);
}

struct timecode
timecode_s12m(uint32_t v, struct rational rate)
{
	int fps = nominal(rate);
	struct timecode tc = {
		.h = bcd(v, 2), .m = bcd(v >> 8, 3), .s = bcd(v >> 16, 3),
		.f = bcd(v >> 24, 2), .drop = dropped(rate),
	};

	/* Above 30 a number is that of two pictures, and a bit tells them apart. */
	if (fps > 30)
		tc.f = tc.f * 2 + (int)((fps == 50 ? v >> 7 : v >> 23) & 1);
	tc.h = tc.h < 24 ? tc.h : 0;
	tc.m = tc.m < 60 ? tc.m : 0;
	tc.s = tc.s < 60 ? tc.s : 0;
	tc.f = tc.f < fps ? tc.f : fps - 1;
	return tc;
}

static int
at_most(int v, int most)
{
	return v < most ? v : most;
}

struct timecode
timecode_gop(int64_t v)
{
	return (struct timecode){
		.h = at_most((int)(v >> 19 & 31), 23), .m = at_most((int)(v >> 13 & 63), 59),
		.s = at_most((int)(v >> 6 & 63), 59), .f = (int)(v & 63),
	};
}

/* From units_field_based_flag on, all but what the lengths of the fields differ in. */
static void
put_label(struct bits_writer *w, const struct timecode *tc, bool fields,
    unsigned frame_bits)
{
	bits_put(w, 1, fields);
	bits_put(w, 5, tc->drop == 0 ? 0 : tc->drop == 2 ? 4 : 6);	/* counting_type */
	bits_put(w, 1, 1);			/* full_timestamp_flag */
	bits_put(w, 1, 0);			/* discontinuity_flag */
	/* cnt_dropped_flag: the labels just before this one are left out */
	bits_put(w, 1, tc->drop > 0 && tc->f == tc->drop && tc->s == 0 && tc->m % 10 != 0);
	bits_put(w, frame_bits, (uint32_t)tc->f);
	bits_put(w, 6, (uint32_t)tc->s);
	bits_put(w, 6, (uint32_t)tc->m);
	bits_put(w, 5, (uint32_t)tc->h);
}

/* A message ends with a bit 1 and zeros where it does not end with a byte. */
static size_t
aligned(struct bits_writer *w)
{
	if (w->pos % 8 != 0)
		bits_put(w, 1, 1);
	return bits_len(w);
}

size_t
timecode_pic_timing(const struct timecode *tc, uint8_t out[static TIMECODE_SEI])
{
	struct bits_writer w = bits_into(out, TIMECODE_SEI);

	bits_put(&w, 4, 0);		/* pic_struct: a progressive frame */
	bits_put(&w, 1, 1);		/* clock_timestamp_flag */
	bits_put(&w, 2, 0);		/* ct_type: progressive */
	put_label(&w, tc, true, 8);	/* nuit: a tick is half a picture */
	bits_put(&w, 24, 0);		/* time_offset, as long as without an HRD */
	return aligned(&w);
}

size_t
timecode_time_code(const struct timecode *tc, uint8_t out[static TIMECODE_SEI])
{
	struct bits_writer w = bits_into(out, TIMECODE_SEI);

	bits_put(&w, 2, 1);		/* num_clock_ts */
	bits_put(&w, 1, 1);		/* clock_timestamp_flag */
	put_label(&w, tc, false, 9);
	bits_put(&w, 5, 0);		/* time_offset_length */
	return aligned(&w);
}
