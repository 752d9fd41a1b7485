#include <string.h>

#include "lib/media/cea708.h"

#define TENTH		9000		/* of a second, 90 kHz: the unit of DLY */
#define SCROLL_DOWN	2

enum {				/* C0, C1 */
	C0_ETX = 3, C0_BS = 8, C0_FF = 0xc, C0_CR = 0xd, C0_HCR = 0xe, C0_EXT1 = 0x10,
	C0_P16 = 0x18,
	C1_CW0 = 0x80, C1_CLW = 0x88, C1_DSW, C1_HDW, C1_TGW, C1_DLW, C1_DLY, C1_DLC,
	C1_RST, C1_SPA = 0x90, C1_SPC, C1_SPL, C1_SWA = 0x97, C1_DF0
};

void
cea708_init(struct cea708 *d, unsigned service)
{
	*d = (struct cea708){ .service = service, .current = -1 };
}

/* ---- characters */

static uint16_t
g2(uint8_t c)
{
	static const struct { uint8_t code; uint16_t ch; } row[] = {
		{ 0x20, ' ' }, { 0x21, 0xa0 }, { 0x25, 0x2026 }, { 0x2a, 0x160 },
		{ 0x2c, 0x152 }, { 0x30, 0x2588 }, { 0x31, 0x2018 }, { 0x32, 0x2019 },
		{ 0x33, 0x201c }, { 0x34, 0x201d }, { 0x35, 0x2022 }, { 0x39, 0x2122 },
		{ 0x3a, 0x161 }, { 0x3c, 0x153 }, { 0x3d, 0x2120 }, { 0x3f, 0x178 },
		{ 0x76, 0x215b }, { 0x77, 0x215c }, { 0x78, 0x215d }, { 0x79, 0x215e },
		{ 0x7a, 0x2502 }, { 0x7b, 0x2510 }, { 0x7c, 0x2514 }, { 0x7d, 0x2500 },
		{ 0x7e, 0x2518 }, { 0x7f, 0x250c },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (row[i].code == c)
			return row[i].ch;
	return '_';
}

/* A code point of its own: no control code and no half of a pair. */
static uint16_t
p16(unsigned high, unsigned low)
{
	unsigned ch = high << 8 | low;

	return ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || (high & 0xf8) == 0xd8 ? '_' :
	    (uint16_t)ch;
}

static struct cea708_window *
current(struct cea708 *d)
{
	return d->current >= 0 && d->window[d->current].defined ?
	    &d->window[d->current] : NULL;
}

static void
clear_cells(struct cea708_window *w)
{
	memset(w->cell, 0, sizeof(w->cell));
}

static void
new_row(struct cea708_window *w)
{
	size_t all = (w->rows - 1) * sizeof(w->cell[0]);

	w->column = 0;
	if (w->scroll == SCROLL_DOWN) {
		if (w->row > 0) {
			w->row--;
			return;
		}
		memmove(w->cell[1], w->cell[0], all);
		memset(w->cell[0], 0, sizeof(w->cell[0]));
		return;
	}
	if (w->row + 1 < w->rows) {
		w->row++;
		return;
	}
	memmove(w->cell[0], w->cell[1], all);
	memset(w->cell[w->rows - 1], 0, sizeof(w->cell[0]));
}

static bool
put_character(struct cea708 *d, uint16_t ch)
{
	struct cea708_window *w = current(d);

	if (w == NULL)
		return false;
	if (w->column >= w->columns) {
		if (!w->word_wrap)
			return false;
		new_row(w);
	}
	w->cell[w->row][w->column++] = (struct cc_cell){ ch, w->style };
	return w->visible;
}

/* ---- commands */

/* The nearest of the colours that captions have had since 608. */
static uint8_t
colour_of(uint8_t rgb)
{
	static const uint8_t by_bits[8] = {
		CC_BLACK, CC_BLUE, CC_GREEN, CC_CYAN, CC_RED, CC_MAGENTA, CC_YELLOW, CC_WHITE,
	};
	unsigned bits = (rgb >> 5 & 1u) << 2 | (rgb >> 3 & 1u) << 1 | (rgb >> 1 & 1u);

	if (bits == 0 && rgb != 0)	/* dark, but a colour */
		bits = (rgb >> 4 & 1u) << 2 | (rgb >> 2 & 1u) << 1 | (rgb & 1u);
	return (uint8_t)(by_bits[bits] << CC_COLOUR_SHIFT);
}

static bool
define_window(struct cea708 *d, unsigned n, const uint8_t p[static 6])
{
	struct cea708_window *w = &d->window[n];
	unsigned style = p[5] >> 3 & 7, pen = p[5] & 7;
	bool fresh = !w->defined, was = w->visible;

	if (fresh) {
		*w = (struct cea708_window){ .defined = true, .scroll = 3 };
		style = style == 0 ? 1 : style;
		pen = pen == 0 ? 1 : pen;
	}
	w->visible = (p[0] & 0x20) != 0;
	w->relative = (p[1] & 0x80) != 0;
	w->vertical = p[1] & 0x7f;
	w->horizontal = p[2];
	w->anchor = p[3] >> 4 > 8 ? 8 : p[3] >> 4;
	w->rows = (p[3] & 15) + 1u > CC_ROWS ? CC_ROWS : (p[3] & 15) + 1u;
	w->columns = (p[4] & 63) + 1u > CC_COLUMNS ? CC_COLUMNS : (p[4] & 63) + 1u;
	for (unsigned r = 0; r < CC_ROWS; r++)
		for (unsigned c = r < w->rows ? w->columns : 0; c < CC_COLUMNS; c++)
			w->cell[r][c].ch = 0;
	if (style > 0) {		/* predefined, table 26 */
		w->justify = style == 3 || style == 6 ? 2 : 0;
		w->word_wrap = style >= 4 && style <= 6;
		w->scroll = 3;
	}
	if (pen > 0)
		w->style = 0;
	if (w->row >= w->rows)
		w->row = w->rows - 1;
	d->current = (int)n;
	return was || (w->visible && !fresh);
}

static bool
change_windows(struct cea708 *d, uint8_t command, uint8_t map)
{
	bool changed = false;

	for (unsigned i = 0; i < CEA708_WINDOWS; i++) {
		struct cea708_window *w = &d->window[i];

		if ((map & 1u << i) == 0 || !w->defined)
			continue;
		changed = changed || w->visible || command == C1_DSW || command == C1_TGW;
		switch (command) {
		case C1_CLW:
			clear_cells(w);
			w->row = w->column = 0;
			break;
		case C1_DSW:
			w->visible = true;
			break;
		case C1_HDW:
			w->visible = false;
			break;
		case C1_TGW:
			w->visible = !w->visible;
			break;
		default:
			w->defined = w->visible = false;
			if (d->current == (int)i)
				d->current = -1;
		}
	}
	return changed;
}

static bool
reset(struct cea708 *d)
{
	bool changed = change_windows(d, C1_DLW, 0xff);

	d->current = -1;
	return changed;
}

static bool
set_pen(struct cea708 *d, const uint8_t *p)
{
	struct cea708_window *w = current(d);

	if (w == NULL)
		return false;
	switch (p[0]) {
	case C1_SPA:
		w->style &= (uint8_t)~(CC_ITALIC | CC_UNDERLINE);
		w->style |= (uint8_t)((p[2] & 0x80) != 0 ? CC_ITALIC : 0);
		w->style |= (uint8_t)((p[2] & 0x40) != 0 ? CC_UNDERLINE : 0);
		break;
	case C1_SPC:
		w->style = (uint8_t)((w->style & (CC_ITALIC | CC_UNDERLINE)) |
		    colour_of(p[1] & 0x3f));
		break;
	case C1_SPL:
		w->row = p[1] & 15u;
		w->column = p[2] & 63u;
		if (w->row >= w->rows)
			w->row = w->rows - 1;
		if (w->column > w->columns)
			w->column = w->columns;
		break;
	default:			/* SWA */
		w->word_wrap = (p[3] & 0x40) != 0;
		w->scroll = p[3] >> 2 & 3u;
		w->justify = p[3] & 3u;
		return w->visible;
	}
	return false;
}

static bool
c0(struct cea708 *d, const uint8_t *p)
{
	struct cea708_window *w = current(d);

	if (w == NULL)
		return false;
	switch (p[0]) {
	case C0_BS:
		if (w->column == 0)
			return false;
		w->cell[w->row][--w->column].ch = 0;
		return w->visible;
	case C0_FF:
		clear_cells(w);
		w->row = w->column = 0;
		return w->visible;
	case C0_CR:
		new_row(w);
		return w->visible;
	case C0_HCR:
		memset(w->cell[w->row], 0, sizeof(w->cell[0]));
		w->column = 0;
		return w->visible;
	case C0_P16:
		return put_character(d, p16(p[1], p[2]));
	default:
		return false;
	}
}

static bool
c1(struct cea708 *d, const uint8_t *p, int64_t t)
{
	if (p[0] < C1_CLW) {
		if (d->window[p[0] & 7].defined)
			d->current = p[0] & 7;
		return false;
	}
	if (p[0] <= C1_DLW)
		return change_windows(d, p[0], p[1]);
	if (p[0] >= C1_DF0)
		return define_window(d, p[0] & 7u, p + 1);
	switch (p[0]) {
	case C1_DLY:
		d->delayed = p[1] > 0;
		d->until = t + p[1] * (int64_t)TENTH;
		return false;
	case C1_RST:
		return reset(d);
	case C1_SPA:
	case C1_SPC:
	case C1_SPL:
	case C1_SWA:
		return set_pen(d, p);
	default:
		return false;
	}
}

/* ---- the codes of a service */

/* Of the code at p with n bytes; 0: more are needed to know. */
static unsigned
length_of(const uint8_t *p, unsigned n)
{
	static const uint8_t c1_len[32] = {
		1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1,
		3, 4, 3, 1, 1, 1, 1, 5, 7, 7, 7, 7, 7, 7, 7, 7,
	};

	if (p[0] >= 0x80 && p[0] < 0xa0)
		return c1_len[p[0] & 31];
	if (p[0] >= 0x20)
		return 1;
	if (p[0] != C0_EXT1)
		return p[0] < 0x10 ? 1 : p[0] < 0x18 ? 2 : 3;
	if (n < 2)
		return 0;
	if (p[1] < 0x20)		/* C2 */
		return 2 + (p[1] >> 3);
	if (p[1] < 0x80 || p[1] >= 0xa0)	/* G2, G3 */
		return 2;
	if (p[1] < 0x90)		/* C3 */
		return p[1] < 0x88 ? 6 : 7;
	return n < 3 ? 0 : 3 + (p[2] & 0x3fu);
}

static bool
one(struct cea708 *d, const uint8_t *p, int64_t t)
{
	if (p[0] == C0_EXT1) {
		if (p[1] >= 0x20 && p[1] < 0x80)
			return put_character(d, g2(p[1]));
		if (p[1] >= 0xa0)	/* G3: A0 is the sign [CC] */
			return put_character(d, '_');
		return false;
	}
	if (p[0] < 0x20)
		return c0(d, p);
	if (p[0] < 0x80)
		return put_character(d, p[0] == 0x7f ? 0x266a : p[0]);
	if (p[0] < 0xa0)
		return c1(d, p, t);
	return put_character(d, p[0]);
}

/* All that is whole, and does not wait. */
static bool
run(struct cea708 *d, int64_t t)
{
	unsigned at = 0, len;
	bool changed = false;

	while (at < d->nin && !d->delayed) {
		len = length_of(d->in + at, d->nin - at);
		if (len == 0 || len > d->nin - at)
			break;
		changed = one(d, d->in + at, t) || changed;
		at += len;
	}
	d->nin -= at;
	memmove(d->in, d->in + at, d->nin);
	return changed;
}

bool
cea708_run(struct cea708 *d, int64_t t)
{
	if (!d->delayed || t < d->until)
		return false;
	d->delayed = false;
	return run(d, d->until);
}

/* DLC and RST are obeyed at once, and a full buffer ends a delay. */
static bool
put_block(struct cea708 *d, const uint8_t *p, unsigned len, int64_t t)
{
	bool changed = false;

	if (d->delayed)
		for (unsigned i = 0, n; i < len; i += n) {
			n = length_of(p + i, len - i);
			if (n == 0 || n > len - i)
				break;
			if (p[i] == C1_DLC || p[i] == C1_RST)
				d->delayed = false;
			if (p[i] == C1_RST)
				d->nin = 0;
		}
	if (d->nin + len > CEA708_INPUT) {
		d->delayed = false;
		changed = run(d, t);
		d->delayed = false;
		if (d->nin + len > CEA708_INPUT)
			d->nin = 0;
	}
	memcpy(d->in + d->nin, p, len);
	d->nin += len;
	return run(d, t) || changed;
}

/* ---- packets */

static bool
read_packet(struct cea708 *d, int64_t t)
{
	bool changed = false;

	for (unsigned i = 1; i < d->len; ) {
		unsigned service = d->packet[i] >> 5, size = d->packet[i] & 31u;

		i++;
		if (service == 0)
			break;
		if (service == 7 && size > 0) {
			if (i >= d->len)
				break;
			service = d->packet[i++] & 63u;
		}
		if (size > d->len - i)
			break;
		if (service == d->service && size > 0)
			changed = put_block(d, d->packet + i, size, t) || changed;
		i += size;
	}
	return changed;
}

bool
cea708_put(struct cea708 *d, const uint8_t triplet[static 3], int64_t t)
{
	unsigned type = triplet[0] & 3u;

	if ((triplet[0] & 4) == 0 || type < 2)
		return false;
	if (type == 3) {
		unsigned code = triplet[1] & 63u;

		d->len = 0;
		d->want = code == 0 ? 128 : code * 2;
	} else if (d->want == 0) {
		return false;		/* its beginning was lost */
	}
	d->packet[d->len++] = triplet[1];
	d->packet[d->len++] = triplet[2];
	if (d->len < d->want)
		return false;
	d->want = 0;
	return read_packet(d, t);
}

/* ---- the screen */

/* Where in the picture, by the anchor: of n units of the safe area, this is the first. */
static int
edge(unsigned at, bool relative, unsigned grid, unsigned n, unsigned cells, unsigned side)
{
	int first = relative ? (int)at * 80 : (int)(at * 8000 / grid);
	int size = (int)(n * 8000 / cells);

	first -= side == 1 ? size / 2 : side == 2 ? size : 0;
	return 1000 + first;
}

static void
put_window(const struct cea708_window *w, struct cc_screen *s)
{
	struct cc_block *b = &s->block[s->n];
	unsigned top = 0, left = CC_COLUMNS;
	int x;

	b->nrow = 0;
	for (unsigned r = 0; r < w->rows; r++) {
		int first = cc_row_of(&b->row[b->nrow], w->cell[r], w->columns);

		if (first < 0)
			continue;	/* an empty row would end a cue */
		if (b->nrow == 0)
			top = r;
		left = (unsigned)first < left ? (unsigned)first : left;
		b->nrow++;
	}
	if (b->nrow == 0)
		return;
	b->line = edge(w->vertical, w->relative, 75, w->rows, CC_ROWS, w->anchor / 3) +
	    (int)(top * 8000 / CC_ROWS);
	x = edge(w->horizontal, w->relative, 210, w->columns, CC_COLUMNS, w->anchor % 3);
	switch (w->justify) {
	case 1:
		b->align = CC_END;
		b->position = x + (int)(w->columns * 8000 / CC_COLUMNS);
		break;
	case 2:
		b->align = CC_CENTER;
		b->position = x + (int)(w->columns * 4000 / CC_COLUMNS);
		break;
	default:
		b->align = CC_START;
		b->position = x + (int)(left * 8000 / CC_COLUMNS);
	}
	s->n++;
}

void
cea708_screen(const struct cea708 *d, struct cc_screen *s)
{
	s->n = 0;
	for (unsigned i = 0; i < CEA708_WINDOWS; i++)
		if (d->window[i].defined && d->window[i].visible)
			put_window(&d->window[i], s);
}
