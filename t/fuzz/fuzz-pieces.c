/*
 * A journal or a manifest.  What is read of them is written, and read again as the same;
 * their names stay below their place; a list is in order.
 */
#include <stdlib.h>
#include <string.h>

#include "encode/piece.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_list(const struct pieces *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->p[i].number == 0 || (i > 0 && l->p[i].number <= l->p[i - 1].number))
			abort();
		if (l->p[i].name[0] == '/' || strstr(l->p[i].name, "//") != NULL ||
		    strcmp(l->p[i].name, "..") == 0 || strncmp(l->p[i].name, "../", 3) == 0)
			abort();
	}
}

static void
check_again(struct pieces *l)
{
	struct pieces again = { .n = 0 };
	size_t done = 0;
	struct manifest m = { .show = "show", .ended = true, .every_ns = 1,
	    .upto = PIECE_NUMBER, .parts = (unsigned)l->n % 5, .list = 7 }, back;
	char *text = manifest_put(l, &m), *list = playlist_put(l, &m);

	if (text == NULL || list == NULL ||
	    manifest_parse(&again, text, strlen(text), &back) < 0 || back.parts != m.parts)
		abort();
	for (size_t i = 0; i < l->n; i++) {
		const struct piece *p = &l->p[i], *q = pieces_find(&again, p->number);

		if ((q != NULL) != (p->state == PIECE_DONE))
			abort();
		if (q == NULL)
			continue;
		done++;
		if (strcmp(q->name, p->name) != 0 || q->bytes != p->bytes ||
		    q->slot != p->slot || q->gap != p->gap ||
		    q->nfile != p->nfile || q->form != p->form ||
		    q->duration_ns != p->duration_ns || strcmp(q->sha256, p->sha256) != 0)
			abort();
	}
	if (again.n != done)
		abort();
	pieces_free(&again);
	free(text);
	free(list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pieces l = { .n = 0 }, m = { .n = 0 };
	uint64_t bad = 0;
	struct manifest back;

	if (journal_parse(&l, (const char *)data, len, &bad) == 0) {
		check_list(&l);
		check_again(&l);
	}
	pieces_free(&l);
	if (manifest_parse(&m, (const char *)data, len, &back) == 0) {
		check_list(&m);
		check_again(&m);
	}
	pieces_free(&m);
	return 0;
}
