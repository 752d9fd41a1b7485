#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/fields.h"
#include "encode/overlay.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"


static _Noreturn void
no_memory(void)
{
	fatal(EXIT_RUNTIME, ENOMEM, "cannot hold a layer");
}

static int64_t
ticks(int64_t ns)
{
	return rescale_near(ns, 90000, CLK_SECOND);
}

static void
forget_paint(struct overlay_layer *l)
{
	for (unsigned i = 0; i < LAYER_RUNGS; i++) {
		paint_free(l->in[i].paint);
		l->in[i].paint = NULL;
		l->in[i].made = false;
	}
}

static void
free_layer(struct overlay_layer *l)
{
	if (l == NULL)
		return;
	forget_paint(l);
	art_free(l->art);
	letters_close(l->letters);
	free(l);
}

/* It is the caller's then. */
static struct overlay_layer *
take_out(struct overlay *o, unsigned i)
{
	struct overlay_layer *l = o->layer[i];

	for (o->n--; i < o->n; i++)
		o->layer[i] = o->layer[i + 1];
	return l;
}

static struct overlay_layer *
find_layer(struct overlay *o, const char *name, unsigned *at)
{
	for (*at = 0; *at < o->n; *at += 1)
		if (strcmp(o->layer[*at]->spec.name, name) == 0)
			return o->layer[*at];
	return NULL;
}

/* Above those of the same order. */
static void
insert_layer(struct overlay *o, struct overlay_layer *l)
{
	unsigned i = o->n++;

	for (; i > 0 && o->layer[i - 1]->spec.order > l->spec.order; i--)
		o->layer[i] = o->layer[i - 1];
	o->layer[i] = l;
}

/* ---- files */

static int
wrong(char error[static LAYER_ERROR], const char *what, const char *value, int err)
{
	snprintf(error, LAYER_ERROR, "%s '%.60s'%s%s", what, value, err != 0 ? ": " : "",
	    err != 0 ? strerror(err) : "");
	return -1;
}

/* The text of a file, as far as it fits and without its last new line. */
static int
read_text(struct overlay_layer *l)
{
	char text[LAYER_TEXT];
	FILE *f;
	size_t n;
	int err;

	if (stat(l->spec.what, &l->file) < 0)
		return -errno;
	if (!S_ISREG(l->file.st_mode))
		return -EINVAL;
	f = fopen(l->spec.what, "rbe");
	if (f == NULL)
		return -errno;
	n = fread(text, 1, sizeof(text) - 1, f);
	err = ferror(f) ? -EIO : 0;
	fclose(f);
	if (err < 0)
		return err;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	text[n] = '\0';
	snprintf(l->text, sizeof(l->text), "%s", text);
	return 0;
}

/* A file that is away for a moment is not looked for; the text stays. */
static void
look_at_file(struct overlay_layer *l)
{
	struct stat st;

	if (stat(l->spec.what, &st) == 0 && (st.st_mtim.tv_sec != l->file.st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != l->file.st_mtim.tv_nsec ||
	    st.st_size != l->file.st_size || st.st_ino != l->file.st_ino))
		read_text(l);
}

static int
load_text(struct overlay_layer *l, char error[static LAYER_ERROR])
{
	const struct layer_spec *s = &l->spec;
	const char *bad;
	int err;

	l->letters = letters_open(s->font);
	if (l->letters == NULL)
		return wrong(error, "no font that can be read is", s->font[0] != '\0' ?
		    s->font : LETTERS_FONT, 0);
	if (s->from_file) {
		err = read_text(l);
		return err < 0 ? wrong(error, "cannot read", s->what, -err) : 0;
	}
	memcpy(l->text, s->what, sizeof(l->text));
	bad = fields_check(l->text);
	return bad != NULL ? wrong(error, "no such field:", bad, 0) : 0;
}

static int
load(struct overlay *o, struct overlay_layer *l, char error[static LAYER_ERROR])
{
	const struct layer_spec *s = &l->spec;
	int err;

	if (o->nrung < LAYER_RUNGS && s->rungs >> o->nrung != 0)
		return wrong(error, "there is no such rung for", s->name, 0);
	if (s->kind == LAYER_IS_TEXT)
		return load_text(l, error);
	err = art_read(s->what, &l->art);
	if (err == -EBADMSG)
		return wrong(error, "no picture in PNG or JPEG:", s->what, 0);
	if (err == -EFBIG)
		return wrong(error, "more than 4096 pixels a side:", s->what, 0);
	return err < 0 ? wrong(error, "cannot read", s->what, -err) : 0;
}

static struct overlay_layer *
new_layer(struct overlay *o, const struct layer_spec *spec, bool first,
    char error[static LAYER_ERROR])
{
	struct overlay_layer *l = calloc(1, sizeof(*l));

	if (l == NULL)
		no_memory();
	l->spec = *spec;
	l->first = first;
	l->to = OVERLAY_NEVER;
	l->fade_in = ticks(spec->fade_in_ns);
	l->fade_out = ticks(spec->fade_out_ns);
	if (load(o, l, error) < 0) {
		free_layer(l);
		return NULL;
	}
	return l;
}

void
overlay_init(struct overlay *o, unsigned nrung, const struct layer_spec *spec, unsigned n)
{
	char error[LAYER_ERROR];
	unsigned at;

	*o = (struct overlay){ .nrung = nrung };
	for (unsigned i = 0; i < n; i++) {
		const char *option = spec[i].kind == LAYER_IS_TEXT ? "text" : "overlay";
		struct overlay_layer *l;

		if (find_layer(o, spec[i].name, &at) != NULL)
			fatal(EXIT_USAGE, 0, "--%s: two layers are '%s'", option, spec[i].name);
		l = new_layer(o, &spec[i], true, error);
		if (l == NULL)
			fatal(EXIT_USAGE, 0, "--%s '%s': %s", option, spec[i].name, error);
		insert_layer(o, l);
	}
}

