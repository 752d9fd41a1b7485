#include <stdlib.h>
#include <string.h>

#include "encode/size.h"

static bool
parse_side(const char *s, char **end, int *side)
{
	long v = strtol(s, end, 10);

	*side = (int)v;
	return *s >= '0' && *s <= '9' && v >= 16 && v <= 8192;
}

bool
size_parse(struct size_spec *s, const char *text)
{
	struct size_spec out = { .lines = 0 };
	char *end;

	if (!parse_side(text, &end, &out.lines))
		return false;
	if (*end == 'x') {
		out.box_w = out.lines;
		out.lines = 0;
		if (!parse_side(end + 1, &end, &out.box_h) || *end != '\0')
			return false;
	} else if (strcmp(end, "p") != 0) {
		return false;
	}
	*s = out;
	return true;
}

static bool
parse_even(const char *s, char **end, int *v)
{
	long n = strtol(s, end, 10);

	*v = (int)n;
	return *s >= '0' && *s <= '9' && n <= 8192 && n % 2 == 0;
}

const char *
crop_parse(struct crop_spec *c, const char *text)
{
	static const char shape[] = "is not WIDTHxHEIGHT or WIDTHxHEIGHT+X+Y, in even numbers";
	struct crop_spec out = { .x = -1, .y = -1 };
	char *end;

	if (!parse_even(text, &end, &out.w) || *end != 'x' ||
	    !parse_even(end + 1, &end, &out.h))
		return shape;
	if (*end == '+' && (!parse_even(end + 1, &end, &out.x) || *end != '+' ||
	    !parse_even(end + 1, &end, &out.y)))
		return shape;
	if (*end != '\0')
		return shape;
	if (out.w < 16 || out.h < 16)
		return "is less than 16x16";
	*c = out;
	return NULL;
}

bool
crop_place(const struct crop_spec *c, int width, int height, int *x, int *y)
{
	*x = c->x >= 0 ? c->x : (width - c->w) / 4 * 2;
	*y = c->y >= 0 ? c->y : (height - c->h) / 4 * 2;
	return c->w <= width && c->h <= height && *x + c->w <= width && *y + c->h <= height;
}

static int
even(int64_t num, int64_t den)
{
	int64_t v = rescale_near(1, num, den * 2) * 2;

	return v < 16 ? 16 : v > 8192 ? 8192 : (int)v;
}

void
size_fit(const struct size_spec *s, int width, int height, struct rational sar,
    int *out_w, int *out_h, bool *limited)
{
	int64_t num, den;		/* the aspect as shown: num to den */
	int64_t shown_w, shown_h;	/* the source with square pixels, not smaller */

	if (sar.num <= 0 || sar.den <= 0)
		sar = (struct rational){ 1, 1 };
	num = width * sar.num;
	den = height * sar.den;
	shown_w = sar.num >= sar.den ? num / sar.den : width;
	shown_h = sar.num >= sar.den ? height : den / sar.num;
	*limited = false;
	if (s->lines == 0 && s->box_w == 0) {
		*out_w = even(shown_w, 1);
		*out_h = even(shown_h, 1);
	} else if (s->lines == 0) {
		if (s->box_w * den <= s->box_h * num) {
			*out_w = even(s->box_w, 1);
			*out_h = even(s->box_w * den, num);
		} else {
			*out_h = even(s->box_h, 1);
			*out_w = even(s->box_h * num, den);
		}
	} else if (num >= den) {
		*limited = s->lines > shown_h;
		*out_h = even(*limited ? shown_h : s->lines, 1);
		*out_w = even(*limited ? shown_w : s->lines * num,
		    *limited ? 1 : den);
	} else {
		*limited = s->lines > shown_w;
		*out_w = even(*limited ? shown_w : s->lines, 1);
		*out_h = even(*limited ? shown_h : s->lines * den,
		    *limited ? 1 : num);
	}
}
