#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/copy.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"

#define SAME	45			/* ticks: the time of a picture, rounded elsewhere */
#define ABSENT	INT64_C(90000)		/* so long without a unit is an absence */
#define JUMP	(5 * INT64_C(90000))

void
copy_init(struct copy *c, const char *text, struct output *out,
    struct output_stream *stream)
{
	*c = (struct copy){
		.text = text, .out = out, .stream = stream, .required = true,
		.src_pts = PES_NO_TIME, .src_dts = PES_NO_TIME, .last_dts = PES_NO_TIME,
		.segment_t = PES_NO_TIME,
	};
	c->tail = &c->head;
}

static struct copy_unit *
take_head(struct copy *c)
{
	struct copy_unit *h = c->head;

	c->head = h->next;
	if (c->head == NULL)
		c->tail = &c->head;
	c->held -= h->u->len;
	return h;
}

static void
drop_head(struct copy *c)
{
	struct copy_unit *h = take_head(c);

	free(h->u);
	free(h);
}

void
copy_free(struct copy *c)
{
	while (c->head != NULL)
		drop_head(c);
	if (c->codec != CODEC_UNKNOWN)
		video_free(&c->video);
	c->codec = CODEC_UNKNOWN;
}

static void
set_required(struct copy *c, bool required)
{
	if (c->required == required)
		return;
	c->required = required;
	output_require(c->out, c->stream, required);
}

bool
copy_codec(struct copy *c, enum codec codec)
{
	uint8_t type = codec == CODEC_HEVC ? 0x24 : 0x1b;

	if (codec == c->codec)
		return true;
	for (; c->units == 0 && c->head != NULL; c->dropped++)
		drop_head(c);		/* the tables will say the new one */
	if (c->codec != CODEC_UNKNOWN)
		video_free(&c->video);
	c->codec = CODEC_UNKNOWN;
	c->going = false;
	if ((codec != CODEC_AVC && codec != CODEC_HEVC) ||
	    (c->units > 0 && type != c->stream->stream_type))
		return false;
	c->codec = codec;
	c->stream->stream_type = type;
	video_init(&c->video, codec);
	return true;
}

/* ---- what comes in */

/* Times that are not said are counted on. */
static bool
complete(struct copy *c, int64_t *pts, int64_t *dts)
{
	if (*pts == PES_NO_TIME) {
		if (c->src_dts == PES_NO_TIME)
			return false;
		if (*dts == PES_NO_TIME)
			*dts = c->src_dts + c->step;
		*pts = *dts + c->reorder;
	}
	if (*dts == PES_NO_TIME)
		*dts = *pts;
	return true;
}

/* Is this one to be passed on?  After a break only from an IDR picture on. */
static bool
admit(struct copy *c, const struct video_unit *u, int64_t pts, int64_t dts)
{
	if (c->going && dts <= c->src_dts)
		c->going = false;
	if (!c->going) {
		if (!video_sync(u) || (c->src_pts != PES_NO_TIME && pts <= c->src_pts))
			return false;
		c->going = true;
		c->first_pts = pts;
	}
	return pts >= c->first_pts;
}