void
overlay_source(struct overlay *o, int width, int height)
{
	o->width = width;
	o->height = height;
}

void
overlay_rung(struct overlay *o, unsigned rung, const struct paint_ground *ground,
    enum light light)
{
	o->rung[rung].ground = *ground;
	o->rung[rung].light = light;
}

/* ---- time */

static void
find_time(struct overlay *o, struct overlay_layer *l)
{
	const struct layer_spec *s = &l->spec;
	int64_t t = o->now.t, begin = t;

	if (l->leaving) {
		l->to = t + l->fade_out;
		l->leaving = false;
		l->spec.given &= ~(unsigned)LAYER_START;	/* which does not count any more */
		l->timed = true;
		return;
	}
	if ((s->given & LAYER_START) != 0 && s->start_utc && !o->now.live) {
		if (!l->timed)
			log_warn(0, "layer '%s': the input is not live, and has no dates", s->name);
	} else if ((s->given & LAYER_START) != 0 && s->start_utc) {
		begin = t + ticks(s->start_ns - o->now.utc_ns);
	} else if (l->timed) {
		return;
	} else if ((s->given & LAYER_START) != 0) {
		begin = t + ticks(s->start_ns);
	}
	l->from = l->first && (s->given & LAYER_START) == 0 ? OVERLAY_EVER : begin;
	if (!l->timed || s->start_utc)
		l->to = s->duration_ns > 0 ? begin + ticks(s->duration_ns) : OVERLAY_NEVER;
	l->timed = true;
}

void
overlay_next(struct overlay *o, const struct overlay_now *now)
{
	o->now = *now;
	if (!o->started)
		o->start = now->t;
	o->started = true;
	for (unsigned i = o->n; i-- > 0;) {
		struct overlay_layer *l = o->layer[i];

		find_time(o, l);
		if (now->t >= l->to)
			free_layer(take_out(o, i));
		else if (l->spec.from_file)
			look_at_file(l);
	}
}

/* ---- commands */

static void
list(const struct overlay *o, char answer[static OVERLAY_ANSWER])
{
	size_t n = (size_t)snprintf(answer, OVERLAY_ANSWER, "ok");

	for (unsigned i = 0; i < o->n && n < OVERLAY_ANSWER - LAYER_NAME - 1; i++)
		n += (size_t)snprintf(answer + n, OVERLAY_ANSWER - n, " %s",
		    o->layer[i]->spec.name);
}

static int
show(struct overlay *o, const struct layer_spec *s, char error[static LAYER_ERROR])
{
	struct overlay_layer *l;
	unsigned at;

	if (find_layer(o, s->name, &at) == NULL && o->n == OVERLAY_LAYERS)
		return wrong(error, "there are 32 layers already, no room for", s->name, 0);
	l = new_layer(o, s, false, error);
	if (l == NULL)
		return -1;
	if (find_layer(o, s->name, &at) != NULL)
		free_layer(take_out(o, at));
	insert_layer(o, l);
	return 0;
}

static int
change(struct overlay *o, unsigned at, const struct layer_spec *s,
    char error[static LAYER_ERROR])
{
	struct overlay_layer *l = o->layer[at];
	struct letters *font = NULL;

	if (l->spec.kind != s->kind)
		return wrong(error, l->spec.kind == LAYER_IS_TEXT ? "a text is" :
		    "a picture is", s->name, 0);
	if (o->nrung < LAYER_RUNGS && s->rungs >> o->nrung != 0)
		return wrong(error, "there is no such rung for", s->name, 0);
	if ((s->given & LAYER_FONT) != 0) {
		font = letters_open(s->font);
		if (font == NULL)
			return wrong(error, "no font that can be read is", s->font, 0);
		letters_close(l->letters);
		l->letters = font;
	}
	layer_change(&l->spec, s);
	l->fade_in = ticks(l->spec.fade_in_ns);
	l->fade_out = ticks(l->spec.fade_out_ns);
	if ((s->given & (LAYER_START | LAYER_DURATION)) != 0)
		l->timed = l->first = false;
	forget_paint(l);
	insert_layer(o, take_out(o, at));
	return 0;
}

static int
obey(struct overlay *o, const struct layer_spec *s, char error[static LAYER_ERROR])
{
	struct overlay_layer *l;
	unsigned at;

	if (s->act == LAYER_SHOW)
		return show(o, s, error);
	l = find_layer(o, s->name, &at);
	if (l == NULL)
		return wrong(error, "there is no layer", s->name, 0);
	if (s->act == LAYER_CHANGE)
		return change(o, at, s, error);
	if ((s->given & LAYER_FADE) != 0)
		l->fade_out = ticks(s->fade_out_ns);
	l->leaving = true;
	return 0;
}

void
overlay_command(struct overlay *o, enum layer_kind kind, char *line,
    char answer[static OVERLAY_ANSWER])
{
	char error[LAYER_ERROR] = "";
	struct layer_spec s;

	if (line[strspn(line, " \t\r")] == '\0') {
		list(o, answer);
		return;
	}
	if (layer_parse(&s, kind, line, error) < 0 || obey(o, &s, error) < 0)
		snprintf(answer, OVERLAY_ANSWER, "error: %s", error);
	else
		snprintf(answer, OVERLAY_ANSWER, "ok");
}

void
overlay_free(struct overlay *o)
{
	while (o->n > 0)
		free_layer(take_out(o, o->n - 1));
	for (unsigned i = 0; i < LAYER_RUNGS; i++)
		free(o->rung[i].table);
}
