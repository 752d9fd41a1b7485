#include <string.h>

#include <libavutil/pixdesc.h>

#include "encode/coder.h"
#include "encode/quality.h"
#include "lib/base/log.h"

static const struct coder_ops *
ops_of(const struct rung_spec *r)
{
	return r->codec == CODEC_HEVC ? &coder_hevc : &coder_avc;
}

const char *
coder_check(const struct rung_spec *r)
{
	return ops_of(r)->check(r);
}

enum AVPixelFormat
coder_pixels(const struct rung_spec *r, enum AVPixelFormat source)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(source);
	bool deep = d != NULL && d->comp[0].depth > 8;

	if (r->codec != CODEC_HEVC)
		return strcmp(r->profile, "high10") == 0 ? AV_PIX_FMT_YUV420P10 :
		    AV_PIX_FMT_YUV420P;
	if (strcmp(r->profile, "main") == 0)
		deep = false;
	else if (strcmp(r->profile, "main10") == 0)
		deep = true;
	return deep ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
}

bool
coder_params(const struct rung_spec *r,
    int (*parse)(void *p, const char *name, const char *value), void *p)
{
	char copy[sizeof(r->params)], *rest = copy, *item;

	memcpy(copy, r->params, sizeof(copy));
	while (rest != NULL && *rest != '\0') {
		char *eq;

		item = strsep(&rest, ":");
		eq = strchr(item, '=');
		if (eq != NULL)
			*eq = '\0';
		if (parse(p, item, eq != NULL ? eq + 1 : NULL) != 0)
			return false;
	}
	return true;
}

int
coder_level(const struct rung_spec *r, const struct coder_format *f,
    const struct level_needs *n, int level)
{
	const char *what = level_lacks(n, level);

	if (what == NULL)
		return level;
	level = level_lowest(n);
	if (f->told)
		return level;
	if (level > 0)
		log_warn(0, "rung '%s': its level is too low for its %s, coded as level %d.%d",
		    r->text, what, level / 10, level % 10);
	else
		log_warn(0, "rung '%s': no level is enough for its %s", r->text, what);
	return level;
}

struct coder_rate
coder_rate_of(const struct rung_spec *r)
{
	int64_t buffer = (int64_t)(r->maxrate / 1000) *
	    (r->vbv_ns / 1000000);

	return (struct coder_rate){
		.mean = (int64_t)r->rate, .most = (int64_t)r->maxrate, .buffer = buffer,
		.fill = buffer * 9 / 10, .crf = quality_crf(r->codec,
		r->vq == VQ_ENHANCED, r->quality > 0 ? r->quality : QUALITY_MOST),
	};
}

int
coder_open(struct coder *c, const struct rung_spec *r,
    const struct coder_format *f, const struct coder_rate *rate)
{
	*c = (struct coder){ .ops = ops_of(r) };
	return c->ops->open(c, r, f, rate);
}

int
coder_set(struct coder *c, const struct coder_rate *rate)
{
	return c->ops->set(c, rate);
}

int
coder_encode(struct coder *c, const struct coder_picture *p,
    struct coder_unit *u)
{
	return c->ops->encode(c, p, u);
}

void
coder_close(struct coder *c)
{
	if (c->private != NULL)
		c->ops->close(c);
	c->private = NULL;
}
