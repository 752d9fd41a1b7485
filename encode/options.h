/*
 * options.h - the command line of mlive-encode.
 *
 * Units    Rates in bit/s, times in ns.
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
#include "encode/rungspec.h"
#include "lib/base/rational.h"
#include "lib/media/codec.h"

#define RUNGS_MAX	16
#define LAYERS_MAX	32
#define AUDIOS_MAX	32

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
