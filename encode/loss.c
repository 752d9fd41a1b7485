#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/loss.h"
#include "encode/slate.h"
#include "lib/base/clk.h"
#include "lib/base/opt.h"

#define ERASE	4		/* pictures that erase captions */

/* ---- the option */

static void
parse_step(struct loss_step *s, const char *item)
{
	const char *value = strchr(item, '=');
	size_t n = value != NULL ? (size_t)(value - item) : strlen(item);
	char *end;

	*s = (struct loss_step){ .ns = INT64_MAX };
	if (n == 6 && strncmp(item, "repeat", n) == 0) {
		s->kind = LOSS_REPEAT;
	} else if (n == 5 && strncmp(item, "black", n) == 0) {
		s->kind = LOSS_BLACK;
	} else if (n == 5 && strncmp(item, "slate", n) == 0 && value != NULL) {
		s->kind = LOSS_SLATE;
		s->picture = slate_read(value + 1);
		return;
	} else if (n == 5 && strncmp(item, "color", n) == 0 && value != NULL &&
	    strspn(value + 1, "0123456789abcdefABCDEF") == 6 && value[7] == '\0') {
		s->kind = LOSS_COLOR;
		s->rgb = (uint32_t)strtoul(value + 1, &end, 16);
		return;
	} else {
		fatal(EXIT_USAGE, 0, "--on-loss '%s' is none of repeat, black, slate=FILE "
		    "and color=RRGGBB", item);
	}
	if (value != NULL)
		s->ns = (int64_t)opt_duration("on-loss", value + 1);
}

void
loss_parse(struct loss *l, const char *list)
{
	char item[1024];

	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");

		if (l->nstep == LOSS_STEPS || n >= sizeof(item))
			fatal(EXIT_USAGE, 0, "--on-loss '%s' is too long", list);
		if (l->nstep > 0 && l->step[l->nstep - 1].ns == INT64_MAX)
			fatal(EXIT_USAGE, 0, "--on-loss '%s': what has no time is the last",
			    list);
		snprintf(item, sizeof(item), "%.*s", (int)n, p);
		parse_step(&l->step[l->nstep++], item);
		p += n;
		if (*p == '\0')
			break;
	}
	/* Behind the last time, black. */
	if (l->step[l->nstep - 1].ns != INT64_MAX) {
		if (l->nstep == LOSS_STEPS)
			fatal(EXIT_USAGE, 0, "--on-loss '%s' is too long", list);
		l->step[l->nstep++] = (struct loss_step){ .kind = LOSS_BLACK,
		    .ns = INT64_MAX };
	}
}

void
loss_free(struct loss *l)
{
	for (unsigned i = 0; i < l->nstep; i++) {
		av_frame_free(&l->step[i].picture);
		av_frame_free(&l->step[i].fitted);
	}
}

/* ---- pictures */

/* One colour, as large as the pictures of the source. */
static AVFrame *
plain(const AVFrame *like, uint32_t rgb)
{
	AVFrame *f = av_frame_alloc();

	if (f == NULL)
		return NULL;
	f->format = AV_PIX_FMT_RGB24;
	f->width = like->width;
	f->height = like->height;
	f->sample_aspect_ratio = like->sample_aspect_ratio;
	if (av_frame_get_buffer(f, 0) < 0) {
		av_frame_free(&f);
		return NULL;
	}
	for (int y = 0; y < f->height; y++)
		for (int x = 0; x < f->width; x++) {
			uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0] + 3 * x;

			p[0] = (uint8_t)(rgb >> 16);
			p[1] = (uint8_t)(rgb >> 8);
			p[2] = (uint8_t)rgb;
		}
	return f;
}

