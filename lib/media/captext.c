#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/captext.h"

#define GATHER		90000		/* so long words are added to a cue */

void
captext_init(struct captext *c, bool service, unsigned n)
{
	c->service = service;
	c->shown.n = 0;
	c->since = 0;
	if (service)
		cea708_init(&c->dtvcc, n);
	else
		cea608_init(&c->cc, n);
}

void
captext_cues_clear(struct captext_cues *cues)
{
	for (size_t i = 0; i < cues->n; i++)
		free(cues->cue[i].text);
	free(cues->cue);
	*cues = (struct captext_cues){ .n = 0 };
}

/* ---- a screen as cues */

static int
add_cue(struct captext_cues *cues, const struct cc_block *b, int64_t begin, int64_t end)
{
	char text[CC_TEXT_MAX];
	struct captext_cue *cue;
	size_t len;

	if (cues->n == cues->cap) {
		size_t cap = cues->cap * 2 + 16;

		if ((cue = realloc(cues->cue, cap * sizeof(*cue))) == NULL)
			return -ENOMEM;
		cues->cue = cue;
		cues->cap = cap;
	}
	cue = &cues->cue[cues->n];
	len = cc_block_text(b, text);
	if ((cue->text = malloc(len + 1)) == NULL)
		return -ENOMEM;
	memcpy(cue->text, text, len + 1);
	cc_block_settings(b, cue->settings);
	cue->begin = begin;
	cue->end = end;
	cues->n++;
	return 0;
}

static int
end_screen(struct captext *c, int64_t t, struct captext_cues *cues)
{
	int r = 0;

	for (unsigned i = 0; i < c->shown.n && t > c->since && r == 0; i++)
		r = add_cue(cues, &c->shown.block[i], c->since, t);
	c->since = t > c->since ? t : c->since;
	return r;
}

int
captext_show(struct captext *c, int64_t t, const struct cc_screen *now,
    struct captext_cues *cues)
{
	int r = 0;

	if (cc_screen_equal(&c->shown, now))
		return 0;
	if (c->shown.n == 0 || t - c->since >= GATHER || !cc_screen_grows(&c->shown, now))
		r = end_screen(c, t, cues);
	/* As many blocks as it has: it may have no room for more. */
	memcpy(&c->shown, now, offsetof(struct cc_screen, block) + now->n * sizeof(now->block[0]));
	return r;
}

static int
look(struct captext *c, int64_t t, struct captext_cues *cues)
{
	struct cc_screen now;

	if (c->service)
		cea708_screen(&c->dtvcc, &now);
	else
		cea608_screen(&c->cc, &now);
	return captext_show(c, t, &now, cues);
}

int
captext_put(struct captext *c, int64_t t, const uint8_t *cc_data, unsigned cc_count,
    struct captext_cues *cues)
{
	unsigned field = c->service ? 0 : cea608_field(&c->cc);
	bool changed = c->service && cea708_run(&c->dtvcc, t);

	for (unsigned i = 0; i < cc_count; i++) {
		const uint8_t *p = cc_data + (size_t)i * 3;

		if ((p[0] & 4) == 0)	/* cc_valid */
			continue;
		if (c->service)
			changed = cea708_put(&c->dtvcc, p, t) || changed;
		else if ((p[0] & 3u) == field)
			changed = cea608_put(&c->cc, p[1], p[2]) || changed;
	}
	return changed ? look(c, t, cues) : 0;
}

int
captext_cut(struct captext *c, int64_t t, struct captext_cues *cues)
{
	int r = 0;

	if (c->service && cea708_run(&c->dtvcc, t - 1))
		r = look(c, t - 1, cues);
	return r < 0 ? r : end_screen(c, t, cues);
}
