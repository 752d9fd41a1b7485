/*
 * scale.h - a picture in another size and pixel format, by libswscale.
 *
 * A picture that fits already passes without being touched.  One whose aspect is
 * not that of the output gets black bars: nothing is ever stretched.  Colours stay
 * what they are, in limited range; or become what a JPEG file means by its numbers.
 *
 * Spec     ITU-T T.871 (JFIF) 7: BT.601, full range, chroma between the samples.
 * Memory   scaler_frame() gives a frame, or NULL without memory.
 * Threads  One scaler belongs to one thread; frames may go to others.
 */
#ifndef ENCODE_SCALE_H
#define ENCODE_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>

struct scaler {
	int	 width, height;
	enum AVPixelFormat format;
	bool	 jfif;			/* the caller's: BT.601 in full range comes out */
	bool	 fill;			/* the caller's: no bars, but sides cut off */
	struct SwsContext *sws;
	AVBufferPool *pool;
	int	 in_w, in_h, in_format, in_range, in_matrix;
	AVRational in_sar;
	int	 x, y, w, h;		/* where the picture lies in the output */
};

void scaler_init(struct scaler *s, int width, int height, enum AVPixelFormat format);
AVFrame *scaler_frame(struct scaler *s, const AVFrame *in);

/* That part of a picture, all in even numbers and within it; NULL without memory. */
AVFrame *scaler_part(const AVFrame *in, int x, int y, int width, int height);

/* The matrix of what a picture in RGB is made into. */
enum AVColorSpace scaler_rgb_matrix(const AVFrame *f);

/* One of the output's kind, with nothing in it yet. */
AVFrame *scaler_new_frame(struct scaler *s);
void scaler_free(struct scaler *s);

#endif
