/* The layers that are there, on a picture. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/fields.h"
#include "encode/overlay.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"

#define SIDE_MAX	8192

static _Noreturn void
no_memory(void)
{
	fatal(EXIT_RUNTIME, ENOMEM, "cannot hold a layer");
}

/* How much of it is to be seen: 0 to PAINT_FULL. */
static int
gain_at(const struct overlay_layer *l, int64_t t)
{
	int64_t in = PAINT_FULL, out = PAINT_FULL;

	if (!l->timed || t < l->from || t >= l->to)
		return 0;
	if (l->from != OVERLAY_EVER && l->fade_in > 0 && t - l->from < l->fade_in)
		in = (t - l->from) * PAINT_FULL / l->fade_in;
	if (l->to != OVERLAY_NEVER && l->fade_out > 0 && l->to - t < l->fade_out)
		out = (l->to - t) * PAINT_FULL / l->fade_out;
	return (int)(in < out ? in : out);
}

static bool
is_on(const struct overlay_layer *l, unsigned rung)
{
	return l->spec.rungs == 0 || (l->spec.rungs >> rung & 1) != 0;
}

/* In pixels of a rung with so many, where the source has others. */
static int
length(const struct layer_length *v, int rung, int source)
{
	int64_t n = v->percent ? rescale_near(v->v, rung, 100000) :
	    rescale_near(v->v, rung, (int64_t)1000 * source);

	return n < 1 ? 1 : n > SIDE_MAX ? SIDE_MAX : (int)n;
}

static int
place(const struct layer_length *v, int size, int rung, int source)
{
	int n = v->v == 0 ? 0 : length(v, rung, source);

	return v->center ? (rung - size) / 2 : v->from_end ? rung - size - n : n;
}

static int
side(int64_t v, int64_t num, int64_t den)
{
	int64_t n = rescale_near(v, num, den);

	return n < 1 ? 1 : n > SIDE_MAX ? SIDE_MAX : (int)n;
}

/* As large as it is in the rung; the aspect stays where one side is not said. */
static struct art *
fit_picture(const struct overlay *o, const struct overlay_layer *l,
    const struct paint_ground *g)
{
	const struct layer_spec *s = &l->spec;
	bool has_w = s->width.v > 0, has_h = s->height.v > 0;
	/* Of a rung with bars or cut sides the smaller scale: nothing is stretched. */
	bool wide = (int64_t)g->width * o->height > (int64_t)g->height * o->width;
	int num = wide ? g->height : g->width, den = wide ? o->height : o->width;
	int w = has_w ? length(&s->width, g->width, o->width) : side(l->art->w, num, den);
	int h = has_h ? length(&s->height, g->height, o->height) :
	    side(l->art->h, num, den);

	if (has_w && !has_h)
		h = side(w, l->art->h, l->art->w);
	else if (has_h && !has_w)
		w = side(h, l->art->w, l->art->h);
	return art_scale(l->art, w, h);
}

static struct art *
set_text(const struct overlay *o, const struct overlay_layer *l,
    const struct paint_ground *g, const char *text)
{
	const struct layer_spec *s = &l->spec;
	struct letters_look look = {
		.size = length(&s->size, g->height, o->height), .color = s->color,
		.box = s->box, .box_opacity = s->box_opacity,
		.align = s->x.center ? LETTERS_CENTER : s->x.from_end ? LETTERS_RIGHT :
		    LETTERS_LEFT,
	};

	return letters_draw(l->letters, &look, text);
}

static const struct paint_ground *
ground_of(struct overlay *o, unsigned rung)
{
	struct overlay_ground *g = &o->rung[rung];
	const struct tonemap_spec spec = {
		.from = LIGHT_SDR, .to = g->light, .peak = TONEMAP_PEAK, .depth = 10,
	};

	if (g->light == LIGHT_SDR || g->table != NULL)
		return &g->ground;
	g->table = malloc(sizeof(*g->table));
	if (g->table == NULL)
		no_memory();
	tonemap_init(g->table, &spec);
	g->ground.hdr = g->table;
	return &g->ground;
}

static void
make(struct overlay *o, struct overlay_layer *l, unsigned rung, const char *text)
{
	const struct paint_ground *g = ground_of(o, rung);
	const struct layer_spec *s = &l->spec;
	struct art *a = s->kind == LAYER_IS_TEXT ? set_text(o, l, g, text) :
	    fit_picture(o, l, g);

	paint_free(l->in[rung].paint);
	l->in[rung].paint = NULL;
	l->in[rung].made = true;
	if (a == NULL)			/* a text that is empty */
		return;
	l->in[rung].paint = paint_new(a, place(&s->x, a->w, g->width, o->width),
	    place(&s->y, a->h, g->height, o->height), s->opacity, g);
	art_free(a);
	if (l->in[rung].paint == NULL)
		no_memory();
}

/* Made for the rung, and for a text as it reads now. */
static void
prepare(struct overlay *o, struct overlay_layer *l, unsigned rung, const char *timecode)
{
	const struct fields f = {
		.utc_ns = o->now.utc_ns, .live = o->now.live, .timecode = timecode,
		.since_ns = rescale_near(o->now.t - o->start, CLK_SECOND, 90000),
	};
	char text[sizeof(l->in[0].shown)] = "";

	if (l->spec.kind == LAYER_IS_TEXT)
		fields_fill(&f, l->text, text, sizeof(text));
	if (l->in[rung].made && strcmp(text, l->in[rung].shown) == 0)
		return;
	make(o, l, rung, text);
	memcpy(l->in[rung].shown, text, sizeof(text));
}

bool
overlay_shows(const struct overlay *o, unsigned rung)
{
	for (unsigned i = 0; i < o->n; i++)
		if (is_on(o->layer[i], rung) && gain_at(o->layer[i], o->now.t) > 0)
			return true;
	return false;
}

void
overlay_picture(struct overlay *o, unsigned rung, AVFrame *f, const char *timecode)
{
	for (unsigned i = 0; i < o->n; i++) {
		struct overlay_layer *l = o->layer[i];
		int gain = gain_at(l, o->now.t);

		if (gain == 0 || !is_on(l, rung))
			continue;
		prepare(o, l, rung, timecode);
		if (l->in[rung].paint != NULL)
			paint_on(l->in[rung].paint, f, gain);
	}
}
