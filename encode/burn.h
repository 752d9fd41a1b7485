/*
 * burn.h - DVB subtitles into the pictures: decoded by libavcodec, shown by their time.
 *
 * Spec     ETSI EN 300 743 (6 display sets, 7.2 segments), EN 300 468 6.2.41 (descriptor).
 * Units    90 kHz source time.
 * Memory   burn_free() gives all back; burn_frame() gives a frame.
 * Threads  Belongs to the reading thread.
 * Errors   What cannot be decoded is counted, and what was on the screen stays there until
 *          its time is over.
 */
#ifndef ENCODE_BURN_H
#define ENCODE_BURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>

#include "encode/subdraw.h"
#include "encode/scale.h"

#define BURN_SCREENS	32		/* that come before their time */

struct burn_spec {			/* which: by PID, or else by language */
	uint16_t pid;
	char	 language[4];		/* both nothing: none */
};

struct burn_screen {
	int64_t	 begin, end;
	struct subdraw_canvas canvas;
};

struct burn {
	AVCodecContext *ctx;
	uint8_t	 ids[4];		/* composition and ancillary page */
	unsigned n;
	struct burn_screen *screen[BURN_SCREENS];
	const struct burn_screen *made;	/* what is drawn is this one */
	struct subdraw draw;
	struct scaler room;
	bool	 unfit;			/* told: such pictures cannot be drawn into */
	uint64_t shown, errors;		/* screens with something on them; bad units */
};

/* "eng", "0x204"; ends the program when it is neither. */
void burn_parse(struct burn_spec *s, const char *arg);
bool burn_wanted(const struct burn_spec *s);

/* Is it this stream?  Its pages go to ids. */
bool burn_is(const struct burn_spec *s, uint16_t pid, const uint8_t *desc, size_t desc_len,
    uint8_t ids[static 4]);

/* The i-th language of a stream, as its descriptor has it. */
bool burn_language(const uint8_t *desc, size_t desc_len, unsigned i,
    char language[static 4]);

/* 0 or a negative AVERROR; again for another stream, of which nothing has come. */
int burn_open(struct burn *b, const uint8_t ids[static 4]);

/* The payload of a PES packet. */
void burn_unit(struct burn *b, const uint8_t *data, size_t len, int64_t t);

/* The stream has ended: nothing is on the screen. */
void burn_clear(struct burn *b);

/* The picture of that time with what is shown on it, or NULL: nothing is, take your own. */
AVFrame *burn_frame(struct burn *b, const AVFrame *f, int64_t t);
void burn_free(struct burn *b);

#endif
