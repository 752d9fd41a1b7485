#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/display.h>

#include "encode/filter.h"
#include "lib/base/log.h"

#define FORMATS	"format=yuv420p|yuv422p|yuv444p|yuv420p10le|yuv422p10le|yuv444p10le"
#define ROOM	(384 + sizeof(FORMATS))

/* ---- what is asked for */

bool
filter_known(const char *chain)
{
	AVFilterGraph *g = avfilter_graph_alloc();
	AVFilterInOut *in = NULL, *out = NULL;
	bool good;

	if (g == NULL)
		return false;
	good = avfilter_graph_parse2(g, chain, &in, &out) >= 0 && in != NULL &&
	    in->next == NULL && out != NULL && out->next == NULL;
	avfilter_inout_free(&in);
	avfilter_inout_free(&out);
	avfilter_graph_free(&g);
	return good;
}

void
filter_init(struct filter *f, const struct filter_spec *spec, int threads)
{
	*f = (struct filter){ .spec = spec, .threads = threads };
}

/* ---- the chain */

/*
 * As the picture is to be shown: turned, mirrored or both.  The message comes with a key
 * picture and is for those behind it, too.
 */
static const char *
turn_of(const struct filter *f, const AVFrame *in)
{
	const AVFrameSideData *d = av_frame_get_side_data(in, AV_FRAME_DATA_DISPLAYMATRIX);
	int32_t m[9];
	double angle;

	switch (f->spec->turn) {
	case TURN_NONE:	return "";
	case TURN_90:	return "transpose=clock";
	case TURN_180:	return "hflip,vflip";
	case TURN_270:	return "transpose=cclock";
	case TURN_AUTO:	break;
	}
	if (d == NULL || d->size < sizeof(m))
		return in->key_frame ? "" : f->turned;
	memcpy(m, d->data, sizeof(m));
	angle = -av_display_rotation_get(m);
	if (isnan(angle))
		return "";
	angle -= 360 * floor(angle / 360 + 0.5 / 360);
	if (fabs(angle - 90) < 1)
		return m[3] > 0 ? "transpose=cclock_flip" : "transpose=clock";
	if (fabs(angle - 180) < 1)
		return m[0] < 0 && m[4] < 0 ? "hflip,vflip" : m[0] < 0 ? "hflip" : "vflip";
	if (fabs(angle - 270) < 1)
		return m[3] < 0 ? "transpose=clock_flip" : "transpose=cclock";
	return fabs(angle) < 1 && m[4] < 0 ? "vflip" : "";
}

static void
add(char *chain, size_t size, const char *what)
{
	size_t n = strlen(chain);

	if (*what != '\0')
		snprintf(chain + n, size - n, "%s%s", n > 0 ? "," : "", what);
}

/* From a window of five pictures, so that it does not matter which was the first. */
static const char *
denoiser(int level)
{
	static const char *const filters[] = {
		"", "atadenoise=s=5:0a=0.02:0b=0.04:1a=0.02:1b=0.04:2a=0.02:2b=0.04",
		"atadenoise=s=5:0a=0.04:0b=0.08:1a=0.04:1b=0.08:2a=0.04:2b=0.08",
		"atadenoise=s=5:0a=0.07:0b=0.15:1a=0.07:1b=0.15:2a=0.07:2b=0.15",
	};

	return filters[level];
}

/* All that is to be done; the caller's, or NULL. */
static char *
make_chain(const struct filter_spec *s, const char *turned)
{
	size_t size = ROOM + (s->chain != NULL ? strlen(s->chain) : 0);
	char *chain = calloc(1, size), crop[64];

	if (chain == NULL)
		return NULL;
	if (s->crop.w > 0) {
		snprintf(crop, sizeof(crop), "crop=%d:%d", s->crop.w, s->crop.h);
		if (s->crop.x >= 0)
			snprintf(crop, sizeof(crop), "crop=%d:%d:%d:%d", s->crop.w, s->crop.h,
			    s->crop.x, s->crop.y);
		add(chain, size, crop);
	}
	add(chain, size, turned);
	add(chain, size, denoiser(s->denoise));
	if (s->chain != NULL)
		add(chain, size, s->chain);
	if (*chain != '\0')
		add(chain, size, FORMATS);
	return chain;
}

/* libavfilter moves a part that does not lie within the picture; we say so. */
static bool
crop_fits(const struct filter_spec *s, const AVFrame *in)
{
	int x = s->crop.x > 0 ? s->crop.x : 0, y = s->crop.y > 0 ? s->crop.y : 0;

	return s->crop.w == 0 || (x + s->crop.w <= in->width && y + s->crop.h <= in->height);
}

