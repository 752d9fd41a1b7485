#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "encode/art.h"
#include "encode/slate.h"

#define FULL	65535

struct art *
art_new(int w, int h)
{
	struct art *a = malloc(sizeof(*a));
	size_t n = (size_t)w * (size_t)h;
	uint16_t *p = calloc(n, 4 * sizeof(*p));

	if (a == NULL || p == NULL) {
		free(a);
		free(p);
		return NULL;
	}
	*a = (struct art){ .w = w, .h = h };
	for (unsigned i = 0; i < 4; i++)
		a->plane[i] = p + i * n;
	return a;
}

void
art_free(struct art *a)
{
	if (a != NULL)
		free(a->plane[0]);
	free(a);
}

/* What JPEG has: to RGB. */
static AVFrame *
to_rgb(const AVFrame *f)
{
	struct SwsContext *sws = sws_getContext(f->width, f->height, f->format, f->width,
	    f->height, AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT,
	    NULL, NULL, NULL);
	AVFrame *rgb = av_frame_alloc();

	if (rgb != NULL) {
		rgb->width = f->width;
		rgb->height = f->height;
		rgb->format = AV_PIX_FMT_RGB24;
	}
	if (sws == NULL || rgb == NULL || av_frame_get_buffer(rgb, 0) < 0 ||
	    sws_scale(sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
	    rgb->data, rgb->linesize) < 0)
		av_frame_free(&rgb);
	sws_freeContext(sws);
	return rgb;
}

/* One component, a line at a time, as 16 bits. */
static void
take_plane(const AVFrame *f, const AVPixFmtDescriptor *d, int c, uint16_t *to)
{
	bool pal = (d->flags & AV_PIX_FMT_FLAG_PAL) != 0;
	unsigned most = pal ? 255 : (1u << d->comp[c].depth) - 1;

	for (int y = 0; y < f->height; y++, to += f->width) {
		av_read_image_line2(to, (const uint8_t **)(void *)(uintptr_t)f->data,
		    f->linesize, d, 0, y, c, f->width, pal, sizeof(*to));
		for (int x = 0; x < f->width && most != FULL; x++)
			to[x] = (uint16_t)((to[x] * FULL + most / 2) / most);
	}
}

static void
multiply(struct art *a)
{
	size_t n = (size_t)a->w * (size_t)a->h;

	for (int c = 0; c < 3; c++)
		for (size_t i = 0; i < n; i++)
			a->plane[c][i] = (uint16_t)(((uint64_t)a->plane[c][i] *
			    a->plane[3][i] + FULL / 2) / FULL);
}

static struct art *
from_rgb(const AVFrame *f)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	bool pal = (d->flags & AV_PIX_FMT_FLAG_PAL) != 0;
	bool alpha = (d->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 || pal;
	bool gray = d->nb_components < 3 && !pal;
	struct art *a = art_new(f->width, f->height);
	size_t n = (size_t)f->width * (size_t)f->height;

	if (a == NULL)
		return NULL;
	for (int c = 0; c < 3; c++)
		take_plane(f, d, gray ? 0 : c, a->plane[c]);
	if (alpha)
		take_plane(f, d, gray ? 1 : 3, a->plane[3]);
	else
		for (size_t i = 0; i < n; i++)
			a->plane[3][i] = FULL;
	multiply(a);
	return a;
}

int
art_read(const char *path, struct art **out)
{
	const AVPixFmtDescriptor *d;
	AVFrame *f, *rgb;
	struct stat st;
	int err;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))	/* what would have to be waited for, for instance */
		return -EBADMSG;
	err = slate_load(path, &f);
	if (err < 0)
		return err;
	if (f->width > ART_SIDE || f->height > ART_SIDE) {
		av_frame_free(&f);
		return -EFBIG;
	}
	d = av_pix_fmt_desc_get(f->format);
	if (d->nb_components >= 3 && (d->flags & AV_PIX_FMT_FLAG_RGB) == 0) {
		rgb = to_rgb(f);
		av_frame_free(&f);
		f = rgb;
	}
	*out = f != NULL ? from_rgb(f) : NULL;
	av_frame_free(&f);
	return *out != NULL ? 0 : -ENOMEM;
}

struct art *
art_scale(const struct art *a, int w, int h)
{
	struct art *out = art_new(w, h);
	struct SwsContext *sws = sws_getContext(a->w, a->h, AV_PIX_FMT_GRAY16LE, w, h,
	    AV_PIX_FMT_GRAY16LE, (w < a->w || h < a->h ? SWS_AREA : SWS_BICUBIC) |
	    SWS_ACCURATE_RND, NULL, NULL, NULL);
	int from_line[4] = { 2 * a->w }, to_line[4] = { 2 * w };

	for (int c = 0; c < 4 && out != NULL && sws != NULL; c++) {
		const uint8_t *from[4] = { (const uint8_t *)a->plane[c] };
		uint8_t *to[4] = { (uint8_t *)out->plane[c] };

		sws_scale(sws, from, from_line, 0, a->h, to, to_line);
	}
	if (sws == NULL) {
		art_free(out);
		out = NULL;
	}
	sws_freeContext(sws);
	return out;
}
