/* The table of the objects in use: found, entered, and evicted. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "origin/pack.h"
#include "origin/storepriv.h"

uint64_t
store_hash(const char *path)
{
	uint64_t h = hash_add(HASH_START, path, strlen(path));

	return h ^ h >> 32;
}

struct shard *
store_shard(struct store *s, uint64_t hash)
{
	return &s->shard[hash % STORE_SHARDS];
}

struct entry **
store_find(struct shard *h, uint64_t hash, const char *path)
{
	struct entry **at = &h->bucket[hash / STORE_SHARDS % h->nbucket];

	while (*at != NULL && ((*at)->hash != hash || strcmp((*at)->path, path) != 0))
		at = &(*at)->next;
	return at;
}

void
store_free_entry(struct shard *h, struct entry *e)
{
	if (e->current != NULL)
		h->mem -= pack_memory(e->current);
	object_unref(&e->current);
	object_unref(&e->growing);
	free(e);
	h->nentry--;
}

static void
widen(struct shard *h)
{
	unsigned n = h->nbucket * 4;
	struct entry **bucket = calloc(n, sizeof(struct entry *));

	if (bucket == NULL)
		return;			/* longer chains, then */
	for (unsigned b = 0; b < h->nbucket; b++)
		while (h->bucket[b] != NULL) {
			struct entry *e = h->bucket[b];
			unsigned to = (unsigned)(e->hash / STORE_SHARDS % n);

			h->bucket[b] = e->next;
			e->next = bucket[to];
			bucket[to] = e;
		}
	free(h->bucket);
	h->bucket = bucket;
	h->nbucket = n;
}

/* Until the shard keeps its limits: who was not used since the last time goes. */
static void
evict(struct store *s, struct shard *h)
{
	unsigned looked = 0, most = s->config.cache_objects / STORE_SHARDS;

	while ((h->nentry >= (most > 0 ? most : 1) ||
	    h->mem > s->config.cache_bytes / STORE_SHARDS) &&
	    looked++ < 2 * h->nbucket) {
		struct entry **at = &h->bucket[h->hand++ % h->nbucket];

		while (*at != NULL) {
			struct entry *e = *at;

			if (e->used || e->growing != NULL) {
				e->used = false;
				at = &e->next;
			} else {
				*at = e->next;
				store_free_entry(h, e);
			}
		}
	}
}

struct entry *
store_enter(struct store *s, struct shard *h, uint64_t hash, const char *path)
{
	struct entry **at = store_find(h, hash, path), *e = *at;
	size_t len = strlen(path) + 1;

	if (e != NULL)
		return e;
	evict(s, h);
	if (h->nentry >= 2 * h->nbucket)
		widen(h);
	e = calloc(1, sizeof(*e) + len);
	if (e == NULL)
		return NULL;
	memcpy(e->path, path, len);
	e->hash = hash;
	at = store_find(h, hash, path);
	*at = e;
	h->nentry++;
	return e;
}

void
store_set_current(const struct store *s, struct shard *h, struct entry *e,
    struct object *o, int64_t now_ns)
{
	/* With few descriptors, none is kept: peers need them. */
	if (o != NULL && o->fd >= 0 && s->config.cache_objects < STORE_SHARDS)
		object_unref(&o);
	if (e->current != NULL)
		h->mem -= pack_memory(e->current);
	object_unref(&e->current);
	e->current = o;
	if (o != NULL)
		h->mem += pack_memory(o);
	e->checked_ns = now_ns;
	e->used = true;
}