/* The picture of a step in the size, format and colours of the source. */
static const AVFrame *
fit(struct loss_step *s, const AVFrame *like)
{
	AVFrame *f;
	struct scaler scaler;

	if (s->fitted != NULL && s->fitted->width == like->width &&
	    s->fitted->height == like->height && s->fitted->format == like->format)
		return s->fitted;
	av_frame_free(&s->fitted);
	f = s->picture != NULL ? av_frame_clone(s->picture) : plain(like, s->rgb);
	scaler_init(&scaler, like->width, like->height, (enum AVPixelFormat)like->format);
	if (f != NULL) {
		f->colorspace = like->colorspace;
		s->fitted = scaler_frame(&scaler, f);
	}
	if (s->fitted == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot make a picture for --on-loss");
	s->fitted->sample_aspect_ratio = like->sample_aspect_ratio;
	s->fitted->color_primaries = like->color_primaries;
	s->fitted->color_trc = like->color_trc;
	av_frame_free(&f);
	scaler_free(&scaler);
	return s->fitted;
}

/* What is shown so long after the last picture. */
static struct loss_step *
step_at(struct loss *l, int64_t ns)
{
	unsigned i = 0;

	/* There is nothing to repeat yet. */
	while (l->early && l->step[i].kind == LOSS_REPEAT && i < l->nstep - 1)
		i++;
	for (; i < l->nstep - 1 && ns >= l->step[i].ns; i++)
		ns -= l->step[i].ns;
	return &l->step[i];
}

/* ---- the clock */

static int64_t
ns_of(const struct vtrack *v, int64_t pictures)
{
	struct rational r = v->timing.grid.rate;

	return rescale_near(pictures * r.den, CLK_SECOND, r.num);
}

/* Pictures of the source move the clock. */
static void
follow(struct loss *l, const struct vtrack *v)
{
	if (v->pictures == l->seen) {
		if (l->on && v->timing.dropped != l->late) {
			l->last_ns = clk_mono_ns();
			l->last_k = v->timing.next_k - 1;
		}
		l->late = v->timing.dropped;
		return;
	}
	if (l->on)
		log_info("pictures come again after %" PRId64 " ms",
		    (clk_mono_ns() - l->last_ns) / 1000000);
	l->on = l->early = false;
	l->seen = v->pictures;
	l->last_ns = clk_mono_ns();
	l->last_k = v->timing.next_k - 1;
}

static bool
able(const struct loss *l, const struct vtrack *v)
{
	return l->nstep > 0 && v->started && v->last != NULL &&
	    v->epoch->mode == EPOCH_LIVE && (l->seen > 0 || l->early);
}

void
loss_begin_early(struct loss *l, const struct vtrack *v)
{
	l->on = l->early = true;
	l->losses++;
	l->seen = v->pictures;
	l->last_ns = clk_mono_ns();
	l->last_k = v->timing.next_k - 1;
}

int64_t
loss_wait(const struct loss *l, const struct vtrack *v, int64_t most_ns)
{
	int64_t ns;

	if (!able(l, v))
		return most_ns;
	ns = l->last_ns + LOSS_LATE + ns_of(v, v->timing.next_k - l->last_k) -
	    clk_mono_ns();
	return ns < 1000000 ? 1000000 : ns < most_ns ? ns : most_ns;
}

bool
loss_fill(struct loss *l, struct vtrack *v)
{
	int64_t now = clk_mono_ns(), since;
	bool some = false;

	follow(l, v);
	if (!able(l, v))
		return false;
	while ((since = ns_of(v, v->timing.next_k - l->last_k)) + LOSS_LATE <=
	    now - l->last_ns) {
		struct loss_step *s = step_at(l, since);

		if (!l->on && v->nlate > 0) {	/* these first */
			vtrack_show_late(v);
			follow(l, v);
			continue;
		}
		if (!l->on) {
			log_warn(0, "no pictures for %" PRId64 " ms: others in their place",
			    (now - l->last_ns) / 1000000);
			l->losses++;
		}
		l->on = some = true;
		vtrack_fill(v, s->kind == LOSS_REPEAT ? v->last : fit(s, v->last),
		    v->timing.next_k - l->last_k <= ERASE ?
		    (int)(v->timing.next_k - l->last_k) - 1 : -1);
		l->seen = v->pictures;
		l->filled++;
		l->fill_ns += ns_of(v, 1);
	}
	return some;
}
