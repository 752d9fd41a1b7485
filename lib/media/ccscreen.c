#include <stdio.h>
#include <string.h>

#include "lib/media/ccscreen.h"

static const char *const colour_class[] = {
	"", "lime", "blue", "cyan", "red", "yellow", "magenta", "black"
};

static bool
is_space(uint16_t ch)
{
	return ch == 0 || ch == ' ' || ch == 0xa0;
}

int
cc_row_of(struct cc_row *row, const struct cc_cell *cell, unsigned n)
{
	unsigned first = 0;

	while (first < n && is_space(cell[first].ch))
		first++;
	while (n > first && is_space(cell[n - 1].ch))
		n--;
	row->n = n - first;
	for (unsigned i = 0; i < row->n; i++) {
		row->cell[i] = cell[first + i];
		if (is_space(row->cell[i].ch))
			row->cell[i].ch = ' ';
	}
	return row->n > 0 ? (int)first : -1;
}

/* ---- is it the same, is it more */

struct cursor {				/* of a screen's cells, one row after the other */
	const struct cc_screen *s;
	unsigned block, row, cell;
};

static bool
next_cell(struct cursor *c, struct cc_cell *cell)
{
	while (c->block < c->s->n) {
		const struct cc_block *b = &c->s->block[c->block];

		if (c->row == b->nrow) {
			c->block++;
			c->row = c->cell = 0;
			continue;
		}
		if (c->cell < b->row[c->row].n) {
			*cell = b->row[c->row].cell[c->cell++];
			return true;
		}
		c->row++;
		c->cell = 0;
		*cell = (struct cc_cell){ '\n', 0 };
		return true;
	}
	return false;
}

/* Has all been taken but the end of the last row? */
static bool
at_last(const struct cursor *c)
{
	return c->block + 1 == c->s->n && c->row + 1 == c->s->block[c->block].nrow &&
	    c->cell == c->s->block[c->block].row[c->row].n;
}

static bool
at_end(const struct cursor *c)
{
	return c->block + 1 == c->s->n && c->row == c->s->block[c->block].nrow;
}

bool
cc_block_centred(const struct cc_block *b, const int *first, int columns)
{
	for (unsigned r = 0; r < b->nrow; r++) {
		int twice = 2 * first[r] + (int)b->row[r].n - columns;

		if (twice < -3 || twice > 3)
			return false;
	}
	return true;
}

/*
 * The last character may be another: one of the extended ones comes after its substitute,
 * and takes its place.
 */
bool
cc_screen_grows(const struct cc_screen *a, const struct cc_screen *b)
{
	struct cursor x = { a, 0, 0, 0 }, y = { b, 0, 0, 0 };
	struct cc_cell p, q;
	bool more = false;

	while (next_cell(&x, &p)) {
		if (!next_cell(&y, &q))
			return false;
		while (p.ch == '\n' && q.ch != '\n' && at_end(&x)) {
			more = true;	/* in the row that was the last one */
			if (!next_cell(&y, &q))
				return false;
		}
		if (p.ch != q.ch && p.ch != '\n' && q.ch != '\n' && at_last(&x))
			more = true;
		else if (p.ch != q.ch)
			return false;
	}
	return more || next_cell(&y, &q);
}

static bool
row_equal(const struct cc_row *a, const struct cc_row *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->cell[i].ch != b->cell[i].ch || a->cell[i].style != b->cell[i].style)
			return false;
	return true;
}

bool
cc_screen_equal(const struct cc_screen *a, const struct cc_screen *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		const struct cc_block *x = &a->block[i], *y = &b->block[i];

		if (x->line != y->line || x->position != y->position ||
		    x->align != y->align || x->nrow != y->nrow)
			return false;
		for (unsigned r = 0; r < x->nrow; r++)
			if (!row_equal(&x->row[r], &y->row[r]))
				return false;
	}
	return true;
}

/* ---- WebVTT */

struct out {
	char	*p;
	size_t	 n;
};

static void
put(struct out *o, const char *s)
{
	size_t len = strlen(s);

	if (o->n + len >= CC_TEXT_MAX)
		return;
	memcpy(o->p + o->n, s, len + 1);
	o->n += len;
}

static void
put_character(struct out *o, unsigned ch)
{
	char utf8[4] = { 0 };

	if (ch == '&') {
		put(o, "&amp;");
	} else if (ch == '<') {
		put(o, "&lt;");
	} else if (ch == '>') {		/* and no --> */
		put(o, "&gt;");
	} else {
		if (ch < 0x80) {
			utf8[0] = (char)ch;
		} else if (ch < 0x800) {
			utf8[0] = (char)(0xc0 | ch >> 6);
			utf8[1] = (char)(0x80 | (ch & 0x3f));
		} else {
			utf8[0] = (char)(0xe0 | ch >> 12);
			utf8[1] = (char)(0x80 | (ch >> 6 & 0x3f));
			utf8[2] = (char)(0x80 | (ch & 0x3f));
		}
		put(o, utf8);
	}
}

static void
open_style(struct out *o, unsigned style)
{
	unsigned colour = style >> CC_COLOUR_SHIFT & 7;

	if (colour != CC_WHITE) {
		put(o, "<c.");
		put(o, colour_class[colour]);
		put(o, ">");
	}
	if ((style & CC_ITALIC) != 0)
		put(o, "<i>");
	if ((style & CC_UNDERLINE) != 0)
		put(o, "<u>");
}

static void
close_style(struct out *o, unsigned style)
{
	if ((style & CC_UNDERLINE) != 0)
		put(o, "</u>");
	if ((style & CC_ITALIC) != 0)
		put(o, "</i>");
	if (style >> CC_COLOUR_SHIFT != CC_WHITE)
		put(o, "</c>");
}

/* Where a change of style comes with a space, that goes outside. */
static unsigned
style_at(const struct cc_row *r, unsigned i, unsigned now)
{
	return r->cell[i].ch == ' ' && r->cell[i].style != now ? 0 : r->cell[i].style;
}

size_t
cc_block_text(const struct cc_block *b, char text[static CC_TEXT_MAX])
{
	struct out o = { text, 0 };

	text[0] = '\0';
	for (unsigned r = 0; r < b->nrow; r++) {
		const struct cc_row *row = &b->row[r];
		unsigned now = 0;

		if (r > 0)
			put(&o, "\n");
		for (unsigned i = 0; i < row->n; i++) {
			unsigned style = style_at(row, i, now);

			if (style != now) {
				close_style(&o, now);
				open_style(&o, style);
				now = style;
			}
			put_character(&o, row->cell[i].ch);
		}
		close_style(&o, now);
	}
	return o.n;
}

static void
percent(char *p, size_t size, int v)
{
	v = v < 0 ? 0 : v > 10000 ? 10000 : v;
	if (v % 100 == 0)
		snprintf(p, size, "%d%%", v / 100);
	else
		snprintf(p, size, "%d.%02d%%", v / 100, v % 100);
}

void
cc_block_settings(const struct cc_block *b, char settings[static CC_SETTINGS_MAX])
{
	static const char *const align[] = { "start", "center", "end" };
	char line[16], position[16];

	percent(line, sizeof(line), b->line);
	percent(position, sizeof(position), b->position);
	if (b->align == CC_CENTER && b->position == 5000)
		snprintf(settings, CC_SETTINGS_MAX, "line:%s", line);
	else
		snprintf(settings, CC_SETTINGS_MAX, "line:%s position:%s align:%s", line,
		    position, align[b->align]);
}
