/*
 * overlay.h - layers of pictures and text over the pictures of all rungs.
 *
 * A layer has its place in the source as it was at the start; in each rung it is as much
 * larger or smaller as the rung is.  It is made for a rung once, with the first picture
 * that it is on, and a text again when it reads differently.
 *
 * What is there, and how far it has faded, follows from the time of the picture only, for
 * layers of the command line that have no start or a date for it.
 *
 * Units    90 kHz grid time, UTC in ns since 1970.
 * Memory   overlay_free() gives all back.
 * Threads  Belongs to the reading thread.
 * Errors   Of the command line: the end, with EXIT_USAGE; of commands: what is answered.
 */
#ifndef ENCODE_OVERLAY_H
#define ENCODE_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <libavutil/frame.h>

#include "encode/layer.h"
#include "encode/letters.h"
#include "encode/paint.h"

#define OVERLAY_LAYERS	32
#define OVERLAY_ANSWER	1000

#define OVERLAY_EVER	INT64_MIN	/* from the beginning on */
#define OVERLAY_NEVER	INT64_MAX

/* A picture's time, as far as layers ask for it. */
struct overlay_now {
	int64_t	 t;
	int64_t	 utc_ns;
	bool	 live;			/* utc_ns means something */
};

struct overlay_layer {
	struct layer_spec spec;
	struct art *art;		/* of a picture */
	struct letters *letters;	/* of a text */
	char	 text[LAYER_TEXT];	/* before its fields are filled in */
	struct stat file;		/* as it was read */
	bool	 first;			/* of the command line */
	bool	 timed, leaving;	/* from is known; to comes with the next picture */
	int64_t	 from, to, fade_in, fade_out;
	struct {
		bool	made;
		struct paint *paint;	/* NULL: nothing is to be seen */
		char	shown[LAYER_TEXT + 64];
	} in[LAYER_RUNGS];
};

struct overlay {
	int	 width, height;		/* of the source, with square pixels */
	unsigned nrung;
	struct overlay_ground {
		struct paint_ground ground;
		enum light light;
		struct tonemap *table;	/* from SDR, when one is needed */
	} rung[LAYER_RUNGS];
	struct overlay_now now;
	bool	 started;
	int64_t	 start;			/* of the first picture */
	unsigned n;
	struct overlay_layer *layer[OVERLAY_LAYERS];	/* from below to above */
};

/* As the options say, for so many rungs. */
void overlay_init(struct overlay *o, unsigned nrung, const struct layer_spec *spec,
    unsigned n);

/* What the pictures are like: of the source, and of each rung, but for its hdr. */
void overlay_source(struct overlay *o, int width, int height);
void overlay_rung(struct overlay *o, unsigned rung, const struct paint_ground *ground,
    enum light light);

/* A picture comes; then, for each of the rungs that have it: */
void overlay_next(struct overlay *o, const struct overlay_now *now);

/* Is there something to be seen?  Then on f, which can be written; timecode or NULL. */
bool overlay_shows(const struct overlay *o, unsigned rung);
void overlay_picture(struct overlay *o, unsigned rung, AVFrame *f, const char *timecode);

/* "overlay ..." or "text ...", without that word: answered with ok or what is wrong. */
void overlay_command(struct overlay *o, enum layer_kind kind, char *line,
    char answer[static OVERLAY_ANSWER]);
void overlay_free(struct overlay *o);

#endif
