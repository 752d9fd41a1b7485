/*
 * Teletext of any bytes: a screen has rows of printable characters that fit; cues of it are
 * in order, lie between the cuts and hold no arrow.  Descriptors name pages that there are.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/captext.h"
#include "lib/media/teletext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_screen(const struct cc_screen *s)
{
	if (s->n > CC_BLOCKS)
		abort();
	for (unsigned b = 0; b < s->n; b++) {
		if (s->block[b].nrow == 0 || s->block[b].nrow > CC_ROWS)
			abort();
		for (unsigned r = 0; r < s->block[b].nrow; r++) {
			const struct cc_row *row = &s->block[b].row[r];

			if (row->n == 0 || row->n > TELETEXT_COLUMNS)
				abort();
			for (unsigned i = 0; i < row->n; i++)
				if (row->cell[i].ch < 0x20 || (row->cell[i].ch >= 0x7f &&
				    row->cell[i].ch < 0xa0))
					abort();
		}
	}
}

static void
check_cues(const struct captext_cues *cues, int64_t end)
{
	int64_t last = 0;

	for (size_t i = 0; i < cues->n; i++) {
		const struct captext_cue *c = &cues->cue[i];

		if (c->begin < last || c->end <= c->begin || c->end > end || c->text[0] == '\0' ||
		    strstr(c->text, "-->") != NULL || strstr(c->text, "\n\n") != NULL)
			abort();
		last = c->begin;
	}
}

/* A byte: which page; then PES packets, a byte of length (times 4) before each. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct teletext x;
	static struct captext text;
	struct captext_cues cues = { .n = 0 };
	struct cc_screen screen;
	struct teletext_page page;
	int64_t t = 1;

	for (unsigned i = 0; teletext_page(data, len, i, &page); i++)
		if (page.page < 100 || page.page > 899)
			abort();
	if (len == 0)
		return 0;
	teletext_init(&x, 100 + data[0] * 800u / 256);
	captext_init(&text, false, 1);
	for (size_t at = 1; at < len; t += 3600) {
		size_t n = (size_t)data[at++] * 4, left = len - at;
		uint8_t *exact;

		n = n < left ? n : left;
		if ((exact = malloc(n + (n == 0))) == NULL)
			abort();
		memcpy(exact, data + at, n);
		at += n;
		if (teletext_put(&x, exact, n) != TELETEXT_NOTHING) {
			teletext_screen(&x, &screen);
			check_screen(&screen);
			if (captext_show(&text, t, &screen, &cues) < 0)
				abort();
		}
		free(exact);
	}
	captext_cut(&text, t, &cues);
	check_cues(&cues, t);
	captext_cues_clear(&cues);
	return 0;
}
