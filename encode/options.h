/*
 * options.h - the command line of mlive-encode, and what a rung asks for.
 *
 * Shape    A rung is SIZE@RATE[,key=value]..., or copy[@RATE]: mlive-encode(1).
 * Units    rate and maxrate in bit/s, times in ns.
 * Memory   Strings borrow argv or are inside the struct.
 * Errors   A bad value ends the program with EXIT_USAGE.
 */
#ifndef ENCODE_OPTIONS_H
#define ENCODE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/audiospec.h"
#include "encode/burn.h"
#include "encode/condition.h"
#include "encode/filter.h"
#include "encode/label.h"
#include "encode/layer.h"
#include "encode/recolor.h"
#include "encode/size.h"
#include "lib/base/rational.h"
#include "lib/media/codec.h"

#define RUNGS_MAX	16
#define LAYERS_MAX	32
#define AUDIOS_MAX	32
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

enum deinterlace { DEINTERLACE_AUTO, DEINTERLACE_FILM, DEINTERLACE_NONE };
enum clock_mode { CLOCK_AUTO, CLOCK_ARRIVAL, CLOCK_NONE };

struct options {
	unsigned nrung;
	struct rung_spec rung[RUNGS_MAX];
	bool	 copies;		/* one of them is the source as it is */
	unsigned naudio;		/* 0: there is no sound */
	struct audio_spec audio[AUDIOS_MAX];
	enum clock_mode clock;
	struct condition condition;
	const char *blank;		/* NULL: nothing is */
	struct burn_spec burn;
	const char *on_loss;		/* NULL: nothing is done */
	enum color color;		/* of the source, where it says none */
	bool	 force_color;		/* whatever it says */
	int64_t	 segment_ns;
	bool	 low;			/* --latency low */
	bool	 ssim;			/* is measured */
	enum rung_vq vq;		/* of rungs that say neither it nor a preset */
	const char *control;		/* NULL: no commands are taken */
	int64_t	 part_ns;		/* between fragments; 0: none are marked */
	uint64_t mux_rate;		/* bit/s of the output; 0: as much as there is */
	struct label label;		/* timecode */
	enum deinterlace deinterlace;
	struct filter_spec filter;
	unsigned nlayer;
	struct layer_spec layer[LAYERS_MAX];
	uint16_t program;		/* 0: the first */
	const char *stats;
};

void options_parse(struct options *o, int argc, char *argv[]);

/*
 * How long before it is decoded a unit may have to leave, in ns, when the rate of the
 * output is constant: the largest of the decoders' buffers lasts so long.
 */
int64_t options_mux_delay(const struct options *o);

#endif
