/*
 * rungspec.h - what a rung asks for.
 *
 * Shape    SIZE@RATE[,key=value]..., or copy[@RATE]: mlive-encode(1).
 * Units    rate and maxrate in bit/s, times in ns.
 * Memory   text borrows argv; the other strings are inside the struct.
 * Errors   A bad value ends the program with EXIT_USAGE.
 */
#ifndef ENCODE_RUNGSPEC_H
#define ENCODE_RUNGSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/filter.h"
#include "encode/size.h"
#include "lib/base/rational.h"
#include "lib/media/codec.h"

#define RUNG_RATE_LEAST	10000

enum rate_control { RATE_QVBR, RATE_ABR, RATE_CBR };

enum rung_fit { FIT_INSIDE, FIT_PAD, FIT_CROP };
enum rung_color { RUNG_AUTO, RUNG_SOURCE, RUNG_SDR };
enum rung_vq { VQ_UNSAID, VQ_STANDARD, VQ_ENHANCED };

struct rung_spec {
	const char *text;		/* as the user wrote it, for messages */
	struct size_spec size;
	enum rate_control rc;
	uint64_t rate, maxrate;		/* the same but in ABR */
	int	 quality;		/* in thousandths; 0: by its size and rate */
	int64_t	 vbv_ns, gop_ns;	/* gop 0: the segment */
	enum codec codec;
	struct rational fps;		/* num 0: as the source */
	bool	 half;			/* fps=half */
	enum rung_color color;
	enum rung_fit fit;
	struct crop_spec crop;		/* of the pictures that all rungs are made of */
	enum rung_vq vq;		/* enhanced: without a preset */
	bool	 copy;			/* the source as it is; rate 0: not said */
	bool	 low;			/* of latency: nothing is looked at ahead */
	int	 threads;		/* 0: choose */
	char	 profile[16], level[8], preset[16], tune[32];
	char	 params[512];		/* x264= or x265=, */
	enum codec params_of;		/* which */
};

void rungspec_parse(struct rung_spec *r, const char *arg);

/* VQ_UNSAID: it is no such word. */
enum rung_vq rungspec_vq(const char *s);

/* Say what is wrong with it, and end. */
_Noreturn void rungspec_bad(const struct rung_spec *r, const char *why, const char *what);

#endif
