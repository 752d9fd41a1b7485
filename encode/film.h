/*
 * film.h - film that was made interlaced video by 3:2 pulldown is put together again.
 *
 * Each picture of film is two or three fields that follow each other.  So the first
 * field of a frame belongs to the second one of the same frame or of the one before,
 * with which it combs less; what combs with both is video.  Of five frames one is then
 * the one before once more.  Which field is first is seen from the pictures, too.
 *
 * The pictures of five frames get times that are even, from the first one's; film whose
 * repeated fields are not coded (repeat_first_field, pic_struct) has its own.
 *
 * Units    90 kHz.
 * Memory   film_match() and film_put() take a frame; film_match() and film_get() give one.
 * Threads  Belongs to the reading thread.
 * Errors   Without memory frames stay as they are.
 */
#ifndef ENCODE_FILM_H
#define ENCODE_FILM_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "lib/base/rational.h"

#define FILM_CYCLE	5

struct film {
	struct rational coded;		/* rate of the frames */
	bool	 cycles;		/* it is one of video, with one frame of five too much */
	AVFrame	 *before;
	int	 order;			/* > 0: top fields are first, as seen; 0: not known */
	bool	 top_first;
	AVFrame	 *last;			/* that was taken */
	bool	 own_times;		/* the picture before has a repeated field */
	unsigned nheld, nready, head;
	AVFrame	 *held[FILM_CYCLE], *ready[2 * FILM_CYCLE + 2];
	int64_t	 differ[FILM_CYCLE];	/* from the one before; -1: there is none */
	int64_t	 usual[FILM_CYCLE];	/* the mean of the cycles before; -1: none */
	uint64_t removed;
};

void film_init(struct film *s);

/* At this rate frames come; that of the pictures. */
struct rational film_start(struct film *s, struct rational coded);

/* The picture of the frame; interlaced_frame says if it is video. */
AVFrame *film_match(struct film *s, AVFrame *f);

/* When it has been deinterlaced, if it had to be. */
void film_put(struct film *s, AVFrame *f);
AVFrame *film_get(struct film *s);
void film_drain(struct film *s);	/* then film_get() until NULL */
void film_free(struct film *s);

#endif
