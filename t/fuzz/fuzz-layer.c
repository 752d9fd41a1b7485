/*
 * A layer, as an option or a command says it, and its text: what it is understood as is
 * within bounds, or there is something wrong with it that is said in one line.  First
 * byte: which kind.  It is a part of a picture, too: WIDTHxHEIGHT+X+Y.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "encode/fields.c"
#include "encode/layer.c"
#include "encode/size.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
length_holds(const struct layer_length *l)
{
	assert(l->v >= 0 && l->v <= (l->percent ? 100000 : PIXELS_MAX * 1000));
	assert(!l->center || (l->v == 0 && !l->from_end));
}

static void
text_holds(const char *text)
{
	const struct fields f = { .live = true, .since_ns = 1, .timecode = "10:00:00:00" };
	char out[40], room[2 * LAYER_TEXT];

	fields_check(text);
	fields_fill(&f, text, out, sizeof(out));
	assert(strlen(out) < sizeof(out));
	fields_fill(&f, text, room, sizeof(room));
	assert(strncmp(out, room, 10) == 0 || strlen(out) < 24);
}

static void
crop_holds(const char *text)
{
	struct crop_spec c = { 0, 0, 7, 7 };
	const char *wrong = crop_parse(&c, text);

	assert(wrong != NULL || (c.w >= 16 && c.w <= 8192 && c.w % 2 == 0));
	assert(wrong != NULL || (c.h >= 16 && c.h <= 8192 && c.h % 2 == 0));
	assert(wrong != NULL || (c.x >= -1 && c.x <= 8192 && (c.x < 0) == (c.y < 0)));
	assert(wrong == NULL || c.x == 7);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1), error[LAYER_ERROR] = "";
	struct layer_spec s, old;
	int r;

	if (line == NULL || len == 0) {
		free(line);
		return 0;
	}
	memcpy(line, data + 1, len - 1);
	line[len - 1] = '\0';
	crop_holds(line);
	r = layer_parse(&s, data[0] & 1 ? LAYER_IS_TEXT : LAYER_IS_PICTURE, line, error);
	assert(r == 0 || r == -1);
	assert((r < 0) == (error[0] != '\0'));
	if (r == 0) {
		assert(is_name(s.name));
		assert(s.opacity >= 0 && s.opacity <= 1000);
		assert(s.box_opacity >= 0 && s.box_opacity <= 1000);
		assert(s.fade_in_ns >= 0 && s.fade_out_ns >= 0 && s.duration_ns >= 0);
		assert(s.rungs >> LAYER_RUNGS == 0 && s.order >= 0 && s.order <= 99);
		assert(s.color <= 0xffffff && s.box <= 0xffffff);
		assert(memchr(s.what, '\0', sizeof(s.what)) != NULL);
		assert(s.act != LAYER_CHANGE || s.given != 0);
		assert(s.act != LAYER_OFF || (s.given & ~(unsigned)LAYER_FADE) == 0);
		length_holds(&s.x);
		length_holds(&s.y);
		length_holds(&s.width);
		length_holds(&s.height);
		length_holds(&s.size);
		text_holds(s.what);
		old = (struct layer_spec){ .what = "before", .opacity = 7 };
		layer_change(&old, &s);
		assert(strcmp(old.what, "before") == 0);
		assert(old.opacity == (s.given & LAYER_OPACITY ? s.opacity : 7));
	}
	free(line);
	return 0;
}
