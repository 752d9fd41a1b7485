#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "encode/letters.h"

#define FULL	65535

struct letters {
	FT_Library lib;
	FT_Face	face;
	int	size;
};

struct letters *
letters_open(const char *font)
{
	struct letters *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	if (FT_Init_FreeType(&l->lib) != 0 ||
	    FT_New_Face(l->lib, *font != '\0' ? font : LETTERS_FONT, 0, &l->face) != 0 ||
	    !FT_IS_SCALABLE(l->face)) {
		letters_close(l);
		return NULL;
	}
	return l;
}

void
letters_close(struct letters *l)
{
	if (l == NULL)
		return;
	if (l->face != NULL)
		FT_Done_Face(l->face);
	if (l->lib != NULL)
		FT_Done_FreeType(l->lib);
	free(l);
}

/* The next character; what is not UTF-8 (RFC 3629) is a question mark. */
static uint32_t
next_char(const char **s)
{
	const uint8_t *p = (const uint8_t *)*s;
	unsigned more = p[0] < 0x80 ? 0 : p[0] >= 0xc2 && p[0] < 0xe0 ? 1 :
	    p[0] >= 0xe0 && p[0] < 0xf0 ? 2 : p[0] >= 0xf0 && p[0] < 0xf5 ? 3 : 4;
	uint32_t c = more == 0 ? p[0] : p[0] & (0x3fu >> more);

	*s += 1;
	if (more == 4)
		return '?';
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return '?';
		c = c << 6 | (p[i] & 0x3f);
	}
	*s += more;
	if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c < 0xe000))
		return '?';
	return c;
}

/* Add the glyph at the top left of a, as a mask. */
static void
stamp(struct art *a, const FT_GlyphSlot g, int x, int y)
{
	const FT_Bitmap *b = &g->bitmap;

	x += g->bitmap_left;
	y -= g->bitmap_top;
	for (int j = 0; j < (int)b->rows; j++) {
		const uint8_t *from = b->buffer + (ptrdiff_t)j * b->pitch;
		uint16_t *to;

		if (y + j < 0 || y + j >= a->h)
			continue;
		to = a->plane[3] + (size_t)(y + j) * (size_t)a->w;
		for (int i = 0; i < (int)b->width; i++) {
			int v = from[i] * 257;

			if (x + i >= 0 && x + i < a->w && v > to[x + i])
				to[x + i] = (uint16_t)v;
		}
	}
}

/*
 * Set one line, up to its end, from x on, and return where it ends, in 1/64 pixel; it is
 * only measured where there is no picture.
 */
static FT_Pos
set_line(struct letters *l, struct art *a, int x, int y, const char **text)
{
	FT_Pos pen = (FT_Pos)x * 64;
	FT_UInt last = 0;

	while (**text != '\0' && **text != '\n') {
		uint32_t c = next_char(text);
		FT_UInt glyph = FT_Get_Char_Index(l->face, c < ' ' ? ' ' : c);
		FT_Vector k = { 0, 0 };

		if (last != 0 && FT_HAS_KERNING(l->face))
			FT_Get_Kerning(l->face, last, glyph, FT_KERNING_DEFAULT, &k);
		pen += k.x;
		if (pen / 64 > ART_SIDE)
			continue;	/* beyond what is shown */
		if (FT_Load_Glyph(l->face, glyph, (FT_Int32)((a != NULL ? FT_LOAD_RENDER :
		    FT_LOAD_DEFAULT) | FT_LOAD_TARGET_LIGHT)) != 0)
			continue;
		if (a != NULL && l->face->glyph->bitmap.pixel_mode == FT_PIXEL_MODE_GRAY)
			stamp(a, l->face->glyph, (int)(pen / 64), y);
		pen += l->face->glyph->advance.x;
		last = glyph;
	}
	if (**text == '\n')
		*text += 1;
	return pen;
}

static int
pixels(FT_Pos v)
{
	int n = (int)((v + 63) / 64);

	return n > ART_SIDE ? ART_SIDE : n;
}

/* From a mask in A to the text on its box. */
static void
color(struct art *a, const struct letters_look *look)
{
	size_t n = (size_t)a->w * (size_t)a->h;
	uint32_t box = (uint32_t)look->box_opacity * FULL / 1000;

	for (size_t i = 0; i < n; i++) {
		uint32_t mask = a->plane[3][i];
		uint32_t under = (uint32_t)((uint64_t)box * (FULL - mask) / FULL);

		for (int c = 0; c < 3; c++) {
			uint32_t ink = look->color >> (16 - 8 * c) & 255;
			uint32_t ground = look->box >> (16 - 8 * c) & 255;

			a->plane[c][i] = (uint16_t)(((uint64_t)mask * ink +
			    (uint64_t)under * ground + 127) / 255);
		}
		a->plane[3][i] = (uint16_t)(mask + under);
	}
}

struct art *
letters_draw(struct letters *l, const struct letters_look *look, const char *text)
{
	int size = look->size < 4 ? 4 : look->size > LETTERS_SIZE ? LETTERS_SIZE : look->size;
	int margin = look->box_opacity > 0 ? size / 4 : 0, lines = 0, height, ascent, wide = 0;
	struct art *a;

	if (size != l->size && FT_Set_Pixel_Sizes(l->face, 0, (FT_UInt)size) != 0)
		return NULL;
	l->size = size;
	height = pixels(l->face->size->metrics.height);
	ascent = pixels(l->face->size->metrics.ascender);
	for (const char *s = text; *s != '\0'; lines++) {
		int w = pixels(set_line(l, NULL, 0, 0, &s));

		wide = w > wide ? w : wide;
	}
	if (wide == 0)
		return NULL;
	lines = lines * height + 2 * margin > ART_SIDE ? (ART_SIDE - 2 * margin) / height :
	    lines;
	a = art_new(wide + 2 * margin, lines * height + 2 * margin);
	if (a == NULL)
		return NULL;
	for (int i = 0, y = margin + ascent; i < lines; i++, y += height) {
		const char *s = text;
		int left = wide - pixels(set_line(l, NULL, 0, 0, &s));

		left = look->align == LETTERS_LEFT ? 0 : look->align == LETTERS_RIGHT ?
		    left : left / 2;
		set_line(l, a, margin + left, y, &text);
	}
	color(a, look);
	return a;
}
