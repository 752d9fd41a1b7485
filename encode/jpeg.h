/*
 * jpeg.h - a decoded picture as a JPEG file, by libjpeg; of HDR in SDR.
 *
 * Spec     ITU-T T.81 (baseline, 4:2:0), T.871 (JFIF).
 * Memory   jpeg_put() gives; jpeg_free() gives back what is kept between pictures.
 * Threads  One struct belongs to one thread.
 * Errors   -ENOMEM, -EINVAL a picture that cannot be converted.
 */
#ifndef ENCODE_JPEG_H
#define ENCODE_JPEG_H

#include <stddef.h>
#include <stdint.h>

#include <libavutil/frame.h>

#include "encode/recolor.h"
#include "encode/scale.h"
#include "encode/size.h"

struct jpeg {
	struct size_spec size;
	int	 quality;		/* 1 to 100 */
	int	 width, height;		/* of the last one */
	struct recolor recolor;		/* of HDR */
	struct scaler scaler;
};

void jpeg_init(struct jpeg *j, const struct size_spec *size, int quality);
int jpeg_put(struct jpeg *j, const AVFrame *f, uint8_t **data, size_t *len);
void jpeg_free(struct jpeg *j);

#endif
