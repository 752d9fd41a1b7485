/*
 * tonemap.h - HDR to SDR, SDR to HDR, and PQ to HLG and back, by a table.  HDR has the
 * primaries of BT.2020, SDR those of BT.709.
 *
 * The table has what becomes of a colour, Y'CbCr of 10 bits, at 65 by 65 steps of chroma;
 * what lies between is interpolated.  So a picture is looked up as it is, 4:2:0, in no
 * other colour space.
 *
 * To SDR, what BT.709 does not have comes nearer to grey of the same luminance, softly.
 * Then the brightest component of a colour goes by the curve of BT.2446 A and takes the
 * others along, so that hues stay.  SDR is shown in HDR as it is: its white is the
 * reference white there.
 *
 * Spec     ITU-R BT.2100-2 (PQ, HLG and its OOTF), BT.2446-1 4 (method A), BT.2408-7
 *          5.1 (203 cd/m2), BT.709-6, BT.1886 (gamma 2.4), BT.2087 (primaries).
 * Units    Luminance in cd/m2.
 * Memory   6.5 MB, in the struct: allocate it.
 * Threads  What is made is only read.
 */
#ifndef ENCODE_TONEMAP_H
#define ENCODE_TONEMAP_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#define TONEMAP_CHROMA	65
#define TONEMAP_LUMA	512		/* each second code, for luma; */
#define TONEMAP_COARSE	128		/* and for chroma, each eighth */

#define TONEMAP_PEAK	1000.0		/* of HDR, if nothing says it */

enum light { LIGHT_SDR, LIGHT_PQ, LIGHT_HLG };

struct tonemap_spec {
	enum light from, to;
	bool	 bt601;			/* the matrix of SDR that is made HDR */
	double	 peak;			/* of PQ: the brightest there is; HLG has 1000 */
	int	 depth;			/* of what is made: 8 or 10 bits */
};

struct tonemap {
	struct tonemap_spec spec;
	int	 bits;			/* of a fraction in what the tables hold */
	bool	 plain;			/* set for tests: without AVX2 */

	int16_t	 luma[TONEMAP_CHROMA][TONEMAP_LUMA][TONEMAP_CHROMA];	/* [cb][y][cr] */
	int16_t	 chroma[TONEMAP_CHROMA][TONEMAP_COARSE][TONEMAP_CHROMA][2];
};

void tonemap_init(struct tonemap *t, const struct tonemap_spec *spec);

/*
 * out: YUV420P or YUV420P10LE, as the depth says; in: YUV420P10LE, limited range, as wide
 * and as high.  false: without memory.
 */
bool tonemap_picture(const struct tonemap *t, const AVFrame *in, AVFrame *out);

/*
 * The same for one colour, exactly: each from 0 to 1, chroma from -0.5 to 0.5, as coded.
 * For tables and tests.
 */
void tonemap_color(const struct tonemap_spec *spec, const double in[static 3],
    double out[static 3]);

#endif