static int
connect_graph(struct filter *f, const AVFrame *in, struct rational rate, const char *chain)
{
	AVFilterInOut *ins = NULL, *outs = NULL;
	char args[192];
	int err = -EINVAL;

	snprintf(args, sizeof(args), "video_size=%dx%d:pix_fmt=%d:time_base=1/90000:"
	    "pixel_aspect=%d/%d:frame_rate=%lld/%lld", in->width, in->height, in->format,
	    in->sample_aspect_ratio.num, in->sample_aspect_ratio.den > 0 ?
	    in->sample_aspect_ratio.den : 1, (long long)rate.num, (long long)rate.den);
	if (avfilter_graph_create_filter(&f->in, avfilter_get_by_name("buffer"), "in", args,
	    NULL, f->graph) >= 0 &&
	    avfilter_graph_create_filter(&f->out, avfilter_get_by_name("buffersink"), "out",
	    NULL, NULL, f->graph) >= 0 &&
	    avfilter_graph_parse2(f->graph, chain, &ins, &outs) >= 0 &&
	    ins != NULL && ins->next == NULL && outs != NULL && outs->next == NULL &&
	    avfilter_link(f->in, 0, ins->filter_ctx, (unsigned)ins->pad_idx) >= 0 &&
	    avfilter_link(outs->filter_ctx, (unsigned)outs->pad_idx, f->out, 0) >= 0 &&
	    avfilter_graph_config(f->graph, NULL) >= 0)
		err = 0;
	avfilter_inout_free(&ins);
	avfilter_inout_free(&outs);
	return err;
}

static int
open_graph(struct filter *f, const AVFrame *in, struct rational rate)
{
	const char *turned = turn_of(f, in);
	char *chain = make_chain(f->spec, turned);
	int err = -ENOMEM;

	filter_restart(f);
	f->open = true;
	f->width = in->width;
	f->height = in->height;
	f->format = in->format;
	f->sar = in->sample_aspect_ratio;
	if (turned != f->turned)
		snprintf(f->turned, sizeof(f->turned), "%s", turned);
	if (chain != NULL && *chain == '\0')
		err = 0;
	else if (chain != NULL && !crop_fits(f->spec, in))
		err = -EINVAL;
	else if (chain != NULL && (f->graph = avfilter_graph_alloc()) != NULL) {
		f->graph->nb_threads = f->threads;
		err = connect_graph(f, in, rate, chain);
	}
	free(chain);
	if (err < 0)
		avfilter_graph_free(&f->graph);
	return err;
}

AVFrame *
filter_shape(struct filter *f, const AVFrame *first, struct rational rate)
{
	AVFrame *shape;

	if (open_graph(f, first, rate) < 0)
		return NULL;
	shape = av_frame_alloc();
	if (shape == NULL || av_frame_copy_props(shape, first) < 0) {
		av_frame_free(&shape);
		return NULL;
	}
	shape->width = first->width;
	shape->height = first->height;
	shape->format = first->format;
	if (f->graph != NULL) {
		shape->width = av_buffersink_get_w(f->out);
		shape->height = av_buffersink_get_h(f->out);
		shape->format = av_buffersink_get_format(f->out);
		shape->sample_aspect_ratio = av_buffersink_get_sample_aspect_ratio(f->out);
	}
	return shape;
}

/* ---- pictures */

bool
filter_fits(const struct filter *f, const AVFrame *in)
{
	return !f->open || (f->width == in->width && f->height == in->height &&
	    f->format == in->format && av_cmp_q(f->sar, in->sample_aspect_ratio) == 0 &&
	    strcmp(f->turned, turn_of(f, in)) == 0);
}

void
filter_put(struct filter *f, AVFrame *in, struct rational rate)
{
	if (!f->open && open_graph(f, in, rate) < 0 && !f->told) {
		log_warn(0, "pictures of %dx%d are not cut or filtered: it does not fit",
		    in->width, in->height);
		f->told = true;
	}
	if (f->graph == NULL) {
		av_frame_free(&f->waiting);
		f->waiting = in;
		return;
	}
	if (av_buffersrc_add_frame(f->in, in) < 0)
		log_debug("cannot filter a picture");
	av_frame_free(&in);
}

AVFrame *
filter_get(struct filter *f)
{
	AVFrame *out = f->waiting;

	f->waiting = NULL;
	if (out != NULL || f->graph == NULL)
		return out;
	out = av_frame_alloc();
	if (out == NULL || av_buffersink_get_frame(f->out, out) < 0) {
		av_frame_free(&out);
		return NULL;
	}
	out->pts = av_rescale_q(out->pts, av_buffersink_get_time_base(f->out),
	    (AVRational){ 1, 90000 });
	av_frame_remove_side_data(out, AV_FRAME_DATA_DISPLAYMATRIX);
	return out;
}

void
filter_drain(struct filter *f)
{
	if (f->graph != NULL && av_buffersrc_add_frame(f->in, NULL) < 0)
		filter_restart(f);
}

void
filter_restart(struct filter *f)
{
	avfilter_graph_free(&f->graph);
	f->in = f->out = NULL;
	f->open = false;
}

void
filter_free(struct filter *f)
{
	filter_restart(f);
	av_frame_free(&f->waiting);
}