void
copy_unit(struct copy *c, const uint8_t *data, size_t len, int64_t pts, int64_t dts,
    bool damaged)
{
	struct copy_unit *n;
	struct video_unit u;

	if (c->codec == CODEC_UNKNOWN)
		return;
	if (video_unit(&c->video, data, len, damaged, &u) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the input");
	if (!u.picture || !complete(c, &pts, &dts))
		return;
	if (!admit(c, &u, pts, dts)) {
		c->dropped++;
		return;
	}
	if (c->src_dts != PES_NO_TIME && dts > c->src_dts)
		c->step = dts - c->src_dts;
	c->src_dts = dts;
	c->src_pts = c->src_pts == PES_NO_TIME || pts > c->src_pts ? pts : c->src_pts;
	if (pts - dts > c->reorder)
		c->reorder = pts - dts;
	n = malloc(sizeof(*n));
	if (n == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the input");
	*n = (struct copy_unit){
		.u = output_unit_new(data, len), .waits = video_sync(&u),
		.open = u.access == VIDEO_OPEN, .changed = u.changed,
	};
	n->u->pts = pts;
	n->u->dts = dts;
	n->u->random_access = video_sync(&u);
	*c->tail = n;
	c->tail = &n->next;
	c->held += len;
	if (n->open && !c->said_open) {
		log_warn(0, "rung '%s': the source has open GOPs; who switches to it misses "
		    "the pictures before their first", c->text);
		c->said_open = true;
	}
	copy_flush(c, false);
}

/* ---- what goes out */

void
copy_start(struct copy *c, const struct grid *grid, int64_t phase, bool alone,
    struct rational rate, int64_t part)
{
	c->grid = grid;
	c->rate = rate;
	c->part = part;
	c->phase = phase;
	c->alone = alone;
	copy_flush(c, false);
}

/*
 * The time of the nearest place of the grid, unless it is far from it, as those of
 * a source with pictures at odd times are.
 */
static int64_t
on_grid(const struct copy *c, int64_t t)
{
	int64_t at = grid_time(c->grid, grid_picture(c->grid, t));

	return llabs(at - t) * 4 * c->grid->rate.num <= 90000 * c->grid->rate.den ? at : t;
}

/* The picture with which a fragment begins, as those of the other rungs do. */
static void
mark_fragment(const struct copy *c, const struct copy_unit *h)
{
	struct output_unit *u = h->u;
	int64_t n;

	if (c->part == 0 || u->has_ebp || c->segment_t == PES_NO_TIME)
		return;
	n = rescale_near(u->pts - c->segment_t, c->rate.num, 90000 * c->rate.den);
	if (n <= 0 || n % c->part != 0)
		return;
	u->has_ebp = true;
	u->ebp = (struct ebp){
		.fragment = true, .sap_type = !u->random_access ? 0 : h->open ? 3 : 1,
		.has_time = c->epoch != NULL,
	};
	if (c->epoch != NULL)
		u->ebp.ntp = clk_ns_to_ntp(epoch_utc_ns(c->epoch, u->pts + c->phase));
}

static void
put(struct copy *c, struct copy_unit *h)
{
	struct output_unit *u = h->u;
	int64_t t = u->pts - c->phase, pts = on_grid(c, t);

	u->dts += pts - u->pts;
	u->pts = pts;
	if (c->last_dts != PES_NO_TIME && u->dts <= c->last_dts)
		u->dts = c->last_dts + 1;
	if (u->pts < u->dts)
		u->pts = u->dts;
	u->jump = c->alone && c->last_dts != PES_NO_TIME && u->dts - c->last_dts > JUMP;
	mark_fragment(c, h);
	c->last_dts = u->dts;
	c->units++;
	set_required(c, true);
	output_put(c->out, c->stream, u);
	free(h);
}

void
copy_flush(struct copy *c, bool all)
{
	while (c->head != NULL && c->grid != NULL && (all || !c->head->waits))
		put(c, take_head(c));
	while (c->held > COPY_HOLD) {
		if (c->grid != NULL) {
			put(c, take_head(c));
		} else {
			drop_head(c);
			c->dropped++;
		}
	}
}

struct copy_unit *
copy_shown(struct copy *c, int64_t t)
{
	for (struct copy_unit *u = c->head; u != NULL; u = u->next) {
		if (!u->waits || u->u->pts > t + SAME)
			continue;
		if (u->u->pts >= t - SAME)
			return u;
		u->waits = false;	/* its picture was left out */
	}
	return NULL;
}

void
copy_place(struct copy *c, struct copy_unit *u, int64_t k, const struct ebp *ebp)
{
	int64_t t = grid_time(c->grid, k) + c->phase;

	u->u->dts += t - u->u->pts;
	u->u->pts = t;
	u->waits = false;
	if (ebp == NULL)
		return;
	c->segment_t = grid_time(c->grid, k);
	u->u->ebp = *ebp;
	u->u->ebp.sap_type = u->open ? 3 : 1;
	u->u->has_ebp = true;
}

void
copy_watch(struct copy *c, int64_t t)
{
	struct copy_unit *h = c->head;

	if (c->grid != NULL && h != NULL && t - (h->u->pts - c->phase) > ABSENT) {
		h->waits = false;	/* it is not going to be shown */
		copy_flush(c, false);
	}
	if (c->head == NULL && (c->last_dts == PES_NO_TIME || t - c->last_dts > ABSENT))
		set_required(c, false);
}
