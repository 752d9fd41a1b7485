#include <stdio.h>
#include <string.h>

#include "encode/early.h"

bool
early_able(const struct options *o, char *why, size_t size)
{
	const char *lacks = o->filter.crop.w > 0 ? "--crop goes by the source" :
	    o->filter.chain != NULL ? "--vf goes by the source" : NULL;

	for (unsigned i = 0; i < o->nrung && lacks == NULL; i++) {
		const struct rung_spec *r = &o->rung[i];

		lacks = r->copy ? "it is the source as it is" :
		    r->crop.w > 0 ? "its crop= goes by the source" :
		    r->fps.num <= 0 ? "it has no fps= of its own" :
		    r->size.lines == 0 && r->size.box_w == 0 ?
		    "it is as large as the source" : NULL;
		if (lacks != NULL) {
			snprintf(why, size, "rung '%s': %s", r->text, lacks);
			return false;
		}
	}
	if (lacks != NULL)
		snprintf(why, size, "%s", lacks);
	return lacks == NULL;
}

/* As large as the source is taken to be. */
static void
shape(const struct options *o, int *width, int *height)
{
	int w = 16, h = 9;

	*height = 0;
	for (unsigned i = o->nrung; i-- > 0;)
		if (o->rung[i].size.box_w > 0) {
			w = o->rung[i].size.box_w;
			h = o->rung[i].size.box_h;
		}
	for (unsigned i = 0; i < o->nrung; i++) {
		const struct size_spec *s = &o->rung[i].size;
		int lines = s->lines > 0 ? s->lines : s->box_h;

		*height = lines > *height ? lines : *height;
	}
	*width = (int)((int64_t)*height * w / h + 1) / 2 * 2;
	*height = (*height + 1) / 2 * 2;
}

AVFrame *
early_picture(const struct options *o)
{
	AVFrame *f = av_frame_alloc();

	if (f == NULL)
		return NULL;
	shape(o, &f->width, &f->height);
	f->format = AV_PIX_FMT_YUV420P;
	f->sample_aspect_ratio = (AVRational){ 1, 1 };
	color_take(f, o->color, o->force_color);
	if (av_frame_get_buffer(f, 0) < 0) {
		av_frame_free(&f);
		return NULL;
	}
	for (int i = 0; i < 3; i++)
		memset(f->data[i], i == 0 ? 16 : 128, (size_t)f->linesize[i] *
		    (size_t)(i == 0 ? f->height : f->height / 2));
	return f;
}
