#include <stdlib.h>
#include <string.h>

#include "origin/liveranges.h"

static bool
is_id(const struct live_range *k, const struct hlslow_range *r)
{
	return strlen(k->id) == r->id_len && memcmp(k->id, r->id, r->id_len) == 0;
}

static bool
is_listed(const struct hlslow *low, const struct live_range *k)
{
	for (unsigned i = 0; i < low->nrange; i++) {
		if (is_id(k, &low->range[i]))
			return true;
	}
	return false;
}

/* Mark what went away, and forget what everyone has heard of. */
static void
sweep(struct live_ranges *r, const struct hlslow *low, int64_t now_ns)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n; i++) {
		struct live_range *k = &r->range[i];

		if (is_listed(low, k))
			k->gone_ns = 0;
		else if (k->gone_ns == 0)
			k->gone_ns = now_ns;
		if (k->gone_ns != 0 && now_ns - k->gone_ns > low->skip_until_ns)
			free(k->id);
		else
			r->range[kept++] = *k;
	}
	r->n = kept;
}

/* Has everyone seen it? */
static bool
is_old(struct live_ranges *r, const struct hlslow *low, const struct hlslow_range *h,
    int64_t now_ns)
{
	struct live_range *k = r->range, *end = r->range + r->n;

	while (k < end && !is_id(k, h))
		k++;
	if (k == end) {
		char *id = r->n < LIVE_RANGES ? strndup(h->id, h->id_len) : NULL;

		if (id == NULL)
			return false;
		*k = (struct live_range){ id, h->hash, now_ns, 0 };
		r->n++;
	}
	if (k->hash != h->hash) {
		k->hash = h->hash;
		k->since_ns = now_ns;
	}
	return now_ns - k->since_ns > low->skip_until_ns;
}

void
live_ranges_update(struct live_ranges *r, struct live_note *n, int64_t now_ns)
{
	const struct hlslow *low = &n->low;
	struct text removed = { 0 };
	uint64_t old = 0;

	sweep(r, low, now_ns);
	for (unsigned i = 0; i < low->nrange; i++) {
		if (is_old(r, low, &low->range[i], now_ns))
			old |= UINT64_C(1) << i;
	}
	for (unsigned i = 0; i < r->n; i++) {
		if (r->range[i].gone_ns != 0)
			text_add(&removed, "%s%s", removed.len > 0 ? "\t" : "",
			    r->range[i].id);
	}
	live_note_know(n, old, text_take(&removed));
}

void
live_ranges_free(struct live_ranges *r)
{
	for (unsigned i = 0; r != NULL && i < r->n; i++)
		free(r->range[i].id);
	free(r);
}
