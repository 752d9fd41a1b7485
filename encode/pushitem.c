#include <stdlib.h>

#include "encode/pushitem.h"

struct pushbody *
pushbody_new(size_t len)
{
	struct pushbody *b = malloc(sizeof(*b) + len);

	if (b != NULL) {
		b->len = len;
		atomic_init(&b->refs, 1);
	}
	return b;
}

struct pushbody *
pushbody_ref(struct pushbody *b)
{
	if (b != NULL)
		atomic_fetch_add(&b->refs, 1);
	return b;
}

void
pushbody_unref(struct pushbody *b)
{
	if (b != NULL && atomic_fetch_sub(&b->refs, 1) == 1)
		free(b);
}

struct pushheads *
pushheads_new(struct pushbody *meta, struct pushbody *video, struct pushbody *audio,
    struct pushbody *colour, bool hevc)
{
	struct pushheads *h = malloc(sizeof(*h));

	if (h == NULL)
		return NULL;
	*h = (struct pushheads){
		.meta = pushbody_ref(meta), .video = pushbody_ref(video),
		.audio = pushbody_ref(audio), .colour = pushbody_ref(colour), .hevc = hevc,
	};
	atomic_init(&h->refs, 1);
	return h;
}

struct pushheads *
pushheads_ref(struct pushheads *h)
{
	if (h != NULL)
		atomic_fetch_add(&h->refs, 1);
	return h;
}

void
pushheads_unref(struct pushheads *h)
{
	if (h == NULL || atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	pushbody_unref(h->meta);
	pushbody_unref(h->video);
	pushbody_unref(h->audio);
	pushbody_unref(h->colour);
	free(h);
}

struct pushitem *
pushitem_new(size_t len)
{
	struct pushitem *i = malloc(sizeof(*i) + len);

	if (i == NULL)
		return NULL;
	*i = (struct pushitem){ .len = len };
	atomic_init(&i->refs, 1);
	return i;
}

struct pushitem *
pushitem_ref(struct pushitem *i)
{
	atomic_fetch_add(&i->refs, 1);
	return i;
}

void
pushitem_unref(struct pushitem *i)
{
	if (i == NULL || atomic_fetch_sub(&i->refs, 1) != 1)
		return;
	pushheads_unref(i->heads);
	pushbody_unref(i->config);
	free(i);
}
