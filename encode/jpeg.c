#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "encode/jpeg.h"

#define LINES	16		/* of luma, that libjpeg takes at a time */

struct failure {
	struct jpeg_error_mgr manager;
	jmp_buf	 back;
};

void
jpeg_init(struct jpeg *j, const struct size_spec *size, int quality)
{
	*j = (struct jpeg){ .size = *size, .quality = quality };
}

static _Noreturn void
give_up(j_common_ptr c)
{
	longjmp(((struct failure *)c->err)->back, 1);
}

static void
say_nothing(j_common_ptr c)
{
	(void)c;
}

/* The last line again where a picture has no more, as T.81 A.2.4 proposes. */
static void
point_at(JSAMPROW *row, const AVFrame *f, int plane, int from, int n, int height)
{
	for (int i = 0; i < n; i++) {
		int y = from + i < height ? from + i : height - 1;

		row[i] = f->data[plane] + (ptrdiff_t)y * f->linesize[plane];
	}
}

/* A line is read up to the end of its last block. */
static void
extend(const AVFrame *f)
{
	for (int i = 0; i < 3; i++) {
		int block = i == 0 ? 16 : 8, w = i == 0 ? f->width : (f->width + 1) / 2;
		int h = i == 0 ? f->height : (f->height + 1) / 2;
		size_t n = (size_t)((w + block - 1) / block * block - w);

		for (int y = 0; y < h; y++) {
			uint8_t *end = f->data[i] + (ptrdiff_t)y * f->linesize[i] + w;

			memset(end, end[-1], n);
		}
	}
}

static void
set_up(struct jpeg_compress_struct *c, const struct jpeg *j, const AVFrame *f)
{
	c->image_width = (JDIMENSION)f->width;
	c->image_height = (JDIMENSION)f->height;
	c->input_components = 3;
	c->in_color_space = JCS_YCbCr;
	jpeg_set_defaults(c);
	jpeg_set_quality(c, j->quality, TRUE);
	c->raw_data_in = TRUE;
	c->optimize_coding = TRUE;
	c->density_unit = 0;		/* an aspect: */
	c->X_density = c->Y_density = 1;
	for (int i = 0; i < 3; i++)
		c->comp_info[i].h_samp_factor = c->comp_info[i].v_samp_factor = i == 0 ? 2 : 1;
}

/* Planes of 4:2:0 in full range. */
static int
compress(const struct jpeg *j, const AVFrame *f, uint8_t **data, size_t *len)
{
	struct failure failure;
	struct jpeg_compress_struct c = { .err = jpeg_std_error(&failure.manager) };
	JSAMPROW row[3][LINES];
	JSAMPARRAY planes[3] = { row[0], row[1], row[2] };
	unsigned char *p = NULL;
	unsigned long size = 0;

	failure.manager.error_exit = give_up;
	failure.manager.output_message = say_nothing;
	if (setjmp(failure.back) != 0) {	/* without memory; it may hold the buffer */
		jpeg_destroy_compress(&c);
		return -ENOMEM;
	}
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &p, &size);
	set_up(&c, j, f);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		int y = (int)c.next_scanline;

		point_at(row[0], f, 0, y, LINES, f->height);
		point_at(row[1], f, 1, y / 2, LINES / 2, (f->height + 1) / 2);
		point_at(row[2], f, 2, y / 2, LINES / 2, (f->height + 1) / 2);
		jpeg_write_raw_data(&c, planes, LINES);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	*data = p;
	*len = size;
	return 0;
}

int
jpeg_put(struct jpeg *j, const AVFrame *f, uint8_t **data, size_t *len)
{
	struct rational sar = { f->sample_aspect_ratio.num, f->sample_aspect_ratio.den };
	int w, h, r;
	AVFrame *g, *sdr = NULL;
	bool limited;

	size_fit(&j->size, f->width, f->height, sar, &w, &h, &limited);
	if (w != j->width || h != j->height) {
		jpeg_free(j);
		recolor_init(&j->recolor, w, h, AV_PIX_FMT_YUV420P, LIGHT_SDR);
		scaler_init(&j->scaler, w, h, AV_PIX_FMT_YUV420P);
		j->scaler.jfif = true;
		j->width = w;
		j->height = h;
	}
	if (color_light(f) != LIGHT_SDR && (sdr = recolor_frame(&j->recolor, f)) == NULL)
		return -EINVAL;
	g = scaler_frame(&j->scaler, sdr != NULL ? sdr : f);
	av_frame_free(&sdr);
	if (g == NULL)
		return -EINVAL;
	extend(g);
	r = compress(j, g, data, len);
	av_frame_free(&g);
	return r;
}

void
jpeg_free(struct jpeg *j)
{
	recolor_free(&j->recolor);
	scaler_free(&j->scaler);
}
