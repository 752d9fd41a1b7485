#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "origin/livenote.h"

#define KEEP_MOST_S	60

static void
note_free(void *p)
{
	struct live_note *n = p;

	for (int i = 0; i < LIVE_FORMS; i++) {
		object_unref(&n->form[i][0]);
		object_unref(&n->form[i][1]);
	}
	pthread_mutex_destroy(&n->lock);
	free(n->removed);
	free(n);
}

int
live_note_add(struct object *o, const char *type)
{
	struct live_note *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	if (hlslow_parse(&n->low, (const char *)o->mem, object_len(o)) < 0 ||
	    (!n->low.can_block && n->low.nhint == 0 && n->low.skippable == 0)) {
		free(n);
		return 0;
	}
	pthread_mutex_init(&n->lock, NULL);
	snprintf(n->type, sizeof(n->type), "%s", type);
	o->note = n;
	o->note_free = note_free;
	return 0;
}

void
live_note_know(struct live_note *n, uint64_t old, char *removed)
{
	pthread_mutex_lock(&n->lock);
	free(n->removed);
	n->removed = removed;
	n->known = (struct hlslow_known){ old, removed };
	pthread_mutex_unlock(&n->lock);
}

static enum live_form
kind_of(const struct hlslow *low, const struct hlslow_ask *ask)
{
	if (ask->skip == 0 || low->skippable == 0)
		return LIVE_WHOLE;
	return ask->skip == 2 && low->can_skip_ranges && !low->more_ranges ?
	    LIVE_DELTA_RANGES : LIVE_DELTA;
}

/* Under the lock of the note. */
static int
make(const struct store *s, const char *path, struct object *o, struct live_note *n,
    enum live_form kind, bool keep, struct object **out)
{
	static const char *const suffix[LIVE_FORMS] = { "w", "d", "r" };
	const char *text = (const char *)o->mem;
	struct text t = { 0 };
	char cache[STORE_FIELD] = "";
	int64_t s_most = 6 * n->low.target_ns / CLK_SECOND;
	int err = 0;

	if (keep)
		snprintf(cache, sizeof(cache), "public, max-age=%d",
		    (int)(s_most < 1 ? 1 : s_most > KEEP_MOST_S ? KEEP_MOST_S : s_most));
	if (kind == LIVE_WHOLE)
		text_add(&t, "%.*s", (int)object_len(o), text);
	else
		err = hlslow_delta(&n->low, text, object_len(o),
		    kind == LIVE_DELTA_RANGES ? &n->known : NULL, &t);
	if (err == 0 && t.failed)
		err = -ENOMEM;
	if (err == 0)
		err = pack_text(s, &(struct pack_text){ .path = path, .from = o,
		    .type = n->type, .cache_control = cache, .suffix = suffix[kind],
		    .text = t.p, .len = t.len }, out);
	text_free(&t);
	return err;
}

int
live_note_form(const struct store *s, const char *path, struct object *o,
    const struct hlslow_ask *ask, struct object **out)
{
	struct live_note *n = live_note_of(o);
	enum live_form kind = kind_of(&n->low, ask);
	bool keep = ask->segment >= 0 && n->low.can_block;
	struct object **at = &n->form[kind][keep];
	int err = 0;

	if (kind == LIVE_WHOLE && !keep) {
		*out = object_ref(o);
		return 0;
	}
	pthread_mutex_lock(&n->lock);
	if (*at == NULL)
		err = make(s, path, o, n, kind, keep, at);
	if (err == 0)
		*out = object_ref(*at);
	pthread_mutex_unlock(&n->lock);
	return err;
}
